#!/usr/bin/env bash
# bloomtime (Python): a full filter says of three absent keys of four that it has them, with an error rate of 0.01; and it forgets keys.
#
# Guess: BloomTime(capacity, error_rate) is a "Bloom filter with optional TTL": with as many keys as its capacity, one absent key in a
# hundred is taken for present, and a key that was set is always found until its time is over.
# Happens: nine places are looked at, but the answer is that of the value that is there most often, not of all nine. A key is present as
# soon as more of its places have one same time than have nothing: of filters filled to their capacity that is three of four
# absent keys. And a place is overwritten by each later key, also with an earlier time: of 5,000 keys set for ever some
# hundred are left when 15,000 others were set for a second and that second is over.
# Hurts: who keeps in it what was seen or done already (messages, addresses, payments): most of what is new is taken for seen. The two
# or three keys of a test are right, since the filter is empty then.
set -euo pipefail
dir=$(mktemp -d)
trap 'rm -rf "$dir"' EXIT
cd "$dir"
python3 -m venv env
env/bin/pip install -q --disable-pip-version-check bloomtime==0.3.0
PYTHONHASHSEED=1 env/bin/python - <<'PYTHON'
import importlib.metadata
import time

from bloomtime import BloomTime

print("bloomtime", importlib.metadata.version("bloomtime"))
present = {}
for share in (0.1, 0.5, 1.0):
    store = BloomTime(capacity=10_000, error_rate=0.01)
    for number in range(int(10_000 * share)):
        store.set(f"key{number}")
    assert all(f"key{number}" in store for number in range(int(10_000 * share)))
    present[share] = sum(f"absent{number}" in store for number in range(10_000)) / 10_000
    print(f"filled to {share:.0%} of its capacity: {present[share]:.1%} of absent keys are found")
assert present[0.1] < 0.02 and present[0.5] > 0.1 and present[1.0] > 0.5, present

now = 1_800_000_000
time.time = lambda: now
store = BloomTime(capacity=10_000, error_rate=0.01)
for number in range(5_000):
    store.set(f"for ever {number}")
for number in range(15_000):
    store.set(f"for a second {number}", ttl=1)
before = sum(f"for ever {number}" in store for number in range(5_000))
now += 5
after = sum(f"for ever {number}" in store for number in range(5_000))
print(f"of 5000 keys set for ever {before} are found, and {after} five seconds later")
assert before == 5_000 and after < 1_000
print("as described: the most frequent value decides")
PYTHON
