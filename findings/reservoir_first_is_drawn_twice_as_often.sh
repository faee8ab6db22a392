#!/usr/bin/env bash
# reservoir (Python): the first of a stream is drawn twice as often as any other.
#
# Guess: UniformSampler(size) holds a uniform sample of what it was fed: with size 1, each of 100 items is the one held in the end with a
# probability of one in a hundred.
# Happens: the n-th item should replace one that is held with the probability size / n. The number is drawn from 0 to n with both ends, one
# too many, so that it is size / (n + 1): the second item comes in for one in three, not for one in two. What was there first has an
# advantage that never goes away: with size 1 the first of 100 is drawn for 2 in 101, the others for 1 in 101; with size 10 each of the
# first ten is drawn a tenth too often.
# Hurts: samples of size one or few: a random peer out of a stream of peers, a transaction to audit, a log line: the oldest is favoured,
# and with few items most of all: of two peers the first has two thirds of the load.
# Way out: random.choice() of a list, or randint(0, n - 1) oneself.
set -euo pipefail
dir=$(mktemp -d)
trap 'rm -rf "$dir"' EXIT
cd "$dir"
python3 -m venv env
env/bin/pip install -q --disable-pip-version-check Reservoir==0.1.1
env/bin/python - <<'PYTHON'
import collections
import importlib.metadata
import random

from reservoir.reservoir import UniformSampler

print("Reservoir", importlib.metadata.version("Reservoir"))
random.seed(1)
rounds = 60_000
for size, items in ((1, 2), (1, 10), (5, 10)):
    counts = collections.Counter()
    for _ in range(rounds):
        counts.update(UniformSampler(size).stream_sample(range(items)))
    shares = [counts[item] / rounds for item in range(items)]
    print(f"{size} of {items}: drawn with {' '.join(f'{share:.3f}' for share in shares)}, right would be {size / items:.3f}")
    for item, share in enumerate(shares):
        expected = (size + 1 if item < size else size) / (items + 1)
        assert abs(share - expected) < 0.01, (share, expected)
print("as described: those who came first stay longer")
PYTHON
