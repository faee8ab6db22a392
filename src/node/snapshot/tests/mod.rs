//! Tests of the role.

mod fake;
mod joining;
mod liars;
mod sealed;
mod seeking;
mod serving;
mod trials;

use std::{
    collections::{BTreeMap, VecDeque},
    sync::{Arc, Mutex},
    time::Duration,
};

use crate::{
    base::{bytes::Bytes, codec, hash::Hash},
    chain::{
        archive::HeaderArchive,
        snapshot::{Manifest, SnapshotStore},
    },
    node::{
        Join, Setup,
        notice::{ToLedger, ToSnapshot},
        snapshot::Snapshot,
        testing::{self, Actions, Driver},
    },
    wire::message::{Message, SERVICE_SNAPSHOT},
};

use fake::{BEST, Chain, FakeFiles, Made, SharedChain, block, made};

/// How a peer answers: what it offers, and its piece of a number.
type Answers = Box<dyn Fn(u32) -> Option<Bytes>>;

struct Peer {
    manifest: Option<Manifest>,
    piece: Answers,
    /// It answers no question for pieces.
    is_silent: bool,
}

/// A role with peers that answer at once.
struct Rig {
    driver: Driver<Snapshot>,
    files: FakeFiles,
    chain: SharedChain,
    peers: BTreeMap<u64, Peer>,
    /// Pieces that each peer was asked for.
    asked: BTreeMap<u64, Vec<u32>>,
    /// All that the role did.
    did: Actions,
}

impl Rig {
    fn of(setup: &Setup, files: &FakeFiles) -> Self {
        let chain = Chain { best: BEST, digest: made().manifest.digest(), left_from: u32::MAX };
        let chain = SharedChain(Arc::new(Mutex::new(chain)));
        let stores: (Box<dyn SnapshotStore>, Box<dyn HeaderArchive>) =
            (Box::new(files.clone()), Box::new(chain.clone()));
        let mut driver = Driver::new(Snapshot::new(setup, Some(stores)));
        driver.start();
        let (peers, asked) = (BTreeMap::new(), BTreeMap::new());
        Self { driver, files: files.clone(), chain, peers, asked, did: Actions(Vec::new()) }
    }

    /// A node that joins ten blocks below the best header.
    fn joining(files: &FakeFiles) -> Self {
        let join = Some(Join { depth: Some(10), at: None, goes_on: false });
        let mut rig = Self::of(&Setup { join, ..testing::setup() }, files);
        rig.driver.notice(ToSnapshot::Joining);
        rig
    }

    fn headers_known(&mut self) {
        let did = self.driver.notice(ToSnapshot::HeadersKnown { height: BEST, hash: block(BEST) });
        self.answer(did);
    }

    fn add(&mut self, link: u64, made: &Made, piece: impl Fn(u32) -> Option<Bytes> + 'static) {
        let peer = Peer { manifest: Some(made.manifest.clone()), piece: Box::new(piece), is_silent: false };
        self.add_peer(link, peer);
    }

    fn add_peer(&mut self, link: u64, peer: Peer) {
        self.peers.insert(link, peer);
        let mut info = testing::inbound_peer(&format!("9.9.{link}.1:4130"));
        info.services |= SERVICE_SNAPSHOT;
        let did = self.driver.up(link, info);
        self.answer(did);
    }

    fn add_honest(&mut self, link: u64) {
        let made = made();
        let pieces = made.pieces.clone();
        self.add(link, &made, move |number| pieces.get(number as usize).cloned());
    }

    /// Lets the peers answer until nobody asks any more.
    fn answer(&mut self, did: Actions) {
        let mut open = VecDeque::from([did]);
        while let Some(did) = open.pop_front() {
            for (link, message) in
                self.peers.keys().flat_map(|link| did.sent(*link).into_iter().map(|one| (*link, one)))
            {
                let peer = &self.peers[&link];
                let answer = match message {
                    Message::GetSnapshot { block, .. } => {
                        let is_asked = |one: &&Manifest| block == Hash::ZERO || block == one.block();
                        let manifest = peer.manifest.as_ref().filter(is_asked);
                        Message::Snapshot(manifest.map(codec::encode).unwrap_or_default().into())
                    }
                    Message::GetPiece(block, number) => {
                        self.asked.entry(link).or_default().push(number);
                        if peer.is_silent {
                            continue;
                        }
                        Message::Piece { block, number, bytes: (peer.piece)(number).unwrap_or_default() }
                    }
                    other => panic!("unexpected {other:?}"),
                };
                open.push_back(self.driver.receive(link, &answer));
            }
            for link in self.peers.keys().copied().filter(|link| did.closed(*link).is_some()).collect::<Vec<_>>() {
                self.peers.remove(&link);
                open.push_back(self.driver.closed(link, did.closed(link).expect("it was closed")));
            }
            self.did.0.extend(did.0);
        }
    }

    /// Lets time pass.
    fn run(&mut self, time: Duration) {
        let end = self.driver.now.mono + time;
        while let Some(at) = crate::node::Role::deadline(&self.driver.role).filter(|at| *at <= end) {
            self.driver.pass(at.since(self.driver.now.mono));
            let did = self.driver.wake();
            self.answer(did);
        }
        self.driver.pass(end.since(self.driver.now.mono));
    }

    /// The snapshot that the ledger is to adopt.
    fn adopts(&self) -> Option<Hash> {
        self.did.told().into_iter().find_map(|notice| match notice {
            ToLedger::AdoptSnapshot(manifest) => Some(manifest.id()),
            _ => None,
        })
    }

    fn progress(&self) -> Option<String> {
        self.did.told().into_iter().rev().find_map(|notice| match notice {
            crate::node::notice::ToHeaders::JoinProgress(text) => Some(text),
            _ => None,
        })
    }
}
