//! Every request has exactly one completion. A dial id that is used twice, a dial that ends twice or never, a command that
//! is answered twice or never, and a `GetBlock` without `Block` or `Absent` are complaints.

use std::time::Duration;

use crate::{
    base::{ids::LinkId, time::Time},
    node::LinkAction,
    sim::world::World,
};

/// How long a command may take, in a network that may be down.
const PATIENCE: Duration = Duration::from_secs(60);
impl World {
    /// A role wants something of the network.
    pub(in crate::sim) fn check_action(&mut self, node: usize, action: &LinkAction) {
        self.check_news_action(node, action);
        let now = self.now;
        let Some(life) = &mut self.nodes[node].life else { return };
        life.watch.resumes(action);
        match action {
            LinkAction::Dial { dial, .. } if life.watch.dials.insert(*dial, Some(now)).is_some() => {
                self.fail("completions", Some(node), format!("dial id {dial:?} was used before"));
            }
            LinkAction::Answer { link, frames, .. } if life.endpoint.is_live(*link) => {
                let answers = frames.iter().filter(|frame| life.watch.answers(*link, frame)).count();
                self.stats.blocks_served += answers as u64;
            }
            _ => {}
        }
    }

    /// Complains of requests that have waited for too long.
    pub(in crate::sim) fn check_overdue(&mut self) {
        let overdue = |since: &Time| self.now.since(*since) > PATIENCE;
        let mut late = None;
        for (node, there) in self.nodes.iter().enumerate() {
            let Some(life) = &there.life else { continue };
            if let Some((ticket, _)) = life.tickets.iter().find(|(_, (since, _))| overdue(since)) {
                late.get_or_insert((node, format!("{ticket:?} has no answer")));
            }
            if let Some((dial, _)) = life.watch.dials.iter().find(|(_, since)| since.as_ref().is_some_and(overdue)) {
                late.get_or_insert((node, format!("{dial:?} has no end")));
            }
            let idle = |link: &LinkId| life.endpoint.is_idle(*link);
            let between = |link: &LinkId| self.conns[life.sockets.get(link)?.0].as_ref();
            let stands = |link: &LinkId| between(link).is_some_and(|between| between.stands());
            let owed = life.watch.owed.iter().filter(|(link, _)| self.is_honest(node) && stands(link) && idle(link));
            if let Some((hash, _)) = owed.flat_map(|(_, owed)| owed).find(|(_, since)| overdue(since)) {
                late.get_or_insert((node, format!("was asked for block {hash:?} and does not answer")));
            }
        }
        if let Some((node, what)) = late {
            self.fail("completions", Some(node), what);
        }
    }
}
