//! The mio poll loop and its sockets.
//!
//! One thread owns the listener and all peer sockets. It reads, writes and keeps socket deadlines; it hashes nothing,
//! decodes nothing and never blocks. What arrives goes to the roles through an [`EventSink`], what they want done
//! comes from an [`OrderSource`]; a [`Waker`] interrupts the wait for sockets when there is an order, or room again in
//! an inbox that was full.
//!
//! For each link every role hears `Opened`, `Up`, frames and `Closed` in this order. `Opened`, `Up` and `Closed` are
//! never lost: they wait in a backlog in front of a full inbox. A frame for a full inbox stays with its link, and that
//! link is read no further; links that wait for the same inbox take turns.

mod conn;
mod delivery;
mod dials;
mod leases;
mod links;
mod listener;
mod poller;
mod timers;
mod traffic;
mod waker;

use std::time::Duration;

use crate::{
    base::limits,
    node::{LinkAction, LinkEvent, RoleId},
};

pub use delivery::{Delivery, hearers};
pub use listener::Listener;
pub use poller::Poller;
pub use traffic::Traffic;
pub use waker::Waker;

/// Where the poll loop's events go.
pub trait EventSink: Send {
    /// Puts an event into a role's inbox. A full inbox gives it back, and promises to use the poll loop's [`Waker`]
    /// once there is room. A role that has ended takes everything and hears nothing.
    fn try_deliver(&mut self, role: RoleId, event: LinkEvent) -> Result<(), LinkEvent>;
}

/// Where the poll loop's orders come from.
pub trait OrderSource: Send {
    /// The next order, if there is one. Whoever adds an order uses the [`Waker`] afterwards.
    fn next_order(&mut self) -> Option<Order>;
}

/// What the poll loop is asked to do.
#[derive(Clone, Debug, PartialEq)]
pub enum Order {
    /// A role's wish.
    Link(LinkAction),
    /// Accept and dial no more.
    Retire,
    /// Say goodbye to all, flush for a moment, end.
    Stop,
}

/// Limits of one poll loop that tests may tighten; the defaults are those of [`limits`].
#[derive(Clone, Debug)]
pub struct Config {
    /// The first bytes of each frame.
    pub magic: [u8; 4],
    /// Accepted connections, those in the handshake included.
    pub max_accepted: usize,
    /// How long a TCP connection attempt may take.
    pub dial_timeout: Duration,
    /// First byte to last of a small frame.
    pub partial_frame: Duration,
    /// First byte to last of a frame above [`limits::LEASE_FREE_BYTES`].
    pub partial_block: Duration,
    /// Queued data and no byte accepted.
    pub send_stall: Duration,
    /// Goodbye to the end of the socket.
    pub goodbye_linger: Duration,
    /// The same at a stop.
    pub stop_flush: Duration,
    /// Bytes of large frames that may be arriving at once.
    pub receive_budget: usize,
    /// Bytes queued to all peers.
    pub send_budget: usize,
}

impl Config {
    /// The defaults for a network and a number of inbound peers.
    pub fn new(magic: [u8; 4], max_inbound: usize) -> Self {
        Self {
            magic,
            max_accepted: max_inbound.saturating_add(limits::INBOUND_SLACK + limits::CLOSING_SLACK),
            dial_timeout: limits::DIAL_TIMEOUT,
            partial_frame: limits::PARTIAL_FRAME,
            partial_block: limits::PARTIAL_BLOCK,
            send_stall: limits::SEND_STALL,
            goodbye_linger: limits::GOODBYE_LINGER,
            stop_flush: limits::STOP_FLUSH,
            receive_budget: limits::RECEIVE_BUDGET_BYTES,
            send_budget: limits::SEND_BUDGET_BYTES,
        }
    }
}

#[cfg(test)]
mod tests;
