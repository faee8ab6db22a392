//! The coins that changed since the last flush: a bounded overlay over the store's.
//!
//! A coin made and spent between two flushes never reaches the store. The changes are listed in the store's own order, so
//! that a flush writes them as they come: sorting them on the way took 6 MB more, and wrote pages twice. The coins
//! themselves lie apart from that list, without gaps, which makes room for half as many again: the more changes a flush
//! has, the more of them share a page.

use std::collections::BTreeSet;

use crate::chain::{archive::StoreError, coin::Coin, transaction::OutPoint};

/// Bytes that one entry of the list takes, with its share of half-filled tree nodes and of what the allocator adds.
const ENTRY_BYTES: usize = 40;
/// In the list, a coin that is there; one that the store has, and that is gone, comes before it.
const MADE: u32 = 1 << 31;

/// A coin's name, after its place in the store's order: see [`crate::chain::archive::LedgerStore::coin_order`].
pub(super) type Place = (i64, OutPoint);

/// Changes to the store's coins. One that the store has to replace is both gone and made.
#[derive(Debug)]
pub(super) struct Coins {
    /// Place in the store's order, and where the coin lies: in `made` with [`MADE`], else in `gone`.
    list: BTreeSet<(i64, u32)>,
    /// Coins that the store does not have.
    made: Slab<(OutPoint, Coin)>,
    /// Coins that only the store still has.
    gone: Slab<OutPoint>,
    /// Bytes beyond which a flush is due.
    limit: usize,
}

/// Things by number. They lie in chunks, since a list that grows by moving needs its room twice.
#[derive(Debug)]
struct Slab<T> {
    chunks: Vec<Vec<T>>,
    /// Numbers that are not in use.
    free: Vec<u32>,
}

/// Things in a chunk.
const CHUNK: usize = 512;

impl<T> Default for Slab<T> {
    fn default() -> Self {
        Self { chunks: Vec::new(), free: Vec::new() }
    }
}

impl<T> Slab<T> {
    fn put(&mut self, item: T) -> u32 {
        if let Some(at) = self.free.pop() {
            *self.at_mut(at) = item;
            return at;
        }
        if self.chunks.last().is_none_or(|chunk| chunk.len() == CHUNK) {
            self.chunks.push(Vec::with_capacity(CHUNK));
        }
        let before = (self.chunks.len() - 1) * CHUNK;
        let chunk = self.chunks.last_mut().expect("there is one now");
        chunk.push(item);
        u32::try_from(before + chunk.len() - 1).expect("the overlay's limit is far below as many changes")
    }

    fn at(&self, at: u32) -> &T {
        &self.chunks[at as usize / CHUNK][at as usize % CHUNK]
    }

    fn at_mut(&mut self, at: u32) -> &mut T {
        &mut self.chunks[at as usize / CHUNK][at as usize % CHUNK]
    }

    fn bytes(&self) -> usize {
        let items = self.chunks.last().map_or(0, |last| (self.chunks.len() - 1) * CHUNK + last.len());
        items * size_of::<T>() + self.free.len() * size_of::<u32>()
    }
}

impl Coins {
    /// An overlay of no changes, due for a flush when it takes `bytes`.
    pub(super) fn new(bytes: usize) -> Self {
        Self { list: BTreeSet::new(), made: Slab::default(), gone: Slab::default(), limit: bytes }
    }

    /// The coin, if the overlay knows: `Some(None)` is a spent one, `None` a question for the store.
    pub(super) fn get(&self, place: &Place) -> Option<Option<&Coin>> {
        match self.find(place)? {
            at if at & MADE == 0 => Some(None),
            at => Some(Some(&self.made.at(at & !MADE).1)),
        }
    }

    /// Adds a coin that does not exist: one made by a block, or given back when its spending is undone.
    pub(super) fn add(&mut self, (order, outpoint): Place, coin: Coin) {
        let at = self.made.put((outpoint, coin));
        self.list.insert((order, at | MADE));
    }

    /// Removes a coin that exists, here or in the store.
    pub(super) fn remove(&mut self, place: &Place) {
        match self.find(place).filter(|at| at & MADE != 0) {
            Some(at) => {
                self.list.remove(&(place.0, at));
                self.made.free.push(at & !MADE);
            }
            None => {
                let at = self.gone.put(place.1);
                self.list.insert((place.0, at));
            }
        }
    }

    /// The last entry for a coin: if it is made, that counts.
    fn find(&self, (order, outpoint): &Place) -> Option<u32> {
        let entries = self.list.range((*order, 0)..=(*order, u32::MAX));
        let is_its = |at: &u32| match at & MADE {
            0 => *self.gone.at(*at) == *outpoint,
            _ => self.made.at(at & !MADE).0 == *outpoint,
        };
        entries.rev().map(|(_, at)| *at).find(is_its)
    }

    /// Whether a flush is due, if `others` bytes of the limit are not there.
    pub(super) fn is_full(&self, others: usize) -> bool {
        let bytes = self.list.len() * ENTRY_BYTES + self.made.bytes() + self.gone.bytes();
        !self.list.is_empty() && bytes.saturating_add(others) >= self.limit
    }

    /// Hands all changes to `flush` in the store's order and forgets them.
    pub(super) fn flush(
        &mut self,
        flush: impl FnOnce(&mut dyn Iterator<Item = (Place, Option<Coin>)>) -> Result<(), StoreError>,
    ) -> Result<(), StoreError> {
        if self.list.is_empty() {
            return Ok(());
        }
        let Self { list, made, gone, .. } = std::mem::replace(self, Self::new(self.limit));
        flush(&mut list.into_iter().map(|(order, at)| match at & MADE {
            0 => ((order, *gone.at(at)), None),
            _ => {
                let (outpoint, coin) = made.at(at & !MADE);
                ((order, *outpoint), Some(coin.clone()))
            }
        }))
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;

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
        coins.add(outpoint(3), coin(5));
        assert_eq!(coins.get(&outpoint(2)), Some(None));
        coins.add(outpoint(2), coin(7));
        assert_eq!(coins.get(&outpoint(2)), Some(Some(&coin(7))));
        assert_eq!(flushed(&mut coins), [(outpoint(2), None), (outpoint(2), Some(7)), (outpoint(3), Some(5))]);
        // The replaced coin is the store's: removing it again must reach the store.
        coins.remove(&outpoint(2));
        coins.add(outpoint(2), coin(8));
        coins.remove(&outpoint(2));
        assert_eq!(flushed(&mut coins), [(outpoint(2), None)]);
        assert_eq!(coins.get(&outpoint(2)), None, "after a flush the store is asked");
    }

    #[test]
    fn it_is_full_at_its_bytes() {
        let each = ENTRY_BYTES + size_of::<OutPoint>();
        let mut coins = Coins::new(3 * each);
        assert!(!coins.is_full(usize::MAX), "nothing to flush");
        for n in 0..3 {
            assert!(!coins.is_full(0));
            coins.remove(&outpoint(n));
            assert_eq!((coins.is_full(each), coins.is_full(2 * each)), (n >= 1, true), "others use some of it");
        }
        assert!(coins.is_full(0));
    }

    #[derive(Clone, Debug)]
    enum Op {
        Toggle(u8, u64),
        Flush,
    }

    fn op() -> impl Strategy<Value = Op> {
        prop_oneof![
            12 => (0..12u8, 1..1000u64).prop_map(|(n, amount)| Op::Toggle(n, amount)),
            2 => Just(Op::Flush),
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
                        prop_assert!(changes.is_sorted_by_key(|((order, _), _)| *order), "in the store's order");
                        for (outpoint, amount) in changes {
                            let before = stored.remove(&outpoint);
                            prop_assert!(before.is_some() || amount.is_some(), "what the store never saw is not removed");
                            stored.extend(amount.map(|amount| (outpoint, amount)));
                        }
                        prop_assert_eq!(&stored, &model);
                    }
                }
                prop_assert_eq!(seen(&coins, &stored), model.clone());
            }
        }
    }
}
