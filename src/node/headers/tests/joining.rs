//! When the chain of the best header is taken for the one to join.

use super::*;
use crate::{
    base::limits::{JOIN_CLAIM_WAIT, JOIN_GATHER},
    chain::archive::Tip,
    node::{ChainMove, notice::ToSnapshot},
    wire::message::Locator,
};
use std::sync::Arc;

/// The best headers that the role `snapshot` was told of.
fn known(actions: &[Action]) -> Vec<Hash> {
    let hash = |action: &Action| match action {
        Action::Tell(Notice::Snapshot(ToSnapshot::HeadersKnown { hash, .. })) => Some(*hash),
        _ => None,
    };
    actions.iter().filter_map(hash).collect()
}

fn joining() -> Rig {
    let mut rig = Rig::new(&Chain::new());
    rig.notice(ToHeaders::Joining);
    rig
}

/// A peer comes and tells all of its chain, which the ledger applies if it is the best.
fn tells(rig: &mut Rig, link: u64, chain: &Chain, from: usize) -> Vec<Action> {
    let mut actions = rig.up(link, chain);
    actions.extend(rig.sync(link, chain.headers(from..=chain.rows.len() - 1)));
    actions.extend(rig.moved(chain));
    actions.extend(rig.sync(link, vec![]));
    actions
}

#[test]
fn whoever_is_heard_first_does_not_decide_which_chain_is_joined() {
    let mut rig = joining();
    let (cheap, chain) = (Chain::new().grow(5, 1), Chain::new().grow(20, 2));
    assert_eq!(known(&tells(&mut rig, 1, &cheap, 1)), []);
    assert_eq!(rig.state, SyncState::Snapshot, "{}", rig.reason);
    assert_eq!(known(&rig.pass(JOIN_GATHER - SECOND)), []);
    // Two more come just in time, with more work.
    let mut actions = rig.up(3, &chain);
    actions.extend(rig.pass(SECOND * 2));
    assert_eq!(known(&actions), [], "what it claims is waited for");
    actions = rig.sync(3, chain.headers(1..=20));
    actions.extend(rig.moved(&chain));
    actions.extend(rig.sync(3, vec![]));
    actions.extend(rig.pass(JOIN_GATHER));
    assert_eq!(known(&actions), [chain.tip()]);
}

#[test]
fn three_peers_that_we_dialled_are_enough() {
    let mut rig = joining();
    let chain = Chain::new().grow(20, 2);
    assert_eq!(known(&tells(&mut rig, 1, &chain, 1)), []);
    for link in [2, 4, 6, 3] {
        let mut actions = rig.up(link, &chain);
        actions.extend(rig.sync(link, vec![]));
        assert_eq!(known(&actions), [], "{link}: those that dialled us do not count");
    }
    let mut actions = rig.up(5, &chain);
    actions.extend(rig.sync(5, vec![]));
    actions.extend(rig.pass(SECOND / 10));
    assert_eq!(known(&actions), [chain.tip()]);
}

#[test]
fn one_peer_is_enough_after_a_while_and_a_claim_that_is_not_kept_is_not_waited_for_for_ever() {
    let chain = Chain::new().grow(20, 2);
    let mut rig = joining();
    tells(&mut rig, 1, &chain, 1);
    assert_eq!(known(&rig.pass(JOIN_GATHER)), [chain.tip()]);
    let mut rig = joining();
    tells(&mut rig, 1, &chain, 1);
    rig.up(3, &chain.clone().grow(5, 3));
    assert_eq!(known(&rig.pass(JOIN_GATHER * 2)), []);
    assert_eq!(known(&rig.pass(JOIN_CLAIM_WAIT)), [chain.tip()]);
}

#[test]
fn peers_without_a_chain_end_no_join() {
    let mut rig = joining();
    for link in [1, 3, 5, 7] {
        rig.up(link, &Chain::new());
        assert_eq!(known(&rig.sync(link, vec![])), []);
    }
    assert_eq!(known(&rig.pass(JOIN_GATHER * 2)), [], "they may be joining themselves");
    let chain = Chain::new().grow(20, 2);
    let mut actions = tells(&mut rig, 9, &chain, 1);
    actions.extend(rig.pass(JOIN_GATHER));
    assert_eq!(known(&actions), [chain.tip()]);
}

#[test]
fn blocks_that_come_meanwhile_do_not_begin_the_wait_anew() {
    let mut rig = joining();
    let mut chain = Chain::new().grow(20, 2);
    tells(&mut rig, 1, &chain, 1);
    let mut actions = Vec::new();
    for link in (2..).step_by(2).take(JOIN_GATHER.as_secs() as usize + 1) {
        actions.extend(rig.pass(SECOND));
        chain = chain.grow(1, 2);
        let last = chain.rows.len() - 1;
        actions.extend(tells(&mut rig, link, &chain, last));
    }
    assert!(!known(&actions).is_empty());
}

/// Until then there are no bodies, of which a chain of headers could lack some.
#[test]
fn once_the_coins_are_here_chains_that_were_left_before_do_not_make_a_node_synced() {
    let mut rig = joining();
    let (cheap, chain) = (Chain::new().grow(5, 1), Chain::new().grow(20, 2));
    tells(&mut rig, 1, &cheap, 1);
    tells(&mut rig, 3, &chain, 1);
    assert_eq!(rig.state, SyncState::Snapshot, "{}", rig.reason);
    rig.archive.join(&chain.first(10));
    let mut actions = rig.notice(ToHeaders::Joined);
    for _ in 0..2 {
        let answers = |link| if link == 3 { chain.headers(11..=20) } else { vec![] };
        let links = asked(&actions);
        actions = links.into_iter().flat_map(|link| rig.sync(link, answers(link))).collect();
    }
    assert_eq!(rig.state, SyncState::Blocks, "{}", rig.reason);
}

/// Found by seed 9100003442: a node that was started in the middle of a join has only its last header in memory, and stopped for
/// damage when a block was announced while the ledger forgot the headers below.
#[test]
fn headers_that_the_ledger_is_forgetting_are_no_damage() {
    let chain = Chain::new().grow(40, 2);
    let before = chain.first(30);
    let mut rig = Rig::unopened(setup(), &before);
    rig.start();
    rig.notice(ToHeaders::Joining);
    rig.moved(&before);
    rig.up(1, &before);
    assert!(rig.notice(ToHeaders::Rest).contains(&Action::Tell(ToLedger::HeadersRest.into())));
    rig.archive.join(&chain.first(10));
    let (row, link) = (chain.rows[31].clone(), LinkId(1));
    let mut did = rig.sync(1, chain.headers(31..=35));
    did.extend(rig.up(3, &chain));
    did.extend(rig.notice(ToHeaders::PeerTip { link, height: 40, tip: chain.tip() }));
    did.extend(rig.notice(ToHeaders::Announced { link, hash: row.hash, header: Box::new(row.header.clone()) }));
    let last = before.rows.last().expect("it has 30");
    let tip = Tip { hash: last.hash, height: 30, time: last.header.time, work: last.work, digest: Hash::ZERO };
    let moved = ChainMove { tip, removed: vec![], added: vec![], news: None };
    did.extend(rig.notice(ToHeaders::ChainMoved(Arc::new(moved))));
    did.extend(rig.notice(ToHeaders::Final { height: 30, hash: before.tip() }));
    for origin in [Origin::Link(link), Origin::Command(Ticket(1))] {
        did.extend(rig.notice(ToHeaders::Offered { origin, hash: row.hash, header: Box::new(row.header.clone()) }));
    }
    did.extend(rig.receive(1, &Message::GetSync(Locator::truncated([before.tip()]))));
    did.extend(rig.receive(1, &Message::GetSkeleton(before.tip())));
    did.extend(rig.notice(ToHeaders::JoinProgress("taking the coins".to_owned())));
    did.extend(rig.pass(GET_SYNC_TIMEOUT * 4));
    assert!(rig.take_stored().is_empty() && faults(&did).is_empty() && asked(&did).is_empty(), "{did:?}");
    let judged = |action: &&Action| match action {
        Action::Tell(Notice::Fetch(ToFetch::HeaderJudged { is_wanted, .. })) => !is_wanted,
        Action::Tell(Notice::Fetch(ToFetch::OfferDropped { .. })) => true,
        _ => false,
    };
    assert_eq!(did.iter().filter(judged).count(), 3, "what is asked is answered");
    assert_eq!(did.iter().filter_map(message).count(), 2);
    assert_eq!((rig.state, rig.reason.as_str()), (SyncState::Snapshot, "taking the coins"));
    let did = rig.notice(ToHeaders::Joined);
    assert_eq!(asked(&did), [1, 3]);
    rig.sync(1, chain.headers(11..=40));
    assert_eq!(rig.take_stored(), chain.hashes(11..=40));
}
