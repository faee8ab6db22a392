//! A sorted map in one list with gaps, for keys that are hashes.
//!
//! An ordered hash table (Amble and Knuth 1974). The value of a key tells its position, so that one memory access finds
//! most keys, where a tree needs one for each level. One gap for seven keys takes less room than half-filled tree nodes
//! and the allocator's overhead. Keys that are not evenly distributed are sorted correctly too, but slowly.

/// Marks a gap. No key may have this value.
const GAP: u64 = 0;

/// Homes of a new table.
const HOMES_FIRST: usize = 64;
/// Room beyond the last home, added again whenever it is used up.
const BEYOND: usize = 64;

/// Values by key, in the order of keys. A key lies at its home, or behind it with no gap between.
#[derive(Debug)]
pub(super) struct OrderedTable<T> {
    keys: Vec<u64>,
    /// The value of the key at the same position.
    values: Vec<T>,
    /// Positions that can be a key's home. Keys that find no room before the last home's end follow behind it.
    homes: usize,
    len: usize,
    /// Leading bits that all keys have in common.
    common: u32,
}

impl<T: Copy + Default> OrderedTable<T> {
    /// An empty table for keys that have `common` leading bits in common.
    pub(super) fn new(common: u32) -> Self {
        Self { keys: Vec::new(), values: Vec::new(), homes: 0, len: 0, common }
    }

    /// Whether there is no key.
    pub(super) fn is_empty(&self) -> bool {
        self.len == 0
    }

    /// Bytes that keys, values and gaps take.
    pub(super) fn bytes(&self) -> usize {
        self.keys.capacity() * size_of::<u64>() + self.values.capacity() * size_of::<T>()
    }

    /// The value of a key.
    pub(super) fn get(&self, key: u64) -> Option<T> {
        self.find(key).ok().map(|at| self.values[at])
    }

    /// Inserts a key, or replaces its value.
    pub(super) fn insert(&mut self, key: u64, value: T) {
        debug_assert_ne!(key, GAP, "a key that stands for a gap");
        if self.len >= self.homes / 8 * 7 {
            self.grow();
        }
        let at = match self.find(key) {
            Ok(at) => {
                self.values[at] = value;
                return;
            }
            Err(at) => at,
        };
        let gap = self.keys[at..].iter().position(|key| *key == GAP);
        let gap = gap.map_or_else(|| self.lengthen(), |distance| at + distance);
        self.keys.copy_within(at..gap, at + 1);
        self.values.copy_within(at..gap, at + 1);
        (self.keys[at], self.values[at]) = (key, value);
        self.len += 1;
    }

    /// Forgets a key.
    pub(super) fn remove(&mut self, key: u64) {
        let Ok(mut at) = self.find(key) else { return };
        // Keys behind it move up, as long as they have their home here or before: no gap may come between a key and its home.
        while let Some(&next) = self.keys.get(at + 1).filter(|next| **next != GAP && self.home(**next) <= at) {
            (self.keys[at], self.values[at]) = (next, self.values[at + 1]);
            at += 1;
        }
        self.keys[at] = GAP;
        self.len -= 1;
    }

    /// Forgets all keys. A table that was well filled keeps its room, since growing again fragments the heap.
    pub(super) fn clear(&mut self) {
        if self.len < self.homes / 2 {
            *self = Self::new(self.common);
            return;
        }
        self.keys.truncate(self.homes);
        self.values.truncate(self.homes);
        self.keys.fill(GAP);
        self.len = 0;
    }

    /// All keys in their order, with their values.
    pub(super) fn iter(&self) -> impl Iterator<Item = (u64, T)> {
        self.keys.iter().zip(&self.values).filter(|(key, _)| **key != GAP).map(|(key, value)| (*key, *value))
    }

    /// The position of a key, or as an error the position to insert it: a gap, a larger key, or the end.
    fn find(&self, key: u64) -> Result<usize, usize> {
        let mut at = self.home(key);
        while let Some(&there) = self.keys.get(at) {
            if there == key {
                return Ok(at);
            }
            if there == GAP || there > key {
                break;
            }
            at += 1;
        }
        Err(at)
    }

    fn home(&self, key: u64) -> usize {
        ((u128::from(key << self.common) * self.homes as u128) >> u64::BITS) as usize
    }

    /// Appends a gap and returns its position.
    fn lengthen(&mut self) -> usize {
        if self.keys.len() == self.keys.capacity() {
            self.keys.reserve_exact(BEYOND);
            self.values.reserve_exact(BEYOND);
        }
        self.keys.push(GAP);
        self.values.push(T::default());
        self.keys.len() - 1
    }

    /// Adds an eighth of the room. Doubling would leave half of it empty.
    fn grow(&mut self) {
        let homes = (self.homes + self.homes / 8).max(HOMES_FIRST);
        let (mut keys, mut values) = (Vec::with_capacity(homes + BEYOND), Vec::with_capacity(homes + BEYOND));
        keys.resize(homes, GAP);
        values.resize(homes, T::default());
        let grown = Self { keys, values, homes, len: self.len, common: self.common };
        let old = std::mem::replace(self, grown);
        let mut free = 0;
        for (key, value) in old.iter() {
            let mut at = free.max(self.home(key));
            if at >= self.keys.len() {
                at = self.lengthen();
            }
            (self.keys[at], self.values[at]) = (key, value);
            free = at + 1;
        }
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;

    use proptest::prelude::*;

    use super::*;

    /// Keys of all kinds: evenly distributed, close together, and at both ends.
    fn key() -> impl Strategy<Value = u64> {
        const MIDDLE: u64 = 1 << 63;
        prop_oneof![
            4 => any::<u64>().prop_map(|key| key.max(GAP + 1)),
            2 => MIDDLE - 40..MIDDLE + 40,
            1 => (0..40u64).prop_map(|n| u64::MAX - n),
            1 => (1..40u64).prop_map(|n| GAP + n),
        ]
    }

    /// The key among those with the leading bits 101.
    fn with_bits_in_common(key: u64) -> u64 {
        key >> 3 | 0b101 << (u64::BITS - 3)
    }

    proptest! {
        #![proptest_config(ProptestConfig { cases: 300, failure_persistence: None, ..ProptestConfig::default() })]

        #[test]
        fn it_is_a_sorted_map(
            ops in proptest::collection::vec((key(), any::<u32>(), 0..400u16), 1..1200),
            in_common: bool,
        ) {
            let (mut table, mut model) = (OrderedTable::new(if in_common { 3 } else { 0 }), BTreeMap::new());
            for (key, value, op) in ops {
                let key = if in_common { with_bits_in_common(key) } else { key };
                match op {
                    0 => {
                        table.clear();
                        model.clear();
                    }
                    1..100 => {
                        table.remove(key);
                        model.remove(&key);
                    }
                    _ => {
                        table.insert(key, value);
                        model.insert(key, value);
                    }
                }
                // The next key too, which may be missing.
                for key in [key, key.saturating_add(1)] {
                    prop_assert_eq!(table.get(key), model.get(&key).copied());
                }
                prop_assert_eq!(table.is_empty(), model.is_empty());
            }
            prop_assert_eq!(table.iter().collect::<Vec<_>>(), Vec::from_iter(model));
        }
    }

    #[test]
    fn of_many_keys_a_sixth_to_a_quarter_of_the_room_is_gaps() {
        for common in [0, 3] {
            let mut table = OrderedTable::new(common);
            for number in 1..=100_000u64 {
                let key = number.wrapping_mul(0x9e37_79b9_7f4a_7c15);
                table.insert(if common == 0 { key } else { with_bits_in_common(key) }, ());
                let bytes_each = table.bytes() as f64 / number as f64;
                assert!(number < 10_000 || (9.0..10.8).contains(&bytes_each), "{number}: {bytes_each}");
            }
            assert_eq!(table.iter().count(), 100_000);
        }
    }
}
