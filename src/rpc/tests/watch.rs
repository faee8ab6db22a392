//! Being told of payments.

use std::collections::BTreeMap;

use serde_json::{Value, json};

use super::harness::{Client, Rig};
use crate::{
    base::rng::Rng,
    chain::{
        block::HashedBlock,
        key::SecretKey,
        testkit::{BlockMaker, spend},
        transaction::{Output, Transaction},
    },
    node::report::Report,
};

fn account(number: u32) -> SecretKey {
    SecretKey::well_known(number)
}

fn address(rig: &Rig, number: u32) -> String {
    account(number).address().to_text(&rig.maker.spec().prefix)
}

/// What a client has that keeps its cursor.
#[derive(Default)]
struct Shop {
    cursor: Option<String>,
    /// Confirmed payments with the amounts they brought.
    credited: BTreeMap<String, u64>,
    last_final: BTreeMap<String, u64>,
}

impl Shop {
    fn take(&mut self, event: &Value) {
        let id = event["id"].as_str().unwrap().to_owned();
        let amount = event["received"].as_u64().unwrap();
        match event["event"].as_str().unwrap() {
            "confirmed" => assert_eq!(self.credited.insert(id, amount), None, "credited twice: {event}"),
            "undone" => {
                assert_eq!(self.credited.remove(&id), Some(amount), "was not credited: {event}");
                self.last_final.remove(&id);
            }
            "final" => {
                assert!(self.credited.contains_key(&id), "not confirmed: {event}");
                assert_eq!(self.last_final.insert(id, amount), None, "final twice: {event}");
            }
            _ => {}
        }
        self.cursor = Some(event["cursor"].as_str().unwrap().to_owned());
    }
}

/// Asks until nothing is left, and keeps the words of the events.
fn words(rig: &Rig, shop: &mut Shop, params: &Value) -> Vec<String> {
    let mut words = Vec::new();
    loop {
        let mut params = params.clone();
        params["cursor"] = json!(shop.cursor);
        params["timeout"] = json!(0);
        let answer = rig.result("watch", params);
        for event in answer["events"].as_array().unwrap() {
            shop.take(event);
            words.push(format!("{} {}", event["event"].as_str().unwrap(), event["received"]));
        }
        shop.cursor = Some(answer["cursor"].as_str().unwrap().to_owned());
        if answer["more"] == false && answer["events"].as_array().unwrap().is_empty() {
            return words;
        }
    }
}

#[test]
fn a_payment_is_seen_confirmed_and_final_and_each_is_told_once() {
    let mut rig = Rig::new();
    let watched = json!({ "addresses": [address(&rig, 1)], "confirmations": 2, "final": 3 });
    let mut shop = Shop::default();
    assert!(words(&rig, &mut shop, &watched).is_empty());
    let (payment, other) = (rig.transfer(500), account(3));
    let elsewhere = rig.maker.transfer(&account(2), other.address(), 1, 1);
    rig.put_into_pool(&payment);
    rig.put_into_pool(&elsewhere);
    assert_eq!(words(&rig, &mut shop, &watched), ["seen 500"]);
    rig.node.pool.lock().unwrap().clear();
    rig.extend(vec![payment.clone(), elsewhere]);
    rig.status.report(Report::Mempool { count: 0, bytes: 0, replacements: 0 });
    assert!(words(&rig, &mut shop, &watched).is_empty(), "one confirmation is not enough");
    rig.extend(vec![]);
    assert_eq!(words(&rig, &mut shop, &watched), ["confirmed 500"]);
    rig.extend(vec![]);
    assert_eq!(words(&rig, &mut shop, &watched), ["final 500"]);
    rig.extend(vec![]);
    assert!(words(&rig, &mut shop, &watched).is_empty());
    let late = rig.result("watch", json!({ "transactions": [payment.txid()], "above": 0, "timeout": 0 }));
    let event = &late["events"][0];
    assert_eq!(
        (&event["event"], &event["height"], &event["confirmations"]),
        (&json!("confirmed"), &json!(1), &json!(4))
    );
    assert_eq!((&event["received"], late["events"].as_array().unwrap().len()), (&json!(0), 1));
}

#[test]
fn a_call_waits_for_the_next_event() {
    let mut rig = Rig::new();
    let start = rig.result("watch", json!({ "addresses": [address(&rig, 1)], "timeout": 0 }));
    let ask = |cursor: &Value| -> Client {
        let params = json!([{ "addresses": [address(&rig, 1)], "cursor": cursor }]);
        let mut client = rig.client();
        client.call(&json!({ "jsonrpc": "2.0", "id": 1, "method": "watch", "params": params }).to_string());
        client
    };
    let (mut one, mut two) = (ask(&start["cursor"]), ask(&start["cursor"]));
    rig.result("ping", json!([]));
    rig.extend(vec![]);
    let payment = rig.transfer(7);
    rig.extend(vec![payment.clone()]);
    let answers = [&mut one, &mut two].map(|client| client.answer().json()["result"].take());
    assert_eq!((&answers[0]["events"], &answers[0]["cursor"]), (&answers[1]["events"], &answers[1]["cursor"]));
    assert_eq!(answers[0]["events"][0]["id"], json!(payment.txid()));
    assert_eq!(answers[0]["events"][0]["cursor"], answers[0]["cursor"]);
    // Whether a call looked at the empty block before the other came is chance: `from` is before or behind it. From both the
    // same events follow.
    for answer in &answers {
        let params = json!({ "addresses": [address(&rig, 1)], "cursor": answer["from"], "timeout": 0 });
        assert_eq!(rig.result("watch", params)["events"], answers[0]["events"]);
    }
}

#[test]
fn a_payment_that_leaves_the_mempool_for_another_is_replaced() {
    let mut rig = Rig::new();
    rig.wait_for_index(0);
    let watched = json!({ "addresses": [address(&rig, 1)] });
    let before = rig.maker.fork();
    let mut other = before.fork();
    let loser = rig.transfer(5);
    rig.put_into_pool(&loser);
    let mut shop = Shop::default();
    assert_eq!(words(&rig, &mut shop, &watched), ["seen 5"]);
    let winner = other.transfer(&account(0), account(2).address(), 6, 1);
    rig.maker = before.fork();
    rig.node.pool.lock().unwrap().clear();
    rig.extend(vec![winner.clone()]);
    rig.status.report(Report::Mempool { count: 0, bytes: 0, replacements: 0 });
    let cursor = shop.cursor.clone();
    let answer = rig.result("watch", json!({ "addresses": [address(&rig, 1)], "cursor": cursor, "timeout": 0 }));
    let event = &answer["events"][0];
    assert_eq!((&event["event"], &event["conflicts_with"]), (&json!("replaced"), &json!(winner.txid())), "{answer}");
}

#[test]
fn what_leaves_the_mempool_without_a_block_was_replaced_there_or_dropped() {
    let mut rig = Rig::new();
    let watched = json!({ "addresses": [address(&rig, 1)] });
    let mut other = rig.maker.fork();
    let (loser, winner) = (rig.transfer(5), other.transfer(&account(0), account(2).address(), 6, 9));
    rig.put_into_pool(&loser);
    let mut shop = Shop::default();
    assert_eq!(words(&rig, &mut shop, &watched), ["seen 5"]);
    let seen = shop.cursor.clone();
    rig.node.pool.lock().unwrap().clear();
    rig.put_into_pool(&winner);
    let answer = rig.result("watch", json!({ "addresses": [address(&rig, 1)], "cursor": seen, "timeout": 0 }));
    let event = &answer["events"][0];
    assert_eq!((&event["event"], &event["conflicts_with"]), (&json!("replaced"), &json!(winner.txid())), "{answer}");
    rig.node.pool.lock().unwrap().clear();
    rig.put_into_pool(&loser);
    assert_eq!(words(&rig, &mut shop, &watched), ["replaced 5", "seen 5"]);
    rig.node.pool.lock().unwrap().clear();
    rig.status.report(Report::Mempool { count: 0, bytes: 0, replacements: 0 });
    assert_eq!(words(&rig, &mut shop, &watched), ["dropped 5"]);
}

#[test]
fn what_is_not_a_position_or_names_nobody_is_refused() {
    let rig = Rig::new();
    let one = address(&rig, 1);
    let whole = rig.result("watch", json!({ "addresses": [one], "timeout": 0 }))["cursor"].take();
    let height = whole.as_str().unwrap().replace("w1-0.all", "w1-4294967295.all");
    let last_final = whole.as_str().unwrap().replace("-0.all", "-7.all").replace("w1-7", "w1-0");
    let told = whole.as_str().unwrap().replace("w1-0.all", "w1-0.9");
    let foreign = whole.as_str().unwrap().replace(&rig.maker.hash().to_string(), &"ab".repeat(32));
    for (params, code) in [
        (json!({}), -8),
        (json!({ "addresses": ["x"] }), -8),
        (json!({ "transactions": ["12"] }), -8),
        (json!({ "addresses": [one], "cursor": "12" }), -8),
        (json!({ "addresses": [one], "cursor": height }), -8),
        (json!({ "addresses": [one], "cursor": last_final }), -8),
        (json!({ "addresses": [one], "cursor": told }), -8),
        (json!({ "addresses": [one], "confirmations": 0 }), -8),
        (json!({ "addresses": [one], "above": 9 }), -5),
        (json!({ "addresses": [one], "cursor": foreign }), -5),
        (json!({ "addresses": vec![one.clone(); 1001] }), -8),
    ] {
        assert_eq!(rig.code("watch", params.clone()), code, "{params}");
    }
}

/// A block tree that grows at random, and clients that stop at any event and go on from their cursors.
#[test]
fn each_payment_of_the_best_chain_is_credited_once_whatever_is_undone_and_wherever_clients_stop() {
    for seed in 0..4 {
        let mut rng = Rng::from_number(seed);
        let mut rig = Rig::new();
        let watched = json!({ "addresses": [address(&rig, 1)], "above": 0 });
        // The chain, each block with the maker as it was below it.
        let mut chain: Vec<(HashedBlock, BlockMaker)> = Vec::new();
        let mut shops: Vec<(Shop, u64, u64)> =
            [(1, 2), (1, 1), (3, 5)].map(|(depth, last_final)| (Shop::default(), depth, last_final)).into();
        for _ in 0..25 {
            let undone = if rng.chance(300_000) { rng.below(5) } else { 0 };
            for _ in 0..undone {
                let Some((block, before)) = chain.pop() else { break };
                rig.undo(&block, &before);
            }
            for _ in 0..undone + rng.between(1, 2) {
                let before = rig.maker.fork();
                let pay = |amount: u64, rig: &mut Rig| -> Transaction { rig.transfer(amount) };
                let payments = (0..rng.below(4)).map(|_| pay(rng.between(1, 999), &mut rig)).collect();
                chain.push((rig.extend(payments), before));
            }
            for (shop, depth, last_final) in &mut shops {
                if rng.chance(600_000) {
                    stop_anywhere(&rig, shop, &mut rng, &watched, (*depth, *last_final));
                }
            }
        }
        for (shop, depth, last_final) in &mut shops {
            let mut params = watched.clone();
            (params["confirmations"], params["final"]) = (json!(depth), json!(last_final));
            words(&rig, shop, &params);
            assert_eq!(shop.credited, paid(&chain, *depth), "seed {seed}, {depth} confirmations");
            assert_eq!(shop.last_final, paid(&chain, *last_final), "seed {seed}, final after {last_final}");
        }
    }
}

/// Takes a part of one answer.
fn stop_anywhere(rig: &Rig, shop: &mut Shop, rng: &mut Rng, watched: &Value, (depth, last_final): (u64, u64)) {
    let mut params = watched.clone();
    (params["confirmations"], params["final"]) = (json!(depth), json!(last_final));
    (params["cursor"], params["timeout"]) = (json!(shop.cursor), json!(0));
    let answer = rig.result("watch", params);
    let events = answer["events"].as_array().unwrap();
    let count = usize::try_from(rng.below(u64::try_from(events.len()).unwrap() + 1)).unwrap();
    events[..count].iter().for_each(|event| shop.take(event));
}

/// What the blocks with this number of confirmations pay to account 1.
fn paid(chain: &[(HashedBlock, BlockMaker)], depth: u64) -> BTreeMap<String, u64> {
    let count = chain.len().saturating_sub(usize::try_from(depth).unwrap() - 1);
    let of = |transaction: &Transaction| {
        let outputs = transaction.outputs.iter().filter(|output| output.address == account(1).address());
        outputs.map(|output| output.amount).sum::<u64>()
    };
    let all = chain[..count].iter().flat_map(|(block, _)| &block.transactions);
    all.map(|one| (one.txid.to_string(), of(&one.transaction))).filter(|(_, amount)| *amount > 0).collect()
}

/// The next lines of a stream, up to an empty one.
fn next(stream: &mut impl std::io::BufRead) -> Vec<String> {
    let mut lines = Vec::new();
    loop {
        let mut line = String::new();
        assert!(stream.read_line(&mut line).expect("it comes in time") > 0, "the stream ended: {lines:?}");
        match line.trim_end() {
            "" if lines.first().is_some_and(|line: &String| line.starts_with(':')) => lines.clear(),
            "" => return lines,
            text => lines.push(text.to_owned()),
        }
    }
}

fn stream(rig: &Rig, query: &str, fields: &str) -> std::io::BufReader<std::net::TcpStream> {
    let mut client = rig.client();
    client.send(&format!(
        "GET /api/watch?{query} HTTP/1.1\r\nHost: localhost\r\nAccept: text/event-stream\r\n{fields}\r\n"
    ));
    std::io::BufReader::new(client.stream)
}

#[test]
fn a_stream_tells_each_event_with_its_id_and_goes_on_behind_the_last_one() {
    let mut rig = Rig::new();
    let query = format!("address={}", address(&rig, 1));
    let mut events = stream(&rig, &format!("{query}&above=0&timeout=0"), "");
    let payment = rig.transfer(7);
    rig.extend(vec![payment.clone()]);
    let head = next(&mut events).join("\n");
    assert!(head.starts_with("HTTP/1.1 200") && head.contains("Content-Type: text/event-stream"), "{head}");
    assert!(!head.contains("Content-Length") && head.contains("Connection: close"), "{head}");
    assert_eq!(next(&mut events), ["retry: 2000"]);
    let first = next(&mut events);
    assert_eq!(first[1], "event: confirmed");
    let data: Value = serde_json::from_str(first[2].strip_prefix("data: ").unwrap()).unwrap();
    assert_eq!((&data["id"], &data["received"]), (&json!(payment.txid()), &json!(7)));
    let id = first[0].strip_prefix("id: ").unwrap();
    assert_eq!(data["cursor"], id);
    let second = rig.transfer(8);
    rig.extend(vec![second.clone()]);
    assert!(next(&mut events)[2].contains(&second.txid().to_string()));
    drop(events);
    let mut again = stream(&rig, &format!("{query}&integers=strings"), &format!("Last-Event-ID: {id}\r\n"));
    next(&mut again);
    assert_eq!(next(&mut again), ["retry: 2000"]);
    let told = next(&mut again);
    assert!(told[2].contains(&second.txid().to_string()) && told[2].contains("\"received\":\"8\""), "{told:?}");
    drop(again);
    let refused = next(&mut stream(&rig, "address=x", ""));
    assert!(refused[0].starts_with("HTTP/1.1 400"), "{refused:?}");
}

#[test]
fn streams_are_bounded_and_give_their_places_back() {
    let rig = Rig::new();
    let query = format!("address={}", address(&rig, 1));
    let mut all: Vec<_> = (0..32).map(|_| stream(&rig, &query, "")).collect();
    rig.result("ping", json!([]));
    assert!(next(&mut stream(&rig, &query, ""))[0].starts_with("HTTP/1.1 503"));
    // Nor polls beside them, which keep out nobody who has credentials.
    all.iter_mut().for_each(|stream| drop(next(stream)));
    for _ in 0..100 {
        assert_eq!(rig.get(&format!("/api/watch?{query}&timeout=0.01")).status, 503, "no stream loses its place");
    }
    let mut with_cookie = rig.client();
    let call = json!({ "jsonrpc": "2.0", "id": 1, "method": "wait", "params": [{ "kind": "height", "value": 9, "timeout": 0.01 }] });
    with_cookie.call(&call.to_string());
    assert_eq!(with_cookie.answer().json()["result"]["ok"], false);
    all.pop();
    rig.until(|rig| {
        let mut one = stream(rig, &query, "Last-Event-ID: x\r\n");
        // With a place, its id is looked at.
        next(&mut one)[0].starts_with("HTTP/1.1 400")
    });
}

/// Anybody can make payments whose events are long, and ask for them without credentials.
#[test]
fn an_answer_is_short_however_long_its_events_are() {
    let mut rig = Rig::new();
    let one = account(1).address();
    let genesis = rig.maker.spec().genesis_hash();
    for number in 2..9 {
        let owner = account(number);
        let payer = owner.address();
        let (outpoint, amount) = rig.maker.spendable(&payer).next().map(|(coin, about)| (coin, about.amount)).unwrap();
        let mut outputs = vec![Output { amount: 1, address: one }; 200];
        outputs.push(Output { amount: amount - 100_000, address: payer });
        let payment = spend(&[(outpoint, amount, &owner)], outputs, b"", &genesis);
        rig.extend(vec![payment]);
    }
    let params = json!({ "addresses": [address(&rig, 1)], "above": 0, "timeout": 0 });
    let answer = rig.result("watch", params.clone());
    assert!(answer.to_string().len() < 100_000 && answer["more"] == true, "{} bytes", answer.to_string().len());
    let mut shop = Shop::default();
    assert_eq!(words(&rig, &mut shop, &params), ["confirmed 200"; 7]);
}
