//! Two blocks that one authority has proposed in one view: a lie that anybody can check.

use crate::{
    base::{
        codec::{Decode, Encode},
        hash::Hash,
    },
    chain::{
        header::Header,
        key,
        seal::{Authorities, Epoch, proposal_hash},
    },
};

/// A header as its view's leader signed it. Encoding: the fields in order.
#[derive(Clone, Debug, PartialEq, Eq, Encode, Decode)]
pub struct SignedHeader {
    /// That of the `Proposal`.
    pub signature: [u8; 64],
    /// The proposed block's.
    pub header: Header,
}

/// Two of one view. Encoding: the fields in order.
#[derive(Clone, Debug, PartialEq, Eq, Encode, Decode)]
pub struct DoubleProposal {
    /// The set of authorities.
    pub epoch: Epoch,
    /// The one that was seen first.
    pub first: SignedHeader,
    /// Another one.
    pub second: SignedHeader,
}

impl SignedHeader {
    /// The view in which it was proposed; `None`: it is no header of a sealed chain.
    pub fn view(&self) -> Option<u64> {
        self.header.authority_seal().map(|seal| seal.view)
    }
}

impl DoubleProposal {
    /// The number of the authority that signed both, if this proves that it lies: the leader of their view.
    pub fn liar(&self, genesis: &Hash, authorities: &Authorities) -> Option<u8> {
        let view = self.first.view()?;
        let set = authorities.of(self.epoch)?;
        let number = set.leader(view);
        let key = set.keys().get(number)?;
        let is_of_set = |height| authorities.at(height).map(|set| set.epoch()) == Some(self.epoch);
        let holds = |signed: &SignedHeader| {
            let hash = proposal_hash(genesis, &signed.header.hash());
            signed.view() == Some(view) && is_of_set(signed.header.height) && key::verify(key, &hash, &signed.signature)
        };
        let differ = self.first.header.hash() != self.second.header.hash();
        (differ && holds(&self.first) && holds(&self.second)).then(|| u8::try_from(number).ok()).flatten()
    }
}
