//! Connections as they are made, from an endpoint's attempt to both ends' sockets.

use std::{net::SocketAddr, time::Duration};

use crate::{
    base::ids::LinkId,
    sim::{
        lines::Line,
        net::{Conn, ConnId, End, Parcel, Phase},
        world::{Attempt, Happening, World},
    },
};

/// How long a host that has nobody listening takes to say so.
const REFUSAL: Duration = Duration::from_millis(1);
/// How long a connection waits in the queue of a listener that accepts nothing for the moment.
const QUEUED: Duration = Duration::from_millis(100);

impl World {
    pub(super) fn dial(&mut self, node: usize, link: LinkId, target: SocketAddr) {
        let Some(life) = &self.nodes[node].life else { return };
        let attempt = Attempt { node, life: life.number, link, target };
        let latency = self.draw_latency(node, self.at_address.get(&target).copied());
        self.at(self.now + latency, Happening::Knock(Box::new(attempt)));
    }

    fn draw_latency(&mut self, from: usize, to: Option<usize>) -> Duration {
        if let (Some(survey), Some(to)) = (&self.survey, to) {
            return survey.latency(from, to, &mut self.net_rng);
        }
        Duration::from_micros(self.net_rng.between(self.options.latency_min, self.options.latency_max))
    }

    /// An attempt reaches its target. One that nothing answers is given up by the endpoint that made it.
    pub(super) fn knock(&mut self, attempt: Box<Attempt>) {
        let Attempt { node, life, link, target } = *attempt;
        let Some(to) = self.at_address.get(&target).copied() else {
            return self.at(self.now + REFUSAL, Happening::Refused(attempt));
        };
        if self.nodes[to].vanished || self.severed(node, to).is_some() {
            return;
        }
        let latency = self.draw_latency(node, Some(to));
        let posed = self.nodes[node].byzantine.as_ref().and_then(|byzantine| byzantine.trick.dials_from());
        let from = SocketAddr::new(posed.unwrap_or(self.nodes[node].address.ip()), self.next_port());
        let (now, id) = (self.now, self.conns.len());
        let acceptor = &mut self.nodes[to];
        let Some(accepts) = acceptor.life.as_ref().map(|life| life.endpoint.accepts()) else {
            return self.at(self.now + REFUSAL, Happening::Refused(attempt));
        };
        if !accepts {
            return self.at(self.now + QUEUED, Happening::Knock(attempt));
        }
        let accepted = acceptor.life.as_mut().and_then(|life| {
            let link = life.endpoint.accepted(now, from)?;
            life.sockets.insert(link, (id, 1));
            Some(link)
        });
        let phase = if accepted.is_some() { Phase::Live } else { Phase::Gone };
        let near = End::new(node, life, link, Phase::Connecting);
        let far = End::new(to, acceptor.lives, accepted.unwrap_or(LinkId(0)), phase);
        let lines = match &self.survey {
            Some(survey) => survey.lines(node, to),
            None => [Line::draw(&self.options, node, to); 2],
        };
        self.conns.push(Some(Box::new(Conn::new(now, [near, far], latency, lines))));
        self.at(self.now + latency, Happening::Connected(id));
        match accepted {
            Some(_) => self.run_node(to),
            None => self.end_pipe(id, 1, Parcel::Fin),
        }
    }

    fn next_port(&self) -> u16 {
        32_768 + u16::try_from(self.conns.len() % 28_000).expect("below 28,000")
    }

    /// The dialler learns that its connection stands.
    pub(super) fn connected(&mut self, conn: ConnId) {
        let now = self.now;
        let Some(between) = &mut self.conns[conn] else { return };
        let end = &mut between.ends[0];
        let (node, link) = (end.node, end.link);
        if end.phase != Phase::Connecting {
            return;
        }
        let there = &mut self.nodes[node];
        if let Some(life) = there.life.as_mut().filter(|life| life.number == end.life) {
            life.endpoint.connected(now, link);
            if life.endpoint.is_live(link) {
                end.phase = Phase::Live;
                life.sockets.insert(link, (conn, 0));
                return self.run_node(node);
            }
        }
        end.phase = Phase::Gone;
        self.end_pipe(conn, 0, Parcel::Reset);
    }

    /// The dialler learns that nobody listens.
    pub(super) fn refused(&mut self, attempt: &Attempt) {
        let now = self.now;
        let there = &mut self.nodes[attempt.node];
        if let Some(life) = there.life.as_mut().filter(|life| life.number == attempt.life) {
            life.endpoint.disconnected(now, attempt.link, "connection refused");
            self.run_node(attempt.node);
        }
    }
}
