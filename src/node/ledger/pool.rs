//! The mempool: transactions that the next blocks could confirm, the best-paying first.
//!
//! A full mempool evicts the lowest fee rates to make room for a higher one. A transaction may spend outputs of others
//! in the mempool, its ancestors: these go into a block before it, and when they are evicted, it leaves with them. Others
//! that spend the same coins leave for one that pays more: see the module `replacement`.

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
        transaction::OutPoint,
    },
    node::{Refusal, command::PoolEntry},
};

use super::{chain_view::ChainView, displaced::Displaced, expiry::is_expired, pool_changes::PoolChanges};

/// Outputs of a transaction with missing inputs that are looked up, to tell a confirmed one from an invalid one.
const CONFIRMED_PROBES: usize = 4;

/// Base units per million bytes, fine enough to order small fees.
pub(super) type FeeRate = u64;
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
    /// Those that left since the chain contradicts them, or another pays more.
    pub(super) displaced: Displaced,
    /// How often transactions left for one that pays more.
    pub(super) replacements: u64,
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

    /// Base units.
    pub(super) fn fee(&self) -> u64 {
        self.fee
    }

    /// Its fee rate.
    pub(super) fn rate(&self) -> FeeRate {
        self.rank.0
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
            replacements: 0,
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
        let least_rate = chain.spec().min_fee_rate;
        let replaced = match self.replaced_by(&transaction, chain.spec().replacement_rate()) {
            Ok(replaced) => replaced,
            Err(refusal) => return Ok(Err(refusal)),
        };
        let inputs = &transaction.transaction.inputs;
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
        Ok(self.make_room(&transaction, fee, least_rate, &replaced.all).map(|()| {
            self.replace(replaced, transaction.txid);
            self.insert(transaction, fee, since);
        }))
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
                gone.into_iter().for_each(|entry| self.displaced.push(entry.transaction, None));
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

    pub(super) fn take_all(&mut self, txids: BTreeSet<Hash>) -> Vec<Entry> {
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
    /// Those that it replaces leave in any case.
    fn make_room(
        &mut self,
        hashed: &HashedTransaction,
        fee: u64,
        min_rate: u64,
        replaced: &BTreeSet<Hash>,
    ) -> Result<(), Refusal> {
        let least = fee_at(min_rate.saturating_mul(1000), hashed.size);
        if fee < least {
            return Err(Refusal::Fee { fee, needed: least });
        }
        let ancestors = self.few_ancestors(&hashed.transaction)?;
        let rate = fee_rate(fee, hashed.size);
        let freed: usize = replaced.iter().map(|id| self.known(id).cost()).sum();
        let mut excess = (self.used() + cost(hashed)).saturating_sub(self.limit + freed);
        self.turned_away |= excess > 0;
        let mut victims = BTreeSet::new();
        for (tries, (rank, txid)) in self.ranks.iter().enumerate() {
            if excess == 0 {
                break;
            }
            if rank.0 >= rate || tries >= limits::MEMPOOL_EVICTION_TRIES {
                return Err(Refusal::Fee { fee, needed: fee_at(rank.0.max(rate).saturating_add(1), hashed.size) });
            }
            if ancestors.contains(txid) || victims.contains(txid) || replaced.contains(txid) {
                continue;
            }
            let leaves = |id: &Hash| !victims.contains(id) && !replaced.contains(id);
            let package: Vec<Hash> = self.with_descendants(txid).into_iter().filter(leaves).collect();
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

    /// Those that spend outputs of a transaction.
    pub(super) fn children(&self, txid: Hash) -> impl Iterator<Item = Hash> {
        let outputs = [0, u32::MAX].map(|index| OutPoint { txid, index });
        self.spenders.range(outputs[0]..=outputs[1]).map(|(_, child)| *child)
    }

    /// Whether a transaction is there.
    pub(super) fn holds(&self, txid: &Hash) -> bool {
        self.entries.contains_key(txid)
    }

    /// The transaction that spends an outpoint.
    pub(super) fn spender(&self, outpoint: &OutPoint) -> Option<Hash> {
        self.spenders.get(outpoint).copied()
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

pub(super) fn fee_rate(fee: u64, size: usize) -> FeeRate {
    let rate = u128::from(fee) * 1_000_000 / (size.max(1) as u128);
    u64::try_from(rate).unwrap_or(u64::MAX)
}

/// The fee that makes at least this rate.
pub(super) fn fee_at(rate: FeeRate, size: usize) -> u64 {
    let fee = (u128::from(rate) * size as u128).div_ceil(1_000_000);
    u64::try_from(fee).unwrap_or(u64::MAX)
}
