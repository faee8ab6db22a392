//! The applied chain: its tip, its coins, and how one block is connected to it or disconnected.

use std::{collections::BTreeSet, sync::Arc};

use crate::{
    base::{bytes::Bytes, hash::Hash},
    chain::{
        archive::{BlockStatus, FindCoin, HeaderRow, LedgerStore, StoreError, Submission, Tip},
        block::HashedBlock,
        checked::CheckedBlock,
        coin::Coin,
        coin_diff::{CoinDiff, CoinLocation, FoundCoin},
        coin_key::CoinKey,
        digest::StateSum,
        header::Header,
        overlay::Overlay,
        past::PastBlock,
        rules::BlockFault,
        spec::ChainSpec,
        transaction::OutPoint,
    },
    node::{Halt, Setup, recent::Recent},
};

mod without_coins;

use super::{block_check::check_on, chain_view::ChainView, expected::Expected, failure::Failure};

/// Disconnected blocks that are remembered, so that a peer that was told of them can still have them.
const MAX_DISCONNECTED: usize = 4096;

/// The applied chain's end with its coins: those of the store as the overlay changes them. Their sum's digest is the
/// one that the next header must hold. Changes gather in the overlay and in the store's open transaction.
pub(super) struct Chainstate {
    spec: Arc<ChainSpec>,
    store: Box<dyn LedgerStore>,
    /// The last applied block, committed or not.
    tip: Tip,
    sum: StateSum,
    coins: Overlay,
    expected: Expected,
    /// The tip at which all coins were last found to be in order.
    coins_checked_at: Option<Hash>,
    /// Blocks that were disconnected since the start: valid, though no longer applied.
    disconnected: Recent,
}

impl Chainstate {
    /// A chain that stands at genesis until [`Chainstate::load`].
    pub(super) fn new(setup: &Setup, store: Box<dyn LedgerStore>) -> Self {
        let tip = setup.spec.genesis_tip();
        let (spec, sum) = (setup.spec.clone(), StateSum::default());
        let expected = Expected::new(setup.memory_percent);
        let disconnected = Recent::new(MAX_DISCONNECTED);
        Self {
            spec,
            store,
            tip,
            sum,
            coins: Overlay::new(setup.overlay_bytes),
            expected,
            coins_checked_at: None,
            disconnected,
        }
    }

    /// Takes up where the store was left.
    pub(super) fn load(&mut self) -> Result<(), StoreError> {
        (self.tip, self.sum) = (self.store.tip()?, self.store.state_sum()?);
        Ok(())
    }

    /// The chain's rules.
    pub(super) fn spec(&self) -> &ChainSpec {
        &self.spec
    }

    /// The last applied block, committed or not.
    pub(super) fn tip(&self) -> &Tip {
        &self.tip
    }

    /// The sum over the coins at the tip.
    pub(super) fn sum(&self) -> &StateSum {
        &self.sum
    }

    /// The applied chain's header at a height that it has.
    pub(super) fn applied_at(&self, height: u32) -> Result<HeaderRow, StoreError> {
        let row = self.store.applied_at(height)?;
        row.ok_or_else(|| StoreError::Corrupt(format!("no block is applied at height {height}")))
    }

    /// The store, to read.
    pub(super) fn store(&self) -> &dyn LedgerStore {
        self.store.as_ref()
    }

    /// Stores validated headers.
    pub(super) fn put_headers(&mut self, rows: &[HeaderRow]) -> Result<(), StoreError> {
        self.store.put_headers(rows)
    }

    /// Stores a block's body.
    pub(super) fn put_body(&mut self, block: &CheckedBlock) -> Result<(), StoreError> {
        self.store.put_body(&block.hash, &block.bytes)
    }

    /// Keeps the block below the lowest one that is kept whole.
    pub(super) fn keep_past(&mut self, block: &PastBlock) -> Result<(), StoreError> {
        self.store.keep_past(block)
    }

    /// Marks a block that is not applied and its descendants as invalid; returns their hashes.
    pub(super) fn mark_invalid(&mut self, hash: &Hash) -> Result<Vec<Hash>, StoreError> {
        self.store.mark_invalid(hash)
    }

    /// As [`LedgerStore::unmark_invalid`].
    pub(super) fn unmark_invalid(&mut self, hash: &Hash, only: Option<&[Hash]>) -> Result<Vec<HeaderRow>, StoreError> {
        self.store.unmark_invalid(hash, only)
    }

    /// Whether a block was part of the chain since the start, and is no longer.
    pub(super) fn was_disconnected(&self, hash: &Hash) -> bool {
        self.disconnected.contains(hash)
    }

    /// Replaces the transactions kept over a restart.
    pub(super) fn save_mempool(&mut self, transactions: &mut dyn Iterator<Item = Bytes>) -> Result<(), StoreError> {
        self.store.save_mempool(transactions)
    }

    /// Keeps transactions of users over a kill.
    pub(super) fn keep_submitted(&mut self, transactions: &[Submission]) -> Result<(), StoreError> {
        self.store.keep_submitted(transactions)
    }

    /// Drops all of them but these.
    pub(super) fn retain_submitted(&mut self, txids: &BTreeSet<Hash>) -> Result<(), StoreError> {
        self.store.retain_submitted(txids)
    }

    /// Lets the store do some of its housekeeping. Returns whether more is left.
    pub(super) fn tidy(&mut self) -> Result<bool, StoreError> {
        self.store.tidy()
    }

    /// A coin as of the tip, which the store finds by `in_store`.
    fn find(&self, outpoint: &OutPoint, in_store: &mut FindCoin<'_>) -> Result<Option<FoundCoin>, StoreError> {
        let key = CoinKey::of(outpoint);
        let (coin, stored) = match self.coins.get(&key) {
            Some(coin) => (coin, false),
            None => match self.expected.get(outpoint) {
                Some(coin) => (Some(coin.clone()), true),
                None => (in_store(&key)?, true),
            },
        };
        Ok(coin.map(|coin| FoundCoin { coin, location: CoinLocation { key, stored } }))
    }

    /// What is wrong with a header whose parent is applied, if an applied block has the same parent and another digest: both
    /// vouch for the coins after that parent.
    pub(super) fn contradicts_sibling(&self, header: &Header) -> Result<Option<BlockFault>, StoreError> {
        // Nobody has compared the digest of a header with coins that were never here.
        if header.height < self.store.kept_from() {
            return Ok(None);
        }
        let sibling = self.store.applied_at(header.height)?.map(|row| row.header);
        let expected =
            sibling.filter(|sibling| sibling.previous == header.previous).map(|sibling| sibling.state_digest);
        let differs = expected.filter(|expected| *expected != header.state_digest);
        Ok(differs.map(|expected| BlockFault::StateDigest { found: header.state_digest, expected }))
    }

    /// A block's bytes for a peer: only of a block that was found valid in its place. Other bodies of branches are stored
    /// before they are judged by the coins, and a peer to whom we sent an invalid one would have to ban us.
    pub(super) fn served_body(&self, hash: &Hash) -> Result<Option<Bytes>, StoreError> {
        self.store.served_body(hash, self.disconnected.contains(hash))
    }

    /// Whether the overlay has grown to its limit, of which `others` bytes are used elsewhere.
    pub(super) fn overlay_full(&self, others: usize) -> bool {
        self.coins.is_full(others)
    }

    /// Connects a block that [`Chainstate::check_block`] found valid and whose body is stored on top of the tip.
    pub(super) fn connect(&mut self, row: &HeaderRow, block: &CheckedBlock, diff: CoinDiff) -> Result<(), StoreError> {
        let CoinDiff { changes, locations, .. } = diff;
        self.store.apply(block.header.height, &block.hash, &changes)?;
        let known = self.store.sum_after(&block.hash);
        for ((outpoint, coin), CoinLocation { key, stored }) in changes.spent.iter().zip(locations) {
            if known.is_none() {
                self.sum.remove(&key, coin);
            }
            if stored {
                self.coins.remove_stored(&key)
            } else {
                self.coins.remove(&key)
            }
            self.expected.forget(outpoint);
        }
        for (outpoint, coin) in changes.created {
            let key = CoinKey::of(&outpoint);
            if known.is_none() {
                self.sum.add(&key, &coin);
            }
            self.coins.add(&key, coin);
        }
        if let Some(known) = known {
            self.sum = known;
        }
        self.tip = self.tip_at(row);
        Ok(())
    }

    /// Disconnects the tip. The digest must then be the one that its header vouched for.
    pub(super) fn disconnect(&mut self) -> Result<(), StoreError> {
        self.expected.forget_all();
        let row = self.row(&self.tip.hash)?;
        self.disconnected.insert(row.hash);
        let parent = self.row(&row.header.previous)?;
        let changes = self.store.unapply(row.header.height, &row.hash)?;
        let known = self.store.sum_after(&parent.hash);
        for (outpoint, coin) in changes.spent {
            let key = CoinKey::of(&outpoint);
            if known.is_none() {
                self.sum.add(&key, &coin);
            }
            self.coins.add(&key, coin);
        }
        for (outpoint, coin) in &changes.created {
            let key = CoinKey::of(outpoint);
            if known.is_none() {
                self.sum.remove(&key, coin);
            }
            self.coins.remove(&key);
        }
        if let Some(known) = known {
            self.sum = known;
        }
        self.tip = self.tip_at(&parent);
        if self.tip.digest != row.header.state_digest {
            let problem = format!("the undo data of block {} does not restore the coins before it", row.hash);
            return Err(StoreError::Corrupt(problem));
        }
        Ok(())
    }

    /// Makes sure that our coins are those of the state digest. Called before a block that contradicts them is marked
    /// as invalid: our disk may be wrong and the block right. Reads all coins, but once for each tip only: making
    /// blocks costs an attacker more work than this costs us.
    pub(super) fn check_coins(&mut self) -> Result<(), StoreError> {
        if self.coins_checked_at == Some(self.tip.hash) {
            return Ok(());
        }
        self.flush()?;
        if self.store.coins_sum()? != self.sum {
            let problem = format!("the coins are not those of the state digest after block {}", self.tip.hash);
            return Err(StoreError::Corrupt(problem));
        }
        self.coins_checked_at = Some(self.tip.hash);
        Ok(())
    }

    /// Moves the overlay into the store's open transaction.
    pub(super) fn flush(&mut self) -> Result<(), StoreError> {
        let store = &mut self.store;
        self.coins.flush(|changes| store.flush_coins(changes))
    }

    /// Makes all changes so far permanent. After a kill, the last log line of these tells whether a commit was under
    /// way.
    pub(super) fn commit(&mut self, durable: bool) -> Result<(), StoreError> {
        log::debug!("committing: height={} tip={}", self.tip.height, self.tip.hash);
        self.flush()?;
        self.store.commit(&self.tip, &self.sum, durable)?;
        log::debug!("committed: height={} tip={}", self.tip.height, self.tip.hash);
        Ok(())
    }

    /// Lets the changes so far wait for a later commit, although others are told of them.
    pub(super) fn postpone_commit(&mut self) {
        log::debug!("commit postponed: height={} tip={}", self.tip.height, self.tip.hash);
        self.store.postpone_commit();
    }

    /// A header that must be stored.
    pub(super) fn row(&self, hash: &Hash) -> Result<HeaderRow, StoreError> {
        let row = self.store.header(hash)?;
        row.ok_or_else(|| StoreError::Corrupt(format!("header {hash} is missing")))
    }

    /// A block with its row, both of which must be stored.
    pub(super) fn stored_block(&self, hash: &Hash) -> Result<(HeaderRow, CheckedBlock), StoreError> {
        Ok((self.row(hash)?, CheckedBlock::new(&self.block(hash)?)))
    }

    fn tip_at(&mut self, row: &HeaderRow) -> Tip {
        Tip {
            hash: row.hash,
            height: row.header.height,
            time: row.header.time,
            work: row.work,
            digest: self.sum.digest(),
        }
    }

    /// Checks the rules that depend on the coins before the block; returns the block's changes to the coins.
    pub(super) fn check_block(&self, block: &CheckedBlock) -> Result<CoinDiff, Failure> {
        let mut checked = Err(Halt::Invariant("the store lent nothing".to_owned()).into());
        self.store.lend_coins(&mut |in_store| checked = self.check_with(block, in_store))?;
        checked
    }

    fn check_with(&self, block: &CheckedBlock, in_store: &mut FindCoin<'_>) -> Result<CoinDiff, Failure> {
        check_on(&self.spec, &self.tip.digest, block, &mut |outpoint| self.find(outpoint, in_store))
    }
}

impl ChainView for Chainstate {
    fn spec(&self) -> &ChainSpec {
        &self.spec
    }

    fn height(&self) -> u32 {
        self.tip.height
    }

    fn coin(&self, outpoint: &OutPoint) -> Result<Option<Coin>, StoreError> {
        Ok(self.find(outpoint, &mut |key| self.store.coin(key))?.map(|found| found.coin))
    }

    fn coin_to_be_spent(&mut self, outpoint: &OutPoint) -> Result<Option<Coin>, StoreError> {
        let coin = self.coin(outpoint)?;
        if let Some(coin) = &coin {
            self.expected.note(*outpoint, coin);
        }
        Ok(coin)
    }

    fn block(&self, hash: &Hash) -> Result<HashedBlock, StoreError> {
        let missing = || StoreError::Corrupt(format!("the body of block {hash} is missing"));
        let bytes = self.store.body(hash)?.ok_or_else(missing)?;
        HashedBlock::decode(bytes).map_err(|error| StoreError::Corrupt(format!("the body of block {hash}: {error}")))
    }

    fn is_on_a_branch(&self, hash: &Hash) -> Result<bool, StoreError> {
        Ok(self.store.status_of(hash)? == Some(BlockStatus::Stored))
    }
}
