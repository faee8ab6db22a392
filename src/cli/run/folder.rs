//! Watches the data directory of a running node: an open file outlives its directory, so that nothing fails when the
//! directory is deleted or its drive is gone, and all that the node takes from then on is lost.

use std::{
    fs,
    os::unix::fs::MetadataExt,
    path::{Path, PathBuf},
    sync::{
        Arc,
        atomic::{AtomicBool, Ordering::SeqCst},
        mpsc::{self, RecvTimeoutError, Sender},
    },
    thread::{self, JoinHandle},
    time::Duration,
};

use crate::{
    base::time::UnixTime,
    cli::{
        datadir,
        exit::{Exit, Failure},
        units,
    },
    node::hindrance::{Finding, HindranceId},
    runtime::NodeHandle,
};

/// Time between two looks.
const INTERVAL: Duration = Duration::from_secs(2);

/// Device and inode.
type Identity = (u64, u64);

/// A data directory and its lock file, as they were when the node opened them.
#[derive(Clone, Debug)]
pub(super) struct Folder {
    path: PathBuf,
    opened: [Option<Identity>; 2],
}

impl Folder {
    /// The directory as it is now. The caller holds its lock.
    pub(super) fn new(path: PathBuf) -> Self {
        Self { opened: identities(&path), path }
    }

    /// Whether the path still leads to what was opened.
    pub(super) fn is_in_place(&self) -> bool {
        identities(&self.path) == self.opened
    }

    /// What is told when it does not.
    pub(super) fn failure(&self) -> Failure {
        let problem = format!("the data directory is gone or replaced: {}", self.path.display());
        Failure::new(
            Exit::Io,
            format!("{problem}; what the node took since then is lost; mount its drive or restore it"),
        )
    }

    /// The first file with secrets that other users can read.
    fn exposed(&self) -> Option<PathBuf> {
        let keys = fs::read_dir(self.path.join(datadir::KEYS)).into_iter().flatten();
        let files = keys.filter_map(|entry| Some(entry.ok()?.path())).chain([self.path.join(datadir::COOKIE)]);
        files.into_iter().find(|file| fs::metadata(file).is_ok_and(|file| file.is_file() && file.mode() & 0o077 != 0))
    }
}

fn identities(path: &Path) -> [Option<Identity>; 2] {
    let identity = |path: &Path| fs::metadata(path).ok().map(|file| (file.dev(), file.ino()));
    [identity(path), identity(&path.join(datadir::LOCK))]
}

/// Looks every few seconds, and stops the node when the directory is lost. Ends when it is dropped.
pub(super) struct FolderWatch {
    stop: Option<Sender<()>>,
    thread: Option<JoinHandle<()>>,
    lost: Arc<AtomicBool>,
}

impl FolderWatch {
    /// Starts a thread. If the system refuses one, nobody looks.
    pub(super) fn start(folder: Folder, node: NodeHandle) -> Self {
        let (stop, stopped) = mpsc::channel();
        let lost = Arc::new(AtomicBool::new(false));
        let tell = Arc::clone(&lost);
        let look = move || {
            let mut exposed = None;
            while stopped.recv_timeout(INTERVAL) == Err(RecvTimeoutError::Timeout) {
                if !folder.is_in_place() {
                    let failure = folder.failure();
                    log::error!("{}", failure.message);
                    tell.store(true, SeqCst);
                    return node.stop();
                }
                let found = folder.exposed();
                if found != exposed {
                    let finding = found.as_deref().map(exposure);
                    node.hinder(HindranceId::KeysExposed, UnixTime(units::unix_now()), finding);
                    exposed = found;
                }
            }
        };
        let thread = thread::Builder::new().name("folder".to_owned()).stack_size(128 * 1024).spawn(look);
        Self { stop: Some(stop), thread: thread.ok(), lost }
    }

    /// Whether the directory was lost.
    pub(super) fn is_lost(&self) -> bool {
        self.lost.load(SeqCst)
    }
}

fn exposure(file: &Path) -> Finding {
    let file = file.display();
    Finding::new(format!("other users of this host can read {file}"), format!("chmod 600 {file}"))
}

impl Drop for FolderWatch {
    fn drop(&mut self) {
        self.stop = None;
        if let Some(thread) = self.thread.take() {
            // A panic of this thread is reported by the panic hook.
            drop(thread.join());
        }
    }
}
