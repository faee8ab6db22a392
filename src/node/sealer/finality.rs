//! The last final block, and how others hear of it.

use std::collections::VecDeque;

use crate::{
    base::{
        hash::Hash,
        time::{Now, UnixTime},
    },
    node::{
        ChainMove, Outbox,
        notice::{ToHeaders, ToLedger},
        report::FinalBlock,
    },
};

use super::core::{Certified, Place};

/// Blocks whose heights are remembered.
const HEIGHTS: usize = 256;

/// The last final block, and the heights by which others know blocks.
pub(super) struct Finality {
    last: FinalBlock,
    /// Final, and not told: its height is not known yet.
    untold: Option<(Place, Option<UnixTime>)>,
    heights: VecDeque<(Hash, u32)>,
}

impl Finality {
    pub(super) fn new(genesis: Hash) -> Self {
        let last = FinalBlock { height: 0, hash: genesis, since: UnixTime(0) };
        Self { last, untold: None, heights: VecDeque::from([(genesis, 0)]) }
    }

    pub(super) fn start(&mut self, now: Now, certified: &Certified, out: &mut Outbox) {
        self.last.since = now.unix;
        if certified.last_final().view > 0 {
            self.reached(certified.last_final(), None);
            self.tell(now, out);
        }
    }

    pub(super) fn last(&self) -> FinalBlock {
        self.last
    }

    pub(super) fn note_heights(&mut self, moved: &ChainMove) {
        let added = moved.added.iter().copied().chain([(moved.tip.hash, moved.tip.height)]);
        added.for_each(|(hash, height)| self.note_height(hash, height));
    }

    /// The ledger has told a block's height.
    pub(super) fn note_height(&mut self, hash: Hash, height: u32) {
        self.heights.push_back((hash, height));
        if self.heights.len() > HEIGHTS {
            self.heights.pop_front();
        }
    }

    /// Asks for the height of the last final block if that is not known.
    pub(super) fn look(&self, out: &mut Outbox) {
        if let Some((place, _)) = self.untold {
            out.tell(ToLedger::WantPlace { block: place.block });
        }
    }

    /// A block is final.
    pub(super) fn reached(&mut self, place: Place, height: Option<u32>) {
        self.untold = Some((place, None));
        if let Some(height) = height {
            self.note_height(place.block, height);
        }
    }

    /// Tells the last final block once its height is known.
    pub(super) fn tell(&mut self, now: Now, out: &mut Outbox) {
        let Some((place, since)) = &mut self.untold else { return };
        let (hash, since) = (place.block, *since.get_or_insert(now.unix));
        let Some((_, height)) = self.heights.iter().rev().find(|(known, _)| *known == hash) else { return };
        self.last = FinalBlock { height: *height, hash, since };
        self.untold = None;
        out.tell(ToHeaders::Final { height: self.last.height, hash });
        out.tell(ToLedger::Final { height: self.last.height, hash });
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn so_many_heights_are_remembered_and_no_more() {
        let block = |n: u32| Hash([(n >> 8) as u8, n as u8].repeat(16).try_into().unwrap());
        let mut finality = Finality::new(Hash::ZERO);
        for n in 0..1000 {
            finality.reached(Place { view: n.into(), block: block(n) }, Some(n));
            finality.note_height(block(n), n);
        }
        assert!(finality.heights.len() <= HEIGHTS, "{}", finality.heights.len());
        finality.tell(Now::default(), &mut Outbox::default());
        assert_eq!((finality.last().height, finality.last().hash), (999, block(999)));
    }
}
