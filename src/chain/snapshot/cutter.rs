//! Cuts coins into pieces, the only way there is.

use super::{BUCKETS, Manifest, PIECE_BYTES, SnapshotFault, encoding};
use crate::{
    base::hash::Hash,
    chain::{
        coin::Coin,
        coin_key::CoinKey,
        digest::{self, LeafSum},
    },
};

/// Takes the coins of a snapshot in the order of their keys and gives its pieces. Holds one piece.
#[derive(Debug)]
pub struct Cutter {
    piece: Vec<u8>,
    coin: Vec<u8>,
    bucket: usize,
    sum: LeafSum,
    leaves: Vec<Hash>,
    lengths: Vec<Vec<u32>>,
}

impl Default for Cutter {
    fn default() -> Self {
        let lengths = vec![Vec::new()];
        Self { piece: Vec::new(), coin: Vec::new(), bucket: 0, sum: LeafSum::default(), leaves: Vec::new(), lengths }
    }
}

impl Cutter {
    /// How many buckets are complete.
    pub fn buckets(&self) -> usize {
        self.bucket
    }

    /// Adds the next coin. `out` is given each piece that is complete with that.
    pub fn push<E>(
        &mut self,
        key: &CoinKey,
        coin: &Coin,
        out: &mut dyn FnMut(&[u8]) -> Result<(), E>,
    ) -> Result<(), E> {
        while self.bucket < digest::leaf_of(key) {
            self.end_bucket(out)?;
        }
        self.coin.clear();
        encoding::put(&mut self.coin, &key.outpoint, coin);
        if self.piece.len() + self.coin.len() > PIECE_BYTES {
            self.end_piece(out)?;
        }
        self.piece.extend_from_slice(&self.coin);
        self.sum.add(key, coin);
        Ok(())
    }

    fn end_piece<E>(&mut self, out: &mut dyn FnMut(&[u8]) -> Result<(), E>) -> Result<(), E> {
        if !self.piece.is_empty() {
            out(&self.piece)?;
            let length = u32::try_from(self.piece.len()).unwrap_or(u32::MAX);
            self.lengths[self.bucket].push(length);
            self.piece.clear();
        }
        Ok(())
    }

    fn end_bucket<E>(&mut self, out: &mut dyn FnMut(&[u8]) -> Result<(), E>) -> Result<(), E> {
        self.end_piece(out)?;
        self.leaves.push(std::mem::take(&mut self.sum).leaf());
        self.lengths.push(Vec::new());
        self.bucket += 1;
        Ok(())
    }

    /// Ends the last pieces and gives the manifest of the coins after this block, whatever its header says.
    pub fn finish<E>(
        mut self,
        height: u32,
        block: Hash,
        out: &mut dyn FnMut(&[u8]) -> Result<(), E>,
    ) -> Result<Result<Manifest, SnapshotFault>, E> {
        while self.bucket < BUCKETS {
            self.end_bucket(out)?;
        }
        let mut leaves = [Hash::ZERO; BUCKETS];
        leaves.copy_from_slice(&self.leaves);
        let mut pieces = [const { Vec::new() }; BUCKETS];
        pieces.iter_mut().zip(self.lengths).for_each(|(piece, lengths)| *piece = lengths);
        Ok(Manifest::new(height, block, leaves, &pieces))
    }
}
