//! The seal of known machines, and the votes in it.

use crate::base::{
    codec::{BorrowDecode, BorrowDecoder, Decode, DecodeError, Decoder, Encode, EncodeError, Encoder},
    hash::Hash,
    limits::MAX_AUTHORITIES,
};

/// The seal of a chain whose blocks known machines make in turn.
#[derive(Clone, Debug, PartialEq, Eq, Encode, Decode)]
pub struct AuthoritySeal {
    /// The view in which the block was proposed.
    pub view: u64,
    /// The hash of the set of authorities for the next height.
    pub next_authorities: Hash,
    /// The view in which the parent was notarised.
    pub parent_view: u64,
    /// The votes that notarised it.
    pub parent_votes: Votes,
}

/// Votes of some authorities for one block in one view. Encoding: a `u64` whose bit i says that authority i voted, then the
/// votes in that order, as many as there are bits.
#[derive(Clone, Debug, PartialEq, Eq, Default)]
pub struct Votes {
    signers: u64,
    votes: Vec<Vote>,
}

/// What a certificate keeps of a vote.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Encode, Decode)]
pub struct Vote {
    /// What the signer's clock showed, in milliseconds since 1970. Blocks may follow each other several times a second.
    pub clock: u64,
    /// The signer's, Ed25519.
    pub signature: [u8; 64],
}

impl Votes {
    /// Collects votes by their signer's number. Of two of one signer, the later one stays; numbers from 64 on do not exist
    /// and are left out.
    pub fn collect(votes: impl IntoIterator<Item = (usize, Vote)>) -> Self {
        let mut all = [None; MAX_AUTHORITIES];
        for (signer, vote) in votes {
            if let Some(place) = all.get_mut(signer) {
                *place = Some(vote);
            }
        }
        let present = all.iter().enumerate().filter(|(_, vote)| vote.is_some());
        let signers = present.fold(0, |signers, (signer, _)| signers | 1 << signer);
        Self { signers, votes: all.into_iter().flatten().collect() }
    }

    /// The votes with their signers' numbers, in ascending order.
    pub fn iter(&self) -> impl Iterator<Item = (usize, &Vote)> {
        (0..MAX_AUTHORITIES).filter(|signer| self.signers & 1 << signer != 0).zip(&self.votes)
    }

    /// How many there are.
    pub fn count(&self) -> usize {
        self.votes.len()
    }

    /// The median of what the signers' clocks showed, in milliseconds since 1970; the lower of the middle two. 0 without
    /// votes.
    pub fn median_clock(&self) -> u64 {
        let mut clocks: Vec<u64> = self.votes.iter().map(|vote| vote.clock).collect();
        clocks.sort_unstable();
        clocks.get(clocks.len().saturating_sub(1) / 2).copied().unwrap_or(0)
    }
}

impl Encode for Votes {
    fn encode<E: Encoder>(&self, encoder: &mut E) -> Result<(), EncodeError> {
        self.signers.encode(encoder)?;
        self.votes.iter().try_for_each(|vote| vote.encode(encoder))
    }
}

impl<C> Decode<C> for Votes {
    fn decode<D: Decoder<Context = C>>(decoder: &mut D) -> Result<Self, DecodeError> {
        let signers = u64::decode(decoder)?;
        // Grows with the votes that arrived, whatever the bits say.
        let mut votes = Vec::new();
        for _ in 0..signers.count_ones() {
            votes.push(Vote::decode(decoder)?);
        }
        Ok(Self { signers, votes })
    }
}

impl<'de, C> BorrowDecode<'de, C> for Votes {
    fn borrow_decode<D: BorrowDecoder<'de, Context = C>>(decoder: &mut D) -> Result<Self, DecodeError> {
        Self::decode(decoder)
    }
}
