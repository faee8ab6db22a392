//! What the tests of this role need around it: an archive in memory, chains of headers, and the role with a clock that
//! is set by hand.

use std::{
    collections::BTreeMap,
    sync::{Arc, Mutex},
    time::Duration,
};

use crate::{
    base::{
        codec::List,
        hash::Hash,
        ids::{DialId, LinkId},
        rng::Rng,
        time::{Now, Time, UnixTime},
    },
    chain::{
        archive::{BlockStatus, HeaderArchive, HeaderRow, StoreError, Tip},
        header::{HEADER_VERSION, Header},
        rules,
        seal::Seal,
        spec::ChainSpec,
        target::Work,
        testkit,
    },
    node::{
        Action, AnyRole, ChainMove, CloseReason, Direction, Event, LinkAction, LinkEvent, Notice, Outbox, PeerFault,
        PeerInfo, Role, Setup, SyncState,
        headers::Headers,
        notice::{ToFetch, ToHeaders, ToLedger},
        report::Report,
    },
    wire::{
        frame::Frame,
        message::{Locator, Message},
    },
};

#[derive(Default)]
struct Rows {
    rows: BTreeMap<Hash, HeaderRow>,
    applied: Vec<Hash>,
    /// See [`HeaderArchive::replaceable_from`].
    lowest: u32,
}

/// An archive in memory; clones share it.
#[derive(Clone, Default)]
pub(super) struct FakeArchive(Arc<Mutex<Rows>>);

impl FakeArchive {
    fn with<T>(&self, use_it: impl FnOnce(&mut Rows) -> T) -> T {
        use_it(&mut self.0.lock().expect("no test panics while it holds the archive"))
    }

    pub(super) fn put(&self, rows: &[HeaderRow]) {
        self.with(|store| {
            for row in rows {
                store.rows.entry(row.hash).or_insert_with(|| row.clone());
            }
        });
    }

    /// The ledger has pruned all below this height.
    pub(super) fn prune(&self, lowest: u32) {
        self.with(|store| store.lowest = lowest);
    }

    /// The ledger has the coins after the last block of this chain, and forgets all other headers.
    pub(super) fn join(&self, chain: &Chain) {
        self.apply(&chain.tip());
        self.with(|store| store.rows.retain(|_, row| row.status == BlockStatus::Applied));
    }

    pub(super) fn mark(&self, hash: &Hash, status: BlockStatus) {
        self.with(|store| store.rows.get_mut(hash).expect("only stored headers are marked").status = status);
    }

    /// Makes the chain up to this stored header the applied one.
    pub(super) fn apply(&self, tip: &Hash) {
        self.with(|store| {
            let mut path = Vec::new();
            let mut hash = *tip;
            while hash != Hash::ZERO {
                path.push(hash);
                hash = store.rows[&hash].header.previous;
            }
            path.reverse();
            for old in &store.applied {
                store.rows.get_mut(old).expect("applied headers are stored").status = BlockStatus::Stored;
            }
            for new in &path {
                store.rows.get_mut(new).expect("the path was walked").status = BlockStatus::Applied;
            }
            store.applied = path;
        });
    }
}

impl HeaderArchive for FakeArchive {
    fn header(&self, hash: &Hash) -> Result<Option<HeaderRow>, StoreError> {
        Ok(self.with(|store| store.rows.get(hash).cloned()))
    }

    fn applied_at(&self, height: u32) -> Result<Option<HeaderRow>, StoreError> {
        Ok(self.with(|store| store.applied.get(height as usize).map(|hash| store.rows[hash].clone())))
    }

    fn applied_from(&self, from: u32, count: usize) -> Result<Vec<Header>, StoreError> {
        let header = |store: &Rows, hash: &Hash| store.rows[hash].header.clone();
        Ok(self.with(|store| {
            store.applied.iter().skip(from as usize).take(count).map(|hash| header(store, hash)).collect()
        }))
    }

    fn best_header(&self) -> Result<HeaderRow, StoreError> {
        Ok(self.with(|store| {
            let valid = store.rows.values().filter(|row| row.status != BlockStatus::Invalid);
            valid.max_by_key(|row| (row.work, row.status == BlockStatus::Applied)).cloned().expect("genesis is there")
        }))
    }

    fn fork_headers(&self) -> Result<usize, StoreError> {
        Ok(self.with(|store| store.rows.len() - store.applied.len()))
    }

    fn replaceable_from(&self) -> Result<u32, StoreError> {
        Ok(self.with(|store| store.lowest.max(1)))
    }
}

/// A chain of valid headers without bodies, genesis first.
#[derive(Clone)]
pub(super) struct Chain {
    pub(super) spec: Arc<ChainSpec>,
    pub(super) rows: Vec<HeaderRow>,
}

impl Chain {
    pub(super) fn new() -> Self {
        let spec = Arc::new(ChainSpec::dev());
        let header = spec.genesis.header.clone();
        let work = header.work();
        let row = HeaderRow { hash: spec.genesis_hash(), header, work, paused: 0, status: BlockStatus::Header };
        Self { spec, rows: vec![row] }
    }

    /// `count` more blocks; `tag` makes this branch's differ from others'.
    pub(super) fn grow(mut self, count: usize, tag: u8) -> Self {
        for _ in 0..count {
            let header = self.next(tag);
            self.push(header);
        }
        self
    }

    /// Its first blocks, genesis not counted.
    pub(super) fn first(&self, count: usize) -> Self {
        Self { spec: self.spec.clone(), rows: self.rows[..=count].to_vec() }
    }

    pub(super) fn push(&mut self, header: Header) {
        let last = self.rows.last().unwrap();
        let work = last.work.plus(header.work());
        self.rows.push(HeaderRow { hash: header.hash(), header, work, paused: 0, status: BlockStatus::Header });
    }

    /// The next header, mined.
    pub(super) fn next(&self, tag: u8) -> Header {
        let mut header = self.draft(tag);
        testkit::mine(&mut header);
        header
    }

    /// The next header without work.
    pub(super) fn draft(&self, tag: u8) -> Header {
        let parent = &self.rows.last().unwrap().header;
        Header {
            version: HEADER_VERSION,
            height: parent.height + 1,
            previous: self.tip(),
            merkle_root: Hash([tag; 32]),
            state_digest: Hash::ZERO,
            time: parent.time + u64::from(self.spec.parameters.block_time),
            seal: Seal::unsolved(rules::next_target(&self.spec, parent.time, parent.height)),
        }
    }

    pub(super) fn tip(&self) -> Hash {
        self.rows.last().unwrap().hash
    }

    pub(super) fn hash(&self, height: usize) -> Hash {
        self.rows[height].hash
    }

    pub(super) fn work(&self) -> Work {
        self.rows.last().unwrap().work
    }

    pub(super) fn height(&self) -> u32 {
        u32::try_from(self.rows.len() - 1).unwrap()
    }

    /// The headers at these heights.
    pub(super) fn headers(&self, heights: std::ops::RangeInclusive<usize>) -> Vec<Header> {
        self.rows[heights].iter().map(|row| row.header.clone()).collect()
    }

    /// The hashes at these heights.
    pub(super) fn hashes(&self, heights: std::ops::RangeInclusive<usize>) -> Vec<Hash> {
        self.rows[heights].iter().map(|row| row.hash).collect()
    }
}

/// The role, its archive, and the time.
pub(super) struct Rig {
    pub(super) role: Headers,
    pub(super) archive: FakeArchive,
    pub(super) now: Now,
    /// What the role told the ledger to store, not yet committed.
    stored: Vec<HeaderRow>,
    pub(super) state: SyncState,
    pub(super) reason: String,
}

pub(super) fn setup() -> Setup {
    Setup { connect: vec!["127.0.0.1:1".parse().unwrap()], ..Setup::bare(Arc::new(ChainSpec::dev())) }
}

/// The message in a sent frame.
pub(super) fn message(action: &Action) -> Option<(LinkId, Message)> {
    match action {
        Action::Link(LinkAction::Send { link, frame }) => Some((*link, frame.open().unwrap())),
        Action::Link(LinkAction::Answer { link, frames, .. }) => Some((*link, frames.first()?.open().unwrap())),
        _ => None,
    }
}

/// Who was asked for headers, and with which locator.
pub(super) fn questions(actions: &[Action]) -> Vec<(LinkId, Locator)> {
    let question = |action| match message(action) {
        Some((link, Message::GetSync(locator))) => Some((link, locator)),
        _ => None,
    };
    actions.iter().filter_map(question).collect()
}

/// The links that were asked for headers.
pub(super) fn asked(actions: &[Action]) -> Vec<u64> {
    questions(actions).iter().map(|(link, _)| link.0).collect()
}

/// What `fetch` was told to want.
pub(super) fn wants(actions: &[Action]) -> Vec<(u32, Vec<Hash>)> {
    let want = |action: &Action| match action {
        Action::Tell(Notice::Fetch(ToFetch::Want { above, hashes, .. })) => Some((*above, hashes.clone())),
        _ => None,
    };
    actions.iter().filter_map(want).collect()
}

/// The faults that links were closed for.
pub(super) fn faults(actions: &[Action]) -> Vec<(u64, PeerFault)> {
    let fault = |action: &Action| match action {
        Action::Link(LinkAction::Close { link, reason, .. }) => match &**reason {
            CloseReason::Fault(fault) => Some((link.0, fault.clone())),
            _ => None,
        },
        _ => None,
    };
    actions.iter().filter_map(fault).collect()
}

impl Rig {
    /// A started role whose applied chain is this one.
    pub(super) fn new(applied: &Chain) -> Self {
        let mut rig = Self::unopened(setup(), applied);
        rig.moved(applied);
        rig
    }

    /// A role that was started and does not know the ledger's tip.
    pub(super) fn unopened(setup: Setup, applied: &Chain) -> Self {
        let archive = FakeArchive::default();
        archive.put(&applied.rows);
        archive.apply(&applied.tip());
        Self::on(setup, archive)
    }

    /// A role on an archive.
    pub(super) fn on(setup: Setup, archive: FakeArchive) -> Self {
        let role = Headers::new(&setup, Box::new(archive.clone()), Rng::from_number(1));
        let now = Now { mono: Time(0), unix: UnixTime(setup.spec.parameters.genesis_time + 1_000_000) };
        Self { role, archive, now, stored: Vec::new(), state: SyncState::Starting, reason: String::new() }
    }

    pub(super) fn event(&mut self, event: Event) -> Vec<Action> {
        let mut out = Outbox::default();
        self.role.hear(self.now, event, &mut out);
        let actions: Vec<Action> = out.drain().collect();
        for action in &actions {
            match action {
                Action::Tell(Notice::Ledger(ToLedger::StoreHeaders(rows))) => self.stored.extend_from_slice(rows),
                Action::Report(Report::State { state, reason }) => {
                    (self.state, self.reason) = (*state, reason.clone());
                }
                Action::Halt(halt) => panic!("{halt}"),
                _ => {}
            }
        }
        actions
    }

    pub(super) fn start(&mut self) -> Vec<Action> {
        self.event(Event::Start)
    }

    pub(super) fn notice(&mut self, notice: impl Into<Notice>) -> Vec<Action> {
        self.event(Event::Notice(notice.into()))
    }

    /// What the role had stored.
    pub(super) fn take_stored(&mut self) -> Vec<Hash> {
        self.stored.drain(..).map(|row| row.hash).collect()
    }

    /// The ledger commits what it was told to store.
    pub(super) fn commit(&mut self) {
        self.archive.put(&std::mem::take(&mut self.stored));
    }

    /// The ledger commits and its applied chain is now this one.
    pub(super) fn moved(&mut self, chain: &Chain) -> Vec<Action> {
        if self.role.archive.is_some() {
            self.start();
        }
        self.commit();
        self.archive.apply(&chain.tip());
        let last = chain.rows.last().unwrap();
        let tip = Tip {
            hash: last.hash,
            height: last.header.height,
            time: last.header.time,
            work: last.work,
            digest: Hash::ZERO,
        };
        let moved = ChainMove { tip, removed: vec![], added: vec![(last.hash, last.header.height)], news: None };
        self.notice(ToHeaders::ChainMoved(Arc::new(moved)))
    }

    /// A peer whose claims are this chain's.
    pub(super) fn up(&mut self, link: u64, claims: &Chain) -> Vec<Action> {
        self.up_with(link, claims, |_| {})
    }

    /// The same, with one claim changed.
    pub(super) fn up_with(&mut self, link: u64, claims: &Chain, change: impl FnOnce(&mut PeerInfo)) -> Vec<Action> {
        let direction = if link.is_multiple_of(2) { Direction::Inbound } else { Direction::Outbound(DialId(link)) };
        let mut peer = PeerInfo {
            node: crate::node::testing::some_node(link),
            direction,
            remote: format!("127.0.0.1:{}", 4000 + link).parse().unwrap(),
            listens: None,
            protocol: 1,
            services: 1,
            height: claims.height(),
            tip: claims.tip(),
            work: claims.work(),
            clock_offset: 0,
            agent: String::new(),
        };
        change(&mut peer);
        self.event(Event::Link(LinkEvent::Up { link: LinkId(link), peer: Arc::new(peer) }))
    }

    pub(super) fn down(&mut self, link: u64) -> Vec<Action> {
        let reason = CloseReason::Lost("test".to_owned());
        self.event(Event::Link(LinkEvent::Closed { link: LinkId(link), reason }))
    }

    pub(super) fn receive(&mut self, link: u64, message: &Message) -> Vec<Action> {
        self.event(Event::Link(LinkEvent::Frame { link: LinkId(link), frame: Frame::new(message) }))
    }

    pub(super) fn sync(&mut self, link: u64, headers: Vec<Header>) -> Vec<Action> {
        self.receive(link, &Message::Sync(List::new(headers).unwrap()))
    }

    /// Lets time pass in steps, waking the role at its deadlines.
    pub(super) fn pass(&mut self, duration: Duration) -> Vec<Action> {
        let end = self.now.mono + duration;
        let start = self.now;
        let mut actions = Vec::new();
        for _ in 0..1000 {
            match self.role.deadline().filter(|at| *at <= end) {
                Some(at) => self.now.mono = at.max(self.now.mono),
                None => {
                    self.now.mono = end;
                    self.now.unix = UnixTime(start.unix.0 + end.since(start.mono).as_secs());
                    return actions;
                }
            }
            self.now.unix = UnixTime(start.unix.0 + self.now.mono.since(start.mono).as_secs());
            actions.extend(self.event(Event::Wake));
        }
        panic!("the role's deadline does not move: {:?} at {:?}", self.role.deadline(), self.now.mono);
    }
}
