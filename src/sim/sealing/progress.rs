//! Whether blocks become final once all is calm, within a bound.

use std::time::Duration;

use crate::chain::seal::Epoch;

use super::{
    Complaint,
    blocks::number,
    honest::Honest,
    world::{Node, SECOND, World, micros},
};

/// Calm time after which something final is due whatever the timers.
const LONGEST: u64 = 3_600 * SECOND;

impl World {
    /// Whether the run is over.
    pub(super) fn judge_progress(&mut self) -> bool {
        let calm = self.now.saturating_sub(micros(self.plan.chaos));
        // Votes to skip what a power loss has taken come at the end of a view, and liars may lead in those that follow.
        let late = if self.plan.blackout { 2 * self.plan.tolerated() as u64 + 2 } else { 0 };
        let bound = self.plan.tolerated() as u64 + 2 + late;
        if calm > LONGEST {
            self.checks.complain(Complaint::NoProgress);
        }
        let highest = self.checks.highest().view;
        // A set whose time has come must have begun everywhere before it counts.
        let epoch = self.epoch();
        let is_whole =
            self.plan.later.last().is_none_or(|(from, _)| self.blocks.height(&self.checks.highest().block) >= *from);
        if self.due.is_some_and(|(of, _)| Some(of) != epoch) {
            (self.due, self.settled) = (None, None);
        }
        if let Some((_, due)) = self.due {
            if highest >= due {
                if highest >= due + bound {
                    self.checks.complain(Complaint::NoProgress);
                }
                self.due = None;
                return is_whole;
            }
            if self.deciding().map(|honest| honest.core.view()).min().is_some_and(|view| view > due + bound) {
                self.checks.complain(Complaint::NoProgress);
            }
        } else if calm > 5 * SECOND + 4 * micros(self.plan.delay) {
            self.due = epoch.zip(self.view_with_long_timers());
            // Short timers do no harm where nobody is late.
            let from = *self.settled.get_or_insert(highest);
            return is_whole && highest > from + 2 * bound + 8;
        }
        false
    }

    /// The honest authorities of the newest set.
    fn deciding(&self) -> impl Iterator<Item = &Honest> {
        let honest = self.nodes.iter().enumerate().filter_map(|(node, held)| match held {
            Node::Honest(honest) if self.plan.lie(node).is_none() => Some((node, &**honest)),
            _ => None,
        });
        let newest = honest.clone().filter(|(_, one)| one.is_up).map(|(_, one)| one.core.set().epoch()).max();
        let set = self.authorities.of(newest.unwrap_or(0));
        honest.filter(move |(node, _)| set.is_some_and(|set| number(set, *node).is_some())).map(|(_, one)| one)
    }

    /// The epoch, if all who decide are in the same.
    fn epoch(&self) -> Option<Epoch> {
        let mut epochs = self.deciding().map(|honest| honest.core.set().epoch());
        let first = epochs.next()?;
        epochs.all(|epoch| epoch == first).then_some(first)
    }

    /// The next view, if all timers are long enough for a proposal, a check and votes on top of what others are late.
    fn view_with_long_timers(&self) -> Option<u64> {
        let needed = self.plan.delay * 5 + Duration::from_millis(200);
        let are_long = self.deciding().all(|honest| honest.core.timeout() >= needed);
        self.deciding().map(|honest| honest.core.view() + 1).max().filter(|_| are_long)
    }
}
