//! Finding memos, by all bytes or by words.
//!
//! Of each key the index has a list of blocks. Several words are in blocks where their lists meet, from the newest down, and
//! what is meant there the block says. The work of one call is bounded: it returns the place from which to go on.

use std::collections::BTreeSet;

use rusqlite::Connection;

use super::{
    IndexDb,
    entry::{Entry, Kind},
    pages::{self, Part},
    runs, small,
};
use crate::{
    base::bytes::Bytes,
    chain::{
        archive::{HeaderArchive, StoreError},
        block::HashedTransaction,
        memo::MemoQuery,
        transaction_view,
    },
    store::{LedgerReader, error::corrupt, rows},
};

/// Heights of a list that are read at once.
const HEIGHTS: usize = 64;
/// So often a list is read in one call: some milliseconds.
const MAX_READS: usize = 256;
/// Bytes of blocks that one call reads, and one block more: some milliseconds for each of a mebibyte.
const MAX_BLOCK_BYTES: usize = 4 * 1024 * 1024;
/// Bytes that a smaller block counts as: for a hundred memos in as many blocks it is enough.
const LEAST_BLOCK_BYTES: usize = 64 * 1024;

/// Height and position of a transaction.
type Place = (u32, u32);

/// A transaction whose memo was looked for.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct FoundMemo {
    /// The height of its block.
    pub height: u32,
    /// Its position in the block.
    pub position: u32,
    /// The block's time, unix seconds.
    pub time: u64,
    /// The transaction.
    pub transaction: HashedTransaction,
    /// Whether the memo as a whole was meant, and not only its words.
    pub exact: bool,
}

/// Some of the transactions whose memos were looked for, newest first.
#[derive(Clone, Debug, PartialEq, Eq, Default)]
pub struct MemoPage {
    /// The transactions.
    pub found: Vec<FoundMemo>,
    /// Where to go on; `None`: those were all.
    pub next: Option<Place>,
}

impl IndexDb {
    /// The lowest height whose memos are in the index, if it has that block; 0: all are.
    pub fn memos_from(&self) -> Result<u32, StoreError> {
        let sql = "SELECT max(value) FROM meta WHERE name IN ('memos_from', 'histories_from')";
        let found = rows::one(&self.connection, sql, [], |row| Ok(row.get::<_, Option<u32>>(0)?))?;
        Ok(found.flatten().unwrap_or(0))
    }

    /// Transactions whose memos are meant, newest first. `before`: only older ones than that place.
    pub fn memos(
        &self,
        ledger: &LedgerReader,
        query: &MemoQuery,
        before: Option<Place>,
        limit: usize,
    ) -> Result<MemoPage, StoreError> {
        let snapshot = self.connection.unchecked_transaction()?;
        let lowest = self.memos_from()?.max(ledger.kept_from()?);
        let mut search = Search::new(&snapshot, query)?;
        let mut page = MemoPage::default();
        let mut bytes_left = MAX_BLOCK_BYTES;
        let mut end = before.unwrap_or((u32::MAX, u32::MAX));
        let mut bound = end.0;
        loop {
            let height = match search.last_until(bound)? {
                Next::Height(height) if height >= lowest && bytes_left > 0 => height,
                Next::Height(height) if height < lowest => return Ok(page),
                Next::Nothing => return Ok(page),
                Next::Height(height) | Next::Tired(height) => {
                    page.next = Some(end.min((height.saturating_add(1), 0)));
                    return Ok(page);
                }
            };
            // Without a block the chain has moved since.
            let block = read(ledger, height)?;
            let bytes = block.as_ref().map_or(0, |(block, _)| block.len());
            bytes_left = bytes_left.saturating_sub(bytes.max(LEAST_BLOCK_BYTES));
            if let Some((block, time)) = &block {
                for (position, bytes) in meant(block, query, (height, end))?.into_iter().rev() {
                    page.found.push(FoundMemo::new((height, position), *time, bytes, query)?);
                    if page.found.len() >= limit {
                        page.next = Some((height, position));
                        return Ok(page);
                    }
                }
            }
            let Some(below) = height.checked_sub(1) else { return Ok(page) };
            (bound, end) = (below, (height, 0));
        }
    }
}

impl FoundMemo {
    fn new((height, position): Place, time: u64, bytes: &[u8], query: &MemoQuery) -> Result<Self, StoreError> {
        let transaction = HashedTransaction::decode(bytes).map_err(|error| corrupt(error.to_string()))?;
        let exact = query.is_exactly(&transaction.transaction.memo);
        Ok(Self { height, position, time, transaction, exact })
    }
}

/// The bytes of the applied block at a height, and its time.
fn read(ledger: &LedgerReader, height: u32) -> Result<Option<(Bytes, u64)>, StoreError> {
    let Some(row) = ledger.applied_at(height)? else { return Ok(None) };
    Ok(ledger.body(&row.hash)?.map(|bytes| (bytes, row.header.time)))
}

/// The transactions of a block whose memos are meant, before the end of the search: their positions and bytes. Most of a
/// block is read in vain, so it is not decoded: that takes four times as long.
fn meant<'a>(
    block: &'a [u8],
    query: &MemoQuery,
    (height, end): (u32, Place),
) -> Result<Vec<(u32, &'a [u8])>, StoreError> {
    let damaged = || corrupt(format!("the block at height {height} is cut off"));
    let mut found = Vec::new();
    for (position, one) in (0..).zip(transaction_view::transactions(block).ok_or_else(damaged)?) {
        let (view, bytes) = one.ok_or_else(damaged)?;
        if position > 0 && (height, position) < end && query.matches(view.memo()) {
            found.push((position, bytes));
        }
    }
    Ok(found)
}

/// The next block of a search.
enum Next {
    Height(u32),
    Nothing,
    /// All blocks above this height were looked for, and that is enough for now.
    Tired(u32),
}

/// Walks the blocks that have all keys of one of several sets, downwards.
struct Search<'a> {
    sets: Vec<Set<'a>>,
}

impl<'a> Search<'a> {
    fn new(index: &'a Connection, query: &MemoQuery) -> Result<Self, StoreError> {
        let slots = runs::slots(index)?;
        let end = u64::from(u32::MAX) + 1;
        let heights = |key| Heights { index, slots: slots.clone(), key, found: Vec::new(), rest: Some(end) };
        let set = |keys: BTreeSet<u64>| Set { lists: keys.into_iter().map(heights).collect(), reads_left: MAX_READS };
        Ok(Self { sets: query.key_sets().into_iter().map(set).collect() })
    }

    /// The last block up to this height.
    fn last_until(&mut self, height: u32) -> Result<Next, StoreError> {
        let (mut last, mut tired) = (None, None);
        for set in &mut self.sets {
            match set.last_until(height)? {
                Next::Height(height) => last = last.max(Some(height)),
                Next::Nothing => {}
                Next::Tired(height) => tired = tired.max(Some(height)),
            }
        }
        Ok(match (last, tired) {
            // Below where one set ended, it may have newer ones than the others.
            (last, Some(height)) if last < tired => Next::Tired(height),
            (Some(height), _) => Next::Height(height),
            _ => Next::Nothing,
        })
    }
}

/// The lists of the keys of one set.
struct Set<'a> {
    lists: Vec<Heights<'a>>,
    /// Its own, so that each set gets on in each call.
    reads_left: usize,
}

impl Set<'_> {
    /// The last block up to this height that all lists have.
    fn last_until(&mut self, mut height: u32) -> Result<Next, StoreError> {
        loop {
            let mut lowest = None;
            for list in &mut self.lists {
                let bound = lowest.unwrap_or(height);
                if list.needs_read(bound) {
                    let Some(left) = self.reads_left.checked_sub(1) else { return Ok(Next::Tired(height)) };
                    self.reads_left = left;
                    list.read(bound)?;
                }
                let Some(found) = list.found.last() else { return Ok(Next::Nothing) };
                lowest = Some(*found);
            }
            match (lowest, self.lists.iter().all(|list| list.found.last() == lowest.as_ref())) {
                (Some(found), true) => return Ok(Next::Height(found)),
                (Some(found), false) => height = found,
                (None, _) => return Ok(Next::Nothing),
            }
        }
    }
}

/// The heights of the blocks that have a key.
struct Heights<'a> {
    index: &'a Connection,
    slots: Vec<u8>,
    key: u64,
    /// The next ones, in ascending order.
    found: Vec<u32>,
    /// Those below this height were not read yet; `None`: there are none.
    rest: Option<u64>,
}

impl Heights<'_> {
    /// Drops those above `bound`. Returns whether more must be read to know the last one up to it.
    fn needs_read(&mut self, bound: u32) -> bool {
        while self.found.last().is_some_and(|height| *height > bound) {
            self.found.pop();
        }
        self.found.is_empty() && self.rest.is_some()
    }

    fn read(&mut self, bound: u32) -> Result<(), StoreError> {
        let Some(rest) = self.rest else { return Ok(()) };
        let (low, end) = (Entry::memo(self.key, 0), Entry::memo(self.key, rest.min(u64::from(bound) + 1)));
        let mut found = Vec::new();
        for slot in &self.slots {
            let part = Part { slot: *slot, kind: Kind::Memo };
            for entry in pages::last_before(self.index, part, &low, &end, HEIGHTS)? {
                found.push(small(entry.numbers[1])?);
            }
        }
        found.sort_unstable();
        // What a list has beyond that, another one may have newer.
        found.drain(..found.len().saturating_sub(HEIGHTS));
        self.rest = found.first().map(|height| u64::from(*height)).filter(|_| found.len() == HEIGHTS);
        self.found = found;
        Ok(())
    }
}
