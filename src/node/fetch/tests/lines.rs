//! Downloads over lines with a length and a rate: how much is asked for, how much comes twice, and how long it takes.

use std::collections::VecDeque;

use super::*;

/// One peer's line.
struct Line {
    /// The time of a byte one way.
    half: Duration,
    /// Bytes a second.
    rate: u64,
    free: Time,
    /// What was asked for, and when it is here.
    coming: VecDeque<(Time, Hash)>,
}

/// A role that downloads blocks from peers that answer in order. The ledger takes what is here at once.
struct Download {
    rig: Rig,
    lines: BTreeMap<u64, Line>,
    bytes_of: fn(u32) -> usize,
    /// Bodies that came.
    came: u64,
    /// The most bytes of bodies that were here or on their way.
    most: usize,
    /// Faults.
    faults: usize,
}

impl Download {
    /// By a role that has seen no block yet.
    fn new(blocks: u32, peers: u64, line: (u64, u64), bytes_of: fn(u32) -> usize) -> Self {
        Self::of(Rig::fresh, blocks, peers, line, bytes_of)
    }

    fn of(
        rig: fn(u32, &[u64]) -> Rig,
        blocks: u32,
        peers: u64,
        (half_ms, rate): (u64, u64),
        bytes_of: fn(u32) -> usize,
    ) -> Self {
        let links: Vec<u64> = (1..=peers).collect();
        let rig = rig(blocks, &links);
        let half = Duration::from_millis(half_ms);
        let line = |link| (link, Line { half, rate, free: Time(0), coming: VecDeque::new() });
        let lines = links.into_iter().map(line).collect();
        let mut download = Self { rig, lines, bytes_of, came: 0, most: 0, faults: 0 };
        download.note();
        download
    }

    /// Puts what was asked for onto the lines.
    fn note(&mut self) {
        let (now, mut coming) = (self.rig.now.mono, 0);
        for (link, line) in &mut self.lines {
            for hash in self.rig.open.remove(link).unwrap_or_default() {
                let bytes = (self.bytes_of)(self.rig.heights[&hash]) as u64;
                line.free = line.free.max(now + line.half) + Duration::from_micros(bytes * 1_000_000 / line.rate);
                line.coming.push_back((line.free + line.half, hash));
            }
            coming += line.coming.iter().map(|(_, hash)| (self.bytes_of)(self.rig.heights[hash])).sum::<usize>();
        }
        self.most = self.most.max(coming + self.rig.role.held());
    }

    /// Lets the next thing happen.
    fn step(&mut self) {
        let arrivals = self.lines.iter().filter_map(|(link, line)| Some((line.coming.front()?.0, *link)));
        let next = arrivals.min();
        let deadline = self.rig.role.deadline();
        let actions = match (next, deadline) {
            (Some((at, link)), deadline) if deadline.is_none_or(|deadline| at <= deadline) => {
                self.rig.now.mono = at;
                let (_, hash) = self.lines.get_mut(&link).unwrap().coming.pop_front().unwrap();
                let height = self.rig.heights[&hash];
                self.came += 1;
                let actions = self.rig.send(link, &block(height, 0, (self.bytes_of)(height)));
                self.note();
                self.rig.taken_all();
                actions
            }
            (_, Some(deadline)) => {
                self.rig.now.mono = deadline.max(self.rig.now.mono);
                self.rig.event(Event::Wake)
            }
            _ => panic!("nothing will ever happen"),
        };
        self.faults += faults(&actions).len();
        self.note();
    }

    /// Until all blocks are here. Returns how long that took, in milliseconds.
    fn run(&mut self) -> u64 {
        while self.rig.role.window.missing() > 0 {
            self.step();
        }
        self.rig.now.mono.0 / 1000
    }
}

/// Over eight lines of 300 ms one way 91 MB came for blocks of 62 MB: at first each was taken to be small, and what came had to
/// be thrown away.
#[test]
fn large_blocks_over_long_lines_are_asked_for_as_memory_has_room_and_few_come_twice() {
    let large = 1_030_000;
    for rate in [1_250_000, 12_500_000] {
        let mut download = Download::new(60, 8, (300, rate), |_| 1_030_000);
        download.run();
        // The block that the ledger waits for is asked for without regard to memory, of more than one peer if it is late.
        assert!(download.most <= FETCH_BYTES + 3 * large, "{rate}: {} bytes", download.most);
        assert!(download.came <= 66, "{rate}: {} bodies for 60 blocks", download.came);
        assert_eq!(download.faults, 0);
    }
}

#[test]
fn large_blocks_after_a_few_small_ones_too() {
    let bytes_of = |height| if height <= 5 { 300 } else { 1_030_000 };
    let mut download = Download::new(60, 8, (300, 12_500_000), bytes_of);
    download.run();
    assert!(download.most <= 30 * 1_030_000 && download.came <= 85, "{} bytes, {}", download.most, download.came);
}

/// All that is known at the start is that blocks may be large. That costs the time of one question and its answer.
#[test]
fn small_blocks_fill_a_long_line_one_round_trip_later() {
    for (blocks, peers, bytes_of) in [(2000, 8, (|_| 200) as fn(u32) -> usize), (1000, 1, |_| 4300)] {
        let mut knows = Download::of(Rig::new, blocks, peers, (80, 12_500_000), bytes_of);
        let (knows, fresh) = (knows.run(), Download::new(blocks, peers, (80, 12_500_000), bytes_of).run());
        assert!(fresh <= knows + 160, "{knows} and {fresh} ms");
    }
}
