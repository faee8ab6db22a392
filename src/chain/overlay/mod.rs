//! The coins that changed since the last flush: a bounded overlay over the store's.
//!
//! A coin created and spent between two flushes never reaches the store. The changes are kept in the store's order, so
//! that a flush writes them in sequence: sorting them during the flush took 6 MB more and wrote pages twice. The more
//! changes a flush has, the more of them share a page, so each change is kept small. Of a spent coin only its place is
//! kept: no other coin in the store has that place.

mod coin_key;
mod created;
mod ordered_table;
mod shard;
mod slab;
#[cfg(test)]
mod tests;

pub use coin_key::CoinKey;

use std::collections::{BTreeMap, BTreeSet};

use crate::chain::{
    archive::StoreError,
    coin::{Coin, CoinChange},
    transaction::OutPoint,
};

use ordered_table::GAP;
use shard::{SHARD_BITS, Shard};

/// Bytes that a coin with its outpoint takes in a tree, including half-filled nodes and the allocator's overhead.
const OUTPOINT_BYTES: usize = 160;

/// Changes to the store's coins. A coin that replaces a stored one is both spent and created.
#[derive(Debug)]
pub struct Overlay {
    /// In the order of their places. When the overlay is full, only the largest shard is flushed. It then has nearly twice
    /// as many changes as it would have if all shards were flushed, so that twice as many share a page.
    shards: Vec<Shard>,
    /// Spent coins of the store that share their place with other stored coins.
    spent_by_outpoint: BTreeSet<OutPoint>,
    /// Created coins that do not fit into a shard. Practically always none.
    created_by_outpoint: BTreeMap<OutPoint, Coin>,
    /// Size in bytes from which a flush is due.
    limit: usize,
}

impl Overlay {
    /// An empty overlay, due for a flush when it takes `bytes`.
    pub fn new(bytes: usize) -> Self {
        Self {
            shards: (0..1 << SHARD_BITS).map(|_| Shard::new()).collect(),
            spent_by_outpoint: BTreeSet::new(),
            created_by_outpoint: BTreeMap::new(),
            limit: bytes,
        }
    }

    fn shard(&self, order: i64) -> &Shard {
        &self.shards[Self::shard_of(order)]
    }

    fn shard_mut(&mut self, order: i64) -> &mut Shard {
        &mut self.shards[Self::shard_of(order)]
    }

    fn shard_of(order: i64) -> usize {
        (ordered_table::from_the_lowest(order) >> (u64::BITS - SHARD_BITS)) as usize
    }

    /// The coin, if the overlay knows it: `Some(None)` is a spent coin; at `None` ask the store.
    pub fn get(&self, at: &CoinKey) -> Option<Option<Coin>> {
        let shard = self.shard(at.place.order);
        if !shard.is_touched(at.place.order) {
            return None;
        }
        if let Some(coin) = shard.created.get(at).or_else(|| self.created_by_outpoint.get(&at.outpoint).cloned()) {
            return Some(Some(coin));
        }
        let spent = match Self::is_place_enough(at) {
            true => shard.spent.get(at.place.order).is_some(),
            false => self.spent_by_outpoint.contains(&at.outpoint),
        };
        spent.then_some(None)
    }

    /// Adds a coin that does not exist: a block created it, or its spending is undone.
    pub fn add(&mut self, at: &CoinKey, coin: Coin) {
        let shard = self.shard_mut(at.place.order);
        shard.touch(at.place.order);
        if let Err(coin) = shard.created.add(at, coin) {
            self.created_by_outpoint.insert(at.outpoint, coin);
        }
    }

    /// Removes a coin that exists, here or in the store.
    pub fn remove(&mut self, at: &CoinKey) {
        if !self.shard_mut(at.place.order).created.remove(at) && self.created_by_outpoint.remove(&at.outpoint).is_none()
        {
            self.remove_stored(at);
        }
    }

    /// Removes a coin that the store has and the overlay has not.
    pub fn remove_stored(&mut self, at: &CoinKey) {
        let shard = self.shard_mut(at.place.order);
        shard.touch(at.place.order);
        if Self::is_place_enough(at) {
            shard.spent.get_or_insert_with(at.place.order, || ());
        } else {
            self.spent_by_outpoint.insert(at.outpoint);
        }
    }

    /// Whether the place alone identifies a stored coin.
    fn is_place_enough(at: &CoinKey) -> bool {
        at.place.alone && at.place.order != GAP
    }

    /// Whether a flush is due. `others`: bytes of the limit that something else uses.
    pub fn is_full(&self, others: usize) -> bool {
        let by_outpoint = self.by_outpoint() * OUTPOINT_BYTES;
        let listed: usize = self.shards.iter().map(Shard::bytes).sum();
        !self.is_empty() && by_outpoint.saturating_add(listed).saturating_add(others) >= self.limit
    }

    /// Whether nothing has changed.
    fn is_empty(&self) -> bool {
        self.by_outpoint() == 0 && self.shards.iter().all(Shard::is_empty)
    }

    /// How many changes are kept by outpoint.
    fn by_outpoint(&self) -> usize {
        self.spent_by_outpoint.len() + self.created_by_outpoint.len()
    }

    /// Hands the changes of the largest shard to `flush`, in the store's order, and forgets them. If some changes are
    /// kept by outpoint, flushes all: those may concern the same coins as the changes of any shard.
    pub fn spill(
        &mut self,
        flush: impl FnOnce(&mut dyn Iterator<Item = CoinChange>) -> Result<(), StoreError>,
    ) -> Result<(), StoreError> {
        let changed = self.shards.iter().enumerate().filter(|(_, shard)| !shard.is_empty());
        let largest = changed.max_by_key(|(_, shard)| shard.bytes()).map(|(at, _)| at);
        let Some(at) = largest.filter(|_| self.by_outpoint() == 0) else { return self.flush(flush) };
        let flushed = flush(&mut self.shards[at].changes());
        self.shards[at] = Shard::new();
        flushed
    }

    /// Hands all changes to `flush`, those of the shards in the store's order, and forgets them.
    pub fn flush(
        &mut self,
        flush: impl FnOnce(&mut dyn Iterator<Item = CoinChange>) -> Result<(), StoreError>,
    ) -> Result<(), StoreError> {
        let flushed = if self.is_empty() { Ok(()) } else { flush(&mut self.changes()) };
        self.shards.iter_mut().for_each(Shard::clear);
        self.spent_by_outpoint.clear();
        self.created_by_outpoint.clear();
        flushed
    }

    /// All changes, those of the shards in the store's order.
    fn changes(&self) -> impl Iterator<Item = CoinChange> {
        let removed = self.spent_by_outpoint.iter().copied().map(CoinChange::Remove);
        let created =
            self.created_by_outpoint.iter().map(|(outpoint, coin)| CoinChange::Create(*outpoint, coin.clone()));
        removed.chain(self.shards.iter().flat_map(Shard::changes)).chain(created)
    }
}
