//! What people see of a sealed chain, and why it does not go on.

use std::{sync::Arc, time::Duration};

use crate::{
    base::{
        hash::{Hash, hex},
        time::{Now, Time},
    },
    chain::{
        seal::{Certificate, SignedVote, Stage},
        spec::ChainSpec,
    },
    node::{
        HindranceReporter, Outbox,
        hindrance::{Finding, HindranceId},
        report::{AuthorityReport, FinalBlock, Report, SealingReport},
    },
};

use super::{core::Core, disputes::Disputes, keys::Keys};

/// Who was last heard is told this often at most when nothing else changes.
const SEEN_INTERVAL: Duration = Duration::from_secs(1);
/// A view that takes this many of its times is worth a word.
const STUCK_TIMES: u32 = 3;

/// A view that nothing proves is worth a word after this time: longer than a certificate is on its way, and than it takes to
/// skip a view late.
const GAP_TOLD: Duration = Duration::from_secs(10);

/// Too few authorities are worth a word in a network at rest after this time: longer than a restart takes.
const QUIET_TOLD: Duration = Duration::from_secs(10);

/// What the report needs besides the core.
pub(super) struct Facts {
    pub(super) last_final: FinalBlock,
    /// What shows that it is final.
    pub(super) finality: Option<Arc<Certificate>>,
    /// How many have told what this key signed; `None`: enough.
    pub(super) recalled: Option<usize>,
    /// Which authorities were last heard by peers that are gone, ascending.
    pub(super) cut: Vec<usize>,
    /// How many are proven to lie.
    pub(super) liars: usize,
}

/// Tells the status.
pub(super) struct Reporter {
    authorities: Vec<AuthorityReport>,
    own: Option<usize>,
    quorum: usize,
    /// The last block of this set, by the chain's file.
    until: Option<u32>,
    told: SealingReport,
    next: Time,
    /// Somebody was heard, which is told then.
    untold: bool,
    stuck_at: Option<Time>,
    /// The view that nothing proves, so that no block can follow, and since when.
    gap: Option<(u64, Time)>,
    /// Since when too few authorities may be there, though nothing waits.
    quiet_since: Option<Time>,
    looked: Time,
    contradicted: bool,
    disputes: Disputes,
    hindrances: HindranceReporter,
}

impl Reporter {
    pub(super) fn new(keys: &Keys, spec: &ChainSpec) -> Self {
        let mut reporter = Self {
            authorities: Vec::new(),
            own: None,
            quorum: 0,
            until: None,
            told: SealingReport::default(),
            next: Time::default(),
            untold: false,
            stuck_at: None,
            gap: None,
            quiet_since: None,
            looked: Time::default(),
            contradicted: false,
            disputes: Disputes::default(),
            hindrances: HindranceReporter::default(),
        };
        reporter.turn(keys, spec);
        reporter
    }

    /// Another set seals.
    pub(super) fn turn(&mut self, keys: &Keys, spec: &ChainSpec) {
        let before = std::mem::take(&mut self.authorities);
        let report = |key: &[u8; 32]| AuthorityReport {
            key: *key,
            seen: before.iter().find(|one| one.key == *key).and_then(|one| one.seen),
            voted: 0,
        };
        self.authorities = keys.set.keys().iter().map(report).collect();
        (self.own, self.quorum) = (keys.own_number().map(usize::from), keys.set.quorum());
        let next = spec.authorities.term_of(keys.set.epoch().saturating_add(1));
        self.until = next.map(|term| term.from.saturating_sub(1));
    }

    /// A new vote.
    pub(super) fn heard(&mut self, now: Now, vote: &SignedVote) {
        let Some(authority) = self.authorities.get_mut(usize::from(vote.signer)) else { return };
        authority.seen = Some(now.unix);
        if vote.statement.stage == Stage::Notarise {
            authority.voted = authority.voted.max(vote.statement.view);
        }
    }

    /// A new proposal.
    pub(super) fn proposed(&mut self, now: Now, leader: usize) {
        if let Some(authority) = self.authorities.get_mut(leader) {
            authority.seen = Some(now.unix);
        }
    }

    /// A leader names another set for the next block than the chain's file.
    pub(super) fn disputed(&mut self, now: Now, of: (u32, Hash), (view, leader): (u64, usize), named: Hash) {
        self.disputes.note(now, of, (view, leader), named);
    }

    /// Something certified contradicts what is final.
    pub(super) fn contradicted(&mut self) {
        self.contradicted = true;
    }

    /// Tells what changed.
    pub(super) fn report(&mut self, now: Now, core: &Core, facts: &Facts, out: &mut Outbox) {
        self.looked = now.mono;
        self.note_own(now, core);
        self.disputes.tell(now, core.certified().last_final().view, out);
        let stuck = self.stuck(now, core, facts);
        self.tell_quorum(now, stuck.clone(), facts, out);
        let tip = core.certified().tip();
        let report = SealingReport {
            last_final: facts.last_final,
            finality: facts.finality.clone(),
            view: core.view(),
            view_time: core.timeout(),
            leader: core.leader(),
            notarised: (tip.view, tip.block),
            own: self.own,
            epoch: core.set().epoch(),
            until: self.until,
            authorities: self.authorities.clone(),
            stuck,
            evidence: facts.liars,
        };
        let seen_only = SealingReport { authorities: self.told.authorities.clone(), ..report.clone() } == self.told;
        self.untold = seen_only && report != self.told;
        if report == self.told || (seen_only && now.mono < self.next) {
            return;
        }
        self.untold = false;
        self.next = now.mono + SEEN_INTERVAL;
        self.told.clone_from(&report);
        out.report(Report::Sealing(Box::new(report)));
    }

    /// Tells why nothing becomes final, or that nothing might if something came.
    fn tell_quorum(&mut self, now: Now, stuck: Option<String>, facts: &Facts, out: &mut Outbox) {
        let quiet = if stuck.is_none() { self.quiet(now, facts) } else { None };
        let advice = "start the authorities that are missing, or see that they reach this node";
        let finding = stuck.map(|stuck| Finding::new(stuck, advice));
        let finding = finding.or_else(|| quiet.map(|quiet| Finding::suspicion(quiet, advice)));
        if finding.as_ref() != self.hindrances.found(HindranceId::NoQuorum) {
            self.hindrances.set(now.unix, HindranceId::NoQuorum, finding, out);
        }
    }

    /// What shows in a network at rest, in which nobody votes, that too few authorities may be there.
    fn quiet(&mut self, now: Now, facts: &Facts) -> Option<String> {
        let count = self.authorities.len();
        let lacks_answers = facts.recalled.is_some();
        let is_quiet = lacks_answers || count.saturating_sub(facts.cut.len()) < self.quorum;
        self.quiet_since = is_quiet.then(|| self.quiet_since.unwrap_or(now.mono));
        if self.quiet_since.is_none_or(|since| since + QUIET_TOLD > now.mono) {
            return None;
        }
        if let Some(answered) = facts.recalled {
            return Some(self.unanswered(answered));
        }
        let (gone, quorum, missing) = (facts.cut.len(), self.quorum, self.shown(facts.cut.iter().copied()));
        Some(format!(
            "{gone} of {count} authorities were last heard over links that have ended, and {quorum} are needed for anything to \
             become final; missing: {missing}"
        ))
    }

    fn unanswered(&self, answered: usize) -> String {
        format!("{answered} of {} authorities have told what this key signed", self.quorum)
    }

    /// Authorities by number and key: an operator knows the keys.
    fn shown(&self, numbers: impl Iterator<Item = usize>) -> String {
        let shown = |number: usize| {
            let key = self.authorities.get(number).map_or_else(String::new, |one| hex(&one.key));
            format!("{number} (key {}…)", key.get(..8).unwrap_or_default())
        };
        numbers.map(shown).collect::<Vec<_>>().join(", ")
    }

    fn note_own(&mut self, now: Now, core: &Core) {
        let Some(own) = self.own.and_then(|own| self.authorities.get_mut(own)) else { return };
        let voted = core.own_votes().of(Stage::Notarise).map_or(0, |vote| vote.statement.view);
        if own.seen.is_none() || own.voted != voted {
            (own.seen, own.voted) = (Some(now.unix), voted);
        }
    }

    /// Why nothing becomes final although something waits.
    fn stuck(&mut self, now: Now, core: &Core, facts: &Facts) -> Option<String> {
        if self.contradicted {
            return Some("more authorities lie than the chain can bear: certificates contradict each other".to_owned());
        }
        self.gap = core.unproven().map(|view| match self.gap {
            Some((same, since)) if same == view => (view, since),
            _ => (view, now.mono),
        });
        if let Some((view, since)) = self.gap
            && since + GAP_TOLD <= now.mono
        {
            return Some(format!(
                "no block can follow: view {view} is neither notarised nor skipped by {} authorities",
                self.quorum
            ));
        }
        // Not from the start of the view, in which a network may have been at rest.
        self.stuck_at = core.timer().started.map(|started| started + core.timeout() * STUCK_TIMES);
        if self.stuck_at.is_none_or(|at| at > now.mono) {
            return None;
        }
        if let Some(answered) = facts.recalled {
            return Some(self.unanswered(answered));
        }
        // Long after the end of a view's time whoever is there has voted to skip it.
        let voted: Vec<usize> =
            core.tally().of(core.view(), Stage::Skip).map(|vote| usize::from(vote.signer)).collect();
        let missing = self.shown((0..self.authorities.len()).filter(|number| !voted.contains(number)));
        let (here, count, quorum) = (voted.len(), self.authorities.len(), self.quorum);
        Some(format!("{here} of {count} authorities are heard and {quorum} are needed; missing: {missing}"))
    }

    /// Why the chain does not go on, as it was last told.
    #[cfg(test)]
    pub(super) fn told_stuck(&self) -> Option<String> {
        self.told.stuck.clone()
    }

    /// What is told of too few authorities.
    #[cfg(test)]
    pub(super) fn told_quorum(&self) -> Option<&Finding> {
        self.hindrances.found(HindranceId::NoQuorum)
    }

    pub(super) fn deadline(&self) -> Option<Time> {
        let seen = Some(self.next).filter(|_| self.untold);
        let gap = self.gap.map(|(_, since)| since + GAP_TOLD);
        let quiet = self.quiet_since.map(|since| since + QUIET_TOLD);
        let later = [self.stuck_at, gap, quiet, self.disputes.deadline()].map(|at| at.filter(|at| *at > self.looked));
        later.into_iter().chain([seen]).flatten().min()
    }
}
