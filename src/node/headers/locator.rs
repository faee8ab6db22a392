//! Locators: made for our questions, answered for others'.

use crate::{
    base::{codec::List, hash::Hash, limits::MAX_LOCATOR_HASHES},
    chain::{
        archive::{BlockStatus, HeaderArchive, StoreError},
        header::Header,
    },
    node::headers::index::Index,
    wire::message::Locator,
};

/// Recent hashes before the steps begin to double.
const DENSE: usize = 10;

/// The heights of a locator whose first hash is at `tip`: ten in a row, then doubling steps, then genesis.
fn heights(tip: u32) -> Vec<u32> {
    let mut heights = Vec::with_capacity(MAX_LOCATOR_HASHES);
    let (mut height, mut step) = (tip, 1u32);
    while height > 0 {
        heights.push(height);
        if heights.len() >= DENSE {
            step = step.saturating_mul(2);
        }
        height = height.saturating_sub(step);
    }
    heights.push(0);
    heights
}

/// A locator of the best chain. `reached` is the last header that the peer sent, by height and hash: standing where it
/// belongs by height, it lets a walk along the peer's branch go on instead of starting over at a doubling step.
pub(super) fn build(index: &Index, reached: Option<(u32, Hash)>) -> Result<Locator, StoreError> {
    let mut hashes = Vec::with_capacity(MAX_LOCATOR_HASHES);
    let mut reached = reached;
    for height in heights(index.best().height) {
        if let Some((_, hash)) = reached.filter(|(at, _)| *at >= height) {
            hashes.push(hash);
            reached = None;
        }
        match index.hash_at(height)? {
            Some(hash) if hashes.last() != Some(&hash) => hashes.push(hash),
            _ => {}
        }
    }
    Ok(List::truncated(hashes))
}

/// What a `GetSync` gets.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Answer {
    /// The height of the highest common block.
    pub(super) common: u32,
    /// The applied chain's headers that follow it.
    pub(super) headers: Vec<Header>,
}

/// The headers of a round that follow the first hash of the locator that is on the applied chain; none if no hash is.
pub(super) fn answer(archive: &dyn HeaderArchive, locator: &Locator, round: usize) -> Result<Answer, StoreError> {
    // A commit between the two reads can move the chain; then the headers do not link, and a second look does.
    for _ in 0..2 {
        let Some((common, hash)) = highest_common(archive, locator)? else { break };
        let headers = archive.applied_from(common.saturating_add(1), round)?;
        if headers.first().is_none_or(|first| first.previous == hash) {
            return Ok(Answer { common, headers });
        }
    }
    Ok(Answer { common: 0, headers: Vec::new() })
}

fn highest_common(archive: &dyn HeaderArchive, locator: &Locator) -> Result<Option<(u32, Hash)>, StoreError> {
    for hash in locator {
        match archive.header(hash)? {
            Some(row) if row.status == BlockStatus::Applied => return Ok(Some((row.header.height, row.hash))),
            _ => {}
        }
    }
    Ok(None)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ten_in_a_row_then_doubling_steps_then_genesis() {
        assert_eq!(heights(0), [0]);
        assert_eq!(heights(3), [3, 2, 1, 0]);
        assert_eq!(heights(40), [40, 39, 38, 37, 36, 35, 34, 33, 32, 31, 29, 25, 17, 1, 0]);
        assert!(heights(u32::MAX).len() < MAX_LOCATOR_HASHES, "{}", heights(u32::MAX).len());
    }
}
