//! Transactions on their way in and on.

use super::*;
use crate::node::{Role, notice::ToGossip};

#[test]
fn a_transaction_is_verified_admitted_and_passed_on_to_those_who_lack_it() {
    let mut node = node(&[1, 2, 3, 4]);
    let transaction = transaction(1);
    let checked = batches(&offer(&mut node, 1, &transaction));
    assert_eq!(checked[0][0].origin, Origin::Link(LinkId(1)));
    let actions = node.receive(2, &message(&transaction));
    assert_eq!((batches(&actions).len(), actions.counted(Counter::TransactionsRepeated)), (0, 1));
    let admits = admits(&all_good(&mut node, &checked));
    let actions = answer(&mut node, &admits[0], Ok(()));
    assert_eq!(receivers(&actions, &[1, 2, 3, 4]), [3, 4]);
    assert_eq!(actions.sent(3), [message(&transaction)]);
    let actions = node.receive(3, &message(&transaction));
    assert_eq!(actions.counted(Counter::TransactionsRepeated), 1);
}

#[test]
fn nothing_is_passed_on_before_the_ledger_has_taken_it() {
    let mut node = node(&[1, 2]);
    let actions = pass(&mut node, 1, &transaction(1), Err(Refusal::Fee { fee: 0, needed: 1 }));
    assert!(actions.sent(2).is_empty());
}

#[test]
fn a_refused_transaction_is_not_checked_again_until_the_chain_moves() {
    let mut node = node(&[1, 2]);
    let transaction = transaction(1);
    pass(&mut node, 1, &transaction, Err(Refusal::Fee { fee: 0, needed: 1 }));
    assert!(batches(&offer(&mut node, 2, &transaction)).is_empty());
    node.notice(moved(Hash([1; 32]), None));
    assert_eq!(batches(&offer(&mut node, 2, &transaction)).len(), 1);
}

#[test]
fn what_no_block_can_make_valid_costs_each_of_its_senders() {
    let mut node = node(&[1, 2, 3, 4]);
    let bad = transaction(1);
    let wrong = TransactionFault::WrongAmount { input: 0, named: 1, coin: 2 };
    let price = |actions: &Actions, link| actions.fault(link).map(|fault| fault.points());
    for link in [1, 2] {
        let actions = pass(&mut node, link, &bad, Err(Refusal::Invalid(wrong.clone())));
        assert_eq!(price(&actions, link), Some(50), "its bytes are not remembered");
    }
    let passing = [TransactionFault::MissingCoin(0), TransactionFault::Immature { input: 0, matures: 9 }];
    for (memo, fault) in (2..).zip(passing) {
        let actions = pass(&mut node, 3, &transaction(memo), Err(Refusal::Invalid(fault)));
        assert_eq!(price(&actions, 3), None, "another block may change it");
    }
    assert!(node.role.in_progress.is_empty() && node.role.at_ledger == (0, 0));
}

#[test]
fn a_twin_with_a_bad_signature_does_not_block_the_good_transaction() {
    let mut node = node(&[1, 2]);
    let good = transaction(1);
    let twin = twin(&good);
    assert_eq!((twin.txid, twin.leaf == good.leaf), (good.txid, false));
    assert_eq!(batches(&offer(&mut node, 1, &twin)).len(), 1);
    let checked = batches(&offer(&mut node, 2, &good));
    assert_eq!(checked.len(), 1, "while the twin is being checked");
    node.notice(bad(Origin::Link(LinkId(1))));
    assert_eq!(admits(&all_good(&mut node, &checked)).len(), 1);
}

#[test]
fn bad_bytes_are_the_sender_s_fault() {
    let mut node = node(&[1, 2]);
    let not_one = Message::Transaction(vec![1, 2, 3].into());
    assert!(matches!(node.receive(1, &not_one).fault(1), Some(PeerFault::Frame(_))));
    let mut frame = Frame::new(&message(&transaction(1)));
    frame.checksum[0] ^= 1;
    assert!(matches!(node.frame(2, frame).fault(2), Some(PeerFault::Frame(_))));
}

#[test]
fn a_node_that_is_not_synced_ignores_transactions() {
    let mut node = node(&[1]);
    node.notice(ToGossip::State(SyncState::Blocks));
    let actions = node.receive(1, &message(&transaction(1)));
    assert!(batches(&actions).is_empty() && actions.fault(1).is_none());
    assert_eq!(actions.counted(Counter::TransactionsReceived), 1);
}

#[test]
fn batches_form_while_the_verifiers_are_busy() {
    let mut node = node(&[1, 2]);
    let mut checked = Vec::new();
    for memo in 0..300 {
        checked.extend(batches(&offer(&mut node, 1 + u64::from(memo % 2), &transaction(memo))));
    }
    let sizes: Vec<usize> = checked.iter().map(Vec::len).collect();
    assert_eq!(sizes, [1, 1, 1, 1], "two for each of two verifiers");
    let mut next = batches(&all_good(&mut node, &checked[..1]));
    assert_eq!(next.iter().map(Vec::len).collect::<Vec<_>>(), [VERIFY_BATCH]);
    let origins: Vec<Origin> = next.remove(0).iter().map(|unchecked| unchecked.origin).collect();
    assert_ne!(origins[0], origins[1], "peers take turns");
}

#[test]
fn one_transaction_goes_to_the_verifiers_at_once_and_those_that_follow_gather() {
    let mut node = node(&[1, 2]);
    assert_eq!(batches(&node.receive(1, &message(&transaction(0)))).len(), 1);
    for memo in 1..10 {
        assert!(batches(&node.receive(1 + u64::from(memo % 2), &message(&transaction(memo)))).is_empty());
    }
    let gathered = batches(&node.run(GATHER_TRANSACTIONS));
    assert_eq!(gathered.iter().map(Vec::len).collect::<Vec<_>>(), [9]);
    assert_eq!(node.role.deadline(), None);
    let after = |node: &mut Node, checked: &[Vec<UncheckedTransaction>]| {
        let actions = all_good(node, checked);
        admits(&actions).iter().map(|admit| batches(&answer(node, admit, Ok(()))).len()).sum::<usize>()
    };
    assert!(batches(&node.receive(1, &message(&transaction(1000)))).is_empty());
    assert_eq!(after(&mut node, &[vec![unchecked(1, 0)], gathered[0].clone()]), 1, "nothing else is under way");
    let full = u32::try_from(VERIFY_BATCH).unwrap();
    let at_once = (0..full).map(|memo| batches(&node.receive(1, &message(&transaction(10 + memo)))).len());
    assert_eq!(at_once.sum::<usize>(), 1, "a full batch does not wait");
}

#[test]
fn what_is_taken_while_the_node_is_not_synced_is_passed_on_when_it_is() {
    let mut node = node(&[1, 2]);
    let transaction = transaction(1);
    let checked = batches(&node.receive(1, &message(&transaction)));
    node.notice(ToGossip::State(SyncState::Blocks));
    let admits = admits(&all_good(&mut node, &checked));
    assert_eq!(receivers(&answer(&mut node, &admits[0], Ok(())), &[1, 2]), [] as [u64; 0]);
    let actions = node.notice(ToGossip::State(SyncState::Synced));
    assert!(actions.sent(2).contains(&message(&transaction)));
    assert!(!actions.sent(1).contains(&message(&transaction)), "it came from there");
    node.notice(ToGossip::State(SyncState::Blocks));
    let again = node.notice(ToGossip::State(SyncState::Synced));
    assert!(!again.sent(2).contains(&message(&transaction)), "once only");
}

#[test]
fn a_peer_s_flood_beyond_its_queue_is_dropped_and_counted() {
    let mut node = node(&[1, 2]);
    // The first goes to the verifiers by itself, and three full batches follow.
    let room = u32::try_from(VERIFY_QUEUE_PER_PEER + 1 + 3 * VERIFY_BATCH).unwrap();
    let dropped = |node: &mut Node, link, memo| {
        node.receive(link, &message(&transaction(memo))).counted(Counter::TransactionsDropped)
    };
    assert_eq!((0..room).map(|memo| dropped(&mut node, 1, memo)).sum::<u64>(), 0);
    assert_eq!(dropped(&mut node, 1, room), 1);
    assert_eq!(dropped(&mut node, 2, room), 0, "another peer's is taken, the same one too");
}

#[test]
fn verdicts_that_overtake_each_other_are_put_in_order() {
    let mut node = node(&[1, 2]);
    let mut checked = Vec::new();
    for memo in 0..4 {
        checked.extend(batches(&offer(&mut node, 1, &transaction(memo))));
    }
    checked.reverse();
    assert_eq!(admits(&all_good(&mut node, &checked[..3])).len(), 0, "the first is still out");
    let order: Vec<Hash> = admits(&all_good(&mut node, &checked[3..])).iter().map(|admit| admit.1.txid).collect();
    assert_eq!(order, [0, 1, 2, 3].map(|memo| transaction(memo).txid), "as they came");
    assert!(node.role.batches.is_empty());
    assert_eq!(node.role.in_progress.len(), 4, "at the ledger");
}

#[test]
fn a_child_that_overtook_its_parent_waits_for_it() {
    let mut node = node(&[1, 2]);
    let parent = transaction(1);
    let child = spend(parent.txid, 2);
    pass(&mut node, 1, &child, Err(missing()));
    assert!(batches(&offer(&mut node, 2, &child)).is_empty(), "it is known and waits");
    let actions = pass(&mut node, 1, &parent, Ok(()));
    let admits = admits(&actions);
    assert_eq!(admits[0].1, child);
    assert_eq!(receivers(&answer(&mut node, &admits[0], Ok(())), &[1, 2]), [] as [u64; 0], "both sent it");
    assert!(node.role.in_progress.is_empty());
}

#[test]
fn waiting_children_are_tried_again_with_each_block_and_are_few() {
    let mut node = node(&[1]);
    let count = u32::try_from(MAX_ORPHANS + 10).unwrap();
    for memo in 0..count {
        pass(&mut node, 1, &spend(Hash([9; 32]), memo), Err(missing()));
    }
    let actions = node.notice(moved(Hash([1; 32]), None));
    let again = admits(&actions);
    assert_eq!(again.len(), MAX_ORPHANS);
    again.iter().for_each(|admit| drop(answer(&mut node, admit, Err(missing()))));
    assert!(node.role.in_progress.is_empty() && node.role.at_ledger == (0, 0));
}

#[test]
fn what_a_faulty_peer_queued_is_dropped_with_it() {
    let mut node = node(&[1, 2]);
    for memo in 0..50 {
        node.receive(1, &message(&transaction(memo)));
    }
    node.closed(1, CloseReason::Fault(PeerFault::Flood("test")));
    assert_eq!(node.role.in_progress.len(), 1, "only what is at the verifiers");
    node.receive(2, &message(&transaction(49)));
    assert_eq!(node.role.in_progress.len(), 2, "the same from another peer is new");
}

#[test]
fn transactions_of_branches_that_a_sync_leaves_are_not_piled_up() {
    let mut node = node(&[1]);
    node.notice(ToGossip::State(SyncState::Blocks));
    node.notice(ToGossip::Admitted { origin: Origin::Ledger, transaction: transaction(1), result: Ok(()) });
    assert!(node.role.unsent.is_empty());
}

#[test]
fn transactions_of_a_losing_branch_are_passed_on() {
    let mut node = node(&[1]);
    let transaction = transaction(1);
    let admitted = ToGossip::Admitted { origin: Origin::Ledger, transaction: transaction.clone(), result: Ok(()) };
    assert_eq!(node.notice(admitted).sent(1), [message(&transaction)]);
}
