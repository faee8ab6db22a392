//! The final blocks that a chain must not leave, whatever is certified later.

use crate::{
    base::hash::Hash,
    chain::seal::{Authorities, AuthoritySet},
};

/// The newest final block, and the newest one that this node's chain had when it heard of a later one. If more authorities
/// lie than may, the two are on different branches, and the chain leaves neither.
#[derive(Clone, Copy, Debug, Default)]
pub struct Finals {
    newest: Option<(u32, Hash)>,
    held: Option<(u32, Hash)>,
}

impl Finals {
    /// A block of this height is final. `is_ours` says whether this node's chain has a block. False: a later one was known. It is
    /// held all the same if the chain has it and not that one: after a start they may come in any order.
    pub fn advance<E>(
        &mut self,
        height: u32,
        hash: Hash,
        is_ours: impl Fn(u32, &Hash) -> Result<bool, E>,
    ) -> Result<bool, E> {
        if let Some((last, newest)) = self.newest {
            if last >= height {
                let is_later = self.held.is_none_or(|(held, _)| held < height);
                if is_later && is_ours(height, &hash)? && !is_ours(last, &newest)? {
                    self.held = Some((height, hash));
                }
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

    /// Those that a branch must not leave whose certified end has this height. The word of a set of authorities gives way to
    /// that of a later one, which the chain's file vouches for: the keys of those who seal no longer may be anybody's.
    pub fn binding(&self, authorities: &Authorities, end: u32) -> impl Iterator<Item = (u32, Hash)> {
        let epoch = |height| authorities.at(height).map(AuthoritySet::epoch);
        self.iter().filter(move |(height, _)| epoch(*height) >= epoch(end))
    }

    /// Both.
    pub fn iter(&self) -> impl Iterator<Item = (u32, Hash)> {
        self.newest.into_iter().chain(self.held)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_the_chain_has_is_held_also_if_it_is_told_after_what_it_has_not() {
        let ours = |_: u32, hash: &Hash| Ok::<bool, ()>(*hash == Hash([1; 32]));
        for heights in [[4, 6], [6, 4], [5, 5]] {
            let told = [(heights[0], Hash([1; 32])), (heights[1], Hash([2; 32]))];
            for order in [told, [told[1], told[0]]] {
                let mut finals = Finals::default();
                for (height, hash) in order {
                    assert_eq!(finals.advance(height, hash, ours).map(|_| ()), Ok(()));
                }
                assert!(finals.iter().any(|known| known == told[0]), "{order:?}: {finals:?}");
            }
        }
    }

    #[test]
    fn the_word_of_a_set_gives_way_to_that_of_a_later_one_alone() {
        let authorities = Authorities::new(vec![[1; 32]], vec![(5, vec![[2; 32]], None), (9, vec![[3; 32]], None)]);
        let mut finals = Finals::default();
        let ours = |_: u32, _: &Hash| Ok::<bool, ()>(true);
        for height in [4, 6] {
            assert_eq!(finals.advance(height, Hash([7; 32]), ours), Ok(true));
        }
        let binding = |end| finals.binding(&authorities, end).map(|(height, _)| height).collect::<Vec<_>>();
        assert_eq!([1, 4, 5, 8, 9].map(binding), [vec![6, 4], vec![6, 4], vec![6], vec![6], vec![]]);
        assert_eq!(finals.binding(&Authorities::default(), 100).count(), 2, "one kind of chain has no sets");
    }
}
