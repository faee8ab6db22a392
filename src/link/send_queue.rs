//! What waits to be sent on a link, in order, and how much of it is of which class.

use std::collections::VecDeque;

use crate::{
    base::{bytes::Bytes, hash::Hash, limits::FRAME_HEAD_BYTES},
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
    /// A block that an authority proposes.
    Proposal,
}

#[derive(Debug)]
struct Chunk {
    bytes: Bytes,
    kind: Kind,
    class: Class,
    /// The block whose body this is, or the proposal.
    block: Option<Hash>,
}

/// The queue of one link.
#[derive(Debug, Default)]
pub(super) struct SendQueue {
    chunks: VecDeque<Chunk>,
    /// Bytes of the first chunk that have been sent.
    sent_of_first: usize,
    queued: usize,
    own: usize,
    answers: usize,
    transactions: usize,
    /// Bytes of pushed bodies, which other links may share.
    pushed: usize,
    /// Pushed blocks that wait for their turn. What is queued meanwhile goes before them.
    later: VecDeque<(Hash, Frame)>,
    /// Bytes of these.
    later_bytes: usize,
    /// Pushed bodies that have left the queue since the last look.
    left: Vec<Hash>,
    /// Bytes of proposals, which other links may share.
    proposed: usize,
    /// The newest proposal, while an older one is being sent.
    next_proposal: Option<(Hash, Frame, [u8; 4])>,
    /// Proposals that have left the queue since the last look.
    left_proposals: Vec<Hash>,
    /// Transactions that have.
    left_transactions: u64,
}

impl SendQueue {
    /// Queues a frame, whatever waits already.
    pub(super) fn push(&mut self, frame: &Frame, magic: [u8; 4], class: Class) {
        let block = block_of(frame);
        if frame.kind == Kind::Block || frame.body.len() > COPIED_BODY_BYTES {
            self.push_chunk(frame.head(magic).to_vec().into(), frame.kind, class, None);
            self.push_chunk(frame.body.clone(), frame.kind, class, block);
        } else {
            self.push_chunk(frame.to_bytes(magic).into(), frame.kind, class, None);
        }
    }

    /// Queues a proposal. One that waits already is of no use any more.
    pub(super) fn propose(&mut self, name: Hash, frame: &Frame, magic: [u8; 4]) {
        if self.proposed > 0 {
            self.give_up_proposal();
            self.next_proposal = Some((name, frame.clone(), magic));
        } else {
            self.push_chunk(frame.head(magic).to_vec().into(), frame.kind, Class::Proposal, None);
            self.push_chunk(frame.body.clone(), frame.kind, Class::Proposal, Some(name));
        }
    }

    /// Gives up the proposal that waits for the end of an older one.
    pub(super) fn give_up_proposal(&mut self) {
        self.left_proposals.extend(self.next_proposal.take().map(|(name, ..)| name));
    }

    /// Proposals that are in the queue, or wait for the end of an older one.
    pub(super) fn proposals(&self) -> impl Iterator<Item = Hash> + '_ {
        let queued = self.chunks.iter().filter(|chunk| chunk.class == Class::Proposal);
        queued.filter_map(|chunk| chunk.block).chain(self.next_proposal.iter().map(|(name, ..)| *name))
    }

    /// Proposals that have left the queue since the last call.
    pub(super) fn take_left_proposals(&mut self) -> Vec<Hash> {
        std::mem::take(&mut self.left_proposals)
    }

    /// Keeps a pushed block until its turn.
    pub(super) fn push_later(&mut self, block: Hash, frame: &Frame) {
        self.later_bytes += frame.wire_len();
        self.later.push_back((block, frame.clone()));
    }

    /// Queues the oldest block that waits for its turn, and says how large it is.
    pub(super) fn begin_push(&mut self, magic: [u8; 4]) -> Option<usize> {
        let (_, frame) = self.later.pop_front()?;
        self.later_bytes -= frame.wire_len();
        self.push(&frame, magic, Class::News);
        Some(frame.wire_len())
    }

    /// Gives up the blocks that wait for their turn and that `is_useless` names. They count as having left the queue.
    pub(super) fn drop_later(&mut self, is_useless: impl Fn(&Hash) -> bool) -> usize {
        let before = self.later.len();
        let (left, bytes) = (&mut self.left, &mut self.later_bytes);
        self.later.retain(|(block, frame)| {
            let stays = !is_useless(block);
            if !stays {
                left.push(*block);
                *bytes -= frame.wire_len();
            }
            stays
        });
        before - self.later.len()
    }

    /// Bytes of our own requests and keep-alives.
    pub(super) fn own(&self) -> usize {
        self.own
    }

    /// Bytes of blocks that wait for their turn.
    pub(super) fn later_bytes(&self) -> usize {
        self.later_bytes
    }

    /// Whether blocks wait for their turn.
    pub(super) fn has_later(&self) -> bool {
        !self.later.is_empty()
    }

    /// Whether a pushed block, or a part of it, is still to be sent although its turn has begun.
    pub(super) fn is_pushing(&self) -> bool {
        self.pushed > 0
    }

    /// Whether an answer, or a part of it, is still to be sent.
    pub(super) fn is_answering(&self) -> bool {
        self.answers > 0
    }

    fn push_chunk(&mut self, bytes: Bytes, kind: Kind, class: Class, block: Option<Hash>) {
        let chunk = Chunk { bytes, kind, class, block };
        self.count(&chunk, chunk.bytes.len(), usize::wrapping_add);
        self.chunks.push_back(chunk);
    }

    /// Counts bytes of a chunk that came or went.
    fn count(&mut self, chunk: &Chunk, bytes: usize, change: fn(usize, usize) -> usize) {
        self.queued = change(self.queued, bytes);
        match chunk.class {
            Class::Own => self.own = change(self.own, bytes),
            Class::Answer => self.answers = change(self.answers, bytes),
            Class::News if matches!(chunk.kind, Kind::Transaction | Kind::Announce) => {
                self.transactions = change(self.transactions, bytes)
            }
            Class::News if chunk.block.is_some() => self.pushed = change(self.pushed, bytes),
            Class::Proposal if chunk.block.is_some() => self.proposed = change(self.proposed, bytes),
            Class::News | Class::Proposal => {}
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
            // A long one comes in two chunks, the first of which is its head.
            let is_transaction = first.kind == Kind::Transaction && first.bytes.len() > FRAME_HEAD_BYTES;
            self.left_transactions += u64::from(is_transaction);
            self.left.extend(first.block.filter(|_| first.class == Class::News));
            if let Some(name) = first.block.filter(|_| first.class == Class::Proposal) {
                self.left_proposals.push(name);
                if let Some((next, frame, magic)) = self.next_proposal.take() {
                    self.propose(next, &frame, magic);
                }
            }
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
        self.later.iter().map(|(block, _)| *block)
    }

    /// Bytes that wait, without blocks that wait for their turn.
    pub(super) fn queued(&self) -> usize {
        self.queued
    }

    /// Bytes that wait, without pushed bodies and proposals.
    pub(super) fn unshared(&self) -> usize {
        self.queued - self.pushed - self.proposed
    }

    /// Adds what waits here.
    pub(super) fn add_to(&self, backlog: &mut Backlog) {
        (backlog.queued, backlog.own, backlog.transactions) = (self.queued, self.own, self.transactions);
    }

    /// Pushed bodies that have left the queue since the last call.
    pub(super) fn take_left(&mut self) -> Vec<Hash> {
        std::mem::take(&mut self.left)
    }

    /// Transactions that have left the queue since the last call.
    pub(super) fn take_left_transactions(&mut self) -> u64 {
        std::mem::take(&mut self.left_transactions)
    }

    /// Pushed bodies that are in the queue, or wait for their turn.
    pub(super) fn pushed(&self) -> impl Iterator<Item = Hash> + '_ {
        let queued = self.chunks.iter().filter(|chunk| chunk.class == Class::News);
        queued.filter_map(|chunk| chunk.block).chain(self.later())
    }
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
