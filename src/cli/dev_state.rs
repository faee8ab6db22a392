//! `tussock dev --state FILE`: a backup of a dev node in one file, which the next dev node begins from.
//!
//! The file is a tar archive of what `tussock backup` copies. Its last entry is the SHA-256 of all bytes before it, so that a file
//! which was cut or changed anywhere is refused as a whole.

use std::{
    fs::{self, File, OpenOptions},
    io::{self, Read, Write},
    os::unix::fs::{MetadataExt as _, OpenOptionsExt as _},
    path::{Path, PathBuf},
    sync::atomic::{AtomicBool, Ordering::Relaxed},
};

use sha2::{Digest as _, Sha256};
use tar::{Archive, Builder, EntryType, Header};

use super::{
    backup,
    context::Context,
    datadir::{self, Lock},
    exit::{Exit, Failure, Outcome},
};
use crate::{base::hash::hex, chain::archive::StoreError};

/// In the chain's folder: the backup that is packed or unpacked.
const PART: &str = "state.part";
/// The last entry: the SHA-256 of the bytes before it, in hex.
const SUM: &str = "sha256";
/// Bytes of a file that is no database and no key; the largest holds the snapshots of a test chain, at most 16 MiB.
const MOST_BYTES: u64 = 32 << 20;
/// Bytes of a key file.
const MOST_KEY_BYTES: u64 = 64 << 10;
/// Entries of the archive; nearly all are keys.
const MOST_ENTRIES: usize = 100_000;
/// Bytes of a name in the archive.
const MOST_NAME: usize = 100;
/// Bytes read at a time.
const CHUNK: usize = 64 << 10;

/// What tells one version of a file from another: inode, length, and when it was written.
type Version = (u64, u64, i64, i64);

/// The file of `--state`.
pub struct DevState {
    path: PathBuf,
    /// As it was at the start; `None`: it was not there.
    found: Option<Version>,
    /// Whether the chain's folder holds what was restored, and no node has run on it.
    is_fresh: AtomicBool,
}

impl DevState {
    /// Refuses what is no file, and a place where no file can be written, before anything is made.
    pub fn new(path: &Path, context: &Context) -> Outcome<Self> {
        let path = fs::canonicalize(path).or_else(|_| std::path::absolute(path)).unwrap_or_else(|_| path.to_owned());
        let found = version(&path)?;
        let state = Self { path, found, is_fresh: AtomicBool::new(false) };
        state.check_new(context)?;
        datadir::check_beside(&state.path).map_err(|error| {
            let advice = "name a file in a folder that you can write to: --state FILE";
            let what = format!("cannot write the state: {}: {error}; {advice}", state.path.display());
            Failure::new(Failure::io("", &state.path, &error).exit, what)
        })?;
        Ok(state)
    }

    /// Refuses a folder that holds a chain.
    fn check_new(&self, context: &Context) -> Outcome {
        let folder = context.folder();
        if context.settings.data_dir_is_default || backup::names().all(|name| !folder.join(name).exists()) {
            return Ok(());
        }
        let (state, folder) = (self.path.display(), folder.display());
        let advice = "leave out -d DIR or --state, or name a new folder";
        let what = format!("which would be meant? --state {state} is for one chain, and {folder} has another");
        Err(Failure::usage(format!("{what}; {advice}")))
    }

    /// Makes the chain's folder what the file says, if it is there.
    pub fn restore(&self, context: &Context) -> Outcome {
        if self.found.is_none() {
            return Ok(());
        }
        let folder = context.folder();
        let _lock = Lock::acquire(&folder, &context.settings.flags())?;
        self.check_new(context)?;
        let part = folder.join(PART);
        drop(fs::remove_dir_all(&part)); // of a start that was killed
        let restored = self
            .unpack(&part)
            .and_then(|()| backup::check(context, &part).map_err(|error| self.unusable(&error)))
            .and_then(|()| backup::copy_back(context, &part).map(drop));
        drop(fs::remove_dir_all(&part));
        self.is_fresh.store(restored.is_ok(), Relaxed);
        restored.inspect_err(|_| remove(&folder))
    }

    /// A node runs on what was restored.
    pub fn has_begun(&self) {
        self.is_fresh.store(false, Relaxed);
    }

    /// Removes what was restored after a start that failed: the next start finds a new folder.
    pub fn take_back(&self, context: &Context) {
        let folder = context.folder();
        if self.is_fresh.load(Relaxed)
            && let Ok(_lock) = Lock::acquire(&folder, "")
        {
            remove(&folder);
        }
    }

    /// Writes the state of a node that has stopped. The old file stays until the new one is whole.
    pub fn save(&self, context: &Context) -> Outcome {
        let now = version(&self.path)?;
        if now.is_some() && now != self.found {
            let what = format!("the state was changed while the node ran: {}", self.path.display());
            return Err(Failure::new(Exit::Rejected, format!("{what}; it stays as it is")));
        }
        let part = context.folder().join(PART);
        drop(fs::remove_dir_all(&part));
        let saved = backup::copy_all(context, &part, true)
            .and_then(|_| datadir::write_with(&self.path, 0o600, |file| self.pack(&part, file)));
        drop(fs::remove_dir_all(&part));
        saved
    }

    fn pack(&self, folder: &Path, file: &mut File) -> Outcome {
        let failed = |error| Failure::io("cannot write the state", &self.path, &error);
        let mut archive = Builder::new(Summed { file, sum: Sha256::new() });
        let mut names: Vec<String> = backup::names().filter(|name| *name != datadir::KEYS).map(str::to_owned).collect();
        let keys = fs::read_dir(folder.join(datadir::KEYS)).into_iter().flatten();
        let keys = keys.filter_map(|entry| entry.ok()?.file_name().into_string().ok());
        names.extend(keys.map(|name| format!("{}/{name}", datadir::KEYS)).filter(|name| is_key(name)));
        names.sort();
        for name in names {
            match File::open(folder.join(&name)) {
                Ok(content) => {
                    let size = content.metadata().map_err(failed)?.len();
                    append(&mut archive, &name, size, content).map_err(failed)?;
                }
                Err(error) if error.kind() == io::ErrorKind::NotFound => {}
                Err(error) => return Err(failed(error)),
            }
        }
        let sum = hex(&archive.get_ref().sum.clone().finalize());
        append(&mut archive, SUM, sum.len() as u64, sum.as_bytes()).map_err(failed)?;
        archive.finish().map_err(failed)
    }

    fn unpack(&self, into: &Path) -> Outcome {
        let open = || File::open(&self.path).map_err(|error| Failure::input(&self.path, &error));
        let file = open()?;
        let length = file.metadata().map_err(|error| Failure::input(&self.path, &error))?.len();
        datadir::make_private_folder(&into.join(datadir::KEYS))?;
        let (mut archive, mut is_whole) = (Archive::new(file), false);
        // Raw: no entry says how another is to be read.
        let entries = archive.entries().map_err(|error| self.unreadable(&error))?.raw(true);
        for (count, entry) in entries.enumerate() {
            let mut entry = entry.map_err(|error| self.unreadable(&error))?;
            let name = String::from_utf8_lossy(&entry.path_bytes()).into_owned();
            let most = if name == SUM { Some(64) } else { most_bytes(&name) };
            let is_plain = entry.header().entry_type() == EntryType::Regular && count < MOST_ENTRIES;
            let most = most.filter(|_| is_plain && !is_whole).ok_or_else(|| self.foreign(&name))?;
            if entry.size() > most.min(length) {
                return Err(self.damaged(&format!("{name} is too large")));
            }
            if name == SUM {
                let mut sum = String::new();
                entry.read_to_string(&mut sum).map_err(|error| self.unreadable(&error))?;
                if sum != self.sum(open()?.take(entry.raw_header_position()))? {
                    return Err(self.damaged("its checksum is wrong"));
                }
                is_whole = true;
                continue;
            }
            let (size, target) = (entry.size(), into.join(&name));
            self.write_out(&mut entry, size, &target)?;
        }
        if is_whole { Ok(()) } else { Err(self.damaged("it is cut, or no dev node wrote it")) }
    }

    /// Writes an entry into a new file.
    fn write_out(&self, entry: &mut impl Read, size: u64, target: &Path) -> Outcome {
        let failed = |error| Failure::io("cannot write", target, &error);
        if target.exists() {
            return Err(self.damaged("it has a file twice"));
        }
        let mut file = OpenOptions::new().write(true).create_new(true).mode(0o600).open(target).map_err(failed)?;
        let (mut chunk, mut done) = (vec![0; CHUNK], 0);
        loop {
            let read = entry.read(&mut chunk).map_err(|error| self.unreadable(&error))?;
            let bytes = chunk.get(..read).unwrap_or_default();
            match bytes.is_empty() {
                true if done == size => return Ok(()),
                true => return Err(self.damaged("it is cut")),
                false => file.write_all(bytes).map_err(failed)?,
            }
            done += read as u64;
        }
    }

    fn sum(&self, mut bytes: impl Read) -> Outcome<String> {
        let mut sum = Summed { file: io::sink(), sum: Sha256::new() };
        io::copy(&mut bytes, &mut sum).map_err(|error| self.unreadable(&error))?;
        Ok(hex(&sum.sum.finalize()))
    }

    fn foreign(&self, name: &str) -> Failure {
        self.damaged(&format!("no state has such an entry: \"{}\"", name.escape_default()))
    }

    /// The system cannot read the file, or there is no archive in it.
    fn unreadable(&self, error: &io::Error) -> Failure {
        match error.raw_os_error() {
            Some(_) => Failure::input(&self.path, error),
            None => self.damaged("it is cut, or no dev node wrote it"),
        }
    }

    fn unusable(&self, error: &StoreError) -> Failure {
        match error {
            StoreError::Mismatch(text) => {
                let what = text.split_once("; ").map_or(text.as_str(), |(what, _)| what);
                let advice = "name the state of another dev node, or a new file: --state FILE";
                Failure::new(Exit::Mismatch, format!("{what}: {}; {advice}", self.path.display()))
            }
            StoreError::Corrupt(text) => self.damaged(text),
            error => Failure::store(&self.path, error),
        }
    }

    fn damaged(&self, problem: &str) -> Failure {
        let advice = "name another file, or move it away to begin anew";
        Failure::new(Exit::Io, format!("the state is damaged: {}: {problem}; {advice}", self.path.display()))
    }
}

/// Removes what a backup has from a chain's folder.
fn remove(folder: &Path) {
    for path in backup::names().map(|name| folder.join(name)) {
        drop(if path.is_dir() { fs::remove_dir_all(&path) } else { fs::remove_file(&path) });
    }
}

/// The version of the file that is there. Refuses what is not a file.
fn version(path: &Path) -> Outcome<Option<Version>> {
    let refuse = |what: &str| {
        let advice = "name a file, or one that is not there yet: --state FILE";
        Err(Failure::usage(format!("{what}: {}; {advice}", path.display())))
    };
    match fs::metadata(path) {
        Ok(about) if about.is_dir() => refuse("the state is a folder"),
        Ok(about) if !about.is_file() => refuse("the state is a device or a pipe"),
        Ok(about) => Ok(Some((about.ino(), about.len(), about.mtime(), about.mtime_nsec()))),
        Err(_) if path.is_symlink() => refuse("the state is a link to nothing"),
        Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(None),
        Err(error) => Err(Failure::input(path, &error)),
    }
}

fn append(archive: &mut Builder<impl Write>, name: &str, size: u64, content: impl Read) -> io::Result<()> {
    let mut header = Header::new_gnu();
    header.set_path(name)?;
    header.set_entry_type(EntryType::Regular);
    header.set_mode(0o600);
    header.set_size(size);
    header.set_cksum();
    archive.append(&header, content.take(size))
}

/// How many bytes an entry of this name may have; `None`: no backup has it.
fn most_bytes(name: &str) -> Option<u64> {
    match name {
        _ if backup::is_database(name) => Some(u64::MAX),
        _ if is_key(name) => Some(MOST_KEY_BYTES),
        _ => (name != datadir::KEYS && backup::names().any(|known| known == name)).then_some(MOST_BYTES),
    }
}

/// Whether this names a key file, as the archive does.
fn is_key(name: &str) -> bool {
    let file = name.strip_prefix(datadir::KEYS).and_then(|rest| rest.strip_prefix('/'));
    let label = file.and_then(|file| file.strip_suffix(".json")).unwrap_or_default();
    !label.is_empty() && !label.starts_with('.') && !label.contains(['/', '\0']) && name.len() <= MOST_NAME
}

/// What is written here, and its SHA-256.
struct Summed<W> {
    file: W,
    sum: Sha256,
}

impl<W: Write> Write for Summed<W> {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        let written = self.file.write(bytes)?;
        self.sum.update(bytes.get(..written).unwrap_or_default());
        Ok(written)
    }

    fn flush(&mut self) -> io::Result<()> {
        self.file.flush()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_what_a_backup_has_is_taken_out_of_a_state() {
        let taken = ["ledger.db", "peers.db", "contacts.csv", "test-chain.json", "members", "keys/bob.json"];
        assert!(taken.iter().all(|name| most_bytes(name).is_some()));
        let long = format!("keys/{}.json", "a".repeat(100));
        for name in ["", "keys", "keys/", "keys/.json", "keys/..json", "keys/../x.json", "/keys/a.json", "../ledger.db"]
        {
            assert_eq!(most_bytes(name), None, "{name}");
        }
        for name in
            ["./ledger.db", "node.key", "rpc.cookie", "keys/bob", "keys/a/b.json", "keysbob.json", "sha256", &long]
        {
            assert_eq!(most_bytes(name), None, "{name}");
        }
    }
}
