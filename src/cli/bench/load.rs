//! A steady load on running nodes: payments of one input and two outputs, from well-known accounts of a test chain.
//!
//! First the accounts' coins are split until there is one for each payment; then every payment spends a coin of its own,
//! so that none waits for another. What counts is what ends up in blocks.

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
    verify,
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

/// Fee of each transaction per output, base units: more than the default fee rate asks of the largest.
const FEE_PER_OUTPUT: u64 = 100;
/// Payments in one request; the server's limit for a batch.
const BATCH: usize = RPC_BATCH;
/// Requests under way to one node at a time.
const LANES: usize = 3;
/// How long a payment is offered to a node that has no room for it.
const ROOM: Duration = Duration::from_secs(30);
/// Coins that are split before the next block: their transactions, of the largest kind, fit into a mempool.
const SPLITS: usize = 400;
/// How long to let pass before the next look at a mempool.
const MOMENT: Duration = Duration::from_millis(5);
/// How long a split or the last payment may wait for its block.
const CONFIRMATION: Duration = Duration::from_secs(120);

/// Arguments of `bench load`.
#[derive(Debug, Args)]
pub struct LoadArgs {
    /// Data directory of a running node; more than one: in turn
    #[arg(long, required = true, value_name = "DIR")]
    node: Vec<PathBuf>,
    /// Transactions a second over all nodes
    #[arg(long, default_value_t = 20, value_name = "T")]
    tps: u32,
    /// How long
    #[arg(long = "for", default_value = "30s", value_name = "S", value_parser = units::parse_duration)]
    time: Duration,
}

/// A coin that can be spent, and whose it is.
#[derive(Clone, Copy)]
pub(super) struct OwnCoin {
    outpoint: OutPoint,
    amount: u64,
    /// Position of its key.
    owner: usize,
}

/// Everything that a load needs to know.
pub(super) struct Load<'a> {
    pub(super) spec: &'a ChainSpec,
    pub(super) nodes: Vec<Client>,
    /// How many coins of its own to have.
    pub(super) payments: usize,
    /// The well-known accounts' keys: making one takes as long as signing with it.
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
        return Err(Failure::usage(format!("{} is no test chain: its accounts are nobody's to spend", spec.name)));
    }
    let payments = f64::from(args.tps) * args.time.as_secs_f64();
    if !(1.0..=1_000_000.0).contains(&payments) {
        return Err(Failure::usage("--tps times --for must be between 1 and 1,000,000 transactions"));
    }
    let nodes = args.node.iter().map(|dir| client(dir, &spec.name)).collect::<Outcome<Vec<_>>>()?;
    let load = Load::new(spec, nodes, payments as usize);
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

/// What was sent, and the last transaction that was accepted.
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

    /// One confirmed coin for each payment.
    pub(super) fn split(&self) -> Outcome<Vec<OwnCoin>> {
        let mut coins = self.own_coins()?;
        while coins.len() < self.payments {
            if coins.is_empty() {
                return Err(Failure::new(Exit::Rejected, "the well-known accounts have nothing to spend"));
            }
            // The largest coins first, each into as many as one transaction can make.
            coins.sort_unstable_by_key(|coin| std::cmp::Reverse(coin.amount));
            let missing = self.payments - coins.len();
            let parts = limits::MAX_OUTPUTS.min(missing / coins.len().min(SPLITS) + 2);
            let splits = missing.div_ceil(parts - 1).min(coins.len()).min(SPLITS);
            let mut last = None;
            let split: Vec<OwnCoin> = coins.drain(..splits).collect();
            for coin in split {
                let (transaction, made) = self.split_one(&coin, parts)?;
                let id = self.call(0, "sendrawtransaction", json!([hex(&transaction.to_bytes())]))?;
                last = id.as_str().map(str::to_owned);
                coins.extend(made);
            }
            if !self.confirmed(last.as_deref().unwrap_or_default())? {
                return Err(Failure::new(Exit::TimedOut, "no block took the split of the coins; does anybody mine?"));
            }
        }
        Ok(coins)
    }

    /// The same where nobody else mines: the blocks that the splits wait for are made meanwhile.
    pub(super) fn split_mining(&self, miner: &str) -> Outcome<Vec<OwnCoin>> {
        self.call(0, "mine", json!([1, miner]))?;
        thread::scope(|scope| {
            let splitting = scope.spawn(|| self.split());
            while !splitting.is_finished() {
                // Not more blocks than needed: each in a hurry makes the next one harder to find.
                match self.waiting(0)? {
                    0 => drop(Deadline::after(MOMENT).pause(MOMENT)),
                    _ => drop(self.call(0, "mine", json!([1, miner]))?),
                }
            }
            splitting.join().unwrap_or_else(|_| Err(Failure::new(Exit::Internal, "splitting the coins failed")))
        })
    }

    /// Transactions in a node's mempool.
    pub(super) fn waiting(&self, node: usize) -> Outcome<u64> {
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
                if let (Ok(txid), Ok(index)) = (txid, index) {
                    let amount = output::number(coin, "amount");
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
        let transaction = spend(&[(coin.outpoint, key)], outputs, b"", &self.spec.genesis_hash());
        let txid = transaction.txid();
        let made = (0..parts)
            .map(|index| OwnCoin { outpoint: Transaction::outpoint(txid, index), amount: each, owner: coin.owner })
            .collect();
        Ok((transaction, made))
    }

    /// Signs on all cores, before the clock starts: it is not to take time from the nodes while that runs.
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

    /// Sends to all nodes in turn at the pace of the clock. What a node has no room for is offered again.
    fn send(&self, payments: &[Vec<u8>], tps: f64) -> Sent {
        let start = Instant::now();
        thread::scope(|scope| {
            let lanes = self.nodes.len() * LANES;
            let senders: Vec<_> = (self.nodes.iter().cycle().take(lanes))
                .map(|node| {
                    let (sender, batches) = mpsc::sync_channel::<&[Vec<u8>]>(2);
                    (sender, scope.spawn(move || submit_all(node, &batches)))
                })
                .collect();
            let batch = BATCH.min((tps / 20.0).ceil() as usize).max(1);
            for (number, group) in payments.chunks(batch).enumerate() {
                let due = Duration::from_secs_f64((number * batch) as f64 / tps);
                Deadline::after(due.saturating_sub(start.elapsed())).pause(due);
                // A node that went away: its thread ended, and what it did not take counts as refused below.
                let _ = senders[number % lanes].0.send(group);
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
        spend(&[(coin.outpoint, key)], outputs, b"", &self.spec.genesis_hash())
    }

    fn height(&self, node: usize) -> Outcome<u64> {
        Ok(output::number(&self.call(node, "status", json!([]))?, "height"))
    }

    /// Transactions in the blocks above a height that all nodes have, besides coinbases.
    fn confirmed_since(&self, height: u64) -> Outcome<usize> {
        let tip = self.height(0)?;
        for node in 0..self.nodes.len() {
            self.wait(node, json!({ "kind": "height", "value": tip.to_string() }))?;
        }
        let block = |node, height: u64| self.call(node, "block", json!([height.to_string()]));
        let hash = block(0, tip)?["hash"].clone();
        // Equal there, they are equal below.
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

    /// Waits until the last payment is in a block, and then until no node has any that waits.
    fn settle(&self, last: &Option<Hash>) -> Outcome<bool> {
        let Some(last) = last else { return Ok(false) };
        let deadline = Instant::now() + CONFIRMATION;
        if !self.confirmed(&last.to_string())? {
            return Ok(false);
        }
        // Others may come in a later block than the last one did.
        for node in 0..self.nodes.len() {
            while self.waiting(node)? > 0 {
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
        let patience = Deadline::after(CONFIRMATION);
        while !patience.left().is_zero() {
            condition["timeout"] = json!(20.0_f64.min(patience.left().as_secs_f64()));
            if self.call(node, "wait", json!([condition]))?["ok"] == true {
                return Ok(true);
            }
        }
        Ok(false)
    }
}

/// Submits what comes, in batches; how many were accepted, and the last of them.
fn submit_all(node: &Client, batches: &mpsc::Receiver<&[Vec<u8>]>) -> (usize, Option<Hash>) {
    let (mut accepted, mut last) = (0, None);
    for batch in batches {
        let mut open: Vec<&Vec<u8>> = batch.iter().collect();
        let patience = Deadline::after(ROOM);
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
            if !open.is_empty() && !patience.pause(MOMENT * 10) {
                break;
            }
        }
    }
    (accepted, last)
}
