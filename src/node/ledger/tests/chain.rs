//! Applying blocks: order, batching, crashes.

use super::*;
use crate::{
    base::limits,
    chain::testkit,
    node::{
        AnyRole, Event, Halt, Notice, Role, RoleId,
        notice::{ToFetch, ToGossip, ToHandshake, ToHeaders, ToLedger, ToMiner, ToPeers, ToSealer, ToSnapshot},
        report::{Counter, Report},
    },
};

#[test]
fn the_start_tells_the_tip_once_to_all_whom_it_concerns() {
    let mut node = Node::new();
    let actions = node.restart();
    let moved = moves(&actions);
    assert_eq!(moved.len(), 1);
    assert_eq!((moved[0].tip.hash, moved[0].added.len()), (node.spec.genesis_hash(), 0));
    let is_move = |notice: &Notice| match notice {
        Notice::Handshake(notice) => matches!(notice, ToHandshake::ChainMoved(_)),
        Notice::Peers(notice) => matches!(notice, ToPeers::ChainMoved(_)),
        Notice::Headers(notice) => matches!(notice, ToHeaders::ChainMoved(_)),
        Notice::Fetch(notice) => matches!(notice, ToFetch::ChainMoved(_)),
        Notice::Gossip(notice) => matches!(notice, ToGossip::ChainMoved(_)),
        Notice::Miner(notice) => matches!(notice, ToMiner::ChainMoved(_)),
        Notice::Sealer(notice) => matches!(notice, ToSealer::ChainMoved(_)),
        Notice::Snapshot(notice) => matches!(notice, ToSnapshot::ChainMoved(_)),
        Notice::Verify(_) | Notice::Ledger(_) | Notice::History(_) => false,
    };
    let told =
        |role| actions.iter().any(|a| matches!(a, Action::Tell(notice) if notice.role() == role && is_move(notice)));
    assert!(
        RoleId::ALL.into_iter().all(|role| told(role)
            != matches!(role, RoleId::Verify | RoleId::Ledger | RoleId::History | RoleId::KeyAgreement))
    );
    assert!(actions.iter().any(|action| matches!(action, Action::Report(Report::Tip(_)))));
}

#[test]
fn at_the_tip_each_block_is_committed_and_told_at_once() {
    let mut node = Node::new();
    let mut maker = node.maker();
    let first = made(&mut maker, vec![]);
    let actions = node.blocks(&[first]);
    assert_eq!((moves(&actions)[0].news.clone(), sound(&actions)), (None, vec![]), "not synced yet");
    node.now.unix = UnixTime(maker.tip().time + limits::DURABLE_WITHIN.as_secs() - 1);
    node.synced();
    let second = made(&mut maker, vec![]);
    let actions = node.blocks(std::slice::from_ref(&second));
    let moved = moves(&actions);
    assert_eq!(moved.len(), 1);
    assert_eq!(moved[0].added, [(second.0.hash, 2)]);
    assert_eq!((moved[0].news.clone(), sound(&actions)), (None, vec![second.0.hash]), "told once");
    assert!(actions.contains(&Action::Count(Counter::BlocksApplied, 1)));
    assert_eq!(taken(&actions), [second.0.hash]);
    assert_eq!(node.store.commits(), [false, false, true], "durable once the tip is younger than a day");
    node.assert_at(&maker);
}

#[test]
fn the_store_tidies_up_after_the_last_known_block_and_not_while_more_is_to_come() {
    let mut node = Node::new();
    let mut maker = node.maker();
    let all = empty(&mut maker, 12);
    node.headers(&all);
    node.body(&all[0]);
    let quiet = |node: &mut Node, time| {
        node.now.mono = node.now.mono + time;
        node.event(Event::Wake);
        node.store.tidied()
    };
    let commits = node.store.commits().len();
    assert_eq!(quiet(&mut node, limits::COMMIT_INTERVAL), 0);
    assert_eq!(node.store.commits().len(), commits + 1, "committed since it is time");
    assert_eq!(quiet(&mut node, limits::LEDGER_TIDY_AFTER), 0);
    all[1..].iter().for_each(|block| drop(node.body(block)));
    assert_eq!(quiet(&mut node, limits::LEDGER_TIDY_AFTER / 2), 0, "another block may come");
    assert_eq!(quiet(&mut node, limits::LEDGER_TIDY_AFTER), 1);
    assert_eq!(node.ledger.deadline(), None);
}

#[test]
fn news_is_passed_on_before_it_is_stored_and_stored_before_anything_else() {
    let mut node = Node::new();
    let mut maker = node.maker();
    node.synced();
    let others: [fn() -> Event; 3] =
        [|| Event::Wake, || Event::Notice(ToLedger::State(SyncState::Blocks).into()), || Event::Stop];
    for next in others {
        let block = made(&mut maker, vec![]);
        node.headers(std::slice::from_ref(&block));
        let before = node.store.committed().tip;
        let mut out = Outbox::default();
        node.ledger.hear(node.now, checked(&block), &mut out);
        assert!(out.hurries(), "it does not wait for what follows");
        let actions: Vec<Action> = out.drain().collect();
        let (origin, hash, bytes) = (Origin::Link(PEER), block.0.hash, block.1.bytes.clone());
        assert_eq!(
            actions,
            [Action::Tell(Notice::Gossip(ToGossip::BlockValidated { origin, hash, bytes, compact: None }))]
        );
        assert_eq!(node.store.committed().tip, before, "nothing is stored yet");
        assert!(node.ledger.deadline().is_some_and(|deadline| deadline <= node.now.mono), "due at once");

        let actions = node.event_alone(next());
        assert_eq!((moves(&actions)[0].tip.hash, taken(&actions)), (hash, vec![hash]));
        node.assert_at(&maker);
    }
}

#[test]
fn a_node_that_is_killed_between_passing_on_and_storing_takes_the_block_again() {
    let mut node = Node::new();
    let mut maker = node.maker();
    node.synced();
    let before = node.store.committed().tip;
    let block = made(&mut maker, vec![]);
    node.headers(std::slice::from_ref(&block));
    assert_eq!(sound(&node.event_alone(checked(&block))), [block.0.hash]);
    node.store.crash();
    assert_eq!(moves(&node.restart())[0].tip.hash, before.hash);
    node.blocks(std::slice::from_ref(&block));
    node.assert_at(&maker);
}

#[test]
fn a_block_that_waited_for_news_follows_it_at_once() {
    let mut node = Node::new();
    let mut maker = node.maker();
    node.synced();
    let two = empty(&mut maker, 2);
    // As a peer does that claims less than it has: the second is not known to be best when its body comes.
    node.notice(ToLedger::StoreHeaders(two.iter().map(|(row, _)| row.clone()).collect()));
    node.body(&two[1]);
    let actions = node.body(&two[0]);
    assert_eq!(sound(&actions), hashes(&two));
    node.assert_at(&maker);
}

#[test]
fn a_synced_node_s_blocks_stay_news_and_a_moment_of_catching_up_changes_nothing() {
    let mut node = Node::new();
    let mut maker = node.maker();
    node.synced();
    let mut news = |node: &mut Node| {
        let block = made(&mut maker, vec![]);
        sound(&node.blocks(&[block])).len()
    };
    assert_eq!((0..10).map(|_| news(&mut node)).sum::<usize>(), 10);
    node.notice(ToLedger::State(SyncState::Blocks));
    assert_eq!(news(&mut node), 1, "its own header ended the state for a moment");
    let later: usize = (0..10).map(|_| news(&mut node)).sum();
    assert!(later < 5, "{later} of 10 during a longer sync");
}

#[test]
fn a_stop_before_the_start_leaves_the_store_alone() {
    let spec = Arc::new(ChainSpec::local());
    let store = FakeStore::new(&spec);
    let mut out = Outbox::default();
    Ledger::new(&setup(&spec), Box::new(store.clone())).hear(Now::default(), Event::Stop, &mut out);
    assert!(out.is_empty() && store.commits().is_empty());
}

#[test]
fn while_much_is_missing_blocks_are_committed_together_and_told_only_then() {
    let mut node = Node::new();
    let mut maker = node.maker();
    let blocks = empty(&mut maker, 20);
    let mut actions = node.headers(&blocks);
    blocks[..10].iter().for_each(|block| actions.extend(node.body(block)));
    assert_eq!(moves(&actions), [], "nothing is told before it is committed");
    assert_eq!(taken(&actions), hashes(&blocks[..10]), "but fetch can go on");
    assert_eq!(node.store.committed().tip.height, 0);
    let deadline = node.ledger.deadline().expect("a commit is due");
    node.now.mono = deadline;
    let moved = moves(&node.event(Event::Wake));
    assert_eq!((moved.len(), moved[0].added.len(), moved[0].tip.height), (1, 10, 10));
    assert_eq!(node.ledger.deadline(), None);
    // The last known block leaves nothing to wait for.
    let actions: Vec<_> = blocks[10..].iter().flat_map(|block| node.body(block)).collect();
    assert_eq!(moves(&actions).len(), 1);
    node.assert_at(&maker);
}

#[test]
fn a_full_overlay_moves_into_the_open_transaction_and_waits_there_for_the_commit() {
    use crate::chain::{archive::LedgerStore, coin_key::CoinKey};
    let mut node = Node::with(&Setup { overlay_bytes: 0, ..local() });
    let mut maker = node.maker();
    let blocks = empty(&mut maker, 3);
    node.headers(&blocks);
    let actions = node.body(&blocks[0]);
    assert_eq!((moves(&actions), taken(&actions)), (vec![], hashes(&blocks[..1])));
    let made = Transaction::outpoint(blocks[0].1.transactions[0].txid, 0);
    assert!(node.store.coin(&CoinKey::of(&made)).unwrap().is_some(), "the store has its coin");
    assert_eq!(node.store.committed().tip.height, 0);
    node.now.mono = node.ledger.deadline().unwrap();
    assert_eq!(moves(&node.event(Event::Wake))[0].tip.height, 1);
    blocks[1..].iter().for_each(|block| drop(node.body(block)));
    node.assert_at(&maker);
}

#[test]
fn a_crash_loses_only_blocks_that_were_not_told() {
    let mut node = Node::new();
    let mut maker = node.maker();
    let blocks = empty(&mut maker, 10);
    node.headers(&blocks);
    blocks[..4].iter().for_each(|block| drop(node.body(block)));
    node.now.mono = node.ledger.deadline().unwrap();
    assert_eq!(moves(&node.event(Event::Wake))[0].tip.height, 4);
    blocks[4..7].iter().for_each(|block| drop(node.body(block)));
    node.store.crash();
    assert_eq!(moves(&node.restart())[0].tip.height, 4);
    blocks[4..].iter().for_each(|block| drop(node.body(block)));
    node.assert_at(&maker);
}

#[test]
fn bodies_that_a_crash_left_stored_are_applied_at_the_start() {
    let mut node = Node::new();
    let mut maker = node.maker();
    let blocks = empty(&mut maker, 5);
    node.headers(&blocks);
    {
        use crate::chain::archive::LedgerStore;
        for (row, block) in &blocks[..3] {
            node.store.put_body(&row.hash, &block.bytes).unwrap();
        }
    }
    let moved = moves(&node.restart());
    assert_eq!((moved.len(), moved[0].tip.height, moved[0].added.len()), (1, 3, 0));
    assert_eq!(node.store.committed().tip.height, 3);
}

#[test]
fn bodies_in_any_order_end_in_the_same_chain() {
    let mut node = Node::new();
    let mut maker = node.maker();
    let blocks = empty(&mut maker, 12);
    node.headers(&blocks);
    for at in [11, 3, 2, 4, 1, 10, 9, 8, 5, 6, 7, 7] {
        assert_eq!(taken(&node.body(&blocks[at])), [], "block {} waits", at + 1);
    }
    assert_eq!(taken(&node.body(&blocks[0])).len(), 12);
    node.assert_at(&maker);
    assert_eq!(taken(&node.body(&blocks[5])), [blocks[5].0.hash], "a body that comes twice is no fault");
}

/// A block of about a megabyte.
fn fat(maker: &mut BlockMaker) -> Made {
    let alice = key(0);
    let (mut outpoint, coin) = maker.spendable(&alice.address()).next().map(|(o, c)| (o, c.clone())).unwrap();
    let mut amount = coin.amount;
    let small = Output { amount: 1, address: key(1).address() };
    let transactions = (0..140).map(|_| {
        let spent = amount;
        amount -= 255;
        let mut outputs = vec![small.clone(); 255];
        outputs.insert(0, Output { amount, address: alice.address() });
        let transaction = testkit::spend(&[(outpoint, spent, &alice)], outputs, b"", &maker.spec().genesis_hash());
        outpoint = Transaction::outpoint(transaction.txid(), 0);
        transaction
    });
    let transactions = transactions.collect();
    made(maker, transactions)
}

#[test]
fn more_than_fits_in_memory_waits_in_the_store() {
    let mut node = Node::new();
    let mut maker = node.maker();
    let first = made(&mut maker, vec![]);
    let many = limits::WAITING_BYTES / 1_000_000 + 3;
    let rest: Vec<Made> = (0..many).map(|_| fat(&mut maker)).collect();
    node.headers(std::slice::from_ref(&first));
    node.headers(&rest);
    let early: Vec<Hash> = rest.iter().rev().flat_map(|block| taken(&node.body(block))).collect();
    assert!((1..many).contains(&early.len()), "{} of {many} were stored", early.len());
    let late = taken(&node.body(&first));
    assert_eq!(late.len() + early.len(), many + 1);
    node.assert_at(&maker);
    assert_eq!(node.ledger.chains.waiting(), 0);
}

#[test]
fn transactions_of_a_block_may_spend_earlier_ones_of_it() {
    let mut node = Node::new();
    let mut maker = node.maker();
    let chained = (0..5).map(|n| maker.transfer(&key(0), key(1).address(), 1000, n)).collect();
    let block = made(&mut maker, chained);
    node.blocks(&[block]);
    node.assert_at(&maker);
}

#[test]
fn a_failing_store_halts_once_and_commands_are_still_answered() {
    let mut node = Node::new();
    let block = made(&mut node.maker(), vec![]);
    node.store.fail();
    let actions = node.blocks(&[block]);
    let halts = actions.iter().filter(|action| matches!(action, Action::Halt(Halt::Store(_)))).count();
    assert_eq!((halts, actions.len()), (1, 1));
    let ticket = crate::base::ids::Ticket(1);
    let actions = node.event(Event::Command(ticket, crate::node::command::LedgerCommand::Mempool { limit: 1 }.into()));
    assert!(matches!(&actions[..], [Action::Reply(to, crate::node::command::Reply::Refused(_))] if *to == ticket));
    assert_eq!(node.ledger.deadline(), None);
}
