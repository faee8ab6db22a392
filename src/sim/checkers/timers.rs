//! No timer is lost: a role that is woken before its deadline has nothing to do. If it has, its deadline was too late, and
//! only the next event from elsewhere would have made up for it.

use std::time::Duration;

use crate::{
    base::limits::GET_SYNC_POLL,
    node::{Event, Outbox},
    sim::world::World,
};

/// How often a role is woken too early when its node has come to rest, parts per million.
const EARLY_PPM: u64 = 5_000;
/// Deadlines so near may have come by the role's own clock.
const NEAR: Duration = Duration::from_millis(1);

impl World {
    /// Wakes one of the roles of a node at rest, now and then.
    pub(in crate::sim) fn check_timers(&mut self, node: usize) {
        if self.survey.is_some() || !self.is_honest(node) || !self.step_rng.chance(EARLY_PPM) {
            return;
        }
        let there = &mut self.nodes[node];
        // No timer tells of a wall clock that is set. What it makes due waits for the role's next event.
        if there.clock.set_at().is_some_and(|at| self.now.since(at) < GET_SYNC_POLL) {
            return;
        }
        let Some(life) = &mut there.life else { return };
        let Some((slot, role)) = life.at_rest(self.now, NEAR, &mut self.step_rng) else { return };
        self.trace.note(self.now, node, role, &Event::Wake);
        let mut out = Outbox::default();
        life.role(slot).hear(there.clock.read(self.now), Event::Wake, &mut out);
        life.stepped(slot, &there.clock, self.now);
        if let Some(action) = out.drain().next() {
            let what = format!("{} was woken too early and yet does {action:?}", role.name());
            self.fail("timers", Some(node), what);
        }
    }
}
