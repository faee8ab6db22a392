//! Chains with more work than ours, besides the best header chain. Their next bodies are asked for at the same time, of
//! those peers that told of them: a branch that nobody delivers must not hold up one that somebody does.

use crate::{
    base::{
        hash::Hash,
        ids::LinkId,
        limits::{CANDIDATE_BYTES, CANDIDATE_IN_FLIGHT},
        time::Time,
    },
    node::{
        fetch::{
            stall_clock::Lowest,
            window::{Slot, Window},
        },
        notice::Candidate,
    },
};

/// A chain whose next bodies are wanted.
#[derive(Debug, Default)]
pub(super) struct Pursuit {
    pub(super) window: Window,
    /// The peers that told of it.
    pub(super) sources: Vec<LinkId>,
    /// Its lowest missing block.
    pub(super) lowest: Option<Lowest>,
}

/// The chains that `headers` named last.
#[derive(Debug, Default)]
pub(super) struct Candidates(Vec<Pursuit>);

impl Pursuit {
    /// Its lowest missing block, and the block's height.
    pub(super) fn lowest_slot(&self) -> Option<(u32, &Slot)> {
        let height = self.window.lowest_missing()?;
        Some((height, self.window.slot(height)?))
    }
}

impl Candidates {
    /// These chains are wanted now. What is known of a chain that was wanted before stays.
    pub(super) fn replace(&mut self, list: Vec<Candidate>) {
        let mut before = std::mem::take(&mut self.0);
        for Candidate { above, hashes, links } in list {
            let same = |one: &Pursuit| hashes.iter().any(|hash| one.window.height_of(hash).is_some());
            let known = before.iter().position(same).map(|at| before.swap_remove(at));
            let mut pursuit = known.unwrap_or_default();
            pursuit.window.follow(above, &hashes);
            pursuit.sources = links;
            self.0.push(pursuit);
        }
    }

    /// All of them.
    pub(super) fn list(&self) -> &[Pursuit] {
        &self.0
    }

    /// One of them.
    pub(super) fn get(&self, at: usize) -> Option<&Pursuit> {
        self.0.get(at)
    }

    /// One of them.
    pub(super) fn get_mut(&mut self, at: usize) -> Option<&mut Pursuit> {
        self.0.get_mut(at)
    }

    /// The window with this block.
    pub(super) fn window_of(&mut self, hash: &Hash) -> Option<&mut Window> {
        self.windows_mut().find(|window| window.height_of(hash).is_some())
    }

    pub(super) fn windows_mut(&mut self) -> impl Iterator<Item = &mut Window> {
        self.0.iter_mut().map(|pursuit| &mut pursuit.window)
    }

    /// Bytes of bodies between arrival and ledger.
    pub(super) fn held(&self) -> usize {
        self.0.iter().map(|pursuit| pursuit.window.held()).sum()
    }

    /// The next block of a candidate to ask for, and whether its peers may be asked though they are busy. `has_room`: there is
    /// memory for one more, beside the lowest ones.
    pub(super) fn next_to_ask(&self, at: usize, has_room: bool) -> Option<(u32, bool)> {
        let window = &self.0.get(at)?.window;
        let height = window.to_ask().next()?;
        let ahead = height.saturating_sub(window.base()) as usize;
        let is_lowest = ahead == 0;
        let may_ask = is_lowest || has_room && ahead < CANDIDATE_IN_FLIGHT && self.held() < CANDIDATE_BYTES;
        may_ask.then_some((height, is_lowest))
    }

    /// When the first pause is over.
    pub(super) fn next_resume(&self) -> Option<Time> {
        self.0.iter().filter_map(|pursuit| pursuit.window.next_resume()).min()
    }
}
