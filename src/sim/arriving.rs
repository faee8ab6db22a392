//! Where one frame ends and the next begins, told from the bytes alone: for the checkers, who do not ask the link layer.

use crate::base::{ids::NodeId, limits::FRAME_HEAD_BYTES, time::Time};

/// The frame that is arriving at an end, as the bytes on the wire have it.
#[derive(Debug)]
pub(super) struct Arriving {
    /// Bytes before the first frame that are still to come: the other side's identity.
    before: usize,
    head: Vec<u8>,
    /// Bytes of the body that are still to come.
    left: usize,
    since: Option<Time>,
}

impl Default for Arriving {
    fn default() -> Self {
        Self { before: size_of::<NodeId>(), head: Vec::new(), left: 0, since: None }
    }
}

impl Arriving {
    /// A node has read these bytes.
    pub(super) fn note(&mut self, mut bytes: &[u8], now: Time) {
        let before = self.before.min(bytes.len());
        self.before -= before;
        bytes = &bytes[before..];
        while !bytes.is_empty() {
            self.since.get_or_insert(now);
            if self.head.len() < FRAME_HEAD_BYTES {
                let (head, rest) = bytes.split_at(bytes.len().min(FRAME_HEAD_BYTES - self.head.len()));
                self.head.extend_from_slice(head);
                self.left = self.length();
                bytes = rest;
            } else {
                let body = self.left.min(bytes.len());
                self.left -= body;
                bytes = &bytes[body..];
            }
            if self.head.len() == FRAME_HEAD_BYTES && self.left == 0 {
                self.head.clear();
                self.since = None;
            }
        }
    }

    /// When its first byte was read.
    pub(super) fn since(&self) -> Option<Time> {
        self.since
    }

    /// Bytes of the body, once they are known.
    pub(super) fn length(&self) -> usize {
        let bytes = self.head.get(5..9).and_then(|bytes| bytes.try_into().ok());
        bytes.map_or(0, |bytes| u32::from_le_bytes(bytes) as usize)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::wire::{frame::Frame, message::Message};

    #[test]
    fn a_frame_arrives_until_its_last_byte_is_there() {
        let frames = [Message::GetPeers, Message::Verack(1), Message::Block(vec![5; 100].into())];
        for piece in [1, 7, 13, 1000] {
            let mut arriving = Arriving::default();
            arriving.note(&[7; 32], Time(1));
            let stream: Vec<u8> = frames.iter().flat_map(|m| Frame::new(m).to_bytes([1; 4])).collect();
            stream.chunks(piece).for_each(|bytes| arriving.note(bytes, Time(5)));
            assert_eq!(arriving.since, None);
            arriving.note(&stream[..12], Time(9));
            arriving.note(&stream[12..14], Time(11));
            assert_eq!(arriving.since, Some(Time(11)), "the second frame");
        }
    }
}
