#!/usr/bin/env bash
# benparse (Python): True is written as the word "True", which no reader of bencode takes, benparse included.
#
# Guess: dumps({"private": True}) writes the number 1, "d7:privatei1ee", as True is the number 1 in Python and torrents mark private ones
# so; or it raises TypeError, which is documented for types that bencode does not have.
# Happens: True counts as a whole number, and is written as its text: "d7:privateiTruee". loads() of the same package raises ValueError for
# it, and so do other readers. dumps() says nothing, skipinvalid=True neither.
# Hurts: makers of torrents and of DHT messages with a flag out of a configuration or of JSON: the file is written, its info hash is
# published, and no client can read it. A test that compares Python values before writing sees nothing.
# Way out: int(flag).
set -euo pipefail
dir=$(mktemp -d)
trap 'rm -rf "$dir"' EXIT
cd "$dir"
python3 -m venv env
env/bin/pip install -q --disable-pip-version-check benparse==1.0.2 bencodepy==0.9.5
env/bin/python - <<'PYTHON'
import importlib.metadata

import bencodepy
import benparse

print("benparse", importlib.metadata.version("benparse"), "bencodepy", importlib.metadata.version("bencodepy"))
torrent = {"info": {"length": 5, "name": "note.txt", "piece length": 16384, "private": True}}
for skip in (False, True):
    written = benparse.dumps(torrent, skipinvalid=skip)
    print(f"skipinvalid={skip}: {written}")
    assert b"7:privateiTruee" in written
for name, read in (("benparse", benparse.loads), ("bencodepy", bencodepy.decode)):
    try:
        raise SystemExit(f"{name} reads {read(written)}")
    except Exception as error:
        print(f"{name} reads it: {error!r}")
torrent["info"]["private"] = int(torrent["info"]["private"])
assert benparse.loads(benparse.dumps(torrent))[b"info"][b"private"] == 1
assert benparse.dumps(False) == b"iFalsee"
print("as described: a word where a number belongs")
PYTHON
