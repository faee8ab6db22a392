//! What a study measures while it runs: when which node had which news, and the frames that nodes heard.

use std::collections::{BTreeMap, BTreeSet};

use crate::{
    base::{hash::Hash, limits::FRAME_HEAD_BYTES, time::Time},
    wire::{frame::Frame, message::Kind},
};

/// Instead of a delay: it has not arrived.
const NEVER: u32 = u32::MAX;

/// How a piece of news spread.
#[derive(Clone, Debug)]
pub(super) struct Spread {
    /// When the first node had it.
    pub(super) first: Time,
    /// The node that had it first.
    pub(super) origin: usize,
    /// Number of nodes that have it.
    pub(super) reached: usize,
    /// Microseconds after that, by node; [`NEVER`] if it has not arrived.
    delays: Vec<u32>,
}

impl Spread {
    fn new(first: Time, origin: usize, nodes: usize) -> Self {
        Self { first, origin, reached: 0, delays: vec![NEVER; nodes] }
    }

    fn at(&mut self, node: usize, now: Time) {
        if self.delays[node] == NEVER {
            self.delays[node] = u32::try_from(now.since(self.first).as_micros()).unwrap_or(NEVER - 1).min(NEVER - 1);
            self.reached += 1;
        }
    }

    /// Microseconds after which a node had it.
    pub(super) fn delay(&self, node: usize) -> Option<u32> {
        Some(self.delays[node]).filter(|delay| *delay != NEVER)
    }

    /// Microseconds after which this share of all nodes had it.
    pub(super) fn to_percent(&self, percent: usize) -> Option<u32> {
        let mut delays = self.delays.clone();
        let rank = (delays.len() * percent).div_ceil(100).saturating_sub(1);
        let (_, delay, _) = delays.select_nth_unstable(rank);
        Some(*delay).filter(|delay| *delay != NEVER)
    }
}

/// Frames of one kind.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Heard {
    pub(super) frames: u64,
    /// With their heads.
    pub(super) bytes: u64,
}

/// What was measured.
pub(super) struct Measures {
    nodes: usize,
    /// Whether news counts already.
    pub(super) counts: bool,
    pub(super) blocks: BTreeMap<Hash, Spread>,
    /// How the network reached each height, by whichever block.
    pub(super) heights: BTreeMap<u32, Spread>,
    /// The blocks at each height.
    pub(super) rivals: BTreeMap<u32, BTreeSet<Hash>>,
    pub(super) transactions: BTreeMap<Hash, Spread>,
    /// The greatest height of each node.
    highest: Vec<u32>,
    heard: BTreeMap<u8, (Kind, Heard)>,
    /// Submitted transactions and ordered blocks that a node refused.
    pub(super) refused: u64,
    /// Links that were closed for each fault.
    pub(super) faults: BTreeMap<String, u64>,
}

impl Measures {
    pub(super) fn new(nodes: usize) -> Self {
        Self {
            nodes,
            counts: false,
            blocks: BTreeMap::new(),
            heights: BTreeMap::new(),
            rivals: BTreeMap::new(),
            transactions: BTreeMap::new(),
            highest: vec![0; nodes],
            heard: BTreeMap::new(),
            refused: 0,
            faults: BTreeMap::new(),
        }
    }

    /// A node has connected a block.
    pub(super) fn block_at(&mut self, node: usize, block: Hash, height: u32, now: Time) {
        let nodes = self.nodes;
        self.blocks.entry(block).or_insert_with(|| Spread::new(now, node, nodes)).at(node, now);
        self.rivals.entry(height).or_default().insert(block);
        while self.highest[node] < height {
            self.highest[node] += 1;
            let spread = self.heights.entry(self.highest[node]);
            spread.or_insert_with(|| Spread::new(now, node, nodes)).at(node, now);
        }
    }

    /// A node has taken a transaction into its mempool.
    pub(super) fn transaction_at(&mut self, node: usize, txid: Hash, now: Time) {
        let nodes = self.nodes;
        self.transactions.entry(txid).or_insert_with(|| Spread::new(now, node, nodes)).at(node, now);
    }

    /// What was heard, by kind of frame.
    pub(super) fn heard(&self) -> impl Iterator<Item = (Kind, Heard)> {
        self.heard.values().copied()
    }

    /// A node closes a link for a fault.
    pub(super) fn blames(&mut self, fault: &str) {
        *self.faults.entry(fault.to_owned()).or_default() += 1;
    }

    /// A role hears a frame.
    pub(super) fn hears(&mut self, frame: &Frame) {
        if self.counts {
            let (_, heard) = self.heard.entry(frame.kind as u8).or_insert((frame.kind, Heard::default()));
            heard.frames += 1;
            heard.bytes += (FRAME_HEAD_BYTES + frame.body.len()) as u64;
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_height_counts_once_a_node_whichever_block_it_has_there() {
        let mut measures = Measures::new(3);
        let block = |n| Hash([n; 32]);
        measures.block_at(0, block(1), 1, Time(1_000));
        measures.block_at(1, block(2), 1, Time(1_500));
        measures.block_at(2, block(1), 1, Time(3_000));
        measures.block_at(1, block(1), 1, Time(9_000));
        let height = &measures.heights[&1];
        assert_eq!([0, 1, 2].map(|node| height.delay(node)), [Some(0), Some(500), Some(2_000)]);
        assert_eq!(measures.rivals[&1].len(), 2);
        let one = &measures.blocks[&block(1)];
        assert_eq!([50, 99].map(|percent| one.to_percent(percent)), [Some(2_000), Some(8_000)]);
        assert_eq!(measures.blocks[&block(2)].to_percent(50), None, "one of three nodes has it");
    }
}
