#!/usr/bin/env bash
# aio-btdht (Python): a node is entered again with each message of it, until the eight nodes of an answer are the same one or two.
#
# Guess: RoutingTable.add(id, addr) notes that the node was seen: a node that is there is renewed, a new one is entered as long as its
# bucket has fewer than eight. table[target] gives the eight nodes closest to the target.
# Happens: the buckets keep Node objects as keys of a dict, and Node has neither __eq__ nor __hash__, so that none is ever found. Each
# query of a known node enters it once more. Eight entries fill a bucket, which is split, over and over, until the ids of one bucket
# leave no more room to split: hundreds of buckets instead of four. When two of 20 neighbours have sent four messages, find_node and get_peers answer with
# these two, four times each. No entry is renewed, so that after a quarter of an hour a node that talks all the time is taken for silent.
# Hurts: every node of the Mainline DHT built on it: its lookups go to one or two peers instead of eight, it tells others so, and its
# memory grows. Each test with one message a node passes.
set -euo pipefail
dir=$(mktemp -d)
trap 'rm -rf "$dir"' EXIT
cd "$dir"
python3 -m venv env
env/bin/pip install -q --disable-pip-version-check aio-btdht==0.0.9 setuptools==69.5.1
env/bin/python -W ignore - <<'PYTHON'
import hashlib
import importlib.metadata

from aiobtdht.routing_table import RoutingTable

TARGET = 2**159


def identity(text):
    return int.from_bytes(hashlib.sha1(text.encode()).digest(), "big")


print("aio-btdht", importlib.metadata.version("aio-btdht"))


def closest(messages):
    """The table, its answer and the right one: of 20 neighbours the two closest to the target send so many messages each."""
    table = RoutingTable(identity("own"))
    nodes = sorted(((identity(f"node {number}"), (f"10.0.0.{number}", 6881)) for number in range(20)), key=lambda node: node[0] ^ TARGET)
    for node in nodes[:2] * messages + nodes[2:]:
        table.add(*node)
    return table, table[TARGET], nodes[:8]


for messages in (1, 2, 4, 20):
    table, found, expected = closest(messages)
    print(f"two of 20 nodes sent {messages} message(s) each: {len(set(found))} different nodes in the answer (right: {len(set(expected))}), "
          f"{len(table._buckets)} buckets")
    assert len(found) == len(expected) == 8
    if messages == 1:
        assert found == expected and len(table._buckets) < 10
    elif messages == 2:
        assert len(set(found)) == 6
    else:
        assert len(set(found)) <= 2
    if messages == 20:
        assert len(table._buckets) > 100
print("as described: who talks fills the answer")
PYTHON
