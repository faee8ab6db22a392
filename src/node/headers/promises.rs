//! What a peer has promised: it has the bodies up to each header that it sent in a `Sync`.

use std::collections::VecDeque;

use crate::base::{hash::Hash, time::Time};

/// Promises of one peer that are remembered. To break an older one costs nothing.
const MAX_PROMISES: usize = 8;

/// The last header of each of the last `Sync` messages, oldest first, and when it came.
#[derive(Debug, Default)]
pub(super) struct Promises {
    list: VecDeque<(Hash, Time)>,
}

impl Promises {
    pub(super) fn add(&mut self, now: Time, last: Hash) {
        if self.list.len() == MAX_PROMISES {
            self.list.pop_front();
        }
        self.list.push_back((last, now));
    }

    /// Those that had come by then.
    pub(super) fn by(&self, time: Time) -> impl Iterator<Item = &Hash> {
        self.list.iter().filter(move |(_, since)| *since <= time).map(|(last, _)| last)
    }
}
