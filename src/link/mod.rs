//! The link layer, without input or output of its own: everything that a node decides about its connections.
//!
//! An [`Endpoint`] owns all links of a node. A driver tells it the time, gives it the bytes that arrive, asks it for the
//! bytes to send and for its next deadline, and drops the connections that it gives up. Three drivers run the same
//! endpoint: the poll loop with sockets, the simulator, and the thread tests.
//!
//! What arrives goes to the roles through an [`EventSink`]. For each link every role hears `Opened`, `Up`, frames and
//! `Closed` in this order. `Opened`, `Up` and `Closed` are never lost: they wait in a backlog in front of a full inbox.
//! A frame for a full inbox stays with its link, and that link is read no further; links that wait for the same inbox
//! take turns.
//!
//! Nothing that waits to be sent on a link holds up reading it: else two nodes that push large blocks to each other would
//! both stop. So what is queued has limits of its own (`flow`): requests wait for the answers before them, and news that
//! finds no room is left out and told of later.

mod agreeing;
mod agreements;
mod arriving;
mod asked;
mod body_turns;
mod bringing;
mod close;
mod delivery;
mod dials;
mod draining;
mod endpoint;
mod flow;
mod framer;
mod leases;
#[expect(clippy::module_inception, reason = "a link is what this layer is about")]
mod link;
mod meters;
mod near_tip;
mod opening;
mod piece_reader;
mod piece_turns;
mod proposing;
mod pushed;
mod pushing;
mod reading;
mod relaying;
mod requests;
mod securing;
mod segments;
mod send_queue;
mod sending;
mod shares;
mod timers;
mod tunnel;
mod unread;
mod upload;

use std::{sync::Arc, time::Duration};

use crate::{
    base::{ids::NodeId, limits},
    node::{LinkAction, LinkEvent, Members, RoleId, report::Counter},
    wire::message::Kind,
};

pub use delivery::hearers;
pub use endpoint::{Endpoint, Usage};
pub use meters::LinkMeters;

/// Where an endpoint's events go.
pub trait EventSink {
    /// Puts an event into a role's inbox. A full inbox gives it back; once there is room, somebody has to call
    /// [`Endpoint::flush`]. A role that has ended takes everything and hears nothing.
    fn try_deliver(&mut self, role: RoleId, event: LinkEvent) -> Result<(), LinkEvent>;

    /// So many more of something have happened.
    fn count(&mut self, _counter: Counter, _by: u64) {}
}

impl<S: EventSink + ?Sized> EventSink for Box<S> {
    fn try_deliver(&mut self, role: RoleId, event: LinkEvent) -> Result<(), LinkEvent> {
        (**self).try_deliver(role, event)
    }

    fn count(&mut self, counter: Counter, by: u64) {
        (**self).count(counter, by);
    }
}

/// What an endpoint is asked to do.
#[derive(Clone, Debug, PartialEq)]
pub enum Order {
    /// What a role wants.
    Link(LinkAction),
    /// Accept and dial no more.
    Retire,
    /// Say goodbye to all, flush for a moment, end.
    Stop,
}

/// Limits of one endpoint that tests and the simulator may tighten; the defaults are those of [`limits`].
#[derive(Clone, Debug)]
pub struct Config {
    /// The first bytes of each frame.
    pub magic: [u8; 4],
    /// Kinds of frames that are a fault of their sender at any time.
    pub out_of_place: &'static [Kind],
    /// What is below the frames.
    pub transport: Transport,
    /// Who may link; `None`: everybody.
    pub members: Option<Arc<Members>>,
    /// Connections and key agreements that one address may begin, and all together.
    pub agreements: AgreementRates,
    /// Accepted connections, those in the handshake included.
    pub max_accepted: usize,
    /// How long a connection attempt may take.
    pub dial_timeout: Duration,
    /// First byte to last of a small frame.
    pub partial_frame: Duration,
    /// First byte to last of a frame above `lease_free_bytes`.
    pub partial_block: Duration,
    /// Queued data and no byte accepted.
    pub send_stall: Duration,
    /// Goodbye to the end of the connection.
    pub goodbye_linger: Duration,
    /// The same at a stop.
    pub stop_flush: Duration,
    /// Bodies larger than this need a lease while they arrive.
    pub lease_free_bytes: usize,
    /// Bytes per second at which such a body must arrive while others wait for a lease.
    pub lease_min_rate: u64,
    /// Bytes of large frames that may be arriving at once.
    pub receive_budget: usize,
    /// Bytes queued to all peers.
    pub send_budget: usize,
    /// Bytes queued to one peer above which its requests wait and news is left out.
    pub send_soft: usize,
    /// Bytes a second that are sent on all links together; `None`: no limit.
    pub max_upload: Option<u64>,
}

/// What is below the frames of a link.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Transport {
    /// Sealed messages, after an agreement on keys.
    Noise,
    /// Bytes as they are, after both sides have said who they are: for simulations and tests of other things.
    Clear(NodeId),
}

/// How many connections of others are taken, and how many key agreements begun. What exceeds it is closed before it costs anything.
#[derive(Clone, Copy, Debug)]
pub struct AgreementRates {
    /// Connections a second of one address, and at once.
    pub arrivals: (u32, u32),
    /// A second, for one address, and at once.
    pub address: (u32, u32),
    /// A second, in all, and at once.
    pub total: (u32, u32),
    /// Whether the own host counts as an address, too: on test chains it is many nodes.
    pub own_host: bool,
}

impl Default for AgreementRates {
    fn default() -> Self {
        let (arrivals, address) = (limits::ARRIVALS_OF_ADDRESS, limits::AGREEMENTS_OF_ADDRESS);
        Self { arrivals, address, total: limits::AGREEMENTS, own_host: true }
    }
}

impl Config {
    /// The defaults for a network and a number of inbound peers.
    pub fn new(magic: [u8; 4], max_inbound: usize) -> Self {
        Self {
            magic,
            out_of_place: &[],
            transport: Transport::Noise,
            members: None,
            agreements: AgreementRates::default(),
            max_accepted: max_inbound.saturating_add(limits::INBOUND_SLACK + limits::CLOSING_SLACK),
            dial_timeout: limits::DIAL_TIMEOUT,
            partial_frame: limits::PARTIAL_FRAME,
            partial_block: limits::PARTIAL_BLOCK,
            send_stall: limits::SEND_STALL,
            goodbye_linger: limits::GOODBYE_LINGER,
            stop_flush: limits::STOP_FLUSH,
            lease_free_bytes: limits::LEASE_FREE_BYTES,
            lease_min_rate: limits::LEASE_MIN_RATE,
            receive_budget: limits::RECEIVE_BUDGET_BYTES,
            send_budget: limits::SEND_BUDGET_BYTES,
            send_soft: limits::SEND_SOFT_BYTES,
            max_upload: None,
        }
    }
}

#[cfg(test)]
mod tests;
