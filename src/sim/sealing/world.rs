//! One run: events in the order of their times.

use std::{collections::BTreeMap, rc::Rc, time::Duration};

use crate::{
    base::{hash::Hash, rng::Rng, time::Time},
    chain::seal::{Authorities, Epoch, SignedVote, Stage, Votes},
    node::sealer::core::{Clock, Core, Fate, Place},
};

use super::{
    Complaint, Outcome, Plan,
    blocks::{Blocks, Message, leader, signer_of},
    checks::Checks,
    honest::Honest,
    liar::Liar,
    plan::Lie,
};

pub(super) const MS: u64 = 1_000;
pub(super) const SECOND: u64 = 1_000 * MS;
/// A run has no more events than this, lest it never ends.
const MOST_EVENTS: u64 = 5_000_000;

pub(super) enum Event {
    Deliver { from: usize, to: usize, message: Message },
    Wake { node: usize },
    Checked { node: usize, life: u64, hash: Hash },
    Made { node: usize, life: u64, view: u64, parent: Place, votes: Votes },
    Fetch { node: usize, life: u64, hash: Hash },
    Applied { node: usize, life: u64, hash: Hash },
    Start { node: usize },
    Act { liar: usize },
    Work { node: usize, has_work: bool },
    Split,
    Calm,
}

pub(super) enum Node {
    Honest(Box<Honest>),
    Liar(Box<Liar>),
}

/// The run.
pub(super) struct World {
    pub(super) plan: Plan,
    pub(super) authorities: Authorities,
    pub(super) rng: Rng,
    pub(super) now: u64,
    events: BTreeMap<(u64, u64), Event>,
    number: u64,
    pub(super) nodes: Vec<Node>,
    pub(super) blocks: Blocks,
    pub(super) checks: Checks,
    pub(super) is_calm: bool,
    /// Which side of the split each is on.
    pub(super) sides: Vec<u8>,
    messages: usize,
    /// The first view by which something must be final: all timers are long enough there.
    pub(super) due: Option<(Epoch, u64)>,
    /// The last final view when messages from before the calm had arrived.
    pub(super) settled: Option<u64>,
}

impl World {
    pub(super) fn new(plan: Plan) -> Self {
        let blocks = Blocks::new();
        let authorities = plan.authorities();
        let make = |number| match plan.lie(number) {
            None | Some(Lie::OldDisk) => {
                Node::Honest(Box::new(Honest::new(number, plan.nodes, authorities.clone(), &blocks)))
            }
            Some(lie) => Node::Liar(Box::new(Liar::new(number, lie, &plan, &blocks))),
        };
        Self {
            nodes: (0..plan.nodes).map(make).collect(),
            rng: Rng::from_number(plan.seed).fork("sealing world"),
            now: 0,
            events: BTreeMap::new(),
            number: 0,
            checks: Checks::new(&plan, blocks.genesis),
            blocks,
            is_calm: false,
            sides: vec![0; plan.nodes],
            authorities,
            messages: 0,
            due: None,
            settled: None,
            plan,
        }
    }

    pub(super) fn run(mut self) -> Outcome {
        self.begin();
        let mut count = 0;
        while self.checks.complaint().is_none() {
            let Some(((at, _), event)) = self.events.pop_first() else { break };
            self.now = at;
            count += 1;
            self.take(event);
            if self.is_calm && self.judge_progress() {
                break;
            }
            if count > MOST_EVENTS {
                self.checks.complain(Complaint::NoProgress);
            }
        }
        let highest = self.checks.highest();
        Outcome {
            complaint: self.checks.complaint(),
            last_final: highest.view,
            blocks: self.blocks.chain(&highest.block).count(),
            messages: self.messages,
            events: count,
            plan: self.plan,
        }
    }

    fn begin(&mut self) {
        for node in 0..self.plan.nodes {
            match self.nodes[node] {
                Node::Honest(_) => self.schedule(0, Event::Start { node }),
                Node::Liar(_) => self.schedule(50 * MS, Event::Act { liar: node }),
            }
            let first = self.rng.below(3_000) * MS;
            self.schedule(first, Event::Work { node, has_work: true });
            if self.rng.below(4) == 0 {
                self.schedule(first + 3 * SECOND, Event::Work { node, has_work: false });
            }
        }
        if self.plan.split_every > 0 {
            self.schedule(self.plan.split_every * SECOND, Event::Split);
        }
        self.schedule(micros(self.plan.chaos), Event::Calm);
    }

    pub(super) fn schedule(&mut self, after: u64, event: Event) {
        self.number += 1;
        self.events.insert((self.now + after, self.number), event);
    }

    /// Clocks of votes are of any year.
    pub(super) fn clock(&self, node: usize) -> Clock {
        Clock { mono: Time(self.now), unix_ms: (node as u64) * 1_000_000_007 + self.now / MS }
    }

    fn take(&mut self, event: Event) {
        match event {
            Event::Deliver { from, to, message } => self.deliver(from, to, &message),
            Event::Wake { node } => self.on_wake(node),
            Event::Checked { node, life, hash } => self.on_checked(node, life, &hash),
            Event::Made { node, life, view, parent, votes } => self.on_made(node, life, (view, parent), votes),
            Event::Fetch { node, life, hash } => self.on_fetch(node, life, hash),
            Event::Applied { node, life, hash } => self.on_applied(node, life, hash),
            Event::Start { node } => self.start(node),
            Event::Act { liar } => self.on_act(liar),
            Event::Work { node, has_work } => {
                let has_work = has_work || self.is_calm;
                self.with_core(node, |core, now| core.set_work(has_work, now));
            }
            Event::Split => self.split(),
            Event::Calm => self.calm_down(),
        }
    }

    pub(super) fn honest(&mut self, node: usize, life: u64) -> Option<&mut Honest> {
        match &mut self.nodes[node] {
            Node::Honest(honest) if honest.is_up && (life == 0 || honest.life == life) => Some(honest),
            _ => None,
        }
    }

    /// Has an authority do something, and then what follows from it.
    pub(super) fn with_core<T>(&mut self, node: usize, run: impl FnOnce(&mut Core, Clock) -> T) -> Option<T> {
        let now = self.clock(node);
        let result = run(&mut self.honest(node, 0)?.core, now);
        self.perform(node);
        Some(result)
    }

    fn split(&mut self) {
        if !self.is_calm {
            let whole = self.rng.below(2) == 0;
            for node in 0..self.plan.nodes {
                self.sides[node] = if whole { 0 } else { u8::from(self.rng.below(2) == 0) };
            }
            self.schedule(self.plan.split_every * SECOND, Event::Split);
        }
    }

    fn calm_down(&mut self) {
        self.is_calm = true;
        self.sides.fill(0);
        for node in 0..self.plan.nodes {
            if self.plan.blackout
                && let Node::Honest(honest) = &mut self.nodes[node]
            {
                honest.crash(&self.blocks);
            }
            self.schedule(0, Event::Work { node, has_work: true });
            if matches!(&self.nodes[node], Node::Honest(honest) if !honest.is_up) {
                self.schedule(MS, Event::Start { node });
            }
        }
    }

    fn on_wake(&mut self, node: usize) {
        let (now, clock) = (Time(self.now), self.clock(node));
        let Some(honest) = self.honest(node, 0) else { return };
        if honest.wakes_at.is_some_and(|at| at <= now) {
            honest.wakes_at = None;
            honest.core.wake(clock);
            self.perform(node);
        }
    }

    fn start(&mut self, node: usize) {
        let now = self.clock(node);
        let is_old = self.plan.lie(node) == Some(Lie::OldDisk) && self.rng.below(2) == 0;
        let Node::Honest(honest) = &mut self.nodes[node] else { return };
        if honest.is_up {
            return;
        }
        honest.start(is_old, now, &self.blocks);
        self.follow(node);
        self.perform(node);
        for other in 0..self.plan.nodes {
            if other != node {
                self.catch_up(other, node);
                self.catch_up(node, other);
            }
        }
        self.with_core(node, |core, now| core.set_work(true, now));
    }

    /// Says to another what it may miss.
    pub(super) fn catch_up(&mut self, from: usize, to: usize) {
        let Some(honest) = self.honest(from, 0) else { return };
        let (certificates, votes) = honest.core.catch_up();
        for certificate in certificates {
            self.send(from, to, Message::Certificate(Rc::new(certificate)));
        }
        for vote in votes {
            self.send(from, to, Message::Vote(vote));
        }
    }

    fn on_act(&mut self, liar: usize) {
        let now = self.clock(liar);
        let mut out = Vec::new();
        if let Node::Liar(node) = &mut self.nodes[liar] {
            node.act(now, &mut self.blocks, &mut out);
        }
        self.send_lies(liar, out);
        let next = 30 + self.rng.below(200);
        self.schedule(next * MS, Event::Act { liar });
    }

    fn send_lies(&mut self, from: usize, lies: Vec<(usize, Message)>) {
        for (to, message) in lies {
            self.send(from, to, message);
        }
    }

    pub(super) fn delay(&mut self, may_be_wild: bool) -> u64 {
        let longest = if self.is_calm || !may_be_wild { self.plan.delay } else { self.plan.wild_delay };
        1 + self.rng.below(micros(longest))
    }

    pub(super) fn send(&mut self, from: usize, to: usize, message: Message) {
        if from == to {
            return;
        }
        let is_lost = !self.is_calm && (self.sides[from] != self.sides[to] || self.rng.chance(self.plan.loss));
        if let Message::Vote(vote) = &message {
            // What is forwarded was seen when it was sent.
            if signer_of(vote) == from {
                let is_written = match &self.nodes[from] {
                    Node::Honest(honest) => {
                        honest.has_written(vote) || honest.core.own_votes().iter().all(|own| own != vote)
                    }
                    Node::Liar(_) => true,
                };
                self.checks.vote(from, vote, &self.blocks, is_written);
            }
        }
        if !is_lost {
            let after = self.delay(true);
            self.schedule(after, Event::Deliver { from, to, message });
        }
    }

    pub(super) fn send_to_all(&mut self, from: usize, message: &Message) {
        for to in 0..self.plan.nodes {
            self.send(from, to, message.clone());
        }
    }

    pub(super) fn deliver(&mut self, from: usize, to: usize, message: &Message) {
        self.messages += 1;
        let now = self.clock(to);
        if let Node::Liar(liar) = &mut self.nodes[to] {
            let mut out = Vec::new();
            liar.hear(message, now, &self.blocks, &mut out);
            self.send_lies(to, out);
            return;
        }
        let Node::Honest(honest) = &self.nodes[to] else { return };
        let current = honest.core.set().epoch();
        if let Some(later) = message.epoch().filter(|epoch| *epoch > current) {
            return self.on_later(from, to, message, later);
        }
        if let Message::Proposal(_) = message {
            if self.hear_proposal(to, message) && self.plan.forwards {
                self.send_to_all(to, message);
            }
            return;
        }
        let judged = self.with_core(to, |core, now| match message {
            Message::Vote(vote) => core.vote(*vote, now),
            Message::Certificate(certificate) => core.certificate((**certificate).clone(), now),
            Message::Proposal(_) => Ok(Fate::Stale),
        });
        // Whoever votes to skip a view of an earlier set does not know that its last block is final.
        let is_over = |vote: &SignedVote| vote.statement.epoch < current && vote.statement.stage == Stage::Skip;
        match judged {
            Some(Ok(_)) if matches!(message, Message::Vote(vote) if is_over(vote)) => self.help(to, from),
            Some(Ok(Fate::Fresh)) if self.plan.forwards && matches!(message, Message::Vote(_)) => {
                self.send_to_all(to, message);
            }
            Some(Ok(Fate::Behind)) => self.help(to, from),
            Some(Err(_)) => self.checks.complain(Complaint::Unsigned),
            _ => {}
        }
    }

    fn help(&mut self, node: usize, other: usize) {
        let now = self.now;
        let Some(honest) = self.honest(node, 0) else { return };
        if honest.helped[other] + SECOND <= now {
            honest.helped[other] = now;
            self.catch_up(node, other);
        }
    }

    /// True if it is to be passed on.
    pub(super) fn hear_proposal(&mut self, node: usize, message: &Message) -> bool {
        let Message::Proposal(proposal) = message else { return false };
        let Some(block) = self.blocks.get(&proposal.hash) else { return false };
        // The set that seals this height, and the leader's signature.
        let Node::Honest(honest) = &self.nodes[node] else { return false };
        let (set, maker) = (honest.core.set(), block.maker);
        let is_of_set = self.authorities.at(block.height).is_some_and(|of| of.epoch() == set.epoch());
        if !is_of_set || maker != leader(set, proposal.view) {
            return false;
        }
        let fate = self.with_core(node, |core, now| core.proposal((**proposal).clone(), now));
        fate == Some(Ok(Fate::Fresh))
    }
}

pub(super) fn micros(time: Duration) -> u64 {
    u64::try_from(time.as_micros()).unwrap_or(u64::MAX)
}
