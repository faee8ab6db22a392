//! The commented sample that `tussock print config` prints.

/// All settings with their defaults, commented out.
pub const SAMPLE: &str = r##"# Settings of a tussock node. Put this file into the data directory as config.toml, or name it with --config.
# Flags and variables (TUSSOCK_LISTEN, TUSSOCK_MINE_RATE, ...) override it. tussock never writes to it.

# Directory of chains, keys and logs. Allowed only in a file that --config names.
#data_dir = "/var/lib/tussock"

# The chain: "local", "dev", the path of a chain specification (tussock genesis new), or a chain in the data directory.
# Left out: the only chain in the data directory, or the only one whose node runs; in an empty one "local".
#chain = "local"

# Log level: error, warn, info, debug or trace; also per module: "warn,headers=debug".
#log = "info"

# ---- Peers ----

# Listen for peers here; may be a list. Port 0: any free port. The default on real networks is port 4130 of all addresses,
# IPv4 and IPv6. An address that this host does not have yet is waited for.
#listen = ["127.0.0.1:4130"]

# Dial these nodes (IP:PORT or HOST:PORT, with ID@ before it if only the node with this id will do) and keep the
# connections. Names are resolved before each dial.
#connect = []

# Ask these nodes for addresses of peers when none are known.
#bootnode = []

# Serve newcomers: answer every request for addresses, count as synced without peers.
#is_bootnode = false

# Let only the nodes link whose ids are in this file, one in a line (`tussock status` shows a node's id).
#members = "members.txt"

# Maximum number of inbound and of outbound peers.
#max_inbound = 48
#max_outbound = 8

# Maximum number of inbound peers from one IP address: more if many nodes are behind one router.
#max_per_address = 8

# Bytes a second that are sent to all peers together, 32k or more; k and m stand for thousands and millions. New blocks,
# payments and the node's own requests go first; peers that catch up get what is left. Left out: no limit.
#max_upload = "500k"

# ---- Mining ----

# Rewards go to this address or key. Left out: the node does not mine.
#mine = "dev0"

# The miner's limit in hashes per second; 0: no limit. Left out: the chain's own default.
#mine_rate = 205

# On a chain that authorities seal: the key of one of them, by its name or as a file. Left out: the node only follows.
#seal = "treasurer"

# Mine although this clock is far ahead of the peers' clocks or of the node's own chain.
#force_clock = false

# ---- RPC, metrics, web page ----

# Port 0: any free port. Keep it on loopback unless you know who can reach it.
#http = "127.0.0.1:3030"
#no_http = false

# Also answer requests for these host names, as a proxy or container sends them. /healthz, /readyz and /metrics answer
# any name.
#http_name = []

# Tell a program or an http:// address of payments to and from keys of this node's folder, or to and from others (tussock help
# events).
#notify = "http://127.0.0.1:8080/paid"
#notify_for = []

# Keep no index.db. Saves a third of the disk, but there is no history, no search of memos,
# and only recent transactions are found by id.
#no_index = false

# ---- Host ----

# Keep only the last blocks whole: a number of them, 100 or more, or as many as fit into a size such as "2GB". Bodies and undo
# data of older blocks go for good. Such a node serves no newcomers with the whole history, and with serve_snapshots
# it keeps two intervals and the depth at which newcomers join at least. Left out: keep all.
#keep = 5000

# MiB of memory that caches and buffers are sized for. Left out: 32, or less in a cgroup that allows less than 52 MiB.
#max_memory = 32

# When blocks of peers are stored and the disk is flushed: together after at most this number of seconds, or "every-block" by
# itself. kill -9 or a power failure costs at most these blocks, which the node fetches again from its peers. It never costs
# a block of this node, nor what the node has told a user or program, except over /metrics and /readyz. Payments that wait
# for a block are in memory; peers have them.
#flush = 20

# ---- Snapshots (tussock help join) ----

# Where a node without blocks begins: "history" verifies every block, "snapshot" takes the coins of a block far below the
# best header from its peers. At least 1,000 blocks and those of a day must be above that block, or just join_depth blocks;
# with join_at it is the block with this hash.
#join = "history"
#join_depth = 1000
#join_at = "0000000000000000000000000000000000000000000000000000000000000000"

# After a start with a snapshot: fetch and verify the blocks before it, when nothing else is to do, and become a full node.
# Not together with keep.
#history = false

# Make a snapshot of the coins each snapshot_interval blocks, keep the last two, and give them to nodes that join. Left
# out: 1,000 blocks, or on chains of proof of work those of a day if these are more.
#serve_snapshots = false
#snapshot_interval = 1000

# For experiments: let all that this node sends to peers pass through an emulated line. Delay one way, bits per second of all
# links together, lost segments (each costs a round trip). Left out: the host's own lines.
#line = "delay=80ms,rate=2mbit,loss=1%"

# Print nothing on standard output and no log lines on standard error. The log files have them.
#quiet = false
"##;
