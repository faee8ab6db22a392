//! Peers whose links have ended: a fault that is found later still costs its sender.

use std::{collections::BTreeMap, net::IpAddr};

use crate::base::{
    ids::{LinkId, NodeId},
    limits::DEPARTED_PEERS,
};

/// The last peers whose links have ended. Of more than [`DEPARTED_PEERS`] the one whose link began first is forgotten.
#[derive(Debug, Default)]
pub(super) struct Departed(BTreeMap<LinkId, Departure>);

#[derive(Debug)]
struct Departure {
    ip: IpAddr,
    node: NodeId,
    /// Points of the fault for which the link ended, or of a worse one that was found later.
    paid: u32,
}

impl Departed {
    /// A peer's link has ended for a fault of `paid` points; 0: for no fault.
    pub(super) fn insert(&mut self, link: LinkId, (ip, node): (IpAddr, NodeId), paid: u32) {
        self.0.insert(link, Departure { ip, node, paid });
        if self.0.len() > DEPARTED_PEERS {
            self.0.pop_first();
        }
    }

    /// A fault of `points` was found. A link pays for its worst fault: returns the address, the node, and the points beyond what the
    /// link has paid, if there are any.
    pub(super) fn charge(&mut self, link: LinkId, points: u32) -> Option<((IpAddr, NodeId), u32)> {
        let departure = self.0.get_mut(&link)?;
        let more = points.checked_sub(departure.paid).filter(|more| *more > 0)?;
        departure.paid = points;
        Some(((departure.ip, departure.node), more))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const PEER: (IpAddr, NodeId) = (IpAddr::V4(std::net::Ipv4Addr::new(9, 1, 1, 1)), NodeId([1; 32]));

    #[test]
    fn a_link_pays_for_its_worst_fault() {
        let mut departed = Departed::default();
        departed.insert(LinkId(1), PEER, 20);
        assert_eq!(departed.charge(LinkId(1), 20), None);
        assert_eq!(departed.charge(LinkId(1), 100), Some((PEER, 80)));
        assert_eq!(departed.charge(LinkId(1), 100), None);
        assert_eq!(departed.charge(LinkId(2), 100), None, "nobody knows of it");
    }

    #[test]
    fn the_last_links_are_remembered() {
        let mut departed = Departed::default();
        let most = DEPARTED_PEERS as u64;
        (0..=most).for_each(|link| departed.insert(LinkId(link), PEER, 0));
        assert_eq!(departed.charge(LinkId(0), 100), None);
        assert_eq!(departed.charge(LinkId(1), 100), Some((PEER, 100)));
        assert_eq!(departed.0.len(), DEPARTED_PEERS);
    }
}
