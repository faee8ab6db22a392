//! Which snapshot to join with: asks for manifests and judges them.

use std::{cmp::Reverse, collections::BTreeMap};

use crate::{
    base::{
        codec,
        hash::Hash,
        ids::LinkId,
        limits::{MANIFEST_INTERVAL, MANIFEST_TIMEOUT},
        time::Time,
    },
    chain::{
        archive::{BlockStatus, StoreError},
        snapshot::{Manifest, SnapshotFault},
    },
    node::{
        Outbox, PeerFault,
        snapshot::{Snapshot, joiner::Joiner, offered::Depth, peer::Peer, trials::Choice},
    },
    wire::{
        frame::FrameFault,
        message::{Kind, Message},
    },
};

impl Snapshot {
    /// Asks peers for manifests as far as that is due.
    pub(super) fn ask_for_manifests(&mut self, now: Time, out: &mut Outbox) {
        let Some(joiner) = &self.joiner else { return };
        let (block, most) = match joiner.depth {
            Some(Depth::UpTo(most)) => (Hash::ZERO, most),
            Some(Depth::Block(block)) => (block, u32::MAX),
            Some(Depth::Nowhere) | None => return,
        };
        let planned = joiner.plan.as_ref().map(|plan| (plan.id, plan.manifest.block()));
        for (link, peer) in &mut self.peers {
            if !peer.is_to_be_asked(planned.map(|(id, _)| id)) || now < peer.again_at {
                continue;
            }
            // Whoever lacks the one that is being fetched is asked for any: that may be left.
            let planned = planned.filter(|(_, block)| peer.lacks != Some(*block));
            let (block, most) = match planned {
                Some((_, block)) => (block, u32::MAX),
                None if std::mem::take(&mut peer.tell_newest) => {
                    peer.asked_newest = Some(now);
                    (Hash::ZERO, u32::MAX)
                }
                None => (block, most),
            };
            (peer.asked, peer.asked_for, peer.asked_at) = (Some(now), block, Some(now));
            peer.again_at = now + MANIFEST_INTERVAL;
            out.send(*link, &Message::GetSnapshot { block, most });
        }
    }

    /// Peers that do not answer have none.
    pub(super) fn time_out_manifests(&mut self, now: Time, out: &mut Outbox) {
        let is_silent = |asked: Option<Time>| asked.is_some_and(|at| now >= at + MANIFEST_TIMEOUT);
        let silent = self.peers.iter().filter(|(_, peer)| !peer.closing && is_silent(peer.asked));
        let silent: Vec<LinkId> = silent.map(|(link, _)| *link).collect();
        silent.into_iter().for_each(|link| self.punish(link, PeerFault::BlockStall, out));
    }

    /// An answer to our `GetSnapshot`.
    pub(super) fn take_manifest(
        &mut self,
        now: Time,
        link: LinkId,
        bytes: &[u8],
        out: &mut Outbox,
    ) -> Result<(), StoreError> {
        let Some(peer) = self.peers.get_mut(&link) else { return Ok(()) };
        if peer.asked.take().is_none() {
            self.punish(link, PeerFault::Unexpected(Kind::Snapshot), out);
            return Ok(());
        }
        (peer.has_answered, peer.offers, peer.again_at) = (true, None, now + MANIFEST_INTERVAL);
        if bytes.is_empty() {
            peer.lacks = Some(peer.asked_for);
            if self.joiner.as_ref().is_some_and(|joiner| joiner.plan.is_none()) {
                peer.has_none(now);
            }
            return Ok(());
        }
        let manifest = match codec::decode::<Manifest>(bytes) {
            Ok(manifest) => manifest,
            Err(error) => {
                self.punish(link, FrameFault::Body(error).into(), out);
                return Ok(());
            }
        };
        match self.judge_manifest(&manifest)? {
            Err(SnapshotFault::Root(digest)) if !self.spec.seal_rules().needs_certificate() => {
                // Headers come without their blocks, and somebody may have put a wrong one above the block: an honest peer's leaves then
                // differ, too. Once the coins that the header commits to are here, it is known who was wrong.
                log::warn!("snapshot is not of this chain link={} height={}", link.0, manifest.height());
                let contradicts = Some((manifest.block(), digest));
                self.peers.get_mut(&link).into_iter().for_each(|peer| peer.contradicts = contradicts);
            }
            Err(fault) => {
                log::warn!("snapshot refused link={} height={} fault={fault}", link.0, manifest.height());
                self.punish(link, PeerFault::Snapshot(fault), out);
            }
            Ok(false) => {
                let is_known = self.is_of_chain(&manifest)?;
                let newest = Some(manifest.height()).filter(|_| is_known);
                self.peers.get_mut(&link).into_iter().for_each(|peer| peer.newest = newest);
            }
            Ok(true) => {
                let id = manifest.id();
                let mut offers: BTreeMap<Hash, usize> = BTreeMap::new();
                self.peers.values().filter_map(|peer| peer.offers).for_each(|id| *offers.entry(id).or_default() += 1);
                let is_denied = self.peers.get(&link).is_some_and(|peer| peer.denied == Some(id));
                let Some(joiner) = &mut self.joiner else { return Ok(()) };
                if joiner.offered.is_refuted(&id) {
                    self.punish(link, PeerFault::Snapshot(SnapshotFault::Cut), out);
                    return Ok(());
                }
                let is_kept = !is_denied && joiner.offered.insert(id, manifest, &offers);
                if is_kept && let Some(peer) = self.peers.get_mut(&link) {
                    peer.offers = Some(id);
                    joiner.first_offer.get_or_insert(now);
                }
            }
        }
        Ok(())
    }

    /// The coins of a block are here, and their digest is what the header above it names: whoever gave other leaves for it has lied.
    pub(super) fn punish_contradictions(&mut self, block: Hash, digest: Hash, out: &mut Outbox) {
        let has_lied = |peer: &Peer| !peer.closing && peer.contradicts == Some((block, digest));
        let liars: Vec<LinkId> = self.peers.iter().filter(|(_, peer)| has_lied(peer)).map(|(link, _)| *link).collect();
        for link in liars {
            log::warn!("snapshot: other leaves than the coins have link={}", link.0);
            self.punish(link, PeerFault::Snapshot(SnapshotFault::Root(digest)), out);
        }
    }

    /// Whether a manifest is of use: its block is on the chain of headers and deep enough. An error: the headers refute it.
    pub(super) fn judge_manifest(&self, manifest: &Manifest) -> Result<Result<bool, SnapshotFault>, StoreError> {
        let Some((files, joiner)) = self.files.as_ref().zip(self.joiner.as_ref()) else { return Ok(Ok(false)) };
        let Some(row) = files.headers.header(&manifest.block())? else { return Ok(Ok(false)) };
        if row.header.height != manifest.height() {
            return Ok(Err(SnapshotFault::Height(manifest.height())));
        }
        if let Err(fault) = manifest.check_pieces() {
            return Ok(Err(fault));
        }
        let is_deep = match joiner.depth {
            Some(Depth::UpTo(most)) => manifest.height() <= most,
            Some(Depth::Block(block)) => manifest.block() == block,
            Some(Depth::Nowhere) | None => false,
        };
        if row.status != BlockStatus::Applied || !is_deep {
            return Ok(Ok(false));
        }
        let above = manifest.height().checked_add(1);
        let Some(next) = above.map(|height| files.headers.applied_at(height)).transpose()?.flatten() else {
            return Ok(Ok(false));
        };
        let digest = next.header.state_digest;
        Ok(if next.header.previous != manifest.block() {
            Ok(false)
        } else if manifest.digest() != digest {
            Err(SnapshotFault::Root(digest))
        } else {
            Ok(true)
        })
    }

    /// Whether a manifest's block is on the chain of headers.
    fn is_of_chain(&self, manifest: &Manifest) -> Result<bool, StoreError> {
        let Some(files) = &self.files else { return Ok(false) };
        let row = files.headers.applied_at(manifest.height())?;
        Ok(row.is_some_and(|row| row.hash == manifest.block()))
    }

    /// The blocks whose snapshots peers offer, but for one.
    pub(super) fn choices(&self, but: Option<Hash>) -> Vec<Choice> {
        let Some(joiner) = &self.joiner else { return Vec::new() };
        let mut choices: BTreeMap<Hash, Choice> = BTreeMap::new();
        for (id, manifest) in self.offers(joiner).filter(|(_, one)| Some(one.block()) != but) {
            let (block, height, bytes) = (manifest.block(), manifest.height(), manifest.bytes());
            let choice = choices.entry(block).or_insert(Choice { block, height, bytes, peers: 0 });
            choice.bytes = choice.bytes.min(bytes);
            choice.peers += self.offering(&id);
        }
        choices.into_values().collect()
    }

    /// The manifests that peers offer and the disk has room for.
    fn offers<'a>(&'a self, joiner: &'a Joiner) -> impl Iterator<Item = (Hash, &'a Manifest)> {
        let most = joiner.offered.most_bytes.unwrap_or(u64::MAX);
        let offered = joiner.offered.by_id.iter().map(|(id, manifest)| (*id, manifest));
        offered.filter(move |(id, one)| one.bytes() <= most && self.offering(id) > 0)
    }

    pub(super) fn offering(&self, id: &Hash) -> usize {
        self.peers.values().filter(|peer| !peer.closing && peer.offers == Some(*id)).count()
    }

    /// The manifest to fetch by: of the chosen block, that which has failed the least, which most offer, the smallest.
    pub(super) fn best_offer(&self, now: Time) -> Option<Manifest> {
        let joiner = self.joiner.as_ref()?;
        let block = joiner.trials.choose(now, &self.choices(None))?;
        let rank =
            |(id, one): &(Hash, &Manifest)| (joiner.contest.failures(id), Reverse(self.offering(id)), one.bytes(), *id);
        self.offers(joiner).filter(|(_, one)| one.block() == block).min_by_key(rank).map(|(_, one)| one.clone())
    }
}
