//! The last block of a set, notarised again in a later view than its own.

use super::*;
use crate::chain::{target::Work, testkit};

/// A node at the later of two blocks of height 2, whose bodies it has; both blocks with their makers.
fn at_the_later() -> (Node, [(Made, BlockMaker); 2]) {
    let spec = testkit::sealed_spec_with(4, &[(3, &[9])]);
    let mut node = Node::with(&setup(&Arc::new(spec)));
    let mut maker = node.maker();
    node.blocks(&empty(&mut maker, 1));
    let mut rival = maker.fork();
    rival.skip_views(1);
    let (first, second) = (empty(&mut maker, 1).remove(0), made(&mut rival, Vec::new()));
    node.blocks(&[first.clone(), second.clone()]);
    node.assert_at(&rival);
    (node, [(first, maker), (second, rival)])
}

/// What `headers` tells of a block that leads by this.
fn again(node: &mut Node, (row, _): &Made, view: u64) -> Vec<Action> {
    let mut actions = node.notice(ToLedger::NotarisedAgain { hash: row.hash, work: Work::of_view(view) });
    actions.extend(node.notice(ToLedger::BestChain { height: row.header.height, work: row.work }));
    actions
}

#[test]
fn the_chain_goes_to_the_block_that_was_notarised_in_the_latest_view() {
    let (mut node, [(first, maker), (second, rival)]) = at_the_later();
    again(&mut node, &first, 2);
    node.assert_at(&rival);
    let actions = again(&mut node, &first, 4);
    assert_eq!(moves(&actions).last().unwrap().removed, [second.1.hash]);
    node.assert_at(&maker);
    node.blocks(std::slice::from_ref(&second));
    node.assert_at(&maker);
    again(&mut node, &second, 5);
    node.assert_at(&rival);
    again(&mut node, &first, 4);
    node.assert_at(&rival);
    // The next set's block follows either.
    let mut next = maker.fork();
    node.blocks(&[made(&mut next, Vec::new())]);
    node.assert_at(&next);
}

#[test]
fn a_block_may_be_told_to_count_before_its_body_is_here() {
    let spec = testkit::sealed_spec_with(4, &[(3, &[9])]);
    let mut node = Node::with(&setup(&Arc::new(spec)));
    let mut maker = node.maker();
    node.blocks(&empty(&mut maker, 1));
    let mut rival = maker.fork();
    rival.skip_views(1);
    let (first, second) = (empty(&mut maker, 1).remove(0), made(&mut rival, Vec::new()));
    node.blocks(std::slice::from_ref(&second));
    again(&mut node, &first, 4);
    node.headers(std::slice::from_ref(&first));
    again(&mut node, &first, 4);
    node.assert_at(&rival);
    node.body(&first);
    node.assert_at(&maker);
    let actions = node.restart();
    assert!(faults(&actions).is_empty());
    node.assert_at(&maker);
}
