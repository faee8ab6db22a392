//! A server with a fake node and a real ledger, and a client that reads answers byte by byte.

use std::{
    collections::BTreeMap,
    io::{Read, Write},
    net::{IpAddr, Ipv4Addr, SocketAddr, TcpStream},
    path::PathBuf,
    sync::{
        Arc, Mutex,
        atomic::{AtomicU32, Ordering},
    },
    time::{Duration, Instant},
};

use serde_json::{Value, json};

use crate::{
    base::{
        hash::Hash,
        ids::{LinkId, NodeId},
        time::{Time, UnixTime},
    },
    chain::{
        archive::{Ban, Banned, BookEntry, LedgerStore, StoreError},
        block::{HashedBlock, HashedTransaction},
        key::SecretKey,
        spec::ChainSpec,
        target::Work,
        testkit::{self as chain_testkit, BlockMaker},
        transaction::{Output, Transaction},
    },
    node::{
        Direction, NodeAddress, PeerInfo, Refusal, SyncState, Template,
        command::{
            Command, Delivery, DialError, FetchCommand, GossipCommand, LedgerCommand, MinerCommand, PeersCommand,
            PoolEntry, Reorganised, Reply, TestCommand,
        },
        limit::{Limit, Meter},
        report::{PeerReport, Protection, Report},
    },
    rpc::{Server, ServerOptions, auth::base64, members::MembersList},
    runtime::{
        handle::{Backend, Done, NodeHandle},
        heard::Heard,
        status::SharedStatus,
        traffic::TrafficLog,
    },
    store::{LedgerDb, LedgerOptions, testkit},
    wire::message::Kind,
};

pub(super) const COOKIE: &str = "00112233445566778899aabbccddeeff";

/// How long a test waits; only a failing test waits this long.
const PATIENCE: Duration = Duration::from_secs(60);

/// A node without roles: a mempool, and the commands that it was sent.
#[derive(Default)]
pub(super) struct FakeNode {
    pub(super) pool: Mutex<Vec<PoolEntry>>,
    pub(super) asked: Mutex<Vec<Command>>,
    /// Commands that the test answers itself.
    pub(super) held: Mutex<Vec<Done>>,
    pub(super) stopped: Mutex<bool>,
    pub(super) halted: Mutex<Option<StoreError>>,
    /// What the rig reports.
    status: Arc<SharedStatus>,
}

impl Backend for FakeNode {
    fn net_limits(&self) -> Vec<(Limit, Meter)> {
        vec![(Limit::Send, Meter { used: 5, cap: 10, hits: 1 })]
    }

    fn submit(&self, command: Command, done: Done) {
        self.asked.lock().unwrap().push(command.clone());
        let reply = match command {
            Command::Ledger(LedgerCommand::Mempool { limit }) => {
                Reply::Mempool(self.pool.lock().unwrap().iter().take(limit).cloned().collect())
            }
            Command::Ledger(LedgerCommand::PoolEntry(txid)) => {
                let pool = self.pool.lock().unwrap();
                match pool.iter().find(|entry| entry.transaction.txid == txid) {
                    Some(entry) => Reply::PoolEntry(entry.clone()),
                    None => Reply::NotFound("no such transaction".to_owned()),
                }
            }
            Command::Ledger(LedgerCommand::MayReplace(hashed)) => {
                let spends = |entry: &&PoolEntry| {
                    let mut theirs = entry.transaction.transaction.inputs.iter();
                    theirs.any(|input| hashed.transaction.inputs.iter().any(|own| own.outpoint == input.outpoint))
                };
                match self.pool.lock().unwrap().iter().find(spends) {
                    Some(rival) => Reply::NotTaken(Refusal::Rival(rival.transaction.txid)),
                    None if *hashed.transaction.memo == *b"late" => Reply::NotTaken(Refusal::Ancestors(25)),
                    None => Reply::Done,
                }
            }
            Command::Gossip(GossipCommand::SubmitTransaction { bytes, .. }) => {
                match HashedTransaction::decode(&bytes) {
                    Ok(hashed) if *hashed.transaction.memo == *b"hold" => return self.held.lock().unwrap().push(done),
                    Ok(hashed) if hashed.transaction.memo.is_empty() => Reply::Accepted(hashed.txid),
                    _ => Reply::Refused("it has a memo".to_owned()),
                }
            }
            Command::Miner(MinerCommand::Mine { .. }) => return self.held.lock().unwrap().push(done),
            Command::Peers(PeersCommand::Peers) => Reply::Peers(vec![peer()]),
            Command::Fetch(FetchCommand::Deliveries) => {
                Reply::Deliveries(vec![Delivery { link: LinkId(1), in_flight: 2, blocks: 3 }])
            }
            Command::Peers(PeersCommand::Book) => {
                let (entries, bans, errors) = (vec![book_entry()], vec![ban()], vec![dial_error()]);
                Reply::Book { entries, bans, errors, denied: vec![PEER], denied_nodes: vec![peer().info.node] }
            }
            Command::Peers(PeersCommand::Members) => Reply::Members(Some([peer().info.node].into())),
            Command::Peers(PeersCommand::DropPeer(address)) if address != NodeAddress::Ip(PEER) => {
                Reply::NotFound("no such peer".to_owned())
            }
            // A ledger that stops may answer late, when the server has ended its calls.
            Command::Ledger(LedgerCommand::Save) if *self.stopped.lock().unwrap() => {
                return self.held.lock().unwrap().push(done);
            }
            Command::Ledger(LedgerCommand::Test(TestCommand::Reorganise(_))) => {
                Reply::Reorganised(Box::new(Reorganised {
                    removed: vec![Hash([8; 32])],
                    added: vec![Hash([9; 32]); 2],
                }))
            }
            Command::Ledger(LedgerCommand::Test(TestCommand::Snapshot)) => {
                let tip = self.status.snapshot().tip.expect("each rig reports a tip");
                Reply::TestSnapshot(Box::new(tip), vec![vec![1, 2, 3].into()])
            }
            Command::Ledger(LedgerCommand::Test(TestCommand::Revert { .. })) => {
                Reply::Reverted { undone: 2, aside: vec![Hash([8; 32])] }
            }
            Command::Ledger(LedgerCommand::Template(_)) => Reply::Template(Arc::new(template())),
            Command::Fetch(FetchCommand::SubmitBlock(_)) => Reply::Accepted(Hash([0; 32])),
            _ => Reply::Done,
        };
        done(reply);
    }

    fn link_bytes(&self) -> BTreeMap<LinkId, (u64, u64)> {
        BTreeMap::from([(LinkId(1), (10, 20))])
    }

    fn last_heard(&self) -> Vec<Heard> {
        vec![
            Heard { time: 7, link: LinkId(1), kind: Kind::Block },
            Heard { time: 8, link: LinkId(9), kind: Kind::Vote },
        ]
    }

    fn total_bytes(&self) -> (u64, u64) {
        (30, 40)
    }

    fn small_segment_links(&self) -> usize {
        0
    }

    fn upload_limit(&self) -> Option<(u64, bool)> {
        Some((50_000, true))
    }

    fn stop(&self) {
        *self.stopped.lock().unwrap() = true;
    }

    fn halt(&self, error: StoreError) {
        *self.halted.lock().unwrap() = Some(error);
    }

    fn store_failure(&self) -> Option<StoreError> {
        self.halted.lock().unwrap().clone()
    }
}

/// The fake node's one peer.
const PEER: SocketAddr = SocketAddr::new(IpAddr::V4(Ipv4Addr::LOCALHOST), 4130);

fn peer() -> PeerReport {
    let info = PeerInfo {
        node: NodeId([3; 32]),
        direction: Direction::Inbound,
        remote: PEER,
        listens: Some(PEER),
        protocol: 1,
        services: u64::MAX,
        height: 1,
        tip: Hash([1; 32]),
        work: Work::ZERO,
        clock_offset: -1,
        agent: "/fake:1/".to_owned(),
    };
    PeerReport {
        protected: Protection::Encrypted,
        link: LinkId(1),
        info: Arc::new(info),
        height: 2,
        ping_us: Some(1500),
        since: Time(0),
        score: 0,
        last_error: None,
    }
}

fn book_entry() -> BookEntry {
    let seen = UnixTime(1_700_000_000);
    BookEntry {
        address: PEER,
        source: Some(PEER),
        last_seen: seen,
        last_success: Some(seen),
        last_attempt: None,
        failures: 1,
        node: None,
    }
}

fn dial_error() -> DialError {
    DialError { address: PEER, reason: "refused".to_owned(), at: UnixTime(1_700_000_000), failures: 1 }
}

fn ban() -> Ban {
    Ban {
        who: Banned::Host(PEER.ip()),
        until: UnixTime(1_900_000_000),
        seconds: None,
        reason: "by the operator".to_owned(),
    }
}

fn template() -> Template {
    let header = ChainSpec::dev().genesis.header.clone();
    Template { header, body: vec![0].into(), min_time: 1, transactions: 0 }
}

/// A server, its node, its ledger.
pub(super) struct Rig {
    pub(super) server: Option<Server>,
    pub(super) node: Arc<FakeNode>,
    pub(super) status: Arc<SharedStatus>,
    pub(super) ledger: LedgerDb,
    pub(super) maker: BlockMaker,
    pub(super) dir: PathBuf,
}

impl Rig {
    /// With a ledger of genesis only.
    pub(super) fn new() -> Self {
        Self::start(true)
    }

    /// The same, of a node that keeps no index.
    pub(super) fn without_index() -> Self {
        Self::start(false)
    }

    fn start(index: bool) -> Self {
        static NEXT: AtomicU32 = AtomicU32::new(0);
        let number = NEXT.fetch_add(1, Ordering::Relaxed);
        let dir = std::env::temp_dir().join(format!("tussock-rpc-{}-{number}", std::process::id()));
        std::fs::create_dir_all(&dir).unwrap();
        let spec = Arc::new(ChainSpec::dev());
        let maker = BlockMaker::new(Arc::clone(&spec));
        let ledger = LedgerDb::open(&dir.join("ledger.db"), &spec, &LedgerOptions::default()).unwrap();
        let status = Arc::new(SharedStatus::default());
        let node = Arc::new(FakeNode { status: Arc::clone(&status), ..FakeNode::default() });
        status.report(Report::Tip(Box::new(maker.tip())));
        let options = ServerOptions {
            listen: "127.0.0.1:0".parse().unwrap(),
            cookie: COOKIE.to_owned(),
            chain: spec,
            ledger_path: dir.join("ledger.db"),
            held: Arc::default(),
            index_path: index.then(|| dir.join("index.db")),
            names: vec!["proxy.example".to_owned()],
            started: Instant::now(),
            version: "1.2.3".to_owned(),
            tokens: dir.join("tokens.json"),
            traffic: Arc::new(TrafficLog::open(dir.join("traffic"))),
            members: Some(MembersList::new(dir.join("members"), None)),
            names_others: false,
        };
        let backend: Arc<dyn Backend> = node.clone();
        let server = Server::start(options, NodeHandle::new(backend, Arc::clone(&status))).unwrap();
        Self { server: Some(server), node, status, ledger, maker, dir }
    }

    /// Applies a block with these transactions and reports it.
    pub(super) fn extend(&mut self, transactions: Vec<Transaction>) -> HashedBlock {
        let block = self.maker.next_block(transactions, SecretKey::well_known(9).address());
        testkit::append(&mut self.ledger, &self.maker, &block).unwrap();
        testkit::commit(&mut self.ledger, &self.maker).unwrap();
        self.status.report(Report::Tip(Box::new(self.maker.tip())));
        block
    }

    /// Applies so many blocks, each with a payment of account 0 that pays account 1 one unit by each of so many outputs.
    pub(super) fn extend_with_long_payments(&mut self, blocks: u64, outputs: u64, memo: &[u8]) {
        let (payer, to) = (SecretKey::well_known(0), SecretKey::well_known(1).address());
        for _ in 0..blocks {
            let (outpoint, amount) =
                self.maker.spendable(&payer.address()).map(|(outpoint, coin)| (outpoint, coin.amount)).next().unwrap();
            let rest = Output { amount: amount - outputs, address: payer.address() };
            let all = (0..outputs).map(|_| Output { amount: 1, address: to }).chain([rest]).collect();
            let genesis = self.maker.spec().genesis_hash();
            self.extend(vec![chain_testkit::spend(&[(outpoint, amount, &payer)], all, memo, &genesis)]);
        }
    }

    /// Disconnects this block, the highest; `before` is the maker as it was below it.
    pub(super) fn undo(&mut self, block: &HashedBlock, before: &BlockMaker) {
        let changes = self.ledger.unapply(block.header.height, &block.hash).unwrap();
        self.ledger.flush_coins(&mut changes.backward()).unwrap();
        testkit::commit(&mut self.ledger, before).unwrap();
        self.maker = before.fork();
    }

    /// A transfer of the well-known account 0 to account 1.
    pub(super) fn transfer(&mut self, amount: u64) -> Transaction {
        self.maker.transfer(&SecretKey::well_known(0), SecretKey::well_known(1).address(), amount, 1)
    }

    pub(super) fn put_into_pool(&self, transaction: &Transaction) {
        let transaction = Arc::new(HashedTransaction::new(transaction.clone()));
        self.node.pool.lock().unwrap().push(PoolEntry { transaction, fee: 1, since: 5 });
        self.status.report(Report::Mempool { count: 1, bytes: 100, replacements: 0 });
    }

    pub(super) fn set_state(&self, state: SyncState) {
        self.status.report(Report::State { state, reason: "because".to_owned() });
    }

    pub(super) fn address(&self) -> SocketAddr {
        self.server.as_ref().unwrap().local_address()
    }

    pub(super) fn client(&self) -> Client {
        Client::connect(self.address())
    }

    /// One call over a connection of its own.
    pub(super) fn call(&self, method: &str, params: Value) -> Value {
        let mut client = self.client();
        client.call(&json!({ "jsonrpc": "2.0", "id": 1, "method": method, "params": params }).to_string());
        client.answer().json()
    }

    /// The result of a call that must have one.
    pub(super) fn result(&self, method: &str, params: Value) -> Value {
        let mut answer = self.call(method, params);
        assert!(answer.get("error").is_none(), "{method}: {answer}");
        answer["result"].take()
    }

    /// The code of a call that must fail.
    pub(super) fn code(&self, method: &str, params: Value) -> i64 {
        let answer = self.call(method, params);
        answer["error"]["code"].as_i64().unwrap_or_else(|| panic!("{method}: {answer}"))
    }

    /// One reading over a connection of its own.
    pub(super) fn get(&self, path: &str) -> Answer {
        let mut client = self.client();
        client.send(&format!("GET {path} HTTP/1.1\r\nHost: localhost\r\n\r\n"));
        client.answer()
    }

    /// Asks again until a condition holds.
    pub(super) fn until(&self, holds: impl Fn(&Self) -> bool) {
        let start = Instant::now();
        while !holds(self) {
            assert!(start.elapsed() < PATIENCE, "it never came true");
            // Asking without a pause would take the time from the threads that it waits for.
            std::thread::park_timeout(Duration::from_millis(5));
        }
    }

    /// Waits until the index has this block.
    pub(super) fn wait_for_index(&self, height: u64) {
        self.until(|rig| rig.result("status", json!([]))["indexed"].as_u64() >= Some(height));
    }

    /// Waits until a held command is there and takes it.
    pub(super) fn take_held(&self) -> Done {
        self.until(|rig| !rig.node.held.lock().unwrap().is_empty());
        self.node.held.lock().unwrap().pop().expect("only this test takes any")
    }
}

impl Drop for Rig {
    fn drop(&mut self) {
        drop(self.server.take());
        let _ = std::fs::remove_dir_all(&self.dir);
    }
}

/// A connection.
pub(super) struct Client {
    pub(super) stream: TcpStream,
    bytes: Vec<u8>,
}

/// An answer.
#[derive(Debug)]
pub(super) struct Answer {
    pub(super) status: u16,
    pub(super) head: String,
    pub(super) body: String,
}

impl Answer {
    pub(super) fn json(&self) -> Value {
        serde_json::from_str(&self.body).unwrap_or_else(|error| panic!("{error} in {self:?}"))
    }
}

impl Client {
    pub(super) fn connect(address: SocketAddr) -> Self {
        let stream = TcpStream::connect(address).unwrap();
        stream.set_read_timeout(Some(PATIENCE)).unwrap();
        Self { stream, bytes: Vec::new() }
    }

    pub(super) fn send(&mut self, text: &str) {
        self.stream.write_all(text.as_bytes()).unwrap();
    }

    /// Sends a call with the right credentials.
    pub(super) fn call(&mut self, body: &str) {
        self.post("/rpc", "application/json", body);
    }

    /// Sends a body with the right credentials.
    pub(super) fn post(&mut self, path: &str, content_type: &str, body: &str) {
        let credentials = base64(format!("__cookie__:{COOKIE}").as_bytes());
        self.send(&format!(
            "POST {path} HTTP/1.1\r\nHost: localhost\r\nAuthorization: Basic {credentials}\r\n\
             Content-Type: {content_type}\r\nContent-Length: {}\r\n\r\n{body}",
            body.len()
        ));
    }

    /// The next answer.
    pub(super) fn answer(&mut self) -> Answer {
        loop {
            if let Some(answer) = self.take() {
                return answer;
            }
            let mut piece = [0; 4096];
            let count = self.stream.read(&mut piece).expect("an answer comes in time");
            assert!(count > 0, "the connection ended: {:?}", String::from_utf8_lossy(&self.bytes));
            self.bytes.extend_from_slice(&piece[..count]);
        }
    }

    /// Whether the server ends the connection without another byte.
    pub(super) fn is_closed(&mut self) -> bool {
        self.bytes.is_empty() && matches!(self.stream.read(&mut [0; 1]), Ok(0))
    }

    fn take(&mut self) -> Option<Answer> {
        let end = self.bytes.windows(4).position(|window| window == b"\r\n\r\n")? + 4;
        let head = String::from_utf8(self.bytes[..end].to_vec()).unwrap();
        let field = |name: &str| head.lines().find_map(|line| line.strip_prefix(name));
        let length: usize = field("Content-Length: ").unwrap().parse().unwrap();
        let status = head.split(' ').nth(1).unwrap().parse().unwrap();
        // Not modified: the length is that of the body that is not sent.
        let length = if status == 304 { 0 } else { length };
        if self.bytes.len() < end + length {
            return None;
        }
        let body = String::from_utf8(self.bytes[end..end + length].to_vec()).unwrap();
        self.bytes.drain(..end + length);
        Some(Answer { status, head, body })
    }
}
