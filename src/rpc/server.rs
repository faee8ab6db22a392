//! The HTTP server's loop: one thread and one mio poll for all connections. It reads requests, checks them, hands them
//! to the engine and writes answers. Slow work runs on other threads and comes back through the completion queue.

use std::{
    collections::{BTreeMap, BTreeSet},
    io,
    sync::Arc,
    time::Duration,
};

use mio::{
    Events, Interest, Poll, Token,
    net::{TcpListener, TcpStream},
};

use crate::{
    base::time::Time,
    node::limit::Meter,
    rpc::{
        auth::{Gate, PUBLIC_PATHS},
        batch::RPC_BATCH,
        completions::CompletionQueue,
        engine::{Engine, Progress, Running},
        http::{Head, Response, Status},
        socket::Client,
    },
    runtime::descriptors,
};

/// Connections to the HTTP server.
pub(super) const HTTP_CONNECTIONS: usize = 160;
/// Bytes that all HTTP connections hold together; beyond it new requests are answered with 503.
const HTTP_BUFFER_BYTES: usize = 8 * 1024 * 1024;
/// One in this many of the connections may be without a request under way: what is left for health checks and newcomers.
const SPARE_PART: usize = 4;
/// How long a new connection may take to send a request before it can lose its place to another.
const FIRST_REQUEST: Duration = Duration::from_secs(1);
/// One in this number of the descriptors that are free at the start may be an HTTP connection.
const DESCRIPTORS_PER_HTTP: usize = 8;

const LISTENER: Token = Token(0);
/// The completion queue's waker.
pub(super) const WAKER: Token = Token(1);
const FIRST_CLIENT: usize = 2;
/// Readiness events taken from the kernel at once.
const EVENTS: usize = 64;
/// Rounds of reading and answering for one connection in one turn, so that a fast sender cannot hold up the others.
const ROUNDS: usize = 32;
/// The time between a failure of `accept`, such as no free descriptor, and the next attempt.
const ACCEPT_PAUSE: Duration = Duration::from_millis(100);

/// The loop's state.
pub(super) struct Server {
    poll: Poll,
    listener: TcpListener,
    completions: Arc<CompletionQueue>,
    engine: Engine,
    gate: Gate,
    clients: BTreeMap<usize, Client>,
    next_client: usize,
    /// Connections that have more to do than one turn allows.
    again: BTreeSet<usize>,
    accept_again: Option<Time>,
    /// The limit of connections.
    most: usize,
    /// How often that limit was reached, and how often the limit of bytes refused a request.
    crowded: u64,
    busy: u64,
}

impl Server {
    pub(super) fn new(
        poll: Poll,
        mut listener: TcpListener,
        completions: Arc<CompletionQueue>,
        engine: Engine,
        gate: Gate,
    ) -> io::Result<Self> {
        poll.registry().register(&mut listener, LISTENER, Interest::READABLE)?;
        Ok(Self {
            poll,
            listener,
            completions,
            engine,
            gate,
            clients: BTreeMap::new(),
            next_client: FIRST_CLIENT,
            again: BTreeSet::new(),
            accept_again: None,
            most: most_connections(),
            crowded: 0,
            busy: 0,
        })
    }

    /// Serves until the completion queue is asked to stop.
    pub(super) fn run(mut self) {
        let mut events = Events::with_capacity(EVENTS);
        while !self.completions.is_stopping() {
            if let Err(error) = self.poll.poll(&mut events, self.timeout())
                && error.kind() != io::ErrorKind::Interrupted
            {
                log::error!("http: loop ends, poll failed error={error}");
                return;
            }
            for event in &events {
                match event.token() {
                    LISTENER => self.accept(),
                    WAKER => {}
                    Token(client) => self.ready(client, event),
                }
            }
            for token in std::mem::take(&mut self.again) {
                self.serve(token);
            }
            self.read_mail();
            self.expire();
            self.meter();
        }
        self.end();
    }

    fn timeout(&self) -> Option<Duration> {
        if !self.again.is_empty() {
            return Some(Duration::ZERO);
        }
        // One millisecond more: poll rounds down to milliseconds, and waking too early would be a busy loop.
        let until = |deadline: Time| deadline.since(self.engine.now()).saturating_add(Duration::from_millis(1));
        self.next_deadline().map(until)
    }

    fn next_deadline(&self) -> Option<Time> {
        let deadlines = self.clients.values().flat_map(|client| {
            [client.connection.deadline(), client.running.as_ref().map(|running| running.deadline())]
        });
        deadlines.chain([self.accept_again]).flatten().min()
    }

    fn accept(&mut self) {
        self.accept_again = None;
        // Without a place, further connections wait in the listener's backlog.
        while self.has_place() {
            match self.listener.accept() {
                Ok((stream, _)) => self.admit(stream),
                Err(error) if error.kind() == io::ErrorKind::WouldBlock => return,
                Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
                Err(error) => {
                    log::warn!("http: connection not accepted error={error}");
                    self.accept_again = Some(self.engine.now() + ACCEPT_PAUSE);
                    return;
                }
            }
        }
    }

    fn admit(&mut self, mut stream: TcpStream) {
        let token = self.next_client;
        let registered =
            self.poll.registry().register(&mut stream, Token(token), Interest::READABLE | Interest::WRITABLE);
        if let Err(error) = registered {
            log::warn!("http: connection not registered error={error}");
            return;
        }
        // A failure only makes small answers slower.
        drop(stream.set_nodelay(true));
        self.next_client += 1;
        self.clients.insert(token, Client::new(stream, self.engine.now()));
    }

    /// Whether another connection has a place. If not, looks again soon: connections lose their places with time.
    fn has_place(&mut self) -> bool {
        if self.clients.len() < self.most {
            return true;
        }
        if self.accept_again.is_none() {
            self.crowded += 1;
        }
        let has_room = self.make_room();
        if !has_room {
            self.accept_again = Some(self.engine.now() + ACCEPT_PAUSE);
        }
        has_room
    }

    /// Closes the oldest connection that is between requests, or else the oldest one whose request has not arrived within
    /// [`FIRST_REQUEST`], so that slow clients can't hold connections.
    fn make_room(&mut self) -> bool {
        let now = self.engine.now();
        let idle = |client: &Client| client.answered && client.connection.is_idle();
        let slow = |client: &Client| client.connection.is_before_a_request() && now >= client.opened + FIRST_REQUEST;
        let oldest = |may_go: &dyn Fn(&Client) -> bool| {
            self.clients.iter().find(|(_, client)| may_go(client)).map(|(token, _)| *token)
        };
        let first = oldest(&idle).or_else(|| oldest(&slow));
        first.map(|token| self.drop_client(token)).is_some()
    }

    fn meter(&self) {
        let bytes = self.clients.values().map(|client| client.connection.reserved()).sum();
        let connections = Meter { used: self.clients.len(), cap: self.most, hits: self.crowded };
        self.engine.note_http(connections, Meter { used: bytes, cap: HTTP_BUFFER_BYTES, hits: self.busy });
    }

    fn ready(&mut self, token: usize, event: &mio::event::Event) {
        let Some(client) = self.clients.get_mut(&token) else { return };
        client.readable |= event.is_readable() || event.is_read_closed();
        let gone = event.is_error() || event.is_write_closed() && event.is_read_closed();
        let waits = client.running.as_ref().is_some_and(|running| running.is_waiting());
        // The client cannot read the answer any more. A client that only ended its sending still gets its answer,
        // unless that would take a wait.
        if gone || waits && event.is_read_closed() {
            return self.drop_client(token);
        }
        self.serve(token);
    }

    /// Reads, answers and writes on one connection until nothing moves, or its turn is over.
    fn serve(&mut self, token: usize) {
        // Summed up once: this turn changes little of it.
        let reserved: usize = self.clients.values().map(|client| client.connection.reserved()).sum();
        let is_full = self.clients.values().filter(|client| client.running.is_some()).count() >= self.most_requests();
        for _ in 0..ROUNDS {
            let Some(client) = self.clients.get_mut(&token) else { return };
            let now = self.engine.now();
            let Ok(moved) = client.write(now).and_then(|written| Ok(written | client.read(now)?)) else {
                return self.drop_client(token);
            };
            let (gate, busy) = (&self.gate, &mut self.busy);
            let judge = |head: &Head| {
                gate.check(head)?;
                let bytes = reserved.saturating_add(head.length);
                admit(head, is_full, bytes).inspect_err(|_| *busy += 1)
            };
            if let Some(request) = client.connection.next(now, judge) {
                // Asked again: a token may have been removed while the body came.
                let progress = match self.gate.check(&request.head) {
                    Ok(right) => self.engine.begin(token, request, right),
                    Err(response) => Progress::Done(response),
                };
                self.settle(token, progress);
            } else if let Some(stream) = client.take_stream() {
                let progress = self.engine.resume(token, stream);
                self.settle(token, progress);
            } else if client.is_done() || client.is_deserted() {
                return self.drop_client(token);
            } else if !moved.any && (moved.blocked || client.connection.output().is_empty()) {
                return;
            }
        }
        self.again.insert(token);
    }

    /// Records the progress of a connection's request.
    fn settle(&mut self, token: usize, progress: Progress) {
        let Some(client) = self.clients.get_mut(&token) else { return };
        match progress {
            Progress::Done(response) => {
                (client.running, client.answered) = (None, true);
                client.connection.respond(self.engine.now(), &response);
            }
            Progress::Part(part) => client.add(self.engine.now(), part),
            Progress::Pending(running) => client.running = Some(running),
        }
    }

    fn read_mail(&mut self) {
        for completion in self.completions.take() {
            let token = completion.connection;
            // The client may have gone meanwhile.
            let Some(running) = self.clients.get_mut(&token).and_then(|client| client.running.take()) else { continue };
            let progress = self.engine.deliver(running, completion);
            self.settle(token, progress);
            self.serve(token);
        }
        if self.completions.take_changed() {
            let view = self.engine.view();
            for token in self.waiting() {
                let Some(running) = self.take_running(token) else { continue };
                let progress = self.engine.changed(running, &view);
                self.settle(token, progress);
                self.serve(token);
            }
        }
    }

    /// The most requests under way.
    fn most_requests(&self) -> usize {
        (self.most - self.most / SPARE_PART).max(1)
    }

    fn waiting(&self) -> Vec<usize> {
        let waits = |client: &Client| client.running.as_ref().is_some_and(|running| running.is_waiting());
        self.clients.iter().filter(|(_, client)| waits(client)).map(|(token, _)| *token).collect()
    }

    fn take_running(&mut self, token: usize) -> Option<Box<Running>> {
        self.clients.get_mut(&token)?.running.take()
    }

    fn expire(&mut self) {
        let now = self.engine.now();
        if self.accept_again.is_some_and(|time| time <= now) {
            self.accept();
        }
        let is_due = |client: &Client| {
            let running = client.running.as_ref().map(|running| running.deadline());
            [client.connection.deadline(), running].into_iter().flatten().any(|deadline| deadline <= now)
        };
        let due: Vec<usize> =
            self.clients.iter().filter(|(_, client)| is_due(client)).map(|(token, _)| *token).collect();
        for token in due {
            if let Some(running) = self.take_running(token) {
                let progress = self.engine.expire(running, now);
                self.settle(token, progress);
            }
            if self.clients.get_mut(&token).is_some_and(|client| client.connection.expire(now)) {
                self.drop_client(token);
            } else {
                self.serve(token);
            }
        }
    }

    fn drop_client(&mut self, token: usize) {
        if let Some(mut client) = self.clients.remove(&token) {
            // The socket closes right after, so a failure does not matter.
            drop(self.poll.registry().deregister(&mut client.stream));
            if self.accept_again.is_some() {
                self.accept_again = Some(self.engine.now());
            }
        }
    }

    /// Answers what is under way as far as that goes without waiting.
    fn end(mut self) {
        let tokens: Vec<usize> = self.clients.keys().copied().collect();
        self.read_mail();
        for token in tokens {
            let mut aborted = 0;
            // Each step that is given up ends one call; the rest of its batch is given up likewise.
            while let Some(running) = self.take_running(token)
                && aborted <= RPC_BATCH
            {
                let progress = self.engine.abort(running);
                self.settle(token, progress);
                aborted += 1;
            }
            if let Some(client) = self.clients.get_mut(&token) {
                // Best effort: what the socket does not take at once is lost with it.
                drop(client.write(self.engine.now()));
            }
            self.drop_client(token);
        }
    }
}

/// Whether a request may be read, while all connections together hold this number of bytes. Health is always answered.
fn admit(head: &Head, is_full: bool, bytes: usize) -> Result<(), Response> {
    let text = match (is_full, bytes <= HTTP_BUFFER_BYTES) {
        (false, true) => return Ok(()),
        (true, true) if PUBLIC_PATHS.contains(&head.path.as_str()) => return Ok(()),
        (true, _) => "too many requests are under way; try again",
        (_, false) => "too many bytes are under way; try again",
    };
    Err(Response::error(Status::Unavailable, text).with("Retry-After", "1"))
}

/// Fewer than usual if this process may open few files only.
fn most_connections() -> usize {
    let share = |spare: usize| (spare / DESCRIPTORS_PER_HTTP).max(1);
    descriptors::spare().map_or(HTTP_CONNECTIONS, |spare| share(spare).min(HTTP_CONNECTIONS))
}
