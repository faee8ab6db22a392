//! Bodies that are here before their headers.

use super::*;

/// The words of the verifier and of `headers` on a block, in the order in which a body that came early is heard of.
fn early(node: &mut Node, body: ToLedger, block: &Made) -> [Vec<Action>; 2] {
    let first = node.notice(body);
    [first, node.headers(std::slice::from_ref(block))]
}

fn valid((_, block): &Made) -> ToLedger {
    ToLedger::BlockChecked { origin: Origin::Rebuilt(PEER), block: Arc::new(CheckedBlock::new(block)) }
}

#[test]
fn nothing_is_stored_or_passed_on_of_a_block_before_its_header_is() {
    let mut node = Node::new();
    let mut maker = node.maker();
    node.synced();
    for block in empty(&mut maker, 3) {
        let before = node.store.committed();
        let actions = node.notice(valid(&block));
        assert_eq!(actions, []);
        assert_eq!(node.store.committed(), before);
        let actions = node.headers(std::slice::from_ref(&block));
        assert_eq!((sound(&actions), taken(&actions)), (vec![block.0.hash], vec![block.0.hash]));
    }
    node.assert_at(&maker);
}

#[test]
fn bodies_in_any_order_find_their_headers() {
    let mut node = Node::new();
    let mut maker = node.maker();
    node.synced();
    let blocks = empty(&mut maker, 3);
    for at in [2, 0, 1] {
        assert_eq!(node.notice(valid(&blocks[at])), []);
    }
    let actions = node.headers(&blocks);
    assert_eq!(taken(&actions).len(), 3);
    node.assert_at(&maker);
    assert_eq!(node.ledger.chains.early.deadline(), None);
}

#[test]
fn a_body_that_comes_twice_before_its_header_is_taken_once() {
    let mut node = Node::new();
    let mut maker = node.maker();
    node.synced();
    let block = made(&mut maker, vec![]);
    node.notice(valid(&block));
    let [first, then] = early(&mut node, valid(&block), &block);
    assert_eq!((first, sound(&then)), (vec![], vec![block.0.hash]));
    node.assert_at(&maker);
}

#[test]
fn a_block_whose_body_was_found_invalid_before_its_header_came_is_invalid() {
    let mut node = Node::new();
    let good = made(&mut node.maker(), vec![]);
    let fault = Box::new(BlockFault::NoCoinbase);
    let body = ToLedger::BodyInvalid { hash: good.0.hash, origin: Origin::Rebuilt(PEER), fault: fault.clone() };
    let [first, then] = early(&mut node, body, &good);
    assert_eq!((first, invalid(&then)), (vec![], vec![(vec![good.0.hash], *fault)]));
}
