//! Sorted runs in pages: how the coins ([`super::coins`]) and the index ([`super::index`]) are stored.
//!
//! A tree under scattered keys writes a page for nearly each change. A run is written in order, page after page, and several
//! runs are merged into one. A page is a row of a table. Its number begins with the run's slot, and goes on with leading bits
//! of the last key in it, so that one search of the table ends on the right page. This module knows the numbers of rows, and
//! reads several runs in order. What an entry is, which entries cancel out, and when runs are merged differs: a younger
//! coin replaces an older one, and the index drops a coin together with its mark.

mod cursor;
mod rows;

pub(super) use self::{
    cursor::{Cursor, Entries, least},
    rows::{RowNumbers, RowRange, Table},
};

/// The tier of a run: runs of one tier are merged with each other. Runs up to `smallest` bytes are all of tier 0, those of
/// each other tier are up to `fan` times as large as those of the tier below.
pub(super) fn tier(bytes: u64, smallest: u64, fan: u64) -> u32 {
    (bytes / smallest).checked_ilog(fan).map_or(0, |tier| tier + 1)
}

/// The first slot that is not taken.
pub(super) fn free_slot(taken: impl Iterator<Item = u8>, slots: u8) -> Option<u8> {
    let mut free = [true; u8::MAX as usize + 1];
    taken.for_each(|slot| free[usize::from(slot)] = false);
    (0..=slots).find(|slot| free[usize::from(*slot)])
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn tiers_grow_by_the_fan() {
        let tiers = [0, 1023, 1024, 8191, 8192, 65_536].map(|bytes| tier(bytes, 1024, 8));
        assert_eq!(tiers, [0, 0, 1, 1, 2, 3]);
    }

    #[test]
    fn a_free_slot_is_the_first_that_is_not_taken() {
        assert_eq!(free_slot([0, 1, 3].into_iter(), 254), Some(2));
        assert_eq!(free_slot(0..=254, 254), None);
        assert_eq!(free_slot(0..=254, 255), Some(255));
    }
}
