//! The `headers` role: which chain of headers is the best, and what the node's state is.
//!
//! It asks peers for headers and answers theirs, validates what comes, has it stored (`StoreHeaders` to `ledger`), tells
//! `fetch` which bodies are wanted (`Want`), judges the headers of blocks that were not requested, and owns the one
//! [`SyncState`] of the node. All it knows about the applied chain comes from `ChainMoved` and the archive.

mod again;
mod ahead;
mod candidates;
mod certificates;
mod certified;
mod choice;
mod clock;
mod departed;
mod header_node;
mod ignored;
mod index;
mod joiner;
mod joining;
mod latest_time;
mod ledger_news;
mod locator;
mod offered;
mod overdue;
mod pace;
mod passing;
mod peer_clocks;
mod promises;
mod pursuit;
mod questions;
mod resting;
mod rivals;
mod rounds;
mod skeleton;
mod skeleton_answers;
mod span;
mod state;
mod steps;
mod syncnode;
#[cfg(test)]
mod tests;
mod too_deep;
mod unkept;
mod unproven;
mod validate;
mod view;
mod withheld;

use std::{collections::BTreeMap, sync::Arc};

use crate::{
    base::{
        hash::Hash,
        ids::LinkId,
        limits::{UNPROVEN_BRANCHES, UNPROVEN_INTERVAL},
        rng::Rng,
        time::{Now, Time},
    },
    chain::{
        archive::{HeaderArchive, HeaderRow, StoreError},
        spec::ChainSpec,
        target::Work,
    },
    node::{
        Bringing, Input, Nothing, Outbox, PeerFault, PeerLink, Role, Setup, SyncState,
        headers::{
            candidates::Candidates,
            certificates::Certified,
            clock::ClockJudge,
            header_node::Change,
            index::Index,
            joiner::Joiner,
            latest_time::LatestTime,
            overdue::{Overdue, Withheld},
            passing::Passing,
            skeleton::Skeleton,
            state::{Alone, Machine},
            syncnode::HeaderSources,
            unproven::UnprovenBranch,
        },
        notice::{ToFetch, ToHeaders, ToLedger},
        rate_limit::RateLimit,
    },
    wire::{frame::Frame, message::Message, sync},
};

/// The `headers` role.
pub struct Headers {
    spec: Arc<ChainSpec>,
    rng: Rng,
    /// Given to the index at `Start`.
    archive: Option<Box<dyn HeaderArchive>>,
    index: Option<Index>,
    peers: HeaderSources,
    machine: Machine,
    clock: ClockJudge,
    latest_time: LatestTime,
    /// The ledger has told its tip.
    open: bool,
    /// A peer has answered since there were last none.
    answered: bool,
    /// Up to this height of the best chain `fetch` has all bodies.
    fetched: u32,
    /// When a header or a block last came.
    progress: Time,
    /// Which dial fails, and why.
    dial_error: Option<String>,
    unproven: UnprovenBranch,
    /// How many branches of mere headers may still become the best chain: each is stored.
    adoptions: RateLimit,
    /// Blocks on our tip that went to the ledger past the best chain.
    passing: Passing,
    /// The best chain that the ledger was told of.
    told_best: Option<(u32, Work)>,
    next_poll: Option<Time>,
    best_report: Option<Time>,
    best_changed: bool,
    /// Withheld branches: no peer delivers their blocks, and they do not count for a while.
    withheld: BTreeMap<Hash, Withheld>,
    overdue: Option<Overdue>,
    candidates: Candidates,
    certified: Certified,
    /// The ledger has no coins yet, and follows headers alone.
    joining: Option<Joiner>,
    /// What the sync node says of its chain.
    skeleton: Skeleton,
    /// When the node was last synced with peers, or first as far as one of them.
    synced_at: Option<Time>,
    /// The height of its tip then.
    synced_height: u32,
    /// The time of the last event, for deadlines that have passed and must not come again.
    now: Time,
}

impl Headers {
    /// A role that has heard nothing yet.
    pub fn new(setup: &Setup, archive: Box<dyn HeaderArchive>, rng: Rng) -> Self {
        let alone = match setup {
            Setup { is_bootnode: true, .. } => Alone::Bootnode,
            setup if setup.spec.test && !setup.names_others() => Alone::Lone,
            _ => Alone::Lacking,
        };
        Self {
            machine: Machine::new(alone, setup.spec.instant),
            clock: ClockJudge::new(setup.force_clock, setup.known_time).on_chain(&setup.spec),
            latest_time: LatestTime::default(),
            spec: setup.spec.clone(),
            rng,
            archive: Some(archive),
            index: None,
            peers: HeaderSources::default(),
            open: false,
            answered: false,
            fetched: 0,
            progress: Time(0),
            dial_error: None,
            unproven: UnprovenBranch::default(),
            adoptions: RateLimit::new(Time(0), UNPROVEN_BRANCHES, UNPROVEN_BRANCHES, UNPROVEN_INTERVAL),
            passing: Passing::default(),
            told_best: None,
            next_poll: None,
            best_report: None,
            best_changed: false,
            withheld: BTreeMap::new(),
            overdue: None,
            candidates: Candidates::default(),
            certified: Certified::default(),
            joining: None,
            skeleton: Skeleton::new(sync::round(setup.spec.seal_rules().header_bytes(&setup.spec))),
            synced_at: None,
            synced_height: 0,
            now: Time(0),
        }
    }

    fn on_start(&mut self, out: &mut Outbox) -> Result<(), StoreError> {
        let Some(archive) = self.archive.take() else { return Ok(()) };
        let index = Index::load(archive)?;
        self.fetched = index.applied().height;
        // Headers that were stored and not applied before the last stop: the interrupted sync goes on with them.
        let hashes = index.above(self.fetched);
        log::info!("starts applied={} best={} work={:?}", self.fetched, index.best().height, index.best().work);
        out.tell(ToFetch::Want { fork: self.fetched, above: self.fetched, hashes });
        self.index = Some(index);
        self.best_changed = true;
        Ok(())
    }

    fn on_link(&mut self, now: Now, event: PeerLink<Bringing>, out: &mut Outbox) -> Result<(), StoreError> {
        match event {
            PeerLink::Own(Bringing(link)) => self.peers.brings(now.mono, link),
            PeerLink::Up { link, peer } => self.meet(now, link, peer)?,
            PeerLink::Frame { link, frame } => self.on_message(now, link, &frame, out)?,
            PeerLink::Closed { link, .. } => {
                self.peers.remove(now.mono, link);
                self.candidates.look_again();
                self.answered &= self.peers.len() > 0;
            }
        }
        Ok(())
    }

    fn on_message(&mut self, now: Now, link: LinkId, frame: &Frame, out: &mut Outbox) -> Result<(), StoreError> {
        if self.peers.get_mut(link).is_none_or(|peer| peer.closing) {
            return Ok(());
        }
        match frame.open() {
            Ok(Message::GetSync(locator)) => self.serve(now.mono, link, &locator, out)?,
            Ok(Message::Sync(headers)) => self.take_sync(now, link, headers.into_vec(), out)?,
            Ok(Message::GetSkeleton(from)) => self.serve_skeleton(now.mono, link, &from, out)?,
            Ok(Message::Skeleton(hashes)) => self.take_skeleton(link, &hashes, out),
            Ok(other) => self.punish(link, PeerFault::Unexpected(other.kind()), out),
            Err(fault) => self.punish(link, fault.into(), out),
        }
        Ok(())
    }

    fn on_notice(&mut self, now: Now, notice: ToHeaders, out: &mut Outbox) -> Result<(), StoreError> {
        let Some(notice) = self.unless_resting(notice, out) else { return Ok(()) };
        match notice {
            ToHeaders::PeerTip { link, height, tip } => self.take_claim(now.mono, link, height, tip),
            ToHeaders::PeerClock { link, clock } => {
                self.peers.take_clock(now, link, clock);
                Ok(())
            }
            ToHeaders::Notarised { link, hash, epoch, view, header } => {
                self.take_notarised(now, link, (hash, epoch, view), header.map(|header| *header), out)?;
                self.take_held(now, out)
            }
            ToHeaders::Final { height, hash } => self.take_final(height, hash),
            ToHeaders::DialsFail(error) => {
                self.dial_error = error;
                Ok(())
            }
            ToHeaders::Offered { origin, hash, header } => self.take_offer(now, origin, hash, *header, out),
            ToHeaders::Announced { link, hash, header } => self.take_announced(now, link, hash, *header, out),
            ToHeaders::ChainMoved(moved) => self.take_move(now.mono, &moved, out),
            ToHeaders::Delivered => {
                self.progress = now.mono;
                self.overdue = None;
                self.body_came(now.mono);
                Ok(())
            }
            ToHeaders::Fetched { height } => {
                if height > self.fetched {
                    self.progress = now.mono;
                    self.overdue = None;
                }
                self.fetched = height;
                Ok(())
            }
            ToHeaders::BlocksInvalid { hashes, fault } => self.take_invalid(now.mono, &hashes, &fault, out),
            ToHeaders::BlocksValidAgain(rows) => self.take_valid_again(now.mono, &rows, out),
            ToHeaders::ClockSet => self.clock.expect_step(),
            ToHeaders::Overdue { hash, nowhere } => self.take_overdue(now.mono, hash, nowhere),
            ToHeaders::CandidateTaken { hash } => {
                self.candidates.look_again();
                if let Some(index) = &mut self.index {
                    index.body_is_here(&hash);
                }
                self.reconsider(now.mono, hash, out)
            }
            ToHeaders::Joining => {
                self.begin_joining(out);
                Ok(())
            }
            ToHeaders::Rest => {
                self.rest(out);
                Ok(())
            }
            ToHeaders::JoinProgress(text) => {
                self.progress = now.mono;
                self.joining.iter_mut().for_each(|joining| joining.progress.clone_from(&text));
                Ok(())
            }
            ToHeaders::Joined => self.end_joining(now.mono, out),
            ToHeaders::Denied { link, hash, asked } => {
                self.take_denial(link, &hash, asked, out);
                Ok(())
            }
        }
    }

    /// The best chain is another: tells `fetch`. What is to be stored was told to the ledger before. `news`: its new last
    /// block was offered, so that its body is here.
    fn announce(&mut self, now: Time, change: Option<Change>, news: bool, out: &mut Outbox) -> Result<(), StoreError> {
        let (Some(Change { above: fork, mut hashes }), Some(index)) = (change, &self.index) else { return Ok(()) };
        // Back from a branch that left our chain far below, or on to a candidate: what is here needs no body.
        let here = index.here_among(&hashes)?;
        hashes.drain(..here);
        let above = fork.saturating_add(u32::try_from(here).unwrap_or(u32::MAX));
        self.progress = now;
        self.candidates.look_again();
        let is_here = news && hashes.len() == 1;
        if fork <= self.fetched {
            match hashes.first() {
                Some(_) if is_here && !index.is_tip(&index.best().parent) => {}
                Some(_) if !is_here => {
                    if self.machine.state() != SyncState::Synced {
                        self.leave_branch(now);
                    }
                    self.unproven.replaced();
                }
                _ => self.unproven.delivered(),
            }
            // What is between the two is here.
            self.fetched = above;
        }
        self.best_changed = true;
        if self.joining.is_none() {
            out.tell(ToFetch::Want { fork, above, hashes });
        }
        Ok(())
    }

    /// Takes validated rows: to the ledger first, so that a body that is asked for gets there after its header.
    fn accept(
        &mut self,
        now: Time,
        rows: Vec<HeaderRow>,
        news: bool,
        aside: bool,
        out: &mut Outbox,
    ) -> Result<bool, StoreError> {
        let aside = aside || self.goes_too_deep(&rows)?;
        let Some(index) = &mut self.index else { return Ok(false) };
        let change = index.accept(&rows, aside)?;
        self.candidates.look_again();
        let (best, last) = (change.is_some(), rows.last().map(|row| (row.hash, row.header.height)));
        out.tell(ToLedger::StoreHeaders(rows));
        self.announce(now, change, news, out)?;
        Ok(last.map_or(Ok(false), |last| self.lift(now, last, out))? || best)
    }

    /// What the time, or any input, may call for: questions to peers, the state, the best header's report.
    fn on_wake(&mut self, time: Now, out: &mut Outbox) -> Result<(), StoreError> {
        let now = time.mono;
        if self.rests() {
            self.tell_state(now, out);
            return Ok(());
        }
        self.peers.unrefuse(self.clock.no_earlier_than_known(time), self.spec.parameters.future_limit);
        self.leave_deep_best(now, out)?;
        self.release_due(now, out)?;
        self.release_kept_no_more(now, out)?;
        self.set_overdue_aside(now, out)?;
        self.end_counting(now);
        self.ask_for_missing(now)?;
        self.look_at_finals(time, out)?;
        self.drive(now, out)?;
        self.peers.settle();
        self.look_at_clock(time, out)?;
        self.tell_state(now, out);
        self.note_state(now)?;
        self.tell_headers_known(now, out);
        self.tell_best(out);
        self.tell_candidates(time, out)?;
        self.report_best(now, out);
        Ok(())
    }
}

impl Role for Headers {
    type Input = Input<PeerLink<Bringing>, ToHeaders, Nothing>;

    fn handle(&mut self, now: Now, input: Self::Input, out: &mut Outbox) {
        self.now = now.mono;
        let done = match input {
            Input::Start => self.on_start(out),
            Input::Link(event) => self.on_link(now, event, out),
            Input::Notice(notice) => self.on_notice(now, notice, out),
            Input::Wake | Input::Stop => Ok(()),
        };
        if let Err(error) = done.and_then(|()| self.on_wake(now, out)) {
            log::error!("store error=\"{error}\"");
            out.halt(error);
        }
    }

    fn deadline(&self) -> Option<Time> {
        let view = self.view(self.now)?;
        let best = self.next_best_report();
        if self.rests() {
            return self.machine.deadline(&view);
        }
        let peers = self.peers.deadline(self.now);
        let withheld = self.withheld.values().map(|withheld| withheld.until).filter(|at| *at < Time(u64::MAX)).min();
        let overdue = self.overdue_until().filter(|at| *at > self.now);
        let others = [
            self.certified.deadline(self.now),
            self.next_poll,
            best,
            withheld,
            overdue,
            self.counted_until(),
            self.clock.deadline(),
            self.joins_at().filter(|at| *at > self.now),
        ];
        others.into_iter().chain([self.machine.deadline(&view), peers]).flatten().min()
    }
}
