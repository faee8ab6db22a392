//! The `headers` role.

use crate::{
    base::{
        rng::Rng,
        time::{Now, Time},
    },
    chain::archive::HeaderArchive,
    node::{Event, Outbox, Role, Setup},
};

/// The `headers` role.
pub struct Headers;

impl Headers {
    /// A role that has heard nothing yet.
    pub fn new(setup: &Setup, archive: Box<dyn HeaderArchive>, rng: Rng) -> Self {
        let _ = (setup, archive, rng);
        Self
    }
}

impl Role for Headers {
    fn handle(&mut self, _now: Now, _event: Event, _out: &mut Outbox) {}

    fn deadline(&self) -> Option<Time> {
        None
    }
}
