//! HTTP/1.1 as a state machine over bytes: no sockets, no clock. One [`Connection`] serves one request at a time;
//! pipelined ones wait in its buffer, which is bounded.

mod head;
mod response;

use std::time::Duration;

use crate::base::time::Time;

pub use head::{HTTP_BODY_BYTES, HTTP_HEAD_BYTES, Head, Method};
pub use response::{HTML, JSON, PROMETHEUS, Response, Status};

use head::Parsed;

/// From a request's first byte to its last.
const HTTP_REQUEST: Duration = Duration::from_secs(10);
/// Idle keep-alive connections are closed after this.
const HTTP_IDLE: Duration = Duration::from_secs(60);
/// An answer must have left for the socket after this, however slowly its reader reads.
pub(super) const HTTP_RESPONSE: Duration = Duration::from_secs(60);
/// How long a connection that was ended with an answer is still read from, so that the answer is not lost to a reset.
const HTTP_LINGER: Duration = Duration::from_secs(2);

/// A complete request.
#[derive(Debug)]
pub struct Request {
    /// First line and fields.
    pub head: Head,
    /// The body; empty for most.
    pub body: Vec<u8>,
}

/// One connection's bytes and what they mean.
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
    /// The last answer is on its way; what still comes in is thrown away, so that the answer is not lost to a reset.
    Closing,
}

impl Connection {
    /// A fresh connection.
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

    /// How many bytes it is ready to take. 0: leave them in the socket.
    pub fn room(&self) -> usize {
        match &self.state {
            State::Head | State::Busy => HTTP_HEAD_BYTES.saturating_sub(self.input.len()),
            State::Body(head) => head.length.saturating_sub(self.input.len()),
            State::Closing => HTTP_HEAD_BYTES,
        }
    }

    /// Takes bytes from the socket.
    pub fn receive(&mut self, now: Time, bytes: &[u8]) {
        match self.state {
            State::Closing => return,
            State::Head if self.input.is_empty() => self.deadline = Some(now + HTTP_REQUEST),
            _ => {}
        }
        self.input.extend_from_slice(bytes);
    }

    /// The next complete request, if there is one. `judge` sees its head before a byte of the body is asked for; what it
    /// refuses is answered and the connection ends.
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

    /// What is to be written to the socket.
    pub fn output(&self) -> &[u8] {
        &self.output[self.written..]
    }

    /// Notes that the socket took so many bytes of it.
    pub fn wrote(&mut self, now: Time, bytes: usize) {
        self.written += bytes;
        if self.has_output() {
            return;
        }
        // A large answer's buffer is given back; the next answer may be small.
        self.output = Vec::new();
        self.written = 0;
        self.deadline = match self.state {
            State::Head if self.input.is_empty() => Some(now + HTTP_IDLE),
            State::Head => Some(now + HTTP_REQUEST),
            State::Closing => Some(now + HTTP_LINGER),
            State::Body(_) | State::Busy => return,
        };
    }

    /// When [`Connection::expire`] wants to be called.
    pub fn deadline(&self) -> Option<Time> {
        self.deadline
    }

    /// Ends what takes too long. Returns whether the connection is to be dropped at once; else there may be an answer to
    /// write first.
    pub fn expire(&mut self, now: Time) -> bool {
        if self.deadline.is_none_or(|deadline| now < deadline) {
            return false;
        }
        let unfinished = match self.state {
            State::Head => !self.input.is_empty() && !self.has_output(),
            State::Body(_) => true,
            State::Busy | State::Closing => false,
        };
        if unfinished {
            self.refuse(now, &Response::error(Status::Timeout, "the request was not complete in time"));
        }
        !unfinished
    }

    /// Answers and ends the connection, whatever state it is in.
    pub fn refuse(&mut self, now: Time, response: &Response) {
        self.keep_alive = false;
        self.input = Vec::new();
        self.respond(now, response);
    }

    /// The other side will send no more: what it asked before is still answered, then [`Connection::next`] ends it.
    pub fn input_ended(&mut self) {
        self.ended = true;
    }

    /// Whether nothing but the end is left: all is written, and nothing more is read.
    pub fn is_finished(&self) -> bool {
        matches!(self.state, State::Closing) && !self.has_output()
    }

    /// Whether a request is being answered.
    pub fn is_busy(&self) -> bool {
        matches!(self.state, State::Busy)
    }

    /// Whether it rests between two requests, so that closing it harms nobody.
    pub fn is_idle(&self) -> bool {
        matches!(self.state, State::Head) && self.input.is_empty() && !self.has_output()
    }

    /// Whether nothing is under way but, perhaps, the first part of a request's head or the end of the connection.
    pub fn is_before_a_request(&self) -> bool {
        matches!(self.state, State::Head | State::Closing) && !self.has_output()
    }

    /// Bytes that it holds, or will hold once an accepted body has arrived.
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
            // Without a body to skip, the connection can go on: a wrong path or password is no reason to reconnect.
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
