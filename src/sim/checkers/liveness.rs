//! The law of liveness. While some honest, connected peer has a deliverable chain with more work than a node's own, the
//! node's tip is on it within [`catch_up_bound`] and the time that honest peers need for the missing bytes, whatever all
//! other peers do. No state other than `synced` lasts much longer: see `SYNCED_BOUND`. A node that waits for blocks of which
//! none comes is synced again within the same bound, or `WITHHELD_AFTER` later if it has not been synced since it started or
//! was alone.
//!
//! The law holds in the faulty phase, too. A node is exempt only for a cause that this file proves: it has just started,
//! no link to an honest peer has stood all the time, one of the two reads slowly, its clock is wrong, or one of the two joins with a snapshot.

use std::{collections::BTreeMap, time::Duration};

use crate::{
    base::{
        hash::Hash,
        limits::{
            CATCH_UP_BOUND, CLOCK_LOOK, CLOCK_OFFSET_SECONDS, MAX_SYNC_HEADERS, PING_LONGEST, SYNCED_BOUND,
            SYNCED_RECENTLY, WITHHELD_AFTER, catch_up_bound,
        },
        time::Time,
    },
    chain::archive::{BlockStatus, LedgerStore},
    node::SyncState,
    sim::{
        checkers::{
            kept::Unreachable,
            state::{Lag, Unsynced},
        },
        lines::Line,
        net::{Conn, ConnId},
        options::Options,
        world::World,
    },
};

/// How long after its start a node is exempt: it opens its ledger and gathers peers.
const START: Duration = Duration::from_secs(4);
/// How long after a partition, or after a node has read slowly, its bytes may still be late: TCP tries again only now and
/// then.
const RECOVERY: Duration = Duration::from_secs(10);
/// How long peers may not know that a clock was set: the ping before may be unanswered, and roles look once in a while.
const CLOCKS_TOLD: Duration = Duration::from_secs(PING_LONGEST.as_secs() + 2 * CLOCK_LOOK.as_secs() + 4);
/// Other traffic shares a link, and a body may be sent twice.
const SHARE: u64 = 4;
/// A block is overdue after a multiple of the time that blocks usually take.
const OVERDUE_BLOCKS: u64 = 8;
/// Questions between a new tip of a peer and its blocks: for its tip, its headers and the bodies.
const QUESTIONS: u32 = 3;
/// Role steps between the question for a block and its commit.
const STEPS: u64 = 12;
/// Chunks of a block on its way, and of the questions for it.
const CHUNKS: u64 = 4;
/// How long a lost chunk takes, microseconds: TCP sends it again after 200 ms, then after twice that.
const LOST: u64 = 300_000;

impl World {
    /// Holds each node to the law.
    pub(in crate::sim) fn check_liveness(&mut self) {
        self.note_slow();
        self.note_skewed();
        let queued: Vec<Duration> = (0..self.nodes.len()).map(|node| self.longest_wait(node)).collect();
        let (mut lags, mut peers, mut unreachable) = (BTreeMap::new(), BTreeMap::new(), BTreeMap::new());
        for (id, conn) in self.conns.iter().enumerate() {
            let Some(conn) = conn.as_ref().filter(|conn| self.binds(conn)) else { continue };
            for side in [0, 1] {
                let (node, peer) = (conn.ends[side].node, conn.ends[1 - side].node);
                *peers.entry(node).or_insert(0) += 1;
                let before = self.checkers.liveness.lags.get(&(node, id));
                let lag = self.lag(node, peer, before);
                if let Some(why) = lag.is_some().then(|| self.why_unreachable(node, peer)).flatten() {
                    unreachable.insert(node, why);
                } else if let Some(mut lag) = lag {
                    lag.queued = lag.queued.max(queued[node] + queued[peer]);
                    lags.insert((node, id), lag);
                }
            }
        }
        let allowed = |id: &ConnId, lag: &Lag| lag.transfer + lag.queued + QUESTIONS * self.round_trip(*id);
        let over = |id: &ConnId, lag: &Lag| self.now.since(lag.since + allowed(id, lag));
        let late = lags.iter().map(|((node, id), lag)| (over(id, lag), *node, lag.since)).max();
        if let Some((over, node, since)) = late {
            let longest = &mut self.checkers.liveness.longest.0;
            *longest = over.max(*longest);
            if over > catch_up_bound(self.nodes.len()) {
                let what = format!("behind a connected honest peer since {:.1} s", since.0 as f64 / 1e6);
                self.fail("liveness", Some(node), what);
            }
        }
        self.check_told(unreachable, |node| lags.range((node, 0)..=(node, usize::MAX)).next().is_some());
        self.check_unsynced(&lags, &peers);
        self.checkers.liveness.lags = lags;
    }

    /// A node that has a peer, and whose connected honest peers all have no more work, is synced. While one of them has more,
    /// it need not be, but that ends no count: a new block of a peer explains a moment only.
    fn check_unsynced(&mut self, lags: &BTreeMap<(usize, ConnId), Lag>, peers: &BTreeMap<usize, u32>) {
        let mut unsynced = BTreeMap::new();
        self.note_synced();
        for node in peers.keys().copied() {
            let view = &self.nodes[node].view;
            let is_kept_from_it = self.checkers.kept.unreachable.contains_key(&node);
            if view.state == SyncState::Synced
                || is_kept_from_it
                || !self.has_started(node)
                || self.is_its_chain_from_its_future(node)
            {
                continue;
            }
            let waits = matches!(view.state, SyncState::Blocks | SyncState::Stalled);
            let fresh = Unsynced { last: self.now, over: Duration::ZERO, idle: Duration::ZERO };
            let mut seen = self.checkers.liveness.unsynced.get(&node).copied().unwrap_or(fresh);
            if lags.range((node, 0)..=(node, usize::MAX)).next().is_none() {
                seen.over += self.now.since(seen.last);
                seen.idle += self.now.since(seen.last);
            }
            if self.got_unused_body(node) || !waits {
                seen.idle = Duration::ZERO;
            }
            seen.last = self.now;
            unsynced.insert(node, seen);
            let longest = &mut self.checkers.liveness.longest.1;
            *longest = seen.over.max(*longest);
            let bound = catch_up_bound(self.nodes.len());
            // Without a chain of its own, a node gives peers time to get the blocks of the only one.
            let began = Time(self.now.0.saturating_sub(u64::try_from(seen.idle.as_micros()).unwrap_or(u64::MAX)));
            let synced = self.checkers.liveness.synced.get(&node);
            // A node that has started anew does not know that it was synced.
            let booted = self.nodes[node].clock.booted();
            let has_own = synced.is_some_and(|at| *at >= booted && began.since(*at) < SYNCED_RECENTLY);
            let patience = if has_own { Duration::ZERO } else { WITHHELD_AFTER };
            let view = &self.nodes[node].view;
            if seen.over > bound + (SYNCED_BOUND - CATCH_UP_BOUND) {
                let what = format!("{} ({}) although no connected honest peer is ahead", view.state, view.reason);
                self.fail("liveness", Some(node), what);
            } else if seen.idle > bound + patience + takes(&self.options, OVERDUE_BLOCKS, 0) {
                let what = format!("{} ({}) although nobody delivers these blocks", view.state, view.reason);
                self.fail("liveness", Some(node), what);
            }
        }
        self.checkers.liveness.unsynced = unsynced;
    }

    /// Notes when each node was synced last, since it has had peers.
    fn note_synced(&mut self) {
        for (node, there) in self.nodes.iter().enumerate().take(self.options.nodes) {
            let is_alone = there.life.is_none()
                || matches!(there.view.state, SyncState::Starting | SyncState::Connecting | SyncState::Isolated);
            if is_alone {
                self.checkers.liveness.synced.remove(&node);
            } else if there.view.state == SyncState::Synced {
                self.checkers.liveness.synced.insert(node, self.now);
            }
        }
    }

    /// Whether a body has come since the last look that the node has not applied: a branch that delivers counts.
    fn got_unused_body(&mut self, node: usize) -> bool {
        let Some(life) = &mut self.nodes[node].life else { return false };
        std::mem::take(&mut life.watch.fresh).iter().any(|block| !life.watch.applied.contains(block))
    }

    /// What a node is to reach because of a peer.
    fn lag(&self, node: usize, peer: usize, before: Option<&Lag>) -> Option<Lag> {
        let (ours, theirs) = (self.nodes[node].view.tip.as_ref()?, self.nodes[peer].view.tip.as_ref()?);
        if self.nodes[peer].view.state != SyncState::Synced || theirs.work <= ours.work {
            return None;
        }
        // Two clocks may be wrong by nearly as much: the one refuses what the other just takes.
        if self.is_in_its_future(node, peer) {
            return None;
        }
        if let Some(lag) = before.filter(|lag| ours.work < lag.work) {
            return Some(lag.clone());
        }
        let transfer = self.transfer(node, peer, &theirs.hash);
        Some(Lag { since: self.now, work: theirs.work, transfer, queued: Duration::ZERO })
    }

    /// Why a node cannot follow a peer's chain, if it cannot.
    pub(super) fn why_unreachable(&self, node: usize, peer: usize) -> Option<Unreachable> {
        self.is_unreachable(node, peer, &self.nodes[peer].view.tip.as_ref()?.hash)
    }

    /// How long the oldest event of a link has waited for a role that a block passes. Roles that take up to 0.2 s for an event
    /// have seconds of an attacker's frames before them.
    fn longest_wait(&mut self, node: usize) -> Duration {
        let Some(life) = &mut self.nodes[node].life else { return Duration::ZERO };
        let sink = life.endpoint.sink();
        let oldest = life.watch.waiting.iter_mut().filter_map(|(role, times)| {
            times.drain(..times.len().saturating_sub(sink.links_waiting(*role)));
            times.front().copied()
        });
        oldest.min().map_or(Duration::ZERO, |since| self.now.since(since))
    }

    /// How long the last ping took on a connection, or has taken so far: the longer of both ends. Roles that take up to 0.2 s
    /// for an event may have seconds of an attacker's events before a question.
    fn round_trip(&self, id: ConnId) -> Duration {
        let ends = self.conns[id].iter().flat_map(|conn| &conn.ends);
        let times = ends.flat_map(|end| {
            let watch = self.nodes[end.node].life.as_ref().map(|life| &life.watch);
            let last = watch.and_then(|watch| watch.round_trips.get(&end.link).copied());
            let open = watch.and_then(|watch| watch.pinged.get(&end.link)).map(|(_, sent)| self.now.since(*sent));
            last.into_iter().chain(open)
        });
        times.max().unwrap_or_default()
    }

    /// Whether the law holds between the ends of a connection: both are honest and at work, and nothing has disturbed
    /// them or the line.
    fn binds(&self, conn: &Conn) -> bool {
        let [one, other] = [conn.ends[0].node, conn.ends[1].node];
        let recent = Time(self.now.0.saturating_sub(u64::try_from(RECOVERY.as_micros()).unwrap_or(u64::MAX)));
        conn.stands()
            && conn.ends.iter().all(|end| self.is_up_end(end))
            && [one, other].iter().all(|node| self.is_honest(*node) && self.has_started(*node) && self.is_brisk(*node))
            && self.faults.severed(one, other, recent).is_none()
            && [one, other].iter().all(|node| !self.is_skewed(*node) && !self.is_joining(*node))
    }

    fn has_started(&self, node: usize) -> bool {
        self.nodes[node].life.is_some() && self.now.since(self.nodes[node].clock.booted()) > START
    }

    /// Whether the node has not read slowly for a while.
    fn is_brisk(&self, node: usize) -> bool {
        self.checkers.liveness.slow.get(&node).is_none_or(|at| self.now.since(*at) > RECOVERY)
    }

    fn note_slow(&mut self) {
        for node in 0..self.options.nodes {
            if self.nodes[node].slow.is_some() {
                self.checkers.liveness.slow.insert(node, self.now);
            }
        }
    }

    /// Notes the connections whose ends have clocks that differ by enough to be told, until pings have told that they no
    /// longer do.
    fn note_skewed(&mut self) {
        let read = |node: usize| self.nodes[node].clock.read(self.now).unix.0;
        let standing = self.conns.iter().enumerate().filter_map(|(id, conn)| Some((id, conn.as_ref()?)));
        let differs = |conn: &Conn| read(conn.ends[0].node).abs_diff(read(conn.ends[1].node)) >= CLOCK_OFFSET_SECONDS;
        let before = &self.checkers.liveness.skewed;
        let since = |id: &ConnId, conn: &Conn| match before.get(id) {
            _ if differs(conn) => Some(self.now),
            Some((_, at)) => Some(*at).filter(|at| self.now.since(*at) <= CLOCKS_TOLD),
            None => None,
        };
        let skewed = standing.filter_map(|(id, conn)| {
            let ends = [conn.ends[0].node, conn.ends[1].node];
            Some((id, (ends, since(&id, conn)?)))
        });
        self.checkers.liveness.skewed = skewed.collect();
    }

    /// Whether the node has had a link to a node with another clock: it may blame its own.
    fn is_skewed(&self, node: usize) -> bool {
        self.checkers.liveness.skewed.values().any(|(ends, _)| ends.contains(&node))
    }

    /// How long honest peers need for what the node lacks of the chain up to this block of a peer.
    fn transfer(&self, node: usize, peer: usize, tip: &Hash) -> Duration {
        let here = |hash: &Hash| self.nodes[node].disk.read(|ledger| ledger.status_of(hash));
        let there = |hash: &Hash| self.nodes[peer].disk.read(|ledger| missing(ledger, hash));
        let (mut hash, mut blocks, mut bytes) = (*tip, 0u64, 0u64);
        while !matches!(here(&hash), Ok(Some(BlockStatus::Applied)))
            && let Some((parent, size)) = there(&hash)
        {
            (hash, blocks, bytes) = (parent, blocks + 1, bytes + size);
        }
        takes(&self.options, blocks, bytes)
    }
}

/// A block's parent and the size of its body.
fn missing(ledger: &dyn LedgerStore, hash: &Hash) -> Option<(Hash, u64)> {
    let header = ledger.header(hash).ok()??.header;
    Some((header.previous, ledger.body(hash).ok()??.len() as u64))
}

/// How long that many blocks and bytes take over the lines of a run.
fn takes(options: &Options, blocks: u64, bytes: u64) -> Duration {
    let round_trip = 2 * options.latency_max;
    let (bandwidth, window) = Line::slowest(options);
    let rate = bandwidth.min(window * 1_000_000 / round_trip.max(1)).max(1);
    let step = options.delay_ppm * options.delay_max / 1_000_000;
    let loss = options.loss_ppm * LOST / 1_000_000;
    let rounds = blocks / MAX_SYNC_HEADERS as u64 + 2;
    let micros = SHARE * bytes * 1_000_000 / rate + (blocks + rounds) * (round_trip + STEPS * step + CHUNKS * loss);
    Duration::from_micros(micros)
}
