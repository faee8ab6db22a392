//! The mempool exchange.

use super::*;
use crate::node::{Role, notice::ToGossip};

#[test]
fn a_synced_node_asks_a_new_peer_for_what_it_lacks() {
    let mut node = node(&[]);
    assert_eq!(join(&mut node, 1).sent(1), [want(&[])]);
    let known = transaction(1);
    pass(&mut node, 1, &known, Ok(()));
    let mut all = ids(1..5);
    all.push(known.txid);
    assert_eq!(node.receive(1, &have(&all)).sent(1), [want(&ids(1..5))]);
    assert!(node.receive(1, &have(&ids(6..9))).sent(1).is_empty(), "an answer that nobody asked for");
    join(&mut node, 2);
    assert!(node.receive(2, &have(&ids(1..5))).sent(2).is_empty(), "they are on their way already");
    node.pass(MEMPOOL_ASK_INTERVAL);
    join(&mut node, 3);
    assert_eq!(node.receive(3, &have(&ids(1..5))).sent(3), [want(&ids(1..5))], "or not: ask another");
}

#[test]
fn a_long_list_is_asked_for_in_portions_and_its_next_page_after_that() {
    let mut node = node(&[]);
    join(&mut node, 1);
    let all: Vec<_> = (0..u32::try_from(MAX_MEMORY_POOL_IDS).unwrap()).map(transaction).collect();
    let listed: Vec<Hash> = all.iter().map(|transaction| transaction.txid).collect();
    let portions = |actions: &Actions| -> Vec<usize> {
        let questions = actions.sent(1).into_iter();
        questions.map(|message| if let Message::GetMemoryPool(ids) = message { ids.len() } else { 0 }).collect()
    };
    let mut asked = portions(&node.receive(1, &have(&listed)));
    assert_eq!(asked.iter().sum::<usize>(), MISSING_IN_FLIGHT);
    let mut at_verifiers = Vec::new();
    for transaction in &all {
        let actions = node.receive(1, &message(transaction));
        assert_eq!(actions.counted(Counter::TransactionsDropped), 0);
        asked.extend(portions(&actions));
        at_verifiers.extend(batches(&actions));
        if transaction.txid == all[all.len() - 1].txid {
            at_verifiers.extend(batches(&node.run(GATHER_TRANSACTIONS)));
        }
        while !at_verifiers.is_empty() {
            let actions = all_good(&mut node, &std::mem::take(&mut at_verifiers));
            admits(&actions).iter().for_each(|admit| drop(answer(&mut node, admit, Ok(()))));
            at_verifiers = batches(&actions);
        }
    }
    assert_eq!(asked.iter().sum::<usize>(), MAX_MEMORY_POOL_IDS);
    assert_eq!(asked.last(), Some(&0), "the next page");
    assert!(node.receive(1, &have(&[])).sent(1).is_empty());
    assert_eq!(node.role.deadline(), None);
}

#[test]
fn what_was_dropped_for_want_of_room_is_asked_for_when_there_is_some() {
    let mut node = node(&[1]);
    let count = u32::try_from(VERIFY_QUEUE_PER_PEER + 5).unwrap();
    let mut at_verifiers = Vec::new();
    for memo in 0..count {
        at_verifiers.extend(batches(&offer(&mut node, 1, &transaction(memo))));
    }
    let mut asked = Vec::new();
    while !at_verifiers.is_empty() {
        let actions = all_good(&mut node, &std::mem::take(&mut at_verifiers));
        asked.extend(actions.sent(1));
        at_verifiers = batches(&actions);
    }
    assert_eq!(asked, [want(&[transaction(count - 1).txid])]);
}

#[test]
fn a_node_that_became_synced_asks_three_peers_and_not_with_each_block() {
    let mut node = Driver::new(Gossip::new(&setup(), Rng::from_number(1)));
    let links = [1, 2, 3, 4, 5];
    links.iter().for_each(|link| assert!(join(&mut node, *link).sent(*link).is_empty()));
    let asked = receivers(&node.notice(ToGossip::State(SyncState::Synced)), &links);
    assert_eq!(asked.len(), MEMPOOL_ASK_PEERS);
    for _ in 0..10 {
        node.notice(ToGossip::State(SyncState::Blocks));
        let actions = node.notice(ToGossip::State(SyncState::Synced));
        assert!(receivers(&actions, &links).is_empty());
    }
    assert_eq!(receivers(&node.run(MEMPOOL_ASK_INTERVAL), &links).len(), MEMPOOL_ASK_PEERS);
    assert_eq!(node.role.deadline(), None);
}

#[test]
fn a_peer_is_not_sent_what_it_listed() {
    let mut node = node(&[1, 2]);
    let transaction = transaction(1);
    node.receive(2, &have(&[transaction.txid]));
    assert!(pass(&mut node, 1, &transaction, Ok(())).sent(2).is_empty());
}

#[test]
fn peers_are_asked_for_what_was_turned_away_when_there_is_room() {
    let mut node = node(&[1]);
    node.run(MEMPOOL_ASK_INTERVAL);
    let transaction = transaction(1);
    let full = Refusal::Fee { fee: 1, needed: 2 };
    pass(&mut node, 1, &transaction, Err(full));
    assert_eq!(node.notice(ToGossip::PoolHasRoom).sent(1), [want(&[])]);
    assert_eq!(node.receive(1, &have(&[transaction.txid])).sent(1), [want(&[transaction.txid])]);
    node.notice(moved(Hash([1; 32]), None));
    assert_eq!(batches(&offer(&mut node, 1, &transaction)).len(), 1, "it is checked again");
    assert!(node.notice(ToGossip::PoolHasRoom).sent(1).is_empty(), "not with each block");
}

#[test]
fn a_list_that_nobody_asked_for_is_an_offer_once_in_a_while() {
    let mut node = node(&[]);
    join(&mut node, 1);
    node.receive(1, &have(&[]));
    assert!(node.receive(1, &have(&ids(1..3))).sent(1).is_empty());
    node.pass(MEMPOOL_ASK_INTERVAL);
    assert_eq!(node.receive(1, &have(&ids(3..5))).sent(1), [want(&ids(3..5))]);
    assert!(node.receive(1, &have(&ids(6..9))).sent(1).is_empty());
}
