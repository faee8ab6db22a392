//! Queries of the RPC server and the command line beyond headers and bodies.

use std::{
    cmp::Reverse,
    collections::{BTreeMap, BTreeSet, BinaryHeap},
};

use rusqlite::Connection;

use crate::{
    base::{gather::gather, hash::Hash},
    chain::{
        address::Address,
        archive::{BlockStatus, HeaderRow, StoreError},
        coin::Coin,
        coin_key::CoinKey,
        transaction::OutPoint,
    },
    store::{
        check,
        coins::CoinTable,
        reader::{LedgerReader, with_status},
        rows::{self, StoredHeader, select_headers},
    },
};

/// Hex digits that a hash prefix must have.
pub(super) const MIN_PREFIX_DIGITS: usize = 6;
/// Matches of a hash prefix that are returned; more than one is ambiguous anyway.
pub(super) const MAX_PREFIX_MATCHES: usize = 8;

/// The block that a user's ID (`tip`, a height, a hash or its first digits) stands for.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum BlockLookup {
    /// Exactly one block.
    Block(Box<HeaderRow>),
    /// Several blocks have hashes with this prefix: some of them.
    Ambiguous(Vec<Hash>),
    /// No block.
    Nothing,
    /// Not a possible ID of a block.
    Malformed,
}

/// The coins of one address.
#[derive(Clone, Debug, PartialEq, Eq, Default)]
pub struct AddressCoins {
    /// Sum over all of them, base units.
    pub balance: u128,
    /// How many there are.
    pub count: u64,
    /// The youngest, up to the limit that was asked for.
    pub coins: Vec<(OutPoint, Coin)>,
}

/// The end of a branch.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ChainTip {
    /// Its last header.
    pub row: HeaderRow,
    /// Length of the branch from the applied chain; 0 for the applied chain's own tip.
    pub branch_length: u32,
}

/// All coins together.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Default)]
pub struct CoinTotals {
    /// How many.
    pub count: u64,
    /// Base units.
    pub sum: u128,
}

impl LedgerReader {
    /// How many blocks the applied chain has, genesis included.
    pub fn block_count(&self) -> Result<u64, StoreError> {
        let height = rows::one(self.connection(), "SELECT height FROM state", [], |row| rows::integer::<u64>(row, 0))?;
        Ok(height.map_or(0, |height| height + 1))
    }

    /// Finds a block by `tip`, height, hash, or the first digits of its hash (at least six). A number is a height first.
    pub fn find(&self, name: &str) -> Result<BlockLookup, StoreError> {
        let snapshot = self.snapshot()?;
        let applied = |stored: StoredHeader| BlockLookup::Block(Box::new(stored.with_status(BlockStatus::Applied)));
        let height = if name == "tip" { Some(check::tip(&snapshot)?.height) } else { height_in(name) };
        if let Some(height) = height
            && let Some(stored) = StoredHeader::applied_at(&snapshot, height)?
        {
            return Ok(applied(stored));
        }
        if let Ok(hash) = name.parse::<Hash>() {
            return Ok(match StoredHeader::find(&snapshot, &hash)? {
                Some(stored) => BlockLookup::Block(Box::new(with_status(&snapshot, stored)?)),
                None => BlockLookup::Nothing,
            });
        }
        let Some((low, high)) = prefix_bounds(name) else {
            return Ok(if height.is_some() { BlockLookup::Nothing } else { BlockLookup::Malformed });
        };
        let ids = with_prefix(&snapshot, &low, &high)?;
        match ids.as_slice() {
            [] => Ok(BlockLookup::Nothing),
            [(id, _)] => {
                let stored = StoredHeader::with_id(&snapshot, *id)?;
                Ok(BlockLookup::Block(Box::new(with_status(&snapshot, stored)?)))
            }
            several => Ok(BlockLookup::Ambiguous(several.iter().map(|(_, hash)| *hash).collect())),
        }
    }

    /// Headers of the applied chain at height `from` and below, highest first.
    pub fn headers_down(&self, from: u32, count: usize) -> Result<Vec<HeaderRow>, StoreError> {
        let sql = select_headers!("JOIN applied a ON a.id = h.id WHERE a.height <= ?1 ORDER BY a.height DESC LIMIT ?2");
        let count = i64::try_from(count).unwrap_or(i64::MAX);
        let snapshot = self.snapshot()?;
        rows::all(&snapshot, sql, (from, count), |row| Ok(StoredHeader::read(row)?.with_status(BlockStatus::Applied)))
    }

    /// The unspent coins of an address: the sum and number of all, and the youngest `limit` coins. Reads all coins: about
    /// 0.3 s for a million.
    pub fn coins_of(&self, address: &Address, limit: usize) -> Result<AddressCoins, StoreError> {
        let snapshot = self.snapshot()?;
        let mut found = AddressCoins::default();
        // The oldest of the youngest, which is the first to go, is on top.
        let mut youngest = BinaryHeap::new();
        CoinTable::open_to_read(&snapshot)?.each_coin(&snapshot, |outpoint, coin| {
            if coin.address == *address {
                found.balance += u128::from(coin.amount);
                found.count += 1;
                youngest.push((Reverse(coin.height), *outpoint, coin.amount, coin.coinbase));
                if youngest.len() > limit {
                    youngest.pop();
                }
            }
            Ok(())
        })?;
        let coin = |(Reverse(height), outpoint, amount, coinbase)| {
            (outpoint, Coin { amount, address: *address, height, coinbase })
        };
        found.coins = youngest.into_sorted_vec().into_iter().map(coin).collect();
        Ok(found)
    }

    /// The coin at an outpoint, if it exists and is unspent.
    pub fn coin(&self, outpoint: &OutPoint) -> Result<Option<Coin>, StoreError> {
        let snapshot = self.snapshot()?;
        CoinTable::open_to_read(&snapshot)?.get(&snapshot, &CoinKey::of(outpoint))
    }

    /// The end of every branch: the applied chain's first, then by work.
    pub fn chain_tips(&self) -> Result<Vec<ChainTip>, StoreError> {
        let snapshot = self.snapshot()?;
        let tip = check::tip(&snapshot)?;
        let end = StoredHeader::applied_at(&snapshot, tip.height)?;
        let end = end.ok_or_else(|| StoreError::Corrupt("the tip is missing".to_owned()))?;
        let side = rows::all(
            &snapshot,
            "SELECT s.id, h.parent, h.height FROM side s JOIN headers h ON h.id = s.id ORDER BY s.id",
            [],
            |row| Ok((row.get::<_, i64>(0)?, row.get::<_, i64>(1)?, rows::integer::<u32>(row, 2)?)),
        )?;
        let parents: BTreeSet<i64> = gather(side.iter().map(|(_, parent, _)| *parent));
        // Parents come first, so each branch's first height is known before its next header.
        let mut branch_start = BTreeMap::new();
        let mut tips = Vec::new();
        for (id, parent, height) in side {
            let start = *branch_start.get(&parent).unwrap_or(&height);
            branch_start.insert(id, start);
            if !parents.contains(&id) {
                let row = with_status(&snapshot, StoredHeader::with_id(&snapshot, id)?)?;
                tips.push(ChainTip { row, branch_length: height - start + 1 });
            }
        }
        tips.sort_unstable_by_key(|tip| Reverse(tip.row.work));
        let active = ChainTip { row: end.with_status(BlockStatus::Applied), branch_length: 0 };
        tips.insert(0, active);
        Ok(tips)
    }

    /// Number and sum of all coins, to compare with [`crate::chain::spec::ChainSpec::supply`]. Reads all coins.
    pub fn coin_totals(&self) -> Result<CoinTotals, StoreError> {
        let snapshot = self.snapshot()?;
        let mut totals = CoinTotals::default();
        CoinTable::open_to_read(&snapshot)?.each_coin(&snapshot, |_, coin| {
            totals.count += 1;
            totals.sum += u128::from(coin.amount);
            Ok(())
        })?;
        Ok(totals)
    }
}

/// The height that an ID stands for. Hashes begin with zeros (proof of work), and their first digits may all be decimal. So
/// digits with leading zeros are a hash, not a height.
fn height_in(name: &str) -> Option<u32> {
    let of_a_hash = name.starts_with('0') && name.len() >= MIN_PREFIX_DIGITS;
    if of_a_hash { None } else { name.parse().ok() }
}

/// The smallest and the largest hash with this prefix; `None` if it is not hex or too short.
fn prefix_bounds(digits: &str) -> Option<(Hash, Hash)> {
    let plain = digits.bytes().all(|byte| byte.is_ascii_hexdigit());
    if !plain || !(MIN_PREFIX_DIGITS..=64).contains(&digits.len()) {
        return None;
    }
    let fill = |digit: &str| (digits.to_owned() + &digit.repeat(64 - digits.len())).parse().ok();
    Some((fill("0")?, fill("f")?))
}

/// Ids and hashes of headers between two hashes. This scans the table: an index over whole hashes would slow every sync down
/// for a query that users rarely make.
fn with_prefix(connection: &Connection, low: &Hash, high: &Hash) -> Result<Vec<(i64, Hash)>, StoreError> {
    let sql = "SELECT id, hash FROM headers WHERE hash BETWEEN ?1 AND ?2 LIMIT ?3";
    let parameters = (low.0.as_slice(), high.0.as_slice(), i64::try_from(MAX_PREFIX_MATCHES).unwrap_or(i64::MAX));
    rows::all(connection, sql, parameters, |row| Ok((row.get(0)?, Hash(rows::bytes(row, 1)?))))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{
        chain::{
            archive::{HeaderArchive, LedgerStore},
            key::SecretKey,
            testkit::BlockMaker,
        },
        store::{
            LedgerDb, LedgerOptions,
            testing::{TempDir, account, dev_maker},
            testkit,
        },
    };

    /// Eleven blocks and a branch of two at height 8, in a file.
    fn ledger(dir: &TempDir) -> (LedgerDb, LedgerReader, BlockMaker, BlockMaker) {
        let mut maker = dev_maker();
        let path = dir.join("ledger.db");
        let mut ledger = LedgerDb::open(&path, maker.spec(), &LedgerOptions::default()).unwrap();
        let mut branch = maker.fork();
        for height in 1..=11 {
            if height == 9 {
                branch = maker.fork();
            }
            let transfer = maker.transfer(&SecretKey::well_known(0), account(1), height, 1);
            let block = maker.next_block(vec![transfer], account(2));
            testkit::append(&mut ledger, &maker, &block).unwrap();
        }
        for _ in 0..2 {
            branch.next_block(vec![], account(5));
            ledger.put_headers(&[branch.header_row()]).unwrap();
        }
        testkit::commit(&mut ledger, &maker).unwrap();
        let reader = LedgerReader::open(&path).unwrap();
        (ledger, reader, maker, branch)
    }

    #[test]
    fn a_reader_sees_what_is_committed_and_only_that() {
        let dir = TempDir::new();
        let (mut ledger, reader, mut maker, branch) = ledger(&dir);
        let before = maker.fork();
        let block = maker.next_block(vec![], account(2));
        testkit::append(&mut ledger, &maker, &block).unwrap();
        assert_eq!(reader.tip().unwrap(), before.tip());
        assert_eq!(reader.header(&block.hash), Ok(None));
        assert_eq!(reader.body(&block.hash), Ok(None));
        testkit::commit(&mut ledger, &maker).unwrap();
        assert_eq!(reader.tip().unwrap(), maker.tip());
        assert_eq!(reader.body(&block.hash), Ok(Some(block.bytes.clone())));
        assert_eq!(reader.body_at(12), Ok(Some(block.bytes.clone())));
        assert_eq!(reader.block_count(), Ok(13));
        assert_eq!(reader.best_header().unwrap().hash, maker.hash());
        assert_eq!(reader.fork_headers(), Ok(2));
        assert_eq!(reader.header(&branch.hash()).unwrap().unwrap().status, BlockStatus::Header);
        assert_eq!(reader.applied_from(11, 9).unwrap(), ledger.applied_from(11, 9).unwrap());
        let down = reader.headers_down(12, 3).unwrap();
        assert_eq!(down.iter().map(|row| row.header.height).collect::<Vec<_>>(), [12, 11, 10]);
        reader.check_chain(maker.spec()).unwrap();
        assert!(reader.connection().execute("DELETE FROM coins", []).is_err(), "a reader cannot write");
    }

    #[test]
    fn blocks_are_found_by_tip_height_hash_and_prefix() {
        let dir = TempDir::new();
        let (_ledger, reader, maker, branch) = ledger(&dir);
        let hash_of = |name: &str| match reader.find(name).unwrap() {
            BlockLookup::Block(row) => Some((row.hash, row.status)),
            _ => None,
        };
        let tip = Some((maker.hash(), BlockStatus::Applied));
        assert_eq!([hash_of("tip"), hash_of("11"), hash_of(&maker.hash().to_string())], [tip, tip, tip]);
        assert_eq!(hash_of(&maker.hash().to_string()[..10]), tip);
        assert_eq!(hash_of(&branch.hash().to_string()[..12]), Some((branch.hash(), BlockStatus::Header)));
        for (name, expected) in
            [("12", BlockLookup::Nothing), ("xyz", BlockLookup::Malformed), ("abc", BlockLookup::Malformed)]
        {
            assert_eq!(reader.find(name), Ok(expected), "{name}");
        }
        assert_eq!(reader.find(&"ab".repeat(32)), Ok(BlockLookup::Nothing));
        assert_eq!(reader.find("abcdef0123"), Ok(BlockLookup::Nothing));
    }

    #[test]
    fn digits_with_leading_zeros_are_a_hash_and_not_a_height() {
        assert_eq!(["0", "12", "00012", "123456"].map(height_in), [Some(0), Some(12), Some(12), Some(123_456)]);
        assert_eq!(["000012", "00123456", &"0".repeat(64), "x"].map(height_in), [None; 4]);
        let dir = TempDir::new();
        let (_ledger, reader, ..) = ledger(&dir);
        assert!(matches!(reader.find(&"0".repeat(64)), Ok(BlockLookup::Nothing)));
    }

    #[test]
    fn a_prefix_of_several_blocks_is_ambiguous() {
        let dir = TempDir::new();
        let (ledger, reader, maker, _) = ledger(&dir);
        let prefix = &maker.hash().to_string()[..8];
        drop(ledger);
        // Two such hashes cannot be found, so the test writes one.
        let writer = Connection::open(dir.join("ledger.db")).unwrap();
        let mut twin = maker.hash();
        twin.0[20] ^= 1;
        writer.execute("UPDATE headers SET hash = ?1 WHERE id = 4", [twin.0.as_slice()]).unwrap();
        let BlockLookup::Ambiguous(mut hashes) = reader.find(prefix).unwrap() else { panic!("not ambiguous") };
        hashes.sort_unstable();
        let mut expected = vec![twin, maker.hash()];
        expected.sort_unstable();
        assert_eq!(hashes, expected);
    }

    #[test]
    fn coins_of_an_address_and_all_coins_add_up() {
        let dir = TempDir::new();
        let (_ledger, reader, maker, _) = ledger(&dir);
        let owned: Vec<_> = maker.coins().iter().filter(|(_, coin)| coin.address == account(1)).collect();
        let found = reader.coins_of(&account(1), 3).unwrap();
        assert_eq!(found.count, owned.len() as u64);
        assert_eq!(found.balance, owned.iter().map(|(_, coin)| u128::from(coin.amount)).sum::<u128>());
        assert_eq!(found.coins.iter().map(|(_, coin)| coin.height).collect::<Vec<_>>(), [11, 10, 9]);
        assert_eq!(reader.coins_of(&Address([1; 20]), 3), Ok(AddressCoins::default()));
        let totals = reader.coin_totals().unwrap();
        assert_eq!(totals, CoinTotals { count: maker.coins().len() as u64, sum: maker.spec().supply(11) });
        let (outpoint, coin) = owned[0];
        assert_eq!(reader.coin(outpoint), Ok(Some(coin.clone())));
    }

    #[test]
    fn tips_are_the_ends_of_all_branches_with_their_lengths() {
        let dir = TempDir::new();
        let (mut ledger, reader, maker, mut branch) = ledger(&dir);
        let mut twig = branch.fork();
        branch.next_block(vec![], account(6));
        twig.next_block(vec![], account(7));
        ledger.put_headers(&[branch.header_row(), twig.header_row()]).unwrap();
        ledger.mark_invalid(&twig.hash()).unwrap();
        testkit::commit(&mut ledger, &maker).unwrap();
        let tips = reader.chain_tips().unwrap();
        let told: Vec<_> = tips.iter().map(|tip| (tip.row.hash, tip.row.status, tip.branch_length)).collect();
        assert_eq!(
            told,
            [
                (maker.hash(), BlockStatus::Applied, 0),
                (branch.hash(), BlockStatus::Header, 3),
                (twig.hash(), BlockStatus::Invalid, 3),
            ]
        );
    }

    #[test]
    fn a_file_that_is_not_a_ledger_is_not_read() {
        let dir = TempDir::new();
        assert!(matches!(LedgerReader::open(&dir.join("none.db")), Err(StoreError::Io(_))));
        Connection::open(dir.join("empty.db")).unwrap().execute_batch("PRAGMA user_version = 0").unwrap();
        assert!(LedgerReader::open(&dir.join("empty.db")).is_err());
    }
}
