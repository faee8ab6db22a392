//! A shop in another language (`tests/clients/shop.py`) that takes a thousand payments while its node and itself are restarted
//! and the network is parted.

use std::{
    collections::BTreeMap,
    io::{BufRead, BufReader},
    path::Path,
    process::{Child, ChildStdout, Command, Stdio},
    sync::mpsc::{self, Receiver},
    thread,
    time::Duration,
};

use rusqlite::Connection;
use serde_json::{Value, json};
use tussock::{
    base::hash::hex,
    chain::{
        address::Address,
        key::SecretKey,
        spec::ChainSpec,
        testkit,
        transaction::{OutPoint, Output, Transaction},
    },
    rpc::client::Client,
};

use super::support::{TempDir, TestNode};

const ORDERS: usize = 1000;
/// Coins that each of the customers splits his money into.
const SPLIT: usize = 210;
const CUSTOMERS: u32 = 5;
const PATIENCE: Duration = Duration::from_secs(120);

/// Money of customers, in coins of one size.
struct Customers {
    spec: ChainSpec,
    coins: Vec<(OutPoint, u64, SecretKey)>,
    shop: Address,
}

impl Customers {
    /// Splits the money of the first accounts; the transactions that do so.
    fn new(shop: Address) -> (Self, Vec<Transaction>) {
        let spec = ChainSpec::local();
        let genesis = &spec.genesis.transactions[0];
        let (mut coins, mut splits) = (Vec::new(), Vec::new());
        for number in 0..CUSTOMERS {
            let owner = SecretKey::well_known(number);
            let outputs = genesis.transaction.outputs.iter();
            let place = outputs.clone().position(|output| output.address == owner.address()).unwrap();
            let whole = (Transaction::outpoint(genesis.txid, place), genesis.transaction.outputs[place].amount, &owner);
            let share = (whole.1 - 100_000) / SPLIT as u64;
            let outputs = vec![Output { amount: share, address: owner.address() }; SPLIT];
            let split = testkit::spend(&[whole], outputs, b"", &spec.genesis_hash());
            let txid = split.txid();
            coins.extend((0..SPLIT).map(|at| (Transaction::outpoint(txid, at), share, SecretKey::well_known(number))));
            splits.push(split);
        }
        (Self { spec, coins, shop }, splits)
    }

    /// Pays for orders, one coin each; the coins are returned.
    fn pay(&mut self, orders: std::ops::Range<usize>) -> (Vec<Transaction>, Vec<(OutPoint, u64, SecretKey)>) {
        let coins = self.coins.split_off(self.coins.len() - orders.len());
        let payments = orders.zip(&coins).map(|(order, coin)| self.payment(coin, self.shop, order)).collect();
        (payments, coins)
    }

    fn payment(
        &self,
        (outpoint, amount, owner): &(OutPoint, u64, SecretKey),
        to: Address,
        order: usize,
    ) -> Transaction {
        let price = 1000 + order as u64;
        let change = Output { amount: amount - price - 2000, address: owner.address() };
        let outputs = vec![Output { amount: price, address: to }, change];
        let memo = format!("order {order}");
        testkit::spend(&[(*outpoint, *amount, owner)], outputs, memo.as_bytes(), &self.spec.genesis_hash())
    }
}

/// The running shop.
struct Shop {
    child: Child,
    said: Receiver<String>,
}

impl Shop {
    fn start(node: &TestNode, db: &Path, address: &str) -> Self {
        let script = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/clients/shop.py");
        let mut child = Command::new("python3")
            .arg(script)
            .args([node.dir.join("local").as_os_str(), db.as_os_str(), address.as_ref(), ORDERS.to_string().as_ref()])
            .stdout(Stdio::piped())
            .stderr(Stdio::null())
            .spawn()
            .unwrap();
        let out: ChildStdout = child.stdout.take().unwrap();
        let (sender, said) = mpsc::channel();
        thread::spawn(move || BufReader::new(out).lines().map_while(Result::ok).try_for_each(|line| sender.send(line)));
        Self { child, said }
    }

    /// Waits until the shop says that this number of orders is paid.
    fn wait(&self, orders: usize) {
        let wanted = format!("{orders} of {ORDERS} orders are paid");
        loop {
            if self.said.recv_timeout(PATIENCE).unwrap_or_else(|_| panic!("the shop never said: {wanted}")) == wanted {
                return;
            }
        }
    }
}

impl Drop for Shop {
    fn drop(&mut self) {
        drop(self.child.kill());
        drop(self.child.wait());
    }
}

fn submit(node: &TestNode, payments: &[Transaction]) {
    let cookie = std::fs::read_to_string(node.dir.join("local/rpc.cookie")).unwrap();
    let client = Client::new(node.http(), &cookie);
    for some in payments.chunks(50) {
        let calls = some.iter().map(|one| ("sendrawtransaction", json!([hex(&one.to_bytes())]))).collect();
        for (one, answer) in some.iter().zip(client.batch(calls).unwrap()) {
            assert_eq!(answer, json!(one.txid()));
        }
    }
}

fn deny(one: &TestNode, two: &TestNode) {
    one.json(&["net", "deny", &two.p2p().to_string()]);
    two.json(&["net", "deny", &one.p2p().to_string()]);
}

/// What the journal says of each payment: +1 for a credit, -1 for one that is taken back, and how many entries there are.
fn journal(db: &Connection) -> BTreeMap<String, (i64, i64)> {
    let mut payments: BTreeMap<String, (i64, i64)> = BTreeMap::new();
    let mut rows = db.prepare("SELECT event, payment FROM journal ORDER BY number").unwrap();
    let rows = rows.query_map([], |row| Ok((row.get::<_, String>(0)?, row.get::<_, String>(1)?))).unwrap();
    for (event, payment) in rows.map(Result::unwrap) {
        let entry = payments.entry(payment).or_default();
        entry.0 += if event == "confirmed" { 1 } else { -1 };
        entry.1 += 1;
        assert!((0..=1).contains(&entry.0), "credited twice, or taken back what was not credited: {entry:?}");
    }
    payments
}

#[test]
fn a_shop_credits_each_of_a_thousand_payments_once_over_restarts_and_a_partition() {
    if Command::new("python3").arg("--version").output().is_err() {
        println!("skipped: there is no python3");
        return;
    }
    let folder = TempDir::new();
    let db = folder.path().join("shop.db");
    let mut node = TestNode::start(&["--is-bootnode"]);
    let miner = TestNode::start(&["--connect", &node.p2p().to_string(), "--is-bootnode"]);
    let till = SecretKey::well_known(9).address();
    let address = till.to_text(&ChainSpec::local().prefix);
    let (mut customers, splits) = Customers::new(till);
    submit(&miner, &splits);
    miner.json(&["mine", "1"]);
    let shop = Shop::start(&node, &db, &address);

    // An ordinary day, with the node killed in the middle of it.
    let (payments, _) = customers.pay(0..400);
    for some in payments[..300].chunks(100) {
        submit(&miner, some);
        miner.json(&["mine", "1"]);
    }
    shop.wait(300);
    // The change of what the shop itself pays is no payment of a customer, whatever it says.
    let own = miner.json(&["send", "dev7", "5", "--from", "dev9", "--memo", "order 999"]);
    let listen = node.p2p().to_string();
    node.kill();
    submit(&miner, &payments[300..]);
    miner.json(&["mine", "1"]);
    node.restart(&["--is-bootnode", "--listen", &listen]);
    shop.wait(400);

    // Two sides of a partition: on the shop's, 100 orders are paid; on the other, half of the coins go to somebody else.
    deny(&node, &miner);
    let (payments, coins) = customers.pay(400..500);
    submit(&node, &payments);
    node.json(&["mine", "1"]);
    shop.wait(500);
    let elsewhere = SecretKey::well_known(8).address();
    let rivals: Vec<Transaction> =
        (400..450).zip(&coins).map(|(order, coin)| customers.payment(coin, elsewhere, order)).collect();
    submit(&miner, &rivals);
    miner.json(&["mine", "3"]);
    // The shop closes before the other side wins, and its node is restarted.
    drop(shop);
    node.json(&["net", "allow"]);
    miner.json(&["net", "allow"]);
    node.wait(&["height", &miner.height().to_string()]);
    node.stop();
    node.restart(&["--is-bootnode", "--listen", &listen]);
    let shop = Shop::start(&node, &db, &address);
    shop.wait(400);

    // The payments that were undone and still can be confirmed are; those who spent the coins elsewhere pay again.
    submit_missing(&miner, &payments[50..]);
    let (again, _) = customers.pay(400..450);
    submit(&miner, &again);
    let (payments, _) = customers.pay(500..ORDERS);
    for some in payments.chunks(250) {
        submit(&miner, some);
        miner.json(&["mine", "1"]);
    }
    shop.wait(ORDERS);
    drop(shop);
    let db = Connection::open(&db).unwrap();
    judge(&db, &node, 5 + own["fee"].as_u64().unwrap());
}

/// Submits what the node does not have yet: it may have heard of it from its peer.
fn submit_missing(node: &TestNode, payments: &[Transaction]) {
    let cookie = std::fs::read_to_string(node.dir.join("local/rpc.cookie")).unwrap();
    let client = Client::new(node.http(), &cookie);
    for one in payments {
        drop(client.call("sendrawtransaction", json!([hex(&one.to_bytes())])));
    }
}

fn judge(db: &Connection, node: &TestNode, spent: u64) {
    let payments = journal(db);
    let credited = payments.values().filter(|(sum, _)| *sum == 1).count();
    assert_eq!(credited, ORDERS);
    let (undone, lost) = (payments.values().filter(|(_, entries)| *entries > 1), |entry: &&(i64, i64)| entry.0 == 0);
    assert_eq!((undone.clone().count(), undone.filter(lost).count()), (100, 50));
    let sums = "SELECT count(*), count(DISTINCT memo), sum(amount) FROM credits";
    let numbers: [i64; 3] = db.query_row(sums, [], |row| Ok([row.get(0)?, row.get(1)?, row.get(2)?])).unwrap();
    let [rows, orders, sum] = numbers.map(|number| u64::try_from(number).unwrap());
    assert_eq!((rows, orders), (ORDERS as u64, ORDERS as u64));
    assert_eq!(sum, (0..ORDERS as u64).map(|order| 1000 + order).sum::<u64>());
    let answer: Value = node.json(&["balance", "dev9"]);
    let own: u64 = ChainSpec::local().genesis.transactions[0]
        .transaction
        .outputs
        .iter()
        .filter(|output| output.address == SecretKey::well_known(9).address())
        .map(|output| output.amount)
        .sum();
    assert_eq!(answer["confirmed"].as_u64(), Some(own + sum - spent), "{answer}");
}
