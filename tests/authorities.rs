//! Chains that authorities seal, from outside: real processes on loopback.

use std::{
    collections::BTreeMap,
    fs,
    net::SocketAddr,
    path::PathBuf,
    sync::Arc,
    thread,
    time::{Duration, Instant},
};

use serde_json::{Value, json};
use tussock::{
    base::hash::{Hash, hex},
    chain::{
        block::HashedBlock,
        header::Header,
        key::SecretKey,
        seal::{Seal, SignedVote, Stage, Statement, Votes},
        spec::ChainSpec,
        testkit::{self, BlockMaker},
    },
    wire::{frame::Frame, message::Message},
};

use crate::support::{TempDir, TestNode, cli_on, peer::RawPeer, sealed_network::Network, stderr, stdout};

/// How long something may take that takes a second.
const PATIENCE: Duration = Duration::from_secs(60);

/// Makes another file of the same chain, with one more set.
fn change(network: &Network, from: u64, args: &[&str]) -> String {
    let file = network.root.path().join(format!("from-{from}.toml"));
    fs::copy(&network.file, &file).unwrap();
    let (file, from) = (file.to_str().unwrap().to_owned(), from.to_string());
    let args = [&["genesis", "authorities", &file, "--from", &from], args].concat();
    let changed = cli_on(network.root.path(), "local", &args);
    assert!(changed.status.success(), "{}", stderr(&changed));
    file
}

fn public(number: u32) -> String {
    hex(&SecretKey::well_known(number).public_key())
}

/// Looks again and again until `look` finds something. Each look asks a node, which takes its time.
fn until<T>(what: &str, mut look: impl FnMut() -> Option<T>) -> T {
    let deadline = Instant::now() + PATIENCE;
    loop {
        if let Some(found) = look() {
            return found;
        }
        assert!(Instant::now() < deadline, "{what}");
    }
}

fn final_height(node: &TestNode) -> u64 {
    node.status()["final"]["height"].as_u64().unwrap()
}

fn hindrance(node: &TestNode, id: &str) -> Option<Value> {
    node.status()["hindrances"].as_array().unwrap().iter().find(|one| one["id"] == id).cloned()
}

#[test]
fn four_authorities_bear_the_loss_of_one_say_why_nothing_moves_without_two_and_go_on() {
    let mut network = Network::up(4);
    for at in 0..4 {
        network.pay_finally(at, 5);
    }
    let status = network.nodes[1].status();
    assert!(status["final"]["height"].as_u64().unwrap() >= 1);
    assert_eq!(status["sealing"]["own"], 1);
    assert_eq!(status["authorities"].as_array().unwrap().len(), 4);
    let tip = network.nodes[0].json(&["block", "tip"]);
    assert!(tip["seal"]["view"].as_u64().unwrap() >= tip["height"].as_u64().unwrap(), "{tip}");
    assert!(tip["target"].is_null());

    network.nodes[3].kill();
    for _ in 0..3 {
        network.pay_finally(0, 6);
    }

    network.nodes[2].kill();
    // At rest nobody votes, so that nobody can be certain.
    let doubt = until("status says that too few may be there", || hindrance(&network.nodes[0], "no_quorum"));
    assert!(doubt["text"].as_str().unwrap().starts_with("2 of 4") && doubt["blocks"] == json!([]), "{doubt}");
    let status = network.nodes[0].status();
    let (state, reason) = (&status["state"], status["reason"].as_str().unwrap());
    assert!(state == "synced" && reason.contains("; but 2 of 4 authorities were last heard over links"), "{status}");
    let (shown, report) = (stdout(&network.nodes[0].cli(&["status"])), stdout(&network.nodes[0].cli(&["doctor"])));
    assert!([shown, report].iter().all(|text| text.contains("missing: 2 (key")), "{status}");
    let before = final_height(&network.nodes[0]);
    let waiting = network.pay(0, 7);
    let is_certain = |why: &Value| why["blocks"] != json!([]);
    let why =
        until("status says why nothing is final", || hindrance(&network.nodes[0], "no_quorum").filter(is_certain));
    assert!(why["text"].as_str().unwrap().contains("of 4"), "{why}");
    assert_eq!(final_height(&network.nodes[0]), before);
    assert_eq!(network.nodes[0].json(&["tx", &waiting])["final"], false);
    let late = network.nodes[1].cli(&["wait", "final", &waiting, "--timeout", "0.2"]);
    let words = stderr(&late);
    assert!(late.status.code() == Some(6) && words.matches("of 4 authorities").count() == 1, "said once: {words}");
    let late = network.nodes[1].cli(&["send", "dev9", "7", "--from", "dev8", "--wait", "--timeout", "2"]);
    let words = stderr(&late);
    assert!(late.status.code() == Some(6) && words.matches("of 4 authorities").count() == 1, "why: {words}");

    network.restart(2);
    network.restart(3);
    network.nodes.iter().for_each(|node| node.wait(&["final", &waiting]));
    until("the hindrance is over", || hindrance(&network.nodes[0], "no_quorum").is_none().then_some(()));
    network.pay_finally(3, 8);
}

#[test]
fn a_node_without_a_key_follows_verifies_and_hands_the_chain_on() {
    let mut network = Network::up(1);
    for amount in 1..4 {
        network.pay_finally(0, amount);
    }
    network.add(None);
    network.nodes[1].wait(&["height", &network.nodes[0].height().to_string()]);
    let last = network.pay(1, 9);
    network.nodes.iter().for_each(|node| node.wait(&["final", &last]));
    let follower = network.nodes[1].status();
    assert!(follower["sealing"]["own"].is_null());
    let digest = follower["state_digest"].clone();
    assert_eq!(network.nodes[1].stop(), 0);
    let dir = network.nodes[1].dir.clone();
    let on = |dir: &PathBuf, args: &[&str]| {
        let output = cli_on(dir, &network.file, args);
        assert!(output.status.success(), "{args:?}: {}", stderr(&output));
        output
    };
    let verified: Value = serde_json::from_slice(&on(&dir, &["verify", "--deep", "--json"]).stdout).unwrap();
    assert_eq!((&verified["ok"], &verified["state_digest"]), (&true.into(), &digest));
    let (export, other) = (network.root.path().join("export"), network.root.path().join("other"));
    on(&dir, &["chain", "export", export.to_str().unwrap()]);
    on(&other, &["chain", "import", export.to_str().unwrap()]);
    // Nothing in the export certifies its last block.
    let imported: Value = serde_json::from_slice(&on(&other, &["verify", "--deep", "--json"]).stdout).unwrap();
    let below = verified["height"].as_u64().unwrap() - 1;
    assert_eq!((&imported["ok"], imported["height"].as_u64()), (&true.into(), Some(below)));
}

#[test]
fn a_vote_that_its_signer_did_not_sign_costs_its_sender() {
    let network = Network::up(1);
    let (address, genesis) = (network.nodes[0].p2p(), network.spec.genesis_hash());
    let honest = RawPeer::handshaken(address, &network.spec);
    let mut culprit = RawPeer::handshaken(address, &network.spec);
    let mut vote = SignedVote::sign(Statement::skip(0, 1), 0, 5, &SecretKey::well_known(0), &genesis);
    vote.vote.signature[7] ^= 1;
    culprit.send(&Message::Vote(vote));
    culprit.goodbye();
    let points = || network.nodes[0].json(&["peers"])[0]["score"].as_u64();
    until("points", || points().filter(|points| *points > 0));
    assert_eq!(points(), Some(50));
    drop(honest);
}

/// Collects all votes that a node passes on, until the node closes.
fn listen(address: SocketAddr, spec: &Arc<ChainSpec>) -> thread::JoinHandle<Vec<SignedVote>> {
    let mut peer = RawPeer::handshaken(address, spec);
    thread::spawn(move || {
        let mut votes = Vec::new();
        while let Some(message) = peer.read_within(2 * PATIENCE).flatten() {
            match message {
                Message::Vote(vote) => votes.push(vote),
                Message::Certificate(certificate) => votes.extend(certificate.signed_votes()),
                Message::Ping { nonce, .. } => peer.send(&Message::Pong(nonce)),
                Message::GetSync(_) => peer.send(&Message::Sync(tussock::base::codec::List::EMPTY)),
                _ => {}
            }
        }
        votes
    })
}

/// No authority says two things that exclude each other: two blocks in one view, or finality and skip of one view.
fn assert_honest(votes: &[SignedVote]) {
    let mut said: BTreeMap<(u8, u64, Stage), Hash> = BTreeMap::new();
    for vote in votes {
        let Statement { stage, view, block, .. } = vote.statement;
        let first = said.entry((vote.signer, view, stage)).or_insert(block);
        assert_eq!(*first, block, "authority {} said two things in view {view}", vote.signer);
        for (one, other) in [(Stage::Skip, Stage::Finalize), (Stage::Finalize, Stage::Skip)] {
            let lied = stage == one && said.contains_key(&(vote.signer, view, other));
            assert!(!lied, "authority {} skipped and finalized view {view}", vote.signer);
        }
    }
}

/// Kills of an authority; `TUSSOCK_KILLS` sets more.
const KILLS: usize = 6;

#[test]
fn an_authority_that_is_killed_never_votes_twice() {
    let kills = std::env::var("TUSSOCK_KILLS").ok().and_then(|text| text.parse().ok()).unwrap_or(KILLS);
    let mut network = Network::up(4);
    // Of a node that is not killed, so that the listener stays.
    let listener = listen(network.nodes[0].p2p(), &network.spec);
    for kill in 0..kills {
        let victim = 1 + kill % 3;
        // The blow falls while the payment is voted on.
        let payment = network.pay(0, 10 + kill as u64);
        network.nodes[victim].kill();
        network.nodes[0].wait(&["final", &payment]);
        network.restart(victim);
        network.nodes[victim].wait(&["final", &payment]);
    }
    network.pay_finally(1, 3);
    network.nodes[0].stop();
    let votes = listener.join().unwrap();
    let signers: Vec<u8> = (0..4).filter(|signer| votes.iter().any(|vote| vote.signer == *signer)).collect();
    assert_eq!(signers, [0, 1, 2, 3], "the listener heard all");
    assert_honest(&votes);
}

#[test]
fn one_authority_joins_and_one_leaves_at_a_height_and_a_node_without_the_new_file_says_so_and_waits() {
    let mut network = Network::up(4);
    // It gets the new file late.
    network.add(None);
    network.pay_finally(0, 5);
    let (old, from) = (network.file.clone(), network.nodes[0].height() + 3);
    network.file = change(&network, from, &["--add", &public(4), "--remove", &public(0)]);
    for number in 0..4 {
        assert_eq!(network.nodes[number].stop(), 0);
        network.start_on_file(number, Some(number as u32));
    }
    network.add(Some(4));
    let until_set = network.nodes[1].status()["sealing"]["until"].as_u64();
    assert_eq!((until_set, &network.nodes[5].status()["sealing"]["own"]), (Some(from - 1), &Value::Null));
    let paid = |network: &Network, amount| {
        let txid = network.pay(0, amount);
        [0, 1, 2, 3, 5].iter().for_each(|at| network.nodes[*at].wait(&["final", &txid]));
    };
    while network.nodes[1].height() < from + 2 {
        paid(&network, 6);
    }
    for (at, own) in [(0, Value::Null), (1, 0.into()), (3, 2.into()), (5, 3.into())] {
        let status = network.nodes[at].status();
        assert_eq!((&status["sealing"]["epoch"], &status["sealing"]["own"]), (&1.into(), &own), "node {at}");
        assert_eq!(status["authorities"].as_array().unwrap().len(), 4);
    }
    // The one that left is not needed, and of the others one may fail: the one that joined votes.
    network.nodes[0].kill();
    network.nodes[1].kill();
    let txid = network.pay(5, 7);
    [2, 3, 5].iter().for_each(|at| network.nodes[*at].wait(&["final", &txid]));

    let waits = until("it says what it lacks", || hindrance(&network.nodes[4], "unknown_authorities"));
    assert!(waits["text"].as_str().unwrap().contains(&format!("block {}", from - 1)), "{waits}");
    assert_eq!(network.nodes[4].height(), from - 2);
    assert_ne!(network.nodes[4].status()["state"], "synced");
    let dir = network.nodes[4].dir.clone();
    assert_eq!(network.nodes[4].stop(), 0);
    network.start_on_file(4, None);
    network.nodes[4].wait(&["final", &txid]);

    // Whoever has followed the change does not start with the file from before it, nor with one that changes the past.
    assert_eq!(network.nodes[4].stop(), 0);
    let past = change(&network, from + 1, &["--remove", &public(2)]);
    for file in [&old, &past] {
        let refused = cli_on(&dir, file, &["run", "--listen", "127.0.0.1:0"]);
        assert_eq!(refused.status.code(), Some(9), "{}", stderr(&refused));
    }
    // From nothing, over the change.
    network.nodes[4].kill();
    network.add(None);
    network.nodes[6].wait(&["final", &txid]);
}

#[test]
fn operators_continue_a_chain_whose_quorum_is_lost_from_its_last_final_block() {
    let mut network = Network::up(4);
    network.pay_finally(0, 5);
    let first = network.nodes[0].status();
    let before = first["tip"].as_str().unwrap().to_owned();
    network.pay_finally(1, 6);
    let last = network.nodes[0].status()["final"].clone();
    let hash = last["hash"].as_str().unwrap().to_owned();
    [3, 2].iter().for_each(|at| network.nodes[*at].kill());
    [1, 0].iter().for_each(|at| assert_eq!(network.nodes[*at].stop(), 0));
    let (dir, old) = (network.nodes[0].dir.clone(), network.file.clone());
    let file = network.root.path().join("continued.toml");
    fs::copy(&old, &file).unwrap();
    network.file = file.to_str().unwrap().to_owned();
    let command = |from: &str| {
        let lost = [public(2), public(3)];
        cli_on(&dir, &old, &["authorities", "continue", &network.file, "--from", from, "--remove", &lost[0], &lost[1]])
    };
    // Without a file it is the one that --chain names.
    let named = cli_on(&dir, &network.file, &["authorities", "continue", "--from", &before]);
    assert_eq!(named.status.code(), Some(5), "{}", stderr(&named));
    let refused = command(&before);
    assert_eq!(refused.status.code(), Some(5), "{}", stderr(&refused));
    assert_eq!(command(&"07".repeat(32)).status.code(), Some(4));
    assert_eq!(command(&hash[..7]).status.code(), Some(2));
    assert_eq!(command("07070707").status.code(), Some(5), "not the last final block's digits");
    // As status shows it.
    let continued = command(&format!("{}…", &hash[..8]));
    assert!(continued.status.success(), "{}", stderr(&continued));
    [0, 1].iter().for_each(|at| network.start_on_file(*at, Some(*at as u32)));
    for at in [0, 1] {
        network.pay_finally(at, 7);
    }
    let status = network.nodes[1].status();
    let height = last["height"].as_u64().unwrap();
    assert_eq!((&status["sealing"]["epoch"], status["authorities"].as_array().unwrap().len()), (&1.into(), 2));
    assert!(
        status["final"]["height"].as_u64().unwrap() >= height + 2 && status["sealing"]["view"].as_u64() > Some(1 << 32)
    );
    // A newcomer takes the operators' word.
    network.add(None);
    network.nodes[4].wait(&["height", &network.nodes[0].height().to_string()]);
    // Whoever has not been told says so, and blames nobody.
    let new = std::mem::replace(&mut network.file, old.clone());
    network.start_on_file(2, Some(2));
    let said = until("it says what it lacks", || hindrance(&network.nodes[2], "unknown_authorities"));
    assert!(said["text"].as_str().unwrap().contains(&format!("block {} hands over", height + 1)), "{said}");
    let peers = network.nodes[2].status()["peers"].clone();
    assert!(peers["outbound"].as_u64().unwrap() + peers["inbound"].as_u64().unwrap() >= 1, "{peers}");
    until("it says so where it says that it is synced", || {
        let reason = network.nodes[2].status()["reason"].as_str().unwrap().to_owned();
        reason.contains(&format!("block {} hands over", height + 1)).then_some(())
    });
    assert_eq!(network.nodes[2].stop(), 0);
    network.file = new;
    // Whoever has another block there does not start.
    let text = fs::read_to_string(&network.file).unwrap();
    let dir = network.nodes[2].dir.clone();
    let refused = |other: &str| {
        fs::write(&file, other).unwrap();
        let refused = cli_on(&dir, &network.file, &["run", "--listen", "127.0.0.1:0"]);
        assert_eq!(refused.status.code(), Some(9), "{}", stderr(&refused));
        stderr(&refused)
    };
    refused(&text.replace(&hash, &before));
    // Nor does it give up what is final, for a file that continues from below.
    let below = first["height"].as_u64().unwrap() + 1;
    let lower = text.replace(&hash, &before).replace(&format!("from = {}\n", height + 1), &format!("from = {below}\n"));
    let words = refused(&lower);
    assert!(words.contains("undoes it") && !words.contains("move ledger.db away"), "{words}");
}

#[test]
fn an_intruder_with_the_chain_file_makes_no_block() {
    let mut network = Network::up(1);
    network.pay_finally(0, 1);
    let height = network.nodes[0].height();
    let foreign = SecretKey::from_seed([77; 32]);
    let dir = network.root.path().join("intruder");
    fs::create_dir_all(&dir).unwrap();
    fs::write(dir.join("foreign.secret"), hex(&foreign.seed())).unwrap();
    let secret = dir.join("foreign.secret");
    for (flag, value) in [("--mine", "dev3"), ("--seal", "dev3"), ("--seal", secret.to_str().unwrap())] {
        let refused = cli_on(&dir, &network.file, &["run", flag, value]);
        assert_eq!(refused.status.code(), Some(2), "{}", stderr(&refused));
    }
    // And on the wire: votes and a proposal that no authority signed.
    let mut peer = RawPeer::handshaken(network.nodes[0].p2p(), &network.spec);
    let genesis = network.spec.genesis_hash();
    for view in 1..20 {
        let statement = Statement::skip(0, height + view);
        peer.send(&Message::Vote(SignedVote::sign(statement, 0, 1, &foreign, &genesis)));
    }
    let address = network.nodes[0].p2p();
    let mut other = RawPeer::handshaken(address, &network.spec);
    other.send(&Message::Proposal { signature: [7; 64], block: network.spec.genesis.bytes.clone() });
    let txid = network.pay(0, 2);
    network.nodes[0].wait(&["final", &txid]);
    assert_eq!(network.nodes[0].height(), height + 1, "the payment's block alone was made");
}

/// The votes for a block are in the next one. One without votes once showed that the block before it counts.
#[test]
fn an_import_takes_no_block_for_which_nobody_voted() {
    let root = TempDir::new();
    let keys: Vec<String> = (0..4).map(|n| hex(&testkit::authority_key(n).public_key())).collect();
    let text = format!(
        "protocol = 2\nname = \"sealed\"\naddress_prefix = \"ltus\"\ngenesis_time = 1700000000\nblock_time = \"200ms\"\n\
         subsidy = 5\nhalving_interval = 10\nmaturity = 1\nseal = \"authorities\"\nauthorities = {keys:?}\n"
    );
    let spec = Arc::new(ChainSpec::from_toml(&text).unwrap());
    let mut maker = BlockMaker::new(spec.clone());
    let payee = SecretKey::well_known(0).address();
    let mut blocks = maker.empty_blocks(3, payee);
    let next = maker.next_block(Vec::new(), payee);
    let mut seal = next.header.authority_seal().unwrap().clone();
    seal.parent_votes = Votes::default();
    let header = Header { seal: Seal::Authorities(Box::new(seal)), ..next.header.clone() };
    blocks.push(HashedBlock::new(header, next.transactions));
    let frame = |block: &HashedBlock| Frame::new(&Message::Block(block.bytes.clone())).to_bytes(spec.magic());
    let (chain, export) = (root.path().join("sealed.toml"), root.path().join("export"));
    fs::write(&chain, text).unwrap();
    fs::write(&export, blocks.iter().flat_map(frame).collect::<Vec<u8>>()).unwrap();
    let (dir, chain) = (root.path().join("node"), chain.to_str().unwrap());
    let imported = cli_on(&dir, chain, &["chain", "import", export.to_str().unwrap(), "--json"]);
    let problem = "block 4 does not show that block 3 is notarised";
    assert!(imported.status.code() == Some(5) && stderr(&imported).contains(problem), "{}", stderr(&imported));
    let verified = cli_on(&dir, chain, &["verify", "--json"]);
    let facts: Value = serde_json::from_slice(&verified.stdout).unwrap_or_else(|_| panic!("{}", stderr(&verified)));
    assert!(facts["height"].as_u64().unwrap() < 3, "{facts}");
}

/// It ended well, with the blocks before the set that was lacking.
#[test]
fn an_import_says_that_the_chain_s_file_lacks_a_set_of_authorities() {
    let root = TempDir::new();
    let keys = |numbers: std::ops::Range<usize>| {
        let keys: Vec<String> = numbers.map(|n| hex(&testkit::authority_key(n).public_key())).collect();
        format!("{keys:?}")
    };
    let head = "protocol = 2\nname = \"sealed\"\naddress_prefix = \"ltus\"\ngenesis_time = 1700000000\nblock_time = \"200ms\"\n\
                subsidy = 5\nhalving_interval = 10\nmaturity = 1\nseal = \"authorities\"\n";
    let old = format!("{head}[[authorities]]\nfrom = 1\nkeys = {}\n", keys(0..4));
    let new = format!("{old}[[authorities]]\nfrom = 4\nkeys = {}\n", keys(0..5));
    let spec = Arc::new(ChainSpec::from_toml(&new).unwrap());
    let blocks = BlockMaker::new(spec.clone()).empty_blocks(6, SecretKey::well_known(0).address());
    let frame = |block: &HashedBlock| Frame::new(&Message::Block(block.bytes.clone())).to_bytes(spec.magic());
    let export = root.path().join("export");
    fs::write(&export, blocks.iter().flat_map(frame).collect::<Vec<u8>>()).unwrap();
    let import = |name: &str, text: &str| {
        let file = root.path().join(format!("{name}.toml"));
        fs::write(&file, text).unwrap();
        let dir = root.path().join(name);
        cli_on(&dir, file.to_str().unwrap(), &["chain", "import", export.to_str().unwrap()])
    };
    let whole = import("new", &new);
    assert!(whole.status.success() && stdout(&whole).contains("height 5"), "{} {}", stdout(&whole), stderr(&whole));
    let lacking = import("old", &old);
    assert!(!lacking.status.success() && stderr(&lacking).contains("block 3"), "{}", stderr(&lacking));
    assert!(stderr(&lacking).contains("authorities"), "{}", stderr(&lacking));
}
