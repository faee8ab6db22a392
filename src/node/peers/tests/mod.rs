//! Tests of the whole role, driven by events and a hand-set clock.

mod addresses;
mod barred;
mod cluster;
mod defence;
mod dialling;
mod identity;
mod keepalive;
mod names;
mod operator;
mod reach;

use std::{
    collections::BTreeSet,
    net::IpAddr,
    sync::{Mutex, MutexGuard},
    time::Duration,
};

use super::*;
use crate::{
    base::{
        codec::List,
        hash::Hash,
        ids::{DialId, Ticket},
        limits::{
            BAN_TIME, BOOK_FAILURES, FEELER_INTERVAL, GET_PEERS_INTERVAL, PING_BURST, PING_INTERVAL, PING_TOGETHER,
            PONG_TIMEOUT, REDIAL_MAX, REDIAL_MAX_TEST,
        },
        time::UnixTime,
    },
    chain::archive::{Anchor, Ban, Banned, BookContents, BookEntry, StoreError},
    node::{
        HostName,
        command::Reply,
        report::Report,
        testing::{Actions, Driver, address, epoch, inbound_peer, outbound_peer, public_setup, setup},
    },
    wire::message::PeerAddress,
};

/// A peer store in memory that tests can look into, and break.
#[derive(Clone, Default)]
struct Memory(Arc<Mutex<(BookContents, bool)>>);

impl Memory {
    fn inner(&self) -> MutexGuard<'_, (BookContents, bool)> {
        self.0.lock().expect("no test panics while it holds the lock")
    }

    fn contents(&self) -> BookContents {
        self.inner().0.clone()
    }

    fn anchors(&self) -> Vec<SocketAddr> {
        self.contents().anchors.iter().map(|anchor| anchor.address).collect()
    }

    fn change(&self, change: impl FnOnce(&mut BookContents)) -> Result<(), StoreError> {
        let mut inner = self.inner();
        if inner.1 {
            return Err(StoreError::Io("disk full".to_owned()));
        }
        change(&mut inner.0);
        Ok(())
    }
}

impl PeerStore for Memory {
    fn load(&mut self) -> Result<BookContents, StoreError> {
        self.change(|_| {}).map(|()| self.contents())
    }
    fn put(&mut self, entry: &BookEntry) -> Result<(), StoreError> {
        self.change(|contents| {
            contents.entries.retain(|other| other.address != entry.address);
            contents.entries.push(entry.clone());
        })
    }
    fn forget(&mut self, address: &SocketAddr) -> Result<(), StoreError> {
        self.change(|contents| contents.entries.retain(|other| other.address != *address))
    }
    fn set_anchors(&mut self, anchors: &[Anchor]) -> Result<(), StoreError> {
        self.change(|contents| contents.anchors = anchors.to_vec())
    }
    fn put_ban(&mut self, ban: &Ban) -> Result<(), StoreError> {
        self.change(|contents| contents.bans.push(ban.clone()))
    }
    fn lift_ban(&mut self, who: &Banned) -> Result<(), StoreError> {
        self.change(|contents| contents.bans.retain(|ban| ban.who != *who))
    }
}

type Node = Driver<Peers>;

fn node(setup: &Setup) -> Node {
    node_on(setup, &Memory::default())
}

fn node_on(setup: &Setup, store: &Memory) -> Node {
    Driver::new(Peers::new(setup, Box::new(store.clone()), Rng::from_number(1)))
}

fn connecting(to: &[&str]) -> Setup {
    Setup { connect: to.iter().map(|text| address(text)).collect(), ..setup() }
}

fn named(text: &str) -> NodeAddress {
    text.parse().expect("a valid address")
}

fn told(addresses: impl IntoIterator<Item = SocketAddr>) -> Message {
    let addresses = addresses.into_iter().map(|address| PeerAddress::new(address, UnixTime(epoch() - 60)));
    Message::Peers(List::truncated(addresses))
}

fn addresses(message: &Message) -> Vec<SocketAddr> {
    match message {
        Message::Peers(list) => list.iter().map(PeerAddress::socket_address).collect(),
        _ => Vec::new(),
    }
}

/// Lets the last dial among `actions` succeed as link `link`.
fn succeed(node: &mut Node, actions: &Actions, link: u64) -> Actions {
    let (dial, to) = *actions.dials().last().expect("something was dialled");
    succeed_dial(node, dial, to, link)
}

fn succeed_dial(node: &mut Node, dial: DialId, to: SocketAddr, link: u64) -> Actions {
    node.opened(link, Direction::Outbound(dial), &to.to_string());
    node.up(link, outbound_peer(dial, to))
}

fn join(node: &mut Node, link: u64, listens: &str) -> Actions {
    let peer = inbound_peer(listens);
    node.opened(link, Direction::Inbound, &peer.remote.to_string());
    node.up(link, peer)
}

fn pings(actions: &Actions, link: u64) -> Vec<u64> {
    let nonce = |message: Message| if let Message::Ping { nonce, .. } = message { Some(nonce) } else { None };
    actions.sent(link).into_iter().filter_map(nonce).collect()
}

/// Each in a network group of its own.
fn v4(n: u16) -> SocketAddr {
    let [high, low] = n.to_be_bytes();
    SocketAddr::new([20 + high, low, 1, 1].into(), 4130)
}

fn loopback(port: u16) -> SocketAddr {
    SocketAddr::new([127, 0, 0, 1].into(), port)
}

/// Lets time pass while the peer on `link` answers every ping.
fn run_alive(node: &mut Node, link: u64, time: Duration) -> Actions {
    let end = node.now.mono + time;
    let mut all = Vec::new();
    while node.now.mono < end {
        let step = end.since(node.now.mono).min(Duration::from_secs(1));
        let actions = node.run(step);
        for nonce in pings(&actions, link) {
            all.extend(node.receive(link, &Message::Pong(nonce)).0);
        }
        all.extend(actions.0);
    }
    Actions(all)
}
