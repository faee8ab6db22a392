//! The page at `/` in a real browser, where one is installed.

use std::{
    io::{Read as _, Write as _},
    net::TcpStream,
};

use serde_json::{Value, json};

use crate::support::{
    TestNode,
    browser::{AXE, Browser},
};

/// Text that would do harm if a browser read it as markup.
const HOSTILE: &str =
    "<img src=x onerror=\"document.title='owned'\"><b>bold</b><script>document.title='owned'</script>";
/// Windows: width, height, dark.
const SHAPES: [(u32, u32, bool); 6] = [
    (1200, 900, false),
    (1200, 900, true),
    (375, 740, false),
    (320, 640, true),
    (768, 900, false),
    (1920, 1000, false),
];
/// Elements that stick out of the window or of their box, except in the drawing of branches, which scrolls; and numbers in tables
/// that are broken over lines. Tables have to be the same when they are fitted into their boxes again.
const OVERFLOW: &str = "(() => { const width = document.documentElement.clientWidth, found = [];
  const look = () => [...document.querySelectorAll('.box')].map(box => box.innerHTML).join(), before = look();
  fitAll(); if (look() !== before) found.push('fitted twice, a table is another one');
  for (const cell of document.querySelectorAll('td.n:not(.down)')) {
    const range = document.createRange(); range.selectNodeContents(cell);
    if (range.getBoundingClientRect().height > 32) found.push('broken: ' + cell.textContent);
  }
  if (document.documentElement.scrollWidth > width) found.push('the page itself');
  for (const node of document.querySelectorAll('body *')) {
    if (node.closest('.scroll, svg, .unseen, .skip') || node.tagName === 'INPUT' || node.tagName === 'SCRIPT') continue;
    const name = node.tagName + '.' + node.className + ' ' + node.textContent.slice(0, 40);
    if (node.getBoundingClientRect().right > width + 1) found.push(name);
    if (getComputedStyle(node).display !== 'inline' && node.scrollWidth > node.clientWidth + 1) found.push('cut: ' + name);
  }
  return found })()";
/// Tiles and boxes of the view that overlap.
const OVERLAPS: &str = "(() => { const boxes = [...document.querySelectorAll('#view > *, header > *, .tile')].filter(
    node => node.getClientRects().length && !node.closest('.tiles, .charts')?.isSameNode(node));
  const apart = (a, b) => a.right <= b.left + 1 || b.right <= a.left + 1 || a.bottom <= b.top + 1 || b.bottom <= a.top + 1;
  return boxes.flatMap((a, i) => boxes.slice(i + 1).filter(b => !a.contains(b) && !b.contains(a)
    && !apart(a.getBoundingClientRect(), b.getBoundingClientRect())).map(b => a.className + ' on ' + b.className)) })()";

/// Two nodes with a fork behind them, payments in blocks, and one in the mempool.
fn nodes() -> (TestNode, TestNode, String) {
    let one = TestNode::start(&["--max-outbound", "2"]);
    let two = TestNode::start(&["--connect", &one.p2p().to_string()]);
    one.wait(&["peers", "1"]);
    one.json(&["mine", "3"]);
    let sent = one.json(&["send", "dev1", "1234567", "--from", "dev0", "--memo", HOSTILE]);
    one.json(&["mine", "1"]);
    two.wait(&["height", "4"]);
    one.json(&["net", "deny", &two.p2p().to_string()]);
    two.json(&["net", "deny", &one.p2p().to_string()]);
    one.json(&["mine", "2"]);
    two.json(&["mine", "4"]);
    one.json(&["net", "allow"]);
    two.json(&["net", "allow"]);
    one.json(&["peers", "add", &two.p2p().to_string()]);
    one.wait(&["height", "8"]);
    one.json(&["send", "dev2", "5", "--from", "dev3", "--memo", HOSTILE]);
    one.json(&["send", "dev1", "90000000000000", "--from", "dev5", "--memo", &"x".repeat(150)]);
    one.json(&["send", "dev2", "5", "--from", "dev4", "--memo", "100 percent: a/b"]);
    (one, two, sent["id"].as_str().unwrap().to_owned())
}

fn show(browser: &mut Browser, view: &str, wanted: &str) {
    browser.evaluate("document.querySelector('#view').replaceChildren()");
    browser.evaluate(&format!("location.hash = '#/{view}'; draw(true)"));
    browser.until(&format!("document.querySelector('#view').innerText.includes({})", json!(wanted)));
}

#[test]
fn the_intervals_of_fresh_blocks_leave_out_genesis() {
    let Some(mut browser) = Browser::start() else {
        println!("skipped: no browser");
        return;
    };
    let node = TestNode::start(&[]);
    let tile = "[...document.querySelectorAll('.tile')].find(tile => tile.innerText.includes('block interval'))\
                .querySelector('strong').textContent";
    node.json(&["mine", "1"]);
    browser.open(&format!("http://{}/", node.http()));
    browser.until(&format!("{tile} === '–'"));
    node.json(&["mine", "2"]);
    browser.until(&format!("/^\\d+ (s|min)$/.test({tile})"));
    let chart = "[...document.querySelectorAll('.charts *')].map(node => node.textContent).find(text => text.startsWith('last '))";
    browser.until(&format!("/^last 2 blocks, at most \\d{{1,3}} s$/.test({chart})"));
    let row = "[...document.querySelectorAll('td a')].find(link => link.textContent === '1').closest('tr')";
    assert_eq!(browser.evaluate(&format!("{row}.children[5].textContent")), "–");
}

#[test]
fn the_page_shows_every_view_follows_the_chain_and_says_when_the_node_is_gone() {
    let Some(mut browser) = Browser::start() else {
        eprintln!("no chromium is installed: the page was not tested");
        return;
    };
    let (one, _two, paid) = nodes();
    let page = format!("http://{}/", one.http());
    browser.open(&page);
    browser.until("document.querySelector('#state').textContent === 'synced'");
    every_view_fits(&mut browser, &one, &paid);
    search_leads_to_blocks_transactions_and_addresses(&mut browser, &one, &paid);
    axe_finds_nothing(&mut browser, &one, &paid);

    browser.evaluate("location.hash = '#/'");
    browser.until("document.querySelector('.tile strong').textContent === '8'");
    let latest = "[...document.querySelectorAll('td a')].find(link => link.textContent === '8')";
    browser.evaluate(&format!("{latest}.focus()"));
    // However slow this host is, no other height is due to be said.
    browser.evaluate("window.before = document.activeElement; saidAt = Infinity; 0");
    one.json(&["mine", "1"]);
    browser
        .until("document.querySelector('.tile strong').textContent === '9' && document.title === '9 synced – tussock'");
    let kept = format!("document.activeElement === {latest} && document.activeElement !== window.before");
    assert_eq!(browser.evaluate(&kept), true, "the focus stays on the link of the same block");
    assert_eq!(browser.evaluate("document.querySelectorAll('[aria-live], [role=status]').length"), 1);
    assert_eq!(
        browser.evaluate("document.querySelector('#say').textContent"),
        "synced, height 8",
        "no block is read out"
    );
    browser.evaluate("document.activeElement.click()");
    browser
        .until("document.activeElement.tagName === 'H2' && document.activeElement.textContent.startsWith('Block 8')");
    browser.evaluate("location.hash = '#/'");
    browser.evaluate("[...document.querySelectorAll('nav a')].find(link => link.textContent === 'Peers').click()");
    browser.until("location.hash === '#/peers' && document.querySelector('td')");

    updates_can_be_paused(&mut browser, &one);
    one.signal("STOP");
    browser.until("document.querySelector('#state').textContent === 'disconnected'");
    assert_eq!(browser.evaluate("getComputedStyle(document.querySelector('#view')).display"), "none");
    assert_eq!(
        browser.evaluate("document.querySelector('#lost').innerText.startsWith('The node does not answer')"),
        true
    );
    // It is said once, not again with each second that passes.
    assert_eq!(browser.evaluate("document.querySelectorAll('#lost [role=alert]').length"), 1);
    let said = browser.evaluate("document.querySelector('#lost [role=alert]').textContent");
    assert_eq!(said, "The node does not answer. This page continues when it does.");
    one.signal("CONT");
    browser.until("document.querySelector('#state').textContent === 'synced' && document.querySelector('td')");
    assert_eq!(browser.evaluate("getComputedStyle(document.querySelector('#view')).display"), "block");
    assert_eq!(browser.complaints, [] as [&str; 0]);
}

/// Whoever reads slowly stops what changes by itself.
fn updates_can_be_paused(browser: &mut Browser, node: &TestNode) {
    browser.evaluate("location.hash = '#/'");
    browser.until("document.querySelector('.tile strong')?.textContent === '9'");
    browser.evaluate("document.querySelector('#pause').click()");
    node.json(&["mine", "1"]);
    browser.evaluate("tick()");
    let shown = "[document.querySelector('.tile strong').textContent, document.querySelector('#state').textContent]";
    assert_eq!(browser.evaluate(shown), json!(["9", "synced, paused"]));
    browser.evaluate("document.querySelector('#pause').click()");
    browser.until("document.querySelector('.tile strong').textContent === '10'");
    assert_eq!(browser.evaluate("document.querySelector('#state').textContent"), "synced");
    // What the first view needs comes with the page.
    let size = "fetch('/').then(answer => answer.arrayBuffer()).then(page => page.byteLength <= 65536)";
    assert_eq!(browser.evaluate(size), true);
}

/// Payments whose memos take the most room that memos can, with what takes the most otherwise.
#[test]
fn the_page_with_its_first_answers_has_at_most_64_kib() {
    let node = TestNode::start(&[]);
    node.json(&["mine", "30"]);
    for (number, sign) in ["<", "\"", "\\", "<", "🦀", "<", "<", "<"].into_iter().enumerate() {
        let (from, memo) = (format!("dev{number}"), sign.repeat(512 / sign.len()));
        node.json(&["send", "dev9", "98765432109876", "--from", &from, "--memo", &memo, "--fee", "987654"]);
        let mut stream = TcpStream::connect(node.http()).unwrap();
        stream.write_all(b"GET / HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n").unwrap();
        let mut answer = String::new();
        stream.read_to_string(&mut answer).unwrap();
        let (_, page) = answer.split_once("\r\n\r\n").unwrap();
        println!("{} memos: {} bytes", number + 1, page.len());
        assert!(page.len() <= 65_536 && page.ends_with("</html>\n"), "{number}: {} bytes", page.len());
        for first in ["\"summary\":", "\"blocks?limit=21\":", "\"mempool?limit=8\":"] {
            assert!(page.contains(first), "{number}: {first} is asked for again");
        }
    }
}

/// Each view, and text that it shows when it is drawn.
fn views(node: &TestNode, paid: &str) -> [(String, &'static str); 17] {
    let address = node.json(&["key", "show", "dev0"])["address"].as_str().unwrap().to_owned();
    let tips = node.json(&["tips"]);
    let orphan = tips.as_array().unwrap().iter().find(|tip| tip["status"] == "valid-fork").unwrap()["hash"].clone();
    let waiting = node.json(&["mempool"])["transactions"][0]["id"].as_str().unwrap().to_owned();
    [
        (format!("block/{}", orphan.as_str().unwrap()), "in its place is"),
        (format!("tx/{waiting}"), "expected in"),
        ("wall".to_owned(), "Ports of the nodes"),
        ("addr/x".to_owned(), "no view “addr”"),
        ("block/..".to_owned(), "no view “block/..”"),
        (format!("tx/{}", "7".repeat(64)), "Not found"),
        (String::new(), "Waiting transactions"),
        ("blocks".to_owned(), "Blocks"),
        ("block/4".to_owned(), "merkle root"),
        (format!("tx/{paid}"), HOSTILE),
        (format!("address/{address}"), "History"),
        ("memos/bold%20IMG".to_owned(), HOSTILE),
        ("mempool".to_owned(), "By fee rate"),
        ("peers".to_owned(), "127.0.0.1:"),
        ("tips".to_owned(), "valid-fork"),
        ("node".to_owned(), "Counted since the start"),
        ("block/999".to_owned(), "no such block"),
    ]
}

/// Looks at each view with axe, if npm can install it here.
fn axe_finds_nothing(browser: &mut Browser, node: &TestNode, paid: &str) {
    if !browser.load(AXE, "axe-core/axe.min.js") {
        return;
    }
    for (width, height, dark) in [(1200, 900, false), (1200, 900, true), (375, 740, false), (320, 640, false)] {
        browser.shape(width, height, dark);
        for (view, wanted) in views(node, paid) {
            show(browser, &view, wanted);
            browser.picture(&format!(
                "{} {width} {}",
                view.split('/').next().unwrap(),
                if dark { "dark" } else { "light" }
            ));
            assert_eq!(browser.axe(), json!([]), "{view} at {width} dark={dark}");
        }
    }
}

fn every_view_fits(browser: &mut Browser, node: &TestNode, paid: &str) {
    let views = views(node, paid);
    for (width, height, dark) in SHAPES {
        browser.shape(width, height, dark);
        for (view, wanted) in &views {
            show(browser, view, wanted);
            let at = format!("{view} at {width} dark={dark}");
            assert_eq!(browser.evaluate(OVERFLOW), json!([]), "{at}");
            assert_eq!(browser.evaluate(OVERLAPS), json!([]), "{at}");
            assert_eq!(
                browser.evaluate("document.querySelectorAll('#view img, #view b, #view script').length"),
                0,
                "{at}"
            );
        }
        let background = browser.evaluate("getComputedStyle(document.body).backgroundColor");
        assert_eq!(background == "rgb(20, 23, 18)", dark, "{background}");
    }
    show(browser, "tips", "valid-fork");
    assert_eq!(browser.evaluate("document.querySelectorAll('.tree .side a').length"), 1);
    assert_eq!(browser.evaluate("document.title"), "Branches – tussock");
}

fn search_leads_to_blocks_transactions_and_addresses(browser: &mut Browser, node: &TestNode, paid: &str) {
    let block = node.json(&["block", "5"])["hash"].as_str().unwrap().to_owned();
    let address = node.json(&["key", "show", "dev1"])["address"].as_str().unwrap().to_owned();
    let find = |browser: &mut Browser, text: &str| {
        browser.evaluate("location.hash = '#/node'");
        browser.until("document.querySelector('#view').innerText.includes('Counted')");
        let submit = "document.querySelector('#find').requestSubmit()";
        browser.evaluate(&format!("document.querySelector('#q').value = {}; {submit}", json!(text)));
    };
    for (text, leads_to) in [
        ("5", format!("#/block/{block}")),
        (&block[..12], format!("#/block/{block}")),
        (&block, format!("#/block/{block}")),
        (paid, format!("#/tx/{paid}")),
        (&paid[..10], format!("#/tx/{paid}")),
        (&address, format!("#/address/{address}")),
        ("OnError bold", "#/memos/OnError%20bold".to_owned()),
        ("a/b 100%", "#/memos/a%2Fb%20100%25".to_owned()),
    ] {
        find(browser, text);
        browser.until(&format!("location.hash === {}", Value::from(leads_to)));
    }
    browser.until("document.querySelector('#view').innerText.includes('with all words of: a/b 100%')");
    find(browser, "no such thing");
    browser.until("document.querySelector('#view').innerText.includes('nothing of that height, hash or address')");
}
