//! The messages of a link whose keys are agreed on: one direction each.

use chacha20poly1305::{ChaCha20Poly1305, KeyInit as _, aead::AeadInOut as _};

use super::Key;

/// Bytes that a message adds to its payload.
pub const TAG_BYTES: usize = 16;
/// Bytes of the largest message.
pub const MAX_MESSAGE_BYTES: usize = 4096;
/// Bytes of the largest payload of a message.
pub const MAX_PAYLOAD_BYTES: usize = MAX_MESSAGE_BYTES - TAG_BYTES;
/// Messages of one direction after which it takes a new key: a key that is stolen later opens 256 MiB at most.
pub const REKEY_MESSAGES: u64 = 1 << 16;

/// A message that is not what its sender sealed, or not the next one.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Forged;

/// Seals the messages of one direction.
#[derive(Debug)]
pub struct Sealer(State);

/// Opens the messages of one direction.
#[derive(Debug)]
pub struct Opener(State);

/// A key, and how many messages were sealed or opened since the direction began.
#[derive(Debug)]
struct State {
    key: Key,
    messages: u64,
}

impl Sealer {
    /// The first message gets number 0.
    pub fn new(key: Key) -> Self {
        Self(State { key, messages: 0 })
    }

    /// Seals what `buffer` holds from `start` on, in place, and appends the tag.
    pub fn seal(&mut self, buffer: &mut Vec<u8>, start: usize) {
        let tag = encrypt(&self.0.key, self.0.messages, &[], &mut buffer[start..]);
        buffer.extend_from_slice(&tag);
        self.0.advance();
    }
}

impl Opener {
    /// The first message has number 0.
    pub fn new(key: Key) -> Self {
        Self(State { key, messages: 0 })
    }

    /// Opens a message in place, and returns the length of its payload.
    pub fn open(&mut self, message: &mut [u8]) -> Result<usize, Forged> {
        let length = message.len().checked_sub(TAG_BYTES).ok_or(Forged)?;
        let (payload, tag) = message.split_at_mut(length);
        decrypt(&self.0.key, self.0.messages, &[], payload, tag)?;
        self.0.advance();
        Ok(length)
    }
}

impl State {
    /// Goes on to the next message. The number runs on when the key changes.
    fn advance(&mut self) {
        self.messages += 1;
        if self.messages.is_multiple_of(REKEY_MESSAGES) {
            self.key = rekeyed(&self.key);
        }
    }
}

/// The key that follows `key`: REKEY of the Noise specification, section 4.2.
pub(crate) fn rekeyed(key: &Key) -> Key {
    let mut next = [0; 32];
    encrypt(key, u64::MAX, &[], &mut next);
    Key(next)
}

/// Encrypts in place, and returns the tag.
pub(crate) fn encrypt(key: &Key, number: u64, associated: &[u8], payload: &mut [u8]) -> [u8; TAG_BYTES] {
    let cipher = ChaCha20Poly1305::new(&key.0.into());
    let sealed = cipher.encrypt_inout_detached(&nonce(number).into(), associated, payload.into());
    sealed.expect("a payload is far below the 256 GiB that ChaCha20 can encrypt").into()
}

/// Decrypts in place.
pub(crate) fn decrypt(key: &Key, number: u64, associated: &[u8], payload: &mut [u8], tag: &[u8]) -> Result<(), Forged> {
    let tag: [u8; TAG_BYTES] = tag.try_into().map_err(|_| Forged)?;
    let cipher = ChaCha20Poly1305::new(&key.0.into());
    cipher.decrypt_inout_detached(&nonce(number).into(), associated, payload.into(), &tag.into()).map_err(|_| Forged)
}

fn nonce(number: u64) -> [u8; 12] {
    let mut nonce = [0; 12];
    nonce[4..].copy_from_slice(&number.to_le_bytes());
    nonce
}

#[cfg(test)]
mod tests {
    use super::*;

    fn sealed(sealer: &mut Sealer, text: &[u8]) -> Vec<u8> {
        let mut buffer = text.to_vec();
        sealer.seal(&mut buffer, 0);
        buffer
    }

    #[test]
    fn messages_open_once_each_in_their_order_and_unchanged() {
        let (mut sealer, mut opener) = (Sealer::new(Key([7; 32])), Opener::new(Key([7; 32])));
        let (first, second) = (sealed(&mut sealer, b"first"), sealed(&mut sealer, b"second"));
        assert!(opener.open(&mut second.clone()).is_err(), "not the next one");
        let mut opened = first.clone();
        assert_eq!(opener.open(&mut opened), Ok(5));
        assert_eq!(opened[..5], *b"first");
        assert!(opener.open(&mut first.clone()).is_err(), "a replay");
        for at in 0..second.len() {
            let mut changed = second.clone();
            changed[at] ^= 1;
            assert!(opener.open(&mut changed).is_err(), "byte {at}");
        }
        assert!(opener.open(&mut [0; TAG_BYTES - 1]).is_err());
        assert_eq!(opener.open(&mut second.clone()), Ok(6));
    }

    #[test]
    fn the_key_changes_after_each_65536_messages_and_the_number_runs_on() {
        let first = Key([7; 32]);
        let (mut sealer, mut opener) = (Sealer::new(first.clone()), Opener::new(first.clone()));
        for number in 0..2 * REKEY_MESSAGES + 1 {
            let message = sealed(&mut sealer, b"");
            let key = (0..number / REKEY_MESSAGES).fold(first.clone(), |key, _| rekeyed(&key));
            if number % REKEY_MESSAGES < 2 {
                assert_eq!(message, encrypt(&key, number, &[], &mut []), "message {number}");
            }
            assert_eq!(opener.open(&mut message.clone()), Ok(0), "message {number}");
        }
    }
}
