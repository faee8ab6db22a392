//! Compact blocks and announcements that lead nowhere, or mislead.

use tussock::{
    base::limits::COMPACT_QUESTIONS_PER_SECOND,
    wire::{
        compact::{CompactBlock, ShortIds},
        message::{SERVICE_COMPACT, SERVICE_FULL},
    },
};

use super::*;

/// A block of eight payments.
fn paying_block(maker: &mut BlockMaker) -> HashedBlock {
    let to = SecretKey::well_known(9).address();
    let payments = (0..8).map(|n| maker.transfer(&SecretKey::well_known(n), to, 5_000, 100)).collect();
    maker.next_block(payments, to)
}

fn compact(block: &HashedBlock) -> CompactBlock {
    let ids = ShortIds::new(&block.hash, 3);
    let listed = block.transactions[1..].iter().map(|one| ids.of(&one.leaf));
    let whole = [(0, block.transactions[0].transaction.clone())];
    CompactBlock { header: block.header.clone(), nonce: 3, ids: List::truncated(listed), whole: List::truncated(whole) }
}

impl Scene {
    fn compact_peer(&self) -> RawPeer {
        let mut peer = RawPeer::connect(self.node.p2p(), &self.spec);
        let services = SERVICE_FULL | SERVICE_COMPACT;
        peer.send(&Message::Version(tussock::wire::message::Version {
            services,
            ..crate::support::peer::version(&self.spec, 0, Hash([7; 32]), 0)
        }));
        peer.finish_handshake();
        peer
    }

    /// The node takes the transactions of a block into its mempool.
    fn learns(&mut self, block: &HashedBlock) {
        for one in &block.transactions[1..] {
            self.honest.send(&Message::Transaction(one.transaction.to_bytes().into()));
        }
        let count = block.transactions.len() - 1;
        let start = std::time::Instant::now();
        while self.node.status()["mempool"]["count"] != count {
            assert!(start.elapsed() < crate::support::peer::PATIENCE, "{}", self.node.log());
            crate::support::attack::rest(std::time::Duration::from_millis(20));
        }
    }

    fn arrives(&self, block: &HashedBlock) {
        self.node.wait(&["height", "1"]);
        assert_eq!(self.node.tip(), block.hash);
    }
}

#[test]
fn a_compact_block_is_put_together_and_passed_on_to_peers_of_all_kinds() {
    let mut scene = Scene::new();
    let block = paying_block(&mut scene.maker());
    scene.learns(&block);
    let mut others: Vec<RawPeer> = (0..3).map(|_| scene.compact_peer()).collect();
    let mut sender = scene.compact_peer();
    sender.send(&Message::CompactBlock(Box::new(compact(&block))));
    scene.arrives(&block);
    let whole = scene.honest.read_until(|message| match message {
        Message::Block(bytes) => Some(bytes),
        _ => None,
    });
    assert_eq!(whole, block.bytes);
    let mut pushed = 0;
    for peer in &mut others {
        let told = peer.read_until(|message| match message {
            Message::CompactBlock(compact) => Some(Some(compact)),
            Message::BlockHeader(header) => (*header == block.header).then_some(None),
            Message::Block(_) => panic!("a whole block"),
            _ => None,
        });
        pushed += usize::from(told.is_some());
        peer.send(&Message::GetBlockTransactions(block.hash, List::truncated([2, 5])));
        let picked = peer.read_until(|message| match message {
            Message::BlockTransactions(_, picked) => Some(picked.into_vec()),
            _ => None,
        });
        assert_eq!(picked, [2, 5].map(|at| block.transactions[at].transaction.clone()));
    }
    assert_eq!(pushed, 2);
    sender.ping(4);
}

#[test]
fn wrong_ids_and_wrong_transactions_lead_to_the_whole_block() {
    let mut scene = Scene::new();
    let block = paying_block(&mut scene.maker());
    scene.learns(&block);
    let mut misleads = scene.compact_peer();
    let mut wrong = compact(&block);
    wrong.ids.as_mut_slice().swap(2, 3);
    misleads.send(&Message::CompactBlock(Box::new(wrong)));
    misleads.read_until(|message| (message == Message::GetBlock(block.hash)).then_some(()));
    // It does not answer. Whoever has the block is heard all the same.
    let mut helps = scene.compact_peer();
    let mut lacking = compact(&block);
    lacking.ids.as_mut_slice()[4].0 ^= 1;
    helps.send(&Message::CompactBlock(Box::new(lacking)));
    let question = Message::GetBlockTransactions(block.hash, List::truncated([5]));
    helps.read_until(|message| (message == question).then_some(()));
    let answer = |at: usize| List::truncated([block.transactions[at].transaction.clone()]);
    helps.send(&Message::BlockTransactions(block.hash, answer(4)));
    helps.read_until(|message| (message == Message::GetBlock(block.hash)).then_some(()));
    helps.send(&Message::Block(block.bytes.clone()));
    scene.arrives(&block);
    misleads.ping(4);
    helps.ping(5);
    assert_eq!(scene.node.json(&["peers"])[0]["score"], 0, "{}", scene.node.log());
}

#[test]
fn blocks_that_do_not_exist_hold_up_nothing() {
    let mut scene = Scene::new();
    let mut maker = scene.maker();
    let mut teller = scene.compact_peer();
    for fork in 0..20u32 {
        let ghost = maker.fork().next_block(vec![], SecretKey::well_known(fork % 10).address());
        teller.send(&Message::BlockHeader(Box::new(ghost.header)));
    }
    let block = paying_block(&mut maker);
    let mut told = scene.compact_peer();
    told.send(&Message::BlockHeader(Box::new(block.header.clone())));
    told.read_until(|message| (message == Message::GetBlockTransactions(block.hash, List::EMPTY)).then_some(()));
    assert_eq!(scene.node.status()["state"], "synced");
    assert_eq!(scene.node.status()["headers"], 0, "nothing is kept of a header without its body");
    // Its transactions are unknown: the node asks for all of it.
    told.send(&Message::CompactBlock(Box::new(compact(&block))));
    told.read_until(|message| (message == Message::GetBlock(block.hash)).then_some(()));
    told.send(&Message::Block(block.bytes.clone()));
    scene.arrives(&block);
    scene.honest.ping(5);
}

#[test]
fn headers_without_work_and_floods_of_questions_are_faults() {
    let mut scene = Scene::new();
    let mut header = headers(&mut scene.maker(), 1).remove(0);
    while header.has_work(&header.hash()) {
        header.next_nonce();
    }
    let empty = CompactBlock { header: header.clone(), nonce: 0, ids: List::EMPTY, whole: List::EMPTY };
    for message in [Message::BlockHeader(Box::new(header)), Message::CompactBlock(Box::new(empty))] {
        let mut culprit = scene.compact_peer();
        culprit.send(&message);
        assert_eq!(culprit.goodbye(), FAULT);
    }
    let mut culprit = scene.compact_peer();
    for _ in 0..COMPACT_QUESTIONS_PER_SECOND * 20 {
        culprit.send(&Message::GetBlockTransactions(scene.spec.genesis_hash(), List::truncated([0])));
    }
    assert_eq!(culprit.goodbye(), FAULT);
    scene.expect_unharmed();
}

/// The header commits to it, so that only whoever made the block is to blame.
#[test]
fn whoever_passes_on_an_invalid_block_in_its_short_form_is_not_to_blame() {
    let mut scene = Scene::new();
    let (mut header, transactions) = draft(&mut scene.maker(), |_| {});
    header.state_digest = Hash([8; 32]);
    let bad = testkit::seal(header, transactions);
    scene.learns(&bad);
    let mut passes_on = scene.compact_peer();
    passes_on.send(&Message::CompactBlock(Box::new(compact(&bad))));
    // Once the block is known to be invalid, whoever sends all of it is at fault. Before, it is one more copy.
    let is_blamed = || {
        let mut answers = scene.peer();
        answers.send(&Message::Block(bad.bytes.clone()));
        std::iter::from_fn(|| answers.read_within(std::time::Duration::from_millis(500))?)
            .any(|message| matches!(message, Message::Goodbye { code, .. } if Some(code) == FAULT))
    };
    assert!((0..40).any(|_| is_blamed()), "{}", scene.node.log());
    passes_on.ping(4);
    scene.expect_unharmed();
}
