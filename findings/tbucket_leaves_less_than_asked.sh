#!/usr/bin/env bash
# tbucket (Python): with leave=5 it takes eight of ten tokens, and two are left.
#
# Guess: try_consume(n, leave=m) does what its documentation says: "Only succeed if we would have this many tokens left over, after n are
# consumed". Of ten tokens five may be taken with leave=5, six not. consume() with leave waits until there are n + m.
# Happens: the tokens before are compared with leave, not those after: with leave=5, any number up to all ten can be taken, as long as
# more than five were there. With leave=2 and exactly two left, one is refused, as it should be. consume() reckons its waiting time from
# n alone: if there are enough for n, but no more than leave, it does not sleep, but asks the database again and again without a
# pause, each time with a write lock.
# Hurts: background jobs that must leave tokens for interactive ones, which is what leave is for: they take them all; and while they wait
# they keep a core and the file's lock busy.
# Way out: try_consume(n + m) first, then give m back with set(); or two buckets.
set -euo pipefail
dir=$(mktemp -d)
trap 'rm -rf "$dir"' EXIT
cd "$dir"
python3 -m venv env
env/bin/pip install -q --disable-pip-version-check tbucket==1.1.0 apsw==3.46.1.0
env/bin/python - <<'PYTHON'
import importlib.metadata
import time

import tbucket
from tbucket import TimeSeriesTokenBucket, TokenBucket

print("tbucket", importlib.metadata.version("tbucket"))
for kind in (TokenBucket, TimeSeriesTokenBucket):
    for number, leave, succeeds in ((5, 5, True), (6, 5, True), (8, 5, True), (10, 9, True), (1, 10, False)):
        bucket = kind(f"{kind.__name__}{number}.sqlite", "key", rate=10, period=3600)
        success, left, *_ = bucket.try_consume(number, leave=leave)
        print(f"{kind.__name__}: ten tokens, {number} with leave={leave}: {success}, {left:.0f} are left")
        assert success == succeeds
        assert round(left) == (10 - number if success else 10)

# Ten tokens a second; five are there; six more have to come before one can be taken with leave=10.
bucket = TokenBucket("wait.sqlite", "key", rate=20, period=2)
bucket.set(5)
asked = slept = 0
tried, sleep = bucket.try_consume, time.sleep


def counted(*arguments, **options):
    global asked
    asked += 1
    return tried(*arguments, **options)


def counted_sleep(seconds):
    global slept
    slept += 1
    sleep(seconds)


bucket.try_consume = counted
tbucket.time.sleep = counted_sleep
start = time.monotonic()
bucket.consume(1, leave=10)
print(f"consume(1, leave=10) with five there: asked {asked} times in {time.monotonic() - start:.1f} s, slept {slept} times")
assert asked > 2 and slept == 0
print("as described: what is left is not looked at")
PYTHON
