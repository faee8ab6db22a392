//! What this node's key has signed: the newest vote of each stage, and what they still allow.
//!
//! One vote of each stage is enough, since a vote is only signed for a later view than the last of its stage, and neither
//! finality nor skip for a view that is not above the last vote of the other. Views of a later set come after all of an earlier
//! one, whatever their numbers.

use crate::chain::seal::{Epoch, SignedVote, Stage, Statement};

/// The newest own vote of each stage.
#[derive(Clone, Debug, Default)]
pub struct OwnVotes {
    newest: [Option<SignedVote>; 3],
}

impl OwnVotes {
    /// What the disk has.
    pub fn new(votes: &[SignedVote]) -> Self {
        let mut own = Self::default();
        votes.iter().for_each(|vote| own.note(*vote));
        own
    }

    /// Whether signing this contradicts nothing that was signed.
    pub fn allow(&self, statement: &Statement) -> bool {
        let is_over = self.iter().any(|vote| vote.statement.epoch > statement.epoch);
        let after =
            |stage| !is_over && self.of(stage).is_none_or(|vote| place_of(statement) > place_of(&vote.statement));
        match statement.stage {
            Stage::Notarise => after(Stage::Notarise),
            Stage::Skip | Stage::Finalize => after(Stage::Skip) && after(Stage::Finalize),
        }
    }

    /// Whether a view may be skipped that this node left without a word of finality. The last vote to skip, which is of a later
    /// view and on the disk, keeps this node from finality in it for ever: so this vote needs no record of its own.
    pub fn allow_late_skip(&self, statement: &Statement) -> bool {
        let Statement { epoch, view, .. } = *statement;
        let is_over = self.iter().any(|vote| vote.statement.epoch > epoch);
        let skip = self.of(Stage::Skip).map(|vote| vote.statement);
        let is_recorded = skip.is_some_and(|skip| skip.epoch == epoch && skip.view > view);
        let is_not_final = self.of(Stage::Finalize).is_none_or(|vote| place_of(&vote.statement) < (epoch, view));
        !is_over && is_recorded && is_not_final
    }

    /// Remembers a vote.
    pub fn note(&mut self, vote: SignedVote) {
        let newest = &mut self.newest[vote.statement.stage as usize];
        if newest.is_none_or(|newest| place_of(&newest.statement) < place_of(&vote.statement)) {
            *newest = Some(vote);
        }
    }

    /// The newest of a stage.
    pub fn of(&self, stage: Stage) -> Option<&SignedVote> {
        self.newest[stage as usize].as_ref()
    }

    /// The newest of each stage.
    pub fn iter(&self) -> impl Iterator<Item = &SignedVote> {
        self.newest.iter().flatten()
    }
}

/// Later ones come after earlier ones.
pub fn place_of(statement: &Statement) -> (Epoch, u64) {
    (statement.epoch, statement.view)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{base::hash::Hash, chain::seal::Vote};

    #[test]
    fn one_vote_for_a_block_a_view_and_never_skip_and_finality_of_one() {
        let mut own = OwnVotes::default();
        let block = Hash([1; 32]);
        let vote = |statement| SignedVote { statement, signer: 0, vote: Vote { clock: 0, signature: [0; 64] } };
        own.note(vote(Statement::notarise(0, 5, block)));
        assert!(!own.allow(&Statement::notarise(0, 5, Hash([2; 32]))) && !own.allow(&Statement::notarise(0, 4, block)));
        assert!(own.allow(&Statement::notarise(0, 6, block)));
        assert!(own.allow(&Statement::skip(0, 5)) && own.allow(&Statement::finalize(0, 5, block)));
        own.note(vote(Statement::skip(0, 5)));
        assert!(!own.allow(&Statement::finalize(0, 5, block)), "finality after a skip");
        assert!(!own.allow(&Statement::finalize(0, 4, block)), "what the record no longer tells is not signed");
        own.note(vote(Statement::finalize(0, 7, block)));
        assert!(!own.allow(&Statement::skip(0, 7)), "a skip after finality");
        assert!(own.allow(&Statement::skip(0, 8)));
        let mut later = own.clone();
        assert!(later.allow(&Statement::notarise(1, 1, block)), "in another set views of any number are new");
        later.note(vote(Statement::notarise(1, 1, block)));
        assert!(!later.allow(&Statement::skip(0, 9)) && later.allow(&Statement::skip(1, 1)), "the set before is over");
        let late = |own: &OwnVotes, view| own.allow_late_skip(&Statement::skip(0, view));
        assert!(!late(&own, 6), "before finality");
        own.note(vote(Statement::skip(0, 10)));
        assert!(late(&own, 8) && late(&own, 9), "after finality, before a skip");
        assert!(!late(&own, 7) && !late(&own, 10) && !late(&own, 11));
        assert!(!own.allow_late_skip(&Statement::skip(1, 8)), "in another set this node skipped nothing yet");
        let mut over = own.clone();
        over.note(vote(Statement::notarise(1, 1, block)));
        assert!(!late(&over, 8), "the set before is over");
        over.note(vote(Statement::skip(1, 3)));
        assert!(over.allow_late_skip(&Statement::skip(1, 2)), "finality of another set is no finality of this one");
        own.note(vote(Statement::skip(0, 8)));
        assert!(!own.allow(&Statement::finalize(0, 9, block)), "an earlier vote does not replace a later one");
        let again = OwnVotes::new(&own.iter().copied().collect::<Vec<_>>());
        assert!(!again.allow(&Statement::skip(0, 10)) && again.allow(&Statement::skip(0, 11)), "over a restart, too");
        assert!(!late(&again, 7) && late(&again, 8));
    }
}
