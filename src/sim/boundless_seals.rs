//! What the disk of a liar with a key says of that key's votes. Its tricks sign what its roles do not know, and others show it that in
//! certificates: a node that keeps the rules would stop.

use crate::{
    base::hash::Hash,
    chain::{
        archive::{SealRecord, SealStore, StoreError},
        seal::{Certificate, DoubleProposal, Epoch, SignedVote, Stage, Statement, Vote},
    },
    store::SealMemory,
};

/// Keeps what its roles want, and claims a vote that is newer than any.
pub(super) struct BoundlessSeals(pub(super) SealMemory);

impl SealStore for BoundlessSeals {
    fn load(&mut self) -> Result<SealRecord, StoreError> {
        self.0.load()
    }

    fn keep_vote(&mut self, vote: &SignedVote) -> Result<(), StoreError> {
        self.0.keep_vote(vote)
    }

    fn keep_heard(&mut self, votes: &[SignedVote]) -> Result<(), StoreError> {
        self.0.keep_heard(votes)
    }

    fn keep_certificate(&mut self, certificate: &Certificate) -> Result<(), StoreError> {
        self.0.keep_certificate(certificate)
    }

    fn forget_below(&mut self, view: u64, held: Option<Hash>) -> Result<(), StoreError> {
        self.0.forget_below(view, held)
    }

    fn keep_evidence(&mut self, evidence: &(SignedVote, SignedVote)) -> Result<(), StoreError> {
        self.0.keep_evidence(evidence)
    }

    fn keep_double_proposal(&mut self, signer: u8, proof: &DoubleProposal) -> Result<(), StoreError> {
        self.0.keep_double_proposal(signer, proof)
    }

    fn keep_proposed(&mut self, epoch: Epoch, view: u64) -> Result<(), StoreError> {
        self.0.keep_proposed(epoch, view)
    }

    fn own_vote(&self, stage: Stage) -> Result<Option<SignedVote>, StoreError> {
        let statement = Statement { epoch: Epoch::MAX, view: u64::MAX, stage, block: Hash::ZERO };
        Ok(Some(SignedVote { statement, signer: 0, vote: Vote { clock: 0, signature: [0; 64] } }))
    }
}
