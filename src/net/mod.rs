//! The mio poll loop and its sockets.
//!
//! One thread owns the listener and all peer sockets. It moves bytes and time between the operating system and the
//! [`Endpoint`](crate::link::Endpoint), which decides everything; it hashes nothing, decodes nothing and never blocks.
//! What roles want comes from an [`OrderSource`]; a [`Waker`] interrupts the wait for sockets when there is an order, or
//! room again in an inbox that was full.

mod line;
mod line_conditions;
mod listen_address;
mod listener;
mod options;
mod poller;
mod socket;
mod traffic;
mod waker;

use crate::link::Order;

pub use line_conditions::LineConditions;
pub use listen_address::ListenAddress;
pub use listener::Listener;
pub use poller::Poller;
pub use traffic::Traffic;
pub use waker::Waker;

/// Where the poll loop's orders come from.
pub trait OrderSource: Send {
    /// The next order, if there is one. After an order is added, the [`Waker`] has to be used.
    fn next_order(&mut self) -> Option<Order>;
}
