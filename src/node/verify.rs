//! The `verify` role: everything that can be told of blocks and transactions without the ledger. Several run side by
//! side; they keep nothing between events.
//!
//! Signatures are checked in batches. A batch that fails is searched for its culprit, which costs its sender the
//! connection: nobody can make us search twice.

use std::{collections::BTreeSet, sync::Arc};

use crate::{
    base::{
        hash::Hash,
        ids::LinkId,
        limits,
        rng::Rng,
        time::{Now, Time},
    },
    chain::{
        block::{HashedBlock, HashedTransaction},
        key::{self, Claim},
        rules::{self, BlockFault, TransactionFault},
        spec::ChainSpec,
    },
    node::{
        Event, Notice, Origin, Outbox, PeerFault, Role, RoleId, Setup,
        command::Reply,
        notice::{InvalidTransaction, TransactionVerdict, UncheckedTransaction},
        report::Counter,
    },
    wire::frame::{Frame, FrameFault},
};

/// The `verify` role.
pub struct Verify {
    spec: Arc<ChainSpec>,
    /// Draws the weights of signature batches.
    rng: Rng,
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
        Self { spec: setup.spec.clone(), rng }
    }

    fn block(&mut self, origin: Origin, hash: Hash, frame: &Frame, checked: &BTreeSet<Hash>, out: &mut Outbox) {
        if let Err(fault) = frame.check() {
            refuse(origin, hash, PeerFault::Frame(fault.clone()), BlockFault::Malformed(fault.to_string()), out);
            return;
        }
        match self.check_block(hash, frame, checked, out) {
            Ok(block) => out.tell(RoleId::Ledger, Notice::BlockChecked { origin, block: Arc::new(block) }),
            Err(fault) => refuse(origin, hash, PeerFault::Block(fault.clone()), fault, out),
        }
    }

    fn check_block(
        &mut self,
        hash: Hash,
        frame: &Frame,
        checked: &BTreeSet<Hash>,
        out: &mut Outbox,
    ) -> Result<HashedBlock, BlockFault> {
        let mut block =
            HashedBlock::decode(frame.body.clone()).map_err(|error| BlockFault::Malformed(error.to_string()))?;
        if block.hash != hash {
            return Err(BlockFault::Malformed(format!("block {} where {hash} was to come", block.hash)));
        }
        rules::check_block(&block)?;
        let genesis = self.spec.genesis_hash();
        let (mut batch, mut reused) = (Vec::new(), 0);
        for (index, hashed) in block.transactions.iter().enumerate() {
            if checked.contains(&hashed.leaf) {
                reused += hashed.transaction.inputs.len() as u64;
                continue;
            }
            batch.extend(signed(hashed, index, &genesis));
            if batch.len() >= limits::SIGNATURE_BATCH {
                self.check_signatures(&mut batch, out)?;
            }
        }
        self.check_signatures(&mut batch, out)?;
        if reused > 0 {
            out.count(Counter::SignaturesReused, reused);
        }
        // A coinbase's alone is not worth the 2 KiB that it takes meanwhile.
        if block.transactions.len() > 1 {
            block.made = Some(rules::made_sum(&block));
        }
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
        let mut faulted = BTreeSet::new();
        let opened: Vec<_> = unchecked.iter().map(|one| open(&one.frame)).collect();
        let broken = self.broken_signatures(&opened, out);
        let mut verdicts = Vec::with_capacity(opened.len());
        for (index, (one, opened)) in unchecked.iter().zip(opened).enumerate() {
            let origin = one.origin;
            let result = match (opened, broken.iter().find(|signed| signed.index == index)) {
                (Ok(_), Some(signed)) => Err(TransactionFault::Signature(signed.input).into()),
                (opened, _) => opened,
            };
            let result = result.map(Arc::new).map_err(|fault: PeerFault| {
                let invalid = invalid(&fault);
                blame(origin, fault, &mut faulted, out);
                invalid
            });
            verdicts.push(TransactionVerdict { origin, result });
        }
        out.tell(RoleId::Gossip, Notice::TransactionsChecked(verdicts));
    }

    /// The first broken signature of each transaction that has one.
    fn broken_signatures(&mut self, opened: &[Result<HashedTransaction, PeerFault>], out: &mut Outbox) -> Vec<Signed> {
        let genesis = self.spec.genesis_hash();
        let valid = || opened.iter().enumerate().filter_map(|(index, one)| one.as_ref().ok().map(|one| (index, one)));
        let claims: Vec<Claim> =
            valid().flat_map(|(index, one)| signed(one, index, &genesis)).map(|s| s.claim).collect();
        if claims.is_empty() {
            return Vec::new();
        }
        out.count(Counter::SignaturesVerified, claims.len() as u64);
        if claims.chunks(limits::SIGNATURE_BATCH).all(|batch| key::verify_batch(batch, &mut self.rng)) {
            return Vec::new();
        }
        let each = valid().map(|(index, one)| signed(one, index, &genesis).collect::<Vec<_>>());
        each.filter_map(|batch| {
            let claims: Vec<Claim> = batch.iter().map(|signed| signed.claim).collect();
            key::first_invalid(&claims, &mut self.rng).and_then(|at| batch.get(at).copied())
        })
        .collect()
    }
}

impl Role for Verify {
    fn handle(&mut self, _now: Now, event: Event, out: &mut Outbox) {
        match event {
            Event::Notice(Notice::CheckBlock { origin, hash, frame, checked }) => {
                self.block(origin, hash, &frame, &checked, out);
            }
            Event::Notice(Notice::CheckTransactions(unchecked)) => self.transactions(unchecked, out),
            Event::Command(ticket, other) => {
                out.reply(ticket, Reply::Refused(format!("not for the verifier: {other:?}")));
            }
            _ => {}
        }
    }

    fn deadline(&self) -> Option<Time> {
        None
    }
}

fn signed<'a>(hashed: &'a HashedTransaction, index: usize, genesis: &Hash) -> impl Iterator<Item = Signed> + use<'a> {
    let claims = key::claims(&hashed.transaction, &hashed.txid, genesis);
    claims.enumerate().map(move |(input, claim)| Signed { claim, index, input })
}

/// Deals with an invalid body: its sender, and whoever waits for it.
fn refuse(origin: Origin, hash: Hash, fault: PeerFault, block_fault: BlockFault, out: &mut Outbox) {
    if let Some(link) = origin.link() {
        out.fault(link, fault);
    }
    if block_fault.blames_header() {
        out.tell(RoleId::Ledger, Notice::Condemned { hash, origin, fault: Box::new(block_fault) });
    } else {
        out.tell(RoleId::Fetch, Notice::BodyRefused { hash, origin, fault: Box::new(block_fault) });
    }
}

/// Reads a transaction and checks all but its signatures.
fn open(frame: &Frame) -> Result<HashedTransaction, PeerFault> {
    frame.check()?;
    let hashed = HashedTransaction::decode(&frame.body).map_err(FrameFault::Body)?;
    rules::check_transaction(&hashed, false)?;
    Ok(hashed)
}

fn invalid(fault: &PeerFault) -> InvalidTransaction {
    match fault {
        PeerFault::Transaction(fault) => InvalidTransaction::Fault(fault.clone()),
        other => InvalidTransaction::Malformed(other.to_string()),
    }
}

/// Closes the link that sent something invalid, once however much of it there is.
fn blame(origin: Origin, fault: PeerFault, faulted: &mut BTreeSet<LinkId>, out: &mut Outbox) {
    if let Some(link) = origin.link()
        && faulted.insert(link)
    {
        out.fault(link, fault);
    }
}

#[cfg(test)]
mod tests;
