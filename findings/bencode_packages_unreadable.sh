#!/usr/bin/env bash
# Three bencode packages of Python write, without an error, what neither they nor anybody else can read.
#
# Guess: BEP 3 knows integers and byte strings. True is an integer in Python, so that it becomes i1e or is refused; text becomes
# its bytes in UTF-8 with their number in front, or is refused. What a package writes it reads again.
# Happens: flatbencode and bcoding write True as "iTruee". bencoder.pyx takes text (`bencode("WWWWWW")` is its documented
# example) and counts characters instead of bytes: "é" becomes 1: and two bytes. In dictionaries it counts keys rightly and
# values wrongly. Each of the three refuses its own output, and fastbencode refuses it too.
# Hurts: makers of torrents and of messages between nodes: {"private": True} and a name with an accent are accepted, signed,
# hashed and sent, and the error appears at the receiver.
set -euo pipefail
dir=$(mktemp -d)
trap 'rm -rf "$dir"' EXIT
cd "$dir"
python3 -m venv env
env/bin/pip install -q --disable-pip-version-check flatbencode==0.2.1 bcoding==1.5 bencoder.pyx==3.0.3 fastbencode==0.3.12
env/bin/python - <<'PYTHON'
import importlib.metadata
import bcoding, bencoder, fastbencode, flatbencode

for name in ("flatbencode", "bcoding", "bencoder.pyx", "fastbencode"):
    print(name, importlib.metadata.version(name))

def refuses(decode, written):
    try:
        decode(written)
    except Exception:
        return True
    return False

cases = [
    (flatbencode.encode, flatbencode.decode, {b"private": 1}, {b"private": True}, b"d7:privateiTrueee"),
    (bcoding.bencode, bcoding.bdecode, {"private": 1}, {"private": True}, b"d7:privateiTrueee"),
    (bencoder.bencode, bencoder.bdecode, {"name": "e"}, {"name": "é"}, b"d4:name1:\xc3\xa9e"),
    (bencoder.bencode, bencoder.bdecode, ["hello"], ["héllo", 1], b"l5:h\xc3\xa9lloi1ee"),
]
for encode, decode, usual, value, expected in cases:
    written = encode(value)
    print(f"{encode.__module__}: {value} is written as {written}")
    assert written == expected
    for read in (decode, fastbencode.bdecode):
        assert not refuses(read, encode(usual)) and refuses(read, written)
assert bencoder.bencode({"é": 1}) == b"d2:\xc3\xa9i1ee"
assert fastbencode.bencode({b"private": True}) == b"d7:privatei1ee"
print("as described: nobody reads it")
PYTHON
