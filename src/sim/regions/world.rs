//! A study's part of the world: it orders blocks, fills them, and takes down what nodes hear.

use std::{sync::Arc, time::Duration};

use super::{
    layout::{Layout, Uplink},
    measures::Measures,
    mesh::Blocks,
    study::Study,
};
use crate::{
    base::{rng::Rng, time::Time},
    chain::{spec::ChainSpec, testkit::BlockMaker},
    node::{
        CloseReason, Event, LinkEvent, Notice, RoleId, SyncState, Verdicts,
        command::{FetchCommand, GossipCommand, MinerCommand},
        notice::{ToGossip, ToHeaders},
    },
    sim::{
        checkers::Question,
        clock::Clock,
        common_ledger::Commons,
        disk::Disk,
        lines::Line,
        node::{Node, address},
        options::Options,
        setup,
        world::{Happening, World},
    },
};

/// Bytes of the payments that fill blocks.
const LARGE_PAYMENT: u64 = 7_000;

/// What a world has in addition if it is a study's.
pub(in crate::sim) struct Survey {
    study: Study,
    layout: Layout,
    uplinks: Vec<Uplink>,
    measures: Measures,
    /// Draws when who finds a block, and where large payments are made.
    rng: Rng,
    /// Makes blocks of payments that nobody has heard of.
    blocks: Option<Blocks>,
}

impl Survey {
    /// Nothing has happened yet.
    pub(in crate::sim) fn new(study: &Study) -> Self {
        let layout = Layout::draw(study);
        Self {
            uplinks: (0..study.nodes).map(|node| layout.uplink(node)).collect(),
            measures: Measures::new(study.nodes),
            rng: Rng::from_number(study.seed).fork("survey"),
            study: study.clone(),
            blocks: None,
            layout,
        }
    }

    /// The nodes of the network, none of them started.
    pub(in crate::sim) fn nodes(&self, options: &Options, spec: &Arc<ChainSpec>) -> Vec<Node> {
        let (commons, verdicts) = (Commons::new(spec), Verdicts::default());
        let node = |number| {
            let mut setup = setup::setup(options, spec, number);
            setup.connect = self.layout.opens(number).iter().map(|other| address(*other)).collect();
            setup.verdicts = Some(verdicts.clone());
            Node::new(number, setup, Disk::common(spec, commons.ledger(spec)), Clock::new(0, 0).of_epoch(options.epoch))
        };
        (0..options.nodes).map(node).collect()
    }

    /// The time that a byte takes from one node to another.
    pub(in crate::sim) fn latency(&self, from: usize, to: usize, rng: &mut Rng) -> Duration {
        self.layout.latency(from, to, rng)
    }

    /// What a connection between two nodes carries, each way.
    pub(in crate::sim) fn lines(&self, from: usize, to: usize) -> [Option<Line>; 2] {
        [Some(self.layout.line(from, to)), Some(self.layout.line(to, from))]
    }

    /// A node sends bytes; returns when the first of them leaves it.
    pub(in crate::sim) fn take_uplink(&mut self, node: usize, now: Time, bytes: usize) -> Time {
        self.uplinks[node].take(now, bytes)
    }

    /// A role hears something.
    pub(in crate::sim) fn hears(&mut self, role: RoleId, event: &Event) {
        match event {
            Event::Link(LinkEvent::Frame { frame, .. }) => self.measures.hears(frame),
            Event::Link(LinkEvent::Closed { reason: CloseReason::Fault(fault), .. }) if role == RoleId::Peers => {
                self.measures.blames(&fault.to_string());
            }
            _ => {}
        }
    }

    /// A role tells another one something.
    pub(in crate::sim) fn overhears(&mut self, node: usize, notice: &Notice, now: Time) {
        match notice {
            Notice::Headers(ToHeaders::ChainMoved(moved)) => {
                moved.added.iter().for_each(|(hash, height)| self.measures.block_at(node, *hash, *height, now));
            }
            Notice::Gossip(ToGossip::Admitted { transaction, result: Ok(()), .. }) => {
                self.measures.transaction_at(node, transaction.txid, now);
            }
            _ => {}
        }
    }

    /// A node refuses an order or a payment.
    pub(in crate::sim) fn refused(&mut self) {
        self.measures.refused += 1;
    }

    pub(super) fn parts(&self) -> (&Study, &Layout, &Measures) {
        (&self.study, &self.layout, &self.measures)
    }

    /// A node that mines, drawn by hash rate.
    fn draw_miner(&mut self) -> usize {
        let miners = self.layout.miners();
        let mut at = self.rng.below(miners.iter().map(|(_, rate)| rate).sum());
        let found = miners.iter().find(|(_, rate)| {
            let is_here = at < *rate;
            at = at.saturating_sub(*rate);
            is_here
        });
        found.map_or(0, |(node, _)| *node)
    }
}

impl World {
    /// Puts what a study needs into the event queue.
    pub(in crate::sim) fn plan_study(&mut self) {
        let Some(survey) = &self.survey else { return };
        let begins = Time(survey.study.warm_up() * 1_000_000);
        self.at(begins, Happening::Measure);
    }

    /// The network stands: blocks are found from now on, and news counts.
    pub(in crate::sim) fn begin_to_measure(&mut self) {
        let Some(survey) = &mut self.survey else { return };
        survey.measures.counts = true;
        self.next_block();
        self.fill_block();
        self.next_submission();
    }

    /// Draws when the next block is found, until the time is up.
    fn next_block(&mut self) {
        let ends = Time(self.options.seconds * 1_000_000);
        let Some(survey) = &mut self.survey else { return };
        let mean = survey.study.block_time_ms * 1_000;
        let at = Time(self.now.0 + if survey.study.mesh.is_some() { mean } else { exponential(&mut survey.rng, mean) });
        if at < ends {
            self.at(at, Happening::FindBlock);
        }
    }

    /// One of the miners finds a block. The role that mines makes it, on the tip that its node has.
    pub(in crate::sim) fn find_block(&mut self) {
        let Some(survey) = &mut self.survey else { return };
        if survey.study.mesh.is_some() {
            let (bytes, rng) = (survey.study.block_bytes, &mut survey.rng);
            let new = || Blocks::new(BlockMaker::new(self.spec.clone()), rng.fork("payments"));
            let block = survey.blocks.get_or_insert_with(new).next(bytes).bytes;
            self.command(0, FetchCommand::SubmitBlock(block), Question::Block);
            return self.next_block();
        }
        let node = survey.draw_miner();
        self.command(node, MinerCommand::Mine { blocks: 1, address: None }, Question::Block);
        self.next_block();
        self.fill_block();
    }

    /// Makes the payments that fill the next block, each at another node.
    fn fill_block(&mut self) {
        let of_regions = self.survey.as_ref().filter(|survey| survey.study.mesh.is_none());
        let bytes = of_regions.map_or(0, |survey| survey.study.block_bytes);
        for _ in 0..bytes.div_ceil(LARGE_PAYMENT) {
            self.pay_much(bytes.min(LARGE_PAYMENT));
        }
    }

    fn pay_much(&mut self, bytes: u64) {
        let nodes = self.options.nodes as u64;
        let Some(survey) = &mut self.survey else { return };
        let node = usize::try_from(survey.rng.below(nodes)).unwrap_or(0);
        if self.nodes[node].view.state != SyncState::Synced {
            return;
        }
        let made = self.nodes[node].disk.read(|ledger| self.wallet.make_large(&self.spec, ledger, bytes));
        if let Some(made) = made {
            self.command(
                node,
                GossipCommand::SubmitTransaction { bytes: made.transaction.to_bytes().into(), replace: true },
                Question::Submit(None),
            );
        }
    }
}

/// A waiting time with this mean, microseconds, by von Neumann's method: it compares uniform numbers and computes no
/// logarithm, which differs between hosts in the last digit.
fn exponential(rng: &mut Rng, mean: u64) -> u64 {
    let mut whole = 0u64;
    loop {
        let first = rng.next_u64();
        let (mut last, mut falls) = (first, 1u32);
        loop {
            let next = rng.next_u64();
            if next > last {
                break;
            }
            (last, falls) = (next, falls + 1);
        }
        if falls % 2 == 1 {
            let part = (u128::from(mean) * u128::from(first)) >> 64;
            return mean.saturating_mul(whole).saturating_add(u64::try_from(part).unwrap_or(u64::MAX));
        }
        whole += 1;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn waiting_times_have_the_mean_and_the_spread_of_their_distribution() {
        let mut rng = Rng::from_number(5);
        let times: Vec<f64> = (0..200_000).map(|_| exponential(&mut rng, 1_000_000) as f64 / 1e6).collect();
        let mean = times.iter().sum::<f64>() / times.len() as f64;
        let square = times.iter().map(|time| time * time).sum::<f64>() / times.len() as f64;
        let beyond_two = times.iter().filter(|time| **time > 2.0).count() as f64 / times.len() as f64;
        assert!((mean - 1.0).abs() < 0.01 && (square - 2.0).abs() < 0.05, "{mean} {square}");
        assert!((beyond_two - 0.1353).abs() < 0.003, "e^-2: {beyond_two}");
    }
}
