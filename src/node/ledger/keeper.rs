//! Writes the transactions of this node's users to the store at once, and tells while it cannot: a payment that cannot be kept
//! is taken all the same, and lost only by a kill.

use std::{collections::VecDeque, time::Duration};

use crate::{
    base::time::{Now, Time},
    chain::archive::{StoreError, Submission},
    node::{
        HindranceReporter, Outbox,
        hindrance::{Finding, HindranceId},
    },
};

use super::{chainstate::Chainstate, submitted::Keep};

/// Bytes of transactions that wait to be written. Beyond it the oldest are given up: blocks have confirmed them, or peers have
/// them.
const MAX_BYTES: usize = 256 * 1024;
/// When writing is tried again. Somebody has to make room first.
const AGAIN: Duration = Duration::from_secs(10);

/// What is still to be written.
#[derive(Default)]
pub(super) struct Keeper {
    unkept: VecDeque<Submission>,
    bytes: usize,
    again: Option<Time>,
    told: HindranceReporter,
}

impl Keeper {
    /// Does what the store is to do, as far as it can.
    pub(super) fn keep(&mut self, now: Now, keep: Keep, chain: &mut Chainstate, out: &mut Outbox) {
        match keep {
            Keep::Also(transactions) => {
                self.bytes += transactions.iter().map(|one| one.bytes.len()).sum::<usize>();
                self.unkept.extend(transactions);
                self.write(now, chain, out);
            }
            // If this fails, more is kept than needed.
            Keep::Only(txids) => {
                if let Err(error) = chain.retain_submitted(&txids) {
                    log::warn!("submitted transactions are not dropped error=\"{error}\"");
                }
            }
        }
    }

    /// Tries once more.
    pub(super) fn retry(&mut self, now: Now, chain: &mut Chainstate, out: &mut Outbox) {
        if self.again.is_some_and(|at| at <= now.mono) {
            self.write(now, chain, out);
        }
    }

    /// When to try once more.
    pub(super) fn deadline(&self) -> Option<Time> {
        self.again
    }

    fn write(&mut self, now: Now, chain: &mut Chainstate, out: &mut Outbox) {
        let kept = chain.keep_submitted(self.unkept.make_contiguous());
        self.again = kept.is_err().then(|| now.mono + AGAIN);
        let most = if kept.is_ok() { 0 } else { MAX_BYTES };
        while self.bytes > most
            && let Some(oldest) = self.unkept.pop_front()
        {
            self.bytes -= oldest.bytes.len();
        }
        self.told.replace(now.unix, [(HindranceId::PaymentsUnkept, kept.err().map(|error| finding(&error)))], out);
    }
}

fn finding(error: &StoreError) -> Finding {
    let text = format!("payments of this node's users are not kept over a restart: {error}");
    Finding::new(text, "make room on the disk of the data directory, and do not kill the node meanwhile")
}
