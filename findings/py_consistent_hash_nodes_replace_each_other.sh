#!/usr/bin/env bash
# py-consistent-hash (Python): nodes take each other's place: of 200 that were added 188 are in the ring, and 151 are used.
#
# Guess: add_node() adds a node to a ring "to efficiently distribute data among multiple nodes while minimizing reorganization", and raises
# ValueError for one that is there already. With 200 nodes each gets something like half a percent of the keys.
# Happens: the ring has 1,024 places, and a node is kept by its place. Another node with the same place replaces it without a word; the
# test for a node that is there looks for its name among the places, and never finds it. Of 200 nodes twelve are gone, and many of the
# others have their place right behind another one: no key goes to them. A key whose place is just that of a node goes to the last node
# of the ring instead. The keys behind the last node go to the last one too, not on to the first: a new last node takes them all.
# Hurts: clusters that grow: machines without any load, and what was on a node that was replaced is looked for at another; no error, and
# right for the three nodes of the example.
# Way out: ConsistentHashingImpl(max_hash=2**128).
set -euo pipefail
dir=$(mktemp -d)
trap 'rm -rf "$dir"' EXIT
cd "$dir"
python3 -m venv env
env/bin/pip install -q --disable-pip-version-check py-consistent-hash==1.0.1
env/bin/python - <<'PYTHON'
import importlib.metadata
import logging

from impl.consistent_hashing import ConsistentHashingImpl

logging.disable()
print("py-consistent-hash", importlib.metadata.version("py-consistent-hash"))
lost, unused = {}, {}
for count in (3, 200, 500):
    ring = ConsistentHashingImpl()
    for number in range(count):
        ring.add_node(f"node{number}")
    used = {ring.get_node_for_data(f"key{number}") for number in range(50_000)}
    lost[count] = count - len(ring.node_hash_map)
    unused[count] = count - len(used)
    print(f"{count} nodes added: {len(ring.node_hash_map)} in the ring, {len(used)} with keys")
    assert used <= set(ring.node_hash_map.values())
assert lost[3] == unused[3] == 0 and lost[200] == 12 and unused[200] == 49 and lost[500] > 50

ring = ConsistentHashingImpl()
for number in range(3):
    ring.add_node(f"node{number}")
ring.add_node("node1")  # no ValueError
places = {node: place for place, node in ring.node_hash_map.items()}
last = list(ring.node_hash_map.values())[-1]
print("places:", places)
for node in places:
    print(f"a key with the name of {node}, and so its place, goes to {ring.get_node_for_data(node)}")
    assert ring.get_node_for_data(node) == last
wide = ConsistentHashingImpl(max_hash=2**128)
for number in range(200):
    wide.add_node(f"node{number}")
assert len(wide.node_hash_map) == 200
print("as described: 1,024 places, each for the last that came")
PYTHON
