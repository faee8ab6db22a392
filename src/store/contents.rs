//! What blocks contain, for people's queries: SQL functions that unpack bodies, and the views that only `tussock sql` has
//! for it.
//!
//! A function returns JSON, which `json_each` makes rows of. It repeats nothing, so it is a few times as long as the body at
//! most, and one body is unpacked at a time.

use std::fmt::Write as _;

use rusqlite::{Connection, Error, functions::FunctionFlags};

use crate::{
    base::{
        codec::{self, CodecError},
        hash::{Hash, hex},
    },
    chain::{
        address::{Address, Prefix},
        archive::StoreError,
        block::HashedTransaction,
        memo, rules,
        transaction::{Output, Transaction},
    },
    store::{IndexDb, rows, views},
};

/// Adds the functions and the views. `waiting`: the transactions of the mempool; without them those of the last stop.
pub(super) fn add(
    connection: &Connection,
    index: Option<IndexDb>,
    waiting: Option<&[Vec<u8>]>,
    prefix: Prefix,
) -> Result<(), StoreError> {
    add_function(connection, "block_payments", move |body| unpacked(body, |list| list.payments(&prefix)))?;
    add_function(connection, "block_inputs", move |body| unpacked(body, |list| list.inputs(&prefix)))?;
    add_function(connection, "transaction_payments", move |bytes| {
        let transaction = HashedTransaction::decode(bytes)?;
        Ok(List(vec![(0, transaction)]).payments(&prefix))
    })?;
    connection.create_scalar_function("tx_height", 1, FunctionFlags::SQLITE_UTF8, move |call| {
        let Some(index) = &index else { return Ok(None) };
        let txid = call.get_raw(0).as_str_or_null().ok().flatten().and_then(|text| text.parse::<Hash>().ok());
        let height = txid.map(|txid| index.height_of(&txid)).transpose();
        height.map(Option::flatten).map_err(|error| Error::UserFunctionError(Box::new(error)))
    })?;
    connection.execute_batch("CREATE TEMP TABLE waiting (bytes BLOB NOT NULL) STRICT")?;
    match waiting {
        None => rows::run(connection, "INSERT INTO temp.waiting SELECT bytes FROM main.mempool ORDER BY position", [])?,
        Some(waiting) => waiting.iter().try_fold(0, |count, bytes| {
            Ok::<_, StoreError>(count + rows::run(connection, "INSERT INTO temp.waiting VALUES (?1)", [bytes])?)
        })?,
    };
    views::add_temporary(connection, views::CONTENTS, "main")
}

/// Adds a function of a body or a transaction.
fn add_function(
    connection: &Connection,
    name: &str,
    function: impl Fn(&[u8]) -> Result<String, CodecError> + Send + 'static,
) -> Result<(), StoreError> {
    let flags = FunctionFlags::SQLITE_UTF8 | FunctionFlags::SQLITE_DETERMINISTIC;
    let call = move |call: &rusqlite::functions::Context<'_>| {
        let bytes = call.get_raw(0).as_blob_or_null().ok().flatten();
        let found = bytes.map(&function).transpose();
        found.map_err(|error| Error::UserFunctionError(Box::new(error)))
    };
    Ok(connection.create_scalar_function(name, 1, flags, call)?)
}

/// A body is the number of its transactions, then these.
fn unpacked(body: &[u8], show: impl Fn(&List) -> String) -> Result<String, CodecError> {
    let (count, mut at) = codec::decode_prefix::<u32>(body)?;
    let mut list = List(Vec::new());
    for position in 0..count {
        let (transaction, size) = HashedTransaction::decode_prefix(body.get(at..).unwrap_or_default())?;
        list.0.push((position, transaction));
        at += size;
    }
    Ok(show(&list))
}

/// Transactions with their positions.
struct List(Vec<(u32, HashedTransaction)>);

impl List {
    /// Of each transaction but the coinbase: position, id, payer, fee, size, memo, and `[payee, amount]` of each payment.
    fn payments(&self, prefix: &Prefix) -> String {
        self.each(|text, position, hashed| {
            let payers = payers(&hashed.transaction);
            let who: Vec<String> = payers.iter().map(|payer| payer.to_text(prefix)).collect();
            let (who, fee) = (who.join(" "), rules::fee(&hashed.transaction).unwrap_or(0));
            write!(text, r#"{position},"{}","{who}",{fee},{},{},["#, hashed.txid, hashed.size, memo_text(hashed))?;
            let paid = paid(&hashed.transaction, &payers);
            for (at, Output { amount, address }) in paid.into_iter().enumerate() {
                let comma = if at > 0 { "," } else { "" };
                write!(text, r#"{comma}["{}",{amount}]"#, address.to_text(prefix))?;
            }
            text.write_char(']')
        })
    }

    /// Of each transaction but the coinbase: position, id, and `[outpoint, owner, amount]` of each input.
    fn inputs(&self, prefix: &Prefix) -> String {
        self.each(|text, position, hashed| {
            write!(text, r#"{position},"{}",["#, hashed.txid)?;
            for (at, input) in hashed.transaction.inputs.iter().enumerate() {
                let comma = if at > 0 { "," } else { "" };
                let (coin, owner) = (input.outpoint, Address::of(&input.public_key).to_text(prefix));
                write!(text, r#"{comma}["{}:{}","{owner}",{}]"#, coin.txid, coin.index, input.amount)?;
            }
            text.write_char(']')
        })
    }

    fn each(&self, write: impl Fn(&mut String, u32, &HashedTransaction) -> std::fmt::Result) -> String {
        let mut text = "[".to_owned();
        for (position, hashed) in self.0.iter().filter(|(_, hashed)| !hashed.transaction.is_coinbase()) {
            text.push_str(if text.len() > 1 { ",[" } else { "[" });
            write(&mut text, *position, hashed).expect("a string takes it");
            text.push(']');
        }
        text.push(']');
        text
    }
}

/// The owners of what a transaction spends, each once.
fn payers(transaction: &Transaction) -> Vec<Address> {
    let mut payers = Vec::new();
    for owner in transaction.inputs.iter().map(|input| Address::of(&input.public_key)) {
        if !payers.contains(&owner) {
            payers.push(owner);
        }
    }
    payers
}

/// The outputs that are payments: not change to a payer, unless nobody else is paid.
fn paid<'a>(transaction: &'a Transaction, payers: &[Address]) -> Vec<&'a Output> {
    let is_change = |output: &Output| payers.contains(&output.address);
    let only_change = transaction.outputs.iter().all(is_change);
    transaction.outputs.iter().filter(|output| only_change || !is_change(output)).collect()
}

/// The memo as a JSON string: as text if it is printable, else in hex.
fn memo_text(hashed: &HashedTransaction) -> String {
    let bytes: &[u8] = &hashed.transaction.memo;
    let shown = memo::text(bytes).map_or_else(|| hex(bytes), str::to_owned);
    // Nothing else that is printable needs it.
    format!("\"{}\"", shown.replace('\\', "\\\\").replace('"', "\\\"").replace('\n', "\\n"))
}

#[cfg(test)]
mod tests {
    use std::path::Path;

    use super::*;
    use crate::{
        base::codec::List as Bounded,
        chain::{archive::LedgerStore, key::SecretKey, testkit},
        store::{
            LedgerDb, LedgerOptions, LedgerReader,
            adhoc::Value,
            testing::{TempDir, account, dev_maker},
            testkit as stores,
        },
    };

    fn rows(reader: &LedgerReader, sql: &str) -> Vec<String> {
        let table = reader.sql(sql, 1000).unwrap();
        let cell = |value: &Value| match value {
            Value::Null => "NULL".to_owned(),
            Value::Integer(number) => number.to_string(),
            Value::Text(text) => text.clone(),
            other => format!("{other:?}"),
        };
        table.rows.iter().map(|row| row.iter().map(cell).collect::<Vec<_>>().join("|")).collect()
    }

    fn joined(dir: &TempDir, waiting: Option<&[Vec<u8>]>) -> LedgerReader {
        let reader = LedgerReader::open(&dir.join("ledger.db")).unwrap();
        reader
            .join(&dir.join("index.db"), Path::new("/nonexistent/peers.db"), waiting, dev_maker().spec().prefix)
            .unwrap();
        reader
    }

    #[test]
    fn payments_inputs_and_fees_are_those_of_the_blocks() {
        let dir = TempDir::new();
        let mut maker = dev_maker();
        let mut ledger = LedgerDb::open(&dir.join("ledger.db"), maker.spec(), &LedgerOptions::default()).unwrap();
        let payer = SecretKey::well_known(0);
        let name = |number: u32| account(number).to_text(&maker.spec().prefix);
        let names = [0, 1, 2].map(name);
        let hostile = "a \"quoted\" \\ memo\nof two lines".as_bytes();
        let first = maker.transfer_with_memo(&payer, account(1), [500, 7], hostile);
        let second = maker.transfer_with_memo(&payer, account(2), [30, 9], &[0x1b, b'[']);
        let back = maker.transfer_with_memo(&payer, account(0), [40, 2], b"to myself");
        let ids = [&first, &second, &back].map(|transaction| transaction.txid().to_string());
        let spent: Vec<u64> = [&first, &second, &back].iter().map(|one| one.inputs[0].amount).collect();
        let block = maker.next_block(vec![first, second, back], account(9));
        stores::append(&mut ledger, &maker, &block).unwrap();
        stores::commit(&mut ledger, &maker).unwrap();
        let reader = joined(&dir, None);
        let change = spent[2] - 42;
        assert_eq!(
            rows(&reader, "SELECT who, whom, amount, fee, memo, txid, height, position, time FROM v_payments"),
            [
                format!(
                    "{0}|{1}|500|7|a \"quoted\" \\ memo\nof two lines|{2}|1|1|{3}",
                    names[0], names[1], ids[0], block.header.time
                ),
                format!("{0}|{1}|30|9|1b5b|{2}|1|2|{3}", names[0], names[2], ids[1], block.header.time),
                format!("{0}|{0}|40|2|to myself|{1}|1|3|{2}", names[0], ids[2], block.header.time),
                format!("{0}|{0}|{change}|2|to myself|{1}|1|3|{2}", names[0], ids[2], block.header.time),
            ]
        );
        let inputs = rows(&reader, "SELECT txid, position, input, address, amount FROM v_inputs WHERE height = 1");
        let expected = |at: usize| format!("{}|{}|0|{}|{}", ids[at], at + 1, names[0], spent[at]);
        assert_eq!(inputs, [expected(0), expected(1), expected(2)]);
        let sums = "SELECT count(*), sum(fee), min(fee_rate > 0) FROM v_fees";
        assert_eq!(rows(&reader, sums), ["3|18|1"]);
        let balanced = "SELECT sum(i.amount) FROM v_inputs i WHERE outpoint LIKE '%:0' OR outpoint LIKE '%:1'";
        assert_eq!(rows(&reader, balanced), [spent.iter().sum::<u64>().to_string()]);
        assert_eq!(rows(&reader, "SELECT count(*) FROM v_payments WHERE height > 1"), ["0"]);
        assert_eq!(rows(&reader, "SELECT tx_height('x'), tx_height(NULL)"), ["NULL|NULL"], "there is no index");
    }

    #[test]
    fn what_waits_is_what_the_node_says_or_what_was_there_at_the_last_stop() {
        let dir = TempDir::new();
        let mut maker = dev_maker();
        let mut ledger = LedgerDb::open(&dir.join("ledger.db"), maker.spec(), &LedgerOptions::default()).unwrap();
        let payment = |maker: &mut testkit::BlockMaker, memo: &[u8]| {
            maker.transfer_with_memo(&SecretKey::well_known(0), account(1), [5, 1], memo).to_bytes()
        };
        let (old, new) = (payment(&mut maker, b"old"), payment(&mut maker, b"new"));
        ledger.save_mempool(&mut [old.into()].into_iter()).unwrap();
        let memos = "SELECT memo, amount, fee FROM v_mempool";
        assert_eq!(rows(&joined(&dir, None), memos), ["old|5|1"]);
        assert_eq!(rows(&joined(&dir, Some(&[new])), memos), ["new|5|1"]);
        assert_eq!(rows(&joined(&dir, Some(&[])), memos), Vec::<String>::new());
        let damaged = joined(&dir, Some(&[vec![1, 2, 3]])).sql(memos, 9);
        assert!(damaged.is_err());
    }

    /// The longest answer for a block: it must fit into what a query may have as one value.
    #[test]
    fn the_fullest_block_can_be_unpacked() {
        let prefix = Prefix::new("abcdefghij").unwrap();
        let key = SecretKey::well_known(0);
        let longest = u64::MAX >> 2;
        let outputs = vec![Output { amount: longest, address: account(3) }; crate::base::limits::MAX_OUTPUTS];
        let memo = "\"".repeat(crate::base::limits::MAX_MEMO_BYTES);
        let coin = crate::chain::transaction::OutPoint { txid: Hash([7; 32]), index: u32::MAX };
        let many = testkit::spend(&[(coin, longest, &key)], outputs, memo.as_bytes(), &Hash::ZERO);
        let mut small = many.clone();
        small.outputs = Bounded::truncated([Output { amount: 1, address: account(2) }]);
        let mut spending = small.clone();
        let inputs = std::iter::repeat_n(small.inputs[0].clone(), crate::base::limits::MAX_INPUTS);
        spending.inputs = Bounded::truncated(inputs);
        for transaction in [many, small, spending] {
            let transaction = HashedTransaction::new(transaction);
            let count = crate::base::limits::MAX_BLOCK_BYTES / transaction.size;
            let list = List(vec![(1, transaction); count]);
            for text in [list.payments(&prefix), list.inputs(&prefix)] {
                assert!(text.len() < 8 * 1024 * 1024, "{} bytes", text.len());
            }
        }
    }
}
