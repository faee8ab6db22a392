//! Proposed blocks of a sealed chain.

use proptest::prelude::*;

use super::*;
use crate::{
    chain::{
        seal::{AuthoritySeal, Seal, Vote, Votes},
        target::Work,
        testkit,
    },
    node::{
        Halt,
        notice::{ProposalFault, ToSealer},
    },
};

fn sealed_setup() -> Setup {
    setup(&Arc::new(testkit::sealed_spec(4)))
}

/// The answers to proposals.
fn verdicts(actions: &[Action]) -> Vec<(Hash, Result<(), ProposalFault>)> {
    let mut all = Vec::new();
    for action in actions {
        if let Action::Tell(Notice::Sealer(ToSealer::ProposalChecked { hash, result })) = action {
            all.push((*hash, result.clone()));
        }
    }
    all
}

fn halts(actions: &[Action]) -> Vec<String> {
    let text = |action: &Action| match action {
        Action::Halt(Halt::Authorities(text)) => Some(text.clone()),
        _ => None,
    };
    actions.iter().filter_map(text).collect()
}

impl Node {
    fn propose(&mut self, (_, block): &Made) -> Result<(), ProposalFault> {
        let checked = Arc::new(CheckedBlock::new(block));
        let actions = self.notice(ToLedger::BlockChecked { origin: Origin::Proposal, block: checked });
        let answers = verdicts(&actions);
        assert_eq!(answers.len(), 1, "exactly one answer: {actions:?}");
        assert_eq!(answers[0].0, block.hash);
        answers[0].1.clone()
    }
}

fn pay(maker: &mut BlockMaker, from: u32, to: u32) -> Transaction {
    maker.transfer(&key(from), key(to).address(), 1_000, 5)
}

#[test]
fn a_valid_proposal_leaves_nothing_until_its_header_counts_and_then_is_connected_at_once() {
    let mut node = Node::with(&sealed_setup());
    let mut maker = node.maker();
    let before = maker.clone();
    let transactions = vec![pay(&mut maker, 1, 2)];
    let block = made(&mut maker, transactions);
    assert_eq!(node.propose(&block), Ok(()));
    assert_eq!(node.store.working().headers.len(), 1, "no header");
    node.assert_at(&before);
    let actions = node.headers(std::slice::from_ref(&block));
    node.assert_at(&maker);
    assert_eq!((taken(&actions), sound(&actions)), (vec![block.1.hash], vec![]), "connected and not announced");
    assert_eq!(moves(&actions).last().unwrap().tip.work, Work::of_view(1));
    assert_eq!(node.propose(&block), Ok(()), "proposed again");
}

#[test]
fn a_block_whose_header_counts_before_its_proposal_is_judged_is_connected_by_it() {
    let mut node = Node::with(&sealed_setup());
    let mut maker = node.maker();
    let block = made(&mut maker, Vec::new());
    node.headers(std::slice::from_ref(&block));
    assert_eq!(node.propose(&block), Ok(()));
    node.assert_at(&maker);
}

#[test]
fn proposals_that_break_a_rule_or_hang_in_the_air_are_told_apart() {
    let mut node = Node::with(&sealed_setup());
    let maker = node.maker();
    let with = |change: fn(&mut crate::chain::header::Header),
                transactions: fn(&mut BlockMaker) -> Vec<Transaction>| {
        let mut fork = maker.fork();
        let transactions = transactions(&mut fork);
        sealed(&mut fork, change, transactions)
    };
    let digest = with(|header| header.state_digest = Hash([1; 32]), |_| Vec::new());
    assert!(matches!(node.propose(&digest), Err(ProposalFault::Invalid(text)) if text.contains("state digest")));
    let twice = with(
        |_| {},
        |fork| {
            let payment = pay(fork, 1, 2);
            vec![payment.clone(), payment]
        },
    );
    assert!(matches!(node.propose(&twice), Err(ProposalFault::Invalid(text)) if text.contains("does not exist")));
    let mut fork = maker.fork();
    fork.next_block(Vec::new(), key(9).address());
    assert_eq!(node.propose(&made(&mut fork, Vec::new())), Err(ProposalFault::Unready), "its parent is unknown");
    assert_eq!(node.propose(&made(&mut maker.fork(), Vec::new())), Ok(()), "the node goes on");
    node.assert_at(&maker);
}

#[test]
fn a_proposal_whose_header_breaks_a_rule_gets_no_vote() {
    let mut node = Node::with(&sealed_setup());
    let mut maker = node.maker();
    node.blocks(&empty(&mut maker, 2));
    let mut refused = |change: fn(&mut crate::chain::header::Header), word: &str| {
        let verdict = node.propose(&sealed(&mut maker.fork(), change, Vec::new()));
        assert!(matches!(&verdict, Err(ProposalFault::Invalid(text)) if text.contains(word)), "{word}: {verdict:?}");
    };
    refused(|header| header.time += 1, "where parent and votes give");
    refused(|header| header.version = 7, "version 7");
    refused(|header| header.height = 9, "height 9");
    refused(|header| with_seal(header, |seal| seal.next_authorities = Hash([3; 32])), "not this chain's");
    refused(|header| with_seal(header, |seal| seal.view = 2), "view 2 where the parent has view 2");
    refused(|header| with_seal(header, |seal| seal.parent_view = 1), "has view 1 where it has 2");
    refused(|header| with_seal(header, |seal| seal.parent_votes = Votes::default()), "0 votes for its parent");
    let unsigned = |seal: &mut AuthoritySeal| {
        let votes = seal.parent_votes.iter().map(|(signer, vote)| (signer, Vote { signature: [1; 64], ..*vote }));
        seal.parent_votes = Votes::collect(votes.collect::<Vec<_>>());
    };
    let verdict = node.propose(&sealed(&mut maker.fork(), |header| with_seal(header, unsigned), Vec::new()));
    assert!(matches!(&verdict, Err(ProposalFault::Invalid(text)) if text.contains("not signed")), "{verdict:?}");
    assert_eq!(node.propose(&made(&mut maker, Vec::new())), Ok(()));
}

fn with_seal(header: &mut crate::chain::header::Header, change: impl FnOnce(&mut AuthoritySeal)) {
    let mut seal = header.authority_seal().unwrap().clone();
    change(&mut seal);
    header.seal = Seal::Authorities(Box::new(seal));
}

#[test]
fn proposals_on_proposals_and_on_rivals_are_judged_in_their_place() {
    let mut node = Node::with(&sealed_setup());
    let mut ours = node.maker();
    let mut rival = ours.fork();
    let payment = pay(&mut ours, 1, 2);
    let first = made(&mut ours, vec![payment.clone()]);
    assert_eq!(node.propose(&first), Ok(()));
    let next_payment = pay(&mut ours, 2, 3);
    let second = made(&mut ours, vec![next_payment]);
    assert_eq!(node.propose(&second), Ok(()), "on a proposal");
    node.headers(&[first, second]);
    node.assert_at(&ours);
    rival.skip_views(4);
    let other = made(&mut rival, vec![payment.clone()]);
    assert_eq!(node.propose(&other), Ok(()), "on a block below the tip");
    let again = sealed(&mut rival.fork(), |_| {}, vec![payment]);
    assert!(matches!(node.propose(&again), Err(ProposalFault::Invalid(_))), "spent on this branch");
    let above = made(&mut rival, Vec::new());
    assert_eq!(node.propose(&above), Ok(()));
    node.assert_at(&ours);
    node.headers(&[other]);
    node.headers(&[above]);
    node.assert_at(&rival);
}

#[test]
fn the_proposals_of_the_lowest_views_make_room() {
    let mut node = Node::with(&sealed_setup());
    let maker = node.maker();
    let proposal = |view: u64| {
        let mut fork = maker.fork();
        fork.skip_views(view);
        made(&mut fork, Vec::new())
    };
    for view in 10..40 {
        assert_eq!(node.propose(&proposal(view)), Ok(()));
    }
    assert_eq!(node.propose(&proposal(5)), Err(ProposalFault::Unready));
    let late = proposal(39);
    let actions = node.headers(std::slice::from_ref(&late));
    assert_eq!(taken(&actions), [late.1.hash]);
}

/// A node with two blocks, and the maker of another branch on the first one.
fn at_a_fork() -> (Node, Vec<Made>, BlockMaker) {
    let mut node = Node::with(&sealed_setup());
    let mut maker = node.maker();
    let mut blocks = empty(&mut maker, 1);
    let rival = maker.fork();
    blocks.extend(empty(&mut maker, 1));
    node.blocks(&blocks);
    (node, blocks, rival)
}

#[test]
fn the_chain_never_leaves_a_final_block() {
    for (final_height, halted) in [(1, false), (2, true)] {
        let (mut node, blocks, mut rival) = at_a_fork();
        let hash = blocks[final_height - 1].1.hash;
        node.notice(ToLedger::Final { height: u32::try_from(final_height).unwrap(), hash });
        rival.skip_views(5);
        let other = made(&mut rival, Vec::new());
        let verdict = node.propose(&other);
        assert_eq!(matches!(verdict, Err(ProposalFault::Invalid(_))), halted, "{verdict:?}");
        let mut actions = node.headers(std::slice::from_ref(&other));
        if halted {
            actions.extend(node.body(&other));
            assert!(halts(&actions)[0].contains("leaves block 2"), "{actions:?}");
        } else {
            node.assert_at(&rival);
        }
    }
}

/// A node that had been away knew what is final before it had the block, and the rival's body came first.
#[test]
fn no_block_is_connected_in_the_place_of_a_final_one_that_is_not_here_yet() {
    let mut node = Node::with(&sealed_setup());
    let mut maker = node.maker();
    let first = empty(&mut maker, 1);
    node.blocks(&first);
    let at_first = maker.fork();
    let mut rival = maker.fork();
    rival.skip_views(5);
    let (lower, last) = (empty(&mut maker, 2), empty(&mut rival, 1));
    node.headers(&lower);
    node.headers(&last);
    node.notice(ToLedger::Final { height: 2, hash: last[0].1.hash });
    for block in &lower {
        let actions = node.body(block);
        assert!(halts(&actions).is_empty(), "{actions:?}");
    }
    // Whatever waits is committed by then.
    node.now.mono.0 += 60_000_000;
    node.event(Event::Wake);
    node.assert_at(&at_first);
    node.body(&last[0]);
    node.assert_at(&rival);
}

/// It was told to leave the final block on which it builds, and its view was skipped.
#[test]
fn a_proposal_on_a_final_block_is_judged_before_the_chain_has_come_to_that_block() {
    let (mut node, _, mut rival) = at_a_fork();
    let mut third = rival.fork();
    rival.skip_views(5);
    third.skip_views(9);
    let (others, third) = (empty(&mut rival, 3), empty(&mut third, 2));
    let propose = |node: &mut Node, all: &[Made]| all.iter().map(|one| node.propose(one)).collect::<Vec<_>>();
    assert_eq!(propose(&mut node, &others[..1]), [Ok(())]);
    node.notice(ToLedger::Final { height: 2, hash: others[0].1.hash });
    assert_eq!(propose(&mut node, &others[1..2]), [Ok(())]);
    node.notice(ToLedger::Final { height: 4, hash: others[2].1.hash });
    assert_eq!(node.propose(&third[0]), Err(ProposalFault::Unready), "it may be below the final block");
}

/// If too many authorities lie, a block of another branch may become final too.
#[test]
fn what_was_final_first_stays() {
    let (mut node, blocks, mut rival) = at_a_fork();
    rival.skip_views(5);
    let others = empty(&mut rival, 2);
    node.notice(ToLedger::Final { height: 2, hash: blocks[1].1.hash });
    node.notice(ToLedger::Final { height: 3, hash: others[1].1.hash });
    let mut actions = node.headers(&others);
    others.iter().for_each(|block| actions.extend(node.body(block)));
    assert!(halts(&actions)[0].contains("leaves block 2"), "{actions:?}");
}

/// Those who seal no longer may have sold their keys: their views may be as high as they like.
#[test]
fn the_chain_of_a_later_set_is_followed_whatever_an_earlier_one_held_final() {
    let spec = Arc::new(testkit::sealed_spec_with(4, &[(3, &[5])]));
    let mut node = Node::with(&setup(&spec));
    let mut lies = node.maker();
    let mut honest = lies.fork();
    lies.skip_views(1 << 60);
    let blocks = empty(&mut lies, 2);
    node.blocks(&blocks);
    node.notice(ToLedger::Final { height: 2, hash: blocks[1].1.hash });
    let others = empty(&mut honest, 4);
    node.headers(&others);
    let mut actions = Vec::new();
    others.iter().for_each(|block| actions.extend(node.body(block)));
    assert!(halts(&actions).is_empty(), "{actions:?}");
    node.assert_at(&honest);
    let actions = node.notice(ToLedger::WantPlace { block: blocks[1].1.hash });
    let place = |action: &Action| match action {
        Action::Tell(Notice::Sealer(ToSealer::PlaceFound { height, is_applied, .. })) => Some((*height, *is_applied)),
        _ => None,
    };
    assert_eq!(actions.iter().find_map(place), Some((2, false)));
}

#[test]
fn a_certified_block_that_is_invalid_stops_the_node() {
    let mut node = Node::with(&sealed_setup());
    let mut maker = node.maker();
    let before = maker.clone();
    let bad = sealed(&mut maker, |header| header.state_digest = Hash([1; 32]), Vec::new());
    assert!(node.propose(&bad).is_err());
    node.headers(std::slice::from_ref(&bad));
    let actions = node.body(&bad);
    let text = &halts(&actions)[0];
    assert!(text.contains(&bad.1.hash.to_string()) && text.contains("is invalid: the state digest"), "{text}");
    node.assert_at(&before);
}

#[test]
fn a_template_is_made_on_the_named_parent_only() {
    let mut node = Node::with(&sealed_setup());
    let mut maker = node.maker();
    node.blocks(&empty(&mut maker, 2));
    let template = |node: &mut Node, parent| {
        let actions = node.notice(ToLedger::WantProposal { parent, address: key(1).address() });
        let answer = |action: &Action| match action {
            Action::Tell(Notice::Sealer(ToSealer::Template(template))) => Some(template.clone()),
            _ => None,
        };
        actions.iter().find_map(answer).expect("an answer")
    };
    let genesis = node.spec.genesis_hash();
    assert_eq!(template(&mut node, genesis), None);
    let made = template(&mut node, maker.hash()).unwrap();
    let facts = maker.parent_facts();
    let draft = node.spec.seal_rules().draft(&node.spec, &facts);
    assert_eq!((made.header.seal.clone(), made.min_time, made.header.previous), (draft, facts.time, maker.hash()));
}

/// What a block on a branch contains that makes it invalid there, perhaps.
#[derive(Clone, Copy, Debug)]
enum Spoil {
    Nothing,
    Digest,
    /// A payment of the branch once more.
    Again,
    /// A payment of the other branch.
    Foreign,
    Reward,
}

fn blocks(maker: &mut BlockMaker, payments: &[Vec<(u32, u32)>]) -> (Vec<Made>, Vec<Transaction>) {
    let mut all = Vec::new();
    let block = |one: &Vec<(u32, u32)>| {
        let paid: Vec<Transaction> = one.iter().map(|(from, to)| pay(maker, *from, *to)).collect();
        all.extend(paid.iter().cloned());
        made(maker, paid)
    };
    (payments.iter().map(block).collect(), all)
}

fn branch() -> impl Strategy<Value = Vec<Vec<(u32, u32)>>> {
    let payments = proptest::collection::vec((0..4u32, 0..4u32), 0..4);
    proptest::collection::vec(payments, 0..4)
}

fn spoil() -> impl Strategy<Value = Spoil> {
    proptest::sample::select(vec![Spoil::Nothing, Spoil::Digest, Spoil::Again, Spoil::Foreign, Spoil::Reward])
}

fn spoiled(maker: &mut BlockMaker, own: &[Transaction], foreign: &[Transaction], spoil: Spoil) -> Made {
    let transactions = match spoil {
        Spoil::Again => own.last().cloned().into_iter().collect(),
        Spoil::Foreign => foreign.first().cloned().into_iter().collect(),
        _ => vec![pay(maker, 0, 1)],
    };
    let (mut header, mut transactions) = maker.assemble(transactions, key(9).address(), maker.next_time());
    match spoil {
        Spoil::Digest => header.state_digest.0[5] ^= 1,
        Spoil::Reward => {
            let mut coinbase = transactions[0].transaction.clone();
            coinbase.outputs.as_mut_slice()[0].amount += 1;
            transactions[0] = HashedTransaction::new(coinbase);
        }
        _ => {}
    }
    let block = testkit::seal(header, transactions);
    maker.connect(&block);
    (maker.header_row(), Arc::new(block))
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 48, ..ProptestConfig::default() })]

    /// The view of a branch's coins against a node that is on that branch.
    #[test]
    fn a_branch_is_seen_as_it_is_after_really_switching_to_it(
        common in branch(),
        ours in branch(),
        theirs in branch(),
        spoil in spoil(),
    ) {
        let (mut here, mut there) = (Node::with(&sealed_setup()), Node::with(&sealed_setup()));
        let mut maker = here.maker();
        let (shared, _) = blocks(&mut maker, &common);
        let mut rival = maker.fork();
        let (own, foreign) = blocks(&mut maker, &ours);
        rival.skip_views(10);
        let (branch, paid) = blocks(&mut rival, &theirs);
        here.blocks(&shared);
        here.blocks(&own);
        there.blocks(&shared);
        there.blocks(&branch);
        for block in &branch {
            prop_assert_eq!(here.propose(block), Ok(()));
        }
        let last = spoiled(&mut rival, &paid, &foreign, spoil);
        let verdict = here.propose(&last);
        prop_assert_eq!(&verdict, &there.propose(&last));
        here.assert_at(&maker);
        if verdict.is_ok() {
            let all: Vec<Made> = branch.into_iter().chain([last]).collect();
            here.headers(&all);
            here.assert_at(&rival);
        }
    }
}
