//! Pushed blocks in turns, and the limit of uploads.

use super::*;

/// Peers of a node whose line carries 100 KB a second, which it has measured.
fn measured(peers: usize) -> (Rig, Vec<(LinkId, Peer)>) {
    let rig = Rig::new();
    let mut peers: Vec<_> = (0..peers).map(|_| rig.accept_up()).collect();
    rig.set_window(0);
    rig.send(peers[0].0, &block(400_000));
    rig.pass(1);
    assert_eq!(carry(&rig, &mut peers, 100_000), 100_000);
    rig.pass(1);
    carry(&rig, &mut peers, usize::MAX);
    (rig, peers)
}

/// Lets the line carry this many bytes to each peer that there are some for.
fn carry(rig: &Rig, peers: &mut [(LinkId, Peer)], bytes: usize) -> usize {
    rig.set_window(bytes);
    peers.iter_mut().for_each(|(_, peer)| peer.write_bytes(&[]));
    rig.set_window(0);
    peers.iter_mut().map(|(_, peer)| peer.take_bytes().len()).sum()
}

fn push(rig: &Rig, peers: &[(LinkId, Peer)], bytes: usize) {
    let news = Frame::new(&block(bytes));
    rig.orders(peers.iter().map(|(link, _)| Order::Link(LinkAction::Relay { link: *link, frame: news.clone() })));
}

/// To how many peers a block is being sent: the head of each frame takes memory of its own.
fn turns(rig: &Rig) -> usize {
    rig.usage().queued / limits::FRAME_HEAD_BYTES
}

#[test]
fn on_a_full_line_one_peer_gets_a_block_after_the_other() {
    let (rig, mut peers) = measured(3);
    push(&rig, &peers, 200_000);
    assert_eq!((rig.usage().pushed, turns(&rig)), (200_000, 1));
    // In each second the rest of one, if there is any, and a part of the next.
    for bytes in [100_000, 100_000, 100_013, 100_000, 100_013, 100_000, 13] {
        assert_eq!(carry(&rig, &mut peers, 100_000), bytes);
        rig.pass_ms(950);
    }
    assert_eq!((rig.usage().pushed, rig.heard(RoleId::Gossip)), (0, 0), "all have it");
}

#[test]
fn nobody_waits_for_a_slow_reader_for_long() {
    let (rig, peers) = measured(4);
    push(&rig, &peers, 200_000);
    let mut seen = vec![turns(&rig)];
    for _ in 0..2 {
        rig.pass(1);
        seen.push(turns(&rig));
    }
    assert_eq!(seen, [1, 2, 4]);
}

#[test]
fn who_waits_too_long_for_a_block_is_told_of_it_instead() {
    let (rig, mut peers) = measured(3);
    push(&rig, &peers, 900_000);
    for _ in 0..4 {
        assert_eq!(carry(&rig, &mut peers, 100_000), 100_000);
        assert_eq!(rig.heard(RoleId::Gossip), 0);
        rig.pass(1);
    }
    for (link, _) in &peers[1..] {
        assert_eq!(rig.event(RoleId::Gossip), LinkEvent::NewsLost { link: *link, block: true, transactions: false });
    }
    assert_eq!(carry(&rig, &mut peers, usize::MAX), 500_013, "the first gets the rest");
    assert_eq!(rig.heard(RoleId::Peers), 0);
    push(&rig, &peers[1..2], 900_000);
    assert_eq!(turns(&rig), 1, "later ones are pushed again");
}

#[test]
fn small_news_goes_ahead_of_a_block_that_waits_and_a_request_takes_its_place() {
    let (rig, mut peers) = measured(2);
    push(&rig, &peers, 200_000);
    let (link, _) = peers[1];
    rig.relay(link, &Message::Transaction(vec![3; 100].into()));
    rig.send(link, &Message::Pong(1));
    carry(&rig, &mut peers[..1], 1_000);
    rig.set_window(1_000);
    let (_, peer) = &mut peers[1];
    peer.write_bytes(&[]);
    assert_eq!((peer.read(), peer.read()), (Message::Transaction(vec![3; 100].into()), Message::Pong(1)));
    let asks = Message::GetBlock(crate::link::send_queue::block_of(&Frame::new(&block(200_000))).unwrap());
    peer.write(&asks);
    assert_eq!(rig.message(RoleId::Ledger), (link, asks));
    assert_eq!(rig.usage().pushed, 200_000, "it is on its way to the other one");
    rig.answer(link, &block(200_000));
    rig.set_window(usize::MAX);
    peers.iter_mut().for_each(|(_, peer)| peer.write_bytes(&[]));
    assert_eq!((peers[1].1.read(), peers[1].1.try_read(), rig.usage().pushed), (block(200_000), None, 0));
}

#[test]
fn a_peer_that_takes_very_long_for_a_block_is_told_of_the_next_one() {
    let rig = Rig::new();
    let (link, mut peer) = rig.accept_up();
    rig.set_window(0);
    rig.relay(link, &block(100_000));
    rig.pass(10);
    rig.set_window(usize::MAX);
    peer.write_bytes(&[]);
    assert_eq!(peer.read(), block(100_000));
    rig.relay(link, &block(150_000));
    assert_eq!(peer.read(), block(150_000), "15 s at its pace");
    rig.set_window(0);
    rig.relay(link, &block(100_001));
    rig.pass(10);
    rig.set_window(usize::MAX);
    peer.write_bytes(&[]);
    assert_eq!(peer.read(), block(100_001));
    rig.relay(link, &block(250_001));
    assert_eq!(rig.event(RoleId::Gossip), LinkEvent::NewsLost { link, block: true, transactions: false });
    rig.pass(60);
    rig.relay(link, &block(250_001));
    assert_eq!(peer.read(), block(250_001), "the pace of a minute ago says nothing");
}

/// A rig whose node sends 100 KB a second at most, a quarter of it at once.
fn limited() -> Rig {
    Rig::with(|config| config.max_upload = Some(100_000))
}

#[test]
fn all_links_together_keep_to_the_limit_of_uploads() {
    let rig = limited();
    let mut peers: Vec<_> = (0..3).map(|_| rig.accept_up()).collect();
    peers.iter().for_each(|(link, _)| rig.send(*link, &block(300_000)));
    let mut got = [0; 3];
    let mut read = |peers: &mut [(LinkId, Peer)]| {
        got.iter_mut().zip(peers).for_each(|(got, (_, peer))| *got += peer.take_bytes().len());
        got
    };
    assert!((20_000..=25_000).contains(&read(&mut peers).iter().sum::<usize>()), "what was not used before");
    for _ in 0..400 {
        rig.pass_ms(10);
    }
    let got = read(&mut peers);
    let all: usize = got.iter().sum();
    assert!((410_000..=425_000).contains(&all), "{all} in 4 s");
    assert!(got.iter().all(|one| *one > all / 4), "{got:?}: they take turns");
}

#[test]
fn answers_wait_for_the_limit_and_news_does_not() {
    let rig = limited();
    let ((asker, mut asker_peer), (other, mut other_peer)) = (rig.accept_up(), rig.accept_up());
    (0..4).for_each(|byte| asker_peer.write(&Message::GetBlock(Hash([byte; 32]))));
    other_peer.write(&Message::GetBlock(Hash([9; 32])));
    assert_eq!(rig.message(RoleId::Ledger), (asker, Message::GetBlock(Hash([0; 32]))));
    assert_eq!(rig.heard(RoleId::Ledger), 0, "one at a time");
    rig.answer(asker, &block(120_000));
    rig.relay(other, &Message::Transaction(vec![3; 100].into()));
    rig.send(other, &Message::Pong(1));
    assert_eq!(rig.heard(RoleId::Ledger), 0, "much waits");
    rig.pass_ms(30);
    assert_eq!((other_peer.read(), other_peer.read()), (Message::Transaction(vec![3; 100].into()), Message::Pong(1)));
    let passed = (1..200).find(|_| {
        rig.pass_ms(10);
        rig.heard(RoleId::Ledger) > 0
    });
    assert!(passed.is_some_and(|steps| (30..70).contains(&steps)), "{passed:?}: once half a second's bytes are left");
    assert_eq!(rig.message(RoleId::Ledger), (other, Message::GetBlock(Hash([9; 32]))), "the peers take turns");
    rig.answer(other, &block(1_000));
    for byte in 1..4 {
        (0..100).for_each(|_| rig.pass_ms(10));
        assert_eq!(rig.message(RoleId::Ledger), (asker, Message::GetBlock(Hash([byte; 32]))));
        rig.answer(asker, &block(1_000));
    }
}

/// Bytes that a peer gets in ten seconds which asks for one block after the other and reads at once.
fn download(rig: &Rig, (link, peer): &mut (LinkId, Peer)) -> usize {
    let mut got = 0;
    (0..4).for_each(|byte| peer.write(&Message::GetBlock(Hash([byte; 32]))));
    for _ in 0..1_000 {
        rig.pass_ms(10);
        got += peer.take_bytes().len();
        while rig.heard(RoleId::Ledger) > 0 {
            let (asker, _) = rig.message(RoleId::Ledger);
            rig.answer(asker, &block(40_000));
            if asker == *link {
                peer.write(&Message::GetBlock(Hash([5; 32])));
            }
        }
    }
    got
}

#[test]
fn what_slow_readers_leave_unread_keeps_nobody_from_being_served() {
    let rig = limited();
    let (mut first, mut second) = (rig.accept_up(), rig.accept_up());
    let mut slow: Vec<_> = (0..4).map(|_| rig.accept_up()).collect();
    rig.set_window(10_000);
    let alone = download(&rig, &mut first);
    assert!(alone > 900_000, "{alone} bytes alone");
    for (_, peer) in &mut slow {
        (0..8).for_each(|byte| peer.write(&Message::GetBlock(Hash([byte; 32]))));
    }
    let beside = download(&rig, &mut second);
    assert!(beside > alone / 4 * 3, "{beside} bytes beside slow readers, {alone} alone");
}

#[test]
fn who_follows_the_chain_never_waits_for_the_limit() {
    let rig = limited();
    let ((asker, mut asker_peer), (other, mut other_peer)) = (rig.accept_up(), rig.accept_up());
    let news = Frame::new(&Message::Block(vec![1; 1_000].into()));
    let newest = crate::link::send_queue::block_of(&news).unwrap();
    rig.relay(asker, &news.open().unwrap());
    asker_peer.write(&Message::GetBlock(Hash([0; 32])));
    assert_eq!(rig.message(RoleId::Ledger), (asker, Message::GetBlock(Hash([0; 32]))));
    rig.answer(asker, &block(400_000));
    let (old, new) = (Message::GetBlock(Hash([9; 32])), Message::GetBlock(newest));
    let sync = Message::GetSync(crate::base::codec::List::EMPTY);
    [&old, &new, &sync].into_iter().for_each(|message| other_peer.write(message));
    assert_eq!(rig.message(RoleId::Ledger), (other, new));
    rig.answer(other, &block(1_000));
    other_peer.write(&Message::Ping { nonce: 1, height: 1, tip: newest });
    assert_eq!((rig.message(RoleId::Headers), rig.heard(RoleId::Ledger)), ((other, sync), 0), "the old one waits");
}

#[test]
fn a_peer_that_is_still_being_answered_does_not_keep_the_only_turn() {
    let rig = limited();
    let mut peers: Vec<_> = (0..2).map(|_| rig.accept_up()).collect();
    peers[0].1.write(&Message::GetBlock(Hash([0; 32])));
    rig.set_window(0);
    rig.answer(rig.message(RoleId::Ledger).0, &block(200_000));
    rig.set_window(usize::MAX);
    peers[0].1.write_bytes(&[]);
    let news = Message::Block(vec![1; 20_000].into());
    peers.iter().for_each(|(link, _)| rig.relay(*link, &news));
    assert!((0..100).any(|_| {
        rig.pass_ms(10);
        peers[1].1.try_read() == Some(news.clone())
    }));
    (0..400).for_each(|_| rig.pass_ms(10));
    assert_eq!((peers[0].1.read(), peers[0].1.read()), (block(200_000), news), "it gets its own afterwards");
}

#[test]
fn who_waits_for_our_limit_is_not_to_blame() {
    let rig = Rig::with(|config| config.max_upload = Some(16_384));
    let mut peers: Vec<_> = (0..4).map(|_| rig.accept_up()).collect();
    for second in 0..300_u32 {
        for (link, peer) in &mut peers {
            let news = [[0; 40_000].as_slice(), &second.to_le_bytes()].concat();
            rig.relay(*link, &Message::Block(news.into()));
            if second % 20 == 0 {
                peer.write(&Message::GetBlock(Hash([7; 32])));
            }
        }
        while rig.heard(RoleId::Ledger) > 0 {
            let (link, _) = rig.message(RoleId::Ledger);
            rig.answer(link, &block(100_000));
        }
        (0..10).for_each(|_| rig.pass_ms(100));
        peers.iter_mut().for_each(|(_, peer)| drop(peer.take_bytes()));
    }
    assert_eq!(rig.heard(RoleId::Peers), 0, "no link has ended");
}
