//! What the core wants, done in its order: the disk before the wire.

use std::sync::Arc;

use crate::{
    base::{hash::Hash, ids::LinkId, time::Now},
    chain::seal::{AuthoritySet, Certificate, Epoch, Stage},
    node::{
        Halt, Outbox,
        notice::{ToFetch, ToHeaders},
    },
    wire::message::Message,
};

use super::{
    Sealer,
    core::{Effect, Place},
    finality::Reached,
    recalling::{is_missing, signed_elsewhere},
};

impl Sealer {
    /// Does what the core wants. `shown_by`: the peer whose message is the cause.
    pub(super) fn perform(&mut self, now: Now, shown_by: Option<LinkId>, out: &mut Outbox) -> Result<(), Halt> {
        loop {
            let effects = self.core.effects();
            if effects.is_empty() {
                return Ok(());
            }
            for effect in effects {
                self.perform_one(now, effect, shown_by, out)?;
            }
        }
    }

    fn perform_one(
        &mut self,
        now: Now,
        effect: Effect,
        shown_by: Option<LinkId>,
        out: &mut Outbox,
    ) -> Result<(), Halt> {
        match effect {
            Effect::KeepVote(vote) => {
                // It waits for the disk, and so do these.
                self.keep_heard()?;
                self.seals.keep_vote(&vote)?;
            }
            Effect::KeepCertificate(certificate) => {
                self.look_for_own_vote(&certificate)?;
                self.seals.keep_certificate(&certificate)?;
            }
            Effect::ForgetBelow(view) => self.seals.forget_below(view, self.finality.held())?,
            Effect::KeepEvidence(evidence) => {
                log::warn!("an authority lies: it signed what excludes each other: number={}", evidence.0.signer);
                self.seals.keep_evidence(&evidence)?;
            }
            Effect::SendVote(vote) => self.flood(&Message::Vote(vote), out),
            Effect::SendCertificate(certificate) => self.flood(&Message::Certificate(Box::new(certificate)), out),
            Effect::Check { hash } => {
                if let Some(offer) = self.offers.of(&hash) {
                    out.tell(ToFetch::Proposed { hash, block: offer.block.clone() });
                }
            }
            Effect::Lead { view, parent, parent_votes } => self.lead(view, parent, parent_votes, out),
            Effect::Notarised(place) => self.tell_place(&place, shown_by, out),
            Effect::Final(place) => {
                self.reached(now, place, out);
                self.look_for_turn(out);
            }
            Effect::Contradiction(statement) => {
                let (view, block) = (statement.view, statement.block);
                log::error!("a certificate contradicts what is final: view={view} block={block}");
                self.reporter.contradicted();
            }
            Effect::Repeat => self.repeat(now, out),
        }
        Ok(())
    }

    /// Stops if a vote of this key is in a certificate that this node has no record of: nobody else may have kept it by itself.
    fn look_for_own_vote(&self, certificate: &Certificate) -> Result<(), Halt> {
        for vote in certificate.signed_votes().filter(|vote| self.keys.own_number() == Some(vote.signer)) {
            let kept = self.seals.own_vote(vote.statement.stage)?;
            if is_missing(kept.as_ref(), &vote) {
                return Err(signed_elsewhere(&vote));
            }
        }
        Ok(())
    }

    /// A block is final, by the word of this set.
    pub(super) fn reached(&mut self, now: Now, place: Place, out: &mut Outbox) {
        let certificate = self.core.certified().finality().filter(|finality| finality.statement.block == place.block);
        let reached = Reached {
            block: place.block,
            epoch: self.keys.set.epoch(),
            certificate: certificate.cloned().map(Arc::new),
            since: now.unix,
        };
        self.finality.reached(reached, self.offers.of(&place.block).map(|offer| offer.header.height));
        self.finality.tell(out);
        if self.finality.last().hash != place.block {
            self.finality.look(out);
        }
    }

    /// A proposal is invalid: perhaps because its leader has another chain file.
    pub(super) fn note_dispute(&mut self, now: Now, block: &Hash) {
        let Some((header, seal)) =
            self.offers.of(block).and_then(|offer| Some((&offer.header, offer.header.authority_seal()?)))
        else {
            return;
        };
        let own = self.spec.authorities.at(header.height.saturating_add(1)).map(AuthoritySet::hash);
        if let Some(own) = own.filter(|own| *own != seal.next_authorities) {
            let leader = self.keys.set.leader(seal.view);
            self.reporter.disputed(now, (header.height, own), (seal.view, leader), seal.next_authorities);
        }
    }

    /// Tells of all blocks that count since the last final one. The highest may be one that nobody has any more.
    pub(super) fn tell_notarised(&self, out: &mut Outbox) {
        let blocks = self.core.certified().iter().map(|one| one.statement).filter(|said| said.stage == Stage::Notarise);
        let places = blocks.map(|said| (Place { view: said.view, block: said.block }, said.epoch));
        places.for_each(|(place, epoch)| self.tell_of(epoch, &place, None, out));
        let last = self.core.certified().last_final();
        if self.core.certified().tip() == last && self.core.certified().notarised(last.view).is_none() && last.view > 0
        {
            // What a set builds on is of the set before.
            let epoch = self.core.certified().finality().map(|finality| finality.statement.epoch);
            self.tell_of(epoch.unwrap_or_default(), &last, None, out);
        }
    }

    pub(super) fn tell_place(&self, place: &Place, link: Option<LinkId>, out: &mut Outbox) {
        self.tell_of(self.keys.set.epoch(), place, link, out);
    }

    /// A quorum of this set has notarised a block.
    pub(super) fn tell_of(&self, epoch: Epoch, place: &Place, link: Option<LinkId>, out: &mut Outbox) {
        let header = self.offers.of(&place.block).map(|offer| Box::new(offer.header.clone()));
        out.tell(ToHeaders::Notarised { link, hash: place.block, epoch, view: place.view, header });
    }
}
