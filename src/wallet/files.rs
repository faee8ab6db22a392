//! Private files, and random bytes for what is in them.

use std::{
    fs::{self, DirBuilder, OpenOptions},
    io::{self, Write},
    os::unix::fs::{DirBuilderExt, OpenOptionsExt},
    path::Path,
};

use portable_atomic::{AtomicU64, Ordering};

use super::error::{Outcome, WalletError};

/// Makes a folder with mode 0700, and its parents.
pub(super) fn make_folder(folder: &Path) -> Outcome {
    let made = DirBuilder::new().recursive(true).mode(0o700).create(folder);
    made.map_err(|error| WalletError::file("cannot make the folder", folder, &error))
}

/// Whether a file that is there already is replaced.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Existing {
    /// It gives way.
    Replace,
    /// It stays, and nothing is written.
    Keep,
}

/// Writes a file with mode 0600: it is there as a whole or not at all.
pub fn write(path: &Path, bytes: &[u8], existing: Existing) -> Outcome {
    static WRITES: AtomicU64 = AtomicU64::new(0);
    let mut name = path.file_name().unwrap_or_default().to_owned();
    name.push(format!(".{}-{}.tmp", std::process::id(), WRITES.fetch_add(1, Ordering::Relaxed)));
    let temporary = path.with_file_name(name);
    let written = (|| {
        drop(fs::remove_file(&temporary));
        let mut file = OpenOptions::new().write(true).create_new(true).mode(0o600).open(&temporary)?;
        file.write_all(bytes)?;
        file.sync_all()?;
        match existing {
            Existing::Replace => fs::rename(&temporary, path),
            Existing::Keep => rename_new(&temporary, path),
        }
    })();
    written.map_err(|error| {
        drop(fs::remove_file(&temporary));
        WalletError::file("cannot write", path, &error)
    })
}

/// Gives a file its name unless another has it: two programs that make the same name lose neither's secret.
fn rename_new(from: &Path, to: &Path) -> io::Result<()> {
    match fs::hard_link(from, to) {
        Ok(()) => fs::remove_file(from),
        Err(error) if error.kind() == io::ErrorKind::AlreadyExists => Err(error),
        // Some file systems have no links.
        Err(_) if to.try_exists()? => Err(io::ErrorKind::AlreadyExists.into()),
        Err(_) => fs::rename(from, to),
    }
}

/// Unpredictable bytes from the operating system.
pub fn random_bytes<const N: usize>() -> Outcome<[u8; N]> {
    let mut bytes = [0; N];
    let filled = getrandom::fill(&mut bytes);
    filled.map_err(|error| WalletError::Internal(format!("the system has no random numbers: {error}")))?;
    Ok(bytes)
}
