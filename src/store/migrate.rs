//! Numbered schema files, and the migration of a database to the current version.

use rusqlite::{Connection, TransactionBehavior};

use crate::{
    chain::archive::StoreError,
    store::{copy, error::corrupt},
};

/// One kind of database file, and the steps that build its schema.
#[derive(Clone, Copy, Debug)]
pub struct Schema {
    /// For messages and `tussock print schema`.
    pub name: &'static str,
    /// SQLite's `application_id`: four letters in the file's header.
    pub application_id: i32,
    /// Step `n` leads from version `n` to version `n + 1`. Steps that were released never change.
    pub steps: &'static [&'static str],
    /// The oldest version whose files are migrated. The steps before it only build new files.
    pub oldest: usize,
    /// What to say of older files: what is wrong, and the next step.
    pub too_old: &'static str,
}

/// `ledger.db`.
pub const LEDGER: Schema = Schema {
    name: "ledger.db",
    application_id: i32::from_be_bytes(*b"tusL"),
    steps: &[
        include_str!("schema/ledger_0001.sql"),
        include_str!("schema/ledger_0002.sql"),
        include_str!("schema/ledger_0003.sql"),
        include_str!("schema/ledger_0004.sql"),
        include_str!("schema/ledger_0005.sql"),
        include_str!("schema/ledger_0006.sql"),
        include_str!("schema/ledger_0007.sql"),
        include_str!("schema/ledger_0008.sql"),
    ],
    oldest: 5,
    too_old: "the ledger was made by protocol 1, and this program speaks protocol 2; move the file away and start the node, \
              which then begins a ledger of protocol 2; the tussock that made the file still reads it",
};
/// `peers.db`.
pub const PEERS: Schema = Schema {
    name: "peers.db",
    application_id: i32::from_be_bytes(*b"tusP"),
    steps: &[
        include_str!("schema/peers_0001.sql"),
        include_str!("schema/peers_0002.sql"),
        include_str!("schema/peers_0003.sql"),
    ],
    oldest: 1,
    too_old: "",
};
/// `index.db`.
pub const INDEX: Schema = Schema {
    name: "index.db",
    application_id: i32::from_be_bytes(*b"tusI"),
    steps: &[
        include_str!("schema/index_0001.sql"),
        include_str!("schema/index_0002.sql"),
        include_str!("schema/index_0003.sql"),
        include_str!("schema/index_0004.sql"),
    ],
    oldest: 1,
    too_old: "",
};
/// `seals.db`.
pub const SEALS: Schema = Schema {
    name: "seals.db",
    application_id: i32::from_be_bytes(*b"tusS"),
    steps: &[
        include_str!("schema/seals_0001.sql"),
        include_str!("schema/seals_0002.sql"),
        include_str!("schema/seals_0003.sql"),
    ],
    oldest: 1,
    too_old: "",
};

impl Schema {
    /// The version that this program writes.
    pub fn version(&self) -> usize {
        self.steps.len()
    }

    /// The file's version; 0 for an empty one. A file of another program, of a newer version, or of one that is too old is
    /// refused.
    pub fn check(&self, connection: &Connection) -> Result<usize, StoreError> {
        let number = |sql| connection.query_row(sql, [], |row| row.get::<_, i32>(0));
        let (application_id, version) = (number("PRAGMA application_id")?, number("PRAGMA user_version")?);
        let tables = number("SELECT count(*) FROM sqlite_schema")?;
        if (application_id, version, tables) == (0, 0, 0) {
            return Ok(0);
        }
        if application_id != self.application_id {
            return Err(StoreError::Mismatch(format!(
                "the file is not a {} of this program; move it away, or use another --data-dir",
                self.name
            )));
        }
        match usize::try_from(version) {
            Ok(version) if version < self.oldest => Err(StoreError::Mismatch(self.too_old.to_owned())),
            Ok(version) if version <= self.version() => Ok(version),
            _ => Err(StoreError::Mismatch(format!(
                "{} has version {version}, this program knows versions up to {}; use a newer tussock",
                self.name,
                self.version()
            ))),
        }
    }

    /// The same; refuses an empty file too.
    pub fn require_content(&self, connection: &Connection) -> Result<usize, StoreError> {
        match self.check(connection)? {
            0 => Err(corrupt("the file is empty")),
            version => Ok(version),
        }
    }

    /// Refuses a file that is empty or of an older version, for those who only read.
    pub fn require_current(&self, connection: &Connection) -> Result<(), StoreError> {
        match self.require_content(connection)? {
            version if version < self.version() => Err(StoreError::Mismatch(format!(
                "{} has version {version}, this program's is {}; run a node on it once",
                self.name,
                self.version()
            ))),
            _ => Ok(()),
        }
    }

    /// Migrates the file to this program's version, each step with its number in one transaction. A file of an older version
    /// is first copied to its name with `.v` and that version appended.
    pub fn migrate(&self, connection: &mut Connection) -> Result<(), StoreError> {
        let found = self.check(connection)?;
        // The index is derived: it is rebuilt after a migration, so no copy is needed.
        if (1..self.version()).contains(&found)
            && self.application_id != INDEX.application_id
            && let Some(copy) = copy::before_upgrade(connection, found)?
        {
            log::info!("store: upgrading {} version={found} copy={}", self.name, copy.display());
        }
        loop {
            let transaction = connection.transaction_with_behavior(TransactionBehavior::Immediate)?;
            // Read again under the lock: another process may have migrated the file.
            let version = transaction.query_row("PRAGMA user_version", [], |row| row.get::<_, u32>(0))? as usize;
            // A new file is never left at a version that is too old to be read.
            let next = self.oldest.max(version + 1);
            let Some(steps) = self.steps.get(version..next) else { return Ok(()) };
            steps.iter().try_for_each(|step| transaction.execute_batch(step))?;
            transaction.pragma_update(None, "application_id", self.application_id)?;
            transaction.pragma_update(None, "user_version", i64::try_from(next).expect("few steps"))?;
            transaction.commit()?;
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::store::testing::TempDir;

    const FIRST: Schema = Schema {
        name: "x.db",
        application_id: 7,
        steps: &["CREATE TABLE a (x INTEGER) STRICT;"],
        oldest: 1,
        too_old: "",
    };
    const SECOND: Schema =
        Schema { steps: &["CREATE TABLE a (x INTEGER) STRICT;", "ALTER TABLE a ADD COLUMN y INTEGER;"], ..FIRST };
    const BROKEN: Schema =
        Schema { steps: &["CREATE TABLE a (x INTEGER) STRICT;", "CREATE TABLE b (x INTEGER); NONSENSE;"], ..FIRST };

    #[test]
    fn steps_run_once_each_and_keep_what_is_there() {
        let mut connection = Connection::open_in_memory().unwrap();
        FIRST.migrate(&mut connection).unwrap();
        connection.execute("INSERT INTO a VALUES (5)", []).unwrap();
        SECOND.migrate(&mut connection).unwrap();
        SECOND.migrate(&mut connection).unwrap();
        assert_eq!(SECOND.check(&connection), Ok(2));
        let row = connection.query_row("SELECT x, y FROM a", [], |row| Ok((row.get(0)?, row.get(1)?)));
        assert_eq!(row.unwrap(), (5, None::<i64>));
    }

    #[test]
    fn a_file_is_copied_before_it_is_upgraded_and_only_then() {
        let dir = TempDir::new();
        let path = dir.join("x.db");
        let mut connection = Connection::open(&path).unwrap();
        FIRST.migrate(&mut connection).unwrap();
        FIRST.migrate(&mut connection).unwrap();
        connection.execute("INSERT INTO a VALUES (5)", []).unwrap();
        let copy = dir.join("x.db.v1");
        assert!(!copy.exists(), "nothing was upgraded");
        SECOND.migrate(&mut connection).unwrap();
        let old = Connection::open(&copy).unwrap();
        assert_eq!(FIRST.check(&old), Ok(1));
        assert_eq!(old.query_row("SELECT x FROM a", [], |row| row.get::<_, i64>(0)), Ok(5));
    }

    #[test]
    fn a_step_that_fails_leaves_the_version_before_it() {
        let mut connection = Connection::open_in_memory().unwrap();
        assert!(BROKEN.migrate(&mut connection).is_err());
        assert_eq!(FIRST.check(&connection), Ok(1));
        assert!(connection.prepare("SELECT * FROM b").is_err());
    }

    #[test]
    fn a_newer_file_is_refused_with_both_numbers_and_a_foreign_one_by_name() {
        let mut connection = Connection::open_in_memory().unwrap();
        SECOND.migrate(&mut connection).unwrap();
        let Err(StoreError::Mismatch(text)) = FIRST.migrate(&mut connection) else { panic!("taken") };
        assert!(text.contains("version 2") && text.contains("up to 1"), "{text}");
        let foreign = Connection::open_in_memory().unwrap();
        foreign.execute_batch("CREATE TABLE other (x)").unwrap();
        assert!(matches!(FIRST.check(&foreign), Err(StoreError::Mismatch(_))));
    }

    #[test]
    fn readers_tell_an_empty_file_from_an_old_one() {
        let mut connection = Connection::open_in_memory().unwrap();
        assert!(
            matches!(SECOND.require_current(&connection), Err(StoreError::Corrupt(text)) if text.contains("empty"))
        );
        FIRST.migrate(&mut connection).unwrap();
        let Err(StoreError::Mismatch(text)) = SECOND.require_current(&connection) else { panic!("taken") };
        assert_eq!(text, "x.db has version 1, this program's is 2; run a node on it once");
        SECOND.migrate(&mut connection).unwrap();
        assert_eq!(SECOND.require_current(&connection), Ok(()));
    }

    #[test]
    fn a_file_that_is_too_old_is_refused_with_what_to_do_and_a_new_one_is_built() {
        const LATE: Schema = Schema { oldest: 2, too_old: "an old file; move the file away", ..SECOND };
        let mut connection = Connection::open_in_memory().unwrap();
        FIRST.migrate(&mut connection).unwrap();
        let Err(StoreError::Mismatch(text)) = LATE.migrate(&mut connection) else { panic!("taken") };
        assert_eq!(text, "an old file; move the file away");
        assert_eq!(FIRST.check(&connection), Ok(1), "nothing was changed");
        let mut new = Connection::open_in_memory().unwrap();
        LATE.migrate(&mut new).unwrap();
        assert_eq!(LATE.check(&new), Ok(2));
    }

    #[test]
    fn every_schema_builds() {
        for schema in [LEDGER, PEERS, INDEX, SEALS] {
            let mut connection = Connection::open_in_memory().unwrap();
            schema.migrate(&mut connection).unwrap();
            assert_eq!(schema.check(&connection), Ok(schema.version()));
        }
    }
}
