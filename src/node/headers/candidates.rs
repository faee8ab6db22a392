//! Chains with more work than ours besides the best header chain. `fetch` asks for their bodies, too, each of the peers
//! that told of the chain. So a chain that somebody delivers does not wait for those with more work that nobody delivers,
//! and a chain that was set aside comes back with its next body.

use std::collections::{BTreeMap, BTreeSet};

use crate::{
    base::{
        gather::gather,
        hash::Hash,
        ids::LinkId,
        limits::{CANDIDATE_BLOCKS, HEADERS_IN_MEMORY},
        time::Time,
    },
    chain::{archive::StoreError, target::Work},
    node::{
        HindranceReporter,
        headers::{header_node::HeaderLookup, index::Index},
        notice::Candidate,
    },
};

/// The chains that `fetch` was told of.
#[derive(Debug, Default)]
pub(super) struct Candidates {
    listed: Vec<Candidate>,
    /// Since when the next block of a candidate is overdue.
    overdue: BTreeMap<Hash, Time>,
    /// Something changed that decides which chains are candidates.
    again: bool,
    /// What is said of chains that cannot be.
    pub(super) told: HindranceReporter,
}

/// A chain as it was found, by its lowest block without a body.
pub(super) struct Found {
    /// All such blocks from the lowest up.
    pub(super) missing: Vec<Hash>,
    pub(super) above: u32,
    /// The height of the last block that it shares with the best chain.
    pub(super) fork: u32,
    pub(super) work: Work,
    pub(super) withheld: bool,
    /// One of the peers was dialled by us.
    pub(super) is_chosen: bool,
    pub(super) links: BTreeSet<LinkId>,
}

impl Candidates {
    /// Something changed.
    pub(super) fn look_again(&mut self) {
        self.again = true;
    }

    /// Whether something changed that was not looked at.
    pub(super) fn is_again(&self) -> bool {
        self.again
    }

    /// Whether something changed since the last look.
    pub(super) fn take_again(&mut self) -> bool {
        std::mem::take(&mut self.again)
    }

    /// Whether these are other chains than `fetch` knows of. Then it is told.
    pub(super) fn differ(&mut self, list: &[Candidate]) -> bool {
        let differ = self.listed != list;
        if differ {
            self.listed = list.to_vec();
        }
        differ
    }

    /// Since when the next block of a candidate is overdue.
    pub(super) fn overdue_since(&self, next: &Hash) -> Option<Time> {
        self.overdue.get(next).copied()
    }

    /// Forgets blocks that are no candidate's next one any more.
    pub(super) fn keep_overdue(&mut self, is_next: impl Fn(&Hash) -> bool) {
        self.overdue.retain(|hash, _| is_next(hash));
    }

    /// The next block of a candidate has not come in time: chains that had no turn yet go first.
    pub(super) fn overdue(&mut self, now: Time, hash: Hash) {
        self.overdue.insert(hash, now);
        self.again = true;
    }
}

impl Found {
    /// The same chain, or another one with the same next block, told by another peer.
    pub(super) fn merge(&mut self, other: Self) {
        if other.work > self.work {
            (self.missing, self.work, self.withheld) = (other.missing, other.work, other.withheld);
        }
        self.is_chosen |= other.is_chosen;
        self.links.extend(other.links);
    }

    pub(super) fn into_candidate(mut self) -> Candidate {
        self.missing.truncate(CANDIDATE_BLOCKS);
        Candidate { above: self.above, hashes: self.missing, links: gather(self.links) }
    }
}

impl Index {
    /// How many bodies are missing of the chain up to this header, if the chain is a candidate.
    pub(super) fn missing_up_to(&self, tip: Option<Hash>) -> Result<usize, StoreError> {
        let found = tip.map_or(Ok(None), |tip| self.candidate(&tip))?;
        Ok(found.map_or(0, |found| found.missing.len()))
    }

    /// What is missing of the chain up to this header, if the chain is a candidate.
    pub(super) fn candidate(&self, tip: &Hash) -> Result<Option<Found>, StoreError> {
        let HeaderLookup::Valid(top) = self.find(tip)? else { return Ok(None) };
        if top.rank <= self.applied().rank || self.is_on_best(top.height, tip)? {
            return Ok(None);
        }
        let (mut hash, mut node, mut path) = (*tip, top, Vec::new());
        while path.len() < HEADERS_IN_MEMORY && !self.is_on_best(node.height, &hash)? {
            path.push(hash);
            hash = node.parent;
            // Of an earlier run's headers only the best chain's are in memory.
            node = match self.find(&hash)? {
                HeaderLookup::Valid(node) => node,
                HeaderLookup::Invalid | HeaderLookup::Unknown => break,
            };
        }
        path.reverse();
        // Bodies come from the lowest up. Only those that are here, and one more, are looked up.
        let mut here = 0;
        while let Some(hash) = path.get(here)
            && self.has_body(hash)?
        {
            here += 1;
        }
        let missing = path.split_off(here);
        let above = top.height.saturating_sub(u32::try_from(missing.len()).unwrap_or(u32::MAX));
        let (work, withheld) = (top.rank, top.withheld);
        Ok(Some(Found { missing, above, fork: node.height, work, withheld, is_chosen: false, links: BTreeSet::new() }))
    }
}
