//! What the page does beyond showing views, in a real browser: QR codes, files, copies, and the wall of several nodes.

use std::{
    io::{Read, Write},
    net::TcpListener,
    thread,
};

use serde_json::{Value, json};

use crate::support::{
    TestNode,
    browser::{AXE, Browser},
};

/// Reads a QR code as a camera's program does: from a picture.
const SCAN: &str = "(async svg => {
  const copy = svg.cloneNode(true), canvas = document.createElement('canvas'), image = new Image();
  copy.setAttribute('width', canvas.width = 420); copy.setAttribute('height', canvas.height = 420);
  image.src = 'data:image/svg+xml,' + encodeURIComponent(new XMLSerializer().serializeToString(copy));
  await image.decode();
  const paper = canvas.getContext('2d');
  paper.fillStyle = '#fff'; paper.fillRect(0, 0, 420, 420); paper.drawImage(image, 0, 0);
  const found = jsQR(paper.getImageData(0, 0, 420, 420).data, 420, 420);
  return found && found.data })";

fn started() -> Option<Browser> {
    let browser = Browser::start();
    if browser.is_none() {
        eprintln!("no chromium is installed: the page was not tested");
    }
    browser
}

#[test]
fn addresses_can_be_scanned_copied_and_saved() {
    let Some(mut browser) = started() else { return };
    let node = TestNode::start(&[]);
    let address = node.json(&["key", "show", "dev1"])["address"].as_str().unwrap().to_owned();
    node.json(&["send", "dev1", "5", "--from", "dev0", "--memo", "=1+1, \"so\""]);
    node.json(&["mine", "1"]);
    browser.open(&format!("http://{}/address/{address}", node.http()));
    browser.until("document.querySelector('#view').innerText.includes('History')");
    assert_eq!(browser.evaluate("location.hash"), format!("#/address/{address}"), "the path leads to the view");
    let title = browser.evaluate("document.title");
    assert!(title.as_str().unwrap().starts_with("Address "), "{title}");
    if browser.load("jsqr@1.4.0", "jsqr/dist/jsQR.js") {
        assert_eq!(browser.evaluate(&format!("{SCAN}(document.querySelector('.qr'))")), address);
        let all = "(async () => { for (let n = 1; n <= 106; n++) {
            const text = Array.from({ length: n }, (_, i) => 'aZ9/é'.charCodeAt(i * n % 4)).map(x => String.fromCharCode(x)).join('');
            if (await SCAN(qrDrawing(text, '')) !== text) return n;
          } return qrDrawing('x'.repeat(107), '') })()";
        assert_eq!(browser.evaluate(&all.replace("SCAN", SCAN)), Value::Null, "each length, and none that is too long");
    }
    // The old way of copying needs no permission: what it selects is what is copied.
    browser.evaluate("navigator.clipboard.writeText = async text => { window.copied = text }; 0");
    browser.evaluate("document.querySelector('.copy').click()");
    browser.until("document.querySelector('.copy').textContent === 'Copied'");
    assert_eq!(browser.evaluate("window.copied"), address);
    browser.until("document.querySelector('#say').textContent === 'address copied'");
    let csv = browser.evaluate(&format!("historyCsv('{address}', () => {{}}).then(found => found[0])"));
    let lines: Vec<&str> = csv.as_str().unwrap().split("\r\n").collect();
    assert_eq!(lines[0], "time,height,id,received,sent,net,memo,counterparties");
    assert!(lines[1].contains(",\"'=1+1, \"\"so\"\"\",ltus1"), "no spreadsheet runs it: {}", lines[1]);
    let button = "[...document.querySelectorAll('button')].find(one => /CSV|Saved/.test(one.textContent))";
    browser.evaluate(&format!("{button}.click()"));
    browser.until(&format!("{button}.textContent === 'Saved'"));
    assert_eq!(browser.complaints, [] as [&str; 0]);
}

#[test]
fn large_amounts_are_not_rounded() {
    let Some(mut browser) = started() else { return };
    let node = TestNode::start(&[]);
    browser.open(&format!("http://{}/", node.http()));
    browser.until("document.querySelector('#state').textContent === 'synced'");
    let text = r#"{"amount":9007199254740993,"net":-9007199254740993,"some":[18446744073709551615,5],"difficulty":1.2345678901234567,
        "tiny":1.5e-20,"memo":"a\\\\\": 9007199254740993, {\"nonce\":12345678901234567}","nonce":3872807551869804}"#;
    let read = browser.evaluate(&format!("read({})", json!(text)));
    assert_eq!((&read["amount"], &read["some"]), (&json!("9007199254740993"), &json!(["18446744073709551615", 5])));
    assert_eq!((&read["difficulty"], &read["tiny"]), (&json!(1.234_567_890_123_456_7), &json!(1.5e-20)));
    assert_eq!(read["memo"], serde_json::from_str::<Value>(text).unwrap()["memo"], "texts stay as they are");
    assert_eq!(read["nonce"], "3872807551869804");
    for (decimals, unit, amount, shown) in [
        (0, "", "'9007199254740993'", "9,007,199,254,740,993"),
        (2, "", "'-9007199254740993'", "-90,071,992,547,409.93"),
        (18, "thaler", "'18446744073709551615'", "18.446744073709551615 thaler"),
        (2, "", "-5", "-0.05"),
        (2, "", "1234567", "12,345.67"),
    ] {
        let words = browser.evaluate(&format!("last.decimals = {decimals}; last.unit = '{unit}'; amt({amount})"));
        assert_eq!(words, shown);
    }
    let cells = "['-9007199254740993', '=1', '-1+1', -5].map(cell).join(' ')";
    assert_eq!(browser.evaluate(cells), "-9007199254740993 '=1 '-1+1 -5");
    assert_eq!(browser.complaints, [] as [&str; 0]);
}

#[test]
fn what_a_reader_opened_stays_open_and_wrong_routes_say_so() {
    let Some(mut browser) = started() else { return };
    let node = TestNode::start(&[]);
    let sent = node.json(&["send", "dev1", "5", "--from", "dev0"])["id"].as_str().unwrap().to_owned();
    browser.open(&format!("http://{}/tx/{sent}", node.http()));
    browser.until("document.querySelector('#view').innerText.includes('waits in the mempool')");
    browser.evaluate("document.querySelector('summary').focus(); document.querySelector('summary').click()");
    browser.until("/^[0-9a-f]{300,}$/.test(document.querySelector('pre').textContent)");
    node.json(&["mine", "1"]);
    browser.until("document.querySelector('#view').innerText.includes('in block 1')");
    assert_eq!(browser.evaluate("document.activeElement.tagName"), "SUMMARY");
    assert_eq!(browser.evaluate("document.querySelector('details').open && !!document.querySelector('pre')"), true);
    for wrong in ["#/addr/x", "#/%", "#/block/..", "#/__proto__", "#/constructor/x"] {
        browser.evaluate(&format!("location.hash = '{wrong}'"));
        browser.until("document.title === 'No such view – tussock'");
        browser.evaluate("location.hash = '#/blocks'");
        browser.until("document.title === 'Blocks – tussock'");
    }
    // The key for the search can be turned off, for those who dictate.
    let press = "dispatchEvent(new KeyboardEvent('keydown', { key: '/' })); document.activeElement.id";
    assert_eq!(browser.evaluate(press), "q");
    browser.evaluate("document.activeElement.blur(); document.querySelector('#slash').click()");
    assert_ne!(browser.evaluate(press), "q");
    assert_eq!(browser.complaints, [] as [&str; 0]);
}

#[test]
fn a_wall_shows_all_nodes_through_a_partition_and_a_stop() {
    let Some(mut browser) = started() else { return };
    let one = TestNode::start(&[]);
    let mut two = TestNode::start(&["--connect", &one.p2p().to_string()]);
    let mut three = TestNode::start(&["--connect", &one.p2p().to_string(), "--connect", &two.p2p().to_string()]);
    one.json(&["mine", "2"]);
    for node in [&two, &three] {
        node.wait(&["height", "2"]);
    }
    let nodes = [&one, &two, &three].map(|node| node.http().port().to_string()).join(",");
    browser.open(&format!("http://{}/wall?nodes={nodes}", one.http()));
    let says = |text: &str| format!("document.querySelector('#view').innerText.includes({})", json!(text));
    browser.until(&says("One chain: all 3 nodes at block 2"));
    assert_eq!(browser.evaluate("document.title"), "Wall of 3 nodes – tussock");
    browser.until(
        "[...document.querySelectorAll('.heard')].some(line => /heard \\w+ from node [123]/.test(line.textContent))",
    );
    let has_axe = browser.load(AXE, "axe-core/axe.min.js");
    let look = |browser: &mut Browser, name: &str| {
        for (width, height, dark) in [(1200, 900, false), (1200, 900, true), (375, 740, false)] {
            browser.shape(width, height, dark);
            browser.picture(&format!("wall {name} {width} {}", if dark { "dark" } else { "light" }));
            assert!(!has_axe || browser.axe() == json!([]), "{name} at {width}: {}", browser.axe());
        }
    };
    look(&mut browser, "whole");

    for node in [&one, &two] {
        node.json(&["net", "deny", &three.p2p().to_string()]);
        three.json(&["net", "deny", &node.p2p().to_string()]);
    }
    browser.until("document.querySelectorAll('.net .cut').length === 2");
    one.json(&["mine", "1"]);
    three.json(&["mine", "2"]);
    browser.until(&says("Nodes 1, 2 at block 3"));
    browser.until(&says("Node 3 at block 4"));
    browser.until(&says("They part after block 2"));
    let color = |node: usize| format!("document.querySelectorAll('.node')[{node}].className");
    assert_eq!(browser.evaluate(&color(0)), browser.evaluate(&color(1)));
    assert_ne!(browser.evaluate(&color(0)), browser.evaluate(&color(2)));
    look(&mut browser, "split");
    let winner = browser.evaluate(&color(2));
    assert_eq!(browser.evaluate("document.querySelector('#say').textContent"), "2 chains, 2 lines cut");

    for node in [&one, &two, &three] {
        node.json(&["net", "allow"]);
    }
    // A ban cuts a line as well.
    let third = three.status()["node_id"].as_str().unwrap().to_owned();
    one.json(&["peers", "ban", &third]);
    two.json(&["peers", "ban", &third]);
    browser.until("document.querySelectorAll('.net .cut').length === 2");
    browser.until("[...document.querySelectorAll('.node')][2].innerText.includes('cut off from nodes 1, 2')");
    for node in [&one, &two] {
        node.json(&["peers", "unban", &third]);
    }
    three.json(&["peers", "add", &one.p2p().to_string()]);
    browser.until(&says("One chain: all 3 nodes at block 4"));
    assert_eq!(browser.evaluate("document.querySelectorAll('.net .cut').length"), 0);
    assert_eq!(
        browser.evaluate("[0, 1, 2].map(at => document.querySelectorAll('.node')[at].className)"),
        json!(vec![winner; 3])
    );
    two.stop();
    browser.until("document.querySelectorAll('.node.gone').length === 1");
    look(&mut browser, "silent");
    assert_eq!(browser.complaints, [] as [&str; 0]);

    // The node that the page came from may go, too.
    let mut one = one;
    one.stop();
    browser.until(&says("One chain: node 3 at block 4"));
    browser.until(
        "document.querySelector('#state').textContent === 'disconnected' && !document.querySelector('#view').hidden",
    );
    three.stop();
    browser.until(&says("No node answers."));
}

#[test]
fn a_wall_of_eight_shows_two_halves_with_rivals_and_that_they_agree_again() {
    let Some(mut browser) = started() else { return };
    let mut nodes = vec![TestNode::start(&[])];
    for number in 1..8 {
        let before = nodes[number - 1].p2p().to_string();
        nodes.push(TestNode::start(&["--connect", &before]));
    }
    nodes[0].json(&["mine", "2"]);
    for node in &nodes {
        node.wait(&["height", "2"]);
    }
    let ports: Vec<String> = nodes.iter().map(|node| node.http().port().to_string()).collect();
    browser.open(&format!("http://{}/wall?nodes={}", nodes[0].http(), ports.join(",")));
    let says = |text: &str| format!("document.querySelector('#view').innerText.includes({})", json!(text));
    browser.until(&says("One chain: all 8 nodes at block 2"));
    let has_axe = browser.load(AXE, "axe-core/axe.min.js");
    let look = |browser: &mut Browser, name: &str| {
        for (width, height, dark) in [(1200, 900, false), (1200, 900, true), (375, 740, false), (320, 640, false)] {
            browser.shape(width, height, dark);
            browser.picture(&format!("wall of eight {name} {width} {}", if dark { "dark" } else { "light" }));
            assert!(!has_axe || browser.axe() == json!([]), "{name} at {width}: {}", browser.axe());
            let is_whole = "document.documentElement.scrollWidth <= document.documentElement.clientWidth";
            assert_eq!(browser.evaluate(is_whole), true, "{name} at {width}");
        }
    };
    look(&mut browser, "whole");

    let (left, right) = nodes.split_at(4);
    for (half, other) in [(left, right), (right, left)] {
        let others: Vec<String> = other.iter().map(|node| node.p2p().to_string()).collect();
        for node in half {
            node.json(&[&["net", "deny"][..], &others.iter().map(String::as_str).collect::<Vec<_>>()].concat());
        }
    }
    browser.until("document.querySelectorAll('.net .cut').length === 16");
    let cards = |text: &str| {
        format!("[...document.querySelectorAll('.node')].filter(card => card.innerText.includes('{text}')).length")
    };
    browser.until(&format!(
        "{} === 4 && {} === 4",
        cards("cut off from nodes 5, 6, 7, 8"),
        cards("from nodes 1, 2, 3, 4")
    ));
    left[0].json(&["mine", "1"]);
    right[3].json(&["mine", "3"]);
    browser.until(&says("Nodes 5, 6, 7, 8 at block 5"));
    browser.until(&says("Nodes 1, 2, 3, 4 at block 3"));
    browser.until(&says("They part after block 2"));
    let colors = "[...document.querySelectorAll('.node')].map(card => card.className.replace('node ', ''))";
    let (split, winner) = (browser.evaluate(colors), browser.evaluate(&format!("{colors}[7]")));
    let halves = [vec![split[0].clone(); 4], vec![winner.clone(); 4]].concat();
    assert_eq!(split, json!(halves));
    assert_ne!(split[0], winner);
    let dots = "[...document.querySelectorAll('.net g')].map(dot => dot.getAttribute('class'))";
    assert_eq!(browser.evaluate(dots), split, "the drawing has the colours of the cards");
    look(&mut browser, "split");

    for node in &nodes {
        node.json(&["net", "allow"]);
    }
    nodes[4].json(&["peers", "add", &nodes[3].p2p().to_string()]);
    browser.until(&says("One chain: all 8 nodes at block 5"));
    browser.until("document.querySelectorAll('.net .cut').length === 0");
    browser.until(&format!("{} === 4 && {} === 0", cards("reorganised: 1 block undone"), cards("cut off")));
    assert_eq!(browser.evaluate(colors), json!(vec![winner; 8]));
    browser.until("document.querySelector('#say').textContent === 'One chain'");
    look(&mut browser, "healed");
    assert_eq!(browser.complaints, [] as [&str; 0]);
}

/// A server that answers each request with this body, to whoever asks.
fn other_server(body: &'static str) -> u16 {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let port = listener.local_addr().unwrap().port();
    thread::spawn(move || {
        for stream in listener.incoming() {
            let Ok(mut stream) = stream else { return };
            let mut request = [0; 4096];
            let _ = stream.read(&mut request);
            let length = body.len();
            let _ = write!(
                stream,
                "HTTP/1.1 200 OK\r\nAccess-Control-Allow-Origin: *\r\nConnection: close\r\nContent-Length: {length}\r\n\r\n{body}"
            );
        }
    });
    port
}

#[test]
fn whatever_else_answers_on_a_port_of_the_wall_spoils_its_own_card_only() {
    let Some(mut browser) = started() else { return };
    let node = TestNode::start(&[]);
    let bodies = [
        "{}",
        "null",
        "hello",
        r#"{"height":1,"time":1,"tip":null,"state":"","genesis":"","listens":[],"recent":5}"#,
        r#"{"height":1,"time":1,"tip":"a","state":"","genesis":"","listens":[],"recent":[],"peers":[],"denied":[],"heard":[],"news":[]}"#,
        r#"{"height":1,"time":1,"tip":"a","state":"","genesis":"","listens":[],"recent":[null],"peers":[],"denied":[],"heard":[],"news":[]}"#,
        r#"{"height":1,"time":1,"tip":"a","state":"","genesis":"","listens":[],"recent":[{"hash":"a","height":1}],"peers":[],"denied":[],
            "heard":[],"news":[{"event":"warnings","time":1}]}"#,
    ];
    let mut others = bodies.map(|body| other_server(body).to_string()).to_vec();
    others.push(other_server(" ".repeat(300 * 1024).leak()).to_string());
    browser.open(&format!("http://{}/wall?nodes={},{}", node.http(), node.http().port(), others.join(",")));
    browser.until("document.querySelector('#view').innerText.includes('One chain: node 1 at block 0')");
    let spoilt =
        "[...document.querySelectorAll('.node.gone')].filter(card => /answers something else/.test(card.textContent))";
    browser.until(&format!("{spoilt}.length === {}", others.len()));
    assert_eq!(browser.evaluate("document.querySelector('#lost').hidden"), true);
    // One that lies in the right shape is drawn as what it says.
    let liar = other_server(
        r#"{"height":7,"time":1,"tip":"a","state":"<b>x","genesis":"","listens":[],"recent":[{"hash":"a","height":7}],"peers":[],"denied":[],
            "heard":[{"message":"<i>","from":""}],"news":[{"event":"warnings","time":1,"warnings":[5]},{"event":"block","time":1}]}"#,
    );
    browser.open(&format!("http://{}/wall?nodes={},{liar}", node.http(), node.http().port()));
    browser.until("document.querySelector('#view').innerText.includes('Node 2 at block 7')");
    browser.until("document.querySelector('#view').innerText.includes('These nodes are of different chains')");
    assert_eq!(browser.evaluate("document.querySelectorAll('#view b').length"), 0);
}

/// An address that is no node's is refused by the server; one that is not on the wall, by the browser.
#[test]
fn a_page_of_a_node_cannot_read_other_nodes_unless_it_is_their_wall() {
    let Some(mut browser) = started() else { return };
    let (one, two) = (TestNode::start(&[]), TestNode::start(&[]));
    let read =
        |path: &str| format!("fetch('http://{}{path}').then(answer => answer.status, () => 'refused')", two.http());
    browser.open(&format!("http://{}/", one.http()));
    for path in ["/api/wall", "/api/status", "/healthz"] {
        assert_eq!(browser.evaluate(&read(path)), "refused", "{path}");
    }
    browser.open(&format!("http://{}/wall?nodes={}", one.http(), two.http().port()));
    assert_eq!(browser.evaluate(&read("/api/wall")), 200);
    for path in ["/api/status", "/api/peers", "/"] {
        assert_eq!(browser.evaluate(&read(path)), "refused", "{path}");
    }
    let post = format!(
        "fetch('http://{}/rpc', {{ method: 'POST', body: '{{}}' }}).then(() => 'read', () => 'refused')",
        two.http()
    );
    assert_eq!(browser.evaluate(&post), "refused");
}
