//! Rounds of headers that are asked for before the answers of earlier ones are here.
//!
//! A round begins at the last header of the one before, so a sync node could be asked for a hundred headers a round trip and
//! no more. `GetSkeleton` asks it where the next rounds begin. That is only a hint: what comes is judged as ever, and where it
//! does not fit, the rounds that were asked for are ignored and the sync goes on without.

use std::{collections::BTreeMap, time::Duration};

use crate::{
    base::{
        hash::Hash,
        ids::LinkId,
        limits::{HEADERS_AHEAD, HEADERS_UNCOMMITTED, MAX_SKELETON_HASHES, MAX_SYNC_HEADERS, SYNCS_IN_FLIGHT},
        time::Time,
    },
    chain::archive::{BlockStatus, HeaderArchive, StoreError},
    node::{Outbox, PeerFault, headers::Headers, report::SyncState},
    wire::message::{Kind, Locator, Message, SERVICE_SKELETON},
};

/// Headers of one round.
const ROUND: u32 = MAX_SYNC_HEADERS as u32;

/// Time between two questions for skeletons, whatever comes in between: less than what the peer takes for a flood.
const INTERVAL: Duration = Duration::from_secs(2);

/// What the sync node says of its chain.
#[derive(Debug, Default)]
pub(super) struct Ahead {
    link: Option<LinkId>,
    /// Where rounds begin, by height.
    starts: BTreeMap<u32, Hash>,
    /// The open `GetSkeleton`.
    asked: Option<(u32, Hash)>,
    /// When that or the last one was sent.
    asked_at: Option<Time>,
    /// What it said was of no use.
    is_vain: bool,
}

impl Ahead {
    /// Forgets what another peer said. Returns it if it still owes a skeleton.
    fn follow(&mut self, link: LinkId) -> Option<LinkId> {
        if self.link == Some(link) {
            return None;
        }
        let before = std::mem::replace(self, Self { link: Some(link), ..Self::default() });
        before.link.filter(|_| before.asked.is_some())
    }

    /// Where the next skeleton is to begin, after a sync node has come to `reached` of its chain with this height; `None` if
    /// there is enough of it, or no need.
    fn next(&self, now: Time, reached: (u32, Hash), height: u32) -> Option<(u32, Hash)> {
        let from = self.starts.last_key_value().map_or(reached, |(height, hash)| (*height, *hash)).max(reached);
        let few = from.0 - reached.0 < ROUND * u32::try_from(SYNCS_IN_FLIGHT).unwrap_or(u32::MAX);
        let far = height.saturating_sub(from.0) > 2 * ROUND;
        let lately = self.asked_at.is_some_and(|at| now.since(at) < INTERVAL);
        (few && far && self.asked.is_none() && !lately && !self.is_vain).then_some(from)
    }

    /// A full round ended here; `None`: a round that nothing follows. Whether the rounds after it are of use.
    fn goes_on(&mut self, last: Option<(u32, Hash)>) -> bool {
        let Some((height, hash)) = last else {
            self.starts.clear();
            return false;
        };
        self.starts = self.starts.split_off(&height);
        let fits = self.starts.get(&height).is_none_or(|said| *said == hash);
        if !fits {
            self.starts.clear();
            self.is_vain = true;
        }
        fits
    }
}

impl Headers {
    /// Asks the sync node for further rounds.
    pub(super) fn ask_ahead(&mut self, now: Time, out: &mut Outbox) {
        let syncing = self.machine.state() != SyncState::Synced && self.open && !self.disregards_best();
        let Some((index, (link, node))) = self.index.as_ref().zip(self.peers.node()).filter(|_| syncing) else {
            return;
        };
        let Some(reached) = node.reached.filter(|(_, hash)| *hash == index.best_hash()) else { return };
        if node.info.services & SERVICE_SKELETON == 0 || node.asked.is_none() || node.closing {
            return;
        }
        let height = node.height;
        if let Some(peer) = self.ahead.follow(link).and_then(|before| self.peers.get_mut(before)) {
            peer.owes_skeleton = true;
        }
        if let Some(from) = self.ahead.next(now, reached, height) {
            (self.ahead.asked, self.ahead.asked_at) = (Some(from), Some(now));
            out.send(link, &Message::GetSkeleton(from.1));
        }
        let limit = (self.fetched + HEADERS_AHEAD).min(index.applied().height + HEADERS_UNCOMMITTED);
        let Some(node) = self.peers.get_mut(link) else { return };
        while node.open_questions() < SYNCS_IN_FLIGHT {
            let open = u32::try_from(node.open_questions()).unwrap_or(u32::MAX);
            let at = reached.0.saturating_add(ROUND.saturating_mul(open));
            let Some(start) = self.ahead.starts.get(&at).filter(|_| at < limit) else { return };
            out.send(link, &Message::GetSync(Locator::truncated([*start])));
            node.ask_ahead(now);
        }
    }

    /// The sync node says where rounds begin.
    pub(super) fn take_skeleton(&mut self, link: LinkId, hashes: &[Hash], out: &mut Outbox) {
        let Some(from) =
            Some(&mut self.ahead).filter(|ahead| ahead.link == Some(link)).and_then(|ahead| ahead.asked.take())
        else {
            // It lost the role of the sync node meanwhile, or was never asked.
            if !self.peers.get_mut(link).is_some_and(|peer| std::mem::take(&mut peer.owes_skeleton)) {
                self.punish(link, PeerFault::Unexpected(Kind::Skeleton), out);
            }
            return;
        };
        self.ahead.is_vain = hashes.is_empty();
        let mut height = from.0;
        for hash in hashes {
            height = height.saturating_add(ROUND);
            self.ahead.starts.insert(height, *hash);
        }
    }

    /// A round of the peer is over. `last`: it was full and taken. Where it did not end as the peer had said, what was asked
    /// for beyond it is of no use.
    pub(super) fn end_round(&mut self, link: LinkId, last: Option<(u32, Hash)>) {
        let Some(peer) = self.peers.get_mut(link) else { return };
        let goes_on = if self.ahead.link == Some(link) { self.ahead.goes_on(last) } else { last.is_some() };
        if !goes_on {
            peer.ignore_ahead();
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
        let hashes = skeleton(index.archive(), from)?;
        out.answer(link, [Message::Skeleton(crate::base::codec::List::truncated(hashes))]);
        Ok(())
    }
}

/// Each hundredth hash of the applied chain above `from`; none if it is not on that chain.
fn skeleton(archive: &dyn HeaderArchive, from: &Hash) -> Result<Vec<Hash>, StoreError> {
    let mut hashes = Vec::new();
    let Some(row) = archive.header(from)?.filter(|row| row.status == BlockStatus::Applied) else { return Ok(hashes) };
    let mut height = row.header.height;
    while hashes.len() < MAX_SKELETON_HASHES {
        height = height.saturating_add(ROUND);
        match archive.applied_at(height)? {
            Some(row) => hashes.push(row.hash),
            None => break,
        }
    }
    Ok(hashes)
}
