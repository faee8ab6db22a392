//! `peers.db`: the peer book on disk. A node without it works, but has to discover peers again.

use std::{net::SocketAddr, path::Path, str::FromStr};

use rusqlite::{Connection, Row};

use crate::{
    base::{ids::NodeId, limits, time::UnixTime},
    chain::archive::{Anchor, Ban, Banned, BookContents, BookEntry, PeerStore, StoreError},
    store::{
        connect::{self, SMALL_CACHE_BYTES, SMALL_CHECKPOINT_PAGES, SMALL_LOG_BYTES, Tuning},
        identity, migrate, quarantine, rows, views,
    },
};

/// The secret of a book in memory. It is fixed, so that simulations replay with the same buckets.
const MEMORY_SECRET: [u8; 32] = [0x50; 32];

/// The writer of `peers.db`. Each change is a transaction of its own. It survives the end of the process, and a power
/// failure once SQLite has synced it; anchors are synced at once.
#[derive(Debug)]
pub struct PeerDb {
    connection: Connection,
}

impl PeerDb {
    /// Opens the book, or creates one. A file that cannot be used (damaged, newer, foreign) is renamed, and a new book takes
    /// its place. Without a usable directory the book is kept in memory. Both return a warning.
    pub fn open(path: &Path) -> (Self, Option<String>) {
        let name = path.display();
        let in_memory =
            |problem| (Self::in_memory(), Some(format!("peer book {name}: {problem}; keeping peers in memory only")));
        let problem = match Self::try_open(path) {
            Ok(book) => return (book, None),
            // The file may be intact: the disk or the directory has the problem.
            Err(error @ StoreError::Io(_)) => return in_memory(error.to_string()),
            Err(error) => error,
        };
        match quarantine::quarantine(path).map_err(|error| error.to_string()) {
            Ok(target) => match Self::try_open(path) {
                Ok(book) => {
                    let target = target.display();
                    (book, Some(format!("peer book {name}: {problem}; renamed to {target}, starting an empty book")))
                }
                Err(error) => in_memory(format!("{problem}; {error}")),
            },
            Err(error) => in_memory(format!("{problem}; {error}")),
        }
    }

    /// A book in memory, for the simulator and as a last resort. Its secret is always the same.
    pub fn in_memory() -> Self {
        let connection = Connection::open_in_memory().and_then(|connection| {
            migrate::PEERS.steps.iter().try_for_each(|step| connection.execute_batch(step))?;
            let sql = "INSERT INTO meta (name, value) VALUES ('secret', ?1)";
            connection.execute(sql, [MEMORY_SECRET.as_slice()])?;
            Ok(connection)
        });
        Self { connection: connection.expect("an empty database in memory takes the book's schema") }
    }

    fn try_open(path: &Path) -> Result<Self, StoreError> {
        let mut connection = connect::open_file(path)?;
        migrate::PEERS.check(&connection)?;
        connect::tune_writer(
            &connection,
            Tuning {
                cache_bytes: SMALL_CACHE_BYTES,
                checkpoint_pages: SMALL_CHECKPOINT_PAGES,
                log_bytes: SMALL_LOG_BYTES,
            },
        )?;
        migrate::PEERS.migrate(&mut connection)?;
        views::renew(&mut connection, views::PEERS, None)?;
        let secret = identity::random_secret(&connection)?;
        let sql = "INSERT INTO meta (name, value) VALUES ('secret', ?1) ON CONFLICT (name) DO NOTHING";
        rows::run(&connection, sql, [secret.as_slice()])?;
        let mut book = Self { connection };
        // The file is small, so all of it is read now, which finds damage at once.
        crate::store::check::quick(&book.connection)?;
        book.load()?;
        Ok(book)
    }
}

impl PeerStore for PeerDb {
    fn load(&mut self) -> Result<BookContents, StoreError> {
        let db = &self.connection;
        let secret = rows::one(db, "SELECT value FROM meta WHERE name = 'secret'", [], |row| rows::bytes(row, 0))?;
        let sql = "SELECT address, source, last_seen, last_success, last_attempt, failures, node FROM book \
                   ORDER BY last_seen DESC, address LIMIT ?1";
        let room = limits::BOOK_NEW + limits::BOOK_TRIED;
        let entries = rows::all(db, sql, [i64::try_from(room).unwrap_or(i64::MAX)], entry)?;
        let most = [i64::try_from(limits::MAX_BANS).unwrap_or(i64::MAX)];
        let sql = "SELECT ip, until, reason, seconds FROM bans ORDER BY until DESC, ip LIMIT ?1";
        let mut bans = rows::all(db, sql, most, |row| ban(row, Banned::Host(parse(row, 0)?)))?;
        let sql = "SELECT node, until, reason, seconds FROM node_bans ORDER BY until DESC, node LIMIT ?1";
        bans.extend(rows::all(db, sql, most, |row| ban(row, Banned::Node(NodeId(rows::bytes(row, 0)?))))?);
        let sql = "SELECT address, node FROM anchors ORDER BY position";
        let anchors = rows::all(db, sql, [], |row| Ok(Anchor { address: parse(row, 0)?, node: node(row, 1)? }))?;
        let secret = secret.ok_or_else(|| StoreError::Corrupt("the peer book has no secret".to_owned()))?;
        Ok(BookContents { entries, bans, anchors, secret })
    }

    fn put(&mut self, entry: &BookEntry) -> Result<(), StoreError> {
        let sql = "INSERT OR REPLACE INTO book (address, source, last_seen, last_success, last_attempt, failures, node) \
                   VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7)";
        let parameters = (
            entry.address.to_string(),
            entry.source.map(|source| source.to_string()),
            entry.last_seen.0.cast_signed(),
            entry.last_success.map(|time| time.0.cast_signed()),
            entry.last_attempt.map(|time| time.0.cast_signed()),
            entry.failures,
            entry.node.map(|node| node.0),
        );
        rows::run(&self.connection, sql, parameters).map(|_| ())
    }

    fn forget(&mut self, address: &SocketAddr) -> Result<(), StoreError> {
        rows::run(&self.connection, "DELETE FROM book WHERE address = ?1", [address.to_string()]).map(|_| ())
    }

    fn set_anchors(&mut self, anchors: &[Anchor]) -> Result<(), StoreError> {
        connect::set_durable(&self.connection, true)?;
        let transaction = self.connection.unchecked_transaction()?;
        rows::run(&transaction, "DELETE FROM anchors", [])?;
        for Anchor { address, node } in anchors {
            let sql = "INSERT INTO anchors (address, node) VALUES (?1, ?2)";
            rows::run(&transaction, sql, (address.to_string(), node.map(|node| node.0)))?;
        }
        transaction.commit()?;
        connect::set_durable(&self.connection, false)
    }

    fn put_ban(&mut self, ban: &Ban) -> Result<(), StoreError> {
        let (db, until) = (&self.connection, ban.until.0.cast_signed());
        let seconds = ban.seconds.map(u64::cast_signed);
        let written = match ban.who {
            Banned::Host(ip) => {
                let sql = "INSERT OR REPLACE INTO bans (ip, until, reason, seconds) VALUES (?1, ?2, ?3, ?4)";
                rows::run(db, sql, (ip.to_string(), until, &ban.reason, seconds))
            }
            Banned::Node(node) => {
                let sql = "INSERT OR REPLACE INTO node_bans (node, until, reason, seconds) VALUES (?1, ?2, ?3, ?4)";
                rows::run(db, sql, (node.0, until, &ban.reason, seconds.unwrap_or(0)))
            }
        };
        written.map(|_| ())
    }

    fn lift_ban(&mut self, who: &Banned) -> Result<(), StoreError> {
        let db = &self.connection;
        let lifted = match who {
            Banned::Host(ip) => rows::run(db, "DELETE FROM bans WHERE ip = ?1", [ip.to_string()]),
            Banned::Node(node) => rows::run(db, "DELETE FROM node_bans WHERE node = ?1", [node.0]),
        };
        lifted.map(|_| ())
    }
}

fn entry(row: &Row<'_>) -> Result<BookEntry, StoreError> {
    let optional_time = |column| Ok::<_, StoreError>(row.get::<_, Option<i64>>(column)?.map(i64::cast_unsigned));
    Ok(BookEntry {
        address: parse(row, 0)?,
        source: row.get::<_, Option<String>>(1)?.map(|text| parse_text(&text)).transpose()?,
        last_seen: time(row, 2)?,
        last_success: optional_time(3)?.map(UnixTime),
        last_attempt: optional_time(4)?.map(UnixTime),
        failures: rows::integer(row, 5)?,
        node: node(row, 6)?,
    })
}

fn ban(row: &Row<'_>, who: Banned) -> Result<Ban, StoreError> {
    let seconds = row.get::<_, Option<i64>>(3)?.map(i64::cast_unsigned);
    Ok(Ban { who, until: time(row, 1)?, seconds, reason: row.get(2)? })
}

fn node(row: &Row<'_>, column: usize) -> Result<Option<NodeId>, StoreError> {
    let bytes = row.get::<_, Option<Vec<u8>>>(column)?;
    let wrong = |_| StoreError::Corrupt("the id of a node has not 32 bytes".to_owned());
    bytes.map(|bytes| bytes.try_into().map(NodeId).map_err(wrong)).transpose()
}

fn time(row: &Row<'_>, column: usize) -> Result<UnixTime, StoreError> {
    Ok(UnixTime(row.get::<_, i64>(column)?.cast_unsigned()))
}

fn parse<T: FromStr>(row: &Row<'_>, column: usize) -> Result<T, StoreError> {
    parse_text(&row.get::<_, String>(column)?)
}

fn parse_text<T: FromStr>(text: &str) -> Result<T, StoreError> {
    text.parse().map_err(|_| StoreError::Corrupt(format!("\"{text}\" is not an address")))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::store::testing::TempDir;

    fn address(n: u8) -> SocketAddr {
        SocketAddr::from(([10, 0, 0, n], 4130))
    }

    /// One whose node is known, and one of an earlier version.
    const ANCHORS: [(u8, Option<NodeId>); 2] = [(2, Some(NodeId([2; 32]))), (1, None)];

    fn anchor((n, node): (u8, Option<NodeId>)) -> Anchor {
        Anchor { address: address(n), node }
    }

    fn host(n: u8) -> Banned {
        Banned::Host(address(n).ip())
    }

    fn entry(n: u8) -> BookEntry {
        let odd = !n.is_multiple_of(2);
        BookEntry {
            address: address(n),
            source: odd.then(|| "[2001:db8::1]:9".parse().unwrap()),
            last_seen: UnixTime(1000 - u64::from(n)),
            last_success: odd.then_some(UnixTime(5)),
            last_attempt: None,
            failures: u32::from(n),
            node: odd.then_some(NodeId([n; 32])),
        }
    }

    fn fill(book: &mut PeerDb) {
        (1..=3).for_each(|n| book.put(&entry(n)).unwrap());
        book.put(&BookEntry { failures: 9, ..entry(2) }).unwrap();
        book.forget(&address(3)).unwrap();
        book.set_anchors(&[Anchor { address: address(9), node: None }]).unwrap();
        book.set_anchors(&ANCHORS.map(anchor)).unwrap();
        for (n, until) in [(7, 10), (8, 20), (7, 30)] {
            let ban = Ban { who: host(n), until: UnixTime(until), seconds: Some(until), reason: format!("r{until}") };
            book.put_ban(&ban).unwrap();
        }
        book.lift_ban(&host(8)).unwrap();
        for n in [5, 6] {
            let until = UnixTime(u64::from(n));
            book.put_ban(&Ban { who: Banned::Node(NodeId([n; 32])), until, seconds: Some(9), reason: String::new() })
                .unwrap();
        }
        book.lift_ban(&Banned::Node(NodeId([6; 32]))).unwrap();
    }

    #[test]
    fn everything_comes_back_after_a_restart() {
        let dir = TempDir::new();
        let path = dir.join("peers.db");
        let (mut book, warning) = PeerDb::open(&path);
        assert_eq!(warning, None);
        fill(&mut book);
        let before = book.load().unwrap();
        assert_eq!(before.entries, [entry(1), BookEntry { failures: 9, ..entry(2) }]);
        assert_eq!(before.anchors, ANCHORS.map(anchor));
        let of_host = Ban { who: host(7), until: UnixTime(30), seconds: Some(30), reason: "r30".to_owned() };
        let who = Banned::Node(NodeId([5; 32]));
        let of_node = Ban { who, until: UnixTime(5), seconds: Some(9), reason: String::new() };
        assert_eq!(before.bans, [of_host, of_node]);
        assert_ne!(before.secret, [0; 32]);
        drop(book);
        assert_eq!(PeerDb::open(&path).0.load(), Ok(before));
    }

    #[test]
    fn a_file_that_cannot_be_used_is_quarantined_and_a_new_book_created() {
        let newer = |path: &Path| {
            drop(PeerDb::open(path));
            Connection::open(path).unwrap().execute_batch("PRAGMA user_version = 9").unwrap();
        };
        let foreign = |path: &Path| Connection::open(path).unwrap().execute_batch("CREATE TABLE x (y)").unwrap();
        let garbage = |path: &Path| std::fs::write(path, [7; 9000]).unwrap();
        let nonsense = |path: &Path| {
            fill(&mut PeerDb::open(path).0);
            Connection::open(path).unwrap().execute_batch("UPDATE book SET address = address || 'x'").unwrap();
        };
        let broken = |path: &Path| {
            fill(&mut PeerDb::open(path).0);
            let mut bytes = std::fs::read(path).unwrap();
            bytes[4096..].fill(0xee);
            std::fs::write(path, bytes).unwrap();
        };
        for damage in [&newer as &dyn Fn(&Path), &foreign, &garbage, &nonsense, &broken] {
            let dir = TempDir::new();
            let path = dir.join("peers.db");
            damage(&path);
            let (mut book, warning) = PeerDb::open(&path);
            let warning = warning.expect("damage causes a warning");
            assert!(warning.contains("peers.db.aside-1"), "{warning}");
            assert!(dir.join("peers.db.aside-1").exists());
            assert_eq!(book.load().unwrap().entries, []);
            fill(&mut book);
            drop(book);
            assert_eq!(PeerDb::open(&path).1, None);
            // The first quarantined file stays.
            std::fs::write(&path, [7; 9000]).unwrap();
            assert!(PeerDb::open(&path).1.unwrap().contains("aside-2"));
        }
    }

    #[test]
    fn without_a_directory_the_book_is_kept_in_memory() {
        let dir = TempDir::new();
        let (mut book, warning) = PeerDb::open(&dir.join("missing").join("peers.db"));
        assert!(warning.unwrap().contains("in memory"));
        fill(&mut book);
        assert_eq!(book.load().unwrap().entries.len(), 2);
        assert_eq!(book.load().unwrap().secret, PeerDb::in_memory().load().unwrap().secret);
    }
}
