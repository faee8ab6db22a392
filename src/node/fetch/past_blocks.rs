//! How old blocks are asked for, when nothing else is missing.

use crate::{
    base::{hash::Hash, ids::LinkId, limits::ABSENT_RETRY, time::Time},
    node::{
        Origin, Outbox,
        fetch::{Fetch, sources::Choice},
        notice::ToVerify,
    },
    wire::frame::Frame,
};

impl Fetch {
    /// These are wanted now.
    pub(super) fn take_past(&mut self, above: u32, hashes: &[Hash]) {
        self.past.window.follow(above, hashes);
    }

    /// Asks for old blocks, if nothing of the best header chain or of a candidate is missing.
    pub(super) fn pump_past(&mut self, now: Time, out: &mut Outbox) {
        self.past.window.resume(now, false);
        if self.window.missing() > 0 || !self.candidates.list().is_empty() {
            return;
        }
        while let Some(height) = self.past.next() {
            let is_next = height == self.past.window.base();
            if !is_next && !self.past.has_room() {
                return;
            }
            let Some(slot) = self.past.window.slot(height) else { return };
            let (hash, is_owed) = (slot.hash, !slot.asked.is_empty());
            match self.peers.choose(height, slot, is_next, None) {
                Choice::Ask(link) => {
                    self.past.window.asked(height, link);
                    self.send_request(now, link, hash, is_owed, out);
                }
                Choice::Busy => return,
                Choice::Nobody => self.past.window.pause(height, now + ABSENT_RETRY),
            }
        }
    }

    /// An old block that was `asked` for; `false`: it is none.
    pub(super) fn take_past_block(
        &mut self,
        link: LinkId,
        (hash, height): (Hash, u32),
        frame: &Frame,
        asked: bool,
        out: &mut Outbox,
    ) -> bool {
        if self.past.window.height_of(&hash) != Some(height) || !asked {
            // Another peer was faster.
            let late = |fetch: &mut Self| fetch.peers.get_mut(link).is_some_and(|peer| peer.explain_late(&hash));
            return height < self.past.window.base() && (asked || late(self));
        }
        let bytes = frame.body.len();
        self.past.size.saw(bytes);
        if self.past.window.arrive(height, bytes) {
            let (frame, checked) = (frame.clone(), self.checked.clone());
            out.tell(ToVerify::CheckBlock { origin: Origin::Past(link), hash, frame, checked, parts: None });
        }
        true
    }
}
