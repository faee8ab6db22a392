#!/usr/bin/env bash
# socks-client (Python): with asyncio, whatever a proxy answers but "granted" is an AttributeError.
#
# Guess: what the proxy says (connection refused, host unreachable: RFC 1928, section 6) is raised as a ProxyError of the package with that reason, as
# its other half, for blocking sockets (tcp_sync), does.
# Happens: socks_client.tcp_async forms the message from self.reply, which nobody has set: each refusal is AttributeError, "object has no attribute
# 'reply'", for SOCKS4 as well. The reason of the proxy is nowhere. Refused methods of authentication are "exceptions must derive from
# BaseException", since a text is raised. A proxy given by its name ("localhost") is a ValueError: only addresses are taken.
# Hurts: nodes that dial peers through Tor, where most peers are offline: "except ProxyError" does not catch it, so that the task that dials
# ends, and "host unreachable" (try later) cannot be told from "not allowed" (never).
# Way out: except AttributeError and TypeError too; or python-socks, which says the reason.
set -euo pipefail
dir=$(mktemp -d)
trap 'rm -rf "$dir"' EXIT
cd "$dir"
python3 -m venv env
env/bin/pip install -q --disable-pip-version-check socks-client==2.0.1
cat >finding.py <<'PY'
import asyncio
import socket
import threading
from importlib.metadata import version

from socks_client.tcp_async import SOCKS4, SOCKS5, ProxyError
from socks_client.tcp_async import socksocket as waiting
from socks_client.tcp_sync import socksocket as blocking

print("socks-client", version("socks-client"))


def proxy(*answers):
    """A proxy that gives these answers to the messages of one client; its port."""
    server = socket.create_server(("127.0.0.1", 0))

    def serve():
        with server, server.accept()[0] as client:
            client.settimeout(10)
            for answer in answers:
                client.recv(1024)
                client.sendall(answer)

    threading.Thread(target=serve, daemon=True).start()
    return server.getsockname()[1]


def said_to_blocking(kind, *answers):
    with blocking() as one:
        one.set_proxy(kind, "127.0.0.1", proxy(*answers))
        one.settimeout(10)
        try:
            one.connect(("192.0.2.1", 4130))
        except ProxyError as error:
            return type(error).__name__, str(error)


def said_to_waiting(kind, *answers):
    async def connect():
        one = waiting(kind, "127.0.0.1", proxy(*answers), rdns=True)
        await one.connect("192.0.2.1", 4130)

    try:
        asyncio.run(asyncio.wait_for(connect(), 10))
    except Exception as error:
        assert not isinstance(error, ProxyError)
        return type(error).__name__, str(error)


refused = b"\x05\x05\x00\x01" + bytes(6)
cases = {
    "connection refused": (SOCKS5, b"\x05\x00", refused),
    "host unreachable": (SOCKS5, b"\x05\x00", b"\x05\x04" + refused[2:]),
    "SOCKS4, rejected": (SOCKS4, b"\x00\x5b" + bytes(6)),
    "all offered": (SOCKS5, b"\x05\xff"),
}
for case, answers in cases.items():
    one, other = said_to_blocking(*answers), said_to_waiting(*answers)
    print(f"{case}: {one}, with asyncio {other}")
    assert one[0] == "GeneralProxyError" and case.split(", ")[-1] in one[1].lower()
    assert other[0] == ("TypeError" if case == "all offered" else "AttributeError")
print("as described: the reason is lost")
PY
env/bin/python finding.py
