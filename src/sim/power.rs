//! Power losses: a disk loses what came after its last flush, but nothing that the node's setting promises to keep.

use std::time::Duration;

use crate::{base::limits, chain::archive::Tip, sim::world::World};

/// By how much a flush may be late: the ledger's housekeeping and slow steps come before it.
const LATE_FLUSH: Duration = Duration::from_secs(5);

/// By how much a node's clock may differ from the world's.
const CLOCK_ERROR: Duration = Duration::from_secs(3600);

impl World {
    /// Notes that a node has committed a tip, unless the tip is old: commits of a sync are not flushed.
    pub(super) fn note_commit(&mut self, node: usize, tip: &Tip) {
        let age = (self.options.epoch + self.now.0 / 1_000_000).saturating_sub(tip.time);
        if age < (limits::DURABLE_WITHIN - CLOCK_ERROR).as_secs() {
            self.nodes[node].committed.push((self.now, tip.work));
        }
    }

    /// Takes a node's disk back to its last flush, if the run has power losses.
    pub(super) fn lose_power(&mut self, node: usize) {
        let Some(seconds) = self.options.flush_every else { return };
        self.nodes[node].disk.lose_power();
        // A node whose clock is far off takes new blocks for old ones, and does not flush those.
        if !self.is_honest(node) || self.options.clock_skew > 0 {
            return;
        }
        let grace = if seconds == 0 { Duration::ZERO } else { Duration::from_secs(seconds) + LATE_FLUSH };
        let committed = self.nodes[node].committed.iter();
        let promised = committed.filter(|(at, _)| *at + grace <= self.now).map(|(_, work)| *work).max();
        let left = self.nodes[node].disk.read(|ledger| ledger.tip().map(|tip| tip.work));
        if left.as_ref().is_ok_and(|left| promised.is_none_or(|promised| promised <= *left)) {
            return;
        }
        let what = format!("flushes every {seconds} s, committed {promised:?} before that, and has {left:?} left");
        self.fail("power", Some(node), what);
    }
}
