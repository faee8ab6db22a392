//! The coins of a snapshot on their way from its pieces into the ledger, checked once more.

use rusqlite::Connection;

use crate::{
    chain::{
        archive::StoreError,
        digest::StateSum,
        snapshot::{BUCKETS, BucketCheck, Manifest, SnapshotFault},
    },
    store::{
        coins::load::Load,
        snapshots::{Folder, Staging},
    },
};

/// A snapshot that is being adopted.
#[derive(Debug)]
pub(super) struct Adopting {
    pub(super) folder: Box<dyn Folder>,
    pub(super) staging: Staging,
    pub(super) load: Load,
    /// The bucket that is being loaded, 64 at the end.
    pub(super) bucket: usize,
    check: BucketCheck,
    /// Pieces loaded.
    pub(super) done: u32,
    pub(super) sum: StateSum,
    pub(super) amount: u128,
}

impl Adopting {
    /// Begins with a snapshot whose pieces are staged; `None`: those of this manifest are not.
    pub(super) fn new(folder: Box<dyn Folder>, manifest: &Manifest, load: Load) -> Result<Option<Self>, StoreError> {
        let Some(staging) = Staging::load(&*folder)?.filter(|staging| staging.manifest() == manifest) else {
            return Ok(None);
        };
        let (check, sum) = (BucketCheck::new(manifest, 0), StateSum::default());
        Ok(Some(Self { folder, staging, load, bucket: 0, check, done: 0, sum, amount: 0 }))
    }

    /// Loads the next piece, and checks its bucket if that was the last of it.
    pub(super) fn load_piece(&mut self, connection: &Connection) -> Result<Result<(), SnapshotFault>, StoreError> {
        let Some(number) = self.check.next() else { return Ok(self.end_bucket()) };
        let Some(piece) = self.staging.piece(&*self.folder, number)? else { return Ok(Err(SnapshotFault::Count)) };
        let (mut writer, mut written) = (self.load.writer(connection)?, Ok(()));
        let checked = self.check.piece_with(&piece, |key, coin| {
            if written.is_ok() {
                written = writer.push(key, coin);
            }
        });
        written?;
        writer.finish()?;
        self.done = number + 1;
        Ok(checked)
    }

    fn end_bucket(&mut self) -> Result<(), SnapshotFault> {
        self.bucket += 1;
        let next = BucketCheck::new(self.staging.manifest(), self.bucket.min(BUCKETS - 1));
        let found = std::mem::replace(&mut self.check, next).finish()?;
        self.sum.set_leaf(found.bucket, &found.sum);
        self.amount += found.amount;
        Ok(())
    }
}
