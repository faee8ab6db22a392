//! The merkle root over a block's transactions.
//!
//! Leaves and nodes are hashed in different domains and a node without a partner rises unchanged, so that no two lists
//! of transactions have the same root: the duplication attack on Bitcoin's tree (CVE-2012-2459) has no place here.

use crate::base::hash::{Domain, Hash};

/// The leaf of one transaction: the hash of all its bytes, signatures included.
pub fn leaf(transaction: &[u8]) -> Hash {
    Domain::MERKLE_LEAF.hash(transaction)
}

/// The root over leaves; all zeros for none.
pub fn root(mut level: Vec<Hash>) -> Hash {
    while level.len() > 1 {
        level = level
            .chunks(2)
            .map(|pair| match pair {
                [left, right] => node(left, right),
                lone => lone[0],
            })
            .collect();
    }
    level.first().copied().unwrap_or(Hash::ZERO)
}

fn node(left: &Hash, right: &Hash) -> Hash {
    let mut bytes = [0; 64];
    bytes[..32].copy_from_slice(&left.0);
    bytes[32..].copy_from_slice(&right.0);
    Domain::MERKLE_NODE.hash(&bytes)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_repeated_last_leaf_changes_the_root() {
        let leaves: Vec<Hash> = (0u8..3).map(|n| leaf(&[n])).collect();
        let mut repeated = leaves.clone();
        repeated.push(leaves[2]);
        assert_ne!(root(leaves), root(repeated));
    }

    #[test]
    fn an_inner_node_is_not_accepted_as_a_leaf() {
        let (a, b) = (leaf(b"a"), leaf(b"b"));
        let mut bytes = a.0.to_vec();
        bytes.extend_from_slice(&b.0);
        assert_ne!(root(vec![a, b]), leaf(&bytes));
    }
}
