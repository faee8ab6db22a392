#!/usr/bin/env bash
# cuckoo_filter (Python): it never moves an entry to its other bucket, but raises TypeError; a large one is full at a third.
#
# Guess: as in the paper (Fan and others, 2014), an entry whose two buckets are full drives another out into that one's other bucket, up
# to max_swaps=100 times, so that buckets of five fill to 95 per cent or so; after that comes its own error, "hit the max swap limit".
# Happens: the line that begins the moving asks random.choice() for one of two indices given as two arguments, which raises TypeError. The
# filter takes entries until the first finds both its buckets full: of 50 places 37, of 5,000 places 1,668. Nothing is lost.
# Hurts: gossip and mempool filters sized by the usual factor: well in tests with few entries, TypeError out of insert() under load, at
# different numbers for different sizes (the larger the filter, the earlier in proportion).
# Way out: three times the places and more, or catch TypeError as "full".
set -euo pipefail
dir=$(mktemp -d)
trap 'rm -rf "$dir"' EXIT
cd "$dir"
python3 -m venv env
env/bin/pip install -q --disable-pip-version-check cuckoo_filter==1.0.6 mmh3==5.3.1
env/bin/python - <<'PYTHON'
import importlib.metadata

from cuckoo_filter import CuckooFilter

print("cuckoo_filter", importlib.metadata.version("cuckoo_filter"))
seen = []
for table_size in (10, 100, 1000):
    store = CuckooFilter(table_size=table_size, bucket_size=5, max_swaps=100)
    count = 0
    try:
        while count < table_size * 5:
            store.insert(f"item{count}")
            count += 1
        error = None
    except Exception as raised:
        error = raised
    print(f"{table_size * 5} places: {count} entries ({store.load_factor():.0%}), then {error!r}")
    assert type(error) is TypeError and "choice" in str(error)
    assert all(f"item{n}" in store for n in range(count))
    seen.append(count)
assert seen[0] == 37 and seen[2] == 1668 and seen[1] < 400, seen
print("as described: the first entry that needs room raises TypeError")
PYTHON
