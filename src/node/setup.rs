//! What the roles of one node start with.

use std::{collections::BTreeMap, net::SocketAddr, sync::Arc, time::Duration};

use tussock_noise::Key;

use crate::{
    base::{hash::Hash, ids::NodeId, limits, time::UnixTime},
    chain::{
        address::Address,
        archive::{HeaderArchive, LedgerStore, PastStore, PeerStore, SealStore},
        key::SecretKey,
        snapshot::SnapshotStore,
        spec::ChainSpec,
    },
    node::{
        members::Members,
        node_address::{HostName, NodeAddress},
        node_key::NodeKey,
        verify::Verdicts,
    },
    wire::message::{SERVICE_SNAPSHOT, SERVICES},
};

/// What the roles of a node need to know at the start.
#[derive(Clone, Debug)]
pub struct Setup {
    /// The network.
    pub spec: Arc<ChainSpec>,
    /// Who this node is.
    pub key: NodeKey,
    /// The nodes that may link; `None`: all.
    pub members: Option<Members>,
    /// Who must answer at an address.
    pub pins: BTreeMap<NodeAddress, NodeId>,
    /// Told in `Version`; 0: does not listen.
    pub listen_port: u16,
    /// Our own listening addresses, never dialled.
    pub own_addresses: Vec<SocketAddr>,
    /// Told in `Version`.
    pub agent: String,
    /// Dial and keep.
    pub connect: Vec<SocketAddr>,
    /// The same, by name.
    pub connect_names: Vec<HostName>,
    /// Dial when nothing else is known.
    pub bootnodes: Vec<SocketAddr>,
    /// The same, by name. The chain's own bootnodes come on top.
    pub bootnode_names: Vec<HostName>,
    /// Serves as a public access point: answers `GetPeers` to everybody, and counts as synced without peers.
    pub is_bootnode: bool,
    /// Most inbound peers.
    pub max_inbound: usize,
    /// Most inbound peers from one IP address.
    pub max_per_address: usize,
    /// Most outbound peers.
    pub max_outbound: usize,
    /// Mine, paying to this address.
    pub mine: Option<Address>,
    /// Seal blocks with this key, paying to its address.
    pub seal: Option<SecretKey>,
    /// Hashes per second; 0: no throttle.
    pub mine_rate: u64,
    /// A time that has surely passed: an earlier run knew it.
    pub known_time: Option<UnixTime>,
    /// Mine although the clock is far ahead.
    pub force_clock: bool,
    /// Milliseconds between blocks that `dev` makes by itself; `None`: a block per transaction on instant chains.
    pub block_interval_ms: Option<u64>,
    /// Verify roles that run side by side.
    pub verifiers: usize,
    /// Percent of the default cache and window sizes (`--max-memory`).
    pub memory_percent: usize,
    /// Bytes of coin changes that are held in memory during sync (`--max-memory` scales them, too).
    pub overlay_bytes: usize,
    /// Blocks up to this size are pushed whole to all peers.
    pub whole_block_bytes: usize,
    /// The longest time that a block of a peer may wait at the tip for others with which it is committed and flushed; zero:
    /// each is committed and flushed by itself.
    pub flush_every: Duration,
    /// Make snapshots each so many blocks and serve them; `None`: make none.
    pub serve_snapshots: Option<u32>,
    /// Blocks above a snapshot with which newcomers are thought to join.
    pub snapshot_depth: u32,
    /// Join with a snapshot, if the ledger has no blocks; `None`: with the whole history.
    pub join: Option<Join>,
    /// The lowest height whose block is kept whole, at the start; `None`: all are and will be.
    pub kept_from: Option<u32>,
    /// Verdicts that the verifiers share with those of other nodes; `None`: they share none.
    pub verdicts: Option<Verdicts>,
}

/// Which snapshots a node joins with.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Default)]
pub struct Join {
    /// Blocks above it, whatever their age; `None`: [`limits::JOIN_DEPTH`], and those of [`limits::JOIN_SECONDS`].
    pub depth: Option<u32>,
    /// Only that of this block.
    pub at: Option<Hash>,
    /// An earlier run has begun it: the block that it has chosen is deep enough.
    pub goes_on: bool,
}

/// What a node remembers over a restart.
pub struct Stores {
    /// The one writer of the ledger.
    pub ledger: Box<dyn LedgerStore>,
    /// A reader of the ledger's headers.
    pub headers: Box<dyn HeaderArchive>,
    /// The peer book.
    pub peers: Box<dyn PeerStore>,
    /// The snapshots, and another reader of the ledger's headers; `None`: this node neither makes nor takes any.
    pub snapshots: Option<(Box<dyn SnapshotStore>, Box<dyn HeaderArchive>)>,
    /// Where the past is verified, and another reader of the ledger's headers; `None`: it is not.
    pub history: Option<(Box<dyn PastStore>, Box<dyn HeaderArchive>)>,
    /// What the `sealer` keeps; `None` on chains of proof of work.
    pub seals: Option<Box<dyn SealStore>>,
}

impl Setup {
    /// Whether the operator or the chain named other nodes.
    pub fn names_others(&self) -> bool {
        let named = self.bootnodes.len() + self.bootnode_names.len() + self.spec.bootnodes.len();
        self.kept() + named > 0
    }

    /// What the node tells others of its services.
    pub fn services(&self) -> u64 {
        if self.serve_snapshots.is_some() { SERVICES | SERVICE_SNAPSHOT } else { SERVICES }
    }

    /// Blocks between two snapshots unless the operator names another number. Of the two that are kept the older one must be
    /// deep enough to join with.
    pub fn snapshot_interval(spec: &ChainSpec) -> u32 {
        Self::join_depth(spec).max(limits::SNAPSHOT_INTERVAL)
    }

    /// Blocks above a snapshot with which newcomers join, unless their operators name another number: those of a day if these
    /// are more. On chains that authorities seal any final block will do.
    pub fn join_depth(spec: &ChainSpec) -> u32 {
        let day = limits::JOIN_SECONDS / u64::from(spec.parameters.block_time.max(1));
        let depth = u32::try_from(day).unwrap_or(u32::MAX).max(limits::JOIN_DEPTH);
        if spec.seal_rules().needs_certificate() { 0 } else { depth }
    }

    /// How many nodes are to be dialled and kept.
    pub fn kept(&self) -> usize {
        self.connect.len() + self.connect_names.len()
    }

    /// A node on `spec` that knows nobody, listens nowhere and does not mine: what tests and tools start from.
    pub fn bare(spec: Arc<ChainSpec>) -> Self {
        Self {
            mine_rate: spec.default_mine_rate,
            spec,
            key: NodeKey::new(Key([1; 32])),
            members: None,
            pins: BTreeMap::new(),
            listen_port: 0,
            own_addresses: Vec::new(),
            agent: concat!("tussock:", env!("CARGO_PKG_VERSION")).to_owned(),
            connect: Vec::new(),
            connect_names: Vec::new(),
            bootnodes: Vec::new(),
            bootnode_names: Vec::new(),
            is_bootnode: false,
            max_inbound: limits::MAX_INBOUND,
            max_per_address: limits::MAX_INBOUND_PER_IP,
            max_outbound: limits::MAX_OUTBOUND,
            mine: None,
            seal: None,
            known_time: None,
            force_clock: false,
            block_interval_ms: None,
            verifiers: 1,
            memory_percent: 100,
            overlay_bytes: limits::COIN_OVERLAY_BYTES,
            whole_block_bytes: limits::WHOLE_BLOCK_BYTES,
            flush_every: Duration::ZERO,
            serve_snapshots: None,
            snapshot_depth: 0,
            join: None,
            kept_from: None,
            verdicts: None,
        }
    }
}
