//! Chains that authorities with well-known keys seal, and their votes.

use super::BlockMaker;
use crate::{
    base::{codec::List, limits::MAX_AUTHORITIES},
    chain::{
        key::SecretKey,
        rules::ParentFacts,
        seal::{Authorities, Certificate, Seal, SignedVote, Statement, Votes},
        spec::{ChainSpec, SealRule, genesis},
        transaction::Output,
    },
};

/// The well-known keys from this number on are those of authorities.
const FIRST_AUTHORITY: u32 = 100;

/// The key of the authority with this number in [`sealed_spec`].
pub fn authority_key(number: usize) -> SecretKey {
    SecretKey::well_known(FIRST_AUTHORITY.saturating_add(u32::try_from(number).unwrap_or(u32::MAX)))
}

/// A chain that this many authorities seal, with the allocations of the chain for experiments.
pub fn sealed_spec(authorities: usize) -> ChainSpec {
    let mut spec = ChainSpec::dev();
    let keys = List::truncated((0..authorities).map(|number| authority_key(number).public_key()));
    spec.parameters.seal = SealRule::Authorities { keys, block_time_ms: 200, idle_block_time: 3600 };
    (spec.name, spec.instant) = ("sealed".to_owned(), false);
    spec.authorities = spec.parameters.seal.authorities();
    let allocations: Vec<Output> = spec.genesis.transactions[0].transaction.outputs.to_vec();
    spec.genesis = genesis(&spec.name, &spec.parameters, allocations);
    spec.genesis_digest = spec.genesis_sum().digest();
    spec
}

/// The same, with later sets: from which height on, and the numbers of their authorities.
pub fn sealed_spec_with(authorities: usize, later: &[(u32, &[usize])]) -> ChainSpec {
    let mut spec = sealed_spec(authorities);
    let keys = |numbers: &[usize]| numbers.iter().map(|number| authority_key(*number).public_key()).collect();
    let later = later.iter().map(|(from, numbers)| (*from, keys(numbers), None)).collect();
    spec.authorities = Authorities::new(keys(&(0..authorities).collect::<Vec<_>>()), later);
    spec
}

/// The vote of an authority of [`sealed_spec`]. `clock`: milliseconds since 1970.
pub fn signed_vote(spec: &ChainSpec, statement: Statement, signer: usize, clock: u64) -> SignedVote {
    let number = u8::try_from(signer).expect("there are at most 64 authorities");
    let own = authority_key(signer);
    // In a later set the numbers are others.
    let is_later = statement.epoch > 0;
    let public = spec.authorities.of(statement.epoch).and_then(|set| set.keys().get(signer)).filter(|_| is_later);
    let of_set = || (0..MAX_AUTHORITIES).map(authority_key).find(|key| Some(&key.public_key()) == public);
    let key = public.and_then(|_| of_set()).unwrap_or(own);
    SignedVote::sign(statement, number, clock, &key, &spec.genesis_hash())
}

/// A certificate by the first authorities that are a quorum, whose clocks all show the same.
pub fn certificate(spec: &ChainSpec, statement: Statement, clock: u64) -> Certificate {
    let quorum = spec.authorities.of(statement.epoch).map_or(0, |set| set.quorum());
    let vote = |signer| (signer, signed_vote(spec, statement, signer, clock).vote);
    Certificate { statement, votes: Votes::collect((0..quorum).map(vote)) }
}

impl BlockMaker {
    /// Leaves out this many views before that of the next block.
    pub fn skip_views(&mut self, views: u64) {
        self.skipped_views += views;
    }

    /// The certificate that notarises the tip, with its time as the voters' clocks.
    pub fn notarisation(&self) -> Certificate {
        self.certificate_of(Statement::notarise, self.tip.time)
    }

    /// The certificate that makes the tip final.
    pub fn finality(&self) -> Certificate {
        self.certificate_of(Statement::finalize, self.tip.time)
    }

    fn certificate_of(&self, of: fn(u32, u64, crate::base::hash::Hash) -> Statement, time: u64) -> Certificate {
        let epoch = self.spec.authorities.at(self.tip.height).map_or(0, |set| set.epoch());
        certificate(&self.spec, of(epoch, self.work.view(), self.hash), time.saturating_mul(1000))
    }

    /// The seal of the next block, as far as it can be made before the block, and its time.
    pub(super) fn seal_next(&self, time: u64) -> (Seal, u64) {
        let (mut seal, time) = next_seal(&self.spec, &self.parent_facts(), time);
        if let Seal::Authorities(seal) = &mut seal {
            seal.view += self.skipped_views;
        }
        (seal, time)
    }
}

/// The seal of a block on this parent, as far as it can be made before the block: with the votes for the parent, by clocks that
/// make this the block's time. Returns its time, too: on a sealed chain the first has that of genesis, and none is before its
/// parent.
pub fn next_seal(spec: &ChainSpec, parent: &ParentFacts, time: u64) -> (Seal, u64) {
    let mut seal = match spec.seal_rules().draft(spec, parent) {
        Seal::Authorities(seal) => seal,
        other => return (other, time),
    };
    if parent.height == 0 {
        return (Seal::Authorities(seal), parent.time);
    }
    let time = time.max(parent.time);
    let epoch = spec.authorities.at(parent.height).map_or(0, |set| set.epoch());
    let state = match spec.authorities.is_last_of_set(parent.height) {
        true => Statement::finalize,
        false => Statement::notarise,
    };
    let statement = state(epoch, parent.work.view(), parent.hash);
    seal.parent_votes = certificate(spec, statement, time.saturating_mul(1000)).votes;
    (Seal::Authorities(seal), time)
}

/// Whether the keys of this chain's authorities, if it has any, are those of [`authority_key`].
pub fn knows_authorities(spec: &ChainSpec) -> bool {
    let keys = spec.authorities.at(1).map_or(&[][..], |set| set.keys());
    keys.iter().enumerate().all(|(number, key)| *key == authority_key(number).public_key())
}
