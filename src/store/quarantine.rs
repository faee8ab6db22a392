//! Moves a damaged file out of the way, for databases that a node can rebuild or do without.

use std::{
    ffi::OsString,
    io,
    path::{Path, PathBuf},
};

/// File names tried before giving up; nobody keeps a hundred damaged files.
const MAX_QUARANTINED: u32 = 100;

/// Renames a database with its log so that a new one can take its place: `peers.db` becomes `peers.db.aside-1`. Nothing
/// is deleted. Returns the new path.
pub(super) fn quarantine(path: &Path) -> io::Result<PathBuf> {
    let taken = |number: &u32| !with_suffix(path, &format!(".aside-{number}")).exists();
    let number = (1..=MAX_QUARANTINED).find(taken).ok_or_else(|| io::Error::other("too many files were set aside"))?;
    let suffix = format!(".aside-{number}");
    let target = with_suffix(path, &suffix);
    std::fs::rename(path, &target)?;
    // SQLite would replay a log that stayed behind into the new database.
    for log in ["-wal", "-shm"] {
        match std::fs::rename(with_suffix(path, log), with_suffix(&target, log)) {
            Err(error) if error.kind() != io::ErrorKind::NotFound => return Err(error),
            _ => {}
        }
    }
    Ok(target)
}

fn with_suffix(path: &Path, suffix: &str) -> PathBuf {
    let mut name = OsString::from(path);
    name.push(suffix);
    PathBuf::from(name)
}
