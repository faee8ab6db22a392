//! Branches that leave the chain below the blocks that are kept whole: to follow one, blocks would have to be disconnected whose
//! undo data is gone. The node stays on its chain and says so. `headers` refuses such branches by their headers; here are those
//! that became too deep while their blocks came.

use crate::{
    base::time::Now,
    chain::target::Work,
    node::{
        Outbox,
        hindrance::{Finding, HindranceId},
        hindrance_reporter::HindranceReporter,
    },
};

use super::chainstate::Chainstate;

/// The best branch that could not be followed.
#[derive(Debug, Default)]
pub(super) struct TooDeep {
    work: Option<Work>,
    told: HindranceReporter,
}

impl TooDeep {
    /// Whether a branch of this work is refused that leaves the chain after the block at `fork`; says so.
    pub(super) fn refuses(
        &mut self,
        now: Now,
        (fork, work): (u32, Work),
        chain: &Chainstate,
        out: &mut Outbox,
    ) -> bool {
        let kept_from = chain.store().kept_from();
        if fork.saturating_add(1) >= kept_from {
            return false;
        }
        if self.work.is_none_or(|before| before < work) {
            self.work = Some(work);
            log::warn!("branch too deep: fork_height={fork} kept_from={kept_from} tip={}", chain.tip().hash);
            let finding = Finding::too_deep(fork, kept_from);
            self.told.replace(now.unix, [(HindranceId::BranchTooDeep, Some(finding))], out);
        }
        true
    }

    /// It is over once the chain counts as much as the branch.
    pub(super) fn settle(&mut self, now: Now, rank: Work, out: &mut Outbox) {
        if self.work.take_if(|work| rank >= *work).is_some() {
            self.told.replace(now.unix, [], out);
        }
    }
}
