//! Finding transactions by the first digits of their ids.

use super::{IndexDb, entry::start_of, find::each_place};
use crate::{
    base::hash::Hash,
    chain::archive::StoreError,
    store::query::{MAX_PREFIX_MATCHES, MIN_PREFIX_DIGITS},
};

impl IndexDb {
    /// Ids of confirmed transactions that start with these hex digits (at least six). More than one means that the prefix is
    /// ambiguous.
    pub fn txids_with_prefix(&self, digits: &str) -> Result<Vec<Hash>, StoreError> {
        let digits = digits.to_ascii_lowercase();
        let plain = digits.bytes().all(|byte| byte.is_ascii_hexdigit());
        if !plain || !(MIN_PREFIX_DIGITS..=64).contains(&digits.len()) {
            return Ok(Vec::new());
        }
        let bound = |digit: &str| (digits.clone() + &digit.repeat(64 - digits.len())).parse::<Hash>().ok();
        let (Some(low), Some(high)) = (bound("0"), bound("f")) else { return Ok(Vec::new()) };
        let snapshot = self.connection.unchecked_transaction()?;
        let mut found = Vec::new();
        each_place(&snapshot, start_of(&low), start_of(&high), &mut |_, _, txid| {
            if (low..=high).contains(&txid) {
                found.push(txid);
            }
            found.len() < MAX_PREFIX_MATCHES
        })?;
        Ok(found)
    }
}
#[cfg(test)]
mod tests {
    use crate::store::{
        IndexDb, LedgerDb, LedgerOptions, LedgerReader,
        testing::{TempDir, account, dev_maker},
        testkit,
    };

    #[test]
    fn the_first_digits_of_each_id_find_it_and_nothing_else() {
        let dir = TempDir::new();
        let path = dir.join("ledger.db");
        let mut maker = dev_maker();
        let mut ledger = LedgerDb::open(&path, maker.spec(), &LedgerOptions::default()).unwrap();
        for _ in 0..20 {
            let block = maker.next_block(vec![], account(1));
            testkit::append(&mut ledger, &maker, &block).unwrap();
        }
        testkit::commit(&mut ledger, &maker).unwrap();
        let reader = LedgerReader::open(&path).unwrap();
        let mut index =
            IndexDb::open(&dir.join("index.db"), &maker.spec().genesis_hash(), &maker.spec().prefix).unwrap();
        while !index.catch_up(&reader, 8).unwrap().is_complete() {}
        for height in 0..=20 {
            let body = reader.body_at(height).unwrap().unwrap();
            let block = crate::chain::block::HashedBlock::decode(body).unwrap();
            let (txid, text) = (block.transactions[0].txid, block.transactions[0].txid.to_string());
            for digits in [8, 16, 17, 64] {
                assert_eq!(index.txids_with_prefix(&text[..digits]).unwrap(), [txid], "height {height}");
            }
            let other = if text.ends_with('0') { "1" } else { "0" };
            let wrong = text[..63].to_owned() + other;
            assert_eq!(index.txids_with_prefix(&wrong).unwrap(), []);
            assert_eq!(index.txids_with_prefix(&text[..5]).unwrap(), [], "too few");
        }
    }
}
