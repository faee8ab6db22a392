//! Reads slowly from one peer, and from all others as an honest node does.

use crate::{
    base::{ids::LinkId, rng::Rng},
    sim::byzantine::trick::{Context, Trick},
    wire::frame::Frame,
};

/// The trick.
pub(super) struct SlowReader {
    victim: Option<LinkId>,
    /// Bytes per second.
    rate: u64,
}

impl SlowReader {
    pub(super) fn draw(rng: &mut Rng) -> Self {
        Self { victim: None, rate: rng.between(5, 300) }
    }
}

impl Trick for SlowReader {
    fn tick(&mut self, links: &[LinkId], context: &mut Context<'_>) -> Vec<(LinkId, Frame)> {
        if !self.victim.is_some_and(|victim| links.contains(&victim)) {
            self.victim = context.rng.pick(links).copied();
            if let Some(victim) = self.victim {
                let rate = self.rate;
                log::debug!(target: "tussock::sim", "a node reads {rate} bytes a second of its link {} alone", victim.0);
            }
        }
        Vec::new()
    }

    fn reads(&self, link: LinkId, _queued: usize) -> Option<u64> {
        (self.victim == Some(link)).then_some(self.rate)
    }
}
