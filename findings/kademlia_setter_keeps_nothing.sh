#!/usr/bin/env bash
# A node of the Python package kademlia that sets a value may keep no copy, even in a network of two.
#
# Guess: a value is stored at the k = 20 nodes nearest to its key. In a network of two, both are among them, so that
# either may leave.
# Happens: set() stores at the *other* nodes it found, and at itself only if it is nearer to the key than the farthest of
# these. With one peer nearer than the setter, set() returns True, one copy exists, and the setter's own get() finds
# nothing once that peer has left. A first node, with no peers yet, stores nothing at all.
# Hurts: small clusters and bootstrap nodes, where the publisher is taken for a holder of what it published.
set -euo pipefail
dir=$(mktemp -d)
trap 'rm -rf "$dir"' EXIT
cd "$dir"
python3 -m venv env
env/bin/pip install -q --disable-pip-version-check kademlia==2.2.3 rpcudp==5.0.1
env/bin/python - <<'PYTHON'
import asyncio, importlib.metadata, logging
from kademlia.network import Server
from kademlia.utils import digest

logging.disable(logging.CRITICAL)
print("kademlia", importlib.metadata.version("kademlia"))
key = digest("price")
near = key[:-1] + bytes([key[-1] ^ 1])
far = bytes(255 - byte for byte in key)

async def copies(setter, other):
    first, second = Server(node_id=setter), Server(node_id=other)
    await first.listen(0, interface="127.0.0.1")
    await second.listen(0, interface="127.0.0.1")
    await second.bootstrap([("127.0.0.1", first.transport.get_extra_info("sockname")[1])])
    done = await first.set("price", 7)
    kept = (done, first.storage.get(key), second.storage.get(key))
    second.stop()
    left = await first.get("price")
    first.stop()
    return *kept, left

async def alone():
    node = Server(node_id=near)
    await node.listen(0, interface="127.0.0.1")
    done = await node.set("price", 7), await node.get("price")
    node.stop()
    return done

farther, nearer, lone = (asyncio.run(run) for run in (copies(far, near), copies(near, far), alone()))
print("setter farther than its peer (set, own copy, peer's copy, get after the peer left):", farther)
print("setter nearer than its peer:", nearer)
print("setter alone (set, get):", lone)
assert farther == (True, None, 7, None), farther
assert nearer == (True, 7, 7, 7), nearer
assert lone == (False, None), lone
print("as described: the setter is not counted among the k nearest")
PYTHON
