//! HTTP on its own small mio loop: JSON-RPC 2.0 for operators and programs, read-only JSON, health, metrics, the page.
//!
//! Three threads, however many connections. `http` runs the loop ([`server`]): it owns all sockets, judges heads
//! ([`auth`]), parses calls ([`batch`]) and drives them step by step ([`engine`], [`continuation`]); it never blocks. `query`
//! reads the databases ([`query`]), one short transaction at a time. `index` fills `index.db` behind the tip
//! ([`indexer`]). Roles are asked by commands whose answers come back by mail ([`completions`]).
//!
//! What is bounded: connections, bytes of head and body and of all buffers together, seconds of a request, calls in a
//! batch, bytes of its results, waiting calls, queries in the queue, commands under way. What is beyond its bound is
//! told so, with 503 or the error code for "busy"; nothing is dropped in silence.

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
mod json;
pub mod methods;
pub mod metrics;
mod openapi;
mod openrpc;
pub mod page;
pub mod params;
mod query;
pub mod render;
pub mod schema;
mod server;
mod socket;
#[cfg(test)]
mod tests;

use std::{
    io,
    net::SocketAddr,
    path::PathBuf,
    sync::{Arc, Mutex, mpsc},
    thread::{self, JoinHandle},
    time::Instant,
};

use mio::{Poll, Waker, net::TcpListener};

use crate::{
    chain::spec::ChainSpec,
    rpc::{
        auth::Gate,
        completions::{CompletionQueue, RPC_QUERIES},
        context::Context,
        engine::Engine,
        indexer::Indexer,
    },
    runtime::handle::NodeHandle,
};

/// What the server needs to know at the start.
pub struct ServerOptions {
    /// Where to listen; port 0: any.
    pub listen: SocketAddr,
    /// The secret in the cookie file, hex, without the user name.
    pub cookie: String,
    /// The network.
    pub chain: Arc<ChainSpec>,
    /// The ledger, written by the node.
    pub ledger_path: PathBuf,
    /// The index, written by this server. May be missing. `None`: this node keeps no index.
    pub index_path: Option<PathBuf>,
    /// When the node's clock started: the moment that its `Time`s count from.
    pub started: Instant,
    /// The program's version.
    pub version: String,
}

/// A running server. Stops when it is dropped.
pub struct Server {
    local_address: SocketAddr,
    completions: Arc<CompletionQueue>,
    indexer: Option<Indexer>,
    threads: Vec<JoinHandle<()>>,
}

impl Server {
    /// Binds and starts the threads. Errors: the address is taken or not ours, or the system has no threads left.
    pub fn start(options: ServerOptions, node: NodeHandle) -> io::Result<Self> {
        let poll = Poll::new()?;
        let listener = TcpListener::bind(options.listen)?;
        let local_address = listener.local_addr()?;
        let waker = Waker::new(poll.registry(), server::WAKER)?;
        let wake = move || {
            if let Err(error) = waker.wake() {
                log::error!("http server cannot be woken error={error}");
            }
        };
        let completions = Arc::new(CompletionQueue::new(Box::new(wake)));
        let context = Arc::new(Context {
            chain: options.chain,
            node: node.clone(),
            version: options.version,
            started: options.started,
            ledger_path: options.ledger_path,
            index_path: options.index_path,
            indexed: context::IndexMark::default(),
            events: events::Events::default(),
            page: page::Page::new(&options.cookie),
            http: Mutex::default(),
        });
        // Where the node stands now; what changes from here on is an event.
        context.events.note(&node.status());
        let (worker, tasks) = mpsc::sync_channel(RPC_QUERIES);
        let engine = Engine::new(Arc::clone(&context), Arc::clone(&completions), worker);
        let gate = Gate::new(local_address, &options.cookie);
        let server = server::Server::new(poll, listener, Arc::clone(&completions), engine, gate)?;
        let mut started = Self { local_address, completions, indexer: None, threads: Vec::new() };
        // If a thread cannot be started, dropping `started` ends those that were.
        if let Some(path) = context.index_path.clone() {
            let (indexer, thread) = Indexer::start(Arc::clone(&context), Arc::clone(&started.completions), path)?;
            started.indexer = Some(indexer);
            started.threads.push(thread);
        }
        let mail = Arc::clone(&started.completions);
        let databases = databases::Databases::new(Arc::clone(&context));
        started.spawn("query", move || query::run(databases, &tasks, &mail))?;
        started.spawn("http", move || server.run())?;
        let (mail, indexer) = (Arc::clone(&started.completions), started.indexer.clone());
        node.watch(Box::new(move || {
            mail.changed();
            indexer.iter().for_each(Indexer::wake);
        }));
        log::info!("http server listens address={local_address}");
        Ok(started)
    }

    /// Where the server listens.
    pub fn local_address(&self) -> SocketAddr {
        self.local_address
    }

    /// Answers what is under way as far as that goes at once, closes all connections and ends the threads.
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
                log::error!("a thread of the http server ended by a panic");
            }
        }
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        self.end();
    }
}
