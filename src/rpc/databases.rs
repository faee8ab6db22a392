//! The ledger and the index as methods read them.

use std::{fmt::Display, sync::Arc};

use crate::{
    base::{
        codec::{self, CodecError},
        hash::Hash,
    },
    chain::{
        address::Address,
        archive::{BlockStatus, HeaderArchive, HeaderRow, StoreError, Tip},
        block::{HashedBlock, HashedTransaction},
        coin::Coin,
        header::Header,
        memo::MemoQuery,
        transaction::{OutPoint, Transaction},
    },
    rpc::{
        context::Context,
        error::{Cause, INTERNAL, REJECTED, RpcError},
    },
    store::{
        IndexDb, LedgerReader,
        index::{HistoryEntry, MemoPage},
        query::{AddressCoins, BlockLookup, ChainTip, CoinTotals},
    },
};

/// Blocks above the index that are searched one by one.
const UNINDEXED_BLOCKS: usize = 64;

/// The databases, opened at their first use.
pub struct Databases {
    context: Arc<Context>,
    ledger: Option<LedgerReader>,
    index: Option<(IndexDb, u64)>,
}

/// A transaction of the best chain.
pub struct Confirmed {
    /// Its block's header.
    pub row: HeaderRow,
    /// Its block.
    pub block: HashedBlock,
    /// Its place in the block.
    pub position: usize,
}

/// A block in a list.
pub struct BlockSummary {
    /// The block's bytes.
    pub size: usize,
    /// Number of transactions, the coinbase included.
    pub transactions: u32,
    /// The first address that the coinbase pays.
    pub miner: Option<Address>,
}

/// A position in an address's history, where a page ends and the next begins.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Cursor {
    /// The block.
    pub height: u32,
    /// The transaction's place in it.
    pub position: u32,
}

impl Databases {
    /// The databases whose files the context names.
    pub fn new(context: Arc<Context>) -> Self {
        Self { context, ledger: None, index: None }
    }

    /// Hears of the error of a query. A handle that failed is not used again: the next query opens the files anew. A ledger
    /// that is damaged or on a failing disk stops the node, as it does when a role finds it. An index is checked and rebuilt.
    pub(super) fn failed(&mut self, error: &RpcError) {
        if error.code == INTERNAL || error.cause.is_some() {
            (self.ledger, self.index) = (None, None);
        }
        match error.cause.as_deref() {
            Some(Cause::Ledger(failure)) if failure.is_failing_disk() => self.context.node.halt(failure.clone()),
            Some(Cause::Index) => self.context.indexed.distrust(),
            _ => {}
        }
    }

    /// The committed tip.
    pub fn tip(&mut self) -> Result<Tip, RpcError> {
        Ok(self.ledger()?.tip()?)
    }

    /// The block with this height, hash or unique prefix of a hash; `tip` is the tip.
    pub fn find_block(&mut self, name: &str) -> Result<HeaderRow, RpcError> {
        match self.ledger()?.find(&name.trim().to_ascii_lowercase())? {
            BlockLookup::Block(row) => Ok(*row),
            BlockLookup::Nothing => {
                Err(RpcError::not_found(format!("no such block: {}", name.chars().take(64).collect::<String>())))
            }
            BlockLookup::Ambiguous(hashes) => {
                let some: Vec<String> = hashes.iter().take(3).map(Hash::to_string).collect();
                Err(RpcError::bad_parameter(format!("several blocks start with these digits: {}", some.join(", "))))
            }
            BlockLookup::Malformed => {
                let shown: String = name.chars().take(64).collect();
                let advice = "a block is named by its height, its hash, at least the first 6 digits of that, or tip";
                Err(RpcError::bad_parameter(format!("no block is called \"{}\": {advice}", shown.escape_debug())))
            }
        }
    }

    /// The best chain's block at a height.
    pub fn at_height(&mut self, height: u64) -> Result<HeaderRow, RpcError> {
        let row = match u32::try_from(height) {
            Ok(height) => self.ledger()?.applied_at(height)?,
            Err(_) => None,
        };
        row.ok_or_else(|| RpcError::not_found("the chain is not that high"))
    }

    /// The hash of the best chain's block at a height.
    pub fn hash_at(&mut self, height: u32) -> Result<Option<Hash>, RpcError> {
        Ok(self.ledger()?.applied_at(height)?.map(|row| row.hash))
    }

    /// Headers of the best chain from a height downwards.
    pub fn headers_down(&mut self, from: u32, count: usize) -> Result<Vec<HeaderRow>, RpcError> {
        Ok(self.ledger()?.headers_down(from, count)?)
    }

    /// Headers of the best chain from a height upwards.
    pub fn headers_up(&mut self, from: u32, count: usize) -> Result<Vec<Header>, RpcError> {
        Ok(self.ledger()?.applied_from(from, count)?)
    }

    /// A block's header, whatever has become of the block.
    pub fn header(&mut self, hash: &Hash) -> Result<Option<HeaderRow>, RpcError> {
        Ok(self.ledger()?.header(hash)?)
    }

    /// Stored blocks outside the best chain, the latest first.
    pub fn side_blocks(&mut self, limit: usize) -> Result<Vec<HeaderRow>, RpcError> {
        Ok(self.ledger()?.side_blocks(limit)?)
    }

    /// Refuses a block that is older than those that are kept whole, with the words of Bitcoin Core.
    pub fn require_kept(&mut self, row: &HeaderRow) -> Result<(), RpcError> {
        Ok(self.ledger()?.require_kept(row.header.height)?)
    }

    /// The lowest height whose block is kept whole; 1: all are.
    pub fn kept_from(&mut self) -> Result<u32, RpcError> {
        Ok(self.ledger()?.kept_from()?)
    }

    /// A block with its transactions; `None` if only its header is stored.
    pub fn block(&mut self, hash: &Hash) -> Result<Option<HashedBlock>, RpcError> {
        self.ledger()?.body(hash)?.map(decode).transpose()
    }

    /// A block's summary. Cheaper than [`Databases::block`], since only the coinbase is decoded.
    pub fn block_summary(&mut self, hash: &Hash) -> Result<Option<BlockSummary>, RpcError> {
        let Some(bytes) = self.ledger()?.body(hash)? else { return Ok(None) };
        let damaged = |error: CodecError| unreadable(&error);
        let ((_, count), used) = codec::decode_prefix::<(Header, u32)>(&bytes).map_err(damaged)?;
        let (coinbase, _) = codec::decode_prefix::<Transaction>(&bytes[used..]).map_err(damaged)?;
        let miner = coinbase.outputs.first().map(|output| output.address);
        Ok(Some(BlockSummary { size: bytes.len(), transactions: count, miner }))
    }

    /// The ends of all branches.
    pub fn branch_tips(&mut self) -> Result<Vec<ChainTip>, RpcError> {
        Ok(self.ledger()?.chain_tips()?)
    }

    /// The committed tip, and number and sum of all coins. Reads all of them.
    pub fn coin_totals(&mut self) -> Result<(Tip, CoinTotals), RpcError> {
        self.context.need_coins()?;
        let ledger = self.ledger()?;
        Ok((ledger.tip()?, ledger.coin_totals()?))
    }

    /// A coin, if it exists and the chain has not spent it.
    pub fn coin(&mut self, outpoint: &OutPoint) -> Result<Option<Coin>, RpcError> {
        self.context.need_coins()?;
        Ok(self.ledger()?.coin(outpoint)?)
    }

    /// An address's coins: sum, number, and the youngest of them. Reads the index; while that is behind, reads all
    /// coins, which takes about 0.3 s for a million.
    pub fn coins_of(&mut self, address: &Address, limit: usize) -> Result<AddressCoins, RpcError> {
        self.context.need_coins()?;
        let tip = self.tip()?.hash;
        let (ledger, index) = self.both()?;
        let indexed = index.map(|index| index.coins_of(ledger, &tip, address, limit)).transpose();
        let indexed = indexed.map_err(RpcError::of_index)?.flatten();
        Ok(match indexed {
            Some(coins) => coins,
            None => ledger.coins_of(address, limit)?,
        })
    }

    /// A transaction of the best chain. Asks the index first, then reads the few blocks above it.
    pub fn find_transaction(&mut self, txid: &Hash) -> Result<Option<Confirmed>, RpcError> {
        // Read before the index: a block that the index takes in meanwhile is then found in one of the two.
        let indexed = self.context.indexed.get().height;
        let (ledger, index) = self.both()?;
        let place = match index {
            Some(index) => index.tx(ledger, txid).map_err(RpcError::of_index)?.map(|found| (found.height, found.block)),
            None => None,
        };
        let found = match place {
            Some((height, hash)) => confirmed(ledger, height, txid)?.filter(|found| found.row.hash == hash),
            None => None,
        };
        match found {
            Some(found) => Ok(Some(found)),
            None => self.search_above(indexed, txid),
        }
    }

    /// Whether the index has a transaction in a block up to this height.
    pub fn is_indexed(&mut self, txid: &Hash, height: u32) -> Result<bool, RpcError> {
        let (ledger, index) = self.both()?;
        let Some(index) = index else { return Ok(false) };
        Ok(index.tx(ledger, txid).map_err(RpcError::of_index)?.is_some_and(|found| found.height <= height))
    }

    /// Ids of confirmed transactions that start with these hex digits; at most a few.
    pub fn transactions_with_prefix(&mut self, prefix: &str) -> Result<Vec<Hash>, RpcError> {
        let (_, index) = self.both()?;
        let Some(index) = index else { return Ok(Vec::new()) };
        index.txids_with_prefix(prefix).map_err(RpcError::of_index)
    }

    /// A page of an address's history, newest first.
    pub fn history(
        &mut self,
        address: &Address,
        before: Option<Cursor>,
        limit: usize,
    ) -> Result<Vec<HistoryEntry>, RpcError> {
        self.context.need_coins()?;
        let (_, index) = self.indexed()?;
        index.history(address, before.map(|cursor| (cursor.height, cursor.position)), limit).map_err(RpcError::of_index)
    }

    /// A transaction of the best chain's block at a height, with the block's time. `None` if that is not there any more.
    /// `last`: the block that was read before, which may be the same.
    pub fn transaction_at(
        &mut self,
        height: u32,
        txid: &Hash,
        last: &mut Option<HashedBlock>,
    ) -> Result<Option<(u64, HashedTransaction)>, RpcError> {
        if last.as_ref().is_none_or(|block| block.header.height != height) {
            *last = self.ledger()?.body_at(height)?.map(decode).transpose()?;
        }
        let Some(block) = last else { return Ok(None) };
        let found = block.transactions.iter().find(|hashed| hashed.txid == *txid);
        Ok(found.map(|hashed| (block.header.time, hashed.clone())))
    }

    /// Transactions whose memos are meant, newest first.
    pub fn memos(&mut self, query: &MemoQuery, before: Option<Cursor>, limit: usize) -> Result<MemoPage, RpcError> {
        let (ledger, index) = self.indexed()?;
        let before = before.map(|cursor| (cursor.height, cursor.position));
        index.memos(ledger, query, before, limit).map_err(RpcError::of_index)
    }

    /// The lowest height whose memos the index has.
    pub fn memos_from(&mut self) -> Result<u32, RpcError> {
        let (_, index) = self.indexed()?;
        index.memos_from().map_err(RpcError::of_index)
    }

    /// Whether this node keeps an index.
    pub fn has_index(&self) -> bool {
        self.context.index_path.is_some()
    }

    /// The lowest height that the index has, if there is one.
    pub fn indexed_from(&self) -> Option<u32> {
        self.has_index().then(|| self.context.indexed.get().from)
    }

    /// How many blocks the index is behind.
    pub fn index_lag(&mut self) -> Result<u32, RpcError> {
        let tip = self.tip()?.height;
        let indexed = self.context.indexed.get().height;
        Ok(indexed.map_or(tip.saturating_add(1), |indexed| tip.saturating_sub(indexed)))
    }

    /// Searches the blocks above the index, one by one.
    fn search_above(&mut self, indexed: Option<u32>, txid: &Hash) -> Result<Option<Confirmed>, RpcError> {
        let tip = self.tip()?.height;
        let ledger = self.ledger()?;
        let lacking = (0..=tip).rev().take_while(|height| indexed.is_none_or(|indexed| *height > indexed));
        for height in lacking.take(UNINDEXED_BLOCKS) {
            if let Some(found) = confirmed(ledger, height, txid)? {
                return Ok(Some(found));
            }
        }
        Ok(None)
    }

    fn ledger(&mut self) -> Result<&LedgerReader, RpcError> {
        if self.ledger.is_none() {
            let ledger = LedgerReader::open(&self.context.ledger_path).map_err(|error| match error {
                StoreError::Io(_) => RpcError::starting(),
                error => error.into(),
            })?;
            ledger.check_chain(&self.context.chain)?;
            self.ledger = Some(ledger);
        }
        self.ledger.as_ref().ok_or_else(RpcError::starting)
    }

    /// Both; fails if there is no index.
    fn indexed(&mut self) -> Result<(&LedgerReader, &IndexDb), RpcError> {
        if self.context.index_path.is_none() {
            let text = "this node keeps no index (--no-index), and so neither histories nor memos";
            return Err(RpcError::new(REJECTED, text));
        }
        let (ledger, index) = self.both()?;
        let index = index.ok_or_else(|| RpcError::new(super::error::STARTING, "the index is not there yet"))?;
        Ok((ledger, index))
    }

    /// The ledger, and the index once the indexer has opened it: before that, the indexer may still move the file away.
    pub(super) fn both(&mut self) -> Result<(&LedgerReader, Option<&IndexDb>), RpcError> {
        let mark = self.context.indexed.get();
        if self.index.as_ref().is_some_and(|(_, file)| *file != mark.file) {
            self.index = None;
        }
        if let (None, Some(_), Some(path)) = (&self.index, mark.height, &self.context.index_path) {
            let index = IndexDb::open_to_read(path, &self.context.chain.genesis_hash()).map_err(RpcError::of_index)?;
            self.index = Some((index, mark.file));
        }
        self.ledger()?;
        let ledger = self.ledger.as_ref().ok_or_else(RpcError::starting)?;
        Ok((ledger, self.index.as_ref().map(|(index, _)| index)))
    }
}

impl Confirmed {
    /// The transaction.
    pub fn transaction(&self) -> &HashedTransaction {
        &self.block.transactions[self.position]
    }
}

impl Cursor {
    /// Reads `height` (all below it) or `height:position`; `None` for an empty text.
    pub fn parse(text: &str) -> Result<Option<Self>, RpcError> {
        if text.is_empty() {
            return Ok(None);
        }
        let (height, position) = text.split_once(':').unwrap_or((text, "0"));
        match (height.parse(), position.parse()) {
            (Ok(height), Ok(position)) => Ok(Some(Self { height, position })),
            _ => Err(RpcError::bad_parameter("\"before\" is a height, or what the page before gave as \"next\"")),
        }
    }

    /// The form that [`Cursor::parse`] reads.
    pub fn to_text(self) -> String {
        format!("{}:{}", self.height, self.position)
    }
}

fn confirmed(ledger: &LedgerReader, height: u32, txid: &Hash) -> Result<Option<Confirmed>, RpcError> {
    let Some(row) = ledger.applied_at(height)? else { return Ok(None) };
    debug_assert_eq!(row.status, BlockStatus::Applied);
    let Some(block) = ledger.body(&row.hash)?.map(decode).transpose()? else { return Ok(None) };
    let position = block.transactions.iter().position(|transaction| transaction.txid == *txid);
    Ok(position.map(|position| Confirmed { row, block, position }))
}

fn decode(bytes: crate::base::bytes::Bytes) -> Result<HashedBlock, RpcError> {
    HashedBlock::decode(bytes).map_err(|error| unreadable(&error))
}

fn unreadable(error: &dyn Display) -> RpcError {
    StoreError::Corrupt(format!("a stored block cannot be read: {error}")).into()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_cursor_reads_what_it_writes_and_plain_heights() {
        let cursor = Cursor { height: 7, position: 3 };
        assert_eq!(Cursor::parse(&cursor.to_text()), Ok(Some(cursor)));
        assert_eq!(Cursor::parse("9"), Ok(Some(Cursor { height: 9, position: 0 })));
        assert_eq!(Cursor::parse(""), Ok(None));
        assert!(Cursor::parse("x").is_err() && Cursor::parse("1:").is_err() && Cursor::parse("-1").is_err());
    }
}
