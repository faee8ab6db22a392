//! Chains of proof of work.

use std::time::Duration;

use crate::{
    base::{
        hash::Hash,
        limits::{STALE_AFTER, STALE_INTERVALS, WORK_HEADER_BYTES},
        time::UnixTime,
    },
    chain::{
        header::Header,
        key::Claim,
        rules::{self, HeaderFault, ParentFacts},
        schedule,
        seal::{Certificate, LastWork, Seal, SealRules},
        spec::ChainSpec,
        target::{CompactTarget, Work},
    },
};

/// The rules of chains of proof of work.
#[derive(Clone, Copy, Debug)]
pub struct WorkRules;

impl SealRules for WorkRules {
    fn check(&self, spec: &ChainSpec, parent: &ParentFacts, header: &Header, hash: &Hash) -> Result<(), HeaderFault> {
        let Some(proof) = header.proof() else { return Err(HeaderFault::Seal) };
        let expected = next_target(spec, parent);
        if proof.target != expected {
            return Err(HeaderFault::Target { found: proof.target.0, expected: expected.0 });
        }
        if !header.has_work(hash) {
            return Err(HeaderFault::Work);
        }
        if header.time <= parent.median_time {
            return Err(HeaderFault::TooOld { found: header.time, median: parent.median_time });
        }
        Ok(())
    }

    /// The work that it states, and that is no less than the chain's least.
    fn check_stray(&self, spec: &ChainSpec, header: &Header, hash: &Hash) -> Result<(), HeaderFault> {
        let target = header.target().filter(|target| *target <= spec.parameters.limit());
        if target.is_some_and(|target| target.admits(hash)) { Ok(()) } else { Err(HeaderFault::Work) }
    }

    fn chain_work(&self, _spec: &ChainSpec, parent: Work, header: &Header, last: &mut LastWork) -> Work {
        let target = header.proof().map(|proof| proof.target);
        let block_work = match last.0 {
            Some((last_target, work)) if target == Some(last_target) => work,
            _ => header.work(),
        };
        last.0 = target.map(|target| (target, block_work));
        parent.plus(block_work)
    }

    fn is_from_future(&self, spec: &ChainSpec, header: &Header, now: UnixTime) -> bool {
        header.time > now.0.saturating_add(u64::from(spec.parameters.future_limit))
    }

    fn draft(&self, spec: &ChainSpec, parent: &ParentFacts) -> Seal {
        Seal::unsolved(next_target(spec, parent))
    }

    fn min_time(&self, parent: &ParentFacts) -> u64 {
        parent.median_time.saturating_add(1)
    }

    fn needs_certificate(&self) -> bool {
        false
    }

    fn parent_claims(&self, _spec: &ChainSpec, _header: &Header) -> Vec<Claim> {
        Vec::new()
    }

    fn takes_over(&self, _spec: &ChainSpec, _header: &Header) -> bool {
        false
    }

    fn handover(&self, _spec: &ChainSpec, _header: &Header) -> Option<Certificate> {
        None
    }

    fn certifies_parent(&self, _spec: &ChainSpec, _header: &Header) -> bool {
        false
    }

    fn announces_blocks(&self) -> bool {
        true
    }

    fn header_bytes(&self, _spec: &ChainSpec) -> usize {
        WORK_HEADER_BYTES
    }

    fn stores_before_telling(&self) -> bool {
        false
    }

    fn takes_votes(&self) -> bool {
        false
    }

    fn stale_after(&self, spec: &ChainSpec) -> Duration {
        let (least, most) = STALE_AFTER;
        let block_time = Duration::from_secs(u64::from(spec.parameters.block_time));
        block_time.saturating_mul(STALE_INTERVALS).clamp(least, most)
    }

    fn heeds_clock(&self) -> bool {
        true
    }
}

fn next_target(spec: &ChainSpec, parent: &ParentFacts) -> CompactTarget {
    let &ParentFacts { height, time, median_time, paused, .. } = parent;
    let scheduled = schedule::scheduled_time(spec.parameters.pause_cap, time, median_time, paused);
    rules::next_target(spec, scheduled, height)
}
