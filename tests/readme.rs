//! Runs the commands of the README.

use std::{
    fs,
    net::{Ipv4Addr, TcpListener},
    process::{Command, Stdio},
};

use crate::support::TempDir;

/// The README's code block with this name.
fn block(name: &str) -> String {
    let readme = fs::read_to_string(concat!(env!("CARGO_MANIFEST_DIR"), "/README.md")).unwrap();
    let block = readme.split(&format!("```sh {name}\n")).nth(1).unwrap_or_else(|| panic!("the README has a {name}"));
    block.split("```").next().unwrap().to_owned()
}

#[test]
fn every_command_of_the_tour_works() {
    let root = env!("CARGO_MANIFEST_DIR");
    let tour = block("tour");
    let dir = TempDir::new();
    let cluster = dir.path().join("cluster");
    let run = |line: &str| {
        Command::new("bash")
            .args(["-c", line])
            .current_dir(root)
            .env("TUSSOCK_BIN", crate::support::BIN)
            .env("TUSSOCK_CLUSTER_DIR", &cluster)
            .output()
            .unwrap()
    };
    for line in tour.lines().filter(|line| !line.starts_with('#') && !line.is_empty()) {
        let output = run(line);
        if !output.status.success() {
            run("scripts/cluster.sh clean");
            panic!("{line}: {}{}", crate::support::stdout(&output), crate::support::stderr(&output));
        }
    }
    assert!(!cluster.exists(), "the tour removes its data");
}

/// A port that is free on the addresses of all three machines, and below the ports of outgoing connections, which could
/// take it before the node starts.
fn free_port(from: u16) -> String {
    let free =
        |port: u16| [1, 2, 3].iter().all(|last| TcpListener::bind((Ipv4Addr::new(127, 0, 0, *last), port)).is_ok());
    (from..from + 1000).find(|port| free(*port)).expect("a free port").to_string()
}

#[test]
fn three_machines_form_a_private_network() {
    let dir = TempDir::new();
    let commands = block("private").replace("4130", &free_port(28_000)).replace("3030", &free_port(29_000));
    let count = commands
        .lines()
        .filter(|line| line.starts_with("tussock") || line.contains("; do tussock") || line.contains("=$(tussock"))
        .count();
    assert_eq!(count, 13, "the README promises thirteen commands");
    // The binary's folder is in PATH. Nodes write to a file, so that the shell does not wait for their pipes.
    let script =
        format!("set -e; exec 2>errors\n{}\n", commands.replace("--quiet &", "--quiet >/dev/null 2>>errors &"));
    let folder = std::path::Path::new(crate::support::BIN).parent().unwrap();
    let path = format!("{}:{}", folder.display(), std::env::var("PATH").unwrap());
    let output = Command::new("bash")
        .args(["-c", &script])
        .current_dir(dir.path())
        .env("PATH", path)
        .stdin(Stdio::null())
        .output()
        .unwrap();
    let on = |machine: &str, arguments: &[&str]| {
        let chain = dir.path().join("meadow.toml");
        crate::support::cli_on(&dir.path().join(machine), chain.to_str().unwrap(), arguments)
    };
    let peers = crate::support::stdout(&on("b", &["peers", "--json"]));
    let stopped = ["a", "b", "c"].map(|machine| on(machine, &["stop"]).status.success());
    let printed = crate::support::stdout(&output);
    let errors = fs::read_to_string(dir.path().join("errors")).unwrap_or_default();
    assert!(output.status.success(), "{printed}{errors}");
    assert!(printed.contains("confirmed  250,000"), "{printed}{errors}");
    assert!(peers.contains("(meadow)") && peers.contains(r#""protected":"member""#), "{peers}");
    assert_eq!(stopped, [true; 3], "{errors}");
}
