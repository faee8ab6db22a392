//! The `ledger` role.

use crate::{
    base::time::{Now, Time},
    chain::archive::LedgerStore,
    node::{Event, Outbox, Role, Setup},
};

/// The `ledger` role.
pub struct Ledger;

impl Ledger {
    /// A role that has heard nothing yet.
    pub fn new(setup: &Setup, store: Box<dyn LedgerStore>) -> Self {
        let _ = (setup, store);
        Self
    }
}

impl Role for Ledger {
    fn handle(&mut self, _now: Now, _event: Event, _out: &mut Outbox) {}

    fn deadline(&self) -> Option<Time> {
        None
    }
}
