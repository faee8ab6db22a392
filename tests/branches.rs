//! Four peers deliver trees of branches, up to 500 blocks deep, in random order. The ledger always ends at a leaf with the
//! most work, with exactly that branch's coins.

use std::{collections::BTreeMap, sync::Arc};

use tussock::{
    base::{
        hash::Hash,
        ids::LinkId,
        limits,
        rng::Rng,
        time::{Now, Time, UnixTime},
    },
    chain::{
        archive::{HeaderRow, LedgerStore},
        block::HashedBlock,
        checked::CheckedBlock,
        coin_key::CoinKey,
        key::SecretKey,
        spec::ChainSpec,
        testkit::BlockMaker,
    },
    node::{
        Action, AnyRole as _, Event, LinkAction, Notice, Origin, Outbox, Setup,
        ledger::Ledger,
        notice::{ToHeaders, ToLedger},
    },
    store::SharedLedger,
};

const TREES: u64 = 200;
const DEEPEST: u64 = 500;
const PEERS: usize = 4;

/// The blocks of a tree, parents first, and the makers at its leaves.
struct Tree {
    blocks: Vec<(HeaderRow, Arc<HashedBlock>)>,
    leaves: Vec<BlockMaker>,
}

impl Tree {
    /// Grows a tree with one long branch. The others begin anywhere on it or on each other.
    fn grow(spec: &Arc<ChainSpec>, rng: &mut Rng) -> Self {
        let (mut blocks, mut leaves) = (Vec::new(), vec![BlockMaker::new(spec.clone())]);
        // All orders of magnitude are equally likely.
        let magnitude = rng.between(2, 9);
        let depth = rng.between(2, 1 << magnitude).min(DEEPEST);
        while u64::from(leaves[0].height()) < depth {
            let at = if rng.chance(600_000) { 0 } else { below(rng, leaves.len()) };
            if leaves.len() < 6 && rng.below(depth) < 4 {
                leaves.push(leaves[at].fork());
            }
            let maker = &mut leaves[at];
            // Each branch has its own miner, so that empty blocks differ.
            let miner = SecretKey::well_known(10 + u32::try_from(at).expect("a few leaves")).address();
            let payment = rng.chance(50_000).then(|| {
                let from = SecretKey::well_known(u32::try_from(rng.below(8)).expect("below 8"));
                maker.transfer(&from, miner, rng.between(1, 1_000), rng.below(50))
            });
            let block = maker.next_block(payment.into_iter().collect(), miner);
            blocks.push((maker.header_row(), Arc::new(block)));
        }
        Self { blocks, leaves }
    }
}

fn below(rng: &mut Rng, count: usize) -> usize {
    usize::try_from(rng.below(count as u64)).expect("below a usize")
}

/// A ledger with its clock, and the headers that it does not know yet.
struct Node {
    ledger: Ledger,
    store: SharedLedger,
    now: Now,
    /// Headers that were not delivered yet, by hash.
    unknown: BTreeMap<Hash, HeaderRow>,
}

impl Node {
    fn new(spec: &Arc<ChainSpec>, tree: &Tree) -> Self {
        let store = SharedLedger::in_memory(spec).expect("a ledger in memory");
        let ledger = Ledger::new(&Setup::bare(spec.clone()), Box::new(store.clone()));
        let now = Now { mono: Time(1), unix: UnixTime(spec.parameters.genesis_time + 1_000_000) };
        let unknown = tree.blocks.iter().map(|(row, _)| (row.hash, row.clone())).collect();
        let mut node = Self { ledger, store, now, unknown };
        node.hear(Event::Start);
        node
    }

    fn hear(&mut self, event: Event) {
        let mut out = Outbox::default();
        self.ledger.hear(self.now, event, &mut out);
        for action in out.drain() {
            let wrong = matches!(action, Action::Halt(_) | Action::Link(LinkAction::Close { .. }))
                || matches!(action, Action::Tell(Notice::Headers(ToHeaders::BlocksInvalid { .. })));
            assert!(!wrong, "{action:?}");
        }
    }

    /// A peer delivers a block, after the headers that lead to it.
    fn deliver(&mut self, peer: u64, block: &Arc<HashedBlock>) {
        let mut rows = Vec::new();
        let mut hash = block.hash;
        while let Some(row) = self.unknown.remove(&hash) {
            hash = row.header.previous;
            rows.push(row);
        }
        rows.reverse();
        for batch in rows.chunks(limits::MAX_SYNC_HEADERS) {
            self.hear(Event::Notice(ToLedger::StoreHeaders(batch.to_vec()).into()));
        }
        let origin = Origin::Link(LinkId(peer));
        let block = Arc::new(CheckedBlock::new(block));
        self.hear(Event::Notice(ToLedger::BlockChecked { origin, block }.into()));
    }

    fn pass(&mut self) {
        self.now.mono = self.now.mono + limits::COMMIT_INTERVAL;
        self.hear(Event::Wake);
    }
}

#[test]
fn four_peers_deliver_trees_in_random_order_and_the_most_work_wins() {
    let spec = Arc::new(ChainSpec::dev());
    let mut deepest = 0;
    for seed in 0..TREES {
        let mut rng = Rng::from_number(seed).fork("branches");
        let tree = Tree::grow(&spec, &mut rng);
        let mut node = Node::new(&spec, &tree);
        // At least one peer has each block.
        let mut queues: Vec<Vec<Arc<HashedBlock>>> = vec![Vec::new(); PEERS];
        for (at, (_, block)) in tree.blocks.iter().enumerate() {
            for (peer, queue) in queues.iter_mut().enumerate() {
                if at % PEERS == peer || rng.chance(200_000) {
                    queue.push(block.clone());
                }
            }
        }
        queues.iter_mut().for_each(|queue| rng.shuffle(queue));
        while queues.iter().any(|queue| !queue.is_empty()) {
            let peer = below(&mut rng, PEERS);
            if let Some(block) = queues[peer].pop() {
                node.deliver(peer as u64, &block);
            }
            if rng.chance(10_000) {
                node.pass();
            }
        }
        node.pass();
        node.pass();

        let tip = LedgerStore::tip(&node.store).expect("a tip");
        let sum = node.store.state_sum().expect("a sum");
        let most = tree.leaves.iter().map(|leaf| leaf.tip().work).max().expect("a leaf");
        let winner = tree.leaves.iter().find(|leaf| leaf.hash() == tip.hash);
        let winner = winner.unwrap_or_else(|| panic!("tree {seed}: {tip:?} is no leaf"));
        assert_eq!((tip.work, &tip), (most, &winner.tip()), "tree {seed}");
        assert!(sum == *winner.sum(), "tree {seed}: the coins' sum");
        for (outpoint, coin) in winner.coins() {
            assert_eq!(
                node.store.coin(&CoinKey::of(outpoint)).expect("a readable coin").as_ref(),
                Some(coin),
                "tree {seed}"
            );
        }
        deepest = deepest.max(tip.height);
    }
    assert!(deepest > 400, "the deepest tip is at {deepest}");
}
