//! The role, by events and with a clock set by hand.

mod ahead;
mod arriving;
mod candidates;
mod compact;
mod lines;
mod model;
mod overdue;
mod past;
mod proposed;
mod pruned;
mod requests;
mod window;

use std::{collections::BTreeMap, sync::Arc, time::Duration};

use super::{Completions, Fetch, body_size::BodySize};
use crate::{
    base::{
        bytes::Bytes,
        hash::Hash,
        ids::{LinkId, Ticket},
        limits::{
            ABSENT_RETRY, BLOCKS_IN_FLIGHT, BLOCKS_IN_FLIGHT_PER_PEER, BULK_HEDGE, COMMAND_TIMEOUT, FETCH_BYTES,
            FETCH_WINDOW, GATHER_TIME, GET_BLOCK_TIMEOUT, MAX_OFFERED, OVERDUE_FIRST, PARTIAL_BLOCK, PEER_WINDOW_FIRST,
            PEER_WINDOW_MOST, STALL_FIRST, STALLER_KEPT, WORK_HEADER_BYTES,
        },
        rng::Rng,
        time::{Now, Time, UnixTime},
    },
    chain::{
        archive::Tip,
        block::HashedTransaction,
        header::{HEADER_VERSION, Header},
        key::SecretKey,
        rules::BlockFault,
        seal::Seal,
        spec::ChainSpec,
        target::{CompactTarget, Work},
        testkit,
    },
    node::{
        Action, AnyRole, ChainMove, CloseReason, Direction, Event, LinkAction, LinkEvent, Notice, Origin, Outbox,
        PeerFault, PeerInfo, Role, Setup,
        command::{Delivery, FetchCommand, Reply},
        notice::{ToFetch, ToVerify},
        report::Counter,
    },
    wire::{
        frame::{Frame, FrameFault},
        message::{Kind, Message},
    },
};

const SECOND: Duration = Duration::from_secs(1);

/// Something whose header can be peeked: nothing else matters to this role.
fn block(height: u32, tag: u8, bytes: usize) -> Bytes {
    let header = Header {
        version: HEADER_VERSION,
        height,
        previous: Hash([tag; 32]),
        merkle_root: Hash::ZERO,
        state_digest: Hash::ZERO,
        time: 0,
        seal: Seal::unsolved(CompactTarget(0)),
    };
    let mut body = header.to_bytes().to_vec();
    body.resize(WORK_HEADER_BYTES.max(bytes), 0);
    body.into()
}

fn hash(height: u32) -> Hash {
    hash_of(&block(height, 0, 0))
}

fn hash_of(block: &Bytes) -> Hash {
    Header::peek(block).unwrap().hash()
}

fn setup() -> Setup {
    Setup { connect: vec!["127.0.0.1:1".parse().unwrap()], ..Setup::bare(Arc::new(ChainSpec::dev())) }
}

/// A transaction, one for each number.
fn transaction(number: u8) -> Arc<HashedTransaction> {
    Arc::new(HashedTransaction::new(testkit::coinbase(1, SecretKey::well_known(0).address(), 1, &[number])))
}

struct Rig {
    role: Fetch,
    now: Now,
    /// Requests that the peers have not answered, oldest first.
    open: BTreeMap<u64, Vec<Hash>>,
    heights: BTreeMap<Hash, u32>,
}

fn requests(actions: &[Action]) -> Vec<(u64, Hash)> {
    let request = |action: &Action| match action {
        Action::Link(LinkAction::Send { link, frame }) => match frame.open() {
            Ok(Message::GetBlock(hash)) => Some((link.0, hash)),
            Ok(Message::GetBlockTransactions(..)) => None,
            other => panic!("{other:?}"),
        },
        _ => None,
    };
    actions.iter().filter_map(request).collect()
}

/// The blocks that went to the verifier.
fn checked(actions: &[Action]) -> Vec<(Origin, Hash)> {
    let check = |action: &Action| match action {
        Action::Tell(Notice::Verify(ToVerify::CheckBlock { origin, hash, .. })) => Some((*origin, *hash)),
        _ => None,
    };
    actions.iter().filter_map(check).collect()
}

fn faults(actions: &[Action]) -> Vec<(u64, PeerFault)> {
    let fault = |action: &Action| match action {
        Action::Link(LinkAction::Close { link, reason, .. }) => match &**reason {
            CloseReason::Fault(fault) => Some((link.0, fault.clone())),
            _ => None,
        },
        _ => None,
    };
    actions.iter().filter_map(fault).collect()
}

fn told(actions: &[Action], wanted: fn(&Notice) -> bool) -> usize {
    actions.iter().filter(|action| matches!(action, Action::Tell(notice) if wanted(notice))).count()
}

fn replies(actions: &[Action]) -> Vec<(u64, Reply)> {
    let reply = |action: &Action| match action {
        Action::Reply(ticket, reply) => Some((ticket.0, reply.clone())),
        _ => None,
    };
    actions.iter().filter_map(reply).collect()
}

impl Rig {
    /// A role that wants blocks 1 to `count`, with these peers. It has seen small blocks before.
    fn new(count: u32, peers: &[u64]) -> Self {
        let mut role = Fetch::new(&setup(), Rng::from_number(1));
        (role.size, role.past.size) = (BodySize::SMALL, BodySize::SMALL);
        Self::with(role, count, peers)
    }

    /// The same of a role that has seen no block yet.
    fn fresh(count: u32, peers: &[u64]) -> Self {
        Self::with(Fetch::new(&setup(), Rng::from_number(1)), count, peers)
    }

    fn with(role: Fetch, count: u32, peers: &[u64]) -> Self {
        let now = Now { mono: Time(0), unix: UnixTime(0) };
        let heights = (1..=count).map(|height| (hash(height), height)).collect();
        let mut rig = Self { role, now, open: BTreeMap::new(), heights };
        for link in peers {
            rig.up(*link, count);
        }
        rig.want(0, (1..=count).map(hash).collect());
        rig
    }

    fn event(&mut self, event: Event) -> Vec<Action> {
        let mut out = Outbox::default();
        self.role.hear(self.now, event, &mut out);
        let actions: Vec<Action> = out.drain().collect();
        for (link, hash) in requests(&actions) {
            self.open.entry(link).or_default().push(hash);
        }
        self.check_law();
        actions
    }

    /// Each request has ended in exactly one way, or is open; and the limits hold.
    fn check_law(&self) {
        let Completions { asked, blocks, absent, timeouts, lost } = self.role.completions();
        let open = self.role.peers.in_flight();
        assert_eq!(asked, blocks + absent + timeouts + lost + open as u64);
        assert!(open <= BLOCKS_IN_FLIGHT + 3, "{open}");
    }

    fn notice(&mut self, notice: impl Into<Notice>) -> Vec<Action> {
        self.event(Event::Notice(notice.into()))
    }

    fn want(&mut self, above: u32, hashes: Vec<Hash>) -> Vec<Action> {
        self.notice(ToFetch::Want { fork: above, above, hashes })
    }

    fn up(&mut self, link: u64, height: u32) -> Vec<Action> {
        self.up_from(link, height, u16::try_from(link).unwrap())
    }

    fn up_from(&mut self, link: u64, height: u32, port: u16) -> Vec<Action> {
        self.up_as(link, height, port, link)
    }

    /// The node of an earlier link, from another port.
    fn back_as(&mut self, link: u64, height: u32, earlier: u64) -> Vec<Action> {
        self.up_as(link, height, 50_000, earlier)
    }

    fn up_as(&mut self, link: u64, height: u32, port: u16, node: u64) -> Vec<Action> {
        self.up_with(link, height, (port, node), 1)
    }

    fn up_with(&mut self, link: u64, height: u32, (port, node): (u16, u64), services: u64) -> Vec<Action> {
        let peer = PeerInfo {
            node: crate::node::testing::some_node(node),
            direction: Direction::Inbound,
            remote: ([127, 0, 0, 1], port).into(),
            listens: None,
            protocol: 1,
            services,
            height,
            tip: Hash::ZERO,
            work: Work::ZERO,
            clock_offset: 0,
            agent: String::new(),
        };
        self.event(Event::Link(LinkEvent::Up { link: LinkId(link), peer: Arc::new(peer) }))
    }

    fn down(&mut self, link: u64) -> Vec<Action> {
        self.open.remove(&link);
        let reason = CloseReason::Lost("test".to_owned());
        self.event(Event::Link(LinkEvent::Closed { link: LinkId(link), reason }))
    }

    fn receive(&mut self, link: u64, message: &Message) -> Vec<Action> {
        self.event(Event::Link(LinkEvent::Frame { link: LinkId(link), frame: Frame::new(message) }))
    }

    fn send(&mut self, link: u64, block: &Bytes) -> Vec<Action> {
        self.receive(link, &Message::Block(block.clone()))
    }

    /// The peer answers its oldest request with the block.
    fn answer(&mut self, link: u64) -> Vec<Action> {
        self.answer_with(link, 0)
    }

    fn answer_with(&mut self, link: u64, bytes: usize) -> Vec<Action> {
        let hash = self.open.get_mut(&link).unwrap().remove(0);
        let height = self.heights[&hash];
        self.send(link, &block(height, 0, bytes))
    }

    /// Requests that wait for the peer.
    fn waiting(&self, link: u64) -> usize {
        self.open.get(&link).map_or(0, Vec::len)
    }

    fn taken(&mut self, heights: std::ops::RangeInclusive<u32>) -> Vec<Action> {
        self.notice(ToFetch::BodiesTaken { blocks: heights.map(|height| (height, hash(height))).collect() })
    }

    fn moved(&mut self, hashes: &[(Hash, u32)]) -> Vec<Action> {
        let (hash, height) = *hashes.last().unwrap();
        let tip = Tip { hash, height, time: 0, work: Work::ZERO, digest: Hash::ZERO };
        self.notice(ToFetch::ChainMoved(Arc::new(ChainMove {
            tip,
            removed: vec![],
            added: hashes.to_vec(),
            news: None,
        })))
    }

    /// All peers but these answer everything, and the ledger takes what is in order, until nothing moves.
    fn run(&mut self, silent: &[u64]) {
        self.run_with(silent, 0);
    }

    fn run_with(&mut self, silent: &[u64], bytes: usize) {
        let mut next = self.role.window.base();
        while let Some(link) =
            self.open.iter().find(|(link, open)| !silent.contains(link) && !open.is_empty()).map(|(link, _)| *link)
        {
            self.answer_with(link, bytes);
            assert!(self.role.window.held() <= FETCH_BYTES + bytes);
            while self.role.window.slot(next).is_some_and(|slot| slot.body != crate::node::fetch::window::Body::Missing)
            {
                self.taken(next..=next);
                next += 1;
            }
        }
    }

    /// The ledger takes all that has arrived in order.
    fn taken_all(&mut self) {
        let mut next = self.role.window.base();
        while self.role.window.slot(next).is_some_and(|slot| slot.body != crate::node::fetch::window::Body::Missing) {
            self.taken(next..=next);
            next += 1;
        }
    }

    fn pass(&mut self, duration: Duration) -> Vec<Action> {
        let end = self.now.mono + duration;
        let mut actions = Vec::new();
        for _ in 0..1000 {
            match self.role.deadline().filter(|at| *at <= end) {
                Some(at) => self.now.mono = at.max(self.now.mono),
                None => {
                    self.now.mono = end;
                    return actions;
                }
            }
            actions.extend(self.event(Event::Wake));
        }
        panic!("the role's deadline does not move: {:?} at {:?}", self.role.deadline(), self.now.mono);
    }

    fn deliveries(&mut self) -> Vec<Delivery> {
        match replies(&self.event(Event::Command(Ticket(0), FetchCommand::Deliveries.into()))).remove(0).1 {
            Reply::Deliveries(deliveries) => deliveries,
            other => panic!("{other:?}"),
        }
    }
}
