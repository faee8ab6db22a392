//! Chains that authorities seal.

use std::sync::Arc;

use super::*;
use crate::{
    base::limits::WORK_HEADER_BYTES,
    chain::{
        header::Header,
        seal::{Seal, Vote, Votes},
        target::Work,
        testkit as chain_testkit,
    },
    store::{LedgerReader, verify},
};

fn sealed_maker() -> BlockMaker {
    BlockMaker::new(Arc::new(chain_testkit::sealed_spec(4)))
}

#[test]
fn sealed_headers_and_blocks_are_read_as_they_were_stored() {
    let (dir, mut maker) = (TempDir::new(), sealed_maker());
    let path = dir.join("ledger.db");
    let mut ledger = open(&path, maker.spec()).unwrap();
    maker.skip_views(2);
    let blocks = extend(&mut ledger, &mut maker, 15);
    testkit::commit(&mut ledger, &maker).unwrap();
    ledger.crash();
    let ledger = open(&path, maker.spec()).unwrap();
    assert_eq!(ledger.tip().unwrap(), maker.tip());
    assert_eq!(maker.tip().work, Work::of_view(17));
    for block in &blocks {
        let row = ledger.header(&block.hash).unwrap().unwrap();
        let view = block.header.authority_seal().unwrap().view;
        assert_eq!((&row.header, row.work, row.status), (&block.header, Work::of_view(view), BlockStatus::Applied));
        assert_eq!(ledger.body(&block.hash).unwrap().as_ref(), Some(&block.bytes));
    }
    assert_eq!(ledger.header(&maker.spec().genesis_hash()).unwrap().unwrap().work, Work::ZERO);
}

#[test]
fn what_an_applied_block_did_to_the_coins_is_read_without_disconnecting_it() {
    let mut maker = sealed_maker();
    let mut ledger = LedgerDb::in_memory(maker.spec()).unwrap();
    let blocks = extend(&mut ledger, &mut maker, 3);
    let read = |ledger: &LedgerDb, height: u32, block: &HashedBlock| ledger.changes_of(height, &block.hash);
    let seen = read(&ledger, 3, &blocks[2]).unwrap();
    assert!(read(&ledger, 2, &blocks[2]).is_err() && read(&ledger, 4, &blocks[2]).is_err());
    let mut ledger = LedgerDb::in_memory(maker.spec()).unwrap();
    let mut maker = sealed_maker();
    let blocks = extend(&mut ledger, &mut maker, 3);
    assert_eq!(seen, undo(&mut ledger, &blocks[2]));
}

#[test]
fn the_branch_of_the_higher_view_is_the_best_however_long_the_other_is() {
    let mut maker = sealed_maker();
    let mut ledger = LedgerDb::in_memory(maker.spec()).unwrap();
    let mut rival = maker.fork();
    extend(&mut ledger, &mut maker, 3);
    rival.skip_views(9);
    let block = rival.next_block(Vec::new(), account(5));
    ledger.put_headers(&[rival.header_row()]).unwrap();
    assert_eq!(ledger.best_header().unwrap().hash, block.hash);
    extend(&mut ledger, &mut maker, 8);
    assert_eq!(ledger.best_header().unwrap().hash, maker.hash());
}

#[test]
fn views_tell_the_size_of_sealed_blocks_and_no_proof_of_work() {
    let (dir, mut maker) = (TempDir::new(), sealed_maker());
    let path = dir.join("ledger.db");
    let mut ledger = open(&path, maker.spec()).unwrap();
    let blocks = extend(&mut ledger, &mut maker, 2);
    testkit::commit(&mut ledger, &maker).unwrap();
    ledger.close().unwrap();
    let reader = LedgerReader::open(&path).unwrap();
    reader.join(&dir.join("no index"), &dir.join("no peers"), None, maker.spec().prefix).unwrap();
    let size = |bytes: &Bytes| u32::try_from(bytes.len()).unwrap();
    let sizes = |height: u32| -> (u32, Option<u32>, Option<String>) {
        let sql = "SELECT b.size, h.target, h.nonce FROM v_blocks b JOIN v_headers h ON h.hash = b.hash \
                   WHERE b.height = ?1";
        reader.connection().query_row(sql, [height], |row| Ok((row.get(0)?, row.get(1)?, row.get(2)?))).unwrap()
    };
    assert_eq!(sizes(1), (size(&blocks[0].bytes), None, None));
    assert_eq!(sizes(2), (size(&blocks[1].bytes), None, None));
    let genesis = &maker.spec().genesis;
    let proof = genesis.header.proof().unwrap();
    assert_eq!(sizes(0), (size(&genesis.bytes), Some(proof.target.0), Some("0".to_owned())));
    assert_eq!(genesis.header.size(), WORK_HEADER_BYTES);
}

#[test]
fn the_offline_check_knows_seals_and_their_signatures() {
    let (dir, mut maker) = (TempDir::new(), sealed_maker());
    let path = dir.join("ledger.db");
    let mut ledger = open(&path, maker.spec()).unwrap();
    extend(&mut ledger, &mut maker, 5);
    let (header, transactions) = maker.assemble(Vec::new(), account(3), maker.next_time());
    testkit::commit(&mut ledger, &maker).unwrap();
    ledger.close().unwrap();
    let check = || verify::deep(&path, maker.spec(), &mut |_, _| {}).unwrap();
    assert_eq!((check().ok, check().height), (true, 5), "{:?}", check().problem);
    // A block whose parent's certificate nobody has signed.
    let mut forger = maker.fork();
    let mut seal = header.authority_seal().unwrap().clone();
    let unsigned = |(signer, vote): (usize, &Vote)| (signer, Vote { signature: [1; 64], ..*vote });
    seal.parent_votes = Votes::collect(seal.parent_votes.iter().map(unsigned));
    let forged = Header { seal: Seal::Authorities(Box::new(seal)), ..header };
    let block = chain_testkit::seal(forged, transactions);
    forger.connect(&block);
    let mut ledger = open(&path, maker.spec()).unwrap();
    testkit::append(&mut ledger, &forger, &block).unwrap();
    testkit::commit(&mut ledger, &forger).unwrap();
    ledger.close().unwrap();
    let report = check();
    assert!(
        !report.ok && report.problem.as_ref().unwrap().contains("block 6: a signature does not hold"),
        "{report:?}"
    );
}
