//! Blocks as they arrive: asked for, asked for too late, news, submitted, mined.

use crate::{
    base::{
        bytes::Bytes,
        codec::CodecError,
        hash::Hash,
        ids::{LinkId, Ticket},
        limits::MAX_BLOCK_MESSAGE_BYTES,
        time::Time,
    },
    chain::header::Header,
    node::{
        Origin, Outbox, PeerFault,
        command::Reply,
        fetch::{Fetch, offered::Offer, pursuit::Place},
        notice::{Parts, ToGossip, ToHeaders, ToVerify},
    },
    wire::{
        frame::{Frame, FrameFault},
        message::Message,
    },
};

impl Fetch {
    /// A `Block` frame of a peer. Only its header is looked at here.
    pub(super) fn take_block(&mut self, now: Time, link: LinkId, frame: Frame, out: &mut Outbox) {
        let Some(header) = Header::peek(&frame.body) else {
            let short = CodecError::Malformed(format!("{} bytes are no block", frame.body.len()));
            self.punish(link, FrameFault::Body(short).into(), out);
            return;
        };
        let hash = header.hash();
        let Some(peer) = self.peers.get_mut(link) else { return };
        let request = peer.delivered(now, &hash, frame.body.len());
        let asked = request.is_some();
        if let Some(request) = request {
            self.completions.blocks += 1;
            self.watch.took(now.since(request.sent));
        }
        if !asked {
            out.tell(ToGossip::Shown { link, hash });
        }
        let place = self.place_of(&hash);
        if place.is_none() && self.take_past_block(link, (hash, header.height), &frame, asked, out) {
            return;
        }
        let origin = Origin::Link(link);
        if let Some(place) = place {
            if !asked {
                self.take_shown(link, &hash);
            }
            if place.is_candidate() && !asked {
                // So it has the chain up to this block, and may be asked for what is below.
                out.tell(ToHeaders::PeerTip { link, height: header.height, tip: hash });
            }
            if self.check_body(origin, place, hash, (frame.clone(), None), out) {
                return;
            }
            // Too much for the budget, or here already.
        } else if !self.recent.contains(&hash) && !self.offers.contains(&hash) {
            // News, or a block of a branch that was set aside meanwhile.
            self.offer(origin, hash, header, (frame, None), out);
            return;
        }
        self.take_echo(now, link, &hash, &frame, asked, out);
    }

    /// A known block: an echo of what others relay, the second answer of a block that two were asked for, or a late one.
    fn take_echo(&mut self, now: Time, link: LinkId, hash: &Hash, frame: &Frame, asked: bool, out: &mut Outbox) {
        let Some(peer) = self.peers.get_mut(link) else { return };
        let explained = asked || peer.explain_late(hash);
        if !explained && !peer.repeated(now) {
            return self.punish(link, PeerFault::Flood("known blocks"), out);
        }
        // What is still on its way to the ledger proves nothing.
        match self.bodies.judge(hash, frame).filter(|_| self.recent.contains(hash)) {
            Some(Ok(())) => {}
            Some(Err(fault)) => self.punish(link, fault, out),
            None if explained => {}
            None => self.count_useless(now, link, frame.body.len(), out),
        }
    }

    /// A peer sent a body that is of no use and that nothing here can judge.
    pub(super) fn count_useless(&mut self, now: Time, link: LinkId, bytes: usize, out: &mut Outbox) {
        if self.peers.get_mut(link).is_some_and(|peer| !peer.closing && !peer.wasted(now, bytes)) {
            self.punish(link, PeerFault::Flood("useless blocks"), out);
        }
    }

    /// Passes a wanted body to the verifier. `false` if it is not missing, or too large to be held now.
    pub(super) fn check_body(
        &mut self,
        origin: Origin,
        place: Place,
        hash: Hash,
        (frame, parts): (Frame, Option<Parts>),
        out: &mut Outbox,
    ) -> bool {
        let bytes = frame.body.len();
        let full = self.held().saturating_add(bytes) > self.budget;
        // More than was to be expected came at once. Only the block that the ledger waits for always has room: from one
        // peer that answers in order, each block is in turn the lowest missing.
        let next = place == Place::best(self.window.base());
        let Some(window) = self.window_at(place) else { return false };
        if let Some(link) = origin.link().filter(|_| full && !next) {
            window.forget(&hash, link);
            self.size.saw(bytes);
            return false;
        }
        if !self.note_arrival(origin, place, bytes) {
            return false;
        }
        self.announced.remove(&hash);
        self.send_to_verifier(origin, hash, (frame, parts), out);
        true
    }

    /// A wanted body is on its way to the ledger. `false` if it is not missing.
    fn note_arrival(&mut self, origin: Origin, place: Place, bytes: usize) -> bool {
        let height = place.height;
        if !self.window_at(place).is_some_and(|window| window.arrive(height, bytes)) {
            return false;
        }
        if let Some(link) = origin.link() {
            self.size.saw(bytes);
            if let Some(peer) = self.peers.get_mut(link) {
                peer.shown(height);
            }
        }
        self.watch.progress();
        true
    }

    fn send_to_verifier(
        &mut self,
        origin: Origin,
        hash: Hash,
        (frame, parts): (Frame, Option<Parts>),
        out: &mut Outbox,
    ) {
        self.bodies.insert(hash, origin, &frame);
        out.tell(ToVerify::CheckBlock { origin, hash, frame, checked: self.checked.clone(), parts });
    }

    /// Lets `headers` decide on a block that was not requested. If its header was found valid before, or is this node's own, the
    /// body is checked meanwhile: the ledger has it wait for the header. Each turn from role to role is a wait for a thread,
    /// and they add up along a block's way through the network.
    pub(super) fn offer(
        &mut self,
        origin: Origin,
        hash: Hash,
        header: Header,
        (frame, parts): (Frame, Option<Parts>),
        out: &mut Outbox,
    ) {
        let is_judged = self.announced.remove(&hash).is_some_and(|block| block.is_judged);
        let is_ahead = is_judged || origin == Origin::Miner;
        let offer = Offer { origin, hash, frame: frame.clone(), parts: parts.clone().filter(|_| !is_ahead), is_ahead };
        for dropped in self.offers.insert(offer) {
            self.settle(&dropped.hash, &Reply::Refused("too many blocks were offered at once".to_owned()), out);
        }
        out.tell(ToHeaders::Offered { origin, hash, header: Box::new(header) });
        if is_ahead {
            self.send_to_verifier(origin, hash, (frame, parts), out);
        }
    }

    /// `headers` wants it.
    pub(super) fn take_offer(&mut self, hash: Hash, out: &mut Outbox) {
        let Some(Offer { origin, frame, parts, is_ahead, .. }) = self.offers.take(&hash) else { return };
        let Some(place) = self.place_of(&hash) else { return };
        if !is_ahead {
            self.check_body(origin, place, hash, (frame, parts), out);
        } else if self.recent.contains(&hash) {
            // The ledger was told of it sooner than this role.
            self.take_taken(&[(place.height, hash)], out);
        } else {
            self.note_arrival(origin, place, frame.body.len());
        }
    }

    /// A `submitblock` command.
    pub(super) fn submit(&mut self, now: Time, ticket: Ticket, bytes: Bytes, out: &mut Outbox) {
        let refuse = |out: &mut Outbox, why: &str| out.reply(ticket, Reply::Refused(why.to_owned()));
        if bytes.len() > MAX_BLOCK_MESSAGE_BYTES {
            return refuse(out, "larger than a block may be");
        }
        let Some(header) = Header::peek(&bytes) else { return refuse(out, "shorter than a block's header") };
        let hash = header.hash();
        if self.recent.contains(&hash) {
            return refuse(out, "already known");
        }
        if !self.submitted.insert(hash, ticket, now) {
            return refuse(out, "too many submitted blocks are waiting");
        }
        self.offer_own(Origin::Command(ticket), bytes, out);
    }

    /// A block from this node's operator or miner. If it is wanted or waits already, its body may still be what is
    /// missing.
    pub(super) fn offer_own(&mut self, origin: Origin, block: Bytes, out: &mut Outbox) {
        let Some(header) = Header::peek(&block) else {
            log::error!("own block is shorter than a header bytes={}", block.len());
            return;
        };
        let hash = header.hash();
        let frame = Frame::new(&Message::Block(block));
        if let Some(place) = self.place_of(&hash) {
            self.check_body(origin, place, hash, (frame, None), out);
        } else if !self.offers.contains(&hash) {
            self.offer(origin, hash, header, (frame, None), out);
        }
    }

    /// It goes to the ledger although the window holds another branch.
    pub(super) fn pass_offer(&mut self, hash: &Hash, out: &mut Outbox) {
        if let Some(Offer { origin, hash, frame, parts, is_ahead }) = self.offers.take(hash) {
            self.offers.pass(hash, self.now);
            if !is_ahead {
                self.send_to_verifier(origin, hash, (frame, parts), out);
            }
        }
    }

    /// `headers` does not want it.
    pub(super) fn drop_offer(&mut self, hash: &Hash, reason: Option<String>, out: &mut Outbox) {
        if let Some(Offer { origin: Origin::Link(link), frame, is_ahead, .. }) = self.offers.take(hash)
            && !(is_ahead && self.recent.contains(hash))
        {
            self.count_useless(self.now, link, frame.body.len(), out);
        }
        if self.window.height_of(hash).is_none() {
            let reason = reason.unwrap_or_else(|| "valid, but not wanted".to_owned());
            self.settle(hash, &Reply::Refused(reason), out);
        }
    }

    /// Answers the commands that wait for a block.
    pub(super) fn settle(&mut self, hash: &Hash, reply: &Reply, out: &mut Outbox) {
        for ticket in self.submitted.take(hash) {
            out.reply(ticket, reply.clone());
        }
    }
}
