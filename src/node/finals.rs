//! The final blocks that a chain must not leave, whatever is certified later.

use crate::base::hash::Hash;

/// The newest final block, and the newest one that this node's chain had when it heard of a later one. If more authorities
/// lie than may, the two are on different branches, and the chain leaves neither.
#[derive(Clone, Copy, Debug, Default)]
pub struct Finals {
    newest: Option<(u32, Hash)>,
    held: Option<(u32, Hash)>,
}

impl Finals {
    /// A block of this height is final. `is_ours` says whether this node's chain has a block. False: a later one was known.
    pub fn advance<E>(
        &mut self,
        height: u32,
        hash: Hash,
        is_ours: impl Fn(u32, &Hash) -> Result<bool, E>,
    ) -> Result<bool, E> {
        if let Some((last, newest)) = self.newest {
            if last >= height {
                return Ok(false);
            }
            if is_ours(last, &newest)? {
                self.held = self.newest;
            }
        }
        self.newest = Some((height, hash));
        Ok(true)
    }

    /// The newest final block.
    pub fn newest(&self) -> Option<(u32, Hash)> {
        self.newest
    }

    /// Both.
    pub fn iter(&self) -> impl Iterator<Item = (u32, Hash)> {
        self.newest.into_iter().chain(self.held)
    }
}
