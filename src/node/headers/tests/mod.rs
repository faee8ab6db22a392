//! The role, by events and with a clock set by hand.

mod again;
mod ahead;
mod branches;
mod clock;
mod fake;
mod joining;
mod later_sets;
mod model;
mod news;
mod pace;
mod rounds;
mod sealed;
mod too_deep;
mod unproven;
mod withheld;

use std::time::Duration;

use crate::{
    base::{
        codec::List,
        hash::Hash,
        ids::{LinkId, Ticket},
        limits::{
            BRANCHES_PER_PEER, COUNTED_FOR, GET_SYNC_POLL, GET_SYNC_QUIET, GET_SYNC_SWITCH, GET_SYNC_TIMEOUT,
            HEADERS_AHEAD, HEADERS_BEHIND, MAX_LOCATOR_HASHES, MAX_PASSING, PARTIAL_BLOCK, UNPROVEN_BRANCHES,
            UNPROVEN_INTERVAL, WITHHELD_FIRST,
        },
    },
    chain::{
        archive::BlockStatus,
        rules::{BlockFault, HeaderFault},
        target::CompactTarget,
        testkit,
    },
    node::{
        Action, Event, LinkEvent, Notice, Origin, PeerFault, SyncState,
        notice::{Candidate, ToFetch, ToHeaders, ToLedger},
        report::Report,
    },
    wire::message::{Kind, Message},
};
use fake::{Chain, FakeArchive, Rig, asked, faults, message, questions, setup, wants};

const SECOND: Duration = Duration::from_secs(1);

/// A node at genesis that has just asked peer 1 for its headers.
fn asking(chain: &Chain) -> Rig {
    let mut rig = Rig::new(&Chain::new());
    assert_eq!(asked(&rig.up(1, chain)), [1]);
    rig
}

/// The same, with the first `count` headers of the chain known and applied, and peer 1 having nothing more.
fn synced(chain: &Chain) -> Rig {
    let mut rig = Rig::new(chain);
    rig.up(1, chain);
    rig.sync(1, vec![]);
    assert_eq!(rig.state, SyncState::Synced, "{}", rig.reason);
    rig
}

fn offer(rig: &mut Rig, origin: Origin, chain: &Chain) -> Vec<Action> {
    let row = chain.rows.last().unwrap();
    rig.notice(ToHeaders::Offered { origin, hash: row.hash, header: Box::new(row.header.clone()) })
}

fn dropped(actions: &[Action]) -> Vec<Option<String>> {
    let reason = |action: &Action| match action {
        Action::Tell(Notice::Fetch(ToFetch::OfferDropped { reason, .. })) => Some(reason.clone()),
        _ => None,
    };
    actions.iter().filter_map(reason).collect()
}

/// Offers that go to the ledger past the best chain.
fn passed(actions: &[Action]) -> Vec<Hash> {
    let hash = |action: &Action| match action {
        Action::Tell(Notice::Fetch(ToFetch::OfferPasses { hash })) => Some(*hash),
        _ => None,
    };
    actions.iter().filter_map(hash).collect()
}

/// Height below, missing blocks, peers.
type PlainCandidate = (u32, Vec<Hash>, Vec<u64>);

/// The candidates that `fetch` was told of, each time.
fn candidates(actions: &[Action]) -> Vec<Vec<PlainCandidate>> {
    let list = |action: &Action| match action {
        Action::Tell(Notice::Fetch(ToFetch::Candidates(list))) => Some(list.clone()),
        _ => None,
    };
    let plain = |one: Candidate| (one.above, one.hashes, one.links.iter().map(|link| link.0).collect());
    actions.iter().filter_map(list).map(|list| list.into_iter().map(plain).collect()).collect()
}

/// A peer tells the headers of a branch.
fn tell(rig: &mut Rig, link: u64, branch: &Chain, from: usize) {
    rig.up(link, branch);
    rig.sync(link, branch.headers(from..=branch.rows.len() - 1));
}

fn overdue(rig: &mut Rig, hash: Hash, nowhere: bool) -> Vec<Action> {
    rig.notice(ToHeaders::Overdue { hash, nowhere })
}

/// The heights of the best chain that the ledger was told of.
fn counted(actions: &[Action]) -> Vec<u32> {
    let height = |action: &Action| match action {
        Action::Tell(Notice::Ledger(ToLedger::BestChain { height, .. })) => Some(*height),
        _ => None,
    };
    actions.iter().filter_map(height).collect()
}

const PEER: Origin = Origin::Link(LinkId(1));
