//! Whole networks on chains that authorities seal. `sim::fresh_seeds_hold` runs fresh seeds of both kinds of chains.

use tussock::sim::{self, Options, Outcome, Overrides};

fn sealed(authorities: usize) -> Overrides {
    Overrides { authorities: Some(authorities), later_sets: Some(0), snapshots: Some(false), ..Overrides::default() }
}

fn outcome(seed: u64, authorities: usize) -> Outcome {
    sim::run(Options::draw(seed, &sealed(authorities)))
}

fn assert_holds(outcome: &Outcome) {
    let Options { seed, overrides, .. } = &outcome.options;
    assert!(outcome.failure.is_none(), "failed\n{outcome}\nto run it again: {}", overrides.command(*seed));
}

#[test]
fn a_seed_always_gives_the_same_run() {
    for (seed, authorities) in [(1, 4), (7, 7)] {
        let (first, second) = (outcome(seed, authorities), outcome(seed, authorities));
        assert_eq!(first.trace_digest, second.trace_digest, "seed {seed}");
        assert_eq!(first, second, "seed {seed}");
    }
}

#[test]
fn few_authorities_agree_and_many() {
    for authorities in [1, 2, 3, 5, 6, 9] {
        assert_holds(&outcome(100 + authorities as u64, authorities));
    }
}

/// With one liar more than the chain tolerates the checkers find what must not be: so they can fail.
#[test]
fn with_one_liar_too_many_a_conflict_is_found() {
    let overrides = Overrides { lying_authorities: Some(2), ..sealed(4) };
    let is_conflict = |outcome: &Outcome| outcome.failure.as_ref().is_some_and(|failure| failure.checker == "finality");
    let found = (1..=200).find(|seed| is_conflict(&sim::run(Options::draw(*seed, &overrides))));
    assert!(found.is_some());
}

/// Too many lie. Nodes that started again knew only what was final last, which was on another branch, and left what they had held
/// final before. That nodes contradict each other is told all the same.
#[test]
fn what_was_final_first_stays_over_restarts() {
    for seed in [10, 67] {
        let outcome = sim::run(Options::draw(seed, &Overrides { lying_authorities: Some(2), ..sealed(4) }));
        let checker = outcome.failure.as_ref().map(|failure| failure.checker.as_str());
        assert_eq!(checker, Some("finality"), "{outcome}");
    }
}

/// An authority that starts again from an older disk asks others what its key has signed, and stops.
#[test]
fn no_authority_signs_twice_after_a_start_from_an_older_disk() {
    for (seed, authorities) in [(1, 4), (2, 4), (3, 7)] {
        let overrides = Overrides { calm: true, lying_authorities: Some(1), ..sealed(authorities) };
        let options = Options { older_disks: 1, ..Options::draw(seed, &overrides) };
        assert_holds(&sim::run(options));
    }
}

/// Votes came so late that a view was skipped and its block notarised, when every node had forgotten the block: nobody could
/// build on it or beside it.
#[test]
fn a_block_that_late_votes_notarise_does_not_stop_the_chain() {
    assert_holds(&outcome(9, 7));
}

/// Votes that come late make rivals of several views at one height.
#[test]
fn of_two_notarised_blocks_all_follow_that_of_the_later_view() {
    let overrides = Overrides { lying_authorities: Some(1), snapshots: Some(false), ..sealed(4) };
    let outcome = sim::run(Options::draw(15, &overrides));
    assert_holds(&outcome);
    assert!(outcome.summary.reorganisations > 0, "no block had a rival");
}

/// Between two nodes no byte passed for a minute, and one blamed the other for transactions that it had announced.
#[test]
fn nobody_is_blamed_for_a_cut() {
    assert_holds(&outcome(14, 4));
}

/// What is asked for on a sealed chain has no work to show.
#[test]
fn a_certified_block_may_be_asked_for() {
    assert_holds(&outcome(107, 7));
}

/// The role `sealer` told who was heard when it was woken too early.
#[test]
fn an_early_wake_does_nothing() {
    assert_holds(&outcome(19, 4));
    assert_holds(&outcome(12, 7));
}

/// A node was paid at before it had a peer, so before it had told a salt. The checker did not know that it had what peers
/// announced later, and wanted it asked for.
#[test]
fn what_is_here_before_a_salt_is_told_is_asked_of_nobody() {
    let overrides = Overrides { later_sets: Some(2), ..sealed(5) };
    assert_holds(&sim::run(Options::draw(1002, &overrides)));
}

/// Sets of authorities take over from each other: one joins, one leaves, a few stay among others; in each lie as many as may.
#[test]
fn the_network_goes_on_over_changes_of_its_authorities() {
    for (seed, authorities, later_sets) in [(2, 2, 2), (4, 4, 1), (6, 5, 3)] {
        let options = Options::draw(seed, &Overrides { later_sets: Some(later_sets), ..sealed(authorities) });
        assert_eq!(options.later_sets.len(), later_sets);
        let outcome = sim::run(options);
        assert_holds(&outcome);
        let last = outcome.options.later_sets.last().expect("later sets");
        assert!(outcome.summary.height > last.from, "seed {seed} ends before {}", last.from);
    }
}

/// A node that joined with a snapshot heard of no block before it had coins, so that no later set of authorities took office there and
/// no height was ever final.
#[test]
fn a_node_joins_with_a_snapshot_while_authorities_take_over_from_others() {
    for (seed, authorities) in [(52_000_000_241, 1), (52_000_000_154, 4)] {
        let overrides = Overrides { later_sets: None, snapshots: Some(true), ..sealed(authorities) };
        assert_holds(&sim::run(Options::draw(seed, &overrides)));
    }
}

/// The header above the snapshot came while the past waited for it. Woken early, its role took it at once instead of when it was time.
#[test]
fn what_a_node_says_of_its_past_depends_on_the_time_and_not_on_who_wakes_it() {
    let overrides = Overrides { snapshots: Some(true), ..sealed(4) };
    assert_holds(&sim::run(Options::draw(6_200_000_335, &overrides)));
}

/// One authority was left, which put each payment into a block at once, and others got it in the block first. The checker counted
/// such payments by a notice that no node of a sealed chain gives, so by none.
#[test]
fn payments_that_come_in_blocks_are_news_that_came() {
    let overrides = Overrides { later_sets: None, snapshots: Some(true), ..sealed(4) };
    assert_holds(&sim::run(Options::draw(53_000_000_454, &overrides)));
}
