//! How much of a pool each link has had: bytes times the time for which it held them.
//!
//! Whoever has had least is served first, as in start-time fair queueing (Goyal, Vin and Cheng 1996). So a crowd whose links hold
//! what they get for as long as they may goes behind links that hold it for a moment. A newcomer begins as if it had held the
//! largest frame once, at the slowest pace: else who comes back under another name would be served first each time.

use std::{collections::BTreeMap, time::Duration};

use crate::base::{
    ids::LinkId,
    limits::{LEASE_MIN_RATE, MAX_BLOCK_MESSAGE_BYTES},
};

/// Bytes times microseconds.
pub(super) type Share = u128;

fn share(bytes: usize, time: Duration) -> Share {
    (bytes as u128).saturating_mul(time.as_micros())
}

/// What a newcomer begins with.
fn of_newcomer() -> Share {
    let slowest = Duration::from_secs(MAX_BLOCK_MESSAGE_BYTES as u64 / LEASE_MIN_RATE);
    share(MAX_BLOCK_MESSAGE_BYTES, slowest)
}

/// What a link has had.
#[derive(Clone, Copy, Debug)]
struct Had {
    /// All of it, since the share at which the link stood that was served last.
    all: Share,
    /// What it takes at a time: as much as the last time, or less than before by half at most. Who is always quick goes before
    /// a crowd that stands no higher.
    usual: Share,
}

/// What links have had.
#[derive(Debug, Default)]
pub(super) struct Shares {
    /// Nobody stands lower: time in which a link wants nothing is not saved up.
    level: Share,
    links: BTreeMap<LinkId, Had>,
}

impl Shares {
    fn had(&mut self, link: LinkId) -> &mut Had {
        let newcomer = Had { all: self.level.saturating_add(of_newcomer()), usual: of_newcomer() };
        let had = self.links.entry(link).or_insert(newcomer);
        had.all = self.level.max(had.all);
        had
    }

    /// Where a link will stand once it has had what it wants now. Lowest first.
    pub(super) fn of(&mut self, link: LinkId) -> Share {
        let had = self.had(link);
        had.all.saturating_add(had.usual)
    }

    /// A link begins as if it had never had less than others, and were quick.
    pub(super) fn welcome(&mut self, link: LinkId) {
        self.links.insert(link, Had { all: self.level, usual: 0 });
    }

    /// A link is served in the order of shares.
    pub(super) fn serve(&mut self, link: LinkId) {
        self.level = self.had(link).all;
    }

    /// A link held so many bytes for this time.
    pub(super) fn held(&mut self, link: LinkId, bytes: usize, time: Duration) {
        let (had, share) = (self.had(link), share(bytes, time));
        *had = Had { all: had.all.saturating_add(share), usual: share.max(had.usual / 2) };
    }

    /// A link is gone.
    pub(super) fn forget(&mut self, link: LinkId) {
        self.links.remove(&link);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const ONE: LinkId = LinkId(1);
    const OTHER: LinkId = LinkId(2);
    const THIRD: LinkId = LinkId(3);
    const SLOW: Duration = Duration::from_secs(100);

    /// Three links that have all been quick.
    fn shares() -> Shares {
        let mut shares = Shares::default();
        for link in [ONE, OTHER, THIRD] {
            (0..100).for_each(|_| shares.held(link, 1, Duration::ZERO));
        }
        shares
    }

    #[test]
    fn who_had_more_stands_higher_and_nobody_saves_up() {
        let mut shares = shares();
        assert_eq!(shares.of(ONE), shares.of(OTHER));
        shares.held(ONE, 10, SLOW);
        let before = shares.of(OTHER);
        assert!(shares.of(ONE) > before);
        shares.serve(ONE);
        assert!(shares.of(ONE) > shares.of(OTHER) && shares.of(OTHER) > before);
    }

    #[test]
    fn of_those_that_had_as_much_the_quick_one_is_first_and_slowness_is_not_forgotten_at_once() {
        let mut shares = shares();
        shares.held(ONE, 10, SLOW);
        // So nobody stands lower.
        shares.serve(ONE);
        shares.held(THIRD, 1, Duration::ZERO);
        assert!(shares.of(THIRD) < shares.of(ONE));
        shares.held(ONE, 1, Duration::ZERO);
        assert!(shares.of(THIRD) < shares.of(ONE));
        (0..100).for_each(|_| shares.held(ONE, 1, Duration::ZERO));
        assert_eq!(shares.of(THIRD), shares.of(ONE));
    }

    #[test]
    fn who_comes_back_is_a_newcomer_unless_this_node_chose_it() {
        let mut shares = shares();
        shares.serve(OTHER);
        let before = shares.of(ONE);
        shares.forget(ONE);
        assert_eq!(shares.of(ONE), before + 2 * of_newcomer());
        shares.welcome(THIRD);
        assert_eq!(shares.of(THIRD), before);
    }
}
