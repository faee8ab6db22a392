//! Faults as values: what a peer did wrong, why a link ended, why the node must stop.

use std::io::{self, ErrorKind};

use crate::{
    base::{hash::Hash, ids::NodeId},
    chain::{
        archive::StoreError,
        rules::{BlockFault, HeaderFault, TransactionFault},
        snapshot::SnapshotFault,
    },
    wire::{
        frame::FrameFault,
        message::{GoodbyeCode, Kind},
    },
};

/// What a peer did wrong. Each ends the link; [`PeerFault::price`] says what it costs the address beyond that.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum PeerFault {
    /// Bytes that are no frame, or a frame that is no message.
    #[error("frame: {0}")]
    Frame(#[from] FrameFault),
    /// A message at a time when the protocol does not allow it.
    #[error("unexpected {0:?}")]
    Unexpected(Kind),
    /// No agreement on the link's keys.
    #[error("key agreement: {0}")]
    KeyAgreement(#[from] tussock_noise::Fault),
    /// Another node than the one that was dialled.
    #[error("another node answers than the one that was dialled")]
    WrongNode(NodeId),
    /// Bytes that its node did not seal, or not in this order.
    #[error("a sealed message does not open")]
    Forged,
    /// No complete handshake in time.
    #[error("handshake timed out")]
    HandshakeTimeout,
    /// No answer to a ping.
    #[error("ping timed out")]
    PingTimeout,
    /// A frame that did not become complete in time.
    #[error("partial frame timed out")]
    PartialFrame,
    /// Queued answers that the peer does not read.
    #[error("does not read what it asked for")]
    SendStall,
    /// Headers that do not form a chain, or end nowhere we know.
    #[error("headers do not link")]
    UnlinkedHeaders,
    /// A header against the rules.
    #[error("header: {0}")]
    Header(#[from] HeaderFault),
    /// A header on a branch that is known to be invalid.
    #[error("builds on an invalid block")]
    InvalidBranch,
    /// No answer to `GetSync`, or answers that lead nowhere.
    #[error("no progress as sync node")]
    SyncStall,
    /// `Absent` for a block whose header it sent in a `Sync`.
    #[error("does not deliver a block that it announced")]
    BrokenPromise,
    /// Announces transactions and does not deliver them.
    #[error("does not deliver transactions that it announced")]
    Undelivered,
    /// No `CompactBlock` of a block whose header it sent in a `BlockHeader`.
    #[error("does not serve a block that it told of")]
    NotServed,
    /// A snapshot, or a piece of one, that the headers refute.
    #[error("snapshot: {0}")]
    Snapshot(#[from] SnapshotFault),
    /// Holds up the download.
    #[error("stalls the download")]
    BlockStall,
    /// A block against the rules.
    #[error("block: {0}")]
    Block(#[from] BlockFault),
    /// A transaction that no block can make valid.
    #[error("transaction: {0}")]
    Transaction(#[from] TransactionFault),
    /// A proposal, vote, certificate or question whose signature does not hold. Nobody passes such on unread.
    #[error("{0:?} that its signer did not sign")]
    Unsigned(Kind),
    /// More of something than a peer may send.
    #[error("floods: {0}")]
    Flood(&'static str),
}

/// Why a dial led to no connection.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum DialFailure {
    /// This host has no way to the address: its network is down, or has no addresses of this family. Nothing was sent.
    #[error("{0}")]
    NoRoute(String),
    /// Nothing answered.
    #[error("{0}")]
    NoAnswer(String),
    /// Something answered, or it is not known.
    #[error("{0}")]
    Other(String),
}

impl From<&str> for DialFailure {
    fn from(text: &str) -> Self {
        Self::Other(text.to_owned())
    }
}

impl From<&io::Error> for DialFailure {
    fn from(error: &io::Error) -> Self {
        let text = error.to_string();
        match error.kind() {
            ErrorKind::NetworkUnreachable | ErrorKind::NetworkDown | ErrorKind::AddrNotAvailable => Self::NoRoute(text),
            ErrorKind::HostUnreachable | ErrorKind::TimedOut => Self::NoAnswer(text),
            _ => Self::Other(text),
        }
    }
}

/// Why a link ended.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum CloseReason {
    /// The peer broke the protocol.
    #[error("fault: {0}")]
    Fault(PeerFault),
    /// We said goodbye for another reason.
    #[error("closed by us: {0}")]
    Local(GoodbyeCode),
    /// The peer said goodbye, with this code and seconds after which to come back.
    #[error("closed by the peer: {}", words(*code))]
    Remote {
        /// A [`GoodbyeCode`], or unknown.
        code: u8,
        /// Seconds; 0: no advice.
        retry_after: u32,
    },
    /// We dialled, and the connection ended before the other side said a byte: so nodes treat those who may not link.
    #[error(
        "closed by the other side without a word, as a network with members does to who is not on its list or dials another \
         machine's id"
    )]
    Unanswered,
    /// The connection broke or ended without a goodbye.
    #[error("connection lost: {0}")]
    Lost(String),
}

/// What a code in a goodbye means.
fn words(code: u8) -> String {
    GoodbyeCode::from_number(code).map_or_else(|| format!("code {code}"), |known| known.to_string())
}

/// Why the node must stop. Not a peer's doing.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Halt {
    /// The store failed.
    #[error("{0}")]
    Store(#[from] StoreError),
    /// The key with which this node seals has signed something that this node does not know of.
    #[error("{0}")]
    SignedElsewhere(String),
    /// The authorities have decided what this node must not follow.
    #[error("{0}")]
    Authorities(String),
    /// The history does not lead to the coins that this node has taken from a snapshot.
    #[error("{0}")]
    History(String),
    /// Something that cannot be happened: a bug.
    #[error("broken invariant: {0}")]
    Invariant(String),
}

impl Halt {
    /// A block that authorities have notarised breaks a rule.
    pub fn certified_but_invalid(hash: &Hash, fault: &str) -> Self {
        Self::Authorities(format!(
            "a quorum of authorities has notarised block {hash}, which is invalid: {fault}; more of them fail or lie than the \
             chain tolerates, or they run another program: this node follows them no further, and ends like this at each start; \
             see with their operators whether all run one version and whether this ledger is sound (tussock verify --deep); \
             help: tussock help sealing"
        ))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_end_is_told_in_words_whichever_side_wanted_it() {
        let remote = |code| CloseReason::Remote { code, retry_after: 0 }.to_string();
        assert_eq!(remote(GoodbyeCode::Stopping as u8), "closed by the peer: the node stops");
        assert_eq!(remote(200), "closed by the peer: code 200");
        assert_eq!(CloseReason::Local(GoodbyeCode::Operator).to_string(), "closed by us: by the operator");
    }
}
