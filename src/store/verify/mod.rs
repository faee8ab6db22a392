//! The offline check behind `tussock verify`: whether a file is a ledger that keeps all rules of its chain.
//!
//! [`quick`] runs SQLite's check and verifies the last blocks. [`deep`] replays every block from genesis with the node's own
//! rules and a coin set of its own, and compares the result with everything that the file claims.

mod pruned;
mod replay;

use std::path::Path;

use rusqlite::Connection;

use self::replay::Replay;
use crate::{
    base::hash::Hash,
    chain::{archive::StoreError, coin_key::CoinKey, digest::StateSum, snapshot::JoinState, spec::ChainSpec},
    store::{
        check,
        coins::{self, CoinTable},
        error::corrupt,
        identity, join_state, kept,
        reader::LedgerReader,
        state_sums,
    },
};

/// Blocks below the tip that are verified again after an unclean stop.
pub(crate) const RECHECKED_BLOCKS: u32 = 6;

/// The result of a check.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct VerifyReport {
    /// Whether no problem was found.
    pub ok: bool,
    /// The tip's height; after a problem, the height of the last valid block.
    pub height: u32,
    /// That block's hash.
    pub tip: Hash,
    /// The digest of all coins after it.
    pub state_digest: Hash,
    /// Blocks that were checked.
    pub checked_blocks: u64,
    /// The lowest height whose block is kept whole; 1: all are.
    pub kept_from: u32,
    /// Where the coins are from. While the ledger joins, height and tip are those of its headers, the digest that of genesis.
    pub join: JoinState,
    /// The first problem.
    pub problem: Option<String>,
}

/// Checks that the file is well-formed and that its last blocks are intact. Damage is a report; an error means that the file
/// could not be checked.
pub fn quick(path: &Path, spec: &ChainSpec) -> Result<VerifyReport, StoreError> {
    let found = open(path, spec).and_then(|reader| {
        let snapshot = reader.snapshot()?;
        check::quick(&snapshot)?;
        let tip = check::tip(&snapshot)?;
        let sum = match state_sums::stored(&snapshot, &tip)? {
            Some(sum) => sum,
            None => state_sums::load(&snapshot, &tip)?.sum,
        };
        let checked = check::recent_blocks(&snapshot, &tip, sum, RECHECKED_BLOCKS)?;
        Ok((tip, checked, (kept::kept_from(&snapshot)?, join_state::read(&snapshot)?)))
    });
    damage_as_report(
        found.map(|(tip, checked, (kept_from, join))| VerifyReport {
            ok: true,
            height: tip.height,
            tip: tip.hash,
            state_digest: tip.digest,
            checked_blocks: checked.into(),
            kept_from,
            join,
            problem: None,
        }),
        VerifyReport::nothing(),
    )
}

/// Replays the ledger from genesis, or checks all that is kept of one that was pruned. `progress` is told the blocks done and all blocks. A node must not write to the file
/// meanwhile: the file's log would grow until the check ends.
pub fn deep(path: &Path, spec: &ChainSpec, progress: &mut dyn FnMut(u64, u64)) -> Result<VerifyReport, StoreError> {
    let mut report = VerifyReport::nothing();
    let result = open(path, spec).and_then(|reader| replay_all(&reader, spec, progress, &mut report));
    damage_as_report(result.map(|()| VerifyReport { ok: true, ..report.clone() }), report)
}

impl VerifyReport {
    fn nothing() -> Self {
        Self {
            ok: false,
            height: 0,
            tip: Hash::ZERO,
            state_digest: Hash::ZERO,
            checked_blocks: 0,
            kept_from: 1,
            join: JoinState::History,
            problem: None,
        }
    }
}

fn open(path: &Path, spec: &ChainSpec) -> Result<LedgerReader, StoreError> {
    let reader = LedgerReader::open(path)?;
    reader.check_chain(spec)?;
    Ok(reader)
}

fn replay_all(
    reader: &LedgerReader,
    spec: &ChainSpec,
    progress: &mut dyn FnMut(u64, u64),
    report: &mut VerifyReport,
) -> Result<(), StoreError> {
    let snapshot = reader.snapshot()?;
    check::integrity(&snapshot)?;
    let (tip, saved) = (check::tip(&snapshot)?, state_sums::saved(&snapshot)?);
    (report.kept_from, report.join) = (kept::kept_from(&snapshot)?, join_state::read(&snapshot)?);
    if report.kept_from > 1 {
        report.checked_blocks = pruned::check(&snapshot, spec, &tip, progress)?.into();
        (report.height, report.tip, report.state_digest) = (tip.height, tip.hash, tip.digest);
        return Ok(());
    }
    let total = u64::from(tip.height) + 1;
    let mut replay = Replay::new(&snapshot, spec)?;
    for height in 0..=tip.height {
        replay.block(height)?;
        if saved.as_ref().is_some_and(|saved| saved.height == height && saved.sum != *replay.sum()) {
            return Err(corrupt(format!("the stored state sums are not those after block {height}")));
        }
        (report.height, report.tip, report.checked_blocks) = (height, replay.tip(), u64::from(height) + 1);
        progress(report.checked_blocks, total);
    }
    replay.finish()?;
    report.state_digest = replay.sum().digest();
    if report.state_digest != tip.digest {
        return Err(corrupt(format!(
            "replaying leads to the state {}, the ledger says {}",
            report.state_digest, tip.digest
        )));
    }
    let count = replay.coin_count()?;
    compare_coins(&snapshot, replay.sum(), count, spec.supply(tip.height))?;
    pruned::require_nothing_above(&snapshot, &tip)
}

/// Compares the coins with the replay's coins by digest and number, and its sum with the supply.
fn compare_coins(ledger: &Connection, expected: &StateSum, count: u64, supply: u128) -> Result<(), StoreError> {
    let (mut found, mut found_count, mut amount) = (StateSum::default(), 0u64, 0u128);
    let table = CoinTable::open(ledger, identity::read(ledger)?.coin_secret, coins::FILTER_BYTES)?;
    table.check_each(ledger, |outpoint, coin| {
        found.add(&CoinKey::of(outpoint), &coin);
        found_count += 1;
        amount += u128::from(coin.amount);
    })?;
    if found_count != count {
        return Err(corrupt(format!("the ledger has {found_count} coins, replaying leads to {count}")));
    }
    if found != *expected {
        return Err(corrupt("the ledger holds other coins than replaying leads to"));
    }
    if amount != supply {
        return Err(corrupt(format!("the coins add up to {amount}, the chain's supply is {supply}")));
    }
    Ok(())
}

/// Turns damage into a report. Other errors, which prevent the check, stay errors.
fn damage_as_report(
    result: Result<VerifyReport, StoreError>,
    so_far: VerifyReport,
) -> Result<VerifyReport, StoreError> {
    match result {
        Err(StoreError::Corrupt(problem)) => Ok(VerifyReport { ok: false, problem: Some(problem), ..so_far }),
        other => other,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{
        base::hash::hex,
        chain::{
            block::HashedTransaction,
            key::SecretKey,
            testkit::{BlockMaker, seal},
        },
        store::{
            LedgerDb, LedgerOptions,
            testing::{TempDir, account, dev_maker},
            testkit,
        },
    };

    const BLOCKS: u32 = 30;

    /// A ledger with transfers in each block; `change` may spoil the draft of block 20.
    fn ledger(dir: &TempDir, change: impl Fn(&mut Vec<HashedTransaction>)) -> BlockMaker {
        let mut maker = dev_maker();
        // Few enough that the first of two commits stores sums.
        let options = LedgerOptions { save_sums_after: 300, ..LedgerOptions::default() };
        let mut db = LedgerDb::open(&dir.join("ledger.db"), maker.spec(), &options).unwrap();
        for height in 1..=BLOCKS {
            let (from, to) = (SecretKey::well_known(height % 3), account(5));
            let transfers = (0..3).map(|n| maker.transfer(&from, to, 10 + n, n)).collect();
            let (header, mut transactions) = maker.assemble(transfers, account(6), maker.next_time());
            if height == 20 {
                change(&mut transactions);
            }
            let block = seal(header, transactions);
            maker.connect(&block);
            testkit::append(&mut db, &maker, &block).unwrap();
            if height == 25 {
                testkit::commit(&mut db, &maker).unwrap();
            }
        }
        testkit::commit(&mut db, &maker).unwrap();
        maker
    }

    fn deeply(dir: &TempDir) -> VerifyReport {
        deep(&dir.join("ledger.db"), &ChainSpec::dev(), &mut |_, _| {}).unwrap()
    }

    #[test]
    fn a_valid_ledger_passes_both_checks() {
        let dir = TempDir::new();
        let maker = ledger(&dir, |_| {});
        let mut last = (0, 0);
        let report = deep(&dir.join("ledger.db"), maker.spec(), &mut |done, total| last = (done, total)).unwrap();
        let expected = VerifyReport {
            ok: true,
            height: BLOCKS,
            tip: maker.hash(),
            state_digest: maker.digest(),
            checked_blocks: u64::from(BLOCKS) + 1,
            kept_from: 1,
            join: JoinState::History,
            problem: None,
        };
        assert_eq!((&report, last), (&expected, (31, 31)));
        let report = quick(&dir.join("ledger.db"), maker.spec()).unwrap();
        assert_eq!(report, VerifyReport { checked_blocks: RECHECKED_BLOCKS.into(), ..expected });
    }

    #[test]
    fn blocks_that_break_a_rule_are_found_even_if_the_file_is_consistent() {
        type Change = fn(&mut Vec<HashedTransaction>);
        let cases: [(Change, &str); 4] = [
            (
                |transactions| {
                    let mut forged = transactions[2].transaction.clone();
                    forged.inputs.as_mut_slice()[0].signature[5] ^= 1;
                    transactions[2] = HashedTransaction::new(forged);
                },
                "signature",
            ),
            (
                |transactions| {
                    let mut greedy = transactions[0].transaction.clone();
                    greedy.outputs.as_mut_slice()[0].amount += 1;
                    transactions[0] = HashedTransaction::new(greedy);
                },
                "coinbase creates",
            ),
            (
                |transactions| {
                    transactions.remove(1);
                },
                "does not exist",
            ),
            (
                |transactions| {
                    let mut thief = transactions[1].transaction.clone();
                    thief.inputs.as_mut_slice()[0].public_key = SecretKey::well_known(7).public_key();
                    transactions.truncate(1);
                    transactions.push(HashedTransaction::new(thief));
                },
                "does not own",
            ),
        ];
        for (change, problem) in cases {
            let dir = TempDir::new();
            ledger(&dir, change);
            let report = deeply(&dir);
            let text = report.problem.unwrap();
            assert!(!report.ok && text.contains("block 20:") && text.contains(problem), "{text}");
        }
    }

    #[test]
    fn a_file_that_disagrees_with_its_blocks_is_found() {
        // The owner of a coin that nobody spends.
        let robbed = format!(
            "UPDATE coin_pages SET entries = unhex(replace(hex(entries), upper('{}'), hex(zeroblob(20))))",
            hex(&account(9).0)
        );
        for (damage, problem) in [
            (robbed.as_str(), "other coins"),
            ("DELETE FROM coin_pages", "coins, replaying leads to"),
            (
                // A page's number begins with the last of its keys.
                "UPDATE coin_pages SET id = (id >> 55 << 55) | ((id & 36028797018963967) >> 12)",
                "another key",
            ),
            ("UPDATE coin_pages SET entries = zeroblob(9)", "cut short"),
            ("UPDATE headers SET nonce = nonce + 1 WHERE height = 9", "block 9"),
            ("UPDATE bodies SET bytes = zeroblob(9) WHERE id = 10", "block"),
            ("UPDATE headers SET work = zeroblob(32) WHERE height = 9", "work"),
            ("UPDATE applied SET undo = NULL WHERE height = 12", "block 12"),
            ("UPDATE applied SET id = 3 WHERE height = 12", "block 12"),
            ("UPDATE state_sums SET sums = zeroblob(131072)", "stored state sums are not those after block 25"),
            ("UPDATE state_sums SET sums = zeroblob(4)", "wrong size"),
            ("UPDATE state_sums SET height = height - 1", "not applied"),
        ] {
            let dir = TempDir::new();
            ledger(&dir, |_| {});
            Connection::open(dir.join("ledger.db")).unwrap().execute_batch(damage).unwrap();
            let report = deeply(&dir);
            let text = report.problem.unwrap_or_default();
            assert!(!report.ok && text.contains(problem), "{damage}: {text}");
        }
    }

    #[test]
    fn another_chain_is_an_error_and_not_a_report() {
        let dir = TempDir::new();
        ledger(&dir, |_| {});
        let result = quick(&dir.join("ledger.db"), &ChainSpec::local());
        assert!(matches!(result, Err(StoreError::Mismatch(_))));
    }
}
