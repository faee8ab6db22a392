//! What a run is made of: every option is drawn from the seed, zero rates included, unless a flag sets it.
//!
//! Each option has its own random stream, so that a new option changes no other option of an old seed. A stream keeps its
//! name when its option gets another, for the same reason.

use serde::Serialize;

use crate::{
    base::limits::{
        COIN_OVERLAY_BYTES, LEASE_FREE_BYTES, LINK_QUEUE, RECEIVE_BUDGET_BYTES, SEND_BUDGET_BYTES, SEND_SOFT_BYTES,
        WHOLE_BLOCK_BYTES,
    },
    sim::{
        clock::EPOCH,
        dice::Dice,
        later_sets::{LaterSet, draw_count, draw_joiners},
        overrides::{Overrides, Partition},
        pruned,
        regions::Study,
        sealed::{draw_authorities, draw_lying},
        snapshots::Snapshots,
    },
};

/// Nodes from which on a network is large.
pub(super) const LARGE: usize = 50;

/// Blocks from before the run: three rounds of headers.
const HISTORY: usize = 300;

/// Bootnodes are few.
const NODES_PER_BOOTNODE: usize = 40;

/// How nodes know of each other at the start.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum Topology {
    /// The first nodes are bootnodes; all know some of them and find the others by asking.
    #[default]
    Bootnode,
    /// Each dials the next one; nobody is a bootnode.
    Ring,
    /// Each dials a few of those that came before it.
    Random,
}

/// All options of a run. Counts of faults are over the whole network and the whole safety phase.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize)]
pub struct Options {
    /// Where everything below and everything that happens comes from.
    pub seed: u64,
    /// What flags set.
    #[serde(skip)]
    pub overrides: Overrides,
    /// Virtual time 0, unix seconds.
    pub epoch: u64,
    /// Honest nodes.
    pub nodes: usize,
    /// Byzantine nodes, on top.
    pub byzantine: usize,
    /// More byzantine nodes, on top of these: false branches, junk, orphans, squatted ports.
    pub tricksters: usize,
    /// Blocks below the tip at which all false branches of the run leave the chain; 0: each draws its own place.
    pub fork_depth: u64,
    /// Whether seven tricksters make one deep branch after the other, of which nobody delivers a body.
    pub siege: bool,
    /// Whether those that make false branches push an invalid body, leave, and come back with the rest.
    pub hit_and_run: bool,
    /// More byzantine nodes, on top: each delivers whole blocks, but takes its time for each.
    pub tricklers: usize,
    /// Byzantine nodes that mislead about blocks, by compact ones and headers.
    pub misleaders: usize,
    /// Hosts that are no nodes: one of the honest nodes is to keep a link to each, and each answers something else than the
    /// protocol.
    pub strangers: usize,
    /// More byzantine nodes, on top: each says falsely where the rounds of its headers begin.
    pub false_skeletons: usize,
    /// More byzantine nodes, on top: each sends few headers, and late.
    pub late_headers: usize,
    /// Blocks between two snapshots of the coins; 0: there are none.
    pub snapshot_interval: u32,
    /// How many blocks above a snapshot the last honest node wants, which joins with one.
    pub join_depth: u32,
    /// More byzantine nodes, on top: each lies about its snapshots.
    pub false_snapshots: usize,
    /// Whether these serve the snapshots of one chain with more work than the honest one had, in which a block makes too many coins.
    pub minted: bool,
    /// The second in which that node starts on a sealed chain, at the earliest.
    pub joins_after: u64,
    /// How often that node crashes within its first seconds, in addition to all other crashes.
    pub joiner_crashes: u64,
    /// Whether the run ends once it has joined.
    pub joins_only: bool,
    /// Blocks that pruned nodes keep.
    pub keep: u32,
    /// How many honest nodes, the first ones, keep only so many.
    pub pruned: usize,
    /// Whether the newcomer does, too.
    pub newcomer_prunes: bool,
    /// The second in which those start that keep all.
    pub whole_after: u64,
    /// Blocks below the end of the chain from before the run at which another one leaves it that one node has; 0: none does.
    pub rival_depth: u64,
    /// Authorities that seal the chain; 0: it has proof of work. The first nodes are the honest ones.
    pub authorities: usize,
    /// Of these, how many are byzantine nodes, in addition to the honest ones.
    pub lying_authorities: usize,
    /// Of these, how many keep the rules, but start again from older disks.
    pub older_disks: usize,
    /// Sets of authorities that take over from the first one, in the order of their heights.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub later_sets: Vec<LaterSet>,
    /// Milliseconds from a block of a sealed chain to the next one at least.
    pub sealed_block_time_ms: u64,
    /// Seconds after which a sealed chain gets a block without transactions.
    pub idle_block_time: u64,
    /// Blocks that all nodes but one have from the start.
    pub history: usize,
    /// Whether they go on when all other faults are over, as far as their tricks are fair.
    pub byzantine_stay: bool,
    /// Seconds of the safety phase, in which faults happen.
    pub seconds: u64,
    /// Seconds after the last fault within which all honest nodes must agree.
    pub converge_within: u64,
    /// How nodes know of each other.
    pub topology: Topology,
    /// Whether nodes know their first peers by name, of which a name server tells them.
    pub names: bool,
    /// Nodes that others begin with, if they know nobody else.
    pub bootnodes: usize,
    /// Outbound links that a node keeps.
    pub max_outbound: usize,
    /// Inbound links that a node takes.
    pub max_inbound: usize,
    /// Verify roles of each node.
    pub verifiers: usize,
    /// Percent of the default cache and window sizes.
    pub memory_percent: usize,
    /// Bytes of coin changes that a node holds in memory between commits. Too few for those of a few blocks, or of one.
    pub overlay_bytes: usize,
    /// Link events that a role's inbox takes.
    pub inbox: usize,
    /// Bodies larger than this need a lease while they arrive.
    pub lease_free_bytes: usize,
    /// Bytes of such bodies that may be arriving at once.
    pub receive_budget: usize,
    /// Bytes that may be queued to all peers.
    pub send_budget: usize,
    /// Bytes queued to one peer above which its requests wait and news is left out.
    pub send_soft: usize,
    /// Blocks up to this size are pushed whole.
    pub whole_block_bytes: usize,
    /// Whether links are encrypted. Without it a run is faster.
    pub encryption: bool,
    /// Whether a node accepts no more connections than there are other nodes.
    pub few_accepted: bool,
    /// Seconds between blocks that the difficulty aims at.
    pub block_time: u64,
    /// Whether the difficulty follows the blocks; otherwise it rests at its limit.
    pub retarget: bool,
    /// Nodes that mine.
    pub miners: usize,
    /// Hashes per second of each.
    pub mine_rate: u64,
    /// Blocks that a coinbase waits.
    pub maturity: u64,
    /// Transactions submitted per minute, over all nodes.
    pub transactions: u64,
    /// Of these, how many spend a coin for the second time, parts per million.
    pub double_spend_ppm: u64,
    /// The shortest one-way delay between two nodes, microseconds.
    pub latency_min: u64,
    /// The longest.
    pub latency_max: u64,
    /// Bytes per second of each direction of a link.
    pub bandwidth: u64,
    /// Bytes that fit between two sockets.
    pub window: u64,
    /// Pairs of nodes between which the line is slow and its buffers are tiny, parts per million.
    pub small_lines_ppm: u64,
    /// Chunks of bytes that are cut in two, parts per million.
    pub split_ppm: u64,
    /// Chunks that are lost and sent again after a while, parts per million.
    pub loss_ppm: u64,
    /// Role steps that take time, parts per million.
    pub delay_ppm: u64,
    /// The longest that such a step takes, microseconds.
    pub delay_max: u64,
    /// Links that are cut.
    pub cuts: u64,
    /// Partitions.
    pub partitions: Vec<Partition>,
    /// Nodes that read slowly for a while.
    pub slow_readers: u64,
    /// Nodes that crash, losing all that was not committed, and start again.
    pub crashes: u64,
    /// Seconds between two flushes of a disk that loses in a crash what came after the last one. `None`: disks lose nothing.
    pub flush_every: Option<u64>,
    /// Crashes that nobody is told of (no reset of the connections), parts per million.
    pub silent_ppm: u64,
    /// Of these, how many are stops in good order instead, parts per million.
    pub stop_ppm: u64,
    /// Nodes that start late, parts per million.
    pub late_ppm: u64,
    /// The largest error of a node's clock, seconds.
    pub skew_max: u64,
    /// Seconds by which the clocks of one node, of some or of all are far off until the faults end: behind, or also ahead if
    /// the node does not mine. 0: none.
    pub clock_skew: u64,
    /// Clocks that are set during the run.
    pub clock_steps: u64,
    /// The largest error of a node's oscillator, parts per million.
    pub drift_max: u64,
    /// A study of propagation, which has no faults; `None`: a run that looks for faults.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub study: Option<Study>,
}

impl Options {
    /// Draws all options that `overrides` leave open.
    pub fn draw(seed: u64, overrides: &Overrides) -> Self {
        let dice = Dice { seed };
        let nodes = overrides.nodes.unwrap_or_else(|| dice.size("nodes", &[2, 3, 3, 4, 4, 5, 5, 6, 7, 8])).max(1);
        let authorities = overrides.authorities.unwrap_or_else(|| draw_authorities(&dice, nodes));
        let lying = overrides.lying_authorities.unwrap_or_else(|| draw_lying(&dice, authorities, overrides.calm));
        let later_sets = overrides.later_sets.unwrap_or_else(|| draw_count(&dice));
        let joiners = if authorities > 0 { draw_joiners(&dice, later_sets) } else { 0 };
        let nodes = nodes.max(authorities.saturating_sub(lying) + joiners);
        let is_pruned = pruned::is_drawn(&dice, overrides, nodes, authorities);
        let snapshots = Snapshots::draw(&dice, overrides, nodes, authorities).among_pruned(is_pruned);
        let nodes = snapshots.nodes(nodes, authorities, overrides);
        let seconds = overrides.minutes.map_or_else(|| snapshots.seconds(&dice), |minutes| minutes * 60);
        let mut options = Self { overrides: overrides.clone(), ..Self::peaceful(&dice, nodes, seconds) };
        if !overrides.calm {
            options.draw_faults(&dice);
        }
        options.draw_snapshots(&dice, snapshots, authorities);
        if is_pruned {
            options.draw_pruned(&dice, snapshots);
        }
        if authorities > 0 {
            options.seal(&dice, authorities, lying, overrides.calm);
            options.draw_later_sets(&dice, later_sets);
        }
        if let Some(loss) = overrides.loss_ppm {
            options.loss_ppm = loss;
        }
        if let Some(partitions) = &overrides.partitions {
            options.partitions.clone_from(partitions);
        }
        if let Some(seconds) = overrides.clock_skew {
            options.clock_skew = seconds;
        }
        if let Some(encryption) = overrides.encryption {
            options.encryption = encryption;
        }
        if overrides.power_loss {
            options.flush_every = Some(dice.one_of("flush_every", &[0, 0, 5, 30]));
            options.crashes = dice.between("power_losses", 1, 2 * seconds.div_ceil(60));
        }
        if let Some(byzantine) = overrides.byzantine {
            options.byzantine = byzantine;
        }
        if let Some(tricksters) = overrides.tricksters {
            options.tricksters = tricksters;
            if tricksters == 0 {
                (options.tricklers, options.misleaders, options.strangers) = (0, 0, 0);
                (options.false_skeletons, options.late_headers) = (0, 0);
                if options.snapshot_interval == 0 && options.pruned == 0 {
                    options.history = 0;
                }
            }
        }
        options
    }

    fn peaceful(dice: &Dice, nodes: usize, seconds: u64) -> Self {
        let latency_min = dice.one_of("latency_min", &[50, 1_000, 5_000, 20_000]);
        Self {
            seed: dice.seed,
            epoch: EPOCH,
            nodes,
            seconds,
            converge_within: 300,
            topology: dice
                .one_of("topology", &[Topology::Bootnode, Topology::Bootnode, Topology::Ring, Topology::Random]),
            names: dice.one_of("names", &[false, false, true]),
            bootnodes: nodes.div_ceil(NODES_PER_BOOTNODE),
            max_outbound: dice.size("max_outbound", &[2, 4, 8]),
            max_inbound: 48.max(nodes.min(125)),
            verifiers: dice.size("verifiers", &[1, 1, 2, 3]),
            memory_percent: dice.size("memory_percent", &[10, 50, 100]),
            overlay_bytes: dice.size("overlay_bytes", &[0, 2_000, 8_000, COIN_OVERLAY_BYTES]),
            inbox: dice.size("inbox", &[LINK_QUEUE, LINK_QUEUE, 16]),
            lease_free_bytes: dice.size("lease_free_bytes", &[LEASE_FREE_BYTES, 600]),
            receive_budget: dice.size("receive_budget", &[RECEIVE_BUDGET_BYTES, 20_000, 2_000]),
            send_budget: dice.size("send_budget", &[SEND_BUDGET_BYTES, SEND_BUDGET_BYTES, 400_000]),
            whole_block_bytes: dice.size("whole_block_bytes", &[WHOLE_BLOCK_BYTES, 0, 0]),
            send_soft: dice.size("send_soft", &[SEND_SOFT_BYTES, SEND_SOFT_BYTES, 4_000, 500]),
            encryption: nodes < LARGE && dice.one_of("encryption", &[true, false]),
            few_accepted: dice.one_of("few_accepted", &[false, false, true]),
            block_time: dice.one_of("block_time", &[3, 5, 10]),
            retarget: dice.one_of("retarget", &[false, false, true]),
            miners: dice.size("miners", &[1, 2, 3, 4]).min(nodes),
            mine_rate: dice.one_of("mine_rate", &[4, 20]),
            maturity: dice.between("maturity", 1, 5),
            transactions: draw_transactions(dice, nodes),
            double_spend_ppm: dice.rate("double_spend_ppm", 10_000, 200_000),
            latency_min,
            latency_max: latency_min + dice.one_of("latency_max", &[0, 10_000, 80_000, 400_000]),
            bandwidth: dice.one_of("bandwidth", &[20_000, 200_000, 2_000_000, 100_000_000]),
            window: dice.one_of("window", &[4_096, 65_536, 262_144]),
            split_ppm: dice.one_of("split_ppm", &[0, 10_000, 300_000]),
            ..Self::default()
        }
    }

    /// The numbers of the hosts that are no nodes. After them come nodes with false skeletons, with late headers, and with
    /// false snapshots.
    pub fn stranger_numbers(&self) -> std::ops::Range<usize> {
        let end = self.false_snapshot_numbers().start - self.false_skeletons - self.late_headers;
        end - self.strangers..end
    }

    /// Byzantine nodes of all kinds.
    pub fn dishonest(&self) -> usize {
        let others = self.tricklers + self.misleaders + self.strangers + self.false_skeletons + self.late_headers;
        self.lying_authorities + self.byzantine + self.tricksters + others + self.false_snapshots
    }

    fn draw_faults(&mut self, dice: &Dice) {
        let minutes = self.seconds.div_ceil(60);
        self.byzantine = if dice.stream("liars").chance(400_000) { dice.size("liar_count", &[1, 1, 2, 3]) } else { 0 };
        self.byzantine_stay = dice.stream("liars_stay").chance(300_000);
        self.tricksters = dice.size("tricksters", &[0, 0, 0, 1, 2, 3, 7]);
        self.hit_and_run = dice.one_of("hit_and_run", &[false, false, false, true]);
        self.fork_depth = if self.hit_and_run { 0 } else { dice.one_of("fork_depth", &[0, 0, 0, 3, 12]) };
        self.siege = dice.stream("siege").chance(120_000);
        self.tricklers = dice.size("tricklers", &[0, 0, 0, 0, 1, 2]);
        self.misleaders = dice.size("misleaders", &[0, 0, 1, 2]);
        self.strangers = dice.size("strangers", &[0, 0, 0, 0, 1]);
        self.loss_ppm = dice.rate("loss_ppm", 1_000, 80_000);
        self.delay_ppm = dice.rate("delay_ppm", 10_000, 300_000);
        self.delay_max = dice.one_of("delay_max", &[1_000, 20_000, 200_000]);
        self.cuts = dice.rate("cuts", 1, 4 * minutes);
        self.small_lines_ppm = dice.one_of("small_lines_ppm", &[0, 0, 300_000, 1_000_000]);
        self.slow_readers = dice.rate("slow_readers", 1, 2);
        self.crashes = dice.rate("crashes", 1, 2 * minutes);
        self.silent_ppm = dice.rate("silent_ppm", 100_000, 900_000);
        self.stop_ppm = dice.rate("stop_ppm", 100_000, 900_000);
        self.late_ppm = dice.rate("late_ppm", 100_000, 500_000);
        self.skew_max = dice.one_of("skew_max", &[0, 0, 2, 30, 600]);
        self.clock_skew = dice.one_of("clock_skew", &[0, 0, 0, 0, 10_800, 172_800]);
        self.clock_steps = dice.rate("clock_steps", 1, 3);
        self.drift_max = dice.one_of("drift_max", &[0, 50, 500]);
        let mut stream = dice.stream("partitions");
        for _ in 0..dice.one_of("partition_count", &[0, 0, 1, 2]) {
            let from = stream.below(self.seconds);
            let seconds = stream.between(1, 90).min(self.seconds - from);
            self.partitions.push(Partition { from, seconds, percent: stream.between(1, 50) });
        }
        self.false_skeletons = dice.size("false_skeletons", &[0, 0, 0, 0, 0, 0, 1]);
        if !self.siege && (2..LARGE).contains(&self.nodes) {
            self.late_headers = dice.size("late_headers", &[0, 0, 0, 0, 0, 1, 3]);
        }
        if self.late_headers > 0 {
            // Blocks from before the run are on schedule only if it began long ago.
            (self.history, self.retarget) = (HISTORY, false);
        }
        if self.siege {
            self.besiege();
        }
    }
}

/// Transactions a minute. A large network is run for its figures, which should not be empty.
fn draw_transactions(dice: &Dice, nodes: usize) -> u64 {
    if nodes < LARGE { dice.rate("transactions", 2, 60) } else { dice.between("transactions", 6, 20) }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_seed_always_draws_the_same_and_flags_win() {
        let none = Overrides::default();
        assert_eq!(Options::draw(7, &none), Options::draw(7, &none));
        let flags = Overrides { nodes: Some(100), loss_ppm: Some(5), ..Overrides::default() };
        let (flagged, drawn) = (Options::draw(7, &flags), Options::draw(7, &none));
        assert_eq!((flagged.nodes, flagged.loss_ppm), (100, 5));
        assert_eq!(flagged.bandwidth, drawn.bandwidth, "a flag moves no other option");
    }

    #[test]
    fn faults_end_with_the_safety_phase() {
        for seed in 0..200 {
            let options = Options::draw(seed, &Overrides::default());
            assert!(options.partitions.iter().all(|one| one.from + one.seconds <= options.seconds));
        }
    }
}
