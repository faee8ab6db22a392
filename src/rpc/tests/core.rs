//! Methods and forms that clients of Bitcoin Core use.

use serde_json::{Value, json};

use super::harness::Rig;
use crate::{
    base::{
        codec::List,
        hash::{Domain, hex, unhex},
        limits,
    },
    chain::{
        key::SecretKey,
        testkit,
        transaction::{OutPoint, Output},
    },
    node::command::{Command, GossipCommand},
};

#[test]
fn a_client_of_1_x_is_answered_at_the_root_as_bitcoin_core_does() {
    let rig = Rig::new();
    let mut client = rig.client();
    for (body, status, text) in [
        (r#"{"version":"1.1","method":"ping","id":1}"#, 200, r#"{"result":"pong","error":null,"id":1}"#),
        (r#"{"method":"block","params":[99],"id":2}"#, 500, r#"{"result":null,"error":{"code":-5,"#),
        (r#"{"method":"nix","id":3}"#, 404, r#"{"result":null,"error":{"code":-32601,"#),
    ] {
        client.post("/", "text/plain;", body);
        let answer = client.answer();
        assert_eq!(answer.status, status, "{answer:?}");
        assert!(answer.body.starts_with(text), "{answer:?}");
    }
}

#[test]
fn integers_of_64_bits_are_strings_on_request() {
    let mut rig = Rig::new();
    rig.extend(vec![]);
    let nonce = rig.result("block", json!([1]))["nonce"].clone();
    let mut client = rig.client();
    client.post("/rpc?integers=strings", "application/json", r#"{"method":"block","params":[1],"id":1}"#);
    let block = client.answer().json()["result"].clone();
    assert_eq!((&block["nonce"], &block["height"]), (&json!(nonce.to_string()), &json!(1)));
    let address = SecretKey::well_known(1).address().to_text(&rig.maker.spec().prefix);
    let balance = rig.get(&format!("/api/address/{address}?integers=strings")).json();
    assert_eq!((&balance["confirmed"], &balance["coins"]), (&json!("100000000000000"), &json!(1)));
}

#[test]
fn a_body_with_the_largest_block_is_read() {
    let rig = Rig::new();
    let mut client = rig.client();
    let block = "0".repeat(2 * limits::MAX_BLOCK_MESSAGE_BYTES);
    client.post("/", "text/plain", &json!({ "method": "submitblock", "params": [block], "id": 1 }).to_string());
    assert_eq!(client.answer().json()["error"]["code"], -22, "it is not a block, but it was read");
}

#[test]
fn a_transaction_is_decoded_and_judged_without_being_sent() {
    let mut rig = Rig::new();
    let good = rig.transfer(5);
    let mut unsigned = good.clone();
    unsigned.memo = List::truncated(*b"not signed");
    let encoded = [&good, &unsigned].map(|transaction| hex(&transaction.to_bytes()));
    let decoded = rig.result("decoderawtransaction", json!([encoded[0]]));
    assert_eq!((&decoded["id"], &decoded["outputs"][0]["amount"]), (&json!(good.txid()), &json!(5)));
    let by_core = (&decoded["txid"], &decoded["vout"][0]["value"], &decoded["vin"][0]["txid"]);
    assert_eq!(by_core, (&decoded["id"], &json!(5), &decoded["inputs"][0]["txid"]));
    let named: u64 = good.inputs.iter().map(|input| input.amount).sum();
    assert_eq!((&decoded["fee"], &decoded["inputs"][0]["amount"]), (&json!(1), &json!(named)), "without its coin");
    let mut wrong = good.clone();
    wrong.inputs.as_mut_slice()[0].amount += 1;
    SecretKey::well_known(0).sign_transaction(&mut wrong, &rig.maker.spec().genesis_hash());
    let refused = rig.result("testmempoolaccept", json!([[hex(&wrong.to_bytes())]]));
    let reason = format!("input 0 names the amount {} of a coin of {named}", named + 1);
    assert_eq!(refused[0]["reject-reason"], reason);
    let old = rig.call("decoderawtransaction", json!(["010000000000"]));
    assert!(old["error"]["message"].as_str().unwrap().contains("protocol 1"), "{old}");
    let verdicts = rig.result("testmempoolaccept", json!([encoded]));
    assert_eq!((&verdicts[0]["allowed"], &verdicts[0]["fees"]["base"]), (&json!(true), &json!(1)));
    assert_eq!(verdicts[1]["reject-reason"], "input 0 has no valid signature");
    let mut late = good.clone();
    late.memo = List::truncated(*b"late");
    let unsigned_late = late.clone();
    SecretKey::well_known(0).sign_transaction(&mut late, &rig.maker.spec().genesis_hash());
    let verdicts = rig.result("testmempoolaccept", json!([[hex(&late.to_bytes()), hex(&unsigned_late.to_bytes())]]));
    assert_eq!((&verdicts[0]["allowed"], &verdicts[0]["reject-word"]), (&json!(false), &json!("long-chain")));
    assert_eq!(verdicts[1]["reject-word"], "invalid", "what no block changes is said first");
    rig.put_into_pool(&good);
    let again = rig.result("testmempoolaccept", json!([[encoded[0]]]));
    assert_eq!(again[0]["reject-reason"], "already in the mempool");
    let conflict = rig.result("testmempoolaccept", json!([[hex(&unsigned.to_bytes())]]));
    assert!(conflict[0]["reject-reason"].as_str().unwrap().starts_with("conflicts with "), "{conflict}");
    let sent = rig
        .node
        .asked
        .lock()
        .unwrap()
        .iter()
        .any(|command| matches!(command, Command::Gossip(GossipCommand::SubmitTransaction { .. })));
    assert!(!sent);
    assert_eq!(rig.code("testmempoolaccept", json!([[]])), -8);
    assert_eq!(rig.code("decoderawtransaction", json!(["00"])), -22);
}

#[test]
fn numbers_about_blocks_coins_and_links_are_right() {
    let mut rig = Rig::new();
    let before = rig.result("gettxoutsetinfo", json!([]));
    let transfer = rig.transfer(5);
    let block = rig.extend(vec![transfer.clone()]);
    let stats = rig.result("getblockstats", json!([1]));
    assert_eq!((&stats["blockhash"], &stats["txs"], &stats["totalfee"]), (&json!(block.hash), &json!(2), &json!(1)));
    assert_eq!((&stats["ins"], &stats["outs"], &stats["utxo_increase"]), (&json!(1), &json!(3), &json!(2)));
    let size = block.transactions[1].size;
    assert_eq!((&stats["total_size"], &stats["feerate_percentiles"][2]), (&json!(size), &json!(1000 / size)));
    assert_eq!(rig.result("getblockstats", json!([1, ["txs"]])), json!({ "txs": 2 }));
    assert_eq!(rig.code("getblockstats", json!([1, ["nonsense"]])), -8);
    let after = rig.result("gettxoutsetinfo", json!([]));
    let number = |value: &Value, key: &str| value[key].as_u64().unwrap();
    assert_eq!(number(&after, "txouts"), number(&before, "txouts") + 2);
    let subsidy = number(&stats, "subsidy");
    assert_eq!(number(&after, "total_amount"), number(&before, "total_amount") + subsidy);
    let totals = rig.result("getnettotals", json!([]));
    assert_eq!((&totals["totalbytessent"], &totals["totalbytesrecv"]), (&json!(30), &json!(40)));
    assert_eq!((&totals["month"]["bytessent"], &totals["all_time"]["bytesrecv"]), (&json!(30), &json!(40)));
    let target = &totals["uploadtarget"];
    assert_eq!((&target["target"], &target["target_reached"]), (&json!(50_000), &json!(true)));
    assert!(rig.result("getnetworkhashps", json!([])).as_f64().unwrap() >= 0.0);
    rig.wait_for_index(1);
    assert_eq!(rig.result("getindexinfo", json!([]))["txindex"], json!({ "synced": true, "best_block_height": 1 }));
    assert!(rig.result("getnetworkinfo", json!([]))["version"].as_u64().unwrap() >= 210_000);
}

#[test]
fn a_mempool_entry_knows_what_it_depends_on() {
    let mut rig = Rig::new();
    let first = rig.transfer(30);
    let coin = OutPoint { txid: first.txid(), index: 0 };
    let output = Output { amount: 29, address: SecretKey::well_known(2).address() };
    let genesis = rig.maker.spec().genesis_hash();
    let second = testkit::spend(&[(coin, 30, &SecretKey::well_known(1))], vec![output], b"", &genesis);
    rig.put_into_pool(&first);
    rig.put_into_pool(&second);
    let (parent, child) =
        (rig.result("getmempoolentry", json!([first.txid()])), rig.result("getmempoolentry", json!([second.txid()])));
    assert_eq!((&parent["depends"], &parent["spentby"]), (&json!([]), &json!([second.txid()])));
    assert_eq!((&parent["descendantcount"], &child["ancestorcount"]), (&json!(2), &json!(2)));
    assert_eq!((&child["depends"], &child["fees"]["ancestor"]), (&json!([first.txid()]), &json!(2)));
    assert_eq!(rig.code("getmempoolentry", json!(["00".repeat(32)])), -5);
}

#[test]
fn a_signed_message_is_verified() {
    let rig = Rig::new();
    let key = SecretKey::well_known(1);
    let address = key.address().to_text(&rig.maker.spec().prefix);
    let signature = key.sign(&Domain::MESSAGE.hash(b"a text"));
    let signature = format!("{}{}", hex(&key.public_key()), hex(&signature));
    assert_eq!(rig.result("verifymessage", json!([address, signature, "a text"])), true);
    assert_eq!(rig.result("verifymessage", json!([address, signature, "another"])), false);
    assert_eq!(rig.code("verifymessage", json!([address, "00", "a text"])), -8);
}

#[test]
fn a_proof_shows_nothing_with_any_byte_changed_or_once_its_block_is_undone() {
    let mut rig = Rig::new();
    let before = rig.maker.fork();
    let payment = rig.transfer(30);
    let block = rig.extend(vec![payment.clone()]);
    rig.wait_for_index(1);
    let proof = rig.result("gettxoutproof", json!([[payment.txid()]]));
    assert_eq!(rig.result("verifytxoutproof", json!([proof])), json!([payment.txid()]));
    let proven = unhex(proof.as_str().unwrap()).unwrap();
    for at in 0..proven.len() {
        let mut other = proven.clone();
        other[at] ^= 1 << (at % 8);
        let code = rig.code("verifytxoutproof", json!([hex(&other)]));
        assert!([-22, -5].contains(&code), "byte {at}: {code}");
    }
    rig.undo(&block, &before);
    assert_eq!(rig.code("verifytxoutproof", json!([proof])), -5);
}
