//! The coins that changed since the last flush: a bounded overlay over the store's.
//!
//! A coin made and spent between two flushes never reaches the store. The changes are listed in the store's own order, so
//! that a flush writes them as they come: sorting them on the way took 6 MB more, and wrote pages twice. The more changes
//! a flush has, the more of them share a page; so each takes little room. Of a coin that is gone it is the place, which in
//! the store is the coin's alone.

mod made;
mod part;
mod slab;
mod spread;

use std::collections::{BTreeMap, BTreeSet};

use crate::chain::{
    archive::{CoinPlace, StoreError},
    coin::{Coin, CoinChange},
    transaction::OutPoint,
};

use part::{PART_BITS, Part};
use spread::GAP;

/// Bytes that a coin with its name takes in a tree, with its share of half-filled nodes and of what the allocator adds.
const NAMED_BYTES: usize = 160;

/// A coin's name and its place in the store.
#[derive(Clone, Copy, Debug)]
pub struct Place {
    /// Its name.
    pub outpoint: OutPoint,
    /// Where the store keeps it, or would.
    pub place: CoinPlace,
}

/// Changes to the store's coins. One that the store has to replace is both gone and made.
#[derive(Debug)]
pub struct Overlay {
    /// In the order of their places. When room is needed, only the largest is moved into the store: each then has had
    /// nearly twice as many changes as it would have if all were moved, so that twice as many share a page.
    parts: Vec<Part>,
    /// Coins that only the store still has, where it has others at the same place.
    gone_by_name: BTreeSet<OutPoint>,
    /// Coins that the store does not have and that do not fit in above. Practically always none.
    made_by_name: BTreeMap<OutPoint, Coin>,
    /// Bytes beyond which a flush is due.
    limit: usize,
}

impl Overlay {
    /// An overlay of no changes, due for a flush when it takes `bytes`.
    pub fn new(bytes: usize) -> Self {
        Self {
            parts: (0..1 << PART_BITS).map(|_| Part::new()).collect(),
            gone_by_name: BTreeSet::new(),
            made_by_name: BTreeMap::new(),
            limit: bytes,
        }
    }

    fn part(&self, order: i64) -> &Part {
        &self.parts[Self::part_of(order)]
    }

    fn part_mut(&mut self, order: i64) -> &mut Part {
        &mut self.parts[Self::part_of(order)]
    }

    fn part_of(order: i64) -> usize {
        (spread::from_the_lowest(order) >> (u64::BITS - PART_BITS)) as usize
    }

    /// The coin, if the overlay knows: `Some(None)` is a spent one, `None` a question for the store.
    pub fn get(&self, at: &Place) -> Option<Option<Coin>> {
        let part = self.part(at.place.order);
        if !part.is_touched(at.place.order) {
            return None;
        }
        if let Some(coin) = part.made.get(at).or_else(|| self.made_by_name.get(&at.outpoint).cloned()) {
            return Some(Some(coin));
        }
        let gone = match Self::is_place_enough(at) {
            true => part.gone.get(at.place.order).is_some(),
            false => self.gone_by_name.contains(&at.outpoint),
        };
        gone.then_some(None)
    }

    /// Adds a coin that does not exist: one made by a block, or given back when its spending is undone.
    pub fn add(&mut self, at: &Place, coin: Coin) {
        let part = self.part_mut(at.place.order);
        part.touch(at.place.order);
        if let Err(coin) = part.made.add(at, coin) {
            self.made_by_name.insert(at.outpoint, coin);
        }
    }

    /// Removes a coin that exists, here or in the store.
    pub fn remove(&mut self, at: &Place) {
        if !self.part_mut(at.place.order).made.remove(at) && self.made_by_name.remove(&at.outpoint).is_none() {
            self.remove_stored(at);
        }
    }

    /// Removes a coin that the store has, and that is not here.
    pub fn remove_stored(&mut self, at: &Place) {
        let part = self.part_mut(at.place.order);
        part.touch(at.place.order);
        if Self::is_place_enough(at) {
            part.gone.get_or_insert_with(at.place.order, || ());
        } else {
            self.gone_by_name.insert(at.outpoint);
        }
    }

    /// Whether a stored coin is known by its place alone.
    fn is_place_enough(at: &Place) -> bool {
        at.place.alone && at.place.order != GAP
    }

    /// Whether a flush is due, if `others` bytes of the limit are not there.
    pub fn is_full(&self, others: usize) -> bool {
        let named = self.named() * NAMED_BYTES;
        let listed: usize = self.parts.iter().map(Part::bytes).sum();
        !self.is_empty() && named.saturating_add(listed).saturating_add(others) >= self.limit
    }

    /// Whether nothing has changed.
    fn is_empty(&self) -> bool {
        self.named() == 0 && self.parts.iter().all(Part::is_empty)
    }

    /// How many changes are kept by name.
    fn named(&self) -> usize {
        self.gone_by_name.len() + self.made_by_name.len()
    }

    /// Hands the changes of the largest part to `flush`, in the store's order, and forgets them. All changes if some are
    /// kept by name: they may belong together with those of any part.
    pub fn spill(
        &mut self,
        flush: impl FnOnce(&mut dyn Iterator<Item = CoinChange>) -> Result<(), StoreError>,
    ) -> Result<(), StoreError> {
        let changed = self.parts.iter().enumerate().filter(|(_, part)| !part.is_empty());
        let largest = changed.max_by_key(|(_, part)| part.bytes()).map(|(at, _)| at);
        let Some(at) = largest.filter(|_| self.named() == 0) else { return self.flush(flush) };
        let flushed = flush(&mut self.parts[at].changes());
        self.parts[at] = Part::new();
        flushed
    }

    /// Hands all changes to `flush`, those without a name in the store's order, and forgets them.
    pub fn flush(
        &mut self,
        flush: impl FnOnce(&mut dyn Iterator<Item = CoinChange>) -> Result<(), StoreError>,
    ) -> Result<(), StoreError> {
        let flushed = if self.is_empty() { Ok(()) } else { flush(&mut self.changes()) };
        self.parts.iter_mut().for_each(Part::clear);
        self.gone_by_name.clear();
        self.made_by_name.clear();
        flushed
    }

    /// All changes, those without a name in the store's order.
    fn changes(&self) -> impl Iterator<Item = CoinChange> {
        let removed = self.gone_by_name.iter().copied().map(CoinChange::Remove);
        let named = self.made_by_name.iter().map(|(outpoint, coin)| CoinChange::Make(*outpoint, coin.clone()));
        removed.chain(self.parts.iter().flat_map(Part::changes)).chain(named)
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::{base::hash::Hash, chain::address::Address};

    use made::LOW_BITS;

    /// Coins by their names.
    type Plain = BTreeMap<OutPoint, u64>;

    /// Three transactions of four coins; of two of them all, and of the third two, share places with others.
    fn outpoint(n: u8) -> OutPoint {
        OutPoint { txid: Hash([n / 4; 32]), index: u32::from(n % 4) }
    }

    /// An unlikely hash: transactions 0 and 1 have the same places.
    fn order(outpoint: &OutPoint) -> i64 {
        let group = i64::from(outpoint.txid.0[0] / 2);
        (group - 1) << LOW_BITS | i64::from(outpoint.index.min(2))
    }

    /// Where a store that holds these coins keeps one.
    fn at(n: u8, stored: &Plain) -> Place {
        let outpoint = outpoint(n);
        let order = order(&outpoint);
        let alone = stored.keys().filter(|other| self::order(other) == order).count() <= 1;
        Place { outpoint, place: CoinPlace { order, alone } }
    }

    fn coin(amount: u64) -> Coin {
        Coin { amount, address: Address::default(), height: 1, coinbase: amount.is_multiple_of(2) }
    }

    /// Takes what a flush or a spill hands over.
    fn into(all: &mut Vec<CoinChange>) -> impl FnOnce(&mut dyn Iterator<Item = CoinChange>) -> Result<(), StoreError> {
        |changes| {
            all.extend(changes);
            Ok(())
        }
    }

    fn flushed(coins: &mut Overlay) -> Vec<CoinChange> {
        let mut all = Vec::new();
        coins.flush(into(&mut all)).unwrap();
        all
    }

    fn spilt(coins: &mut Overlay) -> Vec<CoinChange> {
        let mut some = Vec::new();
        coins.spill(into(&mut some)).unwrap();
        some
    }

    /// Changes the stored coins; what a flush must not say panics.
    fn write(stored: &mut Plain, changes: Vec<CoinChange>) {
        let places = stored.clone();
        for change in changes {
            if let CoinChange::MakeAt(place, outpoint, _) = &change {
                assert_eq!(*place, order(outpoint));
            }
            match change {
                CoinChange::Make(outpoint, coin) | CoinChange::MakeAt(_, outpoint, coin) => {
                    assert_eq!(coin, self::coin(coin.amount));
                    assert_eq!(stored.insert(outpoint, coin.amount), None, "it was not there");
                }
                CoinChange::Remove(outpoint) => assert!(stored.remove(&outpoint).is_some(), "it was there"),
                CoinChange::RemoveAt(place) => {
                    let there: Vec<_> = places.keys().filter(|outpoint| order(outpoint) == place).collect();
                    assert_eq!(there.len(), 1, "alone");
                    assert!(stored.remove(there[0]).is_some(), "it was there");
                }
            }
        }
    }

    #[test]
    fn a_coin_made_and_spent_between_flushes_never_reaches_the_store() {
        let (mut coins, none) = (Overlay::new(1000), Plain::new());
        for n in [1, 2] {
            coins.add(&at(n, &none), coin(5));
        }
        for n in [1, 2] {
            coins.remove(&at(n, &none));
            assert_eq!(coins.get(&at(n, &none)), None);
        }
        assert_eq!(flushed(&mut coins), []);
    }

    #[test]
    fn a_stored_coin_is_removed_and_may_come_back_changed() {
        let mut coins = Overlay::new(1000);
        let stored = Plain::from([(outpoint(8), 1)]);
        let (old, new) = (at(8, &stored), at(9, &stored));
        coins.remove(&old);
        coins.add(&new, coin(5));
        assert_eq!(coins.get(&old), Some(None));
        coins.add(&old, coin(7));
        assert_eq!(coins.get(&old), Some(Some(coin(7))));
        let gone = CoinChange::RemoveAt(old.place.order);
        let made =
            [(8, 7), (9, 5)].map(|(n, amount)| CoinChange::MakeAt(order(&outpoint(n)), outpoint(n), coin(amount)));
        assert_eq!(flushed(&mut coins), [std::slice::from_ref(&gone), &made[..]].concat());
        // The replaced coin is the store's: removing it again must reach the store.
        coins.remove(&old);
        coins.add(&old, coin(8));
        coins.remove(&old);
        assert_eq!(flushed(&mut coins), [gone]);
        assert_eq!(coins.get(&old), None, "after a flush the store is asked");
    }

    #[test]
    fn it_is_full_at_its_bytes() {
        let none = Plain::new();
        // The lists begin with some room: what the first item takes, the next ones have.
        let first = |change: fn(&mut Overlay)| {
            let mut coins = Overlay::new(usize::MAX);
            change(&mut coins);
            coins.parts.iter().map(Part::bytes).sum::<usize>()
        };
        let one_gone = first(|coins| coins.remove(&at(0, &Plain::new())));
        let mut coins = Overlay::new(one_gone + 8);
        assert!(!coins.is_full(usize::MAX), "nothing to flush");
        coins.remove(&at(0, &none));
        assert!(!coins.is_full(7) && coins.is_full(8), "others use some of it");
        (1..100)
            .for_each(|n| coins.remove_stored(&Place { place: CoinPlace { order: n, alone: true }, ..at(0, &none) }));
        assert!(coins.is_full(0));

        let one_made = first(|coins| coins.add(&at(0, &Plain::new()), coin(1)));
        let two_made = first(|coins| (0..2).for_each(|n| coins.add(&at(n, &Plain::new()), coin(1))));
        assert!(one_made > one_gone && two_made > one_made);
        let mut coins = Overlay::new(two_made);
        coins.add(&at(0, &none), coin(1));
        assert!(!coins.is_full(0));
        coins.add(&at(1, &none), coin(1));
        assert!(coins.is_full(0), "two coins of one transaction");
    }

    /// A place of its own in a part, in the middle of it.
    fn in_part(part: u8, n: u8) -> Place {
        let order = (i64::from(part) << (i64::BITS - PART_BITS)) ^ i64::MIN | i64::from(n) << LOW_BITS;
        Place { outpoint: OutPoint { txid: Hash([n; 32]), index: 0 }, place: CoinPlace { order, alone: true } }
    }

    #[test]
    fn room_is_made_by_the_largest_part_alone() {
        let mut coins = Overlay::new(usize::MAX);
        (0..8).for_each(|part| (1..=9).for_each(|n| coins.add(&in_part(part, n), coin(5))));
        (100..200).for_each(|n| coins.add(&in_part(6, n), coin(5)));
        coins.remove(&in_part(6, 50));
        let place = |change: &CoinChange| match change {
            CoinChange::MakeAt(order, ..) | CoinChange::RemoveAt(order) => *order,
            named => panic!("{named:?}"),
        };
        let spilt = spilt(&mut coins);
        let expected: Vec<i64> = (1..=9).chain([50]).chain(100..200).map(|n| in_part(6, n).place.order).collect();
        assert_eq!(spilt.iter().map(place).collect::<Vec<_>>(), expected);
        assert_eq!((coins.get(&in_part(6, 1)), coins.get(&in_part(6, 50))), (None, None), "the store is asked");
        assert_eq!(coins.get(&in_part(5, 1)), Some(Some(coin(5))));
        assert_eq!(flushed(&mut coins).len(), 7 * 9);
    }

    #[test]
    fn it_is_never_full_once_all_is_spilt_and_then_has_nothing_to_spill() {
        let mut coins = Overlay::new(1);
        (0..8).for_each(|part| coins.add(&in_part(part, 1), coin(5)));
        let mut spills = 0;
        while coins.is_full(0) {
            assert_eq!(spilt(&mut coins).len(), 1);
            spills += 1;
        }
        assert_eq!((spills, spilt(&mut coins)), (8, Vec::new()));
    }

    #[test]
    fn what_is_kept_by_name_is_spilt_with_all_the_rest() {
        let mut coins = Overlay::new(1000);
        coins.add(&in_part(1, 1), coin(4));
        coins.add(&at(1, &Plain::new()), Coin { height: u32::MAX, ..coin(3) });
        assert_eq!(spilt(&mut coins).len(), 2);
        assert_eq!(flushed(&mut coins), []);
    }

    #[test]
    fn what_has_no_room_in_the_lists_is_kept_by_name() {
        let mut coins = Overlay::new(1000);
        let high = Coin { height: u32::MAX, ..coin(3) };
        let far = Place { outpoint: OutPoint { index: 70_000, ..outpoint(0) }, ..at(0, &Plain::new()) };
        coins.add(&at(1, &Plain::new()), high.clone());
        coins.add(&far, coin(4));
        assert_eq!(coins.get(&at(1, &Plain::new())), Some(Some(high.clone())));
        assert_eq!(coins.get(&far), Some(Some(coin(4))));
        let made = [CoinChange::Make(outpoint(1), high), CoinChange::Make(far.outpoint, coin(4))];
        assert_eq!(flushed(&mut coins), made);
    }

    #[derive(Clone, Debug)]
    enum Op {
        Toggle(u8, u64),
        Spill,
        Flush,
    }

    fn op() -> impl Strategy<Value = Op> {
        prop_oneof![
            12 => (0..12u8, 1..1000u64).prop_map(|(n, amount)| Op::Toggle(n, amount)),
            2 => Just(Op::Spill),
            1 => Just(Op::Flush),
        ]
    }

    /// What the overlay and the store say together.
    fn seen(coins: &Overlay, stored: &Plain) -> Plain {
        let look = |n| match coins.get(&at(n, stored)) {
            Some(coin) => coin.map(|coin| coin.amount),
            None => stored.get(&outpoint(n)).copied(),
        };
        (0..12).filter_map(|n| Some((outpoint(n), look(n)?))).collect()
    }

    proptest! {
        #![proptest_config(ProptestConfig { cases: 500, failure_persistence: None, ..ProptestConfig::default() })]

        #[test]
        fn overlay_and_store_together_are_the_plain_map_of_coins(ops in proptest::collection::vec(op(), 1..200)) {
            let (mut coins, mut stored, mut model) = (Overlay::new(100_000), Plain::new(), Plain::new());
            for op in ops {
                match op {
                    Op::Toggle(n, _) if model.remove(&outpoint(n)).is_some() => match coins.get(&at(n, &stored)) {
                        Some(_) => coins.remove(&at(n, &stored)),
                        None => coins.remove_stored(&at(n, &stored)),
                    },
                    Op::Toggle(n, amount) => {
                        model.insert(outpoint(n), amount);
                        coins.add(&at(n, &stored), coin(amount));
                    }
                    Op::Spill => write(&mut stored, spilt(&mut coins)),
                    Op::Flush => {
                        write(&mut stored, flushed(&mut coins));
                        prop_assert_eq!(&stored, &model);
                    }
                }
                prop_assert_eq!(seen(&coins, &stored), model.clone());
            }
        }

        #[test]
        fn what_is_alone_at_its_place_is_written_in_the_order_of_places(gone: Vec<u16>, made: Vec<u16>) {
            let mut coins = Overlay::new(usize::MAX);
            let place = |n: u16| Place {
                outpoint: OutPoint { txid: Hash([(n % 256) as u8; 32]), index: u32::from(n / 256) },
                place: CoinPlace { order: i64::from(n % 256) << LOW_BITS | i64::from(n / 256), alone: true },
            };
            let (gone, made) = (BTreeSet::from_iter(gone), BTreeSet::from_iter(made));
            gone.iter().for_each(|n| coins.remove(&place(*n)));
            made.iter().for_each(|n| coins.add(&place(*n), coin(1)));
            let mut expected: Vec<(i64, bool)> = gone.iter().map(|n| (place(*n).place.order, false)).collect();
            expected.extend(made.iter().map(|n| (place(*n).place.order, true)));
            expected.sort_unstable();
            let order = |change: CoinChange| match change {
                CoinChange::RemoveAt(order) => (order, false),
                CoinChange::MakeAt(order, OutPoint { txid, index }, _) => {
                    assert_eq!(order, i64::from(txid.0[0]) << LOW_BITS | i64::from(index));
                    (order, true)
                }
                CoinChange::Make(outpoint, _) | CoinChange::Remove(outpoint) => panic!("{outpoint:?} has a place"),
            };
            prop_assert_eq!(flushed(&mut coins).into_iter().map(order).collect::<Vec<_>>(), expected);
        }
    }
}
