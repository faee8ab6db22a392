#!/usr/bin/env bash
# okbloomer (Python): its bound of one false answer in a hundred is passed thirteen times over.
#
# Guess: the filter has a "bounded maximum false positive rate": it adds a layer before the rate passes max_false_positive_rate, 0.01 by
# default, and false_positive_rate tells the present estimate.
# Happens: each of the four hash functions should have a quarter of the bits for itself. The place within the quarter is multiplied by the
# function's number instead of being moved to its quarter: the first has the first quarter, the second every other bit of the first
# half, and so on, so that they share bits and a part of the layer is never used. The filter counts the set bits against all
# bits: when a layer is full by its count, 0.01 by its own estimate, thirteen absent keys in a hundred are found.
# Hurts: who sized a check (was this URL fetched, this message passed on, this address paid) for one error in a hundred: many times as
# many are left out, and the number that the filter reports about itself is right below the bound.
set -euo pipefail
dir=$(mktemp -d)
trap 'rm -rf "$dir"' EXIT
cd "$dir"
python3 -m venv env
env/bin/pip install -q --disable-pip-version-check okbloomer==0.0.4 "numpy<2" nptyping==2.5.0 mmh3==5.1.0
env/bin/python - <<'PYTHON'
import importlib.metadata

from okbloomer import BloomFilter

print("okbloomer", importlib.metadata.version("okbloomer"))
rates = {}
for hashes in (1, 4):
    store = BloomFilter(max_false_positive_rate=0.01, num_hashes=hashes, layer_size=400_000)
    count = 0
    while store.num_layers == 1:
        store.insert(f"key{count}")
        count += 1
        if store.num_layers == 1:
            estimate = store.false_positive_rate
    assert all(store.exists(f"key{number}") for number in range(count))
    rates[hashes] = sum(store.exists(f"absent{number}") for number in range(50_000)) / 50_000
    print(f"{hashes} hash functions: layer full after {count} keys, own estimate {estimate:.4f}, found of absent keys {rates[hashes]:.4f}")
    assert 0.0095 < estimate <= 0.01
assert rates[1] < 0.012 and 0.12 < rates[4] < 0.15
print("as described: the functions are in each other's way")
PYTHON
