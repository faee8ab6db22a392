//! One simulated node: the roles that production runs, their queues, and a disk that outlives them.
//!
//! In production each role is a thread with two inboxes, and the poll loop is one more thread with a queue of actions.
//! Here each of them is a slot that may take a step when it has something to do. The seed decides which one does.

use std::{
    collections::{BTreeMap, BTreeSet, VecDeque},
    net::{IpAddr, Ipv4Addr, SocketAddr},
    time::Duration,
};

use crate::{
    base::{
        ids::{LinkId, Ticket},
        rng::Rng,
        time::Time,
    },
    chain::{archive::Tip, target::Work},
    link::{Config, Endpoint},
    node::{
        AnyRole, Event, LinkAction, RoleId, Setup, SyncState, build, hindrance::HindranceId, report::SealingReport,
    },
    sim::{
        byzantine::Byzantine,
        checkers::{Question, Watch},
        clock::Clock,
        disk::Disk,
        inboxes::Inboxes,
        net::{ConnId, Side},
    },
};

/// The port that all simulated nodes listen on.
pub(super) const PORT: u16 = 4130;

/// The listening address of a node: each has an address group (/16) of its own.
pub(super) fn address(node: usize) -> SocketAddr {
    let (high, low) = (20 + node % 100, node / 100);
    let octet = |value: usize| u8::try_from(value).expect("fewer than 25,600 nodes");
    SocketAddr::new(IpAddr::V4(Ipv4Addr::new(octet(high), octet(low), 1, 1)), PORT)
}

/// One role, as a thread would run it.
struct Slot {
    id: RoleId,
    role: Box<dyn AnyRole>,
    started: bool,
    /// It has heard its stop.
    ended: bool,
    /// World time until which its last step takes.
    busy_until: Time,
    /// World time of its deadline.
    due: Option<Time>,
}

/// What a node does next.
pub(super) enum Step {
    /// The role in this slot hears an event.
    Role(usize, RoleId, Event),
    /// The poll loop carries out an action.
    Poll(LinkAction),
}

/// A running node: all that a crash loses.
pub(super) struct Life {
    /// Counts the starts of this node.
    pub(super) number: u32,
    /// The links, with the roles' inboxes.
    pub(super) endpoint: Endpoint<Inboxes>,
    /// The sockets of the links.
    pub(super) sockets: BTreeMap<LinkId, (ConnId, Side)>,
    /// What the roles asked of the poll loop.
    pub(super) actions: VecDeque<LinkAction>,
    /// What the checkers follow of the links.
    pub(super) watch: Watch,
    /// Commands without an answer, and since when.
    pub(super) tickets: BTreeMap<Ticket, (Time, Question)>,
    slots: Vec<Slot>,
    poll_busy_until: Time,
}

impl Life {
    /// A notice or command. Returns how many wait.
    pub(super) fn tell(&mut self, role: RoleId, event: Event) -> usize {
        self.endpoint.sink_mut().tell(role, event)
    }

    fn waits_for(&self, role: RoleId) -> bool {
        self.endpoint.sink().waits_for(role)
    }

    fn slot_ready(&self, slot: &Slot, now: Time) -> bool {
        slot.busy_until <= now && (!slot.started || slot.due.is_some_and(|due| due <= now) || self.waits_for(slot.id))
    }

    /// Draws who takes the next step, if anybody can.
    pub(super) fn choose(&mut self, now: Time, rng: &mut Rng) -> Option<Step> {
        let mut ready = 0u32;
        for (at, slot) in self.slots.iter().enumerate() {
            ready |= u32::from(self.slot_ready(slot, now)) << at;
        }
        let poll = self.slots.len();
        ready |= u32::from(!self.actions.is_empty() && self.poll_busy_until <= now) << poll;
        let count = ready.count_ones();
        if count == 0 {
            return None;
        }
        let mut skip = if count == 1 { 0 } else { rng.below(u64::from(count)) };
        let at = (0..=poll).find(|at| {
            let chosen = ready >> at & 1 == 1 && skip == 0;
            skip -= u64::from(ready >> at & 1 == 1 && !chosen);
            chosen
        })?;
        if at == poll { self.actions.pop_front().map(Step::Poll) } else { self.role_step(at, now, rng) }
    }

    fn role_step(&mut self, at: usize, now: Time, rng: &mut Rng) -> Option<Step> {
        let Slot { id, started, due, .. } = self.slots[at];
        self.slots[at].started = true;
        let due = due.is_some_and(|due| due <= now);
        let event = if !started {
            Event::Start
        } else if due && (!self.waits_for(id) || rng.chance(500_000)) {
            Event::Wake
        } else {
            self.endpoint.sink_mut().take(id, rng)?
        };
        Some(Step::Role(at, id, event))
    }

    /// The role in a slot.
    pub(super) fn role(&mut self, slot: usize) -> &mut dyn AnyRole {
        &mut *self.slots[slot].role
    }

    /// Reads a role's deadline again after a step that took until `busy_until`.
    pub(super) fn stepped(&mut self, slot: usize, clock: &Clock, busy_until: Time) {
        let slot = &mut self.slots[slot];
        slot.busy_until = busy_until;
        slot.due = slot.role.wake_at().map(|mono| clock.world(mono));
    }

    /// Draws one of the roles that have nothing to do until `near` has passed, or later.
    pub(super) fn at_rest(&self, now: Time, near: Duration, rng: &mut Rng) -> Option<(usize, RoleId)> {
        let rests = |slot: &Slot| {
            let later = slot.due.is_none_or(|due| due > now + near);
            slot.started && !slot.ended && slot.busy_until <= now && later && !self.waits_for(slot.id)
        };
        let resting: Vec<usize> = (0..self.slots.len()).filter(|at| rests(&self.slots[*at])).collect();
        rng.pick(&resting).map(|at| (*at, self.slots[*at].id))
    }

    /// The poll loop is busy for a while.
    pub(super) fn poll_busy(&mut self, until: Time) {
        self.poll_busy_until = until;
    }

    /// What a role still has to hear before it ends: its inbox, then its stop. In order, whatever else is waiting.
    pub(super) fn last_step(&mut self, role: RoleId, rng: &mut Rng) -> Option<(usize, Event)> {
        let at = self.slots.iter().position(|slot| slot.id == role && !slot.ended)?;
        if let Some(event) = self.endpoint.sink_mut().take(role, rng) {
            return Some((at, event));
        }
        self.slots[at].ended = true;
        if !self.slots.iter().any(|slot| slot.id == role && !slot.ended) {
            self.endpoint.sink_mut().end(role);
        }
        Some((at, Event::Stop))
    }

    /// When the node has something to do again without anything happening to it.
    pub(super) fn next_time(&self) -> Option<Time> {
        let of_slot = |slot: &Slot| {
            let waiting = !slot.started || self.waits_for(slot.id);
            let next = if waiting { Some(Time::default()) } else { slot.due };
            next.map(|next| next.max(slot.busy_until))
        };
        let poll = (!self.actions.is_empty()).then_some(self.poll_busy_until);
        self.slots.iter().filter_map(of_slot).chain(poll).min()
    }
}

/// What a node reports as its status.
#[derive(Clone, Debug, Default)]
pub(super) struct View {
    /// The node's state.
    pub(super) state: SyncState,
    /// Why.
    pub(super) reason: String,
    /// The committed tip.
    pub(super) tip: Option<Tip>,
    /// How its chain is sealed.
    pub(super) sealing: Option<SealingReport>,
    /// What it says keeps it from its work.
    pub(super) hindrances: BTreeSet<HindranceId>,
    /// The work of its best header chain.
    pub(super) headers_work: Work,
}

/// A node, running or not.
pub(super) struct Node {
    /// Where it listens.
    pub(super) address: SocketAddr,
    /// How it is configured.
    pub(super) setup: Setup,
    /// What outlives a crash.
    pub(super) disk: Disk,
    /// Its clocks.
    pub(super) clock: Clock,
    /// Its roles while it runs.
    pub(super) life: Option<Life>,
    /// How often it started.
    pub(super) lives: u32,
    /// The earliest wake in the event queue.
    pub(super) wake_at: Option<Time>,
    /// The earliest deadline of the endpoint in the event queue.
    pub(super) timeout_at: Option<Time>,
    /// A look at the sockets is in the event queue.
    pub(super) drives: bool,
    /// Bytes per second that it reads, if it is slow.
    pub(super) slow: Option<u64>,
    /// Whether it vanished without a reset of its connections.
    pub(super) vanished: bool,
    /// Its status, as it reports it.
    pub(super) view: View,
    /// When it committed which work, since it started.
    pub(super) committed: Vec<(Time, Work)>,
    /// What it does if it is not honest.
    pub(super) byzantine: Option<Byzantine>,
    /// Bytes sent and received.
    pub(super) traffic: (u64, u64),
}

impl Node {
    /// A node that has not started.
    pub(super) fn new(number: usize, setup: Setup, disk: Disk, clock: Clock) -> Self {
        Self {
            address: address(number),
            setup,
            disk,
            clock,
            life: None,
            lives: 0,
            wake_at: None,
            timeout_at: None,
            drives: false,
            slow: None,
            vanished: false,
            byzantine: None,
            committed: Vec::new(),
            view: View::default(),
            traffic: (0, 0),
        }
    }

    /// Starts the roles on what the disk holds. `inbox`: link events that an inbox takes; `is_watched`: the checkers overhear
    /// them.
    pub(super) fn boot(&mut self, now: Time, config: Config, (inbox, is_watched): (usize, bool), rng: &mut Rng) {
        self.lives += 1;
        self.vanished = false;
        self.clock.boot(now);
        self.committed.clear();
        self.view = View::default();
        self.timeout_at = None;
        let slot = |(id, role)| Slot { id, role, started: false, ended: false, busy_until: Time::default(), due: None };
        self.setup.kept_from = self.disk.kept_from();
        let slots: Vec<Slot> = build(&self.setup, self.disk.stores(&self.setup), rng).into_iter().map(slot).collect();
        self.life = Some(Life {
            number: self.lives,
            endpoint: Endpoint::new(config, Inboxes::new(slots.iter().map(|slot| slot.id), inbox, is_watched)),
            sockets: BTreeMap::new(),
            actions: VecDeque::new(),
            watch: Watch::default(),
            tickets: BTreeMap::new(),
            slots,
            poll_busy_until: Time::default(),
        });
    }

    /// Loses everything that was not committed.
    pub(super) fn crash(&mut self) {
        self.life = None;
        self.disk.crash();
        self.view = View::default();
    }
}
