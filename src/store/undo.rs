//! Undo data: what a block's body does not say about the coins that it spent from before it.
//!
//! Layout: for each such coin, in the order of the block's inputs, 2 × height + coinbase in LEB128. The input itself names
//! its outpoint and its amount, and the key in it gives its address. The coins that the block created follow from its
//! body. A block that spends nothing has no undo data at all.

use crate::{
    base::{hash::Hash, leb128},
    chain::{
        address::Address,
        archive::StoreError,
        block::HashedBlock,
        coin::{Coin, CoinChanges, coins_created},
        transaction::{Input, OutPoint},
    },
    store::error::corrupt,
};

/// Encodes spent coins, which are in the order of the block's inputs; `None` if there are none.
pub(super) fn encode(spent: &[(OutPoint, Coin)]) -> Option<Vec<u8>> {
    if spent.is_empty() {
        return None;
    }
    let mut bytes = Vec::with_capacity(spent.len() * 3);
    for (_, coin) in spent {
        leb128::put(&mut bytes, u64::from(coin.height) << 1 | u64::from(coin.coinbase));
    }
    Some(bytes)
}

/// Reads [`encode`]'s result for this block. Data that is longer or shorter than the block's is an error.
pub(super) fn decode(bytes: Option<&[u8]>, block: &HashedBlock) -> Result<Vec<(OutPoint, Coin)>, StoreError> {
    let mut origins = Origins::new(bytes.unwrap_or_default(), OwnCoins::of(block), block.header.height);
    let mut spent = Vec::new();
    for input in inputs(block) {
        let Some((height, coinbase)) = origins.next(&input.outpoint)? else { continue };
        let (amount, address) = (input.amount, Address::of(&input.public_key));
        spent.push((input.outpoint, Coin { amount, address, height, coinbase }));
    }
    origins.finish().map(|()| spent)
}

/// Where the coins come from that a block spends, read input by input.
pub(super) struct Origins<'a> {
    rest: &'a [u8],
    own: OwnCoins,
    /// The block's.
    height: u32,
}

impl<'a> Origins<'a> {
    /// `bytes`: what [`encode`] made of the block at `height`; `own`: the coins that it creates.
    pub(super) fn new(bytes: &'a [u8], own: OwnCoins, height: u32) -> Self {
        Self { rest: bytes, own, height }
    }

    /// The height of the coin that the next input spends, and whether it is of a coinbase; `None` if the block created it.
    pub(super) fn next(&mut self, outpoint: &OutPoint) -> Result<Option<(u32, bool)>, StoreError> {
        if self.own.has(outpoint) {
            return Ok(None);
        }
        let origin = leb128::take(&mut self.rest).ok_or_else(|| self.foreign())?;
        let height = u32::try_from(origin >> 1).map_err(|_| self.foreign())?;
        Ok(Some((height, origin & 1 == 1)))
    }

    /// After the last input.
    pub(super) fn finish(&self) -> Result<(), StoreError> {
        if self.rest.is_empty() { Ok(()) } else { Err(self.foreign()) }
    }

    fn foreign(&self) -> StoreError {
        corrupt(format!("the data that undoes block {} is not that block's", self.height))
    }
}

/// All changes of a block to the coins, of which `spent` is what [`decode`] returned.
pub(super) fn changes(block: &HashedBlock, spent: Vec<(OutPoint, Coin)>) -> CoinChanges {
    let own = OwnCoins::of(block);
    let mut used: Vec<OutPoint> =
        inputs(block).map(|input| input.outpoint).filter(|outpoint| own.has(outpoint)).collect();
    used.sort_unstable();
    let height = block.header.height;
    let all = block.transactions.iter().flat_map(|transaction| coins_created(transaction, height));
    CoinChanges { spent, created: all.filter(|(outpoint, _)| used.binary_search(outpoint).is_err()).collect() }
}

fn inputs(block: &HashedBlock) -> impl Iterator<Item = &Input> {
    block.transactions.iter().flat_map(|one| one.transaction.inputs.iter())
}

/// The coins that a block creates.
pub(super) struct OwnCoins(Vec<(Hash, usize)>);

impl OwnCoins {
    fn of(block: &HashedBlock) -> Self {
        Self::new(block.transactions.iter().map(|one| (one.txid, one.transaction.outputs.len())).collect())
    }

    /// Of transactions with these ids and numbers of outputs.
    pub(super) fn new(mut ids: Vec<(Hash, usize)>) -> Self {
        ids.sort_unstable();
        Self(ids)
    }

    fn has(&self, outpoint: &OutPoint) -> bool {
        let at = self.0.binary_search_by_key(&outpoint.txid, |(txid, _)| *txid);
        at.is_ok_and(|at| usize::try_from(outpoint.index).is_ok_and(|index| index < self.0[at].1))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{
        chain::key::SecretKey,
        store::testing::{account, dev_maker},
    };

    #[test]
    fn what_a_block_spent_comes_back_from_its_body_and_few_bytes() {
        let mut maker = dev_maker();
        let key = SecretKey::well_known(0);
        let from_before = maker.transfer(&key, account(1), 5, 1);
        let block = maker.next_block(vec![from_before], account(2));
        let changes_before = maker.last_changes().clone();
        let bytes = encode(&changes_before.spent).unwrap();
        assert_eq!(bytes.len(), 1, "{bytes:?}");
        let spent = decode(Some(&bytes), &block).unwrap();
        assert_eq!(changes(&block, spent), changes_before);
        assert!(decode(Some(&bytes[..bytes.len() - 1]), &block).is_err(), "cut short");
        assert!(decode(None, &block).is_err());
        assert!(decode(Some(&[&bytes[..], &[0]].concat()), &block).is_err(), "too long");
        assert!(decode(Some(&[0xff; 24]), &block).is_err(), "endless");
        assert_eq!((encode(&[]), decode(None, &maker.spec().genesis)), (None, Ok(vec![])));
    }
}
