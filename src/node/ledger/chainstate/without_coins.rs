//! The applied chain while its coins are not here: headers alone, until a snapshot brings the coins.

use super::Chainstate;
use crate::chain::{
    archive::{BlockStatus, HeaderRow, StoreError},
    snapshot::{Adoption, JoinState, Manifest},
};

impl Chainstate {
    /// Whether the chain follows headers alone; it begins to if it `wants` to and has no block but genesis.
    pub(in crate::node::ledger) fn begins_without_coins(&mut self, wants: bool) -> Result<bool, StoreError> {
        if self.store.join_state()? == JoinState::Joining {
            if wants {
                log::info!(
                    "this ledger has begun to join with a snapshot and goes on with it; --join history gives it up"
                );
            } else {
                log::info!("this node no longer joins with a snapshot (--join history): it verifies the whole history");
                self.store.abandon_join()?;
            }
            return Ok(wants);
        }
        if !wants {
            return Ok(false);
        }
        if self.store.tip()?.height > 0 || !self.store.stored_above(0)?.is_empty() {
            log::info!("this ledger has blocks already, so that it does not join with a snapshot (--join)");
            return Ok(false);
        }
        self.store.begin_join()?;
        Ok(true)
    }

    /// Makes a stored header the last of the applied chain, with those below it, if its chain has more work. Whether it has.
    pub(in crate::node::ledger) fn follow_header(&mut self, row: &HeaderRow) -> Result<bool, StoreError> {
        if row.work <= self.tip.work {
            return Ok(false);
        }
        let (mut path, mut below) = (vec![(row.header.height, row.hash)], row.header.previous);
        loop {
            let parent = self.row(&below)?;
            match parent.status {
                BlockStatus::Applied => break,
                BlockStatus::Invalid => return Ok(false),
                BlockStatus::Header | BlockStatus::Stored => path.push((parent.header.height, below)),
            }
            below = parent.header.previous;
        }
        while self.tip.hash != below {
            let parent = self.row(&self.tip.hash)?.header.previous;
            self.store.unapply_header(self.tip.height, &self.tip.hash)?;
            let parent = self.row(&parent)?;
            self.tip = self.tip_at(&parent);
        }
        for (height, hash) in path.iter().rev() {
            self.store.apply_header(*height, hash)?;
        }
        self.tip = self.tip_at(row);
        Ok(true)
    }

    /// Goes back to genesis, whose coins are here.
    pub(in crate::node::ledger) fn abandon_join(&mut self) -> Result<(), StoreError> {
        let best = self.tip.height;
        log::info!(
            "no block is deep enough for a snapshot: all blocks are verified, some seconds for each 10,000 small ones best={best}"
        );
        self.store.abandon_join().map(drop)
    }

    /// Makes the headers so far permanent.
    pub(in crate::node::ledger) fn commit_headers(&mut self) -> Result<(), StoreError> {
        self.store.commit(&self.tip, &self.sum, false)
    }

    /// Takes some of a snapshot's coins. The headers must be committed.
    pub(in crate::node::ledger) fn adopt(&mut self, manifest: &Manifest) -> Result<Adoption, StoreError> {
        self.store.adopt_snapshot(manifest, self.spec.supply(manifest.height()))
    }
}
