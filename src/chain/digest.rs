//! The state digest: an order-free sum over all coins that each block changes by only what it touches.
//!
//! LtHash ("Securing Update Propagation with Homomorphic Hashing", Lewi et al. 2019, lthash16): each coin is hashed and
//! expanded to 1,024 numbers of 16 bits; the state is their sum modulo 2¹⁶, place by place; the digest is the hash of
//! the sums. Adding and removing coins commute, so that a reorganisation is as cheap as the blocks that it moves.

use crate::{
    base::hash::{Domain, Hash},
    chain::{coin::Coin, transaction::OutPoint},
};

/// 16-bit places in the sum.
const PLACES: usize = 1024;
/// Bytes of the stored sum.
pub const STATE_SUM_BYTES: usize = 2 * PLACES;
/// Bytes of a coin as it is hashed: outpoint 36, amount 8, address 20, height 4, coinbase 1.
const COIN_BYTES: usize = 69;

/// Four places at a time, so that a sum takes a quarter of the steps; the first place is the lowest.
const WORDS: usize = PLACES / 4;
/// The highest bit of each of the four.
const HIGHEST: u64 = 0x8000_8000_8000_8000;

/// The running sum over a coin set, as the little-endian bytes that are hashed and stored.
#[derive(Clone, PartialEq, Eq)]
pub struct StateSum(Box<[[u8; 8]; WORDS]>);

impl Default for StateSum {
    fn default() -> Self {
        Self(Box::new([[0; 8]; WORDS]))
    }
}

impl std::fmt::Debug for StateSum {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "StateSum({})", self.digest().short())
    }
}

impl StateSum {
    /// Adds a coin.
    pub fn add(&mut self, outpoint: &OutPoint, coin: &Coin) {
        self.each(outpoint, coin, add_places);
    }

    /// Takes a coin out; the inverse of [`StateSum::add`].
    pub fn remove(&mut self, outpoint: &OutPoint, coin: &Coin) {
        self.each(outpoint, coin, subtract_places);
    }

    /// Adds all coins of another sum.
    pub fn merge(&mut self, other: &Self) {
        for (places, from) in self.0.iter_mut().zip(other.0.iter()) {
            *places = add_places(u64::from_le_bytes(*places), u64::from_le_bytes(*from)).to_le_bytes();
        }
    }

    /// The digest that headers carry.
    pub fn digest(&self) -> Hash {
        Domain::STATE.hash(self.as_bytes())
    }

    /// The sums as little-endian bytes, for storage: [`STATE_SUM_BYTES`] of them.
    pub fn as_bytes(&self) -> &[u8] {
        self.0.as_flattened()
    }

    /// Reads [`StateSum::as_bytes`]; `None` if the length is wrong.
    pub fn from_bytes(bytes: &[u8]) -> Option<Self> {
        if bytes.len() != STATE_SUM_BYTES {
            return None;
        }
        let mut sum = Self::default();
        sum.0.as_flattened_mut().copy_from_slice(bytes);
        Some(sum)
    }

    fn each(&mut self, outpoint: &OutPoint, coin: &Coin, change: impl Fn(u64, u64) -> u64) {
        let mut expansion = Domain::COIN.expand(&coin_bytes(outpoint, coin));
        for group in self.0.chunks_exact_mut(32) {
            for (places, [low, high]) in group.iter_mut().zip(expansion.words().as_chunks().0) {
                let more = u64::from(*low) | u64::from(*high) << 32;
                *places = change(u64::from_le_bytes(*places), more).to_le_bytes();
            }
        }
    }
}

/// Adds four places at once: the highest bits apart, so that no carry leaves its place.
fn add_places(a: u64, b: u64) -> u64 {
    ((a & !HIGHEST).wrapping_add(b & !HIGHEST)) ^ ((a ^ b) & HIGHEST)
}

/// Subtracts four places at once: the highest bits lend, so that no borrow leaves its place.
fn subtract_places(a: u64, b: u64) -> u64 {
    ((a | HIGHEST).wrapping_sub(b & !HIGHEST)) ^ ((a ^ !b) & HIGHEST)
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
    fn four_places_at_once_are_four_sums() {
        let places = |n: u64| [n, n >> 16, n >> 32, n >> 48].map(|place| place as u16);
        let samples = [0, 1, 0x7fff, 0x8000, 0xffff, 0x8001, 0x1234];
        for (at, one) in samples.iter().enumerate() {
            for other in samples {
                let a = *one | (samples[(at + 1) % 7] << 16) | (0xffff << 32) | (other << 48);
                let b = other | (other << 16) | (*one << 32) | (*one << 48);
                let sums: Vec<u16> = places(a).into_iter().zip(places(b)).map(|(a, b)| a.wrapping_add(b)).collect();
                let rest: Vec<u16> = places(a).into_iter().zip(places(b)).map(|(a, b)| a.wrapping_sub(b)).collect();
                assert_eq!(places(add_places(a, b))[..], sums);
                assert_eq!(places(subtract_places(a, b))[..], rest);
            }
        }
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
