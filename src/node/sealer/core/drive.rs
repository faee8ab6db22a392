//! What a core does by itself: votes, certificates, views and timers.

use crate::{
    base::{hash::Hash, time::Time},
    chain::seal::{Certificate, SignedVote, Stage, Statement},
};

use super::{Clock, Core, Counted, Effect, Fate, Place, Unsigned, Verdict, ViewTimer, tally::VOTE_WINDOW};

/// Views behind the own one of which votes are kept, told again, and cast late.
const MOST_OPEN: usize = 16;

impl Core {
    /// Signs a statement if that contradicts nothing that this key signed. The record precedes the vote.
    fn cast(&mut self, statement: Statement, now: Clock) {
        let Some(own) = self.own.filter(|_| self.may_vote) else { return };
        if !self.own_votes.allow(&statement) {
            return;
        }
        let vote = self.signing.sign(statement, own, now.unix_ms);
        self.own_votes.note(vote);
        self.effects.push(Effect::KeepVote(vote));
        self.effects.push(Effect::SendVote(vote));
        self.count(vote, now);
    }

    /// Counts a vote whose signature holds.
    pub(super) fn count(&mut self, vote: SignedVote, now: Clock) -> Fate {
        // An own vote may be one of the set before.
        if vote.statement.epoch != self.set.epoch() {
            return Fate::Stale;
        }
        let fate = match self.tally.add(vote) {
            Counted::Fresh => Fate::Fresh,
            Counted::Known => return Fate::Stale,
            Counted::Lies(evidence) => {
                self.effects.push(Effect::KeepEvidence(evidence));
                Fate::Fresh
            }
        };
        self.certify_if_quorum(vote.statement, now);
        fate
    }

    /// Own votes from before the start: the certificate that one completed may be lost.
    pub(super) fn count_own(&mut self, now: Clock) {
        let votes: Vec<SignedVote> = self.own_votes.iter().copied().collect();
        for vote in votes {
            self.certify_if_quorum(vote.statement, now);
        }
    }

    fn certify_if_quorum(&mut self, statement: Statement, now: Clock) {
        if !self.certified.is_settled(&statement)
            && let Some(certificate) = self.tally.certificate(statement, self.set.quorum())
        {
            self.certify(certificate, now);
        }
    }

    /// Whether what a certificate says is a statement, which a quorum signed.
    pub(super) fn check(&self, certificate: &Certificate) -> Result<(), Unsigned> {
        let statement = &certificate.statement;
        if (statement.stage == Stage::Skip) != (statement.block == Hash::ZERO) {
            return Err(Unsigned);
        }
        if certificate.votes.count() < self.set.quorum() {
            return Err(Unsigned);
        }
        if self.certified.notarised(statement.view) == Some(certificate) {
            return Ok(());
        }
        let holds = |vote: SignedVote| self.tally.has(&vote) || self.signing.holds(&vote);
        certificate.signed_votes().all(holds).then_some(()).ok_or(Unsigned)
    }

    /// Takes a certificate that holds and is news.
    pub(super) fn certify(&mut self, certificate: Certificate, now: Clock) {
        let statement = certificate.statement;
        let place = Place { view: statement.view, block: statement.block };
        let was_known = self.certified.notarised(place.view).is_some_and(|held| held.statement.block == place.block);
        if self.certified.contradicts(&statement) {
            self.effects.push(Effect::Contradiction(statement));
        }
        if !self.certified.add(certificate.clone()) {
            return;
        }
        // It may have come before its votes, or without them.
        certificate.signed_votes().for_each(|vote| self.tally.hear(vote));
        self.effects.push(Effect::KeepCertificate(certificate.clone()));
        self.effects.push(Effect::SendCertificate(certificate));
        if place.view == self.view {
            self.keep_pace(statement.stage, now);
        }
        match statement.stage {
            Stage::Skip => {}
            Stage::Notarise => self.effects.push(Effect::Notarised(place)),
            Stage::Finalize => {
                if !was_known {
                    self.effects.push(Effect::Notarised(place));
                }
                self.pace.final_block();
                self.effects.push(Effect::ForgetBelow(place.view));
                self.effects.push(Effect::Final(place));
            }
        }
        if place.view >= self.view {
            self.enter(place.view.saturating_add(1), now);
        }
        self.trim();
        if statement.stage == Stage::Notarise {
            self.finalize_tip(now);
        }
    }

    fn keep_pace(&mut self, stage: Stage, now: Clock) {
        match (stage, self.timer.started) {
            (Stage::Skip, _) => self.pace.skipped(),
            (Stage::Notarise, Some(started)) => {
                let started = started.max(self.timer.entered + self.block_time);
                self.pace.notarised(self.leader(), started, now.mono);
            }
            _ => {}
        }
    }

    fn enter(&mut self, view: u64, now: Clock) {
        self.view = view;
        self.timer = ViewTimer { entered: now.mono, ..ViewTimer::default() };
        self.led = None;
    }

    /// Forgets what no longer matters.
    fn trim(&mut self) {
        let lowest = self.view.saturating_sub(VOTE_WINDOW).max(self.certified.last_final().view.saturating_add(1));
        let open = self.open_views();
        self.tally.keep(lowest, self.view.saturating_add(VOTE_WINDOW), &open);
        self.proposals.keep(self.certified.tip().view);
    }

    /// Says of the tip, unless this node voted to skip its view, that it is final as far as it goes. That waits for the block
    /// itself to be on the disk: else a power loss of all authorities at once could leave a final block that nobody has.
    pub(super) fn finalize_tip(&mut self, now: Clock) {
        let tip = self.certified.tip();
        if tip.view > self.certified.last_final().view && self.ledger == tip.block {
            self.cast(Statement::finalize(self.set.epoch(), tip.view, tip.block), now);
        }
    }

    /// Does what is due.
    pub(super) fn drive(&mut self, now: Clock) {
        self.driven = now.mono;
        loop {
            let view = self.view;
            self.start_timer(now);
            self.judge_proposals();
            self.vote_for_block(now);
            self.vote_again(now);
            self.skip_invalid(now);
            self.skip_when_over(now);
            self.lead(now);
            if self.view == view {
                return;
            }
        }
    }

    fn start_timer(&mut self, now: Clock) {
        let has_reason = self.wants_block(now.mono)
            || self.unfinished().is_some()
            || self.proposals.of(self.view).is_some()
            || self.tally.skips(self.view, self.own) > self.set.tolerated();
        // Without one, what waited is in a block since.
        self.timer.started = has_reason.then(|| self.timer.started.unwrap_or(now.mono));
    }

    /// Whether there is a reason for a block.
    fn wants_block(&self, now: Time) -> bool {
        self.has_work || self.wants_empty(now)
    }

    /// Whether a block without transactions is due: none came for long, or the last one needs another to become final.
    pub fn wants_empty(&self, now: Time) -> bool {
        self.empty_at() <= now
    }

    fn empty_at(&self) -> Time {
        let is_final = self.certified.tip().view == self.certified.last_final().view;
        self.timer.entered + if is_final { self.idle_block_time } else { self.pace.least() }
    }

    /// Has those proposals checked for whose place everything is proven.
    fn judge_proposals(&mut self) {
        let tip = self.certified.tip();
        for view in [tip.view, self.view] {
            let Some(proposal) = self.proposals.of(view) else { continue };
            if self.proposals.verdict(view) != Some(Verdict::Open) {
                continue;
            }
            let parent = proposal.parent;
            let is_notarised = parent == self.certified.last_final()
                || self.certified.notarised(parent.view).is_some_and(|held| held.statement.block == parent.block);
            let is_proven =
                is_notarised && self.certified.keeps_final(&parent) && self.certified.are_skipped(parent.view, view);
            let counts = tip == Place { view, block: proposal.hash };
            if is_proven || counts {
                self.effects.push(Effect::Check { hash: proposal.hash });
                self.proposals.set(view, Verdict::Asked);
            }
        }
    }

    /// Votes for the block of this view once it is known to be valid on a parent that may have it.
    fn vote_for_block(&mut self, now: Clock) {
        let Some(proposal) = self.proposals.of(self.view) else { return };
        let is_valid = self.proposals.verdict(self.view) == Some(Verdict::Valid);
        if is_valid && self.certified.keeps_final(&proposal.parent) {
            let statement = Statement::notarise(self.set.epoch(), self.view, proposal.hash);
            self.cast(statement, now);
        }
    }

    /// The last block of this set, if it is the one to build on, and not final: nothing may follow it by which it would become so.
    fn unfinished(&self) -> Option<Place> {
        let parent = self.parent();
        let is_final = parent.view <= self.certified.last_final().view;
        (self.last == Some(parent.block) && !is_final).then_some(parent)
    }

    /// Notarises the last block of this set again, as if an empty block followed it. No leader is needed: there is no choice.
    fn vote_again(&mut self, now: Clock) {
        let Some(last) = self.unfinished().filter(|last| last.block == self.ledger) else { return };
        if self.certified.are_skipped(last.view, self.view) {
            let statement = Statement::notarise(self.set.epoch(), self.view, last.block);
            if self.own.is_some() && self.may_vote && self.own_votes.allow(&statement) {
                // No proposal shows that it is notarised. Whoever does not know would propose and vote for another one.
                self.effects.extend(self.certified.notarised(last.view).cloned().map(Effect::SendCertificate));
                self.cast(statement, now);
            }
        }
    }

    /// Nothing is worth waiting for in a view whose proposal is invalid.
    fn skip_invalid(&mut self, now: Clock) {
        if self.proposals.verdict(self.view) == Some(Verdict::Invalid) {
            self.cast(Statement::skip(self.set.epoch(), self.view), now);
        }
    }

    fn end_of_view(&self) -> Option<Time> {
        self.own.and_then(|_| self.timer.end(self.block_time, self.pace.timeout()))
    }

    /// Votes to skip a view whose time is over, and says again what others may have missed if that does not help.
    fn skip_when_over(&mut self, now: Clock) {
        let Some(end) = self.end_of_view().filter(|end| *end <= now.mono) else { return };
        let last = self.timer.repeated;
        if last.is_none_or(|last| last.max(end) + self.pace.timeout() <= now.mono) {
            self.timer.repeated = Some(now.mono);
            self.effects.extend(last.map(|_| Effect::Repeat));
        }
        self.cast(Statement::skip(self.set.epoch(), self.view), now);
        self.skip_late(now);
    }

    /// The lowest views behind the own one over which the next block cannot be built from where the ledger is: neither
    /// skipped, nor notarised with a block that is here.
    pub fn open_views(&self) -> Vec<u64> {
        let tip = Some(self.certified.tip()).filter(|tip| tip.block == self.ledger);
        let here = tip.or_else(|| self.certified.place_of(&self.ledger)).unwrap_or(self.certified.last_final());
        self.certified.unskipped(here.view, self.view, MOST_OPEN)
    }

    /// Whether a view behind the own one is one of those. Mostly no look at all views is needed to tell that it is not.
    pub(super) fn is_open(&self, view: u64) -> bool {
        let is_behind = view < self.view && !self.certified.is_skipped(view);
        is_behind && self.open_views().contains(&view)
    }

    /// What a peer may miss: certificates, then votes.
    pub fn catch_up(&self) -> (Vec<Certificate>, Vec<SignedVote>) {
        (self.certified.iter().cloned().collect(), self.wanted_votes())
    }

    /// The votes that a peer may miss.
    pub fn wanted_votes(&self) -> Vec<SignedVote> {
        let views = [self.open_views(), vec![self.view]].concat();
        self.tally.wanted_in(&views).copied().collect()
    }

    /// The view behind the own one for which no certificate is here at all, so that no block can follow.
    pub fn unproven(&self) -> Option<u64> {
        self.certified.unskipped(self.certified.tip().view, self.view, 1).first().copied()
    }

    /// Votes to skip views behind the own one over which nobody may get: after a power loss the votes, or all copies of the
    /// block, of a view may be gone although a later one is skipped. Not before a later view's time was over as well.
    fn skip_late(&mut self, now: Clock) {
        let Some(own) = self.own.filter(|_| self.may_vote) else { return };
        for view in self.open_views() {
            let statement = Statement::skip(self.set.epoch(), view);
            if self.own_votes.allow_late_skip(&statement) && !self.tally.has_skipped(view, own) {
                let vote = self.signing.sign(statement, own, now.unix_ms);
                self.effects.push(Effect::SendVote(vote));
                self.count(vote, now);
            }
        }
    }

    fn is_leader(&self) -> bool {
        self.own.is_some_and(|own| usize::from(own) == self.leader())
    }

    /// The block on which to build: the tip. But a block that was notarised although its view was skipped may be one that
    /// nobody has any more; then the block at which the ledger is, if each view since then was skipped.
    fn parent(&self) -> Place {
        let tip = self.certified.tip();
        if self.ledger == tip.block || !self.certified.is_skipped(tip.view) {
            return tip;
        }
        let here = self.certified.place_of(&self.ledger);
        here.filter(|here| self.certified.are_skipped(here.view, self.view)).unwrap_or(tip)
    }

    /// Has a block made if it is this node's turn.
    fn lead(&mut self, now: Clock) {
        let parent = self.parent();
        let may = self.may_vote
            && self.is_leader()
            && self.led.is_none()
            && self.proposed.is_none_or(|last| last < (self.set.epoch(), self.view))
            && self.proposals.of(self.view).is_none()
            && self.own_votes.allow(&Statement::notarise(self.set.epoch(), self.view, parent.block));
        let is_due = self.wants_block(now.mono) && self.timer.entered + self.block_time <= now.mono;
        let is_over = self.last == Some(parent.block);
        if !may
            || !is_due
            || is_over
            || self.ledger != parent.block
            || !self.certified.are_skipped(parent.view, self.view)
        {
            return;
        }
        if let Some(parent_votes) = self.certified.votes_of(&parent) {
            self.led = Some(self.view);
            self.effects.push(Effect::Lead { view: self.view, parent, parent_votes });
        }
    }

    /// When [`Core::wake`] has something to do.
    pub fn deadline(&self) -> Option<Time> {
        let empty = Some(self.empty_at()).filter(|_| self.own.is_some());
        let lead = Some(self.timer.entered + self.block_time).filter(|_| self.is_leader() && self.led.is_none());
        let end = self.end_of_view();
        let repeat = end.and_then(|end| Some(self.timer.repeated?.max(end) + self.pace.timeout()));
        [empty, lead, end, repeat].into_iter().flatten().filter(|time| *time > self.driven).min()
    }
}
