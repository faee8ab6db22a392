//! Chains that authorities with well-known keys seal, and their votes.

use super::BlockMaker;
use crate::{
    base::codec::List,
    chain::{
        key::SecretKey,
        seal::{Certificate, Seal, SignedVote, Statement, Votes},
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

/// The vote of an authority of [`sealed_spec`]. `clock`: milliseconds since 1970.
pub fn signed_vote(spec: &ChainSpec, statement: Statement, signer: usize, clock: u64) -> SignedVote {
    let number = u8::try_from(signer).expect("there are at most 64 authorities");
    SignedVote::sign(statement, number, clock, &authority_key(signer), &spec.genesis_hash())
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

    /// Adds to a draft what only authorities can: the view, and the votes for the tip, by clocks that make this the time of
    /// the next block. Returns its time: the first has that of genesis, and none is before its parent.
    pub(super) fn complete(&self, draft: Seal, time: u64) -> (Seal, u64) {
        let Seal::Authorities(mut seal) = draft else { return (draft, time) };
        seal.view += self.skipped_views;
        if self.tip.height == 0 {
            return (Seal::Authorities(seal), self.tip.time);
        }
        let time = time.max(self.tip.time);
        seal.parent_votes = self.certificate_of(Statement::notarise, time).votes;
        (Seal::Authorities(seal), time)
    }
}
