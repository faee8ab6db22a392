//! An emulated line between the endpoint and the sockets, so that slow lines can be tried at a desk: delay, the rate of the
//! node's uplink, and losses as TCP shows them.
//!
//! Only what the node sends passes through it; between two nodes with such lines both directions do. TCP hides a loss: the
//! lost segment arrives one round trip later, what is behind it waits for it, and the connection is slower for a round trip.
//! Neither the growth of TCP's window nor the opening of connections is emulated.

use std::{
    collections::{BTreeMap, VecDeque},
    io::{self, ErrorKind, Write},
    time::Duration,
};

use crate::{
    base::{ids::LinkId, rng::Rng, time::Time},
    net::{LineConditions, options},
};

/// Bytes of a segment on a line with packets of 1,500 bytes, and what its headers take besides.
const SEGMENT_BYTES: usize = 1448;
const HEADER_BYTES: usize = 52;
/// Bytes of a link that wait for the uplink, as a socket holds them.
const WAITING_BYTES: usize = options::UNSENT_BYTES as usize;
/// Bytes of a link that are under way: the largest window of TCP on Linux.
const FLIGHT_BYTES: usize = 4 * 1024 * 1024;
/// How late the loop may look and the uplink still counts as busy all the time: the host's timers are as coarse.
const LATENESS: Duration = Duration::from_millis(5);
/// The shortest round trip that a loss costs.
const LEAST_ROUND_TRIP: Duration = Duration::from_millis(10);

/// The line of a node.
pub(super) struct Line {
    conditions: LineConditions,
    rng: Rng,
    /// When the uplink has sent all that it took, in nanoseconds.
    free_at: u64,
    /// Bytes have waited for the uplink since the last look.
    is_busy: bool,
    /// The link whose segment was sent last: the next one's turn is after it.
    last: LinkId,
    pipes: BTreeMap<LinkId, Pipe>,
}

/// One link's bytes on the line.
#[derive(Default)]
struct Pipe {
    /// For the uplink.
    waiting: VecDeque<u8>,
    /// Under way, with their times of arrival.
    flight: VecDeque<(Time, Vec<u8>)>,
    flying: usize,
    /// Bytes of the first segment that the socket has taken.
    taken: usize,
    /// When what was sent last arrives: nothing overtakes.
    arrival: Time,
    /// After a loss the link is slow until then, and its next segment is not sent before that.
    slow_until: Time,
    next_at: Time,
    /// It has refused bytes.
    is_full: bool,
    /// The socket takes nothing now.
    is_blocked: bool,
}

impl Line {
    pub(super) fn new(conditions: LineConditions, rng: Rng) -> Self {
        Self { conditions, rng, free_at: 0, is_busy: false, last: LinkId(0), pipes: BTreeMap::new() }
    }

    /// Takes bytes of a link, as a socket does; 0: there is no room.
    pub(super) fn take<'a>(&mut self, id: LinkId, chunks: impl Iterator<Item = &'a [u8]>) -> usize {
        let pipe = self.pipes.entry(id).or_default();
        let before = pipe.waiting.len();
        for chunk in chunks {
            let room = WAITING_BYTES - pipe.waiting.len();
            pipe.waiting.extend(&chunk[..chunk.len().min(room)]);
            pipe.is_full = room <= chunk.len();
        }
        pipe.waiting.len() - before
    }

    /// Whether a link has been refused bytes, and there is no room yet.
    pub(super) fn is_full(&self, id: LinkId) -> bool {
        self.pipes.get(&id).is_some_and(|pipe| pipe.waiting.len() == WAITING_BYTES)
    }

    /// Whether nothing of a link is on the line.
    pub(super) fn is_empty(&self, id: LinkId) -> bool {
        self.pipes.get(&id).is_none_or(|pipe| pipe.waiting.is_empty() && pipe.flight.is_empty())
    }

    /// A link is gone, and all that was under way with it.
    pub(super) fn forget(&mut self, id: LinkId) {
        self.pipes.remove(&id);
    }

    /// Sends what the uplink carries by now, and names the links that have something to do: bytes that arrive, or room.
    pub(super) fn pass(&mut self, now: Time) -> Vec<LinkId> {
        let since = if self.is_busy { now - LATENESS } else { now };
        self.free_at = self.free_at.max(nanos(since));
        while self.free_at <= nanos(now) {
            let Some(id) = self.next_link(now) else { break };
            self.send_segment(id);
        }
        self.is_busy = self.pipes.values().any(Pipe::has_more);
        let busy = self.pipes.iter_mut().filter_map(|(id, pipe)| {
            let has_room = pipe.is_full && pipe.waiting.len() <= WAITING_BYTES / 2;
            pipe.is_full &= !has_room;
            (has_room || pipe.next_arrival().is_some_and(|arrival| arrival <= now)).then_some(*id)
        });
        busy.collect()
    }

    /// The next link, in turns, that may send a segment.
    fn next_link(&self, now: Time) -> Option<LinkId> {
        let (first, after) = (self.pipes.range(..=self.last), self.pipes.range(LinkId(self.last.0 + 1)..));
        after.chain(first).find(|(_, pipe)| pipe.has_more() && pipe.next_at <= now).map(|(id, _)| *id)
    }

    fn send_segment(&mut self, id: LinkId) {
        self.last = id;
        let Some(pipe) = self.pipes.get_mut(&id) else { return };
        let segment: Vec<u8> = pipe.waiting.drain(..pipe.waiting.len().min(SEGMENT_BYTES)).collect();
        let bits = (segment.len() + HEADER_BYTES) as u64 * 8;
        let time = self.conditions.rate.map_or(0, |rate| bits * 1_000_000_000 / rate);
        let mut sent_at = self.free_at.max(nanos(pipe.next_at)) + time;
        let mut arrival = micros(sent_at) + self.conditions.delay;
        if self.rng.chance(u64::from(self.conditions.loss)) {
            // It is sent once more, and for a round trip the link has half the rate.
            let round_trip = (2 * self.conditions.delay).max(LEAST_ROUND_TRIP);
            sent_at += time;
            arrival = micros(sent_at) + self.conditions.delay + round_trip;
            pipe.slow_until = micros(sent_at) + round_trip;
        }
        pipe.next_at = micros(if micros(sent_at) < pipe.slow_until { sent_at + time } else { sent_at });
        pipe.arrival = arrival.max(pipe.arrival);
        pipe.flying += segment.len();
        pipe.flight.push_back((pipe.arrival, segment));
        self.free_at = sent_at;
    }

    /// Gives a socket what has arrived. `Ok(false)`: it takes no more for now, and the loop says when it does.
    pub(super) fn deliver(&mut self, now: Time, id: LinkId, socket: &mut impl Write) -> io::Result<bool> {
        let Some(pipe) = self.pipes.get_mut(&id) else { return Ok(true) };
        pipe.is_blocked = false;
        while let Some((_, segment)) = pipe.flight.front().filter(|(arrival, _)| *arrival <= now) {
            match socket.write(&segment[pipe.taken..]) {
                Ok(0) => return Err(io::Error::other("the socket takes nothing")),
                Ok(written) => pipe.taken += written,
                Err(error) if error.kind() == ErrorKind::Interrupted => {}
                Err(error) if error.kind() == ErrorKind::WouldBlock => {
                    pipe.is_blocked = true;
                    return Ok(false);
                }
                Err(error) => return Err(error),
            }
            if pipe.taken == segment.len() {
                pipe.flying -= pipe.taken;
                pipe.taken = 0;
                pipe.flight.pop_front();
            }
        }
        Ok(true)
    }

    /// When [`Line::pass`] has something to do.
    pub(super) fn next_alarm(&self) -> Option<Time> {
        let free_at = micros(self.free_at);
        let of_pipe = |pipe: &Pipe| {
            let next = pipe.has_more().then(|| pipe.next_at.max(free_at));
            next.into_iter().chain(pipe.next_arrival()).min()
        };
        self.pipes.values().filter_map(of_pipe).min()
    }
}

impl Pipe {
    fn has_more(&self) -> bool {
        !self.waiting.is_empty() && self.flying < FLIGHT_BYTES
    }

    fn next_arrival(&self) -> Option<Time> {
        self.flight.front().map(|(arrival, _)| *arrival).filter(|_| !self.is_blocked)
    }
}

fn nanos(time: Time) -> u64 {
    time.0.saturating_mul(1000)
}

/// Rounded up: whoever waits for it must not look too early.
fn micros(nanos: u64) -> Time {
    Time(nanos.div_ceil(1000))
}

#[cfg(test)]
mod tests {
    use super::*;

    const ONE: LinkId = LinkId(1);
    const OTHER: LinkId = LinkId(2);

    fn line(conditions: &str) -> Line {
        Line::new(conditions.parse().unwrap(), Rng::from_number(1))
    }

    fn take(line: &mut Line, id: LinkId, bytes: usize) -> usize {
        line.take(id, [&vec![7; bytes][..]].into_iter())
    }

    /// Bytes that come out of a link by a time, if the loop looks once in each millisecond.
    fn by(line: &mut Line, id: LinkId, from_ms: u64, to_ms: u64) -> usize {
        let mut out = Vec::new();
        for now in (from_ms..=to_ms).map(|ms| Time(ms * 1000)) {
            line.pass(now);
            line.deliver(now, id, &mut out).unwrap();
        }
        out.len()
    }

    #[test]
    fn bytes_come_out_after_the_delay_and_at_the_rate_of_the_uplink() {
        let mut line = line("delay=80ms,rate=2mbit");
        assert_eq!(take(&mut line, ONE, 60_000), 60_000);
        assert_eq!(by(&mut line, ONE, 0, 85), 0);
        let got = by(&mut line, ONE, 86, 280);
        assert!((45_000..=50_000).contains(&got), "{got} in 0.2 s at 250 KB/s, of which headers take a thirtieth");
        assert_eq!(by(&mut line, ONE, 281, 600), 60_000 - got);
        assert!(line.is_empty(ONE) && line.next_alarm().is_none());
    }

    #[test]
    fn links_share_the_uplink() {
        let mut line = line("delay=0ms,rate=1mbit");
        take(&mut line, ONE, 100_000);
        take(&mut line, OTHER, 100_000);
        let (mut one, mut other) = (Vec::new(), Vec::new());
        for now in (0..=400).map(|ms| Time(ms * 1000)) {
            line.pass(now);
            line.deliver(now, ONE, &mut one).unwrap();
            line.deliver(now, OTHER, &mut other).unwrap();
        }
        assert!(
            one.len().abs_diff(other.len()) <= SEGMENT_BYTES && one.len() > 20_000,
            "{} {}",
            one.len(),
            other.len()
        );
    }

    #[test]
    fn a_full_line_takes_no_more_and_says_when_it_does() {
        let mut line = line("delay=10ms,rate=8mbit");
        assert_eq!((take(&mut line, ONE, 1_000_000), take(&mut line, ONE, 1)), (WAITING_BYTES, 0));
        assert_eq!(line.pass(Time(0)), []);
        let first = (1..1000).find(|ms| line.pass(Time(ms * 1000)).contains(&ONE)).unwrap();
        assert_eq!(first, 12, "the first segment takes 1.5 ms and the delay");
        let mut out = Vec::new();
        let room = (12..1000).find(|ms| {
            line.deliver(Time(ms * 1000), ONE, &mut out).unwrap();
            line.pass(Time(ms * 1000)).contains(&ONE) && line.pipes[&ONE].next_arrival() > Some(Time(ms * 1000))
        });
        assert!(room.is_some_and(|ms| (28..45).contains(&ms)), "half of 64 KiB at 1 MB/s: {room:?}");
        assert!(take(&mut line, ONE, 1_000_000) > WAITING_BYTES / 3);
    }

    #[test]
    fn a_socket_that_takes_nothing_stops_its_link_alone() {
        /// A socket with room for some bytes.
        struct Small(usize);
        impl Write for Small {
            fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
                let taken = bytes.len().min(self.0);
                self.0 -= taken;
                if taken == 0 { Err(ErrorKind::WouldBlock.into()) } else { Ok(taken) }
            }
            fn flush(&mut self) -> io::Result<()> {
                Ok(())
            }
        }
        let mut line = line("delay=1ms");
        take(&mut line, ONE, 10_000);
        line.pass(Time(0));
        assert_eq!(line.next_alarm(), Some(Time(1000)));
        assert_eq!(line.pass(Time(1000)), [ONE]);
        assert!(!line.deliver(Time(1000), ONE, &mut Small(2000)).unwrap());
        assert_eq!((line.pass(Time(2000)), line.next_alarm()), (vec![], None), "the loop does not spin");
        assert!(line.deliver(Time(3000), ONE, &mut Small(10_000)).unwrap() && line.is_empty(ONE));
    }

    #[test]
    fn a_lost_segment_holds_up_what_is_behind_it_for_a_round_trip() {
        let mut line = line("delay=50ms,rate=8mbit,loss=10%");
        let mut waits = 0;
        for _ in 0..20 {
            take(&mut line, ONE, 14_480);
        }
        let (mut out, mut last) = (Vec::new(), 0);
        for ms in 1..1000 {
            let before = out.len();
            line.pass(Time(ms * 1000));
            line.deliver(Time(ms * 1000), ONE, &mut out).unwrap();
            if out.len() > before {
                waits += u64::from(ms - last > 90 && before > 0);
                last = ms;
            }
        }
        assert_eq!(out.len(), WAITING_BYTES);
        assert!((1..=8).contains(&waits), "{waits} of 46 segments");
        assert!(out.iter().all(|byte| *byte == 7));
    }

    #[test]
    fn a_link_that_has_lost_a_segment_has_half_the_rate_and_leaves_the_rest_to_others() {
        let sent = |others: u64| {
            let mut line = line("delay=500ms,rate=1mbit");
            for id in 1..=1 + others {
                take(&mut line, LinkId(id), 100_000);
            }
            line.pipes.get_mut(&ONE).unwrap().slow_until = Time(2_000_000);
            for ms in 0..=300 {
                line.pass(Time(ms * 1000));
            }
            (line.pipes[&ONE].flying, line.pipes.values().map(|pipe| pipe.flying).sum::<usize>())
        };
        let (alone, _) = sent(0);
        assert!((17_000..=20_000).contains(&alone), "{alone} in 0.3 s at 62 KB/s");
        let (_, both) = sent(1);
        assert!((35_000..=38_500).contains(&both), "{both} in 0.3 s at 125 KB/s");
    }
}
