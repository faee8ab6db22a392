//! What is done between commits: housekeeping of the store, pruning above all, and flushes that were postponed.

use crate::{
    base::{limits, time::Now},
    chain::{archive::StoreError, past::PastBlock, snapshot::JoinState},
    node::{
        Outbox,
        notice::{ToHandshake, ToHistory, ToSnapshot},
        report::Report,
    },
};

use super::committer::Committer;

impl Committer {
    /// Lets the store do its housekeeping, if it is time, and flushes what was postponed.
    pub(super) fn tidy(&mut self, now: Now, out: &mut Outbox) -> Result<(), StoreError> {
        self.keeper.retry(now, &mut self.chain, out);
        if self.pending.since.is_none() && self.flushes.due.is_some_and(|due| due <= now.mono) {
            self.commit_all(now, true, out)?;
        }
        if self.tidy_at.is_none_or(|at| at > now.mono) {
            return Ok(());
        }
        let more = self.chain.tidy()?;
        self.tell_kept(out);
        let is_held = self.chain.store().is_held();
        let pause = if is_held { limits::LEDGER_TIDY_HELD } else { limits::LEDGER_TIDY_AGAIN };
        self.tidy_at = more.then(|| now.mono + pause);
        Ok(())
    }

    /// Keeps blocks of the past, the highest first, and commits them with what waits. The last of them must be on the disk
    /// before `history` hears of it: it then removes where they came from.
    pub(super) fn keep_past(&mut self, now: Now, blocks: &[PastBlock], out: &mut Outbox) -> Result<(), StoreError> {
        for block in blocks {
            self.chain.keep_past(block)?;
        }
        let kept_from = self.chain.store().kept_from();
        let is_last = kept_from <= 1;
        self.commit_all(now, is_last, out)?;
        self.tell_kept(out);
        if is_last {
            log::info!("the ledger has all its history");
            out.report(Report::Joined(JoinState::History));
        }
        out.tell(ToHistory::Kept(kept_from));
        Ok(())
    }

    /// Tells from which height on blocks are whole, if that has changed.
    pub(super) fn tell_kept(&self, out: &mut Outbox) {
        let kept_from = self.chain.store().kept_from();
        if self.told_kept_from.replace(kept_from) != kept_from {
            out.report(Report::KeptFrom(kept_from));
            out.tell(ToHandshake::KeptFrom(kept_from));
            out.tell(ToSnapshot::KeptFrom(kept_from));
        }
    }
}
