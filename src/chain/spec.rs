//! Chain specifications: everything that makes one network differ from another, and its genesis block.

use std::collections::BTreeSet;

use crate::{
    base::{
        codec::{self, Encode, List},
        hash::{Domain, Hash},
        ids::NodeId,
        limits::MAX_AUTHORITIES,
    },
    chain::{
        address::Prefix,
        block::{HashedBlock, HashedTransaction},
        coin::coins_created,
        coin_key::CoinKey,
        difficulty::Asert,
        digest::StateSum,
        header::{HEADER_VERSION, Header},
        key::SecretKey,
        merkle,
        seal::{Authorities, Seal},
        target::{CompactTarget, Target},
        tip::Tip,
        transaction::{Output, TRANSACTION_VERSION, Transaction},
    },
};

/// Accounts with publicly known keys that the `local` and `dev` chains fund.
pub const WELL_KNOWN_ACCOUNTS: u32 = 10;

/// Base units per 1,000 bytes: the rate that payments have by default.
const LEAST_REPLACEMENT_RATE: u64 = 1000;

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
    /// Seconds of one step between blocks that count for the difficulty; 0: all. This version knows no other value.
    pub pause_cap: u32,
    /// Who may make blocks.
    pub seal: SealRule,
}

/// Who may make blocks.
#[derive(Clone, Debug, PartialEq, Eq, Encode)]
pub enum SealRule {
    /// Everybody who does the work.
    Work,
    /// The owners of these keys.
    Authorities {
        /// Ed25519 keys, in the order of the chain's file.
        keys: List<[u8; 32], MAX_AUTHORITIES>,
        /// Milliseconds from a block's notarisation to the next proposal, at least. `Parameters::block_time` is its whole
        /// seconds, at least 1.
        block_time_ms: u32,
        /// Seconds after which they make a block without transactions.
        idle_block_time: u32,
    },
}

/// How people read and write amounts; everything else counts in base units.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Unit {
    /// What follows an amount; may be empty.
    pub name: String,
    /// One unit is this power of ten in base units.
    pub decimals: u8,
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
    /// How people read and write amounts. Not part of the network's identity.
    pub unit: Unit,
    /// The nodes that may link; `None`: every node. Not part of the network's identity.
    pub members: Option<BTreeSet<NodeId>>,
    /// Who seals blocks, by height; nobody on a chain of proof of work. The first set follows from the parameters; later
    /// ones are not part of the network's identity, but blocks name them.
    pub authorities: Authorities,
    /// The genesis block.
    pub genesis: HashedBlock,
    /// The digest of the coins that genesis allocates.
    pub genesis_digest: Hash,
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
            pause_cap: 0,
            seal: SealRule::Work,
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
            pause_cap: 0,
            seal: SealRule::Work,
        };
        let prefix = Prefix::new("dtus").expect("a built-in prefix is valid");
        Self::built_in("dev", prefix, parameters, true, 0)
    }

    /// The chain's end while it has no block but genesis.
    pub fn genesis_tip(&self) -> Tip {
        let Header { time, .. } = self.genesis.header;
        let (hash, work, digest) = (self.genesis.hash, self.genesis_work(), self.genesis_digest);
        Tip { hash, height: 0, time, work, digest }
    }

    /// What a transaction pays at least beyond the fees of those that it takes the place of in the mempool, base units per
    /// 1,000 bytes: having the network relay its bytes is not free, even where [`Self::min_fee_rate`] is nothing.
    pub fn replacement_rate(&self) -> u64 {
        self.min_fee_rate.max(LEAST_REPLACEMENT_RATE)
    }

    /// The hash of the genesis block: the network's identity.
    pub fn genesis_hash(&self) -> Hash {
        self.genesis.hash
    }

    /// The sum over the coins that genesis allocates.
    pub fn genesis_sum(&self) -> StateSum {
        genesis_sum(&self.genesis)
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
        let genesis = genesis(name, &parameters, allocations);
        Self {
            name: name.to_owned(),
            prefix,
            parameters,
            test: true,
            instant,
            default_mine_rate,
            min_fee_rate: 0,
            bootnodes: Vec::new(),
            unit: Unit::default(),
            members: None,
            authorities: Authorities::default(),
            genesis_digest: genesis_sum(&genesis).digest(),
            genesis,
        }
    }
}

impl SealRule {
    /// The first set of authorities as the only one; none where there is proof of work.
    pub fn authorities(&self) -> Authorities {
        match self {
            Self::Work => Authorities::default(),
            Self::Authorities { keys, .. } => Authorities::new(keys.to_vec(), Vec::new()),
        }
    }
}

impl Parameters {
    /// The easiest target allowed.
    pub fn limit(&self) -> Target {
        self.target_limit.expand().expect("a chain spec's target limit is checked when it is read")
    }
}

/// The genesis block: one coinbase whose outputs are the allocations and whose memo commits to name and parameters.
/// It needs no proof of work: all nodes know its hash beforehand.
pub(super) fn genesis(name: &str, parameters: &Parameters, allocations: Vec<Output>) -> HashedBlock {
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
        seal: Seal::unsolved(parameters.target_limit),
    };
    HashedBlock::new(header, vec![transaction])
}

pub(super) fn genesis_sum(genesis: &HashedBlock) -> StateSum {
    let mut sum = StateSum::default();
    let created = genesis.transactions.iter().flat_map(|transaction| coins_created(transaction, 0));
    created.for_each(|(outpoint, coin)| sum.add(&CoinKey::of(&outpoint), &coin));
    sum
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
}
