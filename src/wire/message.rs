//! Every message of the protocol and its encoding.

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr};

use crate::{
    base::{
        bytes::Bytes,
        codec::{self, CodecError, Decode, Encode, List},
        hash::Hash,
        ids::NodeId,
        limits,
        time::UnixTime,
    },
    chain::{
        header::Header,
        seal::{Certificate, Recall, Recalled, SignedVote},
        target::Work,
        transaction::Transaction,
    },
};

use super::short_id::{Salt, ShortId};
pub use super::{compact::CompactBlock, goodbye::GoodbyeCode, kind::Kind};

/// The protocol version that this program speaks.
pub const PROTOCOL_VERSION: u32 = 2;
/// The oldest protocol version that it still understands.
pub const OLDEST_PROTOCOL_VERSION: u32 = 2;
/// Service bit: serves the bodies of all blocks.
pub const SERVICE_FULL: u64 = 1;
/// Service bit: the nonces of its pings tell its clock.
pub const SERVICE_CLOCK: u64 = 2;
/// Service bit: answers `GetSkeleton`.
pub const SERVICE_SKELETON: u64 = 4;
/// Service bit: is told of transactions by short ids, and answers `GetTransactions`.
pub const SERVICE_ANNOUNCE: u64 = 8;
/// Service bit: takes and serves compact blocks.
pub const SERVICE_COMPACT: u64 = 16;
/// Service bit: answers `GetSnapshot` and `GetPiece` with snapshots of its coins.
pub const SERVICE_SNAPSHOT: u64 = 32;
/// Service bit: keeps whole blocks only from a height on, which the upper half of the services is. Never with [`SERVICE_FULL`].
pub const SERVICE_PRUNED: u64 = 64;
/// The services of this program, if it keeps all blocks.
pub const SERVICES: u64 = SERVICE_FULL | SERVICE_CLOCK | SERVICE_SKELETON | SERVICE_ANNOUNCE | SERVICE_COMPACT;

/// These services, of a node that keeps whole blocks only from this height on.
pub fn pruned_services(services: u64, kept_from: u32) -> u64 {
    services & !SERVICE_FULL | SERVICE_PRUNED | u64::from(kept_from) << 32
}

/// The lowest height whose body a node with these services has served at the time of its `Version`; 0: all.
pub fn served_from(services: u64) -> u32 {
    let height = u32::try_from(services >> 32).unwrap_or(u32::MAX);
    if services & (SERVICE_PRUNED | SERVICE_FULL) == SERVICE_PRUNED { height } else { 0 }
}

/// The first message of each side.
#[derive(Clone, Debug, PartialEq, Eq, Encode, Decode)]
pub struct Version {
    /// [`PROTOCOL_VERSION`] of the sender.
    pub protocol: u32,
    /// Bits such as [`SERVICE_FULL`].
    pub services: u64,
    /// The hash of the sender's genesis block.
    pub genesis: Hash,
    /// The height of the sender's tip; a hint.
    pub height: u32,
    /// The hash of the sender's tip; a hint.
    pub tip: Hash,
    /// The cumulative work of the sender's chain, big-endian; a hint until headers prove it.
    pub work: [u8; 32],
    /// The sender's clock, unix seconds.
    pub timestamp: u64,
    /// Random for each link; one's own comes back when one has dialled oneself.
    pub nonce: u64,
    /// The port that the sender listens on; 0: none.
    pub listen_port: u16,
    /// Program and version, UTF-8.
    pub agent: List<u8, { limits::MAX_AGENT_BYTES }>,
}

impl Version {
    /// The claimed work as a number.
    pub fn claimed_work(&self) -> Work {
        Work::from_be_bytes(self.work)
    }
}

/// An address of a node, as told to others.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Encode, Decode)]
pub struct PeerAddress {
    /// IPv6, or IPv4 as `::ffff:a.b.c.d`.
    pub ip: [u8; 16],
    /// TCP port.
    pub port: u16,
    /// When the teller last knew it to be alive, unix seconds.
    pub last_seen: u64,
    /// Which node the teller takes it for; zeros: it does not know. Only a hint.
    pub node: [u8; 32],
}

impl PeerAddress {
    /// From a socket address.
    pub fn new(address: SocketAddr, last_seen: UnixTime) -> Self {
        let ip = match address.ip() {
            IpAddr::V4(ip) => ip.to_ipv6_mapped(),
            IpAddr::V6(ip) => ip,
        };
        Self { ip: ip.octets(), port: address.port(), last_seen: last_seen.0, node: [0; 32] }
    }

    /// The same with the node that is at the address.
    pub fn with_node(self, node: Option<NodeId>) -> Self {
        Self { node: node.map_or([0; 32], |node| node.0), ..self }
    }

    /// The node that is at the address, as far as the teller knows.
    pub fn node(&self) -> Option<NodeId> {
        (self.node != [0; 32]).then_some(NodeId(self.node))
    }

    /// To a socket address; mapped IPv4 comes out as IPv4.
    pub fn socket_address(&self) -> SocketAddr {
        SocketAddr::new(canonical_ip(IpAddr::V6(Ipv6Addr::from(self.ip))), self.port)
    }
}

/// The IPv4 form of a mapped address, any other as it is.
pub fn canonical_ip(ip: IpAddr) -> IpAddr {
    match ip {
        IpAddr::V6(v6) => v6.to_ipv4_mapped().map_or(ip, |v4: Ipv4Addr| IpAddr::V4(v4)),
        IpAddr::V4(_) => ip,
    }
}

/// Hashes of a locator, most recent first.
pub type Locator = List<Hash, { limits::MAX_LOCATOR_HASHES }>;

/// A decoded message. Transactions and blocks stay bytes here: the verifier decodes them, off the poll thread.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Message {
    /// Opens the handshake in either direction.
    Version(Version),
    /// Acknowledges the `Version` with this nonce.
    Verack(u64),
    /// Asks for a `Pong` with the same nonce and tells the sender's tip.
    Ping {
        /// To be echoed.
        nonce: u64,
        /// The sender's height.
        height: u32,
        /// The sender's tip.
        tip: Hash,
    },
    /// Answers a `Ping`.
    Pong(u64),
    /// Asks for addresses.
    GetPeers,
    /// Tells addresses.
    Peers(List<PeerAddress, { limits::MAX_PEERS_ADDRESSES }>),
    /// Asks for the headers that follow the first hash of the locator that the receiver's chain contains.
    GetSync(Locator),
    /// At most 100 headers, each the parent of the next.
    Sync(List<Header, { limits::MAX_SYNC_HEADERS }>),
    /// Asks for the block with this header hash.
    GetBlock(Hash),
    /// A block's encoding: an answer, or news.
    Block(Bytes),
    /// "I don't have that block."
    Absent(Hash),
    /// A transaction's encoding.
    Transaction(Bytes),
    /// Without ids: asks for the mempool's ids. With ids: asks for those transactions.
    GetMemoryPool(List<Hash, { limits::MAX_MEMORY_POOL_IDS }>),
    /// A page of the mempool's ids, highest fee rate first.
    MemoryPool(List<Hash, { limits::MAX_MEMORY_POOL_IDS }>),
    /// The last message on a link.
    Goodbye {
        /// A [`GoodbyeCode`]; unknown numbers are allowed.
        code: u8,
        /// Seconds after which a new attempt makes sense; 0: no advice.
        retry_after: u32,
    },
    /// Asks for the hashes of the receiver's chain at which rounds of headers end, above the block with this hash.
    GetSkeleton(Hash),
    /// At most 1,000 hashes; none if that block is not on the sender's chain.
    Skeleton(List<Hash, { limits::MAX_SKELETON_HASHES }>),
    /// The salt of the short ids by which the sender is to be told of transactions from here on.
    RelaySalt {
        /// Names the salt in `Announce`.
        number: u8,
        /// The salt.
        salt: Salt,
    },
    /// Tells of transactions that the sender has.
    Announce {
        /// The number of the receiver's salt.
        salt: u8,
        /// Their short ids.
        ids: List<ShortId, { limits::MAX_ANNOUNCED_IDS }>,
    },
    /// Asks for transactions that the receiver announced; each comes as a `Transaction`.
    GetTransactions(List<ShortId, { limits::MAX_ASKED_IDS }>),
    /// "I don't have these": ends an answer to `GetTransactions` in which some are missing.
    AbsentTransactions(List<ShortId, { limits::MAX_ASKED_IDS }>),
    /// A new block, or the answer to a `GetBlockTransactions` without positions.
    CompactBlock(Box<CompactBlock>),
    /// Asks for transactions of a block by their positions, ascending. Without positions: asks for a `CompactBlock`.
    GetBlockTransactions(Hash, List<u16, { limits::MAX_COMPACT_IDS }>),
    /// The transactions that were asked for; none: the sender does not serve that block.
    BlockTransactions(Hash, List<Transaction, { limits::MAX_COMPACT_IDS }>),
    /// A new block, which the receiver may ask for.
    BlockHeader(Box<Header>),
    /// On sealed chains: the block that a view's leader proposes.
    Proposal {
        /// The leader's, over [`proposal_hash`](crate::chain::seal::proposal_hash).
        signature: [u8; 64],
        /// The block's encoding.
        block: Bytes,
    },
    /// On sealed chains: an authority's vote.
    Vote(SignedVote),
    /// On sealed chains: votes of a quorum.
    Certificate(Box<Certificate>),
    /// On sealed chains: an authority that starts asks what it has signed.
    Recall(Recall),
    /// On sealed chains: the answer.
    Recalled(Box<Recalled>),
    /// Asks for the manifest of a snapshot of the coins.
    GetSnapshot {
        /// The block after which the coins are wanted; zeros: the highest snapshot that the receiver has.
        block: Hash,
        /// The highest height that is of use.
        most: u32,
    },
    /// The encoding of a [`Manifest`](crate::chain::snapshot::Manifest); nothing: the sender has no such snapshot.
    Snapshot(Bytes),
    /// Asks for a piece of the snapshot of this block by its number.
    GetPiece(Hash, u32),
    /// The answer.
    Piece {
        /// The block.
        block: Hash,
        /// The piece's number among those of the manifest.
        number: u32,
        /// The piece; nothing: the sender does not have it.
        bytes: Bytes,
    },
}

impl Message {
    /// The frame kind.
    pub fn kind(&self) -> Kind {
        match self {
            Self::Version(_) => Kind::Version,
            Self::Verack(_) => Kind::Verack,
            Self::Ping { .. } => Kind::Ping,
            Self::Pong(_) => Kind::Pong,
            Self::GetPeers => Kind::GetPeers,
            Self::Peers(_) => Kind::Peers,
            Self::GetSync(_) => Kind::GetSync,
            Self::Sync(_) => Kind::Sync,
            Self::GetBlock(_) => Kind::GetBlock,
            Self::Block(_) => Kind::Block,
            Self::Absent(_) => Kind::Absent,
            Self::Transaction(_) => Kind::Transaction,
            Self::GetMemoryPool(_) => Kind::GetMemoryPool,
            Self::MemoryPool(_) => Kind::MemoryPool,
            Self::Goodbye { .. } => Kind::Goodbye,
            Self::GetSkeleton(_) => Kind::GetSkeleton,
            Self::Skeleton(_) => Kind::Skeleton,
            Self::RelaySalt { .. } => Kind::RelaySalt,
            Self::Announce { .. } => Kind::Announce,
            Self::GetTransactions(_) => Kind::GetTransactions,
            Self::AbsentTransactions(_) => Kind::AbsentTransactions,
            Self::CompactBlock(_) => Kind::CompactBlock,
            Self::GetBlockTransactions(..) => Kind::GetBlockTransactions,
            Self::BlockTransactions(..) => Kind::BlockTransactions,
            Self::BlockHeader(_) => Kind::BlockHeader,
            Self::Proposal { .. } => Kind::Proposal,
            Self::Vote(_) => Kind::Vote,
            Self::Certificate(_) => Kind::Certificate,
            Self::Recall(_) => Kind::Recall,
            Self::Recalled(_) => Kind::Recalled,
            Self::GetSnapshot { .. } => Kind::GetSnapshot,
            Self::Snapshot(_) => Kind::Snapshot,
            Self::GetPiece(..) => Kind::GetPiece,
            Self::Piece { .. } => Kind::Piece,
        }
    }

    /// The body's encoding.
    pub fn body(&self) -> Bytes {
        match self {
            Self::Block(bytes) | Self::Transaction(bytes) | Self::Snapshot(bytes) => bytes.clone(),
            Self::Version(version) => codec::encode(version).into(),
            Self::Verack(nonce) | Self::Pong(nonce) => codec::encode(nonce).into(),
            Self::Ping { nonce, height, tip } => codec::encode(&(nonce, height, tip)).into(),
            Self::GetPeers => Vec::new().into(),
            Self::Peers(addresses) => codec::encode(addresses).into(),
            Self::GetSync(locator) => codec::encode(locator).into(),
            Self::Sync(headers) => codec::encode(headers).into(),
            Self::GetBlock(hash) | Self::Absent(hash) | Self::GetSkeleton(hash) => codec::encode(hash).into(),
            Self::Skeleton(hashes) => codec::encode(hashes).into(),
            Self::CompactBlock(compact) => codec::encode(&**compact).into(),
            Self::GetBlockTransactions(hash, positions) => codec::encode(&(hash, positions)).into(),
            Self::BlockTransactions(hash, transactions) => codec::encode(&(hash, transactions)).into(),
            Self::BlockHeader(header) => header.to_bytes().into(),
            Self::Proposal { signature, block } => [&signature[..], block].concat().into(),
            Self::Vote(vote) => codec::encode(vote).into(),
            Self::Certificate(certificate) => codec::encode(&**certificate).into(),
            Self::Recall(recall) => codec::encode(recall).into(),
            Self::Recalled(recalled) => codec::encode(&**recalled).into(),
            Self::GetSnapshot { block, most } => codec::encode(&(block, most)).into(),
            Self::GetPiece(block, number) => codec::encode(&(block, number)).into(),
            Self::Piece { block, number, bytes } => [&codec::encode(&(block, number))[..], bytes].concat().into(),
            Self::GetMemoryPool(ids) | Self::MemoryPool(ids) => codec::encode(ids).into(),
            Self::Goodbye { code, retry_after } => codec::encode(&(code, retry_after)).into(),
            Self::RelaySalt { number, salt } => codec::encode(&(number, salt)).into(),
            Self::Announce { salt, ids } => codec::encode(&(salt, ids)).into(),
            Self::GetTransactions(ids) | Self::AbsentTransactions(ids) => codec::encode(ids).into(),
        }
    }

    /// Reads a body; every byte must be used.
    pub fn decode(kind: Kind, body: &Bytes) -> Result<Self, CodecError> {
        Ok(match kind {
            Kind::Version => Self::Version(codec::decode(body)?),
            Kind::Verack => Self::Verack(codec::decode(body)?),
            Kind::Ping => {
                let (nonce, height, tip) = codec::decode(body)?;
                Self::Ping { nonce, height, tip }
            }
            Kind::Pong => Self::Pong(codec::decode(body)?),
            Kind::GetPeers => codec::decode(body).map(|()| Self::GetPeers)?,
            Kind::Peers => Self::Peers(codec::decode(body)?),
            Kind::GetSync => Self::GetSync(codec::decode(body)?),
            Kind::Sync => Self::Sync(codec::decode(body)?),
            Kind::GetBlock => Self::GetBlock(codec::decode(body)?),
            Kind::GetSkeleton => Self::GetSkeleton(codec::decode(body)?),
            Kind::Skeleton => Self::Skeleton(codec::decode(body)?),
            Kind::CompactBlock => Self::CompactBlock(Box::new(codec::decode(body)?)),
            Kind::GetBlockTransactions => {
                let (hash, positions) = codec::decode(body)?;
                Self::GetBlockTransactions(hash, positions)
            }
            Kind::BlockTransactions => {
                let (hash, transactions) = codec::decode(body)?;
                Self::BlockTransactions(hash, transactions)
            }
            Kind::BlockHeader => Self::BlockHeader(Box::new(codec::decode(body)?)),
            Kind::Block => Self::Block(body.clone()),
            Kind::Proposal => {
                let (signature, used) = codec::decode_prefix(body)?;
                Self::Proposal { signature, block: body.after(used) }
            }
            Kind::Vote => Self::Vote(codec::decode(body)?),
            Kind::Certificate => Self::Certificate(Box::new(codec::decode(body)?)),
            Kind::Recall => Self::Recall(codec::decode(body)?),
            Kind::Recalled => Self::Recalled(Box::new(codec::decode(body)?)),
            Kind::GetSnapshot => {
                let (block, most) = codec::decode(body)?;
                Self::GetSnapshot { block, most }
            }
            Kind::Snapshot => Self::Snapshot(body.clone()),
            Kind::GetPiece => {
                let (block, number) = codec::decode(body)?;
                Self::GetPiece(block, number)
            }
            Kind::Piece => {
                let ((block, number), used) = codec::decode_prefix(body)?;
                Self::Piece { block, number, bytes: body[used..].to_vec().into() }
            }
            Kind::Absent => Self::Absent(codec::decode(body)?),
            Kind::Transaction => Self::Transaction(body.clone()),
            Kind::GetMemoryPool => Self::GetMemoryPool(codec::decode(body)?),
            Kind::MemoryPool => Self::MemoryPool(codec::decode(body)?),
            Kind::Goodbye => {
                let (code, retry_after) = codec::decode(body)?;
                Self::Goodbye { code, retry_after }
            }
            Kind::RelaySalt => {
                let (number, salt) = codec::decode(body)?;
                Self::RelaySalt { number, salt }
            }
            Kind::Announce => {
                let (salt, ids) = codec::decode(body)?;
                Self::Announce { salt, ids }
            }
            Kind::GetTransactions => Self::GetTransactions(codec::decode(body)?),
            Kind::AbsentTransactions => Self::AbsentTransactions(codec::decode(body)?),
        })
    }
}
