//! The status: what roles report, for RPC, page and metrics to read. Written by the role threads' driver only.

use std::{
    collections::BTreeMap,
    net::SocketAddr,
    sync::{Mutex, MutexGuard, PoisonError},
};

use crate::{
    base::{hash::Hash, ids::NodeId, time::UnixTime},
    chain::{archive::Tip, snapshot::JoinState, target::Work},
    node::{
        hindrance::{Change, Finding, HindranceId, Hindrances},
        limit::{Limit, Meter},
        report::{Counter, Report, SealingReport, SyncState},
    },
};

/// What the node is and does, at one moment.
#[derive(Clone, Debug, Default)]
pub struct Status {
    /// The state.
    pub state: SyncState,
    /// Why, in one line.
    pub reason: String,
    /// Who the node is.
    pub node: Option<NodeId>,
    /// The tip; `None` until the ledger is open.
    pub tip: Option<Tip>,
    /// Whether a crash would take back the tip.
    pub unsaved: bool,
    /// The lowest height whose block is kept whole; at most 1: all are.
    pub kept_from: u32,
    /// The last tip that no crash takes back.
    pub saved_tip: Option<Tip>,
    /// Height of the best header.
    pub headers: u32,
    /// Work of the best header's chain.
    pub headers_work: Work,
    /// Mempool transactions.
    pub mempool_count: usize,
    /// Mempool bytes.
    pub mempool_bytes: usize,
    /// Grows with each change of the mempool.
    pub mempool_sequence: u64,
    /// Peers that dialled us.
    pub inbound: usize,
    /// Peers that we dialled.
    pub outbound: usize,
    /// Where the node listens for peers.
    pub listening: Vec<SocketAddr>,
    /// Whether the miner works.
    pub mining: bool,
    /// Its measured rate.
    pub hashes_per_second: u64,
    /// Where the coins are from, if not from all blocks before.
    pub joined: Option<JoinState>,
    /// How far the past is verified, and up to where it is to be.
    pub history: Option<(u32, u32)>,
    /// How a sealed chain goes on; `None` on chains of proof of work.
    pub sealing: Option<Box<SealingReport>>,
    /// How often mempool transactions left for one that pays more, since the start.
    pub replacements: u64,
    /// Depth of the last reorganisation.
    pub last_reorganisation: Option<usize>,
    /// The highest block that the last reorganisation took off.
    pub last_old_tip: Option<Hash>,
    /// The limits that roles tell of.
    pub limits: BTreeMap<Limit, Meter>,
    /// What an operator should know, by condition.
    pub warnings: BTreeMap<&'static str, String>,
    /// What keeps the node from its work.
    pub hindrances: Hindrances,
    /// Counted since the start.
    pub counters: BTreeMap<Counter, u64>,
}

impl Status {
    /// The lowest height whose block was verified here; 1: all were.
    pub fn verified_from(&self) -> u32 {
        match self.joined {
            Some(JoinState::Joined { snapshot, .. }) => snapshot.height.saturating_add(1),
            _ => 1,
        }
    }

    /// While the past is verified: up to which height it is, and up to which it is to be.
    pub fn history_going_on(&self) -> Option<(u32, u32)> {
        self.history.filter(|_| self.kept_from > 1)
    }

    /// A counter's value.
    pub fn counter(&self, counter: Counter) -> u64 {
        self.counters.get(&counter).copied().unwrap_or(0)
    }

    /// Whether the node has begun and answers: `wait ready`. It may have no peer, or be far behind.
    pub fn is_up(&self) -> bool {
        self.tip.is_some() && self.state != SyncState::Starting
    }

    /// Whether the node serves what the network agrees on: `wait synced`, `/readyz`, and the metric of the same name.
    pub fn is_ready(&self) -> bool {
        self.state == SyncState::Synced && self.hindrances.unready().is_none()
    }

    /// What an operator should know, a line each: the hindrances first.
    pub fn all_warnings(&self) -> Vec<String> {
        let hindrances = self.hindrances.iter().map(|(_, hindrance)| hindrance.line());
        hindrances.chain(self.warnings.values().cloned()).collect()
    }
}

type Watcher = Box<dyn Fn() + Send + Sync>;

/// Holds the [`Status`] and wakes its watchers.
#[derive(Default)]
pub struct SharedStatus {
    status: Mutex<Status>,
    watchers: Mutex<Vec<Watcher>>,
}

impl SharedStatus {
    /// A copy of the current status. Roles do not know what the host keeps the node from, so that counts here: a node that
    /// is not ready does not say synced.
    pub fn snapshot(&self) -> Status {
        let mut status = lock(&self.status).clone();
        if status.state != SyncState::Synced {
            return status;
        }
        if let Some(hindrance) = status.hindrances.unready() {
            (status.state, status.reason) = (SyncState::Stalled, hindrance.finding.text.clone());
        } else if let Some(hindrance) = status.hindrances.doubt() {
            status.reason = format!("{}; but {}", status.reason, hindrance.finding.text);
        }
        status
    }

    /// [`Status::unsaved`].
    pub fn is_unsaved(&self) -> bool {
        lock(&self.status).unsaved
    }

    /// While the ledger has no coins: why the node is where it is.
    pub fn lacks_coins(&self) -> Option<String> {
        let status = lock(&self.status);
        (status.joined == Some(JoinState::Joining)).then(|| status.reason.clone())
    }

    /// Calls `wake` after reports; it must not block. (Counters and limits wake no watcher.)
    pub fn watch(&self, wake: Watcher) {
        lock(&self.watchers).push(wake);
    }

    /// Adds to a counter.
    pub fn count(&self, counter: Counter, by: u64) {
        let mut status = lock(&self.status);
        let value = status.counters.entry(counter).or_default();
        *value = value.saturating_add(by);
    }

    /// Takes a report.
    pub fn report(&self, report: Report) {
        self.report_all([report]);
    }

    /// Takes what was reported of one event, or of some: nobody sees a part of it.
    pub fn report_all(&self, reports: impl IntoIterator<Item = Report>) {
        let (mut status, mut is_quiet) = (lock(&self.status), true);
        for report in reports {
            is_quiet &= matches!(report, Report::Used { .. } | Report::LimitHit(_));
            apply(&mut status, report);
        }
        drop(status);
        if !is_quiet {
            lock(&self.watchers).iter().for_each(|wake| wake());
        }
    }
}

fn apply(status: &mut Status, report: Report) {
    match report {
        Report::State { state, reason } => (status.state, status.reason) = (state, reason),
        Report::Node(node) => status.node = Some(node),
        Report::BestHeader { height, work } => (status.headers, status.headers_work) = (height, work),
        Report::Tip(tip) => {
            if !status.unsaved {
                status.saved_tip = Some((*tip).clone());
            }
            status.tip = Some(*tip);
        }
        Report::Unsaved(unsaved) => {
            status.unsaved = unsaved;
            if !unsaved {
                status.saved_tip.clone_from(&status.tip);
            }
        }
        Report::KeptFrom(height) => status.kept_from = height,
        Report::Reorganised { depth, old_tip } => {
            (status.last_reorganisation, status.last_old_tip) = (Some(depth), Some(old_tip));
        }
        Report::Mempool { count, bytes, replacements } => {
            (status.mempool_count, status.mempool_bytes) = (count, bytes);
            status.replacements = replacements;
            status.mempool_sequence = status.mempool_sequence.wrapping_add(1);
        }
        Report::PeerCount { inbound, outbound } => (status.inbound, status.outbound) = (inbound, outbound),
        Report::Mining { enabled, hashes_per_second } => {
            (status.mining, status.hashes_per_second) = (enabled, hashes_per_second);
        }
        Report::Sealing(sealing) => status.sealing = Some(sealing),
        Report::Joined(joined) => status.joined = Some(joined),
        Report::History { verified, goal } => status.history = Some((verified, goal)),
        Report::Listening(addresses) => status.listening = addresses,
        Report::Used { limit, used, cap } => {
            let meter = status.limits.entry(limit).or_default();
            (meter.used, meter.cap) = (used, cap);
        }
        Report::LimitHit(limit) => {
            let meter = status.limits.entry(limit).or_default();
            meter.hits = meter.hits.saturating_add(1);
        }
        Report::Warning { key, text: Some(text) } => {
            status.warnings.insert(key, text);
        }
        Report::Warning { key, text: None } => {
            status.warnings.remove(key);
        }
        Report::Hindrance { id, now, finding } => hindered(status, id, now, finding),
    }
}

/// The one place where a hindrance's start and end are logged.
fn hindered(status: &mut Status, id: HindranceId, now: UnixTime, finding: Option<Finding>) {
    let change = status.hindrances.set(now, id, finding);
    let name = id.name();
    match (change, status.hindrances.get(id)) {
        (Change::Begun, Some(hindrance)) => {
            log::warn!(
                "hindrance begins id={name} blocks={:?} text=\"{}\"",
                hindrance.blocks.names(),
                hindrance.line()
            );
        }
        (Change::Ended, _) => log::info!("hindrance over id={name}"),
        _ => {}
    }
}

/// A panicking writer leaves at worst one stale field behind; the reader's view stays usable.
fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_node_that_its_host_keeps_from_its_work_does_not_say_synced_until_that_is_over() {
        let status = SharedStatus::default();
        status.report(Report::State { state: SyncState::Synced, reason: "up to date with 1 peer".to_owned() });
        let hinder =
            |finding| status.report(Report::Hindrance { id: HindranceId::ReadOnly, now: UnixTime(1), finding });
        hinder(Some(Finding::new("the data directory cannot be written", "mount it")));
        let now = status.snapshot();
        assert_eq!((now.state, now.reason.as_str()), (SyncState::Stalled, "the data directory cannot be written"));
        hinder(None);
        assert_eq!(status.snapshot().reason, "up to date with 1 peer");
    }

    /// It is no other state: nobody can be certain. People read "synced" and waited in vain.
    #[test]
    fn a_synced_node_says_beside_that_word_that_too_few_authorities_may_be_there() {
        let status = SharedStatus::default();
        let hinder =
            |finding| status.report(Report::Hindrance { id: HindranceId::NoQuorum, now: UnixTime(1), finding });
        hinder(Some(Finding::suspicion("two of four are not heard", "start them")));
        assert_eq!(status.snapshot().reason, "", "nothing is said of it before the node is synced");
        status.report(Report::State { state: SyncState::Synced, reason: "up to date with 1 peer".to_owned() });
        let now = status.snapshot();
        let words = "up to date with 1 peer; but two of four are not heard";
        assert!(now.is_ready() && now.reason == words, "{}", now.reason);
        hinder(Some(Finding::new("two of four are heard", "start them")));
        assert_eq!(status.snapshot().state, SyncState::Stalled);
    }
}
