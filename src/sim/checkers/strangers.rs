//! An address that answers something else than the protocol is dialled less and less, also if the operator gave it.

use crate::{
    base::ids::LinkId,
    node::{CloseReason, PeerFault},
    sim::world::World,
};

impl World {
    /// A link, or a dial, of a node to `other` has ended.
    pub(super) fn note_stranger(&mut self, node: usize, other: usize, garbage: bool) {
        let now = self.now;
        if !self.options.stranger_numbers().contains(&other) {
            return;
        }
        let Some(life) = &mut self.nodes[node].life else { return };
        let strange = life.watch.strange.entry(other).or_default();
        let seconds = now.since(*strange.since.get_or_insert(now)).as_secs();
        let count = if garbage { &mut strange.answered } else { &mut strange.otherwise };
        *count += 1;
        // The waits are at least 1, 2, 4 … seconds.
        let most = (1 + strange.otherwise) * (2 + (seconds + 1).ilog2());
        let answered = strange.answered;
        if answered > most {
            let what = format!("dialled {answered} times within {seconds} s what is no node: {most} times are enough");
            self.fail("strangers", Some(node), what);
        }
    }

    /// A node's link has ended.
    pub(super) fn note_ended(&mut self, node: usize, link: LinkId, reason: &CloseReason) {
        if let Some(other) = self.end_of(node, link, 1).map(|end| end.node) {
            let garbage = matches!(reason, CloseReason::Fault(PeerFault::Unexpected(_) | PeerFault::Frame(_)));
            self.note_stranger(node, other, garbage);
        }
    }
}
