//! What one peer is to be told of, until something else goes to it, or until a frame of its own is worth its bytes.

use super::announcements::{Announcement, drawn};
use crate::base::{
    limits::{ANNOUNCE_ENOUGH, ANNOUNCE_PAUSE},
    rng::Rng,
    time::Time,
};

/// Announcements for one peer.
#[derive(Debug, Default)]
pub(super) struct Untold {
    list: Vec<Announcement>,
    /// When they may go alone.
    due: Time,
}

impl Untold {
    pub(super) fn push(&mut self, announcement: Announcement) {
        self.list.push(announcement);
    }

    pub(super) fn is_empty(&self) -> bool {
        self.list.is_empty()
    }

    /// Whether they are not to wait: they are so many that nothing is won by it, or nobody else can tell of one of them.
    pub(super) fn is_urgent(&self) -> bool {
        self.list.len() >= ANNOUNCE_ENOUGH || self.list.iter().any(|announcement| announcement.is_own)
    }

    /// When they are to go, whatever else does.
    pub(super) fn due(&self) -> Time {
        self.due
    }

    pub(super) fn take(&mut self) -> Vec<Announcement> {
        std::mem::take(&mut self.list)
    }

    /// The peer was told of something: for a while, the next waits for company.
    pub(super) fn told(&mut self, now: Time, rng: &mut Rng) {
        self.due = now + drawn(ANNOUNCE_PAUSE, rng);
    }
}
