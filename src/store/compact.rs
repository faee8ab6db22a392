//! Shrinks a ledger's file: removes the bodies of branches that were abandoned long ago, and free pages.

use std::path::Path;

use crate::{
    chain::{archive::StoreError, spec::ChainSpec},
    store::{check, connect, identity, kept, migrate, rows, vacuum},
};

/// What was removed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Compacted {
    /// Bodies of blocks that are not on the chain.
    pub blocks: u64,
    /// Bytes of the file before.
    pub bytes_before: u64,
    /// And after.
    pub bytes_after: u64,
}

/// Compacts a ledger that no process has open. Blocks less than `keep` below the tip stay, for a reorganisation.
pub fn compact(path: &Path, spec: &ChainSpec, keep: u32) -> Result<Compacted, StoreError> {
    connect::refuse_empty(path)?;
    let mut connection = connect::open_file(path)?;
    migrate::LEDGER.require_current(&connection)?;
    identity::read(&connection)?.check(spec)?;
    let bytes = || std::fs::metadata(path).map(|facts| facts.len()).map_err(|error| StoreError::Io(error.to_string()));
    let bytes_before = bytes()?;
    let transaction = connection.transaction()?;
    let below = check::tip(&transaction)?.height.saturating_sub(keep);
    let old = "SELECT s.id FROM side s JOIN headers h ON h.id = s.id WHERE h.height < ?1";
    let blocks = transaction.execute(&format!("DELETE FROM bodies WHERE id IN ({old})"), [below])?;
    // Without its body, a stored block is a header again. Invalid blocks stay invalid.
    rows::run(&transaction, &format!("UPDATE side SET status = 0 WHERE status = 1 AND id IN ({old})"), [below])?;
    transaction.commit()?;
    if kept::kept_from(&connection)? > 1 {
        // From then on what is pruned goes back to the file system by itself.
        vacuum::enable(&connection)?;
    }
    connection.execute_batch("VACUUM; PRAGMA wal_checkpoint(TRUNCATE)")?;
    drop(connection);
    Ok(Compacted { blocks: u64::try_from(blocks).unwrap_or(u64::MAX), bytes_before, bytes_after: bytes()? })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{
        chain::archive::{BlockStatus, HeaderArchive, LedgerStore},
        store::{
            LedgerDb, LedgerOptions, LedgerReader,
            testing::{TempDir, account, dev_maker},
            testkit,
        },
    };

    #[test]
    fn only_bodies_of_old_branches_go_and_the_chain_stays_whole() {
        let dir = TempDir::new();
        let mut maker = dev_maker();
        let path = dir.join("ledger.db");
        let mut ledger = LedgerDb::open(&path, maker.spec(), &LedgerOptions::default()).unwrap();
        let mut branches = Vec::new();
        for height in 1..=30u32 {
            if height == 5 || height == 28 {
                let mut branch = maker.fork();
                let block = branch.next_block(vec![], account(5));
                ledger.put_headers(&[branch.header_row()]).unwrap();
                ledger.put_body(&block.hash, &block.bytes).unwrap();
                branches.push(block);
            }
            let block = maker.next_block(vec![], account(2));
            testkit::append(&mut ledger, &maker, &block).unwrap();
        }
        testkit::commit(&mut ledger, &maker).unwrap();
        drop(ledger);
        let compacted = compact(&path, maker.spec(), 10).unwrap();
        assert_eq!(compacted.blocks, 1);
        let reader = LedgerReader::open(&path).unwrap();
        let status = |at: usize| reader.header(&branches[at].hash).unwrap().unwrap().status;
        assert_eq!((status(0), status(1)), (BlockStatus::Header, BlockStatus::Stored));
        assert_eq!(reader.body(&branches[0].hash), Ok(None));
        assert_eq!(reader.body(&branches[1].hash), Ok(Some(branches[1].bytes.clone())));
        assert!((0..=30).all(|height| reader.body_at(height).unwrap().is_some()));
        drop(reader);
        let ledger = LedgerDb::open(&path, maker.spec(), &LedgerOptions::default()).unwrap();
        assert_eq!(ledger.tip().unwrap(), maker.tip());
    }
}
