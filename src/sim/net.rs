//! One simulated TCP connection: two real [`Link`]s and a pipe for each direction, with latency, bandwidth, a window,
//! and losses that show as delay. Bytes arrive in order, in chunks of any size, or not at all.

use std::{collections::VecDeque, time::Duration};

use crate::{
    base::{hash::Hash, ids::LinkId, limits, rng::Rng, time::Time},
    link::framer::Framer as Link,
    wire::frame::{Frame, FrameFault},
};

/// Connections of a run, in the order in which they were made; never reused.
pub(super) type ConnId = usize;

/// The two ends of a connection: 0 dialled, 1 accepted.
pub(super) type Side = usize;

/// The other end.
pub(super) fn other(side: Side) -> Side {
    1 - side
}

/// The id under which a node knows its end of a connection.
pub(super) fn link_id(conn: ConnId, side: Side) -> LinkId {
    LinkId(2 * conn as u64 + side as u64)
}

/// The end that a node knows under this id.
pub(super) fn end_of(link: LinkId) -> (ConnId, Side) {
    let at = usize::try_from(link.0).unwrap_or(usize::MAX);
    (at / 2, at % 2)
}

/// What the links of a run are like.
#[derive(Clone, Debug)]
pub(super) struct Weather {
    /// Bytes per second of each direction.
    pub(super) bandwidth: u64,
    /// Bytes that fit between two sockets.
    pub(super) window: usize,
    /// Chunks that are cut in two, parts per million.
    pub(super) split_ppm: u64,
    /// Chunks that are lost and sent again, parts per million.
    pub(super) loss_ppm: u64,
}

impl Weather {
    /// Two bytes a second, one after the other.
    pub(super) const DRIP: Self = Self { bandwidth: 2, window: 1, split_ppm: 0, loss_ppm: 0 };
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
    /// All bytes that went in.
    pub(super) carried: u64,
    /// Nothing goes in any more.
    pub(super) closed: bool,
}

/// How far one end has come.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Phase {
    /// The dialler does not know yet that the connection stands.
    Connecting,
    /// The node knows of it.
    Live,
    /// The node has heard `Closed`; what is queued is still sent.
    Lingering,
    /// Nothing happens here any more.
    Gone,
}

/// One end of a connection.
#[derive(Debug)]
pub(super) struct End {
    /// Whose it is.
    pub(super) node: usize,
    /// Which life of that node.
    pub(super) life: u32,
    /// How far it has come.
    pub(super) phase: Phase,
    /// The framer and send queue, as in production.
    pub(super) link: Link,
    /// Whether the roles have heard `Up`.
    pub(super) up: bool,
    /// Whether the peer said goodbye.
    pub(super) farewell: bool,
    /// A frame that its role's queue had no room for.
    pub(super) parked: Option<Frame>,
    /// Whether the pipe has ended; heard once everything before it is read.
    pub(super) ended: bool,
    /// No byte is read before this.
    pub(super) reads_at: Time,
    /// Since when a frame is incomplete.
    pub(super) partial_since: Option<Time>,
    /// When the pipe last took a byte.
    pub(super) progress: Time,
    /// A look at the two above is in the event queue.
    pub(super) watched: bool,
    /// Blocks that the other side asked for and that were not answered.
    pub(super) owed: Vec<(Hash, Time)>,
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
    /// One way, microseconds.
    pub(super) latency: u64,
}

impl End {
    fn new(node: usize, life: u32, magic: [u8; 4], now: Time) -> Self {
        Self {
            node,
            life,
            phase: Phase::Connecting,
            link: Link::new(magic),
            up: false,
            farewell: false,
            parked: None,
            ended: false,
            reads_at: Time::default(),
            partial_since: None,
            progress: now,
            watched: false,
            owed: Vec::new(),
            unread: Vec::new(),
            read: 0,
        }
    }

    /// Whether the node takes bytes from this end now: it is neither behind with what it has, nor slow, nor full.
    pub(super) fn may_read(&self, now: Time) -> bool {
        self.phase == Phase::Live && self.parked.is_none() && self.reads_at <= now && self.link.may_receive()
    }

    /// Bytes that arrived and were not read.
    pub(super) fn unread(&self) -> usize {
        self.unread.len() - self.read
    }

    /// Bytes have arrived.
    pub(super) fn arrived(&mut self, bytes: Vec<u8>) {
        if self.unread() == 0 {
            (self.unread, self.read) = (bytes, 0);
        } else {
            self.unread.extend_from_slice(&bytes);
        }
    }

    /// Forgets what arrived.
    pub(super) fn discard(&mut self) {
        (self.unread, self.read) = (Vec::new(), 0);
    }

    /// Whether reading now would get any further.
    pub(super) fn has_more(&self, now: Time) -> bool {
        self.may_read(now) && (self.unread() > 0 || self.link.has_question())
    }

    /// Reads up to the end of one frame.
    pub(super) fn read_frame(&mut self, now: Time) -> Result<Option<Frame>, FrameFault> {
        let mut input = &self.unread[self.read..];
        let result = self.link.receive(&mut input);
        self.read = self.unread.len() - input.len();
        if self.read == self.unread.len() {
            self.discard();
        }
        match &result {
            Ok(_) if self.link.reader().in_frame() => {
                self.partial_since.get_or_insert(now);
            }
            Ok(Some(_)) | Err(_) => self.partial_since = None,
            Ok(None) => {}
        }
        result
    }

    /// When the frame that is arriving must be complete.
    pub(super) fn partial_deadline(&self) -> Option<Time> {
        let large = self.link.reader().body_len().is_some_and(|length| length > limits::LEASE_FREE_BYTES);
        let patience = if large { limits::PARTIAL_BLOCK } else { limits::PARTIAL_FRAME };
        self.partial_since.map(|since| since + patience)
    }

    /// The earlier of the two.
    pub(super) fn next_deadline(&self) -> Option<Time> {
        [self.partial_deadline(), self.stall_deadline()].into_iter().flatten().min()
    }

    /// When the pipe must have taken another byte.
    pub(super) fn stall_deadline(&self) -> Option<Time> {
        self.link.output().is_some().then(|| self.progress + limits::SEND_STALL)
    }
}

impl Conn {
    /// A connection whose dialler does not know of it yet. Each end is a node and which life of it.
    pub(super) fn new(dialler: (usize, u32), acceptor: (usize, u32), latency: u64, magic: [u8; 4], now: Time) -> Self {
        let end = |(node, life)| End::new(node, life, magic, now);
        Self { ends: [end(dialler), end(acceptor)], pipes: Default::default(), latency }
    }

    /// Moves queued bytes into the pipe as far as its window allows.
    pub(super) fn pump(&mut self, side: Side, now: Time, weather: &Weather, rng: &mut Rng) {
        loop {
            let (sender, receiver) = (&self.ends[side], &self.ends[other(side)]);
            let used = self.pipes[side].bytes_in_flight + receiver.unread();
            let room = weather.window.saturating_sub(used);
            let queued = sender.link.queued();
            if room == 0 || queued == 0 {
                return;
            }
            let mut take = room.min(queued);
            if take > 1 && rng.chance(weather.split_ppm) {
                take = usize::try_from(rng.between(1, take as u64 - 1)).unwrap_or(1);
            }
            let link = &mut self.ends[side].link;
            let mut bytes = Vec::with_capacity(take);
            while bytes.len() < take {
                let Some(chunk) = link.output() else { break };
                let part = chunk.len().min(take - bytes.len());
                bytes.extend_from_slice(&chunk[..part]);
                link.sent(part);
            }
            self.ends[side].progress = now;
            self.pipes[side].push(now, self.latency, Parcel::Bytes(bytes), weather, rng);
        }
    }

    /// Ends a direction, after what is in it.
    pub(super) fn finish(&mut self, side: Side, now: Time, parcel: Parcel, weather: &Weather, rng: &mut Rng) {
        self.pipes[side].closed = true;
        self.pipes[side].push(now, self.latency, parcel, weather, rng);
    }

    /// Whether both nodes know of it.
    pub(super) fn stands(&self) -> bool {
        self.ends.iter().all(|end| end.phase == Phase::Live)
    }

    /// Whether nobody will hear of it again.
    pub(super) fn is_over(&self) -> bool {
        self.ends.iter().all(|end| end.phase == Phase::Gone) && self.pipes.iter().all(|pipe| pipe.in_flight.is_empty())
    }
}

impl Pipe {
    fn push(&mut self, now: Time, latency: u64, parcel: Parcel, weather: &Weather, rng: &mut Rng) {
        let size = parcel.size();
        self.bytes_in_flight += size;
        self.carried += size as u64;
        let micros = (size as u64).saturating_mul(1_000_000) / weather.bandwidth.max(1);
        self.free_at = self.free_at.max(now) + Duration::from_micros(micros);
        let mut arrival = self.free_at + Duration::from_micros(latency);
        // TCP sends a lost packet again after 200 ms, then twice that, and so on; what follows waits for it.
        let mut again = 200_000;
        while again < 10_000_000 && rng.chance(weather.loss_ppm) {
            arrival = arrival + Duration::from_micros(again);
            again *= 2;
        }
        self.last_arrival = self.last_arrival.max(arrival);
        self.in_flight.push_back((self.last_arrival, parcel));
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
    use crate::wire::message::Message;

    const MAGIC: [u8; 4] = [1, 2, 3, 4];

    fn weather(window: usize, split_ppm: u64, loss_ppm: u64) -> Weather {
        Weather { bandwidth: 1_000_000, window, split_ppm, loss_ppm }
    }

    /// Sends `messages` from side 0 and returns what side 1 gets, and when the last of it arrives.
    fn carry(messages: &[Message], weather: &Weather) -> (Vec<Frame>, Time) {
        let mut rng = Rng::from_number(3);
        let mut conn = Conn::new((0, 0), (1, 0), 10_000, MAGIC, Time::default());
        conn.ends[1].link.promote();
        messages.iter().for_each(|message| conn.ends[0].link.send(&Frame::new(message)).unwrap());
        let (mut frames, mut now) = (Vec::new(), Time::default());
        conn.pump(0, now, weather, &mut rng);
        while let Some(at) = conn.pipes[0].next_arrival() {
            now = at;
            let Some(Parcel::Bytes(bytes)) = conn.pipes[0].arrival(now) else { panic!("only bytes were sent") };
            conn.ends[1].arrived(bytes);
            while let Some(frame) = conn.ends[1].read_frame(now).unwrap() {
                frames.push(frame);
            }
            conn.pump(0, now, weather, &mut rng);
        }
        (frames, now)
    }

    #[test]
    fn frames_arrive_whole_and_in_order_in_any_weather() {
        let messages = [Message::Verack(1), Message::Block(vec![7; 200_000].into()), Message::GetPeers];
        let frames: Vec<Frame> = messages.iter().map(Frame::new).collect();
        for (window, split, loss) in [(1_000_000, 0, 0), (100, 900_000, 0), (5_000, 100_000, 300_000)] {
            assert_eq!(carry(&messages, &weather(window, split, loss)).0, frames);
        }
    }

    #[test]
    fn bandwidth_latency_and_loss_take_time() {
        let messages = [Message::Block(vec![7; 500_000].into())];
        let good = carry(&messages, &weather(1_000_000, 0, 0)).1;
        assert!((510_000..511_000).contains(&good.0), "half a second of bytes and 10 ms: {good:?}");
        assert!(carry(&messages, &weather(10_000, 0, 200_000)).1 > good);
    }
}
