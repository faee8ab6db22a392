//! How news spreads: a calm network in the simulator, and what simulating it costs this host.

use std::time::Instant;

use clap::Args;
use serde_json::{Value, json};

use crate::{
    cli::{
        exit::{Exit, Failure, Outcome},
        output,
    },
    sim::{self, Options, Overrides},
};

/// Arguments of `bench gossip`.
#[derive(Debug, Args)]
pub struct GossipArgs {
    /// Nodes of the network
    #[arg(long, default_value_t = 20, value_name = "N", value_parser = clap::value_parser!(u64).range(2..=20_000))]
    nodes: u64,
    /// Virtual minutes
    #[arg(long, default_value_t = 5, value_name = "M", value_parser = clap::value_parser!(u64).range(1..=10_000))]
    minutes: u64,
    /// Where everything comes from
    #[arg(long, default_value_t = 1)]
    seed: u64,
}

/// Runs `bench gossip`.
pub fn run(args: &GossipArgs, json: bool) -> Outcome {
    let nodes = usize::try_from(args.nodes).ok();
    let overrides = Overrides { nodes, minutes: Some(args.minutes), calm: true, ..Overrides::default() };
    let start = Instant::now();
    let outcome = sim::run(Options::draw(args.seed, &overrides));
    let seconds = start.elapsed().as_secs_f64();
    if outcome.failure.is_some() {
        return Err(Failure::new(Exit::Internal, outcome.to_string()));
    }
    if json {
        let mut figures = serde_json::to_value(&outcome).unwrap_or(Value::Null);
        figures["host_seconds"] = json!(seconds);
        return output::json(&figures);
    }
    output::line(&format!("{outcome}simulated in {seconds:.1} s of this host's time"))
}
