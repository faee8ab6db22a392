//! What the role knows of the authorities' decisions.

use std::time::Duration;

use crate::{
    base::{
        hash::Hash,
        time::{Now, Time},
    },
    node::{
        Finals, HindranceReporter, Outbox,
        hindrance::{Finding, HindranceId},
        recent::Recent,
    },
};

/// Notarised blocks that are remembered, in case their headers come later. Far more than there are between two messages of
/// one peer.
const NOTARISED: usize = 64;
/// How soon another peer is asked for the header of a notarised block, at first; twice as long each time.
pub(super) const FIRST_RETRY: Duration = Duration::from_millis(250);
/// The longest such time; then the poll of a synced node and the pings of its peers will do.
pub(super) const LAST_RETRY: Duration = Duration::from_secs(8);

/// What authorities have decided. Empty on chains of proof of work.
#[derive(Debug)]
pub(super) struct Certified {
    pub(super) notarised: Recent,
    pub(super) finals: Finals,
    pub(super) missing: Option<Missing>,
    told: HindranceReporter,
}

/// The newest notarised block whose header is missing.
#[derive(Clone, Copy, Debug)]
pub(super) struct Missing {
    pub(super) hash: Hash,
    pub(super) again: Time,
    pub(super) wait: Duration,
}

impl Default for Certified {
    fn default() -> Self {
        Self {
            notarised: Recent::new(NOTARISED),
            finals: Finals::default(),
            missing: None,
            told: HindranceReporter::default(),
        }
    }
}

impl Certified {
    /// A block that counts names authorities for the next one whom the chain's file does not have. The node waits until its
    /// operator has the file that has them.
    pub(super) fn lack(&mut self, now: Now, height: u32, set: Hash, out: &mut Outbox) {
        if self.told.contains(HindranceId::UnknownAuthorities) {
            return;
        }
        log::error!(
            "the chain file lacks the authorities that seal from here on: height={height} next_authorities={set}"
        );
        let text = format!(
            "block {height} hands over to authorities whom this node's chain file does not have, or has from another height: \
             their set is {set}"
        );
        let advice = "get the chain file of whoever changed the authorities, and start this node again with it";
        let finding = (HindranceId::UnknownAuthorities, Some(Finding::new(text, advice)));
        self.told.replace(now.unix, [finding], out);
    }

    /// Whether this block was notarised lately.
    pub(super) fn contains(&self, hash: &Hash) -> bool {
        self.notarised.contains(hash)
    }

    /// When another peer is to be asked for a missing header.
    pub(super) fn deadline(&self) -> Option<Time> {
        self.missing.map(|missing| missing.again)
    }
}
