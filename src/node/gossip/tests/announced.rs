//! What peers announce.

use std::time::Duration;

use super::*;
use crate::{
    base::{
        ids::DialId,
        limits::{
            ABSENT_AT_ONCE, ANNOUNCED_IN_FLIGHT, ANNOUNCED_TIMEOUT, DEAD_AFTER, MAX_ASKED_IDS, OFFERS_PER_PEER,
            PING_TOGETHER, PING_TURN, PONG_TIMEOUT, UNDELIVERED_LOOK, UNDELIVERED_LOOKS,
        },
    },
    node::testing::{address, outbound_peer},
};

/// A synced node with peers that announce, and its salt.
fn listening(links: std::ops::RangeInclusive<u64>) -> (Node, Salt) {
    let mut node = node(&[]);
    let salts: Vec<Salt> = links.map(|link| own_salt(&listen(&mut node, link))).collect();
    (node, salts[0])
}

fn ids_of(salt: Salt, transactions: &[Arc<HashedTransaction>]) -> Vec<ShortId> {
    transactions.iter().map(|transaction| salt.short_id(&transaction.leaf)).collect()
}

fn announce(node: &mut Node, link: u64, ids: &[ShortId]) -> Actions {
    node.receive(link, &Message::Announce { salt: 0, ids: List::truncated(ids.iter().copied()) })
}

/// What a peer is asked for by short ids.
fn asked(actions: &Actions, link: u64) -> Vec<ShortId> {
    let asked = |message| if let Message::GetTransactions(ids) = message { ids.to_vec() } else { Vec::new() };
    actions.sent(link).into_iter().flat_map(asked).collect()
}

fn absent(ids: &[ShortId]) -> Message {
    Message::AbsentTransactions(List::truncated(ids.iter().copied()))
}

fn strange(range: std::ops::Range<u64>) -> Vec<ShortId> {
    range.map(|n| ShortId(n << 32)).collect()
}

#[test]
fn one_announcer_is_asked_and_the_next_when_it_does_not_deliver() {
    let (mut node, salt) = listening(1..=3);
    let transaction = transaction(1);
    let ids = ids_of(salt, std::slice::from_ref(&transaction));
    assert_eq!(asked(&announce(&mut node, 1, &ids), 1), ids);
    assert!(asked(&announce(&mut node, 2, &ids), 2).is_empty(), "one at a time");
    assert!(asked(&announce(&mut node, 3, &ids), 3).is_empty());
    let actions = node.run(ANNOUNCED_TIMEOUT);
    let (next, last) = if asked(&actions, 2).is_empty() { (3, 2) } else { (2, 3) };
    assert_eq!((asked(&actions, next), asked(&actions, last)), (ids.clone(), vec![]), "the lot says who");
    let actions = node.receive(next, &absent(&ids));
    assert_eq!((asked(&actions, 1), asked(&actions, last)), (vec![], ids.clone()), "at once");
    pass(&mut node, last, &transaction, Ok(()));
    let again = [1, 2, 3].map(|link| asked(&announce(&mut node, link, &ids), link).len());
    assert_eq!(again, [0; 3], "it is here");
}

/// Peers on `liars` announce a transaction before the one on `honest` does. Each answers each question in its own way, and
/// announces the transaction again at once. How many questions they get before the honest one is asked.
fn questions_before(node: &mut Node, salt: Salt, liars: std::ops::RangeInclusive<u64>, honest: u64) -> usize {
    let ids = ids_of(salt, &[transaction(1)]);
    let mut actions = Vec::new();
    for link in liars.clone().chain([honest]) {
        actions.extend(announce(node, link, &ids).0);
    }
    for questions in 0..200 {
        let now = Actions(std::mem::take(&mut actions));
        if !asked(&now, honest).is_empty() {
            return questions;
        }
        let liar = liars.clone().find(|link| !asked(&now, *link).is_empty()).expect("somebody is asked");
        if liar % 3 == 0 {
            actions.extend(node.run(ANNOUNCED_TIMEOUT).0);
            actions.extend(node.receive(liar, &absent(&ids)).0);
        } else {
            node.pass(ANNOUNCED_TIMEOUT * 9 / 10);
            actions.extend(node.receive(liar, &absent(&ids)).0);
        }
        actions.extend(announce(node, liar, &ids).0);
    }
    panic!("the honest peer is never asked");
}

#[test]
fn whoever_announces_is_asked_once_before_anybody_is_asked_twice() {
    for liars in [1, 2, 3, 8, 20] {
        let (mut node, salt) = listening(1..=liars + 1);
        let questions = questions_before(&mut node, salt, 1..=liars, liars + 1);
        assert!(questions <= liars as usize, "{questions} questions to {liars} liars");
        let (mut node, salt) = listening(1..=liars + 1);
        let questions = questions_before(&mut node, salt, 2..=liars + 1, 1);
        assert!(questions <= liars as usize, "{questions} questions to {liars} liars who came later");
    }
}

#[test]
fn those_that_the_node_chose_are_asked_before_those_that_chose_it() {
    let (mut node, salt) = listening(1..=20);
    let chosen = outbound_peer(DialId(1), address("127.0.0.1:4132"));
    let honest = node.up(21, PeerInfo { services: listening_peer().services, ..chosen });
    assert_eq!(own_salt(&honest), salt);
    assert_eq!(questions_before(&mut node, salt, 1..=20, 21), 1);
}

#[test]
fn links_that_come_new_again_and_again_do_not_hold_a_transaction_back() {
    let (mut node, salt) = listening(1..=3);
    let ids = ids_of(salt, &[transaction(1)]);
    let mut liars = [1, 2];
    let mut actions = Vec::new();
    for link in [1, 2, 3] {
        actions.extend(announce(&mut node, link, &ids).0);
    }
    for next in 10..40 {
        let now = Actions(std::mem::take(&mut actions));
        if !asked(&now, 3).is_empty() {
            return;
        }
        let at = liars.iter().position(|link| !asked(&now, *link).is_empty()).expect("somebody is asked");
        let gone = std::mem::replace(&mut liars[at], next);
        listen(&mut node, next);
        announce(&mut node, next, &ids);
        actions.extend(node.lost(gone).0);
    }
    panic!("the honest peer is never asked");
}

#[test]
fn a_body_settles_the_question_whoever_sends_it() {
    let (mut node, salt) = listening(1..=3);
    let transaction = transaction(1);
    let ids = ids_of(salt, std::slice::from_ref(&transaction));
    announce(&mut node, 1, &ids);
    announce(&mut node, 2, &ids);
    pass(&mut node, 3, &transaction, Ok(()));
    assert!(asked(&node.run(ANNOUNCED_TIMEOUT * 2), 2).is_empty());
}

#[test]
fn what_is_being_checked_or_was_refused_is_not_asked_for() {
    let (mut node, salt) = listening(1..=2);
    let transaction = transaction(1);
    let ids = ids_of(salt, std::slice::from_ref(&transaction));
    let checked = batches(&offer(&mut node, 1, &transaction));
    assert!(asked(&announce(&mut node, 2, &ids), 2).is_empty());
    let admits = admits(&all_good(&mut node, &checked));
    answer(&mut node, &admits[0], Err(Refusal::Fee { fee: 0, needed: 1 }));
    assert!(asked(&announce(&mut node, 2, &ids), 2).is_empty());
    node.notice(moved(Hash([1; 32]), None));
    assert_eq!(asked(&announce(&mut node, 2, &ids), 2), ids, "it may be right by now");
}

#[test]
fn a_twin_with_a_bad_signature_neither_hides_nor_condemns_the_good_transaction() {
    let (mut node, salt) = listening(1..=3);
    let good = transaction(1);
    let twin = twin(&good);
    let ids = ids_of(salt, &[twin.clone(), good.clone()]);
    assert_ne!(ids[0], ids[1]);
    assert_eq!(asked(&announce(&mut node, 1, &ids[..1]), 1), ids[..1]);
    assert_eq!(asked(&announce(&mut node, 2, &ids[1..]), 2), ids[1..]);
    assert_eq!(batches(&offer(&mut node, 1, &twin)).len(), 1);
    let checked = batches(&offer(&mut node, 2, &good));
    node.notice(bad(Origin::Link(LinkId(1))));
    let admits = admits(&all_good(&mut node, &checked));
    assert_eq!(receivers(&answer(&mut node, &admits[0], Ok(())), &[1, 2, 3]), [3]);
}

#[test]
fn a_peer_that_leaves_is_no_longer_waited_for() {
    let (mut node, salt) = listening(1..=2);
    let ids = ids_of(salt, &[transaction(1)]);
    announce(&mut node, 1, &ids);
    announce(&mut node, 2, &ids);
    assert_eq!(asked(&node.lost(1), 2), ids);
}

#[test]
fn a_node_that_is_not_synced_asks_for_nothing_and_for_the_lists_of_those_who_spoke_when_it_is() {
    let (mut node, salt) = listening(1..=9);
    node.run(MEMPOOL_ASK_INTERVAL);
    node.notice(ToGossip::State(SyncState::Blocks));
    let ids = ids_of(salt, &[transaction(1)]);
    assert!(asked(&announce(&mut node, 8, &ids), 8).is_empty());
    node.receive(9, &message(&transaction(2)));
    let actions = node.notice(ToGossip::State(SyncState::Synced));
    let asked: Vec<u64> = (1..=9).filter(|link| actions.sent(*link).contains(&want(&[]))).collect();
    assert_eq!((asked.len(), &asked[1..]), (MEMPOOL_ASK_PEERS, &[8, 9][..]));
}

#[test]
fn ids_that_nobody_delivers_are_few_and_cost_their_sender() {
    let (mut node, salt) = listening(1..=2);
    let junk = strange(1..1_000);
    let actions = announce(&mut node, 1, &junk);
    assert_eq!(asked(&actions, 1).len(), ANNOUNCED_IN_FLIGHT.min(OFFERS_PER_PEER));
    let is_question = |sent: &Message| matches!(sent, Message::GetTransactions(_));
    let questions = actions.sent(1).iter().filter(|sent| is_question(sent)).count();
    assert_eq!(questions, ANNOUNCED_IN_FLIGHT / MAX_ASKED_IDS);
    assert!(asked(&announce(&mut node, 1, &strange(2_000..3_000)), 1).is_empty(), "no more until it answers");
    let actions = node.run(ANNOUNCED_TIMEOUT);
    assert!(actions.sent(2).is_empty() && actions.fault(1).is_none());
    // What an honest peer announces is asked for all the same, also what the silent one announced before it.
    let real = ids_of(salt, &[transaction(1)]);
    announce(&mut node, 1, &real);
    assert_eq!(asked(&announce(&mut node, 2, &real), 2), real);
    pass(&mut node, 2, &transaction(1), Ok(()));
    let mut looks = 0;
    while node.run(UNDELIVERED_LOOK).fault(1) != Some(PeerFault::Undelivered) {
        looks += 1;
        assert!(looks < UNDELIVERED_LOOKS);
    }
    assert_eq!(looks + 1, UNDELIVERED_LOOKS);
}

/// Of two honest nodes between which no byte passes, one blamed the other: pings took longer to tell than these looks.
#[test]
fn a_silent_peer_is_lost_by_its_pings_before_it_is_blamed() {
    let blamed = ANNOUNCED_TIMEOUT + UNDELIVERED_LOOK * u32::from(UNDELIVERED_LOOKS);
    let is_lost = DEAD_AFTER.max(PING_TURN + PONG_TIMEOUT) + PING_TOGETHER;
    assert!(blamed > is_lost + Duration::from_secs(5), "{blamed:?} {is_lost:?}");
}

#[test]
fn a_host_that_slept_does_not_blame_its_peers() {
    let (mut node, salt) = listening(1..=1);
    let transaction = transaction(1);
    announce(&mut node, 1, &ids_of(salt, std::slice::from_ref(&transaction)));
    node.run(ANNOUNCED_TIMEOUT);
    node.pass(UNDELIVERED_LOOK * 100);
    assert_eq!(node.wake().fault(1), None);
    pass(&mut node, 1, &transaction, Ok(()));
    assert_eq!(node.run(UNDELIVERED_LOOK * 10).fault(1), None);
}

#[test]
fn a_peer_that_never_has_what_it_announces_pays() {
    let (mut node, _) = listening(1..=1);
    let most = u64::from(ABSENT_AT_ONCE);
    let mut say = |ids: &[ShortId]| {
        announce(&mut node, 1, ids);
        node.receive(1, &absent(&ids[..MAX_ASKED_IDS.min(ids.len())])).fault(1)
    };
    for first in (0..most).step_by(MAX_ASKED_IDS) {
        assert_eq!(say(&strange(first + 1..first + 1 + MAX_ASKED_IDS as u64)), None);
    }
    assert_eq!(say(&strange(most + 1..most + 3)), Some(PeerFault::Undelivered));
    assert_eq!(PeerFault::Undelivered.points(), 20);
}

#[test]
fn what_a_peer_announced_and_does_not_have_is_looked_for_in_its_list() {
    let (mut node, salt) = listening(1..=1);
    let ids = ids_of(salt, &[transaction(1)]);
    announce(&mut node, 1, &ids);
    assert_eq!(node.receive(1, &absent(&ids)).sent(1), [want(&[])]);
    announce(&mut node, 1, &strange(5..6));
    assert!(node.receive(1, &absent(&strange(5..6))).sent(1).is_empty(), "not each time");
}

#[test]
fn a_salt_that_is_none_of_ours_is_a_fault() {
    let (mut node, _) = listening(1..=1);
    let actions = node.receive(1, &Message::Announce { salt: 7, ids: List::truncated(strange(1..2)) });
    assert_eq!(actions.fault(1), Some(PeerFault::Unexpected(Kind::Announce)));
}
