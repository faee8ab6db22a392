//! Blocks of the past that come back into a ledger that joined, or was pruned.

use super::{
    joining::{HEIGHT, Provider, snapshots},
    *,
};
use crate::{
    chain::{
        past::PastBlock,
        snapshot::{Adoption, JoinState},
    },
    store::{LedgerReader, verify},
};

/// A ledger that has joined and applied what is above.
fn joined(provider: &Provider, path: &Path) -> LedgerDb {
    let mut ledger = open(path, provider.spec()).unwrap();
    provider.give_headers(&mut ledger);
    provider.give_pieces(&mut snapshots(path));
    assert!(matches!(provider.adopt(&mut ledger), Adoption::Done(_)));
    provider.go_on(&mut ledger);
    ledger
}

/// The provider's blocks with what they spent, the highest first.
fn past(provider: &Provider) -> Vec<PastBlock> {
    let blocks = provider.blocks[..HEIGHT as usize].iter().rev().map(|block| PastBlock {
        height: block.header.height,
        hash: block.hash,
        body: block.bytes.clone(),
        spent: provider.makers[block.header.height as usize].last_changes().spent.clone(),
    });
    blocks.collect()
}

fn commit(provider: &Provider, ledger: &mut LedgerDb) {
    testkit::commit(ledger, provider.makers.last().unwrap()).unwrap();
}

#[test]
fn a_ledger_is_whole_from_a_lower_height_with_each_block_and_at_last_has_its_history() {
    let provider = Provider::new();
    let dir = TempDir::new();
    let path = dir.join("ledger.db");
    let mut ledger = joined(&provider, &path);
    for block in past(&provider) {
        let is_joined = |ledger: &LedgerDb| matches!(ledger.join_state(), Ok(JoinState::Joined { .. }));
        assert!(is_joined(&ledger));
        ledger.keep_past(&block).unwrap();
        commit(&provider, &mut ledger);
        assert_eq!(ledger.kept_from(), block.height);
        assert_eq!(ledger.body(&block.hash).unwrap().as_ref(), Some(&block.body));
        assert_eq!(ledger.changes_of(block.height, &block.hash).unwrap().spent, block.spent);
        if block.height % 10 == 0 {
            // A kill, and the check that follows it.
            ledger.crash();
            ledger = open(&path, provider.spec()).unwrap();
            assert_eq!(ledger.kept_from(), block.height);
            assert!(is_joined(&ledger));
        }
    }
    assert_eq!((ledger.kept_from(), ledger.join_state().unwrap()), (1, JoinState::History));
    ledger.close().unwrap();
    assert_eq!(LedgerReader::open(&path).unwrap().join_state().unwrap(), JoinState::History);
    let report = verify::deep(&path, provider.spec(), &mut |_, _| {}).unwrap();
    assert_eq!(report.kept_from, 1);
}

#[test]
fn uncommitted_ones_are_lost_and_come_again() {
    let provider = Provider::new();
    let dir = TempDir::new();
    let mut ledger = joined(&provider, &dir.join("ledger.db"));
    let all = past(&provider);
    all.iter().for_each(|block| ledger.keep_past(block).unwrap());
    ledger.rollback().unwrap();
    assert_eq!(ledger.kept_from(), HEIGHT + 1);
    assert!(matches!(ledger.join_state().unwrap(), JoinState::Joined { .. }));
    all.iter().for_each(|block| ledger.keep_past(block).unwrap());
    commit(&provider, &mut ledger);
    assert_eq!(ledger.join_state().unwrap(), JoinState::History);
}

#[test]
fn only_the_next_block_of_the_applied_chain_is_taken() {
    let provider = Provider::new();
    let dir = TempDir::new();
    let mut ledger = joined(&provider, &dir.join("ledger.db"));
    let all = past(&provider);
    let other = PastBlock { hash: all[1].hash, body: all[1].body.clone(), ..all[0].clone() };
    let strange = PastBlock { body: all[1].body.clone(), ..all[0].clone() };
    for wrong in [&all[1], &other, &strange, &PastBlock { height: 0, ..all[0].clone() }] {
        assert!(ledger.keep_past(wrong).is_err());
        ledger.rollback().unwrap();
    }
    ledger.keep_past(&all[0]).unwrap();
    assert!(ledger.keep_past(&all[0]).is_err(), "it is here already");
}
