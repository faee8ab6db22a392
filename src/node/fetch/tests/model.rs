//! The window against a plain list of blocks, of which each is in one state.

use proptest::prelude::*;

use crate::{
    base::{hash::Hash, ids::LinkId, limits::FETCH_WINDOW, time::Time},
    node::fetch::window::Window,
};

#[derive(Clone, Debug)]
enum Op {
    /// The last blocks are replaced: how many, and by how many.
    Replace {
        below: u32,
        count: u8,
    },
    /// The ledger is ahead: the wanted chain begins above a gap.
    Skip {
        gap: u32,
        count: u8,
    },
    Ask(usize, u8),
    InVain(usize, u8, bool),
    Forget(usize, u8),
    Pause(usize, u64),
    Resume(u64, bool),
    Shown(usize, u8),
    Arrive(usize, usize),
    Refuse(usize, Option<u8>),
    Take(usize),
    Invalid(usize),
}

fn op() -> impl Strategy<Value = Op> {
    let (at, link) = (0..40usize, 0..4u8);
    prop_oneof![
        2 => (0..12u32, 0..20u8).prop_map(|(below, count)| Op::Replace { below, count }),
        1 => (0..5u32, 0..5u8).prop_map(|(gap, count)| Op::Skip { gap, count }),
        8 => (at.clone(), link.clone()).prop_map(|(at, link)| Op::Ask(at, link)),
        4 => (at.clone(), link.clone(), any::<bool>()).prop_map(|(at, link, absent)| Op::InVain(at, link, absent)),
        2 => (at.clone(), link.clone()).prop_map(|(at, link)| Op::Forget(at, link)),
        2 => (at.clone(), 0..100u64).prop_map(|(at, until)| Op::Pause(at, until)),
        2 => (0..100u64, any::<bool>()).prop_map(|(now, all)| Op::Resume(now, all)),
        2 => (at.clone(), link.clone()).prop_map(|(at, link)| Op::Shown(at, link)),
        6 => (at.clone(), 1..1000usize).prop_map(|(at, bytes)| Op::Arrive(at, bytes)),
        2 => (at.clone(), proptest::option::of(link)).prop_map(|(at, sender)| Op::Refuse(at, sender)),
        6 => at.clone().prop_map(Op::Take),
        1 => at.prop_map(Op::Invalid),
    ]
}

#[derive(Clone, Debug, PartialEq)]
enum State {
    Open,
    Asked(Vec<u8>),
    Paused(u64),
    Arrived(usize),
    Taken,
}

#[derive(Default)]
struct Model {
    base: u32,
    blocks: Vec<(Hash, State)>,
    made: u32,
}

impl Model {
    fn fresh(&mut self, count: u8) -> Vec<Hash> {
        let hash = |n: u32| {
            let mut hash = Hash::ZERO;
            hash.0[..4].copy_from_slice(&n.to_le_bytes());
            hash
        };
        self.made += u32::from(count);
        (self.made - u32::from(count)..self.made).map(hash).collect()
    }

    fn end(&self) -> u32 {
        self.base + u32::try_from(self.blocks.len()).unwrap()
    }

    fn heights(&self, which: impl Fn(&State) -> bool) -> Vec<u32> {
        let found = self.blocks.iter().enumerate().filter(|(_, (_, state))| which(state));
        found.map(|(at, _)| self.base + u32::try_from(at).unwrap()).collect()
    }

    fn replace(&mut self, above: u32, hashes: &[Hash]) {
        if above + 1 < self.base || above + 1 > self.end() {
            (self.base, self.blocks) = (above + 1, Vec::new());
        }
        self.blocks.truncate((above + 1 - self.base) as usize);
        self.blocks.extend(hashes.iter().map(|hash| (*hash, State::Open)));
    }

    /// A request of a link ended without the block.
    fn unask(&mut self, at: usize, link: u8) {
        if let Some((_, state)) = self.blocks.get_mut(at)
            && let State::Asked(links) = state
        {
            links.retain(|other| *other != link);
            if links.is_empty() {
                *state = State::Open;
            }
        }
    }

    fn apply(&mut self, window: &mut Window, op: &Op) {
        let link = |link: u8| LinkId(u64::from(link));
        let hash = |at: usize| self.blocks.get(at).map(|(hash, _)| *hash);
        let height = |at: usize| self.base + u32::try_from(at).unwrap();
        match *op {
            Op::Replace { below, count } => {
                let (above, hashes) = (self.end().saturating_sub(below + 1), self.fresh(count));
                self.replace(above, &hashes);
                window.replace(above, hashes);
            }
            Op::Skip { gap, count } => {
                let (above, hashes) = (self.end() + gap, self.fresh(count));
                self.replace(above, &hashes);
                window.replace(above, hashes);
            }
            Op::Ask(at, by) => {
                let height = height(at);
                let Some((_, state)) = self.blocks.get_mut(at) else { return };
                match state {
                    State::Open | State::Paused(_) => *state = State::Asked(vec![by]),
                    State::Asked(links) if !links.contains(&by) => links.push(by),
                    _ => return,
                }
                window.asked(height, link(by));
            }
            Op::InVain(at, by, absent) => {
                let Some(hash) = hash(at) else { return };
                self.unask(at, by);
                window.in_vain(&hash, link(by), absent.then_some(Time(1)));
            }
            Op::Forget(at, by) => {
                let Some(hash) = hash(at) else { return };
                self.unask(at, by);
                window.forget(&hash, link(by));
            }
            Op::Pause(at, until) => {
                window.pause(height(at), Time(until));
                if let Some((_, state @ State::Open)) = self.blocks.get_mut(at) {
                    *state = State::Paused(until);
                }
            }
            Op::Resume(now, all) => {
                window.resume(Time(now), all);
                for (_, state) in &mut self.blocks {
                    if matches!(state, State::Paused(until) if all || *until <= now) {
                        *state = State::Open;
                    }
                }
            }
            Op::Shown(at, by) => {
                let Some(hash) = hash(at) else { return };
                window.shown(&hash, link(by));
                for (at, (_, state)) in self.blocks.iter_mut().enumerate().take(at + 1) {
                    if matches!(state, State::Paused(_)) {
                        *state = State::Open;
                    }
                    let slot = window.slot(self.base + u32::try_from(at).unwrap()).unwrap();
                    assert!(!slot.absent.contains(&link(by)) && !slot.tried.contains(&link(by)));
                }
            }
            Op::Arrive(at, bytes) => {
                let Some((_, state)) = self.blocks.get_mut(at) else { return };
                let missing = !matches!(state, State::Arrived(_) | State::Taken);
                assert_eq!(window.arrive(height(at), bytes), missing);
                if missing {
                    *state = State::Arrived(bytes);
                }
            }
            Op::Refuse(at, sender) => {
                let Some(hash) = hash(at) else { return };
                window.refuse(&hash, sender.map(link));
                if let (_, state @ State::Arrived(_)) = &mut self.blocks[at] {
                    *state = State::Open;
                }
            }
            Op::Take(at) => {
                let Some(hash) = hash(at) else { return };
                window.take(&hash);
                self.blocks[at].1 = State::Taken;
            }
            Op::Invalid(at) => {
                let Some(hash) = hash(at) else { return };
                window.drop_invalid(&[hash]);
                self.blocks.truncate(at);
            }
        }
        while self.blocks.first().is_some_and(|(_, state)| *state == State::Taken) {
            self.blocks.remove(0);
            self.base += 1;
        }
    }

    fn compare(&self, window: &Window) {
        assert_eq!((window.base(), window.is_empty()), (self.base, self.blocks.is_empty()));
        let missing = self.heights(|state| !matches!(state, State::Arrived(_) | State::Taken));
        assert_eq!((window.missing(), window.lowest_missing()), (missing.len(), missing.first().copied()));
        let mut open = self.heights(|state| *state == State::Open);
        open.retain(|height| ((height - self.base) as usize) < FETCH_WINDOW);
        assert_eq!(window.to_ask().collect::<Vec<_>>(), open);
        assert!(window.being_asked().eq(self.heights(|state| matches!(state, State::Asked(_)))));
        let held = self.blocks.iter().map(|(_, state)| if let State::Arrived(bytes) = state { *bytes } else { 0 });
        assert_eq!(window.held(), held.sum::<usize>());
        let pauses = self.blocks.iter().filter_map(|(_, state)| match state {
            State::Paused(until) => Some(Time(*until)),
            _ => None,
        });
        assert_eq!(window.next_resume(), pauses.min());
        for (at, (hash, state)) in self.blocks.iter().enumerate() {
            let height = self.base + u32::try_from(at).unwrap();
            assert_eq!(window.height_of(hash), Some(height));
            let asked: Vec<LinkId> = match state {
                State::Asked(links) => links.iter().map(|link| LinkId(u64::from(*link))).collect(),
                State::Arrived(_) | State::Taken => continue,
                State::Open | State::Paused(_) => Vec::new(),
            };
            assert_eq!(window.slot(height).map(|slot| &slot.asked), Some(&asked));
        }
    }
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 300, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn the_window_is_a_list_of_blocks_in_one_state_each(ops in proptest::collection::vec(op(), 1..120)) {
        let (mut window, mut model) = (Window::default(), Model { base: 1, ..Model::default() });
        window.replace(0, Vec::new());
        for op in &ops {
            model.apply(&mut window, op);
            model.compare(&window);
        }
    }
}
