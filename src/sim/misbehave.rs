//! When byzantine nodes play their tricks.

use crate::{
    base::{ids::LinkId, time::Time},
    node::{CloseReason, Event, LinkAction, LinkEvent},
    sim::{
        byzantine::{Context, Heard, Trick},
        world::{Happening, World},
    },
    wire::{frame::Frame, message::GoodbyeCode},
};

/// Microseconds between two things that a byzantine node sends on its own.
const PACE: u64 = 700_000;

impl World {
    /// Lets a node's trick do something; `None`: the node is honest.
    fn play<T>(&mut self, node: usize, play: impl FnOnce(&mut dyn Trick, &mut Context<'_>) -> T) -> Option<T> {
        let (there, conns, spec) = (&mut self.nodes[node], &self.conns, &self.spec);
        let byzantine = there.byzantine.as_mut()?;
        let sockets = there.life.as_ref().map(|life| &life.sockets);
        let peer = |link: LinkId| {
            let (conn, side) = sockets?.get(&link)?;
            Some(conns[*conn].as_ref()?.ends[1 - side].node)
        };
        let unix = there.clock.read(self.now).unix.0;
        let (rng, disk, peer) = (&mut byzantine.rng, &there.disk, &peer);
        Some(play(&mut *byzantine.trick, &mut Context { spec, rng, unix, node, disk, peer }))
    }

    /// The frames that go out when the roles of a byzantine node send one.
    pub(super) fn distort(&mut self, node: usize, link: LinkId, frame: Frame) -> Vec<Frame> {
        if self.nodes[node].byzantine.is_none() {
            return vec![frame];
        }
        self.play(node, |trick, context| trick.send(link, frame, context)).unwrap_or_default()
    }

    /// The sealer of a byzantine node is about to hear something. Returns whether it does.
    pub(super) fn overhears(&mut self, node: usize, event: &Event) -> bool {
        let Event::Link(LinkEvent::Frame { frame, .. }) = event else { return true };
        let links = self.peers_of(node);
        let heard = self.play(node, |trick, context| trick.hear(frame, &links, context));
        let Heard { is_kept, says } = heard.unwrap_or_default();
        for (link, frame) in says {
            self.order(node, LinkAction::Send { link, frame });
        }
        !is_kept
    }

    /// The links of a node to its peers.
    fn peers_of(&self, node: usize) -> Vec<LinkId> {
        let Some(life) = &self.nodes[node].life else { return Vec::new() };
        life.sockets.keys().copied().filter(|link| life.endpoint.is_up(*link)).collect()
    }

    /// A byzantine node sends something on its own.
    pub(super) fn misbehave(&mut self, node: usize) {
        if self.faults.calm && !self.options.byzantine_stay {
            return;
        }
        self.at(Time(self.now.0 + PACE), Happening::Misbehave(node));
        if self.nodes[node].life.is_none() {
            return;
        }
        let links = self.peers_of(node);
        let said = self.play(node, |trick, context| trick.tick(&links, context));
        for (link, frame) in said.unwrap_or_default() {
            self.expect_price(node, link, &frame);
            self.order(node, LinkAction::Send { link, frame });
        }
        if self.nodes[node].byzantine.as_ref().is_some_and(|byzantine| byzantine.trick.leaves()) {
            for link in links {
                let reason = Box::new(CloseReason::Local(GoodbyeCode::Stopping));
                self.order(node, LinkAction::Close { link, reason, retry_after: 0 });
            }
        }
        self.run_node(node);
    }
}
