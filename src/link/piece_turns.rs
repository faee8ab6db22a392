//! The memory of snapshots' pieces that wait to be sent: a pool that all links share, and turns.
//!
//! A piece is as large as all that may wait on one link, and each link could have one waiting: on as many links as there may be they took
//! 12 MB. So a request for a piece is handed on only by a link that has a lease of the pool, which it keeps until the piece is as good
//! as sent. While others wait for one, a lease is for one piece, and a link whose reader hardly takes anything ends: else a few
//! that read nothing would keep all newcomers from all pieces. It is not to blame for more.

use crate::{
    base::{ids::LinkId, limits, time::Time},
    chain::snapshot::PIECE_BYTES,
    link::{Endpoint, EventSink, leases::Claim, link::Link, piece_reader::PIECES_PART, reading::LEASE_CHECK},
    node::{CloseReason, limit::Limit},
    wire::message::GoodbyeCode,
};

impl Link {
    /// Whether what its peer has asked for of snapshots is as good as sent.
    fn has_sent_pieces(&self) -> bool {
        !self.framer.has_piece() && self.queued() <= limits::SEND_CROWDED_BYTES
    }
}

impl<S: EventSink> Endpoint<S> {
    /// Lets a link hand on requests for pieces if it has a lease, or gets one.
    pub(super) fn lease_pieces(&mut self, now: Time, id: LinkId) {
        self.end_piece(now, id);
        let Some(link) = self.links.get_mut(&id).filter(|link| link.ends.is_none()) else { return };
        if !link.framer.wants_piece() && self.pieces.waits(id) {
            // It has got something else meanwhile that its peer has to read first: others need not wait for that.
            self.pieces.release(now, id);
        } else if link.framer.wants_piece() && !self.pieces.holds(id) {
            let waited = self.pieces.waits(id);
            let claim = if link.pieces.has_taken { Claim::Known } else { Claim::Unknown };
            let has_lease = self.pieces.acquire(now, id, PIECE_BYTES, claim);
            if has_lease {
                link.pieces.begin();
            } else if !waited {
                self.meters.hit(now, Limit::Send);
                self.piece_check.get_or_insert(now + LEASE_CHECK);
            }
        }
        // As long as few links take pieces, each may have the next one at hand.
        let is_roomy = !self.pieces.contended() && 2 * self.pieces.used() <= self.config.send_budget / PIECES_PART;
        link.framer.set_pieces(self.pieces.holds(id) && (is_roomy || link.has_sent_pieces()));
        self.call_piece();
    }

    /// Gives a link a turn whose request for a piece was held back only because it had come before the link asked for a lease.
    pub(super) fn ask_for_lease(&mut self, id: LinkId) {
        let is_new = |id| !self.pieces.holds(id) && !self.pieces.waits(id);
        if self.links.get(&id).is_some_and(|link| link.framer.wants_piece()) && is_new(id) {
            self.list(id);
        }
    }

    /// If what a link has asked for is as good as sent, it needs no lease any more.
    pub(super) fn end_piece(&mut self, now: Time, id: LinkId) {
        if !self.pieces.holds(id) {
            return;
        }
        if let Some(link) = self.links.get_mut(&id).filter(|link| link.ends.is_none()) {
            if !link.has_sent_pieces() {
                return;
            }
            link.pieces.end();
            link.framer.set_pieces(false);
        }
        self.pieces.release(now, id);
        self.call_piece();
    }

    /// Gives the link a turn that may have a lease now.
    pub(super) fn call_piece(&mut self) {
        self.pieces.call().into_iter().for_each(|next| self.list(next));
    }

    /// While a link waits for a lease, ends holders whose readers take hardly anything.
    pub(super) fn check_pieces(&mut self, now: Time) {
        self.piece_check = self.pieces.contended().then(|| now + LEASE_CHECK);
        if self.piece_check.is_none() {
            return;
        }
        for id in self.pieces.holders().collect::<Vec<_>>() {
            // What waits for our own limit does not wait for its reader.
            let is_unread = self.blocked.contains(&id);
            let least = self.config.lease_min_rate;
            if self.links.get_mut(&id).is_some_and(|link| link.pieces.dawdles(now, least)) && is_unread {
                log::debug!("slow reader of pieces given up link={}", id.0);
                self.close(now, id, CloseReason::Local(GoodbyeCode::Evicted), 0);
                self.remove(id);
            }
        }
    }
}
