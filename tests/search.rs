//! Payments are found by their memos, from the command line to the blocks.

use std::process::Output;

use serde_json::Value;

use crate::support::{TestNode, cli_on, stderr, stdout};

fn search(node: &TestNode, args: &[&str]) -> Output {
    node.cli(&[&["search"], args].concat())
}

fn lines(output: &Output) -> Vec<String> {
    assert!(output.status.success(), "{}", stderr(output));
    stdout(output).lines().map(str::to_owned).collect()
}

fn send(node: &TestNode, to: &str, memo: &str) -> String {
    node.json(&["send", to, "500", "--memo", memo])["id"].as_str().unwrap().to_owned()
}

#[test]
fn payments_are_found_by_the_words_of_their_memos() {
    let mut node = TestNode::start(&[]);
    let first = send(&node, "dev1", "Invoice 4711, March");
    assert!(lines(&search(&node, &["4711"]))[1].starts_with("pending"), "before it is in a block");
    node.json(&["mine", "1"]);
    let hostile = send(&node, "dev2", "4711 \u{1b}[31mpaid\u{1b}[0m\u{202e}");
    let forged = send(&node, "dev3", "invoice 4711\n       2  forged");
    node.json(&["mine", "1"]);
    for _ in 0..2 {
        let found = node.json(&["search", "4711 invoice"]);
        let ids: Vec<&Value> = found["memos"].as_array().unwrap().iter().map(|row| &row["txid"]).collect();
        assert_eq!(ids, [&Value::from(forged.as_str()), &first.as_str().into()], "{found}");
        // Over a restart.
        assert_eq!(node.stop(), 0);
        node.restart(&[]);
    }
    let shown = search(&node, &["4711"]);
    let table = lines(&shown);
    assert_eq!(table.len(), 4, "a line each: {table:?}");
    assert!(!stdout(&shown).contains(['\u{1b}', '\u{202e}']), "{table:?}");
    assert!(table.iter().any(|line| line.contains("34373131201b5b33316d")), "as hex: {table:?}");
    assert!(table[3].ends_with("Invoice 4711, March") && table[3].contains("500"), "{table:?}");
    assert_eq!(lines(&search(&node, &["--exact", "Invoice 4711, March"])).len(), 2);
    let page = lines(&search(&node, &["4711", "--limit", "1"]));
    let before = page.last().unwrap().strip_prefix("There may be more: --before ").expect("it says so").to_owned();
    assert_eq!(lines(&search(&node, &["4711", "--before", &before])).len(), 3);
    assert!(lines(&search(&node, &[&hostile]))[0].starts_with("tx "));
    assert!(lines(&search(&node, &["2"]))[0].starts_with("block "));
    let nothing = search(&node, &["471"]);
    assert_eq!((nothing.status.code(), stdout(&nothing)), (Some(4), String::new()), "no part of a word");
    assert!(stderr(&nothing).contains("no memo, block, transaction or address"), "{}", stderr(&nothing));
    assert_eq!(search(&node, &[""]).status.code(), Some(2));
    assert_eq!(node.stop(), 0);
    assert_eq!(cli_on(&node.dir, "local", &["search", "4711"]).status.code(), Some(3));
}
