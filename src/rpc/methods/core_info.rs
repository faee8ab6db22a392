//! The node as Bitcoin Core's methods describe one.

use serde_json::{Value, json};

use crate::{
    chain::rules,
    node::report::SyncState,
    rpc::{
        answers,
        context::Context,
        continuation::Continuation,
        databases::Databases,
        error::{REJECTED, RpcError},
        host,
        methods::method::Method,
        params::Args,
        render,
        schema::{Schema, optional},
    },
    runtime::status::Status,
    wire::message::{PROTOCOL_VERSION, SERVICES, pruned_services},
};

/// The version of Bitcoin Core whose methods these follow. Typed clients want a number, and compare it with the versions
/// that they know; the node's own version is in `subversion`.
const CORE_VERSION: u32 = 280_000;
/// Blocks whose median time limits the next block's.
const MEDIAN_BLOCKS: usize = 11;
/// Seconds of the cycle in Bitcoin Core's form: this node's limit is one a second.
const UPLOAD_CYCLE: u64 = 1;

pub(super) const METHODS: &[Method] = &[
    Method {
        name: "getblockchaininfo",
        params: &[],
        summary: "the chain's tip and the progress of the sync",
        returns: "an object",
        result: answers::node::CHAIN_INFO,
        errors: &[],
        handler: |context, _| {
            let context = context.clone();
            context.tip()?;
            Ok(Continuation::query(move |databases| chain_info(&context, databases)))
        },
    },
    Method {
        name: "getnetworkinfo",
        params: &[],
        summary: "versions, number of connections, and the lowest fee rate",
        returns: "an object",
        result: answers::node::NETWORK_INFO,
        errors: &[],
        handler: |context, _| Ok(Continuation::value(&network_info(context))),
    },
    Method {
        name: "getnettotals",
        params: &[],
        summary: "bytes moved over all links since the start",
        returns: "an object",
        result: answers::node::NET_TOTALS,
        errors: &[],
        handler: |context, _| Ok(Continuation::value(&net_totals(context))),
    },
    Method {
        name: "getindexinfo",
        params: &[optional("index_name", Schema::Text, "only this index")],
        summary: "how far the index is filled",
        returns: "an object by the index's name; empty if there is none",
        result: answers::node::INDEX_INFO,
        errors: &[],
        handler: |context, args| Ok(Continuation::value(&index_info(context, args))),
    },
    Method {
        name: "gettxoutsetinfo",
        params: &[],
        summary: "number and sum of all coins; reads all of them",
        returns: "an object",
        result: answers::node::COIN_SET,
        errors: &[REJECTED],
        handler: |context, _| {
            let context = context.clone();
            Ok(Continuation::query(move |databases| coin_set(&context, databases)))
        },
    },
];

fn warnings(status: &Status) -> Vec<String> {
    status.all_warnings()
}

fn chain_info(context: &Context, databases: &mut Databases) -> Result<Value, RpcError> {
    let status = context.node.status();
    let tip = status.tip.as_ref().ok_or_else(RpcError::starting)?;
    let headers = status.headers.max(tip.height);
    // Exactly 1 at the tip, and never before.
    let progress = if headers == tip.height { 1.0 } else { f64::from(tip.height) / f64::from(headers) };
    let latest = databases.headers_down(tip.height, MEDIAN_BLOCKS)?;
    let mut times: Vec<u64> = latest.iter().map(|row| row.header.time).collect();
    let target = latest.first().and_then(|row| row.header.proof()).map(|proof| proof.target);
    let mut info = json!({
        "chain": context.chain.name,
        "blocks": tip.height,
        "headers": headers,
        "bestblockhash": tip.hash,
        "difficulty": target.map_or(0.0, |target| render::difficulty(context, target)),
        "time": tip.time,
        "mediantime": rules::median_time(&mut times),
        "chainwork": tip.work.to_string(),
        "verificationprogress": progress,
        "initialblockdownload": !status.is_ready(),
        "size_on_disk": std::fs::metadata(&context.ledger_path).map_or(0, |data| data.len()),
        "state": status.state.name(),
        "pruned": status.kept_from > 1,
        "warnings": warnings(&status),
    });
    if status.kept_from > 1 {
        info["pruneheight"] = json!(status.kept_from);
    }
    Ok(info)
}

fn network_info(context: &Context) -> Value {
    let status = context.node.status();
    let services = if status.kept_from > 1 { pruned_services(SERVICES, status.kept_from) } else { SERVICES };
    let network = |name: &str| {
        json!({
            "name": name, "limited": false, "reachable": true, "proxy": "", "proxy_randomize_credentials": false,
        })
    };
    json!({
        "version": CORE_VERSION,
        "subversion": format!("/tussock:{}/", context.version),
        "protocolversion": PROTOCOL_VERSION,
        "localservices": format!("{services:016x}"),
        "localservicesnames": if status.kept_from > 1 { ["PRUNED", "CLOCK"] } else { ["FULL", "CLOCK"] },
        "localrelay": true,
        "timeoffset": 0,
        "networkactive": status.state != SyncState::Starting,
        "connections": status.inbound.saturating_add(status.outbound),
        "connections_in": status.inbound,
        "connections_out": status.outbound,
        "networks": [network("ipv4"), network("ipv6")],
        "relayfee": context.chain.min_fee_rate,
        "incrementalfee": context.chain.min_fee_rate,
        "localaddresses": [],
        "warnings": warnings(&status),
    })
}

fn net_totals(context: &Context) -> Value {
    let run = context.node.total_bytes();
    let traffic = context.traffic.traffic(run, host::unix_now());
    // Our limit is one a second, and what it holds back first are answers to peers that catch up.
    let (target, is_reached) = context.node.upload_limit().unwrap_or_default();
    let left = if is_reached { 0 } else { target };
    json!({
        "totalbytesrecv": run.1,
        "totalbytessent": run.0,
        "timemillis": host::unix_now().saturating_mul(1000),
        "uploadtarget": {
            "timeframe": UPLOAD_CYCLE,
            "target": target,
            "target_reached": is_reached,
            "serve_historical_blocks": !is_reached,
            "bytes_left_in_cycle": left,
            "time_left_in_cycle": 0,
        },
        "all_time": { "bytesrecv": traffic.received, "bytessent": traffic.sent },
        "month": { "name": traffic.month, "bytesrecv": traffic.month_received, "bytessent": traffic.month_sent },
    })
}

fn index_info(context: &Context, args: &Args) -> Value {
    let wanted = args.text("index_name").is_none_or(|name| name == "txindex");
    let tip = context.node.status().tip.map_or(0, |tip| tip.height);
    context.indexed.ask();
    let height = context.indexed.get().height;
    match (wanted, &context.index_path) {
        (true, Some(_)) => json!({
            "txindex": { "synced": height == Some(tip), "best_block_height": height.unwrap_or(0) },
        }),
        _ => json!({}),
    }
}

fn coin_set(context: &Context, databases: &mut Databases) -> Result<Value, RpcError> {
    let (tip, totals) = databases.coin_totals()?;
    Ok(json!({
        "height": tip.height,
        "bestblock": tip.hash,
        "txouts": totals.count,
        "total_amount": u64::try_from(totals.sum).unwrap_or(u64::MAX),
        "state_digest": tip.digest,
        "disk_size": std::fs::metadata(&context.ledger_path).map_or(0, |data| data.len()),
    }))
}
