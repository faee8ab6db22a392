//! How large a body is taken to be until it is here.
//!
//! A header does not say how large its block is. So what is asked for has to fit into memory even if each body turns out to
//! be as large as any may be. Once bodies come it has to fit as if all were as large as the largest of them, which fades. At
//! first a few are asked for, then ever more, as TCP does: after 30 small ones a thousand of them fit.

use crate::base::limits::MAX_BLOCK_MESSAGE_BYTES;

/// The part of what is remembered that fades with each body that comes.
const FADES: usize = 4;

/// Bytes that the next body is taken to have.
#[derive(Clone, Copy, Debug)]
pub(super) struct BodySize(usize);

impl Default for BodySize {
    fn default() -> Self {
        Self(MAX_BLOCK_MESSAGE_BYTES)
    }
}

impl BodySize {
    /// After many small bodies.
    #[cfg(test)]
    pub(super) const SMALL: Self = Self(200);

    /// A body came.
    pub(super) fn saw(&mut self, bytes: usize) {
        let faded = (self.0 / FADES).saturating_mul(FADES - 1).saturating_add(bytes / FADES);
        self.0 = bytes.max(faded);
    }

    /// Whether one more body fits into `room`, beside `held` bytes of bodies that are here and `open` ones that are asked for.
    pub(super) fn fits(self, room: usize, held: usize, open: usize) -> bool {
        held.saturating_add(open.saturating_add(1).saturating_mul(self.0)) <= room
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::base::limits::FETCH_BYTES;

    /// How many bodies may be asked for at once.
    fn at_once(size: BodySize) -> usize {
        (0..2000).take_while(|open| size.fits(FETCH_BYTES, 0, *open)).count()
    }

    #[test]
    fn a_few_bodies_are_asked_for_at_first_and_more_with_each_small_one() {
        let mut size = BodySize::default();
        let mut allowed = vec![at_once(size)];
        for _ in 0..30 {
            size.saw(200);
            allowed.push(at_once(size));
        }
        assert_eq!((allowed[0], allowed[2], allowed[5]), (5, 10, 25));
        assert!(allowed.is_sorted() && allowed[30] == 2000, "{allowed:?}");
    }

    #[test]
    fn one_large_body_counts_at_once_and_fades_slowly() {
        let mut size = BodySize(200);
        size.saw(1_000_000);
        assert_eq!(at_once(size), 6);
        (0..3).for_each(|_| size.saw(200));
        assert_eq!(at_once(size), 14);
    }

    #[test]
    fn what_is_held_takes_room_from_what_may_be_asked_for() {
        let size = BodySize(1_000_000);
        assert!(size.fits(FETCH_BYTES, 1_000_000, 4) && !size.fits(FETCH_BYTES, 1_000_000, 5));
        assert!(!size.fits(FETCH_BYTES, usize::MAX, usize::MAX));
    }
}
