//! Connections as they are made, from a role's `Dial` to its `Opened` or `DialFailed`: exactly one of them for each.

use std::{net::SocketAddr, time::Duration};

use crate::{
    base::{ids::DialId, limits},
    node::{Direction, LinkEvent, RoleId},
    sim::{
        net::{self, Conn, ConnId, Parcel, Phase, Side},
        world::{Attempt, Happening, World},
    },
};

impl World {
    pub(super) fn dial(&mut self, node: usize, dial: DialId, target: SocketAddr) {
        let Some(life) = &mut self.nodes[node].life else { return };
        let number = life.number;
        if !life.dials.insert(dial) {
            self.fail("completions", Some(node), format!("dial id {dial:?} was used before"));
        }
        let latency = self.draw_latency();
        self.at(self.now + latency, Happening::Knock(Box::new(Attempt { node, life: number, dial, target })));
    }

    fn draw_latency(&mut self) -> Duration {
        Duration::from_micros(self.net_rng.between(self.options.latency_min, self.options.latency_max))
    }

    pub(super) fn knock(&mut self, attempt: Box<Attempt>) {
        let Attempt { node, life, dial, target } = *attempt;
        let listener = self.at_address.get(&target).copied();
        let unreachable = listener.is_some_and(|to| self.nodes[to].vanished || self.severed(node, to).is_some());
        let Some(to) = listener.filter(|to| !unreachable && self.accepts(*to)) else {
            let wait = if unreachable { limits::DIAL_TIMEOUT } else { Duration::from_millis(1) };
            return self.at(self.now + wait, Happening::Refused(attempt, unreachable));
        };
        let latency = self.draw_latency();
        let acceptor = (to, self.nodes[to].lives);
        let magic = self.spec.magic();
        let micros = u64::try_from(latency.as_micros()).unwrap_or(u64::MAX);
        let mut conn = Conn::new((node, life), acceptor, micros, magic, self.now);
        conn.ends[1].phase = Phase::Live;
        let id = self.conns.len();
        self.conns.push(Some(Box::new(conn)));
        self.at(self.now + latency, Happening::Connected(id, dial));
        let port = 32_768 + u16::try_from(id % 28_000).expect("below 28,000");
        self.open(id, 1, Direction::Inbound, SocketAddr::new(self.nodes[node].address.ip(), port));
    }

    /// Whether a node takes another connection, as production's listener decides it.
    fn accepts(&self, node: usize) -> bool {
        let most = self.nodes[node].setup.max_inbound + self.nodes[node].setup.max_outbound + 16;
        self.is_up(node) && self.links_of(node) < most
    }

    fn open(&mut self, conn: ConnId, side: Side, direction: Direction, remote: SocketAddr) {
        let (link, node) = (net::link_id(conn, side), self.conn(conn).ends[side].node);
        self.know(node, link);
        let opened = LinkEvent::Opened { link, direction, remote };
        LinkEvent::ROLES[..2].iter().for_each(|role| self.deliver(node, *role, opened.clone()));
        self.run_node(node);
    }

    pub(super) fn connected(&mut self, conn: ConnId, dial: DialId) {
        let Some(there) = &mut self.conns[conn] else { return };
        let end = &mut there.ends[0];
        let (node, life) = (end.node, end.life);
        if end.phase != Phase::Connecting {
            return;
        }
        if self.nodes[node].lives != life || self.nodes[node].life.is_none() {
            end.phase = Phase::Gone;
            return self.end_pipe(conn, 0, Parcel::Reset);
        }
        end.phase = Phase::Live;
        let remote = self.nodes[there.ends[1].node].address;
        self.open(conn, 0, Direction::Outbound(dial), remote);
        self.read(conn, 0);
        self.run_node(node);
    }

    pub(super) fn refused(&mut self, attempt: &Attempt, timed_out: bool) {
        let Attempt { node, life, dial, target: address } = *attempt;
        if self.nodes[node].lives == life && self.is_up(node) {
            let reason = if timed_out { "timed out" } else { "connection refused" }.to_owned();
            self.deliver(node, RoleId::Peers, LinkEvent::DialFailed { dial, address, reason });
            self.run_node(node);
        }
    }
}
