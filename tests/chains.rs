//! Commands without `--chain`: they find the chain of their data directory, and never use another one.

use std::{
    fs,
    io::{BufRead as _, BufReader},
    path::Path,
    process::{Child, ChildStdout, Command, Output, Stdio},
};

use crate::support::{BIN, TempDir, stderr, stdout};

/// A home directory, with the nodes and commands of one user.
struct Home(TempDir);

impl Home {
    fn new() -> Self {
        Self(TempDir::new())
    }

    fn command(&self, args: &[&str]) -> Command {
        let mut command = Command::new(BIN);
        for (name, _) in std::env::vars().filter(|(name, _)| name.starts_with("TUSSOCK_")) {
            command.env_remove(name);
        }
        command.args(args).env("HOME", self.path()).env("TMPDIR", self.path()).env_remove("XDG_DATA_HOME");
        command.current_dir(self.path()).stdin(Stdio::null());
        command
    }

    fn path(&self) -> &Path {
        self.0.path()
    }

    fn run(&self, args: &[&str]) -> Output {
        self.command(args).output().unwrap()
    }

    /// The output of a successful command.
    #[track_caller]
    fn ok(&self, args: &[&str]) -> String {
        let output = self.run(args);
        assert!(output.status.success(), "{args:?}: {}", stderr(&output));
        stdout(&output).trim_end().to_owned()
    }

    #[track_caller]
    fn refuses(&self, args: &[&str], code: i32, words: &[&str]) {
        let output = self.run(args);
        let text = stderr(&output);
        assert_eq!(output.status.code(), Some(code), "{args:?}: {text}");
        assert!(words.iter().all(|word| text.contains(word)), "{text} lacks one of {words:?}");
    }

    /// Starts a node and waits for its ready message.
    fn node(&self, args: &[&str]) -> Node {
        let any = ["--listen", "127.0.0.1:0", "--http", "127.0.0.1:0"];
        let mut command = self.command(&[args, &any].concat());
        let mut child = command.stdout(Stdio::piped()).stderr(Stdio::null()).spawn().unwrap();
        let mut output = BufReader::new(child.stdout.take().unwrap());
        let mut line = String::new();
        output.read_line(&mut line).unwrap();
        assert!(line.starts_with("ready "), "{line:?}");
        Node { child, _output: output }
    }

    /// Writes the file of a chain of this name.
    fn chain_file(&self, name: &str) -> String {
        let file = self.path().join(format!("{name}.toml"));
        fs::write(&file, self.ok(&["genesis", "new", "--test", "--name", name, "--block-time", "1s"])).unwrap();
        file.to_str().unwrap().to_owned()
    }
}

/// A node in its own process, killed when dropped.
struct Node {
    child: Child,
    _output: BufReader<ChildStdout>,
}

impl Drop for Node {
    fn drop(&mut self) {
        drop(self.child.kill());
        drop(self.child.wait());
    }
}

#[test]
fn a_folder_with_one_chain_needs_no_chain_flag_with_and_without_node() {
    let home = Home::new();
    let file = home.chain_file("meadow");
    let node = home.node(&["run", "-d", "data", "--chain", &file]);
    fs::remove_file(&file).unwrap();
    assert!(home.ok(&["status", "-d", "data"]).contains("meadow  genesis"));
    assert!(home.ok(&["key", "new", "bob", "-d", "data"]).starts_with("meadow1"));
    assert!(home.ok(&["key", "list", "-d", "data", "--chain", "meadow"]).contains("bob"));
    home.ok(&["mine", "1", "--to", "bob", "-d", "data"]);
    home.ok(&["stop", "-d", "data"]);
    drop(node);
    assert!(home.ok(&["sql", "SELECT height FROM v_tip", "-d", "data"]).ends_with('1'));
    assert!(home.ok(&["verify", "-d", "data"]).contains("ok"));
    assert!(!home.path().join("data/local").exists(), "no other chain got a folder");
    let _again = home.node(&["run", "-d", "data"]);
    assert!(home.ok(&["status", "-d", "data"]).contains("meadow  genesis"));
}

#[test]
fn among_several_chains_the_one_with_a_node_is_meant_and_without_node_a_name_is_asked_for() {
    let home = Home::new();
    home.ok(&["key", "new", "ann", "-d", "data"]);
    let file = home.chain_file("meadow");
    let node = home.node(&["run", "-d", "data", "--chain", &file]);
    assert!(home.ok(&["key", "new", "bob", "-d", "data"]).starts_with("meadow1"));
    home.ok(&["stop", "-d", "data"]);
    drop(node);
    for args in [&["key", "new", "eve"][..], &["status"], &["run"], &["sql", "SELECT 1"]] {
        home.refuses(&[args, &["-d", "data"]].concat(), 2, &["local, meadow", "--chain NAME"]);
    }
    assert!(home.ok(&["key", "list", "-d", "data", "--chain", "meadow"]).contains("bob"));
    assert!(!home.ok(&["key", "list", "-d", "data", "--chain", "local"]).contains("bob"));
}

#[test]
fn an_empty_folder_is_for_the_local_chain() {
    let home = Home::new();
    assert!(home.ok(&["key", "new", "ann", "-d", "data"]).starts_with("ltus1"));
    let _node = home.node(&["run", "-d", "other"]);
    assert!(home.ok(&["status", "-d", "other"]).contains("local  genesis"));
}

#[test]
fn commands_in_a_second_terminal_find_the_dev_node_of_the_first() {
    let home = Home::new();
    home.refuses(&["status"], 3, &["tussock run"]);
    home.ok(&["key", "new", "ann"]);
    let node = home.node(&["dev"]);
    let status = home.run(&["status"]);
    assert!(stdout(&status).contains("dev  genesis"), "{}", stderr(&status));
    assert!(stderr(&status).starts_with("chain dev in ") && stderr(&status).lines().count() == 1, "it says so");
    assert!(home.ok(&["balance", "dev1"]).contains("1") && home.ok(&["key", "list"]).contains("dev9"));
    let own = home.run(&["key", "list", "--chain", "local"]);
    assert!(stdout(&own).contains("ann") && stderr(&own).is_empty(), "the user's own chain is reached by its name");
    home.ok(&["dev", "snapshot"]);
    home.ok(&["send", "dev1", "5", "--wait", "--timeout", "20"]);
    assert!(home.ok(&["sql", "SELECT height FROM v_tip", "--chain", "dev"]).ends_with('1'));
    for make in
        [&["key", "new", "eve"][..], &["key", "new", "eve", "--words"], &["key", "import", "eve", "--file", "x"]]
    {
        home.refuses(make, 2, &["--chain local", "--chain dev"]);
    }
    let made = home.run(&["key", "new", "eve", "--chain", "dev"]);
    assert!(stdout(&made).starts_with("dtus1"), "{}", stdout(&made));
    assert!(stderr(&made).contains("temporary"), "{}", stderr(&made));
    let eve = stdout(&made).trim().to_owned();
    for make in [
        &["key", "new", "words", "--words", "--chain", "dev"][..],
        &["contact", "add", "Ann", &eve],
        &["token", "new", "shop", "--may", "read"],
    ] {
        let made = home.run(make);
        let words = stderr(&made);
        assert!(
            made.status.success() && words.contains("will be removed with the temporary folder"),
            "{make:?}: {words}"
        );
    }
    home.refuses(&["send", "dev1", "5"], 2, &["eve, words", "--from dev0"]);
    home.ok(&["stop"]);
    drop(node);
    home.refuses(&["status"], 3, &["tussock run"]);
    assert!(!home.path().join(".local/share/tussock/dev-folder").exists());
}

#[test]
fn of_two_dev_nodes_the_last_is_meant_and_then_the_other_and_a_killed_one_leaves_no_keys_behind() {
    let home = Home::new();
    let folder = |home: &Home| home.ok(&["status"]).lines().last().unwrap().to_owned();
    let first = home.node(&["dev"]);
    let at_first = folder(&home);
    let folder_of = |status: &str| status.split_whitespace().last().unwrap().strip_suffix("/dev").unwrap().to_owned();
    let refused = home.run(&["dev", "-d", &folder_of(&at_first), "--http", "127.0.0.1:0"]);
    assert_eq!((refused.status.code(), folder(&home)), (Some(7), at_first.clone()), "{}", stderr(&refused));
    let mut second = home.node(&["dev"]);
    assert_ne!(folder(&home), at_first);
    home.ok(&["stop"]);
    second.child.wait().unwrap(); // it removes its folder last
    assert_eq!(folder(&home), at_first);
    home.ok(&["key", "new", "eve"]);
    drop(first);
    home.refuses(&["status"], 3, &["tussock run"]);
    let left = || -> Vec<_> {
        let entries = fs::read_dir(home.path()).unwrap().map(|entry| entry.unwrap().path());
        entries.filter(|path| path.to_str().unwrap().contains("tussock-dev-")).collect()
    };
    let [killed] = left().try_into().unwrap();
    let lock = fs::File::options().write(true).open(killed.join("dev/lock")).unwrap();
    lock.set_modified(std::time::SystemTime::now() - std::time::Duration::from_secs(60)).unwrap();
    let _third = home.node(&["dev"]);
    assert!(!killed.exists() && left().len() == 1, "{:?}", left());
}

/// Only a folder that the program made itself is removed after its node was killed, whatever another one is called.
#[test]
fn a_folder_of_the_user_stays_after_its_dev_node_was_killed() {
    let home = Home::new();
    let old = |folder: &Path| {
        let lock = fs::File::options().write(true).open(folder.join("dev/lock")).unwrap();
        lock.set_modified(std::time::SystemTime::now() - std::time::Duration::from_secs(60)).unwrap();
    };
    let own = home.path().join("tussock-dev-0badcafe");
    let node = home.node(&["dev", "-d", own.to_str().unwrap()]);
    home.ok(&["key", "new", "savings", "-d", own.to_str().unwrap()]);
    drop(node);
    old(&own);
    // A temporary one in which something else was put, too.
    let node = home.node(&["dev"]);
    let status = home.ok(&["status"]);
    let temporary = Path::new(status.lines().last().unwrap().split_whitespace().last().unwrap()).parent().unwrap();
    home.ok(&["key", "new", "other", "-d", temporary.to_str().unwrap(), "--chain", "local"]);
    drop(node);
    old(temporary);
    drop(home.node(&["dev"]));
    assert!(own.join("dev/keys/savings.json").exists() && temporary.join("local/keys/other.json").exists());
}

/// Both ends of a node ask the same: what is in the folder beside its chain stays, and is said to.
#[test]
fn a_temporary_folder_with_another_chain_stays_when_its_node_ends() {
    let home = Home::new();
    let end = |fill: &dyn Fn(&Path)| {
        let mut command = home.command(&["dev", "--listen", "127.0.0.1:0", "--http", "127.0.0.1:0"]);
        let mut child = command.stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap();
        let mut output = BufReader::new(child.stdout.take().unwrap());
        output.read_line(&mut String::new()).unwrap();
        let status = home.ok(&["status"]);
        let chain = Path::new(status.lines().last().unwrap().split_whitespace().last().unwrap());
        let folder = chain.parent().unwrap().to_owned();
        fill(&folder);
        assert!(Command::new("kill").arg(child.id().to_string()).status().unwrap().success());
        let ended = child.wait_with_output().unwrap();
        assert!(ended.status.success(), "{}", stderr(&ended));
        (folder, stderr(&ended))
    };
    let put_key = |folder: &Path| {
        home.ok(&["key", "new", "inside", "-d", folder.to_str().unwrap(), "--chain", "local"]);
    };
    for fill in [&put_key as &dyn Fn(&Path), &|folder| fs::write(folder.join("notes"), "remember").unwrap()] {
        let (folder, words) = end(fill);
        let kept = fs::read_dir(&folder).unwrap().count();
        assert_eq!(kept, 3, "the chain of the node, the mark, and what was put in");
        assert!(words.contains(&format!("kept: {}", folder.display())), "{words}");
    }
    let (folder, words) = end(&|_| ());
    assert!(!folder.exists() && !words.contains("kept"), "{words}");
}

#[test]
fn a_dev_node_shows_accounts_with_keys_that_can_be_imported() {
    let home = Home::new();
    let mut command = home.command(&["dev", "--accounts", "2", "--listen", "127.0.0.1:0", "--http", "127.0.0.1:0"]);
    let mut child = command.stdout(Stdio::piped()).stderr(Stdio::null()).spawn().unwrap();
    let mut lines = BufReader::new(child.stdout.take().unwrap()).lines().map(Result::unwrap);
    let shown: Vec<String> = lines.by_ref().take(5).collect();
    let account: Vec<&str> = shown[2].split(' ').collect();
    assert_eq!((account[..2].to_vec(), account.len()), (vec!["account", "dev1"], 5), "{shown:?}");
    assert!(shown[3].contains("everybody has these keys") && shown[4].starts_with("next "), "{shown:?}");
    let secret = home.path().join("secret");
    fs::write(&secret, account[4]).unwrap();
    assert!(home.ok(&["key", "import", "mine", "--file", secret.to_str().unwrap()]).contains(account[2]));
    home.refuses(&["dev", "--accounts", "11"], 2, &["a whole number from 1 to 10"]);
    home.ok(&["stop"]);
    drop(child.wait());
}

#[test]
fn amounts_are_read_and_shown_in_the_unit_of_the_chain() {
    let home = Home::new();
    let made = ["genesis", "new", "--test", "--name", "meadow", "--maturity", "1", "--target-limit", "207fffff"];
    let text = home.ok(&[&made[..], &["--unit", "MDW", "--decimals", "2"]].concat());
    fs::write(home.path().join("meadow.toml"), text).unwrap();
    let _node = home.node(&["run", "-d", "data", "--chain", "meadow.toml"]);
    let on = |args: &[&str]| home.ok(&[args, &["-d", "data"]].concat());
    let [bob, eve] = ["bob", "eve"].map(|name| on(&["key", "new", name]));
    let refused = home.run(&["send", &bob, "5", "-d", "data"]);
    assert!(stderr(&refused).trim_end().ends_with("bob, eve; choose one with --from"), "{}", stderr(&refused));
    on(&["mine", "2", "--to", "bob"]);
    assert!(on(&["balance", "bob"]).contains("100,000,000.00 MDW"), "{}", on(&["balance", "bob"]));
    let txid = on(&["send", &eve, "1_000.5", "--fee", "0.05", "--from", "bob"]);
    let shown = on(&["tx", &txid]);
    for amount in ["0.05 MDW", "1,000.50 MDW", "50,000,000.00 MDW"] {
        assert!(shown.contains(amount), "{amount}: {shown}");
    }
    assert!(on(&["mempool"]).contains("0.05 MDW") && on(&["history", "bob"]).contains("50,000,000.00 MDW"));
    let tx: serde_json::Value = serde_json::from_str(&on(&["tx", &txid, "--json"])).unwrap();
    assert_eq!((&tx["fee"], &tx["outputs"][0]["amount"]), (&5.into(), &100_050.into()), "programs count base units");
    home.refuses(&["send", &bob, "1.555", "--from", "bob", "-d", "data"], 2, &["at most 2 decimals"]);
    home.refuses(
        &["send", &eve, "200000000", "--from", "bob", "-d", "data"],
        5,
        &["the payment needs 200,000,0", ".45 MDW are spendable now"],
    );
}

#[test]
fn a_chain_that_authorities_seal_takes_their_keys_and_nobody_mines() {
    let home = Home::new();
    for name in ["one", "two"] {
        home.ok(&["key", "new", name, "-d", "keys"]);
    }
    let two = "keys/local/keys/two.json";
    let new = ["genesis", "new", "--name", "meadow", "--test", "--block-time", "200ms", "-d", "keys", "--authorities"];
    fs::write(home.path().join("meadow.toml"), home.ok(&[&new[..], &["one", two]].concat())).unwrap();
    home.refuses(&[&new[..], &["three"]].concat(), 2, &["--authorities three", "no key"]);
    home.refuses(&[&new[..], &["one", "one"]].concat(), 2, &["is there twice"]);
    let run = ["run", "-d", "data", "--chain", "meadow.toml"];
    let on = |more: &[&'static str]| [&run[..], more].concat();
    home.refuses(&on(&["--mine", "dev0"]), 2, &["--mine", "sealed by its authorities", "--seal KEY"]);
    home.refuses(&on(&["--seal", "dev0"]), 2, &["--seal dev0", "none of the 2 authorities"]);
    home.refuses(&on(&["--seal", "nobody"]), 2, &["--seal nobody", "no key"]);
    home.refuses(&on(&["--seal", two, "--mine", "dev0"]), 2, &["exclude each other"]);
    home.refuses(&["run", "-d", "data", "--chain", "local", "--seal", two], 2, &["has no authorities"]);
    assert!(!home.path().join("data/meadow/ledger.db").exists());
    let node = home.node(&on(&["--seal", two]));
    home.refuses(&["mine", "1", "-d", "data"], 5, &["sealed by its authorities"]);
    home.refuses(&["dev", "snapshot", "-d", "data"], 5, &["sealed by its authorities, and what is final stays"]);
    assert!(home.path().join("data/meadow/seals.db").exists());
    home.ok(&["stop", "-d", "data"]);
    drop(node);
    fs::write(home.path().join("data/meadow/seals.db"), [7; 9000]).unwrap();
    home.refuses(&on(&["--seal", two]), 10, &["seals.db", "move the file away", "asks the others"]);
    let text = fs::read_to_string(home.path().join("meadow.toml")).unwrap();
    fs::write(home.path().join("wrong.toml"), text.replace("authorities = [\n    \"", "authorities = [\n    \"00"))
        .unwrap();
    home.refuses(&["run", "-d", "data", "--chain", "wrong.toml"], 2, &["authorities", "64 lower-case hex digits"]);
}
