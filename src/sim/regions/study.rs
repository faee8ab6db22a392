//! What a study of propagation is made of.

use serde::Serialize;

use crate::{
    base::limits::{
        COIN_OVERLAY_BYTES, LEASE_FREE_BYTES, LINK_QUEUE, RECEIVE_BUDGET_BYTES, SEND_BUDGET_BYTES, SEND_SOFT_BYTES,
        WHOLE_BLOCK_BYTES,
    },
    sim::{
        options::{Options, Topology},
        overrides::Overrides,
        regions::{mesh::Mesh, tables::Regions},
    },
};

/// Seconds in which nodes start and link before anything is measured.
const WARM_UP: u64 = 30;
/// Seconds after the last block in which news may still arrive.
const SETTLE: u64 = 30;
/// Links that others may open to a node: with the published distribution the best known nodes have about 25.
const MAX_INBOUND: usize = 125;
/// Bytes between two sockets: what a usual host lets one connection grow to.
const WINDOW: u64 = 1 << 20;
/// Blocks that a coinbase waits.
const MATURITY: u64 = 1;

/// A network in regions, and what happens in it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Study {
    /// Where everything comes from that is drawn.
    pub seed: u64,
    /// Where the nodes are.
    pub regions: Regions,
    /// Number of nodes.
    pub nodes: usize,
    /// Seconds in which blocks are found.
    pub seconds: u64,
    /// Mean time between blocks, milliseconds.
    pub block_time_ms: u64,
    /// Transactions submitted per minute, over all nodes.
    pub transactions: u64,
    /// Bytes that each block is filled up to with large payments; 0: with nothing.
    pub block_bytes: u64,
    /// Nodes that mine; their hash rates lie between half and one and a half of the mean.
    pub miners: usize,
    /// Percent of the hash rate that one miner has alone; 0: it is like the others.
    pub largest_miner: u64,
    /// All nodes are linked to each other over such lines, and the first makes blocks at even times of payments that nobody has
    /// heard of; `None`: they are in the regions.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub mesh: Option<Mesh>,
}

impl Study {
    /// A study with usual figures.
    pub fn new(seed: u64, regions: Regions, nodes: usize, seconds: u64) -> Self {
        Self {
            seed,
            regions,
            nodes,
            seconds,
            block_time_ms: 30_000,
            transactions: 12,
            block_bytes: 0,
            miners: nodes.min(100),
            largest_miner: 0,
            mesh: None,
        }
    }

    /// The options of its run. Nothing is drawn: nodes and links are like in production, and nothing fails.
    pub(in crate::sim) fn options(&self) -> Options {
        let overrides = Overrides { nodes: Some(self.nodes), authorities: Some(0), calm: true, ..Overrides::default() };
        Options {
            study: Some(self.clone()),
            seconds: WARM_UP + self.seconds,
            converge_within: SETTLE,
            topology: Topology::Random,
            names: false,
            bootnodes: 0,
            max_outbound: 0,
            max_inbound: MAX_INBOUND,
            verifiers: 1,
            memory_percent: 100,
            overlay_bytes: COIN_OVERLAY_BYTES,
            inbox: LINK_QUEUE,
            lease_free_bytes: LEASE_FREE_BYTES,
            receive_budget: RECEIVE_BUDGET_BYTES,
            send_budget: SEND_BUDGET_BYTES,
            send_soft: SEND_SOFT_BYTES,
            whole_block_bytes: WHOLE_BLOCK_BYTES,
            encryption: false,
            few_accepted: false,
            retarget: false,
            // Blocks come from orders; see `World::find_block`.
            miners: 0,
            maturity: MATURITY,
            transactions: self.transactions,
            double_spend_ppm: 0,
            bandwidth: u64::MAX,
            window: WINDOW,
            split_ppm: 0,
            ..Options::draw(self.seed, &overrides)
        }
    }

    /// Seconds in which nodes start and link before anything is measured.
    pub(super) fn warm_up(&self) -> u64 {
        WARM_UP
    }
}
