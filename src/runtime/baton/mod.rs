//! The thread tests' harness: whole nodes on their real threads and channels, one step at a time.
//!
//! A [`Stage`] holds a baton, and a worker takes a step only while it has it. Who gets it next is drawn from a seed,
//! so that a run explores one interleaving of threads out of many, and the same seed gives the same run, step for
//! step ([`Stage::digest`]). Sockets are replaced by [`wires`]; time is virtual: a step costs a few microseconds, and
//! when nobody has anything to do the clock jumps to the next deadline.
//!
//! What runs here is what runs in production: the worker loop, the inboxes and their limits, the way of actions,
//! the pending commands. Only the pace, the clock and the sockets are others.

mod pace;
mod wires;

use std::{net::SocketAddr, sync::Arc, thread, time::Duration};

use crossbeam_channel::{Sender, bounded};

use crate::{
    base::{
        hash::{Domain, Hash},
        rng::Rng,
        time::{Time, UnixTime},
    },
    link::delivery::Delivery,
    node::{
        RoleId, Roles,
        command::{Command, Reply},
    },
    runtime::{
        channels::{self, Router},
        clock::{Clock, ManualClock},
        node::VERIFY_STACK_BYTES,
        status::{SharedStatus, Status},
        stop::{StopReason, Stopper},
        worker::Worker,
    },
};
use pace::{Batons, Report};
use wires::{NodeNet, Wires};

pub use wires::Script;

/// The unix second at which virtual time starts.
const START: UnixTime = UnixTime(1_800_000_000);
/// Steps after which a run counts as one that never comes to rest.
const MAX_STEPS: u64 = 20_000_000;
/// The longest time that one step takes, microseconds.
const STEP_MICROS: u64 = 20;

/// Names a node on a stage.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct NodeIndex(usize);

/// The answer to a command, once there is one.
#[derive(Clone)]
pub struct Answer(crossbeam_channel::Receiver<Reply>);

impl Answer {
    /// Takes the answer. A command has exactly one.
    pub fn take(&self) -> Option<Reply> {
        self.0.try_recv().ok()
    }
}

/// Nodes under one baton.
pub struct Stage {
    clock: Arc<ManualClock>,
    rng: Rng,
    nodes: Vec<StagedNode>,
    wires: Wires,
    steps: u64,
    digest: Hash,
}

struct StagedNode {
    router: Arc<Router>,
    status: Arc<SharedStatus>,
    net: NodeNet,
    workers: Vec<StagedWorker>,
}

struct StagedWorker {
    id: RoleId,
    batons: Batons,
    /// Whether there is something in its inboxes.
    has_mail: Box<dyn Fn() -> bool + Send>,
    /// It found nothing to do; until when. `None`: it may have something to do.
    resting: Option<Option<Time>>,
    /// Dropped to stop it.
    stop: Option<Sender<()>>,
    thread: Option<thread::JoinHandle<()>>,
}

/// Something that could happen next.
#[derive(Clone, Copy, Debug)]
enum Move {
    Worker { node: usize, worker: usize },
    Net(wires::NetMove),
}

impl Stage {
    /// An empty stage. Equal seeds give equal runs. `magic` is the network's.
    pub fn new(seed: u64, magic: [u8; 4]) -> Self {
        let mut rng = Rng::from_number(seed);
        let wires = Wires::new(magic, rng.fork("wires"));
        Self { clock: Arc::new(ManualClock::new(START)), rng, nodes: Vec::new(), wires, steps: 0, digest: Hash::ZERO }
    }

    /// Starts a node's threads. It can be dialled at `listen`.
    pub fn add_node(&mut self, listen: Option<SocketAddr>, roles: Roles) -> NodeIndex {
        let status = Arc::<SharedStatus>::default();
        let ids: Vec<RoleId> = roles.iter().map(|(id, _)| *id).collect();
        let (wake_net, woken) = wires::wake_flag();
        let channels = channels::open(&ids, wake_net, Arc::clone(&status), Arc::new(Stopper::new()));
        let router = Arc::new(channels.router);
        let net = NodeNet::new(listen, Delivery::new(channels.sink), channels.orders, woken);
        let mut workers = Vec::new();
        for ((id, role), inbox) in roles.into_iter().zip(channels.inboxes) {
            let (pace, batons) = pace::pair();
            let (stop, stopped) = bounded(0);
            let has_mail = Box::new(inbox.probe());
            let (router, clock) = (Arc::clone(&router), Arc::clone(&self.clock));
            let worker = Worker { id, role, inbox, router, clock, pace: Box::new(pace), stop: stopped, before_wake: 0 };
            let thread = thread::Builder::new().name(id.name().to_owned()).stack_size(VERIFY_STACK_BYTES);
            let thread = thread.spawn(move || worker.run()).expect("a test host can start a thread");
            let (stop, thread) = (Some(stop), Some(thread));
            workers.push(StagedWorker { id, batons, has_mail, resting: None, stop, thread });
        }
        self.nodes.push(StagedNode { router, status, net, workers });
        NodeIndex(self.nodes.len() - 1)
    }

    /// Virtual time since the stage was made.
    pub fn now(&self) -> Time {
        self.clock.now().mono
    }

    /// What a node reports of itself.
    pub fn status(&self, node: NodeIndex) -> Status {
        self.nodes[node.0].status.snapshot()
    }

    /// Why a node wants to stop, or has stopped.
    pub fn stop_reason(&self, node: NodeIndex) -> Option<StopReason> {
        self.nodes[node.0].router.stopper.reason()
    }

    /// Gives a node a command. The answer comes with later steps.
    pub fn command(&self, node: NodeIndex, command: impl Into<Command>) -> Answer {
        let (sender, receiver) = bounded(1);
        let once = move |reply| sender.try_send(reply).expect("a command is answered once");
        self.nodes[node.0].router.submit(command.into(), Box::new(once));
        Answer(receiver)
    }

    /// A digest of all steps so far: who, when and what. Equal digests mean equal runs.
    pub fn digest(&self) -> Hash {
        self.digest
    }

    /// Steps taken.
    pub fn steps(&self) -> u64 {
        self.steps
    }

    /// Lets one thing happen; if nothing can, moves the clock to the next deadline. False: there is none either, and
    /// nothing will ever happen again.
    pub fn step(&mut self) -> bool {
        let moves = self.moves();
        if let Some(chosen) = self.rng.pick(&moves).copied() {
            self.perform(chosen);
            return true;
        }
        let resting = self.nodes.iter().flat_map(|node| &node.workers).filter(|worker| worker.thread.is_some());
        let Some(next) = resting.filter_map(|worker| worker.resting.flatten()).min() else { return false };
        self.clock.advance_to(next);
        true
    }

    /// Steps until `done`, or nothing will ever happen again, or the virtual time is over. Returns whether `done`.
    pub fn run_until(&mut self, limit: Duration, mut done: impl FnMut(&mut Self) -> bool) -> bool {
        let end = self.now() + limit;
        loop {
            if done(self) {
                return true;
            }
            assert!(self.steps < MAX_STEPS, "the nodes never come to rest");
            if self.now() > end || !self.step() {
                return false;
            }
        }
    }

    /// Steps for so long in virtual time, or until nothing will ever happen again.
    pub fn run_for(&mut self, time: Duration) {
        self.run_until(time, |_| false);
    }

    /// Stops a node in order, as in production: its roles one after the other, the ledger last, its peers told. Other
    /// nodes do not move meanwhile. Returns why it stopped.
    pub fn stop(&mut self, node: NodeIndex) -> StopReason {
        self.nodes[node.0].router.stopper.stop(StopReason::Asked);
        self.nodes[node.0].router.pending_commands.close();
        for role in RoleId::ALL.into_iter().rev() {
            for worker in self.nodes[node.0].workers.iter_mut().filter(|worker| worker.id == role) {
                worker.stop = None;
                worker.resting = None;
            }
            let of_role = |stage: &Self, at: Move| match at {
                Move::Worker { node: of, worker } => of == node.0 && stage.nodes[of].workers[worker].id == role,
                Move::Net(_) => false,
            };
            while let Some(next) = self.moves().into_iter().find(|at| of_role(self, *at)) {
                self.perform(next);
            }
            if role == RoleId::Peers {
                self.wires.carry_out(&mut self.nodes[node.0].net);
                self.wires.say_goodbye(&mut self.nodes[node.0].net);
            }
        }
        self.nodes[node.0].router.pending_commands.refuse_all();
        self.end(node)
    }

    /// Ends a node's threads where they are, without a word to roles or peers. What its stores made durable is all
    /// that is left of it. Open commands are never answered.
    pub fn crash(&mut self, node: NodeIndex) {
        self.wires.cut(&mut self.nodes[node.0].net);
        self.end(node);
    }

    /// A peer of the test's own making dials a node.
    pub fn dial_in(&mut self, node: NodeIndex, from: SocketAddr) -> Script {
        self.wires.dial_in(&mut self.nodes[node.0].net, node.0, from)
    }

    /// Makes dials to `address` reach a peer of the test's own making; [`Stage::dialled`] says when one came.
    pub fn listen(&mut self, address: SocketAddr) {
        self.wires.listen(address);
    }

    /// The next link that a node opened to an address of [`Stage::listen`].
    pub fn dialled(&mut self, address: SocketAddr) -> Option<Script> {
        self.wires.dialled(address)
    }

    /// The far ends of scripted links.
    pub fn wires(&mut self) -> &mut Wires {
        &mut self.wires
    }

    fn moves(&self) -> Vec<Move> {
        let now = self.now();
        let mut moves = Vec::new();
        for (node, staged) in self.nodes.iter().enumerate() {
            let ready = staged.workers.iter().enumerate().filter(|(_, worker)| worker.is_ready(now));
            moves.extend(ready.map(|(worker, _)| Move::Worker { node, worker }));
        }
        let nets: Vec<&NodeNet> = self.nodes.iter().map(|node| &node.net).collect();
        moves.extend(self.wires.moves(&nets).into_iter().map(Move::Net));
        moves
    }

    fn perform(&mut self, chosen: Move) {
        self.steps += 1;
        let cost = Duration::from_micros(1 + self.rng.below(STEP_MICROS));
        self.clock.advance_to(self.now() + cost);
        let what = match chosen {
            Move::Worker { node, worker } => {
                let staged = &mut self.nodes[node].workers[worker];
                match staged.batons.give() {
                    Report::Did(what) => {
                        staged.resting = None;
                        what
                    }
                    Report::Rests(until) => {
                        staged.resting = Some(until);
                        "rests".to_owned()
                    }
                    Report::Ended => {
                        staged.join();
                        "ended".to_owned()
                    }
                }
            }
            Move::Net(at) => {
                let mut nets: Vec<&mut NodeNet> = self.nodes.iter_mut().map(|node| &mut node.net).collect();
                self.wires.perform(at, &mut nets)
            }
        };
        let line = format!("{} {chosen:?} {what}", self.now().0);
        log::trace!("{line}");
        let mut input = self.digest.0.to_vec();
        input.extend_from_slice(line.as_bytes());
        self.digest = Domain::STREAM.hash(&input);
    }

    fn end(&mut self, node: NodeIndex) -> StopReason {
        let node = &mut self.nodes[node.0];
        for worker in &mut node.workers {
            worker.batons.keep();
            worker.join();
        }
        node.net.end();
        node.router.stopper.reason().unwrap_or(StopReason::Asked)
    }
}

impl StagedWorker {
    fn is_ready(&self, now: Time) -> bool {
        let awake = match self.resting {
            None => true,
            Some(until) => until.is_some_and(|until| until <= now) || (self.has_mail)(),
        };
        self.thread.is_some() && awake
    }

    fn join(&mut self) {
        if let Some(thread) = self.thread.take() {
            // A panic was caught inside and is the stopper's reason.
            drop(thread.join());
        }
    }
}

impl Drop for Stage {
    fn drop(&mut self) {
        for node in 0..self.nodes.len() {
            self.end(NodeIndex(node));
        }
    }
}

#[cfg(test)]
mod scenes;
#[cfg(test)]
mod tests;
