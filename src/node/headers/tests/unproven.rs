//! Branches of which only headers came.

use super::*;
use crate::node::notice::ToHeaders;

#[test]
fn headers_that_have_not_brought_a_block_change_nothing_for_a_synced_node() {
    let ours = Chain::new().grow(10, 0);
    let mut rig = synced(&ours);
    let crown = ours.first(5).grow(50, 1);
    rig.up(3, &crown);
    let actions = rig.sync(3, crown.headers(6..=55));
    assert_eq!(wants(&actions), [(5, crown.hashes(6..=55))]);
    rig.sync(3, vec![]);
    assert_eq!((rig.state, counted(&actions)), (SyncState::Synced, vec![]));
    // Blocks on our tip go to the ledger at once, also on top of one that is on its way there; each once.
    let (first, second) = (ours.clone().grow(1, 0), ours.clone().grow(2, 0));
    assert_eq!(passed(&offer(&mut rig, PEER, &first)), [first.tip()]);
    assert_eq!(dropped(&offer(&mut rig, PEER, &first)), [None]);
    assert_eq!(passed(&offer(&mut rig, PEER, &second)), [second.tip()]);
    assert_eq!((counted(&rig.moved(&first)), counted(&rig.moved(&second))), (vec![11], vec![12]));
    assert_eq!(rig.state, SyncState::Synced);
    // No number of them for one tip, though.
    let rivals = (2..100).map(|salt| offer(&mut rig, PEER, &second.clone().grow(1, salt)));
    assert_eq!(rivals.filter(|actions| !passed(actions).is_empty()).count(), MAX_PASSING);
    // The first block of the branch makes it count.
    assert_eq!(counted(&rig.notice(ToHeaders::Delivered)), [55]);
    assert_eq!(rig.state, SyncState::Blocks);
    assert_eq!(passed(&offer(&mut rig, PEER, &second.grow(1, 200))), []);
}

#[test]
fn a_branch_of_mere_headers_makes_room_for_one_with_less_work() {
    let ours = Chain::new().grow(10, 0);
    let mut rig = synced(&ours);
    let liars = ours.first(5).grow(50, 1);
    tell(&mut rig, 3, &liars, 6);
    let honest = ours.first(8).grow(5, 2);
    rig.up(4, &honest);
    let actions = rig.sync(4, honest.headers(9..=13));
    assert_eq!(wants(&actions), []);
    assert_eq!(candidates(&actions), [vec![(8, honest.hashes(9..=13), vec![4])]], "its blocks are asked for, too");
    let actions = overdue(&mut rig, liars.hash(6), false);
    assert_eq!(wants(&actions), [(8, honest.hashes(9..=13))]);
    assert_eq!(candidates(&actions), [vec![(5, liars.hashes(6..=55), vec![3])]], "and those of one set aside");
    // Nor does that one stay for ever.
    assert_eq!(wants(&overdue(&mut rig, honest.hash(9), false)), [(10, vec![])]);
    assert_eq!(rig.state, SyncState::Synced);
    // A block brings it back, and is not asked for again.
    let actions = rig.notice(ToHeaders::CandidateTaken { hash: honest.hash(9) });
    assert_eq!(wants(&actions), [(9, honest.hashes(10..=13))]);
}

/// Found by seed 101101635: with each block of its own a node set a liar's branch aside, and in the same moment the honest
/// one behind it, whose blocks nobody had been asked for.
#[test]
fn the_branch_behind_one_of_mere_headers_gets_its_own_time() {
    let ours = Chain::new().grow(10, 0);
    let mut rig = synced(&ours);
    let liars = ours.first(5).grow(50, 1);
    tell(&mut rig, 3, &liars, 6);
    let honest = ours.first(8).grow(9, 2);
    rig.up(4, &honest);
    assert_eq!(wants(&rig.sync(4, honest.headers(9..=17))), []);
    assert_eq!(wants(&overdue(&mut rig, liars.hash(6), true)), [(8, honest.hashes(9..=17))]);
    let (first, second) = (ours.clone().grow(1, 0), ours.clone().grow(2, 0));
    assert_eq!(wants(&offer(&mut rig, Origin::Miner, &first)), []);
    rig.moved(&first);
    assert_eq!(wants(&offer(&mut rig, Origin::Miner, &second)), []);
    assert_eq!(wants(&overdue(&mut rig, honest.hash(9), false)), [(11, vec![second.tip()])]);
    assert_eq!(rig.state, SyncState::Synced);
}

/// Found by seed 81001841: the block that got ahead of such a branch, long after it had come, was set aside for it.
#[test]
fn a_block_that_gets_ahead_of_mere_headers_is_not_set_aside_in_their_place() {
    let ours = Chain::new().grow(10, 0);
    for overtakes in [false, true] {
        let mut rig = synced(&ours);
        let liars = ours.first(5).grow(6, 1);
        tell(&mut rig, 3, &liars, 6);
        rig.pass(SECOND * 20);
        if !overtakes {
            overdue(&mut rig, liars.hash(6), false);
        }
        let (first, second) = (ours.clone().grow(1, 0), ours.clone().grow(2, 0));
        offer(&mut rig, PEER, &first);
        rig.moved(&first);
        let actions = offer(&mut rig, PEER, &second);
        assert_eq!(wants(&actions), [(11, vec![second.tip()])]);
        assert_eq!(wants(&rig.pass(SECOND * 3)), []);
    }
}

#[test]
fn branches_of_mere_headers_become_the_best_only_so_often_and_grow_only_so_far() {
    let ours = Chain::new().grow(10, 0);
    let mut rig = synced(&ours);
    let mut adopted = 0;
    for n in 1..=20u8 {
        let crown = ours.first(5).grow(50 + usize::from(n), n);
        rig.up(2 + u64::from(n), &crown);
        adopted += wants(&rig.sync(2 + u64::from(n), crown.headers(6..=55 + usize::from(n)))).len();
    }
    assert_eq!(adopted, UNPROVEN_BRANCHES as usize);
    rig.pass(UNPROVEN_INTERVAL);
    let crown = ours.first(5).grow(400, 99);
    rig.up(99, &crown);
    assert_eq!(wants(&rig.sync(99, crown.headers(6..=105))).len(), 1);
    assert_eq!(asked(&rig.sync(99, crown.headers(106..=205))), [0; 0], "enough for headers without a block");
    let other = ours.clone().grow(3, 0);
    assert_eq!(asked(&rig.up(101, &other)), [101], "others are asked all the same");
}

#[test]
fn what_was_missed_below_a_block_is_asked_for_beside_branches_of_mere_headers() {
    let ours = Chain::new().grow(10, 0);
    let mut rig = synced(&ours);
    // Two branches from below our tip, each with more work than all that honest nodes will make.
    for (link, salt) in [(3, 1), (4, 2)] {
        tell(&mut rig, link, &ours.first(5).grow(50 + usize::from(salt), salt), 6);
    }
    // The first honest block was missed, so that the second has no way past them.
    let (first, second) = (ours.clone().grow(1, 0), ours.clone().grow(2, 0));
    tell(&mut rig, 6, &first, 11);
    let actions = offer(&mut rig, PEER, &second);
    assert_eq!((wants(&actions), dropped(&actions)), (vec![], vec![None]));
    let told = candidates(&actions).pop().unwrap();
    assert!(told.contains(&(10, second.hashes(11..=12), vec![1, 6])), "{told:?}");
    rig.moved(&second);
    assert_eq!(rig.state, SyncState::Synced, "{}", rig.reason);
}

#[test]
fn a_branch_beyond_the_allowance_is_a_candidate_until_a_block_of_it_comes() {
    let ours = Chain::new().grow(10, 0);
    let mut rig = synced(&ours);
    for n in 0..UNPROVEN_BRANCHES as u8 {
        tell(&mut rig, 10 + u64::from(n), &ours.first(5).grow(20 + usize::from(n), 1 + n), 6);
    }
    let honest = ours.first(8).grow(60, 99);
    rig.up(99, &honest);
    let actions = rig.sync(99, honest.headers(9..=68));
    assert_eq!(wants(&actions), []);
    assert!(candidates(&actions).concat().iter().any(|(_, _, links)| links == &[99]), "{:?}", candidates(&actions));
    let actions = rig.notice(ToHeaders::CandidateTaken { hash: honest.hash(9) });
    assert_eq!(wants(&actions), [(9, honest.hashes(10..=68))]);
}

#[test]
fn a_peer_that_used_up_its_branches_takes_none_of_those_of_others() {
    let ours = Chain::new().grow(10, 0);
    let mut rig = synced(&ours);
    rig.up(3, &ours);
    let mut told = 0;
    for salt in 1..20u8 {
        rig.notice(ToHeaders::PeerTip { link: LinkId(3), height: 100, tip: Hash([salt; 32]) });
        let crown = ours.first(9).grow(3, salt);
        told += usize::from(!rig.sync(3, crown.headers(10..=12)).is_empty());
        rig.pass(GET_SYNC_QUIET);
    }
    let stored = rig.take_stored().len();
    assert!(stored <= 3 * (BRANCHES_PER_PEER as usize + 2), "{stored} headers of {told} branches");
    tell(&mut rig, 5, &ours.first(8).grow(4, 77), 9);
    assert_eq!(rig.take_stored().len(), 4);
}
