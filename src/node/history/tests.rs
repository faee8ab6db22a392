//! The role against a strict store in memory, with blocks as the verifier passes them on.

use std::sync::{Arc, Mutex, MutexGuard};

use super::*;
use crate::{
    base::hash::Hash,
    chain::{
        archive::{BlockStatus, HeaderRow, LedgerStore},
        block::HashedBlock,
        checked::CheckedBlock,
        header::Header,
        key::SecretKey,
        past::PastBlock,
        rules::BlockFault,
        spec::ChainSpec,
        testkit::{self, BlockMaker},
    },
    node::{
        Action,
        ledger::fake::{FakeStore, setup},
        notice::{ToFetch, ToLedger},
        testing::{Actions, Driver},
    },
};

/// The height of the snapshot.
const GOAL: u32 = 20;

/// The second ledger in memory.
#[derive(Clone, Default)]
struct Second(Arc<Mutex<Inner>>);

#[derive(Default)]
struct Inner {
    ledger: Option<FakeStore>,
    /// What opening it meets first.
    fault: Option<StoreError>,
    removed: usize,
}

impl Second {
    fn inner(&self) -> MutexGuard<'_, Inner> {
        self.0.lock().unwrap()
    }

    fn ledger(&self) -> FakeStore {
        self.inner().ledger.clone().expect("it is open")
    }

    fn removed(&self) -> usize {
        self.inner().removed
    }
}

impl PastStore for Second {
    fn open(&mut self) -> Result<Box<dyn LedgerStore>, StoreError> {
        let mut inner = self.inner();
        if let Some(error) = inner.fault.take() {
            return Err(error);
        }
        let ledger = inner.ledger.get_or_insert_with(|| FakeStore::new(&ChainSpec::local())).clone();
        ledger.crash();
        Ok(Box::new(ledger))
    }

    fn remove(&mut self) -> Result<(), StoreError> {
        let mut inner = self.inner();
        *inner = Inner { removed: inner.removed + 1, ..Inner::default() };
        Ok(())
    }
}

/// The first ledger's headers.
#[derive(Clone)]
struct Headers(Vec<HeaderRow>);

impl HeaderArchive for Headers {
    fn header(&self, hash: &Hash) -> Result<Option<HeaderRow>, StoreError> {
        Ok(self.0.iter().find(|row| row.hash == *hash).cloned())
    }

    fn applied_at(&self, height: u32) -> Result<Option<HeaderRow>, StoreError> {
        Ok(self.0.get(height as usize).cloned())
    }

    fn applied_from(&self, from: u32, count: usize) -> Result<Vec<Header>, StoreError> {
        Ok(self.0.iter().skip(from as usize).take(count).map(|row| row.header.clone()).collect())
    }

    fn best_header(&self) -> Result<HeaderRow, StoreError> {
        Ok(self.0.last().expect("there is genesis").clone())
    }

    fn fork_headers(&self) -> Result<usize, StoreError> {
        Ok(0)
    }
}

/// A chain with a payment in each block, and one block above the snapshot.
struct Chain {
    maker: BlockMaker,
    headers: Headers,
    blocks: Vec<HashedBlock>,
}

impl Chain {
    fn new() -> Self {
        let maker = BlockMaker::new(Arc::new(ChainSpec::local()));
        let row = HeaderRow { status: BlockStatus::Applied, ..maker.header_row() };
        let mut chain = Self { maker, headers: Headers(vec![row]), blocks: Vec::new() };
        (0..=GOAL).for_each(|_| chain.extend(|_, _| {}));
        chain
    }

    /// Adds a block, changed before it is sealed.
    fn extend(&mut self, change: impl FnOnce(&mut Header, &mut Vec<crate::chain::block::HashedTransaction>)) {
        let (from, to) = (SecretKey::well_known(1), SecretKey::well_known(2).address());
        let payments = vec![self.maker.transfer(&from, to, 10, 1)];
        let (mut header, mut all) = self.maker.assemble(payments, to, self.maker.next_time());
        change(&mut header, &mut all);
        let block = testkit::seal(header, all);
        self.maker.connect(&block);
        self.headers.0.push(HeaderRow { status: BlockStatus::Applied, ..self.maker.header_row() });
        self.blocks.push(block);
    }
}

struct Rig {
    driver: Driver<History>,
    second: Second,
    chain: Chain,
}

impl Rig {
    fn new(chain: Chain, second: Second) -> Self {
        let stores: (Box<dyn PastStore>, Box<dyn HeaderArchive>) =
            (Box::new(second.clone()), Box::new(chain.headers.clone()));
        let driver = Driver::new(History::new(&setup(chain.maker.spec()), stores));
        Self { driver, second, chain }
    }

    fn begin(&mut self) -> Actions {
        self.driver.notice(ToHistory::Begin { kept_from: GOAL + 1 })
    }

    /// Gives blocks as the verifier does.
    fn give(&mut self, heights: impl IntoIterator<Item = u32>) -> Actions {
        let mut all = Actions(Vec::new());
        for height in heights {
            let block = Arc::new(CheckedBlock::new(&self.chain.blocks[height as usize - 1]));
            all.0.extend(self.driver.notice(ToHistory::BlockChecked(block)).0);
        }
        all.0.extend(self.driver.run(std::time::Duration::from_millis(1)).0);
        all
    }

    /// Keeps what is carried over, as the ledger does; returns it.
    fn keep(&mut self, mut actions: Actions) -> Vec<PastBlock> {
        let mut kept = Vec::new();
        loop {
            let blocks: Vec<PastBlock> = actions
                .told::<ToLedger>()
                .into_iter()
                .flat_map(|notice| match notice {
                    ToLedger::KeepPast(blocks) => blocks,
                    other => panic!("{other:?}"),
                })
                .collect();
            let Some(last) = blocks.last().map(|block| block.height) else { return kept };
            kept.extend(blocks);
            actions = self.driver.notice(ToHistory::Kept(last));
            actions.0.extend(self.driver.run(std::time::Duration::from_secs(1)).0);
        }
    }
}

fn wanted(actions: &Actions) -> Vec<(u32, usize)> {
    let want = |notice| match notice {
        ToFetch::WantPast { above, hashes } => Some((above, hashes.len())),
        _ => None,
    };
    actions.told::<ToFetch>().into_iter().filter_map(want).collect()
}

/// Why the node halts.
fn halt(actions: &Actions) -> Option<Halt> {
    actions.0.iter().find_map(|action| match action {
        Action::Halt(halt) => Some(halt.clone()),
        _ => None,
    })
}

fn assert_refuted(actions: &Actions, what: &str) {
    let Some(Halt::History(text)) = halt(actions) else { panic!("{actions:?}") };
    assert!(text.starts_with("the history does not lead to the coins with which this node began"), "{text}");
    assert!(text.contains(what) && text.contains("start without --join"), "{text}");
}

#[test]
fn the_past_is_verified_in_order_and_carried_over_from_above() {
    let mut rig = Rig::new(Chain::new(), Second::default());
    assert_eq!(wanted(&rig.begin()), [(0, GOAL as usize)]);
    let actions = rig.give((2..=GOAL).rev());
    assert_eq!((wanted(&actions), halt(&actions)), (vec![], None), "all wait for the first");
    let actions = rig.give([1]);
    assert!(actions.reports().contains(&Report::History { verified: GOAL, goal: GOAL }));
    let kept = rig.keep(actions);
    assert_eq!(kept.iter().map(|block| block.height).collect::<Vec<_>>(), (1..=GOAL).rev().collect::<Vec<_>>());
    for block in kept {
        let made = &rig.chain.blocks[block.height as usize - 1];
        assert_eq!((block.hash, &block.body, block.spent.len()), (made.hash, &made.bytes, 1));
    }
    assert_eq!(rig.second.removed(), 1);
}

#[test]
fn coins_that_the_history_does_not_make_stop_the_node() {
    let mut chain = Chain::new();
    // The header above the snapshot commits to coins that somebody made up.
    chain.headers.0.last_mut().unwrap().header.state_digest = Hash([9; 32]);
    let mut rig = Rig::new(chain, Second::default());
    rig.begin();
    assert_refuted(&rig.give(1..=GOAL), "its header says 0909");
    // And at each start.
    let (chain, second) = (rig.chain, rig.second);
    let mut rig = Rig::new(chain, second);
    assert_refuted(&rig.begin(), "its header says 0909");
    assert_eq!(rig.second.removed(), 0);
}

#[test]
fn an_invalid_block_of_the_past_stops_the_node() {
    let mut chain = Chain::new();
    chain.blocks.truncate(9);
    chain.headers.0.truncate(10);
    let mut maker = BlockMaker::new(chain.maker.spec().clone());
    chain.blocks.iter().for_each(|block| maker.connect(block));
    chain.maker = maker;
    // A coinbase of more than it may have.
    let to = SecretKey::well_known(2).address();
    chain.extend(|header, all| {
        all[0] = crate::chain::block::HashedTransaction::new(testkit::coinbase(header.height, to, u64::MAX >> 2, b""));
    });
    (0..GOAL).for_each(|_| chain.extend(|_, _| {}));
    let mut rig = Rig::new(chain, Second::default());
    rig.begin();
    assert_refuted(&rig.give(1..=GOAL), "at height 10 is invalid");
}

#[test]
fn a_block_whose_signatures_do_not_hold_stops_the_node() {
    let mut rig = Rig::new(Chain::new(), Second::default());
    rig.begin();
    let hash = rig.chain.blocks[4].hash;
    let fault = Box::new(BlockFault::Empty);
    assert_refuted(&rig.driver.notice(ToHistory::BodyInvalid { hash, fault }), &hash.to_string());
}

#[test]
fn a_restart_goes_on_behind_the_last_commit_and_a_stop_commits() {
    let mut rig = Rig::new(Chain::new(), Second::default());
    rig.begin();
    rig.give(1..=7);
    rig.driver.event(crate::node::Event::Stop);
    let (chain, second) = (rig.chain, rig.second);
    let mut rig = Rig::new(chain, second);
    assert_eq!(wanted(&rig.begin()), [(7, GOAL as usize - 7)]);
    rig.give(8..=12);
    // Killed before the next commit.
    let (chain, second) = (rig.chain, rig.second);
    let mut rig = Rig::new(chain, second);
    assert_eq!(wanted(&rig.begin()), [(7, GOAL as usize - 7)]);
    let actions = rig.give(8..=GOAL);
    assert_eq!(rig.keep(actions).len(), GOAL as usize);
}

#[test]
fn a_restart_carries_on_from_the_lowest_block_that_is_kept() {
    let mut rig = Rig::new(Chain::new(), Second::default());
    rig.begin();
    rig.give(1..=GOAL);
    let (chain, second) = (rig.chain, rig.second);
    let mut rig = Rig::new(chain, second);
    let mut actions = rig.driver.notice(ToHistory::Begin { kept_from: 6 });
    actions.0.extend(rig.driver.run(std::time::Duration::from_millis(1)).0);
    let kept = rig.keep(actions);
    assert_eq!(kept.iter().map(|block| block.height).collect::<Vec<_>>(), [5, 4, 3, 2, 1]);
    assert_eq!(rig.second.removed(), 1);
}

#[test]
fn a_full_ledger_needs_none_of_it() {
    let mut rig = Rig::new(Chain::new(), Second::default());
    let actions = rig.driver.notice(ToHistory::Begin { kept_from: 1 });
    assert_eq!((wanted(&actions), rig.second.removed()), (vec![], 1));
}

#[test]
fn a_damaged_second_ledger_is_made_again() {
    let second = Second::default();
    second.inner().fault = Some(StoreError::Corrupt("a page".to_owned()));
    let mut rig = Rig::new(Chain::new(), second);
    assert_eq!(wanted(&rig.begin()), [(0, GOAL as usize)]);
    assert_eq!(rig.second.removed(), 1);
    rig.give(1..=7);
    // Its coins are wrong and the next block right.
    rig.driver.event(crate::node::Event::Stop);
    let ledger = rig.second.ledger();
    let (chain, second) = (rig.chain, rig.second);
    let mut rig = Rig::new(chain, second);
    rig.begin();
    ledger.damage(|data| data.coins.clear());
    let actions = rig.give([8]);
    assert_eq!((wanted(&actions), halt(&actions)), (vec![(0, GOAL as usize)], None));
    let actions = rig.give(1..=GOAL);
    assert_eq!(rig.keep(actions).len(), GOAL as usize);
}

#[test]
fn the_header_above_may_come_later() {
    let mut chain = Chain::new();
    let all = chain.headers.clone();
    chain.headers.0.pop();
    let mut rig = Rig::new(chain, Second::default());
    rig.begin();
    let actions = rig.give(1..=GOAL);
    assert_eq!((halt(&actions), actions.told::<ToLedger>()), (None, vec![]));
    let wake = rig.driver.role.deadline().expect("it looks again");
    assert!(wake > rig.driver.now.mono);
    // What it does then depends on the time that is reached, not on who wakes it.
    rig.driver.role.files.headers = Box::new(all);
    assert!(rig.driver.event(crate::node::Event::Wake).0.is_empty());
    assert_eq!(rig.driver.role.deadline(), Some(wake));
    let actions = rig.driver.run(wake.since(rig.driver.now.mono));
    assert_eq!(rig.keep(actions).len(), GOAL as usize);
}
