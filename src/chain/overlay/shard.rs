//! A shard of the overlay: the changes to one range of places.

use std::iter;

use crate::chain::coin::CoinChange;

use super::{
    created::CreatedCoins,
    ordered_table::{OrderedTable, from_the_lowest},
};

/// Leading bits of a place that select its shard.
pub(super) const SHARD_BITS: u32 = 3;

/// Bits after these that [`Shard::touched`] tells apart. About one in eight unchanged places looks changed.
const TOUCHED_BITS: u32 = 16;

/// The changes to one range of places.
#[derive(Debug)]
pub(super) struct Shard {
    /// Places of stored coins that were spent.
    pub(super) spent: OrderedTable<()>,
    /// Coins that the store does not have yet.
    pub(super) created: CreatedCoins,
    /// A bitmap over leading bits: whether any place with these bits has changed. Most coins that a block spends are old.
    /// One bit rules a change out, which saves the lookups in both lists, each a cache miss.
    touched: Vec<u64>,
}

impl Shard {
    /// No changes yet.
    pub(super) fn new() -> Self {
        let touched = vec![0; 1 << (TOUCHED_BITS - u64::BITS.ilog2())];
        Self { spent: OrderedTable::new(SHARD_BITS), created: CreatedCoins::new(SHARD_BITS), touched }
    }

    /// Records that the coin at this place changes. Call it before every change.
    pub(super) fn touch(&mut self, order: i64) {
        let (word, bit) = Self::bit_of(order);
        self.touched[word] |= bit;
    }

    /// Whether this place may have changed. `false` is certain.
    pub(super) fn is_touched(&self, order: i64) -> bool {
        let (word, bit) = Self::bit_of(order);
        self.touched[word] & bit != 0
    }

    /// The word and the bit of a place.
    fn bit_of(order: i64) -> (usize, u64) {
        let number = from_the_lowest(order) << SHARD_BITS >> (u64::BITS - TOUCHED_BITS);
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
        self.touched.fill(0);
    }

    /// All changes in the store's order.
    pub(super) fn changes(&self) -> impl Iterator<Item = CoinChange> {
        let mut spent = self.spent.iter().map(|(order, ())| order).peekable();
        let mut created = self.created.in_order().peekable();
        iter::from_fn(move || {
            let makes = created.peek().is_some_and(|(order, ..)| spent.peek().is_none_or(|spent| spent > order));
            match makes {
                true => created.next().map(|(order, outpoint, coin)| CoinChange::CreateAt(order, outpoint, coin)),
                false => spent.next().map(CoinChange::RemoveAt),
            }
        })
    }
}
