//! Makes valid blocks of transactions between the well-known accounts.

use std::{collections::BTreeMap, sync::Arc, thread};

use super::purse::{FEE, OwnCoin, Purse};
use crate::{
    base::{codec::List, hash::Hash, limits, rng::Rng},
    chain::{
        address::Address,
        block::{HashedBlock, HashedTransaction},
        coin::{Coin, CoinChanges, coins_created},
        header::{HEADER_VERSION, Header},
        key::SecretKey,
        rules::ParentFacts,
        spec::{ChainSpec, WELL_KNOWN_ACCOUNTS},
        testkit,
        transaction::{Input, Output, TRANSACTION_VERSION, Transaction},
    },
    cli::exit::Outcome,
};

/// Makes valid blocks, one after another.
pub(super) struct BlockGenerator {
    spec: Arc<ChainSpec>,
    rng: Rng,
    keys: Vec<SecretKey>,
    addresses: Vec<Address>,
    pub(super) purse: Purse,
    threads: usize,
    /// How many transactions have memos so far; `None`: none shall.
    pub(super) invoices: Option<u64>,
}

impl BlockGenerator {
    /// `coins`: how many there shall be, `None`: as many as come.
    pub(super) fn new(spec: Arc<ChainSpec>, seed: u64, coins: Option<u32>) -> Self {
        let keys: Vec<SecretKey> = (0..WELL_KNOWN_ACCOUNTS).map(SecretKey::well_known).collect();
        let addresses: Vec<Address> = keys.iter().map(SecretKey::address).collect();
        let allocations = &spec.genesis.transactions[0];
        let own_coin = |(outpoint, coin): (_, Coin)| {
            let owner = addresses.iter().position(|address| *address == coin.address)?;
            let owner = u8::try_from(owner).ok()?;
            Some(OwnCoin { outpoint, amount: coin.amount, owner, height: 0, coinbase: true })
        };
        let own = coins_created(allocations, 0).filter_map(own_coin).collect();
        let purse = Purse::new(own, coins_created(allocations, 0).count() as u64, coins);
        let threads = thread::available_parallelism().map_or(1, usize::from).min(8);
        Self { rng: Rng::from_number(seed), keys, addresses, purse, threads, invoices: None, spec }
    }

    /// Makes the block after `parent`, after which the coins have this digest, with this number of transactions. Also returns
    /// its coin changes.
    pub(super) fn next(
        &mut self,
        parent: &ParentFacts,
        state_digest: Hash,
        transactions: u32,
        tag: &[u8],
    ) -> Outcome<(HashedBlock, CoinChanges)> {
        let height = parent.height + 1;
        self.purse.begin(height, self.spec.parameters.maturity);
        let (mut transactions_to_sign, mut created, mut spent) = (Vec::new(), BTreeMap::new(), Vec::new());
        for _ in 0..transactions {
            let (first, second, outputs) = self.purse.take(&mut self.rng)?;
            let coins: Vec<OwnCoin> = [first].into_iter().chain(second).collect();
            let unsigned = self.pay(&coins, outputs, height);
            for coin in coins {
                if coin.height == height {
                    created.remove(&coin.outpoint);
                } else {
                    let OwnCoin { amount, owner, height, coinbase, .. } = coin;
                    let address = self.addresses[usize::from(owner)];
                    spent.push((coin.outpoint, Coin { amount, address, height, coinbase }));
                }
            }
            for (at, output) in unsigned.transaction.outputs.iter().enumerate() {
                let coin = Coin { amount: output.amount, address: output.address, height, coinbase: false };
                created.insert(Transaction::outpoint(unsigned.txid, at), coin);
            }
            transactions_to_sign.push(unsigned);
        }
        let fees = FEE * u64::from(transactions);
        let owner = height as usize % self.addresses.len();
        let miner = self.addresses[owner];
        let reward = self.spec.subsidy(height) + fees;
        let coinbase = HashedTransaction::new(testkit::coinbase(height, miner, reward, tag));
        created.extend(coins_created(&coinbase, height));
        let (outpoint, owner) = (Transaction::outpoint(coinbase.txid, 0), u8::try_from(owner).expect("ten accounts"));
        self.purse.end(OwnCoin { outpoint, amount: reward, owner, height, coinbase: true });
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

    /// Makes an unsigned transaction that pays a part of the coins, or with one output all, to a random account. Adds its
    /// outputs to the purse.
    fn pay(&mut self, coins: &[OwnCoin], outputs: usize, height: u32) -> Unsigned {
        let rest = coins.iter().map(|coin| coin.amount).sum::<u64>() - FEE;
        let payment = if outputs == 1 { rest } else { self.rng.between(rest / 4, rest / 2) };
        let owner = u8::try_from(self.rng.below(self.keys.len() as u64)).expect("ten accounts");
        let outputs = &[(payment, owner), (rest - payment, coins[0].owner)][..outputs];
        let output = |&(amount, owner): &(u64, u8)| Output { amount, address: self.addresses[usize::from(owner)] };
        let input = |coin: &OwnCoin| Input {
            outpoint: coin.outpoint,
            amount: coin.amount,
            public_key: self.keys[usize::from(coin.owner)].public_key(),
            signature: [0; 64],
        };
        let memo = self.invoices.as_mut().map_or_else(String::new, |invoices| {
            *invoices += 1;
            format!("invoice {invoices} for account {owner}")
        });
        let transaction = Transaction {
            version: TRANSACTION_VERSION,
            inputs: List::truncated(coins.iter().map(input)),
            outputs: List::truncated(outputs.iter().map(output)),
            memo: List::truncated(memo.bytes()),
        };
        let txid = transaction.txid();
        for (at, &(amount, owner)) in outputs.iter().enumerate() {
            let outpoint = Transaction::outpoint(txid, at);
            self.purse.add(OwnCoin { outpoint, amount, owner, height, coinbase: false });
        }
        Unsigned { transaction, txid, owners: coins.iter().map(|coin| coin.owner).collect() }
    }

    /// Signs transactions on all cores and keeps their order.
    fn sign(&self, mut transactions_to_sign: Vec<Unsigned>) -> Vec<HashedTransaction> {
        let genesis = self.spec.genesis_hash();
        let sign = |unsigned: &mut Unsigned| {
            let hash = Transaction::signing_hash(&unsigned.txid, &genesis);
            for (input, owner) in unsigned.transaction.inputs.as_mut_slice().iter_mut().zip(&unsigned.owners) {
                input.signature = self.keys[usize::from(*owner)].sign(&hash);
            }
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
    txid: Hash,
    /// Of each input.
    owners: Vec<u8>,
}
