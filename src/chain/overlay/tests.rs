//! The overlay alone, and together with a model of the store.

use proptest::prelude::*;

use super::*;
use crate::{
    base::hash::Hash,
    chain::{address::Address, archive::CoinPlace},
};

use created::LOW_BITS;

/// Amounts by outpoint.
type Plain = BTreeMap<OutPoint, u64>;

/// The outpoint of coin `n` of twelve: three transactions with four coins each.
fn outpoint(n: u8) -> OutPoint {
    OutPoint { txid: Hash([n / 4; 32]), index: u32::from(n % 4) }
}

/// An unlikely hash: transactions 0 and 1 have the same places.
fn order(outpoint: &OutPoint) -> i64 {
    let group = i64::from(outpoint.txid.0[0] / 2);
    (group - 1) << LOW_BITS | i64::from(outpoint.index.min(2))
}

/// The key of coin `n` in a store that holds these coins.
fn at(n: u8, stored: &Plain) -> CoinKey {
    let outpoint = outpoint(n);
    let order = order(&outpoint);
    let alone = stored.keys().filter(|other| self::order(other) == order).count() <= 1;
    CoinKey { outpoint, place: CoinPlace { order, alone } }
}

fn coin(amount: u64) -> Coin {
    Coin { amount, address: Address::default(), height: 1, coinbase: amount.is_multiple_of(2) }
}

/// Collects the changes of a flush or a spill.
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

/// Applies changes to the stored coins. Panics on changes that a flush must not make.
fn write(stored: &mut Plain, changes: Vec<CoinChange>) {
    let places = stored.clone();
    for change in changes {
        if let CoinChange::CreateAt(place, outpoint, _) = &change {
            assert_eq!(*place, order(outpoint));
        }
        match change {
            CoinChange::Create(outpoint, coin) | CoinChange::CreateAt(_, outpoint, coin) => {
                assert_eq!(coin, self::coin(coin.amount));
                assert_eq!(stored.insert(outpoint, coin.amount), None, "the coin is new");
            }
            CoinChange::Remove(outpoint) => assert!(stored.remove(&outpoint).is_some(), "the coin exists"),
            CoinChange::RemoveAt(place) => {
                let there: Vec<_> = places.keys().filter(|outpoint| order(outpoint) == place).collect();
                assert_eq!(there.len(), 1, "alone");
                assert!(stored.remove(there[0]).is_some(), "the coin exists");
            }
        }
    }
}

#[test]
fn a_coin_created_and_spent_between_flushes_never_reaches_the_store() {
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
    let spent = CoinChange::RemoveAt(old.place.order);
    let created =
        [(8, 7), (9, 5)].map(|(n, amount)| CoinChange::CreateAt(order(&outpoint(n)), outpoint(n), coin(amount)));
    assert_eq!(flushed(&mut coins), [std::slice::from_ref(&spent), &created[..]].concat());
    // The store has the replaced coin: removing it again must reach the store.
    coins.remove(&old);
    coins.add(&old, coin(8));
    coins.remove(&old);
    assert_eq!(flushed(&mut coins), [spent]);
    assert_eq!(coins.get(&old), None, "after a flush the store is asked");
}

#[test]
fn it_is_full_at_its_bytes() {
    let none = Plain::new();
    // The first item allocates room for the next ones too.
    let first = |change: fn(&mut Overlay)| {
        let mut coins = Overlay::new(usize::MAX);
        change(&mut coins);
        coins.shards.iter().map(Shard::bytes).sum::<usize>()
    };
    let one_spent = first(|coins| coins.remove(&at(0, &Plain::new())));
    let mut coins = Overlay::new(one_spent + 8);
    assert!(!coins.is_full(usize::MAX), "nothing to flush");
    coins.remove(&at(0, &none));
    assert!(!coins.is_full(7) && coins.is_full(8), "others use some of it");
    (1..100).for_each(|n| coins.remove_stored(&CoinKey { place: CoinPlace { order: n, alone: true }, ..at(0, &none) }));
    assert!(coins.is_full(0));

    let one_created = first(|coins| coins.add(&at(0, &Plain::new()), coin(1)));
    let two_created = first(|coins| (0..2).for_each(|n| coins.add(&at(n, &Plain::new()), coin(1))));
    assert!(one_created > one_spent && two_created > one_created);
    let mut coins = Overlay::new(two_created);
    coins.add(&at(0, &none), coin(1));
    assert!(!coins.is_full(0));
    coins.add(&at(1, &none), coin(1));
    assert!(coins.is_full(0), "two coins of one transaction");
}

/// A place in the middle of a shard that no other coin has.
fn in_shard(shard: u8, n: u8) -> CoinKey {
    let order = (i64::from(shard) << (i64::BITS - SHARD_BITS)) ^ i64::MIN | i64::from(n) << LOW_BITS;
    CoinKey { outpoint: OutPoint { txid: Hash([n; 32]), index: 0 }, place: CoinPlace { order, alone: true } }
}

#[test]
fn room_is_made_by_the_largest_shard_alone() {
    let mut coins = Overlay::new(usize::MAX);
    (0..8).for_each(|shard| (1..=9).for_each(|n| coins.add(&in_shard(shard, n), coin(5))));
    (100..200).for_each(|n| coins.add(&in_shard(6, n), coin(5)));
    coins.remove(&in_shard(6, 50));
    let place = |change: &CoinChange| match change {
        CoinChange::CreateAt(order, ..) | CoinChange::RemoveAt(order) => *order,
        other => panic!("{other:?}"),
    };
    let spilt = spilt(&mut coins);
    let expected: Vec<i64> = (1..=9).chain([50]).chain(100..200).map(|n| in_shard(6, n).place.order).collect();
    assert_eq!(spilt.iter().map(place).collect::<Vec<_>>(), expected);
    assert_eq!((coins.get(&in_shard(6, 1)), coins.get(&in_shard(6, 50))), (None, None), "the store is asked");
    assert_eq!(coins.get(&in_shard(5, 1)), Some(Some(coin(5))));
    assert_eq!(flushed(&mut coins).len(), 7 * 9);
}

#[test]
fn it_is_never_full_once_all_is_spilt_and_then_has_nothing_to_spill() {
    let mut coins = Overlay::new(1);
    (0..8).for_each(|shard| coins.add(&in_shard(shard, 1), coin(5)));
    let mut spills = 0;
    while coins.is_full(0) {
        assert_eq!(spilt(&mut coins).len(), 1);
        spills += 1;
    }
    assert_eq!((spills, spilt(&mut coins)), (8, Vec::new()));
}

#[test]
fn coins_kept_by_outpoint_are_flushed_with_all_others() {
    let mut coins = Overlay::new(1000);
    coins.add(&in_shard(1, 1), coin(4));
    coins.add(&at(1, &Plain::new()), Coin { height: u32::MAX, ..coin(3) });
    assert_eq!(spilt(&mut coins).len(), 2);
    assert_eq!(flushed(&mut coins), []);
}

#[test]
fn coins_that_do_not_fit_into_the_lists_are_kept_by_outpoint() {
    let mut coins = Overlay::new(1000);
    let high = Coin { height: u32::MAX, ..coin(3) };
    let far = CoinKey { outpoint: OutPoint { index: 70_000, ..outpoint(0) }, ..at(0, &Plain::new()) };
    coins.add(&at(1, &Plain::new()), high.clone());
    coins.add(&far, coin(4));
    assert_eq!(coins.get(&at(1, &Plain::new())), Some(Some(high.clone())));
    assert_eq!(coins.get(&far), Some(Some(coin(4))));
    let created = [CoinChange::Create(outpoint(1), high), CoinChange::Create(far.outpoint, coin(4))];
    assert_eq!(flushed(&mut coins), created);
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

/// The coins of overlay and store together.
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
    fn what_is_alone_at_its_place_is_written_in_the_order_of_places(spent: Vec<u16>, created: Vec<u16>) {
        let mut coins = Overlay::new(usize::MAX);
        let place = |n: u16| CoinKey {
            outpoint: OutPoint { txid: Hash([(n % 256) as u8; 32]), index: u32::from(n / 256) },
            place: CoinPlace { order: i64::from(n % 256) << LOW_BITS | i64::from(n / 256), alone: true },
        };
        let (spent, created) = (BTreeSet::from_iter(spent), BTreeSet::from_iter(created));
        spent.iter().for_each(|n| coins.remove(&place(*n)));
        created.iter().for_each(|n| coins.add(&place(*n), coin(1)));
        let mut expected: Vec<(i64, bool)> = spent.iter().map(|n| (place(*n).place.order, false)).collect();
        expected.extend(created.iter().map(|n| (place(*n).place.order, true)));
        expected.sort_unstable();
        let order = |change: CoinChange| match change {
            CoinChange::RemoveAt(order) => (order, false),
            CoinChange::CreateAt(order, OutPoint { txid, index }, _) => {
                assert_eq!(order, i64::from(txid.0[0]) << LOW_BITS | i64::from(index));
                (order, true)
            }
            CoinChange::Create(outpoint, _) | CoinChange::Remove(outpoint) => panic!("{outpoint:?} has a place"),
        };
        prop_assert_eq!(flushed(&mut coins).into_iter().map(order).collect::<Vec<_>>(), expected);
    }
}
