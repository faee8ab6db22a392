#!/usr/bin/env bash
# python3-crdt: equal OR-Sets of two elements are unequal for compare(), and LWW sets are equal once they share one element.
#
# Guess: compare() is "True if payloads of both objects are same, False otherwise", as each of the classes documents. After
# a.merge(b) and b.merge(a) it is True, and before that False. A PNCounter counts up and down.
# Happens: ORSet.compare() demands that each element is equal to each other one, so that a set of two elements or more is not even
# equal to itself; and it looks at what was added only, so that a set from which x was removed equals one that has x.
# LWWElementSet.compare() stops at the first element that both have, and is False for a set from which nothing was removed.
# remove() on an empty ORSet breaks it: each later query raises TypeError. PNCounter("a") makes two PNCounters, and so on,
# until RecursionError. merge() and query() of the sets are right.
# Hurts: replicas that exchange their state until compare() says that they agree: OR-Sets never stop, LWW sets stop at once.
set -euo pipefail
dir=$(mktemp -d)
trap 'rm -rf "$dir"' EXIT
cd "$dir"
python3 -m venv env
env/bin/pip install -q --disable-pip-version-check python3-crdt==1.0.3
env/bin/python - <<'PYTHON'
import importlib.metadata
from py3crdt.gset import GSet
from py3crdt.lww import LWWElementSet
from py3crdt.orset import ORSet
from py3crdt.pncounter import PNCounter

print("python3-crdt", importlib.metadata.version("python3-crdt"))


def orsets(elements):
    """Two replicas that added one element in turn each and then merged both ways."""
    a, b = ORSet("a"), ORSet("b")
    for number, element in enumerate(elements):
        (a, b)[number % 2].add(element, f"tag {number}")
    a.merge(b)
    b.merge(a)
    return a, b


for elements in ("x", "xy", "xyz"):
    a, b = orsets(elements)
    assert a.A == b.A and a.R == b.R and all(a.query(e) and b.query(e) for e in elements)
    print(f"OR-Sets of {len(elements)} after merging: compare {a.compare(b)}, with itself {a.compare(a)}")
    assert a.compare(b) == a.compare(a) == (len(elements) == 1)

a, b = orsets("x")
b.remove("x")
print("one has x:", a.query("x"), "the other has x:", b.query("x"), "compare:", a.compare(b))
assert a.query("x") and not b.query("x") and a.compare(b)

a, b = LWWElementSet("a"), LWWElementSet("b")
a.add("x")
print("an LWW set with itself:", a.compare(a))
assert not a.compare(a)
for element in "yz":
    a.add(element)
b.add("x")
for one in (a, b):
    one.remove("w")
print("LWW sets, y is in", [one.query("y") for one in (a, b)], "compare:", a.compare(b))
assert a.query("y") and not b.query("y") and a.compare(b)

empty = ORSet("a")
empty.remove("x")
try:
    empty.query("x") or empty.add("x", 1) or empty.query("x")
    raise SystemExit("remove() on an empty set leaves it in order")
except TypeError as error:
    print("after remove() on an empty set:", error)
try:
    PNCounter("a")
    raise SystemExit("a PNCounter can be made")
except RecursionError as error:
    print("PNCounter:", type(error).__name__)
same, other = GSet("a"), GSet("b")
for one in (same, other):
    one.add("x"), one.add("y")
assert same.compare(other)
print("as described: compare() says nothing about the sets")
PYTHON
