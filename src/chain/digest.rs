//! The state digest: the root of a Merkle tree over 64 sums of coins, each in any order. A block changes it only by the
//! coins that it touches.
//!
//! Leaf i of the tree hashes the sum of the coins whose key ([`CoinKey::order`]) begins with the six bits of i. Coins are
//! stored and served in the order of their keys. So a newcomer can be given them leaf by leaf, each proven by a header.
//!
//! A sum is an LtHash ("Securing Update Propagation with Homomorphic Hashing", Lewi et al. 2019, lthash16): each coin is
//! hashed and expanded to 1,024 numbers of 16 bits, which are added modulo 2¹⁶, place by place. Adding and removing coins
//! commute, so that a reorganisation is as cheap as the blocks that it moves.
//!
//! The ledger alone adds them. That `verify` adds up what a block creates was tried: 500 payments touch all sums, so each
//! block that waits took 128 KiB, and a sync took a thirtieth more processor time.

use std::sync::Arc;

use tussock_lthash::{SUM_BYTES, Sum};

use crate::{
    base::hash::{Domain, Hash},
    chain::{coin::Coin, coin_key::CoinKey},
};

/// Leaves of the tree: as many as a set of 64 bits can name.
pub const LEAVES: usize = 64;
/// Bytes of all sums, as they are stored.
pub const STATE_SUM_BYTES: usize = LEAVES * SUM_BYTES;
/// Bytes of the sum of one leaf, as it is stored.
pub const LEAF_SUM_BYTES: usize = SUM_BYTES;
/// Bytes of a coin as it is hashed: outpoint 36, amount 8, address 20, height 4, coinbase 1.
const COIN_BYTES: usize = 69;

/// The running sums over a coin set, and the tree over them. Clones share their memory until one of them changes.
#[derive(Clone)]
pub struct StateSum {
    sums: Arc<[Sum]>,
    /// The root is node 1. The children of node n are nodes 2n and 2n + 1; the leaves are nodes 64 to 127.
    nodes: Arc<[Hash]>,
    /// The leaves whose sum has changed since their nodes were computed.
    changed: u64,
}

impl Default for StateSum {
    fn default() -> Self {
        let nodes = vec![Hash::ZERO; 2 * LEAVES].into();
        Self { sums: vec![[0; SUM_BYTES]; LEAVES].into(), nodes, changed: u64::MAX }
    }
}

impl PartialEq for StateSum {
    fn eq(&self, other: &Self) -> bool {
        self.sums == other.sums
    }
}

impl Eq for StateSum {}

impl std::fmt::Debug for StateSum {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "StateSum({})", self.clone().digest().short())
    }
}

impl StateSum {
    /// Adds a coin.
    pub fn add(&mut self, key: &CoinKey, coin: &Coin) {
        tussock_lthash::add(self.leaf_of(key), &element(key, coin));
    }

    /// Removes a coin; the inverse of [`StateSum::add`].
    pub fn remove(&mut self, key: &CoinKey, coin: &Coin) {
        tussock_lthash::subtract(self.leaf_of(key), &element(key, coin));
    }

    /// The digest that headers carry. Hashes only what has changed since the last call: of one leaf, its sum and six nodes.
    pub fn digest(&mut self) -> Hash {
        if self.changed == 0 {
            return self.nodes[1];
        }
        let mut changed = std::mem::take(&mut self.changed);
        let nodes = Arc::make_mut(&mut self.nodes);
        for leaf in members(changed) {
            nodes[LEAVES + leaf] = Domain::STATE_LEAF.hash(&self.sums[leaf]);
        }
        let mut first = LEAVES;
        while first > 1 {
            first /= 2;
            changed = parents(changed);
            for node in members(changed).map(|at| first + at) {
                nodes[node] = parent(&nodes[2 * node], &nodes[2 * node + 1]);
            }
        }
        nodes[1]
    }

    /// The sums as little-endian bytes, for storage: [`STATE_SUM_BYTES`] of them.
    pub fn as_bytes(&self) -> &[u8] {
        self.sums.as_flattened()
    }

    /// Reads [`StateSum::as_bytes`]; `None` if the length is wrong.
    pub fn from_bytes(bytes: &[u8]) -> Option<Self> {
        let (sums, rest) = bytes.as_chunks::<SUM_BYTES>();
        let complete = sums.len() == LEAVES && rest.is_empty();
        complete.then(|| Self { sums: sums.into(), ..Self::default() })
    }

    /// Replaces the sum over the coins of one leaf.
    ///
    /// # Panics
    ///
    /// If there is no such leaf.
    pub fn set_leaf(&mut self, leaf: usize, sum: &LeafSum) {
        self.changed |= 1 << leaf;
        Arc::make_mut(&mut self.sums)[leaf] = *sum.0;
    }

    fn leaf_of(&mut self, key: &CoinKey) -> &mut Sum {
        let leaf = leaf_of(key);
        self.changed |= 1 << leaf;
        &mut Arc::make_mut(&mut self.sums)[leaf]
    }
}

/// The sum over the coins of one leaf.
#[derive(Clone, PartialEq, Eq)]
pub struct LeafSum(Box<Sum>);

impl Default for LeafSum {
    fn default() -> Self {
        Self(Box::new([0; SUM_BYTES]))
    }
}

impl std::fmt::Debug for LeafSum {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "LeafSum({})", self.leaf().short())
    }
}

impl LeafSum {
    /// Adds a coin, which must be of this leaf.
    pub fn add(&mut self, key: &CoinKey, coin: &Coin) {
        tussock_lthash::add(&mut self.0, &element(key, coin));
    }

    /// The sum as little-endian bytes, for storage.
    pub fn as_bytes(&self) -> &[u8] {
        &*self.0
    }

    /// Reads [`LeafSum::as_bytes`]; `None` if the length is wrong.
    pub fn from_bytes(bytes: &[u8]) -> Option<Self> {
        Some(Self(Box::new(bytes.try_into().ok()?)))
    }

    /// The leaf of the tree.
    pub fn leaf(&self) -> Hash {
        Domain::STATE_LEAF.hash(&*self.0)
    }
}

/// The root over all leaves.
pub fn root(leaves: &[Hash; LEAVES]) -> Hash {
    let mut level = leaves.to_vec();
    while level.len() > 1 {
        level = level.chunks(2).map(|two| parent(&two[0], &two[1])).collect();
    }
    level[0]
}

/// The node above two others.
fn parent(left: &Hash, right: &Hash) -> Hash {
    let mut children = [0; 64];
    children[..32].copy_from_slice(&left.0);
    children[32..].copy_from_slice(&right.0);
    Domain::STATE_NODE.hash(&children)
}

/// The leaf that a coin belongs to.
pub fn leaf_of(key: &CoinKey) -> usize {
    (key.order >> 58) as usize
}

/// The key that a coin's numbers are expanded from.
fn element(key: &CoinKey, coin: &Coin) -> [u8; 32] {
    let mut bytes = [0; COIN_BYTES];
    bytes[0..32].copy_from_slice(&key.outpoint.txid.0);
    bytes[32..36].copy_from_slice(&key.outpoint.index.to_le_bytes());
    bytes[36..44].copy_from_slice(&coin.amount.to_le_bytes());
    bytes[44..64].copy_from_slice(&coin.address.0);
    bytes[64..68].copy_from_slice(&coin.height.to_le_bytes());
    bytes[68] = u8::from(coin.coinbase);
    Domain::COIN.hash(&bytes).0
}

/// The positions of a set's members.
fn members(mut set: u64) -> impl Iterator<Item = usize> {
    std::iter::from_fn(move || {
        let at = set.trailing_zeros() as usize;
        set &= set.wrapping_sub(1);
        (at < LEAVES).then_some(at)
    })
}

/// The positions of the parents of nodes of one level.
fn parents(mut nodes: u64) -> u64 {
    let mut parents = 0;
    while nodes != 0 {
        let at = nodes.trailing_zeros() / 2;
        parents |= 1 << at;
        nodes &= !(3 << (2 * at));
    }
    parents
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::chain::{address::Address, transaction::OutPoint};

    fn coin(n: u8) -> (CoinKey, Coin) {
        let outpoint = OutPoint { txid: Hash([n; 32]), index: u32::from(n) };
        (CoinKey::of(&outpoint), Coin { amount: u64::from(n), address: Address([n; 20]), height: 1, coinbase: false })
    }

    /// Adds the coins with these numbers.
    fn add(sum: &mut StateSum, coins: impl IntoIterator<Item = u8>) {
        coins.into_iter().map(coin).for_each(|(key, coin)| sum.add(&key, &coin));
    }

    /// The digest, computed from the sums alone.
    fn digest_of_all(sum: &StateSum) -> Hash {
        let mut level: Vec<Hash> = sum.sums.iter().map(|sum| Domain::STATE_LEAF.hash(sum)).collect();
        while level.len() > 1 {
            let two = |two: &[Hash]| Domain::STATE_NODE.hash(&[two[0].0, two[1].0].concat());
            level = level.chunks(2).map(two).collect();
        }
        level[0]
    }

    #[test]
    fn order_does_not_matter_and_removal_undoes() {
        let (mut one, mut other) = (StateSum::default(), StateSum::default());
        add(&mut one, [1, 2, 3]);
        add(&mut other, [3, 1, 4, 2]);
        assert_ne!(one.digest(), other.digest());
        other.remove(&coin(4).0, &coin(4).1);
        assert_eq!(one.digest(), other.digest());
        assert_eq!(one, other);
    }

    #[test]
    fn the_digest_is_the_root_over_all_leaves_whatever_changed_since_the_last() {
        let mut sum = StateSum::default();
        assert_eq!(sum.digest(), digest_of_all(&sum));
        let mut touched = 0u64;
        for n in 1..=250 {
            add(&mut sum, [n]);
            touched |= 1 << leaf_of(&coin(n).0);
            if n % 3 == 0 {
                assert_eq!(sum.digest(), digest_of_all(&sum), "coin {n}");
            }
        }
        assert_eq!((touched, sum.digest()), (u64::MAX, digest_of_all(&sum)), "some coins are of each leaf");
        let mut read = StateSum::from_bytes(sum.as_bytes()).unwrap();
        assert_eq!((read.digest(), &read), (sum.digest(), &sum));
        assert_eq!(StateSum::from_bytes(&sum.as_bytes()[1..]), None);
        assert_eq!(StateSum::from_bytes(&[sum.as_bytes(), &[0]].concat()), None);
    }

    #[test]
    fn a_coin_belongs_to_the_leaf_of_its_outpoint() {
        let (key, one) = coin(1);
        let other = Coin { amount: 7, height: 9, coinbase: true, ..one.clone() };
        let mut sums = [one, other].map(|coin| {
            let mut sum = StateSum::default();
            sum.add(&key, &coin);
            let leaves: Vec<usize> = (0..LEAVES).filter(|leaf| sum.sums[*leaf] != [0; SUM_BYTES]).collect();
            assert_eq!(leaves, [leaf_of(&key)]);
            sum
        });
        assert_ne!(sums[0].digest(), sums[1].digest());
        assert_eq!(Domain::COIN_KEY.hash(&[&[1; 32][..], &[1, 0, 0, 0]].concat()).0[0] >> 2, leaf_of(&key) as u8);
    }

    #[test]
    fn every_field_of_a_coin_counts() {
        let (key, coin) = coin(1);
        let digest = |key: CoinKey, coin: Coin| {
            let mut sum = StateSum::default();
            sum.add(&key, &coin);
            sum.digest()
        };
        let all = [
            digest(key, coin.clone()),
            digest(CoinKey::of(&OutPoint { index: 9, ..key.outpoint }), coin.clone()),
            digest(key, Coin { amount: 9, ..coin.clone() }),
            digest(key, Coin { address: Address([9; 20]), ..coin.clone() }),
            digest(key, Coin { height: 9, ..coin.clone() }),
            digest(key, Coin { coinbase: true, ..coin }),
        ];
        let distinct: std::collections::BTreeSet<_> = all.iter().collect();
        assert_eq!(distinct.len(), all.len());
    }
}
