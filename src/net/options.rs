//! What the operating system is told about a connection.

use std::{io, net::SocketAddr, sync::Once};

use mio::net::TcpStream;
use socket2::{Domain, SockRef, Socket, Type};

/// Bytes that the kernel holds and has not sent. With less a fast line would wait for the loop; with more, news would wait
/// behind bodies that the loop has given away: a quarter of a second on a line of 2 Mbit/s.
pub(super) const UNSENT_BYTES: u32 = 64 * 1024;

/// Settings without which all works, only slower.
pub(super) fn tune(stream: &TcpStream) {
    // Small answers must not wait for acknowledgements of earlier ones.
    drop(stream.set_nodelay(true));
    if let Err(error) = limit_unsent(stream) {
        static SAID: Once = Once::new();
        SAID.call_once(|| log::info!("the system's buffers decide how long news waits behind blocks error={error}"));
    }
}

#[cfg(any(target_os = "android", target_os = "linux"))]
fn limit_unsent(stream: &TcpStream) -> io::Result<()> {
    SockRef::from(stream).set_tcp_notsent_lowat(UNSENT_BYTES)
}

#[cfg(not(any(target_os = "android", target_os = "linux")))]
fn limit_unsent(_: &TcpStream) -> io::Result<()> {
    Err(io::Error::new(io::ErrorKind::Unsupported, "TCP_NOTSENT_LOWAT cannot be set here"))
}

/// Begins a connection. `segment`: the most bytes in a segment, in both directions.
pub(super) fn connect(address: SocketAddr, segment: Option<u32>) -> io::Result<TcpStream> {
    let Some(segment) = segment else { return TcpStream::connect(address) };
    let socket = Socket::new(Domain::for_address(address), Type::STREAM, None)?;
    socket.set_nonblocking(true)?;
    // Before the connection: the other side is told of it, too.
    socket.set_tcp_mss(segment)?;
    match socket.connect(&address.into()) {
        Err(error) if error.raw_os_error() != Some(rustix::io::Errno::INPROGRESS.raw_os_error()) => Err(error),
        _ => Ok(TcpStream::from_std(socket.into())),
    }
}
