//! The peer book: addresses in keyed buckets, so that nobody can fill it with his own.
//!
//! After Bitcoin's address manager and "Eclipse Attacks on Bitcoin's Peer-to-Peer Network" (Heilman et al. 2015), with
//! the numbers of a small node. An address heard of goes to the *new* table, in a bucket that depends on its own
//! network group and on that of who told it; an address that we shook hands with over our own dial goes to the *tried*
//! table, in a bucket that depends on its group. Which bucket and place is a keyed hash, and a place holds one address:
//! so a source group reaches 1/16 of *new*, an address group 1/32 of *tried*, and who floods evicts his own.

use std::{
    collections::{BTreeMap, VecDeque},
    net::SocketAddr,
};

use crate::{
    base::{
        hash::Domain,
        limits::{
            BOOK_COLLISIONS, BOOK_FAILURES, BOOK_FAILURES_UNTESTED, BOOK_HORIZON, BOOK_NEW, BOOK_REFRESH, BOOK_TRIED,
            BOOK_UNBELIEVED_AGE,
        },
        time::UnixTime,
    },
    chain::archive::BookEntry,
    node::netgroup::NetGroup,
};

/// Buckets of the new table; few places each, since ten sources may tell addresses of one group, and each such pair
/// of groups reaches one bucket.
const NEW_BUCKETS: u64 = 256;
/// Buckets that the addresses told by one source group reach: 1/16.
const NEW_BUCKETS_PER_SOURCE: u64 = 16;
/// Buckets of the tried table.
const TRIED_BUCKETS: u64 = 64;
/// Buckets that the addresses of one group reach: 1/32.
const TRIED_BUCKETS_PER_GROUP: u64 = 2;

/// Which table an address is in.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Table {
    /// Heard of.
    New,
    /// Reached.
    Tried,
}

/// A place of a table.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct Place {
    table: Table,
    index: u64,
}

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
    secret: [u8; 32],
    /// On a test chain, loopback addresses are told apart by their ports: a cluster shares one IP address.
    test_chain: bool,
    entries: BTreeMap<SocketAddr, (BookEntry, Place)>,
    new: BTreeMap<u64, SocketAddr>,
    tried: BTreeMap<u64, SocketAddr>,
    /// Reached addresses whose place in the tried table is taken: its holder is tested first, then one of them goes.
    collisions: VecDeque<SocketAddr>,
    changes: Vec<Change>,
}

impl Book {
    /// A book with what was kept.
    pub(super) fn new(secret: [u8; 32], test_chain: bool, kept: Vec<BookEntry>) -> Self {
        let mut book = Self {
            secret,
            test_chain,
            entries: BTreeMap::new(),
            new: BTreeMap::new(),
            tried: BTreeMap::new(),
            collisions: VecDeque::new(),
            changes: Vec::new(),
        };
        for entry in kept {
            let place = Some(book.tried_place(entry.address)).filter(|_| entry.last_success.is_some());
            let place = place.filter(|place| book.holder(*place).is_none());
            let place = place.unwrap_or_else(|| book.new_place(&entry));
            match book.holder(place) {
                None => book.place(entry, place),
                // Tables that were larger when this was written, or damage.
                Some(_) => book.changes.push(Change::Forget(entry.address)),
            }
        }
        book
    }

    /// Notes an address that `source` told (`None`: configured). `last_seen` is the teller's claim.
    pub(super) fn add(&mut self, now: UnixTime, address: SocketAddr, source: Option<SocketAddr>, last_seen: UnixTime) {
        let last_seen = believable(now, last_seen);
        if let Some((entry, _)) = self.entries.get_mut(&address) {
            if last_seen.0 > entry.last_seen.0.saturating_add(BOOK_REFRESH.as_secs()) {
                entry.last_seen = last_seen;
                self.changes.push(Change::Put(entry.clone()));
            }
            return;
        }
        let entry = BookEntry { address, source, last_seen, last_success: None, last_attempt: None, failures: 0 };
        let place = self.new_place(&entry);
        if let Some(holder) = self.holder(place) {
            if !self.is_terrible(now, holder) {
                return;
            }
            self.forget(holder);
        }
        self.changes.push(Change::Put(entry.clone()));
        self.place(entry, place);
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

    /// The entries of one table, by address.
    pub(super) fn table(&self, table: Table) -> impl Iterator<Item = &BookEntry> {
        self.entries.values().filter(move |(_, place)| place.table == table).map(|(entry, _)| entry)
    }

    /// Addresses to test: holders of places that others want, then addresses that nobody has reached.
    pub(super) fn to_test(&self) -> (Vec<SocketAddr>, Vec<SocketAddr>) {
        let holders = self.collisions.iter().filter_map(|address| self.holder(self.tried_place(*address))).collect();
        let untested = self.table(Table::New).filter(|entry| entry.last_success.is_none());
        (holders, untested.map(|entry| entry.address).collect())
    }

    /// Whether there is something to be written down.
    pub(super) fn has_changed(&self) -> bool {
        !self.changes.is_empty()
    }

    /// Takes what is to be written down.
    pub(super) fn take_changes(&mut self) -> Vec<Change> {
        std::mem::take(&mut self.changes)
    }

    /// Takes in an address that nobody told us, but that we reached: by configuration, or since the book had no place.
    fn add_reached(&mut self, now: UnixTime, address: SocketAddr) {
        let entry =
            BookEntry { address, source: None, last_seen: now, last_success: None, last_attempt: None, failures: 0 };
        let place = self.tried_place(address);
        match self.holder(place) {
            None => self.place(entry, place),
            Some(_) => self.add(now, address, None, now),
        }
    }

    fn promote(&mut self, address: SocketAddr) {
        let place = self.tried_place(address);
        match self.holder(place) {
            None => self.move_to(address, place),
            Some(_) if self.collisions.contains(&address) || self.collisions.len() >= BOOK_COLLISIONS => {}
            Some(_) => self.collisions.push_back(address),
        }
    }

    /// `address` answered: whoever wanted its place waits for another occasion.
    fn drop_challengers(&mut self, address: SocketAddr) {
        let mut challengers = std::mem::take(&mut self.collisions);
        challengers.retain(|challenger| self.holder(self.tried_place(*challenger)) != Some(address));
        self.collisions = challengers;
    }

    /// `address` did not answer: if somebody that did wants its place, it gives way.
    fn replace_failed(&mut self, address: SocketAddr) {
        let wants = |challenger: &SocketAddr| self.holder(self.tried_place(*challenger)) == Some(address);
        let Some(at) = self.collisions.iter().position(wants) else { return };
        let Some(challenger) = self.collisions.remove(at) else { return };
        let Some((entry, place)) = self.entries.get(&address) else { return };
        let (back, won) = (self.new_place(entry), *place);
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

    fn new_place(&self, entry: &BookEntry) -> Place {
        let group = self.group(entry.address);
        let source = match entry.source {
            None => group.clone(),
            // A cluster on one host: there is no network group to tell sources apart by, nor an attacker.
            Some(source) if self.is_local(source) && self.is_local(entry.address) => group.clone(),
            Some(source) => NetGroup::of(source.ip()).bytes().to_vec(),
        };
        let spread = self.draw(b"new spread", &[&group, &source], NEW_BUCKETS_PER_SOURCE);
        let bucket = self.draw(b"new bucket", &[&source, &spread.to_le_bytes()], NEW_BUCKETS);
        self.place_in(Table::New, bucket, NEW_BUCKETS, BOOK_NEW, entry.address)
    }

    fn tried_place(&self, address: SocketAddr) -> Place {
        let group = self.group(address);
        let spread = self.draw(b"tried spread", &[&address_bytes(address)], TRIED_BUCKETS_PER_GROUP);
        let bucket = self.draw(b"tried bucket", &[&group, &spread.to_le_bytes()], TRIED_BUCKETS);
        self.place_in(Table::Tried, bucket, TRIED_BUCKETS, BOOK_TRIED, address)
    }

    fn place_in(&self, table: Table, bucket: u64, buckets: u64, places: usize, address: SocketAddr) -> Place {
        let per_bucket = places as u64 / buckets;
        let within = self.draw(b"place", &[&bucket.to_le_bytes(), &address_bytes(address)], per_bucket);
        Place { table, index: bucket * per_bucket + within }
    }

    fn group(&self, address: SocketAddr) -> Vec<u8> {
        if self.is_local(address) { address_bytes(address) } else { NetGroup::of(address.ip()).bytes().to_vec() }
    }

    fn is_local(&self, address: SocketAddr) -> bool {
        self.test_chain && address.ip().is_loopback()
    }

    /// A number in `0..bound` that only who knows the secret can foresee.
    fn draw(&self, purpose: &[u8], parts: &[&[u8]], bound: u64) -> u64 {
        let mut input = self.secret.to_vec();
        input.extend_from_slice(purpose);
        for part in parts {
            // Parts of any length, so that no two lists of parts run together to the same bytes.
            input.extend_from_slice(&(part.len() as u64).to_le_bytes());
            input.extend_from_slice(part);
        }
        let hash = Domain::BUCKET.hash(&input).0;
        let [a, b, c, d, e, f, g, h, ..] = hash;
        u64::from_le_bytes([a, b, c, d, e, f, g, h]) % bound
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

fn address_bytes(address: SocketAddr) -> Vec<u8> {
    let mut bytes = match address.ip() {
        std::net::IpAddr::V4(ip) => ip.octets().to_vec(),
        std::net::IpAddr::V6(ip) => ip.octets().to_vec(),
    };
    bytes.extend_from_slice(&address.port().to_le_bytes());
    bytes
}

#[cfg(test)]
mod tests {
    use std::{collections::BTreeSet, net::Ipv4Addr};

    use super::*;
    use crate::base::rng::Rng;

    const NOW: UnixTime = UnixTime(1_800_000_000);

    fn book(test_chain: bool) -> Book {
        Book::new([7; 32], test_chain, Vec::new())
    }

    fn v4(a: u8, b: u8, c: u8, d: u8) -> SocketAddr {
        SocketAddr::new(Ipv4Addr::new(a, b, c, d).into(), 4130)
    }

    fn random(rng: &mut Rng) -> SocketAddr {
        let [a, b, c, d] = rng.bytes();
        v4(a, b, c, d)
    }

    #[test]
    fn one_network_told_by_ten_peers_stays_below_a_sixteenth_of_the_book() {
        for test_chain in [false, true] {
            let mut book = book(test_chain);
            let mut rng = Rng::from_number(1);
            for n in 0..100_000u32 {
                let source = v4(20 + u8::try_from(n % 10).unwrap(), 1, 1, 1);
                let [c, d] = rng.bytes();
                book.add(NOW, v4(8, 8, c, d), Some(source), NOW);
            }
            assert!(book.entries.len() * 16 <= BOOK_NEW + BOOK_TRIED, "{}", book.entries.len());
        }
    }

    #[test]
    fn one_source_network_reaches_a_sixteenth_of_the_new_table() {
        let mut book = book(false);
        let mut rng = Rng::from_number(2);
        for _ in 0..100_000 {
            let [c, d] = rng.bytes();
            book.add(NOW, random(&mut rng), Some(v4(20, 1, c, d)), NOW);
        }
        let held = book.table(Table::New).count();
        assert!(held <= BOOK_NEW / 16 && held > BOOK_NEW / 20, "{held}");
    }

    #[test]
    fn one_network_reaches_a_thirty_second_of_the_tried_table() {
        let mut book = book(false);
        let mut rng = Rng::from_number(3);
        for _ in 0..5_000 {
            let [c, d] = rng.bytes();
            book.good(NOW, v4(8, 8, c, d));
        }
        assert!(book.table(Table::Tried).count() <= BOOK_TRIED / 32);
    }

    #[test]
    fn the_tables_never_exceed_their_size() {
        let mut book = book(false);
        let mut rng = Rng::from_number(4);
        for _ in 0..50_000 {
            let (address, source) = (random(&mut rng), random(&mut rng));
            book.add(NOW, address, Some(source), NOW);
            if rng.chance(300_000) {
                book.good(NOW, address);
            }
        }
        let (new, tried) = (book.table(Table::New).count(), book.table(Table::Tried).count());
        assert!(new <= BOOK_NEW && new > BOOK_NEW * 9 / 10, "{new}");
        assert!(tried <= BOOK_TRIED && tried > BOOK_TRIED * 9 / 10, "{tried}");
        assert_eq!((book.new.len(), book.tried.len()), (new, tried));
        assert!(book.collisions.len() <= BOOK_COLLISIONS);
    }

    #[test]
    fn a_cluster_on_one_host_fits_into_the_book() {
        let mut book = book(true);
        for port in 5000..5050 {
            let loopback = |port| SocketAddr::new(Ipv4Addr::LOCALHOST.into(), port);
            book.add(NOW, loopback(port), Some(loopback(4130)), NOW);
        }
        assert!(book.entries.len() >= 46, "{}", book.entries.len());
    }

    #[test]
    fn only_our_own_handshake_makes_an_address_tried_and_failures_make_it_forgotten() {
        let mut book = book(false);
        let (one, source) = (v4(8, 8, 1, 1), v4(9, 9, 1, 1));
        book.add(NOW, one, Some(source), NOW);
        book.seen(NOW, one);
        assert_eq!(book.table(Table::Tried).count(), 0);
        book.good(NOW, one);
        assert_eq!(book.table(Table::Tried).count(), 1);
        for _ in 1..BOOK_FAILURES {
            book.failed(NOW, one);
        }
        assert_eq!(book.entries().count(), 1);
        book.failed(NOW, one);
        assert_eq!((book.entries().count(), book.tried.len()), (0, 0));
        assert_eq!(book.take_changes().last(), Some(&Change::Forget(one)));
    }

    /// Two addresses of one group that want the same place of the tried table.
    fn rivals(book: &Book) -> (SocketAddr, SocketAddr) {
        let first = v4(8, 8, 0, 1);
        let same = |other: &SocketAddr| book.tried_place(*other) == book.tried_place(first);
        (first, (2..=255).map(|d| v4(8, 8, 0, d)).find(same).expect("8 places for 254 addresses"))
    }

    #[test]
    fn a_tried_address_is_tested_before_it_gives_up_its_place() {
        let mut book = book(false);
        let (holder, challenger) = rivals(&book);
        book.good(NOW, holder);
        book.good(NOW, challenger);
        assert_eq!(book.to_test().0, [holder]);
        book.good(NOW, holder);
        assert!(book.to_test().0.is_empty(), "it answered and stays");
        assert_eq!(book.table(Table::Tried).map(|entry| entry.address).collect::<Vec<_>>(), [holder]);
        book.good(NOW, challenger);
        book.failed(NOW, holder);
        assert_eq!(book.table(Table::Tried).map(|entry| entry.address).collect::<Vec<_>>(), [challenger]);
        assert!(book.to_test().0.is_empty());
    }

    #[test]
    fn an_untested_address_gives_way_only_when_it_is_old_or_failed() {
        let mut book = book(false);
        let source = Some(v4(9, 9, 1, 1));
        let first = v4(8, 8, 0, 1);
        book.add(NOW, first, source, NOW);
        let place = book.entries[&first].1;
        let entry = |address| BookEntry { address, ..book.entries[&first].0.clone() };
        let rival = (2..=255).map(|d| v4(8, 8, 0, d)).find(|other| book.new_place(&entry(*other)) == place).unwrap();
        book.add(NOW, rival, source, NOW);
        assert!(book.entries.contains_key(&first) && !book.entries.contains_key(&rival));
        let later = UnixTime(NOW.0 + BOOK_HORIZON.as_secs() + 1);
        book.add(later, rival, source, later);
        assert!(!book.entries.contains_key(&first) && book.entries.contains_key(&rival));
    }

    #[test]
    fn times_in_the_future_or_long_ago_are_corrected() {
        assert_eq!(believable(NOW, UnixTime(NOW.0 - 5)).0, NOW.0 - 5);
        assert_eq!(believable(NOW, UnixTime(u64::MAX)).0, NOW.0 - BOOK_UNBELIEVED_AGE.as_secs());
        assert_eq!(believable(NOW, UnixTime(0)).0, NOW.0 - BOOK_HORIZON.as_secs());
    }

    #[test]
    fn what_was_written_down_makes_the_same_book() {
        let mut book = book(false);
        let mut rng = Rng::from_number(5);
        let mut kept = BTreeMap::new();
        for n in 0..2_000 {
            let address = random(&mut rng);
            book.add(NOW, address, Some(random(&mut rng)), NOW);
            if n % 10 == 0 {
                book.good(NOW, address);
            }
            for change in book.take_changes() {
                match change {
                    Change::Put(entry) => drop(kept.insert(entry.address, entry)),
                    Change::Forget(address) => drop(kept.remove(&address)),
                }
            }
        }
        assert_eq!(kept.len(), book.entries().count());
        let again = Book::new([7; 32], false, kept.into_values().collect());
        let all = |book: &Book| book.entries().map(|entry| entry.address).collect::<BTreeSet<_>>();
        assert!(all(&again).is_subset(&all(&book)));
        // Two reached addresses that want one place may come back the other way round, and one of them lose its own.
        assert!(all(&again).len() * 100 >= all(&book).len() * 95);
        assert_eq!(again.table(Table::Tried).count(), book.table(Table::Tried).count());
    }

    #[test]
    fn another_secret_makes_other_buckets() {
        let (one, other) = (Book::new([1; 32], false, Vec::new()), Book::new([2; 32], false, Vec::new()));
        let places = |book: &Book| (0..20).map(|n| book.tried_place(v4(n, 1, 1, 1)).index).collect::<Vec<_>>();
        assert_ne!(places(&one), places(&other));
    }
}
