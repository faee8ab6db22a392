//! Frames: magic 4, kind 1, body length 4, checksum 4, body.
//!
//! The head is judged before a byte of the body is kept. The checksum is checked where the body is decoded: the poll
//! thread hashes nothing.

use crate::{
    base::{
        bytes::Bytes,
        hash::Domain,
        limits::{FRAME_HEAD_BYTES, RECEIVE_AHEAD_BYTES},
    },
    wire::message::{Kind, Message},
};

/// A frame whose head is in order. Its body is unchecked until [`Frame::open`].
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Frame {
    /// What the body is.
    pub kind: Kind,
    /// First four bytes of the body's hash, as the sender states them.
    pub checksum: [u8; 4],
    /// The body.
    pub body: Bytes,
}

/// Why bytes are not a frame of this network, or a frame's body not its message. Each costs the sender its connection.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum FrameFault {
    /// Another network, or not this protocol at all.
    #[error("wrong magic")]
    Magic,
    /// A kind that no version of the protocol has.
    #[error("unknown kind {0}")]
    Kind(u8),
    /// A body longer than its kind allows.
    #[error("{length} bytes of {kind:?} are too many")]
    Length {
        /// The stated kind.
        kind: Kind,
        /// The stated length.
        length: u32,
    },
    /// The body is not what was sent.
    #[error("bad checksum")]
    Checksum,
    /// The body is not a message of its kind.
    #[error("{0}")]
    Body(#[from] crate::base::codec::CodecError),
}

/// The checksum of a body: the first four bytes of its hash.
pub fn checksum(body: &[u8]) -> [u8; 4] {
    let hash = Domain::FRAME.hash(body).0;
    [hash[0], hash[1], hash[2], hash[3]]
}

impl Frame {
    /// Wraps a message.
    pub fn new(message: &Message) -> Self {
        let body = message.body();
        Self { kind: message.kind(), checksum: checksum(&body), body }
    }

    /// The head's bytes.
    pub fn head(&self, magic: [u8; 4]) -> [u8; FRAME_HEAD_BYTES] {
        let mut head = [0; FRAME_HEAD_BYTES];
        head[0..4].copy_from_slice(&magic);
        head[4] = self.kind as u8;
        let length = u32::try_from(self.body.len()).expect("bodies are limited to far below 4 GiB");
        head[5..9].copy_from_slice(&length.to_le_bytes());
        head[9..13].copy_from_slice(&self.checksum);
        head
    }

    /// Head and body together.
    pub fn to_bytes(&self, magic: [u8; 4]) -> Vec<u8> {
        let mut bytes = self.head(magic).to_vec();
        bytes.extend_from_slice(&self.body);
        bytes
    }

    /// Bytes on the wire.
    pub fn wire_len(&self) -> usize {
        FRAME_HEAD_BYTES + self.body.len()
    }

    /// Checks the checksum and decodes the body.
    pub fn open(&self) -> Result<Message, FrameFault> {
        self.check()?;
        Ok(Message::decode(self.kind, &self.body)?)
    }

    /// Checks the checksum only.
    pub fn check(&self) -> Result<(), FrameFault> {
        if checksum(&self.body) == self.checksum { Ok(()) } else { Err(FrameFault::Checksum) }
    }
}

/// The head of a frame whose body is still arriving.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct Head {
    magic: [u8; 4],
    kind: Kind,
    length: usize,
    checksum: [u8; 4],
}

/// Where in the body of a `Version` the genesis hash begins: the four bytes that are the network's magic.
const VERSION_GENESIS: std::ops::Range<usize> = 12..16;

/// Puts frames together from bytes as they arrive, in pieces of any size.
///
/// The first frame may be the `Version` of another network, if its magic and its genesis hash belong together: so that
/// either side can tell its operator which two networks met.
#[derive(Debug)]
pub struct FrameReader {
    magic: [u8; 4],
    /// Whether no frame is complete yet.
    first: bool,
    head: Option<Head>,
    buffer: Vec<u8>,
}

impl FrameReader {
    /// A reader for the network with this magic.
    pub fn new(magic: [u8; 4]) -> Self {
        Self { magic, first: true, head: None, buffer: Vec::new() }
    }

    /// Takes bytes from the front of `input`, no further than the end of one frame, and returns that frame once it is
    /// complete. Bytes beyond it stay in `input`. Memory grows only with what arrived.
    pub fn read(&mut self, input: &mut &[u8]) -> Result<Option<Frame>, FrameFault> {
        loop {
            let need = self.wanted();
            let take = need.min(input.len());
            let (now, later) = input.split_at(take);
            self.reserve(take);
            self.buffer.extend_from_slice(now);
            *input = later;
            if take < need {
                return Ok(None);
            }
            match self.head.take() {
                None => {
                    self.head = Some(self.judge_head()?);
                    self.buffer.clear();
                }
                Some(Head { magic, kind, checksum, .. }) => {
                    if magic != self.magic && self.buffer.get(VERSION_GENESIS) != Some(&magic) {
                        return Err(FrameFault::Magic);
                    }
                    self.first = false;
                    let mut body = std::mem::take(&mut self.buffer);
                    body.shrink_to_fit();
                    return Ok(Some(Frame { kind, checksum, body: body.into() }));
                }
            }
        }
    }

    /// Gives up the frame that is arriving, and its memory.
    pub fn forget(&mut self) {
        (self.head, self.buffer) = (None, Vec::new());
    }

    /// Takes the memory for all of the body that is arriving: the caller has counted it. A buffer that grew with what arrives
    /// would be copied again and again, each time beside itself, and leave gaps of all sizes in the heap.
    pub fn make_room(&mut self) {
        self.buffer.reserve_exact(self.wanted());
    }

    /// Bytes missing to the end of the head, or of the body.
    pub fn wanted(&self) -> usize {
        self.head.map_or(FRAME_HEAD_BYTES, |head| head.length).saturating_sub(self.buffer.len())
    }

    /// Bytes held of an incomplete frame.
    pub fn buffered(&self) -> usize {
        self.buffer.capacity()
    }

    /// Whether a frame has begun and is not complete.
    pub fn in_frame(&self) -> bool {
        self.head.is_some() || !self.buffer.is_empty()
    }

    /// The kind and body length of the frame that is arriving, once its head is known.
    pub fn arriving(&self) -> Option<(Kind, usize)> {
        self.head.map(|head| (head.kind, head.length))
    }

    /// The body length of the frame that is arriving, once its head is known.
    pub fn body_len(&self) -> Option<usize> {
        self.head.map(|head| head.length)
    }

    fn reserve(&mut self, take: usize) {
        if self.buffer.capacity() - self.buffer.len() >= take {
            return;
        }
        // Exactly what the body still wants, but never far ahead of what has arrived.
        let ahead = self.wanted().min(RECEIVE_AHEAD_BYTES.max(self.buffer.len() / 2)).max(take);
        self.buffer.reserve_exact(ahead);
    }

    fn judge_head(&self) -> Result<Head, FrameFault> {
        let bytes = &self.buffer;
        let magic = [bytes[0], bytes[1], bytes[2], bytes[3]];
        let introduction = self.first && bytes[4] == Kind::Version as u8;
        if magic != self.magic && !introduction {
            return Err(FrameFault::Magic);
        }
        let kind = Kind::from_number(bytes[4]).ok_or(FrameFault::Kind(bytes[4]))?;
        let length = u32::from_le_bytes([bytes[5], bytes[6], bytes[7], bytes[8]]);
        if length as usize > kind.max_body() {
            return Err(FrameFault::Length { kind, length });
        }
        Ok(Head { magic, kind, length: length as usize, checksum: [bytes[9], bytes[10], bytes[11], bytes[12]] })
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::base::{codec::CodecError, hash::Hash};

    const MAGIC: [u8; 4] = [1, 2, 3, 4];

    fn frames() -> Vec<Frame> {
        [
            Message::GetPeers,
            Message::Ping { nonce: 1, height: 2, tip: Hash([3; 32]) },
            Message::Block(vec![7; 40_000].into()),
            Message::Verack(5),
        ]
        .iter()
        .map(Frame::new)
        .collect()
    }

    #[test]
    fn only_a_first_version_may_be_of_another_network_and_must_say_which() {
        let introduction = |genesis: [u8; 32]| {
            let mut body = vec![0; 12];
            body.extend_from_slice(&genesis);
            Frame { kind: Kind::Version, checksum: checksum(&body), body: body.into() }
        };
        let read = |reader: &mut FrameReader, bytes: &[u8]| reader.read(&mut &bytes[..]);
        let (foreign, honest) = ([9; 4], introduction([9; 32]));
        let mut reader = FrameReader::new(MAGIC);
        assert_eq!(read(&mut reader, &honest.to_bytes(foreign)), Ok(Some(honest.clone())));
        assert_eq!(read(&mut reader, &honest.to_bytes(foreign)), Err(FrameFault::Magic), "not the first");
        let liar = introduction([1; 32]);
        assert_eq!(read(&mut FrameReader::new(MAGIC), &liar.to_bytes(foreign)), Err(FrameFault::Magic));
        let verack = Frame::new(&Message::Verack(5));
        assert_eq!(read(&mut FrameReader::new(MAGIC), &verack.to_bytes(foreign)), Err(FrameFault::Magic));
        let empty = Frame { kind: Kind::Version, checksum: checksum(&[]), body: Vec::new().into() };
        assert_eq!(read(&mut FrameReader::new(MAGIC), &empty.to_bytes(foreign)), Err(FrameFault::Magic));
    }

    #[test]
    fn frames_come_out_whole_from_pieces_of_any_size() {
        let stream: Vec<u8> = frames().iter().flat_map(|frame| frame.to_bytes(MAGIC)).collect();
        for piece in [1, 2, 3, 12, 13, 14, 1000, stream.len()] {
            let mut reader = FrameReader::new(MAGIC);
            let mut out = Vec::new();
            for mut input in stream.chunks(piece) {
                while let Some(frame) = reader.read(&mut input).unwrap() {
                    out.push(frame);
                }
                assert!(input.is_empty());
            }
            assert_eq!(out, frames(), "pieces of {piece}");
            assert!(!reader.in_frame());
        }
    }

    #[test]
    fn a_bad_head_is_refused_before_its_body() {
        let good = Frame::new(&Message::Verack(5)).to_bytes(MAGIC);
        let read = |at: usize, byte: u8| {
            let mut bytes = good.clone();
            bytes[at] = byte;
            FrameReader::new(MAGIC).read(&mut &bytes[..FRAME_HEAD_BYTES])
        };
        assert_eq!(read(0, 9), Err(FrameFault::Magic));
        assert_eq!(read(4, 99), Err(FrameFault::Kind(99)));
        assert_eq!(read(7, 1), Err(FrameFault::Length { kind: Kind::Verack, length: 65_544 }));
        assert_eq!(read(9, good[9]), Ok(None));
    }

    #[test]
    fn memory_follows_what_arrived_not_what_was_announced() {
        let frame = Frame::new(&Message::Block(vec![0; 1_000_000].into())).to_bytes(MAGIC);
        let mut reader = FrameReader::new(MAGIC);
        assert_eq!(reader.read(&mut &frame[..100]), Ok(None));
        assert!(reader.buffered() <= RECEIVE_AHEAD_BYTES, "{}", reader.buffered());
        reader.make_room();
        let (room, length) = (reader.buffered(), frame.len() - FRAME_HEAD_BYTES);
        assert_eq!(room, length);
        frame[100..frame.len() - 1].chunks(999).for_each(|mut piece| assert_eq!(reader.read(&mut piece), Ok(None)));
        assert_eq!(reader.buffered(), length, "it never grew");
    }

    #[test]
    fn checksum_and_trailing_bytes_are_checked_on_opening() {
        let mut frame = Frame::new(&Message::Verack(5));
        frame.checksum[0] ^= 1;
        assert_eq!(frame.open(), Err(FrameFault::Checksum));
        let body: Bytes = vec![0; 9].into();
        let frame = Frame { kind: Kind::Verack, checksum: checksum(&body), body };
        assert_eq!(frame.open(), Err(FrameFault::Body(CodecError::Trailing(1))));
    }
}
