//! One simulated TCP connection: two sockets and a pipe for each direction, with latency, bandwidth, a window, and losses
//! that show as delay. Bytes arrive in order, in chunks of any size, or not at all.

use std::{collections::VecDeque, time::Duration};

use crate::{
    base::{ids::LinkId, rng::Rng, time::Time},
    sim::{arriving::Arriving, lines::Line},
};

/// Connections of a run, in the order in which they were made; never reused.
pub(super) type ConnId = usize;

/// The two ends of a connection: 0 dialled, 1 accepted.
pub(super) type Side = usize;

/// The other end.
pub(super) fn other(side: Side) -> Side {
    1 - side
}

/// What the connections of a run are like.
#[derive(Clone, Copy, Debug)]
pub(super) struct LinkConditions {
    /// Bytes per second of each direction.
    pub(super) bandwidth: u64,
    /// Bytes that fit between two sockets.
    pub(super) window: usize,
    /// Chunks that are cut in two, parts per million.
    pub(super) split_ppm: u64,
    /// Chunks that are lost and sent again, parts per million.
    pub(super) loss_ppm: u64,
}

impl LinkConditions {
    /// A byte a second, one after the other: a `Ping` takes longer than a frame may.
    pub(super) const DRIP: Self = Self { bandwidth: 1, window: 1, split_ppm: 0, loss_ppm: 0 };
}

/// What travels through a pipe.
#[derive(Debug)]
pub(super) enum Parcel {
    /// Bytes.
    Bytes(Vec<u8>),
    /// No more bytes.
    Fin,
    /// The connection is gone.
    Reset,
}

/// One direction of a connection.
#[derive(Debug, Default)]
pub(super) struct Pipe {
    in_flight: VecDeque<(Time, Parcel)>,
    bytes_in_flight: usize,
    /// When the line has sent all that was given to it.
    free_at: Time,
    /// When the parcel before arrives; none overtakes another.
    last_arrival: Time,
    /// An arrival is in the event queue.
    pub(super) scheduled: bool,
    /// Nothing goes in any more.
    pub(super) closed: bool,
}

/// How far one socket has come.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Phase {
    /// The dialler does not know yet that the connection stands.
    Connecting,
    /// The node has it.
    Live,
    /// The node has stopped in order; what was sent still arrives, and what comes is thrown away.
    Closing,
    /// The operating system knows of it no more.
    Gone,
}

/// One end of a connection: a socket.
#[derive(Debug)]
pub(super) struct End {
    /// Whose it is.
    pub(super) node: usize,
    /// Which life of that node.
    pub(super) life: u32,
    /// Under which id the node knows it.
    pub(super) link: LinkId,
    /// How far it has come.
    pub(super) phase: Phase,
    /// Why the pipe has ended, if it has; heard once everything before it is read.
    pub(super) ended: Option<&'static str>,
    /// The node has bytes to send that the window had no room for.
    pub(super) blocked: bool,
    /// No byte is read before this.
    pub(super) reads_at: Time,
    /// The frame that is arriving.
    pub(super) arriving: Arriving,
    /// When unread bytes that had waited for the node were read.
    pub(super) caught_up: Time,
    unread_since: Time,
    read_at: Time,
    unread: Vec<u8>,
    read: usize,
}

/// A connection.
#[derive(Debug)]
pub(super) struct Conn {
    /// Dialler, acceptor.
    pub(super) ends: [End; 2],
    /// `pipes[side]` carries what `ends[side]` sends.
    pub(super) pipes: [Pipe; 2],
    /// When the dialler's attempt reached the acceptor.
    pub(super) began: Time,
    /// What the line carries of what each end sends, if that is less than others carry.
    lines: [Option<Line>; 2],
    /// One way, microseconds.
    latency: u64,
}

impl End {
    /// A socket of this life of a node.
    pub(super) fn new(node: usize, life: u32, link: LinkId, phase: Phase) -> Self {
        Self {
            node,
            life,
            link,
            phase,
            ended: None,
            blocked: false,
            reads_at: Time::default(),
            arriving: Arriving::default(),
            caught_up: Time::default(),
            unread_since: Time::default(),
            read_at: Time::default(),
            unread: Vec::new(),
            read: 0,
        }
    }

    /// Bytes that arrived and were not read.
    pub(super) fn unread(&self) -> usize {
        self.unread.len() - self.read
    }

    /// Bytes have arrived.
    pub(super) fn arrived(&mut self, now: Time, bytes: Vec<u8>) {
        if self.unread() == 0 {
            (self.unread, self.read, self.unread_since) = (bytes, 0, now);
        } else {
            self.unread.extend_from_slice(&bytes);
        }
    }

    /// Reads at most `most` bytes.
    pub(super) fn read(&mut self, now: Time, most: usize) -> &[u8] {
        let from = self.read;
        self.read += self.unread().min(most);
        if from < self.read {
            self.read_at = now;
            if self.unread_since < now {
                self.caught_up = now;
            }
        }
        self.arriving.note(&self.unread[from..self.read], now);
        &self.unread[from..self.read]
    }

    /// Gives back the memory of what was read, if nothing is left.
    pub(super) fn trim(&mut self) {
        if self.unread() == 0 {
            self.discard();
        }
    }

    /// Since when bytes have waited without any being read.
    pub(super) fn waits_since(&self) -> Option<Time> {
        (self.unread() > 0).then(|| self.unread_since.max(self.read_at))
    }

    /// Forgets what arrived.
    pub(super) fn discard(&mut self) {
        (self.unread, self.read) = (Vec::new(), 0);
    }
}

impl Conn {
    /// A connection between two sockets.
    pub(super) fn new(now: Time, ends: [End; 2], latency: Duration, lines: [Option<Line>; 2]) -> Self {
        let latency = u64::try_from(latency.as_micros()).unwrap_or(u64::MAX);
        Self { ends, pipes: Default::default(), began: now, lines, latency }
    }

    /// What the line is like for what `side` sends, if others are like `all`.
    pub(super) fn conditions(&self, side: Side, all: LinkConditions) -> LinkConditions {
        let Some(Line { bandwidth, window }) = self.lines[side] else { return all };
        LinkConditions { bandwidth: all.bandwidth.min(bandwidth), window: all.window.min(window), ..all }
    }

    /// Bytes that one side may send now.
    pub(super) fn room(&self, side: Side, conditions: &LinkConditions) -> usize {
        let used = self.pipes[side].bytes_in_flight + self.ends[other(side)].unread();
        conditions.window.saturating_sub(used)
    }

    /// Puts something into a pipe.
    pub(super) fn push(&mut self, side: Side, now: Time, parcel: Parcel, conditions: &LinkConditions, rng: &mut Rng) {
        self.pipes[side].closed |= !matches!(parcel, Parcel::Bytes(_));
        self.pipes[side].push(now, self.latency, parcel, conditions, rng);
    }

    /// Whether both nodes have it.
    pub(super) fn stands(&self) -> bool {
        self.ends.iter().all(|end| end.phase == Phase::Live)
    }

    /// Whether nobody will hear of it again.
    pub(super) fn is_over(&self) -> bool {
        self.ends.iter().all(|end| end.phase == Phase::Gone) && self.pipes.iter().all(|pipe| pipe.in_flight.is_empty())
    }
}

impl Pipe {
    fn push(&mut self, now: Time, latency: u64, parcel: Parcel, conditions: &LinkConditions, rng: &mut Rng) {
        let size = parcel.size();
        self.bytes_in_flight += size;
        let micros = (size as u64).saturating_mul(1_000_000) / conditions.bandwidth.max(1);
        self.free_at = self.free_at.max(now) + Duration::from_micros(micros);
        let mut arrival = self.free_at + Duration::from_micros(latency);
        // TCP sends a lost packet again after 200 ms, then twice that, and so on; what follows waits for it.
        let mut again = 200_000;
        while again < 10_000_000 && rng.chance(conditions.loss_ppm) {
            arrival = arrival + Duration::from_micros(again);
            again *= 2;
        }
        self.last_arrival = self.last_arrival.max(arrival);
        self.in_flight.push_back((self.last_arrival, parcel));
    }

    /// What is given to it from now on leaves at `at` or later.
    pub(super) fn hold_until(&mut self, at: Time) {
        self.free_at = self.free_at.max(at);
    }

    /// When the next parcel arrives.
    pub(super) fn next_arrival(&self) -> Option<Time> {
        self.in_flight.front().map(|(at, _)| *at)
    }

    /// The next parcel, if it has arrived.
    pub(super) fn arrival(&mut self, now: Time) -> Option<Parcel> {
        if self.next_arrival()? > now {
            return None;
        }
        let (_, parcel) = self.in_flight.pop_front()?;
        self.bytes_in_flight -= parcel.size();
        Some(parcel)
    }

    /// All that is under way is lost.
    pub(super) fn clear(&mut self) {
        self.in_flight.clear();
        self.bytes_in_flight = 0;
    }
}

impl Parcel {
    fn size(&self) -> usize {
        if let Self::Bytes(bytes) = self { bytes.len() } else { 0 }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn conditions(window: usize, loss_ppm: u64) -> LinkConditions {
        LinkConditions { bandwidth: 1_000_000, window, split_ppm: 0, loss_ppm }
    }

    /// Sends bytes from side 0, and tells when side 1 has the last of them.
    fn carry(bytes: usize, conditions: &LinkConditions) -> Time {
        let mut rng = Rng::from_number(3);
        let end = |node| End::new(node, 0, LinkId(1), Phase::Live);
        let mut conn = Conn::new(Time::default(), [end(0), end(1)], Duration::from_millis(10), [None; 2]);
        let sent: Vec<u8> = (0..bytes).map(|at| at as u8).collect();
        let (mut now, mut arrived, mut left) = (Time::default(), Vec::new(), &sent[..]);
        loop {
            let (piece, rest) = left.split_at(conn.room(0, conditions).min(left.len()));
            left = rest;
            if !piece.is_empty() {
                conn.push(0, now, Parcel::Bytes(piece.to_vec()), conditions, &mut rng);
            }
            let Some(at) = conn.pipes[0].next_arrival() else { break };
            now = at;
            let Some(Parcel::Bytes(bytes)) = conn.pipes[0].arrival(now) else { panic!("only bytes were sent") };
            conn.ends[1].arrived(now, bytes);
            arrived.extend_from_slice(conn.ends[1].read(now, usize::MAX));
        }
        assert!(arrived == sent, "whole and in order");
        now
    }

    #[test]
    fn bandwidth_latency_windows_and_loss_take_time() {
        let good = carry(500_000, &conditions(1_000_000, 0));
        assert!((510_000..511_000).contains(&good.0), "half a second of bytes and 10 ms: {good:?}");
        assert!(carry(500_000, &conditions(100_000, 0)) > good);
        assert!(carry(500_000, &conditions(1_000_000, 900_000)) > good);
    }
}
