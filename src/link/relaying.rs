//! News: blocks and transactions that nobody asked for. They never hold up reading and never end a link: what finds no
//! room is left out, and `gossip` hears of it once there is room again.

use crate::{
    base::ids::LinkId,
    link::{Endpoint, EventSink, framer::Lost, link::Link, send_queue::block_of},
    node::{LinkEvent, RoleId},
    wire::frame::Frame,
};

/// The part of the send budget that news may fill. The rest is for answers.
const NEWS_PART: usize = 2;

impl<S: EventSink> Endpoint<S> {
    pub(super) fn relay(&mut self, id: LinkId, frame: &Frame) {
        let block = block_of(frame);
        let Some(link) = self.links.get_mut(&id).filter(|link| link.up && link.ends.is_none()) else { return };
        if block.is_some_and(|block| link.framer.brings(&block)) {
            return;
        }
        let is_shared = block.is_some_and(|block| self.pushed.has(&block));
        let more = if is_shared { 0 } else { frame.wire_len() };
        let room = (self.config.send_budget / NEWS_PART).saturating_sub(self.queued + self.pushed.bytes());
        if more > room || !link.framer.relay(frame) {
            link.framer.lose(frame.kind);
            self.losers.insert(id);
            return;
        }
        if let Some(block) = block {
            self.pushed.add(block, frame.body.len());
        }
        self.count(id);
        self.list(id);
    }

    /// Tells of news that was left out on links that have room again.
    pub(super) fn tell_lost(&mut self) {
        if self.losers.is_empty() || self.queued + self.pushed.bytes() >= self.config.send_budget / NEWS_PART {
            return;
        }
        let (links, delivery) = (&mut self.links, &mut self.delivery);
        self.losers.retain(|id| {
            let Some(link) = links.get_mut(id).filter(|link| link.ends.is_none()) else { return false };
            let Some(Lost { block, transactions }) = link.framer.take_lost() else { return true };
            delivery.tell(RoleId::Gossip, LinkEvent::NewsLost { link: *id, block, transactions });
            false
        });
    }

    /// Stops counting the pushed bodies that have left a link's queue.
    pub(super) fn count_left(&mut self, id: LinkId) {
        let left = self.links.get_mut(&id).map(|link| link.framer.take_left());
        left.iter().flatten().for_each(|block| self.pushed.remove(block));
    }

    /// Forgets the news of a link that is gone.
    pub(super) fn forget_news(&mut self, id: LinkId, link: &Link) {
        self.losers.remove(&id);
        link.framer.pushed().for_each(|block| self.pushed.remove(&block));
    }
}
