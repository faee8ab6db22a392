//! Queries that users write (`tussock sql`): read-only, bounded, and interruptible from another thread.

use std::path::Path;

use rusqlite::{Connection, InterruptHandle, functions::FunctionFlags, limits::Limit, types::ValueRef};

use crate::{
    base::hash::{hex, unhex},
    chain::{
        address::{Address, Prefix},
        archive::StoreError,
        snapshot::JoinState,
    },
    store::{IndexDb, coins, connect, contents, migrate, reader::LedgerReader, views},
};

/// Bytes of one value in a user's query; a block that is unpacked fits.
const MAX_SQL_VALUE_BYTES: i32 = 8 * 1024 * 1024;

/// The name under which `index.db` is attached.
const INDEX: &str = "book_of_txs";
/// The name under which `peers.db` is attached.
const PEERS: &str = "book_of_peers";

/// One value of an answer.
#[derive(Clone, Debug, PartialEq)]
pub enum Value {
    /// NULL.
    Null,
    /// A signed 64-bit number.
    Integer(i64),
    /// A floating-point number.
    Real(f64),
    /// A text; invalid UTF-8 is replaced.
    Text(String),
    /// Bytes.
    Bytes(Vec<u8>),
}

/// An answer.
#[derive(Clone, Debug, PartialEq, Default)]
pub struct Table {
    /// The columns' names.
    pub columns: Vec<String>,
    /// The rows, each with a value per column.
    pub rows: Vec<Vec<Value>>,
    /// Whether there were more rows than the caller wanted.
    pub truncated: bool,
}

/// Ends a query that another thread is waiting for.
pub struct Interrupter(InterruptHandle);

impl Interrupter {
    /// Makes the running query fail. Without one, nothing happens.
    pub fn interrupt(&self) {
        self.0.interrupt();
    }
}

/// What the index's views of coins show, from the ledger's own: slower, but right without old blocks.
const OWN_COINS: &str = "
    CREATE TEMP VIEW IF NOT EXISTS v_coins AS SELECT * FROM v_packed_coins;
    CREATE TEMP VIEW IF NOT EXISTS v_balances AS
    SELECT address, sum(amount) AS balance, count(*) AS coins, max(as_of_height) AS as_of_height
    FROM v_coins GROUP BY address";

impl LedgerReader {
    /// Interrupts a [`LedgerReader::sql`] that takes too long, from a thread that watches the clock.
    pub fn interrupter(&self) -> Interrupter {
        Interrupter(self.connection().get_interrupt_handle())
    }

    /// Attaches the index and the peer book for [`LedgerReader::sql`], if they exist and have this program's version. Adds
    /// this program's views of all three, so that they are the same whichever program wrote the files, and functions for
    /// addresses: `address_text` and `address_hex` take an address in either form, or its bytes, and return NULL for
    /// anything else. `prefix` is that of the chain's addresses, `waiting` what is in the node's mempool; `None`: no node
    /// tells.
    pub fn join(
        &self,
        index: &Path,
        peers: &Path,
        waiting: Option<&[Vec<u8>]>,
        prefix: Prefix,
    ) -> Result<(), StoreError> {
        let connection = self.connection();
        add_function(connection, "address_text", move |address| Some(address_of(address, &prefix)?.to_text(&prefix)))?;
        add_function(connection, "address_hex", move |address| Some(hex(&address_of(address, &prefix)?.0)))?;
        // Temporary views count as changes too. The files stay read-only, because they were opened so.
        connection.pragma_update(None, "query_only", 0)?;
        views::add_temporary(connection, views::LEDGER, "main")?;
        coins::view::add(connection, prefix)?;
        contents::add(connection, IndexDb::open_to_read(index, &self.genesis()).ok(), waiting, prefix)?;
        let files = [(index, INDEX, &migrate::INDEX, views::INDEX), (peers, PEERS, &migrate::PEERS, views::PEERS)];
        for (path, name, schema, its_views) in files {
            let usable = path.exists()
                && connect::open_reader(path)
                    .and_then(|file| schema.check(&file))
                    .is_ok_and(|version| version == schema.version());
            if usable {
                let path = path.to_string_lossy();
                connection.execute(&format!("ATTACH ?1 AS {name}"), [path.as_ref()])?;
                views::add_temporary(connection, its_views, name)?;
            }
        }
        if self.kept_from()? > 1 {
            // The index knows what blocks did that are here, and not what there was before them.
            connection.execute_batch("DROP VIEW IF EXISTS temp.v_coins; DROP VIEW IF EXISTS temp.v_balances")?;
        }
        if self.join_state()? == JoinState::Joining {
            // Those of genesis, spent long ago, are all that is here.
            connection.execute_batch("CREATE TEMP VIEW v_coins AS SELECT * FROM v_packed_coins WHERE 0")?;
        }
        // Without an index of all blocks, the ledger's own coins do.
        connection.execute_batch(OWN_COINS)?;
        Ok(connection.pragma_update(None, "query_only", 1)?)
    }

    /// Runs one SQL statement that only reads, and returns at most `max_rows` rows. The views
    /// (such as `v_blocks`) are meant for this. Errors carry SQLite's message.
    pub fn sql(&self, statement: &str, max_rows: usize) -> Result<Table, StoreError> {
        let (mut rows, mut truncated) = (Vec::new(), false);
        let columns = self.sql_rows(statement, |_, row| {
            truncated = rows.len() == max_rows;
            if !truncated {
                rows.push(row);
            }
            !truncated
        })?;
        Ok(Table { columns, rows, truncated })
    }

    /// The same for as many rows as `take` wants: it gets the columns' names with each. Returns the names.
    pub fn sql_rows(
        &self,
        statement: &str,
        mut take: impl FnMut(&[String], Vec<Value>) -> bool,
    ) -> Result<Vec<String>, StoreError> {
        let connection = self.connection();
        // No other file, and no single value that could exhaust the memory.
        connection.set_limit(Limit::SQLITE_LIMIT_ATTACHED, 0)?;
        connection.set_limit(Limit::SQLITE_LIMIT_LENGTH, MAX_SQL_VALUE_BYTES)?;
        let mut statement = connection.prepare(statement)?;
        if !statement.readonly() || statement.column_count() == 0 {
            return Err(StoreError::Other("only statements that read are possible".to_owned()));
        }
        let columns: Vec<String> = statement.column_names().map(str::to_owned).collect();
        let mut rows = statement.query([])?;
        while let Some(row) = rows.next()? {
            let values = (0..columns.len()).map(|column| Ok(Value::of(row.get_ref(column)?)));
            if !take(&columns, values.collect::<Result<_, StoreError>>()?) {
                break;
            }
        }
        Ok(columns)
    }
}

/// Adds a function of an address. It is harmless, so views may call it.
fn add_function(
    connection: &Connection,
    name: &str,
    function: impl Fn(ValueRef<'_>) -> Option<String> + Send + 'static,
) -> Result<(), StoreError> {
    let flags = FunctionFlags::SQLITE_UTF8 | FunctionFlags::SQLITE_DETERMINISTIC | FunctionFlags::SQLITE_INNOCUOUS;
    Ok(connection.create_scalar_function(name, 1, flags, move |call| Ok(function(call.get_raw(0))))?)
}

/// An address in the chain's text, in hex, or as bytes.
fn address_of(value: ValueRef<'_>, prefix: &Prefix) -> Option<Address> {
    let bytes = match value {
        ValueRef::Blob(bytes) => bytes.to_vec(),
        ValueRef::Text(text) => {
            let text = std::str::from_utf8(text).ok()?;
            if let Ok(address) = Address::parse(text, prefix) {
                return Some(address);
            }
            unhex(text)?
        }
        _ => return None,
    };
    Some(Address(bytes.try_into().ok()?))
}

impl Value {
    fn of(value: ValueRef<'_>) -> Self {
        match value {
            ValueRef::Null => Self::Null,
            ValueRef::Integer(number) => Self::Integer(number),
            ValueRef::Real(number) => Self::Real(number),
            ValueRef::Text(text) => Self::Text(String::from_utf8_lossy(text).into_owned()),
            ValueRef::Blob(bytes) => Self::Bytes(bytes.to_vec()),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::store::{
        IndexDb, LedgerDb, LedgerOptions, PeerDb,
        testing::{TempDir, account, dev_maker},
        testkit,
    };

    #[test]
    fn the_views_answer_in_hex_and_nothing_can_be_changed() {
        let dir = TempDir::new();
        let mut maker = dev_maker();
        let path = dir.join("ledger.db");
        let mut ledger = LedgerDb::open(&path, maker.spec(), &LedgerOptions::default()).unwrap();
        for _ in 0..3 {
            let block = maker.next_block(vec![], account(1));
            testkit::append(&mut ledger, &maker, &block).unwrap();
        }
        testkit::commit(&mut ledger, &maker).unwrap();
        let reader = LedgerReader::open(&path).unwrap();
        let table = reader.sql("SELECT height, hash FROM v_blocks ORDER BY height DESC", 2).unwrap();
        assert_eq!((table.columns, table.rows.len(), table.truncated), (vec!["height".into(), "hash".into()], 2, true));
        assert_eq!(table.rows[0], [Value::Integer(3), Value::Text(maker.hash().to_string())]);
        let one = |sql: &str| reader.sql(sql, 9).unwrap().rows.swap_remove(0).swap_remove(0);
        let digest = maker.tip().digest.to_string();
        assert_eq!(one("SELECT state_digest FROM v_tip"), Value::Text(digest));
        assert_eq!(one("SELECT status FROM v_headers WHERE height = 2"), Value::Text("applied".into()));
        let mut index = IndexDb::open(&dir.join("index.db"), &reader.genesis(), &maker.spec().prefix).unwrap();
        assert!(index.catch_up(&reader, 100).unwrap().is_complete());
        drop(PeerDb::open(&dir.join("peers.db")));
        let reader = LedgerReader::open(&path).unwrap();
        reader.join(&dir.join("index.db"), &dir.join("peers.db"), None, maker.spec().prefix).unwrap();
        let one = |sql: &str| reader.sql(sql, 9).unwrap().rows.swap_remove(0).swap_remove(0);
        assert_eq!(one("SELECT count(*) FROM v_txs"), Value::Integer(4));
        assert_eq!(one("SELECT count(*) FROM v_coins"), Value::Integer(maker.coins().len() as i64));
        assert_eq!(one("SELECT max(as_of_height) + min(as_of_height) FROM v_coins"), Value::Integer(6));
        assert_eq!(one("SELECT max(as_of_height) FROM v_balances"), Value::Integer(3));
        let differ = "SELECT count(*) FROM (SELECT * FROM v_coins EXCEPT SELECT * FROM v_packed_coins)";
        assert_eq!(one(differ), Value::Integer(0));
        assert_eq!(one("SELECT count(*) FROM v_packed_coins"), Value::Integer(maker.coins().len() as i64));
        let alone = LedgerReader::open(&path).unwrap();
        alone.join(&dir.join("none.db"), &dir.join("none.db"), None, maker.spec().prefix).unwrap();
        assert_eq!(
            alone.sql("SELECT sum(amount) FROM v_coins", 9).unwrap().rows[0][0],
            one("SELECT sum(amount) FROM v_coins")
        );
        assert_eq!(one("SELECT count(*) FROM v_coins WHERE coinbase AND height > 0"), Value::Integer(3));
        assert_eq!(one("SELECT sum(balance) FROM v_balances"), one("SELECT sum(amount) FROM v_coins"));
        assert_eq!(one("SELECT sum(amount) FROM v_outputs"), one("SELECT sum(amount) FROM v_coins"));
        assert_eq!(one("SELECT blocks FROM v_miners"), Value::Integer(3));
        assert_eq!(one("SELECT hash FROM v_tips"), Value::Text(maker.hash().to_string()));
        assert_eq!(one("SELECT count(*) FROM v_peers"), Value::Integer(0));
        let own = account(1).to_text(&maker.spec().prefix);
        assert_eq!(one("SELECT address_text(address) FROM v_miners"), Value::Text(own.clone()));
        assert_eq!(
            one(&format!("SELECT blocks FROM v_miners WHERE address_hex(address) = address_hex('{own}')")),
            Value::Integer(3)
        );
        assert_eq!(one(&format!("SELECT blocks FROM v_miners WHERE address = '{own}'")), Value::Integer(3));
        let raw = "SELECT address_text(address_hex(address)) FROM v_outputs WHERE height > 0 LIMIT 1";
        assert_eq!(one(raw), Value::Text(own.clone()));
        assert_eq!(one(&format!("SELECT address_text(address_hex('{own}'))")), Value::Text(own));
        assert_eq!(one("SELECT ifnull(address_hex('nobody'), address_text('00'))"), Value::Null);
        for refused in
            ["DELETE FROM coin_pages", "ATTACH 'x' AS y", "SELECT", "CREATE TABLE x (y)", "DROP VIEW v_tips", ""]
        {
            assert!(reader.sql(refused, 9).is_err(), "{refused}");
        }
        let endless = "WITH RECURSIVE n(x) AS (SELECT 1 UNION ALL SELECT x + 1 FROM n) SELECT count(*) FROM n";
        let interrupter = reader.interrupter();
        let stop = std::sync::atomic::AtomicBool::new(false);
        let answer = std::thread::scope(|scope| {
            // Repeated until it is over: an interrupt before the query starts has no effect.
            scope.spawn(|| {
                while !stop.load(std::sync::atomic::Ordering::Relaxed) {
                    interrupter.interrupt();
                    std::thread::yield_now();
                }
            });
            let answer = reader.sql(endless, 1);
            stop.store(true, std::sync::atomic::Ordering::Relaxed);
            answer
        });
        assert!(matches!(answer, Err(StoreError::Other(_))));
    }

    #[test]
    fn a_nonce_of_64_bits_is_not_negative_and_genesis_has_no_previous_block() {
        let dir = TempDir::new();
        let path = dir.join("ledger.db");
        drop(LedgerDb::open(&path, dev_maker().spec(), &LedgerOptions::default()).unwrap());
        let file = rusqlite::Connection::open(&path).unwrap();
        file.execute("UPDATE headers SET nonce = -1", []).unwrap();
        let sql = "SELECT nonce, typeof(nonce), previous FROM v_headers";
        let row = file.query_row(sql, [], |row| Ok((row.get(0)?, row.get(1)?, row.get(2)?))).unwrap();
        assert_eq!(row, (u64::MAX.to_string(), "text".to_owned(), None::<String>));
    }

    #[test]
    fn finding_the_ends_of_branches_takes_steps_in_proportion_to_the_headers() {
        const HEADERS: i32 = 3000;
        let dir = TempDir::new();
        let path = dir.join("ledger.db");
        drop(LedgerDb::open(&path, dev_maker().spec(), &LedgerOptions::default()).unwrap());
        let file = rusqlite::Connection::open(&path).unwrap();
        let branch = "WITH RECURSIVE n(x) AS (SELECT 1 UNION ALL SELECT x + 1 FROM n WHERE x < ?1)
            INSERT INTO headers SELECT 1000 + x, randomblob(32), x, iif(x = 1, 1, 999 + x), x, 1, zeroblob(32),
            zeroblob(32), x, 1, 1, zeroblob(32), NULL, 0 FROM n";
        file.execute(branch, [HEADERS]).unwrap();
        file.execute("INSERT INTO side SELECT id, 0 FROM headers WHERE id > 1000", []).unwrap();
        let reader = LedgerReader::open(&path).unwrap();
        reader.join(&dir.join("no index"), &dir.join("no peers"), None, dev_maker().spec().prefix).unwrap();
        let mut statement = reader.connection().prepare("SELECT group_concat(height) FROM v_tips").unwrap();
        let heights: String = statement.query_row([], |row| row.get(0)).unwrap();
        assert_eq!(heights, format!("0,{HEADERS}"));
        let steps = statement.get_status(rusqlite::StatementStatus::VmStep);
        assert!(steps < 200 * HEADERS, "{steps}");
    }

    /// An index that begins with the lowest whole block knows of no coin that is older, and of spent ones only that they were spent.
    #[test]
    fn coins_and_balances_of_a_ledger_without_its_old_blocks_are_those_of_the_ledger() {
        let dir = TempDir::new();
        let (path, index) = (dir.join("ledger.db"), dir.join("index.db"));
        let mut maker = dev_maker();
        let mut ledger = LedgerDb::open(&path, maker.spec(), &LedgerOptions::default()).unwrap();
        for _ in 0..6 {
            let block = maker.next_block(vec![], account(1));
            testkit::append(&mut ledger, &maker, &block).unwrap();
        }
        testkit::commit(&mut ledger, &maker).unwrap();
        drop(ledger);
        Connection::open(&path).unwrap().execute("UPDATE state SET kept_from = 4", []).unwrap();
        let reader = LedgerReader::open(&path).unwrap();
        let mut late = IndexDb::open(&index, &reader.genesis(), &maker.spec().prefix).unwrap();
        assert!(late.catch_up(&reader, 100).unwrap().is_complete());
        reader.join(&index, &dir.join("none.db"), None, maker.spec().prefix).unwrap();
        let one = |sql: &str| reader.sql(sql, 9).unwrap().rows.swap_remove(0).swap_remove(0);
        let count = i64::try_from(maker.coins().len()).unwrap();
        let sum = i64::try_from(maker.coins().values().map(|coin| coin.amount).sum::<u64>()).unwrap();
        assert_eq!(one("SELECT count(*) FROM v_coins"), Value::Integer(count));
        assert_eq!(one("SELECT sum(amount) FROM v_coins"), Value::Integer(sum));
        assert_eq!(one("SELECT sum(balance) FROM v_balances"), Value::Integer(sum));
        assert_eq!(one("SELECT sum(coins) FROM v_balances"), Value::Integer(count));
        assert_eq!(one("SELECT max(as_of_height) FROM v_balances"), Value::Integer(6));
        assert_eq!(one("SELECT min(height) FROM v_history"), Value::Integer(4), "histories begin later");
    }
}
