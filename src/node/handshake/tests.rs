//! Tests of the whole role, and of two of them against each other.

mod slots;

use std::{
    collections::{BTreeMap, BTreeSet, VecDeque},
    time::Duration,
};

use super::*;
use crate::{
    base::{
        limits::{self, INBOUND_SLACK},
        time::UnixTime,
    },
    chain::archive::Tip,
    node::{
        Action, ChainMove, LinkAction, PeerInfo, Role,
        limit::Limit,
        notice::{ToHandshake, ToPeers, Useful},
        report::Report,
        testing::{Actions, Driver, address, epoch, logged, public_setup, setup, some_node},
    },
    wire::message::{PROTOCOL_VERSION, SERVICE_FULL, Version},
};

type Node = Driver<Handshake>;

const OUT: Direction = Direction::Outbound(crate::base::ids::DialId(1));
const IN: Direction = Direction::Inbound;

fn node(seed: u64) -> Node {
    node_with(&setup(), seed)
}

fn node_with(setup: &Setup, seed: u64) -> Node {
    Driver::new(Handshake::new(setup, Rng::from_number(seed)))
}

fn version(change: impl FnOnce(&mut Version)) -> Message {
    let genesis = ChainSpec::local().genesis_hash();
    let mut version = Version {
        protocol: PROTOCOL_VERSION,
        services: SERVICE_FULL,
        genesis,
        height: 7,
        tip: Hash([7; 32]),
        work: [1; 32],
        timestamp: epoch() + 5,
        nonce: 99,
        listen_port: 4131,
        agent: List::truncated(*b"/x/"),
    };
    change(&mut version);
    Message::Version(version)
}

fn sent_version(actions: &Actions, link: u64) -> Version {
    let found = actions.sent(link).into_iter().find_map(|message| match message {
        Message::Version(version) => Some(version),
        _ => None,
    });
    found.expect("a Version was sent")
}

/// Messages on their way between two nodes: (receiver, its link, message).
type Wire = VecDeque<(usize, u64, Message)>;

/// Link `n` of one node is link `n` of the other. Messages and closes cross in order; what both did comes back.
fn carry(nodes: &mut [Node; 2], wire: &mut Wire, links: &[u64]) -> [Vec<Action>; 2] {
    let mut did = [Vec::new(), Vec::new()];
    while let Some((to, link, message)) = wire.pop_front() {
        let actions = nodes[to].receive(link, &message);
        spread(&actions, to, links, wire);
        did[to].extend(actions.0);
    }
    did
}

fn spread(actions: &Actions, from: usize, links: &[u64], wire: &mut Wire) {
    for link in links {
        wire.extend(actions.sent(*link).into_iter().map(|message| (1 - from, *link, message)));
        if let Some(CloseReason::Local(code)) = actions.closed(*link) {
            wire.push_back((1 - from, *link, Message::Goodbye { code: code as u8, retry_after: 0 }));
        }
    }
}

#[test]
fn both_sides_promote_after_version_and_verack_from_each() {
    let mut nodes = [node(1), node(2)];
    let mut wire = Wire::new();
    spread(&nodes[0].opened(1, OUT, "127.0.0.1:4131"), 0, &[1], &mut wire);
    assert!(nodes[1].opened(1, IN, "127.0.0.1:50000").sent(1).is_empty(), "the receiver waits for the dialler");
    let did = carry(&mut nodes, &mut wire, &[1]).map(Actions);
    let peer = did[0].promoted(1).expect("the dialler promotes");
    assert_eq!((peer.direction, peer.listens), (OUT, Some(address("127.0.0.1:4131"))));
    let peer = did[1].promoted(1).expect("the receiver promotes");
    assert_eq!((peer.direction, peer.listens), (IN, Some(address("127.0.0.1:4130"))));
    assert_eq!(did[0].counted(Counter::HandshakesDone) + did[1].counted(Counter::HandshakesDone), 2);
    assert_eq!([nodes[0].role.deadline(), nodes[1].role.deadline()], [None, None]);
}

#[test]
fn the_receiver_answers_with_version_and_verack_and_asks_for_the_next_frame() {
    let mut node = node(1);
    node.opened(1, IN, "127.0.0.1:50000");
    let actions = node.receive(1, &version(|_| {}));
    let sent = actions.sent(1);
    assert!(matches!(sent[..], [Message::Version(_), Message::Verack(99)]), "{sent:?}");
    assert!(actions.resumed(1));
    let nonce = sent_version(&actions, 1).nonce;
    let actions = node.receive(1, &Message::Verack(nonce));
    assert!(actions.promoted(1).is_some() && !actions.resumed(1));
}

#[test]
fn our_version_tells_where_the_chain_is() {
    let mut node = node(1);
    let tip = Tip { hash: Hash([9; 32]), height: 12, time: 0, work: Work::from_be_bytes([3; 32]), digest: Hash::ZERO };
    let moved = ChainMove { tip, removed: Vec::new(), added: Vec::new(), news: None };
    node.notice(ToHandshake::ChainMoved(Arc::new(moved)));
    let version = sent_version(&node.opened(1, OUT, "127.0.0.1:4131"), 1);
    assert_eq!((version.height, version.tip, version.work), (12, Hash([9; 32]), [3; 32]));
    assert_eq!((version.timestamp, version.listen_port), (epoch(), 4130));
}

#[test]
fn nothing_but_version_then_verack_is_accepted_before_promotion() {
    for message in [Message::GetPeers, Message::Verack(1), Message::GetSync(List::EMPTY), Message::Pong(1)] {
        let mut node = node(1);
        node.opened(1, IN, "127.0.0.1:50000");
        let actions = node.receive(1, &message);
        assert_eq!(actions.fault(1), Some(PeerFault::Unexpected(message.kind())));
        assert_eq!(actions.counted(Counter::HandshakesFailed), 1);
    }
}

#[test]
fn a_second_version_is_a_fault_before_and_after_promotion() {
    let mut node = node(1);
    node.opened(1, IN, "127.0.0.1:50000");
    node.receive(1, &version(|_| {}));
    assert_eq!(node.receive(1, &version(|_| {})).fault(1), Some(PeerFault::Unexpected(Kind::Version)));
    node.opened(2, IN, "127.0.0.1:50001");
    let nonce = sent_version(&node.receive(2, &version(|_| {})), 2).nonce;
    assert!(node.receive(2, &Message::Verack(nonce)).promoted(2).is_some());
    assert_eq!(node.receive(2, &version(|_| {})).fault(2), Some(PeerFault::Unexpected(Kind::Version)));
}

#[test]
fn a_wrong_verack_is_a_fault() {
    let mut node = node(1);
    node.opened(1, IN, "127.0.0.1:50000");
    let nonce = sent_version(&node.receive(1, &version(|_| {})), 1).nonce;
    assert_eq!(node.receive(1, &Message::Verack(nonce ^ 1)).fault(1), Some(PeerFault::Unexpected(Kind::Verack)));
}

#[test]
fn a_damaged_version_is_a_fault() {
    let mut node = node(1);
    node.opened(1, IN, "127.0.0.1:50000");
    let mut frame = Frame::new(&version(|_| {}));
    frame.checksum[0] ^= 1;
    assert!(matches!(node.frame(1, frame).fault(1), Some(PeerFault::Frame(_))));
}

#[test]
fn a_goodbye_closes_at_any_time() {
    let mut node = node(1);
    node.opened(1, OUT, "127.0.0.1:4131");
    let actions = node.receive(1, &Message::Goodbye { code: 6, retry_after: 60 });
    assert_eq!(actions.closed(1), Some(CloseReason::Remote { code: 6, retry_after: 60 }));
}

#[test]
fn another_genesis_or_version_is_told_so() {
    let mut node = node(1);
    node.opened(1, IN, "127.0.0.1:50000");
    assert!(node.receive(1, &version(|v| v.genesis = Hash([1; 32]))).said(1, GoodbyeCode::WrongNetwork));
    for (link, protocol) in [(2, 0), (3, PROTOCOL_VERSION + 1), (4, u32::MAX)] {
        node.opened(link, IN, "127.0.0.1:50000");
        assert!(node.receive(link, &version(|v| v.protocol = protocol)).said(link, GoodbyeCode::WrongVersion));
    }
}

#[test]
fn a_link_to_ourselves_ends_at_both_ends() {
    let mut node = node(1);
    let ours = sent_version(&node.opened(1, OUT, "127.0.0.1:4130"), 1);
    node.opened(2, IN, "127.0.0.1:50000");
    let actions = node.receive(2, &Message::Version(ours));
    assert!(actions.said(2, GoodbyeCode::SelfConnection));
    assert!(actions.said(1, GoodbyeCode::SelfConnection), "the dialler must learn that this address is its own");
}

#[test]
fn silence_ends_the_handshake_after_ten_seconds() {
    let mut node = node(1);
    node.opened(1, IN, "127.0.0.1:50000");
    node.pass(Duration::from_secs(4));
    node.receive(1, &version(|_| {}));
    assert_eq!(node.run(Duration::from_millis(5_999)).fault(1), None);
    let actions = node.run(Duration::from_millis(1));
    assert_eq!(actions.fault(1), Some(PeerFault::HandshakeTimeout), "the deadline counts from the opening");
    assert_eq!(node.role.deadline(), None);
}

/// Two nodes that dial each other. Link 1: node 0 dials node 1. Link 2: node 1 dials node 0.
struct Both {
    nodes: [Node; 2],
    ids: [NodeId; 2],
    /// What is on its way over each link, to each node.
    wires: BTreeMap<(u64, usize), VecDeque<Parcel>>,
}

enum Parcel {
    /// The message with this number of the key agreement.
    Key(u8),
    Message(Message),
}

impl Both {
    /// Either of the two may have the smaller identity.
    fn new(seed: u64) -> Self {
        let ids = [NodeId([seed as u8 % 2; 32]), NodeId([1 - seed as u8 % 2; 32])];
        let mut nodes = [node(seed), node(seed + 100)];
        nodes.iter_mut().zip(ids).for_each(|(node, id)| node.role.node = id);
        Self { nodes, ids, wires: BTreeMap::new() }
    }

    /// Opens link 1 or 2; `at` is where the dialled node listens.
    fn dial(&mut self, link: u64, at: &str) {
        let (from, to) = if link == 1 { (0, 1) } else { (1, 0) };
        assert!(self.nodes[from].connected(link, OUT, at).closed(link).is_none());
        self.nodes[to].connected(link, IN, "127.0.0.1:50000");
        self.wires.entry((link, to)).or_default().push_back(Parcel::Key(1));
    }

    fn travel(&mut self, from: usize, actions: &Actions) {
        for link in [1, 2] {
            let wire = self.wires.entry((link, 1 - from)).or_default();
            wire.extend(actions.sent(link).into_iter().map(Parcel::Message));
            if let Some(CloseReason::Local(code)) = actions.closed(link) {
                wire.push_back(Parcel::Message(Message::Goodbye { code: code as u8, retry_after: 0 }));
            }
        }
    }

    /// Delivers one message of some link; `false` if there is none.
    fn step(&mut self, rng: &mut Rng) -> bool {
        let ready: Vec<(u64, usize)> = self.wires.iter().filter(|(_, w)| !w.is_empty()).map(|(key, _)| *key).collect();
        let Some((link, to)) = rng.pick(&ready).copied() else { return false };
        let parcel = self.wires.get_mut(&(link, to)).and_then(VecDeque::pop_front).expect("it is ready");
        let other = self.ids[1 - to];
        let mut back = |parcel| self.wires.entry((link, 1 - to)).or_default().push_back(parcel);
        let actions = match parcel {
            Parcel::Message(message) => self.nodes[to].receive(link, &message),
            Parcel::Key(1) => {
                return {
                    back(Parcel::Key(2));
                    true
                };
            }
            Parcel::Key(number) => {
                if number == 2 {
                    back(Parcel::Key(3));
                }
                self.nodes[to].secured(link, other)
            }
        };
        self.travel(to, &actions);
        true
    }

    /// The links that each node has as a peer's.
    fn peers(&self) -> [Vec<u64>; 2] {
        let up = |node: &Node| {
            node.role.links.iter().filter(|(_, link)| link.stage == Stage::Up).map(|(id, _)| id.0).collect()
        };
        [up(&self.nodes[0]), up(&self.nodes[1])]
    }
}

#[test]
fn two_nodes_that_dial_each_other_keep_the_same_one_link() {
    // Also where nodes have addresses of their own on loopback, and one port: they look alike to the dialled side.
    for at in [["127.0.0.1:4130", "127.0.0.1:4130"], ["127.0.0.3:4130", "127.0.0.2:4130"]] {
        for seed in 0..200 {
            let (mut both, mut rng) = (Both::new(seed), Rng::from_number(seed));
            both.dial(1, at[0]);
            // The second dial comes at once, in the middle of the first one's handshake, or after it.
            for _ in 0..rng.below(9) {
                both.step(&mut rng);
            }
            both.dial(2, at[1]);
            while both.step(&mut rng) {}
            let [ours, theirs] = both.peers();
            assert_eq!(ours, theirs, "seed {seed} at {at:?}");
            assert_eq!(ours.len(), 1, "seed {seed} at {at:?}");
        }
    }
}

#[test]
fn a_dial_that_reached_a_linked_node_tells_where_that_link_leads() {
    for seed in [0, 1] {
        let (mut both, mut rng) = (Both::new(seed), Rng::from_number(seed));
        both.dial(1, "127.0.0.3:4130");
        while both.step(&mut rng) {}
        let dialled = "127.0.0.2:4130";
        both.nodes[1].connected(2, OUT, dialled);
        let other = both.ids[0];
        let actions = both.nodes[1].secured(2, other);
        assert!(actions.said(2, GoodbyeCode::Duplicate) && actions.sent(2).is_empty(), "before it takes a slot there");
        assert_eq!(actions.told::<ToPeers>(), [ToPeers::LeadsTo { link: LinkId(1), address: address(dialled) }]);
        assert!(both.nodes[1].connected(3, OUT, dialled).said(3, GoodbyeCode::Duplicate));
    }
}

#[test]
fn a_node_with_two_addresses_is_dialled_once() {
    let mut node = node(1);
    let other = NodeId([9; 32]);
    node.connected(1, OUT, "127.0.0.2:4130");
    assert!(node.secured(1, other).closed(1).is_none());
    node.connected(2, OUT, "127.0.0.3:4130");
    assert!(node.secured(2, other).said(2, GoodbyeCode::Duplicate));
    node.connected(3, OUT, "127.0.0.3:4131");
    assert!(node.secured(3, NodeId([10; 32])).closed(3).is_none(), "another node at the same address");
}

#[test]
fn a_node_that_dials_again_has_lost_its_older_link() {
    let mut node = node(1);
    let other = NodeId([9; 32]);
    let mut join = |link: u64| {
        node.connected(link, IN, "127.0.0.1:50000");
        assert!(node.secured(link, other).closed(link).is_none());
        let nonce = sent_version(&node.receive(link, &version(|_| {})), link).nonce;
        node.receive(link, &Message::Verack(nonce))
    };
    join(1);
    let actions = join(2);
    assert!(actions.promoted(2).is_some() && actions.said(1, GoodbyeCode::Duplicate));
}

#[test]
fn two_nodes_with_one_key_both_say_so_and_have_no_link() {
    let mut nodes = [node(1), node(2)];
    let id = nodes[0].role.node;
    let mut wire = Wire::new();
    nodes[0].connected(1, OUT, "127.0.0.1:4131");
    nodes[1].connected(1, IN, "127.0.0.1:50000");
    let ((did, mut lines), ours) = (
        logged(|| {
            let dialler = nodes[0].secured(1, id);
            nodes[1].secured(1, id);
            spread(&dialler, 0, &[1], &mut wire);
            carry(&mut nodes, &mut wire, &[1]).map(Actions)
        }),
        "another node runs with this node's key",
    );
    lines.retain(|line| line.starts_with("WARN") && line.contains(ours));
    assert_eq!(lines.len(), 2, "each side once: {lines:?}");
    for actions in did {
        let warned = |report: &Report| matches!(report, Report::Warning { key: "node_key_shared", text: Some(_) });
        assert!(actions.reports().iter().any(warned) && actions.said(1, GoodbyeCode::SelfConnection));
    }
}

#[test]
fn a_claimed_port_shuts_nobody_out() {
    for (setup, ip) in [(setup(), "127.0.0.1"), (public_setup(), "8.8.0.1")] {
        let mut node = node_with(&setup, 1);
        let listens = format!("{ip}:4131");
        // A squatter comes first, with the port of a neighbour behind the same router.
        node.opened(1, IN, &format!("{ip}:50000"));
        assert!(node.receive(1, &version(|_| {})).resumed(1));
        assert!(node.opened(2, OUT, &listens).closed(2).is_none(), "the real one may be dialled");
        assert!(node.receive(2, &version(|v| v.nonce = 7)).resumed(2));
        node.opened(3, IN, &format!("{ip}:50001"));
        let actions = node.receive(3, &version(|v| v.nonce = 0));
        assert!(actions.resumed(3) && actions.closed(1).is_none() && actions.closed(2).is_none(), "and may dial");
    }
}

#[test]
fn nodes_that_do_not_listen_are_never_duplicates() {
    let mut node = node(1);
    for link in [1, 2] {
        node.opened(link, IN, "127.0.0.1:50000");
        assert!(node.receive(link, &version(|v| v.listen_port = 0)).resumed(link));
    }
}

/// An inbound link from `ip`, through its handshake.
fn join(node: &mut Node, link: u64, ip: &str) -> Actions {
    let opened = node.opened(link, IN, &format!("{ip}:50000"));
    let answer = node.receive(link, &version(|v| v.listen_port = 0));
    let nonce = sent_version(&answer, link).nonce;
    let mut actions = node.receive(link, &Message::Verack(nonce));
    actions.0.extend(opened.0);
    actions
}

#[test]
fn banned_and_denied_nodes_are_told_so() {
    let mut node = node(1);
    let (ips, addresses) = (["8.8.0.1".parse().unwrap()], [address("127.0.0.1:4131")]);
    let out = KeptOut { ips: BTreeSet::from(ips), addresses: BTreeSet::from(addresses), ..KeptOut::default() };
    node.notice(ToHandshake::Barred(out));
    assert!(node.opened(1, IN, "8.8.0.1:50000").said(1, GoodbyeCode::Banned));
    assert!(node.opened(2, IN, "[::ffff:8.8.0.1]:50000").said(2, GoodbyeCode::Banned), "the mapped form is the same");
    assert!(node.opened(3, OUT, "127.0.0.1:4131").said(3, GoodbyeCode::Operator));
    node.opened(4, IN, "127.0.0.1:50000");
    assert!(node.receive(4, &version(|_| {})).said(4, GoodbyeCode::Operator));
    node.notice(ToHandshake::Barred(KeptOut::default()));
    node.opened(5, IN, "127.0.0.1:50000");
    assert!(node.receive(5, &version(|_| {})).resumed(5));
}

#[test]
fn a_node_is_kept_out_by_its_identity_and_one_of_a_banned_address_may_be_spared() {
    let mut node = node(1);
    let [banned, denied, spared] = [71, 72, 73].map(some_node);
    node.notice(ToHandshake::Barred(KeptOut {
        ips: BTreeSet::from(["8.8.0.1".parse().unwrap()]),
        nodes: BTreeSet::from([banned]),
        denied_nodes: BTreeSet::from([denied]),
        spared: BTreeSet::from([spared]),
        ..KeptOut::default()
    }));
    for (link, direction, remote) in [(1, IN, "8.9.0.1:50000"), (2, OUT, "8.9.0.2:4131")] {
        node.connected(link, direction, remote);
        assert!(node.secured(link, banned).said(link, GoodbyeCode::Banned));
        node.connected(link + 2, direction, remote);
        assert!(node.secured(link + 2, denied).said(link + 2, GoodbyeCode::Operator));
    }
    node.connected(5, IN, "8.8.0.1:50000");
    assert!(node.secured(5, spared).closed(5).is_none());
    assert!(node.receive(5, &version(|v| v.listen_port = 0)).resumed(5));
    node.connected(6, IN, "8.8.0.1:50001");
    assert!(node.secured(6, some_node(74)).said(6, GoodbyeCode::Banned));
}

#[test]
fn a_node_denied_during_its_handshake_is_not_promoted() {
    let mut node = node(1);
    node.opened(1, IN, "127.0.0.1:50000");
    let nonce = sent_version(&node.receive(1, &version(|_| {})), 1).nonce;
    let addresses = BTreeSet::from([address("127.0.0.1:4131")]);
    node.notice(ToHandshake::Barred(KeptOut { addresses, ..KeptOut::default() }));
    assert!(node.receive(1, &Message::Verack(nonce)).said(1, GoodbyeCode::Operator));
}

#[test]
fn what_a_peer_claims_is_made_harmless() {
    let mut node = node(1);
    node.opened(1, IN, "127.0.0.1:50000");
    let claims = version(|v| {
        v.agent = List::truncated(*b"/a\x1b[31m\n\xffb/");
        v.timestamp = u64::MAX;
        v.work = [255; 32];
    });
    let nonce = sent_version(&node.receive(1, &claims), 1).nonce;
    let peer = node.receive(1, &Message::Verack(nonce)).promoted(1).unwrap();
    assert_eq!(peer.agent, "/a[31mb/");
    assert_eq!(peer.clock_offset, i64::MAX);
    assert_eq!(PeerInfo::offset(epoch() - 3, UnixTime(epoch())), -3);
}
