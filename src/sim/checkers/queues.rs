//! No queue of notices grows beyond its limit: the protocol's windows keep them short, and in production a role that waits
//! too long for another role's queue stops the node.

use crate::{base::limits, node::RoleId, sim::world::World};

impl World {
    /// So many notices wait for a role.
    pub(in crate::sim) fn check_queue(&mut self, node: usize, role: RoleId, waiting: usize) {
        if waiting > limits::NOTICE_QUEUE {
            self.fail("queues", Some(node), format!("{waiting} notices wait for {}", role.name()));
        }
    }
}
