//! How bodies wait for their headers, and go on once these are stored.

use crate::{
    base::{
        hash::Hash,
        time::{Now, Time},
    },
    chain::archive::HeaderRow,
    node::{Halt, Origin, Outbox},
};

use super::{
    blame::refuse,
    chain_manager::ChainManager,
    early::{EarlyBody, Found},
};

impl ChainManager {
    /// A body waits for its header.
    pub(super) fn await_header(&mut self, now: Time, (origin, hash): (Origin, Hash), found: Found, out: &mut Outbox) {
        let dropped = self.early.insert(EarlyBody { origin, hash, found, since: now });
        dropped.iter().for_each(|body| let_go(body, out));
    }

    /// These headers are stored now: their bodies go on.
    pub(super) fn take_early(&mut self, now: Now, rows: &[HeaderRow], out: &mut Outbox) -> Result<(), Halt> {
        for EarlyBody { origin, hash, found, .. } in self.early.take(rows) {
            self.connect_validated(now)?;
            match found {
                Found::Valid(block) => self.block_checked(now, origin, block, out)?,
                Found::Invalid(fault) => self.body_invalid(now, (origin, &hash), fault, out)?,
            }
        }
        Ok(())
    }

    /// Lets go of bodies whose headers do not come.
    pub(super) fn drop_late(&mut self, now: Time, out: &mut Outbox) {
        self.early.take_late(now).iter().for_each(|body| let_go(body, out));
    }
}

/// If the header comes to count all the same, the body is asked for.
fn let_go(body: &EarlyBody, out: &mut Outbox) {
    refuse(body.origin, body.hash, "its header is not known", out);
}
