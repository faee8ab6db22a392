//! What the page asks for: who pays whom, what spends what, fees, the wall; and the paths that lead to its views.

use serde_json::{Value, json};

use super::harness::{Answer, Rig};
use crate::{
    chain::{
        key::SecretKey,
        testkit,
        transaction::{OutPoint, Output, Transaction},
    },
    node::SyncState,
};

fn address(rig: &Rig, number: u32) -> String {
    SecretKey::well_known(number).address().to_text(&rig.maker.spec().prefix)
}

/// A payment of account 1 to account 2 with the first output of `from`.
fn onward(rig: &Rig, from: &Transaction, amount: u64) -> Transaction {
    let coin = OutPoint { txid: from.txid(), index: 0 };
    let output = Output { amount: amount - 1, address: SecretKey::well_known(2).address() };
    let genesis = rig.maker.spec().genesis_hash();
    testkit::spend(&[(coin, amount, &SecretKey::well_known(1))], vec![output], b"onward", &genesis)
}

#[test]
fn a_block_tells_its_miner_and_fees_and_who_pays_whom_in_it() {
    let mut rig = Rig::new();
    let (first, second) = (rig.transfer(30), rig.transfer(40));
    let block = rig.extend(vec![first.clone(), second]);
    let facts = rig.get("/api/block/1").json();
    assert_eq!((&facts["miner"], &facts["fees"]), (&json!(address(&rig, 9)), &json!(2)));
    let coinbase = &block.transactions[0].transaction;
    assert_eq!(facts["reward"], coinbase.outputs[0].amount);
    assert!(facts.get("replaced_by").is_none());
    let page = rig.get("/api/block/1/txs?limit=2").json();
    assert_eq!((&page["count"], &page["next"]), (&json!(3), &json!(2)));
    let [made, paid] = [0, 1].map(|at| page["transactions"][at].clone());
    assert_eq!(
        (&made["coinbase"], &made["fee"], &made["from"], &made["to"]),
        (&json!(true), &Value::Null, &Value::Null, &facts["miner"])
    );
    assert_eq!((&paid["from"], &paid["to"]), (&json!(address(&rig, 0)), &json!(address(&rig, 1))));
    assert_eq!((&paid["paid"], &paid["fee"]), (&json!(30), &json!(1)), "without the change");
    let rest = rig.get("/api/block/1/txs?from=2").json();
    assert_eq!((rest["transactions"].as_array().unwrap().len(), &rest["next"]), (1, &Value::Null));
    assert_eq!(rig.get("/api/block/1/txs?from=99").json()["transactions"], json!([]));
    assert_eq!(rig.get("/api/block/99/txs").status, 404);
    let tx = rig.get(&format!("/api/tx/{}", first.txid())).json();
    assert_eq!(tx["fee_rate"], 1000 / tx["size"].as_u64().unwrap());
    assert_eq!(rig.get(&format!("/api/tx/{}/hex", first.txid())).json(), crate::base::hash::hex(&first.to_bytes()));
}

#[test]
fn an_orphan_block_names_the_one_in_its_place_and_what_it_made_is_spent_by_nothing() {
    let mut rig = Rig::new();
    let before = rig.maker.fork();
    let lost = rig.transfer(30);
    let orphan = rig.extend(vec![lost.clone()]);
    rig.undo(&orphan, &before);
    let path = format!("/api/block/{}", orphan.hash);
    assert_eq!(rig.get(&path).json()["replaced_by"], Value::Null, "no block of that height yet");
    rig.extend(Vec::new());
    let winner = rig.extend(Vec::new());
    let winner = rig.get(&format!("/api/block/{}", winner.header.height - 1)).json()["hash"].clone();
    assert_eq!(rig.get(&path).json()["replaced_by"], winner);
    assert_eq!(rig.result("getblock", json!([orphan.hash]))["replaced_by"], winner);
    rig.wait_for_index(2);
    let spends = rig.get(&format!("/api/tx/{}/outspends", lost.txid())).json();
    assert_eq!(spends[0], json!({ "index": 0, "spent": null, "txid": null, "height": null }));
}

#[test]
fn each_output_names_what_spends_it_in_the_chain_and_in_the_mempool() {
    let mut rig = Rig::new();
    let first = rig.transfer(30);
    rig.extend(vec![first.clone()]);
    let second = onward(&rig, &first, 30);
    // Others of the same owner lie between.
    for amount in [5, 30, 700] {
        let other = rig.transfer(amount);
        rig.extend(vec![other]);
    }
    rig.extend(vec![second.clone()]);
    rig.wait_for_index(5);
    let path = |id: &str| format!("/api/tx/{id}/outspends");
    let spends = rig.get(&path(&first.txid().to_string())).json();
    assert_eq!(spends[0], json!({ "index": 0, "spent": true, "txid": second.txid(), "height": 5 }));
    assert_eq!((&spends[1]["spent"], &spends[1]["height"]), (&json!(true), &json!(2)), "the change paid the next one");
    let unspent = json!([{ "index": 0, "spent": false, "txid": null, "height": null }]);
    assert_eq!(rig.get(&path(&second.txid().to_string()[..10])).json(), unspent);
    let coin = OutPoint { txid: second.txid(), index: 0 };
    let output = Output { amount: 28, address: SecretKey::well_known(3).address() };
    let genesis = rig.maker.spec().genesis_hash();
    let third = testkit::spend(&[(coin, 29, &SecretKey::well_known(2))], vec![output], b"", &genesis);
    rig.put_into_pool(&third);
    let waits = json!([{ "index": 0, "spent": true, "txid": third.txid(), "height": null }]);
    assert_eq!(rig.get(&path(&second.txid().to_string())).json(), waits);
    assert_eq!(rig.get(&path(&third.txid().to_string())).json(), unspent);
    assert_eq!((rig.get(&path(&"00".repeat(32))).status, rig.get(&path("xyz")).status), (404, 400));
}

#[test]
fn a_history_with_memos_names_the_other_side() {
    let mut rig = Rig::new();
    let first = rig.transfer(30);
    rig.extend(vec![first.clone()]);
    let second = onward(&rig, &first, 30);
    rig.put_into_pool(&second);
    rig.wait_for_index(1);
    let history = |number: u32| rig.get(&format!("/api/address/{}/txs?memos=true", address(&rig, number))).json();
    assert_eq!(history(1)["entries"][0]["counterparties"], json!([address(&rig, 0)]));
    assert_eq!(history(1)["pending"][0]["counterparties"], json!([address(&rig, 2)]));
    assert_eq!(history(0)["entries"][0]["counterparties"], json!([address(&rig, 1)]));
    assert_eq!(history(9)["entries"][0]["counterparties"], json!([]), "a coinbase");
    let plain = rig.get(&format!("/api/address/{}/txs", address(&rig, 0))).json();
    assert!(plain["entries"][0].get("counterparties").is_none());
    let refused = rig.get(&format!("/api/address/{}/txs?memos=true&limit=51", address(&rig, 0)));
    assert_eq!(refused.status, 400, "each memo takes to read a block");
}

#[test]
fn fee_bands_count_what_waits() {
    let mut rig = Rig::new();
    let nothing = rig.get("/api/mempool/fees").json();
    assert_eq!((&nothing["bands"], &nothing["count"]), (&json!([]), &json!(0)));
    let one = rig.transfer(3);
    rig.put_into_pool(&one);
    let fees = rig.get("/api/mempool/fees").json();
    let band = &fees["bands"][0];
    assert_eq!((&band["count"], &band["blocks"], &band["bytes"]), (&json!(1), &json!(1), &fees["bytes"]));
    assert!(band["from"].as_u64() <= Some(5) && band["below"].as_u64() > Some(4), "{band}");
    let listed = &rig.get("/api/mempool").json()["transactions"][0];
    assert_eq!((&listed["paid"], &listed["to"]), (&json!(3), &json!(address(&rig, 1))));
}

#[test]
fn the_search_knows_keys_that_everybody_has_and_heights_as_people_write_them() {
    let rig = Rig::new();
    let found = |text: &str| rig.get(&format!("/api/search?q={text}"));
    assert_eq!(found("dev1").json(), json!({ "kind": "address", "id": address(&rig, 1) }));
    for nothing in ["dev10", "dev", "dev01", "dev-1", "1,00", "1,0000", ",000", "0,a00"] {
        assert_ne!(found(nothing).status, 200, "{nothing}");
    }
    for genesis in ["0", "0,000", "0_000"] {
        assert_eq!(found(genesis).json()["kind"], "block", "{genesis}");
    }
}

#[test]
fn paths_of_other_explorers_lead_to_the_page_s_views() {
    let rig = Rig::new();
    for path in ["/tx/00ff", "/block/15", "/address/ltus1qqqq"] {
        let answer = rig.get(path);
        assert_eq!((answer.status, answer.body.as_str()), (302, ""), "{path}");
        assert!(answer.head.contains(&format!("\r\nLocation: ../#{path}\r\n")), "{answer:?}");
    }
    for path in ["/tx/", "/tx", "/tx/a/b", "/tx/%0d%0aX", "/tx/a;b", "/key/1", "/block/-1", "//evil.example/tx"] {
        assert_eq!(rig.get(path).status, 404, "{path}");
    }
    assert_eq!(rig.get(&format!("/tx/{}", "0".repeat(129))).status, 404);
}

fn ask(rig: &Rig, path: &str, fields: &str) -> Answer {
    let mut client = rig.client();
    client.send(&format!("GET {path} HTTP/1.1\r\nHost: 127.0.0.1:3030\r\n{fields}\r\n"));
    client.answer()
}

#[test]
fn pages_of_other_nodes_read_the_wall_without_credentials_and_nothing_else() {
    let mut rig = Rig::new();
    rig.extend(Vec::new());
    rig.set_state(SyncState::Synced);
    let other = "Origin: http://127.0.0.1:21801\r\nSec-Fetch-Site: same-site\r\nSec-Fetch-Mode: cors\r\n";
    let answer = ask(&rig, "/api/wall", other);
    assert_eq!(answer.status, 200, "{answer:?}");
    assert!(answer.head.contains("\r\nAccess-Control-Allow-Origin: http://127.0.0.1:21801\r\n"), "{answer:?}");
    assert!(!answer.head.to_lowercase().contains("allow-credentials"));
    let facts = answer.json();
    assert_eq!((&facts["height"], facts["recent"].as_array().unwrap().len()), (&json!(1), 2));
    assert!(facts["news"].as_array().unwrap().iter().any(|event| event["event"] == "state"), "{facts}");
    assert_eq!(facts["heard"], json!([{ "time": 7, "from": facts["peers"][0]["node_id"], "message": "Block" }]));
    assert!(facts["denied"][0]["address"].is_string() && facts["denied"][1]["node_id"].is_string(), "{facts}");
    for path in ["/api/status", "/api/summary", "/api/peers", "/", "/metrics", "/wall"] {
        let refused = ask(&rig, path, other);
        assert_eq!(refused.status, 403, "{path}");
        assert!(!refused.head.contains("Access-Control"), "{path}");
    }
    let foreign = "Origin: http://evil.example\r\nSec-Fetch-Site: cross-site\r\n";
    assert_eq!(ask(&rig, "/api/wall", foreign).status, 403);
    assert_eq!(ask(&rig, "/api/wall", "Sec-Fetch-Site: same-site\r\n").status, 403, "an image, or a script");
    assert!(!ask(&rig, "/api/wall", "").head.contains("Access-Control"), "a program");
}

#[test]
fn only_a_wall_may_connect_to_other_nodes_and_only_to_those_that_it_names() {
    let rig = Rig::new();
    let policy = |answer: &Answer| {
        let line = answer.head.lines().find(|line| line.starts_with("Content-Security-Policy: "));
        line.unwrap().split("connect-src ").nth(1).map(|rest| rest.split(';').next().unwrap().to_owned())
    };
    assert_eq!(policy(&ask(&rig, "/", "")).as_deref(), Some("'self'"));
    let wall = ask(&rig, "/wall?nodes=21801-21802,localhost:9", "");
    let named = "'self' http://127.0.0.1:21801 http://127.0.0.1:21802 http://localhost:9";
    assert_eq!((wall.status, policy(&wall).as_deref()), (200, Some(named)));
    assert!(wall.body.contains("{\"wall\":[\"http://127.0.0.1:21801\","), "the page knows them, too");
    assert_eq!(policy(&ask(&rig, "/wall", "")).as_deref(), Some("'self'"));
    for wrong in ["nodes=evil.example:80", "nodes=1-65", "nodes=x;script-src", "nodez=1"] {
        let refused = ask(&rig, &format!("/wall?{wrong}"), "");
        assert_eq!((refused.status, policy(&refused)), (400, None), "{wrong}");
    }
    let mut client = rig.client();
    client.send("GET /wall?nodes=1 HTTP/1.1\r\nHost: proxy.example\r\n\r\n");
    assert_eq!(client.answer().status, 403, "only on this machine");
}
