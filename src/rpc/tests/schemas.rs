//! Each method's and each path's real answers against the types that the documents promise.

use std::{collections::BTreeSet, fs};

use serde_json::{Value, json};

use super::harness::Rig;
use crate::{
    base::{hash::hex, ids::NodeId},
    chain::{key::SecretKey, node_id, spec::ChainSpec, transaction::Transaction},
    node::{
        command::Reply,
        report::{AuthorityReport, Report, SealingReport, SyncState},
    },
    rpc::{api, methods, openapi},
};

/// A rig with a payment in the chain and one in the mempool, and with events of every kind.
fn furnished() -> (Rig, Transaction, Transaction, String) {
    let mut rig = Rig::new();
    let [payer, payee] = [0, 1].map(SecretKey::well_known);
    let confirmed = rig.maker.transfer_with_memo(&payer, payee.address(), [5, 1], b"golden");
    let pending = rig.transfer(7);
    rig.extend(vec![confirmed.clone()]);
    rig.set_state(SyncState::Synced);
    rig.put_into_pool(&pending);
    rig.status.report(Report::PeerCount { inbound: 2, outbound: 1 });
    let sealing = SealingReport { authorities: vec![AuthorityReport::default()], ..SealingReport::default() };
    rig.status.report(Report::Sealing(Box::new(sealing)));
    rig.status.report(Report::Warning { key: "clock", text: Some("off".to_owned()) });
    rig.wait_for_index(1);
    let address = SecretKey::well_known(1).address().to_text(&rig.maker.spec().prefix);
    (rig, confirmed, pending, address)
}

#[test]
fn every_method_answers_as_its_schema_says() {
    let (rig, confirmed, pending, address) = furnished();
    let (hash, id) = (rig.maker.hash(), confirmed.txid());
    let block = rig.result("getblock", json!([1, 0]));
    let member = node_id::to_text(&NodeId([9; 32]), &ChainSpec::dev().prefix);
    fs::write(rig.dir.join("members"), member).unwrap();
    let coin = json!({ "txid": id, "vout": 0 });
    let unsigned = rig.result("createrawtransaction", json!([[coin], { address.clone(): 1 }]));
    let calls = [
        ("status", json!([])),
        ("getblockchaininfo", json!([])),
        ("getnetworkinfo", json!([])),
        ("getnettotals", json!([])),
        ("getindexinfo", json!([])),
        ("getindexinfo", json!(["other"])),
        ("gettxoutsetinfo", json!([])),
        ("getblockstats", json!([1])),
        ("getblockstats", json!([0, ["txs"]])),
        ("getnetworkhashps", json!([])),
        ("getnetworkhashps", json!([1, -1])),
        ("getmempoolentry", json!([pending.txid()])),
        ("decoderawtransaction", json!([hex(&pending.to_bytes())])),
        ("testmempoolaccept", json!([[hex(&pending.to_bytes()), hex(&confirmed.to_bytes())]])),
        ("verifymessage", json!([address, "00".repeat(96), "text"])),
        ("getconnectioncount", json!([])),
        ("uptime", json!([])),
        ("block", json!([0])),
        ("block", json!([1])),
        ("blocktransactions", json!([1])),
        ("blocktransactions", json!({ "id": 1, "from": 1, "limit": 1 })),
        ("tips", json!([])),
        ("getchaintips", json!([])),
        ("getblockcount", json!([])),
        ("getbestblockhash", json!([])),
        ("getblockhash", json!([0])),
        ("getblockheader", json!([hash])),
        ("getblockheader", json!([0, true])),
        ("getblockheader", json!([hash, false])),
        ("getblock", json!([hash, 0])),
        ("getblock", json!([hash, 1])),
        ("getblock", json!([hash, 2])),
        ("getdifficulty", json!([])),
        ("tx", json!([id])),
        ("tx", json!([pending.txid()])),
        ("outspends", json!([id])),
        ("outspends", json!([pending.txid()])),
        ("getrawtransaction", json!([id])),
        ("getrawtransaction", json!([id, true])),
        ("gettxout", json!([id, 0])),
        ("gettxout", json!([id, 9])),
        ("gettxout", json!([pending.txid(), 0])),
        ("prove", json!([id, 0])),
        ("headers", json!([0])),
        ("gettxoutproof", json!([[id]])),
        ("verifytxoutproof", json!([rig.result("gettxoutproof", json!([[id], hash]))])),
        ("mempool", json!([])),
        ("mempoolfees", json!([])),
        ("getmempoolinfo", json!([])),
        ("getrawmempool", json!([])),
        ("getrawmempool", json!([true])),
        ("estimatesmartfee", json!([])),
        ("sendrawtransaction", json!([hex(&pending.to_bytes())])),
        ("balance", json!([address])),
        ("getbalance", json!([address])),
        ("coins", json!([address])),
        ("history", json!([address])),
        ("history", json!([address, 1, 1])),
        ("history", json!({ "address": address, "memos": true })),
        ("search", json!(["golden"])),
        ("search", json!([id])),
        ("validateaddress", json!([address])),
        ("validateaddress", json!(["x"])),
        ("getmininginfo", json!([])),
        ("getblocktemplate", json!([])),
        ("submitblock", json!([block])),
        ("peers", json!([])),
        ("getpeerinfo", json!([])),
        ("addpeer", json!(["127.0.0.1:4130"])),
        ("droppeer", json!(["127.0.0.1:4130"])),
        ("ban", json!(["10.0.0.1"])),
        ("unban", json!(["10.0.0.1"])),
        ("book", json!([])),
        ("listbanned", json!([])),
        ("listdenied", json!([])),
        ("getnodeaddresses", json!([])),
        ("netdeny", json!([["127.0.0.1:4130"]])),
        ("netallow", json!([])),
        ("members", json!([])),
        ("reloadmembers", json!([])),
        ("addnode", json!(["127.0.0.1:4130", "add"])),
        ("disconnectnode", json!(["127.0.0.1:4130"])),
        ("setban", json!(["10.0.0.1", "add"])),
        ("wait", json!({ "kind": "ready" })),
        ("wait", json!({ "kind": "tx", "value": id })),
        ("wait", json!({ "kind": "tx", "value": "00".repeat(32), "timeout": 0.001 })),
        ("events", json!([0])),
        ("events", json!([99_999, 0])),
        ("watch", json!({ "addresses": [address], "above": 0, "final": 1, "timeout": 0 })),
        ("watch", json!({ "transactions": [pending.txid()], "timeout": 0 })),
        ("getnewaddress", json!(["rent"])),
        ("sendtoaddress", json!([address, 5])),
        ("sendtoaddress", json!({ "address": address, "amount": 5, "verbose": true })),
        ("sendmany", json!(["", { address.clone(): 5 }])),
        ("listunspent", json!([0])),
        ("listtransactions", json!(["*", 100])),
        ("listsinceblock", json!([])),
        ("getwalletinfo", json!([])),
        ("createrawtransaction", json!([[coin], { address.clone(): 5, "data": "00ff" }])),
        ("signrawtransactionwithkey", json!([unsigned, ["00".repeat(32)]])),
        ("signrawtransactionwithwallet", json!([unsigned])),
        ("devsnapshot", json!([])),
        ("devsnapshots", json!([])),
        ("devrevert", json!([1])),
        ("devtime", json!([])),
        ("evm_snapshot", json!([])),
        ("evm_revert", json!(["0x1"])),
        ("evm_increaseTime", json!([0])),
        ("setmocktime", json!([0])),
        ("invalidateblock", json!([hash])),
        ("devreorg", json!([1])),
        ("reconsiderblock", json!([hash])),
        ("waitforblockheight", json!([1])),
        ("waitfornewblock", json!([1])),
        ("ping", json!([])),
        ("help", json!([])),
        ("help", json!(["help"])),
        ("rpc.discover", json!([])),
        ("stop", json!([])),
    ];
    let mut untried: BTreeSet<&str> = methods::all().map(|method| method.name).collect();
    for (name, params) in calls {
        fits(name, &rig.result(name, params.clone()), &params);
        untried.remove(name);
    }
    let mining = [("mine", json!([1])), ("generatetoaddress", json!([1, address]))];
    for (name, params) in mining {
        let mut client = rig.client();
        client.call(&json!({ "jsonrpc": "2.0", "id": 1, "method": name, "params": params }).to_string());
        rig.take_held()(Reply::Mined(vec![hash]));
        fits(name, &client.answer().json()["result"], &params);
        untried.remove(name);
    }
    // This process does not log.
    assert_eq!(untried, BTreeSet::from(["logging"]));
}

fn fits(name: &str, result: &Value, params: &Value) {
    let method = methods::find(name).unwrap();
    assert_eq!(method.result.mismatch(result, name), None, "{params}: {result}");
}

#[test]
fn every_path_answers_as_its_schema_says() {
    let (rig, confirmed, _, address) = furnished();
    for path in api::PATHS {
        let id = if path.path.contains("/tx/") { confirmed.txid().to_string() } else { "1".to_owned() };
        let target = path.path.replace("{address}", &address).replace("{id}", &id);
        let watched = format!("?address={address}&above=0");
        let query = match target.as_str() {
            "/api/search" | "/api/memos" => "?q=1",
            "/api/events" => "?since=0",
            "/api/watch" => &watched,
            _ => "",
        };
        let answer = rig.get(&format!("{target}{query}"));
        assert_eq!(answer.status, 200, "{target}: {answer:?}");
        assert_eq!(path.result.mismatch(&answer.json(), &target), None, "{answer:?}");
    }
    let ready = rig.get("/readyz").json();
    assert_eq!(crate::rpc::answers::node::READINESS.mismatch(&ready, "readyz"), None);
    let wrong = rig.get("/api/block/99").json();
    assert_eq!(crate::rpc::answers::node::ERROR.mismatch(&wrong, "error"), None);
}

#[test]
fn the_openapi_document_lists_each_path_with_its_parameters() {
    let document = openapi::document(api::PATHS, "1.2.3");
    let paths = document["paths"].as_object().unwrap();
    assert_eq!(paths.len(), api::PATHS.len() + 2, "and readyz and metrics");
    let mut operations = BTreeSet::new();
    for (path, item) in paths {
        let get = &item["get"];
        assert!(operations.insert(get["operationId"].as_str().unwrap()), "{path}");
        assert!(get["responses"]["200"]["content"].is_object(), "{path}");
        for param in get["parameters"].as_array().unwrap() {
            let name = param["name"].as_str().unwrap();
            let in_path = path.contains(&format!("{{{name}}}"));
            assert_eq!(param["in"], if in_path { "path" } else { "query" }, "{path}");
            assert!(!in_path || param["required"] == true, "{path}");
        }
    }
    for known in ["/api/block/{id}", "/api/address/{address}/txs", "/healthz", "/readyz", "/metrics"] {
        assert!(paths.contains_key(known), "{known}");
    }
}
