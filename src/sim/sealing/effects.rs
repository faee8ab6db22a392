//! What cores want of their nodes, done in its order, and what comes of it.

use std::rc::Rc;

use crate::{
    base::hash::Hash,
    chain::seal::{Epoch, Stage, Votes},
    node::sealer::core::{Effect, Place, place_of},
};

use super::{
    blocks::Message,
    honest::Base,
    world::{Event, MS, Node, World, micros},
};

/// Messages of the next set that an authority keeps.
const EARLY: usize = 64;

impl World {
    pub(super) fn on_checked(&mut self, node: usize, life: u64, hash: &Hash) {
        let Some(block) = self.blocks.get(hash).cloned() else { return };
        if self.honest(node, life).is_some() {
            let has_parent = match &self.nodes[node] {
                Node::Honest(honest) => honest.has_chain(&block.parent.block, &self.blocks),
                Node::Liar(_) => false,
            };
            let verdict = has_parent.then_some(block.is_valid);
            self.with_core(node, |core, now| core.checked(hash, verdict, now));
        }
    }

    pub(super) fn on_made(&mut self, node: usize, life: u64, (view, parent): (u64, Place), votes: Votes) {
        let Some(honest) = self.honest(node, life) else { return };
        let epoch = honest.core.set().epoch();
        // Another set may have taken over since.
        let height = self.blocks.height(&parent.block) + 1;
        if self.authorities.at(height).is_none_or(|set| set.epoch() != epoch) {
            return;
        }
        // The ledger has moved since it was asked: it was asked again.
        if !self.honest(node, life).is_some_and(|honest| honest.keep_proposed(view)) {
            return;
        }
        let place = self.blocks.make(view, parent, node, true);
        if self.plan.lie(node).is_none() {
            self.checks.proposed(node, epoch, &place);
        }
        let message = self.blocks.proposal(place, votes);
        self.hear_proposal(node, &message);
        for to in 0..self.plan.nodes {
            self.send(node, to, message.clone());
        }
    }

    pub(super) fn on_fetch(&mut self, node: usize, life: u64, hash: Hash) {
        if self.honest(node, life).is_none() {
            return;
        }
        let side = self.sides[node];
        let is_there = |hash: &Hash| {
            self.nodes.iter().enumerate().any(|(other, held)| {
                let Node::Honest(held) = held else { return false };
                other != node && held.is_up && self.sides[other] == side && held.known.contains(hash)
            })
        };
        let mut found: Vec<Hash> = self.blocks.chain(&hash).filter(is_there).collect();
        // A node follows no block that nobody delivers, but the notarised ones below it.
        if let Node::Honest(honest) = &self.nodes[node]
            && !found.contains(&hash)
            && !honest.known.contains(&hash)
        {
            let certified = honest.core.certified().iter().map(|one| one.statement);
            let notarised: Vec<Hash> =
                certified.filter(|said| said.stage != Stage::Skip).map(|said| said.block).collect();
            notarised.iter().for_each(|hash| found.extend(self.blocks.chain(hash).filter(is_there)));
        }
        let Some(honest) = self.honest(node, life) else { return };
        found.into_iter().for_each(|hash| honest.take(hash));
        if honest.is_ahead(&hash) && !self.turn_if_shown(node) {
            return self.schedule(500 * MS, Event::Fetch { node, life, hash });
        }
        let Some(honest) = self.honest(node, life) else { return };
        let is_wanted = honest.core.certified().tip().block == hash;
        if is_wanted && self.apply(node) {
            self.schedule(500 * MS, Event::Fetch { node, life, hash });
        }
    }

    /// Has blocks fetched that are missing up to the notarised block of the highest view.
    pub(super) fn follow(&mut self, node: usize) {
        if self.apply(node)
            && let Node::Honest(honest) = &self.nodes[node]
        {
            let (hash, life) = (honest.core.certified().tip().block, honest.life);
            let after = 2 * self.delay(false);
            self.schedule(after, Event::Fetch { node, life, hash });
        }
    }

    /// Moves the ledger to the notarised block of the highest view whose blocks are here; true if others are missing.
    fn apply(&mut self, node: usize) -> bool {
        let Node::Honest(honest) = &self.nodes[node] else { return false };
        let (certified, life) = (honest.core.certified(), honest.life);
        let blocks = certified.iter().map(|one| one.statement).filter(|said| said.stage != Stage::Skip);
        let here = blocks.filter(|said| honest.has_chain(&said.block, &self.blocks)).max_by_key(place_of);
        let tip = certified.tip();
        let is_missing = tip.view > 0 && here.is_none_or(|here| here.block != tip.block);
        if let Some(here) = here.filter(|here| here.block != honest.applied) {
            let longest = if self.is_calm { 5 * MS } else { micros(self.plan.ledger) };
            let after = 1 + self.rng.below(longest);
            self.schedule(after, Event::Applied { node, life, hash: here.block });
        }
        is_missing
    }

    pub(super) fn on_applied(&mut self, node: usize, life: u64, hash: Hash) {
        if let Node::Honest(honest) = &mut self.nodes[node]
            && honest.is_up
            && honest.life == life
            && let Some(place) = honest.core.certified().place_of(&hash)
            && (honest.applied_view(&self.blocks) < place.view || honest.has_left_final(&self.blocks))
        {
            honest.applied = hash;
            let now = self.clock(node);
            if let Node::Honest(honest) = &mut self.nodes[node] {
                honest.note_ledger(now, &self.blocks);
            }
            self.perform(node);
        }
    }

    /// Does what a core wants, in its order. An authority may crash between any two effects.
    pub(super) fn perform(&mut self, node: usize) {
        loop {
            let Some(honest) = self.honest(node, 0) else { return };
            let effects = honest.core.effects();
            if effects.is_empty() {
                break;
            }
            for effect in effects {
                if !self.is_calm && self.rng.chance(self.plan.crash) {
                    return self.crash(node);
                }
                self.perform_one(node, effect);
            }
        }
        self.look_for_turn(node);
        let Some(honest) = self.honest(node, 0) else { return };
        let deadline = honest.core.deadline();
        if deadline.is_some() && deadline != honest.wakes_at {
            honest.wakes_at = deadline;
            let after = deadline.map_or(0, |at| at.0.saturating_sub(self.now));
            self.schedule(after, Event::Wake { node });
        }
        let is_honest = self.plan.lie(node).is_none();
        if let Node::Honest(honest) = &self.nodes[node]
            && is_honest
        {
            let (tip, highest) = (honest.core.certified().tip(), honest.highest);
            self.checks.builds_on(node, &tip, highest, &self.blocks);
        }
    }

    fn crash(&mut self, node: usize) {
        let away = 1 + self.rng.below(4_000);
        if let Node::Honest(honest) = &mut self.nodes[node] {
            honest.crash(&self.blocks);
        }
        self.schedule(away * MS, Event::Start { node });
    }

    /// Begins with the next set if it is time.
    fn look_for_turn(&mut self, node: usize) {
        if let Node::Honest(honest) = &self.nodes[node]
            && honest.is_up
            && let Some((epoch, base)) = honest.next_turn(&self.blocks)
        {
            self.turn(node, epoch, base);
        }
    }

    /// A block that a later set holds final is here, with all before it: that set is in office. False if there is none.
    fn turn_if_shown(&mut self, node: usize) -> bool {
        let Node::Honest(honest) = &self.nodes[node] else { return false };
        let Some((epoch, certificate)) = honest.shown(&self.blocks) else { return false };
        self.turn(node, epoch, (self.blocks.genesis, None));
        self.with_core(node, |core, now| core.certificate(certificate, now));
        true
    }

    fn turn(&mut self, node: usize, epoch: Epoch, base: Base) {
        let now = self.clock(node);
        let Node::Honest(honest) = &mut self.nodes[node] else { return };
        honest.take_set(epoch, base, now, &self.blocks);
        self.with_core(node, |core, now| core.set_work(true, now));
        self.follow(node);
        let Node::Honest(honest) = &mut self.nodes[node] else { return };
        for (from, message) in std::mem::take(&mut honest.early) {
            self.deliver(from, node, &message);
        }
    }

    /// A message of a set that has not begun here. A final block of that set is a hint that it has: its chain is fetched, whose headers
    /// hand over. The rest waits.
    pub(super) fn on_later(&mut self, from: usize, to: usize, message: &Message, epoch: Epoch) {
        let Some(honest) = self.honest(to, 0) else { return };
        if let Message::Certificate(certificate) = message
            && certificate.statement.stage == Stage::Finalize
        {
            let (hash, life) = (certificate.statement.block, honest.life);
            if honest.is_ahead(&hash) {
                return;
            }
            honest.ahead.insert(epoch, (**certificate).clone());
            if !self.turn_if_shown(to) {
                let after = 2 * self.delay(false);
                self.schedule(after, Event::Fetch { node: to, life, hash });
            }
        } else if epoch == honest.core.set().epoch() + 1 && honest.early.len() < EARLY {
            honest.early.push((from, message.clone()));
        }
    }

    fn perform_one(&mut self, node: usize, effect: Effect) {
        let is_honest = self.plan.lie(node).is_none();
        let copies = self.rng.below(20) == 0;
        let Some(honest) = self.honest(node, 0) else { return };
        if copies {
            honest.copy_disk();
        }
        let life = honest.life;
        match effect {
            Effect::KeepVote(vote) => {
                honest.keep_vote(vote);
                self.checks.written(node, &vote);
            }
            Effect::KeepCertificate(certificate) => {
                honest.keep_certificate(certificate.clone());
                if is_honest {
                    self.checks.certificate(&certificate);
                }
            }
            Effect::ForgetBelow(view) => honest.forget_below(view),
            Effect::KeepEvidence(evidence) => {
                if is_honest {
                    self.checks.evidence(&evidence.0);
                }
            }
            Effect::SendVote(vote) => self.send_to_all(node, &Message::Vote(vote)),
            Effect::SendCertificate(certificate) => {
                self.send_to_all(node, &Message::Certificate(Rc::new(certificate)));
            }
            Effect::Check { hash } => {
                // Whoever has a proposal has its block.
                honest.take(hash);
                let after = 1 + self.rng.below(20 * MS);
                self.schedule(after, Event::Checked { node, life, hash });
            }
            Effect::Lead { view, parent, parent_votes } => {
                let after = 1 + self.rng.below(20 * MS);
                self.schedule(after, Event::Made { node, life, view, parent, votes: parent_votes });
            }
            Effect::Notarised(place) => {
                honest.highest = honest.highest.max(place.view);
                self.follow(node);
            }
            Effect::Final(place) => {
                if is_honest {
                    let epoch = honest.core.set().epoch();
                    self.checks.is_final(node, epoch, place, &self.blocks);
                }
                self.follow(node);
            }
            Effect::Contradiction(_) => {}
            Effect::Repeat => {
                for to in 0..self.plan.nodes {
                    self.catch_up(node, to);
                }
            }
        }
    }
}
