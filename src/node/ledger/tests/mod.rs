//! The role against a strict store in memory: each commit there compares sum and digest with the coins.

mod again;
mod chain;
mod committer;
mod compact;
mod early;
mod faults;
mod joining;
mod mempool;
mod model;
mod pool;
mod proposals;
mod reorganise;
mod replacement;
mod serve;
mod test_commands;

use std::{sync::Arc, time::Duration};

use super::{
    Ledger,
    fake::{FakeStore, setup},
    pool::Pool,
};
use crate::{
    base::{
        bytes::Bytes,
        hash::Hash,
        ids::{LinkId, Ticket},
        time::{Now, Time, UnixTime},
    },
    chain::{
        archive::{BlockStatus, HeaderArchive as _, HeaderRow},
        block::{HashedBlock, HashedTransaction},
        checked::CheckedBlock,
        coin::Coin,
        key::SecretKey,
        rules::BlockFault,
        spec::ChainSpec,
        testkit::BlockMaker,
        transaction::{OutPoint, Output, Transaction},
    },
    node::{
        Action, AnyRole, ChainMove, CloseReason, Event, LinkAction, Notice, Origin, Outbox, PeerFault, Refusal, Role,
        Setup, SyncState,
        notice::{ToFetch, ToGossip, ToHeaders, ToLedger},
    },
};

const PEER: LinkId = LinkId(7);

/// A block with the row that `headers` would store for it.
type Made = (HeaderRow, Arc<HashedBlock>);

/// The setup of a node on the chain of the tests.
fn local() -> Setup {
    setup(&Arc::new(ChainSpec::local()))
}

/// A ledger under test.
struct Node {
    ledger: Ledger,
    store: FakeStore,
    spec: Arc<ChainSpec>,
    now: Now,
}

impl Node {
    fn new() -> Self {
        Self::with(&local())
    }

    fn with(setup: &Setup) -> Self {
        let spec = setup.spec.clone();
        let store = FakeStore::new(&spec);
        let now = Now { mono: Time(1), unix: UnixTime(spec.parameters.genesis_time + 1_000_000) };
        let mut node = Self { ledger: Ledger::new(setup, Box::new(store.clone())), store, spec, now };
        node.event(Event::Start);
        node
    }

    /// A node whose mempool takes at most this many bytes.
    fn with_mempool(bytes: usize) -> Self {
        let mut node = Self::new();
        node.ledger = Ledger::with_mempool(&local(), Box::new(node.store.clone()), bytes);
        node.event(Event::Start);
        node
    }

    /// A new process on the same store.
    fn restart(&mut self) -> Vec<Action> {
        self.ledger = Ledger::new(&setup(&self.spec), Box::new(self.store.clone()));
        self.event(Event::Start)
    }

    fn maker(&self) -> BlockMaker {
        BlockMaker::new(self.spec.clone())
    }

    /// One event, and a wake if one is due right after it.
    fn event(&mut self, event: Event) -> Vec<Action> {
        let mut actions = self.event_alone(event);
        if self.ledger.deadline().is_some_and(|deadline| deadline <= self.now.mono) {
            actions.extend(self.event_alone(Event::Wake));
        }
        actions
    }

    fn event_alone(&mut self, event: Event) -> Vec<Action> {
        let mut out = Outbox::default();
        self.now.mono.0 += 10;
        self.ledger.hear(self.now, event, &mut out);
        out.drain().collect()
    }

    fn notice(&mut self, notice: impl Into<Notice>) -> Vec<Action> {
        self.event(Event::Notice(notice.into()))
    }

    fn synced(&mut self) {
        self.notice(ToLedger::State(SyncState::Synced));
    }

    /// As `headers` tells them: first the headers to store, and then the best chain.
    fn headers(&mut self, blocks: &[Made]) -> Vec<Action> {
        let mut actions = self.notice(ToLedger::StoreHeaders(blocks.iter().map(|(row, _)| row.clone()).collect()));
        if let Some(best) = self.store.best_header().ok().filter(|row| row.status == BlockStatus::Header) {
            actions.extend(self.notice(ToLedger::BestChain { height: best.header.height, work: best.work }));
        }
        actions
    }

    fn body(&mut self, block: &Made) -> Vec<Action> {
        self.event(checked(block))
    }

    /// Header and body of each, in this order.
    fn blocks(&mut self, blocks: &[Made]) -> Vec<Action> {
        let mut actions = self.headers(blocks);
        blocks.iter().for_each(|block| actions.extend(self.body(block)));
        actions
    }

    /// A transaction from a peer.
    fn admit(&mut self, transaction: &Transaction) -> Result<(), Refusal> {
        self.admit_from(Origin::Link(PEER), transaction)
    }

    /// A transaction from a user.
    fn submit(&mut self, transaction: &Transaction) -> Result<(), Refusal> {
        self.admit_from(Origin::Command(Ticket(1)), transaction)
    }

    fn admit_from(&mut self, origin: Origin, transaction: &Transaction) -> Result<(), Refusal> {
        self.offer(origin, transaction, true)
    }

    fn offer(&mut self, origin: Origin, transaction: &Transaction, replace: bool) -> Result<(), Refusal> {
        let transaction = Arc::new(HashedTransaction::new(transaction.clone()));
        let actions = self.notice(ToLedger::Admit { origin, transaction, replace });
        let mut answers = admitted(&actions);
        assert_eq!(answers.len(), 1, "exactly one answer");
        answers.remove(0).2
    }

    fn transactions(&self) -> &Pool {
        self.ledger.chains.active().pool()
    }

    fn pool(&self) -> Vec<Hash> {
        self.transactions().ids().copied().collect()
    }

    /// The committed chain is the maker's, coin by coin.
    fn assert_at(&self, maker: &BlockMaker) {
        let data = self.store.committed();
        assert_eq!(data.tip, maker.tip());
        assert_eq!(&data.coins, maker.coins());
        let supply: u128 = data.coins.values().map(|coin| u128::from(coin.amount)).sum();
        assert_eq!(supply, self.spec.supply(maker.height()));
    }
}

/// The verifier's word on a good body.
fn checked(block: &Made) -> Event {
    checked_from(block, PEER)
}

/// The same, of a body that this peer delivered.
fn checked_from((_, block): &Made, link: LinkId) -> Event {
    let block = Arc::new(CheckedBlock::new(block));
    Event::Notice(ToLedger::BlockChecked { origin: Origin::Link(link), block }.into())
}

fn key(number: u32) -> SecretKey {
    SecretKey::well_known(number)
}

fn made(maker: &mut BlockMaker, transactions: Vec<Transaction>) -> Made {
    let block = maker.next_block(transactions, key(9).address());
    (maker.header_row(), Arc::new(block))
}

fn empty(maker: &mut BlockMaker, count: usize) -> Vec<Made> {
    (0..count).map(|_| made(maker, Vec::new())).collect()
}

/// A block from a draft that the rules of the chain refuse; the maker goes on upon it.
fn sealed(
    maker: &mut BlockMaker,
    change: impl FnOnce(&mut crate::chain::header::Header),
    txs: Vec<Transaction>,
) -> Made {
    let (mut header, transactions) = maker.assemble(txs, key(9).address(), maker.next_time());
    change(&mut header);
    let block = crate::chain::testkit::seal(header, transactions);
    maker.connect(&block);
    (maker.header_row(), Arc::new(block))
}

/// The first coin that the account may spend next, and a transaction that pays `fee` and the rest to account 8.
fn pay_all(maker: &BlockMaker, from: &SecretKey, fee: u64) -> Transaction {
    let payer = from.address();
    let (outpoint, coin) = maker.spendable(&payer).next().expect("the account has a coin");
    spend_coin(maker, from, outpoint, coin, fee)
}

fn spend_coin(maker: &BlockMaker, from: &SecretKey, outpoint: OutPoint, coin: &Coin, fee: u64) -> Transaction {
    let outputs = vec![Output { amount: coin.amount - fee, address: key(8).address() }];
    crate::chain::testkit::spend(&[(outpoint, coin.amount, from)], outputs, b"", &maker.spec().genesis_hash())
}

fn moves(actions: &[Action]) -> Vec<Arc<ChainMove>> {
    let mut all = Vec::new();
    for action in actions {
        if let Action::Tell(Notice::Headers(ToHeaders::ChainMoved(moved))) = action {
            all.push(moved.clone());
        }
    }
    all
}

/// Blocks that were passed on before they were stored.
fn sound(actions: &[Action]) -> Vec<Hash> {
    let mut all = Vec::new();
    for action in actions {
        if let Action::Tell(Notice::Gossip(ToGossip::BlockValidated { hash, .. })) = action {
            all.push(*hash);
        }
    }
    all
}

fn taken(actions: &[Action]) -> Vec<Hash> {
    let mut all = Vec::new();
    for action in actions {
        if let Action::Tell(Notice::Fetch(ToFetch::BodiesTaken { blocks })) = action {
            all.extend(blocks.iter().map(|(_, hash)| *hash));
        }
    }
    all
}

fn invalid(actions: &[Action]) -> Vec<(Vec<Hash>, BlockFault)> {
    let mut all = Vec::new();
    for action in actions {
        if let Action::Tell(Notice::Headers(ToHeaders::BlocksInvalid { hashes, fault })) = action {
            all.push((hashes.clone(), (**fault).clone()));
        }
    }
    all
}

fn faults(actions: &[Action]) -> Vec<(LinkId, PeerFault)> {
    let mut all = Vec::new();
    for action in actions {
        if let Action::Link(LinkAction::Close { link, reason, .. }) = action
            && let CloseReason::Fault(fault) = &**reason
        {
            all.push((*link, fault.clone()));
        }
    }
    all
}

fn admitted(actions: &[Action]) -> Vec<(Origin, Hash, Result<(), Refusal>)> {
    let mut all = Vec::new();
    for action in actions {
        if let Action::Tell(Notice::Gossip(ToGossip::Admitted { origin, transaction, result })) = action {
            all.push((*origin, transaction.txid, result.clone()));
        }
    }
    all
}

fn hashes(blocks: &[Made]) -> Vec<Hash> {
    blocks.iter().map(|(row, _)| row.hash).collect()
}

fn bytes(transaction: &Transaction) -> Bytes {
    transaction.to_bytes().into()
}
