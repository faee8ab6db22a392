//! SQLite: schema, migrations, ledger and peer book queries. Nothing outside this module knows SQL.
//!
//! There are four files, each with one writer: `ledger.db` ([`ledger`]), `peers.db` ([`peers`]), `index.db` ([`index`], which
//! is derived from the first and may be deleted) and, on sealed chains, `seals.db` ([`seals`]). Others read `ledger.db` over connections of their own ([`reader`]),
//! in short transactions, and see what is committed.

pub mod adhoc;
mod bodies;
pub mod ceiling;
mod check;
mod checkpointer;
mod coins;
pub mod compact;
mod connect;
mod contents;
pub mod copy;
mod error;
mod identity;
pub mod index;
mod join_state;
mod kept;
pub mod ledger;
pub mod migrate;
pub mod past;
pub mod peers;
mod quarantine;
pub mod query;
pub mod reader;
mod rows;
mod runs;
pub mod seals;
pub mod sharing;
mod side;
pub mod small_file;
pub mod snapshots;
#[cfg(test)]
mod sqlite_options;
mod state_sums;
mod submitted;
#[cfg(test)]
mod testing;
pub mod testkit;
mod undo;
mod vacuum;
pub mod verify;
pub mod views;

pub use index::IndexDb;
pub use ledger::{LedgerArchive, LedgerDb, LedgerOptions, Opened, SharedLedger};
pub use peers::PeerDb;
pub use reader::LedgerReader;
pub use seals::{SealDb, SealMemory};
pub use sharing::Sharing;
pub use snapshots::SnapshotDb;
