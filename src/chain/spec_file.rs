//! The file form of a chain specification.

use std::collections::BTreeSet;

use serde::Deserialize;

use crate::{
    base::{ids::NodeId, limits},
    chain::{
        address::{Address, Prefix},
        authorities_file::AuthoritiesFile,
        node_id,
        seal::Authorities,
        spec::{ChainSpec, Parameters, SealRule, Unit, genesis, genesis_sum},
        spec_error::{PROTOCOL, SpecError},
        target::CompactTarget,
        transaction::Output,
    },
};

impl ChainSpec {
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
}

/// Seconds that a block may be ahead of a node's clock.
const DEFAULT_FUTURE_LIMIT: u32 = 7200;
/// Seconds after which authorities make an empty block.
const DEFAULT_IDLE_BLOCK_TIME: u32 = 3600;
/// The target limit of a chain without proof of work: the easiest, which its genesis block states.
const SEALED_TARGET_LIMIT: CompactTarget = CompactTarget(0x207f_ffff);
/// Bytes of a unit's name: longer ones do not fit into tables.
const MAX_UNIT_BYTES: usize = 10;
/// All money is below 5 × 10^18 base units, so with more decimals no unit would be whole.
const MAX_DECIMALS: u8 = 18;

/// The file form, as `tussock genesis new` prints it.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct SpecFile {
    #[serde(rename = "protocol")]
    _protocol: u32,
    name: String,
    address_prefix: String,
    genesis_time: u64,
    block_time: BlockTime,
    half_life: Option<u32>,
    target_limit: Option<String>,
    subsidy: u64,
    halving_interval: u32,
    maturity: u32,
    future_limit: Option<u32>,
    #[serde(default)]
    pause_cap: u32,
    seal: Option<String>,
    authorities: Option<AuthoritiesFile>,
    idle_block_time: Option<u32>,
    #[serde(default)]
    unit: String,
    #[serde(default)]
    decimals: u8,
    #[serde(default)]
    min_fee_rate: u64,
    default_mine_rate: Option<u64>,
    #[serde(default)]
    test: bool,
    #[serde(default)]
    bootnodes: Vec<String>,
    members: Option<Vec<String>>,
    #[serde(default)]
    allocations: Vec<Allocation>,
}

/// Seconds, or a text such as "200ms".
#[derive(Deserialize)]
#[serde(untagged, expecting = "seconds, or milliseconds such as \"200ms\", are needed")]
enum BlockTime {
    Seconds(u32),
    Text(String),
}

impl BlockTime {
    /// Milliseconds; `None`: out of range, or of another form.
    fn milliseconds(&self) -> Option<u32> {
        let milliseconds = match self {
            Self::Seconds(seconds) => seconds.checked_mul(1_000)?,
            Self::Text(text) => {
                text.strip_suffix("ms").filter(|text| text.bytes().all(|b| b.is_ascii_digit()))?.parse().ok()?
            }
        };
        (milliseconds > 0).then_some(milliseconds)
    }
}

/// What depends on who makes blocks.
struct Sealing {
    rule: SealRule,
    authorities: Authorities,
    block_time: u32,
    half_life: u32,
    target_limit: CompactTarget,
    future_limit: u32,
    default_mine_rate: u64,
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
        self.check_numbers()?;
        let outputs = self.outputs(&prefix)?;
        let members = self.members.as_deref().map(|members| read_members(members, &prefix)).transpose()?;
        let (sealing, unit) = (self.sealing()?, self.unit()?);
        let parameters = Parameters {
            genesis_time: self.genesis_time,
            block_time: sealing.block_time,
            half_life: sealing.half_life,
            target_limit: sealing.target_limit,
            subsidy: self.subsidy,
            halving_interval: self.halving_interval,
            maturity: self.maturity,
            future_limit: sealing.future_limit,
            pause_cap: self.pause_cap,
            seal: sealing.rule,
        };
        let genesis = genesis(&self.name, &parameters, outputs);
        Ok(ChainSpec {
            name: self.name,
            prefix,
            test: self.test,
            instant: false,
            default_mine_rate: sealing.default_mine_rate,
            min_fee_rate: self.min_fee_rate,
            bootnodes: self.bootnodes,
            unit,
            members,
            authorities: sealing.authorities,
            parameters,
            genesis_digest: genesis_sum(&genesis).digest(),
            genesis,
        })
    }
}

impl SpecFile {
    /// What the genesis block pays out.
    fn outputs(&self, prefix: &Prefix) -> Result<Vec<Output>, SpecError> {
        let output = |(at, one): (usize, &Allocation)| match Address::parse(&one.address, prefix) {
            Ok(address) => Ok(Output { amount: one.amount, address }),
            Err(error) => Err(SpecError::Address { number: at + 1, address: one.address.clone(), error }),
        };
        self.allocations.iter().enumerate().map(output).collect()
    }

    fn check_numbers(&self) -> Result<(), SpecError> {
        let value = |key, problem: &str| Err(SpecError::Value { key, problem: problem.to_owned() });
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
        Ok(())
    }

    fn sealing(&self) -> Result<Sealing, SpecError> {
        match self.seal.as_deref().unwrap_or("work") {
            "work" => self.sealed_by_work(),
            "authorities" => self.sealed_by_authorities(),
            _ => Err(wrong("seal", "\"work\" or \"authorities\" is needed")),
        }
    }

    fn sealed_by_work(&self) -> Result<Sealing, SpecError> {
        let elsewhere = "only a chain with seal = \"authorities\" has it";
        if self.authorities.is_some() {
            return Err(wrong("authorities", elsewhere));
        }
        if self.idle_block_time.is_some() {
            return Err(wrong("idle_block_time", elsewhere));
        }
        let BlockTime::Seconds(block_time @ 1..) = self.block_time else {
            return Err(wrong("block_time", "seconds are needed, at least 1"));
        };
        let Some(half_life @ 1..) = self.half_life else {
            return Err(wrong("half_life", "seconds are needed, at least 1"));
        };
        let text = self.target_limit.as_deref().unwrap_or_default();
        let target = u32::from_str_radix(text.trim_start_matches("0x"), 16).ok().map(CompactTarget);
        let Some(target_limit) = target.filter(|target| target.expand().is_some()) else {
            return Err(wrong("target_limit", "a compact target in hex is needed, such as \"1e0fffff\""));
        };
        if self.pause_cap > 0 && self.pause_cap < block_time {
            return Err(wrong("pause_cap", "0, or seconds that are at least block_time, are needed"));
        }
        // Times that are further ahead lift the median time by more than counts, and the way back counts in full.
        let longest = if self.pause_cap == 0 { u32::MAX } else { self.pause_cap };
        let future_limit = self.future_limit.unwrap_or(DEFAULT_FUTURE_LIMIT.min(longest));
        if future_limit > longest {
            return Err(wrong("future_limit", "it may not be longer than pause_cap, which is not 0"));
        }
        let default_mine_rate = self.default_mine_rate.unwrap_or(0);
        let (rule, authorities) = (SealRule::Work, Authorities::default());
        Ok(Sealing { rule, authorities, block_time, half_life, target_limit, future_limit, default_mine_rate })
    }

    fn sealed_by_authorities(&self) -> Result<Sealing, SpecError> {
        let of_work = [
            ("half_life", self.half_life.is_some()),
            ("target_limit", self.target_limit.is_some()),
            ("future_limit", self.future_limit.is_some()),
            ("default_mine_rate", self.default_mine_rate.is_some()),
            ("pause_cap", self.pause_cap > 0),
        ];
        if let Some((key, _)) = of_work.into_iter().find(|(_, is_there)| *is_there) {
            return Err(wrong(key, "only a chain with seal = \"work\" has it"));
        }
        let (keys, authorities) = AuthoritiesFile::read(self.authorities.as_ref())?;
        let problem = "seconds, or milliseconds such as \"200ms\", are needed, at least \"1ms\"";
        let block_time_ms = self.block_time.milliseconds().ok_or_else(|| wrong("block_time", problem))?;
        let idle_block_time = self.idle_block_time.unwrap_or(DEFAULT_IDLE_BLOCK_TIME);
        if idle_block_time == 0 {
            return Err(wrong("idle_block_time", "seconds are needed, at least 1"));
        }
        Ok(Sealing {
            rule: SealRule::Authorities { keys, block_time_ms, idle_block_time },
            authorities,
            block_time: (block_time_ms / 1_000).max(1),
            // Nothing follows from these, but the genesis block commits to them.
            half_life: 1,
            target_limit: SEALED_TARGET_LIMIT,
            future_limit: DEFAULT_FUTURE_LIMIT,
            default_mine_rate: 0,
        })
    }

    fn unit(&self) -> Result<Unit, SpecError> {
        let wrong = |key, problem: String| Err(SpecError::Value { key, problem });
        let mut name = self.unit.chars();
        let starts = name.next().is_none_or(|first| first.is_ascii_alphabetic());
        if !starts || !name.all(|c| c.is_ascii_alphanumeric()) || self.unit.len() > MAX_UNIT_BYTES {
            return wrong("unit", format!("at most {MAX_UNIT_BYTES} letters and digits are possible, a letter first"));
        }
        if self.decimals > MAX_DECIMALS {
            return wrong("decimals", format!("at most {MAX_DECIMALS} are possible"));
        }
        Ok(Unit { name: self.unit.clone(), decimals: self.decimals })
    }
}

fn wrong(key: &'static str, problem: &str) -> SpecError {
    SpecError::Value { key, problem: problem.to_owned() }
}

/// The ids in a chain file's `members`. An empty list would leave the node alone.
fn read_members(texts: &[String], prefix: &Prefix) -> Result<BTreeSet<NodeId>, SpecError> {
    let value = |problem| SpecError::Value { key: "members", problem };
    if texts.is_empty() {
        return Err(value("at least one id is needed; without the key every node may link".to_owned()));
    }
    texts.iter().map(|text| node_id::parse(text, prefix).map_err(|why| value(format!("{text}: {why}")))).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{
        base::{
            codec::List,
            hash::{Hash, hex},
        },
        chain::key::SecretKey,
    };

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

    /// A chain file with these lines.
    fn with(lines: &str) -> Result<ChainSpec, SpecError> {
        let of_work =
            if lines.contains("seal = \"auth") { "" } else { "half_life = 60\ntarget_limit = \"1f3fffff\"\n" };
        let block_time = if lines.contains("block_time = \"") { "" } else { "block_time = 5\n" };
        ChainSpec::from_toml(&format!(
            "protocol = 2\nname = \"a\"\naddress_prefix = \"x\"\ngenesis_time = 1\n{of_work}{block_time}\
             subsidy = 5\nhalving_interval = 10\nmaturity = 1\n{lines}"
        ))
    }

    fn problem_key(lines: &str) -> &'static str {
        match with(lines) {
            Err(SpecError::Value { key, .. }) => key,
            other => panic!("{lines}: {other:?}"),
        }
    }

    #[test]
    fn authorities_are_part_of_the_network_and_of_the_right_form() {
        let key = |n| hex(&SecretKey::well_known(n).public_key());
        let sealed = |keys: &[String], rest: &str| format!("seal = \"authorities\"\nauthorities = {keys:?}\n{rest}");
        let [one, two] = [key(1), key(2)];
        let both = with(&sealed(&[one.clone(), two.clone()], "")).unwrap();
        let keys = List::truncated([1, 2].map(|n| SecretKey::well_known(n).public_key()));
        let rule = SealRule::Authorities { keys, block_time_ms: 5_000, idle_block_time: 3600 };
        assert_eq!(both.parameters.seal, rule);
        assert_eq!(both.authorities, rule.authorities());
        assert_eq!(both.authorities.at(1).map(|set| (set.count(), set.epoch())), Some((2, 0)));
        let hash = |lines: &str| with(lines).unwrap().genesis_hash();
        let slower = hash(&sealed(&[one.clone(), two.clone()], "idle_block_time = 60\n"));
        let other = hash(&sealed(&[two.clone(), one.clone()], ""));
        let work = hash("");
        let all: BTreeSet<Hash> = [both.genesis_hash(), slower, other, work].into();
        assert_eq!((all.len(), hash("seal = \"work\"\npause_cap = 0\n")), (4, work));
        let most: Vec<String> = (0..65).map(key).collect();
        assert!(with(&sealed(&most[..64], "")).is_ok());
        let wrong = [
            sealed(&most, ""),
            sealed(&[], ""),
            sealed(&[one.clone(), one.clone()], ""),
            sealed(&[one.to_uppercase()], ""),
            sealed(&["02".repeat(32)], ""),
            sealed(&[one[2..].to_owned()], ""),
            format!("authorities = [{one:?}]\n"),
        ];
        assert!(wrong.iter().all(|lines| problem_key(lines) == "authorities"));
        assert_eq!(problem_key(&sealed(std::slice::from_ref(&one), "idle_block_time = 0\n")), "idle_block_time");
        assert_eq!(
            [problem_key("seal = \"trust\"\n"), problem_key("idle_block_time = 9\n")],
            ["seal", "idle_block_time"]
        );
        let capped = with("pause_cap = 100\n").unwrap();
        assert_eq!((capped.parameters.pause_cap, capped.parameters.future_limit), (100, 100));
        assert_eq!(with("pause_cap = 9000\n").unwrap().parameters.future_limit, DEFAULT_FUTURE_LIMIT);
        assert_eq!(
            [problem_key("pause_cap = 4\n"), problem_key("pause_cap = 100\nfuture_limit = 101\n")],
            ["pause_cap", "future_limit"]
        );
    }

    #[test]
    fn authorities_may_make_several_blocks_a_second_and_their_chain_has_no_difficulty() {
        let one = hex(&SecretKey::well_known(1).public_key());
        let sealed = |rest: &str| with(&format!("seal = \"authorities\"\nauthorities = [{one:?}]\n{rest}"));
        let times = |time: &str| {
            let parameters = sealed(&format!("block_time = \"{time}\"\n")).unwrap().parameters;
            let SealRule::Authorities { block_time_ms, .. } = parameters.seal else { panic!("sealed by authorities") };
            (parameters.block_time, block_time_ms)
        };
        assert_eq!([times("200ms"), times("1ms"), times("2500ms")], [(1, 200), (1, 1), (2, 2_500)]);
        let key_of = |result: Result<ChainSpec, SpecError>| match result {
            Err(SpecError::Value { key, .. }) => key,
            other => panic!("{other:?}"),
        };
        for wrong in ["0ms", "200", "ms", "+5ms", "2s", "99999999999ms"] {
            assert_eq!(key_of(sealed(&format!("block_time = \"{wrong}\"\n"))), "block_time", "{wrong}");
        }
        for line in ["half_life = 60", "target_limit = \"1f3fffff\"", "future_limit = 7200", "default_mine_rate = 0"] {
            assert_eq!(key_of(sealed(&format!("{line}\n"))), line.split(' ').next().unwrap());
        }
        assert_eq!(key_of(with("block_time = \"5000ms\"\n")), "block_time");
    }

    #[test]
    fn of_several_allocations_the_wrong_one_is_named() {
        let right = SecretKey::well_known(1).address().to_text(&Prefix::new("x").unwrap());
        let table = |address: &str| format!("[[allocations]]\naddress = {address:?}\namount = 1\n");
        assert!(with(&(table(&right) + &table(&right))).is_ok());
        let problem = with(&(table(&right) + &table("x1nonsense"))).unwrap_err().to_string();
        assert!(problem.starts_with("allocations: number 2, \"x1nonsense\": not a valid address"), "{problem}");
    }

    #[test]
    fn a_unit_is_for_people_and_makes_no_other_network() {
        let spec = with("unit = \"MDW\"\ndecimals = 4\n").unwrap();
        assert_eq!(spec.unit, Unit { name: "MDW".to_owned(), decimals: 4 });
        assert_eq!(spec.genesis_hash(), with("").unwrap().genesis_hash());
        for wrong in ["1st", "a b", "mehr-als-genug", "<b>", "twelveletters"] {
            assert_eq!(problem_key(&format!("unit = {wrong:?}\n")), "unit");
        }
        assert_eq!(problem_key("decimals = 19\n"), "decimals");
    }
}
