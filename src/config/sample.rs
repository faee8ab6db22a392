//! The commented sample that `tussock print config` prints.

/// All settings with their defaults, switched off.
pub const SAMPLE: &str = r##"# Settings of a tussock node. Put this file into the data directory as config.toml, or name it with --config.
# Flags and TUSSOCK_* variables (TUSSOCK_LISTEN, TUSSOCK_MINE_RATE, ...) stand above it. Nothing writes to it.

# Where chains, keys and logs are kept. Only in a file that is named with --config.
#data_dir = "/var/lib/tussock"

# The network: "local", "dev", or the path of a chain specification (tussock genesis new).
#chain = "local"

# What is logged: error, warn, info, debug or trace; also per module: "warn,headers=debug".
#log = "info"

# ---- Peers ----

# Where peers reach this node. Port 0: any free one. On networks other than local and dev: 0.0.0.0:4130.
#listen = "127.0.0.1:4130"

# Dial these and keep the connections.
#connect = []

# Ask these for peers when none are known.
#bootnode = []

# Be an access point for others.
#is_bootnode = false

# Most peers that may dial this node, and most that it dials.
#max_inbound = 48
#max_outbound = 8

# ---- Mining ----

# Who is paid: an address, or the name of a key. Without it the node does not mine.
#mine = "dev0"

# Hashes per second that the miner is held to; 0: as many as possible. Left out: the chain's own default.
#mine_rate = 205

# ---- RPC, metrics, web page ----

# Port 0: any free one. Keep it on loopback unless you know who can reach it.
#http = "127.0.0.1:3030"
#no_http = false

# Keep no index.db: saves a third of the disk; no histories, transactions by their id only while they are recent.
#no_index = false

# ---- Host ----

# MiB that caches and buffers are sized for. Unless it is set, less where the cgroup allows less than 52 MiB for all.
#max_memory = 32

# Nothing on standard output, and no log lines on standard error; the log files have them.
#quiet = false
"##;
