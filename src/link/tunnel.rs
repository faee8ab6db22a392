//! What is below a link's frames: the key agreement, and then sealed messages.
//!
//! On the wire each message of either is preceded by its length. The agreement itself is the `key agreement` role's; this
//! is where its messages are told apart and where bytes are sealed and opened, in buffers that are used again.

use tussock_noise::{MAX_MESSAGE_BYTES, MAX_PAYLOAD_BYTES, Opener, Pattern, Sealer, TAG_BYTES};

use crate::{
    base::{ids::NodeId, limits::FRAME_HEAD_BYTES},
    link::framer::Framer,
    node::{LinkKeys, PeerFault},
    wire::{
        frame::Frame,
        message::{Kind, Message},
    },
};

/// Bytes of a message's length.
const PREFIX_BYTES: usize = 2;
/// Bytes that are sealed ahead of what the connection takes: eight messages, a write that is worth its system call.
const SEALED_BYTES: usize = 8 * (PREFIX_BYTES + MAX_MESSAGE_BYTES);

/// The lower end of one link.
pub(super) struct Tunnel {
    state: State,
    /// Bytes of a message that has not arrived as a whole.
    arriving: Vec<u8>,
    /// Bytes to send, from `sent` on.
    output: Vec<u8>,
    sent: usize,
}

enum State {
    /// The two nodes agree on keys.
    Agreeing {
        pattern: Pattern,
        is_inbound: bool,
        /// Messages of the other side that have arrived.
        messages: usize,
        /// The role has a step of it.
        waiting: bool,
    },
    /// Each side tells its identity, without proof; for simulations in which only speed matters.
    Introducing,
    /// Bytes go as they are.
    Clear,
    Sealed(Box<(Sealer, Opener)>),
    /// The other side speaks an earlier version of the protocol, or it is not known what.
    Refused,
}

/// The next thing that has arrived of a key agreement.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Step {
    /// A message for the role.
    Message(Vec<u8>),
    /// The other side's identity.
    Introduction(NodeId),
}

/// Why a key agreement cannot go on.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Misfit {
    Fault(PeerFault),
    /// A `Version` of protocol 1, under this magic.
    Protocol1([u8; 4]),
    /// A `Goodbye` of protocol 1: that is how its nodes answer what they do not know.
    Goodbye1 {
        code: u8,
        retry_after: u32,
    },
}

impl Tunnel {
    /// A link on which keys have to be agreed on.
    pub(super) fn agreeing(pattern: Pattern, is_inbound: bool) -> Self {
        // A dialler speaks first: the role has its first step.
        Self::new(State::Agreeing { pattern, is_inbound, messages: 0, waiting: !is_inbound })
    }

    /// A link on which this node only says who it is.
    pub(super) fn introducing(us: NodeId) -> Self {
        let mut tunnel = Self::new(State::Introducing);
        tunnel.output.extend_from_slice(&us.0);
        tunnel
    }

    fn new(state: State) -> Self {
        Self { state, arriving: Vec::new(), output: Vec::new(), sent: 0 }
    }

    /// Whether frames may flow.
    pub(super) fn is_ready(&self) -> bool {
        matches!(self.state, State::Clear | State::Sealed(_))
    }

    /// Whether the role may know of this link.
    pub(super) fn has_agreement(&self) -> bool {
        matches!(self.state, State::Agreeing { .. })
    }

    /// Whether the other side's messages so far prove nothing, even if the next step gives keys: in `IK` the dialler's only
    /// message may be a recorded one.
    pub(super) fn may_be_replayed(&self) -> bool {
        matches!(self.state, State::Agreeing { pattern: Pattern::Ik, is_inbound: true, .. })
    }

    /// Whether the link is read: not while the role has a message of it.
    pub(super) fn wants_input(&self) -> bool {
        !matches!(self.state, State::Agreeing { waiting: true, .. } | State::Refused)
    }

    /// Whether a sealed message has begun to arrive.
    pub(super) fn in_message(&self) -> bool {
        self.is_ready() && !self.arriving.is_empty()
    }

    // ---- Agreement. ----

    /// Keeps bytes that arrived before frames may flow.
    pub(super) fn keep(&mut self, bytes: &[u8]) {
        self.arriving.extend_from_slice(bytes);
    }

    /// The next message of the agreement, once it has arrived.
    pub(super) fn next_step(&mut self) -> Result<Option<Step>, Misfit> {
        match &mut self.state {
            State::Introducing => {
                let Some(node) = self.arriving.first_chunk().copied() else { return Ok(None) };
                self.arriving.drain(..node.len());
                self.state = State::Clear;
                Ok(Some(Step::Introduction(NodeId(node))))
            }
            State::Agreeing { pattern, is_inbound, messages, waiting: waiting @ false } => {
                // The two sides speak in turns.
                let at = 2 * *messages + usize::from(!*is_inbound);
                let expected = pattern.lengths().get(at).copied().unwrap_or(0);
                let Some((prefix, rest)) = self.arriving.split_first_chunk::<PREFIX_BYTES>() else { return Ok(None) };
                if usize::from(u16::from_le_bytes(*prefix)) != expected {
                    return if *messages == 0 { misfit(&self.arriving) } else { Err(length_fault()) };
                }
                let Some(message) = rest.get(..expected).map(<[u8]>::to_vec) else { return Ok(None) };
                self.arriving.drain(..PREFIX_BYTES + expected);
                (*messages, *waiting) = (*messages + 1, true);
                Ok(Some(Step::Message(message)))
            }
            _ => Ok(None),
        }
    }

    /// The role has done a step: sends its message, and seals from here on if there are keys.
    pub(super) fn agreed(&mut self, message: Option<&[u8]>, keys: Option<LinkKeys>) {
        if let State::Agreeing { waiting, .. } = &mut self.state {
            *waiting = false;
            if let Some(message) = message {
                self.output.extend_from_slice(&prefix(message.len()));
                self.output.extend_from_slice(message);
            }
            if let Some(LinkKeys { send, receive, .. }) = keys {
                self.state = State::Sealed(Box::new((Sealer::new(send), Opener::new(receive))));
            }
        }
    }

    /// Answers a node of protocol 1 in its own words, under its magic.
    pub(super) fn refuse(&mut self, magic: [u8; 4], goodbye: &Message) {
        self.state = State::Refused;
        self.output = Frame::new(goodbye).to_bytes(magic);
        self.sent = 0;
    }

    /// Whether something is said to a node of protocol 1.
    pub(super) fn refuses(&self) -> bool {
        matches!(self.state, State::Refused) && !self.output.is_empty()
    }

    /// What arrived behind the agreement's last message.
    pub(super) fn take_early(&mut self) -> Vec<u8> {
        std::mem::take(&mut self.arriving)
    }

    // ---- Sealed messages. ----

    /// Opens what has arrived, and appends it to `plain`. A message that has not arrived as a whole is kept.
    pub(super) fn open(&mut self, mut bytes: &[u8], plain: &mut Vec<u8>) -> Result<(), PeerFault> {
        let State::Sealed(ciphers) = &mut self.state else {
            plain.extend_from_slice(bytes);
            return Ok(());
        };
        while !bytes.is_empty() {
            let begun = !self.arriving.is_empty();
            if begun {
                let missing = wanted(&self.arriving)?.min(bytes.len());
                let (now, later) = bytes.split_at(missing);
                self.arriving.extend_from_slice(now);
                bytes = later;
                if wanted(&self.arriving)? > 0 {
                    continue;
                }
            }
            let from = if begun { &self.arriving[..] } else { bytes };
            let missing = wanted(from)?;
            if !begun && missing > 0 {
                self.arriving.extend_from_slice(bytes);
                return Ok(());
            }
            let end = PREFIX_BYTES + stated(from).unwrap_or(0);
            let start = plain.len();
            plain.extend_from_slice(&from[PREFIX_BYTES..end]);
            let length = ciphers.1.open(&mut plain[start..]).map_err(|_| PeerFault::Forged)?;
            plain.truncate(start + length);
            if begun {
                self.arriving.clear();
            } else {
                bytes = &bytes[end..];
            }
        }
        Ok(())
    }

    /// Seals what waits on the link, a few messages at most, if nothing sealed waits. `spare` is a buffer to use.
    pub(super) fn seal(&mut self, framer: &mut Framer, spare: &mut Vec<u8>) {
        let State::Sealed(ciphers) = &mut self.state else { return };
        if framer.queued() == 0 || !self.output.is_empty() {
            return;
        }
        self.output = std::mem::take(spare);
        while self.output.len() < SEALED_BYTES && framer.queued() > 0 {
            let start = self.output.len();
            self.output.extend_from_slice(&[0; PREFIX_BYTES]);
            let taken = take(framer, &mut self.output);
            ciphers.0.seal(&mut self.output, start + PREFIX_BYTES);
            self.output[start..start + PREFIX_BYTES].copy_from_slice(&prefix(taken + TAG_BYTES));
        }
    }

    /// Bytes to send before anything else.
    pub(super) fn output(&self) -> &[u8] {
        &self.output[self.sent..]
    }

    /// Whether the link's frames may follow as they are.
    pub(super) fn is_clear(&self) -> bool {
        matches!(self.state, State::Clear)
    }

    /// Bytes of [`Tunnel::output`] were sent. A buffer that has become empty is handed back.
    pub(super) fn sent(&mut self, bytes: usize, spare: &mut Vec<u8>) {
        self.sent += bytes;
        if self.sent >= self.output.len() {
            self.sent = 0;
            self.output.clear();
            if self.output.capacity() > spare.capacity() {
                std::mem::swap(&mut self.output, spare);
            }
            self.output = Vec::new();
        }
    }

    /// Ends all receiving.
    pub(super) fn close(&mut self) {
        self.arriving = Vec::new();
    }
}

/// Moves what fits into one message from a link's queue to `output`.
fn take(framer: &mut Framer, output: &mut Vec<u8>) -> usize {
    let mut taken = 0;
    for chunk in framer.outputs(usize::MAX) {
        let part = chunk.len().min(MAX_PAYLOAD_BYTES - taken);
        output.extend_from_slice(&chunk[..part]);
        taken += part;
        if taken == MAX_PAYLOAD_BYTES {
            break;
        }
    }
    framer.sent(taken);
    taken
}

/// The length of a sealed message, as its sender states it.
fn stated(bytes: &[u8]) -> Option<usize> {
    bytes.first_chunk().map(|prefix| usize::from(u16::from_le_bytes(*prefix)))
}

/// How many bytes are missing at the end of the message that these are the beginning of. A length out of range is
/// refused before anything is kept for it.
fn wanted(bytes: &[u8]) -> Result<usize, PeerFault> {
    let Some(length) = stated(bytes) else { return Ok(PREFIX_BYTES - bytes.len()) };
    if !(TAG_BYTES + 1..=MAX_MESSAGE_BYTES).contains(&length) {
        return Err(PeerFault::Forged);
    }
    Ok((PREFIX_BYTES + length).saturating_sub(bytes.len()))
}

fn prefix(length: usize) -> [u8; PREFIX_BYTES] {
    u16::try_from(length).expect("no message is longer than 4 KiB").to_le_bytes()
}

fn length_fault() -> Misfit {
    Misfit::Fault(tussock_noise::Fault::Length.into())
}

/// What the first bytes of the other side are, if they begin no agreement: a frame of protocol 1 is magic, kind, length,
/// checksum, body.
fn misfit(bytes: &[u8]) -> Result<Option<Step>, Misfit> {
    let Some(head) = bytes.first_chunk::<FRAME_HEAD_BYTES>() else { return Ok(None) };
    let [a, b, c, d, kind, ..] = *head;
    let length = u32::from_le_bytes([head[5], head[6], head[7], head[8]]);
    let is =
        |wanted: Kind| kind == wanted as u8 && usize::try_from(length).is_ok_and(|bytes| bytes <= wanted.max_body());
    if is(Kind::Version) {
        return Err(Misfit::Protocol1([a, b, c, d]));
    }
    if is(Kind::Goodbye) && length == 5 {
        let Some([code, retry_after @ ..]) = bytes[FRAME_HEAD_BYTES..].first_chunk::<5>() else { return Ok(None) };
        return Err(Misfit::Goodbye1 { code: *code, retry_after: u32::from_le_bytes(*retry_after) });
    }
    Err(length_fault())
}
