//! The committer alone: pending changes, when they are committed, and the news then.

use super::{super::committer::Committer, *};
use crate::{
    base::{ids::Ticket, limits},
    node::report::Report,
};

const PEER: Origin = Origin::Link(LinkId(1));

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
        Self::of(ChainSpec::local(), flush_every)
    }

    fn of(spec: ChainSpec, flush_every: Duration) -> Self {
        let spec = Arc::new(spec);
        let store = FakeStore::new(&spec);
        let setup = Setup { flush_every, ..setup(&spec) };
        let mut committer = Committer::new(&setup, Box::new(store.clone()));
        committer.load().unwrap();
        let now = Now { mono: Time(1), unix: UnixTime(spec.parameters.genesis_time + 1_000_000) };
        Self { committer, store, maker: BlockMaker::new(spec), now }
    }

    /// Connects the next empty block, which the miner made.
    fn connect(&mut self) -> Made {
        self.connect_from(Origin::Miner)
    }

    fn connect_from(&mut self, origin: Origin) -> Made {
        let block = made(&mut self.maker, Vec::new());
        self.committer.put_headers(self.now, std::slice::from_ref(&block.0)).unwrap();
        let checked = CheckedBlock::new(&block.1);
        let diff = self.committer.chain().check_block(&checked).unwrap();
        self.committer.connect_new(self.now, &block.0, &checked, diff, (origin, false)).unwrap();
        block
    }

    fn commit(&mut self) -> Vec<Action> {
        let mut out = Outbox::default();
        self.committer.commit(self.now, &mut out).unwrap();
        out.drain().collect()
    }

    /// Connects a block of a peer, `seconds` after the one before, and tells it. Returns what was told.
    fn settle(&mut self, seconds: u64, origin: Origin) -> Vec<Action> {
        self.now.mono = self.now.mono + Duration::from_secs(seconds);
        let block = self.connect_from(origin);
        self.now.unix = UnixTime(block.1.header.time);
        assert!(self.committer.is_due(self.now));
        let mut out = Outbox::default();
        self.committer.settle(self.now, &mut out).unwrap();
        out.drain().collect()
    }

    /// Lets time pass until nothing is due.
    fn rest(&mut self) -> Vec<Action> {
        let mut out = Outbox::default();
        while let Some(due) = self.committer.deadline() {
            self.now.mono = self.now.mono.max(due);
            self.committer.tidy(self.now, &mut out).unwrap();
        }
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
    let work = rig.maker.fork().next_block(Vec::new(), key(9).address()).header.work();
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
            let block = rig.connect_from(PEER);
            rig.now.unix = UnixTime(block.1.header.time);
            rig.commit();
        }
        assert_eq!(rig.store.commits(), expected, "{seconds}");
        rig.connect_from(PEER);
        rig.commit();
        let due = rig.committer.deadline().filter(|_| seconds > 0);
        assert_eq!(rig.store.commits().last(), Some(&(seconds == 0)));
        if let Some(due) = due {
            rig.rest();
            assert!(rig.now.mono >= due && rig.store.commits().last() == Some(&true));
            assert_eq!(rig.store.commits().len(), 6, "one more");
        }
    }
}

/// Whether a crash would take back what was told, as reported last.
fn unsaved(actions: &[Action]) -> Option<bool> {
    actions.iter().rev().find_map(|action| match action {
        Action::Report(Report::Unsaved(unsaved)) => Some(*unsaved),
        _ => None,
    })
}

#[test]
fn blocks_of_peers_are_told_at_once_and_share_a_commit() {
    let mut rig = Rig::with_flushes(Duration::from_secs(20));
    assert_eq!(unsaved(&rig.settle(0, PEER)), None, "the last flush is long ago");
    assert_eq!(rig.store.commits(), [true]);
    for block in 2..5 {
        let told = rig.settle(5, PEER);
        assert_eq!((moves(&told).len(), unsaved(&told)), (1, (block == 2).then_some(true)), "block {block}");
        assert_eq!(rig.store.committed().tip.height, 1);
    }
    assert_eq!(rig.committer.deadline(), Some(Time(1) + Duration::from_secs(20)));
    let then = rig.rest();
    assert_eq!((unsaved(&then), moves(&then)), (Some(false), vec![]));
    assert_eq!((rig.store.commits(), rig.store.committed().tip.height), (vec![true, true], 4));
    assert_eq!(rig.now.mono, Time(1) + Duration::from_secs(20) + limits::LEDGER_TIDY_AFTER);
}

#[test]
fn own_blocks_whoever_asks_and_many_blocks_end_the_wait() {
    for origin in [Origin::Miner, Origin::Command(Ticket(1)), Origin::Ledger] {
        let mut rig = Rig::with_flushes(Duration::from_secs(20));
        rig.settle(0, PEER);
        rig.settle(1, PEER);
        assert_eq!(rig.store.commits(), [true]);
        assert_eq!(unsaved(&rig.settle(1, origin)), Some(false), "{origin:?}");
        assert_eq!((rig.store.commits(), rig.store.committed().tip.height), (vec![true, true], 3));
    }
    let mut rig = Rig::with_flushes(Duration::from_secs(3600));
    rig.settle(0, PEER);
    rig.settle(1, PEER);
    let mut out = Outbox::default();
    rig.committer.save(rig.now, &mut out).unwrap();
    assert_eq!(unsaved(&out.drain().collect::<Vec<_>>()), Some(false));
    assert_eq!((rig.store.commits(), rig.store.committed().tip.height), (vec![true, true], 2));
    rig.committer.save(rig.now, &mut out).unwrap();
    assert!(out.is_empty() && rig.store.commits().len() == 2, "all is saved");
    (0..64).for_each(|_| drop(rig.settle(0, PEER)));
    assert_eq!(rig.store.committed().tip.height, 2);
    assert_eq!(unsaved(&rig.settle(0, PEER)), Some(false));
    assert_eq!(rig.store.committed().tip.height, 67);
}

#[test]
fn a_reorganisation_and_the_stop_wait_for_nothing() {
    let mut rig = Rig::with_flushes(Duration::from_secs(3600));
    rig.settle(0, PEER);
    let told = rig.settle(1, PEER);
    assert_eq!(unsaved(&told), Some(true));
    let fork = rig.committer.chain().row(&moves(&told)[0].tip.hash).unwrap().header.previous;
    rig.committer.disconnect(rig.now).unwrap();
    assert_eq!(rig.committer.chain().tip().hash, fork);
    let mut out = Outbox::default();
    rig.committer.settle(rig.now, &mut out).unwrap();
    assert_eq!(unsaved(&out.drain().collect::<Vec<_>>()), Some(false));
    assert_eq!(rig.store.committed().tip.height, 1);
    let mut rig = Rig::with_flushes(Duration::from_secs(3600));
    rig.settle(0, PEER);
    rig.settle(1, PEER);
    rig.committer.commit_stop(&mut std::iter::empty(), &mut out).unwrap();
    assert_eq!(unsaved(&out.drain().collect::<Vec<_>>()), Some(false));
    assert_eq!(rig.store.committed().tip.height, 2);
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
    rig.committer.reconnect(rig.now, &told.0, &CheckedBlock::new(&told.1)).unwrap();
    assert_eq!(moves(&rig.commit()), [], "it is back before anybody heard that it was gone");
    rig.committer.disconnect(rig.now).unwrap();
    assert_eq!(moves(&rig.commit())[0].removed, [told.0.hash]);
}

/// A block of any age is on the disk before the authorities that have it call it final.
#[test]
fn on_sealed_chains_every_commit_waits_for_the_disk_and_is_told_after_it() {
    let mut rig = Rig::of(crate::chain::testkit::sealed_spec(4), Duration::from_secs(3600));
    for years in [0, 1, 2] {
        rig.connect_from(PEER);
        rig.now.unix = UnixTime(rig.now.unix.0 + years * 31_000_000);
        rig.now.mono = rig.now.mono + Duration::from_secs(1);
        let mut out = Outbox::default();
        rig.committer.settle(rig.now, &mut out).unwrap();
        let told: Vec<Action> = out.drain().collect();
        assert_eq!(unsaved(&told), None);
        assert_eq!(rig.store.commits().last(), Some(&true));
    }
    assert_eq!(rig.store.commits().len(), 3);
}
