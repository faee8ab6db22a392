//! Environment variables: which ones this program reads.

use std::{env, ffi::OsString};

use super::{error::ConfigError, flags::KEYS, suggest::suggest};

/// Variables that have no key in the configuration file.
const OTHER_VARIABLES: [&str; 6] = ["CONFIG", "PASSPHRASE_FILE", "BLOCK_TIME", "CLUSTER_DIR", "CLUSTER_CHAIN", "BIN"];

/// Refuses variables that look like a misspelt setting. Other unknown `TUSSOCK_…` variables may be another program's.
pub(super) fn check_variables(names: impl Iterator<Item = OsString>) -> Result<(), ConfigError> {
    let known: Vec<String> =
        KEYS.iter().map(|key| key.to_uppercase()).chain(OTHER_VARIABLES.map(str::to_owned)).collect();
    for name in names {
        let Some(rest) = name.to_str().and_then(|name| name.strip_prefix("TUSSOCK_")) else { continue };
        if known.iter().any(|known| known == rest) {
            continue;
        }
        if let Some(meant) = suggest(rest, known.iter().map(String::as_str)) {
            return Err(ConfigError::Usage(format!("unknown variable TUSSOCK_{rest}; did you mean TUSSOCK_{meant}?")));
        }
    }
    Ok(())
}

/// The variable of a setting, if this value comes from it and not from a flag.
pub fn variable_with(key: &str, value: &str) -> Option<String> {
    let name = format!("TUSSOCK_{}", key.to_uppercase());
    (env::var(&name).ok()? == value).then_some(name)
}

/// How messages name a setting with this value: by the variable that it comes from, or as a flag.
pub fn shown_setting(key: &str, value: &str) -> String {
    variable_with(key, value)
        .map_or_else(|| format!("--{}", key.replace('_', "-")), |name| format!("the variable {name}:"))
}

/// The variables of settings that are set to nothing, which counts as not set.
pub fn empty_variables() -> impl Iterator<Item = String> {
    let names = KEYS.iter().map(|key| format!("TUSSOCK_{}", key.to_uppercase()));
    names.filter(|name| env::var_os(name).is_some_and(|value| value.is_empty()))
}
