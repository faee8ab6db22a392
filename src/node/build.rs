//! One node's roles, wired the same way for production, simulator and thread tests.

use crate::{
    base::rng::Rng,
    node::{
        AnyRole, RoleId, Setup, Stores, fetch::Fetch, gossip::Gossip, handshake::Handshake, headers::Headers,
        history::History, key_agreement::KeyAgreement, ledger::Ledger, miner::Miner, peers::Peers, sealer::Sealer,
        snapshot::Snapshot, verify::Verify,
    },
};

/// The roles of one node. `Verify` may appear several times; they share one queue.
pub type Roles = Vec<(RoleId, Box<dyn AnyRole>)>;

/// Makes the roles. `rng` must be unpredictable in production.
pub fn build(setup: &Setup, stores: Stores, rng: &mut Rng) -> Roles {
    let mut roles: Roles = vec![(RoleId::Ledger, Box::new(Ledger::new(setup, stores.ledger)))];
    for _ in 0..setup.verifiers.max(1) {
        roles.push((RoleId::Verify, Box::new(Verify::new(setup, rng.fork("verify")))));
    }
    roles.push((RoleId::Headers, Box::new(Headers::new(setup, stores.headers, rng.fork("headers")))));
    roles.push((RoleId::Fetch, Box::new(Fetch::new(setup, rng.fork("fetch")))));
    roles.push((RoleId::Gossip, Box::new(Gossip::new(setup, rng.fork("gossip")))));
    match stores.seals {
        None => roles.push((RoleId::Miner, Box::new(Miner::new(setup, rng.fork("miner"))))),
        Some(seals) => roles.push((RoleId::Sealer, Box::new(Sealer::new(setup, seals)))),
    }
    roles.push((RoleId::Snapshot, Box::new(Snapshot::new(setup, stores.snapshots))));
    if let Some(history) = stores.history {
        roles.push((RoleId::History, Box::new(History::new(setup, history))));
    }
    roles.push((RoleId::Peers, Box::new(Peers::new(setup, stores.peers, rng.fork("peers")))));
    roles.push((RoleId::Handshake, Box::new(Handshake::new(setup, rng.fork("handshake")))));
    roles.push((RoleId::KeyAgreement, Box::new(KeyAgreement::new(setup, rng.fork("key agreement")))));
    roles
}
