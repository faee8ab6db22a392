//! What peers say: each message is judged once and passed on once.

use std::time::Duration;

use crate::{
    base::{
        bytes::Bytes,
        codec::{self, List},
        ids::LinkId,
        time::Now,
    },
    chain::{
        header::Header,
        key::{self, Claim},
        seal::{AuthoritySet, Certificate, Recall, Recalled, Seal, SignedHeader, SignedVote, Stage, proposal_hash},
    },
    node::{Action, Halt, LinkAction, Outbox, PeerFault, notice::ToLedger},
    wire::{
        frame::{Frame, FrameFault},
        message::{Kind, Message},
    },
};

use super::{
    Sealer, clock,
    core::{Fate, Place, Proposal},
    offers::{Offer, check_body},
    peer::{Peer, name_of},
    recalling::{is_missing, signed_elsewhere},
    turning::epoch_of,
    worth::Worth,
};

/// A peer that is behind is helped this often at most.
const HELP_INTERVAL: Duration = Duration::from_secs(1);
/// And with this many bytes in each second on average: an old vote, which anybody may have recorded, is all that it costs the peer.
pub(super) const HELP_PER_SECOND: usize = 64 << 10;

impl Sealer {
    pub(super) fn on_frame(&mut self, now: Now, link: LinkId, frame: &Frame, out: &mut Outbox) -> Result<(), Halt> {
        let message = match frame.open() {
            Ok(message) => message,
            Err(fault) => {
                self.fault(link, fault.into(), out);
                return Ok(());
            }
        };
        if let Some(peer) = self.peers.get_mut(&link) {
            peer.shown.insert(name_of(frame));
        }
        let current = self.keys.set.epoch();
        let judged = match message {
            message if epoch_of(&message).is_some_and(|epoch| epoch > current) => {
                self.on_later(link, message, frame, out)?
            }
            Message::Proposal { signature, block } => {
                let header: Result<Header, _> = codec::decode_prefix(&block).map(|(header, _)| header);
                match header {
                    Ok(header) if self.wants(&header, block.len()) => {
                        self.on_proposal(now, link, (signature, block, header), frame, out)
                    }
                    Ok(header) => self.on_needless(signature, header, link)?,
                    Err(fault) => Err(FrameFault::Body(fault).into()),
                }
            }
            Message::Vote(vote) => self.on_vote(now, link, vote, frame, out)?,
            Message::Certificate(certificate) => self.on_certificate(now, link, *certificate, out),
            Message::Recall(recall) => self.on_recall(now, link, &recall, frame, out),
            Message::Recalled(recalled) => self.on_recalled(now, link, &recalled, frame, out)?,
            other => Err(PeerFault::Unexpected(other.kind())),
        };
        if let Err(fault) = judged.and_then(|worth| self.charge(now, link, frame, worth)) {
            self.fault(link, fault, out);
        }
        Ok(())
    }

    fn on_vote(
        &mut self,
        now: Now,
        link: LinkId,
        vote: SignedVote,
        frame: &Frame,
        out: &mut Outbox,
    ) -> Result<Result<Worth, PeerFault>, Halt> {
        // Whoever votes to skip a view of an earlier set does not know that its last block is final.
        let is_over = vote.statement.epoch < self.keys.set.epoch() && vote.statement.stage == Stage::Skip;
        match self.core.vote(vote, clock(now)) {
            _ if is_over => self.help(now, link, &vote, out),
            Err(_) => Ok(Err(PeerFault::Unsigned(Kind::Vote))),
            Ok(Fate::Stale) => Ok(Ok(Worth::Nothing)),
            Ok(Fate::Behind) => self.help(now, link, &vote, out),
            Ok(Fate::Fresh) => {
                let kept = self.core.own_votes().of(vote.statement.stage);
                if self.keys.own_number() == Some(vote.signer) && is_missing(kept, &vote) {
                    return Err(signed_elsewhere(&vote));
                }
                self.reporter.heard(now, &vote);
                self.note_way(vote.signer, link);
                self.forward(frame, Some(link), out);
                Ok(Ok(Worth::News))
            }
        }
    }

    /// The core has it sent on.
    pub(super) fn on_certificate(
        &mut self,
        now: Now,
        link: LinkId,
        certificate: Certificate,
        out: &mut Outbox,
    ) -> Result<Worth, PeerFault> {
        if self.contradicts_base(&certificate.statement) {
            let set = self.keys.set.clone();
            return self.on_certificate_ahead(link, &set, certificate, out);
        }
        self.take_certificate(now, certificate)
    }

    pub(super) fn take_certificate(&mut self, now: Now, certificate: Certificate) -> Result<Worth, PeerFault> {
        let judged = self.core.certificate(certificate, clock(now));
        judged.map(Worth::from).map_err(|_| PeerFault::Unsigned(Kind::Certificate))
    }

    /// Whether a proposal with this header, and a block of so many bytes, is of use.
    fn wants(&self, header: &Header, bytes: usize) -> bool {
        let Some(seal) = header.authority_seal() else { return true };
        let is_of_set = self.spec.authorities.at(header.height).map(AuthoritySet::epoch) == Some(self.keys.set.epoch());
        is_of_set && self.offers.has_room(seal.view, bytes) && self.core.wants_proposal(seal.view, &header.hash())
    }

    /// Whether a header commits to the set that this node's file has for the next height.
    pub(super) fn knows_next(&self, header: &Header) -> bool {
        let next = self.spec.authorities.at(header.height.saturating_add(1));
        header.authority_seal().is_some_and(|seal| next.is_some_and(|next| next.hash() == seal.next_authorities))
    }

    /// Whether the leader of a view signed this header.
    pub(super) fn is_of_leader(&self, view: u64, signed: &SignedHeader) -> bool {
        let leader = self.keys.set.keys().get(self.keys.set.leader(view));
        let hash = proposal_hash(&self.keys.genesis, &signed.header.hash());
        leader.is_some_and(|leader| key::verify(leader, &hash, &signed.signature))
    }

    fn on_proposal(
        &mut self,
        now: Now,
        link: LinkId,
        (signature, block, header): ([u8; 64], Bytes, Header),
        frame: &Frame,
        out: &mut Outbox,
    ) -> Result<Worth, PeerFault> {
        let signed = SignedHeader { signature, header };
        let Some(view) = signed.view() else { return Err(PeerFault::Unsigned(Kind::Proposal)) };
        let is_signed = self.is_of_leader(view, &signed);
        let header = signed.header;
        if !is_signed {
            return self.unsigned(&header);
        }
        let Seal::Authorities(seal) = &header.seal else { return Err(PeerFault::Unsigned(Kind::Proposal)) };
        let hash = header.hash();
        // The signature covers the header alone, and only the first proposal of a view is taken.
        check_body(&block)?;
        let parent = match self.core.base() {
            base if base.block == header.previous => base,
            _ => Place { view: seal.parent_view, block: header.previous },
        };
        // What the set builds on was made final by the set before.
        let takes_over = self.spec.seal_rules().takes_over(&self.spec, &header);
        // A node that learned of the set by a later block of it does not know what the first builds on; it is final.
        if takes_over && parent != self.core.base() {
            return Ok(Worth::Unknown);
        }
        if takes_over && !self.spec.seal_rules().parent_claims(&self.spec, &header).iter().all(Claim::holds) {
            return self.unsigned(&header);
        }
        let proposal = Proposal { view, hash, parent, parent_votes: seal.parent_votes.clone() };
        let Ok(fate) = self.core.proposal(proposal, clock(now)) else { return self.unsigned(&header) };
        if fate == Fate::Fresh {
            self.reporter.proposed(now, self.keys.set.leader(view));
            let offer = Offer { hash, header, block, frame: frame.clone() };
            self.pass_on(&offer, Some(link), out);
            self.hold(view, offer);
            // One that is notarised already brings the header of what others build on.
            let place = Place { view, block: hash };
            if self.core.certified().notarised(view).is_some_and(|held| held.statement.block == hash) {
                self.tell_place(&place, Some(link), out);
            }
        }
        Ok(fate.into())
    }

    /// A proposal names no set. If the chain's file here is an older one, the signatures of others than it says are no fault:
    /// surely none are on the block that the ledger has, which names this set.
    fn unsigned(&self, header: &Header) -> Result<Worth, PeerFault> {
        let parent = header.previous;
        let names_others = self
            .offers
            .of(&parent)
            .and_then(|offer| offer.header.authority_seal())
            .is_some_and(|seal| seal.next_authorities != self.keys.set.hash());
        let is_sure = parent == self.core.base().block || self.ledger.is_some_and(|(tip, _)| tip == parent);
        if is_sure && !names_others && self.knows_next(header) {
            return Err(PeerFault::Unsigned(Kind::Proposal));
        }
        // It costs a signature's check, so it counts as sent in vain.
        Ok(Worth::Nothing)
    }

    fn on_recall(
        &mut self,
        now: Now,
        link: LinkId,
        recall: &Recall,
        frame: &Frame,
        out: &mut Outbox,
    ) -> Result<Worth, PeerFault> {
        let Recall { epoch, signer, nonce, .. } = *recall;
        if epoch != self.keys.set.epoch() {
            return Ok(Worth::Nothing);
        }
        let outbids = self.keys.own_number() == Some(signer) && self.recalling.is_outbid_by(recall);
        let may_ask = self.questions.may_ask(now.mono, signer, nonce);
        if !outbids && !may_ask && !self.questions.may_note(now.mono, signer, nonce) {
            self.tell_newest(link, recall, out);
            return Ok(Worth::Nothing);
        }
        if !self.keys.of(signer).is_some_and(|key| recall.holds(&self.keys.genesis, key)) {
            return Err(PeerFault::Unsigned(Kind::Recall));
        }
        if !outbids && !may_ask {
            self.questions.note(recall);
            return Ok(Worth::Nothing);
        }
        if outbids {
            self.recalling.outbid(recall);
            return Ok(Worth::Nothing);
        }
        self.questions.asked(now.mono, recall);
        self.note_way(signer, link);
        self.forward(frame, Some(link), out);
        let Some((own, key)) = self.keys.own.as_ref().filter(|(own, _)| *own != recall.signer) else {
            return Ok(Worth::News);
        };
        let votes = List::truncated(self.core.tally().newest(recall.signer).copied());
        let recalled = Recalled::sign(recall, *own, votes, key, &self.keys.genesis);
        self.questions.answered(recall.signer, recall.nonce, *own);
        self.flood(&Message::Recalled(Box::new(recalled)), out);
        Ok(Worth::News)
    }

    /// Somebody passes on an old question: its signer may have forgotten that it has asked since.
    fn tell_newest(&mut self, link: LinkId, old: &Recall, out: &mut Outbox) {
        let newest = self.questions.newest(old.signer).filter(|newest| old.nonce < newest.nonce);
        let Some((newest, peer)) = newest.zip(self.peers.get_mut(&link)) else { return };
        let message = Message::Recall(*newest);
        let name = name_of(&Frame::new(&message));
        if !peer.shown.contains(&name) {
            peer.shown.insert(name);
            out.send(link, &message);
        }
    }

    fn on_recalled(
        &mut self,
        now: Now,
        link: LinkId,
        recalled: &Recalled,
        frame: &Frame,
        out: &mut Outbox,
    ) -> Result<Result<Worth, PeerFault>, Halt> {
        let Recalled { epoch, signer, nonce, responder, .. } = *recalled;
        if epoch != self.keys.set.epoch() || !self.questions.lacks(signer, nonce, responder) {
            return Ok(Ok(Worth::Nothing));
        }
        if !self.keys.of(recalled.responder).is_some_and(|key| recalled.holds(&self.keys.genesis, key)) {
            return Ok(Err(PeerFault::Unsigned(Kind::Recalled)));
        }
        self.questions.answered(signer, nonce, responder);
        self.note_way(responder, link);
        self.forward(frame, Some(link), out);
        if self.recalling.answer(recalled, self.core.own_votes(), &self.keys)? {
            log::info!("a quorum of authorities has told what this key signed: votes begin");
            self.core.allow_votes(clock(now));
        }
        Ok(Ok(Worth::News))
    }

    /// Asks all peers for this key's votes.
    pub(super) fn ask(&mut self, now: Now, recall: &Recall, out: &mut Outbox) {
        self.questions.asked(now.mono, recall);
        self.flood(&Message::Recall(*recall), out);
    }

    /// A new peer hears all that it may miss.
    pub(super) fn greet(&mut self, now: Now, link: LinkId, out: &mut Outbox) -> Result<(), Halt> {
        // Own votes are on the disk before they are on the wire.
        self.perform(now, None, out)?;
        self.peers.insert(link, Peer::new(now.mono, self.news));
        self.send_all(now, link, out);
        self.propose_to(link, out);
        // It may be the way to authorities that did not hear the question.
        if let Some(recall) = self.recalling.open_question() {
            out.send(link, &Message::Recall(*recall));
        }
        Ok(())
    }

    /// A peer in an earlier view, as a vote shows, hears what ends it. The core has not looked at the vote's signature.
    fn help(
        &mut self,
        now: Now,
        link: LinkId,
        vote: &SignedVote,
        out: &mut Outbox,
    ) -> Result<Result<Worth, PeerFault>, Halt> {
        self.perform(now, Some(link), out)?;
        let is_due = |peer: &&mut Peer| peer.helped_until.is_none_or(|until| until <= now.mono);
        let Some(set) = self.spec.authorities.of(vote.statement.epoch) else { return Ok(Ok(Worth::Nothing)) };
        let Some(peer) = self.peers.get_mut(&link).filter(is_due) else { return Ok(Ok(Worth::Nothing)) };
        if !set.holds(&self.keys.genesis, vote) {
            return Ok(Err(PeerFault::Unsigned(Kind::Vote)));
        }
        // It may have had no use for the proposal before, and is sent it once more in each view.
        let is_first = std::mem::replace(&mut peer.again, self.core.view()) < self.core.view();
        let bytes = self.send_all(now, link, out);
        if let Some(peer) = self.peers.get_mut(&link) {
            let paid = Duration::from_secs(u64::try_from(bytes / HELP_PER_SECOND).unwrap_or(u64::MAX));
            peer.helped_until = Some(now.mono + paid.max(HELP_INTERVAL));
        }
        if is_first {
            self.propose_to(link, out);
        }
        Ok(Ok(Worth::Nothing))
    }

    /// Sends a peer the current view's proposal.
    fn propose_to(&mut self, link: LinkId, out: &mut Outbox) {
        let offer = self.offers.in_view(self.core.view());
        if let (Some(offer), Some(peer)) = (offer, self.peers.get_mut(&link)) {
            peer.shown.insert(name_of(&offer.frame));
            out.relay(link, offer.frame.clone());
        }
    }

    /// All peers hear again what they may have missed, what waits included: who has nothing to propose does not lead.
    pub(super) fn repeat(&mut self, now: Now, out: &mut Outbox) {
        for link in self.peers.keys().copied().collect::<Vec<_>>() {
            self.send_all(now, link, out);
            out.tell(ToLedger::OfferPool { link });
        }
        let name = self.offers.in_view(self.core.view()).map(|offer| name_of(&offer.frame));
        let lacks = |peer: &Peer| name.is_some_and(|name| !peer.shown.contains(&name));
        let without: Vec<LinkId> = self.peers.iter().filter(|(_, peer)| lacks(peer)).map(|(link, _)| *link).collect();
        without.into_iter().for_each(|link| self.propose_to(link, out));
    }

    /// A message of our own, or that we put together, to all that have not shown it.
    pub(super) fn flood(&mut self, message: &Message, out: &mut Outbox) {
        self.forward(&Frame::new(message), None, out);
    }

    fn forward(&mut self, frame: &Frame, from: Option<LinkId>, out: &mut Outbox) {
        self.news = self.news.saturating_add(frame.body.len() as u64);
        let name = name_of(frame);
        for (link, peer) in self.peers.iter_mut().filter(|(link, _)| Some(**link) != from) {
            if !peer.shown.contains(&name) {
                peer.shown.insert(name);
                out.push(Action::Link(LinkAction::Send { link: *link, frame: frame.clone() }));
            }
        }
    }

    /// A proposal goes to all peers that have not shown it. It always finds room on their links.
    pub(super) fn pass_on(&mut self, offer: &Offer, from: Option<LinkId>, out: &mut Outbox) {
        self.news = self.news.saturating_add(offer.frame.body.len() as u64);
        let name = name_of(&offer.frame);
        for (link, peer) in self.peers.iter_mut().filter(|(link, _)| Some(**link) != from) {
            if !peer.shown.contains(&name) {
                peer.shown.insert(name);
                out.relay(*link, offer.frame.clone());
            }
        }
    }
}
