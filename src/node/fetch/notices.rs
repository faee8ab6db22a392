//! What other roles tell: which bodies are wanted, what became of those that were here.

use std::{sync::Arc, time::Duration};

use crate::{
    base::{bytes::Bytes, hash::Hash, ids::LinkId},
    chain::rules::BlockFault,
    node::{
        ChainMove, Origin, Outbox,
        command::Reply,
        fetch::{DELIVERED_INTERVAL, Fetch, RECENT_BLOCKS},
        notice::{ToFetch, ToHeaders, ToVerify},
    },
    wire::{frame::Frame, message::Message},
};

/// Proposed blocks that are remembered: as many as the ledger keeps.
const MAX_PROPOSED: usize = 16;
/// How long nobody is asked for a proposed block once its header counts: the ledger has it, or is about to.
const PROPOSED_PATIENCE: Duration = Duration::from_secs(1);

impl Fetch {
    pub(super) fn on_notice(&mut self, notice: ToFetch, out: &mut Outbox) {
        match notice {
            ToFetch::Want { fork, above, hashes } => self.take_want(fork, above, hashes, out),
            ToFetch::WantPast { above, hashes } => self.take_past(above, &hashes),
            ToFetch::Candidates(list) => self.candidates.replace(list),
            ToFetch::OfferDropped { hash, reason } => self.drop_offer(&hash, reason, out),
            ToFetch::OfferPasses { hash } => self.pass_offer(&hash, out),
            ToFetch::HeaderJudged { hash, is_wanted } => self.take_judgement(self.now, hash, is_wanted, out),
            ToFetch::Proposed { hash, block } => self.take_proposed(hash, block, out),
            ToFetch::Produced { block } => self.offer_own(Origin::Miner, block, out),
            ToFetch::BodyRefused { hash, origin, fault } => self.take_refusal(&hash, origin, &fault, out),
            ToFetch::BodiesTaken { blocks } => self.take_taken(&blocks, out),
            ToFetch::ChainMoved(moved) => self.take_move(&moved, out),
            ToFetch::BlocksInvalid { hashes, fault } => self.take_invalid(&hashes, &fault, out),
            ToFetch::PeerTip { link, height, tip } => {
                if let Some(peer) = self.peers.get_mut(link) {
                    peer.claims(height);
                }
                self.take_shown(link, &tip);
            }
            ToFetch::PoolChanged { added, removed } => {
                let checked = Arc::make_mut(&mut self.checked);
                let gone = removed.iter().filter_map(|leaf| checked.remove(leaf));
                gone.for_each(|transaction| self.remembered.push(transaction));
                checked.extend(added.into_iter().map(|transaction| (transaction.leaf, transaction)));
            }
        }
    }

    /// A peer has this block: it has those below, too, whatever it said before.
    pub(super) fn take_shown(&mut self, link: LinkId, tip: &Hash) {
        self.window.shown(tip, link);
        self.candidates.windows_mut().for_each(|window| window.shown(tip, link));
    }

    fn take_want(&mut self, fork: u32, above: u32, hashes: Vec<Hash>, out: &mut Outbox) {
        let offered: Vec<Hash> = match self.offers.is_empty() {
            true => Vec::new(),
            false => hashes.iter().filter(|hash| self.offers.contains(hash)).copied().collect(),
        };
        if fork < above {
            self.window.restart(above);
        }
        if self.window.lowest_missing().is_none_or(|lowest| lowest > above) {
            self.watch.start_over();
        }
        self.window.replace(above, hashes);
        for (hash, until) in self.offers.passed(self.now) {
            if let Some(height) = self.window.height_of(&hash) {
                self.window.pause(height, until);
            }
        }
        for hash in &self.proposed {
            if let Some(height) = self.window.height_of(hash) {
                self.window.pause(height, self.now + PROPOSED_PATIENCE);
            }
        }
        for (hash, until) in self.announced.awaited() {
            if let Some(height) = self.window.height_of(&hash) {
                self.window.pause(height, until);
            }
        }
        self.delivered = None;
        for hash in offered {
            self.take_offer(hash, out);
        }
    }

    /// A proposed block: to the verifier at once. The ledger keeps it until its header counts, so nobody need be asked for it.
    fn take_proposed(&mut self, hash: Hash, block: Bytes, out: &mut Outbox) {
        if !self.proposed.contains(&hash) {
            self.proposed.push_back(hash);
        }
        if self.proposed.len() > MAX_PROPOSED {
            self.proposed.pop_front();
        }
        if let Some(height) = self.window.height_of(&hash) {
            self.window.pause(height, self.now + PROPOSED_PATIENCE);
        }
        let (frame, checked) = (Frame::new(&Message::Block(block)), self.checked.clone());
        out.tell(ToVerify::CheckBlock { origin: Origin::Proposal, hash, frame, checked, parts: None });
    }

    pub(super) fn take_taken(&mut self, blocks: &[(u32, Hash)], out: &mut Outbox) {
        let due = self.delivered.is_none_or(|at| self.now.since(at) >= DELIVERED_INTERVAL);
        if due && blocks.iter().any(|(_, hash)| self.window.height_of(hash).is_some()) {
            self.delivered = Some(self.now);
            out.tell(ToHeaders::Delivered);
        }
        for (_, hash) in blocks {
            self.window.take(hash);
            if let Some(window) = self.candidates.window_of(hash) {
                window.take(hash);
                out.tell(ToHeaders::CandidateTaken { hash: *hash });
            }
            self.recent.insert(*hash);
            self.announced.remove(hash);
        }
    }

    fn take_refusal(&mut self, hash: &Hash, origin: Origin, fault: &BlockFault, out: &mut Outbox) {
        self.bodies.remove(hash, origin);
        self.offers.refuse(hash, origin);
        if let Some(window) = self.window_of(hash) {
            window.refuse(hash, origin.liable());
        }
        if matches!(origin, Origin::Command(_)) {
            self.settle(hash, &Reply::Refused(fault.to_string()), out);
        }
    }

    fn take_move(&mut self, moved: &ChainMove, out: &mut Outbox) {
        for (hash, _) in &moved.added {
            if let Some(window) = self.window_of(hash) {
                window.take(hash);
            }
        }
        for (hash, _) in moved.added.iter().rev().take(RECENT_BLOCKS).rev() {
            self.recent.insert(*hash);
            self.offers.forget_connected(hash);
            self.announced.remove(hash);
        }
        if !self.submitted.is_empty() {
            for (hash, _) in &moved.added {
                self.settle(hash, &Reply::Accepted(*hash), out);
            }
        }
    }

    fn take_invalid(&mut self, hashes: &[Hash], fault: &BlockFault, out: &mut Outbox) {
        self.window.drop_invalid(hashes);
        self.candidates.windows_mut().for_each(|window| window.drop_invalid(hashes));
        for hash in hashes {
            self.offers.take(hash);
            self.announced.remove(hash);
            self.settle(hash, &Reply::Refused(fault.to_string()), out);
        }
    }
}
