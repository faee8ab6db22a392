//! A ledger without coins, and headers that are under way while it forgets those below them.

use super::*;
use crate::{
    chain::snapshot::{BUCKETS, Manifest},
    node::Join,
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

/// Found by seed 9100001454: the next header came before `headers` had heard which ones were forgotten, and the ledger stopped.
#[test]
fn a_header_upon_forgotten_ones_that_was_under_way_at_the_end_of_a_join_does_not_stop_the_ledger() {
    let mut node = joining();
    let mut maker = node.maker();
    let blocks = empty(&mut maker, 6);
    node.notice(rows(&blocks[..3]));
    assert_eq!(joined(&node.notice(ToLedger::AbandonJoin)), 1);
    node.notice(rows(&blocks[3..4]));
    node.notice(ToLedger::HeadersReloaded);
    node.blocks(&blocks);
    node.synced();
    node.assert_at(&maker);
}

#[test]
fn a_header_upon_one_that_came_during_a_refused_adoption_does_not_stop_the_ledger() {
    let mut node = joining();
    let blocks = empty(&mut node.maker(), 6);
    node.notice(rows(&blocks[..3]));
    let lengths = std::array::from_fn::<_, BUCKETS, _>(|_| Vec::new());
    let manifest = Manifest::new(2, blocks[1].0.hash, [Hash::ZERO; BUCKETS], &lengths).expect("few pieces");
    let mut refused = 0;
    // The second is refused before `headers` has heard of the first.
    for block in [3, 4] {
        let mut actions = node.notice(ToLedger::AdoptSnapshot(manifest.clone()));
        actions.extend(node.notice(rows(&blocks[block..=block])));
        node.now.mono = node.now.mono + Duration::from_secs(1);
        actions.extend(node.event(Event::Wake));
        refused += joined(&actions);
    }
    assert_eq!(refused, 2);
    node.notice(rows(&blocks[4..5]));
    node.notice(ToLedger::HeadersReloaded);
    node.notice(rows(&blocks[5..]));
    assert!(!node.store.working().headers.contains_key(&blocks[3].0.hash), "it begins again once more");
    node.notice(ToLedger::HeadersReloaded);
    node.notice(rows(&blocks[3..]));
    assert!(node.store.working().headers.contains_key(&blocks[5].0.hash));
}
