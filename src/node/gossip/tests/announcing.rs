//! Telling peers of transactions by short ids.

use super::*;
use crate::{
    base::limits::{
        ANNOUNCE_AFTER, ANNOUNCE_LATER, ANNOUNCE_PAUSE, LEAD_AT_FIRST, LEAD_LOST, LEAD_TO_PUSH, RELAYED_TRANSACTIONS,
        SALT_LIFETIME, SALTS_AT_ONCE,
    },
    node::{Event, LinkEvent, Role},
};

/// Everything that is sent once what has gathered is told.
fn told(node: &mut Node, actions: Actions) -> Actions {
    Actions([actions.0, node.run(ANNOUNCE_AFTER.1 + ANNOUNCE_LATER + ANNOUNCE_PAUSE.1).0].concat())
}

fn is_whole(actions: &Actions, link: u64) -> bool {
    actions.sent(link).iter().any(|sent| matches!(sent, Message::Transaction(_)))
}

/// A user's transaction, until the ledger has taken it.
fn submitted(node: &mut Node, transaction: &HashedTransaction) -> Actions {
    let checked = batches(&node.command(1, submit(transaction)));
    let admits = admits(&all_good(node, &checked));
    answer(node, &admits[0], Ok(()))
}

#[test]
fn a_user_s_transaction_goes_whole_to_two_and_by_its_short_id_to_all_others() {
    let mut node = node(&[]);
    (1..=5).for_each(|link| drop(listen(&mut node, link)));
    let transaction = transaction(1);
    let actions = submitted(&mut node, &transaction);
    assert_eq!((1..=5).filter(|link| is_whole(&actions, *link)).collect::<Vec<_>>(), [1, 2], "at once");
    let actions = told(&mut node, actions);
    for link in [3, 4, 5] {
        assert_eq!(announced(&actions, link), [their_salt(link).short_id(&transaction.leaf)]);
        assert!(!is_whole(&actions, link));
    }
    assert!([1, 2].iter().all(|link| announced(&actions, *link).is_empty()), "they have it");
    assert!(announced(&told(&mut node, Actions(Vec::new())), 4).is_empty(), "once");
}

#[test]
fn in_a_line_transactions_go_whole_at_once() {
    let mut node = node(&[]);
    (1..=3).for_each(|link| drop(listen(&mut node, link)));
    let actions = pass(&mut node, 1, &transaction(1), Ok(()));
    assert_eq!((1..=3).filter(|link| is_whole(&actions, *link)).collect::<Vec<_>>(), [2, 3]);
    assert_eq!(node.role.announce_due(), None, "nobody is left");
    listen(&mut node, 4);
    let actions = pass(&mut node, 1, &transaction(2), Ok(()));
    assert!(!(1..=4).any(|link| is_whole(&actions, link)), "where others may be first it is announced");
    let actions = told(&mut node, actions);
    assert_eq!([2, 3, 4].map(|link| announced(&actions, link).len()), [1, 1, 1]);
}

#[test]
fn peers_without_the_service_or_without_a_salt_get_transactions_whole() {
    let mut node = node(&[1, 2, 3, 4]);
    node.up(5, listening_peer());
    let actions = pass(&mut node, 1, &transaction(1), Ok(()));
    assert_eq!((1..=5).filter(|link| is_whole(&actions, *link)).collect::<Vec<_>>(), [2, 3, 4, 5]);
    assert_eq!(node.role.announce_due(), None, "nobody is left");
}

#[test]
fn who_asks_for_an_announced_transaction_gets_it_and_who_asks_for_others_hears_so() {
    let mut node = node(&[]);
    (1..=6).for_each(|link| drop(listen(&mut node, link)));
    let (one, other) = (transaction(1), transaction(2));
    for transaction in [&one, &other] {
        let actions = pass(&mut node, 1, transaction, Ok(()));
        told(&mut node, actions);
    }
    let id = |of: &HashedTransaction| their_salt(6).short_id(&of.leaf);
    let ask = |ids: &[ShortId]| Message::GetTransactions(List::truncated(ids.iter().copied()));
    node.notice(ToGossip::State(SyncState::Blocks));
    let answer = node.receive(6, &ask(&[id(&other), ShortId(7), id(&one)]));
    let absent = Message::AbsentTransactions(List::truncated([ShortId(7)]));
    assert_eq!(answer.sent(6), [message(&other), message(&one), absent], "in any state of the node");
    let by_another_salt = their_salt(5).short_id(&one.leaf);
    assert_eq!(node.receive(6, &ask(&[by_another_salt])).sent(6).len(), 1);
    assert_eq!(node.receive(6, &ask(&[])).sent(6), []);
    let renewed = Message::RelaySalt { number: 1, salt: Salt([99; 16]) };
    node.receive(6, &renewed);
    assert_eq!(node.receive(6, &ask(&[id(&one)])).sent(6), [message(&one)], "the salt before is valid");
    node.receive(6, &Message::RelaySalt { number: 2, salt: Salt([98; 16]) });
    assert!(!is_whole(&node.receive(6, &ask(&[id(&one)])), 6), "older ones are not");
}

#[test]
fn whole_transactions_go_where_this_node_is_the_first() {
    let mut node = node(&[]);
    let own_salt = own_salt(&listen(&mut node, 1));
    (2..=5).for_each(|link| drop(listen(&mut node, link)));
    let mut memo = 0;
    let mut next = |node: &mut Node| {
        memo += 1;
        let transaction = transaction(memo);
        let actions = pass(node, 1, &transaction, Ok(()));
        let whole: Vec<u64> = (2..=5).filter(|link| is_whole(&actions, *link)).collect();
        told(node, actions);
        (transaction, whole)
    };
    let ask = |node: &mut Node, link: u64, transaction: &HashedTransaction| {
        let wanted = List::truncated([their_salt(link).short_id(&transaction.leaf)]);
        assert!(is_whole(&node.receive(link, &Message::GetTransactions(wanted)), link));
    };
    for _ in LEAD_AT_FIRST..LEAD_TO_PUSH {
        let (transaction, whole) = next(&mut node);
        assert_eq!(whole, []);
        [2, 3, 4].iter().for_each(|link| ask(&mut node, *link, &transaction));
    }
    let (transaction, whole) = next(&mut node);
    assert_eq!(whole, [2, 3], "they asked this node");
    // Node 2 had this one from another.
    let announce = Message::Announce { salt: 0, ids: List::truncated([own_salt.short_id(&transaction.leaf)]) };
    node.receive(2, &announce);
    assert_eq!(next(&mut node).1, [3, 4]);
    node.event(Event::Link(LinkEvent::NewsLost { link: LinkId(3), block: false, transactions: true }));
    for _ in LEAD_TO_PUSH + 1 - LEAD_LOST..LEAD_TO_PUSH {
        let (transaction, whole) = next(&mut node);
        assert_eq!(whole, [4]);
        ask(&mut node, 2, &transaction);
    }
    assert_eq!(next(&mut node).1, [2, 4]);
}

#[test]
fn a_peer_that_speaks_first_is_told_nothing() {
    let mut node = node(&[]);
    let own_salt = own_salt(&listen(&mut node, 1));
    (2..=6).for_each(|link| drop(listen(&mut node, link)));
    let transaction = transaction(1);
    pass(&mut node, 1, &transaction, Ok(()));
    let announce = Message::Announce { salt: 0, ids: List::truncated([own_salt.short_id(&transaction.leaf)]) };
    assert!(node.receive(5, &announce).sent(5).is_empty());
    let actions = told(&mut node, Actions(Vec::new()));
    assert_eq!([4, 5, 6].map(|link| announced(&actions, link).len()), [1, 0, 1]);
}

#[test]
fn of_two_nodes_with_a_transaction_one_speaks_first() {
    let mut node = node(&[]);
    let own_salt = own_salt(&listen(&mut node, 1));
    (2..=9).for_each(|link| drop(listen(&mut node, link)));
    let transaction = transaction(1);
    let first = |link: &u64| {
        let [theirs, ours] = [their_salt(*link), own_salt].map(|salt| salt.short_id(&transaction.leaf).0);
        let factor = (theirs ^ ours) | 1;
        theirs.wrapping_mul(factor) < ours.wrapping_mul(factor)
    };
    let (at_once, later): (Vec<u64>, Vec<u64>) = (2..=9).partition(first);
    assert!(!at_once.is_empty() && later.len() > 1);
    pass(&mut node, 1, &transaction, Ok(()));
    let all: Vec<u64> = (1..=9).collect();
    assert_eq!(receivers(&node.run(ANNOUNCE_AFTER.1), &all), at_once);
    let announce = Message::Announce { salt: 0, ids: List::truncated([own_salt.short_id(&transaction.leaf)]) };
    node.receive(later[0], &announce);
    assert_eq!(receivers(&node.run(ANNOUNCE_LATER), &all), later[1..], "who has spoken need not hear of it");
}

#[test]
fn who_sends_whole_what_was_here_is_told_so() {
    let mut node = node(&[]);
    (1..=3).for_each(|link| drop(listen(&mut node, link)));
    let transaction = transaction(1);
    let actions = pass(&mut node, 1, &transaction, Ok(()));
    told(&mut node, actions);
    let actions = node.receive(3, &message(&transaction));
    assert_eq!(announced(&told(&mut node, actions), 3), [their_salt(3).short_id(&transaction.leaf)]);
}

#[test]
fn a_node_that_is_not_synced_announces_nothing_until_it_is() {
    let mut node = node(&[]);
    (1..=4).for_each(|link| drop(listen(&mut node, link)));
    let transaction = transaction(1);
    pass(&mut node, 1, &transaction, Ok(()));
    node.notice(ToGossip::State(SyncState::Blocks));
    assert!(announced(&told(&mut node, Actions(Vec::new())), 4).is_empty());
    let actions = node.notice(ToGossip::State(SyncState::Synced));
    assert_eq!(announced(&told(&mut node, actions), 4).len(), 1);
}

#[test]
fn salts_are_renewed_each_hour_and_the_one_before_stays_valid() {
    let mut node = node(&[]);
    let first = own_salt(&listen(&mut node, 1));
    let actions = node.run(SALT_LIFETIME);
    let second = own_salt(&actions);
    assert_ne!(first, second);
    let transaction = transaction(1);
    let named = |number, salt: Salt| Message::Announce {
        salt: number,
        ids: List::truncated([salt.short_id(&transaction.leaf)]),
    };
    assert_eq!(node.receive(1, &named(0, first)).sent(1).len(), 1, "it is asked for");
    pass(&mut node, 1, &transaction, Ok(()));
    for (number, salt) in [(0, first), (1, second)] {
        assert!(node.receive(1, &named(number, salt)).sent(1).is_empty(), "it is here");
    }
    node.run(SALT_LIFETIME);
    assert_eq!(node.receive(1, &named(0, first)).fault(1), Some(PeerFault::Unexpected(Kind::Announce)));
    node.lost(1);
    node.run(SALT_LIFETIME);
    assert_eq!(node.role.deadline(), None, "nobody to tell");
}

#[test]
fn a_flood_of_salts_is_a_fault() {
    let mut node = node(&[]);
    node.up(1, listening_peer());
    let salt = |number| Message::RelaySalt { number, salt: Salt([number; 16]) };
    let most = u8::try_from(SALTS_AT_ONCE).unwrap();
    assert!((0..most).all(|number| node.receive(1, &salt(number)).fault(1).is_none()));
    assert!(matches!(node.receive(1, &salt(99)).fault(1), Some(PeerFault::Flood(_))));
}

#[test]
fn what_is_kept_for_peers_that_ask_is_bounded() {
    let mut relayed = Relayed::default();
    let most = u32::try_from(RELAYED_TRANSACTIONS).unwrap();
    let all: Vec<_> = (0..20).map(transaction).collect();
    (0..most).for_each(|_| relayed.push(all[1].clone(), false));
    relayed.push(all[0].clone(), false);
    let salt = Salt([1; 16]);
    let find = |relayed: &Relayed, of: &HashedTransaction| {
        let (found, computed) = relayed.find(&[salt.short_id(&of.leaf)], [salt].into_iter());
        (found[0].is_some(), computed)
    };
    assert_eq!(find(&relayed, &all[0]), (true, 1));
    assert_eq!(find(&relayed, &all[2]), (false, most));
    (2..20).cycle().take(RELAYED_TRANSACTIONS).for_each(|at| relayed.push(all[at].clone(), false));
    assert_eq!(find(&relayed, &all[0]), (false, most));
}
