//! Passing on new blocks.

use super::Gossip;
use crate::{
    base::{bytes::Bytes, hash::Hash, ids::LinkId},
    node::{
        ChainMove, Origin, Outbox, SyncState,
        notice::{ToHandshake, ToLedger, ToPeers, Useful},
        report::Counter,
    },
    wire::{frame::Frame, message::Message},
};

impl Gossip {
    pub(super) fn chain_moved(&mut self, moved: &ChainMove, out: &mut Outbox) {
        if let Some((origin, bytes)) = &moved.news {
            self.relay_block(&moved.tip.hash, *origin, bytes, out);
        }
        if moved.added.is_empty() && moved.removed.is_empty() {
            return;
        }
        self.tip = moved.tip.hash;
        self.untold = moved.tip.hash != self.passed_on;
        self.tell_tip(out);
        self.tell_missed(out);
        // What was wrong before this block may be right after it.
        self.refused.clear();
        self.salts.forget_refused();
        let orphans = self.orphans.all();
        self.readmit(orphans, out);
    }

    /// Has the tip of a sync told to peers: some may know even less, and have no other peer to ask.
    pub(super) fn tell_tip(&mut self, out: &mut Outbox) {
        if self.untold && self.state == SyncState::Synced {
            self.untold = false;
            out.tell(ToPeers::TipUntold);
        }
    }

    /// News to a peer was left out.
    pub(super) fn news_lost(&mut self, link: LinkId, (block, transactions): (bool, bool), out: &mut Outbox) {
        let Some(peer) = self.peers.get_mut(&link) else { return };
        if block {
            self.missed.insert(link);
        }
        if transactions {
            peer.listener.has_no_room();
            out.tell(ToLedger::OfferPool { link });
        }
        // A block is relayed before it is connected, and pings tell the connected tip.
        if self.tip == self.passed_on {
            self.tell_missed(out);
        }
    }

    /// Has the tip told to the peers that missed a block. They ask for it, unless they have it from others by now.
    fn tell_missed(&mut self, out: &mut Outbox) {
        std::mem::take(&mut self.missed).into_iter().for_each(|link| out.tell(ToPeers::BlockMissed { link }));
    }

    /// Relays a block to the peers that are not known to have it, and tells which peer brought it.
    pub(super) fn relay_block(&mut self, hash: &Hash, origin: Origin, bytes: &Bytes, out: &mut Outbox) {
        if let Some(link) = origin.link() {
            out.tell(ToHandshake::Useful { link, what: Useful::Block });
        }
        if let Some(peer) = origin.link().and_then(|link| self.peers.get_mut(&link)) {
            peer.blocks.insert(hash);
        }
        self.passed_on = *hash;
        let mut frame = None;
        for (link, peer) in &mut self.peers {
            if peer.blocks.insert(hash) {
                let encode = || Frame::new(&Message::Block(bytes.clone()));
                out.relay(*link, frame.get_or_insert_with(encode).clone());
                out.count(Counter::BlocksRelayed, 1);
            }
        }
    }
}
