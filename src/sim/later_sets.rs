//! Sets of authorities that take over from the first one during a run.

use serde::Serialize;

use crate::{
    base::rng::Rng,
    chain::seal::Epoch,
    sim::{
        dice::Dice,
        options::Options,
        sealed::{number_of, tolerated},
    },
};

/// Heights after which the first later set takes over, at least and at most; and each other one after the one before.
const FIRST: (u64, u64) = (1, 12);
const NEXT: (u64, u64) = (1, 8);

/// A later set.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct LaterSet {
    /// The height of its first block.
    pub from: u32,
    /// Who seals, by the numbers of all authorities of the run: those of the first set, then those who join later.
    pub members: Vec<usize>,
}

/// How many honest nodes may join later sets.
pub(super) fn draw_joiners(dice: &Dice, later_sets: usize) -> usize {
    if later_sets == 0 { 0 } else { dice.size("joiners", &[1, 1, 2, 3]) }
}

/// How many sets there are after the first one.
pub(super) fn draw_count(dice: &Dice) -> usize {
    dice.size("later_sets", &[0, 0, 1, 1, 2])
}

impl Options {
    /// Draws so many later sets.
    pub(super) fn draw_later_sets(&mut self, dice: &Dice, count: usize) {
        if self.is_overthrown() || self.authorities == 0 {
            return;
        }
        let mut rng = dice.stream("later_sets_members");
        let honest = self.authorities - self.lying_authorities;
        let joiner = usize::from(self.joiner().is_some());
        let all = self.authorities + self.nodes.saturating_sub(honest + joiner);
        let (mut members, mut from) = (self.members(0), 1);
        for number in 0..count {
            let (low, high) = if number == 0 { FIRST } else { NEXT };
            from += rng.between(low, high);
            members = self.next_set(members, all, &mut rng);
            let from = u32::try_from(from).unwrap_or(u32::MAX);
            self.later_sets.push(LaterSet { from, members: members.clone() });
        }
    }

    /// One joins, one leaves, both, or a few stay among others. Never more liars than the set tolerates.
    fn next_set(&self, mut members: Vec<usize>, all: usize, rng: &mut Rng) -> Vec<usize> {
        let mut others: Vec<usize> = (0..all).filter(|number| !members.contains(number)).collect();
        rng.shuffle(&mut others);
        rng.shuffle(&mut members);
        match rng.below(4) {
            0 => members.extend(others.pop()),
            1 => drop(members.pop()),
            2 => {
                members.pop();
                members.extend(others.pop());
            }
            _ => {
                let stay = rng.between(1, members.len() as u64 / 2 + 1);
                members.truncate(usize::try_from(stay).unwrap_or(1));
                members.extend(others);
            }
        }
        let liars = super::sealed::liars(self);
        let count = |members: &[usize]| members.iter().filter(|number| liars.contains(number)).count();
        while count(&members) > tolerated(members.len()) {
            let at = members.iter().rposition(|number| liars.contains(number));
            at.map(|at| members.remove(at));
        }
        if members.is_empty() { vec![0] } else { members }
    }

    /// The authorities of a set, by their numbers in the run.
    pub(super) fn members(&self, epoch: Epoch) -> Vec<usize> {
        let later = |later: u32| self.later_sets.get(usize::try_from(later).ok()?);
        match epoch.checked_sub(1) {
            None => (0..self.authorities).collect(),
            Some(at) => later(at).map_or(Vec::new(), |set| set.members.clone()),
        }
    }

    /// A node's number in a set, by which its votes name it.
    pub(super) fn signer(&self, epoch: Epoch, node: usize) -> Option<usize> {
        let number = number_of(self, node)?;
        self.members(epoch).iter().position(|member| *member == number)
    }

    /// How many of a set decide.
    pub(super) fn quorum(&self, epoch: Epoch) -> usize {
        let count = self.members(epoch).len();
        count - tolerated(count)
    }
}
