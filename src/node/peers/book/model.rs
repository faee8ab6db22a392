//! The book against plain rules: which addresses may be in it, where, and that the file holds what memory does.

use std::collections::BTreeSet;

use proptest::prelude::*;

use super::*;

/// Few groups, so that addresses compete for places.
const ADDRESSES: u16 = 400;
const START: u64 = 1_800_000_000;

#[derive(Clone, Debug)]
enum Op {
    Add { address: u16, source: u16, age: u64 },
    Good(u16),
    Failed(u16, u32),
    Seen(u16),
    Forget(u16),
    Pass(u64),
}

fn op() -> impl Strategy<Value = Op> {
    let address = 0..ADDRESSES;
    prop_oneof![
        8 => (address.clone(), 0..6u16, 0..40 * 86_400u64)
            .prop_map(|(address, source, age)| Op::Add { address, source, age }),
        8 => address.clone().prop_map(Op::Good),
        4 => (address.clone(), 1..12u32).prop_map(|(address, times)| Op::Failed(address, times)),
        1 => address.clone().prop_map(Op::Seen),
        1 => address.prop_map(Op::Forget),
        1 => (0..20 * 86_400u64).prop_map(Op::Pass),
    ]
}

fn address(n: u16) -> SocketAddr {
    let [high, low] = n.to_be_bytes();
    SocketAddr::from(([8, 1 + low % 4, high, low], 4130))
}

/// The facts about addresses, and the entries that were written down.
#[derive(Default)]
struct Model {
    now: u64,
    /// Told or reached, and not forgotten by order since.
    heard: BTreeSet<SocketAddr>,
    /// Failures since the last success.
    failures: BTreeMap<SocketAddr, u32>,
    written: BTreeMap<SocketAddr, BookEntry>,
}

impl Model {
    fn apply(&mut self, book: &mut Book, op: &Op) {
        let now = UnixTime(self.now);
        match *op {
            Op::Add { address: n, source, age } => {
                book.add(now, address(n), Some(address(1000 + source)), UnixTime(self.now - age));
                self.heard.insert(address(n));
            }
            Op::Good(n) => {
                book.good(now, address(n));
                self.heard.insert(address(n));
                self.failures.remove(&address(n));
                let found = book.entries().find(|entry| entry.address == address(n));
                assert!(found.is_none_or(|entry| entry.last_success == Some(now) && entry.failures == 0));
            }
            Op::Failed(n, times) => {
                for _ in 0..times {
                    let known = book.entries().any(|entry| entry.address == address(n));
                    book.failed(now, address(n));
                    *self.failures.entry(address(n)).or_default() += u32::from(known);
                }
            }
            Op::Seen(n) => book.seen(now, address(n)),
            Op::Forget(n) => {
                book.forget(address(n));
                self.heard.remove(&address(n));
            }
            Op::Pass(seconds) => self.now += seconds,
        }
        for change in book.take_changes() {
            match change {
                Change::Put(entry) => drop(self.written.insert(entry.address, entry)),
                Change::Forget(address) => drop(self.written.remove(&address)),
            }
        }
        self.failures.retain(|address, _| self.written.contains_key(address));
    }

    fn compare(&self, book: &Book) {
        let known: BTreeMap<SocketAddr, BookEntry> =
            book.entries().map(|entry| (entry.address, entry.clone())).collect();
        assert_eq!(known, self.written, "a restart finds the same entries");
        for (address, (entry, place)) in &book.entries {
            assert!(self.heard.contains(address), "{address} was never heard of");
            assert!(entry.failures < BOOK_FAILURES && entry.last_seen.0 <= self.now);
            assert_eq!(entry.failures, self.failures.get(address).copied().unwrap_or(0));
            assert_eq!(book.holder(*place), Some(*address), "one address a place");
            let belongs = match place.table {
                Table::New => book.buckets.new_place(entry),
                Table::Tried => book.buckets.tried_place(*address),
            };
            assert_eq!(*place, belongs);
            assert!(
                place.table == Table::New || entry.last_success.is_some(),
                "only an address that was reached is tried"
            );
        }
        assert_eq!(book.new.len() + book.tried.len(), book.entries.len());
        assert!(book.collisions.len() <= BOOK_COLLISIONS);
        assert!(book.collisions.iter().all(|challenger| known.contains_key(challenger)));
    }
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 60, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn each_address_has_the_one_place_that_is_its_own_and_is_written_down(
        ops in proptest::collection::vec(op(), 1..250)
    ) {
        let mut book = Book::new([7; 32], false, Vec::new());
        let mut model = Model { now: START, ..Model::default() };
        for op in &ops {
            model.apply(&mut book, op);
            model.compare(&book);
        }
        // A restart keeps everybody whose place nobody else has.
        let again = Book::new([7; 32], false, model.written.values().cloned().collect());
        let kept: BTreeSet<SocketAddr> = again.entries().map(|entry| entry.address).collect();
        for entry in book.table(Table::Tried) {
            let place = again.buckets.tried_place(entry.address);
            prop_assert!(kept.contains(&entry.address) || again.holder(place).is_some());
        }
    }
}
