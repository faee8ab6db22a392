//! Headers of blocks that were not requested: news from peers, submitted and mined blocks.

use crate::{
    base::{
        hash::Hash,
        limits::MAX_WITHHELD,
        time::{Now, Time},
    },
    chain::{archive::StoreError, header::Header, rules, target::Work},
    node::{
        Origin, Outbox, PeerFault,
        headers::{
            Headers,
            header_node::{HeaderLookup, HeaderNode},
            index::Index,
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
                if let Some(peer) = origin.link().and_then(|link| self.peers.get_mut(link)) {
                    peer.wake(now.mono);
                }
                return Ok(Some(Refusal::Drop("its parent is unknown")));
            }
        };
        if rules::is_from_future(&self.spec, &header, now.unix) {
            if let Some(peer) = origin.link().and_then(|link| self.peers.get_mut(link))
                && peer.asked.is_none()
                && peer.standing == Standing::Done
            {
                let mut follower = Follower::new(&self.spec, index, header.previous, parent)?;
                let refused = Refused::judge(&mut follower, [header]);
                peer.hold(now, refused, self.spec.parameters.future_limit);
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
        self.doubt(now.mono, &previous, &row.work, out)?;
        let passes = self.passes(now.mono, origin, hash, &previous, &row.work)?;
        let Some(index) = &mut self.index else { return Ok(None) };
        if !passes && row.work <= index.best().work && !index.has_fork_room(now.mono, 1) {
            return Ok(Some(Refusal::Drop("its branch has less work, and there is no room for it")));
        }
        if let Some(peer) = origin.link().and_then(|link| self.peers.get_mut(link)) {
            peer.height = peer.height.max(row.header.height);
        }
        match self.accept(now.mono, vec![row], true, out)? {
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
    fn reconsider(&mut self, now: Time, mut hash: Hash, out: &mut Outbox) -> Result<(), StoreError> {
        while let Some(index) = &self.index
            && let HeaderLookup::Valid(node) = index.find(&hash)?
            && node.withheld
        {
            if self.withheld.contains_key(&hash) {
                return self.release(now, hash, out);
            }
            hash = node.parent;
        }
        Ok(())
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

    /// Sets those branches aside that have more work than a block that is here and leads on from our tip, and whose next
    /// block has been owed for long. Headers with much work and no blocks must not stop the chain. The honest branch that
    /// comes to light behind them must not go with them, though, before anybody was asked for it.
    fn doubt(&mut self, now: Time, parent: &Hash, work: &Work, out: &mut Outbox) -> Result<(), StoreError> {
        let leads_on = |index: &Index| index.builds_on_applied(parent);
        if !self.unproven.is_overdue(now) || !self.index.as_ref().map_or(Ok(false), leads_on)? {
            return Ok(());
        }
        for _ in 0..MAX_WITHHELD {
            let Some(index) = self.index.as_ref().filter(|index| index.best().work > *work) else { return Ok(()) };
            let Some(owed) = index.hash_at(self.fetched.saturating_add(1))? else { return Ok(()) };
            if index.is_applied(&owed)? {
                return Ok(());
            }
            self.set_aside(now, owed, out)?;
            if self.unproven.is_new() {
                return Ok(());
            }
        }
        Ok(())
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
        if !applied {
            self.doubt(now, &node.parent, &node.work, out)?;
        }
        let Some(index) = &self.index else { return Ok(None) };
        let wanted = !applied && index.is_on_best(node.height, &hash)?;
        if !wanted && !applied && self.passes(now, origin, hash, &node.parent, &node.work)? {
            out.tell(ToFetch::OfferPasses { hash });
            return Ok(None);
        }
        Ok((!wanted).then_some(Refusal::Drop(if applied { "already known" } else { "not on the best chain" })))
    }
}
