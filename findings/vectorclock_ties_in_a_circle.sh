#!/usr/bin/env bash
# vectorclock (Python): with tiebreak=True, three clocks may each come before the next, in a circle.
#
# Guess: compare(other, tiebreak=True) makes a total order of the partial one, as its text says: "we pick an order
# (deterministically)". Replicas that keep the greatest clock of what they have seen agree, in whatever order it arrives.
# Happens: ties are broken by the text of the clocks, in which 10 comes before 5 and 5 before 9. That contradicts the order of
# cause and effect: {a: 9, b: 10} precedes {a: 10, b: 10}, whose text is less than that of {a: 5, c: 10}, whose text is less
# than that of the first. No clock is the greatest, and what sorted() returns depends on the order of its input.
# Hurts: stores in which the last write wins: two replicas that saw the same three writes keep different values for ever.
# With counters below ten nothing happens.
set -euo pipefail
dir=$(mktemp -d)
trap 'rm -rf "$dir"' EXIT
cd "$dir"
python3 -m venv env
env/bin/pip install -q --disable-pip-version-check vectorclock==0.5.3
env/bin/python - <<'PYTHON'
import functools
import importlib.metadata
import itertools
from vectorclock.vectorclock import VectorClock

print("vectorclock", importlib.metadata.version("vectorclock"))

def winners(clocks):
    """What replicas keep that see the clocks in each order."""
    later = lambda one, other: one if one.compare(other, tiebreak=True) > 0 else other
    return {str(functools.reduce(later, order)) for order in itertools.permutations(clocks)}

small = [VectorClock(clock) for clock in ({"a": 8, "b": 9}, {"a": 9, "b": 9}, {"a": 5, "c": 9})]
print("counters below ten: replicas keep", winners(small))
assert len(winners(small)) == 1

clocks = [VectorClock(clock) for clock in ({"a": 9, "b": 10}, {"a": 10, "b": 10}, {"a": 5, "c": 10})]
for one, other in zip(clocks, clocks[1:] + clocks[:1]):
    result = one.compare(other, tiebreak=True)
    print(f"{one} compared with {other}: {result}")
    assert result == -1
assert clocks[0] < clocks[1], "these two are cause and effect"
kept = winners(clocks)
print("replicas keep", kept)
assert kept == {str(clock) for clock in clocks}
print("as described: the order is a circle")
PYTHON
