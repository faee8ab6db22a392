//! The mempool: transactions that the next blocks could confirm, the best-paying first.
//!
//! A full mempool evicts the lowest fee rates to make room for a higher one. A transaction may spend outputs of others
//! in the mempool, its ancestors: these go into a block before it, and when they are evicted, it leaves with them.

use std::{
    cmp::Reverse,
    collections::{BTreeMap, BTreeSet},
    ops::Bound,
    sync::Arc,
};

use crate::{
    base::{hash::Hash, limits, time::UnixTime},
    chain::{
        archive::StoreError,
        block::{HashedBlock, HashedTransaction},
        coin::Coin,
        rules::{self, TransactionFault},
        transaction::{OutPoint, Transaction},
    },
    node::{Refusal, command::PoolEntry},
};

use super::{chain_view::ChainView, displaced::Displaced, expiry::is_expired, pool_changes::PoolChanges};

/// Outputs of a transaction with missing inputs that are looked up, to tell a confirmed one from an invalid one.
const CONFIRMED_PROBES: usize = 4;

/// Base units per million bytes, fine enough to order small fees.
type FeeRate = u64;
/// Position by fee rate; of equal rates the older stands higher.
pub(super) type Rank = (FeeRate, Reverse<u64>);

/// Unconfirmed transactions.
#[derive(Debug)]
pub(super) struct Pool {
    entries: BTreeMap<Hash, Entry>,
    /// Ids from the lowest rank up.
    ranks: BTreeMap<Rank, Hash>,
    /// The transaction that spends an outpoint.
    spenders: BTreeMap<OutPoint, Hash>,
    /// Bytes of the transactions.
    bytes: usize,
    /// Most bytes, bookkeeping included.
    limit: usize,
    /// Counts arrivals.
    arrivals: u64,
    /// What came or went since [`Pool::take_changes`].
    changes: PoolChanges,
    /// Those that left since the chain contradicts them.
    pub(super) displaced: Displaced,
    /// Whether a transaction found too little room since [`Pool::take_room`].
    turned_away: bool,
}

/// A transaction with its fee, rank and time of arrival.
#[derive(Clone, Debug)]
pub(super) struct Entry {
    pub(super) transaction: Arc<HashedTransaction>,
    fee: u64,
    /// When it came.
    pub(super) since: UnixTime,
    rank: Rank,
}

impl Entry {
    /// The transaction that came as the `arrival`th.
    pub(super) fn new(transaction: Arc<HashedTransaction>, fee: u64, since: UnixTime, arrival: u64) -> Self {
        let rank = (fee_rate(fee, transaction.size), Reverse(arrival));
        Self { transaction, fee, since, rank }
    }

    /// Counts the entries as they came.
    pub(super) fn arrival(&self) -> u64 {
        self.rank.1.0
    }

    /// Bytes that count against the limit.
    pub(super) fn cost(&self) -> usize {
        cost(&self.transaction)
    }
}

impl Pool {
    /// An empty mempool that takes at most `limit` bytes.
    pub(super) fn new(limit: usize) -> Self {
        Self {
            entries: BTreeMap::new(),
            ranks: BTreeMap::new(),
            spenders: BTreeMap::new(),
            bytes: 0,
            limit,
            arrivals: 0,
            changes: PoolChanges::default(),
            displaced: Displaced::default(),
            turned_away: false,
        }
    }

    /// Transactions.
    pub(super) fn len(&self) -> usize {
        self.entries.len()
    }

    /// Bytes of the transactions.
    pub(super) fn bytes(&self) -> usize {
        self.bytes
    }

    /// Bytes of the transactions with bookkeeping.
    pub(super) fn used(&self) -> usize {
        self.bytes + self.entries.len() * limits::MEMPOOL_ENTRY_BYTES
    }

    /// Takes a statelessly valid transaction that could stand in the block after the chain's tip, or says why not.
    pub(super) fn admit(
        &mut self,
        chain: &mut impl ChainView,
        transaction: Arc<HashedTransaction>,
        since: UnixTime,
    ) -> Result<Result<(), Refusal>, StoreError> {
        if self.entries.contains_key(&transaction.txid) {
            return Ok(Err(Refusal::Known));
        }
        let inputs = &transaction.transaction.inputs;
        if let Some(other) = inputs.iter().find_map(|input| self.spenders.get(&input.outpoint)) {
            return Ok(Err(Refusal::Conflict(*other)));
        }
        let height = chain.height().saturating_add(1);
        let coins = inputs.iter().map(|input| match self.output(&input.outpoint, height) {
            Some(coin) => Ok(Some(coin)),
            None => chain.coin_to_be_spent(&input.outpoint),
        });
        let coins = coins.collect::<Result<Vec<_>, _>>()?;
        let fee = match rules::check_spend(chain.spec(), &transaction.transaction, &coins, height) {
            Ok(fee) => fee,
            Err(TransactionFault::MissingCoin(_)) if is_confirmed(chain, &transaction)? => {
                return Ok(Err(Refusal::Confirmed));
            }
            Err(fault) => return Ok(Err(fault.into())),
        };
        Ok(self.make_room(&transaction, fee, chain.spec().min_fee_rate).map(|()| self.insert(transaction, fee, since)))
    }

    /// Drops the transactions that a block confirms, and those that spend the same coins as the block.
    pub(super) fn confirm(&mut self, txids: &[Hash], spent: &mut dyn Iterator<Item = OutPoint>) {
        if self.entries.is_empty() {
            return;
        }
        for txid in txids {
            self.remove(txid);
        }
        for outpoint in spent {
            if let Some(loser) = self.spenders.get(&outpoint).copied() {
                let gone = self.take_all(self.with_descendants(&loser));
                gone.into_iter().for_each(|entry| self.displaced.push(entry.transaction));
            }
        }
    }

    /// Drops transactions that have waited for longer than [`limits::MEMPOOL_EXPIRY`].
    pub(super) fn expire(&mut self, now: UnixTime) {
        let old = self.entries.iter().filter(|(_, entry)| is_expired(entry.since, now));
        let expired: Vec<Hash> = old.map(|(txid, _)| *txid).collect();
        for txid in expired {
            self.take_all(self.with_descendants(&txid));
        }
    }

    /// Takes everything out.
    pub(super) fn drain(&mut self) -> Vec<Entry> {
        self.take_all(self.entries.keys().copied().collect())
    }

    /// Takes out the transactions that spend outputs of a block, and all that build on those.
    pub(super) fn take_spenders(&mut self, block: &HashedBlock) -> Vec<Entry> {
        let outpoints = block.transactions.iter().flat_map(HashedTransaction::outpoints);
        let spenders: BTreeSet<Hash> = outpoints.filter_map(|outpoint| self.spenders.get(&outpoint).copied()).collect();
        let txids = spenders.iter().flat_map(|txid| self.with_descendants(txid)).collect();
        self.take_all(txids)
    }

    fn take_all(&mut self, txids: BTreeSet<Hash>) -> Vec<Entry> {
        txids.iter().filter_map(|txid| self.remove(txid)).collect()
    }

    /// Everything in the order of arrival: ancestors before descendants.
    pub(super) fn in_order_of_arrival(&self) -> Vec<Arc<HashedTransaction>> {
        let mut all: Vec<&Entry> = self.entries.values().collect();
        all.sort_unstable_by_key(|entry| Reverse(entry.rank.1));
        all.into_iter().map(|entry| entry.transaction.clone()).collect()
    }

    /// Ids, the highest fee rate first.
    pub(super) fn ids(&self) -> impl Iterator<Item = &Hash> {
        self.ranks.values().rev()
    }

    /// At most `most` ids with their ranks, the highest first, of those below a rank.
    pub(super) fn page(&self, below: Option<Rank>, most: usize) -> Vec<(Rank, Hash)> {
        let end = below.map_or(Bound::Unbounded, Bound::Excluded);
        let ranked = self.ranks.range((Bound::Unbounded, end)).rev();
        ranked.take(most).map(|(rank, txid)| (*rank, *txid)).collect()
    }

    /// A transaction with its fee and time of arrival.
    pub(super) fn entry(&self, txid: &Hash) -> Option<PoolEntry> {
        let entry = self.entries.get(txid)?;
        Some(PoolEntry { transaction: entry.transaction.clone(), fee: entry.fee, since: entry.since.0 })
    }

    /// Transactions for a block, of at most `bytes` together, and the sum of their fees. The highest fee rate comes
    /// first, each transaction after its ancestors.
    pub(super) fn select(&self, bytes: usize) -> (Vec<Arc<HashedTransaction>>, u64) {
        let (mut selected, mut taken) = (Vec::new(), BTreeSet::new());
        let (mut room, mut fees) = (bytes, 0u64);
        for txid in self.ids() {
            if taken.contains(txid) {
                continue;
            }
            // Ancestors arrived before their descendants.
            let mut package: Vec<&Entry> =
                self.with_ancestors(txid).difference(&taken).map(|id| self.known(id)).collect();
            package.sort_unstable_by_key(|entry| Reverse(entry.rank.1));
            let size: usize = package.iter().map(|entry| entry.transaction.size).sum();
            if size > room || selected.len() + package.len() >= limits::MAX_BLOCK_TRANSACTIONS {
                continue;
            }
            room -= size;
            for entry in package {
                fees = fees.saturating_add(entry.fee);
                taken.insert(entry.transaction.txid);
                selected.push(entry.transaction.clone());
            }
        }
        (selected, fees)
    }

    /// What came, and the merkle leaves of what went, since the last call; `None` if nothing did.
    pub(super) fn take_changes(&mut self) -> Option<(Vec<Arc<HashedTransaction>>, Vec<Hash>)> {
        self.changes.take()
    }

    /// Whether half of the mempool is free again after it was too full for a transaction. Says so once.
    pub(super) fn take_room(&mut self) -> bool {
        let room = self.turned_away && self.used() <= self.limit / 2;
        self.turned_away &= !room;
        room
    }

    /// The coin that a mempool transaction creates.
    fn output(&self, outpoint: &OutPoint, height: u32) -> Option<Coin> {
        let outputs = &self.entries.get(&outpoint.txid)?.transaction.transaction.outputs;
        let output = outputs.get(usize::try_from(outpoint.index).ok()?)?;
        Some(Coin { amount: output.amount, address: output.address, height, coinbase: false })
    }

    fn insert(&mut self, transaction: Arc<HashedTransaction>, fee: u64, since: UnixTime) {
        self.arrivals += 1;
        let entry = Entry::new(transaction, fee, since, self.arrivals);
        let HashedTransaction { txid, size, transaction, .. } = entry.transaction.as_ref();
        for input in &transaction.inputs {
            self.spenders.insert(input.outpoint, *txid);
        }
        self.bytes += size;
        self.ranks.insert(entry.rank, *txid);
        self.changes.came(&entry.transaction);
        self.entries.insert(*txid, entry);
    }

    fn remove(&mut self, txid: &Hash) -> Option<Entry> {
        let entry = self.entries.remove(txid)?;
        for input in &entry.transaction.transaction.inputs {
            self.spenders.remove(&input.outpoint);
        }
        self.bytes -= entry.transaction.size;
        self.ranks.remove(&entry.rank);
        self.changes.went(&entry.transaction);
        Some(entry)
    }

    /// Evicts lower fee rates until the transaction has room. Changes nothing if the transaction is refused.
    fn make_room(&mut self, hashed: &HashedTransaction, fee: u64, min_rate: u64) -> Result<(), Refusal> {
        let least = fee_at(min_rate.saturating_mul(1000), hashed.size);
        if fee < least {
            return Err(Refusal::Fee { fee, needed: least });
        }
        let ancestors = self.ancestors(&hashed.transaction);
        if ancestors.len() > limits::MEMPOOL_ANCESTORS {
            return Err(Refusal::Ancestors(limits::MEMPOOL_ANCESTORS));
        }
        let rate = fee_rate(fee, hashed.size);
        let mut excess = (self.used() + cost(hashed)).saturating_sub(self.limit);
        self.turned_away |= excess > 0;
        let mut victims = BTreeSet::new();
        for (tries, (rank, txid)) in self.ranks.iter().enumerate() {
            if excess == 0 {
                break;
            }
            if rank.0 >= rate || tries >= limits::MEMPOOL_EVICTION_TRIES {
                return Err(Refusal::Fee { fee, needed: fee_at(rank.0.max(rate).saturating_add(1), hashed.size) });
            }
            if ancestors.contains(txid) || victims.contains(txid) {
                continue;
            }
            let package: Vec<Hash> = self.with_descendants(txid).difference(&victims).copied().collect();
            if self.package_rate(&package) < rate {
                excess = excess.saturating_sub(package.iter().map(|id| self.known(id).cost()).sum());
                victims.extend(package);
            }
        }
        if excess > 0 {
            return Err(Refusal::Fee { fee, needed: fee_at(rate.saturating_add(1), hashed.size) });
        }
        self.take_all(victims);
        Ok(())
    }

    /// The fee rate of several together.
    fn package_rate(&self, txids: &[Hash]) -> FeeRate {
        let (fee, size) = txids.iter().fold((0u64, 0usize), |(fee, size), txid| {
            let entry = self.known(txid);
            (fee.saturating_add(entry.fee), size + entry.transaction.size)
        });
        fee_rate(fee, size)
    }

    /// The unconfirmed transactions that this one builds on; at most one more than is allowed.
    fn ancestors(&self, transaction: &Transaction) -> BTreeSet<Hash> {
        let parents = |transaction: &Transaction| -> Vec<Hash> {
            let txids = transaction.inputs.iter().map(|input| input.outpoint.txid);
            txids.filter(|txid| self.entries.contains_key(txid)).collect()
        };
        let mut ancestors = BTreeSet::new();
        let mut open = parents(transaction);
        while let Some(txid) = open.pop() {
            if ancestors.len() > limits::MEMPOOL_ANCESTORS {
                break;
            }
            if ancestors.insert(txid) {
                open.extend(parents(&self.known(&txid).transaction.transaction));
            }
        }
        ancestors
    }

    /// A transaction that is there, and those that it builds on.
    pub(super) fn with_ancestors(&self, txid: &Hash) -> BTreeSet<Hash> {
        let mut all = self.ancestors(&self.known(txid).transaction.transaction);
        all.insert(*txid);
        all
    }

    fn with_descendants(&self, txid: &Hash) -> BTreeSet<Hash> {
        let mut all = BTreeSet::from([*txid]);
        let mut open = vec![*txid];
        while let Some(txid) = open.pop() {
            let outpoints = self.known(&txid).transaction.outpoints();
            let children = outpoints.filter_map(|outpoint| self.spenders.get(&outpoint).copied());
            open.extend(children.filter(|child| all.insert(*child)));
        }
        all
    }

    /// An entry whose id came from the indexes.
    pub(super) fn known(&self, txid: &Hash) -> &Entry {
        self.entries.get(txid).expect("the indexes name only transactions that are in the mempool")
    }
}

/// Whether a block confirmed the transaction and one of its first outputs is still unspent. To know more would take an
/// index of all transactions.
fn is_confirmed(chain: &impl ChainView, hashed: &HashedTransaction) -> Result<bool, StoreError> {
    for outpoint in hashed.outpoints().take(CONFIRMED_PROBES) {
        if chain.coin(&outpoint)?.is_some() {
            return Ok(true);
        }
    }
    Ok(false)
}

fn cost(hashed: &HashedTransaction) -> usize {
    hashed.size + limits::MEMPOOL_ENTRY_BYTES
}

fn fee_rate(fee: u64, size: usize) -> FeeRate {
    let rate = u128::from(fee) * 1_000_000 / (size.max(1) as u128);
    u64::try_from(rate).unwrap_or(u64::MAX)
}

/// The fee that makes at least this rate.
fn fee_at(rate: FeeRate, size: usize) -> u64 {
    let fee = (u128::from(rate) * size as u128).div_ceil(1_000_000);
    u64::try_from(fee).unwrap_or(u64::MAX)
}
