//! The world: all nodes, all connections, and one queue of what happens when, in virtual time.

use std::{collections::BTreeMap, net::SocketAddr, sync::Arc, time::Duration};

use crate::{
    base::{gather::gather, ids::LinkId, rng::Rng, time::Time},
    chain::spec::ChainSpec,
    node::Outbox,
    sim::{
        checkers::{Checkers, Failure},
        faults::{Fault, Faults},
        hosts::Question,
        narrate,
        net::{Conn, ConnId, LinkConditions, Side},
        node::Node,
        options::Options,
        regions::Survey,
        setup,
        stats::Stats,
        trace::Trace,
        wallet::Wallet,
    },
};

/// Checkers that look on even where more authorities lie than the chain tolerates. All but `finality` hold all the same.
const PROMISED: [&str; 5] = ["finality", "left final", "votes", "certificates", "panic"];

/// Something that happens at a moment of virtual time.
#[derive(Clone, Debug)]
pub(super) enum Happening {
    /// A node starts.
    Boot(usize),
    /// A role has a deadline, or is no longer busy.
    Wake(usize),
    /// What this side of a connection sent may have arrived at the other.
    Arrive(ConnId, Side),
    /// A connection attempt reaches its target.
    Knock(Box<Attempt>),
    /// The dialler learns that its connection stands.
    Connected(ConnId),
    /// The dialler learns that nobody listens.
    Refused(Box<Attempt>),
    /// A node hears what a host name stands for.
    Resolved(Box<Question>),
    /// A deadline of a node's links.
    Timeout(usize),
    /// Sockets of a node have news.
    Drive(usize),
    /// A slow reader reads again.
    Read(ConnId, Side),
    /// A fault of the plan.
    Fault(usize),
    /// Somebody submits a transaction.
    Submit,
    /// A byzantine node sends something on its own.
    Misbehave(usize),
    /// The checkers look at the nodes.
    Probe,
    /// A study's network stands.
    Measure,
    /// A miner of a study finds a block.
    FindBlock,
}

/// A connection attempt.
#[derive(Clone, Debug)]
pub(super) struct Attempt {
    /// Who dials.
    pub(super) node: usize,
    /// Which life of that node.
    pub(super) life: u32,
    /// Its name for the link.
    pub(super) link: LinkId,
    /// Where to.
    pub(super) target: SocketAddr,
}

/// A run.
pub(super) struct World {
    /// What the run is made of.
    pub options: Options,
    /// The network's chain.
    pub spec: Arc<ChainSpec>,
    pub(super) conditions: LinkConditions,
    pub(super) now: Time,
    pub(super) nodes: Vec<Node>,
    pub(super) conns: Vec<Option<Box<Conn>>>,
    pub(super) at_address: BTreeMap<SocketAddr, usize>,
    pub(super) faults: Faults,
    pub(super) wallet: Wallet,
    pub(super) checkers: Checkers,
    pub(super) stats: Stats,
    pub(super) trace: Trace,
    /// What a study measures; a study has no checkers.
    pub(super) survey: Option<Survey>,
    /// Draws what the network does.
    pub(super) net_rng: Rng,
    /// Draws who takes the next step, and how long it takes.
    pub(super) step_rng: Rng,
    /// Where the nodes' own randomness comes from.
    pub(super) node_rng: Rng,
    /// What a role does, until it is done; empty between steps.
    pub(super) out: Outbox,
    pub(super) next_ticket: u64,
    /// What happens when; at one moment, what was put there first.
    queue: BTreeMap<(Time, u64), Happening>,
    sequence: u64,
}

impl World {
    /// A world before anything has happened.
    pub(super) fn new(options: Options) -> Self {
        let mut rng = Rng::from_number(options.seed).fork("world");
        let spec = Arc::new(setup::spec(&options));
        let survey = options.study.as_ref().map(Survey::new);
        let (nodes, history) = match &survey {
            Some(survey) => (survey.nodes(&options, &spec), Vec::new()),
            None => setup::nodes(&options, &spec, &mut rng.fork("nodes")),
        };
        let at_address = gather(nodes.iter().enumerate().map(|(at, node)| (node.address, at)));
        let mut faults = Faults::plan(&options, &mut rng.fork("faults"));
        faults.set_clocks_right(&options, nodes.iter().map(|node| node.clock.far()));
        let mut world = Self {
            conditions: LinkConditions {
                bandwidth: options.bandwidth,
                window: usize::try_from(options.window).unwrap_or(usize::MAX),
                split_ppm: options.split_ppm,
                loss_ppm: options.loss_ppm,
            },
            now: Time::default(),
            conns: Vec::new(),
            at_address,
            wallet: Wallet::new(&spec, rng.fork("wallet")),
            checkers: Checkers::new(&options),
            stats: Stats::new(options.nodes),
            trace: Trace::default(),
            survey,
            net_rng: rng.fork("net"),
            step_rng: rng.fork("steps"),
            node_rng: rng.fork("node"),
            out: Outbox::default(),
            next_ticket: 0,
            queue: BTreeMap::new(),
            sequence: 0,
            nodes,
            faults,
            spec,
            options,
        };
        world.note_history(history);
        world.plan();
        world
    }

    fn plan(&mut self) {
        for (node, at) in self.faults.boots.clone().into_iter().enumerate() {
            self.at(at, Happening::Boot(node));
        }
        for (number, (at, _)) in self.faults.list.clone().into_iter().enumerate() {
            self.at(at, Happening::Fault(number));
        }
        self.at(Time(self.options.seconds * 1_000_000), Happening::Fault(Faults::END));
        if self.survey.is_some() {
            return self.plan_study();
        }
        self.at(Time(1_000_000), Happening::Probe);
        for byzantine in self.options.nodes..self.nodes.len() {
            self.at(Time(2_000_000), Happening::Misbehave(byzantine));
        }
        self.next_submission();
    }

    /// Lets something happen at a moment, after all that was put there before.
    pub(super) fn at(&mut self, at: Time, happening: Happening) {
        self.sequence += 1;
        self.queue.insert((at.max(self.now), self.sequence), happening);
    }

    fn end(&self) -> Time {
        Time((self.options.seconds + self.options.converge_within) * 1_000_000)
    }

    /// Whether the time is up in which the network was to converge.
    pub(super) fn is_over(&self) -> bool {
        self.now >= self.end()
    }

    /// Runs until the network has converged, a checker complains or time is up. Then the last checks.
    pub(super) fn run(&mut self) {
        let end = self.end();
        while self.checkers.failure.is_none() && self.stats.converged_at.is_none() {
            let Some(((at, _), happening)) = self.queue.pop_first() else { break };
            if at > end {
                self.now = end;
                break;
            }
            self.now = at;
            narrate::at(at);
            self.happen(happening);
        }
        if self.survey.is_none() {
            self.last_checks();
        }
    }

    fn happen(&mut self, happening: Happening) {
        match happening {
            Happening::Boot(node) => self.boot(node),
            Happening::Wake(node) => {
                if self.nodes[node].wake_at == Some(self.now) {
                    self.nodes[node].wake_at = None;
                    self.run_node(node);
                }
            }
            Happening::Arrive(conn, side) => self.arrive(conn, side),
            Happening::Knock(attempt) => self.knock(attempt),
            Happening::Connected(conn) => self.connected(conn),
            Happening::Refused(attempt) => self.refused(&attempt),
            Happening::Resolved(question) => self.resolved(*question),
            Happening::Timeout(node) => self.timeout(node),
            Happening::Drive(node) => {
                self.nodes[node].drives = false;
                self.run_node(node);
            }
            Happening::Read(conn, side) => self.read_again(conn, side),
            Happening::Fault(Faults::END) => self.end_faults(),
            Happening::Fault(number) => {
                let fault = self.faults.list[number].1.clone();
                self.inflict(fault);
            }
            Happening::Submit => self.submit(),
            Happening::Misbehave(node) => self.misbehave(node),
            Happening::Probe => self.probe(),
            Happening::Measure => self.begin_to_measure(),
            Happening::FindBlock => self.find_block(),
        }
    }

    /// A checker's complaint; the first one ends the run. Where too many authorities lie, little is promised.
    pub(super) fn fail(&mut self, checker: &'static str, node: Option<usize>, what: String) {
        if self.options.is_overthrown() && !PROMISED.contains(&checker) {
            return;
        }
        let at = self.now;
        if self.options.is_overthrown() && checker == "finality" {
            // Each node must keep to what it holds final all the same.
            self.checkers.conflict.get_or_insert(Failure { checker, at, node, what });
            return;
        }
        self.checkers.failure.get_or_insert(Failure { checker, at, node, what });
    }

    /// Until when no byte passes between two nodes.
    pub(super) fn severed(&self, one: usize, other: usize) -> Option<Time> {
        self.faults.severed(one, other, self.now)
    }

    /// The faults are over: everything broken mends, and nodes that are down start.
    fn end_faults(&mut self) {
        self.faults.calm = true;
        self.conditions.loss_ppm = 0;
        for number in self.options.nodes..self.nodes.len() {
            let stays = self.nodes[number].byzantine.as_ref().is_some_and(|byzantine| byzantine.trick.may_stay());
            if !(self.options.byzantine_stay && stays) {
                self.crash(number, Duration::MAX, false);
            }
        }
        for node in 0..self.options.nodes {
            self.nodes[node].slow = None;
            if self.nodes[node].life.is_none() && !self.faults.booting.contains(&node) {
                self.at(self.now, Happening::Boot(node));
            }
        }
        self.checkers.calm_since(self.now);
    }

    fn inflict(&mut self, fault: Fault) {
        log::debug!(target: "tussock::sim", "fault {fault:?}");
        match fault {
            Fault::Crash { node, down, silent } => self.crash(node, down, silent),
            Fault::Stop { node, down } => self.stop(node, down),
            Fault::Copy { node } => self.nodes[node].disk.copy_seals(),
            Fault::GoBack { node, down } => {
                // One that has halted stays away.
                if self.is_up(node) {
                    self.crash(node, down, false);
                    self.nodes[node].disk.go_back();
                }
            }
            Fault::Cut { choice } => self.cut(choice),
            Fault::Part(partition) => self.faults.part(partition),
            Fault::Slow { node, rate } => self.nodes[node].slow = rate,
            Fault::Clock { node, seconds } => self.nodes[node].clock.step(self.now, seconds),
        }
    }

    /// Cuts one of the connections that stand.
    fn cut(&mut self, choice: u64) {
        let standing = |conn: &Option<Box<Conn>>| conn.as_ref().is_some_and(|conn| conn.stands());
        let standing: Vec<ConnId> = (0..self.conns.len()).filter(|at| standing(&self.conns[*at])).collect();
        if let Some(conn) = usize::try_from(choice).ok().and_then(|choice| standing.get(choice % standing.len().max(1)))
        {
            self.reset(*conn);
        }
    }
}
