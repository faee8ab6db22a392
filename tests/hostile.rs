//! What a hostile peer may send, tried against a real node that also has an honest peer. The node disconnects the
//! hostile peer with a reason and stays up, and the honest peer notices nothing.

mod addresses;
mod chain;
mod compact;
mod crowd;
mod delivery;
mod eclipse;
mod flood;
mod flow;
mod http;
mod intruder;
mod joins;
mod liars;
mod mixed;
mod ports;
mod prices;
mod proposals;
mod seals;
mod slots;
mod soak;

use std::sync::Arc;

use crate::support::{TestNode, peer::RawPeer};
use tussock::{
    base::{
        codec::{self, List},
        hash::Hash,
        limits,
        time::UnixTime,
    },
    chain::{
        block::{HashedBlock, HashedTransaction},
        header::Header,
        key::SecretKey,
        rules::next_target,
        spec::ChainSpec,
        testkit::{self, BlockMaker},
        transaction::{Output, Transaction},
    },
    wire::{
        frame::Frame,
        message::{GoodbyeCode, Kind, Message, PeerAddress},
    },
};

const FAULT: Option<u8> = Some(GoodbyeCode::Fault as u8);

/// A node, its chain, and an honest peer that must notice nothing.
struct Scene {
    node: TestNode,
    spec: Arc<ChainSpec>,
    honest: RawPeer,
    /// Fault points so far.
    paid: i64,
}

impl Scene {
    fn new() -> Self {
        let spec = Arc::new(ChainSpec::local());
        let node = TestNode::start(&["--is-bootnode"]);
        node.wait(&["synced"]);
        let honest = RawPeer::handshaken(node.p2p(), &spec);
        Self { node, spec, honest, paid: 0 }
    }

    fn peer(&self) -> RawPeer {
        RawPeer::handshaken(self.node.p2p(), &self.spec)
    }

    /// The node closes the peer for a fault; the honest peer and the ledger are as before.
    fn expect_fault(mut self, mut culprit: RawPeer) {
        assert_eq!(culprit.goodbye(), FAULT, "{}", self.node.log());
        self.expect_unharmed();
    }

    fn expect_unharmed(&mut self) {
        self.honest.ping(99);
        assert!(self.node.alive());
        assert_eq!(self.node.height(), 0);
        assert_eq!(self.node.tip(), self.spec.genesis_hash());
    }

    /// Makes blocks that the node can refuse only by their body.
    fn maker(&self) -> BlockMaker {
        BlockMaker::new(self.spec.clone())
    }

    /// Sends a block that nobody asked for; the node must close its sender.
    fn refuses(self, block: &HashedBlock) {
        let mut culprit = self.peer();
        culprit.send(&Message::Block(block.bytes.clone()));
        self.expect_fault(culprit);
    }
}

/// A valid block of one transfer, before its header is sealed.
fn draft(maker: &mut BlockMaker, change: impl FnOnce(&mut Transaction)) -> (Header, Vec<HashedTransaction>) {
    let mut transfer = maker.transfer(&SecretKey::well_known(0), SecretKey::well_known(1).address(), 5_000, 100);
    change(&mut transfer);
    let time = maker.next_time();
    maker.assemble(vec![transfer], SecretKey::well_known(2).address(), time)
}

#[test]
fn garbage_and_a_wrong_magic_end_the_connection() {
    let mut scene = Scene::new();
    for bytes in [vec![0xa5; 500], b"GET / HTTP/1.1\r\nHost: x\r\n\r\n".to_vec()] {
        let mut culprit = RawPeer::connect(scene.node.p2p(), &scene.spec);
        culprit.send_bytes(&bytes);
        culprit.goodbye();
        scene.expect_unharmed();
    }
    let mut culprit = scene.peer();
    culprit.send_bytes(&Frame::new(&Message::GetPeers).to_bytes([9; 4]));
    scene.expect_fault(culprit);
}

#[test]
fn an_oversize_length_is_refused_at_its_head() {
    let scene = Scene::new();
    let mut culprit = scene.peer();
    let mut head = Frame::new(&Message::Pong(1)).to_bytes(scene.spec.magic());
    head[5..9].copy_from_slice(&u32::MAX.to_le_bytes());
    culprit.send_bytes(&head[..limits::FRAME_HEAD_BYTES]);
    scene.expect_fault(culprit);
}

#[test]
fn a_bad_checksum_is_a_fault() {
    let scene = Scene::new();
    let mut culprit = scene.peer();
    let mut bytes = Frame::new(&Message::Ping { nonce: 1, height: 0, tip: Hash::ZERO }).to_bytes(scene.spec.magic());
    bytes[9] ^= 1;
    culprit.send_bytes(&bytes);
    scene.expect_fault(culprit);
}

#[test]
fn trailing_bytes_are_a_fault() {
    let scene = Scene::new();
    let mut culprit = scene.peer();
    let mut body = codec::encode(&(1u64, 0u32, Hash::ZERO));
    body.push(0);
    culprit.send_body(Kind::Ping, body);
    scene.expect_fault(culprit);
}

#[test]
fn an_unknown_kind_is_a_fault() {
    let scene = Scene::new();
    let mut culprit = scene.peer();
    let mut bytes = Frame::new(&Message::GetPeers).to_bytes(scene.spec.magic());
    bytes[4] = 77;
    culprit.send_bytes(&bytes);
    scene.expect_fault(culprit);
}

#[test]
fn nothing_is_accepted_before_the_handshake() {
    let mut scene = Scene::new();
    let early = [
        Message::GetPeers,
        Message::Ping { nonce: 1, height: 0, tip: Hash::ZERO },
        Message::GetBlock(scene.spec.genesis_hash()),
        Message::Transaction(vec![0; 10].into()),
    ];
    for message in early {
        let mut culprit = RawPeer::connect(scene.node.p2p(), &scene.spec);
        culprit.send(&message);
        assert_eq!(culprit.goodbye(), FAULT, "{message:?}");
        scene.expect_unharmed();
    }
}

#[test]
fn a_second_version_is_a_fault() {
    let scene = Scene::new();
    let mut culprit = scene.peer();
    culprit.send(&Message::Version(crate::support::peer::version(&scene.spec, 0, Hash::ZERO, 0)));
    scene.expect_fault(culprit);
}

/// The table "Messages that nobody asked for" of PROTOCOL.md.
#[test]
fn unasked_messages_cost_what_the_protocol_says() {
    let mut scene = Scene::new();
    let address = PeerAddress::new("127.0.0.1:4130".parse().unwrap(), UnixTime(1_767_225_600));
    let harmless = [
        Message::Pong(5),
        Message::MemoryPool(List::truncated([Hash([6; 32])])),
        Message::Peers(List::truncated([address; 100])),
        Message::Block(scene.spec.genesis.bytes.clone()),
    ];
    let mut peer = scene.peer();
    for message in &harmless {
        peer.send(message);
        peer.ping(8);
    }
    let faults = [
        Message::Sync(List::EMPTY),
        Message::Absent(scene.spec.genesis_hash()),
        Message::BlockTransactions(scene.spec.genesis_hash(), List::EMPTY),
        Message::Verack(5),
        Message::Version(crate::support::peer::version(&scene.spec, 0, Hash::ZERO, 0)),
    ];
    for message in faults {
        let mut culprit = scene.peer();
        // A node asks each new peer for headers: the first `Sync` is an answer.
        if matches!(message, Message::Sync(_)) {
            culprit.send(&message);
        }
        culprit.send(&message);
        assert_eq!(culprit.goodbye(), FAULT, "{message:?}");
    }
    scene.expect_unharmed();
}

#[test]
fn a_peer_without_service_bits_is_asked_for_headers_and_bodies() {
    let scene = Scene::new();
    let mut peer = RawPeer::connect(scene.node.p2p(), &scene.spec);
    let mut claims = crate::support::peer::version(&scene.spec, 1_000, Hash([7; 32]), 1 << 40);
    claims.services = 0;
    peer.send(&Message::Version(claims));
    peer.finish_handshake();
    peer.read_until(|message| matches!(message, Message::GetSync(_)).then_some(()));
    let header = headers(&mut scene.maker(), 1).remove(0);
    let hash = header.hash();
    peer.send(&Message::Sync(List::truncated([header])));
    peer.read_until(|message| (message == Message::GetBlock(hash)).then_some(()));
}

/// A claimed port was taken for the node's identity, so that two nodes behind one router shut each other out.
#[test]
fn a_port_that_another_link_claims_shuts_nobody_out() {
    let mut scene = Scene::new();
    let mut linked = Vec::new();
    for nonce in 0..3 {
        let mut peer = RawPeer::connect(scene.node.p2p(), &scene.spec);
        let mut claims = crate::support::peer::version(&scene.spec, 0, Hash::ZERO, 0);
        claims.listen_port = 4130;
        peer.send(&Message::Version(claims));
        peer.finish_handshake();
        peer.ping(nonce);
        linked.push(peer);
    }
    for peer in &mut linked {
        peer.ping(9);
    }
    scene.expect_unharmed();
}

#[test]
fn another_network_is_told_so() {
    let mut scene = Scene::new();
    let mut stranger = RawPeer::connect(scene.node.p2p(), &scene.spec);
    let mut version = crate::support::peer::version(&scene.spec, 0, Hash::ZERO, 0);
    version.genesis = Hash([1; 32]);
    stranger.send(&Message::Version(version));
    assert_eq!(stranger.goodbye(), Some(GoodbyeCode::WrongNetwork as u8));
    scene.expect_unharmed();
}

/// A peer that claims more work, after the node has asked it for headers.
fn asked_for_headers(scene: &Scene) -> RawPeer {
    let mut peer = RawPeer::claiming(scene.node.p2p(), &scene.spec, 1_000, 1 << 40);
    peer.read_until(|message| matches!(message, Message::GetSync(_)).then_some(()));
    peer
}

fn headers(maker: &mut BlockMaker, count: usize) -> Vec<Header> {
    let address = SecretKey::well_known(3).address();
    maker.empty_blocks(count, address).into_iter().map(|block| block.header).collect()
}

#[test]
fn a_hundred_and_one_headers_are_a_fault() {
    let scene = Scene::new();
    let mut culprit = asked_for_headers(&scene);
    let headers = headers(&mut scene.maker(), 101);
    let mut body = 101u32.to_le_bytes().to_vec();
    headers.iter().for_each(|header| body.extend_from_slice(&header.to_bytes()));
    culprit.send_body(Kind::Sync, body);
    scene.expect_fault(culprit);
}

#[test]
fn headers_that_do_not_link_are_a_fault_and_none_is_kept() {
    let scene = Scene::new();
    let mut culprit = asked_for_headers(&scene);
    let mut headers = headers(&mut scene.maker(), 5);
    headers.remove(2);
    culprit.send(&Message::Sync(List::truncated(headers)));
    let headers_known = |scene: &Scene| scene.node.status()["headers"].as_u64().unwrap();
    assert_eq!(culprit.goodbye(), FAULT);
    assert_eq!(headers_known(&scene), 0);
    let again = asked_for_headers(&scene);
    drop(again);
    let mut scene = scene;
    scene.expect_unharmed();
}

#[test]
fn headers_without_proof_of_work_are_a_fault() {
    let scene = Scene::new();
    let mut culprit = asked_for_headers(&scene);
    let mut header = headers(&mut scene.maker(), 1).remove(0);
    while header.has_work(&header.hash()) {
        header.next_nonce();
    }
    culprit.send(&Message::Sync(List::truncated([header])));
    scene.expect_fault(culprit);
}

#[test]
fn a_header_with_another_target_is_a_fault() {
    let scene = Scene::new();
    let mut culprit = asked_for_headers(&scene);
    let mut header = headers(&mut scene.maker(), 1).remove(0);
    assert_eq!(header.proof().unwrap().target, next_target(&scene.spec, scene.spec.parameters.genesis_time, 0));
    header.proof_mut().unwrap().target = tussock::chain::target::CompactTarget(0x2000_ffff);
    testkit::mine(&mut header);
    culprit.send(&Message::Sync(List::truncated([header])));
    scene.expect_fault(culprit);
}

#[test]
fn a_block_with_a_bad_signature_is_refused() {
    let scene = Scene::new();
    let (header, transactions) = draft(&mut scene.maker(), |transfer| {
        transfer.inputs.as_mut_slice()[0].signature[7] ^= 1;
    });
    scene.refuses(&testkit::seal(header, transactions));
}

#[test]
fn a_block_that_spends_a_coin_twice_is_refused() {
    let scene = Scene::new();
    let mut maker = scene.maker();
    let mut fork = maker.fork();
    let (header, mut transactions) = draft(&mut maker, |_| {});
    // The same coin to somebody else.
    let second = fork.transfer(&SecretKey::well_known(0), SecretKey::well_known(4).address(), 6_000, 0);
    assert_eq!(second.inputs[0].outpoint, transactions[1].transaction.inputs[0].outpoint);
    transactions.push(HashedTransaction::new(second));
    scene.refuses(&testkit::seal(header, transactions));
}

#[test]
fn a_block_whose_amounts_overflow_is_refused() {
    let scene = Scene::new();
    let genesis = scene.spec.genesis_hash();
    let (header, transactions) = draft(&mut scene.maker(), |transfer| {
        let output = Output { amount: u64::MAX, address: SecretKey::well_known(0).address() };
        transfer.outputs = List::truncated([output.clone(), output]);
        SecretKey::well_known(0).sign_transaction(transfer, &genesis);
    });
    scene.refuses(&testkit::seal(header, transactions));
}

#[test]
fn a_block_with_a_transfer_that_creates_money_is_refused() {
    let scene = Scene::new();
    let genesis = scene.spec.genesis_hash();
    let (header, transactions) = draft(&mut scene.maker(), |transfer| {
        transfer.outputs.as_mut_slice()[0].amount += 1_000_000_000_000_000;
        SecretKey::well_known(0).sign_transaction(transfer, &genesis);
    });
    scene.refuses(&testkit::seal(header, transactions));
}

#[test]
fn a_body_of_another_header_closes_its_sender_and_the_header_stays_valid() {
    let scene = Scene::new();
    let (header, transactions) = draft(&mut scene.maker(), |_| {});
    let good = testkit::seal(header, transactions.clone());
    let mut other = transactions;
    other.pop();
    let mutated = HashedBlock::new(good.header.clone(), other);
    assert_eq!(mutated.hash, good.hash);
    let mut culprit = scene.peer();
    culprit.send(&Message::Block(mutated.bytes.clone()));
    assert_eq!(culprit.goodbye(), FAULT);
    // The honest peer sends the real body: the header is still valid.
    let mut scene = scene;
    scene.honest.send(&Message::Block(good.bytes.clone()));
    scene.node.wait(&["height", "1"]);
    assert_eq!(scene.node.tip(), good.hash);
    scene.honest.ping(5);
}

#[test]
fn a_block_with_a_wrong_state_digest_is_refused() {
    let scene = Scene::new();
    let (mut header, transactions) = draft(&mut scene.maker(), |_| {});
    header.state_digest = Hash([8; 32]);
    scene.refuses(&testkit::seal(header, transactions));
}

#[test]
fn a_transaction_with_a_bad_signature_closes_its_sender() {
    let scene = Scene::new();
    let mut transfer = scene.maker().transfer(&SecretKey::well_known(0), SecretKey::well_known(1).address(), 7, 1);
    transfer.inputs.as_mut_slice()[0].signature[0] ^= 1;
    let mut culprit = scene.peer();
    culprit.send(&Message::Transaction(transfer.to_bytes().into()));
    scene.expect_fault(culprit);
}

#[test]
fn a_valid_block_is_applied_and_relayed() {
    let mut scene = Scene::new();
    let mut maker = scene.maker();
    let block = maker.next_block(Vec::new(), SecretKey::well_known(0).address());
    let mut sender = scene.peer();
    sender.send(&Message::Block(block.bytes.clone()));
    let bytes = scene.honest.read_until(|message| match message {
        Message::Block(bytes) => Some(bytes),
        _ => None,
    });
    assert_eq!(bytes, block.bytes);
    // The node relays a block before it has stored it, so the height may follow a moment later.
    scene.node.wait(&["height", "1"]);
    assert_eq!(scene.node.tip(), block.hash);
}
