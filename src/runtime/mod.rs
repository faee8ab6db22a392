//! Threads, channels, the clock, signals, logs, start and stop order.
//!
//! [`node::Node::start`] is the one way to run a node: one thread a role, one for the poll loop. Every channel is
//! bounded. A role that panics, or a queue that nobody empties, stops the node; it never limps on.

mod backpressure;
mod channels;
pub mod clock;
pub mod descriptors;
pub mod handle;
pub mod heard;
mod listening;
pub mod logging;
pub mod memory;
pub mod node;
pub mod panics;
mod pending_commands;
mod queue;
pub mod resolver;
mod rotation;
pub mod signals;
mod start_error;
pub mod status;
mod stop;
pub mod traffic;
mod worker;

pub use clock::{Clock, ManualClock, RealClock, unix_now};
pub use handle::NodeHandle;
pub use listening::Listen;
pub use node::{Node, NodeOptions, Readiness};
pub use start_error::{StartError, thread_hint};
pub use stop::StopReason;
pub use worker::{Pace, Unpaced};

#[cfg(test)]
mod fakes;
#[cfg(test)]
mod scheduler;
#[cfg(test)]
mod tests;
