//! Compact blocks: what is passed on, and what is served.

use super::*;
use crate::{
    base::{
        codec::List,
        limits::{COMPACT_QUESTIONS_PER_SECOND, COMPACT_WHOLE_BYTES, WHOLE_BLOCK_BYTES},
    },
    node::{LinkEvent, node_key::NodeKey},
    wire::{
        compact::{CompactBlock, ShortIds},
        frame::{Frame, FrameFault},
        message::Message,
    },
};

fn ask(node: &mut Node, hash: Hash, positions: &[u16]) -> Vec<Action> {
    let message = Message::GetBlockTransactions(hash, List::truncated(positions.iter().copied()));
    node.event(Event::Link(LinkEvent::Frame { link: PEER, frame: Frame::new(&message) }))
}

fn answers(actions: &[Action]) -> Vec<Message> {
    let mut all = Vec::new();
    for action in actions {
        if let Action::Link(action) = action {
            all.extend(action.frames(PEER).iter().map(|frame| frame.open().unwrap()));
        }
    }
    all
}

/// What gossip is told to push.
fn news(actions: &[Action]) -> Option<CompactBlock> {
    actions.iter().find_map(|action| match action {
        Action::Tell(Notice::Gossip(ToGossip::BlockValidated { compact: Some(frame), .. })) => match frame.open() {
            Ok(Message::CompactBlock(compact)) => Some(*compact),
            other => panic!("{other:?}"),
        },
        _ => None,
    })
}

/// A synced node, and a block of eight payments, of which its mempool has all but `unknown`.
fn node_with_block(unknown: usize) -> (Node, Made) {
    let mut node = Node::new();
    node.synced();
    let mut maker = node.maker();
    let payments: Vec<Transaction> = (0..8).map(|n| pay_all(&maker, &key(n), 1)).collect();
    payments[unknown..].iter().for_each(|payment| node.admit(payment).unwrap());
    let block = made(&mut maker, payments);
    node.headers(std::slice::from_ref(&block));
    (node, block)
}

#[test]
fn a_new_block_is_passed_on_as_short_ids_with_what_the_mempool_lacked() {
    let (mut node, block) = node_with_block(2);
    let compact = news(&node.body(&block)).unwrap();
    let ids = ShortIds::new(&block.1.hash, compact.nonce);
    let transactions = &block.1.transactions;
    let unknown = |at: u16| at <= 2;
    let whole: Vec<(u16, Transaction)> =
        (0..9).filter(|at| unknown(*at)).map(|at| (at, transactions[usize::from(at)].transaction.clone())).collect();
    assert_eq!(compact.whole.to_vec(), whole);
    let listed: Vec<_> = transactions[3..].iter().map(|one| ids.of(&one.leaf)).collect();
    assert_eq!((compact.header, compact.ids.to_vec()), (block.1.header.clone(), listed));
}

#[test]
fn leaves_that_are_known_make_the_same_short_ids() {
    let (mut node, block) = node_with_block(2);
    let mut checked = CheckedBlock::new(&block.1);
    checked.leaves = Some(block.1.transactions.iter().map(|one| one.leaf).collect());
    let checked = ToLedger::BlockChecked { origin: Origin::Rebuilt(PEER), block: Arc::new(checked) };
    let by_leaves = news(&node.event(Event::Notice(checked.into())));
    let (mut other, block) = node_with_block(2);
    assert!(by_leaves.is_some());
    assert_eq!(by_leaves, news(&other.body(&block)));
}

#[test]
fn a_block_that_the_mempool_mostly_lacks_and_a_small_one_have_no_short_form() {
    let (mut node, block) = node_with_block(7);
    assert!(block.1.bytes.len() > WHOLE_BLOCK_BYTES && block.1.bytes.len() < COMPACT_WHOLE_BYTES);
    assert_eq!(news(&node.body(&block)), None);
    let mut node = Node::new();
    node.synced();
    let block = made(&mut node.maker(), vec![]);
    assert_eq!(news(&node.blocks(&[block])), None);
}

#[test]
fn peers_are_served_the_short_form_and_single_transactions() {
    let (mut node, block) = node_with_block(0);
    let pushed = news(&node.body(&block)).unwrap();
    let hash = block.1.hash;
    let actions = ask(&mut node, hash, &[]);
    assert_eq!(answers(&actions), [Message::CompactBlock(Box::new(pushed))]);
    assert!(actions.contains(&Action::Tell(ToGossip::BlockAsked { link: PEER }.into())));
    let picked = [1, 4, 8].map(|at| block.1.transactions[at].transaction.clone());
    assert_eq!(answers(&ask(&mut node, hash, &[1, 4, 8])), [Message::BlockTransactions(hash, List::truncated(picked))]);
    let none = |hash| [Message::BlockTransactions(hash, List::EMPTY)];
    assert_eq!(answers(&ask(&mut node, hash, &[1, 9])), none(hash), "it has nine");
    assert_eq!(answers(&ask(&mut node, Hash([4; 32]), &[])), none(Hash([4; 32])));
    assert_eq!(answers(&ask(&mut node, Hash([4; 32]), &[1])), none(Hash([4; 32])));
}

#[test]
fn a_block_that_was_not_passed_on_is_served_in_its_short_form_all_the_same() {
    let mut node = Node::new();
    let mut maker = node.maker();
    let payments: Vec<Transaction> = (0..8).map(|n| pay_all(&maker, &key(n), 1)).collect();
    let block = made(&mut maker, payments);
    node.blocks(std::slice::from_ref(&block));
    let answers = answers(&ask(&mut node, block.1.hash, &[]));
    assert!(
        matches!(&answers[..], [Message::CompactBlock(compact)] if (compact.ids.len(), compact.whole.len()) == (8, 1))
    );
}

#[test]
fn positions_out_of_order_and_too_many_questions_are_faults() {
    let (mut node, block) = node_with_block(0);
    node.body(&block);
    for positions in [[4, 4], [4, 1]] {
        let faults = faults(&ask(&mut node, block.1.hash, &positions));
        assert!(matches!(faults[..], [(PEER, PeerFault::Frame(FrameFault::Body(_)))]), "{faults:?}");
    }
    let burst = COMPACT_QUESTIONS_PER_SECOND * 10;
    let flood = PeerFault::Flood("GetBlockTransactions");
    let refused: Vec<_> = (0..burst).flat_map(|_| faults(&ask(&mut node, block.1.hash, &[1]))).collect();
    assert_eq!(refused, [(PEER, flood.clone()), (PEER, flood)], "two were used up before");
}

/// Found by looking: the nonces of all nodes with the usual port were the same.
#[test]
fn nodes_that_differ_in_nothing_but_their_keys_use_other_nonces() {
    let of = |byte| {
        let setup = Setup { key: NodeKey::new(tussock_noise::Key([byte; 32])), ..local() };
        let mut node = Node::with(&setup);
        node.synced();
        let mut maker = node.maker();
        let payments: Vec<Transaction> = (0..8).map(|n| pay_all(&maker, &key(n), 1)).collect();
        payments.iter().for_each(|payment| node.admit(payment).unwrap());
        let block = made(&mut maker, payments);
        node.headers(std::slice::from_ref(&block));
        let compact = news(&node.body(&block)).unwrap();
        (super::serve::template(&mut node, 9), compact.nonce)
    };
    let (one, two) = (of(1), of(2));
    assert_ne!(one.0.header.merkle_root, two.0.header.merkle_root);
    assert_ne!(one.1, two.1);
    assert_eq!(one, of(1));
}
