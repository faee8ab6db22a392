//! Payments that a reorganisation undid.

use serde_json::{Value, json};

use super::support::{TestNode, stderr, stdout};

/// Pays from a key and returns the transaction's id.
fn pay(node: &TestNode, to: &str, amount: &str, from: &str) -> String {
    node.json(&["send", to, amount, "--from", from])["id"].as_str().expect("it has an id").to_owned()
}

/// The payments that the events of a node say were undone.
fn undone(node: &TestNode) -> Vec<Value> {
    let events = stdout(&node.cli(&["events", "--since", "0", "--for", "1s"]));
    let events = events.lines().filter_map(|line| serde_json::from_str::<Value>(line).ok());
    events.filter_map(|event| event["undone"].as_array().cloned()).flatten().collect()
}

/// Two nodes that have met and refuse each other until `net allow`.
fn parted_nodes() -> (TestNode, TestNode) {
    let one = TestNode::start(&["--is-bootnode"]);
    let address = one.p2p().to_string();
    let two = TestNode::start(&["--connect", &address]);
    one.wait(&["peers", "1"]);
    two.wait(&["synced"]);
    one.json(&["net", "deny", &two.p2p().to_string()]);
    two.json(&["net", "deny", &address]);
    (one, two)
}

#[test]
fn a_payment_that_a_reorganisation_undid_says_what_has_become_of_it() {
    let (one, two) = parted_nodes();
    one.json(&["key", "new", "carol"]);
    one.json(&["mine", "6", "--to", "carol"]);
    // This payment spends a reward that vanishes, the next one a coin that the other side spends differently.
    let orphan = pay(&one, "dev1", "100", "carol");
    let loser = pay(&one, "dev2", "5", "dev8");
    one.json(&["mine", "1"]);
    assert_eq!(one.json(&["tx", &loser])["status"], "confirmed");
    let winner = pay(&two, "dev3", "7", "dev8");
    two.json(&["mine", "9"]);
    one.json(&["net", "allow"]);
    two.json(&["net", "allow"]);
    one.wait(&["height", "9"]);
    one.wait(&["tx", &winner]);
    let tx = one.json(&["tx", &loser]);
    assert_eq!(
        (&tx["status"], &tx["conflicts_with"], &tx["confirmations"]),
        (&json!("conflicted"), &json!(winner), &json!(0))
    );
    let tx = one.json(&["tx", &orphan]);
    assert_eq!((&tx["status"], &tx["conflicts_with"]), (&json!("orphaned"), &Value::Null));
    let waited = one.cli(&["wait", "tx", &loser, "--timeout", "60"]);
    assert_eq!(waited.status.code(), Some(5), "{}", stderr(&waited));
    assert!(stderr(&waited).contains(&winner), "{}", stderr(&waited));
    let told = undone(&one);
    assert!(told.contains(&json!({ "id": loser, "status": "conflicted", "conflicts_with": winner })), "{told:?}");
    assert!(told.contains(&json!({ "id": orphan, "status": "orphaned", "conflicts_with": null })), "{told:?}");
}

/// The other payment is in a block; this one waited in the mempool only, and no reorganisation took place.
#[test]
fn a_payment_that_left_the_mempool_for_a_rival_says_so() {
    let (one, two) = parted_nodes();
    let loser = pay(&one, "dev2", "5", "dev8");
    let winner = pay(&two, "dev3", "7", "dev8");
    two.json(&["mine", "1"]);
    one.json(&["net", "allow"]);
    two.json(&["net", "allow"]);
    one.wait(&["tx", &winner]);
    let tx = one.json(&["tx", &loser]);
    assert_eq!(
        (&tx["status"], &tx["conflicts_with"], &tx["block"]),
        (&json!("conflicted"), &json!(winner), &Value::Null)
    );
    let waited = one.cli(&["wait", "tx", &loser, "--timeout", "60"]);
    assert_eq!(waited.status.code(), Some(5), "{}", stderr(&waited));
    assert!(stderr(&waited).contains(&winner), "{}", stderr(&waited));
}
