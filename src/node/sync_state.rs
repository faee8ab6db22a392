//! The node's state: one definition for CLI, RPC, metrics and page.

use std::fmt;

use serde::Serialize;

/// How far the node has come in following the network's chain.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Default)]
#[serde(rename_all = "lowercase")]
pub enum SyncState {
    /// The ledger is being opened.
    #[default]
    Starting,
    /// No peer yet, and some are being tried.
    Connecting,
    /// Fetching headers from a peer with more work.
    Headers,
    /// Fetching the coins of a block far below the best header.
    Snapshot,
    /// Fetching and applying blocks whose headers are known.
    Blocks,
    /// No peer has more proven work and every wanted block is applied.
    Synced,
    /// Somebody has more work, and nothing moves.
    Stalled,
    /// No peers, and none to be had.
    Isolated,
}

impl SyncState {
    /// All states, in order.
    pub const ALL: [Self; 8] = [
        Self::Starting,
        Self::Connecting,
        Self::Headers,
        Self::Snapshot,
        Self::Blocks,
        Self::Synced,
        Self::Stalled,
        Self::Isolated,
    ];

    /// The word used everywhere.
    pub fn name(self) -> &'static str {
        match self {
            Self::Starting => "starting",
            Self::Connecting => "connecting",
            Self::Headers => "headers",
            Self::Snapshot => "snapshot",
            Self::Blocks => "blocks",
            Self::Synced => "synced",
            Self::Stalled => "stalled",
            Self::Isolated => "isolated",
        }
    }
}

impl fmt::Display for SyncState {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}
