//! The plan of faults of a run, made before it starts, and which of them hold now.

use std::{collections::BTreeSet, time::Duration};

use crate::{
    base::{gather::gather, rng::Rng, time::Time},
    sim::{options::Options, overrides::Partition},
};

/// One fault.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Fault {
    /// A node loses everything that it had not committed, and starts again after a while.
    Crash { node: usize, down: Duration, silent: bool },
    /// A node stops in order, and starts again after a while.
    Stop { node: usize, down: Duration },
    /// Somebody copies what a node has of its own votes and of certificates.
    Copy { node: usize },
    /// A node crashes, and starts again with the copy.
    GoBack { node: usize, down: Duration },
    /// A connection is reset; the choice is taken modulo those that stand.
    Cut { choice: u64 },
    /// Some nodes hear nothing from the others.
    Part(ActivePartition),
    /// A node reads at most `rate` bytes per second; `None`: as fast as it can again.
    Slow { node: usize, rate: Option<u64> },
    /// A node's wall clock is set.
    Clock { node: usize, seconds: i64 },
}

/// A partition, once it has begun.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct ActivePartition {
    /// The nodes of the smaller side.
    pub(super) side: BTreeSet<usize>,
    /// When it heals.
    pub(super) until: Time,
}

/// All faults.
#[derive(Clone, Debug, Default)]
pub(super) struct Faults {
    /// When each node starts.
    pub(super) boots: Vec<Time>,
    /// What happens when.
    pub(super) list: Vec<(Time, Fault)>,
    /// Nodes whose start is in the event queue.
    pub(super) booting: BTreeSet<usize>,
    /// The safety phase is over.
    pub(super) calm: bool,
    active: Vec<ActivePartition>,
}

impl Faults {
    /// The number under which the end of all faults stands in the event queue.
    pub(super) const END: usize = usize::MAX;

    /// Draws the plan.
    pub(super) fn plan(options: &Options, rng: &mut Rng) -> Self {
        let nodes = options.nodes + options.dishonest();
        let mut plan = Self { boots: boots(options, &mut rng.fork("boots")), ..Self::default() };
        plan.booting = gather(0..nodes);
        let micros = options.seconds * 1_000_000;
        let mut crashes = rng.fork("crashes");
        for _ in 0..options.crashes {
            let (node, down) = (draw(&mut crashes, options.nodes), Duration::from_millis(crashes.between(1, 30_000)));
            let silent = crashes.chance(options.silent_ppm);
            let stop = crashes.chance(options.stop_ppm);
            let fault = if stop { Fault::Stop { node, down } } else { Fault::Crash { node, down, silent } };
            plan.list.push((Time(crashes.below(micros)), fault));
        }
        let mut cuts = rng.fork("cuts");
        for _ in 0..options.cuts {
            plan.list.push((Time(cuts.below(micros)), Fault::Cut { choice: cuts.next_u64() >> 1 }));
        }
        let mut sides = rng.fork("partitions");
        for partition in &options.partitions {
            plan.list.push((Time(partition.from * 1_000_000), part(partition, nodes, &mut sides)));
        }
        plan.draw_joiner_crashes(options, &mut rng.fork("joiner crashes"));
        plan.draw_older_disks(options, &mut rng.fork("older disks"));
        plan.draw_slow_readers(options, &mut rng.fork("slow"));
        let mut clocks = rng.fork("clocks");
        for _ in 0..options.clock_steps {
            let seconds = signed(&mut clocks, options.skew_max);
            plan.list.push((Time(clocks.below(micros)), Fault::Clock { node: draw(&mut clocks, nodes), seconds }));
        }
        plan.list.sort_by_key(|(at, _)| *at);
        plan
    }

    /// A node that joins is soon done: some crashes come at once after its start.
    fn draw_joiner_crashes(&mut self, options: &Options, rng: &mut Rng) {
        let Some(joiner) = options.joiner() else { return };
        let Some(boot) = self.boots.get(joiner).map(|boot| boot.0) else { return };
        for _ in 0..options.joiner_crashes {
            let within = [500_000, 3_000_000, 20_000_000][draw(rng, 3)];
            let at = (boot + rng.below(within)).min(options.seconds * 1_000_000 - 1);
            let (down, silent) = (Duration::from_millis(rng.between(1, 1_000)), rng.chance(options.silent_ppm));
            self.list.push((Time(at), Fault::Crash { node: joiner, down, silent }));
        }
    }

    fn draw_older_disks(&mut self, options: &Options, rng: &mut Rng) {
        let micros = options.seconds * 1_000_000;
        for node in options.nodes..options.nodes + options.older_disks {
            for _ in 0..3 {
                let (one, other) = (rng.below(micros), rng.below(micros));
                let down = Duration::from_millis(rng.between(1, 5_000));
                self.list.push((Time(one.min(other)), Fault::Copy { node }));
                self.list.push((Time(one.max(other)), Fault::GoBack { node, down }));
            }
        }
    }

    fn draw_slow_readers(&mut self, options: &Options, rng: &mut Rng) {
        let micros = options.seconds * 1_000_000;
        for _ in 0..options.slow_readers {
            let (node, rate) = (draw(rng, options.nodes), rng.between(100, 20_000));
            let (from, to) = (rng.below(micros), rng.below(micros));
            self.list.push((Time(from.min(to)), Fault::Slow { node, rate: Some(rate) }));
            self.list.push((Time(from.max(to)), Fault::Slow { node, rate: None }));
        }
    }

    /// Puts clocks right that are far off, each by this number of seconds, at the end of the safety phase.
    pub(super) fn set_clocks_right(&mut self, options: &Options, far: impl Iterator<Item = i64>) {
        let at = Time(options.seconds * 1_000_000 - 1);
        let right = |(node, seconds): (usize, i64)| (at, Fault::Clock { node, seconds: -seconds });
        self.list.extend(far.enumerate().filter(|(_, seconds)| *seconds != 0).map(right));
    }

    /// Whether some node is yet to crash.
    pub(super) fn is_crash_due(&self, now: Time) -> bool {
        self.list.iter().any(|(at, fault)| *at > now && matches!(fault, Fault::Crash { .. }))
    }

    /// A partition begins.
    pub(super) fn part(&mut self, partition: ActivePartition) {
        self.active.push(partition);
    }

    /// Until when no byte passes between two nodes.
    pub(super) fn severed(&self, one: usize, other: usize, now: Time) -> Option<Time> {
        let between =
            |part: &&ActivePartition| part.until > now && part.side.contains(&one) != part.side.contains(&other);
        self.active.iter().filter(between).map(|part| part.until).max()
    }
}

fn draw(rng: &mut Rng, nodes: usize) -> usize {
    usize::try_from(rng.below(nodes as u64)).unwrap_or(0)
}

/// A number between `-most` and `most`.
pub(super) fn signed(rng: &mut Rng, most: u64) -> i64 {
    let most = i64::try_from(most).unwrap_or(i64::MAX / 4);
    i64::try_from(rng.between(0, 2 * most.unsigned_abs())).unwrap_or(0) - most
}

fn boots(options: &Options, rng: &mut Rng) -> Vec<Time> {
    let boot = |node: usize| {
        let late = node > 0 && node < options.nodes && rng.chance(options.late_ppm);
        if let Some(second) = options.late_whole(node) {
            return Time(second * 1_000_000);
        }
        if options.joins_after > 0 && options.joiner() == Some(node) {
            return Time((options.joins_after * 1_000_000).min(options.seconds * 1_000_000 - 1));
        }
        Time(if late { rng.below(options.seconds * 1_000_000) } else { rng.below(1_000_000) })
    };
    (0..options.nodes + options.dishonest()).map(boot).collect()
}

fn part(partition: &Partition, nodes: usize, rng: &mut Rng) -> Fault {
    let mut all: Vec<usize> = (0..nodes).collect();
    rng.shuffle(&mut all);
    let size = usize::try_from((nodes as u64 * partition.percent).div_ceil(100)).unwrap_or(0);
    all.truncate(size.clamp(1, nodes.saturating_sub(1).max(1)));
    Fault::Part(ActivePartition { side: gather(all), until: Time((partition.from + partition.seconds) * 1_000_000) })
}
