//! `generate`: makes a valid synthetic ledger. The same arguments make the same ledger.
//!
//! Every block keeps all rules, so that a node can sync from the ledger. Each transaction spends one random coin of a
//! well-known account and creates two: a payment and the change. Only the list of those coins and the changes since the
//! last commit are kept in memory.

use std::{collections::BTreeMap, sync::Arc, thread};

use clap::Args;
use serde_json::json;

use super::{
    appender::Appender,
    context::Context,
    datadir::{Lock, SEALS},
    exit::{Exit, Failure, Outcome},
    offline, progress, units,
};
use crate::{
    base::{codec::List, hash::Hash, limits, rng::Rng},
    chain::{
        address::Address,
        archive::{SealStore as _, Tip},
        block::{HashedBlock, HashedTransaction},
        coin::{Coin, CoinChanges, coins_created},
        header::{HEADER_VERSION, Header},
        key::SecretKey,
        rules::ParentFacts,
        seal::Statement,
        spec::{ChainSpec, WELL_KNOWN_ACCOUNTS},
        testkit,
        transaction::{Input, OutPoint, Output, TRANSACTION_VERSION, Transaction},
    },
    store::SealDb,
};

/// Base units that each transaction pays the miner.
const FEE: u64 = 250;
/// Smaller coins are not spent, because they cannot be split much further.
const SMALLEST: u64 = 10_000;
/// Most transactions of one block: each has 212 bytes, and a block holds 1 MiB.
const MAX_TRANSACTIONS: u32 = 4_900;

/// `tussock generate`
#[derive(Args, Debug)]
#[command(after_help = "\
Writes DIR/local/ledger.db, for a node that runs with -d DIR.

Example:
  tussock generate --blocks 200 --txs-per-block 500 --data-dir /tmp/tussock-big")]
pub struct GenerateArgs {
    /// Number of blocks
    #[arg(long, value_name = "N")]
    blocks: u32,
    /// Transactions in each block, without the coinbase
    #[arg(long, value_name = "M", default_value_t = 0,
        value_parser = clap::value_parser!(u32).range(..=i64::from(MAX_TRANSACTIONS)))]
    txs_per_block: u32,
    /// Also store a losing branch at every height that is a multiple of this; it is not applied
    #[arg(long, value_name = "HEIGHTS", value_parser = clap::value_parser!(u32).range(1..))]
    branch_every: Option<u32>,
    /// Blocks in each branch
    #[arg(long, value_name = "K", default_value_t = 3, value_parser = clap::value_parser!(u32).range(1..=100))]
    branch_length: u32,
    /// Seed of the ledger
    #[arg(long, value_name = "S", default_value_t = 1)]
    seed: u64,
}

impl GenerateArgs {
    /// Whether a branch begins at this height. The chain must outgrow it.
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
    let tip = fill(spec.clone(), appender, arguments, || bar.inc(1))?;
    keep_certificate(context, &spec, &tip)?;
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
        return Err(Failure::usage(format!("generate works only on the local and dev chains: this is {}", spec.name)));
    }
    if !testkit::knows_authorities(spec) {
        return Err(Failure::usage(
            "generate seals blocks with keys that everybody knows, and this chain's authorities have others".to_owned(),
        ));
    }
    let last = u64::from(arguments.blocks) * u64::from(spec.parameters.block_time);
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
    let mut generator = BlockGenerator::new(spec, arguments.seed);
    for _ in 0..arguments.blocks {
        if arguments.branches_at(appender.tip().height + 1) {
            store_branch(&mut generator, &mut appender, arguments)?;
        }
        let (parent, digest) = (appender.parent_facts(), appender.tip().digest);
        let (block, changes) = generator.next(&parent, digest, arguments.txs_per_block, b"")?;
        let result = appender.append_checked(&block, changes);
        result.map_err(|error| appender.failure(block.header.height, &error.into()))?;
        done();
    }
    appender.finish()
}

/// Stores a branch that begins at the tip. The generator's coins stay as they were.
fn store_branch(generator: &mut BlockGenerator, appender: &mut Appender, arguments: &GenerateArgs) -> Outcome {
    let coins = generator.coins.clone();
    let mut branch = appender.branch();
    for _ in 0..arguments.branch_length {
        let (parent, digest) = (branch.parent_facts(), branch.tip().digest);
        let (block, changes) = generator.next(&parent, digest, arguments.txs_per_block, b"branch")?;
        let result = appender.store_on_branch(&mut branch, &block, &changes);
        result.map_err(|error| appender.failure(block.header.height, &error.into()))?;
    }
    generator.coins = coins;
    Ok(())
}

/// A coin that the generator can spend.
#[derive(Clone, Copy)]
struct OwnCoin {
    outpoint: OutPoint,
    amount: u64,
    owner: u8,
    /// Height of the block that created it.
    height: u32,
}

/// Makes valid blocks, one after another.
struct BlockGenerator {
    spec: Arc<ChainSpec>,
    rng: Rng,
    keys: Vec<SecretKey>,
    addresses: Vec<Address>,
    coins: Vec<OwnCoin>,
    threads: usize,
}

impl BlockGenerator {
    fn new(spec: Arc<ChainSpec>, seed: u64) -> Self {
        let keys: Vec<SecretKey> = (0..WELL_KNOWN_ACCOUNTS).map(SecretKey::well_known).collect();
        let addresses: Vec<Address> = keys.iter().map(SecretKey::address).collect();
        let created = coins_created(&spec.genesis.transactions[0], 0);
        let own_coin = |(outpoint, coin): (OutPoint, Coin)| {
            let owner = addresses.iter().position(|address| *address == coin.address)?;
            Some(OwnCoin { outpoint, amount: coin.amount, owner: u8::try_from(owner).ok()?, height: 0 })
        };
        let coins = created.filter_map(own_coin).collect();
        let threads = thread::available_parallelism().map_or(1, usize::from).min(8);
        Self { rng: Rng::from_number(seed), keys, addresses, coins, threads, spec }
    }

    /// Makes the block after `parent`, after which the coins have this digest, with this number of transactions. Also returns
    /// its coin changes.
    fn next(
        &mut self,
        parent: &ParentFacts,
        state_digest: Hash,
        transactions: u32,
        tag: &[u8],
    ) -> Outcome<(HashedBlock, CoinChanges)> {
        let height = parent.height + 1;
        let (mut transactions_to_sign, mut created, mut spent) = (Vec::new(), BTreeMap::new(), Vec::new());
        for _ in 0..transactions {
            let coin = self.pick()?;
            let unsigned = self.split(coin, height);
            if coin.height == height {
                created.remove(&coin.outpoint);
            } else {
                let address = self.addresses[usize::from(coin.owner)];
                let was = Coin { amount: coin.amount, address, height: coin.height, coinbase: false };
                // The genesis allocations are the only coinbase coins in the list.
                spent.push((coin.outpoint, Coin { coinbase: coin.height == 0, ..was }));
            }
            for (at, output) in unsigned.outputs.iter().enumerate() {
                let coin = Coin { amount: output.amount, address: output.address, height, coinbase: false };
                created.insert(Transaction::outpoint(unsigned.txid, at), coin);
            }
            transactions_to_sign.push(unsigned);
        }
        let fees = FEE * u64::from(transactions);
        let miner = self.addresses[height as usize % self.addresses.len()];
        let reward = self.spec.subsidy(height) + fees;
        let coinbase = HashedTransaction::new(testkit::coinbase(height, miner, reward, tag));
        created.extend(coins_created(&coinbase, height));
        let mut all = vec![coinbase];
        all.extend(self.sign(transactions_to_sign));
        let scheduled = parent.time + u64::from(self.spec.parameters.block_time);
        let (seal, time) = testkit::next_seal(&self.spec, parent, scheduled);
        let header = Header {
            version: HEADER_VERSION,
            height,
            previous: parent.hash,
            merkle_root: Hash::ZERO,
            state_digest,
            time,
            seal,
        };
        let block = testkit::seal(header, all);
        debug_assert!(block.bytes.len() <= limits::MAX_BLOCK_BYTES, "the arguments were checked");
        Ok((block, CoinChanges { spent, created: created.into_iter().collect() }))
    }

    /// Removes a random coin from the list that is large enough.
    fn pick(&mut self) -> Outcome<OwnCoin> {
        loop {
            let length = self.coins.len() as u64;
            if length == 0 {
                return Err(Failure::new(
                    Exit::Internal,
                    "the coins are too small to split; generate fewer transactions",
                ));
            }
            let at = usize::try_from(self.rng.below(length)).expect("an index below a list's length");
            let coin = self.coins.swap_remove(at);
            if coin.amount >= SMALLEST {
                return Ok(coin);
            }
        }
    }

    /// Makes an unsigned transaction that splits the coin in two, and adds its outputs to the list.
    fn split(&mut self, coin: OwnCoin, height: u32) -> Unsigned {
        let rest = coin.amount - FEE;
        let payment = self.rng.between(rest / 4, rest / 2);
        let owner = u8::try_from(self.rng.below(self.keys.len() as u64)).expect("ten accounts");
        let outputs = [(payment, owner), (rest - payment, coin.owner)];
        let output = |(amount, owner): (u64, u8)| Output { amount, address: self.addresses[usize::from(owner)] };
        let transaction = Transaction {
            version: TRANSACTION_VERSION,
            inputs: List::truncated([Input {
                outpoint: coin.outpoint,
                amount: coin.amount,
                public_key: self.keys[usize::from(coin.owner)].public_key(),
                signature: [0; 64],
            }]),
            outputs: List::truncated(outputs.map(output)),
            memo: List::EMPTY,
        };
        let txid = transaction.txid();
        for (at, (amount, owner)) in outputs.into_iter().enumerate() {
            self.coins.push(OwnCoin { outpoint: Transaction::outpoint(txid, at), amount, owner, height });
        }
        Unsigned { outputs: outputs.map(output), transaction, txid, owner: coin.owner }
    }

    /// Signs transactions on all cores and keeps their order.
    fn sign(&self, mut transactions_to_sign: Vec<Unsigned>) -> Vec<HashedTransaction> {
        let genesis = self.spec.genesis_hash();
        let sign = |unsigned: &mut Unsigned| {
            let key = &self.keys[usize::from(unsigned.owner)];
            let signature = key.sign(&Transaction::signing_hash(&unsigned.txid, &genesis));
            unsigned.transaction.inputs.as_mut_slice()[0].signature = signature;
            HashedTransaction::new(unsigned.transaction.clone())
        };
        let share = transactions_to_sign.len().div_ceil(self.threads).max(16);
        thread::scope(|scope| {
            let threads: Vec<_> = transactions_to_sign
                .chunks_mut(share)
                .map(|chunk| scope.spawn(move || chunk.iter_mut().map(sign).collect::<Vec<_>>()))
                .collect();
            threads.into_iter().flat_map(|thread| thread.join().expect("signing does not panic")).collect()
        })
    }
}

struct Unsigned {
    transaction: Transaction,
    outputs: [Output; 2],
    txid: Hash,
    owner: u8,
}
