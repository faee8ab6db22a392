//! Memos are found, wherever they are, and shown so that they do no harm.

use serde_json::{Value, json};

use super::harness::Rig;
use crate::{chain::key::SecretKey, node::SyncState};

fn pay(rig: &mut Rig, memo: &[u8]) -> crate::chain::transaction::Transaction {
    let to = SecretKey::well_known(1).address();
    rig.maker.transfer_with_memo(&SecretKey::well_known(0), to, [7, 1], memo)
}

fn memos(found: &Value) -> Vec<&str> {
    found["memos"].as_array().unwrap().iter().map(|row| row["memo"].as_str().unwrap()).collect()
}

#[test]
fn memos_are_found_in_the_chain_and_in_the_mempool_once_each() {
    let mut rig = Rig::new();
    rig.wait_for_index(0);
    rig.set_state(SyncState::Synced);
    let paid: Vec<_> =
        ["Invoice 4711", "invoice 4712", "Rechnung Nº 4711"].map(|memo| pay(&mut rig, memo.as_bytes())).into();
    let block = rig.extend(paid.clone());
    let waiting = pay(&mut rig, b"again: 4711");
    rig.put_into_pool(&waiting);
    rig.put_into_pool(&paid[0]);
    let found = rig.result("search", json!([4711]));
    assert_eq!(memos(&found), ["Rechnung Nº 4711", "Invoice 4711"], "a question waits for the index");
    let own = SecretKey::well_known(0).address().to_text(&rig.maker.spec().prefix);
    let row = &found["memos"][0];
    assert_eq!(
        (&row["txid"], &row["from"], &row["outputs"][0]["amount"], &row["fee"], &row["confirmations"]),
        (&json!(paid[2].txid()), &json!(own), &json!(7), &json!(1), &json!(1))
    );
    assert_eq!((&row["time"], &row["exact"]), (&json!(block.header.time), &json!(false)));
    assert_eq!((found["pending"].as_array().unwrap().len(), &found["pending"][0]["memo"]), (1, &json!("again: 4711")));
    assert_eq!([&found["kind"], &found["next"], &found["indexed_from"]], [&Value::Null, &Value::Null, &json!(0)]);
    // In pages, and as a whole.
    let first = rig.result("search", json!({ "text": "invoice", "limit": 1 }));
    let rest = rig.result("search", json!({ "text": "invoice", "limit": 9, "before": first["next"] }));
    assert_eq!((memos(&first), memos(&rest)), (vec!["invoice 4712"], vec!["Invoice 4711"]));
    assert_eq!((&rest["next"], &rest["pending"]), (&Value::Null, &json!([])));
    assert_eq!(memos(&rig.result("search", json!(["invoice 4712", true]))), ["invoice 4712"]);
    assert_eq!(memos(&rig.result("search", json!(["Invoice 4712", true]))), Vec::<&str>::new());
    // What the text names besides.
    for (text, kind, id) in [
        (json!(1), "block", rig.maker.hash().to_string()),
        (json!(paid[1].txid()), "tx", paid[1].txid().to_string()),
        (json!(waiting.txid().to_string()[..12]), "tx", waiting.txid().to_string()),
        (json!(own), "address", own.clone()),
    ] {
        let found = rig.result("search", json!([text]));
        assert_eq!((&found["kind"], &found["id"]), (&json!(kind), &json!(id)), "{found}");
    }
    for wrong in [json!([" "]), json!(["x".repeat(1025)]), json!(["a", false, "x"]), json!(["a", false, null, 101])] {
        assert_eq!(rig.code("search", wrong), -8);
    }
}

#[test]
fn the_page_s_search_leads_to_memos_and_no_hostile_text_comes_out_raw() {
    let mut rig = Rig::new();
    rig.wait_for_index(0);
    rig.set_state(SyncState::Synced);
    let hostile = "\u{1b}[2J\u{202e}gold".as_bytes();
    let paid = [pay(&mut rig, b"a/b 100% \"gold\""), pay(&mut rig, hostile), pay(&mut rig, &[0xff, 0xfe])];
    rig.extend(paid.into());
    let lead = rig.get("/api/search?q=GOLD%20a").json();
    assert_eq!(lead, json!({ "kind": "memos", "id": "GOLD a" }));
    let found = rig.get("/api/memos?q=gold&limit=5").json();
    let as_hex = crate::base::hash::hex(hostile);
    assert_eq!(memos(&found), [as_hex.as_str(), "a/b 100% \"gold\""]);
    assert_eq!(memos(&rig.get("/api/memos?q=fffe").json()), ["fffe"]);
    assert_eq!(rig.get("/api/search?q=silver").status, 404);
    let waiting = pay(&mut rig, b"for silver");
    rig.put_into_pool(&waiting);
    assert_eq!(rig.get("/api/search?q=silver").json()["kind"], "memos", "it waits");
    assert_eq!(rig.get("/api/search?q=abcdef").status, 404, "it could be an id");
    let ambiguous = rig.get("/api/memos?q=").status;
    assert_eq!(ambiguous, 400);
}

#[test]
fn without_an_index_there_is_no_search_for_memos() {
    let rig = Rig::without_index();
    let refused = rig.call("search", json!(["x"]));
    assert_eq!(refused["error"]["code"], -26);
    assert!(refused["error"]["message"].as_str().unwrap().contains("--no-index"), "{refused}");
    assert_eq!(rig.get("/api/search?q=words").status, 404);
}

/// Who pays decides how long the rows are.
#[test]
fn an_answer_ends_after_some_bytes_and_the_next_goes_on_there() {
    let mut rig = Rig::new();
    rig.wait_for_index(0);
    let blocks = 14;
    rig.extend_with_long_payments(blocks, 250, b"bulk");
    rig.wait_for_index(blocks);
    let (mut before, mut heights, mut answers) = (Value::Null, Vec::new(), 0);
    loop {
        let found = rig.result("search", json!({ "text": "bulk", "limit": 100, "before": before }));
        assert!(found.to_string().len() < 200 << 10, "{}", found.to_string().len());
        heights.extend(found["memos"].as_array().unwrap().iter().map(|row| row["height"].as_u64().unwrap()));
        (before, answers) = (found["next"].clone(), answers + 1);
        if before.is_null() {
            break;
        }
    }
    assert_eq!(heights, (1..=blocks).rev().collect::<Vec<_>>());
    assert!(answers > 1);
}
