//! What one peer announced, and what of it it was asked for.

use std::collections::VecDeque;

use crate::{
    base::{
        limits::{
            ABSENT_AT_ONCE, ABSENT_INTERVAL, ANNOUNCED_IN_FLIGHT, ANNOUNCED_TIMEOUT, FAILURES_PER_PEER,
            OFFERS_PER_PEER, UNDELIVERED_LOOK, UNDELIVERED_LOOKS,
        },
        time::Time,
    },
    node::rate_limit::RateLimit,
    wire::short_id::ShortId,
};

/// A peer that announces transactions.
#[derive(Debug)]
pub(super) struct Source {
    /// What it announced and what was not here then, oldest first. It may be here by now.
    offers: VecDeque<ShortId>,
    /// What it was asked for, and when, until it sends it or says that it has not. It may have come from another peer.
    open: VecDeque<(ShortId, Time)>,
    /// What it was asked for and did not deliver in its time, oldest first; each as often as it did not.
    failed: VecDeque<ShortId>,
    /// When it is looked at again because it owes something, and at how many looks it did.
    look: Option<(Time, u8)>,
    /// What it may announce and not have.
    absent: RateLimit,
}

/// What a look at a peer finds.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Look {
    /// It is not time for one, or nothing is wrong.
    Fine,
    /// It has owed the same for too long.
    Undelivered,
}

impl Source {
    pub(super) fn new() -> Self {
        Self {
            offers: VecDeque::new(),
            open: VecDeque::new(),
            failed: VecDeque::new(),
            look: None,
            absent: RateLimit::new(Time(0), ABSENT_AT_ONCE, ABSENT_AT_ONCE, ABSENT_INTERVAL),
        }
    }

    /// Makes room for offers: forgets those that `known` says are here.
    pub(super) fn tidy(&mut self, known: impl Fn(ShortId) -> bool) {
        if self.offers.len() >= OFFERS_PER_PEER {
            self.offers.retain(|id| !known(*id));
        }
    }

    /// Notes an offer. False: there is no room.
    pub(super) fn offer(&mut self, id: ShortId) -> bool {
        let has_room = self.offers.len() < OFFERS_PER_PEER;
        if has_room {
            self.offers.push_back(id);
        }
        has_room
    }

    /// Whether it offers this.
    pub(super) fn offers(&self, id: ShortId) -> bool {
        self.offers.contains(&id)
    }

    /// All that it offers.
    pub(super) fn all_offers(&self) -> impl Iterator<Item = ShortId> + '_ {
        self.offers.iter().copied()
    }

    /// Whether it may be asked for one more.
    pub(super) fn may_be_asked(&self, now: Time) -> bool {
        self.open.len() < ANNOUNCED_IN_FLIGHT && !self.is_late(now)
    }

    /// How much it owes.
    pub(super) fn owes(&self) -> usize {
        self.open.len()
    }

    /// It is asked for an offer.
    pub(super) fn ask(&mut self, id: ShortId, now: Time) {
        self.open.push_back((id, now));
    }

    /// It sent what has one of these ids. True if it was asked for that.
    pub(super) fn came(&mut self, ids: impl Iterator<Item = ShortId>) -> bool {
        let mut asked = false;
        for id in ids {
            asked |= self.settle(id);
        }
        asked
    }

    /// It says that it has not what it announced. False: it did so too often.
    pub(super) fn lacks(&mut self, id: ShortId, now: Time) -> bool {
        self.settle(id);
        self.fails(id);
        self.absent.take(now)
    }

    /// It has not delivered this: it is not asked again until it offers it again, and then after others.
    pub(super) fn fails(&mut self, id: ShortId) {
        self.offers.retain(|offer| *offer != id);
        if self.failed.len() >= FAILURES_PER_PEER {
            self.failed.pop_front();
        }
        self.failed.push_back(id);
    }

    /// How often it did not deliver this.
    pub(super) fn failures(&self, id: ShortId) -> usize {
        self.failed.iter().filter(|failed| **failed == id).count()
    }

    /// It owes something for longer than it may: looks at it from here on.
    pub(super) fn watch(&mut self, now: Time) {
        self.look.get_or_insert((now + UNDELIVERED_LOOK, 0));
    }

    /// Forgets all but its allowance.
    pub(super) fn forget(&mut self) {
        *self = Self { absent: self.absent, ..Self::new() };
    }

    /// When to look.
    pub(super) fn next_look(&self) -> Option<Time> {
        self.look.map(|(at, _)| at)
    }

    /// Looks whether it still owes what it owed too long.
    pub(super) fn look(&mut self, now: Time) -> Look {
        let Some((_, looks)) = self.look.filter(|(at, _)| *at <= now) else { return Look::Fine };
        if !self.is_late(now) {
            self.look = None;
            return Look::Fine;
        }
        self.look = Some((now + UNDELIVERED_LOOK, looks + 1));
        if looks + 1 >= UNDELIVERED_LOOKS { Look::Undelivered } else { Look::Fine }
    }

    /// Whether it owes something for longer than it may.
    fn is_late(&self, now: Time) -> bool {
        self.open.front().is_some_and(|(_, asked)| *asked + ANNOUNCED_TIMEOUT <= now)
    }

    /// Answers come in the order of the questions, so what is looked for is mostly the first.
    fn settle(&mut self, id: ShortId) -> bool {
        let at = self.open.iter().position(|(open, _)| *open == id);
        at.and_then(|at| self.open.remove(at)).is_some()
    }
}
