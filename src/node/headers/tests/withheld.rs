//! Branches whose bodies stop coming, and blocks that go past them.

use super::*;

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

#[test]
fn who_denies_a_block_that_it_announced_loses_its_link() {
    let ours = Chain::new().grow(10, 0);
    let mut rig = synced(&ours);
    let branch = ours.clone().grow(40, 1);
    rig.up(3, &branch);
    rig.sync(3, branch.headers(11..=50));
    let deny = |rig: &mut Rig, link: u64, hash| faults(&rig.notice(ToHeaders::Denied { link: LinkId(link), hash }));
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
