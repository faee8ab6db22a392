//! Headers of blocks that were not requested: news from peers, submitted and mined blocks.

use crate::{
    base::{
        hash::Hash,
        ids::LinkId,
        time::{Now, Time},
    },
    chain::{
        archive::{HeaderRow, StoreError},
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
            validate::{self, Follower, Refused},
        },
        notice::ToFetch,
    },
};

/// What is to be said of a header.
enum Judged {
    /// It is valid and new. With its parent.
    New(Box<HeaderRow>, HeaderNode),
    Known(HeaderNode),
    Refused(Refusal),
}

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
        let judged = match self.joining {
            None => self.judge_offer(now, origin, hash, header, out)?,
            Some(_) => Some(self.judge_while_joining(now, origin, hash, header)?),
        };
        let refusal = match judged {
            None => return Ok(()),
            Some(refusal) => refusal,
        };
        let reason = self.refuse(origin, hash, refusal, out);
        out.tell(ToFetch::OfferDropped { hash, reason });
        Ok(())
    }

    /// Judges the header of a block whose body is not here. Nothing is kept of it: `Offered` follows once the body is.
    pub(super) fn take_announced(
        &mut self,
        now: Now,
        link: LinkId,
        hash: Hash,
        header: Header,
        out: &mut Outbox,
    ) -> Result<(), StoreError> {
        let previous = header.previous;
        let is_joining = self.joining.is_some();
        let is_wanted = match self.judge_header(now, Origin::Link(link), hash, header)? {
            Judged::New(..) if is_joining => {
                self.peers.get_mut(link).into_iter().for_each(|peer| peer.wake(now.mono));
                false
            }
            Judged::New(row, parent) => {
                let is_good = parent.withheld || self.may_lead(&row.work, &previous)?;
                if !is_good && self.is_ahead(&row.work) {
                    // Bodies below it are missing: only as a candidate, with its headers, can it be followed.
                    self.peers.get_mut(link).into_iter().for_each(|peer| peer.wake(now.mono));
                }
                is_good && !self.goes_too_deep(std::slice::from_ref(&*row))?
            }
            Judged::Known(node) => {
                let is_applied = self.index.as_ref().map(|index| index.is_applied(&hash)).transpose()?;
                let may_lead = is_applied == Some(false) && self.may_lead(&node.work, &node.parent)?;
                if !may_lead && self.is_ahead(&node.work) {
                    self.note_shown(link, hash);
                }
                may_lead
            }
            Judged::Refused(refusal) => {
                self.refuse(Origin::Link(link), hash, refusal, out);
                false
            }
        };
        out.tell(ToFetch::HeaderJudged { hash, is_wanted });
        Ok(())
    }

    /// Whether a block may lead to a better tip: its chain has more work than all others, or as much as ours, and the bodies
    /// below it are here.
    fn may_lead(&self, work: &Work, parent: &Hash) -> Result<bool, StoreError> {
        let Some(index) = &self.index else { return Ok(false) };
        let is_equal = *work >= index.applied().work;
        let is_near = || index.is_tip(parent) || self.passing.contains(parent);
        Ok(*work > index.best().work || is_equal && (is_near() || index.has_body(parent)?))
    }

    /// Whether a chain of so much work is one that the node lacks.
    fn is_ahead(&self, work: &Work) -> bool {
        self.index.as_ref().is_some_and(|index| *work > index.applied().work)
    }

    /// Notes that a peer has the chain up to a known header: it may be asked for its bodies.
    fn note_shown(&mut self, link: LinkId, hash: Hash) {
        if let Some(peer) = self.peers.get_mut(link).filter(|peer| peer.shows != Some(hash)) {
            peer.shows = Some(hash);
            self.candidates.look_again();
        }
    }

    /// Punishes whoever sent an invalid header. What a command hears of it.
    fn refuse(&mut self, origin: Origin, hash: Hash, refusal: Refusal, out: &mut Outbox) -> Option<String> {
        match refusal {
            Refusal::Fault(fault) => {
                let reason = fault.to_string();
                if let Some(link) = origin.link() {
                    log::warn!("offer refused link={} block={hash} fault={fault}", link.0);
                    self.punish(link, fault, out);
                }
                Some(reason)
            }
            Refusal::Drop(reason) => origin.link().is_none().then(|| reason.to_owned()),
        }
    }

    /// No body is of use, but whoever has a new block has its header.
    fn judge_while_joining(
        &mut self,
        now: Now,
        origin: Origin,
        hash: Hash,
        header: Header,
    ) -> Result<Refusal, StoreError> {
        Ok(match self.judge_header(now, origin, hash, header)? {
            Judged::Refused(refusal) => refusal,
            Judged::Known(_) => Refusal::Drop("the node joins with a snapshot"),
            Judged::New(..) => {
                if let Some(peer) = origin.link().and_then(|link| self.peers.get_mut(link)) {
                    peer.wake(now.mono);
                }
                Refusal::Drop("the node joins with a snapshot")
            }
        })
    }

    fn judge_offer(
        &mut self,
        now: Now,
        origin: Origin,
        hash: Hash,
        header: Header,
        out: &mut Outbox,
    ) -> Result<Option<Refusal>, StoreError> {
        let previous = header.previous;
        let (row, parent) = match self.judge_header(now, origin, hash, header)? {
            Judged::New(row, parent) => (*row, parent),
            Judged::Known(node) => return self.judge_known(now.mono, origin, hash, node, out),
            Judged::Refused(refusal) => return Ok(Some(refusal)),
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

    /// Checks a header against its parent: seal, work, time.
    fn judge_header(&mut self, now: Now, origin: Origin, hash: Hash, header: Header) -> Result<Judged, StoreError> {
        let refused = |refusal| Ok(Judged::Refused(refusal));
        let Some(index) = &self.index else { return refused(Refusal::Drop("the node is starting")) };
        match index.find(&hash)? {
            HeaderLookup::Invalid => return refused(Refusal::Fault(PeerFault::InvalidBranch)),
            HeaderLookup::Valid(node) => return Ok(Judged::Known(node)),
            HeaderLookup::Unknown
                if self.spec.seal_rules().needs_certificate()
                    && !self.certified.counts(&self.spec, header.height, &hash) =>
            {
                return refused(Refusal::Drop("nothing shows that a quorum of authorities has notarised it"));
            }
            HeaderLookup::Unknown => {}
        }
        let parent = match index.find(&header.previous)? {
            HeaderLookup::Valid(node) => node,
            HeaderLookup::Invalid => return refused(Refusal::Fault(PeerFault::InvalidBranch)),
            HeaderLookup::Unknown => {
                if let Err(fault) = self.spec.seal_rules().check_stray(&self.spec, &header, &hash) {
                    return refused(Refusal::Fault(fault.into()));
                }
                if let Some(peer) = origin.link().and_then(|link| self.peers.get_mut(link)) {
                    peer.wake(now.mono);
                }
                return refused(Refusal::Drop("its parent is unknown"));
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
            return refused(Refusal::Drop("its time is too far in the future"));
        }
        let previous = header.previous;
        let Some(index) = &self.index else { return refused(Refusal::Drop("the node is starting")) };
        let row = match Follower::new(&self.spec, index, previous, parent)?.step(header, hash) {
            Ok(row) => row,
            // It is certified: this node's file is not the others'.
            Err(HeaderFault::NextAuthorities(_) | HeaderFault::Continued { .. }) => {
                return refused(Refusal::Drop("names authorities who are unknown"));
            }
            Err(fault) => return refused(Refusal::Fault(fault.into())),
        };
        if !validate::is_handed_over(&self.spec, &row.header) {
            return refused(Refusal::Fault(HeaderFault::VoteSignature.into()));
        }
        Ok(Judged::New(Box::new(row), parent))
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
