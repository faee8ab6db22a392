//! What one peer was asked about new blocks, and whether it is worth waiting for.
//!
//! Whoever tells of a block first is asked first. So a few peers that tell of each block and never answer could hold up each by
//! as long as their answers are waited for, and pay nothing: a slow line does the same. Hence the better peer is asked first,
//! also while a worse one is waited for.

use std::collections::VecDeque;

use crate::{
    base::{
        hash::Hash,
        limits::{COMPACT_QUESTIONS_PER_SECOND, STALLER_KEPT},
        time::Time,
    },
    node::rate_limit::RateLimit,
};

/// `GetBlockTransactions` of one peer that are open at the same time.
const MAX_OPEN: usize = 8;

/// What a peer was asked for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum What {
    /// The compact block.
    Compact,
    /// The transactions that are missing.
    Transactions,
    /// The whole block.
    Block,
}

/// What can be expected of a peer that tells of a block, the best first.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Standing {
    /// It has delivered blocks, and let no question for a new one lapse since.
    Serves,
    /// It was never asked for any.
    Unknown,
    /// Lately it did not answer in time.
    Lapsed,
}

#[derive(Debug)]
struct Asked {
    hash: Hash,
    what: What,
    /// Its time is over, and another peer was asked.
    is_late: bool,
}

/// Questions for compact blocks and for transactions.
#[derive(Debug)]
pub(super) struct Questions {
    /// Without an answer, oldest first.
    open: VecDeque<Asked>,
    /// How many it may be asked.
    rate: RateLimit,
    serves: bool,
    /// When a question lapsed.
    lapsed: Option<Time>,
}

impl Questions {
    /// `lapsed`: when a question to this node or address lapsed on an earlier link.
    pub(super) fn new(lapsed: Option<Time>) -> Self {
        let rate = RateLimit::per_second(COMPACT_QUESTIONS_PER_SECOND / 2);
        Self { open: VecDeque::new(), rate, serves: false, lapsed }
    }

    /// Notes a question, if the peer may be asked one more.
    pub(super) fn may_ask(&mut self, now: Time, hash: Hash, what: What) -> bool {
        let may_ask = self.open.len() < MAX_OPEN && self.rate.take(now);
        if may_ask {
            self.open.push_back(Asked { hash, what, is_late: false });
        }
        may_ask
    }

    /// Takes the oldest question about the block off the list. `what`: only one for this.
    pub(super) fn answered(&mut self, hash: &Hash, what: Option<What>) -> Option<What> {
        let matches = |asked: &Asked| asked.hash == *hash && what.is_none_or(|what| what == asked.what);
        let asked = self.open.iter().position(matches).and_then(|at| self.open.remove(at))?;
        // `None`: it says that it does not have it.
        if !asked.is_late && what.is_some() {
            (self.serves, self.lapsed) = (true, None);
        }
        Some(asked.what)
    }

    /// The time for an answer about this block is over.
    pub(super) fn lapse(&mut self, now: Time, hash: &Hash) {
        self.open.iter_mut().filter(|asked| asked.hash == *hash).for_each(|asked| asked.is_late = true);
        (self.serves, self.lapsed) = (false, Some(now));
    }

    /// When a question lapsed, if no other was answered in time since.
    pub(super) fn lapsed(&self) -> Option<Time> {
        self.lapsed
    }

    /// `has_delivered`: it has sent some block that it was asked for.
    pub(super) fn standing(&self, now: Time, has_delivered: bool) -> Standing {
        match self.lapsed {
            Some(lapsed) if lapsed + STALLER_KEPT > now => Standing::Lapsed,
            _ if self.serves || has_delivered => Standing::Serves,
            _ => Standing::Unknown,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_answer_in_time_makes_good_for_one_that_was_late() {
        let (mut questions, hash) = (Questions::new(None), Hash([1; 32]));
        let ask = |questions: &mut Questions| assert!(questions.may_ask(Time(0), hash, What::Compact));
        ask(&mut questions);
        assert_eq!(questions.standing(Time(0), false), Standing::Unknown);
        assert_eq!(questions.standing(Time(0), true), Standing::Serves);
        questions.lapse(Time(5), &hash);
        assert_eq!(questions.standing(Time(5), true), Standing::Lapsed);
        assert_eq!(questions.answered(&hash, Some(What::Compact)), Some(What::Compact));
        assert_eq!(questions.standing(Time(6), true), Standing::Lapsed, "too late");
        ask(&mut questions);
        assert_eq!(questions.answered(&hash, None), Some(What::Compact));
        assert_eq!(questions.standing(Time(6), true), Standing::Lapsed, "it has nothing");
        ask(&mut questions);
        questions.answered(&hash, Some(What::Compact));
        assert_eq!((questions.standing(Time(7), false), questions.lapsed()), (Standing::Serves, None));
        questions.lapse(Time(8), &hash);
        assert_eq!(questions.standing(Time(8) + STALLER_KEPT, false), Standing::Unknown, "a hiccup is forgiven");
    }
}
