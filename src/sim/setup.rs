//! The network's chain and its nodes, as the options have them.

use std::{
    collections::{BTreeMap, BTreeSet},
    net::{IpAddr, SocketAddr},
    sync::Arc,
    time::Duration,
};

use tussock_noise::Key;

use crate::{
    base::{gather::gather, limits, rng::Rng},
    chain::{address::Prefix, block::HashedBlock, key::SecretKey, spec::ChainSpec},
    link::{Config, Transport},
    node::{Setup, node_key::NodeKey},
    sim::{
        byzantine::{self, Byzantine},
        clock::Clock,
        disk::Disk,
        faults::signed,
        history, hosts,
        node::{Node, address},
        options::{Options, Topology},
        sealed,
    },
    wire::message::Kind,
};

/// Coins that genesis gives to each well-known account.
const COINS_PER_ACCOUNT: u32 = 6;
/// Accounts that have coins at the start, and among which coins move.
pub(super) const ACCOUNTS: u32 = 10;
/// Bytes per second: above a drip, below the slowest honest line.
const LEASE_MIN_RATE: u64 = 50;
const PREFIX: &str = "stus";

/// A test chain on which the miners together find a block every `block_time` seconds.
pub(super) fn spec(options: &Options) -> ChainSpec {
    if options.authorities > 0 {
        return ChainSpec::from_toml(&(sealed::chain_file(options, PREFIX) + &allocations()))
            .expect("a valid specification");
    }
    let hashes = (options.miners as u64 * options.mine_rate * options.block_time).max(2);
    // A genesis long ago: the chain is late for ever, so that the difficulty rests at its limit.
    let genesis_time = options.epoch - if options.retarget { 5 } else { 150 * 86_400 };
    let text = format!(
        "protocol = 2\nname = \"simulated\"\naddress_prefix = \"{PREFIX}\"\ngenesis_time = {genesis_time}\nblock_time = {}\n\
         half_life = 60\ntarget_limit = \"{:08x}\"\nsubsidy = 5000000000\nhalving_interval = 40\nmaturity = {}\n\
         test = true\n",
        options.block_time,
        easiest_target(hashes),
        options.maturity,
    );
    ChainSpec::from_toml(&(text + &allocations())).expect("a valid specification")
}

/// The coins of genesis, as the file of a chain has them.
fn allocations() -> String {
    use std::fmt::Write;
    let mut text = String::new();
    let prefix = Prefix::new(PREFIX).expect("a valid prefix");
    for account in 0..ACCOUNTS {
        let owner = SecretKey::well_known(account).address().to_text(&prefix);
        for _ in 0..COINS_PER_ACCOUNT {
            write!(text, "[[allocations]]\naddress = \"{owner}\"\namount = 100000000000\n")
                .expect("writing to a string cannot fail");
        }
    }
    text
}

/// The compact form of the target of a block that takes about `hashes` hashes: 2²⁵⁶ ÷ `hashes`.
fn easiest_target(hashes: u64) -> u32 {
    let (mut size, mut mantissa) = (32u32, (1u64 << 24) / hashes.max(1));
    // One form per number: the mantissa is as long as its sign bit allows.
    while mantissa < 0x8000 && size > 28 {
        size -= 1;
        mantissa = (1u64 << (24 + 8 * (32 - size))) / hashes.max(1);
    }
    size << 24 | u32::try_from(mantissa.min(0x7f_ffff)).expect("cut to 23 bits")
}

/// All nodes, none of them started, and the blocks from before the run. The honest ones come first, the tricksters last.
pub(super) fn nodes(options: &Options, spec: &Arc<ChainSpec>, rng: &mut Rng) -> (Vec<Node>, Vec<HashedBlock>) {
    let miners = miners(options, &mut rng.fork("miners"));
    let (mut clocks, mut links, mut byzantine) = (rng.fork("clocks"), rng.fork("topology"), rng.fork("liars"));
    let mut far = rng.fork("far_clocks");
    let far_nodes = far_nodes(options, &mut far);
    let (mut tricksters, mut others) = (rng.fork("tricksters"), rng.fork("others"));
    let honest: Vec<IpAddr> = (0..options.nodes).map(|number| address(number).ip()).collect();
    let mut nodes: Vec<Node> = (0..options.nodes + options.dishonest())
        .map(|number| {
            let mut setup = setup(options, spec, number);
            (setup.connect, setup.bootnodes) = neighbours(options, number, &mut links);
            if options.names {
                hosts::name_neighbours(&mut setup);
            }
            // The operator of the first node has mistaken other hosts for nodes.
            if number == 0 {
                setup.connect.extend(options.stranger_numbers().map(address));
            }
            setup.connect.extend(hinderers(options, number).map(address));
            setup.is_bootnode = options.topology == Topology::Bootnode && number < options.bootnodes;
            options.set_snapshots(number, &mut setup);
            setup.seal = sealed::key_of(options, number);
            setup.mine = miners.contains(&number).then(|| SecretKey::well_known(number as u32 % ACCOUNTS).address());
            let (drift, skew) = (signed(&mut clocks, options.drift_max), signed(&mut clocks, options.skew_max));
            let clock = Clock::new(drift, skew).of_epoch(options.epoch);
            if number < options.nodes {
                let seconds = far_off(options, setup.mine.is_some(), &mut far);
                let clock = if far_nodes.contains(&number) { clock.far_off(seconds) } else { clock };
                let disk = Disk::keeping(spec, options.kept_by(number), options.flush_every.is_some());
                return Node::new(number, setup, disk, clock);
            }
            let byzantine = match number - options.nodes {
                at if at < options.lying_authorities => Byzantine::authority(options, number, &mut others),
                at if at < options.byzantine => Byzantine::draw(options, &mut byzantine),
                at if at < options.byzantine + options.tricksters => {
                    Byzantine::draw_trickster(options, &honest, &mut tricksters)
                }
                at if at < options.byzantine + options.tricksters + options.tricklers => {
                    Byzantine::trickler(&mut others)
                }
                _ if options.false_snapshot_numbers().contains(&number) => {
                    Byzantine::of_false_snapshots(options, &mut rng.fork("false_snapshots").fork(&number.to_string()))
                }
                _ if number < options.stranger_numbers().start => Byzantine::misleader(&mut others),
                _ if number >= options.stranger_numbers().end + options.false_skeletons => {
                    Byzantine::of_late_headers(&mut rng.fork("late_headers").fork(&number.to_string()))
                }
                _ if number >= options.stranger_numbers().end => {
                    Byzantine::of_false_skeletons(&mut rng.fork("false_skeletons"))
                }
                _ => {
                    (setup.connect, setup.bootnodes) = Default::default();
                    (setup.connect_names, setup.bootnode_names) = Default::default();
                    Byzantine::stranger(&mut others)
                }
            };
            if byzantine.trick.mines() {
                setup.mine = Some(SecretKey::well_known(number as u32).address());
                setup.mine_rate = byzantine::mine_rate(options);
            }
            let disk = Disk::new(spec, options.flush_every.is_some()).of_signer(byzantine.trick.signs());
            let mut node = Node::new(number, setup, disk, clock);
            node.byzantine = Some(byzantine);
            node
        })
        .collect();
    let history = history::write(options, spec, &mut nodes);
    (nodes, history)
}

/// The nodes that mine. The only one is none that has to join first. Where one has a chain that others cannot follow, these do.
fn miners(options: &Options, rng: &mut Rng) -> Vec<usize> {
    let mut miners: Vec<usize> = (0..if options.rival_depth > 0 { options.pruned } else { options.nodes }).collect();
    rng.shuffle(&mut miners);
    miners.sort_by_key(|node| options.joiner() == Some(*node));
    miners.truncate(options.miners);
    miners
}

/// Whom the newcomer knows first: those that hold up its sync.
fn hinderers(options: &Options, number: usize) -> std::ops::Range<usize> {
    let end = options.nodes + options.dishonest();
    let is_newcomer = options.history > 0 && number + 1 == options.nodes;
    if is_newcomer { end - options.late_headers - options.false_snapshots..end } else { end..end }
}

/// Nodes whose clocks are far off: one, half, all but one, or all.
fn far_nodes(options: &Options, rng: &mut Rng) -> BTreeSet<usize> {
    let mut nodes: Vec<usize> = (0..options.nodes).collect();
    rng.shuffle(&mut nodes);
    let counts = [1, options.nodes / 2, options.nodes - 1, options.nodes];
    nodes.truncate(rng.pick(&counts).copied().unwrap_or(1));
    gather(nodes)
}

/// Seconds by which such a node's clock is ahead. A miner's is only ever behind: blocks from the future would strand its
/// chain, and a miner with few peers cannot know.
fn far_off(options: &Options, mines: bool, rng: &mut Rng) -> i64 {
    let seconds = i64::try_from(rng.between(options.clock_skew / 2, options.clock_skew)).unwrap_or(0);
    if !mines && rng.chance(300_000) { seconds } else { -seconds }
}

pub(super) fn setup(options: &Options, spec: &Arc<ChainSpec>, number: usize) -> Setup {
    let address = address(number);
    Setup {
        spec: spec.clone(),
        key: NodeKey::new(Key(node_secret(number))),
        members: None,
        pins: BTreeMap::new(),
        listen_port: address.port(),
        own_addresses: vec![address],
        agent: format!("simulated/{number}"),
        connect: Vec::new(),
        connect_names: Vec::new(),
        bootnodes: Vec::new(),
        bootnode_names: Vec::new(),
        is_bootnode: false,
        max_inbound: options.max_inbound,
        max_per_address: limits::MAX_INBOUND_PER_IP,
        max_outbound: options.max_outbound,
        mine: None,
        seal: None,
        mine_rate: options.mine_rate,
        known_time: None,
        force_clock: false,
        block_interval_ms: None,
        verifiers: options.verifiers,
        memory_percent: options.memory_percent,
        overlay_bytes: options.overlay_bytes,
        whole_block_bytes: options.whole_block_bytes,
        flush_every: Duration::from_secs(options.flush_every.unwrap_or_default()),
        serve_snapshots: None,
        snapshot_depth: 0,
        join: None,
        kept_from: None,
        verdicts: None,
    }
}

/// The secret half of a node's key: the same in all its lives.
fn node_secret(number: usize) -> [u8; 32] {
    Rng::from_number(number as u64).fork("node key").bytes()
}

/// The limits of a node's links. What is slow here is not slow enough for the usual least rate of large frames.
pub(super) fn link_config(options: &Options, spec: &ChainSpec, setup: &Setup) -> Config {
    let mut config = Config::new(spec.magic(), setup.max_inbound);
    config.out_of_place = Kind::out_of_place(spec);
    config.agreements.own_host = false;
    if !options.encryption {
        config.transport = Transport::Clear(setup.key.id());
    }
    if options.few_accepted {
        config.max_accepted = config.max_accepted.min(options.nodes + options.dishonest());
    }
    config.lease_free_bytes = options.lease_free_bytes;
    config.lease_min_rate = LEASE_MIN_RATE;
    config.receive_budget = options.receive_budget;
    config.send_budget = options.send_budget;
    config.send_soft = options.send_soft;
    config
}

/// Whom a node dials and keeps, and whom it asks for addresses.
fn neighbours(options: &Options, number: usize, rng: &mut Rng) -> (Vec<SocketAddr>, Vec<SocketAddr>) {
    match options.topology {
        Topology::Bootnode => {
            let mut some: Vec<usize> =
                (0..options.bootnodes.min(options.nodes)).filter(|other| *other != number).collect();
            rng.shuffle(&mut some);
            some.truncate(3);
            (Vec::new(), some.into_iter().map(address).collect())
        }
        Topology::Ring if number + 1 < options.nodes => (vec![address(number + 1)], Vec::new()),
        Topology::Ring => (vec![address(0)], Vec::new()),
        Topology::Random => {
            let mut earlier: Vec<usize> = (0..number.min(options.nodes)).collect();
            rng.shuffle(&mut earlier);
            earlier.truncate(options.max_outbound.min(3));
            (earlier.into_iter().map(address).collect(), Vec::new())
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::sim::Overrides;

    #[test]
    fn every_seed_makes_a_chain() {
        for seed in 0..300 {
            let options = Options::draw(seed, &Overrides::default());
            let spec = spec(&options);
            assert!(spec.test && spec.supply(0) == u128::from(ACCOUNTS * COINS_PER_ACCOUNT) * 100_000_000_000);
        }
        assert_eq!([2, 256, 1_000].map(easiest_target), [0x207f_ffff, 0x2001_0000, 0x1f41_8937]);
    }
}
