//! What roles tell each other. Plain data; each kind names who says it to whom.

use std::{
    collections::BTreeSet,
    net::{IpAddr, SocketAddr},
    sync::Arc,
    time::Duration,
};

use crate::{
    base::{
        bytes::Bytes,
        hash::Hash,
        ids::{LinkId, Ticket},
    },
    chain::{
        address::Address,
        archive::{HeaderRow, Tip},
        block::HashedTransaction,
        checked::CheckedBlock,
        header::Header,
        rules::{BlockFault, TransactionFault},
        target::Work,
    },
    node::report::SyncState,
    wire::frame::Frame,
};

/// Where a block or transaction came from.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Origin {
    /// A peer.
    Link(LinkId),
    /// A command, which waits for the verdict.
    Command(Ticket),
    /// Our own miner.
    Miner,
    /// Our own ledger: transactions of a branch that lost, or kept over a restart.
    Ledger,
}

impl Origin {
    /// The peer, if one sent it.
    pub fn link(self) -> Option<LinkId> {
        if let Self::Link(link) = self { Some(link) } else { None }
    }
}

/// What a peer can be good for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Useful {
    /// It was the first with a block that we applied.
    Block,
    /// It was the first with a transaction that we took.
    Transaction,
    /// It answered a ping in this time.
    RoundTrip(Duration),
}

/// One thing that one role tells another.
#[derive(Clone, Debug, PartialEq)]
pub enum Notice {
    /// `peers` → `headers`, `fetch`, `gossip`: a ping told a peer's tip. A claim.
    PeerTip {
        /// The peer.
        link: LinkId,
        /// Its height.
        height: u32,
        /// Its tip.
        tip: Hash,
    },
    /// `peers` → `handshake`: who must not become a peer. Replaces what was said before.
    Barred {
        /// Banned, any port.
        ips: BTreeSet<IpAddr>,
        /// Denied by the operator (`net deny`): listening addresses.
        addresses: BTreeSet<SocketAddr>,
    },

    /// `peers`, `gossip` → `handshake`: a peer was good for something; it counts when a slot is needed.
    Useful {
        /// The peer.
        link: LinkId,
        /// What for.
        what: Useful,
    },

    /// `headers` → `ledger`: validated headers to store, each after its parent.
    StoreHeaders(Vec<HeaderRow>),
    /// `headers` → `ledger`: the best header chain that counts: not branches that are set aside, nor, once synced, those
    /// that have not brought a block yet. Told when it changes.
    BestChain {
        /// Its height.
        height: u32,
        /// Its work.
        work: Work,
    },
    /// `headers` → `fetch`: the best header chain above height `above`; replaces everything above it. Bodies are
    /// wanted of all of them that are not applied or stored already.
    Want {
        /// Height of the last block that this chain shares with the one wanted before. Below `above` if what is between
        /// them is applied already.
        fork: u32,
        /// The height that the first hash follows.
        above: u32,
        /// Hashes at heights `above + 1`, `above + 2`, …
        hashes: Vec<Hash>,
    },
    /// `headers` → `fetch`: an offered block extends our tip, and the best header chain, which is another, has not
    /// brought a block yet; pass the body on at once.
    OfferPasses {
        /// The block.
        hash: Hash,
    },
    /// `headers` → `fetch`: an offered block is not wanted (known, on a losing branch, or its header was refused);
    /// forget its body. `reason` completes a command that offered it.
    OfferDropped {
        /// The block.
        hash: Hash,
        /// `None`: valid and not wanted now. `Some`: refused, and why.
        reason: Option<String>,
    },
    /// `headers` → all: the node's state changed. Gossip and mining take place only in `synced`.
    State(SyncState),

    /// `fetch` → `headers`: a block arrived that nobody asked for; judge its header first. A peer's header that does
    /// not connect is a reason to send `GetSync` to that peer, not a fault.
    Offered {
        /// Who offers it.
        origin: Origin,
        /// The header's hash.
        hash: Hash,
        /// The header. (In a box: notices are moved often, and most are small.)
        header: Box<Header>,
    },
    /// `fetch` → `headers`: the ledger has taken a block of the best header chain: the first since the last `Want`, or since
    /// this was last told, a second ago or more.
    Delivered,
    /// `fetch` → `headers`: the best chain's bodies up to this height were taken; more headers may be asked for. Runs
    /// ahead of `ChainMoved`, which during sync comes only once per commit.
    Fetched {
        /// The height.
        height: u32,
    },
    /// `fetch` → `headers`: every peer was asked for this block of the best header chain, and nobody delivers it. The
    /// branch must not hold up the rest of the network's.
    Withheld {
        /// The block.
        hash: Hash,
    },
    /// `miner`, → `fetch`: a block that was made here.
    Produced {
        /// The block's encoding.
        block: Bytes,
    },
    /// `fetch` → `verify`: check a body.
    CheckBlock {
        /// Who sent it; its connection is at stake.
        origin: Origin,
        /// The hash of the header that it is the body of.
        hash: Hash,
        /// The `Block` frame, unopened.
        frame: Frame,
        /// Merkle leaves of transactions whose signatures were checked on their way into the mempool.
        checked: Arc<BTreeSet<Hash>>,
    },
    /// `verify` → `ledger`: a body whose stateless checks hold.
    BlockChecked {
        /// Who sent it.
        origin: Origin,
        /// The block.
        block: Arc<CheckedBlock>,
    },
    /// `verify` → `fetch`: a body that is not the header's; ask somebody else. Its sender has been dealt with.
    BodyRefused {
        /// The block that was asked for.
        hash: Hash,
        /// Who sent the body.
        origin: Origin,
        /// What is wrong.
        fault: Box<BlockFault>,
    },
    /// `verify` → `ledger`: the header commits to an invalid body: the block is invalid. Its sender has been dealt with.
    BodyInvalid {
        /// The block.
        hash: Hash,
        /// Who sent the body.
        origin: Origin,
        /// What is wrong.
        fault: Box<BlockFault>,
    },

    /// `ledger` → `fetch`: blocks that need no body any more: applied, or stored on a branch.
    BodiesTaken {
        /// Height and hash of each.
        blocks: Vec<(u32, Hash)>,
    },
    /// `ledger` → `gossip`: this block follows the tip of a synced node and all rules hold: pass it on. Told before it is
    /// stored; `ChainMoved` follows.
    BlockValidated {
        /// Who sent it.
        origin: Origin,
        /// The block.
        hash: Hash,
        /// Its encoding.
        bytes: Bytes,
    },
    /// `ledger` → all but `verify`: committed: the applied chain moved. At the tip one block at a time, during sync
    /// many at once. Said once at the start too, with nothing added or removed.
    ChainMoved(Arc<ChainMove>),
    /// `gossip` → `peers`: a synced node's tip was not passed on, since it came with a sync. Peers that know less would not
    /// hear of it before our next ping.
    TipUntold,
    /// `ledger` → `headers`, `fetch`: these blocks are invalid and marked so in the store. The first is the culprit,
    /// the others build on it.
    BlocksInvalid {
        /// The blocks.
        hashes: Vec<Hash>,
        /// What is wrong with the first.
        fault: Box<BlockFault>,
    },

    /// `gossip` → `verify`: check transactions, statelessly, signatures in one batch.
    CheckTransactions(Vec<UncheckedTransaction>),
    /// `verify` → `gossip`: the verdicts, in the same order. Senders of invalid ones have been dealt with.
    TransactionsChecked(Vec<TransactionVerdict>),
    /// `gossip` → `ledger`: take this transaction into the mempool.
    Admit {
        /// Where it came from.
        origin: Origin,
        /// Statelessly valid, signatures included.
        transaction: Arc<HashedTransaction>,
    },
    /// `ledger` → `gossip`: the mempool had been too full for some transaction, and has room again.
    PoolHasRoom,
    /// `ledger` → `gossip`: the answer to each `Admit`, and (origin `Ledger`) news of transactions that came back into
    /// the mempool from a losing branch.
    Admitted {
        /// As in `Admit`.
        origin: Origin,
        /// The transaction.
        transaction: Arc<HashedTransaction>,
        /// In the mempool, or why not.
        result: Result<(), Refusal>,
    },
    /// `ledger` → `fetch`: the merkle leaves in the mempool changed: their signatures need no second check. `ledger` →
    /// `miner`: there is something to mine.
    PoolChanged {
        /// Leaves that came in.
        added: Vec<Hash>,
        /// Leaves that went.
        removed: Vec<Hash>,
    },

    /// `miner` → `ledger`: a template on the current tip, paying to this address.
    WantTemplate {
        /// Who is paid.
        address: Address,
    },
    /// `ledger` → `miner`: the answer.
    Template(Arc<Template>),
}

/// A move of the applied chain.
#[derive(Clone, Debug, PartialEq)]
pub struct ChainMove {
    /// Where it ends now.
    pub tip: Tip,
    /// Blocks taken off, highest first.
    pub removed: Vec<Hash>,
    /// Blocks put on, lowest first: hash and height.
    pub added: Vec<(Hash, u32)>,
    /// The new tip's bytes, if it is news worth relaying that was not told as `BlockValidated`: the end of a branch that a
    /// synced node moved to. With where it came from, so that it is not sent back.
    pub news: Option<(Origin, Bytes)>,
}

/// A transaction on its way to the verifier.
#[derive(Clone, Debug, PartialEq)]
pub struct UncheckedTransaction {
    /// Who sent it; its connection is at stake.
    pub origin: Origin,
    /// The transaction.
    pub transaction: Arc<HashedTransaction>,
}

/// The verifier's word on one transaction.
#[derive(Clone, Debug, PartialEq)]
pub struct TransactionVerdict {
    /// Who sent it.
    pub origin: Origin,
    /// The transaction, or the rule that it breaks whatever the ledger's state.
    pub result: Result<Arc<HashedTransaction>, TransactionFault>,
}

/// Why a transaction is not taken into the mempool. Depends on our state and policy, so it is no fault of the sender.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Refusal {
    /// It is there.
    #[error("already in the mempool")]
    Known,
    /// It is in a block.
    #[error("already confirmed")]
    Confirmed,
    /// Another transaction in the mempool spends the same coin.
    #[error("conflicts with {0} in the mempool")]
    Conflict(Hash),
    /// Invalid in the next block: missing or immature coin, wrong key, inflation.
    #[error("{0}")]
    Invalid(#[from] TransactionFault),
    /// Too low a fee rate for this node, or for a full mempool.
    #[error("fee of {fee} is below the {needed} that its size needs now")]
    Fee {
        /// Its fee, base units.
        fee: u64,
        /// What would do, base units.
        needed: u64,
    },
    /// It spends outputs of too long a chain of unconfirmed transactions.
    #[error("builds on more than {0} unconfirmed transactions; try again after the next block")]
    Ancestors(usize),
    /// The node does not take transactions now.
    #[error("the node is {0}, not synced")]
    NotSynced(SyncState),
    /// A queue is full.
    #[error("too many transactions are waiting; try again")]
    Busy,
}

/// What a miner works on.
#[derive(Clone, Debug, PartialEq)]
pub struct Template {
    /// Complete but for its time (which may be raised) and nonce.
    pub header: Header,
    /// A count and the transactions, as they follow the header in the block's encoding.
    pub body: Bytes,
    /// The smallest allowed time, unix seconds.
    pub min_time: u64,
    /// Transactions besides the coinbase.
    pub transactions: usize,
}
