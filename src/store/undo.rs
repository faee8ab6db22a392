//! Undo data: the coins that a block spent, encoded compactly. The coins that it created follow from its body.
//!
//! Layout: the coins in order, each as txid (32 bytes), position, amount, address (20 bytes), 2 × height + coinbase;
//! numbers in LEB128. A block that spends nothing has no undo data at all.

use std::collections::BTreeSet;

use crate::{
    base::{gather::gather, hash::Hash},
    chain::{
        address::Address,
        archive::StoreError,
        block::{HashedBlock, HashedTransaction},
        coin::{Coin, CoinChanges, coins_created},
        transaction::OutPoint,
    },
    store::{error::corrupt, leb128},
};

/// Encodes spent coins; `None` if there are none.
pub(super) fn encode(spent: &[(OutPoint, Coin)]) -> Option<Vec<u8>> {
    if spent.is_empty() {
        return None;
    }
    let mut bytes = Vec::with_capacity(spent.len() * 66);
    for (outpoint, coin) in spent {
        bytes.extend_from_slice(&outpoint.txid.0);
        leb128::put(&mut bytes, u64::from(outpoint.index));
        leb128::put(&mut bytes, coin.amount);
        bytes.extend_from_slice(&coin.address.0);
        leb128::put(&mut bytes, u64::from(coin.height) << 1 | u64::from(coin.coinbase));
    }
    Some(bytes)
}

/// Reads [`encode`]'s result.
pub(super) fn decode(bytes: Option<&[u8]>) -> Result<Vec<(OutPoint, Coin)>, StoreError> {
    let (mut rest, mut spent) = (bytes.unwrap_or_default(), Vec::new());
    while !rest.is_empty() {
        let coin = take_coin(&mut rest).ok_or_else(|| corrupt("the data that undoes a block is cut short"))?;
        spent.push(coin);
    }
    Ok(spent)
}

/// All changes of a block to the coins. The spent coins are stored; the created ones follow from the block. Undo data of
/// another block is an error.
pub(super) fn changes(block: &HashedBlock, spent: Vec<(OutPoint, Coin)>) -> Result<CoinChanges, StoreError> {
    let spends =
        |one: &HashedTransaction| one.transaction.inputs.iter().map(|input| input.outpoint).collect::<Vec<_>>();
    let inputs: BTreeSet<OutPoint> = gather(block.transactions.iter().flat_map(spends));
    let made: BTreeSet<OutPoint> = gather(block.transactions.iter().flat_map(|transaction| transaction.outpoints()));
    let own = inputs.intersection(&made).count();
    if own + spent.len() != inputs.len() || !spent.iter().all(|(outpoint, _)| inputs.contains(outpoint)) {
        return Err(corrupt(format!("the data that undoes block {} is not that block's", block.header.height)));
    }
    let height = block.header.height;
    let all = block.transactions.iter().flat_map(|transaction| coins_created(transaction, height));
    Ok(CoinChanges { spent, created: all.filter(|(outpoint, _)| !inputs.contains(outpoint)).collect() })
}

fn take_coin(rest: &mut &[u8]) -> Option<(OutPoint, Coin)> {
    let txid = Hash(take(rest)?);
    let index = leb128::take(rest)?.try_into().ok()?;
    let amount = leb128::take(rest)?;
    let address = Address(take(rest)?);
    let height = leb128::take(rest)?;
    let coin = Coin { amount, address, height: (height >> 1).try_into().ok()?, coinbase: height & 1 == 1 };
    Some((OutPoint { txid, index }, coin))
}

fn take<const N: usize>(rest: &mut &[u8]) -> Option<[u8; N]> {
    let (first, after) = rest.split_first_chunk::<N>()?;
    *rest = after;
    Some(*first)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn coin(amount: u64, height: u32, coinbase: bool) -> (OutPoint, Coin) {
        let outpoint = OutPoint { txid: Hash([3; 32]), index: height };
        (outpoint, Coin { amount, address: Address([4; 20]), height, coinbase })
    }

    #[test]
    fn coins_of_every_size_round_trip_and_a_cut_is_noticed() {
        let coins = [coin(0, 0, true), coin(127, 1, false), coin(128, u32::MAX, true), coin(u64::MAX, 300, false)];
        let bytes = encode(&coins).unwrap();
        assert_eq!(decode(Some(&bytes)), Ok(coins.to_vec()));
        assert!(decode(Some(&bytes[..bytes.len() - 1])).is_err());
        assert_eq!(encode(&[]), None);
        assert_eq!(decode(None), Ok(vec![]));
        let endless = [&bytes[..32], &[0xff; 12]].concat();
        assert!(decode(Some(&endless)).is_err());
    }
}
