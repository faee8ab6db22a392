//! Chains that authorities seal: a header counts once a quorum has notarised it.

use std::sync::Arc;

use super::*;
use crate::{
    base::time::UnixTime,
    chain::{
        header::Header,
        key::SecretKey,
        rules,
        seal::{Seal, Vote, Votes},
        target::Work,
        testkit::BlockMaker,
    },
    node::{Setup, hindrance::HindranceId},
};

fn maker() -> BlockMaker {
    BlockMaker::new(Arc::new(testkit::sealed_spec(4)))
}

/// The chain of this maker, grown by so many blocks. `tag` makes a branch's differ from others'.
pub(super) fn grown(maker: &mut BlockMaker, from: &Chain, count: usize, tag: u32) -> Chain {
    let mut chain = from.clone();
    for _ in 0..count {
        maker.next_block(Vec::new(), SecretKey::well_known(tag).address());
        chain.rows.push(maker.header_row());
    }
    chain
}

pub(super) fn genesis(maker: &BlockMaker) -> Chain {
    Chain { spec: maker.spec().clone(), rows: vec![maker.header_row()] }
}

pub(super) fn chain(count: usize) -> Chain {
    let mut maker = maker();
    let genesis = genesis(&maker);
    grown(&mut maker, &genesis, count, 0)
}

pub(super) fn rig(applied: &Chain) -> Rig {
    let mut rig = Rig::unopened(Setup { spec: applied.spec.clone(), ..setup() }, applied);
    rig.moved(applied);
    rig
}

pub(super) fn notarised(
    rig: &mut Rig,
    link: Option<u64>,
    chain: &Chain,
    height: usize,
    with_header: bool,
) -> Vec<Action> {
    let row = &chain.rows[height];
    let header = with_header.then(|| Box::new(row.header.clone()));
    let epoch = chain.spec.authorities.at(row.header.height).unwrap().epoch();
    rig.notice(ToHeaders::Notarised { link: link.map(LinkId), hash: row.hash, epoch, view: row.work.view(), header })
}

#[test]
fn the_last_header_of_a_round_waits_for_its_certificate() {
    let chain = chain(5);
    let mut rig = rig(&chain.first(0));
    rig.up(1, &chain);
    let actions = rig.sync(1, chain.headers(1..=5));
    assert_eq!((rig.take_stored(), wants(&actions)), (chain.hashes(1..=4), vec![(0, chain.hashes(1..=4))]));
    let actions = notarised(&mut rig, Some(2), &chain, 5, false);
    assert_eq!((rig.take_stored(), wants(&actions)), (chain.hashes(5..=5), vec![(4, chain.hashes(5..=5))]));
    assert!(notarised(&mut rig, Some(2), &chain, 5, false).is_empty(), "told again");
}

#[test]
fn a_certificate_may_come_before_its_header() {
    let chain = chain(5);
    let mut rig = rig(&chain.first(0));
    rig.up(1, &chain);
    notarised(&mut rig, None, &chain, 5, false);
    rig.sync(1, chain.headers(1..=5));
    assert_eq!(rig.take_stored(), chain.hashes(1..=5));
}

#[test]
fn what_follows_a_header_certifies_it() {
    let chain = chain(8);
    let mut rig = rig(&chain.first(0));
    rig.up(1, &chain);
    let actions = rig.sync(1, chain.headers(1..=5));
    let (_, locator) = questions(&actions).remove(0);
    assert_eq!(locator[0], chain.hash(5), "the next round begins behind the header that waits");
    rig.sync(1, chain.headers(6..=8));
    assert_eq!(rig.take_stored(), chain.hashes(1..=7));
    rig.sync(1, vec![]);
    assert_eq!(faults(&rig.pass(SECOND)), []);
}

#[test]
fn a_certificate_that_nobody_signed_is_its_sender_s_fault() {
    let mut maker = maker();
    let genesis = genesis(&maker);
    let mut chain = grown(&mut maker, &genesis, 3, 0);
    let (header, _) = maker.assemble(Vec::new(), SecretKey::well_known(0).address(), maker.next_time());
    let mut seal = header.authority_seal().unwrap().clone();
    let forge = |(signer, vote): (usize, &Vote)| (signer, Vote { signature: [7; 64], ..*vote });
    seal.parent_votes = Votes::collect(seal.parent_votes.iter().map(forge));
    chain.push(Header { seal: Seal::Authorities(Box::new(seal)), ..header });
    let mut rig = rig(&chain.first(0));
    rig.up(1, &chain);
    let actions = rig.sync(1, chain.headers(1..=4));
    assert_eq!(faults(&actions), [(1, PeerFault::Header(HeaderFault::VoteSignature))]);
    assert!(rig.take_stored().is_empty());
}

#[test]
fn an_offered_block_without_certificate_is_dropped_and_nobody_punished() {
    let chain = chain(3);
    let mut rig = rig(&chain.first(2));
    rig.up(1, &chain.first(2));
    let actions = offer(&mut rig, PEER, &chain);
    assert_eq!((dropped(&actions), faults(&actions)), (vec![None], vec![]));
    let row = chain.rows.last().unwrap();
    let header = Box::new(row.header.clone());
    let actions = rig.notice(ToHeaders::Announced { link: LinkId(1), hash: row.hash, header });
    let judged = ToFetch::HeaderJudged { hash: row.hash, is_wanted: false };
    assert!(actions.contains(&Action::Tell(judged.into())) && faults(&actions).is_empty());
    let command = offer(&mut rig, Origin::Command(Ticket(1)), &chain);
    assert!(dropped(&command)[0].as_ref().unwrap().contains("notarised"));
    assert!(rig.take_stored().is_empty());
    notarised(&mut rig, None, &chain, 3, false);
    assert_eq!((dropped(&offer(&mut rig, PEER, &chain)), rig.take_stored()), (vec![], chain.hashes(3..=3)));
}

#[test]
fn a_proposal_s_header_counts_as_soon_as_it_is_notarised() {
    let chain = chain(3);
    let mut rig = rig(&chain.first(2));
    rig.up(1, &chain.first(2));
    rig.sync(1, vec![]);
    let actions = notarised(&mut rig, Some(1), &chain, 3, true);
    assert_eq!((rig.take_stored(), wants(&actions)), (chain.hashes(3..=3), vec![(2, chain.hashes(3..=3))]));
    assert_eq!((counted(&actions), rig.state), (vec![3], SyncState::Synced));
}

#[test]
fn who_shows_a_certificate_is_asked_for_a_missing_header_at_once_and_then_others_are() {
    let chain = chain(4);
    let mut rig = rig(&chain.first(2));
    rig.up(1, &chain.first(2));
    rig.up(3, &chain.first(2));
    rig.sync(1, vec![]);
    rig.sync(3, vec![]);
    assert_eq!(asked(&notarised(&mut rig, Some(3), &chain, 4, true)), [3], "its parent is missing");
    rig.sync(3, vec![]);
    let again = asked(&rig.pass(SECOND));
    assert!(!again.is_empty(), "another peer is asked");
    rig.sync(again[0], chain.headers(3..=4));
    assert_eq!(rig.take_stored(), chain.hashes(3..=4));
    rig.sync(again[0], vec![]);
    assert_eq!(asked(&rig.pass(10 * SECOND)).len(), 0, "nothing is missing");
}

#[test]
fn nobody_is_asked_for_ever_for_a_header_that_does_not_come() {
    let chain = chain(4);
    let mut rig = rig(&chain.first(2));
    rig.up(1, &chain.first(2));
    rig.sync(1, vec![]);
    let mut questions = asked(&notarised(&mut rig, Some(1), &chain, 4, false)).len();
    let (mut open, mut answered) = (questions, 0);
    for _ in 0..30 {
        for _ in 0..std::mem::take(&mut open) {
            open += asked(&rig.sync(1, vec![])).len();
            answered += 1;
        }
        open += asked(&rig.pass(SECOND)).len();
        questions = answered + open;
    }
    assert!((3..=8).contains(&questions), "{questions}");
}

#[test]
fn a_branch_that_leaves_the_final_chain_is_ignored() {
    let mut maker = maker();
    let genesis = genesis(&maker);
    let below = grown(&mut maker, &genesis, 2, 0);
    let mut rival_maker = maker.fork();
    rival_maker.skip_views(50);
    let ours = grown(&mut maker, &below, 3, 0);
    let rival = grown(&mut rival_maker, &below, 4, 1);
    for (final_height, stays) in [(3, true), (2, false), (5, true)] {
        let mut rig = rig(&ours);
        rig.notice(ToHeaders::Final { height: final_height, hash: ours.hash(final_height as usize) });
        rig.up(1, &rival);
        let actions = rig.sync(1, rival.headers(3..=6));
        assert_eq!((wants(&actions).is_empty(), rig.take_stored().is_empty()), (stays, stays), "{final_height}");
        assert_eq!(faults(&actions), [], "headers do not show whose fault it is");
        notarised(&mut rig, Some(1), &rival, 3, true);
        assert!(rig.take_stored().is_empty(), "{final_height}");
    }
}

/// If too many authorities lie, a block of another branch may become final too.
#[test]
fn what_was_final_first_stays() {
    let mut maker = maker();
    let genesis = genesis(&maker);
    let below = grown(&mut maker, &genesis, 2, 0);
    let mut rival_maker = maker.fork();
    rival_maker.skip_views(50);
    let (ours, rival) = (grown(&mut maker, &below, 3, 0), grown(&mut rival_maker, &below, 4, 1));
    let mut rig = rig(&ours);
    rig.notice(ToHeaders::Final { height: 4, hash: ours.hash(4) });
    rig.notice(ToHeaders::Final { height: 6, hash: rival.hash(6) });
    rig.up(1, &rival);
    rig.sync(1, rival.headers(3..=6));
    notarised(&mut rig, Some(1), &rival, 3, true);
    assert!(rig.take_stored().is_empty());
}

#[test]
fn a_chain_that_leads_to_the_final_block_is_taken_while_that_is_unknown() {
    let chain = chain(6);
    let mut rig = rig(&chain.first(1));
    rig.notice(ToHeaders::Final { height: 5, hash: chain.hash(5) });
    rig.up(1, &chain);
    rig.sync(1, chain.headers(2..=4));
    rig.sync(1, chain.headers(5..=6));
    assert_eq!(rig.take_stored(), chain.hashes(2..=5));
    let mut other = rig;
    other.notice(ToHeaders::Final { height: 6, hash: Hash([3; 32]) });
    notarised(&mut other, None, &chain, 6, false);
    assert!(other.take_stored().is_empty(), "another block is final at its height");
}

#[test]
fn no_clock_stops_a_sealed_chain() {
    let chain = chain(5);
    for year in [0, 1 << 33] {
        let mut rig = rig(&chain.first(0));
        rig.now.unix = UnixTime(year);
        rig.up_with(1, &chain, |peer| peer.clock_offset = 1 << 32);
        notarised(&mut rig, Some(1), &chain, 5, false);
        rig.sync(1, chain.headers(1..=5));
        assert_eq!(rig.take_stored(), chain.hashes(1..=5));
        rig.archive.put(&chain.rows);
        rig.sync(1, vec![]);
        rig.moved(&chain);
        assert_eq!(rig.state, SyncState::Synced, "{}", rig.reason);
    }
}

#[test]
#[should_panic(expected = "which is invalid: view 1 where the parent has view 2")]
fn a_certified_header_that_breaks_a_rule_stops_the_node() {
    let mut chain = chain(3);
    let mut rig = rig(&chain.first(2));
    let row = &mut chain.rows[3];
    let mut seal = row.header.authority_seal().unwrap().clone();
    seal.view = 1;
    row.header.seal = Seal::Authorities(Box::new(seal));
    row.hash = row.header.hash();
    notarised(&mut rig, None, &chain, 3, true);
}

/// Blocks of a chain on which others take over at height 4.
fn handed_over(count: usize) -> Chain {
    let spec = testkit::sealed_spec_with(4, &[(4, &[1, 2, 3, 4, 5])]);
    let mut maker = BlockMaker::new(Arc::new(spec));
    let genesis = genesis(&maker);
    grown(&mut maker, &genesis, count, 0)
}

pub(super) fn unknown_authorities(actions: &[Action]) -> usize {
    let is_told = |action: &&Action| {
        matches!(
            action,
            Action::Report(Report::Hindrance { id: HindranceId::UnknownAuthorities, finding: Some(_), .. })
        )
    };
    actions.iter().filter(is_told).count()
}

#[test]
fn a_newcomer_syncs_over_a_change_of_authorities_and_checks_that_one_set_handed_over_to_the_next() {
    let chain = handed_over(9);
    let mut rig = rig(&chain.first(0));
    rig.up(1, &chain);
    let actions = rig.sync(1, chain.headers(1..=9));
    assert_eq!((faults(&actions), rig.take_stored()), (vec![], chain.hashes(1..=8)));

    // What follows a block shows that it was notarised, but not that the set before made its parent final.
    let mut forged = handed_over(3);
    let mut maker = BlockMaker::new(forged.spec.clone());
    maker.empty_blocks(3, SecretKey::well_known(0).address());
    let (header, _) = maker.assemble(Vec::new(), SecretKey::well_known(0).address(), maker.next_time());
    let mut seal = header.authority_seal().unwrap().clone();
    let forge = |(signer, vote): (usize, &Vote)| (signer, Vote { signature: [7; 64], ..*vote });
    seal.parent_votes = Votes::collect(seal.parent_votes.iter().map(forge));
    forged.push(Header { seal: Seal::Authorities(Box::new(seal)), ..header.clone() });
    let (seal, time) = testkit::next_seal(&forged.spec, &facts(&forged), header.time);
    let previous = forged.hash(4);
    forged.push(Header { height: 5, previous, seal, time, ..header });
    let mut rig = self::rig(&forged.first(0));
    rig.up(1, &forged);
    let actions = rig.sync(1, forged.headers(1..=5));
    assert_eq!(faults(&actions), [(1, PeerFault::Header(HeaderFault::VoteSignature))]);
}

/// What the header after the last one is checked against.
pub(super) fn facts(chain: &Chain) -> rules::ParentFacts {
    let row = chain.rows.last().unwrap();
    let (height, time) = (row.header.height, row.header.time);
    let work = chain.spec.chain_work(Work::ZERO, &row.header);
    rules::ParentFacts { hash: row.hash, height, time, median_time: time, paused: 0, work }
}

#[test]
fn a_node_whose_file_lacks_a_set_says_so_and_waits_before_the_block_that_names_it() {
    let chain = handed_over(9);
    let old = Chain { spec: Arc::new(testkit::sealed_spec(4)), rows: chain.rows.clone() };
    let mut rig = rig(&old.first(0));
    rig.up(1, &old);
    let actions = rig.sync(1, chain.headers(1..=9));
    assert_eq!((faults(&actions), unknown_authorities(&actions)), (vec![], 1));
    assert_eq!(rig.take_stored(), chain.hashes(1..=2));
    assert_eq!(unknown_authorities(&notarised(&mut rig, Some(1), &chain, 3, true)), 0, "it is said once");

    // As a node that was there: the last header is known to count only by its certificate.
    let mut rig = self::rig(&old.first(2));
    rig.up(1, &old);
    let actions = rig.sync(1, chain.headers(3..=3));
    assert_eq!((faults(&actions), unknown_authorities(&actions)), (vec![], 0));
    let actions = notarised(&mut rig, Some(1), &chain, 3, false);
    assert_eq!((faults(&actions), unknown_authorities(&actions)), (vec![], 1));
    assert!(rig.take_stored().is_empty() && !actions.iter().any(|action| matches!(action, Action::Halt(_))));

    // A header that names a set which nobody has, and that nobody certified, proves nothing. But it costs its sender nothing:
    // authorities who continue the chain have signed what follows it, and this node does not know them.
    let mut liar = old.first(2);
    let mut header = chain.rows[3].header.clone();
    let mut seal = header.authority_seal().unwrap().clone();
    seal.next_authorities = Hash([7; 32]);
    header.seal = Seal::Authorities(Box::new(seal));
    liar.push(header.clone());
    liar.push(Header { previous: liar.hash(3), ..chain.rows[4].header.clone() });
    let mut rig = self::rig(&old.first(2));
    rig.up(1, &old);
    let actions = rig.sync(1, liar.headers(3..=4));
    assert_eq!((faults(&actions), unknown_authorities(&actions)), (vec![], 1));
    let is_doubt = |action: &Action| matches!(action, Action::Report(Report::Hindrance { finding: Some(finding), .. }) if finding.is_suspicion);
    assert!(actions.iter().any(is_doubt) && rig.take_stored().is_empty());
}

/// Its votes were not looked at, so that it certified whatever stood before it.
#[test]
fn a_header_that_names_an_unknown_set_certifies_its_parent_only_by_votes_of_a_quorum() {
    let mut forged = chain(2);
    let unsigned = |header: &Header, change: &dyn Fn(&mut crate::chain::seal::AuthoritySeal)| {
        let mut seal = header.authority_seal().unwrap().clone();
        change(&mut seal);
        Header { seal: Seal::Authorities(Box::new(seal)), ..header.clone() }
    };
    let (seal, time) = testkit::next_seal(&forged.spec, &facts(&forged), 0);
    let header = Header { height: 3, previous: forged.hash(2), seal, time, ..forged.rows[2].header.clone() };
    let forge = |(signer, vote): (usize, &Vote)| (signer, Vote { signature: [7; 64], ..*vote });
    forged.push(unsigned(&header, &|seal| seal.parent_votes = Votes::collect(seal.parent_votes.iter().map(forge))));
    let (seal, _) = testkit::next_seal(&forged.spec, &facts(&forged), 0);
    let last = Header { height: 4, previous: forged.hash(3), seal, time, ..header };
    forged
        .push(unsigned(&last, &|seal| (seal.next_authorities, seal.parent_votes) = (Hash([7; 32]), Votes::default())));
    let mut rig = rig(&forged.first(2));
    rig.up(1, &forged);
    let actions = rig.sync(1, forged.headers(3..=4));
    let fault = PeerFault::Header(HeaderFault::ParentVotes { found: 0, quorum: 3 });
    assert_eq!((rig.take_stored(), faults(&actions)), (vec![], vec![(1, fault)]));
}
