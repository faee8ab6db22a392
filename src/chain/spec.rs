//! Chain specifications: everything that makes one network differ from another, and its genesis block.

use std::collections::BTreeSet;

use serde::Deserialize;

use crate::{
    base::{
        codec::{self, Encode, List},
        hash::{Domain, Hash},
        ids::NodeId,
        limits,
    },
    chain::{
        address::{Address, AddressError, Prefix},
        block::{HashedBlock, HashedTransaction},
        coin::coins_created,
        difficulty::Asert,
        digest::StateSum,
        header::{HEADER_VERSION, Header},
        key::SecretKey,
        merkle, node_id,
        target::{CompactTarget, Target},
        transaction::{Output, TRANSACTION_VERSION, Transaction},
    },
};

/// Accounts with publicly known keys that the `local` and `dev` chains fund.
pub const WELL_KNOWN_ACCOUNTS: u32 = 10;

/// The consensus parameters of a chain. The genesis block commits to their encoding.
#[derive(Clone, Debug, PartialEq, Eq, Encode)]
pub struct Parameters {
    /// Unix seconds of the genesis block.
    pub genesis_time: u64,
    /// Seconds between blocks that the difficulty aims at.
    pub block_time: u32,
    /// Seconds off schedule that halve or double the difficulty.
    pub half_life: u32,
    /// The easiest target, and the genesis block's.
    pub target_limit: CompactTarget,
    /// Base units that the first blocks create.
    pub subsidy: u64,
    /// Blocks after which the subsidy halves; 0: never.
    pub halving_interval: u32,
    /// Blocks that a coinbase waits before it can be spent.
    pub maturity: u32,
    /// Seconds that a block's time may be ahead of a node's clock before the block is held back.
    pub future_limit: u32,
}

/// A network: its parameters, its genesis block, and what a node on it starts with.
#[derive(Clone, Debug)]
pub struct ChainSpec {
    /// Short name; also the name of its folder in the data directory.
    pub name: String,
    /// The prefix of its addresses.
    pub prefix: Prefix,
    /// What the genesis block commits to.
    pub parameters: Parameters,
    /// A chain for clusters and experiments: publicly known funded keys, `mine`, `net deny`, no per-IP limits, and a
    /// node that knows no other node counts as synced.
    pub test: bool,
    /// Mine a block as soon as a transaction waits (`dev`).
    pub instant: bool,
    /// Hashes per second of a miner without `--mine-rate`; 0: as fast as it can.
    pub default_mine_rate: u64,
    /// The fee rate below which a transaction is not accepted into the mempool: base units per 1,000 bytes. A policy,
    /// not a rule of the chain.
    pub min_fee_rate: u64,
    /// Nodes to start from, `IP:PORT`.
    pub bootnodes: Vec<String>,
    /// The nodes that may link; `None`: every node. Not part of the network's identity.
    pub members: Option<BTreeSet<NodeId>>,
    /// The genesis block.
    pub genesis: HashedBlock,
    /// The digest of the coins that genesis allocates.
    pub genesis_sum: StateSum,
}

/// Why a chain specification cannot be used.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum SpecError {
    /// Of another version of the protocol, by its number.
    #[error("{}", other_protocol(*.0))]
    Protocol(u32),
    /// Not TOML, or with unknown or missing keys.
    #[error("{0}")]
    Syntax(String),
    /// A value out of its range.
    #[error("{key}: {problem}")]
    Value {
        /// The key in the file.
        key: &'static str,
        /// What is wrong.
        problem: String,
    },
    /// An allocation's address is not one of this chain's.
    #[error("allocations: {0}")]
    Address(#[from] AddressError),
}

/// The version of the protocol that a chain's file must name. Files of version 1 name none.
const PROTOCOL: u32 = 2;

/// The file form, as `tussock genesis new` prints it.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct SpecFile {
    #[serde(rename = "protocol")]
    _protocol: u32,
    name: String,
    address_prefix: String,
    genesis_time: u64,
    block_time: u32,
    half_life: u32,
    target_limit: String,
    subsidy: u64,
    halving_interval: u32,
    maturity: u32,
    #[serde(default = "default_future_limit")]
    future_limit: u32,
    #[serde(default)]
    min_fee_rate: u64,
    #[serde(default)]
    default_mine_rate: u64,
    #[serde(default)]
    test: bool,
    #[serde(default)]
    bootnodes: Vec<String>,
    members: Option<Vec<String>>,
    #[serde(default)]
    allocations: Vec<Allocation>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Allocation {
    address: String,
    amount: u64,
}

/// What of a file is read first: other versions may have other keys.
#[derive(Deserialize)]
struct Marked {
    protocol: Option<u32>,
}

fn other_protocol(found: u32) -> String {
    let advice = match found {
        0..PROTOCOL => "make a new chain with: tussock genesis new",
        _ => "use a newer tussock",
    };
    format!("the chain was made by protocol {found}, and this program speaks protocol {PROTOCOL}; {advice}")
}

fn default_future_limit() -> u32 {
    7200
}

impl ChainSpec {
    /// The chain for local clusters: blocks every 5 s at the default mining rate, ten funded accounts.
    ///
    /// Its genesis lies in the past, so that the difficulty rests at the limit and any number of blocks can be made
    /// at once; the mining rate, not the difficulty, sets the pace.
    pub fn local() -> Self {
        let parameters = Parameters {
            genesis_time: 1_767_225_600, // 2026-01-01
            block_time: 5,
            half_life: 600,
            target_limit: CompactTarget(0x1f3f_ffff), // 2^246: 1,024 hashes a block
            subsidy: 50_0000_0000,
            halving_interval: 210_000,
            maturity: 5,
            future_limit: 7200,
        };
        let prefix = Prefix::new("ltus").expect("a built-in prefix is valid");
        Self::built_in("local", prefix, parameters, false, 205)
    }

    /// The chain for experiments: a block per transaction.
    pub fn dev() -> Self {
        let parameters = Parameters {
            genesis_time: 1_767_225_600,
            block_time: 1,
            half_life: 600,
            target_limit: CompactTarget(0x207f_ffff), // 2^255: two hashes a block
            subsidy: 50_0000_0000,
            halving_interval: 210_000,
            maturity: 1,
            future_limit: 7200,
        };
        let prefix = Prefix::new("dtus").expect("a built-in prefix is valid");
        Self::built_in("dev", prefix, parameters, true, 0)
    }

    /// Reads the file form.
    pub fn from_toml(text: &str) -> Result<Self, SpecError> {
        let marked: Marked = toml::from_str(text).map_err(|error| SpecError::Syntax(error.to_string()))?;
        // A file without a number that is no chain's is not of version 1.
        let found = marked.protocol.unwrap_or(1);
        if found != PROTOCOL && (marked.protocol.is_some() || text.contains("genesis_time")) {
            return Err(SpecError::Protocol(found));
        }
        let file: SpecFile = toml::from_str(text).map_err(|error| SpecError::Syntax(error.to_string()))?;
        file.check()
    }

    /// The hash of the genesis block: the network's identity.
    pub fn genesis_hash(&self) -> Hash {
        self.genesis.hash
    }

    /// The four bytes that start each frame on this network.
    pub fn magic(&self) -> [u8; 4] {
        let hash = self.genesis.hash.0;
        [hash[0], hash[1], hash[2], hash[3]]
    }

    /// The difficulty rule, anchored at genesis.
    pub fn asert(&self) -> Asert {
        let parameters = &self.parameters;
        let genesis_time = i64::try_from(parameters.genesis_time).unwrap_or(i64::MAX);
        Asert {
            anchor_target: parameters.target_limit,
            anchor_parent_time: genesis_time.saturating_sub(i64::from(parameters.block_time)),
            anchor_height: 0,
            block_time: i64::from(parameters.block_time),
            half_life: i64::from(parameters.half_life),
            limit: parameters.limit(),
        }
    }

    /// Base units that the block at `height` creates, fees aside.
    pub fn subsidy(&self, height: u32) -> u64 {
        let parameters = &self.parameters;
        match (height, parameters.halving_interval) {
            (0, _) => 0,
            (_, 0) => parameters.subsidy,
            (height, interval) => parameters.subsidy.checked_shr(height / interval).unwrap_or(0),
        }
    }

    /// Base units that exist once the block at `height` is applied: allocations and subsidies. Fees only move coins, since
    /// a coinbase must claim exactly subsidy and fees.
    pub fn supply(&self, height: u32) -> u128 {
        let allocated: u128 =
            self.genesis.transactions[0].transaction.outputs.iter().map(|output| u128::from(output.amount)).sum();
        let interval = match self.parameters.halving_interval {
            0 => return allocated + u128::from(self.parameters.subsidy) * u128::from(height),
            interval => interval,
        };
        let era_supply = |era: u32| {
            let first = (era * interval).max(1);
            let last = height.min((era + 1).saturating_mul(interval).saturating_sub(1));
            u128::from(self.subsidy(first)) * u128::from(last - first + 1)
        };
        let eras = 0..=(height / interval).min(63);
        allocated + eras.filter(|era| (era * interval).max(1) <= height).map(era_supply).sum::<u128>()
    }

    fn built_in(name: &str, prefix: Prefix, parameters: Parameters, instant: bool, default_mine_rate: u64) -> Self {
        let allocation =
            |number| Output { amount: 100_000_000_000_000, address: SecretKey::well_known(number).address() };
        let allocations = (0..WELL_KNOWN_ACCOUNTS).map(allocation).collect();
        let (genesis, genesis_sum) = genesis(name, &parameters, allocations);
        Self {
            name: name.to_owned(),
            prefix,
            parameters,
            test: true,
            instant,
            default_mine_rate,
            min_fee_rate: 0,
            bootnodes: Vec::new(),
            members: None,
            genesis,
            genesis_sum,
        }
    }
}

impl Parameters {
    /// The easiest target allowed.
    pub fn limit(&self) -> Target {
        self.target_limit.expand().expect("a chain spec's target limit is checked when it is read")
    }
}

impl SpecFile {
    fn check(self) -> Result<ChainSpec, SpecError> {
        let value = |key, problem: &str| Err(SpecError::Value { key, problem: problem.to_owned() });
        let plain_name = (1..=32).contains(&self.name.len())
            && self.name.bytes().all(|byte| byte.is_ascii_lowercase() || byte.is_ascii_digit() || byte == b'-');
        if !plain_name || self.name.starts_with('-') {
            return value("name", "1 to 32 lower-case letters, digits and hyphens are needed");
        }
        if ["local", "dev"].contains(&self.name.as_str()) {
            return value("name", "the names of the built-in chains cannot be used again");
        }
        let Some(prefix) = Prefix::new(&self.address_prefix) else {
            return value("address_prefix", "1 to 10 lower-case letters and digits are needed");
        };
        let target = u32::from_str_radix(self.target_limit.trim_start_matches("0x"), 16).ok().map(CompactTarget);
        let Some(target_limit) = target.filter(|target| target.expand().is_some()) else {
            return value("target_limit", "a compact target in hex is needed, such as \"1e0fffff\"");
        };
        if self.block_time == 0 || self.half_life == 0 {
            return value("block_time", "block_time and half_life are seconds, at least 1");
        }
        if self.genesis_time > 1 << 40 {
            return value("genesis_time", "unix seconds are needed");
        }
        if self.allocations.len() > limits::MAX_OUTPUTS {
            return value("allocations", "at most 256 are possible");
        }
        let era = if self.halving_interval == 0 { u32::MAX } else { self.halving_interval };
        let all_subsidies = u128::from(self.subsidy) * u128::from(era) * 2;
        let allocated: u128 = self.allocations.iter().map(|allocation| u128::from(allocation.amount)).sum();
        if all_subsidies + allocated > u128::from(limits::MAX_MONEY) {
            return value("subsidy", "subsidies and allocations may sum to at most 2^62 base units");
        }
        if self.allocations.iter().any(|allocation| allocation.amount == 0) {
            return value("allocations", "each amount is at least 1");
        }
        let outputs = self
            .allocations
            .iter()
            .map(|one| Ok(Output { amount: one.amount, address: Address::parse(&one.address, &prefix)? }))
            .collect::<Result<Vec<_>, AddressError>>()?;
        let members = self.members.as_deref().map(|members| read_members(members, &prefix)).transpose()?;
        let parameters = Parameters {
            genesis_time: self.genesis_time,
            block_time: self.block_time,
            half_life: self.half_life,
            target_limit,
            subsidy: self.subsidy,
            halving_interval: self.halving_interval,
            maturity: self.maturity,
            future_limit: self.future_limit,
        };
        let (genesis, genesis_sum) = genesis(&self.name, &parameters, outputs);
        Ok(ChainSpec {
            name: self.name,
            prefix,
            parameters,
            test: self.test,
            instant: false,
            default_mine_rate: self.default_mine_rate,
            min_fee_rate: self.min_fee_rate,
            bootnodes: self.bootnodes,
            members,
            genesis,
            genesis_sum,
        })
    }
}

/// The ids in a chain file's `members`. An empty list would leave the node alone.
fn read_members(texts: &[String], prefix: &Prefix) -> Result<BTreeSet<NodeId>, SpecError> {
    let value = |problem| SpecError::Value { key: "members", problem };
    if texts.is_empty() {
        return Err(value("at least one id is needed; without the key every node may link".to_owned()));
    }
    texts.iter().map(|text| node_id::parse(text, prefix).map_err(|why| value(format!("{text}: {why}")))).collect()
}

/// The genesis block: one coinbase whose outputs are the allocations and whose memo commits to name and parameters.
/// It needs no proof of work: all nodes know its hash beforehand.
fn genesis(name: &str, parameters: &Parameters, allocations: Vec<Output>) -> (HashedBlock, StateSum) {
    let mut committed = codec::encode(parameters);
    committed.extend_from_slice(name.as_bytes());
    let mut memo = 0u32.to_le_bytes().to_vec();
    memo.extend_from_slice(&Domain::PARAMETERS.hash(&committed).0);
    let transaction = HashedTransaction::new(Transaction {
        version: TRANSACTION_VERSION,
        inputs: List::EMPTY,
        outputs: List::truncated(allocations),
        memo: List::truncated(memo),
    });
    let header = Header {
        version: HEADER_VERSION,
        height: 0,
        previous: Hash::ZERO,
        merkle_root: merkle::root(vec![transaction.leaf]),
        state_digest: StateSum::default().digest(),
        time: parameters.genesis_time,
        target: parameters.target_limit,
        nonce: 0,
    };
    let mut sum = StateSum::default();
    for (outpoint, coin) in coins_created(&transaction, 0) {
        sum.add(&outpoint, &coin);
    }
    (HashedBlock::new(header, vec![transaction]), sum)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn supply_is_the_sum_of_allocations_and_subsidies() {
        let mut spec = ChainSpec::local();
        spec.parameters.halving_interval = 10;
        let mut sum = spec.supply(0);
        assert_eq!(sum, 10 * 100_000_000_000_000);
        for height in 1..700 {
            sum += u128::from(spec.subsidy(height));
            assert_eq!(spec.supply(height), sum, "height {height}");
        }
        assert_eq!(spec.subsidy(699), 0);
    }

    #[test]
    fn another_parameter_or_name_makes_another_network() {
        let text = |name: &str, maturity: u32| {
            format!(
                "protocol = 2\nname = \"{name}\"\naddress_prefix = \"x\"\ngenesis_time = 1\nblock_time = 5\nhalf_life = 60\n\
                 target_limit = \"1f3fffff\"\nsubsidy = 5\nhalving_interval = 10\nmaturity = {maturity}\n"
            )
        };
        let hash = |name: &str, maturity| ChainSpec::from_toml(&text(name, maturity)).unwrap().genesis_hash();
        assert_eq!(hash("a", 1), hash("a", 1));
        assert_ne!(hash("a", 1), hash("a", 2));
        assert_ne!(hash("a", 1), hash("b", 1));
        assert!(matches!(ChainSpec::from_toml(&text("local", 1)), Err(SpecError::Value { key: "name", .. })));
        assert!(matches!(ChainSpec::from_toml("color = 1"), Err(SpecError::Syntax(_))));
        let other = |line: &str| ChainSpec::from_toml(&text("a", 1).replace("protocol = 2\n", line)).unwrap_err();
        assert_eq!([other(""), other("protocol = 3\ncolor = 1\n")], [1, 3].map(SpecError::Protocol));
        assert!(other("").to_string().contains("made by protocol 1") && other("").to_string().contains("genesis new"));
    }

    #[test]
    fn a_chain_file_may_name_its_members_and_they_make_no_other_network() {
        let text = "protocol = 2\nname = \"a\"\naddress_prefix = \"x\"\ngenesis_time = 1\nblock_time = 5\nhalf_life = 60\n\
                    target_limit = \"1f3fffff\"\nsubsidy = 5\nhalving_interval = 10\nmaturity = 1\n";
        let read = |members: &str| ChainSpec::from_toml(&format!("{text}{members}"));
        let id = node_id::to_text(&NodeId([7; 32]), &Prefix::new("x").unwrap());
        let with = read(&format!("members = [\"{id}\"]\n")).unwrap();
        assert_eq!(with.members, Some(BTreeSet::from([NodeId([7; 32])])));
        assert_eq!((read("").unwrap().members, read("").unwrap().genesis_hash()), (None, with.genesis_hash()));
        for wrong in ["members = []\n", "members = [\"xnode1qqqq\"]\n"] {
            assert!(matches!(read(wrong), Err(SpecError::Value { key: "members", .. })), "{wrong}");
        }
    }
}
