//! Proposed blocks of sealed chains. Without them nothing becomes final, so that they have room of their own, which no other news
//! takes, and a proposal always finds room: links whose peers leave the oldest one unread make it.

use crate::{
    base::{hash::Domain, ids::LinkId, time::Time},
    link::{Endpoint, EventSink, link::Link},
    node::{CloseReason, limit::Limit},
    wire::{frame::Frame, message::GoodbyeCode},
};

/// The part of the send budget, in eighths, that proposals may fill: more than two as large as a block can be.
const EIGHTHS: usize = 3;
/// A proposal starts with its leader's signature, which no other block has.
const SIGNATURE_BYTES: usize = 64;

impl<S: EventSink> Endpoint<S> {
    /// Queues a proposal on a link that has not got it waiting already.
    pub(super) fn propose(&mut self, now: Time, id: LinkId, frame: &Frame) {
        let Some(signature) = frame.body.get(..SIGNATURE_BYTES) else { return };
        let name = Domain::FRAME.hash(signature);
        let lacks = |link: &Link| link.up && link.ends.is_none() && link.framer.proposals().all(|waits| waits != name);
        if !self.links.get(&id).is_some_and(lacks) {
            return;
        }
        if !self.proposed.has(&name) {
            self.make_room_for_proposal(now, frame.body.len());
        }
        let Some(link) = self.links.get_mut(&id) else { return };
        link.framer.propose(name, frame);
        self.proposed.add(now, name, frame.body.len());
        self.count_left(id);
        self.count(id);
        self.list(id);
        if self.queued + self.shared() > self.config.send_budget {
            self.meters.hit(now, Limit::Send);
            self.end_slowest_readers(now);
        }
    }

    /// Gives up older proposals: first those whose sending has not begun, then, with their links, those that are read too
    /// slowly.
    fn make_room_for_proposal(&mut self, now: Time, bytes: usize) {
        let room = (self.config.send_budget / 8 * EIGHTHS).saturating_sub(bytes);
        if self.proposed.bytes() <= room {
            return;
        }
        self.meters.hit(now, Limit::Send);
        for id in self.links.keys().collect::<Vec<_>>() {
            if let Some(link) = self.links.get_mut(&id) {
                link.framer.give_up_proposal();
                self.count_left(id);
            }
        }
        while let Some((oldest, _)) = self.proposed.oldest().filter(|_| self.proposed.bytes() > room) {
            let holds = |link: &&Link| link.framer.proposals().any(|waits| waits == oldest);
            let slow: Vec<LinkId> = self.links.values().filter(holds).map(|link| link.id).collect();
            for id in slow {
                self.close(now, id, CloseReason::Local(GoodbyeCode::Evicted), 0);
                self.remove(id);
            }
        }
    }
}
