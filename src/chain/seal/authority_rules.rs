//! Chains whose blocks known machines seal.

use std::time::Duration;

use crate::{
    base::{
        hash::Hash,
        limits::{AUTHORITY_SEAL_BYTES, MAX_AUTHORITIES, STALE_AFTER, UNSEALED_HEADER_BYTES, VOTE_BYTES},
        time::UnixTime,
    },
    chain::{
        header::Header,
        key::Claim,
        rules::{HeaderFault, ParentFacts},
        seal::{AuthoritySeal, AuthoritySet, LastWork, Seal, SealRules, Statement, Votes},
        spec::ChainSpec,
        target::Work,
    },
};

/// The rules of chains that authorities seal.
#[derive(Clone, Copy, Debug)]
pub struct AuthorityRules;

impl SealRules for AuthorityRules {
    fn check(&self, spec: &ChainSpec, parent: &ParentFacts, header: &Header, _hash: &Hash) -> Result<(), HeaderFault> {
        let seal = header.authority_seal().ok_or(HeaderFault::Unsealed)?;
        let parent_view = parent.work.view();
        if seal.view <= parent_view {
            return Err(HeaderFault::View { found: seal.view, parent: parent_view });
        }
        if seal.parent_view != parent_view {
            return Err(HeaderFault::ParentView { found: seal.parent_view, expected: parent_view });
        }
        let next = spec.authorities.at(header.height.saturating_add(1));
        if next.map(AuthoritySet::hash) != Some(seal.next_authorities) {
            return Err(HeaderFault::NextAuthorities(seal.next_authorities));
        }
        check_voters(spec, parent.height, &seal.parent_votes)?;
        let expected = parent.time.max(seal.parent_votes.median_clock() / 1000);
        if header.time != expected {
            return Err(HeaderFault::SealTime { found: header.time, expected });
        }
        Ok(())
    }

    /// Nothing but the parent tells whether the seal is one.
    fn check_stray(&self, _spec: &ChainSpec, header: &Header, _hash: &Hash) -> Result<(), HeaderFault> {
        header.authority_seal().map(|_| ()).ok_or(HeaderFault::Unsealed)
    }

    fn chain_work(&self, _parent: Work, header: &Header, _last: &mut LastWork) -> Work {
        Work::of_view(header.authority_seal().map_or(0, |seal| seal.view))
    }

    fn is_from_future(&self, _spec: &ChainSpec, _header: &Header, _now: UnixTime) -> bool {
        false
    }

    /// The view and the votes are the leader's to add.
    fn draft(&self, spec: &ChainSpec, parent: &ParentFacts) -> Seal {
        let next = spec.authorities.at(parent.height.saturating_add(2));
        Seal::Authorities(Box::new(AuthoritySeal {
            view: parent.work.view().saturating_add(1),
            next_authorities: next.map_or(Hash::ZERO, AuthoritySet::hash),
            parent_view: parent.work.view(),
            parent_votes: Votes::default(),
        }))
    }

    fn min_time(&self, parent: &ParentFacts) -> u64 {
        parent.time
    }

    fn needs_certificate(&self) -> bool {
        true
    }

    fn parent_claims(&self, spec: &ChainSpec, header: &Header) -> Vec<Claim> {
        let parent_height = header.height.saturating_sub(1);
        let signed = header.authority_seal().zip(spec.authorities.at(parent_height)).filter(|_| parent_height > 0);
        let Some((seal, set)) = signed else { return Vec::new() };
        let statement = Statement::notarise(set.epoch(), seal.parent_view, header.previous);
        let genesis = spec.genesis_hash();
        let claims = seal.parent_votes.iter().map(|(signer, vote)| Claim {
            // No key: a signature that never holds.
            public_key: set.keys().get(signer).copied().unwrap_or_default(),
            hash: statement.signing_hash(&genesis, vote.clock),
            signature: vote.signature,
        });
        claims.collect()
    }

    fn announces_blocks(&self) -> bool {
        false
    }

    fn header_bytes(&self, spec: &ChainSpec) -> usize {
        let votes = spec.authorities.at(1).map_or(0, AuthoritySet::count);
        UNSEALED_HEADER_BYTES + AUTHORITY_SEAL_BYTES + VOTE_BYTES * votes
    }

    fn takes_votes(&self) -> bool {
        true
    }

    /// While nobody pays, blocks come after the time for an empty one.
    fn stale_after(&self, spec: &ChainSpec) -> Duration {
        let idle = spec.sealing().map_or(Duration::ZERO, |sealing| sealing.idle_block_time);
        idle.saturating_mul(2).max(STALE_AFTER.0)
    }

    fn heeds_clock(&self) -> bool {
        false
    }
}

/// Whether the votes are those of a quorum of the set that sealed the block at this height. Genesis needs none and has
/// none.
fn check_voters(spec: &ChainSpec, height: u32, votes: &Votes) -> Result<(), HeaderFault> {
    let found = votes.count();
    let (quorum, most) = match spec.authorities.at(height).filter(|_| height > 0) {
        Some(set) => (set.quorum(), set.count()),
        None => (0, 0),
    };
    let is_known = votes.iter().all(|(signer, _)| signer < most.min(MAX_AUTHORITIES));
    if found < quorum || !is_known {
        return Err(HeaderFault::ParentVotes { found, quorum });
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use super::*;
    use crate::chain::{
        key::{self, SecretKey},
        rules,
        testkit::{self, BlockMaker},
    };

    fn maker(authorities: usize) -> BlockMaker {
        BlockMaker::new(Arc::new(testkit::sealed_spec(authorities)))
    }

    fn account() -> crate::chain::address::Address {
        SecretKey::well_known(1).address()
    }

    fn holds(claims: &[Claim]) -> bool {
        claims.iter().all(|claim| key::verify(&claim.public_key, &claim.hash, &claim.signature))
    }

    /// The verdict on the next header of a chain of three blocks, changed.
    fn verdict(change: impl FnOnce(&mut Header, &mut AuthoritySeal)) -> Result<(), HeaderFault> {
        let mut maker = maker(4);
        maker.empty_blocks(3, account());
        let facts = maker.parent_facts();
        let mut header = maker.next_block(Vec::new(), account()).header;
        let mut seal = header.authority_seal().unwrap().clone();
        change(&mut header, &mut seal);
        if header.authority_seal().is_some() {
            header.seal = Seal::Authorities(Box::new(seal));
        }
        rules::check_header(maker.spec(), &facts, &header, &header.hash())
    }

    #[test]
    fn a_chain_of_each_size_keeps_its_rules_and_its_certificates_hold() {
        for count in [1, 2, 3, 4, 7, 64] {
            let mut maker = maker(count);
            let set = maker.spec().authorities.at(1).unwrap().clone();
            for height in 1..4u32 {
                let facts = maker.parent_facts();
                maker.skip_views(u64::from(height / 2));
                let block = maker.next_block(Vec::new(), account());
                rules::check_header(maker.spec(), &facts, &block.header, &block.hash).unwrap();
                let claims = maker.spec().seal_rules().parent_claims(maker.spec(), &block.header);
                assert_eq!(claims.len(), if height == 1 { 0 } else { set.quorum() });
                assert!(holds(&claims) && set.certifies(&maker.spec().genesis_hash(), &maker.notarisation()));
                assert_eq!(block.header.size(), 112 + AUTHORITY_SEAL_BYTES + 72 * claims.len());
            }
            assert_eq!((maker.tip().work, maker.spec().genesis_work()), (Work::of_view(5), Work::ZERO));
        }
    }

    #[test]
    fn a_header_states_its_place_in_time_and_views() {
        let keys = testkit::sealed_spec(4).authorities.at(1).unwrap().hash();
        assert_eq!(verdict(|_, _| {}), Ok(()));
        assert_eq!(verdict(|_, seal| seal.view = 9), Ok(()), "skipped views are the voters' business");
        assert_eq!(verdict(|_, seal| seal.view = 3), Err(HeaderFault::View { found: 3, parent: 3 }));
        let wrong = HeaderFault::ParentView { found: 2, expected: 3 };
        assert_eq!(verdict(|_, seal| seal.parent_view = 2), Err(wrong));
        let wrong = Hash([5; 32]);
        assert_ne!(keys, wrong);
        assert_eq!(verdict(|_, seal| seal.next_authorities = wrong), Err(HeaderFault::NextAuthorities(wrong)));
        let late = |header: &mut Header, _: &mut AuthoritySeal| header.time += 1;
        assert!(matches!(verdict(late), Err(HeaderFault::SealTime { .. })));
        let work = |header: &mut Header, _: &mut AuthoritySeal| header.seal = ChainSpec::dev().genesis.header.seal;
        assert_eq!(verdict(work), Err(HeaderFault::Unsealed));
    }

    #[test]
    fn votes_of_a_quorum_of_the_set_are_needed() {
        let keep =
            |votes: &Votes, count| Votes::collect(votes.iter().take(count).map(|(signer, vote)| (signer, *vote)));
        let too_few = HeaderFault::ParentVotes { found: 2, quorum: 3 };
        assert_eq!(verdict(|_, seal| seal.parent_votes = keep(&seal.parent_votes, 2)), Err(too_few));
        let foreign = |votes: &Votes| Votes::collect(votes.iter().map(|(signer, vote)| (signer + 2, *vote)));
        let unknown = HeaderFault::ParentVotes { found: 3, quorum: 3 };
        assert_eq!(verdict(|_, seal| seal.parent_votes = foreign(&seal.parent_votes)), Err(unknown));
        let mut maker = maker(4);
        maker.empty_blocks(2, account());
        let mut header = maker.next_block(Vec::new(), account()).header;
        assert!(holds(&AuthorityRules.parent_claims(maker.spec(), &header)));
        header.previous = Hash([1; 32]);
        assert!(!holds(&AuthorityRules.parent_claims(maker.spec(), &header)), "votes for another block");
    }

    #[test]
    fn the_first_block_follows_genesis_without_votes() {
        let mut maker = maker(4);
        let facts = maker.parent_facts();
        let first = maker.next_block(Vec::new(), account()).header;
        assert_eq!((first.time, first.authority_seal().unwrap().parent_votes.count()), (facts.time, 0));
        let second = maker.next_block(Vec::new(), account()).header;
        let mut seal = first.authority_seal().unwrap().clone();
        seal.parent_votes = second.authority_seal().unwrap().parent_votes.clone();
        let forged = Header { seal: Seal::Authorities(Box::new(seal)), ..first };
        let verdict = rules::check_header(maker.spec(), &facts, &forged, &forged.hash());
        assert_eq!(verdict, Err(HeaderFault::ParentVotes { found: 3, quorum: 0 }));
    }

    #[test]
    fn a_chain_on_which_nobody_pays_is_not_stale() {
        let (sealed, work) = (testkit::sealed_spec(4), ChainSpec::local());
        assert_eq!(sealed.seal_rules().stale_after(&sealed), Duration::from_secs(7200));
        assert_eq!(work.seal_rules().stale_after(&work), STALE_AFTER.0);
    }

    #[test]
    fn a_template_on_a_parent_lacks_only_view_and_votes() {
        let mut maker = maker(4);
        maker.empty_blocks(2, account());
        let facts = maker.parent_facts();
        let Seal::Authorities(draft) = AuthorityRules.draft(maker.spec(), &facts) else { panic!("no seal") };
        let next = maker.next_block(Vec::new(), account()).header;
        let made = next.authority_seal().unwrap();
        assert_eq!(*draft, AuthoritySeal { parent_votes: Votes::default(), ..made.clone() });
        assert!(AuthorityRules.min_time(&facts) <= next.time);
    }
}
