//! Reading over GET.

use serde_json::{Value, json};

use super::harness::{Client, Rig};
use crate::{
    chain::{
        key::SecretKey,
        snapshot::{JoinState, SnapshotName},
        testkit,
        transaction::{OutPoint, Output},
    },
    node::report::{Counter, Report, SyncState},
};

#[test]
fn health_and_readiness_are_two_things() {
    let rig = Rig::new();
    assert_eq!(rig.get("/healthz").status, 200);
    let unready = rig.get("/readyz");
    assert_eq!((unready.status, &unready.json()["state"]), (503, &json!("starting")));
    rig.set_state(SyncState::Synced);
    let ready = rig.get("/readyz");
    assert_eq!((ready.status, &ready.json()["reason"]), (200, &json!("because")));
}

#[test]
fn no_path_takes_a_field_that_it_does_not_have() {
    let rig = Rig::new();
    for path in ["/readyz", "/metrics", "/api", "/api/status", "/api/blocks", "/openapi.json"] {
        let refused = rig.get(&format!("{path}?colour=red"));
        assert_eq!(refused.status, 400, "{path}: {refused:?}");
        let error = refused.json()["error"].as_str().unwrap().to_owned();
        assert!(error.contains("\"colour\" is unknown") && !error.contains('\n'), "{path}: {error}");
    }
    assert_eq!(rig.get("/metrics?").status, 200);
    for path in ["/healthz?x", "/healthz?t=1&x=2", "/healthz?integers=1"] {
        assert_eq!(rig.get(path).status, 200, "{path}");
    }
}

#[test]
fn each_path_answers_in_json() {
    let mut rig = Rig::new();
    let transfer = rig.transfer(3);
    let block = rig.extend(vec![transfer.clone()]);
    rig.wait_for_index(1);
    let address = SecretKey::well_known(1).address().to_text(&rig.maker.spec().prefix);
    for (path, key) in [
        ("/api".to_owned(), "paths"),
        ("/api/summary".to_owned(), "mempool_sequence"),
        ("/api/status".to_owned(), "height"),
        (format!("/api/block/{}", block.hash), "merkle_root"),
        (format!("/api/tx/{}", transfer.txid()), "outputs"),
        (format!("/api/address/{address}"), "spendable"),
        (format!("/api/address/{address}/txs?limit=1"), "entries"),
        ("/api/mempool".to_owned(), "transactions"),
        ("/api/search?q=1".to_owned(), "kind"),
        ("/openrpc.json".to_owned(), "methods"),
    ] {
        let answer = rig.get(&path);
        assert_eq!(answer.status, 200, "{path}: {answer:?}");
        assert!(answer.json().get(key).is_some(), "{path}: {answer:?}");
        assert!(answer.head.contains("Content-Type: application/json\r\n"));
    }
    for path in ["/api/blocks", "/api/blocks?before=1&limit=1", "/api/peers", "/api/tips"] {
        assert!(rig.get(path).json().is_array(), "{path}");
    }
    assert_eq!(rig.get("/api/blocks").json()[0]["transactions"], 2);
    for (path, status) in [
        ("/api/nothing", 404),
        ("/nothing", 404),
        ("/api/block/99", 404),
        ("/api/block/%00", 400),
        ("/api/address/x", 400),
        ("/api/blocks?before=x", 400),
        ("/api/search?q=zz", 404),
    ] {
        assert_eq!(rig.get(path).status, status, "{path}");
    }
}

#[test]
fn a_query_with_a_wrong_or_unknown_field_is_refused_in_a_line() {
    let mut rig = Rig::new();
    rig.extend(vec![]);
    let address = SecretKey::well_known(1).address().to_text(&rig.maker.spec().prefix);
    for (path, words) in [
        ("/api/block/tip?integers=x".to_owned(), "\"integers\" can only be \"strings\""),
        ("/api/block/tip?integers".to_owned(), "\"integers\" can only be"),
        ("/api/block/tip?integers=strings&integers=numbers".to_owned(), "\"integers\" can only be"),
        ("/api/block/tip?integer=strings".to_owned(), "\"integer\" is unknown; the fields of this path are: integers"),
        ("/api/block/tip?limit=3".to_owned(), "\"limit\" is unknown"),
        ("/api/status?x".to_owned(), "\"x\" is unknown"),
        ("/api/mempool?limit=many".to_owned(), "\"limit\" must be a whole number"),
        ("/api/mempool?limit=".to_owned(), "\"limit\" must be a whole number"),
        ("/api/mempool?limit=1&limit=2".to_owned(), "\"limit\" is there twice"),
        ("/api/blocks?before=-1".to_owned(), "\"before\" must be a whole number"),
        ("/api/events?timeout=soon".to_owned(), "\"timeout\" must be a number"),
        ("/api/events?timeout=-1".to_owned(), "\"timeout\" must be a number"),
        ("/api/events?since=%zz".to_owned(), "\"since\" must be a whole number"),
        ("/api/search".to_owned(), "\"q\" is missing"),
        (format!("/api/address/{address}/txs?limit=-1"), "\"limit\" must be a whole number"),
        (format!("/api/address/{address}/txs?before=x"), "\"before\" is a height"),
        (format!("/api/address/{address}/coins?limit=%31x"), "\"limit\" must be a whole number"),
        (format!("/api/address/{address}?limit=1"), "\"limit\" is unknown"),
        ("/openapi.json?pretty=1".to_owned(), "\"pretty\" is unknown"),
    ] {
        let answer = rig.get(&path);
        let error = answer.json()["error"].as_str().unwrap_or_default().to_owned();
        assert!(answer.status == 400 && error.starts_with(words) && !error.contains('\n'), "{path}: {answer:?}");
    }
    for path in ["/api/block/tip?", "/api/block/tip?integers=strings", "/api/mempool?limit=%31&", "/api/search?q=tip"] {
        assert_eq!(rig.get(path).status, 200, "{path}");
    }
    let mut client = rig.client();
    client.post("/rpc?integers=text", "application/json", r#"{"method":"uptime","id":1}"#);
    assert_eq!(client.answer().status, 400);
}

#[test]
fn a_mempool_transaction_is_found_by_a_search_and_shows_the_mempool_outputs_that_it_spends() {
    let mut rig = Rig::new();
    let first = rig.transfer(30);
    let coin = OutPoint { txid: first.txid(), index: 0 };
    let output = Output { amount: 29, address: SecretKey::well_known(2).address() };
    let genesis = rig.maker.spec().genesis_hash();
    let second = testkit::spend(&[(coin, 30, &SecretKey::well_known(1))], vec![output], b"", &genesis);
    for transaction in [&first, &second] {
        rig.put_into_pool(transaction);
    }
    let txid = second.txid().to_string();
    for text in [&txid[..], &txid[..8], &txid[..8].to_uppercase()] {
        let found = rig.get(&format!("/api/search?q={text}"));
        assert_eq!(found.json(), json!({ "kind": "tx", "id": txid }), "{text}");
    }
    for nothing in ["00".repeat(32), "abcdef".to_owned(), "nothing".to_owned()] {
        let answer = rig.get(&format!("/api/search?q={nothing}"));
        let why = json!("nothing of that height, hash or address, and no memo has these words");
        assert_eq!((answer.status, &answer.json()["error"]), (404, &why));
    }
    assert_eq!(rig.get(&format!("/api/tx/{txid}")).json()["inputs"][0]["amount"], 30);
}

#[test]
fn only_blocks_deep_in_the_chain_are_immutable() {
    let mut rig = Rig::new();
    let block = rig.extend(vec![]);
    let path = format!("/api/block/{}", block.hash);
    assert!(rig.get(&path).head.contains("Cache-Control: no-store\r\n"));
    for _ in 0..100 {
        rig.extend(vec![]);
    }
    let answer = rig.get(&path);
    assert!(answer.head.contains("immutable") && answer.head.contains(&format!("ETag: \"{}\"", block.hash)));
    assert!(!rig.get("/api/block/1").head.contains("immutable"), "a height may mean another block tomorrow");
    let mut client = rig.client();
    client.send(&format!("GET {path} HTTP/1.1\r\nHost: localhost\r\nIf-None-Match: \"{}\"\r\n\r\n", block.hash));
    let unchanged = client.answer();
    assert_eq!((unchanged.status, unchanged.body.as_str()), (304, ""));
}

#[test]
fn metrics_keep_prometheus_s_rules() {
    let rig = Rig::new();
    rig.status.count(Counter::BlocksApplied, 3);
    rig.status.report(Report::Warning { key: "clock", text: Some("off".to_owned()) });
    rig.result("ping", json!([]));
    rig.code("block", json!([99]));
    let text = rig.get("/metrics").body;
    for line in [
        "tussock_build_info{version=\"1.2.3\"} 1",
        "tussock_blocks_applied_total 3",
        "tussock_node_state{state=\"starting\"} 1",
        "tussock_node_state{state=\"synced\"} 0",
        "tussock_peers{direction=\"inbound\"} 0",
        "tussock_links_bytes{direction=\"received\"} 20",
        "tussock_traffic_bytes_total{direction=\"received\"} 40",
        "tussock_traffic_month_bytes{direction=\"sent\"} 30",
        "tussock_upload_limit_bytes_per_second 50000",
        "tussock_upload_limit_reached 1",
        "tussock_warnings{kind=\"clock\"} 1",
        "tussock_rpc_requests_total{method=\"ping\",code=\"0\"} 1",
        "tussock_rpc_requests_total{method=\"block\",code=\"-5\"} 1",
        "# TYPE process_cpu_seconds_total counter",
    ] {
        assert!(text.lines().any(|own| own == line), "{line} in {text}");
    }
    let mut kind = ("", "");
    for line in text.lines() {
        if let Some(rest) = line.strip_prefix("# TYPE ") {
            kind = rest.split_once(' ').unwrap();
            assert_eq!(kind.0.ends_with("_total"), kind.1 == "counter", "{line}");
        } else if !line.starts_with('#') {
            let (name, value) = line.rsplit_once(' ').unwrap();
            let name = name.split('{').next().unwrap();
            let part = name.strip_prefix(kind.0).unwrap_or("?");
            let parts: &[&str] = if kind.1 == "histogram" { &["_bucket", "_sum", "_count"] } else { &[""] };
            assert!(parts.contains(&part), "{line}: each sample follows its type");
            assert!(value.parse::<f64>().is_ok(), "{line}");
        }
    }
}

#[test]
fn metrics_tell_which_blocks_are_here_and_verified_here() {
    let rig = Rig::new();
    let has = |rig: &Rig, line: &str| rig.get("/metrics").body.lines().any(|own| own == line);
    for line in ["tussock_chain_kept_from_height 1", "tussock_chain_verified_from_height 1"] {
        assert!(has(&rig, line), "{line}");
    }
    assert!(
        !rig.get("/metrics").body.contains("tussock_chain_vouched") && !rig.get("/metrics").body.contains("_goal_")
    );
    let snapshot = SnapshotName { height: 150, block: rig.maker.spec().genesis_hash() };
    rig.status.report(Report::Joined(JoinState::Joined { snapshot, above: 80 }));
    rig.status.report(Report::KeptFrom(151));
    rig.status.report(Report::History { verified: 7, goal: 150 });
    for line in [
        "tussock_chain_kept_from_height 151",
        "tussock_chain_verified_from_height 151",
        "tussock_chain_vouched_height 150",
        "tussock_chain_vouched_headers_above 80",
        "tussock_chain_history_verified_height 7",
        "tussock_chain_history_goal_height 150",
    ] {
        assert!(has(&rig, line), "{line}");
    }
    rig.status.report(Report::KeptFrom(1));
    assert!(!rig.get("/metrics").body.contains("tussock_chain_history"), "it is done");
}

#[test]
fn the_page_is_small_and_runs_nothing_but_itself() {
    let rig = Rig::new();
    let answer = rig.get("/");
    assert_eq!(answer.status, 200);
    assert!(answer.body.len() <= 64 * 1024);
    let policy = answer.head.lines().find(|line| line.starts_with("Content-Security-Policy: ")).unwrap();
    assert!(policy.contains("default-src 'none'") && !policy.contains("unsafe"), "{policy}");
    let nonce = policy.split("'nonce-").nth(1).unwrap().split('\'').next().unwrap();
    assert!(answer.body.contains(&format!("<script nonce=\"{nonce}\">")));
    assert!(answer.body.contains(&format!("<style nonce=\"{nonce}\">")));
    assert!(!rig.get("/").body.contains(nonce), "a nonce is used once");
    for outside in ["http://", "https://", "//cdn", " style=", " onclick=", "innerHTML", "\"/api", "href: \"/"] {
        assert!(!answer.body.contains(outside), "{outside}");
    }
}

#[test]
fn the_page_contains_the_answers_for_its_first_view() {
    let mut rig = Rig::new();
    rig.extend(Vec::new());
    rig.set_state(SyncState::Synced);
    let first = |rig: &Rig| {
        let body = rig.get("/").body;
        let text = body.split("id=\"first\">").nth(1).unwrap().split("</script>").next().unwrap();
        serde_json::from_str::<Value>(text).unwrap()
    };
    let told = first(&rig);
    assert_eq!((&told["summary"]["state"], &told["summary"]["height"]), (&json!("synced"), &json!(1)));
    for path in ["blocks?limit=21", "mempool?limit=8"] {
        let asked = rig.get(&format!("/api/{path}")).json();
        assert_part(&told[path], &asked);
        assert!(rig.get("/").body.contains(&format!("api(\"{path}\")")), "and asked for by this name");
    }
    rig.set_state(SyncState::Blocks);
    assert_eq!(first(&rig), json!({}), "a node that syncs has other things to do");
}

/// The first has nothing that the second has not.
fn assert_part(told: &Value, asked: &Value) {
    match (told, asked) {
        (Value::Array(told), Value::Array(asked)) => {
            assert_eq!(told.len(), asked.len());
            told.iter().zip(asked).for_each(|(told, asked)| assert_part(told, asked));
        }
        (Value::Object(told), Value::Object(asked)) => {
            assert!(!told.is_empty());
            told.iter().for_each(|(name, told)| assert_part(told, &asked[name]));
        }
        (told, asked) => assert_eq!(told, asked),
    }
}

#[test]
fn embedded_answers_cannot_end_their_script_element() {
    let page = crate::rpc::page::Page::new("secret");
    let hostile = r#"{"memo":"</script><script>alert(1)//{nonce}{first}"}"#;
    let body = String::from_utf8(page.serve(hostile, &[]).body).unwrap();
    assert_eq!((body.matches("</script>").count(), body.matches("<script").count()), (2, 2));
    assert!(body.contains(r#""\u003c/script>\u003cscript>alert(1)//{nonce}{first}""#), "as it was, but for the sign");
}

#[test]
fn head_requests_get_no_body() {
    let rig = Rig::new();
    let mut client = Client::connect(rig.address());
    client.send("HEAD /healthz HTTP/1.1\r\nHost: localhost\r\n\r\nGET /nothing HTTP/1.1\r\nHost: localhost\r\n\r\n");
    let mut bytes = Vec::new();
    while !bytes.ends_with(b"}") {
        let mut byte = [0];
        std::io::Read::read_exact(&mut client.stream, &mut byte).unwrap();
        bytes.push(byte[0]);
    }
    let text = String::from_utf8(bytes).unwrap();
    let second = text.split("\r\n\r\n").nth(1).unwrap();
    assert!(text.starts_with("HTTP/1.1 200 ") && second.starts_with("HTTP/1.1 404 "), "{text}");
}

#[test]
fn events_are_answered_when_there_are_some_and_invalid_requests_at_once() {
    let rig = Rig::new();
    let read = |path: &str| serde_json::from_str::<serde_json::Value>(&rig.get(path).body).unwrap();
    let start = read("/api/events?timeout=0");
    assert_eq!(start["events"], json!([]));
    rig.status.report(Report::PeerCount { inbound: 2, outbound: 1 });
    let next = start["next"].as_u64().unwrap();
    let told = read(&format!("/api/events?since={next}&timeout=50"));
    let event = &told["events"][0];
    assert_eq!((&event["event"], &event["inbound"], &event["seq"]), (&json!("peers"), &json!(2), &told["next"]));
    assert_eq!(read("/api/events?since=99999&timeout=0")["missed"], json!(true));
    assert_eq!(rig.get("/api/events?since=x").status, 400);
    assert_eq!(rig.code("logging", json!(["loud"])), -8);
    assert_eq!(rig.code("estimatesmartfee", json!([0])), -8);
}
