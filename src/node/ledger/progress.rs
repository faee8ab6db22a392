//! How far the applied chain is behind the best one known, and whether the node counts as synced.

use crate::{
    base::limits,
    chain::{archive::Tip, target::Work},
};

/// What is known to come after the tip.
#[derive(Debug)]
pub(super) struct Progress {
    /// Height and work of the best header.
    best: (u32, Work),
    /// Whether the node is synced.
    synced: bool,
    /// The tip's height when the node last ceased to be synced.
    synced_until: Option<u32>,
}

impl Progress {
    /// Nothing is known beyond the tip.
    pub(super) fn at(tip: &Tip) -> Self {
        Self { best: (tip.height, tip.work), synced: false, synced_until: None }
    }

    /// Sets the best header's height and work.
    pub(super) fn set_best(&mut self, height: u32, work: Work) {
        self.best = (height, work);
    }

    /// Notes whether the node is synced while the tip is at this height.
    pub(super) fn set_synced(&mut self, synced: bool, height: u32) {
        if self.synced && !synced {
            self.synced_until = Some(height);
        }
        self.synced = synced;
    }

    /// Whether no header with more work than this is known.
    pub(super) fn is_best(&self, work: Work) -> bool {
        work >= self.best.1
    }

    /// How many blocks the best chain is ahead of the tip; 0 if the tip has as much work.
    pub(super) fn ahead_of(&self, tip: &Tip) -> u32 {
        let (height, work) = self.best;
        if work > tip.work { height.saturating_sub(tip.height).max(1) } else { 0 }
    }

    /// Whether the node is synced, or was a few blocks ago: a new block's header ends that state for a moment.
    pub(super) fn is_synced(&self, tip: &Tip) -> bool {
        let recently = |height: u32| tip.height.saturating_sub(height) <= limits::COMMIT_BURST;
        self.synced || self.synced_until.is_some_and(recently)
    }

    /// Whether each block is committed by itself: no more blocks are known, or the node is synced and only a few are.
    pub(super) fn is_at_tip(&self, tip: &Tip) -> bool {
        match self.ahead_of(tip) {
            0 => true,
            blocks => blocks <= limits::COMMIT_BURST && self.is_synced(tip),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{base::hash::Hash, chain::spec::ChainSpec};

    fn work(blocks: u32) -> Work {
        let one = ChainSpec::local().genesis.header.work();
        (0..blocks).fold(Work::ZERO, |sum, _| sum.plus(one))
    }

    fn tip(height: u32) -> Tip {
        Tip { hash: Hash([1; 32]), height, time: 0, work: work(height + 1), digest: Hash::ZERO }
    }

    #[test]
    fn a_tip_is_behind_only_chains_with_more_work() {
        let mut progress = Progress::at(&tip(5));
        assert_eq!((progress.ahead_of(&tip(5)), progress.is_at_tip(&tip(5))), (0, true));
        progress.set_best(9, work(10));
        assert_eq!((progress.ahead_of(&tip(5)), progress.is_at_tip(&tip(5))), (4, false));
        assert!(progress.is_best(work(10)) && !progress.is_best(work(9)));
        progress.set_best(3, work(10));
        assert_eq!(progress.ahead_of(&tip(5)), 1, "a shorter chain with more work is still ahead");
        progress.set_best(9, work(6));
        assert_eq!(progress.ahead_of(&tip(5)), 0, "a longer chain with no more work is not");
    }

    #[test]
    fn a_synced_node_stays_at_the_tip_for_a_few_blocks() {
        let mut progress = Progress::at(&tip(5));
        progress.set_synced(true, 5);
        progress.set_synced(false, 5);
        let last = 5 + limits::COMMIT_BURST;
        assert!(progress.is_synced(&tip(last)) && !progress.is_synced(&tip(last + 1)));
        progress.set_best(6, work(7));
        assert!(progress.is_at_tip(&tip(5)));
        progress.set_best(6 + limits::COMMIT_BURST, work(7 + limits::COMMIT_BURST));
        assert!(!progress.is_at_tip(&tip(5)), "too many blocks are missing");
    }
}
