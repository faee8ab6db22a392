//! Whether large frames go on arriving.

use std::time::Duration;

use crate::base::{
    limits::{MAX_BLOCK_MESSAGE_BYTES, PARTIAL_BLOCK},
    time::Time,
};

/// The time over which it is seen whether a large frame goes on arriving.
const LOOK: Duration = Duration::from_secs(1);
/// Bytes a second at which it does: the largest block just meets its deadline.
const LEAST_RATE: u64 = MAX_BLOCK_MESSAGE_BYTES as u64 / PARTIAL_BLOCK.as_secs();

/// Bytes of large frames since a moment.
#[derive(Debug, Default)]
pub(super) struct Bringing {
    since: Option<Time>,
    bytes: u64,
}

impl Bringing {
    /// Counts bytes of a large frame. Returns whether such frames have gone on arriving since the last time that it did.
    pub(super) fn note(&mut self, now: Time, bytes: usize) -> bool {
        let since = *self.since.get_or_insert(now);
        self.bytes = self.bytes.saturating_add(bytes as u64);
        let time = now.since(since);
        if time < LOOK {
            return false;
        }
        let millis = u64::try_from(time.as_millis()).unwrap_or(u64::MAX);
        let goes_on = self.bytes.saturating_mul(1000) >= LEAST_RATE.saturating_mul(millis);
        *self = Self { since: Some(now), bytes: 0 };
        goes_on
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_frame_goes_on_arriving_while_it_can_be_whole_in_time() {
        let told = |bytes: usize| {
            let mut bringing = Bringing::default();
            let each_100_ms = |at: u64| bringing.note(Time(at * 100_000), bytes);
            (0..=100).map(each_100_ms).filter(|goes_on| *goes_on).count()
        };
        let enough = usize::try_from(LEAST_RATE / 10).unwrap() + 1;
        assert_eq!((told(enough), told(enough * 9 / 10), told(5000)), (10, 0, 10));
    }

    #[test]
    fn a_pause_counts_as_slowness() {
        let mut bringing = Bringing::default();
        assert!(!bringing.note(Time(0), 100_000));
        assert!(!bringing.note(Time(30_000_000), 1000));
        assert!(bringing.note(Time(31_000_000), 20_000));
    }
}
