//! Connections that we are opening. Each attempt completes exactly once.

use std::{collections::BTreeMap, io, net::SocketAddr};

use mio::net::TcpStream;

use crate::{
    base::{
        ids::{DialId, LinkId},
        limits,
        time::Time,
    },
    net::timers::Timers,
};

/// A connection attempt under way. It has the id of the link that it may become.
struct Attempt {
    dial: DialId,
    address: SocketAddr,
    stream: TcpStream,
    deadline: Time,
}

/// All connection attempts under way.
#[derive(Default)]
pub(super) struct Dials {
    attempts: BTreeMap<LinkId, Attempt>,
    timers: Timers,
}

/// How an attempt ended.
pub(super) enum Outcome {
    /// A connection stands.
    Connected { dial: DialId, address: SocketAddr, stream: TcpStream },
    /// It came to nothing.
    Failed { dial: DialId, address: SocketAddr, reason: String },
}

impl Dials {
    pub(super) fn is_full(&self) -> bool {
        self.attempts.len() >= limits::MAX_DIALS
    }

    pub(super) fn add(&mut self, id: LinkId, dial: DialId, address: SocketAddr, stream: TcpStream, deadline: Time) {
        self.timers.arm(id, &mut None, Some(deadline));
        self.attempts.insert(id, Attempt { dial, address, stream, deadline });
    }

    /// The socket has news. `None`: not an attempt, or still under way.
    pub(super) fn event(&mut self, id: LinkId) -> Option<Outcome> {
        let stream = &self.attempts.get(&id)?.stream;
        let error = match stream.take_error() {
            Ok(None) => match (stream.peer_addr(), stream.local_addr()) {
                // Dialling a free local port can, by TCP's simultaneous opening, reach the dialling socket itself.
                (Ok(remote), Ok(local)) if remote == local => Some("connected to itself".to_owned()),
                (Ok(_), _) => None,
                (Err(error), _) if error.kind() == io::ErrorKind::NotConnected => return None,
                (Err(error), _) => Some(error.to_string()),
            },
            Ok(Some(error)) | Err(error) => Some(error.to_string()),
        };
        self.finish(id, error)
    }

    /// The next deadline.
    pub(super) fn next_alarm(&self) -> Option<Time> {
        self.timers.next()
    }

    /// One attempt whose time is up, with its id.
    pub(super) fn overdue(&mut self, now: Time) -> Option<(LinkId, Outcome)> {
        let id = self.timers.due(now)?;
        self.finish(id, Some("timed out".to_owned())).map(|outcome| (id, outcome))
    }

    /// Gives one attempt up, at a stop.
    pub(super) fn give_up(&mut self, reason: &str) -> Option<(LinkId, Outcome)> {
        let id = *self.attempts.first_key_value()?.0;
        self.finish(id, Some(reason.to_owned())).map(|outcome| (id, outcome))
    }

    fn finish(&mut self, id: LinkId, error: Option<String>) -> Option<Outcome> {
        let Attempt { dial, address, stream, deadline } = self.attempts.remove(&id)?;
        self.timers.disarm(id, Some(deadline));
        Some(match error {
            None => Outcome::Connected { dial, address, stream },
            Some(reason) => Outcome::Failed { dial, address, reason },
        })
    }
}
