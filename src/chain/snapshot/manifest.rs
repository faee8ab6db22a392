//! What a snapshot consists of.

use std::{ops::Range, sync::Arc};

use super::{BUCKETS, MOST_COIN_BYTES, MOST_PIECES, PIECE_BYTES, SnapshotFault};
use crate::{
    base::{
        codec::{self, BorrowDecode, BorrowDecoder, Decode, DecodeError, Decoder, Encode, EncodeError, Encoder},
        hash::{Domain, Hash},
    },
    chain::digest::{self, LeafSum},
};

/// What a snapshot consists of: the leaves of the state digest after a block, and the lengths of its pieces. Clones share their
/// memory.
///
/// Encoding: height (`u32`), block (32 bytes), 64 leaves of 32 bytes; then for each bucket the number of its pieces (`u32`) and the
/// length of each in bytes (`u32`).
#[derive(Clone, PartialEq, Eq)]
pub struct Manifest(Arc<Inner>);

#[derive(PartialEq, Eq)]
struct Inner {
    height: u32,
    block: Hash,
    leaves: [Hash; BUCKETS],
    /// Bytes of all pieces, bucket after bucket.
    lengths: Vec<u32>,
    /// For each bucket, how many pieces it and those before it have.
    ends: [u32; BUCKETS],
}

impl Manifest {
    /// A manifest of these leaves, and of the lengths of each bucket's pieces.
    pub fn new(
        height: u32,
        block: Hash,
        leaves: [Hash; BUCKETS],
        pieces: &[Vec<u32>; BUCKETS],
    ) -> Result<Self, SnapshotFault> {
        let mut builder = Builder::default();
        for (bucket, lengths) in pieces.iter().enumerate() {
            builder.begin(bucket, lengths.len()).ok_or(SnapshotFault::Pieces)?;
            lengths.iter().try_for_each(|length| builder.push(*length)).ok_or(SnapshotFault::Pieces)?;
            builder.end(bucket).ok_or(SnapshotFault::Pieces)?;
        }
        Ok(builder.finish(height, block, leaves))
    }

    /// The height of the block.
    pub fn height(&self) -> u32 {
        self.0.height
    }

    /// The block after which the coins are.
    pub fn block(&self) -> Hash {
        self.0.block
    }

    /// The leaves of the state digest.
    pub fn leaves(&self) -> &[Hash; BUCKETS] {
        &self.0.leaves
    }

    /// The root over the leaves: the state digest that the header at `height + 1` must name.
    pub fn digest(&self) -> Hash {
        digest::root(&self.0.leaves)
    }

    /// Compares leaves and pieces: a bucket without coins has no piece, and one without pieces no coins.
    pub fn check_pieces(&self) -> Result<(), SnapshotFault> {
        let empty = LeafSum::default().leaf();
        let differs = |bucket: &usize| self.pieces_of(*bucket).is_empty() != (self.0.leaves[*bucket] == empty);
        (0..BUCKETS).find(differs).map_or(Ok(()), |bucket| Err(SnapshotFault::Leaf(bucket)))
    }

    /// What tells this manifest from others: the hash of its encoding.
    pub fn id(&self) -> Hash {
        Domain::SNAPSHOT.hash(&codec::encode(self))
    }

    /// How many pieces there are.
    pub fn pieces(&self) -> u32 {
        self.0.ends[BUCKETS - 1]
    }

    /// Bytes of all pieces.
    pub fn bytes(&self) -> u64 {
        self.0.lengths.iter().map(|length| u64::from(*length)).sum()
    }

    /// The numbers of a bucket's pieces: pieces are numbered from 0, bucket after bucket.
    ///
    /// # Panics
    ///
    /// If there is no such bucket.
    pub fn pieces_of(&self, bucket: usize) -> Range<u32> {
        let first = bucket.checked_sub(1).map_or(0, |before| self.0.ends[before]);
        first..self.0.ends[bucket]
    }

    /// The bucket of a piece; `None` if there is no such piece.
    pub fn bucket_of(&self, piece: u32) -> Option<usize> {
        (piece < self.pieces()).then(|| self.0.ends.partition_point(|end| *end <= piece))
    }

    /// Bytes of a piece; `None` if there is no such piece.
    pub fn length_of(&self, piece: u32) -> Option<usize> {
        Some(*self.0.lengths.get(piece as usize)? as usize)
    }

    /// Bytes of each of a bucket's pieces.
    ///
    /// # Panics
    ///
    /// If there is no such bucket.
    pub fn lengths_of(&self, bucket: usize) -> &[u32] {
        let Range { start, end } = self.pieces_of(bucket);
        &self.0.lengths[start as usize..end as usize]
    }

    /// Bytes of all pieces before this one: where it is in a file of all. Adds up as many numbers as there are pieces before.
    pub fn offset_of(&self, piece: u32) -> u64 {
        self.0.lengths.iter().take(piece as usize).map(|length| u64::from(*length)).sum()
    }
}

impl std::fmt::Debug for Manifest {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "Manifest({} {:?}, {} pieces, {} bytes)", self.0.height, self.0.block, self.pieces(), self.bytes())
    }
}

/// Takes the lengths of pieces in their order.
#[derive(Default)]
struct Builder {
    lengths: Vec<u32>,
    ends: Vec<u32>,
    begun: usize,
}

impl Builder {
    /// Begins a bucket of so many pieces; `None` if they are too many.
    fn begin(&mut self, bucket: usize, count: usize) -> Option<()> {
        self.begun = self.lengths.len();
        (bucket < BUCKETS && count <= MOST_PIECES - self.begun).then_some(())
    }

    /// Adds a piece. Those before the last of a bucket are full.
    fn push(&mut self, length: u32) -> Option<()> {
        let before = self.lengths.get(self.begun..)?.last();
        let is_full = before.is_none_or(|before| *before as usize > PIECE_BYTES - MOST_COIN_BYTES);
        let is_possible = (1..=PIECE_BYTES).contains(&(length as usize));
        (is_full && is_possible).then(|| self.lengths.push(length))
    }

    fn end(&mut self, bucket: usize) -> Option<()> {
        self.ends.push(u32::try_from(self.lengths.len()).ok()?);
        (self.ends.len() == bucket + 1).then_some(())
    }

    fn finish(self, height: u32, block: Hash, leaves: [Hash; BUCKETS]) -> Manifest {
        let mut ends = [0; BUCKETS];
        ends.copy_from_slice(&self.ends);
        Manifest(Arc::new(Inner { height, block, leaves, lengths: self.lengths, ends }))
    }
}

impl Encode for Manifest {
    fn encode<E: Encoder>(&self, encoder: &mut E) -> Result<(), EncodeError> {
        let Inner { height, block, leaves, .. } = &*self.0;
        height.encode(encoder)?;
        block.encode(encoder)?;
        leaves.iter().try_for_each(|leaf| leaf.encode(encoder))?;
        for bucket in 0..BUCKETS {
            let Range { start, end } = self.pieces_of(bucket);
            (end - start).encode(encoder)?;
            self.lengths_of(bucket).iter().try_for_each(|length| length.encode(encoder))?;
        }
        Ok(())
    }
}

impl<C> Decode<C> for Manifest {
    fn decode<D: Decoder<Context = C>>(decoder: &mut D) -> Result<Self, DecodeError> {
        let wrong = || codec::malformed(SnapshotFault::Pieces.to_string());
        let (height, block) = (u32::decode(decoder)?, Hash::decode(decoder)?);
        let mut leaves = [Hash::ZERO; BUCKETS];
        for leaf in &mut leaves {
            *leaf = Hash::decode(decoder)?;
        }
        let mut builder = Builder::default();
        for bucket in 0..BUCKETS {
            let count = u32::decode(decoder)? as usize;
            builder.begin(bucket, count).ok_or_else(wrong)?;
            for _ in 0..count {
                builder.push(u32::decode(decoder)?).ok_or_else(wrong)?;
            }
            builder.end(bucket).ok_or_else(wrong)?;
        }
        Ok(builder.finish(height, block, leaves))
    }
}

impl<'de, C> BorrowDecode<'de, C> for Manifest {
    fn borrow_decode<D: BorrowDecoder<'de, Context = C>>(decoder: &mut D) -> Result<Self, DecodeError> {
        Self::decode(decoder)
    }
}
