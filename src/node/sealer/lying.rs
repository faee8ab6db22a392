//! What proves that an authority lies, and is no vote: two blocks that it has proposed in one view. And what messages cost that bring
//! nothing.

use crate::{
    base::{ids::LinkId, time::Now},
    chain::{
        header::Header,
        seal::{AuthoritySet, DoubleProposal, SignedHeader},
    },
    node::{Halt, PeerFault},
    wire::{frame::Frame, message::Kind},
};

use super::{Sealer, offers::Offer, worth::Worth};

impl Sealer {
    /// What brings nothing is counted, and so is what may bring something: anybody can make that.
    pub(super) fn charge(&mut self, now: Now, link: LinkId, frame: &Frame, worth: Worth) -> Result<(), PeerFault> {
        let Some(peer) = self.peers.get_mut(&link) else { return Ok(()) };
        let (bytes, block_time) = (frame.body.len(), self.sealing.block_time);
        let (is_free, what) = match worth {
            Worth::News => return Ok(()),
            Worth::Nothing => {
                (peer.allowance.take(now.mono, self.news, bytes), "messages of authorities that bring nothing")
            }
            Worth::Unknown => (
                peer.allowance.take_unknown(now.mono, block_time, bytes),
                "messages of authorities whom nothing here shows to seal",
            ),
        };
        if is_free { Ok(()) } else { Err(PeerFault::Flood(what)) }
    }

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
