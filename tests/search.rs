//! Payments are found by their memos, from the command line to the blocks.

use std::{
    fs,
    io::{self, Read},
    path::Path,
    process::{Command, Output, Stdio},
};

use serde_json::Value;

use crate::support::{TempDir, TestNode, bin, cli_on, stderr, stdout};

fn search(node: &TestNode, args: &[&str]) -> Output {
    node.cli(&[&["search"], args].concat())
}

fn lines(output: &Output) -> Vec<String> {
    assert!(output.status.success(), "{}", stderr(output));
    stdout(output).lines().map(str::to_owned).collect()
}

fn send(node: &TestNode, to: &str, memo: &str) -> String {
    node.json(&["send", to, "500", &format!("--memo={memo}")])["id"].as_str().unwrap().to_owned()
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

/// The commands below "Questions to start from" in the help, each with the comment above it.
fn questions(help: &str) -> Vec<(String, String)> {
    let (_, rest) = help.split_once("give it --timeout 1m there.\n\n").expect("the help has questions");
    let paragraphs = rest.split("\n\n").map_while(|text| text.strip_prefix("  # ")?.split_once('\n'));
    paragraphs.map(|(question, command)| (question.to_owned(), command.to_owned())).collect()
}

/// What a shell prints for a command of the help.
fn by_shell(dir: &Path, command: &str) -> String {
    let program = format!("tussock() {{ '{}' \"$@\" -d '{}'; }}\n{command}", bin(), dir.display());
    let output = Command::new("sh").args(["-c", &program]).output().unwrap();
    assert!(output.status.success(), "{command}: {}", stderr(&output));
    stdout(&output)
}

/// The command of the help for both files, if SQLite's own program is installed.
fn both_files_in_one_sqlite(folder: &Path, help: &str) {
    let command = help.split("\n\n").find(|text| text.starts_with("  sqlite3 ")).expect("the help has it");
    if Command::new("sqlite3").arg("--version").output().is_ok() {
        let output = Command::new("sh").args(["-c", command]).current_dir(folder).output().unwrap();
        assert!(output.status.success() && stdout(&output).lines().count() == 5, "{command}: {}", stderr(&output));
    }
}

#[test]
fn the_questions_of_the_help_are_answered_as_they_stand() {
    let node = TestNode::start(&[]);
    send(&node, "dev1", "invoice 1, \"quoted\"");
    node.json(&["mine", "2"]);
    send(&node, "dev2", "no bill");
    node.json(&["mine", "1"]);
    let asked = questions(&stdout(&node.cli(&["help", "sql"])));
    let answers: Vec<Vec<String>> =
        asked.iter().map(|(_, command)| by_shell(&node.dir, command).lines().map(str::to_owned).collect()).collect();
    let [holders, miners, balance, fees, memos] = answers.as_slice() else { panic!("{asked:?}") };
    assert!(holders[0].starts_with("address") && holders.len() == 11, "{holders:?}");
    assert!(holders[1].contains("ltus1"), "{holders:?}");
    assert!(miners.len() == 2 && miners[1].contains("  3  "), "three blocks of one miner: {miners:?}");
    assert!(balance[0].ends_with("balance") && balance.len() > 1, "{balance:?}");
    let last = balance.last().unwrap().split_whitespace().last().unwrap();
    assert!(holders[1].contains(&format!(" {last} ")), "it ends in what there is: {balance:?}");
    assert_eq!(fees.len(), 3, "two blocks with payments: {fees:?}");
    assert!(memos.len() == 2 && memos[1].contains("ltus1") && memos[1].ends_with("invoice 1, \"quoted\""), "{memos:?}");
    both_files_in_one_sqlite(&node.dir.join("local"), &stdout(&node.cli(&["help", "sql"])));
    let csv = by_shell(&node.dir, &asked[4].1.replace("tussock sql", "tussock sql --csv"));
    let lines: Vec<&str> = csv.split("\r\n").collect();
    assert_eq!((lines.len(), lines[0], lines[2]), (3, "utc,who,whom,amount,memo", ""));
    assert!(lines[1].ends_with(",500,\"invoice 1, \"\"quoted\"\"\""), "{csv}");
}

#[test]
fn views_have_what_waits_and_what_was_undone() {
    let dir = TempDir::new();
    let made = ["generate", "--blocks", "12", "--txs-per-block", "2", "--memos", "--branch-every", "4"];
    assert!(cli_on(dir.path(), "local", &made).status.success());
    let undone = "SELECT memo, height, block, confirmed_height FROM v_orphaned ORDER BY height";
    let rows = cli_on(dir.path(), "local", &["sql", undone, "--json"]);
    let rows: Value = serde_json::from_str(&stdout(&rows)).unwrap();
    let rows = rows.as_array().unwrap();
    assert_eq!(rows.len(), 2 * 3 * 2, "three blocks in each of two branches");
    assert!(rows[0]["memo"].as_str().unwrap().starts_with("invoice "));
    assert!(rows.iter().all(|row| row["confirmed_height"].is_null()), "{rows:?}");

    let mut node = TestNode::start(&[]);
    send(&node, "dev1", "it waits");
    let waits = ["sql", "SELECT who, whom, amount, memo FROM V_MEMPOOL"];
    let now = node.json(&waits);
    assert_eq!(
        (now.as_array().unwrap().len(), &now[0]["memo"], &now[0]["amount"]),
        (1, &"it waits".into(), &500.into())
    );
    assert_eq!(node.stop(), 0);
    assert_eq!(node.json(&waits), now, "what waited when it stopped");
}

/// What anybody may write into a memo, or a query may make, must not drive the terminal.
#[test]
fn no_sign_that_drives_a_terminal_comes_out_of_a_table() {
    let node = TestNode::start(&[]);
    let output = node.cli(&["sql", "SELECT 'a' || char(27) || '[2J' || char(10) || 'b' AS x"]);
    assert_eq!(lines(&output), ["x", "a\\u{1b}[2J b"]);
}

#[test]
fn a_history_has_its_memos_in_a_table_and_as_csv() {
    let node = TestNode::start(&[]);
    for number in 0..60 {
        send(&node, "dev1", &format!("rent {number}"));
        if number % 20 == 19 {
            node.json(&["mine", "1"]);
        }
    }
    send(&node, "dev1", "=1+1, \"x\"\nsecond line");
    node.json(&["mine", "1"]);
    send(&node, "dev1", "\u{1b}[2J waits");
    let table = lines(&node.cli(&["history", "dev1"]));
    assert_eq!(table.len(), 1 + 1 + 50, "{table:?}");
    assert!(
        table[1].starts_with("pending") && table[1].ends_with(&tussock::base::hash::hex(b"\x1b[2J waits")),
        "{table:?}"
    );
    assert!(table[2].ends_with("=1+1, \"x\" second line"), "{table:?}");
    let csv = stdout(&node.cli(&["history", "dev1", "--csv"]));
    let rows: Vec<&str> = csv.split_terminator("\r\n").collect();
    let titles = "time,height,id,received,sent,net,memo,counterparties";
    assert_eq!((rows[0], rows.len()), (titles, 1 + 61 + 1), "{csv}");
    let payer = node.json(&["key", "show", "dev0"])["address"].as_str().unwrap().to_owned();
    let ends = |row: &str, end: &str| row.ends_with(&format!(",500,0,500,{end},{payer}"));
    assert!(rows[1].contains(",4,") && ends(rows[1], "\"'=1+1, \"\"x\"\"\nsecond line\""), "{csv}");
    assert!(ends(rows[2], "rent 59") && ends(rows[61], "rent 0"), "{csv}");
    assert!(rows[62].contains(",0,"), "what it began with: {csv}");
    let some = stdout(&node.cli(&["history", "dev1", "--csv", "--limit", "55"]));
    assert_eq!(some.split_terminator("\r\n").collect::<Vec<_>>(), rows[..56]);
}

#[test]
fn a_table_for_a_spreadsheet_is_whole_written_as_it_comes_and_calculates_nothing() {
    let node = TestNode::start(&[]);
    for memo in ["=cmd|' /C calc'!A0", "@SUM(1)", "+1+1", "-2+3", "fine"] {
        send(&node, "dev1", memo);
    }
    node.json(&["mine", "1"]);
    let memos = "SELECT memo, -5 AS five, '-5' AS text FROM v_payments WHERE memo != '' ORDER BY position";
    let csv = stdout(&node.cli(&["sql", "--csv", memos]));
    let mut cells: Vec<&str> = csv.lines().skip(1).map(|line| line.trim_end()).collect();
    cells.sort_unstable();
    let expected = ["'+1+1,-5,-5", "'-2+3,-5,-5", "'=cmd|' /C calc'!A0,-5,-5", "'@SUM(1),-5,-5", "fine,-5,-5"];
    assert_eq!(cells, expected);
    let raw = node.json(&["sql", memos]);
    assert!(raw.to_string().contains("\"@SUM(1)\""), "programs get it as it is: {raw}");
    // What was paid once is paid again by the same table, whatever the memos say.
    send(&node, "dev1", "a;=cmd, \"quoted\"");
    node.json(&["mine", "1"]);
    let paid = "SELECT whom AS address, amount, memo FROM v_payments WHERE memo != '' ORDER BY height, position";
    let csv = stdout(&node.cli(&["sql", "--csv", paid]));
    assert!(csv.contains(",\"a;'=cmd, \"\"quoted\"\"\"\r\n"), "{csv}");
    let table = node.dir.join("paid.csv");
    std::fs::write(&table, csv).unwrap();
    let before = node.json(&["balance", "dev1"])["confirmed"].as_u64().unwrap();
    node.json(&["send", "--csv", table.to_str().unwrap(), "--from", "dev0"]);
    node.json(&["mine", "1"]);
    assert_eq!(node.json(&["balance", "dev1"])["confirmed"].as_u64().unwrap(), before + 6 * 500);

    let count = "WITH RECURSIVE n(x) AS (SELECT 1 UNION ALL SELECT x + 1 FROM n LIMIT 2500) SELECT x FROM n";
    let lines = |args: &[&str]| stdout(&node.cli(&[&["sql", "--csv", count], args].concat())).lines().count();
    assert_eq!((lines(&[]), lines(&["--limit", "20"]), lines(&["--limit", "0"])), (2501, 21, 1));
    assert_eq!(stdout(&node.cli(&["sql", "--csv", "SELECT 1 AS x WHERE 0"])), "x\r\n");
    let endless =
        "WITH RECURSIVE n(x) AS (SELECT 1 UNION ALL SELECT x + 1 FROM n) SELECT printf('%.8000c', 'x') FROM n";
    let late = node.cli(&["sql", "--csv", "--timeout", "200ms", endless]);
    assert_eq!(late.status.code(), Some(6));
    assert!(stderr(&late).contains("only the first"), "{}", stderr(&late));
    let mut command = node.command(&["sql", "--csv", "--timeout", "60s", endless]);
    let mut child = command.stdout(Stdio::piped()).spawn().unwrap();
    let mut rows = child.stdout.take().unwrap();
    assert_eq!(io::copy(&mut rows.by_ref().take(100 << 20), &mut io::sink()).unwrap(), 100 << 20);
    let status = fs::read_to_string(format!("/proc/{}/status", child.id())).unwrap();
    drop(rows);
    assert_eq!(child.wait().unwrap().code(), Some(0), "its reader wants no more");
    let peak = status.lines().find_map(|line| line.strip_prefix("VmHWM:")).unwrap();
    let peak: u64 = peak.trim().trim_end_matches(" kB").parse().unwrap();
    assert!(peak < 50 << 10, "{peak} KiB");
}
