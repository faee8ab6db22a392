//! Steps of nodes: who hears what next, what comes of it, and when the node is to be looked at again.

use std::time::Duration;

use crate::{
    base::{ids::Ticket, time::Time},
    link::Order,
    node::{
        Action, Event, Halt, Notice, RoleId,
        command::Command,
        notice::{ToGossip, ToHandshake, ToHeaders, ToLedger},
        report::Report,
    },
    sim::{
        checkers::Question,
        narrate,
        node::Step,
        setup,
        world::{Happening, World},
    },
};

/// Steps of one node at one moment of virtual time, above which its roles keep each other busy for ever.
const MAX_STEPS_AT_ONCE: u32 = 200_000;

impl World {
    /// Whether a node runs.
    pub(super) fn is_up(&self, node: usize) -> bool {
        self.nodes[node].life.is_some()
    }

    /// How many links a node has.
    pub(super) fn links_of(&self, node: usize) -> usize {
        self.nodes[node].life.as_ref().map_or(0, |life| life.sockets.len())
    }

    /// Starts a node, unless it runs.
    pub(super) fn boot(&mut self, node: usize) {
        self.faults.booting.remove(&node);
        if self.is_up(node) {
            return;
        }
        log::debug!(target: "tussock::sim", "node {node} starts");
        let mut rng = self.node_rng.fork("life");
        let config = setup::link_config(&self.options, &self.spec, &self.nodes[node].setup);
        let is_watched = self.survey.is_none();
        self.nodes[node].boot(self.now, config, (self.options.inbox, is_watched), &mut rng);
        self.run_node(node);
    }

    /// A node dies at once.
    pub(super) fn crash(&mut self, node: usize, down: Duration, silent: bool) {
        if !self.is_up(node) {
            return;
        }
        self.abandon(node, silent);
        self.nodes[node].vanished = silent;
        self.lose_power(node);
        self.end_life(node, down);
    }

    /// A node stops as an operator stops it: the roles one after the other, the ledger last.
    pub(super) fn stop(&mut self, node: usize, down: Duration) {
        if !self.is_up(node) {
            return;
        }
        self.give_order(node, Order::Retire);
        for role in RoleId::ALL.into_iter().rev() {
            while let Some((slot, event)) =
                self.nodes[node].life.as_mut().and_then(|life| life.last_step(role, &mut self.step_rng))
            {
                self.role_step(node, slot, role, event);
            }
            while let Some(action) = self.nodes[node].life.as_mut().and_then(|life| life.actions.pop_front()) {
                self.perform(node, action);
            }
            if role == RoleId::Peers {
                self.give_order(node, Order::Stop);
            }
            self.drive(node);
        }
        self.close_sockets(node);
        self.abandon(node, false);
        self.end_life(node, down);
    }

    fn end_life(&mut self, node: usize, down: Duration) {
        self.nodes[node].crash();
        if self.is_honest(node) {
            self.checkers.crashed(node);
            self.stats.left(node);
        }
        self.faults.booting.insert(node);
        self.at(self.now + down, Happening::Boot(node));
    }

    /// Lets a node's roles work until all of them wait.
    pub(super) fn run_node(&mut self, node: usize) {
        let mut steps = 0;
        loop {
            let now = self.now;
            let Some(life) = &mut self.nodes[node].life else { break };
            match life.choose(now, &mut self.step_rng) {
                Some(Step::Role(slot, role, event)) => self.role_step(node, slot, role, event),
                Some(Step::Poll(action)) => {
                    let until = self.draw_delay();
                    self.perform(node, action);
                    if let (Some(life), true) = (&mut self.nodes[node].life, until > now) {
                        life.poll_busy(until);
                    }
                }
                None if self.drive(node) => {}
                None => break,
            }
            steps += 1;
            if steps > MAX_STEPS_AT_ONCE {
                self.fail(
                    "progress",
                    Some(node),
                    format!("{steps} steps at one moment: the roles do not come to rest"),
                );
            }
            if self.checkers.failure.is_some() {
                return;
            }
        }
        self.check_timers(node);
        self.wake_later(node);
    }

    fn wake_later(&mut self, node: usize) {
        let Some(next) = self.nodes[node].life.as_ref().and_then(|life| life.next_time()) else { return };
        let next = next.max(Time(self.now.0 + 1));
        if self.nodes[node].wake_at.is_none_or(|at| next < at || at < self.now) {
            self.nodes[node].wake_at = Some(next);
            self.at(next, Happening::Wake(node));
        }
    }

    /// When a step that begins now ends: mostly at once.
    fn draw_delay(&mut self) -> Time {
        if self.options.delay_ppm == 0 || self.faults.calm || !self.step_rng.chance(self.options.delay_ppm) {
            return self.now;
        }
        self.now + Duration::from_micros(self.step_rng.below(self.options.delay_max))
    }

    fn role_step(&mut self, node: usize, slot: usize, role: RoleId, event: Event) {
        self.trace.note(self.now, node, role, &event);
        narrate::role(self.now, Some((node, role)));
        narrate::tell("hears", &event);
        let busy_until = self.draw_delay();
        if role == RoleId::Sealer && self.nodes[node].byzantine.is_some() && !self.overhears(node, &event) {
            return;
        }
        let mut out = std::mem::take(&mut self.out);
        if role == RoleId::Sealer && self.is_honest(node) {
            self.note_sealing(&event);
        }
        if role == RoleId::Fetch && self.survey.is_none() {
            self.note_told_of(node, &event);
        }
        let there = &mut self.nodes[node];
        let now = there.clock.read(self.now);
        let Some(life) = &mut there.life else { return };
        let watched = self.survey.is_none().then_some(role);
        match watched {
            Some(RoleId::Fetch) => life.watch.requests.heard(&event),
            Some(RoleId::Gossip) => life.watch.announced.heard(&event, now.mono),
            _ => {}
        }
        if let Some(survey) = &mut self.survey {
            survey.hears(role, &event);
        }
        life.role(slot).hear(now, event, &mut out);
        life.stepped(slot, &there.clock, busy_until);
        for action in out.drain() {
            narrate::tell("does", &action);
            match (watched, &mut self.nodes[node].life) {
                (Some(RoleId::Fetch), Some(life)) => {
                    life.watch.requests.did(&action, self.now);
                    self.check_compact(node, &action);
                }
                (Some(RoleId::Gossip), Some(life)) => life.watch.announced.did(&action, now.mono),
                (Some(RoleId::Sealer), _) => {
                    if let (Action::Link(action), true) = (&action, self.keeps_rules(node)) {
                        self.check_said(node, action);
                    }
                }
                _ => {}
            }
            self.take_action(node, action);
        }
        self.out = out;
        self.check_passed_on(node);
        if role == RoleId::Gossip {
            self.check_announcing(node);
        }
        narrate::at(self.now);
    }

    fn take_action(&mut self, node: usize, action: Action) {
        match action {
            Action::Tell(notice) => {
                self.overhear(node, &notice);
                let to = notice.role();
                let Some(life) = &mut self.nodes[node].life else { return };
                let waiting = life.tell(to, Event::Notice(notice));
                self.check_queue(node, to, waiting);
            }
            Action::Resolve(name) => self.ask_for(node, name),
            Action::Reply(ticket, reply) => self.replied(node, ticket, &reply),
            Action::Report(report) => self.reported(node, report),
            // For metrics; the simulator has statistics of its own.
            Action::Count(..) => {}
            Action::Halt(halt) => self.halted(node, &halt),
            Action::Link(action) => {
                if let Some(life) = &mut self.nodes[node].life {
                    life.actions.push_back(action);
                }
            }
        }
    }

    /// A node stops for good. Only those that lie, or that are lied to by too many, have a reason to.
    fn halted(&mut self, node: usize, halt: &Halt) {
        log::debug!(target: "tussock::sim", "node {node} halts: {halt}");
        let is_due = match halt {
            Halt::SignedElsewhere(_) => !self.is_honest(node),
            Halt::Authorities(_) => self.options.is_overthrown(),
            // It finds out that its chain is none.
            Halt::Store(_) => self.options.minted && !self.is_honest(node),
            Halt::Invariant(_) | Halt::History(_) => false,
        };
        if is_due {
            self.crash(node, Duration::MAX, false);
        } else {
            self.fail("halt", Some(node), halt.to_string());
        }
    }

    /// What the statistics and checkers learn from notices between roles.
    fn overhear(&mut self, node: usize, notice: &Notice) {
        if let Some(survey) = &mut self.survey {
            return survey.overhears(node, notice, self.now);
        }
        if !self.is_honest(node) {
            return;
        }
        match notice {
            Notice::Headers(ToHeaders::ChainMoved(moved)) => {
                self.expect_returned(node, &moved.removed);
                self.check_moved(node, moved);
                for (hash, height) in &moved.added {
                    self.stats.block_at(node, *hash, *height, self.now);
                }
                self.note_carried(node, moved);
                self.note_bodies(node, &moved.added);
                if let Some(life) = &mut self.nodes[node].life {
                    life.watch.applied.extend(moved.added.iter().map(|(hash, _)| *hash));
                }
            }
            Notice::Headers(ToHeaders::BlocksInvalid { hashes, .. }) => {
                if let Some(culprit) = hashes.first() {
                    self.expect_deliverer_pays(node, culprit);
                }
            }
            Notice::Gossip(ToGossip::Admitted { origin, transaction, result }) => {
                if result.is_ok() {
                    self.stats.transaction_at(node, transaction.txid, self.now);
                }
                self.note_judged(node, *origin, transaction, result);
            }
            Notice::Gossip(ToGossip::BlockValidated { hash, .. }) => self.check_validated(node, hash),
            Notice::Ledger(ToLedger::Final { height, hash }) => self.note_final(node, *height, *hash),
            Notice::Handshake(ToHandshake::Barred(out)) => self.check_bans(node, out),
            _ => {}
        }
    }

    fn reported(&mut self, node: usize, report: Report) {
        if !self.is_honest(node) {
            return;
        }
        if let (Report::Tip(tip), None) = (&report, &self.survey) {
            self.check_work(node, tip);
        }
        let view = &mut self.nodes[node].view;
        match report {
            Report::State { state, reason } => {
                (view.state, view.reason) = (state, reason);
                self.stats.state_of(node, state);
            }
            Report::Tip(tip) => {
                self.stats.tip_of(node, tip.hash, tip.height);
                if self.survey.is_none() {
                    self.note_commit(node, &tip);
                }
                self.nodes[node].view.tip = Some(*tip);
            }
            Report::Joined(joined) => self.check_joined(node, joined),
            Report::Hindrance { id, finding: Some(_), .. } => drop(view.hindrances.insert(id)),
            Report::Hindrance { id, finding: None, .. } => drop(view.hindrances.remove(&id)),
            Report::Sealing(report) => view.sealing = Some(*report),
            Report::BestHeader { work, .. } => view.headers_work = work,
            Report::Reorganised { depth, .. } => self.stats.reorganised(depth),
            Report::Mempool { .. }
            | Report::PeerCount { .. }
            | Report::Mining { .. }
            | Report::Unsaved(_)
            | Report::KeptFrom(_)
            | Report::History { .. }
            | Report::Warning { .. }
            | Report::Used { .. }
            | Report::LimitHit(_)
            | Report::Listening(_)
            | Report::Node(_) => {}
        }
    }

    /// Asks a node something; the answer comes to [`World::replied`].
    pub(super) fn command(&mut self, node: usize, command: impl Into<Command>, question: Question) {
        let ticket = Ticket(self.next_ticket);
        self.next_ticket += 1;
        let command = command.into();
        let role = command.role();
        let now = self.now;
        let Some(life) = &mut self.nodes[node].life else { return };
        life.tickets.insert(ticket, (now, question));
        let waiting = life.tell(role, Event::Command(ticket, command));
        self.check_queue(node, role, waiting);
        self.run_node(node);
    }
}
