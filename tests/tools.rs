//! What the node prints and stores, tried with the programs that read it: promtool, systemd, shells, SQL tools. A program
//! that is not installed is skipped.

use std::{
    fs,
    io::{Read, Write},
    net::TcpStream,
    process::{Command, Output, Stdio},
    time::{Duration, Instant},
};

use crate::support::{BIN, TempDir, TestNode, bin, stderr, stdout};

/// How long the index may take to catch up with the ledger.
const PATIENCE: Duration = Duration::from_secs(30);

/// Whether a program is installed; prints a note if it is not.
fn is_there(name: &str) -> bool {
    let found = Command::new(name).arg("--version").stdout(Stdio::null()).stderr(Stdio::null()).status().is_ok();
    if !found {
        eprintln!("{name} is not installed; its test is skipped");
    }
    found
}

/// Runs a program on an input.
fn feed(program: &str, arguments: &[&str], input: &str) -> Output {
    let mut child = Command::new(program)
        .args(arguments)
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .unwrap();
    // It may end before it has read everything.
    drop(child.stdin.take().unwrap().write_all(input.as_bytes()));
    child.wait_with_output().unwrap()
}

#[track_caller]
fn takes(output: &Output) -> String {
    assert!(output.status.success(), "{}{}", stdout(output), stderr(output));
    stdout(output)
}

fn print(what: &[&str]) -> String {
    takes(&Command::new(bin()).arg("print").args(what).output().unwrap())
}

#[test]
fn promtool_accepts_the_metrics() {
    if !is_there("promtool") {
        return;
    }
    let node = TestNode::start(&["--mine", "dev0"]);
    node.json(&["mine", "3"]);
    let mut stream = TcpStream::connect(node.http()).unwrap();
    stream.write_all(b"GET /metrics HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n").unwrap();
    let mut answer = String::new();
    stream.read_to_string(&mut answer).unwrap();
    let (_, metrics) = answer.split_once("\r\n\r\n").unwrap();
    assert!(metrics.contains("\ntussock_chain_height 3\n"), "{metrics}");
    let checked = feed("promtool", &["check", "metrics"], metrics);
    assert_eq!(takes(&checked) + &stderr(&checked), "");
}

#[test]
fn systemd_accepts_the_unit() {
    if !is_there("systemd-analyze") {
        return;
    }
    let dir = TempDir::new();
    let unit = dir.path().join("tussock.service");
    fs::write(&unit, print(&["unit"]).replace("/usr/local/bin/tussock", BIN)).unwrap();
    let output = Command::new("systemd-analyze").args(["verify", "--man=no"]).arg(&unit).output().unwrap();
    takes(&output);
    assert!(!stderr(&output).contains("tussock.service"), "{}", stderr(&output));
}

/// With any shell of POSIX, as OpenWrt's is, and stubs for the functions that procd has.
#[test]
fn the_script_for_openwrt_starts_the_node_once_its_drive_is_mounted() {
    let dir = TempDir::new();
    let (script, drive) = (dir.path().join("tussock"), dir.path().join("drive"));
    fs::write(&script, print(&["openwrt"]).replace("/mnt/tussock", &drive.display().to_string())).unwrap();
    let start = || {
        let stubs = "procd_open_instance() { :; }; procd_close_instance() { echo closed; }; logger() { echo \"$4\"; }; \
                     procd_set_param() { echo \"$*\"; }; . \"$0\"; start_service; echo \"status $?\"";
        takes(&feed("sh", &["-uc", stubs, &script.display().to_string()], ""))
    };
    let refused = start();
    assert!(refused.starts_with("there is no folder ") && refused.ends_with("\nstatus 1\n"), "{refused}");
    fs::create_dir(&drive).unwrap();
    let started = start();
    let command = format!("command /usr/bin/tussock run --data-dir {} --max-memory 16 --quiet\n", drive.display());
    assert!(started.starts_with(&command) && started.ends_with("\nclosed\nstatus 0\n"), "{started}");
    assert!(started.contains("\nlimits nofile=1024 1024 core=0\n"), "{started}");
}

#[test]
fn shells_complete_commands_and_flags() {
    let dir = TempDir::new();
    let script = |shell: &str| {
        let path = dir.path().join(format!("_{shell}"));
        fs::write(&path, print(&["completions", shell])).unwrap();
        path.display().to_string()
    };
    if is_there("bash") {
        let try_it = "source \"$0\"; COMP_WORDS=(tussock memp); COMP_CWORD=1; _tussock tussock memp tussock; \
                      printf '%s\\n' \"${COMPREPLY[@]}\"";
        assert_eq!(takes(&feed("bash", &["--norc", "-c", try_it, &script("bash")], "")).trim(), "mempool");
    }
    if is_there("zsh") {
        let try_it = "autoload -U compinit; compinit -D -u; source \"$0\"; print $_comps[tussock]";
        assert_eq!(takes(&feed("zsh", &["-f", "-c", try_it, &script("zsh")], "")).trim(), "_tussock");
    }
    if is_there("fish") {
        let try_it = format!("source {}; complete -C'tussock memp'", script("fish"));
        assert!(takes(&feed("fish", &["--no-config", "-c", &try_it], "")).starts_with("mempool\t"));
    }
}

#[test]
fn shells_complete_names_of_keys_chains_and_topics() {
    let dir = TempDir::new();
    let path = |name: &str| dir.path().join(name).display().to_string();
    // The scripts ask the program by its name.
    std::os::unix::fs::symlink(bin(), path("tussock")).unwrap();
    for name in ["alice", "albert", "bob"] {
        takes(&Command::new(bin()).args(["-d", &path("data"), "key", "new", name]).output().unwrap());
    }
    let address = takes(&Command::new(bin()).args(["-d", &path("other"), "key", "new", "x"]).output().unwrap());
    let contact = ["-d", &path("data"), "contact", "add", "altmann hans", address.trim()];
    takes(&Command::new(bin()).args(contact).output().unwrap());
    for shell in ["bash", "fish"] {
        fs::write(path(shell), print(&["completions", shell])).unwrap();
    }
    let data = path("data");
    let begin = format!("PATH={}:$PATH; source {}", dir.path().display(), path("bash"));
    let bash = |words: &str| {
        let count = words.matches(' ').count();
        let try_it = format!(
            "{begin}; COMP_WORDS=({words}); COMP_CWORD={count}; cur=${{COMP_WORDS[{count}]}}; prev=${{COMP_WORDS[{count} - 1]}}; \
             _tussock_with_names tussock \"$cur\" \"$prev\"; printf '%s\\n' \"${{COMPREPLY[@]}}\""
        );
        takes(&feed("bash", &["--norc", "-c", &try_it], ""))
    };
    let fish = |words: &str| {
        let try_it = format!("set PATH {} $PATH; source {}; complete -C'{words}'", dir.path().display(), path("fish"));
        takes(&feed("fish", &["--no-config", "-c", &try_it], ""))
    };
    for shell in ["bash", "fish"].into_iter().filter(|shell| is_there(shell)) {
        let complete = |words: &str| if shell == "bash" { bash(words) } else { fish(words) };
        let names = |words: &str| {
            let mut names: Vec<String> =
                complete(words).lines().map(|line| line.split('\t').next().unwrap().trim().to_owned()).collect();
            names.sort();
            names
        };
        for words in ["key show", "key export", "key sign", "run --mine", "merge"] {
            assert_eq!(names(&format!("tussock -d {data} {words} al")), ["albert", "alice"], "{shell}: {words}");
        }
        for words in ["send", "balance", "history", "mine --to"] {
            let names: Vec<String> =
                names(&format!("tussock -d {data} {words} al")).iter().map(|name| name.replace('\\', "")).collect();
            assert_eq!(names, ["albert", "alice", "altmann hans"], "{shell}: {words}");
        }
        assert_eq!(names(&format!("tussock -d {data} send bob 5 --from al")), ["albert", "alice"], "{shell}");
        assert_eq!(names("tussock --chain l"), ["local"], "{shell}");
        assert!(names("tussock help secur").contains(&"security".to_owned()), "{shell}");
        assert!(!names("tussock status al").contains(&"alice".to_owned()), "{shell}");
    }
}

#[test]
fn the_printed_openapi_document_is_the_one_that_the_node_serves() {
    let node = TestNode::start(&[]);
    let printed: serde_json::Value = serde_json::from_str(&print(&["openapi"])).unwrap();
    let mut stream = TcpStream::connect(node.http()).unwrap();
    stream.write_all(b"GET /openapi.json HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n").unwrap();
    let mut answer = String::new();
    stream.read_to_string(&mut answer).unwrap();
    let (_, served) = answer.split_once("\r\n\r\n").unwrap();
    assert_eq!(printed, serde_json::from_str::<serde_json::Value>(served).unwrap());
    assert!(printed["openapi"].as_str().unwrap().starts_with("3.") && printed["paths"]["/api/status"].is_object());
}

/// A tool's answer about a running node's ledger and index: the tip's height and the sum of all balances, or the tool's
/// error.
type Ask = fn(&str) -> Result<String, String>;

fn answer(output: &Output) -> Result<String, String> {
    if output.status.success() { Ok(stdout(output).trim().to_owned()) } else { Err(stdout(output) + &stderr(output)) }
}

fn with_sqlite3(folder: &str) -> Result<String, String> {
    let one = |file: &str, sql: &str| {
        answer(&Command::new("sqlite3").args(["-readonly", &format!("{folder}/{file}"), sql]).output().unwrap())
    };
    let height = one("ledger.db", "SELECT height FROM v_tip")?;
    Ok(format!("{height} {}", one("index.db", "SELECT sum(balance) FROM v_balances")?))
}

/// Python's own SQLite; through pandas where that is installed.
fn with_python(folder: &str) -> Result<String, String> {
    const SCRIPT: &str = "
import sqlite3, sys
def one(file, sql):
    connection = sqlite3.connect(f'file:{sys.argv[1]}/{file}?mode=ro', uri=True)
    try:
        import pandas
        return pandas.read_sql_query(sql, connection).iloc[0, 0]
    except ImportError:
        return connection.execute(sql).fetchone()[0]
print(one('ledger.db', 'SELECT height FROM v_tip'), one('index.db', 'SELECT sum(balance) FROM v_balances'))";
    answer(&feed("python3", &["-c", SCRIPT, folder], ""))
}

fn with_datasette(folder: &str) -> Result<String, String> {
    let one = |file: &str, sql: &str| {
        let sql = sql.replace(' ', "+");
        let path = format!("/{}.json?sql={sql}&_shape=arrayfirst", file.trim_end_matches(".db"));
        let output = Command::new("datasette").args(["--get", &path]).arg(format!("{folder}/{file}")).output().unwrap();
        answer(&output).map(|row| row.trim_matches(['[', ']']).to_owned())
    };
    let height = one("ledger.db", "SELECT height FROM v_tip")?;
    Ok(format!("{height} {}", one("index.db", "SELECT sum(balance) FROM v_balances")?))
}

#[test]
fn sql_tools_read_the_files_while_the_node_writes_them() {
    let node = TestNode::start(&[]);
    let folder = node.dir.join("local").display().to_string();
    let tools: [(&str, Ask); 3] = [("sqlite3", with_sqlite3), ("python3", with_python), ("datasette", with_datasette)];
    let mut height = 0;
    let grants = takes(&node.cli(&["sql", "SELECT sum(amount) FROM v_coins"]));
    let grants: u64 = grants.lines().last().unwrap().trim().parse().unwrap();
    for (tool, ask) in tools.into_iter().filter(|(tool, _)| is_there(tool)) {
        for _ in 0..2 {
            node.json(&["mine", "1"]);
            height += 1;
            let wanted = format!("{height} {}", grants + height * 5_000_000_000);
            node.wait(&["height", &height.to_string()]);
            assert_eq!(until(|| ask(&folder), &wanted), Ok(wanted), "{tool}");
        }
    }
    assert_eq!(node.json(&["sql", "SELECT count(*) AS n FROM v_blocks"])[0]["n"], height + 1);
}

/// Asks again until the answer is `wanted`: the index follows the ledger.
fn until(ask: impl Fn() -> Result<String, String>, wanted: &str) -> Result<String, String> {
    let deadline = Instant::now() + PATIENCE;
    loop {
        let answer = ask();
        if answer.as_deref() == Ok(wanted) || Instant::now() > deadline {
            return answer;
        }
    }
}

#[test]
fn the_dockerfile_copies_everything_that_a_build_reads() {
    let recipe = print(&["dockerfile"]);
    let copied: Vec<&str> = recipe.lines().filter(|line| line.starts_with("COPY ")).collect();
    let is_copied = |name: &str| copied.iter().any(|line| line.split_whitespace().any(|word| word == name));
    let manifest = fs::read_to_string("Cargo.toml").unwrap();
    let script = manifest.lines().find_map(|line| line.strip_prefix("build = \"")).unwrap();
    for name in ["Cargo.toml", "Cargo.lock", ".cargo", "src", script.split('/').next().unwrap()] {
        assert!(is_copied(name), "{name} is not in {recipe}");
    }
}
