//! What authorities sign: statements about views, votes for them, and certificates of enough votes.

use crate::{
    base::{
        codec::{BorrowDecode, BorrowDecoder, Decode, DecodeError, Decoder, Encode, EncodeError, Encoder, malformed},
        hash::{Domain, Hash},
    },
    chain::{
        key::{self, SecretKey},
        seal::{Vote, Votes},
    },
};

/// The number of a set of authorities: 0 for the first.
pub type Epoch = u32;

/// What a statement says of its view.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
#[repr(u8)]
pub enum Stage {
    /// "This block is valid on its parent, and I have voted for no other in this view."
    Notarise = 0,
    /// "My time for this view is over."
    Skip = 1,
    /// "I saw this block notarised, and have not voted to skip its view, nor shall I."
    Finalize = 2,
}

/// What an authority may sign. Encoding: the fields in order, integers little-endian; 45 bytes.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Encode, Decode)]
pub struct Statement {
    /// The set of authorities.
    pub epoch: Epoch,
    /// What is said.
    pub stage: Stage,
    /// Of which view.
    pub view: u64,
    /// The block; zeros for a skip.
    pub block: Hash,
}

/// An authority's vote. Encoding: the fields in order; 118 bytes.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Encode, Decode)]
pub struct SignedVote {
    /// What it says.
    pub statement: Statement,
    /// The authority's number in its set.
    pub signer: u8,
    /// Its clock and its signature.
    pub vote: Vote,
}

/// Votes of a quorum for one statement. Encoding: the statement, then the votes.
#[derive(Clone, Debug, PartialEq, Eq, Encode, Decode)]
pub struct Certificate {
    /// What was decided.
    pub statement: Statement,
    /// By whom.
    pub votes: Votes,
}

impl Statement {
    /// A block's notarisation.
    pub fn notarise(epoch: Epoch, view: u64, block: Hash) -> Self {
        Self { epoch, stage: Stage::Notarise, view, block }
    }

    /// The end of a view without a block.
    pub fn skip(epoch: Epoch, view: u64) -> Self {
        Self { epoch, stage: Stage::Skip, view, block: Hash::ZERO }
    }

    /// A block's finality, with all before it.
    pub fn finalize(epoch: Epoch, view: u64, block: Hash) -> Self {
        Self { epoch, stage: Stage::Finalize, view, block }
    }

    /// What is signed: a hash over the network, the statement and the signer's clock in milliseconds since 1970.
    pub fn signing_hash(&self, genesis: &Hash, clock: u64) -> Hash {
        let Self { epoch, stage, view, block } = self;
        let parts: [&[u8]; 6] =
            [&genesis.0, &epoch.to_le_bytes(), &[*stage as u8], &view.to_le_bytes(), &block.0, &clock.to_le_bytes()];
        Domain::STATEMENT.hash(&parts.concat())
    }
}

impl SignedVote {
    /// Signs a statement as authority `signer`.
    pub fn sign(statement: Statement, signer: u8, clock: u64, key: &SecretKey, genesis: &Hash) -> Self {
        let signature = key.sign(&statement.signing_hash(genesis, clock));
        Self { statement, signer, vote: Vote { clock, signature } }
    }

    /// Whether the owner of this key signed it.
    pub fn holds(&self, genesis: &Hash, public_key: &[u8; 32]) -> bool {
        let hash = self.statement.signing_hash(genesis, self.vote.clock);
        key::verify(public_key, &hash, &self.vote.signature)
    }
}

/// What a leader signs to propose the block with this hash, which commits to view, epoch and parent.
pub fn proposal_hash(genesis: &Hash, block: &Hash) -> Hash {
    Domain::PROPOSAL.hash(&[genesis.0, block.0].concat())
}

impl Certificate {
    /// Its votes one by one.
    pub fn signed_votes(&self) -> impl Iterator<Item = SignedVote> + '_ {
        let statement = self.statement;
        self.votes.iter().filter_map(move |(signer, vote)| {
            Some(SignedVote { statement, signer: u8::try_from(signer).ok()?, vote: *vote })
        })
    }

    /// The median of what the voters' clocks showed, in milliseconds since 1970; the lower of the middle two. 0 without
    /// votes.
    pub fn median_clock(&self) -> u64 {
        self.votes.median_clock()
    }
}

impl Encode for Stage {
    fn encode<E: Encoder>(&self, encoder: &mut E) -> Result<(), EncodeError> {
        (*self as u8).encode(encoder)
    }
}

impl<C> Decode<C> for Stage {
    fn decode<D: Decoder<Context = C>>(decoder: &mut D) -> Result<Self, DecodeError> {
        match u8::decode(decoder)? {
            0 => Ok(Self::Notarise),
            1 => Ok(Self::Skip),
            2 => Ok(Self::Finalize),
            other => Err(malformed(format!("a vote of the unknown kind {other}"))),
        }
    }
}

impl<'de, C> BorrowDecode<'de, C> for Stage {
    fn borrow_decode<D: BorrowDecoder<'de, Context = C>>(decoder: &mut D) -> Result<Self, DecodeError> {
        Self::decode(decoder)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{base::codec, chain::seal::AuthoritySet};

    #[test]
    fn a_vote_is_for_one_network_statement_and_clock() {
        let (key, genesis) = (SecretKey::well_known(1), Hash([9; 32]));
        let signed = SignedVote::sign(Statement::notarise(2, 3, Hash([4; 32])), 5, 6, &key, &genesis);
        let public = key.public_key();
        assert!(signed.holds(&genesis, &public) && !signed.holds(&Hash([8; 32]), &public));
        let with = |change: fn(&mut SignedVote)| {
            let mut other = signed;
            change(&mut other);
            other.holds(&genesis, &public)
        };
        assert!(!with(|vote| vote.statement.epoch += 1));
        assert!(!with(|vote| vote.statement.stage = Stage::Finalize));
        assert!(!with(|vote| vote.statement.view += 1));
        assert!(!with(|vote| vote.statement.block = Hash([5; 32])));
        assert!(!with(|vote| vote.vote.clock += 1));
        assert_eq!(codec::encode(&signed).len(), 118);
        assert_eq!(codec::decode::<SignedVote>(&codec::encode(&signed)), Ok(signed));
    }

    #[test]
    fn a_certificate_needs_a_quorum_of_true_votes_of_its_epoch() {
        let (genesis, keys) = (Hash([9; 32]), (0..4).map(SecretKey::well_known).collect::<Vec<_>>());
        let set = AuthoritySet::new(7, keys.iter().map(SecretKey::public_key).collect());
        let statement = Statement::skip(7, 11);
        let vote = |signer: u8| SignedVote::sign(statement, signer, 100, &keys[usize::from(signer)], &genesis);
        let of = |signers: &[u8]| Certificate {
            statement,
            votes: Votes::collect(signers.iter().map(|signer| (usize::from(*signer), vote(*signer).vote))),
        };
        assert!(set.certifies(&genesis, &of(&[0, 1, 3])) && set.certifies(&genesis, &of(&[0, 1, 2, 3])));
        assert!(!set.certifies(&genesis, &of(&[0, 1])), "too few");
        assert!(!set.certifies(&genesis, &of(&[0, 0, 1])), "one counted twice");
        let mut foreign = of(&[0, 1, 2]);
        foreign.votes =
            Votes::collect(foreign.votes.iter().map(|(signer, vote)| (signer + 1, *vote)).collect::<Vec<_>>());
        assert!(!set.certifies(&genesis, &foreign), "votes of others");
        let other = Certificate { statement: Statement { epoch: 8, ..statement }, ..of(&[0, 1, 2]) };
        assert!(!set.certifies(&genesis, &other), "of another set");
    }
}
