//! A provider whose chain is reorganised while a new node syncs from it.
//!
//! It announces each losing branch of a generated ledger first, and the blocks that outgrow it only when the node has
//! fetched the whole branch. So the node must connect and disconnect every branch. The provider runs in a thread and
//! serves one link.

use std::{
    collections::BTreeMap,
    net::{Ipv4Addr, SocketAddr, TcpListener, TcpStream},
    path::Path,
    thread::{Builder, JoinHandle},
};

use tussock_noise::{Agreement, Key, Pattern, SealedStream};

use crate::{
    base::{codec::List, hash::Hash, limits::MAX_SYNC_HEADERS},
    chain::{archive::HeaderArchive as _, header::Header, spec::ChainSpec},
    cli::{
        datadir,
        exit::{Exit, Failure, Outcome},
    },
    node::key_agreement::PROLOGUE,
    store::LedgerReader,
    wire::{
        frame::{Frame, FrameReader},
        message::{Locator, Message, PROTOCOL_VERSION, SERVICE_FULL, Version},
    },
};

/// A provider that waits for its new node.
pub struct BranchProvider {
    /// Where it listens.
    pub address: SocketAddr,
    thread: JoinHandle<Outcome>,
}

impl BranchProvider {
    /// Opens the ledger and listens.
    pub fn start(ledger: &Path, spec: &ChainSpec) -> Outcome<Self> {
        let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).map_err(|error| broken(&error))?;
        let address = listener.local_addr().map_err(|error| broken(&error))?;
        let (chain, magic) = (Chain::read(ledger)?, spec.magic());
        let version = chain.version(spec.genesis_hash(), address.port());
        let serve = move || {
            let (stream, _) = listener.accept().map_err(|error| broken(&error))?;
            drop(stream.set_nodelay(true));
            let keys = [datadir::random_bytes::<32>()?, datadir::random_bytes::<32>()?].map(Key);
            let [secret, ephemeral] = keys;
            let agreement = Agreement::responder(Pattern::Xx, &secret, ephemeral, PROLOGUE);
            let stream = SealedStream::agree(stream, agreement).map_err(|error| broken(&error))?;
            Server { stream, magic, chain, version, branch: 0, pending: None }.run()
        };
        let thread = Builder::new().name("branches".to_owned()).spawn(serve).map_err(|error| broken(&error))?;
        Ok(Self { address, thread })
    }

    /// The provider's result; call it after the end of the new node.
    pub fn finish(self) -> Outcome {
        self.thread.join().unwrap_or_else(|_| Err(Failure::new(Exit::Internal, "the provider panicked")))
    }
}

fn broken(error: &dyn std::fmt::Display) -> Failure {
    Failure::new(Exit::Internal, format!("the provider of branches failed: {error}"))
}

/// A chain and its losing branches.
struct Chain {
    reader: LedgerReader,
    main: Vec<Header>,
    /// Sorted by the height of their first blocks, which is the order of their announcement.
    branches: Vec<Vec<Header>>,
    /// Heights of the blocks in the chain.
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

    /// The last block that is announced before the branch with this number has been fetched.
    fn tip(&self, number: usize) -> Hash {
        let announced = self.branches.get(number).unwrap_or(&self.main);
        announced.last().map_or(Hash::ZERO, Header::hash)
    }

    /// The headers after the first known hash of the locator. After an earlier branch, they begin at its root.
    fn after(&self, number: usize, locator: &Locator) -> Vec<Header> {
        let branch = self.branches.get(number);
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
    stream: SealedStream<TcpStream>,
    magic: [u8; 4],
    chain: Chain,
    version: Version,
    /// Number of the announced branch; after the last branch, their number.
    branch: usize,
    /// A GetSync that is answered when the branch has been fetched.
    pending: Option<Locator>,
}

impl Server {
    /// Serves until the new node closes the link.
    fn run(mut self) -> Outcome {
        let mut reader = FrameReader::new(self.magic);
        // A node that was killed resets the connection.
        while let Ok(got) = self.stream.receive() {
            let mut input = &got[..];
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
        let headers = self.chain.after(self.branch, &locator);
        if headers.is_empty() && self.branch < self.chain.branches.len() {
            self.pending = Some(locator);
            return Ok(());
        }
        self.send(&Message::Sync(List::truncated(headers)))
    }

    fn serve(&mut self, hash: Hash) -> Outcome {
        match self.chain.reader.body(&hash).map_err(|error| broken(&error))? {
            Some(body) => self.send(&Message::Block(body))?,
            None => return self.send(&Message::Absent(hash)),
        }
        if self.branch < self.chain.branches.len() && hash == self.chain.tip(self.branch) {
            self.branch += 1;
            if let Some(locator) = self.pending.take() {
                return self.answer(locator);
            }
        }
        Ok(())
    }

    fn send(&mut self, message: &Message) -> Outcome {
        // If the node is gone, the next read fails.
        drop(self.stream.send(&Frame::new(message).to_bytes(self.magic)));
        Ok(())
    }
}
