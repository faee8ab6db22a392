//! The rules of flow control, over counts alone, so that a model can try every order of events with the same rules.
//!
//! No two nodes can wait for each other, because reading a link waits neither for what its peer leaves unread nor for
//! news: it waits only for room of the node's own, and for a peer that has more requests open than the protocol grants.

use crate::base::limits;

/// Bounds of one link, in bytes and requests.
#[derive(Clone, Copy, Debug)]
pub(super) struct Bounds {
    /// Bytes that wait to be sent, with those of answers under way, below which another request is handed on.
    pub(super) soft: usize,
    /// The same while much waits on all links together.
    pub(super) crowded: usize,
    /// Bytes of our own requests and keep-alives.
    pub(super) own: usize,
    /// `GetBlock`s without an answer at which the link is read no further.
    pub(super) blocks: usize,
    /// The same for `GetSync`.
    pub(super) syncs: usize,
    /// The same for `GetSnapshot` and `GetPiece`.
    pub(super) pieces: usize,
    /// Bytes of `GetMemoryPool`s and `GetTransactions` that are held back; further ones are dropped.
    pub(super) pools: usize,
}

/// What waits on one link.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub(super) struct Backlog {
    /// Bytes that wait to be sent.
    pub(super) queued: usize,
    /// Of these, bytes of our own requests and keep-alives.
    pub(super) own: usize,
    /// Of these, bytes of transactions that are news.
    pub(super) transactions: usize,
    /// Bytes that the answers to open requests are expected to take.
    pub(super) expected: usize,
    /// `GetBlock`s without an answer.
    pub(super) blocks: usize,
    /// `GetSync`s without an answer.
    pub(super) syncs: usize,
    /// `GetSnapshot`s and `GetPiece`s without an answer.
    pub(super) pieces: usize,
    /// Bytes of `GetMemoryPool`s and `GetTransactions` that are held back.
    pub(super) pools: usize,
}

impl Bounds {
    /// Those of the protocol.
    #[cfg(test)]
    pub(super) const PROTOCOL: Self = Self::with_soft(limits::SEND_SOFT_BYTES);

    /// Those of the protocol, but for the bytes above which requests wait and news is left out.
    pub(super) const fn with_soft(soft: usize) -> Self {
        Self {
            soft,
            crowded: limits::SEND_CROWDED_BYTES,
            own: limits::SEND_OWN_BYTES,
            blocks: limits::UNANSWERED_BLOCKS,
            syncs: limits::UNANSWERED_SYNCS,
            pieces: limits::UNANSWERED_PIECES,
            pools: limits::HELD_POOL_BYTES,
        }
    }

    /// Whether the link is read. Nothing that waits to be sent on it counts, or two nodes could wait for each other.
    pub(super) fn reads(&self, backlog: &Backlog) -> bool {
        backlog.blocks < self.blocks && backlog.syncs < self.syncs && backlog.pieces < self.pieces
    }

    /// Whether one more request is handed on. Requests arrive faster than their answers are found, so the answers that are
    /// under way count too: else sixteen requests would be handed on at once, and sixteen megabytes be queued for a peer
    /// that has done nothing wrong.
    pub(super) fn answers(&self, backlog: &Backlog, is_crowded: bool) -> bool {
        let room = if is_crowded { self.soft.min(self.crowded) } else { self.soft };
        backlog.queued.saturating_add(backlog.expected) < room
    }

    /// Whether a `GetMemoryPool` or `GetTransactions` of this size is held back; otherwise it is dropped. The answer of the
    /// first has no end that the asker could see, so that the asker cannot keep to a number of open ones.
    pub(super) fn holds_pool(&self, backlog: &Backlog, bytes: usize) -> bool {
        backlog.pools == 0 || backlog.pools.saturating_add(bytes) <= self.pools
    }

    /// Whether a new block is queued.
    pub(super) fn takes_block(&self, backlog: &Backlog) -> bool {
        backlog.queued < self.soft
    }

    /// Whether a new transaction is queued. A block that is on its way must not keep transactions out.
    pub(super) fn takes_transaction(&self, backlog: &Backlog) -> bool {
        backlog.transactions < self.soft
    }

    /// Whether news that was left out may be told of.
    pub(super) fn has_recovered(&self, backlog: &Backlog) -> bool {
        self.takes_block(backlog) && backlog.transactions < self.soft / 2
    }

    /// Whether a frame of our own is queued. If not, the peer has left very much unread.
    pub(super) fn takes_own(&self, backlog: &Backlog, bytes: usize) -> bool {
        backlog.own == 0 || backlog.own.saturating_add(bytes) <= self.own
    }
}
