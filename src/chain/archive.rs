//! The traits through which roles reach the store. `store/` implements them over SQLite; nothing above knows SQL.

use std::{
    collections::BTreeSet,
    net::{IpAddr, SocketAddr},
};

pub use crate::chain::{keep::Keep, store_error::StoreError, tip::Tip};
use crate::{
    base::{bytes::Bytes, hash::Hash, ids::NodeId, time::UnixTime},
    chain::{
        checked::CheckedBlock,
        coin::{Coin, CoinChange, CoinChanges},
        coin_key::CoinKey,
        digest::StateSum,
        header::Header,
        past::PastBlock,
        seal::{Certificate, DoubleProposal, Epoch, SignedVote, Stage},
        snapshot::{Adoption, JoinState, Manifest},
        target::Work,
    },
};

/// The state of a block's validation.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum BlockStatus {
    /// The header is valid; no body yet.
    Header,
    /// The body is stored and valid on its own; not yet (or no longer) part of the applied chain.
    Stored,
    /// Part of the applied chain.
    Applied,
    /// Neither this block nor any descendant may be applied.
    Invalid,
}

/// A stored header.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct HeaderRow {
    /// The header's hash.
    pub hash: Hash,
    /// The header.
    pub header: Header,
    /// The work of the chain from genesis up to and with this block.
    pub work: Work,
    /// Seconds of pauses that do not count for the difficulty, from genesis up to this block: see
    /// [`crate::chain::schedule`].
    pub paused: u64,
    /// The block's status.
    pub status: BlockStatus,
}

/// Read access to headers. A reader sees what is committed.
pub trait HeaderArchive: Send {
    /// The header with this hash.
    fn header(&self, hash: &Hash) -> Result<Option<HeaderRow>, StoreError>;
    /// The applied chain's header at a height.
    fn applied_at(&self, height: u32) -> Result<Option<HeaderRow>, StoreError>;
    /// Up to `count` headers of the applied chain from height `from` upwards.
    fn applied_from(&self, from: u32, count: usize) -> Result<Vec<Header>, StoreError>;
    /// The hashes of the applied chain at height `from` and each `step`th above it, up to `count` of them.
    fn applied_hashes(&self, from: u32, step: u32, count: usize) -> Result<Vec<Hash>, StoreError> {
        let mut hashes = Vec::new();
        let heights = (0..count).map_while(|at| from.checked_add(step.checked_mul(u32::try_from(at).ok()?)?));
        for height in heights {
            let Some(row) = self.applied_at(height)? else { break };
            hashes.push(row.hash);
        }
        Ok(hashes)
    }
    /// The valid header with the most work; the first stored wins ties. Genesis if there is no other.
    fn best_header(&self) -> Result<HeaderRow, StoreError>;
    /// How many stored headers are not part of the applied chain.
    fn fork_headers(&self) -> Result<usize, StoreError>;
    /// The lowest height whose applied block can give way to another; 1: each can. No branch can be followed that leaves the
    /// applied chain below the block before it: undo data is gone that disconnecting the blocks would need.
    fn replaceable_from(&self) -> Result<u32, StoreError> {
        Ok(1)
    }
}

/// Finds a coin of the store.
pub type FindCoin<'a> = dyn FnMut(&CoinKey) -> Result<Option<Coin>, StoreError> + 'a;

/// A transaction that a user of this node has submitted.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Submission {
    /// When.
    pub since: UnixTime,
    /// Its encoding.
    pub bytes: Bytes,
}

/// The only writer of `ledger.db`. Changes gather in one transaction until [`LedgerStore::commit`]. A crash before that
/// loses exactly these changes.
pub trait LedgerStore: HeaderArchive {
    /// The committed tip.
    fn tip(&self) -> Result<Tip, StoreError>;
    /// The lowest height whose block is kept whole, with body and undo data; 1: all are. Below it there are only headers, and
    /// genesis. A disconnected block needs both, so the applied chain never ends below `kept_from() - 1`.
    fn kept_from(&self) -> u32 {
        1
    }
    /// The sum over its coins. Takes a moment: not all commits store it.
    fn state_sum(&self) -> Result<StateSum, StoreError>;
    /// Stores validated headers (status [`BlockStatus::Header`]). Known ones are left as they are.
    fn put_headers(&mut self, rows: &[HeaderRow]) -> Result<(), StoreError>;
    /// Stores a block's bytes and marks it [`BlockStatus::Stored`]. The header must be stored.
    fn put_body(&mut self, hash: &Hash, body: &Bytes) -> Result<(), StoreError>;
    /// A stored block's bytes, re-hashed on the way: what was damaged on disk is an error, not an answer.
    fn body(&self, hash: &Hash) -> Result<Option<Bytes>, StoreError>;
    /// The same for a peer: only of a block that is applied, or that was and is stored (`is_disconnected`). Another stored
    /// body may be invalid, and a peer to whom we send it has to ban us.
    fn served_body(&self, hash: &Hash, is_disconnected: bool) -> Result<Option<Bytes>, StoreError> {
        match self.status_of(hash)? {
            Some(BlockStatus::Stored) if !is_disconnected => Ok(None),
            Some(BlockStatus::Applied | BlockStatus::Stored) => self.body(hash),
            _ => Ok(None),
        }
    }
    /// The row of a block's header. A store that remembers enough of it need not read it.
    fn row_of(&self, block: &CheckedBlock) -> Result<Option<HeaderRow>, StoreError> {
        self.header(&block.hash)
    }
    /// The status of a stored header's block. A store that remembers it need not read the header.
    fn status_of(&self, hash: &Hash) -> Result<Option<BlockStatus>, StoreError> {
        Ok(self.header(hash)?.map(|row| row.status))
    }
    /// Whether a body is stored.
    fn has_body(&self, hash: &Hash) -> Result<bool, StoreError>;
    /// Marks the block as the applied chain's next and stores its undo data. Its body must be stored.
    fn apply(&mut self, height: u32, hash: &Hash, undo: &CoinChanges) -> Result<(), StoreError>;
    /// Disconnects the applied chain's last block and returns its undo data.
    fn unapply(&mut self, height: u32, hash: &Hash) -> Result<CoinChanges, StoreError>;
    /// What the applied chain's block at this height did to the coins.
    fn changes_of(&self, height: u32, hash: &Hash) -> Result<CoinChanges, StoreError>;
    /// Marks the block and every stored descendant as invalid; returns the hashes of those that were not yet.
    fn mark_invalid(&mut self, hash: &Hash) -> Result<Vec<Hash>, StoreError>;
    /// Takes that back, for the block, its ancestors and its descendants, or for exactly these instead, parents first. Returns those
    /// that were marked, parents first.
    fn unmark_invalid(&mut self, _hash: &Hash, _only: Option<&[Hash]>) -> Result<Vec<HeaderRow>, StoreError> {
        Err(StoreError::Other("this store does not forget which blocks are invalid".to_owned()))
    }
    /// A coin, as of the changes flushed so far.
    fn coin(&self, key: &CoinKey) -> Result<Option<Coin>, StoreError>;
    /// Lends a function that finds coins like [`LedgerStore::coin`], so that a store prepares once for many lookups.
    fn lend_coins(&self, borrow: &mut dyn FnMut(&mut FindCoin<'_>)) -> Result<(), StoreError> {
        borrow(&mut |key| self.coin(key));
        Ok(())
    }
    /// The sum over the coins after a block, if the store knows it without adding: the nodes of a simulated network share
    /// what one of them has added.
    fn sum_after(&self, _block: &Hash) -> Option<StateSum> {
        None
    }
    /// The sum over all coins, as of the changes flushed so far. Reads every coin, and checks that
    /// [`LedgerStore::coin`] finds it.
    fn coins_sum(&self) -> Result<StateSum, StoreError>;
    /// Writes coin changes into the open transaction. Best in the order of their keys.
    fn flush_coins(&mut self, changes: &mut dyn Iterator<Item = CoinChange>) -> Result<(), StoreError>;
    /// Whether the open transaction has grown so large that it should be committed: the log cannot shrink before.
    fn is_commit_due(&self) -> bool {
        false
    }
    /// Ends the transaction: all of the changes, with the new tip, or none. `durable` waits for the disk.
    fn commit(&mut self, tip: &Tip, sum: &StateSum, durable: bool) -> Result<(), StoreError>;
    /// Takes what the role tells others as its new tip, without ending the transaction: a crash still loses it. Until the
    /// next commit, an archive that the store hands out shows the open transaction.
    fn postpone_commit(&mut self) {}
    /// Does some maintenance that no commit should wait for, if enough is due and no transaction is open. Returns whether
    /// more is left.
    fn tidy(&mut self) -> Result<bool, StoreError> {
        Ok(false)
    }
    /// Whether old blocks are pruned, which [`LedgerStore::tidy`] does.
    fn prunes(&self) -> bool {
        false
    }
    /// Whether what is left for [`LedgerStore::tidy`] waits for somebody who still reads old blocks.
    fn is_held(&self) -> bool {
        false
    }
    /// Replaces the transactions kept across restarts.
    fn save_mempool(&mut self, transactions: &mut dyn Iterator<Item = Bytes>) -> Result<(), StoreError>;
    /// The transactions kept across restarts.
    fn load_mempool(&self) -> Result<Vec<Bytes>, StoreError>;
    /// Keeps transactions of users at once, so that they survive a kill. A store in memory keeps none.
    fn keep_submitted(&mut self, _transactions: &[Submission]) -> Result<(), StoreError> {
        Ok(())
    }
    /// Drops all transactions of users but these.
    fn retain_submitted(&mut self, _txids: &BTreeSet<Hash>) -> Result<(), StoreError> {
        Ok(())
    }
    /// The transactions of users that are kept, the oldest first.
    fn load_submitted(&self) -> Result<Vec<Submission>, StoreError> {
        Ok(Vec::new())
    }
    /// Blocks with a stored body above `height` that are not applied, as a crash between store and apply leaves them.
    fn stored_above(&self, height: u32) -> Result<Vec<HeaderRow>, StoreError>;
    /// Where the coins are from.
    fn join_state(&self) -> Result<JoinState, StoreError> {
        Ok(JoinState::History)
    }
    /// Lets headers alone be applied until a snapshot is adopted. Only genesis may be applied. Committed with what follows.
    fn begin_join(&mut self) -> Result<(), StoreError> {
        Err(cannot_join())
    }
    /// Goes back to genesis and forgets all headers above it, in a transaction of its own. Only while joining.
    fn abandon_join(&mut self) -> Result<Tip, StoreError> {
        Err(cannot_join())
    }
    /// Marks a stored header as the applied chain's next, without its block. Only while joining. [`LedgerStore::commit`] then
    /// takes the digest and the sum of the coins that are here: those of genesis.
    fn apply_header(&mut self, _height: u32, _hash: &Hash) -> Result<(), StoreError> {
        Err(cannot_join())
    }
    /// Takes the last header off the applied chain. Only while joining.
    fn unapply_header(&mut self, _height: u32, _hash: &Hash) -> Result<(), StoreError> {
        Err(cannot_join())
    }
    /// Takes the coins of the fetched snapshot, a few milliseconds' worth a call, in transactions of its own: no other may be open.
    /// With the last, the snapshot's block is the tip, no header above it is known, and the ledger is no longer joining. All is
    /// checked again on the way: the block is applied, the header above it names the digest of the leaves, each bucket adds up to its leaf,
    /// and all amounts to `supply`. A kill or a refusal leaves the ledger joining; the next call begins again.
    fn adopt_snapshot(&mut self, _manifest: &Manifest, _supply: u128) -> Result<Adoption, StoreError> {
        Err(cannot_join())
    }
    /// Keeps the block below the lowest one that is kept whole, of which the header is here. With the first block of the
    /// chain, the ledger has all its history, and is no longer one that has joined. Committed with what follows.
    fn keep_past(&mut self, _block: &PastBlock) -> Result<(), StoreError> {
        Err(cannot_join())
    }
}

fn cannot_join() -> StoreError {
    StoreError::Other("this store cannot join from a snapshot".to_owned())
}

/// Where the second ledger is. Its files are this node's own, and can be made again at any time.
pub trait PastStore: Send {
    /// Opens it, or makes it with the genesis block applied. [`StoreError::Corrupt`]: it must be removed first.
    fn open(&mut self) -> Result<Box<dyn LedgerStore>, StoreError>;
    /// Removes it. What was opened must be dropped.
    fn remove(&mut self) -> Result<(), StoreError>;
}

/// One address of the peer book.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct BookEntry {
    /// Where the node listens.
    pub address: SocketAddr,
    /// Who told us; `None` for configured addresses.
    pub source: Option<SocketAddr>,
    /// When a peer last vouched for it, unix seconds.
    pub last_seen: UnixTime,
    /// When we last shook hands with it over a link that we opened.
    pub last_success: Option<UnixTime>,
    /// When we last tried.
    pub last_attempt: Option<UnixTime>,
    /// Failures since the last success.
    pub failures: u32,
    /// Which node is there: proven if we have shaken hands with it, else the word of `source`.
    pub node: Option<NodeId>,
}

impl BookEntry {
    /// An address that somebody told, and that was never tried.
    pub fn told(address: SocketAddr, source: Option<SocketAddr>, last_seen: UnixTime) -> Self {
        Self { address, source, last_seen, last_success: None, last_attempt: None, failures: 0, node: None }
    }
}

/// An outbound peer to dial first after a restart.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Anchor {
    /// Where it was reached.
    pub address: SocketAddr,
    /// Who answered; `None`: written by a version that did not know.
    pub node: Option<NodeId>,
}

/// Whom a ban keeps out.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Banned {
    /// Any port of this IP address.
    Host(IpAddr),
    /// This node, wherever it is.
    Node(NodeId),
}

/// A host or a node that is kept out.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Ban {
    /// Whom it keeps out.
    pub who: Banned,
    /// Unix seconds.
    pub until: UnixTime,
    /// How many seconds it was to last when it was made: it never lasts longer, whatever the clock says after a restart.
    /// `None`: kept by a version that did not write it down.
    pub seconds: Option<u64>,
    /// For the operator.
    pub reason: String,
}

/// What the peer book keeps across restarts.
#[derive(Clone, Debug, PartialEq, Eq, Default)]
pub struct BookContents {
    /// All addresses.
    pub entries: Vec<BookEntry>,
    /// Current bans.
    pub bans: Vec<Ban>,
    /// Outbound peers to dial first, and which nodes they are.
    pub anchors: Vec<Anchor>,
    /// The book's secret, for its buckets; drawn at first use.
    pub secret: [u8; 32],
}

/// The only writer of `peers.db`. A node without it works, but has to discover peers again.
pub trait PeerStore: Send {
    /// Everything.
    fn load(&mut self) -> Result<BookContents, StoreError>;
    /// Adds or replaces an address.
    fn put(&mut self, entry: &BookEntry) -> Result<(), StoreError>;
    /// Forgets an address.
    fn forget(&mut self, address: &SocketAddr) -> Result<(), StoreError>;
    /// Replaces the anchors.
    fn set_anchors(&mut self, anchors: &[Anchor]) -> Result<(), StoreError>;
    /// Adds or replaces a ban.
    fn put_ban(&mut self, ban: &Ban) -> Result<(), StoreError>;
    /// Lifts a ban.
    fn lift_ban(&mut self, who: &Banned) -> Result<(), StoreError>;
}

/// What the `sealer` of a sealed chain keeps across restarts.
#[derive(Clone, Debug, PartialEq, Eq, Default)]
pub struct SealRecord {
    /// The newest votes of this node's own key, one of each stage at most, by view.
    pub own_votes: Vec<SignedVote>,
    /// Certificates that still matter, ascending by view: the newest of finality, all of later views, and by which the newest
    /// final block is final that this node's chain has, or had when they were last forgotten.
    pub certificates: Vec<Certificate>,
    /// The newest votes of others, one of each stage and authority at most, of one set.
    pub heard: Vec<SignedVote>,
    /// Two different votes of one authority for one view and stage, or for finality and skip of one view.
    pub evidence: Vec<(SignedVote, SignedVote)>,
    /// Two proposals of one authority for one view, one such pair for each authority and epoch.
    pub double_proposals: Vec<DoubleProposal>,
    /// The last view in which this node's own key has proposed a block.
    pub proposed: Option<(Epoch, u64)>,
}

impl SealRecord {
    /// The set of authorities that made the last final block.
    pub fn epoch(&self) -> Epoch {
        self.last_final().map_or(0, |finality| finality.statement.epoch)
    }

    /// What shows that the last final block is final; `None`: only genesis is.
    pub fn last_final(&self) -> Option<&Certificate> {
        let of_finality = self.certificates.iter().filter(|kept| kept.statement.stage == Stage::Finalize);
        of_finality.max_by_key(|kept| (kept.statement.epoch, kept.statement.view))
    }

    /// Earlier ones of a set: what is final by them stays, also if the last one leads elsewhere.
    pub fn earlier_finals(&self, epoch: Epoch) -> impl Iterator<Item = &Certificate> {
        let of_set =
            move |kept: &&Certificate| kept.statement.stage == Stage::Finalize && kept.statement.epoch == epoch;
        let newest = self.certificates.iter().filter(of_set).map(|kept| kept.statement.view).max();
        self.certificates.iter().filter(of_set).filter(move |kept| Some(kept.statement.view) != newest)
    }
}

/// The only writer of `seals.db`. What it keeps is on the disk when the call returns: a vote must not be forgotten once
/// anybody has seen it.
pub trait SealStore: Send {
    /// Everything.
    fn load(&mut self) -> Result<SealRecord, StoreError>;
    /// Keeps a vote of this node's own, in place of its last one of the same stage.
    fn keep_vote(&mut self, vote: &SignedVote) -> Result<(), StoreError>;
    /// Keeps votes of others of one set, each in place of the last one of its signer and stage, and forgets those of earlier
    /// sets. Durable with the next vote of this node's own.
    fn keep_heard(&mut self, votes: &[SignedVote]) -> Result<(), StoreError>;
    /// Keeps a certificate. Durable if it is the first by which a block counts, else with the next vote.
    fn keep_certificate(&mut self, certificate: &Certificate) -> Result<(), StoreError>;
    /// Forgets certificates of views below this one, except that by which `held` is final.
    fn forget_below(&mut self, view: u64, held: Option<Hash>) -> Result<(), StoreError>;
    /// Keeps the proof that an authority has lied, one for each authority and epoch.
    fn keep_evidence(&mut self, evidence: &(SignedVote, SignedVote)) -> Result<(), StoreError>;
    /// Keeps the proof that this authority has proposed twice in one view, one for each authority and epoch.
    fn keep_double_proposal(&mut self, signer: u8, proof: &DoubleProposal) -> Result<(), StoreError>;
    /// Keeps that this node proposes a block in a view. It survives the end of the process at once, and a power loss with the
    /// next vote.
    fn keep_proposed(&mut self, epoch: Epoch, view: u64) -> Result<(), StoreError>;
    /// The last vote of this node's own of a stage that it kept: what others hold of its key and this lacks was signed elsewhere.
    fn own_vote(&self, stage: Stage) -> Result<Option<SignedVote>, StoreError>;
}
