//! Whole networks from seeds: a new range for each commit, and every seed that once failed, as a named test.
//!
//! `TUSSOCK_SEEDS=FROM:COUNT` sets the range. A failure prints the seed and the command that replays it.

use std::{process::Command, sync::atomic::Ordering, thread};

use portable_atomic::AtomicU64;
use tussock::{
    base::limits::COIN_OVERLAY_BYTES,
    sim::{
        self, Options, Outcome, Overrides,
        regions::{Regions, Study},
    },
};

/// Seeds of a run without `TUSSOCK_SEEDS`.
const SEEDS: u64 = 200;

/// Networks in which a node joins with a snapshot, those in which nothing else happens, and those in which nodes keep only their
/// last blocks.
const SNAPSHOT_SEEDS: u64 = 20;
const JOIN_SEEDS: u64 = 20;
const PRUNED_SEEDS: u64 = 8;

/// The networks of miners, which the seeds below are of.
fn mined() -> Overrides {
    Overrides { authorities: Some(0), snapshots: Some(false), pruned: Some(false), ..Overrides::default() }
}

fn outcome(seed: u64) -> Outcome {
    sim::run(Options::draw(seed, &mined()))
}

fn assert_holds(outcome: &Outcome) {
    let Options { seed, overrides, .. } = &outcome.options;
    let again = overrides.command(*seed);
    assert!(outcome.failure.is_none(), "seed {seed} failed\n{outcome}\nto run it again: {again}");
}

/// The first digits of the commit's hash, so that each commit tries new seeds; a fixed number without git.
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
            let outcome = sim::run(Options::draw(seed, &Overrides::default()));
            if outcome.failure.is_some() {
                // Stops the other threads.
                next.store(from + count, Ordering::Relaxed);
            }
            assert_holds(&outcome);
        }
    };
    let threads = thread::available_parallelism().map_or(1, usize::from);
    thread::scope(|scope| (0..threads).for_each(|_| drop(scope.spawn(work))));
}

/// One node joins with a snapshot, others lie about theirs, and it crashes at any time. A tenth of all seeds draws such a network.
#[test]
fn nodes_that_join_with_snapshots_have_the_coins_of_the_chain() {
    let overrides = Overrides { snapshots: Some(true), ..mined() };
    let from = commit_seed();
    let joined = (from..from + SNAPSHOT_SEEDS).filter(|seed| {
        let outcome = sim::run(Options::draw(*seed, &overrides));
        assert_holds(&outcome);
        outcome.summary.joined.is_some()
    });
    assert!(joined.count() as u64 > SNAPSHOT_SEEDS / 2, "most networks live long enough for a join");
}

/// Five of eight lie: the node joins all the same, and with no other coins.
#[test]
fn nodes_join_among_five_liars_of_eight() {
    let overrides = Overrides { joins_only: true, ..mined() };
    for seed in commit_seed()..commit_seed() + JOIN_SEEDS {
        let outcome = sim::run(Options::draw(seed, &overrides));
        assert_holds(&outcome);
        assert!(outcome.summary.joined.is_some(), "{outcome}");
    }
}

/// A liar that had seen only empty pieces shortened one, and brought the simulator down.
#[test]
fn a_liar_shortens_no_piece_that_is_empty() {
    assert_holds(&sim::run(Options::draw(9_000_000_443, &Overrides { joins_only: true, ..mined() })));
}

/// All links that the newcomer was content with were those of liars that an operator had named. One of them gave all but the last piece,
/// was closed, came back and was chosen again, and nobody else was looked for.
#[test]
fn a_newcomer_that_is_linked_to_liars_alone_looks_for_others() {
    assert_holds(&sim::run(Options::draw(9_000_000_678, &Overrides { joins_only: true, ..mined() })));
}

/// A piece was under way when a liar offered another cut of its bucket. That was to come from another peer alone from then on: the piece
/// was not taken, and never asked for again.
#[test]
fn a_piece_that_is_under_way_when_its_bucket_is_contested_is_asked_for_again() {
    assert_holds(&sim::run(Options::draw(9_100_001_607, &Overrides { joins_only: true, ..mined() })));
}

/// Of a liar's snapshot right pieces came now and then. What the honest peers had was tried once in a while, and by then they had let it
/// go and had a newer one, which was not tried: five minutes later the liar's was still not whole.
#[test]
fn what_honest_peers_have_by_now_is_tried_where_the_snapshot_of_a_liar_comes_slowly() {
    assert_holds(&sim::run(Options::draw(9_100_009_139, &Overrides { joins_only: true, ..mined() })));
}

/// A block came just as the ledger had the coins: its header stood on headers that the ledger had forgotten and `headers` still took
/// for stored, and the ledger stopped. The other node had been killed before in its join, so that `headers` had to read them: it took
/// those that the ledger was forgetting for damage.
#[test]
fn a_block_that_comes_as_a_node_takes_its_coins_does_not_stop_it() {
    for seed in [9_100_001_454, 9_100_003_442] {
        assert_holds(&sim::run(Options::draw(seed, &Overrides { joins_only: true, ..mined() })));
    }
}

/// The chain left the block of the snapshot that most peers offered before that was begun, and no timer told of the other one's turn.
#[test]
fn a_snapshot_that_is_of_no_use_any_more_holds_up_no_other() {
    assert_holds(&sim::run(Options::draw(9_100_001_304, &Overrides { joins_only: true, ..mined() })));
}

/// Nobody asks a peer for what it said it no longer has, and who lacks what no peer keeps is told so.
#[test]
fn nodes_that_keep_their_last_blocks_hold_up_nobody() {
    let overrides = Overrides { pruned: Some(true), ..mined() };
    (commit_seed()..commit_seed() + PRUNED_SEEDS)
        .for_each(|seed| assert_holds(&sim::run(Options::draw(seed, &overrides))));
}

/// A newcomer was content with two peers that had let go of what it lacked, and never met the one that kept all. Another blamed an
/// honest peer for a block that it had let go of since: it took the last header that it knew for its peer's tip.
#[test]
fn a_newcomer_among_pruned_nodes_finds_the_one_that_keeps_all_and_blames_none_of_them() {
    for seed in [208, 209, 232] {
        assert_holds(&sim::run(Options::draw(seed, &Overrides { pruned: Some(true), ..mined() })));
    }
}

/// A node that had been away knew that a block was final before it had it, and connected a rival whose body came first.
#[test]
fn nothing_is_connected_in_the_place_of_a_final_block_that_is_not_here_yet() {
    assert_holds(&sim::run(Options::draw(70_000_087, &Overrides::default())));
}

/// A node that looked for a snapshot for long told a new peer that it was at genesis with all blocks. The checker took the headers
/// that it had for blocks that it had let go of.
#[test]
fn a_node_without_coins_may_say_that_it_has_all_blocks_up_to_genesis() {
    assert_holds(&sim::run(Options::draw(4_276_274_443, &Overrides::default())));
}

/// The checker took it for a lie, since it had last looked before the node had them.
#[test]
fn a_node_that_has_verified_its_history_may_say_at_once_that_it_has_all_blocks() {
    assert_holds(&sim::run(Options::draw(888_000_361, &Overrides::default())));
}

/// The ledger of a pruned node removed a block in an idle moment, so that a branch of mere headers that the node took for the best
/// could not be followed any more; it stayed the best, and the next block upon the node's own tip was taken for a part of it.
#[test]
fn a_branch_that_a_pruned_node_cannot_follow_any_more_is_left_though_nothing_else_happens() {
    assert_holds(&sim::run(Options::draw(1_402_916_833, &Overrides { pruned: Some(true), ..mined() })));
}

/// A pruned node with a wrong clock was shown a chain that leaves its own below what it keeps, and said so. The checker did not look
/// whether the chain could be followed, as long as the clock was wrong, and counted that time.
#[test]
fn a_pruned_node_may_stay_where_it_is_beside_a_chain_that_leaves_too_deep_whatever_its_clock_shows() {
    assert_holds(&sim::run(Options::draw(27, &Overrides { pruned: Some(true), ..mined() })));
}

/// A liar that gave a true snapshot, one piece each five seconds, was stayed with for as long as that took, since the honest peer with
/// another one came half a minute later.
#[test]
fn a_snapshot_that_comes_slowly_is_left_for_one_that_is_offered_later() {
    let overrides = Overrides { snapshots: Some(true), ..mined() };
    assert_holds(&sim::run(Options::draw(5_400_000_141, &overrides)));
}

#[test]
fn no_node_whose_clock_is_hours_or_days_off_says_synced_in_vain_and_all_agree_once_clocks_are_right() {
    for (seed, seconds) in (500..506).flat_map(|seed| [(seed, 10_800), (seed, 172_800)]) {
        let options = Options::draw(seed, &Overrides { clock_skew: Some(seconds), ..mined() });
        assert_eq!(options.clock_skew, seconds);
        assert_holds(&sim::run(options));
    }
}

#[test]
fn a_seed_always_gives_the_same_run() {
    for seed in [1, 7, 20_260_101] {
        let (first, second) = (outcome(seed), outcome(seed));
        assert_eq!(first.trace_digest, second.trace_digest, "seed {seed}");
        assert_eq!(first, second, "seed {seed}");
    }
    assert_ne!(outcome(1).trace_digest, outcome(7).trace_digest);
}

/// A study has no checkers, but its roles are the same: news reaches all nodes, and they end at one tip.
#[test]
fn news_reaches_all_regions_and_a_study_gives_the_same_report_again() {
    for regions in Regions::ALL {
        let study = Study { block_time_ms: 5_000, block_bytes: 10_000, ..Study::new(3, regions, 40, 60) };
        let report = sim::study(&study);
        assert_eq!((report.failure.clone(), report.refused, report.nodes_at_tip), (None, 0, 40), "{report}");
        let (blocks, transactions) = (&report.blocks, &report.transactions);
        assert!(blocks.count >= 5 && blocks.reached_all + 2 >= blocks.count, "{report}");
        // To some nodes a block brings a transaction first.
        assert!(transactions.count >= 10 && transactions.reached_all * 5 >= transactions.count * 4, "{report}");
        assert!(10.0 < blocks.to_50_ms && blocks.to_50_ms < blocks.to_99_ms && blocks.to_99_ms < 5_000.0, "{report}");
        assert!(report.copies >= 0.9 && report.bytes_per_block > 0.0, "{report}");
        assert_eq!(report, sim::study(&study));
    }
}

/// Forks are as frequent as Decker and Wattenhofer's model computes from the measured spread of blocks, to within what chance
/// makes of 250 blocks. `tussock simulate --stale-rates` compares many more.
#[test]
fn forks_are_as_frequent_as_theory_says() {
    let studies = sim::regions::stale_rates(11, 250);
    for study in [0, 22].map(|at| &studies[at]) {
        let report = sim::study(study);
        let forks = &report.forks;
        assert!(forks.within_limits && forks.heights > 180, "{report}");
        assert!(forks.model > 0.005 && forks.is_as_computed(), "{report}");
    }
}

/// Networks in which 31 and 32 bits of seconds end, in 2038 and 2106, and one in between.
#[test]
fn times_beyond_32_bits_are_times_like_others() {
    for (epoch, seed) in [((1 << 31) - 30, 7), (2_272_147_200, 373), ((1 << 32) - 30, 20_260_101)] {
        let options = Options::draw(seed, &mined());
        assert_holds(&sim::run(Options { epoch, ..options }));
    }
}

/// Coin changes that do not fit into memory go into the open transaction. Only the disk sees the difference.
#[test]
fn the_size_of_the_overlay_changes_nothing_that_peers_see() {
    for seed in [3, 373, 20_260_101] {
        let traces = [0, 2_000, COIN_OVERLAY_BYTES].map(|overlay_bytes| {
            let options = Options::draw(seed, &mined());
            let outcome = sim::run(Options { overlay_bytes, ..options });
            assert_holds(&outcome);
            outcome.trace_digest
        });
        assert!(traces.iter().all(|trace| *trace == traces[0]), "seed {seed}: {traces:?}");
    }
}

/// The ledger relayed a block only if the node's state had changed within the last few blocks, so a node that stayed
/// synced relayed nothing.
#[test]
fn a_node_that_stays_synced_keeps_relaying_blocks() {
    for seed in [373, 6446] {
        assert_holds(&outcome(seed));
    }
}

/// A syncing node commits several blocks at once. A returned transaction in one of them is for a moment neither in the
/// mempool nor on the disk, and the checker counted it as lost.
#[test]
fn a_returned_transaction_may_be_in_a_block_that_is_not_committed_yet() {
    assert_holds(&outcome(1_091_189_094));
}

/// After a crash a node left a branch of one block and then synced over slow links for more than six seconds. The checker
/// wanted the block's transactions back before the sync was over.
#[test]
fn transactions_of_an_abandoned_block_return_once_the_node_is_synced() {
    assert_holds(&outcome(140_001_403));
}

/// The luckiest of three miners was dishonest and sent each peer a different block. All nodes reached each height within
/// 20 ms, but one block reached all only with the next one, and the checker counted the news as late.
#[test]
fn a_height_that_nodes_reach_with_different_blocks_is_not_late() {
    assert_holds(&outcome(99_501_263));
}

/// A stalled node reports for how long. The time of the next report was missing from its deadline.
#[test]
fn a_stalled_node_wakes_to_report_for_how_long() {
    assert_holds(&outcome(88));
}

/// Withheld bodies and endless headers: honest miners pause while they wait for a branch with more work. So dishonest
/// nodes of these kinds may not have more work than all honest ones, nor stay to the end.
#[test]
fn honest_miners_overtake_branches_that_nobody_delivers() {
    for seed in [175, 227] {
        assert_holds(&outcome(seed));
    }
}

/// The only miner crashed and restarted among several branches whose blocks were withheld. It waited for one after the
/// other. When the last was set aside, the first had another chance.
#[test]
fn a_miner_that_starts_among_branches_that_nobody_delivers_mines() {
    assert_holds(&outcome(100_101_900));
}

/// An isolated miner met a withheld branch and the honest one at once, and set both aside with each block of its own.
#[test]
fn a_miner_that_meets_an_honest_branch_behind_a_withheld_one_joins_it() {
    assert_holds(&outcome(101_101_635));
}

/// Blocks of a branch that was set aside stayed wanted, below those of the next branch. So nobody noticed that the next
/// branch was withheld too, and the only miner paused for good.
#[test]
fn a_branch_that_is_left_leaves_nothing_wanted_behind() {
    assert_holds(&outcome(50_000_430));
}

/// A block arrived at the same moment as a branch's headers, or as the branch's new chance. The branch was set aside for
/// it at once, without time to deliver, and two honest halves stayed apart after a partition.
#[test]
fn a_branch_has_time_to_deliver_before_it_is_set_aside() {
    assert_holds(&outcome(60_009_716));
}

/// A branch whose blocks were arriving, fewer than 64 of them, was set aside for a block on the tip.
#[test]
fn a_branch_that_delivers_slowly_is_not_set_aside() {
    assert_holds(&outcome(71_001_394));
}

/// Echoes of other blocks used up the record that explains a late answer, and an honest peer was blamed for that answer.
#[test]
fn a_late_answer_is_explained_by_its_own_request() {
    assert_holds(&outcome(72_002_879));
}

/// The checker wanted three blocks in the calm phase, however much work each took after the clocks had been wrong.
#[test]
fn a_network_with_rare_blocks_converges() {
    assert_holds(&outcome(72_004_047));
}

/// All nodes crashed and lost their mempools with all payments of a wallet, which then had no coins for new payments.
#[test]
fn a_wallet_pays_again_what_was_lost() {
    assert_holds(&outcome(81_000_956));
}

/// A block overtook a branch without bodies, and was set aside in its place.
#[test]
fn a_block_with_a_body_is_not_set_aside() {
    assert_holds(&outcome(81_001_841));
}

/// A dishonest node sent the headers of the branch that all others worked on, withheld its blocks, and left. The branch
/// stayed set aside for minutes, although each block of the others showed that somebody has it.
#[test]
fn a_branch_that_others_work_on_does_not_stay_set_aside() {
    assert_holds(&outcome(99_302_032));
}

/// A branch that nobody delivered had another chance after a minute. Its missing block was not reported the second time,
/// so that a node without any other state waited for its rest for five minutes.
#[test]
fn a_branch_that_gets_another_chance_is_set_aside_again() {
    assert_holds(&outcome(310_010_088));
}

/// An honest node stored a body of a branch, had not tried it, and sent it to another honest node, which banned it.
#[test]
fn a_body_that_was_not_judged_is_passed_on_to_nobody() {
    for seed in [156, 310_000_094, 310_000_796] {
        assert_holds(&outcome(seed));
    }
}

/// Dishonest peers left one question after the other open, and the node's state stayed `headers`.
#[test]
fn open_questions_do_not_end_the_state_synced_for_ever() {
    for seed in [169, 310_000_687, 310_000_863] {
        assert_holds(&outcome(seed));
    }
}

/// Branches that nobody delivers, bodies that are invalid on a side branch, junk under known headers, orphans without work.
#[test]
fn dishonest_peers_of_each_kind_pay_and_hold_up_nobody() {
    for seed in [3, 6, 14] {
        assert_holds(&outcome(seed));
    }
}

/// Seven peers with one branch after the other that nobody delivers, bodies that do not fit their headers, senders of
/// invalid bodies that leave, claimed ports, blocks that find no room, and hosts that answer garbage or nothing.
#[test]
fn a_siege_and_peers_that_leave_shut_nobody_out_and_cost_their_senders() {
    for seed in [1, 13, 20, 25, 68, 85, 130] {
        assert_holds(&outcome(seed));
    }
}

/// Three peers relayed the tip of a chain that a node had set aside, and the node asked only the slow peer that had told of
/// the chain for the block below.
#[test]
fn peers_that_relay_the_tip_of_a_chain_are_asked_for_the_rest_of_it() {
    assert_holds(&outcome(520_000_204));
}

/// No timer tells a role that the wall clock was set: what that makes due waits for the role's next event.
#[test]
fn a_wall_clock_that_is_set_makes_no_timer_late() {
    for seed in [410_000_189, 410_000_923, 411_001_483] {
        assert_holds(&outcome(seed));
    }
}

/// A byzantine node that stays answered each block at once with a rival, and always reached the same node first.
#[test]
fn rivals_of_every_block_keep_up_a_contest_at_the_tip_and_no_more() {
    // In the second run a block was still on its way at the last moment.
    for seed in [410_000_357, 720_000_432] {
        assert_holds(&outcome(seed));
    }
}

/// The clocks of all nodes were set right at once. A miner's differed from those of its peers by eleven minutes, and it waited
/// for ever: peers had to agree with the new time more closely than they need to take its blocks.
#[test]
fn a_miner_goes_on_after_its_clock_was_set_if_peers_take_its_blocks() {
    for seed in [600_000_948, 600_002_072] {
        assert_holds(&outcome(seed));
    }
}

/// All lines were slow with tiny buffers, and the checker expected blocks to be relayed as over the usual lines.
#[test]
fn blocks_may_take_as_long_as_slow_lines_need() {
    assert_holds(&outcome(600_001_157));
}

/// An honest peer said that it did not have a block, got it, and was not asked again, because others owed that block. Nobody
/// was asked for the block while the only peer without a bad name owed another one.
#[test]
fn a_peer_is_asked_again_for_a_block_that_it_shows() {
    assert_holds(&outcome(600_001_785));
}

/// Seven peers besieged a node that had just started with half-delivered branches. It was at the tip of its honest peer for
/// five minutes and did not say synced. The checker began to count again whenever the honest peer found a block.
#[test]
fn a_siege_keeps_a_node_that_has_just_started_from_being_synced_only_for_a_while() {
    assert_holds(&outcome(600_002_205));
}

/// A liar sent junk under the header of a block whose body was on its way to the ledger. Honest peers that relayed the block
/// were compared with the junk, and banned. Later: no timer told when a refusal was too old to count.
#[test]
fn junk_under_the_header_of_a_block_on_its_way_bans_no_honest_peer() {
    assert_holds(&outcome(620_002_817));
}

/// A branch was set aside, and what was its lower part became that of another chain whose upper part was asked for already.
/// Nobody was asked for the lower part.
#[test]
fn the_lower_part_of_a_candidate_is_asked_for_after_its_upper_part() {
    assert_holds(&outcome(620_001_120));
}

/// A liar always claimed more headers, and each block of the honest peers gave its open question new time: a node that had just
/// started was not synced for as long as blocks came.
#[test]
fn an_open_question_gets_no_new_time_with_each_block() {
    assert_holds(&outcome(620_002_491));
}

/// The clocks of all nodes were three hours behind the chain's genesis block, and the checker wanted them to be synced.
#[test]
fn nodes_whose_clocks_are_all_behind_their_own_chain_need_not_be_synced() {
    assert_holds(&outcome(620_002_879));
}

/// A node restarted while it lacked the body of a header. A peer told it of the headers above, and the node asked for the bodies
/// of these only.
#[test]
fn a_restart_forgets_no_body_that_is_missing() {
    assert_holds(&outcome(620_004_059));
}

/// Two nodes dialled each other. One chose between the two links, and the other link was cut before the first was closed: the
/// checker knew only of links that had become peers.
#[test]
fn a_link_may_be_cut_while_another_one_is_closed_in_its_favour() {
    assert_holds(&outcome(641_000_005));
}

/// A staller was closed, and what it alone had claimed was asked of the others only at the role's next event.
#[test]
fn a_closed_staller_leaves_its_blocks_to_the_others_at_once() {
    assert_holds(&outcome(700_000_500));
}

/// One byzantine node had seven addresses. Each time it had the starting node look for a branch that nobody delivered, the node
/// began its wait for another answer again.
#[test]
fn branches_that_nobody_delivers_do_not_keep_a_starting_node_from_synced() {
    assert_holds(&outcome(710_012_469));
}

/// A large question that was held back kept its share of the memory for frames that arrive.
#[test]
fn a_question_that_is_held_back_keeps_no_memory_from_others() {
    assert_holds(&outcome(750_000_095));
}

/// A peer replayed old blocks. They pushed the news of honest peers out of the few places for bodies that nobody asked for, and
/// the nodes had to ask those for them who held them back.
#[test]
fn a_replay_of_old_blocks_pushes_out_no_news() {
    for seed in [760_014_748, 2_507_710_140] {
        assert_holds(&outcome(seed));
    }
}

/// A node was asked for a block, denied it, got it and announced it, and the asker heard of all this at once: the promise was
/// younger than the question.
#[test]
fn who_got_a_block_after_it_was_asked_for_it_broke_no_promise() {
    assert_holds(&outcome(760_013_685));
}

/// A node took a block, then looked for a chain from further below: its blocks seemed to wait for the lowest one, and who was slow
/// to say that it has none was blamed for a stall.
#[test]
fn a_peer_stalls_only_a_chain_of_which_blocks_wait() {
    assert_holds(&outcome(770_011_193));
}

/// A process at another node's address was taken for that node: it had made one of 65,536 marks by chance.
#[test]
fn nobody_is_taken_for_another_node_by_chance() {
    assert_holds(&outcome(770_010_627));
}

/// The checker looked at a peer's tip only. The node's clock refused a block three hours ahead, below blocks with the right time.
#[test]
fn a_clock_may_refuse_a_block_below_a_tip_that_it_would_not() {
    assert_holds(&outcome(770_002_696));
}

/// Two clocks were three hours behind, one of them by a minute more. It refused what the other just took.
#[test]
fn a_clock_may_refuse_what_another_wrong_clock_takes() {
    assert_holds(&outcome(790_011_986));
}

/// The roles of a node took up to 0.2 s for an event, and seven liars kept them busy: a ping took 7 s. The law knew the lines and
/// the steps of a question, not what waited before it.
#[test]
fn a_host_that_answers_after_seconds_has_the_time_of_its_questions() {
    assert_holds(&outcome(790_019_795));
}

/// The law counted from before a restart that the node had been synced, and a checker of prices gave junk on a small line no time to
/// arrive behind other junk.
#[test]
fn nodes_that_lose_power_keep_the_laws() {
    for seed in [791_000_241, 791_000_825] {
        assert_holds(&sim::run(Options::draw(seed, &Overrides { power_loss: true, ..mined() })));
    }
}

/// A liar delivered the first block of its branch 18 seconds after it was asked for it. Blocks seemed to take that long, and its
/// next block had as much time before the node gave the branch up.
#[test]
fn one_block_that_comes_late_gives_those_after_it_no_more_time() {
    let overrides = Overrides { encryption: Some(false), ..mined() };
    assert_holds(&sim::run(Options::draw(9130, &overrides)));
}

/// Liars that were closed for withholding what they had announced came back, were trusted again at once, and held a node back
/// that had just started, block by block.
#[test]
fn liars_that_come_back_hold_up_no_start() {
    let overrides = Overrides { encryption: Some(false), ..mined() };
    assert_holds(&sim::run(Options::draw(830_000_489, &overrides)));
}

/// A partition had an honest peer stall, and from then on it was asked only for what nobody else had: a liar that delivered one
/// block each 1.4 seconds was left to deliver all.
#[test]
fn a_peer_that_once_stalled_helps_where_others_are_slow() {
    assert_holds(&outcome(2_229_457_636));
}

/// A liar denied what it had announced, announced it again and was asked again, and the end of the time of the first question
/// counted as that of the second: another peer was asked as well.
#[test]
fn who_is_asked_again_for_a_transaction_has_its_time_again() {
    assert_holds(&outcome(160_147_059));
}

/// Liars told of branches with much work, and each honest peer of a block on a rival of the node's own tip, whose body the node had
/// never asked for. The header was found of no use and forgotten, and the node was behind until a ping showed the block again.
#[test]
fn news_of_a_block_on_a_rival_of_the_tip_is_followed_whatever_branches_liars_tell_of() {
    assert_holds(&outcome(89));
}
