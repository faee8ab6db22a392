//! The packed coins for people's queries: a function that unpacks a page, and a view that merges the runs.

use rusqlite::{Connection, functions::FunctionFlags};

use super::entry::{self, Entry};
use crate::chain::{address::Prefix, archive::StoreError, coin_key::CoinKey};

/// All coins as of the ledger's tip. Of the entries of an outpoint that of the youngest run counts; of a run that is being
/// merged only the entries behind the last merged key.
const VIEW: &str = "CREATE TEMP VIEW v_packed_coins AS
    SELECT outpoint, amount, address, height, coinbase, (SELECT height FROM state) AS as_of_height
    FROM (SELECT e.value ->> 0 AS outpoint, e.value ->> 1 AS amount, e.value ->> 2 AS address, e.value ->> 3 AS height,
                 e.value ->> 4 AS coinbase, max(r.age)
          FROM coin_runs r LEFT JOIN coin_runs m ON m.slot = r.merged_into
          JOIN coin_pages p ON p.id BETWEEN r.slot << 55 AND ((r.slot + 1) << 55) - 1
          JOIN json_each(coin_entries(p.entries, m.passed)) e GROUP BY 1)
    WHERE amount IS NOT NULL";

/// Adds the temporary view `v_packed_coins` and its function `coin_entries`.
pub(in crate::store) fn add(connection: &Connection, prefix: Prefix) -> Result<(), StoreError> {
    let flags = FunctionFlags::SQLITE_UTF8 | FunctionFlags::SQLITE_DETERMINISTIC;
    connection.create_scalar_function("coin_entries", 2, flags, move |call| {
        let (page, passed): (Vec<u8>, Option<Vec<u8>>) = (call.get(0)?, call.get(1)?);
        let passed = passed.filter(|passed| !passed.is_empty()).map(|passed| entry::key_from_bytes(&passed));
        let text = passed.transpose().and_then(|passed| entries(&page, passed.as_ref(), &prefix));
        text.map_err(|error| rusqlite::Error::UserFunctionError(Box::new(error)))
    })?;
    Ok(connection.execute_batch(VIEW)?)
}

/// The entries of a page behind `passed`, as a JSON array of arrays: outpoint, amount, address, height, coinbase. A spent
/// coin has only its outpoint.
fn entries(mut page: &[u8], passed: Option<&CoinKey>, prefix: &Prefix) -> Result<String, StoreError> {
    let mut all = Vec::new();
    while !page.is_empty() {
        let entry = Entry::take(&mut page)?;
        if passed.is_some_and(|passed| entry.key <= *passed) {
            continue;
        }
        let outpoint = entry.key.outpoint;
        all.push(match entry.coin()? {
            Some(coin) => format!(
                "[\"{}:{}\",{},\"{}\",{},{}]",
                outpoint.txid,
                outpoint.index,
                coin.amount,
                coin.address.to_text(prefix),
                coin.height,
                u8::from(coin.coinbase)
            ),
            None => format!("[\"{}:{}\"]", outpoint.txid, outpoint.index),
        });
    }
    Ok(format!("[{}]", all.join(",")))
}
