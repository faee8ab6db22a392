//! `simulate`: runs a whole network from one seed.

use std::{io::Write, process::ExitCode, str::FromStr};

use clap::Args;
use log::LevelFilter;

use crate::{
    cli::{
        exit::{self, Failure},
        propagation::PropagationArgs,
    },
    sim::{self, Options, Outcome, Overrides, Partition, narrate},
};

const EXAMPLES: &str = "\
Options without a flag are drawn from the seed; the run prints all of them
first. Exit code 1: a check failed; then the last line, on standard error, is
\"to run it again: \" and the command for that seed alone.

Examples:
  tussock simulate --seed 7
  tussock simulate --seed 1 --seeds 1000
  tussock simulate --nodes 100 --seed 7 --minutes 60 --calm
  tussock simulate --regions bitcoin-2019 --nodes 1000 --minutes 10
  tussock simulate --stale-rates";

/// Run a whole network in one process, from one seed
#[derive(Args, Clone, Debug)]
#[command(after_help = EXAMPLES)]
pub struct SimulateArgs {
    /// Seed of all options and events
    #[arg(long, value_name = "S", default_value_t = 1)]
    pub seed: u64,
    /// Run this many seeds, one after the other, and print a line for each
    #[arg(long, value_name = "N", default_value_t = 1)]
    pub seeds: u64,
    /// Number of honest nodes
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u64).range(1..=20_000))]
    pub nodes: Option<u64>,
    /// Virtual minutes with faults; the time to convergence comes on top
    #[arg(long, value_name = "M", value_parser = clap::value_parser!(u64).range(1..=10_000))]
    pub minutes: Option<u64>,
    /// Share of lost packets, such as 0.01
    #[arg(long, value_name = "P", value_parser = share)]
    pub loss: Option<u64>,
    /// Cut off PERCENT of the nodes (default 50) at second FROM; may be repeated
    #[arg(long, value_name = "FROM:SECONDS[:PERCENT]")]
    pub partition: Vec<Partition>,
    /// Number of byzantine nodes, in addition to the honest ones
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u64).range(0..=100))]
    pub byzantine: Option<u64>,
    /// Seconds by which the clocks of some nodes are far off until the faults end
    #[arg(long, value_name = "SECONDS", value_parser = clap::value_parser!(u64).range(0..=4_000_000))]
    pub clock_skew: Option<u64>,
    /// Whether links are encrypted: on or off
    #[arg(long, value_name = "ON|OFF", value_parser = on_or_off)]
    pub encryption: Option<bool>,
    /// Number of byzantine nodes with false branches, junk, orphans or squatted ports, in addition to all others
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u64).range(0..=100))]
    pub tricksters: Option<u64>,
    /// Number of authorities that seal the chain, some of them byzantine; 0: proof of work
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u64).range(0..=10))]
    pub authorities: Option<u64>,
    /// How many of the authorities lie. With more than the chain tolerates, blocks that contradict each other become final
    #[arg(long, value_name = "N", requires = "authorities", value_parser = clap::value_parser!(u64).range(0..=10))]
    pub lying_authorities: Option<u64>,
    /// How many other sets of authorities take over, one after the other
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u64).range(0..=5))]
    pub later_sets: Option<u64>,
    /// Crashes are power losses: disks lose all since their last flush. Nodes flush at each block or every few seconds
    #[arg(long)]
    pub power_loss: bool,
    /// Whether one node joins with a snapshot of the others, some of which lie about theirs: on, off, or only, where five
    /// of eight lie and the run ends with the join
    #[arg(long, value_name = "ON|OFF|ONLY", num_args = 0..=1, require_equals = true, default_missing_value = "on")]
    pub snapshots: Option<Joins>,
    /// Whether some nodes keep only their last blocks: on or off
    #[arg(long, value_name = "ON|OFF", num_args = 0..=1, require_equals = true, default_missing_value = "on",
        value_parser = on_or_off)]
    pub pruned: Option<bool>,
    /// No faults except those from other flags
    #[arg(long)]
    pub calm: bool,
    /// Run each seed twice and compare the trace digests
    #[arg(long)]
    pub twice: bool,
    /// Flags of a study of propagation.
    #[command(flatten)]
    pub propagation: PropagationArgs,
    /// Log level of the nodes on standard error: error, warn, info, debug, or trace (every event of a role)
    #[arg(long, value_name = "LEVEL")]
    pub narrate: Option<LevelFilter>,
}

/// Whether a node joins with a snapshot.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Joins {
    /// One does, beside all else that happens.
    On,
    /// None does.
    Off,
    /// One does, and little else happens.
    Only,
}

impl FromStr for Joins {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        match text {
            "on" => Ok(Self::On),
            "off" => Ok(Self::Off),
            "only" => Ok(Self::Only),
            _ => Err("on, off or only is needed".to_owned()),
        }
    }
}

fn on_or_off(text: &str) -> Result<bool, String> {
    match text {
        "on" => Ok(true),
        "off" => Ok(false),
        _ => Err("on or off is needed".to_owned()),
    }
}

fn share(text: &str) -> Result<u64, String> {
    match text.parse::<f64>() {
        Ok(share) if (0.0..1.0).contains(&share) => Ok((share * 1e6).round() as u64),
        _ => Err("a share from 0 to below 1 is needed, such as 0.01".to_owned()),
    }
}

impl SimulateArgs {
    /// Refuses more liars than there are authorities.
    fn check_liars(&self) -> Result<(), String> {
        match (self.authorities, self.lying_authorities) {
            (Some(all), Some(lying)) if lying > all => {
                Err(format!("--lying-authorities {lying}: there are only {all} (--authorities)"))
            }
            _ => Ok(()),
        }
    }

    fn overrides(&self) -> Overrides {
        let count = |number: Option<u64>| number.and_then(|number| usize::try_from(number).ok());
        Overrides {
            nodes: count(self.nodes),
            minutes: self.minutes,
            loss_ppm: self.loss,
            partitions: (!self.partition.is_empty()).then(|| self.partition.clone()),
            byzantine: count(self.byzantine),
            clock_skew: self.clock_skew,
            encryption: self.encryption,
            tricksters: count(self.tricksters),
            authorities: count(self.authorities),
            lying_authorities: count(self.lying_authorities),
            later_sets: count(self.later_sets),
            power_loss: self.power_loss,
            snapshots: self.snapshots.map(|joins| joins != Joins::Off),
            pruned: self.pruned,
            joins_only: self.snapshots == Some(Joins::Only),
            calm: self.calm,
        }
    }
}

/// Runs the seeds, up to the first failure.
pub fn run(args: &SimulateArgs, json: bool) -> exit::Outcome<ExitCode> {
    args.propagation.check(args.nodes).map_err(Failure::usage)?;
    args.check_liars().map_err(Failure::usage)?;
    Ok(run_checked(args, json))
}

fn run_checked(args: &SimulateArgs, json: bool) -> ExitCode {
    if let Some(level) = args.narrate {
        narrate::install(level);
    }
    if let Some(code) = args.propagation.run((args.seed, args.nodes, args.minutes), json) {
        return code;
    }
    let overrides = args.overrides();
    let last = args.seed.saturating_add(args.seeds.max(1) - 1);
    for seed in args.seed..=last {
        let options = Options::draw(seed, &overrides);
        if args.seeds == 1 && !json {
            print(&options_text(&options));
        }
        let outcome = run_one(options, args.twice);
        show(&outcome, args.seeds > 1, json);
        if outcome.failure.is_some() {
            eprintln!("to run it again: {}", overrides.command(seed));
            return ExitCode::FAILURE;
        }
    }
    ExitCode::SUCCESS
}

fn run_one(options: Options, twice: bool) -> Outcome {
    let outcome = sim::run(options.clone());
    if twice && outcome.failure.is_none() { outcome.compare(&sim::run(options)) } else { outcome }
}

fn show(outcome: &Outcome, brief: bool, json: bool) {
    let failed = outcome.failure.is_some();
    if json {
        let text = serde_json::to_string(outcome).expect("plain figures always serialise");
        print(&format!("{text}\n"));
    } else if brief && !failed {
        print(&format!("{}\n", outcome.line()));
    } else if brief {
        print(&format!("{}{outcome}", options_text(&outcome.options)));
    } else {
        print(&outcome.to_string());
    }
}

/// The options, a line each.
fn options_text(options: &Options) -> String {
    let Ok(serde_json::Value::Object(options)) = serde_json::to_value(options) else { return String::new() };
    options.iter().map(|(name, value)| format!("{:<18} {}\n", name.replace('_', " "), option_text(value))).collect()
}

fn option_text(value: &serde_json::Value) -> String {
    use serde_json::Value::{Array, Bool, Object, String};
    let listed = |texts: Vec<std::string::String>| if texts.is_empty() { "none".to_owned() } else { texts.join(", ") };
    match value {
        Bool(is) => if *is { "yes" } else { "no" }.to_owned(),
        String(text) => text.clone(),
        Array(values) => listed(values.iter().map(option_text).collect()),
        Object(fields) => {
            let texts = fields.iter().map(|(name, value)| format!("{name} {}", option_text(value)));
            texts.collect::<Vec<_>>().join(" ")
        }
        number => number.to_string(),
    }
}

/// Prints without panic if the pipe is closed.
fn print(text: &str) {
    let mut out = std::io::stdout().lock();
    if out.write_all(text.as_bytes()).and_then(|()| out.flush()).is_err() {
        log::debug!("standard output is closed");
    }
}

#[cfg(test)]
mod tests {
    use clap::Parser;

    use super::*;

    #[derive(Parser)]
    struct Line {
        #[command(flatten)]
        args: SimulateArgs,
    }

    #[test]
    fn the_replay_line_has_all_flags() {
        let words = "x --seed 5 --seeds 10 --nodes 9 --minutes 2 --loss 0.015 --partition 10:20 --byzantine 1 --tricksters 2 \
                     --snapshots=only --pruned=off --calm";
        let args = Line::parse_from(words.split(' ')).args;
        let replay = args.overrides().command(7);
        assert_eq!(
            replay,
            "tussock simulate --seed 7 --nodes 9 --minutes 2 --loss 0.015 --partition 10:20:50 --byzantine 1 --tricksters 2 \
             --snapshots=only --pruned=off --calm"
        );
        let again = Line::parse_from(replay.split(' ').skip(1)).args;
        assert_eq!(Options::draw(7, &again.overrides()), Options::draw(7, &args.overrides()));
        assert!(Line::try_parse_from("x --loss 1".split(' ')).is_err());
    }

    #[test]
    fn a_study_refuses_what_it_would_not_heed() {
        let parsed = |words: &str| Line::try_parse_from(format!("x {words}").split(' ')).ok();
        for ignored in ["--nodes 9", "--minutes 2", "--seeds 3", "--loss 0.1", "--byzantine 1", "--calm", "--twice"] {
            assert!(parsed(&format!("--stale-rates {ignored}")).is_none(), "{ignored}");
        }
        assert!(parsed("--stale-rates --seed 5").is_some());
        let problem = |words: &str| {
            let args = parsed(&format!("--regions bitcoin-2019 {words}")).unwrap().args;
            args.propagation.check(args.nodes).err().unwrap_or_default()
        };
        assert_eq!(problem("--nodes 1"), "--nodes 1: news spreads between two nodes at least");
        assert_eq!(problem("--nodes 10 --miners 20"), "--miners 20: there are only 10 nodes (--nodes)");
        assert_eq!((problem("--nodes 10 --miners 10"), problem("--miners 1000")), Default::default());
    }
}
