//! What waits to be sent on a link, in order, and how much of it is of which class.

use std::collections::VecDeque;

use crate::{
    base::{bytes::Bytes, hash::Hash, limits},
    chain::header::Header,
    link::flow::Backlog,
    wire::{frame::Frame, message::Kind},
};

/// Bodies above this size are shared between all links that send them; of others the bytes are copied.
const COPIED_BODY_BYTES: usize = 4096;

/// Why a frame is sent.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Class {
    /// The node's own requests, keep-alives, handshake.
    Own,
    /// The peer asked for it.
    Answer,
    /// A new block or transaction.
    News,
}

#[derive(Debug)]
struct Chunk {
    bytes: Bytes,
    kind: Kind,
    class: Class,
    /// The block whose body this is.
    block: Option<Hash>,
    /// It is what the link's turn is for.
    has_turn: bool,
}

/// A block that waits for a turn.
#[derive(Debug)]
struct Later {
    block: Hash,
    frame: Frame,
    class: Class,
}

/// The queue of one link.
#[derive(Debug, Default)]
pub(super) struct SendQueue {
    chunks: VecDeque<Chunk>,
    /// Bytes of the first chunk that have been sent.
    sent_of_first: usize,
    queued: usize,
    own: usize,
    transactions: usize,
    /// Bytes of pushed bodies, which other links may share.
    pushed: usize,
    /// Blocks that wait for the link's turn, in order. What is queued meanwhile goes before them.
    later: VecDeque<Later>,
    /// Bytes of those that are pushed, and of those that are answers.
    later_news: usize,
    later_answers: usize,
    /// Bytes of the body for which the link has its turn.
    turn: usize,
    /// Pushed bodies that have left the queue since the last look.
    left: Vec<Hash>,
    /// The turn has ended, or others are waiting, since the last look.
    turn_changed: bool,
}

impl SendQueue {
    /// Queues a frame, whatever waits already.
    pub(super) fn push(&mut self, frame: &Frame, magic: [u8; 4], class: Class) {
        self.push_frame(frame, magic, class, false);
    }

    fn push_frame(&mut self, frame: &Frame, magic: [u8; 4], class: Class, has_turn: bool) {
        let (kind, block) = (frame.kind, block_of(frame));
        let head = |bytes| Chunk { bytes, kind, class, block: None, has_turn: false };
        if kind == Kind::Block || frame.body.len() > COPIED_BODY_BYTES {
            self.push_chunk(head(frame.head(magic).to_vec().into()));
            self.push_chunk(Chunk { bytes: frame.body.clone(), kind, class, block, has_turn });
        } else {
            self.push_chunk(head(frame.to_bytes(magic).into()));
        }
    }

    /// Queues an answer. A large block waits for the link's turn, and so do blocks after it: they are answered in order.
    pub(super) fn answer(&mut self, frame: &Frame, magic: [u8; 4]) {
        let waits = is_large(frame) || self.later_answers > 0;
        match block_of(frame) {
            Some(block) if waits => self.push_later(block, frame, Class::Answer),
            _ => self.push(frame, magic, Class::Answer),
        }
    }

    /// Keeps a block until the link's turn.
    pub(super) fn push_later(&mut self, block: Hash, frame: &Frame, class: Class) {
        *self.later_of(class) += frame.wire_len();
        self.later.push_back(Later { block, frame: frame.clone(), class });
        self.turn_changed = true;
    }

    /// The count of bytes that wait for a turn.
    fn later_of(&mut self, class: Class) -> &mut usize {
        if class == Class::News { &mut self.later_news } else { &mut self.later_answers }
    }

    /// Queues the oldest block that waits for a turn, and says which it is and how large. Small ones that wait only for the
    /// order of answers follow.
    pub(super) fn begin_turn(&mut self, magic: [u8; 4]) -> Option<(Hash, usize)> {
        let first = self.later.pop_front()?;
        self.push_from_later(&first, magic, true);
        let follows = |next: &Later| next.class == Class::Answer && !is_large(&next.frame);
        while self.later.front().is_some_and(follows)
            && let Some(next) = self.later.pop_front()
        {
            self.push_from_later(&next, magic, false);
        }
        Some((first.block, first.frame.wire_len()))
    }

    fn push_from_later(&mut self, Later { frame, class, .. }: &Later, magic: [u8; 4], has_turn: bool) {
        *self.later_of(*class) -= frame.wire_len();
        self.push_frame(frame, magic, *class, has_turn);
    }

    /// Gives up the blocks that wait for a turn and that `is_useless` names. Those that were pushed count as having left the
    /// queue. Says how many these were.
    pub(super) fn drop_later(&mut self, is_useless: impl Fn(&Hash, Class) -> bool) -> usize {
        let before = self.left.len();
        let (left, changed) = (&mut self.left, &mut self.turn_changed);
        let (news, answers) = (&mut self.later_news, &mut self.later_answers);
        self.later.retain(|Later { block, frame, class }| {
            let goes = is_useless(block, *class);
            let is_news = *class == Class::News;
            if goes {
                *(if is_news { &mut *news } else { &mut *answers }) -= frame.wire_len();
                *changed = true;
            }
            if goes && is_news {
                left.push(*block);
            }
            !goes
        });
        self.left.len() - before
    }

    /// Bytes of pushed blocks that wait for a turn.
    pub(super) fn later_news(&self) -> usize {
        self.later_news
    }

    /// The block that waits for a turn before others.
    pub(super) fn first_later(&self) -> Option<Hash> {
        self.later.front().map(|later| later.block)
    }

    /// Whether a block, or a part of it, is still to be sent although its turn has begun.
    pub(super) fn has_turn(&self) -> bool {
        self.turn > 0
    }

    fn push_chunk(&mut self, chunk: Chunk) {
        self.count(&chunk, chunk.bytes.len(), usize::wrapping_add);
        self.chunks.push_back(chunk);
    }

    /// Counts bytes of a chunk that came or went.
    fn count(&mut self, chunk: &Chunk, bytes: usize, change: fn(usize, usize) -> usize) {
        self.queued = change(self.queued, bytes);
        if chunk.has_turn {
            self.turn = change(self.turn, bytes);
        }
        match chunk.class {
            Class::Own => self.own = change(self.own, bytes),
            Class::News if chunk.kind != Kind::Block => self.transactions = change(self.transactions, bytes),
            Class::News if chunk.block.is_some() => self.pushed = change(self.pushed, bytes),
            Class::News | Class::Answer => {}
        }
    }

    /// Up to `count` chunks to send next, for vectored writes.
    pub(super) fn outputs(&self, count: usize) -> impl Iterator<Item = &[u8]> {
        let skip = |at| if at == 0 { self.sent_of_first } else { 0 };
        self.chunks.iter().take(count).enumerate().map(move |(at, chunk)| &chunk.bytes[skip(at)..])
    }

    /// `count` bytes of what [`SendQueue::outputs`] offered were sent.
    pub(super) fn sent(&mut self, mut count: usize) {
        while let Some(first) = self.chunks.pop_front() {
            let left = first.bytes.len() - self.sent_of_first;
            self.count(&first, left.min(count), usize::saturating_sub);
            if count < left {
                self.sent_of_first += count;
                return self.chunks.push_front(first);
            }
            count -= left;
            self.sent_of_first = 0;
            self.turn_changed |= first.has_turn;
            self.left.extend(first.block.filter(|_| first.class == Class::News));
        }
    }

    /// Whether a body of this block waits here, or a part of it.
    pub(super) fn has_block(&self, block: &Hash) -> bool {
        self.copies(block) > 0
    }

    /// How often a body of this block waits here.
    pub(super) fn copies(&self, block: &Hash) -> usize {
        let queued = self.chunks.iter().filter_map(|chunk| chunk.block);
        queued.chain(self.later()).filter(|waits| waits == block).count()
    }

    fn later(&self) -> impl Iterator<Item = Hash> + '_ {
        self.later.iter().map(|later| later.block)
    }

    /// Bytes that wait, without blocks that wait for a turn.
    pub(super) fn queued(&self) -> usize {
        self.queued
    }

    /// Bytes that wait, without pushed bodies.
    pub(super) fn unshared(&self) -> usize {
        self.queued - self.pushed + self.later_answers
    }

    /// Adds what waits here. Pushed blocks that wait for a turn hold up no answer.
    pub(super) fn add_to(&self, backlog: &mut Backlog) {
        backlog.queued = self.queued + self.later_answers;
        (backlog.own, backlog.transactions) = (self.own, self.transactions);
    }

    /// Pushed bodies that have left the queue since the last call.
    pub(super) fn take_left(&mut self) -> Vec<Hash> {
        std::mem::take(&mut self.left)
    }

    /// Whether, since the last call, the turn has ended or other blocks wait for one.
    pub(super) fn take_turn_changed(&mut self) -> bool {
        std::mem::take(&mut self.turn_changed)
    }

    /// Pushed bodies that are in the queue, or wait for a turn.
    pub(super) fn pushed(&self) -> impl Iterator<Item = Hash> + '_ {
        let queued = self.chunks.iter().filter(|chunk| chunk.class == Class::News);
        let later = self.later.iter().filter(|later| later.class == Class::News);
        queued.filter_map(|chunk| chunk.block).chain(later.map(|later| later.block))
    }
}

/// Whether a block waits for a turn. Smaller ones need no lease where they arrive, either.
fn is_large(frame: &Frame) -> bool {
    frame.body.len() > limits::LEASE_FREE_BYTES
}

/// The block whose body a frame carries.
pub(super) fn block_of(frame: &Frame) -> Option<Hash> {
    (frame.kind == Kind::Block).then(|| Header::peek(&frame.body)).flatten().map(|header| header.hash())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::wire::message::Message;

    const MAGIC: [u8; 4] = [1, 2, 3, 4];

    #[test]
    fn output_is_the_frames_in_order_however_it_is_cut() {
        let frames = [Message::Verack(1), Message::Block(vec![5; 10_000].into()), Message::GetPeers];
        let expected: Vec<u8> = frames.iter().flat_map(|m| Frame::new(m).to_bytes(MAGIC)).collect();
        for step in [1, 7, 5000, 100_000] {
            let mut queue = SendQueue::default();
            frames.iter().for_each(|message| queue.push(&Frame::new(message), MAGIC, Class::Answer));
            let mut out = Vec::new();
            while queue.queued() > 0 {
                let chunk: Vec<u8> = queue.outputs(3).flatten().copied().take(step).collect();
                queue.sent(chunk.len());
                out.extend(chunk);
            }
            assert_eq!(out, expected);
            assert_eq!(queue.queued(), 0);
        }
    }

    #[test]
    fn bytes_are_counted_by_class_until_they_are_sent() {
        let mut queue = SendQueue::default();
        let transaction = Frame::new(&Message::Transaction(vec![3; 400].into()));
        let block = Frame::new(&Message::Block(vec![0; 10_000].into()));
        let hash = block_of(&block).unwrap();
        let own = Frame::new(&Message::GetPeers);
        for (frame, class) in [(&transaction, Class::News), (&block, Class::News), (&own, Class::Own)] {
            queue.push(frame, MAGIC, class);
        }
        let mut backlog = Backlog::default();
        queue.add_to(&mut backlog);
        assert_eq!((backlog.own, backlog.transactions), (own.wire_len(), transaction.wire_len()));
        assert_eq!((queue.unshared(), queue.pushed().collect::<Vec<_>>()), (queue.queued() - 10_000, vec![hash]));
        queue.sent(transaction.wire_len() + 13 + 9_999);
        assert!(queue.has_block(&hash) && queue.take_left().is_empty());
        queue.sent(1);
        assert!(!queue.has_block(&hash));
        assert_eq!((queue.take_left(), queue.unshared(), queue.queued()), (vec![hash], own.wire_len(), own.wire_len()));
    }
}
