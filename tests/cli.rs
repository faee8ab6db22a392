//! The command line from outside: exit codes, standard output, files. No test needs a running node.

use std::{
    fs,
    io::Write,
    os::unix::fs::PermissionsExt,
    path::{Path, PathBuf},
    process::{Command, Output, Stdio},
};

/// The folder of one test, removed when dropped.
struct Folder(PathBuf);

impl Folder {
    fn new(name: &str) -> Self {
        let path = std::env::temp_dir().join(format!("tussock-cli-{}-{name}", std::process::id()));
        drop(fs::remove_dir_all(&path));
        fs::create_dir_all(&path).unwrap();
        Self(path)
    }

    /// Runs the program on this data directory.
    fn run(&self, arguments: &[&str]) -> Run {
        self.run_with(arguments, &[], "")
    }

    fn run_with(&self, arguments: &[&str], variables: &[(&str, &str)], input: &str) -> Run {
        let mut command = Command::new(env!("CARGO_BIN_EXE_tussock"));
        for (name, _) in std::env::vars().filter(|(name, _)| name.starts_with("TUSSOCK_")) {
            command.env_remove(name);
        }
        command.args(arguments).env("HOME", &self.0).env_remove("XDG_DATA_HOME").current_dir(&self.0);
        command.envs(variables.iter().copied());
        command.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped());
        let mut child = command.spawn().unwrap();
        // The program may close its input without reading it.
        drop(child.stdin.take().unwrap().write_all(input.as_bytes()));
        Run(child.wait_with_output().unwrap())
    }

    fn path(&self, name: &str) -> PathBuf {
        self.0.join(name)
    }
}

impl Drop for Folder {
    fn drop(&mut self) {
        drop(fs::remove_dir_all(&self.0));
    }
}

struct Run(Output);

impl Run {
    fn code(&self) -> i32 {
        self.0.status.code().unwrap()
    }

    fn out(&self) -> String {
        String::from_utf8(self.0.stdout.clone()).unwrap()
    }

    fn error(&self) -> String {
        String::from_utf8(self.0.stderr.clone()).unwrap()
    }

    /// The output of a successful run, without the newline.
    fn ok(&self) -> String {
        assert_eq!(self.code(), 0, "{}", self.error());
        self.out().trim_end().to_owned()
    }

    fn json(&self) -> serde_json::Value {
        serde_json::from_str(&self.ok()).unwrap()
    }

    /// Asserts that the run failed with this code and one line that contains all these words.
    #[track_caller]
    fn fails(&self, code: i32, words: &[&str]) {
        let error = self.error();
        assert!(error.starts_with("error: ") && error.trim_end().lines().count() == 1, "{error:?}");
        self.says(code, words);
    }

    /// Of wrong arguments, how the command is called stands below.
    #[track_caller]
    fn says(&self, code: i32, words: &[&str]) {
        let error = self.error();
        assert_eq!(self.code(), code, "{error}");
        assert!(words.iter().all(|word| error.contains(word)), "{error:?} lacks one of {words:?}");
    }
}

#[test]
fn wrong_arguments_are_usage_errors() {
    let folder = Folder::new("usage");
    for line in [
        "",
        "statu",
        "status --colour",
        "send dev1",
        "send dev1 1.5",
        "send dev1 0",
        "send dev1 5 --wait=x",
        "wait height ten",
        "wait ready --timeout soon",
        "peers ban nowhere",
        "net deny",
        "run --listen nowhere",
        "run --mine-rate fast",
        "dev --block-time 0s",
        "generate",
        "print completions elvis",
    ] {
        let arguments: Vec<&str> = line.split_whitespace().collect();
        assert_eq!(folder.run(&arguments).code(), 2, "tussock {line}");
    }
    // A number with a sign is a wrong number, not an unknown flag.
    for (line, words) in [
        ("send dev1 -1", "base units"),
        ("wait height -1", "a whole number from 0"),
        ("wait peers -1", "a whole number from 0"),
        ("mine -1", "a whole number from 0"),
    ] {
        let run = folder.run(&line.split_whitespace().collect::<Vec<_>>());
        assert_eq!(run.code(), 2, "tussock {line}");
        assert!(run.error().contains("invalid value '-1'") && run.error().contains(words), "{}", run.error());
    }
    folder.run(&["mine", "99999999"]).fails(2, &["at most 10000 blocks", "99999999"]);
    folder.run(&["run", "--log", "info,peer=debug"]).fails(2, &["peer", "handshake"]);
    assert_eq!(folder.run(&["--help"]).code(), 0);
    assert!(folder.run(&["--help"]).out().contains("130 second signal"));
}

#[test]
fn what_is_to_be_removed_under_another_spelling_is_told_with_its_own() {
    let folder = Folder::new("spelled-otherwise");
    let address = folder.run(&["key", "new", "mine"]).ok();
    folder.run(&["contact", "add", "Zoe", &address]).ok();
    folder.run(&["contact", "remove", "zoe"]).fails(4, &["no contact \"zoe\"", "there is \"Zoe\""]);
    folder.run(&["contact", "remove", "max"]).fails(4, &["no contact \"max\"", "contact list"]);
    folder.run(&["token", "new", "till", "--may", "read"]).ok();
    folder.run(&["token", "remove", "Till"]).fails(4, &["no token Till", "there is till"]);
    folder.run(&["token", "remove", "shop"]).fails(4, &["no token shop", "token list"]);
}

/// One that was cut off while it was copied was said to be none.
#[test]
fn a_damaged_receipt_is_told_from_what_is_none() {
    let folder = Folder::new("cut-receipt");
    let cut = r#"{"tussock_receipt":1,"chain":"local","genesis":"ab"#;
    fs::write(folder.path("cut.json"), cut).unwrap();
    fs::write(folder.path("other.json"), "{\"name\":").unwrap();
    folder.run(&["check", "cut.json"]).fails(5, &["the receipt is damaged or incomplete: cut.json", "copy it again"]);
    folder.run(&["check", "other.json"]).fails(5, &["not a receipt: other.json"]);
    fs::write(folder.path("paper.txt"), "words").unwrap();
    fs::write(folder.path("paper.txt.receipt.json"), cut).unwrap();
    folder.run(&["check", "paper.txt"]).fails(5, &["damaged or incomplete: paper.txt.receipt.json"]);
}

#[test]
fn more_liars_than_authorities_are_refused() {
    let folder = Folder::new("liars");
    let line = ["simulate", "--authorities", "4", "--lying-authorities", "9"];
    folder.run(&line).fails(2, &["--lying-authorities 9", "only 4"]);
    assert!(folder.run(&["simulate", "--help"]).ok().contains("to run it again: "));
}

/// Whoever sets a variable may not think of it any more when a command complains of it.
#[test]
fn what_a_variable_says_is_complained_of_with_its_name() {
    let folder = Folder::new("variable-named");
    let (file, name) = ([("TUSSOCK_CHAIN", "meadow.toml")], [("TUSSOCK_CHAIN", "medow")]);
    folder.run_with(&["key", "list"], &file, "").fails(2, &["meadow.toml", "TUSSOCK_CHAIN"]);
    folder.run_with(&["key", "list"], &name, "").fails(2, &["unknown chain", "TUSSOCK_CHAIN"]);
    folder.run_with(&["dev"], &file, "").fails(2, &["unset TUSSOCK_CHAIN"]);
    folder.run(&["dev", "--chain", "meadow.toml"]).fails(2, &["leave out --chain"]);
    let id = folder.run(&["--chain", "dev", "members", "id"]).ok();
    let peer = format!("{}@127.0.0.1:4130", id.trim());
    let run = ["--chain", "local", "run", "--no-http"];
    folder.run_with(&run, &[("TUSSOCK_CONNECT", &peer)], "").fails(2, &["TUSSOCK_CONNECT", "not the id of a node"]);
    let flag = folder.run(&[&run[..], &["--connect", &peer]].concat());
    flag.fails(2, &["--connect", "not the id of a node"]);
}

#[test]
fn a_bad_configuration_is_reported_in_one_line() {
    let folder = Folder::new("configuration");
    folder.run(&["run", "--chain", "lcoal"]).fails(2, &["lcoal", "did you mean \"local\"?"]);
    folder.run(&["run", "--max-memory", "1"]).fails(2, &["--max-memory 1"]);
    folder.run(&["run", "--mine", "nobody"]).fails(2, &["--mine nobody"]);
    folder.run(&["run", "--log", "loud"]).fails(2, &["--log", "loud"]);
    folder.run(&["run", "--connect", "127.0.0.1"]).fails(2, &["--connect 127.0.0.1", "IP:PORT"]);
    folder.run(&["dev", "--chain", "local"]).fails(2, &["--chain"]);
    // What `run` would refuse, every other command refuses.
    let misspelt = [("TUSSOCK_MINE_RAET", "5")];
    let no_number = [("TUSSOCK_MAX_INBOUND", "many")];
    let empty = [("TUSSOCK_MAX_INBOUND", "")];
    for command in [&["run"][..], &["status"], &["key", "list"], &["verify"], &["stop"]] {
        folder.run_with(command, &misspelt, "").fails(2, &["TUSSOCK_MINE_RAET", "TUSSOCK_MINE_RATE"]);
    }
    for command in [&["status"][..], &["key", "list"], &["verify"], &["stop"]] {
        folder.run_with(command, &no_number, "").fails(2, &["TUSSOCK_MAX_INBOUND", "many", "a whole number"]);
    }
    folder.run_with(&["key", "list"], &empty, "").ok();
    fs::write(folder.path("config.toml"), "log = \"info\"\nmine-rte = 5\n").unwrap();
    let data = folder.0.to_str().unwrap();
    folder.run(&["status", "-d", data]).fails(2, &["config.toml:2", "mine-rte", "mine_rate"]);
    folder.run(&["status", "--config", "nowhere.toml"]).fails(2, &["nowhere.toml"]);
    assert!(!folder.path(".local").exists(), "a bad configuration leaves no trace");
}

#[test]
fn a_wrong_value_in_the_configuration_is_told_with_file_line_key_and_what_it_takes() {
    let folder = Folder::new("configured");
    let data = folder.0.to_str().unwrap();
    for (text, words) in [
        ("max_inbound = \"many\"", ["max_inbound", "a whole number from 0 to", "\"many\""]),
        ("max_memory = 5", ["max_memory", "a whole number from 16 to 1024", "not 5"]),
        ("no_http = 1", ["no_http", "true or false", "not 1"]),
        ("connect = [\"127.0.0.1\"]", ["connect", "127.0.0.1", "IP:PORT"]),
        ("log = \"loud\"", ["log", "loud", "info"]),
    ] {
        fs::write(folder.path("config.toml"), format!("# mine\n\n{text}\n")).unwrap();
        for line in ["status", "run", "key list"] {
            let run = folder.run(&line.split(' ').chain(["-d", data]).collect::<Vec<_>>());
            run.fails(2, &words);
            run.fails(2, &["config.toml:3: "]);
        }
    }
}

/// It was said to be an unknown flag, with the advice to put -- before it.
#[test]
fn a_number_with_a_sign_is_a_wrong_number_everywhere() {
    let folder = Folder::new("signed");
    for line in [
        "history dev0 --limit -1",
        "search x --limit -1",
        "mempool --limit -1",
        "sql SELECT --limit -1",
        "prune --keep -1",
        "run --join-depth -5",
        "run --mine-rate -1",
        "wait ready --timeout -1",
        "key restore x --number -1",
        "generate --blocks -1",
        "simulate --nodes -1",
        "prove 00ff00ff --output -1",
    ] {
        folder.run(&line.split(' ').collect::<Vec<_>>()).says(2, &["invalid value '-"]);
    }
    folder.run(&["run", "--max-outbound", "-1"]).says(2, &["'--max-outbound <N>': a whole number"]);
}

#[test]
fn what_would_do_nothing_or_mean_something_else_is_refused() {
    let folder = Folder::new("nothing");
    fs::write(folder.path("file"), "x").unwrap();
    for line in ["status", "run", "key new x", "verify"] {
        folder
            .run(&line.split(' ').chain(["-d", "file"]).collect::<Vec<_>>())
            .fails(2, &["file is no folder", "-d DIR"]);
    }
    folder.run(&["history", "dev0", "--limit", "0"]).says(2, &["a whole number from 1 up"]);
    folder.run(&["peers", "ban", "127.0.0.1", "--for", "0"]).fails(2, &["at least 1s"]);
    folder.run(&["peers", "add", "1.2.3"]).fails(2, &["1.2.3: an address is IP:PORT"]);
    folder.run(&["net", "deny", "127.0.0.1:7", "foo"]).fails(2, &["foo: an address is IP:PORT"]);
    folder.run(&["key", "new", "all"]).fails(2, &["\"all\" cannot name a key"]);
    let full = fs::OpenOptions::new().write(true).open("/dev/full").unwrap();
    let help = Command::new(env!("CARGO_BIN_EXE_tussock")).arg("--help").stdout(full).output().unwrap();
    assert_eq!(help.status.code(), Some(10));
}

#[test]
fn what_cannot_be_imported_is_named() {
    let folder = Folder::new("imports");
    fs::write(folder.path("junk"), [0xff, 0xfe, 1, 2]).unwrap();
    fs::write(folder.path("empty"), "").unwrap();
    for (file, code, words) in [
        ("junk", 5, ["junk: not what tussock chain export writes", ""]),
        ("empty", 5, ["empty: there are no blocks in it", "tussock chain export"]),
        (".", 10, ["cannot read: .: Is a directory", "name a file"]),
        ("nowhere", 4, ["cannot read: nowhere: No such file or directory", ""]),
    ] {
        folder.run(&["-d", "data", "chain", "import", file]).fails(code, &words);
    }
    assert!(!folder.path("data").exists(), "nothing is made");
    for line in ["genesis authorities junk", "genesis new --authorities ./junk", "key import x --file junk"] {
        folder.run(&line.split(' ').collect::<Vec<_>>()).fails(2, &["junk: not a text in UTF-8"]);
    }
    let long = folder.run(&["genesis", "new", "--block-time", "1000d"]);
    long.fails(2, &["not possible: ", "half_life: a whole number from 0 to 4294967295 is needed, not 10368000000"]);
    folder.run(&["members", "add", "foo", "--file", "list"]).fails(2, &["foo: not the id of a node", "copy it again"]);
    folder.run(&["--chain", "./junk", "status"]).fails(2, &["./junk: not a text in UTF-8"]);
    folder.run(&["--chain", "./empty", "status"]).fails(2, &["./empty: the key protocol is missing"]);
}

/// Tables show amounts as 1,000, and people copy them.
#[test]
fn an_amount_with_a_comma_says_how_it_is_written() {
    let folder = Folder::new("comma");
    for line in ["send dev1 1,000", "send --to dev1=1,000", "send dev1 5 --fee 1,000"] {
        folder.run(&line.split(' ').collect::<Vec<_>>()).says(2, &["1,000", "write 1000"]);
    }
    folder.run(&["send", "dev1", "1.000"]).fails(2, &["1.000: ", "write 1000"]);
}

/// One word, two meanings.
#[test]
fn the_help_of_keep_says_what_it_counts() {
    let folder = Folder::new("keep");
    let help = |command: &str| {
        let text = folder.run(&[command, "--help"]).ok();
        text.split_whitespace().collect::<Vec<_>>().join(" ")
    };
    let (prune, run) = (help("prune"), help("run"));
    assert!(prune.contains("Keep abandoned branches that end fewer than N blocks below the tip"), "{prune}");
    assert!(prune.contains("tussock run --keep counts blocks of the chain itself"), "{prune}");
    assert!(run.contains("Keep only the last BLOCKS of the chain whole") && run.contains("tussock prune"), "{run}");
}

#[test]
fn commands_for_a_node_say_how_to_start_one() {
    let folder = Folder::new("unreachable");
    let data = folder.path("data with space");
    let data = data.to_str().unwrap();
    for line in [
        "status",
        "peers",
        "mempool",
        "tips",
        "block tip",
        "tx 00ff00ff",
        "balance dev0",
        "history dev0",
        "send dev1 5",
        "wait height 5",
        "wait ready --timeout 50ms",
        "mine 1",
        "net allow",
        "stop",
        "peers book",
    ] {
        let arguments: Vec<&str> = line.split(' ').chain(["-d", data]).collect();
        folder.run(&arguments).fails(3, &["tussock run"]);
    }
    folder.run(&["balance", "ltus1qqqq", "-d", data]).fails(2, &["ltus1qqqq"]);
    folder.run(&["send", "dev1", "5", "--from", "nobody", "-d", data]).fails(4, &["nobody", "dev0"]);
}

#[test]
fn keys_pass_through_pipes_and_files_and_stay_private() {
    let folder = Folder::new("keys");
    let address = folder.run(&["key", "new", "alice"]).ok();
    assert!(address.starts_with("ltus1"), "{address}");
    let file = folder.path(".local/share/tussock/local/keys/alice.json");
    assert_eq!(fs::metadata(&file).unwrap().permissions().mode() & 0o777, 0o600);
    let shown = folder.run(&["key", "show", "alice", "--json"]).json();
    assert_eq!((shown["name"].as_str(), shown["address"].as_str()), (Some("alice"), Some(address.as_str())));
    assert!(shown.get("secret").is_none());

    let secret = folder.run(&["key", "export", "alice"]).ok();
    assert_eq!(secret.len(), 64);
    let copied = folder.run_with(&["key", "import", "bob"], &[], &secret);
    assert!(copied.error().contains("the same key is here already: alice"), "{}", copied.error());
    assert_eq!(copied.ok(), address);
    for taken in ["bob", "BOB"] {
        folder.run_with(&["key", "import", taken], &[], &secret).fails(2, &["\"bob\" exists"]);
    }
    folder.run_with(&["key", "import", "carol"], &[], "not a secret").fails(2, &["64 hex digits"]);
    folder.run(&["key", "export", "alice", "--file", "out.secret"]).ok();
    assert_eq!(fs::metadata(folder.path("out.secret")).unwrap().permissions().mode() & 0o777, 0o600);
    let list = folder.run(&["key", "list", "--json"]).json();
    assert_eq!(list.as_array().unwrap().len(), 2);
    folder.run(&["key", "show", "alcie"]).fails(4, &["did you mean \"alice\"?"]);
}

#[test]
fn encrypted_keys_need_their_passphrase() {
    let folder = Folder::new("passphrase");
    fs::write(folder.path("right"), "open sesame\n").unwrap();
    fs::write(folder.path("wrong"), "open barley\n").unwrap();
    let address = folder.run(&["key", "new", "safe", "--passphrase-file", "right"]).ok();
    let file = fs::read_to_string(folder.path(".local/share/tussock/local/keys/safe.json")).unwrap();
    assert!(file.contains("argon2id") && !file.contains("\"secret\""), "{file}");
    folder.run(&["key", "export", "safe", "--passphrase-file", "wrong"]).fails(8, &["passphrase"]);
    let secret = folder.run_with(&["key", "export", "safe"], &[("TUSSOCK_PASSPHRASE_FILE", "right")], "").ok();
    assert_eq!(folder.run_with(&["key", "import", "plain"], &[], &secret).ok(), address);
}

#[test]
fn a_signed_text_is_verified_with_the_address() {
    let folder = Folder::new("sign");
    let signature = folder.run(&["key", "sign", "dev3", "I was here"]).ok();
    let address = folder.run(&["key", "show", "dev3", "--json"]).json()["address"].as_str().unwrap().to_owned();
    assert_eq!(folder.run(&["key", "verify", &address, "I was here", &signature]).ok(), "valid");
    assert_eq!(folder.run_with(&["key", "verify", "dev3", "-", &signature], &[], "I was here").ok(), "valid");
    folder.run(&["key", "verify", &address, "I was there", &signature]).fails(5, &["does not hold"]);
    folder.run(&["key", "verify", "dev4", "I was here", &signature]).fails(5, &["does not hold"]);
    folder.run(&["key", "verify", &address, "I was here", "00"]).fails(2, &["192 hex digits"]);
}

#[test]
fn the_program_accepts_the_specification_that_it_prints() {
    let folder = Folder::new("genesis");
    let address = folder.run(&["key", "new", "founder"]).ok();
    let fund = format!("{address}=1000000");
    let text = folder.run(&["genesis", "new", "--name", "meadow", "--block-time", "10s", "--fund", &fund]).ok();
    fs::write(folder.path("meadow.toml"), &text).unwrap();
    let list = folder.run(&["key", "new", "x", "--chain", "meadow.toml"]).ok();
    assert!(list.starts_with("meadow1"), "{list}");
    assert!(folder.path(".local/share/tussock/meadow/keys/x.json").exists());
    folder.run(&["genesis", "new", "--name", "local"]).fails(2, &["name"]);
    folder.run(&["genesis", "new", "--name", "A B"]).fails(2, &["--name"]);
    assert!(folder.run(&["genesis", "new"]).ok().contains("name = \"private\""));
}

fn generate(folder: &Folder, into: &str, seed: &str) -> serde_json::Value {
    let arguments =
        ["generate", "--blocks", "12", "--txs-per-block", "8", "--seed", seed, "--data-dir", into, "--json"];
    folder.run(&arguments).json()
}

#[test]
fn a_generated_ledger_depends_only_on_its_seed_and_keeps_all_rules() {
    let folder = Folder::new("generate");
    let one = generate(&folder, "a", "7");
    let other = generate(&folder, "b", "7");
    assert_eq!((&one["tip"], &one["state_digest"]), (&other["tip"], &other["state_digest"]));
    assert_eq!((&one["height"], &one["transactions"]), (&12.into(), &96.into()));
    assert_ne!(generate(&folder, "c", "8")["tip"], one["tip"]);
    folder.run(&["generate", "--blocks", "1", "-d", "a"]).fails(2, &["height 12"]);

    // An import checks every rule of every block.
    folder.run(&["chain", "export", "blocks", "-d", "a"]).ok();
    let imported = folder.run(&["chain", "import", "blocks", "-d", "d", "--json"]).json();
    assert_eq!((&imported["tip"], &imported["imported"]), (&one["tip"], &12.into()));
    for (arguments, least) in
        [(&["verify", "-d", "d", "--json"][..], 1), (&["verify", "--deep", "-d", "d", "--json"], 12)]
    {
        let report = folder.run(arguments).json();
        assert_eq!((&report["ok"], &report["height"], &report["tip"]), (&true.into(), &12.into(), &one["tip"]));
        assert_eq!(report["state_digest"], one["state_digest"]);
        assert!(report["checked_blocks"].as_u64().unwrap() >= least, "{report}");
    }
    folder.run(&["verify", "-d", "nowhere"]).fails(4, &["no ledger", "tussock run"]);
    assert!(!folder.path("nowhere").exists());
    let status = folder.run(&["status", "-d", "d", "--json"]).json();
    assert_eq!((&status["state"], &status["height"]), (&"stopped".into(), &12.into()));
    assert_eq!((&status["tip"], &status["state_digest"]), (&one["tip"], &one["state_digest"]));
}

#[test]
fn a_generated_ledger_has_memos_if_asked_for() {
    let folder = Folder::new("memos");
    let make = ["generate", "--blocks", "2", "--txs-per-block", "3", "--memos", "-d", "a", "--json"];
    assert_eq!(folder.run(&make).json()["height"], 2);
    assert_eq!(folder.run(&["verify", "--deep", "-d", "a", "--json"]).json()["ok"], true);
    let many = ["generate", "--blocks", "1", "--txs-per-block", "4900", "--memos", "-d", "b"];
    folder.run(&many).fails(2, &["--memos", "at most 4188"]);
}

#[test]
fn a_generated_ledger_has_as_many_coins_as_asked_for() {
    let folder = Folder::new("coins");
    let make = |into: &str, more: &[&str]| {
        folder.run(&[&["generate", "--coins", "150", "--data-dir", into, "--json"], more].concat()).json()
    };
    let coins = |folder_of: &str| {
        let said =
            folder.run(&["sql", "SELECT count(*) AS coins FROM v_packed_coins", "-d", folder_of, "--json"]).json();
        said[0]["coins"].clone()
    };
    let one = make("a", &["--transactions", "990", "--txs-per-block", "20"]);
    assert_eq!((&one["blocks"], &one["transactions"], coins("a")), (&50.into(), &990.into(), 150.into()));
    assert_eq!(make("b", &["--transactions", "990", "--txs-per-block", "20"])["tip"], one["tip"]);
    // One that has not grown so far yet has fewer.
    assert_eq!(make("c", &["--transactions", "20"])["blocks"], 1);
    assert!(coins("c").as_u64().unwrap() < 50);
    folder.run(&["chain", "export", "blocks", "-d", "a"]).ok();
    assert_eq!(folder.run(&["chain", "import", "blocks", "-d", "d", "--json"]).json()["tip"], one["tip"]);
    folder.run(&["verify", "--deep", "-d", "d"]).ok();
    folder.run(&["generate", "--coins", "150", "-d", "e"]).fails(2, &["--blocks"]);
    folder
        .run(&["generate", "--coins", "150", "--blocks", "1", "--txs-per-block", "4000", "-d", "e"])
        .fails(2, &["2700"]);
}

#[test]
fn exports_and_imports_resume_and_refuse_damaged_files() {
    let folder = Folder::new("chain");
    let tip = generate(&folder, "a", "1")["tip"].clone();
    folder.run(&["chain", "export", "whole", "-d", "a"]).ok();
    let whole = fs::read(folder.path("whole")).unwrap();
    fs::write(folder.path("cut"), &whole[..whole.len() / 2 + 9]).unwrap();
    folder.run(&["chain", "import", "cut", "-d", "b"]).fails(5, &["ends within a block"]);
    let rest = folder.run(&["chain", "import", "whole", "-d", "b", "--json"]).json();
    assert!(rest["tip"] == tip && rest["imported"].as_u64().unwrap() < 12, "{rest}");
    folder.run(&["chain", "export", "cut", "-d", "a"]).ok();
    assert!(fs::read(folder.path("cut")).unwrap() == whole);

    let mut damaged = whole.clone();
    damaged[whole.len() / 2 + 500] ^= 1;
    fs::write(folder.path("damaged"), damaged).unwrap();
    folder.run(&["chain", "import", "damaged", "-d", "c"]).fails(5, &["checksum"]);
    fs::write(folder.path("foreign"), "GIF89a and so on").unwrap();
    folder.run(&["chain", "import", "foreign", "-d", "c"]).fails(5, &["foreign: not what tussock chain export writes"]);
    folder.run(&["chain", "import", "whole", "-d", "c", "--chain", "dev"]).fails(9, &["another chain"]);
    folder.run(&["chain", "import", "nowhere", "-d", "c"]).fails(4, &["nowhere"]);
    folder.run(&["chain", "export", "foreign", "-d", "a"]).fails(2, &["foreign", "not an export"]);
    let other = generate(&folder, "fork", "2");
    folder.run(&["chain", "import", "whole", "-d", "fork"]).fails(5, &["another branch", "unchanged"]);
    assert_eq!(folder.run(&["verify", "--deep", "-d", "fork", "--json"]).json()["tip"], other["tip"]);
}

/// A short text was taken for the beginning of an export, and a ledger without blocks emptied a whole one.
#[test]
fn an_export_is_not_written_over_what_has_something_else_or_more() {
    let folder = Folder::new("export-over");
    let line = |args: &str| folder.run(&args.split(' ').collect::<Vec<_>>());
    line("generate --blocks 5 --seed 1 -d long").ok();
    line("generate --blocks 3 --seed 1 -d short").ok();
    fs::write(folder.path("diary"), "my diary\n").unwrap();
    line("-d long chain export diary").fails(2, &["not an export of this chain: diary", "choose another file"]);
    assert_eq!(fs::read(folder.path("diary")).unwrap(), b"my diary\n");
    fs::write(folder.path("blocks"), "").unwrap();
    line("-d long chain export blocks").ok();
    let whole = fs::read(folder.path("blocks")).unwrap();
    line("-d short chain export blocks").fails(2, &["blocks has blocks above 3", "would be lost"]);
    assert_eq!(fs::read(folder.path("blocks")).unwrap(), whole);
    for bytes in [2, 100] {
        fs::write(folder.path("blocks"), &whole[..bytes]).unwrap();
        line("-d long chain export blocks").ok();
        assert_eq!(fs::read(folder.path("blocks")).unwrap(), whole, "{bytes} bytes of an unfinished one");
    }
    assert!(line("verify --help").ok().contains("Exit code 10 if the ledger is damaged"));
}

/// `chain headers` and `tx make --file` replaced whatever was there.
#[test]
fn a_file_that_a_person_names_gives_way_only_to_its_own_kind() {
    let folder = Folder::new("named-files");
    let line = |args: &str| folder.run(&args.split(' ').collect::<Vec<_>>());
    let has = |name: &str| fs::read(folder.path(name)).unwrap();
    for (name, blocks, seed) in [("long", 15, 1), ("short", 12, 1), ("other", 12, 2)] {
        line(&format!("generate --blocks {blocks} --txs-per-block 8 --seed {seed} -d {name}")).ok();
    }
    line("-d long chain export blocks").ok();
    fs::write(folder.path("diary"), "my diary\n").unwrap();
    fs::write(folder.path("long-diary"), "my diary\n".repeat(100)).unwrap();
    for name in ["diary", "long-diary", "blocks"] {
        let kept = has(name);
        let words = [&*format!("not the headers of this chain: {name}"), "choose another file, or remove it"];
        line(&format!("-d long chain headers {name}")).fails(2, &words);
        assert_eq!(has(name), kept, "{name}");
    }
    fs::write(folder.path("headers"), "").unwrap();
    line("-d short chain headers headers").ok();
    line("-d other chain headers headers").ok();
    std::os::unix::fs::symlink("headers", folder.path("link")).unwrap();
    line("-d long chain headers link").ok();
    let whole = has("headers");
    assert!(whole.len() == 15 * 125 && folder.path("link").is_symlink(), "{}", whole.len());
    line("-d short chain headers headers").fails(2, &["headers has blocks above 12", "would be lost"]);
    line("-d other chain headers headers").fails(2, &["headers has a branch with more work", "would be lost"]);
    assert_eq!(has("headers"), whole);
    line("-d long chain headers headers").ok();
    line("key new alice").ok();
    std::os::unix::fs::symlink("gone", folder.path("dangling")).unwrap();
    for name in ["diary", "dangling"] {
        let words = [&*format!("the file exists: {name}"), "choose another"];
        line(&format!("key export alice --file {name}")).fails(2, &words);
        line(&format!("doctor --output {name}")).fails(2, &words);
    }
    assert!(has("diary") == b"my diary\n" && folder.path("dangling").is_symlink());
}

/// It was cut where it left the ledger's blocks.
#[test]
fn an_export_does_not_cut_a_branch_with_more_work_than_the_ledger() {
    let folder = Folder::new("export-branch");
    let line = |args: &str| folder.run(&args.split(' ').collect::<Vec<_>>());
    line("generate --blocks 15 --txs-per-block 8 --seed 1 -d long").ok();
    line("generate --blocks 12 --txs-per-block 8 --seed 2 -d short").ok();
    line("-d long chain export blocks").ok();
    line("-d short chain export fewer").ok();
    let (whole, fewer) = (fs::read(folder.path("blocks")).unwrap(), fs::read(folder.path("fewer")).unwrap());
    line("-d short chain export blocks").fails(2, &["blocks has a branch with more work", "would be lost"]);
    assert_eq!(fs::read(folder.path("blocks")).unwrap(), whole);
    // What is no branch, and what is none behind it, is not cut off either.
    for (end, why) in [(&b"my diary, which is long enough"[..], "magic"), (&whole[..], "block 1 does not follow 12")] {
        let bytes = [&fewer[..], end].concat();
        fs::write(folder.path("blocks"), &bytes).unwrap();
        line("-d long chain export blocks").fails(2, &["not an export of this chain: blocks", why]);
        assert_eq!(fs::read(folder.path("blocks")).unwrap(), bytes);
    }
    line("-d long chain export fewer").ok();
    assert_eq!(fs::read(folder.path("fewer")).unwrap(), whole, "a branch with less work gives way");
}

#[test]
fn an_import_of_a_branch_with_more_work_replaces_the_ledger_s() {
    let folder = Folder::new("branch");
    let longer =
        ["generate", "--blocks", "15", "--txs-per-block", "8", "--seed", "2", "--data-dir", "longer", "--json"];
    let longer = folder.run(&longer).json();
    folder.run(&["chain", "export", "longer.dat", "-d", "longer"]).ok();
    let ours = generate(&folder, "ours", "1");
    // A branch that is invalid, or ends before it has more work, changes nothing.
    let whole = fs::read(folder.path("longer.dat")).unwrap();
    for (name, bytes) in [
        ("cut", whole[..whole.len() * 9 / 15].to_vec()),
        ("bad", {
            let mut bad = whole.clone();
            bad[whole.len() / 2] ^= 1;
            bad
        }),
    ] {
        fs::write(folder.path(name), bytes).unwrap();
        assert_eq!(folder.run(&["chain", "import", name, "-d", "ours"]).code(), 5, "{name}");
        assert_eq!(folder.run(&["verify", "--deep", "-d", "ours", "--json"]).json()["tip"], ours["tip"], "{name}");
    }
    let imported = folder.run(&["chain", "import", "longer.dat", "-d", "ours", "--json"]).json();
    assert_eq!((&imported["tip"], &imported["state_digest"]), (&longer["tip"], &longer["state_digest"]));
    assert_eq!((&imported["imported"], &imported["replaced"]), (&15.into(), &12.into()));
    assert_eq!(folder.run(&["verify", "--deep", "-d", "ours", "--json"]).json()["ok"], true);
}

#[test]
fn an_empty_import_is_an_error_and_leaves_no_ledger() {
    let folder = Folder::new("empty-import");
    folder.run(&["chain", "import", "-", "-d", "a"]).fails(5, &["no blocks"]);
    assert!(!folder.path("a").exists());
}

#[test]
fn a_ledger_of_another_chain_or_a_damaged_one_has_its_exit_code() {
    let folder = Folder::new("mismatch");
    generate(&folder, "a", "1");
    let copy = |from: &str, to: &str| {
        fs::create_dir_all(folder.path(to)).unwrap();
        fs::copy(folder.path(from).join("ledger.db"), folder.path(to).join("ledger.db")).unwrap();
    };
    copy("a/local", "b/dev");
    folder.run(&["status", "-d", "b", "--chain", "dev"]).fails(9, &["local", "dev", "ledger.db"]);
    fs::create_dir_all(folder.path("c/local")).unwrap();
    fs::write(folder.path("c/local/ledger.db"), "this is not a database, whatever it is called").unwrap();
    let refused = folder.run(&["run", "-d", "c", "--quiet"]);
    assert!([9, 10].contains(&refused.code()), "{}", refused.error());
    assert!(Path::new(&folder.path("c/local/ledger.db")).exists());
}

#[test]
fn sql_reads_the_views_and_changes_nothing() {
    let folder = Folder::new("sql");
    let tip = generate(&folder, "a", "1")["tip"].clone();
    let rows =
        folder.run(&["sql", "SELECT height, hash FROM v_blocks ORDER BY height DESC LIMIT 2", "-d", "a", "--json"]);
    assert_eq!(
        rows.json(),
        serde_json::json!([{ "height": 12, "hash": tip }, { "height": 11, "hash": rows.json()[1]["hash"] }])
    );
    let text = folder.run(&["sql", "SELECT height FROM v_tip", "-d", "a"]).ok();
    assert_eq!(text.split_whitespace().collect::<Vec<_>>(), ["height", "12"]);
    folder.run(&["sql", "DELETE FROM coin_pages", "-d", "a"]).fails(2, &["read"]);
    folder.run(&["sql", "SELECT nothing FROM nowhere", "-d", "a"]).fails(2, &["nowhere"]);
    let endless = "WITH RECURSIVE n(x) AS (SELECT 1 UNION ALL SELECT x + 1 FROM n) SELECT count(*) FROM n";
    folder.run(&["sql", endless, "--timeout", "100ms", "-d", "a"]).fails(6, &["100ms"]);
}

#[test]
fn every_printed_file_has_content_and_the_configuration_is_valid() {
    let folder = Folder::new("print");
    for what in ["config", "protocol", "man", "schema", "unit", "dockerfile"] {
        assert!(!folder.run(&["print", what]).ok().is_empty(), "{what}");
    }
    for shell in ["bash", "zsh", "fish"] {
        assert!(folder.run(&["print", "completions", shell]).ok().contains("tussock"), "{shell}");
    }
    fs::write(folder.path("config.toml"), folder.run(&["print", "config"]).ok()).unwrap();
    folder.run(&["status", "-d", ".", "--config", "config.toml"]).fails(3, &["tussock run"]);
}
