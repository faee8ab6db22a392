//! A committed tip gives way only to one with more work: first seen wins ties.

use crate::{chain::archive::Tip, sim::world::World};

impl World {
    /// A node tells of its tip.
    pub(in crate::sim) fn check_work(&mut self, node: usize, tip: &Tip) {
        let old = self.nodes[node].view.tip.clone();
        if let Some(old) = old.filter(|old| old.hash != tip.hash && old.work >= tip.work) {
            let what = format!("leaves {:?} of work {:?} for {:?} of {:?}", old.hash, old.work, tip.hash, tip.work);
            self.fail("work", Some(node), what);
        }
    }
}
