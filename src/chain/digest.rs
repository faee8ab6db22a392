//! The state digest: a sum over all coins in any order. A block changes it only by the coins that it touches.
//!
//! LtHash ("Securing Update Propagation with Homomorphic Hashing", Lewi et al. 2019, lthash16): each coin is hashed and
//! expanded to 1,024 numbers of 16 bits; the state is their sum modulo 2¹⁶, place by place; the digest is the hash of
//! the sums. Adding and removing coins commute, so that a reorganisation is as cheap as the blocks that it moves.

use tussock_lthash::{SUM_BYTES, Sum};

use crate::{
    base::hash::{Domain, Hash},
    chain::{
        block::HashedBlock,
        coin::{Coin, coins_created},
        transaction::OutPoint,
    },
};

/// Bytes of the stored sum.
pub const STATE_SUM_BYTES: usize = SUM_BYTES;
/// Bytes of a coin as it is hashed: outpoint 36, amount 8, address 20, height 4, coinbase 1.
const COIN_BYTES: usize = 69;

/// The running sum over a coin set, as the little-endian bytes that are hashed and stored.
#[derive(Clone, PartialEq, Eq)]
pub struct StateSum(Box<Sum>);

impl Default for StateSum {
    fn default() -> Self {
        Self(Box::new([0; SUM_BYTES]))
    }
}

impl std::fmt::Debug for StateSum {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "StateSum({})", self.digest().short())
    }
}

impl StateSum {
    /// The sum over all coins that the transactions of a block create, also over those that the block itself spends.
    pub fn created_by(block: &HashedBlock) -> Self {
        let mut sum = Self::default();
        for (outpoint, coin) in block.transactions.iter().flat_map(|hashed| coins_created(hashed, block.header.height))
        {
            sum.add(&outpoint, &coin);
        }
        sum
    }

    /// Adds a coin.
    pub fn add(&mut self, outpoint: &OutPoint, coin: &Coin) {
        tussock_lthash::add(&mut self.0, &key(outpoint, coin));
    }

    /// Removes a coin; the inverse of [`StateSum::add`].
    pub fn remove(&mut self, outpoint: &OutPoint, coin: &Coin) {
        tussock_lthash::subtract(&mut self.0, &key(outpoint, coin));
    }

    /// Adds all coins of another sum.
    pub fn merge(&mut self, other: &Self) {
        tussock_lthash::merge(&mut self.0, &other.0);
    }

    /// The digest that headers carry.
    pub fn digest(&self) -> Hash {
        Domain::STATE.hash(self.as_bytes())
    }

    /// The sums as little-endian bytes, for storage: [`STATE_SUM_BYTES`] of them.
    pub fn as_bytes(&self) -> &[u8] {
        &self.0[..]
    }

    /// Reads [`StateSum::as_bytes`]; `None` if the length is wrong.
    pub fn from_bytes(bytes: &[u8]) -> Option<Self> {
        Some(Self(Box::new(bytes.try_into().ok()?)))
    }
}

/// The key that a coin's numbers are expanded from.
fn key(outpoint: &OutPoint, coin: &Coin) -> [u8; 32] {
    Domain::COIN.hash(&coin_bytes(outpoint, coin)).0
}

fn coin_bytes(outpoint: &OutPoint, coin: &Coin) -> [u8; COIN_BYTES] {
    let mut bytes = [0; COIN_BYTES];
    bytes[0..32].copy_from_slice(&outpoint.txid.0);
    bytes[32..36].copy_from_slice(&outpoint.index.to_le_bytes());
    bytes[36..44].copy_from_slice(&coin.amount.to_le_bytes());
    bytes[44..64].copy_from_slice(&coin.address.0);
    bytes[64..68].copy_from_slice(&coin.height.to_le_bytes());
    bytes[68] = u8::from(coin.coinbase);
    bytes
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::chain::address::Address;

    fn coin(n: u8) -> (OutPoint, Coin) {
        let outpoint = OutPoint { txid: Hash([n; 32]), index: u32::from(n) };
        (outpoint, Coin { amount: u64::from(n), address: Address([n; 20]), height: 1, coinbase: false })
    }

    #[test]
    fn order_does_not_matter_and_removal_undoes() {
        let (mut one, mut other) = (StateSum::default(), StateSum::default());
        for n in [1, 2, 3] {
            one.add(&coin(n).0, &coin(n).1);
        }
        for n in [3, 1, 4, 2] {
            other.add(&coin(n).0, &coin(n).1);
        }
        assert_ne!(one.digest(), other.digest());
        other.remove(&coin(4).0, &coin(4).1);
        assert_eq!(one.digest(), other.digest());
        let mut merged = StateSum::default();
        merged.add(&coin(4).0, &coin(4).1);
        merged.merge(&other);
        merged.remove(&coin(4).0, &coin(4).1);
        assert_eq!(merged, one);
        assert_eq!(StateSum::from_bytes(one.as_bytes()), Some(one));
        assert_eq!(StateSum::from_bytes(&[0; 3]), None);
    }

    #[test]
    fn every_field_of_a_coin_counts() {
        let (outpoint, coin) = coin(1);
        let digest = |outpoint: OutPoint, coin: Coin| {
            let mut sum = StateSum::default();
            sum.add(&outpoint, &coin);
            sum.digest()
        };
        let all = [
            digest(outpoint, coin.clone()),
            digest(OutPoint { index: 9, ..outpoint }, coin.clone()),
            digest(outpoint, Coin { amount: 9, ..coin.clone() }),
            digest(outpoint, Coin { address: Address([9; 20]), ..coin.clone() }),
            digest(outpoint, Coin { height: 9, ..coin.clone() }),
            digest(outpoint, Coin { coinbase: true, ..coin }),
        ];
        let distinct: std::collections::BTreeSet<_> = all.iter().collect();
        assert_eq!(distinct.len(), all.len());
    }
}
