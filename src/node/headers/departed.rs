//! Peers that have left and were slow: coming back makes no peer a better source of headers.

use std::{collections::VecDeque, net::SocketAddr};

use crate::{
    base::{
        ids::NodeId,
        limits::{MAX_STALLERS, STALLER_KEPT},
        time::Time,
    },
    node::{PeerInfo, headers::pace::Pace},
};

/// What was known of them, oldest first.
#[derive(Debug, Default)]
pub(super) struct Departed(VecDeque<Record>);

#[derive(Debug)]
struct Record {
    at: Time,
    node: NodeId,
    address: SocketAddr,
    kept: Kept,
}

/// What is kept of a peer that has left.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Kept {
    pub(super) pace: Pace,
    pub(super) failures: u32,
    /// It is not chosen until then.
    pub(super) slow_until: Time,
}

impl Departed {
    /// A peer has left. Only failures are worth remembering.
    pub(super) fn add(&mut self, at: Time, info: &PeerInfo, kept: Kept) {
        if kept.failures == 0 {
            return;
        }
        let address = address(info);
        self.0.retain(|record| record.node != info.node || record.address != address);
        self.0.push_back(Record { at, node: info.node, address, kept });
        if self.0.len() > MAX_STALLERS {
            self.0.pop_front();
        }
    }

    /// What is known of a peer that comes back.
    pub(super) fn find(&mut self, now: Time, info: &PeerInfo) -> Kept {
        self.0.retain(|record| now.since(record.at) < STALLER_KEPT);
        let found = self.0.iter().rev().find(|record| record.is_of(info));
        found.map_or_else(Default::default, |record| record.kept)
    }
}

impl Record {
    /// An address costs more than an identity or a port; nodes of one host share the loopback addresses.
    fn is_of(&self, info: &PeerInfo) -> bool {
        let other = address(info);
        self.node == info.node || self.address == other || !other.ip().is_loopback() && self.address.ip() == other.ip()
    }
}

fn address(info: &PeerInfo) -> SocketAddr {
    info.listens.unwrap_or(info.remote)
}
