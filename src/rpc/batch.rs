//! JSON-RPC requests and batches: reading a body, and building the answer to it.

use std::collections::VecDeque;

use serde_json::Value;

use crate::rpc::{
    continuation::{self, Outcome},
    error::{self, RpcError},
    http::{Response, Status},
};

/// Bytes of the results of one JSON-RPC batch; calls after that fail.
const RPC_RESULT_BYTES: usize = 4 * 1024 * 1024;
/// Requests in one JSON-RPC batch.
pub const RPC_BATCH: usize = 50;

/// One request.
#[derive(Debug, PartialEq)]
pub struct Call {
    /// The id of the response; `None` for a notification, which gets no response.
    pub id: Option<Value>,
    /// The method.
    pub method: String,
    /// An array, an object, or null for none.
    pub params: Value,
}

/// A request, or its id and what is wrong with it.
type Parsed = Result<Call, (Value, RpcError)>;

/// The requests of one body and the responses so far.
#[derive(Debug)]
pub struct Batch {
    calls: VecDeque<Parsed>,
    replies: Vec<String>,
    bytes: usize,
    is_array: bool,
    busy: bool,
}

impl Batch {
    /// Reads a body.
    ///
    /// # Errors
    ///
    /// The response to a body that is not a request or batch.
    pub fn parse(body: &[u8]) -> Result<Self, Response> {
        let refuse = |error: RpcError| Response::json(Status::Ok, envelope(&Value::Null, Err(error)));
        let value: Value = serde_json::from_slice(body)
            .map_err(|problem| refuse(RpcError::new(error::PARSE, format!("not JSON: {problem}"))))?;
        let (requests, is_array) = match value {
            Value::Array(requests) => (requests, true),
            request => (vec![request], false),
        };
        let invalid = |text: &str| Err(refuse(RpcError::new(error::INVALID_REQUEST, text)));
        match requests.len() {
            0 => invalid("an empty batch"),
            count if count > RPC_BATCH => invalid("too many calls: a batch holds at most 50"),
            _ => {
                let calls = requests.into_iter().map(read_call).collect();
                Ok(Self { calls, replies: Vec::new(), bytes: 0, is_array, busy: false })
            }
        }
    }

    /// The next call to carry out. Answers invalid requests on the way.
    pub fn next_call(&mut self) -> Option<Call> {
        loop {
            match self.calls.pop_front()? {
                Ok(call) if self.bytes <= RPC_RESULT_BYTES => return Some(call),
                Ok(call) => {
                    self.finish(call.id, Err(RpcError::busy("bytes of results")));
                }
                Err((id, error)) => self.push(envelope(&id, Err(error))),
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
    pub fn finish(&mut self, id: Option<Value>, outcome: Outcome) {
        self.busy |= outcome.as_ref().is_err_and(|error| error.code == error::BUSY);
        if let Some(id) = id {
            self.push(envelope(&id, outcome));
        }
    }

    /// The response to the whole body.
    pub fn response(self) -> Response {
        match (self.is_array, self.replies.len()) {
            (_, 0) => Response::json(Status::NoContent, ""),
            (true, _) => Response::json(Status::Ok, format!("[{}]", self.replies.join(","))),
            // Proxies and load tests understand the status too.
            (false, _) if self.busy => {
                Response::json(Status::Unavailable, self.replies.concat()).with("Retry-After", "1")
            }
            (false, _) => Response::json(Status::Ok, self.replies.concat()),
        }
    }

    fn push(&mut self, reply: String) {
        self.bytes = self.bytes.saturating_add(reply.len());
        self.replies.push(reply);
    }
}

fn read_call(request: Value) -> Parsed {
    let Value::Object(mut fields) = request else {
        return Err((Value::Null, RpcError::new(error::INVALID_REQUEST, "a call is an object")));
    };
    let id = fields.remove("id");
    let answerable = match &id {
        Some(id @ (Value::String(_) | Value::Number(_))) => id.clone(),
        _ => Value::Null,
    };
    let invalid = |text: &str| Err((answerable.clone(), RpcError::new(error::INVALID_REQUEST, text)));
    if fields.get("jsonrpc").and_then(Value::as_str) != Some("2.0") {
        return invalid("\"jsonrpc\" must be \"2.0\"");
    }
    if matches!(id, Some(Value::Bool(_) | Value::Array(_) | Value::Object(_))) {
        return invalid("\"id\" must be a string, a number or null");
    }
    let Some(Value::String(method)) = fields.remove("method") else {
        return invalid("\"method\" must be a string");
    };
    match fields.remove("params").unwrap_or(Value::Null) {
        params @ (Value::Array(_) | Value::Object(_) | Value::Null) => Ok(Call { id, method, params }),
        _ => invalid("\"params\" must be an array or an object"),
    }
}

fn envelope(id: &Value, outcome: Outcome) -> String {
    let outcome = outcome.map(|result| format!("{{\"jsonrpc\":\"2.0\",\"id\":{id},\"result\":{result}}}"));
    outcome.unwrap_or_else(|error| {
        let error = continuation::to_json(&error).unwrap_or_else(|_| "{\"code\":-1,\"message\":\"\"}".to_owned());
        format!("{{\"jsonrpc\":\"2.0\",\"id\":{id},\"error\":{error}}}")
    })
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
                "large" => Ok(format!("\"{}\"", "x".repeat(RPC_RESULT_BYTES))),
                _ => Err(RpcError::new(error::METHOD_NOT_FOUND, "no such method")),
            };
            batch.finish(call.id, outcome);
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
            r#"{"id":1,"method":"echo"}"#,
            r#"{"jsonrpc":"1.0","id":1,"method":"echo"}"#,
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
    fn a_full_queue_is_also_told_as_a_status() {
        assert_eq!(answer(r#"{"jsonrpc":"2.0","id":1,"method":"busy"}"#).0, 503);
        assert_eq!(answer(r#"[{"jsonrpc":"2.0","id":1,"method":"busy"}]"#).0, 200);
    }
}
