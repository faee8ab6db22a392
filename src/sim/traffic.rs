//! Transactions: somebody with coins submits them to some node from time to time.

use std::collections::VecDeque;

use crate::{
    base::{codec::List, rng::Rng, time::Time},
    chain::{
        archive::LedgerStore,
        block::HashedTransaction,
        key::SecretKey,
        spec::ChainSpec,
        transaction::{Input, OutPoint, Output, TRANSACTION_VERSION, Transaction},
    },
    node::{
        SyncState,
        command::{GossipCommand, Reply},
    },
    sim::{
        checkers::Question,
        setup::ACCOUNTS,
        world::{Happening, World},
    },
};

/// Spent coins that are remembered for double spends.
const MAX_SPENT: usize = 64;
/// Coins that wait to be confirmed; older ones are given up.
const MAX_PENDING: usize = 1024;

/// A coin that an account owns.
#[derive(Clone, Copy, Debug)]
struct Coin {
    outpoint: OutPoint,
    amount: u64,
    owner: u32,
}

/// All coins of the well-known accounts, as far as the submitter follows them.
#[derive(Debug)]
pub(super) struct Wallet {
    keys: Vec<SecretKey>,
    coins: Vec<Coin>,
    pending: VecDeque<Coin>,
    spent: VecDeque<Coin>,
    rng: Rng,
}

impl Wallet {
    pub(super) fn new(spec: &ChainSpec, rng: Rng) -> Self {
        let keys: Vec<SecretKey> = (0..ACCOUNTS).map(SecretKey::well_known).collect();
        let genesis = &spec.genesis.transactions[0];
        let owned = |(outpoint, output): (OutPoint, &Output)| {
            let owner = (0..ACCOUNTS).find(|owner| keys[*owner as usize].address() == output.address)?;
            Some(Coin { outpoint, amount: output.amount, owner })
        };
        let coins = genesis.outpoints().zip(genesis.transaction.outputs.iter()).filter_map(owned).collect();
        Self { keys, coins, pending: VecDeque::new(), spent: VecDeque::new(), rng }
    }

    /// A transaction that a node with this ledger can take; with a chance of `double_ppm` one that spends a coin again.
    fn make(&mut self, spec: &ChainSpec, ledger: &dyn LedgerStore, double_ppm: u64) -> Option<HashedTransaction> {
        self.look_for_confirmed(ledger);
        let again = self.rng.chance(double_ppm).then(|| self.spent.front().copied()).flatten();
        let coin = match again {
            Some(coin) => coin,
            None if self.coins.is_empty() => self.take_lost(ledger)?,
            None => {
                let at = usize::try_from(self.rng.below(self.coins.len() as u64)).unwrap_or(0);
                self.coins.swap_remove(at)
            }
        };
        let (made, owners) = self.spend(spec, &coin)?;
        let outputs = made.outpoints().zip(made.transaction.outputs.iter()).zip(owners);
        for ((outpoint, output), owner) in outputs {
            self.pending.push_back(Coin { outpoint, amount: output.amount, owner });
        }
        self.spent.push_back(coin);
        while self.spent.len() > MAX_SPENT {
            self.spent.pop_front();
        }
        while self.pending.len() > MAX_PENDING {
            self.pending.pop_front();
        }
        Some(made)
    }

    /// Without coins: one whose payment was lost, it seems, with the mempools of all who had it.
    fn take_lost(&mut self, ledger: &dyn LedgerStore) -> Option<Coin> {
        let coin = self.spent.pop_front()?;
        let is_there = matches!(ledger.coin(&coin.outpoint), Ok(Some(_)));
        is_there.then_some(coin)
    }

    /// Coins that are in the ledger can be spent; the others go to the end of the line.
    fn look_for_confirmed(&mut self, ledger: &dyn LedgerStore) {
        for _ in 0..self.pending.len().min(4) {
            let Some(coin) = self.pending.pop_front() else { return };
            if matches!(ledger.coin(&coin.outpoint), Ok(Some(_))) {
                self.coins.push(coin);
            } else {
                self.pending.push_back(coin);
            }
        }
    }

    fn spend(&mut self, spec: &ChainSpec, coin: &Coin) -> Option<(HashedTransaction, [u32; 2])> {
        let key = &self.keys[coin.owner as usize];
        let fee = self.rng.between(200, 20_000);
        let rest = coin.amount.checked_sub(fee).filter(|rest| *rest >= 2)?;
        let first = self.rng.between(1, rest - 1);
        let owners = [0; 2].map(|_| u32::try_from(self.rng.below(u64::from(ACCOUNTS))).unwrap_or(0));
        let address = |owner: u32| self.keys[owner as usize].address();
        let input = Input { outpoint: coin.outpoint, public_key: key.public_key(), signature: [0; 64] };
        let mut transaction = Transaction {
            version: TRANSACTION_VERSION,
            inputs: List::truncated([input]),
            outputs: List::truncated([
                Output { amount: first, address: address(owners[0]) },
                Output { amount: rest - first, address: address(owners[1]) },
            ]),
            memo: List::EMPTY,
        };
        key.sign_transaction(&mut transaction, &spec.genesis_hash());
        Some((HashedTransaction::new(transaction), owners))
    }
}

impl World {
    /// Puts the next transaction into the event queue.
    pub(super) fn next_submission(&mut self) {
        if let Some(mean_doubled) = (2 * 60_000_000u64).checked_div(self.options.transactions) {
            let wait = self.wallet.rng.below(mean_doubled) + 1;
            self.at(Time(self.now.0 + wait), Happening::Submit);
        }
    }

    /// Somebody submits a transaction to some synced node.
    pub(super) fn submit(&mut self) {
        self.next_submission();
        let synced = |node: &usize| self.is_up(*node) && self.nodes[*node].view.state == SyncState::Synced;
        let ready: Vec<usize> = (0..self.options.nodes).filter(synced).collect();
        let Some(node) = self.wallet.rng.pick(&ready).copied() else { return };
        let double_ppm = self.options.double_spend_ppm;
        let made = self.nodes[node].disk.read(|ledger| self.wallet.make(&self.spec, ledger, double_ppm));
        if let Some(made) = made {
            self.command(node, GossipCommand::SubmitTransaction(made.transaction.to_bytes().into()), Question::Submit);
        }
    }

    /// A command was answered.
    pub(super) fn replied(&mut self, node: usize, ticket: crate::base::ids::Ticket, reply: &Reply) {
        let known = self.nodes[node].life.as_mut().and_then(|life| life.tickets.remove(&ticket));
        let Some((_, question)) = known else {
            let what = format!("{ticket:?} was answered twice, or never asked: {reply:?}");
            return self.fail("completions", Some(node), what);
        };
        if let Question::Pooled(returned) = question {
            return self.check_returned(returned, reply);
        }
        match reply {
            Reply::Accepted(_) => self.stats.submitted.0 += 1,
            Reply::Refused(reason) => {
                log::debug!(target: "tussock::sim", "node {node} refuses a transaction: {reason}");
                self.stats.submitted.1 += 1;
            }
            _ => {}
        }
    }
}
