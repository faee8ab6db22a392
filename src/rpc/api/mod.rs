//! What GET serves: `/api/…`, health, metrics and the page. Needs no credentials and changes nothing.

pub mod path;
mod paths;

pub use paths::{PATHS, openapi};

use serde_json::{Value, json};

use crate::{
    base::hash::Hash,
    rpc::{
        auth::WALL_PATH,
        call_stats::CallStats,
        context::Context,
        continuation::{Continuation, Outcome, Shared},
        error, first_view,
        http::{Head, PROMETHEUS, Response, Status},
        integers, metrics, wall,
    },
};

/// Builds the response from an outcome.
pub type Finish = Box<dyn FnOnce(Outcome) -> Response + Send>;

/// What a path leads to.
pub enum Route {
    /// An answer.
    Ready(Response),
    /// A continuation, how to build the response from its outcome, and the path's form.
    Continuation(Continuation, Finish, &'static str),
}

/// Confirmations after which caches may keep a block or transaction for ever.
const SETTLED: u64 = 100;
/// Characters of an id in a path that leads to a view; addresses are the longest.
const MAX_ID: usize = 128;

/// Finds what a request reads.
pub(super) fn route(context: &Shared, calls: &CallStats, head: &Head) -> Route {
    match head.path.as_str() {
        "/" => {
            let shared = context.clone();
            let finish = move |outcome: Outcome| shared.page.serve(&outcome.unwrap_or_else(|_| "{}".to_owned()), &[]);
            return Route::Continuation(first_view::gather(context), Box::new(finish), "/");
        }
        "/readyz" | "/metrics" if !head.query.is_empty() => {
            let name = head.query.split(['&', '=']).next().unwrap_or_default();
            return Route::Ready(plain(Err(integers::unknown(name, "this path has no fields"))));
        }
        "/wall" => return Route::Ready(wall::page(context, head)),
        "/readyz" => return Route::Ready(readiness(context)),
        "/metrics" => return Route::Ready(Response::new(Status::Ok, PROMETHEUS, metrics::render(context, calls))),
        _ => {}
    }
    match paths::find(&head.path, &head.query) {
        Some((path, lookup)) => {
            // Monitors add fields of their own so that nobody answers in the node's place.
            if head.path != "/healthz"
                && let Err(error) = path.check(&head.query)
            {
                return Route::Ready(plain(Err(error)));
            }
            let finish = open_to_wall(head, settled_or_not(head));
            let finish: Finish = match integers::wants_strings(&head.query) {
                true => {
                    let convert = |text: String| integers::as_strings(&text, &path.result);
                    Box::new(move |outcome| finish(outcome.map(convert)))
                }
                false => finish,
            };
            Route::Continuation((path.reader)(context, &lookup).into(), finish, path.path)
        }
        None => Route::Ready(
            view_of(&head.path)
                .unwrap_or_else(|| Response::error(Status::NotFound, "there is nothing here; see /api, /metrics, /")),
        ),
    }
}

/// Leads from `/tx/ID` and its like to the page's view. Relative, since a proxy may serve the node below a path.
fn view_of(path: &str) -> Option<Response> {
    let ["", kind @ ("tx" | "block" | "address"), id] = path.split('/').collect::<Vec<_>>()[..] else { return None };
    let is_id = (1..=MAX_ID).contains(&id.len()) && id.bytes().all(|byte| byte.is_ascii_alphanumeric());
    is_id.then(|| Response::new(Status::Found, "", "").with("Location", format!("../#/{kind}/{id}")))
}

/// Lets the page of a wall read the answer: the gate has seen that the origin may. Credentials are not allowed with it.
fn open_to_wall(head: &Head, finish: Finish) -> Finish {
    match head.origin.clone().filter(|_| head.path == WALL_PATH) {
        Some(origin) => {
            Box::new(move |outcome| finish(outcome).with("Access-Control-Allow-Origin", origin).with("Vary", "Origin"))
        }
        None => finish,
    }
}

/// Marks blocks and transactions as immutable that are asked for by hash and are deep in the chain.
fn settled_or_not(head: &Head) -> Finish {
    let parts: Vec<&str> = head.path.split('/').collect();
    let id = match parts.as_slice() {
        ["", "api", "block" | "tx", id] => id.parse::<Hash>().ok(),
        _ => None,
    };
    let known = head.if_none_match.clone();
    let strings = integers::wants_strings(&head.query);
    Box::new(move |outcome| {
        let Some(id) = id else { return plain(outcome) };
        let settled = outcome.as_ref().is_ok_and(|text| is_settled(text));
        if !settled {
            return plain(outcome);
        }
        // The other form of the integers is another representation, with a tag of its own.
        let tag = if strings { format!("\"{id}-strings\"") } else { format!("\"{id}\"") };
        let response = match known {
            Some(known) if known.split(',').any(|one| one.trim() == tag) => Response::json(Status::NotModified, ""),
            _ => plain(outcome),
        };
        response.immutable(&tag)
    })
}

/// Whether an answer has more than [`SETTLED`] confirmations. Their number still grows in an answer that caches keep.
fn is_settled(text: &str) -> bool {
    // Searched in the text, since parsing a large block would hold up the loop. Quotes within texts are escaped, so
    // this can only be the field.
    let rest = text.split_once("\"confirmations\":").map_or("", |(_, rest)| rest);
    let digits: String = rest.chars().take_while(char::is_ascii_digit).collect();
    digits.parse::<u64>().is_ok_and(|count| count > SETTLED)
}

/// The parameters of the calls of a stream of events, or its refusal; `None` if the path leads to none.
pub(super) fn stream_params(head: &Head, longest: f64) -> Option<Result<Value, Response>> {
    let (path, lookup) = paths::find(&head.path, &head.query).filter(|(path, _)| path.path == "/api/watch")?;
    let checked = path.check(&head.query).map_err(|error| plain(Err(error)));
    Some(checked.map(|()| {
        let mut params = paths::watched(&lookup, longest);
        // Whatever time the caller would poll with: signs of life must not follow each other without a pause.
        params["timeout"] = json!(longest);
        params
    }))
}

/// The answer to a reading.
pub(super) fn plain(outcome: Outcome) -> Response {
    let error = match outcome {
        Ok(text) => return Response::json(Status::Ok, text),
        Err(error) => error,
    };
    let status = match error.code {
        error::NOT_FOUND => Status::NotFound,
        error::BAD_PARAMETER | error::INVALID_PARAMS => Status::BadRequest,
        error::BUSY | error::STARTING | error::STOPPING => Status::Unavailable,
        _ => Status::Internal,
    };
    Response::json(status, json!({ "error": error.message, "code": error.code }).to_string())
}

fn readiness(context: &Context) -> Response {
    let status = context.node.status();
    let ready = status.is_ready();
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
    fn only_the_field_itself_tells_confirmations() {
        assert!(is_settled(r#"{"confirmations":101,"memo":""}"#));
        assert!(!is_settled(r#"{"confirmations":100}"#) && !is_settled("{}"));
        assert!(!is_settled(r#"{"memo":"\"confirmations\":999","size":1}"#));
    }
}
