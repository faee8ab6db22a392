//! By which peers the authorities are heard. While nothing waits nobody votes, so that a link that is gone is all that shows that
//! an authority may be gone.

use std::collections::BTreeMap;

use crate::base::ids::{LinkId, NodeId};

/// How firmly a peer is taken for an authority's way: so many words that come first from others make another one of it. A peer
/// that once was quicker than the authority's own link makes none.
const FIRMNESS: u8 = 8;

/// For each authority, by its key: the peer from which its words mostly come first. Only those of a set are noted, so that it has
/// as many as there were authorities lately.
#[derive(Debug, Default)]
pub(super) struct Ways {
    ways: BTreeMap<[u8; 32], Way>,
    /// Who is at the other end of each link.
    linked: BTreeMap<LinkId, NodeId>,
}

#[derive(Debug)]
struct Way {
    peer: NodeId,
    firmness: u8,
}

impl Ways {
    /// A link became a peer.
    pub(super) fn linked(&mut self, link: LinkId, peer: NodeId) {
        self.linked.insert(link, peer);
    }

    /// A link is gone.
    pub(super) fn lost(&mut self, link: LinkId) {
        self.linked.remove(&link);
    }

    /// Other keys seal.
    pub(super) fn keep(&mut self, keys: &[[u8; 32]]) {
        self.ways.retain(|key, _| keys.contains(key));
    }

    /// Something that the authority with this key has signed came first over this link.
    pub(super) fn heard(&mut self, key: [u8; 32], link: LinkId) {
        let Some(peer) = self.linked.get(&link).copied() else { return };
        let way = self.ways.entry(key).or_insert(Way { peer, firmness: 0 });
        // A way that is gone brought nothing for a while.
        let is_open = self.linked.values().any(|linked| *linked == way.peer);
        if way.peer == peer {
            way.firmness = (way.firmness + 1).min(FIRMNESS);
        } else if is_open && way.firmness > 1 {
            way.firmness -= 1;
        } else {
            *way = Way { peer, firmness: 1 };
        }
    }

    /// Whether an authority was heard by a peer that is no longer linked, and not since.
    pub(super) fn is_cut(&self, key: &[u8; 32]) -> bool {
        let way = self.ways.get(key).map(|way| way.peer);
        way.is_some_and(|way| self.linked.values().all(|peer| *peer != way))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::node::testing::some_node;

    const KEY: [u8; 32] = [7; 32];

    fn linked(links: &[u64]) -> Ways {
        let mut ways = Ways::default();
        links.iter().for_each(|link| ways.linked(LinkId(*link), some_node(*link)));
        ways
    }

    #[test]
    fn an_authority_is_cut_off_once_the_peer_that_brings_its_words_is_gone_until_it_is_heard_or_linked_again() {
        let mut ways = linked(&[1, 2]);
        assert!(!ways.is_cut(&KEY), "it was never heard");
        (0..3).for_each(|_| ways.heard(KEY, LinkId(1)));
        ways.heard(KEY, LinkId(2));
        ways.lost(LinkId(2));
        assert!(!ways.is_cut(&KEY), "that peer was quicker once");
        ways.linked(LinkId(3), some_node(2));
        ways.lost(LinkId(1));
        assert!(ways.is_cut(&KEY));
        ways.linked(LinkId(4), some_node(1));
        assert!(!ways.is_cut(&KEY), "the same node over a new link");
        ways.lost(LinkId(4));
        ways.heard(KEY, LinkId(3));
        assert!(!ways.is_cut(&KEY), "it has another way");
        ways.keep(&[]);
        assert!(ways.ways.is_empty());
    }

    #[test]
    fn a_way_changes_when_its_words_come_from_another_peer_for_long() {
        let mut ways = linked(&[1, 2]);
        (0..100).for_each(|_| ways.heard(KEY, LinkId(1)));
        (0..FIRMNESS).for_each(|_| ways.heard(KEY, LinkId(2)));
        ways.lost(LinkId(1));
        assert!(!ways.is_cut(&KEY));
        ways.heard(KEY, LinkId(9));
        ways.lost(LinkId(2));
        assert!(ways.is_cut(&KEY), "an unknown link is nobody's way");
    }
}
