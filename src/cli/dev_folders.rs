//! Where the nodes of `tussock dev` are, for commands without `--data-dir`: a list in the default data directory, the last one at its end.
//!
//! A line is a folder. If this program has made the folder to be temporary, the line begins with a random number, which a file in
//! the folder has, too: only such a folder is ever removed, once its node is gone.

use std::{
    fs,
    path::{Path, PathBuf},
    sync::atomic::{AtomicBool, Ordering::Relaxed},
    time::Duration,
};

use super::{datadir, exit::Outcome, output};
use crate::base::hash::{hex, unhex};

/// The list's file: a folder on each line.
const FILE: &str = "dev-folder";
/// What the names of temporary folders begin with.
const TEMPORARY: &str = "tussock-dev-";
/// In a temporary folder: the number that the list has.
const MARK: &str = ".temporary";
/// Between number and folder in the list. A data directory that begins like this would be named absolutely all the same.
const SEPARATOR: char = ' ';
/// A temporary folder of a killed node is not removed before: one that has just been made may have no lock yet.
const SETTLED: Duration = Duration::from_secs(5);

/// One of the list.
#[derive(Clone, Debug, PartialEq)]
struct Listed {
    /// The number of a folder that this program has made.
    mark: Option<String>,
    folder: PathBuf,
}

/// The folder of the last `tussock dev` that runs.
pub fn last_running(default_data_dir: &Path) -> Outcome<Option<PathBuf>> {
    for Listed { folder, .. } in listed(default_data_dir).into_iter().rev() {
        if runs(&folder)? {
            return Ok(Some(folder));
        }
    }
    Ok(None)
}

fn runs(folder: &Path) -> Outcome<bool> {
    Ok(datadir::holder(&folder.join("dev"))?.is_some())
}

fn listed(default_data_dir: &Path) -> Vec<Listed> {
    let text = fs::read_to_string(default_data_dir.join(FILE)).unwrap_or_default();
    let read = |line: &str| match line.split_once(SEPARATOR) {
        Some((mark, folder)) if !line.starts_with('/') => {
            Listed { mark: Some(mark.to_owned()), folder: PathBuf::from(folder) }
        }
        _ => Listed { mark: None, folder: PathBuf::from(line) },
    };
    text.lines().filter(|line| !line.is_empty()).map(read).collect()
}

/// Writes the list; without any folder there is no file.
fn put(default_data_dir: &Path, all: &[Listed]) -> Option<()> {
    let path = default_data_dir.join(FILE);
    if all.is_empty() {
        return fs::remove_file(path).ok();
    }
    let line = |Listed { mark, folder }: &Listed| {
        let mark = mark.as_ref().map(|mark| format!("{mark}{SEPARATOR}")).unwrap_or_default();
        Some(format!("{mark}{}\n", folder.to_str()?))
    };
    let lines: Option<Vec<String>> = all.iter().map(line).collect();
    datadir::make_folder(default_data_dir).ok()?;
    datadir::write_atomically(&path, lines?.concat().as_bytes(), 0o600).ok()
}

/// A folder that this program makes, and removes when this value is dropped, unless somebody has put something else into it.
pub struct TemporaryFolder {
    /// Where it is.
    pub path: PathBuf,
    mark: String,
    is_kept: AtomicBool,
}

impl TemporaryFolder {
    /// Makes one.
    pub fn new() -> Outcome<Self> {
        let path = std::env::temp_dir().join(format!("{TEMPORARY}{}", hex(&datadir::random_bytes::<4>()?)));
        let mark = hex(&datadir::random_bytes::<16>()?);
        datadir::make_private_folder(&path)?;
        let folder = Self { path, mark, is_kept: AtomicBool::new(false) };
        datadir::write_atomically(&folder.path.join(MARK), folder.mark.as_bytes(), 0o600)?;
        Ok(folder)
    }

    /// Leaves it on the disk: what it holds is nowhere else.
    pub fn keep(&self) {
        self.is_kept.store(true, Relaxed);
    }
}

impl Drop for TemporaryFolder {
    fn drop(&mut self) {
        if self.is_kept.load(Relaxed) || !self.path.exists() {
            return;
        }
        // Another chain that somebody has put into it, and any other file, is nowhere else.
        if !is_ours(&Listed { mark: Some(self.mark.clone()), folder: self.path.clone() }) {
            output::note(&format!("kept: {}: more is in it than the chain of tussock dev", self.path.display()));
            return;
        }
        if let Err(error) = fs::remove_dir_all(&self.path) {
            output::note(&format!("cannot remove {}: {error}", self.path.display()));
        }
    }
}

/// Tells later commands the folder of this process's `dev` node until dropped.
pub struct DevFolderNote {
    default_data_dir: PathBuf,
    folder: PathBuf,
}

impl DevFolderNote {
    /// Writes the note. Without a home directory or the right to write there, commands need `--data-dir`.
    ///
    /// Folders of nodes that are gone leave the list, and temporary ones the disk: keys may be in them.
    pub fn new(default_data_dir: &Path, folder: &Path, temporary: Option<&TemporaryFolder>) -> Option<Self> {
        let folder = std::path::absolute(folder).ok()?;
        let mut all = listed(default_data_dir);
        all.retain(|other| other.folder != folder && !is_gone(other));
        all.push(Listed { mark: temporary.map(|temporary| temporary.mark.clone()), folder: folder.clone() });
        put(default_data_dir, &all)?;
        Some(Self { default_data_dir: default_data_dir.to_owned(), folder })
    }
}

impl Drop for DevFolderNote {
    fn drop(&mut self) {
        let mut all = listed(&self.default_data_dir);
        all.retain(|other| other.folder != self.folder);
        put(&self.default_data_dir, &all);
    }
}

/// Whether a folder's node is gone. Removes the folder if this program had made it to be temporary.
fn is_gone(listed: &Listed) -> bool {
    let folder = &listed.folder;
    let lock = folder.join("dev").join(datadir::LOCK);
    let age = fs::metadata(&lock).and_then(|file| file.modified()).ok().and_then(|time| time.elapsed().ok());
    let is_settled = age.is_some_and(|age| age >= SETTLED) || !folder.exists();
    if !is_settled || runs(folder).unwrap_or(true) {
        return false;
    }
    if is_ours(listed) {
        drop(fs::remove_dir_all(folder)); // another start may be faster
    }
    true
}

/// Whether this program made the folder to be temporary, and nobody has put anything beside the chain of its node.
fn is_ours(Listed { mark, folder }: &Listed) -> bool {
    let Some(mark) = mark else { return false };
    let name = folder.file_name().and_then(|name| name.to_str()).unwrap_or_default();
    let is_named = name.strip_prefix(TEMPORARY).is_some_and(|rest| unhex(rest).is_some_and(|bytes| bytes.len() == 4));
    let is_marked = fs::read_to_string(folder.join(MARK)).is_ok_and(|text| text == *mark);
    let entries = fs::read_dir(folder).map(|entries| entries.filter_map(|entry| Some(entry.ok()?.file_name())));
    let is_alone = entries.is_ok_and(|mut entries| entries.all(|name| name == "dev" || name == MARK));
    is_named && is_marked && is_alone && !folder.is_symlink()
}
