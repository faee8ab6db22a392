//! Server-sent events: `GET /api/watch` with `Accept: text/event-stream`, an answer that goes on.
//!
//! A stream is one `watch` after the other. The next begins once the client's socket has taken what the last one told, so that a
//! slow client costs one answer's memory; one that takes none in time is dropped, and goes on from its last id.

use serde_json::Value;

use super::{
    api,
    continuation::{Continuation, Outcome, Shared},
    http::{Head, Method, Response, Status},
    integers, methods,
    wait_slot::WaitSlot,
};

/// Seconds between two signs of life, shorter than proxies keep a silent connection.
const ALIVE: f64 = 15.0;
/// Milliseconds after which a client comes back that lost its connection.
const RETRY: &str = "retry: 2000\n\n";
/// The type of a stream.
const EVENTS: &str = "text/event-stream";

/// A stream between two parts.
pub(super) struct Stream {
    params: Value,
    strings: bool,
    /// Whether its head was sent.
    begun: bool,
    /// It has a place as long as it is open, between its parts, too: else whoever asks at that moment would end it.
    _slot: WaitSlot,
}

/// The next bytes of a stream.
pub(super) struct Part {
    /// The head, before the first bytes.
    pub(super) head: Option<Response>,
    /// The bytes.
    pub(super) bytes: Vec<u8>,
    /// What follows; `None`: the stream ends.
    pub(super) next: Option<Stream>,
}

impl Stream {
    /// The stream that a request asks for, or its refusal; `None` if it asks for none. `take`: one of the places of those that wait.
    pub(super) fn open(head: &Head, take: impl FnOnce() -> Option<WaitSlot>) -> Option<Result<Self, Response>> {
        if head.method != Method::Get || !head.wants_events {
            return None;
        }
        let mut params = api::stream_params(head, ALIVE)?;
        if let (Ok(params), Some(last)) = (&mut params, &head.last_event_id) {
            params["cursor"] = Value::String(last.clone());
        }
        let Some(slot) = take() else {
            let text = "too many streams of events are open; try again";
            return Some(Err(Response::error(Status::Unavailable, text).with("Retry-After", "2")));
        };
        let strings = integers::wants_strings(&head.query);
        Some(params.map(|params| Self { params, strings, begun: false, _slot: slot }))
    }

    /// The call for the next part.
    pub(super) fn step(&self, context: &Shared) -> Continuation {
        let mut params = self.params.clone();
        if !self.begun {
            // The client hears at once that the stream is open.
            params["timeout"] = Value::from(0);
        }
        match methods::find("watch") {
            Some(method) => method.start(context, params),
            None => Continuation::fail(super::error::RpcError::internal("a method is missing")),
        }
    }

    /// The part that a call has led to. A stream that cannot begin is an ordinary refusal.
    pub(super) fn part(mut self, outcome: Outcome) -> Result<Part, Response> {
        let error = match outcome.map(|text| self.events(&text)) {
            Ok(Some(bytes)) => {
                let head = (!self.begun).then(|| Response::new(Status::Ok, EVENTS, "").with("X-Accel-Buffering", "no"));
                let bytes = if self.begun { bytes } else { format!("{RETRY}{bytes}") };
                self.begun = true;
                return Ok(Part { head, bytes: bytes.into_bytes(), next: Some(self) });
            }
            Ok(None) => super::error::RpcError::internal("an answer cannot be read"),
            Err(error) => error,
        };
        if !self.begun {
            return Err(api::plain(Err(error)));
        }
        // The client comes back with its last id, and is told then what is wrong if it still is.
        Ok(Part { head: None, bytes: format!(": {}\n\n", error.message).into_bytes(), next: None })
    }

    /// The text of the events of an answer, or a sign of life. From here on the stream goes on behind them.
    fn events(&mut self, answer: &str) -> Option<String> {
        let answer: Value = serde_json::from_str(answer).ok()?;
        let cursor = answer["cursor"].as_str()?.to_owned();
        let mut text = String::new();
        for event in answer["events"].as_array()? {
            let (id, word) = (event["cursor"].as_str()?, event["event"].as_str()?);
            let data = event.to_string();
            let data = if self.strings { integers::as_strings(&data, &super::answers::watch::EVENT) } else { data };
            text.push_str(&format!("id: {id}\nevent: {word}\ndata: {data}\n\n"));
        }
        if text.is_empty() {
            // An id without data is no event, but it is the last id from then on.
            text = format!(": still here\nid: {cursor}\n\n");
        }
        self.params["cursor"] = Value::String(cursor);
        Some(text)
    }
}
