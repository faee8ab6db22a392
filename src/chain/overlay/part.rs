//! A part of the overlay: the changes to places of one range.

use std::iter;

use crate::chain::coin::CoinChange;

use super::{made::MadeCoins, spread::Spread};

/// Leading bits of a place that tell which part it belongs to.
pub(super) const PART_BITS: u32 = 3;

/// The changes to places of one range.
#[derive(Debug)]
pub(super) struct Part {
    /// Places whose coin only the store still has.
    pub(super) gone: Spread<()>,
    /// Coins that the store does not have.
    pub(super) made: MadeCoins,
}

impl Part {
    /// No changes yet.
    pub(super) fn new() -> Self {
        Self { gone: Spread::new(PART_BITS), made: MadeCoins::new(PART_BITS) }
    }

    /// Whether nothing has changed.
    pub(super) fn is_empty(&self) -> bool {
        self.gone.is_empty() && self.made.is_empty()
    }

    /// Bytes that all lists take.
    pub(super) fn bytes(&self) -> usize {
        self.gone.bytes() + self.made.bytes()
    }

    /// Forgets all changes.
    pub(super) fn clear(&mut self) {
        self.gone.clear();
        self.made.clear();
    }

    /// All changes in the store's order.
    pub(super) fn changes(&self) -> impl Iterator<Item = CoinChange> {
        let mut gone = self.gone.iter().map(|(order, ())| order).peekable();
        let mut made = self.made.in_order().peekable();
        iter::from_fn(move || {
            let makes = made.peek().is_some_and(|(order, ..)| gone.peek().is_none_or(|gone| gone > order));
            match makes {
                true => made.next().map(|(order, outpoint, coin)| CoinChange::MakeAt(order, outpoint, coin)),
                false => gone.next().map(CoinChange::RemoveAt),
            }
        })
    }
}
