//! What every method can reach: the chain, the node, the clock, the index's progress.

use std::{
    path::PathBuf,
    sync::{
        Arc, Mutex, OnceLock, PoisonError,
        atomic::{AtomicBool, AtomicU32, Ordering},
        mpsc::SyncSender,
    },
    time::Instant,
};

use crate::{
    base::{ids::NodeId, time::Time},
    chain::{
        address::{Address, AddressError},
        archive::{Banned, Tip},
        node_id,
        spec::ChainSpec,
    },
    node::{
        NodeAddress,
        hindrance::Hindrance,
        limit::{Limit, Meter},
        report::SyncState,
    },
    rpc::{
        error::{REJECTED, RpcError},
        events::Events,
        members::MembersList,
        page::Page,
        test_chain::TestChain,
        watch::pool::PoolLog,
    },
    runtime::{handle::NodeHandle, status::Status, traffic::TrafficLog},
};

/// At most this number of blocks.
const RPC_INDEX_LAG: u32 = 32;

/// What every method can reach.
pub struct Context {
    /// The chain.
    pub chain: Arc<ChainSpec>,
    /// The running node.
    pub node: NodeHandle,
    /// This program's version.
    pub version: String,
    /// When the node's clock started.
    pub started: Instant,
    /// The ledger's file.
    pub ledger_path: PathBuf,
    /// The index's file; `None` if there is no index.
    pub index_path: Option<PathBuf>,
    /// The lowest height whose block the index still has to read.
    pub held: Arc<AtomicU32>,
    /// Traffic of earlier runs, and of this month.
    pub traffic: Arc<TrafficLog>,
    /// The list of members; `None`: every node may link.
    pub members: Option<MembersList>,
    /// The operator or the chain named other nodes.
    pub names_others: bool,
    /// The index's progress.
    pub indexed: IndexMark,
    /// The last events.
    pub events: Events,
    /// What came into the mempool and left it.
    pub pool: PoolLog,
    /// What operators of a test chain have kept and set.
    pub test_chain: TestChain,
    /// The page.
    pub page: Page,
    /// The use of the HTTP server's limits.
    pub http: Mutex<[Meter; 2]>,
}

/// The index's progress. The indexer writes it; methods read it.
#[derive(Default)]
pub struct IndexMark {
    state: Mutex<IndexState>,
    /// Whether somebody wants what is not indexed yet.
    asked: AtomicBool,
    /// Whether somebody could not read it.
    distrusted: AtomicBool,
    /// Wakes the indexer.
    waker: OnceLock<SyncSender<()>>,
}

/// The index's progress.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Default)]
pub struct IndexState {
    /// The lowest block in it, or that will be: 0, unless the ledger lacks its old blocks.
    pub from: u32,
    /// The highest block in it; `None` before the first.
    pub height: Option<u32>,
    /// Grows when the file was replaced; readers then open it again.
    pub file: u64,
    /// Grows with each change.
    pub revision: u64,
}

impl IndexMark {
    /// The current state.
    pub fn get(&self) -> IndexState {
        *self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Replaces it.
    pub fn set(&self, state: IndexState) {
        *self.state.lock().unwrap_or_else(PoisonError::into_inner) = state;
    }

    /// Asks the indexer not to wait for more blocks.
    pub fn ask(&self) {
        if !self.asked.swap(true, Ordering::AcqRel) {
            self.wake();
        }
    }

    /// Asks the indexer to check the index, and to rebuild it if it is damaged. Until then it counts as not there.
    pub fn distrust(&self) {
        self.state.lock().unwrap_or_else(PoisonError::into_inner).height = None;
        self.distrusted.store(true, Ordering::Release);
        self.wake();
    }

    /// Whether somebody has asked for a check since the last time.
    pub fn take_distrust(&self) -> bool {
        self.distrusted.swap(false, Ordering::AcqRel)
    }

    fn wake(&self) {
        if let Some(waker) = self.waker.get() {
            // A pending wake is enough.
            let _ = waker.try_send(());
        }
    }

    /// Whether somebody has asked.
    pub fn is_asked(&self) -> bool {
        self.asked.load(Ordering::Acquire)
    }

    /// Notes that the indexer does what was asked.
    pub fn answer(&self) {
        self.asked.store(false, Ordering::Release);
    }

    /// Sets what wakes the indexer.
    pub fn set_waker(&self, waker: SyncSender<()>) {
        let _ = self.waker.set(waker);
    }
}

/// What waiting calls look at.
pub struct View {
    /// The node's status.
    pub status: Status,
    /// The index's progress.
    pub indexed: IndexState,
}

impl View {
    /// Whether the clock of this host keeps the node from telling what the network has confirmed.
    pub fn has_wrong_clock(&self) -> bool {
        self.status.hindrances.wrong_clock().is_some()
    }

    /// Whether the index will soon have the last few blocks.
    pub fn index_follows(&self) -> bool {
        let catches_up = matches!(self.status.state, SyncState::Headers | SyncState::Snapshot | SyncState::Blocks);
        match (&self.status.tip, self.indexed.height) {
            (Some(tip), Some(indexed)) if !catches_up => {
                (1..=RPC_INDEX_LAG).contains(&tip.height.saturating_sub(indexed))
            }
            _ => false,
        }
    }
}

impl Context {
    /// The node's monotonic time.
    pub fn now(&self) -> Time {
        Time(u64::try_from(self.started.elapsed().as_micros()).unwrap_or(u64::MAX))
    }

    /// The current view for waiting calls.
    pub fn view(&self) -> View {
        View { status: self.node.status(), indexed: self.indexed.get() }
    }

    /// Why what the ledger has may not be what the network has confirmed: this host's clock is known to be wrong.
    pub fn doubt(&self) -> Option<String> {
        self.node.status().hindrances.wrong_clock().map(Hindrance::line)
    }

    /// The committed tip; an error while the node starts.
    pub fn tip(&self) -> Result<Tip, RpcError> {
        self.node.status().tip.ok_or_else(RpcError::starting)
    }

    /// An error while the node has no coins: what it has are those of genesis, and no block follows them.
    pub fn need_coins(&self) -> Result<(), RpcError> {
        match self.node.lacks_coins() {
            Some(progress) => Err(RpcError::new(
                REJECTED,
                format!("this node has no coins yet: it joins with a snapshot ({progress}); see tussock help join"),
            )),
            None => Ok(()),
        }
    }

    /// Reads an address of this chain.
    pub fn address(&self, text: &str) -> Result<Address, RpcError> {
        Address::parse(text, &self.chain.prefix)
            .map_err(|error: AddressError| RpcError::bad_parameter(error.to_string()))
    }

    /// An address as text.
    pub fn text(&self, address: &Address) -> String {
        address.to_text(&self.chain.prefix)
    }

    /// A node's id as text.
    pub fn node_text(&self, node: &NodeId) -> String {
        node_id::to_text(node, &self.chain.prefix)
    }

    /// Reads `ID@ADDRESS`, or `ADDRESS`.
    pub fn node_address(&self, text: &str) -> Result<(NodeAddress, Option<NodeId>), RpcError> {
        let (node, address) = node_id::pinned(text, &self.chain.prefix).map_err(RpcError::bad_parameter)?;
        Ok((address.parse().map_err(|_| RpcError::bad_parameter(NodeAddress::FORM))?, node))
    }

    /// Reads an IP address, any port, or a node's id.
    pub fn banned(&self, text: &str) -> Result<Banned, RpcError> {
        // Bans are by address: a range is one of a single address.
        let alone = text.strip_suffix("/32").or_else(|| text.strip_suffix("/128")).unwrap_or(text);
        let node = || node_id::parse(text, &self.chain.prefix).map(Banned::Node);
        let read = alone.parse().map(Banned::Host).or_else(|_| node());
        read.map_err(|_| RpcError::bad_parameter(format!("\"{text}\" is neither an IP address nor the id of a node")))
    }

    /// Records the use of the HTTP server's limits.
    pub fn note_http(&self, connections: Meter, bytes: Meter) {
        *self.http.lock().unwrap_or_else(PoisonError::into_inner) = [connections, bytes];
    }

    /// The HTTP server's limits and their use.
    pub fn http_limits(&self) -> [(Limit, Meter); 2] {
        let [connections, bytes] = *self.http.lock().unwrap_or_else(PoisonError::into_inner);
        [(Limit::HttpConnections, connections), (Limit::HttpBytes, bytes)]
    }
}
