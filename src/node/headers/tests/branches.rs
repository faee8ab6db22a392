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

/// An operator of a test chain undoes blocks of the applied chain, and wants them back.
#[test]
fn applied_blocks_can_be_set_aside_and_taken_back() {
    let ours = Chain::new().grow(40, 0);
    let mut rig = synced(&ours);
    let lower = ours.first(10);
    rig.moved(&lower);
    let back = ours.hashes(11..=40);
    back.iter().for_each(|hash| rig.archive.mark(hash, BlockStatus::Invalid));
    let fault = Box::new(BlockFault::SetAside);
    let actions = rig.notice(ToHeaders::BlocksInvalid { hashes: back.clone(), fault });
    assert_eq!(wants(&actions), [(10, vec![])], "nothing above is wanted");
    assert_eq!(rig.role.index.as_ref().unwrap().best_hash(), lower.tip());
    assert!(rig.role.index.as_ref().unwrap().all_applied());
    let other = lower.clone().grow(2, 1);
    rig.up(2, &other);
    assert_eq!(wants(&rig.sync(2, other.headers(11..=12))), [(10, other.hashes(11..=12))]);
    back.iter().for_each(|hash| rig.archive.mark(hash, BlockStatus::Stored));
    let rows = ours.rows[11..=40].to_vec();
    let actions = rig.notice(ToHeaders::BlocksValidAgain(rows));
    assert_eq!(wants(&actions), [(40, vec![])], "all bodies are here");
    assert_eq!(rig.role.index.as_ref().unwrap().best_hash(), ours.tip());
}

/// A node that had just started undid what a kill had broken off. The store said that blocks were set aside before this role had
/// heard of it; it took the ledger for damaged when a block on top of them came.
#[test]
fn the_store_may_know_that_blocks_are_set_aside_before_this_role_hears_of_it() {
    let ours = Chain::new().grow(54, 0);
    let mut rig = synced(&ours);
    let aside = ours.hashes(51..=54);
    aside.iter().for_each(|hash| rig.archive.mark(hash, BlockStatus::Invalid));
    let above = ours.clone().grow(1, 1);
    offer(&mut rig, PEER, &above);
    let lower = ours.first(50);
    rig.moved(&lower);
    let fault = Box::new(BlockFault::SetAside);
    rig.notice(ToHeaders::BlocksInvalid { hashes: aside, fault });
    let index = rig.role.index.as_ref().unwrap();
    assert_eq!((index.best_hash(), index.all_applied()), (lower.tip(), true));
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
