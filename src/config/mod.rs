//! Settings: defaults < `--config FILE` or `<data-dir>/config.toml` < `TUSSOCK_*` < flags.
//!
//! One struct per group of settings serves as flags, environment and file, so that a setting has the same name and form
//! in all three. The program reads configuration files and never writes one.

mod file;
mod sample;
mod suggest;

use std::{
    env,
    ffi::OsString,
    net::SocketAddr,
    path::{Path, PathBuf},
    sync::Arc,
};

use clap::{Args, builder::BoolishValueParser};
use serde::Deserialize;

use crate::chain::spec::{ChainSpec, SpecError};

pub use sample::SAMPLE;
pub use suggest::suggest;

/// What every command needs to know.
#[derive(Args, Clone, Debug, Default, PartialEq, Eq)]
#[command(next_help_heading = "Options of all commands")]
pub struct CommonFlags {
    /// Where chains, keys and logs are kept [default: $XDG_DATA_HOME/tussock or ~/.local/share/tussock]
    #[arg(short, long, global = true, value_name = "DIR", env = "TUSSOCK_DATA_DIR", hide_env_values = true)]
    pub data_dir: Option<PathBuf>,
    /// The network: local, dev, or the file of a chain specification [default: local]
    #[arg(long, global = true, value_name = "NAME|FILE", env = "TUSSOCK_CHAIN", hide_env_values = true)]
    pub chain: Option<String>,
    /// Settings in TOML [default: DIR/config.toml if there is one]
    #[arg(long, global = true, value_name = "FILE", env = "TUSSOCK_CONFIG", hide_env_values = true)]
    pub config: Option<PathBuf>,
    /// What is logged: error, warn, info, debug or trace, also per module [default: info]
    #[arg(long, global = true, value_name = "LEVEL[,MODULE=LEVEL]", env = "TUSSOCK_LOG", hide_env_values = true)]
    pub log: Option<String>,
}

/// The settings of a running node.
#[derive(Args, Clone, Debug, Default, PartialEq, Eq, Deserialize)]
#[serde(default)]
pub struct NodeFlags {
    /// Where peers reach this node; port 0: any free one [default: 127.0.0.1:4130, on real networks 0.0.0.0:4130]
    #[arg(long, value_name = "IP:PORT", env = "TUSSOCK_LISTEN", hide_env_values = true)]
    pub listen: Option<SocketAddr>,
    /// Dial this node and keep the connection; may be repeated
    #[arg(long, value_name = "ADDR", env = "TUSSOCK_CONNECT", hide_env_values = true, value_delimiter = ',')]
    pub connect: Option<Vec<String>>,
    /// Ask this node for peers when none are known; may be repeated
    #[arg(long, value_name = "ADDR", env = "TUSSOCK_BOOTNODE", hide_env_values = true, value_delimiter = ',')]
    pub bootnode: Option<Vec<String>>,
    /// Be an access point for others: answer every request for peers, count as synced without peers
    #[arg(long, env = "TUSSOCK_IS_BOOTNODE", hide_env_values = true, num_args = 0..=1, require_equals = true,
        default_missing_value = "true", value_parser = BoolishValueParser::new())]
    pub is_bootnode: Option<bool>,
    /// Mine, and be paid to this address (or the address of this key)
    #[arg(long, value_name = "ADDRESS", env = "TUSSOCK_MINE", hide_env_values = true)]
    pub mine: Option<String>,
    /// Hashes per second that the miner is held to; 0: as many as possible [default: the chain's]
    #[arg(long, value_name = "H/S", env = "TUSSOCK_MINE_RATE", hide_env_values = true)]
    pub mine_rate: Option<u64>,
    /// Where RPC, metrics and the web page are served; port 0: any free one [default: 127.0.0.1:3030]
    #[arg(long, value_name = "IP:PORT", env = "TUSSOCK_HTTP", hide_env_values = true)]
    pub http: Option<SocketAddr>,
    /// No HTTP server: no RPC, no metrics, no page
    #[arg(long, env = "TUSSOCK_NO_HTTP", hide_env_values = true, num_args = 0..=1, require_equals = true,
        default_missing_value = "true", value_parser = BoolishValueParser::new())]
    pub no_http: Option<bool>,
    /// Keep no index: no histories, transactions by their id only while they are recent
    #[arg(long, env = "TUSSOCK_NO_INDEX", hide_env_values = true, num_args = 0..=1, require_equals = true,
        default_missing_value = "true", value_parser = BoolishValueParser::new())]
    pub no_index: Option<bool>,
    /// Most peers that may dial this node [default: 48]
    #[arg(long, value_name = "N", env = "TUSSOCK_MAX_INBOUND", hide_env_values = true)]
    pub max_inbound: Option<usize>,
    /// Most peers that this node dials [default: 8]
    #[arg(long, value_name = "N", env = "TUSSOCK_MAX_OUTBOUND", hide_env_values = true)]
    pub max_outbound: Option<usize>,
    /// Memory that the node's caches and buffers are sized for [default: 32, less in a small cgroup]
    #[arg(long, value_name = "MIB", env = "TUSSOCK_MAX_MEMORY", hide_env_values = true)]
    pub max_memory: Option<usize>,
    /// Nothing on standard output, and no log lines on standard error
    #[arg(long, env = "TUSSOCK_QUIET", hide_env_values = true, num_args = 0..=1, require_equals = true,
        default_missing_value = "true", value_parser = BoolishValueParser::new())]
    pub quiet: Option<bool>,
}

/// Every key of a configuration file. With `TUSSOCK_` before it and in capitals, the variable of the same meaning.
pub const KEYS: [&str; 16] = [
    "data_dir",
    "chain",
    "log",
    "listen",
    "connect",
    "bootnode",
    "is_bootnode",
    "mine",
    "mine_rate",
    "http",
    "no_http",
    "no_index",
    "max_inbound",
    "max_outbound",
    "max_memory",
    "quiet",
];

/// Variables that are no settings of a file.
const OTHER_VARIABLES: [&str; 6] = ["CONFIG", "PASSPHRASE_FILE", "BLOCK_TIME", "CLUSTER_DIR", "CLUSTER_CHAIN", "BIN"];

/// A bad configuration: one line that says where and what to do.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{0}")]
pub struct ConfigError(pub String);

/// The settings that count, all sources together.
#[derive(Clone, Debug)]
pub struct Settings {
    /// The root of the data directory.
    pub data_dir: PathBuf,
    /// Whether nobody named a data directory.
    pub data_dir_is_default: bool,
    /// The network.
    pub spec: Arc<ChainSpec>,
    /// What `--chain` would have to say for the same network.
    pub chain: String,
    /// Whether anybody named the chain, or it is the default.
    pub chain_is_default: bool,
    /// Log levels.
    pub log: String,
    /// The node's settings.
    pub node: NodeFlags,
}

impl Settings {
    /// Puts the sources together. `common` and `node` hold flags and, below them, the environment.
    pub fn load(common: &CommonFlags, node: &NodeFlags) -> Result<Self, ConfigError> {
        let home = HomeVariables::of_this_process();
        Self::load_with(common, node, &home)
    }

    fn load_with(common: &CommonFlags, node: &NodeFlags, home: &HomeVariables) -> Result<Self, ConfigError> {
        let default_dir = || {
            home.data_dir()
                .ok_or_else(|| ConfigError("no home directory is known; name a data directory: -d DIR".into()))
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

    /// The flags that lead another command to the same folder.
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

impl NodeFlags {
    /// These settings, and those of `below` where these say nothing.
    fn over(self, below: Self) -> Self {
        Self {
            listen: self.listen.or(below.listen),
            connect: self.connect.or(below.connect),
            bootnode: self.bootnode.or(below.bootnode),
            is_bootnode: self.is_bootnode.or(below.is_bootnode),
            mine: self.mine.or(below.mine),
            mine_rate: self.mine_rate.or(below.mine_rate),
            http: self.http.or(below.http),
            no_http: self.no_http.or(below.no_http),
            no_index: self.no_index.or(below.no_index),
            max_inbound: self.max_inbound.or(below.max_inbound),
            max_outbound: self.max_outbound.or(below.max_outbound),
            max_memory: self.max_memory.or(below.max_memory),
            quiet: self.quiet.or(below.quiet),
        }
    }
}

/// Refuses variables that look like a misspelt setting. Other programs' `TUSSOCK_…` variables are none of our business.
pub fn check_variables(names: impl Iterator<Item = OsString>) -> Result<(), ConfigError> {
    let known: Vec<String> =
        KEYS.iter().map(|key| key.to_uppercase()).chain(OTHER_VARIABLES.map(str::to_owned)).collect();
    for name in names {
        let Some(rest) = name.to_str().and_then(|name| name.strip_prefix("TUSSOCK_")) else { continue };
        if known.iter().any(|known| known == rest) {
            continue;
        }
        if let Some(meant) = suggest(rest, known.iter().map(String::as_str)) {
            return Err(ConfigError(format!("unknown variable TUSSOCK_{rest}; did you mean TUSSOCK_{meant}?")));
        }
    }
    Ok(())
}

/// The chain that `--chain` names: a built-in one, or a specification file.
pub fn chain_spec(name: &str) -> Result<ChainSpec, ConfigError> {
    match name {
        "local" => return Ok(ChainSpec::local()),
        "dev" => return Ok(ChainSpec::dev()),
        _ => {}
    }
    let path = Path::new(name);
    if !path.exists() && !name.contains('/') && !name.ends_with(".toml") {
        let hint = suggest(name, ["local", "dev"].into_iter())
            .map_or("local, dev, or the path of a chain specification are possible".to_owned(), |meant| {
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

/// The first and the last line of a TOML error: where, and what.
fn one_line(text: &str) -> String {
    let mut lines = text.lines().map(str::trim).filter(|line| !line.is_empty());
    match (lines.next(), lines.next_back()) {
        (Some(first), Some(last)) => format!("{first}: {last}"),
        (first, _) => first.unwrap_or("not a chain specification").to_owned(),
    }
}

/// The variables that tell where a user's data lives.
struct HomeVariables {
    xdg: Option<PathBuf>,
    home: Option<PathBuf>,
}

impl HomeVariables {
    fn of_this_process() -> Self {
        Self { xdg: env::var_os("XDG_DATA_HOME").map(Into::into), home: env::var_os("HOME").map(Into::into) }
    }

    /// The XDG base directory specification wants relative paths ignored.
    fn data_dir(&self) -> Option<PathBuf> {
        let xdg = self.xdg.clone().filter(|path| path.is_absolute());
        let share = xdg.or_else(|| Some(self.home.as_ref()?.join(".local/share")))?;
        Some(share.join("tussock"))
    }
}

#[cfg(test)]
mod tests;
