#!/usr/bin/env bash
# The crate little_raft: of four nodes two elect a leader, so that there are two leaders, and both commit their own entries.
#
# Guess: an implementation of Raft has at most one leader in a term, for any number of nodes, since a leader needs more than half of
# the votes: of four nodes three. If a network falls into two halves, neither half does anything until they meet again.
# Happens: votes are counted with the node's own, but compared with half of the others: two votes of four are enough. Each half
# elects a leader, and if both were candidates at the same time, as nodes are that lose each other, of the same term. When the
# halves meet, an entry of the same place and term counts as the same entry, whatever is in it: each leader has its own confirmed
# by the other half, commits and applies it. The nodes differ from then on, and no error says so. Five nodes are right.
# Hurts: clusters of four, as while a node of three is replaced, or of six: one payment is confirmed to one client, and another in
# its place to the other.
# Way out: an odd number of nodes, also on the way from one number to the next.
# (Needs cargo. The network is a queue for each node; it falls apart before the first election, and heals after a second.)
set -euo pipefail
dir=$(mktemp -d)
trap 'rm -rf "$dir"' EXIT
cd "$dir"
mkdir src
cat >Cargo.toml <<'TOML'
[package]
name = "finding"
version = "0.0.0"
edition = "2021"
[dependencies]
little_raft = "=0.2.0"
crossbeam-channel = "0.5"
[profile.dev]
debug = 0
incremental = false
[workspace]
TOML
cat >src/main.rs <<'RUST'
use crossbeam_channel::{unbounded, Receiver, Sender};
use little_raft::{cluster::Cluster, message::Message, replica::Replica, state_machine::*};
use std::sync::{atomic::{AtomicBool, Ordering::SeqCst}, Arc, Mutex};
use std::{thread::{sleep, spawn}, time::Duration};

#[derive(Clone, Debug, PartialEq)]
struct Payment(&'static str);
impl StateMachineTransition for Payment {
    type TransitionID = &'static str;
    fn get_id(&self) -> &'static str {
        self.0
    }
}

#[derive(Default)]
struct Machine {
    pending: Vec<Payment>,
    applied: Vec<&'static str>,
    committed: Vec<&'static str>,
}
impl StateMachine<Payment, ()> for Machine {
    fn register_transition_state(&mut self, id: &'static str, state: TransitionState) {
        if state == TransitionState::Committed && !id.is_empty() {
            self.committed.push(id);
        }
    }
    fn apply_transition(&mut self, payment: Payment) {
        if !payment.0.is_empty() {
            self.applied.push(payment.0);
        }
    }
    fn get_pending_transitions(&mut self) -> Vec<Payment> {
        std::mem::take(&mut self.pending)
    }
    fn get_snapshot(&mut self) -> Option<Snapshot<()>> {
        None
    }
    fn create_snapshot(&mut self, last_included_index: usize, last_included_term: usize) -> Snapshot<()> {
        Snapshot { last_included_index, last_included_term, data: () }
    }
    fn set_snapshot(&mut self, _: Snapshot<()>) {}
}

/// What all nodes share: their queues, who leads, and whether the network is cut.
struct Network {
    queues: Vec<Mutex<Vec<Message<Payment, ()>>>>,
    wake: Vec<Sender<()>>,
    leads: Vec<AtomicBool>,
    cut: AtomicBool,
}
struct Node(usize, Arc<Network>);
impl Cluster<Payment, ()> for Node {
    fn send_message(&mut self, to: usize, message: Message<Payment, ()>) {
        if !self.1.cut.load(SeqCst) || (self.0 < 2) == (to < 2) {
            self.1.queues[to].lock().unwrap().push(message);
            self.1.wake[to].send(()).unwrap();
        }
    }
    fn receive_messages(&mut self) -> Vec<Message<Payment, ()>> {
        std::mem::take(&mut self.1.queues[self.0].lock().unwrap())
    }
    fn halt(&self) -> bool {
        false
    }
    fn register_leader(&mut self, leader: Option<usize>) {
        self.1.leads[self.0].store(leader == Some(self.0), SeqCst);
    }
}

fn start(id: usize, network: &Arc<Network>, woken: Receiver<()>, ask: Receiver<()>, machine: &Arc<Mutex<Machine>>) {
    let peers = (0..network.queues.len()).filter(|&peer| peer != id).collect();
    let (node, machine) = (Arc::new(Mutex::new(Node(id, network.clone()))), machine.clone());
    spawn(move || {
        let long = (Duration::from_secs(60), Duration::from_secs(61));
        Replica::new(id, peers, node, machine, 0, Payment(""), Duration::from_millis(20), long).start(woken, ask)
    });
}

/// Nodes 0 and 1 here, the others there. The first of each side is a candidate at once, the rest votes. Who leads, what each has.
fn run(size: usize) -> (Vec<usize>, Vec<Machine>) {
    let (wake, woken): (Vec<_>, Vec<_>) = (0..size).map(|_| unbounded()).unzip();
    let network = Arc::new(Network {
        queues: (0..size).map(|_| Mutex::default()).collect(),
        wake,
        leads: (0..size).map(|_| AtomicBool::new(false)).collect(),
        cut: AtomicBool::new(true),
    });
    let machines: Vec<Arc<Mutex<Machine>>> = (0..size).map(|_| Arc::default()).collect();
    let (asks, asked): (Vec<_>, Vec<_>) = (0..size).map(|_| unbounded()).unzip();
    for group in [vec![0, 2], (0..size).filter(|&id| id != 0 && id != 2).collect()] {
        for id in group {
            start(id, &network, woken[id].clone(), asked[id].clone(), &machines[id]);
        }
        sleep(Duration::from_millis(500));
    }
    let leaders: Vec<usize> = (0..size).filter(|&id| network.leads[id].load(SeqCst)).collect();
    for &id in &leaders {
        machines[id].lock().unwrap().pending.push(Payment(["to Anna", "", "to Bert"][id]));
        asks[id].send(()).unwrap();
    }
    sleep(Duration::from_millis(1000));
    network.cut.store(false, SeqCst);
    sleep(Duration::from_millis(1500));
    std::mem::forget(asks); // the replicas run until the program ends
    (leaders, machines.iter().map(|machine| std::mem::take(&mut *machine.lock().unwrap())).collect())
}

fn main() {
    println!("little_raft 0.2.0");
    for size in [4, 5] {
        let (leaders, machines) = run(size);
        println!("{size} nodes, 0 and 1 apart from the others: leaders {leaders:?}");
        for (id, machine) in machines.iter().enumerate() {
            println!("  node {id} has applied {:?}, committed as leader {:?}", machine.applied, machine.committed);
        }
        if size == 4 {
            assert_eq!(leaders, [0, 2]);
            assert!(machines[..2].iter().all(|machine| machine.applied == ["to Anna"]));
            assert!(machines[2..].iter().all(|machine| machine.applied == ["to Bert"]));
            assert_eq!((&machines[0].committed, &machines[2].committed), (&vec!["to Anna"], &vec!["to Bert"]));
        } else {
            assert_eq!(leaders, [2]);
            assert!(machines[2..].iter().all(|machine| machine.applied == ["to Bert"]));
        }
    }
    println!("as described: half of the nodes is a majority");
    std::process::exit(0);
}
RUST
cargo run --quiet
