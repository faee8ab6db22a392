//! Transactions that wait for the verifier: a short queue for each source, served in turn.

use std::{
    collections::{BTreeMap, VecDeque},
    ops::Bound,
    sync::Arc,
};

use crate::{
    base::{
        ids::LinkId,
        limits::{VERIFY_BATCH, VERIFY_BATCH_BYTES, VERIFY_QUEUE, VERIFY_QUEUE_BYTES, VERIFY_QUEUE_PER_PEER},
    },
    chain::block::HashedTransaction,
    node::Origin,
};

/// One transaction.
#[derive(Clone, Debug)]
pub(super) struct Item {
    /// A peer or a command.
    pub(super) origin: Origin,
    /// The transaction.
    pub(super) transaction: Arc<HashedTransaction>,
    /// Whether others in the mempool may leave for it.
    pub(super) replace: bool,
}

/// All that wait. A flood fills its sender's own queue; others lose at most a turn to it.
#[derive(Debug, Default)]
pub(super) struct Queue {
    /// By peer; `None`: all commands together. Never an empty queue.
    waiting: BTreeMap<Option<LinkId>, VecDeque<Item>>,
    items: usize,
    bytes: usize,
    /// Whose turn was the last.
    last: Option<LinkId>,
}

impl Queue {
    /// Queues a transaction; `false` if there is no room for it.
    pub(super) fn push(&mut self, item: Item) -> bool {
        let source = item.origin.link();
        let bytes = item.transaction.size;
        let of_source = self.waiting.get(&source).map_or(0, VecDeque::len);
        let no_room = self.items >= VERIFY_QUEUE || self.bytes.saturating_add(bytes) > VERIFY_QUEUE_BYTES;
        if no_room || (source.is_some() && of_source >= VERIFY_QUEUE_PER_PEER) {
            return false;
        }
        self.items += 1;
        self.bytes += bytes;
        self.waiting.entry(source).or_default().push_back(item);
        true
    }

    /// Whether half of it is free.
    pub(super) fn has_room(&self) -> bool {
        self.items < VERIFY_QUEUE / 2 && self.bytes < VERIFY_QUEUE_BYTES / 2
    }

    /// Whether nothing waits.
    pub(super) fn is_empty(&self) -> bool {
        self.items == 0
    }

    /// Whether a whole batch waits.
    pub(super) fn has_batch(&self) -> bool {
        self.items >= VERIFY_BATCH || self.bytes >= VERIFY_BATCH_BYTES
    }

    /// Takes the next batch: one from each source in turn.
    pub(super) fn batch(&mut self) -> Vec<Item> {
        let (mut batch, mut bytes) = (Vec::new(), 0usize);
        while batch.len() < VERIFY_BATCH && bytes < VERIFY_BATCH_BYTES {
            let Some(item) = self.pop() else { break };
            bytes = bytes.saturating_add(item.transaction.size);
            batch.push(item);
        }
        batch
    }

    /// Drops what a peer sent; what it was.
    pub(super) fn forget(&mut self, link: LinkId) -> Vec<Item> {
        let items: Vec<Item> = self.waiting.remove(&Some(link)).unwrap_or_default().into();
        items.iter().for_each(|item| self.took(item));
        items
    }

    fn pop(&mut self) -> Option<Item> {
        let later = self.waiting.range((Bound::Excluded(self.last), Bound::Unbounded)).next();
        let source = *later.or_else(|| self.waiting.iter().next())?.0;
        self.last = source;
        let queue = self.waiting.get_mut(&source)?;
        let item = queue.pop_front();
        if queue.is_empty() {
            self.waiting.remove(&source);
        }
        item.inspect(|item| self.took(item))
    }

    fn took(&mut self, item: &Item) {
        self.items = self.items.saturating_sub(1);
        self.bytes = self.bytes.saturating_sub(item.transaction.size);
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{
        base::ids::Ticket,
        chain::{key::SecretKey, testkit},
    };

    fn item(origin: Origin, bytes: usize) -> Item {
        let transaction = testkit::coinbase(1, SecretKey::well_known(0).address(), 5, b"");
        let hashed = HashedTransaction { size: bytes, ..HashedTransaction::new(transaction) };
        Item { origin, transaction: Arc::new(hashed), replace: true }
    }

    fn from(link: u64) -> Item {
        item(Origin::Link(LinkId(link)), 100)
    }

    #[test]
    fn sources_are_served_in_turn() {
        let mut queue = Queue::default();
        (0..5).for_each(|_| assert!(queue.push(from(1))));
        assert!(queue.push(from(2)) && queue.push(item(Origin::Command(Ticket(1)), 100)) && queue.push(from(3)));
        let order: Vec<Option<u64>> = queue.batch().iter().map(|item| item.origin.link().map(|link| link.0)).collect();
        assert_eq!(order, [Some(1), Some(2), Some(3), None, Some(1), Some(1), Some(1), Some(1)]);
        assert_eq!((queue.items, queue.bytes), (0, 0));
    }

    #[test]
    fn one_peer_cannot_fill_the_queue_and_the_queue_has_an_end() {
        let mut queue = Queue::default();
        let mut taken = 0;
        while queue.push(from(1)) {
            taken += 1;
        }
        assert_eq!(taken, VERIFY_QUEUE_PER_PEER);
        assert!(queue.push(from(2)));
        let all = (3..100).flat_map(|link| (0..VERIFY_QUEUE_PER_PEER).map(move |_| link));
        assert_eq!(all.filter(|link| queue.push(from(*link))).count() + taken + 1, VERIFY_QUEUE);
        assert!(!queue.push(item(Origin::Command(Ticket(1)), 1)));
        assert_eq!(queue.forget(LinkId(1)).len(), VERIFY_QUEUE_PER_PEER);
        assert!(queue.push(item(Origin::Command(Ticket(1)), 1)));
    }

    #[test]
    fn bytes_are_bounded_too() {
        let mut queue = Queue::default();
        let large = 16 * 1024;
        let links = (0..1000).filter(|link| queue.push(item(Origin::Link(LinkId(*link)), large)));
        assert_eq!(links.count(), VERIFY_QUEUE_BYTES / large);
        assert_eq!(queue.batch().len(), VERIFY_BATCH_BYTES / large);
    }
}
