//! What the handshake role keeps of a link.

use std::{net::SocketAddr, time::Duration};

use crate::{
    base::time::Time,
    node::{Direction, notice::Useful},
    wire::message::Version,
};

/// One link.
#[derive(Debug)]
pub(super) struct Link {
    pub(super) direction: Direction,
    pub(super) remote: SocketAddr,
    /// Where the node at the other end listens: the dialled address, or what an inbound link's `Version` claims.
    pub(super) listens: Option<SocketAddr>,
    /// The address at which we reached the node that opened this inbound link.
    pub(super) leads_to: Option<SocketAddr>,
    pub(super) opened: Time,
    /// Ours, to be acknowledged.
    pub(super) nonce: u64,
    /// The peer's, once its `Version` is here.
    pub(super) theirs: Option<u64>,
    pub(super) stage: Stage,
    pub(super) worth: Worth,
}

/// What is awaited from the peer.
#[derive(Debug, PartialEq)]
pub(super) enum Stage {
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
