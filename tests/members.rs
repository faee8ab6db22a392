//! Networks of members, and nodes by their ids.

use std::{fs, path::Path, process::Command, time::Instant};

use serde_json::Value;

use crate::support::{TempDir, TestNode, bin, cli_on, peer::PATIENCE, stderr, stdout};

/// The id that a node in this folder will have. It makes the node's key.
fn id_of(dir: &Path) -> String {
    let output = cli_on(dir, "local", &["members", "id"]);
    assert!(output.status.success(), "{}", stderr(&output));
    stdout(&output).trim().to_owned()
}

/// Looks again and again until `look` finds something. Each look asks a node, which takes its time.
fn until<T>(what: &str, mut look: impl FnMut() -> Option<T>) -> T {
    let deadline = Instant::now() + 3 * PATIENCE;
    loop {
        if let Some(found) = look() {
            return found;
        }
        assert!(Instant::now() < deadline, "{what}");
    }
}

fn peer_ids(node: &TestNode) -> Vec<String> {
    let peers = node.json(&["peers"]);
    let mut ids: Vec<String> =
        peers.as_array().unwrap().iter().map(|peer| peer["node_id"].as_str().unwrap().to_owned()).collect();
    ids.sort_unstable();
    ids
}

#[test]
fn members_link_and_one_that_is_removed_is_gone_and_comes_back_when_it_is_added() {
    let root = TempDir::new();
    let [one, two] = ["one", "two"].map(|name| root.path().join(name));
    let ids = [id_of(&one), id_of(&two)];
    let list = root.path().join("members");
    fs::write(&list, format!("# the test\n{} # first\n{}\n", ids[0], ids[1])).unwrap();
    let list = list.to_str().unwrap();
    let a = TestNode::start_in(&one, &["--members", list]);
    assert_eq!(a.status()["node_id"], ids[0].as_str());
    let b = TestNode::start_in(&two, &["--members", list, "--connect", &format!("{}@{}", ids[0], a.p2p())]);
    b.wait(&["peers", "1"]);
    assert_eq!(b.json(&["peers"])[0]["protected"], "member");
    let listed = b.json(&["members", "list"]);
    assert_eq!(
        (&listed[0]["node_id"], &listed[0]["remark"], &listed[0]["linked"]),
        (&ids[0].as_str().into(), &"first".into(), &true.into())
    );
    assert_eq!([&listed[0]["this_node"], &listed[1]["this_node"]], [false, true], "{listed}");
    let listed = stdout(&b.cli(&["members", "list"]));
    let own = listed.lines().find(|line| line.contains(&ids[1])).unwrap_or_default();
    assert!(own.contains("this node") && listed.matches("this node").count() == 1, "{listed}");
    a.json(&["members", "remove", &ids[1]]);
    until("the removed member is gone", || peer_ids(&a).is_empty().then_some(()));
    let text = fs::read_to_string(list).unwrap();
    assert!(text.contains("# the test") && text.contains(&ids[0]) && !text.contains(&ids[1]), "{text}");
    assert_eq!(a.cli(&["members", "remove", &ids[1]]).status.code(), Some(4), "it is no member");
    a.json(&["members", "add", &ids[1], "--remark", "back again"]);
    b.wait(&["peers", "1"]);
    assert_eq!(peer_ids(&a), [ids[1].clone()]);
    // A list that cannot be read changes nothing.
    fs::write(list, "nonsense\n").unwrap();
    let output = a.cli(&["members", "reload"]);
    assert_eq!(output.status.code(), Some(5), "{}", stderr(&output));
    assert_eq!(peer_ids(&a), [ids[1].clone()]);
}

/// It hears no byte, so that its own node has to say what that means.
#[test]
fn a_newcomer_that_is_no_member_is_told_by_its_own_node_what_it_lacks() {
    let root = TempDir::new();
    let [one, two] = ["one", "two"].map(|name| root.path().join(name));
    let ids = [id_of(&one), id_of(&two)];
    let list = root.path().join("members");
    fs::write(&list, format!("{}\n", ids[0])).unwrap();
    let list = list.to_str().unwrap();
    let a = TestNode::start_in(&one, &["--members", list]);
    let mut newcomer = TestNode::start_in(&two, &["--connect", &a.p2p().to_string()]);
    let finding = |node: &TestNode| {
        let found = node.status()["hindrances"].clone();
        found.as_array().unwrap().iter().find(|one| one["id"] == "dial_failing").cloned()
    };
    let found = until("it says why no dial leads to a peer", || finding(&newcomer));
    let (text, advice) = (found["text"].as_str().unwrap(), found["advice"].as_str().unwrap());
    assert!(text.contains("without a word, as a network with members does"), "{found}");
    assert!(advice.contains(&format!("tussock members add {}", ids[1])) && advice.contains("--members"), "{found}");
    assert!(newcomer.log().contains("without a word"), "{}", newcomer.log());
    let late = newcomer.cli(&["wait", "peers", "1", "--timeout", "0.2"]);
    assert!(late.status.code() == Some(6) && stderr(&late).contains("without a word"), "{}", stderr(&late));
    // As the advice says.
    a.json(&["members", "add", &ids[1]]);
    assert_eq!(newcomer.stop(), 0);
    newcomer.restart(&["--members", list, "--connect", &format!("{}@{}", ids[0], a.p2p())]);
    newcomer.wait(&["peers", "1"]);
}

#[test]
fn a_chain_file_may_name_its_members_and_each_node_may_change_its_own_list() {
    let root = TempDir::new();
    let [one, two, file] = ["one", "two", "meadow.toml"].map(|name| root.path().join(name));
    let text = stdout(&cli_on(&one, "local", &["genesis", "new", "--test", "--name", "meadow"]));
    fs::write(&file, &text).unwrap();
    let chain = file.to_str().unwrap();
    let ids = [&one, &two].map(|dir| stdout(&cli_on(dir, chain, &["members", "id"])).trim().to_owned());
    fs::write(&file, format!("{text}members = {ids:?}\n")).unwrap();
    let a = TestNode::start_on(&one, chain, &[]);
    let b = TestNode::start_on(&two, chain, &["--connect", &format!("{}@{}", ids[0], a.p2p())]);
    b.wait(&["peers", "1"]);
    assert_eq!(a.json(&["members", "list"]).as_array().unwrap().len(), 2);
    a.json(&["members", "remove", &ids[1]]);
    until("the removed member is gone", || peer_ids(&a).is_empty().then_some(()));
    assert_eq!(fs::read_to_string(one.join("meadow/members")).unwrap(), format!("{}\n", ids[0]));
    a.json(&["members", "add", &ids[1]]);
    b.wait(&["peers", "1"]);
    assert_eq!(peer_ids(&a), [ids[1].clone()]);
}

#[test]
fn a_member_that_was_removed_stays_removed_in_a_restored_backup() {
    let root = TempDir::new();
    let [one, again, backup, file] = ["one", "again", "backup", "meadow.toml"].map(|name| root.path().join(name));
    let text = stdout(&cli_on(&one, "local", &["genesis", "new", "--test", "--name", "meadow"]));
    fs::write(&file, &text).unwrap();
    let chain = file.to_str().unwrap();
    let [own, other] = [&one, &again].map(|dir| stdout(&cli_on(dir, chain, &["members", "id"])).trim().to_owned());
    fs::write(&file, format!("{text}members = [\"{own}\", \"{other}\"]\n")).unwrap();
    let mut node = TestNode::start_on(&one, chain, &[]);
    node.json(&["members", "remove", &other]);
    assert_eq!(node.stop(), 0);
    let ok = |dir: &Path, arguments: &[&str]| {
        let output = cli_on(dir, chain, arguments);
        assert!(output.status.success(), "{}", stderr(&output));
        stdout(&output)
    };
    ok(&one, &["backup", backup.to_str().unwrap()]);
    ok(&again, &["restore", backup.to_str().unwrap()]);
    // The backup has the chain's file, so that nobody needs to name it.
    let (unnamed, folder) = (root.path().join("unnamed"), backup.to_str().unwrap());
    let restored = Command::new(bin()).args(["-d", unnamed.to_str().unwrap(), "restore", folder]).output().unwrap();
    assert!(restored.status.success() && unnamed.join("meadow/ledger.db").exists(), "{}", stderr(&restored));
    let listed = ok(&again, &["members", "list"]);
    assert!(listed.contains(&own) && !listed.contains(&other), "{listed}");
    // The last member cannot be removed: an empty list would let nobody link.
    let output = cli_on(&again, chain, &["members", "remove", &own]);
    assert_eq!(output.status.code(), Some(2), "{}", stderr(&output));
}

#[test]
fn five_members_survive_restarts_and_moves_of_addresses() {
    let root = TempDir::new();
    let folders: Vec<_> = (0..5).map(|n| root.path().join(n.to_string())).collect();
    let ids: Vec<String> = folders.iter().map(|folder| id_of(folder)).collect();
    let list = root.path().join("members");
    fs::write(&list, ids.join("\n")).unwrap();
    let list = list.to_str().unwrap();
    // All know the first one, and nobody else.
    let mut nodes = vec![TestNode::start_in(&folders[0], &["--members", list])];
    let first = format!("{}@{}", ids[0], nodes[0].p2p());
    let others =
        folders[1..].iter().map(|folder| TestNode::start_in(folder, &["--members", list, "--connect", &first]));
    nodes.extend(others);
    nodes.iter().for_each(|node| node.wait(&["peers", "4"]));
    // One after the other starts again at another address, and finds those that it knows by itself.
    for node in &mut nodes {
        assert_eq!(node.stop(), 0);
        node.restart(&["--members", list]);
        node.wait(&["peers", "4"]);
    }
    nodes.iter().for_each(|node| node.wait(&["peers", "4"]));
    for (at, node) in nodes.iter().enumerate() {
        let mut wanted = ids.clone();
        wanted.remove(at);
        wanted.sort_unstable();
        assert_eq!(peer_ids(node), wanted);
    }
    nodes[0].json(&["mine", "3"]);
    nodes.iter().for_each(|node| node.wait(&["height", "3"]));
}

#[test]
fn a_partition_and_a_ban_may_name_nodes_by_their_ids() {
    let root = TempDir::new();
    let [one, two] = ["one", "two"].map(|name| root.path().join(name));
    let id = id_of(&two);
    fs::create_dir_all(&one).unwrap();
    let a = TestNode::start_in(&one, &[]);
    let b = TestNode::start_in(&two, &["--connect", &a.p2p().to_string()]);
    b.wait(&["peers", "1"]);
    a.json(&["net", "deny", &id]);
    until("the denied node is gone", || peer_ids(&a).is_empty().then_some(()));
    assert_eq!(a.json(&["net", "list"])[0]["node_id"], id.as_str());
    a.json(&["net", "allow"]);
    a.wait(&["peers", "1"]);
    a.json(&["peers", "ban", &id]);
    until("the banned node is gone", || peer_ids(&a).is_empty().then_some(()));
    assert_eq!(a.json(&["peers", "book"])["bans"][0]["node_id"], id.as_str());
    a.json(&["peers", "unban", &id]);
    // Only the node that was named may answer.
    let wrong = format!("{}@{}", id_of(&one), b.p2p());
    a.json(&["peers", "add", &wrong]);
    let error = until("the dial fails", || {
        let book = a.json(&["peers", "book"]);
        let entry =
            book["entries"].as_array().unwrap().iter().find(|entry| entry["address"] == b.p2p().to_string())?.clone();
        entry["last_error"].as_str().map(str::to_owned)
    });
    assert!(!error.is_empty());
    a.json(&["peers", "drop", &b.p2p().to_string()]);
    a.json(&["peers", "add", &format!("{id}@{}", b.p2p())]);
    a.wait(&["peers", "1"]);
}

#[test]
fn two_nodes_with_one_key_both_say_so() {
    let root = TempDir::new();
    let [one, two] = ["one", "two"].map(|name| root.path().join(name));
    assert_eq!(id_of(&one).len(), id_of(&two).len());
    fs::copy(one.join("local/node.key"), two.join("local/node.key")).unwrap();
    assert_eq!(id_of(&one), id_of(&two));
    let a = TestNode::start_in(&one, &[]);
    let b = TestNode::start_in(&two, &["--connect", &a.p2p().to_string()]);
    for node in [&a, &b] {
        until("a warning names the file", || {
            let warnings = node.status()["warnings"].clone();
            let tells = |warning: &Value| warning.to_string().contains("node.key");
            warnings.as_array().unwrap().iter().any(tells).then_some(())
        });
    }
    assert!(peer_ids(&a).is_empty() && peer_ids(&b).is_empty());
}

#[test]
fn a_report_has_neither_the_key_of_the_node_nor_its_id() {
    let node = TestNode::start(&[]);
    let key = fs::read_to_string(node.dir.join("local/node.key")).unwrap();
    let id = node.status()["node_id"].as_str().unwrap().to_owned();
    let report = stdout(&node.cli(&["doctor"]));
    assert!(report.contains("node.key") && report.contains("== log"), "{report}");
    assert!(!report.contains(key.trim()) && !report.contains(&id) && report.contains("node=node-"), "{report}");
}
