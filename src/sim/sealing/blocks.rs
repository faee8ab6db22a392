//! All blocks of a run, and messages about them.

use std::{collections::BTreeMap, rc::Rc};

use crate::{
    base::hash::Hash,
    chain::seal::{AuthoritySet, Certificate, SignedVote, Statement, Vote, Votes},
    node::sealer::core::{Place, Proposal, Signing},
};

/// What travels.
#[derive(Clone, Debug)]
pub(super) enum Message {
    Vote(SignedVote),
    Certificate(Rc<Certificate>),
    Proposal(Rc<Proposal>),
}

/// A block.
#[derive(Clone, Debug)]
pub(super) struct Block {
    pub(super) place: Place,
    pub(super) parent: Place,
    pub(super) maker: usize,
    pub(super) is_valid: bool,
}

/// All blocks.
pub(super) struct Blocks {
    all: BTreeMap<Hash, Block>,
    pub(super) genesis: Place,
}

/// A signature is its signer's number.
pub(super) struct Numbers(pub(super) usize);

impl Signing for Numbers {
    fn sign(&self, statement: Statement, signer: u8, clock: u64) -> SignedVote {
        SignedVote { statement, signer, vote: Vote { clock, signature: [signer; 64] } }
    }

    fn holds(&self, vote: &SignedVote) -> bool {
        usize::from(vote.signer) < self.0 && vote.vote.signature == [vote.signer; 64]
    }
}

/// The set of this many authorities.
pub(super) fn set(count: usize) -> AuthoritySet {
    AuthoritySet::new(0, (0..count).map(|number| [u8::try_from(number).unwrap_or(u8::MAX); 32]).collect())
}

impl Blocks {
    pub(super) fn new() -> Self {
        let genesis = Place { view: 0, block: Hash([0xee; 32]) };
        let block = Block { place: genesis, parent: genesis, maker: 0, is_valid: true };
        Self { all: BTreeMap::from([(genesis.block, block)]), genesis }
    }

    /// Makes a block that nobody has made before.
    pub(super) fn make(&mut self, view: u64, parent: Place, maker: usize, is_valid: bool) -> Place {
        let mut hash = [0; 32];
        hash[..8].copy_from_slice(&(self.all.len() as u64).to_be_bytes());
        hash[8] = 1;
        let place = Place { view, block: Hash(hash) };
        self.all.insert(place.block, Block { place, parent, maker, is_valid });
        place
    }

    pub(super) fn get(&self, hash: &Hash) -> Option<&Block> {
        self.all.get(hash)
    }

    /// Whether the block at `low` is that at `high` or one before it.
    pub(super) fn leads_to(&self, low: &Place, high: &Place) -> bool {
        let mut at = *high;
        while at.view > low.view {
            let Some(block) = self.get(&at.block) else { return false };
            at = block.parent;
        }
        at == *low
    }

    /// The block and those before it down to genesis, the highest first.
    pub(super) fn chain(&self, hash: &Hash) -> impl Iterator<Item = Hash> + '_ {
        let mut next = Some(*hash);
        std::iter::from_fn(move || {
            let hash = next.take()?;
            let block = self.get(&hash).filter(|block| block.place.view > 0)?;
            next = Some(block.parent.block);
            Some(hash)
        })
    }

    pub(super) fn proposal(&self, place: Place, parent_votes: Votes) -> Message {
        let parent = self.get(&place.block).map_or(self.genesis, |block| block.parent);
        Message::Proposal(Rc::new(Proposal { view: place.view, hash: place.block, parent, parent_votes }))
    }
}
