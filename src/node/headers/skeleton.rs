//! Where the rounds of a peer's chain begin, as it says, and as we say to others.

use std::{collections::BTreeMap, time::Duration};

use crate::{
    base::{
        hash::Hash,
        ids::LinkId,
        limits::{MAX_SKELETON_HASHES, MAX_SYNC_HEADERS, SYNCS_IN_FLIGHT},
        time::Time,
    },
    chain::archive::{BlockStatus, HeaderArchive, StoreError},
};

/// Headers of one round.
pub(super) const ROUND: u32 = MAX_SYNC_HEADERS as u32;
/// Time between two questions for skeletons, whatever comes in between: less than what the peer takes for a flood.
const INTERVAL: Duration = Duration::from_secs(2);

/// What the sync node says of its chain.
#[derive(Debug, Default)]
pub(super) struct Skeleton {
    pub(super) link: Option<LinkId>,
    /// Where rounds begin, by height.
    pub(super) starts: BTreeMap<u32, Hash>,
    /// The open `GetSkeleton`.
    pub(super) asked: Option<(u32, Hash)>,
    /// When that or the last one was sent.
    pub(super) asked_at: Option<Time>,
    /// What it said was of no use.
    pub(super) is_vain: bool,
}

impl Skeleton {
    /// Forgets what another peer said. Returns it if it still owes a skeleton.
    pub(super) fn follow(&mut self, link: LinkId) -> Option<LinkId> {
        if self.link == Some(link) {
            return None;
        }
        let before = std::mem::replace(self, Self { link: Some(link), ..Self::default() });
        before.link.filter(|_| before.asked.is_some())
    }

    /// Where the next skeleton is to begin, after a sync node has come to `reached` of its chain with this height; `None` if
    /// there is enough of it, or no need.
    pub(super) fn next(&self, now: Time, reached: (u32, Hash), height: u32) -> Option<(u32, Hash)> {
        let from = self.starts.last_key_value().map_or(reached, |(height, hash)| (*height, *hash)).max(reached);
        let few = from.0 - reached.0 < ROUND * u32::try_from(SYNCS_IN_FLIGHT).unwrap_or(u32::MAX);
        let far = height.saturating_sub(from.0) > 2 * ROUND;
        let lately = self.asked_at.is_some_and(|at| now.since(at) < INTERVAL);
        (few && far && self.asked.is_none() && !lately && !self.is_vain).then_some(from)
    }

    /// A full round ended here; `None`: a round that nothing follows. Whether the rounds after it are of use.
    pub(super) fn goes_on(&mut self, last: Option<(u32, Hash)>) -> bool {
        let Some((height, hash)) = last else {
            self.starts.clear();
            return false;
        };
        self.starts = self.starts.split_off(&height);
        let fits = self.starts.get(&height).is_none_or(|said| *said == hash);
        if !fits {
            self.starts.clear();
            self.is_vain = true;
        }
        fits
    }
}

/// Each hundredth hash of the applied chain above `from`; none if it is not on that chain.
pub(super) fn above(archive: &dyn HeaderArchive, from: &Hash) -> Result<Vec<Hash>, StoreError> {
    match archive.header(from)?.filter(|row| row.status == BlockStatus::Applied) {
        Some(row) => archive.applied_hashes(row.header.height.saturating_add(ROUND), ROUND, MAX_SKELETON_HASHES),
        None => Ok(Vec::new()),
    }
}
