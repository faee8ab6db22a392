//! Reading over GET: `/api/…` in JSON, health, metrics and the page. No credentials, nothing that changes anything.

use serde_json::{Value, json};

use crate::{
    base::hash::{Hash, unhex},
    node::report::SyncState,
    rpc::{
        call_stats::CallStats,
        context::Context,
        continuation::{Continuation, Outcome, Shared},
        error::{self, RpcError},
        first_view,
        http::{Head, PROMETHEUS, Response, Status},
        methods::{self, blocks, mempool, network, status, transactions},
        metrics,
    },
};

/// Makes the response out of a step's outcome.
pub type Finish = Box<dyn FnOnce(Outcome) -> Response + Send>;

/// What a path leads to.
pub enum Route {
    /// An answer.
    Ready(Response),
    /// Steps, and what to make of their outcome.
    Continuation(Continuation, Finish),
}

/// Mempool entries on one page.
const POOL_PAGE: u64 = 100;
/// Seconds that a poll for events may wait.
const LONGEST_POLL: f64 = 60.0;
/// Blocks on one page unless another number is asked for.
const BLOCK_PAGE: u64 = 15;
/// Confirmations after which a block or transaction is called immutable to caches.
const SETTLED: u64 = 100;

/// What `GET /api` lists.
const PATHS: [&str; 17] = [
    "/api/summary",
    "/api/status",
    "/api/blocks?before=HEIGHT&limit=N",
    "/api/block/ID",
    "/api/tx/ID",
    "/api/address/ADDRESS",
    "/api/address/ADDRESS/txs?before=NEXT&limit=N",
    "/api/address/ADDRESS/coins",
    "/api/mempool?limit=N",
    "/api/peers",
    "/api/tips",
    "/api/events?since=SEQ&timeout=S",
    "/api/search?q=TEXT",
    "/healthz",
    "/readyz",
    "/metrics",
    "/openrpc.json",
];

/// Finds what a request reads.
pub(super) fn route(context: &Shared, calls: &CallStats, head: &Head) -> Route {
    let ready = |value: &Value| Route::Ready(Response::json(Status::Ok, value.to_string()));
    match head.path.as_str() {
        "/" => {
            let shared = context.clone();
            let finish = move |outcome: Outcome| shared.page.serve(&outcome.unwrap_or_else(|_| "{}".to_owned()));
            return Route::Continuation(first_view::gather(context), Box::new(finish));
        }
        "/healthz" => return ready(&json!({ "ok": true, "state": context.node.status().state.name() })),
        "/readyz" => return Route::Ready(readiness(context)),
        "/metrics" => {
            return Route::Ready(Response::new(Status::Ok, PROMETHEUS, metrics::render(context, calls)));
        }
        "/openrpc.json" => return ready(&methods::openrpc(&context.version)),
        "/api" | "/api/" => return ready(&json!({ "paths": PATHS })),
        "/api/summary" => return ready(&status::summary(context)),
        "/api/status" => return ready(&status::status(context)),
        _ => {}
    }
    match api(context, head) {
        Some(Ok(step)) => Route::Continuation(step, settled_or_not(head)),
        Some(Err(error)) => Route::Ready(plain(Err(error))),
        None => Route::Ready(Response::error(Status::NotFound, "there is nothing here; see /api, /metrics, /")),
    }
}

fn api(context: &Shared, head: &Head) -> Option<Result<Continuation, RpcError>> {
    let mut parts = head.path.strip_prefix("/api/")?.split('/');
    let (first, second, third) = (parts.next()?, parts.next(), parts.next());
    let owned = || second.unwrap_or_default().to_owned();
    Some(match (first, second, third) {
        ("blocks", None, None) => page_of_blocks(context, head),
        ("block", Some(_), None) => {
            let (context, id) = (context.clone(), owned());
            Ok(Continuation::query(move |databases| blocks::block(&context, databases, &id)))
        }
        ("tx", Some(id), None) => Ok(transactions::transaction(context, id)),
        ("address", Some(_), rest @ (None | Some("txs" | "coins"))) => {
            let name = match rest {
                Some("txs") => "history",
                Some(_) => "coins",
                None => "balance",
            };
            call(context, name, address_params(head, &owned(), name))
        }
        ("mempool", None, None) => {
            number(head, "limit", POOL_PAGE).and_then(|limit| mempool::list(context, limit.min(POOL_PAGE)))
        }
        ("peers", None, None) => Ok(network::peers(context, network::row)),
        ("tips", None, None) => Ok(Continuation::query(blocks::tips)),
        ("events", None, None) => events(context, head),
        ("search", None, None) => search(context, head),
        _ => return None,
    })
}

/// A method's own first step: the same checks of parameters, the same result.
fn call(context: &Shared, name: &str, params: Value) -> Result<Continuation, RpcError> {
    let method = methods::find(name).ok_or_else(|| RpcError::internal("a method is missing"))?;
    Ok(method.start(context, params))
}

fn address_params(head: &Head, address: &str, name: &str) -> Value {
    let mut params = json!({ "address": address });
    if name == "history" {
        params["before"] = query(head, "before").map_or(Value::Null, Value::from);
    }
    if name != "balance" {
        params["limit"] =
            query(head, "limit").and_then(|text| text.parse::<u64>().ok()).map_or(Value::Null, Value::from);
    }
    params
}

fn page_of_blocks(context: &Shared, head: &Head) -> Result<Continuation, RpcError> {
    let (before, limit) = (number(head, "before", u64::MAX)?, number(head, "limit", BLOCK_PAGE)?);
    let (context, limit) = (context.clone(), limit.min(blocks::MAX_PAGE));
    Ok(Continuation::query(move |databases| blocks::page(&context, databases, before, limit)))
}

/// A long poll: what happened since the answer before. Nobody shows credentials here, so that nobody keeps one of the few
/// places of waiting calls for long.
fn events(context: &Shared, head: &Head) -> Result<Continuation, RpcError> {
    let mut params = json!({});
    for name in ["since", "timeout"] {
        if let Some(text) = query(head, name) {
            params[name] = serde_json::from_str(&text).unwrap_or(Value::String(text));
        }
    }
    if params["timeout"].as_f64().is_some_and(|seconds| seconds > LONGEST_POLL) {
        params["timeout"] = json!(LONGEST_POLL);
    }
    call(context, "events", params)
}

/// What a text from the search box is: `{kind, id}` with a kind of block, tx or address.
fn search(context: &Shared, head: &Head) -> Result<Continuation, RpcError> {
    let text = query(head, "q").unwrap_or_default().trim().to_owned();
    if context.address(&text).is_ok() {
        return Ok(Continuation::value(&json!({ "kind": "address", "id": text })));
    }
    let shared = context.clone();
    Ok(Continuation::query_then(move |databases| match databases.find_block(&text) {
        Ok(row) => Ok(Continuation::value(&json!({ "kind": "block", "id": row.hash }))),
        Err(_) => Ok(transactions::search(&shared, &text)),
    }))
}

/// The number in a field behind the question mark.
fn number(head: &Head, name: &str, default: u64) -> Result<u64, RpcError> {
    match query(head, name) {
        None => Ok(default),
        Some(text) => text.parse().map_err(|_| RpcError::bad_parameter(format!("\"{name}\" is not a number"))),
    }
}

/// The value of a field behind the question mark, its percent signs resolved.
fn query(head: &Head, name: &str) -> Option<String> {
    let mut pairs = head.query.split('&').filter_map(|pair| pair.split_once('='));
    pairs.find(|(key, _)| *key == name).and_then(|(_, value)| percent_decode(value))
}

/// `None` for what is no UTF-8 or breaks off within a sign.
fn percent_decode(text: &str) -> Option<String> {
    let mut pieces = text.split('%');
    let mut bytes = pieces.next()?.as_bytes().to_vec();
    for piece in pieces {
        let (digits, rest) = piece.split_at_checked(2)?;
        bytes.extend(unhex(digits)?);
        bytes.extend_from_slice(rest.as_bytes());
    }
    String::from_utf8(bytes).ok()
}

/// What `/api/…` answers: the result, marked as immutable where it is asked for by hash and deep in the chain.
fn settled_or_not(head: &Head) -> Finish {
    let parts: Vec<&str> = head.path.split('/').collect();
    let id = match parts.as_slice() {
        ["", "api", "block" | "tx", id] => id.parse::<Hash>().ok(),
        _ => None,
    };
    let known = head.if_none_match.clone();
    Box::new(move |outcome| {
        let Some(id) = id else { return plain(outcome) };
        let settled = outcome.as_ref().is_ok_and(|text| is_settled(text));
        if !settled {
            return plain(outcome);
        }
        let tag = format!("\"{id}\"");
        let response = match known {
            Some(known) if known.split(',').any(|one| one.trim() == tag) => Response::json(Status::NotModified, ""),
            _ => plain(outcome),
        };
        response.immutable(&id)
    })
}

/// Confirmations still grow in what is called immutable; beyond so many nobody counts them.
fn is_settled(text: &str) -> bool {
    // Read off the text, since parsing a large block for one number would hold up the loop. Quotes within texts are
    // escaped, so that this can only be the field.
    let rest = text.split_once("\"confirmations\":").map_or("", |(_, rest)| rest);
    let digits: String = rest.chars().take_while(char::is_ascii_digit).collect();
    digits.parse::<u64>().is_ok_and(|count| count > SETTLED)
}

fn plain(outcome: Outcome) -> Response {
    let error = match outcome {
        Ok(text) => return Response::json(Status::Ok, text),
        Err(error) => error,
    };
    let status = match error.code {
        error::NOT_FOUND => Status::NotFound,
        error::BAD_PARAMETER | error::INVALID_PARAMS => Status::BadRequest,
        error::BUSY | error::STARTING => Status::Unavailable,
        _ => Status::Internal,
    };
    Response::json(status, json!({ "error": error.message, "code": error.code }).to_string())
}

fn readiness(context: &Context) -> Response {
    let status = context.node.status();
    let ready = status.state == SyncState::Synced;
    let body = json!({
        "ready": ready,
        "state": status.state.name(),
        "reason": status.reason,
        "height": status.tip.as_ref().map_or(0, |tip| tip.height),
        "headers": status.headers,
    });
    Response::json(if ready { Status::Ok } else { Status::Unavailable }, body.to_string())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn percent_signs_are_resolved_or_refused() {
        assert_eq!(percent_decode("7%3A3").as_deref(), Some("7:3"));
        assert_eq!(percent_decode("%c3%a9").as_deref(), Some("é"));
        for broken in ["%", "%4", "%zz", "%c3", "a%é"] {
            assert_eq!(percent_decode(broken), None, "{broken}");
        }
    }

    #[test]
    fn only_the_field_itself_tells_confirmations() {
        assert!(is_settled(r#"{"confirmations":101,"memo":""}"#));
        assert!(!is_settled(r#"{"confirmations":100}"#) && !is_settled("{}"));
        assert!(!is_settled(r#"{"memo":"\"confirmations\":999","size":1}"#));
    }
}
