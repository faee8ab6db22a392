//! Whole networks from seeds: a fresh range for each commit, and every seed that ever failed, by name.
//!
//! `TUSSOCK_SEEDS=FROM:COUNT` chooses the range. A failure prints the seed and the one command that replays it.

use std::{
    process::Command,
    sync::atomic::{AtomicU64, Ordering},
    thread,
};

use tussock::{
    base::limits::COIN_OVERLAY_BYTES,
    sim::{self, Options, Outcome, Overrides},
};

/// Seeds of a run when nobody chooses.
const SEEDS: u64 = 200;

fn outcome(seed: u64) -> Outcome {
    sim::run(Options::draw(seed, &Overrides::default()))
}

fn assert_holds(outcome: &Outcome) {
    let seed = outcome.options.seed;
    assert!(
        outcome.failure.is_none(),
        "seed {seed} failed\n{outcome}\nto run it again: tussock simulate --seed {seed}"
    );
}

/// The commit's first digits, so that each commit tries seeds that nobody has tried; a fixed start without git.
fn commit_seed() -> u64 {
    let head = Command::new("git").args(["rev-parse", "--short=8", "HEAD"]).output().ok();
    let text = head.filter(|output| output.status.success()).and_then(|output| String::from_utf8(output.stdout).ok());
    text.and_then(|text| u64::from_str_radix(text.trim(), 16).ok()).unwrap_or(20_260_101)
}

fn range() -> (u64, u64) {
    let chosen = std::env::var("TUSSOCK_SEEDS").ok();
    let parts = chosen.as_deref().and_then(|text| text.split_once(':'));
    let numbers = parts.and_then(|(from, count)| Some((from.parse().ok()?, count.parse().ok()?)));
    numbers.unwrap_or_else(|| (commit_seed(), SEEDS))
}

#[test]
fn fresh_seeds_hold() {
    let (from, count) = range();
    println!("seeds {from} to {}", from + count - 1);
    let next = AtomicU64::new(from);
    let work = || {
        loop {
            let seed = next.fetch_add(1, Ordering::Relaxed);
            if seed >= from + count {
                return;
            }
            let outcome = outcome(seed);
            if outcome.failure.is_some() {
                // The others need not go on.
                next.store(from + count, Ordering::Relaxed);
            }
            assert_holds(&outcome);
        }
    };
    let threads = thread::available_parallelism().map_or(1, usize::from);
    thread::scope(|scope| (0..threads).for_each(|_| drop(scope.spawn(work))));
}

#[test]
fn one_seed_always_runs_the_same_way() {
    for seed in [1, 7, 20_260_101] {
        let (first, second) = (outcome(seed), outcome(seed));
        assert_eq!(first.trace_digest, second.trace_digest, "seed {seed}");
        assert_eq!(first, second, "seed {seed}");
    }
    assert_ne!(outcome(1).trace_digest, outcome(7).trace_digest);
}

/// Coin changes that do not fit into memory go to the open transaction; nobody but the disk can tell.
#[test]
fn what_a_node_holds_in_memory_changes_nothing_that_others_see() {
    for seed in [3, 373, 20_260_101] {
        let traces = [0, 2_000, COIN_OVERLAY_BYTES].map(|overlay_bytes| {
            let options = Options::draw(seed, &Overrides::default());
            let outcome = sim::run(Options { overlay_bytes, ..options });
            assert_holds(&outcome);
            outcome.trace_digest
        });
        assert!(traces.iter().all(|trace| *trace == traces[0]), "seed {seed}: {traces:?}");
    }
}

/// The ledger took a block for news only if the node's state had changed within the last few blocks, so that a node that
/// stayed synced relayed nothing any more.
#[test]
fn blocks_stay_news_while_a_node_stays_synced() {
    for seed in [373, 6446] {
        assert_holds(&outcome(seed));
    }
}

/// A node that catches up confirms a returned transaction in a block that it commits with later ones: for that moment
/// the transaction is neither in the mempool nor on the disk, and the checker took it for lost.
#[test]
fn a_returned_transaction_may_be_in_a_block_that_is_not_committed_yet() {
    assert_holds(&outcome(1_091_189_094));
}

/// A node that was back from a crash left a branch of one block and caught up over slow links for more than six seconds,
/// and the checker wanted the block's transactions back before that was over.
#[test]
fn what_an_abandoned_block_had_comes_back_once_the_node_is_synced() {
    assert_holds(&outcome(140_001_403));
}

/// Of three miners the luckiest was a liar that told each peer another block: all reached each height within 20 ms, but
/// one block came to all only with the next, and the checker took the news for late.
#[test]
fn a_height_that_all_reach_with_different_blocks_is_not_late() {
    assert_holds(&outcome(99_501_263));
}

/// A stalled node says for how long; when it would say so next was not among its deadlines.
#[test]
fn a_stalled_node_wakes_to_say_how_long() {
    assert_holds(&outcome(88));
}

/// Withheld bodies and endless headers: while a branch with more work is known and not delivered, honest miners rest for
/// as long as they wait for it, so that these liars must not have more work than all of them, nor stay for good.
#[test]
fn honest_miners_get_ahead_of_branches_that_nobody_delivers() {
    for seed in [175, 227] {
        assert_holds(&outcome(seed));
    }
}

/// The only miner crashed and started again among several branches whose blocks liars kept back. It waited for one after
/// the other, and by the time that the last was set aside the first had another chance.
#[test]
fn a_miner_that_starts_among_branches_that_nobody_delivers_mines() {
    assert_holds(&outcome(100_101_900));
}

/// A lonely miner met a liar's branch and the honest one at once, and set both aside with each block of its own.
#[test]
fn a_miner_that_meets_an_honest_branch_behind_a_withheld_one_goes_over_to_it() {
    assert_holds(&outcome(101_101_635));
}

/// The blocks of a branch that was set aside stayed wanted below those of the branch that came in its place, so that
/// nobody noticed that the latter's were withheld too, and the only miner rested for good.
#[test]
fn a_branch_that_is_left_leaves_nothing_wanted_behind() {
    assert_holds(&outcome(50_000_430));
}

/// A branch was set aside for the sake of a block that came in the very moment in which its headers did, or in which it
/// was given another chance, without any time to deliver: two honest halves stayed apart after a partition.
#[test]
fn a_branch_has_time_to_deliver_before_it_is_set_aside() {
    assert_holds(&outcome(60_009_716));
}

/// A branch whose blocks were coming, fewer than 64 of them, was set aside for a block on the tip as if none had.
#[test]
fn a_branch_that_delivers_slowly_is_not_set_aside() {
    assert_holds(&outcome(71_001_394));
}

/// Echoes of other blocks used up what was to explain a late answer, and an honest peer was blamed for it.
#[test]
fn a_late_answer_is_explained_by_its_own_request() {
    assert_holds(&outcome(72_002_879));
}

/// The checker asked for three blocks in the calm at the end, however much work each took after the clocks were wrong.
#[test]
fn a_network_whose_blocks_are_rare_converges_too() {
    assert_holds(&outcome(72_004_047));
}

/// All nodes crashed, and with their mempools went all payments of a wallet that made no more for want of coins.
#[test]
fn a_wallet_pays_again_what_was_lost() {
    assert_holds(&outcome(81_000_956));
}

/// A block that got ahead of a branch of mere headers was set aside in its place.
#[test]
fn a_block_that_is_here_is_not_set_aside() {
    assert_holds(&outcome(81_001_841));
}

/// A liar told the headers of the branch that all others worked on, kept its blocks back, and went away: the branch stayed
/// set aside for minutes, although each of the others' blocks said that somebody has it.
#[test]
fn a_branch_that_others_work_on_does_not_stay_set_aside() {
    assert_holds(&outcome(99_302_032));
}
