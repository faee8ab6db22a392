//! Before its first vote after a start an authority asks what it has signed. Its own record may be an older one, or its key
//! may be used on another machine: then it must not vote at all.

use std::{collections::BTreeSet, time::Duration};

use crate::{
    base::time::{Now, Time},
    chain::seal::{Recall, Recalled, SignedVote},
    node::Halt,
};

use super::{
    core::{OwnVotes, place_of},
    keys::Keys,
};

/// How long an answer may take before the question is asked again, doubling up to the longest.
const FIRST_WAIT: Duration = Duration::from_secs(2);
const LONGEST_WAIT: Duration = Duration::from_secs(30);
/// Questions whose answers count.
const NONCES: usize = 8;
/// The soonest that it is asked anew because others know a later question: one with a greater nonce.
const OUTBID_WAIT: Duration = Duration::from_secs(1);
/// A clock that shows more has no say: one more than that must still be a number.
const MAX_CLOCK: u64 = 1 << 62;

/// The state of the question.
pub(super) struct Recalling {
    /// The newest first; each is greater than those before.
    nonces: Vec<u64>,
    /// The greatest nonce of an earlier question of this key, as far as others have told.
    known: u64,
    asked: Time,
    /// The newest.
    question: Option<Recall>,
    answered: BTreeSet<u8>,
    next: Time,
    wait: Duration,
    is_done: bool,
}

impl Recalling {
    pub(super) fn new(own: Option<u8>, quorum: usize) -> Self {
        let answered: BTreeSet<u8> = own.into_iter().collect();
        let is_done = own.is_none() || answered.len() >= quorum;
        let (nonces, asked, next) = (Vec::new(), Time::default(), Time::default());
        Self { nonces, known: 0, asked, question: None, answered, next, wait: FIRST_WAIT, is_done }
    }

    /// Whether this node may vote, as far as this goes.
    pub(super) fn is_done(&self) -> bool {
        self.is_done
    }

    /// How many have answered, this node included.
    pub(super) fn answered(&self) -> usize {
        self.answered.len()
    }

    pub(super) fn deadline(&self) -> Option<Time> {
        (!self.is_done).then_some(self.next)
    }

    /// The question, when it is due.
    pub(super) fn ask(&mut self, now: Now, keys: &Keys) -> Option<Recall> {
        let (number, key) = keys.own.as_ref()?;
        if self.is_done || now.mono < self.next {
            return None;
        }
        (self.asked, self.next) = (now.mono, now.mono + self.wait);
        self.wait = (self.wait * 2).min(LONGEST_WAIT);
        let before = self.nonces.first().copied().unwrap_or(0).max(self.known);
        self.nonces.truncate(NONCES - 1);
        self.nonces.insert(0, before.saturating_add(1).max(now.unix.0.saturating_mul(1000).min(MAX_CLOCK)));
        self.question = Some(Recall::sign(keys.set.epoch(), *number, self.nonces[0], key, &keys.genesis));
        self.question
    }

    /// Whether others know a later question of this key's than was asked, by this one. Its signature must hold.
    pub(super) fn is_outbid_by(&self, recall: &Recall) -> bool {
        !self.is_done && self.nonces.first().is_none_or(|own| *own < recall.nonce) && self.known < recall.nonce
    }

    /// Others know this question of the key: the disk or the clock was put back. They answer a later one only.
    pub(super) fn outbid(&mut self, recall: &Recall) {
        self.known = recall.nonce;
        self.next = self.next.min(self.asked + OUTBID_WAIT);
    }

    /// What was asked last, while it is not answered.
    pub(super) fn open_question(&self) -> Option<&Recall> {
        self.question.as_ref().filter(|_| !self.is_done)
    }

    /// An answer whose signature holds. True once a quorum has answered.
    pub(super) fn answer(&mut self, answer: &Recalled, own: &OwnVotes, keys: &Keys) -> Result<bool, Halt> {
        let is_ours = keys.own_number() == Some(answer.signer) && self.nonces.contains(&answer.nonce);
        let is_own = |vote: &SignedVote| vote.signer == answer.signer && keys.set.holds(&keys.genesis, vote);
        // One that shows votes which this key did not sign is no answer.
        if self.is_done || !is_ours || !answer.votes.iter().all(is_own) {
            return Ok(false);
        }
        if let Some(vote) = answer.votes.iter().find(|vote| is_missing(own.of(vote.statement.stage), vote)) {
            return Err(signed_elsewhere(vote));
        }
        self.answered.insert(answer.responder);
        self.is_done = self.answered.len() >= keys.set.quorum();
        Ok(self.is_done)
    }
}

/// Whether this vote of our key is newer than our record of its stage, or another one.
pub(super) fn is_missing(kept: Option<&SignedVote>, vote: &SignedVote) -> bool {
    let (said, kept) = (&vote.statement, kept.map(|kept| kept.statement));
    let at = kept.as_ref().map(place_of);
    at.is_none_or(|at| place_of(said) > at) || (at == Some(place_of(said)) && kept != Some(*said))
}

/// The node must stop.
pub(super) fn signed_elsewhere(vote: &SignedVote) -> Halt {
    let view = vote.statement.view;
    Halt::SignedElsewhere(format!(
        "this key has signed elsewhere: others hold a vote of its for view {view} that is not in this node's record; either \
         the key is used on another machine, or this data directory is older than that vote; a key that has signed \
         elsewhere must not be used again: give this machine a new one and replace the old one in the chain file (tussock \
         genesis authorities)"
    ))
}
