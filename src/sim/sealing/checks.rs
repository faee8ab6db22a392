//! What must hold whoever lies: of the network, that no two final blocks contradict each other; of each honest authority,
//! that it keeps the rules by which that follows.

use std::collections::{BTreeMap, BTreeSet};

use crate::{
    base::hash::Hash,
    chain::seal::{Certificate, SignedVote, Stage},
    node::sealer::core::Place,
};

use super::{blocks::Blocks, plan::Plan};

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
    quorum: usize,
    honest: BTreeSet<usize>,
    /// The highest final block of all.
    highest: Place,
    finals: BTreeMap<usize, Place>,
    blocks_voted: BTreeMap<(usize, u64), Hash>,
    skipped_by: BTreeMap<u64, BTreeSet<u8>>,
    said: BTreeMap<(usize, u64), Stage>,
    proposed: BTreeMap<(usize, u64), Hash>,
    complaint: Option<Complaint>,
}

impl Checks {
    pub(super) fn new(plan: &Plan, genesis: Place) -> Self {
        Self {
            quorum: plan.quorum(),
            honest: (0..plan.count).filter(|number| plan.lie(*number).is_none()).collect(),
            highest: genesis,
            finals: BTreeMap::new(),
            blocks_voted: BTreeMap::new(),
            skipped_by: BTreeMap::new(),
            said: BTreeMap::new(),
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

    /// A vote is on the wire, or is shown to somebody.
    pub(super) fn vote(&mut self, by: usize, vote: &SignedVote, blocks: &Blocks, is_written: bool) {
        let statement = vote.statement;
        if statement.stage == Stage::Skip {
            self.skipped_by.entry(statement.view).or_default().insert(vote.signer);
        }
        if !self.honest.contains(&by) {
            return;
        }
        self.require(is_written, Complaint::Unwritten);
        match statement.stage {
            Stage::Notarise => self.vote_for_block(by, statement.view, &statement.block, blocks),
            stage => {
                let said = *self.said.entry((by, statement.view)).or_insert(stage);
                self.require(said == stage, Complaint::FinalAndSkip);
            }
        }
    }

    fn vote_for_block(&mut self, by: usize, view: u64, hash: &Hash, blocks: &Blocks) {
        let first = *self.blocks_voted.entry((by, view)).or_insert(*hash);
        self.require(first == *hash, Complaint::VotedTwice);
        let Some(block) = blocks.get(hash) else { return };
        self.require(block.is_valid, Complaint::Invalid);
        let mut between = block.parent.view + 1..view;
        let skipped = between.all(|view| self.skipped_by.get(&view).is_some_and(|by| by.len() >= self.quorum));
        self.require(skipped, Complaint::NotSkipped);
    }

    /// An honest authority shows a certificate.
    pub(super) fn certificate(&mut self, certificate: &Certificate) {
        self.require(certificate.votes.count() >= self.quorum, Complaint::NoQuorum);
    }

    /// An honest authority holds a block final.
    pub(super) fn is_final(&mut self, by: usize, place: Place, blocks: &Blocks) {
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
    pub(super) fn proposed(&mut self, by: usize, place: &Place) {
        let first = *self.proposed.entry((by, place.view)).or_insert(place.block);
        self.require(first == place.block, Complaint::ProposedTwice);
    }

    /// An honest authority holds another for a liar.
    pub(super) fn evidence(&mut self, against: u8) {
        self.require(!self.honest.contains(&usize::from(against)), Complaint::FalseEvidence);
    }
}

/// Whether one of two blocks leads to the other.
fn are_one_chain(one: &Place, other: &Place, blocks: &Blocks) -> bool {
    if one.view < other.view { blocks.leads_to(one, other) } else { blocks.leads_to(other, one) }
}
