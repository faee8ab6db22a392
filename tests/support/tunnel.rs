//! The lower end of a test's link: agrees on keys with the node, then seals and opens what the test says and hears.

use std::{
    io::{self, ErrorKind, Read, Write},
    net::TcpStream,
    sync::atomic::Ordering,
    time::Duration,
};

use portable_atomic::AtomicU64;
use tussock::node::key_agreement::PROLOGUE;
use tussock_noise::{Agreement, Key, MAX_PAYLOAD_BYTES, Opener, Pattern, Sealer, TAG_BYTES};

static NEXT_KEY: AtomicU64 = AtomicU64::new(1);

/// A key that no other peer of this process has.
pub fn fresh_key() -> Key {
    // X25519 ignores three bits of the first byte and two of the last.
    let mut key = [0x5e; 32];
    key[1..9].copy_from_slice(&NEXT_KEY.fetch_add(1, Ordering::Relaxed).to_le_bytes());
    key[9..13].copy_from_slice(&std::process::id().to_le_bytes());
    Key(key)
}

/// Both directions of a sealed link.
pub struct Tunnel {
    sealer: Sealer,
    opener: Opener,
    /// Sealed bytes that the socket has not taken.
    output: Vec<u8>,
    /// Bytes of a message that has not arrived as a whole.
    arriving: Vec<u8>,
}

impl Tunnel {
    /// Agrees on keys with the node at the other end of a blocking stream.
    pub fn agree(stream: &mut TcpStream, secret: &Key, dialled: bool, time: Duration) -> io::Result<Self> {
        let mut agreement = if dialled {
            Agreement::initiator(secret, fresh_key(), PROLOGUE, None)
        } else {
            Agreement::responder(Pattern::Xx, secret, fresh_key(), PROLOGUE)
        };
        Self::finish(stream, &mut agreement, time)
    }

    /// Runs a handshake that has been begun to its end.
    pub fn finish(stream: &mut TcpStream, agreement: &mut Agreement, time: Duration) -> io::Result<Self> {
        let refused = |fault| io::Error::other(format!("{fault}"));
        stream.set_read_timeout(Some(time))?;
        loop {
            if let Some(message) = agreement.write().map_err(refused)? {
                stream.write_all(&framed(&message))?;
            }
            if let Some((send, receive)) = agreement.keys() {
                let (sealer, opener) = (Sealer::new(send), Opener::new(receive));
                return Ok(Self { sealer, opener, output: Vec::new(), arriving: Vec::new() });
            }
            let mut length = [0; 2];
            stream.read_exact(&mut length)?;
            let mut message = vec![0; usize::from(u16::from_le_bytes(length))];
            stream.read_exact(&mut message)?;
            agreement.read(&message).map_err(refused)?;
        }
    }

    /// Seals bytes, in as few messages as possible, behind those that wait to be written.
    pub fn seal(&mut self, bytes: &[u8]) {
        for payload in bytes.chunks(MAX_PAYLOAD_BYTES) {
            let mut message = payload.to_vec();
            self.sealer.seal(&mut message, 0);
            self.output.extend(framed(&message));
        }
    }

    /// Writes what waits, as far as the stream takes it.
    pub fn flush(&mut self, stream: &mut TcpStream) -> io::Result<()> {
        while !self.output.is_empty() {
            match stream.write(&self.output) {
                Ok(count) => drop(self.output.drain(..count)),
                Err(error) if error.kind() == ErrorKind::Interrupted => {}
                Err(error) if error.kind() == ErrorKind::WouldBlock => return Ok(()),
                Err(error) => return Err(error),
            }
        }
        Ok(())
    }

    /// Whether sealed bytes wait to be written.
    pub fn waits(&self) -> bool {
        !self.output.is_empty()
    }

    /// Opens what has arrived. Panics if the node did not seal it.
    pub fn open(&mut self, bytes: &[u8], plain: &mut Vec<u8>) {
        self.arriving.extend_from_slice(bytes);
        let mut at = 0;
        while let Some(prefix) = self.arriving.get(at..at + 2) {
            let end = at + 2 + usize::from(u16::from_le_bytes([prefix[0], prefix[1]]));
            let Some(message) = self.arriving.get_mut(at + 2..end) else { break };
            let length = self.opener.open(message).expect("the node seals its messages in order");
            assert_eq!(length + TAG_BYTES, message.len());
            plain.extend_from_slice(&message[..length]);
            at = end;
        }
        self.arriving.drain(..at);
    }
}

/// A message behind its length.
pub fn framed(message: &[u8]) -> Vec<u8> {
    let length = u16::try_from(message.len()).expect("messages are short");
    [&length.to_le_bytes()[..], message].concat()
}
