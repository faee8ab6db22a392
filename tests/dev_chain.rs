//! What programs try on a test chain: states brought back, clocks set, blocks replaced.

mod reorganise;
mod state;

use std::{
    process::{Command, Stdio},
    time::{Duration, Instant},
};

use serde_json::{Value, json};
use tussock::rpc::client::Client;

use super::support::{BIN, TempDir, TestNode, cli_on, stderr, stdout};

/// A node that makes a block for each payment.
fn dev(dir: &TempDir) -> TestNode {
    TestNode::start_on(dir.path(), "dev", &["--mine", "dev0"])
}

/// Calls a method over RPC.
fn call(node: &TestNode, method: &str, params: Value) -> Result<Value, String> {
    let cookie = std::fs::read_to_string(node.dir.join("dev/rpc.cookie")).unwrap();
    Client::new(node.http(), cookie.trim()).call(method, params).map_err(|error| error.to_string())
}

/// Pays, and waits until the payment is in a block.
fn pay(node: &TestNode, to: &str, amount: &str) -> String {
    let paid = node.json(&["send", to, amount, "--from", "dev8", "--wait"]);
    paid["id"].as_str().unwrap_or_else(|| panic!("{paid}")).to_owned()
}

fn balance(node: &TestNode, of: &str) -> u64 {
    node.json(&["balance", of])["confirmed"].as_u64().unwrap()
}

fn told(node: &TestNode, cursor: &str) -> Vec<String> {
    let output = node.cli(&["events", "--for", "1ms", "--address", "dev9", "--cursor", cursor]);
    assert!(output.status.success(), "{}", stderr(&output));
    let events = stdout(&output).lines().map(|line| serde_json::from_str::<Value>(line).unwrap()).collect::<Vec<_>>();
    events.iter().map(|event| format!("{} {}", event["event"].as_str().unwrap(), event["received"])).collect()
}

#[test]
fn a_state_is_brought_back_again_and_again_and_everything_is_told() {
    let dir = TempDir::new();
    let mut node = dev(&dir);
    let cursor = dir.path().join("cursor");
    let cursor = cursor.to_str().unwrap();
    pay(&node, "dev9", "5");
    assert!(told(&node, cursor).is_empty(), "from now on");
    let (before, status) = (balance(&node, "dev9"), node.status());
    let first = stdout(&node.cli(&["dev", "snapshot"])).trim().to_owned();
    let mut ids = Vec::new();
    for amount in ["70", "70", "71"] {
        ids.push(pay(&node, "dev9", amount));
        assert_eq!(balance(&node, "dev9"), before + amount.parse::<u64>().unwrap());
        let later = stdout(&node.cli(&["dev", "snapshot"])).trim().to_owned();
        node.json(&["mine", "3"]);
        assert_eq!(told(&node, cursor).last(), Some(&format!("confirmed {amount}")));
        let done = node.json(&["dev", "revert", &first]);
        assert_eq!((&done["undone"], &done["tip"]), (&json!(4), &status["tip"]));
        assert_eq!(told(&node, cursor), [format!("undone {amount}")]);
        assert!(node.json(&["tips"]).to_string().contains(r#""set_aside":true"#), "by an operator, and not for a rule");
        let now = node.status();
        assert_eq!([&now["height"], &now["state_digest"]], [&status["height"], &status["state_digest"]]);
        assert_eq!((balance(&node, "dev9"), now["state"].as_str()), (before, Some("synced")));
        let history = node.json(&["history", "dev9", "--limit", "5"]).to_string();
        assert!(!history.contains(ids.last().unwrap()), "the index is back, too: {history}");
        let gone = node.cli(&["dev", "revert", &later]);
        assert_eq!((gone.status.code(), stderr(&gone).contains("no snapshot")), (Some(4), true), "{}", stderr(&gone));
        assert!(stderr(&gone).contains(&format!("no snapshot {later}: there is {first}")), "{}", stderr(&gone));
    }
    assert_eq!(ids[0], ids[1], "the same payment can be made again");
    assert_eq!(node.json(&["dev", "snapshot", "--list"]).as_array().unwrap().len(), 1);
    // Also over a restart, and with the names of other test nodes.
    pay(&node, "dev9", "9");
    node.kill();
    node.restart(&["--mine", "dev0"]);
    assert_eq!(call(&node, "evm_revert", json!(["0x1"])), Ok(json!(true)));
    assert_eq!(call(&node, "evm_revert", json!(["0x77"])), Ok(json!(false)));
    assert_eq!(call(&node, "evm_snapshot", json!([])), Ok(json!("0x5")));
    assert_eq!(balance(&node, "dev9"), before);
    assert_eq!(node.stop(), 0);
    let verified = cli_on(dir.path(), "dev", &["verify", "--deep", "--json"]);
    assert!(verified.status.success(), "{}", stderr(&verified));
}

#[test]
fn what_waits_is_part_of_a_state() {
    let dir = TempDir::new();
    let mut node = TestNode::start_on(dir.path(), "dev", &[]);
    node.json(&["send", "dev9", "5", "--from", "dev8"]);
    node.json(&["dev", "snapshot"]);
    node.json(&["mine", "2"]);
    node.json(&["send", "dev9", "6", "--from", "dev7"]);
    let waits = |node: &TestNode| {
        let all = node.json(&["mempool"]);
        all["transactions"].as_array().or(all.as_array()).unwrap_or_else(|| panic!("{all}")).len()
    };
    node.json(&["dev", "revert", "1"]);
    assert_eq!((node.height(), waits(&node)), (0, 1));
    node.kill();
    node.restart(&[]);
    assert_eq!((node.height(), waits(&node)), (0, 1), "nothing comes back that was submitted after it");
    node.json(&["mine", "1"]);
    assert_eq!(waits(&node), 0);
}

#[test]
fn blocks_give_way_to_others_and_their_payments_wait_again_or_are_left_out() {
    let dir = TempDir::new();
    let node = dev(&dir);
    let cursor = dir.path().join("cursor");
    let cursor = cursor.to_str().unwrap();
    node.json(&["mine", "2"]);
    assert!(told(&node, cursor).is_empty());
    let id = pay(&node, "dev9", "5");
    assert_eq!(told(&node, cursor), ["confirmed 5"]);
    let done = node.json(&["dev", "reorg", "2"]);
    assert_eq!((done["removed"].as_array().unwrap().len(), done["added"].as_array().unwrap().len()), (2, 3));
    assert_eq!(done["height"], 4);
    node.wait(&["tx", &id]);
    assert_eq!(node.height(), 5, "a block of its own again");
    assert_eq!(told(&node, cursor), ["undone 5", "confirmed 5"]);
    let done = node.json(&["dev", "reorg", "1", "--drop"]);
    assert_eq!((&done["height"], node.height()), (&json!(6), 6));
    assert_eq!(told(&node, cursor), ["undone 5"]);
    let tx = node.json(&["tx", &id]);
    assert_eq!(tx["status"], "orphaned", "{tx}");
    assert_eq!(node.json(&["tips"]).as_array().unwrap().len(), 3, "the old branches are known");
    let refused = node.cli(&["dev", "reorg", "7"]);
    assert_eq!(refused.status.code(), Some(2), "{}", stderr(&refused));
    for (order, words) in [("revert", "snapshot --list"), ("reorg", "how many blocks")] {
        let refused = node.cli(&["dev", order]);
        assert_eq!((refused.status.code(), stderr(&refused).contains(words)), (Some(2), true), "{}", stderr(&refused));
    }
    // As Bitcoin's users do it.
    let block = done["added"][0].as_str().unwrap();
    assert_eq!(call(&node, "invalidateblock", json!([block])), Ok(Value::Null));
    let next_best = (node.height(), node.json(&["tx", &id])["status"].clone());
    assert_eq!(next_best, (5, json!("confirmed")), "the next best branch");
    let aside = |node: &TestNode| {
        let tips = node.json(&["tips"]);
        let aside = tips.as_array().unwrap().iter().filter(|tip| tip["set_aside"] == true);
        aside.map(|tip| (tip["hash"].clone(), tip["status"].clone())).collect::<Vec<_>>()
    };
    let end = done["tip"].clone();
    assert_eq!(aside(&node), [(end, json!("invalid"))], "by an operator, and not for a rule");
    assert!(stdout(&node.cli(&["tips"])).contains("set-aside"));
    assert_eq!(call(&node, "reconsiderblock", json!([block])), Ok(Value::Null));
    node.wait(&["tx", &id]);
    assert_eq!(node.height(), 7, "on that branch, and the payment after it");
    assert_eq!(aside(&node), []);
    assert!(call(&node, "invalidateblock", json!(["00".repeat(32)])).unwrap_err().contains("block 0000"));
}

/// A suite that goes back between its tests and tries a reorganisation got the payments of an earlier test.
#[test]
fn a_reorganisation_does_not_bring_back_what_was_reverted() {
    let dir = TempDir::new();
    let node = dev(&dir);
    node.json(&["mine", "10"]);
    let before = balance(&node, "dev1");
    node.json(&["dev", "snapshot"]);
    pay(&node, "dev1", "777");
    node.json(&["mine", "4"]);
    node.json(&["dev", "revert", "1"]);
    for height in 11..=13 {
        let done = node.json(&["dev", "reorg", "3"]);
        assert_eq!((&done["height"], node.height()), (&json!(height), height));
        assert_eq!((&done["tip"], balance(&node, "dev1")), (&node.status()["tip"], before));
    }
    node.json(&["dev", "revert", "1"]);
    assert_eq!((node.height(), balance(&node, "dev1")), (10, before));
}

#[test]
fn the_clock_is_set_and_the_next_blocks_carry_its_time() {
    let dir = TempDir::new();
    let mut node = dev(&dir);
    let time = |node: &TestNode| node.json(&["dev", "time"])["time"].as_u64().unwrap();
    let tip_time = |node: &TestNode| node.status()["tip_time"].as_u64().unwrap();
    let host = time(&node);
    let snapshot = node.json(&["dev", "snapshot"])["id"].to_string();
    node.json(&["dev", "time", "+30d"]);
    node.json(&["mine", "1"]);
    let month = 30 * 86_400;
    assert!((host + month..host + month + 600).contains(&tip_time(&node)), "{}", node.status());
    pay(&node, "dev9", "5");
    let status = node.status();
    assert!(status["hindrances"].as_array().unwrap().is_empty() && status["state"] == "synced", "{status}");
    node.kill();
    node.restart(&["--mine", "dev0"]);
    pay(&node, "dev9", "6");
    assert!(tip_time(&node) >= host + month, "also after a restart");
    let refused = node.cli(&["dev", "time", "--reset"]);
    assert_eq!(refused.status.code(), Some(5), "{}", stderr(&refused));
    assert!(stderr(&refused).contains("invalidateblock"), "a way out: {}", stderr(&refused));
    // As if it had been killed after the ledger was brought back, and before the clock was.
    let file = dir.path().join("dev/test-chain.json");
    let mut kept: Value = serde_json::from_slice(&std::fs::read(&file).unwrap()).unwrap();
    let first = node.json(&["block", "0"])["hash"].clone();
    assert_eq!((&kept["snapshots"][0]["tip"], &kept["reverting"]), (&first, &Value::Null));
    node.json(&["dev", "revert", &snapshot]);
    node.kill();
    kept["reverting"] = json!(1);
    std::fs::write(&file, kept.to_string()).unwrap();
    node.restart(&["--mine", "dev0"]);
    assert_eq!((node.height(), time(&node) < host + 600), (0, true), "the clock is back, too");
    assert_eq!(node.json(&["dev", "time", "--at", "2099-01-01"])["time"].as_u64().unwrap() / 60, 4_070_908_800 / 60);
    node.json(&["mine", "1"]);
    node.json(&["dev", "revert", &snapshot]);
    assert!(time(&node) < host + 600, "back with the state");
    let later = host + 7 * 86_400;
    assert_eq!(call(&node, "setmocktime", json!([later])), Ok(Value::Null));
    pay(&node, "dev9", "5");
    assert!((later..later + 600).contains(&tip_time(&node)));
    assert_eq!(call(&node, "evm_increaseTime", json!([60])).unwrap().as_i64().unwrap() / 600, 7 * 144);
    assert_eq!(node.status()["state"], "synced");
}

#[test]
fn nothing_of_it_works_on_a_chain_that_is_not_for_tests() {
    let dir = TempDir::new();
    let file = dir.path().join("meadow.toml");
    std::fs::write(&file, stdout(&cli_on(dir.path(), "local", &["genesis", "new", "--name", "meadow"]))).unwrap();
    let node = TestNode::start_on(dir.path(), file.to_str().unwrap(), &["--is-bootnode"]);
    for order in [&["snapshot"][..], &["revert", "1"], &["time", "+1h"], &["reorg", "1"]] {
        let refused = node.cli(&[&["dev"], order].concat());
        assert_eq!(refused.status.code(), Some(2), "{order:?}: {}", stderr(&refused));
        assert!(stderr(&refused).contains("test chains"), "{}", stderr(&refused));
    }
    let cookie = std::fs::read_to_string(dir.path().join("meadow/rpc.cookie")).unwrap();
    let client = Client::new(node.http(), cookie.trim());
    let tip = node.status()["tip"].clone();
    for (method, params) in [
        ("devsnapshot", json!([])),
        ("devsnapshots", json!([])),
        ("devrevert", json!([1])),
        ("evm_snapshot", json!([])),
        ("evm_revert", json!([1])),
        ("devtime", json!([60])),
        ("setmocktime", json!([4_000_000_000u64])),
        ("devreorg", json!([1])),
        ("invalidateblock", json!([tip])),
        ("reconsiderblock", json!([tip])),
    ] {
        let refused = client.call(method, params).unwrap_err().to_string();
        assert!(refused.contains("test chains"), "{method}: {refused}");
    }
    assert_eq!(node.status()["tip"], tip);
}

#[test]
fn an_app_in_another_language_brings_its_node_back_after_each_of_its_tests() {
    if Command::new("python3").arg("--version").output().is_err() {
        println!("skipped: there is no python3");
        return;
    }
    let dir = TempDir::new();
    let node = dev(&dir);
    let address = node.json(&["key", "show", "dev9"])["address"].as_str().unwrap().to_owned();
    let cookie = std::fs::read_to_string(dir.path().join("dev/rpc.cookie")).unwrap();
    let script = concat!(env!("CARGO_MANIFEST_DIR"), "/tests/clients/rehearse.py");
    let url = format!("http://{}/rpc", node.http());
    let mut python = Command::new("python3");
    python.args([script, &url, cookie.trim(), &address, BIN, "-d", dir.path().to_str().unwrap(), "--chain", "dev"]);
    let output = python.output().unwrap();
    assert!(output.status.success() && stdout(&output).trim() == "ok 8", "{}{}", stdout(&output), stderr(&output));
}

/// Kills nodes at moments of a return over many blocks: they are before it or after it, and it can be done again.
#[test]
fn a_node_that_is_killed_in_the_middle_of_a_return_goes_on() {
    let dir = TempDir::new();
    let args = ["--mine", "dev0", "--log", "info,ledger=debug"];
    let mut node = TestNode::start_on(dir.path(), "dev", &args);
    pay(&node, "dev9", "5");
    let start = node.status();
    node.json(&["dev", "snapshot"]);
    let (mut before, mut after) = (0, 0);
    for (round, wait_ms) in [0, 20, 80, 200, 300, 450, 60_000].into_iter().enumerate() {
        node.json(&["mine", "150"]);
        pay(&node, "dev9", "70");
        let high = node.height();
        let begun = |node: &TestNode| node.log().matches("reorganising: ").count();
        let earlier = begun(&node);
        let mut order = node.command(&["dev", "revert", "1"]).stderr(Stdio::null()).spawn().unwrap();
        let patience = Instant::now() + Duration::from_secs(60);
        while begun(&node) == earlier {
            assert!(Instant::now() < patience, "no return in time");
        }
        let moment = Instant::now() + Duration::from_millis(wait_ms);
        while Instant::now() < moment && order.try_wait().unwrap().is_none() {
            std::hint::spin_loop();
        }
        node.kill();
        drop(order.wait());
        let checked = cli_on(dir.path(), "dev", &["verify", "--deep", "--json"]);
        assert!(checked.status.success(), "round {round}: {}", stderr(&checked));
        node.restart(&args);
        match node.height() {
            height if height == high => before += 1,
            height => {
                assert_eq!(height, start["height"].as_u64().unwrap(), "round {round}: neither before nor after");
                after += 1;
            }
        }
        node.json(&["dev", "revert", "1"]);
        assert_eq!([&node.status()["tip"], &node.status()["state_digest"]], [&start["tip"], &start["state_digest"]]);
    }
    // How many are before it depends on the host: a fast one has returned when the first kill comes.
    println!("killed before the return counted: {before}, after: {after}");
    assert!(after > 0, "the last kill comes after it");
}
