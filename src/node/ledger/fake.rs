//! A ledger store in memory for tests. It panics on calls that the trait allows and a correct ledger never makes.

use std::{
    collections::{BTreeMap, BTreeSet},
    sync::{Arc, Mutex, MutexGuard},
};

use crate::{
    base::{bytes::Bytes, hash::Hash},
    chain::{
        archive::{BlockStatus, HeaderArchive, HeaderRow, LedgerStore, StoreError, Submission, Tip},
        block::{HashedBlock, HashedTransaction},
        coin::{Coin, CoinChange, CoinChanges, coins_created},
        coin_key::CoinKey,
        digest::StateSum,
        header::Header,
        snapshot::{Adoption, JoinState, Manifest, SnapshotFault},
        spec::ChainSpec,
        transaction::OutPoint,
    },
    node::Setup,
};

/// A handle to the store; clones see the same data, so that a test can look inside and "restart" a ledger.
#[derive(Clone)]
pub(crate) struct FakeStore(Arc<Mutex<Inner>>);

struct Inner {
    committed: Data,
    working: Data,
    commits: Vec<bool>,
    tidied: usize,
    failing: bool,
    /// There is no room for transactions of users.
    is_full: bool,
    /// The first step of an adoption was asked for.
    is_adopting: bool,
}

/// All that the store holds.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Data {
    pub(crate) headers: BTreeMap<Hash, HeaderRow>,
    pub(crate) bodies: BTreeMap<Hash, Bytes>,
    pub(crate) applied: Vec<Hash>,
    pub(crate) undo: BTreeMap<Hash, CoinChanges>,
    pub(crate) coins: BTreeMap<OutPoint, Coin>,
    pub(crate) mempool: Vec<Bytes>,
    pub(crate) submitted: Vec<Submission>,
    pub(crate) tip: Tip,
    pub(crate) sum: StateSum,
    pub(crate) join: JoinState,
}

/// What roles of a test node are made from.
pub(crate) fn setup(spec: &Arc<ChainSpec>) -> Setup {
    Setup { listen_port: 4130, mine_rate: 0, ..Setup::bare(spec.clone()) }
}

impl FakeStore {
    /// A store with the genesis block applied.
    pub(crate) fn new(spec: &ChainSpec) -> Self {
        let HashedBlock { hash, header, transactions, bytes, .. } = spec.genesis.clone();
        let work = spec.genesis_work();
        let tip = Tip { hash, height: 0, time: header.time, work, digest: spec.genesis_digest };
        let row = HeaderRow { hash, header, work, paused: 0, status: BlockStatus::Applied };
        let data = Data {
            headers: BTreeMap::from([(hash, row)]),
            bodies: BTreeMap::from([(hash, bytes)]),
            applied: vec![hash],
            undo: BTreeMap::new(),
            coins: coins_created(&transactions[0], 0).collect(),
            mempool: Vec::new(),
            submitted: Vec::new(),
            tip,
            sum: spec.genesis_sum(),
            join: JoinState::History,
        };
        let inner = Inner {
            committed: data.clone(),
            working: data,
            commits: Vec::new(),
            tidied: 0,
            failing: false,
            is_full: false,
            is_adopting: false,
        };
        Self(Arc::new(Mutex::new(inner)))
    }

    /// What a crash now would leave.
    pub(crate) fn committed(&self) -> Data {
        self.inner().committed.clone()
    }

    /// Whether each commit so far was durable.
    pub(crate) fn commits(&self) -> Vec<bool> {
        self.inner().commits.clone()
    }

    /// How often the store did its housekeeping.
    pub(crate) fn tidied(&self) -> usize {
        self.inner().tidied
    }

    /// Loses all uncommitted changes.
    pub(crate) fn crash(&self) {
        let mut inner = self.inner();
        inner.working = inner.committed.clone();
    }

    /// What the store answers with now.
    pub(crate) fn working(&self) -> Data {
        self.inner().working.clone()
    }

    /// Changes the stored data without the ledger's knowledge.
    pub(crate) fn damage(&self, damage: impl FnOnce(&mut Data)) {
        damage(&mut self.inner().working);
    }

    /// Lets there be no room for transactions of users, or room again.
    pub(crate) fn set_full(&self, is_full: bool) {
        self.inner().is_full = is_full;
    }

    /// Lets everything fail from now on.
    pub(crate) fn fail(&self) {
        self.inner().failing = true;
    }

    fn inner(&self) -> MutexGuard<'_, Inner> {
        self.0.lock().expect("no test panics while it holds the store")
    }

    fn read<T>(&self, read: impl FnOnce(&Data) -> T) -> Result<T, StoreError> {
        self.write(|data| read(data))
    }

    fn write<T>(&self, write: impl FnOnce(&mut Data) -> T) -> Result<T, StoreError> {
        let mut inner = self.inner();
        if inner.failing { Err(StoreError::Io("no disk".to_owned())) } else { Ok(write(&mut inner.working)) }
    }
}

impl Data {
    fn coins_sum(&self) -> StateSum {
        let mut sum = StateSum::default();
        self.coins.iter().for_each(|(outpoint, coin)| sum.add(&CoinKey::of(outpoint), coin));
        sum
    }

    fn status(&mut self, hash: &Hash, from: &[BlockStatus], to: BlockStatus) {
        let row = self.headers.get_mut(hash).expect("the header is stored");
        assert!(from.contains(&row.status), "{hash} goes from {:?} to {to:?}", row.status);
        row.status = to;
    }
}

impl HeaderArchive for FakeStore {
    fn header(&self, hash: &Hash) -> Result<Option<HeaderRow>, StoreError> {
        self.read(|data| data.headers.get(hash).cloned())
    }

    fn applied_at(&self, height: u32) -> Result<Option<HeaderRow>, StoreError> {
        self.read(|data| data.applied.get(height as usize).and_then(|hash| data.headers.get(hash)).cloned())
    }

    fn applied_from(&self, from: u32, count: usize) -> Result<Vec<Header>, StoreError> {
        self.read(|data| {
            let hashes = data.applied.iter().skip(from as usize).take(count);
            hashes.map(|hash| data.headers[hash].header.clone()).collect()
        })
    }

    fn best_header(&self) -> Result<HeaderRow, StoreError> {
        self.read(|data| {
            let valid = data.headers.values().filter(|row| row.status != BlockStatus::Invalid);
            valid.max_by_key(|row| row.work).expect("genesis is valid").clone()
        })
    }

    fn fork_headers(&self) -> Result<usize, StoreError> {
        self.read(|data| data.headers.len() - data.applied.len())
    }
}

impl LedgerStore for FakeStore {
    fn tip(&self) -> Result<Tip, StoreError> {
        self.read(|data| data.tip.clone())
    }

    fn state_sum(&self) -> Result<StateSum, StoreError> {
        self.read(|data| data.sum.clone())
    }

    fn put_headers(&mut self, rows: &[HeaderRow]) -> Result<(), StoreError> {
        self.write(|data| {
            for row in rows {
                let parent = data.headers.get(&row.header.previous).expect("the parent is stored").status;
                let status = if parent == BlockStatus::Invalid { parent } else { row.status };
                data.headers.entry(row.hash).or_insert_with(|| HeaderRow { status, ..row.clone() });
            }
        })
    }

    fn put_body(&mut self, hash: &Hash, body: &Bytes) -> Result<(), StoreError> {
        self.write(|data| {
            data.status(hash, &[BlockStatus::Header], BlockStatus::Stored);
            data.bodies.insert(*hash, body.clone());
        })
    }

    fn body(&self, hash: &Hash) -> Result<Option<Bytes>, StoreError> {
        self.read(|data| data.bodies.get(hash).cloned())
    }

    fn has_body(&self, hash: &Hash) -> Result<bool, StoreError> {
        self.read(|data| data.bodies.contains_key(hash))
    }

    fn apply(&mut self, height: u32, hash: &Hash, undo: &CoinChanges) -> Result<(), StoreError> {
        self.write(|data| {
            data.status(hash, &[BlockStatus::Stored], BlockStatus::Applied);
            assert_eq!(data.applied.last(), Some(&data.headers[hash].header.previous));
            assert_eq!(data.applied.len(), height as usize);
            data.applied.push(*hash);
            data.undo.insert(*hash, undo.clone());
        })
    }

    fn unapply(&mut self, height: u32, hash: &Hash) -> Result<CoinChanges, StoreError> {
        self.write(|data| {
            data.status(hash, &[BlockStatus::Applied], BlockStatus::Stored);
            assert_eq!((data.applied.len() - 1, data.applied.pop()), (height as usize, Some(*hash)));
            data.undo.remove(hash).expect("an applied block has undo data")
        })
    }

    fn changes_of(&self, height: u32, hash: &Hash) -> Result<CoinChanges, StoreError> {
        self.read(|data| {
            assert_eq!(data.applied.get(height as usize), Some(hash));
            data.undo[hash].clone()
        })
    }

    fn mark_invalid(&mut self, hash: &Hash) -> Result<Vec<Hash>, StoreError> {
        self.write(|data| {
            let mut marked = vec![*hash];
            let mut at = 0;
            while let Some(parent) = marked.get(at).copied() {
                let children = data.headers.values().filter(|row| row.header.previous == parent);
                marked.extend(children.map(|row| row.hash));
                at += 1;
            }
            marked.retain(|hash| data.headers.get(hash).is_none_or(|row| row.status != BlockStatus::Invalid));
            for hash in &marked {
                data.status(hash, &[BlockStatus::Header, BlockStatus::Stored], BlockStatus::Invalid);
            }
            marked
        })
    }

    fn unmark_invalid(&mut self, hash: &Hash, only: Option<&[Hash]>) -> Result<Vec<HeaderRow>, StoreError> {
        self.write(|data| {
            let mut family = vec![];
            let mut next = *hash;
            while let Some(row) = data.headers.get(&next).filter(|row| row.status == BlockStatus::Invalid) {
                family.insert(0, row.hash);
                next = row.header.previous;
            }
            let mut at = family.len().saturating_sub(1);
            while let Some(parent) = family.get(at).copied() {
                family.extend(data.headers.values().filter(|row| row.header.previous == parent).map(|row| row.hash));
                at += 1;
            }
            let family = only.map_or(family, <[Hash]>::to_vec);
            for hash in &family {
                let has_body = data.bodies.contains_key(hash);
                let status = if has_body { BlockStatus::Stored } else { BlockStatus::Header };
                data.status(hash, &[BlockStatus::Invalid], status);
            }
            family.iter().map(|hash| data.headers[hash].clone()).collect()
        })
    }

    fn coin(&self, key: &CoinKey) -> Result<Option<Coin>, StoreError> {
        self.read(|data| data.coins.get(&key.outpoint).cloned())
    }

    fn coins_sum(&self) -> Result<StateSum, StoreError> {
        self.read(Data::coins_sum)
    }

    fn flush_coins(&mut self, changes: &mut dyn Iterator<Item = CoinChange>) -> Result<(), StoreError> {
        self.write(|data| {
            for CoinChange { key, coin } in changes {
                let was = match coin {
                    Some(coin) => data.coins.insert(key.outpoint, coin).is_none(),
                    None => data.coins.remove(&key.outpoint).is_some(),
                };
                assert!(was, "a coin is made where none was, or an existing one removed");
            }
        })
    }

    fn commit(&mut self, tip: &Tip, sum: &StateSum, durable: bool) -> Result<(), StoreError> {
        self.write(|data| {
            assert_eq!(data.applied.last(), Some(&tip.hash));
            (data.tip, data.sum) = (tip.clone(), sum.clone());
            let mut coins = data.coins_sum();
            assert!(coins == *sum && coins.digest() == tip.digest, "sum and digest are those of the coins");
        })?;
        let mut inner = self.inner();
        inner.committed = inner.working.clone();
        inner.commits.push(durable);
        Ok(())
    }

    fn tidy(&mut self) -> Result<bool, StoreError> {
        self.inner().tidied += 1;
        Ok(false)
    }

    fn save_mempool(&mut self, transactions: &mut dyn Iterator<Item = Bytes>) -> Result<(), StoreError> {
        self.write(|data| data.mempool = transactions.collect())
    }

    fn load_mempool(&self) -> Result<Vec<Bytes>, StoreError> {
        self.read(|data| data.mempool.clone())
    }

    /// Outlives a crash, as a file does.
    fn keep_submitted(&mut self, transactions: &[Submission]) -> Result<(), StoreError> {
        if self.inner().is_full {
            return Err(StoreError::Io("no space left on device".to_owned()));
        }
        let keep = |data: &mut Data| data.submitted.extend_from_slice(transactions);
        self.write(keep)?;
        keep(&mut self.inner().committed);
        Ok(())
    }

    fn retain_submitted(&mut self, txids: &BTreeSet<Hash>) -> Result<(), StoreError> {
        let is_kept = |submission: &Submission| {
            HashedTransaction::decode(&submission.bytes).is_ok_and(|hashed| txids.contains(&hashed.txid))
        };
        let retain = |data: &mut Data| data.submitted.retain(is_kept);
        self.write(retain)?;
        retain(&mut self.inner().committed);
        Ok(())
    }

    fn load_submitted(&self) -> Result<Vec<Submission>, StoreError> {
        self.read(|data| data.submitted.clone())
    }

    fn stored_above(&self, height: u32) -> Result<Vec<HeaderRow>, StoreError> {
        self.read(|data| {
            let stored = data.headers.values().filter(|row| row.status == BlockStatus::Stored);
            stored.filter(|row| row.header.height > height).cloned().collect()
        })
    }

    fn join_state(&self) -> Result<JoinState, StoreError> {
        self.read(|data| data.join)
    }

    fn begin_join(&mut self) -> Result<(), StoreError> {
        self.write(|data| data.join = JoinState::Joining)
    }

    fn abandon_join(&mut self) -> Result<Tip, StoreError> {
        assert_eq!(self.working(), self.committed(), "headers are not committed");
        let tip = self.write(|data| {
            data.applied.truncate(1);
            data.headers.retain(|hash, _| *hash == data.applied[0]);
            let HeaderRow { hash, header, work, .. } = data.headers[&data.applied[0]].clone();
            data.tip = Tip { hash, height: 0, time: header.time, work, digest: data.tip.digest };
            data.join = JoinState::History;
            data.tip.clone()
        })?;
        self.commit(&tip, &self.state_sum()?, true)?;
        Ok(tip)
    }

    fn apply_header(&mut self, height: u32, hash: &Hash) -> Result<(), StoreError> {
        self.write(|data| {
            assert_eq!(data.applied.len(), height as usize);
            data.status(hash, &[BlockStatus::Header], BlockStatus::Applied);
            data.applied.push(*hash);
        })
    }

    /// Refuses each snapshot with the second step.
    fn adopt_snapshot(&mut self, _: &Manifest, _: u128) -> Result<Adoption, StoreError> {
        assert_eq!(self.working(), self.committed(), "headers are not committed");
        let mut inner = self.inner();
        inner.is_adopting = !inner.is_adopting;
        let fault = SnapshotFault::Count;
        Ok(if inner.is_adopting {
            Adoption::More { done: 0, all: 1 }
        } else {
            Adoption::Refused { bucket: None, fault }
        })
    }
}
