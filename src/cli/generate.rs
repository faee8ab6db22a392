//! `generate`: a valid synthetic ledger, made quickly and the same for the same arguments.
//!
//! Every block keeps all rules, so that a node can sync from what is made. Each transaction spends one coin of a
//! well-known account, chosen at random from all, and makes two: a payment and the change. Memory holds the list of
//! those coins and the changes since the last commit, nothing else.

use std::{collections::BTreeMap, sync::Arc, thread};

use clap::Args;
use serde_json::json;

use super::{
    appender::Appender,
    context::Context,
    datadir::Lock,
    exit::{Exit, Failure, Outcome},
    offline, progress, units,
};
use crate::{
    base::{codec::List, hash::Hash, limits, rng::Rng},
    chain::{
        address::Address,
        archive::Tip,
        block::{HashedBlock, HashedTransaction},
        coin::{Coin, CoinChanges, coins_created},
        header::{HEADER_VERSION, Header},
        key::SecretKey,
        rules,
        spec::{ChainSpec, WELL_KNOWN_ACCOUNTS},
        testkit,
        transaction::{Input, OutPoint, Output, TRANSACTION_VERSION, Transaction},
    },
};

/// Base units that each transaction pays the miner.
const FEE: u64 = 250;
/// Coins below this are left alone: they could not be split much further.
const SMALLEST: u64 = 10_000;
/// Most transactions of one block: they have 204 bytes each, and a block holds 1 MiB.
const MAX_TRANSACTIONS: u32 = 5_000;

/// `tussock generate`
#[derive(Args, Debug)]
#[command(after_help = "\
The ledger goes into DIR/local/ledger.db; a node run with -d DIR has it.

Example:
  tussock generate --blocks 200 --txs-per-block 500 --seed 1 --data-dir /tmp/tussock-big")]
pub struct GenerateArgs {
    /// How many blocks
    #[arg(long, value_name = "N")]
    blocks: u32,
    /// Transactions in each, the coinbase not counted
    #[arg(long, value_name = "M", default_value_t = 0, value_parser = clap::value_parser!(u32).range(..=i64::from(MAX_TRANSACTIONS)))]
    txs_per_block: u32,
    /// At each height that this divides, also a branch that loses: stored beside the chain, not applied
    #[arg(long, value_name = "HEIGHTS", value_parser = clap::value_parser!(u32).range(1..))]
    branch_every: Option<u32>,
    /// Blocks of each branch
    #[arg(long, value_name = "K", default_value_t = 3, value_parser = clap::value_parser!(u32).range(1..=100))]
    branch_length: u32,
    /// Same seed, same ledger
    #[arg(long, value_name = "S", default_value_t = 1)]
    seed: u64,
}

impl GenerateArgs {
    /// Whether a branch begins with this height. One that the chain does not outgrow would not lose.
    fn branches_at(&self, height: u32) -> bool {
        let outgrown = height.saturating_add(self.branch_length) <= self.blocks;
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
    let bar = progress::bar(u64::from(arguments.blocks), "blocks");
    let tip = fill(spec, appender, arguments, || bar.inc(1))?;
    bar.finish_and_clear();
    let transactions = u64::from(arguments.blocks) * u64::from(arguments.txs_per_block);
    let facts = json!({
        "height": tip.height, "tip": tip.hash, "state_digest": tip.digest, "blocks": arguments.blocks,
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
    let owned =
        |output: &Output| (0..WELL_KNOWN_ACCOUNTS).any(|n| SecretKey::well_known(n).address() == output.address);
    if !spec.test || !spec.genesis.transactions[0].transaction.outputs.iter().any(owned) {
        return Err(Failure::usage(format!("generate works on the local and dev chains only: this is {}", spec.name)));
    }
    let last = u64::from(arguments.blocks) * u64::from(spec.parameters.block_time);
    if spec.parameters.genesis_time.saturating_add(last) > units::unix_now() {
        return Err(Failure::usage("so many blocks would reach into the future; nodes would not take them"));
    }
    Ok(())
}

/// Appends the blocks that the arguments ask for; `done` is called after each.
fn fill(spec: Arc<ChainSpec>, mut appender: Appender, arguments: &GenerateArgs, done: impl Fn()) -> Outcome<Tip> {
    let mut maker = Maker::new(spec, arguments.seed);
    for _ in 0..arguments.blocks {
        if arguments.branches_at(appender.tip().height + 1) {
            put_branch_aside(&mut maker, &mut appender, arguments)?;
        }
        let (block, changes) = maker.next(appender.tip(), arguments.txs_per_block, b"")?;
        let result = appender.append_checked(&block, changes);
        result.map_err(|error| appender.failure(block.header.height, &error.into()))?;
        done();
    }
    appender.finish()
}

/// Stores a branch from the tip on, and leaves the maker's coins as they were.
fn put_branch_aside(maker: &mut Maker, appender: &mut Appender, arguments: &GenerateArgs) -> Outcome {
    let coins = maker.coins.clone();
    let mut branch = appender.branch();
    for _ in 0..arguments.branch_length {
        let (block, changes) = maker.next(branch.tip(), arguments.txs_per_block, b"branch")?;
        let result = appender.put_aside(&mut branch, &block, &changes);
        result.map_err(|error| appender.failure(block.header.height, &error.into()))?;
    }
    maker.coins = coins;
    Ok(())
}

/// A coin that the maker can spend.
#[derive(Clone, Copy)]
struct Own {
    outpoint: OutPoint,
    amount: u64,
    owner: u8,
    /// Of the block that made it.
    height: u32,
}

/// Makes one valid block after another.
struct Maker {
    spec: Arc<ChainSpec>,
    rng: Rng,
    keys: Vec<SecretKey>,
    addresses: Vec<Address>,
    coins: Vec<Own>,
    threads: usize,
}

impl Maker {
    fn new(spec: Arc<ChainSpec>, seed: u64) -> Self {
        let keys: Vec<SecretKey> = (0..WELL_KNOWN_ACCOUNTS).map(SecretKey::well_known).collect();
        let addresses: Vec<Address> = keys.iter().map(SecretKey::address).collect();
        let made = coins_created(&spec.genesis.transactions[0], 0);
        let own = |(outpoint, coin): (OutPoint, Coin)| {
            let owner = addresses.iter().position(|address| *address == coin.address)?;
            Some(Own { outpoint, amount: coin.amount, owner: u8::try_from(owner).ok()?, height: 0 })
        };
        let coins = made.filter_map(own).collect();
        let threads = thread::available_parallelism().map_or(1, usize::from).min(8);
        Self { rng: Rng::from_number(seed), keys, addresses, coins, threads, spec }
    }

    /// The block after `tip` with so many transactions, and what it does to the coins.
    fn next(&mut self, tip: &Tip, transactions: u32, tag: &[u8]) -> Outcome<(HashedBlock, CoinChanges)> {
        let height = tip.height + 1;
        let (mut drafts, mut made, mut spent) = (Vec::new(), BTreeMap::new(), Vec::new());
        for _ in 0..transactions {
            let coin = self.pick()?;
            let draft = self.draft(coin, height);
            if coin.height == height {
                made.remove(&coin.outpoint);
            } else {
                let address = self.addresses[usize::from(coin.owner)];
                let was = Coin { amount: coin.amount, address, height: coin.height, coinbase: false };
                // Genesis allocations are the only coinbase coins that are spent here.
                spent.push((coin.outpoint, Coin { coinbase: coin.height == 0, ..was }));
            }
            for (at, output) in draft.outputs.iter().enumerate() {
                let coin = Coin { amount: output.amount, address: output.address, height, coinbase: false };
                made.insert(Transaction::outpoint(draft.txid, at), coin);
            }
            drafts.push(draft);
        }
        let fees = FEE * u64::from(transactions);
        let miner = self.addresses[height as usize % self.addresses.len()];
        let reward = self.spec.subsidy(height) + fees;
        let coinbase = HashedTransaction::new(testkit::coinbase(height, miner, reward, tag));
        made.extend(coins_created(&coinbase, height));
        let mut all = vec![coinbase];
        all.extend(self.sign(drafts));
        let header = Header {
            version: HEADER_VERSION,
            height,
            previous: tip.hash,
            merkle_root: Hash::ZERO,
            state_digest: tip.digest,
            time: tip.time + u64::from(self.spec.parameters.block_time),
            target: rules::next_target(&self.spec, tip.time, tip.height),
            nonce: 0,
        };
        let block = testkit::seal(header, all);
        debug_assert!(block.bytes.len() <= limits::MAX_BLOCK_BYTES, "the arguments were checked");
        spent.sort_unstable_by_key(|(outpoint, _)| *outpoint);
        Ok((block, CoinChanges { spent, created: made.into_iter().collect() }))
    }

    /// Takes a coin that is large enough out of the list.
    fn pick(&mut self) -> Outcome<Own> {
        loop {
            let length = self.coins.len() as u64;
            if length == 0 {
                return Err(Failure::new(
                    Exit::Internal,
                    "the coins are split too finely; generate fewer transactions",
                ));
            }
            let at = usize::try_from(self.rng.below(length)).expect("an index below a list's length");
            let coin = self.coins.swap_remove(at);
            if coin.amount >= SMALLEST {
                return Ok(coin);
            }
        }
    }

    /// A transaction that splits the coin in two, unsigned; its outputs join the list.
    fn draft(&mut self, coin: Own, height: u32) -> Draft {
        let rest = coin.amount - FEE;
        let payment = self.rng.between(rest / 4, rest / 2);
        let owner = u8::try_from(self.rng.below(self.keys.len() as u64)).expect("ten accounts");
        let outputs = [(payment, owner), (rest - payment, coin.owner)];
        let output = |(amount, owner): (u64, u8)| Output { amount, address: self.addresses[usize::from(owner)] };
        let transaction = Transaction {
            version: TRANSACTION_VERSION,
            inputs: List::truncated([Input {
                outpoint: coin.outpoint,
                public_key: self.keys[usize::from(coin.owner)].public_key(),
                signature: [0; 64],
            }]),
            outputs: List::truncated(outputs.map(output)),
            memo: List::EMPTY,
        };
        let txid = transaction.txid();
        for (at, (amount, owner)) in outputs.into_iter().enumerate() {
            self.coins.push(Own { outpoint: Transaction::outpoint(txid, at), amount, owner, height });
        }
        Draft { outputs: outputs.map(output), transaction, txid, owner: coin.owner }
    }

    /// Signs the drafts on all cores; their order stays.
    fn sign(&self, mut drafts: Vec<Draft>) -> Vec<HashedTransaction> {
        let genesis = self.spec.genesis_hash();
        let sign = |draft: &mut Draft| {
            let key = &self.keys[usize::from(draft.owner)];
            let signature = key.sign(&Transaction::signing_hash(&draft.txid, &genesis));
            draft.transaction.inputs.as_mut_slice()[0].signature = signature;
            HashedTransaction::new(draft.transaction.clone())
        };
        let share = drafts.len().div_ceil(self.threads).max(16);
        thread::scope(|scope| {
            let threads: Vec<_> = drafts
                .chunks_mut(share)
                .map(|chunk| scope.spawn(move || chunk.iter_mut().map(sign).collect::<Vec<_>>()))
                .collect();
            threads.into_iter().flat_map(|thread| thread.join().expect("signing does not panic")).collect()
        })
    }
}

struct Draft {
    transaction: Transaction,
    outputs: [Output; 2],
    txid: Hash,
    owner: u8,
}
