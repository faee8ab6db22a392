//! What is told of a sealed chain: the last final block, and the authorities.

use serde_json::{Map, Value, json};

use crate::{
    base::hash::hex,
    chain::seal::{Authorities, AuthoritySeal, Seal},
    node::report::{AuthorityReport, SealingReport},
    rpc::{context::Context, json::object},
    runtime::status::Status,
};

/// The status' fields; none on chains of proof of work.
pub(super) fn fields(authorities_of_file: &Authorities, status: &Status) -> Map<String, Value> {
    let Some(sealing) = &status.sealing else { return Map::new() };
    let SealingReport { last_final, view, leader, notarised, own, authorities, stuck, evidence, epoch, until, .. } =
        &**sealing;
    let shown = |one: &AuthorityReport| json!({ "key": hex(&one.key), "seen": one.seen.map(|seen| seen.0), "voted": one.voted });
    let next = authorities_of_file.term_of(epoch.saturating_add(1));
    let next = next.map(|term| json!({ "from": term.from, "authorities": term.set.count(), "hash": term.set.hash() }));
    object(json!({
        "final": { "height": last_final.height, "hash": last_final.hash, "since": last_final.since.0 },
        "authorities": authorities.iter().map(shown).collect::<Vec<_>>(),
        "sealing": {
            "view": view, "leader": leader, "notarised": { "view": notarised.0, "hash": notarised.1 }, "own": own,
            "stuck": stuck, "lying": evidence, "epoch": epoch, "until": until, "next": next,
        },
    }))
}

/// Whether the best chain's block at this height is final; `None` on chains of proof of work.
pub(super) fn is_final(status: &Status, height: u32) -> Option<bool> {
    status.sealing.as_ref().map(|sealing| height <= sealing.last_final.height)
}

/// A header's fields; none on chains of proof of work.
pub(super) fn of_header(context: &Context, seal: &Seal, height: u32, in_best_chain: bool) -> Map<String, Value> {
    let Some(is_final) = is_final(&context.node.status(), height) else { return Map::new() };
    let seal = match seal {
        Seal::Authorities(seal) => {
            let proposer = context.chain.authorities.at(height).map(|set| set.leader(seal.view));
            of_seal(seal, proposer)
        }
        Seal::Work(_) => Value::Null,
    };
    object(json!({ "final": in_best_chain && is_final, "seal": seal }))
}

fn of_seal(seal: &AuthoritySeal, proposer: Option<usize>) -> Value {
    json!({
        "view": seal.view,
        "proposer": proposer,
        "next_authorities": seal.next_authorities,
        "parent_view": seal.parent_view,
        "parent_signers": seal.parent_votes.iter().map(|(signer, _)| signer).collect::<Vec<_>>(),
    })
}
