//! `index.db`: where each transaction is, and what happened to each address. Derived from `ledger.db`, so a file that
//! cannot be used is simply made anew.
//!
//! The index follows the applied chain: it remembers the hash of each block that it has taken in, and takes blocks off
//! again that are no longer applied (their bodies are kept, so what they added is known).

use std::{
    collections::{BTreeMap, BTreeSet},
    path::Path,
};

use rusqlite::Connection;

use crate::{
    base::{
        hash::Hash,
        limits::{self, INDEX_BATCH_ROWS},
    },
    chain::{
        address::Address,
        archive::StoreError,
        block::{HashedBlock, HashedTransaction},
        transaction::OutPoint,
    },
    store::{
        aside, bodies, check,
        connect::{self, Tuning},
        error::corrupt,
        migrate,
        reader::LedgerReader,
        rows::{self, StoredHeader},
    },
};

/// The writer (and reader) of `index.db`.
#[derive(Debug)]
pub struct IndexDb {
    connection: Connection,
}

/// How far the index has come.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Progress {
    /// Blocks in the index, genesis included.
    pub indexed: u64,
    /// Blocks of the applied chain.
    pub total: u64,
}

impl Progress {
    /// Whether the index is level with the ledger.
    pub fn is_complete(&self) -> bool {
        self.indexed == self.total
    }
}

/// A confirmed transaction.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct IndexedTransaction {
    /// The block that it is in.
    pub block: Hash,
    /// That block's height.
    pub height: u32,
    /// Its place in the block; 0 is the coinbase.
    pub position: u32,
    /// The transaction itself.
    pub transaction: HashedTransaction,
}

/// What one transaction did to an address.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct HistoryEntry {
    /// The block's height.
    pub height: u32,
    /// The transaction's place in the block.
    pub position: u32,
    /// The transaction.
    pub txid: Hash,
    /// Base units that its outputs give to the address.
    pub received: u64,
    /// Base units of the address's coins that it spends.
    pub sent: u64,
}

/// The rows of some blocks, sorted, so that each page of the index is touched once a batch.
#[derive(Default)]
struct Batch {
    txs: Vec<(i64, u32, u32)>,
    history: BTreeMap<(Address, u32, u32), (Hash, u64, u64)>,
    blocks: Vec<(u32, Hash)>,
}

impl IndexDb {
    /// Opens the index of a ledger. A file that cannot be used (damaged, newer, of another chain) is renamed, and an
    /// empty index takes its place.
    pub fn open(path: &Path, genesis: &Hash) -> Result<Self, StoreError> {
        match Self::try_open(path, genesis) {
            Err(error @ StoreError::Io(_)) => Err(error),
            Err(error) => {
                let target = aside::set_aside(path).map_err(|error| StoreError::Io(error.to_string()))?;
                log::warn!("index: started anew error=\"{error}\" old={}", target.display());
                Self::try_open(path, genesis)
            }
            opened => opened,
        }
    }

    /// Takes in up to `max_blocks` further blocks of the applied chain, after taking off those that left it. Call it
    /// again until [`Progress::is_complete`], and again whenever the chain has moved.
    pub fn catch_up(&mut self, ledger: &LedgerReader, max_blocks: u32) -> Result<Progress, StoreError> {
        let mut left = max_blocks;
        loop {
            // One unchanging view of the ledger for each batch.
            let snapshot = ledger.snapshot()?;
            let tip = check::state(&snapshot)?.0.height;
            let last = self.last()?;
            if let Some((height, hash)) = last
                && StoredHeader::applied_at(&snapshot, height)?.is_none_or(|stored| stored.hash != hash)
            {
                self.take_off(&snapshot, height, &hash)?;
                continue;
            }
            let next = last.map_or(0, |(height, _)| height.saturating_add(1));
            let batch = Batch::gather(&snapshot, next, tip, left)?;
            drop(snapshot);
            left = left.saturating_sub(u32::try_from(batch.blocks.len()).unwrap_or(u32::MAX));
            if batch.blocks.is_empty() {
                return Ok(Progress { indexed: u64::from(next), total: u64::from(tip) + 1 });
            }
            self.write(batch)?;
        }
    }

    /// A confirmed transaction, read from its block; `None` if the index does not know it.
    pub fn tx(&self, ledger: &LedgerReader, txid: &Hash) -> Result<Option<IndexedTransaction>, StoreError> {
        let sql = "SELECT height, position FROM txs WHERE key = ?1";
        let places = rows::all(&self.connection, sql, [key_of(txid)], |row| {
            Ok((rows::integer::<u32>(row, 0)?, rows::integer::<u32>(row, 1)?))
        })?;
        for (height, position) in places {
            // Not there, or another transaction: the chain moved since, or two ids have the same key.
            let Some(bytes) = ledger.body_at(height)? else { continue };
            let mut block = HashedBlock::decode(bytes).map_err(|error| corrupt(error.to_string()))?;
            let at = position as usize;
            if block.transactions.get(at).is_some_and(|found| found.txid == *txid) {
                let transaction = block.transactions.swap_remove(at);
                return Ok(Some(IndexedTransaction { block: block.hash, height, position, transaction }));
            }
        }
        Ok(None)
    }

    /// Ids of confirmed transactions that start with these hex digits (at least six); two of them tell that there are
    /// several.
    pub fn txids_with_prefix(&self, ledger: &LedgerReader, digits: &str) -> Result<Vec<Hash>, StoreError> {
        let digits = digits.to_ascii_lowercase();
        if digits.len() < limits::MIN_PREFIX_DIGITS || !digits.bytes().all(|byte| byte.is_ascii_hexdigit()) {
            return Ok(Vec::new());
        }
        let start = &digits[..digits.len().min(16)];
        let bound = |digit: &str| u64::from_str_radix(&(start.to_owned() + &digit.repeat(16 - start.len())), 16);
        let (Ok(low), Ok(high)) = (bound("0"), bound("f")) else { return Ok(Vec::new()) };
        // Six digits settle the sign, so that the order of the signed keys is that of the ids.
        let sql = "SELECT height, position FROM txs WHERE key BETWEEN ?1 AND ?2 LIMIT ?3";
        let most = i64::try_from(limits::MAX_PREFIX_MATCHES).unwrap_or(i64::MAX);
        let places = rows::all(&self.connection, sql, (low.cast_signed(), high.cast_signed(), most), |row| {
            Ok((rows::integer::<u32>(row, 0)?, rows::integer::<u32>(row, 1)?))
        })?;
        let mut found = BTreeSet::new();
        for (height, position) in places {
            let Some(bytes) = ledger.body_at(height)? else { continue };
            let block = HashedBlock::decode(bytes).map_err(|error| corrupt(error.to_string()))?;
            let txid = block.transactions.get(position as usize).map(|transaction| transaction.txid);
            found.extend(txid.filter(|txid| txid.to_string().starts_with(&digits)));
            if found.len() > 1 {
                break;
            }
        }
        Ok(found.into_iter().collect())
    }

    /// What happened to an address, newest first. `before`: only what is older than this height and position (the last
    /// entry of the page before).
    pub fn history(
        &self,
        address: &Address,
        before: Option<(u32, u32)>,
        limit: usize,
    ) -> Result<Vec<HistoryEntry>, StoreError> {
        let (height, position) = before.unwrap_or((u32::MAX, u32::MAX));
        let sql = "SELECT height, position, txid, received, sent FROM history \
                   WHERE address = ?1 AND (height, position) < (?2, ?3) ORDER BY height DESC, position DESC LIMIT ?4";
        let limit = i64::try_from(limit).unwrap_or(i64::MAX);
        rows::all(&self.connection, sql, (address.0.as_slice(), height, position, limit), |row| {
            Ok(HistoryEntry {
                height: rows::integer(row, 0)?,
                position: rows::integer(row, 1)?,
                txid: Hash(rows::bytes(row, 2)?),
                received: rows::integer(row, 3)?,
                sent: rows::integer(row, 4)?,
            })
        })
    }

    fn try_open(path: &Path, genesis: &Hash) -> Result<Self, StoreError> {
        let mut connection = connect::open_file(path)?;
        migrate::INDEX.check(&connection)?;
        connect::tune_writer(
            &connection,
            Tuning {
                cache_bytes: limits::SMALL_CACHE_BYTES,
                checkpoint_pages: limits::SMALL_CHECKPOINT_PAGES,
                log_bytes: limits::SMALL_LOG_BYTES,
            },
        )?;
        migrate::INDEX.migrate(&mut connection)?;
        let sql = "INSERT INTO meta (name, value) VALUES ('genesis', ?1) ON CONFLICT (name) DO NOTHING";
        rows::run(&connection, sql, [genesis.0.as_slice()])?;
        let sql = "SELECT value FROM meta WHERE name = 'genesis'";
        let found = rows::one(&connection, sql, [], |row| Ok(Hash(rows::bytes(row, 0)?)))?;
        if found != Some(*genesis) {
            return Err(StoreError::Mismatch("the index is of another chain".to_owned()));
        }
        Ok(Self { connection })
    }

    /// The highest block in the index.
    fn last(&self) -> Result<Option<(u32, Hash)>, StoreError> {
        let sql = "SELECT height, hash FROM indexed ORDER BY height DESC LIMIT 1";
        rows::one(&self.connection, sql, [], |row| Ok((rows::integer(row, 0)?, Hash(rows::bytes(row, 1)?))))
    }

    fn write(&mut self, mut batch: Batch) -> Result<(), StoreError> {
        let transaction = self.connection.transaction()?;
        batch.txs.sort_unstable();
        for row in batch.txs {
            rows::run(&transaction, "INSERT INTO txs (key, height, position) VALUES (?1, ?2, ?3)", row)?;
        }
        let sql = "INSERT INTO history (address, height, position, txid, received, sent) \
                   VALUES (?1, ?2, ?3, ?4, ?5, ?6)";
        for ((address, height, position), (txid, received, sent)) in batch.history {
            let (received, sent) = (received.cast_signed(), sent.cast_signed());
            let parameters = (address.0.as_slice(), height, position, txid.0.as_slice(), received, sent);
            rows::run(&transaction, sql, parameters)?;
        }
        for (height, hash) in batch.blocks {
            let sql = "INSERT INTO indexed (height, hash) VALUES (?1, ?2)";
            rows::run(&transaction, sql, (height, hash.0.as_slice()))?;
        }
        Ok(transaction.commit()?)
    }

    /// Takes the highest block out of the index. It is no longer applied, but its body is still stored; if it is not,
    /// the ledger is another one than that which was indexed, and the index starts anew.
    fn take_off(&mut self, ledger: &Connection, height: u32, hash: &Hash) -> Result<(), StoreError> {
        let transaction = self.connection.transaction()?;
        let Some(stored) = StoredHeader::find(ledger, hash)? else {
            transaction.execute_batch("DELETE FROM txs; DELETE FROM history; DELETE FROM indexed")?;
            return Ok(transaction.commit()?);
        };
        for hashed in bodies::decoded(ledger, &stored)?.transactions {
            let sql = "DELETE FROM txs WHERE key = ?1 AND height = ?2";
            rows::run(&transaction, sql, (key_of(&hashed.txid), height))?;
            let owners = hashed.transaction.inputs.iter().map(|input| Address::of(&input.public_key));
            for address in owners.chain(hashed.transaction.outputs.iter().map(|output| output.address)) {
                let sql = "DELETE FROM history WHERE address = ?1 AND height = ?2";
                rows::run(&transaction, sql, (address.0.as_slice(), height))?;
            }
        }
        rows::run(&transaction, "DELETE FROM indexed WHERE height = ?1", [height])?;
        Ok(transaction.commit()?)
    }
}

impl Batch {
    /// The blocks from height `next` up to the tip, at most `max_blocks` and about as many as fit into one batch.
    fn gather(ledger: &Connection, next: u32, tip: u32, max_blocks: u32) -> Result<Self, StoreError> {
        let mut batch = Self::default();
        for height in (next..=tip).take(max_blocks as usize) {
            let stored = StoredHeader::applied_at(ledger, height)?;
            let stored = stored.ok_or_else(|| corrupt(format!("no block is applied at {height}")))?;
            let spent = bodies::spent(ledger, height)?;
            let amounts = spent.into_iter().map(|(outpoint, coin)| (outpoint, coin.amount)).collect();
            batch.add(&bodies::decoded(ledger, &stored)?, amounts)?;
            if batch.txs.len() + batch.history.len() >= INDEX_BATCH_ROWS {
                break;
            }
        }
        Ok(batch)
    }

    /// `amounts`: of the coins that the block spends; those that it makes itself are added on the way.
    fn add(&mut self, block: &HashedBlock, mut amounts: BTreeMap<OutPoint, u64>) -> Result<(), StoreError> {
        let height = block.header.height;
        for (position, hashed) in (0u32..).zip(&block.transactions) {
            self.txs.push((key_of(&hashed.txid), height, position));
            for input in &hashed.transaction.inputs {
                let amount = amounts.get(&input.outpoint).ok_or_else(|| {
                    corrupt(format!("block {height} spends a coin that the data that undoes it does not name"))
                })?;
                let entry = self.entry(Address::of(&input.public_key), height, position, hashed);
                entry.2 = entry.2.saturating_add(*amount);
            }
            for (outpoint, output) in hashed.outpoints().zip(hashed.transaction.outputs.iter()) {
                amounts.insert(outpoint, output.amount);
                let entry = self.entry(output.address, height, position, hashed);
                entry.1 = entry.1.saturating_add(output.amount);
            }
        }
        self.blocks.push((height, block.hash));
        Ok(())
    }

    fn entry(
        &mut self,
        address: Address,
        height: u32,
        position: u32,
        hashed: &HashedTransaction,
    ) -> &mut (Hash, u64, u64) {
        self.history.entry((address, height, position)).or_insert((hashed.txid, 0, 0))
    }
}

fn key_of(txid: &Hash) -> i64 {
    i64::from_be_bytes(txid.0[..8].try_into().expect("32 bytes start with eight"))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{
        chain::{archive::LedgerStore, key::SecretKey, testkit::BlockMaker},
        store::{
            LedgerDb, LedgerOptions, fill,
            testing::{TempDir, account, dev_maker},
        },
    };

    struct Setup {
        dir: TempDir,
        maker: BlockMaker,
        ledger: LedgerDb,
        reader: LedgerReader,
        index: IndexDb,
    }

    fn setup() -> Setup {
        let dir = TempDir::new();
        let maker = dev_maker();
        let path = dir.join("ledger.db");
        let ledger = LedgerDb::open(&path, maker.spec(), &LedgerOptions::default()).unwrap();
        let reader = LedgerReader::open(&path).unwrap();
        let index = IndexDb::open(&dir.join("index.db"), &reader.genesis()).unwrap();
        Setup { dir, maker, ledger, reader, index }
    }

    /// Commits blocks in which account 0 pays `amount` to account `to`, by two transfers that chain.
    fn pay(ledger: &mut LedgerDb, maker: &mut BlockMaker, blocks: usize, to: u32, amount: u64) -> Vec<HashedBlock> {
        let made = (0..blocks).map(|_| {
            let transfers = (0..2).map(|_| maker.transfer(&SecretKey::well_known(0), account(to), amount, 1)).collect();
            let block = maker.next_block(transfers, account(9));
            fill::append(ledger, maker, &block).unwrap();
            block
        });
        let made = made.collect();
        fill::commit(ledger, maker).unwrap();
        made
    }

    /// Account 0's balance, coin by coin and by its history.
    fn balances(setup: &Setup, number: u32) -> (u128, u128) {
        let history = setup.index.history(&account(number), None, 1000).unwrap();
        let received: u128 = history.iter().map(|entry| u128::from(entry.received)).sum();
        let sent: u128 = history.iter().map(|entry| u128::from(entry.sent)).sum();
        (setup.reader.coins_of(&account(number), 0).unwrap().balance, received - sent)
    }

    #[test]
    fn transactions_and_histories_are_found_and_add_up() {
        let mut setup = setup();
        let blocks = pay(&mut setup.ledger, &mut setup.maker, 5, 1, 100);
        let progress = setup.index.catch_up(&setup.reader, 4).unwrap();
        assert_eq!((progress.indexed, progress.total, progress.is_complete()), (4, 6, false));
        assert!(setup.index.catch_up(&setup.reader, 100).unwrap().is_complete());
        let wanted = &blocks[4].transactions[2];
        let found = setup.index.tx(&setup.reader, &wanted.txid).unwrap().unwrap();
        assert_eq!((found.block, found.height, found.position), (blocks[4].hash, 5, 2));
        assert_eq!(&found.transaction, wanted);
        assert_eq!(setup.index.tx(&setup.reader, &Hash([1; 32])), Ok(None));
        for number in [0, 1, 2, 9] {
            let (coins, history) = balances(&setup, number);
            assert_eq!(coins, history, "account {number}");
        }
        let page = setup.index.history(&account(1), None, 3).unwrap();
        assert_eq!(
            page.iter().map(|entry| (entry.height, entry.position)).collect::<Vec<_>>(),
            [(5, 2), (5, 1), (4, 2)]
        );
        assert_eq!(page[0], HistoryEntry { height: 5, position: 2, txid: wanted.txid, received: 100, sent: 0 });
        let next = setup.index.history(&account(1), Some((4, 2)), 100).unwrap();
        assert_eq!((next[0].height, next[0].position), (4, 1));
        assert_eq!(next.len(), 2 * 5 + 1 - 3, "two a block and the allocation");
    }

    #[test]
    fn a_reorganisation_is_followed() {
        let mut setup = setup();
        pay(&mut setup.ledger, &mut setup.maker, 3, 1, 100);
        let base = setup.maker.fork();
        let lost = pay(&mut setup.ledger, &mut setup.maker, 4, 1, 100);
        setup.index.catch_up(&setup.reader, 100).unwrap();
        for block in lost.iter().rev() {
            let changes = setup.ledger.unapply(block.header.height, &block.hash).unwrap();
            let gone = changes.made.into_iter().map(|(outpoint, _)| (outpoint, None));
            let back = changes.spent.into_iter().map(|(outpoint, coin)| (outpoint, Some(coin)));
            setup.ledger.flush_coins(&mut gone.chain(back)).unwrap();
        }
        setup.maker = base;
        let kept = pay(&mut setup.ledger, &mut setup.maker, 2, 2, 70);
        assert!(setup.index.catch_up(&setup.reader, 100).unwrap().is_complete());
        let height = |setup: &Setup, block: &HashedBlock| {
            let found = setup.index.tx(&setup.reader, &block.transactions[1].txid).unwrap();
            found.map(|found| found.height)
        };
        assert_eq!((height(&setup, &lost[0]), height(&setup, &kept[1])), (None, Some(5)));
        for number in [0, 1, 2, 9] {
            let (coins, history) = balances(&setup, number);
            assert_eq!(coins, history, "account {number}");
        }
        let orphans: i64 = setup
            .index
            .connection
            .query_row("SELECT count(*) FROM txs WHERE height > 5", [], |row| row.get(0))
            .unwrap();
        assert_eq!(orphans, 0);
    }

    #[test]
    fn an_index_of_another_ledger_or_a_damaged_one_starts_anew() {
        let mut setup = setup();
        pay(&mut setup.ledger, &mut setup.maker, 3, 1, 100);
        setup.index.catch_up(&setup.reader, 100).unwrap();
        // The ledger is deleted and synced again, on another branch.
        let other = dev_maker();
        let path = setup.dir.join("again.db");
        let mut again = LedgerDb::open(&path, other.spec(), &LedgerOptions::default()).unwrap();
        let mut other = other;
        pay(&mut again, &mut other, 2, 3, 50);
        let reader = LedgerReader::open(&path).unwrap();
        assert!(setup.index.catch_up(&reader, 100).unwrap().is_complete());
        assert_eq!(setup.index.history(&account(3), None, 9).unwrap().len(), 5);
        assert_eq!(setup.index.history(&account(1), None, 9).unwrap().len(), 1);

        let path = setup.dir.join("index.db");
        drop(setup.index);
        std::fs::write(&path, [9; 5000]).unwrap();
        let mut index = IndexDb::open(&path, &reader.genesis()).unwrap();
        assert_eq!(index.catch_up(&reader, 0).unwrap(), Progress { indexed: 0, total: 3 });
        drop(index);
        let mut index = IndexDb::open(&path, &Hash([5; 32])).unwrap();
        assert_eq!(index.catch_up(&reader, 100).unwrap().indexed, 3);
    }
}
