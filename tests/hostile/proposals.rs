//! Leaders that lie: in each of their views they propose two blocks, each as large as a block may be, one to some of the
//! honest authorities and the other one to the rest. Nothing of it is notarised.

use std::{
    collections::BTreeMap,
    fs,
    ops::Range,
    path::Path,
    sync::Arc,
    time::{Duration, Instant},
};

use tussock::{
    base::{
        codec::List,
        hash::{Hash, hex},
        limits::MAX_BLOCK_BYTES,
    },
    chain::{
        address::Prefix,
        block::HashedBlock,
        key::SecretKey,
        seal::{AuthoritySet, Certificate, Seal, Stage, Votes, proposal_hash},
        spec::ChainSpec,
        testkit::{self, BlockMaker, authority_key},
        transaction::{Output, Transaction},
    },
    wire::message::Message,
};

use crate::support::{
    TempDir, TestNode,
    attack::{duration, full, memory, record},
    peer::RawPeer,
};

/// The aim is that of all attacks, 32 MB. Blocks as large as may be take more: see FIGURES.md.
const MEMORY_LIMIT_KIB: u64 = 48 * 1024;
const FEE: u64 = 20_000;
/// Outputs of a transaction that splits a coin.
const SPLIT: u64 = 200;
/// How long a link is listened to before it is the next one's turn.
const TURN: Duration = Duration::from_millis(5);
/// Time in which some must lie and others make blocks, however busy the host is.
const PATIENCE: Duration = Duration::from_secs(100);
/// What a block has beside its payments: header, coinbase, counts.
const BESIDE_BYTES: usize = 8 << 10;

fn chain_file(authorities: usize) -> String {
    let keys: Vec<String> = (0..authorities).map(|number| hex(&authority_key(number).public_key())).collect();
    let owner = payer().address().to_text(&Prefix::new("ltus").unwrap());
    let coins = format!("[[allocations]]\naddress = \"{owner}\"\namount = 1000000000000\n").repeat(10);
    format!(
        "protocol = 2\nname = \"sealed\"\naddress_prefix = \"ltus\"\ngenesis_time = 1700000000\nblock_time = \"500ms\"\n\
         subsidy = 5\nhalving_interval = 10\nmaturity = 1\ntest = true\nseal = \"authorities\"\nauthorities = {keys:?}\n{coins}"
    )
}

/// Who owns all coins.
fn payer() -> SecretKey {
    SecretKey::well_known(0)
}

/// A payment with a memo as long as it may be.
fn payment(maker: &BlockMaker, coin: &(tussock::chain::transaction::OutPoint, u64)) -> Transaction {
    let (key, genesis) = (payer(), maker.spec().genesis_hash());
    let outputs = vec![Output { amount: coin.1 - FEE, address: key.address() }];
    testkit::spend(&[(coin.0, coin.1, &key)], outputs, &[b'm'; 512], &genesis)
}

/// As many payments as fill a block, or what makes so many coins.
fn load(maker: &BlockMaker) -> Vec<Transaction> {
    let (key, genesis) = (payer(), maker.spec().genesis_hash());
    let owner = key.address();
    let coins: Vec<_> = maker.spendable(&owner).map(|(at, coin)| (at, coin.amount)).collect();
    let Some(size) = coins.first().map(|coin| payment(maker, coin).to_bytes().len()) else { return Vec::new() };
    let wanted = (MAX_BLOCK_BYTES - BESIDE_BYTES) / size;
    if coins.len() < wanted {
        let split = |(at, amount): &(_, u64)| {
            let output = Output { amount: (amount - FEE) / SPLIT, address: owner };
            testkit::spend(&[(*at, *amount, &key)], vec![output; SPLIT as usize], b"", &genesis)
        };
        return coins.iter().filter(|(_, amount)| *amount > 1_000 * FEE * SPLIT).map(split).collect();
    }
    coins.iter().take(wanted).map(|coin| payment(maker, coin)).collect()
}

/// All authorities that lie, as one. Another link to each of the honest ones.
struct Liars {
    set: AuthoritySet,
    own: Range<usize>,
    links: Vec<RawPeer>,
    /// At the last notarised block.
    maker: BlockMaker,
    /// What notarised that.
    votes: Certificate,
    /// The view that the others are in.
    view: u64,
    bodies: BTreeMap<Hash, HashedBlock>,
    /// The payments that wait.
    waiting: Vec<Transaction>,
    proposed: u64,
    /// Bytes of the largest block that an honest leader proposed, and of the liars' own.
    largest: [usize; 2],
    lies: usize,
}

impl Liars {
    fn new(spec: &Arc<ChainSpec>, own: Range<usize>, nodes: &[TestNode]) -> Self {
        let votes = Certificate {
            statement: tussock::chain::seal::Statement::notarise(0, 0, spec.genesis_hash()),
            votes: Votes::default(),
        };
        let links = nodes.iter().map(|node| RawPeer::handshaken(node.p2p(), spec)).collect();
        let mut liars = Self {
            set: spec.authorities.at(1).unwrap().clone(),
            own,
            links,
            maker: BlockMaker::new(spec.clone()),
            votes,
            view: 1,
            bodies: BTreeMap::new(),
            waiting: Vec::new(),
            proposed: 0,
            largest: [0; 2],
            lies: 0,
        };
        liars.pay();
        liars
    }

    /// Gives honest leaders something to propose.
    fn pay(&mut self) {
        self.waiting = load(&self.maker);
        for (at, payment) in self.waiting.iter().enumerate() {
            let link = at % self.links.len();
            self.links[link].send(&Message::Transaction(payment.to_bytes().into()));
        }
    }

    /// Goes on for a time, and until there were some lies and blocks of others.
    fn run(&mut self, nodes: &[TestNode], time: Duration) {
        let (start, is_enough) = (Instant::now(), |liars: &Self| liars.lies > 1 && liars.maker.height() > 1);
        while start.elapsed() < time || !is_enough(self) {
            assert!(start.elapsed() < time + PATIENCE, "{} lies, {} blocks", self.lies, self.maker.height());
            for (at, node) in nodes.iter().enumerate() {
                match self.links[at].read_within(TURN) {
                    Some(Some(message)) => self.hear(at, message),
                    // It has had enough of what brings nothing.
                    Some(None) => self.links[at] = RawPeer::handshaken(node.p2p(), self.maker.spec()),
                    None => {}
                }
            }
            if self.proposed < self.view && self.own.contains(&self.set.leader(self.view)) {
                self.propose();
            }
        }
    }

    fn hear(&mut self, at: usize, message: Message) {
        match message {
            Message::Ping { nonce, .. } => self.links[at].send(&Message::Pong(nonce)),
            Message::GetSync(_) => self.links[at].send(&Message::Sync(List::EMPTY)),
            Message::Proposal { block, .. } => {
                self.largest[0] = self.largest[0].max(block.len());
                let block = HashedBlock::decode(block).unwrap();
                self.bodies.retain(|_, body| body.header.height >= block.header.height);
                self.bodies.insert(block.hash, block);
            }
            Message::Certificate(certificate) => self.follow(*certificate),
            _ => {}
        }
    }

    fn follow(&mut self, certificate: Certificate) {
        let (stage, view) = (certificate.statement.stage, certificate.statement.view);
        self.view = self.view.max(view + 1);
        let block = self.bodies.get(&certificate.statement.block);
        if let Some(block) =
            block.filter(|block| stage == Stage::Notarise && block.header.previous == self.maker.hash())
        {
            self.maker.connect(block);
            self.votes = certificate;
            self.pay();
        }
    }

    /// Proposes two blocks at once.
    fn propose(&mut self) {
        (self.proposed, self.lies) = (self.view, self.lies + 1);
        let leader = authority_key(self.set.leader(self.view));
        let twins = [1, 2].map(|payee| {
            let facts = self.maker.parent_facts();
            let payee = SecretKey::well_known(payee).address();
            let (mut header, payments) = self.maker.assemble(self.waiting.clone(), payee, facts.time);
            let Seal::Authorities(seal) = &mut header.seal else { panic!("authorities seal this chain") };
            (seal.view, seal.parent_votes) = (self.view, self.votes.votes.clone());
            header.time = facts.time.max(self.votes.median_clock() / 1_000);
            let block = testkit::seal(header, payments);
            self.largest[1] = self.largest[1].max(block.bytes.len());
            let signature = leader.sign(&proposal_hash(&self.maker.spec().genesis_hash(), &block.hash));
            Message::Proposal { signature, block: block.bytes }
        });
        for order in [[0, 1], [1, 0]] {
            for (at, link) in self.links.iter_mut().enumerate() {
                link.send(&twins[order[at % 2]]);
            }
        }
    }
}

/// A network of `authorities`, of which as many lie as may. Each honest one runs as a process.
fn attack(authorities: usize, time: Duration) {
    let root = TempDir::new();
    let (file, text) = (root.path().join("sealed.toml"), chain_file(authorities));
    fs::write(&file, &text).unwrap();
    let spec = Arc::new(ChainSpec::from_toml(&text).unwrap());
    let honest = spec.authorities.at(1).unwrap().quorum();
    let mut nodes: Vec<TestNode> = Vec::new();
    for number in 0..honest {
        let node = start(root.path(), &file, number, &nodes);
        nodes.push(node);
    }
    let others = (honest - 1).to_string();
    nodes.iter().for_each(|node| node.wait(&["peers", &others]));
    let mut liars = Liars::new(&spec, honest..authorities, &nodes);
    liars.run(&nodes, time);

    let peaks: Vec<u64> = nodes.iter().map(|node| memory(node.pid(), "VmHWM:")).collect();
    let heights: Vec<u64> = nodes.iter().map(|node| node.status()["final"]["height"].as_u64().unwrap()).collect();
    let most = peaks.iter().max().copied().unwrap_or(0);
    record(&format!(
        "{authorities} authorities, {} lie: {} double proposals of up to {} bytes, views {}, final heights {heights:?}, blocks of \
         honest leaders up to {} bytes | {:.1} MB at most, all KiB: {peaks:?}",
        authorities - honest,
        liars.lies,
        liars.largest[1],
        liars.view,
        liars.largest[0],
        most as f64 / 1024.0,
    ));
    nodes.iter_mut().for_each(|node| assert!(node.alive(), "{}", node.log()));
    assert!(!full() || most <= MEMORY_LIMIT_KIB, "{most} KiB");
}

fn start(root: &Path, file: &Path, number: usize, others: &[TestNode]) -> TestNode {
    let dir = root.join(format!("node{number}"));
    fs::create_dir_all(&dir).unwrap();
    let secret = dir.join("seal.secret");
    fs::write(&secret, hex(&authority_key(number).seed())).unwrap();
    let mut args = vec!["--is-bootnode".to_owned(), "--seal".to_owned(), secret.to_str().unwrap().to_owned()];
    for other in others {
        args.extend(["--connect".to_owned(), other.p2p().to_string()]);
    }
    let args: Vec<&str> = args.iter().map(String::as_str).collect();
    TestNode::start_on(&dir, file.to_str().unwrap(), &args)
}

#[test]
fn leaders_that_propose_two_whole_blocks_in_each_view_take_little_memory() {
    attack(4, duration(Duration::ZERO, Duration::from_secs(120)));
    if full() {
        attack(7, duration(Duration::ZERO, Duration::from_secs(120)));
        attack(10, duration(Duration::ZERO, Duration::from_secs(120)));
    }
}
