//! Blocks that bring nothing new: echoes of what others relayed, and junk under known headers.
//!
//! A body has one encoding, and the merkle root in the header commits to all of it. So a second frame of a block that was
//! taken is equal to the first, or its body is not the header's.

use std::collections::VecDeque;

use crate::{
    base::hash::Hash,
    chain::rules::BlockFault,
    node::{Origin, PeerFault},
    wire::frame::Frame,
};

/// What all frames of one block have in common.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct Facts {
    checksum: [u8; 4],
    length: usize,
}

/// The bodies that were passed to the verifier last. Each body is noted and few are ever looked up, so they are not sorted.
#[derive(Debug)]
pub(super) struct Bodies {
    /// Oldest first.
    facts: VecDeque<(Hash, Origin, Facts)>,
    most: usize,
}

impl Bodies {
    /// Remembers at most `most` bodies.
    pub(super) fn new(most: usize) -> Self {
        Self { facts: VecDeque::new(), most }
    }

    /// A body goes to the verifier.
    pub(super) fn insert(&mut self, hash: Hash, origin: Origin, frame: &Frame) {
        if self.facts.len() == self.most {
            self.facts.pop_front();
        }
        self.facts.push_back((hash, origin, Facts { checksum: frame.checksum, length: frame.body.len() }));
    }

    /// What came from there was refused. What others sent may be the block all the same.
    pub(super) fn remove(&mut self, hash: &Hash, origin: Origin) {
        self.facts.retain(|(other, from, _)| (other, *from) != (hash, origin));
    }

    /// Judges another frame of a block that was taken. `None`: the first one is not remembered, or several are that differ,
    /// and the verifier has not yet said which is junk.
    pub(super) fn judge(&self, hash: &Hash, frame: &Frame) -> Option<Result<(), PeerFault>> {
        let mut known = self.facts.iter().filter(|(other, ..)| other == hash).map(|(.., facts)| facts);
        let facts = known.next()?;
        if known.any(|other| other != facts) {
            return None;
        }
        Some(match frame.check() {
            Err(fault) => Err(fault.into()),
            Ok(()) if (frame.checksum, frame.body.len()) == (facts.checksum, facts.length) => Ok(()),
            Ok(()) => Err(PeerFault::Block(BlockFault::MerkleRoot)),
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::wire::message::Message;

    #[test]
    fn a_second_body_of_one_block_is_the_first_one_or_junk() {
        let frame = |byte: u8| Frame::new(&Message::Block(vec![byte; 200].into()));
        let mut bodies = Bodies::new(2);
        bodies.insert(Hash([1; 32]), Origin::Miner, &frame(1));
        assert_eq!(bodies.judge(&Hash([1; 32]), &frame(1)), Some(Ok(())));
        assert_eq!(bodies.judge(&Hash([1; 32]), &frame(2)), Some(Err(PeerFault::Block(BlockFault::MerkleRoot))));
        let lie = Frame { checksum: frame(1).checksum, ..frame(2) };
        assert!(matches!(bodies.judge(&Hash([1; 32]), &lie), Some(Err(PeerFault::Frame(_)))));
        bodies.insert(Hash([2; 32]), Origin::Miner, &frame(2));
        bodies.insert(Hash([3; 32]), Origin::Miner, &frame(3));
        bodies.remove(&Hash([2; 32]), Origin::Miner);
        assert!(bodies.judge(&Hash([1; 32]), &frame(1)).is_none() && bodies.judge(&Hash([2; 32]), &frame(2)).is_none());
        assert!(bodies.judge(&Hash([3; 32]), &frame(3)).is_some());
    }
}
