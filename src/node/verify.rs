//! The `verify` role: everything that can be told of blocks and transactions without the ledger. Several run side by
//! side; they keep nothing between events, unless they share their verdicts with other nodes of a simulation.
//!
//! Signatures are checked in batches. A batch that fails is searched for its culprit, which costs its sender the
//! connection: no peer can make us search twice.

mod verdicts;

use std::{collections::BTreeSet, sync::Arc};

use crate::{
    base::{
        hash::Hash,
        limits::{self, MAX_BLOCK_TRANSACTIONS},
        rng::Rng,
        time::{Now, Time},
    },
    chain::{
        block::{HashedBlock, HashedTransaction},
        body,
        checked::CheckedBlock,
        header::Header,
        key::{self, Claim},
        rules::{self, BlockFault, TransactionFault},
        spec::ChainSpec,
    },
    node::{
        Input, Nothing, Origin, Outbox, PeerFault, Role, Setup,
        notice::{
            CheckedTransactions, Parts, ProposalFault, ToFetch, ToGossip, ToHistory, ToLedger, ToSealer, ToVerify,
            TransactionVerdict, UncheckedTransaction,
        },
        report::Counter,
    },
    wire::frame::Frame,
};

pub use verdicts::Verdicts;

/// The `verify` role.
pub struct Verify {
    spec: Arc<ChainSpec>,
    /// Draws the weights of signature batches.
    rng: Rng,
    verdicts: Option<Verdicts>,
}

/// A claim and whose it is.
#[derive(Clone, Copy, Debug)]
struct Signed {
    claim: Claim,
    /// The transaction's position.
    index: usize,
    /// The input's position.
    input: usize,
}

impl Verify {
    /// A role that has heard nothing yet.
    pub fn new(setup: &Setup, rng: Rng) -> Self {
        Self { spec: setup.spec.clone(), rng, verdicts: setup.verdicts.clone() }
    }

    fn on_notice(&mut self, notice: ToVerify, out: &mut Outbox) {
        match notice {
            ToVerify::CheckBlock { origin, hash, frame, checked, parts } => {
                self.block(origin, hash, (&frame, parts.as_ref()), &checked, out);
            }
            ToVerify::CheckTransactions(unchecked) => self.transactions(unchecked, out),
        }
    }

    fn block(
        &mut self,
        origin: Origin,
        hash: Hash,
        (frame, parts): (&Frame, Option<&Parts>),
        checked: &CheckedTransactions,
        out: &mut Outbox,
    ) {
        if parts.is_none()
            && let Err(fault) = frame.check()
        {
            refuse(origin, hash, PeerFault::Frame(fault.clone()), BlockFault::Malformed(fault.to_string()), out);
            return;
        }
        if let Some(block) = self.verdicts.as_ref().and_then(|verdicts| verdicts.block(&hash, &frame.body)) {
            return pass(origin, block, out);
        }
        match self.check_block(hash, (frame, parts), checked, out).map(Arc::new) {
            Ok(block) => {
                if let Some(verdicts) = &self.verdicts {
                    verdicts.keep_block(&block);
                }
                pass(origin, block, out);
            }
            Err(fault) => refuse(origin, hash, PeerFault::Block(fault.clone()), fault, out),
        }
    }

    fn check_block(
        &mut self,
        hash: Hash,
        (frame, parts): (&Frame, Option<&Parts>),
        checked: &CheckedTransactions,
        out: &mut Outbox,
    ) -> Result<CheckedBlock, BlockFault> {
        let (mut block, leaves) = match parts {
            Some(parts) => assembled(&hash, frame, parts),
            None => CheckedBlock::check(frame.body.clone(), &hash),
        }?;
        let genesis = self.spec.genesis_hash();
        let (mut batch, mut reused) = (Vec::new(), 0);
        for (index, ((txid, view), leaf)) in block.views().zip(&leaves).enumerate() {
            let Some(view) = view else { return Err(BlockFault::Malformed("a transaction is cut off".to_owned())) };
            if checked.contains_key(leaf) {
                reused += view.counts().0 as u64;
                continue;
            }
            batch.extend(signed(body::claims(&view, &txid, &genesis), index));
            if batch.len() >= limits::SIGNATURE_BATCH {
                self.check_signatures(&mut batch, out)?;
            }
        }
        self.check_signatures(&mut batch, out)?;
        if reused > 0 {
            out.count(Counter::SignaturesReused, reused);
        }
        block.leaves = parts.map(|_| leaves.into());
        Ok(block)
    }

    /// Checks and empties the batch of a block; the fault is that of its first signature that does not hold.
    fn check_signatures(&mut self, batch: &mut Vec<Signed>, out: &mut Outbox) -> Result<(), BlockFault> {
        if batch.is_empty() {
            return Ok(());
        }
        let claims: Vec<Claim> = batch.iter().map(|signed| signed.claim).collect();
        out.count(Counter::SignaturesVerified, claims.len() as u64);
        let invalid = key::first_invalid(&claims, &mut self.rng).and_then(|at| batch.get(at).copied());
        batch.clear();
        invalid.map_or(Ok(()), |signed| {
            let fault = TransactionFault::Signature(signed.input);
            Err(BlockFault::Transaction { index: signed.index, fault })
        })
    }

    fn transactions(&mut self, unchecked: Vec<UncheckedTransaction>, out: &mut Outbox) {
        let mut faults: Vec<Option<TransactionFault>> =
            unchecked.iter().map(|one| rules::check_transaction(&one.transaction, false).err()).collect();
        for broken in self.broken_signatures(&unchecked, &faults, out) {
            if let Some(fault) = faults.get_mut(broken.index) {
                *fault = Some(TransactionFault::Signature(broken.input));
            }
        }
        let mut blamed = BTreeSet::new();
        let verdict = |(one, fault): (UncheckedTransaction, Option<TransactionFault>)| {
            let UncheckedTransaction { origin, transaction } = one;
            // The link that sent something invalid is closed once, however much of it there is.
            if let (Some(link), Some(fault)) = (origin.link(), &fault)
                && blamed.insert(link)
            {
                out.fault(link, fault.clone().into());
            }
            TransactionVerdict { origin, result: fault.map_or(Ok(transaction), Err) }
        };
        let verdicts = unchecked.into_iter().zip(faults).map(verdict).collect();
        out.tell(ToGossip::TransactionsChecked(verdicts));
    }

    /// The first broken signature of each transaction that has one, of those without another fault.
    fn broken_signatures(
        &mut self,
        unchecked: &[UncheckedTransaction],
        faults: &[Option<TransactionFault>],
        out: &mut Outbox,
    ) -> Vec<Signed> {
        let genesis = self.spec.genesis_hash();
        let each = unchecked.iter().zip(faults).enumerate().filter(|(_, (_, fault))| fault.is_none());
        let each = each.map(|(index, (one, _))| {
            let hashed = &one.transaction;
            signed(key::claims(&hashed.transaction, &hashed.txid, &genesis), index)
        });
        let unknown = |claim: &Claim| self.verdicts.as_ref().is_none_or(|verdicts| !verdicts.holds(claim));
        let claims: Vec<Claim> = each.clone().flatten().map(|signed| signed.claim).filter(unknown).collect();
        if claims.is_empty() {
            return Vec::new();
        }
        out.count(Counter::SignaturesVerified, claims.len() as u64);
        if claims.chunks(limits::SIGNATURE_BATCH).all(|batch| key::verify_batch(batch, &mut self.rng)) {
            if let Some(verdicts) = &self.verdicts {
                verdicts.keep(&claims);
            }
            return Vec::new();
        }
        each.filter_map(|batch| {
            let batch: Vec<Signed> = batch.collect();
            let claims: Vec<Claim> = batch.iter().map(|signed| signed.claim).collect();
            key::first_invalid(&claims, &mut self.rng).and_then(|at| batch.get(at).copied())
        })
        .collect()
    }
}

impl Role for Verify {
    type Input = Input<Nothing, ToVerify, Nothing>;

    fn handle(&mut self, _now: Now, input: Self::Input, out: &mut Outbox) {
        match input {
            Input::Notice(notice) => self.on_notice(notice, out),
            Input::Start | Input::Wake | Input::Stop => {}
        }
    }

    fn deadline(&self) -> Option<Time> {
        None
    }
}

/// A block that was put together here, from what was decoded and hashed when it came, and its leaves. Its header commits to just
/// these transactions: `fetch` has seen to that, and [`rules::check_block`] does again.
fn assembled(
    hash: &Hash,
    frame: &Frame,
    parts: &[Arc<HashedTransaction>],
) -> Result<(CheckedBlock, Vec<Hash>), BlockFault> {
    let header = Header::peek(&frame.body).filter(|header| header.hash() == *hash);
    let Some(header) = header.filter(|_| parts.len() <= MAX_BLOCK_TRANSACTIONS) else {
        return CheckedBlock::check(frame.body.clone(), hash);
    };
    let transactions = parts.iter().map(|part| HashedTransaction::clone(part)).collect();
    let block = HashedBlock { hash: *hash, header, transactions, bytes: frame.body.clone() };
    debug_assert_eq!(HashedBlock::decode(frame.body.clone()).as_ref(), Ok(&block), "the frame is made of other parts");
    rules::check_block(&block)?;
    Ok((CheckedBlock::new(&block), block.transactions.iter().map(|hashed| hashed.leaf).collect()))
}

fn signed(claims: impl Iterator<Item = Claim>, index: usize) -> impl Iterator<Item = Signed> {
    claims.enumerate().map(move |(input, claim)| Signed { claim, index, input })
}

/// A valid body goes to the role that waits for it.
fn pass(origin: Origin, block: Arc<CheckedBlock>, out: &mut Outbox) {
    match origin {
        Origin::Past(_) => out.tell(ToHistory::BlockChecked(block)),
        _ => out.tell(ToLedger::BlockChecked { origin, block }),
    }
}

/// Deals with an invalid body: closes its sender, and tells the role that waits for the block.
fn refuse(origin: Origin, hash: Hash, fault: PeerFault, block_fault: BlockFault, out: &mut Outbox) {
    if origin == Origin::Proposal {
        let result = Err(ProposalFault::Invalid(block_fault.to_string()));
        return out.tell(ToSealer::ProposalChecked { hash, result });
    }
    if let Some(link) = origin.liable() {
        out.fault(link, fault);
    }
    if block_fault.blames_header() && matches!(origin, Origin::Past(_)) {
        out.tell(ToHistory::BodyInvalid { hash, fault: Box::new(block_fault) });
    } else if block_fault.blames_header() {
        out.tell(ToLedger::BodyInvalid { hash, origin, fault: Box::new(block_fault) });
    } else {
        out.tell(ToFetch::BodyRefused { hash, origin, fault: Box::new(block_fault) });
    }
}

#[cfg(test)]
mod tests;
