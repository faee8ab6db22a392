//! Access to a ledger without a node: read-only, or for writing under the data directory's lock.

use std::{io, path::Path};

use serde_json::{Value, json};

use super::{
    context::Context,
    datadir,
    exit::{Exit, Failure, Outcome},
    node_key, units,
};
use crate::{
    chain::{
        archive::{HeaderArchive, LedgerStore},
        node_id,
        snapshot::JoinState,
        spec::ChainSpec,
    },
    runtime::traffic::TrafficLog,
    store::{LedgerDb, LedgerOptions, LedgerReader},
};

/// SQLite page cache while blocks are put into a ledger outside a node.
const APPEND_CACHE_BYTES: usize = 16 * 1024 * 1024;

/// Fails if there is no ledger.
pub fn require_ledger(context: &Context) -> Outcome {
    let path = context.ledger();
    match path.try_exists() {
        Ok(true) => return Ok(()),
        Err(error) if error.kind() == io::ErrorKind::PermissionDenied => return Err(Failure::denied(&path)),
        _ => {}
    }
    let flags = context.settings.flags();
    let problem = format!("there is no ledger: {}; start a node with: tussock run{flags}", path.display());
    Err(Failure::new(Exit::NotFound, problem))
}

/// Opens the ledger of this chain for reading; it must exist.
pub fn reader(context: &Context) -> Outcome<LedgerReader> {
    require_ledger(context)?;
    let path = context.ledger();
    let reader = LedgerReader::open(&path).map_err(|error| Failure::store(&path, &error))?;
    reader.check_chain(context.spec()).map_err(|error| Failure::store(&path, &error))?;
    Ok(reader)
}

/// Opens the ledger for writing, and makes it if it is missing. The caller holds the lock.
pub fn open_for_filling(path: &Path, spec: &ChainSpec) -> Outcome<Box<dyn LedgerStore>> {
    let options = LedgerOptions { cache_bytes: APPEND_CACHE_BYTES, ..LedgerOptions::default() };
    let ledger = LedgerDb::open(path, spec, &options).map_err(|error| Failure::store(path, &error))?;
    if ledger.join_state() == Ok(JoinState::Joining) {
        return Err(Failure::usage(format!(
            "the ledger joins with a snapshot, and has no blocks yet: {}; let its node finish, or move the file away",
            path.display()
        )));
    }
    Ok(Box::new(ledger))
}

/// The answer to `status` from the data directory, in the form of a running node. `failure`: why no node answers.
pub fn status(context: &Context, failure: Failure) -> Outcome<Value> {
    let path = context.ledger();
    if !path.exists() {
        return Err(failure);
    }
    let reader = reader(context)?;
    let failed = |error| Failure::store(&path, &error);
    let tip = reader.tip().map_err(failed)?;
    let best = reader.best_header().map_err(failed)?;
    // The ledger may be readable where the key is not.
    let key = node_key::read(&context.folder()).ok().flatten();
    let id = key.map(|key| node_id::to_text(&key.id(), &context.spec().prefix));
    let traffic = TrafficLog::open(context.folder().join(datadir::TRAFFIC)).traffic((0, 0), units::unix_now());
    let join = reader.join_state().map_err(failed)?;
    let mut status = json!({
        "state": if datadir::holder(&context.folder())?.is_some() { "starting" } else { "stopped" },
        "reason": failure.message,
        "node_id": id,
        "chain": context.spec().name,
        "genesis": context.spec().genesis_hash(),
        "height": tip.height,
        "tip": tip.hash,
        "tip_time": tip.time,
        "headers": best.header.height,
        "work": tip.work.to_string(),
        "state_digest": tip.digest,
        "kept_from": reader.kept_from().map_err(failed)?,
        "peers": { "inbound": 0, "outbound": 0 },
        "mempool": { "count": 0, "bytes": 0 },
        "mining": { "enabled": false, "hashes_per_second": 0 },
        "version": env!("CARGO_PKG_VERSION"),
        "uptime_s": 0,
        "rss_bytes": 0,
        "traffic": { "sent_bytes": traffic.sent, "received_bytes": traffic.received },
        "warnings": [],
        "hindrances": [],
    });
    if let Some((name, value)) = join_field(context.spec(), &join) {
        status[name] = value;
    }
    if join == JoinState::Joining {
        let genesis = &context.spec().genesis.header;
        (status["height"], status["kept_from"]) = (json!(0), json!(1));
        (status["tip"], status["tip_time"]) = (json!(context.spec().genesis_hash()), json!(genesis.time));
    }
    Ok(status)
}

/// The field that tells where coins are from that no blocks here have made.
pub fn join_field(spec: &ChainSpec, join: &JoinState) -> Option<(&'static str, Value)> {
    match join {
        JoinState::History => None,
        JoinState::Joining => Some(("joining", json!(true))),
        JoinState::Joined { snapshot, above } => {
            let (height, block) = (snapshot.height, snapshot.block);
            Some(("vouched", json!({ "height": height, "block": block, "by": vouches(spec), "above": above })))
        }
    }
}

/// What vouches for coins that were taken from peers.
pub fn vouches(spec: &ChainSpec) -> &'static str {
    if spec.seal_rules().needs_certificate() { "seals" } else { "work" }
}

/// What is said of a ledger that has not finished its join.
pub fn joining_text(headers: u64) -> String {
    format!(
        "headers up to {} are here; the coins are not, so there is no balance and no block yet",
        units::grouped(headers)
    )
}
