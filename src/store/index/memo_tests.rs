//! Memos in the index against the ledger that it follows.

use std::collections::BTreeSet;

use rusqlite::Connection;

use super::{
    tests::{Setup, pay, setup, setup_with},
    *,
};
use crate::{
    base::rng::Rng,
    chain::{
        archive::{HeaderArchive, Keep, LedgerStore},
        key::SecretKey,
        memo::{self, MAX_WORDS, MemoQuery},
    },
    store::{
        LedgerOptions, migrate,
        testing::{TempDir, account},
        testkit,
    },
};

/// Commits a block whose transactions have these memos.
fn say(setup: &mut Setup, memos: &[&[u8]]) -> HashedBlock {
    let payer = SecretKey::well_known(0);
    let transfers = memos.iter().map(|memo| setup.maker.transfer_with_memo(&payer, account(1), [10, 1], memo));
    let transfers = transfers.collect();
    let block = setup.maker.next_block(transfers, account(9));
    testkit::append(&mut setup.ledger, &setup.maker, &block).unwrap();
    testkit::commit(&mut setup.ledger, &setup.maker).unwrap();
    block
}

fn undo_last(setup: &mut Setup, block: &HashedBlock) {
    let changes = setup.ledger.unapply(block.header.height, &block.hash).unwrap();
    setup.ledger.flush_coins(&mut changes.backward()).unwrap();
}

fn index_all(setup: &mut Setup) {
    while !setup.index.catch_up(&setup.reader, 3).unwrap().is_complete() {}
}

/// Where memos are found, the newest first, in pages of this many.
fn places_in_pages(setup: &Setup, query: &MemoQuery, limit: usize) -> Vec<(u32, u32)> {
    let (mut places, mut before) = (Vec::new(), None);
    loop {
        let page = setup.index.memos(&setup.reader, query, before, limit).unwrap();
        assert!(page.found.len() <= limit);
        places.extend(page.found.iter().map(|found| (found.height, found.position)));
        before = page.next;
        if before.is_none() {
            return places;
        }
    }
}

fn places(setup: &Setup, text: &str) -> Vec<(u32, u32)> {
    places_in_pages(setup, &MemoQuery::of(text), 100)
}

fn memo_entries(setup: &Setup) -> usize {
    let mut merging =
        Merging::new(&setup.index.connection, &runs::slots(&setup.index.connection).unwrap(), Kind::Memo, None)
            .unwrap();
    let (mut group, mut count) = (Vec::new(), 0);
    loop {
        merging.next(&mut group).unwrap();
        if group.is_empty() {
            return count;
        }
        count += group.len();
    }
}

#[test]
fn memos_are_found_by_words_by_all_bytes_and_by_nothing_less() {
    let mut setup = setup();
    say(&mut setup, &[b"Invoice 4711 for Anna", b"invoice 4712", b"", &[0xff, 0, 0x1b, b'[']]);
    say(&mut setup, &[b"thanks, Anna! (invoice 4711)", b"sha256:00ff00ff", b"\x1b[2J invoice 4711"]);
    index_all(&mut setup);
    for (text, expected) in [
        ("4711", &[(2, 3), (2, 1), (1, 1)][..]),
        ("INVOICE", &[(2, 3), (2, 1), (1, 2), (1, 1)]),
        ("anna invoice", &[(2, 1), (1, 1)]),
        ("471", &[]),
        ("00ff00ff", &[(2, 2)]),
        ("ff001b5b", &[(1, 4)]),
        ("FF001B5B", &[(1, 4)]),
        ("invoice 4711 4712", &[]),
        ("?", &[]),
        ("", &[]),
    ] {
        assert_eq!(places(&setup, text), expected, "{text}");
    }
    let exact = |text| places_in_pages(&setup, &MemoQuery::exactly(text), 9);
    assert_eq!((exact("invoice 4712"), exact("Invoice 4712"), exact("invoice")), (vec![(1, 2)], vec![], vec![]));
    let page = setup.index.memos(&setup.reader, &MemoQuery::of("invoice 4712"), None, 5).unwrap();
    assert!(page.found[0].exact && page.found[0].transaction.transaction.memo[..] == *b"invoice 4712");
    assert_eq!(page.found[0].time, setup.reader.applied_at(1).unwrap().unwrap().header.time);
    // Each word of a block once, and the memo without words; none of a coinbase's, which is the height of its block.
    assert_eq!(memo_entries(&setup), 6 + 7);
}

#[test]
fn words_beyond_the_first_sixteen_are_in_no_index_and_a_memo_costs_no_more() {
    let mut setup = setup();
    let many: Vec<String> = (0..170).map(|number| format!("w{number}")).collect();
    let memo: String = many.join(" ").chars().take(512).collect();
    say(&mut setup, &[memo.as_bytes()]);
    index_all(&mut setup);
    assert_eq!(memo_entries(&setup), MAX_WORDS);
    assert_eq!((places(&setup, "w15 w3"), places(&setup, "w16")), (vec![(1, 1)], vec![]));
    assert_eq!(places(&setup, &memo), [(1, 1)]);
}

/// Memos of random words against a list of them all, through merges and reorganisations, in pages of any size.
#[test]
fn what_is_found_is_what_the_chain_has_after_merges_and_reorganisations() {
    let (mut setup, mut rng) = (setup(), Rng::from_number(33));
    let mut chain = Vec::new();
    for round in 0..60 {
        for _ in 0..rng.below(3).min(chain.len() as u64) {
            let (before, block, _) = chain.pop().unwrap();
            undo_last(&mut setup, &block);
            setup.maker = before;
        }
        for _ in 0..=rng.below(2) {
            let word = |rng: &mut Rng| ["pay", "rent", "May", "June", "7"][usize::try_from(rng.below(5)).unwrap()];
            let memos: Vec<String> =
                (0..rng.below(6)).map(|_| format!("{} {}", word(&mut rng), word(&mut rng))).collect();
            let before = setup.maker.fork();
            let block = say(&mut setup, &memos.iter().map(String::as_bytes).collect::<Vec<_>>());
            chain.push((before, block, memos));
        }
        if round % 3 > 0 {
            continue;
        }
        index_all(&mut setup);
        for text in ["pay", "may rent", "7 7", "june pay 7", "rent may"] {
            let query = MemoQuery::of(text);
            let all = chain.iter().flat_map(|(_, block, memos)| {
                (1..).zip(memos).map(|(position, memo)| ((block.header.height, position), memo.clone()))
            });
            let mut expected: Vec<(u32, u32)> =
                all.filter(|(_, memo)| query.matches(memo.as_bytes())).map(|(place, _)| place).collect();
            expected.reverse();
            let limit = usize::try_from(rng.between(1, 9)).unwrap();
            assert_eq!(places_in_pages(&setup, &query, limit), expected, "{text} in round {round}");
        }
    }
    while let Some((before, block, _)) = chain.pop() {
        undo_last(&mut setup, &block);
        setup.maker = before;
    }
    testkit::commit(&mut setup.ledger, &setup.maker).unwrap();
    index_all(&mut setup);
    // Nothing but the genesis block is left; an index that forgot an entry would have it here.
    assert_eq!((memo_entries(&setup), places(&setup, "pay").len()), (0, 0));
}

#[test]
fn two_common_words_that_never_meet_are_looked_for_in_bounded_steps() {
    let mut setup = setup();
    let index = &mut setup.index.connection;
    let [left, right] = ["left", "right"].map(|word| *memo::keys(word.as_bytes()).first().unwrap());
    let entries = (0..60_000u32).map(|number| Entry::memo([left, right][(number % 2) as usize], number.into()));
    let mut entries = [vec![], vec![], vec![], entries.collect::<Vec<_>>()];
    batch::sort(&mut entries);
    runs::add(index, &entries).unwrap();
    let query = MemoQuery::of("left right");
    let (mut before, mut calls, mut lowest) = (None, 0, u32::MAX);
    loop {
        let page = setup.index.memos(&setup.reader, &query, before, 5).unwrap();
        assert_eq!(page.found, []);
        let Some(next) = page.next else { break };
        assert!(next.0 < lowest, "each call gets on: {next:?} {lowest} {calls}");
        (before, lowest, calls) = (Some(next), next.0, calls + 1);
    }
    assert!((1..10).contains(&calls), "{calls}");
}

#[test]
fn memos_of_blocks_that_are_no_longer_kept_are_forgotten() {
    let options = LedgerOptions { save_sums_after: 50, keep: Keep::Blocks(100), ..LedgerOptions::default() };
    let mut setup = setup_with(&options);
    for number in 0..250u32 {
        say(&mut setup, &[format!("rent {number}").as_bytes()]);
        setup.index.catch_up(&setup.reader, 1000).unwrap();
        while setup.ledger.tidy().unwrap() {}
    }
    setup.index.catch_up(&setup.reader, 1000).unwrap();
    let from = setup.index.memos_from().unwrap();
    assert!(from > 64, "{from}");
    let kept: BTreeSet<u32> = places(&setup, "rent").iter().map(|place| place.0).collect();
    assert_eq!(kept.last(), Some(&250));
    assert!(kept.first().unwrap() >= &from);
    assert!(places(&setup, "3").is_empty() && !places(&setup, "249").is_empty());
    // Each has its whole, "rent", and its number; those that are still there wait for the next pass.
    assert!(memo_entries(&setup) <= 3 * (251 - from as usize), "{}", memo_entries(&setup));
}

/// Makes the index one of version 3: without memos.
fn without_memos(path: &std::path::Path) {
    let file = Connection::open(path).unwrap();
    let kind = Kind::Memo as i64;
    let sql = "DELETE FROM pages WHERE (id >> 53) & 3 = ?1";
    file.execute(sql, [kind]).unwrap();
    file.pragma_update(None, "user_version", 3).unwrap();
}

#[test]
fn an_index_without_memos_is_filled_anew_if_the_ledger_has_all_blocks_and_goes_on_if_not() {
    let mut setup = setup();
    for number in 1..=6 {
        say(&mut setup, &[format!("rent {number}").as_bytes()]);
    }
    index_all(&mut setup);
    let (path, genesis, prefix) = (setup.dir.join("index.db"), setup.reader.genesis(), setup.maker.spec().prefix);
    let open = || IndexDb::open(&path, &genesis, &prefix).unwrap();
    let ledger = Connection::open(setup.dir.join("ledger.db")).unwrap();
    let keep_from = |height: u32| ledger.execute("UPDATE state SET kept_from = ?1", [height]).unwrap();
    let history = |setup: &Setup| setup.index.history(&account(1), None, 100).unwrap().len();

    setup.index = IndexDb::open(&setup.dir.join("other.db"), &genesis, &prefix).unwrap();
    without_memos(&path);
    assert!(IndexDb::open_to_read(&path, &genesis).is_err(), "whoever reads waits for the node");
    keep_from(3);
    setup.index = open();
    let before = history(&setup);
    index_all(&mut setup);
    assert_eq!((setup.index.memos_from(), places(&setup, "rent")), (Ok(7), vec![]));
    assert_eq!((setup.index.begins_at(), history(&setup)), (Ok(Some(0)), before), "what it had stays");
    say(&mut setup, &[b"rent 7"]);
    index_all(&mut setup);
    assert_eq!(places(&setup, "rent"), [(7, 1)]);

    keep_from(1);
    index_all(&mut setup);
    assert_eq!((setup.index.memos_from(), places(&setup, "rent").len()), (Ok(0), 7));
    // A new file has memos from the first block on.
    pay(&mut setup.ledger, &mut setup.maker, 1, 1, 5);
    let dir = TempDir::new();
    setup.index = IndexDb::open(&dir.join("index.db"), &genesis, &prefix).unwrap();
    index_all(&mut setup);
    assert_eq!((setup.index.memos_from(), places(&setup, "rent 3")), (Ok(0), vec![(3, 1)]));
    assert_eq!(migrate::INDEX.version(), 4);
}

/// Whoever fills blocks must not make a search of one word slow: it ends early, and says where to go on.
#[test]
fn a_search_reads_a_bounded_number_of_bytes_of_blocks() {
    let mut setup = setup();
    for _ in 0..150 {
        say(&mut setup, &[b"rent"]);
    }
    index_all(&mut setup);
    let page = setup.index.memos(&setup.reader, &MemoQuery::of("rent"), None, 1000).unwrap();
    assert_eq!((page.found.len(), page.next), (64, Some((87, 0))));
    assert_eq!(places_in_pages(&setup, &MemoQuery::of("rent"), 1000).len(), 150);
    let page = setup.index.memos(&setup.reader, &MemoQuery::of("rent"), None, 100).unwrap();
    assert_eq!(page.found.len(), 64, "not as many as asked for, but all are found in turn");
}
