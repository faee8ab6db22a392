#!/usr/bin/env bash
# rocksdict (Python): keys that are fractions stand in the wrong order below zero, those that are integers in the right one.
#
# Guess: RocksDB is ordered, and rocksdict brings its keys into a form whose bytes sort as the keys do: integers do, negative ones
# and those of a thousand digits too. Fractions then sort as well, and keys(from_key=x) gives those from x on.
# Happens: a fraction's key is its eight bytes as they are, sign first. Negative ones stand behind all positive ones, the largest
# in front: 0.0, 0.5, 100.0, -0.0, -0.5, -2.0. From -1.0 on there is -2.0 alone. delete_range(-1.0, 1.0) raises "end key comes
# before start key", and from then on each write, flush() and close() raises the same, until the store is opened anew.
# 0.0 and -0.0 are two keys, as are 1, 1.0 and True, which are one key in a dict.
# Hurts: whoever keeps changes of prices, offsets of clocks or differences of balances by their size: a range about zero is empty or
# wrong, the smallest value is the last, and one range ends all writing. With positive numbers, as in tests, all is right.
# Way out: integers in the smallest unit as keys.
set -euo pipefail
dir=$(mktemp -d)
trap 'rm -rf "$dir"' EXIT
cd "$dir"
python3 -m venv env
env/bin/pip install --quiet --disable-pip-version-check rocksdict==0.3.29
cat >finding.py <<'PY'
import random
from importlib.metadata import version

from rocksdict import Rdict

print("rocksdict", version("rocksdict"))
draw = random.Random(7)

integers = Rdict("integers")
wanted = set()
for bits in range(1, 400):
    number = draw.getrandbits(bits)
    wanted |= {number, -number}
for number in wanted:
    integers[number] = None
print(f"{len(wanted)} integers of up to 400 bits, half of them negative, in order:", list(integers.keys()) == sorted(wanted))
assert list(integers.keys()) == sorted(wanted)
assert list(integers.keys(from_key=-1)) == [number for number in sorted(wanted) if number >= -1]
integers.close()

fractions = Rdict("fractions")
for number in (0.5, -2.0, 100.0, 0.0, -0.5, -0.0):
    fractions[number] = None
keys = list(fractions.keys())
print("fractions:", keys)
assert [str(key) for key in keys] == ["0.0", "0.5", "100.0", "-0.0", "-0.5", "-2.0"]
print("from -1.0 on:", list(fractions.keys(from_key=-1.0)))
assert list(fractions.keys(from_key=-1.0)) == [-2.0]
calls = {
    "delete_range(-1.0, 1.0)": lambda: fractions.delete_range(-1.0, 1.0),
    "a write after that": lambda: fractions.put(3.0, None),
    "flush()": fractions.flush,
    "close()": fractions.close,
}
for name, call in calls.items():
    try:
        call()
        message = "no error"
    except Exception as error:
        message = str(error)
    print(f"{name}: {message}")
    assert "end key comes before start key" in message
del fractions, calls, call
fractions = Rdict("fractions")
fractions[3.0] = None
assert sorted(fractions.keys()) == [-2.0, -0.5, 0.0, 0.0, 0.5, 3.0, 100.0]
fractions.close()

mixed = Rdict("mixed")
mixed[1], mixed[1.0], mixed[True] = "integer", "fraction", "truth"
print("values of 1, 1.0 and True:", mixed[1], mixed[1.0], mixed[True])
assert (mixed[1], mixed[1.0], mixed[True]) == ("integer", "fraction", "truth")
mixed.close()
print("as described: below zero fractions run backwards")
PY
env/bin/python finding.py
