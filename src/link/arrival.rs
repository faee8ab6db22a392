//! How fast a large frame arrives.

use crate::{
    base::{limits, time::Time},
    link::{
        EventSink,
        link::{Around, Link},
    },
    node::{LinkEvent, RoleId},
};

impl Link {
    /// Tells those who wait for the peer's answers that a large frame is arriving.
    pub(super) fn tell_arrival<S: EventSink>(&mut self, around: &mut Around<'_, S>) {
        let (reader, now) = (self.framer.reader(), around.now);
        let Some(length) = reader.body_len().filter(|length| *length > around.lease_free_bytes) else { return };
        let arrived = length.saturating_sub(reader.wanted());
        let (since, before) = *self.told.get_or_insert((now, arrived));
        let time = now.since(since);
        if time < limits::ARRIVAL_INTERVAL {
            return;
        }
        self.told = Some((now, arrived));
        let least = limits::ARRIVAL_RATE * u64::try_from(time.as_millis()).unwrap_or(u64::MAX) / 1000;
        if arrived.saturating_sub(before) as u64 >= least {
            let tell = |role| around.delivery.mention(role, LinkEvent::Arrives { link: self.id });
            [RoleId::Headers, RoleId::Fetch].into_iter().for_each(tell);
        }
    }

    /// Whether the large frame arrives too slowly for a lease that others wait for. Its pace is measured since an earlier
    /// look, so that a peer that sends all but the last byte at once cannot hold the lease longer than one that sends
    /// nothing.
    pub(super) fn dawdles(&mut self, now: Time, min_rate: u64) -> bool {
        if self.held_since.is_some() || self.ends.is_some() || self.frame_since.is_none() {
            return false;
        }
        let Some(length) = self.framer.reader().body_len() else { return false };
        let arrived = length.saturating_sub(self.framer.reader().wanted());
        let Some((since, before)) = self.mark else {
            self.mark = Some((now, arrived));
            return false;
        };
        let time = now.since(since);
        if time < limits::LEASE_GRACE {
            return false;
        }
        self.mark = Some((now, arrived));
        (arrived - before) as u64 * 1000 < min_rate * u64::try_from(time.as_millis()).unwrap_or(u64::MAX)
    }
}
