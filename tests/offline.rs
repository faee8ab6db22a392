//! Payments that are made, signed and submitted in different places, when something is not as it should be.

use std::{fs, thread};

use serde_json::json;

use super::support::{TestNode, stderr, stdout};

/// Makes a payment of the key "savings" and signs it. Returns the file.
fn signed(node: &TestNode, name: &str, make: &[&str]) -> String {
    let file = node.dir.join(name).display().to_string();
    node.json(&[&["tx", "make", "--from", "savings", "--file", &file][..], make].concat());
    node.json(&["tx", "sign", &file, "--yes", "--file", &file]);
    file
}

fn node_with_savings() -> TestNode {
    let node = TestNode::start(&[]);
    node.wait(&["synced"]);
    node.json(&["key", "new", "savings"]);
    node.json(&["send", "savings", "50000", "--from", "dev0"]);
    node.json(&["mine", "1"]);
    node
}

/// What was in the file of `--file` was lost.
#[test]
fn a_payment_is_written_over_a_payment_and_over_nothing_else() {
    let node = node_with_savings();
    let rent = signed(&node, "rent", &["dev1", "1000"]);
    let payment = fs::read_to_string(&rent).unwrap();
    let [mail, unsigned] = ["mail", "unsigned"].map(|name| node.dir.join(name));
    let unsigned = unsigned.display().to_string();
    node.json(&["tx", "make", "dev1", "5", "--from", "savings", "--file", &unsigned]);
    for text in ["my diary\n".to_owned(), format!("Dear friend,\n{payment}\nYours\n")] {
        fs::write(&mail, &text).unwrap();
        let file = mail.to_str().unwrap();
        let make = ["tx", "make", "dev1", "5", "--from", "savings", "--file", file];
        for args in [&make[..], &["tx", "sign", &unsigned, "--yes", "--file", file]] {
            let refused = node.cli(args);
            let words = stderr(&refused);
            assert!(refused.status.code() == Some(2) && words.contains("choose another file"), "{args:?}: {words}");
            assert_eq!(fs::read_to_string(&mail).unwrap(), text);
        }
    }
    let again = signed(&node, "rent", &["dev2", "7"]);
    assert_ne!(fs::read_to_string(again).unwrap(), payment);
}

/// Who makes two payments before the first is submitted makes both from the same coins.
#[test]
fn a_payment_takes_the_place_of_another_only_if_that_is_meant() {
    let node = node_with_savings();
    let rent = signed(&node, "rent", &["dev1", "1000", "--fee", "300"]);
    let food = signed(&node, "food", &["dev2", "2000", "--fee", "3000"]);
    let cheap = signed(&node, "cheap", &["dev3", "3000", "--fee", "301"]);
    let dev1 = node.json(&["key", "show", "dev1"])["address"].as_str().unwrap().to_owned();
    let first = node.json(&["tx", "submit", &rent])["id"].as_str().unwrap().to_owned();

    // All that would be lost is named: id, payee, amount.
    let refused = node.cli(&["tx", "submit", &food]);
    let words = stderr(&refused);
    assert_eq!((refused.status.code(), stdout(&refused).as_str()), (Some(5), ""), "{words}");
    for word in [&*first, &*dev1, "1,000", "--replace"] {
        assert!(words.contains(word), "{word}: {words}");
    }
    assert_eq!(words.trim_end().lines().count(), 1, "{words}");
    assert_eq!(node.json(&["tx", &first])["status"], "mempool", "it still waits");
    let refused = node.cli(&["tx", "submit", &food, "--json"]);
    let facts: serde_json::Value = serde_json::from_str(&stdout(&refused)).unwrap();
    assert_eq!(refused.status.code(), Some(5));
    let lost = &facts["conflicts"][0];
    assert_eq!((&lost["txid"], &lost["fee"]), (&json!(first), &json!(300)), "{facts}");
    assert_eq!(lost["payees"], json!([{ "address": dev1, "amount": 1000 }]), "{facts}");

    // Who only asks hears the same.
    let tested = node.cli(&["tx", "test", &food]);
    assert_eq!(tested.status.code(), Some(0));
    assert!(stdout(&tested).contains(&first) && stdout(&tested).contains("1,000"), "{}", stdout(&tested));
    let tested = node.json(&["tx", "test", &food]);
    assert_eq!((&tested["allowed"], &tested["conflicts"][0]["txid"]), (&json!(true), &json!(first)));
    // One that pays too little says what it stands in the way of, too.
    for verb in ["submit", "test"] {
        let refused = node.cli(&["tx", verb, &cheap]);
        assert_eq!(refused.status.code(), Some(5));
        let words = stderr(&refused);
        assert!(words.contains(&first) && words.contains(&dev1) && words.contains("1,000"), "{words}");
    }

    // What builds on it goes, too.
    let heir = node.json(&["send", "dev5", "100", "--from", "savings"])["id"].as_str().unwrap().to_owned();
    let refused = node.cli(&["tx", "submit", &food]);
    assert!(stderr(&refused).contains(&heir), "{}", stderr(&refused));
    let sent = node.json(&["tx", "submit", &food, "--replace"]);
    let second = sent["id"].as_str().unwrap();
    let lost: Vec<_> = sent["conflicts"].as_array().unwrap().iter().map(|one| one["txid"].clone()).collect();
    assert_eq!(lost, [json!(first), json!(heir)]);
    let tx = node.json(&["tx", &first]);
    assert_eq!((&tx["status"], &tx["conflicts_with"]), (&json!("conflicted"), &json!(second)));
    fs::remove_file(&rent).unwrap();
}

/// Two hosts hand in at the same moment, or a script does. Both have looked before the other's payment was there.
#[test]
fn of_two_payments_of_one_coin_at_once_one_is_refused() {
    let node = node_with_savings();
    for round in 0..8 {
        let rent = signed(&node, "rent", &["dev1", "100", "--fee", "400"]);
        let food = signed(&node, "food", &["dev2", "200", "--fee", "1500"]);
        let submit = |file: &str| node.cli(&["tx", "submit", file]);
        let [one, other] = thread::scope(|scope| {
            [&rent, &food].map(|file| scope.spawn(|| submit(file))).map(|thread| thread.join().unwrap())
        });
        let (taken, refused) = if one.status.success() { (one, other) } else { (other, one) };
        let words = stderr(&refused);
        assert_eq!((taken.status.code(), refused.status.code()), (Some(0), Some(5)), "round {round}: {words}");
        let id = stdout(&taken).trim().to_owned();
        assert!(words.contains(&id) && stdout(&refused).is_empty(), "round {round}: {words}");
        assert_eq!(node.json(&["tx", &id])["status"], "mempool");
        node.json(&["mine", "1"]);
    }
}

#[test]
fn a_fee_that_is_likely_a_mistake_is_not_signed_unasked() {
    let node = node_with_savings();
    node.json(&["send", "savings", "900000", "--from", "dev0"]);
    node.json(&["mine", "1"]);
    let file = node.dir.join("dear").display().to_string();
    let make = ["tx", "make", "dev1", "5", "--from", "savings", "--fee", "800000", "--allow-high-fee", "--file", &file];
    node.json(&make);
    let refused = node.cli(&["tx", "sign", &file, "--yes"]);
    let words = stderr(&refused);
    assert_eq!(refused.status.code(), Some(5), "{words}");
    assert!(words.contains("a fee of 800,000 is far above the usual") && words.contains("--allow-high-fee"), "{words}");
    assert!(stdout(&refused).is_empty());
    node.json(&["tx", "sign", &file, "--yes", "--allow-high-fee", "--file", &file]);
    for verb in ["test", "submit"] {
        let refused = node.cli(&["tx", verb, &file]);
        let words = stderr(&refused);
        assert_eq!(refused.status.code(), Some(5), "{words}");
        assert!(words.contains("a fee of 800,000") && words.contains("add --allow-high-fee"), "{words}");
    }
    node.json(&["tx", "test", &file, "--allow-high-fee"]);
    node.json(&["tx", "submit", &file, "--allow-high-fee"]);
}

/// A script that lost the answer asks again.
#[test]
fn a_payment_that_is_in_already_is_no_failure() {
    let node = node_with_savings();
    let rent = signed(&node, "rent", &["dev1", "1000"]);
    let id = node.json(&["tx", "submit", &rent])["id"].clone();
    let again = node.json(&["tx", "submit", &rent]);
    assert_eq!((&again["id"], &again["status"]), (&id, &json!("mempool")));
    assert_eq!(stdout(&node.cli(&["tx", "submit", &rent])).trim(), id.as_str().unwrap());
    node.json(&["mine", "1"]);
    let again = node.json(&["tx", "submit", &rent]);
    assert_eq!((&again["id"], &again["status"]), (&id, &json!("confirmed")));
    let tested = node.cli(&["tx", "test", &rent]);
    assert_eq!(tested.status.code(), Some(5));
    assert!(stderr(&tested).contains("already confirmed"), "a person would pay again: {}", stderr(&tested));
    // Its coins are gone, and so are those that it made.
    node.json(&["send", "dev2", "all", "--from", "savings"]);
    node.json(&["send", "dev2", "all", "--from", "dev1"]);
    node.json(&["mine", "1"]);
    assert_eq!(node.json(&["tx", "submit", &rent])["status"], "confirmed");
}
