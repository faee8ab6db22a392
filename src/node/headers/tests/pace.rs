//! How fast the sync node delivers, and who takes its place.

use std::collections::BTreeMap;

use super::*;
use crate::{
    base::{limits::MAX_SYNC_HEADERS, time::Time},
    node::{Role, testing::some_node},
    wire::message::{SERVICE_SKELETON, SERVICES},
};

const MS: Duration = Duration::from_millis(1);

/// How a peer answers.
#[derive(Clone, Copy)]
struct Manner {
    /// Time of an answer, and of all after so many.
    takes: Duration,
    later: (usize, Option<Duration>),
    /// Headers of an answer.
    headers: usize,
}

fn steady(takes: Duration) -> Manner {
    Manner { takes, later: (usize::MAX, None), headers: MAX_SYNC_HEADERS }
}

struct Peer {
    manner: Manner,
    answers: usize,
    /// When the last one is sent: a slow peer answers one question after the other.
    last: Time,
}

/// A node whose peers all have parts of the same chain. Those with odd numbers are outbound.
struct Network {
    rig: Rig,
    chain: Chain,
    longer: Chain,
    peers: BTreeMap<u64, Peer>,
    waiting: Vec<(Time, u64, Message)>,
    switches: usize,
    faults: Vec<(u64, PeerFault)>,
}

impl Network {
    fn new(blocks: usize) -> Self {
        let chain = Chain::new().grow(blocks, 0);
        let longer = chain.clone().grow(3, 7);
        let rig = Rig::new(&Chain::new());
        Self { rig, chain, longer, peers: BTreeMap::new(), waiting: vec![], switches: 0, faults: vec![] }
    }

    /// A peer that claims more work than the chain has.
    fn claimer(&mut self, link: u64, node: u64, manner: Manner) {
        let claims = self.longer.clone();
        self.link(link, node, &claims, SERVICES, manner);
    }

    fn honest(&mut self, link: u64, services: u64, takes: Duration) {
        let claims = self.chain.clone();
        self.link(link, link, &claims, services, steady(takes));
    }

    fn link(&mut self, link: u64, node: u64, claims: &Chain, services: u64, manner: Manner) {
        self.peers.insert(link, Peer { manner, answers: 0, last: Time(0) });
        let actions = self.rig.up_with(link, claims, |peer| {
            (peer.node, peer.services) = (some_node(node), services);
        });
        self.hear(&actions);
    }

    fn node(&self) -> Option<u64> {
        self.rig.role.peers.node().map(|(link, _)| link.0)
    }

    fn height(&self) -> u32 {
        self.rig.role.index.as_ref().unwrap().best().height
    }

    fn hear(&mut self, actions: &[Action]) {
        self.faults.extend(faults(actions));
        for (link, message) in actions.iter().filter_map(message) {
            let Some(peer) = self.peers.get_mut(&link.0) else { continue };
            let at = |hash: &Hash| self.chain.rows.iter().position(|row| row.hash == *hash);
            let answer = match message {
                Message::GetSync(locator) => {
                    let from = locator.iter().find_map(at).unwrap();
                    let to = (from + peer.manner.headers).min(self.chain.rows.len() - 1);
                    Message::Sync(List::new(self.chain.headers(from + 1..=to)).unwrap())
                }
                Message::GetSkeleton(from) => {
                    let rows = self.chain.rows.iter().skip(at(&from).unwrap()).step_by(100).skip(1);
                    Message::Skeleton(List::new(rows.map(|row| row.hash).collect::<Vec<_>>()).unwrap())
                }
                _ => continue,
            };
            let (after, later) = peer.manner.later;
            let takes = if peer.answers < after { Some(peer.manner.takes) } else { later };
            peer.answers += 1;
            let Some(takes) = takes else { continue };
            // A fast peer's answers only take their way; a slow one takes its time for each.
            let begins = if takes >= SECOND { peer.last.max(self.rig.now.mono) } else { self.rig.now.mono };
            peer.last = begins + takes;
            self.waiting.push((peer.last, link.0, answer));
        }
    }

    /// Runs until all headers are here. Returns the time that it took, and the peers that were closed meanwhile.
    fn run(&mut self, most: Duration) -> Duration {
        let start = self.rig.now.mono;
        while self.height() < self.chain.height() && self.rig.now.mono < start + most {
            let next = (0..self.waiting.len()).min_by_key(|at| (self.waiting[*at].0, *at));
            let due = next.map_or(start + most, |at| self.waiting[at].0).min(start + most);
            let due = self.rig.role.deadline().map_or(due, |at| at.min(due));
            let before = self.node();
            let wait = due.since(self.rig.now.mono);
            let mut actions = self.rig.pass(wait);
            if let Some(at) = next.filter(|at| self.waiting[*at].0 <= self.rig.now.mono) {
                let (_, link, message) = self.waiting.remove(at);
                actions.extend(self.rig.receive(link, &message));
            }
            self.hear(&actions);
            self.switches += usize::from(self.node() != before);
            // `Fetched` bodies make room.
            let height = self.height();
            let actions = self.rig.notice(ToHeaders::Fetched { height });
            self.hear(&actions);
        }
        self.rig.now.mono.since(start)
    }
}

fn seconds(duration: Duration) -> f64 {
    duration.as_secs_f64()
}

#[test]
fn slow_peers_that_claim_more_work_do_not_hold_up_a_fast_one() {
    for count in [1, 2, 7] {
        let mut net = Network::new(3000);
        for link in 0..count {
            net.claimer(link * 2 + 1, link, steady(MS * 2700));
        }
        net.run(SECOND * 4);
        net.honest(101, SERVICES, MS * 20);
        let took = net.run(SECOND * 60);
        assert!(took < SECOND * 8, "{count} slow peers: {} s, height {}", seconds(took), net.height());
        assert_eq!((net.node(), net.faults), (Some(101), vec![]), "slowness costs no points");
    }
}

#[test]
fn a_fast_first_answer_wins_the_role_for_seconds_only() {
    for headers in [1, 50, MAX_SYNC_HEADERS] {
        let mut net = Network::new(3000);
        for link in 0..7 {
            let manner = Manner { takes: MS, later: (2, Some(MS * 2700)), headers };
            net.claimer(link * 2 + 1, link, manner);
        }
        net.honest(101, SERVICES, MS * 100);
        let took = net.run(SECOND * 60);
        assert!(took < SECOND * 20, "{headers} headers each: {} s, height {}", seconds(took), net.height());
        assert_eq!(net.node(), Some(101));
    }
}

/// How long a sync of so many headers from an honest peer takes, beside seven liars that answer three questions at once and
/// then none, and come back when they are closed for it.
fn beside_silent_liars(blocks: usize, honest: Manner, headers: usize) -> Duration {
    let mut net = Network::new(blocks);
    let manner = Manner { takes: MS, later: (3, None), headers };
    for link in 0..7 {
        net.claimer(link * 2 + 1, link, manner);
    }
    let claims = net.chain.clone();
    net.link(101, 101, &claims, 1, honest);
    let (mut next, mut took) = (201, Duration::ZERO);
    while net.height() < net.chain.height() && took < SECOND * 200 {
        took += net.run(MS * 500);
        for (link, _) in std::mem::take(&mut net.faults) {
            let actions = net.rig.down(link);
            net.hear(&actions);
            net.waiting.retain(|(_, other, _)| *other != link);
            net.claimer(next, (link - 1) / 2 % 100, manner);
            next += 200;
        }
    }
    took
}

#[test]
fn peers_that_fall_silent_and_come_back_do_not_hold_up_a_sync() {
    let took = beside_silent_liars(3000, steady(MS * 100), 10);
    assert!(took < SECOND * 20, "{} s", seconds(took));
}

/// What counts is how long they were silent in all: two seconds of it, after three full answers, would make them better than
/// an honest peer that was busy for a while.
#[test]
fn nor_do_they_beside_a_peer_that_was_busy_at_first() {
    let honest = Manner { takes: MS * 1_600, later: (4, Some(MS * 50)), headers: MAX_SYNC_HEADERS };
    let took = beside_silent_liars(6_000, honest, MAX_SYNC_HEADERS);
    assert!(took < SECOND * 30, "{} s", seconds(took));
}

#[test]
fn peers_on_equally_long_lines_take_no_turns() {
    for services in [1, SERVICES] {
        let mut net = Network::new(3000);
        for link in [1, 3, 5] {
            net.honest(link, services, MS * 600);
        }
        let took = net.run(SECOND * 60);
        let rounds = if services & SERVICE_SKELETON == 0 { 30 } else { 5 };
        assert!(took <= MS * 600 * rounds, "{} s", seconds(took));
        assert_eq!((net.node(), net.switches, net.faults), (Some(1), 1, vec![]));
    }
}

#[test]
fn a_far_peer_that_is_asked_ahead_keeps_its_role_beside_a_near_one() {
    let mut net = Network::new(6_000);
    net.honest(1, SERVICES, MS * 600);
    net.run(MS * 700);
    net.honest(3, SERVICES, MS);
    net.run(SECOND * 60);
    assert_eq!((net.node(), net.switches, net.height()), (Some(1), 1, 6_000));
}
