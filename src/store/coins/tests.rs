//! The coins table beside a model, with keys that collide and keys that do not.

use super::*;
use crate::{base::hash::Hash, chain::address::Address, store::migrate};

fn outpoint(n: u8) -> OutPoint {
    OutPoint { txid: Hash([n; 32]), index: u32::from(n) }
}

fn coin(n: u8) -> Coin {
    Coin { amount: u64::from(n), address: Address([n; 20]), height: 7, coinbase: n.is_multiple_of(2) }
}

fn table(key: KeyFunction) -> (Connection, CoinTable) {
    let mut connection = Connection::open_in_memory().unwrap();
    migrate::LEDGER.migrate(&mut connection).unwrap();
    let mut table = CoinTable::open(&connection, [1; 32]).unwrap();
    table.set_key_function(key);
    (connection, table)
}

fn count(connection: &Connection) -> (i64, i64) {
    let sql = "SELECT (SELECT count(*) FROM coins), (SELECT count(*) FROM coins_overflow)";
    connection.query_row(sql, [], |row| Ok((row.get(0)?, row.get(1)?))).unwrap()
}

#[test]
fn coins_come_and_go_also_when_all_keys_collide() {
    for key in [grouped as KeyFunction, scattered, |_, _| 5, |_, outpoint| i64::from(outpoint.index % 3)] {
        let (connection, mut table) = table(key);
        let mut create = (1..=9).map(|n| CoinChange::Create(outpoint(n), coin(n)));
        table.write(&connection, &mut create).unwrap();
        // Repeated: nothing changes.
        table.write(&connection, &mut (1..=9).map(|n| CoinChange::Create(outpoint(n), coin(n)))).unwrap();
        for n in 1..=9 {
            assert_eq!(table.get(&connection, &outpoint(n)), Ok(Some(coin(n))), "coin {n}");
        }
        assert_eq!(table.get(&connection, &outpoint(10)), Ok(None));
        // Removing the coin that holds the key leaves the others. One of them, inserted again, takes its place.
        let (gone, created) =
            ([1, 4].map(|n| CoinChange::Remove(outpoint(n))), CoinChange::Create(outpoint(9), coin(9)));
        let mut change = gone.into_iter().chain([created]);
        table.write(&connection, &mut change).unwrap();
        for n in 1..=9 {
            let expected = (n != 1 && n != 4).then(|| coin(n));
            assert_eq!(table.get(&connection, &outpoint(n)), Ok(expected), "coin {n}");
        }
        let (plain, overflow) = count(&connection);
        assert_eq!(plain + overflow, 7);
        let mut seen = (0, 0);
        each_coin(&connection, |_, _| {
            seen.0 += 1;
            Ok(())
        })
        .unwrap();
        table.each(&connection, |_, _| seen.1 += 1).unwrap();
        assert_eq!(seen, (7, 7));
        table.write(&connection, &mut (1..=9).map(|n| CoinChange::Remove(outpoint(n)))).unwrap();
        assert_eq!(count(&connection), (0, 0));
        assert!(table.shared.is_empty());
    }
}

#[test]
fn coins_that_are_inserted_many_at_a_time_are_those_that_were_given() {
    for key in [grouped as KeyFunction, scattered, |_, _| 5, |_, outpoint| i64::from(outpoint.index % 30)] {
        let (connection, mut table) = table(key);
        // A coin that is inserted and removed within the coins of one statement, with others around it.
        let all = (1..=50).map(|n| CoinChange::Create(outpoint(n), coin(n)));
        let more = [CoinChange::Remove(outpoint(40)), CoinChange::Create(outpoint(51), coin(51))];
        table.write(&connection, &mut all.chain(more)).unwrap();
        for n in 1..=52 {
            let expected = (n != 40 && n != 52).then(|| coin(n));
            assert_eq!(table.get(&connection, &outpoint(n)), Ok(expected), "coin {n}");
        }
        let (plain, overflow) = count(&connection);
        assert_eq!(plain + overflow, 50);
    }
}

#[test]
fn a_coin_that_cannot_be_found_is_damage() {
    let (connection, mut table) = table(grouped);
    table.write(&connection, &mut (1..=9).map(|n| CoinChange::Create(outpoint(n), coin(n)))).unwrap();
    assert_eq!(table.each(&connection, |_, _| {}), Ok(()));
    connection.execute("UPDATE coins SET key = key + 1 WHERE amount = 4", []).unwrap();
    assert!(matches!(table.each(&connection, |_, _| {}), Err(StoreError::Corrupt(_))));
}

#[test]
fn the_last_change_to_a_coin_counts_and_secrets_make_other_keys() {
    let (connection, mut table) = table(grouped);
    let changes = [Some(coin(1)), None, Some(coin(2))].map(|coin| CoinChange::of(outpoint(1), coin));
    table.write(&connection, &mut changes.into_iter()).unwrap();
    assert_eq!(table.get(&connection, &outpoint(1)), Ok(Some(coin(2))));
    assert_ne!(grouped(&Keys::new([1; 32]), &outpoint(1)), grouped(&Keys::new([2; 32]), &outpoint(1)));
}

#[test]
fn a_coin_that_is_alone_at_its_place_is_removed_without_its_outpoint() {
    for key in [grouped as KeyFunction, scattered, |_, outpoint| i64::from(outpoint.index / 2)] {
        let (connection, mut table) = table(key);
        table.write(&connection, &mut (1..=9).map(|n| CoinChange::Create(outpoint(n), coin(n)))).unwrap();
        for n in 1..=9 {
            let sharers = (1..=9).filter(|other| table.key_of(&outpoint(*other)) == table.key_of(&outpoint(n)));
            let place = table.place_of(&outpoint(n));
            assert_eq!(place.alone, sharers.count() == 1, "coin {n}");
            if place.alone {
                table.write(&connection, &mut [CoinChange::RemoveAt(place.order)].into_iter()).unwrap();
                assert_eq!(table.get(&connection, &outpoint(n)), Ok(None));
            }
        }
        // Of two coins at a place one is removed: the other is then alone there, in either table.
        for gone in [2, 5] {
            table.write(&connection, &mut [CoinChange::Remove(outpoint(gone))].into_iter()).unwrap();
        }
        for n in [3, 4] {
            assert!(table.get(&connection, &outpoint(n)).unwrap().is_none_or(|found| found == coin(n)));
        }
    }
}
