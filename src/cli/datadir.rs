//! The folder of a chain: its lock, and the files of a running node.

use std::{
    fs::{self, DirBuilder, File, OpenOptions, TryLockError},
    io::{self, Write},
    os::unix::fs::{DirBuilderExt, OpenOptionsExt},
    path::{Path, PathBuf},
    time::Duration,
};

use serde::{Deserialize, Serialize};

use super::{
    exit::{Exit, Failure, Outcome},
    units,
};
use crate::rpc::client::Deadline;

/// The ledger's file name.
pub const LEDGER: &str = "ledger.db";
/// The peer book's file name.
pub const PEERS: &str = "peers.db";
/// The address index's file name; derived, may be deleted.
pub const INDEX: &str = "index.db";
/// The file name of what authorities have signed; on sealed chains only.
pub const SEALS: &str = "seals.db";
/// The folder of key files.
pub const KEYS: &str = crate::wallet::keys::FOLDER;
/// The file of the key by which other nodes know this one.
pub const NODE_KEY: &str = "node.key";
/// The file of members, once the list of the chain file was changed.
pub const MEMBERS: &str = "members";
/// The folder of log files.
pub const LOGS: &str = "logs";
/// The lock file's name.
pub const LOCK: &str = "lock";
const ENDPOINTS: &str = "endpoints.json";
/// The file with the running node's credentials.
pub const COOKIE: &str = "rpc.cookie";
/// Up to where payments were told to `--notify`.
pub const NOTIFIED: &str = "notified";
/// How much was sent and received.
pub const TRAFFIC: &str = "traffic";

/// The holder of a lock, from the lock file.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Holder {
    /// The process id.
    pub pid: u32,
    /// Unix seconds of its start.
    pub started: u64,
    /// Its HTTP address, once known.
    pub http: Option<String>,
}

/// The addresses of a running node, from `endpoints.json`.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Endpoints {
    /// The process.
    pub pid: u32,
    /// Where it listens for peers: the first address.
    pub p2p: String,
    /// All addresses where it listens for peers.
    #[serde(default)]
    pub listen: Vec<String>,
    /// Where it serves HTTP; `None`: it does not.
    pub http: Option<String>,
    /// The chain's name.
    pub chain: String,
    /// The genesis block's hash, hex.
    pub genesis: String,
}

/// The lock on a chain's folder; released when dropped.
#[derive(Debug)]
pub struct Lock {
    file: File,
    path: PathBuf,
}

impl Lock {
    /// Takes the lock and makes the folder if it is missing. `flags` make another command use the same folder.
    pub fn acquire(folder: &Path, flags: &str) -> Outcome<Self> {
        make_folder(folder)?;
        let path = folder.join(LOCK);
        let file = OpenOptions::new().read(true).write(true).create(true).truncate(false).mode(0o644).open(&path);
        let file = file.map_err(|error| cannot_open(&path, &error))?;
        // Commands that check whether a node runs hold the lock for an instant.
        let deadline = Deadline::after(Duration::from_millis(200));
        loop {
            match file.try_lock() {
                Ok(()) => break,
                Err(TryLockError::WouldBlock) if deadline.pause(Duration::from_millis(20)) => {}
                Err(TryLockError::WouldBlock) => return Err(in_use(folder, flags)),
                Err(TryLockError::Error(error)) => return Err(cannot_lock(&path, &error)),
            }
        }
        let mut lock = Self { file, path };
        lock.describe(&Holder { pid: std::process::id(), started: units::unix_now(), http: None })?;
        Ok(lock)
    }

    /// Writes the holder into the lock file.
    pub fn describe(&mut self, holder: &Holder) -> Outcome {
        let text = serde_json::to_string(holder).expect("a holder is plain data") + "\n";
        let written = self.file.set_len(0).and_then(|()| io::Seek::rewind(&mut self.file));
        written
            .and_then(|()| self.file.write_all(text.as_bytes()))
            .map_err(|error| Failure::io("cannot write", &self.path, &error))
    }
}

/// The holder of the folder's lock; `None` if the lock is free. Fails if this user may not look into the folder.
pub fn holder(folder: &Path) -> Outcome<Option<Holder>> {
    let path = folder.join(LOCK);
    let file = match File::open(&path) {
        Ok(file) => file,
        Err(error) if error.kind() == io::ErrorKind::PermissionDenied => return Err(Failure::denied(&path)),
        Err(_) => return Ok(None),
    };
    match file.try_lock_shared() {
        Err(TryLockError::WouldBlock) => {
            let text = fs::read_to_string(&path).unwrap_or_default();
            Ok(Some(serde_json::from_str(&text).unwrap_or_default()))
        }
        _ => Ok(None),
    }
}

/// Waits until the folder's lock is free; false if the time ran out.
pub fn wait_released(folder: &Path, deadline: Deadline) -> Outcome<bool> {
    while holder(folder)?.is_some() {
        if !deadline.pause(Duration::from_millis(20)) {
            return Ok(false);
        }
    }
    Ok(true)
}

/// Makes a folder and its parents.
pub fn make_folder(folder: &Path) -> Outcome {
    fs::create_dir_all(folder).map_err(|error| cannot_make(folder, &error))
}

/// Makes a folder with mode 0700.
pub fn make_private_folder(folder: &Path) -> Outcome {
    let made = DirBuilder::new().recursive(true).mode(0o700).create(folder);
    made.map_err(|error| cannot_make(folder, &error))
}

/// Writes a file atomically, with this mode.
pub fn write_atomically(path: &Path, bytes: &[u8], mode: u32) -> Outcome {
    write_beside(path, bytes, mode, |_| Ok(()))
}

/// Writes a file beside and renames it; `prepare` sees it while it is empty.
pub(super) fn write_beside(path: &Path, bytes: &[u8], mode: u32, prepare: impl Fn(&File) -> io::Result<()>) -> Outcome {
    let failed = |error| Failure::io("cannot write", path, &error);
    write_with(path, mode, |file| prepare(file).and_then(|()| file.write_all(bytes)).map_err(failed))
}

/// The same for a file that is written bit by bit. What is no regular file is written to instead: a device or a pipe must not
/// give way to a file.
pub(super) fn write_with(path: &Path, mode: u32, fill: impl FnOnce(&mut File) -> Outcome) -> Outcome {
    let failed = |error| Failure::io("cannot write", path, &error);
    if fs::metadata(path).is_ok_and(|about| !about.is_file()) {
        return fill(&mut OpenOptions::new().write(true).open(path).map_err(failed)?);
    }
    let temporary = temporary_beside(path);
    let written = (|| {
        drop(fs::remove_file(&temporary));
        let mut file = OpenOptions::new().write(true).create_new(true).mode(mode).open(&temporary).map_err(failed)?;
        fill(&mut file)?;
        file.sync_all().and_then(|()| fs::rename(&temporary, path)).map_err(failed)
    })();
    written.inspect_err(|_| drop(fs::remove_file(&temporary)))
}

/// Whether a file can be written beside this one, which stays as it is.
pub(super) fn check_beside(path: &Path) -> io::Result<()> {
    let temporary = temporary_beside(path);
    OpenOptions::new().write(true).create(true).truncate(true).mode(0o600).open(&temporary)?;
    fs::remove_file(&temporary)
}

fn temporary_beside(path: &Path) -> PathBuf {
    let mut name = path.file_name().unwrap_or_default().to_owned();
    name.push(format!(".{}.tmp", std::process::id()));
    path.with_file_name(name)
}

/// Writes `endpoints.json`: the node is ready.
pub fn write_endpoints(folder: &Path, endpoints: &Endpoints) -> Outcome {
    let text = serde_json::to_string(endpoints).expect("endpoints are plain data") + "\n";
    write_atomically(&folder.join(ENDPOINTS), text.as_bytes(), 0o644)
}

/// Reads `endpoints.json`. A node that was killed leaves it behind: check [`holder`] too.
pub fn read_endpoints(folder: &Path) -> Option<Endpoints> {
    serde_json::from_str(&fs::read_to_string(folder.join(ENDPOINTS)).ok()?).ok()
}

/// Writes a new cookie for the node's RPC. Returns its secret: 32 random bytes in hex.
pub fn write_cookie(folder: &Path) -> Outcome<String> {
    let cookie = crate::base::hash::hex(&random_bytes::<32>()?);
    renew_cookie(folder, &format!("__cookie__:{cookie}"))?;
    Ok(cookie)
}

/// Writes the content of the cookie file again.
pub fn renew_cookie(folder: &Path, content: &str) -> Outcome {
    write_atomically(&folder.join(COOKIE), content.as_bytes(), 0o600)
}

/// Whether the cookie file has this content.
pub fn holds_cookie(folder: &Path, content: &str) -> bool {
    fs::read_to_string(folder.join(COOKIE)).is_ok_and(|found| found == content)
}

/// The content of the running node's cookie file.
pub fn read_cookie(folder: &Path) -> Outcome<String> {
    let path = folder.join(COOKIE);
    fs::read_to_string(&path).map_err(|error| {
        let advice = match error.kind() {
            io::ErrorKind::NotFound => "the node writes it again within seconds, try again",
            _ => "run the command as the node's user",
        };
        Failure::new(Exit::Unauthorised, format!("cannot read the cookie: {}: {error}; {advice}", path.display()))
    })
}

/// Removes the files that exist only while a node runs.
pub fn remove_runtime_files(folder: &Path) {
    for name in [ENDPOINTS, COOKIE] {
        if let Err(error) = fs::remove_file(folder.join(name))
            && error.kind() != io::ErrorKind::NotFound
        {
            log::warn!("cannot remove file={name} error=\"{error}\"");
        }
    }
}

/// Unpredictable bytes from the operating system.
pub fn random_bytes<const N: usize>() -> Outcome<[u8; N]> {
    Ok(crate::wallet::files::random_bytes()?)
}

fn in_use(folder: &Path, flags: &str) -> Failure {
    let holder = holder(folder).ok().flatten().unwrap_or_default();
    let rpc = holder.http.map(|http| format!(", rpc {http}")).unwrap_or_default();
    let since = units::utc(holder.started);
    Failure::new(
        Exit::InUse,
        format!(
            "the data directory is in use by pid {} (since {since}{rpc}): {}; stop it with: tussock stop{flags}",
            holder.pid,
            folder.display()
        ),
    )
}

fn cannot_make(folder: &Path, error: &io::Error) -> Failure {
    let dangling = folder.ancestors().find(|path| path.is_symlink() && !path.exists());
    match (error.kind(), dangling) {
        (io::ErrorKind::PermissionDenied, _) => no_permission(folder),
        (_, Some(link)) => {
            let target = fs::read_link(link).unwrap_or_default();
            let advice = "mount its drive, or choose another data directory: -d DIR";
            let problem = format!("the link {} leads to {}, which is missing", link.display(), target.display());
            Failure::new(Exit::Io, format!("{problem}; {advice}"))
        }
        _ => Failure::io("cannot make the folder", folder, error),
    }
}

pub(super) fn cannot_open(path: &Path, error: &io::Error) -> Failure {
    match error.kind() {
        io::ErrorKind::PermissionDenied => no_permission(path),
        _ => Failure::io("cannot open", path, error),
    }
}

fn no_permission(path: &Path) -> Failure {
    let advice = "choose a folder that you may write to (for the data directory: -d DIR)";
    Failure::new(Exit::Unauthorised, format!("permission denied: {}; {advice}", path.display()))
}

pub(super) fn cannot_lock(path: &Path, error: &io::Error) -> Failure {
    if error.kind() == io::ErrorKind::Unsupported || error.raw_os_error() == Some(37) {
        let advice = "choose a data directory on a local disk: -d DIR";
        return Failure::new(Exit::Io, format!("this filesystem has no file locks: {}; {advice}", path.display()));
    }
    Failure::io("cannot lock", path, error)
}

#[cfg(test)]
mod tests {
    use std::os::unix::fs::PermissionsExt;

    use super::*;

    fn folder(name: &str) -> PathBuf {
        let path = std::env::temp_dir().join(format!("tussock-datadir-{}-{name}", std::process::id()));
        drop(fs::remove_dir_all(&path));
        path
    }

    #[test]
    fn a_lock_is_held_once_and_names_its_holder() {
        let folder = folder("lock");
        let lock = Lock::acquire(&folder, " -d /x").unwrap();
        assert_eq!(holder(&folder).unwrap().unwrap().pid, std::process::id());
        let refused = Lock::acquire(&folder, " -d /x").unwrap_err();
        assert_eq!(refused.exit, Exit::InUse);
        let pid = format!("pid {}", std::process::id());
        assert!(refused.message.contains(&pid) && refused.message.ends_with("tussock stop -d /x"), "{refused:?}");
        drop(lock);
        assert_eq!(holder(&folder), Ok(None));
        Lock::acquire(&folder, "").unwrap();
        fs::remove_dir_all(folder).unwrap();
    }

    #[test]
    fn the_files_of_a_running_node_are_private_and_removed_at_its_end() {
        let folder = folder("runtime-files");
        make_folder(&folder).unwrap();
        let endpoints = Endpoints {
            pid: 7,
            p2p: "127.0.0.1:1".into(),
            listen: vec!["127.0.0.1:1".into(), "[::1]:1".into()],
            http: Some("127.0.0.1:2".into()),
            chain: "local".into(),
            genesis: "00".into(),
        };
        write_endpoints(&folder, &endpoints).unwrap();
        assert_eq!(read_endpoints(&folder), Some(endpoints));
        let cookie = write_cookie(&folder).unwrap();
        assert_eq!(read_cookie(&folder).unwrap(), format!("__cookie__:{cookie}"));
        assert_eq!(fs::metadata(folder.join(COOKIE)).unwrap().permissions().mode() & 0o777, 0o600);
        remove_runtime_files(&folder);
        assert_eq!(fs::read_dir(&folder).unwrap().count(), 0);
        assert_eq!(read_cookie(&folder).unwrap_err().exit, Exit::Unauthorised);
        fs::remove_dir_all(folder).unwrap();
    }

    #[test]
    fn a_folder_that_cannot_be_made_is_an_io_error_and_not_in_use() {
        let file = folder("file");
        fs::write(&file, "").unwrap();
        assert_eq!(Lock::acquire(&file.join("chain"), "").unwrap_err().exit, Exit::Io);
        fs::remove_file(file).unwrap();
    }
}
