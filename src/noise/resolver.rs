//! The functions that the handshake is made of, over the crates that the node has anyway. The crate `snow` would bring
//! older copies of them.

use blake2::{Blake2s256, Digest as _};
use curve25519_dalek::MontgomeryPoint;
use snow::{
    Error,
    params::{CipherChoice, DHChoice, HashChoice},
    resolvers::CryptoResolver,
    types::{Cipher, Dh, Hash, Random},
};

use super::{
    Key, TAG_BYTES,
    cipher::{decrypt, encrypt},
};

/// Gives `snow` its functions. The ephemeral key is the caller's, so that a simulator can repeat a run.
pub(crate) struct Resolver {
    pub(crate) ephemeral: Key,
}

impl CryptoResolver for Resolver {
    fn resolve_rng(&self) -> Option<Box<dyn Random>> {
        Some(Box::new(Ephemeral(Some(self.ephemeral.clone()))))
    }

    fn resolve_dh(&self, choice: &DHChoice) -> Option<Box<dyn Dh>> {
        (*choice == DHChoice::Curve25519).then(|| Box::new(X25519 { secret: Key([0; 32]), public: [0; 32] }) as _)
    }

    fn resolve_hash(&self, choice: &HashChoice) -> Option<Box<dyn Hash>> {
        (*choice == HashChoice::Blake2s).then(|| Box::<Blake2s>::default() as _)
    }

    fn resolve_cipher(&self, choice: &CipherChoice) -> Option<Box<dyn Cipher>> {
        (*choice == CipherChoice::ChaChaPoly).then(|| Box::new(ChaChaPoly(Key([0; 32]))) as _)
    }
}

/// Hands out one key, once.
struct Ephemeral(Option<Key>);

impl Random for Ephemeral {
    fn try_fill_bytes(&mut self, out: &mut [u8]) -> Result<(), Error> {
        let key = self.0.take().ok_or(Error::Rng)?;
        out.copy_from_slice(key.0.get(..out.len()).ok_or(Error::Rng)?);
        Ok(())
    }
}

struct X25519 {
    secret: Key,
    public: [u8; 32],
}

impl Dh for X25519 {
    fn name(&self) -> &'static str {
        "25519"
    }

    fn pub_len(&self) -> usize {
        32
    }

    fn priv_len(&self) -> usize {
        32
    }

    fn set(&mut self, secret: &[u8]) {
        self.secret.0.copy_from_slice(secret);
        self.public = super::public_key(&self.secret);
    }

    fn generate(&mut self, random: &mut dyn Random) -> Result<(), Error> {
        random.try_fill_bytes(&mut self.secret.0)?;
        self.public = super::public_key(&self.secret);
        Ok(())
    }

    fn pubkey(&self) -> &[u8] {
        &self.public
    }

    fn privkey(&self) -> &[u8] {
        &self.secret.0
    }

    /// A result of zero would not depend on our secret: the other side chose a point of small order.
    fn dh(&self, public: &[u8], out: &mut [u8]) -> Result<(), Error> {
        let point = public.get(..32).and_then(|bytes| bytes.try_into().ok()).ok_or(Error::Dh)?;
        let shared = MontgomeryPoint(point).mul_clamped(self.secret.0).to_bytes();
        if shared == [0; 32] {
            return Err(Error::Dh);
        }
        out.get_mut(..32).ok_or(Error::Dh)?.copy_from_slice(&shared);
        Ok(())
    }
}

struct ChaChaPoly(Key);

impl Cipher for ChaChaPoly {
    fn name(&self) -> &'static str {
        "ChaChaPoly"
    }

    fn set(&mut self, key: &[u8; 32]) {
        self.0 = Key(*key);
    }

    fn encrypt(&self, number: u64, associated: &[u8], plain: &[u8], out: &mut [u8]) -> usize {
        let (payload, tag) = out.split_at_mut(plain.len());
        payload.copy_from_slice(plain);
        tag[..TAG_BYTES].copy_from_slice(&encrypt(&self.0, number, associated, payload));
        plain.len() + TAG_BYTES
    }

    fn decrypt(&self, number: u64, associated: &[u8], sealed: &[u8], out: &mut [u8]) -> Result<usize, Error> {
        let length = sealed.len().checked_sub(TAG_BYTES).ok_or(Error::Decrypt)?;
        let (payload, tag) = sealed.split_at(length);
        let out = out.get_mut(..length).ok_or(Error::Decrypt)?;
        out.copy_from_slice(payload);
        decrypt(&self.0, number, associated, out, tag).map_err(|_| Error::Decrypt)?;
        Ok(length)
    }
}

#[derive(Default)]
struct Blake2s(Blake2s256);

impl Hash for Blake2s {
    fn name(&self) -> &'static str {
        "BLAKE2s"
    }

    fn block_len(&self) -> usize {
        64
    }

    fn hash_len(&self) -> usize {
        32
    }

    fn reset(&mut self) {
        self.0 = Blake2s256::default();
    }

    fn input(&mut self, data: &[u8]) {
        self.0.update(data);
    }

    fn result(&mut self, out: &mut [u8]) {
        out[..32].copy_from_slice(&self.0.finalize_reset());
    }
}

#[cfg(test)]
mod tests {
    use serde_json::Value;
    use snow::{Builder, HandshakeState};

    use super::*;

    fn bytes(value: &Value) -> Vec<u8> {
        let text = value.as_str().expect("hex").as_bytes();
        let digits = |pair: &[u8]| u8::from_str_radix(std::str::from_utf8(pair).unwrap(), 16).unwrap();
        text.chunks(2).map(digits).collect()
    }

    /// One side of a vector.
    fn side(vector: &Value, which: &str) -> HandshakeState {
        let field = |name: &str| bytes(&vector[format!("{which}_{name}")]);
        let ephemeral = Key(field("ephemeral").try_into().unwrap());
        let name = vector["protocol_name"].as_str().unwrap().parse().unwrap();
        let (secret, prologue, remote) =
            (field("static"), field("prologue"), &vector[format!("{which}_remote_static")]);
        let remote = if remote.is_null() { Vec::new() } else { bytes(remote) };
        let mut builder = Builder::with_resolver(name, Box::new(Resolver { ephemeral }));
        builder = builder.prologue(&prologue).unwrap().local_private_key(&secret).unwrap();
        if !remote.is_empty() {
            builder = builder.remote_public_key(&remote).unwrap();
        }
        if which == "init" { builder.build_initiator().unwrap() } else { builder.build_responder().unwrap() }
    }

    #[test]
    fn public_vectors_of_both_patterns_hold() {
        let all: Value = serde_json::from_str(include_str!("../../tests/vectors/cacophony.json")).unwrap();
        let vectors = all["vectors"].as_array().unwrap();
        assert_eq!(vectors.len(), 2);
        for vector in vectors {
            let mut sides = [side(vector, "init"), side(vector, "resp")];
            let messages = vector["messages"].as_array().unwrap();
            let mut at = 0;
            while !sides[0].is_handshake_finished() || !sides[1].is_handshake_finished() {
                let (payload, sealed) = (bytes(&messages[at]["payload"]), bytes(&messages[at]["ciphertext"]));
                let mut out = [0; 1024];
                let written = sides[at % 2].write_message(&payload, &mut out).unwrap();
                assert_eq!(out[..written], sealed, "message {at}");
                let mut read = [0; 1024];
                let length = sides[1 - at % 2].read_message(&sealed, &mut read).unwrap();
                assert_eq!(read[..length], payload);
                at += 1;
            }
            assert_eq!(sides[0].get_handshake_hash(), bytes(&vector["handshake_hash"]));
            let (from_initiator, from_responder) = sides[0].dangerously_get_raw_split();
            let mut sealers = [from_initiator, from_responder].map(|key| super::super::Sealer::new(Key(key)));
            for (at, message) in messages.iter().enumerate().skip(at) {
                let mut sealed = bytes(&message["payload"]);
                sealers[at % 2].seal(&mut sealed, 0);
                assert_eq!(sealed, bytes(&message["ciphertext"]), "message {at}");
            }
        }
    }
}
