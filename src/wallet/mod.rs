//! Keys, coins, and transactions that spend them: what the command line and RPC share.
//!
//! Nothing here asks a node or a person. Who pays gives the coins that the node lists to [`building::Plan::build`], signs
//! what comes back ([`building::Draft::sign`]), and submits it. While coins of a key are chosen and until the node has the
//! payment, [`keys::Keys::try_lock_spending`] keeps others of this host from choosing the same ones.

pub mod amounts;
pub mod building;
pub mod coins;
pub mod contacts;
pub mod error;
pub mod files;
pub mod keys;
mod lines;
pub mod names;
pub mod offline;
pub mod raw;
pub mod replacing;
pub mod tables;
#[cfg(test)]
mod test_folder;
pub mod words;
