//! A socket of the server's loop: edge-triggered reading and writing around a [`Connection`].

use std::{
    io::{self, Read, Write},
    net::Shutdown,
};

use mio::net::TcpStream;

use crate::{
    base::time::Time,
    rpc::{
        engine::Running,
        http::Connection,
        stream::{Part, Stream},
    },
};

/// Bytes read at once.
const PIECE: usize = 8 * 1024;

/// One connection with its socket.
pub(super) struct Client {
    pub(super) stream: TcpStream,
    pub(super) connection: Connection,
    pub(super) running: Option<Box<Running>>,
    /// A stream that goes on once its last part is written.
    stream_next: Option<Stream>,
    /// When it was accepted.
    pub(super) opened: Time,
    /// Whether a request was answered.
    pub(super) answered: bool,
    /// The socket may have bytes to read.
    pub(super) readable: bool,
    /// The client has ended its sending.
    pub(super) ended: bool,
    /// The server has ended its own.
    shut: bool,
}

/// What a round of reading and writing did.
#[derive(Clone, Copy, Default)]
pub(super) struct Moved {
    /// Bytes moved.
    pub(super) any: bool,
    /// The socket takes no more bytes now.
    pub(super) blocked: bool,
}

impl std::ops::BitOr for Moved {
    type Output = Self;
    fn bitor(self, other: Self) -> Self {
        Self { any: self.any | other.any, blocked: self.blocked | other.blocked }
    }
}

impl Client {
    pub(super) fn new(stream: TcpStream, now: Time) -> Self {
        Self {
            stream,
            connection: Connection::new(now),
            running: None,
            stream_next: None,
            opened: now,
            answered: false,
            readable: false,
            ended: false,
            shut: false,
        }
    }

    /// Whether it waits for a change, but the client has gone.
    pub(super) fn is_deserted(&self) -> bool {
        self.ended && self.running.as_ref().is_some_and(|running| running.is_waiting())
    }

    /// Whether both sides have ended. Ends the server's side once everything is written.
    pub(super) fn is_done(&mut self) -> bool {
        if !self.connection.is_finished() {
            return false;
        }
        if !self.shut {
            self.shut = true;
            // Further input is discarded until the client ends too, or its time is up.
            return self.ended || self.stream.shutdown(Shutdown::Write).is_err();
        }
        self.ended
    }

    /// Takes a part of an answer.
    pub(super) fn add(&mut self, now: Time, part: Part) {
        (self.running, self.answered) = (None, true);
        if let Some(head) = &part.head {
            self.connection.begin_stream(now, head);
        }
        self.connection.push(now, &part.bytes);
        if part.next.is_none() {
            self.connection.end_stream(now);
        }
        self.stream_next = part.next;
    }

    /// The stream that may go on.
    pub(super) fn take_stream(&mut self) -> Option<Stream> {
        if self.ended {
            self.stream_next = None;
        }
        if self.connection.output().is_empty() { self.stream_next.take() } else { None }
    }

    pub(super) fn write(&mut self, now: Time) -> io::Result<Moved> {
        let mut moved = Moved::default();
        while !self.connection.output().is_empty() {
            match self.stream.write(self.connection.output()) {
                Ok(0) => return Err(io::ErrorKind::WriteZero.into()),
                Ok(count) => {
                    self.connection.wrote(now, count);
                    moved.any = true;
                }
                Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
                Err(error) if error.kind() == io::ErrorKind::WouldBlock => return Ok(Moved { blocked: true, ..moved }),
                Err(error) => return Err(error),
            }
        }
        Ok(moved)
    }

    /// Reads one piece.
    pub(super) fn read(&mut self, now: Time) -> io::Result<Moved> {
        let mut piece = [0; PIECE];
        let room = self.connection.room().min(piece.len());
        if !self.readable || room == 0 {
            return Ok(Moved::default());
        }
        match self.stream.read(&mut piece[..room]) {
            Ok(0) => {
                (self.readable, self.ended) = (false, true);
                self.connection.input_ended();
            }
            Ok(count) => self.connection.receive(now, &piece[..count]),
            Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
            Err(error) if error.kind() == io::ErrorKind::WouldBlock => {
                self.readable = false;
                return Ok(Moved::default());
            }
            Err(error) => return Err(error),
        }
        Ok(Moved { any: true, blocked: false })
    }
}
