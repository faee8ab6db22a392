#!/usr/bin/env bash
# The Python package tdigest puts low percentiles below the smallest value, so that some messages arrive before they are sent.
#
# Guess: a t-digest is exact at both ends and interpolates between its centroids: each percentile lies between the minimum and
# the maximum, and they rise with p.
# Happens: below the middle of the first centroid the line through the first two is drawn on to the left. Of 5, 5, 5 and 2,000
# ms the 1st percentile is -1,451 ms and the 25th is -493 ms, though the 0th is 5; the 50th is 503 ms, where three of four
# values are 5. At the upper end the maximum is given instead, as it should. The package fastdigest keeps to the range.
# (Negative results were reported upstream and closed as corrected; 0.5.2.2, the newest release, still has them.)
# Hurts: latency reports of few or bursty samples, a peer's round trips for one: lower percentiles and the spread between two of
# them are invented, and a timer that is set from them is negative.
set -euo pipefail
dir=$(mktemp -d)
trap 'rm -rf "$dir"' EXIT
cd "$dir"
python3 -m venv env
env/bin/pip install -q --disable-pip-version-check tdigest==0.5.2.2 fastdigest==0.12.0
env/bin/python - <<'PYTHON'
import importlib.metadata
import fastdigest, tdigest

for name in ("tdigest", "fastdigest"):
    print(name, importlib.metadata.version(name))
points = (0, 1, 10, 25, 50, 90, 100)

def with_tdigest(values):
    digest = tdigest.TDigest()
    for value in values:
        digest.update(value)
    return [round(digest.percentile(p), 1) for p in points]

def with_fastdigest(values):
    digest = fastdigest.TDigest.from_values(values)
    return [round(digest.percentile(p), 1) for p in points]

print("percentiles", *points)
for values in ([5.0, 5.0, 5.0, 2000.0], [10.0, 1000.0], [10.0, 12.0, 900.0]):
    low, other = with_tdigest(values), with_fastdigest(values)
    print(f"{values}:\n  tdigest    {low}\n  fastdigest {other}")
    assert low[0] == min(values) and low[1] < min(values), "it keeps to the range"
    assert min(other) >= min(values) and max(other) <= max(values) and other == sorted(other)
assert [int(value) for value in with_tdigest([5.0, 5.0, 5.0, 2000.0])][1:5] == [-1451, -1092, -493, 503]
print("as described: below the minimum")
PYTHON
