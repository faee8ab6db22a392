//! Blocks set aside and taken back, and returns to an earlier state.

use super::*;
use crate::{
    chain::archive::LedgerStore as _,
    node::{
        command::{LedgerCommand, Reorganise, Reply, TestCommand},
        report::Report,
    },
};

/// Gives the command; the reply and all else that the role does.
fn command(node: &mut Node, command: TestCommand) -> (Reply, Vec<Action>) {
    let mut actions = node.event(Event::Command(Ticket(3), LedgerCommand::Test(command).into()));
    let at = actions.iter().position(|action| matches!(action, Action::Reply(..))).expect("each command has a reply");
    match actions.remove(at) {
        Action::Reply(Ticket(3), reply) => (reply, actions),
        other => panic!("{other:?}"),
    }
}

fn snapshot(node: &mut Node) -> TestCommand {
    match command(node, TestCommand::Snapshot).0 {
        Reply::TestSnapshot(tip, mempool) => TestCommand::Revert { tip: tip.hash, mempool, alone: true, left: vec![] },
        other => panic!("{other:?}"),
    }
}

/// A synced node at a height, with a maker of the same chain.
fn synced_at(height: usize) -> (Node, BlockMaker) {
    let mut node = Node::new();
    let mut maker = node.maker();
    let blocks = empty(&mut maker, height);
    node.blocks(&blocks);
    node.synced();
    (node, maker)
}

fn pay(maker: &mut BlockMaker, from: u32) -> Transaction {
    maker.transfer(&key(from), key(8).address(), 5, 1)
}

/// The order of what `headers` hears of these commands: a moved chain, invalid blocks, valid ones.
fn told(actions: &[Action]) -> Vec<&'static str> {
    let word = |action: &Action| match action {
        Action::Tell(Notice::Headers(ToHeaders::ChainMoved(_))) => Some("moved"),
        Action::Tell(Notice::Headers(ToHeaders::BlocksInvalid { .. })) => Some("invalid"),
        Action::Tell(Notice::Headers(ToHeaders::BlocksValidAgain(_))) => Some("valid"),
        _ => None,
    };
    actions.iter().filter_map(word).collect()
}

/// The answer to a return: so many blocks are undone, and these begin what does not count any more.
fn reverted(undone: u32, aside: &[&Made]) -> Reply {
    Reply::Reverted { undone, aside: aside.iter().map(|one| one.0.hash).collect() }
}

#[test]
fn a_revert_brings_chain_coins_and_mempool_back_and_survives_a_kill() {
    let (mut node, mut maker) = synced_at(2);
    let waiting = pay(&mut maker, 0);
    node.submit(&waiting).unwrap();
    let back = snapshot(&mut node);
    let before = maker.fork();
    let after = pay(&mut maker, 1);
    let blocks = [made(&mut maker, vec![waiting.clone(), after]), made(&mut maker, vec![])];
    node.blocks(&blocks);
    let lost = pay(&mut maker, 2);
    node.submit(&lost).unwrap();
    let (reply, actions) = command(&mut node, back.clone());
    assert_eq!(reply, reverted(2, &[&blocks[0]]));
    assert_eq!(told(&actions), ["moved", "invalid"], "headers must not think of an invalid tip");
    assert_eq!(moves(&actions)[0].removed, [blocks[1].0.hash, blocks[0].0.hash]);
    assert_eq!(node.pool(), [waiting.txid()]);
    node.assert_at(&before);
    // As after a kill, and nothing has to be done again.
    node.store.crash();
    node.restart();
    node.synced();
    assert_eq!(node.pool(), [waiting.txid()], "what users submitted since does not come back");
    node.assert_at(&before);
    let (reply, actions) = command(&mut node, back);
    assert_eq!((reply, moves(&actions).len()), (reverted(0, &[]), 0));
    // Other blocks follow, and the same payment is taken again.
    let mut other = before.fork();
    let next = made(&mut other, vec![waiting]);
    node.blocks(&[next]);
    node.submit(&lost).unwrap();
    node.assert_at(&other);
    assert_eq!(node.store.coins_sum(), Ok(other.sum().clone()));
}

#[test]
fn a_revert_finds_its_way_to_a_branch_that_was_left_or_set_aside() {
    let (mut node, mut ours) = synced_at(2);
    let fork = ours.fork();
    let first = made(&mut ours, vec![]);
    node.blocks(std::slice::from_ref(&first));
    let (back, at) = (snapshot(&mut node), ours.fork());
    let mut theirs = fork.fork();
    let branch = [sealed(&mut theirs, |header| header.time += 1, vec![]), made(&mut theirs, vec![])];
    node.blocks(&branch);
    node.assert_at(&theirs);
    assert_eq!(command(&mut node, back.clone()).0, reverted(2, &[&branch[0]]), "the snapshot's block was left before");
    node.assert_at(&at);
    assert_eq!(node.store.committed().headers[&branch[0].0.hash].status, BlockStatus::Invalid);
    let block = first.0.hash;
    let (reply, actions) = command(&mut node, TestCommand::SetAside { block });
    assert_eq!((reply, told(&actions)), (Reply::Done, vec!["moved", "invalid"]));
    node.assert_at(&fork);
    let (reply, actions) = command(&mut node, back);
    assert_eq!((reply, told(&actions)), (reverted(0, &[]), vec!["valid", "moved"]));
    node.assert_at(&at);
}

#[test]
fn a_block_that_is_set_aside_gives_its_payments_back_and_the_next_best_branch_counts() {
    let (mut node, mut ours) = synced_at(2);
    let mut theirs = ours.fork();
    let payment = pay(&mut ours, 0);
    let own = [made(&mut ours, vec![payment.clone()]), made(&mut ours, vec![])];
    let rival = sealed(&mut theirs, |header| header.time += 1, vec![]);
    node.blocks(&own);
    node.blocks(std::slice::from_ref(&rival));
    node.assert_at(&ours);
    let block = own[0].0.hash;
    assert_eq!(command(&mut node, TestCommand::SetAside { block }).0, Reply::Done);
    node.assert_at(&theirs);
    assert_eq!(node.pool(), [payment.txid()]);
    let (reply, actions) = command(&mut node, TestCommand::TakeBack { block: own[1].0.hash });
    assert_eq!((reply, told(&actions)[0]), (Reply::Done, "valid"));
    node.assert_at(&ours);
    assert_eq!(node.pool(), []);
}

/// Orders other blocks, and lets the role make them; the reply and all else that it does.
fn reorganise(node: &mut Node, blocks: u32, give_back: bool) -> (Reply, Vec<Action>) {
    let order = TestCommand::Reorganise(Reorganise { blocks, address: None, give_back });
    let mut actions = node.event_alone(Event::Command(Ticket(4), LedgerCommand::Test(order).into()));
    for _ in 0..10_000 {
        if let Some(at) = actions.iter().position(|action| matches!(action, Action::Reply(Ticket(4), _))) {
            let Action::Reply(_, reply) = actions.remove(at) else { unreachable!() };
            return (reply, actions);
        }
        assert!(moves(&actions).is_empty() && told(&actions).is_empty(), "nobody hears of what is not there yet");
        actions.extend(node.event_alone(Event::Wake));
    }
    panic!("no reply");
}

#[test]
fn blocks_give_way_in_one_step_with_what_waits() {
    for give_back in [true, false] {
        let (mut node, mut maker) = synced_at(2);
        let [payment, child] = [pay(&mut maker, 0), pay(&mut maker, 1)];
        node.submit(&payment).unwrap();
        let blocks = [made(&mut maker, vec![payment.clone()]), made(&mut maker, vec![])];
        node.blocks(&blocks);
        node.submit(&child).unwrap();
        let (reply, actions) = reorganise(&mut node, 2, give_back);
        let Reply::Reorganised(done) = reply else { panic!("{reply:?}") };
        assert_eq!((&done.removed, done.added.len()), (&vec![blocks[1].0.hash, blocks[0].0.hash], 3));
        assert_eq!(told(&actions), ["valid", "moved"], "headers know of the blocks before the chain moves");
        let moved = &moves(&actions)[0];
        assert_eq!((&moved.removed, moved.tip.height), (&done.removed, 5));
        assert_eq!(moved.added.iter().map(|(hash, _)| *hash).collect::<Vec<_>>(), done.added);
        assert!(moved.news.is_some(), "peers hear of the last one");
        let mut waits = vec![child.txid()];
        waits.extend(give_back.then(|| payment.txid()));
        waits.sort_unstable();
        let sorted = |node: &Node| {
            let mut pool = node.pool();
            pool.sort_unstable();
            pool
        };
        assert_eq!(sorted(&node), waits);
        node.store.crash();
        node.restart();
        node.synced();
        assert_eq!((node.store.committed().tip.hash, sorted(&node)), (done.added[2], waits), "also after a kill");
        let data = node.store.committed();
        assert_eq!(data.headers[&blocks[1].0.hash].status, BlockStatus::Stored, "a branch with less work");
    }
}

#[test]
fn what_is_not_done_leaves_nothing() {
    let (mut node, mut maker) = synced_at(4);
    let begin = |node: &mut Node| {
        let order = TestCommand::Reorganise(Reorganise { blocks: 3, address: None, give_back: true });
        node.event_alone(Event::Command(Ticket(4), LedgerCommand::Test(order).into()));
        node.event_alone(Event::Wake);
    };
    begin(&mut node);
    assert!(matches!(reorganise(&mut node, 1, true).0, Reply::Refused(why) if why.contains("under way")));
    node.assert_at(&maker);
    assert_eq!(node.store.working().headers.len(), 5, "nothing is stored");
    node.store.crash();
    node.restart();
    node.synced();
    node.assert_at(&maker);
    begin(&mut node);
    let refused = node.blocks(&empty(&mut maker, 1));
    assert!(
        refused
            .iter()
            .any(|action| matches!(action, Action::Reply(Ticket(4), Reply::Refused(why)) if why.contains("moved"))),
        "{refused:?}"
    );
    begin(&mut node);
    let stopped = node.event_alone(Event::Stop);
    assert!(stopped.iter().any(|action| matches!(action, Action::Reply(Ticket(4), Reply::Refused(_)))), "{stopped:?}");
    node.restart();
    node.assert_at(&maker);
    assert!(matches!(reorganise(&mut node, 6, true).0, Reply::Refused(why) if why.contains("5 blocks")));
}

#[test]
fn what_cannot_be_done_is_refused_and_changes_nothing() {
    let (mut node, maker) = synced_at(3);
    let genesis = node.spec.genesis_hash();
    let refused = |node: &mut Node, wanted: TestCommand| match command(node, wanted).0 {
        Reply::Refused(why) | Reply::NotFound(why) => why,
        other => panic!("{other:?}"),
    };
    assert!(refused(&mut node, TestCommand::SetAside { block: genesis }).contains("first block"));
    for wanted in [
        TestCommand::SetAside { block: Hash([7; 32]) },
        TestCommand::TakeBack { block: Hash([7; 32]) },
        TestCommand::Revert { tip: Hash([7; 32]), mempool: vec![], alone: true, left: vec![] },
    ] {
        assert_eq!(refused(&mut node, wanted), format!("block {}", Hash([7; 32])));
    }
    node.assert_at(&maker);
    let back = TestCommand::Revert { tip: genesis, mempool: vec![], alone: true, left: vec![] };
    assert!(matches!(command(&mut node, back).0, Reply::Reverted { .. }));
    node.assert_at(&node.maker());
}

/// What a revert has left stays left when other blocks give way.
#[test]
fn what_a_revert_has_left_does_not_come_back_with_a_reorganisation() {
    let (mut node, mut maker) = synced_at(3);
    let back = snapshot(&mut node);
    let blocks = empty(&mut maker, 3);
    node.blocks(&blocks);
    assert_eq!(command(&mut node, back).0, reverted(3, &[&blocks[0]]));
    let (reply, _) = reorganise(&mut node, 2, true);
    let Reply::Reorganised(done) = reply else { panic!("{reply:?}") };
    let data = node.store.committed();
    assert_eq!((data.tip.hash, data.tip.height), (done.added[2], 4));
    assert!(blocks.iter().all(|block| data.headers[&block.0.hash].status == BlockStatus::Invalid));
}

/// Two nodes that are brought back one after the other: the first may have made a block in between.
#[test]
fn a_node_with_peers_follows_a_better_branch_of_theirs_after_a_revert() {
    let (mut node, mut ours) = synced_at(2);
    let TestCommand::Revert { tip, mempool, .. } = snapshot(&mut node) else { unreachable!() };
    let (start, mut theirs) = (ours.fork(), ours.fork());
    let blocks = empty(&mut ours, 3);
    node.blocks(&blocks);
    let branch = [sealed(&mut theirs, |header| header.time += 1, vec![])];
    node.blocks(&branch);
    node.assert_at(&ours);
    for (alone, end) in [(false, &theirs), (true, &start)] {
        let revert = TestCommand::Revert { tip, mempool: mempool.clone(), alone, left: vec![] };
        assert!(matches!(command(&mut node, revert).0, Reply::Reverted { .. }));
        node.assert_at(end);
        assert_eq!(node.store.committed().headers[&blocks[0].0.hash].status, BlockStatus::Invalid);
    }
}

/// After a start the ledger does not remember what it has left, and took its own old branch for a peer's.
#[test]
fn a_branch_that_was_left_before_the_start_is_not_followed_after_a_revert() {
    let (mut node, mut ours) = synced_at(2);
    let TestCommand::Revert { tip, mempool, .. } = snapshot(&mut node) else { unreachable!() };
    let (start, mut before) = (ours.fork(), ours.fork());
    node.blocks(&empty(&mut ours, 3));
    let branch = [sealed(&mut before, |header| header.time += 1, vec![])];
    node.blocks(&branch);
    let left = vec![branch[0].0.hash];
    let revert = TestCommand::Revert { tip, mempool, alone: false, left };
    assert!(matches!(command(&mut node, revert).0, Reply::Reverted { undone: 3, .. }));
    node.assert_at(&start);
}

/// Who replaces blocks on purpose needs no warning of it, which would stand until the node ends.
#[test]
fn only_a_deep_reorganisation_that_nobody_ordered_is_a_warning() {
    let (mut node, mut ours) = synced_at(2);
    let mut theirs = ours.fork();
    let warns = |actions: &[Action]| {
        actions
            .iter()
            .any(|action| matches!(action, Action::Report(Report::Warning { key: "deep-reorganisation", .. })))
    };
    let back = snapshot(&mut node);
    let blocks = empty(&mut ours, 8);
    node.blocks(&blocks);
    let (reply, actions) = command(&mut node, back);
    assert_eq!((reply, warns(&actions)), (reverted(8, &[&blocks[0]]), false));
    let block = blocks[0].0.hash;
    let (_, actions) = command(&mut node, TestCommand::TakeBack { block });
    assert!(!warns(&actions));
    let (reply, actions) = command(&mut node, TestCommand::SetAside { block });
    assert_eq!((reply, warns(&actions)), (Reply::Done, false));
    command(&mut node, TestCommand::TakeBack { block });
    node.assert_at(&ours);
    let first = sealed(&mut theirs, |header| header.time += 1, vec![]);
    let mut branch = vec![first];
    branch.extend(empty(&mut theirs, 8));
    assert!(warns(&node.blocks(&branch)));
}
