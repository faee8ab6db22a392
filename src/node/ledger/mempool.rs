//! The mempool's traffic: admission, what comes back from abandoned blocks, what is kept over a restart.

use std::sync::Arc;

use crate::{
    base::{
        hash::{Domain, Hash},
        limits,
        rng::Rng,
        time::Now,
    },
    chain::{
        archive::{BlockStatus, StoreError},
        block::HashedTransaction,
        key::{self, Claim},
        rules,
    },
    node::{Notice, Origin, Outbox, RoleId, fault::Halt},
};

use super::{Ledger, pool::Entry};

impl Ledger {
    /// Answers an `Admit`.
    pub(super) fn admit(
        &mut self,
        now: Now,
        origin: Origin,
        transaction: Arc<HashedTransaction>,
        out: &mut Outbox,
    ) -> Result<(), Halt> {
        let result = self.pool.admit(&mut self.chain, transaction.clone(), now.unix)?;
        out.tell(RoleId::Gossip, Notice::Admitted { origin, transaction, result });
        Ok(())
    }

    /// After a reorganisation from `old_height`: what the removed blocks (highest first) had confirmed comes back, unless
    /// the new branch (lowest first) confirms or contradicts it, and what was here before and builds on them is judged
    /// anew. Both once the node is synced.
    pub(super) fn change_transactions(
        &mut self,
        now: Now,
        old_height: u32,
        removed: &[Hash],
        added: &[Hash],
        out: &mut Outbox,
    ) -> Result<(), StoreError> {
        if self.chain.tip.height < old_height {
            // Coinbases may have become immature: all are judged.
            self.abandoned.add_doubtful(self.pool.drain());
        } else if self.pool.len() > 0 {
            for hash in added {
                let block = self.chain.block(hash)?;
                let txids: Vec<Hash> = block.transactions.iter().map(|hashed| hashed.txid).collect();
                let inputs = block.transactions.iter().flat_map(|hashed| hashed.transaction.inputs.iter());
                self.pool.confirm(&txids, &mut inputs.map(|input| input.outpoint));
            }
        }
        if self.pool.len() > 0 {
            for hash in removed {
                self.abandoned.add_doubtful(self.pool.take_spenders(&self.chain.block(hash)?));
            }
        }
        self.abandoned.add_blocks(removed.iter().rev().copied());
        if self.is_synced() { self.give_back(now, out) } else { Ok(()) }
    }

    /// Takes back what abandoned blocks had confirmed, and then what may build on it.
    pub(super) fn give_back(&mut self, now: Now, out: &mut Outbox) -> Result<(), StoreError> {
        while let Some(hash) = self.abandoned.next_block() {
            // A later branch may have applied it again.
            if self.chain.store.status_of(&hash)? == Some(BlockStatus::Stored) {
                self.give_back_block(now, &hash, out)?;
            }
        }
        for Entry { transaction, since, .. } in self.abandoned.take_doubtful() {
            if let Err(refusal) = self.pool.admit(&mut self.chain, transaction.clone(), since)? {
                log::debug!("transaction dropped after reorganisation: txid={} reason={refusal}", transaction.txid);
            }
        }
        Ok(())
    }

    fn give_back_block(&mut self, now: Now, hash: &Hash, out: &mut Outbox) -> Result<(), StoreError> {
        let mut returned = Vec::new();
        for hashed in self.chain.block(hash)?.transactions.into_iter().skip(1) {
            let txid = hashed.txid;
            if self.pool.admit(&mut self.chain, Arc::new(hashed), now.unix)?.is_ok() {
                returned.push(txid);
            }
        }
        // Some may have had to make room for others already.
        for entry in returned.iter().filter_map(|txid| self.pool.entry(txid)) {
            let (origin, transaction) = (Origin::Ledger, entry.transaction);
            out.tell(RoleId::Gossip, Notice::Admitted { origin, transaction, result: Ok(()) });
        }
        Ok(())
    }

    /// Takes in what the last clean stop saved, checked like anything else.
    pub(super) fn reload(&mut self, now: Now) -> Result<(), StoreError> {
        let saved = self.chain.store.load_mempool()?;
        let decoded = saved.iter().filter_map(|bytes| HashedTransaction::decode(bytes).ok());
        let mut valid: Vec<_> = decoded.filter(|hashed| rules::check_transaction(hashed, false).is_ok()).collect();
        self.drop_unsigned(&mut valid);
        for hashed in valid {
            if let Err(refusal) = self.pool.admit(&mut self.chain, Arc::new(hashed), now.unix)? {
                log::debug!("saved transaction dropped: reason={refusal}");
            }
        }
        if !saved.is_empty() {
            log::info!("mempool restored: saved={} kept={}", saved.len(), self.pool.len());
        }
        Ok(())
    }

    /// Drops transactions with a signature that does not hold.
    fn drop_unsigned(&self, transactions: &mut Vec<HashedTransaction>) {
        // The weights of a batch must not be foreseen by those who signed: they follow from all that was signed, as in
        // Fiat and Shamir's transformation.
        let leaves: Vec<u8> = transactions.iter().flat_map(|hashed| hashed.leaf.0).collect();
        let mut rng = Rng::new(Domain::STREAM.hash(&leaves).0);
        let genesis = self.chain.spec.genesis_hash();
        let claims = |hashed: &HashedTransaction| -> Vec<Claim> {
            key::claims(&hashed.transaction, &hashed.txid, &genesis).collect()
        };
        let all: Vec<Claim> = transactions.iter().flat_map(claims).collect();
        if !all.chunks(limits::SIGNATURE_BATCH).all(|batch| key::verify_batch(batch, &mut rng)) {
            transactions.retain(|hashed| key::first_invalid(&claims(hashed), &mut rng).is_none());
        }
    }
}
