//! The HTTP server: JSON-RPC for operators and programs, read-only JSON, health, metrics, and the page.
//!
//! It has three threads, for any number of connections. `http` runs the loop ([`server`]): it owns all sockets, checks
//! request heads ([`auth`]), parses calls ([`batch`]) and drives them ([`engine`], [`continuation`]); it never blocks.
//! `query` reads the databases ([`query`]), one short transaction at a time. `index` fills `index.db` behind the tip
//! ([`indexer`]). Methods ask roles with commands; the replies come back through a queue ([`completions`]).
//!
//! Limits hold for connections, the bytes of heads, bodies and all buffers together, the seconds of a request, the
//! calls of a batch, the bytes of its results, waiting calls, queued queries, and commands under way. A request beyond
//! a limit is answered with 503 or the error code for "busy"; the server drops nothing silently.

pub mod answers;
pub mod api;
pub mod auth;
pub mod batch;
mod call_stats;
pub mod client;
mod completions;
pub mod context;
pub mod continuation;
pub mod counters;
mod databases;
mod engine;
pub mod error;
pub mod events;
mod first_view;
mod histogram;
mod host;
pub mod http;
mod indexer;
mod integers;
mod json;
pub mod members;
pub mod methods;
pub mod metrics;
mod openapi;
mod openrpc;
pub mod page;
pub mod params;
pub mod purse;
mod query;
pub mod render;
mod requests;
pub mod rights;
mod rows;
pub mod schema;
mod sealing;
mod server;
mod socket;
mod stream;
pub mod test_chain;
#[cfg(test)]
mod tests;
pub mod tokens;
mod undone;
mod wait_slot;
mod wall;
pub mod watch;

use std::{
    io,
    net::SocketAddr,
    path::{Path, PathBuf},
    sync::{Arc, Mutex, atomic::AtomicU32},
    thread::{self, JoinHandle},
    time::Instant,
};

use mio::{Poll, Waker, net::TcpListener};

use crate::{
    base::hash::Domain,
    chain::spec::ChainSpec,
    rpc::{
        auth::Gate, completions::CompletionQueue, context::Context, engine::Engine, indexer::Indexer,
        members::MembersList, test_chain::TestChain, tokens::Tokens,
    },
    runtime::{handle::NodeHandle, traffic::TrafficLog},
};

/// How to start the server.
pub struct ServerOptions {
    /// The address to listen on; port 0 takes any free port.
    pub listen: SocketAddr,
    /// The secret of the cookie file in hex, without the user name.
    pub cookie: String,
    /// The chain.
    pub chain: Arc<ChainSpec>,
    /// The ledger's file, written by the node.
    pub ledger_path: PathBuf,
    /// The index's file, written by this server; it may not exist yet. `None` if this node keeps no index.
    pub index_path: Option<PathBuf>,
    /// The lowest height whose block the index still has to read, for the ledger's pruning.
    pub held: Arc<AtomicU32>,
    /// Names in `Host` under which a proxy or container reaches this server, besides its addresses and `localhost`.
    pub names: Vec<String>,
    /// The moment from which the node's `Time`s count.
    pub started: Instant,
    /// The program's version.
    pub version: String,
    /// The file of named tokens.
    pub tokens: PathBuf,
    /// Traffic of earlier runs, and of this month.
    pub traffic: Arc<TrafficLog>,
    /// The list of members; `None`: every node may link.
    pub members: Option<MembersList>,
    /// The operator or the chain named other nodes.
    pub names_others: bool,
}

/// A running server. Stops when it is dropped.
pub struct Server {
    local_address: SocketAddr,
    completions: Arc<CompletionQueue>,
    indexer: Option<Indexer>,
    threads: Vec<JoinHandle<()>>,
}

impl Server {
    /// Binds the address and starts the threads.
    ///
    /// # Errors
    ///
    /// If the address is taken or not of this host, or if a thread cannot be started.
    pub fn start(options: ServerOptions, node: NodeHandle) -> io::Result<Self> {
        let poll = Poll::new()?;
        let listener = TcpListener::bind(options.listen)?;
        let local_address = listener.local_addr()?;
        let waker = Waker::new(poll.registry(), server::WAKER)?;
        let wake = move || {
            if let Err(error) = waker.wake() {
                log::error!("http: loop not woken error={error}");
            }
        };
        let completions = Arc::new(CompletionQueue::new(Box::new(wake)));
        let context = Arc::new(Context {
            chain: options.chain,
            node: node.clone(),
            version: options.version,
            started: options.started,
            test_chain: TestChain::open(options.ledger_path.parent().unwrap_or_else(|| Path::new("."))),
            ledger_path: options.ledger_path,
            index_path: options.index_path,
            held: options.held,
            traffic: options.traffic,
            members: options.members,
            names_others: options.names_others,
            indexed: context::IndexMark::default(),
            events: events::Events::default(),
            pool: watch::pool::PoolLog::new(run_number(&options.cookie)),
            page: page::Page::new(&options.cookie),
            http: Mutex::default(),
        });
        // Changes from here on are events.
        context.events.note(&node.status());
        let queries = Arc::new(query::QueryQueue::default());
        let engine = Engine::new(Arc::clone(&context), Arc::clone(&completions), Arc::clone(&queries));
        let gate = Gate::new(local_address, &options.cookie, options.names, Tokens::new(options.tokens))
            .with_wall(context.chain.test);
        let server = server::Server::new(poll, listener, Arc::clone(&completions), engine, gate)?;
        let mut started = Self { local_address, completions, indexer: None, threads: Vec::new() };
        // If a thread cannot be started, dropping `started` ends the others.
        if let Some(path) = context.index_path.clone() {
            let (indexer, thread) = Indexer::start(Arc::clone(&context), Arc::clone(&started.completions), path)?;
            started.indexer = Some(indexer);
            started.threads.push(thread);
        }
        let mail = Arc::clone(&started.completions);
        let databases = databases::Databases::new(Arc::clone(&context));
        started.spawn("query", move || query::run(databases, &queries, &mail))?;
        started.spawn("http", move || server.run())?;
        let (mail, indexer) = (Arc::clone(&started.completions), started.indexer.clone());
        node.watch(Box::new(move || {
            mail.changed();
            indexer.iter().for_each(Indexer::wake);
        }));
        log::info!("http server listens address={local_address}");
        Ok(started)
    }

    /// The address that the server listens on.
    pub fn local_address(&self) -> SocketAddr {
        self.local_address
    }

    /// Answers running requests as far as possible without waiting, closes all connections and ends the threads.
    pub fn stop(mut self) {
        self.end();
    }

    fn spawn(&mut self, name: &str, run: impl FnOnce() + Send + 'static) -> io::Result<()> {
        self.threads.push(thread::Builder::new().name(name.to_owned()).spawn(run)?);
        Ok(())
    }

    fn end(&mut self) {
        self.completions.stop();
        self.indexer.iter().for_each(Indexer::stop);
        for thread in self.threads.drain(..) {
            if thread.join().is_err() {
                log::error!("http: a thread panicked");
            }
        }
    }
}

/// A number that no other run of the node has, as the cookie: it does not give that away.
fn run_number(cookie: &str) -> u64 {
    Domain::TOKEN.hash(cookie.as_bytes()).first_eight()
}

impl Drop for Server {
    fn drop(&mut self) {
        self.end();
    }
}
