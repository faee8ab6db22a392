//! New blocks.

use super::*;

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
