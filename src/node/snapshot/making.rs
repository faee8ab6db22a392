//! Making snapshots of the own coins, a little at a time.

use std::time::Duration;

use crate::{
    base::time::Time,
    chain::{
        archive::StoreError,
        snapshot::{SnapshotName, Writing},
    },
    node::{Outbox, SyncState, report::Report, snapshot::Snapshot},
};

/// Time between two steps, each of which takes some milliseconds: the ledger's readers and writers come in between.
const STEP_AFTER: Duration = Duration::from_millis(20);
/// How long to wait after one was given up: this the first time, and then twice as long each time until one is made.
const AGAIN_AFTER: Duration = Duration::from_secs(10);
/// The longest time.
const AGAIN_MOST: Duration = Duration::from_secs(3600);

impl Snapshot {
    /// Begins one if it is time, or writes some of it.
    pub(super) fn make(&mut self, now: Time, out: &mut Outbox) {
        if let Err(error) = self.try_to_make(now) {
            log::warn!("snapshot not made error=\"{error}\"");
            self.maker.next_step = None;
            self.maker.not_before = now + AGAIN_AFTER * 6;
            let text = Some(format!("no snapshot can be made: {error}"));
            out.report(Report::Warning { key: "snapshot", text });
        }
    }

    fn try_to_make(&mut self, now: Time) -> Result<(), StoreError> {
        match self.maker.next_step {
            None => self.begin_if_due(now),
            Some(at) if at <= now => self.write_some(now),
            Some(_) => Ok(()),
        }
    }

    /// The height of the snapshot that there should be: a multiple of the interval, and never left again if that can be
    /// known. Whoever begins to serve makes first the newest that newcomers can use, then the newest.
    pub(super) fn due(&self) -> Option<u32> {
        self.deep_due().map(|(height, _)| height).or_else(|| self.newest_due())
    }

    /// That for newcomers, and how high it may be for them.
    fn deep_due(&self) -> Option<(u32, u32)> {
        let (interval, (tip, _)) = self.interval.zip(self.maker.tip)?;
        if self.maker.is_deep_done || self.spec.seal_rules().needs_certificate() {
            return None; // any final block will do
        }
        let most = tip.checked_sub(self.depth)?;
        let height = most.checked_sub(most.checked_rem(interval)?).filter(|height| *height > 0)?;
        Some((height, most))
    }

    fn newest_due(&self) -> Option<u32> {
        let (interval, (tip, _)) = self.interval.zip(self.maker.tip)?;
        let most = if self.spec.seal_rules().needs_certificate() { tip.min(self.final_height?) } else { tip };
        most.checked_sub(most.checked_rem(interval)?).filter(|height| *height > self.maker.last)
    }

    fn begin_if_due(&mut self, now: Time) -> Result<(), StoreError> {
        if self.maker.state != SyncState::Synced || now < self.maker.not_before {
            return Ok(());
        }
        let there = self.files.as_ref().map(|files| files.store.snapshots()).unwrap_or_default();
        // Where there are two, the older one soon is deep enough, and only two are kept.
        let has_deep = |most| there.len() > 1 || there.first().is_some_and(|oldest| oldest.height <= most);
        let deep = self.deep_due().filter(|(_, most)| !has_deep(*most)).map(|(height, _)| height);
        self.maker.is_deep_done |= self.deep_due().is_some();
        let Some((height, files)) = deep.or_else(|| self.newest_due()).zip(self.files.as_mut()) else { return Ok(()) };
        if deep.is_none()
            && let Some(newest) = there.last().filter(|newest| newest.height >= height)
        {
            self.maker.last = newest.height;
            return Ok(());
        }
        let Some(row) = files.headers.applied_at(height)? else { return Ok(()) };
        files.store.begin(SnapshotName { height, block: row.hash })?;
        log::info!("snapshot begun height={height} block={}", row.hash);
        self.maker.next_step = Some(now + STEP_AFTER);
        Ok(())
    }

    fn write_some(&mut self, now: Time) -> Result<(), StoreError> {
        let Some(files) = self.files.as_mut() else { return Ok(()) };
        let written = files.store.step()?;
        self.maker.next_step = None;
        match written {
            Writing::More(_) => self.maker.next_step = Some(now + STEP_AFTER),
            Writing::Done(name) => {
                log::info!("snapshot made height={} block={}", name.height, name.block);
                (self.maker.last, self.maker.failures) = (self.maker.last.max(name.height), 0);
                self.maker.not_before = now + STEP_AFTER;
            }
            Writing::GivenUp(reason) => {
                log::info!("snapshot given up reason=\"{reason}\"");
                let pause = AGAIN_AFTER * 2u32.saturating_pow(self.maker.failures.min(16));
                self.maker.not_before = now + pause.min(AGAIN_MOST);
                self.maker.failures += 1;
            }
            Writing::Idle => {}
        }
        Ok(())
    }
}
