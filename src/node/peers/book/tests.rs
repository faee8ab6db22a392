use std::{collections::BTreeSet, net::Ipv4Addr};

use super::*;
use crate::base::{
    limits::{BOOK_NEW, BOOK_TRIED},
    rng::Rng,
};

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
    let same = |other: &SocketAddr| book.buckets.tried_place(*other) == book.buckets.tried_place(first);
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
    let rival =
        (2..=255).map(|d| v4(8, 8, 0, d)).find(|other| book.buckets.new_place(&entry(*other)) == place).unwrap();
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
    let places = |book: &Book| (0..20).map(|n| book.buckets.tried_place(v4(n, 1, 1, 1)).index).collect::<Vec<_>>();
    assert_ne!(places(&one), places(&other));
}
