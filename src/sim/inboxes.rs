//! The inboxes of a node's roles, and what the checkers overhear of what goes into them.

use std::collections::VecDeque;

use crate::{
    base::{limits, rng::Rng},
    link::EventSink,
    node::{Event, LinkEvent, RoleId},
};

/// What waits for one role.
#[derive(Debug, Default)]
struct Inbox {
    links: VecDeque<LinkEvent>,
    link_bytes: usize,
    others: VecDeque<Event>,
}

/// What waits for all roles of a node.
#[derive(Debug)]
pub(super) struct Inboxes {
    /// By [`RoleId`].
    all: [Inbox; RoleId::ALL.len()],
    /// Link events that one inbox takes.
    capacity: usize,
    /// For which roles something waits, one bit for each: who is next is asked more often than anything else.
    waiting: u32,
    /// Roles that run. Others hear nothing.
    running: u32,
    /// Roles whose inbox was found full and has had no room since.
    found_full: u32,
    /// One of these has room again.
    found_room: bool,
    /// Whether the checkers look on.
    is_watched: bool,
    /// Link events in the order in which they were put in, for the checkers.
    pub(super) overheard: Vec<(RoleId, LinkEvent)>,
}

impl Inbox {
    fn has_room(&self, bytes: usize, capacity: usize) -> bool {
        self.links.len() < capacity && (self.links.is_empty() || self.link_bytes + bytes <= limits::LINK_QUEUE_BYTES)
    }

    fn is_empty(&self) -> bool {
        self.links.is_empty() && self.others.is_empty()
    }

    fn pop(&mut self, rng: &mut Rng) -> Option<Event> {
        let links_first = match (self.links.is_empty(), self.others.is_empty()) {
            (false, false) => rng.chance(500_000),
            (links_empty, _) => !links_empty,
        };
        if !links_first {
            return self.others.pop_front();
        }
        let event = self.links.pop_front()?;
        self.link_bytes -= frame_bytes(&event);
        Some(Event::Link(event))
    }
}

impl Inboxes {
    /// Empty inboxes of these roles.
    pub(super) fn new(roles: impl Iterator<Item = RoleId>, capacity: usize, is_watched: bool) -> Self {
        let running = roles.fold(0, |all, role| all | bit(role));
        let (waiting, found_full, found_room, overheard) = (0, 0, false, Vec::new());
        Self { all: Default::default(), capacity, waiting, running, found_full, found_room, is_watched, overheard }
    }

    /// A notice or command; dropped if the node has no such role. Returns how many wait.
    pub(super) fn tell(&mut self, role: RoleId, event: Event) -> usize {
        if self.running & bit(role) == 0 {
            return 0;
        }
        self.waiting |= bit(role);
        let inbox = &mut self.all[role as usize];
        inbox.others.push_back(event);
        inbox.others.len()
    }

    /// What the role hears next.
    pub(super) fn take(&mut self, role: RoleId, rng: &mut Rng) -> Option<Event> {
        let inbox = &mut self.all[role as usize];
        let event = inbox.pop(rng);
        if inbox.is_empty() {
            self.waiting &= !bit(role);
        }
        if self.found_full & bit(role) != 0 && inbox.links.len() <= self.capacity / 2 {
            self.found_full &= !bit(role);
            self.found_room = true;
        }
        event
    }

    /// How many events of links wait for a role.
    pub(super) fn links_waiting(&self, role: RoleId) -> usize {
        self.all[role as usize].links.len()
    }

    /// Whether something waits for a role.
    pub(super) fn waits_for(&self, role: RoleId) -> bool {
        self.waiting & bit(role) != 0
    }

    /// The role has heard its last event.
    pub(super) fn end(&mut self, role: RoleId) {
        self.running &= !bit(role);
        self.found_room |= self.found_full & bit(role) != 0;
    }

    /// Whether an inbox that was found full has had room since the last call.
    pub(super) fn take_found_room(&mut self) -> bool {
        std::mem::take(&mut self.found_room)
    }

    /// Whether an inbox is full, so that frames wait in front of it.
    pub(super) fn is_any_full(&self) -> bool {
        self.found_full & self.running != 0
    }
}

impl EventSink for Inboxes {
    fn try_deliver(&mut self, role: RoleId, event: LinkEvent) -> Result<(), LinkEvent> {
        if self.running & bit(role) == 0 {
            return Ok(());
        }
        let inbox = &mut self.all[role as usize];
        if !inbox.has_room(frame_bytes(&event), self.capacity) {
            self.found_full |= bit(role);
            return Err(event);
        }
        if self.is_watched {
            // A body is shared, not copied.
            self.overheard.push((role, event.clone()));
        }
        self.waiting |= bit(role);
        inbox.link_bytes += frame_bytes(&event);
        inbox.links.push_back(event);
        Ok(())
    }
}

fn bit(role: RoleId) -> u32 {
    1 << role as u32
}

fn frame_bytes(event: &LinkEvent) -> usize {
    if let LinkEvent::Frame { frame, .. } = event { frame.body.len() } else { 0 }
}
