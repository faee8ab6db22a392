//! What a peer has asked for and has no answer to: requests that are held back, and those that a role has.

use std::collections::VecDeque;

use crate::{
    base::{hash::Hash, limits},
    link::{
        flow::{Backlog, Bounds},
        near_tip::Serves,
    },
    wire::{
        frame::Frame,
        message::{Kind, Message},
        short_id::ShortId,
    },
};

/// The requests of one link.
#[derive(Debug)]
pub(super) struct Requests {
    /// Held back until earlier ones are answered, oldest first.
    held: VecDeque<Held>,
    /// Handed on, oldest first.
    open: VecDeque<Open>,
    /// How many there are of each: a peer may have hundreds, and each frame asks.
    held_counts: Counts,
    open_counts: Counts,
    /// Transactions that the open `GetTransactions` are for.
    open_transactions: usize,
    /// Bytes of those that are held back, and of those for transactions among them.
    held_bytes: usize,
    held_pool_bytes: usize,
    /// Whether requests for pieces are handed on.
    may_have_pieces: bool,
    /// The size that a block is expected to have: that of the largest recent one, which fades slowly.
    block_size: usize,
}

/// A request that is held back.
#[derive(Debug)]
struct Held {
    frame: Frame,
    /// The block that is asked for.
    block: Option<Hash>,
}

/// A request that a role has.
#[derive(Debug)]
struct Open {
    kind: Kind,
    /// The block that was asked for.
    block: Option<Hash>,
    /// Transactions that were asked for by short ids.
    transactions: usize,
}

/// Requests by what their answers cost.
#[derive(Debug, Default)]
struct Counts {
    blocks: usize,
    syncs: usize,
    pools: usize,
    transactions: usize,
    pieces: usize,
}

impl Counts {
    fn of(&mut self, kind: Kind) -> &mut usize {
        match kind {
            Kind::GetBlock | Kind::GetBlockTransactions => &mut self.blocks,
            Kind::GetSync | Kind::GetSkeleton => &mut self.syncs,
            Kind::GetTransactions => &mut self.transactions,
            Kind::GetSnapshot | Kind::GetPiece => &mut self.pieces,
            _ => &mut self.pools,
        }
    }
}

impl Requests {
    pub(super) fn new() -> Self {
        Self {
            held: VecDeque::new(),
            open: VecDeque::new(),
            held_counts: Counts::default(),
            open_counts: Counts::default(),
            open_transactions: 0,
            held_bytes: 0,
            held_pool_bytes: 0,
            may_have_pieces: true,
            block_size: limits::SEND_SOFT_BYTES,
        }
    }

    /// Whether frames of this kind get an answer whose size needs a limit.
    pub(super) fn are(kind: Kind) -> bool {
        matches!(
            kind,
            Kind::GetBlock
                | Kind::GetBlockTransactions
                | Kind::GetSync
                | Kind::GetSkeleton
                | Kind::GetMemoryPool
                | Kind::GetTransactions
                | Kind::GetSnapshot
                | Kind::GetPiece
        )
    }

    /// Adds what these requests come to.
    pub(super) fn add_to(&self, backlog: &mut Backlog) {
        let (open, held) = (&self.open_counts, &self.held_counts);
        backlog.blocks = open.blocks + held.blocks;
        backlog.syncs = open.syncs + held.syncs;
        backlog.pieces = open.pieces + held.pieces;
        backlog.expected = open.blocks * self.expected(Kind::GetBlock)
            + open.syncs * self.expected(Kind::GetSync)
            + open.pieces * self.expected(Kind::GetPiece)
            + open.pools * self.expected(Kind::GetMemoryPool)
            + self.open_transactions * self.expected(Kind::GetTransactions);
        backlog.pools = self.held_pool_bytes;
    }

    /// Bytes that the answer to a request is expected to take; for `GetTransactions`, to each of its short ids.
    fn expected(&self, kind: Kind) -> usize {
        match kind {
            // However small blocks were, the next ones may be the largest.
            Kind::GetBlock | Kind::GetBlockTransactions => {
                self.block_size.max(limits::SEND_SOFT_BYTES / limits::ANSWERS_AT_ONCE)
            }
            Kind::GetSync | Kind::GetSkeleton => limits::MAX_SYNC_BYTES,
            Kind::GetTransactions => limits::MAX_TRANSACTION_BYTES,
            Kind::GetSnapshot | Kind::GetPiece => Kind::Piece.max_body(),
            _ => limits::SEND_SOFT_BYTES,
        }
    }

    /// Whether some of these are held back.
    pub(super) fn has_held(&self, of: &Serves) -> bool {
        self.first_held(of).is_some()
    }

    /// Where the oldest of these is among those that are held back.
    fn first_held(&self, of: &Serves) -> Option<usize> {
        self.held.iter().position(|held| of.hands_on(&held.frame) && self.may_hand_on(held.frame.kind))
    }

    /// Whether requests of this kind are handed on now.
    pub(super) fn may_hand_on(&self, kind: Kind) -> bool {
        self.may_have_pieces || !matches!(kind, Kind::GetSnapshot | Kind::GetPiece)
    }

    /// Whether requests for pieces are handed on.
    pub(super) fn set_pieces(&mut self, may_hand_on: bool) {
        self.may_have_pieces = may_hand_on;
    }

    /// Whether one is held back.
    pub(super) fn holds_piece(&self) -> bool {
        self.held_counts.pieces > 0
    }

    /// Whether a role has one.
    pub(super) fn has_piece(&self) -> bool {
        self.open_counts.pieces > 0
    }

    /// Hands on the oldest of these that is held back.
    pub(super) fn release(&mut self, of: &Serves) -> Option<Frame> {
        let Held { frame, .. } = self.first_held(of).and_then(|at| self.held.remove(at))?;
        *self.held_counts.of(frame.kind) -= 1;
        self.count_bytes(&frame, usize::saturating_sub);
        self.hand_on(&frame);
        Some(frame)
    }

    /// Notes that a role gets this request.
    pub(super) fn hand_on(&mut self, frame: &Frame) {
        let transactions = asked_transactions(frame);
        self.open.push_back(Open { kind: frame.kind, block: asked_block(frame), transactions });
        self.open_transactions += transactions;
        *self.open_counts.of(frame.kind) += 1;
    }

    /// Holds a request back, or drops it.
    pub(super) fn hold(&mut self, frame: Frame, bounds: &Bounds, backlog: &Backlog) {
        if wants_transactions(frame.kind) && !bounds.holds_pool(backlog, frame.wire_len()) {
            return;
        }
        *self.held_counts.of(frame.kind) += 1;
        self.count_bytes(&frame, usize::saturating_add);
        self.held.push_back(Held { block: asked_block(&frame), frame });
    }

    /// Counts the bytes of a request that is held back from now on, or no longer.
    fn count_bytes(&mut self, frame: &Frame, change: fn(usize, usize) -> usize) {
        self.held_bytes = change(self.held_bytes, frame.wire_len());
        if wants_transactions(frame.kind) {
            self.held_pool_bytes = change(self.held_pool_bytes, frame.wire_len());
        }
    }

    /// Takes the oldest request of this kind, which these frames answer, off the list. False: there is none.
    pub(super) fn settle(&mut self, kind: Kind, frames: &[Frame]) -> bool {
        if let Some(block) = frames.first().filter(|frame| frame.kind == Kind::Block) {
            self.block_size = block.wire_len().max(self.block_size - self.block_size / 8);
        }
        let at = self.open.iter().position(|open| open.kind == kind);
        let settled = at.and_then(|at| self.open.remove(at));
        *self.open_counts.of(kind) -= usize::from(settled.is_some());
        self.open_transactions -= settled.as_ref().map_or(0, |open| open.transactions);
        settled.is_some()
    }

    /// Whether a `GetBlock` for this block has no answer yet.
    pub(super) fn want(&self, block: &Hash) -> bool {
        let block = Some(*block);
        self.open.iter().any(|open| open.block == block) || self.held.iter().any(|held| held.block == block)
    }

    /// Bytes of requests that are held back.
    pub(super) fn held_bytes(&self) -> usize {
        self.held_bytes
    }

    pub(super) fn clear(&mut self) {
        *self = Self::new();
    }
}

/// Whether a request is for transactions. Its asker cannot see whether the answer has begun, and so cannot keep to a number
/// of open ones.
fn wants_transactions(kind: Kind) -> bool {
    matches!(kind, Kind::GetMemoryPool | Kind::GetTransactions)
}

/// How many transactions a `GetTransactions` is for; 0 for other frames.
fn asked_transactions(frame: &Frame) -> usize {
    if frame.kind == Kind::GetTransactions { frame.body.len() / size_of::<ShortId>() } else { 0 }
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

#[cfg(test)]
mod tests {
    use super::*;
    use crate::base::{codec::List, rng::Rng};

    /// What a walk over all requests gives.
    fn walked(requests: &Requests) -> (Backlog, usize) {
        let open = || requests.open.iter().map(|open| open.kind);
        let frames = || requests.held.iter().map(|held| &held.frame);
        let kinds = || open().chain(frames().map(|frame| frame.kind));
        let pools = frames().filter(|frame| wants_transactions(frame.kind));
        let backlog = Backlog {
            blocks: kinds().filter(|kind| *kind == Kind::GetBlock).count(),
            syncs: kinds().filter(|kind| matches!(kind, Kind::GetSync | Kind::GetSkeleton)).count(),
            pieces: kinds().filter(|kind| matches!(kind, Kind::GetSnapshot | Kind::GetPiece)).count(),
            expected: requests
                .open
                .iter()
                .map(|open| match open.kind {
                    Kind::GetTransactions => open.transactions * requests.expected(open.kind),
                    kind => requests.expected(kind),
                })
                .sum(),
            pools: pools.map(Frame::wire_len).sum(),
            ..Backlog::default()
        };
        (backlog, frames().map(Frame::wire_len).sum())
    }

    #[test]
    fn running_counts_are_what_a_walk_over_all_requests_gives() {
        let (mut requests, mut rng) = (Requests::new(), Rng::from_number(1));
        let hash = |byte: u64| Hash([byte as u8; 32]);
        for _ in 0..5000 {
            let message = match rng.below(7) {
                0 => Message::GetBlock(hash(rng.below(9))),
                1 => Message::GetSync(List::truncated([hash(1)])),
                2 => Message::GetSkeleton(hash(2)),
                4 => Message::GetPiece(hash(3), 1),
                5 => Message::GetSnapshot { block: hash(3), most: 1 },
                3 => Message::GetTransactions(List::truncated(vec![ShortId(4); rng.below(65) as usize])),
                _ => Message::GetMemoryPool(List::truncated(vec![hash(3); rng.below(300) as usize])),
            };
            let (frame, mut backlog) = (Frame::new(&message), Backlog::default());
            requests.add_to(&mut backlog);
            match rng.below(8) {
                0 | 1 => requests.hand_on(&frame),
                2 | 3 => requests.hold(frame, &Bounds::PROTOCOL, &backlog),
                4 => drop(requests.release(&Serves::All)),
                5 if rng.chance(20_000) => requests.clear(),
                _ => {
                    let block = Frame::new(&Message::Block(vec![0; rng.below(90_000) as usize].into()));
                    requests.settle(
                        frame.kind,
                        if frame.kind == Kind::GetBlock { std::slice::from_ref(&block) } else { &[] },
                    );
                }
            }
            let mut backlog = Backlog::default();
            requests.add_to(&mut backlog);
            assert_eq!((backlog, requests.held_bytes()), walked(&requests));
        }
    }
}
