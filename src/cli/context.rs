//! The context of a command: its settings, its output format, and its connection to the node.

use std::{
    fs,
    path::{Path, PathBuf},
};

use serde_json::Value;

use super::{
    chains, datadir,
    exit::{Exit, Failure, Outcome},
    output,
    remote::Remote,
    units, variables,
};
use crate::{
    chain::{
        address::Address,
        spec::{ChainSpec, Unit},
    },
    config::{self, CHAIN_FILE, CommonFlags, ConfigError, NodeFlags, Settings, Sources},
    rpc::members::MembersList,
};

/// One invocation of a command.
pub struct Context {
    /// All settings.
    pub settings: Settings,
    /// Whether to print JSON.
    pub json: bool,
    common: CommonFlags,
}

impl From<ConfigError> for Failure {
    fn from(error: ConfigError) -> Self {
        let exit = match &error {
            ConfigError::Usage(_) => Exit::Usage,
            ConfigError::Mismatch(_) => Exit::Mismatch,
        };
        Self::new(exit, error.to_string())
    }
}

impl Context {
    /// For a command that works with a node or its data. See [`chains`].
    pub fn new(common: &CommonFlags, json: bool) -> Outcome<Self> {
        variables::check()?;
        let mut sources = Sources::load(common, &NodeFlags::default())?;
        chains::choose(&mut sources)?;
        Ok(Self { settings: sources.settings()?, json, common: common.clone() })
    }

    /// For a command that restores this backup: its chain, where none is named.
    pub fn for_restore(common: &CommonFlags, json: bool, backup: &Path) -> Outcome<Self> {
        variables::check()?;
        let mut sources = Sources::load(common, &NodeFlags::default())?;
        let file = backup.join(CHAIN_FILE);
        match file.to_str().filter(|_| !sources.chain_is_named && file.is_file()) {
            Some(file) => sources.chain = Some(file.to_owned()),
            None => chains::choose(&mut sources)?,
        }
        Ok(Self { settings: sources.settings()?, json, common: common.clone() })
    }

    /// For a command that runs a node with these flags.
    pub fn for_node(common: &CommonFlags, node: &NodeFlags, json: bool) -> Outcome<Self> {
        variables::check()?;
        let mut sources = Sources::load(common, node)?;
        chains::choose_for_run(&mut sources)?;
        Ok(Self { settings: sources.settings()?, json, common: common.clone() })
    }

    /// For a command that needs no data directory: the chain is `local` if none is named.
    pub fn without_data(common: &CommonFlags, json: bool) -> Outcome<Self> {
        variables::check()?;
        let sources = Sources::load(common, &NodeFlags::default())?;
        Ok(Self { settings: sources.settings()?, json, common: common.clone() })
    }

    /// The context of the same command now: meanwhile a node may have started.
    pub fn reload(&self) -> Outcome<Self> {
        Self::new(&self.common, self.json)
    }

    /// Copies the specification of a chain from a file into the chain's folder, so that later commands need no `--chain`.
    pub fn keep_chain_file(&self) -> Outcome {
        let Some(text) = &self.settings.chain_file else { return Ok(()) };
        let path = self.folder().join(CHAIN_FILE);
        if fs::read_to_string(&path).is_ok_and(|kept| kept == *text) {
            return Ok(());
        }
        datadir::make_folder(&self.folder())?;
        datadir::write_atomically(&path, text.as_bytes(), 0o644)
    }

    /// Where the specification of a chain from a file is: where --chain says, or in the chain's folder.
    pub fn chain_path(&self) -> PathBuf {
        let named = self.common.chain.as_ref().map(PathBuf::from).filter(|path| path.is_file());
        named.unwrap_or_else(|| self.folder().join(CHAIN_FILE))
    }

    /// The list of members of a chain whose file names them. Changes go into a file of this node's folder, which counts
    /// once it is there.
    pub fn chain_members(&self) -> Option<MembersList> {
        let chain = Some(self.spec().members.clone()?);
        let folder = std::path::absolute(self.folder()).unwrap_or_else(|_| self.folder());
        Some(MembersList::new(folder.join(datadir::MEMBERS), chain))
    }

    /// Whether the data is that of a `tussock dev` node in a temporary folder.
    pub fn is_temporary(&self) -> bool {
        self.settings.data_dir_is_default && config::default_data_dir().as_ref() != Some(&self.settings.data_dir)
    }

    /// Says that what was made goes with the temporary folder of a dev node, if it is there.
    pub fn tell_if_temporary(&self, what: &str) {
        if self.is_temporary() {
            output::note(&format!("{what} will be removed with the temporary folder of tussock dev"));
        }
    }

    /// Refuses to make what is to last in a temporary folder that nobody has named, where the user has chains of his own.
    pub fn check_lasting(&self) -> Outcome {
        let chains = config::default_data_dir().map(|folder| config::chains_in(&folder)).unwrap_or_default();
        let named = self.common.chain.is_some();
        match (self.is_temporary() && !named, chains.first()) {
            (true, Some(own)) => Err(Failure::usage(format!(
                "whose key? a dev node runs, and its folder goes when it stops; choose with --chain {own} or --chain dev"
            ))),
            _ => Ok(()),
        }
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

    /// An amount of an answer in a table: in the chain's unit, or as the node wrote it.
    pub fn amount(&self, answer: &Value, key: &str) -> String {
        let unit = &self.spec().unit;
        match answer[key].as_u64() {
            Some(amount) if *unit != Unit::default() => units::amount(unit, amount),
            _ => output::text(answer, key),
        }
    }
}
