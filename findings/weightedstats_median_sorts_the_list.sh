#!/usr/bin/env bash
# weightedstats (Python): after median(data), the weighted median and mean of the same data are others.
#
# Guess: median() gives a number and leaves the list alone, as mean() and Python's statistics.median() do. The package's own
# example calls mean, median, weighted_mean and weighted_median with one list, in this order.
# Happens: median() sorts the list that it is given. The weights, in a list of their own, no longer belong to the values beside
# them, and each later weighted result is wrong without an error. In the example the data happen to be sorted.
# Hurts: fee estimates, prices and votes by stake that show the median beside the weighted one: the result depends on which of
# the two is asked first.
set -euo pipefail
dir=$(mktemp -d)
trap 'rm -rf "$dir"' EXIT
cd "$dir"
python3 -m venv env
env/bin/pip install -q --disable-pip-version-check weightedstats==0.4.1
env/bin/python - <<'PYTHON'
import importlib.metadata
import weightedstats

print("weightedstats", importlib.metadata.version("weightedstats"))
fees, sizes = [50, 1, 20], [250, 90_000, 250]  # satoshi per byte, and bytes paid at that rate

def weighted():
    return weightedstats.weighted_median(fees, sizes), round(weightedstats.weighted_mean(fees, sizes), 1)

before = weighted()
median = weightedstats.median(fees)
after = weighted()
print(f"weighted median and mean: {before}; after median() = {median}: {after}, and the list is {fees}")
assert (before, median, after) == ((1, 1.2), 20, (20, 20.0))
assert fees == [1, 20, 50]
print("as described: median() sorts the list")
PYTHON
