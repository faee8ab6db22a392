//! Chooses the chain of a command without `--chain`, so that no command needs it where one chain can be meant.
//!
//! It is the only chain of the data directory, or the only one whose node runs. A `tussock dev` node in a temporary folder
//! counts as one more chain of the default data directory.

use std::{
    fs,
    path::{Path, PathBuf},
};

use super::{
    datadir,
    exit::{Failure, Outcome},
};
use crate::config::{self, Sources};

/// In the default data directory: the folder of the last `tussock dev`.
const DEV_FOLDER: &str = "dev-folder";

/// Chooses folder and chain for a command that works with a node or its data.
pub fn choose(sources: &mut Sources) -> Outcome {
    let dev = dev_folder(sources)?;
    if sources.chain_is_named {
        if let (Some("dev"), Some(folder)) = (sources.chain.as_deref(), dev)
            && !runs(&sources.data_dir, "dev")?
        {
            sources.data_dir = folder;
        }
        return Ok(());
    }
    let chains = config::chains_in(&sources.data_dir);
    let mut running = Vec::new();
    for chain in &chains {
        if runs(&sources.data_dir, chain)? {
            running.push(chain.clone());
        }
    }
    match (running.as_slice(), dev, chains.as_slice()) {
        ([], Some(folder), _) => {
            sources.data_dir = folder;
            sources.chain = Some("dev".to_owned());
        }
        ([one], None, _) | ([], None, [one]) => sources.chain = Some(one.clone()),
        ([], None, []) => {}
        ([], None, several) | (several, None, _) => return Err(ambiguous(&sources.data_dir, several)),
        (several, Some(_), _) => {
            let all = [several, &["dev".to_owned()]].concat();
            return Err(ambiguous(&sources.data_dir, &all));
        }
    }
    Ok(())
}

/// Chooses the chain for `run`: the only one of the data directory, or `local` in an empty one.
pub fn choose_for_run(sources: &mut Sources) -> Outcome {
    if sources.chain_is_named {
        return Ok(());
    }
    match config::chains_in(&sources.data_dir).as_slice() {
        [] => {}
        [one] => sources.chain = Some(one.clone()),
        several => return Err(ambiguous(&sources.data_dir, several)),
    }
    Ok(())
}

fn ambiguous(data_dir: &Path, chains: &[String]) -> Failure {
    let list = chains.join(", ");
    Failure::usage(format!("several chains are in {}: {list}; choose one with --chain NAME", data_dir.display()))
}

fn runs(data_dir: &Path, chain: &str) -> Outcome<bool> {
    Ok(datadir::holder(&data_dir.join(chain))?.is_some())
}

/// The folder of a running `tussock dev`, for commands without `--data-dir`.
fn dev_folder(sources: &Sources) -> Outcome<Option<PathBuf>> {
    if !sources.data_dir_is_default {
        return Ok(None);
    }
    let Ok(text) = fs::read_to_string(sources.data_dir.join(DEV_FOLDER)) else { return Ok(None) };
    let folder = PathBuf::from(text.trim_end_matches('\n'));
    Ok(runs(&folder, "dev")?.then_some(folder))
}

/// Tells later commands the folder of this process's `dev` node until dropped.
pub struct DevFolderNote {
    path: PathBuf,
    text: String,
}

impl DevFolderNote {
    /// Writes the note. Without a home directory or the right to write there, commands need `--data-dir`.
    pub fn new(default_data_dir: &Path, folder: &Path) -> Option<Self> {
        let folder = std::path::absolute(folder).ok()?;
        let (path, text) = (default_data_dir.join(DEV_FOLDER), format!("{}\n", folder.to_str()?));
        datadir::make_folder(default_data_dir).ok()?;
        datadir::write_atomically(&path, text.as_bytes(), 0o600).ok()?;
        Some(Self { path, text })
    }
}

impl Drop for DevFolderNote {
    fn drop(&mut self) {
        // A later `dev` node has written its own.
        if fs::read_to_string(&self.path).is_ok_and(|text| text == self.text) {
            drop(fs::remove_file(&self.path));
        }
    }
}
