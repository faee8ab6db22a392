//! One link for two nodes that dialled each other, although anybody may claim any address.
//!
//! A receiver of a dial answers with a nonce that holds marks of its own dials to where the dialler may listen. The
//! dialler knows a mark's input only if that dial reached it. So a mark proves that the node that it dialled and the
//! node that dialled it are the same, and nobody else can make one. Each side closes only links that it dialled itself.

use std::{
    cmp::Reverse,
    net::{IpAddr, SocketAddr},
};

use super::{
    Handshake,
    link::{Link, Stage},
};
use crate::{
    base::{hash::Domain, ids::LinkId},
    node::{Outbox, notice::ToPeers},
    wire::message::GoodbyeCode,
};

/// Marks in a nonce. A node that claims another's address makes one by chance in two thousand million tries.
const MARKS: usize = 2;
/// Bytes of a mark.
const MARK_BYTES: usize = 8 / MARKS;

/// A dial of ours, an accepted link to the same node, and whether ours is the one that stays.
struct Pair {
    dial: LinkId,
    address: SocketAddr,
    accepted: LinkId,
    dial_stays: bool,
}

impl Handshake {
    /// The nonce with which an accepted link's `Version` is answered. `listens` and `theirs` are from that `Version`.
    pub(super) fn answering_nonce(&mut self, listens: Option<SocketAddr>, theirs: u64) -> u64 {
        let mut places = self.rng.next_u64().to_le_bytes();
        let Some(listens) = listens else { return u64::from_le_bytes(places) };
        let dials = self.links.values().filter(|link| !link.direction.is_inbound());
        let mut dials: Vec<&Link> = dials.filter(|link| may_be_one(link.remote, listens)).collect();
        // Two nodes that dial each other at the same moment are both still in the handshake.
        dials.sort_by_key(|link| (link.stage == Stage::Up, Reverse(link.opened)));
        for (place, dial) in places.chunks_exact_mut(MARK_BYTES).take(MARKS).zip(dials) {
            place.copy_from_slice(&mark(theirs, dial.nonce));
        }
        u64::from_le_bytes(places)
    }

    /// Closes our dials to nodes that dialled us, now that a `Version` came over `link`. `false` if `link` was closed.
    pub(super) fn close_duplicates(&mut self, link: LinkId, out: &mut Outbox) -> bool {
        for pair in self.pairs(link) {
            let Pair { dial, address, accepted, dial_stays } = pair;
            if dial_stays {
                continue;
            }
            log::debug!("dialled a node that is linked link={} address={address} other={}", dial.0, accepted.0);
            if let Some(state) = self.links.get_mut(&accepted) {
                state.leads_to = Some(address);
            }
            out.tell(ToPeers::LeadsTo { link: accepted, address });
            self.goodbye(dial, GoodbyeCode::Duplicate, out);
        }
        self.links.contains_key(&link)
    }

    /// Our dials and accepted links of which a mark proves that they lead to one node; `link` is one of the two.
    fn pairs(&self, link: LinkId) -> Vec<Pair> {
        let Some(state) = self.links.get(&link) else { return Vec::new() };
        let others =
            self.links.iter().filter(|(_, other)| other.direction.is_inbound() != state.direction.is_inbound());
        let pair = |(id, other): (&LinkId, &Link)| {
            if state.direction.is_inbound() {
                pair((*id, other), (link, state))
            } else {
                pair((link, state), (*id, other))
            }
        };
        others.filter_map(pair).collect()
    }
}

/// Of a dial and an accepted link the pair that they are, if they are one.
///
/// If both nodes marked, both know all four nonces, and the link of the smaller dialler's nonce stays. If only the node
/// that we dialled did, it had dialled us before, and our dial came too late.
fn pair((dial, ours): (LinkId, &Link), (accepted, theirs): (LinkId, &Link)) -> Option<Pair> {
    let (address, answer, nonce) = (ours.remote, ours.theirs?, theirs.theirs?);
    let proven = may_be_one(address, theirs.listens?) && holds(answer, mark(ours.nonce, nonce));
    let both = holds(theirs.nonce, mark(nonce, ours.nonce));
    proven.then_some(Pair { dial, address, accepted, dial_stays: both && ours.nonce < nonce })
}

/// Whether a node that was dialled at one address may claim the other. All addresses of loopback look like one to the
/// side that is dialled.
fn may_be_one(dialled: SocketAddr, claimed: SocketAddr) -> bool {
    let (one, other): (IpAddr, IpAddr) = (dialled.ip(), claimed.ip());
    dialled.port() == claimed.port() && (one == other || one.is_loopback() && other.is_loopback())
}

/// The mark of a dial, for the node that dials us.
fn mark(its_dial: u64, our_dial: u64) -> [u8; MARK_BYTES] {
    let hash = Domain::LINK.hash(&[its_dial.to_le_bytes(), our_dial.to_le_bytes()].concat());
    std::array::from_fn(|at| hash.0[at])
}

fn holds(nonce: u64, mark: [u8; MARK_BYTES]) -> bool {
    nonce.to_le_bytes().chunks_exact(MARK_BYTES).take(MARKS).any(|place| place == mark)
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Found by the simulator: a mark of two bytes was made by chance within twenty thousand runs.
    #[test]
    fn nobody_makes_a_mark_by_chance() {
        let answer = u64::from_le_bytes(*b"anything");
        assert!(holds(u64::from_le_bytes([mark(7, 1), mark(7, 2)].concat().try_into().unwrap()), mark(7, 2)));
        assert_eq!((0..200_000u64).find(|nonce| holds(answer, mark(7, *nonce))), None);
    }
}
