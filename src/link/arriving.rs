//! How a large frame arrives: its deadline, its pace, and what others hear of it.

use crate::{
    base::{limits, time::Time},
    link::{Config, link::Link},
};

impl Link {
    /// Bytes have arrived. Returns whether `headers` and `fetch` have to hear that the peer is busy with a large frame: what it was asked
    /// since comes behind that.
    pub(super) fn goes_on_bringing(&mut self, now: Time, bytes: usize, lease_free_bytes: usize) -> bool {
        let is_large = self.up && self.framer.reader().body_len().is_some_and(|length| length > lease_free_bytes);
        is_large && self.ends.is_none() && self.bringing.note(now, bytes)
    }

    pub(super) fn frame_deadline(&self, config: &Config) -> Option<Time> {
        if self.held_since.is_some() {
            return None;
        }
        let large = self.framer.reader().body_len().is_some_and(|length| length > config.lease_free_bytes);
        self.frame_since.map(|since| since + if large { config.partial_block } else { config.partial_frame })
    }

    /// Whether the large frame arrives too slowly for a lease that others wait for. Its pace is measured since an earlier
    /// look, so that a peer that sends all but the last byte at once cannot hold the lease longer than one that sends
    /// nothing.
    pub(super) fn dawdles(&mut self, now: Time, min_rate: u64) -> bool {
        if self.held_since.is_some() || self.ends.is_some() || self.frame_since.is_none() {
            return false;
        }
        let Some(length) = self.framer.reader().body_len() else { return false };
        let arrived = length.saturating_sub(self.framer.reader().wanted());
        let Some((since, before)) = self.mark else {
            self.mark = Some((now, arrived));
            return false;
        };
        let time = now.since(since);
        if time < limits::LEASE_GRACE {
            return false;
        }
        self.mark = Some((now, arrived));
        (arrived - before) as u64 * 1000 < min_rate * u64::try_from(time.as_millis()).unwrap_or(u64::MAX)
    }
}
