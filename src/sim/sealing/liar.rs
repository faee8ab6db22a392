//! Authorities that lie, together: each view splits the honest ones into two camps, and every liar tells each camp what suits
//! it.

use std::collections::{BTreeMap, BTreeSet};

use crate::{
    base::rng::Rng,
    chain::{
        archive::SealRecord,
        seal::{Authorities, Epoch, SignedVote, Stage, Statement},
    },
    node::sealer::core::{Clock, Core, Effect, Place, Setup, Signing},
};

use super::{
    blocks::{Blocks, Message, Numbers, leader, number},
    honest::{Base, set_of},
    plan::{Lie, Plan},
};

/// A liar.
pub(super) struct Liar {
    node: usize,
    nodes: usize,
    authorities: Authorities,
    seed: u64,
    lie: Lie,
    allies: Vec<usize>,
    rng: Rng,
    /// Follows what the others agree on.
    core: Core,
    /// The blocks proposed in each view, as far as it heard.
    proposed: BTreeMap<u64, Vec<Place>>,
    led: BTreeSet<u64>,
    /// What it has told whom.
    told: BTreeSet<(Statement, usize)>,
}

fn core(authorities: &Authorities, epoch: Epoch, (base, handover): Base, now: Clock) -> Core {
    let set = set_of(authorities, epoch);
    let setup = Setup {
        set: set.clone(),
        own: None,
        base,
        handover,
        block_time: std::time::Duration::ZERO,
        idle_block_time: std::time::Duration::from_secs(3600),
        record: SealRecord::default(),
    };
    Core::new(setup, Box::new(Numbers(set)), now)
}

impl Liar {
    pub(super) fn new(node: usize, lie: Lie, plan: &Plan, blocks: &Blocks) -> Self {
        let (seed, authorities) = (plan.seed, plan.authorities());
        Self {
            node,
            nodes: plan.nodes,
            core: core(&authorities, 0, (blocks.genesis, None), Clock::default()),
            authorities,
            seed,
            lie,
            allies: plan.liars.iter().map(|(ally, _)| *ally).collect(),
            rng: Rng::from_number(seed ^ (node as u64) << 48).fork("liar"),
            proposed: BTreeMap::new(),
            led: BTreeSet::new(),
            told: BTreeSet::new(),
        }
    }

    /// Hears a message; what it passes on.
    pub(super) fn hear(&mut self, message: &Message, now: Clock, blocks: &Blocks, out: &mut Vec<(usize, Message)>) {
        if let Message::Certificate(certificate) = message
            && certificate.statement.stage == Stage::Finalize
            && certificate.statement.epoch > self.core.set().epoch()
        {
            self.turn(certificate.statement.epoch, (blocks.genesis, None), now);
        }
        // A lie of another liar is no news to this one.
        let _ = match message {
            Message::Vote(vote) => self.core.vote(*vote, now),
            Message::Certificate(certificate) => self.core.certificate((**certificate).clone(), now),
            Message::Proposal(proposal) => {
                let places = self.proposed.entry(proposal.view).or_default();
                let place = Place { view: proposal.view, block: proposal.hash };
                if !places.contains(&place) {
                    places.push(place);
                    places.sort();
                }
                self.core.proposal((**proposal).clone(), now)
            }
        };
        for effect in self.core.effects() {
            if let Effect::SendCertificate(certificate) = effect {
                let certificate = Message::Certificate(certificate.into());
                for to in self.others() {
                    if self.shows() {
                        out.push((to, certificate.clone()));
                    }
                }
            }
        }
        let last = self.core.certified().last_final();
        let next = self.authorities.taking_over_at(blocks.height(&last.block) + 1);
        if let Some(term) = next.filter(|term| term.set.epoch() > self.core.set().epoch())
            && let Some(handover) = self.core.certified().finality().cloned()
        {
            let base = Place { view: term.base_view(blocks.own_place(&last).view), block: last.block };
            self.turn(term.set.epoch(), (base, Some(handover)), now);
        }
    }

    fn turn(&mut self, epoch: Epoch, base: Base, now: Clock) {
        self.core = core(&self.authorities, epoch, base, now);
        (self.proposed, self.led, self.told) = Default::default();
    }

    fn others(&self) -> impl Iterator<Item = usize> + use<> {
        let own = self.node;
        (0..self.nodes).filter(move |to| *to != own)
    }

    /// Whether it shows something to somebody.
    fn shows(&mut self) -> bool {
        match self.lie {
            Lie::Everything { hides: true, .. } => self.rng.below(3) == 0,
            Lie::Everything { hides: false, .. } => true,
            Lie::Silent | Lie::OldDisk => false,
        }
    }

    /// The camp of an honest authority in a view: the same to all liars.
    fn camp(&self, view: u64, of: usize) -> usize {
        let mut rng = Rng::from_number(self.seed ^ view << 20 ^ (of as u64) << 50);
        usize::from(rng.below(2) == 1)
    }

    /// Says what it has to say now.
    pub(super) fn act(&mut self, now: Clock, blocks: &mut Blocks, out: &mut Vec<(usize, Message)>) {
        if !matches!(self.lie, Lie::Everything { .. }) {
            return;
        }
        let view = self.core.view();
        self.lead(view, blocks, out);
        for view in view.saturating_sub(2).max(1)..=view {
            self.vote(view, now, out);
        }
        self.proposed = self.proposed.split_off(&view.saturating_sub(8));
        self.told.retain(|(statement, _)| statement.view + 8 > view);
    }

    fn lead(&mut self, view: u64, blocks: &mut Blocks, out: &mut Vec<(usize, Message)>) {
        let is_leader = leader(self.core.set(), view) == self.node;
        if !is_leader || !self.led.insert(view) {
            return;
        }
        let is_wild = matches!(self.lie, Lie::Everything { is_wild: true, .. });
        let mut made = Vec::new();
        for _ in 0..2 {
            let parent = self.parent(is_wild, blocks);
            let Some(votes) = self.core.certified().votes_of(&parent) else { continue };
            let is_valid = !is_wild || self.rng.below(4) > 0;
            let place = blocks.make(view, parent, self.node, is_valid);
            made.push((place, blocks.proposal(place, votes)));
        }
        self.proposed.entry(view).or_default().extend(made.iter().map(|(place, _)| *place));
        for to in 0..self.nodes {
            for (camp, (_, proposal)) in made.iter().enumerate() {
                let is_meant = camp == self.camp(view, to) || made.len() == 1;
                let is_ally = self.allies.contains(&to);
                if is_ally || (is_meant && self.rng.below(8) > 0 && self.shows()) {
                    out.push((to, proposal.clone()));
                }
            }
        }
    }

    fn parent(&mut self, is_wild: bool, blocks: &Blocks) -> Place {
        let certified = self.core.certified();
        let (tip, last) = (certified.tip(), certified.last_final());
        if !is_wild || self.rng.below(2) == 0 {
            return tip;
        }
        // Any notarised block that is not final, or the final one, or one that is left by that.
        let view = self.rng.between(last.view, tip.view);
        let chosen = certified.notarised(view).map(|held| Place { view, block: held.statement.block });
        let before = blocks.get(&last.block).map(|block| block.parent);
        chosen.or(before).unwrap_or(tip)
    }

    fn vote(&mut self, view: u64, now: Clock, out: &mut Vec<(usize, Message)>) {
        let epoch = self.core.set().epoch();
        let places = self.proposed.get(&view).cloned().unwrap_or_default();
        for to in self.others() {
            let camp = self.camp(view, to);
            let suits = places.get(camp.min(places.len().saturating_sub(1)));
            let mut says: Vec<Statement> = Vec::new();
            if let Some(place) = suits {
                says.push(Statement::notarise(epoch, view, place.block));
                says.push(Statement::finalize(epoch, view, place.block));
            }
            // Some views it skips before some, whatever it has said of them.
            if self.camp(view ^ 0xff, to) == 0 {
                says.push(Statement::skip(epoch, view));
            }
            for statement in says {
                self.tell(statement, to, now, out);
            }
        }
    }

    fn tell(&mut self, statement: Statement, to: usize, now: Clock, out: &mut Vec<(usize, Message)>) {
        let is_late = statement.stage == Stage::Skip && self.rng.below(4) > 0;
        if is_late || self.told.contains(&(statement, to)) || !self.shows() {
            return;
        }
        self.told.insert((statement, to));
        let set = self.core.set().clone();
        let Some(own) = number(&set, self.node) else { return };
        let vote: SignedVote = Numbers(set).sign(statement, own, now.unix_ms);
        out.push((to, Message::Vote(vote)));
    }
}
