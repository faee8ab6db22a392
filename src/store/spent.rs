//! The coins that an applied block spent, to show fees and origins.

use crate::{
    base::hash::Hash,
    chain::{archive::StoreError, coin::Coin, transaction::OutPoint},
    store::{LedgerReader, bodies, rows::StoredHeader},
};

impl LedgerReader {
    /// The coins from before the block that the block with this hash spent. `None` if it is not applied.
    pub fn spent_in(&self, hash: &Hash) -> Result<Option<Vec<(OutPoint, Coin)>>, StoreError> {
        let snapshot = self.snapshot()?;
        let Some(stored) = StoredHeader::find(&snapshot, hash)? else { return Ok(None) };
        let height = stored.header.height;
        match StoredHeader::applied_at(&snapshot, height)? {
            Some(applied) if applied.hash == *hash => {
                bodies::spent(&snapshot, &bodies::decoded(&snapshot, &stored)?).map(Some)
            }
            _ => Ok(None),
        }
    }
}

#[cfg(test)]
mod tests {
    use crate::{
        base::hash::Hash,
        chain::key::SecretKey,
        store::{
            LedgerDb, LedgerOptions, LedgerReader,
            testing::{TempDir, account, dev_maker},
            testkit,
        },
    };

    #[test]
    fn an_applied_block_tells_what_it_spent_and_others_nothing() {
        let dir = TempDir::new();
        let path = dir.join("ledger.db");
        let mut maker = dev_maker();
        let mut ledger = LedgerDb::open(&path, maker.spec(), &LedgerOptions::default()).unwrap();
        let transfer = maker.transfer(&SecretKey::well_known(0), account(1), 5, 1);
        let block = maker.next_block(vec![transfer.clone()], account(2));
        testkit::append(&mut ledger, &maker, &block).unwrap();
        testkit::commit(&mut ledger, &maker).unwrap();
        let reader = LedgerReader::open(&path).unwrap();
        let spent = reader.spent_in(&block.hash).unwrap().unwrap();
        assert_eq!(spent.len(), 1);
        assert_eq!((spent[0].0, spent[0].1.address), (transfer.inputs[0].outpoint, account(0)));
        assert_eq!(reader.spent_in(&maker.spec().genesis_hash()).unwrap(), Some(vec![]));
        assert_eq!(reader.spent_in(&Hash([7; 32])).unwrap(), None);
    }
}
