//! The loop: orders, sockets, deadlines, in turns.

use std::{io, net::SocketAddr, sync::Arc};

use mio::{Events, Interest, Poll, Token, net::TcpStream};

use crate::{
    base::{
        ids::{DialId, LinkId},
        limits,
        time::Time,
    },
    net::{
        Config, Delivery, EventSink, Listener, Order, OrderSource, Traffic, Waker,
        dials::{Dials, Outcome},
        links::Links,
    },
    node::{Direction, LinkAction, LinkEvent, RoleId},
    wire::message::GoodbyeCode,
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
}

impl Poller {
    /// Asks the operating system for what the loop needs.
    pub fn new(config: Config) -> io::Result<Self> {
        let poll = Poll::new()?;
        let waker = Waker::new(poll.registry(), WAKER)?;
        Ok(Self { poll, waker, traffic: Arc::default(), config })
    }

    /// Interrupts the loop's wait.
    pub fn waker(&self) -> Waker {
        self.waker.clone()
    }

    /// Bytes per link.
    pub fn traffic(&self) -> Arc<Traffic> {
        Arc::clone(&self.traffic)
    }

    /// Runs until [`Order::Stop`] is done. An error means that the operating system's polling itself failed.
    ///
    /// `now` is the driver's monotonic clock.
    pub fn run(
        self,
        listeners: Vec<Listener>,
        sink: Box<dyn EventSink>,
        source: Box<dyn OrderSource>,
        now: impl Fn() -> Time,
    ) -> io::Result<()> {
        let links = Links::new(self.config.clone(), Delivery::new(sink), self.traffic);
        let mut running = Loop {
            poll: self.poll,
            waker: self.waker,
            config: self.config,
            listeners,
            source,
            links,
            dials: Dials::default(),
            next_id: 1,
            retired: false,
            stop_by: None,
            more_orders: false,
        };
        running.run(&now)
    }
}

struct Loop {
    poll: Poll,
    waker: Waker,
    config: Config,
    listeners: Vec<Listener>,
    source: Box<dyn OrderSource>,
    links: Links,
    dials: Dials,
    next_id: u64,
    /// Neither accepts nor dials any more.
    retired: bool,
    stop_by: Option<Time>,
    more_orders: bool,
}

impl Loop {
    fn run(&mut self, now: &dyn Fn() -> Time) -> io::Result<()> {
        for (at, listener) in self.listeners.iter_mut().enumerate() {
            listener.register(self.poll.registry(), Token(1 + at))?;
        }
        let mut events = Events::with_capacity(EVENTS);
        let mut busy = false;
        loop {
            let wait = if busy { Some(std::time::Duration::ZERO) } else { self.next_alarm().map(|at| at.since(now())) };
            match self.poll.poll(&mut events, wait) {
                Ok(()) => {}
                Err(error) if error.kind() == io::ErrorKind::Interrupted => continue,
                Err(error) => return Err(error),
            }
            self.waker.seen();
            let time = now();
            events.iter().for_each(|event| self.event(event));
            self.orders(time);
            self.links.flush(time);
            self.alarms(time);
            self.accept(time);
            self.links.meter(time);
            busy = self.links.turns(time) | self.more_orders | self.accepts_now(time);
            if self.stop_by.is_some_and(|by| by <= time || self.links.is_empty()) {
                return Ok(());
            }
        }
    }

    fn next_alarm(&self) -> Option<Time> {
        let listeners = self.listeners.iter().filter_map(Listener::next_alarm).filter(|_| self.accepts());
        let others = [self.links.next_alarm(), self.dials.next_alarm(), self.stop_by];
        others.into_iter().flatten().chain(listeners).min()
    }

    fn event(&mut self, event: &mio::event::Event) {
        match event.token() {
            WAKER => {}
            Token(at) if at < FIRST_SOCKET => {
                if let Some(listener) = self.listeners.get_mut(at - 1) {
                    listener.event();
                }
            }
            Token(at) => {
                let id = socket(Token(at), self.next_id);
                let broken = event.is_error() || event.is_read_closed() || event.is_write_closed();
                self.links.event(id, event.is_readable() || broken, event.is_writable() || broken);
                if let Some(outcome) = self.dials.event(id) {
                    self.dialled(id, outcome);
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
            self.order(order, now);
        }
    }

    fn order(&mut self, order: Order, now: Time) {
        match order {
            Order::Link(LinkAction::Dial { dial, address }) => self.dial(dial, address, now),
            Order::Link(LinkAction::Send { link, frame }) => self.links.send(link, &frame, now),
            Order::Link(LinkAction::Resume(link)) => self.links.resume(link),
            Order::Link(LinkAction::Promote { link, peer }) => self.links.promote(link, &peer),
            Order::Link(LinkAction::Close { link, reason, retry_after }) => {
                self.links.close(link, *reason, retry_after, now);
            }
            Order::Retire => self.retire(),
            Order::Stop => {
                self.retire();
                let by = now + self.config.stop_flush;
                self.stop_by = Some(by);
                self.links.end_all(GoodbyeCode::Stopping, by);
            }
        }
    }

    fn dial(&mut self, dial: DialId, address: SocketAddr, now: Time) {
        let refused = match (self.retired, self.dials.is_full()) {
            (true, _) => Some("the node is stopping".to_owned()),
            (_, true) => Some("too many connection attempts under way".to_owned()),
            _ => None,
        };
        let id = self.new_id();
        let started = match refused {
            Some(reason) => Err(reason),
            None => TcpStream::connect(address)
                .and_then(|stream| self.register(id, stream))
                .map_err(|error| error.to_string()),
        };
        match started {
            Ok(stream) => self.dials.add(id, dial, address, stream, now + self.config.dial_timeout),
            Err(reason) => self.dialled(id, Outcome::Failed { dial, address, reason }),
        }
    }

    fn dialled(&mut self, id: LinkId, outcome: Outcome) {
        match outcome {
            Outcome::Connected { dial, address, stream } => {
                self.links.open(id, stream, Direction::Outbound(dial), address);
            }
            Outcome::Failed { dial, address, reason } => {
                self.links.delivery.tell(RoleId::Peers, LinkEvent::DialFailed { dial, address, reason });
            }
        }
    }

    fn alarms(&mut self, now: Time) {
        self.links.alarms(now);
        while let Some((id, outcome)) = self.dials.overdue(now) {
            self.dialled(id, outcome);
        }
    }

    /// A role that is far behind hears of no new links: the backlog in front of it stays short.
    fn accepts(&self) -> bool {
        !self.retired && !self.links.delivery.congested()
    }

    fn accepts_now(&self, now: Time) -> bool {
        self.accepts() && self.listeners.iter().any(|listener| listener.is_ready(now))
    }

    fn accept(&mut self, now: Time) {
        if !self.accepts() {
            return;
        }
        let mut accepted = Vec::new();
        for listener in &mut self.listeners {
            listener.turn(now, |stream, remote| accepted.push((stream, remote)));
        }
        for (stream, remote) in accepted {
            // Without a free place the connection is closed at once, by dropping it.
            if !self.links.make_room(now) {
                log::debug!("connection refused, no free place remote={remote}");
                continue;
            }
            let id = self.new_id();
            match self.register(id, stream) {
                Ok(stream) => self.links.open(id, stream, Direction::Inbound, remote),
                Err(error) => log::warn!("cannot watch a new connection remote={remote} error={error}"),
            }
        }
    }

    fn retire(&mut self) {
        self.retired = true;
        self.listeners.clear();
        while let Some((id, outcome)) = self.dials.give_up("the node is stopping") {
            self.dialled(id, outcome);
        }
    }

    fn register(&mut self, id: LinkId, mut stream: TcpStream) -> io::Result<TcpStream> {
        self.poll.registry().register(&mut stream, token(id), Interest::READABLE | Interest::WRITABLE)?;
        // Small answers must not wait for acknowledgements of earlier ones. Without it all still works, only slower.
        drop(stream.set_nodelay(true));
        Ok(stream)
    }

    fn new_id(&mut self) -> LinkId {
        let id = LinkId(self.next_id);
        self.next_id += 1;
        id
    }
}

fn token(id: LinkId) -> Token {
    let at = usize::try_from(id.0 % SOCKET_TOKENS).expect("a number below 2^30 fits in usize");
    Token(FIRST_SOCKET + at)
}

/// The youngest id below `next_id` with this token. A link that outlives 2^30 others would lose its events to a younger
/// one, be silent, and be closed by its next unanswered ping.
fn socket(token: Token, next_id: u64) -> LinkId {
    let last = next_id.saturating_sub(1);
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
                assert_eq!(socket(token(LinkId(id)), id + 1 + younger), LinkId(id));
            }
        }
    }
}
