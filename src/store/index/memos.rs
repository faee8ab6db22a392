//! Finding memos, by all bytes or by words.
//!
//! Of each key the index has a list of places. Several words are found where their lists meet, from the newest place down. The
//! work of one call is bounded: it returns the place from which to go on.

use rusqlite::Connection;

use super::{
    IndexDb,
    entry::{Entry, Kind},
    pages::{self, Part},
    runs, small,
};
use crate::{
    chain::{
        archive::{HeaderArchive, StoreError},
        block::{HashedBlock, HashedTransaction},
        memo::MemoQuery,
    },
    store::{LedgerReader, error::corrupt, rows},
};

/// Places of a list that are read at once.
const PLACES: usize = 64;
/// So often places are read in one call: some milliseconds.
const MAX_READS: usize = 256;
/// Bytes of blocks that one call decodes, and one block more: some milliseconds for each of a mebibyte.
const MAX_BLOCK_BYTES: usize = 8 * 1024 * 1024;
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
        let mut block: Option<(HashedBlock, u64)> = None;
        let mut bytes_left = MAX_BLOCK_BYTES;
        let mut end = before.unwrap_or((u32::MAX, u32::MAX));
        while page.found.len() < limit {
            let place = match search.last_before(end)? {
                Next::Place(place) if place.0 >= lowest => place,
                Next::Place(_) | Next::Nothing => return Ok(page),
                Next::Tired(place) => {
                    page.next = Some(place);
                    return Ok(page);
                }
            };
            if block.as_ref().is_none_or(|(block, _)| block.header.height != place.0) {
                if bytes_left == 0 {
                    break;
                }
                block = read(ledger, place.0)?;
                let bytes = block.as_ref().map_or(0, |(block, _)| block.bytes.len());
                bytes_left = bytes_left.saturating_sub(bytes.max(LEAST_BLOCK_BYTES));
            }
            end = place;
            let at = place.1 as usize;
            // If it is not there, the chain has moved since.
            if let Some((block, time)) = &block
                && let Some(transaction) = block.transactions.get(at).filter(|_| at > 0)
                && query.matches(&transaction.transaction.memo)
            {
                let exact = query.is_exactly(&transaction.transaction.memo);
                let (height, position) = place;
                let transaction = transaction.clone();
                page.found.push(FoundMemo { height, position, time: *time, transaction, exact });
            }
        }
        page.next = Some(end);
        Ok(page)
    }
}

/// The applied block at a height, and its time.
fn read(ledger: &LedgerReader, height: u32) -> Result<Option<(HashedBlock, u64)>, StoreError> {
    let Some(row) = ledger.applied_at(height)? else { return Ok(None) };
    let Some(bytes) = ledger.body(&row.hash)? else { return Ok(None) };
    let block = HashedBlock::decode(bytes).map_err(|error| corrupt(error.to_string()))?;
    Ok(Some((block, row.header.time)))
}

/// The next place of a search.
enum Next {
    Place(Place),
    Nothing,
    /// All places from this one on were looked at, and so many that it is enough for now.
    Tired(Place),
}

/// Walks the places that have all keys of one of several sets, downwards.
struct Search<'a> {
    sets: Vec<Set<'a>>,
}

impl<'a> Search<'a> {
    fn new(index: &'a Connection, query: &MemoQuery) -> Result<Self, StoreError> {
        let slots = runs::slots(index)?;
        let places =
            |key| Places { index, slots: slots.clone(), key, found: Vec::new(), rest: Some((u32::MAX, u32::MAX)) };
        let set = |keys: Vec<u64>| Set { lists: keys.into_iter().map(places).collect(), reads_left: MAX_READS };
        Ok(Self { sets: query.key_sets().into_iter().map(set).collect() })
    }

    /// The last place before `end`.
    fn last_before(&mut self, end: Place) -> Result<Next, StoreError> {
        let (mut last, mut tired) = (None, None);
        for set in &mut self.sets {
            match set.last_before(end)? {
                Next::Place(place) => last = last.max(Some(place)),
                Next::Nothing => {}
                Next::Tired(place) => tired = tired.max(Some(place)),
            }
        }
        Ok(match (last, tired) {
            // Below the place where one set ended, it may have newer ones than the others.
            (last, Some(place)) if last < tired => Next::Tired(place),
            (Some(place), _) => Next::Place(place),
            _ => Next::Nothing,
        })
    }
}

/// The lists of the keys of one set.
struct Set<'a> {
    lists: Vec<Places<'a>>,
    /// Its own, so that each set gets on in each call.
    reads_left: usize,
}

impl Set<'_> {
    /// The last place before `end` that all lists have.
    fn last_before(&mut self, mut end: Place) -> Result<Next, StoreError> {
        loop {
            let mut lowest: Option<Place> = None;
            let mut all_same = true;
            for list in &mut self.lists {
                let bound = lowest.map_or(end, behind);
                if list.needs_read(bound) {
                    let Some(left) = self.reads_left.checked_sub(1) else { return Ok(Next::Tired(end)) };
                    self.reads_left = left;
                }
                let Some(place) = list.last_before(bound)? else { return Ok(Next::Nothing) };
                all_same &= lowest.is_none_or(|lowest| lowest == place);
                lowest = Some(place);
            }
            match lowest {
                Some(place) if all_same => return Ok(Next::Place(place)),
                Some(place) => end = behind(place),
                None => return Ok(Next::Nothing),
            }
        }
    }
}

/// The place that follows.
fn behind((height, position): Place) -> Place {
    (height, position.saturating_add(1))
}

/// The places of one key.
struct Places<'a> {
    index: &'a Connection,
    slots: Vec<u8>,
    key: u64,
    /// The next ones, in ascending order.
    found: Vec<Place>,
    /// Those below `found`, or below any place at first, were not read yet; `None`: there are none.
    rest: Option<Place>,
}

impl Places<'_> {
    /// Drops those that are not before `end`. Returns whether more must be read to know the last one before it.
    fn needs_read(&mut self, end: Place) -> bool {
        while self.found.last().is_some_and(|place| *place >= end) {
            self.found.pop();
        }
        self.found.is_empty() && self.rest.is_some()
    }

    fn last_before(&mut self, end: Place) -> Result<Option<Place>, StoreError> {
        if self.needs_read(end) {
            self.read(end)?;
        }
        Ok(self.found.last().copied())
    }

    fn read(&mut self, end: Place) -> Result<(), StoreError> {
        let Some(rest) = self.rest else { return Ok(()) };
        let end = end.min(rest);
        let (low, end) = (Entry::memo(self.key, 0, 0), Entry::memo(self.key, end.0, end.1));
        let mut found = Vec::new();
        for slot in &self.slots {
            let part = Part { slot: *slot, kind: Kind::Memo };
            for entry in pages::last_before(self.index, part, &low, &end, PLACES)? {
                found.push((small(entry.numbers[1])?, small(entry.numbers[2])?));
            }
        }
        found.sort_unstable();
        // What a list has beyond that, another one may have newer.
        found.drain(..found.len().saturating_sub(PLACES));
        self.rest = found.first().copied().filter(|_| found.len() == PLACES);
        self.found = found;
        Ok(())
    }
}
