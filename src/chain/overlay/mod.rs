//! The coins that changed since the last flush: a bounded overlay over the store's.
//!
//! A coin created and spent between two flushes never reaches the store. The changes are kept in the store's order, so
//! that a flush writes them in sequence: sorting them during the flush took 6 MB more.

mod coin_list;
mod ordered_table;
mod shard;
mod slab;
#[cfg(test)]
mod tests;

use crate::chain::{
    archive::StoreError,
    coin::{Coin, CoinChange},
    coin_key::CoinKey,
};

use shard::{SHARD_BITS, Shard};

/// Changes to the store's coins. A coin that replaces a stored one is both spent and created.
#[derive(Debug)]
pub struct Overlay {
    /// In the order of their keys. Several, because a list is copied when it grows.
    shards: Vec<Shard>,
    /// Size in bytes from which a flush is due.
    limit: usize,
}

impl Overlay {
    /// An empty overlay, due for a flush when it takes `bytes`.
    pub fn new(bytes: usize) -> Self {
        Self { shards: (0..1 << SHARD_BITS).map(|_| Shard::new()).collect(), limit: bytes }
    }

    fn shard(&self, order: u64) -> &Shard {
        &self.shards[Self::shard_of(order)]
    }

    fn shard_mut(&mut self, order: u64) -> &mut Shard {
        &mut self.shards[Self::shard_of(order)]
    }

    fn shard_of(order: u64) -> usize {
        (order >> (u64::BITS - SHARD_BITS)) as usize
    }

    /// The coin, if the overlay knows it: `Some(None)` is a spent coin; at `None` ask the store.
    pub fn get(&self, key: &CoinKey) -> Option<Option<Coin>> {
        let shard = self.shard(key.order);
        if !shard.is_touched(key.order) {
            return None;
        }
        match shard.created.get(key) {
            Some(coin) => Some(Some(coin.clone())),
            None => shard.spent.get(key).map(|()| None),
        }
    }

    /// Adds a coin that does not exist: a block created it, or its spending is undone.
    pub fn add(&mut self, key: &CoinKey, coin: Coin) {
        let shard = self.shard_mut(key.order);
        shard.touch(key.order);
        shard.created.insert(key, coin);
    }

    /// Removes a coin that exists, here or in the store.
    pub fn remove(&mut self, key: &CoinKey) {
        if !self.shard_mut(key.order).created.remove(key) {
            self.remove_stored(key);
        }
    }

    /// Removes a coin that the store has and the overlay has not.
    pub fn remove_stored(&mut self, key: &CoinKey) {
        let shard = self.shard_mut(key.order);
        shard.touch(key.order);
        shard.spent.insert(key, ());
    }

    /// Whether a flush is due. `others`: bytes of the limit that something else uses.
    pub fn is_full(&self, others: usize) -> bool {
        let listed: usize = self.shards.iter().map(Shard::bytes).sum();
        !self.is_empty() && listed.saturating_add(others) >= self.limit
    }

    /// Whether nothing has changed.
    fn is_empty(&self) -> bool {
        self.shards.iter().all(Shard::is_empty)
    }

    /// Hands all changes to `flush`, in the store's order, and forgets them.
    pub fn flush(
        &mut self,
        flush: impl FnOnce(&mut dyn Iterator<Item = CoinChange>) -> Result<(), StoreError>,
    ) -> Result<(), StoreError> {
        let flushed = if self.is_empty() { Ok(()) } else { flush(&mut self.shards.iter().flat_map(Shard::changes)) };
        self.shards.iter_mut().for_each(Shard::clear);
        flushed
    }
}
