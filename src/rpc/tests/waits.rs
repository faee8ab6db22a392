//! Long polls.

use serde_json::{Value, json};

use super::harness::{Client, Rig};
use crate::{
    base::time::UnixTime,
    node::{
        hindrance::{Finding, HindranceId},
        report::{Report, SyncState},
    },
    rpc::engine::RPC_WAITS,
};

fn wait(rig: &Rig, params: &Value) -> Client {
    let mut client = rig.client();
    client.call(&json!({ "jsonrpc": "2.0", "id": 1, "method": "wait", "params": [params] }).to_string());
    client
}

/// When a later call on another connection is answered, the wait has been registered.
fn settle(rig: &Rig) {
    rig.result("ping", json!([]));
}

#[test]
fn a_condition_that_holds_is_answered_at_once() {
    let rig = Rig::new();
    rig.set_state(SyncState::Synced);
    for kind in [json!({ "kind": "ready" }), json!({ "kind": "synced" }), json!({ "kind": "height", "value": 0 })] {
        assert_eq!(wait(&rig, &kind).answer().json()["result"]["ok"], true, "{kind}");
    }
}

#[test]
fn a_change_of_the_status_ends_the_waiting() {
    let mut rig = Rig::new();
    let mut synced = wait(&rig, &json!({ "kind": "synced" }));
    let mut peers = wait(&rig, &json!({ "kind": "peers", "value": "2" }));
    let mut height = wait(&rig, &json!({ "kind": "height", "value": 2 }));
    settle(&rig);
    rig.extend(vec![]);
    rig.status.report(Report::PeerCount { inbound: 1, outbound: 1 });
    let answer = peers.answer().json();
    assert_eq!((&answer["result"]["ok"], &answer["result"]["peers"]["inbound"]), (&json!(true), &json!(1)));
    rig.set_state(SyncState::Synced);
    assert_eq!(synced.answer().json()["result"]["state"], "synced");
    rig.extend(vec![]);
    assert_eq!(height.answer().json()["result"]["height"], 2);
}

#[test]
fn a_wait_whose_time_is_up_is_answered() {
    let rig = Rig::new();
    let answer = wait(&rig, &json!({ "kind": "height", "value": 9, "timeout": 0.01 })).answer();
    assert_eq!((answer.status, &answer.json()["result"]["ok"]), (200, &json!(false)));
    let answer = rig.result("waitforblockheight", json!([9, 1]));
    assert_eq!(answer["height"], 0);
}

#[test]
fn a_transaction_is_waited_for_through_mempool_and_confirmations() {
    let mut rig = Rig::new();
    let transfer = rig.transfer(1);
    let txid = transfer.txid();
    let ask = |confirmations: u32| json!({ "kind": "tx", "value": txid, "confirmations": confirmations });
    let (mut seen, mut twice) = (wait(&rig, &ask(0)), wait(&rig, &ask(2)));
    settle(&rig);
    rig.put_into_pool(&transfer);
    assert_eq!(seen.answer().json()["result"]["status"], "mempool");
    rig.node.pool.lock().unwrap().clear();
    rig.extend(vec![transfer]);
    rig.extend(vec![]);
    let answer = twice.answer().json();
    assert_eq!((&answer["result"]["ok"], &answer["result"]["confirmations"]), (&json!(true), &json!(2)));
    assert_eq!((&answer["result"]["status"], &answer["result"]["tx_height"]), (&json!("confirmed"), &json!(1)));
}

#[test]
fn a_new_block_is_waited_for() {
    let mut rig = Rig::new();
    let mut client = rig.client();
    client.call(r#"{"jsonrpc":"2.0","id":1,"method":"waitfornewblock"}"#);
    settle(&rig);
    let block = rig.extend(vec![]);
    assert_eq!(client.answer().json()["result"]["hash"], json!(block.hash));
}

#[test]
fn waiting_calls_are_bounded_and_give_their_places_back() {
    let rig = Rig::new();
    let ask = json!({ "kind": "synced" });
    let mut waiting: Vec<Client> = (0..RPC_WAITS).map(|_| wait(&rig, &ask)).collect();
    settle(&rig);
    let refused = wait(&rig, &ask).answer();
    assert_eq!((refused.status, &refused.json()["error"]["code"]), (503, &json!(-32000)));
    // One leaves without its answer.
    drop(waiting.pop());
    let mut late = loop {
        let mut client = wait(&rig, &json!({ "kind": "height", "value": 7, "timeout": 0.001 }));
        if client.answer().status == 200 {
            break wait(&rig, &ask);
        }
    };
    settle(&rig);
    rig.set_state(SyncState::Synced);
    for client in waiting.iter_mut().chain([&mut late]) {
        assert_eq!(client.answer().json()["result"]["ok"], true);
    }
}

#[test]
fn conditions_that_do_not_exist_are_refused() {
    let rig = Rig::new();
    assert_eq!(rig.code("wait", json!([{ "kind": "godot" }])), -8);
    assert_eq!(rig.code("wait", json!([{ "kind": "height", "value": "x" }])), -32602);
    assert_eq!(rig.code("wait", json!([{ "kind": "tx", "value": "12" }])), -8);
    assert_eq!(rig.code("wait", json!([])), -32602);
    assert_eq!(rig.code("wait", json!([{ "kind": "ready", "timeout": -1 }])), -32602);
}

#[test]
fn nothing_is_confirmed_while_the_clock_is_known_to_be_wrong() {
    let mut rig = Rig::new();
    let transfer = rig.transfer(1);
    let id = transfer.txid();
    rig.extend(vec![transfer]);
    rig.wait_for_index(1);
    let finding = Finding::new("this clock is 3 h behind", "set it");
    let clock =
        |finding| rig.status.report(Report::Hindrance { id: HindranceId::ClockBehind, now: UnixTime(1), finding });
    clock(Some(finding));
    let tx = rig.result("tx", json!([id]));
    assert_eq!((&tx["status"], &tx["confirmations"], &tx["height"]), (&json!("unknown"), &json!(0), &json!(1)));
    assert_eq!(tx["doubt"], "this clock is 3 h behind; set it");
    let mut waiting = wait(&rig, &json!({ "kind": "tx", "value": id }));
    settle(&rig);
    clock(None);
    let answer = waiting.answer().json();
    assert_eq!((&answer["result"]["ok"], &answer["result"]["status"]), (&json!(true), &json!("confirmed")));
    assert_eq!(rig.result("tx", json!([id]))["confirmations"], 1);
}
