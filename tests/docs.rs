//! The documents are true where a program can tell: files and names that they mention exist, and numbers are those of the
//! program.

use std::{
    collections::BTreeSet,
    fs,
    path::{Path, PathBuf},
    time::Duration,
};

use tussock::{
    base::{hash::Domain, limits},
    chain::{
        address::Address,
        key::SecretKey,
        spec::{ChainSpec, Parameters, WELL_KNOWN_ACCOUNTS},
        target::CompactTarget,
    },
    node::{
        PeerFault,
        price::PRICES,
        sealer::core::{FIRST_TIMEOUT, LONGEST_TIMEOUT, VOTE_WINDOW},
    },
};

const HOUR: Duration = Duration::from_secs(3600);
/// Documents that are written by hand and read by newcomers.
const DOCUMENTS: [&str; 6] = [
    "README.md",
    "src/ARCHITECTURE.md",
    ".github/CONTRIBUTING.md",
    "src/wire/PROTOCOL.md",
    "src/cli/bench/FIGURES.md",
    "tests/hostile/README.md",
];
/// The document whose names of types and functions are checked too.
const ARCHITECTURE: &str = "src/ARCHITECTURE.md";
/// A word that starts with one of these is a path.
const FOLDERS: [&str; 6] = ["src/", "tests/", "scripts/", "findings/", ".github/", ".cargo/"];
/// A name in backticks that ends with one of these is a file of the repository.
const EXTENSIONS: [&str; 7] = [".rs", ".md", ".sh", ".sql", ".html", ".json", ".toml"];
/// Files that commands write or read, and that the repository does not hold.
const ELSEWHERE: [&str; 4] = ["meadow.toml", "config.toml", "endpoints.json", "target/bench.md"];
/// Words of a README that somebody reads before a first start.
const README_WORDS: usize = 700;

fn root() -> &'static Path {
    Path::new(env!("CARGO_MANIFEST_DIR"))
}

fn read(document: &str) -> String {
    fs::read_to_string(root().join(document)).unwrap_or_else(|error| panic!("{document}: {error}"))
}

/// What stands in backticks outside code blocks.
fn quoted(text: &str) -> Vec<&str> {
    let prose = text.split("```").step_by(2);
    prose.flat_map(|part| part.split('`').skip(1).step_by(2)).collect()
}

/// The targets of links into this repository.
fn links(text: &str) -> impl Iterator<Item = &str> {
    let targets = text.split("](").skip(1).filter_map(|rest| rest.split(')').next());
    targets.filter(|target| !target.contains("://") && !target.starts_with('#'))
}

/// All words that are paths, whether they stand in prose, in a table or in a command.
fn paths(text: &str) -> impl Iterator<Item = &str> {
    text.split(|c: char| c.is_whitespace() || "`()[]|\"',;".contains(c))
        .map(|word| word.trim_end_matches(['.', ':']))
        .filter(|word| FOLDERS.iter().any(|folder| word.starts_with(folder)))
}

/// A pattern or a placeholder stands for files; it is not one.
fn is_pattern(path: &str) -> bool {
    path.contains(['*', '<', '…', '{']) || path.split('/').any(|part| part.starts_with("NAME"))
}

/// Paths are relative to the repository, to `src/` or to the document's own folder.
fn exists(document: &str, path: &str) -> bool {
    let folder = Path::new(document).parent().unwrap_or(Path::new(""));
    [PathBuf::new(), PathBuf::from("src"), folder.to_owned()].iter().any(|base| root().join(base).join(path).exists())
}

#[test]
fn every_file_that_a_document_names_exists() {
    let mut missing = BTreeSet::new();
    for document in DOCUMENTS {
        let text = read(document);
        let files = quoted(&text).into_iter().filter(|name| {
            !name.contains(char::is_whitespace)
                && (EXTENSIONS.iter().any(|end| name.ends_with(end)) || (name.ends_with('/') && name.len() > 1))
        });
        for path in files.chain(links(&text)).chain(paths(&text)) {
            if !is_pattern(path) && !ELSEWHERE.contains(&path) && !exists(document, path) {
                missing.insert(format!("{document}: {path}"));
            }
        }
    }
    assert!(missing.is_empty(), "no such file:\n{missing:#?}");
}

/// Every word of the sources, among them all names.
fn words_of_the_sources() -> BTreeSet<String> {
    let mut words = BTreeSet::new();
    let mut folders = vec![root().join("src"), root().join("tests")];
    while let Some(folder) = folders.pop() {
        for entry in fs::read_dir(folder).unwrap() {
            let path = entry.unwrap().path();
            if path.is_dir() {
                folders.push(path);
            } else if path.extension().is_some_and(|extension| extension == "rs" || extension == "sql") {
                let text = fs::read_to_string(path).unwrap();
                words.extend(text.split(|c: char| !c.is_alphanumeric() && c != '_').map(str::to_owned));
            }
        }
    }
    words
}

#[test]
fn every_name_in_the_architecture_is_one_of_the_sources() {
    let words = words_of_the_sources();
    let text = read(ARCHITECTURE);
    let is_name = |name: &str| name.chars().all(|c| c.is_alphanumeric() || "_:".contains(c)) && name.len() > 1;
    let unknown: BTreeSet<&str> = quoted(&text)
        .into_iter()
        .map(|name| name.trim_end_matches("()").trim_end_matches('!'))
        .filter(|name| is_name(name))
        .filter(|name| name.split("::").any(|part| !words.contains(part)))
        .collect();
    assert!(unknown.is_empty(), "{ARCHITECTURE} names what the sources do not have: {unknown:#?}");
}

/// Line breaks as spaces, so that a phrase may run over them.
fn one_line(text: &str) -> String {
    text.split_whitespace().collect::<Vec<_>>().join(" ")
}

#[test]
fn the_protocol_has_the_parameters_of_the_built_in_chains() {
    let text = read("src/wire/PROTOCOL.md");
    let row = |cells: [String; 3]| format!("| {} |", cells.join(" | "));
    let (local, dev) = (ChainSpec::local(), ChainSpec::dev());
    let number = |name: &str, of: fn(&Parameters) -> u64| {
        row([format!("`{name}`"), of(&local.parameters).to_string(), of(&dev.parameters).to_string()])
    };
    let hex = |target: CompactTarget| format!("{:#010x}", target.0);
    let rows = [
        number("genesis_time", |of| of.genesis_time),
        number("block_time", |of| of.block_time.into()),
        number("half_life", |of| of.half_life.into()),
        number("subsidy", |of| of.subsidy),
        number("halving_interval", |of| of.halving_interval.into()),
        number("maturity", |of| of.maturity.into()),
        number("future_limit", |of| of.future_limit.into()),
        row(["`target_limit`".into(), hex(local.parameters.target_limit), hex(dev.parameters.target_limit)]),
        row(["prefix of addresses".into(), "`ltus`".into(), "`dtus`".into()]),
    ];
    for row in rows {
        assert!(text.contains(&row), "{row}");
    }
    let genesis = &local.genesis.transactions[0].transaction;
    let keys = (0..WELL_KNOWN_ACCOUNTS).map(|n| Domain::DEV_KEY.hash(&n.to_le_bytes()).0);
    let owners: Vec<Address> = keys.map(|seed| SecretKey::from_seed(seed).address()).collect();
    assert!(genesis.outputs.iter().map(|output| output.address).eq(owners));
    assert!(genesis.outputs.iter().all(|output| output.amount == 100_000_000_000_000));
}

#[test]
fn the_protocol_has_the_limits_of_the_program() {
    let text = one_line(&read("src/wire/PROTOCOL.md"));
    let seconds = |time: Duration| time.as_secs();
    let phrases = [
        format!("after {} s at the latest", seconds(limits::FUTURE_RETRY)),
        format!("asks for at most {} headers of the branch", limits::UNPROVEN_HEADERS),
        format!("the node's tip is on it within {} s", seconds(limits::CATCH_UP_BOUND)),
        format!(
            "No state other than `synced` lasts {} s longer",
            seconds(limits::SYNCED_BOUND - limits::CATCH_UP_BOUND)
        ),
        format!("once, and one more every {} s; further ones are only", seconds(limits::UNPROVEN_INTERVAL)),
        format!("row, and of one more every {} s.", seconds(limits::UNPROVEN_INTERVAL)),
        format!("For {} s after a synced node has set a branch aside", seconds(limits::LAPSE_REMEMBERED)),
        format!("is still incomplete after {} s, and one second", seconds(limits::COUNTED_FOR)),
        format!("beyond {} MiB at once and 256 KiB a second", limits::USELESS_KIB / 1024),
        format!("has been missing for {} s, or for eight times", seconds(limits::OVERDUE_FIRST)),
        format!("usually take, {} s at most", seconds(limits::OVERDUE_MAX)),
        format!("was synced in the last {} s", seconds(limits::SYNCED_RECENTLY)),
        format!("{} such blocks in {} s", limits::MAX_PASSING, seconds(limits::PASSING_TIME)),
        format!("asked for its next body in vain for {} s", seconds(limits::WITHHELD_AFTER)),
        format!("in any case time: {} s at first", seconds(limits::WITHHELD_FIRST)),
        format!("20 points beyond {} a second", limits::KNOWN_BLOCKS_PER_SECOND),
        format!("asker no further cost 20 points beyond {} a second", limits::IDLE_GET_SYNC_PER_SECOND),
        format!("`Ping` beyond {} at once and one a second", limits::PING_BURST),
        format!("more than one address in {} s is ignored", seconds(limits::ADDRESS_INTERVAL)),
        format!("directly or through others, from at most {} unconfirmed transactions", limits::MEMPOOL_ANCESTORS),
        format!("at most {} unconfirmed transactions may follow each other", limits::MEMPOOL_ANCESTORS + 1),
        format!("The handshake takes at most {} s", seconds(limits::HANDSHAKE_TIMEOUT)),
        format!("the next one {} s after the last that it received", seconds(limits::PING_TURN)),
        format!("or {} s after the answer to its own last one", seconds(limits::PING_INTERVAL)),
        format!("{} s if it dialled", seconds(limits::PING_INTERVAL - limits::PING_TOGETHER)),
        format!("at least one in {} s", seconds(limits::PING_LONGEST)),
        format!("A frame must be complete {} s after its first byte", seconds(limits::PARTIAL_FRAME)),
        format!("and {} s after it if its body is larger than 16 KiB", seconds(limits::PARTIAL_BLOCK)),
        format!("no byte for {} s while something waits", seconds(limits::SEND_STALL)),
        format!("for {} s at most", seconds(limits::GOODBYE_LINGER)),
        format!("While {} `GetBlock`, or", limits::UNANSWERED_BLOCKS),
        format!("or {} `GetSync` and `GetSkeleton`, of the link have no answer", limits::UNANSWERED_SYNCS),
        format!("or {} `GetSnapshot` and `GetPiece`. A side", limits::UNANSWERED_PIECES),
        format!("of the last two kinds {}.", limits::PIECES_PER_PEER + 1),
        format!("More than {} at once and one in 5 s cost 20 points", limits::GET_SNAPSHOTS.1),
        format!("sent a piece within {} s is not waited for", seconds(limits::PIECE_TIMEOUT)),
        format!("After {} s its link ends, if another", seconds(limits::PIECE_STALL)),
        format!("at least {} blocks and a day below", limits::JOIN_DEPTH),
        format!("at most {} `GetBlock` open", limits::PEER_WINDOW_MOST + 1),
        format!("and {} of the others", limits::SYNCS_IN_FLIGHT + 1),
        format!("does not answer it within {} s is replaced", seconds(limits::GET_SYNC_SWITCH)),
        format!("does not answer within {} s, its link ends", seconds(limits::GET_SYNC_TIMEOUT)),
        format!("comes to {} KiB or more", limits::SEND_SOFT_BYTES / 1024),
        format!("at most {} KiB wait; further ones get no answer", limits::HELD_POOL_BYTES / 1024),
        format!("while less than {} MiB wait on all links together", limits::SEND_BUDGET_BYTES / 4 / (1024 * 1024)),
        format!("if it has not come after {} s", seconds(limits::ANNOUNCED_TIMEOUT)),
        format!("A node has at most {} questions open", limits::ANNOUNCED_IN_FLIGHT),
        format!("whose answer is more than {} s late", seconds(limits::ANNOUNCED_TIMEOUT)),
        format!("within {} to {} ms", limits::ANNOUNCE_AFTER.0.as_millis(), limits::ANNOUNCE_AFTER.1.as_millis()),
        format!("a node waits another {} ms if", limits::ANNOUNCE_LATER.as_millis()),
        format!("that it announced, {} MiB of them at most", limits::RELAYED_BYTES / (1024 * 1024)),
        format!("begins with a lead of {} over", limits::LEAD_AT_FIRST),
        format!("lead of {} and more, or of {} and more if", limits::LEAD_TO_PUSH, limits::LEAD_OF_FEW),
        format!("to {} at most. It loses {} with each", limits::LEAD_MOST, limits::LEAD_LOST),
        format!("20 points beyond {} at once and one a minute", limits::SALTS_AT_ONCE),
        format!("of more than {} at once and one a second", limits::ABSENT_AT_ONCE),
        format!("looks in a row, {} s apart", seconds(limits::UNDELIVERED_LOOK)),
        format!("more than {} KiB of them wait", limits::SEND_OWN_BYTES / 1024),
        format!("when it has waited for {} s", seconds(limits::NEWS_HELD)),
        format!("{} s without the answer end the link", seconds(limits::PONG_TIMEOUT)),
        format!("at {} the address is banned for an hour", limits::BAN_SCORE),
        format!("at most {} key agreements a second for one IP address", limits::AGREEMENTS_OF_ADDRESS.0),
        format!("at most {} connections a second from one address", limits::ARRIVALS_OF_ADDRESS.0),
        format!("costs that address {} points, as flooding", PeerFault::Flood("key agreements").points()),
    ];
    let sealing = [
        format!("votes of {VOTE_WINDOW} views before and after"),
        format!("It is {} s at first", seconds(FIRST_TIMEOUT)),
        format!("at most {} s; it does not begin before", seconds(LONGEST_TIMEOUT)),
    ];
    assert_eq!((limits::UNPROVEN_BRANCHES, limits::WITHHELD_MAX, limits::BAN_TIME), (8, HOUR, HOUR));
    assert_eq!((limits::RELAYED_TRANSACTIONS, limits::UNDELIVERED_LOOKS, limits::PUSHED_PEERS), (4_096, 8, 2));
    assert_eq!(
        (limits::SALT_LIFETIME, limits::SALT_INTERVAL, limits::ABSENT_INTERVAL),
        (HOUR, Duration::from_secs(60), Duration::from_secs(1))
    );
    assert_eq!((limits::MAX_CANDIDATES, limits::CANDIDATE_IN_FLIGHT, limits::BRANCHES_PER_PEER), (8, 4, 4));
    for phrase in phrases.iter().chain(&sealing) {
        assert!(text.contains(phrase), "{phrase}");
    }
}

#[test]
fn the_security_page_has_the_limits_of_the_program() {
    let text = one_line(&read("src/cli/TOPICS.md"));
    let mib = |bytes: usize| bytes / (1024 * 1024);
    let phrases = [
        format!("{} MiB of arriving large frames", mib(limits::RECEIVE_BUDGET_BYTES)),
        format!("{} MiB queued to peers", mib(limits::SEND_BUDGET_BYTES)),
        format!("{} MiB of mempool", mib(limits::MEMPOOL_BYTES)),
        format!("{} slots, at most {} for an address", limits::MAX_INBOUND, limits::MAX_INBOUND_PER_IP),
        format!("and {} for a /16", limits::MAX_INBOUND_PER_GROUP),
        format!("The node dials {} peers", limits::MAX_OUTBOUND),
    ];
    for phrase in phrases {
        assert!(text.contains(&phrase), "{phrase}");
    }
    assert_eq!((limits::BOOK_NEW + limits::BOOK_TRIED, limits::MAX_BANS), (1_280, 4_096));
}

#[test]
fn the_readme_is_short() {
    let words = read("README.md").split_whitespace().count();
    assert!(words <= README_WORDS, "{words} words");
}

/// Section 5 of PROTOCOL.md has the prices that the program charges, in its words.
#[test]
fn the_protocol_has_the_prices_of_the_program() {
    let protocol = read("src/wire/PROTOCOL.md");
    let mut points: Vec<u32> = PRICES.iter().map(|price| price.points).collect();
    points.dedup();
    for points in points {
        let faults: Vec<&str> = PRICES.iter().filter(|price| price.points == points).map(|price| price.fault).collect();
        let row = format!("| {points} | {} |", faults.join("; "));
        assert!(protocol.lines().any(|line| line == row), "PROTOCOL.md lacks this row:\n{row}");
    }
}
