//! Chooses the chain of a command without `--chain`, so that no command needs it where one chain can be meant.
//!
//! It is the only chain of the data directory, or the only one whose node runs. A `tussock dev` node in a temporary folder
//! counts as one more chain of the default data directory.

use std::{
    path::{Path, PathBuf},
    sync::Once,
};

use super::{
    datadir, dev_folders,
    exit::{Failure, Outcome},
    output,
};
use crate::config::{self, Sources};

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
            tell_dev(&folder);
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
    match sources.data_dir_is_default {
        true => dev_folders::last_running(&sources.data_dir),
        false => Ok(None),
    }
}

/// Says once which chain is meant, as it is not the one of the default data directory.
fn tell_dev(folder: &Path) {
    static TOLD: Once = Once::new();
    TOLD.call_once(|| {
        output::note(&format!("chain dev in {}, as its node runs; another: --chain NAME", folder.display()));
    });
}
