//! Networks in which nodes keep only their last blocks.
//!
//! The first nodes are pruned from the start. One keeps all blocks, unless the newcomer joins with a snapshot: then there may be
//! none. It may start late, and until then the newcomer is among nodes that lack what it needs.

use crate::{
    chain::archive::Keep,
    sim::{
        dice::Dice,
        options::{LARGE, Options},
        overrides::Overrides,
        snapshots::Snapshots,
    },
};

/// Seeds that draw such a network, parts per million.
const PPM: u64 = 10_000;
/// Blocks from before the run, at least and at most.
const HISTORY: (u64, u64) = (215, 300);
/// Blocks that are kept: often as few as may be.
const KEEPS: [u32; 4] = [Keep::FEWEST, Keep::FEWEST, 110, 140];
/// The fewest nodes: one that is pruned, one that keeps all and a newcomer; with a rival chain, also one that has that.
const FEWEST_NODES: usize = 3;
const FEWEST_WITH_RIVAL: usize = 4;
/// Blocks between snapshots: two of them and the depth of a join are kept.
const INTERVALS: [u32; 3] = [20, 30, 40];
const SNAPSHOTS_KEPT: u32 = 2;

/// Whether nodes are pruned.
pub(super) fn is_drawn(dice: &Dice, overrides: &Overrides, nodes: usize, authorities: usize) -> bool {
    // A chain that authorities seal has no blocks from before the run, and too few in it.
    let may_be = nodes < LARGE && authorities == 0 && !overrides.joins_only;
    may_be && overrides.pruned.unwrap_or_else(|| dice.stream("pruned").chance(PPM))
}

impl Options {
    /// Lets some nodes keep their last blocks only.
    pub(super) fn draw_pruned(&mut self, dice: &Dice, snapshots: Snapshots) {
        if self.siege {
            (self.siege, self.tricksters) = (false, 0);
        }
        let joins = snapshots != Snapshots::None;
        let has_rival = !joins && dice.one_of("rival_chain", &[true, false, false]);
        self.nodes = self.nodes.max(if has_rival { FEWEST_WITH_RIVAL } else { FEWEST_NODES });
        (self.history, self.retarget) =
            (usize::try_from(dice.between("kept_history", HISTORY.0, HISTORY.1)).unwrap_or(0), false);
        self.keep = dice.one_of("keep", &KEEPS);
        if joins {
            self.snapshot_interval = dice.one_of("kept_interval", &INTERVALS);
            self.keep = self.keep.max(SNAPSHOTS_KEPT * self.snapshot_interval + self.join_depth);
        }
        // Nobody tells a newcomer without a snapshot of the old blocks but one that has them.
        let others = usize::from(!joins || dice.one_of("whole", &[true, false])) + usize::from(has_rival);
        self.pruned = self.nodes - 1 - others;
        self.newcomer_prunes = dice.one_of("newcomer_prunes", &[true, false]);
        self.whole_after = if dice.one_of("whole_late", &[true, false]) {
            dice.between("whole_after", 0, self.seconds - 1)
        } else {
            0
        };
        if dice.one_of("pruned_among_honest", &[true, false]) {
            // Those that lie keep all, too.
            (self.byzantine, self.tricksters, self.tricklers) = (0, 0, 0);
            (self.misleaders, self.late_headers) = (0, 0);
        }
        if has_rival {
            // Around the lowest block that can still be left: the chain grows before its nodes hear of the other one.
            let depth = u64::from(self.keep);
            self.rival_depth =
                dice.one_of("rival_depth", &[depth - 20, depth - 3, depth - 1, depth, depth + 1, depth + 8]);
            self.miners = self.miners.clamp(1, self.pruned);
            // It may take the rival chain, and is to be able to leave it again.
            self.newcomer_prunes = false;
        }
    }

    /// How many of its last blocks a node keeps.
    pub(super) fn kept_by(&self, number: usize) -> Keep {
        let is_newcomer = number + 1 == self.nodes;
        let is_pruned = number < self.pruned || self.pruned > 0 && self.newcomer_prunes && is_newcomer;
        if is_pruned { Keep::Blocks(self.keep) } else { Keep::All }
    }

    /// The node that has the rival chain, if one does.
    pub(super) fn rival(&self) -> Option<usize> {
        (self.rival_depth > 0).then(|| self.nodes - 2)
    }

    /// By how many blocks it is longer: the other one has outgrown it soon after the faults.
    pub(super) fn rival_ahead(&self) -> usize {
        usize::try_from(2 + self.whole_after / self.block_time).unwrap_or(2)
    }

    /// The second in which a node starts, if it is one of those that keep all blocks and are late.
    pub(super) fn late_whole(&self, number: usize) -> Option<u64> {
        let is_whole = self.pruned > 0 && (self.pruned..self.nodes - 1).contains(&number);
        (is_whole && self.whole_after > 0).then_some(self.whole_after)
    }
}
