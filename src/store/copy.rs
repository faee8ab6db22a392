//! Copies of database files as of one moment, also while their writer works.

use std::{
    ffi::OsString,
    fs::{self, File},
    path::{Path, PathBuf},
};

use rusqlite::{
    Connection, OpenFlags,
    backup::{Backup, StepResult},
};

use crate::{
    chain::archive::StoreError,
    store::{check, connect},
};

/// Pages copied between two reports of progress.
const PIECE: i32 = 2048;

/// Copies the database `from` to the new file `to`, which appears only when it is complete. `progress` is told the pages
/// copied and all pages.
pub fn copy(from: &Path, to: &Path, progress: &mut dyn FnMut(u64, u64)) -> Result<(), StoreError> {
    if !from.exists() {
        return Err(StoreError::Io(format!("there is no file {}", from.display())));
    }
    if to.exists() {
        return Err(StoreError::Io(format!("{} exists", to.display())));
    }
    let source = connect::open_reader(from)?;
    copy_connection(&source, to, progress)
}

/// The same for a connection that is open already and has no transaction.
pub(super) fn copy_connection(
    source: &Connection,
    to: &Path,
    progress: &mut dyn FnMut(u64, u64),
) -> Result<(), StoreError> {
    let under_way = with_suffix(to, ".part");
    let io = |error: std::io::Error| StoreError::Io(format!("{}: {error}", under_way.display()));
    match fs::remove_file(&under_way) {
        Err(error) if error.kind() != std::io::ErrorKind::NotFound => return Err(io(error)),
        _ => {}
    }
    // The write-ahead log keeps the pages that this transaction sees. Otherwise each write would restart the copy.
    let snapshot = source.unchecked_transaction()?;
    snapshot.query_row("SELECT count(*) FROM sqlite_schema", [], |_| Ok(()))?;
    let flags = OpenFlags::SQLITE_OPEN_READ_WRITE | OpenFlags::SQLITE_OPEN_CREATE | OpenFlags::SQLITE_OPEN_NO_MUTEX;
    let mut target = Connection::open_with_flags(&under_way, flags)?;
    let backup = Backup::new(&snapshot, &mut target)?;
    loop {
        let step = backup.step(PIECE)?;
        let pages = backup.progress();
        let number = |count: i32| u64::try_from(count).unwrap_or(0);
        progress(number(pages.pagecount - pages.remaining), number(pages.pagecount));
        match step {
            StepResult::Done => break,
            StepResult::More => {}
            _ => return Err(StoreError::Io("another program holds the file; try again".to_owned())),
        }
    }
    drop(backup);
    target.close().map_err(|(_, error)| error)?;
    File::open(&under_way).and_then(|file| file.sync_all()).map_err(io)?;
    fs::rename(&under_way, to).map_err(io)
}

/// Copies a file that is about to be upgraded to a name with its version. An earlier copy of that version stays.
pub(super) fn before_upgrade(connection: &Connection, version: usize) -> Result<Option<PathBuf>, StoreError> {
    let Some(path) = connection.path().filter(|path| !path.is_empty()) else { return Ok(None) };
    let target = with_suffix(Path::new(path), &format!(".v{version}"));
    if target.exists() {
        return Ok(None);
    }
    copy_connection(connection, &target, &mut |_, _| {})?;
    Ok(Some(target))
}

/// A description of a database file for bug reports: its version, and SQLite's page counts.
pub fn describe(path: &Path) -> Result<String, StoreError> {
    let connection = connect::open_reader(path)?;
    let number = |sql: &str| connection.query_row(sql, [], |row| row.get::<_, i64>(0));
    let [version, pages, free, size] =
        ["user_version", "page_count", "freelist_count", "page_size"].map(|name| number(&format!("PRAGMA {name}")));
    Ok(format!("version={} pages={} free_pages={} page_bytes={}", version?, pages?, free?, size?))
}

fn with_suffix(path: &Path, suffix: &str) -> PathBuf {
    let mut name = OsString::from(path);
    name.push(suffix);
    PathBuf::from(name)
}

/// Refuses a copy that SQLite finds damaged.
pub fn check(path: &Path) -> Result<(), StoreError> {
    check::quick(&connect::open_reader(path)?)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::store::{
        LedgerDb, LedgerOptions, LedgerReader,
        testing::{TempDir, account, dev_maker},
        testkit,
    };

    #[test]
    fn a_copy_holds_one_moment_whatever_the_writer_does_meanwhile() {
        let dir = TempDir::new();
        let mut maker = dev_maker();
        let path = dir.join("ledger.db");
        let mut ledger = LedgerDb::open(&path, maker.spec(), &LedgerOptions::default()).unwrap();
        let mut grow = |blocks: usize| {
            for _ in 0..blocks {
                let block = maker.next_block(vec![], account(1));
                testkit::append(&mut ledger, &maker, &block).unwrap();
            }
            testkit::commit(&mut ledger, &maker).unwrap();
            maker.tip()
        };
        let tip = grow(300);
        let mut steps = 0;
        let target = dir.join("copy.db");
        copy(&path, &target, &mut |_, _| {
            steps += 1;
            grow(1);
        })
        .unwrap();
        assert!(steps > 0);
        let copied = LedgerReader::open(&target).unwrap();
        assert_eq!(copied.tip().unwrap(), tip);
        check(&target).unwrap();
        assert!(copy(&path, &target, &mut |_, _| {}).is_err(), "an existing file is not replaced");
        assert!(copy(&dir.join("none.db"), &dir.join("x"), &mut |_, _| {}).is_err());
        let version = format!("version={} ", crate::store::migrate::LEDGER.version());
        assert!(describe(&target).unwrap().starts_with(&version));
    }
}
