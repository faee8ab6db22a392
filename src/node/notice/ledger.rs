//! What the `ledger` role may be told.

use std::sync::Arc;

use crate::{
    base::{hash::Hash, ids::LinkId},
    chain::{
        address::Address, archive::HeaderRow, block::HashedTransaction, checked::CheckedBlock, past::PastBlock,
        rules::BlockFault, snapshot::Manifest, target::Work,
    },
    node::{origin::Origin, sync_state::SyncState},
};

/// To `ledger`.
#[derive(Clone, Debug, PartialEq)]
pub enum ToLedger {
    /// From `headers`: validated headers to store, each after its parent.
    StoreHeaders(Vec<HeaderRow>),
    /// From `headers`: it has heard `Rest`. It reads nothing of the store and sends nothing to store until it has heard `Joined`, and
    /// then begins again with what is stored.
    HeadersRest,
    /// From `headers`: the best header chain that counts. Withheld branches do not count, nor, once the node is synced,
    /// branches of which no block has come. Told when it changes.
    BestChain {
        /// Its height.
        height: u32,
        /// Its work.
        work: Work,
    },
    /// From `headers`: a quorum has notarised this block again, in a later view than its header's. It counts as much as if that
    /// were its header's.
    NotarisedAgain {
        /// The block.
        hash: Hash,
        /// What its chain counts as.
        work: Work,
    },
    /// From `headers`: the node's state changed.
    State(SyncState),
    /// From `verify`: a body whose stateless checks hold. It may come before its header: then it waits for that.
    BlockChecked {
        /// Where it came from.
        origin: Origin,
        /// The block.
        block: Arc<CheckedBlock>,
    },
    /// From `verify`: the header commits to an invalid body, so that the block is invalid. Its sender has been dealt with. This,
    /// too, may come before the header.
    BodyInvalid {
        /// The block.
        hash: Hash,
        /// Where the body came from.
        origin: Origin,
        /// What is wrong.
        fault: Box<BlockFault>,
    },
    /// From `gossip`: take this transaction into the mempool.
    Admit {
        /// Where it came from.
        origin: Origin,
        /// Statelessly valid, signatures included.
        transaction: Arc<HashedTransaction>,
        /// Whether others in the mempool may leave for it.
        replace: bool,
    },
    /// From `gossip`: transactions were not relayed to this peer, because its link had no room. List the mempool to it.
    OfferPool {
        /// The link.
        link: LinkId,
    },
    /// From `snapshot`: the pieces of this snapshot are here and right. Take its coins; `snapshot` hears `Adopted`.
    AdoptSnapshot(Manifest),
    /// From `history`: keep these blocks, the one below the lowest that is kept first; it hears `Kept`.
    KeepPast(Vec<PastBlock>),
    /// From `snapshot`: no block is deep enough. Verify the whole history.
    AbandonJoin,
    /// From `sealer`: make a template on this block, if it is the tip, that pays to this address. Its seal and time are to
    /// be replaced.
    WantProposal {
        /// The parent.
        parent: Hash,
        /// The payee.
        address: Address,
    },
    /// From `sealer`: where does this notarised block stand?
    WantPlace {
        /// The block.
        block: Hash,
    },
    /// From `sealer`: this block, and all before it, must never be left again.
    Final {
        /// Its height.
        height: u32,
        /// The block.
        hash: Hash,
    },
    /// From `miner`: make a template on the current tip that pays to this address.
    WantTemplate {
        /// The payee.
        address: Address,
    },
}
