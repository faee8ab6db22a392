//! What a study comes to, for people and programs.

use std::{collections::BTreeMap, fmt};

use serde::Serialize;

use super::{
    forks::Forks,
    layout::Layout,
    measures::{Heard, Measures, Spread},
    study::Study,
    tables::{NAMES, REGIONS},
};
use crate::{
    base::hash::Hash,
    sim::{checkers::Complaint, world::World},
    wire::message::Kind,
};

/// How fast one kind of news spreads: medians over all its pieces.
#[derive(Clone, Copy, Debug, Default, PartialEq, Serialize)]
pub struct Propagation {
    /// Pieces of news.
    pub count: usize,
    /// Mean bytes of a piece.
    pub bytes: u64,
    /// Of the pieces, how many reached every node.
    pub reached_all: usize,
    /// Milliseconds from the first node until half of the nodes have it.
    pub to_50_ms: f64,
    /// Until nine of ten have it.
    pub to_90_ms: f64,
    /// Until 99 of 100 have it.
    pub to_99_ms: f64,
    /// Until all have it, for the piece of which this took longest, among those that reached all.
    pub longest_ms: f64,
}

/// How soon the nodes of one region have blocks.
#[derive(Clone, Copy, Debug, PartialEq, Serialize)]
pub struct OfRegion {
    /// The region.
    pub name: &'static str,
    /// Its nodes.
    pub nodes: usize,
    /// Milliseconds from the first node of all until such a node has a block: the median over nodes and blocks.
    pub block_ms: f64,
}

/// The end of a study. Equal for two runs of one seed, to the byte.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Report {
    /// What was run.
    pub study: Study,
    /// A role that stopped or panicked.
    pub failure: Option<Complaint>,
    /// Links that stand at the end, of each node on average.
    pub links: f64,
    /// Nodes that have the tip that most have at the end.
    pub nodes_at_tip: usize,
    /// Blocks.
    pub blocks: Propagation,
    /// The same by region.
    pub regions: Vec<OfRegion>,
    /// Transactions.
    pub transactions: Propagation,
    /// How often a node heard the body of a transaction, on average.
    pub copies: f64,
    /// Bytes of all frames about blocks that a node heard for each block.
    pub bytes_per_block: f64,
    /// Bytes of all frames about transactions that a node heard for each transaction.
    pub bytes_per_transaction: f64,
    /// Bytes that a node heard in a minute, in frames of each kind.
    pub bytes_per_minute: BTreeMap<String, f64>,
    /// Orders of blocks and payments that nodes refused.
    pub refused: u64,
    /// Links that were closed for each fault.
    pub faults: BTreeMap<String, u64>,
    /// Of a mesh, for each height: the milliseconds after which the second node had it, the third, and so on.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub late_ms: Vec<Vec<u32>>,
    /// Forks, counted and by the model.
    pub forks: Forks,
    /// Blocks that are not on the chain, of all blocks.
    pub stale_rate: f64,
    /// Events that roles heard.
    pub events: u64,
    /// Everything that any role heard, and when, as one number.
    pub trace_digest: String,
}

impl Report {
    /// Of a world that has come to its end.
    pub(in crate::sim) fn of(world: &mut World) -> Option<Self> {
        let trace_digest = world.trace.digest().to_string();
        let (study, layout, measures) = world.survey.as_ref()?.parts();
        let (nodes, minutes) = (study.nodes as f64, study.seconds as f64 / 60.0);
        let links: usize = (0..study.nodes).map(|node| world.links_of(node)).sum();
        let forks = Forks::of(measures, layout, study.block_time_ms);
        let bytes = |of: fn(Kind) -> bool| {
            measures.heard().filter(|(kind, _)| of(*kind)).map(|(_, heard)| heard.bytes).sum::<u64>()
        };
        let reached: usize = measures.transactions.values().map(|spread| spread.reached).sum();
        let body =
            measures.heard().find(|(kind, _)| *kind == Kind::Transaction).map(|(_, heard)| heard).unwrap_or_default();
        let per = |amount: u64, count: usize| amount as f64 / (count.max(1) as f64 * nodes);
        let per_minute =
            |(kind, heard): (Kind, Heard)| (format!("{kind:?}"), heard.bytes as f64 / nodes / minutes.max(1e-9));
        Some(Self {
            failure: world.checkers.failure.as_ref().map(Complaint::from),
            links: links as f64 / nodes,
            nodes_at_tip: at_common_tip(world),
            blocks: propagation(&measures.blocks, block_bytes(world, measures)),
            regions: (0..REGIONS).map(|region| of_region(region, layout, measures)).collect(),
            transactions: propagation(&measures.transactions, body.bytes / body.frames.max(1)),
            copies: body.frames as f64 / reached.max(1) as f64,
            bytes_per_block: per(bytes(is_of_blocks), measures.blocks.len()),
            bytes_per_transaction: per(bytes(is_of_transactions), measures.transactions.len()),
            bytes_per_minute: measures.heard().map(per_minute).collect(),
            refused: measures.refused,
            faults: measures.faults.clone(),
            late_ms: if study.mesh.is_some() { late(study.nodes, measures) } else { Vec::new() },
            stale_rate: forks.stale_rate(),
            forks,
            events: world.trace.events(),
            trace_digest,
            study: study.clone(),
        })
    }
}

/// The mean size of all blocks.
fn block_bytes(world: &World, measures: &Measures) -> u64 {
    let of_block = |(hash, spread): (&Hash, &Spread)| {
        let body = world.nodes[spread.origin].disk.read(|ledger| ledger.body(hash));
        body.ok().flatten().map_or(0, |body| body.len() as u64)
    };
    measures.blocks.iter().map(of_block).sum::<u64>() / measures.blocks.len().max(1) as u64
}

fn propagation(news: &BTreeMap<Hash, Spread>, bytes: u64) -> Propagation {
    let median = |percent: usize| median_ms(news.values().filter_map(|spread| spread.to_percent(percent)).collect());
    Propagation {
        count: news.len(),
        bytes,
        reached_all: news.values().filter(|spread| spread.to_percent(100).is_some()).count(),
        to_50_ms: median(50),
        to_90_ms: median(90),
        to_99_ms: median(99),
        longest_ms: f64::from(news.values().filter_map(|spread| spread.to_percent(100)).max().unwrap_or(0)) / 1_000.0,
    }
}

/// When which node had each height, after the first.
fn late(nodes: usize, measures: &Measures) -> Vec<Vec<u32>> {
    let of_height = |spread: &Spread| {
        let mut late: Vec<u32> = (0..nodes).filter_map(|node| Some(spread.delay(node)? / 1_000)).collect();
        late.sort_unstable();
        late.into_iter().skip(1).collect()
    };
    measures.heights.values().map(of_height).collect()
}

fn of_region(region: usize, layout: &Layout, measures: &Measures) -> OfRegion {
    let nodes: Vec<usize> = layout.nodes_of(region).collect();
    let of_block = |spread: &Spread| nodes.iter().filter_map(|node| spread.delay(*node)).collect::<Vec<u32>>();
    let delays = measures.blocks.values().flat_map(of_block).collect();
    OfRegion { name: NAMES[region], nodes: nodes.len(), block_ms: median_ms(delays) }
}

fn median_ms(mut micros: Vec<u32>) -> f64 {
    micros.sort_unstable();
    micros.get(micros.len() / 2).map_or(0.0, |micros| f64::from(*micros) / 1_000.0)
}

fn at_common_tip(world: &World) -> usize {
    let mut counts: BTreeMap<Hash, usize> = BTreeMap::new();
    for tip in world.nodes.iter().filter_map(|node| node.view.tip.as_ref()) {
        *counts.entry(tip.hash).or_default() += 1;
    }
    counts.into_values().max().unwrap_or(0)
}

/// Whether a frame is about blocks.
fn is_of_blocks(kind: Kind) -> bool {
    matches!(
        kind,
        Kind::Block
            | Kind::GetBlock
            | Kind::Absent
            | Kind::GetSync
            | Kind::Sync
            | Kind::CompactBlock
            | Kind::GetBlockTransactions
            | Kind::BlockTransactions
            | Kind::BlockHeader
    )
}

/// Whether a frame is about transactions.
fn is_of_transactions(kind: Kind) -> bool {
    matches!(
        kind,
        Kind::Transaction
            | Kind::GetMemoryPool
            | Kind::MemoryPool
            | Kind::RelaySalt
            | Kind::Announce
            | Kind::GetTransactions
            | Kind::AbsentTransactions
    )
}

impl fmt::Display for Report {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Study { regions, nodes, seconds, .. } = &self.study;
        let at_tip = self.nodes_at_tip;
        writeln!(
            f,
            "network            {nodes} nodes of {}, {:.1} links a node, {seconds} s",
            regions.name(),
            self.links
        )?;
        spread(f, "blocks", &self.blocks)?;
        for OfRegion { name, nodes, block_ms } in &self.regions {
            match nodes {
                0 => writeln!(f, "  {name:<17}no nodes")?,
                _ => writeln!(f, "  {name:<17}{nodes} nodes, a block after {block_ms:.1} ms")?,
            }
        }
        spread(f, "transactions", &self.transactions)?;
        writeln!(f, "copies             {:.2} of a transaction's body, per node", self.copies)?;
        let (block, transaction) = (self.bytes_per_block, self.bytes_per_transaction);
        writeln!(f, "bytes per node     {block:.0} a block, {transaction:.0} a transaction")?;
        for (kind, bytes) in &self.bytes_per_minute {
            writeln!(f, "  {kind:<16} {bytes:.0} bytes a minute")?;
        }
        let Forks { heights, forked, rate, model, error, median_ms, .. } = &self.forks;
        writeln!(f, "stale rate         {:.4}, {} of {} blocks", self.stale_rate, self.forks.stale, self.forks.blocks)?;
        writeln!(f, "forks              {rate:.4} a height, {forked} of {heights}; model {model:.4} ± {error:.4}")?;
        writeln!(f, "a miner has it     after {median_ms:.1} ms, median by hash rate")?;
        writeln!(f, "at one tip         {at_tip} of {nodes} nodes at the end; {} orders refused", self.refused)?;
        for (fault, count) in &self.faults {
            writeln!(f, "closed             {count} links: {fault}")?;
        }
        writeln!(f, "events             {}", self.events)?;
        writeln!(f, "trace digest       {}", self.trace_digest)?;
        match &self.failure {
            None => Ok(()),
            Some(Complaint { checker, what, .. }) => writeln!(f, "FAILED             {checker}: {what}"),
        }
    }
}

fn spread(f: &mut fmt::Formatter<'_>, name: &str, spread: &Propagation) -> fmt::Result {
    let Propagation { count, bytes, reached_all, to_50_ms, to_90_ms, to_99_ms, .. } = spread;
    writeln!(f, "{name:<18} {count} of {bytes} bytes, of these {reached_all} reached all nodes")?;
    writeln!(
        f,
        "  to nodes         50 % after {to_50_ms:.1} ms, 90 % after {to_90_ms:.1} ms, 99 % after {to_99_ms:.1} ms"
    )
}
