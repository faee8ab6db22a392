//! The word of a later set of authorities against that of an earlier one, whose keys may be anybody's by now.

use std::sync::Arc;

use super::{
    sealed::{chain, facts, genesis, grown, notarised, rig, unknown_authorities},
    *,
};
use crate::{
    chain::{
        header::Header,
        seal::{Authorities, Seal, Vote, Votes},
        testkit::BlockMaker,
    },
    node::hindrance::HindranceId,
};

/// Authorities 0 to 3 up to block 4, then 4 alone.
fn maker() -> BlockMaker {
    BlockMaker::new(Arc::new(testkit::sealed_spec_with(4, &[(5, &[4])])))
}

/// Two histories up to the turning: the false one has the views that the liars like.
fn two(views: u64, count: usize) -> (Chain, Chain) {
    let mut honest = maker();
    let start = genesis(&honest);
    let (mut liars, first) = (honest.fork(), start.clone());
    let honest = grown(&mut honest, &start, count, 0);
    liars.skip_views(views);
    (honest, grown(&mut liars, &first, 4, 1))
}

fn held_final(rig: &mut Rig, chain: &Chain, height: u32) -> Vec<Action> {
    rig.notice(ToHeaders::Final { height, hash: chain.hash(height as usize) })
}

fn told(actions: &[Action]) -> Vec<bool> {
    let of = |action: &Action| match action {
        Action::Report(Report::Hindrance { id: HindranceId::OtherFinalChain, finding, .. }) => Some(finding.is_some()),
        _ => None,
    };
    actions.iter().filter_map(of).collect()
}

#[test]
fn what_a_later_set_certifies_takes_the_chain_from_what_an_earlier_one_holds_final() {
    for views in [0, 3, 1 << 60] {
        let (honest, lies) = two(views, 8);
        let mut rig = rig(&lies);
        held_final(&mut rig, &lies, 4);
        rig.up(1, &honest);
        let actions = rig.sync(1, honest.headers(1..=8));
        assert_eq!((faults(&actions), rig.take_stored()), (vec![], honest.hashes(1..=7)), "{views}");
        assert_eq!(wants(&actions), [(0, honest.hashes(1..=7))]);
        // Only its first block is there, and only a certificate shows that.
        let mut rig = self::rig(&lies);
        held_final(&mut rig, &lies, 4);
        rig.up(1, &honest);
        notarised(&mut rig, Some(1), &honest, 5, false);
        rig.sync(1, honest.headers(1..=5));
        assert_eq!(rig.take_stored(), honest.hashes(1..=5));
    }
}

#[test]
fn who_has_followed_the_later_set_leaves_it_for_no_keys_of_an_earlier_one() {
    let (honest, lies) = two(1 << 60, 8);
    for last in [3, 4, 5, 8] {
        let mut rig = rig(&honest.first(last));
        held_final(&mut rig, &honest, u32::try_from(last).unwrap());
        rig.up(1, &lies);
        // Not even if a set that is not in office helps them.
        rig.notice(ToHeaders::Notarised { link: None, hash: Hash([7; 32]), epoch: 2, view: 9, header: None });
        let actions = rig.sync(1, lies.headers(1..=4));
        assert!(wants(&actions).is_empty() && faults(&actions).is_empty(), "{last}");
        assert_eq!(told(&rig.pass(SECOND * 30)), [], "{last}");
    }
}

#[test]
fn a_node_says_so_while_what_is_final_is_not_in_its_chain() {
    let (honest, lies) = two(2, 8);
    let mut rig = rig(&lies);
    held_final(&mut rig, &lies, 2);
    assert_eq!(told(&rig.pass(SECOND * 30)), []);
    held_final(&mut rig, &honest, 3);
    assert_eq!(told(&rig.pass(SECOND * 5)), []);
    assert_eq!(told(&rig.pass(SECOND * 10)), [true]);
    rig.up(1, &honest);
    let mut actions = rig.sync(1, honest.headers(1..=8));
    actions.extend(rig.moved(&honest.first(7)));
    assert_eq!(told(&actions), [false]);
}

/// A set that is not in office may certify whatever it likes.
#[test]
fn a_block_counts_only_by_the_word_of_those_who_seal_at_its_height() {
    let mut maker = BlockMaker::new(Arc::new(testkit::sealed_spec_with(4, &[(3, &[9])])));
    let genesis = genesis(&maker);
    let chain = grown(&mut maker, &genesis, 3, 0);
    let mut rig = rig(&chain.first(0));
    rig.up(1, &chain);
    let told = |rig: &mut Rig, height: usize, epoch: u32, header: Header| {
        let (hash, view) = (header.hash(), chain.rows[height].work.view());
        rig.notice(ToHeaders::Notarised { link: Some(LinkId(1)), hash, epoch, view, header: Some(Box::new(header)) })
    };
    let header = |height: usize| chain.rows[height].header.clone();
    told(&mut rig, 1, 1, header(1));
    assert!(rig.take_stored().is_empty(), "the later set's word for the first set's block");
    told(&mut rig, 1, 0, header(1));
    told(&mut rig, 2, 0, header(2));
    assert_eq!(rig.take_stored(), chain.hashes(1..=2));
    // Its own block, but nobody has handed over.
    let mut seal = header(3).authority_seal().unwrap().clone();
    seal.parent_votes =
        Votes::collect(seal.parent_votes.iter().map(|(signer, vote)| (signer, Vote { clock: 1, ..*vote })));
    let early = Header { seal: Seal::Authorities(Box::new(seal)), ..header(3) };
    let actions = told(&mut rig, 3, 1, early);
    assert!(rig.take_stored().is_empty() && faults(&actions).is_empty());
    told(&mut rig, 3, 1, header(3));
    assert_eq!(rig.take_stored(), chain.hashes(3..=3));
}

/// Operators have let another set continue for one that is lost, and this node was not told.
#[test]
fn who_has_the_file_of_before_the_chain_was_continued_says_so_and_punishes_nobody() {
    let old = chain(3);
    let mut spec = testkit::sealed_spec(4);
    let (first, next) = (spec.authorities.at(1).unwrap().keys().to_vec(), vec![testkit::authority_key(4).public_key()]);
    spec.authorities = Authorities::new(first, vec![(4, next, Some(old.hash(3)))]);
    let mut continued = Chain { spec: Arc::new(spec), rows: old.rows.clone() };
    for height in [4, 5] {
        let (seal, time) = testkit::next_seal(&continued.spec, &facts(&continued), 0);
        let previous = continued.hash(height as usize - 1);
        continued.push(Header { height, previous, seal, time, ..old.rows[3].header.clone() });
    }
    let mut rig = rig(&old.first(0));
    rig.up(1, &old);
    let actions = rig.sync(1, continued.headers(1..=5));
    assert_eq!((faults(&actions), unknown_authorities(&actions)), (vec![], 1));
    assert_eq!(rig.take_stored(), old.hashes(1..=3));
    // Those who continued have made one block, and rest: nothing follows it.
    let mut rig = self::rig(&old.first(0));
    rig.up(1, &old);
    let actions = rig.sync(1, continued.headers(1..=4));
    assert_eq!((faults(&actions), unknown_authorities(&actions)), (vec![], 0), "its certificate may be under way");
    let actions = rig.pass(SECOND * 11);
    assert_eq!(unknown_authorities(&actions), 1);
    // Anybody can make up such a header: its peer's word is no reason to take another file from somebody.
    let said = actions.iter().find_map(|action| match action {
        Action::Report(Report::Hindrance { id: HindranceId::UnknownAuthorities, finding, .. }) => finding.clone(),
        _ => None,
    });
    let said = said.unwrap();
    assert!(
        said.text.starts_with("one peer says, of a block that no certificate has shown to count: "),
        "{}",
        said.text
    );
    assert!(said.is_suspicion && said.advice.contains("ask the operators"), "{}", said.advice);
    assert_eq!(unknown_authorities(&rig.pass(SECOND * 60)), 0, "it is said once");
}
