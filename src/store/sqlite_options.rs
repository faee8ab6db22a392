//! SQLite as it is built here: what its options leave in must work, since SQLite's makers do not test every combination.

use rusqlite::{
    Connection, Error, MAIN_DB,
    backup::{Backup, StepResult},
    functions::FunctionFlags,
    limits::Limit,
};

use crate::store::testing::TempDir;

/// A database in a file with a STRICT table, a view, a partial index and triggers.
fn database(dir: &TempDir) -> Connection {
    let connection = Connection::open(dir.join("options.db")).unwrap();
    connection
        .execute_batch(
            "PRAGMA journal_mode = WAL;
             CREATE TABLE coins (id INTEGER PRIMARY KEY, owner TEXT NOT NULL, amount INTEGER NOT NULL, note BLOB) STRICT;
             CREATE TABLE totals (owner TEXT PRIMARY KEY, amount INTEGER NOT NULL) STRICT, WITHOUT ROWID;
             CREATE INDEX large ON coins (amount) WHERE amount > 10;
             CREATE VIEW rich AS SELECT owner, amount FROM totals WHERE amount > 20;
             CREATE TRIGGER created AFTER INSERT ON coins BEGIN
                 INSERT INTO totals VALUES (new.owner, new.amount)
                 ON CONFLICT (owner) DO UPDATE SET amount = amount + excluded.amount;
             END;
             CREATE TRIGGER frozen BEFORE UPDATE ON coins BEGIN SELECT RAISE(ABORT, 'coins do not change'); END;
             INSERT INTO coins (owner, amount, note) VALUES ('ann', 15, x'00ff'), ('bob', 20, NULL), ('ann', 6, NULL);",
        )
        .unwrap();
    connection
}

fn text(connection: &Connection, sql: &str) -> String {
    connection.query_row(sql, [], |row| row.get(0)).unwrap()
}

#[test]
fn views_triggers_and_strict_tables_work() {
    let dir = TempDir::new();
    let connection = database(&dir);
    assert_eq!(text(&connection, "SELECT group_concat(owner || '=' || amount) FROM rich"), "ann=21");
    let refused = |sql: &str| connection.execute(sql, []).unwrap_err().to_string();
    assert!(refused("INSERT INTO coins (owner, amount) VALUES ('ann', 'many')").contains("cannot store TEXT value"));
    assert!(refused("UPDATE coins SET amount = 1").contains("coins do not change"));
    assert!(refused("INSERT INTO rich VALUES ('eve', 99)").contains("view"));
    // With `DQS=0` what stands in double quotes is a name, never a text.
    assert!(refused("DELETE FROM coins WHERE owner = \"ann\"").contains("no such column"));
    assert_eq!(text(&connection, "PRAGMA integrity_check"), "ok");
    assert_eq!(text(&connection, "PRAGMA journal_mode"), "wal");
}

#[test]
fn a_backup_is_the_whole_database() {
    let dir = TempDir::new();
    let (source, mut target) = (database(&dir), Connection::open(dir.join("copy.db")).unwrap());
    let backup = Backup::new(&source, &mut target).unwrap();
    while backup.step(1).unwrap() != StepResult::Done {}
    drop(backup);
    assert_eq!(text(&target, "SELECT group_concat(owner) FROM rich"), "ann");
    assert_eq!(text(&target, "PRAGMA integrity_check"), "ok");
    let blob = target.blob_open(MAIN_DB, "coins", "note", 1, true).unwrap();
    let mut bytes = [0; 2];
    blob.read_at_exact(&mut bytes, 0).unwrap();
    assert_eq!(bytes, [0, 255]);
}

#[test]
fn limits_hold() {
    let dir = TempDir::new();
    let connection = database(&dir);
    connection.set_limit(Limit::SQLITE_LIMIT_LENGTH, 1000).unwrap();
    assert_eq!(connection.limit(Limit::SQLITE_LIMIT_LENGTH).unwrap(), 1000);
    let long = connection.query_row("SELECT zeroblob(1001)", [], |_| Ok(())).unwrap_err();
    assert!(matches!(long, Error::SqliteFailure(failure, _) if failure.code == rusqlite::ErrorCode::TooBig));
    connection.set_limit(Limit::SQLITE_LIMIT_ATTACHED, 0).unwrap();
    assert!(connection.execute("ATTACH ':memory:' AS other", []).is_err());
}

#[test]
fn functions_of_the_program_can_be_called() {
    let dir = TempDir::new();
    let connection = database(&dir);
    let flags = FunctionFlags::SQLITE_UTF8 | FunctionFlags::SQLITE_DETERMINISTIC;
    connection.create_scalar_function("twice", 1, flags, |call| Ok(call.get::<i64>(0)? * 2)).unwrap();
    assert_eq!(text(&connection, "SELECT group_concat(twice(amount)) FROM totals"), "42,40");
}

#[test]
fn json_functions_work() {
    let dir = TempDir::new();
    let connection = database(&dir);
    let rows = "SELECT json_group_array(json_object('owner', owner, 'amount', amount)) FROM \
                (SELECT * FROM totals ORDER BY owner)";
    assert_eq!(text(&connection, rows), r#"[{"owner":"ann","amount":21},{"owner":"bob","amount":20}]"#);
    assert_eq!(text(&connection, r#"SELECT json_extract('{"a":[1,{"b":"c"}]}', '$.a[1].b')"#), "c");
    assert_eq!(text(&connection, r#"SELECT '{"a":[1,2]}' ->> '$.a[1]' || ''"#), "2");
    assert_eq!(text(&connection, "SELECT group_concat(value) FROM json_each('[1,2,3]')"), "1,2,3");
}
