//! Finds the chain that `--chain` names, and the chains of a data directory.

use std::{
    fs,
    path::{Path, PathBuf},
};

use super::{error::ConfigError, suggest::suggest, variables::variable_with, words::plain_toml};
use crate::{
    chain::{spec::ChainSpec, spec_error::SpecError},
    wallet::error::file_error,
};

/// The copy of a chain's specification in its folder.
pub const CHAIN_FILE: &str = "chain.toml";
/// Files and folders of which a chain's folder has at least one.
const MARKS: [&str; 4] = [CHAIN_FILE, "ledger.db", "keys", "lock"];

/// The chain with this name: a built-in one, the path of a specification file, or a chain of the data directory. For a
/// file also its text.
pub(super) fn chain_of(name: &str, data_dir: &Path) -> Result<(ChainSpec, Option<String>), ConfigError> {
    match name {
        "local" => return Ok((ChainSpec::local(), None)),
        "dev" => return Ok((ChainSpec::dev(), None)),
        _ => {}
    }
    let path = Path::new(name);
    if path.is_file() || name.contains('/') || name.ends_with(".toml") {
        let text = read(path).map_err(|error| with_variable(error, name))?;
        return Ok((parse(&text, path)?, Some(text)));
    }
    let chains = chains_in(data_dir);
    if !chains.iter().any(|chain| chain == name) {
        let known = ["local", "dev"].into_iter().chain(chains.iter().map(String::as_str));
        let hint = suggest(name, known)
            .map_or("use local, dev, or the path of a chain specification".to_owned(), |meant| {
                format!("did you mean \"{meant}\"?")
            });
        let unknown = ConfigError::Usage(format!("unknown chain \"{name}\"; {hint}"));
        return Err(with_variable(unknown, name));
    }
    let copy = copy_of(name, data_dir);
    if !copy.exists() {
        let problem = format!("{} is missing; name the chain's file once: --chain FILE", copy.display());
        return Err(ConfigError::Usage(problem));
    }
    Ok((parse(&read(&copy)?, &copy)?, None))
}

/// The names of the chains that have a folder in the data directory, sorted.
pub fn chains_in(data_dir: &Path) -> Vec<String> {
    let Ok(entries) = fs::read_dir(data_dir) else { return Vec::new() };
    let is_chain = |name: &String| {
        let folder = data_dir.join(name);
        MARKS.iter().any(|mark| folder.join(mark).exists())
            && (matches!(name.as_str(), "local" | "dev")
                || folder.join(CHAIN_FILE).exists()
                || folder.join("ledger.db").exists())
    };
    let names = entries.flatten().filter_map(|entry| entry.file_name().into_string().ok());
    let mut names: Vec<String> = names.filter(is_chain).collect();
    names.sort_unstable();
    names
}

/// Says that a variable names the chain, since whoever set it may not think of it any more.
fn with_variable(error: ConfigError, name: &str) -> ConfigError {
    match (error, variable_with("chain", name)) {
        (ConfigError::Usage(problem), Some(variable)) => {
            ConfigError::Usage(format!("{problem} (from the variable {variable})"))
        }
        (error, _) => error,
    }
}

fn copy_of(name: &str, data_dir: &Path) -> PathBuf {
    data_dir.join(name).join(CHAIN_FILE)
}

fn read(path: &Path) -> Result<String, ConfigError> {
    let failed = |error| ConfigError::Usage(file_error("cannot read the chain specification", path, &error));
    fs::read_to_string(path).map_err(failed)
}

fn parse(text: &str, path: &Path) -> Result<ChainSpec, ConfigError> {
    let shown = path.display();
    ChainSpec::from_toml(text).map_err(|error| match error {
        SpecError::Syntax(text) => ConfigError::Usage(format!("{shown}: {}", plain_toml(&text))),
        error @ SpecError::Protocol(_) => ConfigError::Mismatch(format!("{shown}: {error}")),
        error => ConfigError::Usage(format!("{shown}: {error}")),
    })
}
