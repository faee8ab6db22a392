//! What comes late or not at all.

use super::*;
use crate::node::notice::{ToFetch, ToHeaders};
use crate::node::testing::logged;

#[test]
fn a_request_times_out_and_a_late_answer_still_counts_once() {
    let mut rig = Rig::new(1, &[1]);
    let actions = rig.pass(GET_BLOCK_TIMEOUT);
    assert_eq!((requests(&actions), faults(&actions)), (vec![(1, hash(1))], vec![]), "there is nobody else");
    assert_eq!(rig.role.completions().timeouts, 1);
    // Two answers: the first is the late one, for this role they are the same.
    assert_eq!(checked(&rig.answer(1)), [(Origin::Link(LinkId(1)), hash(1))]);
    let actions = rig.answer(1);
    assert_eq!((checked(&actions), faults(&actions)), (vec![], vec![]));
}

/// Found by seed 72002879: two echoes used up what was to explain a late `Absent`, and an honest peer was blamed for it.
#[test]
fn an_echo_does_not_explain_a_late_answer() {
    let mut rig = Rig::new(1, &[1]);
    rig.pass(GET_BLOCK_TIMEOUT);
    rig.moved(&[(hash(1), 1), (hash(2), 2), (hash(3), 3)]);
    let absent = Message::Absent(hash(1));
    assert_eq!(faults(&rig.receive(1, &absent)), [], "the second request's answer");
    for height in [2, 3] {
        assert_eq!(faults(&rig.send(1, &block(height, 0, 0))), [], "an echo");
    }
    assert_eq!(faults(&rig.receive(1, &absent)), [], "the first one's");
    assert_eq!(faults(&rig.receive(1, &absent)), [(1, PeerFault::Unexpected(Kind::Absent))]);
}

#[test]
fn a_peer_that_answers_nothing_is_closed_if_there_is_another() {
    let mut rig = Rig::new(2, &[1, 2]);
    rig.run(&[1]);
    let (actions, lines) = logged(|| rig.pass(GET_BLOCK_TIMEOUT));
    assert_eq!(faults(&actions), [(1, PeerFault::BlockStall)]);
    let silent = format!("INFO silent peer closed link=1 after_ms={}", GET_BLOCK_TIMEOUT.as_millis());
    assert_eq!(lines.iter().filter(|line| line.contains("silent")).collect::<Vec<_>>(), [&silent]);
}

#[test]
fn a_peer_whose_slow_line_is_busy_with_a_block_is_not_blamed_and_others_are_asked_as_soon() {
    let mut rig = Rig::new(2, &[1, 2]);
    rig.run(&[1]);
    let mut actions = Vec::new();
    for _ in 0..GET_BLOCK_TIMEOUT.as_secs() {
        actions.extend(rig.pass(SECOND));
        actions.extend(rig.event(Event::Link(LinkEvent::Bringing { link: LinkId(1) })));
    }
    assert_eq!(faults(&actions), []);
    assert_eq!(
        requests(&actions),
        [(2, hash(1)), (1, hash(1))],
        "another peer is asked meanwhile, and then the first again"
    );
    assert_eq!(rig.role.completions().timeouts, 1);
    assert_eq!(checked(&rig.answer(1)), [(Origin::Link(LinkId(1)), hash(1))], "and its block is taken");
}

#[test]
fn a_peer_that_always_brings_something_and_never_a_block_is_closed_after_the_time_of_one_frame() {
    let mut rig = Rig::new(2, &[1, 2]);
    rig.run(&[1]);
    let (mut seconds, mut found) = (0, Vec::new());
    while found.is_empty() && seconds < 2 * PARTIAL_BLOCK.as_secs() {
        for link in [1, 2] {
            found.extend(faults(&rig.event(Event::Link(LinkEvent::Bringing { link: LinkId(link) }))));
        }
        found.extend(faults(&rig.pass(SECOND)));
        seconds += 1;
    }
    assert!(
        matches!(found[..], [(_, PeerFault::BlockStall)]),
        "{found:?}: the other one is the last that can be asked"
    );
    let least = PARTIAL_BLOCK.as_secs();
    assert!((least..=least + 2 * GET_BLOCK_TIMEOUT.as_secs()).contains(&seconds), "{seconds}");
}

#[test]
fn near_the_tip_a_second_and_a_third_peer_are_asked_and_then_all() {
    let mut rig = Rig::new(1, &[1, 2, 3, 4, 5]);
    assert_eq!(requests(&rig.pass(BULK_HEDGE - SECOND / 10)), []);
    let second = rig.pass(SECOND / 10);
    assert_eq!(requests(&second).len(), 1);
    assert!(second.contains(&Action::Count(Counter::BlockRequestsReassigned, 1)));
    assert_eq!(requests(&rig.pass(BULK_HEDGE)).len(), 1);
    assert_eq!(requests(&rig.pass(BULK_HEDGE)).len(), 2, "then all others");
    let actions = rig.answer(3);
    assert_eq!(checked(&actions).len(), 1);
    assert_eq!(faults(&rig.answer(2)), [], "the others' answers are no fault");
}

#[test]
fn a_stalling_peer_is_closed_after_a_time_that_doubles_and_shrinks() {
    let mut rig = Rig::new(300, &[1, 2, 3]);
    // 1 got block 1 and stops; what 2 and 3 deliver waits for it.
    rig.answer(2);
    let actions = rig.pass(STALL_FIRST - SECOND / 10);
    assert_eq!(faults(&actions), []);
    assert_eq!(requests(&actions)[0].1, hash(1), "the block is asked of another");
    let actions = rig.pass(SECOND / 10);
    assert_eq!(faults(&actions), [(1, PeerFault::BlockStall)]);
    assert!(actions.contains(&Action::Count(Counter::Stalls, 1)));
    rig.down(1);
    // The next one gets twice the time.
    rig.up(4, 300);
    rig.run(&[3]);
    assert_eq!(rig.role.window.missing() + rig.role.window.base() as usize, 301 - held_blocks(&rig));
    assert_eq!(rig.role.watch.stall, STALL_FIRST, "many arrived since: it has shrunk back");
    rig.role.watch.stalled();
    rig.role.watch.stalled();
    assert_eq!(rig.role.watch.stall, STALL_FIRST * 4);
}

/// Only the staller claimed the blocks further up. Once it is closed, any peer may have them.
#[test]
fn what_a_staller_alone_claimed_is_asked_of_the_others_at_once() {
    let mut rig = Rig::new(300, &[1]);
    rig.up(2, 40);
    rig.run(&[1]);
    let actions = rig.pass(STALL_FIRST);
    assert_eq!(faults(&actions), [(1, PeerFault::BlockStall)]);
    assert!(requests(&actions).iter().any(|(link, hash)| *link == 2 && rig.heights[hash] > 40), "{actions:?}");
    assert_eq!(rig.pass(Duration::ZERO), [], "nothing was left for a later event");
}

#[test]
fn each_further_peer_that_is_asked_for_a_block_is_counted() {
    let counted = |rig: &mut Rig, time| {
        let actions = rig.pass(time);
        let asked = requests(&actions).iter().filter(|(_, block)| *block == hash(1)).count();
        let counts = actions.iter().filter(|action| **action == Action::Count(Counter::BlockRequestsReassigned, 1));
        assert_eq!(counts.count(), asked);
        asked
    };
    let mut rig = Rig::new(300, &[1, 2, 3]);
    rig.answer(2);
    assert_eq!(counted(&mut rig, BULK_HEDGE), 1);
    // Over slow lines the first peer is closed before the block counts as late.
    let mut rig = Rig::new(300, &[1, 2, 3]);
    rig.answer(2);
    (0..50).for_each(|_| rig.role.watch.took(STALL_FIRST));
    assert_eq!(counted(&mut rig, STALL_FIRST), 1);
}

#[test]
fn a_stall_is_logged() {
    let mut rig = Rig::new(300, &[1, 2, 3]);
    rig.answer(2);
    let (_, lines) = logged(|| rig.pass(STALL_FIRST));
    let stall = format!("INFO stall link=1 height=1 after_ms={}", STALL_FIRST.as_millis());
    assert_eq!(lines.iter().filter(|line| line.contains("stall")).collect::<Vec<_>>(), [&stall]);
}

/// Blocks that have arrived and wait for a lower one.
fn held_blocks(rig: &Rig) -> usize {
    (rig.role.window.base()..=300)
        .filter_map(|height| rig.role.window.slot(height))
        .filter(|slot| matches!(slot.body, crate::node::fetch::window::Body::Arrived(_)))
        .count()
}

/// Peer 1 has stalled, and is back as 3; all has come from 2.
fn with_a_staller_that_comes_back() -> Rig {
    let mut rig = Rig::new(2_500, &[1, 2]);
    rig.run(&[1]);
    assert_eq!(faults(&rig.pass(STALL_FIRST)), [(1, PeerFault::BlockStall)]);
    rig.down(1);
    rig.up_from(3, 2_500, 1);
    rig.run(&[3]);
    rig
}

#[test]
fn a_staller_that_comes_back_is_asked_only_for_what_nobody_else_has() {
    let mut rig = with_a_staller_that_comes_back();
    assert_eq!((rig.waiting(3), rig.role.window.missing()), (0, 0), "all came from the other, without another stall");
    // Once it is the only one, it has its chance; and when it delivers, its name is good again.
    rig.want(2_500, (2_501..=2_520).map(hash).collect());
    rig.down(2);
    assert!(rig.waiting(3) > 0);
    rig.heights.extend((2_501..=2_520).map(|height| (hash(height), height)));
    rig.answer(3);
    rig.up(4, 2_520);
    rig.run(&[4]);
    assert!(rig.role.window.missing() <= 16, "it takes part beside a new one");
}

#[test]
fn a_peer_that_comes_back_after_a_fault_is_asked_only_for_what_nobody_else_has() {
    let mut rig = Rig::new(300, &[1, 2]);
    // `headers` found that it does not deliver what it announced.
    let reason = CloseReason::Fault(PeerFault::BrokenPromise);
    rig.open.remove(&1);
    rig.event(Event::Link(LinkEvent::Closed { link: LinkId(1), reason }));
    rig.back_as(3, 300, 1);
    assert_eq!((rig.waiting(3), rig.waiting(2) > 0), (0, true));
    rig.down(2);
    assert!(rig.waiting(3) > 0, "it has its chance");
}

/// Found by seed 2229457636: an honest peer had stalled in a partition, and a liar delivered one block each 1.4 s.
#[test]
fn a_staller_that_comes_back_is_asked_for_the_next_block_if_that_is_long_in_coming() {
    let mut rig = with_a_staller_that_comes_back();
    rig.want(2_500, (2_501..=2_540).map(hash).collect());
    rig.heights.extend((2_501..=2_540).map(|height| (hash(height), height)));
    for _ in 0..4 {
        rig.pass(SECOND);
        assert_eq!(rig.waiting(3), 0, "the other delivers");
        rig.answer(2);
    }
    rig.pass(SECOND);
    assert_eq!(rig.waiting(3), 1, "but slowly");
    rig.answer(3);
    assert!(rig.waiting(3) > 0, "it delivers, and its name is good again");
}

#[test]
fn a_stall_is_forgotten_after_a_while() {
    let mut rig = Rig::new(2_500, &[1, 2]);
    rig.run(&[1]);
    assert_eq!(faults(&rig.pass(STALL_FIRST)), [(1, PeerFault::BlockStall)]);
    rig.down(1);
    rig.run(&[]);
    rig.pass(STALLER_KEPT);
    rig.up_from(3, 2_600, 1);
    rig.want(2_500, (2_501..=2_600).map(hash).collect());
    assert!(rig.waiting(3) > 0);
}

#[test]
fn a_staller_without_rivals_is_kept() {
    let mut rig = Rig::new(300, &[1]);
    // It answers its second request and not the first.
    rig.open.get_mut(&1).unwrap().remove(0);
    rig.answer(1);
    assert_eq!(faults(&rig.pass(GET_BLOCK_TIMEOUT * 2)), []);
}

#[test]
fn a_block_that_nobody_has_is_reported_once() {
    let mut rig = Rig::new(10, &[1, 2]);
    let mut reported = 0;
    let absent = |rig: &mut Rig| {
        let mut actions = Vec::new();
        for link in [1, 2] {
            while let Some(hash) = rig.open.get_mut(&link).and_then(|open| (!open.is_empty()).then(|| open.remove(0))) {
                actions.extend(rig.receive(link, &Message::Absent(hash)));
            }
        }
        actions
    };
    for second in 0..60 {
        let mut actions = absent(&mut rig);
        actions.extend(rig.pass(SECOND));
        let now = told(&actions, |notice| matches!(notice, Notice::Headers(ToHeaders::Overdue { .. })));
        assert!(now == 0 || second == 0, "as soon as both have said so");
        reported += now;
    }
    assert_eq!(reported, 1);
}

/// Found by seed 50000430: the blocks of a branch that was set aside stayed in the window below those of the branch that
/// was wanted instead, because the ledger had what that begins with; so its missing block was never the lowest.
#[test]
fn nothing_of_a_branch_that_was_left_is_asked_for_when_the_other_is_partly_applied() {
    let mut rig = Rig::new(3, &[1, 2]);
    let absent = |rig: &mut Rig| {
        let mut actions = Vec::new();
        for link in [1, 2] {
            while let Some(hash) = rig.open.get_mut(&link).and_then(|open| (!open.is_empty()).then(|| open.remove(0))) {
                actions.extend(rig.receive(link, &Message::Absent(hash)));
            }
        }
        actions
    };
    absent(&mut rig);
    let other = hash(50);
    rig.notice(ToFetch::Want { fork: 0, above: 1, hashes: vec![other] });
    let mut reported = 0;
    for _ in 0..35 {
        let mut actions = absent(&mut rig);
        actions.extend(rig.pass(SECOND));
        assert!(requests(&actions).iter().all(|(_, asked)| *asked == other), "{actions:?}");
        reported += told(
            &actions,
            |notice| matches!(notice, Notice::Headers(ToHeaders::Overdue { hash: named, nowhere: true }) if *named == hash(50)),
        );
    }
    assert_eq!(reported, 1);
}

#[test]
fn a_block_that_holds_up_the_bulk_is_soon_asked_of_others_too() {
    let mut rig = Rig::new(2_500, &[1, 2, 3, 4]);
    rig.run(&[1]);
    assert!(rig.role.window.lowest_missing().is_some_and(|height| rig.role.window.holds_up(height)));
    let lowest = hash(rig.role.window.lowest_missing().unwrap());
    let asked = |actions: &[Action]| requests(actions).iter().filter(|(_, hash)| *hash == lowest).count();
    let early = rig.pass(BULK_HEDGE / 2);
    assert_eq!(asked(&early), 0);
    let actions = rig.pass(BULK_HEDGE / 2);
    assert_eq!((asked(&actions), faults(&actions)), (1, vec![]), "and nobody is blamed yet");
    assert_eq!(asked(&rig.pass(BULK_HEDGE)), 1, "a third one");
    assert_eq!(asked(&rig.pass(BULK_HEDGE)), 1, "then all others");
    assert_eq!(asked(&rig.pass(BULK_HEDGE)), 0);
}

#[test]
fn a_block_that_does_not_come_is_reported_when_all_have_had_their_time() {
    let mut rig = Rig::new(40, &[1, 2]);
    let reports = |actions: &[Action]| {
        let report = |action: &Action| match action {
            Action::Tell(Notice::Headers(ToHeaders::Overdue { hash, nowhere })) => Some((*hash, *nowhere)),
            _ => None,
        };
        actions.iter().filter_map(report).collect::<Vec<_>>()
    };
    rig.answer(1);
    rig.taken(1..=1);
    assert_eq!(reports(&rig.pass(OVERDUE_FIRST - SECOND / 10)), []);
    assert_eq!(reports(&rig.pass(SECOND / 10)), [(hash(2), false)]);
    // What ends it is told at once.
    rig.send(2, &block(2, 0, 0));
    assert_eq!(told(&rig.taken(2..=2), |notice| matches!(notice, Notice::Headers(ToHeaders::Delivered))), 1);
    // On a slow line everything takes longer.
    (0..5).for_each(|_| rig.role.watch.took(SECOND * 16));
    assert_eq!(reports(&rig.pass(SECOND * 15)), []);
}

/// Found by the simulator: a peer held the next block back for as long as it liked while it delivered later ones.
#[test]
fn what_a_peer_delivers_out_of_order_does_not_excuse_what_it_holds_back() {
    let mut rig = Rig::new(3, &[1]);
    rig.up(2, 0);
    for (part, height) in [2, 3].into_iter().enumerate() {
        assert_eq!(requests(&rig.pass(BULK_HEDGE / 3)), [], "part {part}");
        rig.send(1, &block(height, 0, 0));
    }
    assert_eq!(requests(&rig.pass(BULK_HEDGE / 3 + SECOND / 100)), [(2, hash(1))]);
}

/// On a slow line, a block that was pushed while the question for it was on its way comes before the
/// answers that are due. The peer is not to blame for the time that it takes.
#[test]
fn a_peer_that_delivers_out_of_order_has_not_stalled() {
    for pushes in [false, true] {
        let mut rig = Rig::new(300, &[1, 2]);
        rig.answer(2);
        let later = rig.heights[rig.open[&1].last().unwrap()];
        let mut actions = rig.pass(STALL_FIRST / 2);
        if pushes {
            actions.extend(rig.send(1, &block(later, 0, 0)));
        }
        actions.extend(rig.pass(STALL_FIRST / 2));
        assert_eq!(faults(&actions).contains(&(1, PeerFault::BlockStall)), !pushes);
    }
}

/// Found by the simulator: after a node had taken blocks, each chain from further below had blocks that seemed to wait.
#[test]
fn what_arrived_of_one_chain_does_not_wait_for_the_blocks_of_another() {
    let mut rig = Rig::new(300, &[1, 2]);
    rig.run(&[]);
    let other: Vec<Hash> = (1..=300).map(|height| hash_of(&block(height, 1, 0))).collect();
    rig.want(0, other);
    assert_eq!(faults(&rig.pass(STALL_FIRST)), [], "no block of it has come");
}

#[test]
fn headers_hears_who_denies_a_block() {
    let mut rig = Rig::new(1, &[1]);
    let asked = rig.now.mono;
    rig.pass(SECOND / 10);
    let actions = rig.receive(1, &Message::Absent(hash(1)));
    let denied = ToHeaders::Denied { link: LinkId(1), hash: hash(1), asked };
    assert!(actions.contains(&Action::Tell(denied.into())));
}
