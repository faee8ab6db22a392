//! New blocks.

use super::*;
use crate::node::{
    Event, LinkEvent,
    notice::{ToGossip, ToHandshake, ToLedger, ToPeers, Useful},
};

#[test]
fn a_new_block_is_passed_on_to_those_not_known_to_have_it() {
    let mut node = node(&[1, 2, 3]);
    let hash = Hash([7; 32]);
    let knows = PeerInfo { tip: hash, ..inbound_peer("127.0.0.1:4140") };
    node.up(4, knows);
    node.notice(ToGossip::PeerTip { link: LinkId(2), tip: hash });
    let news = || Some((Origin::Link(LinkId(1)), vec![1, 2, 3].into()));
    let actions = node.notice(moved(hash, news()));
    assert_eq!(receivers(&actions, &[1, 2, 3, 4]), [3]);
    assert_eq!(actions.sent(3), [Message::Block(vec![1, 2, 3].into())]);
    assert_eq!(actions.counted(Counter::BlocksRelayed), 1);
    assert_eq!(receivers(&node.notice(moved(hash, news())), &[1, 2, 3, 4]), [] as [u64; 0], "once only");
}

#[test]
fn a_block_is_passed_on_once_it_is_sound_and_whoever_brought_it_is_praised() {
    let mut node = node(&[1, 2]);
    let (hash, origin) = (Hash([7; 32]), Origin::Link(LinkId(1)));
    let actions = node.notice(ToGossip::BlockValidated { origin, hash, bytes: vec![1, 2, 3].into() });
    assert_eq!(receivers(&actions, &[1, 2]), [2]);
    let useful = ToHandshake::Useful { link: LinkId(1), what: Useful::Block };
    assert_eq!(actions.told::<ToHandshake>(), [useful]);
    assert!(node.notice(moved(hash, None)).sent(2).is_empty(), "told already");
}

/// A node in a line that caught up by several blocks left those behind it to wait for its next ping.
#[test]
fn blocks_of_a_sync_are_not_passed_on_but_peers_are_told_of_the_tip_once_synced() {
    let mut node = node(&[1]);
    let told = |actions: &Actions| actions.told::<ToPeers>() == [ToPeers::TipUntold];
    let actions = node.notice(moved(Hash([7; 32]), None));
    assert!(actions.sent(1).is_empty() && told(&actions), "synced already");
    node.notice(ToGossip::State(SyncState::Blocks));
    assert!(!told(&node.notice(moved(Hash([8; 32]), None))), "more is to come");
    assert!(told(&node.notice(ToGossip::State(SyncState::Synced))));
    node.notice(ToGossip::State(SyncState::Blocks));
    assert!(!told(&node.notice(ToGossip::State(SyncState::Synced))), "once");
    let news = ToGossip::BlockValidated { origin: Origin::Ledger, hash: Hash([9; 32]), bytes: vec![1].into() };
    node.notice(news);
    assert!(!told(&node.notice(moved(Hash([9; 32]), None))), "it was passed on");
}

fn lost(node: &mut Node, link: u64, block: bool, transactions: bool) -> Actions {
    node.event(Event::Link(LinkEvent::NewsLost { link: LinkId(link), block, transactions }))
}

#[test]
fn a_peer_that_missed_a_block_is_told_of_the_tip_once_it_is_committed() {
    let mut node = node(&[1, 2]);
    let missed = |actions: &Actions| actions.told::<ToPeers>();
    let (hash, told) = (Hash([7; 32]), [ToPeers::BlockMissed { link: LinkId(2) }]);
    node.notice(ToGossip::BlockValidated { origin: Origin::Link(LinkId(1)), hash, bytes: vec![1].into() });
    assert!(missed(&lost(&mut node, 2, true, false)).is_empty(), "pings do not tell of it yet");
    assert_eq!(missed(&node.notice(moved(hash, None))), told);
    assert_eq!(missed(&lost(&mut node, 2, true, false)), told, "once each time");
    assert!(missed(&node.notice(moved(Hash([8; 32]), Some((Origin::Ledger, vec![1].into()))))).is_empty());
    assert!(missed(&lost(&mut node, 9, true, true)).is_empty(), "an unknown link");
}

#[test]
fn a_peer_that_missed_transactions_is_offered_the_mempool() {
    let mut node = node(&[1]);
    assert_eq!(lost(&mut node, 1, false, true).told::<ToLedger>(), [ToLedger::OfferPool { link: LinkId(1) }]);
}
