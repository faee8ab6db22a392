//! All sources of settings, put together.

use std::{env, path::PathBuf, sync::Arc};

use super::{
    chain::{chain_of, chains_in},
    error::ConfigError,
    file,
    flags::{CommonFlags, NodeFlags},
    home::HomeVariables,
    values,
    variables::check_variables,
};
use crate::chain::spec::ChainSpec;

/// The merged sources, before the chain is known.
#[derive(Clone, Debug)]
pub struct Sources {
    /// The root of the data directory.
    pub data_dir: PathBuf,
    /// Whether no flag, variable or file names a data directory.
    pub data_dir_is_default: bool,
    /// The value of `--chain`.
    pub chain: Option<String>,
    /// Whether a flag, a variable or a file names the chain.
    pub chain_is_named: bool,
    /// The configuration file that names the chain, if nothing above it does.
    chain_file: Option<PathBuf>,
    log: String,
    node: NodeFlags,
}

impl Sources {
    /// Merges the sources. `common` and `node` hold the flags, or the environment where no flag is given.
    pub fn load(common: &CommonFlags, node: &NodeFlags) -> Result<Self, ConfigError> {
        check_variables(env::vars_os().map(|(name, _)| name))?;
        let home = HomeVariables::of_this_process();
        Self::load_with(common, node, &home)
    }

    pub(super) fn load_with(common: &CommonFlags, node: &NodeFlags, home: &HomeVariables) -> Result<Self, ConfigError> {
        let default_dir = || {
            home.data_dir().ok_or_else(|| {
                ConfigError::Usage("the home directory is unknown; name a data directory: -d DIR".into())
            })
        };
        let (file, path, named_dir) = match &common.config {
            Some(path) => {
                let file = file::read(path, true)?;
                let data_dir = common.data_dir.clone().or_else(|| file.data_dir.clone());
                (file, path.clone(), data_dir)
            }
            None => {
                let data_dir = common.data_dir.clone().map_or_else(default_dir, Ok)?;
                let path = data_dir.join("config.toml");
                let file = if path.exists() { file::read(&path, false)? } else { file::Settings::default() };
                (file, path, common.data_dir.clone())
            }
        };
        let data_dir_is_default = named_dir.is_none();
        let data_dir = named_dir.map_or_else(default_dir, Ok)?;
        if data_dir.exists() && !data_dir.is_dir() {
            let what = format!("{} is no folder; name a data directory: -d DIR", data_dir.display());
            return Err(ConfigError::Usage(what));
        }
        let chain_file = (common.chain.is_none() && file.chain.is_some()).then_some(path);
        let chain = common.chain.clone().or(file.chain);
        let chain_is_named = chain.is_some();
        let log = common.log.clone().or(file.log).unwrap_or_else(|| "info".to_owned());
        let is_variable = common.log.is_some() && common.log == env::var("TUSSOCK_LOG").ok();
        let place = if is_variable { "the variable TUSSOCK_LOG" } else { "--log" };
        values::log(&log).map_err(|problem| ConfigError::Usage(format!("{place}: {problem}")))?;
        let node = node.clone().over(file.node);
        if let Some((key, problem)) = node.problem() {
            return Err(ConfigError::Usage(format!("--{} {problem}", key.replace('_', "-"))));
        }
        Ok(Self { data_dir, data_dir_is_default, chain, chain_is_named, chain_file, log, node })
    }

    /// The settings. Without a chain they are those of `local`.
    pub fn settings(self) -> Result<Settings, ConfigError> {
        let chain = self.chain.unwrap_or_else(|| "local".to_owned());
        let (spec, chain_file) = chain_of(&chain, &self.data_dir).map_err(|error| match (error, &self.chain_file) {
            (ConfigError::Usage(problem), Some(file)) => {
                ConfigError::Usage(format!("{problem} (from the key chain of {})", file.display()))
            }
            (error, _) => error,
        })?;
        Ok(Settings {
            data_dir: self.data_dir,
            data_dir_is_default: self.data_dir_is_default,
            spec: Arc::new(spec),
            chain,
            chain_is_named: self.chain_is_named,
            chain_file,
            log: self.log,
            node: self.node,
        })
    }
}

/// The effective settings.
#[derive(Clone, Debug)]
pub struct Settings {
    /// The root of the data directory.
    pub data_dir: PathBuf,
    /// Whether no flag, variable or file names a data directory.
    pub data_dir_is_default: bool,
    /// The network.
    pub spec: Arc<ChainSpec>,
    /// The value of `--chain` that selects this network.
    pub chain: String,
    /// Whether a flag, a variable or a file names the chain.
    pub chain_is_named: bool,
    /// The text of the specification file that `chain` names.
    pub chain_file: Option<String>,
    /// Log levels.
    pub log: String,
    /// The node's settings.
    pub node: NodeFlags,
}

impl Settings {
    /// The folder of the chain: ledger, keys, logs.
    pub fn chain_dir(&self) -> PathBuf {
        self.data_dir.join(&self.spec.name)
    }

    /// The flags that make another command use the same folder.
    pub fn flags(&self) -> String {
        let mut flags = String::new();
        if HomeVariables::of_this_process().data_dir().as_ref() != Some(&self.data_dir) {
            flags.push_str(&format!(" -d {}", self.data_dir.display()));
        }
        let others = || chains_in(&self.data_dir).iter().any(|chain| *chain != self.spec.name);
        if self.chain_is_named && (self.chain != "local" || others()) {
            flags.push_str(&format!(" --chain {}", self.chain));
        }
        flags
    }
}
