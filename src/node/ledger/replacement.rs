//! Which transactions of the mempool give way to one that spends the same coins and pays more.
//!
//! The rules are those of BIP 125 and Bitcoin Core, for all transactions: none has to say that it may be replaced. What a
//! refused offer costs this node is a signature check and a walk over at most [`MAX_REPLACED`] transactions;
//! what an accepted one costs the network, it pays for.
//!
//! 1. It pays a higher rate than each of those that it conflicts with: a miner gains from it.
//! 2. It pays the fees of all that would leave (those, and what builds on them), and for its own bytes at least the relay
//!    rate on top: nobody can have the network relay again and again for nothing.
//! 3. At most [`MAX_REPLACED`] would leave: the work is bounded.
//! 4. It builds on unconfirmed transactions only if one that it conflicts with does, too. Else its own rate would say
//!    nothing about when it can be mined: an ancestor that pays little would hold it up.
//! 5. It does not build on what would leave.

use std::collections::BTreeSet;

use crate::{
    base::hash::Hash,
    chain::{block::HashedTransaction, rules},
    node::{Refusal, command::Reply},
};

use super::pool::{Pool, fee_at, fee_rate};

/// Transactions that leave for one, at most; bounds the work that an offer makes.
pub(super) const MAX_REPLACED: usize = 100;

/// What leaves for another transaction.
#[derive(Debug, Default)]
pub(super) struct Replaced {
    /// Those that spend the same coins.
    pub(super) rivals: BTreeSet<Hash>,
    /// Those, and all that build on them.
    pub(super) all: BTreeSet<Hash>,
}

impl Pool {
    /// What would leave for this transaction; nothing if it conflicts with none. Looks only at what the transaction says
    /// itself: the amounts that it names are compared with the coins later. `relay_rate`: base units per 1,000 bytes.
    pub(super) fn replaced_by(&self, hashed: &HashedTransaction, relay_rate: u64) -> Result<Replaced, Refusal> {
        let inputs = &hashed.transaction.inputs;
        let rivals: BTreeSet<Hash> = inputs.iter().filter_map(|input| self.spender(&input.outpoint)).collect();
        let Some(rival) = rivals.first().copied() else { return Ok(Replaced::default()) };
        let fee = rules::fee(&hashed.transaction)?;
        let for_own_bytes = fee_at(relay_rate.saturating_mul(1000), hashed.size);
        let fees = |txids: &BTreeSet<Hash>| txids.iter().map(|id| self.known(id).fee()).fold(0, u64::saturating_add);
        let best_rate = rivals.iter().map(|id| self.known(id).rate()).max().unwrap_or(0);
        let underpaid = |leaving: &BTreeSet<Hash>| {
            let for_rate = fee_at(best_rate.saturating_add(1), hashed.size);
            let needed = fees(leaving).saturating_add(for_own_bytes).max(for_rate);
            (fee < needed || fee_rate(fee, hashed.size) <= best_rate).then_some(Refusal::Underpaid {
                rival,
                fee,
                needed: needed.max(fee.saturating_add(1)),
            })
        };
        // Before anything is looked for: most offers that fail do so here.
        if let Some(refusal) = underpaid(&rivals) {
            return Err(refusal);
        }
        let is_of_rivals = |parent: &Hash| {
            let mut theirs = rivals.iter().flat_map(|id| self.known(id).transaction.transaction.inputs.iter());
            theirs.any(|input| input.outpoint.txid == *parent)
        };
        let parents: BTreeSet<Hash> = inputs.iter().map(|input| input.outpoint.txid).collect();
        let irreplaceable = |reason| Err(Refusal::Irreplaceable { rival, reason });
        if parents.iter().any(|parent| self.holds(parent) && !rivals.contains(parent) && !is_of_rivals(parent)) {
            return irreplaceable("it builds on an unconfirmed transaction that the other does not build on");
        }
        let Some(all) = self.family(&rivals, MAX_REPLACED) else {
            return irreplaceable("too many transactions build on the other");
        };
        if let Some(refusal) = underpaid(&all) {
            return Err(refusal);
        }
        if !self.ancestors(&hashed.transaction).is_disjoint(&all) {
            return irreplaceable("it builds on the other");
        }
        Ok(Replaced { rivals, all })
    }

    /// Another transaction that spends one of the same coins.
    pub(super) fn rival(&self, hashed: &HashedTransaction) -> Option<Hash> {
        let spenders = hashed.transaction.inputs.iter().filter_map(|input| self.spender(&input.outpoint));
        spenders.filter(|spender| *spender != hashed.txid).min()
    }

    /// The answer to who asks whether it would take the place of those that it conflicts with, if there are any, and whether it
    /// builds on few enough others.
    pub(super) fn may_replace(&self, hashed: &HashedTransaction, relay_rate: u64) -> Reply {
        match self.replaced_by(hashed, relay_rate).and_then(|_| self.few_ancestors(&hashed.transaction)) {
            Ok(_) => Reply::Done,
            Err(refusal) => Reply::NotTaken(refusal),
        }
    }

    /// Drops what leaves for a transaction. Who waits for one of them can hear what took its place.
    pub(super) fn replace(&mut self, replaced: Replaced, by: Hash) {
        if replaced.all.is_empty() {
            return;
        }
        log::debug!("transactions replaced: by={by} count={}", replaced.all.len());
        let (rivals, heirs): (Vec<_>, Vec<_>) = self
            .take_all(replaced.all)
            .into_iter()
            .partition(|entry| replaced.rivals.contains(&entry.transaction.txid));
        self.replacements += 1;
        // The latest are remembered the longest.
        heirs.into_iter().chain(rivals).for_each(|entry| self.displaced.push(entry.transaction, Some(by)));
    }
}
