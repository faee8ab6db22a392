//! When byzantine nodes play their tricks.

use crate::{
    base::{ids::LinkId, time::Time},
    node::{CloseReason, LinkAction},
    sim::{
        byzantine::Context,
        world::{Happening, World},
    },
    wire::{frame::Frame, message::GoodbyeCode},
};

/// Microseconds between two things that a byzantine node sends on its own.
const PACE: u64 = 700_000;

impl World {
    /// The frames that go out when the roles of a byzantine node send one.
    pub(super) fn distort(&mut self, node: usize, link: LinkId, frame: Frame) -> Vec<Frame> {
        let there = &mut self.nodes[node];
        let Some(byzantine) = &mut there.byzantine else { return vec![frame] };
        let (spec, unix) = (&self.spec, there.clock.read(self.now).unix.0);
        let (trick, disk) = (&mut byzantine.trick, &there.disk);
        trick.send(link, frame, &mut Context { spec, rng: &mut byzantine.rng, unix, node, disk })
    }

    /// A byzantine node sends something on its own.
    pub(super) fn misbehave(&mut self, node: usize) {
        if self.faults.calm && !self.options.byzantine_stay {
            return;
        }
        self.at(Time(self.now.0 + PACE), Happening::Misbehave(node));
        let links: Vec<LinkId> = match &self.nodes[node].life {
            Some(life) => life.sockets.keys().copied().filter(|link| life.endpoint.is_up(*link)).collect(),
            None => return,
        };
        let there = &mut self.nodes[node];
        let Some(byzantine) = &mut there.byzantine else { return };
        let (spec, unix) = (&self.spec, there.clock.read(self.now).unix.0);
        let (trick, disk) = (&mut byzantine.trick, &there.disk);
        let said = trick.tick(&links, &mut Context { spec, rng: &mut byzantine.rng, unix, node, disk });
        for (link, frame) in said {
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
