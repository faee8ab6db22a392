//! What is kept beside the coins of a snapshot: its manifest, and a checksum of each piece.

use super::folder::Folder;
use crate::{
    base::{
        codec,
        hash::{Domain, Hash},
    },
    chain::{
        archive::StoreError,
        snapshot::{Manifest, SnapshotName},
    },
};

/// Bytes of a piece's checksum.
pub(super) const CHECK_BYTES: usize = 8;
/// Bytes before a manifest in its file: the hash of what follows.
const HEAD_BYTES: usize = 32;
/// A larger file of a manifest is damaged: 65,536 pieces take 4 bytes in the manifest and 8 of checksum each.
const MOST_BYTES: u64 = 1024 * 1024;

/// A piece's checksum, against damage on the disk. Never 0.
pub(super) fn check_of(piece: &[u8]) -> u64 {
    Domain::FRAME.hash(piece).first_eight().max(1)
}

/// A manifest with the checksums of its pieces; 0: the piece is not here.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Record {
    pub(super) manifest: Manifest,
    pub(super) checks: Vec<u64>,
}

impl Record {
    pub(super) fn name(&self) -> SnapshotName {
        SnapshotName { height: self.manifest.height(), block: self.manifest.block() }
    }

    /// Reads [`Record::write`]'s file; `None`: there is none, or a damaged one.
    pub(super) fn read(folder: &dyn Folder, name: &str) -> Result<Option<Self>, StoreError> {
        let Some(bytes) = read_hashed(folder, name)? else { return Ok(None) };
        let Ok((manifest, taken)) = codec::decode_prefix::<Manifest>(&bytes) else { return Ok(None) };
        let (checks, rest) = bytes[taken..].as_chunks::<CHECK_BYTES>();
        let is_whole = rest.is_empty() && checks.len() == manifest.pieces() as usize;
        let checks = checks.iter().map(|check| u64::from_le_bytes(*check)).collect();
        Ok(is_whole.then_some(Self { manifest, checks }))
    }

    pub(super) fn write(&self, folder: &mut dyn Folder, name: &str) -> Result<(), StoreError> {
        let mut bytes = codec::encode(&self.manifest);
        self.checks.iter().for_each(|check| bytes.extend_from_slice(&check.to_le_bytes()));
        write_hashed(folder, name, &bytes)
    }

    /// A piece out of the file with the coins; `None`: it is not here, or not what was written.
    pub(super) fn piece(&self, folder: &dyn Folder, coins: &str, number: u32) -> Result<Option<Vec<u8>>, StoreError> {
        let (Some(length), Some(check)) = (self.manifest.length_of(number), self.checks.get(number as usize)) else {
            return Ok(None);
        };
        if *check == 0 {
            return Ok(None);
        }
        let bytes = folder.read(coins, self.manifest.offset_of(number), length)?;
        Ok(bytes.filter(|bytes| check_of(bytes) == *check))
    }
}

/// The bytes of a small file behind their hash; `None`: there is none, or they have another.
pub(super) fn read_hashed(folder: &dyn Folder, name: &str) -> Result<Option<Vec<u8>>, StoreError> {
    let Some(length) = folder.length(name)?.filter(|length| *length <= MOST_BYTES) else { return Ok(None) };
    let Some(mut bytes) = folder.read(name, 0, usize::try_from(length).unwrap_or(0))? else { return Ok(None) };
    if bytes.len() < HEAD_BYTES {
        return Ok(None);
    }
    let rest = bytes.split_off(HEAD_BYTES);
    Ok((Domain::FRAME.hash(&rest) == Hash(bytes.try_into().unwrap_or_default())).then_some(rest))
}

/// Writes a small file with the hash of the bytes before them.
pub(super) fn write_hashed(folder: &mut dyn Folder, name: &str, bytes: &[u8]) -> Result<(), StoreError> {
    folder.remove(name)?;
    folder.write(name, 0, &[&Domain::FRAME.hash(bytes).0, bytes].concat())
}
