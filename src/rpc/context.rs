//! What every method can reach: the chain, the node, the clock, how far the index is.

use std::{
    path::PathBuf,
    sync::{Arc, Mutex, PoisonError},
    time::Instant,
};

use crate::{
    base::time::Time,
    chain::{
        address::{Address, AddressError},
        archive::Tip,
        spec::ChainSpec,
    },
    node::{
        limit::{Limit, Meter},
        report::SyncState,
    },
    rpc::{error::RpcError, events::Events, page::Page},
    runtime::{handle::NodeHandle, status::Status},
};

/// So many blocks, at most.
const RPC_INDEX_LAG: u32 = 32;

/// What every method can reach.
pub struct Context {
    /// The network.
    pub chain: Arc<ChainSpec>,
    /// The running node.
    pub node: NodeHandle,
    /// This program's version.
    pub version: String,
    /// When the node's clock started.
    pub started: Instant,
    /// The ledger's file.
    pub ledger_path: PathBuf,
    /// The index' file; `None`: there is no index.
    pub index_path: Option<PathBuf>,
    /// How far the index is.
    pub indexed: IndexMark,
    /// What happened lately.
    pub events: Events,
    /// The page.
    pub page: Page,
    /// How much of its limits the HTTP server uses.
    pub http: Mutex<[Meter; 2]>,
}

/// How far the index is. Written by the indexer, read by whoever waits for it.
#[derive(Default)]
pub struct IndexMark(Mutex<IndexState>);

/// How far the index is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Default)]
pub struct IndexState {
    /// The highest block in it; `None` before the first.
    pub height: Option<u32>,
    /// Grows when the file is another one, so that its readers open it again.
    pub file: u64,
    /// Grows with each change.
    pub revision: u64,
}

impl IndexMark {
    /// The current state.
    pub fn get(&self) -> IndexState {
        *self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Replaces it.
    pub fn set(&self, state: IndexState) {
        *self.0.lock().unwrap_or_else(PoisonError::into_inner) = state;
    }
}

/// One look at what waiting calls wait for.
pub struct View {
    /// The node's status.
    pub status: Status,
    /// How far the index is.
    pub indexed: IndexState,
}

impl View {
    /// Whether the index is about to take in the last few blocks.
    pub fn index_follows(&self) -> bool {
        let catches_up = matches!(self.status.state, SyncState::Headers | SyncState::Blocks);
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

    /// What waiting calls look at.
    pub fn view(&self) -> View {
        View { status: self.node.status(), indexed: self.indexed.get() }
    }

    /// The committed tip, or that the node is starting.
    pub fn tip(&self) -> Result<Tip, RpcError> {
        self.node.status().tip.ok_or_else(RpcError::starting)
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

    /// Notes how much of its limits the HTTP server uses, and how often they have bitten.
    pub fn note_http(&self, connections: Meter, bytes: Meter) {
        *self.http.lock().unwrap_or_else(PoisonError::into_inner) = [connections, bytes];
    }

    /// The HTTP server's limits.
    pub fn http_limits(&self) -> [(Limit, Meter); 2] {
        let [connections, bytes] = *self.http.lock().unwrap_or_else(PoisonError::into_inner);
        [(Limit::HttpConnections, connections), (Limit::HttpBytes, bytes)]
    }

    /// Whether a state counts as synced for readiness: the node serves what the network agrees on.
    pub fn is_ready(status: &Status) -> bool {
        status.state == SyncState::Synced
    }
}
