//! Networks in which nodes keep only their last blocks: nobody lets go of more than it may or says that it has what it let go of, nobody
//! asks a peer for a body that it has said it does not have, and who lacks what no peer keeps, or is shown a chain that leaves below
//! what it keeps, is told so.

use std::{collections::BTreeMap, time::Duration};

use crate::{
    base::{bytes::Bytes, hash::Hash, ids::LinkId, time::Time},
    chain::{
        archive::{BlockStatus, Keep, LedgerStore, StoreError},
        block::HashedBlock,
        snapshot::JoinState,
    },
    node::{SyncState, hindrance::HindranceId},
    sim::world::World,
    wire::{
        frame::Frame,
        message::{Kind, Message},
    },
};

/// How long a node may not know that no peer keeps what it lacks: it fetches the headers first, and what peers keep above.
const PATIENCE: Duration = Duration::from_secs(60);

/// How long after a block is gone a node may still say to new peers that it has it.
const TELLING: Duration = Duration::from_secs(15);

/// Why a node cannot follow a peer's chain.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Unreachable {
    /// The peer has let go of a body that it lacks.
    Pruned,
    /// It leaves the node's own chain below what the node keeps.
    TooDeep,
}

/// What the checker remembers.
#[derive(Debug, Default)]
pub(in crate::sim) struct Kept {
    /// Nodes that cannot follow the chain of a connected honest peer, why, and since when none can be followed.
    pub(super) unreachable: BTreeMap<usize, (Unreachable, Time)>,
    /// The bodies of all blocks that a node has applied, where nodes let go of some.
    pub(super) bodies: BTreeMap<Hash, Bytes>,
    /// From which height on each node kept blocks when it was looked at, now and a while ago.
    lowest: BTreeMap<usize, [(Time, u32); 2]>,
}

impl Kept {
    /// Whether the node is shown a chain that it cannot follow: that is told apart from its state.
    pub(super) fn is_too_deep(&self, node: usize) -> bool {
        self.unreachable.get(&node).is_some_and(|(why, _)| *why == Unreachable::TooDeep)
    }
}

impl World {
    /// Keeps the bodies of blocks that a node has just applied.
    pub(in crate::sim) fn note_bodies(&mut self, node: usize, blocks: &[(Hash, u32)]) {
        if self.options.pruned == 0 {
            return;
        }
        for (hash, _) in blocks {
            if let Ok(Some(body)) = self.nodes[node].disk.read(|ledger| ledger.body(hash)) {
                self.checkers.kept.bodies.entry(*hash).or_insert(body);
            }
        }
    }

    /// Keeps the bodies of the blocks from before the run.
    pub(in crate::sim) fn note_history(&mut self, blocks: Vec<HashedBlock>) {
        if self.options.pruned > 0 {
            self.checkers.kept.bodies.extend(blocks.into_iter().map(|block| (block.hash, block.bytes)));
        }
    }

    /// Looks whether each node has all that it is to keep.
    pub(super) fn check_kept(&mut self) {
        if self.options.pruned == 0 {
            return;
        }
        for node in 0..self.options.nodes {
            let lowest = self.lowest_kept(node);
            let seen = self.checkers.kept.lowest.entry(node).or_insert([(self.now, lowest); 2]);
            if self.now.since(seen[1].0) >= TELLING {
                *seen = [seen[1], (self.now, lowest)];
            }
            if let Some(what) = self.keeps_too_little(node, lowest) {
                return self.fail("kept", Some(node), what);
            }
        }
    }

    /// The lowest height from which on a node keeps blocks.
    fn lowest_kept(&self, node: usize) -> u32 {
        let read = |ledger: &dyn LedgerStore| (ledger.kept_from(), ledger.join_state() == Ok(JoinState::Joining));
        let (kept_from, is_joining) = self.nodes[node].disk.read(read);
        // Until it has its coins, a node says that it is at genesis, and has all blocks up to there.
        if is_joining { 1 } else { kept_from }
    }

    fn keeps_too_little(&self, node: usize, lowest: u32) -> Option<String> {
        let tip = self.nodes[node].disk.read(|ledger| ledger.tip()).ok()?;
        let wanted = match self.options.kept_by(node) {
            Keep::Blocks(blocks) => tip.height.saturating_add(1).saturating_sub(blocks).max(1),
            Keep::All | Keep::Bytes(_) => 1,
        };
        // A node that joins has no older blocks than those above its snapshot.
        let is_too_little = lowest > wanted && self.options.joiner() != Some(node);
        is_too_little.then(|| {
            format!("keeps blocks from {lowest} on, and is to keep those from {wanted} on: its tip is {}", tip.height)
        })
    }

    /// At the end: each block that a node says it keeps is there, and can be undone.
    pub(super) fn check_kept_blocks(&mut self) {
        let nodes = if self.options.pruned == 0 { 0..0 } else { 0..self.options.nodes };
        for node in nodes {
            if let Err(what) = self.nodes[node].disk.read(look_at_blocks) {
                return self.fail("kept", Some(node), what);
            }
        }
    }

    /// A node says to a peer from which height on it keeps blocks; 0: all.
    pub(super) fn check_stated(&mut self, peer: usize, stated: u32) {
        let seen = self.checkers.kept.lowest.get(&peer);
        let Some([(at, before), (_, then)]) = seen.filter(|_| self.is_honest(peer)) else { return };
        // A node that has verified the history of its snapshot keeps more than before.
        let lowest = (*before).min(*then).min(self.lowest_kept(peer));
        if self.now.since(*at) >= TELLING && stated.max(1) < lowest {
            let what = format!("says that it keeps blocks from {stated} on, and has had none below {lowest} for long");
            self.fail("kept", Some(peer), what);
        }
    }

    /// A node asks a peer for something.
    pub(super) fn check_asked(&mut self, node: usize, link: LinkId, frame: &Frame) {
        let life = self.nodes[node].life.as_ref().filter(|_| self.is_honest(node) && frame.kind == Kind::GetBlock);
        let Some(from) = life.and_then(|life| life.watch.stated.get(&link).copied()).filter(|from| *from > 0) else {
            return;
        };
        let Ok(Message::GetBlock(hash)) = frame.open() else { return };
        let height = self.header_at(node, &hash).map(|header| header.height);
        if let Some(height) = height.filter(|height| *height < from) {
            let what =
                format!("asks for the body of block {height} a peer that has said that it has none below {from}");
            self.fail("kept", Some(node), what);
        }
    }

    /// Whether a node can follow the chain of a peer up to this block, if nodes keep only a part.
    pub(super) fn is_unreachable(&self, node: usize, peer: usize, tip: &Hash) -> Option<Unreachable> {
        if self.options.pruned == 0 {
            return None;
        }
        let is_applied =
            |ledger: &dyn LedgerStore, hash: &Hash| ledger.status_of(hash) == Ok(Some(BlockStatus::Applied));
        let mut hash = *tip;
        let mut is_pruned = false;
        while !self.nodes[node].disk.read(|ledger| is_applied(ledger, &hash)) {
            let row = self.nodes[peer].disk.read(|ledger| ledger.header(&hash)).ok()??;
            let has_body = |at: usize| self.nodes[at].disk.read(|ledger| matches!(ledger.body(&hash), Ok(Some(_))));
            is_pruned |= !has_body(peer) && !has_body(node);
            hash = row.header.previous;
        }
        let fork = self.header_at(node, &hash)?.height;
        let lowest = self.nodes[node].disk.read(|ledger| ledger.replaceable_from()).ok()?;
        if fork + 1 < lowest {
            return Some(Unreachable::TooDeep);
        }
        is_pruned.then_some(Unreachable::Pruned)
    }

    /// Notes who cannot follow any chain with more work that a connected honest peer has: it must come to know, and must not say
    /// that it is synced for want of a body.
    pub(super) fn check_told(&mut self, found: BTreeMap<usize, Unreachable>, followed: impl Fn(usize) -> bool) {
        let before = std::mem::take(&mut self.checkers.kept.unreachable);
        for (node, why) in found {
            // Where a chain can be followed, that comes first. A peer of unknown mind may have the body.
            let is_open = why == Unreachable::Pruned && self.has_other_source(node);
            let since = before.get(&node).filter(|(other, _)| *other == why && !is_open && !followed(node));
            let since = since.map_or(self.now, |(_, since)| *since);
            self.checkers.kept.unreachable.insert(node, (why, since));
            let view = &self.nodes[node].view;
            let is_told = |id| view.hindrances.contains(&id);
            let what = match why {
                _ if self.now.since(since) <= PATIENCE => continue,
                Unreachable::Pruned if view.state == SyncState::Synced => "is synced without bodies that no peer keeps",
                Unreachable::Pruned if !is_told(HindranceId::HistoryMissing) => {
                    "is not told that no peer keeps what it lacks"
                }
                Unreachable::TooDeep if !is_told(HindranceId::BranchTooDeep) => {
                    "is not told of a chain that it cannot follow"
                }
                _ => continue,
            };
            let what = format!("{what}: {} ({})", view.state, view.reason);
            self.fail("kept", Some(node), what);
        }
    }

    /// Whether the node has a peer that may have the next body: one that keeps it, or one that lies about that.
    fn has_other_source(&self, node: usize) -> bool {
        let Some(life) = &self.nodes[node].life else { return true };
        let Some(next) = self.nodes[node].view.tip.as_ref().map(|tip| tip.height + 1) else { return true };
        let from = |link: &LinkId| life.watch.stated.get(link).copied().unwrap_or_default();
        life.sockets.keys().filter(|link| life.endpoint.is_up(**link)).any(|link| from(link) <= next)
    }
}

/// What is wrong with the blocks that a ledger keeps.
fn look_at_blocks(ledger: &dyn LedgerStore) -> Result<(), String> {
    let failed = |error: StoreError| error.to_string();
    if ledger.join_state() == Ok(JoinState::Joining) {
        return Ok(());
    }
    for height in ledger.kept_from().max(1)..=ledger.tip().map_err(failed)?.height {
        let row = ledger.applied_at(height).map_err(failed)?;
        let row = row.ok_or_else(|| format!("block {height} of its chain is missing"))?;
        let changes = ledger.changes_of(height, &row.hash);
        changes.map_err(|error| format!("block {height}, which it keeps, cannot be undone: {error}"))?;
    }
    Ok(())
}
