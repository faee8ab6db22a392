//! What a seed stands for.

use std::time::Duration;

use super::blocks::key;
use crate::{
    base::rng::Rng,
    chain::seal::{Authorities, Epoch},
};

/// How an authority lies.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Lie {
    /// It says nothing at all.
    Silent,
    /// It proposes several blocks, votes for all, votes for finality and skip of one view, and shows each only to some.
    Everything {
        /// Whether it shows some messages to nobody.
        hides: bool,
        /// Whether it also proposes blocks that are invalid, and on parents that are not the tip.
        is_wild: bool,
    },
    /// It keeps the rules, but each start is on a disk from before.
    OldDisk,
}

/// What is played.
#[derive(Clone, Debug, PartialEq)]
pub struct Plan {
    /// Of everything.
    pub seed: u64,
    /// How many authorities there are in the first set.
    pub count: usize,
    /// How many nodes there are: those of the first set, then those who may join later ones.
    pub nodes: usize,
    /// The sets that take over: the height of the first block, and the nodes.
    pub later: Vec<(u32, Vec<usize>)>,
    /// Those that lie, by number, and how.
    pub liars: Vec<(usize, Lie)>,
    /// How long faults happen.
    pub chaos: Duration,
    /// The longest time that a message takes once all is calm.
    pub delay: Duration,
    /// The longest time that it takes before.
    pub wild_delay: Duration,
    /// Lost messages in a million, before all is calm.
    pub loss: u64,
    /// Crashes in a million effects, before all is calm.
    pub crash: u64,
    /// Whether votes and proposals are passed on.
    pub forwards: bool,
    /// Seconds from one split of the network to the next, before all is calm; 0: none.
    pub split_every: u64,
    /// The longest time from a notarisation to its block on the disk, before all is calm.
    pub ledger: Duration,
    /// Whether all honest authorities lose power at once before all is calm.
    pub blackout: bool,
}

impl Plan {
    /// The plan of a seed. With `too_many` liars nothing is promised.
    pub fn draw(seed: u64, too_many: bool) -> Self {
        let mut rng = Rng::from_number(seed).fork("sealing plan");
        let ms = |rng: &mut Rng, low, high| Duration::from_millis(rng.between(low, high));
        let size = |bound: u64, rng: &mut Rng| usize::try_from(rng.below(bound)).unwrap_or(0);
        let count = if too_many { 4 + 3 * size(2, &mut rng) } else { 1 + size(10, &mut rng) };
        let tolerated = (count - 1) / 3;
        let lying = if too_many {
            tolerated + 1
        } else {
            size(tolerated as u64 + 1, &mut rng).max(size(tolerated as u64 + 1, &mut rng))
        };
        let mut numbers: Vec<usize> = (0..count).collect();
        rng.shuffle(&mut numbers);
        let lie = |rng: &mut Rng| match rng.below(10) {
            _ if too_many => Lie::Everything { hides: false, is_wild: false },
            0 => Lie::Silent,
            1 | 2 => Lie::OldDisk,
            _ => Lie::Everything { hides: rng.below(2) == 0, is_wild: rng.below(2) == 0 },
        };
        let liars = numbers.into_iter().take(lying).map(|number| (number, lie(&mut rng))).collect();
        let calm = [20, 100, 300, 1500][size(4, &mut rng)];
        Self {
            seed,
            count,
            nodes: count,
            later: Vec::new(),
            liars,
            chaos: ms(&mut rng, 3_000, 25_000),
            delay: ms(&mut rng, 1, calm),
            wild_delay: ms(&mut rng, 10, 4_000),
            loss: [0, 10_000, 100_000, 300_000][size(4, &mut rng)],
            crash: [0, 0, 2_000, 10_000][size(4, &mut rng)],
            forwards: rng.below(4) == 0,
            split_every: [0, 2, 5][size(3, &mut rng)],
            ledger: [5, 5, 100, 6_000].map(Duration::from_millis)[size(4, &mut rng)],
            blackout: rng.below(3) == 0,
        }
    }

    /// The same, with one or two sets that take over: one joins, one leaves, both, or a few stay among others.
    pub fn with_later_sets(mut self) -> Self {
        let mut rng = Rng::from_number(self.seed).fork("sealing later sets");
        self.nodes = self.count + usize::try_from(rng.between(1, 3)).unwrap_or(1);
        let (mut members, mut from): (Vec<usize>, u32) = ((0..self.count).collect(), 1);
        for _ in 0..rng.between(1, 2) {
            from += u32::try_from(rng.between(1, 6)).unwrap_or(1);
            members = self.next_set(members, &mut rng);
            self.later.push((from, members.clone()));
        }
        self
    }

    fn next_set(&self, mut members: Vec<usize>, rng: &mut Rng) -> Vec<usize> {
        let mut others: Vec<usize> = (0..self.nodes).filter(|node| !members.contains(node)).collect();
        rng.shuffle(&mut others);
        rng.shuffle(&mut members);
        let kind = rng.below(4);
        match kind {
            0 => members.extend(others.pop()),
            1 | 2 => {
                members.pop();
                members.extend(others.pop().filter(|_| kind == 2));
            }
            _ => {
                let stay = rng.between(1, members.len() as u64 / 2 + 1);
                members.truncate(usize::try_from(stay).unwrap_or(1));
                members.extend(others);
            }
        }
        // No more liars than the set tolerates.
        while members.iter().filter(|node| self.lie(**node).is_some()).count() * 3 + 1 > members.len().max(1) {
            let at = members.iter().rposition(|node| self.lie(*node).is_some());
            if at.map(|at| members.remove(at)).is_none() {
                break;
            }
        }
        if members.is_empty() {
            members.extend((0..self.nodes).find(|node| self.lie(*node).is_none()));
        }
        members
    }

    /// All sets.
    pub(super) fn authorities(&self) -> Authorities {
        let keys = |members: &[usize]| members.iter().map(|node| key(*node)).collect::<Vec<_>>();
        let first: Vec<usize> = (0..self.count).collect();
        Authorities::new(keys(&first), self.later.iter().map(|(from, set)| (*from, keys(set), None)).collect())
    }

    /// The nodes of a set.
    pub(super) fn members(&self, epoch: Epoch) -> Vec<usize> {
        let later = epoch.checked_sub(1).and_then(|at| self.later.get(usize::try_from(at).ok()?));
        later.map_or((0..self.count).collect(), |(_, members)| members.clone())
    }

    /// How an authority lies; `None`: it is honest.
    pub fn lie(&self, number: usize) -> Option<Lie> {
        self.liars.iter().find(|(liar, _)| *liar == number).map(|(_, lie)| *lie)
    }

    /// How many may lie in the largest set.
    pub fn tolerated(&self) -> usize {
        let later = self.later.iter().map(|(_, members)| members.len());
        (later.fold(self.count, usize::max) - 1) / 3
    }

    /// How many of a set decide. Counted here, so that a mistake in the program is not repeated.
    pub fn quorum(&self, epoch: Epoch) -> usize {
        let count = self.members(epoch).len();
        count - (count - 1) / 3
    }
}
