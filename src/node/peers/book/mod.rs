//! The peer book: addresses in keyed buckets, so that no attacker can fill it with their own.
//!
//! After Bitcoin's address manager and "Eclipse Attacks on Bitcoin's Peer-to-Peer Network" (Heilman et al. 2015), with
//! the numbers of a small node. An address heard of goes to the *new* table, in a bucket that depends on its own
//! network group and on its source's; an address that we shook hands with over our own dial goes to the *tried*
//! table, in a bucket that depends on its group. Which bucket and place is a keyed hash, and a place holds one address:
//! so a source group reaches 1/16 of *new*, an address group 1/32 of *tried*, and a flood evicts only itself.

mod buckets;
#[cfg(test)]
mod model;
#[cfg(test)]
mod tests;

use std::{
    collections::{BTreeMap, VecDeque},
    net::SocketAddr,
};

pub(super) use self::buckets::Table;
use self::buckets::{Buckets, Place};
use crate::{
    base::{
        ids::NodeId,
        limits::{
            BOOK_COLLISIONS, BOOK_FAILURES, BOOK_FAILURES_UNTESTED, BOOK_HORIZON, BOOK_REFRESH, BOOK_UNBELIEVED_AGE,
        },
        time::UnixTime,
    },
    chain::archive::BookEntry,
};

/// A change to be written down.
#[derive(Clone, Debug, PartialEq)]
pub(super) enum Change {
    /// Add or replace.
    Put(BookEntry),
    /// Remove.
    Forget(SocketAddr),
}

/// The book.
pub(super) struct Book {
    buckets: Buckets,
    entries: BTreeMap<SocketAddr, (BookEntry, Place)>,
    new: BTreeMap<u64, SocketAddr>,
    tried: BTreeMap<u64, SocketAddr>,
    /// Reached addresses whose place in the tried table is taken: its holder is tested first, then one of them goes.
    collisions: VecDeque<SocketAddr>,
    changes: Vec<Change>,
}

impl Book {
    /// A book with the entries that were kept.
    pub(super) fn new(secret: [u8; 32], test_chain: bool, kept: Vec<BookEntry>) -> Self {
        let mut book = Self {
            buckets: Buckets { secret, test_chain },
            entries: BTreeMap::new(),
            new: BTreeMap::new(),
            tried: BTreeMap::new(),
            collisions: VecDeque::new(),
            changes: Vec::new(),
        };
        for entry in kept {
            let place = Some(book.buckets.tried_place(entry.address)).filter(|_| entry.last_success.is_some());
            let place = place.filter(|place| book.holder(*place).is_none());
            let place = place.unwrap_or_else(|| book.buckets.new_place(&entry));
            match book.holder(place) {
                None => book.place(entry, place),
                // Tables that were larger when this was written, or damage.
                Some(_) => book.changes.push(Change::Forget(entry.address)),
            }
        }
        book
    }

    /// Notes an address that `source` told (`None`: configured). `last_seen` is the teller's claim. Whether it is new here.
    pub(super) fn add(
        &mut self,
        now: UnixTime,
        address: SocketAddr,
        source: Option<SocketAddr>,
        last_seen: UnixTime,
    ) -> bool {
        let last_seen = believable(now, last_seen);
        if let Some((entry, _)) = self.entries.get_mut(&address) {
            if last_seen.0 > entry.last_seen.0.saturating_add(BOOK_REFRESH.as_secs()) {
                entry.last_seen = last_seen;
                self.changes.push(Change::Put(entry.clone()));
            }
            return false;
        }
        let entry = BookEntry::told(address, source, last_seen);
        let place = self.buckets.new_place(&entry);
        if let Some(holder) = self.holder(place) {
            if !self.is_terrible(now, holder) {
                return false;
            }
            self.forget(holder);
        }
        self.changes.push(Change::Put(entry.clone()));
        self.place(entry, place);
        true
    }

    /// We shook hands with it over a link that we opened.
    pub(super) fn good(&mut self, now: UnixTime, address: SocketAddr) {
        self.drop_challengers(address);
        if !self.entries.contains_key(&address) {
            self.add_reached(now, address);
        }
        let Some((entry, place)) = self.entries.get_mut(&address) else { return };
        entry.last_seen = now;
        entry.last_success = Some(now);
        entry.last_attempt = Some(now);
        entry.failures = 0;
        let (entry, place) = (entry.clone(), *place);
        self.changes.push(Change::Put(entry));
        if place.table == Table::New {
            self.promote(address);
        }
    }

    /// Which node is at an address, as somebody says. What our own dial has proven stands until a dial fails.
    pub(super) fn hint(&mut self, address: SocketAddr, node: NodeId) {
        let Some((entry, _)) = self.entries.get(&address) else { return };
        if entry.node.is_none() || entry.last_success.is_none() || entry.failures > 0 {
            self.set_node(address, node);
        }
    }

    /// Which node is at an address: it answered our dial.
    pub(super) fn proven(&mut self, address: SocketAddr, node: NodeId) {
        self.set_node(address, node);
    }

    fn set_node(&mut self, address: SocketAddr, node: NodeId) {
        let Some((entry, _)) = self.entries.get_mut(&address) else { return };
        if entry.node != Some(node) {
            entry.node = Some(node);
            self.changes.push(Change::Put(entry.clone()));
        }
    }

    /// Which node answered our last successful dial of an address.
    pub(super) fn proven_node(&self, address: SocketAddr) -> Option<NodeId> {
        let (entry, _) = self.entries.get(&address)?;
        entry.node.filter(|_| entry.last_success.is_some())
    }

    /// Which node is at an address, as far as the book knows.
    pub(super) fn node(&self, address: SocketAddr) -> Option<NodeId> {
        self.entries.get(&address).and_then(|(entry, _)| entry.node)
    }

    /// A dial of it led to no peer.
    pub(super) fn failed(&mut self, now: UnixTime, address: SocketAddr) {
        let Some((entry, _)) = self.entries.get_mut(&address) else { return };
        entry.last_attempt = Some(now);
        entry.failures = entry.failures.saturating_add(1);
        let entry = entry.clone();
        let gone = entry.failures >= BOOK_FAILURES;
        self.changes.push(Change::Put(entry));
        if gone {
            self.forget(address);
        } else {
            self.replace_failed(address);
        }
    }

    /// A link with it lasted until now.
    pub(super) fn seen(&mut self, now: UnixTime, address: SocketAddr) {
        if let Some((entry, _)) = self.entries.get_mut(&address) {
            entry.last_seen = now;
            self.changes.push(Change::Put(entry.clone()));
        }
    }

    /// Removes an address.
    pub(super) fn forget(&mut self, address: SocketAddr) {
        let Some((_, place)) = self.entries.remove(&address) else { return };
        self.table_mut(place.table).remove(&place.index);
        self.collisions.retain(|challenger| *challenger != address);
        self.changes.push(Change::Forget(address));
    }

    /// All entries, by address.
    pub(super) fn entries(&self) -> impl Iterator<Item = &BookEntry> {
        self.entries.values().map(|(entry, _)| entry)
    }

    /// Whether we have shaken hands at this address.
    pub(super) fn is_tried(&self, address: SocketAddr) -> bool {
        self.table(Table::Tried).any(|entry| entry.address == address)
    }

    /// The entries of one table, by address.
    pub(super) fn table(&self, table: Table) -> impl Iterator<Item = &BookEntry> {
        self.entries.values().filter(move |(_, place)| place.table == table).map(|(entry, _)| entry)
    }

    /// Addresses to test: holders of places that others want, then addresses that nobody has reached.
    pub(super) fn to_test(&self) -> (Vec<SocketAddr>, Vec<SocketAddr>) {
        let holders =
            self.collisions.iter().filter_map(|address| self.holder(self.buckets.tried_place(*address))).collect();
        let untested = self.table(Table::New).filter(|entry| entry.last_success.is_none());
        (holders, untested.map(|entry| entry.address).collect())
    }

    /// How many addresses a table holds.
    pub(in crate::node::peers) fn count(&self, table: Table) -> usize {
        if table == Table::New { self.new.len() } else { self.tried.len() }
    }

    /// Whether there is something to be written down.
    pub(super) fn has_changed(&self) -> bool {
        !self.changes.is_empty()
    }

    /// Takes the changes to be written down.
    pub(super) fn take_changes(&mut self) -> Vec<Change> {
        std::mem::take(&mut self.changes)
    }

    /// Takes in an address that nobody told us, but that we reached: by configuration, or since the book had no place.
    fn add_reached(&mut self, now: UnixTime, address: SocketAddr) {
        let entry = BookEntry::told(address, None, now);
        let place = self.buckets.tried_place(address);
        match self.holder(place) {
            None => self.place(entry, place),
            Some(_) => drop(self.add(now, address, None, now)),
        }
    }

    fn promote(&mut self, address: SocketAddr) {
        let place = self.buckets.tried_place(address);
        match self.holder(place) {
            None => self.move_to(address, place),
            Some(_) if self.collisions.contains(&address) || self.collisions.len() >= BOOK_COLLISIONS => {}
            Some(_) => self.collisions.push_back(address),
        }
    }

    /// `address` answered: the address that wanted its place is no longer a candidate for it.
    fn drop_challengers(&mut self, address: SocketAddr) {
        let mut challengers = std::mem::take(&mut self.collisions);
        challengers.retain(|challenger| self.holder(self.buckets.tried_place(*challenger)) != Some(address));
        self.collisions = challengers;
    }

    /// `address` did not answer: if somebody that did wants its place, it gives way.
    fn replace_failed(&mut self, address: SocketAddr) {
        let wants = |challenger: &SocketAddr| self.holder(self.buckets.tried_place(*challenger)) == Some(address);
        let Some(at) = self.collisions.iter().position(wants) else { return };
        let Some(challenger) = self.collisions.remove(at) else { return };
        let Some((entry, place)) = self.entries.get(&address) else { return };
        let (back, won) = (self.buckets.new_place(entry), *place);
        if self.holder(back).is_none() {
            self.move_to(address, back)
        } else {
            self.forget(address)
        }
        self.move_to(challenger, won);
    }

    fn move_to(&mut self, address: SocketAddr, to: Place) {
        let Some((entry, from)) = self.entries.remove(&address) else { return };
        self.table_mut(from.table).remove(&from.index);
        self.place(entry, to);
    }

    fn place(&mut self, entry: BookEntry, place: Place) {
        self.table_mut(place.table).insert(place.index, entry.address);
        self.entries.insert(entry.address, (entry, place));
    }

    fn holder(&self, place: Place) -> Option<SocketAddr> {
        let table = if place.table == Table::New { &self.new } else { &self.tried };
        table.get(&place.index).copied()
    }

    fn table_mut(&mut self, table: Table) -> &mut BTreeMap<u64, SocketAddr> {
        if table == Table::New { &mut self.new } else { &mut self.tried }
    }

    /// Whether an address may be replaced by one that is merely newer.
    fn is_terrible(&self, now: UnixTime, address: SocketAddr) -> bool {
        self.entries.get(&address).is_none_or(|(entry, _)| {
            let forgotten = entry.last_seen.0.saturating_add(BOOK_HORIZON.as_secs()) < now.0;
            forgotten || (entry.last_success.is_none() && entry.failures >= BOOK_FAILURES_UNTESTED)
        })
    }
}

/// A last-seen time as far as it can be believed.
fn believable(now: UnixTime, claim: UnixTime) -> UnixTime {
    let age = if claim > now {
        BOOK_UNBELIEVED_AGE
    } else {
        std::time::Duration::from_secs(now.0 - claim.0).min(BOOK_HORIZON)
    };
    UnixTime(now.0.saturating_sub(age.as_secs()))
}
