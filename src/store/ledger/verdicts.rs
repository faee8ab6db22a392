//! Which blocks count as invalid.

use super::{LedgerDb, writes::misuse};
use crate::{
    base::hash::Hash,
    chain::archive::{BlockStatus, HeaderRow, StoreError},
    store::{bodies, rows::StoredHeader},
};

impl LedgerDb {
    /// Marks a block that is not applied, and all that build on it; returns those that were not marked yet.
    pub(super) fn invalidate(&mut self, hash: &Hash) -> Result<Vec<Hash>, StoreError> {
        if self.forks.get(hash).is_none() && self.id_of(hash)?.is_some() {
            return Err(misuse("an applied block must be disconnected before it is marked invalid", hash));
        }
        let mut invalid = self.forks.with_descendants(hash);
        invalid.retain(|hash| self.forks.get(hash).is_some_and(|row| row.status != BlockStatus::Invalid));
        for hash in &invalid {
            self.forks.set_status(hash, BlockStatus::Invalid);
        }
        if self.forks.get(&self.best.hash).is_some_and(|row| row.status == BlockStatus::Invalid) {
            self.best = self.find_best()?;
        }
        Ok(invalid)
    }

    /// Takes the mark off a block, its ancestors and its descendants, or off exactly these instead; returns those that had it,
    /// parents first.
    pub(super) fn revalidate(&mut self, hash: &Hash, only: Option<&[Hash]>) -> Result<Vec<HeaderRow>, StoreError> {
        let family = match only {
            Some(blocks) => blocks.to_vec(),
            None => {
                let descendants = self.forks.with_descendants(hash).into_iter().skip(1);
                self.forks.with_ancestors(hash).into_iter().chain(descendants).collect()
            }
        };
        let mut rows = Vec::new();
        for hash in family {
            let Some(row) = self.forks.get(&hash).filter(|row| row.status == BlockStatus::Invalid) else { continue };
            let id = row.id;
            let has_body = bodies::exists(&self.connection, id)?;
            let status = if has_body { BlockStatus::Stored } else { BlockStatus::Header };
            self.forks.set_status(&hash, status);
            rows.push(StoredHeader::with_id(&self.connection, id)?.with_status(status));
        }
        self.best = self.find_best()?;
        Ok(rows)
    }
}
