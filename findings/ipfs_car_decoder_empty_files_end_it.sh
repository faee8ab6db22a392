#!/usr/bin/env bash
# ipfs-car-decoder (Python): an empty file in a CAR ends the unpacking, and what comes after it is missing.
#
# Guess: write_car_filesystem_to_path() unpacks what ipfs-car packs: the folder is the same again. Folders with an empty file, such as
# .nojekyll, .gitkeep or __init__.py, are usual.
# Happens: an empty file is a block of no bytes (as ipfs-car, Helia and kubo with raw leaves write it). The reader of streams refuses to read
# nothing ("only positive slices are allowed"), so unpacking ends with an error in the middle: files before it, in the order of
# the folder, are there, those after it are not. stream_bytes() of the empty file fails in the same way.
# Hurts: who unpacks sites, packages and data sets from IPFS in Python: most work, one with an empty file comes out in part; where the
# error is logged and swallowed, it looks complete.
# Way out: another unpacker (ipfs-car unpack); or a subclass of the stream whose read_bytes(0) returns b"".
set -euo pipefail
dir=$(mktemp -d)
trap 'rm -rf "$dir"' EXIT
cd "$dir"
python3 -m venv env
env/bin/pip install -q --disable-pip-version-check ipfs-car-decoder==0.1.1 unix-fs-exporter==0.2.0 multiformats==0.3.1.post4 dag-cbor==0.3.3
npm install --silent --no-audit --no-fund --ignore-scripts ipfs-car@3.1.0 >/dev/null 2>&1
mkdir -p full/sub with/sub
for folder in full with; do
    echo first >"$folder/a.txt"
    echo last >"$folder/sub/z.txt"
    echo some >"$folder/empty.txt"
done
: >with/empty.txt
for folder in full with; do
    node node_modules/ipfs-car/bin.js pack "$folder" --no-wrap --output "$folder.car" | tail -1 >"$folder.root"
    node node_modules/ipfs-car/bin.js unpack "$folder.car" --output "$folder.again"
    diff -r "$folder" "$folder.again" # ipfs-car reads what it wrote
done
cat >try.py <<'PYTHON'
import asyncio
import importlib.metadata
import os

from ipfs_car_decoder import FileByteStream, write_car_filesystem_to_path

print("ipfs-car-decoder", importlib.metadata.version("ipfs-car-decoder"))


async def unpack(folder):
    os.mkdir(f"{folder}.out")
    async with FileByteStream(f"{folder}.car") as stream:
        await write_car_filesystem_to_path(open(f"{folder}.root").read().strip(), stream, f"{folder}.out", name="site")


results = {}
for folder in ("full", "with"):
    error = None
    try:
        asyncio.run(unpack(folder))
    except Exception as caught:
        error = str(caught)
    files = sorted(os.path.relpath(os.path.join(at, name), f"{folder}.out/site") for at, _, names in os.walk(f"{folder}.out") for name in names)
    results[folder] = (files, error)
    print("without an empty file:" if folder == "full" else "with one:", files, error or "")
assert results["full"] == (["a.txt", "empty.txt", "sub/z.txt"], None)
assert results["with"][0] == ["a.txt"] and "positive" in results["with"][1]
print("as described: an empty file ends it")
PYTHON
env/bin/python try.py
