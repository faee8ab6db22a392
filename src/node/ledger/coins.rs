//! The coins that changed since the last flush: a bounded overlay over the store's.
//!
//! A coin made and spent between two flushes never reaches the store. The slots lie in the store's own order, so that a
//! flush writes them as they come: sorting them on the way took 6 MB more, and wrote pages twice.

use std::collections::BTreeMap;

use crate::chain::{archive::StoreError, coin::Coin, transaction::OutPoint};

/// Bytes that one changed coin takes: key, slot, and its share of half-filled tree nodes.
const SLOT_BYTES: usize = 152;

/// A coin's name, after its place in the store's order: see [`crate::chain::archive::LedgerStore::coin_order`].
pub(super) type Place = (i64, OutPoint);

/// Changes to the store's coins.
#[derive(Debug)]
pub(super) struct Coins {
    slots: BTreeMap<Place, Slot>,
    /// Slots beyond which a flush is due.
    capacity: usize,
}

/// What became of one coin.
#[derive(Debug)]
struct Slot {
    /// The coin as of now; `None`: there is none.
    now: Option<Coin>,
    /// Whether the store has a coin there, which a flush must then replace or remove.
    stored: bool,
}

impl Coins {
    /// An overlay of no changes, due for a flush when it takes `bytes`.
    pub(super) fn new(bytes: usize) -> Self {
        Self { slots: BTreeMap::new(), capacity: (bytes / SLOT_BYTES).max(1) }
    }

    /// The coin, if the overlay knows: `Some(None)` is a spent one, `None` a question for the store.
    pub(super) fn get(&self, place: &Place) -> Option<Option<&Coin>> {
        self.slots.get(place).map(|slot| slot.now.as_ref())
    }

    /// Adds a coin that does not exist: one made by a block, or given back when its spending is undone.
    pub(super) fn add(&mut self, place: Place, coin: Coin) {
        let slot = self.slots.entry(place).or_insert(Slot { now: None, stored: false });
        slot.now = Some(coin);
    }

    /// Removes a coin that exists, here or in the store.
    pub(super) fn remove(&mut self, place: &Place) {
        match self.slots.get_mut(place) {
            Some(slot) if slot.stored => slot.now = None,
            Some(_) => drop(self.slots.remove(place)),
            None => drop(self.slots.insert(*place, Slot { now: None, stored: true })),
        }
    }

    /// Whether a flush is due.
    pub(super) fn is_full(&self) -> bool {
        self.slots.len() >= self.capacity
    }

    /// Hands all changes to `flush` in the store's order and forgets them.
    pub(super) fn flush(
        &mut self,
        flush: impl FnOnce(&mut dyn Iterator<Item = (Place, Option<Coin>)>) -> Result<(), StoreError>,
    ) -> Result<(), StoreError> {
        if self.slots.is_empty() {
            return Ok(());
        }
        let slots = std::mem::take(&mut self.slots);
        flush(&mut slots.into_iter().map(|(place, slot)| (place, slot.now)))
    }

    /// Forgets all changes.
    pub(super) fn clear(&mut self) {
        self.slots.clear();
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::{base::hash::Hash, chain::address::Address};

    fn outpoint(n: u8) -> Place {
        (i64::from(n / 3), OutPoint { txid: Hash([n; 32]), index: 0 })
    }

    fn coin(amount: u64) -> Coin {
        Coin { amount, address: Address::default(), height: 1, coinbase: false }
    }

    fn flushed(coins: &mut Coins) -> Vec<(Place, Option<u64>)> {
        let mut all = Vec::new();
        let take = |changes: &mut dyn Iterator<Item = (Place, Option<Coin>)>| {
            all.extend(changes.map(|(outpoint, coin)| (outpoint, coin.map(|coin| coin.amount))));
            Ok(())
        };
        coins.flush(take).unwrap();
        all
    }

    #[test]
    fn a_coin_made_and_spent_between_flushes_never_reaches_the_store() {
        let mut coins = Coins::new(1000);
        coins.add(outpoint(1), coin(5));
        coins.remove(&outpoint(1));
        assert_eq!(coins.get(&outpoint(1)), None);
        assert_eq!(flushed(&mut coins), []);
    }

    #[test]
    fn a_stored_coin_is_removed_and_may_come_back_changed() {
        let mut coins = Coins::new(1000);
        coins.remove(&outpoint(2));
        coins.add(outpoint(1), coin(5));
        assert_eq!(coins.get(&outpoint(2)), Some(None));
        coins.add(outpoint(2), coin(7));
        assert_eq!(coins.get(&outpoint(2)), Some(Some(&coin(7))));
        assert_eq!(flushed(&mut coins), [(outpoint(1), Some(5)), (outpoint(2), Some(7))]);
        // The replaced coin is the store's: removing it again must reach the store.
        coins.remove(&outpoint(2));
        coins.add(outpoint(2), coin(8));
        coins.remove(&outpoint(2));
        assert_eq!(flushed(&mut coins), [(outpoint(2), None)]);
        assert_eq!(coins.get(&outpoint(2)), None, "after a flush the store is asked");
    }

    #[test]
    fn it_is_full_at_its_bytes() {
        let mut coins = Coins::new(3 * SLOT_BYTES);
        for n in 0..3 {
            assert!(!coins.is_full());
            coins.remove(&outpoint(n));
        }
        assert!(coins.is_full());
    }

    #[derive(Clone, Debug)]
    enum Op {
        Toggle(u8, u64),
        Flush,
        Clear,
    }

    fn op() -> impl Strategy<Value = Op> {
        prop_oneof![
            12 => (0..12u8, 1..1000u64).prop_map(|(n, amount)| Op::Toggle(n, amount)),
            2 => Just(Op::Flush),
            1 => Just(Op::Clear),
        ]
    }

    /// What the overlay and the store say together.
    fn seen(coins: &Coins, stored: &BTreeMap<Place, u64>) -> BTreeMap<Place, u64> {
        let look = |n| match coins.get(&outpoint(n)) {
            Some(coin) => coin.map(|coin| coin.amount),
            None => stored.get(&outpoint(n)).copied(),
        };
        (0..12).filter_map(|n| Some((outpoint(n), look(n)?))).collect()
    }

    proptest! {
        #![proptest_config(ProptestConfig { cases: 300, failure_persistence: None, ..ProptestConfig::default() })]

        #[test]
        fn overlay_and_store_together_are_the_plain_map_of_coins(ops in proptest::collection::vec(op(), 1..200)) {
            let (mut coins, mut stored, mut model) = (Coins::new(100_000), BTreeMap::new(), BTreeMap::new());
            for op in ops {
                match op {
                    Op::Toggle(n, _) if model.remove(&outpoint(n)).is_some() => coins.remove(&outpoint(n)),
                    Op::Toggle(n, amount) => {
                        model.insert(outpoint(n), amount);
                        coins.add(outpoint(n), coin(amount));
                    }
                    Op::Flush => {
                        let changes = flushed(&mut coins);
                        prop_assert!(changes.is_sorted(), "in the store's order");
                        for (outpoint, amount) in changes {
                            let before = stored.remove(&outpoint);
                            prop_assert!(before.is_some() || amount.is_some(), "what the store never saw is not removed");
                            stored.extend(amount.map(|amount| (outpoint, amount)));
                        }
                        prop_assert_eq!(&stored, &model);
                    }
                    // A transaction is rolled back.
                    Op::Clear => {
                        coins.clear();
                        model.clone_from(&stored);
                    }
                }
                prop_assert_eq!(seen(&coins, &stored), model.clone());
            }
        }
    }
}
