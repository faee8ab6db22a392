//! Receipts: made and checked by real processes, and by a program in another language.

use std::{
    fs,
    io::Write as _,
    path::Path,
    process::{Command, Stdio},
    sync::Arc,
};

use serde_json::Value;
use tussock::{
    base::{codec, hash::hex, rng::Rng},
    chain::{
        block::HashedBlock,
        key::SecretKey,
        receipt::{Proven, Receipt},
        seal::{Certificate, SignedVote, Statement, Votes},
        spec::ChainSpec,
        testkit::{self, BlockMaker},
    },
};

use crate::support::{TempDir, TestNode, cli_on, stderr, stdout};

/// A receipt of a chain that four authorities seal, and the chain.
fn sealed(rng: &mut Rng) -> (Arc<ChainSpec>, Receipt) {
    let mut maker = BlockMaker::new(Arc::new(testkit::sealed_spec(4)));
    let (payer, payee) = (SecretKey::well_known(0), SecretKey::well_known(1).address());
    let payments = (0..rng.below(9)).map(|at| maker.transfer(&payer, payee, 100 + at, 1)).collect();
    let block = maker.next_block(payments, payee);
    let above: Vec<HashedBlock> = maker.empty_blocks(usize::try_from(rng.below(4)).unwrap(), payee);
    let statement = Statement::finalize(0, maker.tip().work.view(), maker.hash());
    let genesis = maker.spec().genesis_hash();
    let sign = |signer: u8| {
        let key = testkit::authority_key(usize::from(signer));
        (usize::from(signer), SignedVote::sign(statement, signer, 1_800_000_000_000, &key, &genesis).vote)
    };
    let out = u8::try_from(rng.below(5)).unwrap();
    let votes = Votes::collect((0..4).filter(|signer| *signer != out).map(sign));
    let index = usize::try_from(rng.below(block.transactions.len() as u64)).unwrap();
    let mut receipt = Receipt::of(maker.spec(), &block, index).unwrap();
    receipt.headers = above.iter().map(|block| hex(&block.header.to_bytes())).collect();
    receipt.certificate = Some(hex(&codec::encode(&Certificate { statement, votes })));
    (maker.spec().clone(), receipt)
}

fn proven(spec: &ChainSpec, text: &[u8]) -> Option<Proven> {
    serde_json::from_slice::<Receipt>(text).ok()?.check(spec).ok()
}

#[test]
fn no_byte_of_a_receipt_can_be_changed() {
    let (spec, mut receipt) = sealed(&mut Rng::from_number(1));
    let transaction = receipt.check(&spec).unwrap().transaction;
    assert!(receipt.name_output(&spec, &transaction.transaction.outputs, 0));
    let text = serde_json::to_vec(&receipt).unwrap();
    assert!(proven(&spec, &text).is_some());
    for at in 0..text.len() {
        let mut other = text.clone();
        other[at] ^= 1 << (at % 8);
        assert_eq!(proven(&spec, &other), None, "byte {at}: {}", String::from_utf8_lossy(&other));
    }
}

#[test]
fn short_texts_do_not_fill_the_memory() {
    let (_, receipt) = sealed(&mut Rng::from_number(3));
    let text = serde_json::to_string(&receipt).unwrap();
    let refusal = |text: &str| serde_json::from_str::<Receipt>(text).unwrap_err().to_string();
    let start = text.find("\"path\"").unwrap();
    let end = start + text[start..].find(']').unwrap() + 1;
    let many = format!("\"path\":[{}\"\"]", "\"\",".repeat(64));
    assert!(refusal(&[&text[..start], &many, &text[end..]].concat()).contains("invalid length"));
    assert!(
        receipt.headers.is_empty()
            || refusal(&text.replace("\"headers\":[", "\"headers\":[\"00\",")).contains("invalid length")
    );
}

/// What the checker in Python says of receipts that it gets line by line.
const DRIVER: &str = "
import struct, sys
sys.path.insert(0, sys.argv[1])
from check_receipt import check
genesis, *keys = map(bytes.fromhex, sys.argv[2:])
for line in sys.stdin:
    try:
        print('there by', check(line, genesis, *keys)[1])
    except (ValueError, LookupError, TypeError, struct.error):
        print('shows nothing')
";

/// `TUSSOCK_RECEIPTS` says how many receipts it judges: each takes it a fifth of a second.
#[test]
fn a_checker_in_another_language_agrees() {
    if Command::new("python3").arg("--version").output().is_err() {
        println!("skipped: there is no python3");
        return;
    }
    let count = std::env::var("TUSSOCK_RECEIPTS").ok().and_then(|count| count.parse().ok()).unwrap_or(8);
    let mut rng = Rng::from_number(2);
    let keys: Vec<String> = (0..4).map(|n| hex(&testkit::authority_key(n).public_key())).collect();
    let clients = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/clients");
    let mut python = Command::new("python3")
        // Without assertions, as somebody may run it.
        .args(["-O", "-c", DRIVER, clients.to_str().unwrap()])
        .arg(testkit::sealed_spec(4).genesis_hash().to_string())
        .args(&keys)
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .spawn()
        .unwrap();
    let mut ours = Vec::new();
    let mut input = python.stdin.take().unwrap();
    for number in 0..count {
        let (spec, receipt) = sealed(&mut rng);
        let mut text = serde_json::to_string(&receipt).unwrap();
        if number % 2 == 1 {
            // Another digit of the header, the path or the certificate.
            let parts = ["\"header\":\"", "\"path\":[\"", "\"certificate\":\"", "\"transaction\":\""];
            let (start, end) = parts
                .iter()
                .cycle()
                .skip(usize::try_from(rng.below(4)).unwrap())
                .find_map(|part| {
                    let start = text.find(part)? + part.len();
                    Some((start, start + text[start..].find('"')?)).filter(|(start, end)| end > start)
                })
                .unwrap();
            let at = start + usize::try_from(rng.below((end - start) as u64)).unwrap();
            let digit = if text.as_bytes()[at] == b'0' { "1" } else { "0" };
            text.replace_range(at..=at, digit);
        }
        let there_by = proven(&spec, text.as_bytes()).map(|proven| proven.there_by().time);
        ours.push(there_by.map_or("shows nothing".to_owned(), |time| format!("there by {time}")));
        writeln!(input, "{text}").unwrap();
    }
    drop(input);
    let answer = python.wait_with_output().unwrap();
    assert_eq!(stdout(&answer).lines().collect::<Vec<_>>(), ours);
    assert!(ours.chunks(2).all(|pair| pair[0].starts_with("there by")), "{ours:?}");
    assert!(ours.contains(&"shows nothing".to_owned()));
}

/// The receipt of a payment, in a file.
fn prove(node: &TestNode, root: &Path, txid: &str) -> String {
    let receipt = node.cli(&["prove", txid, "--output", "0"]);
    assert!(receipt.status.success(), "{}", stderr(&receipt));
    let path = root.join("receipt.json");
    fs::write(&path, &receipt.stdout).unwrap();
    path.to_str().unwrap().to_owned()
}

fn pay(node: &TestNode) -> String {
    let sent = node.json(&["send", "dev1", "100", "--from", "dev0"]);
    sent["id"].as_str().unwrap().to_owned()
}

#[test]
fn on_a_chain_of_proof_of_work_a_node_or_its_headers_tell_whether_the_block_still_counts() {
    let root = TempDir::new();
    let (mut node, mut rival) = (TestNode::start(&[]), TestNode::start(&[]));
    let payment = pay(&node);
    let missing = node.cli(&["prove", &payment]);
    assert_eq!((missing.status.code(), stdout(&missing)), (Some(4), String::new()), "{}", stderr(&missing));
    assert!(node.cli(&["mine", "3"]).status.success());
    let receipt = prove(&node, root.path(), &payment);
    let shown = node.json(&["check", &receipt]);
    assert_eq!((&shown["txid"], &shown["confirmations"]), (&Value::from(payment.clone()), &Value::from(3)));
    assert_eq!((&shown["output"]["amount"], &shown["final"]), (&Value::from(100), &Value::from(false)));
    // Without a node a file of headers does.
    let headers = root.path().join("headers.dat");
    let headers = headers.to_str().unwrap();
    assert!(node.cli(&["chain", "headers", headers]).status.success());
    // A pipe is written to, not replaced.
    let written = fs::read(headers).unwrap();
    for target in ["-", "/dev/stdout"] {
        assert_eq!(node.cli(&["chain", "headers", target]).stdout[..written.len()], written, "{target}");
    }
    let elsewhere = root.path().join("elsewhere");
    let alone = |args: &[&str]| cli_on(&elsewhere, "local", args);
    assert_eq!(alone(&["check", &receipt]).status.code(), Some(3), "there is no node");
    let shown = alone(&["check", &receipt, "--headers", headers]);
    assert!(shown.status.success() && stdout(&shown).contains("3 blocks deep"), "{}", stderr(&shown));
    let foreign = cli_on(&elsewhere, "dev", &["check", &receipt, "--headers", headers]);
    assert_eq!(foreign.status.code(), Some(9), "{}", stderr(&foreign));
    // A branch with more work undoes the block.
    assert!(rival.cli(&["mine", "5"]).status.success());
    assert!(node.cli(&["peers", "add", &rival.p2p().to_string()]).status.success());
    node.wait(&["height", "5"]);
    let undone = node.cli(&["check", &receipt]);
    assert_eq!(undone.status.code(), Some(5));
    assert!(stderr(&undone).contains("reorganised away"), "{}", stderr(&undone));
    assert!(node.cli(&["chain", "headers", headers]).status.success());
    let undone = alone(&["check", &receipt, "--headers", headers]);
    assert!(undone.status.code() == Some(5) && stderr(&undone).contains("reorganised away"), "{}", stderr(&undone));
    assert!(stderr(&undone).contains(&format!("tussock prove {payment}")), "what to do: {}", stderr(&undone));
    assert_eq!((node.stop(), rival.stop()), (0, 0));
}

#[test]
fn on_a_sealed_chain_the_chain_s_file_is_all_that_a_receipt_needs() {
    let root = TempDir::new();
    let key = hex(&SecretKey::well_known(0).public_key());
    let fund = format!("{}=1000000000", SecretKey::well_known(0).address().to_text(&ChainSpec::local().prefix));
    let made = cli_on(
        root.path(),
        "local",
        &[
            "genesis",
            "new",
            "--name",
            "meadow",
            "--test",
            "--block-time",
            "100ms",
            "--fund",
            &fund,
            "--authorities",
            &key,
        ],
    );
    let chain = root.path().join("meadow.toml");
    fs::write(&chain, &made.stdout).unwrap();
    let (chain, dir) = (chain.to_str().unwrap(), root.path().join("node"));
    fs::create_dir(&dir).unwrap();
    let mut node = TestNode::start_on(&dir, chain, &["--seal", "dev0"]);
    let payment = pay(&node);
    node.wait(&["final", &payment]);
    let receipt = prove(&node, root.path(), &payment);
    let files = ["contract", "photo", "letter"].map(|name| root.path().join(name));
    files.iter().for_each(|path| fs::write(path, path.to_str().unwrap()).unwrap());
    let [contract, photo, letter] = files.each_ref().map(|path| path.to_str().unwrap());
    let notarised = node.cli(&["notarise", contract, photo, letter, "--json"]);
    assert!(notarised.status.success(), "{}", stderr(&notarised));
    assert_eq!(node.cli(&["notarise", letter]).status.code(), Some(2), "its receipt may be worth more");
    // As after a break between two of them.
    fs::remove_file(format!("{photo}.receipt.json")).unwrap();
    let facts: Value = serde_json::from_slice(&notarised.stdout).unwrap();
    let of = |tx: &str| node.cli(&["notarise", contract, photo, letter, "--tx", tx]);
    assert_eq!(of(&payment).status.code(), Some(2), "receipts of another transaction");
    let resumed = of(facts["txid"].as_str().unwrap());
    assert!(resumed.status.success(), "{}", stderr(&resumed));
    assert_eq!(node.stop(), 0);
    // Nobody runs a node any more.
    let alone = |args: &[&str]| cli_on(&root.path().join("elsewhere"), chain, args);
    let shown = alone(&["check", &receipt]);
    assert!(shown.status.success() && stdout(&shown).contains("final: nothing undoes it"), "{}", stderr(&shown));
    // Written again by another program, in whatever order; and with a name that would drive a terminal.
    let mut again: Value = serde_json::from_slice(&fs::read(&receipt).unwrap()).unwrap();
    let other = root.path().join("other.json");
    fs::write(&other, format!("\n  {again:#}")).unwrap();
    assert!(alone(&["check", other.to_str().unwrap()]).status.success());
    again["chain"] = "a\u{1b}[2J\nstanding  final".into();
    fs::write(&other, again.to_string()).unwrap();
    let refused = alone(&["check", other.to_str().unwrap()]);
    assert!(refused.status.code() == Some(9) && !stderr(&refused).trim_end().contains(char::is_control));
    for path in [contract, photo, letter] {
        let shown = alone(&["check", path, "--json"]);
        let facts: Value = serde_json::from_slice(&shown.stdout).unwrap_or_else(|_| panic!("{}", stderr(&shown)));
        assert_eq!((&facts["ok"], &facts["file"]), (&Value::from(true), &Value::from(path)));
    }
    fs::write(photo, "changed").unwrap();
    let changed = alone(&["check", photo]);
    assert!(changed.status.code() == Some(5) && stderr(&changed).contains("was changed"), "{}", stderr(&changed));
    let beside = format!("{letter}.receipt.json");
    assert!(alone(&["check", &beside]).status.success());
    fs::rename(&beside, format!("{contract}.receipt.json")).unwrap();
    assert_eq!(alone(&["check", contract]).status.code(), Some(5), "another file's");
    assert_eq!(alone(&["check", letter]).status.code(), Some(4), "none");
}

/// All headers up to the newest final block would be in it.
#[test]
fn a_receipt_of_an_earlier_set_ends_where_the_next_one_took_over() {
    let root = TempDir::new();
    let (owner, prefix) = (SecretKey::well_known(0), &ChainSpec::local().prefix);
    let set = |from: u32| format!("[[authorities]]\nfrom = {from}\nkeys = [{:?}]\n", hex(&owner.public_key()));
    let text = format!(
        "protocol = 2\nname = \"meadow\"\naddress_prefix = {:?}\ngenesis_time = 1700000000\nblock_time = \"100ms\"\n\
         seal = \"authorities\"\nsubsidy = 5\nhalving_interval = 10\nmaturity = 1\ntest = true\n\
         [[allocations]]\naddress = {:?}\namount = 1000000000\n{}{}",
        prefix.to_string(),
        owner.address().to_text(prefix),
        set(1),
        set(3),
    );
    let chain = root.path().join("meadow.toml");
    fs::write(&chain, text).unwrap();
    let dir = root.path().join("node");
    fs::create_dir(&dir).unwrap();
    let mut node = TestNode::start_on(&dir, chain.to_str().unwrap(), &["--seal", "dev0"]);
    let first = pay(&node);
    node.wait(&["final", &first]);
    while node.status()["final"]["height"].as_u64().unwrap() < 5 {
        let payment = pay(&node);
        node.wait(&["final", &payment]);
    }
    let receipt: Receipt = serde_json::from_slice(&fs::read(prove(&node, root.path(), &first)).unwrap()).unwrap();
    let spec = ChainSpec::from_toml(&fs::read_to_string(&chain).unwrap()).unwrap();
    let proven = receipt.check(&spec).unwrap();
    let last = proven.above.last().map_or(proven.header.0.height, |(header, _)| header.height);
    assert_eq!((proven.header.0.height, last), (1, 2));
    assert_eq!(node.stop(), 0);
}
