//! Networks in which one node joins with a snapshot of the others.

use crate::{
    chain::{archive::LedgerStore, snapshot::JoinState},
    node::{Join, Setup},
    sim::{dice::Dice, options::Options, world::World},
};

/// Blocks from before the run.
const HISTORY: usize = 300;
/// Blocks between snapshots. The newest of the history is at least 20 blocks below its end, but for one.
const INTERVALS: [usize; 4] = [40, 70, 110, 25];

impl Options {
    /// Lets the last honest node join, and some others lie about their snapshots.
    pub(super) fn draw_snapshots(&mut self, dice: &Dice) {
        if self.siege || self.nodes < 2 {
            return;
        }
        // Blocks from before the run are on schedule only if it began long ago.
        (self.history, self.retarget) = (HISTORY, false);
        self.snapshot_interval = u32::try_from(dice.size("snapshot_interval", &INTERVALS)).unwrap_or(u32::MAX);
        self.join_depth = u32::try_from(dice.between("join_depth", 2, 20)).unwrap_or(u32::MAX);
        self.false_snapshots = dice.size("false_snapshots", &[0, 0, 1, 2, 3, 5]);
    }

    /// The number of the node that joins, if one does.
    pub(super) fn joiner(&self) -> Option<usize> {
        (self.snapshot_interval > 0).then(|| self.nodes - 1)
    }

    /// The numbers of the nodes that lie about their snapshots.
    pub(super) fn false_snapshot_numbers(&self) -> std::ops::Range<usize> {
        let end = self.nodes + self.dishonest();
        end - self.false_snapshots..end
    }

    /// Whether a node makes snapshots or joins with one.
    pub(super) fn set_snapshots(&self, number: usize, setup: &mut Setup) {
        match self.joiner() {
            None => {}
            Some(joiner) if joiner == number => setup.join = Some(Join { depth: Some(self.join_depth), at: None }),
            Some(_) => setup.serve_snapshots = Some(self.snapshot_interval),
        }
    }
}

impl World {
    /// Whether a node follows headers alone.
    pub(super) fn is_joining(&self, node: usize) -> bool {
        let is_joining = |ledger: &dyn LedgerStore| ledger.join_state() == Ok(JoinState::Joining);
        self.options.joiner() == Some(node) && self.nodes[node].disk.read(is_joining)
    }

    /// A node has joined: its coins are those that the chain of the first node commits to.
    pub(super) fn check_joined(&mut self, node: usize, joined: JoinState) {
        let JoinState::Joined { snapshot, .. } = joined else { return };
        let next = self.nodes[0].disk.read(|ledger| ledger.applied_at(snapshot.height.saturating_add(1)));
        let Ok(Some(next)) = next else { return };
        let own = self.nodes[node]
            .disk
            .read(|ledger| Ok::<_, crate::chain::archive::StoreError>((ledger.tip()?, ledger.coins_sum()?)));
        let (tip, sum) = match own {
            Ok(own) => own,
            Err(error) => return self.fail("snapshot", Some(node), error.to_string()),
        };
        let header = next.header;
        let is_tip = tip.hash == snapshot.block;
        if is_tip && header.previous == snapshot.block && sum.clone().digest() != header.state_digest {
            let what = format!("its coins after block {} are not those of the header above", snapshot.height);
            self.fail("snapshot", Some(node), what);
        }
    }
}
