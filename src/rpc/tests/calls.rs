//! Methods, against a real ledger.

use std::{fs, time::Duration};

use serde_json::{Value, json};

use super::harness::Rig;
use crate::{
    base::{
        hash::{Hash, hex},
        ids::NodeId,
        time::UnixTime,
    },
    chain::{archive::Banned, block::HashedTransaction, node_id, spec::ChainSpec, transaction::Transaction},
    node::{
        SyncState,
        command::{Command, GossipCommand, LedgerCommand, MinerCommand, PeersCommand, Reply},
        report::{AuthorityReport, FinalBlock, Report, SealingReport},
    },
};

#[test]
fn status_shows_use_and_cap_of_each_limit() {
    let mut rig = Rig::new();
    rig.extend(vec![]);
    let shown = rig.result("status", json!([]))["limits"].clone();
    assert_eq!(shown["send_bytes"], json!({ "used": 5, "cap": 10, "hits": 1 }));
    assert_eq!(shown["mempool_bytes"]["cap"], json!(crate::base::limits::MEMPOOL_BYTES));
}

#[test]
fn the_ledger_saves_what_it_told_before_a_caller_hears_of_it_or_reads_it() {
    let mut rig = Rig::new();
    let saves = |rig: &Rig| {
        let save = Command::Ledger(LedgerCommand::Save);
        rig.node.asked.lock().unwrap().iter().filter(|command| **command == save).count()
    };
    rig.extend(vec![]);
    rig.result("getblockcount", json!([]));
    assert_eq!(saves(&rig), 0, "all is saved");
    rig.status.report(Report::Unsaved(true));
    rig.extend(vec![]);
    let asks = ["status", "getblockcount", "getblockhash", "wait"];
    for (number, method) in (1..).zip(asks) {
        let params = match method {
            "getblockhash" => json!([2]),
            "wait" => json!([{ "kind": "height", "value": "2", "timeout": 30 }]),
            _ => json!([]),
        };
        rig.result(method, params);
        assert!(saves(&rig) >= number, "{method}");
    }
    let before = saves(&rig);
    rig.get("/metrics");
    assert_eq!(saves(&rig), before, "a scrape makes the disk write nothing");
    rig.status.report(Report::Unsaved(false));
    rig.result("status", json!([]));
    assert_eq!(saves(&rig), before);
}

#[test]
fn status_has_the_contract_s_keys() {
    let mut rig = Rig::new();
    rig.extend(vec![]);
    rig.set_state(SyncState::Synced);
    let status = rig.result("status", json!([]));
    for key in [
        "state",
        "reason",
        "chain",
        "genesis",
        "height",
        "tip",
        "tip_time",
        "headers",
        "work",
        "state_digest",
        "peers",
        "mempool",
        "mining",
        "version",
        "uptime_s",
        "rss_bytes",
        "warnings",
    ] {
        assert!(status.get(key).is_some(), "{key}");
    }
    assert_eq!((&status["state"], &status["height"]), (&json!("synced"), &json!(1)));
    assert_eq!(status["tip"], json!(rig.maker.hash()));
    assert_eq!(status["peers"], json!({ "inbound": 0, "outbound": 0 }));
    assert_eq!(status["mining"], json!({ "enabled": false, "hashes_per_second": 0 }));
    assert!(status["rss_bytes"].as_u64().unwrap() > 0);
}

#[test]
fn a_block_is_found_by_height_hash_prefix_and_tip() {
    let mut rig = Rig::new();
    let transfer = rig.transfer(5);
    let block = rig.extend(vec![transfer]);
    let next = rig.extend(vec![]);
    let hash = block.hash.to_string();
    for id in [json!(1), json!("1"), json!(hash), json!(hash[..10])] {
        assert_eq!(rig.result("block", json!([id]))["hash"], json!(hash), "{id}");
    }
    assert_eq!(rig.result("block", json!([]))["hash"], json!(next.hash));
    let shown = rig.result("block", json!(["1"]));
    for key in [
        "hash",
        "height",
        "previous",
        "merkle_root",
        "state_digest",
        "time",
        "target",
        "nonce",
        "work",
        "in_best_chain",
        "confirmations",
        "size",
        "txs",
    ] {
        assert!(shown.get(key).is_some(), "{key}");
    }
    assert_eq!((&shown["in_best_chain"], &shown["confirmations"]), (&json!(true), &json!(2)));
    assert_eq!((&shown["next"], &shown["size"]), (&json!(next.hash), &json!(block.bytes.len())));
    let ids: Vec<_> = block.transactions.iter().map(|transaction| transaction.txid).collect();
    assert_eq!(shown["txs"], json!(ids));
    assert_eq!(rig.code("block", json!([99])), -5);
    assert_eq!(rig.code("block", json!(["zz"])), -8);
    assert_eq!(rig.code("block", json!([true])), -32602);
}

#[test]
fn methods_with_bitcoin_core_s_names_answer_the_same() {
    let mut rig = Rig::new();
    let block = rig.extend(vec![]);
    assert_eq!(rig.result("getblockcount", json!([])), 1);
    assert_eq!(rig.result("getbestblockhash", json!([])), json!(block.hash));
    assert_eq!(rig.result("getblockhash", json!([0])), json!(rig.maker.spec().genesis_hash()));
    assert_eq!(rig.result("getblock", json!([block.hash, 0])), json!(hex(&block.bytes)));
    let header = rig.result("getblockheader", json!([block.hash]));
    assert_eq!(header["previousblockhash"], json!(rig.maker.spec().genesis_hash()));
    assert_eq!(rig.result("getblockheader", json!([block.hash, false])), json!(hex(&block.header.to_bytes())));
    let full = rig.result("getblock", json!([1, 2]));
    assert_eq!(full["tx"][0]["id"], json!(block.transactions[0].txid));
    assert_eq!(rig.result("getchaintips", json!([]))[0]["status"], "active");
    assert_eq!(rig.result("getblockchaininfo", json!([]))["verificationprogress"], 1.0);
    assert_eq!(rig.result("getdifficulty", json!([])), 1.0);
    for method in ["getmininginfo", "getnetworkinfo", "getmempoolinfo", "getpeerinfo", "uptime", "listbanned", "help"] {
        rig.result(method, json!([]));
    }
    assert!(rig.result("help", json!(["wait"])).as_str().unwrap().contains("confirmations"));
}

#[test]
fn a_transaction_goes_from_unknown_over_mempool_to_confirmed() {
    let mut rig = Rig::new();
    let transfer = rig.transfer(5);
    let txid = transfer.txid();
    let unknown = rig.call("tx", json!([txid]));
    assert_eq!((&unknown["error"]["code"], &unknown["error"]["data"]["status"]), (&json!(-5), &json!("unknown")));
    rig.put_into_pool(&transfer);
    for id in [txid.to_string(), txid.to_string()[..8].to_owned()] {
        let pending = rig.result("tx", json!([id]));
        assert_eq!(
            (&pending["status"], &pending["fee"], &pending["block"]),
            (&json!("mempool"), &json!(1), &Value::Null)
        );
    }
    rig.node.pool.lock().unwrap().clear();
    let block = rig.extend(vec![transfer.clone()]);
    let confirmed = rig.result("tx", json!([txid]));
    for key in ["id", "status", "block", "height", "confirmations", "inputs", "outputs", "fee", "memo", "size"] {
        assert!(confirmed.get(key).is_some(), "{key}");
    }
    assert_eq!((&confirmed["status"], &confirmed["block"]), (&json!("confirmed"), &json!(block.hash)));
    assert_eq!((&confirmed["confirmations"], &confirmed["fee"]), (&json!(1), &json!(1)));
    assert_eq!(confirmed["outputs"][0]["amount"], 5);
    assert!(confirmed["inputs"][0]["amount"].as_u64().unwrap() > 5);
    assert_eq!(rig.result("getrawtransaction", json!([txid])), json!(hex(&transfer.to_bytes())));
    assert_eq!(rig.code("tx", json!(["12"])), -8);
}

#[test]
fn transactions_are_sent_and_refusals_have_their_own_codes() {
    let mut rig = Rig::new();
    let transfer = rig.transfer(1);
    let bytes = transfer.to_bytes();
    for (params, replace) in [
        (json!([hex(&bytes)]), true),
        (json!([hex(&bytes), null, false]), false),
        (json!({ "hexstring": hex(&bytes), "replace": true }), true),
    ] {
        assert_eq!(rig.result("sendrawtransaction", params), json!(transfer.txid()));
        let bytes = bytes.clone().into();
        let asked = rig.node.asked.lock().unwrap().pop();
        assert_eq!(asked, Some(GossipCommand::SubmitTransaction { bytes, replace }.into()));
    }
    assert_eq!(rig.code("sendrawtransaction", json!([hex(&bytes), 0, "no"])), -32602);
    let mut refused = transfer;
    refused.memo = crate::base::codec::List::truncated(*b"x");
    assert_eq!(
        rig.code("sendrawtransaction", json!([hex(&HashedTransaction::new(refused).transaction.to_bytes())])),
        -26
    );
    assert_eq!(rig.code("sendrawtransaction", json!(["00"])), -22);
    assert_eq!(rig.code("sendrawtransaction", json!(["xyz"])), -22);
    assert_eq!(rig.code("submitblock", json!(["00"])), -22);
}

#[test]
fn transactions_that_follow_each_other_in_a_batch_are_under_way_at_once_and_answered_in_order() {
    let mut rig = Rig::new();
    let (first, second, last) = (rig.transfer(1), rig.transfer(2), rig.transfer(3));
    let with_memo = |memo: &[u8]| {
        let mut transaction = second.clone();
        transaction.memo = crate::base::codec::List::truncated(memo.iter().copied());
        transaction
    };
    let (held, refused) = (with_memo(b"hold"), with_memo(b"x"));
    let call = |id: u32, method: &str, params: Value| json!({ "jsonrpc": "2.0", "id": id, "method": method, "params": params });
    let send = |id, transaction: &Transaction| call(id, "sendrawtransaction", json!([hex(&transaction.to_bytes())]));
    let mut client = rig.client();
    let garbage = call(3, "sendrawtransaction", json!(["00"]));
    let ping = call(6, "ping", json!([]));
    let calls =
        json!([send(1, &first), send(2, &held), garbage, send(4, &refused), send(5, &second), ping, send(7, &last)]);
    client.call(&calls.to_string());
    let done = rig.take_held();
    let count = rig.node.asked.lock().unwrap().len();
    assert_eq!(count, 4, "all of the run, but none from behind the other call");
    done(Reply::Accepted(held.txid()));
    let answers = client.answer().json();
    let results = answers.as_array().unwrap().iter().map(|one| {
        (one["id"].as_u64().unwrap(), one["result"].as_str().map(str::to_owned), one["error"]["code"].as_i64())
    });
    let taken = |transaction: &Transaction| Some(transaction.txid().to_string());
    assert_eq!(
        results.collect::<Vec<_>>(),
        [
            (1, taken(&first), None),
            (2, taken(&held), None),
            (3, None, Some(-22)),
            (4, None, Some(-26)),
            (5, taken(&second), None),
            (6, Some("pong".to_owned()), None),
            (7, taken(&last), None),
        ]
    );
}

#[test]
fn orders_reach_the_node_as_commands() {
    let rig = Rig::new();
    for (method, params) in [
        ("addpeer", json!(["127.0.0.1:4130"])),
        ("ban", json!(["10.0.0.1", 60, "why"])),
        ("setban", json!(["10.0.0.1/32", "add"])),
        ("unban", json!(["10.0.0.1"])),
        ("netdeny", json!([["127.0.0.1:1", "127.0.0.1:2"]])),
        ("netallow", json!([])),
        ("addnode", json!(["127.0.0.1:4130", "onetry"])),
    ] {
        rig.result(method, params);
    }
    let asked = rig.node.asked.lock().unwrap().clone();
    assert_eq!(asked.len(), 7);
    assert_eq!(asked[0], PeersCommand::AddPeer("127.0.0.1:4130".parse().unwrap(), None).into());
    assert_eq!(
        asked[4],
        PeersCommand::Deny(vec!["127.0.0.1:1".parse().unwrap(), "127.0.0.1:2".parse().unwrap()], Vec::new()).into()
    );
    assert_eq!(rig.code("droppeer", json!(["127.0.0.1:1"])), -5);
    assert_eq!(rig.code("addpeer", json!(["nowhere"])), -8);
    assert_eq!(rig.code("addpeer", json!(["dtusnode1xyz@127.0.0.1:4130"])), -8);
    assert_eq!(rig.code("setban", json!(["10.0.0.0/8", "add"])), -8);
    rig.result("stop", json!([]));
    assert!(*rig.node.stopped.lock().unwrap());
}

#[test]
fn nodes_are_named_by_their_ids() {
    let (rig, node) = (Rig::new(), NodeId([9; 32]));
    let id = node_id::to_text(&node, &ChainSpec::dev().prefix);
    for (method, params) in [
        ("addpeer", json!([format!("{id}@127.0.0.1:4130")])),
        ("ban", json!([id, 60, "why"])),
        ("unban", json!([id])),
        ("netdeny", json!([["127.0.0.1:1", id]])),
    ] {
        rig.result(method, params);
    }
    let asked = rig.node.asked.lock().unwrap().clone();
    let (time, reason) = (Duration::from_secs(60), "why".to_owned());
    let who = Banned::Node(node);
    let wanted = [
        PeersCommand::AddPeer("127.0.0.1:4130".parse().unwrap(), Some(node)),
        PeersCommand::Ban { who, time, reason },
        PeersCommand::Unban(who),
        PeersCommand::Deny(vec!["127.0.0.1:1".parse().unwrap()], vec![node]),
    ];
    assert_eq!(asked, wanted.map(Into::into));
}

#[test]
fn a_file_of_members_is_read_again_and_a_broken_one_changes_nothing() {
    let (rig, node) = (Rig::new(), NodeId([9; 32]));
    assert_eq!(rig.code("reloadmembers", json!([])), -26, "there is no file");
    fs::write(rig.dir.join("members"), node_id::to_text(&node, &ChainSpec::dev().prefix)).unwrap();
    assert_eq!(rig.result("reloadmembers", json!([])), 1);
    fs::write(rig.dir.join("members"), "nonsense").unwrap();
    assert_eq!(rig.code("reloadmembers", json!([])), -26);
    assert_eq!(*rig.node.asked.lock().unwrap(), [PeersCommand::SetMembers([node].into()).into()]);
}

/// The ledger saves when it stops. `stop` waited for it to save first, and the server ended the call with an error.
#[test]
fn a_node_with_unsaved_blocks_is_stopped_without_an_error() {
    let rig = Rig::new();
    rig.status.report(Report::Unsaved(true));
    assert_eq!(rig.result("stop", json!([])), "tussock is stopping");
}

#[test]
fn mining_answers_when_the_blocks_are_made() {
    let rig = Rig::new();
    let mut client = rig.client();
    client.call(r#"{"jsonrpc":"2.0","id":1,"method":"mine","params":[2]}"#);
    let done = rig.take_held();
    assert_eq!(*rig.node.asked.lock().unwrap(), [MinerCommand::Mine { blocks: 2, address: None }.into()]);
    done(Reply::Mined(vec![rig.maker.hash(); 2]));
    assert_eq!(client.answer().json()["result"].as_array().unwrap().len(), 2);
    assert_eq!(rig.code("mine", json!([0])), -8);
}

#[test]
fn a_batch_runs_in_order_and_unknown_methods_fail() {
    let rig = Rig::new();
    let mut client = rig.client();
    let call = |id: u32, method: &str| json!({ "jsonrpc": "2.0", "id": id, "method": method });
    client.call(&json!([call(1, "ping"), call(2, "nix"), call(3, "getblock"), call(4, "tips")]).to_string());
    let answers = client.answer().json();
    assert_eq!(answers[0]["result"], "pong");
    assert_eq!(answers[1]["error"]["code"], -32601);
    assert_eq!(answers[2]["error"]["code"], -32602);
    assert_eq!(answers[3]["result"][0]["height"], 0);
    assert_eq!(
        answers.as_array().unwrap().iter().map(|one| one["id"].as_u64().unwrap()).collect::<Vec<_>>(),
        [1, 2, 3, 4]
    );
}

#[test]
fn a_sealed_chain_tells_what_is_final_and_who_was_heard() {
    let mut rig = Rig::new();
    let sealing = |height, hash, stuck: Option<&str>| SealingReport {
        last_final: FinalBlock { height, hash, since: UnixTime(7) },
        finality: None,
        view: 9,
        view_time: Duration::from_secs(1),
        leader: 1,
        notarised: (8, Hash([8; 32])),
        own: Some(0),
        authorities: vec![
            AuthorityReport { key: [3; 32], seen: Some(UnixTime(6)), voted: 8 },
            AuthorityReport::default(),
        ],
        stuck: stuck.map(str::to_owned),
        evidence: 0,
        epoch: 1,
        until: Some(90),
    };
    let report = |rig: &Rig, sealing| rig.status.report(Report::Sealing(Box::new(sealing)));
    assert!(rig.result("status", json!([])).get("final").is_none(), "a chain of proof of work has nothing final");
    assert!(rig.result("block", json!([0])).get("final").is_none());
    let payment = rig.transfer(5);
    let genesis = rig.maker.hash();
    report(&rig, sealing(0, genesis, Some("one of two authorities is heard")));
    let since = rig.result("events", json!([0, 0]))["next"].clone();
    rig.extend(vec![payment.clone()]);
    rig.wait_for_index(1);
    let status = rig.result("status", json!([]));
    assert_eq!(status["final"], json!({ "height": 0, "hash": genesis, "since": 7 }));
    let unheard = json!({ "key": "00".repeat(32), "seen": null, "voted": 0 });
    assert_eq!(status["authorities"], json!([{ "key": "03".repeat(32), "seen": 6, "voted": 8 }, unheard]));
    assert_eq!(status["sealing"]["stuck"], "one of two authorities is heard");
    let is_final = |rig: &Rig| {
        [rig.result("tx", json!([payment.txid()])), rig.result("block", json!([1]))].map(|one| one["final"].clone())
    };
    assert_eq!(is_final(&rig), [false, false]);
    report(&rig, sealing(1, rig.maker.hash(), None));
    assert_eq!(is_final(&rig), [true, true]);
    let events = rig.result("events", json!([since, 30]))["events"].clone();
    let last = events.as_array().unwrap().iter().find(|event| event["event"] == "final").expect("it is an event");
    assert_eq!((&last["height"], &last["hash"]), (&json!(1), &json!(rig.maker.hash())));
    let metrics = rig.get("/metrics").body;
    for line in [
        "tussock_final_height 1",
        "tussock_sealing_stuck 0",
        "tussock_authority_seen_timestamp_seconds{number=\"0\"} 6",
    ] {
        assert!(metrics.lines().any(|one| one == line), "{line}");
    }
    assert_eq!(rig.result("wait", json!(["tx", payment.txid(), 1, 30]))["final"], true);
}
