//! How many calls were answered, and how long they took.

use std::{collections::BTreeMap, time::Duration};

use crate::rpc::histogram::Histogram;

/// Bounds of the histogram of seconds that calls take.
const CALL_SECONDS: [f64; 8] = [0.0005, 0.001, 0.0025, 0.01, 0.05, 0.25, 1.0, 10.0];

/// Calls answered.
pub struct CallStats {
    /// By method and error code (0: none).
    calls: BTreeMap<(&'static str, i32), u64>,
    /// How long they took, those left out that wait for something to happen.
    seconds: Histogram,
}

impl Default for CallStats {
    fn default() -> Self {
        Self { calls: BTreeMap::new(), seconds: Histogram::new(&CALL_SECONDS) }
    }
}

impl CallStats {
    /// Counts a call.
    pub fn note(&mut self, method: &'static str, code: i32, time: Duration) {
        *self.calls.entry((method, code)).or_default() += 1;
        if !method.starts_with("wait") && method != "events" {
            self.seconds.observe(time.as_secs_f64());
        }
    }

    /// How many calls were answered, by method and error code.
    pub fn counts(&self) -> impl Iterator<Item = (&(&'static str, i32), &u64)> {
        self.calls.iter()
    }

    /// How long calls took.
    pub fn seconds(&self) -> &Histogram {
        &self.seconds
    }
}
