//! One store for the ledgers of all nodes of a large network: what depends on a block alone is kept once, and of each node
//! only which blocks it has and in which order it has applied them.
//!
//! Every change counts as committed at once. Networks with crashes need [`crate::store::SharedLedger`].

use std::{
    collections::BTreeMap,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
};

use crate::{
    base::{bytes::Bytes, hash::Hash},
    chain::{
        archive::{BlockStatus, HeaderArchive, HeaderRow, LedgerStore, StoreError, Tip},
        block::HashedBlock,
        coin::{Coin, CoinChange, CoinChanges, coins_created},
        coin_key::CoinKey,
        digest::StateSum,
        header::Header,
        spec::ChainSpec,
        target::Work,
        transaction::OutPoint,
    },
};

/// A block's number, in the order in which headers became known to any node. Genesis is 0.
type Number = u32;

/// What all nodes have in common. Clones share it.
#[derive(Clone)]
pub(super) struct Commons(Arc<Mutex<Blocks>>);

/// All blocks of the network.
#[derive(Default)]
struct Blocks {
    numbers: BTreeMap<Hash, Number>,
    all: Vec<Block>,
    coins: BTreeMap<OutPoint, History>,
}

struct Block {
    hash: Hash,
    header: Header,
    work: Work,
    paused: u64,
    body: Option<Bytes>,
    changes: Option<CoinChanges>,
    /// The sum over the coins after it.
    sum: Option<StateSum>,
}

/// The blocks that made a coin, and those that spent it. On one chain there is at most one of each.
#[derive(Default)]
struct History {
    created: Vec<(Number, Coin)>,
    spent: Vec<Number>,
}

/// One node's ledger. Clones share it.
#[derive(Clone)]
pub(super) struct CommonLedger {
    commons: Commons,
    own: Arc<Mutex<Own>>,
}

/// What differs between nodes.
#[derive(Clone)]
struct Own {
    /// The applied chain, by height.
    applied: Vec<Number>,
    /// By number; `None`: the node does not know the header.
    statuses: Vec<Option<BlockStatus>>,
    best: Number,
    tip: Tip,
}

impl Commons {
    /// Only genesis.
    pub(super) fn new(spec: &ChainSpec) -> Self {
        let HashedBlock { hash, header, transactions, bytes, .. } = spec.genesis.clone();
        let created: Vec<(OutPoint, Coin)> = transactions.iter().flat_map(|hashed| coins_created(hashed, 0)).collect();
        let mut blocks = Blocks::default();
        blocks.put(&HeaderRow { hash, work: spec.genesis_work(), header, paused: 0, status: BlockStatus::Applied });
        blocks.apply(0, &CoinChanges { spent: Vec::new(), created });
        (blocks.all[0].body, blocks.all[0].sum) = (Some(bytes), Some(spec.genesis_sum()));
        Self(Arc::new(Mutex::new(blocks)))
    }

    /// The ledger of one more node: genesis is applied.
    pub(super) fn ledger(&self, spec: &ChainSpec) -> CommonLedger {
        let header = &spec.genesis.header;
        let (hash, digest) = (spec.genesis_hash(), spec.genesis_digest);
        let tip = Tip { hash, height: 0, time: header.time, work: spec.genesis_work(), digest };
        let own = Own { applied: vec![0], statuses: vec![Some(BlockStatus::Applied)], best: 0, tip };
        CommonLedger { commons: self.clone(), own: Arc::new(Mutex::new(own)) }
    }

    fn lock(&self) -> MutexGuard<'_, Blocks> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Blocks {
    fn number(&self, hash: &Hash) -> Option<Number> {
        self.numbers.get(hash).copied()
    }

    fn block(&self, number: Number) -> &Block {
        &self.all[number as usize]
    }

    /// The number of a block that must be known.
    fn known(&self, hash: &Hash) -> Result<Number, StoreError> {
        self.number(hash).ok_or_else(|| StoreError::Corrupt(format!("header {hash} is not stored")))
    }

    fn row(&self, number: Number, status: BlockStatus) -> HeaderRow {
        let Block { hash, header, work, paused, .. } = self.block(number);
        HeaderRow { hash: *hash, header: header.clone(), work: *work, paused: *paused, status }
    }

    fn put(&mut self, row: &HeaderRow) -> Number {
        if let Some(number) = self.number(&row.hash) {
            return number;
        }
        let number = Number::try_from(self.all.len()).expect("a run has fewer than 2^32 blocks");
        self.numbers.insert(row.hash, number);
        let HeaderRow { hash, header, work, paused, .. } = row.clone();
        self.all.push(Block { hash, header, work, paused, body: None, changes: None, sum: None });
        number
    }

    /// Notes what a block does to the coins, unless a node has applied it before.
    fn apply(&mut self, number: Number, changes: &CoinChanges) {
        if self.block(number).changes.is_some() {
            return;
        }
        for (outpoint, coin) in &changes.created {
            self.coins.entry(*outpoint).or_default().created.push((number, coin.clone()));
        }
        for (outpoint, _) in &changes.spent {
            self.coins.entry(*outpoint).or_default().spent.push(number);
        }
        self.all[number as usize].changes = Some(changes.clone());
    }

    fn has_applied(&self, own: &Own, number: Number) -> bool {
        own.applied.get(self.block(number).header.height as usize) == Some(&number)
    }

    fn coin<'a>(&self, own: &Own, history: &'a History) -> Option<&'a Coin> {
        let (_, coin) = history.created.iter().find(|(number, _)| self.has_applied(own, *number))?;
        let spent = history.spent.iter().any(|number| self.has_applied(own, *number));
        (!spent).then_some(coin)
    }
}

impl Own {
    fn status(&self, number: Number) -> Option<BlockStatus> {
        self.statuses.get(number as usize).copied().flatten()
    }

    fn set_status(&mut self, number: Number, status: BlockStatus) {
        let at = number as usize;
        if self.statuses.len() <= at {
            self.statuses.resize(at + 1, None);
        }
        self.statuses[at] = Some(status);
    }

    /// All headers that the node knows, the first stored first.
    fn known(&self) -> impl Iterator<Item = (Number, BlockStatus)> {
        (0..).zip(&self.statuses).filter_map(|(number, status)| Some((number, (*status)?)))
    }
}

impl CommonLedger {
    fn read<T>(&self, look: impl FnOnce(&Blocks, &Own) -> T) -> T {
        look(&self.commons.lock(), &self.own.lock().unwrap_or_else(PoisonError::into_inner))
    }

    fn write<T>(&self, change: impl FnOnce(&mut Blocks, &mut Own) -> T) -> T {
        change(&mut self.commons.lock(), &mut self.own.lock().unwrap_or_else(PoisonError::into_inner))
    }
}

impl HeaderArchive for CommonLedger {
    fn header(&self, hash: &Hash) -> Result<Option<HeaderRow>, StoreError> {
        Ok(self.read(|blocks, own| {
            let number = blocks.number(hash)?;
            Some(blocks.row(number, own.status(number)?))
        }))
    }

    fn applied_at(&self, height: u32) -> Result<Option<HeaderRow>, StoreError> {
        Ok(self.read(|blocks, own| {
            own.applied.get(height as usize).map(|number| blocks.row(*number, BlockStatus::Applied))
        }))
    }

    fn applied_from(&self, from: u32, count: usize) -> Result<Vec<Header>, StoreError> {
        Ok(self.read(|blocks, own| {
            let numbers = own.applied.iter().skip(from as usize).take(count);
            numbers.map(|number| blocks.block(*number).header.clone()).collect()
        }))
    }

    fn best_header(&self) -> Result<HeaderRow, StoreError> {
        Ok(self.read(|blocks, own| blocks.row(own.best, own.status(own.best).unwrap_or(BlockStatus::Header))))
    }

    fn fork_headers(&self) -> Result<usize, StoreError> {
        Ok(self.read(|_, own| own.known().count() - own.applied.len()))
    }
}

impl LedgerStore for CommonLedger {
    fn tip(&self) -> Result<Tip, StoreError> {
        Ok(self.read(|_, own| own.tip.clone()))
    }

    fn state_sum(&self) -> Result<StateSum, StoreError> {
        let tip = self.read(|_, own| own.tip.hash);
        self.sum_after(&tip).ok_or_else(|| StoreError::Corrupt(format!("no sum after block {tip}")))
    }

    fn put_headers(&mut self, rows: &[HeaderRow]) -> Result<(), StoreError> {
        self.write(|blocks, own| {
            for row in rows {
                let parent = own.status(blocks.known(&row.header.previous)?);
                let number = blocks.put(row);
                if own.status(number).is_some() {
                    continue;
                }
                let is_invalid = parent == Some(BlockStatus::Invalid);
                own.set_status(number, if is_invalid { BlockStatus::Invalid } else { row.status });
                if !is_invalid && row.work > blocks.block(own.best).work {
                    own.best = number;
                }
            }
            Ok(())
        })
    }

    fn put_body(&mut self, hash: &Hash, body: &Bytes) -> Result<(), StoreError> {
        self.write(|blocks, own| {
            let number = blocks.known(hash)?;
            blocks.all[number as usize].body.get_or_insert_with(|| body.clone());
            own.set_status(number, BlockStatus::Stored);
            Ok(())
        })
    }

    fn body(&self, hash: &Hash) -> Result<Option<Bytes>, StoreError> {
        Ok(self.read(|blocks, own| {
            let number = blocks.number(hash)?;
            let is_stored = matches!(own.status(number), Some(BlockStatus::Stored | BlockStatus::Applied));
            blocks.block(number).body.clone().filter(|_| is_stored)
        }))
    }

    fn has_body(&self, hash: &Hash) -> Result<bool, StoreError> {
        Ok(self.body(hash)?.is_some())
    }

    fn apply(&mut self, _height: u32, hash: &Hash, undo: &CoinChanges) -> Result<(), StoreError> {
        self.write(|blocks, own| {
            let number = blocks.known(hash)?;
            blocks.apply(number, undo);
            own.set_status(number, BlockStatus::Applied);
            own.applied.push(number);
            Ok(())
        })
    }

    fn unapply(&mut self, _height: u32, hash: &Hash) -> Result<CoinChanges, StoreError> {
        self.write(|blocks, own| {
            let number = blocks.known(hash)?;
            own.set_status(number, BlockStatus::Stored);
            own.applied.pop();
            let changes = blocks.block(number).changes.clone();
            changes.ok_or_else(|| StoreError::Corrupt(format!("block {hash} was never applied")))
        })
    }

    fn changes_of(&self, _height: u32, hash: &Hash) -> Result<CoinChanges, StoreError> {
        self.read(|blocks, _| {
            let changes = blocks.block(blocks.known(hash)?).changes.clone();
            changes.ok_or_else(|| StoreError::Corrupt(format!("block {hash} was never applied")))
        })
    }

    fn mark_invalid(&mut self, hash: &Hash) -> Result<Vec<Hash>, StoreError> {
        self.write(|blocks, own| {
            let mut marked = vec![blocks.known(hash)?];
            // A child has a larger number than its parent.
            for (number, _) in own.known().collect::<Vec<_>>() {
                let parent = blocks.number(&blocks.block(number).header.previous);
                if parent.is_some_and(|parent| marked.contains(&parent)) {
                    marked.push(number);
                }
            }
            marked.iter().for_each(|number| own.set_status(*number, BlockStatus::Invalid));
            let valid = own.known().filter(|(_, status)| *status != BlockStatus::Invalid);
            own.best = valid.fold(
                0,
                |best, (number, _)| {
                    if blocks.block(number).work > blocks.block(best).work { number } else { best }
                },
            );
            Ok(marked.into_iter().map(|number| blocks.block(number).hash).collect())
        })
    }

    fn coin(&self, key: &CoinKey) -> Result<Option<Coin>, StoreError> {
        Ok(self.read(|blocks, own| {
            let history = blocks.coins.get(&key.outpoint)?;
            blocks.coin(own, history).cloned()
        }))
    }

    fn sum_after(&self, block: &Hash) -> Option<StateSum> {
        self.read(|blocks, _| blocks.block(blocks.number(block)?).sum.clone())
    }

    fn coins_sum(&self) -> Result<StateSum, StoreError> {
        Ok(self.read(|blocks, own| {
            let mut sum = StateSum::default();
            for (outpoint, history) in &blocks.coins {
                if let Some(coin) = blocks.coin(own, history) {
                    sum.add(&CoinKey::of(outpoint), coin);
                }
            }
            sum
        }))
    }

    /// The coins follow from the applied blocks.
    fn flush_coins(&mut self, changes: &mut dyn Iterator<Item = CoinChange>) -> Result<(), StoreError> {
        changes.for_each(drop);
        Ok(())
    }

    fn commit(&mut self, tip: &Tip, sum: &StateSum, _durable: bool) -> Result<(), StoreError> {
        self.write(|blocks, own| {
            let number = blocks.known(&tip.hash)?;
            blocks.all[number as usize].sum.get_or_insert_with(|| sum.clone());
            own.tip = tip.clone();
            Ok(())
        })
    }

    /// Nodes of such a network do not start again.
    fn save_mempool(&mut self, transactions: &mut dyn Iterator<Item = Bytes>) -> Result<(), StoreError> {
        transactions.for_each(drop);
        Ok(())
    }

    fn load_mempool(&self) -> Result<Vec<Bytes>, StoreError> {
        Ok(Vec::new())
    }

    fn stored_above(&self, height: u32) -> Result<Vec<HeaderRow>, StoreError> {
        Ok(self.read(|blocks, own| {
            let stored = own.known().filter(|(_, status)| *status == BlockStatus::Stored);
            let rows = stored.map(|(number, status)| blocks.row(number, status));
            rows.filter(|row| row.header.height > height).collect()
        }))
    }
}
