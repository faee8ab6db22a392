//! From links to the roles: order per link, nothing lost, fair between links that wait for a full inbox.

use std::collections::{BTreeMap, VecDeque};

use crate::{
    base::{gather::gather, ids::LinkId, limits},
    link::{EventSink, framer::Phase},
    node::{LinkEvent, RoleId},
    wire::message::Kind,
};

/// The roles that hear `Up` and, for a link that was up or not, `Closed`. Before a link is up only the first two,
/// `handshake` and `peers`, know of it.
pub fn hearers(up: bool) -> &'static [RoleId] {
    if up { &LinkEvent::ROLES[1..] } else { &LinkEvent::ROLES[1..3] }
}

/// The role that hears a frame: before the promotion the handshake, afterwards that of the frame's kind.
pub(super) fn hearer(phase: Phase, kind: Kind) -> RoleId {
    if phase == Phase::Open { RoleId::for_kind(kind) } else { RoleId::Handshake }
}

/// Puts events into inboxes, and keeps them in order in front of those that are full.
pub(super) struct Delivery<S> {
    sink: S,
    lanes: BTreeMap<RoleId, Lane>,
}

/// What is in front of one inbox.
#[derive(Default)]
struct Lane {
    /// `Opened`, `Up` and `Closed` of links, `DialFailed`. Bounded: nothing is accepted while it is long
    /// ([`Delivery::congested`]), and a role that does not listen dials nothing either.
    backlog: VecDeque<LinkEvent>,
    /// Links with something for this inbox, in the order in which they found it full.
    waiting: VecDeque<LinkId>,
}

impl<S: EventSink> Delivery<S> {
    /// Delivers into `sink`.
    pub(super) fn new(sink: S) -> Self {
        Self { sink, lanes: gather(LinkEvent::ROLES.into_iter().map(|role| (role, Lane::default()))) }
    }

    /// Where the events go.
    pub(super) fn sink(&self) -> &S {
        &self.sink
    }

    /// Where the events go.
    pub(super) fn sink_mut(&mut self) -> &mut S {
        &mut self.sink
    }

    /// Delivers an event that must not be lost: now, or in its order once the inbox has room.
    pub(super) fn tell(&mut self, role: RoleId, event: LinkEvent) {
        let lane = self.lanes.entry(role).or_default();
        if lane.backlog.is_empty() {
            if let Err(event) = self.sink.try_deliver(role, event) {
                lane.backlog.push_back(event);
            }
        } else {
            lane.backlog.push_back(event);
        }
    }

    /// Delivers an event that may be lost: if something waits for the inbox already, it is.
    pub(super) fn hint(&mut self, role: RoleId, event: LinkEvent) {
        let lane = self.lanes.entry(role).or_default();
        if lane.backlog.is_empty() && lane.waiting.is_empty() {
            drop(self.sink.try_deliver(role, event));
        }
    }

    /// Delivers what a link brought, or gives it back: then the link is in line for this inbox. A link whose turn it is
    /// ([`Delivery::next_waiting`]) says so with `turn`; others go behind those that wait already.
    pub(super) fn hand(&mut self, role: RoleId, link: LinkId, event: LinkEvent, turn: bool) -> Result<(), LinkEvent> {
        let lane = self.lanes.entry(role).or_default();
        let refused = if lane.backlog.is_empty() && (turn || lane.waiting.is_empty()) {
            match self.sink.try_deliver(role, event) {
                Err(event) => event,
                Ok(()) => return Ok(()),
            }
        } else {
            event
        };
        if !lane.waiting.contains(&link) {
            lane.waiting.push_back(link);
        }
        Err(refused)
    }

    /// Moves what waits in front of a role's inbox into it. True if links may follow.
    pub(super) fn flush(&mut self, role: RoleId) -> bool {
        let Some(lane) = self.lanes.get_mut(&role) else { return false };
        while let Some(event) = lane.backlog.pop_front() {
            if let Err(event) = self.sink.try_deliver(role, event) {
                lane.backlog.push_front(event);
                return false;
            }
        }
        !lane.waiting.is_empty()
    }

    /// Takes the link out of the line for this inbox that is first in it.
    pub(super) fn next_waiting(&mut self, role: RoleId) -> Option<LinkId> {
        self.lanes.get_mut(&role)?.waiting.pop_front()
    }

    /// Whether a role is so far behind that no new connections should be taken on.
    pub(super) fn congested(&self) -> bool {
        self.lanes.values().any(|lane| lane.backlog.len() >= limits::LINK_QUEUE)
    }

    /// Takes a link that is gone out of all lines.
    pub(super) fn forget(&mut self, link: LinkId) {
        self.lanes.values_mut().for_each(|lane| lane.waiting.retain(|waiting| *waiting != link));
    }
}
