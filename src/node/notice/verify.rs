//! What the `verify` role may be told.

use std::{collections::BTreeMap, sync::Arc};

use crate::{base::hash::Hash, chain::block::HashedTransaction, node::origin::Origin, wire::frame::Frame};

/// To `verify`.
#[derive(Clone, Debug, PartialEq)]
pub enum ToVerify {
    /// From `fetch`: check a body.
    CheckBlock {
        /// Where it came from. If a peer sent an invalid one, its link is closed.
        origin: Origin,
        /// The hash of the header that the body belongs to.
        hash: Hash,
        /// The `Block` frame, unopened.
        frame: Frame,
        /// Transactions whose signatures were checked on their way into the mempool.
        checked: Arc<CheckedTransactions>,
        /// What the frame was made of, if the block was put together here.
        parts: Option<Parts>,
    },
    /// From `gossip`: check transactions, statelessly, signatures in one batch.
    CheckTransactions(Vec<UncheckedTransaction>),
}

/// Transactions of the mempool, by their merkle leaves.
pub type CheckedTransactions = BTreeMap<Hash, Arc<HashedTransaction>>;

/// The transactions of a block that was put together here, in its order: decoded and hashed before, as they came.
pub type Parts = Arc<[Arc<HashedTransaction>]>;

/// A transaction on its way to the verifier.
#[derive(Clone, Debug, PartialEq)]
pub struct UncheckedTransaction {
    /// Where it came from. If a peer sent an invalid one, its link is closed.
    pub origin: Origin,
    /// The transaction.
    pub transaction: Arc<HashedTransaction>,
}
