//! All links of the poll loop: who has something to do, who waits for what, and how links end.

use std::{
    collections::{BTreeMap, VecDeque},
    net::SocketAddr,
    sync::Arc,
};

use mio::net::TcpStream;

use crate::{
    base::{ids::LinkId, limits, time::Time},
    net::{
        Config, Delivery,
        conn::{Conn, Surroundings, Turn},
        delivery::hearers,
        leases::Leases,
        timers::Timers,
        traffic::Traffic,
    },
    node::{
        CloseReason, Direction, LinkEvent, PeerFault, PeerInfo, RoleId,
        limit::{Limit, Limiter},
    },
    wire::{
        frame::Frame,
        message::{GoodbyeCode, Message, canonical_ip},
    },
};

/// Time between two looks at what each link uses of its own limits.
const LOOK_INTERVAL: std::time::Duration = std::time::Duration::from_secs(1);
/// Limits of one link, their caps, and how much of it a link uses.
type LinkLimit = (Limit, usize, fn(&Conn, Time) -> usize);
const LINK_LIMITS: [LinkLimit; 4] = [
    (Limit::Frame, limits::MAX_BLOCK_MESSAGE_BYTES, |conn, _| conn.link.reader().body_len().unwrap_or(0)),
    (Limit::FrameTime, limits::PARTIAL_BLOCK.as_secs() as usize, Conn::frame_seconds),
    (Limit::HandshakeTime, limits::HANDSHAKE_TIMEOUT.as_secs() as usize, Conn::handshake_seconds),
    (Limit::Silence, limits::DEAD_AFTER.as_secs() as usize, Conn::silent_seconds),
];
/// How often slow holders of leases are looked for while somebody waits for one.
const LEASE_CHECK: std::time::Duration = std::time::Duration::from_secs(1);

/// The part of the budget for what is to be sent beyond which peers get the blocks that they ask for one by one: as many
/// peers as there may be, each with a block of usual size, then stay below the budget.
const CROWDED_PART: usize = 4;

/// Every socket that is a link, with what they share.
pub(super) struct Links {
    config: Config,
    conns: BTreeMap<LinkId, Conn>,
    /// Links with something to do, each at most once, in turns.
    ready: VecDeque<LinkId>,
    timers: Timers,
    leases: Leases,
    lease_check: Option<Time>,
    pub(super) delivery: Delivery,
    traffic: Arc<Traffic>,
    /// Bytes queued on all links.
    queued: usize,
    /// These, and what the blocks will take that peers have asked for.
    load: usize,
    accepted: usize,
    scratch: Vec<u8>,
    limiter: Limiter,
    next_look: Time,
}

impl Links {
    pub(super) fn new(config: Config, delivery: Delivery, traffic: Arc<Traffic>) -> Self {
        Self {
            leases: Leases::new(config.receive_budget),
            config,
            conns: BTreeMap::new(),
            ready: VecDeque::new(),
            timers: Timers::default(),
            lease_check: None,
            delivery,
            traffic,
            queued: 0,
            load: 0,
            accepted: 0,
            scratch: vec![0; limits::LINK_TURN_BYTES],
            limiter: Limiter::default(),
            next_look: Time::default(),
        }
    }

    /// Whether another connection may be accepted. One that was ended and only waits for its farewell to be read makes
    /// room: whoever dials again and again must not keep others out by being refused.
    pub(super) fn make_room(&mut self, now: Time) -> bool {
        if self.accepted < self.config.max_accepted {
            return true;
        }
        self.hit(now, Limit::Accepted, self.config.max_accepted);
        let closing = self.conns.values().filter(|conn| conn.direction.is_inbound());
        let first = closing.filter_map(|conn| Some((conn.ends?, conn.id))).min();
        first.map(|(_, id)| self.remove(id)).is_some()
    }

    /// Tells how much of each budget is used; of what each link has for itself, once in a while.
    pub(super) fn meter(&mut self, now: Time) {
        self.traffic.used(Limit::Receive, self.leases.used(), self.config.receive_budget);
        self.traffic.used(Limit::Send, self.queued, self.config.send_budget);
        self.traffic.used(Limit::Accepted, self.accepted, self.config.max_accepted);
        if self.next_look <= now {
            self.next_look = now + LOOK_INTERVAL;
            let links = || self.conns.values().filter(|conn| conn.ends.is_none());
            for (limit, cap, use_of) in LINK_LIMITS {
                self.traffic.used(limit, links().map(|conn| use_of(conn, now)).max().unwrap_or(0), cap);
            }
        }
    }

    fn hit(&mut self, now: Time, limit: Limit, cap: usize) {
        self.traffic.hit(limit);
        self.limiter.hit(now, limit, cap);
    }

    pub(super) fn is_empty(&self) -> bool {
        self.conns.is_empty()
    }

    /// A connection stands; its socket is registered.
    pub(super) fn open(&mut self, id: LinkId, stream: TcpStream, direction: Direction, remote: SocketAddr) {
        let remote = SocketAddr::new(canonical_ip(remote.ip()), remote.port());
        let conn = Conn::new(id, self.config.magic, stream, direction, self.traffic.open(id));
        self.accepted += usize::from(direction.is_inbound());
        self.conns.insert(id, conn);
        for role in hearers(false) {
            self.delivery.tell(*role, LinkEvent::Opened { link: id, direction, remote });
        }
        self.list(id);
    }

    /// The socket has news.
    pub(super) fn event(&mut self, id: LinkId, readable: bool, writable: bool) {
        let Some(conn) = self.conns.get_mut(&id) else { return };
        conn.readable |= readable;
        conn.writable |= writable;
        self.list(id);
    }

    pub(super) fn send(&mut self, id: LinkId, frame: &Frame, now: Time) {
        let Some(conn) = self.conns.get_mut(&id) else { return };
        if conn.ends.is_some() {
            return;
        }
        let sent = conn.link.send(frame);
        self.count(id);
        if sent.is_err() {
            self.end(id, CloseReason::Fault(PeerFault::SendStall), 0, Time::default());
            return;
        }
        self.list(id);
        if self.queued > self.config.send_budget {
            let longest = self.conns.values().max_by_key(|conn| conn.link.queued()).map(|conn| conn.id);
            let Some(longest) = longest else { return };
            self.hit(now, Limit::Send, self.config.send_budget);
            self.end(longest, CloseReason::Fault(PeerFault::SendStall), 0, Time::default());
        }
    }

    pub(super) fn resume(&mut self, id: LinkId) {
        if let Some(conn) = self.conns.get_mut(&id) {
            conn.link.resume();
            self.list(id);
        }
    }

    pub(super) fn promote(&mut self, id: LinkId, peer: &Arc<PeerInfo>) {
        let Some(conn) = self.conns.get_mut(&id) else { return };
        if conn.up || conn.ends.is_some() {
            return;
        }
        conn.up = true;
        conn.link.promote();
        for role in hearers(true) {
            self.delivery.tell(*role, LinkEvent::Up { link: id, peer: Arc::clone(peer) });
        }
        self.list(id);
    }

    /// Ends a link, with the usual time for its goodbye; a limit that it went beyond has bitten.
    pub(super) fn close(&mut self, id: LinkId, reason: CloseReason, retry_after: u32, now: Time) {
        let lives = self.conns.get(&id).is_some_and(|conn| conn.ends.is_none());
        if let CloseReason::Fault(fault) = &reason
            && let Some(limit) = Limit::exceeded_by(fault).filter(|_| lives)
        {
            let cap = LINK_LIMITS.iter().find(|(which, ..)| *which == limit).map_or(0, |(_, cap, _)| *cap);
            self.hit(now, limit, cap);
        }
        self.end(id, reason, retry_after, now + self.config.goodbye_linger);
    }

    /// Ends a link: the roles hear of it at once. The socket lives until `ends` at most, so that the goodbye gets
    /// through; a link that takes no more bytes, or that the peer ended, has no goodbye and is gone at once.
    fn end(&mut self, id: LinkId, reason: CloseReason, retry_after: u32, ends: Time) {
        let Some(conn) = self.conns.get_mut(&id) else { return };
        if conn.ends.is_some() {
            return;
        }
        log::debug!("link closed link={} reason={:?}", id.0, reason.to_string());
        let code = match &reason {
            CloseReason::Fault(PeerFault::SendStall) => None,
            CloseReason::Fault(_) => Some(GoodbyeCode::Fault),
            CloseReason::Local(code) => Some(*code),
            CloseReason::Remote { .. } | CloseReason::Lost(_) => None,
        };
        let up = conn.up;
        let goodbye = code.map(|code| Frame::new(&Message::Goodbye { code: code as u8, retry_after }));
        let lingers = goodbye.is_some_and(|goodbye| conn.link.send(&goodbye).is_ok());
        conn.close(ends);
        self.count(id);
        self.leases.release(id);
        self.traffic.close(id);
        self.delivery.forget(id);
        for role in hearers(up) {
            self.delivery.tell(*role, LinkEvent::Closed { link: id, reason: reason.clone() });
        }
        if lingers {
            self.list(id);
            self.call_lease();
        } else {
            self.remove(id);
        }
    }

    /// Says goodbye to everybody.
    pub(super) fn end_all(&mut self, code: GoodbyeCode, ends: Time) {
        for id in self.conns.keys().copied().collect::<Vec<_>>() {
            self.end(id, CloseReason::Local(code), 0, ends);
        }
    }

    /// Gives each link in the list one turn. True if some want another.
    pub(super) fn turns(&mut self, now: Time) -> bool {
        for _ in 0..self.ready.len() {
            let Some(id) = self.ready.pop_front() else { break };
            if let Some(conn) = self.conns.get_mut(&id) {
                conn.listed = false;
                self.turn(id, None, now);
            }
        }
        !self.ready.is_empty()
    }

    /// Looks whether inboxes that were full have room again: first what is told, then the links, each in its turn.
    pub(super) fn flush(&mut self, now: Time) {
        for role in hearers(true) {
            let mut open = self.delivery.flush(*role);
            while open {
                let Some(id) = self.delivery.next_waiting(*role) else { break };
                open = self.turn(id, Some(*role), now) != Some(Turn::Inbox(*role));
            }
        }
    }

    /// The next moment at which [`Links::alarms`] has something to do.
    pub(super) fn next_alarm(&self) -> Option<Time> {
        [self.timers.next(), self.lease_check].into_iter().flatten().min()
    }

    /// Ends what is overdue.
    pub(super) fn alarms(&mut self, now: Time) {
        while let Some(id) = self.timers.due(now) {
            let Some(conn) = self.conns.get_mut(&id) else { continue };
            conn.armed = None;
            if conn.ends.is_some_and(|ends| ends <= now) {
                self.remove(id);
            } else if let Some(fault) = conn.overdue(&self.config, now).filter(|_| conn.ends.is_none()) {
                self.close(id, CloseReason::Fault(fault), 0, now);
            } else {
                self.arm(id);
            }
        }
        if self.lease_check.is_some_and(|check| check <= now) {
            self.check_leases(now);
        }
    }

    fn turn(&mut self, id: LinkId, turn_at: Option<RoleId>, now: Time) -> Option<Turn> {
        let conn = self.conns.get_mut(&id)?;
        let written = conn.write_turn(now);
        if conn.ends.is_some() {
            let gone = written.is_err() || conn.shut() || conn.discard_turn(&mut self.scratch);
            self.count(id);
            self.after_goodbye(id, gone);
            return None;
        }
        conn.link.set_crowded(self.load > self.config.send_budget / CROWDED_PART);
        let mut around = Surroundings {
            delivery: &mut self.delivery,
            leases: &mut self.leases,
            scratch: &mut self.scratch,
            turn_at,
            now,
        };
        // Even if nothing can be written any more: what the peer said last may still be there to be read.
        let read = conn.read_turn(&mut around);
        let again = conn.writable && conn.link.queued() > 0;
        self.count(id);
        match read.and_then(|turn| written.map(|()| turn)) {
            Ok(turn) => {
                if turn == Turn::Lease {
                    self.hit(now, Limit::Receive, self.config.receive_budget);
                    self.lease_check.get_or_insert(now + LEASE_CHECK);
                }
                if turn == Turn::More || again {
                    self.list(id);
                }
                self.arm(id);
                self.call_lease();
                Some(turn)
            }
            Err(reason) => {
                self.close(id, reason, 0, now);
                None
            }
        }
    }

    fn after_goodbye(&mut self, id: LinkId, gone: bool) {
        let Some(conn) = self.conns.get(&id) else { return };
        if gone {
            self.remove(id);
            return;
        }
        let again = conn.readable || conn.writable && conn.link.queued() > 0;
        self.arm(id);
        if again {
            self.list(id);
        }
    }

    fn remove(&mut self, id: LinkId) {
        let Some(conn) = self.conns.remove(&id) else { return };
        self.recount(conn.counted, (0, 0));
        self.accepted -= usize::from(conn.direction.is_inbound());
        self.timers.disarm(id, conn.armed);
        self.leases.release(id);
        self.call_lease();
    }

    /// Counts what waits on a link, in place of what was counted of it before.
    fn count(&mut self, id: LinkId) {
        if let Some(conn) = self.conns.get_mut(&id) {
            let now = (conn.link.queued(), conn.link.load());
            let before = std::mem::replace(&mut conn.counted, now);
            self.recount(before, now);
        }
    }

    fn recount(&mut self, before: (usize, usize), after: (usize, usize)) {
        self.queued = self.queued.saturating_sub(before.0).saturating_add(after.0);
        self.load = self.load.saturating_sub(before.1).saturating_add(after.1);
    }

    /// Puts a link on the list of those that have something to do.
    fn list(&mut self, id: LinkId) {
        if let Some(conn) = self.conns.get_mut(&id)
            && !conn.listed
        {
            conn.listed = true;
            self.ready.push_back(id);
        }
    }

    fn arm(&mut self, id: LinkId) {
        if let Some(conn) = self.conns.get_mut(&id) {
            let deadline = conn.deadline(&self.config);
            self.timers.arm(id, &mut conn.armed, deadline);
        }
    }

    /// Gives whoever is first in line for a lease a turn; if there is not enough, it stays first.
    fn call_lease(&mut self) {
        if let Some(next) = self.leases.call() {
            self.list(next);
        }
    }

    /// Somebody waits for a lease: holders that hardly send are given up.
    fn check_leases(&mut self, now: Time) {
        self.lease_check = self.leases.contended().then(|| now + LEASE_CHECK);
        if self.lease_check.is_none() {
            return;
        }
        for id in self.leases.holders().collect::<Vec<_>>() {
            if self.conns.get_mut(&id).is_some_and(|conn| conn.dawdles(now)) {
                log::debug!("slow large frame given up link={}", id.0);
                self.close(id, CloseReason::Fault(PeerFault::PartialFrame), 0, now);
            }
        }
    }
}
