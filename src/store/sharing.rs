//! Whether other processes can read a database beside its writer.
//!
//! SQLite keeps the index of a write-ahead log in a file that all processes map into memory. On some file systems a shared
//! file cannot be mapped: 9p, FUSE and NFS with some options. There, `PRAGMA journal_mode = WAL` answers "wal", and each
//! statement after it fails. SQLite's VFS `unix-excl` keeps that index in the process: its connections share it, and the
//! database is locked against other processes.

use std::{
    fs,
    path::{Path, PathBuf},
};

use rusqlite::{Connection, ErrorCode, OpenFlags};

use crate::{chain::archive::StoreError, store::error::is_shared_memory};

/// Keeps the index of the write-ahead log in the process.
const ONE_PROCESS: &str = "unix-excl";
/// What a file that only tries the file system adds to the database's name.
const TRIAL: &str = ".trial";

/// Who can have a database open at the same time.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Default)]
pub enum Sharing {
    /// Connections of all processes.
    #[default]
    Processes,
    /// Connections of one process: the file system has no shared memory.
    OneProcess,
}

/// Opens a file with these flags for connections of all processes, or of this one.
pub(super) fn open(path: &Path, flags: OpenFlags, sharing: Sharing) -> Result<Connection, StoreError> {
    Ok(match sharing {
        Sharing::Processes => Connection::open_with_flags(path, flags)?,
        Sharing::OneProcess => Connection::open_with_flags_and_vfs(path, flags, ONE_PROCESS)?,
    })
}

/// Opens a file for writing, for connections of all processes if the file system allows it. Writes nothing to it: a look
/// at a file that has a log says enough, and otherwise another file beside it is tried.
pub(super) fn open_writer(path: &Path, flags: OpenFlags) -> Result<(Connection, Sharing), StoreError> {
    let connection = open(path, flags, Sharing::Processes)?;
    let shares = match look(&connection) {
        Err(error) if lacks_shared_memory(&error) => false,
        Ok(true) => true,
        // A new file, or one that says itself what is wrong with it when it is used.
        _ => try_beside(path),
    };
    if shares {
        return Ok((connection, Sharing::Processes));
    }
    drop(connection);
    Ok((open(path, flags, Sharing::OneProcess)?, Sharing::OneProcess))
}

/// How a file must be opened for reading. Fails if another process holds the file for itself.
pub(super) fn of_reader(connection: &Connection) -> Result<Sharing, StoreError> {
    match look(connection) {
        Err(error) if lacks_shared_memory(&error) => Ok(Sharing::OneProcess),
        Err(error) if error.sqlite_error_code() == Some(ErrorCode::DatabaseBusy) => Err(StoreError::InUse(
            "another process has the database for itself; a node does where the file system has no shared memory: ask it \
             over RPC, or stop it first"
                .to_owned(),
        )),
        // Whoever uses the connection meets any other error.
        _ => Ok(Sharing::Processes),
    }
}

/// Reads the file's head, for which the index of its log is needed if it has one. Returns whether it has one.
fn look(connection: &Connection) -> rusqlite::Result<bool> {
    connection.query_row("PRAGMA user_version", [], |_| Ok(()))?;
    let mode: String = connection.query_row("PRAGMA journal_mode", [], |row| row.get(0))?;
    Ok(mode.eq_ignore_ascii_case("wal"))
}

/// Whether the file system beside `path` has shared memory: makes a small database there and removes it.
fn try_beside(path: &Path) -> bool {
    let trial = with_suffix(path, TRIAL);
    let tried = Connection::open(&trial).and_then(|connection| {
        connection.execute_batch("PRAGMA synchronous = OFF; PRAGMA journal_mode = WAL; CREATE TABLE trial (x INTEGER);")
    });
    for suffix in ["", "-wal", "-shm", "-journal"] {
        // What is not there need not be removed, and what cannot be removed does no harm.
        drop(fs::remove_file(with_suffix(&trial, suffix)));
    }
    tried.map_or_else(|error| !lacks_shared_memory(&error), |()| true)
}

fn lacks_shared_memory(error: &rusqlite::Error) -> bool {
    error.sqlite_error().is_some_and(|failure| is_shared_memory(failure.extended_code))
}

/// A path with something added to its name.
pub(super) fn with_suffix(path: &Path, suffix: &str) -> PathBuf {
    let mut name = path.as_os_str().to_owned();
    name.push(suffix);
    name.into()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::store::testing::TempDir;

    const WRITE: OpenFlags = OpenFlags::SQLITE_OPEN_READ_WRITE.union(OpenFlags::SQLITE_OPEN_CREATE);

    #[test]
    fn a_file_system_with_shared_memory_is_found_and_left_as_it_was() {
        let dir = TempDir::new();
        let path = dir.join("new.db");
        for _ in 0..2 {
            let (connection, sharing) = open_writer(&path, WRITE).unwrap();
            assert_eq!(sharing, Sharing::Processes);
            let names = fs::read_dir(dir.join("")).unwrap().map(|entry| entry.unwrap().file_name());
            assert!(names.into_iter().all(|name| name.to_string_lossy().starts_with("new.db")), "no trial stays");
            connection.execute_batch("PRAGMA journal_mode = WAL; CREATE TABLE IF NOT EXISTS x (y)").unwrap();
        }
    }

    #[test]
    fn without_shared_memory_the_process_reads_beside_its_writer() {
        let dir = TempDir::new();
        let path = dir.join("own.db");
        let writer = open(&path, WRITE, Sharing::OneProcess).unwrap();
        writer.execute_batch("PRAGMA journal_mode = WAL; CREATE TABLE x (y); BEGIN; INSERT INTO x VALUES (1)").unwrap();
        let reader = open(&path, OpenFlags::SQLITE_OPEN_READ_ONLY, Sharing::Processes).unwrap();
        let count = |connection: &Connection| connection.query_row("SELECT count(*) FROM x", [], |row| row.get(0));
        assert_eq!((of_reader(&reader), count(&reader)), (Ok(Sharing::Processes), Ok(0)));
        writer.execute_batch("COMMIT").unwrap();
        assert_eq!(count(&reader), Ok(1));
        assert!(!dir.join("own.db-shm").exists() && dir.join("own.db-wal").exists());
        drop((writer, reader));
        let after = open(&path, WRITE, Sharing::Processes).unwrap();
        assert_eq!((look(&after), count(&after)), (Ok(true), Ok(1)), "and others read it afterwards");
    }
}
