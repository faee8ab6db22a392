//! Operation over years: backups, upgrades, events, log levels, reports.

use std::{
    fs,
    io::Write,
    os::unix::net::UnixDatagram,
    path::{Path, PathBuf},
    process::{Command, Output, Stdio},
    sync::OnceLock,
    time::{Duration, Instant},
};

use serde_json::Value;
use tussock::{
    chain::{archive::SealStore, seal::Statement, spec::ChainSpec, testkit},
    rpc::auth::base64,
    store::{IndexDb, LedgerReader, SealDb, copy, migrate},
};

use crate::support::{BIN, TempDir, TestNode, cli_on, stderr, stdout};

fn json(output: &Output) -> Value {
    assert!(output.status.success(), "{}", stderr(output));
    serde_json::from_slice(&output.stdout).unwrap()
}

/// Asserts that a command failed with this code, and that its error contains the word.
#[track_caller]
fn fails(output: &Output, code: i32, word: &str) {
    let error = stderr(output);
    assert_eq!(output.status.code(), Some(code), "{error}");
    assert!(error.contains(word), "{error}");
}

#[test]
fn an_export_says_that_there_are_no_blocks_yet() {
    let node = TestNode::start(&[]);
    let exported = node.cli(&["chain", "export", node.dir.join("blocks").to_str().unwrap()]);
    let said = String::from_utf8_lossy(&exported.stdout);
    assert!(exported.status.success() && said.starts_with("no blocks yet") && !said.contains("blocks 1 to"), "{said}");
}

/// Whoever had made it, `backup X` deleted the folder `X.part`.
#[test]
fn a_backup_deletes_no_folder_that_is_not_its_own() {
    let dir = TempDir::new();
    let alone = |args: &[&str]| cli_on(&dir.path().join("a"), "local", args);
    assert!(alone(&["generate", "--blocks", "2"]).status.success());
    let [target, part, own] = ["monday", "monday.part", "monday.part/diary"].map(|name| dir.path().join(name));
    fs::create_dir(&part).unwrap();
    fs::write(&own, "my diary").unwrap();
    fails(&alone(&["backup", target.to_str().unwrap()]), 2, "monday.part: move it away, or name another folder");
    assert!(own.exists() && !target.exists());
    // One that was interrupted leaves its mark, and gives way.
    fs::rename(&own, part.join("unfinished-backup")).unwrap();
    {
        let _held = fs::File::open(part.join("unfinished-backup")).map(|file| file.lock().map(|()| file)).unwrap();
        fails(&alone(&["backup", target.to_str().unwrap()]), 7, "another command");
    }
    assert!(alone(&["backup", &format!("{}/", target.display())]).status.success(), "a slash at the end");
    assert!(!part.exists() && target.join("ledger.db").exists() && !target.join("unfinished-backup").exists());
}

#[test]
fn a_backup_of_a_busy_node_restores_to_a_whole_ledger_with_its_keys() {
    let dir = TempDir::new();
    let (first, other) = (dir.path().join("a"), dir.path().join("b"));
    fs::create_dir_all(&first).unwrap();
    let node = TestNode::start_in(&first, &["--mine", "dev0", "--mine-rate", "4000"]);
    node.json(&["key", "new", "alice"]);
    node.wait(&["height", "5"]);
    let target = dir.path().join("monday");
    let target = target.to_str().unwrap();
    // The node mines during the backup.
    let load = Command::new(BIN)
        .args(["-d", node.dir.to_str().unwrap(), "mine", "200"])
        .stdout(Stdio::null())
        .stderr(Stdio::null())
        .spawn();
    let made = node.json(&["backup", target]);
    load.unwrap().wait().unwrap();
    assert!(made["height"].as_u64().unwrap() >= 5 && made["keys"] == 1, "{made}");
    fails(&node.cli(&["backup", target]), 2, "exists");
    fails(&node.cli(&["restore", target]), 7, "in use");

    let restored = json(&cli_on(&other, "local", &["restore", target, "--json"]));
    assert_eq!((&restored["tip"], &restored["keys"]), (&made["tip"], &made["keys"]));
    fails(&cli_on(&other, "local", &["restore", target]), 5, "already");
    fails(&cli_on(&dir.path().join("c"), "local", &["restore", dir.path().to_str().unwrap()]), 4, "no backup");
    fails(&cli_on(&dir.path().join("c"), "dev", &["restore", target]), 9, "chain");
    let report = json(&cli_on(&other, "local", &["verify", "--deep", "--json"]));
    assert_eq!((&report["ok"], &report["state_digest"]), (&true.into(), &made["state_digest"]));
    let pruned = json(&cli_on(&other, "local", &["prune", "--json"]));
    assert_eq!(pruned["blocks"], 0);
    assert_eq!(json(&cli_on(&other, "local", &["key", "list", "--json"]))[0]["name"], "alice");
    let after = TestNode::start_in(&other, &["--bootnode", &node.p2p().to_string()]);
    after.wait(&["height", &node.height().to_string()]);
}

/// The databases as earlier versions wrote them. Each generation lists the files that changed since the one before.
const GENERATIONS: [(&str, &[&str]); 16] = [
    ("first", &["ledger.db", "peers.db", "index.db"]),
    ("second", &["index.db"]),
    ("third", &["ledger.db"]),
    ("fourth", &["peers.db"]),
    ("fifth", &["ledger.db"]),
    ("sixth", &["index.db"]),
    ("seventh", &["ledger.db"]),
    ("eighth", &["peers.db"]),
    ("ninth", &["ledger.db"]),
    ("tenth", &["ledger.db"]),
    ("eleventh", &["seals.db"]),
    ("twelfth", &["seals.db"]),
    ("thirteenth", &["ledger.db"]),
    ("fourteenth", &["ledger.db"]),
    ("fifteenth", &["seals.db"]),
    ("sixteenth", &["index.db"]),
];
/// The first generation whose ledger this program reads.
const READABLE: usize = 8;
/// The newest generation with a ledger.
const NEWEST: usize = 13;
/// The newest generation with an index.
const INDEXED: usize = 15;
/// The generations with votes; the newest of them knows those of others, too.
const SEALED: [usize; 3] = [10, 11, 14];

fn databases() -> PathBuf {
    [env!("CARGO_MANIFEST_DIR"), "tests", "vectors", "databases"].iter().collect()
}

/// What the readable ledgers hold. `TUSSOCK_WRITE_VECTORS=1` writes the newest one anew: the oldest readable one, migrated.
fn facts() -> &'static Value {
    static FACTS: OnceLock<Value> = OnceLock::new();
    FACTS.get_or_init(|| {
        let oldest = databases().join(GENERATIONS[READABLE].0);
        if std::env::var_os("TUSSOCK_WRITE_VECTORS").is_some() {
            migrate_ledger(&oldest, &databases().join(GENERATIONS[NEWEST].0));
            write_index(&databases().join(GENERATIONS[NEWEST].0), &databases().join(GENERATIONS[INDEXED].0));
        }
        serde_json::from_slice(&fs::read(oldest.join("facts.json")).unwrap()).unwrap()
    })
}

fn migrate_ledger(from: &Path, to: &Path) {
    let dir = TempDir::new();
    let ledger = dir.path().join("local/ledger.db");
    fs::create_dir_all(ledger.parent().unwrap()).unwrap();
    fs::copy(from.join("ledger.db"), &ledger).unwrap();
    assert_eq!(TestNode::start_in(dir.path(), &[]).stop(), 0);
    fs::create_dir_all(to).unwrap();
    fs::copy(&ledger, to.join("ledger.db")).unwrap();
}

/// The index of a ledger.
fn write_index(from: &Path, to: &Path) {
    let file = to.join("index.db");
    fs::create_dir_all(to).unwrap();
    drop(fs::remove_file(&file));
    // SQLite makes files beside what it reads.
    let dir = TempDir::new();
    fs::copy(from.join("ledger.db"), dir.path().join("ledger.db")).unwrap();
    let ledger = LedgerReader::open(&dir.path().join("ledger.db")).unwrap();
    let mut index = IndexDb::open(&file, &ledger.genesis(), &ChainSpec::local().prefix).unwrap();
    assert!(index.catch_up(&ledger, u32::MAX).unwrap().is_complete());
}

/// Copies the databases of a generation into a folder.
fn golden(generation: usize, into: &Path) {
    let from = databases();
    fs::create_dir_all(into).unwrap();
    for (folder, names) in &GENERATIONS[..=generation] {
        for name in *names {
            fs::copy(from.join(folder).join(name), into.join(name)).unwrap();
        }
    }
}

#[test]
fn there_are_databases_of_this_generation_too() {
    facts();
    let dir = TempDir::new();
    golden(GENERATIONS.len() - 1, dir.path());
    for schema in [migrate::LEDGER, migrate::PEERS, migrate::INDEX, migrate::SEALS] {
        let facts = copy::describe(&dir.path().join(schema.name)).unwrap();
        assert!(facts.starts_with(&format!("version={} ", schema.version())), "keep one of this version: {facts}");
    }
}

/// The votes of `tests/vectors/authorities.json`, on the chain that its authorities seal.
#[test]
fn votes_of_an_earlier_version_come_back() {
    let spec = testkit::sealed_spec(4);
    let file = databases().join(GENERATIONS[SEALED[2]].0).join("seals.db");
    let certificate = testkit::certificate(&spec, Statement::skip(0, 9), 5);
    let own = testkit::signed_vote(&spec, Statement::notarise(0, 10, spec.genesis_hash()), 2, 6);
    let heard = testkit::signed_vote(&spec, Statement::skip(0, 10), 1, 7);
    if std::env::var_os("TUSSOCK_WRITE_VECTORS").is_some() {
        fs::create_dir_all(file.parent().unwrap()).unwrap();
        drop(fs::remove_file(&file));
        let mut seals = SealDb::open(&file, &spec).unwrap();
        seals.keep_certificate(&certificate).unwrap();
        seals.keep_vote(&own).unwrap();
        seals.keep_heard(&[heard]).unwrap();
        seals.keep_proposed(0, 11).unwrap();
    }
    for generation in SEALED {
        let dir = TempDir::new();
        golden(generation, dir.path());
        let record = SealDb::open(&dir.path().join("seals.db"), &spec).unwrap().load().unwrap();
        assert_eq!((record.own_votes, record.certificates), (vec![own], vec![certificate.clone()]));
        assert_eq!(record.heard, if generation == SEALED[0] { vec![] } else { vec![heard] });
        assert_eq!(record.proposed, (generation == SEALED[2]).then_some((0, 11)));
    }
}

#[test]
fn ledgers_of_earlier_versions_are_refused_in_one_line_that_says_what_to_do() {
    for generation in 0..READABLE {
        let dir = TempDir::new();
        golden(generation, &dir.path().join("local"));
        let before = fs::read(dir.path().join("local/ledger.db")).unwrap();
        for command in [&["run", "--listen", "127.0.0.1:0", "--http", "127.0.0.1:0"][..], &["verify"]] {
            let output = cli_on(dir.path(), "local", command);
            fails(&output, 9, "made by protocol 1, and this program speaks protocol 2");
            assert_eq!(stderr(&output).lines().filter(|line| line.contains("move the file")).count(), 1);
        }
        assert_eq!(fs::read(dir.path().join("local/ledger.db")).unwrap(), before);
    }
}

#[test]
fn a_chain_file_and_an_export_of_protocol_1_are_refused_in_one_line_that_says_what_to_do() {
    let dir = TempDir::new();
    let corpus: PathBuf = [env!("CARGO_MANIFEST_DIR"), "tests/fuzz/corpus/chain_specification"].iter().collect();
    let output = cli_on(dir.path(), corpus.join("meadow.toml").to_str().unwrap(), &["run"]);
    fails(
        &output,
        9,
        "made by protocol 1, and this program speaks protocol 2; make a new chain with: tussock genesis new",
    );
    // As a node of protocol 1 kept it.
    fs::create_dir_all(dir.path().join("meadow")).unwrap();
    fs::copy(corpus.join("meadow.toml"), dir.path().join("meadow/chain.toml")).unwrap();
    fails(&cli_on(dir.path(), "meadow", &["status"]), 9, "meadow/chain.toml: the chain was made by protocol 1");
    let one = fs::read(corpus.join("../../../vectors/frames.json")).unwrap();
    let block = serde_json::from_slice::<Value>(&one).unwrap()["frames"]["Block"].as_str().unwrap().to_owned();
    let export = dir.path().join("blocks");
    fs::write(&export, tussock::base::hash::unhex(&block).unwrap()).unwrap();
    let output = cli_on(dir.path(), "local", &["chain", "import", export.to_str().unwrap()]);
    fails(&output, 9, "these blocks were made by protocol 1, and this program speaks protocol 2");
    assert_eq!(stderr(&output).lines().count(), 1, "{}", stderr(&output));
    assert!(!dir.path().join("local/ledger.db").exists());
}

#[test]
fn databases_of_every_earlier_version_are_migrated_with_all_their_content() {
    let facts = facts();
    for generation in 0..GENERATIONS.len() {
        let dir = TempDir::new();
        let (folder, readable) = (dir.path().join("local"), TempDir::new());
        golden(generation, &folder);
        golden(READABLE.max(generation), readable.path());
        fs::copy(readable.path().join("ledger.db"), folder.join("ledger.db")).unwrap();
        let node = TestNode::start_in(dir.path(), &[]);
        let status = node.status();
        assert_eq!(["height", "state_digest"].map(|key| status[key] == facts[key]), [true; 2], "{generation} {status}");
        let paid = facts["paid"].as_str().unwrap();
        node.wait(&["tx", paid]);
        let tx = node.json(&["tx", paid]);
        assert_eq!((&tx["memo"], &tx["outputs"][0]["amount"]), (&"golden".into(), &1234.into()));
        assert_eq!(node.json(&["balance", "dev1"])["confirmed"], facts["dev1"]);
        assert_eq!(node.json(&["history", "dev1"])["entries"][0]["txid"], paid);
        assert_eq!(node.json(&["search", "golden"])["memos"][0]["txid"], paid, "{generation}");
        assert_eq!(node.json(&["peers", "book"])["entries"][0]["address"], "192.0.2.1:4130");
        let outputs = node.json(&["sql", "SELECT sum(amount) AS all_of_it FROM v_coins"]);
        assert_eq!(node.json(&["sql", "SELECT sum(balance) AS all_of_it FROM v_balances"]), outputs);
    }
}

#[test]
fn each_block_is_an_event_even_if_several_come_at_once() {
    let node = TestNode::start(&[]);
    node.json(&["mine", "4"]);
    node.json(&["send", "dev1", "5"]);
    let output = node.cli(&["events", "--since", "0", "--for", "1s"]);
    assert!(output.status.success(), "{}", stderr(&output));
    let events: Vec<Value> = stdout(&output).lines().map(|line| serde_json::from_str(line).unwrap()).collect();
    let of = |kind: &str| events.iter().filter(|event| event["event"] == kind).collect::<Vec<_>>();
    let heights: Vec<u64> = of("block").iter().map(|event| event["height"].as_u64().unwrap()).collect();
    assert_eq!(heights, [1, 2, 3, 4]);
    assert_eq!(of("block")[3]["hash"], node.status()["tip"]);
    assert_eq!(of("mempool").last().unwrap()["count"], 1);
    assert!(events.is_sorted_by_key(|event| event["seq"].as_u64()));
    fails(&node.cli(&["events", "--for", "soon"]), 2, "soon");
}

#[test]
fn log_levels_change_while_the_node_runs() {
    let node = TestNode::start(&[]);
    assert_eq!(node.json(&["log"])["levels"], "info");
    assert_eq!(node.json(&["log", "warn,peers=debug"])["levels"], "warn,peers=debug");
    assert_eq!(stdout(&node.cli(&["log"])).trim(), "warn,peers=debug");
    fails(&node.cli(&["log", "loud"]), 2, "loud");
    assert!(node.log().contains("log levels change levels=warn,peers=debug"), "{}", node.log());
}

#[test]
fn no_secret_is_logged_at_the_trace_level() {
    let mut node = TestNode::start(&["--log", "trace", "--mine", "dev1", "--mine-rate", "4000"]);
    let passphrase = node.dir.join("passphrase");
    fs::write(&passphrase, "correct horse battery").unwrap();
    let passphrase = ["--passphrase-file", passphrase.to_str().unwrap()];
    node.json(&["key", "new", "alice"]);
    node.json(&[&["key", "new", "bob"], &passphrase[..]].concat());
    let mut secrets = vec![stdout(&node.cli(&["key", "export", "alice"]))];
    secrets.push(stdout(&node.cli(&[&["key", "export", "bob"], &passphrase[..]].concat())));
    let cookie = fs::read_to_string(node.dir.join("local/rpc.cookie")).unwrap();
    secrets.push(cookie.trim().split_once(':').unwrap().1.to_owned());
    secrets.push(base64(cookie.trim().as_bytes()));
    secrets.push("correct horse battery".to_owned());
    assert!(node.cli(&["send", "alice", "5000", "--from", "dev0", "--wait"]).status.success());
    assert!(node.cli(&[&["key", "sign", "bob", "a text"], &passphrase[..]].concat()).status.success());
    assert_eq!(node.stop(), 0);
    let logs = fs::read_dir(node.dir.join("local/logs")).unwrap().map(|entry| entry.unwrap().path());
    let files: Vec<PathBuf> = logs.chain([node.dir.join("stderr.txt")]).collect();
    let text: String = files.iter().map(|file| fs::read_to_string(file).unwrap()).collect();
    assert!(text.contains("DEBUG"), "{text}");
    for secret in secrets {
        assert!(secret.trim().len() > 20 && !text.contains(secret.trim()), "{secret}");
    }
}

#[test]
fn a_report_has_the_facts_without_private_data() {
    let mut node = TestNode::start(&["--connect", "203.0.113.7:4130"]);
    let address = node.json(&["key", "new", "alice"])["address"].as_str().unwrap().to_owned();
    let cookie = fs::read_to_string(node.dir.join("local/rpc.cookie")).unwrap();
    let report = stdout(&node.cli(&["doctor"]));
    for wanted in [
        "== program\ntussock ",
        "ledger.db: version=",
        "\"state\": ",
        "keys: 1",
        "http server listens",
        "== hindrances\n",
    ] {
        assert!(report.contains(wanted), "{wanted:?} is missing in {report}");
    }
    for secret in ["203.0.113.7", &address, &cookie, node.dir.to_str().unwrap()] {
        assert!(!report.contains(secret), "{secret:?} is in {report}");
    }
    node.stop();
    let file = node.dir.join("report.txt");
    let file = file.to_str().unwrap();
    assert!(node.cli(&["doctor", "--output", file]).status.success());
    assert!(fs::read_to_string(file).unwrap().contains("\"state\": \"stopped\""));
    fails(&node.cli(&["doctor", "--output", file]), 2, "exists");
}

#[test]
fn a_killed_import_resumes() {
    let dir = TempDir::new();
    let (from, to) = (dir.path().join("a"), dir.path().join("b"));
    let tip = json(&cli_on(&from, "local", &["generate", "--blocks", "300", "--txs-per-block", "2", "--json"]));
    let file = dir.path().join("blocks");
    assert!(cli_on(&from, "local", &["chain", "export", file.to_str().unwrap()]).status.success());
    let bytes = fs::read(&file).unwrap();
    let mut import = Command::new(BIN)
        .args(["-d", to.to_str().unwrap(), "chain", "import", "-"])
        .stdin(Stdio::piped())
        .stderr(Stdio::null())
        .spawn()
        .unwrap();
    import.stdin.as_mut().unwrap().write_all(&bytes[..bytes.len() * 2 / 3]).unwrap();
    // The import waits for more input, or still applies what it has.
    import.kill().unwrap();
    import.wait().unwrap();
    let done = json(&cli_on(&to, "local", &["chain", "import", file.to_str().unwrap(), "--json"]));
    assert_eq!((&done["tip"], &done["state_digest"]), (&tip["tip"], &tip["state_digest"]));
    let again = json(&cli_on(&to, "local", &["chain", "import", file.to_str().unwrap(), "--json"]));
    assert_eq!(again["imported"], 0);
    assert_eq!(json(&cli_on(&to, "local", &["verify", "--deep", "--json"]))["ok"], true);
}

#[test]
fn nodes_of_two_networks_that_meet_both_name_them() {
    let dir = TempDir::new();
    let (local, dev) = (dir.path().join("l"), dir.path().join("d"));
    fs::create_dir_all(&local).unwrap();
    fs::create_dir_all(&dev).unwrap();
    let local = TestNode::start_in(&local, &[]);
    let dev = TestNode::start_on(&dev, "dev", &["--connect", &local.p2p().to_string()]);
    let genesis = [&local, &dev].map(|node| node.status()["genesis"].as_str().unwrap().to_owned());
    for node in [&local, &dev] {
        let told = || {
            let log = node.log();
            let line = log.lines().find(|line| line.contains("peer of another network refused"))?.to_owned();
            let wanted = [&genesis[0], &genesis[1], "local", "dev"];
            assert!(wanted.iter().all(|word| line.contains(*word)), "{line}");
            Some(())
        };
        // A wait that times out is the pause between two looks.
        let pause = || node.cli(&["wait", "peers", "1", "--timeout", "1"]);
        assert!((0..30).any(|_| told().is_some() || !pause().status.success() && told().is_some()), "{}", node.log());
    }
}

#[test]
fn a_node_whose_data_directory_is_deleted_says_so_and_ends_with_code_10() {
    let dir = TempDir::new();
    let data = dir.path().join("data");
    std::fs::create_dir(&data).unwrap();
    let mut node = TestNode::start_in(&data, &[]);
    // The node may be adding a file just now.
    while data.join("local").exists() {
        drop(std::fs::remove_dir_all(data.join("local")));
    }
    assert_eq!(node.wait_end(), Some(10));
}

#[test]
fn a_key_that_other_users_can_read_is_a_warning_until_its_mode_is_right() {
    use std::os::unix::fs::PermissionsExt;
    let node = TestNode::start(&[]);
    let cookie = node.dir.join("local/rpc.cookie");
    let mode = |mode| std::fs::set_permissions(&cookie, std::fs::Permissions::from_mode(mode)).unwrap();
    let ids = || node.status()["hindrances"].to_string();
    // A wait that times out is the pause between two looks.
    let pause = || drop(node.cli(&["wait", "peers", "1", "--timeout", "1"]));
    mode(0o644);
    assert!(
        (0..30).any(|_| ids().contains("keys_exposed") || {
            pause();
            false
        }),
        "{}",
        node.status()
    );
    mode(0o600);
    assert!(
        (0..30).any(|_| ids() == "[]" || {
            pause();
            false
        }),
        "{}",
        node.status()
    );
}

#[test]
fn a_service_manager_is_told_when_the_node_is_ready_and_when_it_stops() {
    let dir = TempDir::new();
    let path = dir.path().join("notify");
    let socket = UnixDatagram::bind(&path).unwrap();
    socket.set_read_timeout(Some(Duration::from_secs(60))).unwrap();
    let heard = || {
        let mut bytes = [0; 64];
        let length = socket.recv(&mut bytes).unwrap();
        String::from_utf8_lossy(&bytes[..length]).into_owned()
    };
    let mut node = Command::new(BIN)
        .args(["-d", dir.path().to_str().unwrap(), "run", "--quiet"])
        .args(["--listen", "127.0.0.1:0", "--http", "127.0.0.1:0"])
        .env("NOTIFY_SOCKET", &path)
        .spawn()
        .unwrap();
    assert_eq!(heard(), "READY=1");
    assert!(dir.path().join("local/endpoints.json").exists());
    assert!(cli_on(dir.path(), "local", &["stop"]).status.success());
    assert_eq!(heard(), "STOPPING=1");
    assert!(node.wait().unwrap().success());
}

#[test]
fn help_has_a_page_for_each_topic_and_each_command() {
    let help = |words: &[&str]| cli_on(Path::new("/nonexistent"), "local", &[&["help"], words].concat());
    for (topic, word) in [
        ("configuration", "#listen ="),
        ("files", "ledger.db"),
        ("exit-codes", "130"),
        ("metrics", "tussock_chain_height"),
        ("protocol", "Verack"),
        ("sql", "v_balances"),
        ("http", "rpc.cookie"),
        ("events", "reorganisation"),
        ("operations", "backup"),
        ("send", "--memo"),
    ] {
        assert!(stdout(&help(&[topic])).contains(word), "{topic}");
    }
    assert!(stdout(&help(&["exit", "codes"])).contains("130"));
    assert!(stdout(&help(&["peers", "ban"])).contains("--for"));
    assert!(stdout(&help(&[])).contains("exit-codes"));
    fails(&help(&["fiels"]), 2, "files");
}

#[test]
fn a_limit_of_uploads_is_kept_and_the_traffic_outlives_the_node() {
    let dir = TempDir::new();
    let args = ["generate", "--blocks", "60", "--txs-per-block", "20", "--seed", "1"];
    assert!(cli_on(dir.path(), "local", &args).status.success());
    let mut provider = TestNode::start_in(dir.path(), &["--max-upload", "64k"]);
    let start = Instant::now();
    let newcomer = TestNode::start(&["--connect", &provider.p2p().to_string()]);
    newcomer.wait(&["height", "60"]);
    let (took, sent) = (start.elapsed().as_secs_f64(), provider.status()["traffic"]["sent_bytes"].as_f64().unwrap());
    assert!(sent > 200_000.0, "{sent}");
    // A quarter of a second's bytes may leave at once.
    assert!(sent < (took + 1.0) * 64_000.0, "{sent} bytes in {took} s");
    assert_eq!(newcomer.status()["peers"]["outbound"], 1, "nobody is to blame");
    provider.stop();
    let stopped = json(&cli_on(dir.path(), "local", &["status", "--json"]));
    let counted = stopped["traffic"]["sent_bytes"].as_f64().unwrap();
    assert!(counted >= sent, "{stopped}");
    provider.restart(&[]);
    assert!(provider.status()["traffic"]["sent_bytes"].as_f64().unwrap() >= counted);
}

/// A chain's file whose four authorities have keys that everybody knows.
fn sealed_chain_file(folder: &Path) -> PathBuf {
    let keys: Vec<String> =
        (0..4).map(|number| tussock::base::hash::hex(&testkit::authority_key(number).public_key())).collect();
    let dev0 = stdout(&cli_on(folder, "local", &["key", "show", "dev0", "--json"]));
    let address = serde_json::from_str::<Value>(&dev0).unwrap()["address"].as_str().unwrap().to_owned();
    let text = format!(
        "protocol = 2\nname = \"sealed\"\naddress_prefix = \"ltus\"\ntest = true\ngenesis_time = 1767225600\n\
         block_time = 1\nsubsidy = 50\nhalving_interval = 0\nmaturity = 1\nseal = \"authorities\"\n\
         authorities = {keys:?}\n\n[[allocations]]\naddress = \"{address}\"\namount = 100000000000000\n"
    );
    let file = folder.join("sealed.toml");
    fs::write(&file, text).unwrap();
    file
}

#[test]
fn a_sealed_ledger_is_generated_checked_exported_and_imported_but_for_its_last_block() {
    let dir = TempDir::new();
    let file = sealed_chain_file(dir.path());
    let chain = file.to_str().unwrap();
    let (first, second, blocks) = (dir.path().join("a"), dir.path().join("b"), dir.path().join("blocks"));
    let blocks = blocks.to_str().unwrap();
    let made = json(&cli_on(&first, chain, &["generate", "--blocks", "30", "--txs-per-block", "3", "--json"]));
    let report = json(&cli_on(&first, chain, &["verify", "--deep", "--json"]));
    assert_eq!((&report["ok"], &report["height"], &report["tip"]), (&true.into(), &30.into(), &made["tip"]));
    let exported = cli_on(&first, chain, &["chain", "export", blocks]);
    assert!(exported.status.success(), "{}", stderr(&exported));
    let imported = json(&cli_on(&second, chain, &["chain", "import", blocks, "--json"]));
    assert_eq!((&imported["imported"], &imported["left_out"]), (&29.into(), &1.into()), "nothing certifies the last");
    let again = json(&cli_on(&first, chain, &["chain", "import", blocks, "--json"]));
    assert_eq!((&again["imported"], &again["left_out"], &again["tip"]), (&0.into(), &0.into(), &made["tip"]));
}

#[test]
fn a_new_node_syncs_a_sealed_chain_up_to_its_last_block() {
    let dir = TempDir::new();
    let file = sealed_chain_file(dir.path());
    let chain = file.to_str().unwrap();
    let (first, second) = (dir.path().join("a"), dir.path().join("b"));
    let made = json(&cli_on(&first, chain, &["generate", "--blocks", "250", "--txs-per-block", "1", "--json"]));
    fs::create_dir_all(&second).unwrap();
    let provider = TestNode::start_on(&first, chain, &["--is-bootnode"]);
    let newcomer = TestNode::start_on(&second, chain, &["--connect", &provider.p2p().to_string()]);
    newcomer.wait(&["height", "250"]);
    newcomer.wait(&["ready"]);
    assert_eq!(newcomer.status()["tip"], made["tip"]);
}
