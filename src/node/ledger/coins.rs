//! The coins that changed since the last flush: a bounded overlay over the store's.
//!
//! A coin made and spent between two flushes never reaches the store. The changes are listed in the store's own order, so
//! that a flush writes them as they come: sorting them on the way took 6 MB more, and wrote pages twice. The more changes
//! a flush has, the more of them share a page; so each takes little room. Of a coin that is gone it is the place, which in
//! the store is the coin's alone; of those that a transaction made, the id only once. Both lie in lists without gaps.

use std::{
    collections::{BTreeMap, BTreeSet, btree_map},
    iter,
    mem::take,
};

use crate::{
    base::hash::Hash,
    chain::{
        address::Address,
        archive::{CoinPlace, StoreError},
        coin::{Coin, CoinChange},
        transaction::OutPoint,
    },
};

use super::slab::Slab;

/// Bytes that a place takes in a list, with its share of half-filled tree nodes and of what the allocator adds.
const PLACE_BYTES: usize = 18;
/// The same for a place with a number.
const NUMBERED_BYTES: usize = 26;
/// The same for a coin with its name.
const NAMED_BYTES: usize = 160;

/// The lowest bits of a place. Coins that one transaction made differ in nothing else where the store keeps them together.
const LOW_BITS: u32 = 12;
/// Leading bits of a place that [`Coins::touched`] tells apart: of places that nothing changed, one in ten looks as if.
const TOUCHED_BITS: u32 = 21;
/// In [`MadeCoin::height`], a coin that a coinbase made.
const COINBASE: u32 = 1 << 31;
/// In place of a number: there are no more.
const NONE: u32 = u32::MAX;

/// A coin's name and its place in the store.
#[derive(Clone, Copy, Debug)]
pub(super) struct Place {
    pub(super) outpoint: OutPoint,
    pub(super) place: CoinPlace,
}

/// Changes to the store's coins. One that the store has to replace is both gone and made.
#[derive(Debug)]
pub(super) struct Coins {
    /// Places whose coin only the store still has.
    gone: BTreeSet<i64>,
    /// Transactions that made coins which the store does not have, by their coins' place without the lowest bits.
    makers: BTreeMap<i64, u32>,
    transactions: Slab<Maker>,
    made: Slab<MadeCoin>,
    /// Coins that only the store still has, where it has others at the same place.
    gone_by_name: BTreeSet<OutPoint>,
    /// Coins that the store does not have and that do not fit in above. Practically always none.
    made_by_name: BTreeMap<OutPoint, Coin>,
    /// A bit for all places with the same leading bits: whether there has been a change. Most coins that a block spends are
    /// old, and of these not even the trees have to be asked, where each step is another wait for memory.
    touched: Vec<u64>,
    /// Bytes beyond which a flush is due.
    limit: usize,
}

/// A transaction that made coins.
#[derive(Debug)]
struct Maker {
    txid: Hash,
    /// Number of the first of its coins.
    first: u32,
}

/// A coin of a [`Maker`].
#[derive(Debug)]
struct MadeCoin {
    amount: u64,
    address: Address,
    /// Of its block, with [`COINBASE`].
    height: u32,
    /// Number of its maker's next coin, or [`NONE`].
    next: u32,
    index: u16,
    /// The lowest bits of its place.
    low: u16,
}

impl MadeCoin {
    /// `None` for what has no room in here.
    fn new(index: u32, order: i64, coin: &Coin) -> Option<Self> {
        let index = u16::try_from(index).ok()?;
        let height = (coin.height < COINBASE).then_some(coin.height | if coin.coinbase { COINBASE } else { 0 })?;
        let low = u16::try_from(order & ((1 << LOW_BITS) - 1)).ok()?;
        Some(Self { amount: coin.amount, address: coin.address, height, next: NONE, index, low })
    }

    fn coin(&self) -> Coin {
        let (height, coinbase) = (self.height & !COINBASE, self.height & COINBASE != 0);
        Coin { amount: self.amount, address: self.address, height, coinbase }
    }
}

impl Coins {
    /// An overlay of no changes, due for a flush when it takes `bytes`.
    pub(super) fn new(bytes: usize) -> Self {
        Self {
            gone: BTreeSet::new(),
            makers: BTreeMap::new(),
            transactions: Slab::default(),
            made: Slab::default(),
            gone_by_name: BTreeSet::new(),
            made_by_name: BTreeMap::new(),
            touched: vec![0; 1 << (TOUCHED_BITS - u64::BITS.ilog2())],
            limit: bytes,
        }
    }

    /// Where the bit of a place is.
    fn bit_of(order: i64) -> (usize, u64) {
        let number = order.cast_unsigned() >> (u64::BITS - TOUCHED_BITS);
        ((number / u64::from(u64::BITS)) as usize, 1 << (number % u64::from(u64::BITS)))
    }

    fn touch(&mut self, order: i64) {
        let (at, bit) = Self::bit_of(order);
        self.touched[at] |= bit;
    }

    /// The coin, if the overlay knows: `Some(None)` is a spent one, `None` a question for the store.
    pub(super) fn get(&self, at: &Place) -> Option<Option<Coin>> {
        let (word, bit) = Self::bit_of(at.place.order);
        if self.touched[word] & bit == 0 {
            return None;
        }
        if let Some((_, number)) = self.find(at) {
            return Some(Some(self.made.at(number).coin()));
        }
        if let Some(coin) = self.made_by_name.get(&at.outpoint) {
            return Some(Some(coin.clone()));
        }
        let gone = match at.place.alone {
            true => self.gone.contains(&at.place.order),
            false => self.gone_by_name.contains(&at.outpoint),
        };
        gone.then_some(None)
    }

    /// Adds a coin that does not exist: one made by a block, or given back when its spending is undone.
    pub(super) fn add(&mut self, at: &Place, coin: Coin) {
        self.touch(at.place.order);
        let Some(made) = MadeCoin::new(at.outpoint.index, at.place.order, &coin) else {
            self.made_by_name.insert(at.outpoint, coin);
            return;
        };
        let maker = *self
            .makers
            .entry(at.place.order >> LOW_BITS)
            .or_insert_with(|| self.transactions.put(Maker { txid: at.outpoint.txid, first: NONE }));
        let maker = self.transactions.at_mut(maker);
        if maker.txid != at.outpoint.txid {
            self.made_by_name.insert(at.outpoint, coin);
            return;
        }
        maker.first = self.made.put(MadeCoin { next: maker.first, ..made });
    }

    /// Removes a coin that exists, here or in the store.
    pub(super) fn remove(&mut self, at: &Place) {
        if let Some((before, number)) = self.find(at) {
            self.unlink(at.place.order >> LOW_BITS, before, number);
        } else if self.made_by_name.remove(&at.outpoint).is_none() {
            self.remove_stored(at);
        }
    }

    /// Removes a coin that the store has, and that is not here.
    pub(super) fn remove_stored(&mut self, at: &Place) {
        self.touch(at.place.order);
        match at.place.alone {
            true => self.gone.insert(at.place.order),
            false => self.gone_by_name.insert(at.outpoint),
        };
    }

    /// The number of a coin, after that of the one before it in its maker's list.
    fn find(&self, at: &Place) -> Option<(u32, u32)> {
        let maker = self.transactions.at(*self.makers.get(&(at.place.order >> LOW_BITS))?);
        if maker.txid != at.outpoint.txid {
            return None;
        }
        let (mut before, mut number) = (NONE, maker.first);
        while number != NONE {
            let made = self.made.at(number);
            if u32::from(made.index) == at.outpoint.index {
                return Some((before, number));
            }
            (before, number) = (number, made.next);
        }
        None
    }

    /// Takes a coin out of its maker's list, and the maker after its last.
    fn unlink(&mut self, group: i64, before: u32, number: u32) {
        let next = self.made.at(number).next;
        self.made.give_back(number);
        if before != NONE {
            self.made.at_mut(before).next = next;
        } else if let Some(&maker) = self.makers.get(&group) {
            self.transactions.at_mut(maker).first = next;
            if next == NONE {
                self.makers.remove(&group);
                self.transactions.give_back(maker);
            }
        }
    }

    /// Whether a flush is due, if `others` bytes of the limit are not there.
    pub(super) fn is_full(&self, others: usize) -> bool {
        let named = self.gone_by_name.len() + self.made_by_name.len();
        let listed = self.gone.len() * PLACE_BYTES + self.makers.len() * NUMBERED_BYTES + named * NAMED_BYTES;
        let bytes = listed + self.transactions.bytes() + self.made.bytes();
        listed > 0 && bytes.saturating_add(others) >= self.limit
    }

    /// Hands all changes to `flush`, those without a name in the store's order, and forgets them.
    pub(super) fn flush(
        &mut self,
        flush: impl FnOnce(&mut dyn Iterator<Item = CoinChange>) -> Result<(), StoreError>,
    ) -> Result<(), StoreError> {
        let Self { gone, makers, transactions, made, gone_by_name, made_by_name, touched, limit: _ } = self;
        let (gone, makers) = (take(gone), take(makers));
        let (transactions, made) = (take(transactions), take(made));
        let (gone_by_name, made_by_name) = (take(gone_by_name), take(made_by_name));
        touched.fill(0);
        if gone.is_empty() && makers.is_empty() && gone_by_name.is_empty() && made_by_name.is_empty() {
            return Ok(());
        }
        let mut gone = gone.into_iter().peekable();
        let mut coins =
            Made { makers: makers.into_iter(), transactions: &transactions, coins: &made, next: Vec::new() };
        let listed = iter::from_fn(|| match coins.peek() {
            Some(order) if gone.peek().is_none_or(|gone| *gone > order) => {
                coins.next.pop().map(|(_, outpoint, coin)| CoinChange::Make(outpoint, coin))
            }
            _ => gone.next().map(CoinChange::RemoveAt),
        });
        let removed = gone_by_name.into_iter().map(CoinChange::Remove);
        let made = made_by_name.into_iter().map(|(outpoint, coin)| CoinChange::Make(outpoint, coin));
        flush(&mut removed.chain(listed).chain(made))
    }
}

/// The coins that were made, in the order of their places.
struct Made<'a> {
    makers: btree_map::IntoIter<i64, u32>,
    transactions: &'a Slab<Maker>,
    coins: &'a Slab<MadeCoin>,
    /// What is left of one maker's, the next one last.
    next: Vec<(i64, OutPoint, Coin)>,
}

impl Made<'_> {
    /// The place of the next coin, which is then the last of `next`.
    fn peek(&mut self) -> Option<i64> {
        while self.next.is_empty() {
            let (group, maker) = self.makers.next()?;
            let Maker { txid, first } = self.transactions.at(maker);
            let mut number = *first;
            while number != NONE {
                let coin = self.coins.at(number);
                let outpoint = OutPoint { txid: *txid, index: u32::from(coin.index) };
                let order = group << LOW_BITS | i64::from(coin.low);
                // As a rule at the end: the list has the coin first that was made last.
                let at = self.next.partition_point(|(other, ..)| *other > order);
                self.next.insert(at, (order, outpoint, coin.coin()));
                number = coin.next;
            }
        }
        self.next.last().map(|(order, ..)| *order)
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

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

    fn flushed(coins: &mut Coins) -> Vec<CoinChange> {
        let mut all = Vec::new();
        let take = |changes: &mut dyn Iterator<Item = CoinChange>| {
            all.extend(changes);
            Ok(())
        };
        coins.flush(take).unwrap();
        all
    }

    /// Changes the stored coins; what a flush must not say panics.
    fn write(stored: &mut Plain, changes: Vec<CoinChange>) {
        let places = stored.clone();
        for change in changes {
            match change {
                CoinChange::Make(outpoint, coin) => {
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
        let (mut coins, none) = (Coins::new(1000), Plain::new());
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
        let mut coins = Coins::new(1000);
        let stored = Plain::from([(outpoint(8), 1)]);
        let (old, new) = (at(8, &stored), at(9, &stored));
        coins.remove(&old);
        coins.add(&new, coin(5));
        assert_eq!(coins.get(&old), Some(None));
        coins.add(&old, coin(7));
        assert_eq!(coins.get(&old), Some(Some(coin(7))));
        let gone = CoinChange::RemoveAt(old.place.order);
        let made = [CoinChange::Make(outpoint(8), coin(7)), CoinChange::Make(outpoint(9), coin(5))];
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
        let mut coins = Coins::new(3 * PLACE_BYTES);
        assert!(!coins.is_full(usize::MAX), "nothing to flush");
        for n in 0..3 {
            assert!(!coins.is_full(0));
            coins.remove(&at(n, &none));
            let full = (coins.is_full(PLACE_BYTES), coins.is_full(2 * PLACE_BYTES));
            assert_eq!(full, (n >= 1, true), "others use some of it");
        }
        assert!(coins.is_full(0));
        let mut coins = Coins::new(NUMBERED_BYTES + size_of::<Maker>() + 2 * size_of::<MadeCoin>());
        coins.add(&at(0, &none), coin(1));
        assert!(!coins.is_full(0));
        coins.add(&at(1, &none), coin(1));
        assert!(coins.is_full(0), "two coins of one transaction");
    }

    #[test]
    fn what_has_no_room_in_the_lists_is_kept_by_name() {
        let mut coins = Coins::new(1000);
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
        Flush,
    }

    fn op() -> impl Strategy<Value = Op> {
        prop_oneof![
            12 => (0..12u8, 1..1000u64).prop_map(|(n, amount)| Op::Toggle(n, amount)),
            2 => Just(Op::Flush),
        ]
    }

    /// What the overlay and the store say together.
    fn seen(coins: &Coins, stored: &Plain) -> Plain {
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
            let (mut coins, mut stored, mut model) = (Coins::new(100_000), Plain::new(), Plain::new());
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
            let mut coins = Coins::new(usize::MAX);
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
                CoinChange::Make(OutPoint { txid, index }, _) => {
                    (i64::from(txid.0[0]) << LOW_BITS | i64::from(index), true)
                }
                CoinChange::Remove(outpoint) => panic!("{outpoint:?} has a place"),
            };
            prop_assert_eq!(flushed(&mut coins).into_iter().map(order).collect::<Vec<_>>(), expected);
        }
    }
}
