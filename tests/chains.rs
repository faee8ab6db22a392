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
    let node = home.node(&["dev"]);
    assert!(home.ok(&["status"]).contains("dev  genesis"));
    home.ok(&["send", "dev1", "5", "--wait", "--timeout", "20"]);
    assert!(home.ok(&["sql", "SELECT height FROM v_tip", "--chain", "dev"]).ends_with('1'));
    let made = home.run(&["key", "new", "eve"]);
    assert!(stdout(&made).starts_with("dtus1"), "{}", stdout(&made));
    assert!(stderr(&made).contains("temporary"), "{}", stderr(&made));
    home.ok(&["stop"]);
    drop(node);
    home.refuses(&["status"], 3, &["tussock run"]);
    assert!(!home.path().join(".local/share/tussock/dev-folder").exists());
}
