//! A pause after a large step of the clock, until `headers` has judged it: one block of a wrong time may strand the chain.

use crate::base::{
    limits::{CLOCK_LOOK, CLOCK_STEP_SECONDS},
    time::{Now, Time},
};

/// Watches wall time against monotonic time.
#[derive(Debug, Default)]
pub(super) struct StepPause {
    /// Wall time minus monotonic time, seconds, at the last look.
    difference: Option<i64>,
    until: Option<Time>,
}

impl StepPause {
    /// Looks at the clock; whether the pause holds.
    pub(super) fn look(&mut self, now: Now) -> bool {
        let difference = now.unix.0.cast_signed().saturating_sub((now.mono.0 / 1_000_000).cast_signed());
        let step = difference.saturating_sub(self.difference.replace(difference).unwrap_or(difference));
        if step > CLOCK_STEP_SECONDS {
            // `headers` looks once in `CLOCK_LOOK`; the other half is for its notice to arrive.
            self.until = Some(now.mono + CLOCK_LOOK * 2);
        }
        self.until = self.until.filter(|until| now.mono < *until);
        self.holds()
    }

    /// Whether the pause held at the last look.
    pub(super) fn holds(&self) -> bool {
        self.until.is_some()
    }

    /// When it ends.
    pub(super) fn deadline(&self) -> Option<Time> {
        self.until
    }
}
