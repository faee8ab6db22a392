//! Being told of payments by commands.

use std::{
    io::{Read as _, Write as _},
    net::{TcpListener, TcpStream},
    sync::mpsc::{self, Receiver},
    thread,
    time::Duration,
};

use serde_json::Value;

use super::support::{TempDir, TestNode, stderr, stdout};

/// What a run of `events` prints, as words and amounts.
fn told(node: &TestNode, args: &[&str]) -> Vec<String> {
    let output = node.cli(&[&["events", "--for", "1ms"], args].concat());
    assert!(output.status.success(), "{}", stderr(&output));
    let events = stdout(&output).lines().map(|line| serde_json::from_str::<Value>(line).unwrap()).collect::<Vec<_>>();
    events.iter().map(|event| format!("{} {}", event["event"].as_str().unwrap(), event["received"])).collect()
}

#[test]
fn a_position_in_a_file_survives_restarts_and_nothing_is_told_twice() {
    let folder = TempDir::new();
    let file = folder.path().join("till.cursor");
    let args = ["--address", "dev9", "--cursor", file.to_str().unwrap()];
    let mut node = TestNode::start(&[]);
    assert!(told(&node, &args).is_empty(), "from now on");
    node.json(&["send", "dev9", "5", "--from", "dev8"]);
    assert_eq!(told(&node, &args), ["seen 5"]);
    node.json(&["mine", "1"]);
    assert_eq!(told(&node, &args), ["confirmed 5"]);
    assert!(told(&node, &args).is_empty());
    let before = std::fs::read_to_string(&file).unwrap();
    node.json(&["send", "dev9", "6", "--from", "dev8"]);
    node.json(&["mine", "1"]);
    node.kill();
    node.restart(&[]);
    assert_eq!(told(&node, &args), ["confirmed 6"]);
    assert!(told(&node, &args).is_empty());
    // Whoever goes back to an earlier position is told the same again.
    std::fs::write(&file, before).unwrap();
    let deep = [&args[..], &["--confirmations", "2", "--final", "2"]].concat();
    assert_eq!(told(&node, &deep), ["final 5"]);
    node.json(&["mine", "1"]);
    assert_eq!(told(&node, &deep), ["confirmed 6", "final 6"]);
}

#[test]
fn positions_and_names_that_cannot_be_are_refused() {
    let folder = TempDir::new();
    let file = folder.path().join("till.cursor");
    std::fs::write(&file, "nothing\n").unwrap();
    let path = file.to_str().unwrap();
    let node = TestNode::start(&[]);
    let code = |args: &[&str]| node.cli(&[&["events", "--for", "1ms"], args].concat()).status.code();
    assert_eq!(code(&["--address", "dev9", "--cursor", path]), Some(2));
    assert_eq!(code(&["--cursor", path]), Some(2), "whose?");
    assert_eq!(code(&["--address", "dev9", "--since", "1"]), Some(2));
    assert_eq!(code(&["--address", "nobody"]), Some(2));
    assert_eq!(code(&["--tx", "12"]), Some(2));
    assert_eq!(code(&["--address", "dev9", "--above", "9"]), Some(4));
    assert_eq!(code(&["--address", "dev9", "--tx", &"00".repeat(32), "--above", "0"]), Some(0));
    assert_eq!(std::fs::read_to_string(&file).unwrap(), "nothing\n", "it was not this command's to replace");
}

/// The next event that `--notify` posts, with the connection that waits for an answer.
fn posted(connections: &Receiver<TcpStream>) -> (Value, TcpStream) {
    let mut stream = connections.recv_timeout(Duration::from_secs(60)).expect("it is told in time");
    stream.set_read_timeout(Some(Duration::from_secs(60))).unwrap();
    let (mut asked, mut piece) = (String::new(), [0; 4096]);
    while !asked.ends_with('}') {
        let count = stream.read(&mut piece).unwrap();
        assert!(count > 0, "{asked}");
        asked.push_str(std::str::from_utf8(&piece[..count]).unwrap());
    }
    assert!(asked.starts_with("POST /paid HTTP/1.1\r\n"), "{asked}");
    (serde_json::from_str(asked.split_once("\r\n\r\n").unwrap().1).unwrap(), stream)
}

fn answer(mut stream: TcpStream, status: &str) {
    stream.write_all(format!("HTTP/1.1 {status}\r\nContent-Length: 0\r\n\r\n").as_bytes()).unwrap();
}

#[test]
fn a_server_is_told_until_it_takes_each_payment_whatever_is_killed() {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let url = format!("http://{}/paid", listener.local_addr().unwrap());
    let (sender, connections) = mpsc::channel();
    thread::spawn(move || listener.incoming().map_while(Result::ok).try_for_each(|stream| sender.send(stream)));
    let args = ["--notify", url.as_str(), "--notify-for", "dev9"];
    let mut node = TestNode::start(&args);
    let id = node.json(&["send", "dev9", "5", "--from", "dev8"])["id"].clone();
    let (seen, stream) = posted(&connections);
    assert_eq!((&seen["event"], &seen["id"]), (&Value::from("seen"), &id));
    answer(stream, "503 Service Unavailable");
    let (again, stream) = posted(&connections);
    assert_eq!(again, seen);
    answer(stream, "204 No Content");
    node.json(&["mine", "1"]);
    let (confirmed, stream) = posted(&connections);
    assert_eq!((&confirmed["event"], &confirmed["id"]), (&Value::from("confirmed"), &id));
    node.kill();
    drop(stream);
    node.restart(&args);
    let (again, stream) = posted(&connections);
    assert_eq!((&again["event"], &again["cursor"]), (&confirmed["event"], &confirmed["cursor"]));
    // A node that stops waits for nobody.
    assert_eq!(node.stop(), 0);
    drop(stream);
    node.restart(&args);
    let (again, stream) = posted(&connections);
    assert_eq!(again["cursor"], confirmed["cursor"]);
    answer(stream, "200 OK");
    node.json(&["send", "dev9", "6", "--from", "dev8"]);
    assert_eq!(posted(&connections).0["received"], 6);
}

/// Who was away when he was to be told for the first time missed what was confirmed meanwhile.
#[test]
fn a_server_that_is_away_at_first_is_told_of_all_since_then() {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let url = format!("http://{}/paid", listener.local_addr().unwrap());
    let (sender, connections) = mpsc::channel();
    thread::spawn(move || listener.incoming().map_while(Result::ok).try_for_each(|stream| sender.send(stream)));
    let mut node = TestNode::start(&[]);
    let id = node.json(&["send", "dev9", "5", "--from", "dev8"])["id"].clone();
    node.stop();
    node.restart(&["--notify", url.as_str(), "--notify-for", "dev9"]);
    let (seen, stream) = posted(&connections);
    assert_eq!(seen["event"], "seen");
    node.json(&["mine", "2"]);
    answer(stream, "500 Internal Server Error");
    loop {
        let (event, stream) = posted(&connections);
        answer(stream, "200 OK");
        assert_eq!(event["id"], id);
        if event["event"] == "confirmed" {
            return;
        }
    }
}

/// The answer to a question that was asked before a key was made says nothing of that key.
#[test]
fn a_key_that_is_younger_than_the_question_is_told_of_too() {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let url = format!("http://{}/paid", listener.local_addr().unwrap());
    let (sender, connections) = mpsc::channel();
    thread::spawn(move || listener.incoming().map_while(Result::ok).try_for_each(|stream| sender.send(stream)));
    let node = TestNode::start(&["--notify", url.as_str()]);
    // From here on it tells.
    assert!((0..200).any(|_| node.status().is_object() && node.dir.join("local/notified").exists()));
    let confirmed = |key: &str| {
        node.json(&["key", "new", key]);
        let id = node.json(&["send", key, "5", "--from", "dev8"])["id"].clone();
        node.json(&["mine", "2"]);
        loop {
            let (event, stream) = posted(&connections);
            answer(stream, "200 OK");
            if event["event"] == "confirmed" {
                assert_eq!(event["id"], id);
                return;
            }
        }
    };
    confirmed("till");
    // A file that a disk spoiled is left out, and named.
    std::fs::write(node.dir.join("local/keys/bad.json"), "{").unwrap();
    confirmed("till2");
    let warnings = node.status()["warnings"].to_string();
    assert!(warnings.contains("bad.json"), "{warnings}");
    let listed = node.cli(&["key", "list", "--json"]);
    assert!(listed.status.success() && stderr(&listed).contains("bad.json"), "{}", stderr(&listed));
    assert_eq!(serde_json::from_str::<Value>(&stdout(&listed)).unwrap().as_array().map(Vec::len), Some(2));
}

#[test]
fn a_target_that_cannot_be_told_is_refused_at_the_start() {
    let folder = TempDir::new();
    let run = |args: &[&str]| super::support::cli_on(folder.path(), "local", &[&["run"], args].concat());
    for args in [
        &["--notify", "https://till.example/"][..],
        &["--notify", "true", "--no-http"],
        &["--notify-for", "dev9"],
        &["--notify", "true", "--notify-for", "nobody"],
    ] {
        let output = run(args);
        assert_eq!(output.status.code(), Some(2), "{args:?}: {}", stderr(&output));
        assert!(["--notify", "nobody"].iter().any(|word| stderr(&output).contains(word)), "{}", stderr(&output));
    }
}
