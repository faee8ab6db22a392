//! Peers that send large blocks to one peer after the other.

use super::*;
use crate::base::limits::LEASE_FREE_BYTES;

/// A role that has got blocks at leisure, so that it asks nobody else for the next one too soon.
fn leisurely(count: u32, peers: &[u64]) -> Rig {
    let mut rig = Rig::new(count, peers);
    for _ in 0..20 {
        rig.role.watch.took(SECOND * 2);
    }
    rig
}

/// To whom the role tells of a block.
fn withdrawn(actions: &[Action]) -> Vec<(u64, Hash)> {
    let tells = |action: &Action| match action {
        Action::Link(LinkAction::Send { link, frame }) => match frame.open() {
            Ok(Message::BlockHeader(header)) => Some((link.0, header.hash())),
            _ => None,
        },
        _ => None,
    };
    actions.iter().filter_map(tells).collect()
}

#[test]
fn no_other_peer_is_asked_for_a_block_while_it_arrives_but_not_for_long() {
    let mut rig = leisurely(1, &[1, 2, 3]);
    let actions = rig.arrives(1, BLOCK_HEDGE * 2 - SECOND);
    assert_eq!(requests(&actions), [], "it arrives");
    let actions = rig.arrives(1, SECOND * 2);
    assert_eq!(requests(&actions).len(), 1, "a peer that sends slowly holds nothing back for long");
}

#[test]
fn a_peer_is_not_closed_for_what_waits_behind_a_large_frame() {
    for arrives in [true, false] {
        let mut rig = Rig::new(1, &[1, 2]);
        let actions = if arrives { rig.arrives(1, GET_BLOCK_TIMEOUT) } else { rig.pass(GET_BLOCK_TIMEOUT) };
        let expected = if arrives { vec![] } else { vec![(1, PeerFault::BlockStall)] };
        assert_eq!(faults(&actions), expected);
    }
}

#[test]
fn a_block_that_holds_up_a_download_may_wait_behind_a_large_frame() {
    for arrives in [true, false] {
        let mut rig = Rig::new(300, &[1, 2, 3]);
        rig.answer(2);
        rig.answer(3);
        let actions = if arrives { rig.arrives(1, STALL_FIRST * 2) } else { rig.pass(STALL_FIRST * 2) };
        assert_eq!(faults(&actions).iter().any(|(link, _)| *link == 1), !arrives);
    }
}

#[test]
fn questions_are_withdrawn_that_another_peer_has_answered() {
    for bytes in [LEASE_FREE_BYTES, LEASE_FREE_BYTES + 1] {
        let mut rig = Rig::new(1, &[1, 2]);
        assert_eq!(requests(&rig.pass(BULK_HEDGE)), [(2, hash(1))]);
        assert_eq!(withdrawn(&rig.answer_with(1, bytes)), [], "it may be junk");
        let tells = withdrawn(&rig.taken(1..=1));
        assert_eq!(tells, if bytes > LEASE_FREE_BYTES { vec![(2, hash(1))] } else { vec![] });
        assert_eq!(rig.role.completions().withdrawn, tells.len() as u64);
        // It may have begun to send it, or have nothing to say.
        assert_eq!(faults(&rig.answer_with(2, bytes)), []);
        let actions = rig.pass(GET_BLOCK_TIMEOUT * 2);
        assert_eq!((faults(&actions), requests(&actions)), (vec![], vec![]));
    }
}
