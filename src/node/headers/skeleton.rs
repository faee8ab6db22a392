//! Where the rounds of a peer's chain begin, as it says, and as we say to others.

use std::{collections::BTreeMap, time::Duration};

use crate::{
    base::{
        hash::Hash,
        ids::LinkId,
        limits::{MAX_SKELETON_HASHES, SYNCS_IN_FLIGHT},
        time::Time,
    },
    chain::archive::{BlockStatus, HeaderArchive, StoreError},
};

/// Time between two questions for skeletons, whatever comes in between: less than what the peer takes for a flood.
const INTERVAL: Duration = Duration::from_secs(2);

/// What the sync node says of its chain.
#[derive(Debug)]
pub(super) struct Skeleton {
    /// Headers of one round.
    round: u32,
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
    /// Of a chain whose rounds have so many headers; see [`crate::wire::sync::round`].
    pub(super) fn new(round: usize) -> Self {
        let round = u32::try_from(round).unwrap_or(u32::MAX);
        Self { round, link: None, starts: BTreeMap::new(), asked: None, asked_at: None, is_vain: false }
    }

    /// Headers of one full round.
    pub(super) fn round(&self) -> usize {
        self.round as usize
    }

    /// The height at which the round after `rounds` others begins, the first of which begins at `height`.
    pub(super) fn after(&self, height: u32, rounds: usize) -> u32 {
        let rounds = u32::try_from(rounds).unwrap_or(u32::MAX);
        height.saturating_add(self.round.saturating_mul(rounds))
    }

    /// Forgets what another peer said. Returns it if it still owes a skeleton.
    pub(super) fn follow(&mut self, link: LinkId) -> Option<LinkId> {
        if self.link == Some(link) {
            return None;
        }
        let before = std::mem::replace(self, Self { link: Some(link), ..Self::new(self.round()) });
        before.link.filter(|_| before.asked.is_some())
    }

    /// Where the next skeleton is to begin, after a sync node has come to `reached` of its chain with this height; `None` if
    /// there is enough of it, or no need.
    pub(super) fn next(&self, now: Time, reached: (u32, Hash), height: u32) -> Option<(u32, Hash)> {
        let from = self.starts.last_key_value().map_or(reached, |(height, hash)| (*height, *hash)).max(reached);
        let few = from.0 < self.after(reached.0, SYNCS_IN_FLIGHT);
        let far = height.saturating_sub(from.0) > self.after(0, 2);
        let lately = self.asked_at.is_some_and(|at| now.since(at) < INTERVAL);
        (few && far && self.asked.is_none() && !lately && !self.is_vain).then_some(from)
    }

    /// A full round ended here; `None`: a round that nothing follows. Whether the rounds after it are of use: `is_asked` says
    /// whether such were asked for, from where the peer said that they begin.
    pub(super) fn goes_on(&mut self, last: Option<(u32, Hash)>, is_asked: bool) -> bool {
        let Some((height, hash)) = last else {
            self.starts.clear();
            return false;
        };
        self.starts = self.starts.split_off(&height);
        let fits = match self.starts.get(&height) {
            Some(said) => *said == hash,
            None => !is_asked,
        };
        if !fits {
            self.starts.clear();
            self.is_vain = true;
        }
        fits
    }
}

/// The hashes of the applied chain above `from` at which rounds end; none if it is not on that chain.
pub(super) fn above(archive: &dyn HeaderArchive, from: &Hash, round: u32) -> Result<Vec<Hash>, StoreError> {
    match archive.header(from)?.filter(|row| row.status == BlockStatus::Applied) {
        Some(row) => archive.applied_hashes(row.header.height.saturating_add(round), round, MAX_SKELETON_HASHES),
        None => Ok(Vec::new()),
    }
}
