//! The `gossip` role.

use crate::{
    base::{
        rng::Rng,
        time::{Now, Time},
    },
    node::{Event, Outbox, Role, Setup},
};

/// The `gossip` role.
pub struct Gossip;

impl Gossip {
    /// A role that has heard nothing yet.
    pub fn new(setup: &Setup, rng: Rng) -> Self {
        let _ = (setup, rng);
        Self
    }
}

impl Role for Gossip {
    fn handle(&mut self, _now: Now, _event: Event, _out: &mut Outbox) {}

    fn deadline(&self) -> Option<Time> {
        None
    }
}
