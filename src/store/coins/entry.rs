//! An entry of a run: a coin, or the mark of a spent one.
//!
//! Layout: the key's order (8 bytes, big-endian), txid (32 bytes), output position, 0 for a spent coin; for a coin
//! 1 + 2 × height + coinbase, amount, address (20 bytes). Numbers in LEB128.

use crate::{
    base::{hash::Hash, leb128},
    chain::{address::Address, archive::StoreError, coin::Coin, coin_key::CoinKey, transaction::OutPoint},
    store::error::corrupt,
};

/// Bytes before the output position.
const HEAD_BYTES: usize = 40;
/// Bytes of an address.
const ADDRESS_BYTES: usize = 20;

/// An entry as it is stored, with its key.
#[derive(Clone, Copy, Debug)]
pub(super) struct Entry<'a> {
    pub(super) key: CoinKey,
    pub(super) is_coin: bool,
    /// All bytes of the entry.
    pub(super) bytes: &'a [u8],
}

impl<'a> Entry<'a> {
    /// Takes the first entry of a page.
    pub(super) fn take(page: &mut &'a [u8]) -> Result<Self, StoreError> {
        Self::try_take(page).ok_or_else(|| corrupt("an entry of the coins is cut short"))
    }

    fn try_take(page: &mut &'a [u8]) -> Option<Self> {
        let start = *page;
        let (head, mut rest) = start.split_first_chunk::<HEAD_BYTES>()?;
        let index = leb128::take(&mut rest)?.try_into().ok()?;
        let is_coin = leb128::take(&mut rest)? != 0;
        if is_coin {
            leb128::take(&mut rest)?;
            rest = rest.split_at_checked(ADDRESS_BYTES)?.1;
        }
        *page = rest;
        let (order, txid) = head.split_first_chunk::<8>()?;
        let outpoint = OutPoint { txid: Hash(txid.try_into().ok()?), index };
        let key = CoinKey { order: u64::from_be_bytes(*order), outpoint };
        Some(Self { key, is_coin, bytes: &start[..start.len() - rest.len()] })
    }

    /// The coin; `None` if it is spent.
    pub(super) fn coin(&self) -> Result<Option<Coin>, StoreError> {
        if !self.is_coin {
            return Ok(None);
        }
        self.try_coin().map(Some).ok_or_else(|| corrupt("an entry of the coins is not a coin"))
    }

    fn try_coin(&self) -> Option<Coin> {
        let mut rest = self.bytes.get(HEAD_BYTES..)?;
        leb128::take(&mut rest)?;
        let origin = leb128::take(&mut rest)?.checked_sub(1)?;
        let amount = leb128::take(&mut rest)?;
        let (height, coinbase) = ((origin >> 1).try_into().ok()?, origin & 1 == 1);
        Some(Coin { amount, address: Address(rest.try_into().ok()?), height, coinbase })
    }
}

/// Appends an entry.
pub(super) fn put(bytes: &mut Vec<u8>, key: &CoinKey, coin: Option<&Coin>) {
    bytes.extend_from_slice(&key.order.to_be_bytes());
    bytes.extend_from_slice(&key.outpoint.txid.0);
    leb128::put(bytes, u64::from(key.outpoint.index));
    let Some(coin) = coin else { return bytes.push(0) };
    leb128::put(bytes, 1 + (u64::from(coin.height) << 1 | u64::from(coin.coinbase)));
    leb128::put(bytes, coin.amount);
    bytes.extend_from_slice(&coin.address.0);
}

/// What a page says about a key.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Found {
    /// The key has this entry: a coin, or `None` for a spent one.
    Here(Option<Coin>),
    /// A larger key comes in its place.
    Nowhere,
    /// All keys of the page are smaller.
    Beyond,
}

/// Looks for a key in a page.
pub(super) fn search(mut page: &[u8], key: &CoinKey) -> Result<Found, StoreError> {
    while !page.is_empty() {
        let entry = Entry::take(&mut page)?;
        if entry.key.order < key.order {
            continue;
        }
        if entry.key == *key {
            return Ok(Found::Here(entry.coin()?));
        }
        if entry.key > *key {
            return Ok(Found::Nowhere);
        }
    }
    Ok(Found::Beyond)
}

/// The key as bytes, to store how far a merge has come.
pub(super) fn key_to_bytes(key: &CoinKey) -> Vec<u8> {
    let mut bytes = Vec::with_capacity(HEAD_BYTES + 2);
    put(&mut bytes, key, None);
    bytes
}

/// Reads [`key_to_bytes`].
pub(super) fn key_from_bytes(mut bytes: &[u8]) -> Result<CoinKey, StoreError> {
    Ok(Entry::take(&mut bytes)?.key)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn coin(amount: u64, height: u32, coinbase: bool) -> Option<Coin> {
        Some(Coin { amount, address: Address([4; ADDRESS_BYTES]), height, coinbase })
    }

    #[test]
    fn entries_round_trip_and_a_cut_is_noticed() {
        let key = |n: u8| CoinKey {
            order: u64::from(n),
            outpoint: OutPoint { txid: Hash([n; 32]), index: 1000 * u32::from(n) },
        };
        let all = [None, coin(0, 0, false), coin(u64::MAX, u32::MAX, true), coin(300, 7, false), None];
        let mut page = Vec::new();
        for (n, coin) in (1..).zip(&all) {
            put(&mut page, &key(n), coin.as_ref());
        }
        let mut rest = page.as_slice();
        for (n, coin) in (1..).zip(&all) {
            let entry = Entry::take(&mut rest).unwrap();
            assert_eq!((entry.key, entry.coin().unwrap()), (key(n), coin.clone()));
            assert_eq!(search(&page, &key(n)), Ok(Found::Here(coin.clone())));
            assert_eq!(key_from_bytes(&key_to_bytes(&key(n))), Ok(key(n)));
        }
        assert!(rest.is_empty());
        assert_eq!(search(&page, &CoinKey { order: 3, ..key(9) }), Ok(Found::Nowhere));
        assert_eq!(search(&page, &key(9)), Ok(Found::Beyond));
        let mut cut = &page[..page.len() - 1];
        assert!((0..5).map(|_| Entry::take(&mut cut)).any(|entry| entry.is_err()));
    }
}
