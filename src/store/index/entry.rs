//! Entries of the index, and how a page holds them.
//!
//! All entries of a page have the same size: the address without the bytes that all addresses of the page begin with, then
//! the numbers, each as wide as the largest of the page. A number has two decimal digits a byte. So plain SQL reads it,
//! as `CAST(hex(substr(entries, …)) AS INTEGER)`, and any program can read the views.

use crate::{
    base::hash::Hash,
    chain::{address::Address, archive::StoreError, memo::KEY_BYTES},
    store::error::corrupt,
};

/// Numbers of an entry; kinds that have fewer leave the rest 0.
pub(super) const NUMBERS: usize = 5;
/// Bytes of a txid that entries hold.
const START_BYTES: usize = 8;
/// Bits of the start of an address, or of a key, in an order.
const ORDER_START_BITS: u32 = 26;

/// What entries are about.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Kind {
    /// Where a transaction is: start of the txid, height, position in the block.
    Transaction,
    /// What a transaction did to an address: height, position, received, sent.
    History,
    /// A coin of an address, or the mark that it is spent: height, start of the txid, index of the output, amount, and the
    /// transaction's position plus 1; that is 0 in a mark. A merge drops a coin with its mark.
    Coin,
    /// That a block has a word in memos, or a memo without words: the key (`chain/memo.rs`), height.
    Memo,
}

/// One entry. The order of entries is that of their addresses and numbers.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct Entry {
    /// Zeros if the kind has no address.
    pub(super) address: Address,
    pub(super) numbers: [u64; NUMBERS],
}

/// The first eight bytes of a txid.
pub(super) fn start_of(txid: &Hash) -> u64 {
    u64::from_be_bytes(*txid.0.first_chunk().expect("32 bytes begin with eight"))
}

impl Entry {
    pub(super) fn transaction(start: u64, height: u32, position: u32) -> Self {
        Self { address: Address::default(), numbers: [start, height.into(), position.into(), 0, 0] }
    }

    pub(super) fn history(address: Address, height: u32, position: u32, received: u64, sent: u64) -> Self {
        Self { address, numbers: [height.into(), position.into(), received, sent, 0] }
    }

    /// A coin that the transaction at `position` made.
    pub(super) fn coin(address: Address, height: u32, start: u64, index: u32, amount: u64, position: u32) -> Self {
        Self { address, numbers: [height.into(), start, index.into(), amount, u64::from(position) + 1] }
    }

    /// The mark that a coin is spent.
    pub(super) fn spent(address: Address, height: u32, start: u64, index: u32, amount: u64) -> Self {
        Self { address, numbers: [height.into(), start, index.into(), amount, 0] }
    }

    pub(super) fn memo(key: u64, height: u64) -> Self {
        Self { address: Address::default(), numbers: [key, height, 0, 0, 0] }
    }

    /// The height of what it is about.
    pub(super) fn height(&self, kind: Kind) -> u64 {
        self.numbers[usize::from(matches!(kind, Kind::Transaction | Kind::Memo))]
    }

    /// The least entry of an address, and of one height if it is a coin or a history.
    pub(super) fn least(address: Address, height: u64) -> Self {
        Self { address, numbers: [height, 0, 0, 0, 0] }
    }

    pub(super) fn is_mark(&self) -> bool {
        self.numbers[NUMBERS - 1] == 0
    }

    /// Whether both are about one coin, as far as entries tell coins apart.
    pub(super) fn is_coin_of(&self, other: &Self) -> bool {
        self.address == other.address && self.numbers[..NUMBERS - 1] == other.numbers[..NUMBERS - 1]
    }
}

impl Kind {
    pub(super) const ALL: [Self; 4] = [Self::Transaction, Self::History, Self::Coin, Self::Memo];

    fn numbers(self) -> usize {
        match self {
            Self::Transaction => 3,
            Self::History => 4,
            Self::Memo => 2,
            Self::Coin => NUMBERS,
        }
    }

    /// The number that is the start of a hash: its bytes as they are.
    fn start_at(self) -> Option<usize> {
        match self {
            Self::Transaction | Self::Memo => Some(0),
            Self::History => None,
            Self::Coin => Some(1),
        }
    }

    /// Bytes of that number.
    fn start_bytes(self) -> usize {
        if self == Self::Memo { KEY_BYTES } else { START_BYTES }
    }

    fn has_address(self) -> bool {
        !matches!(self, Self::Transaction | Self::Memo)
    }

    /// 53 bits that ascend with the entries, except that addresses, or keys, with the same 26 bits share an order of heights.
    pub(super) fn order(self, entry: &Entry) -> u64 {
        let start = |bytes: &[u8]| u64::from_be_bytes(*bytes.first_chunk().expect("an address is longer"));
        let of_height = |start: u64, height: u64| start << 27 | (height >> 5).min((1 << 27) - 1);
        let key_bits = 8 * u32::try_from(KEY_BYTES).expect("a few");
        match self {
            Self::Transaction => entry.numbers[0] >> 11,
            Self::Memo => of_height(entry.numbers[0] >> (key_bits - ORDER_START_BITS), entry.numbers[1]),
            _ => of_height(start(&entry.address.0) >> (u64::BITS - ORDER_START_BITS), entry.numbers[0]),
        }
    }
}

/// The size of a page's entries.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Shape {
    kind: Kind,
    /// Leading bytes that all addresses share.
    pub(super) shared: usize,
    pub(super) widths: [usize; NUMBERS],
}

impl Shape {
    /// The shape of a page with this entry.
    pub(super) fn of(kind: Kind, entry: &Entry) -> Self {
        let shared = if kind.has_address() { entry.address.0.len() } else { 0 };
        let mut shape = Self { kind, shared, widths: [0; NUMBERS] };
        shape.widen(entry);
        shape
    }

    /// The shape of the page with one more entry. `first`: an entry of the page.
    pub(super) fn with(&self, first: &Entry, entry: &Entry) -> Self {
        let mut shape = self.clone();
        if self.kind.has_address() {
            let same = first.address.0.iter().zip(&entry.address.0).take_while(|(one, other)| one == other).count();
            shape.shared = self.shared.min(same);
        }
        shape.widen(entry);
        shape
    }

    /// A shape that was stored.
    pub(super) fn stored(kind: Kind, shared: usize, widths: [usize; NUMBERS]) -> Result<Self, StoreError> {
        let most = if kind.has_address() { Address::default().0.len() } else { 0 };
        let fits = |(at, width): (usize, &usize)| match kind.start_at() {
            Some(start) if start == at => *width == kind.start_bytes(),
            _ if at < kind.numbers() => *width <= widest(),
            _ => *width == 0,
        };
        if shared <= most && widths.iter().enumerate().all(fits) {
            return Ok(Self { kind, shared, widths });
        }
        Err(corrupt("a page of the index has entries of no known size"))
    }

    /// Bytes of an entry.
    pub(super) fn entry_bytes(&self) -> usize {
        self.address_bytes() + self.widths.iter().sum::<usize>()
    }

    fn address_bytes(&self) -> usize {
        if self.kind.has_address() { Address::default().0.len() - self.shared } else { 0 }
    }

    fn widen(&mut self, entry: &Entry) {
        for at in 0..self.kind.numbers() {
            let needed =
                if self.kind.start_at() == Some(at) { self.kind.start_bytes() } else { width_of(entry.numbers[at]) };
            self.widths[at] = self.widths[at].max(needed);
        }
    }

    /// Appends an entry.
    pub(super) fn encode(&self, entry: &Entry, bytes: &mut Vec<u8>) {
        if self.kind.has_address() {
            bytes.extend_from_slice(&entry.address.0[self.shared..]);
        }
        for at in 0..self.kind.numbers() {
            if self.kind.start_at() == Some(at) {
                let number = entry.numbers[at].to_be_bytes();
                bytes.extend_from_slice(&number[number.len() - self.widths[at]..]);
            } else {
                put(bytes, entry.numbers[at], self.widths[at]);
            }
        }
    }

    /// Reads the entries of a page.
    pub(super) fn decode(&self, shared: &[u8], mut bytes: &[u8], entries: &mut Vec<Entry>) -> Result<(), StoreError> {
        let damaged = || corrupt("a page of the index cannot be read");
        let size = self.entry_bytes();
        if size == 0 || bytes.is_empty() || !bytes.len().is_multiple_of(size) || shared.len() != self.shared {
            return Err(damaged());
        }
        let mut entry = Entry { address: Address::default(), numbers: [0; NUMBERS] };
        entry.address.0[..self.shared].copy_from_slice(shared);
        while !bytes.is_empty() {
            let (own, rest) = bytes.split_at(self.address_bytes());
            entry.address.0[self.shared..][..own.len()].copy_from_slice(own);
            bytes = rest;
            for at in 0..self.kind.numbers() {
                let (number, rest) = bytes.split_at(self.widths[at]);
                bytes = rest;
                let read = if self.kind.start_at() == Some(at) { from_bytes(number) } else { from_digits(number) };
                entry.numbers[at] = read.ok_or_else(damaged)?;
            }
            entries.push(entry);
        }
        Ok(())
    }
}

/// Bytes of the decimal digits of a number.
fn width_of(number: u64) -> usize {
    number.checked_ilog10().map_or(0, |last| (last as usize + 2) / 2)
}

/// Bytes of the digits of the largest number.
fn widest() -> usize {
    width_of(u64::MAX)
}

fn put(bytes: &mut Vec<u8>, mut number: u64, width: usize) {
    let end = bytes.len() + width;
    bytes.resize(end, 0);
    for byte in bytes[end - width..].iter_mut().rev() {
        let two = number % 100;
        *byte = (((two / 10) << 4) | (two % 10)).to_le_bytes()[0];
        number /= 100;
    }
}

fn from_digits(bytes: &[u8]) -> Option<u64> {
    bytes.iter().try_fold(0u64, |number, byte| {
        let (high, low) = (byte >> 4, byte & 15);
        let two = (high < 10 && low < 10).then(|| u64::from(high * 10 + low))?;
        number.checked_mul(100)?.checked_add(two)
    })
}

fn from_bytes(bytes: &[u8]) -> Option<u64> {
    (bytes.len() <= size_of::<u64>()).then(|| bytes.iter().fold(0, |number, byte| number << 8 | u64::from(*byte)))
}

/// Drops coins together with the marks that they are spent. The entries are all that are about one coin; or about several
/// that differ only in the position of their transactions, which takes 2^32 attempts to bring about. Then it is
/// not known which of them a mark is about, and only all can go.
pub(super) fn settle(coins: &mut Vec<Entry>) {
    if coins.len() < 2 {
        return;
    }
    let marks = coins.iter().filter(|entry| entry.is_mark()).count();
    let made = coins.len() - marks;
    let mut positions = coins.iter().filter(|entry| !entry.is_mark());
    let first = positions.next();
    let are_one = positions.all(|entry| Some(entry) == first);
    if marks == made {
        coins.clear();
    } else if are_one && marks > 0 && made > 0 {
        let is_left = |entry: &Entry| entry.is_mark() == (marks > made);
        coins.retain(is_left);
        coins.truncate(marks.abs_diff(made));
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn round_trip(kind: Kind, entries: &[Entry]) -> usize {
        let first = entries[0];
        let shape = entries.iter().fold(Shape::of(kind, &first), |shape, entry| shape.with(&first, entry));
        let (mut bytes, mut read) = (Vec::new(), Vec::new());
        entries.iter().for_each(|entry| shape.encode(entry, &mut bytes));
        let stored = Shape::stored(kind, shape.shared, shape.widths).unwrap();
        let shared = &first.address.0[..shape.shared];
        stored.decode(shared, &bytes, &mut read).unwrap();
        assert_eq!(read, entries);
        assert!(stored.decode(shared, &bytes[1..], &mut read).is_err());
        assert!(stored.decode(&[], &[], &mut read).is_err());
        shape.entry_bytes()
    }

    #[test]
    fn entries_of_each_kind_and_size_round_trip() {
        let addresses = [[1; 20], [2; 20], {
            let mut near = [2; 20];
            near[19] = 3;
            near
        }]
        .map(Address);
        let number = [0, 1, 9, 10, 99, 100, 12_345_678, u64::MAX];
        assert_eq!(round_trip(Kind::Transaction, &[Entry::transaction(u64::MAX, 0, 0)]), 8);
        assert_eq!(
            round_trip(Kind::Transaction, &[Entry::transaction(7, 999_999, 1), Entry::transaction(8, 1, 99)]),
            12
        );
        let key = (1 << 40) - 1;
        assert_eq!(round_trip(Kind::Memo, &[Entry::memo(key, 999_999), Entry::memo(0, 1)]), 5 + 3);
        let histories = number.map(|number| Entry::history(addresses[1], 20, 1, number, 0));
        assert_eq!(round_trip(Kind::History, &histories), 1 + 1 + 10);
        let near = [Entry::history(addresses[1], 20, 1, 5, 0), Entry::history(addresses[2], 1, 1, 5, 0)];
        assert_eq!(round_trip(Kind::History, &near), 1 + 3);
        let coins = addresses.map(|address| Entry::coin(address, u32::MAX, 5, u32::MAX, u64::MAX, u32::MAX));
        assert_eq!(round_trip(Kind::Coin, &coins), 20 + 5 + 8 + 5 + 10 + 5);
        for bytes in [&[0x1a][..], &[0xa1], &[0x99; 11]] {
            assert_eq!(from_digits(bytes), None, "{bytes:?}");
        }
        assert!(Shape::stored(Kind::History, 21, [0; 5]).is_err());
        assert!(Shape::stored(Kind::Transaction, 0, [7, 1, 1, 0, 0]).is_err());
        assert!(Shape::stored(Kind::History, 0, [1, 1, 1, 1, 1]).is_err());
        assert!(Shape::stored(Kind::History, 0, [1, 1, 1, 11, 0]).is_err());
    }

    #[test]
    fn a_coin_goes_with_its_mark_and_with_no_other() {
        let coin = |position| Entry::coin(Address([1; 20]), 5, 9, 0, 100, position);
        let mark = Entry::spent(Address([1; 20]), 5, 9, 0, 100);
        let settled = |entries: &[Entry]| {
            let mut entries = entries.to_vec();
            settle(&mut entries);
            entries
        };
        assert_eq!(settled(&[mark, coin(1)]), []);
        assert_eq!(settled(&[coin(1)]), [coin(1)]);
        assert_eq!(settled(&[mark]), [mark]);
        assert_eq!(settled(&[mark, coin(1), coin(1)]), [coin(1)], "spent, and unspent again");
        assert_eq!(settled(&[mark, mark, coin(1)]), [mark]);
        assert_eq!(settled(&[mark, coin(1), coin(2)]), [mark, coin(1), coin(2)], "either may be spent");
        assert_eq!(settled(&[mark, mark, coin(1), coin(2)]), []);
    }
}
