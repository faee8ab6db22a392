//! One socket: moves bytes between the operating system and the endpoint's link.

use std::{
    io::{self, ErrorKind, IoSlice, Read as _, Write as _},
    net::Shutdown,
    sync::Arc,
};

use mio::net::TcpStream;

use crate::{
    base::{ids::LinkId, time::Time},
    link::{Endpoint, EventSink},
    net::{line::Line, traffic::LinkTraffic},
    node::DialFailure,
};

/// All links of the node.
pub(super) type Links = Endpoint<Box<dyn EventSink + Send>>;

/// Chunks in one vectored write: eight large frames.
const WRITE_CHUNKS: usize = 16;

/// The socket of a link, or of an attempt to connect.
pub(super) struct Socket {
    id: LinkId,
    stream: TcpStream,
    /// The connection does not stand yet.
    pub(super) connecting: bool,
    /// There may be something to read, or room to write; true until the socket says otherwise (edge-triggered).
    readable: bool,
    writable: bool,
    /// Our direction has ended.
    shut: bool,
    traffic: Arc<LinkTraffic>,
}

impl Socket {
    pub(super) fn new(id: LinkId, stream: TcpStream, connecting: bool, traffic: Arc<LinkTraffic>) -> Self {
        Self { id, stream, connecting, readable: true, writable: true, shut: false, traffic }
    }

    /// The operating system has news.
    pub(super) fn event(&mut self, readable: bool, writable: bool) {
        self.readable |= readable;
        self.writable |= writable;
    }

    /// Whether the connection stands. An error is the end of the attempt.
    pub(super) fn has_connected(&self) -> Result<bool, DialFailure> {
        match self.stream.take_error() {
            Ok(None) => match (self.stream.peer_addr(), self.stream.local_addr()) {
                // Dialling a free local port can, by TCP's simultaneous opening, reach the dialling socket itself.
                (Ok(remote), Ok(local)) if remote == local => Err("connected to itself".into()),
                (Ok(_), _) => Ok(true),
                (Err(error), _) if error.kind() == ErrorKind::NotConnected => Ok(false),
                (Err(error), _) => Err((&error).into()),
            },
            Ok(Some(error)) | Err(error) => Err((&error).into()),
        }
    }

    /// Moves bytes in both directions until the link or the socket has had enough.
    pub(super) fn turn(&mut self, now: Time, links: &mut Links, line: Option<&mut Line>, scratch: &mut [u8]) {
        let written = match line {
            Some(line) => self.write_to_line(now, links, line),
            None => self.write(now, links),
        };
        // Even if nothing can be written any more: what the peer said last may still be there to be read.
        self.read(now, links, scratch);
        if let Err(error) = written {
            links.disconnected(now, self.id, &error);
        }
    }

    fn write(&mut self, now: Time, links: &mut Links) -> io::Result<()> {
        while self.writable {
            let mut chunks = [IoSlice::new(&[]); WRITE_CHUNKS];
            let mut count = 0;
            for (slot, chunk) in chunks.iter_mut().zip(links.transmit(self.id, WRITE_CHUNKS)) {
                *slot = IoSlice::new(chunk);
                count += 1;
            }
            if count == 0 {
                break;
            }
            match self.stream.write_vectored(&chunks[..count]) {
                Ok(0) => return Err(io::Error::other("the socket takes nothing")),
                Ok(written) => {
                    links.sent(self.id, written);
                    self.traffic.sent(written);
                }
                Err(error) if error.kind() == ErrorKind::Interrupted => {}
                Err(error) if error.kind() == ErrorKind::WouldBlock => {
                    self.writable = false;
                    links.blocked(now, self.id);
                }
                Err(error) => return Err(error),
            }
        }
        self.shut_down(links.has_finished(self.id))
    }

    /// The same over an emulated line, whose other end is the socket.
    fn write_to_line(&mut self, now: Time, links: &mut Links, line: &mut Line) -> io::Result<()> {
        if self.writable {
            self.writable = line.deliver(now, self.id, &mut self.stream)?;
        }
        loop {
            let taken = line.take(self.id, links.transmit(self.id, WRITE_CHUNKS));
            if taken == 0 {
                break;
            }
            links.sent(self.id, taken);
            self.traffic.sent(taken);
        }
        if line.is_full(self.id) {
            links.blocked(now, self.id);
        }
        self.shut_down(links.has_finished(self.id) && line.is_empty(self.id))
    }

    fn shut_down(&mut self, has_finished: bool) -> io::Result<()> {
        if has_finished && !self.shut {
            self.shut = true;
            self.stream.shutdown(Shutdown::Write)?;
        }
        Ok(())
    }

    fn read(&mut self, now: Time, links: &mut Links, scratch: &mut [u8]) {
        loop {
            let wanted = links.wants(now, self.id).min(scratch.len());
            if wanted == 0 || !self.readable {
                return;
            }
            match self.stream.read(&mut scratch[..wanted]) {
                Ok(0) => return links.disconnected(now, self.id, "closed by the other side"),
                Ok(got) => {
                    self.traffic.received(got);
                    links.received(now, self.id, &scratch[..got]);
                }
                Err(error) if error.kind() == ErrorKind::Interrupted => {}
                Err(error) if error.kind() == ErrorKind::WouldBlock => self.readable = false,
                Err(error) => return links.disconnected(now, self.id, &error),
            }
        }
    }
}
