//! The protocol's roles: deterministic state machines, one file each. No threads, sockets, clocks or SQL here.
//!
//! A role is told the time with each event and answers with actions and notices in its [`Outbox`]. Three drivers run
//! the same roles: threads in production, the simulator, and the thread tests. Since roles share no memory, any
//! interleaving of threads equals some order of message delivery, and what holds in the simulator holds in production.

mod addressed;
mod build;
mod chain_move;
pub mod command;
mod event;
pub mod fault;
pub mod fetch;
mod finals;
pub mod gossip;
pub mod handshake;
pub mod headers;
pub mod hindrance;
mod hindrance_reporter;
pub mod history;
mod input;
pub mod key_agreement;
pub mod ledger;
pub mod limit;
mod members;
pub mod miner;
pub mod netgroup;
mod node_address;
pub mod node_key;
pub mod notice;
mod origin;
mod outbox;
mod peer_info;
pub mod peers;
pub mod price;
pub(crate) mod rate_limit;
mod recent;
mod refusal;
pub mod report;
mod role;
mod role_id;
pub mod sealer;
mod setup;
pub mod snapshot;
mod sync_state;
mod template;
#[cfg(test)]
pub mod testing;
#[cfg(test)]
mod turns;
pub mod verify;

pub use build::{Roles, build};
pub use chain_move::ChainMove;
pub use event::{AgreementStep, Event, LinkEvent};
pub use fault::{CloseReason, DialFailure, Halt, PeerFault};
pub use finals::Finals;
pub use hindrance_reporter::HindranceReporter;
pub use input::{AgreementLink, Bringing, Drained, HandshakeLink, Input, NewsLost, Nothing, PeerLink};
pub use members::Members;
pub use node_address::{HostName, NodeAddress};
pub use notice::Notice;
pub use origin::Origin;
pub use outbox::{Action, LinkAction, LinkKeys, Outbox};
pub use peer_info::{Direction, PeerInfo};
pub use refusal::Refusal;
pub use role::{AnyRole, Role};
pub use role_id::RoleId;
pub use setup::{Join, Setup, Stores};
pub use sync_state::SyncState;
pub use template::Template;
pub use verify::Verdicts;
