//! Mines and delivers whole blocks, one after the other with a pause: just often enough to be waited for, or a little too
//! seldom.

use std::collections::VecDeque;

use crate::{
    base::{ids::LinkId, rng::Rng},
    sim::byzantine::trick::{Context, Trick},
    wire::{frame::Frame, message::Kind},
};

/// Blocks that wait; beyond that the oldest is dropped.
const MOST: usize = 256;

/// The trick.
pub(super) struct Trickle {
    waiting: VecDeque<(LinkId, Frame)>,
    /// Ticks from one block to the next.
    every: u64,
    ticks: u64,
}

impl Trickle {
    pub(super) fn draw(rng: &mut Rng) -> Self {
        Self { waiting: VecDeque::new(), every: *rng.pick(&[1, 2, 4, 12, 25]).unwrap_or(&1), ticks: 0 }
    }
}

impl Trick for Trickle {
    fn send(&mut self, link: LinkId, frame: Frame, _context: &mut Context<'_>) -> Vec<Frame> {
        if frame.kind != Kind::Block {
            return vec![frame];
        }
        self.waiting.push_back((link, frame));
        if self.waiting.len() > MOST {
            self.waiting.pop_front();
        }
        Vec::new()
    }

    fn tick(&mut self, links: &[LinkId], context: &mut Context<'_>) -> Vec<(LinkId, Frame)> {
        self.waiting.retain(|(link, _)| links.contains(link));
        self.ticks += 1;
        if !self.ticks.is_multiple_of(self.every) {
            return Vec::new();
        }
        let Some((link, frame)) = self.waiting.pop_front() else { return Vec::new() };
        let (node, left) = (context.node, self.waiting.len());
        log::debug!(target: "tussock::sim", "node {node} delivers one block at last link={} others_wait={left}", link.0);
        vec![(link, frame)]
    }

    fn mines(&self) -> bool {
        true
    }
}
