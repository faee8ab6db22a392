//! Claims more work than anybody and answers a few questions for headers at once. Later answers come late, each just before
//! the asker would give up, with true headers but few of them.

use std::collections::{BTreeMap, VecDeque};

use crate::{
    base::{codec::List, ids::LinkId, rng::Rng},
    sim::byzantine::{
        claims::longer_chain,
        trick::{Context, Trick},
    },
    wire::{
        frame::Frame,
        message::{Kind, Message},
    },
};

/// Headers that the claimed chain seems to have on top of the node's own.
const CLAIMED: u32 = 5000;
/// Turns from one answer to the next: 2.8 s.
const EVERY: u64 = 4;
/// Answers that wait for one link; a node has at most 17 questions open.
const MOST: usize = 64;

/// The trick.
pub(super) struct LateHeaders {
    /// Answers that come at once.
    prompt: usize,
    /// Headers of one answer.
    headers: usize,
    links: BTreeMap<LinkId, Answers>,
    ticks: u64,
}

#[derive(Default)]
struct Answers {
    given: usize,
    waiting: VecDeque<Frame>,
}

impl LateHeaders {
    pub(super) fn draw(rng: &mut Rng) -> Self {
        let prompt = usize::try_from(rng.between(0, 2)).unwrap_or(0);
        Self { prompt, headers: *rng.pick(&[1, 3, 20]).unwrap_or(&1), links: BTreeMap::new(), ticks: 0 }
    }
}

impl Trick for LateHeaders {
    fn send(&mut self, link: LinkId, frame: Frame, context: &mut Context<'_>) -> Vec<Frame> {
        if let Some(message) = longer_chain(&frame, CLAIMED, context) {
            return vec![Frame::new(&message)];
        }
        let (Kind::Sync, Ok(Message::Sync(headers))) = (frame.kind, frame.open()) else { return vec![frame] };
        let mut headers = headers.into_vec();
        headers.truncate(self.headers);
        let answer = Frame::new(&Message::Sync(List::truncated(headers)));
        let answers = self.links.entry(link).or_default();
        answers.given += 1;
        if answers.given <= self.prompt {
            return vec![answer];
        }
        if answers.waiting.len() < MOST {
            answers.waiting.push_back(answer);
        }
        Vec::new()
    }

    fn tick(&mut self, links: &[LinkId], context: &mut Context<'_>) -> Vec<(LinkId, Frame)> {
        self.links.retain(|link, _| links.contains(link));
        self.ticks += 1;
        if !self.ticks.is_multiple_of(EVERY) {
            return Vec::new();
        }
        let due: Vec<_> =
            self.links.iter_mut().filter_map(|(link, answers)| Some((*link, answers.waiting.pop_front()?))).collect();
        for (link, _) in &due {
            log::debug!(target: "tussock::sim", "node {} sends headers late link={}", context.node, link.0);
        }
        due
    }
}
