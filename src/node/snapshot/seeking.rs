//! When a join to which nothing comes has further peers looked for.

use std::time::Duration;

use crate::base::{
    limits::{HISTORY_DIAL_FIRST, HISTORY_DIAL_MOST, SNAPSHOT_SOUGHT_AFTER},
    time::Time,
};

/// Whether further peers are looked for.
#[derive(Debug, Default)]
pub(super) struct Seeking {
    /// Since when the join has come no nearer to its end; `None`: no snapshot is wanted.
    since: Option<Time>,
    /// The most buckets that were right at once, of whichever snapshot. What was proven before and is proven again is no progress.
    right: usize,
    /// When the next peer makes room; `None`: nobody is looked for.
    next: Option<Time>,
    wait: Duration,
    /// When it was last said which peers give nothing.
    pub(super) told: Time,
}

impl Seeking {
    /// When there is something to do.
    pub(super) fn deadline(&self) -> Option<Time> {
        self.next.or(self.since.map(|since| since + SNAPSHOT_SOUGHT_AFTER))
    }

    /// Whether further peers are looked for.
    pub(super) fn is_on(&self) -> bool {
        self.next.is_some()
    }

    /// Whether peers are lacking, if that is to be said now. `right`: how many buckets are right, if a snapshot is wanted.
    pub(super) fn look(&mut self, now: Time, right: Option<usize>) -> Option<bool> {
        if right.is_none_or(|right| right > self.right) {
            self.right = right.unwrap_or(self.right);
            self.since = right.map(|_| now);
            return self.next.take().map(|_| false);
        }
        let since = *self.since.get_or_insert(now);
        if now < self.next.unwrap_or(since + SNAPSHOT_SOUGHT_AFTER) {
            return None;
        }
        let wait = if self.next.is_none() { HISTORY_DIAL_FIRST } else { self.wait * 2 };
        self.wait = wait.min(HISTORY_DIAL_MOST);
        self.next = Some(now + self.wait);
        Some(true)
    }
}
