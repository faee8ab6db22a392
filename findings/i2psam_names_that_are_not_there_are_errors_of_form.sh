#!/usr/bin/env bash
# i2psam (Python): refusals of the I2P router "could not be parsed", no datagram can be sent, and a peer that hangs up is a failed connection.
#
# Guess: a reply with another result than OK is an object whose is_ok is False (its class has that property and lists KEY_NOT_FOUND), as SAM 3
# replies to NAMING LOOKUP with a result and no value. create_datagram() opens a datagram session. The end of a stream is raised where it is read.
# Happens: VALUE is required in each NAMING REPLY: a name that is not known is SAMError, "could not parse reply ... Field required". HOST of a session
# must be an integer, and create_datagram() gives "127.0.0.1": it raises ValidationError each time. SIGNATURE_TYPE given to session() is
# TypeError, as it is passed on twice. If the peer closes a stream, the error that read() raises goes to the loop that retries connections:
# with retries (3 by default) it begins once more and ends as RuntimeError, "generator didn't stop after athrow()".
# Hurts: nodes that reach their peers over I2P: unknown names look like a broken router, and each stream that ends looks like a fault of the program.
# Way out: except SAMError with "KEY_NOT_FOUND" in its text; connection_retries=0; raw_request() for the rest.
set -euo pipefail
dir=$(mktemp -d)
trap 'rm -rf "$dir"' EXIT
cd "$dir"
python3 -m venv env
env/bin/pip install -q --disable-pip-version-check i2psam==1.0.0 pydantic==2.14.4
cat >finding.py <<'PY'
import asyncio
from importlib.metadata import version

from i2psam import SAMClient, SAMConfig

print("i2psam", version("i2psam"))
REPLIES = {
    "HELLO": "HELLO REPLY RESULT=OK VERSION=3.1",
    "NAMING LOOKUP NAME=known": "NAMING REPLY RESULT=OK NAME=known.i2p VALUE=AAAA",
    "NAMING LOOKUP NAME=lost": "NAMING REPLY RESULT=KEY_NOT_FOUND NAME=lost.i2p",
    "SESSION CREATE": "SESSION STATUS RESULT=OK DESTINATION=BBBB",
    "STREAM CONNECT": "STREAM STATUS RESULT=OK",
}


async def serve(reader, writer):
    """A router's SAM bridge; the peers at the other end of its streams say hello and hang up."""
    while line := (await reader.readline()).decode():
        writer.write(next(reply for begin, reply in REPLIES.items() if line.startswith(begin)).encode() + b"\n")
        if line.startswith("STREAM"):
            writer.write(b"hello\n")
            break
    writer.close()


async def stream(client):
    async with client.session("one", "TRANSIENT") as session, session.connect_stream("peer") as peer:
        print("the peer says", await peer.read_line())
        await peer.read_line()


async def datagram(client):
    async with client.session("two", "TRANSIENT") as session, session.create_datagram():
        pass


async def signature(client):
    async with client.session("three", "TRANSIENT", SIGNATURE_TYPE=7):
        pass


async def main():
    server = await asyncio.start_server(serve, "127.0.0.1", 0)
    client = SAMClient(SAMConfig(port=server.sockets[0].getsockname()[1]))
    known = await client.naming_lookup("known.i2p")
    print("a known name:", known.value, known.is_ok)
    assert known.is_ok and known.value == "AAAA"
    cases = {
        "a name that is not known": (client.naming_lookup("lost.i2p"), "SAMError", "Field required"),
        "a datagram": (datagram(client), "ValidationError", "valid integer"),
        "a signature type": (signature(client), "TypeError", "multiple values"),
        "a peer that hangs up": (stream(client), "RuntimeError", "didn't stop after athrow"),
    }
    for case, (action, kind, text) in cases.items():
        try:
            raise AssertionError(await asyncio.wait_for(action, 10))
        except Exception as error:
            print(f"{case}: {type(error).__name__}, {' '.join(str(error).split())[:150]}")
            assert type(error).__name__ == kind and text in str(error)


asyncio.run(main())
print("as described: refusals are errors of form")
PY
env/bin/python finding.py 2>/dev/null
