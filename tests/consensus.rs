//! Consensus negatives: blocks and transactions that are one field away from valid, each refused for its own reason by
//! the roles that production runs, over the real store, with the state digest unchanged.

mod blocks;
mod headers;
mod pauses;
mod transactions;

use std::sync::Arc;

use tussock::{
    base::{
        bytes::Bytes,
        codec::{CodecError, List},
        hash::Hash,
        ids::{LinkId, Ticket},
        limits,
        rng::Rng,
        time::{Now, Time, UnixTime},
    },
    chain::{
        archive::{HeaderArchive, LedgerStore},
        block::{HashedBlock, HashedTransaction},
        header::Header,
        key::SecretKey,
        rules::{self, BlockFault, HeaderFault, TransactionFault as T},
        spec::ChainSpec,
        target::CompactTarget,
        testkit::{self, BlockMaker},
        transaction::{OutPoint, Output, Transaction},
    },
    node::{
        Action, AnyRole as _, CloseReason, Event, LinkAction, Notice, Origin, Outbox, PeerFault, Refusal, Setup,
        headers::Headers,
        ledger::Ledger,
        notice::{ToGossip, ToHeaders, ToLedger, ToVerify, UncheckedTransaction},
        verify::Verify,
    },
    store::SharedLedger,
    wire::{frame::Frame, message::Message},
};

const SENDER: LinkId = LinkId(7);

/// The three roles that judge, over one in-memory ledger.
struct Court {
    headers: Headers,
    verify: Verify,
    ledger: Ledger,
    store: SharedLedger,
    now: Now,
}

/// What came of a block or transaction.
#[derive(Debug, PartialEq)]
enum Verdict {
    /// It is the tip.
    Applied,
    /// The sender's connection was closed for this.
    Fault(PeerFault),
    /// Valid as far as can be told, and not taken now.
    Held,
}

impl Court {
    fn new(spec: &Arc<ChainSpec>) -> Self {
        let setup = Setup::bare(spec.clone());
        let store = SharedLedger::in_memory(spec).unwrap();
        let mut rng = Rng::from_number(1);
        let mut court = Self {
            headers: Headers::new(&setup, Box::new(store.clone()), rng.fork("headers")),
            verify: Verify::new(&setup, rng.fork("verify")),
            ledger: Ledger::new(&setup, Box::new(store.clone())),
            store,
            now: Now { mono: Time(1_000_000), unix: UnixTime(spec.parameters.genesis_time + 1_000_000) },
        };
        let mut out = Outbox::default();
        court.ledger.hear(court.now, Event::Start, &mut out);
        court.headers.hear(court.now, Event::Start, &mut out);
        court.verify.hear(court.now, Event::Start, &mut out);
        court.route(&mut out);
        court
    }

    /// Sends what roles tell each other until nothing is left; returns the faults.
    fn route(&mut self, out: &mut Outbox) -> Vec<PeerFault> {
        let mut faults = Vec::new();
        let mut pending: Vec<Action> = out.drain().collect();
        while !pending.is_empty() {
            for action in std::mem::take(&mut pending) {
                match action {
                    Action::Tell(notice) => {
                        let role = notice.role();
                        let event = Event::Notice(notice);
                        match role {
                            tussock::node::RoleId::Headers => self.headers.hear(self.now, event, out),
                            tussock::node::RoleId::Ledger => self.ledger.hear(self.now, event, out),
                            tussock::node::RoleId::Verify => self.verify.hear(self.now, event, out),
                            _ => {}
                        }
                        pending.extend(out.drain());
                    }
                    Action::Link(LinkAction::Close { reason, .. }) => {
                        if let CloseReason::Fault(fault) = *reason {
                            faults.push(fault);
                        }
                    }
                    Action::Halt(halt) => panic!("{halt}"),
                    _ => {}
                }
            }
        }
        faults
    }

    /// A block comes as news: its header is judged, then its body, then its effects.
    fn judge(&mut self, header: &Header, body: &Bytes) -> Verdict {
        let hash = header.hash();
        let mut out = Outbox::default();
        let offered = ToHeaders::Offered { origin: Origin::Link(SENDER), hash, header: Box::new(header.clone()) };
        self.headers.hear(self.now, Event::Notice(offered.into()), &mut out);
        if let Some(fault) = self.route(&mut out).pop() {
            return Verdict::Fault(fault);
        }
        if HeaderArchive::header(&self.store, &hash).unwrap().is_none() {
            return Verdict::Held;
        }
        let frame = Frame::new(&Message::Block(body.clone()));
        let check =
            ToVerify::CheckBlock { origin: Origin::Link(SENDER), hash, frame, checked: Arc::default(), parts: None };
        self.verify.hear(self.now, Event::Notice(check.into()), &mut out);
        if let Some(fault) = self.route(&mut out).pop() {
            return Verdict::Fault(fault);
        }
        // A ledger that gathers blocks for one commit is asked to commit.
        self.now.mono = self.now.mono + limits::COMMIT_INTERVAL + limits::COMMIT_INTERVAL;
        self.ledger.hear(self.now, Event::Wake, &mut out);
        assert_eq!(self.route(&mut out), []);
        if self.tip() == hash { Verdict::Applied } else { Verdict::Held }
    }

    fn judge_block(&mut self, block: &HashedBlock) -> Verdict {
        self.judge(&block.header, &block.bytes)
    }

    fn tip(&self) -> Hash {
        LedgerStore::tip(&self.store).unwrap().hash
    }

    fn digest(&self) -> Hash {
        self.store.state_sum().unwrap().digest()
    }
}

/// A chain of twelve blocks with matured and immature coins, and the maker at its tip.
fn scene() -> (Arc<ChainSpec>, BlockMaker, Court) {
    let spec = Arc::new(ChainSpec::local());
    let mut maker = BlockMaker::new(spec.clone());
    let mut court = Court::new(&spec);
    for _ in 0..12 {
        let transfer = maker.transfer(&key(0), key(1).address(), 10_000, 100);
        let block = maker.next_block(vec![transfer], key(9).address());
        assert_eq!(court.judge_block(&block), Verdict::Applied);
    }
    (spec, maker, court)
}

fn key(number: u32) -> SecretKey {
    SecretKey::well_known(number)
}

fn in_block(index: usize, fault: T) -> PeerFault {
    PeerFault::Block(BlockFault::Transaction { index, fault })
}

/// What a case may change: the header before it is sealed, and the transactions, of which the first is the coinbase,
/// the second pays 10,000 from key 0 to key 1 with a fee of 100, the third spends one of the second's coins.
struct Candidate {
    spec: Arc<ChainSpec>,
    maker: BlockMaker,
    header: Header,
    transactions: Vec<Transaction>,
}

impl Candidate {
    fn sign(&mut self, index: usize, signer: u32) {
        let genesis = self.spec.genesis_hash();
        key(signer).sign_transaction(&mut self.transactions[index], &genesis);
    }

    fn pay_coinbase(&mut self, change: i64) {
        let output = &mut self.transactions[0].outputs.as_mut_slice()[0];
        output.amount = output.amount.checked_add_signed(change).unwrap();
    }

    /// The coin of a matured or young coinbase of key 9, by the height that made it.
    fn reward(&self, height: u32) -> OutPoint {
        let made = |(_, coin): &(&OutPoint, &tussock::chain::coin::Coin)| coin.coinbase && coin.height == height;
        *self.maker.coins().iter().find(made).unwrap().0
    }

    fn spend_reward(&mut self, height: u32) {
        let reward = self.reward(height);
        let owner = key(9);
        let amount = self.maker.coins()[&reward].amount;
        let output = Output { amount, address: key(2).address() };
        let genesis = self.spec.genesis_hash();
        self.transactions.push(testkit::spend(&[(reward, amount, &owner)], vec![output], b"", &genesis));
    }
}

fn candidate(spec: &Arc<ChainSpec>, maker: &BlockMaker) -> Candidate {
    let mut maker = maker.fork();
    let payment = maker.transfer(&key(0), key(1).address(), 10_000, 100);
    let made = Transaction::outpoint(payment.txid(), 0);
    let owner = key(1);
    let output = Output { amount: 9_950, address: key(3).address() };
    let chained = testkit::spend(&[(made, 10_000, &owner)], vec![output], b"", &spec.genesis_hash());
    let time = maker.next_time();
    let (header, transactions) = maker.assemble(vec![payment, chained], key(9).address(), time);
    let transactions = transactions.into_iter().map(|hashed| hashed.transaction).collect();
    Candidate { spec: spec.clone(), maker, header, transactions }
}
