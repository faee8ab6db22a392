//! Sending: queues, the budget that they share, and bytes out.

use std::time::Duration;

use crate::{
    base::{ids::LinkId, limits, time::Time},
    link::{
        Endpoint, EventSink,
        framer::{Framer, SendOverflow},
        link::{Counted, Link},
    },
    node::{CloseReason, PeerFault, limit::Limit},
    wire::{frame::Frame, message::Kind},
};

/// Time that each link has to read what was queued just now.
const GRACE: Duration = Duration::from_millis(100);

impl Link {
    /// Bytes that wait to be sent.
    pub(super) fn queued(&self) -> usize {
        let waits = if self.tunnel.is_ready() { self.framer.queued() } else { 0 };
        waits + self.tunnel.output().len()
    }

    /// Bytes of memory that the link alone takes.
    pub(super) fn unshared(&self) -> usize {
        self.framer.unshared() + self.tunnel.output().len()
    }

    /// The memory that its peer holds by not reading, and for how long: byte milliseconds. The length of the queue alone
    /// would name a link that has just been answered, since of older answers the host has taken a part.
    fn burden(&self, now: Time) -> u128 {
        self.unshared() as u128 * (GRACE + self.unread.age(now)).as_millis()
    }
}

impl<S: EventSink> Endpoint<S> {
    pub(super) fn send(&mut self, now: Time, id: LinkId, frame: &Frame) {
        if let Some(link) = self.links.get_mut(&id) {
            link.asked.ask(now, frame.kind);
        }
        self.queue(now, id, |framer| framer.send(frame));
    }

    pub(super) fn answer(&mut self, now: Time, id: LinkId, request: Kind, frames: &[Frame]) {
        self.queue(now, id, |framer| framer.answer(request, frames));
    }

    fn queue(&mut self, now: Time, id: LinkId, put: impl FnOnce(&mut Framer) -> Result<(), SendOverflow>) {
        let Some(link) = self.links.get_mut(&id).filter(|link| link.ends.is_none()) else { return };
        let fits = put(&mut link.framer);
        link.unread.note(now, link.queued());
        self.count(id);
        if fits.is_err() {
            return self.close(now, id, CloseReason::Fault(PeerFault::SendStall), 0);
        }
        self.list(id);
        self.end_piece(now, id);
        self.keep_send_budget(now);
    }

    /// Ends links if more waits on all together than may. What their peers ask for counts, too, while it is held back.
    pub(super) fn keep_send_budget(&mut self, now: Time) {
        if self.queued + self.shared() > self.config.send_budget {
            self.meters.hit(now, Limit::Send);
            self.end_slowest_readers(now);
        }
    }

    /// Ends links until what waits on the others fits: first those that have ended and only linger, then those whose peers
    /// hold the most memory for the longest.
    pub(super) fn end_slowest_readers(&mut self, now: Time) {
        while self.queued + self.shared() > self.config.send_budget {
            let holders = self.links.values().filter(|link| link.unshared() > 0);
            let Some(id) = holders.max_by_key(|link| (link.ends.is_some(), link.burden(now))).map(|link| link.id)
            else {
                return;
            };
            if self.is_live(id) {
                self.close(now, id, CloseReason::Fault(PeerFault::SendStall), 0);
            }
            self.remove(id);
        }
    }

    /// Up to `count` chunks of bytes to send next. Nothing once the link has had its turn.
    pub fn transmit(&mut self, id: LinkId, count: usize) -> impl Iterator<Item = &[u8]> {
        self.seal(id);
        let mut allowance = self.allowance(id);
        let link = self.links.get(&id).filter(|link| link.turn.sent < limits::LINK_TURN_BYTES);
        let chunks = link.into_iter().flat_map(move |link| {
            let first = Some(link.tunnel.output()).filter(|output| !output.is_empty());
            let count = if first.is_none() && link.tunnel.is_clear() { count } else { 0 };
            first.into_iter().chain(link.framer.outputs(count))
        });
        let allowed = chunks.map(move |chunk| {
            let part = &chunk[..chunk.len().min(allowance)];
            allowance -= part.len();
            part
        });
        allowed.take_while(|part| !part.is_empty())
    }

    /// Whether a link has nothing to send in this turn.
    pub fn is_idle(&self, id: LinkId) -> bool {
        self.links.get(&id).is_none_or(|link| link.queued() == 0 || link.turn.sent >= limits::LINK_TURN_BYTES)
    }

    /// Seals what a link sends next.
    fn seal(&mut self, id: LinkId) {
        let Some(link) = self.links.get_mut(&id).filter(|link| link.turn.sent < limits::LINK_TURN_BYTES) else {
            return;
        };
        let queued = link.framer.queued();
        link.tunnel.seal(&mut link.framer, &mut self.spare);
        if link.framer.queued() < queued {
            self.count_left(id);
            self.count(id);
        }
    }

    /// `bytes` of what [`Endpoint::transmit`] offered were sent.
    pub fn sent(&mut self, id: LinkId, bytes: usize) {
        let Some(link) = self.links.get_mut(&id) else { return };
        if link.tunnel.output().is_empty() {
            link.framer.sent(bytes);
        } else {
            link.tunnel.sent(bytes, &mut self.spare);
        }
        link.turn.sent += bytes;
        link.unread.sent(bytes);
        link.pieces.took(bytes);
        link.stalled_since = None;
        self.blocked.remove(&id);
        self.turns.sent(bytes);
        if let Some(upload) = &mut self.upload {
            upload.take(bytes);
        }
        let has_more = link.queued() > 0 && link.turn.sent >= limits::LINK_TURN_BYTES;
        self.count_left(id);
        self.count(id);
        if has_more {
            self.list(id);
        }
        self.end_piece(self.clock, id);
        self.call_asker();
        self.tell_lost();
        self.tell_drained(id);
    }

    /// The connection takes no bytes now. The driver calls [`Endpoint::ready`] when it takes some again.
    pub fn blocked(&mut self, now: Time, id: LinkId) {
        // What waits for our own limit does not wait for its reader.
        if self.upload.as_ref().is_some_and(|upload| upload.holds(id)) {
            return;
        }
        let Some(link) = self.links.get_mut(&id).filter(|link| link.queued() > 0) else { return };
        link.stalled_since.get_or_insert(now);
        link.unread.note(now, link.queued());
        self.blocked.insert(id);
        self.arm(id);
        self.look_at_pushes(now);
        self.call_asker();
    }

    /// Whether the link has ended and everything is sent: the driver ends its direction of the connection.
    pub fn has_finished(&self, id: LinkId) -> bool {
        self.links.get(&id).is_some_and(|link| link.ends.is_some() && link.queued() == 0)
    }

    /// Counts what waits on a link, in place of what was counted of it before.
    pub(super) fn count(&mut self, id: LinkId) {
        if let Some(link) = self.links.get_mut(&id) {
            let sealed = link.tunnel.output().len();
            let now = Counted { unshared: link.unshared(), sealed, load: link.framer.load() };
            let before = std::mem::replace(&mut link.counted, now);
            self.recount(before, now);
        }
    }

    pub(super) fn recount(&mut self, before: Counted, after: Counted) {
        self.queued = self.queued.saturating_sub(before.unshared).saturating_add(after.unshared);
        self.sealed = self.sealed.saturating_sub(before.sealed).saturating_add(after.sealed);
        self.load = self.load.saturating_sub(before.load).saturating_add(after.load);
    }
}
