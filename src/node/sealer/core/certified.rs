//! What is certified: the last final block, and the notarised and skipped views above it.

use std::collections::BTreeMap;

use super::runs::Runs;
use crate::{
    base::hash::Hash,
    chain::seal::{Certificate, Stage, Statement, Votes},
};

/// Bytes of certificates that are kept. While nothing becomes final, each view adds one. When they are full, that of the lowest
/// skipped view goes: this node still knows that the view is skipped, and can show it to nobody.
const MAX_CERTIFIED_BYTES: usize = 4 << 20;

/// A block in the view in which it was notarised. Genesis has view 0.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Place {
    /// The view.
    pub view: u64,
    /// The block.
    pub block: Hash,
}

/// The certificates that matter.
#[derive(Debug)]
pub struct Certified {
    /// What the set builds on: genesis, or the last block of the set before.
    base: Place,
    last_final: Place,
    /// Of the last final block; at first by the set before.
    finality: Option<Certificate>,
    /// From the view of the last final block on.
    notarised: BTreeMap<u64, Certificate>,
    /// Above it. They stay until a later view is final.
    skipped: BTreeMap<u64, Certificate>,
    /// Views below those, whose certificates had to go.
    unshown: Runs,
    /// Bytes of all that is kept above the last final block.
    bytes: usize,
}

impl Certified {
    /// Nothing but what the set builds on, and the certificate by which that is final; none for genesis.
    pub fn new(base: Place, handover: Option<Certificate>) -> Self {
        let (notarised, skipped) = (BTreeMap::new(), BTreeMap::new());
        Self { base, last_final: base, finality: handover, notarised, skipped, unshown: Runs::default(), bytes: 0 }
    }

    /// The last final block.
    pub fn last_final(&self) -> Place {
        self.last_final
    }

    /// What shows that it is final; `None` for genesis.
    pub fn finality(&self) -> Option<&Certificate> {
        self.finality.as_ref()
    }

    /// Whether a certificate of this view and stage says nothing new.
    pub fn is_settled(&self, statement: &Statement) -> bool {
        let (view, last) = (statement.view, self.last_final.view);
        match statement.stage {
            Stage::Finalize => view <= last,
            Stage::Skip => view <= last || self.is_skipped(view),
            Stage::Notarise => view < last || view <= self.base.view || self.notarised.contains_key(&view),
        }
    }

    /// Whether certificates of this and of what is here show that more members lie than may: in one view two blocks are
    /// notarised or final, or one is final in a view that is skipped.
    pub fn contradicts(&self, statement: &Statement) -> bool {
        let Statement { view, stage, block, .. } = *statement;
        let other = |held: &Certificate| held.statement.block != block;
        match stage {
            Stage::Skip => false,
            Stage::Notarise => view == self.last_final.view && block != self.last_final.block,
            Stage::Finalize => self.is_skipped(view) || self.notarised.get(&view).is_some_and(other),
        }
    }

    /// Adds a certificate that holds and is not settled. Says no to one that would leave what is final.
    pub fn add(&mut self, certificate: Certificate) -> bool {
        let (Statement { view, stage, block, .. }, size) = (certificate.statement, size(&certificate));
        match stage {
            Stage::Skip => {
                self.bytes += size;
                self.skipped.insert(view, certificate);
            }
            Stage::Notarise if view == self.last_final.view && block != self.last_final.block => return false,
            Stage::Notarise => {
                self.bytes += size;
                self.notarised.insert(view, certificate);
            }
            Stage::Finalize => {
                self.last_final = Place { view, block };
                self.finality = Some(certificate);
                self.skipped = self.skipped.split_off(&view.saturating_add(1));
                self.notarised = self.notarised.split_off(&view);
                self.notarised.retain(|at, notarised| *at != view || notarised.statement.block == block);
                self.unshown.forget_up_to(view);
                self.bytes = self.skipped.values().chain(self.notarised.values()).map(self::size).sum();
            }
        }
        self.shrink();
        true
    }

    fn shrink(&mut self) {
        while self.bytes > MAX_CERTIFIED_BYTES
            && let Some((view, lowest)) = self.skipped.pop_first()
        {
            self.bytes -= size(&lowest);
            self.unshown.insert(view);
        }
    }

    /// The block on which the next one is to be built: of the descendants of the last final block the notarised one of the
    /// highest view.
    pub fn tip(&self) -> Place {
        let highest = self.notarised.last_key_value();
        highest.map_or(self.last_final, |(view, certificate)| Place { view: *view, block: certificate.statement.block })
    }

    /// The votes that notarised a block, or made the last one of the set before final; none for genesis.
    pub fn votes_of(&self, place: &Place) -> Option<Votes> {
        let notarised = self.notarised.get(&place.view).filter(|held| held.statement.block == place.block);
        match notarised {
            Some(certificate) => Some(certificate.votes.clone()),
            None if *place == self.base && self.last_final == self.base => {
                Some(self.finality.as_ref().map_or(Votes::default(), |finality| finality.votes.clone()))
            }
            None => None,
        }
    }

    /// The notarised block of a view.
    pub fn notarised(&self, view: u64) -> Option<&Certificate> {
        self.notarised.get(&view)
    }

    /// Where a block is, if it is notarised or final: in the highest view, if it is the last of its set and was notarised again.
    pub fn place_of(&self, block: &Hash) -> Option<Place> {
        let mut notarised = self.notarised.iter().rev().filter(|(_, held)| held.statement.block == *block);
        let place = notarised.next().map(|(view, _)| Place { view: *view, block: *block });
        place.or_else(|| (self.last_final.block == *block).then_some(self.last_final))
    }

    /// Whether this view is known to be skipped.
    pub fn is_skipped(&self, view: u64) -> bool {
        self.skipped.contains_key(&view) || self.unshown.contains(view)
    }

    /// Whether every view between these two is known to be skipped.
    pub fn are_skipped(&self, parent: u64, view: u64) -> bool {
        let between = view.checked_sub(parent).and_then(|apart| apart.checked_sub(1));
        let Some(between) = between else { return false };
        let from = parent.saturating_add(1);
        between == 0 || self.skipped.range(from..view).count() as u64 + self.unshown.count(from, view) == between
    }

    /// The lowest views between these two that are not known to be skipped; `most` at most.
    pub fn unskipped(&self, parent: u64, view: u64, most: usize) -> Vec<u64> {
        let from = self.unshown.end_of(parent.saturating_add(1));
        let mut skipped = self.skipped.range(from..view.max(from)).map(|(at, _)| *at).peekable();
        let is_open = |at: &u64| skipped.next_if_eq(at).is_none() && !self.unshown.contains(*at);
        (from..view).filter(is_open).take(most).collect()
    }

    /// Whether nothing final is left by a block on this parent.
    pub fn keeps_final(&self, parent: &Place) -> bool {
        parent.view > self.last_final.view || *parent == self.last_final
    }

    /// The highest view with a certificate.
    pub fn highest(&self) -> u64 {
        let last = |map: &BTreeMap<u64, Certificate>| map.last_key_value().map_or(0, |(view, _)| *view);
        self.last_final.view.max(last(&self.notarised)).max(last(&self.skipped)).max(self.unshown.last())
    }

    /// All that matters, in an order in which each is of use at once: the newest finality, then notarised and skipped views
    /// in order.
    pub fn iter(&self) -> impl Iterator<Item = &Certificate> {
        self.finality.iter().chain(self.iter_from(0))
    }

    /// Notarised and skipped views from this one on, in order.
    pub fn iter_from(&self, view: u64) -> impl Iterator<Item = &Certificate> {
        let mut notarised = self.notarised.range(view..).peekable();
        let mut skipped = self.skipped.range(view..).peekable();
        std::iter::from_fn(move || {
            let is_notarised = match (notarised.peek(), skipped.peek()) {
                (Some((notarised, _)), Some((skipped, _))) => notarised <= skipped,
                (notarised, _) => notarised.is_some(),
            };
            let next = if is_notarised { notarised.next() } else { skipped.next() };
            next.map(|(_, certificate)| certificate)
        })
    }

    /// About the bytes of all of them.
    pub fn bytes(&self) -> usize {
        self.bytes + self.finality.as_ref().map_or(0, size)
    }

    /// Of the highest view, if there is any above the last final block.
    pub fn newest(&self) -> Option<&Certificate> {
        let last = |map: &'_ BTreeMap<u64, Certificate>| map.last_key_value().map(|(view, _)| *view);
        let is_skip = last(&self.skipped) > last(&self.notarised);
        let map = if is_skip { &self.skipped } else { &self.notarised };
        map.last_key_value().map(|(_, certificate)| certificate)
    }
}

/// About the bytes that a certificate takes.
fn size(certificate: &Certificate) -> usize {
    64 + 72 * certificate.votes.count()
}
