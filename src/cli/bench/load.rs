//! A steady load on running nodes: payments with one input and two outputs, from the well-known accounts of a test chain.
//!
//! First it splits the accounts' coins until there is one for each payment. Only transactions in blocks count.

use std::{
    path::PathBuf,
    sync::mpsc,
    thread,
    time::{Duration, Instant},
};

use clap::Args;
use serde_json::{Value, json};

use super::{
    super::{
        datadir,
        exit::{Exit, Failure, Outcome},
        output, units,
    },
    miner, verify,
};
use crate::{
    base::{
        hash::{Hash, hex},
        limits,
        rng::Rng,
    },
    chain::{
        key::SecretKey,
        spec::{ChainSpec, WELL_KNOWN_ACCOUNTS},
        testkit::spend,
        transaction::{OutPoint, Output, Transaction},
    },
    rpc::{
        batch::RPC_BATCH,
        client::{Client, Deadline},
    },
};

/// Fee of a transaction per output, in base units. More than the default fee rate for the largest transactions.
const FEE_PER_OUTPUT: u64 = 100;
/// Smaller coins, as payments of users leave them, are left alone: they cannot be split into as many as one transaction can make.
const SMALLEST_COIN: u64 = 3 * FEE_PER_OUTPUT * limits::MAX_OUTPUTS as u64;
/// Payments in one request; the server's limit for a batch.
const BATCH: usize = RPC_BATCH;
/// Concurrent requests to one node.
const CONNECTIONS: usize = 3;
/// How long to retry a payment while the node's mempool is full.
const RETRY_TIMEOUT: Duration = Duration::from_secs(30);
/// Most coins to split per block: their transactions, of the largest size, fit into a mempool.
const MAX_SPLITS: usize = 400;
/// Time between two queries of a mempool.
const POLL_INTERVAL: Duration = Duration::from_millis(5);
/// Time limit for the confirmation of a split or of the last payment.
const CONFIRMATION_TIMEOUT: Duration = Duration::from_secs(120);

/// Arguments of `bench load`.
#[derive(Debug, Args)]
pub struct LoadArgs {
    /// Data directory of a running node; may be repeated, then the nodes take turns
    #[arg(long, required = true, value_name = "DIR")]
    node: Vec<PathBuf>,
    /// Transactions per second, all nodes together
    #[arg(long, default_value_t = 20, value_name = "T")]
    tps: u32,
    /// Duration of the load
    #[arg(long = "for", default_value = "30s", value_name = "S", value_parser = units::parse_duration)]
    time: Duration,
}

/// A spendable coin and its owner.
#[derive(Clone, Copy)]
pub(super) struct OwnCoin {
    outpoint: OutPoint,
    amount: u64,
    /// Index of the owner's key.
    owner: usize,
}

/// A load on running nodes.
pub(super) struct Load<'a> {
    pub(super) spec: &'a ChainSpec,
    pub(super) nodes: Vec<Client>,
    /// Number of payments, each with its own coin.
    pub(super) payments: usize,
    /// The keys of the well-known accounts. Kept, because deriving one costs as much as a signature.
    keys: Vec<SecretKey>,
}

impl<'a> Load<'a> {
    pub(super) fn new(spec: &'a ChainSpec, nodes: Vec<Client>, payments: usize) -> Self {
        Self { spec, nodes, payments, keys: (0..WELL_KNOWN_ACCOUNTS).map(SecretKey::well_known).collect() }
    }
}

/// Runs `bench load`.
pub fn run(args: &LoadArgs, spec: &ChainSpec, json: bool) -> Outcome {
    if !spec.test {
        return Err(Failure::usage(format!("bench load works only on test chains: this is {}", spec.name)));
    }
    let payments = f64::from(args.tps) * args.time.as_secs_f64();
    if !(1.0..=1_000_000.0).contains(&payments) {
        return Err(Failure::usage("--tps times --for must be between 1 and 1,000,000 transactions"));
    }
    let nodes = args.node.iter().map(|dir| client(dir, &spec.name)).collect::<Outcome<Vec<_>>>()?;
    let load = Load::new(spec, nodes, payments as usize);
    miner::require(spec, &load.nodes)?;
    output::hint(&format!("splitting coins for {} payments", load.payments));
    let coins = load.split()?;
    output::hint("signing");
    let payments = load.sign(&coins[..load.payments.min(coins.len())]);
    drop(coins);
    output::hint("sending");
    let before = load.height(0)?;
    let start = Instant::now();
    let sent = load.send(&payments, f64::from(args.tps));
    let sending = start.elapsed();
    let settled = load.settle(&sent.last)?;
    let seconds = start.elapsed().as_secs_f64();
    let confirmed = load.confirmed_since(before)?;
    let figures = json!({
        "sent": sent.accepted + sent.refused,
        "accepted": sent.accepted,
        "refused": sent.refused,
        "seconds": sending.as_secs_f64(),
        "offered_per_second": (sent.accepted + sent.refused) as f64 / sending.as_secs_f64(),
        "confirmed": settled,
        "confirmed_transactions": confirmed,
        "lost": sent.accepted.saturating_sub(confirmed),
        "confirmed_per_second": confirmed as f64 / seconds,
        "blocks": load.height(0)? - before,
    });
    if json {
        return output::json(&figures);
    }
    let text = |key: &str| output::text(&figures, key);
    output::line(&output::facts(&[
        ("sent", text("sent")),
        ("accepted", text("accepted")),
        ("refused", text("refused")),
        ("offered", format!("{:.0}/s", figures["offered_per_second"].as_f64().unwrap_or(0.0))),
        (
            "confirmed",
            format!("{:.0}/s in {} blocks", figures["confirmed_per_second"].as_f64().unwrap_or(0.0), text("blocks")),
        ),
        ("lost", text("lost")),
    ]))?;
    if settled { Ok(()) } else { Err(Failure::new(Exit::TimedOut, "not all payments were confirmed in time")) }
}

/// A client of the node that runs on this data directory.
pub(super) fn client(dir: &std::path::Path, chain: &str) -> Outcome<Client> {
    let folder = dir.join(chain);
    let not_running = || Failure::new(Exit::Unreachable, format!("no node runs on {}", folder.display()));
    let http = datadir::read_endpoints(&folder).and_then(|endpoints| endpoints.http).ok_or_else(not_running)?;
    let address = http.parse().map_err(|_| not_running())?;
    Ok(Client::new(address, &datadir::read_cookie(&folder)?))
}

/// Number of payments by result, and the last accepted transaction.
struct Sent {
    accepted: usize,
    refused: usize,
    last: Option<Hash>,
}

impl Load<'_> {
    pub(super) fn call(&self, node: usize, method: &str, params: Value) -> Outcome<Value> {
        let node = &self.nodes[node % self.nodes.len()];
        node.call(method, params).map_err(|error| Failure::new(Exit::Rejected, format!("{method}: {error}")))
    }

    /// Splits coins until there is a confirmed one for each payment.
    pub(super) fn split(&self) -> Outcome<Vec<OwnCoin>> {
        let mut coins = self.own_coins()?;
        while coins.len() < self.payments {
            if coins.is_empty() {
                return Err(Failure::new(Exit::Rejected, "the well-known accounts have no coins"));
            }
            // The largest coins first, each into as many as one transaction can create.
            coins.sort_unstable_by_key(|coin| std::cmp::Reverse(coin.amount));
            let missing = self.payments - coins.len();
            let parts = limits::MAX_OUTPUTS.min(missing / coins.len().min(MAX_SPLITS) + 2);
            let splits = missing.div_ceil(parts - 1).min(coins.len()).min(MAX_SPLITS);
            let mut last = None;
            let split: Vec<OwnCoin> = coins.drain(..splits).collect();
            for coin in split {
                let (transaction, made) = self.split_one(&coin, parts)?;
                let id = self.call(0, "sendrawtransaction", json!([hex(&transaction.to_bytes())]))?;
                last = id.as_str().map(str::to_owned);
                coins.extend(made);
            }
            if !self.confirmed(last.as_deref().unwrap_or_default())? {
                return Err(Failure::new(
                    Exit::TimedOut,
                    "the splits of the coins are in no block; check that a node mines",
                ));
            }
        }
        Ok(coins)
    }

    /// The same on a network without miner: also mines the blocks for the splits.
    pub(super) fn split_mining(&self, miner: &str) -> Outcome<Vec<OwnCoin>> {
        self.call(0, "mine", json!([1, miner]))?;
        thread::scope(|scope| {
            let splitting = scope.spawn(|| self.split());
            while !splitting.is_finished() {
                // Only as many blocks as needed, because each raises the difficulty of the next.
                match self.mempool_count(0)? {
                    0 => drop(Deadline::after(POLL_INTERVAL).pause(POLL_INTERVAL)),
                    _ => drop(self.call(0, "mine", json!([1, miner]))?),
                }
            }
            splitting.join().unwrap_or_else(|_| Err(Failure::new(Exit::Internal, "splitting the coins failed")))
        })
    }

    /// Number of transactions in a node's mempool.
    pub(super) fn mempool_count(&self, node: usize) -> Outcome<u64> {
        Ok(output::number(&self.call(node, "status", json!([]))?["mempool"], "count"))
    }

    fn own_coins(&self) -> Outcome<Vec<OwnCoin>> {
        let mut coins = Vec::new();
        for (owner, key) in self.keys.iter().enumerate() {
            let address = key.address().to_text(&self.spec.prefix);
            let listed = self.call(0, "coins", json!([address]))?;
            for coin in
                output::items(&listed).iter().filter(|coin| coin["spendable"] == true && coin["height"].is_u64())
            {
                let txid = output::text(coin, "txid").parse();
                let index = u32::try_from(output::number(coin, "index"));
                let amount = output::number(coin, "amount");
                if let (Ok(txid), Ok(index), SMALLEST_COIN..) = (txid, index, amount) {
                    coins.push(OwnCoin { outpoint: OutPoint { txid, index }, amount, owner });
                }
            }
        }
        Ok(coins)
    }

    fn split_one(&self, coin: &OwnCoin, parts: usize) -> Outcome<(Transaction, Vec<OwnCoin>)> {
        let fee = FEE_PER_OUTPUT * parts as u64;
        let each = coin.amount.saturating_sub(fee) / parts as u64;
        if each <= 2 * FEE_PER_OUTPUT {
            return Err(Failure::new(Exit::Rejected, "the well-known accounts' coins are too small to split further"));
        }
        let key = &self.keys[coin.owner];
        let outputs = vec![Output { amount: each, address: key.address() }; parts];
        let transaction = spend(&[(coin.outpoint, coin.amount, key)], outputs, b"", &self.spec.genesis_hash());
        let txid = transaction.txid();
        let made = (0..parts)
            .map(|index| OwnCoin { outpoint: Transaction::outpoint(txid, index), amount: each, owner: coin.owner })
            .collect();
        Ok((transaction, made))
    }

    /// Signs on all cores, before the measurement, so that it takes no processor time from the nodes.
    fn sign(&self, coins: &[OwnCoin]) -> Vec<Vec<u8>> {
        let share = coins.len().div_ceil(verify::cores()).max(1);
        thread::scope(|scope| {
            let sign = |(number, coins): (usize, &[OwnCoin])| {
                let mut rng = Rng::from_number(number as u64);
                coins.iter().map(|coin| self.payment(coin, &mut rng).to_bytes()).collect::<Vec<_>>()
            };
            let shares: Vec<_> =
                coins.chunks(share).enumerate().map(|share| scope.spawn(move || sign(share))).collect();
            shares.into_iter().flat_map(|share| share.join().unwrap_or_default()).collect()
        })
    }

    /// Sends to all nodes in turn at a steady rate. Repeats payments for which a mempool has no room.
    fn send(&self, payments: &[Vec<u8>], tps: f64) -> Sent {
        let start = Instant::now();
        thread::scope(|scope| {
            let connections = self.nodes.len() * CONNECTIONS;
            let senders: Vec<_> = (self.nodes.iter().cycle().take(connections))
                .map(|node| {
                    let (sender, batches) = mpsc::sync_channel::<&[Vec<u8>]>(2);
                    (sender, scope.spawn(move || submit_all(node, &batches)))
                })
                .collect();
            let batch = BATCH.min((tps / 20.0).ceil() as usize).max(1);
            for (number, group) in payments.chunks(batch).enumerate() {
                let due = Duration::from_secs_f64((number * batch) as f64 / tps);
                Deadline::after(due.saturating_sub(start.elapsed())).pause(due);
                // If a node is gone, its thread has ended. Its payments count as refused below.
                let _ = senders[number % connections].0.send(group);
            }
            let mut sent = Sent { accepted: 0, refused: 0, last: None };
            for (sender, thread) in senders {
                drop(sender);
                let (accepted, last) = thread.join().unwrap_or((0, None));
                sent.accepted += accepted;
                sent.last = last.or(sent.last);
            }
            sent.refused = payments.len() - sent.accepted;
            sent
        })
    }

    pub(super) fn payment(&self, coin: &OwnCoin, rng: &mut Rng) -> Transaction {
        let key = &self.keys[coin.owner];
        let to = self.keys[rng.below(self.keys.len() as u64) as usize].address();
        let amount = coin.amount.saturating_sub(2 * FEE_PER_OUTPUT);
        let part = 1 + rng.below(amount.saturating_sub(1).max(1));
        let outputs = vec![
            Output { amount: part, address: to },
            Output { amount: amount.saturating_sub(part).max(1), address: key.address() },
        ];
        spend(&[(coin.outpoint, coin.amount, key)], outputs, b"", &self.spec.genesis_hash())
    }

    fn height(&self, node: usize) -> Outcome<u64> {
        Ok(output::number(&self.call(node, "status", json!([]))?, "height"))
    }

    /// Transactions, without coinbases, in the blocks above `height`. Waits until all nodes have these blocks.
    fn confirmed_since(&self, height: u64) -> Outcome<usize> {
        let tip = self.height(0)?;
        for node in 0..self.nodes.len() {
            self.wait(node, json!({ "kind": "height", "value": tip.to_string() }))?;
        }
        let block = |node, height: u64| self.call(node, "block", json!([height.to_string()]));
        let hash = block(0, tip)?["hash"].clone();
        // Equal tips mean equal chains.
        for node in 1..self.nodes.len() {
            if block(node, tip)?["hash"] != hash {
                return Err(Failure::new(Exit::Internal, format!("two nodes differ at height {tip}")));
            }
        }
        let mut transactions = 0;
        for height in height + 1..=tip {
            transactions += output::number(&block(0, height)?, "transactions").saturating_sub(1);
        }
        Ok(transactions as usize)
    }

    /// Waits until the last payment is in a block and every mempool is empty.
    fn settle(&self, last: &Option<Hash>) -> Outcome<bool> {
        let Some(last) = last else { return Ok(false) };
        let deadline = Instant::now() + CONFIRMATION_TIMEOUT;
        if !self.confirmed(&last.to_string())? {
            return Ok(false);
        }
        // Other payments may be in later blocks.
        for node in 0..self.nodes.len() {
            while self.mempool_count(node)? > 0 {
                if Instant::now() >= deadline {
                    return Ok(false);
                }
                let next = self.height(node)? + 1;
                self.wait(node, json!({ "kind": "height", "value": next.to_string() }))?;
            }
        }
        Ok(true)
    }

    fn confirmed(&self, txid: &str) -> Outcome<bool> {
        self.wait(0, json!({ "kind": "tx", "value": txid, "confirmations": 1 }))
    }

    fn wait(&self, node: usize, mut condition: Value) -> Outcome<bool> {
        let deadline = Deadline::after(CONFIRMATION_TIMEOUT);
        while !deadline.left().is_zero() {
            condition["timeout"] = json!(20.0_f64.min(deadline.left().as_secs_f64()));
            if self.call(node, "wait", json!([condition]))?["ok"] == true {
                return Ok(true);
            }
        }
        Ok(false)
    }
}

/// Submits batches of payments. Returns the number of accepted ones, and the last of them.
fn submit_all(node: &Client, batches: &mpsc::Receiver<&[Vec<u8>]>) -> (usize, Option<Hash>) {
    let (mut accepted, mut last) = (0, None);
    for batch in batches {
        let mut open: Vec<&Vec<u8>> = batch.iter().collect();
        let deadline = Deadline::after(RETRY_TIMEOUT);
        while !open.is_empty() {
            let calls = open.iter().map(|raw| ("sendrawtransaction", json!([hex(raw)]))).collect();
            let Ok(answers) = node.batch(calls) else { break };
            let mut answers = answers.into_iter();
            open.retain(|_| {
                let answer = answers.next().unwrap_or_default();
                let id = answer.as_str().and_then(|id| id.parse().ok());
                accepted += usize::from(id.is_some());
                last = id.or(last);
                id.is_none()
            });
            if !open.is_empty() && !deadline.pause(POLL_INTERVAL * 10) {
                break;
            }
        }
    }
    (accepted, last)
}
