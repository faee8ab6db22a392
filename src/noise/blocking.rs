//! A sealed link over a stream that blocks: for tools that are no nodes.

use std::io::{self, Read, Write};

use super::{Agreement, MAX_PAYLOAD_BYTES, Opener, Sealer};

/// A stream on which keys are agreed on.
pub struct SealedStream<S> {
    stream: S,
    sealer: Sealer,
    opener: Opener,
}

impl<S: Read + Write> SealedStream<S> {
    /// Runs a key agreement to its end.
    pub fn agree(mut stream: S, mut agreement: Agreement) -> io::Result<Self> {
        loop {
            if let Some(message) = agreement.write().map_err(io::Error::other)? {
                write(&mut stream, &message)?;
            }
            if let Some((send, receive)) = agreement.keys() {
                return Ok(Self { stream, sealer: Sealer::new(send), opener: Opener::new(receive) });
            }
            agreement.read(&read(&mut stream)?).map_err(io::Error::other)?;
        }
    }

    /// Seals bytes and sends them.
    pub fn send(&mut self, bytes: &[u8]) -> io::Result<()> {
        for payload in bytes.chunks(MAX_PAYLOAD_BYTES) {
            let mut message = payload.to_vec();
            self.sealer.seal(&mut message, 0);
            write(&mut self.stream, &message)?;
        }
        Ok(())
    }

    /// The payload of the next message.
    pub fn receive(&mut self) -> io::Result<Vec<u8>> {
        let mut message = read(&mut self.stream)?;
        let length = self.opener.open(&mut message).map_err(|_| io::Error::other("a message that does not open"))?;
        message.truncate(length);
        Ok(message)
    }
}

fn write(stream: &mut impl Write, message: &[u8]) -> io::Result<()> {
    let length = u16::try_from(message.len()).expect("no message is longer than 4 KiB");
    stream.write_all(&[&length.to_le_bytes()[..], message].concat())
}

fn read(stream: &mut impl Read) -> io::Result<Vec<u8>> {
    let mut length = [0; 2];
    stream.read_exact(&mut length)?;
    let mut message = vec![0; usize::from(u16::from_le_bytes(length))];
    stream.read_exact(&mut message)?;
    Ok(message)
}
