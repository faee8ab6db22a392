//! All blocks of a run, and messages about them.

use std::{collections::BTreeMap, rc::Rc};

use crate::{
    base::hash::Hash,
    chain::seal::{AuthoritySet, Certificate, Epoch, SignedVote, Statement, Vote, Votes},
    node::sealer::core::{Place, Proposal, Signing},
};

/// What travels.
#[derive(Clone, Debug)]
pub(super) enum Message {
    Vote(SignedVote),
    Certificate(Rc<Certificate>),
    Proposal(Rc<Proposal>),
}

impl Message {
    /// The set of which it is; `None`: it names none.
    pub(super) fn epoch(&self) -> Option<Epoch> {
        match self {
            Self::Vote(vote) => Some(vote.statement.epoch),
            Self::Certificate(certificate) => Some(certificate.statement.epoch),
            Self::Proposal(_) => None,
        }
    }
}

/// A block.
#[derive(Clone, Debug)]
pub(super) struct Block {
    pub(super) height: u32,
    /// In the view for which it was made. The last block of a set may be notarised in later ones as well.
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

/// A signature is its signer's key, and a key the number of its node.
pub(super) struct Numbers(pub(super) AuthoritySet);

impl Signing for Numbers {
    fn sign(&self, statement: Statement, signer: u8, clock: u64) -> SignedVote {
        let key = self.0.keys().get(usize::from(signer)).map_or(u8::MAX, |key| key[0]);
        SignedVote { statement, signer, vote: Vote { clock, signature: [key; 64] } }
    }

    fn holds(&self, vote: &SignedVote) -> bool {
        let key = self.0.keys().get(usize::from(vote.signer));
        vote.statement.epoch == self.0.epoch() && key.is_some_and(|key| vote.vote.signature == [key[0]; 64])
    }
}

/// A node's key.
pub(super) fn key(node: usize) -> [u8; 32] {
    [u8::try_from(node).unwrap_or(u8::MAX); 32]
}

/// The node that signed a vote.
pub(super) fn signer_of(vote: &SignedVote) -> usize {
    usize::from(vote.vote.signature[0])
}

/// The node that leads in a view of a set.
pub(super) fn leader(set: &AuthoritySet, view: u64) -> usize {
    set.keys().get(set.leader(view)).map_or(usize::MAX, |key| usize::from(key[0]))
}

/// A node's number in a set.
pub(super) fn number(set: &AuthoritySet, node: usize) -> Option<u8> {
    set.number_of(&key(node)).and_then(|number| u8::try_from(number).ok())
}

impl Blocks {
    pub(super) fn new() -> Self {
        let genesis = Place { view: 0, block: Hash([0xee; 32]) };
        let block = Block { height: 0, place: genesis, parent: genesis, maker: 0, is_valid: true };
        Self { all: BTreeMap::from([(genesis.block, block)]), genesis }
    }

    /// Makes a block that nobody has made before.
    pub(super) fn make(&mut self, view: u64, parent: Place, maker: usize, is_valid: bool) -> Place {
        let mut hash = [0; 32];
        hash[..8].copy_from_slice(&(self.all.len() as u64).to_be_bytes());
        hash[8] = 1;
        let place = Place { view, block: Hash(hash) };
        let parent = self.own_place(&parent);
        let height = self.height(&parent.block) + 1;
        self.all.insert(place.block, Block { height, place, parent, maker, is_valid });
        place
    }

    pub(super) fn get(&self, hash: &Hash) -> Option<&Block> {
        self.all.get(hash)
    }

    pub(super) fn height(&self, hash: &Hash) -> u32 {
        self.get(hash).map_or(0, |block| block.height)
    }

    /// The block in the view for which it was made.
    pub(super) fn own_place(&self, place: &Place) -> Place {
        self.get(&place.block).map_or(*place, |block| block.place)
    }

    /// Whether the block at `low` is that at `high` or one before it.
    pub(super) fn leads_to(&self, low: &Place, high: &Place) -> bool {
        let (low, mut at) = (self.own_place(low), self.own_place(high));
        while at.view > low.view {
            let Some(block) = self.get(&at.block) else { return false };
            at = block.parent;
        }
        at == low
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
