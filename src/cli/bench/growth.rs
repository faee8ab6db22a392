//! What storing coins costs while their number grows: the ledger's store alone, without blocks, signatures or a network.
//!
//! Each transaction looks up and spends one coin, any of all, and makes two. Changes gather as in a sync and are then written
//! and committed. Figures are those of the second half of the way to a number of coins: before it, merges of everything
//! are too rare to count.

use std::{
    collections::BTreeMap,
    time::{Duration, Instant},
};

use clap::Args;
use serde_json::{Value, json};

use super::processes::{TempFolder, usage_of};
use crate::{
    base::{hash::Domain, rng::Rng},
    chain::{
        address::Address,
        archive::{LedgerStore, StoreError},
        coin::{Coin, CoinChange},
        coin_key::CoinKey,
        digest::StateSum,
        spec::ChainSpec,
        transaction::OutPoint,
    },
    cli::{
        exit::{Exit, Failure, Outcome},
        output,
    },
    store::{LedgerDb, LedgerOptions},
};

/// Changes that are written at a time: about as many as memory for coins allows in a sync.
const CHANGES: usize = 40_000;
/// Transactions between two turns at merging: a block.
const TURN: usize = 500;

/// Arguments of `bench growth`.
#[derive(Debug, Args)]
pub struct GrowthArgs {
    /// Numbers of coins at which figures are taken, ascending
    #[arg(long, value_delimiter = ',', default_values_t = [100_000, 1_000_000, 5_000_000], value_name = "COINS,...",
        value_parser = clap::value_parser!(u32).range(1_000..=100_000_000))]
    coins: Vec<u32>,
}

/// A coin set that grows, and what that took.
struct Growth {
    store: Box<dyn LedgerStore>,
    /// The sum of the first commit: what follows is no chain.
    sum: StateSum,
    spec: ChainSpec,
    rng: Rng,
    /// The coins that exist, as number of their transaction and position.
    unspent: Vec<(u32, bool)>,
    transactions: u32,
    changes: BTreeMap<CoinKey, Option<Coin>>,
    /// Time in the store.
    took: Duration,
    /// The longest single call of the store.
    longest: Duration,
}

/// The costs up to some moment.
#[derive(Clone, Copy)]
struct Costs {
    transactions: u32,
    took: Duration,
    cpu_s: f64,
    written: u64,
}

/// Runs `bench growth`.
pub fn run(args: &GrowthArgs, spec: &ChainSpec, json: bool) -> Outcome {
    let folder = TempFolder::new("bench-growth")?;
    let path = folder.path().join("ledger.db");
    let failed = |error: StoreError| Failure::store(&path, &error);
    if !args.coins.is_sorted() {
        return Err(Failure::new(Exit::Usage, "--coins: the numbers must ascend"));
    }
    let store = LedgerDb::open(&path, spec, &LedgerOptions::default()).map_err(failed)?;
    let mut growth = Growth::new(Box::new(store), spec.clone());
    let mut rows = Vec::new();
    for goal in args.coins.iter().map(|coins| *coins as usize) {
        growth.reach(goal / 2).map_err(failed)?;
        let before = growth.costs();
        growth.reach(goal).map_err(failed)?;
        let bytes = std::fs::metadata(&path).map_or(0, |meta| meta.len());
        rows.push(growth.row(goal, before, bytes));
        if !json {
            output::line(&rows[rows.len() - 1].to_string())?;
        }
    }
    if json { output::json(&Value::Array(rows)) } else { Ok(()) }
}

impl Growth {
    fn new(store: Box<dyn LedgerStore>, spec: ChainSpec) -> Self {
        let (changes, took, longest) = Default::default();
        let rng = Rng::from_number(1);
        Self { store, sum: spec.genesis_sum(), spec, rng, unspent: Vec::new(), transactions: 0, changes, took, longest }
    }

    /// Transacts until there are this number of coins.
    fn reach(&mut self, coins: usize) -> Result<(), StoreError> {
        while self.unspent.len() < coins {
            self.transact()?;
            if self.changes.len() >= CHANGES {
                self.commit()?;
            }
        }
        Ok(())
    }

    fn transact(&mut self) -> Result<(), StoreError> {
        let spent = self.rng.below(self.unspent.len().max(1) as u64);
        if let Some(spent) = usize::try_from(spent).ok().filter(|at| *at < self.unspent.len()) {
            let (outpoint, coin) = coin(self.unspent.swap_remove(spent));
            let key = CoinKey::of(&outpoint);
            match self.changes.get(&key) {
                Some(_) => {
                    self.changes.remove(&key);
                }
                None => {
                    let found = self.timed(|store| store.coin(&key))?;
                    if found.as_ref() != Some(&coin) {
                        return Err(StoreError::Corrupt(format!("{found:?} in place of {coin:?}")));
                    }
                    self.changes.insert(key, None);
                }
            }
        }
        for is_second in [false, true] {
            let (outpoint, coin) = coin((self.transactions, is_second));
            self.changes.insert(CoinKey::of(&outpoint), Some(coin));
            self.unspent.push((self.transactions, is_second));
        }
        self.transactions += 1;
        Ok(())
    }

    /// Writes the changes, takes as many turns at merging as there would have been blocks, and commits.
    fn commit(&mut self) -> Result<(), StoreError> {
        let changes = std::mem::take(&mut self.changes);
        let turns = changes.len() / (3 * TURN);
        let (tip, sum) = (self.store.tip()?, self.sum.clone());
        self.timed(|store| {
            store.flush_coins(&mut changes.into_iter().map(|(key, coin)| CoinChange { key, coin }))?;
            store.commit(&tip, &sum, false)
        })?;
        for _ in 0..turns {
            if !self.timed(|store| store.tidy())? {
                break;
            }
        }
        Ok(())
    }

    fn timed<T>(&mut self, call: impl FnOnce(&mut dyn LedgerStore) -> Result<T, StoreError>) -> Result<T, StoreError> {
        let start = Instant::now();
        let result = call(&mut *self.store);
        let took = start.elapsed();
        self.took += took;
        self.longest = self.longest.max(took);
        result
    }

    fn costs(&self) -> Costs {
        let usage = usage_of(std::process::id());
        Costs { transactions: self.transactions, took: self.took, cpu_s: usage.cpu_s, written: usage.written_bytes }
    }

    fn row(&mut self, coins: usize, before: Costs, file_bytes: u64) -> Value {
        let now = self.costs();
        let transactions = f64::from((now.transactions - before.transactions).max(1));
        let longest = std::mem::take(&mut self.longest);
        json!({
            "chain": self.spec.name,
            "coins": coins,
            "us_per_transaction": (now.took - before.took).as_secs_f64() * 1e6 / transactions,
            "cpu_us_per_transaction": (now.cpu_s - before.cpu_s) * 1e6 / transactions,
            "bytes_per_transaction": now.written.saturating_sub(before.written) as f64 / transactions,
            "file_bytes": file_bytes,
            "longest_call_ms": longest.as_secs_f64() * 1e3,
            "peak_rss_bytes": usage_of(std::process::id()).peak_rss_bytes,
        })
    }
}

/// The coin that a transaction makes at a position.
fn coin((transaction, is_second): (u32, bool)) -> (OutPoint, Coin) {
    let txid = Domain::STREAM.hash(&transaction.to_le_bytes());
    let mut address = Address::default();
    address.0.copy_from_slice(&txid.0[..20]);
    let amount = 1_000_000 + u64::from(transaction);
    let coin = Coin { amount, address, height: transaction / TURN as u32, coinbase: false };
    (OutPoint { txid, index: u32::from(is_second) }, coin)
}
