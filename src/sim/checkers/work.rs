//! A committed tip gives way only to one with more work: first seen wins ties. The last block of a set of authorities may
//! have been notarised again.

use crate::{chain::archive::Tip, sim::world::World};

impl World {
    /// A node tells of its tip.
    pub(in crate::sim) fn check_work(&mut self, node: usize, tip: &Tip) {
        let old = self.nodes[node].view.tip.clone();
        let may_be_again = self.spec.authorities.is_last_of_set(tip.height);
        if let Some(old) = old.filter(|old| old.hash != tip.hash && old.work >= tip.work && !may_be_again) {
            let what = format!("leaves {:?} of work {:?} for {:?} of {:?}", old.hash, old.work, tip.hash, tip.work);
            self.fail("work", Some(node), what);
        }
    }
}
