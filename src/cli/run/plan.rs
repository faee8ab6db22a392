//! What to run: the settings of a node, checked and with their defaults.

use std::{
    collections::BTreeMap,
    env,
    net::{Ipv4Addr, SocketAddr},
    path::PathBuf,
    sync::Arc,
    thread,
    time::Duration,
};

use tussock_noise::Key;

use super::{delivery::Target, known_time, seal};
use crate::{
    base::{ids::NodeId, limits},
    chain::{
        address::{Address, Prefix},
        archive::Keep,
        key::SecretKey,
        node_id,
    },
    cli::{
        context::Context,
        dev_folders::{DevFolderNote, TemporaryFolder},
        dev_state::DevState,
        exit::{Exit, Failure, Outcome},
    },
    config::{
        self, JoinFrom, NodeFlags,
        values::{self, LEAST_MEMORY, MOST_MEMORY},
    },
    node::{Join, Members, NodeAddress, Setup, node_key::NodeKey},
    rpc::members::MembersList,
    runtime::{Listen, logging::Levels, memory},
    wallet::keys::Keys,
};

/// The port for peers.
const P2P_PORT: u16 = 4130;
/// The port for RPC and the page.
const HTTP_PORT: u16 = 3030;
/// MiB of memory that the default limits are made for.
pub(super) const DEFAULT_MEMORY: usize = 32;
/// Bytes in a MiB.
const MIB: u64 = 1 << 20;
/// Threads that check signatures. More would only wait for the ledger.
const MOST_VERIFIERS: usize = 8;

/// A node that is about to start.
pub(super) struct Plan {
    pub(super) context: Context,
    /// The fixed interval between blocks of a `dev` node.
    pub(super) block_time: Option<Duration>,
    /// Whether the command is `dev`.
    pub(super) dev: bool,
    /// How many accounts it shows.
    pub(super) accounts: u32,
    /// Its data directory, if that goes with it.
    pub(super) temporary: Option<TemporaryFolder>,
    /// Where its state is written at the stop.
    pub(super) state: Option<DevState>,
    connect: Vec<NodeAddress>,
    bootnodes: Vec<NodeAddress>,
    /// Who must answer at these, and at the chain's bootnodes.
    pins: BTreeMap<NodeAddress, NodeId>,
}

impl Plan {
    /// Reads the addresses and names of peers.
    pub(super) fn new(context: Context, block_time: Option<Duration>, dev: bool) -> Outcome<Self> {
        let flags = &context.settings.node;
        let (mut pins, prefix) = (BTreeMap::new(), &context.spec().prefix);
        let mut named = |key: &str, texts: &Option<Vec<String>>| {
            let texts = texts.as_deref().unwrap_or_default();
            read(&config::shown_setting(key, &texts.join(",")), texts, prefix, &mut pins)
        };
        let connect = named("connect", &flags.connect)?;
        let bootnodes = named("bootnode", &flags.bootnode)?;
        // A bootnode that cannot be read is not dialled; one with an id must not be dialled without it.
        let pinned: Vec<String> = context.spec().bootnodes.iter().filter(|text| text.contains('@')).cloned().collect();
        read("bootnode of the chain:", &pinned, prefix, &mut pins)?;
        check_notify(&context)?;
        Ok(Self { context, block_time, dev, accounts: 0, temporary: None, state: None, connect, bootnodes, pins })
    }

    /// Whether this is a miner that waits for a peer, and no peer is known.
    pub(super) fn mines_alone(&self) -> bool {
        let flags = self.flags();
        flags.mine.is_some() && flags.is_bootnode != Some(true) && !self.context.spec().test && !self.names_others()
    }

    /// Whether the operator or the chain named other nodes.
    pub(super) fn names_others(&self) -> bool {
        self.connect.len() + self.bootnodes.len() + self.context.spec().bootnodes.len() > 0
    }

    /// Tells later commands where a `dev` node is. Its lock is held: a start that is refused changes nothing.
    pub(super) fn dev_note(&self) -> Option<DevFolderNote> {
        let default = config::default_data_dir().filter(|_| self.dev)?;
        DevFolderNote::new(&default, &self.context.settings.data_dir, self.temporary.as_ref())
    }

    /// Writes the state of `dev --state`; the node has stopped.
    pub(super) fn save_state(&self) -> Outcome {
        let Some(state) = &self.state else { return Ok(()) };
        state.save(&self.context).map_err(|failure| self.keeping(failure))
    }

    /// The failure of a node whose state cannot be written: its folder stays, also a temporary one.
    pub(super) fn keeping(&self, failure: Failure) -> Failure {
        if self.state.is_none() {
            return failure;
        }
        self.temporary.iter().for_each(TemporaryFolder::keep);
        let folder = self.context.settings.data_dir.display();
        let advice = format!("the chain stays in {folder}: tussock dev -d {folder}");
        Failure { message: format!("{}; {advice}", failure.message), ..failure }
    }

    pub(super) fn folder(&self) -> PathBuf {
        self.context.folder()
    }

    pub(super) fn flags(&self) -> &NodeFlags {
        &self.context.settings.node
    }

    pub(super) fn quiet(&self) -> bool {
        self.flags().quiet == Some(true)
    }

    pub(super) fn log_levels(&self) -> Outcome<Levels> {
        // The settings were checked.
        self.context.settings.log.parse().map_err(|error| Failure::usage(format!("--log: {error}")))
    }

    /// MiB that caches and buffers are sized for.
    pub(super) fn memory(&self) -> usize {
        self.flags().max_memory.unwrap_or_else(|| memory::limit().map_or(DEFAULT_MEMORY, memory_within))
    }

    /// Where to listen for peers. Test chains stay on this host, and `dev` nodes take any free port.
    pub(super) fn listen(&self) -> Listen {
        let local = |port| Listen::At(vec![SocketAddr::from((Ipv4Addr::LOCALHOST, port)).into()]);
        match (&self.flags().listen, self.dev, self.context.spec().test) {
            (Some(addresses), ..) => Listen::At(addresses.clone()),
            (None, true, _) => local(0),
            (None, false, true) => local(P2P_PORT),
            (None, false, false) => Listen::Any(P2P_PORT),
        }
    }

    /// How many blocks are kept whole.
    pub(super) fn keep(&self) -> Keep {
        self.flags().keep.map_or(Keep::All, |setting| setting.0)
    }

    /// Whether this node fills an index.
    pub(super) fn has_index(&self) -> bool {
        self.http_address().is_some() && self.flags().no_index != Some(true)
    }

    /// Where to serve HTTP; `None`: nowhere.
    pub(super) fn http_address(&self) -> Option<SocketAddr> {
        let address = self.flags().http.unwrap_or_else(|| (Ipv4Addr::LOCALHOST, HTTP_PORT).into());
        (self.flags().no_http != Some(true)).then_some(address)
    }

    /// The facts that the roles need.
    pub(super) fn setup(&self) -> Outcome<Setup> {
        let (flags, spec, memory) = (self.flags(), &self.context.settings.spec, self.memory());
        if flags.history == Some(true) && self.keep() != Keep::All {
            return Err(Failure::usage("--history fetches the blocks that --keep removes; leave one of them out"));
        }
        let seal = seal::key(flags, spec, &self.folder())?;
        let mine = match &flags.mine {
            Some(mine) => Some(self.miner(mine)?),
            None if self.dev => Some(SecretKey::well_known(0).address()),
            None => None,
        };
        let (connect, connect_names) = NodeAddress::split(self.connect.iter().cloned());
        let (bootnodes, bootnode_names) = NodeAddress::split(self.bootnodes.iter().cloned());
        let block_interval_ms = self.block_time.map(|time| u64::try_from(time.as_millis()).unwrap_or(u64::MAX));
        Ok(Setup {
            spec: Arc::clone(spec),
            // The key is read once the data directory is this node's alone.
            key: NodeKey::new(Key([0; 32])),
            members: self.members()?,
            pins: self.pins.clone(),
            listen_port: 0,
            own_addresses: Vec::new(),
            // With the network's name: a peer that dials the wrong network can then show both.
            agent: format!("tussock/{} ({})", env!("CARGO_PKG_VERSION"), spec.name),
            connect,
            connect_names,
            bootnodes,
            bootnode_names,
            is_bootnode: flags.is_bootnode == Some(true),
            max_inbound: flags.max_inbound.unwrap_or(limits::MAX_INBOUND),
            max_per_address: flags.max_per_address.unwrap_or(limits::MAX_INBOUND_PER_IP),
            max_outbound: flags.max_outbound.unwrap_or(limits::MAX_OUTBOUND),
            mine,
            seal,
            known_time: known_time::read(&self.folder()),
            force_clock: flags.force_clock == Some(true),
            mine_rate: flags.mine_rate.unwrap_or(spec.default_mine_rate),
            block_interval_ms,
            verifiers: thread::available_parallelism().map_or(1, usize::from).min(MOST_VERIFIERS),
            memory_percent: memory * 100 / DEFAULT_MEMORY,
            whole_block_bytes: limits::WHOLE_BLOCK_BYTES,
            overlay_bytes: limits::scaled(limits::COIN_OVERLAY_BYTES, memory, DEFAULT_MEMORY),
            flush_every: flags.flush.unwrap_or_default().0,
            serve_snapshots: self.serve_snapshots(),
            snapshot_depth: flags.join_depth.unwrap_or_else(|| Setup::join_depth(self.context.spec())),
            join: self.join(),
            kept_from: None,
            verdicts: None,
        })
    }

    fn serve_snapshots(&self) -> Option<u32> {
        let interval = self.flags().snapshot_interval.unwrap_or_else(|| Setup::snapshot_interval(self.context.spec()));
        (self.flags().serve_snapshots == Some(true)).then_some(interval)
    }

    fn join(&self) -> Option<Join> {
        let flags = self.flags();
        let join = Join { depth: flags.join_depth, at: flags.join_at.map(|block| block.0), goes_on: false };
        (flags.join == Some(JoinFrom::Snapshot)).then_some(join)
    }

    /// How a ledger goes on that has begun to join: as before, unless this start says otherwise.
    pub(super) fn goes_on_joining(&self) -> Option<Join> {
        let depth = self.flags().join_depth;
        let begun = self.flags().join.is_none().then_some(Join { depth, at: None, goes_on: depth.is_none() });
        self.join().or(begun)
    }

    /// The list of members: the file of `--members` with its whole path, or that of the chain file.
    pub(super) fn members_list(&self) -> Option<MembersList> {
        let absolute = |file: &PathBuf| std::path::absolute(file).unwrap_or_else(|_| file.clone());
        match &self.flags().members {
            Some(file) => Some(MembersList::new(absolute(file), None)),
            None => self.context.chain_members(),
        }
    }

    fn members(&self) -> Outcome<Option<Members>> {
        let read = |list: MembersList| list.read(&self.context.spec().prefix);
        self.members_list().map(read).transpose().map_err(|problem| Failure::usage(format!("members: {problem}")))
    }

    fn miner(&self, text: &str) -> Outcome<Address> {
        let address = Keys::new(&self.folder(), self.context.spec()).address(text);
        address.map_err(Failure::from).map_err(|failure| match failure.exit {
            Exit::Unauthorised => failure,
            _ if env::var("TUSSOCK_MINE").is_ok_and(|value| value == text) => {
                Failure::usage(format!("the variable TUSSOCK_MINE: {}", failure.message))
            }
            _ => Failure::usage(format!("--mine {}", failure.message)),
        })
    }
}

/// MiB for a node whose control group allows `limit` bytes, the page cache of its files included.
///
/// Five eighths: in a group of 32 MiB, a sync over a million coins took 201 and 227 s with 20, 278 and 292 s with 32
/// (on another day 168 s with 20, 186 s with 26, 201 s with 16). With 32 the node was killed where the disk reads 8 MiB
/// ahead.
fn memory_within(limit: u64) -> usize {
    let room = usize::try_from(limit / MIB).unwrap_or(MOST_MEMORY);
    (room.saturating_mul(5) / 8).clamp(LEAST_MEMORY, DEFAULT_MEMORY)
}

/// Reads addresses and names, and which nodes must be there.
fn read(
    flag: &str,
    texts: &[String],
    prefix: &Prefix,
    pins: &mut BTreeMap<NodeAddress, NodeId>,
) -> Outcome<Vec<NodeAddress>> {
    let texts = texts.iter().map(|text| text.trim()).filter(|text| !text.is_empty());
    let mut read = |text: &str| {
        let (node, address) = values::peer(text)?;
        let node = node.map(|node| node_id::parse(node, prefix)).transpose()?;
        let Some(node) = node else { return Ok(address) };
        match pins.insert(address.clone(), node) {
            Some(other) if other != node => {
                Err("another node is named for the same address; leave one of them out".into())
            }
            _ => Ok(address),
        }
    };
    texts.map(|text| read(text).map_err(|why: String| Failure::usage(format!("{flag} {text}: {why}")))).collect()
}

/// Refuses `--notify` if it cannot work.
fn check_notify(context: &Context) -> Outcome {
    let (flags, folder) = (&context.settings.node, context.folder());
    let keys = Keys::new(&folder, context.spec());
    flags.notify_for.iter().flatten().try_for_each(|name| keys.address(name).map(drop))?;
    let Some(target) = &flags.notify else {
        let alone = flags.notify_for.is_some();
        return if alone {
            Err(Failure::usage("--notify-for says whose payments --notify tells; add that"))
        } else {
            Ok(())
        };
    };
    target
        .parse::<Target>()
        .and_then(|target| target.check())
        .map_err(|error| Failure::usage(format!("--notify: {error}")))?;
    match flags.no_http == Some(true) {
        true => Err(Failure::usage("--notify needs the HTTP server; leave out --no-http")),
        false => Ok(()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_small_control_group_makes_the_caches_smaller() {
        let within = |mib: u64| memory_within(mib * MIB);
        assert_eq!([8, 32, 40, 52, 1_024].map(within), [16, 20, 25, 32, 32]);
        assert_eq!(memory_within(u64::MAX), 32);
    }
}
