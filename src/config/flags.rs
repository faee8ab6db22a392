//! Settings as flags, as variables and as keys of a file.

use std::{net::SocketAddr, path::PathBuf};

use clap::{Args, builder::BoolishValueParser};
use serde::{Deserialize, Deserializer, de::Error as _};

use super::{
    flush::FlushInterval,
    join::{JoinBlock, JoinFrom},
    keep::KeepSetting,
    upload::UploadLimit,
    values,
};
use crate::net::{LineConditions, ListenAddress};

/// Options of every command.
#[derive(Args, Clone, Debug, Default, PartialEq, Eq)]
#[command(next_help_heading = "Options of all commands")]
pub struct CommonFlags {
    /// Directory of chains, keys and logs [default: $XDG_DATA_HOME/tussock or ~/.local/share/tussock]
    #[arg(short, long, global = true, value_name = "DIR", env = "TUSSOCK_DATA_DIR", hide_env_values = true)]
    pub data_dir: Option<PathBuf>,
    /// The chain: local, dev, a chain specification, or a chain in DIR [default: the only one in DIR, or the only one
    /// whose node runs; in an empty DIR local]
    #[arg(long, global = true, value_name = "NAME|FILE", env = "TUSSOCK_CHAIN", hide_env_values = true)]
    pub chain: Option<String>,
    /// Settings in TOML [default: DIR/config.toml if there is one]
    #[arg(long, global = true, value_name = "FILE", env = "TUSSOCK_CONFIG", hide_env_values = true)]
    pub config: Option<PathBuf>,
    /// Log level: error, warn, info, debug or trace, also per module [default: info]
    #[arg(long, global = true, value_name = "LEVEL[,MODULE=LEVEL]", env = "TUSSOCK_LOG", hide_env_values = true)]
    pub log: Option<String>,
}

/// Settings of a running node.
#[derive(Args, Clone, Debug, Default, PartialEq, Eq, Deserialize)]
#[serde(default)]
pub struct NodeFlags {
    /// Listen for peers here; port 0: any free port; may be repeated. An address that this host does not have yet is waited
    /// for [default: 127.0.0.1:4130, with dev any free port, on real networks port 4130 of all addresses, IPv4 and IPv6]
    #[arg(long, value_name = "IP:PORT", env = "TUSSOCK_LISTEN", hide_env_values = true, value_delimiter = ',')]
    #[serde(deserialize_with = "one_or_several")]
    pub listen: Option<Vec<ListenAddress>>,
    /// Dial this node, IP:PORT or HOST:PORT, with ID@ before it if only the node with this id will do, and keep the
    /// connection; may be repeated
    #[arg(long, value_name = "ADDR", env = "TUSSOCK_CONNECT", hide_env_values = true, value_delimiter = ',')]
    pub connect: Option<Vec<String>>,
    /// Ask this node for addresses of peers when none are known; may be repeated
    #[arg(long, value_name = "ADDR", env = "TUSSOCK_BOOTNODE", hide_env_values = true, value_delimiter = ',')]
    pub bootnode: Option<Vec<String>>,
    /// Serve newcomers: answer every request for addresses, count as synced without peers
    #[arg(long, env = "TUSSOCK_IS_BOOTNODE", hide_env_values = true, num_args = 0..=1, require_equals = true,
        default_missing_value = "true", value_parser = BoolishValueParser::new())]
    pub is_bootnode: Option<bool>,
    /// Mine, and pay the rewards to this address or key
    #[arg(long, value_name = "ADDRESS", env = "TUSSOCK_MINE", hide_env_values = true)]
    pub mine: Option<String>,
    /// Limit the miner to this many hashes per second; 0: no limit [default: the chain's]
    #[arg(long, value_name = "H/S", env = "TUSSOCK_MINE_RATE", hide_env_values = true)]
    pub mine_rate: Option<u64>,
    /// On a chain that authorities seal: take part with this key, the name of one or a file, and pay the rewards to its address
    #[arg(long, value_name = "KEY", env = "TUSSOCK_SEAL", hide_env_values = true)]
    pub seal: Option<String>,
    /// Mine although this clock is far ahead of the peers' clocks or of the node's own chain
    #[arg(long, env = "TUSSOCK_FORCE_CLOCK", hide_env_values = true, num_args = 0..=1, require_equals = true,
        default_missing_value = "true", value_parser = BoolishValueParser::new())]
    pub force_clock: Option<bool>,
    /// Serve RPC, metrics and the web page here; port 0: any free port [default: 127.0.0.1:3030]
    #[arg(long, value_name = "IP:PORT", env = "TUSSOCK_HTTP", hide_env_values = true)]
    pub http: Option<SocketAddr>,
    /// Also answer HTTP requests for this host name, as a proxy or container sends it; may be repeated
    #[arg(long, value_name = "NAME", env = "TUSSOCK_HTTP_NAME", hide_env_values = true, value_delimiter = ',')]
    pub http_name: Option<Vec<String>>,
    /// Tell this program (JSON on its input) or http:// address (POST) of payments, each until it was taken
    #[arg(long, value_name = "CMD|URL", env = "TUSSOCK_NOTIFY", hide_env_values = true)]
    pub notify: Option<String>,
    /// Whose payments; may be repeated [default: all keys of the node's folder]
    #[arg(long, value_name = "ADDRESS|KEY", env = "TUSSOCK_NOTIFY_FOR", hide_env_values = true, value_delimiter = ',')]
    pub notify_for: Option<Vec<String>>,
    /// Run without HTTP server: no RPC, no metrics, no page
    #[arg(long, env = "TUSSOCK_NO_HTTP", hide_env_values = true, num_args = 0..=1, require_equals = true,
        default_missing_value = "true", value_parser = BoolishValueParser::new())]
    pub no_http: Option<bool>,
    /// Keep no index: no history, and transactions are found by id only while they are recent
    #[arg(long, env = "TUSSOCK_NO_INDEX", hide_env_values = true, num_args = 0..=1, require_equals = true,
        default_missing_value = "true", value_parser = BoolishValueParser::new())]
    pub no_index: Option<bool>,
    /// Keep only the last BLOCKS of the chain whole, 100 or more, or those that fit into SIZE (2GB): bodies and undo data of older
    /// ones go for good, and with them what they hold for getblock, verify --deep, chain export and peers that catch up. Histories
    /// of addresses go with them; coins and headers stay (the --keep of tussock prune counts for abandoned branches) [default:
    /// keep all]
    #[arg(long, value_name = "BLOCKS|SIZE", env = "TUSSOCK_KEEP", hide_env_values = true)]
    pub keep: Option<KeepSetting>,
    /// Let only the nodes link whose ids are in this file, one in a line
    #[arg(long, value_name = "FILE", env = "TUSSOCK_MEMBERS", hide_env_values = true)]
    pub members: Option<PathBuf>,
    /// Maximum number of inbound peers [default: 48]
    #[arg(long, value_name = "N", env = "TUSSOCK_MAX_INBOUND", hide_env_values = true)]
    pub max_inbound: Option<usize>,
    /// Maximum number of inbound peers from one IP address [default: 8]
    #[arg(long, value_name = "N", env = "TUSSOCK_MAX_PER_ADDRESS", hide_env_values = true)]
    pub max_per_address: Option<usize>,
    /// Maximum number of outbound peers [default: 8]
    #[arg(long, value_name = "N", env = "TUSSOCK_MAX_OUTBOUND", hide_env_values = true)]
    pub max_outbound: Option<usize>,
    /// Send at most this many bytes a second to all peers together, 32k or more; k and m stand for thousands and millions.
    /// New blocks, payments and the node's own requests go first; peers that catch up get what is left [default: no limit]
    #[arg(long, value_name = "BYTES/S", env = "TUSSOCK_MAX_UPLOAD", hide_env_values = true)]
    pub max_upload: Option<UploadLimit>,
    /// Size caches and buffers for this much memory [default: 32, less in a small cgroup]
    #[arg(long, value_name = "MIB", env = "TUSSOCK_MAX_MEMORY", hide_env_values = true)]
    pub max_memory: Option<usize>,
    /// Store and flush blocks of peers together after at most SECONDS, or every block by itself. A kill or power failure costs
    /// at most these blocks, which peers send again; never a block of this node, nor what it told a user, except over /metrics
    /// and /readyz [default: 20]
    #[arg(long, value_name = "every-block|SECONDS", env = "TUSSOCK_FLUSH", hide_env_values = true)]
    pub flush: Option<FlushInterval>,
    /// Where a node without blocks begins: with the whole history, or with the coins of a block far below the best header,
    /// for which the work or the seals above it vouch (tussock help join) [default: history]
    #[arg(long, value_name = "history|snapshot", env = "TUSSOCK_JOIN", hide_env_values = true)]
    pub join: Option<JoinFrom>,
    /// Join only below this number of blocks, whatever their age [default: 1000, and those of a day]
    #[arg(long, value_name = "BLOCKS", env = "TUSSOCK_JOIN_DEPTH", hide_env_values = true)]
    pub join_depth: Option<u32>,
    /// Join with the coins after the block with this hash
    #[arg(long, value_name = "HASH", env = "TUSSOCK_JOIN_AT", hide_env_values = true)]
    pub join_at: Option<JoinBlock>,
    /// After a start with a snapshot: fetch and verify the blocks before it, when nothing else is to do, and become a full node
    #[arg(long, env = "TUSSOCK_HISTORY", hide_env_values = true, num_args = 0..=1, require_equals = true,
        default_missing_value = "true", value_parser = BoolishValueParser::new())]
    pub history: Option<bool>,
    /// Keep the last two snapshots of the coins and give them to nodes that join
    #[arg(long, env = "TUSSOCK_SERVE_SNAPSHOTS", hide_env_values = true, num_args = 0..=1, require_equals = true,
        default_missing_value = "true", value_parser = BoolishValueParser::new())]
    pub serve_snapshots: Option<bool>,
    /// Blocks between two snapshots [default: 1000, or on chains of proof of work those of a day]
    #[arg(long, value_name = "BLOCKS", env = "TUSSOCK_SNAPSHOT_INTERVAL", hide_env_values = true)]
    pub snapshot_interval: Option<u32>,
    /// For experiments: let all that this node sends to peers pass through an emulated line. delay=TIME is one way (80ms),
    /// rate=BITS a second is for all links together (2mbit), loss=PERCENT of segments are lost (1%), each of them optional. TCP
    /// hides losses as waits: a lost segment and what is behind it arrive one round trip later, and for a round trip their link
    /// is half as fast
    #[arg(long, value_name = "delay=TIME,rate=BITS,loss=PERCENT", env = "TUSSOCK_LINE", hide_env_values = true)]
    pub line: Option<LineConditions>,
    /// Print nothing on standard output and no log lines on standard error
    #[arg(long, env = "TUSSOCK_QUIET", hide_env_values = true, num_args = 0..=1, require_equals = true,
        default_missing_value = "true", value_parser = BoolishValueParser::new())]
    pub quiet: Option<bool>,
}

/// Every key of a configuration file. `TUSSOCK_` and the key in capitals is the variable with the same meaning.
pub const KEYS: [&str; 33] = [
    "data_dir",
    "chain",
    "log",
    "listen",
    "connect",
    "bootnode",
    "is_bootnode",
    "mine",
    "mine_rate",
    "seal",
    "force_clock",
    "http",
    "http_name",
    "notify",
    "notify_for",
    "no_http",
    "no_index",
    "keep",
    "members",
    "max_inbound",
    "max_per_address",
    "max_outbound",
    "max_upload",
    "max_memory",
    "flush",
    "join",
    "join_depth",
    "join_at",
    "history",
    "serve_snapshots",
    "snapshot_interval",
    "line",
    "quiet",
];

/// One address, or a list of them.
fn one_or_several<'de, D: Deserializer<'de>>(source: D) -> Result<Option<Vec<ListenAddress>>, D::Error> {
    #[derive(Deserialize)]
    #[serde(untagged)]
    enum Texts {
        One(String),
        Several(Vec<String>),
    }
    let texts = match Texts::deserialize(source)? {
        Texts::One(text) => vec![text],
        Texts::Several(texts) => texts,
    };
    texts.iter().map(|text| text.parse()).collect::<Result<_, String>>().map(Some).map_err(D::Error::custom)
}

impl NodeFlags {
    /// The first key whose value its type allows and a node refuses, and why. Keys and addresses of `mine` are not looked up.
    pub fn problem(&self) -> Option<(&'static str, String)> {
        let peers =
            |key, texts: &Option<Vec<String>>| Some((key, values::peers(texts.as_deref().unwrap_or_default()).err()?));
        let memory = |mib| Some(("max_memory", values::memory(mib).err()?));
        let interval = |blocks| Some(("snapshot_interval", values::snapshot_interval(blocks).err()?));
        let names = |texts: &Vec<String>| Some(("http_name", values::host_names(texts).err()?));
        peers("connect", &self.connect)
            .or_else(|| peers("bootnode", &self.bootnode))
            .or_else(|| self.http_name.as_ref().and_then(names))
            .or_else(|| self.max_memory.and_then(memory))
            .or_else(|| self.snapshot_interval.and_then(interval))
    }

    /// These settings, and those of `below` where these are not set.
    pub(super) fn over(self, below: Self) -> Self {
        Self {
            listen: self.listen.or(below.listen),
            connect: self.connect.or(below.connect),
            bootnode: self.bootnode.or(below.bootnode),
            is_bootnode: self.is_bootnode.or(below.is_bootnode),
            mine: self.mine.or(below.mine),
            mine_rate: self.mine_rate.or(below.mine_rate),
            seal: self.seal.or(below.seal),
            force_clock: self.force_clock.or(below.force_clock),
            http: self.http.or(below.http),
            http_name: self.http_name.or(below.http_name),
            notify: self.notify.or(below.notify),
            notify_for: self.notify_for.or(below.notify_for),
            no_http: self.no_http.or(below.no_http),
            no_index: self.no_index.or(below.no_index),
            keep: self.keep.or(below.keep),
            members: self.members.or(below.members),
            max_inbound: self.max_inbound.or(below.max_inbound),
            max_per_address: self.max_per_address.or(below.max_per_address),
            max_outbound: self.max_outbound.or(below.max_outbound),
            max_upload: self.max_upload.or(below.max_upload),
            max_memory: self.max_memory.or(below.max_memory),
            flush: self.flush.or(below.flush),
            join: self.join.or(below.join),
            join_depth: self.join_depth.or(below.join_depth),
            join_at: self.join_at.or(below.join_at),
            history: self.history.or(below.history),
            serve_snapshots: self.serve_snapshots.or(below.serve_snapshots),
            snapshot_interval: self.snapshot_interval.or(below.snapshot_interval),
            line: self.line.or(below.line),
            quiet: self.quiet.or(below.quiet),
        }
    }
}
