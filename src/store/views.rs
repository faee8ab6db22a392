//! The views of the databases, for people and their tools. They hold nothing, so they belong to no version of a schema: the
//! writer of a file renews those whose text has changed.
//!
//! Any program that knows SQLite must be able to read them, without functions of ours. So in the files the text of an
//! address is computed in SQL, some 40 µs each; `tussock sql` has views of its own with a function in that place.

use std::fmt::Write;

use rusqlite::{Connection, OptionalExtension, TransactionBehavior};

use crate::chain::{address::Prefix, archive::StoreError};

/// The views of `ledger.db`.
pub(super) const LEDGER: &str = include_str!("schema/ledger_views.sql");
/// The views of `index.db`.
pub(super) const INDEX: &str = include_str!("schema/index_views.sql");
/// The view of `peers.db`.
pub(super) const PEERS: &str = include_str!("schema/peers_views.sql");
/// The views that only `tussock sql` has, over its own functions (`contents.rs`).
pub(super) const CONTENTS: &str = include_str!("schema/sql_views.sql");

/// Where a view's text names the database of a table.
const DATABASE: &str = "{db}";
/// What stands for the unpacked pages of histories in a view's text.
const HISTORIES: &str = "{histories}";
/// What stands for the unpacked pages of coins.
const COINS: &str = "{coins}";
/// How a view's text asks for the text of an address.
const FUNCTION: &str = "address_text(";

/// Writes the views into their file, as far as the file has others. `prefix` is that of the chain's addresses, which
/// the peer book has none of.
pub(super) fn renew(connection: &mut Connection, views: &str, prefix: Option<&Prefix>) -> Result<(), StoreError> {
    let plain = |text: &str| prefix.map_or_else(|| text.to_owned(), |prefix| in_plain_sql(text, prefix));
    let wanted: Vec<(&str, String)> =
        statements(views).map(|(name, text)| (name, plain(&unpacked(text).replace(DATABASE, "")))).collect();
    let is_there = |(name, text): &(&str, String)| -> Result<bool, StoreError> {
        let sql = "SELECT sql FROM sqlite_schema WHERE type = 'view' AND name = ?1";
        let found: Option<String> = connection.query_row(sql, [name], |row| row.get(0)).optional()?;
        Ok(found.as_ref() == Some(text))
    };
    if wanted.iter().map(is_there).collect::<Result<Vec<_>, _>>()?.into_iter().all(|is_there| is_there) {
        return Ok(());
    }
    let transaction = connection.transaction_with_behavior(TransactionBehavior::Immediate)?;
    for (name, text) in wanted {
        transaction.execute_batch(&format!("DROP VIEW IF EXISTS {name};\n{text};"))?;
    }
    Ok(transaction.commit()?)
}

/// Adds the views to a connection only; they hide those of the file. The file is attached as `database`, and the
/// connection has the function `address_text`.
pub(super) fn add_temporary(connection: &Connection, views: &str, database: &str) -> Result<(), StoreError> {
    for (_, text) in statements(views) {
        let text =
            unpacked(text).replacen("CREATE VIEW", "CREATE TEMP VIEW", 1).replace(DATABASE, &format!("{database}."));
        connection.execute_batch(&text)?;
    }
    Ok(())
}

/// All views, for people to read.
pub fn text() -> String {
    unpacked(&[LEDGER, INDEX, PEERS, CONTENTS].join("\n")).replace(DATABASE, "")
}

/// Each view's name and statement.
fn statements(views: &str) -> impl Iterator<Item = (&str, &str)> {
    views.split(";\n").filter_map(|part| {
        let statement = part.get(part.find("CREATE VIEW ")?..)?;
        Some((statement.split_whitespace().nth(2)?, statement))
    })
}

/// Puts SQL that unpacks pages of the index in its place.
fn unpacked(text: &str) -> String {
    let histories = ["height", "position", "received", "sent"].map(|name| (name, true));
    let coins = [("height", true), ("start", false), ("output", true), ("amount", true), ("made", true)];
    text.replace(HISTORIES, &unpacked_pages(1, &histories)).replace(COINS, &unpacked_pages(2, &coins))
}

/// SQL for the entries of one kind (`index/entry.rs`): the address and these columns, each a number or bytes. `json_each`
/// numbers the entries of a page: it is the one table function that every SQLite has.
fn unpacked_pages(kind: u32, columns: &[(&str, bool)]) -> String {
    let widths = ["p.a", "p.b", "p.c", "p.d", "p.e"];
    let own = "20 - length(p.shared)";
    let size = format!("({own} + {})", widths[..columns.len()].join(" + "));
    let address = format!("CAST(p.shared || substr(p.entries, n.key * {size} + 1, {own}) AS BLOB) AS address");
    let mut selected = vec![address];
    for (at, (name, is_number)) in columns.iter().enumerate() {
        let before = [&[own], &widths[..at]].concat().join(" + ");
        let bytes = format!("substr(p.entries, n.key * {size} + 1 + {before}, {})", widths[at]);
        let value = if *is_number { format!("CAST(hex({bytes}) AS INTEGER)") } else { bytes };
        selected.push(format!("{value} AS {name}"));
    }
    format!(
        "(SELECT {} FROM {DATABASE}runs r \
         JOIN {DATABASE}pages p ON p.id BETWEEN (4 * r.slot + {kind}) << 53 AND ((4 * r.slot + {kind} + 1) << 53) - 1 \
         JOIN json_each('[0' || replace(hex(zeroblob(length(p.entries) / {size} - 1)), '00', ',0') || ']') n)",
        selected.join(", ")
    )
}

/// Replaces each `address_text(column)` by SQL that needs no function.
fn in_plain_sql(text: &str, prefix: &Prefix) -> String {
    let mut plain = String::new();
    let mut rest = text;
    while let Some((before, after)) = rest.split_once(FUNCTION) {
        let (column, after) = after.split_once(')').expect("a call in our own text ends");
        plain.push_str(before);
        plain.push_str(&bech32m(column, prefix));
        rest = after;
    }
    plain + rest
}

/// Groups of five bits in an address of 20 bytes.
const GROUPS: usize = 32;
/// Characters of the checksum.
const CHECKSUM: usize = 6;
/// What the checksum is combined with (BIP 350).
const BECH32M: u32 = 0x2bc8_30a3;
const ALPHABET: &str = "qpzry9x8gf2tvdw0s3jn54khce6mua7l";
/// The generator of the checksum (BIP 173).
const GENERATOR: [u32; 5] = [0x3b6a_57b2, 0x2650_8e6d, 0x1ea1_19fa, 0x3d42_33dd, 0x2a14_62b3];

/// SQL for the text of the address in a column: BIP 350, with a step for each group of five bits. SQLite has no exclusive
/// or; that of `a` and `b` is `a + b - 2 * (a & b)`.
fn bech32m(column: &str, prefix: &Prefix) -> String {
    let prefix = prefix.to_string();
    let start = prefix_checksum(&prefix);
    // What the five highest bits of the checksum add to the rest, ten digits each.
    let carries = (0..32u32).map(|high| format!("{:010}", step(high << 25, 0))).collect::<String>();
    let shifted = "((sum & 33554431) << 5 | digit)";
    let carry = format!("CAST(substr('{carries}', (sum >> 25) * 10 + 1, 10) AS INTEGER)");
    // The group that starts at bit 5 * (at + 1), out of two hex digits.
    let hex_digit = |after: u32| format!("instr('123456789ABCDEF', substr(hex, 5 * (at + 1) / 4 + {after}, 1))");
    let next = format!("({} * 16 + {}) >> (3 - 5 * (at + 1) % 4) & 31", hex_digit(1), hex_digit(2));
    let character = |digit: &str| format!("substr('{ALPHABET}', ({digit}) + 1, 1)");
    let mut checksum = String::new();
    for place in (0..CHECKSUM).rev() {
        write!(checksum, " || {}", character(&format!("sum >> {} & 31", place * 5))).expect("a string takes it");
    }
    let (length, steps) = (prefix.len() + 1 + GROUPS, GROUPS + CHECKSUM);
    format!(
        "(WITH RECURSIVE bech32m(at, hex, digit, sum, text) AS (\
         SELECT -1, hex({column}) || '00000000', 0, {start}, '{prefix}1' UNION ALL \
         SELECT at + 1, hex, {next}, iif(at < 0, sum, {shifted} + {carry} - 2 * ({shifted} & {carry})), \
         iif(at < 0, text, text || {}) FROM bech32m WHERE at < {steps}) \
         SELECT substr(text, 1, {length}){checksum} \
         FROM (SELECT text, sum + {BECH32M} - 2 * (sum & {BECH32M}) AS sum FROM bech32m WHERE at = {steps}))",
        character("digit"),
    )
}

/// The checksum after a prefix, before the address.
fn prefix_checksum(prefix: &str) -> u32 {
    let high = prefix.bytes().map(|byte| u32::from(byte >> 5));
    let low = prefix.bytes().map(|byte| u32::from(byte & 31));
    high.chain([0]).chain(low).fold(1, step)
}

/// Takes one more value into a checksum (BIP 173).
fn step(sum: u32, value: u32) -> u32 {
    let high = sum >> 25;
    let rest = (sum & 0x01ff_ffff) << 5 ^ value;
    (0..5).filter(|bit| high >> bit & 1 == 1).fold(rest, |sum, bit| sum ^ GENERATOR[bit])
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{base::rng::Rng, chain::address::Address};

    #[test]
    fn sql_alone_writes_addresses_as_commands_take_them() {
        let connection = Connection::open_in_memory().unwrap();
        let mut rng = Rng::new([7; 32]);
        for prefix in ["ltus", "a", "0123456789"] {
            let prefix = Prefix::new(prefix).unwrap();
            let sql = format!("SELECT {} FROM (SELECT ?1 AS address)", bech32m("address", &prefix));
            let mut statement = connection.prepare(&sql).unwrap();
            let random = (0..50).map(|_| rng.bytes::<20>());
            for bytes in random.chain([[0; 20], [0xff; 20], [0x55; 20]]) {
                let text: String = statement.query_row([bytes.as_slice()], |row| row.get(0)).unwrap();
                assert_eq!(text, Address(bytes).to_text(&prefix));
            }
        }
    }

    #[test]
    fn views_of_an_older_program_are_renewed_once() {
        let mut connection = Connection::open_in_memory().unwrap();
        connection
            .execute_batch(
                "CREATE TABLE book (address, source, last_seen, last_success, last_attempt, failures, node); \
             CREATE VIEW v_peers AS SELECT address FROM book",
            )
            .unwrap();
        let changes = |connection: &Connection| -> i64 {
            connection.query_row("PRAGMA schema_version", [], |row| row.get(0)).unwrap()
        };
        renew(&mut connection, PEERS, None).unwrap();
        assert!(connection.prepare("SELECT source, last_success FROM v_peers").is_ok());
        let before = changes(&connection);
        renew(&mut connection, PEERS, None).unwrap();
        assert_eq!(changes(&connection), before);
    }
}
