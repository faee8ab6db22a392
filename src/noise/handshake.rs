//! The handshakes: Noise XX and IK, message by message.

use snow::{Builder, Error, HandshakeState, params::NoiseParams};

use super::{Key, MAX_MESSAGE_BYTES, TAG_BYTES, resolver::Resolver};

/// Which handshake two nodes use.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Pattern {
    /// Three messages; each side learns the other's key.
    Xx,
    /// Two messages; the initiator knows the responder's key, and the first message tells its own.
    Ik,
}

/// Why a handshake failed.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Fault {
    /// A message of another length than the pattern has at this place.
    #[error("a message of a wrong length")]
    Length,
    /// A message that does not open: other keys, another prologue, or changed on its way.
    #[error("a message that does not open")]
    Forged,
    /// A public key with which nothing can be agreed on.
    #[error("a weak key")]
    WeakKey,
}

/// One side of a handshake under way.
pub struct Agreement {
    state: HandshakeState,
    pattern: Pattern,
    /// Messages written and read.
    messages: usize,
}

impl Pattern {
    /// The lengths of its messages, in order. Their payloads are empty.
    pub const fn lengths(self) -> &'static [usize] {
        match self {
            Self::Xx => &[32, 96, 64],
            Self::Ik => &[96, 48],
        }
    }

    fn parameters(self) -> NoiseParams {
        let name = match self {
            Self::Xx => "Noise_XX_25519_ChaChaPoly_BLAKE2s",
            Self::Ik => "Noise_IK_25519_ChaChaPoly_BLAKE2s",
        };
        name.parse().expect("the name is one of the specification's")
    }
}

impl Agreement {
    /// The side that speaks first. `IK` needs the other side's public key; `XX` makes no use of it.
    pub fn initiator(secret: &Key, ephemeral: Key, prologue: &[u8], remote: Option<&[u8; 32]>) -> Self {
        let pattern = if remote.is_some() { Pattern::Ik } else { Pattern::Xx };
        let mut builder = builder(pattern, secret, ephemeral, prologue);
        if let Some(remote) = remote {
            builder = builder.remote_public_key(remote).expect("it is set once");
        }
        Self { state: builder.build_initiator().expect("all keys are set"), pattern, messages: 0 }
    }

    /// The side that answers.
    pub fn responder(pattern: Pattern, secret: &Key, ephemeral: Key, prologue: &[u8]) -> Self {
        let state = builder(pattern, secret, ephemeral, prologue).build_responder().expect("all keys are set");
        Self { state, pattern, messages: 0 }
    }

    /// The length of the next message; `None`: there is none.
    pub fn next_length(&self) -> Option<usize> {
        self.pattern.lengths().get(self.messages).copied()
    }

    /// Reads the other side's message.
    pub fn read(&mut self, message: &[u8]) -> Result<(), Fault> {
        if Some(message.len()) != self.next_length() || self.state.is_my_turn() {
            return Err(Fault::Length);
        }
        let payload = self.state.read_message(message, &mut [0; MAX_MESSAGE_BYTES]).map_err(fault)?;
        self.messages += 1;
        if payload == 0 { Ok(()) } else { Err(Fault::Length) }
    }

    /// Writes this side's next message; `None`: it is not this side's turn.
    pub fn write(&mut self) -> Result<Option<Vec<u8>>, Fault> {
        let Some(length) = self.next_length().filter(|_| self.state.is_my_turn()) else { return Ok(None) };
        // `snow` wants room for a tag, also where a message has none.
        let mut message = vec![0; length + TAG_BYTES];
        let written = self.state.write_message(&[], &mut message).map_err(fault)?;
        message.truncate(written);
        self.messages += 1;
        Ok(Some(message))
    }

    /// The other side's public key, once it is known.
    pub fn remote(&self) -> Option<[u8; 32]> {
        self.state.get_remote_static().and_then(|key| key.try_into().ok())
    }

    /// After the last message, the keys with which to seal and to open.
    pub fn keys(&mut self) -> Option<(Key, Key)> {
        if !self.state.is_handshake_finished() {
            return None;
        }
        let (from_initiator, from_responder) = self.state.dangerously_get_raw_split();
        let (one, other) = (Key(from_initiator), Key(from_responder));
        Some(if self.state.is_initiator() { (one, other) } else { (other, one) })
    }

    /// The hash of all that was said. Equal on both sides.
    pub fn hash(&self) -> &[u8] {
        self.state.get_handshake_hash()
    }
}

fn builder<'a>(pattern: Pattern, secret: &'a Key, ephemeral: Key, prologue: &'a [u8]) -> Builder<'a> {
    let builder = Builder::with_resolver(pattern.parameters(), Box::new(Resolver { ephemeral }));
    let builder = builder.prologue(prologue).and_then(|builder| builder.local_private_key(&secret.0));
    builder.expect("each is set once")
}

fn fault(error: Error) -> Fault {
    match error {
        Error::Dh => Fault::WeakKey,
        _ => Fault::Forged,
    }
}

#[cfg(test)]
mod tests {
    use super::super::{Opener, Sealer, public_key};
    use super::*;

    const PROLOGUE: &[u8] = b"tussock/1 testnet";

    /// Both sides with fixed keys: the initiator, and the responder.
    fn sides(pattern: Pattern) -> [Agreement; 2] {
        let [ours, theirs] = [Key([1; 32]), Key([2; 32])];
        let remote = (pattern == Pattern::Ik).then(|| public_key(&theirs));
        [
            Agreement::initiator(&ours, Key([0x11; 32]), PROLOGUE, remote.as_ref()),
            Agreement::responder(pattern, &theirs, Key([0x22; 32]), PROLOGUE),
        ]
    }

    /// Runs a handshake to its end; `spoil` may change each message on its way.
    fn run(sides: &mut [Agreement; 2], mut spoil: impl FnMut(usize, &mut Vec<u8>)) -> Result<(), Fault> {
        for at in 0..sides[0].pattern.lengths().len() {
            let mut message = sides[at % 2].write()?.expect("it is this side's turn");
            spoil(at, &mut message);
            sides[1 - at % 2].read(&message)?;
        }
        Ok(())
    }

    #[test]
    fn both_patterns_give_the_transcripts_of_four_other_libraries() {
        let hashes = [(Pattern::Xx, "fc966fcf46d3c2f6"), (Pattern::Ik, "966694634547bd26")];
        for (pattern, begins) in hashes {
            let mut sides = sides(pattern);
            run(&mut sides, |_, _| {}).expect("both sides are honest");
            let hash: String = sides[0].hash()[..8].iter().map(|byte| format!("{byte:02x}")).collect();
            assert_eq!((hash.as_str(), sides[0].hash()), (begins, sides[1].hash()));
            assert_eq!(sides[0].remote(), Some(public_key(&Key([2; 32]))));
            assert_eq!(sides[1].remote(), Some(public_key(&Key([1; 32]))));
            let [(send, receive), (their_send, their_receive)] = sides.each_mut().map(|side| side.keys().unwrap());
            assert!(send == their_receive && receive == their_send && send != receive);
            let mut message = b"hello".to_vec();
            Sealer::new(send).seal(&mut message, 0);
            assert_eq!(Opener::new(their_receive).open(&mut message), Ok(5));
        }
    }

    #[test]
    fn a_changed_byte_in_any_message_ends_the_handshake() {
        for pattern in [Pattern::Xx, Pattern::Ik] {
            for (at, length) in pattern.lengths().iter().enumerate() {
                for byte in 0..*length {
                    let mut sides = sides(pattern);
                    let spoiled = run(&mut sides, |message, bytes| {
                        if message == at {
                            bytes[byte] ^= 1;
                        }
                    });
                    assert!(spoiled.is_err(), "{pattern:?} message {at} byte {byte}");
                    assert!(sides.iter_mut().any(|side| side.keys().is_none()));
                }
            }
        }
    }

    #[test]
    fn messages_of_other_lengths_and_out_of_turn_are_refused() {
        for length in [0, 31, 33, 96, 65_535] {
            let [_, mut responder] = sides(Pattern::Xx);
            assert_eq!(responder.read(&vec![9; length]), Err(Fault::Length), "{length}");
        }
        let [mut initiator, mut responder] = sides(Pattern::Xx);
        assert_eq!(initiator.read(&[9; 32]), Err(Fault::Length), "it speaks first");
        assert_eq!(responder.write(), Ok(None));
    }

    #[test]
    fn a_point_of_small_order_ends_the_handshake() {
        let [_, mut responder] = sides(Pattern::Xx);
        assert_eq!(responder.read(&[0; 32]), Ok(()));
        assert_eq!(responder.write(), Err(Fault::WeakKey));
    }

    #[test]
    fn another_prologue_or_key_is_found_where_the_specification_says() {
        let [ours, theirs] = [Key([1; 32]), Key([2; 32])];
        let public = public_key(&theirs);
        let mut initiator = Agreement::initiator(&ours, Key([3; 32]), b"other", Some(&public));
        let mut responder = Agreement::responder(Pattern::Ik, &theirs, Key([4; 32]), PROLOGUE);
        assert_eq!(responder.read(&initiator.write().unwrap().unwrap()), Err(Fault::Forged));
        let mut initiator = Agreement::initiator(&ours, Key([3; 32]), b"other", None);
        let mut responder = Agreement::responder(Pattern::Xx, &theirs, Key([4; 32]), PROLOGUE);
        responder.read(&initiator.write().unwrap().unwrap()).expect("nothing is sealed yet");
        assert_eq!(initiator.read(&responder.write().unwrap().unwrap()), Err(Fault::Forged));
    }
}
