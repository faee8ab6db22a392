//! News: blocks and transactions that nobody asked for. They never hold up reading and never end a link: what finds no
//! room is left out, and `gossip` hears of it once there is room again.

use crate::{
    base::{ids::LinkId, limits, time::Time},
    link::{Endpoint, EventSink, framer::Lost, link::Link, send_queue::block_of},
    node::{CloseReason, LinkEvent, RoleId, limit::Limit},
    wire::{
        frame::Frame,
        message::{GoodbyeCode, Kind},
    },
};

/// The part of the send budget that news may fill. The rest is for answers.
const NEWS_PART: usize = 4;

impl<S: EventSink> Endpoint<S> {
    pub(super) fn relay(&mut self, now: Time, id: LinkId, frame: &Frame) {
        if frame.kind == Kind::Proposal {
            return self.propose(now, id, frame);
        }
        let block = block_of(frame);
        if self.upload.is_some() {
            self.near_tip.note(frame);
        }
        if self.news_room() < frame.wire_len() {
            self.evict_slowest(now);
        }
        let Some(link) = self.links.get_mut(&id).filter(|link| link.up && link.ends.is_none()) else { return };
        if block.is_some_and(|block| link.framer.brings(&block)) {
            return;
        }
        let is_shared = block.is_some_and(|block| self.pushed.has(&block));
        let more = if is_shared { 0 } else { frame.wire_len() };
        let room = room_for_news(self.config.send_budget, self.queued - self.sealed + self.pushed.bytes());
        // Whoever reads all gets a little in any case: else a few that read nothing would keep all news from all others.
        let is_little = link.queued() + frame.wire_len() <= limits::SEND_CROWDED_BYTES;
        if (more > room && !is_little) || link.is_too_slow_for(now, frame.wire_len()) || !link.framer.relay(frame) {
            return self.lose(id, frame.kind);
        }
        if let Some(block) = block {
            self.pushed.add(now, block, frame.body.len());
            return self.wait_for_turn(now, id);
        }
        self.count(id);
        self.list(id);
    }

    fn news_room(&self) -> usize {
        room_for_news(self.config.send_budget, self.queued - self.sealed + self.pushed.bytes())
    }

    /// Closes the links that have left the oldest pushed block unread for too long: peers that read nothing must not keep
    /// news from all others. They are not to blame for news that they did not ask for.
    fn evict_slowest(&mut self, now: Time) {
        let Some((block, _)) = self.pushed.oldest().filter(|(_, since)| now.since(*since) >= limits::NEWS_HELD) else {
            return;
        };
        self.meters.hit(now, Limit::Send);
        // A link that waits for our own limit, or for its turn, reads as fast as it may.
        let waits = |id| self.upload.as_ref().is_some_and(|upload| upload.holds(id));
        let holds = |link: &Link| !waits(link.id) && link.framer.pushed().any(|pushed| pushed == block);
        let slow: Vec<LinkId> = self.links.iter().filter(|(_, link)| holds(link)).map(|(id, _)| id).collect();
        for id in slow {
            self.close(now, id, CloseReason::Local(GoodbyeCode::Evicted), 0);
            self.remove(id);
        }
    }

    /// Tells of news that was left out on links that have room of their own again. While all links together have none, the
    /// peer still gets what it asks for.
    pub(super) fn tell_lost(&mut self) {
        let (links, delivery) = (&mut self.links, &mut self.delivery);
        self.losers.retain(|id| {
            let Some(link) = links.get_mut(id).filter(|link| link.ends.is_none()) else { return false };
            let Some(Lost { block, transactions }) = link.framer.take_lost() else { return true };
            delivery.tell(RoleId::Gossip, LinkEvent::NewsLost { link: *id, block, transactions });
            false
        });
    }

    /// Forgets the news of a link that is gone.
    pub(super) fn forget_news(&mut self, id: LinkId, link: &Link) {
        self.losers.remove(&id);
        self.awaited.remove(&id);
        link.framer.pushed().for_each(|block| self.pushed.remove(&block));
        link.framer.proposals().for_each(|name| self.proposed.remove(&name));
        self.turns.forget(id);
        self.look_at_pushes(self.clock);
    }
}

/// Bytes that news may still take, with `queued` bytes in all queues.
fn room_for_news(budget: usize, queued: usize) -> usize {
    (budget / NEWS_PART).saturating_sub(queued)
}
