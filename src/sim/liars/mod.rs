//! Dishonest nodes. Each runs the real roles, so that it is a peer like any other, and a trick that changes what they
//! say on its way out, or says things of its own from time to time. They stop when the faults end, or never.

mod claims;
mod drip;
mod equivocate;
mod flood;
mod headers;
mod mutate;
mod transactions;
mod withhold;

use crate::{
    base::{ids::LinkId, rng::Rng},
    chain::spec::ChainSpec,
    node::LinkAction,
    sim::{
        options::Options,
        world::{Happening, World},
    },
    wire::frame::Frame,
};

/// Microseconds between two things that a liar says of its own.
const PACE: u64 = 700_000;

/// What a trick may look at.
pub(super) struct Desk<'a> {
    /// The chain.
    pub spec: &'a ChainSpec,
    /// The liar's randomness.
    pub rng: &'a mut Rng,
    /// The liar's clock, unix seconds.
    pub unix: u64,
}

/// One way to be dishonest.
pub(super) trait Trick {
    /// What goes out in place of a frame.
    fn send(&mut self, link: LinkId, frame: Frame, desk: &mut Desk<'_>) -> Vec<Frame> {
        let _ = (link, desk);
        vec![frame]
    }

    /// What it says of its own, and to whom.
    fn tick(&mut self, links: &[LinkId], desk: &mut Desk<'_>) -> Vec<(LinkId, Frame)> {
        let _ = (links, desk);
        Vec::new()
    }

    /// Whether it mines. All liars together have at most a third of the work.
    fn mines(&self) -> bool {
        false
    }

    /// Whether it may go on when all other faults are over: whoever can have more work than the honest miners may not.
    fn may_stay(&self) -> bool {
        true
    }

    /// Whether its bytes go out one at a time.
    fn drips(&self) -> bool {
        false
    }
}

/// A dishonest node's part beyond its roles.
pub(super) struct Liar {
    /// What it does.
    pub trick: Box<dyn Trick>,
    rng: Rng,
}

impl Liar {
    /// Draws one.
    pub(super) fn draw(options: &Options, rng: &mut Rng) -> Self {
        let trick: Box<dyn Trick> = match rng.below(8) {
            0 => Box::new(claims::Claims),
            1 => Box::new(drip::Drip),
            2 => Box::new(equivocate::Equivocate::default()),
            3 => Box::new(flood::Flood),
            4 => Box::new(headers::Headers::new(mine_rate(options))),
            5 => Box::new(mutate::Mutate),
            6 => Box::new(transactions::Transactions),
            _ => Box::new(withhold::Withhold::draw(rng)),
        };
        Self { trick, rng: rng.fork("liar") }
    }
}

/// Hashes per second of each liar that mines, so that all of them have at most a third of the work.
pub(super) fn mine_rate(options: &Options) -> u64 {
    (options.miners as u64 * options.mine_rate / 2 / (options.liars as u64).max(1)).max(1)
}

impl World {
    /// What really goes out when the roles of a liar send a frame.
    pub(super) fn twist(&mut self, node: usize, link: LinkId, frame: Frame) -> Vec<Frame> {
        let there = &mut self.nodes[node];
        let Some(liar) = &mut there.liar else { return vec![frame] };
        let (spec, unix) = (&self.spec, there.clock.read(self.now).unix.0);
        let trick = &mut liar.trick;
        trick.send(link, frame, &mut Desk { spec, rng: &mut liar.rng, unix })
    }

    /// A liar says something of its own.
    pub(super) fn lie(&mut self, node: usize) {
        if self.faults.calm && !self.options.liars_stay {
            return;
        }
        self.at(crate::base::time::Time(self.now.0 + PACE), Happening::Lie(node));
        let links: Vec<LinkId> = match &self.nodes[node].life {
            Some(life) => life.sockets.keys().copied().filter(|link| life.endpoint.is_up(*link)).collect(),
            None => return,
        };
        let there = &mut self.nodes[node];
        let Some(liar) = &mut there.liar else { return };
        let (spec, unix) = (&self.spec, there.clock.read(self.now).unix.0);
        let trick = &mut liar.trick;
        let said = trick.tick(&links, &mut Desk { spec, rng: &mut liar.rng, unix });
        for (link, frame) in said {
            self.order(node, LinkAction::Send { link, frame });
        }
        self.run_node(node);
    }
}
