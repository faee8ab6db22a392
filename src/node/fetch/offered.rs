//! Blocks that were not requested: news from peers, submitted and mined ones. They wait here, bounded by number and bytes,
//! until `headers` has judged their header: then they are wanted, or dropped. If their header was found valid before, they are
//! with the verifier meanwhile.

use std::{collections::VecDeque, time::Duration};

use crate::{
    base::{
        hash::Hash,
        ids::Ticket,
        limits::{COMMAND_TIMEOUT, MAX_OFFERED, MAX_SUBMITTED, OFFERED_BYTES},
        time::Time,
    },
    node::{Origin, notice::Parts},
    wire::frame::Frame,
};

/// How long an offered block that went to the verifier is not asked for. A large block takes a slow host most of this.
const PASSED_PATIENCE: Duration = Duration::from_secs(1);

/// A body that waits for its header's verdict.
#[derive(Debug)]
pub(super) struct Offer {
    pub(super) origin: Origin,
    pub(super) hash: Hash,
    pub(super) frame: Frame,
    /// What the frame was made of, if the block was put together here.
    pub(super) parts: Option<Parts>,
    /// It is with the verifier or the ledger already.
    pub(super) is_ahead: bool,
}

/// The bodies that wait, oldest first.
#[derive(Debug, Default)]
pub(super) struct Offers {
    list: VecDeque<Offer>,
    bytes: usize,
    /// Those that went to the verifier last, oldest first, and until when they are not asked for.
    passed: VecDeque<(Hash, Time)>,
}

impl Offers {
    pub(super) fn contains(&self, hash: &Hash) -> bool {
        self.list.iter().any(|offer| offer.hash == *hash)
    }

    /// Keeps an offer. When there is no room, the oldest of the peer that takes the most of it goes, so that no peer can
    /// push out the news of another; our own go last. Those are returned.
    pub(super) fn insert(&mut self, offer: Offer) -> Vec<Offer> {
        self.bytes += offer.frame.body.len();
        self.list.push_back(offer);
        let mut dropped = Vec::new();
        while self.list.len() > MAX_OFFERED || (self.bytes > OFFERED_BYTES && self.list.len() > 1) {
            let size = |offer: &Offer| if self.list.len() > MAX_OFFERED { 1 } else { offer.frame.body.len() };
            let Some(offer) = self.first_to_go(size).and_then(|at| self.list.remove(at)) else { break };
            self.bytes -= offer.frame.body.len();
            dropped.push(offer);
        }
        dropped
    }

    /// The oldest offer of the peer whose offers are the largest together. What came last stays as long as others can go.
    fn first_to_go(&self, size: impl Fn(&Offer) -> usize) -> Option<usize> {
        let share = |offer: &Offer| {
            let same = self.list.iter().filter(|other| other.origin == offer.origin);
            (offer.origin.link().is_some(), same.map(&size).sum::<usize>())
        };
        let older = self.list.len().checked_sub(1)?;
        (0..older).rev().max_by_key(|at| share(&self.list[*at]))
    }

    pub(super) fn take(&mut self, hash: &Hash) -> Option<Offer> {
        let at = self.list.iter().position(|offer| offer.hash == *hash)?;
        let offer = self.list.remove(at)?;
        self.bytes -= offer.frame.body.len();
        Some(offer)
    }

    /// The verifier or the ledger has refused what was sent ahead from there: if the block is wanted, it is asked for.
    pub(super) fn refuse(&mut self, hash: &Hash, origin: Origin) {
        let is_it = |offer: &Offer| offer.is_ahead && (offer.hash, offer.origin) == (*hash, origin);
        if self.list.iter().any(is_it) {
            self.take(hash);
        }
    }

    /// Forgets an offer whose block the chain has. `headers` has yet to decide on what was sent ahead.
    pub(super) fn forget_connected(&mut self, hash: &Hash) {
        if self.list.iter().any(|offer| offer.hash == *hash && !offer.is_ahead) {
            self.take(hash);
        }
    }

    /// Notes that an offer goes to the verifier although nothing asks for it yet.
    pub(super) fn pass(&mut self, hash: Hash, now: Time) {
        self.passed.retain(|(_, until)| *until > now);
        if self.passed.len() < MAX_OFFERED {
            self.passed.push_back((hash, now + PASSED_PATIENCE));
        }
    }

    /// Blocks that are with the verifier or the ledger, and until when they are not asked for.
    pub(super) fn passed(&self, now: Time) -> impl Iterator<Item = (Hash, Time)> + '_ {
        self.passed.iter().copied().filter(move |(_, until)| *until > now)
    }

    pub(super) fn is_empty(&self) -> bool {
        self.list.is_empty()
    }
}

/// `submitblock` commands that wait for the ledger's verdict.
#[derive(Debug, Default)]
pub(super) struct Submitted {
    list: VecDeque<(Hash, Ticket, Time)>,
}

impl Submitted {
    /// `false` if too many wait.
    pub(super) fn insert(&mut self, hash: Hash, ticket: Ticket, now: Time) -> bool {
        if self.list.len() >= MAX_SUBMITTED {
            return false;
        }
        // Sooner than the caller gives up, so that it hears the reason.
        self.list.push_back((hash, ticket, now + COMMAND_TIMEOUT * 2 / 3));
        true
    }

    /// Takes all tickets that wait for a block.
    pub(super) fn take(&mut self, hash: &Hash) -> Vec<Ticket> {
        let mut tickets = Vec::new();
        self.list.retain(|(waiting, ticket, _)| {
            if waiting == hash {
                tickets.push(*ticket);
            }
            waiting != hash
        });
        tickets
    }

    /// Takes a ticket whose time is over.
    pub(super) fn take_expired(&mut self, now: Time) -> Option<Ticket> {
        self.list.front().filter(|(.., until)| *until <= now)?;
        self.list.pop_front().map(|(_, ticket, _)| ticket)
    }

    pub(super) fn next_timeout(&self) -> Option<Time> {
        self.list.front().map(|(.., until)| *until)
    }

    pub(super) fn is_empty(&self) -> bool {
        self.list.is_empty()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{base::ids::LinkId, wire::message::Message};

    fn offer(n: u8, origin: Origin, bytes: usize) -> Offer {
        let frame = Frame::new(&Message::Block(vec![n; bytes].into()));
        Offer { origin, hash: Hash([n; 32]), frame, parts: None, is_ahead: false }
    }

    fn numbers(dropped: &[Offer]) -> Vec<u8> {
        dropped.iter().map(|offer| offer.hash.0[0]).collect()
    }

    #[test]
    fn peers_offers_make_room_before_our_own() {
        let mut offers = Offers::default();
        assert!(offers.insert(offer(0, Origin::Miner, 10)).is_empty());
        for n in 1..8 {
            assert!(offers.insert(offer(n, Origin::Link(LinkId(1)), 10)).is_empty());
        }
        assert_eq!(numbers(&offers.insert(offer(8, Origin::Link(LinkId(2)), 10))), [1]);
        assert!(offers.contains(&Hash([0; 32])) && !offers.contains(&Hash([1; 32])));
    }

    #[test]
    fn a_peer_that_floods_pushes_out_nobodys_offers_but_its_own() {
        let mut offers = Offers::default();
        let (honest, flood) = (Origin::Link(LinkId(1)), Origin::Link(LinkId(2)));
        assert!(offers.insert(offer(1, honest, 10)).is_empty());
        for n in 2..=8 {
            assert!(offers.insert(offer(n, flood, 10)).is_empty());
        }
        for n in 9..100 {
            assert_eq!(numbers(&offers.insert(offer(n, flood, 10))), [n - 7]);
        }
        assert_eq!(numbers(&offers.insert(offer(100, honest, 10))), [93]);
        // By bytes, too: few large ones push out no small ones.
        let mut offers = Offers::default();
        assert!(offers.insert(offer(1, honest, 10)).is_empty());
        for n in 2..=3 {
            assert!(offers.insert(offer(n, flood, OFFERED_BYTES / 2 - 10)).is_empty());
        }
        assert_eq!(numbers(&offers.insert(offer(4, flood, OFFERED_BYTES / 2 - 10))), [2]);
        assert_eq!(numbers(&offers.insert(offer(5, honest, 30))), [3]);
        assert!(offers.contains(&Hash([1; 32])));
    }

    #[test]
    fn bytes_are_bounded_too() {
        let mut offers = Offers::default();
        let link = Origin::Link(LinkId(1));
        assert!(offers.insert(offer(1, link, OFFERED_BYTES - 10)).is_empty());
        assert_eq!(numbers(&offers.insert(offer(2, link, 11))), [1]);
        assert_eq!(numbers(&offers.insert(offer(3, link, OFFERED_BYTES + 1))), [2], "one may always wait");
        assert_eq!(offers.take(&Hash([3; 32])).map(|offer| offer.hash), Some(Hash([3; 32])));
        assert!(offers.is_empty() && offers.bytes == 0);
    }
}
