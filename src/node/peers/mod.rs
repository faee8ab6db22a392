//! The `peers` role.

use crate::{
    base::{
        rng::Rng,
        time::{Now, Time},
    },
    chain::archive::PeerStore,
    node::{Event, Outbox, Role, Setup},
};

/// The `peers` role.
pub struct Peers;

impl Peers {
    /// A role that has heard nothing yet.
    pub fn new(setup: &Setup, store: Box<dyn PeerStore>, rng: Rng) -> Self {
        let _ = (setup, store, rng);
        Self
    }
}

impl Role for Peers {
    fn handle(&mut self, _now: Now, _event: Event, _out: &mut Outbox) {}

    fn deadline(&self) -> Option<Time> {
        None
    }
}
