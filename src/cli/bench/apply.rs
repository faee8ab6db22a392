//! How quickly a ledger verifies, applies and commits blocks from a file, without a network.

use std::time::Instant;

use clap::Args;
use serde_json::json;

use super::processes::{TempFolder, command_on, generate, run_to_end};
use crate::cli::{exit::Outcome, output};

/// Arguments of `bench apply`.
#[derive(Debug, Args)]
pub struct ApplyArgs {
    /// Blocks of the generated ledger
    #[arg(long, default_value_t = 200, value_name = "N")]
    blocks: u32,
    /// Transactions in each block, without the coinbase
    #[arg(long, default_value_t = 500, value_name = "M")]
    txs_per_block: u32,
    /// Seed of the generated ledger
    #[arg(long, default_value_t = 1)]
    seed: u64,
}

/// Runs `bench apply`: the time of a `chain import`, start and end of the program included.
pub fn run(args: &ApplyArgs, json: bool) -> Outcome {
    let folder = TempFolder::new("bench-apply")?;
    let [from, to, file] = ["from", "to", "blocks"].map(|name| folder.path().join(name));
    generate(&from, args.blocks, args.txs_per_block, args.seed)?;
    run_to_end(command_on(&from)?.args(["chain", "export"]).arg(&file), "chain export")?;
    let start = Instant::now();
    run_to_end(command_on(&to)?.args(["chain", "import"]).arg(&file), "chain import")?;
    let seconds = start.elapsed().as_secs_f64();
    let rate = |count: f64| (count / seconds * 10.0).round() / 10.0;
    let blocks = rate(f64::from(args.blocks));
    let transactions = rate(f64::from(args.blocks) * f64::from(args.txs_per_block));
    let figures = json!({ "blocks_per_second": blocks, "transactions_per_second": transactions, "seconds": seconds });
    if json {
        return output::json(&figures);
    }
    output::line(&format!("{blocks} blocks/s, {transactions} transactions/s, in {seconds:.2} s"))
}
