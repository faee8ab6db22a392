//! How roles reach the snapshots of a node: those that it wrote or joined from, one that is being written, and one that is being
//! fetched.

use super::{BucketCheck, CheckedBucket, Manifest, SnapshotFault, SnapshotName};
use crate::{
    base::{bytes::Bytes, hash::Hash},
    chain::archive::StoreError,
};

/// How far the writing of a snapshot has come.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Writing {
    /// None is being written.
    Idle,
    /// There is more to do; so many of the 64 buckets are written.
    More(usize),
    /// It is complete, and [`SnapshotStore::snapshots`] lists it.
    Done(SnapshotName),
    /// It was dropped, for this reason: its block is no longer applied, or too much has happened above it.
    GivenUp(&'static str),
}

/// The snapshot that is being fetched.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Staged {
    /// What it consists of.
    pub manifest: Manifest,
    /// For each piece, whether it is here. Whether it is right is known once its bucket is checked.
    pub here: Vec<bool>,
}

/// The only writer of a node's snapshots. Each call takes some milliseconds at most.
pub trait SnapshotStore: Send {
    /// The complete snapshots, ascending by height. The last two are kept, and the one of [`SnapshotStore::hold`].
    fn snapshots(&self) -> Vec<SnapshotName>;
    /// Somebody fetches the snapshot of this block: it is not forgotten for newer ones. `None`: nobody does.
    fn hold(&mut self, block: Option<Hash>) -> Result<(), StoreError>;
    /// The manifest of a complete snapshot.
    fn manifest(&mut self, block: &Hash) -> Result<Option<Manifest>, StoreError>;
    /// A piece of a complete snapshot; `None`: there is no such piece.
    fn piece(&mut self, block: &Hash, number: u32) -> Result<Option<Bytes>, StoreError>;

    /// Begins to write the coins after an applied block that is not far below the tip. One that is being written is dropped.
    fn begin(&mut self, name: SnapshotName) -> Result<(), StoreError>;
    /// Writes a few milliseconds' worth, as much as a piece. Blocks may be applied and disconnected between the steps.
    fn step(&mut self) -> Result<Writing, StoreError>;
    /// Drops what is being written.
    fn give_up(&mut self) -> Result<(), StoreError>;

    /// What has been fetched, as after a restart.
    fn staged(&mut self) -> Result<Option<Staged>, StoreError>;
    /// Makes room for the pieces of a snapshot. Those of the same manifest that are here stay; those of another are dropped.
    fn stage(&mut self, manifest: &Manifest) -> Result<Staged, StoreError>;
    /// Keeps a piece, which must have the manifest's length. It survives a kill; power loss may take or damage it.
    fn put_piece(&mut self, number: u32, bytes: &[u8]) -> Result<(), StoreError>;
    /// A piece that has been fetched; `None`: it is not here.
    fn staged_piece(&mut self, number: u32) -> Result<Option<Bytes>, StoreError>;
    /// Drops the pieces of a bucket.
    fn drop_bucket(&mut self, bucket: usize) -> Result<(), StoreError>;
    /// Makes the fetched snapshot, which the ledger has adopted, one of [`SnapshotStore::snapshots`].
    fn keep_staged(&mut self) -> Result<(), StoreError>;
    /// Drops what has been fetched.
    fn discard(&mut self) -> Result<(), StoreError>;

    /// Checks a bucket whose pieces have all been fetched. Reads all of it: a millisecond for each thousand coins.
    fn check_bucket(&mut self, bucket: usize) -> Result<Result<CheckedBucket, SnapshotFault>, StoreError> {
        let Some(Staged { manifest, .. }) = self.staged()? else { return Ok(Err(SnapshotFault::Count)) };
        let mut check = BucketCheck::new(&manifest, bucket);
        while let Some(next) = check.next() {
            let Some(piece) = self.staged_piece(next)? else { return Ok(Err(SnapshotFault::Count)) };
            if let Err(fault) = check.piece(&piece) {
                return Ok(Err(fault));
            }
        }
        Ok(check.finish())
    }
}
