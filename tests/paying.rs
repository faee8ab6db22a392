//! Payments as shops and people make them: several payees, everything, many coins, many at once.

use std::{
    collections::BTreeSet,
    fs,
    io::Write,
    process::{Output, Stdio},
    time::{Duration, Instant},
};

use serde_json::{Value, json};

use super::support::{TempDir, TestNode, cli_on, stderr, stdout};

fn balance(node: &TestNode, of: &str) -> u64 {
    node.json(&["balance", of])["spendable"].as_u64().unwrap()
}

fn new_key(node: &TestNode, name: &str) -> String {
    node.json(&["key", "new", name])["address"].as_str().unwrap().to_owned()
}

#[track_caller]
fn refused(node: &TestNode, args: &[&str], exit: i32, words: &[&str]) {
    let output = node.cli(args);
    let text = stderr(&output);
    assert_eq!(output.status.code(), Some(exit), "{text}");
    assert!(words.iter().all(|word| text.contains(word)) && text.trim_end().lines().count() == 1, "{text}");
}

#[test]
fn one_transaction_pays_several_and_what_is_wrong_in_a_table_is_named() {
    let node = TestNode::start(&[]);
    node.wait(&["synced"]);
    for name in ["ann", "bea", "cyd"] {
        new_key(&node, name);
    }
    let paid = node.json(&["send", "--to", "ann=500", "--to", "bea=700", "--from", "dev0", "--fee", "300"]);
    assert_eq!(
        (&paid["amount"], &paid["fee"], paid["payees"].as_array().unwrap().len()),
        (&json!(1200), &json!(300), 2)
    );
    let table = node.dir.join("wages.csv");
    fs::write(&table, "payee,amount,for\nbea,100,monday\n# later\ncyd,200,tuesday\nbea,1,wednesday\n").unwrap();
    let table = table.display().to_string();
    node.json(&["send", "--csv", &table, "--to", "ann=5", "--from", "dev1", "--change", "dev2"]);
    assert_eq!(node.status()["mempool"]["count"], 2);
    let change = node.json(&["history", "dev2"])["pending"][0]["received"].as_u64().unwrap();
    assert!(change > 1_000_000, "{change}");
    node.json(&["mine", "1"]);
    assert_eq!(["ann", "bea", "cyd"].map(|name| balance(&node, name)), [505, 801, 200]);

    fs::write(&table, "bea,100\ncyd,1,000\n").unwrap();
    refused(&node, &["send", "--csv", &table], 2, &["wages.csv: line 2", "without the comma"]);
    fs::write(&table, b"b\xe9a,100\n").unwrap();
    refused(&node, &["send", "--csv", &table], 2, &["UTF-8"]);
    fs::write(&table, "bea,100\ncyd,x\n").unwrap();
    refused(&node, &["send", "--csv", &table], 2, &["wages.csv: line 2", "base units"]);
    fs::write(&table, "bea,100\n\nnobody,5\n").unwrap();
    refused(&node, &["send", "--csv", &table, "--from", "dev0"], 2, &["wages.csv: line 3: nobody"]);
    fs::write(&table, "bea,1\n".repeat(300)).unwrap();
    refused(&node, &["send", "--csv", &table, "--from", "dev0"], 2, &["300 payees", "at most 255"]);
    refused(&node, &["send", "--csv", "/nowhere.csv"], 4, &["/nowhere.csv"]);
    assert!(stderr(&node.cli(&["send", "--to", "ann=0"])).contains("at least 1 base unit"));
    assert_eq!(node.status()["mempool"]["count"], 0, "nothing was paid by what was refused");
}

#[test]
fn everything_goes_and_many_coins_become_one() {
    let node = TestNode::start(&[]);
    node.wait(&["synced"]);
    let shop = new_key(&node, "shop");
    let ann = new_key(&node, "ann");
    // 140 payments to the shop, one of them worth less than it costs to spend.
    let table = node.dir.join("sales.csv");
    let sales: String = (0..139).map(|n| format!("{shop},{}\n", 1000 + n)).collect();
    fs::write(&table, sales + &format!("{shop},3\n")).unwrap();
    node.json(&["send", "--csv", &table.display().to_string(), "--from", "dev0"]);
    node.json(&["mine", "1"]);
    let all: u64 = (0..139).map(|n| 1000 + n).sum::<u64>() + 3;
    assert_eq!(balance(&node, "shop"), all);
    refused(&node, &["send", "ann", "100000", "--from", "shop"], 5, &["more than 64 coins", "tussock merge shop"]);

    let merged = node.json(&["merge", "shop"]);
    assert_eq!((&merged["coins_before"], &merged["coins"]), (&json!(140), &json!(2)), "dust of 3 stays: {merged}");
    let (fees, all) = (merged["fee"].as_u64().unwrap(), all - 3);
    node.json(&["mine", "1"]);
    assert_eq!(balance(&node, "shop"), all - fees + 3);
    let again = node.cli(&["merge", "shop"]);
    assert!(stderr(&again).contains("nothing to merge: 2 coins"), "{}", stderr(&again));
    let sent = node.cli(&["send", "ann", "all", "--from", "shop", "--fee-rate", "3000"]);
    assert!(stderr(&sent).contains("1 coin of 3 together, which stay"), "{}", stderr(&sent));
    node.json(&["mine", "1"]);
    let fee = 3 * (16 + 140 + 28);
    assert_eq!((balance(&node, "shop"), balance(&node, "ann")), (3, all - fees - fee));
    // Whoever names the fee decides what is worth it.
    node.json(&["send", "ann", "all", "--from", "shop", "--fee", "2"]);
    node.json(&["mine", "1"]);
    assert_eq!((balance(&node, "shop"), balance(&node, "ann")), (0, all - fees - fee + 1));
    refused(&node, &["send", "ann", "all", "--from", "shop"], 5, &["0 are spendable"]);

    // More coins than one transaction spends go in several.
    fs::write(&table, (0..100).map(|n| format!("{shop},{}\n", 1000 + n)).collect::<String>()).unwrap();
    node.json(&["send", "--csv", &table.display().to_string(), "--from", "dev1"]);
    node.json(&["mine", "1"]);
    let sent = node.json(&["send", &ann, "all", "--from", "shop"]);
    let inputs = sent["payments"].as_array().unwrap().iter().map(|sent| sent["payees"].as_array().unwrap().len());
    assert_eq!((inputs.collect::<Vec<_>>(), balance(&node, "shop")), (vec![1, 1], 0));
}

#[test]
fn two_payments_at_once_from_one_key_are_both_right_fifty_times() {
    let node = TestNode::start(&[]);
    node.wait(&["synced"]);
    let ann = new_key(&node, "ann");
    node.json(&["send", "ann", "1000000", "--from", "dev8"]);
    node.json(&["mine", "1"]);
    let mut ids = BTreeSet::new();
    for round in 0..50u64 {
        let key = if round % 2 == 0 { "ann" } else { "dev7" };
        let pay = |amount: u64| {
            let amount = amount.to_string();
            let args = ["send", "dev9", &amount, "--from", key, "--fee", "300", "--json"];
            node.command(&args).stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap()
        };
        for (child, amount) in [pay(1000 + round), pay(2000 + round)].into_iter().zip([1000 + round, 2000 + round]) {
            let output = child.wait_with_output().unwrap();
            assert_eq!(output.status.code(), Some(0), "round {round}: {}", stderr(&output));
            let paid: Value = serde_json::from_str(&stdout(&output)).unwrap();
            assert_eq!((&paid["amount"], &paid["fee"]), (&json!(amount), &json!(300)));
            ids.insert(paid["id"].as_str().unwrap().to_owned());
        }
        if round % 8 == 7 {
            node.json(&["mine", "1"]);
        }
    }
    node.json(&["mine", "1"]);
    assert_eq!((ids.len(), node.status()["mempool"]["count"].as_u64()), (100, Some(0)));
    assert!(ids.iter().all(|id| node.json(&["tx", id])["status"] == "confirmed"));
    let spent: u64 = (0..50).step_by(2).map(|round| 3000 + 2 * round + 600).sum();
    assert_eq!(node.json(&["balance", &ann])["confirmed"].as_u64(), Some(1_000_000 - spent));
}

#[test]
fn a_payment_is_bumped_and_cancelled_and_who_waits_for_it_hears_of_the_other() {
    let node = TestNode::start(&["--is-bootnode"]);
    let other = TestNode::start(&["--connect", &node.p2p().to_string()]);
    other.wait(&["synced"]);
    node.wait(&["peers", "1"]);
    let ann = new_key(&node, "ann");
    new_key(&node, "bea");
    node.json(&["send", &ann, "50000", "--from", "dev0"]);
    node.json(&["mine", "1"]);
    let sent = node.json(&["send", "bea", "1000", "--from", "ann", "--fee", "300"]);
    let first = sent["id"].as_str().unwrap().to_owned();
    other.wait(&["tx", &first, "--confirmations", "0"]);
    let waits = ["wait", "tx", &first, "--timeout", "60"];
    let waits = [&node, &other].map(|node| node.command(&waits).stderr(Stdio::piped()).spawn().unwrap());

    refused(&node, &["bump", &first, "--fee", "310"], 5, &["310 is too low to replace it"]);
    let bumped = node.json(&["bump", &first[..10]]);
    let second = bumped["id"].as_str().unwrap().to_owned();
    assert_eq!((bumped["replaces"].as_str(), node.status()["mempool"]["count"].as_u64()), (Some(&*first), Some(1)));
    assert!(bumped["fee"].as_u64().unwrap() >= 450, "{bumped}");
    for wait in waits {
        let output = wait.wait_with_output().unwrap();
        assert_eq!(output.status.code(), Some(5), "{}", stderr(&output));
        assert!(stderr(&output).contains(&format!("{second} took the place of {first}")), "{}", stderr(&output));
    }
    let tx = node.json(&["tx", &first]);
    assert_eq!((&tx["status"], &tx["conflicts_with"]), (&json!("conflicted"), &json!(second)));
    refused(&node, &["bump", &first], 5, &["does not wait in the mempool", &second]);

    // What builds on it has to be paid for: the node's word is heard.
    let heir = node.json(&["send", "dev3", "all", "--from", "bea", "--fee", "900"])["id"].as_str().unwrap().to_owned();
    refused(&node, &["bump", &second], 5, &["would go with it", &heir, "--drop-dependents"]);
    refused(&node, &["cancel", &second], 5, &[&heir]);
    let bumped = node.json(&["bump", &second, "--drop-dependents"]);
    assert_eq!(bumped["dropped"], json!([heir]));
    let third = bumped["id"].as_str().unwrap().to_owned();
    let cancelled = node.json(&["cancel", &third]);
    let (last, fee) = (cancelled["id"].as_str().unwrap().to_owned(), cancelled["fee"].as_u64().unwrap());
    other.wait(&["tx", &last, "--confirmations", "0"]);
    assert_eq!(["mempool", "status"].map(|_| other.status()["mempool"]["count"].as_u64()), [Some(1); 2]);
    other.json(&["mine", "1"]);
    node.wait(&["tx", &last]);
    let left = node.json(&["balance", "ann"])["confirmed"].as_u64().unwrap();
    assert_eq!((left, node.json(&["balance", "bea"])["confirmed"].as_u64()), (50_000 - fee, Some(0)));
    refused(&node, &["cancel", &last], 5, &["in block 2 already"]);
    refused(&node, &["bump", "00ff00ff"], 4, &[]);
}

#[test]
fn a_payment_is_made_signed_and_submitted_in_three_places() {
    let node = TestNode::start(&[]);
    node.wait(&["synced"]);
    // The key is born where there is no node, and never leaves that folder.
    let vault = TempDir::new();
    let at_vault = |args: &[&str]| cli_on(vault.path(), "local", args);
    let made = at_vault(&["key", "new", "savings", "--json"]);
    let savings: Value = serde_json::from_str(&stdout(&made)).unwrap();
    let savings = savings["address"].as_str().unwrap().to_owned();
    node.json(&["send", &savings, "50000", "--from", "dev0"]);
    node.json(&["mine", "1"]);

    let paths = ["payment", "signed", "again"].map(|name| node.dir.join(name).display().to_string());
    let [payment, signed, again] = paths.each_ref().map(String::as_str);
    let fee = ["--fee", "400", "--memo", "for lunch"];
    let make = [&["tx", "make", "dev1", "1000", "--from", &savings, "--file", payment][..], &fee].concat();
    let made = node.json(&make);
    assert_eq!(
        (&made["fee"], &made["signed"], &made["outputs"][0]["amount"]),
        (&json!(400), &json!(false), &json!(1000))
    );
    assert_eq!((&made["outputs"][1]["own"], &made["outputs"][1]["amount"]), (&json!(true), &json!(48_600)));
    refused(&node, &["tx", "submit", payment], 2, &["tx sign"]);
    // A memo cannot write over what the signer sees.
    let odd = ["tx", "make", "dev1", "1000", "--from", &savings, "--file", again, "--memo", "\u{1b}[2Jnothing"];
    node.json(&odd);
    let seen = at_vault(&["tx", "sign", again]);
    assert!(!stderr(&seen).contains('\u{1b}') && stderr(&seen).contains("1b5b324a"), "{}", stderr(&seen));
    refused(&node, &["tx", "sign", payment, "--yes"], 4, &["no key here owns the coins", &savings]);

    // Elsewhere: a folder with the key and no node. It sees everything, and asks.
    let seen = at_vault(&["tx", "sign", payment]);
    assert_eq!(seen.status.code(), Some(2), "nobody can be asked: {}", stderr(&seen));
    let facts = stderr(&seen);
    for fact in ["local", "not signed", "50,000", "400", "for lunch", "1,000", "48,600", "back to the signer", &savings]
    {
        assert!(facts.contains(fact), "{fact}: {facts}");
    }
    let signs = at_vault(&["tx", "sign", payment, "--yes", "--file", signed]);
    assert_eq!(signs.status.code(), Some(0), "{}", stderr(&signs));
    assert_eq!(at_vault(&["tx", "sign", signed, "--yes"]).status.code(), Some(2), "once is enough");
    let decoded: Value = serde_json::from_str(&stdout(&at_vault(&["tx", "decode", signed, "--json"]))).unwrap();
    assert_eq!(
        (&decoded["signed"], &decoded["valid_signatures"], &decoded["fee"]),
        (&json!(true), &json!(true), &json!(400))
    );

    assert_eq!(node.json(&["tx", "test", signed])["allowed"], json!(true));
    let sent = node.json(&["tx", "submit", signed])["id"].as_str().unwrap().to_owned();
    assert_eq!(decoded["id"].as_str(), Some(&*sent));
    node.json(&["mine", "1"]);
    assert_eq!(node.json(&["tx", &sent])["status"], "confirmed");
    assert_eq!(node.json(&["balance", &savings])["confirmed"], json!(48_600));
    assert_eq!(node.json(&["tx", "submit", signed])["status"], "confirmed");
    refused(&node, &["tx", "test", signed], 5, &["would refuse it", "already confirmed"]);

    // What strangers sent to cost its owner a fee stays where it is.
    node.json(&[
        "send",
        "--to",
        "dev7=1",
        "--to",
        &format!("{savings}=11"),
        "--to",
        &format!("{savings}=12"),
        "--from",
        "dev0",
    ]);
    node.json(&["mine", "1"]);
    let all = node.json(&["tx", "make", "dev1", "all", "--from", &savings, "--file", again]);
    assert!(all["fee"].as_u64().unwrap() < 300, "{all}");
    assert_eq!(all["outputs"][0]["amount"].as_u64().unwrap() + all["fee"].as_u64().unwrap(), 48_600);

    // Another chain, a damaged text, and coins that are gone.
    assert_eq!(cli_on(vault.path(), "dev", &["tx", "decode", signed]).status.code(), Some(9));
    let text = fs::read_to_string(signed).unwrap();
    fs::write(again, text.replacen("TUSSOCK1:1/1:", "TUSSOCK1:1/2:", 1)).unwrap();
    refused(&node, &["tx", "decode", again], 2, &["part 2 of 2 is missing"]);
    fs::write(again, decoded["hex"].as_str().unwrap()).unwrap();
    assert_eq!(node.json(&["tx", "decode", again])["id"].as_str(), Some(&*sent));
    refused(&node, &["tx", "decode", "/nowhere"], 4, &["/nowhere"]);
    let stale = at_vault(&["tx", "sign", payment, "--yes"]);
    fs::write(again, stdout(&stale)).unwrap();
    assert_eq!(node.json(&["tx", "submit", again])["status"], "confirmed");
}

#[test]
fn dust_that_others_send_burns_nothing() {
    let node = TestNode::start(&[]);
    node.wait(&["synced"]);
    let shop = new_key(&node, "shop");
    let table = node.dir.join("dust.csv");
    let dust: String = (0..150).map(|n| format!("{shop},{}\n", 10 + n % 3)).collect();
    fs::write(&table, dust + &format!("{shop},5000\n{shop},50000\n")).unwrap();
    node.json(&["send", "--csv", &table.display().to_string(), "--from", "dev0"]);
    node.json(&["mine", "1"]);
    let merged = node.json(&["merge", "shop"]);
    assert!(merged["fee"].as_u64().unwrap() < 400 && merged["txids"].as_array().unwrap().len() == 1, "{merged}");
    let sent = node.json(&["send", "dev1", "all", "--from", "shop"]);
    assert!(sent["amount"].as_u64().unwrap() > 54_000, "{sent}");
}

/// Runs a command with this standard input.
fn with_input(node: &TestNode, args: &[&str], input: &str) -> Output {
    let mut child = node.command(args);
    let mut child = child.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap();
    child.stdin.take().unwrap().write_all(input.as_bytes()).unwrap();
    child.wait_with_output().unwrap()
}

#[test]
fn words_on_paper_bring_back_the_keys_on_an_empty_machine() {
    let node = TestNode::start(&["--is-bootnode"]);
    node.wait(&["synced"]);
    let made = node.json(&["key", "new", "savings", "--words"]);
    let words = made["words"].as_str().unwrap().to_owned();
    assert_eq!(words.split(' ').count(), 12);
    let folder = node.dir.join("local/keys");
    let kept = fs::read_to_string(folder.join("savings.json")).unwrap();
    assert!(!kept.contains(words.split(' ').next().unwrap()), "the words are on paper only");
    // What nobody has seen is not left behind.
    let full = fs::OpenOptions::new().write(true).open("/dev/full").unwrap();
    let lost = node.command(&["key", "new", "lost", "--words"]).stdout(full).output().unwrap();
    assert_eq!((lost.status.code(), folder.join("lost.json").exists()), (Some(10), false), "{}", stderr(&lost));
    // Two more of the same words, one of them never used.
    for number in ["3", "9"] {
        let args = ["key", "restore", &format!("more{number}"), "--number", number, "--json"].map(str::to_owned);
        let args: Vec<&str> = args.iter().map(String::as_str).collect();
        assert!(with_input(&node, &args, &words).status.success());
    }
    node.json(&["send", "--to", "savings=5000", "--to", "more3=700", "--from", "dev0"]);
    node.json(&["mine", "1"]);
    let [first, third] = ["savings", "more3"].map(|name| node.json(&["key", "show", name])["address"].clone());

    // Another machine: nothing but the words, and a node that has fetched the chain.
    let empty = TestNode::start(&["--connect", &node.p2p().to_string()]);
    empty.wait(&["height", "1"]);
    empty.wait(&["synced"]);
    let typed = words.to_uppercase().replace(' ', "\n");
    let restored = with_input(&empty, &["key", "restore", "mine", "--json"], &typed);
    assert!(restored.status.success(), "{}", stderr(&restored));
    let restored: Value = serde_json::from_str(&stdout(&restored)).unwrap();
    let found: Vec<_> = restored.as_array().unwrap().iter().map(|key| (&key["name"], &key["address"])).collect();
    assert_eq!(found, [(&json!("mine"), &first), (&json!("mine-3"), &third)]);
    assert_eq!([balance(&empty, "mine"), balance(&empty, "mine-3")], [5000, 700]);
    let paid = empty.json(&["send", "dev1", "all", "--from", "mine-3", "--fee", "300"]);
    assert_eq!(paid["amount"], json!(400));
    let again = with_input(&empty, &["key", "restore", "other", "--json"], &words);
    let again: Value = serde_json::from_str(&stdout(&again)).unwrap();
    assert!(again.as_array().unwrap().iter().all(|key| key["new"] == false), "{again}");

    let wrong = with_input(&empty, &["key", "restore", "x"], &words.replacen(' ', " xyzzy ", 1));
    assert_eq!(wrong.status.code(), Some(2));
    let one_less = words.rsplit_once(' ').unwrap().0;
    let wrong = with_input(&empty, &["key", "restore", "x"], one_less);
    assert!(wrong.status.code() == Some(2) && stderr(&wrong).contains("11 words"), "{}", stderr(&wrong));
}

#[test]
fn a_key_gets_another_passphrase_and_is_removed_only_by_one_who_means_it() {
    let folder = TempDir::new();
    let run = |args: &[&str]| cli_on(folder.path(), "local", args);
    let paths = ["old", "new"].map(|name| folder.path().join(name).display().to_string());
    let [old, new] = paths.each_ref().map(String::as_str);
    fs::write(old, "open sesame\n").unwrap();
    fs::write(new, "open barley\n").unwrap();
    let exit = |args: &[&str]| run(args).status.code();
    assert_eq!(exit(&["key", "new", "ann", "--passphrase-file", old]), Some(0));
    assert_eq!(exit(&["key", "label", "ann", "for rent"]), Some(0));
    assert_eq!(exit(&["key", "passphrase", "ann", "--passphrase-file", new, "--new-file", new]), Some(8));
    assert_eq!(exit(&["key", "passphrase", "ann", "--passphrase-file", old, "--new-file", new]), Some(0));
    assert_eq!(exit(&["key", "export", "ann", "--passphrase-file", old]), Some(8));
    assert_eq!(exit(&["key", "export", "ann", "--passphrase-file", new]), Some(0));
    assert_eq!(exit(&["key", "passphrase", "ann", "--passphrase-file", new, "--none"]), Some(0));
    assert_eq!(exit(&["key", "export", "ann"]), Some(0));
    assert!(stdout(&run(&["key", "list"])).contains("for rent"));
    let refused = run(&["key", "remove", "ann"]);
    assert_eq!((refused.status.code(), stderr(&refused).contains("--yes")), (Some(2), true));
    assert_eq!([exit(&["key", "remove", "ann", "--yes"]), exit(&["key", "show", "ann"])], [Some(0), Some(4)]);
    assert_eq!(exit(&["key", "remove", "dev0", "--yes"]), Some(2));
}

#[test]
fn a_key_with_many_coins_pays_as_often_as_it_has_coins_without_a_block() {
    let node = TestNode::start(&[]);
    node.wait(&["synced"]);
    let shop = new_key(&node, "shop");
    let table = node.dir.join("coins.csv");
    fs::write(&table, format!("{shop},10000\n").repeat(30)).unwrap();
    node.json(&["send", "--csv", &table.display().to_string(), "--from", "dev0"]);
    node.json(&["mine", "1"]);
    // More than may build on each other.
    for _ in 0..29 {
        node.json(&["send", "dev1", "500", "--from", "shop", "--fee", "300"]);
    }
    assert_eq!(node.status()["mempool"]["count"], 29);
    // One coin of a block is left; then what waits has to do.
    node.json(&["send", "dev1", "15000", "--from", "shop", "--fee", "300"]);
}

#[test]
fn a_payment_waits_for_a_node_that_is_only_just_starting() {
    let folder = TempDir::new();
    fs::create_dir(folder.path().join("local")).unwrap();
    let lock = fs::File::create(folder.path().join("local/lock")).unwrap();
    lock.lock().unwrap();
    let start = Instant::now();
    let output = cli_on(folder.path(), "local", &["send", "dev1", "5", "--from", "dev0", "--timeout", "400ms"]);
    assert_eq!(output.status.code(), Some(3), "{}", stderr(&output));
    assert!(stderr(&output).contains("is starting or stopping") && start.elapsed() >= Duration::from_millis(400));
}
