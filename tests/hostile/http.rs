//! Attacks on the HTTP server: from programs on the same host without the cookie, and from one with it that asks too much.

use std::{
    fs,
    io::{Read as _, Write as _},
    net::{SocketAddr, TcpStream},
    sync::Arc,
    time::{Duration, Instant},
};

use tussock::{
    base::rng::Rng,
    chain::{spec::ChainSpec, testkit::BlockMaker},
    rpc::auth::base64,
};

use crate::support::{
    TestNode,
    attack::{Watch, count, duration, rest},
};

/// Hostile connections; the server accepts half as many.
const CROWD: usize = 64;
const TURN: Duration = Duration::from_millis(20);
const PATIENCE: Duration = Duration::from_secs(1);
/// Bytes of the largest and deepest body.
const MEBIBYTE: usize = 1 << 20;

fn head(host: &str, fields: &str) -> String {
    format!("POST /rpc HTTP/1.1\r\nHost: {host}\r\n{fields}")
}

/// A request from a program without the cookie.
fn stranger(rng: &mut Rng) -> Vec<u8> {
    let wrong = format!("Authorization: Basic {}\r\n", base64(b"__cookie__:00"));
    let text = match rng.below(9) {
        0 => String::new(),
        1 => head("127.0.0.1", ""),
        2 => head("attacker.example", "\r\n"),
        3 => head("127.0.0.1", "Origin: http://attacker.example\r\n\r\n"),
        4 => head("127.0.0.1", &format!("{wrong}Content-Length: 2\r\n\r\n{{}}")),
        5 => head("127.0.0.1", "Content-Length: 99999999999\r\n\r\n"),
        6 => head("127.0.0.1", &format!("X: {}\r\n", "y".repeat(20_000))),
        7 => "GET /api/status HTTP/1.1\r\nHost: 127.0.0.1\r\n\r\n".repeat(100),
        _ => "GET / HTTP/1.1\r\nHost: 127.0.0.1\r\n\r\n".repeat(20),
    };
    text.into_bytes()
}

/// An excessive request from a program with the cookie.
fn operator(rng: &mut Rng, cookie: &str) -> Vec<u8> {
    let body = match rng.below(4) {
        0 => "[".repeat(MEBIBYTE),
        1 => format!("{{\"jsonrpc\":\"2.0\",\"id\":1,\"method\":\"{}\"}}", "m".repeat(MEBIBYTE - 100)),
        2 => format!("[{}]", ["{\"jsonrpc\":\"2.0\",\"id\":1,\"method\":\"getpeerinfo\"}"; 5_000].join(",")),
        _ => format!("[{}]", ["{\"jsonrpc\":\"2.0\",\"id\":1,\"method\":\"getblock\",\"params\":[0,2]}"; 50].join(",")),
    };
    let secret = base64(cookie.trim().as_bytes());
    let fields = format!(
        "Authorization: Basic {secret}\r\nContent-Type: application/json\r\nContent-Length: {}\r\n\r\n",
        body.len()
    );
    [head("127.0.0.1", &fields).as_bytes(), body.as_bytes()].concat()
}

/// A hostile client: sends its request byte by byte or at once, and reads nothing.
struct Client {
    stream: TcpStream,
    rest: Vec<u8>,
    drips: bool,
    until: Instant,
}

impl Client {
    fn dial(http: SocketAddr, rng: &mut Rng, cookie: &str) -> Option<Self> {
        let stream = TcpStream::connect_timeout(&http, PATIENCE).ok()?;
        stream.set_nonblocking(true).ok()?;
        let rest = if rng.chance(100_000) { operator(rng, cookie) } else { stranger(rng) };
        let until = Instant::now() + Duration::from_secs(rng.between(1, 15));
        Some(Self { stream, rest, drips: rng.chance(500_000), until })
    }

    /// Sends some more; `false` once the connection is closed or its time is over.
    fn turn(&mut self) -> bool {
        let most = if self.drips { 1 } else { self.rest.len() };
        let sent = self.stream.write(&self.rest[..most.min(self.rest.len())]);
        drop(self.rest.drain(..sent.unwrap_or(0)));
        let closed = matches!(self.stream.read(&mut [0; 1]), Ok(0));
        !closed && Instant::now() < self.until
    }
}

#[test]
fn a_crowd_of_http_clients_keeps_out_neither_the_operator_nor_peers() {
    let mut node = TestNode::start(&["--is-bootnode", "--max-outbound", "0"]);
    node.wait(&["synced"]);
    let cookie = fs::read_to_string(node.dir.join("local/rpc.cookie")).unwrap();
    let watch = Watch::start(&node, BlockMaker::new(Arc::new(ChainSpec::local())));
    let (http, mut rng) = (node.http(), Rng::from_number(11));
    let time = duration(Duration::from_secs(4), Duration::from_secs(120));
    let calls = count(10, 200);
    let (begin, mut dials, mut asked, mut answered) = (Instant::now(), 0, 0, 0);
    let mut slowest = Duration::ZERO;
    let mut crowd: Vec<Option<Client>> = (0..CROWD).map(|_| None).collect();
    while begin.elapsed() < time {
        for place in &mut crowd {
            if place.as_mut().is_none_or(|client| !client.turn()) {
                *place = Client::dial(http, &mut rng, &cookie);
                dials += 1;
            }
        }
        if begin.elapsed() >= time * asked as u32 / calls as u32 {
            let start = Instant::now();
            asked += 1;
            answered += usize::from(node.cli(&["status"]).status.success());
            slowest = slowest.max(start.elapsed());
        }
        rest(TURN);
    }
    drop(crowd);
    let hits = node.status()["limits"]["http_connections"]["hits"].clone();
    let figure = format!(
        "{answered} of {asked} of the operator's calls, slowest {} ms, {dials} dials of a crowd of {CROWD}, {hits} made room",
        slowest.as_millis()
    );
    watch.finish(&mut node, "HTTP: slow, oversized, forged, deep", &figure, "95 % of the calls");
    assert!(answered * 100 >= asked * 95, "{figure}");
}
