//! Announcements that wait for company.

use std::time::Duration;

use super::*;
use crate::base::limits::{ANNOUNCE_AFTER, ANNOUNCE_ENOUGH, ANNOUNCE_LATER, ANNOUNCE_PAUSE};

const PEER: u64 = 6;

/// Everything that happens until the ledger has taken a transaction of peer 1.
fn taken(node: &mut Node, transaction: &HashedTransaction) -> Vec<Action> {
    let mut all = offer(node, 1, transaction).0;
    all.extend(all_good(node, &batches(&Actions(all.clone()))).0);
    let admit = admits(&Actions(all.clone())).remove(0);
    all.extend(answer(node, &admit, Ok(())).0);
    all
}

/// A node with peers 1 to 6 that has just told the last of a transaction: this one. And the salt of the node.
fn talking() -> (Node, Arc<HashedTransaction>, Salt) {
    let mut node = node(&[]);
    let salt = own_salt(&listen(&mut node, 1));
    (2..=PEER).for_each(|link| drop(listen(&mut node, link)));
    let transaction = transaction(0);
    taken(&mut node, &transaction);
    let deadline = node.now.mono + ANNOUNCE_AFTER.1 + ANNOUNCE_LATER;
    while announced(&node.run(Duration::from_millis(1)), PEER).is_empty() {
        assert!(node.now.mono <= deadline);
    }
    (node, transaction, salt)
}

/// The node takes these transactions at once, and waits until some are to be announced.
fn take(node: &mut Node, transactions: &[Arc<HashedTransaction>]) -> Actions {
    let mut all = Vec::new();
    for transaction in transactions {
        all.extend(node.receive(1, &message(transaction)).0);
    }
    // The verifier has each batch when the one before is through.
    let mut done = 0;
    while done < transactions.len() {
        let checked = batches(&Actions(all.split_off(0)));
        done += checked.iter().map(Vec::len).sum::<usize>();
        let admitted = all_good(node, &checked);
        for admit in admits(&admitted) {
            all.extend(answer(node, &admit, Ok(())).0);
        }
        all.extend(admitted.0);
        all.extend(node.run(GATHER_TRANSACTIONS).0);
    }
    all.extend(node.run(ANNOUNCE_AFTER.1).0);
    Actions(all)
}

fn some(count: usize) -> Vec<Arc<HashedTransaction>> {
    (1..=u32::try_from(count).unwrap()).map(transaction).collect()
}

/// Their short ids for the peer, in order.
fn names(transactions: &[Arc<HashedTransaction>]) -> Vec<ShortId> {
    sorted(transactions.iter().map(|transaction| their_salt(PEER).short_id(&transaction.leaf)).collect())
}

fn sorted(mut ids: Vec<ShortId>) -> Vec<ShortId> {
    ids.sort();
    ids
}

fn frames(actions: &Actions) -> usize {
    actions.sent(PEER).iter().filter(|sent| matches!(sent, Message::Announce { .. })).count()
}

#[test]
fn a_stream_of_transactions_is_announced_in_few_frames() {
    let (mut node, ..) = talking();
    let transactions = some(40);
    let began = node.now.mono;
    let mut all = Vec::new();
    for transaction in &transactions {
        all.extend(taken(&mut node, transaction));
        all.extend(node.run(Duration::from_millis(90)).0);
    }
    all.extend(node.run(ANNOUNCE_AFTER.1 + ANNOUNCE_LATER + ANNOUNCE_PAUSE.1).0);
    let all = Actions(all);
    assert_eq!(sorted(announced(&all, PEER)), names(&transactions), "each once");
    let pauses = node.now.mono.since(began).as_millis() / ANNOUNCE_PAUSE.0.as_millis();
    assert!(frames(&all) <= usize::try_from(pauses).unwrap() + 1, "{} frames", frames(&all));
}

#[test]
fn an_announcement_goes_with_what_the_peer_gets_anyway() {
    let (mut node, first, salt) = talking();
    let transactions = some(16);
    assert_eq!(frames(&take(&mut node, &transactions)), 0, "the last announcement was a moment ago");
    // Some of them are this node's to tell, and of one the peer speaks after all.
    let says = Message::Announce { salt: 0, ids: List::truncated([salt.short_id(&transactions[0].leaf)]) };
    assert_eq!(node.receive(PEER, &says).sent(PEER), []);
    let answer = node.receive(PEER, &Message::GetTransactions(List::truncated(names(std::slice::from_ref(&first)))));
    assert_eq!(answer.sent(PEER)[0], message(&first));
    let told = announced(&answer, PEER);
    assert!(!told.is_empty() && frames(&answer) == 1);
    let rest = announced(&node.run(ANNOUNCE_LATER + ANNOUNCE_PAUSE.1), PEER);
    assert!(!rest.is_empty(), "these were the peer's to tell");
    assert_eq!(
        sorted([told, rest].concat()),
        names(&transactions[1..]),
        "each once, and not that of which the peer spoke"
    );
}

#[test]
fn many_announcements_do_not_wait() {
    let (mut node, ..) = talking();
    let actions = take(&mut node, &some(4 * ANNOUNCE_ENOUGH));
    assert!(announced(&actions, PEER).len() >= ANNOUNCE_ENOUGH);
}

#[test]
fn an_announcement_after_a_pause_does_not_wait() {
    let (mut node, ..) = talking();
    node.run(ANNOUNCE_PAUSE.1);
    assert_eq!(frames(&take(&mut node, &some(16))), 1, "those that are this node's to tell");
}

#[test]
fn a_user_s_transaction_does_not_wait() {
    let (mut node, ..) = talking();
    let transactions = some(2);
    assert!(announced(&take(&mut node, &transactions[..1]), PEER).is_empty());
    let checked = batches(&node.command(1, submit(&transactions[1])));
    let admits = admits(&all_good(&mut node, &checked));
    let actions = Actions([answer(&mut node, &admits[0], Ok(())).0, node.run(ANNOUNCE_AFTER.1).0].concat());
    let own = their_salt(PEER).short_id(&transactions[1].leaf);
    assert!(announced(&actions, PEER).contains(&own), "nobody else can tell of it");
}
