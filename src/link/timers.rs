//! Deadlines of many links; the next one is found without asking each link.

use std::collections::BTreeSet;

use crate::base::{ids::LinkId, time::Time};

/// At most one alarm per link. An alarm that comes too early is harmless: the endpoint looks at the link's real deadline
/// and sets the next alarm. So a deadline that only moves later costs nothing here.
#[derive(Default)]
pub(super) struct Timers(BTreeSet<(Time, LinkId)>);

impl Timers {
    /// The next alarm.
    pub(super) fn next(&self) -> Option<Time> {
        self.0.first().map(|(time, _)| *time)
    }

    /// Makes sure that `link` is looked at by `deadline`. The link keeps its alarm in `armed`.
    pub(super) fn arm(&mut self, link: LinkId, armed: &mut Option<Time>, deadline: Option<Time>) {
        let Some(deadline) = deadline else { return };
        match *armed {
            Some(alarm) if alarm <= deadline => return,
            Some(alarm) => drop(self.0.remove(&(alarm, link))),
            None => {}
        }
        self.0.insert((deadline, link));
        *armed = Some(deadline);
    }

    /// Forgets a link's alarm.
    pub(super) fn disarm(&mut self, link: LinkId, armed: Option<Time>) {
        if let Some(alarm) = armed {
            self.0.remove(&(alarm, link));
        }
    }

    /// Takes one alarm that is due. The link's `armed` must be cleared.
    pub(super) fn due(&mut self, now: Time) -> Option<LinkId> {
        let (time, link) = *self.0.first()?;
        if time > now {
            return None;
        }
        self.0.pop_first();
        Some(link)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_alarm_moves_only_forward_in_time_and_rings_once() {
        let (mut timers, mut armed) = (Timers::default(), None);
        timers.arm(LinkId(1), &mut armed, Some(Time(50)));
        timers.arm(LinkId(1), &mut armed, Some(Time(80)));
        assert_eq!(timers.next(), Some(Time(50)), "a later deadline waits for the earlier alarm");
        timers.arm(LinkId(1), &mut armed, Some(Time(20)));
        assert_eq!((timers.next(), armed), (Some(Time(20)), Some(Time(20))));
        assert_eq!(timers.due(Time(19)), None);
        assert_eq!(timers.due(Time(20)), Some(LinkId(1)));
        assert_eq!(timers.due(Time(100)), None);
        timers.arm(LinkId(2), &mut None, Some(Time(5)));
        timers.disarm(LinkId(2), Some(Time(5)));
        assert_eq!(timers.next(), None);
    }
}
