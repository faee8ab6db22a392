//! The `fetch` role.

use crate::{
    base::{
        rng::Rng,
        time::{Now, Time},
    },
    node::{Event, Outbox, Role, Setup},
};

/// The `fetch` role.
pub struct Fetch;

impl Fetch {
    /// A role that has heard nothing yet.
    pub fn new(setup: &Setup, rng: Rng) -> Self {
        let _ = (setup, rng);
        Self
    }
}

impl Role for Fetch {
    fn handle(&mut self, _now: Now, _event: Event, _out: &mut Outbox) {}

    fn deadline(&self) -> Option<Time> {
        None
    }
}
