//! One link: bytes in, frames out to the roles, and its own deadlines.

use std::{net::SocketAddr, sync::Arc, time::Duration};

use tussock_noise::Pattern;

use crate::{
    base::{
        ids::{LinkId, NodeId},
        limits,
        time::Time,
    },
    link::{
        Config, EventSink, Transport,
        agreements::Agreements,
        asked::Asked,
        bringing::Bringing,
        delivery::{Delivery, hearer},
        flow::Bounds,
        framer::{Framer, Phase},
        leases::{Claim, Leases},
        piece_reader::PieceReader,
        tunnel::Tunnel,
        unread::Unread,
    },
    node::{AgreementStep, CloseReason, Direction, LinkEvent, Members, PeerFault, RoleId},
    wire::message::Kind,
};

/// Bytes of one read before the link is up; a `Version` fits.
const HANDSHAKE_READ_BYTES: usize = 1024;

/// One link.
pub(super) struct Link {
    pub(super) id: LinkId,
    pub(super) framer: Framer,
    /// Kinds of frames that end the link.
    out_of_place: &'static [Kind],
    /// What is below the frames.
    pub(super) tunnel: Tunnel,
    /// Who was dialled, if that is known.
    pub(super) expected: Option<NodeId>,
    /// Who is at the other end, once that is known.
    pub(super) node: Option<NodeId>,
    /// That rests on a message that anybody may have recorded, until a sealed message opens.
    pub(super) awaits_proof: bool,
    pub(super) direction: Direction,
    pub(super) remote: SocketAddr,
    /// The other side's key agreement has been counted.
    pub(super) counted_agreement: bool,
    /// It was dialled with small segments.
    pub(super) has_small_segments: bool,
    /// All roles know of it.
    pub(super) up: bool,
    /// In the list of links that have something to do.
    pub(super) listed: bool,
    /// What the link has done in its turn.
    pub(super) turn: Turn,
    /// Where [`super::timers::Timers`] keeps the alarm.
    pub(super) armed: Option<Time>,
    /// Set at the end of the link: when its connection ends at the latest.
    pub(super) ends: Option<Time>,
    /// Bytes that arrived and cannot be taken yet.
    pub(super) carry: Vec<u8>,
    /// A frame, or a step of the key agreement, whose role's inbox was full.
    pub(super) pending: Option<(RoleId, LinkEvent)>,
    /// When the frame that is arriving began, moved by the time during which we did not read.
    pub(super) frame_since: Option<Time>,
    /// Since when we do not read, by our own choice.
    pub(super) held_since: Option<Time>,
    /// Since when the connection takes nothing.
    pub(super) stalled_since: Option<Time>,
    /// Since when it has not taken all that waited then.
    pub(super) unread: Unread,
    /// Bytes a second that it took of the last block that was pushed to it, and when.
    pub(super) pace: Option<(Time, u64)>,
    /// How it takes pieces of snapshots.
    pub(super) pieces: PieceReader,
    /// It has brought a whole large frame. A peer that only wants to hold the pool does not.
    brought: bool,
    /// What it was asked for.
    pub(super) asked: Asked,
    /// Bytes of the large frame that had arrived at this moment, from which its pace is counted.
    pub(super) mark: Option<(Time, usize)>,
    pub(super) bringing: Bringing,
    /// When the connection was made, and when the other side last said something.
    began: Time,
    pub(super) heard: Option<Time>,
    /// The peer's goodbye: a better reason than the end of the connection that follows.
    pub(super) farewell: Option<CloseReason>,
    pub(super) counted: Counted,
}

/// What the endpoint's sums have of a link, in bytes.
#[derive(Clone, Copy, Default)]
pub(super) struct Counted {
    /// What it alone takes of memory.
    pub(super) unshared: usize,
    /// Of these, what is sealed already.
    pub(super) sealed: usize,
    /// What waits, with the answers that its peer has asked for.
    pub(super) load: usize,
}

/// What a link has done since its turn began.
#[derive(Default)]
pub(super) struct Turn {
    pub(super) sent: usize,
    pub(super) received: usize,
    /// Frames handed on.
    frames: usize,
}

/// How reading goes on.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Progress {
    /// All that arrived is taken, and more may be read.
    Reads,
    /// Enough for this turn: others first.
    Enough,
    /// In line for this role's inbox.
    Inbox(RoleId),
    /// In line for a lease.
    Lease,
    /// The role of the handshake or of the key agreement, or the send queue, comes first.
    Gate,
    /// The other side has said who it is.
    Introduced,
}

/// What reading needs of the others.
pub(super) struct Around<'a, S> {
    pub(super) delivery: &'a mut Delivery<S>,
    pub(super) leases: &'a mut Leases,
    pub(super) lease_free_bytes: usize,
    pub(super) agreements: &'a mut Agreements,
    pub(super) members: Option<&'a Arc<Members>>,
    /// A buffer for what is opened.
    pub(super) plain: &'a mut Vec<u8>,
    /// The inbox at whose line's head this link is.
    pub(super) turn_at: Option<RoleId>,
    pub(super) now: Time,
}

impl Link {
    pub(super) fn new(
        now: Time,
        id: LinkId,
        config: &Config,
        direction: Direction,
        remote: SocketAddr,
        expected: Option<NodeId>,
    ) -> Self {
        let pattern = if config.members.is_some() { Pattern::Ik } else { Pattern::Xx };
        let is_inbound = direction.is_inbound();
        // A dialler speaks first.
        let begin = AgreementStep::Begin { expected, closed: config.members.is_some() };
        let begin = (RoleId::KeyAgreement, LinkEvent::Agree { link: id, step: begin });
        let (tunnel, pending) = match config.transport {
            Transport::Noise => (Tunnel::agreeing(pattern, is_inbound), (!is_inbound).then_some(begin)),
            Transport::Clear(us) => (Tunnel::introducing(us), None),
        };
        Self {
            id,
            out_of_place: config.out_of_place,
            framer: Framer::new(config.magic, Bounds::with_soft(config.send_soft)),
            tunnel,
            expected,
            node: None,
            awaits_proof: false,
            direction,
            remote,
            counted_agreement: false,
            has_small_segments: false,
            up: false,
            listed: false,
            turn: Turn::default(),
            armed: None,
            ends: None,
            carry: Vec::new(),
            pending,
            frame_since: None,
            held_since: None,
            stalled_since: None,
            unread: Unread::default(),
            pace: None,
            pieces: PieceReader::default(),
            brought: false,
            asked: Asked::default(),
            mark: None,
            bringing: Bringing::default(),
            began: now,
            heard: None,
            farewell: None,
            counted: Counted::default(),
        }
    }

    /// Takes what has arrived earlier and hands it on. An error is the end of the link.
    pub(super) fn go_on<S: EventSink>(&mut self, around: &mut Around<'_, S>) -> Result<Progress, CloseReason> {
        if let Some(since) = self.held_since.take() {
            let held = around.now.since(since);
            self.frame_since = self.frame_since.map(|start| start + held);
        }
        if !self.tunnel.is_ready() {
            return self.agree(around);
        }
        let carried = std::mem::take(&mut self.carry);
        let mut input = &carried[..];
        let progress = self.take(&mut input, around)?;
        if !input.is_empty() {
            self.carry = if input.len() == carried.len() { carried } else { input.to_vec() };
        }
        Ok(self.note(progress, around.now))
    }

    /// Takes bytes that have just arrived and hands on the frames in them.
    pub(super) fn received<S: EventSink>(
        &mut self,
        bytes: &[u8],
        around: &mut Around<'_, S>,
    ) -> Result<Progress, CloseReason> {
        self.heard = Some(around.now);
        self.turn.received += bytes.len();
        if !self.tunnel.is_ready() {
            self.tunnel.keep(bytes);
            return self.agree(around);
        }
        if self.tunnel.is_clear() {
            return self.received_plain(bytes, around);
        }
        let mut plain = std::mem::take(around.plain);
        plain.clear();
        let opened = self.tunnel.open(bytes, &mut plain).map_err(CloseReason::Fault);
        if self.awaits_proof && opened.is_ok() && !plain.is_empty() {
            self.prove(around);
        }
        let progress = opened.and_then(|()| self.received_plain(&plain, around));
        *around.plain = plain;
        progress
    }

    fn received_plain<S: EventSink>(
        &mut self,
        bytes: &[u8],
        around: &mut Around<'_, S>,
    ) -> Result<Progress, CloseReason> {
        if self.held_since.is_some() || !self.carry.is_empty() {
            self.carry.extend_from_slice(bytes);
            return self.go_on(around);
        }
        let mut input = bytes;
        let progress = self.take(&mut input, around)?;
        self.carry = input.to_vec();
        Ok(self.note(progress, around.now))
    }

    /// Hands on what waits for its role's inbox. False if it still waits.
    pub(super) fn hand_on<S: EventSink>(&mut self, around: &mut Around<'_, S>) -> bool {
        let Some((role, event)) = self.pending.take() else { return true };
        let is_first = around.turn_at == Some(role);
        if let Err(event) = around.delivery.hand(role, self.id, event, is_first) {
            self.pending = Some((role, event));
            return false;
        }
        self.turn.frames += 1;
        true
    }

    pub(super) fn note(&mut self, progress: Progress, now: Time) -> Progress {
        if self.framer.reader().in_frame() || self.tunnel.in_message() {
            self.frame_since.get_or_insert(now);
        }
        if matches!(progress, Progress::Inbox(_) | Progress::Lease | Progress::Gate) {
            self.held_since = Some(now);
        }
        progress
    }

    /// Takes frames out of `input` and hands them on.
    fn take<S: EventSink>(&mut self, input: &mut &[u8], around: &mut Around<'_, S>) -> Result<Progress, CloseReason> {
        loop {
            if let Some(role) = self.pending.as_ref().map(|(role, _)| *role) {
                if !self.hand_on(around) {
                    return Ok(Progress::Inbox(role));
                }
                // A question that was put back is handed on while another frame may be arriving.
                if !self.framer.reader().in_frame() {
                    around.leases.release(around.now, self.id);
                }
            }
            if self.turn.frames >= limits::LINK_TURN_FRAMES {
                return Ok(Progress::Enough);
            }
            let phase = self.framer.phase();
            let taken = self.framer.receive(input).map_err(|fault| CloseReason::Fault(PeerFault::Frame(fault)))?;
            if taken.is_none() && !self.framer.reader().in_frame() {
                // A question that came whole and is held back no longer arrives.
                around.leases.release(around.now, self.id);
            }
            match taken {
                Some(frame) => {
                    if !self.framer.reader().in_frame() {
                        (self.frame_since, self.mark) = (None, None);
                    }
                    if phase == Phase::Open && self.out_of_place.contains(&frame.kind) {
                        return Err(CloseReason::Fault(PeerFault::Unexpected(frame.kind)));
                    }
                    self.asked.answered(frame.kind);
                    self.brought |= frame.body.len() > around.lease_free_bytes;
                    self.note_farewell(&frame);
                    self.pending = Some((hearer(phase, frame.kind), LinkEvent::Frame { link: self.id, frame }));
                }
                None if !self.framer.wants_input() => return Ok(Progress::Gate),
                None if !self.has_lease(around)? => return Ok(Progress::Lease),
                None if self.turn.received >= limits::LINK_TURN_BYTES => return Ok(Progress::Enough),
                None => return Ok(Progress::Reads),
            }
        }
    }

    /// Whether what is arriving may be read on: large bodies need a lease, and no message of a handshake is large.
    fn has_lease<S>(&mut self, around: &mut Around<'_, S>) -> Result<bool, CloseReason> {
        let large = self.framer.reader().arriving().filter(|(_, length)| *length > around.lease_free_bytes);
        let Some((kind, length)) = large else { return Ok(true) };
        if self.framer.phase() != Phase::Open {
            return Err(CloseReason::Fault(PeerFault::Flood("a large frame before the handshake")));
        }
        let claim = match self.brought {
            _ if self.asked.awaits(around.now, kind) => Claim::Asked,
            true => Claim::Known,
            false => Claim::Unknown,
        };
        Ok(around.leases.acquire(around.now, self.id, length, claim) && self.framer.make_room())
    }

    /// Within a large body as many bytes as it still wants, so that nothing is left over; else what may be carried.
    pub(super) fn read_size(&self) -> usize {
        if self.framer.phase() != Phase::Open {
            return HANDSHAKE_READ_BYTES;
        }
        self.framer.reader().wanted().clamp(limits::READ_BYTES, limits::LINK_TURN_BYTES)
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

    /// Since when the frame that is arriving does so, in seconds.
    pub(super) fn frame_seconds(&self, now: Time) -> usize {
        if self.held_since.is_some() { 0 } else { age(self.frame_since, now) }
    }

    /// How long another's handshake has been under way, in seconds.
    pub(super) fn handshake_seconds(&self, now: Time) -> usize {
        if self.up || !self.direction.is_inbound() { 0 } else { age(Some(self.began), now) }
    }

    /// Whether anything came from the peer lately.
    pub(super) fn was_heard_within(&self, now: Time, time: Duration) -> bool {
        now.since(self.heard.unwrap_or(self.began)) < time
    }

    /// For how long the peer has said nothing, in seconds.
    pub(super) fn silent_seconds(&self, now: Time) -> usize {
        if self.up && self.held_since.is_none() { age(self.heard, now) } else { 0 }
    }
}

fn age(since: Option<Time>, now: Time) -> usize {
    since.map_or(0, |since| usize::try_from(now.since(since).as_secs()).unwrap_or(usize::MAX))
}
