//! Accepting connections: a few per turn, and never in a busy loop when the host has run out of something.

use std::{io, net::SocketAddr, time::Duration};

use mio::{Interest, Registry, Token, net::TcpListener, net::TcpStream};

use crate::{
    base::{limits, time::Time},
    net::ListenAddress,
};

/// Time between two looks for an address that this host does not have yet.
const BIND_RETRY: Duration = Duration::from_secs(1);

/// Called once with the real address.
type OnBound = Box<dyn FnOnce(SocketAddr) + Send>;

/// A TCP socket that accepts peers, or the wish for one: an address that this host does not have yet is waited for.
pub struct Listener {
    address: ListenAddress,
    /// `None`: the host does not have the address yet.
    socket: Option<TcpListener>,
    on_bound: Option<OnBound>,
    /// There may be connections to accept (edge-triggered).
    ready: bool,
    paused_until: Option<Time>,
}

impl Listener {
    /// Binds an address, or waits until this host has it. Port 0 takes any free one. A node that was just stopped does not
    /// block its address.
    pub fn bind(address: impl Into<ListenAddress>) -> io::Result<Self> {
        let address = address.into();
        let socket = match bind(&address) {
            Ok(socket) => Some(socket),
            Err(error) if error.kind() == io::ErrorKind::AddrNotAvailable => None,
            Err(error) => return Err(error),
        };
        Ok(Self { address, socket, on_bound: None, ready: true, paused_until: None })
    }

    /// The address that was asked for.
    pub fn address(&self) -> &ListenAddress {
        &self.address
    }

    /// The bound address, with the real port; `None` while the host does not have it.
    pub fn local_address(&self) -> Option<SocketAddr> {
        self.socket.as_ref()?.local_addr().ok()
    }

    /// Tells when an address that is waited for is bound.
    pub fn on_bound(&mut self, tell: impl FnOnce(SocketAddr) + Send + 'static) {
        self.on_bound = Some(Box::new(tell));
    }

    pub(super) fn register(&mut self, registry: &Registry, token: Token) -> io::Result<()> {
        match &mut self.socket {
            Some(socket) => registry.register(socket, token, Interest::READABLE),
            None => Ok(()),
        }
    }

    /// Looks whether the host has the address by now.
    pub(super) fn bind_late(&mut self, now: Time, registry: &Registry, token: Token) {
        if self.socket.is_some() || self.paused_until.is_some_and(|until| now < until) {
            return;
        }
        self.paused_until = Some(now + BIND_RETRY);
        let Ok(mut socket) = bind(&self.address) else { return };
        let registered = registry.register(&mut socket, token, Interest::READABLE);
        if let (Ok(()), Ok(address)) = (registered, socket.local_addr()) {
            (self.socket, self.paused_until, self.ready) = (Some(socket), None, true);
            if let Some(tell) = self.on_bound.take() {
                tell(address);
            }
        }
    }

    pub(super) fn event(&mut self) {
        self.ready = true;
    }

    /// Whether a turn would do something now.
    pub(super) fn is_ready(&self, now: Time) -> bool {
        self.socket.is_some() && self.ready && self.paused_until.is_none_or(|until| until <= now)
    }

    /// The end of a pause, if connections wait for it, or the time to look for the address again.
    pub(super) fn next_alarm(&self) -> Option<Time> {
        match self.socket {
            Some(_) => self.paused_until.filter(|_| self.ready),
            None => Some(self.paused_until.unwrap_or_default()),
        }
    }

    /// Accepts a few connections.
    pub(super) fn turn(&mut self, now: Time, mut accepted: impl FnMut(TcpStream, SocketAddr)) {
        if !self.is_ready(now) {
            return;
        }
        self.paused_until = None;
        let Some(socket) = &self.socket else { return };
        for _ in 0..limits::ACCEPTS_PER_TURN {
            match socket.accept() {
                Ok((stream, remote)) => accepted(stream, remote),
                Err(error) => match error.kind() {
                    io::ErrorKind::WouldBlock => {
                        self.ready = false;
                        return;
                    }
                    // The other side was faster; the next one may be fine.
                    io::ErrorKind::Interrupted | io::ErrorKind::ConnectionAborted => {}
                    // Out of file descriptors or memory: the connection stays in the queue, so asking at once again
                    // would spin.
                    _ => {
                        log::warn!("cannot accept connections for the moment error={error}");
                        self.paused_until = Some(now + limits::ACCEPT_PAUSE);
                        return;
                    }
                },
            }
        }
    }
}

fn bind(address: &ListenAddress) -> io::Result<TcpListener> {
    TcpListener::bind(address.resolve()?)
}

#[cfg(test)]
mod tests {
    use std::sync::mpsc::channel;

    use mio::Poll;

    use super::*;

    #[test]
    fn an_address_that_the_host_gets_later_is_bound_then() {
        // An address for documentation, which no host has.
        let absent = SocketAddr::from(([192, 0, 2, 77], 0));
        let mut listener = Listener::bind(absent).expect("it is waited for");
        let (poll, (tell, told)) = (Poll::new().expect("a poll"), channel());
        listener.on_bound(move |address| tell.send(address).expect("the test waits"));
        assert_eq!(listener.next_alarm(), Some(Time(0)), "a loop to which nothing happens looks, too");
        listener.bind_late(Time(0), poll.registry(), Token(1));
        assert_eq!((listener.local_address(), listener.next_alarm()), (None, Some(Time(0) + BIND_RETRY)));
        assert!(!listener.is_ready(Time(0) + BIND_RETRY));
        // Now the host has it.
        listener.address = SocketAddr::from(([127, 0, 0, 1], 0)).into();
        listener.bind_late(Time(1), poll.registry(), Token(1));
        assert_eq!(listener.local_address(), None, "it looks once in a while");
        listener.bind_late(Time(0) + BIND_RETRY, poll.registry(), Token(1));
        let bound = told.try_recv().expect("it is told");
        assert_eq!(listener.local_address(), Some(bound));
        std::net::TcpStream::connect(bound).expect("it listens");
        assert!(listener.is_ready(Time(0) + BIND_RETRY) && listener.next_alarm().is_none());
    }
}
