//! What no peer gives: blocks that none keeps, or a snapshot to join with. Other nodes may. Until a peer does there is one outbound peer
//! more, and in turn one of no use for it makes room for another.

use std::time::Duration;

use super::{
    dialer::Dialer,
    links::{LinkedPeer, Links},
};
use crate::{
    base::{
        ids::LinkId,
        limits::{HISTORY_DIAL_FIRST, HISTORY_DIAL_MOST},
        time::Time,
    },
    node::Outbox,
    wire::message::GoodbyeCode,
};

/// Looks for peers that keep old blocks, or give snapshots.
#[derive(Debug, Default)]
pub(super) struct Elsewhere {
    /// The lowest block that no peer keeps.
    height: Option<u32>,
    /// No peer gives a snapshot.
    lacks_snapshot: bool,
    /// When to look for another peer that keeps the block, and after how long again.
    next: Option<Time>,
    wait: Duration,
}

impl Elsewhere {
    /// When there is something to do.
    pub(super) fn deadline(&self) -> Option<Time> {
        self.next
    }

    /// No peer keeps the block at this height, or all that is missing is kept by one.
    pub(super) fn lacks(
        &mut self,
        now: Time,
        height: Option<u32>,
        links: &mut Links,
        dialer: &mut Dialer,
        out: &mut Outbox,
    ) {
        let before = std::mem::replace(&mut self.height, height);
        if height.is_some() == before.is_some() {
            return;
        }
        self.search(dialer);
        if let Some(lacked) = before {
            make_room(links, dialer, |_, peer| !peer.keeps(lacked), out);
            self.next = None;
        } else {
            log::info!("no peer keeps the blocks that are missing, looking for a further peer");
            (self.wait, self.next) = (HISTORY_DIAL_FIRST, Some(now + HISTORY_DIAL_FIRST));
        }
        dialer.look_again();
    }

    /// No peer gives a snapshot, or one does by now. Each time one of those that give nothing makes room.
    pub(super) fn lacks_snapshot(
        &mut self,
        lacks: bool,
        idle: &[LinkId],
        links: &mut Links,
        dialer: &mut Dialer,
        out: &mut Outbox,
    ) {
        if lacks && !std::mem::replace(&mut self.lacks_snapshot, lacks) {
            log::info!("no peer gives a snapshot to join with, looking for a further peer");
        }
        self.lacks_snapshot = lacks;
        self.search(dialer);
        make_room(links, dialer, |link, _| idle.contains(&link), out);
        dialer.look_again();
    }

    fn search(&self, dialer: &mut Dialer) {
        dialer.set_search(self.height.is_some() || self.lacks_snapshot);
    }

    /// Replaces a peer if it is time.
    pub(super) fn look_on(&mut self, now: Time, links: &mut Links, dialer: &mut Dialer, out: &mut Outbox) {
        let Some(height) = self.height.filter(|_| self.next.is_some_and(|at| at <= now)) else { return };
        make_room(links, dialer, |_, peer| !peer.keeps(height), out);
        self.wait = (self.wait * 2).min(HISTORY_DIAL_MOST);
        self.next = Some(now + self.wait);
        dialer.look_again();
    }
}

/// Closes the oldest outbound peer that is of no use, if there is one too many. Those that an operator wants stay.
fn make_room(links: &mut Links, dialer: &Dialer, is_useless: impl Fn(LinkId, &LinkedPeer) -> bool, out: &mut Outbox) {
    if !dialer.has_surplus(links.outbound()) {
        return;
    }
    let may_go = |link: LinkId, remote, peer: &LinkedPeer| !dialer.is_configured(remote) && is_useless(link, peer);
    if let Some(link) = links.oldest_outbound_of(may_go) {
        links.goodbye(link, GoodbyeCode::Evicted, out);
    }
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use super::*;
    use crate::{
        base::ids::DialId,
        node::{
            Direction, PeerInfo,
            peers::dialer::{Outbound, Purpose},
            testing::{address, outbound_peer},
        },
        wire::message::{SERVICES, pruned_services},
    };

    /// Opens a link to a peer that keeps blocks from this height on.
    fn open(links: &mut Links, number: u64, from: u32) {
        let (dial, remote) = (DialId(number), address(&format!("9.{number}.1.1:4130")));
        links.opened(LinkId(number), Direction::Outbound(dial), remote, Purpose::Peer);
        let services = if from > 0 { pruned_services(SERVICES, from) } else { SERVICES };
        links.up(Time(number), LinkId(number), Arc::new(PeerInfo { services, ..outbound_peer(dial, remote) }));
    }

    #[test]
    fn peers_that_lack_a_block_make_room_for_others_until_one_keeps_it() {
        let (mut links, mut out, mut looks) = (Links::default(), Outbox::default(), Elsewhere::default());
        let mut dialer = Dialer::new(false, 2, [], [], []);
        open(&mut links, 1, 100);
        open(&mut links, 2, 100);
        looks.lacks(Time(0), Some(7), &mut links, &mut dialer, &mut out);
        assert_eq!((dialer.slots(), links.outbound()), (3, 2), "one more peer is wanted");
        open(&mut links, 3, 50);
        let mut now = Time(0);
        for (number, wait) in [(4, HISTORY_DIAL_FIRST), (5, HISTORY_DIAL_FIRST * 2)] {
            assert_eq!(looks.deadline(), Some(now + wait));
            looks.look_on(now + wait - Duration::from_millis(1), &mut links, &mut dialer, &mut out);
            assert_eq!(links.outbound(), 3);
            now = now + wait;
            looks.look_on(now, &mut links, &mut dialer, &mut out);
            assert_eq!(links.outbound(), 2, "the oldest has left");
            open(&mut links, number, if number == 5 { 0 } else { 50 });
        }
        // Each new height is no new search.
        looks.lacks(now, Some(8), &mut links, &mut dialer, &mut out);
        assert_eq!((dialer.slots(), links.outbound()), (3, 3));
        looks.lacks(now, None, &mut links, &mut dialer, &mut out);
        assert_eq!((dialer.slots(), links.outbound(), looks.deadline()), (2, 2, None));
        let stays = links.outbound_peers().any(|(link, _, _)| link == LinkId(5));
        assert!(stays, "the one that keeps it stays");
    }

    #[test]
    fn peers_that_give_no_snapshot_make_room_for_others_beyond_those_that_the_operator_gave() {
        let (mut links, mut out, mut looks) = (Links::default(), Outbox::default(), Elsewhere::default());
        let configured = [1, 2, 3].map(|number| address(&format!("9.{number}.1.1:4130")));
        let mut dialer = Dialer::new(false, 2, configured, [], []);
        (1..=3).for_each(|number| open(&mut links, number, 0));
        let missing = |links: &Links, dialer: &Dialer| {
            dialer.missing(links.outbound_apart(|address| dialer.is_configured(address)))
        };
        assert_eq!(missing(&links, &dialer), 0);
        let of = |numbers: &[u64]| numbers.iter().map(|number| LinkId(*number)).collect::<Vec<_>>();
        looks.lacks_snapshot(true, &of(&[1, 2, 3]), &mut links, &mut dialer, &mut out);
        assert_eq!((links.outbound(), missing(&links, &dialer)), (3, 1), "one more, and the operator's stay");
        open(&mut links, 4, 0);
        looks.lacks_snapshot(true, &of(&[1, 2, 3, 4]), &mut links, &mut dialer, &mut out);
        assert_eq!((links.outbound(), missing(&links, &dialer)), (3, 1), "the one of no use has left");
        assert_eq!(dialer.missing(Outbound { kept: 0, others: 3 }), 0, "and no more in place of those that are away");
        open(&mut links, 5, 0);
        looks.lacks_snapshot(true, &of(&[1, 2, 3]), &mut links, &mut dialer, &mut out);
        looks.lacks_snapshot(false, &of(&[1, 2, 3]), &mut links, &mut dialer, &mut out);
        assert_eq!((links.outbound(), missing(&links, &dialer)), (4, 0), "the one that gives stays");
    }
}
