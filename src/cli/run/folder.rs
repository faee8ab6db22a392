//! The data directory of a running node. An open file outlives its directory, so that nothing fails when the directory is
//! deleted or its drive is gone, and all that the node takes from then on is lost.

use std::{
    fs,
    os::unix::fs::MetadataExt,
    path::{Path, PathBuf},
};

use crate::{
    cli::{
        datadir,
        exit::{Exit, Failure},
    },
    node::hindrance::Finding,
};

/// Device and inode.
type Identity = (u64, u64);

/// A data directory, its lock file and its ledger, as they were when the node opened them.
#[derive(Clone, Debug)]
pub(super) struct Folder {
    path: PathBuf,
    opened: [Option<Identity>; 3],
}

impl Folder {
    /// The directory as it is now. The caller holds its lock and has its ledger open.
    pub(super) fn new(path: PathBuf) -> Self {
        Self { opened: identities(&path), path }
    }

    /// Where it is.
    pub(super) fn path(&self) -> &Path {
        &self.path
    }

    /// Whether the path still leads to what was opened.
    pub(super) fn is_in_place(&self) -> bool {
        identities(&self.path) == self.opened
    }

    /// Why the node stops when it does not.
    pub(super) fn failure(&self) -> Failure {
        let Finding { text, advice, .. } = self.loss();
        Failure::new(Exit::Io, format!("{text}; {advice}"))
    }

    /// What is told when it does not, until the node has stopped.
    pub(super) fn loss(&self) -> Finding {
        let ([folder, lock, _], [opened, held, _]) = (identities(&self.path), self.opened);
        let text = if (folder, lock) == (opened, held) {
            format!("the ledger is gone or replaced: {}", self.path.join(datadir::LEDGER).display())
        } else {
            format!("the data directory is gone or replaced: {}", self.path.display())
        };
        Finding::new(text, "what the node took since then is lost; mount its drive or restore it")
    }

    /// What is told while other users can read a file with secrets.
    pub(super) fn exposure(&self) -> Option<Finding> {
        let file = self.exposed()?.display().to_string();
        Some(Finding::new(format!("other users of this host can read {file}"), format!("chmod 600 {file}")))
    }

    /// What is told while nothing can be written: the system makes a file system read-only when its disk fails.
    pub(super) fn refusal(&self) -> Option<Finding> {
        let error = rustix::fs::access(&self.path, rustix::fs::Access::WRITE_OK).err()?;
        is_refusal(error).then(|| {
            let text = format!("the data directory cannot be written: {}: {error}", self.path.display());
            Finding::new(text, advice_on(error))
        })
    }

    /// The first file with secrets that other users can read.
    fn exposed(&self) -> Option<PathBuf> {
        let keys = fs::read_dir(self.path.join(datadir::KEYS)).into_iter().flatten();
        let files = keys.filter_map(|entry| Some(entry.ok()?.path())).chain([self.path.join(datadir::COOKIE)]);
        files.into_iter().find(|file| fs::metadata(file).is_ok_and(|file| file.is_file() && file.mode() & 0o077 != 0))
    }
}

fn identities(path: &Path) -> [Option<Identity>; 3] {
    let identity = |path: &Path| fs::metadata(path).ok().map(|file| (file.dev(), file.ino()));
    [identity(path), identity(&path.join(datadir::LOCK)), identity(&path.join(datadir::LEDGER))]
}

/// What to do about it. Only a file system that is read-only may have a failing disk.
fn advice_on(refusal: rustix::io::Errno) -> &'static str {
    match refusal {
        rustix::io::Errno::ACCESS => {
            "give it back to the node's user (chown), who must be able to write there (chmod u+rwx)"
        }
        _ => "look for errors of the disk (dmesg), and mount the file system for writing again",
    }
}

/// Whether an error says that the place is not for writing, and not that it is gone.
fn is_refusal(error: rustix::io::Errno) -> bool {
    matches!(error, rustix::io::Errno::ROFS | rustix::io::Errno::ACCESS)
}

#[cfg(test)]
mod tests {
    use rustix::io::Errno;

    use super::*;

    #[test]
    fn a_directory_that_is_moved_away_or_replaced_is_noticed() {
        let path = std::env::temp_dir().join(format!("tussock-folder-{}", std::process::id()));
        let moved = path.with_extension("moved");
        let make = || {
            fs::create_dir(&path).unwrap();
            fs::write(path.join(datadir::LOCK), "").unwrap();
            fs::write(path.join(datadir::LEDGER), "").unwrap();
        };
        make();
        let folder = Folder::new(path.clone());
        assert!(folder.is_in_place());
        let (ledger, kept) = (path.join(datadir::LEDGER), path.join("kept"));
        fs::rename(&ledger, &kept).unwrap();
        assert!(!folder.is_in_place() && folder.failure().message.contains("the ledger is gone"));
        fs::rename(&kept, &ledger).unwrap();
        assert!(folder.is_in_place());
        fs::rename(&path, &moved).unwrap();
        assert!(!folder.is_in_place());
        make();
        assert!(!folder.is_in_place(), "another one of the same name");
        assert!(folder.failure().message.contains("gone or replaced"));
        [path, moved].iter().for_each(|path| fs::remove_dir_all(path).unwrap());
    }

    #[test]
    fn only_a_place_that_is_not_for_writing_refuses() {
        assert!(is_refusal(Errno::ROFS) && is_refusal(Errno::ACCESS) && !is_refusal(Errno::NOENT));
        assert!(advice_on(Errno::ACCESS).contains("chown") && advice_on(Errno::ROFS).contains("dmesg"));
        let path = std::env::temp_dir();
        assert_eq!(Folder::new(path).refusal(), None);
        // The kernel's own files cannot be added to, whoever asks.
        let read_only = Folder::new(PathBuf::from("/proc/self/fdinfo")).refusal();
        assert!(read_only.is_none_or(|found| found.text.contains("cannot be written")));
    }
}
