//! The context of a command: its settings, its output format, and its connection to the node.

use std::path::{Path, PathBuf};

use serde_json::Value;

use super::{
    datadir,
    exit::{Failure, Outcome},
    output,
    remote::Remote,
};
use crate::{
    chain::{address::Address, spec::ChainSpec},
    config::{CommonFlags, ConfigError, NodeFlags, Settings},
};

/// One invocation of a command.
pub struct Context {
    /// All settings.
    pub settings: Settings,
    /// Whether to print JSON.
    pub json: bool,
}

impl From<ConfigError> for Failure {
    fn from(error: ConfigError) -> Self {
        Self::usage(error.0)
    }
}

impl Context {
    /// Loads the settings. `node` has the flags of `run` and `dev`.
    pub fn new(common: &CommonFlags, node: &NodeFlags, json: bool) -> Outcome<Self> {
        Ok(Self { settings: Settings::load(common, node)?, json })
    }

    /// The same for a command that talks to a node. If no chain is named and only the `dev` chain has a running node,
    /// the chain is `dev`.
    pub fn for_client(common: &CommonFlags, json: bool) -> Outcome<Self> {
        let context = Self::new(common, &NodeFlags::default(), json)?;
        let runs = |folder: &Path| datadir::holder(folder).is_some();
        if context.settings.chain_is_default && !runs(&context.folder()) && runs(&context.settings.data_dir.join("dev"))
        {
            let common = CommonFlags { chain: Some("dev".to_owned()), ..common.clone() };
            return Self::new(&common, &NodeFlags::default(), json);
        }
        Ok(context)
    }

    /// The chain.
    pub fn spec(&self) -> &ChainSpec {
        &self.settings.spec
    }

    /// The chain's folder.
    pub fn folder(&self) -> PathBuf {
        self.settings.chain_dir()
    }

    /// The ledger's file.
    pub fn ledger(&self) -> PathBuf {
        self.folder().join(datadir::LEDGER)
    }

    /// A connection to the running node.
    pub fn remote(&self) -> Outcome<Remote> {
        Remote::find(&self.settings)
    }

    /// Prints an answer: as JSON, or as `text` formats it.
    pub fn print(&self, value: &Value, text: impl FnOnce(&Value) -> String) -> Outcome {
        if self.json {
            return output::json(value);
        }
        match text(value) {
            text if text.is_empty() => Ok(()),
            text => output::line(&text),
        }
    }

    /// An address in the chain's text form.
    pub fn show(&self, address: &Address) -> String {
        address.to_text(&self.spec().prefix)
    }
}
