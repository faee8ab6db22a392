//! The salts by which peers name transactions to this node, and what those names mean that they may use again.

use super::known::Known;
use crate::{
    base::{
        hash::Hash,
        limits::{MAX_REFUSED, RECENT_TRANSACTIONS, SALT_LIFETIME},
        rng::Rng,
        time::Time,
    },
    wire::{
        message::Message,
        short_id::{Salt, ShortId},
    },
};

/// The salt that peers are told, and the one before, which some may still use.
#[derive(Debug)]
pub(super) struct Salts {
    current: Salted,
    previous: Option<Salted>,
    /// When the first peer was told the current one.
    since: Option<Time>,
}

/// The short ids of what peers need not send, by one salt. A new salt begins without any: the ids of what was here before
/// would have to be computed again, for the few transactions that are on their way just then.
#[derive(Debug)]
struct Salted {
    number: u8,
    salt: Salt,
    /// Of what is here, or is being checked.
    here: Known,
    /// Of what was refused as the chain stands.
    refused: Known,
}

/// A transaction's short ids by both salts.
#[derive(Clone, Copy, Debug)]
pub(super) struct OwnIds {
    pub(super) current: ShortId,
    previous: Option<ShortId>,
}

impl OwnIds {
    pub(super) fn iter(&self) -> impl Iterator<Item = ShortId> + use<> {
        [self.current].into_iter().chain(self.previous)
    }
}

impl Salts {
    pub(super) fn new(rng: &mut Rng) -> Self {
        Self { current: Salted::new(0, rng), previous: None, since: None }
    }

    /// What a peer is told.
    pub(super) fn message(&self) -> Message {
        Message::RelaySalt { number: self.current.number, salt: self.current.salt }
    }

    /// A peer is told the current salt: its time begins.
    pub(super) fn told(&mut self, now: Time) {
        self.since.get_or_insert(now);
    }

    /// When there must be a new salt.
    pub(super) fn expires(&self) -> Option<Time> {
        self.since.map(|since| since + SALT_LIFETIME)
    }

    /// Draws a new salt.
    pub(super) fn renew(&mut self, rng: &mut Rng) {
        let fresh = Salted::new(self.current.number.wrapping_add(1), rng);
        self.previous = Some(std::mem::replace(&mut self.current, fresh));
        self.since = None;
    }

    /// How peers may name the transaction with this leaf.
    pub(super) fn ids(&self, leaf: &Hash) -> OwnIds {
        OwnIds {
            current: self.current.salt.short_id(leaf),
            previous: self.previous.as_ref().map(|previous| previous.salt.short_id(leaf)),
        }
    }

    /// Whether the transaction of which a peer tells need not be sent; `None` if the salt is none of ours.
    pub(super) fn knows(&self, number: u8, id: ShortId) -> Option<bool> {
        let salted = self.all().find(|salted| salted.number == number)?;
        Some(salted.knows(id))
    }

    /// The same, by whichever salt.
    pub(super) fn know(&self, id: ShortId) -> bool {
        self.all().any(|salted| salted.knows(id))
    }

    /// The transaction with this leaf is here, or is being checked.
    pub(super) fn note(&mut self, leaf: &Hash) {
        self.each(|salted| {
            salted.here.insert_short(salted.salt.short_id(leaf).0);
        });
    }

    /// It is no longer here, and was not judged.
    pub(super) fn forget(&mut self, leaf: &Hash) {
        self.each(|salted| salted.here.remove_short(salted.salt.short_id(leaf).0));
    }

    /// It was refused as the chain stands.
    pub(super) fn refuse(&mut self, leaf: &Hash) {
        self.forget(leaf);
        self.each(|salted| {
            salted.refused.insert_short(salted.salt.short_id(leaf).0);
        });
    }

    /// The chain has moved.
    pub(super) fn forget_refused(&mut self) {
        self.each(|salted| salted.refused.clear());
    }

    fn all(&self) -> impl Iterator<Item = &Salted> {
        [&self.current].into_iter().chain(&self.previous)
    }

    fn each(&mut self, what: impl FnMut(&mut Salted)) {
        [&mut self.current].into_iter().chain(&mut self.previous).for_each(what);
    }
}

impl Salted {
    fn new(number: u8, rng: &mut Rng) -> Self {
        let (here, refused) = (Known::new(RECENT_TRANSACTIONS, rng), Known::new(MAX_REFUSED, rng));
        Self { number, salt: Salt(rng.bytes()), here, refused }
    }

    fn knows(&self, id: ShortId) -> bool {
        self.here.contains_short(id.0) || self.refused.contains_short(id.0)
    }
}
