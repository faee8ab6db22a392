//! Crowds that fill the memory for large frames, each link just fast enough to be no fault.

use super::*;
use crate::base::codec::List;

/// As many as may link beside the honest ones.
const CROWD: usize = 36;
/// Bytes of each of their frames: one of the largest.
const BYTES: usize = 1_000_000;
/// What each sends of it in a second: more than is wanted while others wait.
const PACE: usize = limits::LEASE_MIN_RATE as usize * 5 / 4;
/// How long one of them holds its memory.
const HOLD: u64 = (BYTES / PACE) as u64 + 1;
/// As many as fit at the same time.
const AT_ONCE: usize = limits::RECEIVE_BUDGET_BYTES / BYTES;

/// One link of a crowd, and what it has yet to send of its frame.
struct Member {
    link: LinkId,
    peer: Peer,
    rest: Vec<u8>,
}

/// Links that have each brought something large, quickly, and send large frames from then on as slowly as they may.
struct Crowd(Vec<Member>);

impl Crowd {
    fn gather(rig: &Rig) -> Self {
        let member = |_| {
            let (link, mut peer) = rig.accept_up();
            peer.write(&block(limits::LEASE_FREE_BYTES + 1));
            assert_eq!(rig.message(RoleId::Fetch).0, link);
            Member { link, peer, rest: Vec::new() }
        };
        Self((0..CROWD).map(member).collect())
    }

    /// All of them send for a second, unless they are not read.
    fn send(&mut self, rig: &Rig) {
        for member in self.0.iter_mut().filter(|member| member.peer.unread() == 0) {
            if member.rest.is_empty() {
                member.rest = Frame::new(&block(BYTES)).to_bytes(MAGIC);
            }
            let now = PACE.min(member.rest.len());
            let bytes: Vec<u8> = member.rest.drain(..now).collect();
            member.peer.write_bytes(&bytes);
        }
        rig.pass(1);
    }
}

/// Seconds until an honest peer's block is here; a second passes with each look.
fn seconds_until(rig: &Rig, crowd: &mut Crowd, honest: LinkId, most: u64) -> Option<u64> {
    (0..most).find(|_| {
        let mut came = false;
        while rig.heard(RoleId::Fetch) > 0 {
            came |= matches!(rig.event(RoleId::Fetch), LinkEvent::Frame { link, .. } if link == honest);
        }
        if !came {
            crowd.send(rig);
        }
        came
    })
}

fn rig() -> Rig {
    Rig::with(|config| config.max_accepted = CROWD + 4)
}

#[test]
fn an_answer_waits_for_no_crowd_that_sends_what_nobody_asked_for() {
    let rig = rig();
    let (honest, mut peer) = rig.accept_up();
    let mut crowd = Crowd::gather(&rig);
    for _ in 0..5 {
        (0..7).for_each(|_| crowd.send(&rig));
        rig.send(honest, &Message::GetBlock(Hash([1; 32])));
        peer.write(&block(BYTES));
        assert_eq!(seconds_until(&rig, &mut crowd, honest, 300), Some(0));
    }
    assert!(crowd.0.iter().all(|member| rig.is_up(member.link)), "they are fast enough");
}

/// In the order in which they came it would have been behind all of them.
#[test]
fn a_quick_peer_waits_for_no_more_than_the_slow_frames_that_are_arriving() {
    let rig = rig();
    let (honest, mut peer) = rig.accept_up();
    peer.write(&block(limits::LEASE_FREE_BYTES + 1));
    assert_eq!(rig.message(RoleId::Fetch).0, honest);
    let mut crowd = Crowd::gather(&rig);
    // Until each has had its first turn, nobody can tell them from quick ones.
    (0..HOLD * (CROWD / AT_ONCE + 4) as u64).for_each(|_| crowd.send(&rig));
    rig.forget_events();
    let mut all = 0;
    for _ in 0..5 {
        (0..7).for_each(|_| crowd.send(&rig));
        peer.write(&block(BYTES));
        let seconds = seconds_until(&rig, &mut crowd, honest, 300).expect("its block comes");
        assert!(seconds <= HOLD, "{seconds}");
        all += seconds;
    }
    assert!(all < 5 * HOLD, "mostly less: {all}");
}

/// A node that sends nothing itself would have noticed it only with its next ping.
#[test]
fn questions_that_are_held_back_take_no_more_memory_than_may_wait() {
    let rig = rig();
    rig.set_window(0);
    let (honest, _peer) = rig.accept_up();
    let askers: Vec<_> = (0..8).map(|_| rig.accept_up()).collect();
    askers.iter().for_each(|(link, _)| rig.answer(*link, &block(limits::SEND_SOFT_BYTES)));
    let positions = List::truncated(0..u16::try_from(limits::MAX_COMPACT_IDS).unwrap());
    let question = Frame::new(&Message::GetBlockTransactions(Hash([1; 32]), positions)).to_bytes(MAGIC);
    let mut most = 0;
    for (_, mut peer) in askers {
        for _ in 0..limits::UNANSWERED_BLOCKS {
            peer.write_bytes(&question);
            most = most.max(rig.usage().queued);
        }
    }
    assert!(most <= limits::SEND_BUDGET_BYTES + question.len(), "{most}");
    assert!(rig.is_up(honest));
}
