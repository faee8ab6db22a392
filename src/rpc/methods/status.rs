//! The node as a whole.

use serde_json::{Value, json};

use crate::{
    base::{gather::gather, limits},
    chain::{node_id, snapshot::JoinState},
    node::{
        hindrance::{Hindrance, HindranceId},
        limit::{Limit, Meter},
    },
    rpc::{
        answers,
        context::Context,
        continuation::{Continuation, Shared},
        counters,
        error::RpcError,
        host,
        json::object,
        methods::method::Method,
        params::Args,
        schema::Schema,
        sealing,
    },
    runtime::{clock, logging, status::Status},
};

pub(super) const METHODS: &[Method] = &[
    Method {
        name: "status",
        params: &[],
        summary: "state, tip, peers, mempool and health of the node",
        returns: "an object; see tussock status --json",
        result: answers::node::STATUS,
        errors: &[],
        handler: |context, _| {
            context.indexed.ask();
            Ok(Continuation::value(&status(context)))
        },
    },
    Method {
        name: "getconnectioncount",
        params: &[],
        summary: "the number of peers",
        returns: "a number",
        result: Schema::Integer,
        errors: &[],
        handler: |context, _| {
            let status = context.node.status();
            Ok(Continuation::value(&status.inbound.saturating_add(status.outbound)))
        },
    },
    Method {
        name: "uptime",
        params: &[],
        summary: "seconds since the node started",
        returns: "a number",
        result: Schema::Integer,
        errors: &[],
        handler: |context, _| Ok(Continuation::value(&context.started.elapsed().as_secs())),
    },
];

/// What the page asks for every few seconds: the status without counters.
pub(in crate::rpc) fn summary(context: &Context) -> Value {
    let mut fields = object(status(context));
    fields.remove("counters");
    fields.insert("time".to_owned(), json!(host::unix_now()));
    Value::Object(fields)
}

/// The status as the command line, the page and the API show it.
pub(in crate::rpc) fn status(context: &Context) -> Value {
    let status = context.node.status();
    let tip = status.tip.as_ref();
    let traffic = context.traffic.traffic(context.node.total_bytes(), host::unix_now());
    let counters: serde_json::Map<String, Value> =
        gather(counters::ALL.iter().map(|one| (one.key.to_owned(), status.counter(one.counter).into())));
    let mut fields = object(json!({
        "state": status.state.name(),
        "reason": status.reason,
        "chain": context.chain.name,
        "genesis": context.chain.genesis_hash(),
        "node_id": status.node.map(|node| node_id::to_text(&node, &context.chain.prefix)),
        "height": tip.map_or(0, |tip| tip.height),
        "tip": tip.map(|tip| tip.hash),
        "tip_time": tip.map(|tip| tip.time),
        "headers": status.headers.max(tip.map_or(0, |tip| tip.height)),
        "work": tip.map(|tip| tip.work.to_string()),
        "state_digest": tip.map(|tip| tip.digest),
        "peers": { "inbound": status.inbound, "outbound": status.outbound },
        "mempool": { "count": status.mempool_count, "bytes": status.mempool_bytes },
        "mining": { "enabled": status.mining, "hashes_per_second": status.hashes_per_second },
        "version": context.version,
        "uptime_s": context.started.elapsed().as_secs(),
        "rss_bytes": host::resident_bytes(),
        "traffic": { "sent_bytes": traffic.sent, "received_bytes": traffic.received },
        "warnings": status.all_warnings(),
        "hindrances": hindrances(&status),
        "counters": counters,
        "clock_offset_s": clock::shift(),
        "limits": limits_in_use(context, &status),
        "last_reorganisation": status.last_reorganisation,
        "mempool_sequence": status.mempool_sequence,
        "indexed": context.indexed.get().height,
        "indexed_from": context.indexed.get().from,
        "kept_from": status.kept_from.max(1),
        "block_time": context.chain.parameters.block_time,
        "address_prefix": context.chain.prefix.to_string(),
        "test_chain": context.chain.test,
        "names_others": context.names_others,
        "unit": context.chain.unit.name,
        "decimals": context.chain.unit.decimals,
    }));
    fields.extend(vouched(context, &status));
    fields.insert("history".to_owned(), history(&status));
    fields.extend(sealing::fields(&context.chain.authorities, &status));
    Value::Object(fields)
}

/// From which height on blocks are here, and verified here; with `--history`, how far it is.
fn history(status: &Status) -> Value {
    let going_on = status.history_going_on();
    json!({
        "from_height": status.kept_from.max(1),
        "verified_from": status.verified_from(),
        "verified_below": going_on.map(|(verified, _)| verified),
        "goal": going_on.map(|(_, goal)| goal),
    })
}

/// What this node has not verified itself.
fn vouched(context: &Context, status: &Status) -> Option<(String, Value)> {
    let Some(JoinState::Joined { snapshot, above }) = status.joined else { return None };
    let by = if context.chain.seal_rules().needs_certificate() { "seals" } else { "work" };
    let fields = json!({ "height": snapshot.height, "block": snapshot.block, "by": by, "above": above });
    Some(("vouched".to_owned(), fields))
}

/// Each hindrance that stands.
fn hindrances(status: &Status) -> Vec<Value> {
    let shown = |(id, hindrance): (HindranceId, &Hindrance)| {
        json!({
            "id": id.name(),
            "since": hindrance.since.0,
            "text": hindrance.finding.text,
            "advice": hindrance.finding.advice,
            "blocks": hindrance.blocks.names(),
        })
    };
    status.hindrances.iter().map(shown).collect()
}

/// Each limit: its use, its cap, and how often it was reached since the start.
fn limits_in_use(context: &Context, status: &Status) -> Value {
    let mut meters = status.limits.clone();
    meters.extend(context.node.net_limits());
    meters.extend(context.http_limits());
    meters.insert(Limit::LogPlace, logging::volume());
    let pool = meters.entry(Limit::Mempool).or_default();
    (pool.used, pool.cap) = (status.mempool_bytes, limits::MEMPOOL_BYTES);
    let shown = |(limit, meter): (Limit, Meter)| {
        (limit.name().to_owned(), json!({ "used": meter.used, "cap": meter.cap, "hits": meter.hits }))
    };
    Value::Object(gather(meters.into_iter().map(shown)))
}

/// A method without parameters that reads from the tip.
pub(super) fn of_tip<T: serde::Serialize>(
    context: &Shared,
    _: &Args,
    read: fn(&crate::chain::archive::Tip) -> T,
) -> Result<Continuation, RpcError> {
    Ok(Continuation::value(&read(&context.tip()?)))
}
