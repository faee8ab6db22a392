//! A peer that speaks raw TCP: an honest handshake if wanted, then whatever a test puts on the wire.

use std::{
    io::{ErrorKind, Read},
    net::{Ipv4Addr, SocketAddr, TcpListener, TcpStream},
    sync::{Arc, atomic::Ordering},
    time::{Duration, Instant},
};

use portable_atomic::AtomicU64;
use socket2::{Domain, Socket, Type};
use tussock_noise::{Agreement, Key, MAX_PAYLOAD_BYTES};

use super::tunnel::{Tunnel, fresh_key};
use tussock::{
    base::{bytes::Bytes, codec::List, hash::Hash},
    chain::spec::ChainSpec,
    wire::{
        frame::{Frame, FrameReader, checksum},
        message::{Kind, Message, PROTOCOL_VERSION, SERVICE_FULL, Version},
    },
};

/// How long a test waits for an answer before it fails.
pub const PATIENCE: Duration = Duration::from_secs(20);

/// One connection to a node under test.
///
/// Its link is sealed: keys are agreed on before the first byte that the test sends or reads.
pub struct RawPeer {
    stream: TcpStream,
    /// The test dialled.
    dialled: bool,
    tunnel: Option<Tunnel>,
    /// Who the node takes us for.
    key: Key,
    reader: FrameReader,
    input: Vec<u8>,
    magic: [u8; 4],
    spec: Arc<ChainSpec>,
}

impl RawPeer {
    /// Opens a TCP connection and sends nothing.
    pub fn connect(address: SocketAddr, spec: &Arc<ChainSpec>) -> Self {
        Self::over(TcpStream::connect(address).unwrap(), spec)
    }

    /// Uses a stream that the test opened or accepted.
    pub fn over(stream: TcpStream, spec: &Arc<ChainSpec>) -> Self {
        stream.set_nodelay(true).unwrap();
        let magic = spec.magic();
        let (reader, key) = (FrameReader::new(magic), fresh_key());
        Self { stream, dialled: true, tunnel: None, key, reader, input: Vec::new(), magic, spec: spec.clone() }
    }

    /// Opens a TCP connection from this address, within `time`.
    pub fn try_connect_from(
        source: Ipv4Addr,
        address: SocketAddr,
        spec: &Arc<ChainSpec>,
        time: Duration,
    ) -> Option<Self> {
        let socket = Socket::new(Domain::IPV4, Type::STREAM, None).ok()?;
        socket.bind(&SocketAddr::from((source, 0)).into()).ok()?;
        socket.connect_timeout(&address.into(), time).ok()?;
        Some(Self::over(TcpStream::from(socket), spec))
    }

    /// Accepts the node's dial.
    pub fn accept(listener: &TcpListener, spec: &Arc<ChainSpec>) -> Self {
        Self::over_accepted(listener.accept().unwrap().0, spec)
    }

    /// Uses a stream that the node opened.
    pub fn over_accepted(stream: TcpStream, spec: &Arc<ChainSpec>) -> Self {
        Self { dialled: false, ..Self::over(stream, spec) }
    }

    /// Sets who the node takes this peer for.
    pub fn with_key(self, key: Key) -> Self {
        Self { key, ..self }
    }

    /// The socket, for what is below the protocol.
    pub fn stream(&mut self) -> &mut TcpStream {
        &mut self.stream
    }

    /// Agrees on keys by this handshake.
    pub fn secure_by(&mut self, agreement: &mut Agreement) -> std::io::Result<()> {
        self.tunnel = Some(Tunnel::finish(&mut self.stream, agreement, PATIENCE)?);
        Ok(())
    }

    /// Agrees on keys unless that is done. `None`: the node has closed, or does not answer.
    pub fn secure(&mut self, time: Duration) -> Option<&mut Tunnel> {
        if self.tunnel.is_none() {
            self.tunnel = Tunnel::agree(&mut self.stream, &self.key, self.dialled, time).ok();
        }
        self.tunnel.as_mut()
    }

    /// A connection with the handshake done.
    pub fn handshaken(address: SocketAddr, spec: &Arc<ChainSpec>) -> Self {
        let mut peer = Self::connect(address, spec);
        peer.send(&Message::Version(version(spec, 0, Hash([7; 32]), 0)));
        peer.finish_handshake();
        peer
    }

    /// A connection with the handshake done. Its `Version` claims a longer chain, so the node will ask for headers.
    pub fn claiming(address: SocketAddr, spec: &Arc<ChainSpec>, height: u32, work: u64) -> Self {
        let mut peer = Self::connect(address, spec);
        peer.send(&Message::Version(version(spec, height, Hash([7; 32]), work)));
        peer.finish_handshake();
        peer
    }

    /// A connection with the handshake done, or `None` if the node does not accept it within `time`.
    pub fn try_handshaken(address: SocketAddr, spec: &Arc<ChainSpec>, time: Duration) -> Option<Self> {
        let peer = Self::over(TcpStream::connect_timeout(&address, time).ok()?, spec);
        peer.shake_hands(version(spec, 0, Hash([7; 32]), 0), time)
    }

    /// Like [`Self::try_handshaken`], with a claim of a longer chain.
    pub fn try_claiming(address: SocketAddr, spec: &Arc<ChainSpec>, height: u32, work: u64) -> Option<Self> {
        let peer = Self::over(TcpStream::connect_timeout(&address, PATIENCE).ok()?, spec);
        peer.shake_hands(version(spec, height, Hash([7; 32]), work), PATIENCE)
    }

    /// Answers the node's dial, claiming this chain.
    pub fn answer(stream: TcpStream, spec: &Arc<ChainSpec>, height: u32, work: u64) -> Option<Self> {
        Self::over_accepted(stream, spec).shake_hands(version(spec, height, Hash([7; 32]), work), PATIENCE)
    }

    /// Does the handshake; `None` if the node does not accept it within `time`.
    pub fn try_handshake(self, time: Duration) -> Option<Self> {
        let ours = version(&self.spec, 0, Hash([7; 32]), 0);
        self.shake_hands(ours, time)
    }

    fn shake_hands(self, version: Version, time: Duration) -> Option<Self> {
        let (mut peer, deadline) = (self, Instant::now() + time);
        peer.secure(time)?;
        peer.send(&Message::Version(version));
        let (mut acknowledged, mut answered) = (false, false);
        while !(acknowledged && answered) {
            match peer.read_within(deadline.saturating_duration_since(Instant::now()))?? {
                Message::Version(theirs) => {
                    answered = true;
                    peer.send(&Message::Verack(theirs.nonce));
                }
                Message::Verack(_) => acknowledged = true,
                _ => return None,
            }
        }
        Some(peer)
    }

    /// Writes bytes as far as the socket takes them without blocking, and says how many; `None` once the node has closed.
    pub fn push(&mut self, bytes: &[u8]) -> Option<usize> {
        self.secure(PATIENCE)?;
        self.stream.set_nonblocking(true).unwrap();
        let tunnel = self.tunnel.as_mut().expect("the keys are agreed on");
        let mut taken = 0;
        let alive = loop {
            if tunnel.flush(&mut self.stream).is_err() {
                break false;
            }
            if tunnel.waits() || taken == bytes.len() {
                break true;
            }
            let some = (bytes.len() - taken).min(MAX_PAYLOAD_BYTES);
            tunnel.seal(&bytes[taken..taken + some]);
            taken += some;
        };
        self.stream.set_nonblocking(false).unwrap();
        alive.then_some(taken)
    }

    /// Reads and discards what has arrived; `false` once the node has closed.
    pub fn skim(&mut self) -> bool {
        self.stream.set_nonblocking(true).unwrap();
        let mut buffer = [0; 65_536];
        let alive = loop {
            match self.stream.read(&mut buffer) {
                Ok(0) => break false,
                Ok(_) => {}
                Err(error) if error.kind() == ErrorKind::Interrupted => {}
                Err(error) => break error.kind() == ErrorKind::WouldBlock,
            }
        };
        self.stream.set_nonblocking(false).unwrap();
        alive
    }

    /// Reads what has arrived and answers it as an honest peer; `false` once the node has closed.
    pub fn drain(&mut self) -> bool {
        loop {
            match self.read_within(Duration::from_millis(1)) {
                None => return true,
                Some(None) => return false,
                Some(Some(message)) => self.answer_honestly(&message),
            }
        }
    }

    /// Sends a frame with any body, under a correct checksum.
    pub fn send_body(&mut self, kind: Kind, body: Vec<u8>) {
        let body: Bytes = body.into();
        let frame = Frame { kind, checksum: checksum(&body), body };
        self.send_bytes(&frame.to_bytes(self.magic));
    }

    /// After our `Version`: acknowledges the node's, and waits for the node to acknowledge ours.
    pub fn finish_handshake(&mut self) {
        let (mut acknowledged, mut answered) = (false, false);
        while !(acknowledged && answered) {
            match self.read().expect("the node closed during the handshake") {
                Message::Version(theirs) => {
                    answered = true;
                    self.send(&Message::Verack(theirs.nonce));
                }
                Message::Verack(_) => acknowledged = true,
                other => panic!("{other:?} during the handshake"),
            }
        }
    }

    /// Sends a message. It is no failure if the node has closed: the test reads why.
    pub fn send(&mut self, message: &Message) {
        let bytes = Frame::new(message).to_bytes(self.magic);
        self.send_bytes(&bytes);
    }

    /// Sends bytes as they are.
    pub fn send_bytes(&mut self, bytes: &[u8]) {
        let Some(tunnel) = self.secure(PATIENCE) else { return };
        tunnel.seal(bytes);
        if let Some(tunnel) = &mut self.tunnel {
            drop(tunnel.flush(&mut self.stream));
        }
    }

    /// Reads the next message; `None` once the node has closed. Fails the test after [`PATIENCE`].
    pub fn read(&mut self) -> Option<Message> {
        self.read_within(PATIENCE).unwrap_or_else(|| panic!("nothing arrived within {PATIENCE:?}"))
    }

    /// `None`: nothing within `time`. `Some(None)`: closed. `Some(Some(message))`: a message.
    pub fn read_within(&mut self, time: Duration) -> Option<Option<Message>> {
        let deadline = Instant::now() + time;
        loop {
            let mut input = &self.input[..];
            let frame = self.reader.read(&mut input).unwrap();
            self.input = input.to_vec();
            if let Some(frame) = frame {
                return Some(Some(frame.open().unwrap()));
            }
            let left = deadline.checked_duration_since(Instant::now()).filter(|left| !left.is_zero())?;
            if self.secure(left).is_none() {
                return Some(None);
            }
            self.stream.set_read_timeout(Some(left)).unwrap();
            let mut buffer = [0; 65_536];
            match self.stream.read(&mut buffer) {
                Ok(0) => return Some(None),
                Ok(count) => {
                    let tunnel = self.tunnel.as_mut().expect("the keys are agreed on");
                    tunnel.open(&buffer[..count], &mut self.input);
                }
                Err(error) if matches!(error.kind(), ErrorKind::WouldBlock | ErrorKind::TimedOut) => return None,
                Err(error) if error.kind() == ErrorKind::Interrupted => {}
                Err(_) => return Some(None),
            }
        }
    }

    /// Answers as an honest peer without news.
    fn answer_honestly(&mut self, message: &Message) {
        match message {
            Message::Ping { nonce, .. } => self.send(&Message::Pong(*nonce)),
            Message::GetSync(_) => self.send(&Message::Sync(List::EMPTY)),
            _ => {}
        }
    }

    /// Reads until `wanted` returns something; answers pings and `GetSync` meanwhile.
    pub fn read_until<T>(&mut self, mut wanted: impl FnMut(Message) -> Option<T>) -> T {
        let deadline = Instant::now() + PATIENCE;
        while Instant::now() < deadline {
            let message = self.read().expect("the node closed");
            let request = matches!(message, Message::Ping { .. } | Message::GetSync(_)).then(|| message.clone());
            if let Some(found) = wanted(message) {
                return found;
            }
            if let Some(request) = request {
                self.answer_honestly(&request);
            }
        }
        panic!("the wanted message did not arrive within {PATIENCE:?}");
    }

    /// Reads until the node closes; returns the code of its `Goodbye`, if it sent one.
    pub fn goodbye(&mut self) -> Option<u8> {
        let mut said = None;
        let deadline = Instant::now() + PATIENCE;
        while Instant::now() < deadline {
            match self.read() {
                Some(Message::Goodbye { code, .. }) => said = Some(code),
                Some(_) => {}
                None => return said,
            }
        }
        panic!("the node did not close within {PATIENCE:?}");
    }

    /// Sends a ping, waits for the pong, and returns the round trip.
    pub fn ping(&mut self, nonce: u64) -> Duration {
        let start = Instant::now();
        self.send(&Message::Ping { nonce, height: 0, tip: self.spec.genesis_hash() });
        self.read_until(|message| (message == Message::Pong(nonce)).then_some(()));
        start.elapsed()
    }
}

static NEXT_NONCE: AtomicU64 = AtomicU64::new(0x7475_7373_0000_0000);

/// A `Version` with the caller's claims.
pub fn version(spec: &ChainSpec, height: u32, tip: Hash, work: u64) -> Version {
    let mut claimed = [0; 32];
    claimed[24..].copy_from_slice(&work.to_be_bytes());
    Version {
        protocol: PROTOCOL_VERSION,
        services: SERVICE_FULL,
        genesis: spec.genesis_hash(),
        height,
        tip,
        work: claimed,
        timestamp: 1_767_225_600,
        nonce: NEXT_NONCE.fetch_add(1, Ordering::Relaxed),
        listen_port: 0,
        agent: List::truncated(*b"raw:1"),
    }
}
