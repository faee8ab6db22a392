//! Verdicts that the verifiers of several nodes share. A verdict depends on bytes alone, so what one of them found holds for
//! all. The nodes of a large simulated network share them; any other node has none.

use std::{
    collections::{BTreeMap, BTreeSet},
    sync::{Arc, Mutex, MutexGuard, PoisonError},
};

use crate::{
    base::{bytes::Bytes, hash::Hash},
    chain::{checked::CheckedBlock, key::Claim},
};

/// Claims that are remembered; when full, further ones are checked each time.
const MOST_CLAIMS: usize = 1 << 20;
/// The same for blocks.
const MOST_BLOCKS: usize = 1 << 14;

/// What verifiers have found to hold. Clones share it.
#[derive(Clone, Debug, Default)]
pub struct Verdicts(Arc<Mutex<Found>>);

#[derive(Debug, Default)]
struct Found {
    /// Key, signed hash and signature of each claim that holds.
    claims: BTreeSet<([u8; 32], Hash, [u8; 64])>,
    blocks: BTreeMap<Hash, Arc<CheckedBlock>>,
}

impl Verdicts {
    /// The valid block with exactly these bytes.
    pub(super) fn block(&self, hash: &Hash, bytes: &Bytes) -> Option<Arc<CheckedBlock>> {
        self.found().blocks.get(hash).filter(|block| block.bytes == *bytes).cloned()
    }

    /// Remembers a valid block.
    pub(super) fn keep_block(&self, block: &Arc<CheckedBlock>) {
        let mut found = self.found();
        if found.blocks.len() < MOST_BLOCKS {
            found.blocks.insert(block.hash, block.clone());
        }
    }

    /// Whether a claim is known to hold.
    pub(super) fn holds(&self, claim: &Claim) -> bool {
        self.found().claims.contains(&(claim.public_key, claim.hash, claim.signature))
    }

    /// Remembers claims that hold.
    pub(super) fn keep(&self, claims: &[Claim]) {
        let mut found = self.found();
        let room = MOST_CLAIMS.saturating_sub(found.claims.len());
        let new = claims.iter().take(room).map(|claim| (claim.public_key, claim.hash, claim.signature));
        found.claims.extend(new);
    }

    fn found(&self) -> MutexGuard<'_, Found> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
