//! The coins that the generator can spend, and which transaction comes next.

use std::collections::VecDeque;

use crate::{
    base::rng::Rng,
    chain::transaction::OutPoint,
    cli::exit::{Exit, Failure, Outcome},
};

/// Base units that each transaction pays the miner.
pub(super) const FEE: u64 = 250;
/// Smaller coins are not spent alone, because they cannot be split much further.
const SMALLEST: u64 = 10_000;

/// A coin that the generator can spend.
#[derive(Clone, Copy)]
pub(super) struct OwnCoin {
    pub(super) outpoint: OutPoint,
    pub(super) amount: u64,
    /// Number of the well-known account.
    pub(super) owner: u8,
    /// Height of the block that created it.
    pub(super) height: u32,
    pub(super) coinbase: bool,
}

/// The coins, and how many there shall be.
#[derive(Clone, Default)]
pub(super) struct Purse {
    coins: Vec<OwnCoin>,
    /// With `wanted`: coins that are too small to be spent alone.
    small: Vec<OwnCoin>,
    /// With `wanted`: coinbases that have to mature, the oldest first.
    young: VecDeque<OwnCoin>,
    /// All unspent outputs of the ledger after the transactions so far, whoever owns them.
    unspent: u64,
    wanted: Option<u64>,
}

impl Purse {
    pub(super) fn new(coins: Vec<OwnCoin>, unspent: u64, wanted: Option<u32>) -> Self {
        Self { coins, unspent, wanted: wanted.map(u64::from), ..Self::default() }
    }

    /// A block begins: its coinbase counts already, and coinbases that matured up to here can be spent.
    pub(super) fn begin(&mut self, height: u32, maturity: u32) {
        self.unspent += 1;
        while self.young.front().is_some_and(|coin| coin.height.saturating_add(maturity) <= height) {
            self.coins.extend(self.young.pop_front());
        }
    }

    /// A block ends, with this coinbase.
    pub(super) fn end(&mut self, coinbase: OwnCoin) {
        if self.wanted.is_some() {
            self.young.push_back(coinbase);
        }
    }

    /// Adds what a transaction creates.
    pub(super) fn add(&mut self, coin: OwnCoin) {
        self.coins.push(coin);
        self.unspent += 1;
    }

    /// Takes the coins that the next transaction spends, and says how many it creates: two of one as long as coins are
    /// wanted, one of two if there are too many, else as many as it takes.
    pub(super) fn take(&mut self, rng: &mut Rng) -> Outcome<(OwnCoin, Option<OwnCoin>, usize)> {
        let first = self.pick(rng)?;
        let (inputs, outputs) = match self.wanted {
            Some(wanted) if self.unspent > wanted => (2, 1),
            Some(wanted) if self.unspent == wanted && rng.below(2) == 0 => (2, 2),
            Some(wanted) if self.unspent == wanted => (1, 1),
            _ => (1, 2),
        };
        let second = if inputs == 2 { self.small.pop().or_else(|| self.random(rng)) } else { None };
        self.unspent -= 1 + u64::from(second.is_some());
        Ok((first, second, outputs))
    }

    /// A random coin that is large enough.
    fn pick(&mut self, rng: &mut Rng) -> Outcome<OwnCoin> {
        while let Some(coin) = self.random(rng) {
            if coin.amount >= SMALLEST {
                return Ok(coin);
            }
            if self.wanted.is_some() {
                self.small.push(coin);
            }
        }
        Err(Failure::new(Exit::Internal, "the coins are too small to split; generate fewer transactions"))
    }

    fn random(&mut self, rng: &mut Rng) -> Option<OwnCoin> {
        let length = self.coins.len() as u64;
        let at = if length == 0 { return None } else { rng.below(length) };
        Some(self.coins.swap_remove(usize::try_from(at).expect("an index below a list's length")))
    }
}
