//! What proves that an authority lies, and is no vote: two blocks that it has proposed in one view.

use crate::{
    base::ids::LinkId,
    chain::{
        header::Header,
        seal::{AuthoritySet, DoubleProposal, SignedHeader},
    },
    node::{Halt, PeerFault},
    wire::message::Kind,
};

use super::{Sealer, offers::Offer, worth::Worth};

impl Sealer {
    /// A proposal that this node has no use for. It may prove a lie. Its sender is not to blame for that.
    pub(super) fn on_needless(
        &mut self,
        signature: [u8; 64],
        header: Header,
        link: LinkId,
    ) -> Result<Result<Worth, PeerFault>, Halt> {
        let signed = SignedHeader { signature, header };
        let Some(view) = signed.view() else { return Ok(Ok(Worth::Nothing)) };
        let (epoch, current) =
            (self.spec.authorities.at(signed.header.height).map(AuthoritySet::epoch), self.keys.set.epoch());
        match epoch {
            Some(epoch) if epoch > current => return Ok(Ok(Worth::Unknown)),
            Some(epoch) if epoch == current && self.knows_next(&signed.header) => {}
            Some(epoch) if epoch == current => return Ok(Ok(Worth::Unknown)),
            _ => return Ok(Ok(Worth::Nothing)),
        }
        let held = self.offers.in_view(view).and_then(Offer::signed);
        // The one that is here comes from every peer that has not seen that it is.
        if held.as_ref() == Some(&signed) {
            return Ok(Ok(Worth::Nothing));
        }
        let own = self.core.view();
        let is_late = self.peers.get_mut(&link).is_some_and(|peer| peer.allowance.may_be_late(view, own));
        let is_known = u8::try_from(self.keys.set.leader(view)).is_ok_and(|leader| self.double.contains(&leader));
        let may_prove = held.is_some() && !is_known;
        if !is_late && !may_prove {
            return Ok(Ok(Worth::Nothing));
        }
        if !self.is_of_leader(view, &signed) {
            return Ok(Err(PeerFault::Unsigned(Kind::Proposal)));
        }
        if let Some(first) = held {
            self.look_for_lie(DoubleProposal { epoch: current, first, second: signed })?;
        }
        Ok(Ok(if is_late { Worth::Unknown } else { Worth::Nothing }))
    }

    fn look_for_lie(&mut self, proof: DoubleProposal) -> Result<(), Halt> {
        let Some(liar) = proof.liar(&self.keys.genesis, &self.spec.authorities) else { return Ok(()) };
        if self.double.insert(liar) {
            log::warn!("an authority lies: it proposed two blocks in one view: number={liar}");
            self.seals.keep_double_proposal(liar, &proof)?;
        }
        Ok(())
    }
}
