//! What a pause and false timestamps do to the schedule, with and without a cap: whole days of a chain, whose blocks are
//! drawn from the targets that the difficulty rule gives.

use tussock::{
    base::rng::Rng,
    chain::{
        difficulty::Asert,
        schedule::{self, Timeline},
        target::CompactTarget,
    },
};

const HOUR: u64 = 3600;
/// Seconds between blocks.
const BLOCK_TIME: u64 = 10;
const START: u64 = 1_800_000_000;
const ANCHOR: CompactTarget = CompactTarget(0x1e0f_ffff);

/// What happens to a chain.
#[derive(Clone, Copy)]
struct Story {
    cap: u32,
    half_life: i64,
    future_limit: u64,
    /// Of 100 hashes, those of the liar while it lies, in the first day.
    liars: u64,
    /// Whether it says the latest time that is taken, or the earliest.
    ahead: bool,
    /// Seconds in which nobody mines, after the first day.
    pause: u64,
}

const HONEST: Story = Story { cap: 0, half_life: 600, future_limit: 7200, liars: 0, ahead: true, pause: 0 };

/// When each block of two days with mining was found: seconds from the start.
fn found(story: Story, seed: u64) -> Vec<u64> {
    let mut rng = Rng::from_number(seed);
    let limit = CompactTarget(0x207f_ffff).expand().unwrap();
    let asert = Asert {
        anchor_target: ANCHOR,
        anchor_parent_time: i64::try_from(START - BLOCK_TIME).unwrap(),
        anchor_height: 0,
        block_time: i64::try_from(BLOCK_TIME).unwrap(),
        half_life: story.half_life,
        limit,
    };
    let (mut line, mut time) = (Timeline::new(story.cap, [START], 0), START);
    let (mut now, mut blocks) = (0.0, Vec::new());
    let day = 24.0 * HOUR as f64;
    while now < 2.0 * day + story.pause as f64 {
        let scheduled = schedule::scheduled_time(story.cap, time, line.median_time(), line.paused());
        let scheduled = i64::try_from(scheduled).unwrap();
        let target = asert.next(scheduled, i64::try_from(blocks.len()).unwrap());
        let before = now;
        now += wait(&mut rng, target);
        if before < day && now >= day && story.pause > 0 {
            now = day + story.pause as f64 + wait(&mut rng, target);
        }
        let clock = START + now as u64;
        let lies = now < day && rng.below(100) < story.liars;
        let said = match (lies, story.ahead) {
            (false, _) => clock,
            (true, true) => clock + story.future_limit,
            (true, false) => 0,
        };
        time = said.max(line.median_time() + 1);
        line.push(time);
        blocks.push(now as u64);
    }
    blocks
}

/// Seconds until the next block, all hashing as at the anchor.
fn wait(rng: &mut Rng, target: CompactTarget) -> f64 {
    let value = |target: CompactTarget| {
        f64::from(target.0 & 0x007f_ffff) * 256f64.powi(i32::try_from(target.0 >> 24).unwrap() - 3)
    };
    let unit = (rng.below(1 << 32) as f64 + 0.5) / 4_294_967_296.0;
    -unit.ln() * BLOCK_TIME as f64 * value(ANCHOR) / value(target)
}

/// Blocks within hours of the start, in percent of the schedule.
fn percent(blocks: &[u64], from_hour: u64, to_hour: u64) -> u64 {
    let range = from_hour * HOUR..to_hour * HOUR;
    let count = blocks.iter().filter(|at| range.contains(at)).count() as u64;
    count * 100 * BLOCK_TIME / ((to_hour - from_hour) * HOUR)
}

/// The capped chain that `tussock genesis new` makes for this block time.
const CAPPED: Story = Story { cap: 200, future_limit: 200, ..HONEST };

#[test]
fn after_a_week_s_pause_blocks_come_on_schedule() {
    let week = 7 * 24 * HOUR;
    let first_hours = |story: Story, seed| {
        let blocks = found(Story { pause: week, ..story }, seed);
        [percent(&blocks, 24 + 168, 25 + 168), percent(&blocks, 25 + 168, 31 + 168)]
    };
    for half_life in [600, 3600, 86_400] {
        for seed in 1..3 {
            let [first, next] = first_hours(Story { half_life, ..CAPPED }, seed);
            assert!(first <= 150 && (85..=115).contains(&next), "half-life {half_life}: {first} % and {next} %");
        }
    }
    let [first, _] = first_hours(HONEST, 1);
    assert!(first > 1_000, "without a cap the blocks of the week are made up: {first} %");
}

#[test]
fn times_ahead_by_the_limit_cost_the_schedule_nothing() {
    for half_life in [600, 3600] {
        for liars in [0, 25, 40, 60] {
            let blocks = found(Story { half_life, liars, ..CAPPED }, liars + 1);
            for hour in (0..48).step_by(6) {
                let percent = percent(&blocks, hour, hour + 6);
                assert!((90..=110).contains(&percent), "{liars} % of liars, hour {hour}: {percent} %");
            }
        }
    }
}

/// Why a cap asks for a future limit that is no longer: times that are ahead by more lift the median time by more than the cap,
/// what is beyond it is lost, and the way back counts in full.
#[test]
fn times_ahead_by_more_than_the_cap_would_starve_the_chain() {
    let blocks = found(Story { future_limit: 7200, liars: 25, ..CAPPED }, 1);
    assert!(percent(&blocks, 6, 24) < 60, "{} %", percent(&blocks, 6, 24));
    // Without a cap, blocks that they brought forward are taken back once the lies end.
    let blocks = found(Story { liars: 25, ..HONEST }, 1);
    let [late, after] = [percent(&blocks, 24, 30), percent(&blocks, 30, 48)];
    assert!(late < 85 && (90..=110).contains(&after), "{late} %, {after} %");
}

/// A majority that says the earliest time can slow a capped chain down while it mines, as it can by not mining. What it did
/// is made good soon after.
#[test]
fn times_far_behind_slow_a_chain_only_while_a_majority_says_them() {
    let lies = |liars, cap| found(Story { liars, ahead: false, cap, ..CAPPED }, 1);
    for liars in [25, 40] {
        assert!((80..=115).contains(&percent(&lies(liars, 200), 0, 24)), "{} %", percent(&lies(liars, 200), 0, 24));
    }
    let blocks = lies(60, 200);
    assert!((20..70).contains(&percent(&blocks, 6, 24)), "{} %", percent(&blocks, 6, 24));
    assert!((90..=110).contains(&percent(&blocks, 36, 48)), "{} %", percent(&blocks, 36, 48));
}
