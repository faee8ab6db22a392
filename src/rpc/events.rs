//! Events: a bounded, numbered list that `events` and `GET /api/events` read.
//!
//! The server's loop compares the status with the previous one whenever it has changed, and appends what is new. It may
//! see several blocks as one change; `events` then looks up the blocks in between.

use std::{
    collections::VecDeque,
    sync::{Mutex, MutexGuard, PoisonError},
};

use serde_json::{Map, Value, json};

use crate::{
    chain::snapshot::JoinState,
    node::report::Counter,
    rpc::{histogram::Histogram, host::unix_now, json::object},
    runtime::status::Status,
};

/// Events that are kept.
const RPC_EVENTS: usize = 512;

/// Bounds of the histogram of seconds between blocks.
const INTERVALS: [f64; 8] = [0.5, 1.0, 2.5, 5.0, 10.0, 30.0, 120.0, 600.0];

/// An event.
#[derive(Clone, Debug, PartialEq)]
pub struct Event {
    /// Its number; one more than that of the event before.
    pub number: u64,
    /// For a new tip: the height of the last block that was reported before.
    pub after: Option<u32>,
    /// The event as JSON.
    pub fields: Map<String, Value>,
}

/// The last events.
pub struct Events(Mutex<Inner>);

struct Inner {
    last: u64,
    list: VecDeque<Event>,
    status: Option<Status>,
    intervals: Histogram,
}

impl Default for Events {
    fn default() -> Self {
        let intervals = Histogram::new(&INTERVALS);
        Self(Mutex::new(Inner { last: 0, list: VecDeque::new(), status: None, intervals }))
    }
}

impl Events {
    /// Appends what is new compared with the last status.
    pub(super) fn note(&self, status: &Status) {
        let mut inner = self.lock();
        if let Some(before) = inner.status.replace(status.clone()) {
            inner.compare(&before, status);
        }
    }

    /// The number of the last event; 0 before the first.
    pub(super) fn last(&self) -> u64 {
        self.lock().last
    }

    /// The events after number `since`, and whether some of them are no longer kept. A number that was never given out
    /// comes from before a restart of the node; then all events are returned.
    pub(super) fn since(&self, since: u64) -> (Vec<Event>, bool) {
        let inner = self.lock();
        let restarted = since > inner.last;
        let since = if restarted { 0 } else { since };
        let list: Vec<Event> = inner.list.iter().filter(|event| event.number > since).cloned().collect();
        let missed = list.first().is_some_and(|event| event.number > since + 1);
        (list, missed || restarted)
    }

    /// Seconds between the blocks that came since the server started.
    pub(super) fn intervals(&self) -> Histogram {
        self.lock().intervals.clone()
    }

    fn lock(&self) -> MutexGuard<'_, Inner> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Inner {
    fn compare(&mut self, before: &Status, now: &Status) {
        if before.state != now.state {
            self.push("state", None, json!({ "state": now.state.name(), "reason": now.reason }));
        }
        let reorganised = before.counter(Counter::Reorganisations) != now.counter(Counter::Reorganisations);
        let depth = now.last_reorganisation.filter(|_| reorganised);
        if let Some(depth) = depth {
            // Not the tip before: blocks may have come on top of the new chain since.
            self.push("reorganisation", None, json!({ "depth": depth, "old_tip": now.last_old_tip }));
        }
        if let (Some(old), Some(tip)) = (&before.tip, &now.tip)
            && old.hash != tip.hash
        {
            let disconnected = u32::try_from(depth.unwrap_or(0)).unwrap_or(u32::MAX);
            let after = old.height.saturating_sub(disconnected).min(tip.height.saturating_sub(1));
            // Blocks up to the snapshot with which the node joined were never here.
            let joined = joined_at(now);
            let after = after.max(joined);
            // Genesis may be older than its network: the first block has no interval.
            if old.height > 0 && tip.height == old.height + 1 {
                #[expect(clippy::cast_precision_loss, reason = "a few seconds")]
                self.intervals.observe(tip.time.saturating_sub(old.time) as f64);
            }
            if joined == 0 || tip.height > joined {
                let fields = json!({ "height": tip.height, "hash": tip.hash, "block_time": tip.time });
                self.push("block", Some(after), fields);
            }
        }
        let last_final = |status: &Status| status.sealing.as_ref().map(|sealing| sealing.last_final);
        if let (Some(old), Some(new)) = (last_final(before), last_final(now))
            && old.hash != new.hash
        {
            self.push("final", None, json!({ "height": new.height, "hash": new.hash }));
        }
        if (before.inbound, before.outbound) != (now.inbound, now.outbound) {
            self.push("peers", None, json!({ "inbound": now.inbound, "outbound": now.outbound }));
        }
        if (before.mempool_count, before.mempool_bytes) != (now.mempool_count, now.mempool_bytes) {
            self.push("mempool", None, json!({ "count": now.mempool_count, "bytes": now.mempool_bytes }));
        }
        if before.all_warnings() != now.all_warnings() {
            self.push("warnings", None, json!({ "warnings": now.all_warnings() }));
        }
    }

    fn push(&mut self, kind: &str, after: Option<u32>, fields: Value) {
        self.last += 1;
        let mut all = object(json!({ "seq": self.last, "time": unix_now(), "event": kind }));
        all.extend(object(fields));
        if self.list.len() == RPC_EVENTS {
            self.list.pop_front();
        }
        self.list.push_back(Event { number: self.last, after, fields: all });
    }
}

/// The height of the snapshot with which the node joined; 0: with none.
fn joined_at(status: &Status) -> u32 {
    match status.joined {
        Some(JoinState::Joined { snapshot, .. }) => snapshot.height,
        _ => 0,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{
        base::hash::Hash,
        chain::{archive::Tip, snapshot::SnapshotName, target::Work},
        node::report::SyncState,
    };

    fn status(height: u32) -> Status {
        let hash = Hash([u8::try_from(height % 256).unwrap(); 32]);
        let tip = Tip { hash, height, time: u64::from(height) * 5, work: Work::ZERO, digest: Hash([0; 32]) };
        Status { tip: Some(tip), ..Status::default() }
    }

    fn kinds(events: &[Event]) -> Vec<String> {
        events.iter().map(|event| event.fields["event"].as_str().unwrap().to_owned()).collect()
    }

    #[test]
    fn what_changed_is_told_once_and_in_order() {
        let events = Events::default();
        events.note(&status(7));
        assert_eq!((events.last(), events.since(0)), (0, (vec![], false)), "where the node stood is no news");
        events.note(&status(7));
        events.note(&Status { state: SyncState::Synced, inbound: 1, mempool_count: 2, ..status(9) });
        let (list, missed) = events.since(0);
        assert_eq!(kinds(&list), ["state", "block", "peers", "mempool"]);
        assert_eq!((list[1].after, &list[1].fields["height"], missed), (Some(7), &json!(9), false));
        assert_eq!(kinds(&events.since(3).0), ["mempool"]);
        assert!(events.since(4).0.is_empty());
    }

    #[test]
    fn no_block_is_told_that_a_node_which_joined_with_a_snapshot_never_had() {
        let events = Events::default();
        let snapshot = SnapshotName { height: 750, block: Hash([1; 32]) };
        let joined = Some(JoinState::Joined { snapshot, above: 50 });
        events.note(&status(0));
        events.note(&Status { joined, ..status(750) });
        assert!(events.since(0).0.is_empty(), "neither it nor those below");
        events.note(&Status { joined, ..status(752) });
        let (list, _) = events.since(0);
        assert_eq!((list[0].after, &list[0].fields["height"], list.len()), (Some(750), &json!(752), 1));
        // The first status that is seen may come late.
        let events = Events::default();
        events.note(&status(0));
        events.note(&Status { joined, ..status(760) });
        assert_eq!(events.since(0).0[0].after, Some(750));
    }

    #[test]
    fn who_comes_late_or_from_before_a_restart_is_told_that_something_is_missing() {
        let events = Events::default();
        let count = u32::try_from(RPC_EVENTS).unwrap() + 5;
        (0..=count).for_each(|height| events.note(&status(height)));
        let (list, missed) = events.since(1);
        assert_eq!((list.len(), missed), (RPC_EVENTS, true));
        let oldest = list[0].number;
        assert!(!events.since(oldest - 1).1 && events.since(u64::from(count) + 100).1);
        assert_eq!(events.intervals().count(), u64::from(count) - 1, "genesis is older than its network");
    }
}
