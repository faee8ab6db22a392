//! A ledger without coins, and headers that are under way before it forgets those below them.

use super::*;
use crate::{
    chain::snapshot::{BUCKETS, Manifest},
    node::{Join, testing::logged},
};

fn joining() -> Node {
    Node::with(&Setup { join: Some(Join::default()), ..local() })
}

fn rows(blocks: &[Made]) -> ToLedger {
    ToLedger::StoreHeaders(blocks.iter().map(|(row, _)| row.clone()).collect())
}

fn joined(actions: &[Action]) -> usize {
    actions.iter().filter(|action| matches!(action, Action::Tell(Notice::Headers(ToHeaders::Joined)))).count()
}

fn is_to_rest(actions: &[Action]) -> bool {
    actions.iter().any(|action| matches!(action, Action::Tell(Notice::Headers(ToHeaders::Rest))))
}

fn has(node: &Node, block: &Made) -> bool {
    node.store.working().headers.contains_key(&block.0.hash)
}

/// Found by seeds 9100001454 and 9100003442: a header came upon ones that were being forgotten, and a role took that for damage.
#[test]
fn no_header_is_forgotten_while_a_role_stands_on_it() {
    let mut node = joining();
    let mut maker = node.maker();
    let blocks = empty(&mut maker, 6);
    node.notice(rows(&blocks[..3]));
    let actions = node.notice(ToLedger::AbandonJoin);
    assert!(is_to_rest(&actions) && joined(&actions) == 0);
    node.notice(rows(&blocks[3..4]));
    assert!(has(&node, &blocks[3]), "it was under way");
    let (actions, lines) = logged(|| node.notice(ToLedger::HeadersRest));
    assert_eq!(joined(&actions), 1);
    let told = "no block is deep enough for a snapshot: all blocks are verified, some seconds for each 10,000 small ones best=4";
    assert!(lines.iter().any(|line| line.ends_with(told)), "{lines:?}");
    assert!(!has(&node, &blocks[3]));
    node.blocks(&blocks);
    node.synced();
    node.assert_at(&maker);
}

#[test]
fn a_snapshot_is_taken_while_nobody_stands_on_headers_above_it() {
    let mut node = joining();
    let blocks = empty(&mut node.maker(), 6);
    node.notice(rows(&blocks[..3]));
    let lengths = std::array::from_fn::<_, BUCKETS, _>(|_| Vec::new());
    let manifest = Manifest::new(2, blocks[1].0.hash, [Hash::ZERO; BUCKETS], &lengths).expect("few pieces");
    for block in [3, 4] {
        // Each is refused.
        assert!(is_to_rest(&node.notice(ToLedger::AdoptSnapshot(manifest.clone()))));
        assert_eq!(joined(&node.notice(rows(&blocks[block..=block]))), 0);
        let mut actions = node.notice(ToLedger::HeadersRest);
        node.now.mono = node.now.mono + Duration::from_secs(1);
        actions.extend(node.event(Event::Wake));
        assert_eq!(joined(&actions), 1);
    }
    node.notice(rows(&blocks[5..]));
    assert!(blocks.iter().all(|block| has(&node, block)));
}
