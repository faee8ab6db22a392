//! When one peer may be asked for addresses, when it is answered, and how many it may tell.

use std::time::Duration;

use crate::{
    base::{
        limits::{ADDRESS_INTERVAL, GET_PEERS_INTERVAL, GET_PEERS_LONGEST, MAX_PEERS_ADDRESSES},
        time::Time,
    },
    node::rate_limit::RateLimit,
};

/// The turns of one link.
pub(super) struct AddressTurns {
    next_question: Time,
    /// Time between the last question and the next one. It doubles while the peer tells nothing new.
    interval: Duration,
    next_answer: Time,
    /// Addresses that the peer may still tell.
    budget: RateLimit,
}

impl AddressTurns {
    /// A link that has just come up: a question and an answer are due.
    pub(super) fn new(now: Time) -> Self {
        let most = u32::try_from(MAX_PEERS_ADDRESSES).expect("a hundred fits in 32 bits");
        Self {
            next_question: now,
            interval: GET_PEERS_INTERVAL / 2,
            next_answer: now,
            budget: RateLimit::new(now, 1, most, ADDRESS_INTERVAL),
        }
    }

    /// Whether the peer is to be asked now, or this much too early. Being asked, it may tell as many addresses as one answer holds.
    pub(super) fn ask(&mut self, now: Time, early: Duration) -> bool {
        if now + early < self.next_question {
            return false;
        }
        self.interval = (self.interval * 2).min(GET_PEERS_LONGEST);
        self.next_question = now + self.interval;
        self.budget.fill(now);
        true
    }

    /// There may be something new to hear: the peer told a new address, or another peer is gone.
    pub(super) fn hasten(&mut self, now: Time) {
        self.interval = GET_PEERS_INTERVAL / 2;
        self.next_question = self.next_question.min(now + GET_PEERS_INTERVAL);
    }

    /// When [`AddressTurns::ask`] is worth another try.
    pub(super) fn next_question(&self) -> Time {
        self.next_question
    }

    /// Whether the peer is to be answered now.
    pub(super) fn answer(&mut self, now: Time) -> bool {
        if now < self.next_answer {
            return false;
        }
        self.next_answer = now + GET_PEERS_INTERVAL / 2;
        true
    }

    /// Whether the peer may tell one more address.
    pub(super) fn learn(&mut self, now: Time) -> bool {
        self.budget.take(now)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_peer_may_tell_one_answer_when_asked_and_hardly_any_otherwise() {
        let now = Time(1_000_000);
        let mut turns = AddressTurns::new(now);
        let told = |turns: &mut AddressTurns, now| (0..2 * MAX_PEERS_ADDRESSES).filter(|_| turns.learn(now)).count();
        assert_eq!(told(&mut turns, now), 1);
        let zero = Duration::ZERO;
        assert!(turns.ask(now, zero) && !turns.ask(now, zero));
        assert_eq!(told(&mut turns, now), MAX_PEERS_ADDRESSES);
        assert_eq!(turns.next_question(), now + GET_PEERS_INTERVAL);
        assert!(!turns.ask(now + GET_PEERS_INTERVAL / 2, GET_PEERS_INTERVAL / 3));
        assert!(turns.ask(now + GET_PEERS_INTERVAL / 2, GET_PEERS_INTERVAL / 2));
        turns.hasten(now + GET_PEERS_INTERVAL / 2);
        assert!(turns.ask(now + GET_PEERS_INTERVAL * 3 / 2, zero));
    }

    #[test]
    fn a_peer_without_news_is_asked_less_and_less_often() {
        let mut now = Time(1_000_000);
        let mut turns = AddressTurns::new(now);
        let mut wait = |turns: &mut AddressTurns| {
            assert!(turns.ask(now, Duration::ZERO));
            let before = std::mem::replace(&mut now, turns.next_question());
            turns.next_question().since(before)
        };
        let waits: Vec<Duration> = (0..6).map(|_| wait(&mut turns)).collect();
        let doubled = [1, 2, 4, 8, 16, 16].map(|times| GET_PEERS_INTERVAL * times);
        assert_eq!(waits, doubled);
        turns.hasten(Time(1_000_000));
        assert_eq!(turns.next_question(), Time(1_000_000) + GET_PEERS_INTERVAL);
    }

    #[test]
    fn a_peer_is_answered_twice_in_the_time_in_which_it_is_asked_once() {
        let now = Time(1_000_000);
        let mut turns = AddressTurns::new(now);
        assert!(turns.answer(now) && !turns.answer(now));
        assert!(turns.answer(now + GET_PEERS_INTERVAL / 2));
    }
}
