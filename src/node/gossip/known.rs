//! Bounded memory of ids: the oldest is forgotten when a new one needs its place.

use std::hash::{DefaultHasher, Hasher};

use crate::base::{hash::Hash, rng::Rng};

/// Marks a slot that is not in use.
const FREE: u16 = u16::MAX;

/// The most recent distinct ids. Only eight bytes of each are kept, so that the sets of fifty peers fit into a small host's
/// memory. An attacker who finds two ids with the same eight bytes only slows down a transaction of their own.
///
/// Four of these are asked for each transaction that arrives, so they are tables with open addresses; a set and a queue
/// took a quarter of the role's time. Only membership is asked, never an order. Peers choose the ids, so where one belongs is
/// a secret: who knew it could send ids of one place only, and looking one up would be as slow as reading a list of `most`
/// numbers.
#[derive(Debug)]
pub(super) struct Known {
    /// In the order in which they came, beginning at `oldest`.
    ids: Vec<u64>,
    oldest: usize,
    /// Positions in `ids`, each at its id's place or after it. A power of two, at least half of them free.
    slots: Vec<u16>,
    most: usize,
    /// Has read the secret (SipHash), and goes on with an id.
    places: DefaultHasher,
}

impl Known {
    /// An empty memory for `most` ids, fewer than 65,535.
    pub(super) fn new(most: usize, rng: &mut Rng) -> Self {
        let mut places = DefaultHasher::new();
        places.write(&rng.bytes::<16>());
        Self::with(most, places)
    }

    fn with(most: usize, places: DefaultHasher) -> Self {
        debug_assert!((1..usize::from(FREE)).contains(&most));
        Self { ids: Vec::new(), oldest: 0, slots: vec![FREE; 2], most, places }
    }

    /// Notes an id; `false` if it was known.
    pub(super) fn insert(&mut self, id: &Hash) -> bool {
        self.insert_short(short(id))
    }

    /// Notes an id of eight bytes; `false` if it was known.
    pub(super) fn insert_short(&mut self, id: u64) -> bool {
        if self.find(id).is_ok() {
            return false;
        }
        let position = if self.ids.len() < self.most {
            self.ids.push(id);
            if self.ids.len() * 2 > self.slots.len() {
                self.grow();
                return true;
            }
            self.ids.len() - 1
        } else {
            let position = self.oldest;
            // An id that was removed and noted again has a later position.
            if let Ok(slot) = self.find(self.ids[position])
                && usize::from(self.slots[slot]) == position
            {
                self.vacate(slot);
            }
            self.ids[position] = id;
            self.oldest = (position + 1) % self.most;
            position
        };
        if let Err(slot) = self.find(id) {
            self.slots[slot] = position as u16;
        }
        true
    }

    /// Whether an id is remembered.
    pub(super) fn contains(&self, id: &Hash) -> bool {
        self.find(short(id)).is_ok()
    }

    /// Whether an id of eight bytes is remembered.
    pub(super) fn contains_short(&self, id: u64) -> bool {
        self.find(id).is_ok()
    }

    /// Forgets an id of eight bytes. Its place in the order stays taken, and becomes free in its turn.
    pub(super) fn remove_short(&mut self, id: u64) {
        if let Ok(slot) = self.find(id) {
            self.vacate(slot);
        }
    }

    /// Forgets everything.
    pub(super) fn clear(&mut self) {
        *self = Self::with(self.most, self.places.clone());
    }

    /// The slot of an id, or the free one where it belongs.
    fn find(&self, id: u64) -> Result<usize, usize> {
        let mut slot = self.place(id);
        loop {
            match self.slots[slot] {
                FREE => return Err(slot),
                position if self.ids[usize::from(position)] == id => return Ok(slot),
                _ => slot = self.after(slot),
            }
        }
    }

    /// Frees a slot. What had to make way for it moves up, so that no search ends before its goal.
    fn vacate(&mut self, mut hole: usize) {
        let mask = self.slots.len() - 1;
        let mut slot = self.after(hole);
        while self.slots[slot] != FREE {
            let place = self.place(self.ids[usize::from(self.slots[slot])]);
            if slot.wrapping_sub(place) & mask >= slot.wrapping_sub(hole) & mask {
                self.slots[hole] = self.slots[slot];
                hole = slot;
            }
            slot = self.after(slot);
        }
        self.slots[hole] = FREE;
    }

    /// Twice the slots, and the newest id in one of them.
    fn grow(&mut self) {
        let more = vec![FREE; self.slots.len() * 2];
        let newest = (self.ids.len() - 1) as u16;
        for position in
            std::mem::replace(&mut self.slots, more).into_iter().filter(|slot| *slot != FREE).chain([newest])
        {
            let slot = self.find(self.ids[usize::from(position)]).unwrap_or_else(|free| free);
            self.slots[slot] = position;
        }
    }

    /// Where an id belongs.
    fn place(&self, id: u64) -> usize {
        let mut hasher = self.places.clone();
        hasher.write_u64(id);
        hasher.finish() as usize & (self.slots.len() - 1)
    }

    fn after(&self, slot: usize) -> usize {
        (slot + 1) & (self.slots.len() - 1)
    }
}

fn short(id: &Hash) -> u64 {
    let [a, b, c, d, e, f, g, h, ..] = id.0;
    u64::from_le_bytes([a, b, c, d, e, f, g, h])
}

#[cfg(test)]
mod tests {
    use std::collections::VecDeque;

    use super::*;
    use crate::base::rng::Rng;

    #[test]
    fn the_oldest_id_is_forgotten_first() {
        let mut known = Known::new(2, &mut Rng::from_number(1));
        assert!(known.insert(&Hash([1; 32])) && known.insert(&Hash([2; 32])));
        assert!(!known.insert(&Hash([1; 32])), "known ids are not noted twice");
        known.insert(&Hash([3; 32]));
        assert!(!known.contains(&Hash([1; 32])) && known.contains(&Hash([2; 32])));
        assert!(known.ids.len() == 2 && known.slots.len() == 4);
    }

    #[test]
    fn what_was_removed_is_gone_until_it_is_noted_again() {
        let mut known = Known::new(4, &mut Rng::from_number(1));
        assert!((1..4).all(|id| known.insert_short(id)));
        known.remove_short(2);
        assert!(known.insert_short(4), "the table grows");
        assert!(!known.contains_short(2) && [1, 3, 4].iter().all(|id| known.contains_short(*id)));
        assert!(known.insert_short(2));
        assert_eq!([1, 2, 3, 4].map(|id| known.contains_short(id)), [false, true, true, true]);
        assert!(known.insert_short(5));
        assert!(known.contains_short(2), "its old place is free, and it keeps the new one");
        known.remove_short(9);
    }

    #[test]
    fn it_is_a_list_of_the_last_distinct_ids() {
        let mut rng = Rng::from_number(1);
        for (most, step) in [(1, 1), (100, 1), (100, 1 << 40), (300, 1)] {
            let (mut known, mut list) = (Known::new(most, &mut rng), VecDeque::new());
            for _ in 0..5_000 {
                let number = rng.below(most as u64 * 2) * step;
                let mut id = Hash::ZERO;
                id.0[..8].copy_from_slice(&number.to_le_bytes());
                assert_eq!(known.contains(&id), list.contains(&id));
                assert_eq!(known.insert(&id), !list.contains(&id));
                if !list.contains(&id) {
                    list.push_back(id);
                }
                if list.len() > most {
                    list.pop_front();
                }
                if rng.below(1_000) == 0 {
                    (known, list) = (Known::new(most, &mut rng), VecDeque::new());
                }
            }
            assert!(list.iter().all(|id| known.contains(id)) && known.ids.len() == list.len());
        }
    }

    /// How far the longest search goes.
    fn longest(known: &Known) -> usize {
        let mask = known.slots.len() - 1;
        let away = |(slot, position): (usize, &u16)| {
            (*position != FREE).then(|| slot.wrapping_sub(known.place(known.ids[usize::from(*position)])) & mask)
        };
        known.slots.iter().enumerate().filter_map(away).max().unwrap_or(0)
    }

    #[test]
    fn nobody_finds_ids_that_belong_to_one_place() {
        let mut rng = Rng::from_number(1);
        // As those choose them who know the program: ids that differ in few bits, that a product moves to one place, and
        // that another node, or another table of this one, has in one place.
        let inverse = 0xf1de_83e1_9937_733d_u64;
        assert_eq!(0x9e37_79b9_7f4a_7c15_u64.wrapping_mul(inverse), 1);
        let other = Known { slots: vec![FREE; 8192], ..Known::new(4096, &mut rng) };
        let of_other = (0..).filter(|id| other.place(*id) == 7);
        let sets: [Vec<u64>; 6] = [
            (0..4096).collect(),
            (0..4096).map(|n| n << 52).collect(),
            (0..4096).map(|n| n << 32).collect(),
            (0..4096_u64).map(|n| n.wrapping_mul(inverse)).collect(),
            (0..4096_u64).map(|n| (n << 48).wrapping_mul(inverse)).collect(),
            of_other.take(100).collect(),
        ];
        for (set, ids) in sets.iter().enumerate() {
            let mut known = Known::new(4096, &mut rng);
            assert!(ids.iter().all(|id| known.insert_short(*id)));
            assert!(longest(&known) < 64, "{} steps in set {set}", longest(&known));
        }
    }
}
