//! Rounds of `GetSync` and `Sync`, in both directions, and what peers claim.

use std::sync::Arc;

use crate::{
    base::{
        hash::Hash,
        ids::LinkId,
        limits::{GET_SYNC_POLL, MAX_SYNC_HEADERS, UNPROVEN_HEADERS},
        time::{Now, Time},
    },
    chain::{archive::StoreError, header::Header},
    node::{
        Outbox, PeerFault, PeerInfo,
        headers::{Headers, header_node::HeaderLookup, locator, locator::Answer, validate, validate::Batch},
        report::{Counter, SyncState},
    },
    wire::{
        message::{Kind, Locator, Message},
        sync,
    },
};

impl Headers {
    pub(super) fn punish(&mut self, link: LinkId, fault: PeerFault, out: &mut Outbox) {
        if let Some(peer) = self.peers.get_mut(link) {
            peer.closing = true;
        }
        out.fault(link, fault);
    }

    /// Answers a peer's `GetSync`. Questions that bring the peer further are never limited: during its sync they come
    /// by the hundred. Others have an allowance.
    pub(super) fn serve(
        &mut self,
        now: Time,
        link: LinkId,
        locator: &Locator,
        out: &mut Outbox,
    ) -> Result<(), StoreError> {
        let Some(index) = &self.index else { return Ok(()) };
        let answer = match self.joining {
            None => locator::answer(index.archive(), locator, self.skeleton.round())?,
            Some(_) => Answer { common: 0, headers: Vec::new() },
        };
        let Some(peer) = self.peers.get_mut(link) else { return Ok(()) };
        let further = peer.served.is_none_or(|served| answer.common > served) && !answer.headers.is_empty();
        if !further && !peer.idle_questions.take(now) {
            self.punish(link, PeerFault::Flood("GetSync"), out);
            return Ok(());
        }
        if further {
            peer.served = Some(answer.common);
        }
        out.count(Counter::SyncsServed, 1);
        out.answer(link, Kind::GetSync, [Message::Sync(sync::portion(answer.headers, self.skeleton.round()))]);
        Ok(())
    }

    /// A peer answers our `GetSync`.
    pub(super) fn take_sync(
        &mut self,
        now: Now,
        link: LinkId,
        headers: Vec<Header>,
        out: &mut Outbox,
    ) -> Result<(), StoreError> {
        let now = self.clock.no_earlier_than_known(now);
        self.peers.answered(now.mono, link);
        let rests = self.rests();
        let Some(peer) = self.peers.get_mut(link).filter(|_| self.index.is_some()) else { return Ok(()) };
        match peer.questions.answered(now.mono) {
            None => {
                self.punish(link, PeerFault::Unexpected(Kind::Sync), out);
                return Ok(());
            }
            // A node that rests asks again later.
            Some(is_useful) if !is_useful || rests => return Ok(()),
            Some(_) => {}
        }
        peer.refused = None;
        if headers.is_empty() {
            peer.done(now.mono);
            self.answered = true;
            self.end_round(link, None);
            return Ok(());
        }
        let full = sync::is_full(&headers, self.skeleton.round());
        let headers = self.with_held(link, headers);
        let Some((index, peer)) = self.index.as_ref().zip(self.peers.get_mut(link)) else { return Ok(()) };
        // A full round may have fewer headers if they are large.
        let count = if full { MAX_SYNC_HEADERS } else { headers.len() };
        let best = index.best().height;
        match validate::judge(&self.spec, index, headers, now.unix)? {
            Err(fault) => {
                log::warn!("refused link={} remote={} fault={fault}", link.0, peer.info.remote);
                self.punish(link, fault, out);
                Ok(())
            }
            Ok(mut batch) => {
                self.answered = true;
                let goes_on = batch.future.is_none() && batch.unknown.is_none();
                let end = (full && goes_on && !batch.rows.is_empty()).then_some(batch.last);
                let reached = batch.last.0;
                let unknown = batch.unknown.take();
                match unknown.is_some() {
                    // It shows that the one before it counts.
                    true => self.note_parent(&batch),
                    false => self.hold_last(link, &mut batch),
                }
                let taken = match self.leaves_final(&batch.rows)? {
                    true => self.ignore_unfinal(now, link, batch.last, out)?,
                    false => self.take_batch(now, link, full, batch, out)?,
                };
                // Another peer may have sent the same headers just before.
                if taken || reached >= best {
                    self.peers.delivered(now.mono, link, count);
                }
                self.end_round(link, end.filter(|_| taken));
                if let Some(unknown) = unknown {
                    self.meet_unknown(now, link, unknown, out);
                }
                self.take_held(now, out)
            }
        }
    }

    /// Whether its headers were taken.
    fn take_batch(
        &mut self,
        now: Now,
        link: LinkId,
        full: bool,
        batch: Batch,
        out: &mut Outbox,
    ) -> Result<bool, StoreError> {
        let Some((index, peer)) = self.index.as_mut().zip(self.peers.get_mut(link)) else { return Ok(false) };
        self.candidates.look_again();
        let Some((first, last)) = batch.rows.first().zip(batch.rows.last()) else {
            peer.showed(now.mono, batch.last.1);
            match batch.future {
                Some(refused) => peer.hold(now, refused, self.spec.parameters.future_limit),
                None if full => peer.repeated(now.mono, batch.last),
                None => peer.done(now.mono),
            }
            return Ok(false);
        };
        let leads = last.work > index.best().work;
        let parent = (first.header.height.saturating_sub(1), first.header.previous);
        let branches = parent.1 != index.best_hash();
        let guarded = branches && self.machine.state() == SyncState::Synced;
        let goes_on = peer.shows == Some(parent.1) && index.missing_up_to(peer.shows)? < UNPROVEN_HEADERS as usize;
        let room = match last.work > index.applied().work {
            // Each peer has a share of its own, so that nobody can use up those of others.
            true => !guarded && leads || goes_on || peer.branches.take(now.mono),
            false => index.has_fork_room(now.mono, batch.rows.len()),
        };
        if !room {
            log::warn!("fork ignored link={} remote={} height={}", link.0, peer.info.remote, batch.last.0);
            peer.ignore(now.mono, parent, index.is_on_best(parent.0, &parent.1)?);
            return Ok(false);
        }
        peer.showed(now.mono, batch.last.1);
        peer.brought(batch.last);
        if let Some(refused) = batch.future {
            peer.hold(now, refused, self.spec.parameters.future_limit);
        }
        self.peers.productive(now.mono, link);
        // Beyond the allowance a branch is only a candidate until a body of it comes.
        let aside = leads && guarded && !goes_on && !self.adoptions.take(now.mono);
        if let Some(first) = batch.rows.first().filter(|_| aside) {
            self.remember_withheld(now.mono, first.hash);
        }
        self.accept(now.mono, batch.rows, false, aside, out).map(|_| true)
    }

    /// A new peer. What its `Version` told of its tip counts as much as what its pings will.
    pub(super) fn meet(&mut self, now: Now, link: LinkId, peer: Arc<PeerInfo>) -> Result<(), StoreError> {
        let tip = peer.tip;
        self.peers.insert(now, link, peer);
        if self.known(&tip)?
            && let Some(peer) = self.peers.get_mut(link)
        {
            peer.shows = Some(tip);
            self.candidates.look_again();
        }
        Ok(())
    }

    /// A peer's ping tells its tip.
    pub(super) fn take_claim(&mut self, now: Time, link: LinkId, height: u32, tip: Hash) -> Result<(), StoreError> {
        let Some(best) = self.index.as_ref().map(|index| index.best().height) else { return Ok(()) };
        let known = self.known(&tip)?;
        if let Some(peer) = self.peers.get_mut(link) {
            (peer.height, peer.claimed) = (height, tip);
            if height >= best && !known {
                peer.wake(now);
            }
            if known && peer.shows != Some(tip) {
                peer.shows = Some(tip);
                self.candidates.look_again();
            }
        }
        Ok(())
    }

    fn known(&self, hash: &Hash) -> Result<bool, StoreError> {
        let Some(index) = self.index.as_ref().filter(|_| !self.rests()) else { return Ok(false) };
        Ok(index.find(hash)? != HeaderLookup::Unknown)
    }

    /// Asks each peer that is to be asked now.
    pub(super) fn drive(&mut self, now: Time, out: &mut Outbox) -> Result<(), StoreError> {
        for link in self.peers.overdue(now) {
            self.punish(link, PeerFault::SyncStall, out);
        }
        let Some(best) = self.index.as_ref().map(|index| index.best().work) else { return Ok(()) };
        if let Some(slow) = self.peers.switch(now, best) {
            log::info!("sync node switched from={} to={:?}", slow.0, self.peers.node().map(|(link, _)| link.0));
        }
        self.poll(now);
        self.peers.wake_due(now);
        if !self.open {
            return Ok(());
        }
        // However far ahead the best chain's headers are: others may be delivered sooner.
        for link in self.peers.fresh() {
            self.ask(now, link, out)?;
        }
        let room = self.has_room();
        if let Some(link) = self.peers.next_node(now, best).filter(|_| room) {
            self.ask(now, link, out)?;
        }
        self.ask_ahead(now, out);
        Ok(())
    }

    pub(super) fn ask(&mut self, now: Time, link: LinkId, out: &mut Outbox) -> Result<(), StoreError> {
        let Some((index, peer)) = self.index.as_ref().zip(self.peers.get_mut(link)) else { return Ok(()) };
        let locator = locator::build(index, peer.reached)?;
        peer.ask(now);
        out.send(link, &Message::GetSync(locator));
        Ok(())
    }

    /// A synced node asks some peer now and then although none announced anything. A peer whose tip is ours has nothing to
    /// add, and its next ping would tell of another one.
    fn poll(&mut self, now: Time) {
        if self.machine.state() != SyncState::Synced || self.next_poll.is_none_or(|at| at > now) {
            return;
        }
        self.next_poll = Some(now + GET_SYNC_POLL);
        let Some(best) = self.index.as_ref().map(|index| index.best_hash()) else { return };
        let differing = self.peers.iter().filter(|(_, peer)| peer.claimed != best);
        let links: Vec<LinkId> = differing.map(|(link, _)| link).collect();
        if let Some(peer) = self.rng.pick(&links).and_then(|link| self.peers.get_mut(*link)) {
            peer.wake(now);
        }
    }
}
