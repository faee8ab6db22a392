//! What waits to be sent: to one peer, and to all of them.

use super::*;

#[test]
fn a_peer_for_whom_too_much_is_queued_is_closed_without_a_word() {
    let rig = Rig::new();
    let (link, mut peer) = rig.accept_up();
    let frame = Frame::new(&block(900_000));
    rig.orders((0..3).map(|_| Order::Link(LinkAction::Send { link, frame: frame.clone() })));
    assert_eq!(rig.closed(RoleId::Peers), (link, fault(PeerFault::SendStall)));
    assert!(peer.is_dropped());
    assert_eq!((peer.try_read(), rig.usage().queued), (None, 0));
}

#[test]
fn a_peer_that_asks_for_sixteen_large_blocks_at_once_gets_them() {
    let rig = Rig::new();
    let (link, mut peer) = rig.accept_up();
    rig.set_window(0);
    (0..15).for_each(|byte| peer.write(&Message::GetBlock(Hash([byte; 32]))));
    peer.write(&Message::Pong(7));
    assert_eq!(rig.message(RoleId::Peers), (link, Message::Pong(7)), "before any of them is answered");
    peer.write(&Message::GetBlock(Hash([15; 32])));
    let mut answers = 0;
    while answers < 16 {
        // All that the ledger has heard of is queued before the peer reads on.
        let questions = rig.heard(RoleId::Ledger);
        assert!(questions > 0);
        for _ in 0..questions {
            assert_eq!(rig.message(RoleId::Ledger), (link, Message::GetBlock(Hash([answers; 32]))));
            rig.answer(link, &block(90_000));
            answers += 1;
        }
        rig.set_window(usize::MAX);
        peer.write_bytes(&[]);
        (0..questions).for_each(|_| assert_eq!(peer.read(), block(90_000)));
        rig.set_window(0);
    }
    assert_eq!(rig.heard(RoleId::Peers), 0, "it has done nothing wrong");
}

#[test]
fn many_peers_that_ask_for_blocks_and_do_not_read_them_yet_stay() {
    const SIZE: usize = 200_000;
    const PEERS: usize = 8;
    // Each queue may be as long as the soft limit, and a block longer; all of them may not.
    let budget = PEERS * SIZE + limits::SEND_SOFT_BYTES + 50_000;
    assert!(PEERS * limits::SEND_SOFT_BYTES > budget);
    let rig = Rig::with(|config| config.send_budget = budget);
    rig.set_window(1000);
    let mut peers: Vec<_> = (0..PEERS).map(|_| rig.accept_up()).collect();
    for (_, peer) in &mut peers {
        (0..8).for_each(|byte| peer.write(&Message::GetBlock(Hash([byte; 32]))));
    }
    let mut answers = 0;
    while rig.heard(RoleId::Ledger) > 0 {
        let (link, _) = rig.message(RoleId::Ledger);
        rig.answer(link, &block(SIZE));
        answers += 1;
    }
    assert_eq!(rig.heard(RoleId::Peers), 0, "nobody was closed");
    assert_eq!(answers, PEERS);
    // They get all of it once they read.
    rig.set_window(usize::MAX);
    for (_, peer) in &mut peers {
        assert_eq!(peer.read(), block(SIZE));
    }
    assert!(rig.heard(RoleId::Ledger) > 0);
    let request = Frame::new(&Message::GetBlock(Hash::ZERO)).wire_len();
    assert_eq!(rig.usage().queued, PEERS * 6 * request, "the requests that wait");
}

#[test]
fn the_longest_queue_pays_for_all() {
    let rig = Rig::with(|config| config.send_budget = 120_000);
    let (short, mut short_peer) = rig.accept_up();
    let (long, _long_peer) = rig.accept_up();
    let send = |link, bytes| Order::Link(LinkAction::Send { link, frame: Frame::new(&block(bytes)) });
    rig.orders([send(short, 50_000), send(long, 90_000)]);
    assert_eq!(rig.closed(RoleId::Peers), (long, fault(PeerFault::SendStall)));
    assert_eq!(short_peer.read(), block(50_000));
    assert_eq!(rig.meter(Limit::Send).hits, 1);
}

/// The link that was answered last had the longest queue, however fast it read: of older answers the host had taken a part.
#[test]
fn peers_that_read_nothing_or_hardly_anything_pay_for_one_that_reads_at_once() {
    for drip in [0, 500] {
        let rig = Rig::with(|config| config.send_budget = 120_000);
        let (honest, mut honest_peer) = rig.accept_up();
        let mut silent: Vec<_> = (0..3).map(|_| rig.accept_up()).collect();
        rig.set_window(10_000);
        for (link, _) in &silent {
            rig.send(*link, &block(45_000));
            rig.pass(1);
        }
        for second in 1..=5 {
            rig.pass(1);
            rig.set_window(10_000 + second * drip);
            silent.iter_mut().for_each(|(_, peer)| peer.write_bytes(&[]));
        }
        assert_eq!(rig.heard(RoleId::Peers), 0);
        rig.send(honest, &block(70_000));
        for (link, peer) in &silent[..2] {
            assert_eq!(rig.closed(RoleId::Peers), (*link, fault(PeerFault::SendStall)), "the oldest first");
            assert!(peer.is_dropped());
        }
        assert!(rig.usage().queued <= 120_000 && rig.heard(RoleId::Peers) == 0, "as many as it takes, and no more");
        rig.set_window(usize::MAX);
        honest_peer.write_bytes(&[]);
        assert_eq!(honest_peer.read(), block(70_000));
    }
}

#[test]
fn a_link_that_only_lingers_pays_before_others() {
    let rig = Rig::with(|config| config.send_budget = 120_000);
    let ((gone, gone_peer), (stays, mut stays_peer)) = (rig.accept_up(), rig.accept_up());
    rig.set_window(0);
    rig.send(gone, &block(90_000));
    rig.close(gone, CloseReason::Local(GoodbyeCode::Evicted));
    assert_eq!(rig.closed(RoleId::Peers).0, gone);
    rig.send(stays, &block(50_000));
    assert!(gone_peer.is_dropped());
    assert_eq!(rig.heard(RoleId::Peers), 0);
    rig.set_window(usize::MAX);
    stays_peer.write_bytes(&[]);
    assert_eq!(stays_peer.try_read(), Some(block(50_000)));
}

#[test]
fn a_peer_that_reads_nothing_for_a_minute_is_closed() {
    let rig = Rig::new();
    let (link, mut peer) = rig.accept_up();
    rig.set_window(1000);
    rig.send(link, &block(10_000));
    rig.pass(59);
    rig.set_window(2000);
    peer.write_bytes(&[]);
    rig.pass(59);
    assert_eq!(rig.heard(RoleId::Peers), 0, "it has taken some of it");
    rig.pass(1);
    assert_eq!(rig.closed(RoleId::Peers), (link, fault(PeerFault::SendStall)));
}

#[test]
fn news_closes_no_link_and_is_told_of_once_there_is_room() {
    let rig = Rig::new();
    let (link, mut peer) = rig.accept_up();
    rig.set_window(1000);
    for byte in 0..3 {
        rig.relay(link, &Message::Block(vec![byte; 900_000].into()));
    }
    (0..2_000).for_each(|_| rig.relay(link, &Message::Transaction(vec![1; 500].into())));
    peer.write(&Message::GetPeers);
    assert_eq!(rig.message(RoleId::Peers), (link, Message::GetPeers), "it is read all the same");
    assert_eq!((rig.heard(RoleId::Peers), rig.heard(RoleId::Gossip)), (0, 0));
    rig.set_window(usize::MAX);
    peer.write_bytes(&[]);
    assert_eq!(rig.event(RoleId::Gossip), LinkEvent::NewsLost { link, block: true, transactions: true });
    assert_eq!(peer.read(), Message::Block(vec![0; 900_000].into()));
    let rest: Vec<Message> = std::iter::from_fn(|| peer.try_read()).collect();
    assert_eq!(rest.len(), limits::SEND_SOFT_BYTES.div_ceil(513), "as many transactions as fit");
    rig.relay(link, &Message::Block(vec![9; 900_000].into()));
    assert_eq!(peer.read(), Message::Block(vec![9; 900_000].into()));
    assert_eq!((rig.heard(RoleId::Peers), rig.heard(RoleId::Gossip)), (0, 0));
}

#[test]
fn a_role_that_waits_for_a_link_hears_once_that_nothing_of_its_own_waits_there() {
    let rig = Rig::new();
    let (link, mut peer) = rig.accept_up();
    rig.forget_events();
    rig.link(LinkAction::AwaitDrained(link));
    assert_eq!(rig.event(RoleId::Sealer), LinkEvent::Drained { link }, "nothing waits");
    rig.set_window(1000);
    (0..100).for_each(|_| rig.send(link, &Message::Transaction(vec![1; 2_000].into())));
    rig.link(LinkAction::AwaitDrained(link));
    rig.link(LinkAction::AwaitDrained(link));
    peer.write_bytes(&[]);
    assert_eq!(rig.heard(RoleId::Sealer), 0);
    rig.set_window(usize::MAX);
    peer.write_bytes(&[]);
    assert_eq!(rig.event(RoleId::Sealer), LinkEvent::Drained { link });
    assert_eq!(rig.heard(RoleId::Sealer), 0, "once");
    // One that ends before tells only of its end.
    rig.set_window(0);
    rig.send(link, &Message::Transaction(vec![1; 2_000].into()));
    rig.link(LinkAction::AwaitDrained(link));
    rig.disconnected(link, "cut");
    assert!(matches!(rig.event(RoleId::Sealer), LinkEvent::Closed { .. }));
    rig.link(LinkAction::AwaitDrained(link));
    assert_eq!(rig.heard(RoleId::Sealer), 0);
}

#[test]
fn a_block_reaches_many_peers_at_once_and_counts_once() {
    let rig = Rig::with(|config| config.send_budget = 800_000);
    rig.set_window(0);
    let mut peers: Vec<_> = (0..8).map(|_| rig.accept_up()).collect();
    let news = Frame::new(&block(150_000));
    rig.orders(peers.iter().map(|(link, _)| Order::Link(LinkAction::Relay { link: *link, frame: news.clone() })));
    let usage = rig.usage();
    assert_eq!((usage.pushed, usage.queued), (150_000, 8 * 13));
    let (first, _) = peers[0];
    rig.relay(first, &Message::Block(vec![6; 60_000].into()));
    assert_eq!(rig.usage(), usage, "news fills a quarter of the budget at most");
    let told = LinkEvent::NewsLost { link: first, block: true, transactions: false };
    assert_eq!(rig.event(RoleId::Gossip), told, "the link itself has room");
    rig.set_window(usize::MAX);
    for (_, peer) in &mut peers {
        peer.write_bytes(&[]);
        assert_eq!(peer.read(), block(150_000));
    }
    assert_eq!((rig.usage().pushed, rig.usage().queued), (0, 0));
    assert_eq!((rig.heard(RoleId::Peers), rig.heard(RoleId::Gossip)), (0, 0));
}

#[test]
fn a_slow_reader_gets_a_block_once() {
    let rig = Rig::new();
    let (link, mut peer) = rig.accept_up();
    let news = block(200_000);
    let hash = crate::link::send_queue::block_of(&Frame::new(&news)).unwrap();
    rig.set_window(1000);
    rig.relay(link, &news);
    peer.write(&Message::GetBlock(hash));
    assert_eq!(rig.heard(RoleId::Ledger), 0, "it is on its way");
    rig.set_window(usize::MAX);
    assert_eq!((peer.read(), peer.try_read()), (news.clone(), None));
    // The other way round.
    peer.write(&Message::GetBlock(hash));
    assert_eq!(rig.message(RoleId::Ledger), (link, Message::GetBlock(hash)));
    rig.relay(link, &news);
    rig.answer(link, &news);
    rig.relay(link, &Message::Transaction(vec![1].into()));
    assert_eq!((peer.read(), peer.read()), (news, Message::Transaction(vec![1].into())));
    assert_eq!((peer.try_read(), rig.heard(RoleId::Gossip)), (None, 0));
}

/// Found by seed 1007 of the simulator.
#[test]
fn a_link_that_has_ended_tells_of_no_lost_news() {
    let rig = Rig::new();
    let (link, mut peer) = rig.accept_up();
    rig.set_window(1000);
    (0..2).for_each(|byte| rig.relay(link, &Message::Block(vec![byte; 300_000].into())));
    rig.close(link, CloseReason::Local(GoodbyeCode::Evicted));
    assert_eq!(rig.closed(RoleId::Gossip).0, link);
    rig.set_window(usize::MAX);
    peer.write_bytes(&[]);
    assert_eq!(peer.read(), Message::Block(vec![0; 300_000].into()));
    assert_eq!(rig.heard(RoleId::Gossip), 0);
}

#[test]
fn peers_that_leave_news_unread_do_not_keep_it_from_others() {
    let rig = Rig::with(|config| config.send_budget = 800_000);
    let (stuck, stuck_peer) = rig.accept_up();
    rig.set_window(0);
    rig.relay(stuck, &Message::Block(vec![1; 150_000].into()));
    let (link, mut peer) = rig.accept_up();
    rig.relay(link, &Message::Block(vec![2; 150_000].into()));
    let told = LinkEvent::NewsLost { link, block: true, transactions: false };
    assert_eq!(rig.event(RoleId::Gossip), told, "at once: it gets what it asks for");
    rig.pass(10);
    rig.set_window(usize::MAX);
    rig.relay(link, &Message::Block(vec![3; 150_000].into()));
    assert_eq!(rig.closed(RoleId::Peers), (stuck, CloseReason::Local(GoodbyeCode::Evicted)));
    assert!(stuck_peer.is_dropped());
    peer.write_bytes(&[]);
    assert_eq!(peer.read(), Message::Block(vec![3; 150_000].into()));
}

/// Our uplink carries a tenth of what there is to say, to all peers alike. None of them reads slowly.
#[test]
fn a_slow_uplink_of_our_own_costs_no_peer_its_link() {
    const BYTES_A_SECOND: usize = 4_000;
    let rig = Rig::new();
    let mut peers: Vec<_> = (0..4).map(|_| rig.accept_up()).collect();
    let (mut blocks, mut asked, mut answered) = (0, 0, 0);
    rig.set_window(0);
    for second in 0..600_u32 {
        let bytes = second.to_le_bytes();
        for (link, _) in &peers {
            (0..30)
                .for_each(|_| rig.relay(*link, &Message::Transaction([[7; 500].as_slice(), &bytes].concat().into())));
            if second % 2 == 0 {
                rig.relay(*link, &Message::Block([[0; 100_000].as_slice(), &bytes].concat().into()));
            }
        }
        // Each peer asks for what it did not get, one block after the other.
        for (_, peer) in peers.iter_mut().filter(|_| second % 60 == 59) {
            asked += 1;
            peer.write(&Message::GetBlock(Hash([u8::try_from(second / 60).unwrap(); 32])));
        }
        while rig.heard(RoleId::Ledger) > 0 {
            let (link, _) = rig.message(RoleId::Ledger);
            rig.answer(link, &block(50_000));
        }
        rig.pass(1);
        rig.set_window(BYTES_A_SECOND / peers.len());
        for (_, peer) in &mut peers {
            peer.write_bytes(&[]);
        }
        rig.set_window(0);
        for (_, peer) in &mut peers {
            while let Some(message) = peer.try_read() {
                blocks += usize::from(matches!(message, Message::Block(_)));
                answered += usize::from(message == block(50_000));
            }
        }
    }
    assert_eq!(rig.heard(RoleId::Peers), 0, "no link has ended");
    assert!(
        peers.iter().all(|(_, peer)| !peer.is_dropped()) && blocks > 4 && answered > 0,
        "{blocks} blocks, {answered} of {asked}"
    );
    assert_eq!(PeerFault::SendStall.points(), 0, "and a peer behind a line that carries nothing earns no ban");
}

#[test]
fn transactions_are_counted_when_they_leave_whatever_they_answer() {
    let rig = Rig::new();
    let (link, mut peer) = rig.accept_up();
    let transaction = |bytes| Message::Transaction(vec![3; bytes].into());
    rig.set_window(0);
    let asked = limits::SEND_SOFT_BYTES / 5_000;
    (0..10 * asked).for_each(|_| rig.relay(link, &transaction(5_000)));
    assert_eq!(rig.sent_transactions(), 0);
    rig.set_window(usize::MAX);
    peer.write_bytes(&[]);
    let came = std::iter::from_fn(|| peer.try_read()).filter(|message| *message == transaction(5_000)).count();
    assert!((asked..10 * asked).contains(&came), "{came}: what found no room was left out");
    assert_eq!(rig.sent_transactions(), came as u64);
    peer.write(&Message::GetMemoryPool(crate::base::codec::List::truncated([Hash([1; 32])])));
    rig.message(RoleId::Ledger);
    let frames = [100, 5_000].map(|bytes| Frame::new(&transaction(bytes))).to_vec();
    rig.link(LinkAction::Answer { link, request: Kind::GetMemoryPool, frames });
    assert_eq!(rig.sent_transactions(), came as u64 + 2);
}
