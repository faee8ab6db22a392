//! Accepting connections: a few per turn, and never in a busy loop when the host has run out of something.

use std::{io, net::SocketAddr};

use mio::{Interest, Registry, Token, net::TcpListener, net::TcpStream};

use crate::base::{limits, time::Time};

/// A bound TCP socket that accepts peers.
pub struct Listener {
    socket: TcpListener,
    /// There may be connections to accept (edge-triggered).
    ready: bool,
    paused_until: Option<Time>,
}

impl Listener {
    /// Binds an address. Port 0 takes any free one. A node that was just stopped does not block its address.
    pub fn bind(address: SocketAddr) -> io::Result<Self> {
        Ok(Self { socket: TcpListener::bind(address)?, ready: true, paused_until: None })
    }

    /// The bound address, with the real port.
    pub fn local_address(&self) -> io::Result<SocketAddr> {
        self.socket.local_addr()
    }

    pub(super) fn register(&mut self, registry: &Registry, token: Token) -> io::Result<()> {
        registry.register(&mut self.socket, token, Interest::READABLE)
    }

    pub(super) fn event(&mut self) {
        self.ready = true;
    }

    /// Whether a turn would do something now.
    pub(super) fn is_ready(&self, now: Time) -> bool {
        self.ready && self.paused_until.is_none_or(|until| until <= now)
    }

    /// The end of a pause, if connections wait for it.
    pub(super) fn next_alarm(&self) -> Option<Time> {
        self.paused_until.filter(|_| self.ready)
    }

    /// Accepts a few connections.
    pub(super) fn turn(&mut self, now: Time, mut accepted: impl FnMut(TcpStream, SocketAddr)) {
        if !self.is_ready(now) {
            return;
        }
        self.paused_until = None;
        for _ in 0..limits::ACCEPTS_PER_TURN {
            match self.socket.accept() {
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
