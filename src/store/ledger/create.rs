//! New ledgers. The file has its name only once it is complete: so an empty file is never one that a crash left, and may
//! have held blocks.

use std::{fs, io, path::Path};

use rusqlite::{Connection, TransactionBehavior};

use crate::{
    chain::{
        archive::{BlockStatus, HeaderRow, StoreError},
        coin::{CoinChange, coins_created},
        spec::ChainSpec,
    },
    store::{
        bodies,
        coins::CoinTable,
        connect,
        identity::{self, Identity},
        migrate,
        rows::{self, NewHeader, StoredHeader},
        sharing::with_suffix,
        vacuum,
    },
};

/// What the name of a ledger ends with until it is complete.
const UNFINISHED: &str = ".new";

/// Creates a ledger with the genesis block applied. Returns false if there is a file; refuses one without bytes. One that is to
/// be pruned can give room back.
pub(super) fn unless_present(path: &Path, spec: &ChainSpec, is_pruned: bool) -> Result<bool, StoreError> {
    // SQLite keeps a ledger where a link points.
    let linked = fs::read_link(path).map(|target| path.with_file_name(target));
    let path = linked.as_deref().unwrap_or(path);
    if fs::symlink_metadata(path).is_ok() {
        return connect::refuse_empty(path).map(|()| false);
    }
    let unfinished = with_suffix(path, UNFINISHED);
    // The log of a ledger that is gone does not belong to the new one.
    for old in
        [with_suffix(&unfinished, "-journal"), unfinished.clone(), with_suffix(path, "-wal"), with_suffix(path, "-shm")]
    {
        match fs::remove_file(&old) {
            Err(error) if error.kind() != io::ErrorKind::NotFound => return Err(failed(&old, &error)),
            _ => {}
        }
    }
    let mut connection = connect::open_file(&unfinished)?;
    if is_pruned {
        vacuum::enable(&connection)?;
    }
    migrate::LEDGER.migrate(&mut connection)?;
    genesis(&mut connection, spec, None)?;
    connection.close().map_err(|(_, error)| error)?;
    fs::rename(&unfinished, path).map_err(|error| failed(path, &error))?;
    Ok(true)
}

fn failed(path: &Path, error: &io::Error) -> StoreError {
    StoreError::Io(format!("{}: {error}", path.display()))
}

/// Applies the genesis block to an empty ledger.
pub(super) fn genesis(
    connection: &mut Connection,
    spec: &ChainSpec,
    coin_secret: Option<[u8; 32]>,
) -> Result<(), StoreError> {
    let transaction = connection.transaction_with_behavior(TransactionBehavior::Immediate)?;
    let genesis = &spec.genesis;
    let coin_secret = match coin_secret {
        Some(secret) => secret,
        None => identity::random_secret(&transaction)?,
    };
    Identity { chain: spec.name.clone(), genesis: genesis.hash, coin_secret }.write(&transaction)?;
    let work = spec.genesis_work();
    let id = 1;
    let row =
        HeaderRow { hash: genesis.hash, header: genesis.header.clone(), work, paused: 0, status: BlockStatus::Applied };
    StoredHeader::insert(&transaction, &[NewHeader { id, parent: None, row: &row }])?;
    bodies::insert(&transaction, id, &genesis.hash, &genesis.bytes)?;
    rows::run(&transaction, "INSERT INTO applied (height, id, undo) VALUES (0, ?1, NULL)", [id])?;
    let mut coins = CoinTable::open(&transaction, coin_secret, 0)?;
    let made = genesis.transactions.iter().flat_map(|one| coins_created(one, 0));
    coins.write(&transaction, &mut made.map(|(outpoint, coin)| CoinChange::of(&outpoint, Some(coin))))?;
    let sql = "INSERT INTO state (one, height, best, digest, clean) VALUES (1, 0, ?1, ?2, 1)";
    rows::run(&transaction, sql, (id, spec.genesis_digest.0.as_slice()))?;
    transaction.commit()?;
    Ok(())
}
