//! What must hold whoever lies: of the network, that no two final blocks contradict each other; of each honest authority,
//! that it keeps the rules by which that follows.

use std::collections::{BTreeMap, BTreeSet};

use crate::{
    base::hash::Hash,
    chain::seal::{Authorities, Certificate, Epoch, SignedVote, Stage, Statement},
    node::sealer::core::Place,
};

use super::{
    blocks::{Blocks, signer_of},
    plan::Plan,
};

/// What is wrong.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Complaint {
    /// Two honest authorities hold blocks final of which neither leads to the other.
    Conflict,
    /// An authority left a block that it held final, or built on another.
    LeftFinal,
    /// An honest authority voted for two blocks in one view.
    VotedTwice,
    /// An honest authority voted for both finality and skip of one view.
    FinalAndSkip,
    /// An honest authority sent a vote that its disk does not have.
    Unwritten,
    /// A certificate of fewer authorities than a quorum.
    NoQuorum,
    /// An honest authority voted for a block though a view between it and its parent was not skipped.
    NotSkipped,
    /// An honest authority does not build on the notarised block of the highest view.
    NotHighest,
    /// An honest authority voted for a block that another set is to seal, or holds such a block final.
    WrongSet,
    /// An honest authority voted for an invalid block.
    Invalid,
    /// An honest authority sent what its signer did not sign.
    Unsigned,
    /// An honest authority is held for a liar.
    FalseEvidence,
    /// An honest authority proposed two blocks in one view.
    ProposedTwice,
    /// Nothing became final within the bound after all was calm.
    NoProgress,
}

/// What was seen.
pub(super) struct Checks {
    authorities: Authorities,
    quorums: BTreeMap<Epoch, usize>,
    honest: BTreeSet<usize>,
    /// The highest final block of all.
    highest: Place,
    finals: BTreeMap<usize, Place>,
    blocks_voted: BTreeMap<(usize, Epoch, u64), Hash>,
    /// Who was heard to say what.
    said_by: BTreeMap<Statement, BTreeSet<u8>>,
    /// What authorities wrote, which counts for themselves even if a crash kept it from the wire.
    written: BTreeMap<(usize, Statement), u8>,
    ended: BTreeMap<(usize, Epoch, u64), Stage>,
    proposed: BTreeMap<(usize, Epoch, u64), Hash>,
    complaint: Option<Complaint>,
}

impl Checks {
    pub(super) fn new(plan: &Plan, genesis: Place) -> Self {
        Self {
            authorities: plan.authorities(),
            quorums: (0..).zip(0..=plan.later.len()).map(|(epoch, _)| (epoch, plan.quorum(epoch))).collect(),
            honest: (0..plan.nodes).filter(|number| plan.lie(*number).is_none()).collect(),
            highest: genesis,
            finals: BTreeMap::new(),
            blocks_voted: BTreeMap::new(),
            said_by: BTreeMap::new(),
            written: BTreeMap::new(),
            ended: BTreeMap::new(),
            proposed: BTreeMap::new(),
            complaint: None,
        }
    }

    pub(super) fn complaint(&self) -> Option<Complaint> {
        self.complaint
    }

    pub(super) fn highest(&self) -> Place {
        self.highest
    }

    pub(super) fn complain(&mut self, complaint: Complaint) {
        self.complaint.get_or_insert(complaint);
    }

    fn require(&mut self, holds: bool, complaint: Complaint) {
        if !holds {
            self.complain(complaint);
        }
    }

    /// An authority has its own vote on its disk.
    pub(super) fn written(&mut self, by: usize, vote: &SignedVote) {
        self.written.insert((by, vote.statement), vote.signer);
    }

    /// A vote is on the wire, or is shown to somebody.
    pub(super) fn vote(&mut self, by: usize, vote: &SignedVote, blocks: &Blocks, is_written: bool) {
        let statement = vote.statement;
        if statement.stage != Stage::Finalize {
            self.said_by.entry(statement).or_default().insert(vote.signer);
        }
        if !self.honest.contains(&by) {
            return;
        }
        self.require(signer_of(vote) == by, Complaint::Unsigned);
        match statement.stage {
            Stage::Notarise => self.vote_for_block(by, statement, blocks),
            stage => {
                let said = *self.ended.entry((by, statement.epoch, statement.view)).or_insert(stage);
                self.require(said == stage, Complaint::FinalAndSkip);
            }
        }
        self.require(is_written, Complaint::Unwritten);
    }

    fn quorum(&self, epoch: Epoch) -> usize {
        self.quorums.get(&epoch).copied().unwrap_or(usize::MAX)
    }

    fn vote_for_block(&mut self, by: usize, statement: Statement, blocks: &Blocks) {
        let Statement { epoch, view, block: hash, .. } = statement;
        let first = *self.blocks_voted.entry((by, epoch, view)).or_insert(hash);
        self.require(first == hash, Complaint::VotedTwice);
        let Some(block) = blocks.get(&hash) else { return };
        self.require(block.is_valid, Complaint::Invalid);
        self.require(self.is_of(block.height, epoch), Complaint::WrongSet);
        let (is_again, is_last) = (block.place.view != view, self.authorities.is_last_of_set(block.height));
        let from = if is_again && is_last { block.place.view } else { block.parent.view };
        let holds = |statement: Statement| {
            let mut voters = self.said_by.get(&statement).cloned().unwrap_or_default();
            voters.extend(self.written.get(&(by, statement)));
            voters.len() >= self.quorum(statement.epoch)
        };
        let is_again_here = |at: u64| is_again && holds(Statement::notarise(epoch, at, hash));
        let mut below = (from + 1..view).rev().take_while(|at| !is_again_here(*at));
        let skipped = below.all(|at| holds(Statement::skip(epoch, at)));
        self.require(skipped && (!is_again || is_last), Complaint::NotSkipped);
    }

    fn is_of(&self, height: u32, epoch: Epoch) -> bool {
        self.authorities.at(height).is_some_and(|set| set.epoch() == epoch)
    }

    /// An honest authority shows a certificate.
    pub(super) fn certificate(&mut self, certificate: &Certificate) {
        let quorum = self.quorum(certificate.statement.epoch);
        self.require(certificate.votes.count() >= quorum, Complaint::NoQuorum);
    }

    /// An honest authority holds a block final.
    pub(super) fn is_final(&mut self, by: usize, epoch: Epoch, place: Place, blocks: &Blocks) {
        let place = blocks.own_place(&place);
        self.require(self.is_of(blocks.height(&place.block), epoch), Complaint::WrongSet);
        let before = *self.finals.get(&by).unwrap_or(&blocks.genesis);
        self.require(are_one_chain(&before, &place, blocks), Complaint::LeftFinal);
        self.finals.insert(by, before.max(place));
        let agrees = are_one_chain(&place, &self.highest, blocks);
        self.require(agrees, Complaint::Conflict);
        self.highest = self.highest.max(place);
    }

    /// An honest authority builds on this block.
    pub(super) fn builds_on(&mut self, by: usize, place: &Place, highest: u64, blocks: &Blocks) {
        let last = *self.finals.get(&by).unwrap_or(&blocks.genesis);
        // After a crash it may know less than before.
        self.require(are_one_chain(&last, place, blocks), Complaint::LeftFinal);
        self.require(place.view >= highest, Complaint::NotHighest);
    }

    /// An honest authority proposes a block.
    pub(super) fn proposed(&mut self, by: usize, epoch: Epoch, place: &Place) {
        let first = *self.proposed.entry((by, epoch, place.view)).or_insert(place.block);
        self.require(first == place.block, Complaint::ProposedTwice);
    }

    /// An honest authority holds another for a liar.
    pub(super) fn evidence(&mut self, against: &SignedVote) {
        self.require(!self.honest.contains(&signer_of(against)), Complaint::FalseEvidence);
    }
}

/// Whether one of two blocks leads to the other.
fn are_one_chain(one: &Place, other: &Place, blocks: &Blocks) -> bool {
    if blocks.own_place(one).view < blocks.own_place(other).view {
        blocks.leads_to(one, other)
    } else {
        blocks.leads_to(other, one)
    }
}
