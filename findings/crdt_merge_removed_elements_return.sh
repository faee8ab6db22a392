#!/usr/bin/env bash
# crdt-merge (Python): what was removed from an observed-remove set is back after the next merge, on every replica.
#
# Guess: the module calls its types "mathematically proven", and ORSet "observed-remove": an addition wins against a removal that is
# concurrent with it. A removal by a replica that has seen the addition is a later event, and all replicas lose the element.
# Happens: remove() empties the element's own list of tags and remembers nothing. merge() joins the lists of both sides, so that any
# replica that still has the element brings it back, also to the one that removed it. A removal survives only if all replicas
# make it before they meet. LWWMap remembers deletions, but get() and value disagree: a key that was written again
# after its deletion elsewhere is in value, and None for get(). LWWRegister.merge(a, b) and (b, a) differ if one node wrote twice
# at one time.
# Hurts: lists of members, keys and banned peers: nobody can leave. merge() is commutative and idempotent on such sets, as the
# tests of the laws ask for; they do not ask whether a removal removes.
set -euo pipefail
dir=$(mktemp -d)
trap 'rm -rf "$dir"' EXIT
cd "$dir"
python3 -m venv env
env/bin/pip install -q --disable-pip-version-check crdt-merge==0.11.0
env/bin/python - <<'PYTHON'
import importlib.metadata
from crdt_merge.core import LWWMap, LWWRegister, ORSet

print("crdt-merge", importlib.metadata.version("crdt-merge"))

first = ORSet()
for name in ("alice", "bob"):
    first.add(name)
second = ORSet().merge(first)
assert second.value == {"alice", "bob"}
second.remove("bob")
print("one replica has", sorted(first.value), "the other removed bob:", sorted(second.value))
assert second.value == {"alice"}
merged = [first.merge(second), second.merge(first)]
print("after the merge, in both orders:", [sorted(one.value) for one in merged])
assert all(one.value == {"alice", "bob"} for one in merged)
third = first.merge(second)
third.remove("bob")
print("a third removes bob again:", sorted(third.value), "and meets one of the others:", sorted(third.merge(merged[0]).value))
assert "bob" in third.merge(merged[0]).value

one, other = LWWMap(), LWWMap()
one.set("fee", 1, timestamp=10.0, node_id="one")
other = other.merge(one)
other.delete("fee", timestamp=20.0)
one.set("fee", 2, timestamp=30.0, node_id="one")
both = one.merge(other)
print("deleted at 20, written at 30: value", both.value, "and get()", both.get("fee"))
assert both.value == {"fee": 2} and both.get("fee") is None

a, b = LWWRegister("a", 5.0, "node"), LWWRegister("b", 5.0, "node")
print("two writes of one node at one time:", a.merge(b).value, "or", b.merge(a).value)
assert (a.merge(b).value, b.merge(a).value) == ("a", "b")
print("as described: a removal is undone by the next merge")
PYTHON
