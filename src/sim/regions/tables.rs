//! Where nodes are and how they are connected, as published.
//!
//! The figures are those of SimBlock (Aoki, Otsuki, Kaneko, Banno and Shudo, "SimBlock: A Blockchain Network Simulator", 2019;
//! <https://github.com/dsg-titech/simblock>, `NetworkConfiguration.java`): six regions; the mean latency and the bandwidth of
//! 2015 and 2019; the shares of Bitcoin's nodes in these years; and the number of links that a node opens, after Miller et al.,
//! "Discovering Bitcoin's Public Topology and Influential Nodes", 2015.

use serde::Serialize;

/// A published set of figures.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum Regions {
    /// Bitcoin's nodes and the internet of 2015.
    #[serde(rename = "bitcoin-2015")]
    Bitcoin2015,
    /// Bitcoin's nodes and the internet of 2019.
    #[serde(rename = "bitcoin-2019")]
    Bitcoin2019,
}

/// Number of regions.
pub(super) const REGIONS: usize = 6;

/// The regions' names. All other tables are in this order.
pub(super) const NAMES: [&str; REGIONS] =
    ["North America", "Europe", "South America", "Asia and Pacific", "Japan", "Australia"];

/// Bits per second that a connection between two regions carries at most.
pub(super) const BETWEEN_REGIONS: u64 = 6_000_000;

/// Nodes out of 10,000 that open at most 1, 2, … 20 links.
pub(super) const OPEN_AT_MOST: [u64; 20] = [
    250, 500, 750, 1_000, 2_000, 3_000, 4_000, 5_000, 6_000, 7_000, 8_000, 8_500, 9_000, 9_500, 9_700, 9_700, 9_800,
    9_900, 9_950, 10_000,
];

/// One region.
#[derive(Clone, Copy, Debug)]
pub(super) struct Region {
    /// Nodes out of 10,000.
    pub(super) share: u64,
    /// Bits per second that a node sends.
    pub(super) up: u64,
    /// Bits per second that it receives.
    pub(super) down: u64,
    /// The mean time that a byte takes to a node in each region, milliseconds.
    pub(super) latency: [u64; REGIONS],
}

const fn region(share: u64, up: u64, down: u64, latency: [u64; REGIONS]) -> Region {
    Region { share, up, down, latency }
}

const OF_2015: [Region; REGIONS] = [
    region(3_869, 4_700_000, 25_000_000, [36, 119, 255, 310, 154, 208]),
    region(5_159, 8_100_000, 24_000_000, [119, 12, 221, 242, 266, 350]),
    region(113, 1_800_000, 6_500_000, [255, 221, 137, 347, 256, 269]),
    region(574, 5_300_000, 10_000_000, [310, 242, 347, 99, 172, 278]),
    region(119, 3_400_000, 17_500_000, [154, 266, 256, 172, 9, 163]),
    region(166, 5_200_000, 14_000_000, [208, 350, 269, 278, 163, 22]),
];

const OF_2019: [Region; REGIONS] = [
    region(3_316, 19_200_000, 52_000_000, [32, 124, 184, 198, 151, 189]),
    region(4_998, 20_700_000, 40_000_000, [124, 11, 227, 237, 252, 294]),
    region(90, 5_800_000, 18_000_000, [184, 227, 88, 325, 301, 322]),
    region(1_177, 15_700_000, 22_800_000, [198, 237, 325, 85, 58, 198]),
    region(224, 10_200_000, 22_800_000, [151, 252, 301, 58, 12, 126]),
    region(195, 11_300_000, 29_900_000, [189, 294, 322, 198, 126, 16]),
];

impl Regions {
    /// All sets.
    pub const ALL: [Self; 2] = [Self::Bitcoin2015, Self::Bitcoin2019];

    /// The name that flags and reports use.
    pub fn name(self) -> &'static str {
        match self {
            Self::Bitcoin2015 => "bitcoin-2015",
            Self::Bitcoin2019 => "bitcoin-2019",
        }
    }

    pub(super) fn table(self) -> &'static [Region; REGIONS] {
        match self {
            Self::Bitcoin2015 => &OF_2015,
            Self::Bitcoin2019 => &OF_2019,
        }
    }
}

impl std::str::FromStr for Regions {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let known = || Self::ALL.map(Self::name).join(", ");
        Self::ALL.into_iter().find(|one| one.name() == text).ok_or_else(|| format!("known are {}", known()))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn shares_are_of_ten_thousand_and_latencies_the_same_both_ways() {
        for regions in Regions::ALL {
            let table = regions.table();
            assert_eq!(table.iter().map(|region| region.share).sum::<u64>(), 10_000);
            for (from, to) in (0..REGIONS).flat_map(|from| (0..REGIONS).map(move |to| (from, to))) {
                assert_eq!(table[from].latency[to], table[to].latency[from], "{} {}", NAMES[from], NAMES[to]);
            }
            assert_eq!(regions.name().parse(), Ok(regions));
        }
        assert!(OPEN_AT_MOST.is_sorted() && OPEN_AT_MOST[19] == 10_000);
        assert!("atlantis".parse::<Regions>().is_err());
    }
}
