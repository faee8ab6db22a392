//! Tests of the whole role, driven by events and a hand-set clock.

mod announced;
mod announcing;
mod blocks;
mod commands;
mod exchange;
mod transactions;
mod untold;

use std::sync::Arc;

use super::*;
use crate::{
    base::{
        bytes::Bytes,
        codec::List,
        ids::Ticket,
        limits::{
            GATHER_TRANSACTIONS, MAX_MEMORY_POOL_IDS, MAX_ORPHANS, MEMPOOL_ASK_INTERVAL, MEMPOOL_ASK_PEERS,
            MISSING_IN_FLIGHT, VERIFY_BATCH, VERIFY_QUEUE_PER_PEER,
        },
    },
    chain::{
        address::Address,
        archive::Tip,
        block::HashedTransaction,
        key::SecretKey,
        rules::TransactionFault,
        spec::ChainSpec,
        target::Work,
        transaction::{Input, OutPoint, Output, TRANSACTION_VERSION, Transaction},
    },
    node::{
        Action, ChainMove, LinkAction, PeerInfo, Refusal,
        command::GossipCommand,
        notice::{ToGossip, ToLedger, ToVerify, TransactionVerdict, UncheckedTransaction},
        report::Counter,
        testing::{Actions, Driver, inbound_peer, public_setup, setup},
    },
    wire::short_id::{Salt, ShortId},
};

type Node = Driver<Gossip>;

/// A synced node with peers on these links.
fn node(links: &[u64]) -> Node {
    let mut node = Driver::new(Gossip::new(&setup(), Rng::from_number(1)));
    node.start();
    node.notice(ToGossip::State(SyncState::Synced));
    links.iter().for_each(|link| drop(join(&mut node, *link)));
    node
}

/// A peer that takes salts and short ids.
fn listening_peer() -> PeerInfo {
    let peer = inbound_peer("127.0.0.1:4131");
    PeerInfo { services: peer.services | SERVICE_ANNOUNCE, ..peer }
}

/// The salt of such a peer.
fn their_salt(link: u64) -> Salt {
    Salt([u8::try_from(link).unwrap(); 16])
}

/// Such a peer links up and tells its salt; what the node does.
fn listen(node: &mut Node, link: u64) -> Actions {
    let actions = node.up(link, listening_peer());
    node.receive(link, &Message::RelaySalt { number: 0, salt: their_salt(link) });
    node.receive(link, &have(&[]));
    actions
}

/// The salt that the node tells.
fn own_salt(actions: &Actions) -> Salt {
    let salt = |action: &Action| match action {
        Action::Link(LinkAction::Send { frame, .. }) => match frame.open() {
            Ok(Message::RelaySalt { salt, .. }) => Some(salt),
            _ => None,
        },
        _ => None,
    };
    actions.0.iter().find_map(salt).expect("it tells its salt")
}

/// The short ids that a peer is told.
fn announced(actions: &Actions, link: u64) -> Vec<ShortId> {
    let ids = |message| if let Message::Announce { ids, .. } = message { ids.to_vec() } else { Vec::new() };
    actions.sent(link).into_iter().flat_map(ids).collect()
}

fn join(node: &mut Node, link: u64) -> Actions {
    node.up(link, inbound_peer("127.0.0.1:4131"))
}

/// A transaction that spends output 0 of `parent`.
fn spend(parent: Hash, memo: u32) -> Arc<HashedTransaction> {
    let key = SecretKey::well_known(0);
    let outpoint = OutPoint { txid: parent, index: 0 };
    let input = Input { outpoint, amount: 1, public_key: key.public_key(), signature: [0; 64] };
    let mut transaction = Transaction {
        version: TRANSACTION_VERSION,
        inputs: List::truncated([input]),
        outputs: List::truncated([Output { amount: 1, address: Address([1; 20]) }]),
        memo: List::truncated(memo.to_le_bytes()),
    };
    key.sign_transaction(&mut transaction, &ChainSpec::local().genesis_hash());
    Arc::new(HashedTransaction::new(transaction))
}

fn transaction(memo: u32) -> Arc<HashedTransaction> {
    spend(Hash([5; 32]), memo)
}

/// The same transaction with other signature bytes.
fn twin(of: &HashedTransaction) -> Arc<HashedTransaction> {
    let mut twin = of.transaction.clone();
    twin.inputs.as_mut_slice()[0].signature[0] ^= 1;
    Arc::new(HashedTransaction::new(twin))
}

fn message(transaction: &HashedTransaction) -> Message {
    Message::Transaction(transaction.transaction.to_bytes().into())
}

/// What happens when a peer sends a transaction, until it would have gone to the verifiers.
fn offer(node: &mut Node, link: u64, transaction: &HashedTransaction) -> Actions {
    let received = node.receive(link, &message(transaction));
    Actions([received.0, node.run(GATHER_TRANSACTIONS).0].concat())
}

fn unchecked(link: u64, memo: u32) -> UncheckedTransaction {
    UncheckedTransaction { origin: Origin::Link(LinkId(link)), transaction: transaction(memo) }
}

fn submit(transaction: &HashedTransaction) -> GossipCommand {
    GossipCommand::SubmitTransaction { bytes: transaction.transaction.to_bytes().into(), replace: true }
}

fn batches(actions: &Actions) -> Vec<Vec<UncheckedTransaction>> {
    let batch = |notice| if let ToVerify::CheckTransactions(batch) = notice { Some(batch) } else { None };
    actions.told::<ToVerify>().into_iter().filter_map(batch).collect()
}

fn admits(actions: &Actions) -> Vec<(Origin, Arc<HashedTransaction>)> {
    let admit = |notice| match notice {
        ToLedger::Admit { origin, transaction, .. } => Some((origin, transaction)),
        _ => None,
    };
    actions.told::<ToLedger>().into_iter().filter_map(admit).collect()
}

/// The verifier finds everything in these batches good.
fn all_good(node: &mut Node, checked: &[Vec<UncheckedTransaction>]) -> Actions {
    let mut all = Vec::new();
    for batch in checked {
        let verdict = |unchecked: &UncheckedTransaction| TransactionVerdict {
            origin: unchecked.origin,
            result: Ok(unchecked.transaction.clone()),
        };
        all.extend(node.notice(ToGossip::TransactionsChecked(batch.iter().map(verdict).collect())).0);
    }
    Actions(all)
}

fn bad(origin: Origin) -> ToGossip {
    let result = Err(TransactionFault::Signature(0));
    ToGossip::TransactionsChecked(vec![TransactionVerdict { origin, result }])
}

fn answer(node: &mut Node, admit: &(Origin, Arc<HashedTransaction>), result: Result<(), Refusal>) -> Actions {
    node.notice(ToGossip::Admitted { origin: admit.0, transaction: admit.1.clone(), result })
}

/// Takes a transaction all the way: sent by a peer, verified, answered by the ledger.
fn pass(node: &mut Node, link: u64, transaction: &HashedTransaction, result: Result<(), Refusal>) -> Actions {
    let checked = batches(&offer(node, link, transaction));
    let admits = admits(&all_good(node, &checked));
    answer(node, &admits[0], result)
}

fn missing() -> Refusal {
    Refusal::Invalid(TransactionFault::MissingCoin(0))
}

fn moved(tip: Hash, news: Option<(Origin, Bytes)>) -> ToGossip {
    let tip = Tip { hash: tip, height: 1, time: 0, work: Work::ZERO, digest: Hash::ZERO };
    let added = vec![(tip.hash, 1)];
    ToGossip::ChainMoved(Arc::new(ChainMove { tip, removed: Vec::new(), added, news }))
}

fn receivers(actions: &Actions, links: &[u64]) -> Vec<u64> {
    links.iter().copied().filter(|link| !actions.sent(*link).is_empty()).collect()
}

fn ids(range: std::ops::Range<u8>) -> Vec<Hash> {
    range.map(|n| Hash([n; 32])).collect()
}

fn want(ids: &[Hash]) -> Message {
    Message::GetMemoryPool(List::truncated(ids.iter().copied()))
}

fn have(ids: &[Hash]) -> Message {
    Message::MemoryPool(List::truncated(ids.iter().copied()))
}
