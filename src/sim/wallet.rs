//! The coins that the simulated users spend.

use std::collections::VecDeque;

use crate::{
    base::{codec::List, limits::MAX_OUTPUTS, rng::Rng},
    chain::{
        address::Address,
        archive::LedgerStore,
        block::HashedTransaction,
        coin_key::CoinKey,
        key::SecretKey,
        spec::ChainSpec,
        transaction::{Input, OutPoint, Output, TRANSACTION_VERSION, Transaction},
    },
    sim::setup::ACCOUNTS,
};

/// Spent coins that are remembered for double spends.
const MAX_SPENT: usize = 64;
/// Coins that wait to be confirmed; older ones are given up.
const MAX_PENDING: usize = 1024;
/// Bytes of a payment with one input and one output, and of each further output.
const SMALLEST_BYTES: u64 = 180;
const OUTPUT_BYTES: u64 = 28;
/// Fee of a large payment, base units for each byte.
const FEE_PER_BYTE: u64 = 20;

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
    pub(super) rng: Rng,
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
    pub(super) fn make(
        &mut self,
        spec: &ChainSpec,
        ledger: &dyn LedgerStore,
        double_ppm: u64,
    ) -> Option<HashedTransaction> {
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

    /// A payment of about this many bytes: it makes many small coins, which nobody spends.
    pub(super) fn make_large(
        &mut self,
        spec: &ChainSpec,
        ledger: &dyn LedgerStore,
        bytes: u64,
    ) -> Option<HashedTransaction> {
        self.look_for_confirmed(ledger);
        let at = usize::try_from(self.rng.below(self.coins.len() as u64)).unwrap_or(0);
        let coin = self.coins.get(at).copied()?;
        let small = usize::try_from(bytes.saturating_sub(SMALLEST_BYTES) / OUTPUT_BYTES).unwrap_or(MAX_OUTPUTS);
        let small = small.min(MAX_OUTPUTS - 1) as u64;
        let rest = coin.amount.checked_sub(bytes * FEE_PER_BYTE + small).filter(|rest| *rest > 0)?;
        self.coins.swap_remove(at);
        let to = |amount, address| Output { amount, address };
        let mut outputs = vec![to(rest, self.keys[coin.owner as usize].address())];
        outputs.extend((0..small).map(|_| to(1, Address(self.rng.bytes()))));
        let made = self.signed(spec, &coin, outputs);
        let outpoint = made.outpoints().next()?;
        self.pending.push_back(Coin { outpoint, amount: rest, owner: coin.owner });
        Some(made)
    }

    /// Without coins: one whose payment was lost, it seems, with the mempools of all who had it.
    fn take_lost(&mut self, ledger: &dyn LedgerStore) -> Option<Coin> {
        let coin = self.spent.pop_front()?;
        let is_there = matches!(ledger.coin(&CoinKey::of(&coin.outpoint)), Ok(Some(_)));
        is_there.then_some(coin)
    }

    /// Coins that are in the ledger can be spent; the others go to the end of the line.
    fn look_for_confirmed(&mut self, ledger: &dyn LedgerStore) {
        for _ in 0..self.pending.len().min(4) {
            let Some(coin) = self.pending.pop_front() else { return };
            if matches!(ledger.coin(&CoinKey::of(&coin.outpoint)), Ok(Some(_))) {
                self.coins.push(coin);
            } else {
                self.pending.push_back(coin);
            }
        }
    }

    fn spend(&mut self, spec: &ChainSpec, coin: &Coin) -> Option<(HashedTransaction, [u32; 2])> {
        let fee = self.rng.between(200, 20_000);
        let rest = coin.amount.checked_sub(fee).filter(|rest| *rest >= 2)?;
        let first = self.rng.between(1, rest - 1);
        let owners = [0; 2].map(|_| u32::try_from(self.rng.below(u64::from(ACCOUNTS))).unwrap_or(0));
        let address = |owner: u32| self.keys[owner as usize].address();
        let outputs = vec![
            Output { amount: first, address: address(owners[0]) },
            Output { amount: rest - first, address: address(owners[1]) },
        ];
        Some((self.signed(spec, coin, outputs), owners))
    }

    fn signed(&self, spec: &ChainSpec, coin: &Coin, outputs: Vec<Output>) -> HashedTransaction {
        let key = &self.keys[coin.owner as usize];
        let input =
            Input { outpoint: coin.outpoint, amount: coin.amount, public_key: key.public_key(), signature: [0; 64] };
        let mut transaction = Transaction {
            version: TRANSACTION_VERSION,
            inputs: List::truncated([input]),
            outputs: List::truncated(outputs),
            memo: List::EMPTY,
        };
        key.sign_transaction(&mut transaction, &spec.genesis_hash());
        HashedTransaction::new(transaction)
    }
}
