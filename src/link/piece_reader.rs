//! How fast the peer of a link takes pieces of snapshots.

use crate::base::{limits, time::Time};

/// The part of the send budget that pieces may fill: eight of them.
pub(super) const PIECES_PART: usize = 4;

/// How a link takes pieces.
#[derive(Debug, Default)]
pub(super) struct PieceReader {
    /// It has taken a whole one. A peer that only wants to hold the pool does not.
    pub(super) has_taken: bool,
    /// Bytes that it took since it has the lease.
    taken: usize,
    /// When its pace was last looked at, and how many these were then.
    mark: Option<(Time, usize)>,
}

impl PieceReader {
    /// The link has a lease from now on.
    pub(super) fn begin(&mut self) {
        (self.taken, self.mark) = (0, None);
    }

    /// What it has the lease for is as good as sent.
    pub(super) fn end(&mut self) {
        self.has_taken |= self.taken > limits::SEND_CROWDED_BYTES;
    }

    /// The link's peer has taken so many bytes.
    pub(super) fn took(&mut self, bytes: usize) {
        self.taken = self.taken.saturating_add(bytes);
    }

    /// Whether it takes less than `least` bytes a second. That is known after a while.
    pub(super) fn dawdles(&mut self, now: Time, least: u64) -> bool {
        let Some((since, before)) = self.mark else {
            self.mark = Some((now, self.taken));
            return false;
        };
        let time = now.since(since);
        if time < limits::LEASE_GRACE {
            return false;
        }
        self.mark = Some((now, self.taken));
        let millis = u64::try_from(time.as_millis()).unwrap_or(u64::MAX);
        (self.taken.saturating_sub(before) as u64).saturating_mul(1000) < least.saturating_mul(millis)
    }
}
