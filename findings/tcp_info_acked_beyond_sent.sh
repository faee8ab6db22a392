#!/usr/bin/env bash
# Linux: TCP_INFO says that more bytes were acknowledged than sent.
#
# Guess: tcpi_bytes_sent, tcpi_bytes_acked, tcpi_bytes_received and tcpi_bytes_retrans count bytes of the stream. What is on its
# way is sent - retrans - acked, which is never negative, and one side's received is at most the other side's sent.
# Happens: acked and received are advances of the sequence number, in which SYN and FIN take a place each; sent counts data
# only. The side that connected has one acknowledged byte before it has sent any, and two more than it sent after it has
# closed its half. The side that accepted does not count its SYN. A reader of 1,000 bytes and the end has received 1,001.
# Hurts: monitors and rate estimators that subtract the counters without sign: an idle link has 18 exabytes in flight, and two
# ends of one link never agree on the bytes that they exchanged, by an amount that depends on who called and who closed.
# (Needs Linux 4.19 or newer, for tcpi_bytes_sent.)
set -euo pipefail
python3 - <<'PYTHON'
import os, socket, struct, time

print("Linux", os.uname().release)

def info(link):
    """The four counters, by their places in struct tcp_info, which only grows at its end."""
    raw = link.getsockopt(socket.IPPROTO_TCP, socket.TCP_INFO, 232)
    assert len(raw) >= 216, "the kernel has no tcpi_bytes_sent"
    acked, received = struct.unpack_from("=QQ", raw, 120)
    sent, again = struct.unpack_from("=QQ", raw, 200)
    return {"sent": sent, "acked": acked, "received": received, "on its way": (sent - again - acked) % 2**64}

def wait(what, link, wanted):
    """Acknowledgements may be late: waits until the counters are as wanted, ten seconds at most."""
    end = time.monotonic() + 10
    while (now := info(link)) != wanted and time.monotonic() < end:
        time.sleep(0.01)
    print(f"{what}: {now}")
    assert now == wanted

with socket.create_server(("127.0.0.1", 0)) as server:
    caller = socket.create_connection(server.getsockname())
    callee, _ = server.accept()
wait("connected,   caller", caller, {"sent": 0, "acked": 1, "received": 0, "on its way": 2**64 - 1})
wait("             callee", callee, {"sent": 0, "acked": 0, "received": 0, "on its way": 0})
caller.sendall(bytes(1000))
assert len(callee.recv(1000, socket.MSG_WAITALL)) == 1000
wait("1,000 bytes, caller", caller, {"sent": 1000, "acked": 1001, "received": 0, "on its way": 2**64 - 1})
wait("             callee", callee, {"sent": 0, "acked": 0, "received": 1000, "on its way": 0})
caller.shutdown(socket.SHUT_WR)
assert callee.recv(1) == b""
wait("end,         caller", caller, {"sent": 1000, "acked": 1002, "received": 0, "on its way": 2**64 - 2})
wait("             callee", callee, {"sent": 0, "acked": 0, "received": 1001, "on its way": 0})
print("as described: SYN and FIN are bytes for some of the counters")
PYTHON
