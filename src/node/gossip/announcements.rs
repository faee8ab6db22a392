//! What is to be announced, gathered for a moment: a frame, and the message that seals it, cost more than a short id.

use std::{sync::Arc, time::Duration};

use super::salts::OwnIds;
use crate::{
    base::{
        limits::{ANNOUNCE_AFTER, ANNOUNCE_BATCH},
        rng::Rng,
        time::Time,
    },
    chain::block::HashedTransaction,
};

/// Transactions of which peers are to be told together.
#[derive(Debug, Default)]
pub(super) struct Announcements {
    transactions: Vec<Announcement>,
    /// When it is time; `None`: there is nothing to tell.
    due: Option<Time>,
}

/// One of them.
#[derive(Debug)]
pub(super) struct Announcement {
    pub(super) transaction: Arc<HashedTransaction>,
    /// How peers may have named it to this node.
    pub(super) ids: OwnIds,
    /// It came from this node's user.
    pub(super) is_own: bool,
}

impl Announcements {
    /// Adds a transaction; [`Announcements::gather`] follows.
    pub(super) fn push(&mut self, announcement: Announcement) {
        self.transactions.push(announcement);
    }

    /// There is something to tell: sets the time for it, if none is set.
    pub(super) fn gather(&mut self, now: Time, rng: &mut Rng) {
        if self.transactions.len() >= ANNOUNCE_BATCH {
            self.due = Some(now);
        } else if self.due.is_none() {
            let (least, most) = ANNOUNCE_AFTER;
            self.due = Some(now + Duration::from_millis(rng.between(millis(least), millis(most))));
        }
    }

    /// When it is time.
    pub(super) fn due(&self) -> Option<Time> {
        self.due
    }

    /// Takes everything.
    pub(super) fn take(&mut self) -> Vec<Announcement> {
        std::mem::take(self).transactions
    }
}

fn millis(time: Duration) -> u64 {
    u64::try_from(time.as_millis()).unwrap_or(u64::MAX)
}
