//! What flags of `tussock simulate` set instead of the seed.

use serde::Serialize;

/// What flags set instead of the seed.
#[derive(Clone, Debug, Default)]
pub struct Overrides {
    /// Number of nodes.
    pub nodes: Option<usize>,
    /// Virtual minutes of the safety phase.
    pub minutes: Option<u64>,
    /// Share of packets that are lost, parts per million.
    pub loss_ppm: Option<u64>,
    /// Partitions; an empty list: none.
    pub partitions: Option<Vec<Partition>>,
    /// Byzantine nodes.
    pub byzantine: Option<usize>,
    /// Seconds by which clocks may be far off.
    pub clock_skew: Option<u64>,
    /// Whether links are encrypted.
    pub encryption: Option<bool>,
    /// Tricksters; 0: no other hosts that play tricks either.
    pub tricksters: Option<usize>,
    /// Authorities that seal the chain; 0: it has proof of work.
    pub authorities: Option<usize>,
    /// How many of them lie. More than the chain tolerates: nothing is promised but that the checkers find it.
    pub lying_authorities: Option<usize>,
    /// How many sets of authorities take over from the first one, one after the other.
    pub later_sets: Option<usize>,
    /// Whether disks lose in a crash what came after their last flush.
    pub power_loss: bool,
    /// Whether one node joins with a snapshot of the others.
    pub snapshots: Option<bool>,
    /// Whether the run is about that join alone: a small network, in which five of the eight others lie, to its end.
    pub joins_only: bool,
    /// Whether some nodes keep only their last blocks.
    pub pruned: Option<bool>,
    /// No crashes, cuts, partitions, losses, slow readers, clock errors, late starts, byzantine nodes.
    pub calm: bool,
}

/// One part of the network that is cut off from the rest for a while.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Partition {
    /// When it begins, seconds of virtual time.
    pub from: u64,
    /// How long it lasts, seconds.
    pub seconds: u64,
    /// How many percent of the nodes are on the smaller side.
    pub percent: u64,
}

impl std::str::FromStr for Partition {
    type Err = String;

    /// `FROM:SECONDS`, or `FROM:SECONDS:PERCENT`.
    fn from_str(text: &str) -> Result<Self, String> {
        let numbers: Option<Vec<u64>> = text.split(':').map(|part| part.parse().ok()).collect();
        match numbers.as_deref() {
            Some(&[from, seconds]) => Ok(Self { from, seconds, percent: 50 }),
            Some(&[from, seconds, percent @ 1..=99]) => Ok(Self { from, seconds, percent }),
            _ => Err("FROM:SECONDS or FROM:SECONDS:PERCENT is needed, such as 60:30:50".to_owned()),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn partitions_are_read_from_flags() {
        assert_eq!("60:30".parse(), Ok(Partition { from: 60, seconds: 30, percent: 50 }));
        assert_eq!("60:30:10".parse(), Ok(Partition { from: 60, seconds: 30, percent: 10 }));
        assert!("60:30:0".parse::<Partition>().is_err() && "x".parse::<Partition>().is_err());
    }
}
