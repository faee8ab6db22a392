//! The past, block by block, on a second ledger.

use std::{collections::BTreeMap, sync::Arc, time::Duration};

use crate::{
    base::{
        hash::Hash,
        limits::{COMMIT_INTERVAL, PAST_HEADER_RETRY, PAST_WINDOW},
        time::Time,
    },
    chain::{
        archive::{HeaderArchive, StoreError},
        checked::CheckedBlock,
    },
    node::{Outbox, ledger::past::PastChain, notice::ToFetch},
};

/// Time until the next block is connected: other events have their turn.
const STEP_AFTER: Duration = Duration::from_micros(1);
/// Blocks that are connected before `fetch` hears of it, if more of them are here.
const TELL_BLOCKS: u32 = 16;

/// What has become of the blocks so far.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Verdict {
    /// There are more.
    GoesOn {
        /// Those so far were made permanent just now.
        is_committed: bool,
    },
    /// All are valid, and make the coins that the header above them commits to.
    Done,
    /// They are not, or do not; why.
    Refuted(String),
}

/// A replay.
pub(super) struct Replay {
    past: PastChain,
    /// The last height that is to be verified.
    pub(super) goal: u32,
    /// Blocks that came, above the next one. As many as `fetch` lets in.
    waiting: BTreeMap<u32, Arc<CheckedBlock>>,
    /// Up to which height `fetch` was told that blocks are connected.
    told: Option<u32>,
    /// Since when something waits for a commit.
    since: Option<Time>,
    /// When the header above the last block is looked for again.
    retry: Option<Time>,
    now: Time,
}

impl Replay {
    pub(super) fn new(past: PastChain, goal: u32) -> Self {
        Self { past, goal, waiting: BTreeMap::new(), told: None, since: None, retry: None, now: Time(0) }
    }

    /// The last block that was connected.
    pub(super) fn height(&self) -> u32 {
        self.past.tip().height
    }

    pub(super) fn into_past(self) -> PastChain {
        self.past
    }

    /// A block came whose stateless checks hold.
    pub(super) fn take(&mut self, block: Arc<CheckedBlock>) {
        let (height, next) = (block.header.height, self.height().saturating_add(1));
        let most = next.saturating_add(u32::try_from(PAST_WINDOW).unwrap_or(u32::MAX)).min(self.goal);
        if (next..=most).contains(&height) {
            self.waiting.insert(height, block);
        }
    }

    /// Connects the next block, if it is here, and asks for more.
    pub(super) fn step(
        &mut self,
        now: Time,
        headers: &dyn HeaderArchive,
        out: &mut Outbox,
    ) -> Result<Verdict, StoreError> {
        self.now = now;
        if self.retry.is_some_and(|at| now < at) {
            return Ok(Verdict::GoesOn { is_committed: false });
        }
        self.retry = None;
        let next = self.height().saturating_add(1);
        if let Some(block) = self.waiting.remove(&next) {
            // That the bytes are the header's, and which header it is, has been checked.
            let row = headers.applied_at(next)?.filter(|row| row.hash == block.hash);
            let Some(row) = row else {
                self.told = None; // the chain has another block there: ask again
                return Ok(Verdict::GoesOn { is_committed: false });
            };
            if let Err(fault) = self.past.connect(&row, &block)? {
                return Ok(Verdict::Refuted(format!("block {} at height {next} is invalid: {fault}", block.hash)));
            }
            self.since.get_or_insert(now);
        }
        if self.height() >= self.goal {
            return self.finish(headers);
        }
        let is_due = self.past.is_commit_due() || self.since.is_some_and(|since| now >= since + COMMIT_INTERVAL);
        if is_due {
            self.commit()?;
        }
        self.ask(headers, out)?;
        Ok(Verdict::GoesOn { is_committed: is_due })
    }

    /// Compares the coins with those that the header above commits to. (Each header below has been compared with its own.)
    fn finish(&mut self, headers: &dyn HeaderArchive) -> Result<Verdict, StoreError> {
        self.commit()?;
        let tip = self.past.tip().clone();
        let next = headers.applied_at(tip.height.saturating_add(1))?;
        let Some(next) = next else {
            self.retry = Some(self.now + PAST_HEADER_RETRY);
            return Ok(Verdict::GoesOn { is_committed: false });
        };
        if next.header.previous == tip.hash && next.header.state_digest == tip.digest {
            return Ok(Verdict::Done);
        }
        self.past.check_coins()?;
        Ok(Verdict::Refuted(differs(tip.height, &tip.digest, &next.header.state_digest)))
    }

    fn commit(&mut self) -> Result<(), StoreError> {
        self.since = None;
        if self.past.has_pending() { self.past.commit() } else { Ok(()) }
    }

    /// Commits what waits, before the end.
    pub(super) fn stop(&mut self) -> Result<(), StoreError> {
        self.commit()
    }

    /// Tells `fetch` what is connected and what is wanted.
    fn ask(&mut self, headers: &dyn HeaderArchive, out: &mut Outbox) -> Result<(), StoreError> {
        let height = self.height();
        let is_due = self
            .told
            .is_none_or(|told| height >= told.saturating_add(TELL_BLOCKS) || height > told && self.waiting.is_empty());
        if !is_due {
            return Ok(());
        }
        let count = PAST_WINDOW.min((self.goal - height) as usize);
        let hashes = headers.applied_hashes(height.saturating_add(1), 1, count)?;
        self.told = Some(height);
        out.tell(ToFetch::WantPast { above: height, hashes });
        Ok(())
    }

    pub(super) fn deadline(&self) -> Option<Time> {
        // One that was made again, for the first was damaged, has not asked for anything.
        let is_new = self.told.is_none() && self.retry.is_none();
        let is_here = self.waiting.contains_key(&self.height().saturating_add(1));
        let step = (is_here || is_new).then(|| self.now + STEP_AFTER);
        step.or(self.retry).into_iter().chain(self.since.map(|since| since + COMMIT_INTERVAL)).min()
    }
}

/// What a header of the past must commit to.
fn differs(height: u32, found: &Hash, expected: &Hash) -> String {
    format!("the digest of the coins after block {height} is {found}, its header says {expected}")
}
