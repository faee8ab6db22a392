#!/usr/bin/env bash
# hlcpy (Python): stamps of a hybrid logical clock are reversed, or become equal, when they are written as bytes.
#
# Guess: to_bytes() has milliseconds and the logical counter, "as per standard": the counter counts events within a millisecond.
# A stamp may lose digits in it, and keeps its place before or after others.
# Happens: in memory the clock has nanoseconds, and the counter goes back to 0 as soon as a nanosecond has passed. The bytes
# keep the counter and drop the nanoseconds (rounded up). Of two events of one node within a millisecond the later one may come
# back as the earlier one, and many come back as equal, which two events of one node never are. str() keeps the order.
# Hurts: stores in which the last write wins: a node that heard from another one whose clock is a fraction of a millisecond
# ahead counts 1, 2, 3, and goes on with 0; the older value wins wherever the stamps arrive as bytes.
set -euo pipefail
dir=$(mktemp -d)
trap 'rm -rf "$dir"' EXIT
cd "$dir"
python3 -m venv env
env/bin/pip install -q --disable-pip-version-check hlcpy==0.0.2
env/bin/python - <<'PYTHON'
import importlib.metadata
import time
import hlcpy
from hlcpy import HLC

print("hlcpy", importlib.metadata.version("hlcpy"))

now = 1_800_000_000_000_100_000
time.time_ns = lambda: now  # a clock that the test moves
node, ahead = HLC(), HLC(now + 200_000)
events = []
for step in (0, 50_000, 50_000, 300_000, 100_000):
    now += step
    if not events:
        node.merge(ahead)
    else:
        node.sync()
    events.append(HLC(*node.tuple()))
received = [HLC.from_bytes(event.to_bytes()) for event in events]
for event, other in zip(events, received):
    print(f"{event.nanos % 10**6} ns, counter {event.logical}; as bytes and back: counter {other.logical} of the same millisecond")
assert all(one < other for one, other in zip(events, events[1:]))
assert len({stamp.millis for stamp in received}) == 1, "all are of one millisecond"
assert [stamp.logical for stamp in received] == [1, 2, 3, 0, 0]
texts = [HLC.from_str(str(event)) for event in events]
assert texts == events, "as text the stamps keep their order"
print("in memory and as text, each is later than the one before; as bytes:",
      ["earlier" if b < a else "equal" if a == b else "later" for a, b in zip(received, received[1:])])
assert received[3] < received[2] and received[3] == received[4]
print("as described: bytes reverse events")
PYTHON
