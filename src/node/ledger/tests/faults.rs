//! Blocks that break a rule, and coins that contradict one.

use super::*;
use crate::{
    base::limits,
    chain::{
        archive::{BlockStatus, StoreError},
        rules::TransactionFault,
        testkit::{self, coinbase},
    },
    node::{
        Halt, Notice,
        notice::{ToFetch, ToLedger},
    },
};

/// Delivers an invalid block and checks that nothing of it stays, and that the node goes on.
fn assert_fault(node: &mut Node, good: &mut BlockMaker, bad: &Made, expected: &BlockFault) {
    let before = node.store.committed();
    let digest = node.ledger.chains.active().chain().tip().digest;
    let actions = node.blocks(std::slice::from_ref(bad));
    assert_eq!(invalid(&actions), [(vec![bad.0.hash], expected.clone())]);
    assert_eq!(faults(&actions), [(PEER, PeerFault::Block(expected.clone()))]);
    assert!(moves(&actions).is_empty());
    let after = node.store.committed();
    assert_eq!((before.tip, before.coins), (after.tip, after.coins));
    assert_eq!(after.headers[&bad.0.hash].status, BlockStatus::Invalid, "for ever, and committed");
    assert_eq!(node.ledger.chains.active().chain().tip().digest, digest);
    let next = made(good, vec![]);
    node.blocks(&[next]);
    node.assert_at(good);
}

#[test]
fn contextual_faults_cost_the_sender_and_leave_nothing_behind() {
    let mut node = Node::new();
    let mut maker = node.maker();
    let start = empty(&mut maker, 2);
    node.blocks(&start);
    let genesis = node.spec.genesis_hash();
    let output = |amount| vec![Output { amount, address: key(8).address() }];
    let at = |fault| BlockFault::Transaction { index: 1, fault };
    let spend = |outpoint, named, key: &SecretKey, amount| {
        testkit::spend(&[(outpoint, named, key)], output(amount), b"", &genesis)
    };

    let wrong = sealed(&mut maker.fork(), |header| header.state_digest = Hash([1; 32]), vec![]);
    let fault = BlockFault::StateDigest { found: Hash([1; 32]), expected: maker.digest() };
    assert_fault(&mut node, &mut maker, &wrong, &fault);

    let missing = spend(OutPoint { txid: Hash([5; 32]), index: 0 }, 1, &key(0), 1);
    let bad = made(&mut maker.fork(), vec![missing]);
    assert_fault(&mut node, &mut maker, &bad, &at(TransactionFault::MissingCoin(0)));

    let (one, other) = (pay_all(&maker, &key(0), 0), pay_all(&maker, &key(0), 1));
    let bad = made(&mut maker.fork(), vec![one, other]);
    let fault = BlockFault::Transaction { index: 2, fault: TransactionFault::MissingCoin(0) };
    assert_fault(&mut node, &mut maker, &bad, &fault);

    let (outpoint, coin) = maker.spendable(&key(0).address()).next().map(|(o, c)| (o, c.clone())).unwrap();
    let bad = made(&mut maker.fork(), vec![spend(outpoint, coin.amount, &key(1), 1)]);
    assert_fault(&mut node, &mut maker, &bad, &at(TransactionFault::WrongKey(0)));

    for named in [coin.amount - 1, coin.amount + 1] {
        let bad = made(&mut maker.fork(), vec![spend(outpoint, named, &key(0), named)]);
        let fault = TransactionFault::WrongAmount { input: 0, named, coin: coin.amount };
        assert_fault(&mut node, &mut maker, &bad, &at(fault));
    }

    let bad = made(&mut maker.fork(), vec![spend(outpoint, coin.amount, &key(0), coin.amount + 1)]);
    let fault = TransactionFault::Inflation { inputs: coin.amount, outputs: coin.amount + 1 };
    assert_fault(&mut node, &mut maker, &bad, &at(fault));

    let reward = maker.coins().iter().find(|(_, coin)| coin.height == maker.height());
    let (reward, amount) = reward.map(|(outpoint, coin)| (*outpoint, coin.amount)).unwrap();
    let matures = maker.height() + node.spec.parameters.maturity;
    let bad = made(&mut maker.fork(), vec![spend(reward, amount, &key(9), 1)]);
    assert_fault(&mut node, &mut maker, &bad, &at(TransactionFault::Immature { input: 0, matures }));

    for (off, fees) in [(1i64, 0), (-1, 0), (0, 1)] {
        let (header, mut transactions) = maker.assemble(vec![], key(9).address(), maker.next_time());
        let expected = node.spec.subsidy(header.height);
        let found = expected.saturating_add_signed(off) + fees;
        if found == expected {
            continue;
        }
        let claim = coinbase(header.height, key(9).address(), found, b"");
        transactions[0] = HashedTransaction::new(claim);
        let block = testkit::seal(header, transactions);
        let mut fork = maker.fork();
        fork.connect(&block);
        let bad = (fork.header_row(), Arc::new(block));
        assert_fault(&mut node, &mut maker, &bad, &BlockFault::CoinbaseAmount { found, expected });
    }
}

#[test]
fn descendants_of_an_invalid_block_are_invalid_whenever_they_come() {
    let mut node = Node::new();
    let mut good = node.maker();
    let mut fork = good.fork();
    let bad = sealed(&mut fork, |header| header.state_digest = Hash([1; 32]), vec![]);
    let child = made(&mut fork, vec![]);
    let grandchild = made(&mut fork, vec![]);
    node.headers(&[bad.clone(), child.clone()]);
    assert_eq!(taken(&node.body(&child)), []);
    let actions = node.body(&bad);
    assert_eq!(invalid(&actions)[0].0, [bad.0.hash, child.0.hash]);
    // The waiting child's body is gone, and a header sent before `headers` heard of it is marked too.
    assert_eq!(node.ledger.chains.waiting(), 0);
    let actions = node.headers(std::slice::from_ref(&grandchild));
    assert_eq!(invalid(&actions), [(vec![grandchild.0.hash], BlockFault::InvalidParent)]);
    assert_eq!(taken(&node.body(&grandchild)), []);
    let next = made(&mut good, vec![]);
    node.blocks(&[next]);
    node.assert_at(&good);
}

#[test]
fn a_verdict_of_the_verifier_invalidates_and_one_on_an_unknown_block_does_nothing() {
    let mut node = Node::new();
    let mut maker = node.maker();
    let blocks = empty(&mut maker, 2);
    node.headers(&blocks);
    let fault = BlockFault::NoCoinbase;
    let invalidate = |hash| ToLedger::BodyInvalid { hash, origin: Origin::Link(PEER), fault: Box::new(fault.clone()) };
    assert_eq!(invalid(&node.notice(invalidate(Hash([3; 32])))), []);
    let actions = node.notice(invalidate(blocks[0].0.hash));
    assert_eq!(invalid(&actions), [(hashes(&blocks), fault.clone())]);
    assert_eq!(invalid(&node.notice(invalidate(blocks[0].0.hash))), [], "said once");
}

#[test]
fn a_body_whose_header_does_not_come_is_given_back() {
    let mut node = Node::new();
    let block = made(&mut node.maker(), vec![]);
    assert_eq!(node.body(&block), []);
    let until = node.ledger.deadline().unwrap();
    assert!(until <= node.now.mono + limits::EARLY_TIME);
    node.now.mono = until;
    let actions = node.event(Event::Wake);
    assert_eq!(node.ledger.deadline(), None);
    let refused = |a: &Action| matches!(a, Action::Tell(Notice::Fetch(ToFetch::BodyRefused { hash, .. })) if *hash == block.0.hash);
    assert_eq!(actions.iter().filter(|a| refused(a)).count(), 1);
    assert_eq!(faults(&actions), []);
}

#[test]
fn a_block_that_contradicts_damaged_coins_halts_the_node_and_is_not_invalidated() {
    let mut node = Node::new();
    let mut maker = node.maker();
    let payment = maker.transfer(&key(0), key(1).address(), 5, 1);
    let block = made(&mut maker, vec![payment]);
    node.store.damage(|data| data.coins.values_mut().for_each(|coin| coin.amount -= 1));
    let actions = node.blocks(&[block]);
    let halted = |action: &Action| matches!(action, Action::Halt(Halt::Store(StoreError::Corrupt(_))));
    assert_eq!(actions.iter().filter(|action| halted(action)).count(), 1);
    assert_eq!((invalid(&actions), faults(&actions)), (vec![], vec![]));
}
