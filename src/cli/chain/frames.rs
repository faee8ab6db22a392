//! A stream of framed blocks.

use std::io::{self, Read};

use crate::{
    base::{bytes::Bytes, limits::FRAME_HEAD_BYTES},
    wire::{
        frame::{FrameFault, FrameReader},
        message::Kind,
    },
};

/// Bytes of one read or write.
pub(super) const BUFFER_BYTES: usize = 256 * 1024;

/// Bytes of a header of protocol 1.
const OLD_HEADER_BYTES: usize = 124;

/// Reads blocks from a stream.
pub(super) struct Frames<R> {
    input: R,
    reader: FrameReader,
    buffer: Vec<u8>,
    at: usize,
    /// Bytes of the frames that were read so far.
    pub(super) consumed: u64,
}

/// Why a stream cannot be read on.
#[derive(Debug, thiserror::Error)]
pub(super) enum StreamError {
    /// It ends within a block.
    #[error("the stream ends within a block")]
    Cut,
    /// It holds the blocks of another chain.
    #[error("these are the blocks of another chain; name the right one with --chain")]
    Foreign,
    /// It was written by a program of protocol 1.
    #[error(
        "these blocks were made by protocol 1, and this program speaks protocol 2; import them with the tussock that made them"
    )]
    OldProtocol,
    /// The system does not let it be read.
    #[error("{0}")]
    Read(io::Error),
    /// It does not hold frames with blocks.
    #[error("{0}")]
    Wrong(String),
}

impl<R: Read> Frames<R> {
    pub(super) fn new(input: R, magic: [u8; 4]) -> Self {
        Self { input, reader: FrameReader::new(magic), buffer: Vec::new(), at: 0, consumed: 0 }
    }

    /// The next block's bytes; `None` at the end.
    pub(super) fn next(&mut self) -> Result<Option<Bytes>, StreamError> {
        loop {
            let mut rest = &self.buffer[self.at..];
            let frame = self.reader.read(&mut rest).map_err(|fault| match fault {
                FrameFault::Magic if self.consumed == 0 && starts_with_a_block(&self.buffer) => {
                    if is_of_version_1(&self.buffer) { StreamError::OldProtocol } else { StreamError::Foreign }
                }
                fault => StreamError::Wrong(fault.to_string()),
            })?;
            self.at = self.buffer.len() - rest.len();
            if let Some(frame) = frame {
                if frame.kind != Kind::Block {
                    return Err(StreamError::Wrong(format!("a frame of kind {:?}", frame.kind)));
                }
                frame.check().map_err(|fault| StreamError::Wrong(fault.to_string()))?;
                self.consumed += (FRAME_HEAD_BYTES + frame.body.len()) as u64;
                return Ok(Some(frame.body));
            }
            if !self.fill()? {
                return if self.reader.in_frame() { Err(StreamError::Cut) } else { Ok(None) };
            }
        }
    }

    fn fill(&mut self) -> Result<bool, StreamError> {
        self.buffer.resize(BUFFER_BYTES, 0);
        let count = self.input.read(&mut self.buffer).map_err(StreamError::Read)?;
        self.buffer.truncate(count);
        self.at = 0;
        Ok(count > 0)
    }
}

/// Whether bytes begin like a frame with a block, of any chain.
fn starts_with_a_block(bytes: &[u8]) -> bool {
    let length = bytes.get(5..9).and_then(|length| length.try_into().ok()).map(u32::from_le_bytes);
    bytes.get(4) == Some(&(Kind::Block as u8)) && length.is_some_and(|length| length as usize <= Kind::Block.max_body())
}

/// Whether the coinbase of the first block has transactions' version of protocol 1.
fn is_of_version_1(bytes: &[u8]) -> bool {
    bytes
        .get(FRAME_HEAD_BYTES + OLD_HEADER_BYTES + 4..)
        .is_some_and(|coinbase| coinbase.starts_with(&1u32.to_le_bytes()))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::wire::{frame::Frame, message::Message};

    #[test]
    fn blocks_are_read_from_a_stream_and_a_cut_is_not_an_end() {
        let magic = [1, 2, 3, 4];
        let block = |n: u8| Frame::new(&Message::Block(vec![n; 200_000].into())).to_bytes(magic);
        let stream = [block(1), block(2)].concat();
        let read = |bytes: &[u8]| {
            let mut frames = Frames::new(bytes, magic);
            let mut lengths = Vec::new();
            loop {
                match frames.next() {
                    Ok(Some(body)) => lengths.push((body.len(), frames.consumed)),
                    Ok(None) => return (lengths, "end"),
                    Err(StreamError::Cut) => return (lengths, "cut"),
                    Err(StreamError::Foreign) => return (lengths, "foreign"),
                    Err(StreamError::OldProtocol) => return (lengths, "old"),
                    Err(StreamError::Wrong(_)) => return (lengths, "wrong"),
                    Err(StreamError::Read(error)) => panic!("{error}"),
                }
            }
        };
        let one = block(1).len() as u64;
        assert_eq!(read(&stream), (vec![(200_000, one), (200_000, 2 * one)], "end"));
        assert_eq!(read(&stream[..stream.len() - 1]), (vec![(200_000, one)], "cut"));
        let mut changed = stream.clone();
        changed[300_000] ^= 1;
        assert_eq!(read(&changed), (vec![(200_000, one)], "wrong"));
        assert_eq!(read(b"GIF89a and more of the same"), (vec![], "wrong"));
        let other = Frame::new(&Message::Block(vec![1; 9].into())).to_bytes([4, 3, 2, 1]);
        assert_eq!(read(&other), (vec![], "foreign"));
        let mut body = vec![2; 400];
        body[OLD_HEADER_BYTES + 4..OLD_HEADER_BYTES + 8].copy_from_slice(&1u32.to_le_bytes());
        let old = Frame::new(&Message::Block(body.into())).to_bytes([4, 3, 2, 1]);
        assert_eq!(read(&old), (vec![], "old"));
    }
}
