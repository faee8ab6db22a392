//! One link for two nodes that dialled each other, and what becomes of a node's key that two nodes have.
//!
//! A link's node is known only once its other side has proven that it has the node's key. Of two links that each side dialled, the node with the smaller
//! identity alone decides which one stays: two that decide could close both.

use super::{Handshake, link::Stage};
use crate::{
    base::{
        ids::{LinkId, NodeId},
        time::Now,
    },
    node::{Outbox, notice::ToPeers, report::Report},
    wire::message::{GoodbyeCode, Version},
};

impl Handshake {
    /// Closes what the link that has just become known as `node`'s is one too many with. `false` if `link` was closed.
    pub(super) fn close_duplicates(&mut self, link: LinkId, node: NodeId, out: &mut Outbox) -> bool {
        let Some(state) = self.links.get(&link).filter(|_| node != self.node) else { return true };
        let (is_inbound, address) = (state.direction.is_inbound(), state.remote);
        // A node that dials us again may have lost its older link: `close_older` decides once the new one works.
        let others = self.links.iter().filter(|(id, other)| *id != link && other.node == Some(node));
        let others = others.filter(|(_, other)| !(is_inbound && other.direction.is_inbound()));
        let Some((other, is_up, accepted)) =
            others.map(|(id, other)| (id, other.stage == Stage::Up, other.direction.is_inbound())).next()
        else {
            return true;
        };
        if !is_inbound && accepted {
            self.note_way(other, address, out);
        }
        // The link that was there before stays. If the other side decides, and has acknowledged that link, it has decided;
        // so this side need not wait to hear it. It would not know of two links that both are ours to dial.
        let (decides, has_decided) = (self.node < node, is_up && !is_inbound);
        let is_ours_twice = !is_inbound && !accepted;
        if !decides && !has_decided && !is_ours_twice {
            return true;
        }
        log::debug!("linked with this node already link={} node={node:?} other={}", link.0, other.0);
        self.goodbye(link, GoodbyeCode::Duplicate, out);
        false
    }

    /// The node that opened an accepted link is the one that answers at an address.
    fn note_way(&mut self, accepted: LinkId, address: std::net::SocketAddr, out: &mut Outbox) {
        if let Some(state) = self.links.get_mut(&accepted) {
            state.leads_to = Some(address);
        }
        out.tell(ToPeers::LeadsTo { link: accepted, address });
    }

    /// Closes links that the peer of `link` opened before this one: it has forgotten them, or would not have dialled.
    pub(super) fn close_older(&mut self, link: LinkId, out: &mut Outbox) {
        let Some(node) = self.links.get(&link).filter(|state| state.direction.is_inbound()).and_then(|s| s.node) else {
            return;
        };
        let older = self.links.iter().filter(|(id, other)| {
            *id != link && other.direction.is_inbound() && other.stage == Stage::Up && other.node == Some(node)
        });
        for older in older.map(|(id, _)| id).collect::<Vec<_>>() {
            log::debug!("an older link of the same node closed link={} node={node:?} newer={}", older.0, link.0);
            self.goodbye(older, GoodbyeCode::Duplicate, out);
        }
    }

    /// Closes a link to another node that has our key. Both say so: each hears the other's `Version`.
    pub(super) fn close_double(&mut self, now: Now, link: LinkId, version: &Version, out: &mut Outbox) -> bool {
        let Some(state) = self.links.get(&link).filter(|state| state.node == Some(self.node)) else { return false };
        let (remote, nonce) = (state.remote, state.nonce);
        if state.direction.is_inbound() {
            self.send_version(now.unix, link, nonce, out);
        }
        let what = format!("another node runs with this node's key, at {remote}: node.key was copied");
        if self.may_warn(now.mono) {
            let agent = super::version::printable(&version.agent);
            log::warn!("{what}; stop one of the two, delete its node.key and start it again its_agent=\"{agent}\"");
        }
        out.report(Report::Warning { key: "node_key_shared", text: Some(what) });
        self.goodbye(link, GoodbyeCode::SelfConnection, out);
        true
    }
}
