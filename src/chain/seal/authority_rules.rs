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
        seal::{AuthoritySeal, AuthoritySet, Certificate, Epoch, LastWork, Seal, SealRules, Statement, Votes},
        spec::ChainSpec,
        target::Work,
    },
};

/// The rules of chains that authorities seal.
#[derive(Clone, Copy, Debug)]
pub struct AuthorityRules;

impl SealRules for AuthorityRules {
    fn check(&self, spec: &ChainSpec, parent: &ParentFacts, header: &Header, hash: &Hash) -> Result<(), HeaderFault> {
        let seal = header.authority_seal().ok_or(HeaderFault::Unsealed)?;
        let (parent_view, takes_over) = (parent.work.view(), spec.authorities.taking_over_at(header.height));
        let base = takes_over.map_or(parent_view, |term| term.base_view(parent_view));
        if seal.view <= base {
            return Err(HeaderFault::View { found: seal.view, parent: base });
        }
        // A set's last block may become final in a later view than its own.
        let is_of_parent = seal.parent_view == parent_view || takes_over.is_some() && seal.parent_view > parent_view;
        if !is_of_parent {
            return Err(HeaderFault::ParentView { found: seal.parent_view, expected: parent_view });
        }
        check_voters(spec, parent.height, &seal.parent_votes)?;
        let expected = parent.time.max(seal.parent_votes.median_clock() / 1000);
        if header.time != expected {
            return Err(HeaderFault::SealTime { found: header.time, expected });
        }
        // Last: a header that fails here alone may show that this node's file lacks a set.
        check_next(spec, header.height, seal.next_authorities, hash)
    }

    /// Nothing but the parent tells whether the seal is one.
    fn check_stray(&self, _spec: &ChainSpec, header: &Header, _hash: &Hash) -> Result<(), HeaderFault> {
        header.authority_seal().map(|_| ()).ok_or(HeaderFault::Unsealed)
    }

    fn chain_work(&self, spec: &ChainSpec, _parent: Work, header: &Header, _last: &mut LastWork) -> Work {
        let epoch = spec.authorities.at(header.height).map_or(0, AuthoritySet::epoch);
        Work::of_seal(epoch, header.authority_seal().map_or(0, |seal| seal.view))
    }

    fn is_from_future(&self, _spec: &ChainSpec, _header: &Header, _now: UnixTime) -> bool {
        false
    }

    /// The view and the votes are the leader's to add.
    fn draft(&self, spec: &ChainSpec, parent: &ParentFacts) -> Seal {
        let next = spec.authorities.at(parent.height.saturating_add(2));
        let takes_over = spec.authorities.taking_over_at(parent.height.saturating_add(1));
        let base = takes_over.map_or(parent.work.view(), |term| term.base_view(parent.work.view()));
        Seal::Authorities(Box::new(AuthoritySeal {
            view: base.saturating_add(1),
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

    /// The first block of a set shows that the one before it is final.
    fn parent_claims(&self, spec: &ChainSpec, header: &Header) -> Vec<Claim> {
        let state = if self.takes_over(spec, header) { Statement::finalize } else { Statement::notarise };
        claims(spec, header, state)
    }

    fn takes_over(&self, spec: &ChainSpec, header: &Header) -> bool {
        spec.authorities.taking_over_at(header.height).is_some()
    }

    fn handover(&self, spec: &ChainSpec, header: &Header) -> Option<Certificate> {
        let seal = header.authority_seal().filter(|_| self.takes_over(spec, header))?;
        let set = spec.authorities.at(header.height.saturating_sub(1))?;
        let statement = Statement::finalize(set.epoch(), seal.parent_view, header.previous);
        Some(Certificate { statement, votes: seal.parent_votes.clone() })
    }

    /// A node whose file lacks a set does not know whether a block is the last of its own set.
    fn certifies_parent(&self, spec: &ChainSpec, header: &Header) -> bool {
        let seal = header.authority_seal();
        let is_quorum = seal.is_some_and(|seal| {
            let parent = header.height.saturating_sub(1);
            parent > 0 && check_voters(spec, parent, &seal.parent_votes).is_ok()
        });
        is_quorum
            && [Statement::notarise, Statement::finalize]
                .into_iter()
                .any(|state| claims(spec, header, state).iter().all(Claim::holds))
    }

    fn announces_blocks(&self) -> bool {
        false
    }

    fn header_bytes(&self, spec: &ChainSpec) -> usize {
        let votes = spec.authorities.at(1).map_or(0, AuthoritySet::count);
        UNSEALED_HEADER_BYTES + AUTHORITY_SEAL_BYTES + VOTE_BYTES * votes
    }

    fn stores_before_telling(&self) -> bool {
        true
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

/// No point of the curve: no signature holds for it. Zeros would be a key for which anybody can sign.
const NO_KEY: [u8; 32] = [2; 32];

/// What the votes in a header say if they are of this stage.
fn claims(spec: &ChainSpec, header: &Header, state: fn(Epoch, u64, Hash) -> Statement) -> Vec<Claim> {
    let parent_height = header.height.saturating_sub(1);
    let signed = header.authority_seal().zip(spec.authorities.at(parent_height)).filter(|_| parent_height > 0);
    let Some((seal, set)) = signed else { return Vec::new() };
    let (statement, genesis) = (state(set.epoch(), seal.parent_view, header.previous), spec.genesis_hash());
    let claims = seal.parent_votes.iter().map(|(signer, vote)| Claim {
        public_key: set.keys().get(signer).copied().unwrap_or(NO_KEY),
        hash: statement.signing_hash(&genesis, vote.clock),
        signature: vote.signature,
    });
    claims.collect()
}

/// Whether a block names the set of the next height as the chain's file does. The block that a later set continues by the
/// operators' word could not know of it.
pub(in crate::chain) fn check_next(spec: &ChainSpec, height: u32, named: Hash, hash: &Hash) -> Result<(), HeaderFault> {
    let next = spec.authorities.term_at(height.saturating_add(1));
    let takes_over = next.filter(|term| term.from == height.saturating_add(1));
    match takes_over.and_then(|term| term.continues) {
        Some(continued) if continued == *hash => Ok(()),
        Some(expected) => Err(HeaderFault::Continued { found: *hash, expected }),
        None if next.map(|term| term.set.hash()) == Some(named) => Ok(()),
        None => Err(HeaderFault::NextAuthorities(named)),
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
        seal::{Authorities, CONTINUED_VIEWS, Vote},
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
        let no_votes = |_: &mut Header, seal: &mut AuthoritySeal| {
            (seal.next_authorities, seal.parent_votes) = (wrong, Votes::default());
        };
        assert_eq!(
            verdict(no_votes),
            Err(HeaderFault::ParentVotes { found: 0, quorum: 3 }),
            "the set is looked at last"
        );
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
        // Anybody's signature, which holds for the keys that nobody owns.
        let mut signature = [0; 64];
        signature[0] = 1;
        let mut seal = header.authority_seal().unwrap().clone();
        seal.parent_votes = Votes::collect((4..7).map(|signer| (signer, Vote { clock: 0, signature })));
        header.seal = Seal::Authorities(Box::new(seal));
        let claims = AuthorityRules.parent_claims(maker.spec(), &header);
        assert!(claims.len() == 3 && claims.iter().all(|claim| !claim.holds()), "votes of numbers that nobody has");
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
    fn the_first_block_of_a_set_shows_that_the_one_before_it_is_final() {
        let spec = Arc::new(testkit::sealed_spec_with(4, &[(3, &[1, 2, 3, 4, 5, 6, 7]), (4, &[9])]));
        let mut maker = BlockMaker::new(spec.clone());
        for height in 1..6 {
            let facts = maker.parent_facts();
            let header = maker.next_block(Vec::new(), account()).header;
            rules::check_header(&spec, &facts, &header, &header.hash()).unwrap();
            let claims = AuthorityRules.parent_claims(&spec, &header);
            assert!(holds(&claims) && claims.len() == [0, 3, 3, 5, 1][height - 1], "{height}: {}", claims.len());
            assert_eq!(AuthorityRules.takes_over(&spec, &header), [3, 4].contains(&height));
            assert_eq!(AuthorityRules.certifies_parent(&spec, &header), height > 1);
            let handover = AuthorityRules.handover(&spec, &header);
            let before = spec.authorities.at(header.height - 1).unwrap();
            let is_final = |handover| before.certifies(&spec.genesis_hash(), handover);
            assert_eq!(handover.as_ref().map(is_final), [3, 4].contains(&height).then_some(true));
            // A notarisation does not show that.
            let old = testkit::sealed_spec(4);
            assert_eq!(holds(&AuthorityRules.parent_claims(&old, &header)), height < 3);
            if height == 2 {
                let unknown = HeaderFault::NextAuthorities(header.authority_seal().unwrap().next_authorities);
                assert_eq!(rules::check_header(&old, &facts, &header, &header.hash()), Err(unknown));
            }
            if height == 3 {
                let mut seal = header.authority_seal().unwrap().clone();
                seal.parent_view += 1;
                let later = Header { seal: Seal::Authorities(Box::new(seal.clone())), ..header.clone() };
                assert_eq!(rules::check_header(&spec, &facts, &later, &later.hash()), Ok(()), "final in a later view");
                seal.parent_view -= 2;
                let earlier = Header { seal: Seal::Authorities(Box::new(seal)), ..header.clone() };
                assert!(rules::check_header(&spec, &facts, &earlier, &earlier.hash()).is_err());
            }
        }
    }

    #[test]
    fn a_set_that_continues_follows_one_block_alone_and_leaves_what_the_lost_one_notarised() {
        let mut maker = maker(4);
        maker.empty_blocks(1, account());
        let facts = maker.parent_facts();
        let last = maker.next_block(Vec::new(), account());
        let mut spec = testkit::sealed_spec(4);
        let keys = |spec: &ChainSpec| spec.authorities.at(1).unwrap().keys().to_vec();
        spec.authorities = Authorities::new(keys(&spec), vec![(3, keys(&spec), Some(last.hash))]);
        let check = |spec: &ChainSpec, header: &Header| rules::check_header(spec, &facts, header, &header.hash());
        assert_eq!(check(&spec, &last.header), Ok(()), "it could not name the set that continues");
        let facts_after = maker.parent_facts();
        let lost = maker.next_block(Vec::new(), account()).header;
        let view = HeaderFault::View { found: 3, parent: 2 + CONTINUED_VIEWS };
        assert_eq!(rules::check_header(&spec, &facts_after, &lost, &lost.hash()), Err(view));
        let Seal::Authorities(draft) = AuthorityRules.draft(&spec, &facts_after) else { panic!("no seal") };
        assert_eq!(draft.view, 3 + CONTINUED_VIEWS);
        spec.authorities = Authorities::new(keys(&spec), vec![(3, keys(&spec), Some(Hash([7; 32])))]);
        let other = HeaderFault::Continued { found: last.hash, expected: Hash([7; 32]) };
        assert_eq!(check(&spec, &last.header), Err(other));
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
