//! Proposed blocks of the current view and the next ones: the first of each view.

use std::collections::BTreeMap;

use crate::{base::hash::Hash, chain::seal::Votes};

use super::Place;

/// Views from the current one on of which a proposal is kept: its certificates may arrive after it. Each may be as large as
/// a block.
pub const AHEAD: u64 = 3;

/// Views that were skipped and whose blocks may be notarised all the same, by votes that are late: their proposals are kept.
const LATE: u64 = 2;

/// Proposals that are kept at once, the tip's included; the lowest view goes.
const MOST: usize = (AHEAD + LATE) as usize + 1;

/// What matters of a proposed block.
#[derive(Clone, Debug, PartialEq)]
pub struct Proposal {
    /// In which view.
    pub view: u64,
    /// The block.
    pub hash: Hash,
    /// On which it builds.
    pub parent: Place,
    /// Which these have notarised.
    pub parent_votes: Votes,
}

/// How far a proposal is judged.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Verdict {
    /// Not at all.
    Open,
    /// The ledger was asked.
    Asked,
    /// The ledger cannot tell before it has moved.
    Unready,
    /// The block is valid on its parent.
    Valid,
    /// It is not.
    Invalid,
}

/// The proposals.
#[derive(Debug, Default)]
pub struct Proposals {
    views: BTreeMap<u64, (Proposal, Verdict)>,
}

impl Proposals {
    /// The proposal of a view.
    pub fn of(&self, view: u64) -> Option<&Proposal> {
        self.views.get(&view).map(|(proposal, _)| proposal)
    }

    /// How far the proposal of a view is judged.
    pub fn verdict(&self, view: u64) -> Option<Verdict> {
        self.views.get(&view).map(|(_, verdict)| *verdict)
    }

    /// The block that one of them proposes on its parent.
    pub fn with_hash(&self, hash: &Hash) -> Option<&Proposal> {
        self.views.values().map(|(proposal, _)| proposal).find(|proposal| proposal.hash == *hash)
    }

    pub(super) fn add(&mut self, proposal: Proposal) {
        self.views.entry(proposal.view).or_insert((proposal, Verdict::Open));
        while self.views.len() > MOST {
            self.views.pop_first();
        }
    }

    pub(super) fn set(&mut self, view: u64, verdict: Verdict) {
        if let Some((_, old)) = self.views.get_mut(&view) {
            *old = verdict;
        }
    }

    /// The ledger has moved.
    pub(super) fn retry(&mut self) {
        let unready = self.views.values_mut().filter(|(_, verdict)| *verdict == Verdict::Unready);
        unready.for_each(|(_, verdict)| *verdict = Verdict::Open);
    }

    pub(super) fn judge(&mut self, hash: &Hash, is_valid: Option<bool>) {
        let asked = self.views.values_mut().find(|(proposal, _)| proposal.hash == *hash);
        if let Some((_, verdict)) = asked.filter(|(_, verdict)| *verdict == Verdict::Asked) {
            *verdict = match is_valid {
                None => Verdict::Unready,
                Some(true) => Verdict::Valid,
                Some(false) => Verdict::Invalid,
            };
        }
    }

    /// Forgets those of views before the tip's: their blocks count no more.
    pub(super) fn keep(&mut self, tip: u64) {
        self.views.retain(|at, _| *at >= tip);
    }
}
