#!/usr/bin/env bash
# py-ulid (Python): one monotonic ULID in a thousand has the time of the one before it, though that may be days old.
#
# Guess: Monotonic "correctly detects and handles the same millisecond": within one millisecond the random part is increased,
# and otherwise the time is the current one. A ULID that is made an hour later says so, and sorts behind what others made
# in between. ULID(1469918176385), the example for a given time in milliseconds, has 26 characters.
# Happens: the time since the last one is a timedelta, of which the package takes the attribute microseconds: the part below one
# second. Whatever the hours, if it is a millisecond or less, the old time is used again. For the first one this time is
# 1970. A busy program notices nothing. And a given time is multiplied by 1,000: the example gives 27 characters, which the
# package's decode() refuses.
# Hurts: logs and ledgers that are sorted or cut by their keys: of entries made now and then, one in a thousand stands with
# the entries of yesterday, and is missing in what was read "since the last key".
set -euo pipefail
dir=$(mktemp -d)
trap 'rm -rf "$dir"' EXIT
cd "$dir"
python3 -m venv env
env/bin/pip install -q --disable-pip-version-check py-ulid==1.0.3
env/bin/python - <<'PYTHON'
import importlib.metadata
import random
from datetime import datetime, timedelta, timezone
import ulid.ulid
from ulid import ULID, Monotonic

print("py-ulid", importlib.metadata.version("py-ulid"))


class Clock(datetime):
    """A clock that stands where it is set."""

    @classmethod
    def now(cls, zone=None):
        return cls.time


def make(maker, time):
    Clock.time = time
    made = maker.generate()
    return made, datetime(1970, 1, 1, tzinfo=timezone.utc) + timedelta(milliseconds=maker.decode(made)[0])


ulid.ulid.datetime = Clock
start = datetime(2026, 1, 1, 12, 0, 0, 500_000, tzinfo=timezone.utc)
maker = Monotonic()
first, _ = make(maker, start)
for later in (timedelta(hours=1, microseconds=400), timedelta(days=3, microseconds=900), timedelta(days=3, microseconds=1100)):
    made, says = make(maker, start + later)
    between = make(Monotonic(), start + timedelta(minutes=30))[0]
    print(f"made {later} later: {made} says {says - start} later")
    assert made > first and (says == start) == (later.microseconds <= 1000) == (made < between)

made, says = make(Monotonic(), start.replace(microsecond=700))
print(f"the first one of a program, 0.7 ms after a full second: {made} says {says}")
assert says.year == 1970

random.seed(1)
maker, time, old, count = Monotonic(), start, 0, 50_000
for _ in range(count):
    time += timedelta(microseconds=random.randrange(10**6, 3600 * 10**6))
    old += time - make(maker, time)[1] > timedelta(seconds=0.5)
print(f"{old} of {count}, made at random moments, have an old time")
assert 25 <= old <= 100

given = ULID(1469918176385).generate()
print("ULID(1469918176385):", given, "with", len(given), "characters")
assert len(given) == 27
try:
    raise SystemExit(f"it is decoded: {ULID().decode(given)}")
except ValueError as error:
    print("decode():", error)
print("as described: whole seconds are not counted")
PYTHON
