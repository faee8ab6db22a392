//! Addresses whose keys are elsewhere: those of one's own, which are watched, and those of others, which have names.

use std::fs;

use serde_json::{Value, json};
use tussock::rpc::client::Client;

use super::support::{TempDir, TestNode, cli_on, stderr, stdout};

#[test]
fn a_watched_key_is_shown_everywhere_and_signs_nothing() {
    let node = TestNode::start(&[]);
    node.wait(&["synced"]);
    let vault = TempDir::new();
    let at_vault = |args: &[&str]| cli_on(vault.path(), "local", args);
    let savings = stdout(&at_vault(&["key", "new", "deep"])).trim().to_owned();
    let watched = node.json(&["key", "watch", "savings", &savings]);
    assert_eq!((&watched["watched"], &watched["address"]), (&json!(true), &json!(savings)));
    node.json(&["send", "savings", "50000", "--from", "dev0"]);
    node.json(&["mine", "1"]);

    // Shown.
    let listed = node.json(&["key", "list"]);
    assert_eq!((&listed[0]["name"], &listed[0]["watched"]), (&json!("savings"), &json!(true)), "{listed}");
    assert!(stdout(&node.cli(&["key", "list"])).contains("watched"));
    assert_eq!(node.json(&["balance", "savings"])["confirmed"], 50_000);
    assert_eq!(node.json(&["history", "savings"])["entries"][0]["received"], 50_000);
    let events = stdout(&node.cli(&["events", "--address", "savings", "--above", "0", "--for", "1ms"]));
    assert!(events.contains("confirmed") && events.contains("50000"), "{events}");
    let answer = node.json(&["token", "new", "shop", "--may", "spend"]);
    let shop = Client::new(node.http(), &format!("shop:{}", answer["token"].as_str().unwrap()));
    let info = shop.call("getwalletinfo", json!([])).unwrap();
    assert_eq!(
        (&info["watched_keys"], &info["watched_balance"], &info["keys"]),
        (&json!(1), &json!(50_000), &json!(1))
    );
    let rows = |with: bool| shop.call("listtransactions", json!(["*", 100, 0, with])).unwrap();
    let received = |rows: &Value| {
        let rows = rows.as_array().unwrap().iter();
        rows.filter(|row| row["category"] == "receive" && row["involvesWatchonly"] == true).count()
    };
    assert_eq!((received(&rows(true)), received(&rows(false))), (1, 0));
    let unspent = shop.call("listunspent", json!([1, 9_999_999, [savings]])).unwrap();
    assert_eq!((&unspent[0]["spendable"], &unspent[0]["amount"]), (&json!(false), &json!(50_000)));

    // Refused, in one line.
    for args in [
        &["send", "dev1", "5", "--from", "savings"][..],
        &["merge", "savings"],
        &["key", "export", "savings"],
        &["key", "sign", "savings", "hello"],
        &["key", "passphrase", "savings"],
    ] {
        let refused = node.cli(args);
        let words = stderr(&refused);
        assert_eq!(refused.status.code(), Some(4), "{args:?}: {words}");
        assert!(words.contains("tx make --from savings") && words.trim_end().lines().count() == 1, "{args:?}: {words}");
    }
    node.json(&["send", "dev1", "5"]);

    // Made here, signed there.
    let file = node.dir.join("payment").display().to_string();
    node.json(&["tx", "make", "dev1", "1000", "--from", "savings", "--file", &file]);
    let refused = node.cli(&["tx", "sign", &file, "--yes"]);
    assert!(stderr(&refused).contains("sign it where that key is"), "{}", stderr(&refused));
    assert!(at_vault(&["tx", "sign", &file, "--yes", "--file", &file]).status.success());
    let id = node.json(&["tx", "submit", &file])["id"].as_str().unwrap().to_owned();
    let refused = node.cli(&["bump", &id]);
    assert!(stderr(&refused).contains("no key here has made this payment"), "{}", stderr(&refused));
    node.json(&["mine", "1"]);
    assert_eq!(node.json(&["tx", &id])["status"], "confirmed");

    // Not twice, not what is no address, and gone without a question: no coins go with it.
    for args in [
        &["key", "watch", "again", &savings][..],
        &["key", "watch", "savings", &savings],
        &["key", "watch", "x", "ltus1nonsense"],
        &["key", "watch", "y", "dev1"],
    ] {
        assert_eq!(node.cli(args).status.code(), Some(2), "{args:?}");
    }
    node.json(&["key", "remove", "savings"]);
    assert_eq!(node.json(&["key", "list"]), json!([]));
}

#[test]
fn contacts_are_paid_by_name_and_named_in_histories() {
    let node = TestNode::start(&[]);
    node.wait(&["synced"]);
    let elsewhere = TempDir::new();
    let ann = stdout(&cli_on(elsewhere.path(), "local", &["key", "new", "ann"])).trim().to_owned();
    node.json(&["contact", "add", "Ann Müller", &ann]);
    assert_eq!(node.json(&["contact", "list"]), json!([{ "name": "Ann Müller", "address": ann }]));
    assert_eq!(stdout(&node.cli(&["contact", "list", "--names"])), "Ann Müller\n");
    node.json(&["send", "Ann Müller", "500", "--memo", "one"]);
    node.json(&["send", "--to", "Ann Müller=600"]);
    let table = node.dir.join("wages.csv");
    fs::write(&table, "payee,amount\nAnn Müller,700\n").unwrap();
    node.json(&["send", "--csv", &table.display().to_string()]);
    node.json(&["mine", "1"]);
    assert_eq!(node.json(&["balance", "Ann Müller"])["confirmed"], 1800);
    let history = stdout(&node.cli(&["history", "dev0"]));
    assert_eq!(history.matches("Ann Müller").count(), 3, "{history}");
    assert!(history.contains("-812 "), "what a payment costs, and not what went into it: {history}");
    let theirs = stdout(&node.cli(&["history", "Ann Müller"]));
    assert!(theirs.contains("+500 ") && theirs.matches("dev0").count() == 3, "{theirs}");
    assert_eq!(node.json(&["history", "dev0"])["entries"][0]["counterparties"], json!([ann]));
    // Whoever signs sees the name, too.
    let made = node.json(&["tx", "make", "Ann Müller", "5", "--from", "dev0"]);
    assert_eq!(made["outputs"][0]["name"], "Ann Müller");

    // A name means one.
    node.json(&["key", "new", "till"]);
    for (args, code) in [
        (&["contact", "add", "ann müller", &ann][..], 2),
        (&["contact", "add", "till", &ann], 2),
        (&["contact", "add", "dev3", &ann], 2),
        (&["contact", "add", "bob", "ltus1x"], 2),
        (&["contact", "add", "=1+1", &ann], 2),
        (&["contact", "remove", "bob"], 4),
        (&["send", "Ann", "5", "--from", "dev0"], 2),
    ] {
        let refused = node.cli(args);
        assert_eq!(refused.status.code(), Some(code), "{args:?}: {}", stderr(&refused));
    }
    let mistyped = format!("{}{}", &ann[..ann.len() - 1], if ann.ends_with('q') { 'p' } else { 'q' });
    let foreign = stdout(&cli_on(elsewhere.path(), "dev", &["key", "new", "eve"])).trim().to_owned();
    for (name, address, word) in [
        ("eve", &mistyped[..], "copy it again"),
        ("eve", &foreign, "an address of another chain: it starts with \"dtus1\", this chain's with \"ltus1\""),
        (&mistyped, &ann, "an address cannot be the name of another"),
        (&foreign, &ann, "an address cannot be the name of another"),
        ("ab\u{200b}c", &ann, "U+200B"),
        ("ab\u{200f}c", &ann, "U+200F"),
    ] {
        let refused = node.cli(&["contact", "add", name, address]);
        assert_eq!(refused.status.code(), Some(2), "{name} {address}: {}", stderr(&refused));
        assert!(stderr(&refused).contains(word), "{name} {address}: {}", stderr(&refused));
    }
    node.json(&["contact", "add", "bob", &ann]);
    assert_eq!(node.cli(&["key", "new", "bob"]).status.code(), Some(2));
    // A backup has them.
    let backup = node.dir.join("backup").display().to_string();
    node.json(&["backup", &backup]);
    let restored = TempDir::new();
    assert!(cli_on(restored.path(), "local", &["restore", &backup]).status.success());
    assert!(stdout(&cli_on(restored.path(), "local", &["contact", "list"])).contains("bob"));

    // Names that are taken for each other pay nobody, the others do; what the list marks can be removed.
    let other = node.json(&["key", "show", "dev7"])["address"].as_str().unwrap().to_owned();
    let table = node.dir.join("local/contacts.csv");
    fs::write(&table, format!("FRED,{ann}\nFred,{other}\nmax,{ann}\n{other},{ann}\n")).unwrap();
    let listed = stdout(&node.cli(&["contact", "list"]));
    assert_eq!(listed.matches("not used: there twice").count(), 2, "{listed}");
    assert_eq!(listed.matches("an address cannot be a name").count(), 1, "{listed}");
    assert_eq!(node.cli(&["send", "FRED", "5", "--from", "dev0"]).status.code(), Some(2));
    node.json(&["send", "max", "5", "--from", "dev0"]);
    assert_eq!(node.json(&["contact", "remove", "FRED"]), json!({ "removed": "FRED", "address": ann }));
    assert_eq!(node.json(&["contact", "list"])[0], json!({ "name": "Fred", "address": other }));

    // Of an older version, with what nobody sees.
    fs::write(&table, format!("abc,{ann}\nab\u{200b}c,{other}\n")).unwrap();
    let listed = stdout(&node.cli(&["contact", "list"]));
    assert!(listed.contains("ab\\u{200b}c") && !listed.contains('\u{200b}'), "{listed}");
    let refused = node.cli(&["send", "abc", "5", "--from", "dev0"]);
    assert!(refused.status.code() == Some(2) && stderr(&refused).contains("twice"), "{}", stderr(&refused));
    assert_eq!(node.json(&["contact", "remove", "ab\\u{200b}c"])["address"], json!(other));
    node.json(&["send", "abc", "5", "--from", "dev0"]);

    // A table that is wrong somewhere pays nobody by name, and says where.
    fs::write(node.dir.join("local/contacts.csv"), format!("name,address\nbob,{ann}\ncyd,ltus1x\n")).unwrap();
    let refused = node.cli(&["send", "bob", "5", "--from", "dev0"]);
    assert_eq!(refused.status.code(), Some(10));
    assert!(stderr(&refused).contains("contacts.csv: line 3: cyd"), "{}", stderr(&refused));
    node.json(&["send", &ann, "5", "--from", "dev0"]);
    node.json(&["key", "new", "later"]);
    node.json(&["history", "dev0"]);
}

/// Whoever names an address means its key, whatever files are called.
#[test]
fn an_address_pays_with_its_own_key_and_not_with_a_file_that_is_called_so() {
    let node = TestNode::start(&[]);
    node.wait(&["synced"]);
    let address = |name: &str| node.json(&["key", "show", name])["address"].as_str().unwrap().to_owned();
    node.json(&["key", "new", "mine"]);
    node.json(&["key", "new", "other"]);
    let [mine, other, known] = ["mine", "other", "dev7"].map(address);
    node.json(&["send", "--to", "mine=50000", "--to", "other=60000", "--from", "dev0"]);
    node.json(&["mine", "1"]);
    let keys = node.dir.join("local/keys");
    fs::copy(keys.join("other.json"), keys.join(format!("{mine}.json"))).unwrap();
    for from in [&mine, &known] {
        node.json(&["send", "dev1", "5", "--from", from]);
    }
    node.json(&["mine", "1"]);
    assert!(node.json(&["balance", "mine"])["confirmed"].as_u64().unwrap() < 50_000);
    assert_eq!(node.json(&["balance", &other])["confirmed"], 60_000);
    assert_eq!(node.json(&["key", "show", &mine])["name"], "mine");
    fs::remove_file(keys.join("mine.json")).unwrap();
    for args in [&["send", "dev1", "5", "--from", &mine][..], &["key", "export", &mine], &["key", "sign", &mine, "x"]] {
        let refused = node.cli(args);
        assert_eq!(refused.status.code(), Some(4), "{args:?}: {}", stderr(&refused));
        assert!(stderr(&refused).contains("no key that is here may spend"), "{args:?}: {}", stderr(&refused));
    }
}

/// Files that people name by mistake, and names that are taken.
#[test]
fn a_restore_goes_on_past_taken_names_and_no_device_is_read_without_end() {
    let node = TestNode::start(&[]);
    node.wait(&["synced"]);
    let words = node.json(&["key", "new", "savings", "--words"])["words"].as_str().unwrap().to_owned();
    let file = node.dir.join("paper").display().to_string();
    fs::write(&file, words).unwrap();
    for number in ["1", "2"] {
        node.json(&["key", "restore", &format!("more-{number}"), "--number", number, "--file", &file]);
    }
    node.json(&["send", "--to", "savings=500", "--to", "more-1=600", "--to", "more-2=700", "--from", "dev0"]);
    node.json(&["mine", "1"]);
    let address = |name: &str| node.json(&["key", "show", name])["address"].clone();
    let [first, last] = ["savings", "more-2"].map(address);
    for name in ["savings", "more-1", "more-2"] {
        node.json(&["key", "remove", name, "--yes"]);
    }
    node.json(&["key", "new", "back-1"]);
    let restored = node.cli(&["key", "restore", "back", "--file", &file, "--json"]);
    let words = stderr(&restored);
    assert_eq!(restored.status.code(), Some(2), "{words}");
    assert!(words.contains("back-1") && words.contains("another name"), "{words}");
    let rows: Value = serde_json::from_str(&stdout(&restored)).unwrap();
    assert_eq!((&rows[0]["address"], &rows[1]["address"], rows.as_array().unwrap().len()), (&first, &last, 2));
    node.json(&["key", "restore", "rest", "--file", &file]);
    assert_eq!(node.json(&["key", "list"]).as_array().unwrap().len(), 4);

    for args in [
        &["key", "new", "x", "--passphrase-file", "/dev/zero"][..],
        &["key", "passphrase", "back", "--new-file", "/dev/zero"],
        &["key", "restore", "x", "--file", "/dev/full"],
        &["key", "restore", "x", "--file", &node.dir.join("latin").display().to_string()],
    ] {
        fs::write(node.dir.join("latin"), b"caf\xe9").unwrap();
        let refused = node.cli(args);
        let words = stderr(&refused);
        assert_eq!(refused.status.code(), Some(2), "{args:?}: {words}");
        assert!(
            words.trim_end().lines().count() == 1 && !words.contains("check --passphrase-file"),
            "{args:?}: {words}"
        );
    }
}

#[test]
fn no_contact_is_lost_where_many_are_added_at_once() {
    let folder = TempDir::new();
    let new = |name: &str| stdout(&cli_on(folder.path(), "local", &["key", "new", name])).trim().to_owned();
    let addresses = ["a", "b", "c", "d", "e", "f", "g", "h"].map(new);
    let name = |number: usize| format!("friend {number}");
    std::thread::scope(|scope| {
        for (number, address) in addresses.iter().enumerate() {
            let path = folder.path();
            scope.spawn(move || {
                let added = cli_on(path, "local", &["contact", "add", &name(number), address]);
                assert!(added.status.success(), "{}", stderr(&added));
            });
        }
    });
    let names = stdout(&cli_on(folder.path(), "local", &["contact", "list", "--names"]));
    let mut names: Vec<&str> = names.lines().collect();
    names.sort_unstable();
    assert_eq!(names, (0..8).map(name).collect::<Vec<_>>());
}
