//! The deep check of a ledger that keeps only its last blocks, or that took its coins from a snapshot: what is here is checked,
//! and that it hangs together.
//!
//! All headers are judged by the rules; so the work, or the seals, of the whole chain hold. The last blocks are undone one by one,
//! each to the state that its header commits to. All coins are read: their digest is the tip's, their sum the supply. What is not
//! here, signatures of old blocks above all, was checked when these came.

use rusqlite::Connection;

use crate::{
    base::hash::Hash,
    chain::{
        archive::{StoreError, Tip},
        coin_key::CoinKey,
        digest::StateSum,
        key,
        rules::{self, ParentFacts},
        schedule::Timeline,
        snapshot::JoinState,
        spec::ChainSpec,
        target::Work,
    },
    store::{
        check,
        coins::{self, CoinTable},
        error::corrupt,
        identity, join_state, kept,
        rows::{self, StoredHeader},
    },
};

/// Checks a pruned ledger. Returns how many blocks were undone.
pub(super) fn check(
    ledger: &Connection,
    spec: &ChainSpec,
    tip: &Tip,
    progress: &mut dyn FnMut(u64, u64),
) -> Result<u32, StoreError> {
    headers(ledger, spec, tip, progress)?;
    let sum = all_coins(ledger, spec, tip)?;
    let kept = tip.height.saturating_add(1).saturating_sub(kept::kept_from(ledger)?);
    let checked = check::recent_blocks(ledger, tip, sum, kept)?;
    require_nothing_above(ledger, tip)?;
    Ok(checked)
}

/// Refuses blocks that are applied above the tip.
pub(super) fn require_nothing_above(ledger: &Connection, tip: &Tip) -> Result<(), StoreError> {
    let beyond = rows::one(ledger, "SELECT max(height) FROM applied", [], |row| Ok(row.get(0)?))?;
    if beyond == Some(i64::from(tip.height)) { Ok(()) } else { Err(corrupt("blocks are applied above the tip")) }
}

/// Judges the applied chain's headers from genesis to the tip.
fn headers(
    ledger: &Connection,
    spec: &ChainSpec,
    tip: &Tip,
    progress: &mut dyn FnMut(u64, u64),
) -> Result<(), StoreError> {
    let total = u64::from(tip.height) + 1;
    let (mut hash, mut time, mut work) = (Hash::ZERO, 0, Work::ZERO);
    let mut timeline = Timeline::new(spec.parameters.pause_cap, [], 0);
    for height in 0..=tip.height {
        let at = |what: &str| corrupt(format!("block {height}: {what}"));
        let stored = StoredHeader::applied_at(ledger, height)?.ok_or_else(|| at("missing"))?;
        if height == 0 {
            if stored.hash != spec.genesis_hash() {
                return Err(at("not the chain's genesis block"));
            }
        } else {
            let (median_time, paused) = (timeline.median_time(), timeline.paused());
            let parent = ParentFacts { hash, height: height - 1, time, median_time, paused, work };
            let judged = rules::check_header(spec, &parent, &stored.header, &stored.hash);
            judged.map_err(|fault| at(&fault.to_string()))?;
            let claims = spec.seal_rules().parent_claims(spec, &stored.header);
            if !claims.iter().all(|claim| key::verify(&claim.public_key, &claim.hash, &claim.signature)) {
                return Err(at("a signature of its parent's certificate is wrong"));
            }
        }
        if spec.chain_work(work, &stored.header) != stored.work {
            return Err(at("the cumulative work stored is not the chain's"));
        }
        (hash, time, work) = (stored.hash, stored.header.time, stored.work);
        timeline.push(time);
        progress(u64::from(height) + 1, total);
    }
    if hash == tip.hash { Ok(()) } else { Err(corrupt("the tip is not the last block")) }
}

/// Adds up all coins, which must be those of the tip's digest, with the chain's supply.
fn all_coins(ledger: &Connection, spec: &ChainSpec, tip: &Tip) -> Result<StateSum, StoreError> {
    let (mut sum, mut amount) = (StateSum::default(), 0u128);
    let table = CoinTable::open(ledger, identity::read(ledger)?.coin_secret, coins::FILTER_BYTES)?;
    table.check_each(ledger, |outpoint, coin| {
        sum.add(&CoinKey::of(outpoint), &coin);
        amount += u128::from(coin.amount);
    })?;
    if sum.digest() != tip.digest {
        return Err(corrupt(format!("the coins are not those of the state digest after block {}", tip.hash)));
    }
    // The coins of a ledger of headers alone are those of genesis.
    let of = if join_state::read(ledger)? == JoinState::Joining { 0 } else { tip.height };
    let supply = spec.supply(of);
    if amount != supply {
        return Err(corrupt(format!("the coins add up to {amount}, the chain's supply is {supply}")));
    }
    Ok(sum)
}
