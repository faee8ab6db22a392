//! Small roles for tests of the runtime.

use std::{net::SocketAddr, sync::Arc};

use crate::{
    base::{
        hash::Hash,
        ids::{DialId, NodeId},
        limits,
        time::{Now, Time},
    },
    link::{Config, Transport},
    node::{AnyRole, Event, LinkEvent, Outbox, PeerInfo, RoleId, Roles},
    wire::message::Message,
};

pub(super) const MAGIC: [u8; 4] = [9, 8, 7, 6];

/// The limits of links, whose bytes go as they are.
pub(super) fn config(magic: [u8; 4], max_inbound: usize) -> Config {
    Config { transport: Transport::Clear(NodeId([8; 32])), ..Config::new(magic, max_inbound) }
}

/// A role made of a closure, which returns its next deadline.
struct Fake<F>(F, Option<Time>);

impl<F: FnMut(Now, Event, &mut Outbox) -> Option<Time> + Send> AnyRole for Fake<F> {
    fn hear(&mut self, now: Now, event: Event, out: &mut Outbox) {
        self.1 = (self.0)(now, event, out);
    }

    fn wake_at(&self) -> Option<Time> {
        self.1
    }
}

pub(super) fn fake(handle: impl FnMut(Now, Event, &mut Outbox) -> Option<Time> + Send + 'static) -> Box<dyn AnyRole> {
    Box::new(Fake(handle, None))
}

/// A role that does nothing.
pub(super) fn idle() -> Box<dyn AnyRole> {
    fake(|_, _, _| None)
}

/// Promotes each link at its first frame; the dialled side answers it.
pub(super) fn handshake() -> Box<dyn AnyRole> {
    let mut inbound = std::collections::BTreeMap::new();
    fake(move |_, event, out| {
        match event {
            Event::Link(LinkEvent::Opened { link, direction, remote }) => {
                inbound.insert(link, (direction, remote));
                if !direction.is_inbound() {
                    out.send(link, &Message::Verack(1));
                }
            }
            Event::Link(LinkEvent::Frame { link, .. }) => {
                let (direction, remote) = inbound.get(&link).copied()?;
                if direction.is_inbound() {
                    out.send(link, &Message::Verack(2));
                }
                out.promote(link, PeerInfo { direction, ..info(remote) });
            }
            Event::Link(LinkEvent::Closed { link, .. }) => drop(inbound.remove(&link)),
            _ => {}
        }
        None
    })
}

/// Dials, pings every link on and off, answers pings.
pub(super) fn peers(dial: Option<SocketAddr>) -> Box<dyn AnyRole> {
    let (mut links, mut next_ping) = (std::collections::BTreeSet::new(), None);
    fake(move |now, event, out| {
        match event {
            Event::Start => dial.into_iter().for_each(|address| out.dial(DialId(1), address, None)),
            Event::Link(LinkEvent::Up { link, .. }) => {
                links.insert(link);
                next_ping.get_or_insert(now.mono + limits::PING_INTERVAL);
            }
            Event::Link(LinkEvent::Closed { link, .. }) => drop(links.remove(&link)),
            Event::Link(LinkEvent::Frame { link, frame }) => match frame.open() {
                Ok(Message::Ping { nonce, .. }) => out.send(link, &Message::Pong(nonce)),
                Ok(_) => {}
                Err(fault) => out.fault(link, fault.into()),
            },
            _ => {}
        }
        if next_ping.is_some_and(|at| at <= now.mono) {
            next_ping = Some(now.mono + limits::PING_INTERVAL);
            let ping = Message::Ping { nonce: now.mono.0, height: 0, tip: Hash::ZERO };
            links.iter().for_each(|link| out.send(*link, &ping));
        }
        next_ping
    })
}

/// A node of these roles, the others idle.
pub(super) fn node(with: Vec<(RoleId, Box<dyn AnyRole>)>) -> Roles {
    let mut roles: Roles = RoleId::ALL.into_iter().map(|id| (id, idle())).collect();
    for (id, role) in with {
        for place in roles.iter_mut().filter(|place| place.0 == id) {
            place.1 = idle();
        }
        if let Some(place) = roles.iter_mut().find(|place| place.0 == id) {
            place.1 = role;
        }
    }
    roles
}

pub(super) fn info(remote: SocketAddr) -> PeerInfo {
    PeerInfo {
        node: NodeId([9; 32]),
        direction: crate::node::Direction::Inbound,
        remote,
        listens: None,
        protocol: 1,
        services: 1,
        height: 0,
        tip: Hash::ZERO,
        work: Default::default(),
        clock_offset: 0,
        agent: "test".to_owned(),
    }
}

/// A channel of what a role says it heard.
pub(super) fn diary<T: Send + 'static>() -> (impl Fn(T) + Clone + Send + 'static, crossbeam_channel::Receiver<T>) {
    let (sender, receiver) = crossbeam_channel::unbounded();
    // After the test has ended nobody reads it.
    let write = Arc::new(move |entry| drop(sender.send(entry)));
    (move |entry| write(entry), receiver)
}
