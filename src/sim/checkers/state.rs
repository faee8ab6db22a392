//! What the checkers remember between two looks.

use std::{collections::BTreeMap, time::Duration};

use super::{failure::Failure, finality::Finality, kept::Kept, sealing::Sealing};
use crate::{
    base::{hash::Hash, time::Time},
    chain::{block::HashedTransaction, target::Work, transaction::OutPoint},
    sim::{lines, net::ConnId, options::Options},
};

/// What the checkers remember.
#[derive(Debug, Default)]
pub(in crate::sim) struct Checkers {
    /// The first complaint.
    pub(in crate::sim) failure: Option<Failure>,
    /// That authorities contradict each other, where too many lie: told when all else holds to the end.
    pub(in crate::sim) conflict: Option<Failure>,
    pub(super) honest: usize,
    /// Bytes per second over the slowest line between two honest nodes.
    pub(super) least_rate: u64,
    pub(super) behind: Behind,
    /// Since when a node says synced though its clock refuses what all its peers have.
    pub(super) refusing: BTreeMap<usize, Time>,
    pub(in crate::sim) liveness: Liveness,
    /// Connections that must end for a fault: of which node, and since when.
    pub(super) owed_faults: BTreeMap<ConnId, (usize, Time)>,
    /// When the faults ended.
    pub(super) calm_at: Option<Time>,
    /// When all nodes were last at one height.
    pub(super) contest_at: Option<Time>,
    /// What is final on a sealed chain.
    pub(in crate::sim) finality: Finality,
    /// What its authorities said.
    pub(in crate::sim) sealing: Sealing,
    /// What nodes that keep only a part of the chain make of it.
    pub(in crate::sim) kept: Kept,
    /// Transactions that came off the chain, to be found in mempools.
    pub(super) returned: Vec<Returned>,
}

impl Checkers {
    pub(in crate::sim) fn new(options: &Options) -> Self {
        Self { honest: options.nodes, least_rate: lines::least_rate(options), ..Self::default() }
    }

    /// The faults are over.
    pub(in crate::sim) fn calm_since(&mut self, now: Time) {
        self.calm_at = Some(now);
        log::debug!(target: "tussock::sim", "the faults end");
    }

    /// A node has died, and with it what was known of it.
    pub(in crate::sim) fn crashed(&mut self, node: usize) {
        self.behind.forget(node);
        self.refusing.remove(&node);
    }
}

/// A transaction that came off a node's chain.
#[derive(Clone, Debug)]
pub(in crate::sim) struct Returned {
    pub(super) node: usize,
    pub(super) life: u32,
    /// When it did, or, if later, when the node was last seen to be not synced.
    pub(super) since: Time,
    pub(super) txid: Hash,
    pub(super) inputs: Vec<OutPoint>,
}

/// What a command was for.
#[derive(Clone, Debug)]
pub(in crate::sim) enum Question {
    /// Somebody submits a transaction.
    Submit(Option<Box<HashedTransaction>>),
    /// A miner of a study is to make a block.
    Block,
    /// We look for a transaction in a mempool.
    Pooled(Returned),
}

/// Since when a node says synced while a peer has more work.
#[derive(Debug, Default)]
pub(in crate::sim) struct Behind(pub(super) BTreeMap<(usize, usize), Time>);

impl Behind {
    /// A node has died.
    pub(in crate::sim) fn forget(&mut self, node: usize) {
        self.0.retain(|(one, other), _| *one != node && *other != node);
    }
}

/// What the checker of the law of liveness remembers.
#[derive(Debug, Default)]
pub(in crate::sim) struct Liveness {
    /// Chains of connected peers that nodes are to reach.
    pub(super) lags: BTreeMap<(usize, ConnId), Lag>,
    /// When nodes were synced last, since they have had peers.
    pub(super) synced: BTreeMap<usize, Time>,
    /// Nodes that are not synced.
    pub(super) unsynced: BTreeMap<usize, Unsynced>,
    /// When nodes last read slowly.
    pub(super) slow: BTreeMap<usize, Time>,
    /// Connections between nodes whose clocks differ or did lately, with their ends and when they last did.
    pub(super) skewed: BTreeMap<ConnId, ([usize; 2], Time)>,
    /// The longest time beyond that for the missing bytes that a node was behind, and that it was not synced.
    pub(in crate::sim) longest: (Duration, Duration),
}

/// A node that is not synced.
#[derive(Clone, Copy, Debug)]
pub(super) struct Unsynced {
    /// When the checker last looked.
    pub(super) last: Time,
    /// How long no connected peer has been ahead of it.
    pub(super) over: Duration,
    /// How long of this it has waited for blocks, and none has come.
    pub(super) idle: Duration,
}

/// A peer's chain that a node is to reach.
#[derive(Clone, Debug)]
pub(super) struct Lag {
    pub(super) since: Time,
    pub(super) work: Work,
    /// What the missing bytes may take.
    pub(super) transfer: Duration,
    /// How long events of links have waited for roles of the two at most, since then.
    pub(super) queued: Duration,
}
