#!/usr/bin/env bash
# base58_encoded (Python): numbers above 2^53 come back as others, and from 2^62 on most raise IndexError.
#
# Guess: encode() turns a whole number into base 58, decode() turns it back; Python's whole numbers have no bounds, and digits are taken
# by whole division and remainder.
# Happens: it divides with "/", which has given floats since Python 3, and takes the remainder from the rounded quotient. Up to 2^53 that
# is right. Above it the last digits may be others (58 too much), from about 2^60 on a remainder is below zero or above 57: below zero it
# takes a digit from the alphabet's end, above it raises IndexError. encode(0) is "", which decodes to 0.
# Hurts: short links made of 64-bit ids (Mastodon's and Discord's, a database's random keys, nanoseconds since 1970): of those with 57
# bits one in seven leads to another entry, with no error; ids counted from 1, and tests, are right.
set -euo pipefail
dir=$(mktemp -d)
trap 'rm -rf "$dir"' EXIT
cd "$dir"
python3 -m venv env
env/bin/pip install -q --disable-pip-version-check base58-encoded==0.1
env/bin/python - <<'PYTHON'
import importlib.metadata
import random

from base58_encoded import decode, encode

print("base58_encoded", importlib.metadata.version("base58-encoded"))
source = random.Random(1)
shares = {}
for bits in (32, 53, 57, 60, 64):
    counts = {"right": 0, "another": 0, "IndexError": 0}
    for _ in range(2000):
        number = source.getrandbits(bits) | 1 << (bits - 1)
        try:
            counts["right" if decode(encode(number)) == number else "another"] += 1
        except IndexError:
            counts["IndexError"] += 1
    print(f"2000 numbers of {bits} bits:", counts)
    shares[bits] = counts
assert shares[32]["right"] == shares[53]["right"] == 2000
assert shares[57]["another"] > 150 and shares[57]["IndexError"] == 0
assert shares[60]["another"] > 500 and shares[60]["IndexError"] > 50
assert shares[64]["IndexError"] > 1500
for number in (1000000000000000001, 1748000000123456789):
    text = encode(number)
    print(number, "->", text, "->", decode(text))
    assert decode(text) == number + 58
assert encode(0) == "" and decode("") == 0
print("as described: right up to 2^53 only")
PYTHON
