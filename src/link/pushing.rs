//! Pushed blocks take turns, and all that is sent keeps to the limit of uploads.

use std::time::Duration;

use crate::{
    base::{ids::LinkId, limits, time::Time},
    link::{Endpoint, EventSink, body_turns::RATE_HOLDS, link::Link, upload::Upload},
    node::report::Counter,
    wire::message::Kind,
};

/// The longest time that pushing a block may take, by the pace of the one before: peers ask again after as long.
const LONGEST_PUSH: Duration = limits::GET_BLOCK_TIMEOUT;

impl Link {
    /// Whether a pushed block of this size would take so long that its peer had better ask for it where it likes.
    pub(super) fn is_too_slow_for(&self, now: Time, bytes: usize) -> bool {
        let waits = (self.queued() + bytes) as u64;
        bytes > limits::LEASE_FREE_BYTES
            && self.pace(now).is_some_and(|rate| waits / rate.max(1) >= LONGEST_PUSH.as_secs())
    }

    /// Bytes a second that it took of a block lately.
    pub(super) fn pace(&self, now: Time) -> Option<u64> {
        self.pace.filter(|(at, _)| now.since(*at) < RATE_HOLDS).map(|(_, rate)| rate)
    }
}

impl<S: EventSink> Endpoint<S> {
    /// Bytes a second that are sent at most.
    fn limit(&self) -> Option<u64> {
        self.upload.as_ref().map(Upload::rate)
    }

    /// A link has a block that waits for its turn.
    pub(super) fn wait_for_turn(&mut self, now: Time, id: LinkId) {
        let rate = self.links.get(&id).and_then(|link| link.pace(now));
        self.count(id);
        self.turns.wait(now, id, rate);
        self.look_at_pushes(now);
    }

    /// Gives turns to links that wait for them, and gives up what has waited too long.
    pub(super) fn look_at_pushes(&mut self, now: Time) {
        self.clock = now;
        self.turns.look(now, self.limit(), !self.blocked.is_empty());
        self.begin_pushes();
        let mut has_lost = false;
        while let Some(id) = self.turns.overdue(now) {
            let Some(link) = self.links.get_mut(&id) else { continue };
            link.framer.give_up_pushes();
            self.losers.insert(id);
            self.count_left(id);
            has_lost = true;
        }
        if has_lost {
            self.tell_lost();
        }
    }

    fn begin_pushes(&mut self) {
        loop {
            let (links, blocked) = (&self.links, &self.blocked);
            // A push behind an answer would begin later than those of others that could have the turn meanwhile.
            let may_begin = |id: &LinkId| links.get(id).is_none_or(|link| !link.framer.is_answering());
            let next = self.turns.next(self.clock, self.limit(), may_begin, |id| blocked.contains(id));
            let Some(id) = next else { return };
            let Some(link) = self.links.get_mut(&id) else { continue };
            let Some(bytes) = link.framer.begin_push() else { continue };
            self.turns.begun(self.clock, id, bytes);
            self.count(id);
            self.list(id);
        }
    }

    /// Counts the transactions that have left a link's queue, and the pushed bodies no longer. If one had its turn, that is over.
    pub(super) fn count_left(&mut self, id: LinkId) {
        let Some(link) = self.links.get_mut(&id) else { return };
        link.framer.take_left_proposals().iter().for_each(|name| self.proposed.remove(name));
        let transactions = link.framer.take_left_transactions();
        if transactions > 0 {
            self.delivery.sink_mut().count(Counter::TransactionsRelayed, transactions);
        }
        let left = link.framer.take_left();
        let (waits, has_turn) = link.framer.pushes();
        if left.is_empty() {
            if waits && !has_turn && !link.framer.is_answering() {
                self.begin_pushes();
            }
            return;
        }
        left.iter().for_each(|block| self.pushed.remove(block));
        if has_turn {
            return;
        }
        if let Some(rate) = self.turns.ended(self.clock, id) {
            link.pace = Some((self.clock, rate));
        }
        let rate = link.pace(self.clock);
        if waits {
            self.turns.wait(self.clock, id, rate);
        } else {
            self.turns.forget(id);
        }
        self.begin_pushes();
    }

    /// Lets links go on that waited for the limit of uploads.
    pub(super) fn go_on_uploading(&mut self, now: Time) {
        let Some(upload) = &mut self.upload else { return };
        for id in upload.refill(now) {
            self.list(id);
        }
    }

    /// Whether the limit of uploads holds something back now.
    pub fn holds_back(&self) -> bool {
        self.upload.as_ref().is_some_and(Upload::is_reached)
    }

    /// Bytes that a link may send now. One that may send none is not to blame for what waits on it.
    pub(super) fn allowance(&mut self, id: LinkId) -> usize {
        let Some(upload) = &mut self.upload else { return usize::MAX };
        let allowance = upload.allows();
        if allowance == 0
            && let Some(link) = self.links.get_mut(&id).filter(|link| link.queued() > 0)
        {
            upload.hold(id);
            link.stalled_since = None;
            self.blocked.remove(&id);
        }
        allowance
    }

    /// Says whether a link's peer may have one more request answered.
    pub(super) fn may_serve(&self, id: LinkId) -> bool {
        self.upload.as_ref().is_none_or(|upload| upload.serves(id, self.load_on_limit()))
    }

    /// Bytes that wait for the limit of uploads, or will. What waits for its reader takes nothing from others: a few that read
    /// slowly must not keep all others from being answered.
    fn load_on_limit(&self) -> usize {
        let unread = self.blocked.iter().filter_map(|id| self.links.get(id)).map(|link| link.counted.load);
        unread.fold(self.load, usize::saturating_sub)
    }

    /// Notes whether requests of a link's peer wait for the limit of uploads. `served`: that kept none of them back now. A peer
    /// that has not read what was sent before is not in line: its turn would come to nothing.
    pub(super) fn note_asker(&mut self, id: LinkId, served: bool) {
        let Some(upload) = &mut self.upload else { return };
        let holds = self.links.get(&id).is_some_and(|link| link.framer.asks_for_more());
        upload.note_asker(id, holds && !served);
        self.call_asker();
    }

    /// Gives the link a turn whose peer's request is next, once little enough waits.
    pub(super) fn call_asker(&mut self) {
        let next = self.upload.as_ref().and_then(|upload| upload.next_asker(self.load_on_limit()));
        if let Some(next) = next {
            self.list(next);
        }
    }

    /// Notes news that is left out.
    pub(super) fn lose(&mut self, id: LinkId, kind: Kind) {
        if let Some(link) = self.links.get_mut(&id) {
            link.framer.lose(kind);
            self.losers.insert(id);
            self.tell_lost();
        }
    }
}
