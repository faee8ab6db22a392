#!/usr/bin/env bash
# qborsh (Python, in C): maps and sets are written in a form of its own, and a map within a map cannot be read again.
#
# Guess: "an optimized Borsh library": a map is its number of entries and then, sorted by key, each key and value as they are (Borsh's
# specification, and the crate). A map of maps comes back.
# Happens: each key, each value and each element has four more bytes in front, its length, and they stand in the order of insertion: {1: 2}
# of u8 is 01000000 01000000 01 01000000 02 instead of 01000000 01 02. What the crate or borsh-construct wrote cannot be read. For a
# map or set within a map one buffer is used for the inner and the outer value: what is written of {1: {2: 3}} it cannot read
# itself. Numbers, texts, lists, arrays, options and structs are right.
# Hurts: clients of Solana and NEAR in Python: accounts with a map are refused or misread, and what is signed is not what the program
# reads; the package reads its own flat maps, so its tests pass.
set -euo pipefail
dir=$(mktemp -d)
trap 'rm -rf "$dir"' EXIT
cd "$dir"
python3 -m venv env
env/bin/pip install -q --disable-pip-version-check qborsh==1.0.1 borsh-construct==0.1.0
env/bin/python - <<'PYTHON'
import importlib.metadata

import borsh_construct as reference
import qborsh

print("qborsh", importlib.metadata.version("qborsh"))
numbers = qborsh.Vector[qborsh.U8].encode([1, 2])
assert numbers == reference.Vec(reference.U8).build([1, 2])


def show(name, own, other):
    print(f"{name}: qborsh {own.hex(' ', 4)}, borsh-construct {other.hex(' ', 4)}")
    return own.hex(), other.hex()


flat = qborsh.Map[qborsh.U8, qborsh.U8]
assert show("{1: 2}", flat.encode({1: 2}), reference.HashMap(reference.U8, reference.U8).build({1: 2})) == (
    "01000000" "01000000" "01" "01000000" "02", "01000000" "01" "02")
assert show("{9}", qborsh.Set[qborsh.U8].encode({9}), reference.HashSet(reference.U8).build({9})) == (
    "01000000" "01000000" "09", "01000000" "09")
assert flat.decode(flat.encode({2: 1, 1: 2})) == {2: 1, 1: 2}
assert flat.encode({2: 1, 1: 2}) != flat.encode({1: 2, 2: 1})

nested = qborsh.Map[qborsh.U8, flat]
try:
    print(nested.decode(nested.encode({1: {2: 3}})))
    raise SystemExit("a map of maps comes back")
except RuntimeError as error:
    print("{1: {2: 3}} of", nested.encode({1: {2: 3}}).hex(), "-", error)
listed = qborsh.Vector[flat]
assert listed.decode(listed.encode([{1: 2}, {3: 4}])) == [{1: 2}, {3: 4}]
print("as described: maps and sets are not Borsh's")
PYTHON
