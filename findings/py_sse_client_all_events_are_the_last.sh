#!/usr/bin/env bash
# py-sse-client (Python): all events are one object, comments are events, and from servers that write CRLF there is none.
#
# Guess: the function that is given to Client() gets an Event for each event: its name, without the space behind the colon that all
# servers write, or none, and its data, parsed. It can be kept, or given to a queue for another thread.
# Happens: one Event is made for the connection, filled in as lines arrive, and handed over at each empty line. A list of what came
# is the newest event, as often as something came. A name stays until another one comes, so that events without a name
# have the name of one before, and it begins with a space. After a comment or a retry time the same payment is handed over
# again. Data of several lines raises, as each line is parsed alone. An empty line is "\n" and nothing else: with CRLF, which
# some servers write (sse-starlette does), nothing is ever handed over.
# Hurts: whoever sums up payments, once more for each ping; whoever compares event.name with "payment"; programs that look at
# a queue later, where all are equal.
# Way out: copy.copy(event) at once, strip the name, and drop what repeats.
set -euo pipefail
dir=$(mktemp -d)
trap 'rm -rf "$dir"' EXIT
cd "$dir"
python3 -m venv env
env/bin/pip install --quiet --disable-pip-version-check py-sse-client==1.0.1 aiohttp==3.12.15
cat >finding.py <<'PY'
import asyncio
import copy
from importlib.metadata import version

from aiohttp import web
from pysse import Client

print("py-sse-client", version("py-sse-client"))
STREAM = (
    b'event: payment\ndata: {"amount": 1}\n\n: ping\n\ndata: {"height": 9}\n\n'
    b'retry: 1000\n\nevent: payment\ndata: {"amount": 2}\n\n'
)


async def events_of(text):
    """What the client hands over, as it is at once and as it is later."""
    async def stream(request):
        response = web.StreamResponse(headers={"Content-Type": "text/event-stream"})
        await response.prepare(request)
        await response.write(text)
        return response

    app = web.Application()
    app.router.add_get("/", stream)
    runner = web.AppRunner(app)
    await runner.setup()
    await web.TCPSite(runner, "127.0.0.1", 0).start()
    address = "{0}:{1}".format(*runner.addresses[0])
    at_once, kept = [], []

    def keep(event):
        at_once.append((event.name, copy.copy(event.data)))
        kept.append(event)

    try:
        await Client(f"http:/{'/'}{address}/", keep).connect()
    finally:
        await runner.cleanup()
    return at_once, [(event.name, event.data) for event in kept]


at_once, later = asyncio.run(events_of(STREAM))
print("handed over:", at_once)
print("later:      ", later)
assert at_once == [
    (" payment", {"amount": 1}), (" payment", {"amount": 1}), (" payment", {"height": 9}),
    (" payment", {"height": 9}), (" payment", {"amount": 2}),
]
assert later == [(" payment", {"amount": 2})] * 5
assert asyncio.run(events_of(STREAM.replace(b"\n", b"\r\n"))) == ([], [])
try:
    asyncio.run(events_of(b'data: {\ndata: "amount": 1}\n\n'))
    raise AssertionError("data of two lines was read")
except ValueError as error:
    print("data of two lines:", error)
print("as described: three events are five times the last one")
PY
env/bin/python finding.py
