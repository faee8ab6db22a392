//! The committer alone: pending changes, when they are committed, and the news then.

use super::{super::committer::Committer, *};
use crate::base::limits;

struct Rig {
    committer: Committer,
    store: FakeStore,
    maker: BlockMaker,
    now: Now,
}

impl Rig {
    fn new() -> Self {
        Self::with_flushes(Duration::ZERO)
    }

    fn with_flushes(flush_every: Duration) -> Self {
        let spec = Arc::new(ChainSpec::local());
        let store = FakeStore::new(&spec);
        let setup = Setup { flush_every, ..setup(&spec) };
        let mut committer = Committer::new(&setup, Box::new(store.clone()));
        committer.load().unwrap();
        let now = Now { mono: Time(1), unix: UnixTime(spec.parameters.genesis_time + 1_000_000) };
        Self { committer, store, maker: BlockMaker::new(spec), now }
    }

    /// Connects the next empty block.
    fn connect(&mut self) -> Made {
        let block = made(&mut self.maker, Vec::new());
        self.committer.put_headers(self.now, std::slice::from_ref(&block.0)).unwrap();
        let checked = CheckedBlock::new(&block.1, None);
        let diff = self.committer.chain().check_block(&checked).unwrap();
        self.committer.connect_new(self.now, &block.0, &checked, diff, Some(Origin::Miner)).unwrap();
        block
    }

    fn commit(&mut self) -> Vec<Action> {
        let mut out = Outbox::default();
        self.committer.commit(self.now, &mut out).unwrap();
        out.drain().collect()
    }
}

#[test]
fn every_change_starts_the_timer_of_the_commit() {
    let mut rig = Rig::new();
    assert_eq!((rig.committer.deadline(), rig.committer.is_due(rig.now)), (None, false));
    let block = made(&mut rig.maker, Vec::new());
    rig.committer.put_headers(rig.now, &[block.0]).unwrap();
    assert_eq!(rig.committer.deadline(), Some(rig.now.mono + limits::COMMIT_INTERVAL));
    assert!(!rig.committer.is_due(rig.now), "headers alone can wait");
    rig.now.mono = rig.now.mono + limits::COMMIT_INTERVAL;
    assert!(rig.committer.is_due(rig.now));
    assert_eq!(rig.commit(), [], "headers are no move of the chain");
    assert!(!rig.committer.is_due(rig.now));
}

#[test]
fn a_block_at_the_tip_is_due_at_once_and_told_with_its_commit() {
    let mut rig = Rig::new();
    let block = rig.connect();
    assert!(rig.committer.is_due(rig.now));
    assert_eq!(rig.store.committed().tip.height, 0);
    let moved = moves(&rig.commit());
    assert_eq!((moved.len(), &moved[0].added[..]), (1, &[(block.0.hash, 1)][..]));
    assert_eq!(moved[0].news, None, "the node is not synced");
    assert_eq!(rig.store.committed().tip.hash, block.0.hash);
}

#[test]
fn blocks_wait_for_each_other_while_many_are_missing() {
    let mut rig = Rig::new();
    let work = rig.maker.fork().next_block(Vec::new(), key(9).address()).header.target.expand().unwrap().work();
    rig.committer.set_best(2 * limits::COMMIT_BURST, (0..1000).fold(work, |sum, _| sum.plus(work)));
    rig.connect();
    assert!(!rig.committer.is_due(rig.now) && !rig.committer.is_batch_full());
    (1..limits::COMMIT_BLOCKS).for_each(|_| drop(rig.connect()));
    assert!(rig.committer.is_due(rig.now) && rig.committer.is_batch_full());
}

#[test]
fn the_disk_is_flushed_with_every_new_block_or_after_an_interval_also_when_nothing_follows() {
    for (seconds, expected) in [(0, [true, true, true, true]), (10, [true, false, false, true])] {
        let mut rig = Rig::with_flushes(Duration::from_secs(seconds));
        for after in [0, 4, 4, 4] {
            rig.now.mono = rig.now.mono + Duration::from_secs(after);
            let block = rig.connect();
            rig.now.unix = UnixTime(block.1.header.time);
            rig.commit();
        }
        assert_eq!(rig.store.commits(), expected, "{seconds}");
        rig.connect();
        rig.commit();
        let due = rig.committer.deadline().filter(|_| seconds > 0);
        assert_eq!(rig.store.commits().last(), Some(&(seconds == 0)));
        if let Some(due) = due {
            while rig.committer.deadline().is_some() {
                rig.now.mono = rig.committer.deadline().unwrap();
                rig.committer.tidy(rig.now).unwrap();
            }
            assert!(rig.now.mono >= due && rig.store.commits().last() == Some(&true));
            assert_eq!(rig.store.commits().len(), 6, "one more");
        }
    }
}

#[test]
fn a_block_that_comes_and_goes_between_two_commits_is_never_told() {
    let mut rig = Rig::new();
    let told = rig.connect();
    rig.commit();
    let untold = rig.connect();
    assert_eq!(rig.committer.disconnect(rig.now).unwrap(), untold.0.hash);
    assert_eq!(moves(&rig.commit()), []);
    assert_eq!(rig.committer.disconnect(rig.now).unwrap(), told.0.hash);
    rig.committer.reconnect(rig.now, &told.0, &CheckedBlock::new(&told.1, None)).unwrap();
    assert_eq!(moves(&rig.commit()), [], "it is back before anybody heard that it was gone");
    rig.committer.disconnect(rig.now).unwrap();
    assert_eq!(moves(&rig.commit())[0].removed, [told.0.hash]);
}
