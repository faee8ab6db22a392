//! A shard of the overlay: the changes to one range of keys.

use std::iter;

use crate::chain::{
    coin::{Coin, CoinChange},
    coin_key::CoinKey,
};

use super::coin_list::CoinList;

/// Leading bits of an order that select its shard.
pub(super) const SHARD_BITS: u32 = 3;

/// Bits after these that [`Shard::touched`] tells apart. About one in eight unchanged coins looks changed.
const TOUCHED_BITS: u32 = 16;
/// Words of that bitmap.
const TOUCHED_WORDS: usize = 1 << (TOUCHED_BITS - u64::BITS.ilog2());

/// The changes to one range of keys.
#[derive(Debug)]
pub(super) struct Shard {
    /// Stored coins that were spent.
    pub(super) spent: CoinList<()>,
    /// Coins that the store does not have yet.
    pub(super) created: CoinList<Coin>,
    /// A bitmap over leading bits: whether any coin with these bits has changed. Most coins that a block spends are old.
    /// One bit rules a change out, which saves the lookups in both lists, each a cache miss. Empty before the first change.
    touched: Vec<u64>,
}

impl Shard {
    /// No changes yet.
    pub(super) fn new() -> Self {
        Self { spent: CoinList::new(SHARD_BITS), created: CoinList::new(SHARD_BITS), touched: Vec::new() }
    }

    /// Records that the coin with this order changes. Call it before every change.
    pub(super) fn touch(&mut self, order: u64) {
        let (word, bit) = Self::bit_of(order);
        if self.touched.is_empty() {
            self.touched = vec![0; TOUCHED_WORDS];
        }
        self.touched[word] |= bit;
    }

    /// Whether the coin with this order may have changed. `false` is certain.
    pub(super) fn is_touched(&self, order: u64) -> bool {
        let (word, bit) = Self::bit_of(order);
        self.touched.get(word).is_some_and(|touched| touched & bit != 0)
    }

    /// The word and the bit of an order.
    fn bit_of(order: u64) -> (usize, u64) {
        let number = order << SHARD_BITS >> (u64::BITS - TOUCHED_BITS);
        ((number / u64::from(u64::BITS)) as usize, 1 << (number % u64::from(u64::BITS)))
    }

    /// Whether nothing has changed.
    pub(super) fn is_empty(&self) -> bool {
        self.spent.is_empty() && self.created.is_empty()
    }

    /// Bytes that all lists take.
    pub(super) fn bytes(&self) -> usize {
        self.spent.bytes() + self.created.bytes()
    }

    /// Forgets all changes.
    pub(super) fn clear(&mut self) {
        self.spent.clear();
        self.created.clear();
        self.touched = Vec::new();
    }

    /// All changes in the order of their keys. A replaced coin is removed before it is created.
    pub(super) fn changes(&self) -> impl Iterator<Item = CoinChange> {
        let mut spent = self.spent.iter().map(|(key, ())| key).peekable();
        let mut created = self.created.iter().peekable();
        iter::from_fn(move || {
            let creates = created.peek().is_some_and(|(key, _)| spent.peek().is_none_or(|spent: &CoinKey| spent > key));
            match creates {
                true => created.next().map(|(key, coin)| CoinChange { key, coin: Some(coin.clone()) }),
                false => spent.next().map(|key| CoinChange { key, coin: None }),
            }
        })
    }
}
