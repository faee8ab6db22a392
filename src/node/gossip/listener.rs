//! How one peer hears of transactions: whole, or by short ids.

use std::collections::VecDeque;

use crate::{
    base::{
        hash::Hash,
        limits::{
            LEAD_AT_FIRST, LEAD_LOST, LEAD_MOST, NEEDLESS_REMEMBERED, PUSHES_REMEMBERED, SALT_INTERVAL, SALTS_AT_ONCE,
            SHORT_IDS_PER_SECOND,
        },
        time::Time,
    },
    node::rate_limit::RateLimit,
    wire::short_id::{Salt, ShortId},
};

/// A peer to which transactions go.
#[derive(Debug)]
pub(super) struct Listener {
    /// Its salts, the newest first. Without any it gets transactions whole.
    salts: VecDeque<(u8, Salt)>,
    /// Grows as we are the first to tell it of transactions, and shrinks as others are.
    lead: u8,
    /// What it got whole lately, by the short ids with which it names transactions to us.
    pushed: VecDeque<ShortId>,
    /// Leaves of what it sent whole without need.
    needless: Vec<Hash>,
    /// Salts that it may tell.
    renewals: RateLimit,
    /// Short ids that are computed for its questions.
    searches: RateLimit,
}

impl Listener {
    pub(super) fn new() -> Self {
        Self {
            salts: VecDeque::new(),
            lead: LEAD_AT_FIRST,
            pushed: VecDeque::new(),
            needless: Vec::new(),
            renewals: RateLimit::new(Time(0), SALTS_AT_ONCE, SALTS_AT_ONCE, SALT_INTERVAL),
            searches: RateLimit::per_second(SHORT_IDS_PER_SECOND),
        }
    }

    /// It tells a salt. False: too many of them.
    pub(super) fn take_salt(&mut self, now: Time, number: u8, salt: Salt) -> bool {
        self.salts.push_front((number, salt));
        self.salts.truncate(2);
        self.renewals.take(now)
    }

    /// Number and salt for the short ids that it is told; `None`: it gets transactions whole.
    pub(super) fn salt(&self) -> Option<(u8, Salt)> {
        self.salts.front().copied()
    }

    /// The salts by which it may ask.
    pub(super) fn salts(&self) -> impl Iterator<Item = Salt> + use<> {
        self.salts.clone().into_iter().map(|(_, salt)| salt)
    }

    /// How far ahead of its other peers this node is.
    pub(super) fn lead(&self) -> u8 {
        self.lead
    }

    /// It gets a transaction whole.
    pub(super) fn push(&mut self, id: ShortId) {
        self.gain();
        self.pushed.push_front(id);
        self.pushed.truncate(PUSHES_REMEMBERED);
    }

    /// We were the first to tell it of a transaction.
    pub(super) fn gain(&mut self) {
        self.lead = (self.lead + 1).min(LEAD_MOST);
    }

    /// It names a transaction. If it got it whole from us, others were faster.
    pub(super) fn names(&mut self, id: ShortId) {
        if let Some(at) = self.pushed.iter().position(|pushed| *pushed == id) {
            self.pushed.remove(at);
            self.lead = self.lead.saturating_sub(LEAD_LOST);
        }
    }

    /// Its link has no room for what it gets.
    pub(super) fn has_no_room(&mut self) {
        self.lead = 0;
    }

    /// It sent a transaction whole that was here, or was asked of another peer: it is to be told. False: nobody is.
    pub(super) fn note_needless(&mut self, leaf: Hash) -> bool {
        let notes = self.salt().is_some() && self.needless.len() < NEEDLESS_REMEMBERED;
        if notes {
            self.needless.push(leaf);
        }
        notes
    }

    /// Whether it is to be told of any.
    pub(super) fn has_needless(&self) -> bool {
        !self.needless.is_empty()
    }

    /// Takes what it is to be told of.
    pub(super) fn take_needless(&mut self) -> Vec<Hash> {
        std::mem::take(&mut self.needless)
    }

    /// Whether short ids may be computed for a question of it.
    pub(super) fn may_search(&mut self, now: Time) -> bool {
        self.searches.may_take(now)
    }

    /// This many were.
    pub(super) fn searched(&mut self, now: Time, count: u32) {
        self.searches.charge(now, count);
    }
}
