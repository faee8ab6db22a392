//! Where a user's data lives.

use std::{env, path::PathBuf};

/// The variables that say where a user's data lives.
pub(super) struct HomeVariables {
    pub(super) xdg: Option<PathBuf>,
    pub(super) home: Option<PathBuf>,
}

impl HomeVariables {
    pub(super) fn of_this_process() -> Self {
        Self { xdg: env::var_os("XDG_DATA_HOME").map(Into::into), home: env::var_os("HOME").map(Into::into) }
    }

    /// The default data directory. The XDG base directory specification requires that relative paths are ignored.
    pub(super) fn data_dir(&self) -> Option<PathBuf> {
        let xdg = self.xdg.clone().filter(|path| path.is_absolute());
        let share = xdg.or_else(|| Some(self.home.as_ref()?.join(".local/share")))?;
        Some(share.join("tussock"))
    }
}
