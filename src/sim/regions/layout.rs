//! Where each node of a study is, whom it dials, what its line carries, and how much it mines.

use std::{collections::BTreeSet, time::Duration};

use crate::{
    base::{rng::Rng, time::Time},
    sim::{
        lines::Line,
        regions::{
            mesh::Mesh,
            study::Study,
            tables::{BETWEEN_REGIONS, OPEN_AT_MOST, REGIONS, Region},
        },
    },
};

/// By how much the latency of a connection differs from the mean at most, percent.
const JITTER_PERCENT: u64 = 20;
/// Draws of a peer after which a node makes do with fewer: in small networks it knows all others.
const MOST_DRAWS: usize = 200;

/// The layout of a network.
pub(super) struct Layout {
    table: &'static [Region; REGIONS],
    /// The region of each node.
    regions: Vec<usize>,
    /// Whom each node dials.
    opens: Vec<Vec<usize>>,
    /// The nodes that mine, with their hash rates.
    miners: Vec<(usize, u64)>,
    /// All lines are like this instead.
    mesh: Option<Mesh>,
}

impl Layout {
    /// Draws it.
    pub(super) fn draw(study: &Study) -> Self {
        let mut rng = Rng::from_number(study.seed).fork("regions");
        let table = study.regions.table();
        let regions = draw_regions(table, study.nodes, &mut rng.fork("places"));
        let opens = match study.mesh {
            Some(_) => (0..study.nodes).map(|node| (0..node).collect()).collect(),
            None => draw_links(study.nodes, &mut rng.fork("links")),
        };
        Self { table, regions, opens, miners: draw_miners(study, &mut rng.fork("miners")), mesh: study.mesh }
    }

    /// Whom a node dials and keeps.
    pub(super) fn opens(&self, node: usize) -> &[usize] {
        &self.opens[node]
    }

    /// Nodes of a region, given by its place in the tables.
    pub(super) fn nodes_of(&self, region: usize) -> impl Iterator<Item = usize> {
        self.regions.iter().enumerate().filter(move |(_, of)| **of == region).map(|(node, _)| node)
    }

    /// The nodes that mine, with their hash rates.
    pub(super) fn miners(&self) -> &[(usize, u64)] {
        &self.miners
    }

    /// The time that a byte takes from one node to another.
    pub(super) fn latency(&self, from: usize, to: usize, rng: &mut Rng) -> Duration {
        if let Some(mesh) = self.mesh {
            return Duration::from_millis(mesh.latency_ms);
        }
        let micros = self.table[self.regions[from]].latency[self.regions[to]] * 1_000;
        let most = micros * JITTER_PERCENT / 100;
        Duration::from_micros(micros - most + rng.below(2 * most + 1))
    }

    /// What a connection carries from one node to another.
    pub(super) fn line(&self, from: usize, to: usize) -> Line {
        let window = self.mesh.map_or(usize::MAX, |mesh| mesh.window);
        Line { bandwidth: self.rate(from, to), window }
    }

    /// Bytes per second that a connection carries from one node to another.
    fn rate(&self, from: usize, to: usize) -> u64 {
        if let Some(mesh) = self.mesh {
            return mesh.uplink;
        }
        let (from, to) = (self.regions[from], self.regions[to]);
        let between = if from == to { u64::MAX } else { BETWEEN_REGIONS };
        self.table[from].up.min(self.table[to].down).min(between) / 8
    }

    /// The line on which a node sends.
    pub(super) fn uplink(&self, node: usize) -> Uplink {
        let rate = self.mesh.map_or(self.table[self.regions[node]].up / 8, |mesh| mesh.uplink);
        Uplink { rate, free_at: Time::default() }
    }
}

/// The line on which a node sends to all its peers, one chunk after the other.
#[derive(Clone, Copy, Debug)]
pub(in crate::sim) struct Uplink {
    /// Bytes per second.
    rate: u64,
    free_at: Time,
}

impl Uplink {
    /// Takes bytes; returns when the first of them leaves.
    pub(in crate::sim) fn take(&mut self, now: Time, bytes: usize) -> Time {
        let begins = self.free_at.max(now);
        self.free_at = begins + Duration::from_micros(bytes as u64 * 1_000_000 / self.rate.max(1));
        begins
    }
}

/// Each region gets its share of the nodes, to within one node.
fn draw_regions(table: &[Region; REGIONS], nodes: usize, rng: &mut Rng) -> Vec<usize> {
    let mut regions: Vec<usize> = Vec::with_capacity(nodes);
    let mut share = 0;
    for (at, region) in table.iter().enumerate() {
        share += region.share;
        let upto = usize::try_from(nodes as u64 * share / 10_000).unwrap_or(nodes);
        regions.resize(upto.max(regions.len()), at);
    }
    regions.resize(nodes, 0);
    rng.shuffle(&mut regions);
    regions
}

/// The number of links that each node opens is that of the published distribution; two nodes have one link at most.
fn draw_links(nodes: usize, rng: &mut Rng) -> Vec<Vec<usize>> {
    let mut linked: BTreeSet<(usize, usize)> = BTreeSet::new();
    let mut opens = vec![Vec::new(); nodes];
    // Nobody is left alone: each node opens its first link to one that comes before it.
    for (node, opens) in opens.iter_mut().enumerate().skip(1) {
        let other = draw(node, rng);
        linked.insert((other, node));
        opens.push(other);
    }
    for (node, opens) in opens.iter_mut().enumerate() {
        let chance = rng.below(10_000);
        let wanted = 1 + OPEN_AT_MOST.partition_point(|upto| *upto <= chance);
        for _ in 0..MOST_DRAWS {
            if opens.len() >= wanted {
                break;
            }
            let other = draw(nodes, rng);
            if other != node && linked.insert((node.min(other), node.max(other))) {
                opens.push(other);
            }
        }
    }
    opens
}

fn draw_miners(study: &Study, rng: &mut Rng) -> Vec<(usize, u64)> {
    let mut nodes: Vec<usize> = (0..study.nodes).collect();
    rng.shuffle(&mut nodes);
    let mut miners: Vec<(usize, u64)> =
        nodes.into_iter().take(study.miners.max(1)).map(|node| (node, rng.between(500, 1_500))).collect();
    let others: u64 = miners.iter().skip(1).map(|(_, rate)| rate).sum();
    let percent = study.largest_miner.min(99);
    if let (Some(first), 1..) = (miners.first_mut(), percent) {
        first.1 = others * percent / (100 - percent);
    }
    miners
}

fn draw(nodes: usize, rng: &mut Rng) -> usize {
    usize::try_from(rng.below(nodes as u64)).unwrap_or(0)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::sim::regions::tables::Regions;

    fn layout(nodes: usize) -> Layout {
        Layout::draw(&Study::new(7, Regions::Bitcoin2019, nodes, 60))
    }

    #[test]
    fn regions_have_their_shares_and_degrees_their_distribution() {
        let layout = layout(10_000);
        let of_europe = layout.regions.iter().filter(|region| **region == 1).count();
        assert!((4_997..=4_999).contains(&of_europe), "{of_europe}");
        let links: usize = layout.opens.iter().map(Vec::len).sum();
        assert!((84_000..89_000).contains(&links), "8.65 links a node: {links}");
        let at_most_seven = layout.opens.iter().filter(|opens| opens.len() <= 7).count();
        assert!((3_800..4_200).contains(&at_most_seven), "{at_most_seven}");
        let mut pairs = BTreeSet::new();
        for (node, other) in
            layout.opens.iter().enumerate().flat_map(|(node, all)| all.iter().map(move |to| (node, *to)))
        {
            assert!(node != other && pairs.insert((node.min(other), node.max(other))));
        }
    }

    #[test]
    fn a_line_carries_what_its_ends_and_the_way_between_them_can() {
        let layout = layout(2_000);
        let of = |region: usize| layout.regions.iter().position(|other| *other == region).unwrap();
        let (america, europe, south) = (of(0), of(1), of(2));
        assert_eq!(layout.rate(america, europe), 750_000, "6 Mbit/s between regions");
        assert_eq!(layout.rate(south, america), 725_000, "5.8 Mbit/s up");
        let latency = layout.latency(america, europe, &mut Rng::from_number(1)).as_micros();
        assert!((99_200..=148_800).contains(&latency), "{latency}");
        let mut uplink = layout.uplink(south);
        assert_eq!([uplink.take(Time(5), 725_000), uplink.take(Time(6), 1)], [Time(5), Time(1_000_005)]);
    }

    #[test]
    fn one_miner_may_have_a_given_share() {
        let study = Study { miners: 10, largest_miner: 40, ..Study::new(7, Regions::Bitcoin2019, 50, 60) };
        let miners = Layout::draw(&study).miners;
        let all: u64 = miners.iter().map(|(_, rate)| rate).sum();
        assert!((396..=400).contains(&(miners[0].1 * 1_000 / all)) && miners.len() == 10);
    }
}
