//! The kinds of messages: their numbers, and the most bytes that each may have.

use crate::{
    base::limits,
    chain::{
        snapshot::{BUCKETS, MOST_PIECES, PIECE_BYTES},
        spec::ChainSpec,
    },
};

/// Body bytes of `Piece`: block, number, piece.
const MAX_PIECE_MESSAGE_BYTES: usize = 36 + PIECE_BYTES;
/// Body bytes of `Snapshot`: height, block, leaves, and for each bucket the lengths of its pieces.
const MAX_SNAPSHOT_BYTES: usize = 4 + 32 + BUCKETS * (32 + 4) + 4 * MOST_PIECES;

/// What a frame carries, as its kind byte says.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
#[repr(u8)]
pub enum Kind {
    /// `Message::Version`.
    Version = 1,
    /// `Message::Verack`.
    Verack = 2,
    /// `Message::Ping`.
    Ping = 3,
    /// `Message::Pong`.
    Pong = 4,
    /// `Message::GetPeers`.
    GetPeers = 5,
    /// `Message::Peers`.
    Peers = 6,
    /// `Message::GetSync`.
    GetSync = 7,
    /// `Message::Sync`.
    Sync = 8,
    /// `Message::GetBlock`.
    GetBlock = 9,
    /// `Message::Block`.
    Block = 10,
    /// `Message::Absent`.
    Absent = 11,
    /// `Message::Transaction`.
    Transaction = 12,
    /// `Message::GetMemoryPool`.
    GetMemoryPool = 13,
    /// `Message::MemoryPool`.
    MemoryPool = 14,
    /// `Message::Goodbye`.
    Goodbye = 15,
    /// `Message::GetSkeleton`.
    GetSkeleton = 16,
    /// `Message::Skeleton`.
    Skeleton = 17,
    /// `Message::RelaySalt`.
    RelaySalt = 18,
    /// `Message::Announce`.
    Announce = 19,
    /// `Message::GetTransactions`.
    GetTransactions = 20,
    /// `Message::AbsentTransactions`.
    AbsentTransactions = 25,
    /// `Message::CompactBlock`.
    CompactBlock = 21,
    /// `Message::GetBlockTransactions`.
    GetBlockTransactions = 22,
    /// `Message::BlockTransactions`.
    BlockTransactions = 23,
    /// `Message::BlockHeader`.
    BlockHeader = 24,
    /// `Message::Proposal`.
    Proposal = 26,
    /// `Message::Vote`.
    Vote = 27,
    /// `Message::Certificate`.
    Certificate = 28,
    /// `Message::Recall`.
    Recall = 29,
    /// `Message::Recalled`.
    Recalled = 30,
    /// `Message::GetSnapshot`.
    GetSnapshot = 31,
    /// `Message::Snapshot`.
    Snapshot = 32,
    /// `Message::GetPiece`.
    GetPiece = 33,
    /// `Message::Piece`.
    Piece = 34,
}

impl Kind {
    /// All kinds, in order of their numbers.
    pub const ALL: [Self; 34] = [
        Self::Version,
        Self::Verack,
        Self::Ping,
        Self::Pong,
        Self::GetPeers,
        Self::Peers,
        Self::GetSync,
        Self::Sync,
        Self::GetBlock,
        Self::Block,
        Self::Absent,
        Self::Transaction,
        Self::GetMemoryPool,
        Self::MemoryPool,
        Self::Goodbye,
        Self::GetSkeleton,
        Self::Skeleton,
        Self::RelaySalt,
        Self::Announce,
        Self::GetTransactions,
        Self::AbsentTransactions,
        Self::CompactBlock,
        Self::GetBlockTransactions,
        Self::BlockTransactions,
        Self::BlockHeader,
        Self::Proposal,
        Self::Vote,
        Self::Certificate,
        Self::Recall,
        Self::Recalled,
        Self::GetSnapshot,
        Self::Snapshot,
        Self::GetPiece,
        Self::Piece,
    ];

    /// The kinds by which authorities seal a chain.
    pub const VOTING: [Self; 5] = [Self::Proposal, Self::Vote, Self::Certificate, Self::Recall, Self::Recalled];

    /// The kinds that have no place on this chain.
    pub fn out_of_place(spec: &ChainSpec) -> &'static [Self] {
        if spec.seal_rules().takes_votes() { &[] } else { &Self::VOTING }
    }

    /// The kind with this number.
    pub fn from_number(number: u8) -> Option<Self> {
        Self::ALL.into_iter().find(|kind| *kind as u8 == number)
    }

    /// The most bytes that a body of this kind may have.
    pub fn max_body(self) -> usize {
        match self {
            Self::Version => limits::MAX_VERSION_BYTES,
            Self::Peers => limits::MAX_PEERS_BYTES,
            Self::GetSync => limits::MAX_GET_SYNC_BYTES,
            Self::Sync | Self::Skeleton => limits::MAX_SYNC_BYTES,
            Self::Block => limits::MAX_BLOCK_MESSAGE_BYTES,
            Self::Transaction => limits::MAX_TRANSACTION_BYTES,
            Self::GetMemoryPool | Self::MemoryPool => limits::MAX_MEMORY_POOL_BYTES,
            Self::Announce => limits::MAX_ANNOUNCE_BYTES,
            Self::GetTransactions | Self::AbsentTransactions => limits::MAX_GET_TRANSACTIONS_BYTES,
            Self::CompactBlock => limits::MAX_COMPACT_BYTES,
            Self::GetBlockTransactions => limits::MAX_POSITIONS_BYTES,
            Self::BlockTransactions => limits::MAX_BLOCK_TRANSACTIONS_BYTES,
            Self::BlockHeader => limits::MAX_HEADER_BYTES,
            Self::Proposal => limits::MAX_PROPOSAL_BYTES,
            Self::Vote => limits::SIGNED_VOTE_BYTES,
            Self::Certificate => limits::MAX_CERTIFICATE_BYTES,
            Self::Recall | Self::Recalled => limits::MAX_RECALL_BYTES,
            Self::Snapshot => MAX_SNAPSHOT_BYTES,
            Self::Piece => MAX_PIECE_MESSAGE_BYTES,
            Self::GetPeers => 0,
            Self::Verack
            | Self::Ping
            | Self::Pong
            | Self::GetBlock
            | Self::Absent
            | Self::Goodbye
            | Self::GetSkeleton
            | Self::RelaySalt
            | Self::GetSnapshot
            | Self::GetPiece => limits::MAX_SMALL_BYTES,
        }
    }
}
