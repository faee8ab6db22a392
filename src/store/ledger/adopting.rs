//! The coins of a snapshot on their way from its pieces into the ledger, checked once more. Buckets whose sum was found before, in the
//! same bytes, are not added up again: that would be most of the work.

use rusqlite::Connection;

use crate::{
    base::hash::Hash,
    chain::{
        archive::StoreError,
        digest::StateSum,
        snapshot::{BUCKETS, BucketCheck, Manifest, SnapshotFault},
    },
    store::{
        coins::load::Load,
        snapshots::{Folder, PiecesHash, Staging},
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
    /// The hash that the pieces of this bucket must have, for its sum was found in such; and that of those so far.
    proven: Option<(Hash, PiecesHash)>,
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
        let mut adopting = Self { folder, staging, load, bucket: 0, check, proven: None, done: 0, sum, amount: 0 };
        adopting.begin_bucket()?;
        Ok(Some(adopting))
    }

    fn begin_bucket(&mut self) -> Result<(), StoreError> {
        let bucket = self.bucket.min(BUCKETS - 1);
        let manifest = self.staging.manifest();
        let proof = self.staging.proof(&*self.folder, bucket)?;
        let proven = proof.and_then(|proof| Some((BucketCheck::of_proven(manifest, proof.found)?, proof.pieces)));
        (self.check, self.proven) = match proven {
            Some((check, pieces)) => (check, Some((pieces, PiecesHash::default()))),
            None => (BucketCheck::new(manifest, bucket), None),
        };
        Ok(())
    }

    /// Loads the next piece, and checks its bucket if that was the last of it.
    pub(super) fn load_piece(&mut self, connection: &Connection) -> Result<Result<(), SnapshotFault>, StoreError> {
        let Some(number) = self.check.next() else { return self.end_bucket() };
        let Some(piece) = self.staging.piece(&*self.folder, number)? else { return Ok(Err(SnapshotFault::Count)) };
        if let Some((_, pieces)) = &mut self.proven {
            pieces.add(&piece);
        }
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

    fn end_bucket(&mut self) -> Result<Result<(), SnapshotFault>, StoreError> {
        let bucket = self.bucket;
        if let Some((expected, pieces)) = self.proven.take()
            && pieces.finish() != expected
        {
            return Ok(Err(SnapshotFault::Leaf(bucket)));
        }
        let next = BucketCheck::new(self.staging.manifest(), bucket);
        let found = match std::mem::replace(&mut self.check, next).finish() {
            Ok(found) => found,
            Err(fault) => return Ok(Err(fault)),
        };
        self.sum.set_leaf(found.bucket, &found.sum);
        self.amount += found.amount;
        self.bucket += 1;
        self.begin_bucket()?;
        Ok(Ok(()))
    }
}
