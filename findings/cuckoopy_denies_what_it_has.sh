#!/usr/bin/env bash
# cuckoopy (Python): a cuckoo filter that denies items which were inserted, and says that all went well.
#
# Guess: a cuckoo filter may say yes for what is not in it, never no for what is. insert() returns True, or raises when it finds no room.
# Happens: when both places of an item are taken, it puts another one out and looks for its second place. If that is taken too, it
# goes on with the item that came first instead of the one that was put out last: this one is lost, and the new one is
# stored several times. And the second place is computed from the first in a way that leads back only if the capacity is a power of two.
# With 1,024 buckets of four, a few of 2,500 items are denied, and 240 of 3,500, although size is 3,500. Half full, all are found.
# Hurts: filters of known transactions, spent coins or visited pages: what is in it counts as new, once the filter fills. delete() of
# such an item returns False, and the copies of others stay.
set -euo pipefail
dir=$(mktemp -d)
trap 'rm -rf "$dir"' EXIT
cd "$dir"
python3 -m venv env
env/bin/pip install -q --disable-pip-version-check cuckoopy==0.1.1
env/bin/python - <<'PYTHON'
import importlib.metadata
import random

from cuckoopy import CuckooFilter

print("cuckoopy", importlib.metadata.version("cuckoopy"))
random.seed(1)


def denied(capacity, count):
    cuckoo = CuckooFilter(capacity=capacity, bucket_size=4, fingerprint_size=2)
    items = [f"item {n}" for n in range(count)]
    assert all(cuckoo.insert(item) for item in items)
    assert cuckoo.size == count
    missing = sum(not cuckoo.contains(item) for item in items)
    print(f"{capacity} buckets of four with {count} items: {missing} are denied")
    return missing


assert denied(1024, 1000) == 0
assert denied(1024, 3500) > 50
assert denied(1000, 3400) > 50
print("as described: items are lost while others are moved")
PYTHON
