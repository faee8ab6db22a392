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
        level = above(&level);
    }
    level.first().copied().unwrap_or(Hash::ZERO)
}

/// What leads from the leaf at `index` to the root: on each level its partner, `None` where it has none and rises unchanged.
/// `None` if there is no such leaf.
pub fn path(mut level: Vec<Hash>, mut index: usize) -> Option<Vec<Option<Hash>>> {
    level.get(index)?;
    let mut path = Vec::new();
    while level.len() > 1 {
        path.push(level.get(index ^ 1).copied());
        level = above(&level);
        index /= 2;
    }
    Some(path)
}

/// A whole tree: for the paths of many of its leaves.
#[derive(Clone, Debug)]
pub struct Tree {
    /// The leaves, and what is above them, up to the root.
    levels: Vec<Vec<Hash>>,
}

impl Tree {
    /// Of these leaves.
    pub fn new(leaves: Vec<Hash>) -> Self {
        let mut levels = vec![leaves];
        while let Some(above) = levels.last().filter(|level| level.len() > 1).map(|level| above(level)) {
            levels.push(above);
        }
        Self { levels }
    }

    /// What [`path`] gives.
    pub fn path(&self, index: usize) -> Option<Vec<Option<Hash>>> {
        self.levels.first()?.get(index)?;
        let below_root = self.levels.iter().filter(|level| level.len() > 1).enumerate();
        Some(below_root.map(|(depth, level)| level.get(index >> depth ^ 1).copied()).collect())
    }
}

/// The root to which a path leads from the leaf at `index`; `None` if no tree has such a path.
pub fn root_of(leaf: Hash, mut index: u64, path: &[Option<Hash>]) -> Option<Hash> {
    let mut node_above = leaf;
    for partner in path {
        let is_right = index % 2 == 1;
        node_above = match partner {
            Some(partner) if is_right => node(partner, &node_above),
            Some(partner) => node(&node_above, partner),
            None if is_right => return None,
            None => node_above,
        };
        index /= 2;
    }
    (index == 0).then_some(node_above)
}

fn above(level: &[Hash]) -> Vec<Hash> {
    let pairs = level.chunks(2).map(|pair| match pair {
        [left, right] => node(left, right),
        lone => lone[0],
    });
    pairs.collect()
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
    fn each_leaf_s_path_leads_to_the_root_and_no_other_does() {
        for count in 1usize..=33 {
            let leaves: Vec<Hash> = (0..count).map(|n| leaf(&n.to_le_bytes())).collect();
            let tree = Tree::new(leaves.clone());
            for index in 0..count {
                let path = path(leaves.clone(), index).unwrap();
                assert_eq!(tree.path(index).as_ref(), Some(&path));
                let of = |leaf, at: usize| root_of(leaf, at as u64, &path);
                assert_eq!(of(leaves[index], index), Some(root(leaves.clone())), "leaf {index} of {count}");
                assert_ne!(of(leaf(b"other"), index), Some(root(leaves.clone())));
                for other in (0..2 * count + 2).filter(|other| *other != index) {
                    assert_ne!(of(leaves[index], other), Some(root(leaves.clone())), "{index} of {count} as {other}");
                }
            }
            assert_eq!((path(leaves, count), tree.path(count)), (None, None));
        }
    }

    #[test]
    fn an_inner_node_is_not_accepted_as_a_leaf() {
        let (a, b) = (leaf(b"a"), leaf(b"b"));
        let mut bytes = a.0.to_vec();
        bytes.extend_from_slice(&b.0);
        assert_ne!(root(vec![a, b]), leaf(&bytes));
    }
}
