//! One peer socket: bytes in and out, in turns of limited size, and its own deadlines.

use std::{
    io::{self, IoSlice, Read as _, Write as _},
    net::Shutdown,
    sync::Arc,
};

use mio::net::TcpStream;

use crate::{
    base::{ids::LinkId, limits, time::Time},
    net::{Config, delivery::Delivery, leases::Leases, traffic::LinkTraffic},
    node::{CloseReason, Direction, PeerFault, RoleId},
    wire::{
        frame::Frame,
        link::{Link, Phase},
        message::{Kind, Message},
    },
};

/// Chunks in one vectored write: eight large frames.
const WRITE_CHUNKS: usize = 16;
/// Bytes of one read before the link is up; a `Version` fits.
const HANDSHAKE_READ_BYTES: usize = 1024;

/// A socket with its link.
pub(super) struct Conn {
    pub(super) id: LinkId,
    pub(super) link: Link,
    pub(super) direction: Direction,
    /// All roles know of it.
    pub(super) up: bool,
    /// In the list of links that have something to do.
    pub(super) listed: bool,
    /// The socket may have something to read or take; true until it says otherwise (edge-triggered).
    pub(super) readable: bool,
    pub(super) writable: bool,
    /// Where [`super::timers::Timers`] keeps the alarm.
    pub(super) armed: Option<Time>,
    /// Set by a goodbye: when the socket ends at the latest.
    pub(super) ends: Option<Time>,
    stream: TcpStream,
    shut: bool,
    traffic: Arc<LinkTraffic>,
    /// Bytes that were read and cannot be taken yet.
    carry: Vec<u8>,
    /// A frame whose role's inbox was full.
    pending: Option<(RoleId, Frame)>,
    /// When the frame that is arriving began, moved by the time during which we did not read.
    frame_since: Option<Time>,
    /// Since when we do not read, by our own choice.
    held_since: Option<Time>,
    /// Since when the socket takes nothing.
    stalled_since: Option<Time>,
    /// It has brought a whole large frame: no small thing for who wants to hold the pool and nothing else.
    brought: bool,
    /// Bytes of the large frame that had arrived at this moment, from which its pace is counted.
    mark: Option<(Time, usize)>,
    /// When it had its first turn, and when it last said something.
    began: Option<Time>,
    heard: Time,
    /// The peer's goodbye: a better reason than the end of the connection that follows.
    farewell: Option<CloseReason>,
    /// What the poll loop's sums have of this link: bytes queued, and these with what its peer has asked for.
    pub(super) counted: (usize, usize),
}

/// How a turn of reading ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Turn {
    /// The socket has nothing more.
    Drained,
    /// There may be more; others first.
    More,
    /// In line for this role's inbox.
    Inbox(RoleId),
    /// In line for a lease.
    Lease,
    /// The handshake role, or the send queue, comes first.
    Gate,
}

/// What reading needs of the others.
pub(super) struct Surroundings<'a> {
    pub(super) delivery: &'a mut Delivery,
    pub(super) leases: &'a mut Leases,
    /// At least [`limits::READ_BYTES`].
    pub(super) scratch: &'a mut [u8],
    /// The inbox at whose line's head this link is.
    pub(super) turn_at: Option<RoleId>,
    pub(super) now: Time,
}

impl Conn {
    pub(super) fn new(
        id: LinkId,
        magic: [u8; 4],
        stream: TcpStream,
        direction: Direction,
        traffic: Arc<LinkTraffic>,
    ) -> Self {
        Self {
            id,
            link: Link::new(magic),
            direction,
            up: false,
            listed: false,
            readable: true,
            writable: true,
            armed: None,
            ends: None,
            stream,
            shut: false,
            traffic,
            carry: Vec::new(),
            pending: None,
            frame_since: None,
            held_since: None,
            stalled_since: None,
            brought: false,
            mark: None,
            began: None,
            heard: Time::default(),
            farewell: None,
            counted: (0, 0),
        }
    }

    /// Reads and hands on until nothing is left or it is somebody else's turn. An error is the end of the link.
    pub(super) fn read_turn(&mut self, around: &mut Surroundings<'_>) -> Result<Turn, CloseReason> {
        if self.began.is_none() {
            (self.began, self.heard) = (Some(around.now), around.now);
        }
        if let Some(since) = self.held_since.take() {
            let held = around.now.since(since);
            self.frame_since = self.frame_since.map(|start| start + held);
        }
        let turn = self.read(around)?;
        if self.link.reader().in_frame() {
            self.frame_since.get_or_insert(around.now);
        }
        if matches!(turn, Turn::Inbox(_) | Turn::Lease | Turn::Gate) {
            self.held_since = Some(around.now);
        }
        Ok(turn)
    }

    fn read(&mut self, around: &mut Surroundings<'_>) -> Result<Turn, CloseReason> {
        let (mut frames, mut bytes) = (0, 0);
        let carried = std::mem::take(&mut self.carry);
        let mut input = &carried[..];
        if let Some(turn) = self.take(&mut input, &mut frames, around)? {
            self.carry = if input.len() == carried.len() { carried } else { input.to_vec() };
            return Ok(turn);
        }
        loop {
            if !self.lease(around.leases)? {
                return Ok(Turn::Lease);
            }
            if !self.readable {
                return Ok(Turn::Drained);
            }
            if bytes >= limits::LINK_TURN_BYTES {
                return Ok(Turn::More);
            }
            let size = self.read_size(around.scratch.len());
            let got = match self.stream.read(&mut around.scratch[..size]) {
                Ok(0) => return Err(self.lost("closed by the other side".to_owned())),
                Ok(got) => got,
                Err(error) if error.kind() == io::ErrorKind::Interrupted => continue,
                Err(error) if error.kind() == io::ErrorKind::WouldBlock => {
                    self.readable = false;
                    return Ok(Turn::Drained);
                }
                Err(error) => return Err(self.lost(error.to_string())),
            };
            bytes += got;
            self.heard = around.now;
            self.traffic.received(got);
            // Taken out for the time of the call, since the bytes are borrowed from it.
            let scratch = std::mem::take(&mut around.scratch);
            let mut input = &scratch[..got];
            let turn = self.take(&mut input, &mut frames, around);
            if matches!(turn, Ok(Some(_))) {
                self.carry = input.to_vec();
            }
            around.scratch = scratch;
            if let Some(turn) = turn? {
                return Ok(turn);
            }
        }
    }

    /// Takes frames out of `input` and hands them on. `None`: all of it was taken, and more may be read.
    fn take(
        &mut self,
        input: &mut &[u8],
        frames: &mut usize,
        around: &mut Surroundings<'_>,
    ) -> Result<Option<Turn>, CloseReason> {
        loop {
            if let Some((role, frame)) = self.pending.take() {
                let turn = around.turn_at == Some(role);
                if let Err(frame) = around.delivery.hand(role, self.id, frame, turn) {
                    self.pending = Some((role, frame));
                    return Ok(Some(Turn::Inbox(role)));
                }
                // What was put back is handed on while another frame may be arriving.
                if !self.link.reader().in_frame() {
                    around.leases.release(self.id);
                }
                *frames += 1;
                if *frames >= limits::LINK_TURN_FRAMES {
                    return Ok(Some(Turn::More));
                }
            }
            let phase = self.link.phase();
            let fault = |fault| CloseReason::Fault(PeerFault::Frame(fault));
            match self.link.receive(input).map_err(fault)? {
                Some(frame) => {
                    if !self.link.reader().in_frame() {
                        (self.frame_since, self.mark) = (None, None);
                    }
                    self.brought |= frame.body.len() > limits::LEASE_FREE_BYTES;
                    self.note_farewell(&frame);
                    let role = if phase == Phase::Open { RoleId::for_kind(frame.kind) } else { RoleId::Handshake };
                    self.pending = Some((role, frame));
                }
                None if self.link.wants_input() => return Ok(None),
                None => return Ok(Some(Turn::Gate)),
            }
        }
    }

    /// Whether what is arriving may be read on: large bodies need a lease, and no message of a handshake is large, so
    /// that strangers cannot hold the pool.
    fn lease(&self, leases: &mut Leases) -> Result<bool, CloseReason> {
        match self.link.reader().body_len() {
            Some(length) if length > limits::LEASE_FREE_BYTES => match self.link.phase() {
                Phase::Open => Ok(leases.acquire(self.id, length, self.brought)),
                _ => Err(CloseReason::Fault(PeerFault::Flood("a large frame before the handshake"))),
            },
            _ => Ok(true),
        }
    }

    /// Within a large body as much as it still wants, so that nothing is left over; else what may be carried.
    fn read_size(&self, scratch: usize) -> usize {
        if self.link.phase() != Phase::Open {
            return HANDSHAKE_READ_BYTES.min(scratch);
        }
        self.link.reader().wanted().max(limits::READ_BYTES).min(scratch)
    }

    /// Reads and throws away, after a goodbye: a socket closed with unread bytes would reset the connection, and the
    /// goodbye could be lost. True once the other side has closed.
    pub(super) fn discard_turn(&mut self, scratch: &mut [u8]) -> bool {
        let mut bytes = 0;
        while self.readable && bytes < limits::LINK_TURN_BYTES {
            match self.stream.read(scratch) {
                Ok(0) => return true,
                Ok(got) => bytes += got,
                Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
                Err(error) if error.kind() == io::ErrorKind::WouldBlock => self.readable = false,
                Err(_) => return true,
            }
        }
        false
    }

    /// Writes what is queued until the socket takes no more or the turn is over.
    pub(super) fn write_turn(&mut self, now: Time) -> Result<(), CloseReason> {
        let mut bytes = 0;
        while self.writable && self.link.queued() > 0 && bytes < limits::LINK_TURN_BYTES {
            let mut chunks = [IoSlice::new(&[]); WRITE_CHUNKS];
            let mut count = 0;
            for (slot, chunk) in chunks.iter_mut().zip(self.link.outputs(WRITE_CHUNKS)) {
                *slot = IoSlice::new(chunk);
                count += 1;
            }
            match self.stream.write_vectored(&chunks[..count]) {
                Ok(0) => return Err(self.lost("the socket takes nothing".to_owned())),
                Ok(written) => {
                    bytes += written;
                    self.link.sent(written);
                    self.traffic.sent(written);
                    self.stalled_since = None;
                }
                Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
                Err(error) if error.kind() == io::ErrorKind::WouldBlock => {
                    self.writable = false;
                    self.stalled_since.get_or_insert(now);
                }
                Err(error) => return Err(self.lost(error.to_string())),
            }
        }
        Ok(())
    }

    /// Tells the other side that nothing follows, once all is written. True if it could not be told.
    pub(super) fn shut(&mut self) -> bool {
        if self.shut || self.link.queued() > 0 {
            return false;
        }
        self.shut = true;
        self.stream.shutdown(Shutdown::Write).is_err()
    }

    /// Ends all reading; what is queued is still sent. The memory of what was arriving is free.
    pub(super) fn close(&mut self, ends: Time) {
        self.link.close();
        (self.carry, self.pending, self.frame_since) = (Vec::new(), None, None);
        self.ends = Some(ends);
    }

    /// When the link must be looked at although nothing happens on it.
    pub(super) fn deadline(&self, config: &Config) -> Option<Time> {
        let stall = self.stalled_since.map(|since| since + config.send_stall);
        self.ends.or_else(|| [self.frame_deadline(config), stall].into_iter().flatten().min())
    }

    /// What has passed its deadline.
    pub(super) fn overdue(&self, config: &Config, now: Time) -> Option<PeerFault> {
        if self.frame_deadline(config).is_some_and(|deadline| deadline <= now) {
            return Some(PeerFault::PartialFrame);
        }
        let stalled = self.stalled_since.is_some_and(|since| since + config.send_stall <= now);
        stalled.then_some(PeerFault::SendStall)
    }

    fn frame_deadline(&self, config: &Config) -> Option<Time> {
        if self.held_since.is_some() {
            return None;
        }
        let large = self.link.reader().body_len().is_some_and(|length| length > limits::LEASE_FREE_BYTES);
        self.frame_since.map(|since| since + if large { config.partial_block } else { config.partial_frame })
    }

    /// Whether the large frame arrives too slowly for somebody who holds a lease that others wait for. Its pace is that
    /// since an earlier look: who sends all but the last byte at once has no more claim than who sends nothing.
    pub(super) fn dawdles(&mut self, now: Time) -> bool {
        if self.held_since.is_some() || self.ends.is_some() || self.frame_since.is_none() {
            return false;
        }
        let Some(length) = self.link.reader().body_len() else { return false };
        let arrived = length.saturating_sub(self.link.reader().wanted());
        let Some((since, before)) = self.mark else {
            self.mark = Some((now, arrived));
            return false;
        };
        let time = now.since(since);
        if time < limits::LEASE_GRACE {
            return false;
        }
        self.mark = Some((now, arrived));
        (arrived - before) as u64 * 1000 < limits::LEASE_MIN_RATE * u64::try_from(time.as_millis()).unwrap_or(u64::MAX)
    }

    /// Since when the frame that is arriving does so, in seconds.
    pub(super) fn frame_seconds(&self, now: Time) -> usize {
        if self.held_since.is_some() { 0 } else { age(self.frame_since, now) }
    }

    /// How long another's handshake has been under way, in seconds.
    pub(super) fn handshake_seconds(&self, now: Time) -> usize {
        if self.up || !self.direction.is_inbound() { 0 } else { age(self.began, now) }
    }

    /// For how long the peer has said nothing, in seconds.
    pub(super) fn silent_seconds(&self, now: Time) -> usize {
        if self.up && self.held_since.is_none() { age(Some(self.heard), now) } else { 0 }
    }

    fn note_farewell(&mut self, frame: &Frame) {
        if frame.kind != Kind::Goodbye {
            return;
        }
        if let Ok(Message::Goodbye { code, retry_after }) = Message::decode(frame.kind, &frame.body) {
            self.farewell = Some(CloseReason::Remote { code, retry_after });
        }
    }

    fn lost(&mut self, what: String) -> CloseReason {
        self.farewell.take().unwrap_or(CloseReason::Lost(what))
    }
}

fn age(since: Option<Time>, now: Time) -> usize {
    since.map_or(0, |since| usize::try_from(now.since(since).as_secs()).unwrap_or(usize::MAX))
}
