//! The key that a node is known by.

use tussock_noise::{Key, public_key};

use crate::base::ids::NodeId;

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

    /// The secret half, for the key agreement.
    pub fn secret(&self) -> &Key {
        &self.secret
    }
}
