//! `simulate --regions` and `simulate --stale-rates`: how fast news spreads through a network as it is on the internet, what
//! it costs, and how often blocks are found in vain.

use std::{fmt::Write, process::ExitCode, sync::Mutex, thread};

use clap::Args;

use crate::{
    cli::output,
    sim::{
        self,
        regions::{self, Forks, Regions, Report, Study},
    },
};

/// Nodes of a study unless another number is asked for.
const USUAL_NODES: u64 = 1_000;

/// Flags of a study of propagation.
#[derive(Args, Clone, Debug)]
pub struct PropagationArgs {
    /// Study how fast news spreads, without faults, between nodes in these regions: bitcoin-2019 or bitcoin-2015
    #[arg(long, value_name = "NAME", help_heading = "Propagation", conflicts_with_all = [
        "seeds", "loss", "partition", "byzantine", "clock_skew", "encryption", "tricksters", "power_loss", "calm",
    ])]
    pub regions: Option<Regions>,
    /// Seconds between blocks, on average
    #[arg(long, value_name = "SECONDS", help_heading = "Propagation", requires = "regions",
        value_parser = clap::value_parser!(u64).range(1..=86_400))]
    pub block_time: Option<u64>,
    /// Transactions a minute, over all nodes
    #[arg(long, value_name = "N", help_heading = "Propagation", requires = "regions",
        value_parser = clap::value_parser!(u64).range(0..=60_000))]
    pub transactions: Option<u64>,
    /// Bytes that each block is filled up to
    #[arg(long, value_name = "BYTES", help_heading = "Propagation", requires = "regions",
        value_parser = clap::value_parser!(u64).range(0..=1_000_000))]
    pub block_bytes: Option<u64>,
    /// Nodes that mine; their hash rates differ by up to half
    #[arg(long, value_name = "N", help_heading = "Propagation", requires = "regions",
        value_parser = clap::value_parser!(u64).range(1..=20_000))]
    pub miners: Option<u64>,
    /// Percent of the hash rate that one miner has alone
    #[arg(long, value_name = "PERCENT", help_heading = "Propagation", requires = "regions",
        value_parser = clap::value_parser!(u64).range(1..=90))]
    pub largest_miner: Option<u64>,
    /// Compare the rate of forks with the theory, for thirty sets of parameters with this many blocks each
    #[arg(long, value_name = "BLOCKS", help_heading = "Propagation", num_args = 0..=1, require_equals = true,
        conflicts_with_all = [
            "regions", "seeds", "nodes", "minutes", "loss", "partition", "byzantine", "clock_skew", "encryption", "tricksters",
            "power_loss", "calm", "twice",
        ], default_missing_value = "1000", value_parser = clap::value_parser!(u64).range(1..=100_000))]
    pub stale_rates: Option<u64>,
}

impl PropagationArgs {
    /// Runs the study that the flags ask for; `None`: they ask for none.
    pub(super) fn run(&self, general: (u64, Option<u64>, Option<u64>), json: bool) -> Option<ExitCode> {
        if let Some(blocks) = self.stale_rates {
            return Some(stale_rates(general.0, blocks, json));
        }
        let report = sim::study(&self.study(general)?);
        Some(end(if json { line(&report) } else { report.to_string() }, report.failure.is_none()))
    }

    /// Refuses what cannot be studied.
    pub(super) fn check(&self, nodes: Option<u64>) -> Result<(), String> {
        let nodes = nodes.unwrap_or(USUAL_NODES);
        match self.miners {
            _ if self.regions.is_none() => Ok(()),
            _ if nodes < 2 => Err(format!("--nodes {nodes}: news spreads between two nodes at least")),
            Some(miners) if miners > nodes => Err(format!("--miners {miners}: there are only {nodes} nodes (--nodes)")),
            _ => Ok(()),
        }
    }

    fn study(&self, (seed, nodes, minutes): (u64, Option<u64>, Option<u64>)) -> Option<Study> {
        let size = |number: u64| usize::try_from(number).unwrap_or(usize::MAX);
        let nodes = size(nodes.unwrap_or(USUAL_NODES));
        let usual = Study::new(seed, self.regions?, nodes, minutes.unwrap_or(10) * 60);
        Some(Study {
            block_time_ms: self.block_time.map_or(usual.block_time_ms, |seconds| seconds * 1_000),
            transactions: self.transactions.unwrap_or(usual.transactions),
            block_bytes: self.block_bytes.unwrap_or(usual.block_bytes),
            miners: self.miners.map_or(usual.miners, size),
            largest_miner: self.largest_miner.unwrap_or(usual.largest_miner),
            ..usual
        })
    }
}

/// Runs all sets of parameters, on all cores, and prints a row for each. Exit code 1: a rate within the model's limits is far
/// from it.
fn stale_rates(seed: u64, blocks: u64, json: bool) -> ExitCode {
    let studies = regions::stale_rates(seed, blocks);
    let reports: Vec<Mutex<Option<Report>>> = studies.iter().map(|_| Mutex::new(None)).collect();
    let next = Mutex::new(studies.iter().zip(&reports));
    let work = || {
        while let Some((study, report)) = next.lock().ok().and_then(|mut next| next.next()) {
            let found = sim::study(study);
            if let Ok(mut report) = report.lock() {
                *report = Some(found);
            }
        }
    };
    let threads = thread::available_parallelism().map_or(1, usize::from);
    thread::scope(|scope| (0..threads).for_each(|_| drop(scope.spawn(work))));
    let reports: Vec<Report> = reports.into_iter().filter_map(|report| report.into_inner().ok().flatten()).collect();
    let holds = reports.len() == studies.len() && reports.iter().all(|report| report.failure.is_none());
    let holds = holds && reports.iter().all(|report| !report.forks.within_limits || report.forks.is_as_computed());
    end(if json { reports.iter().map(line).collect() } else { table(&reports) }, holds)
}

/// Prints, unless the reader of a pipe is gone.
fn end(text: String, holds: bool) -> ExitCode {
    if output::raw(text.as_bytes()).is_ok() && !holds { ExitCode::FAILURE } else { ExitCode::SUCCESS }
}

/// A table in Markdown, so that it can go into a document as it is.
fn table(reports: &[Report]) -> String {
    let mut text = "| regions | nodes | block every, s | bytes | largest miner, % | median delay, ms | T ÷ delay | forks, % | model, % | deviation, σ | stale, % | model holds |\n\
         |---|---|---|---|---|---|---|---|---|---|---|---|\n"
        .to_owned();
    for report in reports {
        let Report { study, forks, .. } = report;
        let Forks { rate, model, error, median_ms, largest_miner, within_limits, .. } = forks;
        let (regions, nodes, seconds, bytes) =
            (study.regions.name(), study.nodes, study.block_time_ms / 1_000, report.blocks.bytes);
        let ratio = study.block_time_ms as f64 / median_ms.max(1.0);
        let (deviation, stale) = (forks.deviation(), report.stale_rate * 100.0);
        let limits = if *within_limits { "yes" } else { "no" };
        writeln!(
            text,
            "| {regions} | {nodes} | {seconds} | {bytes} | {largest_miner:.1} | {median_ms:.0} | {ratio:.0} | {:.2} | \
             {:.2} ± {:.2} | {deviation:+.1} | {stale:.2} | {limits} |",
            rate * 100.0,
            model * 100.0,
            error * 100.0
        )
        .expect("writing to a string cannot fail");
    }
    text
}

fn line(report: &Report) -> String {
    serde_json::to_string(report).expect("plain figures always serialise") + "\n"
}
