//! Branches whose bodies stop coming, and blocks that go past them.

use super::*;
use crate::wire::message::{SERVICES, pruned_services};

/// A synced node with a branch of `ahead` headers on its tip, whose first block has come and is applied.
fn half_withheld(ahead: usize) -> (Chain, Chain, Rig) {
    let ours = Chain::new().grow(10, 0);
    let mut rig = synced(&ours);
    let branch = ours.clone().grow(ahead, 1);
    rig.up(3, &branch);
    rig.sync(3, branch.headers(11..=10 + ahead));
    rig.sync(3, vec![]);
    rig.notice(ToHeaders::Delivered);
    rig.moved(&branch.first(11));
    (ours, branch, rig)
}

#[test]
fn a_synced_node_sets_a_half_delivered_branch_aside_as_soon_as_it_is_overdue() {
    for nowhere in [false, true] {
        let (ours, branch, mut rig) = half_withheld(40);
        assert_eq!(rig.state, SyncState::Blocks);
        let actions = overdue(&mut rig, branch.hash(12), nowhere);
        assert_eq!((wants(&actions), counted(&actions)), (vec![(11, vec![])], vec![11]));
        assert_eq!(rig.state, SyncState::Synced, "{}", rig.reason);
        // The honest chain is the best one again as soon as it has more work than the block that came.
        let honest = ours.grow(2, 0);
        offer(&mut rig, PEER, &honest.first(11));
        assert_eq!(wants(&offer(&mut rig, PEER, &honest)), [(10, honest.hashes(11..=12))]);
        // A body of the branch makes it count again.
        let actions = offer(&mut rig, PEER, &branch.first(13));
        assert_eq!(wants(&actions), [(11, branch.hashes(12..=50))]);
    }
}

#[test]
fn what_comes_in_time_is_not_overdue() {
    let (_, branch, mut rig) = half_withheld(40);
    rig.down(3);
    rig.down(1);
    rig.up(5, &branch);
    assert_eq!(wants(&overdue(&mut rig, branch.hash(12), false)), [], "there is no other chain yet");
    rig.notice(ToHeaders::Delivered);
    rig.up(7, &branch.first(10).grow(3, 2));
    assert_eq!(wants(&rig.sync(7, branch.first(10).grow(3, 2).headers(11..=13))), []);
}

#[test]
fn a_node_that_was_not_synced_leaves_an_overdue_branch_only_for_another_one() {
    let ours = Chain::new().grow(10, 0);
    let mut rig = Rig::new(&ours);
    let branch = ours.clone().grow(40, 1);
    rig.up(3, &branch);
    rig.sync(3, branch.headers(11..=50));
    assert_eq!(wants(&overdue(&mut rig, branch.hash(11), true)), []);
    assert_eq!(wants(&rig.pass(SECOND * 20)), []);
    let other = ours.clone().grow(5, 2);
    rig.up(5, &other);
    let wanted = wants(&rig.sync(5, other.headers(11..=15)));
    assert_eq!(wanted, [(10, other.hashes(11..=15))], "at once");
    // Those that come after it in work do not get a time of their own.
    assert_eq!(wants(&overdue(&mut rig, other.hash(11), true)), [(10, vec![])]);
}

/// Found by seed 600002205: seven peers told a node that had just started of deep branches and delivered a part of each. The
/// node was at the tip of its honest peer, and not synced for five minutes.
#[test]
fn a_branch_that_trickles_in_keeps_a_node_that_has_just_started_from_being_synced_for_a_bounded_time() {
    let ours = Chain::new().grow(10, 0);
    let mut rig = Rig::new(&ours);
    let branch = ours.first(5).grow(60, 1);
    rig.up(3, &branch);
    rig.sync(3, branch.headers(6..=65));
    rig.sync(3, vec![]);
    rig.up(1, &ours);
    rig.sync(1, vec![]);
    let mut seconds = 0;
    for _ in 0..30 {
        rig.notice(ToHeaders::Delivered);
        rig.pass(SECOND);
        seconds += u64::from(rig.state != SyncState::Synced);
    }
    assert_eq!(rig.state, SyncState::Synced, "{}", rig.reason);
    assert!(seconds <= COUNTED_FOR.as_secs(), "{seconds}");
}

/// Found by seed 600002205: two branches had blocks in common, which had come. `fetch` tells that only now and then, and the
/// second branch counted as if a block of its own had come, too.
#[test]
fn a_branch_with_blocks_in_common_with_one_that_was_set_aside_counts_no_more_than_others() {
    let ours = Chain::new().grow(10, 0);
    let mut rig = Rig::new(&ours);
    let common = ours.first(5).grow(10, 1);
    for (link, count) in [(3, 40), (5, 30)] {
        let branch = common.clone().grow(count, u8::try_from(count).unwrap());
        rig.up(link, &branch);
        rig.sync(link, branch.headers(6..=15 + count));
        rig.sync(link, vec![]);
    }
    rig.up(1, &ours);
    rig.sync(1, vec![]);
    rig.notice(ToHeaders::Delivered);
    assert_eq!(rig.state, SyncState::Blocks, "{}", rig.reason);
    let first = common.clone().grow(40, 40);
    let second = common.grow(30, 30);
    assert_eq!(wants(&overdue(&mut rig, first.hash(16), false)), [(15, second.hashes(16..=45))]);
    assert_eq!(rig.state, SyncState::Synced, "{}", rig.reason);
}

#[test]
fn who_denies_a_block_that_it_announced_loses_its_link() {
    let ours = Chain::new().grow(10, 0);
    let mut rig = synced(&ours);
    let branch = ours.clone().grow(40, 1);
    rig.up(3, &branch);
    rig.sync(3, branch.headers(11..=50));
    let deny = |rig: &mut Rig, link: u64, hash| {
        let asked = rig.now.mono;
        faults(&rig.notice(ToHeaders::Denied { link: LinkId(link), hash, asked }))
    };
    assert_eq!(deny(&mut rig, 1, branch.hash(12)), [], "it never spoke of it");
    assert_eq!(deny(&mut rig, 3, ours.clone().grow(1, 7).tip()), [], "nor did this one of another branch");
    assert_eq!(deny(&mut rig, 3, branch.hash(12)), [(3, PeerFault::BrokenPromise)]);
    assert_eq!(deny(&mut rig, 3, branch.hash(13)), [], "once");
    // Whoever repeats headers that are known promises the bodies, too.
    rig.up(5, &branch);
    rig.sync(5, branch.headers(11..=20));
    assert_eq!(deny(&mut rig, 5, branch.hash(21)), []);
    assert_eq!(deny(&mut rig, 5, branch.hash(20)), [(5, PeerFault::BrokenPromise)]);
}

/// A pruned peer may have let go of an old block since it told the header: of one that it did not state to keep, or not
/// much longer. Of the last ones nobody lets go.
#[test]
fn a_pruned_peer_may_deny_an_old_block_that_it_did_not_state_to_keep_and_none_of_the_last() {
    let ours = Chain::new().grow(10, 0);
    let branch = ours.clone().grow(250, 1);
    let rig_with = |from: u32| {
        let mut rig = synced(&ours);
        rig.up_with(3, &branch, |peer| peer.services = pruned_services(SERVICES, from));
        rig.sync(3, branch.headers(11..=110));
        rig.sync(3, branch.headers(111..=210));
        rig.sync(3, branch.headers(211..=260));
        rig.pass(Duration::from_millis(10));
        rig
    };
    let deny = |rig: &mut Rig, height| {
        let asked = rig.now.mono;
        faults(&rig.notice(ToHeaders::Denied { link: LinkId(3), hash: branch.hash(height), asked }))
    };
    let mut rig = rig_with(61);
    assert_eq!(deny(&mut rig, 11), []);
    assert_eq!(deny(&mut rig, 160), []);
    assert_eq!(deny(&mut rig, 161), [(3, PeerFault::BrokenPromise)]);
    // New blocks may have come, and its answer be younger than what it told.
    let mut rig = rig_with(161);
    assert_eq!(deny(&mut rig, 168), []);
    assert_eq!(deny(&mut rig, 169), [(3, PeerFault::BrokenPromise)]);
    // What it states to keep, with room for what it may have let go of meanwhile.
    let mut rig = rig_with(20);
    assert_eq!(deny(&mut rig, 119), []);
    assert_eq!(deny(&mut rig, 120), [(3, PeerFault::BrokenPromise)]);
}

/// Found by simulated seed 209: a node had 200 headers, and its peer let go of block 163 when it came to 263.
#[test]
fn a_pruned_peer_may_deny_a_block_near_the_last_known_header_if_its_own_tip_is_far_above() {
    let ours = Chain::new();
    let branch = ours.clone().grow(262, 1);
    let mut rig = Rig::new(&ours);
    rig.up_with(3, &branch, |peer| peer.services = pruned_services(SERVICES, 162));
    rig.sync(3, branch.headers(1..=100));
    rig.sync(3, branch.headers(101..=200));
    rig.pass(Duration::from_millis(10));
    let asked = rig.now.mono;
    let denied = ToHeaders::Denied { link: LinkId(3), hash: branch.hash(163), asked };
    assert_eq!(faults(&rig.notice(denied)), []);
}

/// A node that had counted as synced where others begin, too, hears of the network's chain from a peer that is pruned.
fn among_pruned(links: &[u64]) -> (Chain, Rig) {
    let ours = Chain::new();
    let mut rig = synced(&ours);
    let branch = ours.grow(250, 1);
    for link in links {
        rig.up_with(*link, &branch, |peer| peer.services = pruned_services(SERVICES, 151));
        rig.sync(*link, branch.headers(1..=100));
        rig.sync(*link, branch.headers(101..=200));
        rig.sync(*link, branch.headers(201..=250));
        rig.sync(*link, vec![]);
    }
    (branch, rig)
}

#[test]
fn a_chain_whose_blocks_no_peer_keeps_any_more_is_the_best_and_the_node_is_not_synced() {
    let (branch, mut rig) = among_pruned(&[3]);
    assert_ne!(rig.state, SyncState::Synced, "{}", rig.reason);
    // Whatever `fetch` tells: the other peer at genesis is no reason to stay there.
    for nowhere in [false, true] {
        assert_eq!(wants(&overdue(&mut rig, branch.hash(1), nowhere)), []);
        assert_eq!(wants(&rig.pass(SECOND * 100)), []);
        assert_ne!(rig.state, SyncState::Synced, "{}", rig.reason);
    }
    // Somebody has the blocks, and stops in the middle: that is something else.
    rig.moved(&branch.first(199));
    overdue(&mut rig, branch.hash(200), true);
    assert_eq!(wants(&rig.pass(SECOND * 40)), [(199, vec![])]);
}

#[test]
fn a_chain_that_was_set_aside_is_back_once_a_pruned_peer_shows_it() {
    let ours = Chain::new();
    let mut rig = synced(&ours);
    let branch = ours.grow(150, 1);
    tell(&mut rig, 3, &branch.first(100), 1);
    rig.sync(3, branch.headers(101..=150));
    assert_ne!(wants(&overdue(&mut rig, branch.hash(1), true)), []);
    assert_eq!(rig.state, SyncState::Synced, "{}", rig.reason);
    let actions = rig.up_with(5, &branch, |peer| peer.services = pruned_services(SERVICES, 51));
    assert_eq!(wants(&actions), [(0, branch.hashes(1..=150))]);
    assert_ne!(rig.state, SyncState::Synced, "{}", rig.reason);
}

/// Found by the simulator: the answer to a question from before a header arrived was taken for a broken promise.
#[test]
fn a_promise_counts_from_its_arrival() {
    let ours = Chain::new().grow(10, 0);
    let mut rig = synced(&ours);
    let branch = ours.clone().grow(150, 1);
    rig.up(3, &branch);
    let before = rig.now.mono;
    rig.pass(Duration::from_millis(10));
    rig.sync(3, branch.headers(11..=110));
    let deny = |rig: &mut Rig, height, asked| {
        faults(&rig.notice(ToHeaders::Denied { link: LinkId(3), hash: branch.hash(height), asked }))
    };
    assert_eq!(deny(&mut rig, 11, before), [], "it did not have the block when it was asked");
    let first = rig.now.mono;
    rig.pass(Duration::from_millis(10));
    rig.sync(3, branch.headers(111..=150));
    assert_eq!(deny(&mut rig, 111, first), [], "of the first part only those below were promised");
    assert_eq!(deny(&mut rig, 11, first), [(3, PeerFault::BrokenPromise)], "more promises take none back");
}

/// Found by the law of liveness: after a restart a node waited half a minute and more for the rest of a branch that it had
/// stored and nobody delivered, while all its peers were at its own tip.
#[test]
fn a_node_that_was_not_synced_leaves_an_overdue_branch_for_a_tip_that_as_many_peers_have() {
    let ours = Chain::new().grow(10, 0);
    let branch = ours.clone().grow(40, 1);
    for liars in [1, 2] {
        let mut rig = Rig::new(&ours);
        for n in 0..liars {
            rig.up(3 + 2 * n, &branch);
            rig.sync(3 + 2 * n, branch.headers(11..=50));
        }
        rig.up(9, &ours);
        let left = if liars == 1 { vec![(10, vec![])] } else { vec![] };
        assert_eq!(wants(&overdue(&mut rig, branch.hash(11), false)), left);
    }
}

#[test]
fn a_rival_of_the_tip_is_stored_and_its_child_goes_to_the_ledger_past_the_best_chain() {
    let (ours, _, mut rig) = half_withheld(40);
    let honest = ours.grow(2, 0);
    assert_eq!(passed(&offer(&mut rig, PEER, &honest.first(11))), [honest.hash(11)]);
    rig.commit();
    rig.archive.mark(&honest.hash(11), BlockStatus::Stored);
    rig.pass(SECOND * 6);
    assert_eq!(passed(&offer(&mut rig, PEER, &honest)), [honest.hash(12)]);
    rig.moved(&honest);
    let deeper = honest.first(9).grow(1, 5);
    assert_eq!(dropped(&offer(&mut rig, PEER, &deeper)), [None], "it has less work");
}

/// A synced node at genesis whose peer 3 told 600 headers, the first of which was overdue after 200, and then one page
/// more than it may tell of a branch without blocks.
fn turned_away(chain: &Chain) -> Rig {
    let mut rig = synced(&Chain::new());
    assert_eq!(asked(&rig.up(3, chain)), [3]);
    rig.sync(3, chain.headers(1..=100));
    assert_eq!(asked(&rig.sync(3, chain.headers(101..=200))), [0; 0], "enough for headers without a block");
    assert_eq!(asked(&overdue(&mut rig, chain.hash(1), false)), [3]);
    for start in (201..=501).step_by(100) {
        assert_eq!(asked(&rig.sync(3, chain.headers(start..=start + 99))), [3]);
    }
    let actions = rig.sync(3, chain.headers(601..=700));
    assert_eq!((asked(&actions), candidates(&actions)), (vec![], vec![]), "it remains a source of the blocks");
    assert_eq!(rig.take_stored().last(), Some(&chain.hash(600)));
    rig.archive.put(&chain.rows[..=600]);
    rig
}

/// Found by the hostile tests on a loaded host: the first block took 2 s, and the node said `synced` at height 600 of 1,000.
#[test]
fn a_peer_whose_headers_were_ignored_is_asked_again_once_their_branch_is_delivered() {
    let chain = Chain::new().grow(1000, 0);
    let mut rig = turned_away(&chain);
    let actions = rig.notice(ToHeaders::CandidateTaken { hash: chain.hash(1) });
    assert_eq!((wants(&actions).len(), asked(&actions)), (1, vec![]), "a block that is here may still be invalid");
    let actions = rig.moved(&chain.first(1));
    assert_eq!(asked(&actions), [3]);
    assert_eq!(questions(&actions)[0].1[0], chain.hash(600));
    assert_eq!(asked(&rig.moved(&chain.first(2))), [0; 0], "once");
    let mut actions = rig.sync(3, chain.headers(601..=700));
    assert_eq!(wants(&actions), [(600, chain.hashes(601..=700))]);
    for start in (701..=901).step_by(100) {
        assert_eq!(asked(&actions), [3]);
        actions = rig.sync(3, chain.headers(start..=start + 99));
    }
    assert_eq!(asked(&actions), [3]);
    rig.sync(3, vec![]);
    rig.moved(&chain);
    assert_eq!(rig.state, SyncState::Synced, "{}", rig.reason);
}

#[test]
fn no_other_block_and_no_time_makes_us_ask_again_for_ignored_headers() {
    let chain = Chain::new().grow(700, 0);
    let mut rig = turned_away(&chain);
    // Our own chain grows, beside the branch that is set aside and beside the one that is the best again.
    let ours = Chain::new().grow(2, 1);
    offer(&mut rig, PEER, &ours.first(1));
    assert_eq!(asked(&rig.moved(&ours.first(1))), [0; 0]);
    rig.down(1);
    let actions = rig.pass(WITHHELD_FIRST);
    assert_eq!(wants(&actions).last(), Some(&(0, chain.hashes(1..=600))));
    offer(&mut rig, PEER, &ours);
    assert!(asked(&rig.moved(&ours)).len() <= 1);
    // A page that leaves the best chain where its blocks are here is ignored for good.
    let mut rig = turned_away(&chain);
    rig.notice(ToHeaders::CandidateTaken { hash: chain.hash(1) });
    rig.moved(&chain.first(600));
    let fork = chain.first(599).grow(100, 2);
    assert_eq!(asked(&rig.sync(3, fork.headers(600..=699))), [0; 0]);
    for height in 601..605 {
        offer(&mut rig, PEER, &chain.first(height));
        assert_eq!(asked(&rig.moved(&chain.first(height))), [0; 0]);
    }
}

/// Found by the hostile tests on a loaded host: the ledger applied the blocks of a branch one by one, and the branch stayed
/// set aside.
#[test]
fn a_branch_that_is_set_aside_is_back_when_a_block_of_it_is_applied() {
    let chain = Chain::new().grow(200, 0);
    let mut rig = synced(&Chain::new());
    rig.up(3, &chain);
    rig.sync(3, chain.headers(1..=100));
    rig.sync(3, chain.headers(101..=200));
    assert_eq!(wants(&overdue(&mut rig, chain.hash(1), false)), [(0, vec![])]);
    rig.sync(3, vec![]);
    let actions = rig.moved(&chain.first(1));
    assert_eq!(wants(&actions).last(), Some(&(1, chain.hashes(2..=200))));
    assert_eq!(rig.state, SyncState::Blocks, "{}", rig.reason);
    rig.moved(&chain);
    assert_eq!(rig.state, SyncState::Synced, "{}", rig.reason);
}
