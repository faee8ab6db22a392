//! A node's snapshots: files in the folder `snapshots` beside the ledger.
//!
//! A complete snapshot is `HEIGHT.coins`, its pieces one after another, and `HEIGHT.manifest`; without its manifest it is nothing. What is being
//! fetched is `staging.…` ([`staging`]), what is being written `writing.…` ([`writing`]). Every piece has a checksum, so that
//! nothing has to wait for the disk and damage is never served.

mod folder;
mod proof;
mod record;
mod staging;
#[cfg(test)]
mod tests;
mod writing;

use std::path::Path;

use log::{info, warn};
use rusqlite::Connection;

pub(in crate::store) use self::{
    folder::{DiskFolder, Folder, MemoryFolder},
    proof::PiecesHash,
    staging::Staging,
};
use self::{
    proof::Proof,
    record::Record,
    writing::{Step, Writer},
};
use crate::{
    base::{bytes::Bytes, hash::Hash},
    chain::{
        archive::StoreError,
        snapshot::{BucketCheck, CheckedBucket, Manifest, SnapshotFault, SnapshotName, SnapshotStore, Staged, Writing},
    },
    store::LedgerReader,
};

/// The folder's name, beside the ledger.
const FOLDER: &str = "snapshots";
/// Complete snapshots that are kept: whoever fetches one while the next is written can go on.
const KEPT: usize = 2;
/// Coins that a step writes, which takes a millisecond: with the rests between steps that is a twentieth of a core. A step as long as
/// a piece, four times as much, slowed a ledger of 200,000 coins by a sixth.
const STEP_COINS: usize = 1024;
/// Where the manifest of a snapshot is written before it has its name.
const UNFINISHED: &str = "writing.manifest";

/// Where the coins are read from, one consistent moment at a time.
pub(in crate::store) trait CoinSource: Send {
    /// Shows what is committed; not at all while that cannot be read.
    fn look(&self, look: &mut dyn FnMut(&Connection) -> Result<(), StoreError>) -> Result<(), StoreError>;
}

impl CoinSource for LedgerReader {
    fn look(&self, look: &mut dyn FnMut(&Connection) -> Result<(), StoreError>) -> Result<(), StoreError> {
        look(&*self.snapshot()?)
    }
}

/// Where a ledger's snapshots are.
#[derive(Clone, Debug)]
pub(in crate::store) enum Place {
    Disk(DiskFolder),
    Memory(MemoryFolder),
}

impl Place {
    /// Beside a ledger.
    pub(in crate::store) fn beside(ledger: &Path) -> Self {
        Self::Disk(DiskFolder::new(&ledger.with_file_name(FOLDER)))
    }

    pub(in crate::store) fn folder(&self) -> Box<dyn Folder> {
        match self {
            Self::Disk(folder) => Box::new(folder.clone()),
            Self::Memory(folder) => Box::new(folder.clone()),
        }
    }
}

/// The writer of a node's snapshots. See [`SnapshotStore`] for what it does.
pub struct SnapshotDb {
    folder: Box<dyn Folder>,
    ledger: Box<dyn CoinSource>,
    /// Ascending by height.
    complete: Vec<Record>,
    writing: Option<Writer>,
    staging: Option<Staging>,
    /// The block whose snapshot is kept besides the last ones.
    held: Option<Hash>,
    /// Coins that a step writes.
    step_coins: usize,
}

impl SnapshotDb {
    /// The snapshots beside the ledger at `ledger`, which `reader` reads. Removes what a kill left half-made, and what is damaged.
    pub fn open(ledger: &Path, reader: LedgerReader) -> Result<Self, StoreError> {
        Self::load(Place::beside(ledger).folder(), Box::new(reader.passing_by()?))
    }

    pub(in crate::store) fn load(mut folder: Box<dyn Folder>, ledger: Box<dyn CoinSource>) -> Result<Self, StoreError> {
        let (mut complete, staging) = (Vec::new(), Staging::load(&*folder)?);
        let names = folder.names()?;
        for name in &names {
            if let Some(height) = name.strip_suffix(".manifest").and_then(|height| height.parse::<u32>().ok()) {
                let record = Record::read(&*folder, name)?.filter(|record| record.manifest.height() == height);
                let bytes = folder.length(&coins(height))?;
                complete.extend(record.filter(|record| bytes == Some(record.manifest.bytes())));
            }
        }
        complete.sort_by_key(Record::name);
        let is_kept = |name: &str| {
            let is_part = |record: &Record| {
                let height = record.manifest.height();
                name == coins(height) || name == manifest(height)
            };
            name.starts_with("staging.") && staging.is_some() || complete.iter().any(is_part)
        };
        let ours =
            |name: &&String| name.ends_with(".coins") || name.ends_with(".manifest") || **name == staging::CHECKS;
        names.iter().filter(ours).filter(|name| !is_kept(name)).try_for_each(|name| folder.remove(name))?;
        let mut all = Self { folder, ledger, complete, writing: None, staging, held: None, step_coins: STEP_COINS };
        all.forget_old()?;
        Ok(all)
    }

    fn find(&self, block: &Hash) -> Option<&Record> {
        self.complete.iter().find(|record| record.manifest.block() == *block)
    }

    /// Makes a snapshot complete whose coins are in the file `from`.
    fn complete(&mut self, record: Record, from: &str) -> Result<(), StoreError> {
        let height = record.manifest.height();
        self.forget(height)?;
        record.write(&mut *self.folder, UNFINISHED)?;
        self.folder.rename(from, &coins(height))?;
        self.folder.rename(UNFINISHED, &manifest(height))?;
        info!("store: a snapshot is complete height={height} bytes={}", record.manifest.bytes());
        self.complete.push(record);
        self.complete.sort_by_key(Record::name);
        self.forget_old()
    }

    fn forget_old(&mut self) -> Result<(), StoreError> {
        let newest = self.complete.len().saturating_sub(KEPT);
        let is_old = |record: &&Record| Some(record.manifest.block()) != self.held;
        let old: Vec<u32> = self.complete.iter().take(newest).filter(is_old).map(|one| one.manifest.height()).collect();
        old.into_iter().try_for_each(|height| self.forget(height))
    }

    /// Removes the snapshot of a height. Without its manifest it is nothing, so that goes first.
    fn forget(&mut self, height: u32) -> Result<(), StoreError> {
        self.complete.retain(|record| record.manifest.height() != height);
        self.folder.remove(&manifest(height))?;
        self.folder.remove(&coins(height))
    }
}

fn coins(height: u32) -> String {
    format!("{height}.coins")
}

fn manifest(height: u32) -> String {
    format!("{height}.manifest")
}

fn none_is_fetched() -> StoreError {
    StoreError::Other("no snapshot is being fetched".to_owned())
}

impl SnapshotStore for SnapshotDb {
    fn snapshots(&self) -> Vec<SnapshotName> {
        self.complete.iter().map(Record::name).collect()
    }

    fn hold(&mut self, block: Option<Hash>) -> Result<(), StoreError> {
        if std::mem::replace(&mut self.held, block) == block { Ok(()) } else { self.forget_old() }
    }

    fn manifest(&mut self, block: &Hash) -> Result<Option<Manifest>, StoreError> {
        Ok(self.find(block).map(|record| record.manifest.clone()))
    }

    fn piece(&mut self, block: &Hash, number: u32) -> Result<Option<Bytes>, StoreError> {
        let Some(record) = self.find(block).filter(|record| number < record.manifest.pieces()) else { return Ok(None) };
        let height = record.manifest.height();
        if let Some(bytes) = record.piece(&*self.folder, &coins(height), number)? {
            return Ok(Some(Bytes::from(bytes)));
        }
        warn!("store: a snapshot is damaged, it is removed height={height} piece={number}");
        self.forget(height)?;
        Ok(None)
    }

    fn begin(&mut self, name: SnapshotName) -> Result<(), StoreError> {
        self.give_up()?;
        self.writing = Some(Writer::new(name));
        Ok(())
    }

    fn step(&mut self) -> Result<Writing, StoreError> {
        let Some(mut writer) = self.writing.take() else { return Ok(Writing::Idle) };
        let (folder, step_coins, mut step) = (&mut *self.folder, self.step_coins, Step::More);
        self.ledger.look(&mut |ledger| {
            step = writer.step(ledger, folder, step_coins)?;
            Ok(())
        })?;
        match step {
            Step::More => {
                let buckets = writer.buckets();
                self.writing = Some(writer);
                Ok(Writing::More(buckets))
            }
            Step::Done(manifest) => {
                let Writer { name, checks, .. } = writer;
                self.complete(Record { manifest, checks }, writing::COINS)?;
                Ok(Writing::Done(name))
            }
            Step::GivenUp(reason) => {
                let SnapshotName { height, block } = writer.name;
                info!("store: a snapshot is given up height={height} hash={block} reason=\"{reason}\"");
                self.give_up()?;
                Ok(Writing::GivenUp(reason))
            }
        }
    }

    fn give_up(&mut self) -> Result<(), StoreError> {
        self.writing = None;
        self.folder.remove(writing::COINS)
    }

    fn staged(&mut self) -> Result<Option<Staged>, StoreError> {
        Ok(self.staging.as_ref().map(Staging::staged))
    }

    fn stage(&mut self, manifest: &Manifest) -> Result<Staged, StoreError> {
        let staging = match self.staging.take().filter(|staging| staging.manifest() == manifest) {
            Some(staging) => staging,
            None => Staging::create(&mut *self.folder, manifest)?,
        };
        Ok(self.staging.insert(staging).staged())
    }

    fn put_piece(&mut self, number: u32, bytes: &[u8]) -> Result<(), StoreError> {
        self.staging.as_mut().ok_or_else(none_is_fetched)?.put(&mut *self.folder, number, bytes)
    }

    fn staged_piece(&mut self, number: u32) -> Result<Option<Bytes>, StoreError> {
        let Some(staging) = &mut self.staging else { return Ok(None) };
        let bytes = staging.piece(&*self.folder, number)?;
        if bytes.is_none() {
            staging.drop_piece(&mut *self.folder, number)?;
        }
        Ok(bytes.map(Bytes::from))
    }

    fn check_bucket(&mut self, bucket: usize) -> Result<Result<CheckedBucket, SnapshotFault>, StoreError> {
        let Some(staging) = &self.staging else { return Ok(Err(SnapshotFault::Count)) };
        let (mut check, mut pieces) = (BucketCheck::new(staging.manifest(), bucket), PiecesHash::default());
        while let Some(next) = check.next() {
            let Some(piece) = self.staged_piece(next)? else { return Ok(Err(SnapshotFault::Count)) };
            pieces.add(&piece);
            if let Err(fault) = check.piece(&piece) {
                return Ok(Err(fault));
            }
        }
        let found = match check.finish() {
            Ok(found) => found,
            Err(fault) => return Ok(Err(fault)),
        };
        let proof = Proof { found: found.clone(), pieces: pieces.finish() };
        if let Err(error) = proof.write(&mut *self.folder) {
            // The ledger adds the bucket up again.
            warn!("store: what a bucket adds up to is not kept bucket={bucket} error=\"{error}\"");
        }
        Ok(Ok(found))
    }

    fn drop_bucket(&mut self, bucket: usize) -> Result<(), StoreError> {
        let Some(staging) = &mut self.staging else { return Ok(()) };
        let mut pieces = staging.manifest().pieces_of(bucket);
        pieces.try_for_each(|number| staging.drop_piece(&mut *self.folder, number))
    }

    fn keep_staged(&mut self) -> Result<(), StoreError> {
        let Some(staging) = self.staging.take() else { return Err(none_is_fetched()) };
        self.complete(staging.record().clone(), staging::COINS)?;
        staging::remove(&mut *self.folder)
    }

    fn discard(&mut self) -> Result<(), StoreError> {
        self.staging = None;
        staging::remove(&mut *self.folder)
    }
}
