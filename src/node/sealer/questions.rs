//! What authorities that start have asked, and who has answered. A question of 77 bytes has every other authority sign an answer
//! that every node checks and passes on, so that each may ask a few times, and each answer counts once.
//!
//! Only a question whose nonce is above those before is one: whoever has recorded old ones would else spend what their signer may
//! ask, and keep it from ever voting again. A signer whose clock is behind hears of its newest question from whoever knows it,
//! and asks anew with a greater nonce; nothing needs to be written for that, and an older disk does no harm. Whoever has just started
//! knows of none, so a question that comes when its signer may not ask is noted all the same: no older one counts from then on.

use std::{
    collections::{BTreeMap, VecDeque},
    time::Duration,
};

use crate::{base::time::Time, chain::seal::Recall, node::rate_limit::RateLimit};

/// Questions that an authority may ask at once.
const AT_ONCE: u32 = 4;
/// How long it waits for one more.
const INTERVAL: Duration = Duration::from_secs(10);
/// Questions of one authority whose answers are passed on: as many as it waits for answers to.
const REMEMBERED: usize = 8;
/// Questions of an authority in each second that are noted although it may not ask. Each costs a signature's check.
const NOTED_PER_SECOND: u32 = 8;

/// The questions, by who asks.
#[derive(Default)]
pub(super) struct Questions(BTreeMap<u8, Asker>);

struct Asker {
    newest: Option<Recall>,
    /// The newest last.
    questions: VecDeque<Question>,
    /// When all that was asked is paid off, at one in each interval.
    paid: Time,
    noted: RateLimit,
}

impl Default for Asker {
    fn default() -> Self {
        let (questions, noted) = (VecDeque::new(), RateLimit::per_second(NOTED_PER_SECOND));
        Self { newest: None, questions, paid: Time(0), noted }
    }
}

struct Question {
    nonce: u64,
    /// Bit i: authority i has answered.
    answered: u64,
}

impl Questions {
    /// Whether a question is new, and its signer may ask one more.
    pub(super) fn may_ask(&self, now: Time, signer: u8, nonce: u64) -> bool {
        let is_free = |asker: &Asker| asker.paid <= now + INTERVAL * (AT_ONCE - 1);
        self.is_new(signer, nonce) && self.0.get(&signer).is_none_or(is_free)
    }

    fn is_new(&self, signer: u8, nonce: u64) -> bool {
        self.newest(signer).is_none_or(|newest| newest.nonce < nonce)
    }

    /// Whether a question that may not be asked is to be noted, if its signature holds.
    pub(super) fn may_note(&mut self, now: Time, signer: u8, nonce: u64) -> bool {
        self.is_new(signer, nonce) && self.0.get_mut(&signer).is_some_and(|asker| asker.noted.take(now))
    }

    /// A question whose signature holds, and which nobody answers: older ones are none from now on.
    pub(super) fn note(&mut self, recall: &Recall) {
        self.0.entry(recall.signer).or_default().newest = Some(*recall);
    }

    /// The newest question of an authority.
    pub(super) fn newest(&self, signer: u8) -> Option<&Recall> {
        self.0.get(&signer)?.newest.as_ref()
    }

    /// A question whose signature holds.
    pub(super) fn asked(&mut self, now: Time, recall: &Recall) {
        let asker = self.0.entry(recall.signer).or_default();
        asker.newest = Some(*recall);
        asker.paid = asker.paid.max(now) + INTERVAL;
        asker.questions.push_back(Question { nonce: recall.nonce, answered: 0 });
        if asker.questions.len() > REMEMBERED {
            asker.questions.pop_front();
        }
    }

    /// Whether this was asked, and this authority has not answered it.
    pub(super) fn lacks(&self, signer: u8, nonce: u64, responder: u8) -> bool {
        self.find(signer, nonce).is_some_and(|question| question.answered & bit(responder) == 0)
    }

    /// An answer whose signature holds.
    pub(super) fn answered(&mut self, signer: u8, nonce: u64, responder: u8) {
        let questions = self.0.get_mut(&signer).map(|asker| &mut asker.questions);
        if let Some(question) = questions.into_iter().flatten().find(|question| question.nonce == nonce) {
            question.answered |= bit(responder);
        }
    }

    fn find(&self, signer: u8, nonce: u64) -> Option<&Question> {
        self.0.get(&signer)?.questions.iter().find(|question| question.nonce == nonce)
    }
}

/// None for a number that no authority has: nothing is signed by that.
fn bit(responder: u8) -> u64 {
    1u64.checked_shl(responder.into()).unwrap_or(0)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn recall(signer: u8, nonce: u64) -> Recall {
        Recall { epoch: 0, signer, nonce, signature: [0; 64] }
    }

    #[test]
    fn each_may_ask_a_few_at_once_and_then_one_in_each_interval() {
        let mut questions = Questions::default();
        let mut ask = |now, signer, nonce| {
            let may = questions.may_ask(now, signer, nonce);
            if may {
                questions.asked(now, &recall(signer, nonce));
            }
            may
        };
        let start = Time(7);
        assert_eq!([0, 0, 1, 2, 3, 4].map(|nonce| ask(start, 1, nonce)), [true, false, true, true, true, false]);
        assert!(ask(start, 2, 0), "another's do not count");
        assert!(!ask(start + Duration::from_secs(9), 1, 5));
        assert!(ask(start + INTERVAL, 1, 5) && !ask(start + INTERVAL, 1, 6));
        let later = start + INTERVAL * 100;
        assert!((0..6).all(|nonce| !ask(later, 1, nonce)), "recorded ones spend nothing");
        assert_eq!((10..20).filter(|nonce| ask(later, 1, *nonce)).count(), 4);
        assert_eq!(questions.newest(1).map(|newest| newest.nonce), Some(13));
    }

    #[test]
    fn each_answers_a_question_once_while_it_is_remembered() {
        let mut questions = Questions::default();
        assert!(!questions.lacks(1, 0, 2));
        questions.asked(Time(0), &recall(1, 0));
        assert!(questions.lacks(1, 0, 2) && questions.lacks(1, 0, 63));
        questions.answered(1, 0, 2);
        assert!(!questions.lacks(1, 0, 2) && questions.lacks(1, 0, 3));
        (1..=8).for_each(|nonce| questions.asked(Time(0), &recall(1, nonce)));
        assert!(!questions.lacks(1, 0, 3) && questions.lacks(1, 1, 3));
        assert_eq!(questions.0[&1].questions.len(), REMEMBERED);
    }
}
