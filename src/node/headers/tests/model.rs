//! The header index and the locator against a plain tree of headers.

use std::collections::{BTreeMap, BTreeSet};

use proptest::prelude::*;

use super::fake::FakeArchive;
use crate::{
    base::{
        codec::List,
        hash::Hash,
        limits::{self, MAX_SYNC_HEADERS},
    },
    chain::{
        archive::{BlockStatus, HeaderRow, Tip},
        header::Header,
        seal::{ProofOfWork, Seal},
        spec::ChainSpec,
        target::Work,
    },
    node::headers::{
        header_node::{Change, HeaderLookup},
        index::Index,
        locator,
    },
};

#[derive(Clone, Debug)]
enum Op {
    /// A chain of headers on some known one, each of so much work.
    Accept {
        on: usize,
        works: Vec<u8>,
    },
    /// The ledger applies the best chain up to so many percent of its height, and has stored all headers by then.
    Apply(u32),
    Invalidate(usize),
    Withhold(usize),
    Release(usize),
}

fn op() -> impl Strategy<Value = Op> {
    let works = proptest::collection::vec(1..4u8, 1..60);
    prop_oneof![
        6 => (any::<usize>(), works).prop_map(|(on, works)| Op::Accept { on, works }),
        3 => (0..101u32).prop_map(Op::Apply),
        1 => any::<usize>().prop_map(Op::Invalidate),
        1 => any::<usize>().prop_map(Op::Withhold),
        1 => any::<usize>().prop_map(Op::Release),
    ]
}

struct Model {
    /// All headers, and their order of arrival.
    rows: BTreeMap<Hash, HeaderRow>,
    order: Vec<Hash>,
    invalid: BTreeSet<Hash>,
    withheld: BTreeSet<Hash>,
    set_aside: Vec<Hash>,
    best: Hash,
    applied: Hash,
}

impl Model {
    fn new(spec: &ChainSpec) -> Self {
        let hash = spec.genesis_hash();
        let header = spec.genesis.header.clone();
        let row = HeaderRow { hash, header, work: work(1), paused: 0, status: BlockStatus::Header };
        Self {
            rows: BTreeMap::from([(hash, row)]),
            order: vec![hash],
            invalid: BTreeSet::new(),
            withheld: BTreeSet::new(),
            set_aside: Vec::new(),
            best: hash,
            applied: hash,
        }
    }

    /// Headers on top of one; their hashes need no proof of work, which is checked before.
    fn grow(&mut self, on: Hash, works: &[u8]) -> Vec<HeaderRow> {
        let mut made: Vec<HeaderRow> = Vec::new();
        for more in works {
            let parent = made.last().unwrap_or(&self.rows[&on]).clone();
            let nonce = (self.order.len() + made.len()) as u64;
            let target = parent.header.proof().unwrap().target;
            let seal = Seal::Work(ProofOfWork { target, nonce });
            let header =
                Header { height: parent.header.height + 1, previous: parent.hash, seal, ..parent.header.clone() };
            let total = parent.work.plus(work(*more));
            made.push(HeaderRow { hash: header.hash(), header, work: total, paused: 0, status: BlockStatus::Header });
        }
        for row in &made {
            self.rows.insert(row.hash, row.clone());
            self.order.push(row.hash);
        }
        made
    }

    /// From genesis to this header.
    fn path(&self, tip: &Hash) -> Vec<Hash> {
        let mut path = Vec::new();
        let mut at = self.rows.get(tip);
        while let Some(row) = at {
            path.push(row.hash);
            at = self.rows.get(&row.header.previous);
        }
        path.reverse();
        path
    }

    fn with_descendants(&self, hash: &Hash) -> BTreeSet<Hash> {
        let mut all = BTreeSet::from([*hash]);
        // Parents arrive before children.
        for later in &self.order {
            if all.contains(&self.rows[later].header.previous) {
                all.insert(*later);
            }
        }
        all
    }

    fn is_candidate(&self, hash: &Hash) -> bool {
        !self.invalid.contains(hash) && !self.withheld.contains(hash)
    }

    /// The most work that a candidate or the applied tip has.
    fn most_work(&self) -> Work {
        let candidates = self.order.iter().filter(|hash| self.is_candidate(hash) || **hash == self.applied);
        candidates.map(|hash| self.rows[hash].work).max().unwrap()
    }

    fn apply(&mut self, index: &mut Index, archive: &FakeArchive, op: &Op) {
        match op {
            Op::Accept { on, works } => {
                let parent = self.order[on % self.order.len()];
                if self.invalid.contains(&parent) {
                    return;
                }
                let rows = self.grow(parent, works);
                if self.withheld.contains(&parent) {
                    self.withheld.extend(rows.iter().map(|row| row.hash));
                }
                let last = rows.last().unwrap();
                let change = index.accept(&rows, false).unwrap();
                // The first seen wins ties.
                let wins = self.is_candidate(&last.hash) && last.work > self.rows[&self.best].work;
                assert_eq!(change.is_some(), wins);
                if wins {
                    self.moved(change.as_ref(), last.hash);
                }
            }
            Op::Apply(percent) => {
                let path = self.path(&self.best);
                let tip = path[(path.len() - 1) * *percent as usize / 100];
                if self.rows[&tip].work < self.rows[&self.applied].work {
                    return;
                }
                let in_order: Vec<HeaderRow> = self.order.iter().map(|hash| self.rows[hash].clone()).collect();
                archive.put(&in_order);
                self.invalid.iter().for_each(|hash| archive.mark(hash, BlockStatus::Invalid));
                archive.apply(&tip);
                self.applied = tip;
                let HeaderRow { hash, header, work, .. } = self.rows[&tip].clone();
                let tip = Tip { hash, height: header.height, time: header.time, work, digest: Hash::ZERO };
                assert_eq!(index.applied_moved(&tip).unwrap(), None);
            }
            Op::Invalidate(at) => {
                let hash = self.order[at % self.order.len()];
                if self.path(&self.applied).contains(&hash) {
                    return;
                }
                let bad = self.with_descendants(&hash);
                // What was never stored is forgotten beyond this many, by design.
                if self.invalid.union(&bad).count() > limits::MAX_INVALID_KNOWN {
                    return;
                }
                // The ledger tells all that it has stored; what came since builds on these or on headers in memory.
                let mut told = vec![hash];
                for hash in bad.iter().filter(|hash| archive_has(archive, hash)) {
                    archive.mark(hash, BlockStatus::Invalid);
                    told.push(*hash);
                }
                let change = index.invalidate(&told).unwrap();
                self.invalid.extend(&bad);
                assert_eq!(change.is_some(), bad.contains(&self.best));
                self.chosen_again(index, change.as_ref());
            }
            Op::Withhold(at) => {
                let path = self.path(&self.best);
                let hash = path[at % path.len()];
                let change = index.withhold(&hash).unwrap();
                let applied = self.path(&self.applied).contains(&hash);
                assert_eq!(change.is_some(), !applied);
                if !applied {
                    self.withheld.extend(self.with_descendants(&hash));
                    self.set_aside.push(hash);
                    self.chosen_again(index, change.as_ref());
                }
            }
            Op::Release(at) => {
                if self.set_aside.is_empty() {
                    return;
                }
                let hash = self.set_aside.swap_remove(at % self.set_aside.len());
                let change = index.release(&hash).unwrap();
                if self.withheld.contains(&hash) {
                    let freed = self.with_descendants(&hash);
                    self.withheld.retain(|hash| !freed.contains(hash));
                }
                self.chosen_again(index, change.as_ref());
            }
        }
    }

    /// The index has looked at everything again: among equals any may win.
    fn chosen_again(&mut self, index: &Index, change: Option<&Change>) {
        let best = index.best_hash();
        if change.is_some() {
            self.moved(change, best);
        }
        assert_eq!(best, self.best, "a change is told");
        assert_eq!(index.best().work, self.most_work());
        assert!(self.is_candidate(&best) || best == self.applied);
    }

    /// What is told of the change leads from the old best chain to the new one.
    fn moved(&mut self, change: Option<&Change>, best: Hash) {
        let Change { above, hashes } = change.expect("a change is told");
        let mut told = self.path(&self.best)[..=*above as usize].to_vec();
        told.extend(hashes);
        assert_eq!(told, self.path(&best));
        self.best = best;
    }

    fn compare(&self, index: &Index) {
        let path = self.path(&self.best);
        let (best, applied) = (&self.rows[&self.best], &self.rows[&self.applied]);
        assert_eq!((index.best_hash(), index.best().work), (best.hash, best.work));
        assert_eq!((index.best().height as usize, index.applied().height), (path.len() - 1, applied.header.height));
        assert_eq!(index.all_applied(), best.work <= applied.work);
        let above = applied.header.height as usize + 1;
        assert_eq!(index.above(applied.header.height), path.get(above..).unwrap_or_default());
        for (height, hash) in path.iter().enumerate() {
            assert_eq!(index.hash_at(u32::try_from(height).unwrap()).unwrap().as_ref(), Some(hash));
        }
        for hash in &self.order {
            let found = index.find(hash).unwrap();
            assert_eq!(found == HeaderLookup::Invalid, self.invalid.contains(hash));
            assert!(found != HeaderLookup::Unknown);
        }
        assert_eq!(index.find(&Hash([9; 32])).unwrap(), HeaderLookup::Unknown);
    }
}

fn work(amount: u8) -> Work {
    let mut bytes = [0; 32];
    bytes[31] = amount;
    Work::from_be_bytes(bytes)
}

fn archive_has(archive: &FakeArchive, hash: &Hash) -> bool {
    use crate::chain::archive::HeaderArchive;
    archive.header(hash).unwrap().is_some()
}

/// An index over an archive in which this chain is applied.
fn applied(model: &Model, path: &[Hash]) -> (FakeArchive, Index) {
    let archive = FakeArchive::default();
    archive.put(&path.iter().map(|hash| model.rows[hash].clone()).collect::<Vec<_>>());
    archive.apply(path.last().unwrap());
    let index = Index::load(Box::new(archive.clone())).unwrap();
    (archive, index)
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 100, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn the_best_chain_is_the_one_with_the_most_work_in_the_tree(ops in proptest::collection::vec(op(), 1..40)) {
        let spec = ChainSpec::dev();
        let mut model = Model::new(&spec);
        let (archive, mut index) = applied(&model, &[spec.genesis_hash()]);
        for op in &ops {
            model.apply(&mut index, &archive, op);
            model.compare(&index);
        }
    }

    /// The shared part, ours beyond it, theirs beyond it.
    #[test]
    fn a_locator_finds_the_fork_as_closely_as_its_steps_allow(shared in 0..700usize, ours in 0..60usize, theirs in 0..250usize) {
        let spec = ChainSpec::dev();
        let mut model = Model::new(&spec);
        let trunk = model.grow(spec.genesis_hash(), &vec![1; shared]).last().map_or(spec.genesis_hash(), |row| row.hash);
        let mut grow = |count| model.grow(trunk, &vec![1; count]).last().map_or(trunk, |row| row.hash);
        let (mine, their) = (grow(ours), grow(theirs));
        let (mine, their) = (model.path(&mine), model.path(&their));
        let (_, index) = applied(&model, &mine);
        let (archive, _) = applied(&model, &their);

        let asked = locator::build(&index, None).unwrap();
        let answer = locator::answer(&archive, &asked, MAX_SYNC_HEADERS).unwrap();
        let height = |hash: &Hash| mine.iter().position(|other| other == hash).unwrap();
        let heights: Vec<usize> = asked.iter().map(height).collect();
        prop_assert!(heights.is_sorted_by(|one, other| one > other) && heights.ends_with(&[0]));
        let common = *heights.iter().find(|height| **height <= shared).unwrap();
        prop_assert_eq!(answer.common as usize, common);
        // No further below the fork than the fork is below our tip.
        prop_assert!(shared - common <= mine.len() - 1 - shared, "{} for {shared}", common);
        let expected: Vec<Header> =
            their.iter().skip(common + 1).take(MAX_SYNC_HEADERS).map(|hash| model.rows[hash].header.clone()).collect();
        prop_assert_eq!(answer.headers, expected);
        let stranger = locator::answer(&archive, &List::truncated([Hash([9; 32])]), MAX_SYNC_HEADERS).unwrap();
        prop_assert!(stranger.headers.is_empty());
    }
}
