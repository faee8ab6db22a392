//! No two links wait for each other: a model of the rules that tries every order of events over tiny pipes, and two real
//! endpoints over small pipes in orders that seeds draw.

use std::collections::{BTreeSet, HashSet, VecDeque};

use super::*;
use crate::{
    base::{limits, rng::Rng, time::Time},
    link::{
        Config, Endpoint, Transport,
        flow::{Backlog, Bounds},
        tests::rig::{Inboxes, US, info},
    },
};

// ---- The model. A unit is the least that a pipe carries. ----

/// Requests that a side has open at most.
const WINDOW: usize = 2;

#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub(super) enum Item {
    News,
    Request,
    Answer,
}

impl Item {
    fn units(self) -> usize {
        if self == Self::Request { 1 } else { 2 }
    }
}

/// What is tried.
#[derive(Clone, Copy)]
pub(super) struct Setting {
    bounds: Bounds,
    reads: fn(&Bounds, &Backlog) -> bool,
    pipe: usize,
    pub(super) pushes: usize,
    pub(super) requests: usize,
}

#[derive(Clone, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub(super) struct Half {
    /// News and requests that it will still make.
    to_push: usize,
    to_ask: usize,
    /// Its requests without an answer.
    awaited: usize,
    /// The peer's requests, held back and handed on.
    held: usize,
    open: usize,
    queue: VecDeque<Item>,
    /// Units of the queue's first item that are sent.
    sent: usize,
    /// Units on their way to the other side; `Some`: the last of an item.
    pub(super) pipe: VecDeque<Option<Item>>,
}

impl Half {
    pub(super) fn new(pushes: usize, requests: usize) -> Self {
        Self { to_push: pushes, to_ask: requests, ..Self::default() }
    }

    /// Whether something waits to be sent.
    pub(super) fn has_queue(&self) -> bool {
        !self.queue.is_empty()
    }

    fn backlog(&self) -> Backlog {
        let units = |wanted: Option<Item>| -> usize {
            let items = self.queue.iter().filter(|item| wanted.is_none_or(|wanted| wanted == **item));
            items.map(|item| item.units()).sum()
        };
        Backlog {
            queued: units(None) - self.sent,
            own: units(Some(Item::Request)),
            expected: self.open * Item::Answer.units(),
            blocks: self.open + self.held,
            ..Backlog::default()
        }
    }

    pub(super) fn is_done(&self) -> bool {
        (self.awaited, self.held, self.open) == (0, 0, 0) && self.queue.is_empty() && self.pipe.is_empty()
    }
}

/// What may happen at one side.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Step {
    Push,
    Ask,
    Write,
    Read,
    HandOn,
    Answer,
}

/// What moves on without anybody starting something new.
pub(super) const MOVES: [Step; 4] = [Step::Write, Step::Read, Step::HandOn, Step::Answer];

/// Both sides, the lesser first: they are alike.
type State = [Half; 2];

fn step(setting: &Setting, state: &State, side: usize, step: Step) -> Option<State> {
    let mut next = advance(setting, state, side, step)?;
    next.sort();
    Some(next)
}

/// Both sides of a link after a step of one side, if it can take it.
pub(super) fn advance(setting: &Setting, state: &State, side: usize, step: Step) -> Option<State> {
    let (mut next, bounds) = (state.clone(), &setting.bounds);
    let [first, second] = &mut next;
    let (half, other) = if side == 0 { (first, second) } else { (second, first) };
    let backlog = half.backlog();
    match step {
        Step::Push => {
            half.to_push = half.to_push.checked_sub(1)?;
            // What finds no room is left out.
            if bounds.takes_block(&backlog) {
                half.queue.push_back(Item::News);
            }
        }
        Step::Ask => {
            half.to_ask = half.to_ask.checked_sub(1).filter(|_| half.awaited < WINDOW)?;
            half.awaited += 1;
            half.queue.push_back(Item::Request);
        }
        Step::Write => {
            let item = *half.queue.front().filter(|_| half.pipe.len() < setting.pipe)?;
            half.sent += 1;
            let ends = half.sent == item.units();
            half.pipe.push_back(ends.then_some(item));
            if ends {
                (half.sent, _) = (0, half.queue.pop_front());
            }
        }
        Step::Read => match Some(&mut other.pipe).filter(|_| (setting.reads)(bounds, &backlog))?.pop_front()? {
            Some(Item::Request) if bounds.answers(&backlog, false) => half.open += 1,
            Some(Item::Request) => half.held += 1,
            Some(Item::Answer) => half.awaited -= 1,
            Some(Item::News) | None => {}
        },
        Step::HandOn => {
            half.held = half.held.checked_sub(1).filter(|_| bounds.answers(&backlog, false))?;
            half.open += 1;
        }
        Step::Answer => {
            half.open = half.open.checked_sub(1)?;
            half.queue.push_back(Item::Answer);
        }
    }
    Some(next)
}

/// Tries every order of events. Returns how many states there are and the first in which something waits and nothing moves.
fn explore(setting: &Setting) -> (usize, Option<State>) {
    let half = Half::new(setting.pushes, setting.requests);
    let start: State = [half.clone(), half];
    let (mut seen, mut next) = (HashSet::from([start.clone()]), vec![start]);
    while let Some(state) = next.pop() {
        let after = |steps: &[Step]| -> Vec<State> {
            let sides = [0, 1].into_iter().flat_map(|side| steps.iter().map(move |one| (side, *one)));
            sides.filter_map(|(side, one)| step(setting, &state, side, one)).collect()
        };
        let moves = after(&MOVES);
        if moves.is_empty() && !state.iter().all(Half::is_done) {
            return (seen.len(), Some(state));
        }
        for reached in moves.into_iter().chain(after(&[Step::Push, Step::Ask])) {
            if seen.insert(reached.clone()) {
                next.push(reached);
            }
        }
    }
    (seen.len(), None)
}

/// The protocol's bounds with as many units as they have blocks, and twice as many requests as a side has open.
pub(super) fn setting(pipe: usize, pushes: usize, requests: usize) -> Setting {
    let bounds = Bounds { soft: 1, crowded: 1, own: usize::MAX, blocks: 2 * WINDOW, ..Bounds::PROTOCOL };
    Setting { bounds, reads: Bounds::reads, pipe, pushes, requests }
}

#[test]
fn some_byte_always_moves_whatever_the_order_of_events() {
    for pipe in 1..=4 {
        for (pushes, requests) in [(3, 0), (2, 1), (1, 2), (0, 3)] {
            for soft in [1, 2] {
                let mut setting = setting(pipe, pushes, requests);
                setting.bounds.soft = soft;
                let (states, stuck) = explore(&setting);
                assert!(states > 50 && stuck.is_none(), "pipe {pipe}, {pushes} pushes, {requests} requests: {stuck:?}");
            }
        }
    }
}

#[test]
fn the_model_finds_that_reading_must_not_wait_for_what_the_peer_leaves_unread() {
    for pipe in 1..=2 {
        let reads = |bounds: &Bounds, backlog: &Backlog| backlog.queued < bounds.soft;
        let (_, stuck) = explore(&Setting { reads, ..setting(pipe, 2, 0) });
        let stuck = stuck.expect("two sides that push wait for each other");
        assert!(stuck.iter().all(|half| !half.queue.is_empty() && half.pipe.len() == pipe), "{stuck:?}");
    }
}

#[test]
fn the_model_finds_that_fewer_requests_than_a_side_may_have_open_must_not_end_reading() {
    let mut setting = setting(1, 0, 3);
    setting.bounds.blocks = WINDOW - 1;
    assert!(explore(&setting).1.is_some());
    const { assert!(limits::UNANSWERED_BLOCKS > 2 * limits::PEER_WINDOW_MOST) };
}

// ---- Real endpoints. ----

/// Two endpoints, each with one link to the other.
struct Pair {
    ends: [Endpoint<Inboxes>; 2],
    links: [LinkId; 2],
    /// What each side has sent and the other has not read.
    pipes: [VecDeque<u8>; 2],
    pipe_bytes: usize,
    /// Blocks that each side has received.
    received: [usize; 2],
}

impl Pair {
    fn new(pipe_bytes: usize) -> Self {
        let end = |_| {
            let mut end =
                Endpoint::new(Config { transport: Transport::Clear(US), ..Config::new(MAGIC, 8) }, Inboxes::default());
            let link = end.accepted(Time(0), ([1, 2, 3, 4], 5).into()).unwrap();
            end.order(Time(0), Order::Link(LinkAction::Promote { link, peer: info() }));
            (end, link)
        };
        let [(one, one_link), (other, other_link)] = [0, 1].map(end);
        let pipes = [VecDeque::new(), VecDeque::new()];
        Self { ends: [one, other], links: [one_link, other_link], pipes, pipe_bytes, received: [0, 0] }
    }

    fn order(&mut self, side: usize, action: impl FnOnce(LinkId) -> LinkAction) {
        self.ends[side].order(Time(0), Order::Link(action(self.links[side])));
    }

    /// Moves some bytes into the pipe. Returns how many.
    fn write(&mut self, side: usize, most: usize) -> usize {
        let (end, link, pipe) = (&mut self.ends[side], self.links[side], &mut self.pipes[side]);
        let room = (self.pipe_bytes - pipe.len()).min(most);
        let bytes: Vec<u8> = end.transmit(link, 4).flatten().copied().take(room).collect();
        end.sent(link, bytes.len());
        pipe.extend(&bytes);
        bytes.len()
    }

    fn read(&mut self, side: usize, most: usize) -> usize {
        let (end, link, pipe) = (&mut self.ends[side], self.links[side], &mut self.pipes[1 - side]);
        let wanted = end.wants(Time(0), link).min(most).min(pipe.len());
        let bytes: Vec<u8> = pipe.drain(..wanted).collect();
        end.received(Time(0), link, &bytes);
        bytes.len()
    }

    /// The roles of a side answer all requests that they have heard of.
    fn work(&mut self, side: usize) -> usize {
        while self.ends[side].next_turn().is_some() {}
        let mut done = 0;
        while let Some(event) = self.ends[side].sink_mut().next(RoleId::Ledger) {
            if let LinkEvent::Frame { .. } = event {
                done += 1;
                let frames = vec![Frame::new(&block(150_000))];
                self.order(side, |link| LinkAction::Answer { link, request: Kind::GetBlock, frames });
            }
        }
        while let Some(event) = self.ends[side].sink_mut().next(RoleId::Fetch) {
            self.received[side] += usize::from(matches!(event, LinkEvent::Frame { .. }));
        }
        done
    }
}

#[test]
fn two_endpoints_that_push_and_ask_over_small_pipes_always_move_on() {
    for (seed, pipe_bytes) in [(1, 1_448), (2, 20_000), (3, 100_000), (4, 300_000)] {
        let (mut rng, mut pair) = (Rng::from_number(seed), Pair::new(pipe_bytes));
        let (mut to_do, mut asked) = (BTreeSet::from([0, 1]), [0usize, 0]);
        let mut quiet = 0;
        while quiet < 200 {
            let side = usize::from(rng.chance(500_000));
            let moved = match rng.below(8) {
                0 if asked[side] < 16 => {
                    asked[side] += 1;
                    let hash = Hash(rng.bytes());
                    pair.order(side, |link| LinkAction::Send { link, frame: Frame::new(&Message::GetBlock(hash)) });
                    1
                }
                1 if to_do.contains(&side) => {
                    let frame = Frame::new(&block(1_000_000));
                    pair.order(side, |link| LinkAction::Relay { link, frame });
                    usize::from(rng.chance(900_000) || !to_do.remove(&side))
                }
                2 => pair.work(side),
                3..=5 => pair.write(side, 100_000),
                _ => pair.read(side, 100_000),
            };
            quiet = if moved > 0 { 0 } else { quiet + 1 };
        }
        assert!(pair.received.iter().all(|blocks| *blocks >= 16), "{:?} with pipes of {pipe_bytes}", pair.received);
        for side in [0, 1] {
            assert!(pair.pipes[side].is_empty() && pair.ends[side].queued(pair.links[side]) == 0);
            assert!(pair.ends[side].is_live(pair.links[side]));
        }
    }
}
