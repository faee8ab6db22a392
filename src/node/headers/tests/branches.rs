//! Which chain is the best: forks, invalid and withheld branches, what memory keeps.

use super::*;
use crate::node::notice::ToHeaders;

#[test]
fn more_work_wins_and_fetch_hears_of_the_fork() {
    let ours = Chain::new().grow(20, 0);
    let mut rig = synced(&ours);
    let fork = ours.first(15).grow(7, 1);
    rig.up(2, &fork);
    let actions = rig.sync(2, fork.headers(14..=22));
    assert_eq!(wants(&actions), [(15, fork.hashes(16..=22))]);
    assert_eq!(rig.take_stored(), fork.hashes(16..=22));
    // And back, in two steps: first a tie, which the first seen wins.
    let tie = ours.clone().grow(2, 0);
    rig.up(4, &tie);
    assert_eq!(wants(&rig.sync(4, tie.headers(21..=22))), []);
    let longer = tie.grow(1, 0);
    rig.up(6, &longer);
    assert_eq!(wants(&rig.sync(6, longer.headers(23..=23))), [(20, longer.hashes(21..=23))]);
}

#[test]
fn a_fork_below_memory_is_found_in_the_archive() {
    let ours = Chain::new().grow(1000, 0);
    let mut rig = synced(&ours);
    let fork = ours.first(100).grow(950, 1);
    rig.up(2, &fork);
    let mut wanted = Vec::new();
    for start in (101..=1050).step_by(100) {
        let end = (start + 99).min(1050);
        let actions = rig.sync(2, fork.headers(start..=end));
        assert_eq!(asked(&actions), if end < 1050 { vec![2] } else { vec![] });
        wanted.extend(wants(&actions));
    }
    assert_eq!(asked(&rig.notice(ToHeaders::Delivered)), [2], "the rest, now that its blocks come");
    // Only the last round has more work than ours: with the one before it the branches are equal.
    assert_eq!(wanted, [(100, fork.hashes(101..=1050))]);
    let (_, locator) = questions(&rig.up(4, &fork)).remove(0);
    assert_eq!(locator[0], fork.tip());
    rig.moved(&fork);
    assert_eq!(rig.role.index.as_ref().unwrap().best_hash(), fork.tip());
}

#[test]
fn an_invalid_branch_is_left_and_never_entered_again() {
    let ours = Chain::new().grow(10, 0);
    let mut rig = synced(&ours);
    let bad = ours.clone().grow(5, 1);
    rig.up(3, &bad);
    rig.sync(3, bad.headers(11..=15));
    rig.commit();
    bad.hashes(12..=15).iter().for_each(|hash| rig.archive.mark(hash, BlockStatus::Invalid));
    let fault = BlockFault::Empty;
    let actions = rig.notice(ToHeaders::BlocksInvalid { hashes: bad.hashes(12..=15), fault: Box::new(fault) });
    assert_eq!(wants(&actions), [(11, vec![])], "what is below the culprit is still the best chain");
    assert_eq!(rig.role.index.as_ref().unwrap().best_hash(), bad.hash(11));
    let longer = bad.clone().grow(1, 1);
    assert_eq!(dropped(&offer(&mut rig, PEER, &longer)).len(), 1);
    let mut rig = {
        rig.up(5, &longer);
        rig
    };
    let actions = rig.sync(5, longer.headers(16..=16));
    assert_eq!(faults(&actions), [(5, PeerFault::InvalidBranch)]);
}

#[test]
fn after_an_invalid_block_the_next_best_branch_is_wanted() {
    let ours = Chain::new().grow(10, 0);
    let mut rig = synced(&ours);
    let second = ours.first(8).grow(4, 2);
    rig.up(2, &second);
    rig.sync(2, second.headers(9..=12));
    let bad = ours.clone().grow(4, 1);
    rig.up(3, &bad);
    assert_eq!(wants(&rig.sync(3, bad.headers(11..=14))), [(10, bad.hashes(11..=14))]);
    rig.commit();
    bad.hashes(11..=14).iter().for_each(|hash| rig.archive.mark(hash, BlockStatus::Invalid));
    let actions =
        rig.notice(ToHeaders::BlocksInvalid { hashes: bad.hashes(11..=14), fault: Box::new(BlockFault::Empty) });
    assert_eq!(wants(&actions), [(8, second.hashes(9..=12))]);
}

#[test]
fn an_interrupted_sync_goes_on_with_the_headers_that_are_stored() {
    let chain = Chain::new().grow(30, 0);
    let archive = FakeArchive::default();
    archive.put(&chain.rows);
    archive.apply(&chain.hash(12));
    let mut rig = Rig::on(setup(), archive);
    let actions = rig.start();
    assert_eq!(wants(&actions), [(12, chain.hashes(13..=30))]);
    assert!(actions.contains(&Action::Report(Report::BestHeader { height: 30, work: chain.work() })));
    rig.moved(&chain.first(12));
    let (_, locator) = questions(&rig.up(1, &chain)).remove(0);
    assert_eq!(locator[0], chain.tip());
}

/// Found by seed 620004059: a node restarted with headers of a branch in its store, and a peer told it of those above. It asked
/// for the bodies of these only, and could not connect them.
#[test]
fn headers_of_a_branch_from_an_earlier_run_have_no_bodies_until_those_come() {
    let ours = Chain::new().grow(10, 0);
    let (best, low, high) = (ours.clone().grow(50, 1), ours.first(5).grow(3, 2), ours.first(5).grow(8, 3));
    let archive = FakeArchive::default();
    [&best, &low, &high].iter().for_each(|chain| archive.put(&chain.rows));
    archive.apply(&ours.tip());
    let mut rig = Rig::on(setup(), archive);
    rig.start();
    rig.moved(&ours);
    let longer = low.grow(4, 2);
    rig.up(1, &longer);
    let told = candidates(&rig.sync(1, longer.headers(9..=12)));
    assert_eq!(told, [[(5, longer.hashes(6..=12), vec![1])]], "its lower headers are stored");
    let told = candidates(&rig.up(3, &high)).remove(0);
    assert!(told.contains(&(5, high.hashes(6..=13), vec![3])), "all of them are: {told:?}");
}

#[test]
fn a_branch_that_nobody_delivers_is_set_aside_for_a_while() {
    let ours = Chain::new().grow(10, 0);
    let mut rig = synced(&ours);
    let withheld = ours.clone().grow(50, 1);
    rig.up(3, &withheld);
    rig.sync(3, withheld.headers(11..=60));
    rig.sync(3, vec![]);
    let honest = ours.clone().grow(1, 0);
    assert_eq!(passed(&offer(&mut rig, PEER, &honest)), [honest.tip()]);
    let actions = rig.notice(ToHeaders::Overdue { hash: withheld.hash(11), nowhere: true });
    assert_eq!(wants(&actions), [(10, vec![honest.tip()])]);
    rig.moved(&honest);
    assert_eq!(rig.state, SyncState::Synced);
    // More of it from who told it does not bring it back.
    let longer = withheld.clone().grow(1, 1);
    assert_eq!(wants(&offer(&mut rig, Origin::Link(LinkId(3)), &longer)), []);
    // Time does, and the second time it is set aside for longer.
    assert_eq!(wants(&rig.pass(WITHHELD_FIRST)), [(10, longer.hashes(11..=61))]);
    rig.notice(ToHeaders::Overdue { hash: withheld.hash(11), nowhere: true });
    assert_eq!(wants(&rig.pass(WITHHELD_FIRST)), []);
    // And so does the block itself.
    assert_eq!(wants(&offer(&mut rig, PEER, &withheld.first(11))), [(10, longer.hashes(11..=61))]);
}

/// Found by seed 100101900: a miner that had crashed started among several such branches, waited for one after the other,
/// and did not mine for five minutes.
#[test]
fn a_node_that_starts_among_branches_that_nobody_delivers_waits_for_one_of_them_only() {
    let ours = Chain::new().grow(10, 0);
    let (first, second) = (ours.clone().grow(60, 1), ours.clone().grow(50, 2));
    let archive = FakeArchive::default();
    archive.put(&first.rows);
    archive.apply(&ours.tip());
    let mut rig = Rig::on(setup(), archive);
    rig.start();
    rig.moved(&ours);
    rig.up(1, &ours);
    rig.sync(1, vec![]);
    rig.up(2, &second);
    rig.sync(2, second.headers(11..=60));
    rig.sync(2, vec![]);
    assert_eq!(rig.state, SyncState::Blocks);
    let actions = rig.notice(ToHeaders::Overdue { hash: first.hash(11), nowhere: true });
    assert_eq!(wants(&actions), [(10, second.hashes(11..=60))]);
    assert_eq!(rig.state, SyncState::Synced, "with what there is");
    // Once a block of it comes, it counts.
    rig.notice(ToHeaders::Delivered);
    assert_eq!(rig.state, SyncState::Blocks);
}

/// Found by seed 99302032: a liar told the headers of the branch that all others worked on, kept its blocks back, and went
/// away; for two minutes, and the next time for four, nothing that the others made on it changed anything.
#[test]
fn a_branch_that_was_set_aside_gets_a_chance_when_somebody_else_makes_blocks_on_it() {
    let ours = Chain::new().grow(10, 0);
    let mut rig = synced(&ours);
    let branch = ours.first(5).grow(20, 1);
    rig.up(3, &branch);
    rig.sync(3, branch.headers(6..=25));
    rig.sync(3, vec![]);
    rig.notice(ToHeaders::Overdue { hash: branch.hash(6), nowhere: true });
    rig.up(5, &branch);
    let longer = branch.clone().grow(1, 1);
    assert_eq!(wants(&offer(&mut rig, Origin::Link(LinkId(5)), &longer)).first(), Some(&(5, branch.hashes(6..=25))));
}

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

/// A rig whose peer 1 told these headers, too, which have less work than the best.
fn tell(rig: &mut Rig, link: u64, branch: &Chain, from: usize) {
    rig.up(link, branch);
    rig.sync(link, branch.headers(from..=branch.rows.len() - 1));
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
fn a_branch_whose_blocks_come_is_not_set_aside_for_a_block_on_our_tip() {
    let ours = Chain::new().grow(10, 0);
    let mut rig = synced(&ours);
    let longer = ours.first(5).grow(50, 1);
    rig.up(3, &longer);
    rig.sync(3, longer.headers(6..=55));
    rig.sync(3, vec![]);
    for height in 6..20u8 {
        rig.pass(SECOND * 2);
        rig.notice(ToHeaders::Delivered);
        assert_eq!(wants(&offer(&mut rig, PEER, &ours.clone().grow(1, height))), []);
    }
}

/// Found by seed 60009716: after a partition a block of our own branch came just after the other's headers, long after
/// the last block, and set them aside before anybody was asked for their blocks; and so again when they were released.
#[test]
fn no_block_of_ours_sets_a_branch_aside_that_is_not_overdue() {
    let ours = Chain::new().grow(10, 0);
    let mut rig = synced(&ours);
    let crown = |salt: u8| ours.first(5).grow(50 + usize::from(salt), salt);
    rig.pass(SECOND * 600);
    tell(&mut rig, 3, &crown(1), 6);
    // Each on top of one that was missed.
    tell(&mut rig, 4, &ours.clone().grow(1, 0), 11);
    for salt in 2..=4u8 {
        rig.pass(SECOND * 4);
        assert_eq!(wants(&offer(&mut rig, PEER, &ours.clone().grow(usize::from(salt), 0))), []);
        tell(&mut rig, 10 + u64::from(salt), &crown(salt), 6);
    }
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

#[test]
fn an_applied_block_is_never_set_aside() {
    let ours = Chain::new().grow(10, 0);
    let mut rig = synced(&ours);
    assert_eq!(wants(&rig.notice(ToHeaders::Overdue { hash: ours.hash(10), nowhere: true })), []);
}

#[test]
fn memory_keeps_a_window_and_all_that_is_not_committed() {
    let chain = Chain::new().grow(3000, 0);
    let mut rig = asking(&chain);
    for start in (1..=3000).step_by(100) {
        rig.sync(1, chain.headers(start..=start + 99));
    }
    assert_eq!(rig.role.index.as_ref().unwrap().in_memory(), 3001);
    rig.moved(&chain.first(1000));
    assert_eq!(rig.role.index.as_ref().unwrap().in_memory(), 2001 + HEADERS_BEHIND as usize);
    rig.moved(&chain);
    assert_eq!(rig.role.index.as_ref().unwrap().in_memory(), 1 + HEADERS_BEHIND as usize);
    assert_eq!(rig.role.index.as_ref().unwrap().hash_at(7), Ok(Some(chain.hash(7))));
}
