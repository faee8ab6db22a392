//! Keeps two payments of this host from spending the same coins.

use std::{
    fs::{self, File, TryLockError},
    os::unix::fs::MetadataExt,
    path::Path,
};

/// The right to choose coins of a key; released when dropped.
#[derive(Debug)]
pub struct SpendingLock {
    _file: Option<File>,
}

impl SpendingLock {
    /// Locks a file or folder that stands for the key; `None`: somebody else has it. What is not there or on a file system
    /// without locks is not locked: then a node that refuses the second payment has to do.
    pub(super) fn try_acquire(path: &Path) -> Option<Self> {
        loop {
            let Ok(file) = File::open(path) else { return Some(Self { _file: None }) };
            match file.try_lock() {
                // Who changes a key's label replaces its file, and the lock on the old one keeps out nobody.
                Ok(()) if !is_at(&file, path) => {}
                Ok(()) => return Some(Self { _file: Some(file) }),
                Err(TryLockError::WouldBlock) => return None,
                Err(TryLockError::Error(_)) => return Some(Self { _file: None }),
            }
        }
    }
}

/// Whether this is the file that the path leads to.
fn is_at(file: &File, path: &Path) -> bool {
    let here = file.metadata().ok().zip(fs::metadata(path).ok());
    here.is_none_or(|(file, there)| (file.dev(), file.ino()) == (there.dev(), there.ino()))
}
