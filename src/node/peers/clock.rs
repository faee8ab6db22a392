//! Compares this host's clock with those of outbound peers, and warns the operator. The clock is never set by peers,
//! who could shift it.

use super::links::Links;
use crate::{
    base::limits::{CLOCK_OFFSET_SECONDS, CLOCK_SAMPLES},
    node::{Outbox, report::Report},
};

/// Identifies the warning.
const KEY: &str = "clock";

/// Compares clocks.
#[derive(Debug, Default)]
pub(super) struct ClockWatch {
    /// The operator was told that the clock is wrong.
    warned: bool,
}

impl ClockWatch {
    /// Warns, or takes the warning back, when the outbound peers have changed.
    pub(super) fn compare(&mut self, links: &Links, out: &mut Outbox) {
        let offset = median(links.outbound_peers().map(|(_, _, peer)| peer.info().clock_offset).collect());
        let wrong = offset.filter(|offset| offset.unsigned_abs() > CLOCK_OFFSET_SECONDS);
        // Told once, and not again with each small change of the median.
        if wrong.is_some() == self.warned {
            return;
        }
        self.warned = wrong.is_some();
        let text = wrong.map(|offset| {
            let way = if offset > 0 { "behind" } else { "ahead of" };
            format!("this host's clock is {} s {way} that of its peers (median): check it", offset.unsigned_abs())
        });
        if let Some(text) = &text {
            log::warn!("{text}");
        }
        out.report(Report::Warning { key: KEY, text });
    }
}

/// The middle one; `None` if there are too few.
fn median(mut offsets: Vec<i64>) -> Option<i64> {
    offsets.sort_unstable();
    (offsets.len() >= CLOCK_SAMPLES).then(|| offsets.get(offsets.len() / 2).copied()).flatten()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_median_needs_enough_samples() {
        assert_eq!(median(vec![5; CLOCK_SAMPLES - 1]), None);
        assert_eq!(median([vec![-900, 900], vec![7; CLOCK_SAMPLES]].concat()), Some(7));
    }
}
