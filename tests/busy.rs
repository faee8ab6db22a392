//! Many commands at once: a busy node is neither absent nor late, and payments of one key take turns.

use std::{process::Child, process::Stdio};

use crate::support::{TestNode, stderr, stdout};

/// Starts a command for each list of arguments, all at the same time, and returns their exit codes and output.
fn all_at_once(node: &TestNode, commands: &[Vec<String>]) -> Vec<(Option<i32>, String)> {
    let spawn = |args: &Vec<String>| {
        let args: Vec<&str> = args.iter().map(String::as_str).collect();
        node.command(&args).stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap()
    };
    let children: Vec<Child> = commands.iter().map(spawn).collect();
    let outputs = children.into_iter().map(|child| child.wait_with_output().unwrap());
    outputs.map(|output| (output.status.code(), stdout(&output) + &stderr(&output))).collect()
}

fn words(line: &str) -> Vec<String> {
    line.split(' ').map(str::to_owned).collect()
}

#[test]
fn payments_of_one_key_made_at_once_all_succeed() {
    let node = TestNode::start(&[]);
    node.wait(&["synced"]);
    for key in ["alice", "dev7"] {
        if key != "dev7" {
            let address = node.json(&["key", "new", key])["address"].as_str().unwrap().to_owned();
            node.json(&["mine", "1"]);
            node.json(&["send", &address, "1000000", "--from", "dev8"]);
            node.json(&["mine", "1"]);
        }
        let commands: Vec<_> = (0..8).map(|n| words(&format!("send dev1 {} --from {key}", 1_000 + n))).collect();
        for (code, text) in all_at_once(&node, &commands) {
            assert_eq!(code, Some(0), "{key}: {text}");
        }
    }
    assert_eq!(node.status()["mempool"]["count"], 16);
}

#[test]
fn a_payment_that_builds_on_too_many_others_waits_for_a_block_that_can_come() {
    let node = TestNode::start(&[]);
    node.wait(&["synced"]);
    let send: Vec<_> = (0..26).map(|n| words(&format!("send dev1 {} --from dev6", 1_000 + n))).collect();
    let refused = all_at_once(&node, &send).into_iter().filter(|(code, _)| *code != Some(0)).collect::<Vec<_>>();
    assert!(refused.iter().all(|(code, text)| *code == Some(5) && text.contains("next block")), "{refused:?}");
    // With a peer, a block may come.
    let other = TestNode::start(&["--connect", &node.p2p().to_string()]);
    node.wait(&["peers", "1"]);
    let child = node.command(&["send", "dev1", "5", "--from", "dev6"]).stdout(Stdio::null()).spawn().unwrap();
    other.wait(&["synced"]);
    node.json(&["mine", "1"]);
    assert!(child.wait_with_output().unwrap().status.success());
}

#[test]
fn more_commands_than_the_node_takes_connections_all_get_their_answer() {
    let node = TestNode::start(&[]);
    let status = vec![words("status --json"); 60];
    for (code, text) in all_at_once(&node, &status) {
        assert_eq!(code, Some(0), "{text}");
    }
    let mut waits = vec![words("wait height 1 --timeout 60"); 60];
    waits.push(words("mine 1"));
    for (code, text) in all_at_once(&node, &waits) {
        assert_eq!(code, Some(0), "{text}");
    }
}

#[test]
fn a_fee_far_above_the_usual_one_needs_a_flag() {
    let node = TestNode::start(&[]);
    node.wait(&["synced"]);
    let slip = ["send", "dev1", "1000", "--fee", "90000000000", "--from", "dev2"];
    let refused = node.cli(&slip);
    assert_eq!(refused.status.code(), Some(5), "{}", stderr(&refused));
    assert!(stderr(&refused).contains("--allow-high-fee"), "{}", stderr(&refused));
    assert_eq!(node.status()["mempool"]["count"], 0);
    node.json(&[&slip[..], &["--allow-high-fee"]].concat());
    // A high fee below the amount is the payer's choice.
    node.json(&["send", "dev1", "90000000000", "--fee", "80000000000", "--from", "dev3"]);
}
