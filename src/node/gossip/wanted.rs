//! Announced transactions that were asked for: each of one peer at a time.

use std::collections::{BTreeMap, VecDeque};

use crate::{
    base::{ids::LinkId, limits::ANNOUNCED_TIMEOUT, time::Time},
    wire::short_id::ShortId,
};

/// All that were asked for and are not here.
#[derive(Debug, Default)]
pub(super) struct Wanted {
    /// Whom they were asked of.
    asked: BTreeMap<ShortId, LinkId>,
    /// Until when, in this order; some are settled by now, but never the first.
    until: VecDeque<(Time, ShortId, LinkId)>,
}

impl Wanted {
    /// Whether somebody was asked for this.
    pub(super) fn has(&self, id: ShortId) -> bool {
        self.asked.contains_key(&id)
    }

    /// A peer is asked.
    pub(super) fn ask(&mut self, id: ShortId, link: LinkId, now: Time) {
        self.asked.insert(id, link);
        self.until.push_back((now + ANNOUNCED_TIMEOUT, id, link));
    }

    /// A peer does not have it. True if it is of this peer that it was asked.
    pub(super) fn fail(&mut self, id: ShortId, link: LinkId) -> bool {
        let is_asked = self.asked.get(&id) == Some(&link);
        if is_asked {
            self.settle(id);
        }
        is_asked
    }

    /// It is here. Whom it was asked of.
    pub(super) fn settle(&mut self, id: ShortId) -> Option<LinkId> {
        let link = self.asked.remove(&id);
        self.forget_settled();
        link
    }

    /// Takes what its peers have not sent in time.
    pub(super) fn take_overdue(&mut self, now: Time) -> Vec<(ShortId, LinkId)> {
        let mut overdue = Vec::new();
        while let Some((_, id, link)) = self.until.front().copied().filter(|(until, ..)| *until <= now) {
            self.asked.remove(&id);
            overdue.push((id, link));
            self.forget_settled();
        }
        overdue
    }

    /// Takes what was asked of a peer that is gone.
    pub(super) fn take_of(&mut self, link: LinkId) -> Vec<ShortId> {
        let ids: Vec<ShortId> = self.asked.iter().filter(|(_, of)| **of == link).map(|(id, _)| *id).collect();
        self.asked.retain(|_, of| *of != link);
        self.forget_settled();
        ids
    }

    /// When the first is overdue.
    pub(super) fn deadline(&self) -> Option<Time> {
        self.until.front().map(|(until, ..)| *until)
    }

    fn forget_settled(&mut self) {
        while self.until.front().is_some_and(|(_, id, link)| self.asked.get(id) != Some(link)) {
            self.until.pop_front();
        }
    }
}
