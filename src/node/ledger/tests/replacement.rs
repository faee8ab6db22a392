//! Replacement in the mempool: who pays more takes the place, and nobody has the network work for nothing.

use std::collections::BTreeMap;

use super::{super::replacement::MAX_REPLACED, pool::Coins, *};
use crate::{base::limits, chain::testkit};

/// Coins of 1,000,000 of account 0.
fn view(coins: u8) -> (Coins, Vec<OutPoint>) {
    let outpoints: Vec<OutPoint> = (0..coins).map(|n| OutPoint { txid: Hash([n; 32]), index: 0 }).collect();
    let coin = Coin { amount: 1_000_000, address: key(0).address(), height: 0, coinbase: false };
    let coins: BTreeMap<_, _> = outpoints.iter().map(|outpoint| (*outpoint, coin.clone())).collect();
    (Coins::new(coins), outpoints)
}

/// Spends coins (each with its amount) into so many outputs.
fn spend(spent: &[(OutPoint, u64)], outputs: usize, fee: u64, memo: &[u8]) -> Arc<HashedTransaction> {
    let signer = key(0);
    let inputs: Vec<_> = spent.iter().map(|(outpoint, amount)| (*outpoint, *amount, &signer)).collect();
    let rest = spent.iter().map(|(_, amount)| amount).sum::<u64>() - fee;
    let (each, count) = (rest / outputs as u64, outputs as u64);
    let amount = |n: u64| if n == 0 { rest - each * (count - 1) } else { each };
    let outputs = (0..count).map(|n| Output { amount: amount(n), address: signer.address() }).collect();
    Arc::new(HashedTransaction::new(testkit::spend(&inputs, outputs, memo, &ChainSpec::local().genesis_hash())))
}

fn one(outpoint: OutPoint, fee: u64, memo: &[u8]) -> Arc<HashedTransaction> {
    spend(&[(outpoint, 1_000_000)], 1, fee, memo)
}

fn output(of: &HashedTransaction, index: usize) -> (OutPoint, u64) {
    (Transaction::outpoint(of.txid, index), of.transaction.outputs[index].amount)
}

fn admit(pool: &mut Pool, coins: &mut Coins, transaction: &Arc<HashedTransaction>) -> Result<(), Refusal> {
    pool.admit(coins, transaction.clone(), UnixTime(0)).unwrap()
}

fn ids(pool: &Pool) -> Vec<Hash> {
    pool.ids().copied().collect()
}

#[test]
fn one_that_pays_more_takes_the_place_with_all_that_builds_on_it_and_their_owners_hear_of_it() {
    let (mut coins, outpoints) = view(2);
    let mut pool = Pool::new(100_000);
    let (first, other) = (one(outpoints[0], 500, b"first"), one(outpoints[1], 10, b"other"));
    let heir = spend(&[output(&first, 0)], 1, 600, b"heir");
    for transaction in [&first, &other, &heir] {
        admit(&mut pool, &mut coins, transaction).unwrap();
    }
    pool.take_changes();
    let bumped = one(outpoints[0], 2000, b"bumped");
    assert_eq!(admit(&mut pool, &mut coins, &bumped), Ok(()));
    assert_eq!(ids(&pool), [bumped.txid, other.txid]);
    assert_eq!((pool.bytes(), pool.replacements), (bumped.size + other.size, 1));
    for gone in [&first, &heir] {
        let (transaction, by) = pool.displaced.find(&gone.txid).unwrap();
        assert_eq!((transaction.txid, *by), (gone.txid, Some(bumped.txid)));
    }
    let (added, mut removed) = pool.take_changes().unwrap();
    removed.sort_unstable();
    let mut leaves = [first.leaf, heir.leaf];
    leaves.sort_unstable();
    assert_eq!((added, removed), (vec![bumped.clone()], leaves.to_vec()));
    assert!(matches!(admit(&mut pool, &mut coins, &first), Err(Refusal::Underpaid { .. })), "no way back");
}

#[test]
fn the_fee_that_a_refusal_names_is_the_least_that_does() {
    let (mut coins, outpoints) = view(1);
    for (old_fee, memo) in [(0, 0), (500, 0), (500, 300), (3000, 400)] {
        let mut pool = Pool::new(100_000);
        let old = one(outpoints[0], old_fee, b"old");
        admit(&mut pool, &mut coins, &old).unwrap();
        let new = |fee: u64| one(outpoints[0], fee, &vec![7; memo]);
        let Err(Refusal::Underpaid { rival, needed, .. }) = admit(&mut pool, &mut coins, &new(old_fee)) else {
            panic!("the same fee buys nothing")
        };
        assert_eq!(rival, old.txid);
        let pays_for_itself = old_fee + new(0).size as u64;
        assert!(needed >= pays_for_itself, "{needed} {pays_for_itself}");
        let refused = admit(&mut pool, &mut coins, &new(needed - 1));
        assert_eq!(refused, Err(Refusal::Underpaid { rival, fee: needed - 1, needed }));
        assert_eq!(ids(&pool), [old.txid], "a refusal changes nothing");
        assert_eq!(admit(&mut pool, &mut coins, &new(needed)), Ok(()));
    }
}

#[test]
fn a_large_transaction_with_a_larger_fee_but_a_lower_rate_replaces_nothing() {
    let (mut coins, outpoints) = view(20);
    let mut pool = Pool::new(100_000);
    admit(&mut pool, &mut coins, &one(outpoints[0], 5000, b"small")).unwrap();
    // 20 inputs: 15 times as long. Miners would rather have the small one.
    let all: Vec<_> = outpoints.iter().map(|outpoint| (*outpoint, 1_000_000)).collect();
    let heavy = |fee| spend(&all, 1, fee, b"heavy");
    let refused = admit(&mut pool, &mut coins, &heavy(40_000));
    let Err(Refusal::Underpaid { needed, .. }) = refused else { panic!("{refused:?}") };
    assert!(needed > 60_000, "{needed}");
    assert_eq!(admit(&mut pool, &mut coins, &heavy(needed)), Ok(()));
}

#[test]
fn what_builds_on_the_other_must_be_paid_for_too() {
    let (mut coins, outpoints) = view(1);
    let mut pool = Pool::new(100_000);
    let parent = spend(&[(outpoints[0], 1_000_000)], 3, 100, b"parent");
    admit(&mut pool, &mut coins, &parent).unwrap();
    for n in 0..3 {
        admit(&mut pool, &mut coins, &spend(&[output(&parent, n)], 1, 10_000, b"child")).unwrap();
    }
    let cheap = one(outpoints[0], 5000, b"cheap");
    let Err(Refusal::Underpaid { needed, .. }) = admit(&mut pool, &mut coins, &cheap) else {
        panic!("30,100 would go")
    };
    assert_eq!(needed, 30_100 + cheap.size as u64);
    assert_eq!((pool.len(), admit(&mut pool, &mut coins, &one(outpoints[0], needed, b"cheap"))), (4, Ok(())));
    assert_eq!(pool.len(), 1);
}

/// A family of `heirs` transactions that build on one, in a mempool.
fn family(coins: &mut Coins, outpoint: OutPoint, heirs: usize) -> Pool {
    let mut pool = Pool::new(1_000_000);
    let parent = spend(&[(outpoint, 1_000_000)], heirs, 300, b"parent");
    admit(&mut pool, coins, &parent).unwrap();
    for n in 0..heirs {
        admit(&mut pool, coins, &spend(&[output(&parent, n)], 1, 1, b"")).unwrap();
    }
    pool
}

#[test]
fn no_offer_makes_more_work_than_the_limit_however_much_it_pays() {
    let (mut coins, outpoints) = view(1);
    let mut pool = family(&mut coins, outpoints[0], MAX_REPLACED);
    let refused = admit(&mut pool, &mut coins, &one(outpoints[0], 900_000, b""));
    assert!(matches!(refused, Err(Refusal::Irreplaceable { .. })), "{refused:?}");
    assert_eq!(pool.len(), MAX_REPLACED + 1);
    let mut pool = family(&mut coins, outpoints[0], MAX_REPLACED - 1);
    assert_eq!(admit(&mut pool, &mut coins, &one(outpoints[0], 900_000, b"")), Ok(()));
    assert_eq!(pool.len(), 1);
}

#[test]
fn an_ancestor_that_pays_little_cannot_hide_behind_a_replacement() {
    let (mut coins, outpoints) = view(3);
    let mut pool = Pool::new(100_000);
    // Nobody mines this one soon, nor what builds on it.
    let slow = one(outpoints[0], 0, b"slow");
    let good = one(outpoints[1], 1000, b"good");
    admit(&mut pool, &mut coins, &slow).unwrap();
    admit(&mut pool, &mut coins, &good).unwrap();
    let trap = spend(&[(outpoints[1], 1_000_000), output(&slow, 0)], 1, 9000, b"trap");
    assert!(matches!(admit(&mut pool, &mut coins, &trap), Err(Refusal::Irreplaceable { .. })));
    // Who builds on it anyway may go on.
    let builds = spend(&[output(&slow, 0)], 1, 1000, b"builds");
    admit(&mut pool, &mut coins, &builds).unwrap();
    let bumped = spend(&[output(&slow, 0), (outpoints[2], 1_000_000)], 1, 9000, b"bumped");
    assert_eq!(admit(&mut pool, &mut coins, &bumped), Ok(()));
    assert_eq!(ids(&pool), [bumped.txid, good.txid, slow.txid]);
}

#[test]
fn nothing_replaces_what_it_builds_on() {
    let (mut coins, outpoints) = view(2);
    let mut pool = Pool::new(100_000);
    let first = one(outpoints[0], 500, b"first");
    admit(&mut pool, &mut coins, &first).unwrap();
    let heir = spend(&[output(&first, 0)], 1, 600, b"heir");
    admit(&mut pool, &mut coins, &heir).unwrap();
    for own in [&first, &heir] {
        let odd = spend(&[(outpoints[0], 1_000_000), output(own, 0)], 1, 20_000, b"odd");
        assert!(matches!(admit(&mut pool, &mut coins, &odd), Err(Refusal::Irreplaceable { .. })));
    }
    assert_eq!(ids(&pool), [heir.txid, first.txid]);
}

#[test]
fn amounts_that_are_not_the_coins_buy_no_replacement() {
    let (mut coins, outpoints) = view(1);
    let mut pool = Pool::new(100_000);
    let first = one(outpoints[0], 500, b"first");
    admit(&mut pool, &mut coins, &first).unwrap();
    // It names more than the coin has, and so a fee that nobody would get.
    let liar = spend(&[(outpoints[0], 5_000_000)], 1, 4_000_000, b"liar");
    let refused = admit(&mut pool, &mut coins, &liar);
    assert!(matches!(refused, Err(Refusal::Invalid(_))), "{refused:?}");
    assert_eq!((ids(&pool), pool.replacements), (vec![first.txid], 0));
}

#[test]
fn having_the_network_relay_again_and_again_costs_more_each_time() {
    let (mut coins, outpoints) = view(1);
    let mut pool = Pool::new(100_000);
    let (mut relayed, mut paid) = (0u64, 0);
    for round in 0..200u32 {
        let offer = one(outpoints[0], paid, &[&round.to_le_bytes()[..], &[0; 500]].concat());
        let Err(Refusal::Underpaid { needed, .. }) = admit(&mut pool, &mut coins, &offer) else { continue };
        let offer = one(outpoints[0], needed, &[&round.to_le_bytes()[..], &[0; 500]].concat());
        assert_eq!(admit(&mut pool, &mut coins, &offer), Ok(()));
        (relayed, paid) = (relayed + offer.size as u64, needed);
    }
    assert_eq!(pool.len(), 1);
    assert!(
        relayed > 100_000 && paid >= relayed * ChainSpec::local().replacement_rate() / 1000,
        "{paid} for {relayed}"
    );
}

#[test]
fn in_a_full_mempool_a_replacement_takes_the_room_of_what_it_replaces() {
    let (mut coins, outpoints) = view(3);
    let sample = one(outpoints[0], 500, b"x");
    let mut pool = Pool::new(3 * (sample.size + limits::MEMPOOL_ENTRY_BYTES));
    for (outpoint, fee) in outpoints.iter().zip([500, 5000, 6000]) {
        admit(&mut pool, &mut coins, &one(*outpoint, fee, b"x")).unwrap();
    }
    let bumped = one(outpoints[0], 1000, b"y");
    assert_eq!(admit(&mut pool, &mut coins, &bumped), Ok(()));
    assert_eq!(pool.len(), 3, "nobody else had to go");
    assert!(ids(&pool).contains(&bumped.txid));
}
