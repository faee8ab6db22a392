//! This node's turn: a block on the ledger's template, signed and proposed.

use std::sync::Arc;

use crate::{
    base::{bytes::Bytes, time::Now},
    chain::{
        header::Header,
        seal::{AuthoritySeal, Seal, Votes, proposal_hash},
    },
    node::{Halt, Outbox, Template, notice::ToLedger},
    wire::{
        frame::{Frame, checksum},
        message::Kind,
    },
};

use super::{
    Sealer, clock,
    core::{Fate, Place, Proposal},
    offers::{Leading, Offer},
};

impl Sealer {
    /// Asks for a block on this parent.
    pub(super) fn lead(&mut self, view: u64, parent: Place, parent_votes: Votes, out: &mut Outbox) {
        let Some((_, key)) = &self.keys.own else { return };
        out.tell(ToLedger::WantProposal { parent: parent.block, address: key.address() });
        self.leading = Some(Leading { view, parent, parent_votes });
    }

    /// The ledger has made a block, or cannot.
    pub(super) fn on_template(
        &mut self,
        now: Now,
        template: Option<Arc<Template>>,
        out: &mut Outbox,
    ) -> Result<(), Halt> {
        let Some(leading) = self.leading.take() else { return Ok(()) };
        // `None`: the ledger moves; the core asks again once it has heard of that.
        let Some(template) = template else { return Ok(()) };
        if leading.view != self.core.view() || template.header.previous != leading.parent.block {
            return Ok(());
        }
        if template.transactions == 0 && !self.core.wants_empty(now.mono) {
            // What waits does not fit. The next transaction, or block, is another reason.
            self.fits_nothing = true;
            self.core.not_led();
            self.note_work(now);
            return Ok(());
        }
        self.propose(now, leading, &template, out)
    }

    /// Keeps a block that was proposed, and forgets those of lower views for which there is no room any more.
    pub(super) fn hold(&mut self, view: u64, offer: Offer) {
        if let Some(from) = self.offers.insert(view, offer) {
            self.core.forget_proposals(from);
        }
    }

    /// Tells the core whether a transaction waits that a block has room for, as far as is known.
    pub(super) fn note_work(&mut self, now: Now) {
        self.core.set_work(self.waiting > 0 && !self.fits_nothing, clock(now));
    }

    fn propose(&mut self, now: Now, leading: Leading, template: &Template, out: &mut Outbox) -> Result<(), Halt> {
        let Some((_, key)) = &self.keys.own else { return Ok(()) };
        let Leading { view, parent, parent_votes } = leading;
        let handover = self.core.certified().finality().filter(|_| parent == self.core.base());
        let next = self.spec.authorities.at(template.header.height.saturating_add(1));
        let seal = AuthoritySeal {
            view,
            next_authorities: next.unwrap_or(&self.keys.set).hash(),
            // The last block of the set before may have become final in a later view than its own.
            parent_view: handover.map_or(parent.view, |finality| finality.statement.view),
            parent_votes: parent_votes.clone(),
        };
        let header = Header {
            // The template's least time is the parent's.
            time: template.min_time.max(parent_votes.median_clock() / 1000),
            seal: Seal::Authorities(Box::new(seal)),
            ..template.header.clone()
        };
        let hash = header.hash();
        let signature = key.sign(&proposal_hash(&self.keys.genesis, &hash));
        let body: Bytes = [&signature[..], &header.to_bytes(), &template.body].concat().into();
        let block = body.after(signature.len());
        let frame = Frame { kind: Kind::Proposal, checksum: checksum(&body), body };
        let offer = Offer { hash, header, block, frame };
        let proposal = Proposal { view, hash, parent, parent_votes };
        log::debug!("block proposed: view={view} block={hash} transactions={}", template.transactions);
        // Two proposals of one view are a lie, also if this node starts again between them.
        self.seals.keep_proposed(self.keys.set.epoch(), view)?;
        if self.core.proposal(proposal, clock(now)) == Ok(Fate::Fresh) {
            self.pass_on(&offer, None, out);
            self.hold(view, offer);
        }
        Ok(())
    }
}
