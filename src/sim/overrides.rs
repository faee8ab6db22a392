//! What flags of `tussock simulate` set instead of the seed.

use serde::Serialize;

/// What flags set instead of the seed.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
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

impl Overrides {
    /// The command that runs this seed with these flags.
    pub fn command(&self, seed: u64) -> String {
        let mut line = format!("tussock simulate --seed {seed}");
        let mut flag = |name: &str, value: Option<String>| {
            line += &value.map_or_else(String::new, |value| format!(" --{name} {value}"));
        };
        flag("nodes", self.nodes.map(|nodes| nodes.to_string()));
        flag("minutes", self.minutes.map(|minutes| minutes.to_string()));
        flag("loss", self.loss_ppm.map(|ppm| (ppm as f64 / 1e6).to_string()));
        for Partition { from, seconds, percent } in self.partitions.iter().flatten() {
            flag("partition", Some(format!("{from}:{seconds}:{percent}")));
        }
        flag("byzantine", self.byzantine.map(|byzantine| byzantine.to_string()));
        flag("clock-skew", self.clock_skew.map(|seconds| seconds.to_string()));
        flag("encryption", self.encryption.map(|on| if on { "on" } else { "off" }.to_owned()));
        flag("tricksters", self.tricksters.map(|tricksters| tricksters.to_string()));
        flag("authorities", self.authorities.map(|authorities| authorities.to_string()));
        flag("lying-authorities", self.lying_authorities.map(|lying| lying.to_string()));
        flag("later-sets", self.later_sets.map(|sets| sets.to_string()));
        line += if self.power_loss { " --power-loss" } else { "" };
        line += match self.snapshots {
            _ if self.joins_only => " --snapshots=only",
            Some(true) => " --snapshots",
            Some(false) => " --snapshots=off",
            None => "",
        };
        line += self.pruned.map_or("", |on| if on { " --pruned" } else { " --pruned=off" });
        line + if self.calm { " --calm" } else { "" }
    }
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
