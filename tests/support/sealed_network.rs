//! Nodes of a chain that authorities seal, as processes.

use std::{
    fs,
    sync::Arc,
    time::{Duration, Instant},
};

use tussock::{
    base::hash::hex,
    chain::{key::SecretKey, spec::ChainSpec},
};

use super::{TempDir, TestNode, cli_on, stderr, stdout};

/// Nodes of a chain that the well-known accounts 0, 1, … seal.
pub struct Network {
    /// The folder of all nodes.
    pub root: TempDir,
    /// The chain file.
    pub file: String,
    /// The chain.
    pub spec: Arc<ChainSpec>,
    /// In the order in which they were added.
    pub nodes: Vec<TestNode>,
}

impl Network {
    /// The chain alone. It has a block for each payment, 200 ms apart at least.
    pub fn new(authorities: u32) -> Self {
        let root = TempDir::new();
        let keys: Vec<String> = (0..authorities).map(|n| hex(&SecretKey::well_known(n).public_key())).collect();
        let prefix = ChainSpec::local().prefix;
        let funds = (0..10).map(|n| format!("{}=1000000000", SecretKey::well_known(n).address().to_text(&prefix)));
        let funds: Vec<String> = funds.collect();
        let mut args = vec!["genesis", "new", "--name", "sealed", "--test", "--block-time", "200ms"];
        funds.iter().for_each(|fund| args.extend(["--fund", fund]));
        args.push("--authorities");
        args.extend(keys.iter().map(String::as_str));
        let made = cli_on(root.path(), "local", &args);
        assert!(made.status.success(), "{}", stderr(&made));
        let file = root.path().join("sealed.toml");
        fs::write(&file, &made.stdout).unwrap();
        let spec = Arc::new(ChainSpec::from_toml(&stdout(&made)).unwrap());
        Self { file: file.to_str().unwrap().to_owned(), root, spec, nodes: Vec::new() }
    }

    /// With a node for each authority, linked to each other.
    pub fn up(authorities: u32) -> Self {
        let mut network = Self::new(authorities);
        for number in 0..authorities {
            network.add(Some(number));
        }
        let others = (authorities - 1).to_string();
        network.nodes.iter().for_each(|node| node.wait(&["peers", &others]));
        network
    }

    /// Starts one more node, of an authority or without a key.
    pub fn add(&mut self, authority: Option<u32>) {
        let dir = self.root.path().join(format!("node{}", self.nodes.len()));
        fs::create_dir_all(&dir).unwrap();
        let args = self.args(self.nodes.len(), authority);
        let args: Vec<&str> = args.iter().map(String::as_str).collect();
        self.nodes.push(TestNode::start_on(&dir, &self.file, &args));
    }

    /// Starts an authority's node again.
    pub fn restart(&mut self, number: usize) {
        let args = self.args(number, u32::try_from(number).ok());
        let args: Vec<&str> = args.iter().map(String::as_str).collect();
        self.nodes[number].restart(&args);
    }

    /// Starts a node that has stopped with the network's file, which may be another one than before.
    pub fn start_on_file(&mut self, number: usize, authority: Option<u32>) {
        let dir = self.nodes[number].dir.clone();
        let args = self.args(number, authority);
        let args: Vec<&str> = args.iter().map(String::as_str).collect();
        self.nodes[number] = TestNode::start_on(&dir, &self.file, &args);
    }

    /// It dials all others that run.
    fn args(&mut self, number: usize, authority: Option<u32>) -> Vec<String> {
        let mut args = vec!["--is-bootnode".to_owned()];
        if let Some(authority) = authority {
            args.extend(["--seal".to_owned(), format!("dev{authority}")]);
        }
        for (other, node) in self.nodes.iter_mut().enumerate() {
            if other != number && node.alive() {
                args.extend(["--connect".to_owned(), node.p2p().to_string()]);
            }
        }
        args
    }

    /// Pays at this node; returns the transaction.
    pub fn pay(&self, at: usize, amount: u64) -> String {
        let paid = self.nodes[at].json(&["send", "dev9", &amount.to_string(), "--from", "dev8"]);
        paid["txid"].as_str().unwrap().to_owned()
    }

    /// Pays and waits until the payment is final at this node. Returns the transaction, and how long that took.
    pub fn final_after(&self, at: usize, amount: u64) -> (String, Duration) {
        let begin = Instant::now();
        let txid = self.pay(at, amount);
        self.nodes[at].wait(&["final", &txid]);
        (txid, begin.elapsed())
    }

    /// Pays, waits until the payment is final everywhere, and says how long that took.
    pub fn pay_finally(&mut self, at: usize, amount: u64) -> Duration {
        let (txid, took) = self.final_after(at, amount);
        for node in self.nodes.iter_mut().filter_map(|node| node.alive().then_some(node)) {
            node.wait(&["final", &txid]);
            assert_eq!(node.json(&["tx", &txid])["final"], true);
        }
        took
    }
}
