//! The overlay alone, and together with a model of the store.

use proptest::prelude::*;

use super::*;
use crate::{
    base::hash::Hash,
    chain::{address::Address, transaction::OutPoint},
};

use std::collections::{BTreeMap, BTreeSet};

/// Amounts by outpoint.
type Plain = BTreeMap<OutPoint, u64>;

/// The outpoint of coin `n` of twelve: three transactions with four coins each.
fn outpoint(n: u8) -> OutPoint {
    OutPoint { txid: Hash([n / 4; 32]), index: u32::from(n % 4) }
}

/// An unlikely hash: transactions 0 and 1 have the same orders, and their coins 2 and 3, too.
fn at(n: u8) -> CoinKey {
    let outpoint = outpoint(n);
    let order = u64::from(n / 4 / 2 + 1) << 62 | u64::from(outpoint.index.min(2) + 1);
    CoinKey { outpoint, order }
}

fn coin(amount: u64) -> Coin {
    Coin { amount, address: Address::default(), height: 1, coinbase: amount.is_multiple_of(2) }
}

fn flushed(coins: &mut Overlay) -> Vec<CoinChange> {
    let mut all = Vec::new();
    let into = |changes: &mut dyn Iterator<Item = CoinChange>| {
        all.extend(changes);
        Ok(())
    };
    coins.flush(into).unwrap();
    all
}

fn created(key: CoinKey, amount: u64) -> CoinChange {
    CoinChange { key, coin: Some(coin(amount)) }
}

fn removed(key: CoinKey) -> CoinChange {
    CoinChange { key, coin: None }
}

/// Applies changes to the stored coins. Panics on changes that a flush must not make.
fn write(stored: &mut Plain, changes: Vec<CoinChange>) {
    assert!(changes.is_sorted_by_key(|change| change.key));
    for CoinChange { key, coin } in changes {
        match coin {
            Some(coin) => {
                assert_eq!(coin, self::coin(coin.amount));
                assert_eq!(stored.insert(key.outpoint, coin.amount), None, "the coin is new");
            }
            None => assert!(stored.remove(&key.outpoint).is_some(), "the coin exists"),
        }
    }
}

#[test]
fn a_coin_created_and_spent_between_flushes_never_reaches_the_store() {
    let mut coins = Overlay::new(1000);
    for n in [1, 2] {
        coins.add(&at(n), coin(5));
    }
    for n in [1, 2] {
        coins.remove(&at(n));
        assert_eq!(coins.get(&at(n)), None);
    }
    assert_eq!(flushed(&mut coins), []);
}

#[test]
fn a_stored_coin_is_removed_and_may_come_back_changed() {
    let mut coins = Overlay::new(1000);
    let (old, new) = (at(8), at(9));
    coins.remove(&old);
    coins.add(&new, coin(5));
    assert_eq!(coins.get(&old), Some(None));
    coins.add(&old, coin(7));
    assert_eq!(coins.get(&old), Some(Some(coin(7))));
    assert_eq!(flushed(&mut coins), [removed(old), created(old, 7), created(new, 5)]);
    // The store has the replaced coin: removing it again must reach the store.
    coins.remove(&old);
    coins.add(&old, coin(8));
    coins.remove(&old);
    assert_eq!(flushed(&mut coins), [removed(old)]);
    assert_eq!(coins.get(&old), None, "after a flush the store is asked");
}

#[test]
fn it_is_full_at_its_bytes() {
    // The first item allocates room for the next ones too.
    let first = |change: fn(&mut Overlay)| {
        let mut coins = Overlay::new(usize::MAX);
        change(&mut coins);
        coins.shards.iter().map(Shard::bytes).sum::<usize>()
    };
    let one_spent = first(|coins| coins.remove(&at(0)));
    let mut coins = Overlay::new(one_spent + 8);
    assert!(!coins.is_full(usize::MAX), "nothing to flush");
    coins.remove(&at(0));
    assert!(!coins.is_full(7) && coins.is_full(8), "others use some of it");
    (1..100).for_each(|n| coins.remove_stored(&CoinKey { order: n, ..at(0) }));
    assert!(coins.is_full(0));

    let one_created = first(|coins| coins.add(&at(0), coin(1)));
    let two_created = first(|coins| (0..2).for_each(|n| coins.add(&at(n), coin(1))));
    assert!(one_created > one_spent && two_created > one_created);
    let mut coins = Overlay::new(two_created);
    coins.add(&at(0), coin(1));
    assert!(!coins.is_full(0));
    coins.add(&at(1), coin(1));
    assert!(coins.is_full(0), "two coins of one transaction");
    assert_eq!(flushed(&mut coins).len(), 2);
    assert!(!coins.is_full(0), "nothing is left");
}

#[derive(Clone, Debug)]
enum Op {
    Toggle(u8, u64),
    Flush,
}

fn op() -> impl Strategy<Value = Op> {
    prop_oneof![
        12 => (0..12u8, 1..1000u64).prop_map(|(n, amount)| Op::Toggle(n, amount)),
        1 => Just(Op::Flush),
    ]
}

/// The coins of overlay and store together.
fn seen(coins: &Overlay, stored: &Plain) -> Plain {
    let look = |n| match coins.get(&at(n)) {
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
                Op::Toggle(n, _) if model.remove(&outpoint(n)).is_some() => match coins.get(&at(n)) {
                    Some(_) => coins.remove(&at(n)),
                    None => coins.remove_stored(&at(n)),
                },
                Op::Toggle(n, amount) => {
                    model.insert(outpoint(n), amount);
                    coins.add(&at(n), coin(amount));
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
    fn changes_are_written_in_the_order_of_keys(spent: Vec<u16>, made: Vec<u16>) {
        let mut coins = Overlay::new(usize::MAX);
        let key = |n: u16| CoinKey {
            outpoint: OutPoint { txid: Hash([(n % 256) as u8; 32]), index: u32::from(n / 256) },
            order: u64::from(n % 64 + 1) << 57 | u64::from(n / 256),
        };
        let (spent, made) = (BTreeSet::from_iter(spent), BTreeSet::from_iter(made));
        spent.iter().for_each(|n| coins.remove(&key(*n)));
        made.iter().for_each(|n| coins.add(&key(*n), coin(1)));
        let mut expected: Vec<CoinChange> = spent.iter().map(|n| removed(key(*n))).collect();
        expected.extend(made.iter().map(|n| created(key(*n), 1)));
        expected.sort_by_key(|change| (change.key, change.coin.is_some()));
        prop_assert_eq!(flushed(&mut coins), expected);
    }
}
