//! A block that a quorum has notarised again in a later view than its header's: its chain counts as one of that view. Not stored:
//! `headers` tells it again after a start.

use crate::{
    base::{hash::Hash, time::Now},
    chain::{archive::BlockStatus, target::Work},
    node::{Halt, Outbox},
};

use super::chain_manager::ChainManager;

impl ChainManager {
    /// This block's chain counts as so much work.
    pub(super) fn notarised_again(
        &mut self,
        now: Now,
        (hash, work): (Hash, Work),
        out: &mut Outbox,
    ) -> Result<(), Halt> {
        // Of several it is enough to remember the one that counts most.
        if self.lifted.is_none_or(|(_, before)| before < work) {
            self.lifted = Some((hash, work));
        }
        match self.status_of(&hash)? {
            Some(BlockStatus::Stored) => self.activate_best_chain(now, &hash, None, out),
            _ => Ok(()),
        }
    }

    /// What the chain with this last block counts as, whose work is this.
    pub(super) fn rank(&self, hash: &Hash, work: Work) -> Work {
        let lifted = self.lifted.filter(|(lifted, _)| lifted == hash);
        lifted.map_or(work, |(_, lifted)| lifted.max(work))
    }

    /// What the applied chain counts as.
    pub(super) fn tip_rank(&self) -> Work {
        let tip = self.active.chain().tip();
        self.rank(&tip.hash, tip.work)
    }
}
