//! What is to be announced, gathered for a moment: a frame, and the message that seals it, cost more than a short id.

use std::{collections::VecDeque, sync::Arc, time::Duration};

use super::salts::OwnIds;
use crate::{
    base::{
        limits::{ANNOUNCE_AFTER, ANNOUNCE_BATCH, ANNOUNCE_LATER},
        rng::Rng,
        time::Time,
    },
    chain::block::HashedTransaction,
    wire::short_id::ShortId,
};

/// Transactions of which peers are to be told together.
#[derive(Debug, Default)]
pub(super) struct Announcements {
    transactions: Vec<Announcement>,
    /// When it is time; `None`: there is nothing to tell.
    due: Option<Time>,
    /// What was told to some, and when it is told to the others, if they have not spoken by then.
    later: VecDeque<(Time, Announcement)>,
}

/// One of them.
#[derive(Clone, Debug)]
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
            self.due = Some(now + drawn(ANNOUNCE_AFTER, rng));
        }
    }

    /// When the next ones are to be told.
    pub(super) fn due(&self) -> Option<Time> {
        self.due.into_iter().chain(self.later.front().map(|(due, _)| *due)).min()
    }

    /// Takes what is to be told now, for the first time.
    pub(super) fn take(&mut self, now: Time) -> Vec<Announcement> {
        if self.due.take_if(|due| *due <= now).is_some() { std::mem::take(&mut self.transactions) } else { Vec::new() }
    }

    /// Takes what is to be told now to those who have heard nothing.
    pub(super) fn take_later(&mut self, now: Time) -> Vec<Announcement> {
        let count = self.later.iter().take_while(|(due, _)| *due <= now).count();
        self.later.drain(..count).map(|(_, announcement)| announcement).collect()
    }

    /// Some peers are to be told of this later.
    pub(super) fn put_off(&mut self, announcement: Announcement, now: Time) {
        self.later.push_back((now + ANNOUNCE_LATER, announcement));
    }
}

impl Announcement {
    /// Whether this node tells a peer that names the transaction so at once. Two nodes that both have it come to opposite
    /// answers, so that mostly one of them speaks; and a node comes to another answer for each peer.
    pub(super) fn is_first(&self, theirs: ShortId) -> bool {
        let (ours, theirs) = (self.ids.current.0, theirs.0);
        let factor = (ours ^ theirs) | 1;
        self.is_own || theirs.wrapping_mul(factor) < ours.wrapping_mul(factor)
    }
}

/// A time between these two.
pub(super) fn drawn((least, most): (Duration, Duration), rng: &mut Rng) -> Duration {
    Duration::from_millis(rng.between(millis(least), millis(most)))
}

fn millis(time: Duration) -> u64 {
    u64::try_from(time.as_millis()).unwrap_or(u64::MAX)
}
