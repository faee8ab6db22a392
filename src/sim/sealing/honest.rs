//! An authority that keeps the rules, with its disk and the blocks that it has.

use std::{collections::BTreeSet, time::Duration};

use crate::{
    base::{hash::Hash, time::Time},
    chain::{
        archive::SealRecord,
        seal::{Certificate, SignedVote, Stage},
    },
    node::sealer::core::{Clock, Core, Place, Setup},
};

use super::blocks::{Blocks, Numbers, set};

/// The time from a notarisation to the next proposal.
const BLOCK_TIME: Duration = Duration::from_millis(200);
/// Time without work after which an empty block is due.
const IDLE_BLOCK_TIME: Duration = Duration::from_secs(600);

/// The authority.
pub(super) struct Honest {
    pub(super) core: Core,
    pub(super) is_up: bool,
    /// Grows with each start: what was under way before is lost.
    pub(super) life: u64,
    /// What a crash leaves.
    disk: SealRecord,
    /// Certificates that the next vote, or that of a notarised block, makes durable.
    unsaved: Vec<Certificate>,
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
}

fn core(number: usize, count: usize, record: SealRecord, now: Clock, base: Place) -> Core {
    let setup = Setup {
        set: set(count),
        own: u8::try_from(number).ok(),
        base,
        handover: None,
        block_time: BLOCK_TIME,
        idle_block_time: IDLE_BLOCK_TIME,
        record,
    };
    Core::new(setup, Box::new(Numbers(count)), now)
}

impl Honest {
    pub(super) fn new(number: usize, count: usize, blocks: &Blocks) -> Self {
        let genesis = blocks.genesis.block;
        Self {
            core: core(number, count, SealRecord::default(), Clock::default(), blocks.genesis),
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
            helped: vec![0; count],
        }
    }

    /// Starts on what the disk has, or had once.
    pub(super) fn start(&mut self, number: usize, on_older: bool, now: Clock, blocks: &Blocks) {
        if on_older {
            self.disk = self.older.clone();
        }
        let count = self.helped.len();
        self.core = core(number, count, self.disk.clone(), now, blocks.genesis);
        self.highest = self.core.certified().tip().view;
        (self.is_up, self.wakes_at) = (true, None);
        self.life += 1;
        self.made = 0;
        self.core.allow_votes(now);
        self.core.set_ledger(self.applied, now);
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
        for certificate in self.unsaved.drain(..) {
            self.disk.certificates.push(certificate);
        }
        self.disk.certificates.sort_by_key(|certificate| certificate.statement.view);
    }

    pub(super) fn keep_certificate(&mut self, certificate: Certificate) {
        let is_durable = certificate.statement.stage == Stage::Notarise;
        self.unsaved.push(certificate);
        if is_durable {
            self.flush();
        }
    }

    pub(super) fn forget_below(&mut self, view: u64) {
        self.disk.certificates.retain(|certificate| certificate.statement.view >= view);
        self.unsaved.retain(|certificate| certificate.statement.view >= view);
    }

    /// Remembers that it proposes in a view, unless it has since the start.
    pub(super) fn keep_proposed(&mut self, view: u64) -> bool {
        let is_new = self.made < view;
        if is_new {
            self.made = view;
            self.disk.proposed = Some((0, view));
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
