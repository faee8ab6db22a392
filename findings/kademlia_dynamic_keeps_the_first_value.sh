#!/usr/bin/env bash
# kademlia-dynamic (Python): a key that is set again keeps its first value at all nodes but the one that set it.
#
# Guess: set(key, value) stores the value at the nodes closest to the key, and set again, everybody finds the newer one, at the
# latest when the publisher stores it once more, which it does each day.
# Happens: before it stores, a node asks each of the closest whether it has the key, and leaves out those that do. The second
# value stays with its publisher. All others find the first one, and storing each day, and each hour by the others, asks the
# same question. The publisher does not see it, as its own get() answers from its own store.
# Hurts: addresses of peers, heads of logs, feeds: whoever changed an entry sees it changed, and nobody else does.
# Way out: a new key for each value.
set -euo pipefail
dir=$(mktemp -d)
trap 'rm -rf "$dir"' EXIT
cd "$dir"
python3 -m venv env
env/bin/pip install -q --disable-pip-version-check kademlia-dynamic==1.1.1
env/bin/python - <<'PYTHON'
import asyncio
import importlib.metadata

from kademlia_dynamic import KademliaServer

print("kademlia-dynamic", importlib.metadata.version("kademlia-dynamic"))


async def network(size, **settings):
    nodes = [KademliaServer(**settings) for _ in range(size)]
    for node in nodes:
        await node.listen(0)
    for node in nodes[1:]:
        await node.bootstrap([("127.0.0.1", nodes[0].own_peer.port)])
    return nodes


def held(nodes, key):
    entries = [node.data_store.get(key) for node in nodes]
    return [entry.value if entry and not entry.is_expired() else None for entry in entries]


async def main():
    # A day takes half a second, and so does an hour.
    nodes = await network(6, original_publisher_republish_interval=0.5, non_publisher_restore_interval=0.5)
    publisher, reader = nodes[2], nodes[5]
    rounds = -2

    async def store_again(key, value, store=publisher.set):
        nonlocal rounds
        rounds += 1
        await store(key, value)

    publisher.set = store_again
    await publisher.set("address", "old")
    first = await reader.get("address")
    await publisher.set("address", "new")
    second = [await node.get("address") for node in nodes]
    print("set to old: a reader gets", first)
    print("set to new: the six nodes get", second)
    assert first == "old"
    assert second == ["old", "old", "new", "old", "old", "old"]
    await asyncio.sleep(4)
    third = [await node.get("address") for node in nodes]
    print(f"after {rounds} times of storing again: {third}")
    assert rounds >= 4 and third == second
    await publisher.set("another address", "new")
    assert [await node.get("another address") for node in nodes] == ["new"] * 6
    for node in nodes:
        node.stop()


asyncio.run(main())
print("as described: the first value stays")
PYTHON
