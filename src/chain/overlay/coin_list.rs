//! Items by coin key, in the order of keys, in lists without gaps, so that many changes fit into the overlay.

use crate::{
    base::hash::Hash,
    chain::{coin_key::CoinKey, transaction::OutPoint},
};

use super::{ordered_table::OrderedTable, slab::Slab};

/// Instead of a number: the end of a list.
const NONE: u32 = u32::MAX;
/// Keys that an iteration looks up together.
const AHEAD: usize = 16;

/// A sorted map from coin keys to items.
#[derive(Debug)]
pub(super) struct CoinList<T> {
    /// Number of the first node of each order. Further nodes of the same order follow in a list: practically never any.
    firsts: OrderedTable<u32>,
    nodes: Slab<Node<T>>,
}

#[derive(Debug)]
struct Node<T> {
    txid: Hash,
    index: u32,
    /// Number of the node with the next larger outpoint of the same order, or [`NONE`].
    next: u32,
    item: T,
}

impl<T> Node<T> {
    fn outpoint(&self) -> OutPoint {
        OutPoint { txid: self.txid, index: self.index }
    }
}

/// Where a key is, or belongs.
struct ListPosition {
    /// Number of the node before it, or [`NONE`].
    before: u32,
    /// Number of the node at or behind it, or [`NONE`].
    at: u32,
    /// Whether that node has this key.
    found: bool,
}

impl<T> CoinList<T> {
    /// An empty list for keys whose orders have `common` leading bits in common.
    pub(super) fn new(common: u32) -> Self {
        Self { firsts: OrderedTable::new(common), nodes: Slab::default() }
    }

    /// Whether there are none.
    pub(super) fn is_empty(&self) -> bool {
        self.firsts.is_empty()
    }

    /// Bytes that all lists take.
    pub(super) fn bytes(&self) -> usize {
        self.firsts.bytes() + self.nodes.bytes()
    }

    /// The item of a key.
    pub(super) fn get(&self, key: &CoinKey) -> Option<&T> {
        let position = self.position(key);
        position.found.then(|| &self.nodes.at(position.at).item)
    }

    /// Adds an item, or replaces that of the same key.
    pub(super) fn insert(&mut self, key: &CoinKey, item: T) {
        let ListPosition { before, at, found } = self.position(key);
        if found {
            self.nodes.at_mut(at).item = item;
            return;
        }
        let OutPoint { txid, index } = key.outpoint;
        let number = self.nodes.put(Node { txid, index, next: at, item });
        match before {
            NONE => self.firsts.insert(key.order, number),
            before => self.nodes.at_mut(before).next = number,
        }
    }

    /// Removes an item. Returns whether it was here.
    pub(super) fn remove(&mut self, key: &CoinKey) -> bool {
        let ListPosition { before, at, found } = self.position(key);
        if !found {
            return false;
        }
        let next = self.nodes.at(at).next;
        self.nodes.give_back(at);
        match (before, next) {
            (NONE, NONE) => self.firsts.remove(key.order),
            (NONE, next) => self.firsts.insert(key.order, next),
            (before, next) => self.nodes.at_mut(before).next = next,
        }
        true
    }

    /// All items in the order of their keys.
    pub(super) fn iter(&self) -> impl Iterator<Item = (CoinKey, &T)> {
        Iter { firsts: self.firsts.iter(), nodes: &self.nodes, heads: Vec::with_capacity(AHEAD), ready: Vec::new() }
    }

    /// Forgets all of them.
    pub(super) fn clear(&mut self) {
        self.firsts.clear();
        self.nodes = Slab::default();
    }

    fn position(&self, key: &CoinKey) -> ListPosition {
        let (mut before, mut at) = (NONE, self.firsts.get(key.order).unwrap_or(NONE));
        while at != NONE {
            let node = self.nodes.at(at);
            let outpoint = node.outpoint();
            if outpoint >= key.outpoint {
                return ListPosition { before, at, found: outpoint == key.outpoint };
            }
            (before, at) = (at, node.next);
        }
        ListPosition { before, at, found: false }
    }
}

/// The items of a list, in order.
struct Iter<'a, T, F> {
    firsts: F,
    nodes: &'a Slab<Node<T>>,
    /// The next keys, each with its node.
    heads: Vec<(u64, &'a Node<T>)>,
    /// The nodes of these keys, the next one last.
    ready: Vec<(u64, &'a Node<T>)>,
}

impl<T, F: Iterator<Item = (u64, u32)>> Iter<'_, T, F> {
    /// Loads the next nodes, which lie anywhere in memory. Looking up several at once lets the processor wait for several
    /// cache misses at once.
    fn look_ahead(&mut self) {
        let nodes = self.nodes;
        self.heads.clear();
        self.heads.extend(self.firsts.by_ref().take(AHEAD).map(|(order, first)| (order, nodes.at(first))));
        for (order, first) in self.heads.iter().rev() {
            let start = self.ready.len();
            let mut node = *first;
            self.ready.push((*order, node));
            while node.next != NONE {
                node = nodes.at(node.next);
                self.ready.push((*order, node));
            }
            self.ready[start..].reverse();
        }
    }
}

impl<'a, T, F: Iterator<Item = (u64, u32)>> Iterator for Iter<'a, T, F> {
    type Item = (CoinKey, &'a T);

    fn next(&mut self) -> Option<Self::Item> {
        if self.ready.is_empty() {
            self.look_ahead();
        }
        self.ready.pop().map(|(order, node)| (CoinKey { order, outpoint: node.outpoint() }, &node.item))
    }
}
