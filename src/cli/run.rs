//! `run` and `dev`: a node in this process, from the lock on its data directory to the last thread.

use std::{
    fs, io,
    net::{Ipv4Addr, SocketAddr, TcpListener},
    path::PathBuf,
    sync::Arc,
    thread,
    time::{Duration, Instant},
};

use clap::Args;

use super::{
    announce,
    context::Context,
    datadir::{self, Endpoints, Holder, Lock},
    exit::{Exit, Failure, Outcome},
    keys::Keys,
    notify, output, peers,
    progress::Reporter,
    units,
};
use crate::{
    base::{hash::hex, limits},
    chain::{address::Address, key::SecretKey},
    config::{self, CommonFlags, NodeFlags},
    node::{Halt, Setup, Stores},
    rpc::{Server, ServerOptions},
    runtime::{
        Node, NodeOptions, StartError, StopReason,
        logging::{self, Levels, LogError, LogOptions},
        memory,
    },
    store::{LedgerDb, LedgerOptions, LedgerReader, PeerDb},
};

/// The port for peers.
const P2P_PORT: u16 = 4130;
/// The port for RPC and the page.
const HTTP_PORT: u16 = 3030;
/// MiB that the default limits are made for (design §6).
const DEFAULT_MEMORY: usize = 32;
/// Bytes in a MiB.
const MIB: u64 = 1 << 20;
/// The least that a node works well in.
const LEAST_MEMORY: usize = 16;
/// The most that larger caches make sense for.
const MOST_MEMORY: usize = 1024;
/// Threads that check signatures; more would only wait for the ledger.
const MOST_VERIFIERS: usize = 8;
/// How long the ledger may take until the node is ready. Whatever takes long in it happens before, when it is opened.
const READY: Duration = Duration::from_secs(60);

/// `tussock run`
#[derive(Args, Debug)]
#[command(after_help = "\
Examples:
  tussock run
  tussock run -d /tmp/tussock-a --listen 127.0.0.1:0 --http 127.0.0.1:0 --mine dev0")]
pub struct RunArgs {
    #[command(flatten)]
    node: NodeFlags,
}

/// `tussock dev`
#[derive(Args, Debug)]
#[command(after_help = "\
Examples:
  tussock dev
  tussock dev --block-time 2s --data-dir /tmp/tussock-dev")]
pub struct DevArgs {
    /// Make a block at this interval instead of one for each transaction
    #[arg(long, value_name = "TIME", env = "TUSSOCK_BLOCK_TIME", hide_env_values = true,
        value_parser = units::parse_duration)]
    block_time: Option<Duration>,
    #[command(flatten)]
    node: NodeFlags,
}

/// Runs `run`.
pub fn run(common: &CommonFlags, arguments: &RunArgs, json: bool) -> Outcome {
    let context = Context::new(common, &arguments.node, json)?;
    Launch { context, block_time: None, dev: false }.run()
}

/// Runs `dev`.
pub fn dev(common: &CommonFlags, arguments: &DevArgs, json: bool) -> Outcome {
    if common.chain.as_deref().is_some_and(|chain| chain != "dev") {
        return Err(Failure::usage("dev is a chain of its own; leave out --chain, or use: tussock run"));
    }
    if arguments.block_time.is_some_and(|time| time < Duration::from_millis(10)) {
        return Err(Failure::usage("--block-time: at least 10ms"));
    }
    let mut common = CommonFlags { chain: Some("dev".to_owned()), ..common.clone() };
    let context = Context::new(&common, &arguments.node, json)?;
    if !context.settings.data_dir_is_default {
        return Launch { context, block_time: arguments.block_time, dev: true }.run();
    }
    let folder = TemporaryFolder::new()?;
    common.data_dir = Some(folder.0.clone());
    let context = Context::new(&common, &arguments.node, json)?;
    Launch { context, block_time: arguments.block_time, dev: true }.run()
}

/// A folder that goes away with this value.
struct TemporaryFolder(PathBuf);

impl TemporaryFolder {
    fn new() -> Outcome<Self> {
        let name = format!("tussock-dev-{}", hex(&datadir::random_bytes::<4>()?));
        let folder = std::env::temp_dir().join(name);
        datadir::make_private_folder(&folder)?;
        Ok(Self(folder))
    }
}

impl Drop for TemporaryFolder {
    fn drop(&mut self) {
        if let Err(error) = fs::remove_dir_all(&self.0) {
            output::note(&format!("cannot remove {}: {error}", self.0.display()));
        }
    }
}

/// A node about to start.
struct Launch {
    context: Context,
    block_time: Option<Duration>,
    dev: bool,
}

impl Launch {
    fn run(self) -> Outcome {
        config::check_variables(std::env::vars_os().map(|(name, _)| name))?;
        let levels: Levels =
            self.context.settings.log.parse().map_err(|error| Failure::usage(format!("--log: {error}")))?;
        let setup = self.setup()?;
        let folder = self.context.folder();
        let mut lock = Lock::acquire(&folder, &self.context.settings.flags())?;
        // What a killed node left behind would lead commands astray.
        datadir::remove_traces(&folder);
        self.start_log(levels)?;
        let memory = self.memory();
        if memory < DEFAULT_MEMORY && self.flags().max_memory.is_none() {
            log::info!("the control group allows little memory, caches are smaller max_memory={memory}");
        }
        self.check_http_address()?;
        let (ledger, stores, warning) = self.open_stores(&setup)?;
        let started = Instant::now();
        let node = self.start_node(setup, stores)?;
        node.halt_on_panic();
        if let Some(warning) = warning {
            node.handle().warn("peer book", warning);
        }
        let result = self.serve(node, started, &mut lock);
        datadir::remove_traces(&folder);
        match result? {
            StopReason::Halt(Halt::Store(error)) => Err(Failure::store(&ledger, &error)),
            StopReason::Halt(halt) => Err(Failure::new(Exit::Internal, halt.to_string())),
            StopReason::Asked | StopReason::Signal(_) => Ok(()),
        }
    }

    fn flags(&self) -> &NodeFlags {
        &self.context.settings.node
    }

    fn quiet(&self) -> bool {
        self.flags().quiet == Some(true)
    }

    fn start_log(&self, levels: Levels) -> Outcome {
        let folder = self.context.folder().join(datadir::LOGS);
        let options = LogOptions { folder: Some(folder), stderr: !self.quiet(), levels };
        logging::init(options).map_err(|error| match error {
            LogError::File { path, source } => Failure::io("cannot write the log", &path, &source),
            LogError::Twice => Failure::new(Exit::Internal, error.to_string()),
        })
    }

    /// MiB that caches and buffers are sized for.
    fn memory(&self) -> usize {
        self.flags().max_memory.unwrap_or_else(|| memory::limit().map_or(DEFAULT_MEMORY, memory_within))
    }

    /// What the roles need to know.
    fn setup(&self) -> Outcome<Setup> {
        let (flags, spec, memory) = (self.flags(), &self.context.settings.spec, self.memory());
        if !(LEAST_MEMORY..=MOST_MEMORY).contains(&memory) {
            let range = format!("{LEAST_MEMORY} to {MOST_MEMORY} MiB are possible");
            return Err(Failure::usage(format!("--max-memory {memory}: {range}")));
        }
        let mine = match &flags.mine {
            Some(mine) => Some(self.miner(mine)?),
            None if self.dev => Some(SecretKey::well_known(0).address()),
            None => None,
        };
        let block_interval_ms = self.block_time.map(|time| u64::try_from(time.as_millis()).unwrap_or(u64::MAX));
        Ok(Setup {
            spec: Arc::clone(spec),
            listen_port: 0,
            own_addresses: Vec::new(),
            // The network's name, so that whoever dials the wrong one can be told both.
            agent: format!("tussock/{} ({})", env!("CARGO_PKG_VERSION"), spec.name),
            connect: resolve("--connect", flags.connect.as_deref().unwrap_or_default())?,
            bootnodes: self.bootnodes()?,
            is_bootnode: flags.is_bootnode == Some(true),
            max_inbound: flags.max_inbound.unwrap_or(limits::MAX_INBOUND),
            max_outbound: flags.max_outbound.unwrap_or(limits::MAX_OUTBOUND),
            mine,
            mine_rate: flags.mine_rate.unwrap_or(spec.default_mine_rate),
            block_interval_ms,
            verifiers: thread::available_parallelism().map_or(1, usize::from).min(MOST_VERIFIERS),
            memory_percent: memory * 100 / DEFAULT_MEMORY,
            overlay_bytes: limits::COIN_OVERLAY_BYTES * memory / DEFAULT_MEMORY,
        })
    }

    fn miner(&self, text: &str) -> Outcome<Address> {
        let folder = self.context.folder();
        let address = Keys::new(&folder, self.context.spec()).address(text);
        address.map_err(|failure| Failure::usage(format!("--mine {}", failure.message)))
    }

    /// Those of the flags must resolve; those of the chain's specification are tried as far as they do.
    fn bootnodes(&self) -> Outcome<Vec<SocketAddr>> {
        let mut addresses = resolve("--bootnode", self.flags().bootnode.as_deref().unwrap_or_default())?;
        for name in &self.context.spec().bootnodes {
            match peers::address(name) {
                Ok(address) => addresses.push(address),
                Err(problem) => output::note(&format!("warning: bootnode {name} of the chain: {problem}")),
            }
        }
        Ok(addresses)
    }

    fn open_stores(&self, setup: &Setup) -> Outcome<(PathBuf, Stores, Option<String>)> {
        let path = self.context.ledger();
        let failed = |error| Failure::store(&path, &error);
        let cache_bytes = limits::SQLITE_CACHE_BYTES * setup.memory_percent / 100;
        let options = LedgerOptions { cache_bytes, ..LedgerOptions::default() };
        let ledger = LedgerDb::open(&path, &setup.spec, &options).map_err(failed)?;
        let headers = LedgerReader::open(&path).map_err(failed)?;
        let (peers, warning) = PeerDb::open(&self.context.folder().join(datadir::PEERS));
        if let Some(warning) = &warning {
            log::warn!("{warning}");
        }
        let stores = Stores { ledger: Box::new(ledger), headers: Box::new(headers), peers: Box::new(peers) };
        Ok((path, stores, warning))
    }

    fn start_node(&self, setup: Setup, stores: Stores) -> Outcome<Node> {
        let options = NodeOptions {
            listen: Some(self.flags().listen.unwrap_or_else(|| self.default_listen())),
            seed: datadir::random_bytes::<32>()?,
            signals: true,
            net: None,
        };
        Node::start(setup, stores, options).map_err(|error| match error {
            StartError::Listen { .. } => Failure::usage(error.to_string()),
            StartError::System { .. } => Failure::new(Exit::Internal, error.to_string()),
        })
    }

    /// Test chains stay on this host; nobody needs to know where a `dev` node listens.
    fn default_listen(&self) -> SocketAddr {
        match (self.dev, self.context.spec().test) {
            (true, _) => (Ipv4Addr::LOCALHOST, 0).into(),
            (false, true) => (Ipv4Addr::LOCALHOST, P2P_PORT).into(),
            (false, false) => (Ipv4Addr::UNSPECIFIED, P2P_PORT).into(),
        }
    }

    /// Opens the way to the node, says that it is ready, and waits for its end.
    fn serve(&self, node: Node, started: Instant, lock: &mut Lock) -> Outcome<StopReason> {
        let server = match self.start_server(&node, started) {
            Ok(server) => server,
            Err(failure) => {
                node.stop();
                return Err(failure);
            }
        };
        let node = match until_ready(node) {
            Ok(node) => node,
            Err(reason) => return Ok(reason),
        };
        let endpoints = Endpoints {
            pid: std::process::id(),
            p2p: node.local_address().map(|address| address.to_string()).unwrap_or_default(),
            http: server.as_ref().map(|server| server.local_address().to_string()),
            chain: self.context.spec().name.clone(),
            genesis: self.context.spec().genesis_hash().to_string(),
        };
        let holder = Holder { pid: endpoints.pid, started: units::unix_now(), http: endpoints.http.clone() };
        let told = lock.describe(&holder).and_then(|()| datadir::write_endpoints(&self.context.folder(), &endpoints));
        if let Err(failure) = told {
            node.stop();
            return Err(failure);
        }
        // Whoever started the node may have closed its output; the node runs none the less.
        drop(self.announce(&endpoints));
        notify::tell("READY=1");
        let progress = Reporter::start(node.handle());
        node.await_stop();
        drop(progress);
        notify::tell("STOPPING=1");
        // The server first: it reads the ledger's files, and whoever closes them last tidies them up.
        datadir::remove_traces(&self.context.folder());
        if let Some(server) = server {
            server.stop();
        }
        Ok(node.stop())
    }

    fn start_server(&self, node: &Node, started: Instant) -> Outcome<Option<Server>> {
        if self.flags().no_http == Some(true) {
            return Ok(None);
        }
        let cookie = datadir::write_cookie(&self.context.folder())?;
        let start = |listen: SocketAddr| {
            let options = ServerOptions {
                listen,
                cookie: cookie.clone(),
                chain: Arc::clone(&self.context.settings.spec),
                ledger_path: self.context.ledger(),
                index_path: (self.flags().no_index != Some(true)).then(|| self.context.folder().join(datadir::INDEX)),
                started,
                version: env!("CARGO_PKG_VERSION").to_owned(),
            };
            Server::start(options, node.handle())
        };
        let listen = self.flags().http.unwrap_or_else(|| (Ipv4Addr::LOCALHOST, HTTP_PORT).into());
        if !listen.ip().is_loopback() {
            log::warn!(
                "http listens beyond this host; whoever reaches it and has the cookie controls the node address={listen}"
            );
        }
        let server = match start(listen) {
            // A second `dev` beside the first is nobody's mistake.
            Err(error) if error.kind() == io::ErrorKind::AddrInUse && self.dev && self.flags().http.is_none() => {
                start((Ipv4Addr::LOCALHOST, 0).into())
            }
            result => result,
        };
        server.map(Some).map_err(|error| http_failure(listen, &error))
    }

    /// A wrong HTTP address is told before anything is opened or started for it.
    fn check_http_address(&self) -> Outcome {
        match self.flags().http {
            Some(listen) if self.flags().no_http != Some(true) => {
                TcpListener::bind(listen).map(drop).map_err(|error| http_failure(listen, &error))
            }
            _ => Ok(()),
        }
    }

    fn announce(&self, endpoints: &Endpoints) -> Outcome {
        if self.quiet() { Ok(()) } else { announce::ready(&self.context, endpoints, self.dev) }
    }
}

/// MiB for a node whose control group allows so many bytes, in which the system's copy of its files counts, too: where
/// that group holds 32 MiB, a sync over a million coins took 201 and 227 s with 20, 278 and 292 s with 32 (in another
/// hour 168 s with 20, 186 s with 26, 201 s with 16), and with 32 it was killed where the disk reads 8 MiB ahead.
fn memory_within(limit: u64) -> usize {
    let room = usize::try_from(limit / MIB).unwrap_or(MOST_MEMORY);
    (room.saturating_mul(5) / 8).clamp(LEAST_MEMORY, DEFAULT_MEMORY)
}

/// Waits until the ledger has reported its tip. The node's end, should it come before.
fn until_ready(mut node: Node) -> Result<Node, StopReason> {
    let began = Instant::now();
    while node.handle().status().tip.is_none() && began.elapsed() < READY {
        node = match node.wait_timeout(Duration::from_millis(5)) {
            Ok(reason) => return Err(reason),
            Err(node) => node,
        };
    }
    Ok(node)
}

fn resolve(flag: &str, names: &[String]) -> Outcome<Vec<SocketAddr>> {
    let address = |name: &String| {
        peers::address(name.trim()).map_err(|problem| Failure::usage(format!("{flag} {name}: {problem}")))
    };
    names.iter().filter(|name| !name.trim().is_empty()).map(address).collect()
}

fn http_failure(listen: SocketAddr, error: &io::Error) -> Failure {
    match error.kind() {
        io::ErrorKind::AddrInUse => Failure::usage(format!(
            "the HTTP address is in use: {listen}; choose another with --http IP:PORT (port 0: any free one)"
        )),
        _ => Failure::usage(format!("cannot serve HTTP: {listen}: {error}; choose another with --http IP:PORT")),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_small_control_group_makes_the_caches_smaller() {
        let within = |mib: u64| memory_within(mib * MIB);
        assert_eq!([8, 32, 40, 52, 1_024].map(within), [16, 20, 25, 32, 32]);
        assert_eq!(memory_within(u64::MAX), 32);
    }
}
