//! What the handshake role keeps of a link.

use std::{net::SocketAddr, time::Duration};

use crate::{
    base::{ids::NodeId, limits, time::Time},
    node::{Direction, notice::Useful},
    wire::message::{GoodbyeCode, Version},
};

/// One link.
#[derive(Debug)]
pub(super) struct Link {
    pub(super) direction: Direction,
    pub(super) remote: SocketAddr,
    /// Where the node at the other end listens: the dialled address, or what an inbound link's `Version` claims.
    pub(super) listens: Option<SocketAddr>,
    /// Who is at the other end, once the link's keys are agreed on.
    pub(super) node: Option<NodeId>,
    /// Why it is refused, as it hears once the link is sealed.
    pub(super) refused: Option<GoodbyeCode>,
    /// The address at which we reached the node that opened this inbound link.
    pub(super) leads_to: Option<SocketAddr>,
    pub(super) opened: Time,
    /// Ours, to be acknowledged.
    pub(super) nonce: u64,
    pub(super) stage: Stage,
    pub(super) worth: Worth,
}

impl Link {
    /// A link that has just begun.
    pub(super) fn new(now: Time, direction: Direction, remote: SocketAddr, nonce: u64) -> Self {
        Self {
            direction,
            remote,
            listens: (!direction.is_inbound()).then_some(remote),
            node: None,
            refused: None,
            leads_to: None,
            opened: now,
            nonce,
            stage: Stage::Keys,
            worth: Worth::default(),
        }
    }

    /// When its handshake has taken too long. One that is refused has only the time that a goodbye has.
    pub(super) fn deadline(&self) -> Time {
        let time = if self.refused.is_some() { limits::GOODBYE_LINGER } else { limits::HANDSHAKE_TIMEOUT };
        self.opened + time
    }
}

/// What is awaited from the peer.
#[derive(Debug, PartialEq)]
pub(super) enum Stage {
    /// An agreement on the link's keys.
    Keys,
    /// Its `Version`.
    Version,
    /// Its `Verack`; its `Version` is here.
    Verack(Box<Version>),
    /// Nothing: it is a peer.
    Up,
}

/// What a peer was good for.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Worth {
    pub(super) block: Option<Time>,
    pub(super) transaction: Option<Time>,
    /// The shortest.
    pub(super) round_trip: Option<Duration>,
}

impl Worth {
    /// The peer was good for something.
    pub(super) fn note(&mut self, now: Time, useful: Useful) {
        match useful {
            Useful::Block => self.block = Some(now),
            Useful::Transaction => self.transaction = Some(now),
            Useful::RoundTrip(time) => {
                self.round_trip = Some(self.round_trip.map_or(time, |shortest| shortest.min(time)));
            }
        }
    }
}
