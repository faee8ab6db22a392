//! No ring of nodes waits for itself: the model of two sides (`flow`), on the three links of a ring of three nodes. What
//! couples the links of a node is its memory for large frames: only one of them may be arriving.

use std::collections::HashSet;

use super::flow::{Half, Item, MOVES, Setting, Step, advance, setting};

const NODES: usize = 3;

/// Each node has two halves of links: of the one to the next node, and of the one to the node before.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
struct Ring {
    halves: [Half; 2 * NODES],
    /// The half over which a node reads a large frame.
    memory: [Option<usize>; NODES],
}

/// When a node reads a link, beyond the rules for this link alone.
type Reads = fn(&[Half]) -> bool;

/// The other half of a link.
fn far(half: usize) -> usize {
    let (node, to_next) = (half / 2, half.is_multiple_of(2));
    if to_next { 2 * ((node + 1) % NODES) + 1 } else { 2 * ((node + NODES - 1) % NODES) }
}

fn step(setting: &Setting, reads: Reads, ring: &Ring, at: usize, step: Step) -> Option<Ring> {
    let (node, far) = (at / 2, far(at));
    let mut next = ring.clone();
    if step == Step::Read {
        let memory = &mut next.memory[node];
        match ring.halves[far].pipe.front()? {
            // A large frame begins.
            None if memory.is_none() => *memory = Some(at),
            None => return None,
            Some(Item::Request) => {}
            Some(Item::News | Item::Answer) => *memory = None,
        }
        if !reads(&ring.halves[2 * node..2 * node + 2]) {
            return None;
        }
    }
    let [near, other] = advance(setting, &[ring.halves[at].clone(), ring.halves[far].clone()], 0, step)?;
    (next.halves[at], next.halves[far]) = (near, other);
    Some(next)
}

/// The same ring, seen from another node: of all three the first that was met stands for all.
fn turned(ring: &Ring) -> Ring {
    let mut turned = ring.clone();
    turned.halves.rotate_left(2);
    turned.memory.rotate_left(1);
    let moved = |half: usize| (half + 2 * NODES - 2) % (2 * NODES);
    turned.memory.iter_mut().for_each(|half| *half = half.map(moved));
    turned
}

/// Tries every order of events. Returns how many states there are and the first in which something waits and nothing moves.
fn explore(setting: &Setting, reads: Reads, halves: [Half; 2]) -> (usize, Option<Ring>) {
    let [next, before] = halves;
    let all = [next.clone(), before.clone(), next.clone(), before.clone(), next, before];
    let start = Ring { halves: all, memory: [None; NODES] };
    let (mut seen, mut to_try) = (HashSet::from([start.clone()]), vec![start]);
    while let Some(ring) = to_try.pop() {
        let after = |steps: &[Step]| -> Vec<Ring> {
            let all = (0..2 * NODES).flat_map(|half| steps.iter().map(move |one| (half, *one)));
            all.filter_map(|(half, one)| step(setting, reads, &ring, half, one)).collect()
        };
        let moves = after(&MOVES);
        if moves.is_empty() && !ring.halves.iter().all(Half::is_done) {
            return (seen.len(), Some(ring));
        }
        for reached in moves.into_iter().chain(after(&[Step::Push, Step::Ask])) {
            let second = turned(&reached);
            if !seen.contains(&second) && !seen.contains(&turned(&second)) && seen.insert(reached.clone()) {
                to_try.push(reached);
            }
        }
    }
    (seen.len(), None)
}

#[test]
fn some_byte_always_moves_in_a_ring() {
    // News both ways, twice one way, and one way with questions the other way.
    let cases = [[(1, 0), (1, 0)], [(2, 0), (0, 0)], [(1, 0), (0, 1)]];
    for case in cases {
        let halves = case.map(|(pushes, requests)| Half::new(pushes, requests));
        let (states, stuck) = explore(&setting(1, 0, 0), |_| true, halves);
        assert!(states > 100 && stuck.is_none(), "{case:?}: {stuck:?}");
    }
}

#[test]
fn the_model_finds_that_reading_a_link_must_not_wait_for_the_other_links() {
    let reads: Reads = |halves| !halves.iter().any(Half::has_queue);
    let (_, stuck) = explore(&setting(1, 0, 0), reads, [Half::new(2, 0), Half::default()]);
    let stuck = stuck.expect("three nodes that push in turn wait for each other");
    assert!(stuck.halves.iter().step_by(2).all(|half| half.has_queue() && !half.pipe.is_empty()), "{stuck:?}");
}
