#!/usr/bin/env bash
# Linux: after shutdown(SHUT_RD) a TCP socket gives the end of the stream, and then data again.
#
# Guess: "further receptions will be disallowed", says the manual page, and Python's documentation likewise. Reads give the end
# from then on; what the peer sends is dropped or answered with a reset.
# Happens: nothing is dropped and the peer is told nothing. A read gives the end as long as there is nothing to read, and data
# whenever some has come, any number of times in turn. A reader that does not read lets the peer fill the window and wait,
# as if the link were slow.
# Hurts: servers with a thread for each link, which shut the reading half down to wake the reader and then let the writer
# finish: a reader that was about to begin a read takes one more message, which a state that was closed must bear; and a peer
# that is no longer heard is not refused, but waits for ever with what it sends.
# Way out: a flag that the reader looks at after each read; SHUT_RDWR or close() where the peer shall notice.
set -euo pipefail
python3 - <<'PYTHON'
import os, select, socket, time

print("Linux", os.uname().release)
with socket.create_server(("127.0.0.1", 0)) as server:
    peer = socket.create_connection(server.getsockname())
    reader, _ = server.accept()

def arrive(data):
    """Sends, and waits until the data lies in the reader's buffer; poll cannot tell, as it always sees the end."""
    peer.sendall(data)
    late = time.monotonic() + 10
    while reader.recv(len(data), socket.MSG_PEEK) != data:
        assert time.monotonic() < late, "the data were dropped"

reader.shutdown(socket.SHUT_RD)
seen = []
for message in (b"one", b"two"):
    seen.append(reader.recv(100))
    arrive(message)
    seen.append(reader.recv(100))
seen.append(reader.recv(100))
print("reads after SHUT_RD:", seen)
assert seen == [b"", b"one", b"", b"two", b""]

peer.setblocking(False)
sent = 0
try:
    while sent < 2**30:
        sent += peer.send(bytes(2**16))
except BlockingIOError:
    pass
state = select.poll()
state.register(peer, select.POLLIN | select.POLLRDHUP)
events = state.poll(0)
print(f"the peer could send {sent} bytes more, then its socket was full; events at the peer: {events}")
assert 0 < sent < 2**30 and events == []
print("as described: the end is not the end, and the peer waits")
PYTHON
