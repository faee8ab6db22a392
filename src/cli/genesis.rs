//! `genesis`: prints a commented chain specification, or changes who seals a chain.

use std::time::Duration;

use clap::{Args, Subcommand};

use super::{
    authorities::{self, AuthoritiesArgs, public_keys, trust},
    context::Context,
    exit::{Failure, Outcome},
    output, units,
};
use crate::{
    chain::{
        address::{Address, Prefix},
        node_id,
        spec::ChainSpec,
        spec_error::SpecError,
    },
    config::plain_toml,
    node::NodeAddress,
};

/// The specification, with placeholders for its values.
const TEMPLATE: &str = include_str!("genesis.toml");
/// Time between blocks of proof of work.
const WORK_BLOCK_TIME: Duration = Duration::from_secs(10);
/// Least time between blocks of authorities.
const SEALED_BLOCK_TIME: Duration = Duration::from_secs(1);
/// Time after which authorities make an empty block.
const IDLE_BLOCK_TIME: Duration = Duration::from_secs(3600);
/// Blocks in the longest step that counts for the difficulty.
const PAUSE_CAP_BLOCKS: u64 = 20;
/// Seconds that a block may be ahead of a clock.
const MAX_FUTURE_LIMIT: u64 = 7200;

/// `tussock genesis`
#[derive(Args, Debug)]
#[command(after_help = "Example:\n  tussock genesis new --name meadow > meadow.toml
  tussock genesis authorities meadow.toml")]
pub struct GenesisArgs {
    #[command(subcommand)]
    verb: Verb,
}

#[derive(Subcommand, Debug)]
enum Verb {
    /// Print a chain specification; nodes with the same file form one network
    #[command(after_help = "\
Examples:
  tussock genesis new --name meadow --block-time 10s > meadow.toml
  tussock genesis new --name meadow --fund ltus1…=1000000 > meadow.toml
  tussock genesis new --name meadow --authorities KEY1 KEY2 KEY3 > meadow.toml")]
    New(Box<NewArgs>),
    /// Show who seals the blocks of a chain, or change it from a height on
    #[command(after_help = "\
With --from the file gets one more set of keys: the last one with the changes
of --add and --remove. The genesis hash stays, and so does the network. All is
checked first; nothing is written if the result is not right.

Choose a height that the chain will reach only once every operator has the new
file. An authority votes only for blocks that name the next set as its own file
does: if some have the file at that height and some do not, nothing moves until
enough of them have. The height must be above all blocks that exist. This
command does not see them, but a node with a wrong file says so when it starts.
A set hands over once its last block is final by its own word: whoever leaves
must work until then, and may stop its node after that block.

Examples:
  tussock genesis authorities meadow.toml
  tussock genesis authorities meadow.toml --add KEY5 --remove KEY2 --from 5000")]
    Authorities(AuthoritiesArgs),
}

#[derive(Args, Debug)]
struct NewArgs {
    /// Name of the chain and of its folder
    #[arg(long, value_name = "X", default_value = "private")]
    name: String,
    /// Prefix of its addresses [default: from the name]
    #[arg(long, value_name = "TEXT")]
    address_prefix: Option<String>,
    /// Only the owners of these keys make blocks, by vote: public keys, names of keys or key files. Of one to three none may
    /// fail or lie, of four one, of seven two; what is final stays
    #[arg(long, value_name = "KEY", num_args = 1.., conflicts_with_all = ["half_life", "target_limit", "pause_cap"])]
    authorities: Vec<String>,
    /// Target time between blocks; with --authorities the least, which may be less than a second [default: 10s, with
    /// --authorities 1s]
    #[arg(long, value_name = "TIME", value_parser = units::parse_duration)]
    block_time: Option<Duration>,
    /// Time after which authorities make a block without transactions [default: 1h]
    #[arg(long, value_name = "TIME", value_parser = units::parse_duration, requires = "authorities")]
    idle_block_time: Option<Duration>,
    /// Delay that halves the difficulty, and lead that doubles it [default: 120 blocks]
    #[arg(long, value_name = "TIME", value_parser = units::parse_duration)]
    half_life: Option<Duration>,
    /// The first and easiest target, in compact form (hex) [default: 1e0fffff]
    #[arg(long, value_name = "HEX")]
    target_limit: Option<String>,
    /// Initial subsidy of a block, in base units
    #[arg(long, value_name = "AMOUNT", default_value = "5000000000", value_parser = units::parse_amount)]
    subsidy: u64,
    /// Blocks after which the subsidy halves; 0: never
    #[arg(long, value_name = "N", default_value_t = 210_000)]
    halving_interval: u32,
    /// Blocks before a reward can be spent [default: 100, with --authorities 1]
    #[arg(long, value_name = "N")]
    maturity: Option<u32>,
    /// The longest step between blocks that counts for the difficulty, so that a network that rested does not make up for it; 0:
    /// all count [default: 20 blocks]
    #[arg(long, value_name = "TIME", value_parser = units::parse_duration)]
    pause_cap: Option<Duration>,
    /// Minimum fee rate that nodes accept, in base units per 1,000 bytes
    #[arg(long, value_name = "RATE", default_value = "0", value_parser = units::parse_amount)]
    min_fee_rate: u64,
    /// The unit in which people read and write amounts; without it they count base units
    #[arg(long, value_name = "NAME", default_value = "")]
    unit: String,
    /// One unit is this power of ten in base units
    #[arg(long, value_name = "N", default_value_t = 0)]
    decimals: u8,
    /// Fund an address in the genesis block; may be an address of another chain; may be repeated
    #[arg(long, value_name = "ADDR=AMOUNT", value_parser = parse_fund)]
    fund: Vec<(Address, u64)>,
    /// A node that newcomers ask for addresses of peers, IP:PORT or HOST:PORT, with ID@ before it if only the node with this
    /// id may answer there; may be repeated
    #[arg(long, value_name = "ADDR")]
    bootnode: Vec<String>,
    /// Unix seconds of the genesis block [default: now]
    #[arg(long, value_name = "SECONDS")]
    time: Option<u64>,
    /// A test chain: has dev0 to dev9, mine and net deny; a node without peers counts as synced
    #[arg(long)]
    test: bool,
}

/// Runs the command.
pub fn run(context: &Context, arguments: &GenesisArgs) -> Outcome {
    let arguments = match &arguments.verb {
        Verb::New(arguments) => arguments,
        Verb::Authorities(arguments) => return authorities::run(context, arguments),
    };
    let authorities = public_keys(context, "--authorities", &arguments.authorities)?;
    let text = specification(arguments, &authorities, arguments.time.unwrap_or_else(units::unix_now))?;
    if let Some(set) = ChainSpec::from_toml(&text).ok().and_then(|spec| spec.authorities.at(1).cloned()) {
        output::note(&trust(&set));
    }
    if context.json {
        let spec = ChainSpec::from_toml(&text).map_err(|error| Failure::usage(error.to_string()))?;
        let genesis = spec.genesis_hash().to_string();
        return output::json(&serde_json::json!({ "name": spec.name, "genesis": genesis, "toml": text }));
    }
    output::raw(text.as_bytes())
}

/// Parses `ADDR=AMOUNT`. Any prefix is accepted: an address means the same key on every chain.
fn parse_fund(text: &str) -> Result<(Address, u64), String> {
    let (address, amount) = text.split_once('=').ok_or("use ADDR=AMOUNT")?;
    let prefix = address.rsplit_once('1').and_then(|(prefix, _)| Prefix::new(prefix));
    let prefix = prefix.ok_or_else(|| format!("{address} is not an address"))?;
    let address = Address::parse(address, &prefix).map_err(|error| error.to_string())?;
    Ok((address, units::parse_payment(amount)?))
}

fn specification(arguments: &NewArgs, authorities: &[String], time: u64) -> Outcome<String> {
    let name = &arguments.name;
    if !(1..=32).contains(&name.len()) || !name.bytes().all(|b| matches!(b, b'a'..=b'z' | b'0'..=b'9' | b'-')) {
        let problem = "1 to 32 lower-case letters, digits and hyphens are needed";
        return Err(Failure::usage(format!("--name {name:?}: {problem}")));
    }
    let prefix = arguments.address_prefix.clone().unwrap_or_else(|| prefix_of(&arguments.name));
    let checked = Prefix::new(&prefix).ok_or_else(|| {
        Failure::usage(format!("--address-prefix \"{prefix}\": 1 to 10 lower-case letters and digits are needed"))
    })?;
    let [pace, seal, mining] =
        if authorities.is_empty() { by_work(arguments)? } else { by_authorities(arguments, authorities)? };
    for text in &arguments.bootnode {
        let read = node_id::pinned(text, &checked).and_then(|(_, address)| address.parse::<NodeAddress>());
        read.map_err(|why| Failure::usage(format!("--bootnode {text}: {why}")))?;
    }
    let bootnodes: Vec<String> = arguments.bootnode.iter().map(|address| format!("\"{address}\"")).collect();
    let maturity = arguments.maturity.unwrap_or(if authorities.is_empty() { 100 } else { 1 });
    // Free text comes last, so that nothing in it is taken for a placeholder.
    let values = [
        ("{name}", format!("{name:?}")),
        ("{prefix}", format!("{prefix:?}")),
        ("{prefix_text}", prefix.clone()),
        ("{date}", units::utc(time)),
        ("{time}", time.to_string()),
        ("{pace}", pace),
        ("{seal}", seal),
        ("{mining}", mining),
        ("{subsidy}", arguments.subsidy.to_string()),
        ("{halving}", arguments.halving_interval.to_string()),
        ("{maturity}", maturity.to_string()),
        ("{fee}", arguments.min_fee_rate.to_string()),
        ("{unit}", format!("{:?}", arguments.unit)),
        ("{decimals}", arguments.decimals.to_string()),
        ("{test}", arguments.test.to_string()),
        ("{bootnodes}", bootnodes.join(", ")),
    ];
    let mut text = values.iter().fold(TEMPLATE.to_owned(), |text, (key, value)| text.replace(key, value));
    if !arguments.fund.is_empty() {
        text.push_str("\n# Funded addresses.\n");
    }
    for (address, amount) in &arguments.fund {
        let address = address.to_text(&checked);
        text.push_str(&format!("[[allocations]]\naddress = {address:?}\namount = {amount}\n"));
    }
    ChainSpec::from_toml(&text).map_err(|error| {
        let problem = match error {
            SpecError::Syntax(text) => plain_toml(&text),
            error => error.to_string(),
        };
        Failure::usage(format!("this chain is not possible: {problem}"))
    })?;
    Ok(text)
}

/// The lines of a chain of proof of work: on its pace, on who makes blocks, on mining.
fn by_work(arguments: &NewArgs) -> Outcome<[String; 3]> {
    let block_time = whole_seconds("--block-time", arguments.block_time.unwrap_or(WORK_BLOCK_TIME))?;
    let half_life = match arguments.half_life {
        Some(half_life) => whole_seconds("--half-life", half_life)?,
        None => block_time.saturating_mul(120),
    };
    let pause_cap = match arguments.pause_cap {
        Some(cap) if cap.is_zero() => 0,
        Some(cap) => whole_seconds("--pause-cap", cap)?,
        None => block_time.saturating_mul(PAUSE_CAP_BLOCKS),
    };
    let future_limit = if pause_cap == 0 { MAX_FUTURE_LIMIT } else { pause_cap.min(MAX_FUTURE_LIMIT) };
    let target = arguments.target_limit.as_deref().unwrap_or("1e0fffff");
    Ok([
        format!(
            "# Target seconds between blocks.\nblock_time = {block_time}\n\
             # Seconds of delay that halve the difficulty, and of lead that double it.\nhalf_life = {half_life}\n\
             # The first and easiest target, in compact form (hex). Smaller is harder.\ntarget_limit = {target:?}\n"
        ),
        format!(
            "# Seconds that a block may be ahead of a node's clock; with a pause_cap no more than that.\n\
             future_limit = {future_limit}\n\
             # Who makes blocks: everybody who does the work.\nseal = \"work\"\n\
             # Seconds of one step between blocks that count for the difficulty; 0: all. A network that rests for a week does\n\
             # not make up for the blocks of that week.\npause_cap = {pause_cap}\n"
        ),
        "# Hashes per second of a miner without --mine-rate; 0: no limit.\ndefault_mine_rate = 0\n".to_owned(),
    ])
}

/// The same of a chain that authorities seal.
fn by_authorities(arguments: &NewArgs, keys: &[String]) -> Outcome<[String; 3]> {
    let block_time = arguments.block_time.unwrap_or(SEALED_BLOCK_TIME);
    let milliseconds = block_time.as_millis();
    if !block_time.subsec_nanos().is_multiple_of(1_000_000) || !(1..=u128::from(u32::MAX)).contains(&milliseconds) {
        return Err(Failure::usage("--block-time: whole milliseconds are needed, at least 1ms and at most 49 days"));
    }
    let block_time = match milliseconds % 1_000 {
        0 => (milliseconds / 1_000).to_string(),
        _ => format!("\"{milliseconds}ms\""),
    };
    let idle = whole_seconds("--idle-block-time", arguments.idle_block_time.unwrap_or(IDLE_BLOCK_TIME))?;
    let keys: String = keys.iter().map(|key| format!("    {key:?},\n")).collect();
    Ok([
        format!(
            "# The least time from one block to the next: seconds, or milliseconds such as \"200ms\".\n\
             block_time = {block_time}\n\
             # Seconds after which a block without transactions is made.\nidle_block_time = {idle}\n"
        ),
        format!(
            "# Who makes blocks: the owners of these keys, in turn and by vote.\nseal = \"authorities\"\n\
             authorities = [\n{keys}]\n"
        ),
        String::new(),
    ])
}

fn whole_seconds(flag: &str, duration: Duration) -> Outcome<u64> {
    if duration.subsec_nanos() > 0 || duration.is_zero() {
        return Err(Failure::usage(format!("{flag}: whole seconds are needed, at least 1")));
    }
    Ok(duration.as_secs())
}

/// The first ten letters and digits of the name, the longest possible prefix.
fn prefix_of(name: &str) -> String {
    name.chars().filter(|c| c.is_ascii_lowercase() || c.is_ascii_digit()).take(10).collect()
}

#[cfg(test)]
mod tests {
    use clap::Parser;

    use super::*;
    use crate::{
        base::{hash::hex, ids::NodeId},
        chain::{
            key::SecretKey,
            spec::{SealRule, Unit},
        },
    };

    #[derive(Parser)]
    struct Line {
        #[command(flatten)]
        arguments: NewArgs,
    }

    fn new(arguments: &[&str]) -> Outcome<String> {
        let line = Line::try_parse_from([&["new"], arguments].concat()).unwrap();
        specification(&line.arguments, &line.arguments.authorities, 1_800_000_000)
    }

    #[test]
    fn the_specification_has_the_values_of_the_flags() {
        let address = SecretKey::well_known(0).address();
        let foreign = address.to_text(&Prefix::new("ltus").unwrap());
        let fund = format!("{foreign}=1_000");
        let text = new(&["--name", "my-chain", "--block-time", "20s", "--subsidy", "7", "--fund", &fund]).unwrap();
        let spec = ChainSpec::from_toml(&text).unwrap();
        assert_eq!((spec.name.as_str(), spec.prefix.to_string().as_str()), ("my-chain", "mychain"));
        let parameters = &spec.parameters;
        assert_eq!((parameters.block_time, parameters.half_life, parameters.subsidy), (20, 2400, 7));
        let allocated = &spec.genesis.transactions[0].transaction.outputs[0];
        assert_eq!((allocated.amount, allocated.address), (1000, address));
        assert!(text.contains("mychain1") && !spec.test);
        assert_eq!((parameters.pause_cap, parameters.future_limit), (400, 400));
        let pauses = |cap: &str| {
            let parameters = ChainSpec::from_toml(&new(&["--pause-cap", cap]).unwrap()).unwrap().parameters;
            (parameters.pause_cap, parameters.future_limit)
        };
        assert_eq!([pauses("0"), pauses("1d")], [(0, 7200), (86_400, 7200)]);
        assert!(new(&["--pause-cap", "9s"]).is_err() && new(&["--pause-cap", "10.5s"]).is_err());
        let text = new(&[
            "--name",
            "my-chain",
            "--block-time",
            "20s",
            "--subsidy",
            "7",
            "--fund",
            &fund,
            "--unit",
            "MY",
            "--decimals",
            "2",
        ]);
        let with_unit = ChainSpec::from_toml(&text.unwrap()).unwrap();
        assert_eq!(with_unit.unit, Unit { name: "MY".to_owned(), decimals: 2 });
        assert_eq!(with_unit.genesis_hash(), spec.genesis_hash(), "amounts mean the same");
    }

    #[test]
    fn authorities_make_another_kind_of_chain_and_the_note_says_whom_it_trusts() {
        let keys: Vec<String> = (0..7).map(|n| hex(&SecretKey::well_known(n).public_key())).collect();
        let sealed = |count: usize, rest: &[&str]| {
            let keys = keys[..count].iter().map(String::as_str);
            let line: Vec<&str> =
                ["--name", "a", "--authorities"].into_iter().chain(keys).chain(rest.to_vec()).collect();
            new(&line).map(|text| ChainSpec::from_toml(&text).unwrap())
        };
        let spec = sealed(4, &["--block-time", "200ms", "--idle-block-time", "10m"]).unwrap();
        let SealRule::Authorities { block_time_ms, idle_block_time, .. } = spec.parameters.seal else {
            panic!("sealed")
        };
        assert_eq!((block_time_ms, idle_block_time, spec.parameters.maturity), (200, 600, 1));
        let notes = [1, 3, 4, 7].map(|count| trust(sealed(count, &[]).unwrap().authorities.at(1).unwrap()));
        assert_eq!(
            notes,
            [
                "of 1 authority none may fail or lie; blocks become final while all of them work",
                "of 3 authorities none may fail or lie; blocks become final while all of them work",
                "of 4 authorities 1 may fail or lie; blocks become final while any 3 of them work",
                "of 7 authorities 2 may fail or lie; blocks become final while any 5 of them work",
            ]
        );
        for wrong in [&["--block-time", "0"][..], &["--idle-block-time", "500ms"], &[&keys[0]]] {
            let line = if wrong.len() == 1 { &["--authorities", wrong[0]][..] } else { wrong };
            assert_eq!(sealed(1, line).unwrap_err().exit as u8, 2, "{wrong:?}");
        }
        assert!(Line::try_parse_from(["new", "--authorities", &keys[0], "--half-life", "1m"]).is_err());
        assert!(Line::try_parse_from(["new", "--idle-block-time", "1m"]).is_err());
    }

    #[test]
    fn a_bootnode_may_be_named_with_its_id() {
        let id = node_id::to_text(&NodeId([7; 32]), &Prefix::new("a").unwrap());
        let pinned = format!("{id}@boot.example:4130");
        let spec = ChainSpec::from_toml(&new(&["--name", "a", "--bootnode", &pinned]).unwrap()).unwrap();
        assert_eq!(spec.bootnodes, [pinned]);
    }

    #[test]
    fn equal_arguments_make_one_network_and_impossible_ones_are_refused() {
        let hash = |text: &str| ChainSpec::from_toml(text).unwrap().genesis_hash();
        let one = new(&["--name", "a"]).unwrap();
        assert_eq!(hash(&one), hash(&new(&["--name", "a"]).unwrap()));
        assert_ne!(hash(&one), hash(&new(&["--name", "a", "--maturity", "5"]).unwrap()));
        for wrong in [
            &["--name", "local"][..],
            &["--name", "a", "--block-time", "0"],
            &["--name", "a", "--block-time", "500ms"],
            &["--name", "a", "--target-limit", "zz"],
            &["--name", "a", "--address-prefix", "Ab"],
            &["--name", "a", "--subsidy", "18446744073709551615"],
            &["--name", "a", "--bootnode", "anode1qq@127.0.0.1:4130"],
            &["--name", "a", "--bootnode", "nowhere"],
            &["--name", "a", "--unit", "two words"],
            &["--name", "a", "--decimals", "19"],
        ] {
            assert_eq!(new(wrong).unwrap_err().exit as u8, 2, "{wrong:?}");
        }
        assert!(parse_fund("nonsense=5").is_err() && parse_fund("ltus1qq").is_err());
    }
}
