//! Where a user's data lives.

use std::{env, path::PathBuf};

/// The data directory of commands without `--data-dir`; `None` without a home directory.
pub fn default_data_dir() -> Option<PathBuf> {
    HomeVariables::of_this_process().data_dir()
}

/// The variables that say where a user's data lives.
pub(super) struct HomeVariables {
    pub(super) xdg: Option<PathBuf>,
    pub(super) home: Option<PathBuf>,
}

impl HomeVariables {
    pub(super) fn of_this_process() -> Self {
        Self { xdg: env::var_os("XDG_DATA_HOME").map(Into::into), home: env::var_os("HOME").map(Into::into) }
    }

    /// The default data directory. The XDG base directory specification requires that relative paths are ignored. The same
    /// goes for the home directory: an empty `HOME` is not the current folder.
    pub(super) fn data_dir(&self) -> Option<PathBuf> {
        let absolute = |path: &Option<PathBuf>| path.clone().filter(|path| path.is_absolute());
        let share = absolute(&self.xdg).or_else(|| Some(absolute(&self.home)?.join(".local/share")))?;
        Some(share.join("tussock"))
    }
}
