//! Finds the chain that `--chain` names.

use std::path::Path;

use super::{error::ConfigError, suggest::suggest};
use crate::chain::spec::{ChainSpec, SpecError};

/// The chain with this name: a built-in one, or the path of a specification file.
pub fn chain_spec(name: &str) -> Result<ChainSpec, ConfigError> {
    match name {
        "local" => return Ok(ChainSpec::local()),
        "dev" => return Ok(ChainSpec::dev()),
        _ => {}
    }
    let path = Path::new(name);
    if !path.exists() && !name.contains('/') && !name.ends_with(".toml") {
        let hint = suggest(name, ["local", "dev"].into_iter())
            .map_or("use local, dev, or the path of a chain specification".to_owned(), |meant| {
                format!("did you mean \"{meant}\"?")
            });
        return Err(ConfigError(format!("unknown chain \"{name}\"; {hint}")));
    }
    let text = std::fs::read_to_string(path)
        .map_err(|error| ConfigError(format!("cannot read the chain specification: {name}: {error}")))?;
    ChainSpec::from_toml(&text).map_err(|error| match error {
        SpecError::Syntax(text) => ConfigError(format!("{name}: {}", one_line(&text))),
        error => ConfigError(format!("{name}: {error}")),
    })
}

/// The first and the last line of a TOML error: the place and the problem.
fn one_line(text: &str) -> String {
    let mut lines = text.lines().map(str::trim).filter(|line| !line.is_empty());
    match (lines.next(), lines.next_back()) {
        (Some(first), Some(last)) => format!("{first}: {last}"),
        (first, _) => first.unwrap_or("not a chain specification").to_owned(),
    }
}
