//! Who may seal blocks, from which height on.

use crate::{
    base::{
        hash::{Domain, Hash},
        limits::MAX_AUTHORITIES,
    },
    chain::seal::{Certificate, Epoch, SignedVote},
};

/// The authorities of one epoch, in the order of the chain's file. Of `n`, `f = ⌊(n − 1) / 3⌋` may fail or lie, and
/// `n − f` together decide (Chan and Pass, "Simplex Consensus", 2023).
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct AuthoritySet {
    keys: Vec<[u8; 32]>,
    epoch: Epoch,
    hash: Hash,
}

/// A set and the blocks that it seals.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Term {
    /// The height of its first block. Its last is the one before the next set's first.
    pub from: u32,
    /// Who seals.
    pub set: AuthoritySet,
    /// The block before its first, if all operators have agreed that it is final, since the quorum of the set before is
    /// lost. No other block is followed by this set.
    pub continues: Option<Hash>,
}

/// All sets of a chain; none on a chain of proof of work.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Authorities {
    /// Ascending by height; the first from 1.
    terms: Vec<Term>,
}

/// How far the views of a set that continues for a lost one are above those of the block that it continues: blocks which the
/// lost set notarised after that one have lower views, so that they are left.
pub const CONTINUED_VIEWS: u64 = 1 << 32;

impl AuthoritySet {
    /// A set of 1 to 64 keys.
    pub fn new(epoch: Epoch, keys: Vec<[u8; 32]>) -> Self {
        debug_assert!((1..=MAX_AUTHORITIES).contains(&keys.len()), "a chain's file is checked when it is read");
        let hash = Domain::AUTHORITIES.hash(&[&epoch.to_le_bytes()[..], &keys.concat()].concat());
        Self { keys, epoch, hash }
    }

    /// Its keys.
    pub fn keys(&self) -> &[[u8; 32]] {
        &self.keys
    }

    /// Its number.
    pub fn epoch(&self) -> Epoch {
        self.epoch
    }

    /// What headers commit to.
    pub fn hash(&self) -> Hash {
        self.hash
    }

    /// How many there are.
    pub fn count(&self) -> usize {
        self.keys.len()
    }

    /// How many may fail or lie.
    pub fn tolerated(&self) -> usize {
        self.keys.len().saturating_sub(1) / 3
    }

    /// How many decide.
    pub fn quorum(&self) -> usize {
        self.keys.len() - self.tolerated()
    }

    /// The number of the authority with this key.
    pub fn number_of(&self, key: &[u8; 32]) -> Option<usize> {
        self.keys.iter().position(|other| other == key)
    }

    /// Who proposes in a view: the authorities in turn, beginning with one that depends on the set.
    pub fn leader(&self, view: u64) -> usize {
        let [a, b, c, d, ..] = self.hash.0;
        let first = u64::from(u32::from_le_bytes([a, b, c, d]));
        let count = self.keys.len().max(1) as u64;
        usize::try_from((view % count + first % count) % count).unwrap_or(0)
    }

    /// Whether an authority of this set signed the vote.
    pub fn holds(&self, genesis: &Hash, signed: &SignedVote) -> bool {
        let key = self.keys.get(usize::from(signed.signer));
        key.is_some_and(|key| signed.statement.epoch == self.epoch && signed.holds(genesis, key))
    }

    /// Whether a quorum of this set signed the certificate. Costs a signature check for each vote.
    pub fn certifies(&self, genesis: &Hash, certificate: &Certificate) -> bool {
        if certificate.statement.epoch != self.epoch || certificate.votes.count() < self.quorum() {
            return false;
        }
        certificate.signed_votes().all(|signed| self.holds(genesis, &signed))
    }
}

impl Authorities {
    /// The first set, and the later ones in the order of their heights, with the block that each continues. Their numbers
    /// follow from that order.
    pub fn new(first: Vec<[u8; 32]>, later: Vec<(u32, Vec<[u8; 32]>, Option<Hash>)>) -> Self {
        let all = std::iter::once((1, first, None)).chain(later);
        let term = |(epoch, (from, keys, continues))| Term { from, set: AuthoritySet::new(epoch, keys), continues };
        Self { terms: (0..).zip(all).map(term).collect() }
    }

    /// All sets, ascending by height.
    pub fn terms(&self) -> &[Term] {
        &self.terms
    }

    /// Which set seals the block at a height; `None` on a chain of proof of work.
    pub fn term_at(&self, height: u32) -> Option<&Term> {
        let after = self.terms.partition_point(|term| term.from <= height.max(1));
        after.checked_sub(1).and_then(|at| self.terms.get(at))
    }

    /// Who seals the block at a height; `None` on a chain of proof of work.
    pub fn at(&self, height: u32) -> Option<&AuthoritySet> {
        self.term_at(height).map(|term| &term.set)
    }

    /// The set of an epoch.
    pub fn of(&self, epoch: Epoch) -> Option<&AuthoritySet> {
        self.term_of(epoch).map(|term| &term.set)
    }

    /// The set of an epoch, and what it seals.
    pub fn term_of(&self, epoch: Epoch) -> Option<&Term> {
        self.terms.get(usize::try_from(epoch).ok()?)
    }

    /// The set that begins with the block at this height, if one takes over from another there.
    pub fn taking_over_at(&self, height: u32) -> Option<&Term> {
        self.term_at(height).filter(|term| height > 1 && term.from == height)
    }

    /// Whether a set seals this block for the last time.
    pub fn is_last_of_set(&self, height: u32) -> bool {
        self.taking_over_at(height.saturating_add(1)).is_some()
    }
}

impl Term {
    /// The view above which its first blocks are proposed. `parent`: the view of the block before them.
    pub fn base_view(&self, parent: u64) -> u64 {
        self.continues.map_or(parent, |_| parent.saturating_add(CONTINUED_VIEWS))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn quorums_overlap_in_more_than_may_lie() {
        for count in 1..=MAX_AUTHORITIES {
            let set = AuthoritySet::new(0, vec![[0; 32]; count]);
            let (quorum, lying) = (set.quorum(), set.tolerated());
            assert!(2 * quorum - count > lying, "two quorums of {count} share an honest member");
            assert!(count - lying >= quorum, "the honest of {count} are a quorum");
            assert!(3 * lying < count && count <= 3 * lying + 3);
        }
    }

    #[test]
    fn each_leads_in_turn() {
        let set = AuthoritySet::new(3, (0..5).map(|n| [n; 32]).collect());
        let leaders: Vec<usize> = (7..12).map(|view| set.leader(view)).collect();
        let mut sorted = leaders.clone();
        sorted.sort_unstable();
        assert_eq!(sorted, [0, 1, 2, 3, 4]);
        assert_eq!(set.leader(12), leaders[0]);
        assert!(set.leader(u64::MAX) < 5);
    }

    #[test]
    fn a_set_seals_from_its_height_on() {
        let all =
            Authorities::new(vec![[1; 32]], vec![(10, vec![[1; 32]], None), (20, vec![[2; 32]], Some(Hash([7; 32])))]);
        let epochs = [0, 1, 9, 10, 19, u32::MAX].map(|height| all.at(height).map(AuthoritySet::epoch));
        assert_eq!(epochs, [Some(0), Some(0), Some(0), Some(1), Some(1), Some(2)]);
        assert_eq!(all.of(1).map(AuthoritySet::epoch), Some(1));
        assert!(all.of(3).is_none() && Authorities::default().at(5).is_none());
        let takes_over: Vec<u32> = (0..30).filter(|height| all.taking_over_at(*height).is_some()).collect();
        let lasts: Vec<u32> = (0..30).filter(|height| all.is_last_of_set(*height)).collect();
        assert_eq!((takes_over, lasts), (vec![10, 20], vec![9, 19]));
        assert_ne!(
            all.of(0).map(AuthoritySet::hash),
            all.of(1).map(AuthoritySet::hash),
            "the same keys in another epoch"
        );
        assert_eq!([1, 2].map(|epoch| all.term_of(epoch).unwrap().base_view(5)), [5, 5 + CONTINUED_VIEWS]);
    }
}
