//! How links end: who is told what, and for how long a connection lingers.

use crate::{
    base::{ids::LinkId, time::Time},
    link::{
        Endpoint, EventSink,
        delivery::hearers,
        link::{Counted, Link},
    },
    node::{CloseReason, LinkEvent, PeerFault, RoleId, limit::Limit},
    wire::{
        frame::Frame,
        message::{GoodbyeCode, Kind, Message},
    },
};

/// The code of the goodbye for a reason, as PROTOCOL.md has it. `None`: there is nobody to tell.
pub(super) fn goodbye_code(reason: &CloseReason) -> Option<GoodbyeCode> {
    match reason {
        // The goodbye would wait behind everything that the peer does not read.
        CloseReason::Fault(PeerFault::SendStall) => None,
        CloseReason::Fault(
            PeerFault::HandshakeTimeout
            | PeerFault::PingTimeout
            | PeerFault::PartialFrame
            | PeerFault::SyncStall
            | PeerFault::BlockStall,
        ) => Some(GoodbyeCode::TimedOut),
        CloseReason::Fault(_) => Some(GoodbyeCode::Fault),
        CloseReason::Local(code) => Some(*code),
        CloseReason::Remote { .. } | CloseReason::Unanswered | CloseReason::Lost(_) => None,
    }
}

impl Link {
    pub(super) fn note_farewell(&mut self, frame: &Frame) {
        if frame.kind != Kind::Goodbye {
            return;
        }
        if let Ok(Message::Goodbye { code, retry_after }) = Message::decode(frame.kind, &frame.body) {
            self.farewell = Some(CloseReason::Remote { code, retry_after });
        }
    }

    /// The reason of an end that the connection came to.
    pub(super) fn lost(&self, why: &str) -> CloseReason {
        if self.heard.is_none() && !self.direction.is_inbound() {
            return CloseReason::Unanswered;
        }
        self.farewell.clone().unwrap_or_else(|| CloseReason::Lost(why.to_owned()))
    }

    /// Queues the goodbye, unless the peer said one or the queue is too full. True if it is queued.
    fn say_goodbye(&mut self, reason: &CloseReason, retry_after: u32) -> bool {
        if !self.tunnel.is_ready() {
            return self.tunnel.refuses();
        }
        let Some(code) = goodbye_code(reason).filter(|_| self.farewell.is_none()) else { return false };
        let goodbye = Frame::new(&Message::Goodbye { code: code as u8, retry_after });
        self.framer.send(&goodbye).is_ok()
    }

    /// Ends all reading; what is queued is still sent until `ends`. Frees the memory of what was arriving.
    fn close(&mut self, ends: Time) {
        self.framer.close();
        self.tunnel.close();
        (self.carry, self.pending, self.frame_since) = (Vec::new(), None, None);
        self.ends = Some(ends);
    }
}

impl<S: EventSink> Endpoint<S> {
    /// Ends a link, with the usual time for its goodbye. If the reason is a limit, counts that it was reached.
    pub(super) fn close(&mut self, now: Time, id: LinkId, reason: CloseReason, retry_after: u32) {
        if let CloseReason::Fault(fault) = &reason {
            if !self.is_live(id) {
                return self.tell_late(id, fault);
            }
            if let Some(limit) = Limit::exceeded_by(fault) {
                self.meters.hit(now, limit);
            }
        }
        self.end(now, id, reason, retry_after, now + self.config.goodbye_linger);
    }

    /// A role has found a fault, and its link has ended. The sender pays all the same: else it would send and leave.
    fn tell_late(&mut self, link: LinkId, fault: &PeerFault) {
        if fault.points() > 0 {
            self.delivery.tell(RoleId::Peers, LinkEvent::LateFault { link, fault: fault.clone() });
        }
    }

    /// Ends a link. The roles hear of it at once. The connection lives until `ends` at most, so that the goodbye gets
    /// through; a link without a goodbye is gone at once.
    fn end(&mut self, now: Time, id: LinkId, reason: CloseReason, retry_after: u32, ends: Time) {
        let Some(link) = self.links.get_mut(&id).filter(|link| link.ends.is_none()) else { return };
        log::debug!("link closed link={} reason={:?}", id.0, reason.to_string());
        self.segments.ended(now, link, &reason);
        let (is_up, agrees) = (link.up, link.tunnel.has_agreement());
        let lingers = link.say_goodbye(&reason, retry_after);
        link.close(ends);
        if let Some(upload) = &mut self.upload {
            upload.note_asker(id, false);
        }
        self.count_left(id);
        self.count(id);
        self.leases.release(now, id);
        self.pieces.release(now, id);
        self.delivery.forget(id);
        for role in agrees.then_some(&RoleId::KeyAgreement).into_iter().chain(hearers(is_up)) {
            self.delivery.tell(*role, LinkEvent::Closed { link: id, reason: reason.clone() });
        }
        if lingers {
            self.arm(id);
            self.list(id);
            self.call_lease();
            self.call_piece();
        } else {
            self.remove(id);
        }
    }

    /// Says goodbye to everybody.
    pub(super) fn end_all(&mut self, now: Time, code: GoodbyeCode, ends: Time) {
        for id in self.links.keys().collect::<Vec<_>>() {
            self.end(now, id, CloseReason::Local(code), 0, ends);
        }
    }

    /// Forgets a link; the driver drops its connection.
    pub(super) fn remove(&mut self, id: LinkId) {
        let Some(link) = self.links.remove(&id) else { return };
        self.recount(link.counted, Counted::default());
        self.blocked.remove(&id);
        if let Some(upload) = &mut self.upload {
            upload.forget(id);
        }
        self.forget_news(id, &link);
        self.call_asker();
        self.accepted -= usize::from(link.direction.is_inbound());
        self.timers.disarm(id, link.armed);
        self.leases.forget(self.clock, id);
        self.pieces.forget(self.clock, id);
        self.dropped.push_back(id);
        self.call_lease();
        self.call_piece();
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::wire::frame::FrameFault;

    #[test]
    fn a_fault_is_told_from_a_deadline_and_who_reads_nothing_is_told_nothing() {
        let code = |fault| goodbye_code(&CloseReason::Fault(fault));
        assert_eq!(code(PeerFault::Frame(FrameFault::Magic)), Some(GoodbyeCode::Fault));
        assert_eq!(code(PeerFault::PartialFrame), Some(GoodbyeCode::TimedOut));
        assert_eq!(code(PeerFault::PingTimeout), Some(GoodbyeCode::TimedOut));
        assert_eq!(code(PeerFault::SendStall), None);
        assert_eq!(goodbye_code(&CloseReason::Local(GoodbyeCode::Full)), Some(GoodbyeCode::Full));
        assert_eq!(goodbye_code(&CloseReason::Lost(String::new())), None);
        assert_eq!(goodbye_code(&CloseReason::Remote { code: 1, retry_after: 0 }), None);
    }
}
