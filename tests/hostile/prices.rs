//! What faults cost, tried fault by fault against the program's table.

use std::{
    io::Write as _,
    net::TcpListener,
    time::{Duration, Instant},
};

use tussock::{
    base::limits::{ABSENT_AT_ONCE, MAX_ASKED_IDS, PING_BURST, USELESS_KIB},
    chain::{testkit::coinbase, transaction::OutPoint},
    node::price::PRICES,
    wire::{frame::checksum, short_id::ShortId},
};

use super::*;
use crate::support::{attack::rest, tunnel::framed};

/// Faults that take half a minute or more. Tests of roles, links and simulated networks show what they cost.
const SLOW: [&str; 4] = [
    "frame not completed in time",
    "answers left unread",
    "handshake not completed in time",
    "a slow line: no `Pong`, no answer to `GetSync` or `GetBlock` in time",
];

/// The fault of a sealed chain: `authorities::a_vote_that_its_signer_did_not_sign_costs_its_sender`. That of a node that
/// joins: the tests of the role `snapshot`.
const ELSEWHERE: [&str; 2] =
    ["a proposal, vote, certificate or recall that its signer did not sign", "a snapshot that the headers refute"];

impl Scene {
    /// The fault points of the loopback address, which all peers share.
    fn points(&mut self) -> i64 {
        self.honest.ping(3);
        let peers = self.node.json(&["peers"]);
        peers.as_array().unwrap().iter().map(|peer| peer["score"].as_i64().unwrap()).max().unwrap()
    }

    /// The node closes this peer, and the fault costs `points`.
    fn costs(&mut self, mut culprit: RawPeer, points: u32, what: &str) {
        let said = culprit.goodbye();
        assert!(said == FAULT || points == 0, "{what}: {said:?}\n{}", self.node.log());
        let start = Instant::now();
        let before = self.paid;
        while self.points() - before != i64::from(points) {
            assert!(
                start.elapsed() < Duration::from_secs(10),
                "{what}: {} points\n{}",
                self.points() - before,
                self.node.log()
            );
            rest(Duration::from_millis(20));
        }
        self.paid += i64::from(points);
    }
}

/// A block on the maker's tip with a state digest that is nobody's.
fn with_wrong_digest(maker: &mut BlockMaker) -> HashedBlock {
    let time = maker.next_time();
    let (mut header, transactions) = maker.assemble(Vec::new(), SecretKey::well_known(2).address(), time);
    header.state_digest = Hash([3; 32]);
    testkit::seal(header, transactions)
}

/// Does what the table calls so. `None`: it takes long, or another test does.
fn commit(fault: &str, scene: &Scene) -> Option<RawPeer> {
    if SLOW.contains(&fault) || ELSEWHERE.contains(&fault) {
        return None;
    }
    let mut maker = scene.maker();
    let bad = with_wrong_digest(&mut maker);
    let mut culprit = match fault {
        "headers that do not link" | "`Absent` for a block that it announced in a `Sync`" => asked_for_headers(scene),
        "a wrong magic before the handshake is complete" => RawPeer::connect(scene.node.p2p(), &scene.spec),
        _ => scene.peer(),
    };
    match fault {
        "an invalid block body or header" => culprit.send(&Message::Block(bad.bytes)),
        "headers on a known invalid branch" => {
            maker.connect(&bad);
            culprit.send(&Message::Block(with_wrong_digest(&mut maker).bytes));
        }
        "an invalid transaction (rules that no block can change)" => {
            let mut transfer =
                maker.transfer(&SecretKey::well_known(0), SecretKey::well_known(1).address(), 5_000, 100);
            transfer.inputs.as_mut_slice()[0].signature[7] ^= 1;
            culprit.send(&Message::Transaction(transfer.to_bytes().into()));
        }
        "a malformed frame or message" => culprit.send_body(Kind::Ping, vec![0; 7]),
        "a message out of place" => culprit.send(&Message::Verack(5)),
        "headers that do not link" => {
            let mut headers = headers(&mut maker, 5);
            headers.remove(2);
            culprit.send(&Message::Sync(List::truncated(headers)));
        }
        "`Absent` for a block that it announced in a `Sync`" => {
            let header = headers(&mut maker, 1).remove(0);
            culprit.send(&Message::Sync(List::truncated([header.clone()])));
            culprit.read_until(|message| (message == Message::GetBlock(header.hash())).then_some(()));
            culprit.send(&Message::Absent(header.hash()));
        }
        "no `CompactBlock` of a block that it told of in a `BlockHeader`" => {
            let header = maker.empty_blocks(1, SecretKey::well_known(6).address()).remove(0).header;
            let hash = header.hash();
            culprit.send(&Message::BlockHeader(Box::new(header)));
            let question = Message::GetBlockTransactions(hash, List::EMPTY);
            culprit.read_until(|message| (message == question).then_some(()));
            culprit.send(&Message::BlockTransactions(hash, List::EMPTY));
        }
        "flooding" => {
            for nonce in 0..u64::from(2 * PING_BURST) {
                culprit.send(&Message::Ping { nonce, height: 0, tip: scene.spec.genesis_hash() });
            }
        }
        "transactions that it announced and does not deliver" => {
            let ids = |from: u64| List::truncated((from..).map(|n| ShortId(n << 32)).take(MAX_ASKED_IDS));
            for from in (1..=u64::from(ABSENT_AT_ONCE) + 1).step_by(MAX_ASKED_IDS) {
                culprit.send(&Message::Announce { salt: 0, ids: List::truncated(ids(from).iter().copied()) });
                let asked = |message| if let Message::GetTransactions(asked) = message { Some(asked) } else { None };
                assert_eq!(culprit.read_until(asked), ids(from));
                culprit.send(&Message::AbsentTransactions(ids(from)));
            }
        }
        "a wrong magic before the handshake is complete" => culprit.send_bytes(&[b'x'; 64]),
        "no key agreement, another node than the one that was dialled, or a message that does not open" => {
            culprit.stream().write_all(&framed(&[7; 40])).unwrap();
        }
        other => panic!("nobody shows what this costs: {other}"),
    }
    Some(culprit)
}

#[test]
fn each_fault_costs_what_the_table_says() {
    let mut scene = Scene::new();
    for price in PRICES {
        if let Some(culprit) = commit(price.fault, &scene) {
            scene.costs(culprit, price.points, price.fault);
        }
    }
    scene.expect_unharmed();
}

#[test]
fn what_authorities_say_is_out_of_place_on_a_chain_of_proof_of_work() {
    let mut scene = Scene::new();
    for kind in Kind::VOTING {
        let mut culprit = scene.peer();
        culprit.send_body(kind, vec![0; 100]);
        scene.costs(culprit, 20, &format!("{kind:?}"));
    }
    scene.expect_unharmed();
}

#[test]
fn a_transaction_that_contradicts_its_coin_costs_its_sender_and_one_of_a_missing_coin_does_not() {
    let mut scene = Scene::new();
    let (owner, other) = (SecretKey::well_known(0), SecretKey::well_known(1));
    let genesis = scene.spec.genesis_hash();
    let maker = scene.maker();
    let (outpoint, amount) = maker.spendable(&owner.address()).next().map(|(at, coin)| (at, coin.amount)).unwrap();
    let spend = |outpoint, amount, key: &SecretKey| {
        let output = Output { amount: 1_000, address: other.address() };
        let spent = testkit::spend(&[(outpoint, amount, key)], vec![output], b"", &genesis);
        Message::Transaction(spent.to_bytes().into())
    };
    let contradictions = [
        ("one unit more", spend(outpoint, amount + 1, &owner)),
        ("one unit less", spend(outpoint, amount - 1, &owner)),
        ("another's coin", spend(outpoint, amount, &other)),
    ];
    for (what, transaction) in contradictions {
        let mut culprit = scene.peer();
        culprit.send(&transaction);
        scene.costs(culprit, 50, what);
    }
    let mut innocent = scene.peer();
    innocent.send(&spend(OutPoint { txid: Hash([9; 32]), index: 0 }, amount, &owner));
    innocent.send(&spend(outpoint, amount, &owner));
    // Transactions of one peer are judged in order.
    let start = Instant::now();
    while scene.node.status()["mempool"]["count"] != 1 {
        assert!(start.elapsed() < Duration::from_secs(10), "{}", scene.node.log());
        rest(Duration::from_millis(20));
    }
    innocent.ping(7);
    assert_eq!(scene.points(), scene.paid, "it is kept for a while: its coin may come");
}

#[test]
fn an_invalid_body_on_a_side_branch_costs_its_deliverer() {
    let mut scene = Scene::new();
    let mut ours = scene.maker();
    let payee = SecretKey::well_known(4).address();
    for block in ours.empty_blocks(2, payee) {
        scene.honest.send(&Message::Block(block.bytes));
    }
    scene.node.wait(&["height", "2"]);
    let bodies = ["digest", "amount", "missing", "immature"];
    for (n, kind) in bodies.into_iter().enumerate() {
        // A sibling of the tip, and a block on it: together they have more work, so that the branch is tried.
        let mut theirs = scene.maker();
        theirs.empty_blocks(1, payee);
        let coin = theirs.coins().iter().find(|(_, coin)| coin.height == 1).unwrap();
        let outpoint = if kind == "immature" { *coin.0 } else { OutPoint { txid: Hash([9; 32]), index: 0 } };
        let owner = SecretKey::well_known(4);
        let outputs = vec![Output { amount: 77, address: owner.address() }];
        let spend = testkit::spend(&[(outpoint, coin.1.amount, &owner)], outputs, b"", &scene.spec.genesis_hash());
        let spends = if matches!(kind, "missing" | "immature") { vec![spend] } else { Vec::new() };
        let time = theirs.next_time() + n as u64;
        let (mut header, mut transactions) = theirs.assemble(spends, owner.address(), time);
        let amount = scene.spec.subsidy(2) + u64::from(kind == "amount");
        transactions[0] = HashedTransaction::new(coinbase(2, owner.address(), amount, kind.as_bytes()));
        if kind == "digest" {
            header.state_digest = Hash([3; 32]);
        }
        let bad = testkit::seal(header, transactions);
        theirs.connect(&bad);
        let next = theirs.empty_blocks(1, owner.address()).remove(0);
        let mut culprit = scene.peer();
        culprit.send(&Message::Block(bad.bytes.clone()));
        culprit.send(&Message::Block(next.bytes));
        scene.costs(culprit, 100, kind);
        assert_eq!(scene.node.tip(), ours.hash());
    }
}

/// A block on the maker's tip whose coinbase takes too much. A node finds out when it tries the block's branch.
fn with_wrong_amount(maker: &mut BlockMaker) -> HashedBlock {
    let (owner, time) = (SecretKey::well_known(4).address(), maker.next_time());
    let (header, mut transactions) = maker.assemble(Vec::new(), owner, time);
    let amount = maker.spec().subsidy(header.height) + 1;
    transactions[0] = HashedTransaction::new(coinbase(header.height, owner, amount, b"amount"));
    let block = testkit::seal(header, transactions);
    maker.connect(&block);
    block
}

/// It was charged nothing: by the time that its body was tried, nobody knew its address.
#[test]
fn the_sender_of_an_invalid_body_pays_although_it_has_left() {
    let mut scene = Scene::new();
    let payee = SecretKey::well_known(4).address();
    let mut ours = scene.maker();
    ours.empty_blocks(2, payee).iter().for_each(|block| scene.honest.send(&Message::Block(block.bytes.clone())));
    scene.node.wait(&["height", "2"]);
    let mut theirs = scene.maker();
    theirs.empty_blocks(1, payee);
    let bad = with_wrong_amount(&mut theirs);
    let next = theirs.empty_blocks(1, payee).remove(0);
    let mut culprit = scene.peer();
    culprit.send(&Message::Block(bad.bytes));
    culprit.ping(5);
    drop(culprit);
    scene.node.wait(&["peers", "1"]);
    let start = Instant::now();
    while scene.node.json(&["peers"]).as_array().unwrap().len() > 1 {
        assert!(start.elapsed() < Duration::from_secs(10), "{}", scene.node.log());
        rest(Duration::from_millis(20));
    }
    assert_eq!(scene.points(), 0);
    // An honest node cannot know that what is below its block is invalid.
    let mut other = scene.peer();
    other.send(&Message::Block(next.bytes));
    while scene.points() != 100 {
        assert!(start.elapsed() < Duration::from_secs(10), "{} points\n{}", scene.points(), scene.node.log());
        rest(Duration::from_millis(20));
    }
    other.ping(6);
    assert_eq!(scene.node.tip(), ours.hash());
}

#[test]
fn junk_under_a_known_header_costs_its_sender() {
    let mut scene = Scene::new();
    let block = scene.maker().empty_blocks(1, SecretKey::well_known(4).address()).remove(0);
    scene.honest.send(&Message::Block(block.bytes.clone()));
    scene.node.wait(&["height", "1"]);
    let mut junk = block.header.to_bytes().to_vec();
    junk.resize(100_000, 7);
    // The node reads the whole body before it judges it, and the checksum first.
    let mut culprit = scene.peer();
    let lie = Frame { kind: Kind::Block, checksum: checksum(&block.bytes), body: junk.clone().into() };
    culprit.send_bytes(&lie.to_bytes(scene.spec.magic()));
    scene.costs(culprit, 20, "a wrong checksum");
    let mut culprit = scene.peer();
    culprit.send_body(Kind::Block, junk);
    scene.costs(culprit, 100, "another body");
    // The block itself is an echo.
    let mut echo = scene.peer();
    echo.send(&Message::Block(block.bytes));
    echo.ping(4);
    assert_eq!(scene.points(), scene.paid);
}

#[test]
fn blocks_of_no_use_have_an_allowance_in_bytes() {
    let mut scene = Scene::new();
    // A chain of two blocks, and rivals of the first: valid headers with less work, whose bodies nobody can compare.
    let mut maker = scene.maker();
    let rivals = maker.fork();
    for block in maker.empty_blocks(2, SecretKey::well_known(4).address()) {
        scene.honest.send(&Message::Block(block.bytes));
    }
    scene.node.wait(&["height", "2"]);
    let mut culprit = scene.peer();
    let rival = rivals.fork().next_block(Vec::new(), SecretKey::well_known(5).address());
    let mut junk = rival.header.to_bytes().to_vec();
    junk.resize(1_000_000, 7);
    let count = USELESS_KIB as usize * 1024 / junk.len() + 3;
    (0..count).for_each(|_| culprit.send_body(Kind::Block, junk.clone()));
    scene.costs(culprit, 20, "useless blocks");
}

#[test]
fn an_orphan_without_work_costs_as_an_invalid_header() {
    let mut scene = Scene::new();
    let mut maker = scene.maker();
    maker.empty_blocks(1, SecretKey::well_known(4).address());
    let mut header = headers(&mut maker, 1).remove(0);
    let orphan = |header: Header| Message::Block(HashedBlock::new(header, Vec::new()).bytes);
    let mut peer = scene.peer();
    peer.send(&orphan(header.clone()));
    peer.ping(4);
    while header.has_work(&header.hash()) {
        header.next_nonce();
    }
    let mut culprit = scene.peer();
    culprit.send(&orphan(header.clone()));
    scene.costs(culprit, 100, "no work");
    // Less work than the chain allows.
    header.proof_mut().unwrap().target = tussock::chain::target::CompactTarget(0x2100_ffff);
    testkit::mine(&mut header);
    let mut culprit = scene.peer();
    culprit.send(&orphan(header.clone()));
    scene.costs(culprit, 100, "too easy");
    // The seal of another kind of chain.
    header.seal = testkit::authority_seal(0..4);
    let mut culprit = scene.peer();
    culprit.send(&orphan(header));
    scene.costs(culprit, 100, "authorities");
}

#[test]
fn an_address_that_answers_garbage_is_dialled_less_and_less() {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let address = listener.local_addr().unwrap().to_string();
    let _node = TestNode::start(&["--connect", &address]);
    let mut dials: Vec<Instant> = Vec::new();
    for _ in 0..4 {
        let (mut stream, _) = listener.accept().unwrap();
        dials.push(Instant::now());
        drop(stream.write_all(b"HTTP/1.1 400 Bad Request\r\nConnection: close\r\n\r\n"));
    }
    let waits: Vec<Duration> = dials.windows(2).map(|pair| pair[1] - pair[0]).collect();
    // 2 s, 4 s, 8 s, each less up to a half.
    let least = [1, 2, 4].map(|seconds| Duration::from_millis(seconds * 1_000 - 100));
    assert!(waits.iter().zip(least).all(|(wait, least)| *wait >= least), "{waits:?}");
}
