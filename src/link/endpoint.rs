//! All links of a node, and what they share.

use std::collections::{BTreeSet, VecDeque};

use crate::{
    base::{hash::Hash, ids::LinkId, limits, link_map::LinkMap, time::Time},
    link::{
        Config, EventSink, Order, agreements::Agreements, body_turns::BodyTurns, delivery::Delivery, dials::Dials,
        leases::Leases, link::Link, meters::LinkMeters, meters::Meters, near_tip::NearTip, piece_reader::PIECES_PART,
        pushed::PushedBodies, segments::Segments, timers::Timers, upload::Upload,
    },
    node::{CloseReason, LinkAction, limit::Limit},
    wire::message::GoodbyeCode,
};

/// The part of the memory for large frames that is for answers only, if one of the largest takes no less.
const ANSWERS_PART: usize = 4;

/// All links of one node. Its methods are in the files of this folder: how links begin, read, send and end.
pub struct Endpoint<S> {
    pub(super) config: Config,
    pub(super) links: LinkMap<Link>,
    /// Links with something to do, each at most once, in turns.
    pub(super) listed: VecDeque<LinkId>,
    /// Connections and attempts that the driver has to drop.
    pub(super) dropped: VecDeque<LinkId>,
    pub(super) timers: Timers,
    pub(super) leases: Leases,
    /// When slow holders of leases are looked for.
    pub(super) lease_check: Option<Time>,
    /// The memory of snapshots' pieces that wait to be sent.
    pub(super) pieces: Leases,
    /// When slow readers of these are looked for.
    pub(super) piece_check: Option<Time>,
    pub(super) delivery: Delivery<S>,
    pub(super) dials: Dials,
    /// Bytes of memory that each link takes alone, over all links.
    pub(super) queued: usize,
    /// Bodies of pushed blocks, which links share.
    pub(super) pushed: PushedBodies,
    /// Proposed blocks, which links share.
    pub(super) proposed: PushedBodies,
    /// Addresses that are dialled with small segments.
    pub(super) segments: Segments,
    /// Whose turn it is to get one.
    pub(super) turns: BodyTurns,
    /// The limit of what is sent; `None`: there is none.
    pub(super) upload: Option<Upload>,
    /// Blocks that never wait for it.
    pub(super) near_tip: NearTip,
    /// Links whose connection takes nothing although there is something to send.
    pub(super) blocked: BTreeSet<LinkId>,
    /// The time of the last look at it.
    pub(super) clock: Time,
    /// Links on which news was left out.
    pub(super) losers: BTreeSet<LinkId>,
    /// Links of which is to be told when nothing of our own waits on them.
    pub(super) awaited: BTreeSet<LinkId>,
    /// These, and what the blocks will take that peers have asked for.
    pub(super) load: usize,
    /// Of [`Endpoint::queued`], what is sealed already: it takes no room from news.
    pub(super) sealed: usize,
    /// Links that others opened, lingering ones included.
    pub(super) accepted: usize,
    pub(super) meters: Meters,
    /// Key agreements of others.
    pub(super) agreements: Agreements,
    /// Buffers that links use in turns: for what is opened, and for what is sealed.
    pub(super) plain: Vec<u8>,
    pub(super) spare: Vec<u8>,
    /// Neither accepts nor dials any more.
    pub(super) retired: bool,
    stop_by: Option<Time>,
    last_id: u64,
}

/// What an endpoint counts of its budgets.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Usage {
    /// Bytes leased to large frames that are arriving.
    pub leased: usize,
    /// Bytes queued on all links, without those that links share.
    pub queued: usize,
    /// Bytes of pushed bodies and proposed blocks, which links share.
    pub pushed: usize,
    /// Links that others opened, lingering ones included.
    pub accepted: usize,
}

impl<S: EventSink> Endpoint<S> {
    /// An endpoint without links. Its events go to `sink`.
    pub fn new(config: Config, sink: S) -> Self {
        let agreements = Agreements::new(config.agreements);
        Self {
            leases: Leases::new(
                config.receive_budget,
                limits::MAX_BLOCK_MESSAGE_BYTES.min(config.receive_budget / ANSWERS_PART),
            ),
            pieces: Leases::new(config.send_budget / PIECES_PART, 0),
            meters: Meters::new(&config),
            upload: config.max_upload.map(Upload::new),
            config,
            links: LinkMap::default(),
            listed: VecDeque::new(),
            dropped: VecDeque::new(),
            timers: Timers::default(),
            lease_check: None,
            piece_check: None,
            delivery: Delivery::new(sink),
            dials: Dials::default(),
            queued: 0,
            pushed: PushedBodies::default(),
            proposed: PushedBodies::default(),
            segments: Segments::default(),
            turns: BodyTurns::default(),
            near_tip: NearTip::default(),
            blocked: BTreeSet::new(),
            clock: Time::default(),
            losers: BTreeSet::new(),
            awaited: BTreeSet::new(),
            load: 0,
            sealed: 0,
            accepted: 0,
            agreements,
            plain: Vec::new(),
            spare: Vec::new(),
            retired: false,
            stop_by: None,
            last_id: 0,
        }
    }

    /// Where the events go.
    pub fn sink(&self) -> &S {
        self.delivery.sink()
    }

    /// Where the events go.
    pub fn sink_mut(&mut self) -> &mut S {
        self.delivery.sink_mut()
    }

    /// Does what a role or the node wants.
    pub fn order(&mut self, now: Time, order: Order) {
        match order {
            Order::Link(LinkAction::Dial { dial, address, node }) => self.dial(now, dial, address, node),
            Order::Link(LinkAction::Agreed { link, message, keys }) => self.agreed(now, link, message, keys),
            Order::Link(LinkAction::Members(members)) => self.set_members(now, members),
            Order::Link(LinkAction::Send { link, frame }) => self.send(now, link, &frame),
            Order::Link(LinkAction::Answer { link, request, frames }) => self.answer(now, link, request, &frames),
            Order::Link(LinkAction::Relay { link, frame }) => self.relay(now, link, &frame),
            Order::Link(LinkAction::AwaitDrained(link)) => self.await_drained(link),
            Order::Link(LinkAction::Resume(link)) => self.resume(link),
            Order::Link(LinkAction::Promote { link, peer }) => self.promote(link, &peer),
            Order::Link(LinkAction::Close { link, reason, retry_after }) => {
                self.close(now, link, *reason, retry_after);
            }
            Order::Retire => self.retire(),
            Order::Stop => {
                self.retire();
                let by = now + self.config.stop_flush;
                self.stop_by = Some(by);
                self.end_all(now, GoodbyeCode::Stopping, by);
            }
        }
    }

    /// Whether the stop that was ordered is done.
    pub fn has_stopped(&self, now: Time) -> bool {
        self.stop_by.is_some_and(|by| by <= now || self.links.is_empty())
    }

    /// The next connection, or attempt at one, that is given up: the driver drops it. Links that others still owe us an
    /// end are named here once their time is over.
    pub fn next_dropped(&mut self) -> Option<LinkId> {
        self.dropped.pop_front()
    }

    /// The next moment at which [`Endpoint::handle_timeout`] has something to do.
    pub fn deadline(&self) -> Option<Time> {
        let upload = self.upload.as_ref().and_then(Upload::deadline);
        let all = [
            self.timers.next(),
            self.lease_check,
            self.piece_check,
            self.dials.deadline(),
            self.stop_by,
            self.turns.deadline(),
            upload,
        ];
        all.into_iter().flatten().min()
    }

    /// Ends what is overdue.
    pub fn handle_timeout(&mut self, now: Time) {
        while let Some(id) = self.timers.due(now) {
            let Some(link) = self.links.get_mut(&id) else { continue };
            link.armed = None;
            if link.ends.is_some_and(|ends| ends <= now) {
                self.remove(id);
            } else if let Some(fault) = link.overdue(&self.config, now).filter(|_| link.ends.is_none()) {
                self.close(now, id, CloseReason::Fault(fault), 0);
            } else {
                self.arm(id);
            }
        }
        if self.lease_check.is_some_and(|check| check <= now) {
            self.check_leases(now);
        }
        if self.piece_check.is_some_and(|check| check <= now) {
            self.check_pieces(now);
        }
        self.give_up_overdue(now);
        self.go_on_uploading(now);
        self.look_at_pushes(now);
    }

    /// Whether there is a link with this id that has not ended.
    pub fn is_live(&self, id: LinkId) -> bool {
        self.links.get(&id).is_some_and(|link| link.ends.is_none())
    }

    /// Bytes that wait on a link, without pushed bodies.
    pub fn queued(&self, id: LinkId) -> usize {
        self.links.get(&id).map_or(0, |link| link.unshared())
    }

    /// Whether a link is read no further until its peer's requests are answered.
    pub fn is_gated(&self, id: LinkId) -> bool {
        self.links.get(&id).is_some_and(|link| !link.tunnel.wants_input() || !link.framer.wants_input())
    }

    /// Whether a link waits for memory to read a large frame.
    pub fn waits_for_lease(&self, id: LinkId) -> bool {
        self.leases.waits(id)
    }

    /// Whether a link is that of a peer: promoted, and not ended.
    pub fn is_up(&self, id: LinkId) -> bool {
        self.links.get(&id).is_some_and(|link| link.up && link.ends.is_none())
    }

    /// Whether a block that waits on a link as news will be sent there once more.
    pub fn repeats(&self, id: LinkId, block: &Hash) -> bool {
        self.links.get(&id).is_some_and(|link| link.framer.repeats(block))
    }

    /// Bytes that links share.
    pub(super) fn shared(&self) -> usize {
        self.pushed.bytes() + self.proposed.bytes()
    }

    /// What the budgets' counts are.
    pub fn usage(&self) -> Usage {
        let (leased, pushed) = (self.leases.used(), self.shared());
        Usage { leased, queued: self.queued, pushed, accepted: self.accepted }
    }

    /// How much of each limit is used; what each link uses of its own is looked at once in a while.
    pub fn meters(&mut self, now: Time) -> &LinkMeters {
        self.meters.used(Limit::Receive, self.leases.used());
        self.meters.used(Limit::Send, self.queued + self.shared());
        self.meters.used(Limit::Accepted, self.accepted);
        self.meters.look(now, self.links.values().filter(|link| link.ends.is_none()));
        self.meters.all()
    }

    /// Puts a link on the list of those that have something to do.
    pub(super) fn list(&mut self, id: LinkId) {
        if let Some(link) = self.links.get_mut(&id)
            && !link.listed
        {
            link.listed = true;
            self.listed.push_back(id);
        }
    }

    pub(super) fn arm(&mut self, id: LinkId) {
        if let Some(link) = self.links.get_mut(&id) {
            let deadline = link.deadline(&self.config);
            self.timers.arm(id, &mut link.armed, deadline);
        }
    }

    pub(super) fn new_id(&mut self) -> LinkId {
        self.last_id += 1;
        LinkId(self.last_id)
    }
}
