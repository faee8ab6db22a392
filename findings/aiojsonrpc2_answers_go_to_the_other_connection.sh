#!/usr/bin/env bash
# aiojsonrpc2 (Python): with two connections, the answer of one server is the result of a question to the other.
#
# Guess: each connection waits for the answers to its own requests. A method that returns None succeeds with null. rpc_batch() sends
# several requests at once.
# Happens: the table of requests that wait is one for the whole class, and each connection numbers its own from 1. Two nodes that are
# asked at the same time share number 1: the second question takes the place of the first one, and gets whichever answer comes
# first; the other caller gets none. A result of null is not known as an answer: it is taken for a request, answered with
# "Method not found", and the caller, whose method did its work, waits on. rpc_batch() raises TypeError, as requests and
# futures are one list.
# Hurts: programs that ask several nodes, or servers that call their clients: with one connection at a time all is right, then balances
# and heights of the wrong node come back as successes.
# Way out: connection.result_futures = {} after each connect(); methods that return True.
set -euo pipefail
dir=$(mktemp -d)
trap 'rm -rf "$dir"' EXIT
cd "$dir"
python3 -m venv env
env/bin/pip install --quiet --disable-pip-version-check aiojsonrpc2==1.0.0
cat >finding.py <<'PY'
import asyncio
import os
import sys
import traceback
from importlib.metadata import version

from aiojsonrpc2 import ClientProtocol, ServerProtocol

print("aiojsonrpc2", version("aiojsonrpc2"))


class Node(ServerProtocol):
    def __init__(self, name, delay):
        super().__init__([{"host": "127.0.0.1", "port": 0}])
        self.name, self.delay, self.servers, self.clients = name, delay, [], {}

    async def handle_name(self, connection, params, **kwargs):
        await asyncio.sleep(self.delay)
        return self.name

    async def handle_stop(self, connection, params, **kwargs):
        return None


async def connected(name, delay):
    node = Node(name, delay)
    await node.start_listening()
    client = ClientProtocol({"host": "127.0.0.1", "port": node.servers[0].sockets[0].getsockname()[1]})
    await client.connect()
    return client.connection


async def both(one, two):
    first = asyncio.ensure_future(one.rpc("name"))
    await asyncio.sleep(0.1)
    second = asyncio.ensure_future(two.rpc("name"))
    await asyncio.wait([first, second], timeout=4)
    return [question.result().data if question.done() else "no answer" for question in (first, second)]


async def main():
    one, two = await connected("one", 0.5), await connected("two", 1.5)
    assert [(await one.rpc("name")).data, (await two.rpc("name")).data] == ["one", "two"]
    names = await both(one, two)
    print("asked one after the other: one, two; at the same time:", names)
    assert names == ["no answer", "one"]

    one.result_futures, two.result_futures = {}, {}
    assert await both(one, two) == ["one", "two"]
    print("with tables of their own: one, two")

    try:
        raise AssertionError(await one.rpc("stop", timeout=2))
    except asyncio.TimeoutError:
        print("a method that returns None: no answer")
    try:
        await one.rpc_batch([("name", None, False)])
        raise AssertionError("it was sent")
    except TypeError as error:
        print("rpc_batch() raises", repr(error))
    print("as described: one table for all connections")


async def guarded():
    status = 0
    try:
        await main()
    except BaseException:
        traceback.print_exc()
        status = 1
    sys.stdout.flush()
    os._exit(status)  # whatever still listens


asyncio.run(guarded())
PY
env/bin/python finding.py
