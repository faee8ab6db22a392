//! What makes a header count: proof of work, or the word of known authorities.
//!
//! A header's hash covers its whole seal.

mod authority_rules;
mod authority_set;
mod double_proposal;
mod kind;
mod recall;
mod rules;
mod sealing;
mod statement;
mod votes;
mod work_rules;

pub(in crate::chain) use self::authority_rules::check_next;
pub use self::{
    authority_rules::AuthorityRules,
    authority_set::{Authorities, AuthoritySet, CONTINUED_VIEWS, Term},
    double_proposal::{DoubleProposal, SignedHeader},
    recall::{RECALLED_VOTES, Recall, Recalled},
    rules::{LastWork, SealRules},
    sealing::Sealing,
    statement::{Certificate, Epoch, SignedVote, Stage, Statement, proposal_hash},
    votes::{AuthoritySeal, Vote, Votes},
    work_rules::WorkRules,
};

use crate::{
    base::codec::{BorrowDecode, BorrowDecoder, Decode, DecodeError, Decoder, Encode, EncodeError, Encoder, malformed},
    chain::target::CompactTarget,
};

/// The tag of proof of work, the seal's first byte.
const WORK: u8 = 0;
/// The tag of authorities.
const AUTHORITIES: u8 = 1;

/// The last part of a header. Encoding: a tag byte, then the fields in order, integers little-endian.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Seal {
    /// Tag 0.
    Work(ProofOfWork),
    /// Tag 1.
    Authorities(Box<AuthoritySeal>),
}

/// A hash that was hard to find.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Encode, Decode)]
pub struct ProofOfWork {
    /// The largest hash that counts as work for this block.
    pub target: CompactTarget,
    /// Chosen by the miner, so that the header's hash is not above the target.
    pub nonce: u64,
}

impl Seal {
    /// Proof of work whose nonce is still to be found.
    pub fn unsolved(target: CompactTarget) -> Self {
        Self::Work(ProofOfWork { target, nonce: 0 })
    }
}

impl Encode for Seal {
    fn encode<E: Encoder>(&self, encoder: &mut E) -> Result<(), EncodeError> {
        match self {
            Self::Work(proof) => {
                WORK.encode(encoder)?;
                proof.encode(encoder)
            }
            Self::Authorities(seal) => {
                AUTHORITIES.encode(encoder)?;
                seal.encode(encoder)
            }
        }
    }
}

impl<C> Decode<C> for Seal {
    fn decode<D: Decoder<Context = C>>(decoder: &mut D) -> Result<Self, DecodeError> {
        match u8::decode(decoder)? {
            WORK => ProofOfWork::decode(decoder).map(Self::Work),
            AUTHORITIES => AuthoritySeal::decode(decoder).map(|seal| Self::Authorities(Box::new(seal))),
            other => Err(malformed(format!("a seal of the unknown kind {other}"))),
        }
    }
}

impl<'de, C> BorrowDecode<'de, C> for Seal {
    fn borrow_decode<D: BorrowDecoder<'de, Context = C>>(decoder: &mut D) -> Result<Self, DecodeError> {
        Self::decode(decoder)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::base::{
        codec::{self, CodecError},
        hash::Hash,
    };

    fn seal(signers: &[usize]) -> AuthoritySeal {
        let vote = |signer: usize| Vote { clock: 1_000 + signer as u64, signature: [signer as u8; 64] };
        AuthoritySeal {
            view: 9,
            next_authorities: Hash([7; 32]),
            parent_view: 8,
            parent_votes: Votes::collect(signers.iter().map(|signer| (*signer, vote(*signer)))),
        }
    }

    #[test]
    fn a_seal_is_a_tag_and_its_fields() {
        let work = Seal::Work(ProofOfWork { target: CompactTarget(0x1f3f_ffff), nonce: 6 });
        assert_eq!(codec::encode(&work), [0, 0xff, 0xff, 0x3f, 0x1f, 6, 0, 0, 0, 0, 0, 0, 0]);
        let sealed = Seal::Authorities(Box::new(seal(&[1, 63])));
        let bytes = codec::encode(&sealed);
        let signers = (1u64 << 1 | 1 << 63).to_le_bytes();
        let head = [&[1, 9, 0, 0, 0, 0, 0, 0, 0][..], &[7; 32], &[8, 0, 0, 0, 0, 0, 0, 0], &signers].concat();
        assert_eq!(bytes[..57], head);
        assert_eq!(bytes[57..65], 1_001u64.to_le_bytes());
        assert_eq!((&bytes[65..129], bytes.len()), (&[1; 64][..], 57 + 2 * 72));
        assert_eq!(codec::decode::<Seal>(&bytes), Ok(sealed));
    }

    #[test]
    fn there_are_as_many_votes_as_bits_and_no_other_kind_of_seal() {
        let all: Vec<usize> = (0..64).collect();
        for signers in [&[][..], &[5], &all] {
            let bytes = codec::encode(&Seal::Authorities(Box::new(seal(signers))));
            assert_eq!(bytes.len(), 57 + 72 * signers.len());
            assert!(codec::decode::<Seal>(&bytes).is_ok());
            assert_eq!(codec::decode::<Seal>(&[&bytes[..], &[0; 72]].concat()), Err(CodecError::Trailing(72)));
            for cut in 0..bytes.len() {
                assert!(matches!(codec::decode::<Seal>(&bytes[..cut]), Err(CodecError::Malformed(_))), "{cut}");
            }
        }
        let error = codec::decode::<Seal>(&[2; 200]).unwrap_err();
        assert_eq!(error.to_string(), "malformed: a seal of the unknown kind 2");
    }

    #[test]
    fn votes_are_kept_by_their_signer() {
        let vote = |clock| Vote { clock, signature: [0; 64] };
        let votes = Votes::collect([(9, vote(1)), (3, vote(2)), (9, vote(3)), (64, vote(4))]);
        assert_eq!(votes.iter().map(|(signer, vote)| (signer, vote.clock)).collect::<Vec<_>>(), [(3, 2), (9, 3)]);
        assert_eq!(votes.count(), 2);
    }
}
