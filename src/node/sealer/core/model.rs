//! `MODEL.md` explored: the rules alone for four authorities and four views, and [`Core`](super::Core) against the rules.

mod implementation;

use std::collections::BTreeSet;

/// Three are honest; a fourth one lies, and a quorum is three: two honest voices and the liar's.
const ENOUGH: usize = 2;
const VIEWS: usize = 4;

/// Clauses that can be left out, to see that each is needed.
#[derive(Clone, Copy, PartialEq)]
enum Without {
    Nothing,
    /// A vote for one block a view only.
    OneVote,
    /// No finality and skip of one view.
    FinalOrSkip,
    /// Views between a block and its parent are skipped.
    Skipped,
    /// A quorum is one more.
    Quorum,
    /// Only what is notarised is finalized.
    Notarised,
}

/// What is certified of a view.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Default, Debug)]
struct View {
    /// The views of the parents of the notarised blocks: 0 is genesis. Without faults of the rules there is one at most.
    notarised: [Option<Block>; 2],
    is_skipped: bool,
    is_final: [bool; 2],
}

/// A block's parent: the view, and which of that view's blocks.
type Block = (usize, usize);

/// What an honest authority says of a view: for which proposals it votes, whether it skips, which it finalizes.
type Voice = (u32, bool, u32);

/// The parents that a block of the next view may have.
fn parents(views: &[View], without: Without) -> Vec<Block> {
    let next = views.len() + 1;
    let is_open =
        |parent: usize| without == Without::Skipped || (parent + 1..next).all(|between| views[between - 1].is_skipped);
    let genesis = is_open(0).then_some((0, 0));
    let blocks = (1..next).flat_map(|view| (0..2).map(move |which| (view, which)));
    let notarised = blocks.filter(|(view, which)| views[view - 1].notarised[*which].is_some() && is_open(*view));
    genesis.into_iter().chain(notarised).collect()
}

/// All that an honest authority may say of a view.
fn voices(without: Without) -> Vec<Voice> {
    let votes = if without == Without::OneVote { 0..4 } else { 0..3 };
    let all = votes.flat_map(|vote| [false, true].map(|skip| (vote, skip))).flat_map(|(vote, skip)| {
        // Bit masks: no block, the first proposal, the second.
        (0..3).map(move |final_| (vote, skip, final_))
    });
    all.filter(|(_, skip, final_)| without == Without::FinalOrSkip || !skip || *final_ == 0).collect()
}

/// What may come of a view: which of its two proposals is notarised, whether it is skipped, which is final.
type Tally = ([bool; 2], bool, [bool; 2]);

/// All that three honest voices, with the liar's added to each, can certify.
fn tallies(without: Without) -> BTreeSet<Tally> {
    let enough = if without == Without::Quorum { ENOUGH - 1 } else { ENOUGH };
    let voices = voices(without);
    let mut found = BTreeSet::new();
    for a in &voices {
        for b in &voices {
            for c in &voices {
                let count = |says: &dyn Fn(&Voice) -> bool| [a, b, c].iter().filter(|voice| says(voice)).count();
                let block = |which: u32| count(&|voice| voice.0 & 1 << which != 0) >= enough;
                let last = |which: u32| count(&|voice| voice.2 & 1 << which != 0) >= enough;
                let notarised = [block(0), block(1)];
                let finals =
                    [0, 1].map(|which| last(which) && (notarised[which as usize] || without == Without::Notarised));
                found.insert((notarised, count(&|voice| voice.1) >= enough, finals));
            }
        }
    }
    found
}

/// All that can be certified of the next view.
fn next_views(views: &[View], tallies: &BTreeSet<Tally>, without: Without) -> BTreeSet<View> {
    let parents = parents(views, without);
    let mut found = BTreeSet::new();
    for (notarised, is_skipped, is_final) in tallies {
        for first in &parents {
            for second in &parents {
                let kept = |which: usize, parent: &Block| (notarised[which] || is_final[which]).then_some(*parent);
                let notarised = [kept(0, first), kept(1, second)];
                found.insert(View { notarised, is_skipped: *is_skipped, is_final: *is_final });
            }
        }
    }
    found
}

/// Whether `low` is on the way from `high` down to genesis.
fn leads_to(views: &[View], low: Block, mut high: Block) -> bool {
    while high.0 > low.0 {
        match views[high.0 - 1].notarised[high.1] {
            Some(parent) => high = parent,
            None => return false,
        }
    }
    high == low
}

fn has_conflict(views: &[View]) -> bool {
    let blocks = (1..=views.len()).flat_map(|view| (0..2).map(move |which| (view, which)));
    let finals: Vec<Block> = blocks.filter(|(view, which)| views[view - 1].is_final[*which]).collect();
    let clash = |low: &Block| finals.iter().any(|high| high >= low && !leads_to(views, *low, *high));
    finals.iter().any(clash)
}

/// Histories without and with a conflict.
fn explore(views: &mut Vec<View>, tallies: &BTreeSet<Tally>, without: Without, counts: &mut (usize, usize)) {
    if has_conflict(views) {
        counts.1 += 1;
        return;
    }
    counts.0 += 1;
    // One is enough where the rules are broken.
    if views.len() == VIEWS || (without != Without::Nothing && counts.1 > 0) {
        return;
    }
    for next in next_views(views, tallies, without) {
        views.push(next);
        explore(views, tallies, without, counts);
        views.pop();
    }
}

fn explored(without: Without) -> (usize, usize) {
    let mut counts = (0, 0);
    explore(&mut Vec::new(), &tallies(without), without, &mut counts);
    counts
}

#[test]
fn no_choices_of_four_views_make_conflicting_blocks_final() {
    let (histories, conflicts) = explored(Without::Nothing);
    assert_eq!(conflicts, 0);
    assert!(histories > 1_000, "{histories}");
}

#[test]
fn each_clause_of_the_rules_is_needed() {
    use Without::{FinalOrSkip, Notarised, OneVote, Quorum, Skipped};
    for without in [OneVote, FinalOrSkip, Skipped, Quorum, Notarised] {
        assert!(explored(without).1 > 0);
    }
}
