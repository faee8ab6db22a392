//! Folders for tests.

use std::{
    fs,
    ops::Deref,
    path::{Path, PathBuf},
};

/// A folder that is not there yet, and that is removed when this is dropped.
pub(super) struct TestFolder(PathBuf);

impl TestFolder {
    /// The folder of a test with this name. No other test has it.
    pub(super) fn new(name: &str) -> Self {
        let path = std::env::temp_dir().join(format!("tussock-wallet-{}-{name}", std::process::id()));
        drop(fs::remove_dir_all(&path));
        Self(path)
    }

    /// The same, and it is there.
    pub(super) fn made(name: &str) -> Self {
        let folder = Self::new(name);
        fs::create_dir_all(&*folder).unwrap();
        folder
    }
}

impl Deref for TestFolder {
    type Target = Path;

    fn deref(&self) -> &Path {
        &self.0
    }
}

impl Drop for TestFolder {
    fn drop(&mut self) {
        drop(fs::remove_dir_all(&self.0));
    }
}
