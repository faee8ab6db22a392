//! An authority that keeps the rules, with its disk and the blocks that it has.

use std::{
    collections::{BTreeMap, BTreeSet},
    time::Duration,
};

use crate::{
    base::{hash::Hash, time::Time},
    chain::{
        archive::SealRecord,
        seal::{Authorities, AuthoritySet, Certificate, Epoch, SignedVote, Stage, Statement},
    },
    node::sealer::core::{Clock, Core, Place, Setup},
};

use super::blocks::{Blocks, Message, Numbers, number};

/// The time from a notarisation to the next proposal.
const BLOCK_TIME: Duration = Duration::from_millis(200);
/// Time without work after which an empty block is due.
const IDLE_BLOCK_TIME: Duration = Duration::from_secs(600);

/// The authority.
pub(super) struct Honest {
    node: usize,
    pub(super) authorities: Authorities,
    pub(super) core: Core,
    pub(super) is_up: bool,
    /// Grows with each start: what was under way before is lost.
    pub(super) life: u64,
    /// What a crash leaves.
    disk: SealRecord,
    /// What the next vote, or the certificate that first shows that a block counts, makes durable, in this order.
    unsaved: Vec<Write>,
    /// A disk from before.
    older: SealRecord,
    /// Blocks that it has.
    pub(super) known: BTreeSet<Hash>,
    pub(super) applied: Hash,
    /// The highest notarised view of this life.
    pub(super) highest: u64,
    /// The last view in which it proposed since the start.
    made: u64,
    pub(super) wakes_at: Option<Time>,
    /// When each other node was last helped.
    pub(super) helped: Vec<u64>,
    /// Messages of the next set, and whom they are from.
    pub(super) early: Vec<(usize, Message)>,
    /// What later sets hold final, whose chains are not here.
    pub(super) ahead: BTreeMap<Epoch, Certificate>,
}

/// A write that may be lost, with all after it.
#[derive(Clone)]
enum Write {
    Certificate(Certificate),
    ForgetBelow(u64),
}

impl Write {
    fn apply(self, record: &mut SealRecord) {
        match self {
            Self::Certificate(certificate) => record.certificates.push(certificate),
            Self::ForgetBelow(view) => record.certificates.retain(|kept| kept.statement.view >= view),
        }
        record.certificates.sort_by_key(|certificate| certificate.statement.view);
    }
}

fn core(node: usize, set: &AuthoritySet, (base, handover): Base, record: SealRecord, now: Clock) -> Core {
    let setup = Setup {
        set: set.clone(),
        own: number(set, node),
        base,
        handover,
        block_time: BLOCK_TIME,
        idle_block_time: IDLE_BLOCK_TIME,
        record,
    };
    Core::new(setup, Box::new(Numbers(set.clone())), now)
}

/// What a set builds on, and what shows that it is final.
pub(super) type Base = (Place, Option<Certificate>);

/// The set of an epoch.
pub(super) fn set_of(authorities: &Authorities, epoch: Epoch) -> AuthoritySet {
    authorities.of(epoch).cloned().unwrap_or_else(|| AuthoritySet::new(0, vec![[0; 32]]))
}

impl Honest {
    pub(super) fn new(node: usize, nodes: usize, authorities: Authorities, blocks: &Blocks) -> Self {
        let (genesis, first) = (blocks.genesis.block, set_of(&authorities, 0));
        Self {
            node,
            authorities,
            core: core(node, &first, (blocks.genesis, None), SealRecord::default(), Clock::default()),
            is_up: false,
            life: 0,
            disk: SealRecord::default(),
            unsaved: Vec::new(),
            older: SealRecord::default(),
            known: BTreeSet::from([genesis]),
            applied: genesis,
            highest: 0,
            made: 0,
            wakes_at: None,
            helped: vec![0; nodes],
            early: Vec::new(),
            ahead: BTreeMap::new(),
        }
    }

    /// Starts on what the disk has, or had once.
    pub(super) fn start(&mut self, on_older: bool, now: Clock, blocks: &Blocks) {
        if on_older {
            self.disk = self.older.clone();
        }
        (self.is_up, self.early, self.ahead) = (true, Vec::new(), BTreeMap::new());
        self.life += 1;
        self.take_set(self.disk.epoch(), (blocks.genesis, None), now, blocks);
    }

    /// From now on this set's votes count.
    pub(super) fn take_set(&mut self, epoch: Epoch, base: Base, now: Clock, blocks: &Blocks) {
        let mut record = self.disk.clone();
        self.unsaved.iter().for_each(|write| write.clone().apply(&mut record));
        self.core = core(self.node, &set_of(&self.authorities, epoch), base, record, now);
        self.highest = self.core.certified().tip().view;
        (self.wakes_at, self.made) = (None, 0);
        self.core.allow_votes(now);
        self.ahead.retain(|at, _| *at > epoch);
        self.note_ledger(now, blocks);
    }

    /// The latest view in which the block at which the ledger is was notarised, as far as is known.
    pub(super) fn applied_view(&self, blocks: &Blocks) -> u64 {
        let own = blocks.get(&self.applied).map_or(0, |applied| applied.place.view);
        self.core.certified().place_of(&self.applied).map_or(own, |place| place.view.max(own))
    }

    /// Whether the ledger is on a branch that leaves what is final: whatever the views there, it is wrong.
    pub(super) fn has_left_final(&self, blocks: &Blocks) -> bool {
        let last = self.core.certified().last_final().block;
        let is_below =
            |low: &Hash, high: &Hash| *low == blocks.genesis.block || blocks.chain(high).any(|at| at == *low);
        !is_below(&last, &self.applied) && !is_below(&self.applied, &last)
    }

    /// Tells the core where the ledger is.
    pub(super) fn note_ledger(&mut self, now: Clock, blocks: &Blocks) {
        let next = self.authorities.taking_over_at(blocks.height(&self.applied) + 1);
        if next.is_some_and(|term| term.set.epoch() > self.core.set().epoch()) {
            self.core.set_last(self.applied);
        }
        self.core.set_ledger(self.applied, now);
    }

    /// The set that takes over now: the block before its first is final and here.
    pub(super) fn next_turn(&self, blocks: &Blocks) -> Option<(Epoch, Base)> {
        let last = self.core.certified().last_final();
        let term = self.authorities.taking_over_at(blocks.height(&last.block) + 1)?;
        let is_due = term.set.epoch() > self.core.set().epoch() && self.has_chain(&last.block, blocks);
        let handover = self.core.certified().finality().cloned();
        let base = Place { view: term.base_view(blocks.own_place(&last).view), block: last.block };
        (is_due && handover.is_some()).then_some((term.set.epoch(), (base, handover)))
    }

    /// Whether a later set is known to hold this block final.
    pub(super) fn is_ahead(&self, hash: &Hash) -> bool {
        self.ahead.values().any(|shown| shown.statement.block == *hash)
    }

    /// The newest set of which a final block is here, with all before it.
    pub(super) fn shown(&self, blocks: &Blocks) -> Option<(Epoch, Certificate)> {
        let current = self.core.set().epoch();
        let is_here = |shown: &Certificate| self.has_chain(&shown.statement.block, blocks);
        let mut shown = self.ahead.iter().rev().take_while(|(epoch, _)| **epoch > current);
        shown.find(|(_, shown)| is_here(shown)).map(|(epoch, shown)| (*epoch, shown.clone()))
    }

    /// Blocks that are not applied are gone.
    pub(super) fn crash(&mut self, blocks: &Blocks) {
        self.is_up = false;
        self.known = blocks.chain(&self.applied).chain([blocks.genesis.block]).collect();
        self.unsaved.clear();
    }

    /// Remembers the disk as it is for a later start.
    pub(super) fn copy_disk(&mut self) {
        self.older = self.disk.clone();
    }

    pub(super) fn keep_vote(&mut self, vote: SignedVote) {
        self.disk.own_votes.retain(|kept| kept.statement.stage != vote.statement.stage);
        self.disk.own_votes.push(vote);
        self.flush();
    }

    fn flush(&mut self) {
        self.unsaved.drain(..).for_each(|write| write.apply(&mut self.disk));
    }

    pub(super) fn keep_certificate(&mut self, certificate: Certificate) {
        let Statement { stage, view, block, .. } = certificate.statement;
        let shows_block = |one: &Certificate| {
            one.statement.stage == Stage::Notarise && (one.statement.view, one.statement.block) == (view, block)
        };
        let is_durable = stage != Stage::Skip && !self.disk.certificates.iter().any(shows_block);
        self.unsaved.push(Write::Certificate(certificate));
        if is_durable {
            self.flush();
        }
    }

    pub(super) fn forget_below(&mut self, view: u64) {
        self.unsaved.push(Write::ForgetBelow(view));
    }

    /// Remembers that it proposes in a view, unless it has since the start.
    pub(super) fn keep_proposed(&mut self, view: u64) -> bool {
        let is_new = self.made < view;
        if is_new {
            self.made = view;
            self.disk.proposed = Some((self.core.set().epoch(), view));
        }
        is_new
    }

    pub(super) fn has_written(&self, vote: &SignedVote) -> bool {
        self.disk.own_votes.contains(vote)
    }

    /// Takes a block; true if it and all before it are here now.
    pub(super) fn take(&mut self, hash: Hash) {
        self.known.insert(hash);
    }

    /// Whether this block and all before it are here.
    pub(super) fn has_chain(&self, hash: &Hash, blocks: &Blocks) -> bool {
        blocks.chain(hash).take_while(|hash| *hash != self.applied).all(|hash| self.known.contains(&hash))
    }
}
