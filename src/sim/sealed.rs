//! Runs on chains that authorities seal: who they are, and how their networks differ from those of miners.

use std::ops::Range;

use crate::{
    base::hash::hex,
    chain::key::SecretKey,
    sim::{
        dice::Dice,
        options::{LARGE, Options},
    },
};

/// Seeds that draw a sealed chain, parts per million.
const SEALED_PPM: u64 = 250_000;
/// The first of the well-known keys that seal. Those before own the coins of genesis.
const FIRST_KEY: u32 = 100;
/// The most steps that take time, parts per million, and the longest such time, microseconds.
const DELAY_PPM: u64 = 100_000;
const DELAY_MAX: u64 = 20_000;
/// Seconds within which all must agree after the faults. A view may take a minute by then, and some leaders are silent.
const CONVERGE_WITHIN: u64 = 900;

/// How many authorities there are; 0: the chain has proof of work.
pub(super) fn draw_authorities(dice: &Dice, nodes: usize) -> usize {
    let is_sealed = nodes < LARGE && dice.stream("sealed").chance(SEALED_PPM);
    if is_sealed { dice.size("authorities", &[1, 2, 3, 4, 4, 4, 5, 6, 7, 7, 8, 10]) } else { 0 }
}

/// How many of them lie: often as many as may.
pub(super) fn draw_lying(dice: &Dice, authorities: usize, is_calm: bool) -> usize {
    let most = tolerated(authorities);
    let drawn = dice.size("lying_authorities", &[0, 1, 2, 3, 3, 3]).min(most);
    if is_calm { 0 } else { drawn }
}

/// How many may lie. Counted here, so that a mistake in the program is not repeated.
pub(super) fn tolerated(authorities: usize) -> usize {
    authorities.saturating_sub(1) / 3
}

impl Options {
    /// How many lie, unless they are too many.
    fn tolerated_liars(&self) -> usize {
        if self.is_overthrown() { 0 } else { self.lying_authorities }
    }

    /// Whether more authorities lie than the chain tolerates. Then its promises do not hold, and must be seen to fail.
    pub(super) fn is_overthrown(&self) -> bool {
        self.lying_authorities > tolerated(self.authorities)
    }

    /// Makes the run one on a sealed chain. Nobody mines, and what only miners can do is left out.
    pub(super) fn seal(&mut self, dice: &Dice, authorities: usize, lying: usize, is_calm: bool) {
        (self.authorities, self.lying_authorities) = (authorities, lying.min(authorities));
        self.sealed_block_time_ms = dice.one_of("sealed_block_time", &[200, 200, 1_000, 5_000]);
        self.idle_block_time = dice.one_of("idle_block_time", &[15, 60, 3_600]);
        // Without payments there are no blocks.
        self.transactions = dice.between("sealed_transactions", 10, 60);
        self.miners = 0;
        (self.tricksters, self.tricklers, self.misleaders) = (0, 0, 0);
        (self.false_skeletons, self.late_headers, self.history) = (0, 0, 0);
        (self.siege, self.hit_and_run, self.fork_depth, self.retarget) = (false, false, 0, false);
        self.converge_within = if self.is_overthrown() { 0 } else { CONVERGE_WITHIN };
        // Each vote passes each link: poll loops that take longer for each would do nothing else.
        (self.delay_ppm, self.delay_max) = (self.delay_ppm.min(DELAY_PPM), self.delay_max.min(DELAY_MAX));
        if !is_calm {
            self.older_disks = dice.size("older_disks", &[0, 0, 0, 1, 1, 2]).min(self.tolerated_liars());
            // No rule of a sealed chain asks a clock.
            self.clock_skew = dice.one_of("sealed_clock_skew", &[0, 0, 172_800, 1_000_000_000]);
        }
    }
}

/// The chain's file, without the coins of genesis.
pub(super) fn chain_file(options: &Options, prefix: &str) -> String {
    let keys = |members: &[usize]| members.iter().map(|number| hex(&key(*number).public_key())).collect::<Vec<_>>();
    let first = keys(&options.members(0));
    let later = options.later_sets.iter().map(|set| (set.from, keys(&set.members)));
    let table = |(from, keys)| format!("[[authorities]]\nfrom = {from}\nkeys = {keys:?}\n");
    let tables: String = std::iter::once((1, first.clone())).chain(later).map(table).collect();
    let (list, tables) = if options.later_sets.is_empty() {
        (format!("authorities = {first:?}\n"), String::new())
    } else {
        (String::new(), tables)
    };
    format!(
        "protocol = 2\nname = \"simulated\"\naddress_prefix = \"{prefix}\"\ngenesis_time = {}\nblock_time = \"{}ms\"\n\
         seal = \"authorities\"\n{list}idle_block_time = {}\nsubsidy = 5000000000\n\
         halving_interval = 40\nmaturity = {}\ntest = true\n{tables}",
        options.epoch - 5,
        options.sealed_block_time_ms,
        options.idle_block_time,
        options.maturity,
    )
}

/// The key with which a node seals, if it is an authority. The lying ones are the last of the set and the first of the
/// byzantine nodes.
pub(super) fn key_of(options: &Options, node: usize) -> Option<SecretKey> {
    number_of(options, node).map(key)
}

/// A node's number among all authorities of the run: those of the first set come first, then honest nodes that may join.
pub(super) fn number_of(options: &Options, node: usize) -> Option<usize> {
    let honest = options.authorities - options.lying_authorities;
    match node.checked_sub(options.nodes) {
        None if node < honest => Some(node),
        None => Some(options.authorities + node - honest).filter(|number| joins(options, *number)),
        Some(liar) => (liar < options.lying_authorities).then_some(honest + liar),
    }
}

fn joins(options: &Options, number: usize) -> bool {
    options.later_sets.iter().any(|set| set.members.contains(&number))
}

/// The numbers of those who lie.
pub(super) fn liars(options: &Options) -> Range<usize> {
    options.authorities - options.lying_authorities..options.authorities
}

pub(super) fn key(number: usize) -> SecretKey {
    SecretKey::well_known(FIRST_KEY + u32::try_from(number).unwrap_or(0))
}
