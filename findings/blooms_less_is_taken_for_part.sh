#!/usr/bin/env bash
# blooms (Python): issubset() compares bytes as numbers, so that filters without a common bit are each other's subset.
#
# Guess: a.issubset(b) says whether all that a accepts is accepted by b: each bit of a is set in b. So it is documented, "the subset
# relationship being checked is between the sets of all bytes-like objects that are accepted by each instance".
# Happens: each byte of a is compared with that of b by "<=". A filter with the bit 1 is a subset of one with the bit 2, since 1 is less
# than 2, though they have nothing in common. Of 100,000 pairs of filters of 32 bits with three entries each, 4,570 are said to be
# subsets, and 66 are. The example of the documentation, 1 and 3, is right. Never is a subset denied.
# And the union of two filters of a type made by specialize() is a plain one, which does not hash: what both sides accept, the union does
# not find.
# Hurts: peers that compare filters before they send ("do you have all that I have?"): the answer is yes, and entries are not sent.
# Way out: all(x & ~y == 0 for x, y in zip(a, b)); after a union make the type again.
set -euo pipefail
dir=$(mktemp -d)
trap 'rm -rf "$dir"' EXIT
cd "$dir"
python3 -m venv env
env/bin/pip install -q --disable-pip-version-check blooms==3.0.0
env/bin/python - <<'PYTHON'
import importlib.metadata
import random
from hashlib import sha256

from blooms import blooms

print("blooms", importlib.metadata.version("blooms"))
one, two = blooms([1]), blooms([2])
print("bits 1 and 2: subset", one.issubset(two), "- entries of the first in the second:", b"\x00" @ two)
assert one.issubset(two) and b"\x00" @ one and not b"\x00" @ two

source = random.Random(1)
said = right = denied = 0
for _ in range(100_000):
    small, large = blooms(4), blooms(4)
    for store in (small, large):
        for _ in range(3):
            store @= source.randbytes(4)
    subset = all(x & ~y == 0 for x, y in zip(small, large))
    said += small.issubset(large)
    right += subset
    denied += subset and not small.issubset(large)
print(f"of 100000 pairs {said} are said to be subsets, {right} are; {denied} are denied")
assert said > 2 * right > 0 and denied == 0

hashed = blooms.specialize("hashed", lambda entry: sha256(entry).digest()[:8])
left, other = hashed(100), hashed(100)
left @= b"anna"
other @= b"bert"
union = left | other
found = [entry @ union for entry in (b"anna", b"bert")]
print(f"union of two filters of a type with a hash: a {type(union).__name__}, entries of both sides found: {found}")
assert b"anna" @ left and b"bert" @ other and found == [False, False]
print("as described: less is taken for part")
PYTHON
