//! What the poll loop of production promises to the roles, kept here for simulated connections.
//!
//! For each link: `Opened` (see `dial`), `Up`, frames, `Closed` in this order; one frame at a time before the promotion;
//! `Closed` exactly once, to all roles that know of the link; a frame for a full inbox stays with its link, which is read
//! no further; partial frames and unread answers have deadlines.

use std::time::Duration;

use crate::{
    base::{ids::LinkId, time::Time},
    node::{CloseReason, LinkAction, LinkEvent, PeerFault, RoleId},
    sim::{
        checkers,
        net::{self, Conn, ConnId, Parcel, Phase, Side, Weather, other},
        world::{Happening, World},
    },
    wire::{
        frame::Frame,
        message::{GoodbyeCode, Kind, Message},
    },
};

/// How long the last words of a link may take.
const LINGER: Duration = Duration::from_secs(5);

impl World {
    /// Carries out what a role asked of the poll loop.
    pub(super) fn perform(&mut self, node: usize, action: LinkAction) {
        match action {
            LinkAction::Dial { dial, address } => self.dial(node, dial, address),
            LinkAction::Send { link, frame } if self.is_honest(node) => self.send(link, &frame),
            LinkAction::Send { link, frame } => {
                for frame in self.twist(node, link, frame) {
                    self.send(link, &frame);
                }
            }
            LinkAction::Resume(link) => {
                if let Some((conn, side)) = self.live(link) {
                    self.conn(conn).ends[side].link.resume();
                    self.read(conn, side);
                }
            }
            LinkAction::Promote { link, peer } => {
                if let Some((conn, side)) = self.live(link) {
                    let end = &mut self.conn(conn).ends[side];
                    end.link.promote();
                    end.up = true;
                    let up = LinkEvent::Up { link, peer };
                    LinkEvent::ROLES.iter().for_each(|role| self.deliver(node, *role, up.clone()));
                    self.read(conn, side);
                }
            }
            LinkAction::Close { link, reason, retry_after } => {
                if let Some((conn, side)) = self.live(link) {
                    self.say_goodbye(conn, side, *reason, retry_after);
                }
            }
        }
    }

    /// A connection that exists.
    pub(super) fn conn(&mut self, conn: ConnId) -> &mut Conn {
        self.conns[conn].as_mut().expect("the caller has just looked the connection up")
    }

    /// The end with this id, if its node still knows it.
    fn live(&self, link: LinkId) -> Option<(ConnId, Side)> {
        let (conn, side) = net::end_of(link);
        let end = &self.conns.get(conn)?.as_ref()?.ends[side];
        (end.phase == Phase::Live).then_some((conn, side))
    }

    pub(super) fn deliver(&mut self, node: usize, role: RoleId, event: LinkEvent) {
        if let Some(life) = &mut self.nodes[node].life {
            life.hear(role, event);
        }
    }

    // ---- Sending. ----

    pub(super) fn send(&mut self, link: LinkId, frame: &Frame) {
        let Some((conn, side)) = self.live(link) else { return };
        let now = self.now;
        let end = &mut self.conn(conn).ends[side];
        if end.link.output().is_none() {
            end.progress = now;
        }
        let answered = checkers::answers(end, frame);
        if end.link.send(frame).is_err() {
            return self.say_goodbye(conn, side, CloseReason::Fault(PeerFault::SendStall), 0);
        }
        if answered {
            self.stats.blocks_served += 1;
        }
        self.to_pump.push((conn, side));
    }

    /// Moves queued bytes of all links that have some into their pipes.
    pub(super) fn pump_all(&mut self) {
        while let Some((conn, side)) = self.to_pump.pop() {
            self.pump(conn, side);
        }
    }

    fn pump(&mut self, conn: ConnId, side: Side) {
        let Some(there) = &mut self.conns[conn] else { return };
        let liar = self.nodes[there.ends[side].node].liar.as_ref();
        let drips = there.ends[side].up && liar.is_some_and(|liar| liar.trick.drips());
        let weather = if drips { &Weather::DRIP } else { &self.weather };
        there.pump(side, self.now, weather, &mut self.net_rng);
        let end = &there.ends[side];
        if end.phase == Phase::Lingering && end.link.output().is_none() && !there.pipes[side].closed {
            there.finish(side, self.now, Parcel::Fin, &self.weather, &mut self.net_rng);
        }
        self.schedule_arrival(conn, side);
        self.schedule_watch(conn, side);
        self.read_on(conn, side);
    }

    /// What was left unread or put back, since the peer had asked for enough or read nothing, may have its turn after an
    /// answer.
    fn read_on(&mut self, conn: ConnId, side: Side) {
        let now = self.now;
        let Some(there) = &self.conns[conn] else { return };
        let end = &there.ends[side];
        if end.has_more(now) {
            self.at(now, Happening::Read(conn, side));
        }
    }

    fn schedule_arrival(&mut self, conn: ConnId, side: Side) {
        let Some(there) = &mut self.conns[conn] else { return };
        let pipe = &mut there.pipes[side];
        if let (false, Some(at)) = (pipe.scheduled, pipe.next_arrival()) {
            pipe.scheduled = true;
            self.at(at, Happening::Arrive(conn, side));
        }
    }

    pub(super) fn end_pipe(&mut self, conn: ConnId, side: Side, parcel: Parcel) {
        let Some(there) = &mut self.conns[conn] else { return };
        there.finish(side, self.now, parcel, &self.weather, &mut self.net_rng);
        self.schedule_arrival(conn, side);
    }

    // ---- Receiving. ----

    /// What `side` sent may have arrived at the other side.
    pub(super) fn arrive(&mut self, conn: ConnId, side: Side) {
        let Some(there) = &mut self.conns[conn] else { return };
        there.pipes[side].scheduled = false;
        let to = other(side);
        let nodes = [there.ends[0].node, there.ends[1].node];
        if let Some(until) = self.severed(nodes[0], nodes[1]) {
            // TCP tries again from time to time, and gets through a while after the partition has healed.
            let again = until + Duration::from_millis(self.net_rng.below(3_000));
            self.conn(conn).pipes[side].scheduled = true;
            return self.at(again, Happening::Arrive(conn, side));
        }
        let now = self.now;
        while let Some(parcel) = self.conn(conn).pipes[side].arrival(now) {
            self.take(conn, to, parcel);
        }
        self.schedule_arrival(conn, side);
        self.read(conn, to);
        self.pump(conn, side);
        self.bury(conn);
        self.run_node(nodes[to]);
    }

    fn take(&mut self, conn: ConnId, side: Side, parcel: Parcel) {
        let end = &mut self.conn(conn).ends[side];
        let (phase, node, life) = (end.phase, end.node, end.life);
        match (phase, parcel) {
            (Phase::Gone, Parcel::Bytes(_)) => {
                // A host that vanished says nothing; one that is there says that it knows no such connection.
                if !self.nodes[node].vanished || self.nodes[node].lives != life {
                    self.end_pipe(conn, side, Parcel::Reset);
                }
            }
            (Phase::Live | Phase::Connecting, Parcel::Bytes(bytes)) => {
                let sender = self.conn(conn).ends[other(side)].node;
                self.nodes[node].traffic.1 += bytes.len() as u64;
                self.nodes[sender].traffic.0 += bytes.len() as u64;
                self.conn(conn).ends[side].arrived(bytes);
            }
            (Phase::Live | Phase::Connecting, Parcel::Fin) => end.ended = true,
            (Phase::Live, Parcel::Reset) => self.lose(conn, side, "connection reset"),
            (Phase::Connecting, Parcel::Reset) => {
                end.discard();
                end.ended = true;
            }
            (Phase::Lingering, Parcel::Fin | Parcel::Reset) => end.phase = Phase::Gone,
            (Phase::Lingering, Parcel::Bytes(_)) | (Phase::Gone, _) => {}
        }
    }

    /// Reads frames as far as the link, its roles' inboxes and the node's pace allow.
    pub(super) fn read(&mut self, conn: ConnId, side: Side) {
        loop {
            let now = self.now;
            let Some(there) = &mut self.conns[conn] else { return };
            let end = &mut there.ends[side];
            if !end.may_read(now) {
                break;
            }
            let (node, before) = (end.node, end.unread());
            match end.read_frame(now) {
                Err(fault) => return self.say_goodbye(conn, side, CloseReason::Fault(fault.into()), 0),
                Ok(None) => break,
                Ok(Some(frame)) => {
                    let bytes = before - end.unread();
                    self.slow_down(conn, side, bytes);
                    self.hand(node, conn, side, frame);
                }
            }
        }
        let Some(there) = &self.conns[conn] else { return };
        let end = &there.ends[side];
        if end.phase == Phase::Live && end.ended && end.unread() == 0 && end.parked.is_none() {
            self.lose(conn, side, "connection ended");
        }
        self.pump(conn, other(side));
        self.schedule_watch(conn, side);
    }

    /// A pause between two readings is over.
    pub(super) fn read_again(&mut self, conn: ConnId, side: Side) {
        let Some(there) = &self.conns[conn] else { return };
        let node = there.ends[side].node;
        self.read(conn, side);
        self.run_node(node);
    }

    /// A slow node reads nothing for as long as these bytes take it.
    fn slow_down(&mut self, conn: ConnId, side: Side, bytes: usize) {
        let end = &mut self.conns[conn].as_mut().expect("just read from").ends[side];
        if let Some(rate) = self.nodes[end.node].slow {
            end.reads_at = self.now + Duration::from_micros(bytes as u64 * 1_000_000 / rate.max(1));
            let at = end.reads_at;
            self.at(at, Happening::Read(conn, side));
        }
    }

    /// Gives a frame to its role, or parks it.
    fn hand(&mut self, node: usize, conn: ConnId, side: Side, frame: Frame) {
        let link = net::link_id(conn, side);
        let end = &mut self.conns[conn].as_mut().expect("just read from").ends[side];
        let role = if end.up { RoleId::for_kind(frame.kind) } else { RoleId::Handshake };
        let Some(life) = &mut self.nodes[node].life else { return };
        if !life.has_room(role, frame.body.len()) {
            end.parked = Some(frame);
            life.parked.insert(link);
            return;
        }
        end.farewell |= frame.kind == Kind::Goodbye;
        checkers::asks(end, &frame, self.now);
        life.hear(role, LinkEvent::Frame { link, frame });
    }

    /// Tries again to hand out the frames that found no room. True if one found it now.
    pub(super) fn unpark(&mut self, node: usize) -> bool {
        let parked: Vec<LinkId> = match &self.nodes[node].life {
            Some(life) if !life.parked.is_empty() => life.parked.iter().copied().collect(),
            _ => return false,
        };
        let mut moved = false;
        for link in parked {
            let (conn, side) = net::end_of(link);
            let frame = self.conns[conn].as_mut().and_then(|there| there.ends[side].parked.take());
            if let Some(life) = &mut self.nodes[node].life {
                life.parked.remove(&link);
            }
            let Some(frame) = frame else { continue };
            self.hand(node, conn, side, frame);
            if self.conn(conn).ends[side].parked.is_none() {
                moved = true;
                self.read(conn, side);
            }
        }
        moved
    }

    // ---- Deadlines. ----

    fn schedule_watch(&mut self, conn: ConnId, side: Side) {
        let Some(there) = &mut self.conns[conn] else { return };
        let end = &mut there.ends[side];
        if let (Phase::Live, false, Some(at)) = (end.phase, end.watched, end.next_deadline()) {
            end.watched = true;
            self.at(at, Happening::Watch(conn, side));
        }
    }

    pub(super) fn watch(&mut self, conn: ConnId, side: Side) {
        let now = self.now;
        let Some(there) = &mut self.conns[conn] else { return };
        let end = &mut there.ends[side];
        end.watched = false;
        let node = end.node;
        let passed = |deadline: Option<Time>| deadline.is_some_and(|at| at <= now);
        if end.phase != Phase::Live {
            return;
        }
        if passed(end.partial_deadline()) {
            self.say_goodbye(conn, side, CloseReason::Fault(PeerFault::PartialFrame), 0);
        } else if passed(end.stall_deadline()) {
            self.say_goodbye(conn, side, CloseReason::Fault(PeerFault::SendStall), 0);
        }
        self.schedule_watch(conn, side);
        self.run_node(node);
    }

    pub(super) fn linger_over(&mut self, conn: ConnId, side: Side) {
        let Some(there) = &mut self.conns[conn] else { return };
        if there.ends[side].phase == Phase::Lingering {
            there.ends[side].phase = Phase::Gone;
            if !there.pipes[side].closed {
                self.end_pipe(conn, side, Parcel::Reset);
            }
        }
        self.bury(conn);
    }

    // ---- Ends. ----

    /// Ends a link as we want it: the roles hear of it at once, the peer after what is queued.
    fn say_goodbye(&mut self, conn: ConnId, side: Side, reason: CloseReason, retry_after: u32) {
        let end = &mut self.conns[conn].as_mut().expect("only live ends say goodbye").ends[side];
        if let (Some(code), false) = (goodbye_code(&reason), end.farewell) {
            let message = Message::Goodbye { code: code as u8, retry_after };
            // A queue that is too full for a goodbye belongs to a peer that would not read it.
            let _ = end.link.send(&Frame::new(&message));
        }
        end.link.close();
        end.phase = Phase::Lingering;
        end.discard();
        self.at(self.now + LINGER, Happening::Linger(conn, side));
        self.forget(conn, side, reason);
        self.to_pump.push((conn, side));
    }

    /// Says goodbye to all peers, because the node stops.
    pub(super) fn part_with_all(&mut self, node: usize) {
        let links: Vec<LinkId> = self.nodes[node].life.iter().flat_map(|life| life.links.iter().copied()).collect();
        for (conn, side) in links.into_iter().filter_map(|link| self.live(link)).collect::<Vec<_>>() {
            self.say_goodbye(conn, side, CloseReason::Local(GoodbyeCode::Stopping), 0);
        }
    }

    /// A link has ended by itself.
    fn lose(&mut self, conn: ConnId, side: Side, why: &str) {
        let end = &mut self.conn(conn).ends[side];
        end.phase = Phase::Gone;
        end.discard();
        if !self.conn(conn).pipes[side].closed {
            self.end_pipe(conn, side, Parcel::Fin);
        }
        self.forget(conn, side, CloseReason::Lost(why.to_owned()));
    }

    /// Tells all roles that know of the link that it is gone.
    fn forget(&mut self, conn: ConnId, side: Side, reason: CloseReason) {
        let link = net::link_id(conn, side);
        let there = self.conns[conn].as_mut().expect("a link that ends was there");
        let peer = there.ends[other(side)].node;
        let end = &mut there.ends[side];
        end.parked = None;
        end.partial_since = None;
        let (node, up) = (end.node, end.up);
        self.blame(node, peer, &reason);
        let Some(life) = &mut self.nodes[node].life else { return };
        life.links.remove(&link);
        life.parked.remove(&link);
        let closed = LinkEvent::Closed { link, reason };
        let hearers = if up { &LinkEvent::ROLES[..] } else { &LinkEvent::ROLES[..2] };
        hearers.iter().for_each(|role| self.deliver(node, *role, closed.clone()));
    }

    /// Both sides lose the connection at once.
    pub(super) fn reset(&mut self, conn: ConnId) {
        for side in [0, 1] {
            let Some(there) = &mut self.conns[conn] else { return };
            there.pipes[side].clear();
            let node = there.ends[side].node;
            match there.ends[side].phase {
                Phase::Live => self.lose(conn, side, "connection reset"),
                Phase::Connecting => self.end_pipe(conn, other(side), Parcel::Reset),
                Phase::Lingering | Phase::Gone => self.conn(conn).ends[side].phase = Phase::Gone,
            }
            self.run_node(node);
        }
        self.bury(conn);
    }

    /// All connections of a node die with it. Nobody is told if the whole host vanished.
    pub(super) fn abandon(&mut self, links: impl Iterator<Item = LinkId>, silent: bool) {
        for link in links {
            let (conn, side) = net::end_of(link);
            let Some(there) = &mut self.conns[conn] else { continue };
            there.ends[side].phase = Phase::Gone;
            there.ends[side].discard();
            if !silent {
                self.end_pipe(conn, side, Parcel::Reset);
            }
        }
    }

    /// Forgets a connection of which nobody will hear again.
    fn bury(&mut self, conn: ConnId) {
        if self.conns[conn].as_ref().is_some_and(|there| there.is_over()) {
            self.conns[conn] = None;
        }
    }
}

fn goodbye_code(reason: &CloseReason) -> Option<GoodbyeCode> {
    match reason {
        CloseReason::Fault(
            PeerFault::HandshakeTimeout | PeerFault::PingTimeout | PeerFault::PartialFrame | PeerFault::SendStall,
        ) => Some(GoodbyeCode::TimedOut),
        CloseReason::Fault(_) => Some(GoodbyeCode::Fault),
        CloseReason::Local(code) => Some(*code),
        CloseReason::Remote { .. } | CloseReason::Lost(_) => None,
    }
}
