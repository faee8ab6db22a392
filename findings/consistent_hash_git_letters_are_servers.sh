#!/usr/bin/env bash
# consistent-hash-git (Python): one server, given as text, becomes as many servers as it has letters.
#
# Guess: add_nodes() takes "a list of nodes, a dictionary keyed by node name and valued by weight, or a string specifying a
# single node of weight 1". After add_nodes("10.0.0.4:11211") there is one more server, which gets its share of the keys.
# Happens: the list of servers is extended by the text, which is by its characters: keys belong to the servers "1", "0", "."
# and ":". No error is raised. In a list or a dictionary it is right, and then all keys are where the ketama ring of the package
# uhashring has them, if all weights are 1.
# Hurts: clients of a cache or store to which a server is added as a text: a large part of the keys goes to hosts that do not
# exist, or that do: "1" is a valid address, 0.0.0.1.
# Way out: add_nodes(["10.0.0.4:11211"]).
# (The package consistent-hash of the same author, older, documents the same and imports with Python 2 only.)
set -euo pipefail
dir=$(mktemp -d)
trap 'rm -rf "$dir"' EXIT
cd "$dir"
python3 -m venv env
env/bin/pip install -q --disable-pip-version-check consistent-hash-git==0.3 uhashring==2.5
env/bin/python -W ignore - <<'PYTHON'
import importlib.metadata
from collections import Counter
from consistent_hash.consistent_hash import ConsistentHash
from uhashring import HashRing

for name in ("consistent-hash-git", "uhashring"):
    print(name, importlib.metadata.version(name))
keys = [f"key {number}" for number in range(4000)]
servers = ["10.0.0.1:11211", "10.0.0.2:11211", "10.0.0.3:11211"]
added = "10.0.0.4:11211"


def spread(*more):
    """How many keys belong to each server, with others added."""
    ring = ConsistentHash(servers)
    for one in more:
        ring.add_nodes(one)
    return Counter(ring.get_node(key) for key in keys), ring


text, ring = spread(added)
print("a server added as text:", dict(text.most_common()))
assert ring.nodes == servers + list(added)
assert added not in text and set(text) <= set(servers) | set(added)
strange = sum(count for server, count in text.items() if server not in servers)
print(f"{strange} of {len(keys)} keys belong to servers of one letter")
assert strange > len(keys) / 2

listed, ring = spread([added])
print("the same in a list:", dict(listed.most_common()))
assert set(listed) == {*servers, added} and min(listed.values()) > len(keys) / 8
ketama = HashRing([*servers, added], hash_fn="ketama")
assert all(ring.get_node(key) == ketama.get_node(key) for key in keys)
alone = ConsistentHash(added)
print("a ring of one server given as text:", "".join(alone.nodes), "has", len(alone.nodes), "servers")
assert alone.get_nodes_cnt() == len(added)
print("as described: each letter is a server")
PYTHON
