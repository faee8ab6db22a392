//! Damage on disk is found, and damaged data is never returned.

use super::*;

#[test]
fn a_body_that_was_damaged_on_disk_is_an_error_and_not_an_answer() {
    let dir = TempDir::new();
    let path = dir.join("ledger.db");
    let mut maker = dev_maker();
    let spec = maker.spec().clone();
    let mut ledger = open(&path, &spec).unwrap();
    let blocks = extend(&mut ledger, &mut maker, 10);
    testkit::commit(&mut ledger, &maker).unwrap();
    sql(&path, "UPDATE bodies SET bytes = zeroblob(length(bytes)) WHERE id = 3");
    assert!(matches!(ledger.body(&blocks[1].hash), Err(StoreError::Corrupt(_))));
    assert_eq!(ledger.body(&blocks[2].hash), Ok(Some(blocks[2].bytes.clone())));
    drop(ledger);
    // The failure made the file suspect; the damage is too deep for the check of the last blocks.
    let ledger = open(&path, &spec).unwrap();
    assert!(ledger.opened().unclean);
    sql(&path, "UPDATE bodies SET bytes = zeroblob(length(bytes)) WHERE id = 9");
    ledger.crash();
    let Err(StoreError::Corrupt(text)) = open(&path, &spec) else { panic!("damage was not found") };
    assert!(text.contains("height 8"), "{text}");
}

#[test]
fn a_header_that_was_damaged_on_disk_is_an_error_and_not_an_answer() {
    for damage in [
        "UPDATE headers SET time = time + 1 WHERE height = 3",
        "UPDATE headers SET hash = zeroblob(32) WHERE height = 3",
        "UPDATE headers SET parent = 2 WHERE height = 3",
        "UPDATE applied SET id = 3 WHERE height = 3",
    ] {
        let dir = TempDir::new();
        let path = dir.join("ledger.db");
        let mut maker = dev_maker();
        let mut ledger = open(&path, maker.spec()).unwrap();
        extend(&mut ledger, &mut maker, 10);
        testkit::commit(&mut ledger, &maker).unwrap();
        sql(&path, damage);
        assert!(matches!(ledger.applied_at(3), Err(StoreError::Corrupt(_))), "{damage}");
        assert!(matches!(ledger.applied_from(0, 100), Err(StoreError::Corrupt(_))), "{damage}");
        assert_eq!(ledger.applied_at(5).unwrap().unwrap().header.height, 5, "{damage}");
    }
}

#[test]
fn damage_to_headers_undo_data_or_the_state_of_the_last_blocks_is_found_after_a_crash() {
    for damage in [
        "UPDATE headers SET time = time + 1 WHERE height = 8",
        "UPDATE applied SET undo = NULL WHERE height = 7",
        "UPDATE applied SET undo = (SELECT undo FROM applied WHERE height = 6) WHERE height = 7",
        "UPDATE state SET height = 9",
        "UPDATE state SET digest = zeroblob(32)",
        "DELETE FROM bodies WHERE id = 8",
    ] {
        let dir = TempDir::new();
        let path = dir.join("ledger.db");
        let mut maker = dev_maker();
        let mut ledger = open(&path, maker.spec()).unwrap();
        extend(&mut ledger, &mut maker, 10);
        testkit::commit(&mut ledger, &maker).unwrap();
        ledger.crash();
        sql(&path, damage);
        assert!(matches!(open(&path, maker.spec()), Err(StoreError::Corrupt(_))), "{damage}");
    }
}
