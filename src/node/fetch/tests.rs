//! The role, by events and with a clock set by hand.

use std::{collections::BTreeMap, sync::Arc, time::Duration};

use super::{Completions, Fetch};
use crate::{
    base::{
        bytes::Bytes,
        hash::Hash,
        ids::{LinkId, Ticket},
        limits::{
            ABSENT_RETRY, BLOCK_HEDGE, BLOCKS_IN_FLIGHT, BLOCKS_IN_FLIGHT_PER_PEER, COMMAND_TIMEOUT, FETCH_BYTES,
            FETCH_WINDOW, GATHER_TIME, GET_BLOCK_TIMEOUT, HEADER_BYTES, MAX_OFFERED, PEER_WINDOW_FIRST, STALL_FIRST,
            WITHHELD_AFTER,
        },
        rng::Rng,
        time::{Now, Time, UnixTime},
    },
    chain::{
        archive::Tip,
        header::Header,
        rules::BlockFault,
        spec::ChainSpec,
        target::{CompactTarget, Work},
    },
    node::{
        Action, Direction, Event, LinkEvent, Notice, Origin, Outbox, PeerFault, PeerInfo, Role, RoleId, Setup,
        command::{Command, Delivery, Reply},
        fault::CloseReason,
        notice::ChainMove,
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
        version: 1,
        height,
        previous: Hash([tag; 32]),
        merkle_root: Hash::ZERO,
        state_digest: Hash::ZERO,
        time: 0,
        target: CompactTarget(0),
        nonce: 0,
    };
    let mut body = header.to_bytes().to_vec();
    body.resize(HEADER_BYTES.max(bytes), 0);
    body.into()
}

fn hash(height: u32) -> Hash {
    hash_of(&block(height, 0, 0))
}

fn hash_of(block: &Bytes) -> Hash {
    Header::peek(block).unwrap().hash()
}

fn setup() -> Setup {
    Setup {
        spec: Arc::new(ChainSpec::dev()),
        listen_port: 0,
        own_addresses: Vec::new(),
        agent: String::new(),
        connect: vec!["127.0.0.1:1".parse().unwrap()],
        bootnodes: Vec::new(),
        is_bootnode: false,
        max_inbound: 8,
        max_outbound: 8,
        mine: None,
        mine_rate: 0,
        block_interval_ms: None,
        verifiers: 1,
        memory_percent: 100,
    }
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
        Action::Send { link, frame } => match frame.open() {
            Ok(Message::GetBlock(hash)) => Some((link.0, hash)),
            other => panic!("{other:?}"),
        },
        _ => None,
    };
    actions.iter().filter_map(request).collect()
}

/// The blocks that went to the verifier.
fn checked(actions: &[Action]) -> Vec<(Origin, Hash)> {
    let check = |action: &Action| match action {
        Action::Tell(RoleId::Verify, Notice::CheckBlock { origin, hash, .. }) => Some((*origin, *hash)),
        _ => None,
    };
    actions.iter().filter_map(check).collect()
}

fn faults(actions: &[Action]) -> Vec<(u64, PeerFault)> {
    let fault = |action: &Action| match action {
        Action::Close { link, reason: CloseReason::Fault(fault), .. } => Some((link.0, fault.clone())),
        _ => None,
    };
    actions.iter().filter_map(fault).collect()
}

fn told(actions: &[Action], wanted: fn(&Notice) -> bool) -> usize {
    actions.iter().filter(|action| matches!(action, Action::Tell(_, notice) if wanted(notice))).count()
}

fn replies(actions: &[Action]) -> Vec<(u64, Reply)> {
    let reply = |action: &Action| match action {
        Action::Reply(ticket, reply) => Some((ticket.0, reply.clone())),
        _ => None,
    };
    actions.iter().filter_map(reply).collect()
}

impl Rig {
    /// A role that wants blocks 1 to `count`, with these peers.
    fn new(count: u32, peers: &[u64]) -> Self {
        let role = Fetch::new(&setup(), Rng::from_number(1));
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
        self.role.handle(self.now, event, &mut out);
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

    fn notice(&mut self, notice: Notice) -> Vec<Action> {
        self.event(Event::Notice(notice))
    }

    fn want(&mut self, above: u32, hashes: Vec<Hash>) -> Vec<Action> {
        self.notice(Notice::Want { above, hashes })
    }

    fn up(&mut self, link: u64, height: u32) -> Vec<Action> {
        let peer = PeerInfo {
            direction: Direction::Inbound,
            remote: "127.0.0.1:9".parse().unwrap(),
            listens: None,
            protocol: 1,
            services: 1,
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
        self.notice(Notice::BodiesTaken { blocks: heights.map(|height| (height, hash(height))).collect() })
    }

    fn moved(&mut self, hashes: &[(Hash, u32)]) -> Vec<Action> {
        let (hash, height) = *hashes.last().unwrap();
        let tip = Tip { hash, height, time: 0, work: Work::ZERO, digest: Hash::ZERO };
        self.notice(Notice::ChainMoved(Arc::new(ChainMove {
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
            while self.role.window.slot(next).is_some_and(|slot| slot.body != super::window::Body::Missing) {
                self.taken(next..=next);
                next += 1;
            }
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
        match replies(&self.event(Event::Command(Ticket(0), Command::Deliveries))).remove(0).1 {
            Reply::Deliveries(deliveries) => deliveries,
            other => panic!("{other:?}"),
        }
    }
}

#[test]
fn tiny_blocks_too_come_from_all_peers() {
    let mut rig = Rig::new(40, &[1, 2, 3, 4]);
    assert!((1..=4).all(|link| rig.waiting(link) == PEER_WINDOW_FIRST), "{:?}", rig.open);
    rig.run(&[]);
    let deliveries = rig.deliveries();
    assert_eq!(deliveries.iter().map(|delivery| delivery.blocks).sum::<u64>(), 40);
    assert!(deliveries.iter().all(|delivery| delivery.blocks >= 4 && delivery.in_flight == 0), "{deliveries:?}");
    assert_eq!(rig.role.completions(), Completions { asked: 40, blocks: 40, ..Completions::default() });
}

#[test]
fn a_peer_s_window_grows_with_what_it_delivers_up_to_its_limit() {
    let mut rig = Rig::new(500, &[1]);
    assert_eq!(rig.waiting(1), PEER_WINDOW_FIRST);
    rig.answer(1);
    assert_eq!(rig.waiting(1), PEER_WINDOW_FIRST + 1);
    (0..50).for_each(|_| drop(rig.answer(1)));
    assert_eq!(rig.waiting(1), BLOCKS_IN_FLIGHT_PER_PEER);
}

#[test]
fn no_more_than_the_overall_limit_is_in_flight() {
    let peers: Vec<u64> = (1..=12).collect();
    let mut rig = Rig::new(900, &peers);
    for _ in 0..20 {
        peers.iter().for_each(|link| drop(rig.answer(*link)));
    }
    assert_eq!(rig.role.peers.in_flight(), BLOCKS_IN_FLIGHT);
}

#[test]
fn nothing_beyond_the_window_is_asked_for() {
    let mut rig = Rig::new(3000, &[1, 2]);
    let top = u32::try_from(FETCH_WINDOW).unwrap();
    // Peer 2 never answers: the window stays where its first block is. No time passes.
    while rig.waiting(1) > 0 {
        rig.answer(1);
    }
    let asked = rig.role.completions().asked;
    assert!((asked as usize) <= FETCH_WINDOW, "{asked}");
    assert!(rig.role.window.slot(top).unwrap().body != super::window::Body::Missing);
    assert!(rig.role.window.slot(top + 1).unwrap().body == super::window::Body::Missing);
}

#[test]
fn the_ledger_s_progress_is_passed_on() {
    let mut rig = Rig::new(200, &[1]);
    let height = |actions: &[Action]| {
        actions.iter().find_map(|action| match action {
            Action::Tell(RoleId::Headers, Notice::Fetched { height }) => Some(*height),
            _ => None,
        })
    };
    assert_eq!(height(&rig.taken(1..=63)), None);
    assert_eq!(height(&rig.taken(64..=64)), Some(64));
    assert_eq!(height(&rig.taken(65..=199)), Some(199));
    assert_eq!(height(&rig.taken(200..=200)), Some(200), "at the end at once");
}

#[test]
fn absent_asks_another_peer_and_pauses_when_nobody_is_left() {
    let mut rig = Rig::new(1, &[1, 2]);
    let absent = Message::Absent(hash(1));
    assert_eq!(rig.waiting(1), 1);
    assert_eq!(requests(&rig.receive(1, &absent)), [(2, hash(1))]);
    assert_eq!(requests(&rig.receive(2, &absent)), []);
    assert_eq!(requests(&rig.pass(ABSENT_RETRY)).len(), 1);
    assert_eq!(rig.role.completions().absent, 2);
    let actions = rig.receive(2, &absent);
    assert_eq!(faults(&actions), [(2, PeerFault::Unexpected(Kind::Absent))], "it was peer 1's turn");
}

#[test]
fn a_new_peer_ends_the_pause() {
    let mut rig = Rig::new(1, &[1]);
    rig.receive(1, &Message::Absent(hash(1)));
    assert_eq!(requests(&rig.up(2, 1)).len(), 1);
}

#[test]
fn whoever_claims_to_have_a_block_is_preferred_and_if_nobody_does_all_are_tried() {
    let mut rig = Rig::new(0, &[]);
    rig.up(1, 0);
    rig.up(2, 9);
    assert_eq!(requests(&rig.want(0, vec![hash(1)])), [(2, hash(1))]);
    rig.notice(Notice::PeerTip { link: LinkId(2), height: 0, tip: Hash::ZERO });
    rig.notice(Notice::PeerTip { link: LinkId(1), height: 2, tip: Hash::ZERO });
    assert_eq!(requests(&rig.want(1, vec![hash(2)])), [(1, hash(2))]);
    assert_eq!(requests(&rig.want(2, vec![hash(3)])).len(), 1);
}

#[test]
fn a_lost_peer_s_requests_go_to_others() {
    let mut rig = Rig::new(8, &[1, 2]);
    assert_eq!((rig.waiting(1), rig.waiting(2)), (4, 4));
    rig.run(&[1]);
    assert_eq!(rig.waiting(2), 0);
    rig.down(1);
    assert_eq!(rig.waiting(2), 4);
    rig.run(&[]);
    assert_eq!(rig.role.completions(), Completions { asked: 12, blocks: 8, lost: 4, ..Completions::default() });
}

#[test]
fn a_request_times_out_and_a_late_answer_still_counts_once() {
    let mut rig = Rig::new(1, &[1]);
    let actions = rig.pass(GET_BLOCK_TIMEOUT);
    assert_eq!((requests(&actions), faults(&actions)), (vec![(1, hash(1))], vec![]), "there is nobody else");
    assert_eq!(rig.role.completions().timeouts, 1);
    // Two answers: the first is the late one, for this role they are the same.
    assert_eq!(checked(&rig.answer(1)), [(Origin::Link(LinkId(1)), hash(1))]);
    let actions = rig.answer(1);
    assert_eq!((checked(&actions), faults(&actions)), (vec![], vec![]));
}

#[test]
fn a_peer_that_answers_nothing_is_closed_if_there_is_another() {
    let mut rig = Rig::new(2, &[1, 2]);
    rig.run(&[1]);
    let actions = rig.pass(GET_BLOCK_TIMEOUT);
    assert_eq!(faults(&actions), [(1, PeerFault::BlockStall)]);
}

#[test]
fn near_the_tip_a_second_and_a_third_peer_are_asked() {
    let mut rig = Rig::new(1, &[1, 2, 3, 4]);
    assert_eq!(requests(&rig.pass(BLOCK_HEDGE - SECOND)), []);
    assert_eq!(requests(&rig.pass(SECOND)).len(), 1);
    assert_eq!(requests(&rig.pass(BLOCK_HEDGE)).len(), 1);
    assert_eq!(requests(&rig.pass(BLOCK_HEDGE)), [], "three are enough");
    let actions = rig.answer(3);
    assert_eq!(checked(&actions).len(), 1);
    assert_eq!(faults(&rig.answer(2)), [], "the others' answers are no fault");
}

#[test]
fn a_stalling_peer_is_closed_after_a_time_that_doubles_and_shrinks() {
    let mut rig = Rig::new(300, &[1, 2, 3]);
    // 1 got block 1 and stops; what 2 and 3 deliver waits for it.
    rig.answer(2);
    assert_eq!(faults(&rig.pass(STALL_FIRST - SECOND / 10)), []);
    let actions = rig.pass(SECOND / 10);
    assert_eq!(faults(&actions), [(1, PeerFault::BlockStall)]);
    assert_eq!(requests(&actions)[0].1, hash(1), "and the block is asked of another");
    assert!(actions.contains(&Action::Count(Counter::Stalls, 1)));
    rig.down(1);
    // The next one gets twice the time.
    rig.up(4, 300);
    rig.run(&[3]);
    assert_eq!(rig.role.window.missing() + rig.role.window.base() as usize, 301 - held_blocks(&rig));
    let stall = rig.role.watch_deadline().unwrap().since(rig.now.mono);
    assert_eq!(stall, STALL_FIRST, "many arrived since: it has shrunk back");
    rig.role.watch.stalled();
    rig.role.watch.stalled();
    assert_eq!(rig.role.watch_deadline().unwrap().since(rig.now.mono), STALL_FIRST * 4);
}

/// Blocks that have arrived and wait for a lower one.
fn held_blocks(rig: &Rig) -> usize {
    (rig.role.window.base()..=300)
        .filter_map(|height| rig.role.window.slot(height))
        .filter(|slot| matches!(slot.body, super::window::Body::Arrived(_)))
        .count()
}

#[test]
fn a_staller_without_rivals_is_kept() {
    let mut rig = Rig::new(300, &[1]);
    // It answers its second request and not the first.
    rig.open.get_mut(&1).unwrap().remove(0);
    rig.answer(1);
    assert_eq!(faults(&rig.pass(GET_BLOCK_TIMEOUT * 2)), []);
}

#[test]
fn bodies_are_bounded_by_bytes_but_for_the_lowest_missing() {
    let mut rig = Rig::new(60, &[1, 2, 3, 4]);
    let large = 1_000_000;
    // The first blocks show how large they are; from then on fewer are asked for. Block 1 is peer 1's.
    for link in [2, 3, 4, 2, 3, 4, 2, 3, 4] {
        rig.answer_with(link, large);
        assert!(rig.role.window.held() <= FETCH_BYTES);
    }
    assert_eq!(rig.role.window.held(), 3 * large);
    assert_eq!(rig.role.completions().asked, 16, "nothing more is asked for");
    let actions = rig.answer_with(1, large);
    assert_eq!(checked(&actions).len(), 1, "the lowest always has room");
    rig.taken(1..=4);
    rig.run_with(&[], large);
    assert_eq!((rig.role.window.base(), rig.role.window.held()), (61, 0), "and so everything arrives");
    let wasted = rig.role.completions().blocks - 60;
    assert!(wasted <= 13, "only what was under way before their size was known was asked for twice: {wasted}");
}

#[test]
fn a_refused_body_is_asked_of_another_peer() {
    let mut rig = Rig::new(1, &[1, 2]);
    rig.answer(1);
    let origin = Origin::Link(LinkId(1));
    let fault = BlockFault::MerkleRoot;
    assert_eq!(requests(&rig.notice(Notice::BodyRefused { hash: hash(1), origin, fault })), [(2, hash(1))]);
    assert_eq!(rig.role.window.held(), 0);
}

#[test]
fn a_reorganisation_forgets_bodies_and_requests_end_all_the_same() {
    let mut rig = Rig::new(4, &[1, 2]);
    rig.answer(1);
    let rival = block(2, 7, 0);
    let actions = rig.want(1, vec![hash_of(&rival)]);
    assert_eq!(requests(&actions).len(), 1);
    // Old requests are answered; nobody wants these any more.
    let late = rig.send(2, &block(2, 0, 0));
    assert_eq!(
        (checked(&late), told(&late, |notice| matches!(notice, Notice::Offered { .. })), faults(&late)),
        (vec![], 0, vec![])
    );
    let (link, _) = requests(&actions)[0];
    assert_eq!(checked(&rig.send(link, &rival)).len(), 1);
}

#[test]
fn news_waits_for_its_header_and_then_goes_to_the_verifier() {
    let mut rig = Rig::new(0, &[1, 2]);
    let news = block(1, 0, 0);
    let header = Header::peek(&news).unwrap();
    let origin = Origin::Link(LinkId(1));
    let offered = Notice::Offered { origin, hash: hash(1), header };
    assert_eq!(rig.send(1, &news), [Action::Tell(RoleId::Headers, offered)]);
    assert_eq!(rig.send(2, &news), [], "once");
    let actions = rig.want(0, vec![hash(1)]);
    assert_eq!((checked(&actions), requests(&actions)), (vec![(origin, hash(1))], vec![]));
    rig.moved(&[(hash(1), 1)]);
    assert_eq!(rig.send(2, &news), [], "an echo");
}

#[test]
fn offers_are_bounded_and_dropped_ones_forgotten() {
    let mut rig = Rig::new(0, &[1]);
    for height in 1..=20 {
        rig.send(1, &block(height, 0, 0));
    }
    let kept = (1..=20).filter(|height| rig.role.offers.contains(&hash(*height))).count();
    assert_eq!(kept, MAX_OFFERED);
    rig.notice(Notice::OfferDropped { hash: hash(20), reason: None });
    assert_eq!(told(&rig.send(1, &block(20, 0, 0)), |notice| matches!(notice, Notice::Offered { .. })), 1);
}

#[test]
fn a_wanted_block_is_taken_from_whoever_sends_it() {
    let mut rig = Rig::new(1, &[1, 2]);
    assert_eq!(checked(&rig.send(2, &block(1, 0, 0))).len(), 1);
    assert_eq!(checked(&rig.send(1, &block(1, 0, 0))), []);
    rig.check_law();
}

#[test]
fn a_flood_of_known_blocks_is_a_fault() {
    let mut rig = Rig::new(1, &[1]);
    rig.answer(1);
    rig.moved(&[(hash(1), 1)]);
    let fault = (0..5000).find_map(|_| faults(&rig.send(1, &block(1, 0, 0))).pop());
    assert_eq!(fault, Some((1, PeerFault::Flood("known blocks"))));
}

#[test]
fn a_frame_shorter_than_a_header_is_a_fault() {
    let mut rig = Rig::new(1, &[1]);
    let actions = rig.send(1, &vec![0; HEADER_BYTES - 1].into());
    assert!(matches!(faults(&actions)[..], [(1, PeerFault::Frame(FrameFault::Body(_)))]), "{actions:?}");
}

#[test]
fn a_submitted_block_is_answered_when_it_is_committed() {
    let mut rig = Rig::new(0, &[]);
    let submit =
        |rig: &mut Rig, ticket, block: Bytes| rig.event(Event::Command(Ticket(ticket), Command::SubmitBlock(block)));
    assert_eq!(replies(&submit(&mut rig, 1, block(1, 0, 0))), []);
    assert_eq!(checked(&rig.want(0, vec![hash(1)])), [(Origin::Command(Ticket(1)), hash(1))]);
    assert_eq!(replies(&rig.taken(1..=1)), []);
    assert_eq!(replies(&rig.moved(&[(hash(1), 1)])), [(1, Reply::Accepted(hash(1)))]);
    let again = replies(&submit(&mut rig, 2, block(1, 0, 0)));
    assert_eq!(again, [(2, Reply::Refused("already known".to_owned()))]);

    submit(&mut rig, 3, block(2, 0, 0));
    let reason = Some("no proof of work".to_owned());
    let dropped = rig.notice(Notice::OfferDropped { hash: hash(2), reason });
    assert_eq!(replies(&dropped), [(3, Reply::Refused("no proof of work".to_owned()))]);

    submit(&mut rig, 4, block(3, 0, 0));
    rig.want(1, vec![hash(3)]);
    let fault = BlockFault::Empty;
    let invalid = rig.notice(Notice::BlocksInvalid { hashes: vec![hash(3)], fault: fault.clone() });
    assert_eq!(replies(&invalid), [(4, Reply::Refused(fault.to_string()))]);

    submit(&mut rig, 5, block(4, 0, 0));
    assert_eq!(replies(&rig.pass(COMMAND_TIMEOUT)), [(5, Reply::Refused("no verdict in time".to_owned()))]);
    assert!(matches!(replies(&submit(&mut rig, 6, vec![0; 9].into()))[..], [(6, Reply::Refused(_))]));
}

#[test]
fn a_mined_block_goes_the_same_way() {
    let mut rig = Rig::new(0, &[]);
    let actions = rig.notice(Notice::Produced { block: block(1, 0, 0) });
    assert_eq!(told(&actions, |notice| matches!(notice, Notice::Offered { origin: Origin::Miner, .. })), 1);
    assert_eq!(checked(&rig.want(0, vec![hash(1)])), [(Origin::Miner, hash(1))]);
}

#[test]
fn the_verifier_is_told_which_signatures_are_known() {
    let mut rig = Rig::new(2, &[1]);
    let leaves = |n: u8| Hash([n; 32]);
    rig.notice(Notice::PoolChanged { added: vec![leaves(1), leaves(2)], removed: vec![] });
    let of = |actions: Vec<Action>| {
        actions.into_iter().find_map(|action| match action {
            Action::Tell(RoleId::Verify, Notice::CheckBlock { checked, .. }) => Some(checked),
            _ => None,
        })
    };
    let first = of(rig.answer(1)).unwrap();
    rig.notice(Notice::PoolChanged { added: vec![], removed: vec![leaves(1)] });
    let second = of(rig.answer(1)).unwrap();
    assert_eq!((first.len(), second.len()), (2, 1), "what was handed out does not change");
}

#[test]
fn a_large_download_waits_a_moment_for_more_peers_unless_they_are_all_there() {
    let fetch = Fetch::new(&Setup { connect: vec![], ..setup() }, Rng::from_number(1));
    let mut rig = Rig::new(0, &[]);
    rig.role = fetch;
    rig.up(1, 500);
    let hashes: Vec<Hash> = (1..=500).map(hash).collect();
    assert_eq!(requests(&rig.want(0, hashes.clone())), []);
    rig.up(2, 500);
    let mut other = Rig::new(0, &[]);
    other.role = Fetch::new(&Setup { connect: vec![], ..setup() }, Rng::from_number(1));
    other.up(1, 500);
    other.want(0, hashes);
    assert_eq!(requests(&rig.up(3, 500)).len(), 3 * PEER_WINDOW_FIRST);
    assert_eq!(requests(&other.pass(GATHER_TIME)).len(), PEER_WINDOW_FIRST, "but not for long");
}

#[test]
fn a_block_that_nobody_has_is_reported_once() {
    let mut rig = Rig::new(10, &[1, 2]);
    let mut reported = 0;
    let absent = |rig: &mut Rig| {
        for link in [1, 2] {
            while let Some(hash) = rig.open.get_mut(&link).and_then(|open| (!open.is_empty()).then(|| open.remove(0))) {
                rig.receive(link, &Message::Absent(hash));
            }
        }
    };
    for second in 0..60 {
        absent(&mut rig);
        let actions = rig.pass(SECOND);
        let now = told(&actions, |notice| matches!(notice, Notice::Withheld { .. }));
        assert!(now == 0 || second >= WITHHELD_AFTER.as_secs() - 1);
        reported += now;
    }
    assert_eq!(reported, 1);
}
