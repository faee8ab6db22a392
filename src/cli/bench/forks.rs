//! A provider whose chain moves while a newcomer syncs from it: it tells of each losing branch of a generated ledger
//! first, and of the blocks that outgrow it only when the whole branch has been fetched. So every branch has to be
//! applied and taken off again. It runs in a thread and serves one link.

use std::{
    collections::BTreeMap,
    io::{Read as _, Write as _},
    net::{Ipv4Addr, SocketAddr, TcpListener, TcpStream},
    path::Path,
    thread::{Builder, JoinHandle},
};

use crate::{
    base::{codec::List, hash::Hash, limits::MAX_SYNC_HEADERS},
    chain::{archive::HeaderArchive as _, header::Header, spec::ChainSpec},
    cli::exit::{Exit, Failure, Outcome},
    store::LedgerReader,
    wire::{
        frame::{Frame, FrameReader},
        message::{Locator, Message, PROTOCOL_VERSION, SERVICE_FULL, Version},
    },
};

/// Bytes of one read.
const READ_BYTES: usize = 64 * 1024;

/// A provider that waits for its newcomer.
pub struct Forks {
    /// Where it listens.
    pub address: SocketAddr,
    thread: JoinHandle<Outcome>,
}

impl Forks {
    /// Opens the ledger and listens.
    pub fn start(ledger: &Path, spec: &ChainSpec) -> Outcome<Self> {
        let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).map_err(|error| broken(&error))?;
        let address = listener.local_addr().map_err(|error| broken(&error))?;
        let (chain, magic) = (Chain::read(ledger)?, spec.magic());
        let version = chain.version(spec.genesis_hash(), address.port());
        let serve = move || {
            let (stream, _) = listener.accept().map_err(|error| broken(&error))?;
            drop(stream.set_nodelay(true));
            Server { stream, magic, chain, version, stage: 0, waiting: None }.run()
        };
        let thread = Builder::new().name("forks".to_owned()).spawn(serve).map_err(|error| broken(&error))?;
        Ok(Self { address, thread })
    }

    /// What became of it; call when the newcomer is gone.
    pub fn finish(self) -> Outcome {
        self.thread.join().unwrap_or_else(|_| Err(Failure::new(Exit::Internal, "the provider panicked")))
    }
}

fn broken(error: &dyn std::fmt::Display) -> Failure {
    Failure::new(Exit::Internal, format!("the provider of branches failed: {error}"))
}

/// A chain and the branches that lost against it.
struct Chain {
    reader: LedgerReader,
    main: Vec<Header>,
    /// By the height of their first blocks, in the order in which they are told.
    branches: Vec<Vec<Header>>,
    /// Heights on the chain.
    heights: BTreeMap<Hash, usize>,
}

impl Chain {
    fn read(ledger: &Path) -> Outcome<Self> {
        let failed = |error| Failure::store(ledger, &error);
        let reader = LedgerReader::open(ledger).map_err(failed)?;
        let main = reader.applied_from(0, usize::MAX).map_err(failed)?;
        let mut branches: Vec<Vec<Header>> = Vec::new();
        for header in reader.stored_fork_headers().map_err(failed)? {
            match branches.last_mut() {
                Some(branch) if branch.last().is_some_and(|last| last.hash() == header.previous) => branch.push(header),
                _ => branches.push(vec![header]),
            }
        }
        let heights = main.iter().enumerate().map(|(height, header)| (header.hash(), height)).collect();
        Ok(Self { reader, main, branches, heights })
    }

    fn version(&self, genesis: Hash, listen_port: u16) -> Version {
        let tip = self.main.last().map_or(Hash::ZERO, Header::hash);
        let work = self.reader.header(&tip).ok().flatten().map_or([0; 32], |row| row.work.to_be_bytes());
        Version {
            protocol: PROTOCOL_VERSION,
            services: SERVICE_FULL,
            genesis,
            height: u32::try_from(self.main.len().saturating_sub(1)).unwrap_or(u32::MAX),
            tip,
            work,
            timestamp: crate::cli::units::unix_now(),
            nonce: 1,
            listen_port,
            agent: List::truncated(*b"forks"),
        }
    }

    /// The last block that is told of before the branch with this number has been fetched.
    fn tip(&self, stage: usize) -> Hash {
        let told = self.branches.get(stage).unwrap_or(&self.main);
        told.last().map_or(Hash::ZERO, Header::hash)
    }

    /// What follows the first known hash of the locator; a branch that was told earlier is left at its root.
    fn after(&self, stage: usize, locator: &Locator) -> Vec<Header> {
        let branch = self.branches.get(stage);
        let root = branch.and_then(|branch| branch.first()).map_or(self.main.len(), |first| first.height as usize);
        let on_branch = branch.into_iter().flatten();
        for hash in locator {
            if let Some(at) = on_branch.clone().position(|header| header.hash() == *hash) {
                return on_branch.skip(at + 1).cloned().collect();
            }
            if let Some(height) = self.heights.get(hash).filter(|height| **height < root) {
                let main = self.main[..root].iter().skip(height + 1);
                return main.chain(on_branch).take(MAX_SYNC_HEADERS).cloned().collect();
            }
        }
        Vec::new()
    }
}

struct Server {
    stream: TcpStream,
    magic: [u8; 4],
    chain: Chain,
    version: Version,
    /// The branch that is being told, then one beyond the last.
    stage: usize,
    /// A question that is answered when the branch has been fetched.
    waiting: Option<Locator>,
}

impl Server {
    /// Serves until the newcomer goes.
    fn run(mut self) -> Outcome {
        let (mut reader, mut buffer) = (FrameReader::new(self.magic), vec![0; READ_BYTES]);
        // A newcomer that was killed resets the connection.
        while let Ok(got @ 1..) = self.stream.read(&mut buffer) {
            let mut input = &buffer[..got];
            while let Some(frame) = reader.read(&mut input).map_err(|fault| broken(&fault))? {
                let message = frame.open().map_err(|fault| broken(&fault))?;
                self.take(message)?;
            }
        }
        Ok(())
    }

    fn take(&mut self, message: Message) -> Outcome {
        match message {
            Message::Version(theirs) => {
                self.send(&Message::Version(self.version.clone()))?;
                self.send(&Message::Verack(theirs.nonce))
            }
            Message::Ping { nonce, .. } => self.send(&Message::Pong(nonce)),
            Message::GetPeers => self.send(&Message::Peers(List::EMPTY)),
            Message::GetMemoryPool(_) => self.send(&Message::MemoryPool(List::EMPTY)),
            Message::GetSync(locator) => self.answer(locator),
            Message::GetBlock(hash) => self.serve(hash),
            _ => Ok(()),
        }
    }

    fn answer(&mut self, locator: Locator) -> Outcome {
        let headers = self.chain.after(self.stage, &locator);
        if headers.is_empty() && self.stage < self.chain.branches.len() {
            self.waiting = Some(locator);
            return Ok(());
        }
        self.send(&Message::Sync(List::truncated(headers)))
    }

    fn serve(&mut self, hash: Hash) -> Outcome {
        match self.chain.reader.body(&hash).map_err(|error| broken(&error))? {
            Some(body) => self.send(&Message::Block(body))?,
            None => return self.send(&Message::Absent(hash)),
        }
        if self.stage < self.chain.branches.len() && hash == self.chain.tip(self.stage) {
            self.stage += 1;
            if let Some(locator) = self.waiting.take() {
                return self.answer(locator);
            }
        }
        Ok(())
    }

    fn send(&mut self, message: &Message) -> Outcome {
        // If the newcomer is gone, the next read says so.
        drop(self.stream.write_all(&Frame::new(message).to_bytes(self.magic)));
        Ok(())
    }
}
