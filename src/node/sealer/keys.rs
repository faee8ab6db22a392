//! Votes signed and checked by keys.

use crate::{
    base::hash::Hash,
    chain::{
        key::SecretKey,
        seal::{AuthoritySet, SignedVote, Statement},
    },
};

use super::core::Signing;

/// The keys of a set, and this node's own if it has one of them.
#[derive(Clone)]
pub(super) struct Keys {
    pub(super) genesis: Hash,
    pub(super) set: AuthoritySet,
    /// This node's number in the set, and its key.
    pub(super) own: Option<(u8, SecretKey)>,
}

impl Keys {
    pub(super) fn new(genesis: Hash, set: AuthoritySet, key: Option<&SecretKey>) -> Self {
        let number = |key: &SecretKey| set.number_of(&key.public_key()).and_then(|number| u8::try_from(number).ok());
        let own = key.and_then(|key| Some((number(key)?, key.clone())));
        Self { genesis, set, own }
    }

    /// The key of a member.
    pub(super) fn of(&self, signer: u8) -> Option<&[u8; 32]> {
        self.set.keys().get(usize::from(signer))
    }

    pub(super) fn own_number(&self) -> Option<u8> {
        self.own.as_ref().map(|(number, _)| *number)
    }
}

impl Signing for Keys {
    fn sign(&self, statement: Statement, signer: u8, clock: u64) -> SignedVote {
        let (_, key) = self.own.as_ref().expect("only an authority is asked to sign");
        SignedVote::sign(statement, signer, clock, key, &self.genesis)
    }

    fn holds(&self, vote: &SignedVote) -> bool {
        self.set.holds(&self.genesis, vote)
    }
}
