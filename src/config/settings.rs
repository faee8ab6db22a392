//! All sources of settings, put together.

use std::{path::PathBuf, sync::Arc};

use super::{
    chain::chain_spec,
    error::ConfigError,
    file,
    flags::{CommonFlags, NodeFlags},
    home::HomeVariables,
};
use crate::chain::spec::ChainSpec;

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
    /// Whether no flag, variable or file names a chain.
    pub chain_is_default: bool,
    /// Log levels.
    pub log: String,
    /// The node's settings.
    pub node: NodeFlags,
}

impl Settings {
    /// Merges the sources. `common` and `node` hold the flags, or the environment where no flag is given.
    pub fn load(common: &CommonFlags, node: &NodeFlags) -> Result<Self, ConfigError> {
        let home = HomeVariables::of_this_process();
        Self::load_with(common, node, &home)
    }

    pub(super) fn load_with(common: &CommonFlags, node: &NodeFlags, home: &HomeVariables) -> Result<Self, ConfigError> {
        let default_dir = || {
            home.data_dir()
                .ok_or_else(|| ConfigError("the home directory is unknown; name a data directory: -d DIR".into()))
        };
        let (file, named_dir) = match &common.config {
            Some(path) => {
                let file = file::read(path, true)?;
                let data_dir = common.data_dir.clone().or_else(|| file.data_dir.clone());
                (file, data_dir)
            }
            None => {
                let data_dir = common.data_dir.clone().map_or_else(default_dir, Ok)?;
                let path = data_dir.join("config.toml");
                let file = if path.exists() { file::read(&path, false)? } else { file::Settings::default() };
                (file, common.data_dir.clone())
            }
        };
        let data_dir_is_default = named_dir.is_none();
        let data_dir = named_dir.map_or_else(default_dir, Ok)?;
        let named = common.chain.clone().or(file.chain);
        let chain_is_default = named.is_none();
        let chain = named.unwrap_or_else(|| "local".to_owned());
        let spec = Arc::new(chain_spec(&chain)?);
        let log = common.log.clone().or(file.log).unwrap_or_else(|| "info".to_owned());
        Ok(Self {
            data_dir,
            data_dir_is_default,
            spec,
            chain,
            chain_is_default,
            log,
            node: node.clone().over(file.node),
        })
    }

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
        if self.chain != "local" {
            flags.push_str(&format!(" --chain {}", self.chain));
        }
        flags
    }
}
