//! The table of paths: requests are answered and the OpenAPI document is written from it.

use serde_json::{Value, json};

use crate::{
    chain::{key::SecretKey, spec::WELL_KNOWN_ACCOUNTS},
    rpc::{
        answers,
        api::path::{Lookup, Path},
        context::Context,
        continuation::{Continuation, Shared},
        error::RpcError,
        methods::{self, blocks, mempool, network, status, transactions},
        openapi::document,
        schema::{ID, Schema, optional, required},
        wall,
    },
};

/// Mempool entries on one page.
const MEMPOOL_PAGE: u64 = 100;
/// Seconds that a poll for events may wait: it needs no credentials, and there are few places for waiting calls.
const LONGEST_POLL: f64 = 60.0;
/// Blocks on one page unless another number is asked for.
const BLOCK_PAGE: u64 = 15;

/// All paths that answer JSON.
pub const PATHS: &[Path] = &[
    Path {
        path: "/api/summary",
        params: &[],
        summary: "what the page asks for every few seconds",
        result: answers::node::SUMMARY,
        reader: |context, _| Ok(Continuation::value(&status::summary(context))),
    },
    Path {
        path: "/api/status",
        params: &[],
        summary: "state, tip, peers, mempool and health of the node",
        result: answers::node::STATUS,
        reader: |context, _| Ok(Continuation::value(&status::status(context))),
    },
    Path {
        path: "/api/blocks",
        params: &[
            optional("before", Schema::Integer, "only blocks below this height"),
            optional("limit", Schema::Integer, "how many; 15 if left out, 100 at most"),
        ],
        summary: "a page of the best chain, the highest block first",
        result: answers::blocks::BLOCKS,
        reader: page_of_blocks,
    },
    Path {
        path: "/api/block/{id}",
        params: &[required("id", ID, "height, hash, unique prefix of at least 6 digits, or tip")],
        summary: "a block",
        result: answers::blocks::BLOCK,
        reader: |context, lookup| {
            let (context, id) = (context.clone(), lookup.id.clone());
            Ok(Continuation::query(move |databases| blocks::block(&context, databases, &id)))
        },
    },
    Path {
        path: "/api/block/{id}/txs",
        params: &[
            required("id", ID, "height, hash, unique prefix of at least 6 digits, or tip"),
            optional("from", Schema::Integer, "the position of the first one; 0 if left out"),
            optional("limit", Schema::Integer, "how many; 50 if left out, 1000 at most"),
        ],
        summary: "the transactions of a block: who pays whom how much, with fees and memos",
        result: answers::blocks::TRANSACTIONS,
        reader: |context, lookup| {
            let from = lookup.number("from", 0u64)?;
            call(context, "blocktransactions", json!({ "id": lookup.id, "from": from, "limit": limit(lookup) }))
        },
    },
    Path {
        path: "/api/tx/{id}",
        params: &[required("id", Schema::Text, "transaction id or a unique prefix of at least 6 digits")],
        summary: "a transaction of the mempool or the chain",
        result: answers::transactions::TRANSACTION,
        reader: |context, lookup| Ok(transactions::transaction(context, &lookup.id)),
    },
    Path {
        path: "/api/tx/{id}/outspends",
        params: &[required("id", Schema::Text, "transaction id or a unique prefix of at least 6 digits")],
        summary: "what spends the outputs of a transaction",
        result: answers::transactions::OUTSPENDS,
        reader: |context, lookup| call(context, "outspends", json!({ "id": lookup.id })),
    },
    Path {
        path: "/api/tx/{id}/hex",
        params: &[required("id", Schema::Text, "transaction id or a unique prefix of at least 6 digits")],
        summary: "a transaction's bytes",
        result: Schema::Hex,
        reader: |context, lookup| call(context, "getrawtransaction", json!({ "txid": lookup.id })),
    },
    Path {
        path: "/api/address/{address}",
        params: &[required("address", Schema::Address, "an address of this chain")],
        summary: "what an address has",
        result: answers::addresses::BALANCE,
        reader: |context, lookup| call(context, "balance", json!({ "address": lookup.id })),
    },
    Path {
        path: "/api/address/{address}/txs",
        params: &[
            required("address", Schema::Address, "an address of this chain"),
            optional("before", ID, "the \"next\" of the page before this one, or a height"),
            optional("limit", Schema::Integer, "how many; 25 if left out"),
            optional("memos", Schema::Boolean, "whether entries have time, memo and counterparties; then at most 50"),
        ],
        summary: "the transactions that concern an address, the newest first",
        result: answers::addresses::HISTORY,
        reader: |context, lookup| {
            let memos = lookup.field("memos").is_some_and(|text| text == "true");
            let (before, limit) = (lookup.field("before"), limit(lookup));
            let params = json!({ "address": lookup.id, "before": before, "limit": limit, "memos": memos });
            call(context, "history", params)
        },
    },
    Path {
        path: "/api/address/{address}/coins",
        params: &[
            required("address", Schema::Address, "an address of this chain"),
            optional("limit", Schema::Integer, "how many; 1000 if left out"),
        ],
        summary: "the unspent outputs of an address, the largest first",
        result: answers::addresses::COINS,
        reader: |context, lookup| call(context, "coins", json!({ "address": lookup.id, "limit": limit(lookup) })),
    },
    Path {
        path: "/api/mempool",
        params: &[optional("limit", Schema::Integer, "how many transactions; 100 if left out, and at most")],
        summary: "the transactions that wait for a block, the highest fee rate first",
        result: answers::mempool::MEMPOOL,
        reader: |context, lookup| mempool::list(context, lookup.number("limit", MEMPOOL_PAGE)?.min(MEMPOOL_PAGE)),
    },
    Path {
        path: "/api/mempool/fees",
        params: &[],
        summary: "the mempool by fee rate, with the expected wait",
        result: answers::mempool::FEE_BANDS,
        reader: |context, _| call(context, "mempoolfees", json!({})),
    },
    Path {
        path: "/api/peers",
        params: &[],
        summary: "the connected peers",
        result: answers::peers::PEERS,
        reader: |context, _| Ok(network::peers(context, network::row)),
    },
    Path {
        path: "/api/wall",
        params: &[],
        summary: "what the wall shows of this node; on test chains, pages of other nodes on this machine may read it",
        result: answers::node::WALL,
        reader: |context, _| Ok(wall::look(context)),
    },
    Path {
        path: "/api/tips",
        params: &[],
        summary: "the ends of all branches",
        result: answers::blocks::TIPS,
        reader: |context, _| Ok(blocks::list_tips(context)),
    },
    Path {
        path: "/api/events",
        params: &[
            optional("since", Schema::Integer, "the \"next\" of the answer before; from now on if left out"),
            optional("timeout", Schema::Number, "seconds; 60 if left out, and at most"),
        ],
        summary: "what happened after an earlier answer; waits for something to happen if nothing did",
        result: answers::waits::EVENTS,
        reader: events,
    },
    Path {
        path: "/api/watch",
        params: &[
            optional("address", Schema::Text, "whose payments: addresses with commas between them"),
            optional("tx", Schema::Text, "further transactions: ids with commas between them"),
            optional("cursor", Schema::Text, "the \"cursor\" of the answer or event before; from now on if left out"),
            optional("timeout", Schema::Number, "seconds; 60 if left out, and at most"),
            optional("confirmations", Schema::Integer, "how many make a payment confirmed; 1 if left out"),
            optional("final", Schema::Integer, "how many make it final, on chains without final blocks"),
            optional("above", Schema::Integer, "without cursor: begin above this height, instead of now"),
        ],
        summary: "what happened to addresses and transactions after an earlier answer; waits for something to happen if \
                  nothing did; with \"Accept: text/event-stream\" a stream of events",
        result: answers::watch::EVENTS,
        reader: watch,
    },
    Path {
        path: "/api/search",
        params: &[required("q", Schema::Text, "a height, hash, id, prefix, address, or words of a memo")],
        summary: "what a text is",
        result: answers::transactions::SEARCH,
        reader: search,
    },
    Path {
        path: "/api/memos",
        params: &[
            required("q", Schema::Text, "words, or a whole memo as text or hex"),
            optional("before", ID, "the \"next\" of the page before this one, or a height"),
            optional("limit", Schema::Integer, "how many; 25 if left out, 100 at most"),
        ],
        summary: "the transactions whose memos have all words of a text, the newest first",
        result: answers::transactions::FOUND,
        reader: |context, lookup| {
            let text = lookup.field("q");
            call(context, "search", json!({ "text": text, "before": lookup.field("before"), "limit": limit(lookup) }))
        },
    },
    Path {
        path: "/api",
        params: &[],
        summary: "all paths",
        result: answers::node::PATHS,
        reader: |_, _| Ok(Continuation::value(&json!({ "paths": listed() }))),
    },
    Path {
        path: "/healthz",
        params: &[],
        summary: "whether the node is alive, also while it syncs",
        result: answers::node::HEALTH,
        reader: |context, _| {
            Ok(Continuation::value(&json!({ "ok": true, "state": context.node.status().state.name() })))
        },
    },
    Path {
        path: "/openrpc.json",
        params: &[],
        summary: "the description of all JSON-RPC methods",
        result: Schema::AnyObject,
        reader: |context, _| Ok(Continuation::value(&methods::openrpc(&context.version))),
    },
    Path {
        path: "/openapi.json",
        params: &[],
        summary: "this description",
        result: Schema::AnyObject,
        reader: |context, _| Ok(Continuation::value(&openapi(&context.version))),
    },
];

/// The OpenAPI document of all paths, for this version of the program.
pub fn openapi(version: &str) -> Value {
    document(PATHS, version)
}

/// Finds what a request reads.
pub(super) fn find(path: &str, query: &str) -> Option<(&'static Path, Lookup)> {
    let path = if path == "/api/" { "/api" } else { path };
    PATHS.iter().find_map(|row| {
        let id = row.match_id(path)?;
        Some((row, Lookup { id: id.to_owned(), query: query.to_owned() }))
    })
}

fn listed() -> Vec<String> {
    PATHS.iter().map(Path::listed).chain(["/readyz".to_owned(), "/metrics".to_owned()]).collect()
}

/// A method's own start: the same checks of parameters, the same result.
fn call(context: &Shared, name: &str, params: Value) -> Result<Continuation, RpcError> {
    let method = methods::find(name).ok_or_else(|| RpcError::internal("a method is missing"))?;
    Ok(method.start(context, params))
}

/// [`Path::check`] has seen that it is a number.
fn limit(lookup: &Lookup) -> Option<u64> {
    lookup.field("limit").and_then(|text| text.parse().ok())
}

fn page_of_blocks(context: &Shared, lookup: &Lookup) -> Result<Continuation, RpcError> {
    let (before, limit) = (lookup.number("before", u64::MAX)?, lookup.number("limit", BLOCK_PAGE)?);
    let (context, limit) = (context.clone(), limit.min(blocks::MAX_PAGE));
    Ok(Continuation::query(move |databases| blocks::page(&context, databases, before, limit)))
}

fn watch(context: &Shared, lookup: &Lookup) -> Result<Continuation, RpcError> {
    call(context, "watch", watched(lookup, LONGEST_POLL))
}

/// The parameters of the method "watch", with a limit for its time.
pub(super) fn watched(lookup: &Lookup, longest: f64) -> Value {
    let list = |name: &str| {
        let text = lookup.field(name).unwrap_or_default();
        text.split(',').map(str::trim).filter(|part| !part.is_empty()).map(str::to_owned).collect::<Vec<_>>()
    };
    let mut params =
        json!({ "addresses": list("address"), "transactions": list("tx"), "cursor": lookup.field("cursor") });
    for name in ["timeout", "confirmations", "final", "above"] {
        if let Some(text) = lookup.field(name) {
            params[name] = serde_json::from_str(&text).unwrap_or(Value::String(text));
        }
    }
    if params["timeout"].as_f64().is_none_or(|seconds| seconds > longest) {
        params["timeout"] = json!(longest);
    }
    params
}

fn events(context: &Shared, lookup: &Lookup) -> Result<Continuation, RpcError> {
    let mut params = json!({});
    for name in ["since", "timeout"] {
        if let Some(text) = lookup.field(name) {
            params[name] = serde_json::from_str(&text).unwrap_or(Value::String(text));
        }
    }
    if params["timeout"].as_f64().is_some_and(|seconds| seconds > LONGEST_POLL) {
        params["timeout"] = json!(LONGEST_POLL);
    }
    call(context, "events", params)
}

/// The address that a text is, or that of a key which everybody has on test chains: dev0 to dev9. Names of other keys are known
/// to their owner's folder only, and no page may ask for those without credentials.
fn address_of(context: &Context, text: &str) -> Option<String> {
    if context.address(text).is_ok() {
        return Some(text.to_owned());
    }
    let number = text.strip_prefix("dev").filter(|_| context.chain.test)?;
    let number = number.parse().ok().filter(|known| *known < WELL_KNOWN_ACCOUNTS && number.len() == 1)?;
    Some(context.text(&SecretKey::well_known(number).address()))
}

/// The height that a text is, with the separators that people and the page write.
fn height_in(text: &str) -> Option<String> {
    let mut groups = text.split([',', '_']);
    let first = groups.next().filter(|first| (1..=3).contains(&first.len()))?;
    let rest: Vec<&str> = groups.collect();
    let digits = |group: &&str| group.bytes().all(|byte| byte.is_ascii_digit());
    let whole = !rest.is_empty() && digits(&first) && rest.iter().all(|group| group.len() == 3 && digits(group));
    whole.then(|| format!("{first}{}", rest.concat()))
}

/// What a text from the search box is: `{kind, id}`.
fn search(context: &Shared, lookup: &Lookup) -> Result<Continuation, RpcError> {
    let text = lookup.field("q").unwrap_or_default().trim().to_owned();
    if let Some(address) = address_of(context, &text) {
        return Ok(Continuation::value(&json!({ "kind": "address", "id": address })));
    }
    let text = height_in(&text).unwrap_or(text);
    let shared = context.clone();
    Ok(Continuation::query_then(move |databases| match databases.find_block(&text) {
        Ok(row) => Ok(Continuation::value(&json!({ "kind": "block", "id": row.hash }))),
        Err(_) => Ok(transactions::search(&shared, &text)),
    }))
}
