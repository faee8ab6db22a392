//! Coins that blocks created since the last flush, grouped by transaction. Each txid is kept once and the lists have no
//! gaps, so that many changes fit into the overlay.

use crate::{
    base::hash::Hash,
    chain::{address::Address, coin::Coin, transaction::OutPoint},
};

use super::{
    coin_key::CoinKey,
    ordered_table::{GAP, OrderedTable},
    slab::Slab,
};

/// The lowest bits of a place. The places of one transaction's coins differ only in these, as long as the store keeps
/// them together.
pub(super) const LOW_BITS: u32 = 12;
/// In [`CreatedCoin::height`], a coin that a coinbase created.
const COINBASE: u32 = 1 << 31;
/// Instead of a number: the end of a list.
const NONE: u32 = u32::MAX;
/// Makers that a flush looks up together.
const AHEAD: usize = 16;

/// Coins that the store does not have yet.
#[derive(Debug)]
pub(super) struct CreatedCoins {
    /// Numbers of the transactions, by [`group`].
    makers: OrderedTable<u32>,
    transactions: Slab<Maker>,
    coins: Slab<CreatedCoin>,
}

/// A transaction that created coins.
#[derive(Debug)]
struct Maker {
    txid: Hash,
    /// Number of the first of its coins.
    first: u32,
}

/// A coin of a [`Maker`].
#[derive(Debug)]
struct CreatedCoin {
    amount: u64,
    address: Address,
    /// The block's height, with the bit [`COINBASE`].
    height: u32,
    /// Number of its maker's next coin, or [`NONE`].
    next: u32,
    index: u16,
    /// The lowest bits of its place.
    low: u16,
}

/// Numbers of a coin, of its maker, and of the coin before it in the maker's list, or [`NONE`].
struct ListPosition {
    maker: u32,
    before: u32,
    number: u32,
}

/// What the places of one transaction's coins have in common.
fn group(order: i64) -> i64 {
    order >> LOW_BITS << LOW_BITS
}

impl CreatedCoin {
    /// `None` if a field does not fit.
    fn new(index: u32, order: i64, coin: &Coin) -> Option<Self> {
        if group(order) == GAP {
            return None;
        }
        let index = u16::try_from(index).ok()?;
        let height = (coin.height < COINBASE).then_some(coin.height | if coin.coinbase { COINBASE } else { 0 })?;
        let low = u16::try_from(order & ((1 << LOW_BITS) - 1)).ok()?;
        Some(Self { amount: coin.amount, address: coin.address, height, next: NONE, index, low })
    }

    fn coin(&self) -> Coin {
        let (height, coinbase) = (self.height & !COINBASE, self.height & COINBASE != 0);
        Coin { amount: self.amount, address: self.address, height, coinbase }
    }
}

impl CreatedCoins {
    /// An empty list for coins whose places have `common` leading bits in common.
    pub(super) fn new(common: u32) -> Self {
        Self { makers: OrderedTable::new(common), transactions: Slab::default(), coins: Slab::default() }
    }

    /// Whether there are none.
    pub(super) fn is_empty(&self) -> bool {
        self.makers.is_empty()
    }

    /// Bytes that all lists take.
    pub(super) fn bytes(&self) -> usize {
        self.makers.bytes() + self.transactions.bytes() + self.coins.bytes()
    }

    /// The coin, if it is here.
    pub(super) fn get(&self, at: &CoinKey) -> Option<Coin> {
        self.find(at).map(|found| self.coins.at(found.number).coin())
    }

    /// Adds a coin that is not here. Gives it back if it does not fit, or if another transaction has the same place:
    /// practically never.
    pub(super) fn add(&mut self, at: &CoinKey, coin: Coin) -> Result<(), Coin> {
        let Some(created) = CreatedCoin::new(at.outpoint.index, at.place.order, &coin) else { return Err(coin) };
        let maker = self.makers.get_or_insert_with(group(at.place.order), || {
            self.transactions.put(Maker { txid: at.outpoint.txid, first: NONE })
        });
        let maker = self.transactions.at_mut(maker);
        if maker.txid != at.outpoint.txid {
            return Err(coin);
        }
        maker.first = self.coins.put(CreatedCoin { next: maker.first, ..created });
        Ok(())
    }

    /// Removes a coin. Returns whether it was here.
    pub(super) fn remove(&mut self, at: &CoinKey) -> bool {
        let found = self.find(at);
        let is_here = found.is_some();
        if let Some(found) = found {
            self.unlink(group(at.place.order), &found);
        }
        is_here
    }

    /// All coins with their places, in the order of places.
    pub(super) fn in_order(&self) -> impl Iterator<Item = (i64, OutPoint, Coin)> {
        InOrder { makers: self.makers.iter(), all: self, heads: Vec::with_capacity(AHEAD), of_several: Vec::new() }
    }

    /// Forgets all of them.
    pub(super) fn clear(&mut self) {
        self.makers.clear();
        (self.transactions, self.coins) = (Slab::default(), Slab::default());
    }

    /// Where a coin is.
    fn find(&self, at: &CoinKey) -> Option<ListPosition> {
        let maker = self.makers.get(group(at.place.order))?;
        let Maker { txid, first } = self.transactions.at(maker);
        if *txid != at.outpoint.txid {
            return None;
        }
        let (mut before, mut number) = (NONE, *first);
        while number != NONE {
            let created = self.coins.at(number);
            if u32::from(created.index) == at.outpoint.index {
                return Some(ListPosition { maker, before, number });
            }
            (before, number) = (number, created.next);
        }
        None
    }

    /// Removes a coin from its maker's list, and the maker with its last coin.
    fn unlink(&mut self, group: i64, found: &ListPosition) {
        let next = self.coins.at(found.number).next;
        self.coins.give_back(found.number);
        if found.before != NONE {
            self.coins.at_mut(found.before).next = next;
            return;
        }
        self.transactions.at_mut(found.maker).first = next;
        if next == NONE {
            self.makers.remove(group);
            self.transactions.give_back(found.maker);
        }
    }
}

/// The created coins, in the order of their places.
struct InOrder<'a, M> {
    makers: M,
    all: &'a CreatedCoins,
    /// The next makers: group, txid, and number of the first coin.
    heads: Vec<(i64, Hash, u32)>,
    /// The remaining coins of these makers, the next one last.
    of_several: Vec<(i64, OutPoint, Coin)>,
}

impl<M: Iterator<Item = (i64, u32)>> InOrder<'_, M> {
    /// Loads the coins of the next makers. Makers and coins lie anywhere in memory. Looking up all makers first, then all
    /// coins, lets the processor wait for several cache misses at once.
    fn look_ahead(&mut self) {
        self.heads.clear();
        let all = self.all;
        self.heads.extend(self.makers.by_ref().take(AHEAD).map(|(group, maker)| {
            let Maker { txid, first } = all.transactions.at(maker);
            (group, *txid, *first)
        }));
        for (group, txid, first) in self.heads.iter().rev() {
            let start = self.of_several.len();
            let mut number = *first;
            while number != NONE {
                let coin = all.coins.at(number);
                let outpoint = OutPoint { txid: *txid, index: u32::from(coin.index) };
                let order = group | i64::from(coin.low);
                // Usually the end: the list begins with the coin that was created last.
                let at = start + self.of_several[start..].partition_point(|(other, ..)| *other > order);
                self.of_several.insert(at, (order, outpoint, coin.coin()));
                number = coin.next;
            }
        }
    }
}

impl<M: Iterator<Item = (i64, u32)>> Iterator for InOrder<'_, M> {
    type Item = (i64, OutPoint, Coin);

    fn next(&mut self) -> Option<Self::Item> {
        if self.of_several.is_empty() {
            // Each maker has a coin.
            self.look_ahead();
        }
        self.of_several.pop()
    }
}
