//! Rounds of headers that are asked for before the answers of earlier ones are here.
//!
//! A round begins at the last header of the one before, so a sync node could be asked for a hundred headers a round trip and
//! no more. `GetSkeleton` asks it where the next rounds begin. That is only a hint: what comes is judged as ever, and where it
//! does not fit, the rounds that were asked for are ignored and the sync goes on without.

use crate::{
    base::{
        hash::Hash,
        ids::LinkId,
        limits::{HEADERS_AHEAD, HEADERS_UNCOMMITTED, SYNCS_IN_FLIGHT, UNPROVEN_HEADERS},
        time::Time,
    },
    chain::archive::StoreError,
    node::{Outbox, PeerFault, headers::Headers, report::SyncState},
    wire::message::{Kind, Locator, Message, SERVICE_SKELETON},
};

impl Headers {
    /// Whether more headers may be asked for: bodies and commits must not fall too far behind.
    pub(super) fn has_room(&self) -> bool {
        self.index.as_ref().is_some_and(|index| index.best().height < self.room())
    }

    /// The height up to which headers may be asked for.
    fn room(&self) -> u32 {
        let Some(index) = &self.index else { return 0 };
        let ahead = if self.disregards_best() { UNPROVEN_HEADERS } else { HEADERS_AHEAD };
        self.fetched.saturating_add(ahead).min(index.applied().height.saturating_add(HEADERS_UNCOMMITTED))
    }

    /// Asks the sync node for further rounds.
    pub(super) fn ask_ahead(&mut self, now: Time, out: &mut Outbox) {
        let syncing = self.machine.state() != SyncState::Synced && self.open && !self.disregards_best();
        let Some((index, (link, node))) = self.index.as_ref().zip(self.peers.node()).filter(|_| syncing) else {
            return;
        };
        let best = index.best_hash();
        let held = node.held.as_deref().filter(|(_, header)| header.previous == best).map(|(hash, _)| *hash);
        let Some(reached) = node.reached.filter(|(_, hash)| *hash == best || held == Some(*hash)) else { return };
        if node.info.services & SERVICE_SKELETON == 0 || node.questions.since.is_none() || node.closing {
            return;
        }
        let height = node.height;
        if let Some(peer) = self.skeleton.follow(link).and_then(|before| self.peers.get_mut(before)) {
            peer.owes_skeleton = true;
        }
        if let Some(from) = self.skeleton.next(now, reached, height) {
            (self.skeleton.asked, self.skeleton.asked_at) = (Some(from), Some(now));
            out.send(link, &Message::GetSkeleton(from.1));
        }
        let limit = self.room();
        let Some(node) = self.peers.get_mut(link) else { return };
        while node.questions.len() < SYNCS_IN_FLIGHT {
            let at = self.skeleton.after(reached.0, node.questions.len());
            let Some(start) = self.skeleton.starts.get(&at).filter(|_| at < limit) else { return };
            out.send(link, &Message::GetSync(Locator::truncated([*start])));
            node.questions.add(now);
        }
    }

    /// The sync node says where rounds begin.
    pub(super) fn take_skeleton(&mut self, link: LinkId, hashes: &[Hash], out: &mut Outbox) {
        let Some(from) =
            Some(&mut self.skeleton).filter(|said| said.link == Some(link)).and_then(|said| said.asked.take())
        else {
            // It lost the role of the sync node meanwhile, or was never asked.
            if !self.peers.get_mut(link).is_some_and(|peer| std::mem::take(&mut peer.owes_skeleton)) {
                self.punish(link, PeerFault::Unexpected(Kind::Skeleton), out);
            }
            return;
        };
        self.skeleton.is_vain = hashes.is_empty();
        let mut height = from.0;
        for hash in hashes {
            height = self.skeleton.after(height, 1);
            self.skeleton.starts.insert(height, *hash);
        }
    }

    /// A round of the peer is over. `last`: it was full and taken. Where it did not end as the peer had said, what was asked
    /// for beyond it is of no use.
    pub(super) fn end_round(&mut self, link: LinkId, last: Option<(u32, Hash)>) {
        let Some(peer) = self.peers.get_mut(link) else { return };
        let goes_on = if self.skeleton.link == Some(link) {
            self.skeleton.goes_on(last, peer.questions.len() > 0)
        } else {
            last.is_some()
        };
        if !goes_on {
            peer.questions.give_up();
        }
    }

    /// Answers a peer's `GetSkeleton`.
    pub(super) fn serve_skeleton(
        &mut self,
        now: Time,
        link: LinkId,
        from: &Hash,
        out: &mut Outbox,
    ) -> Result<(), StoreError> {
        let Some((index, peer)) = self.index.as_ref().zip(self.peers.get_mut(link)) else { return Ok(()) };
        if !peer.skeletons.take(now) {
            self.punish(link, PeerFault::Flood("GetSkeleton"), out);
            return Ok(());
        }
        let ip = peer.info.remote.ip();
        let (archive, tip) = (index.archive(), index.applied.0);
        let hashes = match self.joining {
            None => self.peers.skeletons.give(now, ip, (archive, from, tip), self.skeleton.after(0, 1))?,
            Some(_) => Vec::new(),
        };
        out.answer(link, Kind::GetSkeleton, [Message::Skeleton(crate::base::codec::List::truncated(hashes))]);
        Ok(())
    }
}
