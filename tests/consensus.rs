//! Consensus negatives: blocks and transactions that are one field away from valid, each refused for its own reason by
//! the roles that production runs, over the real store, with the state digest unchanged.

use std::{collections::BTreeSet, sync::Arc};

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
        Action, CloseReason, Event, LinkAction, Notice, Origin, Outbox, PeerFault, Role, Setup,
        headers::Headers,
        ledger::Ledger,
        notice::{Refusal, UncheckedTransaction},
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
        court.ledger.handle(court.now, Event::Start, &mut out);
        court.headers.handle(court.now, Event::Start, &mut out);
        court.verify.handle(court.now, Event::Start, &mut out);
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
                    Action::Tell(role, notice) => {
                        let event = Event::Notice(notice);
                        match role {
                            tussock::node::RoleId::Headers => self.headers.handle(self.now, event, out),
                            tussock::node::RoleId::Ledger => self.ledger.handle(self.now, event, out),
                            tussock::node::RoleId::Verify => self.verify.handle(self.now, event, out),
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
        let offered = Notice::Offered { origin: Origin::Link(SENDER), hash, header: Box::new(header.clone()) };
        self.headers.handle(self.now, Event::Notice(offered), &mut out);
        if let Some(fault) = self.route(&mut out).pop() {
            return Verdict::Fault(fault);
        }
        if HeaderArchive::header(&self.store, &hash).unwrap().is_none() {
            return Verdict::Held;
        }
        let frame = Frame::new(&Message::Block(body.clone()));
        let check = Notice::CheckBlock { origin: Origin::Link(SENDER), hash, frame, checked: Arc::default() };
        self.verify.handle(self.now, Event::Notice(check), &mut out);
        if let Some(fault) = self.route(&mut out).pop() {
            return Verdict::Fault(fault);
        }
        // A ledger that gathers blocks for one commit is asked to commit.
        self.now.mono = self.now.mono + limits::COMMIT_INTERVAL + limits::COMMIT_INTERVAL;
        self.ledger.handle(self.now, Event::Wake, &mut out);
        assert_eq!(self.route(&mut out), []);
        if self.tip() == hash { Verdict::Applied } else { Verdict::Held }
    }

    fn judge_block(&mut self, block: &HashedBlock) -> Verdict {
        self.judge(&block.header, &block.bytes)
    }

    fn tip(&self) -> Hash {
        LedgerStore::tip(&self.store).unwrap().0.hash
    }

    fn digest(&self) -> Hash {
        LedgerStore::tip(&self.store).unwrap().1.digest()
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

type HeaderCase = (&'static str, fn(&mut Header), fn(&PeerFault) -> bool);

#[test]
fn headers_one_field_away_from_valid_are_refused_each_for_its_reason() {
    let (_, maker, mut court) = scene();
    let digest = court.digest();
    let cases: Vec<HeaderCase> = vec![
        ("version 0", |h| h.version = 0, |f| *f == PeerFault::Header(HeaderFault::Version(0))),
        ("version 2", |h| h.version = 2, |f| *f == PeerFault::Header(HeaderFault::Version(2))),
        (
            "height above",
            |h| h.height += 1,
            |f| matches!(f, PeerFault::Header(HeaderFault::Height { found: 14, expected: 13 })),
        ),
        ("height below", |h| h.height -= 1, |f| matches!(f, PeerFault::Header(HeaderFault::Height { found: 12, .. }))),
        ("height 0", |h| h.height = 0, |f| matches!(f, PeerFault::Header(HeaderFault::Height { found: 0, .. }))),
        (
            "height at its maximum",
            |h| h.height = u32::MAX,
            |f| matches!(f, PeerFault::Header(HeaderFault::Height { .. })),
        ),
        (
            "an easier target",
            |h| h.target = CompactTarget(0x207f_ffff),
            |f| matches!(f, PeerFault::Header(HeaderFault::Target { .. })),
        ),
        (
            "a harder target",
            |h| h.target = CompactTarget(0x1f3f_fffe),
            |f| matches!(f, PeerFault::Header(HeaderFault::Target { .. })),
        ),
        (
            "a target of zero",
            |h| h.target = CompactTarget(0),
            |f| matches!(f, PeerFault::Header(HeaderFault::Target { found: 0, .. })),
        ),
        (
            "a negative target",
            |h| h.target = CompactTarget(0x1fbf_ffff),
            |f| matches!(f, PeerFault::Header(HeaderFault::Target { .. })),
        ),
        (
            "the target spelled otherwise",
            |h| h.target = CompactTarget(0x2000_3fff),
            |f| matches!(f, PeerFault::Header(HeaderFault::Target { .. })),
        ),
        (
            "the median's time",
            |h| h.time -= 6 * 5,
            |f| matches!(f, PeerFault::Header(HeaderFault::TooOld { found, median }) if found == median),
        ),
        (
            "a time before the median",
            |h| h.time -= 7 * 5,
            |f| matches!(f, PeerFault::Header(HeaderFault::TooOld { .. })),
        ),
        ("time 0", |h| h.time = 0, |f| matches!(f, PeerFault::Header(HeaderFault::TooOld { found: 0, .. }))),
    ];
    for (name, change, expected) in cases {
        let time = maker.next_time();
        let (mut header, transactions) = maker.draft(Vec::new(), key(9).address(), time);
        change(&mut header);
        let block = if header
            .target
            .expand()
            .is_some_and(|t| t.work() <= CompactTarget(0x1f3f_fffe).expand().unwrap().work())
        {
            testkit::seal(header, transactions)
        } else {
            HashedBlock::new(header, transactions)
        };
        match court.judge_block(&block) {
            Verdict::Fault(fault) => assert!(expected(&fault), "{name}: {fault:?}"),
            other => panic!("{name}: {other:?}"),
        }
        assert_eq!(court.digest(), digest, "{name}");
    }
    // No work: a nonce that misses.
    let block = maker.fork().next_block(Vec::new(), key(9).address());
    let mut header = block.header.clone();
    while header.has_work(&header.hash()) {
        header.nonce += 1;
    }
    let lazy = HashedBlock::new(header, block.transactions.clone());
    assert_eq!(court.judge_block(&lazy), Verdict::Fault(PeerFault::Header(HeaderFault::Work)));
    // The future is held, an unknown parent asked for: neither is a fault.
    let late = court.now.unix.0 + 100_000;
    let future = maker.fork().next_block_at(Vec::new(), key(9).address(), late);
    assert_eq!(court.judge_block(&future), Verdict::Held);
    let mut fork = maker.fork();
    fork.next_block(Vec::new(), key(8).address());
    let orphan = fork.next_block(Vec::new(), key(8).address());
    assert_eq!(court.judge_block(&orphan), Verdict::Held);
    assert_eq!(court.digest(), digest);
    assert_eq!(court.judge_block(&block), Verdict::Applied, "the valid one beside them");
}

/// What a case may change: the header before it is sealed, and the transactions, of which the first is the coinbase,
/// the second pays 10,000 from key 0 to key 1 with a fee of 100, the third spends one of the second's coins.
struct Draft {
    spec: Arc<ChainSpec>,
    maker: BlockMaker,
    header: Header,
    transactions: Vec<Transaction>,
}

impl Draft {
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
        self.transactions.push(testkit::spend(&[(reward, &owner)], vec![output], b"", &genesis));
    }
}

type BlockCase = (&'static str, fn(&mut Draft), PeerFault);

fn block_cases() -> Vec<BlockCase> {
    vec![
        ("no transactions", |d| d.transactions.clear(), PeerFault::Block(BlockFault::Empty)),
        ("no coinbase", |d| drop(d.transactions.remove(0)), PeerFault::Block(BlockFault::NoCoinbase)),
        ("the coinbase second", |d| d.transactions.swap(0, 1), PeerFault::Block(BlockFault::NoCoinbase)),
        ("two coinbases", |d| d.transactions.insert(1, d.transactions[0].clone()), in_block(1, T::NoInputs)),
        (
            "a coinbase of the height before",
            |d| d.transactions[0].memo = List::truncated(12u32.to_le_bytes()),
            PeerFault::Block(BlockFault::CoinbaseHeight(13)),
        ),
        (
            "a coinbase of the height after",
            |d| d.transactions[0].memo = List::truncated(14u32.to_le_bytes()),
            PeerFault::Block(BlockFault::CoinbaseHeight(13)),
        ),
        (
            "a coinbase without a height",
            |d| d.transactions[0].memo = List::EMPTY,
            PeerFault::Block(BlockFault::CoinbaseHeight(13)),
        ),
        (
            "a coinbase with three bytes of height",
            |d| d.transactions[0].memo = List::truncated([13, 0, 0]),
            PeerFault::Block(BlockFault::CoinbaseHeight(13)),
        ),
        ("a coinbase of one unit too much", |d| d.pay_coinbase(1), amount(1)),
        ("a coinbase of one unit too little", |d| d.pay_coinbase(-1), amount(-1)),
        (
            "a coinbase without outputs",
            |d| d.transactions[0].outputs = List::EMPTY,
            PeerFault::Block(BlockFault::CoinbaseAmount { found: 0, expected: 5_000_000_150 }),
        ),
        (
            "a coinbase with an output of nothing",
            |d| d.transactions[0].outputs = with(&d.transactions[0], Output { amount: 0, address: key(2).address() }),
            in_block(0, T::ZeroAmount(1)),
        ),
        (
            "a coinbase above all money",
            |d| d.transactions[0].outputs.as_mut_slice()[0].amount = limits::MAX_MONEY + 1,
            in_block(0, T::Overflow),
        ),
        ("a coinbase of another version", |d| d.transactions[0].version = 9, in_block(0, T::Version(9))),
        (
            "another state digest",
            |d| d.header.state_digest = Hash([1; 32]),
            PeerFault::Block(BlockFault::StateDigest { found: Hash([1; 32]), expected: Hash::ZERO }),
        ),
        (
            "transaction version 0",
            |d| {
                d.transactions[1].version = 0;
                d.sign(1, 0)
            },
            in_block(1, T::Version(0)),
        ),
        (
            "transaction version 2",
            |d| {
                d.transactions[1].version = 2;
                d.sign(1, 0)
            },
            in_block(1, T::Version(2)),
        ),
        (
            "no outputs",
            |d| {
                d.transactions[1].outputs = List::EMPTY;
                d.sign(1, 0)
            },
            in_block(1, T::NoOutputs),
        ),
        ("no inputs", |d| d.transactions[1].inputs = List::EMPTY, in_block(1, T::NoInputs)),
        (
            "the same coin twice in one transaction",
            |d| {
                let input = d.transactions[1].inputs[0].clone();
                d.transactions[1].inputs = List::truncated([input.clone(), input]);
                d.sign(1, 0)
            },
            in_block(1, T::RepeatedInput(1)),
        ),
        (
            "an output of nothing",
            |d| {
                d.transactions[1].outputs.as_mut_slice()[1].amount = 0;
                d.sign(1, 0)
            },
            in_block(1, T::ZeroAmount(1)),
        ),
        (
            "an output above all money",
            |d| {
                d.transactions[1].outputs.as_mut_slice()[0].amount = limits::MAX_MONEY + 1;
                d.sign(1, 0)
            },
            in_block(1, T::Overflow),
        ),
        (
            "outputs whose sum overflows 64 bits",
            |d| {
                for o in d.transactions[1].outputs.as_mut_slice() {
                    o.amount = u64::MAX
                }
                d.sign(1, 0)
            },
            in_block(1, T::Overflow),
        ),
        (
            "outputs whose sum is above all money",
            |d| {
                for o in d.transactions[1].outputs.as_mut_slice() {
                    o.amount = limits::MAX_MONEY / 2 + 1
                }
                d.sign(1, 0)
            },
            in_block(1, T::Overflow),
        ),
        (
            "a signature's first half changed",
            |d| d.transactions[1].inputs.as_mut_slice()[0].signature[3] ^= 1,
            in_block(1, T::Signature(0)),
        ),
        (
            "a signature's second half changed",
            |d| d.transactions[1].inputs.as_mut_slice()[0].signature[40] ^= 1,
            in_block(1, T::Signature(0)),
        ),
        (
            "no signature",
            |d| d.transactions[1].inputs.as_mut_slice()[0].signature = [0; 64],
            in_block(1, T::Signature(0)),
        ),
        (
            "a signature of another amount",
            |d| d.transactions[1].outputs.as_mut_slice()[0].amount += 1,
            in_block(1, T::Signature(0)),
        ),
        (
            "a signature of another memo",
            |d| d.transactions[1].memo = List::truncated(*b"x"),
            in_block(1, T::Signature(0)),
        ),
        (
            "a signature for another network",
            |d| key(0).sign_transaction(&mut d.transactions[1], &ChainSpec::dev().genesis_hash()),
            in_block(1, T::Signature(0)),
        ),
        (
            "another's signature",
            |d| {
                let hash = Transaction::signing_hash(&d.transactions[1].txid(), &d.spec.genesis_hash());
                d.transactions[1].inputs.as_mut_slice()[0].signature = key(5).sign(&hash)
            },
            in_block(1, T::Signature(0)),
        ),
        (
            "a key that is no point",
            |d| d.transactions[1].inputs.as_mut_slice()[0].public_key = [2; 32],
            in_block(1, T::Signature(0)),
        ),
        (
            "a key that does not own the coin",
            |d| {
                d.transactions[1].inputs.as_mut_slice()[0].public_key = key(5).public_key();
                d.sign(1, 5)
            },
            in_block(1, T::WrongKey(0)),
        ),
        (
            "a coin that never was",
            |d| {
                d.transactions[1].inputs.as_mut_slice()[0].outpoint.txid = Hash([3; 32]);
                d.sign(1, 0)
            },
            in_block(1, T::MissingCoin(0)),
        ),
        (
            "an output that never was",
            |d| {
                d.transactions[1].inputs.as_mut_slice()[0].outpoint.index += 7;
                d.sign(1, 0)
            },
            in_block(1, T::MissingCoin(0)),
        ),
        (
            "a coin spent in an earlier block",
            |d| {
                let genesis = Transaction::outpoint(d.spec.genesis.transactions[0].txid, 0);
                d.transactions[1].inputs.as_mut_slice()[0].outpoint = genesis;
                d.sign(1, 0)
            },
            in_block(1, T::MissingCoin(0)),
        ),
        (
            "a coin spent twice in the block",
            |d| {
                let mut twin = d.transactions[1].clone();
                twin.memo = List::truncated(*b"twin");
                d.transactions.push(twin);
                d.sign(3, 0)
            },
            in_block(3, T::MissingCoin(0)),
        ),
        ("a coin of a later transaction", |d| d.transactions.swap(1, 2), in_block(1, T::MissingCoin(0))),
        (
            "a reward of this very block",
            |d| {
                let reward = Transaction::outpoint(d.transactions[0].txid(), 0);
                let (owner, genesis) = (key(9), d.spec.genesis_hash());
                let output = Output { amount: 5, address: key(2).address() };
                d.transactions.push(testkit::spend(&[(reward, &owner)], vec![output], b"", &genesis))
            },
            in_block(3, T::Immature { input: 0, matures: 18 }),
        ),
        ("a reward one block too young", |d| d.spend_reward(9), in_block(3, T::Immature { input: 0, matures: 14 })),
        (
            "more out than in by one unit",
            |d| {
                d.transactions[1].outputs.as_mut_slice()[0].amount += 101;
                d.sign(1, 0)
            },
            PeerFault::SendStall,
        ),
    ]
}

fn amount(change: i64) -> PeerFault {
    let expected = 5_000_000_150;
    PeerFault::Block(BlockFault::CoinbaseAmount {
        found: 5_000_000_150u64.checked_add_signed(change).unwrap(),
        expected,
    })
}

fn with(transaction: &Transaction, output: Output) -> List<Output, { limits::MAX_OUTPUTS }> {
    List::truncated(transaction.outputs.iter().cloned().chain([output]))
}

/// Faults whose amounts depend on the scene are compared by their kind.
fn same_kind(found: &PeerFault, expected: &PeerFault) -> bool {
    let inflation = |fault: &PeerFault| matches!(fault, PeerFault::Block(BlockFault::Transaction { index: 1, fault: T::Inflation { inputs, outputs } }) if *outputs == inputs + 1);
    match expected {
        PeerFault::SendStall => inflation(found),
        PeerFault::Block(BlockFault::StateDigest { found: stated, .. }) => {
            matches!(found, PeerFault::Block(BlockFault::StateDigest { found, .. }) if found == stated)
        }
        _ => found == expected,
    }
}

fn draft(spec: &Arc<ChainSpec>, maker: &BlockMaker) -> Draft {
    let mut maker = maker.fork();
    let payment = maker.transfer(&key(0), key(1).address(), 10_000, 100);
    let made = Transaction::outpoint(payment.txid(), 0);
    let owner = key(1);
    let output = Output { amount: 9_950, address: key(3).address() };
    let chained = testkit::spend(&[(made, &owner)], vec![output], b"", &spec.genesis_hash());
    let time = maker.next_time();
    let (header, transactions) = maker.draft(vec![payment, chained], key(9).address(), time);
    let transactions = transactions.into_iter().map(|hashed| hashed.transaction).collect();
    Draft { spec: spec.clone(), maker, header, transactions }
}

#[test]
fn blocks_one_field_away_from_valid_are_refused_each_for_its_reason() {
    let (spec, maker, mut court) = scene();
    let (tip, digest) = (court.tip(), court.digest());
    let cases = block_cases();
    let names: BTreeSet<&str> = cases.iter().map(|case| case.0).collect();
    assert!(names.len() >= 40, "{} cases", names.len());
    for (name, change, expected) in cases {
        let mut draft = draft(&spec, &maker);
        change(&mut draft);
        let transactions = draft.transactions.into_iter().map(HashedTransaction::new).collect();
        let block = testkit::seal(draft.header, transactions);
        match court.judge_block(&block) {
            Verdict::Fault(fault) => assert!(same_kind(&fault, &expected), "{name}: {fault:?}"),
            other => panic!("{name}: {other:?}"),
        }
        assert_eq!((court.tip(), court.digest()), (tip, digest), "{name}");
    }
    let draft = draft(&spec, &maker);
    let valid = testkit::seal(draft.header, draft.transactions.into_iter().map(HashedTransaction::new).collect());
    assert_eq!(court.judge_block(&valid), Verdict::Applied, "the valid one beside them");
}

#[test]
fn bodies_that_are_not_their_header_s_cost_the_sender_and_leave_the_header_alone() {
    let (spec, maker, mut court) = scene();
    let digest = court.digest();
    let draft = draft(&spec, &maker);
    let valid = testkit::seal(draft.header, draft.transactions.into_iter().map(HashedTransaction::new).collect());
    let rebuilt = |transactions: Vec<HashedTransaction>| HashedBlock::new(valid.header.clone(), transactions).bytes;
    let all = || valid.transactions.clone();
    let mut bodies: Vec<(&str, Bytes, BlockFault)> = Vec::new();
    let mut swapped = all();
    swapped.swap(1, 2);
    let mut repeated = all();
    repeated.push(all()[2].clone());
    let mut resigned = all();
    let mut transaction = resigned[1].transaction.clone();
    transaction.inputs.as_mut_slice()[0].signature[0] ^= 1;
    resigned[1] = HashedTransaction::new(transaction);
    bodies.push(("one transaction less", rebuilt(all()[..2].to_vec()), BlockFault::MerkleRoot));
    bodies.push(("none", rebuilt(Vec::new()), BlockFault::MerkleRoot));
    bodies.push(("another order", rebuilt(swapped), BlockFault::MerkleRoot));
    bodies.push(("the last one twice", rebuilt(repeated), BlockFault::MerkleRoot));
    bodies.push(("a signature changed", rebuilt(resigned), BlockFault::MerkleRoot));
    let mut longer = valid.bytes.to_vec();
    longer.push(0);
    bodies.push(("a byte more", longer.into(), BlockFault::Malformed(CodecError::Trailing(1).to_string())));
    for (name, body, expected) in bodies {
        assert_eq!(court.judge(&valid.header, &body), Verdict::Fault(PeerFault::Block(expected)), "{name}");
        assert_eq!(court.digest(), digest, "{name}");
    }
    for cut in [valid.bytes.len() - 1, 200, limits::HEADER_BYTES + 3, limits::HEADER_BYTES] {
        let body: Bytes = valid.bytes[..cut].to_vec().into();
        let verdict = court.judge(&valid.header, &body);
        assert!(matches!(verdict, Verdict::Fault(PeerFault::Block(BlockFault::Malformed(_)))), "{cut}: {verdict:?}");
    }
    assert_eq!(court.judge_block(&valid), Verdict::Applied, "the header is as good as before");
}

#[test]
fn a_block_over_the_size_limit_is_refused() {
    let (spec, maker, _) = scene();
    let mut maker = maker.fork();
    // 2^20 bytes of transactions with the longest memos.
    let genesis = spec.genesis_hash();
    let payment = maker.transfer(&key(0), key(1).address(), 1, 1);
    let fat = Transaction { memo: List::truncated([0; limits::MAX_MEMO_BYTES]), ..payment };
    let mut transactions = Vec::new();
    for number in 0..1_500u32 {
        let mut one = fat.clone();
        let mut memo = one.memo.clone().into_vec();
        memo[..4].copy_from_slice(&number.to_le_bytes());
        one.memo = List::truncated(memo);
        transactions.push(HashedTransaction::new(one));
    }
    let _ = genesis;
    let time = maker.next_time();
    let (header, mut all) = maker.draft(Vec::new(), key(9).address(), time);
    all.extend(transactions);
    let block = testkit::seal(header, all);
    assert!(matches!(rules::check_block(&block), Err(BlockFault::Size(_))));
}

/// What the mempool path says of a transaction: verifier, then ledger.
fn submit(court: &mut Court, transaction: &Transaction) -> Result<(), String> {
    let transaction = HashedTransaction::decode(&transaction.to_bytes()).map_err(|error| error.to_string())?;
    let origin = Origin::Command(Ticket(1));
    let mut out = Outbox::default();
    let unchecked = UncheckedTransaction { origin, transaction: Arc::new(transaction) };
    court.verify.handle(court.now, Event::Notice(Notice::CheckTransactions(vec![unchecked])), &mut out);
    let mut checked = None;
    for action in out.drain() {
        if let Action::Tell(_, Notice::TransactionsChecked(mut verdicts)) = action {
            checked = verdicts.pop();
        }
    }
    let transaction = match checked.expect("the verifier answers each transaction").result {
        Ok(transaction) => transaction,
        Err(fault) => return Err(format!("{fault:?}")),
    };
    court.ledger.handle(court.now, Event::Notice(Notice::Admit { origin, transaction }), &mut out);
    for action in out.drain() {
        if let Action::Tell(_, Notice::Admitted { result, .. }) = action {
            return result.map_err(|refusal| match refusal {
                Refusal::Invalid(fault) => format!("{fault:?}"),
                other => format!("{other:?}"),
            });
        }
    }
    panic!("the ledger answers each transaction");
}

type TransactionCase = (&'static str, fn(&mut Draft), &'static str);

fn transaction_cases() -> Vec<TransactionCase> {
    vec![
        (
            "version 0",
            |d| {
                d.transactions[1].version = 0;
                d.sign(1, 0)
            },
            "Version(0)",
        ),
        (
            "version 2",
            |d| {
                d.transactions[1].version = 2;
                d.sign(1, 0)
            },
            "Version(2)",
        ),
        (
            "the largest version",
            |d| {
                d.transactions[1].version = u32::MAX;
                d.sign(1, 0)
            },
            "Version(",
        ),
        ("no inputs", |d| d.transactions[1].inputs = List::EMPTY, "NoInputs"),
        ("a coinbase", |d| d.transactions[1] = d.transactions[0].clone(), "NoInputs"),
        (
            "no outputs",
            |d| {
                d.transactions[1].outputs = List::EMPTY;
                d.sign(1, 0)
            },
            "NoOutputs",
        ),
        (
            "a repeated input",
            |d| {
                let input = d.transactions[1].inputs[0].clone();
                d.transactions[1].inputs = List::truncated([input.clone(), input]);
                d.sign(1, 0)
            },
            "RepeatedInput(1)",
        ),
        (
            "a first output of nothing",
            |d| {
                d.transactions[1].outputs.as_mut_slice()[0].amount = 0;
                d.sign(1, 0)
            },
            "ZeroAmount(0)",
        ),
        (
            "a second output of nothing",
            |d| {
                d.transactions[1].outputs.as_mut_slice()[1].amount = 0;
                d.sign(1, 0)
            },
            "ZeroAmount(1)",
        ),
        (
            "an output above all money",
            |d| {
                d.transactions[1].outputs.as_mut_slice()[0].amount = limits::MAX_MONEY + 1;
                d.sign(1, 0)
            },
            "Overflow",
        ),
        (
            "a sum beyond 64 bits",
            |d| {
                for o in d.transactions[1].outputs.as_mut_slice() {
                    o.amount = u64::MAX
                }
                d.sign(1, 0)
            },
            "Overflow",
        ),
        (
            "a sum above all money",
            |d| {
                for o in d.transactions[1].outputs.as_mut_slice() {
                    o.amount = limits::MAX_MONEY
                }
                d.sign(1, 0)
            },
            "Overflow",
        ),
        ("R changed", |d| d.transactions[1].inputs.as_mut_slice()[0].signature[0] ^= 1, "Signature(0)"),
        ("S changed", |d| d.transactions[1].inputs.as_mut_slice()[0].signature[32] ^= 1, "Signature(0)"),
        ("S beyond the order", |d| d.transactions[1].inputs.as_mut_slice()[0].signature[63] |= 0xe0, "Signature(0)"),
        ("no signature", |d| d.transactions[1].inputs.as_mut_slice()[0].signature = [0; 64], "Signature(0)"),
        ("another amount", |d| d.transactions[1].outputs.as_mut_slice()[0].amount -= 1, "Signature(0)"),
        (
            "another receiver",
            |d| d.transactions[1].outputs.as_mut_slice()[0].address = key(6).address(),
            "Signature(0)",
        ),
        ("another memo", |d| d.transactions[1].memo = List::truncated(*b"!"), "Signature(0)"),
        ("another coin", |d| d.transactions[1].inputs.as_mut_slice()[0].outpoint.index += 1, "Signature(0)"),
        (
            "another network",
            |d| key(0).sign_transaction(&mut d.transactions[1], &ChainSpec::dev().genesis_hash()),
            "Signature(0)",
        ),
        ("a key that is no point", |d| d.transactions[1].inputs.as_mut_slice()[0].public_key = [2; 32], "Signature(0)"),
        (
            "another owner",
            |d| {
                d.transactions[1].inputs.as_mut_slice()[0].public_key = key(5).public_key();
                d.sign(1, 5)
            },
            "WrongKey(0)",
        ),
        (
            "a coin that never was",
            |d| {
                d.transactions[1].inputs.as_mut_slice()[0].outpoint.txid = Hash([3; 32]);
                d.sign(1, 0)
            },
            "MissingCoin(0)",
        ),
        (
            "a spent coin",
            |d| {
                let genesis = Transaction::outpoint(d.spec.genesis.transactions[0].txid, 0);
                d.transactions[1].inputs.as_mut_slice()[0].outpoint = genesis;
                d.sign(1, 0)
            },
            "MissingCoin(0)",
        ),
        (
            "a young reward",
            |d| {
                d.spend_reward(9);
                d.transactions.swap(1, 3)
            },
            "Immature { input: 0, matures: 14 }",
        ),
        (
            "money from nothing",
            |d| {
                d.transactions[1].outputs.as_mut_slice()[0].amount += 101;
                d.sign(1, 0)
            },
            "Inflation",
        ),
    ]
}

#[test]
fn transactions_one_field_away_from_valid_are_refused_each_for_its_reason() {
    let (spec, maker, mut court) = scene();
    let digest = court.digest();
    let cases = transaction_cases();
    assert!(cases.len() >= 25);
    for (name, change, expected) in cases {
        let mut draft = draft(&spec, &maker);
        change(&mut draft);
        let refused = submit(&mut court, &draft.transactions[1]);
        assert!(refused.as_ref().is_err_and(|reason| reason.contains(expected)), "{name}: {refused:?}");
        assert_eq!(court.digest(), digest, "{name}");
    }
    let draft = draft(&spec, &maker);
    assert_eq!(submit(&mut court, &draft.transactions[1]), Ok(()), "the valid one beside them");
    assert!(submit(&mut court, &draft.transactions[1]).is_err_and(|reason| reason.contains("Known")));
    let mut conflict = draft.transactions[1].clone();
    conflict.memo = List::truncated(*b"again");
    key(0).sign_transaction(&mut conflict, &spec.genesis_hash());
    assert!(submit(&mut court, &conflict).is_err_and(|reason| reason.contains("Conflict")));
}
