//! Where the nodes of `tussock dev` are, for commands without `--data-dir`: a list in the default data directory, the last one at its end.

use std::{
    fs,
    path::{Path, PathBuf},
    time::Duration,
};

use super::{datadir, exit::Outcome};

/// The list's file: a folder on each line.
const FILE: &str = "dev-folder";
/// What the names of temporary folders begin with.
pub const TEMPORARY: &str = "tussock-dev-";
/// A temporary folder of a killed node is not removed before: one that has just been made may have no lock yet.
const SETTLED: Duration = Duration::from_secs(5);

/// The folder of the last `tussock dev` that runs.
pub fn last_running(default_data_dir: &Path) -> Outcome<Option<PathBuf>> {
    for folder in listed(default_data_dir).into_iter().rev() {
        if runs(&folder)? {
            return Ok(Some(folder));
        }
    }
    Ok(None)
}

fn runs(folder: &Path) -> Outcome<bool> {
    Ok(datadir::holder(&folder.join("dev"))?.is_some())
}

fn listed(default_data_dir: &Path) -> Vec<PathBuf> {
    let text = fs::read_to_string(default_data_dir.join(FILE)).unwrap_or_default();
    text.lines().filter(|line| !line.is_empty()).map(PathBuf::from).collect()
}

/// Writes the list; without any folder there is no file.
fn put(default_data_dir: &Path, folders: &[PathBuf]) -> Option<()> {
    let path = default_data_dir.join(FILE);
    if folders.is_empty() {
        return fs::remove_file(path).ok();
    }
    let lines: Option<Vec<String>> = folders.iter().map(|folder| Some(format!("{}\n", folder.to_str()?))).collect();
    datadir::make_folder(default_data_dir).ok()?;
    datadir::write_atomically(&path, lines?.concat().as_bytes(), 0o600).ok()
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
    pub fn new(default_data_dir: &Path, folder: &Path) -> Option<Self> {
        let folder = std::path::absolute(folder).ok()?;
        let mut folders = listed(default_data_dir);
        folders.retain(|other| *other != folder && !is_gone(other));
        folders.push(folder.clone());
        put(default_data_dir, &folders)?;
        Some(Self { default_data_dir: default_data_dir.to_owned(), folder })
    }
}

impl Drop for DevFolderNote {
    fn drop(&mut self) {
        let mut folders = listed(&self.default_data_dir);
        folders.retain(|other| *other != self.folder);
        put(&self.default_data_dir, &folders);
    }
}

/// Whether a folder's node is gone. Removes what it left behind, if that was to be temporary.
fn is_gone(folder: &Path) -> bool {
    let lock = folder.join("dev").join(datadir::LOCK);
    let age = fs::metadata(&lock).and_then(|file| file.modified()).ok().and_then(|time| time.elapsed().ok());
    let is_settled = age.is_some_and(|age| age >= SETTLED) || !folder.exists();
    if !is_settled || runs(folder).unwrap_or(true) {
        return false;
    }
    let name = folder.file_name().and_then(|name| name.to_str()).unwrap_or_default();
    if name.starts_with(TEMPORARY) && !folder.is_symlink() {
        drop(fs::remove_dir_all(folder)); // another start may be faster
    }
    true
}
