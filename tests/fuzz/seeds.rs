//! Valid inputs, made by the product's own encoders. Early checks let them pass, so their changes reach the late checks.

use std::sync::Arc;

use tussock::{
    base::{codec::List, hash::Hash, time::UnixTime},
    chain::{
        block::HashedBlock,
        header::Header,
        key::SecretKey,
        spec::ChainSpec,
        testkit::{self, BlockMaker},
        transaction::{Output, Transaction},
    },
    wire::{
        compact::CompactBlock,
        frame::Frame,
        message::{Message, PeerAddress},
        short_id::{Salt, ShortId},
    },
};

use tussock::node::key_agreement::PROLOGUE;
use tussock_noise::{Agreement, Key, MAX_PAYLOAD_BYTES, Sealer};

use crate::support::{peer::version, tunnel::framed};

/// One message of each kind.
pub(super) fn all_messages() -> Vec<Message> {
    let spec = Arc::new(ChainSpec::local());
    let mut maker = BlockMaker::new(spec.clone());
    let key = SecretKey::well_known(0);
    let transfer = maker.transfer(&key, SecretKey::well_known(1).address(), 5_000, 100);
    let block = maker.fork().next_block(vec![transfer.clone()], key.address());
    let sealed = Header { seal: testkit::authority_seal(0..3), ..block.header.clone() };
    let hash = Hash([3; 32]);
    let addresses = ["8.8.8.8:4130", "[2001:db8::1]:4130", "127.0.0.1:0"].map(|text| text.parse().unwrap());
    let told = addresses.map(|address| PeerAddress::new(address, UnixTime(1_790_000_000)));
    vec![
        Message::Version(version(&spec, 5, hash, 9)),
        Message::Verack(7),
        Message::Ping { nonce: 1, height: 2, tip: hash },
        Message::Pong(4),
        Message::GetPeers,
        Message::Peers(List::truncated(told)),
        Message::GetSync(List::truncated([hash, spec.genesis_hash()])),
        Message::Sync(List::truncated([block.header.clone(), sealed, spec.genesis.header.clone()])),
        Message::GetBlock(hash),
        Message::Block(block.bytes),
        Message::Absent(hash),
        Message::Transaction(transfer.to_bytes().into()),
        Message::GetMemoryPool(List::truncated([hash; 2])),
        Message::MemoryPool(List::truncated([hash; 3])),
        Message::Goodbye { code: 9, retry_after: 3 },
        Message::GetSkeleton(hash),
        Message::Skeleton(List::truncated([hash; 2])),
        Message::RelaySalt { number: 1, salt: Salt([5; 16]) },
        Message::Announce { salt: 1, ids: List::truncated([ShortId(7); 3]) },
        Message::GetTransactions(List::truncated([ShortId(7); 2])),
        Message::AbsentTransactions(List::truncated([ShortId(7)])),
        Message::CompactBlock(Box::new(CompactBlock {
            header: block.header.clone(),
            nonce: 7,
            ids: List::truncated([ShortId(1), ShortId(u64::MAX)]),
            whole: List::truncated([(0, transfer.clone()), (2, transfer.clone())]),
        })),
        Message::GetBlockTransactions(hash, List::truncated([0, 3, 9])),
        Message::BlockTransactions(hash, List::truncated([transfer.clone(), transfer.clone()])),
        Message::BlockHeader(Box::new(block.header.clone())),
        Message::GetSnapshot { block: hash, most: 9 },
        Message::Snapshot(vec![1, 2, 3].into()),
        Message::GetPiece(hash, 4),
        Message::Piece { block: hash, number: 4, bytes: vec![5; 70].into() },
    ]
}

pub(super) fn frames() -> Vec<Vec<u8>> {
    let magic = ChainSpec::local().magic();
    all_messages().iter().map(|message| Frame::new(message).to_bytes(magic)).collect()
}

/// Each message as its kind's number and its body.
pub(super) fn messages() -> Vec<Vec<u8>> {
    let bytes = |message: &Message| [&[message.kind() as u8][..], &message.body()[..]].concat();
    all_messages().iter().map(bytes).collect()
}

/// The key by which the fuzzed link opens what it reads.
pub(super) const LINK_KEY: Key = Key([4; 32]);

/// A first message of the key agreement, and behind it sealed frames: one in each message, all in one, and one in many.
pub(super) fn links() -> Vec<Vec<u8>> {
    let frames: Vec<Vec<u8>> = frames().into_iter().filter(|frame| frame.len() < 2_000).collect();
    let sealed = |pieces: &mut dyn Iterator<Item = &[u8]>| {
        let mut sealer = Sealer::new(LINK_KEY);
        let mut bytes = framed(&[9; 32]);
        for piece in pieces {
            let mut message = piece.to_vec();
            sealer.seal(&mut message, 0);
            bytes.extend(framed(&message));
        }
        bytes
    };
    let all = frames.concat();
    vec![
        sealed(&mut frames.iter().map(Vec::as_slice)),
        sealed(&mut all.chunks(MAX_PAYLOAD_BYTES)),
        sealed(&mut all.chunks(10)),
        Frame::new(&all_messages()[0]).to_bytes(ChainSpec::local().magic()),
    ]
}

/// First messages of both patterns, for the responder whose key is [`LINK_KEY`].
pub(super) fn agreements() -> Vec<Vec<u8>> {
    let (ours, remote) = (Key([1; 32]), tussock_noise::public_key(&LINK_KEY));
    let first = |remote| Agreement::initiator(&ours, Key([0x11; 32]), PROLOGUE, remote).write().unwrap().unwrap();
    vec![first(None), first(Some(&remote))]
}

pub(super) fn headers() -> Vec<Vec<u8>> {
    let mut maker = BlockMaker::new(Arc::new(ChainSpec::local()));
    let blocks = maker.empty_blocks(6, SecretKey::well_known(0).address());
    let mut headers: Vec<Header> = blocks.into_iter().map(|block| block.header).collect();
    for (header, signers) in headers.iter_mut().zip([0, 1, 64]) {
        header.seal = testkit::authority_seal(0..signers);
    }
    headers.iter().map(Header::to_bytes).collect()
}

/// Transactions with one input, several inputs and a memo, and none.
pub(super) fn transactions() -> Vec<Vec<u8>> {
    valid_transactions().iter().map(Transaction::to_bytes).collect()
}

pub(super) fn valid_transactions() -> Vec<Transaction> {
    let spec = ChainSpec::local();
    let maker = BlockMaker::new(Arc::new(spec.clone()));
    let keys: Vec<SecretKey> = (0..4).map(SecretKey::well_known).collect();
    let coin = |key: &SecretKey| maker.spendable(&key.address()).next().map(|(at, coin)| (at, coin.amount)).unwrap();
    let coins: Vec<_> = keys.iter().map(|key| (coin(key).0, coin(key).1, key)).collect();
    let output = |amount| Output { amount, address: keys[0].address() };
    let genesis = spec.genesis_hash();
    vec![
        testkit::spend(&coins[..1], vec![output(1)], b"", &genesis),
        testkit::spend(&coins, vec![output(1), output(u64::MAX), output(0)], b"memo", &genesis),
        testkit::coinbase(3, keys[1].address(), 500, b"extra"),
    ]
}

pub(super) fn blocks() -> Vec<Vec<u8>> {
    let mut maker = BlockMaker::new(Arc::new(ChainSpec::local()));
    let key = SecretKey::well_known(0);
    let transfers = (0..3).map(|n| maker.transfer(&key, key.address(), 1_000 + n, 10)).collect();
    let full = maker.next_block(transfers, key.address());
    let header = Header { seal: testkit::authority_seal(0..3), ..full.header.clone() };
    let sealed = HashedBlock::new(header, full.transactions.clone());
    [full, sealed, maker.next_block(Vec::new(), key.address())].map(|block| block.bytes.to_vec()).to_vec()
}
