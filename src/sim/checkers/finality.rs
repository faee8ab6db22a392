//! Sealed chains: no two final blocks contradict each other, at any node and at any time, over restarts too; nobody leaves
//! what it held final; what is final is in everybody's chain; and payments become final.

use std::collections::{BTreeMap, BTreeSet};

use crate::{
    base::{hash::Hash, time::Time},
    chain::{block::HashedTransaction, coin_key::CoinKey, header::Header, transaction::OutPoint},
    node::{ChainMove, SyncState},
    sim::world::World,
};

/// Payments that are remembered: more than a run has.
const MAX_KEPT: usize = 100_000;
/// Microseconds after its submission by which a payment must be final once all is calm.
const PATIENCE: u64 = 30_000_000;

/// What is final.
#[derive(Debug, Default)]
pub(in crate::sim) struct Finality {
    /// By height, as far as any honest node told.
    chain: BTreeMap<u32, Hash>,
    /// The last final block of each honest node, over all its lives. Where too many lie, only what its chain has counts: what others
    /// make final beside that is told, and never followed.
    pub(super) own: BTreeMap<usize, (u32, Hash)>,
    /// All that each has told as final, with the heights: one that leads elsewhere replaces none of them.
    told: BTreeMap<(usize, Hash), u32>,
    /// Told as final by nodes that do not have all blocks down to the last known one yet.
    open: BTreeSet<(usize, u32, Hash)>,
    /// Payments that were accepted after the faults: when, and the coin that each spends.
    payments: Vec<(Time, OutPoint)>,
}

impl Finality {
    /// A block and all before it are final: `lower` are those above the last one that is known, the highest first. What
    /// is wrong, if anything is.
    fn add(&mut self, blocks: &[(u32, Hash)]) -> Option<String> {
        for (height, hash) in blocks {
            if let Some(other) = self.chain.insert(*height, *hash).filter(|other| other != hash) {
                return Some(format!("{hash:?} and {other:?} are both final at height {height}"));
            }
        }
        None
    }
}

impl World {
    /// A node holds a block final.
    pub(in crate::sim) fn note_final(&mut self, node: usize, height: u32, hash: Hash) {
        log::debug!(target: "tussock::sim", "node {node} holds block {hash:?} final height={height}");
        let is_followed = !self.options.is_overthrown() || self.applied_at(node, height) == Some(hash);
        let finality = &mut self.checkers.finality;
        if is_followed {
            let own = finality.own.entry(node).or_insert((height, hash));
            *own = (*own).max((height, hash));
        }
        finality.told.insert((node, hash), height);
        if let Some(other) = finality.chain.get(&height).filter(|other| **other != hash) {
            let what = format!("holds {hash:?} final at height {height}, where {other:?} is");
            return self.fail("finality", Some(node), what);
        }
        finality.open.insert((node, height, hash));
        self.settle_final();
    }

    /// Links what was told as final to what was known before.
    fn settle_final(&mut self) {
        for (node, height, hash) in std::mem::take(&mut self.checkers.finality.open) {
            let known = |at: u32, hash: &Hash| self.checkers.finality.chain.get(&at) == Some(hash);
            let (mut blocks, mut at, mut block) = (Vec::new(), height, hash);
            // One step below the first known height, so that a branch below it shows.
            let is_linked = loop {
                if at == 0 || known(at, &block) {
                    break true;
                }
                blocks.push((at, block));
                let Some(header) = self.header_at(node, &block) else { break false };
                (at, block) = (at - 1, header.previous);
            };
            if !is_linked {
                self.checkers.finality.open.insert((node, height, hash));
            } else if let Some(what) = self.checkers.finality.add(&blocks) {
                return self.fail("finality", Some(node), what);
            }
        }
    }

    fn applied_at(&self, node: usize, height: u32) -> Option<Hash> {
        self.nodes[node].disk.read(|ledger| ledger.applied_at(height)).ok().flatten().map(|row| row.hash)
    }

    pub(super) fn header_at(&self, node: usize, hash: &Hash) -> Option<Header> {
        self.nodes[node].disk.read(|ledger| ledger.header(hash)).ok().flatten().map(|row| row.header)
    }

    /// A node's chain has moved.
    pub(in crate::sim) fn check_moved(&mut self, node: usize, moved: &ChainMove) {
        if self.options.authorities == 0 || moved.removed.is_empty() {
            return;
        }
        // A block that is left before it is final may come back: where two views were both notarised and skipped, the next block may
        // build on either.
        let finality = &self.checkers.finality;
        let own = moved.removed.iter().find_map(|hash| Some((hash, finality.told.get(&(node, *hash))?)));
        let other = finality.chain.iter().find(|(_, hash)| moved.removed.contains(hash));
        if let Some((hash, height)) = own {
            let what = format!("leaves {hash:?} at height {height}, which it held final");
            self.fail("left final", Some(node), what);
        } else if let Some((height, hash)) = other.filter(|_| !self.options.is_overthrown()) {
            let what = format!("leaves {hash:?} at height {height}, which others hold final");
            self.fail("finality", Some(node), what);
        }
    }

    /// Looks at what each node holds final: its chain must have it.
    pub(in crate::sim) fn check_finality(&mut self) {
        self.settle_final();
        for node in 0..self.options.nodes {
            let Some((height, hash)) = self.checkers.finality.own.get(&node).copied() else { continue };
            if !self.is_up(node) {
                continue;
            }
            if let Some(other) = self.applied_at(node, height).filter(|other| *other != hash) {
                let what = format!("has {other:?} at height {height}, where it holds {hash:?} final");
                return self.fail("left final", Some(node), what);
            }
        }
    }

    /// A node has accepted a payment.
    pub(in crate::sim) fn note_payment(&mut self, payment: &HashedTransaction) {
        let payments = &mut self.checkers.finality.payments;
        if let (Some(input), true) = (payment.transaction.inputs.first(), payments.len() < MAX_KEPT) {
            payments.push((self.now, input.outpoint));
        }
    }

    /// Whether all honest nodes hold their tips final, with all payments that were accepted some time ago. (One that spends a
    /// coin twice may have lost to the other.)
    pub(in crate::sim) fn is_all_final(&self) -> bool {
        let holds_tip = |node: usize| {
            let view = &self.nodes[node].view;
            let (tip, sealing) = (view.tip.as_ref(), view.sealing.as_ref());
            view.state == SyncState::Synced && tip.map(|tip| tip.hash) == sealing.map(|sealing| sealing.last_final.hash)
        };
        let is_open = |(at, coin): &(Time, OutPoint)| {
            let is_there = |node: &usize| {
                let disk = &self.nodes[*node].disk;
                disk.read(|ledger| matches!(ledger.coin(&CoinKey::of(coin)), Ok(Some(_))))
            };
            at.0 + PATIENCE <= self.now.0 && (0..self.options.nodes).any(|node| is_there(&node))
        };
        (0..self.options.nodes).all(holds_tip) && !self.checkers.finality.payments.iter().any(is_open)
    }
}
