//! Finding transactions by the first digits of their ids.

use std::collections::BTreeSet;

use crate::{
    base::{
        hash::Hash,
        limits::{MAX_PREFIX_MATCHES, MIN_PREFIX_DIGITS},
    },
    chain::{archive::StoreError, block::HashedBlock},
    store::{LedgerReader, error::corrupt, index::IndexDb, rows},
};

/// Hex digits that a row's key holds of the id.
const KEY_DIGITS: usize = 16;

impl IndexDb {
    /// Ids of confirmed transactions that start with these hex digits (at least six); two of them tell that there are
    /// several.
    pub fn txids_with_prefix(&self, ledger: &LedgerReader, digits: &str) -> Result<Vec<Hash>, StoreError> {
        let digits = digits.to_ascii_lowercase();
        if digits.len() < MIN_PREFIX_DIGITS || !digits.bytes().all(|byte| byte.is_ascii_hexdigit()) {
            return Ok(Vec::new());
        }
        let start = &digits[..digits.len().min(KEY_DIGITS)];
        let fill = KEY_DIGITS - start.len();
        let bound = |digit: &str| u64::from_str_radix(&(start.to_owned() + &digit.repeat(fill)), 16);
        let (Ok(low), Ok(high)) = (bound("0"), bound("f")) else { return Ok(Vec::new()) };
        // Six digits settle the sign, so that the order of the signed keys is that of the ids.
        let sql = "SELECT height, position FROM txs WHERE key BETWEEN ?1 AND ?2 LIMIT ?3";
        let most = i64::try_from(MAX_PREFIX_MATCHES).unwrap_or(i64::MAX);
        let places = rows::all(&self.connection, sql, (low.cast_signed(), high.cast_signed(), most), |row| {
            Ok((rows::integer::<u32>(row, 0)?, rows::integer::<u32>(row, 1)?))
        })?;
        let mut found = BTreeSet::new();
        for (height, position) in places {
            let Some(bytes) = ledger.body_at(height)? else { continue };
            let block = HashedBlock::decode(bytes).map_err(|error| corrupt(error.to_string()))?;
            let txid = block.transactions.get(position as usize).map(|transaction| transaction.txid);
            found.extend(txid.filter(|txid| txid.to_string().starts_with(&digits)));
            if found.len() > 1 {
                break;
            }
        }
        Ok(found.into_iter().collect())
    }
}

#[cfg(test)]
mod tests {
    use crate::store::{
        IndexDb, LedgerDb, LedgerOptions, LedgerReader, fill,
        testing::{TempDir, account, dev_maker},
    };

    #[test]
    fn the_first_digits_of_each_id_find_it_and_nothing_else() {
        let dir = TempDir::new();
        let path = dir.join("ledger.db");
        let mut maker = dev_maker();
        let mut ledger = LedgerDb::open(&path, maker.spec(), &LedgerOptions::default()).unwrap();
        for _ in 0..20 {
            let block = maker.next_block(vec![], account(1));
            fill::append(&mut ledger, &maker, &block).unwrap();
        }
        fill::commit(&mut ledger, &maker).unwrap();
        let reader = LedgerReader::open(&path).unwrap();
        let mut index = IndexDb::open(&dir.join("index.db"), &maker.spec().genesis_hash()).unwrap();
        while !index.catch_up(&reader, 8).unwrap().is_complete() {}
        for height in 0..=20 {
            let body = reader.body_at(height).unwrap().unwrap();
            let block = crate::chain::block::HashedBlock::decode(body).unwrap();
            let (txid, text) = (block.transactions[0].txid, block.transactions[0].txid.to_string());
            for digits in [8, 16, 17, 64] {
                assert_eq!(index.txids_with_prefix(&reader, &text[..digits]).unwrap(), [txid], "height {height}");
            }
            let other = if text.ends_with('0') { "1" } else { "0" };
            let wrong = text[..63].to_owned() + other;
            assert_eq!(index.txids_with_prefix(&reader, &wrong).unwrap(), []);
            assert_eq!(index.txids_with_prefix(&reader, &text[..5]).unwrap(), [], "too few");
        }
    }
}
