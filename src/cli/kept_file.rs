//! Files that people keep and commands change: lists of members, say.

use std::{
    fs::{self, File, TryLockError},
    io,
    os::unix::fs::{MetadataExt as _, fchown},
    path::Path,
    time::Duration,
};

use super::{
    datadir,
    exit::{Exit, Failure, Outcome},
};
use crate::rpc::client::Deadline;

/// How long a command waits for another that changes the same file.
const FILE_LOCK_WAIT: Duration = Duration::from_secs(10);

/// Keeps other commands from changing a file of text at the same time; released when dropped. The lock is on the file
/// itself, so that none is left beside it, or on its folder as long as it is missing.
#[derive(Debug)]
pub struct FileLock(#[expect(dead_code, reason = "the lock lasts as long as the file is open")] File);

impl FileLock {
    /// Waits for the lock, but not for ever.
    pub fn acquire(path: &Path) -> Outcome<Self> {
        let deadline = Deadline::after(FILE_LOCK_WAIT);
        loop {
            let path = fs::canonicalize(path).unwrap_or_else(|_| path.to_owned());
            let folder = path.parent().filter(|folder| !folder.as_os_str().is_empty()).unwrap_or(Path::new("."));
            let locked = if path.exists() { &path } else { folder };
            let file = File::open(locked).map_err(|error| datadir::cannot_open(locked, &error))?;
            match file.try_lock() {
                // Its holder may have replaced the file meanwhile, or made it.
                Ok(()) if is_at(&file, if path.exists() { &path } else { folder }) => return Ok(Self(file)),
                Ok(()) => {}
                Err(TryLockError::WouldBlock) if deadline.pause(Duration::from_millis(5)) => {}
                Err(TryLockError::WouldBlock) => {
                    let advice = "another command is changing it; try again";
                    return Err(Failure::new(Exit::InUse, format!("{} is in use: {advice}", path.display())));
                }
                Err(TryLockError::Error(error)) => return Err(datadir::cannot_lock(locked, &error)),
            }
        }
    }
}

/// Whether this is the file that the path leads to.
fn is_at(file: &File, path: &Path) -> bool {
    let id = |about: io::Result<fs::Metadata>| about.ok().map(|about| (about.dev(), about.ino()));
    let here = id(file.metadata());
    here.is_some() && here == id(fs::metadata(path))
}

/// Replaces a file that people keep: it stays where a link leads, and its owner and mode stay. A new one gets this mode.
pub fn replace(path: &Path, bytes: &[u8], mode: u32) -> Outcome {
    let path = fs::canonicalize(path).unwrap_or_else(|_| path.to_owned());
    let Ok(about) = fs::metadata(&path) else { return datadir::write_atomically(&path, bytes, mode) };
    datadir::write_beside(&path, bytes, about.mode() & 0o777, |file| {
        let made = file.metadata()?;
        if (made.uid(), made.gid()) == (about.uid(), about.gid()) {
            return Ok(());
        }
        fchown(file, Some(about.uid()), Some(about.gid()))
    })
}

#[cfg(test)]
mod tests {
    use std::{os::unix::fs::PermissionsExt as _, path::PathBuf};

    use super::*;

    fn folder(name: &str) -> PathBuf {
        let path = std::env::temp_dir().join(format!("tussock-kept-file-{}-{name}", std::process::id()));
        drop(fs::remove_dir_all(&path));
        path
    }

    #[test]
    fn changes_of_one_file_by_many_at_once_all_count() {
        let folder = folder("lock");
        datadir::make_folder(&folder).unwrap();
        let path = folder.join("list");
        let add = |number: usize| {
            let _lock = FileLock::acquire(&path).unwrap();
            let text = fs::read_to_string(&path).unwrap_or_default();
            replace(&path, format!("{text}{number}\n").as_bytes(), 0o644).unwrap();
        };
        // The name of the temporary file has the process in it, and the lock keeps these threads apart as it does processes.
        std::thread::scope(|scope| (0..8).for_each(|number| drop(scope.spawn(move || add(number)))));
        let mut lines: Vec<String> = fs::read_to_string(&path).unwrap().lines().map(str::to_owned).collect();
        lines.sort_unstable();
        assert_eq!(lines, (0..8).map(|number| number.to_string()).collect::<Vec<_>>());
        fs::remove_dir_all(folder).unwrap();
    }

    #[test]
    fn a_file_of_people_keeps_its_mode_and_stays_behind_its_link() {
        let folder = folder("replace");
        datadir::make_folder(&folder).unwrap();
        let [path, link] = ["file", "link"].map(|name| folder.join(name));
        fs::write(&path, "old").unwrap();
        fs::set_permissions(&path, fs::Permissions::from_mode(0o600)).unwrap();
        std::os::unix::fs::symlink("file", &link).unwrap();
        replace(&link, b"new", 0o644).unwrap();
        assert!(link.is_symlink() && fs::read_to_string(&path).unwrap() == "new");
        assert_eq!(fs::metadata(&path).unwrap().permissions().mode() & 0o777, 0o600);
        fs::remove_dir_all(folder).unwrap();
    }
}
