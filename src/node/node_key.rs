//! The key that a node is known by.

use tussock_noise::{Key, public_key};

use crate::base::{
    hash::{Domain, Hash},
    ids::NodeId,
};

/// An X25519 key pair. Only its public half is ever shown.
#[derive(Clone, Debug)]
pub struct NodeKey {
    secret: Key,
    id: NodeId,
}

impl NodeKey {
    /// The pair with this secret half.
    pub fn new(secret: Key) -> Self {
        Self { id: NodeId(public_key(&secret)), secret }
    }

    /// The public half.
    pub fn id(&self) -> NodeId {
        self.id
    }

    /// What differs from other nodes and what nobody else can guess: the start of numbers that are for one purpose.
    pub fn salt(&self, purpose: &str) -> Hash {
        Domain::STREAM.hash(&[&self.secret.0, purpose.as_bytes()].concat())
    }

    /// The secret half, for the key agreement.
    pub fn secret(&self) -> &Key {
        &self.secret
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn salts_differ_by_node_and_by_purpose() {
        let [one, two] = [1, 2].map(|byte| NodeKey::new(Key([byte; 32])));
        assert_eq!(one.salt("nonces"), one.clone().salt("nonces"));
        assert_ne!(one.salt("nonces"), two.salt("nonces"));
        assert_ne!(one.salt("nonces"), one.salt("templates"));
    }
}
