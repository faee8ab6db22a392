//! `generate`: makes a valid synthetic ledger. The same arguments make the same ledger.
//!
//! Every block keeps all rules, so that a node can sync from the ledger. Each transaction spends one random coin of a
//! well-known account and creates two: a payment and the change. With `--coins` that goes on until there are so many coins;
//! from then on transactions create as many as they spend, one or two. Only the list of those coins and the changes since
//! the last commit are kept in memory.

mod blocks;
mod purse;

use std::sync::Arc;

use clap::Args;
use serde_json::json;

use self::blocks::BlockGenerator;
use super::{
    appender::Appender,
    context::Context,
    datadir::{Lock, SEALS},
    exit::{Failure, Outcome},
    offline, progress, units,
};
use crate::{
    chain::key::SecretKey,
    chain::{
        archive::{SealStore as _, Tip},
        seal::Statement,
        spec::{ChainSpec, WELL_KNOWN_ACCOUNTS},
        testkit,
        transaction::Output,
    },
    store::SealDb,
};

/// Most transactions of one block: each has 212 bytes, and a block holds 1 MiB.
const MAX_TRANSACTIONS: u32 = 4_900;
/// The same with `--coins`: a transaction with two inputs and two outputs has 380 bytes.
const MAX_LARGE_TRANSACTIONS: u32 = 2_700;
/// Bytes of the memos of `--memos` at most.
const MEMO_BYTES: u32 = 36;
/// Transactions in each block with `--transactions`, unless `--txs-per-block` says otherwise.
const USUAL_TRANSACTIONS: u32 = 500;
/// Fewest coins of a ledger with `--coins`: more than the allocations of a test chain, and what has to mature.
const FEWEST_COINS: i64 = 100;

/// `tussock generate`
#[derive(Args, Debug)]
#[command(after_help = "\
Writes DIR/local/ledger.db, for a node that runs with -d DIR.

Example:
  tussock generate --blocks 200 --txs-per-block 500 --data-dir /tmp/tussock-big")]
pub struct GenerateArgs {
    /// Number of blocks
    #[arg(long, value_name = "N")]
    blocks: Option<u32>,
    /// Transactions in each block, without the coinbase [default: 0; with --transactions 500]
    #[arg(long, value_name = "M", value_parser = clap::value_parser!(u32).range(..=i64::from(MAX_TRANSACTIONS)))]
    txs_per_block: Option<u32>,
    /// Transactions of all blocks, instead of --blocks
    #[arg(long, value_name = "T", conflicts_with = "blocks")]
    transactions: Option<u32>,
    /// Have so many coins, not more with each transaction: a long history
    #[arg(long, value_name = "N", conflicts_with = "branch_every",
        value_parser = clap::value_parser!(u32).range(FEWEST_COINS..))]
    coins: Option<u32>,
    /// Also store a losing branch at every height that is a multiple of this; it is not applied
    #[arg(long, value_name = "HEIGHTS", value_parser = clap::value_parser!(u32).range(1..))]
    branch_every: Option<u32>,
    /// Blocks in each branch
    #[arg(long, value_name = "K", default_value_t = 3, value_parser = clap::value_parser!(u32).range(1..=100))]
    branch_length: u32,
    /// Give each transaction a memo: `invoice N for account K`
    #[arg(long)]
    memos: bool,
    /// Seed of the ledger
    #[arg(long, value_name = "S", default_value_t = 1)]
    seed: u64,
}

impl GenerateArgs {
    /// Transactions in each block; the last has what remains of `--transactions`.
    fn per_block(&self) -> u32 {
        let usual = if self.transactions.is_some() { USUAL_TRANSACTIONS } else { 0 };
        self.txs_per_block.unwrap_or(usual)
    }

    fn blocks(&self) -> u32 {
        let blocks_of = |transactions: u32| transactions.div_ceil(self.per_block().max(1));
        self.blocks.or(self.transactions.map(blocks_of)).unwrap_or(0)
    }

    /// Transactions of the block at this height.
    fn transactions_at(&self, height: u32) -> u32 {
        let before = height.saturating_sub(1).saturating_mul(self.per_block());
        self.transactions.map_or(u32::MAX, |all| all.saturating_sub(before)).min(self.per_block())
    }

    /// Whether a branch begins at this height. The chain must outgrow it.
    fn branches_at(&self, height: u32) -> bool {
        let outgrown = height.saturating_add(self.branch_length) <= self.blocks();
        outgrown && self.branch_every.is_some_and(|every| height.is_multiple_of(every))
    }
}

/// Runs the command.
pub fn run(context: &Context, arguments: &GenerateArgs) -> Outcome {
    let spec = context.settings.spec.clone();
    check(&spec, arguments)?;
    let _lock = Lock::acquire(&context.folder(), &context.settings.flags())?;
    let path = context.ledger();
    let store = offline::open_for_filling(&path, &spec)?;
    let appender = Appender::new(spec.clone(), store, &path)?;
    if appender.tip().height > 0 {
        let height = appender.tip().height;
        return Err(Failure::usage(format!(
            "there is a ledger of height {height} already: {}; choose another --data-dir",
            path.display()
        )));
    }
    let bar = progress::bar(u64::from(arguments.blocks()), "blocks");
    let tip = fill(spec.clone(), appender, arguments, || bar.inc(1))?;
    keep_certificate(context, &spec, &tip)?;
    bar.finish_and_clear();
    let written = u64::from(arguments.blocks()) * u64::from(arguments.per_block());
    let transactions = arguments.transactions.map_or(written, u64::from);
    let facts = json!({
        "height": tip.height, "tip": tip.hash, "state_digest": tip.digest, "blocks": arguments.blocks(),
        "transactions": transactions, "ledger": path.display().to_string(),
    });
    context.print(&facts, |_| {
        format!(
            "height {} tip {}\n{} transactions in {}",
            tip.height,
            tip.hash,
            units::grouped(transactions),
            path.display()
        )
    })
}

fn check(spec: &ChainSpec, arguments: &GenerateArgs) -> Outcome {
    if arguments.blocks.is_none() && arguments.transactions.is_none() {
        return Err(Failure::usage("how long the ledger shall be is missing: add --blocks N or --transactions T"));
    }
    if arguments.coins.is_some() && arguments.per_block() > MAX_LARGE_TRANSACTIONS {
        return Err(Failure::usage(format!(
            "--coins makes larger transactions: with it --txs-per-block is at most {MAX_LARGE_TRANSACTIONS}"
        )));
    }
    let most = if arguments.coins.is_some() { MAX_LARGE_TRANSACTIONS } else { MAX_TRANSACTIONS };
    let most_with_memos = most * 212 / (212 + MEMO_BYTES);
    if arguments.memos && arguments.per_block() > most_with_memos {
        return Err(Failure::usage(format!(
            "--memos makes larger transactions: with it --txs-per-block is at most {most_with_memos}"
        )));
    }
    if arguments.transactions.is_some() && arguments.per_block() == 0 {
        return Err(Failure::usage("--transactions needs blocks that hold some: --txs-per-block is 0"));
    }
    let owned =
        |output: &Output| (0..WELL_KNOWN_ACCOUNTS).any(|n| SecretKey::well_known(n).address() == output.address);
    if !spec.test || !spec.genesis.transactions[0].transaction.outputs.iter().any(owned) {
        return Err(Failure::usage(format!("generate works only on the local and dev chains: this is {}", spec.name)));
    }
    if !testkit::knows_authorities(spec) {
        return Err(Failure::usage(
            "generate seals blocks with keys that everybody knows, and this chain's authorities have others".to_owned(),
        ));
    }
    let last = u64::from(arguments.blocks()) * u64::from(spec.parameters.block_time);
    let heeds_clock = spec.seal_rules().heeds_clock();
    if heeds_clock && spec.parameters.genesis_time.saturating_add(last) > units::unix_now() {
        return Err(Failure::usage(
            "the last block would be from the future, and nodes would refuse it; generate fewer blocks",
        ));
    }
    Ok(())
}

/// Keeps what shows that the last block counts, on a sealed chain: no later one does.
fn keep_certificate(context: &Context, spec: &ChainSpec, tip: &Tip) -> Outcome {
    let Some(set) = spec.authorities.at(tip.height) else { return Ok(()) };
    let statement = Statement::notarise(set.epoch(), tip.work.view(), tip.hash);
    let certificate = testkit::certificate(spec, statement, tip.time.saturating_mul(1000));
    let path = context.folder().join(SEALS);
    let kept = SealDb::open(&path, spec).and_then(|mut seals| seals.keep_certificate(&certificate));
    kept.map_err(|error| Failure::store(&path, &error))
}

/// Appends the blocks. Calls `done` after each.
fn fill(spec: Arc<ChainSpec>, mut appender: Appender, arguments: &GenerateArgs, done: impl Fn()) -> Outcome<Tip> {
    let mut generator = BlockGenerator::new(spec, arguments.seed, arguments.coins);
    generator.invoices = arguments.memos.then_some(0);
    for _ in 0..arguments.blocks() {
        if arguments.branches_at(appender.tip().height + 1) {
            store_branch(&mut generator, &mut appender, arguments)?;
        }
        let (parent, digest) = (appender.parent_facts(), appender.tip().digest);
        let transactions = arguments.transactions_at(parent.height + 1);
        let (block, changes) = generator.next(&parent, digest, transactions, b"")?;
        let result = appender.append_checked(&block, changes);
        result.map_err(|error| appender.failure(block.header.height, &error.into()))?;
        done();
    }
    appender.finish()
}

/// Stores a branch that begins at the tip. The generator's coins stay as they were.
fn store_branch(generator: &mut BlockGenerator, appender: &mut Appender, arguments: &GenerateArgs) -> Outcome {
    let purse = generator.purse.clone();
    let mut branch = appender.branch();
    for _ in 0..arguments.branch_length {
        let (parent, digest) = (branch.parent_facts(), branch.tip().digest);
        let (block, changes) = generator.next(&parent, digest, arguments.per_block(), b"branch")?;
        let result = appender.store_on_branch(&mut branch, &block, &changes);
        result.map_err(|error| appender.failure(block.header.height, &error.into()))?;
    }
    generator.purse = purse;
    Ok(())
}
