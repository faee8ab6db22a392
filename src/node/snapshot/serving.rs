//! Answers to peers that join.

use crate::{
    base::{bytes::Bytes, codec, hash::Hash, ids::LinkId, time::Time},
    chain::snapshot::SnapshotName,
    node::{
        Outbox, PeerFault,
        snapshot::{Snapshot, maker::Held},
    },
    wire::message::{Kind, Message},
};

impl Snapshot {
    /// Answers a `GetSnapshot`.
    pub(super) fn serve_manifest(&mut self, now: Time, link: LinkId, block: Hash, most: u32, out: &mut Outbox) {
        if self.peers.get_mut(&link).is_some_and(|peer| !peer.allowance.take(now)) {
            return self.punish(link, PeerFault::Flood("GetSnapshot"), out);
        }
        let manifest = self.manifest_for(block, most).unwrap_or_default();
        out.answer(link, Kind::GetSnapshot, [Message::Snapshot(manifest)]);
    }

    /// Answers a `GetPiece`. The link hands on one after the other, as fast as its peer reads the answers.
    pub(super) fn serve_piece(&mut self, now: Time, link: LinkId, block: Hash, number: u32, out: &mut Outbox) {
        let store = self.files.as_mut().filter(|_| self.interval.is_some()).map(|files| &mut files.store);
        let piece = store.map_or(Ok(None), |store| store.piece(&block, number)).unwrap_or_else(|error| {
            log::warn!("snapshot: piece not read block={block} number={number} error=\"{error}\"");
            None
        });
        match piece {
            Some(_) => self.keep_for_newcomers(now, block),
            None => self.make_lost_again(),
        }
        out.answer(link, Kind::GetPiece, [Message::Piece { block, number, bytes: piece.unwrap_or_default() }]);
    }

    /// Somebody fetches this snapshot. The oldest one is the next to be forgotten, and whoever needs longer for it than newer ones
    /// take to be made would begin anew again and again.
    fn keep_for_newcomers(&mut self, now: Time, block: Hash) {
        let Some(files) = &mut self.files else { return };
        let is_oldest = files.store.snapshots().first().is_some_and(|oldest| oldest.block == block);
        match &mut self.maker.held {
            Some(held) if held.block == block => held.asked = now,
            None if is_oldest => {
                self.maker.held = Some(Held { block, since: now, asked: now });
                self.hold(Some(block));
            }
            Some(_) | None => {}
        }
    }

    /// Nobody has fetched it for a while: it may go.
    pub(super) fn release_held(&mut self, now: Time) {
        if self.maker.held.is_some_and(|held| held.until() <= now) {
            self.maker.held = None;
            self.hold(None);
        }
    }

    fn hold(&mut self, block: Option<Hash>) {
        let done = self.files.as_mut().map_or(Ok(()), |files| files.store.hold(block));
        if let Err(error) = done {
            log::warn!("snapshot: an old one is not removed error=\"{error}\"");
        }
    }

    /// A snapshot that is found to be damaged is removed: it is made again.
    fn make_lost_again(&mut self) {
        let Some(files) = self.files.as_ref().filter(|_| self.interval.is_some()) else { return };
        let newest = files.store.snapshots().last().map_or(0, |name| name.height);
        self.maker.last = self.maker.last.min(newest);
    }

    /// The newest manifest that is not above a height, or that of a block. Whoever joins needs the blocks that follow it: a snapshot
    /// below those that are kept is of no use.
    fn manifest_for(&mut self, block: Hash, most: u32) -> Option<Bytes> {
        let kept_from = self.kept_from;
        let store = &mut self.files.as_mut().filter(|_| self.interval.is_some())?.store;
        let names = store.snapshots();
        let fits = |name: &&SnapshotName| name.height <= most && (block == Hash::ZERO || name.block == block);
        let is_followed = |name: &&SnapshotName| name.height.saturating_add(1) >= kept_from;
        let name = names.iter().rev().filter(is_followed).find(fits)?;
        if let Some(bytes) = self.served.find(&name.block) {
            return Some(bytes);
        }
        let manifest = store.manifest(&name.block).unwrap_or_else(|error| {
            log::warn!("snapshot: manifest not read block={} error=\"{error}\"", name.block);
            None
        });
        let bytes = Bytes::from(codec::encode(&manifest?));
        self.served.keep(name.block, bytes.clone());
        Some(bytes)
    }
}
