//! The mempool over blocks, reorganisations and restarts.

use std::{
    collections::{BTreeMap, BTreeSet},
    sync::Arc,
};

use crate::{
    base::{
        bytes::Bytes,
        gather::gather,
        hash::{Domain, Hash},
        limits,
        rng::Rng,
        time::{Now, Time, UnixTime},
    },
    chain::{
        archive::{StoreError, Submission},
        block::HashedTransaction,
        key::{self, Claim},
        rules,
        transaction::OutPoint,
    },
    node::{
        Origin, Outbox, Refusal,
        notice::{ToFetch, ToGossip, ToMiner, ToSealer},
        report::Report,
    },
};

use super::{
    abandoned::Abandoned,
    chain_view::ChainView,
    displaced::Displaced,
    expiry::is_expired,
    pool::{Entry, Pool},
    submitted::{Keep, Submitted},
};

/// The pool with the transactions that are on their way back into it.
pub(super) struct Mempool {
    pool: Pool,
    /// Transactions of abandoned blocks, and those that build on them.
    abandoned: Abandoned,
    /// Those that came from users of this node.
    submitted: Submitted,
    /// When to look for expired transactions.
    expiry: Time,
}

impl Mempool {
    /// An empty mempool that takes at most `limit` bytes.
    pub(super) fn new(limit: usize) -> Self {
        let (pool, abandoned) = (Pool::new(limit), Abandoned::new(limit));
        Self { pool, abandoned, submitted: Submitted::new(), expiry: Time::default() }
    }

    /// The transactions that a block may confirm now.
    pub(super) fn pool(&self) -> &Pool {
        &self.pool
    }

    /// The mempool's share of the coin overlay's limit, half as much again for the notes that other roles keep of it.
    pub(super) fn overlay_bytes(&self) -> usize {
        self.pool.used() / 2 * 3 + self.abandoned.bytes()
    }

    /// Takes an offered transaction in or refuses it, and answers. `replace`: others may leave for it.
    pub(super) fn admit(
        &mut self,
        chain: &mut impl ChainView,
        now: Now,
        origin: Origin,
        (transaction, replace): (Arc<HashedTransaction>, bool),
        out: &mut Outbox,
    ) -> Result<(), StoreError> {
        let result = match self.pool.rival(&transaction).filter(|_| !replace) {
            Some(rival) => Err(Refusal::Rival(rival)),
            None => self.pool.admit(chain, transaction.clone(), now.unix)?,
        };
        out.tell(ToGossip::Admitted { origin, transaction, result });
        Ok(())
    }

    /// What to keep of a transaction that a user has submitted.
    pub(super) fn keep(&mut self, now: Now, txid: &Hash) -> Option<Keep> {
        self.submitted.note(&self.pool, now.unix, txid)
    }

    /// Whether so much is kept that [`Mempool::forget_settled`] is due.
    pub(super) fn keeps_much(&self) -> bool {
        self.submitted.is_much()
    }

    /// What to keep from now on.
    pub(super) fn forget_settled(&mut self, now: Now) -> Keep {
        self.submitted.forget_settled(&self.pool, now.unix)
    }

    /// Drops the transactions that a block confirms or contradicts.
    pub(super) fn confirm(&mut self, txids: &[Hash], spent: &mut dyn Iterator<Item = OutPoint>) {
        self.pool.confirm(txids, spent);
    }

    /// After a reorganisation from `old_height`: drops the transactions that the new branch (lowest first) confirms or
    /// contradicts. Those that build on the removed blocks (highest first) wait for [`Mempool::give_back`].
    pub(super) fn reorganised(
        &mut self,
        chain: &impl ChainView,
        old_height: u32,
        removed: &[Hash],
        added: &[Hash],
    ) -> Result<(), StoreError> {
        if chain.height() < old_height {
            // Coinbases may have become immature: all are judged again.
            self.abandoned.add_doubtful(self.pool.drain());
        } else if self.pool.len() > 0 {
            for hash in added {
                let block = chain.block(hash)?;
                let txids: Vec<Hash> = block.transactions.iter().map(|hashed| hashed.txid).collect();
                let inputs = block.transactions.iter().flat_map(|hashed| hashed.transaction.inputs.iter());
                self.pool.confirm(&txids, &mut inputs.map(|input| input.outpoint));
            }
        }
        if self.pool.len() > 0 {
            for hash in removed {
                self.abandoned.add_doubtful(self.pool.take_spenders(&chain.block(hash)?));
            }
        }
        self.abandoned.add_blocks(removed.iter().rev().copied());
        Ok(())
    }

    /// Takes back the transactions of abandoned blocks, and then those that may build on them. Tells gossip of those that users
    /// submitted before a start.
    pub(super) fn give_back(
        &mut self,
        chain: &mut impl ChainView,
        now: Now,
        out: &mut Outbox,
    ) -> Result<(), StoreError> {
        for (transaction, since) in self.submitted.take_restored() {
            // The chain may have had to come first.
            let result = self.pool.admit(chain, transaction.clone(), since)?;
            if matches!(result, Ok(()) | Err(Refusal::Known)) {
                out.tell(ToGossip::Admitted { origin: Origin::Ledger, transaction, result: Ok(()) });
            }
        }
        while let Some(hash) = self.abandoned.next_block() {
            // A later branch may have connected it again.
            if chain.is_on_a_branch(&hash)? {
                self.give_back_block(chain, now, &hash, out)?;
            }
        }
        for Entry { transaction, since, .. } in self.abandoned.take_doubtful() {
            if let Err(refusal) = self.pool.admit(chain, transaction.clone(), since)? {
                log::debug!("transaction dropped after reorganisation: txid={} reason={refusal}", transaction.txid);
                self.pool.displaced.push(transaction, None);
            }
        }
        Ok(())
    }

    /// Lets the transactions of abandoned blocks not come back. Returns what to keep from now on.
    pub(super) fn leave_out(&mut self, chain: &impl ChainView, blocks: &[Hash]) -> Result<Keep, StoreError> {
        let mut txids = BTreeSet::new();
        for hash in blocks {
            txids.extend(chain.block(hash)?.transactions.iter().map(|hashed| hashed.txid));
        }
        self.abandoned.forget_blocks(blocks);
        Ok(self.submitted.forget(&txids))
    }

    /// Has these transactions and no others, as far as they are valid. Returns what to keep from now on.
    pub(super) fn replace_all(
        &mut self,
        chain: &mut impl ChainView,
        now: Now,
        transactions: &[Bytes],
        out: &mut Outbox,
    ) -> Result<Keep, StoreError> {
        self.abandoned.clear();
        drop((self.pool.drain(), self.submitted.take_restored()));
        self.pool.displaced = Displaced::default();
        for transaction in transactions.iter().filter_map(|bytes| HashedTransaction::decode(bytes).ok()).map(Arc::new) {
            let result = self.pool.admit(chain, transaction.clone(), now.unix)?;
            out.tell(ToGossip::Admitted { origin: Origin::Ledger, transaction, result });
        }
        Ok(self.submitted.retain(&self.pool))
    }

    /// The encodings to keep over a restart, ancestors before descendants.
    pub(super) fn saved(&self) -> impl Iterator<Item = Bytes> + use<> {
        self.pool.in_order_of_arrival().into_iter().map(|hashed| Bytes::from(hashed.transaction.to_bytes()))
    }

    /// Takes in the transactions that the last clean stop saved, and those that users have submitted, checked like all others,
    /// and reports the mempool's size. Returns whether there are any of the latter.
    pub(super) fn reload(
        &mut self,
        chain: &mut impl ChainView,
        saved: &[Bytes],
        submitted: &[Submission],
        now: Now,
        out: &mut Outbox,
    ) -> Result<bool, StoreError> {
        let decode = |bytes: &Bytes| HashedTransaction::decode(bytes).ok();
        let fresh = || submitted.iter().filter(|one| !is_expired(one.since, now.unix));
        let of_users: BTreeMap<Hash, UnixTime> =
            gather(fresh().filter_map(|one| Some((decode(&one.bytes)?.txid, one.since))));
        let mut seen = BTreeSet::new();
        let all = saved.iter().chain(fresh().map(|one| &one.bytes));
        let decoded = all.filter_map(decode).filter(|hashed| seen.insert(hashed.txid));
        let mut valid: Vec<_> = decoded.filter(|hashed| rules::check_transaction(hashed, false).is_ok()).collect();
        drop_unsigned(&mut valid, &chain.spec().genesis_hash());
        for transaction in valid.into_iter().map(Arc::new) {
            let since = of_users.get(&transaction.txid);
            if let Some(since) = since {
                self.submitted.restore(transaction.clone(), *since);
            }
            if let Err(refusal) = self.pool.admit(chain, transaction, since.copied().unwrap_or(now.unix))? {
                log::debug!("saved transaction dropped: reason={refusal}");
            }
        }
        if !seen.is_empty() {
            log::info!("mempool restored: saved={} kept={}", seen.len(), self.pool.len());
        }
        self.expiry = now.mono + limits::MEMPOOL_EXPIRY_CHECK;
        self.report(out);
        Ok(!submitted.is_empty())
    }

    /// Drops expired transactions, if it is time to look.
    pub(super) fn expire(&mut self, now: Now) {
        if now.mono >= self.expiry {
            self.pool.expire(now.unix);
            self.expiry = now.mono + limits::MEMPOOL_EXPIRY_CHECK;
        }
    }

    /// When [`Mempool::expire`] has something to do.
    pub(super) fn deadline(&self) -> Option<Time> {
        (self.pool.len() > 0).then_some(self.expiry)
    }

    /// Tells which transactions came and went since the last call.
    pub(super) fn tell_changes(&mut self, out: &mut Outbox) {
        let Some((added, removed)) = self.pool.take_changes() else { return };
        let (count_added, count_removed) = (added.len(), removed.len());
        out.tell(ToFetch::PoolChanged { added, removed });
        out.tell(ToMiner::PoolChanged { added: count_added, removed: count_removed });
        out.tell(ToSealer::PoolChanged { added: count_added, removed: count_removed });
        self.report(out);
        if self.pool.take_room() {
            out.tell(ToGossip::PoolHasRoom);
        }
    }

    fn give_back_block(
        &mut self,
        chain: &mut impl ChainView,
        now: Now,
        hash: &Hash,
        out: &mut Outbox,
    ) -> Result<(), StoreError> {
        let mut returned = Vec::new();
        for hashed in chain.block(hash)?.transactions.into_iter().skip(1) {
            let txid = hashed.txid;
            if self.pool.admit(chain, Arc::new(hashed), now.unix)?.is_ok() {
                returned.push(txid);
            }
        }
        // Some may have had to make room for others already.
        for entry in returned.iter().filter_map(|txid| self.pool.entry(txid)) {
            let (origin, transaction) = (Origin::Ledger, entry.transaction);
            out.tell(ToGossip::Admitted { origin, transaction, result: Ok(()) });
        }
        Ok(())
    }

    fn report(&self, out: &mut Outbox) {
        let (count, bytes, replacements) = (self.pool.len(), self.pool.bytes(), self.pool.replacements);
        out.report(Report::Mempool { count, bytes, replacements });
    }
}

/// Drops transactions with a signature that does not hold.
fn drop_unsigned(transactions: &mut Vec<HashedTransaction>, genesis: &Hash) {
    // Signers must not foresee the weights of a batch: these follow from everything that was signed, as in Fiat and
    // Shamir's transformation.
    let leaves: Vec<u8> = transactions.iter().flat_map(|hashed| hashed.leaf.0).collect();
    let mut rng = Rng::new(Domain::STREAM.hash(&leaves).0);
    let claims = |hashed: &HashedTransaction| -> Vec<Claim> {
        key::claims(&hashed.transaction, &hashed.txid, genesis).collect()
    };
    let all: Vec<Claim> = transactions.iter().flat_map(claims).collect();
    if !all.chunks(limits::SIGNATURE_BATCH).all(|batch| key::verify_batch(batch, &mut rng)) {
        transactions.retain(|hashed| key::first_invalid(&claims(hashed), &mut rng).is_none());
    }
}
