//! Pushes blocks without end, and reads a link only while nothing waits to be sent on it: two nodes that both did so over
//! small buffers would stop each other.

use std::collections::VecDeque;

use crate::{
    base::ids::LinkId,
    sim::byzantine::trick::{Context, Trick},
    wire::{frame::Frame, message::Kind},
};

/// Blocks that it pushes again and again: fewer a second than a peer may send of those that are known.
const BLOCKS: usize = 16;

/// The trick.
#[derive(Default)]
pub(super) struct Pushes {
    /// The blocks that its roles sent last.
    blocks: VecDeque<Frame>,
    /// Whether the log has it.
    is_told: bool,
}

impl Trick for Pushes {
    fn send(&mut self, _link: LinkId, frame: Frame, _context: &mut Context<'_>) -> Vec<Frame> {
        if frame.kind == Kind::Block && !self.blocks.contains(&frame) {
            self.blocks.push_back(frame.clone());
            self.blocks.truncate(BLOCKS);
        }
        vec![frame]
    }

    fn tick(&mut self, links: &[LinkId], _context: &mut Context<'_>) -> Vec<(LinkId, Frame)> {
        let pushes: Vec<_> =
            links.iter().flat_map(|link| self.blocks.iter().map(|block| (*link, block.clone()))).collect();
        if !pushes.is_empty() && !std::mem::replace(&mut self.is_told, true) {
            log::debug!(target: "tussock::sim", "a node pushes blocks again and again and reads only while nothing waits");
        }
        pushes
    }

    fn reads(&self, _link: LinkId, queued: usize) -> Option<u64> {
        (queued > 0).then_some(0)
    }
}
