//! What rules a run out without reading it: a Bloom filter over the orders of its keys.

/// Bits for each entry: nine of ten runs that do not have a coin are ruled out with five, 99 of 100 with ten.
const BITS_EACH: u64 = 10;
/// With fewer bits for each entry, a filter rules too little out.
const LEAST_BITS_EACH: u64 = 5;
/// Words of a stored part: 32 KiB.
const PART_WORDS: usize = 4096;
/// Bits that each entry sets.
const PROBES: u64 = 6;

/// A set of orders. Answers "certainly not" or "perhaps".
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Filter {
    words: Vec<u64>,
    /// Keeps others from choosing outpoints that the filters of this node let pass.
    secret: u64,
}

impl Filter {
    /// An empty filter for `entries` orders that takes at most `room` bytes. `None` if that is too little to be useful.
    pub(super) fn new(entries: u64, room: usize, secret: u64) -> Option<Self> {
        let words = Self::words(entries, u64::try_from(room).unwrap_or(u64::MAX))?;
        Some(Self { words: vec![0; words], secret })
    }

    fn words(entries: u64, room: u64) -> Option<usize> {
        let bits = entries.max(1).checked_mul(BITS_EACH)?.min(room.saturating_mul(8));
        let words = bits.div_ceil(64).min(room / 8).max(1);
        (words.checked_mul(64)? >= entries.checked_mul(LEAST_BITS_EACH)?).then_some(usize::try_from(words).ok()?)
    }

    /// Bytes that it takes.
    pub(super) fn bytes(&self) -> usize {
        self.words.len() * 8
    }

    /// Adds an order.
    pub(super) fn add(&mut self, order: u64) {
        for (word, bit) in self.places(order) {
            self.words[word] |= bit;
        }
    }

    /// Whether the order may have been added. `false` is certain.
    pub(super) fn may_have(&self, order: u64) -> bool {
        self.places(order).all(|(word, bit)| self.words[word] & bit != 0)
    }

    /// Double hashing (Kirsch and Mitzenmacher 2006).
    fn places(&self, order: u64) -> impl Iterator<Item = (usize, u64)> + use<> {
        let bits = self.words.len() as u64 * 64;
        let mixed = mix(order ^ self.secret);
        let (first, step) = (mixed >> 32, mixed & 0xffff_ffff | 1);
        (0..PROBES).map(move |probe| {
            let hash = first.wrapping_add(probe.wrapping_mul(step)) & 0xffff_ffff;
            let at = ((u128::from(hash) * u128::from(bits)) >> 32) as u64;
            ((at / 64) as usize, 1 << (at % 64))
        })
    }

    /// To be stored, in parts: a blob is copied several times on its way into the database.
    pub(super) fn parts(&self) -> impl Iterator<Item = Vec<u8>> {
        self.words.chunks(PART_WORDS).map(|part| part.iter().flat_map(|word| word.to_le_bytes()).collect())
    }

    /// Without any word, to be filled by [`Filter::extend`].
    pub(super) fn empty(secret: u64) -> Self {
        Self { words: Vec::new(), secret }
    }

    /// Appends the next part of [`Filter::parts`].
    pub(super) fn extend(&mut self, part: &[u8]) {
        self.words.extend(part.as_chunks::<8>().0.iter().map(|word| u64::from_le_bytes(*word)));
    }

    /// Whether it has enough bits for so many entries.
    pub(super) fn is_for(&self, entries: u64) -> bool {
        let bits = (self.words.len() as u64).saturating_mul(64);
        bits > 0 && bits >= entries.saturating_mul(LEAST_BITS_EACH)
    }
}

/// SplitMix64's finalizer.
fn mix(mut number: u64) -> u64 {
    number = (number ^ number >> 30).wrapping_mul(0xbf58_476d_1ce4_e5b9);
    number = (number ^ number >> 27).wrapping_mul(0x94d0_49bb_1331_11eb);
    number ^ number >> 31
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_was_added_is_there_and_little_else() {
        for (room, most_wrong) in [(usize::MAX, 200), (7000, 1500), (6300, 2000)] {
            let mut filter = Filter::new(10_000, room, 7).unwrap();
            assert!(filter.bytes() <= room);
            (1..=10_000).for_each(|order| filter.add(order));
            let mut stored = Filter::empty(7);
            filter.parts().for_each(|part| stored.extend(&part));
            assert!(stored == filter && stored.is_for(10_000));
            assert!((1..=10_000).all(|order| filter.may_have(order)));
            let wrong = (20_000..30_000).filter(|order| filter.may_have(*order)).count();
            assert!(wrong <= most_wrong, "{room}: {wrong} of 10,000");
        }
        assert_eq!(Filter::new(10_000, 6000, 7), None);
        assert!(!Filter::empty(7).is_for(0));
        let mut half = Filter::empty(7);
        half.extend(&[0; 6000]);
        assert!(half.is_for(9_600) && !half.is_for(10_000));
    }
}
