//! What a peer has asked for and has no answer to: requests that are held back, and those that a role has.

use std::collections::VecDeque;

use crate::{
    base::{hash::Hash, limits},
    link::flow::{Backlog, Bounds},
    wire::{
        frame::Frame,
        message::{Kind, Message},
    },
};

/// The requests of one link.
#[derive(Debug)]
pub(super) struct Requests {
    /// Held back until earlier ones are answered, oldest first.
    held: VecDeque<Frame>,
    /// Handed on, oldest first.
    open: VecDeque<Open>,
    /// The size that a block is expected to have: that of the largest recent one, which fades slowly.
    block_size: usize,
}

/// A request that a role has.
#[derive(Debug)]
struct Open {
    kind: Kind,
    /// The block that was asked for.
    block: Option<Hash>,
}

impl Requests {
    pub(super) fn new() -> Self {
        Self { held: VecDeque::new(), open: VecDeque::new(), block_size: limits::SEND_SOFT_BYTES }
    }

    /// Whether frames of this kind get an answer whose size needs a limit.
    pub(super) fn are(kind: Kind) -> bool {
        matches!(kind, Kind::GetBlock | Kind::GetSync | Kind::GetSkeleton | Kind::GetMemoryPool)
    }

    /// Adds what these requests come to.
    pub(super) fn add_to(&self, backlog: &mut Backlog) {
        let kinds = || self.open.iter().map(|open| open.kind).chain(self.held.iter().map(|frame| frame.kind));
        backlog.blocks = kinds().filter(|kind| *kind == Kind::GetBlock).count();
        backlog.syncs = kinds().filter(|kind| matches!(kind, Kind::GetSync | Kind::GetSkeleton)).count();
        backlog.expected = self.open.iter().map(|open| self.expected(open.kind)).sum();
        let pools = self.held.iter().filter(|frame| frame.kind == Kind::GetMemoryPool);
        backlog.pools = pools.map(Frame::wire_len).sum();
    }

    /// Bytes that the answer to a request is expected to take.
    fn expected(&self, kind: Kind) -> usize {
        match kind {
            // However small blocks were, the next ones may be the largest.
            Kind::GetBlock => self.block_size.max(limits::SEND_SOFT_BYTES / limits::ANSWERS_AT_ONCE),
            Kind::GetSync | Kind::GetSkeleton => limits::MAX_SYNC_BYTES,
            _ => limits::SEND_SOFT_BYTES,
        }
    }

    /// Whether some are held back.
    pub(super) fn has_held(&self) -> bool {
        !self.held.is_empty()
    }

    /// Hands on the oldest that is held back.
    pub(super) fn release(&mut self) -> Option<Frame> {
        let frame = self.held.pop_front()?;
        self.hand_on(&frame);
        Some(frame)
    }

    /// Notes that a role gets this request.
    pub(super) fn hand_on(&mut self, frame: &Frame) {
        self.open.push_back(Open { kind: frame.kind, block: asked_block(frame) });
    }

    /// Holds a request back, or drops it.
    pub(super) fn hold(&mut self, frame: Frame, bounds: &Bounds, backlog: &Backlog) {
        if frame.kind != Kind::GetMemoryPool || bounds.holds_pool(backlog, frame.wire_len()) {
            self.held.push_back(frame);
        }
    }

    /// Takes the oldest request of this kind, which these frames answer, off the list. False: there is none.
    pub(super) fn settle(&mut self, kind: Kind, frames: &[Frame]) -> bool {
        if let Some(block) = frames.first().filter(|frame| frame.kind == Kind::Block) {
            self.block_size = block.wire_len().max(self.block_size - self.block_size / 8);
        }
        let at = self.open.iter().position(|open| open.kind == kind);
        at.and_then(|at| self.open.remove(at)).is_some()
    }

    /// Whether a `GetBlock` for this block has no answer yet.
    pub(super) fn want(&self, block: &Hash) -> bool {
        let held = || self.held.iter().filter_map(asked_block);
        self.open.iter().any(|open| open.block == Some(*block)) || held().any(|hash| hash == *block)
    }

    /// Bytes of requests that are held back.
    pub(super) fn held_bytes(&self) -> usize {
        self.held.iter().map(Frame::wire_len).sum()
    }

    pub(super) fn clear(&mut self) {
        self.held.clear();
        self.open.clear();
    }
}

/// The block that a `GetBlock` is for; `None` for other frames.
pub(super) fn asked_block(frame: &Frame) -> Option<Hash> {
    match frame.kind {
        Kind::GetBlock => match frame.open() {
            Ok(Message::GetBlock(hash)) => Some(hash),
            _ => None,
        },
        _ => None,
    }
}
