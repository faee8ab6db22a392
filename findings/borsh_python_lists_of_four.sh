#!/usr/bin/env bash
# borsh-python reads a list rightly only if it has four elements, and writes an optional value rightly only once.
#
# Guess: deserialize() gives back what serialize() got, with the same schema; the documentation shows it with the list [1, 2, 3,
# 4]. An option is one byte, 01 for "there", and its value, each time.
# Happens: after the number of elements, which takes four bytes, the reader goes on as many bytes as there are elements. [1, 2,
# 3] comes back as [0, 1, 2] and [7] as [0], without an error; five or more elements end in IndexError, or are read from the
# fields behind them. serialize() changes the schema that it is given: the second time the byte 01 is missing, and a
# value that is not there raises KeyError. The bytes that it writes for lists are right, as borsh-construct reads them.
# Hurts: who reads transactions or accounts of NEAR and Solana: the first elements are the bytes of the number itself. A program
# that writes two messages with one schema writes a second one that nobody can read.
set -euo pipefail
dir=$(mktemp -d)
trap 'rm -rf "$dir"' EXIT
cd "$dir"
python3 -m venv env
env/bin/pip install -q --disable-pip-version-check borsh-python==0.1.5
python3 -m venv other
other/bin/pip install -q --disable-pip-version-check borsh-construct==0.1.0
env/bin/python - <<'PYTHON' | tee written
import importlib.metadata
import borsh
from borsh import types

print("borsh-python", importlib.metadata.version("borsh-python"))
SHORT = {1: [0], 2: [0, 0], 3: [0, 1, 2]}
schema = borsh.schema({"list": types.dynamic_array(types.u8), "after": types.u32})
for length in range(8):
    value = {"list": list(range(1, length + 1)), "after": 0x0D0C0B0A}
    written = borsh.serialize(schema, value)
    try:
        read = borsh.deserialize(schema, written)
    except IndexError as error:
        read = repr(error)
    print("list", written.hex(), read)
    assert (read == value) == (length == 4)
    if length in SHORT:
        assert read["list"] == SHORT[length]

option = borsh.schema({"memo": types.option(types.u8)})
first, second = borsh.serialize(option, {"memo": 5}), borsh.serialize(option, {"memo": 5})
print("option:", first.hex(), "and then", second.hex())
assert (first, second) == (b"\x01\x05", b"\x05")
try:
    raise SystemExit(f"a missing value is {borsh.serialize(option, {})}")
except KeyError as error:
    print("a missing value:", repr(error))
print("as described: only lists of four come back, and an option only once")
PYTHON
other/bin/python - written <<'PYTHON'
import importlib.metadata
import sys
from borsh_construct import CStruct, U8, U32, Vec

print("borsh-construct", importlib.metadata.version("borsh-construct"))
layout = CStruct("list" / Vec(U8), "after" / U32)
lines = [line.split() for line in open(sys.argv[1]) if line.startswith("list ")]
read = [list(layout.parse(bytes.fromhex(line[1])).list) for line in lines]
print("the same bytes:", read)
assert read == [list(range(1, length + 1)) for length in range(8)]
PYTHON
