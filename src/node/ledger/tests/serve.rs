//! Templates, and answers to peers and programs.

use super::*;
use crate::{
    base::{codec::List, ids::Ticket, limits},
    chain::{block::HashedBlock, rules, testkit},
    node::{
        CloseReason, LinkEvent, Template,
        command::{LedgerCommand, Reply},
        notice::{ToLedger, ToMiner},
        report::Counter,
    },
    wire::{
        frame::{Frame, FrameFault},
        message::Message,
    },
};

pub(super) fn template(node: &mut Node, to: u32) -> Arc<Template> {
    let actions = node.notice(ToLedger::WantTemplate { address: key(to).address() });
    let answers = actions.iter().filter_map(|action| match action {
        Action::Tell(Notice::Miner(ToMiner::Template(template))) => Some(template.clone()),
        _ => None,
    });
    let answers: Vec<_> = answers.collect();
    assert_eq!(answers.len(), 1);
    answers[0].clone()
}

fn solve(template: &Template) -> HashedBlock {
    let mut header = template.header.clone();
    testkit::mine(&mut header);
    HashedBlock::decode([&header.to_bytes()[..], &template.body[..]].concat().into()).unwrap()
}

#[test]
fn a_mined_template_is_a_valid_block_with_ancestors_before_descendants() {
    let mut node = Node::new();
    let mut maker = node.maker();
    let start = empty(&mut maker, 3);
    node.blocks(&start);
    let parent = pay_all(&maker, &key(0), 1);
    let outpoint = Transaction::outpoint(parent.txid(), 0);
    let coin = Coin { amount: parent.outputs[0].amount, address: key(8).address(), height: 4, coinbase: false };
    let heir = spend_coin(&maker, &key(8), outpoint, &coin, 900);
    let other = pay_all(&maker, &key(1), 50);
    for transaction in [&parent, &other, &heir] {
        node.admit(transaction).unwrap();
    }
    let template = template(&mut node, 7);
    assert_eq!((template.transactions, template.header.time), (3, node.now.unix.0));
    let block = solve(&template);
    let order: Vec<Hash> = block.transactions[1..].iter().map(|hashed| hashed.txid).collect();
    assert_eq!(order, [parent.txid(), heir.txid(), other.txid()]);
    rules::check_header(&node.spec, &maker.parent_facts(), &block.header, &block.hash).unwrap();
    rules::check_block(&block).unwrap();
    let reward = &block.transactions[0].transaction.outputs;
    assert_eq!((reward.len(), reward[0].amount, reward[0].address), (1, node.spec.subsidy(4) + 951, key(7).address()));
    maker.connect(&block);
    node.blocks(&[(maker.header_row(), Arc::new(block))]);
    node.assert_at(&maker);
    assert_eq!(node.pool(), []);
}

#[test]
fn two_templates_differ_even_for_one_address_and_time_stays_above_the_median() {
    let mut node = Node::new();
    let mut maker = node.maker();
    let ahead = node.now.unix.0 + 1000;
    for n in 0..12 {
        let block = maker.next_block_at(vec![], key(9).address(), ahead + n);
        node.blocks(&[(maker.header_row(), Arc::new(block))]);
    }
    let (one, other) = (template(&mut node, 7), template(&mut node, 7));
    assert_ne!(one.header.merkle_root, other.header.merkle_root);
    assert_eq!(one.min_time, maker.parent_facts().median_time + 1);
    assert_eq!(one.header.time, one.min_time);
}

#[test]
fn a_template_stays_within_a_block_s_bytes() {
    let mut node = Node::new();
    let maker = node.maker();
    let output = Output { amount: 1, address: key(8).address() };
    let genesis = node.spec.genesis_hash();
    // Chains of large transactions, ten accounts wide, that together exceed a block by far.
    for account in 0..10 {
        let from = key(account);
        let (mut outpoint, coin) = maker.spendable(&from.address()).next().map(|(o, c)| (o, c.clone())).unwrap();
        let mut amount = coin.amount;
        for _ in 0..20 {
            let spent = amount;
            amount -= 255 + u64::from(account);
            let mut outputs = vec![Output { amount, address: from.address() }];
            outputs.resize(256, output.clone());
            let transaction = testkit::spend(&[(outpoint, spent, &from)], outputs, b"", &genesis);
            outpoint = Transaction::outpoint(transaction.txid(), 0);
            node.admit(&transaction).unwrap();
        }
    }
    assert!(node.transactions().bytes() > limits::MAX_BLOCK_BYTES);
    let template = template(&mut node, 7);
    assert!(template.body.len() <= limits::MAX_BLOCK_BYTES);
    assert!(template.body.len() > limits::MAX_BLOCK_BYTES - 8000, "and fills it: {}", template.body.len());
    let block = solve(&template);
    rules::check_block(&block).unwrap();
    let mut maker = maker;
    maker.connect(&block);
    node.blocks(&[(maker.header_row(), Arc::new(block))]);
    node.assert_at(&maker);
}

fn ask(node: &mut Node, message: &Message) -> Vec<Action> {
    node.event(Event::Link(LinkEvent::Frame { link: PEER, frame: Frame::new(message) }))
}

fn sent(actions: &[Action]) -> Vec<Message> {
    let mut all = Vec::new();
    for action in actions {
        if let Action::Link(action) = action {
            all.extend(action.frames(PEER).iter().map(|frame| frame.open().unwrap()));
        }
    }
    all
}

#[test]
fn blocks_are_served_unless_they_are_absent_or_invalid() {
    let mut node = Node::new();
    let mut maker = node.maker();
    let mut fork = maker.fork();
    let good = made(&mut maker, vec![]);
    node.blocks(std::slice::from_ref(&good));
    let mut branch = vec![sealed(&mut fork, |header| header.state_digest = Hash([1; 32]), vec![])];
    branch.extend(empty(&mut fork, 1));
    node.blocks(&branch);
    let actions = ask(&mut node, &Message::GetBlock(good.0.hash));
    assert_eq!(sent(&actions), [Message::Block(good.1.bytes.clone())]);
    assert!(actions.contains(&Action::Count(Counter::BlocksServed, 1)));
    for hash in [branch[0].0.hash, Hash([4; 32])] {
        assert_eq!(sent(&ask(&mut node, &Message::GetBlock(hash))), [Message::Absent(hash)]);
    }
    let mut frame = Frame::new(&Message::GetBlock(good.0.hash));
    frame.checksum[0] ^= 1;
    let actions = node.event(Event::Link(LinkEvent::Frame { link: PEER, frame }));
    assert_eq!(faults(&actions), [(PEER, PeerFault::Frame(FrameFault::Checksum))]);
}

/// Found by seed 310000094: an honest node passed on a body of a branch that it had stored and never tried. The body was
/// invalid, and the honest node that had asked for it banned the sender.
#[test]
fn a_branch_s_body_is_served_only_after_it_was_found_valid() {
    let mut node = Node::new();
    let mut maker = node.maker();
    let mut fork = maker.fork();
    let ours = made(&mut maker, vec![]);
    node.blocks(std::slice::from_ref(&ours));
    let payment = pay_all(&fork, &key(0), 1);
    let rival = made(&mut fork, vec![payment]);
    node.blocks(std::slice::from_ref(&rival));
    let served = |node: &mut Node, hash| matches!(sent(&ask(node, &Message::GetBlock(hash)))[..], [Message::Block(_)]);
    assert!(!served(&mut node, rival.0.hash), "it was not judged by the coins");
    let next = made(&mut fork, vec![]);
    node.blocks(&[next]);
    node.assert_at(&fork);
    assert!(served(&mut node, rival.0.hash) && served(&mut node, ours.0.hash));
}

#[test]
fn the_mempool_is_served_by_id_and_by_list_best_first() {
    let mut node = Node::new();
    let maker = node.maker();
    let all: Vec<Transaction> = (0..3).map(|n| pay_all(&maker, &key(n), u64::from(n))).collect();
    all.iter().for_each(|transaction| node.admit(transaction).unwrap());
    let ids = List::truncated(all.iter().rev().map(Transaction::txid));
    assert_eq!(sent(&ask(&mut node, &Message::GetMemoryPool(List::EMPTY))), [Message::MemoryPool(ids.clone())]);
    let offer = node.notice(ToLedger::OfferPool { link: PEER });
    assert!(
        matches!(&offer[..], [Action::Link(LinkAction::Send { .. })]) && sent(&offer) == [Message::MemoryPool(ids)]
    );
    let wanted = List::truncated([all[1].txid(), Hash([1; 32]), all[0].txid()]);
    let found = [Message::Transaction(bytes(&all[1])), Message::Transaction(bytes(&all[0]))];
    assert_eq!(sent(&ask(&mut node, &Message::GetMemoryPool(wanted))), found);
    // A thousand requests for one transaction are answered within a link's limit.
    let greedy = List::truncated(std::iter::repeat_n(all[0].txid(), limits::MAX_MEMORY_POOL_IDS * 2));
    let answer: usize = sent(&ask(&mut node, &Message::GetMemoryPool(greedy))).iter().map(|m| m.body().len()).sum();
    assert!(answer <= limits::SEND_SOFT_BYTES);
}

#[test]
fn a_long_mempool_is_listed_page_by_page_and_then_again_from_the_top() {
    let mut node = Node::new();
    let maker = node.maker();
    let genesis = maker.spec().genesis_hash();
    for account in 0..5 {
        let from = key(account);
        let address = from.address();
        let (outpoint, coin) = maker.spendable(&address).next().expect("a well-known account has a coin");
        let output = Output { amount: coin.amount / 256 - 1000, address: from.address() };
        let split = testkit::spend(&[(outpoint, coin.amount, &from)], vec![output.clone(); 256], b"", &genesis);
        node.admit(&split).unwrap();
        for (index, coin) in (0..256).map(|index| (index, Transaction::outpoint(split.txid(), index))) {
            let payment = Output { amount: output.amount - 500 - index as u64, address: from.address() };
            node.admit(&testkit::spend(&[(coin, output.amount, &from)], vec![payment], b"", &genesis)).unwrap();
        }
    }
    let page = |node: &mut Node| match &sent(&ask(node, &Message::GetMemoryPool(List::EMPTY)))[..] {
        [Message::MemoryPool(ids)] => ids.to_vec(),
        other => panic!("{other:?}"),
    };
    let (first, second, third) = (page(&mut node), page(&mut node), page(&mut node));
    assert_eq!((first.len(), second.len()), (limits::MAX_MEMORY_POOL_IDS, 285));
    assert!(second.iter().all(|id| !first.contains(id)));
    assert_eq!(third, first, "from the top again");
    node.event(Event::Link(LinkEvent::Closed { link: PEER, reason: CloseReason::Lost("test".to_owned()) }));
    assert_eq!(page(&mut node), first, "a closed link's place in the list is forgotten");
}

#[test]
fn each_command_gets_one_reply() {
    let mut node = Node::new();
    let one = pay_all(&node.maker(), &key(0), 3);
    let [low, high] = [4, 4000].map(|fee| pay_all(&node.maker(), &key(0), fee));
    node.admit(&one).unwrap();
    let mut reply = |command: LedgerCommand| {
        let actions = node.event(Event::Command(Ticket(5), command.into()));
        let mut replies = actions.into_iter().filter_map(|action| match action {
            Action::Reply(Ticket(5), reply) => Some(reply),
            _ => None,
        });
        let first = replies.next().expect("a reply");
        assert_eq!(replies.next(), None);
        first
    };
    assert!(matches!(reply(LedgerCommand::Template(key(1).address())), Reply::Template(t) if t.transactions == 1));
    assert!(
        matches!(reply(LedgerCommand::Mempool { limit: 10 }), Reply::Mempool(all) if all.len() == 1 && all[0].fee == 3)
    );
    assert!(matches!(reply(LedgerCommand::PoolEntry(one.txid())), Reply::PoolEntry(entry) if entry.fee == 3));
    assert!(matches!(reply(LedgerCommand::PoolEntry(Hash([1; 32]))), Reply::NotFound(_)));
    let mut may_replace =
        |transaction: Transaction| reply(LedgerCommand::MayReplace(Arc::new(HashedTransaction::new(transaction))));
    assert!(matches!(may_replace(low), Reply::NotTaken(Refusal::Underpaid { fee, needed, .. }) if needed > fee));
    assert_eq!(may_replace(high), Reply::Done);
}
