//! The snapshot that is being fetched: a file of its coins with gaps, its manifest, and a file with the checksum of each piece that is
//! here.

use super::{
    folder::Folder,
    proof::{PROOFS, Proof},
    record::{self, CHECK_BYTES, Record},
};
use crate::{
    base::codec,
    chain::{
        archive::StoreError,
        snapshot::{Manifest, Staged},
    },
};

pub(super) const COINS: &str = "staging.coins";
pub(super) const MANIFEST: &str = "staging.manifest";
pub(super) const CHECKS: &str = "staging.checks";

/// The snapshot that is being fetched.
#[derive(Debug)]
pub(in crate::store) struct Staging(Record);

impl Staging {
    /// What is in the folder; `None`: nothing, or nothing that can be used.
    pub(in crate::store) fn load(folder: &dyn Folder) -> Result<Option<Self>, StoreError> {
        let Some(bytes) = record::read_hashed(folder, MANIFEST)? else { return Ok(None) };
        let Ok(manifest) = codec::decode::<Manifest>(&bytes) else { return Ok(None) };
        if folder.length(COINS)? != Some(manifest.bytes()) {
            return Ok(None);
        }
        let Some(bytes) = folder.read(CHECKS, 0, manifest.pieces() as usize * CHECK_BYTES)? else { return Ok(None) };
        let checks = bytes.as_chunks().0.iter().map(|check| u64::from_le_bytes(*check)).collect();
        Ok(Some(Self(Record { manifest, checks })))
    }

    /// Makes room for the pieces of a manifest.
    pub(super) fn create(folder: &mut dyn Folder, manifest: &Manifest) -> Result<Self, StoreError> {
        remove(folder)?;
        folder.resize(COINS, manifest.bytes())?;
        folder.resize(CHECKS, u64::from(manifest.pieces()) * CHECK_BYTES as u64)?;
        record::write_hashed(folder, MANIFEST, &codec::encode(manifest))?;
        Ok(Self(Record { manifest: manifest.clone(), checks: vec![0; manifest.pieces() as usize] }))
    }

    pub(in crate::store) fn manifest(&self) -> &Manifest {
        &self.0.manifest
    }

    pub(super) fn staged(&self) -> Staged {
        let Record { manifest, checks } = &self.0;
        Staged { manifest: manifest.clone(), here: checks.iter().map(|check| *check != 0).collect() }
    }

    pub(super) fn record(&self) -> &Record {
        &self.0
    }

    /// Keeps a piece. Its checksum follows it, so that after a kill a piece is here as a whole or not at all.
    pub(super) fn put(&mut self, folder: &mut dyn Folder, number: u32, bytes: &[u8]) -> Result<(), StoreError> {
        if self.0.manifest.length_of(number) != Some(bytes.len()) {
            return Err(StoreError::Other(format!("piece {number} of a snapshot has another length")));
        }
        folder.write(COINS, self.0.manifest.offset_of(number), bytes)?;
        self.set_check(folder, number, record::check_of(bytes))
    }

    fn set_check(&mut self, folder: &mut dyn Folder, number: u32, check: u64) -> Result<(), StoreError> {
        folder.write(CHECKS, u64::from(number) * CHECK_BYTES as u64, &check.to_le_bytes())?;
        self.0.checks[number as usize] = check;
        Ok(())
    }

    /// A piece; `None`: it is not here, or damaged.
    pub(in crate::store) fn piece(&self, folder: &dyn Folder, number: u32) -> Result<Option<Vec<u8>>, StoreError> {
        self.0.piece(folder, COINS, number)
    }

    /// What was found in a bucket; `None`: that is not known.
    pub(in crate::store) fn proof(&self, folder: &dyn Folder, bucket: usize) -> Result<Option<Proof>, StoreError> {
        Proof::read(folder, bucket)
    }

    pub(super) fn drop_piece(&mut self, folder: &mut dyn Folder, number: u32) -> Result<(), StoreError> {
        match self.0.checks.get(number as usize) {
            Some(check) if *check != 0 => self.set_check(folder, number, 0),
            _ => Ok(()),
        }
    }
}

/// Removes what is being fetched. Without its manifest the rest is nothing.
pub(super) fn remove(folder: &mut dyn Folder) -> Result<(), StoreError> {
    [MANIFEST, PROOFS, CHECKS, COINS].iter().try_for_each(|name| folder.remove(name))
}
