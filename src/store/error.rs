//! SQLite's errors as [`StoreError`]s.

use rusqlite::{Error, ErrorCode, ffi};

use crate::chain::archive::StoreError;

impl From<Error> for StoreError {
    fn from(error: Error) -> Self {
        // SQLite quotes statements and damaged schemas as they are, with all their lines.
        let text = error.to_string().split_whitespace().collect::<Vec<_>>().join(" ");
        match &error {
            Error::SqliteFailure(failure, _) | Error::SqlInputError { error: failure, .. } => match failure.code {
                _ if is_shared_memory(failure.extended_code) => Self::Io(format!(
                    "{text}: shared memory failed, which programs that read beside the node need; \
                     put the data directory onto a local file system"
                )),
                // A program that only reads must not roll back what a kill left half written.
                _ if [ffi::SQLITE_READONLY_ROLLBACK, ffi::SQLITE_READONLY_RECOVERY]
                    .contains(&failure.extended_code) =>
                {
                    Self::Io("a write was cut off, which the next start of the node mends".into())
                }
                ErrorCode::DiskFull
                | ErrorCode::SystemIoFailure
                | ErrorCode::ReadOnly
                | ErrorCode::CannotOpen
                | ErrorCode::PermissionDenied => Self::Io(text),
                ErrorCode::DatabaseCorrupt | ErrorCode::NotADatabase => Self::Corrupt(text),
                _ => Self::Other(text),
            },
            // The schema is strict, so a value of another type or size was not written by this program.
            Error::FromSqlConversionFailure(..)
            | Error::IntegralValueOutOfRange(..)
            | Error::InvalidColumnType(..)
            | Error::Utf8Error(..) => Self::Corrupt(text),
            _ => Self::Other(text),
        }
    }
}

/// Whether the index of the write-ahead log failed, which all readers of a database share.
pub(super) fn is_shared_memory(code: i32) -> bool {
    [ffi::SQLITE_IOERR_SHMOPEN, ffi::SQLITE_IOERR_SHMSIZE, ffi::SQLITE_IOERR_SHMLOCK, ffi::SQLITE_IOERR_SHMMAP]
        .contains(&code)
}

/// A row holds an impossible value.
pub(super) fn corrupt(what: impl Into<String>) -> StoreError {
    StoreError::Corrupt(what.into())
}

#[cfg(test)]
mod tests {
    use rusqlite::Connection;

    use super::*;
    use crate::store::testing::TempDir;

    #[test]
    fn a_damaged_schema_is_corrupt_and_said_in_one_line() {
        let dir = TempDir::new();
        let path = dir.join("some.db");
        let damage = "CREATE TABLE t (\n    a INTEGER, -- what\n    b BLOB\n) STRICT; PRAGMA writable_schema = ON; \
                      UPDATE sqlite_schema SET sql = replace(sql, 'STRICT', 'SURICT');";
        Connection::open(&path).unwrap().execute_batch(damage).unwrap();
        let error = Connection::open(&path).unwrap().query_row("SELECT a FROM t", [], |_| Ok(())).unwrap_err();
        let error = StoreError::from(error);
        assert!(
            matches!(&error, StoreError::Corrupt(text) if !text.contains('\n') && text.contains("SURICT")),
            "{error:?}"
        );
    }

    #[test]
    fn disk_damage_and_the_rest_are_told_apart() {
        let error = |code| StoreError::from(Error::SqliteFailure(ffi::Error::new(code), None));
        for code in [ffi::SQLITE_FULL, ffi::SQLITE_IOERR_FSYNC, ffi::SQLITE_READONLY, ffi::SQLITE_CANTOPEN] {
            assert!(matches!(error(code), StoreError::Io(_)), "{code}");
        }
        let cut_off = error(ffi::SQLITE_READONLY_ROLLBACK);
        assert!(matches!(&cut_off, StoreError::Io(text) if text.contains("next start")), "{cut_off}");
        let shared = error(ffi::SQLITE_IOERR_SHMMAP);
        assert!(matches!(&shared, StoreError::Io(text) if text.contains("shared memory")), "{shared}");
        for code in [ffi::SQLITE_CORRUPT, ffi::SQLITE_NOTADB] {
            assert!(matches!(error(code), StoreError::Corrupt(_)), "{code}");
        }
        assert!(matches!(error(ffi::SQLITE_BUSY), StoreError::Other(_)));
        let connection = Connection::open_in_memory().unwrap();
        let wrong_type = connection.query_row("SELECT 'x'", [], |row| row.get::<_, i64>(0)).unwrap_err();
        assert!(matches!(StoreError::from(wrong_type), StoreError::Corrupt(_)));
    }
}
