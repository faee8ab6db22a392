//! What a run comes to, for people and programs.

use std::fmt;

use serde::Serialize;

use crate::sim::{
    checkers::Complaint,
    options::Options,
    stats::{Percentiles, Propagation, Summary},
    world::World,
};

/// The end of a run. Equal for two runs of one seed, to the byte.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Outcome {
    /// What the run was made of.
    pub options: Options,
    /// What is wrong, if anything is.
    pub failure: Option<Complaint>,
    /// Seconds from the end of the faults to the agreement of all honest nodes.
    pub converged_after_s: Option<f64>,
    /// Virtual seconds in all.
    pub virtual_s: f64,
    /// Figures.
    #[serde(flatten)]
    pub summary: Summary,
    /// The longest time that a node was behind an honest peer beyond what the missing bytes take, seconds.
    pub longest_behind_s: f64,
    /// The longest time that a node was not synced although no honest peer was ahead, seconds.
    pub longest_unsynced_s: f64,
    /// Bytes that a node received, the mean over all honest nodes.
    pub bytes_received_mean: u64,
    /// And the most.
    pub bytes_received_max: u64,
    /// Bytes that a node sent, the most.
    pub bytes_sent_max: u64,
    /// How often a transaction came to a node from its peers, the mean over all nodes since their last start.
    pub transaction_copies: f64,
    /// Events that roles heard.
    pub events: u64,
    /// Everything that any role heard, and when, as one number.
    pub trace_digest: String,
}

impl Outcome {
    pub(super) fn of(world: &mut World) -> Self {
        let honest = &world.nodes[..world.options.nodes];
        let received = || honest.iter().map(|node| node.traffic.1);
        let seconds = |micros: u64| micros as f64 / 1e6;
        let calm_at = world.options.seconds * 1_000_000;
        Self {
            failure: world.checkers.failure.as_ref().map(Complaint::from),
            converged_after_s: world.stats.converged_at.map(|at| seconds(at.0.saturating_sub(calm_at))),
            virtual_s: seconds(world.now.0),
            summary: world.stats.summary(),
            longest_behind_s: world.checkers.liveness.longest.0.as_secs_f64(),
            longest_unsynced_s: world.checkers.liveness.longest.1.as_secs_f64(),
            bytes_received_mean: received().sum::<u64>() / honest.len().max(1) as u64,
            bytes_received_max: received().max().unwrap_or(0),
            bytes_sent_max: honest.iter().map(|node| node.traffic.0).max().unwrap_or(0),
            transaction_copies: world.transaction_copies(),
            events: world.trace.events(),
            trace_digest: world.trace.digest().to_string(),
            options: world.options.clone(),
        }
    }
}

impl Outcome {
    /// This outcome, failed unless another run of the same options came to the same.
    pub fn compare(self, other: &Self) -> Self {
        if self == *other {
            return self;
        }
        let what = format!("two runs of one seed differ: {} and {}", self.trace_digest, other.trace_digest);
        let failure = Complaint { checker: "determinism".to_owned(), at_us: 0, node: None, what };
        Self { failure: Some(failure), ..self }
    }

    /// One line, for many seeds.
    pub fn line(&self) -> String {
        let (Options { seed, nodes, .. }, byzantine) = (&self.options, self.options.dishonest());
        let joined = self.summary.joined.map_or_else(String::new, |height| format!(", joined at {height}"));
        format!(
            "seed {seed} ok: {nodes} nodes, {byzantine} byzantine, {:.0} s, height {}{joined}, {} events, behind {:.0} s, \
             not synced {:.0} s, trace {}",
            self.virtual_s,
            self.summary.height,
            self.events,
            self.longest_behind_s,
            self.longest_unsynced_s,
            &self.trace_digest[..8],
        )
    }
}

impl fmt::Display for Outcome {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let summary = &self.summary;
        writeln!(f, "virtual time       {:.1} s, {} events", self.virtual_s, self.events)?;
        spread(f, "blocks", &summary.blocks)?;
        spread(f, "transactions", &summary.transactions)?;
        let (taken, refused) = (summary.submitted_accepted, summary.submitted_refused);
        writeln!(f, "submitted          {taken} accepted, {refused} refused")?;
        let deepest = summary.deepest_reorganisation;
        writeln!(f, "reorganisations    {}, deepest {deepest} blocks", summary.reorganisations)?;
        let (mean, max, sent) = (self.bytes_received_mean, self.bytes_received_max, self.bytes_sent_max);
        writeln!(f, "bytes per node     received {mean} mean, {max} most; sent {sent} most")?;
        if self.transaction_copies > 0.0 {
            writeln!(f, "copies             a transaction came {:.2} times to a node", self.transaction_copies)?;
        }
        match self.converged_after_s {
            Some(after) => {
                writeln!(f, "convergence        height {}, {after:.1} s after the last fault", summary.height)?
            }
            None => writeln!(f, "convergence        none, greatest height {}", summary.height)?,
        }
        let (behind, unsynced) = (self.longest_behind_s, self.longest_unsynced_s);
        writeln!(f, "liveness           behind for {behind:.0} s, not synced for {unsynced:.0} s at most")?;
        writeln!(f, "trace digest       {}", self.trace_digest)?;
        match &self.failure {
            None => writeln!(f, "checks             all hold"),
            Some(Complaint { checker, at_us, node, what }) => {
                let node = node.map_or_else(String::new, |node| format!(" node {node}:"));
                writeln!(f, "FAILED             {checker} at {:.6} s:{node} {what}", *at_us as f64 / 1e6)
            }
        }
    }
}

fn spread(f: &mut fmt::Formatter<'_>, name: &str, spread: &Propagation) -> fmt::Result {
    writeln!(f, "{name:<18} {}, of these {} reached all nodes", spread.count, spread.reached_all)?;
    for (goal, Percentiles { p50, p90, p99, max }) in [("half", spread.to_half), ("all", spread.to_all)] {
        writeln!(f, "  to {goal:<14}p50 {p50:.1} ms, p90 {p90:.1} ms, p99 {p99:.1} ms, max {max:.1} ms")?;
    }
    Ok(())
}
