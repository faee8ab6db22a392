//! HTTP/1.1 as a state machine over bytes, without sockets or a clock. A [`Connection`] serves one request at a time;
//! pipelined requests wait in its bounded buffer.

mod head;
mod response;

use std::time::Duration;

use crate::base::time::Time;

pub use head::{HTTP_BODY_BYTES, HTTP_HEAD_BYTES, Head, Method};
pub use response::{HTML, JSON, PROMETHEUS, Response, Status};

use head::Parsed;

/// A request must arrive within this time, so that slow clients can't hold connections.
const HTTP_REQUEST: Duration = Duration::from_secs(10);
/// Idle keep-alive connections are closed after this.
const HTTP_IDLE: Duration = Duration::from_secs(60);
/// The socket must have taken the whole answer within this time, however slowly the client reads.
pub(super) const HTTP_RESPONSE: Duration = Duration::from_secs(60);
/// How long the server still reads from a connection that it ends with an answer. Unread bytes would cause a reset,
/// which can destroy the answer.
const HTTP_LINGER: Duration = Duration::from_secs(2);

/// A complete request.
#[derive(Debug)]
pub struct Request {
    /// The head.
    pub head: Head,
    /// The body; empty for most.
    pub body: Vec<u8>,
}

/// The protocol state of one connection.
#[derive(Debug)]
pub struct Connection {
    state: State,
    input: Vec<u8>,
    output: Vec<u8>,
    written: usize,
    keep_alive: bool,
    head_only: bool,
    ended: bool,
    deadline: Option<Time>,
}

#[derive(Debug)]
enum State {
    /// Between requests, or in the head of one.
    Head,
    /// In the body of a request whose head was accepted.
    Body(Box<Head>),
    /// A request is being answered.
    Busy,
    /// An answer is being written whose end is not known yet.
    Stream,
    /// The last answer is being written; further input is discarded.
    Closing,
}

impl Connection {
    /// A new connection.
    pub fn new(now: Time) -> Self {
        Self {
            state: State::Head,
            input: Vec::new(),
            output: Vec::new(),
            written: 0,
            keep_alive: true,
            head_only: false,
            ended: false,
            deadline: Some(now + HTTP_IDLE),
        }
    }

    /// How many bytes it accepts now; the rest stays in the socket.
    pub fn room(&self) -> usize {
        match &self.state {
            State::Head | State::Busy | State::Stream => HTTP_HEAD_BYTES.saturating_sub(self.input.len()),
            State::Body(head) => head.length.saturating_sub(self.input.len()),
            State::Closing => HTTP_HEAD_BYTES,
        }
    }

    /// Accepts bytes from the socket.
    pub fn receive(&mut self, now: Time, bytes: &[u8]) {
        match self.state {
            State::Closing => return,
            State::Head if self.input.is_empty() => self.deadline = Some(now + HTTP_REQUEST),
            _ => {}
        }
        self.input.extend_from_slice(bytes);
    }

    /// The next complete request, if there is one. `judge` sees the head before the body is read. Its refusal is the
    /// answer, and ends the connection.
    pub fn next(&mut self, now: Time, judge: impl FnOnce(&Head) -> Result<(), Response>) -> Option<Request> {
        if matches!(self.state, State::Head) && !self.has_output() && !self.input.is_empty() {
            self.read_head(now, judge);
        }
        let complete = matches!(&self.state, State::Body(head) if self.input.len() >= head.length);
        if !complete {
            if self.ended && !self.has_output() && !self.is_busy() {
                self.state = State::Closing;
            }
            return None;
        }
        let State::Body(head) = std::mem::replace(&mut self.state, State::Busy) else { return None };
        let rest = self.input.split_off(head.length);
        let body = std::mem::replace(&mut self.input, rest);
        self.deadline = None;
        Some(Request { head: *head, body })
    }

    /// Answers the current request.
    pub fn respond(&mut self, now: Time, response: &Response) {
        self.keep_alive &= !response.close;
        self.output.extend_from_slice(&response.encode(self.head_only, self.keep_alive));
        self.state = if self.keep_alive { State::Head } else { State::Closing };
        self.deadline = Some(now + HTTP_RESPONSE);
    }

    /// Answers the current request with what ends with the connection; [`Connection::push`] adds to it.
    pub fn begin_stream(&mut self, now: Time, head: &Response) {
        self.keep_alive = false;
        self.output.extend_from_slice(&head.encode_head());
        self.state = State::Stream;
        self.deadline = Some(now + HTTP_RESPONSE);
    }

    /// Adds to a stream. The socket must take it within [`HTTP_RESPONSE`].
    pub fn push(&mut self, now: Time, bytes: &[u8]) {
        if matches!(self.state, State::Stream) {
            self.output.extend_from_slice(bytes);
            self.deadline = Some(now + HTTP_RESPONSE);
        }
    }

    /// Ends a stream.
    pub fn end_stream(&mut self, now: Time) {
        if matches!(self.state, State::Stream) {
            self.state = State::Closing;
            self.deadline = Some(now + if self.has_output() { HTTP_RESPONSE } else { HTTP_LINGER });
        }
    }

    /// The bytes to write to the socket.
    pub fn output(&self) -> &[u8] {
        &self.output[self.written..]
    }

    /// Records that the socket took this number of bytes.
    pub fn wrote(&mut self, now: Time, bytes: usize) {
        self.written += bytes;
        if self.has_output() {
            return;
        }
        // Frees the buffer of a large answer; the next one may be small.
        self.output = Vec::new();
        self.written = 0;
        self.deadline = match self.state {
            State::Head if self.input.is_empty() => Some(now + HTTP_IDLE),
            State::Head => Some(now + HTTP_REQUEST),
            State::Closing => Some(now + HTTP_LINGER),
            State::Stream => None,
            State::Body(_) | State::Busy => return,
        };
    }

    /// When [`Connection::expire`] wants to be called.
    pub fn deadline(&self) -> Option<Time> {
        self.deadline
    }

    /// Ends what takes too long. Returns whether to drop the connection at once; otherwise there may be an answer to
    /// write first.
    pub fn expire(&mut self, now: Time) -> bool {
        if self.deadline.is_none_or(|deadline| now < deadline) {
            return false;
        }
        let unfinished = match self.state {
            State::Head => !self.input.is_empty() && !self.has_output(),
            State::Body(_) => true,
            State::Busy | State::Stream | State::Closing => false,
        };
        if unfinished {
            self.refuse(now, &Response::error(Status::Timeout, "the request was not complete in time"));
        }
        !unfinished
    }

    /// Answers in any state, and ends the connection.
    pub fn refuse(&mut self, now: Time, response: &Response) {
        self.keep_alive = false;
        self.input = Vec::new();
        self.respond(now, response);
    }

    /// The client sends no more. Its complete requests are still answered; then [`Connection::next`] ends the
    /// connection.
    pub fn input_ended(&mut self) {
        self.ended = true;
    }

    /// Whether all answers are written and no further request is read.
    pub fn is_finished(&self) -> bool {
        matches!(self.state, State::Closing) && !self.has_output()
    }

    /// Whether a request is being answered.
    pub fn is_busy(&self) -> bool {
        matches!(self.state, State::Busy)
    }

    /// Whether it is between two requests, so that closing it loses nothing.
    pub fn is_idle(&self) -> bool {
        matches!(self.state, State::Head) && self.input.is_empty() && !self.has_output()
    }

    /// Whether at most a part of a request's head has arrived, or the connection is ending.
    pub fn is_before_a_request(&self) -> bool {
        matches!(self.state, State::Head | State::Closing) && !self.has_output()
    }

    /// Bytes that it holds, or will hold when an accepted body is complete.
    pub fn reserved(&self) -> usize {
        let input = match &self.state {
            State::Body(head) => head.length.max(self.input.len()),
            _ => self.input.len(),
        };
        input + self.output.len()
    }

    fn has_output(&self) -> bool {
        self.written < self.output.len()
    }

    fn read_head(&mut self, now: Time, judge: impl FnOnce(&Head) -> Result<(), Response>) {
        let (head, used) = match head::parse(&self.input) {
            Parsed::Partial => return,
            Parsed::Complete(head, used) => (head, used),
            Parsed::Refused(response) => return self.refuse(now, &response),
        };
        self.input.drain(..used);
        self.head_only = head.method == Method::Head;
        self.keep_alive &= head.keep_alive;
        if let Err(response) = judge(&head) {
            // Without a body to skip, the connection can serve the next request.
            return if head.length == 0 { self.respond(now, &response) } else { self.refuse(now, &response) };
        }
        if head.expects_continue && self.input.len() < head.length {
            self.output.extend_from_slice(b"HTTP/1.1 100 Continue\r\n\r\n");
        }
        self.state = State::Body(head);
    }
}

#[cfg(test)]
mod tests;
