//! From a connection to a link between two nodes that know each other.

use std::sync::Arc;

use crate::{
    base::{
        ids::{LinkId, NodeId},
        time::Time,
    },
    link::{
        Endpoint, EventSink,
        link::{Around, Link},
    },
    node::{CloseReason, LinkEvent, LinkKeys, Members, PeerFault, RoleId},
    wire::message::GoodbyeCode,
};

impl Link {
    /// Whether it is certain who is at the other end.
    pub(super) fn is_identified(&self) -> bool {
        self.node.is_some() && !self.awaits_proof
    }

    /// The other side has sealed something: it has the key of the node that it says it is.
    pub(super) fn prove<S: EventSink>(&mut self, around: &mut Around<'_, S>) {
        self.awaits_proof = false;
        if let Some(node) = self.node {
            around.delivery.tell(RoleId::Handshake, LinkEvent::Secured { link: self.id, node });
        }
    }
}

impl<S: EventSink> Endpoint<S> {
    /// The role has done a step of a link's key agreement.
    pub(super) fn agreed(&mut self, now: Time, id: LinkId, message: Option<Vec<u8>>, keys: Option<Box<LinkKeys>>) {
        let Some(link) = self.links.get_mut(&id).filter(|link| link.ends.is_none()) else { return };
        let node = keys.as_ref().map(|keys| keys.node);
        // The list may have changed since the role looked at it. Then nothing is said.
        if node.is_some_and(|node| !is_member(self.config.members.as_deref(), node)) {
            return self.close(now, id, CloseReason::Local(GoodbyeCode::Operator), 0);
        }
        link.awaits_proof = link.tunnel.may_be_replayed();
        link.tunnel.agreed(message.as_deref(), keys.map(|keys| *keys));
        self.count(id);
        self.list(id);
        if let Some(node) = node {
            self.secured(now, id, node);
        }
    }

    /// The other side of a link without encryption has said who it is.
    pub(super) fn introduced(&mut self, now: Time, id: LinkId) {
        let Some(node) = self.links.get(&id).and_then(|link| link.node) else { return };
        self.list(id);
        self.secured(now, id, node);
    }

    fn secured(&mut self, now: Time, id: LinkId, node: NodeId) {
        let Some(link) = self.links.get_mut(&id) else { return };
        link.node = Some(node);
        if link.expected.is_some_and(|expected| expected != node) {
            return self.close(now, id, CloseReason::Fault(PeerFault::WrongNode(node)), 0);
        }
        if !is_member(self.config.members.as_deref(), node) {
            return self.close(now, id, CloseReason::Local(GoodbyeCode::Operator), 0);
        }
        let early = link.tunnel.take_early();
        if !link.awaits_proof {
            self.delivery.tell(RoleId::Handshake, LinkEvent::Secured { link: id, node });
        }
        if !early.is_empty() {
            self.advance(now, id, Some(&early), None);
        }
    }

    /// Only these nodes may link from here on.
    pub(super) fn set_members(&mut self, now: Time, members: Option<Arc<Members>>) {
        self.config.members = members;
        let members = self.config.members.as_deref();
        let gone = self.links.iter().filter(|(_, link)| link.node.is_some_and(|node| !is_member(members, node)));
        for id in gone.map(|(id, _)| id).collect::<Vec<_>>() {
            self.close(now, id, CloseReason::Local(GoodbyeCode::Operator), 0);
        }
    }
}

fn is_member(members: Option<&Members>, node: NodeId) -> bool {
    members.is_none_or(|members| members.contains(&node))
}
