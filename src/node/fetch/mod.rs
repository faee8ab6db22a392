//! The `fetch` role: bodies.
//!
//! `headers` says which blocks are wanted (`Want`); this role asks for them over all peers at once, each within its
//! window, and passes what arrives to `verify`. Every request ends in exactly one way: the block, `Absent`, a timeout, or
//! the loss of the link. Blocks that were not requested wait here until `headers` has judged their header.

mod announced;
mod arrivals;
mod body_size;
mod candidates;
mod compact;
mod echoes;
mod keeping;
mod notices;
mod offered;
mod past;
mod past_blocks;
mod pipe;
mod pursuit;
mod questions;
mod rebuild;
mod silence;
mod sources;
mod stall_clock;
#[cfg(test)]
mod tests;
mod watch;
mod window;

use std::{collections::VecDeque, sync::Arc, time::Duration};

use crate::{
    base::{
        hash::Hash,
        ids::{LinkId, Ticket},
        limits::{ABSENT_RETRY, BLOCKS_IN_FLIGHT, FETCH_BYTES, GATHER_PEERS, GATHER_TIME, scaled},
        rng::Rng,
        time::{Now, Time},
    },
    node::{
        Bringing, CloseReason, Input, Outbox, PeerFault, PeerLink, Role, Setup,
        command::{FetchCommand, Reply},
        hindrance_reporter::HindranceReporter,
        notice::{CheckedTransactions, ToFetch, ToHeaders},
        recent::Recent,
        report::Counter,
    },
    wire::{
        frame::Frame,
        message::{Kind, Message},
    },
};

use announced::AnnouncedBlocks;
use body_size::BodySize;
use candidates::Candidates;
use echoes::Bodies;
use offered::{Offers, Submitted};
use past::Past;
use rebuild::Remembered;
use sources::{BodySources, Choice, Whereabouts};
use stall_clock::StallClock;
use window::Window;

/// Blocks that the ledger took last and that are remembered, so that their echo from other peers is recognized.
const RECENT_BLOCKS: usize = 1024;
/// How many blocks further up are looked at when the peers that have the lowest one are busy.
const BUSY_LOOKAHEAD: usize = 16;
/// How many blocks are taken between two notices of progress to `headers`.
const FETCHED_STEP: u32 = 64;
/// Shortest time between two notices that blocks come at all.
const DELIVERED_INTERVAL: Duration = Duration::from_secs(1);

/// Counts requests by how they ended. These and the open requests add up to all requests.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Completions {
    /// Requests sent.
    pub asked: u64,
    /// Answered with the block.
    pub blocks: u64,
    /// Answered with `Absent`.
    pub absent: u64,
    /// Not answered in time.
    pub timeouts: u64,
    /// Open when the link went.
    pub lost: u64,
}

impl Completions {
    /// Requests that have not ended.
    fn open(&self) -> usize {
        let ended = self.blocks + self.absent + self.timeouts + self.lost;
        usize::try_from(self.asked - ended).unwrap_or(usize::MAX)
    }
}

/// The `fetch` role.
pub struct Fetch {
    window: Window,
    candidates: Candidates,
    past: Past,
    peers: BodySources,
    offers: Offers,
    /// Proposed blocks, the oldest first: with the verifier or the ledger.
    proposed: VecDeque<Hash>,
    submitted: Submitted,
    recent: Recent,
    bodies: Bodies,
    watch: StallClock,
    /// What is in the mempool, shared with the verifier.
    checked: Arc<CheckedTransactions>,
    /// What lately was.
    remembered: Remembered,
    announced: AnnouncedBlocks,
    completions: Completions,
    /// Bytes of bodies that may be between arrival and ledger.
    budget: usize,
    size: BodySize,
    /// The height told with the last `Fetched`.
    fetched: Option<u32>,
    /// When `Delivered` was told since the last `Want`.
    delivered: Option<Time>,
    /// Peers that a large download waits for at the start, and until when.
    gather: usize,
    gather_until: Option<Time>,
    told: HindranceReporter,
    /// What `peers` knows of blocks that no peer keeps.
    told_lacking: Option<u32>,
    now: Time,
}

impl Fetch {
    /// A role that has heard nothing yet.
    pub fn new(setup: &Setup, _rng: Rng) -> Self {
        let gather = if setup.kept() == 0 { GATHER_PEERS } else { setup.kept().min(GATHER_PEERS) };
        Self {
            window: Window::default(),
            candidates: Candidates::default(),
            past: Past::default(),
            peers: BodySources::default(),
            offers: Offers::default(),
            proposed: VecDeque::new(),
            submitted: Submitted::default(),
            recent: Recent::new(RECENT_BLOCKS),
            bodies: Bodies::new(RECENT_BLOCKS),
            watch: StallClock::default(),
            checked: Arc::default(),
            remembered: Remembered::default(),
            announced: AnnouncedBlocks::default(),
            completions: Completions::default(),
            budget: scaled(FETCH_BYTES, setup.memory_percent, 100),
            size: BodySize::default(),
            fetched: None,
            delivered: None,
            gather,
            gather_until: None,
            told: HindranceReporter::default(),
            told_lacking: None,
            now: Time(0),
        }
    }

    /// How requests ended so far.
    pub fn completions(&self) -> Completions {
        self.completions
    }

    fn on_link(&mut self, now: Time, event: PeerLink<Bringing>, out: &mut Outbox) {
        match event {
            PeerLink::Own(Bringing(link)) => self.peers.brings(now, link),
            PeerLink::Up { link, peer } => {
                let at = Whereabouts { node: peer.node, address: peer.listens.unwrap_or(peer.remote) };
                self.peers.insert(now, link, (peer.height, peer.services), at);
                self.gather_until.get_or_insert(now + GATHER_TIME);
                self.window.resume(now, true);
                self.past.window.resume(now, true);
            }
            PeerLink::Frame { link, frame } => self.on_message(now, link, frame, out),
            PeerLink::Closed { link, reason } => {
                if matches!(reason, CloseReason::Fault(_)) {
                    self.peers.stalled(now, link);
                }
                self.lose(link, out);
                self.lose_teller(now, link, out);
            }
        }
    }

    fn on_message(&mut self, now: Time, link: LinkId, frame: Frame, out: &mut Outbox) {
        if self.peers.get(link).is_none_or(|peer| peer.closing) {
            return;
        }
        if frame.kind == Kind::Block {
            self.take_block(now, link, frame, out);
            return;
        }
        match frame.open() {
            Ok(Message::Absent(hash)) => self.take_absent(now, link, &hash, out),
            Ok(Message::BlockHeader(header)) => self.take_header(now, link, *header, out),
            Ok(Message::CompactBlock(compact)) => self.take_compact(now, link, compact, out),
            Ok(Message::BlockTransactions(hash, transactions)) => {
                self.take_transactions(now, link, (hash, transactions.into_vec()), out);
            }
            Ok(other) => self.punish(link, PeerFault::Unexpected(other.kind()), out),
            Err(fault) => self.punish(link, fault.into(), out),
        }
    }

    fn on_command(&mut self, now: Time, ticket: Ticket, command: FetchCommand, out: &mut Outbox) {
        match command {
            FetchCommand::Deliveries => out.reply(ticket, Reply::Deliveries(self.peers.deliveries())),
            FetchCommand::SubmitBlock(bytes) => self.submit(now, ticket, bytes, out),
        }
    }

    /// What the time, or any input, may call for. What is overdue comes first: a peer that is closed for it leaves its
    /// requests to the others at once.
    fn on_wake(&mut self, now: Time, out: &mut Outbox) {
        self.expire(now, out);
        self.watch(now, out);
        self.watch_announced(now, out);
        self.watch_candidates(now, out);
        self.pump(now, out);
        self.pump_candidates(now, out);
        self.pump_past(now, out);
        self.tell_progress(out);
    }

    fn take_absent(&mut self, now: Time, link: LinkId, hash: &Hash, out: &mut Outbox) {
        let Some(peer) = self.peers.get_mut(link) else { return };
        if let Some(height) = self.window.height_of(hash) {
            peer.denies(height);
        }
        if let Some(request) = peer.complete(hash) {
            self.completions.absent += 1;
            if let Some(window) = self.window_of(hash) {
                window.in_vain(hash, link, Some(now));
            }
            // That it has headers does not mean that it keeps old blocks.
            if self.past.window.height_of(hash).is_none() {
                out.tell(ToHeaders::Denied { link, hash: *hash, asked: request.sent });
            }
        } else if !peer.explain_late(hash) {
            self.punish(link, PeerFault::Unexpected(Kind::Absent), out);
        }
    }

    /// The link is gone: all that was asked of it is asked elsewhere.
    fn lose(&mut self, link: LinkId, out: &mut Outbox) {
        let Some(peer) = self.peers.remove(link) else { return };
        for request in peer.requests() {
            self.completions.lost += 1;
            if self.window_of(&request.hash).is_some_and(|window| window.forget(&request.hash, link)) {
                out.count(Counter::BlockRequestsReassigned, 1);
            }
        }
    }

    fn punish(&mut self, link: LinkId, fault: PeerFault, out: &mut Outbox) {
        if let Some(peer) = self.peers.get_mut(link) {
            peer.closing = true;
        }
        out.fault(link, fault);
    }

    /// Asks for whatever may be asked for now.
    fn pump(&mut self, now: Time, out: &mut Outbox) {
        self.window.resume(now, false);
        if self.peers.len() == 0 || self.gathers(now) {
            return;
        }
        self.pump_lowest(now, out);
        let mut in_flight = self.completions.open();
        let mut busy = 0;
        // While no peer has room, no peer is looked up for the next blocks: with small blocks the look-ups took half of
        // this role's time.
        while in_flight < BLOCKS_IN_FLIGHT && busy < BUSY_LOOKAHEAD && self.peers.has_room() {
            let Some(height) = self.window.to_ask().nth(busy) else { return };
            let next = height == self.window.base();
            if !next && !self.has_room_for_more(in_flight) {
                return;
            }
            let Some(slot) = self.window.slot(height) else { return };
            match self.peers.choose(height, slot, false, None) {
                Choice::Ask(link) => {
                    self.ask(now, height, link, out);
                    in_flight += 1;
                }
                Choice::Busy => busy += 1,
                Choice::Nobody => self.window.pause(height, now + ABSENT_RETRY),
            }
        }
    }

    /// Asks for the block that the ledger waits for if nobody is asked for it, also a peer that is busy with others.
    fn pump_lowest(&mut self, now: Time, out: &mut Outbox) {
        let base = self.window.base();
        let Some(slot) = self.window.slot(base).filter(|_| self.window.to_ask().next() == Some(base)) else { return };
        if let Choice::Ask(link) = self.peers.choose(base, slot, true, None) {
            self.ask(now, base, link, out);
        }
    }

    /// Whether memory has room for one more body beside those that are here and those that are asked for. Each counts as often as
    /// it is asked for.
    fn has_room_for_more(&self, in_flight: usize) -> bool {
        self.size.fits(self.budget, self.held(), in_flight)
    }

    fn ask(&mut self, now: Time, height: u32, link: LinkId, out: &mut Outbox) {
        let Some(slot) = self.window.slot(height) else { return };
        let (hash, is_owed) = (slot.hash, !slot.asked.is_empty());
        self.window.asked(height, link);
        self.send_request(now, link, hash, is_owed, out);
    }

    /// `is_owed`: another peer owes the block to the same window.
    fn send_request(&mut self, now: Time, link: LinkId, hash: Hash, is_owed: bool, out: &mut Outbox) {
        // A candidate may have become the best chain a moment ago, and an announced block wanted.
        let was_wanted = !self.candidates.list().is_empty() || self.announced.was_asked_whole(&hash);
        if is_owed || was_wanted && self.peers.owe(&hash) {
            out.count(Counter::BlockRequestsReassigned, 1);
        }
        self.peers.ask(link, hash, now);
        self.completions.asked += 1;
        out.send(link, &Message::GetBlock(hash));
    }

    /// When the first open request times out. A synced node has none open, and many peers.
    fn next_timeout(&self) -> Option<Time> {
        if self.completions.open() == 0 { None } else { self.peers.next_timeout() }
    }

    /// Tells `headers` how far the bodies are, now and then and at the end.
    fn tell_progress(&mut self, out: &mut Outbox) {
        let height = self.window.base().saturating_sub(1);
        let due = match self.fetched {
            None => self.window.base() > 0,
            Some(told) => {
                height < told
                    || height >= told.saturating_add(FETCHED_STEP)
                    || (height > told && self.window.is_empty())
            }
        };
        if due {
            self.fetched = Some(height);
            out.tell(ToHeaders::Fetched { height });
        }
    }
}

impl Role for Fetch {
    type Input = Input<PeerLink<Bringing>, ToFetch, FetchCommand>;

    fn handle(&mut self, now: Now, input: Self::Input, out: &mut Outbox) {
        self.now = now.mono;
        match input {
            Input::Link(event) => self.on_link(now.mono, event, out),
            Input::Notice(notice) => self.on_notice(notice, out),
            Input::Command(ticket, command) => self.on_command(now.mono, ticket, command, out),
            Input::Start | Input::Wake | Input::Stop => {}
        }
        self.peers.best = self.window.end().saturating_sub(1);
        self.on_wake(now.mono, out);
        self.report_missing_history(now, out);
    }

    fn deadline(&self) -> Option<Time> {
        let gather = self.gather_until.filter(|_| self.gathers(self.now));
        let resumes = [self.window.next_resume(), self.past.window.next_resume()];
        let timeouts = [self.next_timeout(), self.submitted.next_timeout()].into_iter().chain(resumes);
        let candidates = [self.candidates.next_resume(), self.candidates_deadline(), self.announced.deadline()];
        timeouts.chain([gather, self.watch_deadline()]).chain(candidates).flatten().min()
    }
}
