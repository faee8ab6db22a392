//! Headers of blocks that were not requested: news from peers, submitted and mined blocks.

use crate::{
    base::{
        hash::Hash,
        time::{Now, Time},
    },
    chain::{
        archive::StoreError,
        header::Header,
        rules::{self, HeaderFault},
        target::Work,
    },
    node::{
        Origin, Outbox, PeerFault,
        headers::{
            Headers,
            header_node::{HeaderLookup, HeaderNode},
            syncnode::Standing,
            validate::{Follower, Refused},
        },
        notice::ToFetch,
    },
};

/// What becomes of an offer that is not taken.
enum Refusal {
    /// Not wanted, and nobody's fault; the reason is for a command.
    Drop(&'static str),
    /// Against the rules.
    Fault(PeerFault),
}

impl Headers {
    /// Judges the header of an offered block. Wanted: `StoreHeaders` and `Want` follow; else `OfferDropped`.
    pub(super) fn take_offer(
        &mut self,
        now: Now,
        origin: Origin,
        hash: Hash,
        header: Header,
        out: &mut Outbox,
    ) -> Result<(), StoreError> {
        let refusal = match self.judge_offer(now, origin, hash, header, out)? {
            None => return Ok(()),
            Some(refusal) => refusal,
        };
        let reason = match refusal {
            Refusal::Fault(fault) => {
                let reason = fault.to_string();
                if let Some(link) = origin.link() {
                    log::warn!("offer refused link={} block={hash} fault={fault}", link.0);
                    self.punish(link, fault, out);
                }
                Some(reason)
            }
            Refusal::Drop(reason) => origin.link().is_none().then(|| reason.to_owned()),
        };
        out.tell(ToFetch::OfferDropped { hash, reason });
        Ok(())
    }

    fn judge_offer(
        &mut self,
        now: Now,
        origin: Origin,
        hash: Hash,
        header: Header,
        out: &mut Outbox,
    ) -> Result<Option<Refusal>, StoreError> {
        let Some(index) = &self.index else { return Ok(Some(Refusal::Drop("the node is starting"))) };
        match index.find(&hash)? {
            HeaderLookup::Invalid => return Ok(Some(Refusal::Fault(PeerFault::InvalidBranch))),
            HeaderLookup::Valid(node) => return self.judge_known(now.mono, origin, hash, node, out),
            HeaderLookup::Unknown => {}
        }
        let parent = match index.find(&header.previous)? {
            HeaderLookup::Valid(node) => node,
            HeaderLookup::Invalid => return Ok(Some(Refusal::Fault(PeerFault::InvalidBranch))),
            HeaderLookup::Unknown => {
                // Even one from nowhere has the work that it states, and that is no less than the chain's least.
                let target = header.target().filter(|target| *target <= self.spec.parameters.limit());
                if !target.is_some_and(|target| target.admits(&hash)) {
                    return Ok(Some(Refusal::Fault(HeaderFault::Work.into())));
                }
                if let Some(peer) = origin.link().and_then(|link| self.peers.get_mut(link)) {
                    peer.wake(now.mono);
                }
                return Ok(Some(Refusal::Drop("its parent is unknown")));
            }
        };
        let judged_by = self.clock.no_earlier_than_known(now);
        if rules::is_from_future(&self.spec, &header, judged_by.unix) {
            if let Some(peer) = origin.link().and_then(|link| self.peers.get_mut(link))
                && peer.questions.since.is_none()
                && peer.standing == Standing::Done
            {
                let mut follower = Follower::new(&self.spec, index, header.previous, parent)?;
                let refused = Refused::judge(&mut follower, [header]);
                peer.hold(judged_by, refused, self.spec.parameters.future_limit);
            }
            return Ok(Some(Refusal::Drop("its time is too far in the future")));
        }
        let previous = header.previous;
        let Some(index) = &self.index else { return Ok(None) };
        let row = match Follower::new(&self.spec, index, previous, parent)?.step(header, hash) {
            Ok(row) => row,
            Err(fault) => return Ok(Some(Refusal::Fault(fault.into()))),
        };
        if parent.withheld && !self.told_withheld(origin)? {
            self.reconsider(now.mono, previous, out)?;
        }
        let passes = self.passes(now.mono, origin, hash, &previous, &row.work)?;
        let Some(index) = &mut self.index else { return Ok(None) };
        let is_rival = row.work > index.applied().work;
        if !passes && !is_rival && !index.has_fork_room(now.mono, 1) {
            return Ok(Some(Refusal::Drop("its branch has less work, and there is no room for it")));
        }
        if let Some(peer) = origin.link().and_then(|link| self.peers.get_mut(link)) {
            peer.height = peer.height.max(row.header.height);
            peer.shows = Some(hash);
        }
        match self.accept(now.mono, vec![row], true, false, out)? {
            true => Ok(None),
            false if passes => {
                out.tell(ToFetch::OfferPasses { hash });
                Ok(None)
            }
            false => Ok(Some(Refusal::Drop("valid, but its chain does not have the most work"))),
        }
    }

    /// Whether the last header that we have of a peer is on a withheld branch, whose blocks it did not deliver.
    fn told_withheld(&self, origin: Origin) -> Result<bool, StoreError> {
        let peer = origin.link().and_then(|link| self.peers.get(link));
        let (Some(index), Some(told)) = (&self.index, peer.and_then(|peer| peer.told)) else { return Ok(false) };
        Ok(matches!(index.find(&told)?, HeaderLookup::Valid(node) if node.withheld))
    }

    /// A new block builds on a withheld branch, and came from a peer that did not tell us of that branch: other miners
    /// work there, so the branch gets its chance now and not in an hour. A liar pays for each time with the work of a block
    /// and with another connection.
    pub(super) fn reconsider(&mut self, now: Time, hash: Hash, out: &mut Outbox) -> Result<(), StoreError> {
        match self.index.as_ref().and_then(|index| index.withheld_from(&hash)) {
            Some(lowest) => self.release(now, lowest, out),
            None => Ok(()),
        }
    }

    /// Whether a block whose chain is not the best goes to the ledger all the same: its chain has as much work as ours, and
    /// the bodies below it are here. It need not wait for those of the best header chain; the ledger goes over to whatever
    /// has more work once its blocks are here.
    fn passes(
        &mut self,
        now: Time,
        origin: Origin,
        hash: Hash,
        parent: &Hash,
        work: &Work,
    ) -> Result<bool, StoreError> {
        let Some(index) = &self.index else { return Ok(false) };
        // A block of equal work is only stored: a command would wait for its verdict in vain.
        let enough = match origin {
            Origin::Command(_) => *work > index.applied().work,
            _ => *work >= index.applied().work,
        };
        let falls_behind = *work <= index.best().work && enough;
        if !falls_behind || self.passing.contains(&hash) || index.is_tip(&hash) {
            return Ok(false);
        }
        let extends = index.is_tip(parent) || self.passing.contains(parent) || index.has_body(parent)?;
        Ok(extends && self.passing.insert(now, hash))
    }

    /// A known header: its body is wanted only if it is on the best chain and not applied; then fetch was told so before.
    fn judge_known(
        &mut self,
        now: Time,
        origin: Origin,
        hash: Hash,
        node: HeaderNode,
        out: &mut Outbox,
    ) -> Result<Option<Refusal>, StoreError> {
        if node.withheld {
            // A block of a branch that nobody delivered is here: the branch gets its chance now.
            self.reconsider(now, hash, out)?;
        }
        let Some(index) = &self.index else { return Ok(None) };
        let applied = index.is_applied(&hash)?;
        let wanted = !applied && index.is_on_best(node.height, &hash)?;
        if !wanted && !applied && self.passes(now, origin, hash, &node.parent, &node.work)? {
            out.tell(ToFetch::OfferPasses { hash });
            return Ok(None);
        }
        Ok((!wanted).then_some(Refusal::Drop(if applied { "already known" } else { "not on the best chain" })))
    }
}
