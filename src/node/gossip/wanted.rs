//! Announced transactions that were asked for: each of one peer at a time.

use std::collections::{BTreeMap, VecDeque};

use crate::{
    base::{ids::LinkId, limits::ANNOUNCED_TIMEOUT, time::Time},
    wire::short_id::ShortId,
};

/// All that were asked for and are not here.
#[derive(Debug, Default)]
pub(super) struct Wanted {
    /// Whom they were asked of, and until when it has time: a peer may be asked again after it has denied to have it.
    asked: BTreeMap<ShortId, (LinkId, Time)>,
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
        let until = now + ANNOUNCED_TIMEOUT;
        self.asked.insert(id, (link, until));
        self.until.push_back((until, id, link));
    }

    /// A peer does not have it. True if it is of this peer that it was asked.
    pub(super) fn fail(&mut self, id: ShortId, link: LinkId) -> bool {
        let is_asked = self.asked.get(&id).is_some_and(|(of, _)| *of == link);
        if is_asked {
            self.settle(id);
        }
        is_asked
    }

    /// It is here. Whom it was asked of.
    pub(super) fn settle(&mut self, id: ShortId) -> Option<LinkId> {
        let asked = self.asked.remove(&id);
        self.forget_settled();
        asked.map(|(link, _)| link)
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
        let ids: Vec<ShortId> = self.asked.iter().filter(|(_, (of, _))| *of == link).map(|(id, _)| *id).collect();
        self.asked.retain(|_, (of, _)| *of != link);
        self.forget_settled();
        ids
    }

    /// When the first is overdue.
    pub(super) fn deadline(&self) -> Option<Time> {
        self.until.front().map(|(until, ..)| *until)
    }

    fn forget_settled(&mut self) {
        while self.until.front().is_some_and(|(until, id, link)| self.asked.get(id) != Some(&(*link, *until))) {
            self.until.pop_front();
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// A peer that denied to have it and announces it again, asked again at once.
    #[test]
    fn who_is_asked_again_has_all_of_the_time_again() {
        let (mut wanted, id, other, peer) = (Wanted::default(), ShortId(1), ShortId(2), LinkId(7));
        let again = Time(0) + ANNOUNCED_TIMEOUT / 2;
        wanted.ask(other, LinkId(8), Time(0));
        wanted.ask(id, peer, Time(0));
        assert!(wanted.fail(id, peer));
        wanted.ask(id, peer, again);
        assert_eq!(wanted.take_overdue(Time(0) + ANNOUNCED_TIMEOUT), [(other, LinkId(8))]);
        assert_eq!(wanted.deadline(), Some(again + ANNOUNCED_TIMEOUT));
        assert_eq!(wanted.take_overdue(again + ANNOUNCED_TIMEOUT), [(id, peer)]);
        assert_eq!((wanted.has(id), wanted.deadline()), (false, None));
    }
}
