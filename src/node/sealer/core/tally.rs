//! Votes that were checked, by view: one for each member, stage and view, in a bounded window.

use std::collections::{BTreeMap, BTreeSet};

use crate::chain::seal::{Certificate, Epoch, SignedVote, Stage, Statement, Votes};

/// Views before and after the current one of which votes are kept. Who is further away moves by certificates.
pub const VOTE_WINDOW: u64 = 16;

/// Two votes of one authority that exclude each other.
pub type Evidence = (SignedVote, SignedVote);

/// What became of a vote.
#[derive(Clone, Debug, PartialEq)]
pub enum Counted {
    /// It is new.
    Fresh,
    /// The same was said before, or this authority is known to lie and said something else before.
    Known,
    /// New, and its signer is proven to lie.
    Lies(Box<Evidence>),
}

/// The votes.
#[derive(Debug, Default)]
pub struct Tally {
    votes: BTreeMap<(u64, Stage, u8), SignedVote>,
    newest: BTreeMap<(u8, Stage), SignedVote>,
    /// Whose newest votes are newer than those on the disk.
    unkept: BTreeSet<(u8, Stage)>,
    evidence: BTreeMap<u8, Evidence>,
}

impl Tally {
    /// With what the disk has of a set.
    pub fn new(epoch: Epoch, evidence: &[Evidence]) -> Self {
        let of_set = evidence.iter().filter(|(first, _)| first.statement.epoch == epoch);
        let evidence = of_set.map(|pair| (pair.0.signer, *pair)).collect();
        Self { evidence, ..Self::default() }
    }

    /// Whether this very vote is here, so that its signature holds.
    pub fn has(&self, vote: &SignedVote) -> bool {
        let Statement { view, stage, .. } = vote.statement;
        self.votes.get(&(view, stage, vote.signer)) == Some(vote)
    }

    /// Whether this authority's vote of the same stage and view is here, for whatever block, and no other would be news.
    pub fn is_settled(&self, vote: &SignedVote) -> bool {
        let Statement { view, stage, block, .. } = vote.statement;
        let kept = self.votes.get(&(view, stage, vote.signer));
        kept.is_some_and(|kept| kept.statement.block == block || self.evidence.contains_key(&vote.signer))
    }

    /// Counts a vote whose signature holds.
    pub fn add(&mut self, vote: SignedVote) -> Counted {
        let Statement { view, stage, .. } = vote.statement;
        let lies = self.contradicted(&vote).filter(|_| !self.evidence.contains_key(&vote.signer));
        let fresh = !self.votes.contains_key(&(view, stage, vote.signer));
        self.votes.entry((view, stage, vote.signer)).or_insert(vote);
        self.hear(vote);
        match lies {
            Some(earlier) => {
                self.evidence.insert(vote.signer, (earlier, vote));
                Counted::Lies(Box::new((earlier, vote)))
            }
            None if fresh => Counted::Fresh,
            None => Counted::Known,
        }
    }

    /// Takes a vote whose signature holds for the newest of its signer and stage, if it is, without counting it.
    pub fn hear(&mut self, vote: SignedVote) {
        if self.remember(vote) {
            self.unkept.insert((vote.signer, vote.statement.stage));
        }
    }

    /// Whether a vote would be the newest of its signer and stage.
    pub fn is_newest(&self, vote: &SignedVote) -> bool {
        let newest = self.newest.get(&(vote.signer, vote.statement.stage));
        newest.is_none_or(|newest| newest.statement.view < vote.statement.view)
    }

    /// The same for one that the disk has. Whether it is.
    pub fn remember(&mut self, vote: SignedVote) -> bool {
        let is_newest = self.is_newest(&vote);
        if is_newest {
            self.newest.insert((vote.signer, vote.statement.stage), vote);
        }
        is_newest
    }

    /// Whether there are newest votes that [`Tally::take_unkept`] has not returned.
    pub fn has_unkept(&self) -> bool {
        !self.unkept.is_empty()
    }

    /// The newest votes that are here and were not returned before.
    pub fn take_unkept(&mut self) -> Vec<SignedVote> {
        let keys = std::mem::take(&mut self.unkept);
        keys.iter().filter_map(|key| self.newest.get(key).copied()).collect()
    }

    /// A vote that is here and that an honest signer of `vote` cannot have signed.
    fn contradicted(&self, vote: &SignedVote) -> Option<SignedVote> {
        let Statement { view, stage, block, .. } = vote.statement;
        let same = self.votes.get(&(view, stage, vote.signer)).filter(|kept| kept.statement.block != block);
        let excluded = match stage {
            Stage::Notarise => None,
            Stage::Skip => self.votes.get(&(view, Stage::Finalize, vote.signer)),
            Stage::Finalize => self.votes.get(&(view, Stage::Skip, vote.signer)),
        };
        same.or(excluded).copied()
    }

    /// The certificate for a statement, if `quorum` members voted for it.
    pub fn certificate(&self, statement: Statement, quorum: usize) -> Option<Certificate> {
        let agree = self.of(statement.view, statement.stage).filter(|vote| vote.statement == statement);
        let votes = Votes::collect(agree.map(|vote| (usize::from(vote.signer), vote.vote)));
        (votes.count() >= quorum).then_some(Certificate { statement, votes })
    }

    /// Whether this member voted to skip a view.
    pub fn has_skipped(&self, view: u64, signer: u8) -> bool {
        self.votes.contains_key(&(view, Stage::Skip, signer))
    }

    /// How many members voted to skip a view, `but` one.
    pub fn skips(&self, view: u64, but: Option<u8>) -> usize {
        self.of(view, Stage::Skip).filter(|vote| Some(vote.signer) != but).count()
    }

    /// The votes of a view and stage.
    pub fn of(&self, view: u64, stage: Stage) -> impl Iterator<Item = &SignedVote> {
        self.votes.range((view, stage, 0)..=(view, stage, u8::MAX)).map(|(_, vote)| vote)
    }

    /// What others may miss: the votes of these views, and those for finality of all views.
    pub fn wanted_in(&self, views: &[u64]) -> impl Iterator<Item = &SignedVote> {
        let is_wanted = |vote: &&SignedVote| match vote.statement.stage {
            Stage::Finalize => true,
            Stage::Notarise | Stage::Skip => views.contains(&vote.statement.view),
        };
        self.votes.values().filter(is_wanted)
    }

    /// The newest vote of each stage of a member.
    pub fn newest(&self, signer: u8) -> impl Iterator<Item = &SignedVote> {
        self.newest.range((signer, Stage::Notarise)..=(signer, Stage::Finalize)).map(|(_, vote)| vote)
    }

    /// Forgets the votes of views outside of this range, but for those of `open` views before it.
    pub fn keep(&mut self, from: u64, to: u64, open: &[u64]) {
        let kept = self.votes.split_off(&(from, Stage::Notarise, 0));
        let mut before = std::mem::replace(&mut self.votes, kept);
        before.retain(|(view, ..), _| open.contains(view));
        self.votes.extend(before);
        self.votes.split_off(&(to.saturating_add(1), Stage::Notarise, 0));
    }

    /// The members whose votes prove that they lie.
    pub fn liars(&self) -> impl Iterator<Item = u8> {
        self.evidence.keys().copied()
    }
}
