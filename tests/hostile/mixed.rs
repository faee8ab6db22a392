//! All attacks in turn, one small step at a time.

use std::{
    io::Write as _,
    net::{SocketAddr, TcpStream},
    sync::Arc,
    time::{Duration, Instant},
};

use tussock::{
    base::{codec::List, rng::Rng, time::UnixTime},
    chain::{
        header::Header,
        key::SecretKey,
        spec::ChainSpec,
        testkit::{self, BlockMaker},
        transaction::{OutPoint, Output},
    },
    wire::{
        frame::Frame,
        message::{Message, PeerAddress},
    },
};

use super::{chain::cheap_headers, flood::session};
use crate::support::peer::RawPeer;

const PATIENCE: Duration = Duration::from_secs(5);
/// Connections that stay open; the oldest is dropped for a new one.
const HELD: usize = 40;
/// After this time the honest chain has more work than a hundred cheap headers. Before, they would be the best chain.
const HONEST_LEAD: Duration = Duration::from_secs(150);
/// Turns until one sends a branch of headers without blocks above the tip.
const TURNS_PER_WITHHELD: u64 = 10;

/// The attacker and its open connections.
pub(super) struct Mixed {
    node: SocketAddr,
    http: SocketAddr,
    spec: Arc<ChainSpec>,
    rng: Rng,
    held: Vec<RawPeer>,
    requests: Vec<TcpStream>,
    frames: Vec<Vec<u8>>,
    magic: [u8; 4],
    /// A coin that is spent again and again, validly.
    coin: (OutPoint, SecretKey, u64),
    steps: u64,
    began: Instant,
}

impl Mixed {
    pub(super) fn new(node: SocketAddr, http: SocketAddr, spec: &Arc<ChainSpec>) -> Self {
        let maker = BlockMaker::new(spec.clone());
        let key = SecretKey::well_known(5);
        let (at, amount) = maker.spendable(&key.address()).map(|(at, coin)| (at, coin.amount)).next().unwrap();
        Self {
            node,
            http,
            spec: spec.clone(),
            rng: Rng::from_number(9),
            held: Vec::new(),
            requests: Vec::new(),
            frames: session(spec),
            magic: spec.magic(),
            coin: (at, key, amount),
            steps: 0,
            began: Instant::now(),
        }
    }

    /// Steps so far.
    pub(super) fn steps(&self) -> u64 {
        self.steps
    }

    /// Makes the next step.
    pub(super) fn step(&mut self) {
        let turn = self.steps / 12;
        match self.steps % 12 {
            0 => self.silent(),
            1 => self.unfinished_frame(),
            2 => self.mutated_frames(),
            3 => self.pipeline(&Message::GetBlock(self.spec.genesis_hash()), 500),
            4 => self.addresses(),
            5 => self.bad_signature(),
            6 => self.valid_transactions(),
            7 => self.http_request(),
            8 | 11 if self.began.elapsed() < HONEST_LEAD => self.silent(),
            8 => self.fork_at_genesis(),
            9 => self.pipeline(&Message::GetSync(List::truncated([self.spec.genesis_hash()])), 200),
            10 => self.pipeline(&Message::GetMemoryPool(List::EMPTY), 200),
            _ if turn % TURNS_PER_WITHHELD == 1 => self.withheld_branch(),
            _ => drop(TcpStream::connect_timeout(&self.node, PATIENCE)),
        }
        self.steps += 1;
        while self.held.len() > HELD {
            drop(self.held.remove(0));
        }
        while self.requests.len() > HELD {
            drop(self.requests.remove(0));
        }
        self.held.retain_mut(RawPeer::skim);
    }

    fn peer(&self) -> Option<RawPeer> {
        RawPeer::try_handshaken(self.node, &self.spec, PATIENCE)
    }

    fn silent(&mut self) {
        let stream = TcpStream::connect_timeout(&self.node, PATIENCE).ok();
        self.held.extend(stream.map(|stream| RawPeer::over(stream, &self.spec)));
    }

    /// Sends bytes as a peer, reads nothing, and stays connected.
    fn stay_after(&mut self, bytes: &[u8]) {
        if let Some(mut peer) = self.peer() {
            peer.push(bytes);
            self.held.push(peer);
        }
    }

    fn unfinished_frame(&mut self) {
        let bytes = Frame::new(&Message::Block(vec![7; 900_000].into())).to_bytes(self.magic);
        let end = usize::try_from(self.rng.between(1, 800_000)).unwrap();
        self.stay_after(&bytes[..end]);
    }

    fn mutated_frames(&mut self) {
        let Some(mut peer) = self.peer() else { return };
        for _ in 0..5 {
            let mut frame = self.rng.pick(&self.frames).unwrap().clone();
            crate::support::mutate::bytes(&mut self.rng, &mut frame);
            if self.rng.chance(700_000) {
                crate::support::mutate::repair(&mut frame);
            }
            peer.push(&frame);
        }
    }

    fn pipeline(&mut self, request: &Message, count: usize) {
        let bytes = Frame::new(request).to_bytes(self.magic).repeat(count);
        self.stay_after(&bytes);
    }

    fn addresses(&mut self) {
        let rng = &mut self.rng;
        let invent = |_| {
            let [a, b, c, d] = rng.bytes::<4>();
            PeerAddress::new(([a | 1, b, c, d], 4130).into(), UnixTime(1_795_000_000))
        };
        let told = Message::Peers(List::truncated((0..100).map(invent)));
        self.stay_after(&Frame::new(&told).to_bytes(self.magic));
    }

    fn bad_signature(&mut self) {
        let mut bytes = self.spend(1_000);
        let at = bytes.len() / 2;
        bytes[at] ^= 1;
        self.stay_after(&Frame::new(&Message::Transaction(bytes.into())).to_bytes(self.magic));
    }

    /// Transactions that all spend the same coin: the signatures are valid, and all but the first are conflicts.
    fn valid_transactions(&mut self) {
        let frame = |bytes: Vec<u8>| Frame::new(&Message::Transaction(bytes.into())).to_bytes(self.magic);
        let fees: Vec<u64> = (0..20).map(|_| self.rng.between(1_000, 1_000_000)).collect();
        let bytes: Vec<u8> = fees.into_iter().flat_map(|fee| frame(self.spend(fee))).collect();
        self.stay_after(&bytes);
    }

    fn spend(&self, fee: u64) -> Vec<u8> {
        let (at, key, amount) = &self.coin;
        let output = Output { amount: amount - fee, address: SecretKey::well_known(6).address() };
        testkit::spend(&[(*at, *amount, key)], vec![output], b"", &self.spec.genesis_hash()).to_bytes()
    }

    fn http_request(&mut self) {
        let Ok(mut stream) = TcpStream::connect_timeout(&self.http, PATIENCE) else { return };
        let head = |host: &str, more: &str| format!("POST /rpc HTTP/1.1\r\nHost: {host}\r\n{more}");
        let deep = "[".repeat(50_000);
        let request = match self.rng.below(6) {
            0 => head("127.0.0.1", ""),
            1 => head("example.org", "\r\n"),
            2 => head("127.0.0.1", "Authorization: Basic X19jb29raWVfXzowMA==\r\nContent-Length: 2\r\n\r\n{}"),
            3 => head("127.0.0.1", "Content-Length: 99999999999\r\n\r\n"),
            4 => head("127.0.0.1", &format!("Content-Length: {}\r\n\r\n{deep}", deep.len())),
            _ => "GET / HTTP/1.1\r\nHost: 127.0.0.1\r\n\r\n".repeat(50),
        };
        drop(stream.write_all(request.as_bytes()));
        self.requests.push(stream);
    }

    /// Answers one `GetSync` with a hundred headers of a branch that starts at genesis.
    fn fork_at_genesis(&mut self) {
        let Some(mut peer) = RawPeer::try_claiming(self.node, &self.spec, 1 << 30, u64::MAX >> 1) else { return };
        let mut branch = self.spec.genesis.header.clone();
        let headers = cheap_headers(&self.spec, &mut branch, self.steps);
        answer_once(&mut peer, headers);
        self.held.push(peer);
    }

    /// Sends headers without blocks above the tip.
    fn withheld_branch(&mut self) {
        let Some(mut tip) = tip_of(self.node, &self.spec) else { return };
        let Some(mut peer) = RawPeer::try_claiming(self.node, &self.spec, 1 << 30, u64::MAX >> 1) else { return };
        let mut headers = cheap_headers(&self.spec, &mut tip, self.steps);
        headers.truncate(3);
        answer_once(&mut peer, headers);
        self.held.push(peer);
    }
}

/// The node's last header, fetched over a new link, a hundred headers at a time.
pub(super) fn tip_of(node: SocketAddr, spec: &Arc<ChainSpec>) -> Option<Header> {
    let mut peer = RawPeer::try_handshaken(node, spec, PATIENCE)?;
    let mut last = spec.genesis.header.clone();
    loop {
        peer.send(&Message::GetSync(List::truncated([last.hash()])));
        let headers = next(&mut peer, |message| match message {
            Message::Sync(headers) => Some(headers),
            _ => None,
        })?;
        match headers.last() {
            Some(header) => last = header.clone(),
            None => return Some(last),
        }
    }
}

/// Answers the node's next `GetSync` with these headers.
pub(super) fn answer_once(peer: &mut RawPeer, headers: Vec<Header>) {
    if next(peer, |message| matches!(message, Message::GetSync(_)).then_some(())).is_some() {
        peer.send(&Message::Sync(List::truncated(headers)));
    }
}

fn next<T>(peer: &mut RawPeer, mut wanted: impl FnMut(Message) -> Option<T>) -> Option<T> {
    for _ in 0..200 {
        if let Some(found) = wanted(peer.read_within(PATIENCE)??) {
            return Some(found);
        }
    }
    None
}
