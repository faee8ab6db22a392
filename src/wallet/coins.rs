//! Coins that keys may spend, and which of them pay.

use serde::Deserialize;

use crate::{base::hash::Hash, chain::transaction::OutPoint};

/// A coin of a list that a node gives (the method `coins`).
#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
pub struct ListedCoin {
    txid: Hash,
    index: u32,
    amount: u64,
    spendable: bool,
    #[serde(default)]
    pending: bool,
}

impl ListedCoin {
    /// Whether no block has it yet.
    pub fn is_pending(&self) -> bool {
        self.pending
    }

    /// The coin as one of this key; `None` while it cannot be spent.
    pub fn of(&self, public_key: [u8; 32]) -> Option<OwnCoin> {
        let outpoint = OutPoint { txid: self.txid, index: self.index };
        self.spendable.then_some(OwnCoin { outpoint, amount: self.amount, public_key })
    }
}

/// A coin that can be spent now.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct OwnCoin {
    /// Which coin.
    pub outpoint: OutPoint,
    /// In base units.
    pub amount: u64,
    /// The key that may spend it.
    pub public_key: [u8; 32],
}

/// Why no coins were chosen.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Shortage {
    /// All together hold too little for this need.
    Poor {
        /// What the fewest coins that could have sufficed would have needed.
        needed: u128,
        /// What all hold.
        all: u128,
    },
    /// They hold enough, but too many are needed.
    Many {
        /// What the `most` largest hold.
        hold: u128,
    },
}

/// Chooses at most `most` coins that hold what so many coins need (`need`, which grows with their number: each costs a fee).
/// They are the fewest that suffice. Among those, all but the last are the largest ones, and the last is the smallest that
/// suffices: little is left over, and large coins stay for other payments. Returns them, and what they hold.
pub(super) fn choose(
    mut coins: Vec<OwnCoin>,
    most: usize,
    need: impl Fn(usize) -> u128,
) -> Result<(Vec<OwnCoin>, u128), Shortage> {
    coins.sort_unstable_by(|a, b| b.amount.cmp(&a.amount).then(a.outpoint.cmp(&b.outpoint)));
    let mut sum = 0;
    for count in 1..=coins.len().min(most) {
        let before = sum;
        sum += u128::from(coins[count - 1].amount);
        if sum >= need(count) {
            let enough = |coin: &OwnCoin| before + u128::from(coin.amount) >= need(count);
            let last = coins[count - 1..].partition_point(enough) + count - 2;
            let last = coins[last];
            coins.truncate(count - 1);
            coins.push(last);
            return Ok((coins, before + u128::from(last.amount)));
        }
    }
    let all: u128 = coins.iter().map(|coin| u128::from(coin.amount)).sum();
    let count = coins.len().min(most).max(1);
    let suffice = |count: usize| need(count) <= all;
    Err(match coins.len() > most && suffice(most) {
        true => Shortage::Many { hold: sum },
        false => Shortage::Poor { needed: need(count), all },
    })
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn coins(amounts: &[u64]) -> Vec<OwnCoin> {
        let coin = |(n, amount): (usize, &u64)| OwnCoin {
            outpoint: OutPoint { txid: Hash([7; 32]), index: u32::try_from(n).unwrap() },
            amount: *amount,
            public_key: [1; 32],
        };
        amounts.iter().enumerate().map(coin).collect()
    }

    /// All sets of coins, by brute force: those that suffice, as sorted amounts, the largest first.
    fn sufficient(amounts: &[u64], most: usize, need: &impl Fn(usize) -> u128) -> Vec<Vec<u64>> {
        let set = |mask: u32| -> Vec<u64> {
            let mut set: Vec<u64> =
                amounts.iter().enumerate().filter(|(n, _)| mask >> n & 1 == 1).map(|(_, amount)| *amount).collect();
            set.sort_unstable_by(|a, b| b.cmp(a));
            set
        };
        let suffices = |set: &Vec<u64>| {
            let sum: u128 = set.iter().map(|amount| u128::from(*amount)).sum();
            (1..=most).contains(&set.len()) && sum >= need(set.len())
        };
        (1..1u32 << amounts.len()).map(set).filter(suffices).collect()
    }

    proptest! {
        #[test]
        fn the_fewest_coins_pay_and_the_least_is_left_over_that_the_largest_ones_allow(
            amounts in prop::collection::vec(prop_oneof![1..40u64, 1..2000u64], 0..9),
            payment in 1..3000u64, fee in 0..30u64, most in 1..6usize,
        ) {
            let need = |count: usize| u128::from(payment) + u128::from(fee) * count as u128;
            let sets = sufficient(&amounts, most, &need);
            match choose(coins(&amounts), most, need) {
                Ok((chosen, sum)) => {
                    let found: Vec<u64> = chosen.iter().map(|coin| coin.amount).collect();
                    prop_assert_eq!(sum, found.iter().map(|amount| u128::from(*amount)).sum::<u128>());
                    let fewest = sets.iter().map(Vec::len).min().unwrap();
                    prop_assert_eq!(found.len(), fewest);
                    let mut largest = amounts.clone();
                    largest.sort_unstable_by(|a, b| b.cmp(a));
                    let (first, last) = found.split_at(fewest - 1);
                    prop_assert_eq!(first, &largest[..fewest - 1]);
                    let least = sets.iter().filter(|set| set.len() == fewest && set[..fewest - 1] == *first);
                    prop_assert_eq!(last[0], least.map(|set| set[fewest - 1]).min().unwrap());
                    let mut places: Vec<_> = chosen.iter().map(|coin| coin.outpoint).collect();
                    places.sort_unstable();
                    places.dedup();
                    prop_assert_eq!(places.len(), chosen.len(), "no coin twice");
                }
                Err(shortage) => {
                    prop_assert!(sets.is_empty(), "{shortage:?}");
                    let all: u128 = amounts.iter().map(|amount| u128::from(*amount)).sum();
                    match shortage {
                        Shortage::Many { hold } => prop_assert!(amounts.len() > most && hold <= all),
                        Shortage::Poor { needed, all: said } => prop_assert!(said == all && needed >= u128::from(payment)),
                    }
                }
            }
        }
    }
}
