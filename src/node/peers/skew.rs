//! Whether this host's clock agrees with those of the peers that we chose. Nothing is set by it: whoever dials us could
//! shift it. But an operator whose clock is wrong should hear of it before the blocks do.

use super::Peers;
use crate::{
    base::limits::{CLOCK_OFFSET_SECONDS, CLOCK_SAMPLES},
    node::{Outbox, report::Report},
};

/// Identifies the warning.
const KEY: &str = "clock";

impl Peers {
    /// Warns, or takes the warning back, when the outbound peers have changed.
    pub(super) fn compare_clocks(&mut self, out: &mut Outbox) {
        let ours = self.links.peers().filter(|(_, link, _)| !link.direction.is_inbound());
        let offset = median(ours.map(|(_, _, peer)| peer.info.clock_offset).collect());
        let wrong = offset.filter(|offset| offset.unsigned_abs() > CLOCK_OFFSET_SECONDS);
        // Told once, and not again with each small change of the median.
        if wrong.is_some() == self.clock_warned {
            return;
        }
        self.clock_warned = wrong.is_some();
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
