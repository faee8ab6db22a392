//! Pages that a commit writes: each is a page of the log, and later one of the database.

use super::*;
use crate::store::checkpointer::LogPages;

/// Pages that an empty block changes: headers, the index of their hashes, bodies, the applied chain, the state, coins, and
/// the list of their runs.
const EMPTY_BLOCK_PAGES: usize = 7;

#[test]
fn an_empty_block_changes_one_page_of_each_table() {
    let dir = TempDir::new();
    let mut maker = dev_maker();
    let mut ledger = LedgerDb::open(&dir.join("ledger.db"), maker.spec(), &LedgerOptions::default()).unwrap();
    let mut pages = Vec::new();
    let mut logged = 0;
    for number in 0..220 {
        let block = maker.next_block(vec![], account(1));
        testkit::append(&mut ledger, &maker, &block).unwrap();
        testkit::commit(&mut ledger, &maker).unwrap();
        let now = LogPages::of(&ledger.connection).unwrap().unwrap().logged;
        // The first pages of a table split, and a log that has been moved begins again.
        if number >= 20 && now > logged {
            pages.push(now - logged);
        }
        logged = now;
    }
    pages.sort_unstable();
    assert_eq!(pages[pages.len() / 2], EMPTY_BLOCK_PAGES, "{pages:?}");
    let mean = pages.iter().sum::<usize>() as f64 / pages.len() as f64;
    assert!(mean < EMPTY_BLOCK_PAGES as f64 + 1.0, "{mean} with new pages of the tables: {pages:?}");
    assert_coins(&ledger, &maker);
}
