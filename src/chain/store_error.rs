//! Why a store could not do what was asked.

/// Why the store could not do what was asked. The node stops cleanly on any of them; nothing is retried on a handle
/// that failed.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum StoreError {
    /// The disk is full or failing.
    #[error("disk: {0}")]
    Io(String),
    /// The file is not what was written.
    #[error("damaged: {0}")]
    Corrupt(String),
    /// The file belongs to another chain or a newer program. What it is, and after a semicolon what to do.
    #[error("{0}")]
    Mismatch(String),
    /// The block is older than those that the ledger keeps whole.
    #[error(
        "block {height} is no longer here: the ledger was pruned or joined with a snapshot, and keeps whole blocks from height {kept_from} on"
    )]
    Pruned {
        /// The block's height.
        height: u32,
        /// The lowest height whose block is here.
        kept_from: u32,
    },
    /// Another process has the file for itself.
    #[error("in use: {0}")]
    InUse(String),
    /// Anything else that SQLite reports.
    #[error("database: {0}")]
    Other(String),
}

impl StoreError {
    /// Whether the disk fails, or has lost what was written.
    pub fn is_failing_disk(&self) -> bool {
        matches!(self, Self::Io(_) | Self::Corrupt(_))
    }
}
