//! The simulator's sockets: bytes and time, moved between the nodes' endpoints and the pipes.

use std::time::Duration;

use crate::{
    base::{ids::LinkId, time::Time},
    link::Order,
    node::LinkAction,
    sim::{
        checkers::pushed_block,
        net::{Conn, ConnId, LinkConditions, Parcel, Phase, Side, other},
        world::{Happening, World},
    },
};

/// How long a link to a byzantine node that drips is like others.
const BEFORE_DRIP: Duration = Duration::from_secs(15);
/// Chunks that are looked at in one turn.
const CHUNKS: usize = 64;

impl World {
    /// Carries out what a role asked of the network.
    pub(super) fn perform(&mut self, node: usize, action: LinkAction) {
        match action {
            LinkAction::Send { link, frame } if !self.is_honest(node) => {
                for frame in self.distort(node, link, frame) {
                    self.order(node, LinkAction::Send { link, frame });
                }
            }
            LinkAction::Relay { link, frame } if !self.is_honest(node) => {
                for frame in self.distort(node, link, frame) {
                    self.order(node, LinkAction::Relay { link, frame });
                }
            }
            LinkAction::Answer { link, request, frames } if !self.is_honest(node) => {
                let frames = frames.into_iter().flat_map(|frame| self.distort(node, link, frame)).collect();
                self.order(node, LinkAction::Answer { link, request, frames });
            }
            action => self.order(node, action),
        }
    }

    /// Gives a node's endpoint an order.
    pub(super) fn order(&mut self, node: usize, action: LinkAction) {
        // An order may hand frames to roles, which then answer them.
        if self.survey.is_some() {
            return self.give_order(node, Order::Link(action));
        }
        self.check_overheard(node);
        self.check_action(node, &action);
        let pushed = pushed_block(&action);
        self.give_order(node, Order::Link(action));
        if let Some((link, block)) = pushed {
            self.check_repeated(node, link, &block);
        }
    }

    pub(super) fn give_order(&mut self, node: usize, order: Order) {
        let now = self.now;
        if let Some(life) = &mut self.nodes[node].life {
            life.endpoint.order(now, order);
        }
    }

    /// A connection that exists.
    fn conn(&mut self, conn: ConnId) -> &mut Conn {
        self.conns[conn].as_mut().expect("the caller has just looked the connection up")
    }

    /// Lets a node's endpoint do all that it can do now. True if that was anything.
    pub(super) fn drive(&mut self, node: usize) -> bool {
        let mut has_done = false;
        while let Some(life) = &mut self.nodes[node].life {
            if life.endpoint.sink_mut().take_found_room() {
                life.endpoint.flush(self.now);
            } else if let Some((link, address)) = life.endpoint.next_dial() {
                self.dial(node, link, address);
            } else if let Some(link) = life.endpoint.next_turn() {
                self.turn(node, link);
            } else if let Some(link) = life.endpoint.next_dropped() {
                self.check_overheard(node);
                self.drop_socket(node, link);
            } else {
                break;
            }
            has_done = true;
        }
        self.check_overheard(node);
        self.schedule_timeout(node);
        has_done
    }

    fn schedule_timeout(&mut self, node: usize) {
        let there = &mut self.nodes[node];
        let Some(at) = there.life.as_ref().and_then(|life| life.endpoint.deadline()) else { return };
        let at = at.max(Time(self.now.0 + 1));
        if there.timeout_at.is_none_or(|before| at < before || before < self.now) {
            there.timeout_at = Some(at);
            self.at(at, Happening::Timeout(node));
        }
    }

    /// A deadline of a node's endpoint has come.
    pub(super) fn timeout(&mut self, node: usize) {
        let now = self.now;
        let there = &mut self.nodes[node];
        if there.timeout_at == Some(now) {
            there.timeout_at = None;
        }
        if let Some(life) = &mut there.life {
            life.endpoint.handle_timeout(now);
            self.run_node(node);
        }
    }

    fn turn(&mut self, node: usize, link: LinkId) {
        let socket = self.nodes[node].life.as_ref().and_then(|life| life.sockets.get(&link).copied());
        if let Some((conn, side)) = socket {
            self.write(node, link, (conn, side));
            self.read(node, link, (conn, side));
        }
    }

    /// Moves queued bytes into the pipe as far as its window allows.
    fn write(&mut self, node: usize, link: LinkId, (conn, side): (ConnId, Side)) {
        let drips = self.drips(node, conn);
        let there = &mut self.nodes[node];
        let (Some(life), Some(between)) = (&mut there.life, &mut self.conns[conn]) else { return };
        let conditions = &if drips { LinkConditions::DRIP } else { between.conditions(side, self.conditions) };
        loop {
            let room = between.room(side, conditions);
            let queued = life.endpoint.transmit(link, CHUNKS).map(<[u8]>::len).sum::<usize>();
            if queued == 0 {
                break;
            }
            if room == 0 {
                between.ends[side].blocked = true;
                life.endpoint.blocked(self.now, link);
                break;
            }
            let mut take = room.min(queued);
            if take > 1 && self.net_rng.chance(conditions.split_ppm) {
                take = usize::try_from(self.net_rng.between(1, take as u64 - 1)).unwrap_or(1);
            }
            let mut bytes = Vec::with_capacity(take);
            for chunk in life.endpoint.transmit(link, CHUNKS) {
                bytes.extend_from_slice(&chunk[..chunk.len().min(take - bytes.len())]);
            }
            life.endpoint.sent(link, take);
            if let Some(survey) = &mut self.survey {
                between.pipes[side].hold_until(survey.take_uplink(node, self.now, take));
            }
            between.push(side, self.now, Parcel::Bytes(bytes), conditions, &mut self.net_rng);
        }
        let ends = life.endpoint.has_finished(link) && !between.pipes[side].closed;
        if ends {
            self.end_pipe(conn, side, Parcel::Fin);
        }
        self.schedule_arrival(conn, side);
    }

    /// Whether a node sends one byte at a time. It begins a while after the handshake, which would not end in time, and
    /// after the first questions: peers that do not answer these are left before a half frame is late.
    fn drips(&self, node: usize, conn: ConnId) -> bool {
        let drips = self.nodes[node].byzantine.as_ref().is_some_and(|byzantine| byzantine.trick.drips());
        drips && self.conns[conn].as_ref().is_some_and(|between| self.now.since(between.began) > BEFORE_DRIP)
    }

    /// Reads as much as the link wants, at the node's pace.
    fn read(&mut self, node: usize, link: LinkId, (conn, side): (ConnId, Side)) {
        let now = self.now;
        let there = &mut self.nodes[node];
        let (Some(life), Some(between)) = (&mut there.life, &mut self.conns[conn]) else { return };
        let end = &mut between.ends[side];
        let mut has_read = false;
        while end.reads_at <= now {
            let wanted = life.endpoint.wants(now, link);
            if wanted == 0 {
                break;
            }
            let queued = life.endpoint.queued(link);
            let tricks = there.byzantine.as_ref().and_then(|byzantine| byzantine.trick.reads(link, queued));
            if tricks == Some(0) {
                break;
            }
            let rate = tricks.or(there.slow.map(|rate| rate.max(1)));
            let most = rate.map_or(wanted, |rate| wanted.min(usize::try_from(rate).unwrap_or(usize::MAX)));
            let bytes = end.read(now, most);
            if bytes.is_empty() {
                if let Some(why) = end.ended.take() {
                    life.endpoint.disconnected(now, link, why);
                }
                break;
            }
            let read = bytes.len() as u64;
            life.endpoint.received(now, link, bytes);
            has_read = true;
            if let Some(rate) = rate {
                end.reads_at = now + Duration::from_micros(read * 1_000_000 / rate);
            }
        }
        end.trim();
        let reads_at = end.reads_at;
        let sender = &mut between.ends[other(side)];
        // The window has room again.
        if has_read && std::mem::take(&mut sender.blocked) {
            let (node, link) = (sender.node, sender.link);
            self.make_ready(node, link);
        }
        if reads_at > now {
            self.at(reads_at, Happening::Read(conn, side));
        }
    }

    /// The socket of a link has news, and the node looks at it soon.
    fn make_ready(&mut self, node: usize, link: LinkId) {
        let there = &mut self.nodes[node];
        let Some(life) = &mut there.life else { return };
        life.endpoint.ready(link);
        if !std::mem::replace(&mut there.drives, true) {
            self.at(self.now, Happening::Drive(node));
        }
    }

    /// A pause between two readings is over.
    pub(super) fn read_again(&mut self, conn: ConnId, side: Side) {
        let Some(between) = &self.conns[conn] else { return };
        let end = &between.ends[side];
        if end.phase == Phase::Live {
            self.make_ready(end.node, end.link);
        }
    }

    pub(super) fn schedule_arrival(&mut self, conn: ConnId, side: Side) {
        let Some(between) = &mut self.conns[conn] else { return };
        let pipe = &mut between.pipes[side];
        if let (false, Some(at)) = (pipe.scheduled, pipe.next_arrival()) {
            pipe.scheduled = true;
            self.at(at, Happening::Arrive(conn, side));
        }
    }

    /// Ends a direction, after what is in it.
    pub(super) fn end_pipe(&mut self, conn: ConnId, side: Side, parcel: Parcel) {
        let Some(between) = &mut self.conns[conn] else { return };
        let conditions = between.conditions(side, self.conditions);
        between.push(side, self.now, parcel, &conditions, &mut self.net_rng);
        self.schedule_arrival(conn, side);
    }

    /// What `side` sent may have arrived at the other side.
    pub(super) fn arrive(&mut self, conn: ConnId, side: Side) {
        let Some(between) = &mut self.conns[conn] else { return };
        between.pipes[side].scheduled = false;
        let to = other(side);
        let nodes = [between.ends[0].node, between.ends[1].node];
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
        let end = &self.conn(conn).ends[to];
        if end.phase == Phase::Live {
            let link = end.link;
            if let Some(life) = &mut self.nodes[nodes[to]].life {
                life.endpoint.ready(link);
            }
        }
        self.bury(conn);
        self.run_node(nodes[to]);
    }

    fn take(&mut self, conn: ConnId, side: Side, parcel: Parcel) {
        let now = self.now;
        let end = &mut self.conn(conn).ends[side];
        let (phase, node, life, link) = (end.phase, end.node, end.life, end.link);
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
                self.conn(conn).ends[side].arrived(now, bytes);
            }
            (Phase::Live | Phase::Connecting, Parcel::Fin) => end.ended = Some("connection ended"),
            (Phase::Live, Parcel::Reset) => {
                end.discard();
                if let Some(life) = &mut self.nodes[node].life {
                    life.endpoint.disconnected(now, link, "connection reset");
                }
            }
            (Phase::Connecting, Parcel::Reset) => {
                end.discard();
                end.ended = Some("connection reset");
            }
            (Phase::Closing, Parcel::Fin | Parcel::Reset) => end.phase = Phase::Gone,
            (Phase::Closing, Parcel::Bytes(_)) | (Phase::Gone, _) => {}
        }
    }
}
