//! JSON-RPC requests and batches: reading a body, and building the answer to it.
//!
//! A request with `"jsonrpc": "2.0"` is answered as JSON-RPC 2.0 says. Any other is JSON-RPC 1.0 or 1.1 and is answered as
//! Bitcoin Core does: `result`, `error` and `id` are always there, and a lone error has an HTTP status of its own.

use std::collections::VecDeque;

use serde_json::Value;

use crate::rpc::{
    continuation::{self, Outcome},
    error::{self, RpcError},
    http::{Response, Status},
    methods,
    requests::{self, Request},
    rights::Right,
};

/// Bytes of the results of one JSON-RPC batch; calls after that fail.
const RPC_RESULT_BYTES: usize = 4 * 1024 * 1024;
/// Requests in one JSON-RPC batch.
pub const RPC_BATCH: usize = 50;

/// Bytes of a body that may hold anything.
const PLAIN_BODY_BYTES: usize = 1024 * 1024;
/// Commas in a longer body, so that a list of small values does not take many times its bytes when it is parsed.
const MAX_COMMAS: usize = 1000;

/// The version of a request and of its response.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Version {
    /// 1.0 or 1.1.
    One,
    /// 2.0.
    Two,
}

/// What a response repeats of its request.
#[derive(Clone, Debug, PartialEq)]
pub struct Tag {
    /// The version.
    pub version: Version,
    /// The id; `None` for a notification of 2.0, which gets no response.
    pub id: Option<Value>,
}

/// One request.
#[derive(Debug, PartialEq)]
pub struct Call {
    /// What the response repeats.
    pub tag: Tag,
    /// The method.
    pub method: String,
    /// An array, an object, or null for none.
    pub params: Value,
}

/// A request, or its tag and what is wrong with it.
type Parsed = Result<Call, (Tag, RpcError)>;

/// The requests of one body and the responses so far.
#[derive(Debug)]
pub struct Batch {
    calls: VecDeque<Parsed>,
    replies: Vec<String>,
    bytes: usize,
    is_array: bool,
    /// The status of the last response, if it is alone.
    status: Status,
}

impl Batch {
    /// Reads a body.
    ///
    /// # Errors
    ///
    /// The response to a body that is not a request or batch.
    pub fn parse(body: &[u8]) -> Result<Self, Response> {
        let refuse = |version, error: RpcError| {
            let tag = Tag { version, id: Some(Value::Null) };
            Response::json(status_of(version, error.code), envelope(&tag, Err(error)))
        };
        if body.len() > PLAIN_BODY_BYTES && body.iter().filter(|byte| **byte == b',').count() > MAX_COMMAS {
            let text = "a body above 1 MiB is one call with one long parameter";
            return Err(refuse(Version::Two, RpcError::new(error::INVALID_REQUEST, text)));
        }
        // Without a request there is no version; Bitcoin Core then answers as 1.x.
        let (requests, is_array) = requests::read(body)
            .map_err(|problem| refuse(Version::One, RpcError::new(error::PARSE, format!("not JSON: {problem}"))))?;
        let version = requests.first().map_or(Version::Two, |request| version_of(&request.value));
        let invalid = |text: &str| Err(refuse(version, RpcError::new(error::INVALID_REQUEST, text)));
        match requests.len() {
            0 => invalid("an empty batch"),
            count if count > RPC_BATCH => invalid("too many calls: a batch holds at most 50"),
            _ => {
                let calls = requests.into_iter().map(read_call).collect();
                Ok(Self { calls, replies: Vec::new(), bytes: 0, is_array, status: Status::Ok })
            }
        }
    }

    /// The same for a caller with this right: calls of methods that need more fail.
    pub fn of_caller(mut self, right: Right) -> Self {
        for parsed in &mut self.calls {
            if let Ok(call) = parsed
                && let needed = Right::needed(&call.method)
                && !right.includes(needed)
                && methods::find(&call.method).is_some()
            {
                let text = format!("{} needs the right to {needed}, and this token may {right}", call.method);
                *parsed = Err((call.tag.clone(), RpcError::new(error::FORBIDDEN, text)));
            }
        }
        self
    }

    /// The next call to carry out. Answers invalid requests on the way.
    pub fn next_call(&mut self) -> Option<Call> {
        loop {
            match self.calls.pop_front()? {
                Ok(call) if self.bytes <= RPC_RESULT_BYTES => return Some(call),
                Ok(call) => self.finish(&call.tag, Err(RpcError::busy("bytes of results"))),
                Err((tag, error)) => self.finish(&tag, Err(error)),
            }
        }
    }

    /// Takes the calls of the same method that follow directly, at most `most`.
    pub fn take_alike(&mut self, method: &str, most: usize) -> Vec<Call> {
        let alike = |call: &Parsed| call.as_ref().is_ok_and(|call| call.method == method);
        let count = self.calls.iter().take(most).take_while(|call| alike(call)).count();
        self.calls.drain(..count).flatten().collect()
    }

    /// Records a call's outcome.
    pub fn finish(&mut self, tag: &Tag, outcome: Outcome) {
        self.status = outcome.as_ref().map_or_else(|error| status_of(tag.version, error.code), |_| Status::Ok);
        if tag.id.is_some() {
            let reply = envelope(tag, outcome);
            self.bytes = self.bytes.saturating_add(reply.len());
            self.replies.push(reply);
        }
    }

    /// The response to the whole body.
    pub fn response(self) -> Response {
        match (self.is_array, self.replies.len()) {
            (_, 0) => Response::json(Status::NoContent, ""),
            (true, _) => Response::json(Status::Ok, format!("[{}]", self.replies.join(","))),
            // Proxies and load tests understand the status too.
            (false, _) if self.status == Status::Unavailable => {
                Response::json(self.status, self.replies.concat()).with("Retry-After", "1")
            }
            (false, _) => Response::json(self.status, self.replies.concat()),
        }
    }
}

/// The status of a lone error: for 1.x as in Bitcoin Core, for 2.0 always 200 unless the node is busy.
fn status_of(version: Version, code: i32) -> Status {
    match (version, code) {
        (_, error::BUSY) => Status::Unavailable,
        (Version::Two, _) => Status::Ok,
        (Version::One, error::INVALID_REQUEST) => Status::BadRequest,
        (Version::One, error::METHOD_NOT_FOUND) => Status::NotFound,
        (Version::One, error::FORBIDDEN) => Status::Forbidden,
        (Version::One, _) => Status::Internal,
    }
}

fn version_of(request: &Value) -> Version {
    match request.get("jsonrpc").and_then(Value::as_str) {
        Some("2.0") => Version::Two,
        _ => Version::One,
    }
}

fn read_call(Request { value: request, repeated }: Request) -> Parsed {
    let version = version_of(&request);
    let Value::Object(mut fields) = request else {
        let tag = Tag { version: Version::Two, id: Some(Value::Null) };
        return Err((tag, RpcError::new(error::INVALID_REQUEST, "a call is an object")));
    };
    let id = fields.remove("id");
    let answerable = match (version, &id) {
        (Version::One, id) => id.clone().unwrap_or_default(),
        (Version::Two, Some(id @ (Value::String(_) | Value::Number(_)))) => id.clone(),
        (Version::Two, _) => Value::Null,
    };
    let invalid =
        |text: &str| Err((Tag { version, id: Some(answerable.clone()) }, RpcError::new(error::INVALID_REQUEST, text)));
    if let Some(repeated) = repeated {
        let code = if repeated.in_request { error::INVALID_REQUEST } else { error::INVALID_PARAMS };
        let text = format!("\"{}\" is there twice", repeated.name.escape_default());
        return Err((Tag { version, id: Some(answerable) }, RpcError::new(code, text)));
    }
    if !matches!(fields.get("jsonrpc").map(Value::as_str), None | Some(Some("2.0" | "1.0" | "1.1"))) {
        return invalid("\"jsonrpc\" is \"2.0\", \"1.0\", or left out for 1.x");
    }
    if version == Version::Two && matches!(id, Some(Value::Bool(_) | Value::Array(_) | Value::Object(_))) {
        return invalid("\"id\" must be a string, a number or null");
    }
    let Some(Value::String(method)) = fields.remove("method") else {
        return invalid("\"method\" must be a string");
    };
    let tag = Tag { version, id: if version == Version::Two { id } else { Some(answerable.clone()) } };
    match fields.remove("params").unwrap_or(Value::Null) {
        params @ (Value::Array(_) | Value::Object(_) | Value::Null) => Ok(Call { tag, method, params }),
        _ => invalid("\"params\" must be an array or an object"),
    }
}

fn envelope(tag: &Tag, outcome: Outcome) -> String {
    let id = tag.id.as_ref().unwrap_or(&Value::Null);
    let error_text =
        |error: RpcError| continuation::to_json(&error).unwrap_or_else(|_| "{\"code\":-1,\"message\":\"\"}".to_owned());
    match (tag.version, outcome) {
        (Version::One, Ok(result)) => format!("{{\"result\":{result},\"error\":null,\"id\":{id}}}"),
        (Version::One, Err(error)) => {
            format!("{{\"result\":null,\"error\":{},\"id\":{id}}}", error_text(error))
        }
        (Version::Two, Ok(result)) => format!("{{\"jsonrpc\":\"2.0\",\"id\":{id},\"result\":{result}}}"),
        (Version::Two, Err(error)) => {
            format!("{{\"jsonrpc\":\"2.0\",\"id\":{id},\"error\":{}}}", error_text(error))
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn answer(body: &str) -> (u16, String) {
        let mut batch = match Batch::parse(body.as_bytes()) {
            Ok(batch) => batch,
            Err(response) => return (response.status.code(), String::from_utf8(response.body).unwrap()),
        };
        while let Some(call) = batch.next_call() {
            let outcome = match call.method.as_str() {
                "echo" => Ok(call.params.to_string()),
                "busy" => Err(RpcError::busy("things")),
                "fail" => Err(RpcError::internal("failed")),
                "large" => Ok(format!("\"{}\"", "x".repeat(RPC_RESULT_BYTES))),
                _ => Err(RpcError::new(error::METHOD_NOT_FOUND, "no such method")),
            };
            batch.finish(&call.tag, outcome);
        }
        let response = batch.response();
        (response.status.code(), String::from_utf8(response.body).unwrap())
    }

    #[test]
    fn one_call_one_answer() {
        let (status, text) = answer(r#"{"jsonrpc":"2.0","id":7,"method":"echo","params":["a\"b",1]}"#);
        assert_eq!((status, text.as_str()), (200, r#"{"jsonrpc":"2.0","id":7,"result":["a\"b",1]}"#));
        let (status, text) = answer(r#"{"jsonrpc":"2.0","id":"x","method":"nix"}"#);
        assert_eq!(status, 200);
        assert_eq!(text, r#"{"jsonrpc":"2.0","id":"x","error":{"code":-32601,"message":"no such method"}}"#);
        assert_eq!(
            answer(r#"{"jsonrpc":"2.0","id":null,"method":"echo"}"#).1,
            r#"{"jsonrpc":"2.0","id":null,"result":null}"#
        );
    }

    #[test]
    fn notifications_get_no_answer() {
        assert_eq!(answer(r#"{"jsonrpc":"2.0","method":"echo"}"#), (204, String::new()));
        let mixed = r#"[{"jsonrpc":"2.0","method":"echo"},{"jsonrpc":"2.0","method":"echo","id":1,"params":[]}]"#;
        assert_eq!(answer(mixed).1, r#"[{"jsonrpc":"2.0","id":1,"result":[]}]"#);
    }

    #[test]
    fn requests_of_1_x_are_answered_as_bitcoin_core_does() {
        for request in [
            r#"{"id":7,"method":"echo","params":[1]}"#,
            r#"{"jsonrpc":"1.0","id":7,"method":"echo","params":[1]}"#,
            r#"{"version":"1.1","id":7,"method":"echo","params":[1]}"#,
        ] {
            let expected = r#"{"result":[1],"error":null,"id":7}"#;
            assert_eq!(answer(request), (200, expected.to_owned()), "{request}");
        }
        let absent = r#"{"result":null,"error":{"code":-32601,"message":"no such method"},"id":"a"}"#;
        assert_eq!(answer(r#"{"id":"a","method":"nix"}"#), (404, absent.to_owned()));
        assert_eq!(answer(r#"{"id":1}"#).0, 400);
        assert_eq!(answer(r#"{"id":1,"method":"fail"}"#).0, 500);
        assert_eq!(answer(r#"{"id":1,"method":"busy"}"#).0, 503);
        assert_eq!(answer("{"), (500, answer("{").1));
        let without_id = r#"{"result":null,"error":null,"id":null}"#;
        assert_eq!(answer(r#"{"method":"echo"}"#), (200, without_id.to_owned()), "1.x answers every request");
        let ids = r#"{"id":[1,{}],"method":"echo"}"#;
        assert!(answer(ids).1.ends_with(r#""id":[1,{}]}"#), "1.x repeats any id");
    }

    #[test]
    fn each_request_of_a_batch_is_answered_in_its_own_version() {
        let batch =
            r#"[{"id":1,"method":"nix"},{"jsonrpc":"2.0","id":2,"method":"echo"},{"jsonrpc":"2.0","method":"echo"}]"#;
        let (status, text) = answer(batch);
        let expected = r#"[{"result":null,"error":{"code":-32601,"message":"no such method"},"id":1},{"jsonrpc":"2.0","id":2,"result":null}]"#;
        assert_eq!((status, text.as_str()), (200, expected));
    }

    #[test]
    fn what_is_no_call_is_told_apart() {
        let code = |body: &str| {
            let value: Value = serde_json::from_str(&answer(body).1).unwrap();
            value["error"]["code"].as_i64().unwrap()
        };
        assert_eq!(code("{"), -32700);
        assert_eq!(code(""), -32700);
        assert_eq!(code(&"[".repeat(100_000)), -32700);
        for body in [
            "[]",
            "1",
            "{}",
            r#"{"jsonrpc":"3.0","id":1,"method":"echo"}"#,
            r#"{"jsonrpc":2,"id":1,"method":"echo"}"#,
            r#"{"id":1,"method":5}"#,
            r#"{"jsonrpc":"2.0","id":[],"method":"echo"}"#,
            r#"{"jsonrpc":"2.0","id":1,"method":5}"#,
            r#"{"jsonrpc":"2.0","id":1,"method":"echo","params":"a"}"#,
        ] {
            assert_eq!(code(body), -32600, "{body}");
        }
        let text = answer(r#"[1, {"jsonrpc":"2.0","id":1,"method":"echo"}]"#).1;
        assert!(text.starts_with(r#"[{"jsonrpc":"2.0","id":null,"error":{"code":-32600"#) && text.contains("result"));
    }

    #[test]
    fn a_call_with_a_member_twice_is_refused_and_the_others_of_its_batch_are_not() {
        let error = |body: &str| serde_json::from_str::<Value>(&answer(body).1).unwrap()["error"].clone();
        let twice = error(r#"{"jsonrpc":"2.0","id":1,"method":"echo","method":"fail"}"#);
        assert_eq!(
            (twice["code"].as_i64(), twice["message"].as_str()),
            (Some(-32600), Some("\"method\" is there twice"))
        );
        let twice = error(r#"{"jsonrpc":"2.0","id":1,"method":"echo","params":{"to":1,"to":2}}"#);
        assert_eq!((twice["code"].as_i64(), twice["message"].as_str()), (Some(-32602), Some("\"to\" is there twice")));
        assert_eq!(answer(r#"{"id":1,"method":"echo","method":"echo"}"#).0, 400);
        let mixed = r#"[{"jsonrpc":"2.0","id":1,"id":1,"method":"echo"},{"jsonrpc":"2.0","id":2,"method":"echo"}]"#;
        assert!(answer(mixed).1.ends_with(r#"{"jsonrpc":"2.0","id":2,"result":null}]"#), "{}", answer(mixed).1);
    }

    #[test]
    fn a_batch_is_bounded_in_calls_and_results() {
        let batch = |count: usize, method: &str| {
            let call = format!(r#"{{"jsonrpc":"2.0","id":1,"method":"{method}","params":[]}}"#);
            format!("[{}]", vec![call; count].join(","))
        };
        let replies = |text: String| serde_json::from_str::<Value>(&text).unwrap();
        assert_eq!(replies(answer(&batch(50, "echo")).1).as_array().unwrap().len(), 50);
        assert_eq!(replies(answer(&batch(51, "echo")).1)["error"]["code"], -32600);
        let large = replies(answer(&batch(3, "large")).1);
        assert!(large[0]["result"].is_string());
        assert_eq!(
            (&large[1]["error"]["code"], &large[2]["error"]["code"]),
            (&Value::from(-32000), &Value::from(-32000))
        );
    }

    #[test]
    fn a_long_body_holds_one_long_parameter() {
        let block = "0".repeat(2 * PLAIN_BODY_BYTES);
        let call = |params: &str| format!(r#"{{"jsonrpc":"2.0","id":1,"method":"nix","params":[{params}]}}"#);
        assert!(answer(&call(&format!("\"{block}\""))).1.contains("-32601"));
        assert!(answer(&call(&"1,".repeat(PLAIN_BODY_BYTES))).1.contains("-32600"));
    }

    #[test]
    fn a_full_queue_is_also_told_as_a_status() {
        assert_eq!(answer(r#"{"jsonrpc":"2.0","id":1,"method":"busy"}"#).0, 503);
        assert_eq!(answer(r#"[{"jsonrpc":"2.0","id":1,"method":"busy"}]"#).0, 200);
    }
}
