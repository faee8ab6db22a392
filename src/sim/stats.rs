//! What a run tells about the network: how fast news spreads, reorganisations, bytes, convergence.

use std::{collections::BTreeMap, time::Duration};

use serde::Serialize;

use crate::{
    base::{hash::Hash, time::Time},
    node::report::SyncState,
};

/// Blocks and transactions that are followed; more than a run of an hour has.
const MAX_FOLLOWED: usize = 100_000;

/// How one piece of news spread.
#[derive(Debug)]
struct Spread {
    first: Time,
    reached: u32,
    half: Option<Time>,
    all: Option<Time>,
}

impl Spread {
    /// Whether it was first seen after `since` and reached every node soon.
    fn is_timely(&self, since: Time, soon: Duration) -> bool {
        self.first >= since && self.all.is_some_and(|all| all.since(self.first) <= soon)
    }
}

/// Gathers while the run goes on.
#[derive(Debug, Default)]
pub(super) struct Stats {
    nodes: usize,
    /// Node and what reached it, so that each counts once.
    blocks: BTreeMap<Hash, Spread>,
    heights: BTreeMap<Hash, u32>,
    /// Per height, how it was reached, by whichever block.
    grown: BTreeMap<u32, Spread>,
    /// Per node, the greatest height that it ever reached.
    highest: Vec<u32>,
    transactions: BTreeMap<Hash, Spread>,
    seen: BTreeMap<Hash, Vec<bool>>,
    reorganisations: BTreeMap<usize, u64>,
    /// `GetBlock`s that were answered.
    pub blocks_served: u64,
    /// Submitted transactions: accepted, refused.
    pub submitted: (u64, u64),
    /// The height up to which a node has its coins from a snapshot.
    pub joined: Option<u32>,
    /// Whether all agreed, and when.
    pub converged_at: Option<Time>,
    tips: Vec<Option<(Hash, u32)>>,
    tip_counts: BTreeMap<Hash, usize>,
    synced: Vec<bool>,
    synced_count: usize,
}

impl Stats {
    pub(super) fn new(nodes: usize) -> Self {
        Self { nodes, tips: vec![None; nodes], synced: vec![false; nodes], highest: vec![0; nodes], ..Self::default() }
    }

    /// A node has committed a block.
    pub(super) fn block_at(&mut self, node: usize, block: Hash, height: u32, now: Time) {
        self.heights.insert(block, height);
        if first_time(&mut self.seen, node, block, self.nodes) {
            spread(&mut self.blocks, block, self.nodes, now);
        }
        while self.highest[node] < height {
            self.highest[node] += 1;
            spread(&mut self.grown, self.highest[node], self.nodes, now);
        }
    }

    /// A node has taken a transaction into its mempool.
    pub(super) fn transaction_at(&mut self, node: usize, txid: Hash, now: Time) {
        if first_time(&mut self.seen, node, txid, self.nodes) {
            spread(&mut self.transactions, txid, self.nodes, now);
        }
    }

    /// A node has applied a block with this transaction: where blocks are quick, most transactions come so to some nodes.
    pub(super) fn carried_at(&mut self, node: usize, txid: Hash, now: Time) {
        if self.transactions.contains_key(&txid) {
            self.transaction_at(node, txid, now);
        }
    }

    pub(super) fn reorganised(&mut self, depth: usize) {
        *self.reorganisations.entry(depth).or_default() += 1;
    }

    /// A node's committed tip.
    pub(super) fn tip_of(&mut self, node: usize, tip: Hash, height: u32) {
        self.forget_tip(node);
        self.tips[node] = Some((tip, height));
        *self.tip_counts.entry(tip).or_default() += 1;
    }

    /// A node's state.
    pub(super) fn state_of(&mut self, node: usize, state: SyncState) {
        let synced = state == SyncState::Synced;
        if self.synced[node] != synced {
            self.synced[node] = synced;
            self.synced_count = if synced { self.synced_count + 1 } else { self.synced_count - 1 };
        }
    }

    /// A node has died.
    pub(super) fn left(&mut self, node: usize) {
        self.forget_tip(node);
        self.tips[node] = None;
        self.state_of(node, SyncState::Starting);
    }

    fn forget_tip(&mut self, node: usize) {
        let Some((tip, _)) = self.tips[node] else { return };
        if let Some(count) = self.tip_counts.get_mut(&tip) {
            *count -= 1;
            if *count == 0 {
                self.tip_counts.remove(&tip);
            }
        }
    }

    /// The height on which all of `honest` nodes agree, if they do and say that they are synced.
    pub(super) fn agreed(&self, honest: usize) -> Option<u32> {
        let (tip, count) = self.tip_counts.first_key_value()?;
        let one_tip = self.tip_counts.len() == 1 && *count == honest && self.synced_count == honest;
        if one_tip { self.heights.get(tip).copied().or(Some(0)) } else { None }
    }

    /// Whether all of `honest` nodes are synced at one height that has several blocks. A byzantine node that answers each
    /// block at once with a rival, and reaches some node first, keeps up such a contest for as long as it likes.
    pub(super) fn contest(&self, honest: usize) -> bool {
        let mut heights = self.tips.iter().take(honest).map(|tip| tip.map(|(_, height)| height));
        let Some(Some(first)) = heights.next() else { return false };
        self.synced_count == honest && heights.all(|height| height == Some(first))
    }

    /// The tip that most nodes have.
    pub(super) fn common_tip(&self) -> Option<Hash> {
        self.tip_counts.iter().max_by_key(|(_, count)| **count).map(|(tip, _)| *tip)
    }

    /// How many blocks (or transactions) were first seen after `since` and reached every node soon.
    pub(super) fn timely(&self, since: Time, soon: Duration) -> (usize, usize) {
        let is_timely = |spread: &&Spread| spread.is_timely(since, soon);
        (self.blocks.values().filter(is_timely).count(), self.transactions.values().filter(is_timely).count())
    }

    /// How many heights after `since` were reached soon by every node, but by several blocks, none of which came to all
    /// soon. That is as it should be: of two blocks of equal work each node keeps the one that it saw first, and a
    /// byzantine node that mines tells each peer another one.
    pub(super) fn contested(&self, since: Time, soon: Duration) -> usize {
        let rivals = self.rivals(since, soon);
        let is_contested = |height: &u32| rivals.get(height).is_some_and(|(count, timely)| *count > 1 && !timely);
        self.grown.iter().filter(|(height, spread)| is_contested(height) && spread.is_timely(since, soon)).count()
    }

    /// Of the blocks that were first seen after `since` and reached every node, whether at least half did so soon. Those
    /// with a rival at their height may have to wait for the next block.
    pub(super) fn most_came(&self, since: Time, soon: Duration) -> bool {
        let rivals = self.rivals(since, soon);
        let came = |hash: &Hash| self.blocks.get(hash).is_some_and(|one| one.first >= since && one.all.is_some());
        let (mut count, mut timely) = (0, 0);
        for (_, height) in self.heights.iter().filter(|(hash, _)| came(hash)) {
            if let Some((1, soon)) = rivals.get(height) {
                (count, timely) = (count + 1, timely + usize::from(*soon));
            }
        }
        timely * 2 >= count
    }

    /// Per height how many blocks there are, and whether one first seen after `since` reached every node soon.
    fn rivals(&self, since: Time, soon: Duration) -> BTreeMap<u32, (usize, bool)> {
        let mut rivals: BTreeMap<u32, (usize, bool)> = BTreeMap::new();
        for (hash, height) in &self.heights {
            let timely = self.blocks.get(hash).is_some_and(|spread| spread.is_timely(since, soon));
            let (count, any) = rivals.entry(*height).or_default();
            (*count, *any) = (*count + 1, *any || timely);
        }
        rivals
    }

    /// How many blocks were first seen after `since`.
    pub(super) fn blocks_since(&self, since: Time) -> usize {
        self.blocks.values().filter(|spread| spread.first >= since).count()
    }

    /// The greatest height of any node.
    pub(super) fn best_height(&self) -> u32 {
        self.tips.iter().flatten().map(|(_, height)| *height).max().unwrap_or(0)
    }

    /// The figures for people.
    pub(super) fn summary(&self) -> Summary {
        Summary {
            blocks: Propagation::of(&self.blocks),
            transactions: Propagation::of(&self.transactions),
            submitted_accepted: self.submitted.0,
            submitted_refused: self.submitted.1,
            height: self.best_height(),
            reorganisations: self.reorganisations.values().sum(),
            deepest_reorganisation: self.reorganisations.last_key_value().map_or(0, |(depth, _)| *depth),
            blocks_served: self.blocks_served,
            joined: self.joined,
        }
    }
}

fn first_time(seen: &mut BTreeMap<Hash, Vec<bool>>, node: usize, id: Hash, nodes: usize) -> bool {
    if seen.len() >= MAX_FOLLOWED && !seen.contains_key(&id) {
        return false;
    }
    !std::mem::replace(&mut seen.entry(id).or_insert_with(|| vec![false; nodes])[node], true)
}

fn spread<Id: Ord>(all: &mut BTreeMap<Id, Spread>, id: Id, nodes: usize, now: Time) {
    let spread = all.entry(id).or_insert(Spread { first: now, reached: 0, half: None, all: None });
    spread.reached += 1;
    if spread.reached as usize * 2 >= nodes {
        spread.half.get_or_insert(now);
    }
    if spread.reached as usize == nodes {
        spread.all = Some(now);
    }
}

/// Percentiles over many pieces of news, milliseconds.
#[derive(Clone, Copy, Debug, Default, PartialEq, Serialize)]
pub struct Percentiles {
    /// Half of them are below.
    pub p50: f64,
    /// Nine of ten are.
    pub p90: f64,
    /// Ninety-nine of a hundred are.
    pub p99: f64,
    /// All are.
    pub max: f64,
}

impl Percentiles {
    fn of(mut micros: Vec<u64>) -> Self {
        micros.sort_unstable();
        let at = |percent: usize| {
            let rank = (micros.len() * percent).div_ceil(100).saturating_sub(1);
            micros.get(rank).map_or(0.0, |micros| *micros as f64 / 1000.0)
        };
        Self { p50: at(50), p90: at(90), p99: at(99), max: at(100) }
    }
}

/// How fast one kind of news spreads.
#[derive(Clone, Debug, Default, PartialEq, Serialize)]
pub struct Propagation {
    /// Pieces of news.
    pub count: usize,
    /// Of these, how many reached every node.
    pub reached_all: usize,
    /// Milliseconds from the first node to half of the nodes.
    pub to_half: Percentiles,
    /// Milliseconds from the first node to the last.
    pub to_all: Percentiles,
}

impl Propagation {
    fn of(news: &BTreeMap<Hash, Spread>) -> Self {
        let times = |pick: fn(&Spread) -> Option<Time>| {
            let of_one = |spread: &Spread| pick(spread).map(|at| at.0.saturating_sub(spread.first.0));
            news.values().filter_map(of_one).collect::<Vec<u64>>()
        };
        let all = times(|spread| spread.all);
        Self {
            count: news.len(),
            reached_all: all.len(),
            to_half: Percentiles::of(times(|spread| spread.half)),
            to_all: Percentiles::of(all),
        }
    }
}

/// The figures of a run.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Summary {
    /// Blocks.
    pub blocks: Propagation,
    /// Transactions.
    pub transactions: Propagation,
    /// Submitted transactions that the node took.
    pub submitted_accepted: u64,
    /// And that it did not take.
    pub submitted_refused: u64,
    /// The greatest height.
    pub height: u32,
    /// Reorganisations, over all nodes.
    pub reorganisations: u64,
    /// Blocks that the deepest of them took off.
    pub deepest_reorganisation: usize,
    /// Blocks that were sent because somebody asked for them.
    pub blocks_served: u64,
    /// The height of the snapshot with which a node has joined.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub joined: Option<u32>,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn percentiles_are_values_that_occurred() {
        let percentiles = Percentiles::of((1..=200).map(|n| n * 1000).collect());
        assert_eq!(percentiles, Percentiles { p50: 100.0, p90: 180.0, p99: 198.0, max: 200.0 });
        assert_eq!(Percentiles::of(Vec::new()), Percentiles::default());
    }

    #[test]
    fn agreement_needs_one_tip_and_everybody_synced() {
        let mut stats = Stats::new(2);
        let (one, two) = (Hash([1; 32]), Hash([2; 32]));
        stats.tip_of(0, one, 5);
        stats.tip_of(1, two, 6);
        stats.state_of(0, SyncState::Synced);
        stats.state_of(1, SyncState::Synced);
        assert_eq!(stats.agreed(2), None);
        stats.block_at(0, two, 6, Time(0));
        stats.tip_of(0, two, 6);
        assert_eq!(stats.agreed(2), Some(6));
        stats.left(0);
        assert_eq!(stats.agreed(2), None);
    }

    #[test]
    fn a_contest_needs_one_height_and_everybody_synced() {
        let mut stats = Stats::new(2);
        stats.tip_of(0, Hash([1; 32]), 5);
        stats.tip_of(1, Hash([2; 32]), 5);
        stats.state_of(0, SyncState::Synced);
        assert!(!stats.contest(2));
        stats.state_of(1, SyncState::Synced);
        assert!(stats.contest(2));
        stats.tip_of(1, Hash([3; 32]), 6);
        assert!(!stats.contest(2));
    }

    #[test]
    fn most_blocks_came_soon_if_half_of_those_did_that_reached_everybody() {
        let soon = Duration::from_secs(1);
        let mut stats = Stats::new(2);
        assert!(stats.most_came(Time(0), soon));
        for (n, took) in [(1, 900_000), (2, 1_100_000), (3, 1_100_000)] {
            stats.block_at(0, Hash([n; 32]), u32::from(n), Time(0));
            assert!(stats.most_came(Time(0), soon), "what reached one node alone does not count");
            stats.block_at(1, Hash([n; 32]), u32::from(n), Time(took));
            assert_eq!(stats.most_came(Time(0), soon), n < 3, "{n} blocks");
        }
        assert!(stats.most_came(Time(1), soon), "those from before do not count");
        stats.block_at(0, Hash([4; 32]), 3, Time(0));
        assert!(stats.most_came(Time(0), soon), "those with a rival do not count");
    }

    #[test]
    fn a_height_is_contested_while_all_are_there_with_different_blocks() {
        let (block, soon) = (|n| Hash([n; 32]), Duration::from_secs(10));
        let mut stats = Stats::new(2);
        stats.block_at(0, block(1), 1, Time(1_000));
        assert_eq!(stats.contested(Time(0), soon), 0, "one node has nothing at this height");
        stats.block_at(1, block(2), 1, Time(2_000));
        assert_eq!(stats.contested(Time(0), soon), 1);
        assert_eq!(stats.contested(Time(1_500), soon), 0, "it began before");
        stats.block_at(0, block(2), 1, Time(3_000));
        assert_eq!((stats.timely(Time(0), soon).0, stats.contested(Time(0), soon)), (1, 0), "one block came to all");

        stats.block_at(0, block(3), 2, Time(20_000_000));
        stats.block_at(1, block(4), 2, Time(31_000_000));
        assert_eq!(stats.contested(Time(0), soon), 0, "the second node came there late");
    }
}
