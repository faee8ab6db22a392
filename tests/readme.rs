//! The README's tour, each command as it stands there.

use std::{fs, process::Command};

use crate::support::TempDir;

#[test]
fn every_command_of_the_tour_works() {
    let root = env!("CARGO_MANIFEST_DIR");
    let readme = fs::read_to_string(format!("{root}/README.md")).unwrap();
    let tour = readme.split("```sh tour\n").nth(1).expect("the README has a tour").split("```").next().unwrap();
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
    assert!(!cluster.exists(), "the tour cleans up behind itself");
}
