//! What faults cost: one table, from which section 5 of `src/wire/PROTOCOL.md` and the tests are checked.

use crate::node::PeerFault;

/// What one kind of fault costs the sender's address.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Price {
    /// Points towards a ban (at 100).
    pub points: u32,
    /// The fault, in the words of PROTOCOL.md.
    pub fault: &'static str,
}

const fn price(points: u32, fault: &'static str) -> Price {
    Price { points, fault }
}

// What only a broken or hostile program does costs all.
const BLOCK: Price = price(100, "an invalid block body or header");
const BRANCH: Price = price(100, "headers on a known invalid branch");
const SNAPSHOT: Price = price(100, "a snapshot that the headers refute");
const TRANSACTION: Price = price(50, "an invalid transaction (rules that no block can change)");
const UNSIGNED: Price = price(50, "a proposal, vote, certificate or recall that its signer did not sign");
const FRAME: Price = price(20, "a malformed frame or message");
const UNEXPECTED: Price = price(20, "a message out of place");
const UNLINKED: Price = price(20, "headers that do not link");
const PROMISE: Price = price(20, "`Absent` for a block that it announced in a `Sync`");
const ANNOUNCEMENT: Price = price(20, "transactions that it announced and does not deliver");
const TOLD: Price = price(20, "no `CompactBlock` of a block that it told of in a `BlockHeader`");
const FLOOD: Price = price(20, "flooding");
// A slow line does these, and it may be ours.
const PARTIAL: Price = price(0, "frame not completed in time");
const UNREAD: Price = price(0, "answers left unread");
// A suspended host does this, and anybody who only looks whether the port is open.
const HANDSHAKE: Price = price(0, "handshake not completed in time");
const SCAN: Price = price(0, "a wrong magic before the handshake is complete");
// Anybody on the way can do these: they must not cost the address of an honest node.
const UNSEALED: Price =
    price(0, "no key agreement, another node than the one that was dialled, or a message that does not open");
const SLOW: Price = price(0, "a slow line: no `Pong`, no answer to `GetSync` or `GetBlock` in time");

/// All prices, the highest first.
pub const PRICES: [Price; 18] = [
    BLOCK,
    BRANCH,
    SNAPSHOT,
    TRANSACTION,
    UNSIGNED,
    FRAME,
    UNEXPECTED,
    UNLINKED,
    PROMISE,
    ANNOUNCEMENT,
    TOLD,
    FLOOD,
    PARTIAL,
    UNREAD,
    HANDSHAKE,
    SCAN,
    UNSEALED,
    SLOW,
];

impl PeerFault {
    /// What the fault costs a peer. A wrong magic costs nothing before the handshake is complete.
    pub fn price(&self) -> Price {
        match self {
            Self::Block(_) | Self::Header(_) => BLOCK,
            Self::InvalidBranch => BRANCH,
            Self::Snapshot(_) => SNAPSHOT,
            Self::Transaction(_) => TRANSACTION,
            Self::Frame(_) => FRAME,
            Self::Unexpected(_) => UNEXPECTED,
            Self::UnlinkedHeaders => UNLINKED,
            Self::BrokenPromise => PROMISE,
            Self::Undelivered => ANNOUNCEMENT,
            Self::NotServed => TOLD,
            Self::Unsigned(_) => UNSIGNED,
            Self::Flood(_) => FLOOD,
            Self::PartialFrame => PARTIAL,
            Self::SendStall => UNREAD,
            Self::HandshakeTimeout => HANDSHAKE,
            Self::KeyAgreement(_) | Self::WrongNode(_) | Self::Forged => UNSEALED,
            Self::PingTimeout | Self::SyncStall | Self::BlockStall => SLOW,
        }
    }

    /// Points towards a ban (at 100).
    pub fn points(&self) -> u32 {
        self.price().points
    }
}
