//! Peers that keep only their last blocks.

use super::*;
use crate::{
    node::{hindrance::HindranceId, notice::ToHeaders, report::Report},
    wire::message::{SERVICE_SNAPSHOT, SERVICES, pruned_services},
};

/// A peer of this height that keeps blocks from `from` on.
fn up_pruned(rig: &mut Rig, link: u64, height: u32, from: u32) -> Vec<Action> {
    rig.up_with(link, height, (u16::try_from(link).unwrap(), link), pruned_services(SERVICES, from))
}

/// What was reported of the missing history, last.
fn missing(actions: &[Action]) -> Option<Option<String>> {
    let report = |action: &Action| match action {
        Action::Report(Report::Hindrance { id: HindranceId::HistoryMissing, finding, .. }) => {
            Some(finding.as_ref().map(|finding| finding.text.clone()))
        }
        _ => None,
    };
    actions.iter().rev().find_map(report)
}

/// What was advised about the missing history, last.
fn advice(actions: &[Action]) -> Option<String> {
    let report = |action: &Action| match action {
        Action::Report(Report::Hindrance { id: HindranceId::HistoryMissing, finding, .. }) => {
            finding.as_ref().map(|finding| finding.advice.clone())
        }
        _ => None,
    };
    actions.iter().rev().find_map(report)
}

#[test]
fn the_advice_names_snapshots_where_peers_give_them() {
    let mut rig = Rig::new(400, &[]);
    let plain = advice(&up_pruned(&mut rig, 1, 400, 301)).unwrap();
    assert!(plain.contains("peers add") && !plain.contains("--join"), "{plain}");
    let services = pruned_services(SERVICES | SERVICE_SNAPSHOT, 301);
    let more = advice(&rig.up_with(2, 400, (2, 2), services)).unwrap();
    assert!(more.contains("start it with --join snapshot, which 1 peer gives"), "{more}");
    assert!(!more.contains("ledger.db"), "it has no block yet: {more}");
}

#[test]
fn a_pruned_peer_is_never_asked_for_what_it_no_longer_has_and_gladly_for_the_rest() {
    let mut rig = Rig::new(400, &[1]);
    up_pruned(&mut rig, 2, 400, 301);
    let mut of_pruned = Vec::new();
    while let Some(link) = [2, 1].into_iter().find(|link| rig.waiting(*link) > 0) {
        of_pruned.extend((link == 2).then(|| rig.heights[&rig.open[&2][0]]));
        rig.answer(link);
        rig.taken_all();
    }
    assert_eq!(rig.role.completions().blocks, 400);
    assert!(of_pruned.iter().all(|height| *height >= 301), "{of_pruned:?}");
    assert!(of_pruned.len() >= 20, "{of_pruned:?}");
    assert_eq!(rig.role.completions().absent, 0);
}

#[test]
fn the_silent_peer_that_alone_has_a_block_is_not_closed_for_a_pruned_one() {
    let mut rig = Rig::new(400, &[1]);
    up_pruned(&mut rig, 2, 400, 301);
    let actions = rig.pass(STALL_FIRST * 3);
    assert_eq!(faults(&actions), []);
    assert_eq!(rig.waiting(2), 0, "it is asked for nothing in the window below its blocks");
}

#[test]
fn a_block_that_a_pruned_peer_may_have_let_go_of_is_asked_of_it_last() {
    let mut rig = Rig::new(0, &[]);
    up_pruned(&mut rig, 1, 10, 1);
    // It has blocks 1 to 10 at least until it says otherwise, and nobody else is there.
    rig.heights.extend((1..=10).map(|height| (hash(height), height)));
    rig.notice(ToFetch::PeerTip { link: LinkId(1), height: 30, tip: hash(30) });
    rig.want(0, (1..=10).map(hash).collect());
    rig.pass(GATHER_TIME);
    assert!(rig.waiting(1) > 0);
    rig.up(2, 30);
    rig.run(&[]);
    assert!(rig.role.completions().blocks >= 10);
}

#[test]
fn a_newcomer_among_pruned_peers_only_says_so_until_one_keeps_all() {
    let mut rig = Rig::new(400, &[]);
    up_pruned(&mut rig, 1, 400, 301);
    let actions = up_pruned(&mut rig, 2, 400, 201);
    let text = "all 2 peers keep no block below 201, and this node lacks block 1: they are pruned";
    assert_eq!(missing(&actions), Some(Some(text.to_owned())));
    // Both deliver what they keep, and then nothing is left to be asked of them.
    rig.run(&[]);
    let actions = rig.pass(SECOND * 600);
    assert_eq!((requests(&actions), missing(&actions)), (vec![], None), "it asks nobody, and says it once");
    assert_eq!(missing(&rig.up(3, 400)), Some(None));
    rig.run(&[]);
    assert_eq!(rig.role.completions().blocks, 400);
}

/// It had the block when it said so, and pruned it before our question came: an honest node's answer.
#[test]
fn a_pruned_peer_that_has_let_go_of_a_block_is_not_blamed_and_the_block_is_asked_elsewhere() {
    let mut rig = Rig::new(400, &[]);
    up_pruned(&mut rig, 1, 400, 1);
    rig.pass(GATHER_TIME);
    let late: Vec<Hash> = rig.open.insert(1, Vec::new()).unwrap();
    assert!(late.len() > 1);
    for hash in &late {
        let actions = rig.receive(1, &Message::Absent(*hash));
        assert_eq!(faults(&actions), []);
        let is_told = |notice: &Notice| matches!(notice, Notice::Headers(ToHeaders::Denied { .. }));
        assert_eq!(told(&actions, is_told), 1, "headers knows whether it had promised it");
    }
    let mut asked = requests(&rig.up(2, 400));
    while asked.len() < late.len() {
        assert!(rig.waiting(2) > 0, "{asked:?}");
        asked.extend(requests(&rig.answer(2)));
        rig.taken_all();
    }
    assert!(late.iter().all(|hash| asked.contains(&(2, *hash))), "{asked:?}");
    rig.run(&[]);
    assert_eq!(rig.role.completions().blocks, 400);
}

/// Another newcomer keeps all that it has, which is nothing, and said that it does not have this block.
#[test]
fn a_block_that_only_pruned_peers_have_is_missing_whoever_else_is_there() {
    let mut rig = Rig::new(400, &[]);
    let overdue = |notice: &Notice| matches!(notice, Notice::Headers(ToHeaders::Overdue { .. }));
    rig.up(1, 0);
    let text = "1 of 2 peers keeps no block below 301, the other does not have block 1, and this node lacks it: they are pruned";
    assert_eq!(missing(&up_pruned(&mut rig, 2, 400, 301)), Some(Some(text.to_owned())));
    deny_all(&mut rig, 1);
    rig.run(&[]);
    let actions = rig.pass(SECOND * 60);
    assert_eq!(requests(&actions), [], "nor is anybody asked for it");
    assert_eq!((told(&actions, overdue), missing(&actions)), (0, None), "nobody withholds it, and it is said once");
    // One that says that it has it, and does not, hides nothing.
    rig.up(3, 400);
    let actions: Vec<Action> = (0..5).flat_map(|_| deny_all(&mut rig, 3)).collect();
    assert_eq!(told(&actions, overdue), 0);
    let text = "1 of 3 peers keeps no block below 301, the others do not have block 1, and this node lacks it: they are pruned";
    assert_eq!(missing(&actions), Some(Some(text.to_owned())));
    // One that has it ends it.
    assert_eq!(missing(&rig.up(4, 400)), Some(None));
    rig.down(3);
    rig.run(&[]);
    assert_eq!(rig.role.completions().blocks, 400);
}

/// The peer answers that it has nothing of what it is asked for; time passes until it is asked again.
fn deny_all(rig: &mut Rig, link: u64) -> Vec<Action> {
    let mut actions = Vec::new();
    while let Some(hash) = rig.open.get_mut(&link).filter(|open| !open.is_empty()).map(|open| open.remove(0)) {
        actions.extend(rig.receive(link, &Message::Absent(hash)));
    }
    actions.extend(rig.pass(ABSENT_RETRY));
    actions
}

/// Whoever states that it keeps blocks from some height on and denies one of them keeps nothing, as far as this node goes.
#[test]
fn a_pruned_peer_that_denies_what_it_states_to_keep_does_not_hide_that_others_are_pruned() {
    let mut rig = Rig::new(400, &[]);
    up_pruned(&mut rig, 1, 400, 301);
    up_pruned(&mut rig, 2, 400, 1);
    rig.pass(GATHER_TIME);
    let actions: Vec<Action> = (0..5).flat_map(|_| deny_all(&mut rig, 2)).collect();
    assert!(matches!(missing(&actions), Some(Some(_))), "{:?}", missing(&actions));
    assert_eq!(missing(&rig.pass(SECOND)), None, "it stays");
}

/// Nothing was overdue of a branch whose peer stated to be pruned, whatever the branch's work: it held up who had no more.
#[test]
fn what_a_peer_states_to_have_let_go_of_though_too_little_follows_is_overdue_like_all_else() {
    for (blocks, is_overdue) in [(2, true), (100, true), (101, false)] {
        let mut rig = Rig::new(blocks, &[]);
        rig.up(1, 0);
        let mut actions = up_pruned(&mut rig, 2, u32::MAX, u32::MAX);
        (0..5).for_each(|_| actions.extend(deny_all(&mut rig, 1)));
        actions.extend(rig.pass(SECOND * 20));
        let overdue = |notice: &Notice| matches!(notice, Notice::Headers(ToHeaders::Overdue { .. }));
        assert_eq!((told(&actions, overdue) > 0, missing(&actions).is_none()), (is_overdue, is_overdue), "{blocks}");
    }
}
