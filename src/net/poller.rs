//! The loop: orders, sockets, deadlines, in turns.

use std::{collections::BTreeMap, io, sync::Arc, time::Duration};

use mio::{Events, Interest, Poll, Token, net::TcpStream};

use crate::{
    base::{ids::LinkId, limits, rng::Rng, time::Time},
    link::{Config, Endpoint, EventSink, Order},
    net::{
        LineConditions, Listener, OrderSource, Traffic, Waker,
        line::Line,
        options,
        socket::{Links, Socket},
    },
};

const WAKER: Token = Token(0);
/// Listeners have the tokens after the waker's, sockets all from here.
const FIRST_SOCKET: usize = 16;
/// Tokens of sockets are link ids modulo this, so that they fit where `usize` has 32 bits.
const SOCKET_TOKENS: u64 = 1 << 30;
/// Socket events taken per wait.
const EVENTS: usize = 128;

/// A poll loop that does not run yet. Its waker and its traffic counts may be handed out before it does.
pub struct Poller {
    poll: Poll,
    waker: Waker,
    traffic: Arc<Traffic>,
    config: Config,
    line: Option<Line>,
}

impl Poller {
    /// Asks the operating system for what the loop needs.
    pub fn new(config: Config) -> io::Result<Self> {
        let poll = Poll::new()?;
        let waker = Waker::new(poll.registry(), WAKER)?;
        Ok(Self { poll, waker, traffic: Arc::default(), config, line: None })
    }

    /// Lets all that is sent pass through an emulated line; `rng` draws what is lost.
    pub fn over_line(mut self, conditions: LineConditions, rng: Rng) -> Self {
        self.line = Some(Line::new(conditions, rng));
        self
    }

    /// Interrupts the loop's wait.
    pub fn waker(&self) -> Waker {
        self.waker.clone()
    }

    /// Bytes per link, and how full the limits are.
    pub fn traffic(&self) -> Arc<Traffic> {
        Arc::clone(&self.traffic)
    }

    /// Runs until a stop that was ordered is done. An error means that the operating system's polling itself failed.
    ///
    /// `now` is the driver's monotonic clock.
    pub fn run(
        self,
        listeners: Vec<Listener>,
        sink: Box<dyn EventSink + Send>,
        source: Box<dyn OrderSource>,
        now: impl Fn() -> Time,
    ) -> io::Result<()> {
        let mut running = Loop {
            poll: self.poll,
            waker: self.waker,
            traffic: self.traffic,
            listeners,
            source,
            links: Endpoint::new(self.config, sink),
            sockets: BTreeMap::new(),
            line: self.line,
            youngest: LinkId(0),
            more_orders: false,
            scratch: vec![0; limits::LINK_TURN_BYTES],
        };
        running.run(&now)
    }
}

struct Loop {
    poll: Poll,
    waker: Waker,
    traffic: Arc<Traffic>,
    listeners: Vec<Listener>,
    source: Box<dyn OrderSource>,
    links: Links,
    sockets: BTreeMap<LinkId, Socket>,
    /// Between the links and their sockets.
    line: Option<Line>,
    /// The link that was opened last.
    youngest: LinkId,
    more_orders: bool,
    scratch: Vec<u8>,
}

impl Loop {
    fn run(&mut self, now: &dyn Fn() -> Time) -> io::Result<()> {
        for (at, listener) in self.listeners.iter_mut().enumerate() {
            listener.register(self.poll.registry(), Token(1 + at))?;
        }
        let mut events = Events::with_capacity(EVENTS);
        let mut busy = false;
        loop {
            let wait = if busy { Some(Duration::ZERO) } else { self.next_alarm().map(|at| at.since(now())) };
            match self.poll.poll(&mut events, wait) {
                Ok(()) => {}
                Err(error) if error.kind() == io::ErrorKind::Interrupted => continue,
                Err(error) => return Err(error),
            }
            self.waker.seen();
            let time = now();
            events.iter().for_each(|event| self.event(time, event));
            self.orders(time);
            self.links.flush(time);
            self.links.handle_timeout(time);
            self.bind_late(time);
            self.accept(time);
            self.dial(time);
            self.traffic.set_limits(self.links.meters(time));
            self.pass_line(time);
            self.turns(time);
            // What a turn has put onto an idle line leaves at once.
            self.pass_line(time);
            self.traffic.note(self.links.holds_back(), self.links.small_segment_links());
            busy = self.links.turns() > 0 || self.more_orders || self.accepts_now(time);
            if self.links.has_stopped(time) {
                return Ok(());
            }
        }
    }

    fn next_alarm(&self) -> Option<Time> {
        let listeners = self.listeners.iter().filter_map(Listener::next_alarm).filter(|_| self.links.accepts());
        let line = self.line.as_ref().and_then(Line::next_alarm);
        self.links.deadline().into_iter().chain(listeners).chain(line).min()
    }

    fn event(&mut self, now: Time, event: &mio::event::Event) {
        match event.token() {
            WAKER => {}
            Token(at) if at < FIRST_SOCKET => {
                if let Some(listener) = self.listeners.get_mut(at - 1) {
                    listener.event();
                }
            }
            at => {
                let id = link_of(at, self.youngest);
                let Some(socket) = self.sockets.get_mut(&id) else { return };
                let broken = event.is_error() || event.is_read_closed() || event.is_write_closed();
                socket.event(event.is_readable() || broken, event.is_writable() || broken);
                if !socket.connecting {
                    return self.links.ready(id);
                }
                match socket.has_connected() {
                    Ok(false) => {}
                    Ok(true) => {
                        socket.connecting = false;
                        self.links.connected(now, id);
                    }
                    Err(error) => self.links.disconnected(now, id, error),
                }
            }
        }
    }

    fn orders(&mut self, now: Time) {
        self.more_orders = true;
        for _ in 0..limits::ORDERS_PER_TURN {
            let Some(order) = self.source.next_order() else {
                self.more_orders = false;
                return;
            };
            if matches!(order, Order::Retire | Order::Stop) {
                self.listeners.clear();
            }
            self.links.order(now, order);
        }
    }

    fn bind_late(&mut self, now: Time) {
        for (at, listener) in self.listeners.iter_mut().enumerate() {
            listener.bind_late(now, self.poll.registry(), Token(1 + at));
        }
    }

    fn accepts_now(&self, now: Time) -> bool {
        self.links.accepts() && self.listeners.iter().any(|listener| listener.is_ready(now))
    }

    fn accept(&mut self, now: Time) {
        if !self.links.accepts() {
            return;
        }
        let mut accepted = Vec::new();
        for listener in &mut self.listeners {
            listener.turn(now, |stream, remote| accepted.push((stream, remote)));
        }
        for (stream, remote) in accepted {
            // Without a free place the connection is closed at once, by dropping it.
            if let Some(id) = self.links.accepted(now, remote) {
                self.add(now, id, stream, false);
            }
        }
    }

    fn dial(&mut self, now: Time) {
        while let Some((id, address)) = self.links.next_dial() {
            match options::connect(address, self.links.segment_limit(address)) {
                Ok(stream) => self.add(now, id, stream, true),
                Err(error) => self.links.disconnected(now, id, &error),
            }
        }
    }

    fn add(&mut self, now: Time, id: LinkId, mut stream: TcpStream, connecting: bool) {
        self.youngest = self.youngest.max(id);
        let interests = Interest::READABLE | Interest::WRITABLE;
        if let Err(error) = self.poll.registry().register(&mut stream, token(id), interests) {
            return self.links.disconnected(now, id, &error);
        }
        options::tune(&stream);
        let socket = Socket::new(id, stream, connecting, self.traffic.open(id));
        self.sockets.insert(id, socket);
    }

    fn pass_line(&mut self, now: Time) {
        for id in self.line.as_mut().map(|line| line.pass(now)).unwrap_or_default() {
            self.links.ready(id);
        }
    }

    /// Gives each link that has something to do one turn, and drops the sockets of those that are given up.
    fn turns(&mut self, now: Time) {
        for _ in 0..self.links.turns() {
            let Some(id) = self.links.next_turn() else { break };
            if let Some(socket) = self.sockets.get_mut(&id) {
                socket.turn(now, &mut self.links, self.line.as_mut(), &mut self.scratch);
            }
        }
        while let Some(id) = self.links.next_dropped() {
            self.sockets.remove(&id);
            if let Some(line) = &mut self.line {
                line.forget(id);
            }
            self.traffic.close(id);
        }
    }
}

fn token(id: LinkId) -> Token {
    let at = usize::try_from(id.0 % SOCKET_TOKENS).expect("a number below 2^30 fits in usize");
    Token(FIRST_SOCKET + at)
}

/// The youngest link, up to `youngest`, with this token. A link that outlives 2^30 others would lose its events to a younger
/// one, be silent, and be closed by its next unanswered ping.
fn link_of(token: Token, youngest: LinkId) -> LinkId {
    let last = youngest.0;
    let at = token.0.saturating_sub(FIRST_SOCKET) as u64;
    let id = last - last % SOCKET_TOKENS + at;
    LinkId(if id > last { id.saturating_sub(SOCKET_TOKENS) } else { id })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_token_leads_back_to_its_socket() {
        for id in [1, 2, SOCKET_TOKENS - 1, SOCKET_TOKENS, SOCKET_TOKENS + 1, 5 * SOCKET_TOKENS + 7] {
            for younger in [0, 1, 1000] {
                assert_eq!(link_of(token(LinkId(id)), LinkId(id + younger)), LinkId(id));
            }
        }
    }
}
