//! Networks in which one node joins with a snapshot of the others.

use crate::{
    chain::{archive::LedgerStore, snapshot::JoinState},
    node::{Join, Setup},
    sim::{
        dice::Dice,
        options::{LARGE, Options},
        overrides::Overrides,
        world::World,
    },
};

/// Seeds that draw such a network, parts per million.
const PPM: u64 = 100_000;
/// Of these, how many are small: few nodes, few blocks, few of other faults.
const SMALL_PPM: u64 = 850_000;

/// Blocks from before the run, and blocks between snapshots. The newest of the history is some blocks below its end, but for one.
const HISTORY: usize = 300;
const INTERVALS: [usize; 4] = [40, 70, 110, 25];
const SMALL_HISTORY: u64 = 40;
const SMALL_INTERVALS: [usize; 5] = [6, 7, 9, 12, 17];
/// Blocks between snapshots of a chain that authorities seal: it has no blocks from before the run.
const SEALED_INTERVALS: [usize; 4] = [1, 2, 4, 7];
const SMALL_NODES: usize = 4;
/// Nodes that give snapshots to one that joins where nothing else is looked for, and how many of them lie.
const GIVERS: usize = 8;
const LIARS: usize = 5;
/// Blocks from before such a run, at least and at most, and blocks between its snapshots.
const SHORT_HISTORY: (u64, u64) = (18, 30);
const SHORT_INTERVALS: [usize; 4] = [3, 4, 5, 7];
/// Seconds after which such a run has no faults any more, at least and at most.
const SHORT_SECONDS: (u64, u64) = (8, 40);

/// Whether a node joins with a snapshot, and in which kind of network.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Snapshots {
    None,
    /// Nothing but the join is looked for.
    Only,
    Small,
    Large,
}

impl Snapshots {
    pub(super) fn draw(dice: &Dice, overrides: &Overrides, nodes: usize, authorities: usize) -> Self {
        if overrides.joins_only {
            return Self::Only;
        }
        let is_drawn = nodes < LARGE && dice.stream("snapshots").chance(PPM);
        if !overrides.snapshots.unwrap_or(is_drawn) || nodes < 2 && authorities == 0 {
            return Self::None;
        }
        if dice.stream("small_snapshots").chance(SMALL_PPM) { Self::Small } else { Self::Large }
    }

    /// Small networks have too few blocks for some to go.
    pub(super) fn among_pruned(self, are_pruned: bool) -> Self {
        if are_pruned && self == Self::Small { Self::Large } else { self }
    }

    /// How many honest nodes there are.
    pub(super) fn nodes(self, drawn: usize, authorities: usize, overrides: &Overrides) -> usize {
        match self {
            Self::None => drawn,
            // The node that joins is no authority.
            _ if authorities > 0 => drawn + 1,
            Self::Only => GIVERS - LIARS + 1,
            Self::Small if overrides.nodes.is_none() => drawn.min(SMALL_NODES),
            _ => drawn,
        }
    }

    /// Seconds with faults.
    pub(super) fn seconds(self, dice: &Dice) -> u64 {
        match self {
            Self::Only => dice.between("short_seconds", SHORT_SECONDS.0, SHORT_SECONDS.1),
            Self::Small => dice.between("small_seconds", 15, 40),
            Self::None | Self::Large => dice.between("seconds", 40, 150),
        }
    }
}

impl Options {
    /// Lets the last honest node join, and some others lie about their snapshots.
    pub(super) fn draw_snapshots(&mut self, dice: &Dice, snapshots: Snapshots, authorities: usize) {
        let is_small = matches!(snapshots, Snapshots::Small | Snapshots::Only);
        if snapshots == Snapshots::None || self.siege && !is_small && authorities == 0 {
            return;
        }
        // Blocks from before the run are on schedule only if it began long ago.
        (self.history, self.retarget) = (HISTORY, false);
        // Headers that cost nothing have no place where a node follows headers alone.
        self.false_skeletons = 0;
        let (mut intervals, mut deepest): (&[usize], _) = (&INTERVALS, 20);
        if is_small {
            self.make_small(dice);
            (intervals, deepest) = (&SMALL_INTERVALS, 8);
        }
        if authorities > 0 {
            intervals = &SEALED_INTERVALS;
            self.joins_after = dice.between("joins_after", 0, self.seconds);
        }
        self.snapshot_interval = u32::try_from(dice.size("snapshot_interval", intervals)).unwrap_or(u32::MAX);
        self.join_depth = u32::try_from(dice.between("join_depth", 2, deepest)).unwrap_or(u32::MAX);
        self.false_snapshots = dice.size("false_snapshots", &[0, 0, 1, 2, 3, 5]);
        let minted = dice.one_of("minted", &[true, false, false, false, false, false, false, false]);
        self.minted = minted && authorities == 0 && self.false_snapshots > 0;
        self.joiner_crashes = dice.one_of("joiner_crashes", &[0, 0, 1, 2, 4]);
        if snapshots == Snapshots::Only {
            self.leave_only_the_join(dice, authorities);
        }
    }

    /// Few blocks, few transactions, and none of the faults that are looked for elsewhere.
    fn leave_only_the_join(&mut self, dice: &Dice, authorities: usize) {
        (self.joins_only, self.false_snapshots) = (true, LIARS);
        (self.byzantine, self.tricksters, self.tricklers, self.misleaders) = (0, 0, 0, 0);
        (self.strangers, self.late_headers, self.transactions) = (0, 0, 0);
        (self.crashes, self.late_ppm, self.clock_skew) = (0, 0, 0);
        self.partitions.clear();
        if authorities == 0 {
            let (least, most) = SHORT_HISTORY;
            self.history = usize::try_from(dice.between("short_history", least, most)).unwrap_or(0);
            self.snapshot_interval = u32::try_from(dice.size("short_interval", &SHORT_INTERVALS)).unwrap_or(u32::MAX);
            // Only two snapshots are kept: the older one must be deep enough however many blocks come.
            self.join_depth = self.join_depth.min(self.snapshot_interval);
            self.miners = dice.size("short_miners", &[0, 0, 1]);
            self.minted = dice.one_of("minted", &[true, false, false, false, false, false, false, false]);
            // The liars' chain must lose in the end.
            self.miners = self.miners.max(usize::from(self.minted));
        }
    }

    /// What others look for takes its time, and is looked for elsewhere.
    fn make_small(&mut self, dice: &Dice) {
        self.history =
            usize::try_from(dice.between("small_history", SMALL_HISTORY, 3 * SMALL_HISTORY / 2)).unwrap_or(0);
        self.encryption = self.encryption && dice.one_of("small_encryption", &[true, false, false, false]);
        (self.siege, self.hit_and_run, self.fork_depth) = (false, false, 0);
        (self.byzantine, self.tricksters) = (self.byzantine.min(1), self.tricksters.min(1));
        (self.tricklers, self.misleaders) = (self.tricklers.min(1), self.misleaders.min(1));
        self.late_headers = self.late_headers.min(1);
        self.transactions = self.transactions.min(20);
        // The disks of large networks take long to copy.
        self.flush_every = dice.one_of("snapshot_flush_every", &[None, None, Some(0), Some(5)]);
    }

    /// The number of the node that joins, if one does.
    pub(super) fn joiner(&self) -> Option<usize> {
        (self.snapshot_interval > 0).then(|| self.nodes - 1)
    }

    /// How many headers the branches of liars may have: whoever has more work than the depth at which a node joins can have it take
    /// anything.
    pub(super) fn longest_branch(&self) -> usize {
        let depth = self.joiner().map_or(u32::MAX, |_| self.join_depth);
        usize::try_from(depth.saturating_sub(1)).unwrap_or(usize::MAX)
    }

    /// The numbers of the nodes that lie about their snapshots.
    pub(super) fn false_snapshot_numbers(&self) -> std::ops::Range<usize> {
        let end = self.nodes + self.dishonest();
        end - self.false_snapshots..end
    }

    /// Whether a node makes snapshots or joins with one.
    pub(super) fn set_snapshots(&self, number: usize, setup: &mut Setup) {
        match self.joiner() {
            None => return,
            Some(joiner) if joiner == number => {
                setup.join = Some(Join { depth: Some(self.join_depth), at: None, goes_on: false })
            }
            // Newer ones than the honest nodes have.
            Some(_) if self.false_snapshot_numbers().contains(&number) && number.is_multiple_of(2) => {
                setup.serve_snapshots = Some((self.snapshot_interval / 2).max(1));
            }
            Some(_) => setup.serve_snapshots = Some(self.snapshot_interval),
        }
        setup.snapshot_depth = self.join_depth;
    }
}

impl World {
    /// Whether a node follows headers alone.
    pub(super) fn is_joining(&self, node: usize) -> bool {
        let is_joining = |ledger: &dyn LedgerStore| ledger.join_state() == Ok(JoinState::Joining);
        self.options.joiner() == Some(node) && self.nodes[node].disk.read(is_joining)
    }
}
