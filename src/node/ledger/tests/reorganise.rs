//! Reorganisations: all or nothing, at any depth, in any order of arrival.

use super::*;
use crate::{
    base::{limits, rng::Rng},
    chain::{
        archive::{BlockStatus, LedgerStore},
        testkit::{self, coinbase},
    },
    node::{
        notice::{ToLedger, ToMiner},
        report::{Counter, Report},
    },
};

/// Brings a node and a maker to the same chain of `height` empty blocks.
fn at_height(node: &mut Node, height: usize) -> BlockMaker {
    let mut maker = node.maker();
    let blocks = empty(&mut maker, height);
    node.blocks(&blocks);
    maker
}

#[test]
fn the_branch_with_more_work_wins_and_the_first_seen_among_equals() {
    let mut node = Node::new();
    let mut ours = at_height(&mut node, 2);
    let mut theirs = ours.fork();
    let own = [made(&mut ours, vec![]), made(&mut ours, vec![])];
    let payment = theirs.transfer(&key(0), key(1).address(), 5, 1);
    let branch = [made(&mut theirs, vec![payment]), made(&mut theirs, vec![]), made(&mut theirs, vec![])];
    node.blocks(&own);
    node.synced();
    let actions = node.blocks(&branch[..2]);
    assert_eq!(moves(&actions), [], "equal work: the first seen stays");
    assert_eq!(taken(&actions), hashes(&branch[..2]), "stored");
    node.assert_at(&ours);
    let actions = node.blocks(&branch[2..]);
    let moved = moves(&actions);
    assert_eq!(moved.len(), 1);
    assert_eq!(moved[0].removed, [own[1].0.hash, own[0].0.hash]);
    assert_eq!(moved[0].added, [(branch[0].0.hash, 3), (branch[1].0.hash, 4), (branch[2].0.hash, 5)]);
    assert_eq!(moved[0].news.as_ref().map(|(_, bytes)| bytes), Some(&branch[2].1.bytes));
    assert!(actions.contains(&Action::Report(Report::Reorganised { depth: 2, old_tip: own[1].0.hash })));
    assert!(actions.contains(&Action::Count(Counter::Reorganisations, 1)));
    node.assert_at(&theirs);
}

#[test]
fn a_branch_that_fails_half_way_changes_nothing() {
    let mut node = Node::new();
    let mut ours = at_height(&mut node, 3);
    let mut theirs = ours.fork();
    let pays = |maker: &mut BlockMaker, n| maker.transfer(&key(n), key(8).address(), 77, 3);
    let own: Vec<Made> = (0..3)
        .map(|n| {
            let t = pays(&mut ours, n);
            made(&mut ours, vec![t])
        })
        .collect();
    node.blocks(&own);
    let waiting = pay_all(&ours, &key(5), 9);
    node.admit(&waiting).unwrap();
    let mut branch: Vec<Made> = (3..5)
        .map(|n| {
            let t = pays(&mut theirs, n);
            made(&mut theirs, vec![t])
        })
        .collect();
    branch.push(sealed(&mut theirs, |header| header.state_digest = Hash([9; 32]), vec![]));
    branch.extend(empty(&mut theirs, 1));
    node.headers(&branch);
    branch[..3].iter().for_each(|block| assert_eq!(moves(&node.body(block)), []));
    let before = node.store.committed();
    let other = LinkId(99);
    let actions = node.event(checked_from(&branch[3], other));
    let fault = invalid(&actions);
    assert_eq!(fault.len(), 1);
    assert_eq!(fault[0].0, hashes(&branch[2..]), "the culprit and its descendants");
    assert!(matches!(fault[0].1, BlockFault::StateDigest { .. }));
    assert_eq!(moves(&actions), []);
    let blamed: Vec<LinkId> = faults(&actions).iter().map(|(link, _)| *link).collect();
    assert_eq!(blamed, [PEER], "the deliverer of the culprit, not the last sender");
    let after = node.store.committed();
    assert_eq!((&before.tip, &before.coins, &before.applied), (&after.tip, &after.coins, &after.applied));
    assert_eq!(before.undo, after.undo);
    assert_eq!(after.headers[&branch[1].0.hash].status, BlockStatus::Stored);
    assert_eq!(node.pool(), [waiting.txid()]);
    node.assert_at(&ours);
    let next = made(&mut ours, vec![]);
    node.blocks(&[next]);
    node.assert_at(&ours);
}

#[test]
fn a_rival_whose_digest_is_not_that_of_its_applied_sibling_is_invalid_at_once() {
    let mut node = Node::new();
    let mut ours = at_height(&mut node, 3);
    let theirs = ours.fork();
    node.blocks(&empty(&mut ours, 2));
    let rival = sealed(&mut theirs.fork(), |header| header.state_digest = Hash([9; 32]), vec![]);
    let actions = node.blocks(std::slice::from_ref(&rival));
    assert_eq!(invalid(&actions)[0].0, [rival.0.hash]);
    assert!(matches!(faults(&actions)[..], [(PEER, PeerFault::Block(BlockFault::StateDigest { .. }))]));
    node.assert_at(&ours);
}

#[test]
fn each_invalid_body_of_a_side_branch_costs_its_deliverer() {
    let faulty = |maker: &mut BlockMaker, kind: usize| match kind {
        0 => sealed(maker, |header| header.state_digest = Hash([9; 32]), vec![]),
        1 => {
            let (header, mut transactions) = maker.assemble(vec![], key(9).address(), maker.next_time());
            let amount = maker.spec().subsidy(header.height) + 1;
            transactions[0] = HashedTransaction::new(coinbase(header.height, key(9).address(), amount, b""));
            let block = testkit::seal(header, transactions);
            maker.connect(&block);
            (maker.header_row(), Arc::new(block))
        }
        kind => {
            // A coin that never was, or the coinbase of the block before, which is not mature.
            let height = maker.height();
            let made = maker.coins().iter().find(|(_, coin)| coin.height == height);
            let missing = (OutPoint { txid: Hash([7; 32]), index: 0 }, 100);
            let (outpoint, amount) =
                if kind == 2 { missing } else { made.map(|(outpoint, coin)| (*outpoint, coin.amount)).unwrap() };
            let outputs = vec![Output { amount: 100, address: key(9).address() }];
            let spend = testkit::spend(&[(outpoint, amount, &key(9))], outputs, b"", &maker.spec().genesis_hash());
            let amount = maker.spec().subsidy(height + 1);
            let (header, mut transactions) = maker.assemble(vec![spend], key(9).address(), maker.next_time());
            transactions[0] = HashedTransaction::new(coinbase(header.height, key(9).address(), amount, b""));
            let block = testkit::seal(header, transactions);
            maker.connect(&block);
            (maker.header_row(), Arc::new(block))
        }
    };
    for kind in 0..4 {
        let mut node = Node::new();
        let mut ours = at_height(&mut node, 3);
        let mut theirs = ours.fork();
        node.blocks(&empty(&mut ours, 2));
        let first = made(&mut theirs, vec![]);
        let bad = faulty(&mut theirs, kind);
        let last = empty(&mut theirs, 1).remove(0);
        node.headers(&[first.clone(), bad.clone(), last.clone()]);
        node.event(checked_from(&first, LinkId(90)));
        let mut actions = node.event(checked_from(&bad, LinkId(91)));
        actions.extend(node.event(checked_from(&last, LinkId(92))));
        let blamed: Vec<LinkId> = faults(&actions).iter().map(|(link, _)| *link).collect();
        // A digest is judged at once, so that the last block builds on one that is known to be invalid.
        let expected = if kind == 0 { vec![LinkId(91), LinkId(92)] } else { vec![LinkId(91)] };
        assert_eq!(blamed, expected, "kind {kind}");
        node.assert_at(&ours);
    }
}

#[test]
fn what_a_failed_branch_has_below_its_culprit_wins_if_it_has_more_work() {
    let mut node = Node::new();
    let mut ours = at_height(&mut node, 1);
    let mut theirs = ours.fork();
    let own = empty(&mut ours, 2);
    node.blocks(&own);
    let payment = pay_all(&theirs, &key(0), 3);
    let mut branch = vec![made(&mut theirs, vec![payment])];
    branch.extend(empty(&mut theirs, 2));
    let winner = theirs.fork();
    branch.push(sealed(&mut theirs, |header| header.state_digest = Hash([9; 32]), vec![]));
    node.headers(&branch);
    // All but the first are stored already, so that the whole branch is judged at once.
    for (row, block) in &branch[1..] {
        node.store.put_body(&row.hash, &block.bytes).unwrap();
    }
    assert_eq!(moves(&node.restart())[0].tip.height, 3);
    let actions = node.body(&branch[0]);
    assert_eq!(invalid(&actions).len(), 1);
    assert_eq!(invalid(&actions)[0].0, [branch[3].0.hash]);
    assert_eq!(moves(&actions).len(), 1);
    node.assert_at(&winner);
}

#[test]
fn a_deep_reorganisation_spills_into_its_transaction_and_warns() {
    for overlay_bytes in [0, limits::COIN_OVERLAY_BYTES] {
        let mut node = Node::with(&Setup { overlay_bytes, ..local() });
        let mut ours = at_height(&mut node, 1);
        let mut theirs = ours.fork();
        for n in 0..30u64 {
            let payment = ours.transfer(&key(0), key(1).address(), 10 + n, 1);
            let block = made(&mut ours, vec![payment]);
            node.blocks(&[block]);
        }
        let branch: Vec<Made> = (0..31u64)
            .map(|n| {
                let payment = theirs.transfer(&key(0), key(1).address(), 1000 + n, 1);
                made(&mut theirs, vec![payment])
            })
            .collect();
        let actions = node.blocks(&branch);
        assert_eq!(moves(&actions).len(), 1);
        let warned =
            |a: &Action| matches!(a, Action::Report(Report::Warning { text: Some(text), .. }) if text.contains("30"));
        assert!(actions.iter().any(warned));
        node.assert_at(&theirs);
    }
}

#[test]
fn a_coin_that_both_branches_make_survives_the_switch() {
    let mut node = Node::new();
    let mut ours = at_height(&mut node, 1);
    let mut theirs = ours.fork();
    // The same payment, one block later on the other branch; and the same coinbase at equal heights.
    let payment = pay_all(&ours, &key(0), 0);
    let own = [made(&mut ours, vec![payment.clone()]), made(&mut ours, vec![])];
    let branch = [made(&mut theirs, vec![]), made(&mut theirs, vec![payment]), made(&mut theirs, vec![])];
    node.blocks(&own);
    node.blocks(&branch);
    node.assert_at(&theirs);
}

#[test]
fn transactions_of_the_abandoned_branch_return_unless_confirmed_or_contradicted() {
    let mut node = Node::new();
    node.synced();
    let mut ours = at_height(&mut node, 1);
    let mut theirs = ours.fork();
    let (both, lost, back) = (pay_all(&ours, &key(0), 5), pay_all(&ours, &key(1), 5), pay_all(&ours, &key(2), 5));
    let made_by_back = (
        Transaction::outpoint(back.txid(), 0),
        Coin { amount: back.outputs[0].amount, address: key(8).address(), height: 2, coinbase: false },
    );
    let child = spend_coin(&ours, &key(8), made_by_back.0, &made_by_back.1, 50);
    let rival = pay_all(&theirs, &key(1), 6);
    let own = made(&mut ours, vec![both.clone(), lost.clone(), back.clone()]);
    node.blocks(&[own]);
    // Waits in the mempool for a coin that the reorganisation unconfirms, and outlives it.
    node.admit(&child).unwrap();
    let reward = ours.coins().iter().find(|(_, coin)| coin.coinbase && coin.height == 1).map(|(o, c)| (*o, c.clone()));
    let later = empty(&mut ours, 4);
    node.blocks(&later);
    // Mature at our height, and not at the lower one of the other branch... which gets there with more work.
    let (outpoint, coin) = reward.unwrap();
    node.admit(&spend_coin(&ours, &key(9), outpoint, &coin, 7)).unwrap();
    let mut branch = vec![made(&mut theirs, vec![both.clone(), rival])];
    branch.extend(empty(&mut theirs, 5));
    let actions = node.blocks(&branch);
    node.assert_at(&theirs);
    let returned = admitted(&actions);
    assert_eq!(returned, [(Origin::Ledger, back.txid(), Ok(()))]);
    let pool = node.pool();
    assert!(pool.contains(&back.txid()) && pool.contains(&child.txid()) && pool.len() == 3, "{pool:?}");
    let changed = actions.iter().filter_map(|action| match action {
        Action::Tell(Notice::Miner(ToMiner::PoolChanged { added, removed })) => Some((*added, *removed)),
        _ => None,
    });
    assert_eq!(changed.collect::<Vec<_>>(), [(1, 0)], "a transaction that stayed is no change");
}

/// A node that is not synced and has moved from a branch of two blocks with a payment each, the second of what the
/// first paid, to an empty one; returns the payments, and another of the mempool that builds on them.
fn abandoned_while_syncing() -> (Node, [Transaction; 3]) {
    let mut node = Node::new();
    let mut ours = at_height(&mut node, 1);
    let mut theirs = ours.fork();
    let first = pay_all(&ours, &key(0), 5);
    let own = made(&mut ours, vec![first.clone()]);
    let spend = |spent: &Transaction, height, fee| {
        let (amount, address) = (spent.outputs[0].amount, key(8).address());
        let coin = Coin { amount, address, height, coinbase: false };
        spend_coin(&node.maker(), &key(8), Transaction::outpoint(spent.txid(), 0), &coin, fee)
    };
    let second = spend(&first, 2, 6);
    let third = spend(&second, 3, 7);
    let own = [own, made(&mut ours, vec![second.clone()])];
    node.blocks(&own);
    node.admit(&third).unwrap();
    let branch = empty(&mut theirs, 3);
    let actions = node.blocks(&branch);
    assert_eq!((admitted(&actions), node.pool()), (vec![], vec![]), "not before the node is synced");
    node.assert_at(&theirs);
    (node, [first, second, third])
}

#[test]
fn transactions_of_an_abandoned_branch_return_as_soon_as_the_node_is_synced() {
    let (mut node, all) = abandoned_while_syncing();
    let actions = node.event_alone(Event::Notice(ToLedger::State(SyncState::Synced).into()));
    let told = |transaction: &Transaction| (Origin::Ledger, transaction.txid(), Ok(()));
    assert_eq!(
        admitted(&actions),
        all[..2].iter().map(told).collect::<Vec<_>>(),
        "a transaction that waited here is no news"
    );
    assert!(all.iter().all(|transaction| node.pool().contains(&transaction.txid())));
}

#[test]
fn transactions_that_were_not_taken_back_yet_are_kept_over_a_restart() {
    let (mut node, all) = abandoned_while_syncing();
    node.event(Event::Stop);
    assert_eq!(node.store.committed().mempool, all.map(|transaction| bytes(&transaction)));
    node.restart();
    assert_eq!(node.pool().len(), 3);
}

/// A random tree of blocks with payments; returns all blocks in an order in which parents come first, and the makers
/// at all leaves.
fn random_tree(node: &Node, rng: &mut Rng) -> (Vec<Made>, Vec<BlockMaker>) {
    let (mut blocks, mut makers) = (Vec::new(), vec![node.maker()]);
    for step in 0..40u64 {
        let at = usize::try_from(rng.below(makers.len() as u64)).unwrap();
        if rng.chance(250_000) && makers.len() < 5 {
            makers.push(makers[at].fork());
        }
        let maker = &mut makers[at];
        let payments = (0..rng.below(3)).map(|_| {
            let (from, to) = (u32::try_from(rng.below(8)).unwrap(), u32::try_from(rng.below(8)).unwrap());
            maker.transfer(&key(from), key(to).address(), 100 + step, rng.below(50))
        });
        let payments = payments.collect();
        blocks.push(made(maker, payments));
    }
    (blocks, makers)
}

#[test]
fn any_tree_of_blocks_in_any_order_ends_at_the_most_work() {
    for seed in 0..12 {
        let mut rng = Rng::from_number(seed);
        let overlay_bytes = if seed % 2 == 0 { 0 } else { limits::COIN_OVERLAY_BYTES };
        let mut node = Node::with(&Setup { overlay_bytes, ..local() });
        let (mut blocks, makers) = random_tree(&node, &mut rng);
        blocks.iter().for_each(|block| drop(node.headers(std::slice::from_ref(block))));
        if seed % 3 == 0 {
            rng.shuffle(&mut blocks);
        } else {
            blocks.reverse();
        }
        for block in &blocks {
            node.body(block);
            if rng.chance(50_000) {
                node.now.mono.0 += 3_000_000;
                node.event(Event::Wake);
            }
        }
        node.now.mono.0 += 3_000_000;
        node.event(Event::Wake);
        let most = makers.iter().map(|maker| maker.tip().work).max().unwrap();
        let tip = node.store.committed().tip;
        assert_eq!(tip.work, most, "seed {seed}");
        let winner = makers.iter().find(|maker| maker.hash() == tip.hash).expect("the tip is a leaf");
        node.assert_at(winner);
    }
}
