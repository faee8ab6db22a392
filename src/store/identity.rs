//! The identity of a ledger file: its chain, and a secret of its own.

use rusqlite::Connection;

use crate::{
    base::hash::Hash,
    chain::{archive::StoreError, spec::ChainSpec},
    store::{error::corrupt, rows},
};

/// The rows of `meta`.
#[derive(Clone, Debug)]
pub(super) struct Identity {
    pub(super) chain: String,
    pub(super) genesis: Hash,
    pub(super) coin_secret: [u8; 32],
}

impl Identity {
    pub(super) fn write(&self, connection: &Connection) -> Result<(), StoreError> {
        let sql = "INSERT INTO meta (name, value) VALUES (?1, ?2)";
        rows::run(connection, sql, ("chain", &self.chain))?;
        rows::run(connection, sql, ("genesis", self.genesis.0.as_slice()))?;
        rows::run(connection, sql, ("coin_secret", self.coin_secret.as_slice()))?;
        Ok(())
    }

    /// Refuses the file of another chain, naming both.
    pub(super) fn check(&self, spec: &ChainSpec) -> Result<(), StoreError> {
        if self.genesis == spec.genesis_hash() {
            return Ok(());
        }
        Err(StoreError::Mismatch(format!(
            "the ledger is of chain \"{}\" (genesis {}), this node is on chain \"{}\" (genesis {}); \
             use another --data-dir, or the right --chain",
            self.chain,
            self.genesis,
            spec.name,
            spec.genesis_hash()
        )))
    }
}

/// Reads what [`Identity::write`] wrote.
pub(super) fn read(connection: &Connection) -> Result<Identity, StoreError> {
    let missing = || corrupt("the file does not say which chain it is of");
    let sql = "SELECT value FROM meta WHERE name = ?1";
    let blob = |name: &str| rows::one(connection, sql, [name], |row| rows::bytes(row, 0))?.ok_or_else(missing);
    let chain = rows::one(connection, sql, ["chain"], |row| Ok(row.get(0)?))?.ok_or_else(missing)?;
    Ok(Identity { chain, genesis: Hash(blob("genesis")?), coin_secret: blob("coin_secret")? })
}

/// 32 random bytes from the operating system, through SQLite.
pub(super) fn random_secret(connection: &Connection) -> Result<[u8; 32], StoreError> {
    let secret = rows::one(connection, "SELECT randomblob(32)", [], |row| rows::bytes(row, 0))?;
    secret.ok_or_else(|| StoreError::Other("SQLite gave no random bytes".to_owned()))
}
