//! The thread tests' harness: whole nodes on their real threads and channels, one step at a time.
//!
//! A worker takes a step only when the [`Scheduler`] grants it one. Which worker is next is drawn from a seed, so that a
//! run explores one interleaving of threads out of many, and the same seed gives the same run, step for step
//! ([`Scheduler::digest`]). Sockets are replaced by [`network`]; time is virtual: a step costs a few microseconds, and
//! when no worker has anything to do the clock jumps to the next deadline.
//!
//! What runs here is what runs in production: the worker loop, the inboxes and their limits, the pending commands, and
//! the links. Only the pace, the clock and the sockets are the harness's own.

mod network;
mod pace;

use std::{net::SocketAddr, sync::Arc, thread, time::Duration};

use crossbeam_channel::{Sender, bounded};

use crate::{
    base::{
        hash::{Domain, Hash},
        rng::Rng,
        time::{Time, UnixTime},
    },
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
        worker::{Due, Worker},
    },
};
use network::{Network, NodeNet};
use pace::{Grants, Report};

use network::Script;

/// The unix second at which virtual time starts.
const START: UnixTime = UnixTime(1_800_000_000);
/// Steps after which a run counts as one that never comes to rest.
const MAX_STEPS: u64 = 20_000_000;
/// The longest time that one step takes, microseconds.
const STEP_MICROS: u64 = 20;

/// Names a node of a scheduler.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
struct NodeIndex(usize);

/// The answer to a command, once there is one.
#[derive(Clone)]
struct Answer(crossbeam_channel::Receiver<Reply>);

impl Answer {
    /// Takes the answer. A command has exactly one.
    fn take(&self) -> Option<Reply> {
        self.0.try_recv().ok()
    }
}

/// Nodes of which one thread at a time takes a step.
struct Scheduler {
    clock: Arc<ManualClock>,
    rng: Rng,
    nodes: Vec<ScheduledNode>,
    network: Network,
    steps: u64,
    digest: Hash,
}

struct ScheduledNode {
    router: Arc<Router>,
    status: Arc<SharedStatus>,
    net: NodeNet,
    workers: Vec<ScheduledWorker>,
}

struct ScheduledWorker {
    id: RoleId,
    grants: Grants,
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
    Net(network::NetMove),
}

impl Scheduler {
    /// A scheduler without nodes. Equal seeds give equal runs. `magic` is the network's.
    fn new(seed: u64, magic: [u8; 4]) -> Self {
        let mut rng = Rng::from_number(seed);
        let network = Network::new(magic, rng.fork("network"));
        Self { clock: Arc::new(ManualClock::new(START)), rng, nodes: Vec::new(), network, steps: 0, digest: Hash::ZERO }
    }

    /// Starts a node's threads. It can be dialled at `listen`.
    fn add_node(&mut self, listen: Option<SocketAddr>, roles: Roles) -> NodeIndex {
        let status = Arc::<SharedStatus>::default();
        let ids: Vec<RoleId> = roles.iter().map(|(id, _)| *id).collect();
        let (wake_net, woken) = network::wake_flag();
        let channels = channels::open(&ids, wake_net, Arc::clone(&status), Arc::new(Stopper::new()));
        let router = Arc::new(channels.router);
        let net = self.network.node(listen, channels.sink, channels.orders, woken);
        let mut workers = Vec::new();
        for ((id, role), inbox) in roles.into_iter().zip(channels.inboxes) {
            let (pace, grants) = pace::pair();
            let (stop, stopped) = bounded(0);
            let has_mail = Box::new(inbox.probe());
            let (router, clock) = (Arc::clone(&router), Arc::clone(&self.clock));
            let worker =
                Worker { id, role, inbox, router, clock, pace: Box::new(pace), stop: stopped, due: Due::default() };
            let thread = thread::Builder::new().name(id.name().to_owned()).stack_size(VERIFY_STACK_BYTES);
            let thread = thread.spawn(move || worker.run()).expect("a test host can start a thread");
            let (stop, thread) = (Some(stop), Some(thread));
            workers.push(ScheduledWorker { id, grants, has_mail, resting: None, stop, thread });
        }
        self.nodes.push(ScheduledNode { router, status, net, workers });
        NodeIndex(self.nodes.len() - 1)
    }

    /// Virtual time since the scheduler was made.
    fn now(&self) -> Time {
        self.clock.now().mono
    }

    /// What a node reports of itself.
    fn status(&self, node: NodeIndex) -> Status {
        self.nodes[node.0].status.snapshot()
    }

    /// Why a node wants to stop, or has stopped.
    fn stop_reason(&self, node: NodeIndex) -> Option<StopReason> {
        self.nodes[node.0].router.stopper.reason()
    }

    /// Gives a node a command. The answer comes with later steps.
    fn command(&self, node: NodeIndex, command: impl Into<Command>) -> Answer {
        let (sender, receiver) = bounded(1);
        let once = move |reply| sender.try_send(reply).expect("a command is answered once");
        self.nodes[node.0].router.submit(command.into(), Box::new(once));
        Answer(receiver)
    }

    /// A digest of all steps so far: who, when and what. Equal digests mean equal runs.
    fn digest(&self) -> Hash {
        self.digest
    }

    /// Steps taken.
    fn steps(&self) -> u64 {
        self.steps
    }

    /// Lets one thing happen; if nothing can, moves the clock to the next deadline. False: there is none either, and
    /// nothing will ever happen again.
    fn step(&mut self) -> bool {
        let moves = self.moves();
        if let Some(chosen) = self.rng.pick(&moves).copied() {
            self.perform(chosen);
            return true;
        }
        let resting = self.nodes.iter().flat_map(|node| &node.workers).filter(|worker| worker.thread.is_some());
        let deadlines = resting.filter_map(|worker| worker.resting.flatten());
        let of_links = self.nodes.iter().filter_map(|node| node.net.deadline());
        let Some(next) = deadlines.chain(of_links).min() else { return false };
        self.clock.advance_to(next);
        true
    }

    /// Steps until `done`, or nothing will ever happen again, or the virtual time is over. Returns whether `done`.
    fn run_until(&mut self, limit: Duration, mut done: impl FnMut(&mut Self) -> bool) -> bool {
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
    fn run_for(&mut self, time: Duration) {
        self.run_until(time, |_| false);
    }

    /// Stops a node in order, as in production: its roles one after the other, the ledger last, its peers told. Other
    /// nodes do not move meanwhile. Returns why it stopped.
    fn stop(&mut self, node: NodeIndex) -> StopReason {
        self.nodes[node.0].router.stopper.stop(StopReason::Asked);
        self.nodes[node.0].router.pending_commands.close();
        self.network.retire(self.now(), &mut self.nodes[node.0].net);
        for role in RoleId::ALL.into_iter().rev() {
            for worker in self.nodes[node.0].workers.iter_mut().filter(|worker| worker.id == role) {
                worker.stop = None;
                worker.resting = None;
            }
            let of_role = |scheduler: &Self, at: Move| match at {
                Move::Worker { node: of, worker } => of == node.0 && scheduler.nodes[of].workers[worker].id == role,
                Move::Net(_) => false,
            };
            while let Some(next) = self.moves().into_iter().find(|at| of_role(self, *at)) {
                self.perform(next);
            }
            if role == RoleId::Peers {
                self.network.say_goodbye(self.now(), &mut self.nodes[node.0].net);
            }
        }
        self.nodes[node.0].router.pending_commands.refuse_all();
        self.end(node)
    }

    /// Ends a node's threads where they are, without a word to roles or peers. What its stores made durable is all
    /// that is left of it. Open commands are never answered.
    fn crash(&mut self, node: NodeIndex) {
        self.network.cut(&mut self.nodes[node.0].net);
        self.end(node);
    }

    /// A peer of the test's own making dials a node.
    fn dial_in(&mut self, node: NodeIndex, from: SocketAddr) -> Script {
        self.network.dial_in(self.now(), &mut self.nodes[node.0].net, node.0, from)
    }

    /// Makes dials to `address` reach a peer of the test's own making; [`Scheduler::dialled`] says when one came.
    fn listen(&mut self, address: SocketAddr) {
        self.network.listen(address);
    }

    /// The next link that a node opened to an address of [`Scheduler::listen`].
    fn dialled(&mut self, address: SocketAddr) -> Option<Script> {
        self.network.dialled(address)
    }

    /// The far ends of scripted links.
    fn network(&mut self) -> &mut Network {
        &mut self.network
    }

    fn moves(&self) -> Vec<Move> {
        let now = self.now();
        let mut moves = Vec::new();
        for (node, scheduled) in self.nodes.iter().enumerate() {
            let ready = scheduled.workers.iter().enumerate().filter(|(_, worker)| worker.is_ready(now));
            moves.extend(ready.map(|(worker, _)| Move::Worker { node, worker }));
        }
        let nets: Vec<&NodeNet> = self.nodes.iter().map(|node| &node.net).collect();
        moves.extend(self.network.moves(now, &nets).into_iter().map(Move::Net));
        moves
    }

    fn perform(&mut self, chosen: Move) {
        self.steps += 1;
        let cost = Duration::from_micros(1 + self.rng.below(STEP_MICROS));
        self.clock.advance_to(self.now() + cost);
        let what = match chosen {
            Move::Worker { node, worker } => {
                let scheduled = &mut self.nodes[node].workers[worker];
                match scheduled.grants.step() {
                    Report::Did(what) => {
                        scheduled.resting = None;
                        what
                    }
                    Report::Rests(until) => {
                        scheduled.resting = Some(until);
                        "rests".to_owned()
                    }
                    Report::Ended => {
                        scheduled.join();
                        "ended".to_owned()
                    }
                }
            }
            Move::Net(at) => {
                let now = self.clock.now().mono;
                let mut nets: Vec<&mut NodeNet> = self.nodes.iter_mut().map(|node| &mut node.net).collect();
                self.network.perform(at, now, &mut nets)
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
            worker.grants.end();
            worker.join();
        }
        node.net.end();
        node.router.stopper.reason().unwrap_or(StopReason::Asked)
    }
}

impl ScheduledWorker {
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

impl Drop for Scheduler {
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
