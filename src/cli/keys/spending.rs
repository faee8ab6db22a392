//! Keeps two processes from spending the same coins.

use std::{
    fs::{File, TryLockError},
    path::Path,
    time::Duration,
};

use crate::{
    cli::exit::{Exit, Failure, Outcome},
    rpc::client::Deadline,
};

/// Pause between two attempts to take the lock. Another payment holds it for some milliseconds.
const PAUSE: Duration = Duration::from_millis(10);

/// The right to choose coins of a key; released when dropped.
#[derive(Debug)]
pub struct SpendingLock {
    _file: Option<File>,
}

impl SpendingLock {
    /// Locks a file that stands for the key. Without the file, or on a file system without locks, nothing is locked.
    pub(super) fn acquire(path: &Path, name: &str, deadline: Deadline) -> Outcome<Self> {
        let Ok(file) = File::open(path) else { return Ok(Self { _file: None }) };
        loop {
            match file.try_lock() {
                Ok(()) => return Ok(Self { _file: Some(file) }),
                Err(TryLockError::WouldBlock) if deadline.pause(PAUSE) => {}
                Err(TryLockError::WouldBlock) => {
                    let problem = format!("other payments of key \"{name}\" took all the time; try again");
                    return Err(Failure::new(Exit::TimedOut, problem));
                }
                Err(TryLockError::Error(_)) => return Ok(Self { _file: None }),
            }
        }
    }
}
