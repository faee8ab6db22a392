//! Every sequence of what one authority may be told over four views, up to a depth, with equal states visited once.

use std::{
    collections::{BTreeSet, VecDeque},
    time::Duration,
};

use super::super::{Clock, Core, Effect, Place, Proposal, Setup, Signing};
use crate::{
    base::{hash::Hash, time::Time},
    chain::{
        archive::SealRecord,
        seal::{AuthoritySet, Certificate, SignedVote, Stage, Statement, Vote, Votes},
    },
};

const GENESIS: Hash = Hash([0xee; 32]);
/// Longer than any view.
const LONG_MS: u64 = 61_000;
/// Inputs in a sequence.
const DEPTH: usize = 4;

/// View, which of two proposals, and its parent in the same form; view 0 is genesis.
const BLOCKS: [((u64, u8), (u64, u8)); 8] = [
    ((1, 0), (0, 0)),
    ((1, 1), (0, 0)),
    ((2, 0), (1, 0)),
    ((2, 1), (0, 0)),
    ((3, 0), (2, 0)),
    ((3, 1), (1, 0)),
    ((4, 0), (3, 0)),
    ((4, 1), (2, 1)),
];

#[derive(Clone, Copy, Debug)]
enum Input {
    Proposed(usize),
    Notarised(usize),
    Skipped(u64),
    Final(usize),
    TimeOver,
    LedgerMoves,
    Restart,
}

fn inputs() -> Vec<Input> {
    let blocks = (0..BLOCKS.len()).flat_map(|block| [Input::Proposed(block), Input::Notarised(block)]);
    let skips = (1..=4).map(Input::Skipped);
    let others = [Input::Final(0), Input::Final(2), Input::TimeOver, Input::LedgerMoves, Input::Restart];
    blocks.chain(skips).chain(others).collect()
}

fn place((view, which): (u64, u8)) -> Place {
    let block = if view == 0 { GENESIS } else { Hash([u8::try_from(view).unwrap() * 2 + which; 32]) };
    Place { view, block }
}

struct Numbers;

impl Signing for Numbers {
    fn sign(&self, statement: Statement, signer: u8, clock: u64) -> SignedVote {
        SignedVote { statement, signer, vote: Vote { clock, signature: [signer; 64] } }
    }

    fn holds(&self, _: &SignedVote) -> bool {
        true
    }
}

fn certificate(statement: Statement) -> Certificate {
    // Others have signed it: this authority is number 0.
    let votes = (1..4u8).map(|signer| (usize::from(signer), Numbers.sign(statement, signer, 1).vote));
    Certificate { statement, votes: Votes::collect(votes) }
}

fn core(record: SealRecord, now: Clock) -> Core {
    let setup = Setup {
        set: AuthoritySet::new(0, (0..4).map(|number| [number; 32]).collect()),
        own: Some(0),
        base: Place { view: 0, block: GENESIS },
        handover: None,
        block_time: Duration::from_millis(200),
        idle_block_time: Duration::from_secs(1 << 30),
        record,
    };
    Core::new(setup, Box::new(Numbers), now)
}

/// The authority, its disk, and what it was told and has said in all its lives.
struct Authority {
    core: Core,
    disk: SealRecord,
    ledger: Hash,
    ms: u64,
    notarised: BTreeSet<Place>,
    skipped: BTreeSet<u64>,
    said: Vec<Statement>,
}

impl Authority {
    fn new() -> Self {
        let mut authority = Self {
            core: core(SealRecord::default(), Clock::default()),
            disk: SealRecord::default(),
            ledger: GENESIS,
            ms: 0,
            notarised: BTreeSet::from([place((0, 0))]),
            skipped: BTreeSet::new(),
            said: Vec::new(),
        };
        authority.core.allow_votes(Clock::default());
        authority.core.set_work(true, Clock::default());
        authority.follow();
        authority
    }

    fn now(&self) -> Clock {
        Clock { mono: Time(self.ms * 1000), unix_ms: self.ms }
    }

    fn tell(&mut self, input: Input) {
        let now = self.now();
        match input {
            Input::Proposed(at) => {
                let (own, parent) = (place(BLOCKS[at].0), place(BLOCKS[at].1));
                let shown = certificate(Statement::notarise(0, parent.view, parent.block));
                let parent_votes = if parent.view == 0 { Votes::default() } else { shown.votes };
                if self.core.wants_proposal(own.view, &own.block) {
                    self.notarised.insert(parent);
                }
                let proposal = Proposal { view: own.view, hash: own.block, parent, parent_votes };
                self.core.proposal(proposal, now).unwrap();
            }
            Input::Notarised(at) => {
                let Place { view, block } = place(BLOCKS[at].0);
                self.notarised.insert(Place { view, block });
                self.core.certificate(certificate(Statement::notarise(0, view, block)), now).unwrap();
            }
            Input::Skipped(view) => {
                self.skipped.insert(view);
                self.core.certificate(certificate(Statement::skip(0, view)), now).unwrap();
            }
            Input::Final(at) => {
                let Place { view, block } = place(BLOCKS[at].0);
                self.notarised.insert(Place { view, block });
                self.core.certificate(certificate(Statement::finalize(0, view, block)), now).unwrap();
            }
            Input::TimeOver => {
                self.ms += LONG_MS;
                self.core.wake(self.now());
            }
            Input::LedgerMoves => {
                self.ledger = self.core.certified().tip().block;
                self.core.set_ledger(self.ledger, now);
            }
            Input::Restart => {
                self.core = core(self.disk.clone(), now);
                self.core.allow_votes(now);
                self.core.set_ledger(self.ledger, now);
                self.core.set_work(true, now);
            }
        }
        self.follow();
        self.check_called_for(input);
    }

    /// Does what the core wants, and checks each vote against what was told and said before.
    fn follow(&mut self) {
        loop {
            let effects = self.core.effects();
            if effects.is_empty() {
                return;
            }
            for effect in effects {
                match effect {
                    Effect::KeepVote(vote) => {
                        self.disk.own_votes.retain(|kept| kept.statement.stage != vote.statement.stage);
                        self.disk.own_votes.push(vote);
                    }
                    Effect::KeepCertificate(certificate) => self.disk.certificates.push(certificate),
                    Effect::ForgetBelow(view) => self.disk.certificates.retain(|kept| kept.statement.view >= view),
                    Effect::SendVote(vote) => {
                        let says_more = |kept: &SignedVote| {
                            let (kept, said) = (kept.statement, vote.statement);
                            kept.stage == Stage::Skip && said.stage == Stage::Skip && kept.view > said.view
                        };
                        let is_written = self.disk.own_votes.iter().any(|kept| *kept == vote || says_more(kept));
                        assert!(is_written, "written first");
                        self.check_allowed(vote.statement);
                        self.said.push(vote.statement);
                    }
                    Effect::Check { hash } => self.core.checked(&hash, Some(true), self.now()),
                    _ => {}
                }
            }
        }
    }

    fn last(&self, stage: Stage) -> u64 {
        self.said.iter().filter(|said| said.stage == stage).map(|said| said.view).max().unwrap_or(0)
    }

    /// The rules of `MODEL.md`.
    fn check_allowed(&self, statement: Statement) {
        let Statement { stage, view, block, .. } = statement;
        let (skip, final_) = (self.last(Stage::Skip), self.last(Stage::Finalize));
        match stage {
            Stage::Notarise => {
                assert!(view > self.last(Stage::Notarise));
                assert!(self.may_build(Place { view, block }));
            }
            // S, or G for a view before the last one.
            Stage::Skip => assert!(view != skip && view > final_ && view < self.core.view() + u64::from(view > skip)),
            Stage::Finalize => {
                assert!(view > skip && view > final_);
                assert!(self.notarised.contains(&Place { view, block }));
            }
        }
    }

    fn may_build(&self, own: Place) -> bool {
        let block = BLOCKS.iter().find(|block| place(block.0) == own).expect("only these exist");
        let parent = place(block.1);
        self.notarised.contains(&parent) && (parent.view + 1..own.view).all(|view| self.skipped.contains(&view))
    }

    /// What the rules call for has been said.
    fn check_called_for(&self, input: Input) {
        let (view, tip) = (self.core.view(), self.core.certified().tip());
        let last_final = self.core.certified().last_final();
        let (skip, final_) = (self.last(Stage::Skip), self.last(Stage::Finalize));
        if let Some(proposal) = self.core.proposals().of(view)
            && self
                .core
                .certified()
                .notarised(proposal.parent.view)
                .is_some_and(|held| held.statement.block == proposal.parent.block)
            && self.core.certified().are_skipped(proposal.parent.view, view)
            && self.core.certified().keeps_final(&proposal.parent)
        {
            assert!(self.last(Stage::Notarise) >= view, "a vote for the block is called for");
        }
        if matches!(input, Input::TimeOver) {
            assert!(skip.max(final_) >= view, "a vote to skip is called for");
            for open in self.core.open_views() {
                let skipped = self.said.iter().any(|said| said.stage == Stage::Skip && said.view == open);
                assert!(skipped || open <= final_, "a late vote to skip is called for");
            }
        }
        if self.ledger == tip.block && tip.view > last_final.view {
            assert!(skip.max(final_) >= tip.view, "finality is called for");
        }
    }

    /// What decides of all that comes.
    fn fingerprint(&self) -> String {
        let certified: Vec<Statement> = self.core.certified().iter().map(|one| one.statement).collect();
        let kept: BTreeSet<Statement> = self.disk.certificates.iter().map(|one| one.statement).collect();
        let held: Vec<_> = (1..=6)
            .map(|view| (self.core.proposals().of(view).map(|held| held.hash), self.core.proposals().verdict(view)))
            .collect();
        let timer = (self.core.timer().started.is_some(), self.core.timer().repeated.is_some());
        let last = [Stage::Notarise, Stage::Skip, Stage::Finalize].map(|stage| self.last(stage));
        format!("{:?}", (self.core.view(), certified, kept, held, timer, last, self.ledger, &self.skipped))
    }
}

#[test]
fn whatever_an_authority_is_told_it_says_what_the_rules_allow_and_call_for() {
    let inputs = inputs();
    let mut seen = BTreeSet::from([Authority::new().fingerprint()]);
    let mut open: VecDeque<Vec<usize>> = VecDeque::from([Vec::new()]);
    while let Some(path) = open.pop_front() {
        for next in 0..inputs.len() {
            let mut authority = Authority::new();
            path.iter().for_each(|at| authority.tell(inputs[*at]));
            authority.tell(inputs[next]);
            if seen.insert(authority.fingerprint()) && path.len() + 1 < DEPTH {
                open.push_back([&path[..], &[next]].concat());
            }
        }
    }
    assert!(seen.len() > 1_000, "{}", seen.len());
}
