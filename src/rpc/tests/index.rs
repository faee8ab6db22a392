//! Questions that the index answers, or does not yet.

use serde_json::{Value, json};

use super::harness::Rig;
use crate::{base::hash::hex, chain::key::SecretKey, node::SyncState};

/// What each well-known account has at the start.
const GENESIS_COIN: u64 = 100_000_000_000_000;

#[test]
fn a_confirmed_transaction_is_found_at_each_moment_of_its_indexing() {
    let mut rig = Rig::new();
    for amount in 1..=150 {
        let transfer = rig.transfer(amount);
        rig.extend(vec![transfer.clone()]);
        // The indexer takes the block in while this goes on.
        for _ in 0..4 {
            assert_eq!(rig.result("getrawtransaction", json!([transfer.txid()])), json!(hex(&transfer.to_bytes())));
        }
    }
}

/// The index follows a block after a moment; an answer in between would lack what the client has just done.
#[test]
fn questions_right_after_a_block_wait_for_the_index() {
    let mut rig = Rig::new();
    rig.wait_for_index(0);
    rig.set_state(SyncState::Synced);
    let to = SecretKey::well_known(1).address().to_text(&rig.maker.spec().prefix);
    for height in [1, 3, 5, 7] {
        let transaction = rig.transfer(1000);
        let block = rig.extend(vec![transaction]);
        let txid = block.transactions[1].txid.to_string();
        let history = rig.result("history", json!([to]));
        assert_eq!((&history["indexed"], &history["entries"][0]["txid"]), (&json!(height), &json!(txid)));
        let transaction = rig.transfer(1000);
        let txid = rig.extend(vec![transaction]).transactions[1].txid.to_string();
        assert_eq!(rig.result("tx", json!([txid[..16]]))["status"], "confirmed");
    }
}

#[test]
fn a_transaction_s_prefix_is_found_once_it_is_indexed() {
    let mut rig = Rig::new();
    let transfer = rig.transfer(5);
    rig.extend(vec![transfer.clone()]);
    rig.wait_for_index(1);
    let txid = transfer.txid().to_string();
    assert_eq!(rig.result("tx", json!([txid[..9]]))["id"], json!(txid));
    assert_eq!(rig.code("tx", json!(["000000000000"])), -5);
}

#[test]
fn balance_counts_chain_and_mempool_once_each() {
    let mut rig = Rig::new();
    let spec = rig.maker.spec().clone();
    let text = |number| SecretKey::well_known(number).address().to_text(&spec.prefix);
    let transfer = rig.transfer(5);
    rig.extend(vec![transfer]);
    assert_eq!(rig.result("balance", json!([text(1)]))["confirmed"], GENESIS_COIN + 5);
    // The miner of the block: its coinbase matures at height 2, which the next block has.
    assert_eq!(rig.result("balance", json!([text(9)]))["immature"], 0);
    let pending = rig.transfer(7);
    rig.put_into_pool(&pending);
    let receiver = rig.result("balance", json!([text(1)]));
    assert_eq!((&receiver["pending"], &receiver["spendable"]), (&json!(7), &receiver["confirmed"]));
    let sender = rig.result("balance", json!([text(0)]));
    assert_eq!((&sender["spendable"], &sender["spending"]), (&json!(0), &sender["confirmed"]));
    assert!(sender["pending"].as_u64().unwrap() > 0, "the change");
    let coins = rig.result("coins", json!([text(1)]));
    let row = |coin: &Value| (coin["amount"].as_u64().unwrap(), coin["spendable"] == true, coin["pending"] == true);
    let rows: Vec<_> = coins.as_array().unwrap().iter().map(row).collect();
    assert_eq!(rows, [(GENESIS_COIN, true, false), (5, true, false), (7, true, true)]);
    assert_eq!(rig.result("getbalance", json!([text(1)])), receiver["confirmed"]);
    assert_eq!(rig.code("balance", json!(["ltus1nonsense"])), -8);
    let output = rig.result("gettxout", json!([coins[1]["txid"], coins[1]["index"]]));
    assert_eq!((&output["value"], &output["confirmations"]), (&json!(5), &json!(1)));
}

#[test]
fn history_comes_in_pages() {
    let mut rig = Rig::new();
    let spec = rig.maker.spec().clone();
    let address = SecretKey::well_known(1).address().to_text(&spec.prefix);
    let transfers: Vec<_> = (1..=5)
        .map(|amount| {
            let t = rig.transfer(amount);
            rig.extend(vec![t.clone()]);
            t
        })
        .collect();
    rig.wait_for_index(5);
    let page = rig.result("history", json!([address, 3]));
    let received = |page: &Value| -> Vec<u64> {
        page["entries"].as_array().unwrap().iter().map(|entry| entry["received"].as_u64().unwrap()).collect()
    };
    assert_eq!(received(&page), [5, 4, 3]);
    assert_eq!(page["entries"][0]["txid"], json!(transfers[4].txid()));
    let rest = rig.result("history", json!({ "address": address, "limit": 4, "before": page["next"] }));
    assert_eq!(received(&rest), [2, 1, GENESIS_COIN]);
    assert_eq!(rest["next"], Value::Null);
}

#[test]
fn without_an_index_there_are_balances_and_recent_transactions_but_no_histories() {
    let mut rig = Rig::without_index();
    let transfer = rig.transfer(3);
    rig.extend(vec![transfer.clone()]);
    let address = SecretKey::well_known(1).address().to_text(&rig.maker.spec().prefix);
    assert_eq!(rig.result("tx", json!([transfer.txid()]))["status"], "confirmed");
    assert_eq!(rig.result("balance", json!([address]))["coins"], 2);
    let refused = rig.call("history", json!([address]));
    assert_eq!(refused["error"]["code"], -26);
    assert!(refused["error"]["message"].as_str().unwrap().contains("--no-index"), "{refused}");
    let unknown = rig.call("tx", json!(["00".repeat(32)]));
    assert_eq!(unknown["error"]["code"], -5);
    assert!(unknown["error"]["message"].as_str().unwrap().contains("no index"), "{unknown}");
    assert_eq!(rig.result("status", json!([]))["indexed"], Value::Null);
    assert!(!rig.dir.join("index.db").exists());
}

#[test]
fn a_deleted_index_is_rebuilt() {
    let mut rig = Rig::new();
    let transfer = rig.transfer(1);
    rig.extend(vec![transfer.clone()]);
    rig.wait_for_index(1);
    for suffix in ["", "-wal", "-shm"] {
        let _ = std::fs::remove_file(rig.dir.join(format!("index.db{suffix}")));
    }
    rig.extend(vec![]);
    // The block may have gone into the deleted file. A search for a prefix opens the new one.
    let prefix = &transfer.txid().to_string()[..12];
    rig.until(|rig| rig.dir.join("index.db").exists() && rig.call("tx", json!([prefix])).get("result").is_some());
}
