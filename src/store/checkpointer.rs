//! Moves a write-ahead log into its database beside the writer.
//!
//! Moving pages takes reads, writes and, on a real disk, two flushes. The writer would do nothing else meanwhile. A thread
//! with a connection of its own moves what is committed, while the writer appends to the log. The log can begin again from
//! its start only once all of it has been moved, so the writer moves what the thread has left when the log is long.

use std::{
    path::Path,
    sync::mpsc::{Receiver, SyncSender, sync_channel},
    thread::JoinHandle,
    time::Duration,
};

use log::warn;
use rusqlite::{Connection, OpenFlags};

use super::{
    connect::{self, BUSY_TIMEOUT, NO_MUTEX},
    rows,
    sharing::{self, Sharing},
};
use crate::chain::archive::StoreError;

/// How long a writer waits for the thread. A disk that takes longer delays the writer's own flushes too.
const PATIENCE: Duration = Duration::from_secs(60);

/// Pages of a write-ahead log.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct LogPages {
    /// Pages of committed transactions.
    pub(super) logged: usize,
    /// Those of them that are in the database already.
    pub(super) moved: usize,
}

impl LogPages {
    /// The pages of this connection's log; `None` without a log.
    pub(super) fn of(connection: &Connection) -> Result<Option<Self>, StoreError> {
        checkpoint(connection, "NOOP")
    }

    /// Moves all committed pages that no reader still needs in the log.
    pub(super) fn checkpoint(connection: &Connection) -> Result<Option<Self>, StoreError> {
        checkpoint(connection, "PASSIVE")
    }

    /// Pages that are to be moved.
    pub(super) fn waiting(self) -> usize {
        self.logged.saturating_sub(self.moved)
    }
}

fn checkpoint(connection: &Connection, mode: &str) -> Result<Option<LogPages>, StoreError> {
    let pages =
        |row: &rusqlite::Row<'_>, at| Ok::<_, StoreError>(usize::try_from(row.get::<_, i64>(at)?).unwrap_or_default());
    let sql = format!("PRAGMA wal_checkpoint({mode})");
    rows::one(connection, &sql, [], |row| Ok(LogPages { logged: pages(row, 1)?, moved: pages(row, 2)? }))
}

/// The thread that moves pages, and its state as its writer knows it. Dropping it ends the thread once it is done.
#[derive(Debug)]
pub(super) struct Checkpointer {
    orders: Option<SyncSender<()>>,
    done: Receiver<Result<(), StoreError>>,
    is_moving: bool,
    thread: Option<JoinHandle<()>>,
}

impl Checkpointer {
    /// Starts the thread for a database that a writer of this process has open.
    pub(super) fn start(path: &Path, sharing: Sharing) -> Result<Self, StoreError> {
        let connection = sharing::open(path, OpenFlags::SQLITE_OPEN_READ_WRITE | NO_MUTEX, sharing)?;
        connection.busy_timeout(BUSY_TIMEOUT)?;
        connect::set_cache_bytes(&connection, 0)?; // pages that are moved do not pass through it
        let (orders, ordered) = sync_channel(1);
        let (tell, done) = sync_channel(1);
        let run = move || {
            for () in ordered {
                if tell.send(LogPages::checkpoint(&connection).map(|_| ())).is_err() {
                    return;
                }
            }
        };
        let thread = std::thread::Builder::new().name("checkpoint".to_owned()).spawn(run);
        let thread = thread.map_err(|error| StoreError::Other(format!("no thread for checkpoints: {error}")))?;
        Ok(Self { orders: Some(orders), done, is_moving: false, thread: Some(thread) })
    }

    /// Has the pages that are committed now moved, unless pages are being moved already.
    pub(super) fn begin(&mut self) {
        if let Ok(result) = self.done.try_recv() {
            self.end(result);
        }
        if !self.is_moving {
            self.is_moving = self.orders.as_ref().is_some_and(|orders| orders.try_send(()).is_ok());
        }
    }

    /// Waits until no pages are being moved.
    pub(super) fn wait(&mut self) {
        if self.is_moving
            && let Ok(result) = self.done.recv_timeout(PATIENCE)
        {
            self.end(result);
        }
    }

    /// The writer meets the same error when it moves pages itself, and stops for it.
    fn end(&mut self, result: Result<(), StoreError>) {
        self.is_moving = false;
        if let Err(error) = result {
            warn!("store: could not move the log into the database error=\"{error}\"");
        }
    }
}

impl Drop for Checkpointer {
    fn drop(&mut self) {
        drop(self.orders.take());
        if let Some(thread) = self.thread.take()
            && thread.join().is_err()
        {
            warn!("store: the thread for checkpoints panicked");
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::store::testing::TempDir;

    fn writer(path: &Path) -> Connection {
        let writer = Connection::open(path).unwrap();
        let sql = "PRAGMA journal_mode = WAL; PRAGMA wal_autocheckpoint = 0; CREATE TABLE t (x);";
        writer.execute_batch(sql).unwrap();
        writer
    }

    fn fill(writer: &Connection) {
        let sql = "WITH RECURSIVE n (i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < 100) \
                   INSERT INTO t SELECT zeroblob(4000) FROM n";
        writer.execute(sql, []).unwrap();
    }

    #[test]
    fn pages_move_beside_an_open_transaction_and_the_log_begins_again_once_all_are_moved() {
        let dir = TempDir::new();
        let path = dir.join("some.db");
        let (writer, reader) = (writer(&path), Connection::open(&path).unwrap());
        let mut checkpointer = Checkpointer::start(&path, Sharing::Processes).unwrap();
        fill(&writer);
        let committed = LogPages::of(&writer).unwrap().unwrap();
        assert!(committed.logged > 100 && committed.waiting() == committed.logged, "{committed:?}");
        writer.execute_batch("BEGIN").unwrap();
        fill(&writer);
        checkpointer.begin();
        checkpointer.wait();
        let during = LogPages::of(&reader).unwrap().unwrap();
        assert_eq!(during, LogPages { moved: committed.logged, ..committed });
        writer.execute_batch("COMMIT").unwrap();
        let left = LogPages::of(&writer).unwrap().unwrap();
        assert!(left.waiting() >= 100 && left.logged == committed.logged + left.waiting(), "{left:?}");
        assert_eq!(LogPages::checkpoint(&writer).unwrap().unwrap().waiting(), 0);
        writer.execute("INSERT INTO t VALUES (1)", []).unwrap();
        assert!(LogPages::of(&writer).unwrap().unwrap().logged < 10, "the log begins again");
    }

    #[test]
    fn without_shared_memory_pages_move_too() {
        let dir = TempDir::new();
        let path = dir.join("own.db");
        let writer = sharing::open(&path, OpenFlags::default(), Sharing::OneProcess).unwrap();
        writer.execute_batch("PRAGMA journal_mode = WAL; CREATE TABLE t (x);").unwrap();
        let mut checkpointer = Checkpointer::start(&path, Sharing::OneProcess).unwrap();
        fill(&writer);
        checkpointer.begin();
        checkpointer.wait();
        assert_eq!(LogPages::of(&writer).unwrap().unwrap().waiting(), 0);
    }

    #[test]
    fn an_end_waits_for_what_is_under_way() {
        let dir = TempDir::new();
        let path = dir.join("some.db");
        let writer = writer(&path);
        let mut checkpointer = Checkpointer::start(&path, Sharing::Processes).unwrap();
        fill(&writer);
        (0..3).for_each(|_| checkpointer.begin());
        drop(checkpointer);
        assert_eq!(LogPages::of(&writer).unwrap().unwrap().waiting(), 0);
    }
}
