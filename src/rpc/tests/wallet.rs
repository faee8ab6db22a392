//! The methods of the wallet.

use std::fs;

use serde_json::{Value, json};

use super::harness::Rig;
use crate::{
    base::hash::hex,
    chain::{address::Address, block::HashedTransaction, key::SecretKey, transaction::Transaction},
    node::command::{Command, GossipCommand},
    wallet::keys::{KeyFile, Keys},
};

fn text(rig: &Rig, address: Address) -> String {
    address.to_text(&rig.maker.spec().prefix)
}

/// The transactions that the node was given.
fn submitted(rig: &Rig) -> Vec<Transaction> {
    let asked = rig.node.asked.lock().unwrap();
    let bytes = asked.iter().filter_map(|command| match command {
        Command::Gossip(GossipCommand::SubmitTransaction { bytes, .. }) => Some(bytes.clone()),
        _ => None,
    });
    bytes.map(|bytes| HashedTransaction::decode(&bytes).unwrap().transaction).collect()
}

#[test]
fn an_address_is_made_paid_and_listed() {
    let mut rig = Rig::new();
    rig.wait_for_index(0);
    let address = rig.result("getnewaddress", json!(["rent"]));
    let address = address.as_str().unwrap();
    let id = rig.result("sendtoaddress", json!([address, 700]));
    let payment = submitted(&rig).pop().unwrap();
    assert_eq!(id, json!(payment.txid()));
    assert_eq!((payment.outputs[0].amount, text(&rig, payment.outputs[0].address)), (700, address.to_owned()));
    rig.put_into_pool(&payment);
    assert_eq!(rig.result("listunspent", json!([1, 9999, [address]])), json!([]));
    let waiting = rig.result("listunspent", json!([0, 9999, [address]]));
    assert_eq!(
        (&waiting[0]["amount"], &waiting[0]["confirmations"], &waiting[0]["label"]),
        (&json!(700), &json!(0), &json!("rent"))
    );
    let rows = rig.result("listtransactions", json!([]));
    let of = |rows: &Value| -> Vec<(String, i64)> {
        let rows = rows.as_array().unwrap().iter();
        rows.map(|row| (row["category"].as_str().unwrap().to_owned(), row["amount"].as_i64().unwrap())).collect()
    };
    assert_eq!(of(&rows)[of(&rows).len() - 2..], [("send".to_owned(), -700), ("receive".to_owned(), 700)]);
    rig.node.pool.lock().unwrap().clear();
    rig.extend(vec![payment]);
    rig.wait_for_index(1);
    let before = rig.result("listsinceblock", json!([]));
    assert_eq!(before["lastblock"], json!(rig.maker.hash()));
    assert_eq!(rig.result("listsinceblock", json!([before["lastblock"]]))["transactions"], json!([]));
    let labelled = rig.result("listtransactions", json!(["rent"]));
    assert_eq!((of(&labelled), &labelled[0]["confirmations"]), (vec![("receive".to_owned(), 700)], &json!(1)));
    assert_eq!(rig.result("listunspent", json!([1, 9999, [address]]))[0]["confirmations"], 1);
    let info = rig.result("getwalletinfo", json!([]));
    assert_eq!((&info["keys"], &info["locked_keys"]), (&json!(2), &json!(0)));
}

#[test]
fn several_are_paid_at_once_and_what_is_undone_is_removed() {
    let mut rig = Rig::new();
    rig.wait_for_index(0);
    let [one, two] = [1, 2].map(|number| text(&rig, SecretKey::well_known(number).address()));
    let answer = rig.result("sendmany", json!({ "dummy": "", "amounts": { one.clone(): 5, two: 6 }, "verbose": true }));
    let payment = submitted(&rig).pop().unwrap();
    let paid: Vec<u64> = payment.outputs.iter().map(|output| output.amount).collect();
    assert_eq!((paid.len(), paid[0] + paid[1]), (3, 11));
    assert_eq!(answer["txid"], json!(payment.txid()));
    let before = rig.maker.fork();
    let start = before.hash();
    let block = rig.extend(vec![payment.clone()]);
    let since = rig.result("listsinceblock", json!([start]));
    assert_eq!((since["transactions"].as_array().unwrap().len(), &since["lastblock"]), (2, &json!(block.hash)));
    rig.undo(&block, &before);
    rig.extend(vec![]);
    rig.extend(vec![]);
    let since = rig.result("listsinceblock", json!([block.hash]));
    assert_eq!(since["transactions"], json!([]));
    let removed = since["removed"].as_array().unwrap();
    assert!(removed.len() == 2 && removed.iter().all(|row| row["txid"] == json!(payment.txid())), "{removed:?}");
    assert_eq!(rig.code("listsinceblock", json!(["ab".repeat(32)])), -5);
}

/// Who pays a key decides how many rows a payment has, and how long they are.
#[test]
fn an_answer_that_would_be_very_long_ends_with_a_block_and_the_next_goes_on_there() {
    let mut rig = Rig::new();
    rig.wait_for_index(0);
    let (blocks, outputs) = (14, 250);
    rig.extend_with_long_payments(blocks, outputs, &[0xff; 512]);
    rig.wait_for_index(blocks);
    let (mut from, mut heights, mut answers) = (Value::Null, Vec::new(), 0);
    while from != json!(rig.maker.hash()) {
        let answer = rig.result("listsinceblock", json!([from]));
        assert!(answer.to_string().len() < 3 << 20, "{}", answer.to_string().len());
        let rows = answer["transactions"].as_array().unwrap().iter();
        // The first one is that of genesis.
        heights.extend(rows.map(|row| row["blockheight"].as_u64().unwrap()).filter(|height| *height > 0));
        assert_ne!(answer["lastblock"], from, "it goes on");
        (from, answers) = (answer["lastblock"].clone(), answers + 1);
    }
    let expected: Vec<u64> = (1..=blocks).flat_map(|height| (0..outputs).map(move |_| height)).collect();
    assert!(heights == expected, "{} rows of {}", heights.len(), expected.len());
    assert!(answers > 1);
}

#[test]
fn payments_that_cannot_be_made_have_the_codes_of_bitcoin() {
    let rig = Rig::new();
    let one = text(&rig, SecretKey::well_known(1).address());
    for (method, params, code) in [
        ("sendtoaddress", json!(["x", 5]), -5),
        ("sendtoaddress", json!([one, 0]), -3),
        ("sendtoaddress", json!([one, 0.5]), -32602),
        ("sendtoaddress", json!([one, u64::MAX]), -6),
        ("sendtoaddress", json!([one, 1u64 << 60]), -6),
        ("sendtoaddress", json!({ "address": one, "amount": 5, "subtractfeefromamount": true }), -8),
        ("sendtoaddress", json!({ "address": one, "amount": 5, "memo": "refused by this node" }), -26),
        ("sendtoaddress", json!({ "address": one, "amount": 5, "fee_rate": 1u64 << 40 }), -4),
        ("sendmany", json!(["", {}]), -8),
        ("sendmany", json!(["", { "x": 5 }]), -5),
        ("sendmany", json!(["", { one.clone(): "5" }]), -3),
        ("getnewaddress", json!(["", "legacy"]), -5),
    ] {
        assert_eq!(rig.code(method, params.clone()), code, "{method} {params}");
    }
    let taken = Keys::new(&rig.dir, rig.maker.spec()).try_lock_spending("dev0").unwrap();
    let mut waiting = rig.client();
    let call = json!({ "jsonrpc": "2.0", "id": 1, "method": "sendtoaddress", "params": [one, 5] });
    waiting.call(&call.to_string());
    rig.result("ping", json!([]));
    drop(taken);
    assert!(waiting.answer().json()["result"].is_string(), "it waits for its turn");
    Keys::new(&rig.dir, rig.maker.spec()).add("safe", &SecretKey::from_seed([7; 32]), Some("secret words")).unwrap();
    assert_eq!(rig.code("sendtoaddress", json!([one, 1u64 << 60])), -13, "the rest may be behind a passphrase");
    assert_eq!(rig.result("getwalletinfo", json!([]))["locked_keys"], 1);
}

/// Whoever makes a key more, or whose disk spoils one, still has the others.
#[test]
fn neither_many_keys_nor_a_damaged_one_end_the_wallet() {
    let rig = Rig::new();
    rig.wait_for_index(0);
    let made = rig.result("getnewaddress", json!(["first"]));
    let folder = rig.dir.join("keys");
    let write = |name: &str, seed: [u8; 32]| {
        let key = SecretKey::from_seed(seed);
        let file = KeyFile::new(name, text(&rig, key.address()), &key, None).unwrap();
        fs::write(folder.join(format!("{name}.json")), file.to_text()).unwrap();
    };
    for number in 0..2_005u16 {
        let [high, low] = number.to_be_bytes();
        let seed = [high, low, 9].into_iter().cycle().take(32).collect::<Vec<u8>>();
        write(&format!("own-{number:04}"), seed.try_into().unwrap());
    }
    fs::write(folder.join("own-0007.json"), "{").unwrap();
    let info = rig.result("getwalletinfo", json!([]));
    assert_eq!(info["keys"], 2_000, "with dev0, without the damaged one");
    let warnings = info["warnings"].to_string();
    assert!(warnings.contains("own-0007.json") && warnings.contains("6 keys are left out"), "{warnings}");
    // The keys that RPC made are not those that are left out, and their number alone counts for another.
    let one = text(&rig, SecretKey::well_known(1).address());
    let id = rig.result("sendtoaddress", json!([made, 5]));
    assert_eq!(submitted(&rig).pop().map(|payment| json!(payment.txid())), Some(id));
    rig.result("sendtoaddress", json!([one, 5]));
    rig.result("getnewaddress", json!(["second"]));
    rig.result("listsinceblock", json!([]));
    rig.result("listtransactions", json!(["first"]));
    for number in 3..1_000u16 {
        let [high, low] = number.to_be_bytes();
        let seed = [high, low, 8].into_iter().cycle().take(32).collect::<Vec<u8>>();
        write(&format!("rpc-{number}"), seed.try_into().unwrap());
    }
    rig.result("getnewaddress", json!(["the last one"]));
    assert_eq!(rig.code("getnewaddress", json!([])), -12);
    rig.result("sendtoaddress", json!([made, 5]));
}

#[test]
fn a_transaction_is_made_of_chosen_coins_and_signed_by_whoever_has_the_keys() {
    let rig = Rig::new();
    rig.wait_for_index(0);
    let [zero, one] = [0, 1].map(SecretKey::well_known);
    let [own, other] = [&zero, &one].map(|key| text(&rig, key.address()));
    let mut coins = Vec::new();
    for key in [&zero, &one] {
        let (outpoint, coin) = rig.maker.spendable(&key.address()).next().map(|(at, coin)| (at, coin.clone())).unwrap();
        coins.push((json!({ "txid": outpoint.txid, "vout": outpoint.index }), coin.amount));
    }
    let all: u64 = coins.iter().map(|(_, amount)| amount).sum();
    let inputs: Vec<Value> = coins.iter().map(|(coin, _)| coin.clone()).collect();
    let outputs = json!([{ other.clone(): all - 600 }, { "data": "6869" }]);
    let unsigned = rig.result("createrawtransaction", json!([inputs, outputs, 0, true]));
    let decoded = rig.result("decoderawtransaction", json!([unsigned]));
    assert_eq!(
        (&decoded["fee"], &decoded["memo"], &decoded["outputs"][0]["address"]),
        (&json!(600), &json!("hi"), &json!(other))
    );
    assert_eq!([&decoded["inputs"][0]["address"], &decoded["inputs"][1]["address"]], [&json!(own), &json!(other)]);
    assert_eq!(rig.result("testmempoolaccept", json!([[unsigned]]))[0]["allowed"], false);

    // The node's folder has dev0, and not dev1: its owner signs with his own.
    let half = rig.result("signrawtransactionwithwallet", json!([unsigned]));
    assert_eq!((&half["complete"], &half["errors"][0]["address"]), (&json!(false), &json!(other)), "{half}");
    assert_eq!(half["errors"].as_array().unwrap().len(), 1);
    let secret = |key: &SecretKey| json!(hex(&key.seed()));
    let both = rig.result("signrawtransactionwithkey", json!([half["hex"], [secret(&one)], [], "ALL"]));
    assert_eq!((&both["complete"], &both["errors"][0]["address"]), (&json!(false), &json!(own)), "{both}");
    let done = rig.result("signrawtransactionwithwallet", json!([both["hex"]]));
    assert_eq!((&done["complete"], &done["errors"]), (&json!(true), &Value::Null), "{done}");
    let at_once = rig.result("signrawtransactionwithkey", json!([unsigned, [secret(&zero), secret(&one)]]));
    assert_eq!(at_once, done);
    assert_eq!(rig.result("testmempoolaccept", json!([[done["hex"]]]))[0]["allowed"], true, "{done}");

    // A forgotten change is no fee.
    let unspent = rig.result("listunspent", json!([0]));
    let forgotten = rig.result("createrawtransaction", json!([[unspent[0]], { other.clone(): 400 }]));
    let forgotten = rig.result("signrawtransactionwithwallet", json!([forgotten]))["hex"].clone();
    assert_eq!(rig.code("sendrawtransaction", json!([forgotten])), -26);
    assert_eq!(rig.code("sendrawtransaction", json!([forgotten, 0.1])), -26, "Bitcoin's default");
    let tested = rig.result("testmempoolaccept", json!([[forgotten]]));
    assert!(tested[0]["reject-reason"].as_str().unwrap().starts_with("max-fee-exceeded"), "{tested}");
    assert_eq!(rig.result("testmempoolaccept", json!([[forgotten], 0]))[0]["allowed"], true);
    rig.result("sendrawtransaction", json!([forgotten, 0]));
    assert_eq!(rig.code("sendrawtransaction", json!([done["hex"], 100])), -26);

    // Whoever notes which output is whose names them in an array.
    let mut both = [(own.clone(), 11), (other.clone(), 22)];
    for _ in 0..2 {
        both.reverse();
        let list: Vec<Value> = both.iter().map(|(address, amount)| json!({ address.clone(): amount })).collect();
        let made = rig.result("createrawtransaction", json!([[inputs[0]], list]));
        let made = rig.result("decoderawtransaction", json!([made]));
        let order = [0, 1].map(|at| made["outputs"][at]["address"].as_str().unwrap().to_owned());
        assert_eq!(order, both.clone().map(|(address, _)| address));
    }

    // A coin that this node does not know, and what cannot be.
    let foreign = json!({ "txid": "ab".repeat(32), "vout": 3, "amount": 50, "address": own });
    let made = rig.result("createrawtransaction", json!([[foreign], { other.clone(): 40 }]));
    assert_eq!(rig.result("decoderawtransaction", json!([made]))["fee"], 10);
    assert_eq!(rig.result("signrawtransactionwithwallet", json!([made]))["complete"], true);
    let coin = &inputs[0];
    let with = |name: &str, value: Value| {
        let mut coin = coin.clone();
        coin[name] = value;
        json!([coin])
    };
    for (inputs, outputs, code) in [
        (json!([{ "txid": "ab".repeat(32), "vout": 3 }]), json!({ other.clone(): 1 }), -5),
        (json!([]), json!({ other.clone(): 1 }), -8),
        (json!([{ "vout": 3 }]), json!({ other.clone(): 1 }), -8),
        (json!([coin, coin]), json!({ other.clone(): 1 }), -8),
        (with("amount", json!(1)), json!({ other.clone(): 1 }), -3),
        (with("address", json!(other)), json!({ other.clone(): 1 }), -8),
        (json!([coin]), json!({}), -8),
        (json!([coin]), json!({ "x": 1 }), -5),
        (json!([coin]), json!({ other.clone(): 0.5 }), -3),
        (json!([coin]), json!({ other.clone(): all }), -3),
        (json!([coin]), json!([{ other.clone(): 1 }, { other.clone(): 2 }]), -8),
        (json!([coin]), json!({ other.clone(): 1, "data": "zz" }), -8),
        (json!([coin]), json!({ other.clone(): 1, "data": "00".repeat(513) }), -8),
    ] {
        assert_eq!(rig.code("createrawtransaction", json!([inputs, outputs])), code, "{inputs} {outputs}");
    }
    assert_eq!(rig.code("createrawtransaction", json!([[coin], { other.clone(): 1 }, 5])), -8);
    assert_eq!(
        rig.code(
            "signrawtransactionwithkey",
            json!([unsigned, ["5Kb8kLf9zgWQnogidDA76MzPL6TsZZY36hWXMssSzNydYXYB9KF"]])
        ),
        -5
    );
    assert_eq!(rig.code("signrawtransactionwithkey", json!(["00", []])), -22);
    assert_eq!(rig.code("signrawtransactionwithkey", json!([unsigned, [], [], "NONE"])), -8);
    Keys::new(&rig.dir, rig.maker.spec()).add("safe", &SecretKey::from_seed([7; 32]), Some("secret words")).unwrap();
    let safe = text(&rig, SecretKey::from_seed([7; 32]).address());
    let locked = json!({ "txid": "ab".repeat(32), "vout": 3, "amount": 50, "address": safe });
    let made = rig.result("createrawtransaction", json!([[locked], { other: 40 }]));
    let refused = rig.result("signrawtransactionwithwallet", json!([made]));
    assert!(refused["errors"][0]["error"].as_str().unwrap().contains("passphrase"), "{refused}");
}

/// Whoever chooses coins of one key for long holds up only payments that need that key.
#[test]
fn a_payment_waits_for_no_key_that_it_does_not_need() {
    let mut rig = Rig::new();
    rig.wait_for_index(0);
    let till = rig.result("getnewaddress", json!(["till"]));
    let paid = rig.result("sendtoaddress", json!({ "address": till, "amount": 5_000, "verbose": true }));
    let payment = submitted(&rig).pop().unwrap();
    assert_eq!(paid["txid"], json!(payment.txid()));
    rig.extend(vec![payment.clone()]);
    rig.wait_for_index(1);
    let one = text(&rig, SecretKey::well_known(1).address());
    let keys = Keys::new(&rig.dir, rig.maker.spec());
    let busy = keys.try_lock_spending("dev0").unwrap();
    rig.result("sendtoaddress", json!([one, 100]));
    let small = submitted(&rig).pop().unwrap();
    assert_eq!(small.inputs[0].outpoint.txid, payment.txid(), "it is of the key that is free");
    drop(busy);
    // The other way round: the small key is not needed.
    let busy = keys.try_lock_spending("rpc-1").unwrap();
    rig.result("sendtoaddress", json!([one, 100_000]));
    drop(busy);

    // The payee may pay the fee.
    rig.result("sendtoaddress", json!({ "address": one, "amount": 2_000, "subtractfeefromamount": true }));
    let less = submitted(&rig).pop().unwrap();
    let fee = crate::chain::rules::fee(&less).unwrap();
    assert_eq!((less.outputs[0].amount, fee > 200), (2_000 - fee, true));
    let two = text(&rig, SecretKey::well_known(2).address());
    let amounts = json!({ one.clone(): 2_000, two.clone(): 3_000 });
    rig.result("sendmany", json!({ "dummy": "", "amounts": amounts, "subtractfeefrom": [two] }));
    let less = submitted(&rig).pop().unwrap();
    let mut paid: Vec<u64> = less.outputs.iter().map(|output| output.amount).take(2).collect();
    paid.sort_unstable();
    let fee = crate::chain::rules::fee(&less).unwrap();
    assert_eq!(paid, [2_000, 3_000 - fee]);
    let wrong = json!({ "dummy": "", "amounts": { one.clone(): 2_000 }, "subtractfeefrom": [till] });
    assert_eq!(rig.code("sendmany", wrong), -8);
    assert_eq!(rig.code("sendtoaddress", json!({ "address": one, "amount": 5, "subtractfeefromamount": true })), -8);
}

/// People copy a key file before they change something.
#[test]
fn a_key_in_two_files_counts_once() {
    let rig = Rig::new();
    rig.wait_for_index(0);
    let before = rig.result("getwalletinfo", json!([]));
    let unspent = rig.result("listunspent", json!([0]));
    let key = SecretKey::well_known(0);
    let file = KeyFile::new("copy", text(&rig, key.address()), &key, None).unwrap();
    fs::create_dir_all(rig.dir.join("keys")).unwrap();
    for name in ["copy.json", "copy-old.json"] {
        fs::write(rig.dir.join("keys").join(name), file.to_text()).unwrap();
    }
    let info = rig.result("getwalletinfo", json!([]));
    assert_eq!((&info["balance"], &info["keys"]), (&before["balance"], &json!(1)), "{info}");
    assert!(info["warnings"].to_string().contains("counts once"), "{info}");
    assert_eq!(rig.result("listunspent", json!([0])).as_array().map(Vec::len), unspent.as_array().map(Vec::len));
    let one = text(&rig, SecretKey::well_known(1).address());
    let most = before["balance"].as_u64().unwrap() - 20_000;
    rig.result("sendtoaddress", json!([one, most]));
}
