//! What cores want of their nodes, done in its order, and what comes of it.

use std::rc::Rc;

use crate::{
    base::hash::Hash,
    chain::seal::Votes,
    node::sealer::core::{Effect, Place},
};

use super::{
    blocks::Message,
    world::{Event, MS, Node, World},
};

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
        if self.honest(node, life).is_none() {
            return;
        }
        let place = self.blocks.make(view, parent, node, true);
        let message = self.blocks.proposal(place, votes);
        self.hear_proposal(node, &message);
        for to in 0..self.plan.count {
            self.send(node, to, message.clone());
        }
    }

    pub(super) fn on_fetch(&mut self, node: usize, life: u64, hash: Hash) {
        if self.honest(node, life).is_none() {
            return;
        }
        let side = self.sides[node];
        let is_there = |(other, held): (usize, &Node)| {
            let Node::Honest(held) = held else { return false };
            other != node && held.is_up && self.sides[other] == side && held.has_chain(&hash, &self.blocks)
        };
        if !self.nodes.iter().enumerate().any(is_there) {
            self.schedule(500 * MS, Event::Fetch { node, life, hash });
            return;
        }
        let chain: Vec<Hash> = self.blocks.chain(&hash).collect();
        if let Some(honest) = self.honest(node, life) {
            chain.into_iter().for_each(|hash| honest.take(hash));
        }
        self.apply(node);
    }

    /// Moves the ledger to the notarised block of the highest view, or has that fetched.
    fn apply(&mut self, node: usize) {
        let Node::Honest(honest) = &mut self.nodes[node] else { return };
        let (tip, life) = (honest.core.certified().tip(), honest.life);
        if honest.has_chain(&tip.block, &self.blocks) {
            let after = 1 + self.rng.below(5 * MS);
            self.schedule(after, Event::Applied { node, life, hash: tip.block });
        } else {
            let after = self.delay(false);
            self.schedule(2 * after, Event::Fetch { node, life, hash: tip.block });
        }
    }

    pub(super) fn on_applied(&mut self, node: usize, life: u64, hash: Hash) {
        if let Some(honest) = self.honest(node, life)
            && honest.core.certified().tip().block == hash
            && honest.applied != hash
        {
            honest.applied = hash;
            self.with_core(node, |core, now| core.set_ledger(hash, now));
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

    fn perform_one(&mut self, node: usize, effect: Effect) {
        let is_honest = self.plan.lie(node).is_none();
        let copies = self.rng.below(20) == 0;
        let Some(honest) = self.honest(node, 0) else { return };
        if copies {
            honest.copy_disk();
        }
        let life = honest.life;
        match effect {
            Effect::KeepVote(vote) => honest.keep_vote(vote),
            Effect::KeepCertificate(certificate) => {
                honest.keep_certificate(certificate.clone());
                if is_honest {
                    self.checks.certificate(&certificate);
                }
            }
            Effect::ForgetBelow(view) => honest.forget_below(view),
            Effect::KeepEvidence(evidence) => {
                if is_honest {
                    self.checks.evidence(evidence.0.signer);
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
                self.apply(node);
            }
            Effect::Final(place) => {
                if is_honest {
                    self.checks.is_final(node, place, &self.blocks);
                }
                self.apply(node);
            }
            Effect::Contradiction(_) => {}
            Effect::Repeat => {
                for to in 0..self.plan.count {
                    self.catch_up(node, to);
                }
            }
        }
    }
}
