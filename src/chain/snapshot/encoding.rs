//! A coin of a snapshot as bytes.

use crate::{
    base::{hash::Hash, leb128},
    chain::{address::Address, coin::Coin, transaction::OutPoint},
};

/// Appends a coin.
pub fn put(bytes: &mut Vec<u8>, outpoint: &OutPoint, coin: &Coin) {
    bytes.extend_from_slice(&outpoint.txid.0);
    leb128::put(bytes, u64::from(outpoint.index));
    leb128::put(bytes, u64::from(coin.height) << 1 | u64::from(coin.coinbase));
    leb128::put(bytes, coin.amount);
    bytes.extend_from_slice(&coin.address.0);
}

/// Takes a coin from the front; `None` for anything but what [`put`] writes.
pub fn take(rest: &mut &[u8]) -> Option<(OutPoint, Coin)> {
    let (txid, after) = rest.split_first_chunk::<32>()?;
    *rest = after;
    let index = leb128::take_shortest(rest)?.try_into().ok()?;
    let origin = leb128::take_shortest(rest)?;
    let amount = leb128::take_shortest(rest)?;
    let (address, after) = rest.split_first_chunk::<20>()?;
    *rest = after;
    let height = u32::try_from(origin >> 1).ok()?;
    let coin = Coin { amount, address: Address(*address), height, coinbase: origin & 1 == 1 };
    Some((OutPoint { txid: Hash(*txid), index }, coin))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{base::limits::MAX_MONEY, chain::snapshot::MOST_COIN_BYTES};

    #[test]
    fn coins_round_trip_within_their_bound() {
        for (index, height, amount) in [(0, 0, 1), (u32::MAX, u32::MAX, MAX_MONEY), (127, 64, 128)] {
            let outpoint = OutPoint { txid: Hash([7; 32]), index };
            let coin = Coin { amount, address: Address([9; 20]), height, coinbase: index == 0 };
            let mut bytes = Vec::new();
            put(&mut bytes, &outpoint, &coin);
            assert!(bytes.len() <= MOST_COIN_BYTES);
            let mut rest = bytes.as_slice();
            assert_eq!(take(&mut rest), Some((outpoint, coin)));
            assert!(rest.is_empty());
            assert!((0..bytes.len()).all(|end| take(&mut &bytes[..end]).is_none()));
        }
    }
}
