//! Who is asked for what, and how much.

use super::*;
use crate::node::notice::{ToFetch, ToHeaders};

#[test]
fn tiny_blocks_too_come_from_all_peers() {
    let mut rig = Rig::new(40, &[1, 2, 3, 4]);
    assert!((1..=4).all(|link| rig.waiting(link) == PEER_WINDOW_FIRST), "{:?}", rig.open);
    rig.run(&[]);
    let deliveries = rig.deliveries();
    assert_eq!(deliveries.iter().map(|delivery| delivery.blocks).sum::<u64>(), 40);
    assert!(deliveries.iter().all(|delivery| delivery.blocks >= 4 && delivery.in_flight == 0), "{deliveries:?}");
    assert_eq!(rig.role.completions(), Completions { asked: 40, blocks: 40, ..Completions::default() });
}

#[test]
fn a_peer_s_window_grows_with_what_it_delivers_up_to_its_limit() {
    let mut rig = Rig::new(500, &[1]);
    assert_eq!(rig.waiting(1), PEER_WINDOW_FIRST);
    rig.answer(1);
    assert_eq!(rig.waiting(1), PEER_WINDOW_FIRST + 1);
    (0..50).for_each(|_| drop(rig.answer(1)));
    assert_eq!(rig.waiting(1), BLOCKS_IN_FLIGHT_PER_PEER);
}

#[test]
fn on_a_long_line_more_is_asked_for_than_on_a_short_one_up_to_a_limit() {
    let mut rig = Rig::new(8000, &[1]);
    let mut most = 0;
    for _ in 0..30 {
        rig.pass(Duration::from_millis(200));
        (0..rig.waiting(1)).for_each(|_| drop(rig.answer(1)));
        rig.taken_all();
        most = most.max(rig.waiting(1));
    }
    assert_eq!(most, PEER_WINDOW_MOST);
}

#[test]
fn no_more_than_the_overall_limit_is_in_flight() {
    let peers: Vec<u64> = (1..=12).collect();
    let mut rig = Rig::new(8000, &peers);
    let mut most = 0;
    // A long line, on which all that was asked for comes at once after a while.
    for _ in 0..12 {
        rig.pass(Duration::from_millis(200));
        for link in &peers {
            (0..rig.waiting(*link)).for_each(|_| drop(rig.answer(*link)));
            most = most.max(rig.role.peers.in_flight());
        }
        rig.taken_all();
    }
    assert_eq!(most, BLOCKS_IN_FLIGHT);
}

#[test]
fn nothing_beyond_the_window_is_asked_for() {
    let mut rig = Rig::new(3000, &[1, 2]);
    let top = u32::try_from(FETCH_WINDOW).unwrap();
    // Peer 2 never answers: the window stays where its first block is. No time passes.
    while rig.waiting(1) > 0 {
        rig.answer(1);
    }
    let asked = rig.role.completions().asked;
    assert!((asked as usize) <= FETCH_WINDOW, "{asked}");
    assert!(rig.role.window.slot(top).unwrap().body != crate::node::fetch::window::Body::Missing);
    assert!(rig.role.window.slot(top + 1).unwrap().body == crate::node::fetch::window::Body::Missing);
}

#[test]
fn the_ledger_s_progress_is_passed_on() {
    let mut rig = Rig::new(200, &[1]);
    let height = |actions: &[Action]| {
        actions.iter().find_map(|action| match action {
            Action::Tell(Notice::Headers(ToHeaders::Fetched { height })) => Some(*height),
            _ => None,
        })
    };
    assert_eq!(height(&rig.taken(1..=63)), None);
    assert_eq!(height(&rig.taken(64..=64)), Some(64));
    assert_eq!(height(&rig.taken(65..=199)), Some(199));
    assert_eq!(height(&rig.taken(200..=200)), Some(200), "at the end at once");
}

#[test]
fn absent_asks_another_peer_and_pauses_when_nobody_is_left() {
    let mut rig = Rig::new(1, &[1, 2]);
    let absent = Message::Absent(hash(1));
    assert_eq!(rig.waiting(1), 1);
    assert_eq!(requests(&rig.receive(1, &absent)), [(2, hash(1))]);
    assert_eq!(requests(&rig.receive(2, &absent)), []);
    assert_eq!(requests(&rig.pass(ABSENT_RETRY)).len(), 1);
    assert_eq!(rig.role.completions().absent, 2);
    let actions = rig.receive(2, &absent);
    assert_eq!(faults(&actions), [(2, PeerFault::Unexpected(Kind::Absent))], "it was peer 1's turn");
}

/// Found by seed 600001785: an honest peer did not have a block at first, and was never asked again, because another peer
/// owed the block.
#[test]
fn a_peer_that_did_not_have_a_block_is_asked_again_once_it_shows_that_block_or_a_higher_one() {
    for tip in [1, 2] {
        let mut rig = Rig::new(2, &[1, 2]);
        // Peer 1 owes block 1, and peer 2 has nothing.
        rig.receive(2, &Message::Absent(hash(2)));
        assert_eq!(requests(&rig.pass(BULK_HEDGE))[0], (2, hash(1)));
        rig.receive(2, &Message::Absent(hash(1)));
        assert_eq!(rig.waiting(2), 2, "both answered");
        assert_eq!(requests(&rig.pass(SECOND)), []);
        let actions = rig.notice(ToFetch::PeerTip { link: LinkId(2), height: tip, tip: hash(tip) });
        let asked: Vec<Hash> = requests(&actions).into_iter().map(|(_, hash)| hash).collect();
        assert!(asked.contains(&hash(1)), "{asked:?}");
    }
}

#[test]
fn peers_that_did_not_have_the_lowest_block_are_asked_again_while_another_owes_it() {
    let mut rig = Rig::new(2, &[1, 2, 3]);
    let owes = rig.open.iter().find(|(_, open)| open.contains(&hash(1))).map(|(link, _)| *link).unwrap();
    for _ in 0..3 {
        for link in [1, 2, 3].into_iter().filter(|link| *link != owes) {
            while let Some(hash) = rig.open.get(&link).and_then(|open| open.first().copied()) {
                rig.open.get_mut(&link).unwrap().remove(0);
                rig.receive(link, &Message::Absent(hash));
            }
        }
        let actions = rig.pass(ABSENT_RETRY);
        let mut asked: Vec<u64> =
            requests(&actions).into_iter().filter(|(_, of)| *of == hash(1)).map(|(link, _)| link).collect();
        asked.sort_unstable();
        asked.dedup();
        assert_eq!(asked.len(), 2, "{asked:?}");
    }
}

/// Found by seed 600001785: while a peer owed other blocks, nobody was asked for the one that the ledger waited for.
#[test]
fn the_block_that_the_ledger_waits_for_is_asked_even_of_a_busy_peer() {
    let mut rig = Rig::new(40, &[1, 2]);
    assert_eq!((rig.waiting(1), rig.waiting(2)), (PEER_WINDOW_FIRST, PEER_WINDOW_FIRST));
    let (first, other) = if rig.open[&1].contains(&hash(1)) { (1, 2) } else { (2, 1) };
    rig.down(first);
    assert!(rig.open[&other].contains(&hash(1)), "{:?}", rig.open);
    assert_eq!(rig.waiting(other), PEER_WINDOW_FIRST + 1);
}

#[test]
fn a_new_peer_ends_the_pause() {
    let mut rig = Rig::new(1, &[1]);
    rig.receive(1, &Message::Absent(hash(1)));
    assert_eq!(requests(&rig.up(2, 1)).len(), 1);
}

#[test]
fn whoever_claims_to_have_a_block_is_preferred_and_if_nobody_does_all_are_tried() {
    let mut rig = Rig::new(0, &[]);
    rig.up(1, 0);
    rig.up(2, 9);
    assert_eq!(requests(&rig.want(0, vec![hash(1)])), [(2, hash(1))]);
    rig.notice(ToFetch::PeerTip { link: LinkId(2), height: 0, tip: Hash::ZERO });
    rig.notice(ToFetch::PeerTip { link: LinkId(1), height: 2, tip: Hash::ZERO });
    assert_eq!(requests(&rig.want(1, vec![hash(2)])), [(1, hash(2))]);
    assert_eq!(requests(&rig.want(2, vec![hash(3)])).len(), 1);
}

#[test]
fn a_lost_peer_s_requests_go_to_others() {
    let mut rig = Rig::new(8, &[1, 2]);
    assert_eq!((rig.waiting(1), rig.waiting(2)), (4, 4));
    rig.run(&[1]);
    assert_eq!(rig.waiting(2), 0);
    rig.down(1);
    assert_eq!(rig.waiting(2), 4);
    rig.run(&[]);
    assert_eq!(rig.role.completions(), Completions { asked: 12, blocks: 8, lost: 4, ..Completions::default() });
}

#[test]
fn bodies_are_bounded_by_bytes_but_for_the_one_that_the_ledger_waits_for() {
    let mut rig = Rig::new(60, &[1, 2, 3, 4]);
    let large = 1_000_000;
    // The first blocks show how large they are; from then on fewer are asked for. Block 1 is peer 1's.
    for link in [2, 3, 4, 2, 3, 4, 2, 3, 4] {
        rig.answer_with(link, large);
        assert!(rig.role.window.held() <= FETCH_BYTES);
    }
    assert_eq!(rig.role.window.held(), FETCH_BYTES / large * large);
    assert_eq!(rig.role.completions().asked, 16, "nothing more is asked for");
    let actions = rig.answer_with(1, large);
    assert_eq!(checked(&actions).len(), 1, "the next one always has room");
    rig.taken(1..=3);
    rig.run_with(&[], large);
    assert_eq!((rig.role.window.base(), rig.role.window.held()), (61, 0), "and so everything arrives");
    let wasted = rig.role.completions().blocks - 60;
    assert!(wasted <= 13, "only what was under way before their size was known was asked for twice: {wasted}");
}

#[test]
fn bodies_that_come_in_order_from_one_peer_are_bounded_by_bytes_too() {
    let mut rig = Rig::new(60, &[1]);
    let large = FETCH_BYTES / 16;
    while rig.waiting(1) > 0 {
        rig.answer_with(1, large);
        assert!(rig.role.window.held() <= FETCH_BYTES);
    }
    assert_eq!(rig.role.window.held(), FETCH_BYTES);
    rig.taken(1..=1);
    assert_eq!(rig.waiting(1), 1, "what had no room is asked for again, of the same peer, when there is room");
}

#[test]
fn a_large_download_waits_a_moment_for_more_peers_unless_they_are_all_there() {
    let fetch = Fetch::new(&Setup { connect: vec![], ..setup() }, Rng::from_number(1));
    let mut rig = Rig::new(0, &[]);
    rig.role = Fetch { size: BodySize::SMALL, ..fetch };
    rig.up(1, 500);
    let hashes: Vec<Hash> = (1..=500).map(hash).collect();
    assert_eq!(requests(&rig.want(0, hashes.clone())), []);
    rig.up(2, 500);
    let mut other = Rig::new(0, &[]);
    other.role = Fetch::new(&Setup { connect: vec![], ..setup() }, Rng::from_number(1));
    other.role.size = BodySize::SMALL;
    other.up(1, 500);
    other.want(0, hashes);
    assert_eq!(requests(&rig.up(3, 500)).len(), 3 * PEER_WINDOW_FIRST);
    assert_eq!(requests(&other.pass(GATHER_TIME)).len(), PEER_WINDOW_FIRST, "but not for long");
}

#[test]
fn the_first_block_of_what_is_wanted_is_told_and_then_one_a_second() {
    let mut rig = Rig::new(10, &[1, 2]);
    let delivered =
        |actions: &[Action]| told(actions, |notice| matches!(notice, Notice::Headers(ToHeaders::Delivered)));
    rig.answer(1);
    assert_eq!(delivered(&rig.taken(1..=1)), 1);
    assert_eq!(delivered(&rig.taken(2..=2)), 0, "no need to say it for each");
    rig.pass(SECOND);
    assert_eq!(delivered(&rig.taken(3..=3)), 1);
    let rival = block(4, 7, 0);
    rig.want(3, vec![hash_of(&rival)]);
    assert_eq!(delivered(&rig.taken(4..=4)), 0, "of another branch");
    assert_eq!(delivered(&rig.notice(ToFetch::BodiesTaken { blocks: vec![(4, hash_of(&rival))] })), 1);
}
