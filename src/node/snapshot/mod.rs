//! The `snapshot` role: makes snapshots of the coins and serves them, and joins with those of others.
//!
//! A node that joins knows all headers. The header above a block commits to the 64 leaves of the state digest after it, so a
//! manifest is proven before a piece is asked for, and each bucket once its pieces are here. What no header proves is that
//! the coins are no more than the rules allow: for that vouches the work, or the seals, above the block.

mod choosing;
mod contest;
mod elsewhere;
mod fetching;
mod joiner;
mod joining;
mod lacking;
mod looking;
mod maker;
mod making;
mod offered;
mod peer;
mod plan;
mod rivals;
mod seeking;
mod served;
mod serving;
#[cfg(test)]
mod tests;
mod trials;

use std::{collections::BTreeMap, sync::Arc, time::Duration};

use crate::{
    base::{
        ids::LinkId,
        limits::{MANIFEST_TIMEOUT, PIECE_HEDGE, PIECE_STALL, PIECES_IN_FLIGHT, scaled},
        time::{Now, Time},
    },
    chain::{
        archive::{HeaderArchive, StoreError},
        snapshot::SnapshotStore,
        spec::ChainSpec,
    },
    node::{
        HindranceReporter, Input, Join, Nothing, Outbox, PeerFault, PeerLink, Role, Setup,
        hindrance::HindranceId,
        notice::ToSnapshot,
        snapshot::{joiner::Joiner, maker::Maker, peer::Peer, seeking::Seeking, served::Served},
    },
    wire::{frame::Frame, message::Message},
};

/// Time until the next bucket is checked: other events have their turn.
const CHECK_AFTER: Duration = Duration::from_micros(1);

/// What the role keeps on disk.
struct Files {
    store: Box<dyn SnapshotStore>,
    headers: Box<dyn HeaderArchive>,
}

/// The `snapshot` role.
pub struct Snapshot {
    spec: Arc<ChainSpec>,
    /// Blocks between two snapshots; `None`: it makes and serves none.
    interval: Option<u32>,
    /// Blocks above a snapshot with which newcomers are thought to join.
    depth: u32,
    join: Join,
    files: Option<Files>,
    /// Pieces that all peers together may be asked for.
    most_open: usize,
    peers: BTreeMap<LinkId, Peer>,
    maker: Maker,
    served: Served,
    joiner: Option<Joiner>,
    seeking: Seeking,
    told: HindranceReporter,
    final_height: Option<u32>,
    /// The ledger has all blocks from this height on.
    kept_from: u32,
    /// The chain of headers has moved since the plan was last compared with it.
    has_moved: bool,
    /// The ledger's first move was heard.
    has_begun: bool,
    now: Time,
}

impl Snapshot {
    /// A role that has heard nothing yet.
    pub fn new(setup: &Setup, stores: Option<(Box<dyn SnapshotStore>, Box<dyn HeaderArchive>)>) -> Self {
        Self {
            spec: setup.spec.clone(),
            interval: setup.serve_snapshots,
            depth: setup.snapshot_depth,
            join: setup.join.unwrap_or_default(),
            files: stores.map(|(store, headers)| Files { store, headers }),
            most_open: scaled(PIECES_IN_FLIGHT, setup.memory_percent, 100).max(2),
            peers: BTreeMap::new(),
            maker: Maker::default(),
            served: Served::default(),
            joiner: None,
            seeking: Seeking::default(),
            told: HindranceReporter::default(),
            final_height: None,
            kept_from: 1,
            has_moved: false,
            has_begun: false,
            now: Time(0),
        }
    }

    fn on_link(&mut self, now: Time, event: PeerLink, out: &mut Outbox) -> Result<(), StoreError> {
        match event {
            PeerLink::Up { link, peer } => {
                self.peers.insert(link, Peer::new(now, &peer));
                Ok(())
            }
            PeerLink::Frame { link, frame } => self.on_message(now, link, &frame, out),
            PeerLink::Closed { link, .. } => self.forget(link),
        }
    }

    fn on_message(&mut self, now: Time, link: LinkId, frame: &Frame, out: &mut Outbox) -> Result<(), StoreError> {
        if self.peers.get(&link).is_none_or(|peer| peer.closing) {
            return Ok(());
        }
        match frame.open() {
            Ok(Message::GetSnapshot { block, most }) => self.serve_manifest(now, link, block, most, out),
            Ok(Message::GetPiece(block, number)) => self.serve_piece(now, link, block, number, out),
            Ok(Message::Snapshot(bytes)) => return self.take_manifest(now, link, &bytes, out),
            Ok(Message::Piece { block, number, bytes }) => {
                return self.take_piece(now, link, (block, number), &bytes, out);
            }
            Ok(other) => self.punish(link, PeerFault::Unexpected(other.kind()), out),
            Err(fault) => self.punish(link, fault.into(), out),
        }
        Ok(())
    }

    fn on_notice(&mut self, now: Time, notice: ToSnapshot, out: &mut Outbox) -> Result<(), StoreError> {
        match notice {
            ToSnapshot::Joining => {
                let staged = self.files.as_mut().map_or(Ok(None), |files| files.store.staged())?;
                // What an earlier run has begun to fetch was deep enough for whoever started that one.
                let reaches = staged.as_ref().filter(|_| self.join.goes_on).map(|staged| staged.manifest.height());
                self.joiner = Some(Joiner { reaches, ..Joiner::new(self.join, staged) });
            }
            ToSnapshot::ChainMoved(moved) => {
                self.has_moved = true;
                if self.joiner.is_none() {
                    self.maker.tip = Some((moved.tip.height, moved.tip.hash));
                    self.begin_with_coins()?;
                }
            }
            ToSnapshot::HeadersKnown { height, .. } => self.take_headers(height)?,
            ToSnapshot::State(state) => self.maker.state = state,
            ToSnapshot::Final { height, .. } => self.take_final(height)?,
            ToSnapshot::Adopting { done, all } => self.take_adopting(done, all),
            ToSnapshot::Adopted(result) => self.take_adopted(now, result, out)?,
            ToSnapshot::KeptFrom(height) => self.kept_from = height,
        }
        Ok(())
    }

    /// The ledger has coins. What an earlier run had fetched when it was killed is either those, or of no use.
    fn begin_with_coins(&mut self) -> Result<(), StoreError> {
        let Some(files) = self.files.as_mut().filter(|_| !std::mem::replace(&mut self.has_begun, true)) else {
            return Ok(());
        };
        let Some(staged) = files.store.staged()? else { return Ok(()) };
        let above = files.headers.applied_at(staged.manifest.height().saturating_add(1))?;
        let is_right = above.is_some_and(|row| {
            row.header.previous == staged.manifest.block() && row.header.state_digest == staged.manifest.digest()
        });
        let is_whole = staged.here.iter().all(|here| *here);
        if self.interval.is_some() && is_whole && is_right { files.store.keep_staged() } else { files.store.discard() }
    }

    fn punish(&mut self, link: LinkId, fault: PeerFault, out: &mut Outbox) {
        if let Some(peer) = self.peers.get_mut(&link) {
            (peer.closing, peer.offers) = (true, None);
        }
        out.fault(link, fault);
    }

    fn on_wake(&mut self, now: Time, out: &mut Outbox) -> Result<(), StoreError> {
        self.release_held(now);
        self.make(now, out);
        self.go_on(now, out)?;
        self.look_elsewhere(now, out);
        Ok(())
    }
}

impl Role for Snapshot {
    type Input = Input<PeerLink, ToSnapshot, Nothing>;

    fn handle(&mut self, now: Now, input: Self::Input, out: &mut Outbox) {
        self.now = now.mono;
        let done = match input {
            Input::Link(event) => self.on_link(now.mono, event, out),
            Input::Notice(notice) => self.on_notice(now.mono, notice, out),
            Input::Start | Input::Wake => Ok(()),
            Input::Stop => return,
        };
        if let Err(error) = done.and_then(|()| self.on_wake(now.mono, out)) {
            log::error!("store error=\"{error}\"");
            out.halt(error);
        }
        self.told.replace(now.unix, [(HindranceId::NoSnapshot, self.lacks_snapshot())], out);
    }

    fn deadline(&self) -> Option<Time> {
        let again = self.due().map(|_| self.maker.not_before).filter(|at| *at > self.now);
        let making = self.maker.deadline().or(again);
        let Some(joiner) = &self.joiner else { return making };
        let check = joiner.plan.as_ref().filter(|plan| plan.has_unchecked()).map(|_| self.now + CHECK_AFTER);
        let planned = joiner.plan.as_ref().map(|plan| plan.id);
        let of_peer = |peer: &Peer| {
            let asked = peer.asked.map(|at| at + MANIFEST_TIMEOUT);
            let again = Some(peer.again_at).filter(|_| peer.is_to_be_asked(planned));
            let patience = |number| joiner.plan.as_ref().and_then(|plan| plan.patience_alone(number));
            let requests = peer
                .open
                .iter()
                .flat_map(|one| [one.sent + patience(one.number).unwrap_or(PIECE_HEDGE), one.sent + PIECE_STALL]);
            [asked, again, peer.next_late()].into_iter().flatten().chain(requests).filter(|at| *at > self.now).min()
        };
        let peers = self.peers.values().filter(|peer| !peer.closing).filter_map(of_peer);
        let sought = self.seeking.deadline().filter(|at| *at > self.now);
        peers.chain(making).chain(check).chain(joiner.deadline(self.now)).chain(sought).min()
    }
}
