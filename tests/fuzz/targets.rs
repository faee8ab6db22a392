//! The fuzzed parsers, and what must hold for every input.

use std::sync::{Arc, Mutex, OnceLock};

use tussock::{
    base::{
        bytes::Bytes,
        ids::NodeId,
        limits,
        rng::Rng,
        time::{Time, UnixTime},
    },
    chain::{
        address::Address,
        block::{HashedBlock, HashedTransaction},
        coin::Coin,
        header::Header,
        key::{claims, first_invalid, verify, verify_batch},
        rules::{self, BlockFault, TransactionFault},
        seal::Seal,
        spec::ChainSpec,
        testkit::{self, BlockMaker},
        transaction::{Input, Transaction},
        transaction_view::TransactionView,
    },
    config::{CommonFlags, NodeFlags, Sources},
    link::{Config, Endpoint, EventSink, Order},
    node::{LinkAction, LinkEvent, LinkKeys, RoleId, key_agreement::PROLOGUE},
    rpc::{
        auth::Gate,
        batch::Batch,
        error::RpcError,
        http::{Connection, Response, Status},
    },
    wire::{
        frame::{Frame, FrameReader},
        message::{Kind, Message},
    },
};

use super::seeds::LINK_KEY;
use crate::support::TempDir;
use tussock::rpc::batch::RPC_BATCH;
use tussock::rpc::http::{HTTP_BODY_BYTES, HTTP_HEAD_BYTES};
use tussock::rpc::tokens::Tokens;
use tussock_noise::{Agreement, Key, Pattern};

/// However the bytes are cut, the same frames come out, and the reader keeps no more bytes than came in.
pub(super) fn frames(input: &[u8]) {
    let magic = ChainSpec::local().magic();
    let read = |piece: usize| {
        let (mut reader, mut out) = (FrameReader::new(magic), Vec::new());
        for mut bytes in input.chunks(piece.max(1)) {
            while !bytes.is_empty() {
                match reader.read(&mut bytes) {
                    Ok(Some(frame)) => out.push(frame),
                    Ok(None) => {}
                    Err(fault) => return (out, Some(fault)),
                }
            }
            assert!(reader.buffered() <= input.len() + limits::RECEIVE_AHEAD_BYTES);
        }
        (out, None)
    };
    let (whole, cut) = (read(input.len()), read(1 + input.len() % 17));
    assert_eq!(whole, cut);
    for frame in whole.0 {
        if let Ok(message) = frame.open() {
            assert_eq!(Frame::new(&message), frame, "one encoding only");
        }
    }
}

/// The first byte is the kind. A decoded message encodes to the same bytes.
pub(super) fn messages(input: &[u8]) {
    let Some((number, body)) = input.split_first() else { return };
    let Some(kind) = Kind::from_number(number % 16) else { return };
    let body: Bytes = body.to_vec().into();
    if let Ok(message) = Message::decode(kind, &body) {
        assert_eq!(message.kind(), kind);
        assert_eq!(message.body(), body, "one encoding only");
    }
}

/// What the roles of the fuzzed link hear.
struct Ears(Arc<Mutex<Vec<LinkEvent>>>);

impl EventSink for Ears {
    fn try_deliver(&mut self, _: RoleId, event: LinkEvent) -> Result<(), LinkEvent> {
        self.0.lock().unwrap().push(event);
        Ok(())
    }
}

/// However the bytes of a link are cut, the roles hear the same. After the first message of the key agreement, whatever it
/// says, the rest is sealed.
pub(super) fn links(input: &[u8]) {
    let (now, remote) = (Time(1), "8.8.8.8:4130".parse().unwrap());
    let hear = |piece: usize| {
        let heard = Arc::<Mutex<Vec<LinkEvent>>>::default();
        let mut endpoint = Endpoint::new(Config::new(local().magic(), 8), Ears(Arc::clone(&heard)));
        let link = endpoint.accepted(now, remote).unwrap();
        let (mut rest, mut before, mut idle) = (input, 0, 0);
        while idle < 3 {
            endpoint.ready(link);
            while endpoint.next_turn().is_some() {}
            let count = endpoint.wants(now, link).min(piece.max(1)).min(rest.len());
            let (bytes, later) = rest.split_at(count);
            if count > 0 {
                endpoint.received(now, link, bytes);
            }
            let all = heard.lock().unwrap().len();
            let last = heard.lock().unwrap().last().cloned();
            idle = if count > 0 || all > before { 0 } else { idle + 1 };
            (rest, before) = (later, all);
            match last {
                Some(LinkEvent::Agree { .. }) => {
                    let (node, send, receive) = (NodeId([2; 32]), Key([3; 32]), LINK_KEY);
                    let keys = Some(Box::new(LinkKeys { node, send, receive }));
                    endpoint.order(now, Order::Link(LinkAction::Agreed { link, message: None, keys }));
                }
                Some(LinkEvent::Frame { .. }) => endpoint.order(now, Order::Link(LinkAction::Resume(link))),
                _ => {}
            }
        }
        let heard = heard.lock().unwrap().clone();
        assert!(endpoint.usage().queued <= 64, "at most a goodbye");
        heard
    };
    let (mut whole, mut cut) = (hear(input.len()), hear(1 + input.len() / 20));
    // A forgery ends the link with all that arrived together with it.
    for heard in [&mut whole, &mut cut] {
        heard.retain(|event| !matches!(event, LinkEvent::Closed { .. }));
    }
    let common = whole.len().min(cut.len());
    assert_eq!(whole[..common], cut[..common]);
}

/// Whoever sends a first message is refused, or answered with a message of the pattern's length.
pub(super) fn agreements(input: &[u8]) {
    for pattern in [Pattern::Xx, Pattern::Ik] {
        let mut responder = Agreement::responder(pattern, &LINK_KEY, Key([0x22; 32]), PROLOGUE);
        match responder.read(input) {
            Ok(()) => {
                assert_eq!(input.len(), pattern.lengths()[0]);
                let answer = responder.write();
                assert!(answer.is_err() || answer.unwrap().is_some_and(|answer| answer.len() == pattern.lengths()[1]));
            }
            Err(_) => assert!(responder.keys().is_none()),
        }
    }
}

fn local() -> &'static Arc<ChainSpec> {
    static SPEC: OnceLock<Arc<ChainSpec>> = OnceLock::new();
    SPEC.get_or_init(|| Arc::new(ChainSpec::local()))
}

pub(super) fn headers(input: &[u8]) {
    let Some(header) = Header::peek(input) else { return };
    assert_eq!(header.to_bytes().as_slice(), &input[..header.size()], "one encoding only");
    let parent = BlockMaker::new(local().clone()).parent_facts();
    let verdict = rules::check_header(local(), &parent, &header, &header.hash());
    assert!(verdict.is_err() || header.has_work(&header.hash()));
    assert!(header.size() <= limits::MAX_HEADER_BYTES);
    let _ = (header.work(), rules::is_from_future(local(), &header, UnixTime(1_800_000_000)));
    let _ = rules::next_target(local(), header.time, header.height);
}

/// A decoded transaction encodes to the same bytes. Signatures hold singly exactly if they hold in a batch.
pub(super) fn transactions(input: &[u8]) {
    let Ok(hashed) = HashedTransaction::decode(input) else { return };
    assert_eq!(hashed.transaction.to_bytes(), input, "one encoding only");
    assert_eq!(hashed.txid, hashed.transaction.txid());
    check_transaction(&hashed);
}

fn check_transaction(hashed: &HashedTransaction) {
    let sum =
        |transaction: &Transaction| transaction.outputs.iter().map(|output| u128::from(output.amount)).sum::<u128>();
    for coinbase in [false, true] {
        if rules::check_transaction(hashed, coinbase).is_ok() {
            assert!(sum(&hashed.transaction) <= u128::from(limits::MAX_MONEY));
        }
    }
    if let Ok(fee) = rules::fee(&hashed.transaction) {
        let named: u128 = hashed.transaction.inputs.iter().map(|input| u128::from(input.amount)).sum();
        assert!(hashed.transaction.is_coinbase() || named == sum(&hashed.transaction) + u128::from(fee));
        check_named(&hashed.transaction, fee);
    }
    let missing = vec![None; hashed.transaction.inputs.len()];
    assert!(
        hashed.transaction.inputs.is_empty() || rules::check_spend(local(), &hashed.transaction, &missing, 1).is_err()
    );
    let claims: Vec<_> = claims(&hashed.transaction, &hashed.txid, &local().genesis_hash()).collect();
    let alone: Vec<bool> =
        claims.iter().map(|claim| verify(&claim.public_key, &claim.hash, &claim.signature)).collect();
    let mut rng = Rng::from_number(3);
    assert_eq!(verify_batch(&claims, &mut rng), alone.iter().all(|good| *good));
    assert_eq!(first_invalid(&claims, &mut rng), alone.iter().position(|good| !good));
}

/// Coins of the named amounts are spent for this fee, and others are not.
fn check_named(transaction: &Transaction, fee: u64) {
    let coin = |input: &Input| Coin {
        amount: input.amount,
        address: Address::of(&input.public_key),
        height: 0,
        coinbase: false,
    };
    let mut coins: Vec<_> = transaction.inputs.iter().map(coin).map(Some).collect();
    let view = transaction.to_bytes();
    let (view, _) = TransactionView::read(&view).unwrap();
    assert_eq!(rules::check_spend(local(), transaction, &coins, 1), Ok(fee));
    assert!(transaction.is_coinbase() || rules::check_view(local(), &view, &coins, 1) == Ok(fee));
    let Some(last) = coins.len().checked_sub(1) else { return };
    let named = transaction.inputs[last].amount;
    coins[last].as_mut().unwrap().amount ^= 1;
    let fault = TransactionFault::WrongAmount { input: last, named, coin: named ^ 1 };
    assert_eq!(rules::check_spend(local(), transaction, &coins, 1), Err(fault.clone()));
    assert_eq!(rules::check_view(local(), &view, &coins, 1), Err(fault));
}

/// Checks the block as it is, and again with a header that fits the changed body.
pub(super) fn blocks(input: &[u8]) {
    let Ok(block) = HashedBlock::decode(input.to_vec().into()) else { return };
    assert_eq!(&block.bytes[..], input);
    let again = HashedBlock::new(block.header.clone(), block.transactions.clone());
    assert_eq!(again.bytes, block.bytes, "one encoding only");
    let _ = rules::check_block(&block);
    let mut header = block.header.clone();
    header.seal = Seal::unsolved(local().parameters.target_limit);
    let sealed = testkit::seal(header, block.transactions);
    let verdict = rules::check_block(&sealed);
    assert!(!matches!(verdict, Err(BlockFault::MerkleRoot)));
    sealed.transactions.iter().for_each(check_transaction);
}

/// A connection to the HTTP server keeps a bounded number of bytes and answers every complete request.
pub(super) fn http(input: &[u8]) {
    let gate = Gate::new(
        "127.0.0.1:3030".parse().unwrap(),
        "__cookie__:00112233445566778899aabbccddeeff",
        Vec::new(),
        Tokens::new("/nonexistent/tokens.json".into()),
    );
    let mut connection = Connection::new(Time(0));
    let mut rest = input;
    while !rest.is_empty() {
        let count = connection.room().min(rest.len()).min(700);
        if count == 0 {
            break;
        }
        connection.receive(Time(1), &rest[..count]);
        rest = &rest[count..];
        for _ in 0..100 {
            let Some(request) = connection.next(Time(1), |head| gate.check(head).map(drop)) else { break };
            assert!(request.body.len() <= HTTP_BODY_BYTES);
            json_rpc(&request.body);
            connection.respond(Time(1), &Response::error(Status::BadRequest, "a test"));
        }
        let written = connection.output().len();
        connection.wrote(Time(2), written);
        assert!(connection.reserved() <= 2 * (HTTP_BODY_BYTES + HTTP_HEAD_BYTES));
    }
    connection.input_ended();
    let _ = connection.expire(Time(u64::MAX / 2));
}

/// Each call gets one answer, and the answers are JSON.
pub(super) fn json_rpc(input: &[u8]) {
    let mut batch = match Batch::parse(input) {
        Ok(batch) => batch,
        Err(response) => return assert!(serde_json::from_slice::<serde_json::Value>(&response.body).is_ok()),
    };
    let mut calls = 0;
    while let Some(call) = batch.next_call() {
        calls += 1;
        assert!(calls <= RPC_BATCH);
        batch.finish(&call.tag, Err(RpcError::starting()));
    }
    let response = batch.response();
    assert!(response.body.is_empty() || serde_json::from_slice::<serde_json::Value>(&response.body).is_ok());
}

/// The file gives settings or an error with a text, never a panic.
pub(super) fn configuration(input: &[u8]) {
    let folder = TempDir::new();
    let file = folder.path().join("config.toml");
    std::fs::write(&file, input).unwrap();
    let common = CommonFlags { config: Some(file), data_dir: Some(folder.path().to_owned()), ..CommonFlags::default() };
    if let Err(error) = Sources::load(&common, &NodeFlags::default()).and_then(Sources::settings) {
        assert!(!error.to_string().is_empty());
    }
}

pub(super) fn chain_specification(input: &[u8]) {
    let Ok(text) = std::str::from_utf8(input) else { return };
    if let Ok(spec) = ChainSpec::from_toml(text) {
        let _ = (spec.genesis_hash(), spec.magic(), spec.supply(1_000_000), spec.subsidy(u32::MAX));
        let _ = rules::next_target(&spec, u64::MAX, u32::MAX);
        let _ = rules::next_target(&spec, 0, 0);
    }
}
