//! The rules by which authorities agree, after Simplex (Chan and Pass, 2023), as a deterministic state machine: no links, no
//! ledger, no disk. It is told votes, certificates, proposals and the time, and says what to do, in order.
//!
//! Every statement about safety rests on four rules, each in one place: an authority votes once a view for a block, and
//! never for both finality and skip of a view ([`OwnVotes`]); a vote counts once ([`Tally`]); a block gets a vote only if each
//! view between it and its parent is known to be skipped ([`Certified::are_skipped`]); the record of an own vote precedes
//! the vote ([`Effect`]s are done in order).

mod certified;
mod drive;
#[cfg(test)]
mod model;
mod own_votes;
mod pace;
mod proposals;
mod runs;
mod signing;
mod tally;
#[cfg(test)]
mod tests;

use std::time::Duration;

pub use self::{
    certified::{Certified, Place},
    own_votes::{OwnVotes, place_of},
    pace::{FIRST_TIMEOUT, LONGEST_TIMEOUT, Pace, ViewTimer},
    proposals::{AHEAD, Proposal, Proposals, Verdict},
    signing::Signing,
    tally::{Counted, Evidence, Tally, VOTE_WINDOW},
};
use crate::{
    base::{hash::Hash, time::Time},
    chain::{
        archive::SealRecord,
        seal::{AuthoritySet, Certificate, Epoch, SignedVote, Stage, Statement, Votes},
    },
};

/// What a core is started with.
pub struct Setup {
    /// Who decides.
    pub set: AuthoritySet,
    /// This node's number among them; `None`: it only listens.
    pub own: Option<u8>,
    /// What this set builds on: genesis, or the last block of the set before, in its own view or what follows from that.
    pub base: Place,
    /// The certificate by which that block is final; `None` for genesis.
    pub handover: Option<Certificate>,
    /// The least time from a notarisation to the next proposal.
    pub block_time: Duration,
    /// After how long a block without transactions is due.
    pub idle_block_time: Duration,
    /// What the disk has.
    pub record: SealRecord,
}

/// Both clocks: the monotonic one for timers, the other for votes.
#[derive(Clone, Copy, Debug, Default)]
pub struct Clock {
    /// For timers.
    pub mono: Time,
    /// What a vote carries: milliseconds since 1970.
    pub unix_ms: u64,
}

/// What has to be done, strictly in order.
#[derive(Clone, Debug, PartialEq)]
pub enum Effect {
    /// Write an own vote to the disk. If that fails, nothing after it may be done.
    KeepVote(SignedVote),
    /// Keep a certificate. That of a block is on the disk before the ledger hears of it.
    KeepCertificate(Certificate),
    /// Forget certificates of lower views.
    ForgetBelow(u64),
    /// Keep a proof that an authority lies.
    KeepEvidence(Box<Evidence>),
    /// Send a vote to all peers.
    SendVote(SignedVote),
    /// Send a certificate to all peers that have not shown it.
    SendCertificate(Certificate),
    /// Have a proposed block checked on its parent.
    Check {
        /// The block.
        hash: Hash,
    },
    /// Make a block and propose it.
    Lead {
        /// In this view.
        view: u64,
        /// On this block.
        parent: Place,
        /// Which these have notarised.
        parent_votes: Votes,
    },
    /// A block counts now.
    Notarised(Place),
    /// A block is final, and all before it.
    Final(Place),
    /// What is certified contradicts what is final: too many lie. Nothing final is left.
    Contradiction(Statement),
    /// Send all that [`Core::catch_up`] tells to all peers.
    Repeat,
}

/// What a message was.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Fate {
    /// New and true: pass it on.
    Fresh,
    /// Nothing new, or nothing that can be judged. Not passed on.
    Stale,
    /// Its sender is in an earlier view and needs certificates.
    Behind,
}

/// A message whose signatures do not hold. Nobody passes such on.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Unsigned;

/// The state machine.
pub struct Core {
    set: AuthoritySet,
    own: Option<u8>,
    signing: Box<dyn Signing>,
    block_time: Duration,
    idle_block_time: Duration,
    view: u64,
    timer: ViewTimer,
    pace: Pace,
    certified: Certified,
    tally: Tally,
    own_votes: OwnVotes,
    proposals: Proposals,
    base: Place,
    /// The last block of this set, once the ledger has it.
    last: Option<Hash>,
    /// False until others have told what this key signed.
    may_vote: bool,
    /// Whether a transaction waits.
    has_work: bool,
    /// The block up to which the ledger is applied.
    ledger: Hash,
    /// The view for which a block was asked for.
    led: Option<u64>,
    /// The last view in which this key proposed before the start.
    proposed: Option<(Epoch, u64)>,
    /// The time up to which everything due is done.
    driven: Time,
    effects: Vec<Effect>,
}

impl Core {
    /// A core that continues from what the disk has. It casts no vote before [`Core::allow_votes`].
    pub fn new(setup: Setup, signing: Box<dyn Signing>, now: Clock) -> Self {
        let Setup { set, own, base, handover, block_time, idle_block_time, record } = setup;
        let epoch = set.epoch();
        let mut certified = Certified::new(base, handover);
        let mut tally = Tally::new(epoch, &record.evidence);
        // These count for nothing: they tell their signers what they have said.
        let heard = record.heard.iter().filter(|vote| vote.statement.epoch == epoch);
        for vote in heard {
            tally.remember(*vote);
        }
        let certificates = || record.certificates.iter().filter(|kept| kept.statement.epoch == epoch);
        let newest = certificates().map(|kept| kept.statement.view).max().unwrap_or(0);
        for certificate in certificates() {
            let is_near = certificate.statement.view.saturating_add(VOTE_WINDOW) >= newest;
            certificate.signed_votes().for_each(|vote| if is_near { drop(tally.add(vote)) } else { tally.hear(vote) });
            if !certified.is_settled(&certificate.statement) {
                certified.add(certificate.clone());
            }
        }
        // A vote for a block may be all that is left of it: it is not said again before the ledger has the block.
        let of_set = record.own_votes.iter().filter(|vote| vote.statement.epoch == epoch);
        let said_again = of_set.filter(|vote| vote.statement.stage != Stage::Notarise);
        said_again.for_each(|vote| drop(tally.add(*vote)));
        let (view, pace) = (certified.highest() + 1, Pace::new(set.count(), set.tolerated()));
        Self {
            ledger: base.block,
            base,
            last: None,
            set,
            own,
            signing,
            block_time,
            idle_block_time,
            view,
            timer: ViewTimer { entered: now.mono, ..ViewTimer::default() },
            pace,
            certified,
            tally,
            own_votes: OwnVotes::new(&record.own_votes),
            proposals: Proposals::default(),
            may_vote: false,
            has_work: false,
            led: None,
            proposed: record.proposed,
            driven: now.mono,
            effects: Vec::new(),
        }
    }

    /// Takes what has to be done, strictly in order.
    pub fn effects(&mut self) -> Vec<Effect> {
        std::mem::take(&mut self.effects)
    }

    /// The view that this node is in.
    pub fn view(&self) -> u64 {
        self.view
    }

    /// Whose votes count.
    pub fn set(&self) -> &AuthoritySet {
        &self.set
    }

    /// What this set builds on.
    pub fn base(&self) -> Place {
        self.base
    }

    /// What is certified.
    pub fn certified(&self) -> &Certified {
        &self.certified
    }

    /// The votes that are here.
    pub fn tally(&self) -> &Tally {
        &self.tally
    }

    /// The newest votes of others that came since the last call, to be kept on the disk for their signers.
    pub fn take_heard(&mut self) -> Vec<SignedVote> {
        let mut votes = self.tally.take_unkept();
        votes.retain(|vote| Some(vote.signer) != self.own);
        votes
    }

    /// What this node's key has signed.
    pub fn own_votes(&self) -> &OwnVotes {
        &self.own_votes
    }

    /// The proposals that are here.
    pub fn proposals(&self) -> &Proposals {
        &self.proposals
    }

    /// Who proposes in it: its number.
    pub fn leader(&self) -> usize {
        self.set.leader(self.view)
    }

    /// The time that a view gets.
    pub fn timeout(&self) -> Duration {
        self.pace.timeout()
    }

    /// The current view's timer.
    pub fn timer(&self) -> &ViewTimer {
        &self.timer
    }

    /// Others have told what this key signed: votes are safe from now on.
    pub fn allow_votes(&mut self, now: Clock) {
        self.may_vote = true;
        self.count_own(now);
        self.finalize_tip(now);
        self.drive(now);
    }

    /// Whether a transaction waits.
    pub fn set_work(&mut self, has_work: bool, now: Clock) {
        self.has_work = has_work;
        self.drive(now);
    }

    /// No block of this set follows this one. If it does not become final at once, the set notarises it again.
    pub fn set_last(&mut self, block: Hash) {
        self.last = Some(block);
    }

    /// The block up to which the ledger is applied.
    pub fn set_ledger(&mut self, tip: Hash, now: Clock) {
        self.ledger = tip;
        self.led = None;
        self.proposals.retry();
        let voted = self.own_votes.of(Stage::Notarise).filter(|vote| vote.statement.block == tip);
        if let Some(vote) = voted.copied() {
            self.count(vote, now);
        }
        self.finalize_tip(now);
        self.drive(now);
    }

    /// A vote arrived.
    pub fn vote(&mut self, vote: SignedVote, now: Clock) -> Result<Fate, Unsigned> {
        let Statement { epoch, stage, view, block } = vote.statement;
        let is_vote = epoch == self.set.epoch() && (stage == Stage::Skip) == (block == Hash::ZERO);
        let is_over = view <= self.certified.last_final().view;
        let is_near = || view.abs_diff(self.view) <= VOTE_WINDOW || self.is_open(view);
        let is_of_use = if is_over { self.tally.is_newest(&vote) } else { !self.tally.is_settled(&vote) && is_near() };
        if !is_vote || !is_of_use {
            return Ok(self.fate_of_old(&vote));
        }
        if !self.signing.holds(&vote) {
            return Err(Unsigned);
        }
        if is_over {
            // It decides nothing any more, but its signer may ask for it.
            self.tally.hear(vote);
            return Ok(self.fate_of_old(&vote));
        }
        let fate = self.count(vote, now);
        self.drive(now);
        Ok(fate)
    }

    /// Somebody whose time for an earlier view is over does not know that the view is.
    fn fate_of_old(&self, vote: &SignedVote) -> Fate {
        let is_stuck = vote.statement.stage == Stage::Skip && vote.statement.view < self.view;
        if is_stuck { Fate::Behind } else { Fate::Stale }
    }

    /// A certificate arrived.
    pub fn certificate(&mut self, certificate: Certificate, now: Clock) -> Result<Fate, Unsigned> {
        let statement = certificate.statement;
        if statement.epoch != self.set.epoch() || self.certified.is_settled(&statement) {
            return Ok(Fate::Stale);
        }
        self.check(&certificate)?;
        self.certify(certificate, now);
        self.drive(now);
        Ok(Fate::Fresh)
    }

    /// A proposal arrived that its view's leader signed.
    pub fn proposal(&mut self, proposal: Proposal, now: Clock) -> Result<Fate, Unsigned> {
        if !self.wants_proposal(proposal.view, &proposal.hash) {
            return Ok(Fate::Stale);
        }
        // What the set builds on was final before it began.
        if proposal.parent != self.base {
            let statement = Statement::notarise(self.set.epoch(), proposal.parent.view, proposal.parent.block);
            let certificate = Certificate { statement, votes: proposal.parent_votes.clone() };
            self.check(&certificate)?;
            if !self.certified.is_settled(&statement) {
                self.certify(certificate, now);
            }
        }
        let fate = if self.wants_proposal(proposal.view, &proposal.hash) { Fate::Fresh } else { Fate::Stale };
        if fate == Fate::Fresh {
            self.proposals.add(proposal);
        }
        self.drive(now);
        Ok(fate)
    }

    /// Whether a proposal for this view would be of use: the first one of the current view or one of the next, or the
    /// notarised block of a view that is over and not final.
    pub fn wants_proposal(&self, view: u64, hash: &Hash) -> bool {
        let is_near = view >= self.view && view - self.view < AHEAD;
        let is_notarised = self.certified.notarised(view).is_some_and(|held| held.statement.block == *hash);
        (is_near || is_notarised) && self.proposals.of(view).is_none()
    }

    /// The ledger has judged a proposed block. `None`: it could not yet.
    pub fn checked(&mut self, hash: &Hash, is_valid: Option<bool>, now: Clock) {
        self.proposals.judge(hash, is_valid);
        self.drive(now);
    }

    /// There is no room for the blocks of proposals of views before this one.
    pub fn forget_proposals(&mut self, before: u64) {
        self.proposals.keep(before);
    }

    /// No block could be made now.
    pub fn not_led(&mut self) {
        self.led = None;
    }

    /// Time has passed.
    pub fn wake(&mut self, now: Clock) {
        self.drive(now);
    }
}
