//! The `sealer` role of sealed chains: views, votes and certificates after Simplex (Chan and Pass, "Simplex Consensus: A
//! Simple and Fast Consensus Protocol", 2023). In the miner's place; every node has it, whether or not it has a key.

use crate::{
    base::{
        rng::Rng,
        time::{Now, Time},
    },
    chain::archive::SealStore,
    node::{Input, Nothing, Outbox, PeerLink, Role, Setup, notice::ToSealer},
};

/// The `sealer` role.
pub struct Sealer {
    _seals: Box<dyn SealStore>,
}

impl Sealer {
    /// A role that has heard nothing yet.
    pub fn new(_setup: &Setup, seals: Box<dyn SealStore>, _rng: Rng) -> Self {
        Self { _seals: seals }
    }
}

impl Role for Sealer {
    type Input = Input<PeerLink, ToSealer, Nothing>;

    fn handle(&mut self, _now: Now, _input: Self::Input, _out: &mut Outbox) {}

    fn deadline(&self) -> Option<Time> {
        None
    }
}
