//! Tests of the whole role, driven by events and a hand-set clock.

use std::sync::Arc;

use super::*;
use crate::{
    base::{
        bytes::Bytes,
        codec::List,
        ids::Ticket,
        limits::{
            GATHER_TRANSACTIONS, MAX_MEMORY_POOL_IDS, MAX_ORPHANS, MEMPOOL_ASK_INTERVAL, MEMPOOL_ASK_PEERS,
            MISSING_IN_FLIGHT, VERIFY_BATCH, VERIFY_QUEUE_PER_PEER,
        },
    },
    chain::{
        address::Address,
        archive::Tip,
        block::HashedTransaction,
        key::SecretKey,
        rules::TransactionFault,
        spec::ChainSpec,
        target::Work,
        transaction::{Input, OutPoint, Output, TRANSACTION_VERSION, Transaction},
    },
    node::{
        PeerInfo, RoleId,
        notice::{ChainMove, Refusal, TransactionVerdict, UncheckedTransaction},
        report::Counter,
        testing::{Actions, Driver, inbound_peer, public_setup, setup},
    },
};

type Node = Driver<Gossip>;

/// A synced node with peers on these links.
fn node(links: &[u64]) -> Node {
    let mut node = Driver::new(Gossip::new(&setup(), Rng::from_number(1)));
    node.start();
    node.notice(Notice::State(SyncState::Synced));
    links.iter().for_each(|link| drop(join(&mut node, *link)));
    node
}

fn join(node: &mut Node, link: u64) -> Actions {
    node.up(link, inbound_peer("127.0.0.1:4131"))
}

/// A transaction that spends output 0 of `parent`.
fn spend(parent: Hash, memo: u32) -> Arc<HashedTransaction> {
    let key = SecretKey::well_known(0);
    let input =
        Input { outpoint: OutPoint { txid: parent, index: 0 }, public_key: key.public_key(), signature: [0; 64] };
    let mut transaction = Transaction {
        version: TRANSACTION_VERSION,
        inputs: List::truncated([input]),
        outputs: List::truncated([Output { amount: 1, address: Address([1; 20]) }]),
        memo: List::truncated(memo.to_le_bytes()),
    };
    key.sign_transaction(&mut transaction, &ChainSpec::local().genesis_hash());
    Arc::new(HashedTransaction::new(transaction))
}

fn transaction(memo: u32) -> Arc<HashedTransaction> {
    spend(Hash([5; 32]), memo)
}

/// The same transaction with other signature bytes.
fn twin(of: &HashedTransaction) -> Arc<HashedTransaction> {
    let mut twin = of.transaction.clone();
    twin.inputs.as_mut_slice()[0].signature[0] ^= 1;
    Arc::new(HashedTransaction::new(twin))
}

fn message(transaction: &HashedTransaction) -> Message {
    Message::Transaction(transaction.transaction.to_bytes().into())
}

/// What happens when a peer sends a transaction, until it would have gone to the verifiers.
fn offer(node: &mut Node, link: u64, transaction: &HashedTransaction) -> Actions {
    let received = node.receive(link, &message(transaction));
    Actions([received.0, node.run(GATHER_TRANSACTIONS).0].concat())
}

fn unchecked(link: u64, memo: u32) -> UncheckedTransaction {
    UncheckedTransaction { origin: Origin::Link(LinkId(link)), transaction: transaction(memo) }
}

fn submit(transaction: &HashedTransaction) -> Command {
    Command::SubmitTransaction(transaction.transaction.to_bytes().into())
}

fn batches(actions: &Actions) -> Vec<Vec<UncheckedTransaction>> {
    let batch = |notice| if let Notice::CheckTransactions(batch) = notice { Some(batch) } else { None };
    actions.told(RoleId::Verify).into_iter().filter_map(batch).collect()
}

fn admits(actions: &Actions) -> Vec<(Origin, Arc<HashedTransaction>)> {
    let admit = |notice| match notice {
        Notice::Admit { origin, transaction } => Some((origin, transaction)),
        _ => None,
    };
    actions.told(RoleId::Ledger).into_iter().filter_map(admit).collect()
}

/// The verifier finds everything in these batches good.
fn all_good(node: &mut Node, checked: &[Vec<UncheckedTransaction>]) -> Actions {
    let mut all = Vec::new();
    for batch in checked {
        let verdict = |unchecked: &UncheckedTransaction| TransactionVerdict {
            origin: unchecked.origin,
            result: Ok(unchecked.transaction.clone()),
        };
        all.extend(node.notice(Notice::TransactionsChecked(batch.iter().map(verdict).collect())).0);
    }
    Actions(all)
}

fn bad(origin: Origin) -> Notice {
    let result = Err(TransactionFault::Signature(0));
    Notice::TransactionsChecked(vec![TransactionVerdict { origin, result }])
}

fn answer(node: &mut Node, admit: &(Origin, Arc<HashedTransaction>), result: Result<(), Refusal>) -> Actions {
    node.notice(Notice::Admitted { origin: admit.0, transaction: admit.1.clone(), result })
}

/// Takes a transaction all the way: sent by a peer, verified, answered by the ledger.
fn pass(node: &mut Node, link: u64, transaction: &HashedTransaction, result: Result<(), Refusal>) -> Actions {
    let checked = batches(&offer(node, link, transaction));
    let admits = admits(&all_good(node, &checked));
    answer(node, &admits[0], result)
}

fn missing() -> Refusal {
    Refusal::Invalid(TransactionFault::MissingCoin(0))
}

fn moved(tip: Hash, news: Option<(Origin, Bytes)>) -> Notice {
    let tip = Tip { hash: tip, height: 1, time: 0, work: Work::ZERO, digest: Hash::ZERO };
    let added = vec![(tip.hash, 1)];
    Notice::ChainMoved(Arc::new(ChainMove { tip, removed: Vec::new(), added, news }))
}

fn receivers(actions: &Actions, links: &[u64]) -> Vec<u64> {
    links.iter().copied().filter(|link| !actions.sent(*link).is_empty()).collect()
}

// ---- Transactions. ----

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
    assert_eq!(actions.counted(Counter::TransactionsRelayed), 2);
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
    node.notice(Notice::State(SyncState::Blocks));
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
    node.notice(Notice::State(SyncState::Blocks));
    let admits = admits(&all_good(&mut node, &checked));
    assert_eq!(receivers(&answer(&mut node, &admits[0], Ok(())), &[1, 2]), [] as [u64; 0]);
    let actions = node.notice(Notice::State(SyncState::Synced));
    assert!(actions.sent(2).contains(&message(&transaction)));
    assert!(!actions.sent(1).contains(&message(&transaction)), "it came from there");
    node.notice(Notice::State(SyncState::Blocks));
    let again = node.notice(Notice::State(SyncState::Synced));
    assert!(!again.sent(2).contains(&message(&transaction)), "once only");
}

#[test]
fn peers_are_asked_for_what_was_turned_away_when_there_is_room() {
    let mut node = node(&[1]);
    node.run(MEMPOOL_ASK_INTERVAL);
    let transaction = transaction(1);
    let full = Refusal::Fee { fee: 1, needed: 2 };
    pass(&mut node, 1, &transaction, Err(full));
    assert_eq!(node.notice(Notice::PoolHasRoom).sent(1), [want(&[])]);
    assert_eq!(node.receive(1, &have(&[transaction.txid])).sent(1), [want(&[transaction.txid])]);
    node.notice(moved(Hash([1; 32]), None));
    assert_eq!(batches(&offer(&mut node, 1, &transaction)).len(), 1, "it is checked again");
    assert!(node.notice(Notice::PoolHasRoom).sent(1).is_empty(), "not with each block");
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
    node.notice(Notice::State(SyncState::Blocks));
    node.notice(Notice::Admitted { origin: Origin::Ledger, transaction: transaction(1), result: Ok(()) });
    assert!(node.role.unsent.is_empty());
}

#[test]
fn transactions_of_a_losing_branch_are_passed_on() {
    let mut node = node(&[1]);
    let transaction = transaction(1);
    let admitted = Notice::Admitted { origin: Origin::Ledger, transaction: transaction.clone(), result: Ok(()) };
    assert_eq!(node.notice(admitted).sent(1), [message(&transaction)]);
}

// ---- Commands. ----

#[test]
fn a_command_is_answered_once_with_the_verdict() {
    let mut node = node(&[1]);
    let good = transaction(1);
    let actions = node.command(7, submit(&good));
    assert!(actions.replies(7).is_empty());
    let checked = batches(&actions);
    let admits_1 = admits(&all_good(&mut node, &checked));
    let actions = answer(&mut node, &admits_1[0], Ok(()));
    assert_eq!(actions.replies(7), [Reply::Accepted(good.txid)]);
    assert_eq!(receivers(&actions, &[1]), [1]);
    // Once more: it goes all the way, and the ledger's word is passed on.
    let checked = batches(&node.command(8, submit(&good)));
    let admits_2 = admits(&all_good(&mut node, &checked));
    let replies = answer(&mut node, &admits_2[0], Err(Refusal::Known)).replies(8);
    assert_eq!(replies, [Reply::Refused("already in the mempool".to_owned())]);
}

#[test]
fn an_invalid_transaction_of_a_command_is_refused() {
    let mut node = node(&[]);
    node.command(7, submit(&transaction(1)));
    assert!(matches!(node.notice(bad(Origin::Command(Ticket(7)))).replies(7)[..], [Reply::Refused(_)]));
    let replies = node.command(8, Command::SubmitTransaction(vec![1].into())).replies(8);
    assert!(matches!(replies[..], [Reply::Refused(_)]));
    let checked = batches(&node.command(9, submit(&transaction(2))));
    let admits = admits(&all_good(&mut node, &checked));
    assert!(matches!(answer(&mut node, &admits[0], Err(missing())).replies(9)[..], [Reply::Refused(_)]));
}

#[test]
fn commands_are_taken_when_synced_and_on_test_chains_when_alone() {
    for (setup, state, taken) in [
        (setup(), SyncState::Isolated, true),
        (public_setup(), SyncState::Isolated, false),
        (public_setup(), SyncState::Synced, true),
        (setup(), SyncState::Headers, false),
    ] {
        let mut node = Driver::new(Gossip::new(&setup, Rng::from_number(1)));
        node.notice(Notice::State(state));
        let replies = node.command(1, submit(&transaction(1))).replies(1);
        assert_eq!(replies.is_empty(), taken, "{state}: {replies:?}");
    }
}

#[test]
fn commands_of_other_roles_are_answered_too() {
    assert!(matches!(node(&[]).command(1, Command::Peers).replies(1)[..], [Reply::Refused(_)]));
}

// ---- Blocks. ----

#[test]
fn a_new_block_is_passed_on_to_those_not_known_to_have_it() {
    let mut node = node(&[1, 2, 3]);
    let hash = Hash([7; 32]);
    let knows = PeerInfo { tip: hash, ..inbound_peer("127.0.0.1:4140") };
    node.up(4, knows);
    node.notice(Notice::PeerTip { link: LinkId(2), height: 1, tip: hash });
    let news = || Some((Origin::Link(LinkId(1)), vec![1, 2, 3].into()));
    let actions = node.notice(moved(hash, news()));
    assert_eq!(receivers(&actions, &[1, 2, 3, 4]), [3]);
    assert_eq!(actions.sent(3), [Message::Block(vec![1, 2, 3].into())]);
    assert_eq!(actions.counted(Counter::BlocksRelayed), 1);
    assert_eq!(receivers(&node.notice(moved(hash, news())), &[1, 2, 3, 4]), [] as [u64; 0], "once only");
}

#[test]
fn blocks_of_a_sync_are_not_passed_on() {
    let mut node = node(&[1]);
    assert!(node.notice(moved(Hash([7; 32]), None)).sent(1).is_empty());
}

// ---- The mempool exchange. ----

fn ids(range: std::ops::Range<u8>) -> Vec<Hash> {
    range.map(|n| Hash([n; 32])).collect()
}

fn want(ids: &[Hash]) -> Message {
    Message::GetMemoryPool(List::truncated(ids.iter().copied()))
}

fn have(ids: &[Hash]) -> Message {
    Message::MemoryPool(List::truncated(ids.iter().copied()))
}

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
    let asked = receivers(&node.notice(Notice::State(SyncState::Synced)), &links);
    assert_eq!(asked.len(), MEMPOOL_ASK_PEERS);
    for _ in 0..10 {
        node.notice(Notice::State(SyncState::Blocks));
        let actions = node.notice(Notice::State(SyncState::Synced));
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
