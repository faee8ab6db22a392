//! New blocks.

use super::*;
use crate::{
    base::hash::Domain,
    node::{
        Event, LinkEvent,
        notice::{ToGossip, ToHandshake, ToLedger, ToPeers, Useful},
    },
    wire::{
        compact::CompactBlock,
        message::{SERVICE_COMPACT, SERVICE_FULL},
    },
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
    let actions = node.notice(ToGossip::BlockValidated { origin, hash, bytes: vec![1, 2, 3].into(), compact: None });
    assert_eq!(receivers(&actions, &[1, 2]), [2]);
    let useful = ToHandshake::Useful { link: LinkId(1), what: Useful::Block };
    assert_eq!(actions.told::<ToHandshake>(), [useful]);
    assert!(node.notice(moved(hash, None)).sent(2).is_empty(), "told already");
}

#[test]
fn blocks_of_a_sealed_chain_are_not_announced() {
    let setup = Setup { spec: Arc::new(crate::chain::testkit::sealed_spec(4)), ..setup() };
    let mut node = Driver::new(Gossip::new(&setup, Rng::from_number(1)));
    node.start();
    node.notice(ToGossip::State(SyncState::Synced));
    [1, 2].into_iter().for_each(|link| drop(join(&mut node, link)));
    let (hash, origin) = (Hash([7; 32]), Origin::Link(LinkId(1)));
    let actions = node.notice(moved(hash, Some((origin, vec![1, 2, 3].into()))));
    assert_eq!(receivers(&actions, &[1, 2]), [0; 0], "proposals have brought it to all");
    let useful = ToHandshake::Useful { link: LinkId(1), what: Useful::Block };
    assert_eq!((actions.told::<ToHandshake>(), actions.told::<ToPeers>()), (vec![useful], vec![]));
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
    let news =
        ToGossip::BlockValidated { origin: Origin::Ledger, hash: Hash([9; 32]), bytes: vec![1].into(), compact: None };
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
    node.notice(ToGossip::BlockValidated {
        origin: Origin::Link(LinkId(1)),
        hash,
        bytes: vec![1].into(),
        compact: None,
    });
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

/// A node whose peers all take compact blocks but for the last one.
fn compact_node(links: &[u64]) -> Node {
    let mut node = node(&[]);
    let services = SERVICE_FULL | SERVICE_COMPACT;
    links.iter().for_each(|link| drop(node.up(*link, PeerInfo { services, ..inbound_peer("127.0.0.1:4131") })));
    join(&mut node, 99);
    node
}

/// The kinds of news that each peer gets.
fn kinds(actions: &Actions, links: &[u64]) -> Vec<Kind> {
    links.iter().flat_map(|link| actions.sent(*link).into_iter().map(|message| message.kind())).collect()
}

/// News of a block of this many bytes.
fn news(hash: Hash, bytes: usize) -> ToGossip {
    let header = ChainSpec::local().genesis.header.clone();
    let mut block = header.to_bytes();
    block.resize(bytes, 0);
    let compact = CompactBlock { header, nonce: 0, ids: List::EMPTY, whole: List::EMPTY };
    let compact = Some(Frame::new(&Message::CompactBlock(Box::new(compact))));
    ToGossip::BlockValidated { origin: Origin::Miner, hash, bytes: block.into(), compact }
}

#[test]
fn two_peers_get_a_block_at_once_and_the_others_its_header() {
    let links = [1, 2, 3, 4];
    let mut node = compact_node(&links);
    let actions = node.notice(news(Hash([7; 32]), 5_000));
    let mut got = kinds(&actions, &links);
    got.sort_unstable();
    assert_eq!(got, [Kind::CompactBlock, Kind::CompactBlock, Kind::BlockHeader, Kind::BlockHeader]);
    assert_eq!(kinds(&actions, &[99]), [Kind::Block], "it does not take compact blocks");
    assert_eq!(actions.counted(Counter::CompactBlocksRelayed), 2);
    assert_eq!(kinds(&node.notice(news(Hash([8; 32]), 1_000)), &links), [Kind::Block; 4], "small");
}

#[test]
fn those_that_asked_last_are_pushed_to_until_others_are_faster() {
    let links = [1, 2, 3, 4];
    let mut node = compact_node(&links);
    for (asks, pushed) in [([1, 2], [1, 2]), ([3, 4], [3, 4]), ([4, 1], [1, 4])] {
        asks.iter().for_each(|link| drop(node.notice(ToGossip::BlockAsked { link: LinkId(*link) })));
        let actions = node.notice(news(Hash([u8::try_from(asks[0]).unwrap(); 32]), 5_000));
        let got = links.into_iter().filter(|link| kinds(&actions, &[*link]) == [Kind::CompactBlock]);
        assert_eq!(got.collect::<Vec<_>>(), pushed);
    }
    // 1 had the last one before ours came, and so did all that have not asked.
    node.notice(ToGossip::Shown { link: LinkId(1), hash: Hash([4; 32]) });
    let mut got = [0; 3];
    for number in 0..300u32 {
        let actions = node.notice(news(Domain::STREAM.hash(&number.to_le_bytes()), 5_000));
        assert_eq!(kinds(&actions, &[4]), [Kind::CompactBlock]);
        (0..3).for_each(|at| got[at] += usize::from(kinds(&actions, &[links[at]]) == [Kind::CompactBlock]));
    }
    assert!(got.iter().all(|count| *count > 50) && got.iter().sum::<usize>() == 300, "any of the others: {got:?}");
}

#[test]
fn who_tells_of_a_block_is_not_told_of_it() {
    let mut node = compact_node(&[1, 2]);
    node.notice(ToGossip::Shown { link: LinkId(1), hash: Hash([7; 32]) });
    let actions = node.notice(news(Hash([7; 32]), 5_000));
    assert_eq!((kinds(&actions, &[1]), kinds(&actions, &[2])), (vec![], vec![Kind::CompactBlock]));
}
