//! Paying over RPC with a token that may spend.

use std::{collections::BTreeSet, thread};

use serde_json::json;
use tussock::rpc::client::{Client, ClientError};

use super::support::TestNode;

fn token(node: &TestNode, may: &str) -> Client {
    let answer = node.json(&["token", "new", may, "--may", may]);
    Client::new(node.http(), &format!("{may}:{}", answer["token"].as_str().unwrap()))
}

#[test]
fn only_a_token_that_may_spend_pays_with_the_node_s_keys() {
    let node = TestNode::start(&[]);
    for may in ["read", "pay", "operate"] {
        let client = token(&node, may);
        for (method, params) in [("getnewaddress", json!([])), ("listunspent", json!([])), ("sendtoaddress", json!([]))]
        {
            let refused = client.call(method, params).unwrap_err();
            assert!(matches!(refused, ClientError::Refused { code: -32003, .. }), "{may} {method}: {refused}");
        }
    }
    let client = token(&node, "spend");
    assert!(matches!(client.call("stop", json!([])).unwrap_err(), ClientError::Refused { code: -32003, .. }));
    let address = client.call("getnewaddress", json!(["till"])).unwrap();
    let id =
        client.call("sendtoaddress", json!([address, 250_000, "", "", false, null, null, null, null, 2000])).unwrap();
    node.json(&["mine", "1"]);
    assert_eq!(node.json(&["tx", id.as_str().unwrap()])["fee"].as_u64().map(|fee| fee > 300), Some(true));
    let rows = client.call("listtransactions", json!(["till"])).unwrap();
    let row = &rows[0];
    assert_eq!((&row["category"], &row["amount"], &row["txid"]), (&json!("receive"), &json!(250_000), &id), "{rows}");
    // A command finds the key that RPC has made, and pays with it.
    let names = node.json(&["key", "list"]);
    let name = names.as_array().unwrap().iter().find(|key| key["address"] == address).unwrap()["name"].clone();
    node.json(&["send", "dev1", "5", "--from", name.as_str().unwrap()]);
}

/// All of them spend one coin and its change: each must wait for the one before.
#[test]
fn payments_at_once_over_rpc_and_by_command_take_different_coins() {
    let node = TestNode::start(&[]);
    node.json(&["mine", "1"]);
    let client = token(&node, "spend");
    let address = node.json(&["key", "show", "dev5"])["address"].clone();
    let pay = || client.call("sendtoaddress", json!([address, 10])).map(|id| id.as_str().unwrap().to_owned());
    let ids: Vec<String> = thread::scope(|scope| {
        let calls: Vec<_> = (0..8).map(|_| scope.spawn(pay)).collect();
        let commands: Vec<_> =
            (0..2).map(|_| scope.spawn(|| node.json(&["send", "dev5", "10", "--from", "dev0"]))).collect();
        let mut ids: Vec<String> = calls.into_iter().map(|call| call.join().unwrap().unwrap()).collect();
        let texts = commands.into_iter().map(|command| command.join().unwrap()["id"].as_str().unwrap().to_owned());
        ids.extend(texts);
        ids
    });
    assert_eq!(ids.iter().collect::<BTreeSet<_>>().len(), 10);
    node.json(&["mine", "1"]);
    for id in ids {
        assert_eq!(node.json(&["tx", &id])["status"], "confirmed");
    }
}

/// A payment that builds on more than 25 others without a block is refused: confirmed coins pay first.
#[test]
fn a_wallet_of_many_coins_pays_more_often_than_a_chain_of_change_is_long() {
    let node = TestNode::start(&[]);
    node.json(&["mine", "35"]);
    let client = token(&node, "spend");
    let address = node.json(&["key", "show", "dev5"])["address"].clone();
    let ids = (0..30).map(|_| client.call("sendtoaddress", json!([address, 10])).unwrap().to_string());
    assert_eq!(ids.collect::<BTreeSet<_>>().len(), 30);
}

#[test]
fn a_payment_of_several_keys_is_bumped_and_cancelled() {
    let node = TestNode::start(&[]);
    let client = token(&node, "spend");
    let second = client.call("getnewaddress", json!(["second"])).unwrap();
    let half = node.json(&["balance", "dev0"])["spendable"].as_u64().unwrap() / 2;
    client.call("sendtoaddress", json!([second, half])).unwrap();
    node.json(&["mine", "1", "--to", "dev5"]);
    let payee = node.json(&["balance", "dev1"])["address"].clone();
    let paid = client.call("sendtoaddress", json!([payee, half / 2 * 3])).unwrap();
    let paid = paid.as_str().unwrap();
    assert_eq!(node.json(&["tx", paid])["inputs"].as_array().unwrap().len(), 2);
    let bumped = node.json(&["bump", paid]);
    assert_eq!(bumped["replaces"], paid);
    let cancelled = node.json(&["cancel", bumped["id"].as_str().unwrap()]);
    node.json(&["mine", "1", "--to", "dev5"]);
    assert_eq!(node.json(&["tx", cancelled["id"].as_str().unwrap()])["status"], "confirmed");
}

/// What a program makes over RPC, a person signs where the key is.
#[test]
fn an_unsigned_transaction_of_rpc_is_read_and_signed_by_commands() {
    let node = TestNode::start(&[]);
    let client = token(&node, "read");
    let coin = client.call("coins", json!([node.json(&["balance", "dev3"])["address"]])).unwrap();
    let coin = json!({ "txid": coin[0]["txid"], "vout": coin[0]["index"] });
    let payee = node.json(&["balance", "dev4"])["address"].as_str().unwrap().to_owned();
    let rest = node.json(&["balance", "dev3"])["spendable"].as_u64().unwrap() - 600;
    let made = client.call("createrawtransaction", json!([[coin], { payee: rest }])).unwrap();
    let file = node.dir.join("payment").display().to_string();
    std::fs::write(&file, made.as_str().unwrap()).unwrap();
    let decoded = node.json(&["tx", "decode", &file]);
    assert_eq!((&decoded["signed"], &decoded["fee"]), (&json!(false), &json!(600)), "{decoded}");
    node.json(&["tx", "sign", &file, "--yes", "--file", &file]);
    let id = node.json(&["tx", "submit", &file])["id"].as_str().unwrap().to_owned();
    node.json(&["mine", "1"]);
    assert_eq!(node.json(&["tx", &id])["status"], "confirmed");
}
