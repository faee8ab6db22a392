//! Passing on new blocks.

use std::cell::OnceCell;

use super::{Gossip, RelayPeer};
use crate::{
    base::{bytes::Bytes, hash::Hash, ids::LinkId, limits::PUSHED_AT_ONCE},
    chain::header::Header,
    node::{
        ChainMove, Origin, Outbox, SyncState,
        notice::{ToHandshake, ToLedger, ToPeers, Useful},
        report::Counter,
    },
    wire::{
        frame::Frame,
        message::{Kind, Message},
    },
};

impl Gossip {
    pub(super) fn chain_moved(&mut self, moved: &ChainMove, out: &mut Outbox) {
        if let Some((origin, bytes)) = &moved.news {
            self.relay_block(&moved.tip.hash, *origin, (bytes, None), out);
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

    /// Relays a block to the peers that are not known to have it, and tells which peer brought it. Two get it at once, the
    /// others its header. A small block, and peers that do not take compact ones, get all of it.
    pub(super) fn relay_block(
        &mut self,
        hash: &Hash,
        origin: Origin,
        (bytes, compact): (&Bytes, Option<Frame>),
        out: &mut Outbox,
    ) {
        if let Some(link) = origin.link() {
            out.tell(ToHandshake::Useful { link, what: Useful::Block });
        }
        if let Some(peer) = origin.link().and_then(|link| self.peers.get_mut(&link)) {
            peer.blocks.insert(hash);
        }
        self.passed_on = *hash;
        if !self.announces_blocks {
            return;
        }
        let pushed = self.push_to(hash);
        let (block, header) = (Frame::new(&Message::Block(bytes.clone())), OnceCell::new());
        let is_small = bytes.len() <= self.whole_block_bytes;
        for (link, peer) in self.peers.iter_mut() {
            if peer.blocks.insert(hash) {
                let frame = match &compact {
                    _ if is_small || !peer.compact => &block,
                    Some(compact) if pushed.contains(&link) => compact,
                    None if pushed.contains(&link) => &block,
                    _ => header.get_or_init(|| header_of(&block)),
                };
                out.relay(link, frame.clone());
                match frame.kind {
                    Kind::CompactBlock => out.count(Counter::CompactBlocksRelayed, 1),
                    Kind::Block => out.count(Counter::BlocksRelayed, 1),
                    _ => {}
                }
            }
        }
    }

    /// The peers that a block is pushed to: those that asked last for one that they had been told of, and as long as there are
    /// too few of these, any.
    fn push_to(&mut self, hash: &Hash) -> Vec<LinkId> {
        let lacks = |peer: &RelayPeer| peer.compact && !peer.blocks.contains(hash);
        let lack = |link: &LinkId| self.peers.get(link).is_some_and(lacks);
        let mut pushed: Vec<LinkId> = self.askers.iter().copied().filter(lack).collect();
        let mut others: Vec<LinkId> = self.peers.keys().filter(|link| lack(link) && !pushed.contains(link)).collect();
        if pushed.len() < PUSHED_AT_ONCE {
            self.rng.shuffle(&mut others);
        }
        pushed.extend(others);
        pushed.truncate(PUSHED_AT_ONCE);
        pushed
    }

    /// A peer sent news of a block. If it was pushed the same one, others are faster than we are.
    pub(super) fn shown(&mut self, link: LinkId, hash: &Hash) {
        let Some(peer) = self.peers.get_mut(&link) else { return };
        if !peer.blocks.insert(hash) {
            self.askers.retain(|asker| *asker != link);
        }
    }

    /// A peer asked for a block that it had been told of: we were the first.
    pub(super) fn asked(&mut self, link: LinkId) {
        self.askers.retain(|asker| *asker != link);
        self.askers.push_front(link);
        self.askers.truncate(PUSHED_AT_ONCE);
    }
}

/// The announcement of a block.
fn header_of(block: &Frame) -> Frame {
    match Header::peek(&block.body) {
        Some(header) => Frame::new(&Message::BlockHeader(Box::new(header))),
        None => block.clone(),
    }
}
