//! How an authority that starts learns what it has signed before: others tell the newest votes of its that they hold.

use crate::{
    base::{
        codec::{self, Decode, Encode, List},
        hash::{Domain, Hash},
    },
    chain::{
        key::{self, SecretKey},
        seal::{Epoch, SignedVote},
    },
};

/// The newest vote of each stage.
pub const RECALLED_VOTES: usize = 3;

/// An authority asks for its own votes. Passed on by every node, once. Encoding: the fields in order; 77 bytes.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Encode, Decode)]
pub struct Recall {
    /// The set of authorities.
    pub epoch: Epoch,
    /// Who asks: its number in the set.
    pub signer: u8,
    /// Greater than that of each question before: see `PROTOCOL.md`.
    pub nonce: u64,
    /// The asker's, so that only it can make others answer.
    pub signature: [u8; 64],
}

/// What another authority holds of the asker's votes. Passed on by every node, once. Encoding: the fields in order.
#[derive(Clone, Debug, PartialEq, Eq, Encode, Decode)]
pub struct Recalled {
    /// The set of authorities.
    pub epoch: Epoch,
    /// Who asked.
    pub signer: u8,
    /// The question's.
    pub nonce: u64,
    /// Who answers: its number in the set.
    pub responder: u8,
    /// The highest view in which it holds a vote of each stage.
    pub votes: List<SignedVote, RECALLED_VOTES>,
    /// The responder's.
    pub signature: [u8; 64],
}

impl Recall {
    /// A signed question.
    pub fn sign(epoch: Epoch, signer: u8, nonce: u64, key: &SecretKey, genesis: &Hash) -> Self {
        let mut recall = Self { epoch, signer, nonce, signature: [0; 64] };
        recall.signature = key.sign(&recall.signing_hash(genesis));
        recall
    }

    /// Whether the owner of this key asks.
    pub fn holds(&self, genesis: &Hash, public_key: &[u8; 32]) -> bool {
        key::verify(public_key, &self.signing_hash(genesis), &self.signature)
    }

    fn signing_hash(&self, genesis: &Hash) -> Hash {
        Domain::RECALL.hash(&codec::encode(&(genesis, self.epoch, self.signer, self.nonce)))
    }
}

impl Recalled {
    /// A signed answer.
    pub fn sign(
        recall: &Recall,
        responder: u8,
        votes: List<SignedVote, RECALLED_VOTES>,
        key: &SecretKey,
        genesis: &Hash,
    ) -> Self {
        let Recall { epoch, signer, nonce, .. } = *recall;
        let mut recalled = Self { epoch, signer, nonce, responder, votes, signature: [0; 64] };
        recalled.signature = key.sign(&recalled.signing_hash(genesis));
        recalled
    }

    /// Whether the owner of this key answered. Says nothing of the votes.
    pub fn holds(&self, genesis: &Hash, public_key: &[u8; 32]) -> bool {
        key::verify(public_key, &self.signing_hash(genesis), &self.signature)
    }

    fn signing_hash(&self, genesis: &Hash) -> Hash {
        let head = (genesis, self.epoch, self.signer, self.nonce, self.responder);
        Domain::RECALLED.hash(&codec::encode(&(head, &self.votes)))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::chain::seal::Statement;

    #[test]
    fn questions_and_answers_are_signed() {
        let (asker, other, genesis) = (SecretKey::well_known(1), SecretKey::well_known(2), Hash([9; 32]));
        let recall = Recall::sign(0, 1, 77, &asker, &genesis);
        assert!(recall.holds(&genesis, &asker.public_key()) && !recall.holds(&genesis, &other.public_key()));
        assert!(!Recall { nonce: 78, ..recall }.holds(&genesis, &asker.public_key()));
        assert_eq!(codec::encode(&recall).len(), 77);
        let vote = SignedVote::sign(Statement::skip(0, 5), 1, 6, &asker, &genesis);
        let recalled = Recalled::sign(&recall, 2, List::truncated([vote]), &other, &genesis);
        assert!(recalled.holds(&genesis, &other.public_key()));
        assert!(!Recalled { votes: List::EMPTY, ..recalled.clone() }.holds(&genesis, &other.public_key()));
        assert_eq!(codec::decode::<Recalled>(&codec::encode(&recalled)), Ok(recalled));
    }
}
