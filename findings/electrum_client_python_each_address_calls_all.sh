#!/usr/bin/env bash
# electrum-client (Python): ten addresses watched with one function call it ten times for each change.
#
# Guess: subscribe_scripthash(scripthash, callback) watches this scripthash: the function is called when its status changes, once.
# Happens: functions are kept in one list for all scripthashes. A change of any of them calls each function of the list, those of other
# scripthashes too, and a function that was given for ten stands there ten times. unsubscribe_scripthash takes one of them out,
# the first, whichever it was for. The package's own trackers compare the scripthash in the notification; its page does not
# say that one has to.
# Hurts: shops: a deposit is looked up and booked once for each address that is watched, or on the customer's account whose function was
# called first. With one address, as in tests, all is well.
# Way out: one function, registered once with client.on("blockchain.scripthash.subscribe", ...), and subscriptions without one.
set -euo pipefail
dir=$(mktemp -d)
trap 'rm -rf "$dir"' EXIT
cd "$dir"
python3 -m venv env
env/bin/pip install -q --disable-pip-version-check electrum-client==0.1.0
cat >try.py <<'PYTHON'
import asyncio
import importlib.metadata
import json
import logging

from electrum_client import ElectrumClient
from loguru import logger

logger.remove()
logging.disable(logging.CRITICAL)
print("electrum-client", importlib.metadata.version("electrum-client"))
writers = []


async def serve(reader, writer):  # answers as an Electrum server does
    writers.append(writer)
    while line := await reader.readline():
        call = json.loads(line)
        result = ["server", "1.4"] if call["method"] == "server.version" else call["method"].endswith("unsubscribe") or None
        writer.write(json.dumps({"jsonrpc": "2.0", "id": call["id"], "result": result}).encode() + b"\n")


async def changed(scripthash):
    note = {"jsonrpc": "2.0", "method": "blockchain.scripthash.subscribe", "params": [scripthash, "cd" * 32]}
    writers[0].write(json.dumps(note).encode() + b"\n")
    await asyncio.sleep(0.2)


async def main():
    server = await asyncio.start_server(serve, "127.0.0.1", 0)
    port = server.sockets[0].getsockname()[1]
    async with ElectrumClient(f"tcp://127.0.0.1:{port}", ping_interval=0) as client:
        hashes = [f"{n:064x}" for n in range(10)]
        calls = []
        for scripthash in hashes:
            await client.subscribe_scripthash(scripthash, calls.append)
        await changed(hashes[3])
        print("one change, one function given for ten:", len(calls), "calls")
        assert calls == [[hashes[3], "cd" * 32]] * 10
        for scripthash in hashes:
            await client.unsubscribe_scripthash(scripthash, calls.append)
        calls.clear()

        alice, bob = [], []
        hear_alice, hear_bob = alice.append, bob.append
        await client.subscribe_scripthash(hashes[0], hear_alice)
        await client.subscribe_scripthash(hashes[1], hear_bob)
        await changed(hashes[0])
        print("a change of Alice's: her function was called", len(alice), "times, Bob's", len(bob))
        assert len(alice) == len(bob) == 1 and bob[0][0] == hashes[0]
    server.close()
    print("as described: each change calls all")


asyncio.run(asyncio.wait_for(main(), 60))
PYTHON
env/bin/python try.py
