//! The newest votes of others on the disk: whoever restarts with an older one learns what its key has signed also from those
//! that have restarted, too.

use std::time::Duration;

use crate::{base::time::Now, node::Halt};

use super::Sealer;

/// For how long votes of others may wait for an own vote that takes them along.
const LONGEST: Duration = Duration::from_secs(1);

impl Sealer {
    /// Writes what is new. Only authorities are asked for it.
    pub(super) fn keep_heard(&mut self) -> Result<(), Halt> {
        self.heard_due = None;
        let votes = self.core.take_heard();
        if self.keys.own.is_some() && !votes.is_empty() {
            self.seals.keep_heard(&votes)?;
        }
        Ok(())
    }

    /// The same, once it is time.
    pub(super) fn keep_heard_in_time(&mut self, now: Now) -> Result<(), Halt> {
        if !self.core.tally().has_unkept() || self.keys.own.is_none() {
            self.heard_due = None;
            return Ok(());
        }
        let due = *self.heard_due.get_or_insert(now.mono + LONGEST);
        if due <= now.mono { self.keep_heard() } else { Ok(()) }
    }
}
